/*
 * Every hand-over between the ingress's threads, under load: event loops to the producer, the
 * deliverer, the query threads, the waiter, and back.  For `make tsan`, which looks for two threads
 * at one thing; without it, a test that nothing gets lost on the way.
 *
 * Kafka is librdkafka's own broker, and there is no database: known keys are served all the same,
 * and what asks for rows is told so.
 */

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/callers.h"
#include "api/deliver.h"
#include "api/health.h"
#include "api/limits.h"
#include "api/openapi.h"
#include "api/reader.h"
#include "api/refresh.h"
#include "api/reuse.h"
#include "api/ring.h"
#include "api/server.h"
#include "api/stream.h"
#include "api/wait.h"
#include "common/base/log.h"
#include "common/icu/iso.h"
#include "common/kafka/topic.h"
#include "common/zone/zone.h"
#include "tests/unit/worker_kafka.h"
#include "worker/metrics.h"

/* Of api/stats.h, whose enum stat cannot stand beside the system's struct stat. */
struct stats *stats_new(void);
void stats_free(struct stats *stats);

#define CLIENTS 4
#define ROUNDS 4
#define TURNS 2000
#define ANSWER_SIZE (256 * 1024)
#define KEY "billd_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define HEAD "Host: localhost\r\nAuthorization: Bearer " KEY "\r\n"
#define BODY "Content-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"name\": \"Ada\"}"

/* More requests than are made here; and as many attempts at once as there are threads. */
static const struct limit_rule limit_rules[LIMIT_CLASS_MAX] = {
    [LIMIT_CALLER] = {1000000, 1},
    [LIMIT_ORGANISATION] = {1000000, 1},
    [LIMIT_LOGIN_ACCOUNT] = {CLIENTS, 1},
    [LIMIT_LOGIN_ADDRESS] = {0, 1},
};

static struct mock mock;
static struct ingress ingress;
static struct ingress_settings settings = {
    .listen = "127.0.0.1",
    .database_url = "postgresql://nobody@127.0.0.1:1/nothing",
    .secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    .partitions = MOCK_PARTITIONS,
    .http_threads = 2,
    .connections = 64,
    .database_connections = 2,
    .produce_timeout_ms = 20000,
    .header_timeout_ms = 20000,
    .body_timeout_ms = 20000,
    .idle_timeout_ms = 20000,
};

