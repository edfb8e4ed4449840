#include "common/kafka/consumer.h"

#include "tests/unit/worker_kafka.h"

/* A group of one and of two on the broker inside the test. */

static struct mock mock;
static struct err err;

static struct consumer *
member(void)
{
	const struct consumer_settings settings = {
	    .bootstrap = rd_kafka_mock_cluster_bootstraps(mock.cluster),
	    .group = "workers",
	    .topic = KAFKA_TOPIC_EVENTS,
	    .session_timeout_ms = 6000,
	};
	struct consumer *consumer = NULL;

	ck_assert_msg(consumer_open(&settings, &consumer, &err) == ERR_NONE, "%s", err.text);
	return consumer;
}

/* Messages 0 to ${len} - 1, spread over all partitions. */
static void
fill(size_t len)
{
	static struct ledger ledger;
	struct producer *producer = mock_producer(&mock, PRODUCER_LATENCY, 0, 1000);

	for (size_t i = 0; i < len; i++)
		ck_assert_int_eq(ledger_send(&ledger, producer, i, &err), ERR_NONE);
	ledger_settle(&ledger, producer);
	ck_assert_uint_eq(ledger.persisted, len);
	producer_free(producer);
}

/* The next event that is not CONSUMER_NOTHING; errors in passing are waited out. */
static enum consumer_event
next(struct consumer *consumer, rd_kafka_message_t **ret_message)
{
	int64_t until_ms = clock_steady_ms() + MOCK_WAIT_MS;

	while (clock_steady_ms() < until_ms) {
		enum consumer_event event = consumer_poll(consumer, 100, ret_message, &err);

		if (event != CONSUMER_NOTHING &&
		    !(event == CONSUMER_FAILED && err.class == ERR_RETRY))
			return event;
	}
	return CONSUMER_NOTHING;
}

/* Start all partitions that we were given at ${offset}; how many. */
static size_t
start(struct consumer *consumer, int64_t offset)
{
	static int32_t ids[CONSUMER_PARTITIONS_MAX];
	int64_t offsets[MOCK_PARTITIONS];
	size_t len = consumer_partitions(consumer, ids);

	ck_assert_uint_le(len, MOCK_PARTITIONS);
	for (size_t i = 0; i < len; i++) {
		offsets[i] = offset;
		ck_assert(i == 0 || ids[i] > ids[i - 1]);
	}
	ck_assert_int_eq(consumer_start(consumer, ids, offsets, len, &err), ERR_NONE);
	return len;
}

START_TEST(test_from_the_offset_that_the_caller_names)
{
	int64_t next_offset[MOCK_PARTITIONS] = {2, 2, 2, 2};
	rd_kafka_message_t *message = NULL;
	struct consumer *consumer;
	char *cluster_id = NULL;

	mock_open(&mock);
	fill(20);
	consumer = member();
	ck_assert_int_eq(next(consumer, &message), CONSUMER_ASSIGNED);
	ck_assert_uint_eq(start(consumer, 2), MOCK_PARTITIONS);
	for (int i = 0; i < 20 - 2 * MOCK_PARTITIONS; i++) {
		char text[32];
		int32_t partition;

		ck_assert_int_eq(next(consumer, &message), CONSUMER_MESSAGE);
		partition = message->partition;
		ck_assert_int_eq(message->offset, next_offset[partition]);
		snprintf(text, sizeof(text), "%lld",
		    (long long)next_offset[partition]++ * MOCK_PARTITIONS + partition);
		unit_assert_str(((struct str){message->payload, message->len}), text, "value");
		unit_assert_str(consumer_header(message, "number"), text, "header");
		unit_assert_str(consumer_header(message, "no such"), NULL, "header");
		consumer_message_free(message);
	}
	for (int32_t id = 0; id < MOCK_PARTITIONS; id++)
		ck_assert_int_eq(consumer_end_offset(consumer, id), 5);
	ck_assert_int_eq(consumer_poll(consumer, 100, &message, &err), CONSUMER_NOTHING);
	ck_assert_int_eq(consumer_cluster_id(consumer, 1000, &cluster_id, &err), ERR_NONE);
	ck_assert_str_ne(cluster_id, "");
	free(cluster_id);

	/* From one that is not there it jumps nowhere: the caller is told. */
	start(consumer, 1000);
	ck_assert_int_eq(next(consumer, &message), CONSUMER_FAILED);
	ck_assert_int_eq(err.class, ERR_FATAL);
	ck_assert_msg(strstr(err.text, "has no offset 1000") != NULL, "%s", err.text);
	consumer_free(consumer);
	mock_close(&mock);
}
END_TEST

/* The second member takes some partitions away. */
START_TEST(test_two_members)
{
	rd_kafka_message_t *message = NULL;
	struct consumer *first, *second;
	int64_t until_ms = clock_steady_ms() + MOCK_WAIT_MS;
	size_t first_len = 0, second_len = 0;

	mock_open(&mock);
	first = member();
	ck_assert_int_eq(next(first, &message), CONSUMER_ASSIGNED);
	ck_assert_uint_eq(start(first, 0), MOCK_PARTITIONS);
	second = member();
	while ((first_len != 2 || second_len != 2) && clock_steady_ms() < until_ms) {
		switch (consumer_poll(first, 50, &message, &err)) {
		case CONSUMER_REVOKED:
			/* All go before some come back. */
			ck_assert_uint_eq(start(first, 0), 0);
			consumer_stop(first);
			break;
		case CONSUMER_ASSIGNED:
			first_len = start(first, 0);
			break;
		case CONSUMER_NOTHING:
		case CONSUMER_MESSAGE:
		case CONSUMER_FAILED:
			break;
		}
		if (consumer_poll(second, 50, &message, &err) == CONSUMER_ASSIGNED)
			second_len = start(second, 0);
	}
	ck_assert_uint_eq(first_len, 2);
	ck_assert_uint_eq(second_len, 2);
	consumer_free(second);
	consumer_free(first);
	mock_close(&mock);
}
END_TEST

START_TEST(test_without_a_broker)
{
	const struct consumer_settings settings = {
	    .bootstrap = "127.0.0.1:1", .group = "g", .topic = "t", .session_timeout_ms = 6000};
	struct consumer *consumer = NULL;
	char *cluster_id = NULL;
	int32_t ids[CONSUMER_PARTITIONS_MAX];

	ck_assert_int_eq(consumer_open(&settings, &consumer, &err), ERR_NONE);
	ck_assert_uint_eq(consumer_partitions(consumer, ids), 0);
	ck_assert_int_eq(consumer_end_offset(consumer, 0), -1);
	ck_assert_int_eq(consumer_cluster_id(consumer, 100, &cluster_id, &err), ERR_RETRY);
	consumer_pause(consumer, true);
	consumer_free(consumer);
	consumer_free(NULL);
	consumer_message_free(NULL);
}
END_TEST

START_TEST(test_a_setting_that_librdkafka_refuses_is_fatal)
{
	const struct consumer_settings settings = {
	    .bootstrap = "127.0.0.1:1", .group = "g", .topic = "t", .session_timeout_ms = -1};
	struct consumer *consumer = NULL;

	ck_assert_int_eq(consumer_open(&settings, &consumer, &err), ERR_FATAL);
	ck_assert_ptr_nonnull(strstr(err.text, "session.timeout.ms"));
	ck_assert_ptr_null(consumer);
}
END_TEST

UNIT_MAIN("consumer", UNIT(test_from_the_offset_that_the_caller_names), UNIT(test_two_members),
    UNIT(test_without_a_broker), UNIT(test_a_setting_that_librdkafka_refuses_is_fatal))
