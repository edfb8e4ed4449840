#include "api/server.h"

#include <errno.h>
#include <netdb.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/acceptor.h"
#include "api/address.h"
#include "api/auth.h"
#include "api/framing.h"
#include "api/peer.h"
#include "api/request.h"
#include "api/respond.h"
#include "api/stats.h"
#include "api/stream.h"
#include "common/base/daemon.h"
#include "common/base/log.h"

#define LISTEN_BACKLOG 1024
#define CONNECTION_MEMORY ((size_t)16 * 1024) /* headers, and what is read and written at once */
#define DISCARD_MAX ((int64_t)8 * BODY_MAX)   /* of a refused body that is read all the same */
#define OTHER_FILES 128 /* besides the connections: to Kafka, PostgreSQL, event loops */
#define POOL_KEPT_MAX 4096
#define RANDOM_DRAW 2048 /* bytes */
/* What level 1 adds before 1.0 is looked at here as well (no Host, a space in the target); there
 * the library would answer it with the head of its answer sent twice. */
#define STRICTNESS (MHD_VERSION < 0x01000000 ? 0 : 1)

struct server {
	struct ingress *ingress;
	struct MHD_Daemon *daemon;
	struct acceptor *acceptor; /* NULL: it takes no more connections */
	struct peers *peers;
	struct request_pool *pool;
};

enum err_class
server_listen(const struct ingress_settings *settings, int *ret_fd, struct err *err)
{
	const struct addrinfo hints = {
	    .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	struct addrinfo *address = NULL;
	char port[8];
	int fd = -1, failed;

	snprintf(port, sizeof(port), "%d", (int)settings->port);
	failed = getaddrinfo(settings->listen, port, &hints, &address);
	if (failed != 0)
		return err_set(err, ERR_FATAL, "BILLD_LISTEN: \"%s\" is no address: %s",
		    settings->listen, gai_strerror(failed));
	fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    address->ai_protocol);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0 ||
	    bind(fd, address->ai_addr, address->ai_addrlen) != 0 ||
	    listen(fd, LISTEN_BACKLOG) != 0) {
		if (errno == EADDRINUSE)
			err_set(err, ERR_FATAL,
			    "BILLD_PORT: port %s of %s is taken by another program", port,
			    settings->listen);
		else
			err_set(err, ERR_FATAL,
			    "BILLD_LISTEN, BILLD_PORT: cannot listen on %s port %s: %s",
			    settings->listen, port, strerror(errno));
		if (fd >= 0)
			close(fd);
		freeaddrinfo(address);
		return err->class;
	}
	freeaddrinfo(address);
	*ret_fd = fd;
	return ERR_NONE;
}

static void
on_connection(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	struct server *server = cls;
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		server->ingress->connections--;
		peer_close(server->peers, *context);
		*context = NULL;
		return;
	}
	CHECK(info != NULL);
	*context = peer_open(server->peers, info->connect_fd,
	    clock_steady_ms() + server->ingress->settings->header_timeout_ms);
}

/* The request line is there: a request begins.  What is returned comes back with every call. */
static void *
on_line(void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct server *server = cls;
	struct request *request = request_take(server->pool, server->ingress);
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	if (request == NULL)
		return NULL;
	/* Looked at now: libmicrohttpd is about to cut it up. */
	request->target = str_from(uri);
	request->odd_target = !header_is_target(request->target);
	server->ingress->requests++;
	request->connection = connection;
	request->peer = info == NULL ? NULL : info->socket_context;
	request->began_us = clock_steady_us();
	peer_deadline(
	    request->peer, request->began_us / 1000 + server->ingress->settings->header_timeout_ms);
	return request;
}

static void
access_log(const struct request *request, int64_t duration_us)
{
	const struct route *route = request->match.route;
	char organisation[UUID_TEXT_SIZE], operation[UUID_TEXT_SIZE];

	uuid_write(request->caller.organisation_id, organisation);
	uuid_write(request->operation_id, operation);
	log_line(LOG_DEBUG, "client",
	    log_text("request_id", request->id[0] == '\0' ? NULL : request->id),
	    log_text("address", request->address));
	log_line(LOG_INFO, "request",
	    log_text("organisation_id",
		uuid_is_nil(request->caller.organisation_id) ? NULL : organisation),
	    log_text("operation_id", uuid_is_nil(request->operation_id) ? NULL : operation),
	    log_text("request_id", request->id[0] == '\0' ? NULL : request->id),
	    log_str("method", request->method),
	    log_text("route", route == NULL ? "none" : route->pattern),
	    log_int("status", request->answer.status), log_int("duration_us", duration_us));
}

