/*
 * What libmicrohttpd gives to a program that does nothing else: it reads a request's body and
 * answers at once, as the ingress does.
 *
 *   bare_http PORT THREADS CONNECTIONS ANSWER_FILE
 *
 * ANSWER_FILE has the lines of an answer's headers, an empty line, and the body; all that
 * libmicrohttpd does not write itself.  Runs until it is told to end.
 */

#include <arpa/inet.h>
#include <microhttpd.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/bench/bench.h"

/* As api/server.c has them. */
#define LISTEN_BACKLOG 1024
#define CONNECTION_MEMORY ((size_t)16 * 1024)
#define IDLE_TIMEOUT_S 30
#define STRICTNESS (MHD_VERSION < 0x01000000 ? 0 : 1)
#define OTHER_FILES 128

#define BODY_MAX 65536
#define HEADERS_MAX 16

struct answer {
	size_t headers_len;
	struct {
		char *name, *value;
	} headers[HEADERS_MAX];
	struct str body;
};

static void
answer_read(const char *path, struct answer *ret_answer)
{
	char *at = (char *)(uintptr_t)bench_file(path).ptr;

	while (*at != '\n' && *at != '\0') {
		char *end = strchr(at, '\n'), *colon = strstr(at, ": ");

		if (end == NULL || colon == NULL || colon > end ||
		    ret_answer->headers_len == HEADERS_MAX)
			bench_die("%s: no header: %s", path, at);
		*colon = *end = '\0';
		ret_answer->headers[ret_answer->headers_len].name = at;
		ret_answer->headers[ret_answer->headers_len++].value = colon + 2;
		at = end + 1;
	}
	ret_answer->body = str_from(*at == '\0' ? at : at + 1);
}

static enum MHD_Result
respond(struct MHD_Connection *connection, const struct answer *answer)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    answer->body.len, (void *)(uintptr_t)answer->body.ptr, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	for (size_t i = 0; i < answer->headers_len; i++)
		(void)MHD_add_response_header(
		    response, answer->headers[i].name, answer->headers[i].value);
	result = MHD_queue_response(connection, MHD_HTTP_ACCEPTED, response);
	MHD_destroy_response(response);
	return result;
}

/* The context is the request's body, as it comes. */
static enum MHD_Result
on_call(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_len, void **context)
{
	struct buf *body = *context;

	(void)url;
	(void)method;
	(void)version;
	if (body == NULL) {
		body = malloc(sizeof(*body));
		CHECK(body != NULL);
		buf_init(body, BODY_MAX);
		*context = body;
		return MHD_YES;
	}
	if (*upload_len > 0) {
		buf_append(body, upload, *upload_len);
		*upload_len = 0;
		return body->overflow ? MHD_NO : MHD_YES;
	}
	return respond(connection, cls);
}

static void
on_end(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_RequestTerminationCode code)
{
	struct buf *body = *context;

	(void)cls;
	(void)connection;
	(void)code;
	buf_release(body);
	free(body);
	*context = NULL;
}

static int
listen_on(int64_t port)
{
	const struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, LISTEN_BACKLOG) != 0)
		bench_die("cannot listen on port %lld", (long long)port);
	return fd;
}

int
main(int argc, char **argv)
{
	struct answer answer = {.headers_len = 0};
	struct MHD_Daemon *daemon;
	int64_t threads, connections;
	struct rlimit files;
	sigset_t ends;
	int received;

	if (argc != 5)
		bench_die("usage: bare_http PORT THREADS CONNECTIONS ANSWER_FILE");
	threads = bench_number("THREADS", argv[2], 1, 64);
	connections = bench_number("CONNECTIONS", argv[3], 1, 1000000);
	answer_read(argv[4], &answer);
	files.rlim_cur = files.rlim_max = (rlim_t)connections + OTHER_FILES;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	daemon = MHD_start_daemon(
	    MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
	    NULL, on_call, &answer, MHD_OPTION_LISTEN_SOCKET,
	    listen_on(bench_number("PORT", argv[1], 1, 65535)), MHD_OPTION_THREAD_POOL_SIZE,
	    threads == 1 ? 0 : (unsigned)threads, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT,
	    STRICTNESS, MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL, MHD_OPTION_END);
	if (daemon == NULL)
		bench_die("libmicrohttpd does not start");
	sigwait(&ends, &received);
	MHD_stop_daemon(daemon);
	return 0;
}
