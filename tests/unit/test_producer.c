#include "common/kafka/producer.h"

#include <pthread.h>
#include <stdatomic.h>

#include "tests/unit/worker_kafka.h"

#define QUEUE_MAX 100000
#define TIMEOUT_NEVER 0

static struct mock mock;
static struct producer *producer;
static struct ledger ledger;
static struct err err;

static void
setup(int64_t timeout_ms, int64_t queue_max)
{
	mock_open(&mock);
	producer = mock_producer(&mock, PRODUCER_LATENCY, timeout_ms, queue_max);
}

static void
teardown(void)
{
	producer_free(producer);
	mock_close(&mock);
}

static void
send_many(size_t first, size_t len)
{
	for (size_t i = first; i < first + len; i++)
		ck_assert_msg(
		    ledger_send(&ledger, producer, i, &err) == ERR_NONE, "%zu: %s", i, err.text);
}

/* Send ${number} as soon as the producer takes messages again, and see it persisted. */
static void
works_again(size_t number)
{
	int64_t until_ms = clock_steady_ms() + MOCK_WAIT_MS;
	size_t persisted = ledger.persisted;

	while (ledger_send(&ledger, producer, number, &err) != ERR_NONE) {
		ck_assert_int_eq(err.class, ERR_RETRY);
		ck_assert_msg(clock_steady_ms() < until_ms, "never again: %s", err.text);
		ledger_poll(&ledger, producer, 256);
	}
	ledger_settle(&ledger, producer);
	ck_assert_uint_eq(ledger.persisted, persisted + 1);
}

START_TEST(test_all_are_persisted)
{
	size_t len = 2000;

	setup(TIMEOUT_NEVER, QUEUE_MAX);
	ck_assert_uint_eq(producer_in_flight(producer), 0);
	send_many(0, len);
	ck_assert_uint_eq(producer_in_flight(producer), len);
	ledger_settle(&ledger, producer);
	ck_assert_uint_eq(ledger.persisted, len);
	ck_assert_int_eq(ledger.last.offset, (int64_t)len / MOCK_PARTITIONS - 1);

	/* Reports in portions smaller than what comes at once. */
	send_many(len, len);
	for (size_t max = 1; ledger.reported < 2 * len; max = max % 7 + 1)
		ledger_poll(&ledger, producer, max);
	ledger_settle(&ledger, producer);
	ck_assert_uint_eq(ledger.persisted, 2 * len);
	teardown();
}
END_TEST