/* The end of a request, however it came: its answer was sent, or its client went away. */
static void
on_end(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_RequestTerminationCode code)
{
	struct server *server = cls;
	struct request *request = *context;
	int64_t now_us = clock_steady_us(), begun_us;

	(void)connection;
	(void)code;
	if (request == NULL)
		return;
	*context = NULL;
	stream_end(request);
	/* How long somebody follows something says nothing of how fast we are. */
	begun_us = request->stream.begun_us == 0 ? now_us : request->stream.begun_us;
	stats_note(server->ingress->stats, request, begun_us - request->began_us);
	access_log(request, now_us - request->began_us);
	peer_deadline(request->peer, now_us / 1000 + server->ingress->settings->idle_timeout_ms);
	request_give(server->pool, request);
	server->ingress->requests--;
}

/* Whether the client's name for its request can stand in logs, headers and JSON as it is. */
static bool
is_request_id(struct str id)
{
	return header_is_visible(id, REQUEST_ID_SIZE - 1) && memchr(id.ptr, '"', id.len) == NULL &&
	       memchr(id.ptr, '\\', id.len) == NULL;
}

/* The next random bytes: drawn for many requests at once, as each draw is a system call. */
static void
random_take(void *ret_bytes, size_t len)
{
	static _Thread_local struct {
		size_t left;
		uint8_t bytes[RANDOM_DRAW];
	} drawn;

	if (drawn.left < len) {
		randombytes_buf(drawn.bytes, sizeof(drawn.bytes));
		drawn.left = sizeof(drawn.bytes);
	}
	drawn.left -= len;
	memcpy(ret_bytes, drawn.bytes + drawn.left, len);
}

/* The client's X-Request-Id, or a random UUID; and the nonce, of the same draw. */
static void
request_name(struct request *request)
{
	struct str given = request->headers.values[HEADER_REQUEST_ID];
	struct {
		struct uuid uuid;
		uint8_t nonce[16];
	} random;

	random_take(&random, sizeof(random));
	memcpy(request->nonce, random.nonce, sizeof(random.nonce));
	if (is_request_id(given)) {
		memcpy(request->id, given.ptr, given.len);
		request->id[given.len] = '\0';
		return;
	}
	random.uuid.b[6] = (uint8_t)((random.uuid.b[6] & 0x0f) | 0x40);
	random.uuid.b[8] = (uint8_t)((random.uuid.b[8] & 0x3f) | 0x80);
	uuid_write(random.uuid, request->id);
}

/* The length that is announced; 0: none. */
static int64_t
announced(const struct request *request)
{
	struct str length = request->headers.values[HEADER_CONTENT_LENGTH];
	int64_t bytes = 0;

	return length.ptr != NULL && header_length(length, &bytes) ? bytes : 0;
}

static void
check_length(struct request *request)
{
	int64_t bytes = announced(request);

	if (bytes <= request_body_max(request))
		return;
	request->answer.close = true;
	answer_problem(
	    request, PROBLEM_BODY_TOO_LARGE, "The body has %lld bytes.", (long long)bytes);
}

/* Find the route, or note why there is none. */
static void
find_route(struct request *request)
{
	route_find(request->method, request->path, &request->match);
	if (request->match.route != NULL)
		return;
	if (request->match.allow[0] == '\0') {
		answer_problem(request, PROBLEM_NOT_FOUND, "There is no such path.");
		return;
	}
	answer_header(request, MHD_HTTP_HEADER_ALLOW, request->match.allow);
	answer_problem(request, PROBLEM_METHOD_NOT_ALLOWED, "It takes %s.", request->match.allow);
}

/* Every UUID in the path is one, and not the nil one, which stands for none. */
static void
check_params(struct request *request)
{
	for (size_t i = 0; i < request->match.params_len; i++) {
		struct uuid id;

		if (route_param_is_id(request->match.params[i].name) &&
		    (!uuid_read(request->match.params[i].text, &id) || uuid_is_nil(id)))
			answer_problem(request, PROBLEM_NOT_FOUND,
			    "The path has an id that is no UUID, or the nil one.");
	}
}