/* What is asked for over and over, and what comes of it. */
static const struct request_row {
	const char *text;
	int status;
	int times; /* in a round */
} request_rows[] = {
    {"POST /v1/customers HTTP/1.1\r\n" HEAD BODY, 202, 20},
    {"POST /v1/customers HTTP/1.1\r\n" HEAD "Idempotency-Key: one\r\n" BODY, 202, 20},
    {"POST /v1/customers HTTP/1.1\r\n" HEAD "Prefer: wait=1\r\n" BODY, 202, 1},
    {"GET /v1/customers HTTP/1.1\r\n" HEAD "\r\n", 503, 10},
    {"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 200, 10},
    {"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 503, 5},
    {"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n", 200, 2},
    {"GET /nowhere HTTP/1.1\r\n" HEAD "\r\n", 404, 5},
};

static int
connect_to(int64_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0);
	CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

/* A port that was free a moment ago. */
static int64_t
free_port(void)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
	close(fd);
	return ntohs(address.sin_port);
}

/* Send ${text} and read the whole answer.  Its status. */
static int
ask(int fd, const char *text, char *answer)
{
	size_t len = 0, whole = SIZE_MAX;

	CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
	while (len < whole) {
		ssize_t more = recv(fd, answer + len, ANSWER_SIZE - 1 - len, 0);
		const char *end, *field;

		CHECK(more > 0);
		len += (size_t)more;
		answer[len] = '\0';
		end = strstr(answer, "\r\n\r\n");
		field = strcasestr(answer, "\r\nContent-Length:");
		if (end != NULL)
			CHECK(field != NULL && field < end);
		if (end != NULL)
			whole = (size_t)(end + 4 - answer) + strtoul(field + 17, NULL, 10);
	}
	CHECK(len == whole);
	return (int)strtol(answer + strlen("HTTP/1.1 "), NULL, 10);
}

static void *
client_run(void *argument)
{
	size_t shift = *(const size_t *)argument;
	int fd = connect_to(settings.port);
	char *answer = malloc(ANSWER_SIZE);

	CHECK(answer != NULL);
	for (size_t i = 0; i < ROUNDS * ARRAY_LEN(request_rows); i++) {
		const struct request_row *row =
		    &request_rows[(shift + i) % ARRAY_LEN(request_rows)];

		for (int turn = 0; turn < row->times; turn++) {
			int status = ask(fd, row->text, answer);

			if (status != row->status)
				fprintf(stderr, "%s\n%s\n", row->text, answer);
			CHECK(status == row->status);
		}
	}
	free(answer);
	close(fd);
	return NULL;
}

static void
known_key_put(struct callers *callers)
{
	const struct caller caller = {
	    .kind = CALLER_KEY, .id = {{2}}, .organisation_id = {{1}}, .role = ROLE_ADMIN};
	uint8_t hash[CALLER_HASH_BYTES];

	api_key_hash(str_from(KEY), hash);
	callers_put(callers, hash, &caller, CALLER_NEVER_S, 1);
}

/* Keys to sign with, as the refresher would read them. */
static void
ring_put(void)
{
	struct signing_ring ring = {0};

	CHECK(signing_ring_add(&ring, &ingress.secret, SIGNING_TOKEN, STR("one")));
	CHECK(signing_ring_add(&ring, &ingress.secret, SIGNING_COMMAND, STR("one")));
	ring_holder_set(ingress.ring, &ring);
}

static void
parts_open(void)
{
	const struct producer_settings producer = {
	    .bootstrap = rd_kafka_mock_cluster_bootstraps(mock.cluster),
	    .topic = KAFKA_TOPIC_COMMANDS,
	    .profile = PRODUCER_LATENCY,
	    .message_timeout_ms = settings.produce_timeout_ms,
	    .queue_messages_max = settings.connections,
	};
	struct err err = {0};

	settings.port = free_port();
	ingress.settings = &settings;
	CHECK(id_secret_read(str_from(settings.secret), &ingress.secret));
	ck_assert(iso_init(&err) == ERR_NONE && zone_init(&err) == ERR_NONE);
	ck_assert(schemas_open(&ingress.schemas, &err) == ERR_NONE);
	for (size_t i = 0; i < COMMAND_TYPE_MAX; i++)
		ingress.command_schemas[i] =
		    schemas_by_name(ingress.schemas, str_from(command_table[i].schema_name));
	ck_assert(openapi_make(ingress.schemas, &ingress.openapi, &err) == ERR_NONE);
	ck_assert_msg(
	    producer_open(&producer, &ingress.producer, &err) == ERR_NONE, "%s", err.text);
	ingress.callers = callers_new();
	ingress.ring = ring_holder_new();
	ingress.limits = limits_new(limit_rules);
	ingress.reuse = reuse_new();
	ingress.stats = stats_new();
	ingress.health = health_new();
	ring_put();
	known_key_put(ingress.callers);
}

static void
parts_free(void)
{
	producer_free(ingress.producer);
	openapi_free(ingress.openapi);
	schemas_free(ingress.schemas);
	health_free(ingress.health);
	stats_free(ingress.stats);
	reuse_free(ingress.reuse);
	limits_free(ingress.limits);
	ring_holder_free(ingress.ring);
	callers_free(ingress.callers);
}

START_TEST(test_hand_overs)
{
	const struct pg_settings database = {.url = settings.database_url,
	    .application_name = "test",
	    .session = "SELECT 1",
	    .statement_timeout_ms = 1000,
	    .connect_timeout_s = 2};
	struct server *server = NULL;
	struct refresher *refresher;
	struct deliverer *deliverer;
	pthread_t clients[CLIENTS];
	size_t shifts[CLIENTS];
	struct err err = {0};
	int fd;

	log_init("test_threads", "error");
	mock_open(&mock);
	parts_open();
	ck_assert_msg(server_listen(&settings, &fd, &err) == ERR_NONE, "%s", err.text);
	refresher = refresher_new(&database, &ingress);
	deliverer = deliverer_new(&ingress);
	ingress.reader = reader_new(&database, 2);
	ingress.waiter = waiter_new(&database, &ingress);
	ingress.streamer = streamer_new(&database, &ingress);
	ck_assert_msg(server_open(&ingress, fd, &server, &err) == ERR_NONE, "%s", err.text);
	for (size_t i = 0; i < CLIENTS; i++) {
		shifts[i] = i * 3;
		ck_assert_int_eq(pthread_create(&clients[i], NULL, client_run, &shifts[i]), 0);
	}
	for (size_t i = 0; i < CLIENTS; i++)
		ck_assert_int_eq(pthread_join(clients[i], NULL), 0);
	/* Whoever resumed the last request counts it behind that: its answer may be here first. */
	while (ingress.suspended > 0)
		usleep(1000);
	ingress.draining = true;
	server_quiesce(server);
	ingress.closed = true;
	server_free(server);
	deliverer_free(deliverer);
	streamer_free(ingress.streamer);
	waiter_free(ingress.waiter);
	reader_free(ingress.reader);
	refresher_free(refresher);
	ck_assert_int_eq(ingress.requests, 0);
	ck_assert_uint_eq(producer_in_flight(ingress.producer), 0);
	parts_free();
	mock_close(&mock);
}
END_TEST

/* What all event loops share, with nothing else between them that would keep them in step. */
static void *
tables_run(void *argument)
{
	static const char *const texts[] = {"one", "two", "three"};
	const size_t number = *(const size_t *)argument;
	struct caller_entry *entries = malloc(CALLERS_MAX * sizeof(*entries));

	CHECK(entries != NULL);
	for (size_t i = 0; i < TURNS; i++) {
		struct caller caller = {.kind = CALLER_KEY, .id = {{(uint8_t)(i % 4)}}};
		const uint8_t hash[CALLER_HASH_BYTES] = {(uint8_t)(i % 4)};
		struct str name = str_from(texts[i % ARRAY_LEN(texts)]);
		struct uuid operation_id = {{(uint8_t)number}};
		struct limit_state state;

		callers_put(ingress.callers, hash, &caller, CALLER_NEVER_S, (int64_t)i);
		if (callers_get(ingress.callers, hash, (int64_t)i, &caller))
			CHECK(caller.id.b[0] == i % 4);
		callers_update(ingress.callers, hash, ROLE_VIEWER, CALLER_NEVER_S);
		callers_noted(ingress.callers, hash, (int64_t)i);
		if (i % 8 == number)
			callers_drop(ingress.callers, hash);
		if (i % 64 == 0)
			CHECK(callers_list(ingress.callers, CALLER_KEY, entries) <= 4);
		CHECK(callers_len(ingress.callers) <= 4);
		/* Whatever the others take and give: a thread gets its own back. */
		if (limits_take(ingress.limits, LIMIT_LOGIN_ACCOUNT, name, 1, &state))
			limits_give_back(ingress.limits, LIMIT_LOGIN_ACCOUNT, name);
		/* Whoever noted it first, it stays with that. */
		if (reuse_note(ingress.reuse, UUID_NIL, name, operation_id) != REUSE_OTHER)
			CHECK(
			    reuse_note(ingress.reuse, UUID_NIL, name, operation_id) == REUSE_SAME);
	}
	free(entries);
	return NULL;
}

START_TEST(test_tables)
{
	pthread_t threads[CLIENTS];
	size_t numbers[CLIENTS];

	struct limit_state state;

	ingress.callers = callers_new();
	ingress.limits = limits_new(limit_rules);
	ingress.reuse = reuse_new();
	for (size_t i = 0; i < CLIENTS; i++) {
		numbers[i] = i + 1;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, tables_run, &numbers[i]), 0);
	}
	for (size_t i = 0; i < CLIENTS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	/* Not one was lost. */
	CHECK(limits_take(ingress.limits, LIMIT_LOGIN_ACCOUNT, STR("one"), 1, &state));
	ck_assert_int_eq(state.remaining, CLIENTS - 1);
	reuse_free(ingress.reuse);
	limits_free(ingress.limits);
	callers_free(ingress.callers);
}
END_TEST

