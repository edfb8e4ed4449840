/*
 * An HTTP client for load: many kept connections, one thread.
 *
 *   load PORT CONNECTIONS SECONDS RATE STATUS REQUEST_FILE IDS_FILE
 *
 * REQUEST_FILE holds a whole request with @ID@ in it, whose length counts as 36; each request that
 * is sent has the next of IDS_FILE's lines there.  RATE 0: each connection sends as soon as it has
 * its answer, and answers are counted after a second of warming up.  Else so many requests a second
 * are sent at their time by the plan, on a connection that is free, and timed from there: what
 * waits because everything is slow counts as slow (no coordinated omission).  An answer with
 * another status than STATUS is counted as wrong.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/base/daemon.h"
#include "tests/bench/bench.h"

#define ID_LEN ((size_t)36)
#define PLACE "@ID@"
#define ANSWER_MAX 16384
#define WARM_UP_US 1000000
#define END_US 10000000 /* for the last answers to come */
#define EVENTS_MAX 256
#define OTHER_FILES 64

struct connection {
	int fd;
	int64_t due_us; /* of the request that it waits for */
	char *request;
	size_t got;
	char answer[ANSWER_MAX];
};

struct load {
	int64_t rate;
	int status;
	struct str before, after; /* of the request, around the id */
	struct str ids;
	size_t ids_len, next_id;

	int epoll;
	size_t connections_len;
	struct connection *connections;
	/* Those that wait for nothing, a ring: the one that rests longest is next, so that the
	 * server's limit on idle connections closes none. */
	size_t free_len, free_first;
	struct connection **free;

	int64_t began_us, count_us, end_us;
	int64_t planned; /* requests that are due, or were */
	int64_t answers, wrong, waiting;
	struct bench_times times;
};

static void
request_read(struct load *load, const char *path)
{
	struct str request = bench_file(path);
	const char *place = strstr(request.ptr, PLACE);

	if (place == NULL)
		bench_die("%s has no " PLACE, path);
	load->before = (struct str){request.ptr, (size_t)(place - request.ptr)};
	load->after = str_from(place + strlen(PLACE));
}

static void
free_put(struct load *load, struct connection *connection)
{
	CHECK(load->free_len < load->connections_len);
	load->free[(load->free_first + load->free_len++) % load->connections_len] = connection;
}

static struct connection *
free_take(struct load *load)
{
	struct connection *connection = load->free[load->free_first];

	CHECK(load->free_len > 0);
	load->free_first = (load->free_first + 1) % load->connections_len;
	load->free_len--;
	return connection;
}

static void
connection_open(struct load *load, struct connection *connection, uint16_t port)
{
	const struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connection->fd < 0 ||
	    connect(connection->fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) != 0 ||
	    epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
		bench_die("a connection cannot be opened: %s", strerror(errno));
	connection->request = malloc(load->before.len + ID_LEN + load->after.len);
	CHECK(connection->request != NULL);
	memcpy(connection->request, load->before.ptr, load->before.len);
	memcpy(connection->request + load->before.len + ID_LEN, load->after.ptr, load->after.len);
	free_put(load, connection);
}

static void
send_next(struct load *load, struct connection *connection, int64_t due_us)
{
	size_t len = load->before.len + ID_LEN + load->after.len;

	memcpy(connection->request + load->before.len,
	    load->ids.ptr + load->next_id++ % load->ids_len * (ID_LEN + 1), ID_LEN);
	connection->due_us = due_us;
	connection->got = 0;
	load->waiting++;
	/* A request is small, and the socket's buffer is empty: it takes all of it. */
	if (send(connection->fd, connection->request, len, MSG_NOSIGNAL) != (ssize_t)len)
		bench_die("a request cannot be sent: %s", strerror(errno));
}

/* Whether the whole answer is there. */
static bool
is_whole(const struct connection *connection)
{
	static const char length[] = "\nContent-Length: ";
	const char *end = memmem(connection->answer, connection->got, "\r\n\r\n", 4), *at;

	if (end == NULL)
		return false;
	at = memmem(
	    connection->answer, (size_t)(end - connection->answer), length, sizeof(length) - 1);
	if (at == NULL)
		bench_die("an answer has no Content-Length: %.*s", (int)connection->got,
		    connection->answer);
	return connection->got ==
	       (size_t)(end + 4 - connection->answer) + strtoul(at + sizeof(length) - 1, NULL, 10);
}