/* What is known of the caller now: go on with the body, or drop it when there is an answer.  A
 * client that waits for leave to send it, or would send too much, is answered at once; another
 * might be busy sending and not see the answer before the connection is closed on it. */
static enum MHD_Result
begin_body(struct request *request)
{
	if (request->answer.status == 0)
		check_params(request);
	request->discard = request->answer.status != 0;
	request->phase = REQUEST_BODY;
	peer_deadline(
	    request->peer, clock_steady_ms() + request->ingress->settings->body_timeout_ms);
	if (!request->discard || (request->headers.values[HEADER_EXPECT].ptr == NULL &&
				     announced(request) <= DISCARD_MAX))
		return MHD_YES;
	request->answer.close = true;
	peer_deadline(request->peer, clock_steady_ms() + PEER_SEND_MS);
	return respond_send(request);
}

/* Where the request comes from: the other end of the connection or, when that is our proxy, what it
 * says. */
static void
note_address(struct request *request)
{
	struct str forwarded = request->headers.values[HEADER_FORWARDED];
	const union MHD_ConnectionInfo *info;

	if (request->ingress->settings->forwarded == 1 && forwarded.ptr != NULL &&
	    address_read(header_forwarded(forwarded), request->address))
		return;
	info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	address_of_peer(info == NULL ? NULL : info->client_addr, request->address);
}

static enum MHD_Result
on_headers(struct request *request, struct str method, struct str path, struct str version)
{
	request->method = method;
	request->path = header_path(path);
	framing_take(request, version);
	request_name(request);
	note_address(request);
	if (!framing_is_sound(request, version))
		return respond_send(request);
	check_length(request);
	if (request->answer.status == 0)
		find_route(request);
	/* Its route may take less. */
	if (request->answer.status == 0)
		check_length(request);
	/* From here on the call of another thread's resume may come at any time.  The headers are
	 * whole: how long the caller is looked up is not the client's time. */
	request->phase = REQUEST_HEADERS;
	peer_deadline(request->peer, PEER_NO_DEADLINE);
	if (request->answer.status == 0 && !auth_begin(request))
		return MHD_YES;
	return begin_body(request);
}

static enum MHD_Result
on_body(struct request *request, const char *bytes, size_t *len)
{
	framing_body(request, bytes, *len);
	if (!request->discard && route_has_body(request->match.route) &&
	    !request_body_add(request, bytes, *len)) {
		request->discard = true;
		request->answer.close = true;
		if ((int64_t)(request->body.len + *len) > request_body_max(request))
			answer_problem(request, PROBLEM_BODY_TOO_LARGE,
			    "The body has more than %lld bytes.",
			    (long long)request_body_max(request));
		else
			answer_problem(
			    request, PROBLEM_OVERLOADED, "Too many bodies are being read at once.");
	}
	/* libmicrohttpd takes no answer in the middle of a body: it is read to its end, or cut. */
	request->dropped += (int64_t)*len;
	if (request->dropped > DISCARD_MAX)
		return MHD_NO;
	*len = 0;
	return MHD_YES;
}

static enum MHD_Result
on_whole(struct request *request)
{
	framing_end(request);
	request->phase = REQUEST_WORK;
	peer_deadline(request->peer, PEER_NO_DEADLINE);
	if (request->answer.status == 0 && !request->match.route->run(request))
		return MHD_YES;
	peer_deadline(request->peer, clock_steady_ms() + PEER_SEND_MS);
	return respond_send(request);
}

/* Go on with a request; its phase says with what. */
static enum MHD_Result
go_on(struct request *request, struct str method, struct str path, struct str version,
    const char *upload, size_t *upload_len)
{
	switch (request->phase) {
	case REQUEST_LINE:
		return on_headers(request, method, path, version);
	case REQUEST_HEADERS:
		return begin_body(request);
	case REQUEST_BODY:
		return *upload_len > 0 ? on_body(request, upload, upload_len) : on_whole(request);
	case REQUEST_WORK:
		peer_deadline(request->peer, clock_steady_ms() + PEER_SEND_MS);
		return respond_send(request);
	case REQUEST_DONE:
		break;
	}
	CHECK(!"libmicrohttpd calls no more once it has the answer");
	return MHD_NO;
}

