/*
 * Publishing, as the worker does it (worker/publish.c), beside a bare producer with the same
 * settings that sends the same bytes.
 *
 *   publish BOOTSTRAP URL EVENTS SECONDS ROUNDS
 *
 * EVENTS of billd.outbox are read, and go out again and again with numbers that go on.  Both sides
 * take turns for SECONDS each, ROUNDS times; a turn ends when the last report is there.
 */

#include "worker/publish.h"
#include "common/base/daemon.h"
#include "common/kafka/topic.h"
#include "tests/bench/bare_kafka.h"
#include "tests/bench/bench.h"

#define BATCH 1000            /* events of one transaction: 500 commands */
#define UNPUBLISHED_MAX 50000 /* the queue takes 100,000 */
#define ROUNDS_MAX 100
#define POLL_EVERY 1000
#define TEXTS_MAX 512 /* of one message's headers */

struct bench {
	const char *bootstrap;
	PGresult *rows;
	size_t events_len;
	struct event *events;
	struct message *messages; /* the same events, for the bare side */
	int64_t seconds;
	size_t bytes; /* of all events: keys, values and headers */
};

static const char select_sql[] =
    "SELECT organisation_id, partition, number, id, type, subject, key, operation_id, occurred_at, "
    "value FROM billd.outbox WHERE type <> 'billd.customer.created.v1' "
    "ORDER BY number, partition LIMIT ";

static void
events_read(struct bench *bench, const char *url, int64_t limit)
{
	PGconn *pg = PQconnectdb(url);
	struct buf sql;

	buf_init(&sql, 1024);
	buf_printf(&sql, "%s%lld", select_sql, (long long)limit);
	bench->rows = PQexecParams(pg, sql.ptr, 0, NULL, NULL, NULL, NULL, 1);
	if (PQresultStatus(bench->rows) != PGRES_TUPLES_OK || PQntuples(bench->rows) == 0)
		bench_die("there are no events: %s", PQerrorMessage(pg));
	bench->events_len = (size_t)PQntuples(bench->rows);
	bench->events = calloc(bench->events_len, sizeof(*bench->events));
	CHECK(bench->events != NULL);
	for (int i = 0; i < (int)bench->events_len; i++)
		bench->events[i] = (struct event){
		    .organisation_id = pg_get_uuid(bench->rows, i, 0),
		    .partition = pg_get_int32(bench->rows, i, 1),
		    .number = pg_get_int64(bench->rows, i, 2),
		    .id = pg_get_uuid(bench->rows, i, 3),
		    .type = pg_get_str(bench->rows, i, 4),
		    .subject = pg_get_uuid(bench->rows, i, 5),
		    .key = pg_get_uuid(bench->rows, i, 6),
		    .operation_id = pg_get_uuid(bench->rows, i, 7),
		    .occurred_at = pg_get_millis(bench->rows, i, 8),
		    .value = pg_get_str(bench->rows, i, 9),
		};
	buf_release(&sql);
	PQfinish(pg);
}

static struct str
uuid_text(struct uuid uuid, char **at)
{
	char *text = *at;

	uuid_write(uuid, text);
	*at += UUID_TEXT_SIZE;
	return (struct str){text, UUID_TEXT_SIZE - 1};
}

/* What worker/publish.c makes of an event. */
static void
message_make(const struct event *event, struct message *ret_message)
{
	char *at = malloc(TEXTS_MAX), *time, *number;
	size_t number_len;

	CHECK(at != NULL);
	time = at;
	instant_write(instant_from_ms(event->occurred_at), time);
	number = at + INSTANT_TEXT_SIZE;
	number_len = (size_t)snprintf(number, 24, "%lld", (long long)event->number);
	at = number + 24;
	*ret_message = (struct message){
	    .topic = KAFKA_TOPIC_EVENTS,
	    .partition = event->partition,
	    .key = uuid_text(event->key, &at),
	    .value = event->value,
	    .headers_len = 10,
	    .headers = {{"ce_specversion", STR("1.0")}, {"ce_id", uuid_text(event->id, &at)},
		{"ce_type", event->type}, {"ce_source", STR("billd")},
		{"ce_subject", uuid_text(event->subject, &at)}, {"ce_time", str_from(time)},
		{"ce_organisationid", uuid_text(event->organisation_id, &at)},
		{"ce_operationid", uuid_text(event->operation_id, &at)},
		{"ce_sequence", {number, number_len}}, {"content-type", STR("application/avro")}},
	};
}

static void
messages_make(struct bench *bench)
{
	bench->messages = calloc(bench->events_len, sizeof(*bench->messages));
	CHECK(bench->messages != NULL);
	for (size_t i = 0; i < bench->events_len; i++) {
		struct message *message = &bench->messages[i];

		message_make(&bench->events[i], message);
		bench->bytes += message->key.len + message->value.len;
		for (size_t h = 0; h < message->headers_len; h++)
			bench->bytes +=
			    strlen(message->headers[h].name) + message->headers[h].value.len;
	}
}