/* Another party reads what we sent. */
START_TEST(test_what_arrives)
{
	struct message message = {
	    .topic = KAFKA_TOPIC_EVENTS,
	    .partition = 2,
	    .key = {"a\0b", 3},
	    .value = {"v\0\xff", 3},
	    .headers_len = 2,
	    .headers = {{"ce_id", {"id-1", 4}}, {"empty", {"", 0}}},
	};
	rd_kafka_headers_t *headers;
	rd_kafka_message_t *read;
	const void *value;
	rd_kafka_t *witness;
	size_t len;

	setup(TIMEOUT_NEVER, QUEUE_MAX);
	ck_assert_int_eq(producer_send(producer, &message, &err), ERR_NONE);
	witness = mock_consumer(&mock, KAFKA_TOPIC_EVENTS);
	read = mock_next(witness, MOCK_WAIT_MS);
	ck_assert_ptr_nonnull(read);
	ck_assert_int_eq(read->partition, 2);
	ck_assert_int_eq(read->offset, 0);
	ck_assert(str_equal((struct str){read->key, read->key_len}, message.key));
	ck_assert(str_equal((struct str){read->payload, read->len}, message.value));
	ck_assert_int_eq(rd_kafka_message_headers(read, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
	ck_assert_uint_eq(rd_kafka_header_cnt(headers), 2);
	ck_assert_int_eq(rd_kafka_header_get_last(headers, "ce_id", &value, &len), 0);
	ck_assert(str_equal((struct str){value, len}, STR("id-1")));
	rd_kafka_message_destroy(read);
	mock_consumer_close(witness);
	teardown();
}
END_TEST

struct transient_row {
	const char *name;
	rd_kafka_resp_err_t code;
	size_t times;
};

/* What a broker says in passing: everything arrives in the end, and is reported once. */
static const struct transient_row transient_rows[] = {
    {"another broker leads now", RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 3},
    {"nobody leads", RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, 3},
    {"too few replicas", RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 3},
    {"too few replicas, and it is written", RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, 3},
    {"it took too long", RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, 3},
    {"the coordinator loads", RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 1},
    {"the connection breaks", RD_KAFKA_RESP_ERR__TRANSPORT, 2},
    {"it was written before", RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER, 1},
};

/* One producer for all, as starting one takes a second. */
START_TEST(test_passing_errors)
{
	size_t number = 0;

	setup(TIMEOUT_NEVER, QUEUE_MAX);
	works_again(number++);
	for (size_t i = 0; i < ARRAY_LEN(transient_rows); i++) {
		const struct transient_row *row = &transient_rows[i];

		for (size_t times = 0; times < row->times; times++)
			rd_kafka_mock_push_request_errors(mock.cluster, MOCK_PRODUCE, 1, row->code);
		send_many(number, 100);
		number += 100;
		ledger_settle(&ledger, producer);
		ck_assert_msg(ledger.persisted == number, "%s: %zu of %zu persisted, last: %s",
		    row->name, ledger.persisted, number, ledger.last.reason);
	}
	teardown();
}
END_TEST

struct final_row {
	const char *name;
	rd_kafka_resp_err_t code;
};

/* After these librdkafka gives messages up, or itself.  Ours has to come back. */
static const struct final_row final_rows[] = {
    {"a gap in the sequence", RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER},
    {"the producer id is unknown", RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID},
    {"the epoch is too old", RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH},
    {"the message is too large", RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE},
    {"we may not write", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED},
    {"the cluster forbids it", RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED},
    {"the message is broken", RD_KAFKA_RESP_ERR_INVALID_MSG},
    {"the record is invalid", RD_KAFKA_RESP_ERR_INVALID_RECORD},
    {"something unexpected", RD_KAFKA_RESP_ERR_UNKNOWN},
};

/* Send ${len} messages while the producer breaks; it may refuse some, each clearly. */
static void
send_some(size_t *number, size_t len, const char *what)
{
	for (size_t i = 0; i < len; i++) {
		enum err_class class = ledger_send(&ledger, producer, *number, &err);

		ck_assert_msg(class == ERR_NONE || class == ERR_RETRY, "%s: %s", what, err.text);
		*number += class == ERR_NONE ? 1 : 0;
		if (i % 50 == 0)
			ledger_poll(&ledger, producer, 256);
	}
}

START_TEST(test_final_errors)
{
	size_t number = 0;

	setup(TIMEOUT_NEVER, QUEUE_MAX);
	works_again(number++);
	for (size_t i = 0; i < ARRAY_LEN(final_rows); i++) {
		const struct final_row *row = &final_rows[i];

		rd_kafka_mock_push_request_errors(
		    mock.cluster, MOCK_PRODUCE, 3, row->code, row->code, row->code);
		send_some(&number, 200, row->name);
		ledger_settle(&ledger, producer);
		ck_assert_msg(ledger.reported == number, "%s: %zu of %zu reported", row->name,
		    ledger.reported, number);
		rd_kafka_mock_clear_request_errors(mock.cluster, MOCK_PRODUCE);
		works_again(number++);
	}
	ck_assert_uint_lt(ledger.persisted, number);
	teardown();
}
END_TEST

/* A broker that refuses one batch, and takes the next: by its clock, ours may be too far ahead. */
START_TEST(test_nothing_overtakes_a_message_of_a_series_that_failed)
{
	rd_kafka_t *witness;
	size_t number = 0;

	mock_open(&mock);
	producer = mock_producer(&mock, PRODUCER_THROUGHPUT, TIMEOUT_NEVER, QUEUE_MAX);
	works_again(number++);
	rd_kafka_mock_push_request_errors(
	    mock.cluster, MOCK_PRODUCE, 1, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP);
	send_many(number++, 1);
	usleep(500000);
	/* It has failed, and nobody has read the report: what is sent now would be a gap. */
	ck_assert_int_eq(ledger_send(&ledger, producer, number, &err), ERR_RETRY);
	ledger_settle(&ledger, producer);
	ck_assert_uint_eq(ledger.persisted, 1);
	ck_assert(!ledger.last.persisted);
	works_again(1);
	works_again(number);

	witness = mock_consumer(&mock, KAFKA_TOPIC_EVENTS);
	for (size_t i = 0; i <= number; i++) {
		rd_kafka_message_t *message = mock_next(witness, MOCK_WAIT_MS);

		ck_assert_ptr_nonnull(message);
		rd_kafka_message_destroy(message);
	}
	ck_assert_ptr_null(mock_next(witness, 500));
	mock_consumer_close(witness);
	teardown();
}
END_TEST

START_TEST(test_a_broker_that_is_away)
{
	setup(2500, QUEUE_MAX);
	works_again(0);
	mock_down(&mock);
	send_many(1, 100);
	ledger_settle(&ledger, producer);
	ck_assert_uint_eq(ledger.persisted, 1);
	ck_assert(!ledger.last.persisted);
	ck_assert_str_ne(ledger.last.reason, "");
	mock_up(&mock);
	works_again(101);
	teardown();
}
END_TEST

/* Without a timeout, messages wait for their broker as long as it takes. */
START_TEST(test_a_full_queue_refuses)
{
	int64_t until_ms = clock_steady_ms() + 1000;

	setup(TIMEOUT_NEVER, 100);
	mock_down(&mock);
	send_many(0, 100);
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(ledger_send(&ledger, producer, 100, &err), ERR_RETRY);
		ck_assert_str_ne(err.text, "");
	}
	while (clock_steady_ms() < until_ms)
		ck_assert_uint_eq(ledger_poll(&ledger, producer, 256), 0);
	ck_assert_uint_eq(producer_in_flight(producer), 100);
	mock_up(&mock);
	ledger_settle(&ledger, producer);
	ck_assert_uint_eq(ledger.persisted, 100);
	works_again(100);
	teardown();
}
END_TEST

START_TEST(test_a_message_that_no_broker_would_take)
{
	static char value[2 * 1024 * 1024];
	struct message message = {
	    .topic = KAFKA_TOPIC_EVENTS, .key = STR("key"), .value = {value, sizeof(value)}};

	setup(TIMEOUT_NEVER, QUEUE_MAX);
	works_again(0);
	ck_assert_int_eq(producer_send(producer, &message, &err), ERR_POISON);
	ck_assert_str_ne(err.text, "");
	message.value = STR("value");
	message.partition = MOCK_PARTITIONS;
	ck_assert_int_eq(producer_send(producer, &message, &err), ERR_POISON);
	ck_assert_uint_eq(producer_in_flight(producer), 0);
	works_again(1);
	teardown();
}
END_TEST

/* Random faults, at random moments. */
START_TEST(test_one_report_for_each_whatever_happens)
{
	uint64_t random = unit_seed("producer");
	size_t number = 0;

	setup(TIMEOUT_NEVER, QUEUE_MAX);
	works_again(number++);
	while (number < 1500) {
		size_t burst = 1 + unit_random(&random, 60);

		switch (unit_random(&random, 6)) {
		case 0:
			rd_kafka_mock_push_request_errors(mock.cluster, MOCK_PRODUCE, 1,
			    transient_rows[unit_random(&random, ARRAY_LEN(transient_rows))].code);
			break;
		case 1:
			rd_kafka_mock_push_request_errors(mock.cluster, MOCK_PRODUCE, 1,
			    final_rows[unit_random(&random, 3)].code);
			break;
		default:
			break;
		}
		for (; burst > 0; burst--)
			if (ledger_send(&ledger, producer, number, &err) == ERR_NONE)
				number++;
		ledger_poll(&ledger, producer, 1 + unit_random(&random, 256));
	}
	rd_kafka_mock_clear_request_errors(mock.cluster, MOCK_PRODUCE);
	ledger_settle(&ledger, producer);
	ck_assert_uint_eq(ledger.sent, number);
	works_again(number);
	teardown();
}
END_TEST

#define THREADS 3
#define EACH 2000

static atomic_size_t accepted, finished;

static void *
sender(void *first)
{
	size_t number = (size_t)(uintptr_t)first;
	struct err ignored;

	for (size_t i = 0; i < EACH; i++) {
		char text[16];
		const struct message message = {
		    .topic = KAFKA_TOPIC_EVENTS,
		    .partition = (int32_t)(i % MOCK_PARTITIONS),
		    .key = STR("key"),
		    .value = {text, (size_t)snprintf(text, sizeof(text), "%zu", i)},
		    .opaque = (void *)(uintptr_t)(number + i),
		};

		if (producer_send(producer, &message, &ignored) == ERR_NONE)
			accepted++;
		if (i % 64 == 0)
			usleep(1000);
	}
	finished++;
	return NULL;
}

/* As the ingress does: many send, one polls, and the producer is remade in between. */
START_TEST(test_several_threads)
{
	static bool reported[THREADS * EACH];
	int64_t until_ms = clock_steady_ms() + MOCK_WAIT_MS;
	pthread_t threads[THREADS];
	size_t reports = 0, polls = 0;

	setup(TIMEOUT_NEVER, QUEUE_MAX);
	works_again(0);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, sender, (void *)(uintptr_t)(i * EACH)), 0);
	while ((finished < THREADS || reports < accepted) && clock_steady_ms() < until_ms) {
		struct delivery deliveries[64];
		size_t len = producer_poll(producer, 10, deliveries, ARRAY_LEN(deliveries));

		for (size_t i = 0; i < len; i++) {
			size_t number = (size_t)(uintptr_t)deliveries[i].opaque;

			ck_assert_uint_lt(number, THREADS * EACH);
			ck_assert_msg(!reported[number], "message %zu twice", number);
			reported[number] = true;
		}
		reports += len;
		if (++polls % 20 == 0 && finished < THREADS)
			rd_kafka_mock_push_request_errors(mock.cluster, MOCK_PRODUCE, 1,
			    RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(reports, accepted);
	ck_assert_uint_gt(reports, 0);
	rd_kafka_mock_clear_request_errors(mock.cluster, MOCK_PRODUCE);
	works_again(1);
	teardown();
}
END_TEST

START_TEST(test_whether_a_broker_is_there)
{
	int64_t until_ms = clock_steady_ms() + MOCK_WAIT_MS;

	setup(TIMEOUT_NEVER, QUEUE_MAX);
	ck_assert(!producer_reachable(producer));
	while (!producer_reachable(producer) && clock_steady_ms() < until_ms)
		ledger_poll(&ledger, producer, 256);
	ck_assert(producer_reachable(producer));
	mock_down(&mock);
	while (producer_reachable(producer) && clock_steady_ms() < until_ms)
		ledger_poll(&ledger, producer, 256);
	ck_assert(!producer_reachable(producer));
	teardown();
}
END_TEST

START_TEST(test_free_with_messages_in_flight)
{
	setup(TIMEOUT_NEVER, QUEUE_MAX);
	mock_down(&mock);
	send_many(0, 1000);
	teardown();
	producer_free(NULL);
}
END_TEST

START_TEST(test_a_setting_that_librdkafka_refuses_is_fatal)
{
	const struct producer_settings settings = {
	    .bootstrap = "127.0.0.1:1", .message_timeout_ms = -1, .queue_messages_max = 10};

	ck_assert_int_eq(producer_open(&settings, &producer, &err), ERR_FATAL);
	ck_assert_ptr_nonnull(strstr(err.text, "message.timeout.ms"));
}
END_TEST

UNIT_MAIN("producer", UNIT(test_all_are_persisted), UNIT(test_what_arrives),
    UNIT(test_passing_errors), UNIT(test_final_errors),
    UNIT(test_nothing_overtakes_a_message_of_a_series_that_failed),
    UNIT(test_a_broker_that_is_away), UNIT(test_a_full_queue_refuses),
    UNIT(test_a_message_that_no_broker_would_take), UNIT(test_one_report_for_each_whatever_happens),
    UNIT(test_several_threads), UNIT(test_whether_a_broker_is_there),
    UNIT(test_free_with_messages_in_flight), UNIT(test_a_setting_that_librdkafka_refuses_is_fatal))