/* libmicrohttpd calls this again and again for one request.  That it is here is said before it
 * looks whether all is closed: so who closes knows of everyone that was let pass. */
static enum MHD_Result
on_call(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_len, void **context)
{
	struct ingress *ingress = ((struct server *)cls)->ingress;
	struct request *request = *context;
	enum MHD_Result result = MHD_NO;

	(void)connection;
	ingress->calls++;
	/* An answer that is there is sent all the same. */
	if (request != NULL && (!ingress->closed || request->phase == REQUEST_WORK))
		result = go_on(request, str_from(method), str_from(url), str_from(version), upload,
		    upload_len);
	ingress->calls--;
	return result;
}

/* Paths and arguments stay as they came: an escaped NUL would cut them, and ids need no escapes. */
static size_t
no_unescape(void *cls, struct MHD_Connection *connection, char *text)
{
	(void)cls;
	(void)connection;
	return strlen(text);
}

static void __attribute__((format(printf, 2, 0)))
on_log(void *cls, const char *format, va_list args)
{
	char text[256];

	(void)cls;
	vsnprintf(text, sizeof(text), format, args);
	log_line(LOG_DEBUG, "libmicrohttpd", log_text("text", text));
}

/* As many open files as the connections need. */
static enum err_class
files_allow(int64_t connections, struct err *err)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t)connections + OTHER_FILES;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return err_set(err, ERR_FATAL, "getrlimit: %s", strerror(errno));
	if (limit.rlim_cur >= wanted)
		return ERR_NONE;
	limit.rlim_cur = wanted;
	if (limit.rlim_max < wanted)
		limit.rlim_max = wanted; /* for root, or whoever may */
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return err_set(err, ERR_FATAL,
		    "BILLD_CONNECTIONS: %lld connections need %lld open files (ulimit -n): %s",
		    (long long)connections, (long long)wanted, strerror(errno));
	return ERR_NONE;
}

static struct MHD_Daemon *
daemon_start(struct server *server)
{
	const struct ingress_settings *settings = server->ingress->settings;
	/* One loop is not a pool of one. */
	unsigned threads = settings->http_threads == 1 ? 0 : (unsigned)settings->http_threads;
	/* The acceptor holds the limit for all loops together; any share of it may fall to one. */
	unsigned connections = (unsigned)(settings->connections * settings->http_threads);

	return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET |
				    MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
	    0, NULL, NULL, on_call, server, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
	    MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_CONNECTION_LIMIT, connections,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((settings->idle_timeout_ms + 999) / 1000),
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT,
	    STRICTNESS, MHD_OPTION_URI_LOG_CALLBACK, on_line, server, MHD_OPTION_UNESCAPE_CALLBACK,
	    no_unescape, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
	    MHD_OPTION_NOTIFY_COMPLETED, on_end, server, MHD_OPTION_END);
}

enum err_class
server_open(struct ingress *ingress, int fd, struct server **ret_server, struct err *err)
{
	struct server *server;

	if (files_allow(ingress->settings->connections, err) != ERR_NONE) {
		close(fd);
		return err->class;
	}
	server = calloc(1, sizeof(*server));
	CHECK(server != NULL);
	server->ingress = ingress;
	server->peers = peers_new((size_t)ingress->settings->connections + OTHER_FILES);
	server->pool = request_pool_new(POOL_KEPT_MAX);
	server->daemon = daemon_start(server);
	if (server->daemon == NULL) {
		close(fd);
		server_free(server);
		return err_set(err, ERR_FATAL, "libmicrohttpd does not start");
	}
	server->acceptor = acceptor_new(ingress, server->daemon, fd);
	*ret_server = server;
	return ERR_NONE;
}

void
server_quiesce(struct server *server)
{
	acceptor_free(server->acceptor);
	server->acceptor = NULL;
}

void
server_free(struct server *server)
{
	if (server == NULL)
		return;
	acceptor_free(server->acceptor);
	if (server->daemon != NULL)
		MHD_stop_daemon(server->daemon);
	peers_free(server->peers);
	request_pool_free(server->pool);
	free(server);
}