/* The worker's loop counts while somebody looks. */
START_TEST(test_metrics)
{
	static struct metrics metrics;
	static char answer[ANSWER_SIZE];
	struct metrics_server *server;
	int64_t port = free_port();
	struct err err = {0};

	ck_assert_msg(metrics_serve(&metrics, (struct in_addr){htonl(INADDR_LOOPBACK)}, port,
			  &server, &err) == ERR_NONE,
	    "%s", err.text);
	for (int i = 0; i < 100; i++) {
		int fd = connect_to(port);

		metrics.batches++;
		metrics.lag = i;
		ck_assert_int_eq(
		    ask(fd, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", answer), 200);
		close(fd);
	}
	ck_assert_ptr_nonnull(strstr(answer, "billd_consumer_lag 99\n"));
	metrics_free(server);
}
END_TEST

/* How late an invoice came, and the line of its histogram that this makes. */
static const struct lateness_row {
	int64_t seconds;
	const char *bucket; /* the first that it is counted in */
	const char *before; /* the last that it is not; NULL: none */
} lateness_rows[] = {
    {-86400, "{le=\"1\"} 1\n", NULL},
    {0, "{le=\"1\"} 1\n", NULL},
    {1, "{le=\"1\"} 1\n", NULL},
    {2, "{le=\"2\"} 1\n", "{le=\"1\"} 0\n"},
    {11, "{le=\"30\"} 1\n", "{le=\"10\"} 0\n"},
    {86400, "{le=\"86400\"} 1\n", "{le=\"21600\"} 0\n"},
    {86401, "{le=\"+Inf\"} 1\n", "{le=\"86400\"} 0\n"},
    {INT64_C(1) << 40, "{le=\"+Inf\"} 1\n", "{le=\"86400\"} 0\n"},
};

START_TEST(test_lateness)
{
	const struct lateness_row *row = &lateness_rows[_i];
	static struct metrics metrics;
	static char answer[ANSWER_SIZE];
	struct metrics_server *server;
	int64_t port = free_port();
	struct err err = {0};
	char sum[64];
	int fd;

	metrics_lateness(&metrics, row->seconds);
	ck_assert_msg(metrics_serve(&metrics, (struct in_addr){htonl(INADDR_LOOPBACK)}, port,
			  &server, &err) == ERR_NONE,
	    "%s", err.text);
	fd = connect_to(port);
	ck_assert_int_eq(ask(fd, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", answer), 200);
	close(fd);
	ck_assert_ptr_nonnull(strstr(answer, "# TYPE billd_invoice_lateness_seconds histogram\n"));
	ck_assert_msg(strstr(answer, row->bucket) != NULL, "%lld", (long long)row->seconds);
	ck_assert_msg(row->before == NULL || strstr(answer, row->before) != NULL, "%lld",
	    (long long)row->seconds);
	ck_assert_ptr_nonnull(strstr(answer, "_bucket{le=\"+Inf\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(answer, "billd_invoice_lateness_seconds_count 1\n"));
	snprintf(sum, sizeof(sum), "billd_invoice_lateness_seconds_sum %lld\n",
	    (long long)(row->seconds < 0 ? 0 : row->seconds));
	ck_assert_ptr_nonnull(strstr(answer, sum));
	metrics_free(server);
}
END_TEST

UNIT_MAIN("threads", UNIT(test_hand_overs), UNIT(test_tables), UNIT(test_metrics),
    UNIT_ROWS(test_lateness, lateness_rows))