/* What follows a commit of the worker. */
static void
batch_publish(
    const struct bench *bench, struct publisher *publisher, int64_t sent, int64_t *numbers)
{
	struct event batch[BATCH];

	for (size_t i = 0; i < BATCH; i++) {
		batch[i] = bench->events[((size_t)sent + i) % bench->events_len];
		batch[i].number = ++numbers[batch[i].partition];
	}
	for (int32_t id = 0; id < CONSUMER_PARTITIONS_MAX; id++)
		publisher_committed(publisher, id, numbers[id]);
	for (size_t i = 0; i < BATCH; i++)
		publisher_send(publisher, &batch[i]);
}

static void
drain(struct publisher *publisher)
{
	while (!publisher_idle(publisher))
		publisher_reports(publisher, 10);
}

/* Events a second, through the worker's publisher. */
static double
ours(const struct bench *bench)
{
	const struct producer_settings settings = {
	    .bootstrap = bench->bootstrap,
	    .topic = KAFKA_TOPIC_EVENTS,
	    .profile = PRODUCER_THROUGHPUT,
	    .queue_messages_max = 100000,
	};
	static struct publisher publisher;
	static struct partitions partitions;
	int64_t numbers[CONSUMER_PARTITIONS_MAX] = {0}, began_us, end_us, sent = 0;
	struct producer *producer;
	struct err err;

	if (producer_open(&settings, &producer, &err) != ERR_NONE)
		bench_die("%s", err.text);
	publisher_init(&publisher, producer);
	partitions.len = CONSUMER_PARTITIONS_MAX;
	for (int32_t i = 0; i < CONSUMER_PARTITIONS_MAX; i++)
		partitions.items[i] = (struct partition){.id = i};
	publisher_take(&publisher, &partitions);
	/* Connected, and with an id of its own, before the clock starts. */
	batch_publish(bench, &publisher, 0, numbers);
	drain(&publisher);
	began_us = clock_steady_us();
	end_us = began_us + bench->seconds * 1000000;
	while (clock_steady_us() < end_us) {
		batch_publish(bench, &publisher, sent, numbers);
		sent += BATCH;
		publisher_reports(&publisher, 0);
		while (publisher_unpublished(&publisher) > UNPUBLISHED_MAX)
			publisher_reports(&publisher, 1);
	}
	drain(&publisher);
	end_us = clock_steady_us();
	for (int32_t id = 0; id < CONSUMER_PARTITIONS_MAX; id++)
		CHECK(!publisher.lanes[id].behind);
	producer_free(producer);
	return (double)sent * 1e6 / (double)(end_us - began_us);
}

static double
bare(const struct bench *bench)
{
	struct bare_kafka kafka = {.delivered = NULL};
	int64_t began_us, end_us, sent = 0;

	bare_kafka_open(bench->bootstrap, KAFKA_TOPIC_EVENTS, PRODUCER_THROUGHPUT, &kafka);
	while (!bare_kafka_send(&kafka, bench->messages))
		bare_kafka_poll(&kafka, 1);
	while (kafka.in_flight > 0)
		bare_kafka_poll(&kafka, 10);
	began_us = clock_steady_us();
	end_us = began_us + bench->seconds * 1000000;
	while (sent % POLL_EVERY != 0 || clock_steady_us() < end_us) {
		const struct message *message = &bench->messages[(size_t)sent % bench->events_len];

		while (kafka.in_flight > UNPUBLISHED_MAX || !bare_kafka_send(&kafka, message))
			bare_kafka_poll(&kafka, 1);
		if (++sent % POLL_EVERY == 0)
			bare_kafka_poll(&kafka, 0);
	}
	while (kafka.in_flight > 0)
		bare_kafka_poll(&kafka, 10);
	end_us = clock_steady_us();
	bare_kafka_close(&kafka);
	return (double)sent * 1e6 / (double)(end_us - began_us);
}

static void
print_rates(const char *name, const double *rates, size_t len)
{
	printf("\"%s\": [", name);
	for (size_t i = 0; i < len; i++)
		printf(i == 0 ? "%.0f" : ", %.0f", rates[i]);
	printf("], ");
}

int
main(int argc, char **argv)
{
	double rates_ours[ROUNDS_MAX], rates_bare[ROUNDS_MAX];
	struct bench bench = {.bytes = 0};
	size_t rounds;

	if (argc != 6)
		bench_die("usage: publish BOOTSTRAP URL EVENTS SECONDS ROUNDS");
	bench.bootstrap = argv[1];
	bench.seconds = bench_number("SECONDS", argv[4], 1, 3600);
	rounds = (size_t)bench_number("ROUNDS", argv[5], 1, ROUNDS_MAX);
	events_read(&bench, argv[2], bench_number("EVENTS", argv[3], 1, 1000000));
	messages_make(&bench);
	for (size_t i = 0; i < rounds; i++) {
		rates_ours[i] = ours(&bench);
		rates_bare[i] = bare(&bench);
	}
	putchar('{');
	print_rates("ours", rates_ours, rounds);
	print_rates("bare", rates_bare, rounds);
	printf("\"bytes\": %zu}\n", bench.bytes / bench.events_len);
	return 0;
}