static void
answered(struct load *load, struct connection *connection)
{
	int64_t now_us = clock_steady_us();

	load->waiting--;
	if (connection->due_us >= load->count_us ||
	    (load->rate == 0 && now_us >= load->count_us && now_us < load->end_us)) {
		load->answers++;
		/* "HTTP/1.1 202 …" */
		if (strtol(connection->answer + 9, NULL, 10) != load->status) {
			if (load->wrong++ == 0)
				fprintf(stderr, "the first wrong answer:\n%.*s\n",
				    (int)connection->got, connection->answer);
		}
		if (load->rate > 0)
			bench_times_add(&load->times, now_us - connection->due_us);
	}
	if (load->rate == 0 && now_us < load->end_us)
		send_next(load, connection, INT64_MIN);
	else
		free_put(load, connection);
}

static void
readable(struct load *load, struct connection *connection)
{
	ssize_t len = recv(connection->fd, connection->answer + connection->got,
	    ANSWER_MAX - connection->got, MSG_DONTWAIT);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0)
		bench_die("a connection was closed after %lld answers: %s",
		    (long long)load->answers, len < 0 ? strerror(errno) : "by the server");
	connection->got += (size_t)len;
	if (is_whole(connection))
		answered(load, connection);
}

/* Send what is due, as far as connections are free.  How long there is nothing to do. */
static int64_t
send_due(struct load *load)
{
	for (;;) {
		int64_t due_us = load->began_us + load->planned * 1000000 / load->rate;
		int64_t now_us = clock_steady_us();

		if (due_us >= load->end_us)
			return load->waiting > 0 ? 1000 : 0;
		if (due_us > now_us)
			return due_us - now_us;
		if (load->free_len == 0)
			return 1000;
		load->planned++;
		send_next(load, free_take(load), due_us);
	}
}

static void
run(struct load *load)
{
	struct epoll_event events[EVENTS_MAX];
	int64_t wait_us = 1000;

	load->began_us = clock_steady_us();
	load->count_us = load->began_us + WARM_UP_US;
	load->end_us += load->count_us;
	if (load->rate == 0)
		while (load->free_len > 0)
			send_next(load, free_take(load), INT64_MIN);
	do {
		int len;

		if (load->rate > 0)
			wait_us = send_due(load);
		len = epoll_pwait2(load->epoll, events, EVENTS_MAX,
		    &(struct timespec){
			.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000},
		    NULL);
		for (int i = 0; i < len; i++)
			readable(load, events[i].data.ptr);
		if (clock_steady_us() > load->end_us + END_US)
			bench_die("%lld answers did not come", (long long)load->waiting);
	} while (load->waiting > 0 || clock_steady_us() < load->end_us);
}

int
main(int argc, char **argv)
{
	struct load load = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
	struct rlimit files;
	uint16_t port;

	if (argc != 8)
		bench_die("usage: load PORT CONNECTIONS SECONDS RATE STATUS REQUEST_FILE IDS_FILE");
	port = (uint16_t)bench_number("PORT", argv[1], 1, 65535);
	load.connections_len = (size_t)bench_number("CONNECTIONS", argv[2], 1, 100000);
	load.end_us = bench_number("SECONDS", argv[3], 1, 3600) * 1000000;
	load.rate = bench_number("RATE", argv[4], 0, 1000000);
	load.status = (int)bench_number("STATUS", argv[5], 100, 599);
	request_read(&load, argv[6]);
	load.ids = bench_file(argv[7]);
	load.ids_len = load.ids.len / (ID_LEN + 1);
	if (load.ids_len == 0)
		bench_die("%s has no id", argv[7]);
	files.rlim_cur = files.rlim_max = load.connections_len + OTHER_FILES;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	load.connections = calloc(load.connections_len, sizeof(*load.connections));
	load.free = calloc(load.connections_len, sizeof(struct connection *));
	CHECK(load.connections != NULL && load.free != NULL && load.epoll >= 0);
	for (size_t i = 0; i < load.connections_len; i++)
		connection_open(&load, &load.connections[i], port);
	run(&load);
	printf("{\"count\": %lld, \"seconds\": %.6f, \"wrong\": %lld, \"times_us\": ",
	    (long long)load.answers, (double)(load.end_us - load.count_us) / 1e6,
	    (long long)load.wrong);
	bench_times_print(&load.times);
	puts("}");
	return 0;
}
