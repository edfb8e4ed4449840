#include "api/acceptor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "api/respond.h"
#include "api/stats.h"
#include "common/base/daemon.h"
#include "common/base/log.h"

#define POLL_MS 100
#define PAUSE_MS 50            /* when a connection cannot even be refused */
#define REFUSAL_MAX 1024       /* bytes of a 503 */
#define UNREAD_MAX (64 * 1024) /* bytes of a refused request that are taken */
#define LOG_INTERVAL_MS 10000  /* between two lines about refusals */

struct acceptor {
	struct ingress *ingress;
	struct MHD_Daemon *daemon;
	int fd;
	int spare; /* an open file that is given up to refuse with when no other is left; -1: gone
		    */
	int64_t refused, logged_at_ms;
	pthread_t thread;
	atomic_bool stop;
};

static void
pause_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

/* The answer of a connection on which no request was read. */
static void
refusal_write(struct buf *buf, const char *detail)
{
	const struct refusal_info *info = problem_info(PROBLEM_OVERLOADED);
	char bytes[REFUSAL_MAX / 2], id[UUID_TEXT_SIZE];
	struct buf body = {.ptr = bytes, .capacity = sizeof(bytes), .max = sizeof(bytes)};
	struct uuid uuid;

	randombytes_buf(&uuid, sizeof(uuid));
	uuid.b[6] = (uint8_t)((uuid.b[6] & 0x0f) | 0x40);
	uuid.b[8] = (uint8_t)((uuid.b[8] & 0x3f) | 0x80);
	uuid_write(uuid, id);
	buf_printf(&body,
	    "{\"type\":\"" PROBLEM_TYPE_PREFIX "%s\",\"title\":\"%s\",\"status\":%d,"
	    "\"detail\":\"%s\",\"instance\":\"/\",\"request_id\":\"%s\"}",
	    info->slug, info->title, info->http_status, detail, id);
	CHECK(!body.overflow);
	buf_printf(buf,
	    "HTTP/1.1 %d Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
	    "X-Request-Id: %s\r\nContent-Type: " PROBLEM_TYPE "\r\n"
	    "Content-Length: %zu\r\n\r\n%.*s",
	    info->http_status, id, body.len, STR_ARG(buf_str(&body)));
	CHECK(!buf->overflow);
}

/* Say why, and close.  What came meanwhile is taken: closed with bytes unread, the connection would
 * be reset, and some clients lose an answer by that. */
static void
refuse(struct acceptor *acceptor, int fd, const char *detail)
{
	char bytes[REFUSAL_MAX], unread[4096];
	struct buf buf = {.ptr = bytes, .capacity = sizeof(bytes), .max = sizeof(bytes)};
	int64_t now_ms = clock_steady_ms();
	ssize_t len = 1;

	refusal_write(&buf, detail);
	(void)!send(fd, buf.ptr, buf.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_WR);
	for (size_t taken = 0; len > 0 && taken < UNREAD_MAX; taken += (size_t)len)
		len = recv(fd, unread, sizeof(unread), MSG_DONTWAIT);
	close(fd);

	stats_count(acceptor->ingress->stats, STAT_CONNECTION_REFUSED);
	acceptor->refused++;
	if (acceptor->logged_at_ms != 0 && now_ms - acceptor->logged_at_ms < LOG_INTERVAL_MS)
		return;
	log_line(LOG_WARN, "connections are refused", log_text("why", detail),
	    log_int("refused", acceptor->refused));
	acceptor->logged_at_ms = now_ms;
}

static int
spare_open(void)
{
	return eventfd(0, EFD_CLOEXEC);
}

/* The next connection, or -1. */
static int
take(const struct acceptor *acceptor, struct sockaddr_storage *ret_address, socklen_t *ret_len)
{
	*ret_len = sizeof(*ret_address);
	return accept4(
	    acceptor->fd, (struct sockaddr *)ret_address, ret_len, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/* No file is left for who waits: the spare one serves to say so.  Somebody else may be quicker to
 * use it; then this comes again. */
static void
refuse_without_file(struct acceptor *acceptor)
{
	struct sockaddr_storage address;
	socklen_t len;
	int fd;

	if (acceptor->spare >= 0)
		close(acceptor->spare);
	acceptor->spare = -1;
	fd = take(acceptor, &address, &len);
	if (fd >= 0)
		refuse(acceptor, fd, "The service has no open file left for this connection.");
	acceptor->spare = spare_open();
	if (fd < 0 || acceptor->spare < 0)
		pause_ms(PAUSE_MS);
}

static void
admit(struct acceptor *acceptor, int fd, const struct sockaddr_storage *address, socklen_t len)
{
	struct ingress *ingress = acceptor->ingress;

	if (ingress->connections >= ingress->settings->connections) {
		refuse(acceptor, fd, "The service has as many connections as it may have.");
		return;
	}
	/* Counted here and not by the event loop, which is behind: so the limit holds. */
	ingress->connections++;
	if (MHD_add_connection(acceptor->daemon, fd, (const struct sockaddr *)address, len) !=
	    MHD_YES)
		ingress->connections--;
}

/* Everybody who waits at the door. */
static void
serve_all(struct acceptor *acceptor)
{
	while (!acceptor->stop) {
		struct sockaddr_storage address;
		socklen_t len;
		int fd = take(acceptor, &address, &len);

		if (fd >= 0) {
			admit(acceptor, fd, &address, len);
		} else if (errno == EMFILE || errno == ENFILE) {
			refuse_without_file(acceptor);
		} else if (errno == ENOBUFS || errno == ENOMEM) {
			pause_ms(PAUSE_MS);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		}
		/* Else it was that one connection, which is gone. */
	}
}

static void *
acceptor_run(void *argument)
{
	struct acceptor *acceptor = argument;
	struct pollfd waiting = {.fd = acceptor->fd, .events = POLLIN};

	while (!acceptor->stop)
		if (poll(&waiting, 1, POLL_MS) > 0)
			serve_all(acceptor);
	return NULL;
}

struct acceptor *
acceptor_new(struct ingress *ingress, struct MHD_Daemon *daemon, int fd)
{
	struct acceptor *acceptor = calloc(1, sizeof(*acceptor));

	CHECK(acceptor != NULL);
	CHECK(fd >= 0);
	acceptor->ingress = ingress;
	acceptor->daemon = daemon;
	acceptor->fd = fd;
	acceptor->spare = spare_open();
	CHECK(pthread_create(&acceptor->thread, NULL, acceptor_run, acceptor) == 0);
	return acceptor;
}

void
acceptor_free(struct acceptor *acceptor)
{
	if (acceptor == NULL)
		return;
	acceptor->stop = true;
	pthread_join(acceptor->thread, NULL);
	close(acceptor->fd);
	if (acceptor->spare >= 0)
		close(acceptor->spare);
	free(acceptor);
}
