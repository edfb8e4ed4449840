#ifndef TESTS_UNIT_PUBLISHING_H
#define TESTS_UNIT_PUBLISHING_H

/*
 * Publishing from memory, with a broker that fails as it is told.  What comes from the outbox needs
 * a database: tests/integration.
 */

#include "tests/unit/worker_kafka.h"
#include "worker/publish.h"

#define TIMEOUT_NEVER 0
#define QUEUE_MAX 100000

static struct mock mock;
static struct producer *producer;
static struct publisher publisher;
static struct partitions partitions;

static inline void
setup(int64_t timeout_ms, int64_t queue_max)
{
	mock_open(&mock);
	producer = mock_producer(&mock, PRODUCER_THROUGHPUT, timeout_ms, queue_max);
	publisher_init(&publisher, producer);
}

static inline void
teardown(void)
{
	producer_free(producer);
	mock_close(&mock);
}

/* Own ${len} partitions from 0 on, each with that many events given and published. */
static inline void
take(size_t len, int64_t event_number, int64_t published_number)
{
	partitions.len = len;
	for (size_t i = 0; i < len; i++)
		partitions.items[i] = (struct partition){
		    .id = (int32_t)i,
		    .event_number = event_number,
		    .published_number = published_number,
		};
	publisher_take(&publisher, &partitions);
}

/* As after a commit of events ${first} to ${last}, whose values are ${prefix} and the number. */
static inline void
commit_as(const char *prefix, int32_t partition, int64_t first, int64_t last)
{
	partitions_find(&partitions, partition)->event_number = last;
	publisher_committed(&publisher, partition, last);
	for (int64_t number = first; number <= last; number++) {
		char text[32];
		const struct event event = {
		    .organisation_id = {{1}},
		    .partition = partition,
		    .number = number,
		    .id = {{2, (uint8_t)number}},
		    .type = STR("billd.customer.created.v1"),
		    .subject = {{3}},
		    .key = {{4}},
		    .operation_id = {{5}},
		    .occurred_at = INT64_C(1801387800123),
		    .value = {text,
			(size_t)snprintf(text, sizeof(text), "%s%lld", prefix, (long long)number)},
		};

		publisher_send(&publisher, &event);
	}
}

static inline void
commit(int32_t partition, int64_t first, int64_t last)
{
	commit_as("", partition, first, last);
}

/* Take reports until none is missing. */
static inline void
settle(void)
{
	int64_t until_ms = clock_steady_ms() + MOCK_WAIT_MS;

	while (producer_in_flight(producer) > 0 && clock_steady_ms() < until_ms)
		publisher_reports(&publisher, 50);
	ck_assert_uint_eq(producer_in_flight(producer), 0);
}

/* Where a lane stands. */
static inline void
assert_lane(int32_t id, int64_t target, int64_t sent, int64_t acked, size_t in_flight, bool behind)
{
	const struct lane *lane = &publisher.lanes[id];

	ck_assert_msg(lane->target == target, "target %" PRId64, lane->target);
	ck_assert_msg(lane->sent == sent, "sent %" PRId64, lane->sent);
	ck_assert_msg(lane->acked == acked, "acked %" PRId64, lane->acked);
	ck_assert_msg(lane->in_flight == in_flight, "%zu in flight", lane->in_flight);
	ck_assert_msg(lane->behind == behind, "%s", lane->behind ? "behind" : "not behind");
}

/* The next events in partition 0 have these values, a word each, and no more come. */
static inline void
assert_published(const char *values)
{
	rd_kafka_t *witness = mock_consumer(&mock, KAFKA_TOPIC_EVENTS);
	rd_kafka_message_t *message;
	char text[256] = "";
	size_t len = 0;

	while (len < strlen(values) && (message = mock_next(witness, MOCK_WAIT_MS)) != NULL) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, " %.*s", (int)message->len,
		    (const char *)message->payload);
		ck_assert_int_eq(message->partition, 0);
		ck_assert_uint_lt(len, sizeof(text));
		rd_kafka_message_destroy(message);
	}
	ck_assert_ptr_null(mock_next(witness, 300));
	ck_assert_str_eq(text, values);
	mock_consumer_close(witness);
}

#endif
