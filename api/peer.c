#include "api/peer.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

#include "common/base/daemon.h"

#define SWEEP_INTERVAL_MS 250

struct peer {
	int fd; /* -1: not used; under the lock of its peers */
	atomic_int_fast64_t deadline_ms;
	struct peer *next; /* while it is not used */
};

struct peers {
	pthread_mutex_t lock;
	pthread_cond_t stop_asked;
	pthread_t thread;
	bool stop;
	size_t max;
	struct peer *free;
	struct peer items[];
};

/* Shut down what is over its time.  The lock keeps a socket's number from being another's. */
static void
sweep(struct peers *peers)
{
	int64_t now_ms = clock_steady_ms();

	for (size_t i = 0; i < peers->max; i++) {
		struct peer *peer = &peers->items[i];

		if (peer->fd < 0 || peer->deadline_ms > now_ms)
			continue;
		shutdown(peer->fd, SHUT_RDWR);
		peer->deadline_ms = PEER_NO_DEADLINE;
	}
}

static void *
peers_run(void *argument)
{
	struct peers *peers = argument;

	pthread_mutex_lock(&peers->lock);
	while (!peers->stop) {
		struct timespec until;

		sweep(peers);
		until = clock_steady_after(SWEEP_INTERVAL_MS);
		pthread_cond_timedwait(&peers->stop_asked, &peers->lock, &until);
	}
	pthread_mutex_unlock(&peers->lock);
	return NULL;
}

struct peers *
peers_new(size_t max)
{
	struct peers *peers = calloc(1, sizeof(*peers) + max * sizeof(struct peer));
	pthread_condattr_t attributes;

	CHECK(peers != NULL);
	peers->max = max;
	for (size_t i = max; i > 0; i--) {
		struct peer *peer = &peers->items[i - 1];

		peer->fd = -1;
		peer->next = peers->free;
		peers->free = peer;
	}
	CHECK(pthread_mutex_init(&peers->lock, NULL) == 0);
	CHECK(pthread_condattr_init(&attributes) == 0);
	CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
	CHECK(pthread_cond_init(&peers->stop_asked, &attributes) == 0);
	pthread_condattr_destroy(&attributes);
	CHECK(pthread_create(&peers->thread, NULL, peers_run, peers) == 0);
	return peers;
}

void
peers_free(struct peers *peers)
{
	if (peers == NULL)
		return;
	pthread_mutex_lock(&peers->lock);
	peers->stop = true;
	pthread_cond_signal(&peers->stop_asked);
	pthread_mutex_unlock(&peers->lock);
	pthread_join(peers->thread, NULL);
	pthread_cond_destroy(&peers->stop_asked);
	pthread_mutex_destroy(&peers->lock);
	free(peers);
}

struct peer *
peer_open(struct peers *peers, int fd, int64_t deadline_ms)
{
	struct peer *peer;

	CHECK(fd >= 0);
	pthread_mutex_lock(&peers->lock);
	peer = peers->free;
	if (peer != NULL) {
		peers->free = peer->next;
		peer->fd = fd;
		peer->deadline_ms = deadline_ms;
	}
	pthread_mutex_unlock(&peers->lock);
	return peer;
}

void
peer_close(struct peers *peers, struct peer *peer)
{
	if (peer == NULL)
		return;
	pthread_mutex_lock(&peers->lock);
	CHECK(peer->fd >= 0);
	peer->fd = -1;
	peer->next = peers->free;
	peers->free = peer;
	pthread_mutex_unlock(&peers->lock);
}

void
peer_deadline(struct peer *peer, int64_t deadline_ms)
{
	if (peer != NULL)
		peer->deadline_ms = deadline_ms;
}

bool
peer_is_gone(const struct peer *peer)
{
	struct pollfd other = {.events = POLLRDHUP};

	if (peer == NULL)
		return false;
	/* While a request of it is suspended nothing closes it. */
	other.fd = peer->fd;
	return poll(&other, 1, 0) == 1;
}
