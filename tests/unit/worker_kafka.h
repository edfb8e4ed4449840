#ifndef TESTS_UNIT_WORKER_KAFKA_H
#define TESTS_UNIT_WORKER_KAFKA_H

/*
 * A broker inside the test, librdkafka's own, that fails as it is told: for faults that a real one
 * shows too seldom.  It keeps what it was sent in memory, a few MiB of each partition.
 */

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "common/base/daemon.h"
#include "common/kafka/conf.h"
#include "common/kafka/producer.h"
#include "tests/unit/unit.h"

#define MOCK_BROKER 1
#define MOCK_PARTITIONS 4
#define MOCK_PRODUCE 0 /* the request's number in Kafka's protocol */
#define MOCK_WAIT_MS 20000
#define MOCK_MESSAGES_MAX 20000

struct mock {
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *cluster;
};

/**
 * mock_open(mock), mock_close(mock):
 * A cluster of one broker with our topics; and its end.
 */
static inline void
mock_open(struct mock *mock)
{
	const char *topics[] = {KAFKA_TOPIC_COMMANDS, KAFKA_TOPIC_EVENTS, KAFKA_TOPIC_DEAD_LETTERS};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char text[256];

	rd_kafka_conf_set_log_cb(conf, NULL);
	mock->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	ck_assert_msg(mock->rk != NULL, "%s", text);
	mock->cluster = rd_kafka_mock_cluster_new(mock->rk, MOCK_BROKER);
	ck_assert_ptr_nonnull(mock->cluster);
	for (size_t i = 0; i < ARRAY_LEN(topics); i++)
		ck_assert_int_eq(
		    rd_kafka_mock_topic_create(mock->cluster, topics[i], MOCK_PARTITIONS, 1),
		    RD_KAFKA_RESP_ERR_NO_ERROR);
}

static inline void
mock_close(struct mock *mock)
{
	rd_kafka_mock_cluster_destroy(mock->cluster);
	rd_kafka_destroy(mock->rk);
}

/**
 * mock_down(mock), mock_up(mock):
 * Take the broker away, and give it back.
 */
static inline void
mock_down(struct mock *mock)
{
	ck_assert_int_eq(rd_kafka_mock_broker_set_down(mock->cluster, MOCK_BROKER), 0);
}

static inline void
mock_up(struct mock *mock)
{
	ck_assert_int_eq(rd_kafka_mock_broker_set_up(mock->cluster, MOCK_BROKER), 0);
}

/**
 * mock_producer(mock, profile, timeout_ms, queue_max):
 * A producer of ours on this cluster.
 */
static inline struct producer *
mock_producer(
    const struct mock *mock, enum producer_profile profile, int64_t timeout_ms, int64_t queue_max)
{
	const struct producer_settings settings = {
	    .bootstrap = rd_kafka_mock_cluster_bootstraps(mock->cluster),
	    .topic = KAFKA_TOPIC_EVENTS,
	    .profile = profile,
	    .message_timeout_ms = timeout_ms,
	    .queue_messages_max = queue_max,
	};
	struct producer *producer;
	struct err err = {0};

	ck_assert_msg(producer_open(&settings, &producer, &err) == ERR_NONE, "%s", err.text);
	return producer;
}

/**
 * mock_consumer(mock, topic):
 * Another party's client, that reads all partitions of ${topic} from their beginning.
 */
static inline rd_kafka_t *
mock_consumer(const struct mock *mock, const char *topic)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(MOCK_PARTITIONS);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;
	char text[256];

	rd_kafka_conf_set_log_cb(conf, NULL);
	ck_assert_int_eq(rd_kafka_conf_set(conf, "bootstrap.servers",
			     rd_kafka_mock_cluster_bootstraps(mock->cluster), text, sizeof(text)),
	    RD_KAFKA_CONF_OK);
	ck_assert_int_eq(
	    rd_kafka_conf_set(conf, "group.id", "witness", text, sizeof(text)), RD_KAFKA_CONF_OK);
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
	ck_assert_msg(rk != NULL, "%s", text);
	rd_kafka_poll_set_consumer(rk);
	for (int32_t partition = 0; partition < MOCK_PARTITIONS; partition++)
		rd_kafka_topic_partition_list_add(list, topic, partition)->offset =
		    RD_KAFKA_OFFSET_BEGINNING;
	ck_assert_int_eq(rd_kafka_assign(rk, list), RD_KAFKA_RESP_ERR_NO_ERROR);
	rd_kafka_topic_partition_list_destroy(list);
	return rk;
}

/**
 * mock_next(rk):
 * The next message, or NULL when ${timeout_ms} passed without one.  The caller destroys it.
 */
static inline rd_kafka_message_t *
mock_next(rd_kafka_t *rk, int timeout_ms)
{
	int64_t until_ms = clock_steady_ms() + timeout_ms;

	while (clock_steady_ms() < until_ms) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, 100);

		if (message != NULL && message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
			return message;
		if (message != NULL)
			rd_kafka_message_destroy(message);
	}
	return NULL;
}

static inline void
mock_consumer_close(rd_kafka_t *rk)
{
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
}

/* What was sent and what was reported; messages are known by their number, which is their opaque.
 * A report that nobody waits for, or that comes twice, fails the test. */
struct ledger {
	size_t sent, reported, persisted;
	bool open[MOCK_MESSAGES_MAX]; /* sent and not reported */
	struct delivery last;
};

/**
 * ledger_send(ledger, producer, number, err):
 * Send message ${number} to partition ${number} mod MOCK_PARTITIONS of the events.
 */
static inline enum err_class
ledger_send(struct ledger *ledger, struct producer *producer, size_t number, struct err *err)
{
	char text[32];
	const struct message message = {
	    .topic = KAFKA_TOPIC_EVENTS,
	    .partition = (int32_t)(number % MOCK_PARTITIONS),
	    .key = STR("key"),
	    .value = {text, (size_t)snprintf(text, sizeof(text), "%zu", number)},
	    .headers_len = 1,
	    .headers = {{"number", {text, strlen(text)}}},
	    .opaque = (void *)(uintptr_t)number,
	};
	enum err_class class = producer_send(producer, &message, err);

	ck_assert_uint_lt(number, MOCK_MESSAGES_MAX);
	if (class != ERR_NONE)
		return class;
	ck_assert_msg(!ledger->open[number], "message %zu is under way", number);
	ledger->open[number] = true;
	ledger->sent++;
	return ERR_NONE;
}

/**
 * ledger_poll(ledger, producer, max):
 * Take at most ${max} reports, waiting a little for the first.
 */
static inline size_t
ledger_poll(struct ledger *ledger, struct producer *producer, size_t max)
{
	struct delivery deliveries[256];
	size_t len;

	ck_assert_uint_le(max, ARRAY_LEN(deliveries));
	len = producer_poll(producer, 50, deliveries, max);
	ck_assert_uint_le(len, max);
	for (size_t i = 0; i < len; i++) {
		size_t number = (size_t)(uintptr_t)deliveries[i].opaque;

		ck_assert_uint_lt(number, MOCK_MESSAGES_MAX);
		ck_assert_msg(ledger->open[number], "message %zu: a report too many", number);
		ck_assert_int_eq(deliveries[i].partition, (int32_t)(number % MOCK_PARTITIONS));
		ledger->open[number] = false;
		ledger->reported++;
		ledger->persisted += deliveries[i].persisted ? 1 : 0;
		ledger->last = deliveries[i];
	}
	return len;
}

/**
 * ledger_settle(ledger, producer):
 * Wait until all that was sent is reported, and see that nothing more comes.
 */
static inline void
ledger_settle(struct ledger *ledger, struct producer *producer)
{
	int64_t until_ms = clock_steady_ms() + MOCK_WAIT_MS;

	while (ledger->reported < ledger->sent && clock_steady_ms() < until_ms)
		ledger_poll(ledger, producer, 256);
	ck_assert_msg(ledger->reported == ledger->sent, "%zu of %zu reported", ledger->reported,
	    ledger->sent);
	ck_assert_uint_eq(producer_in_flight(producer), 0);
	ck_assert_uint_eq(ledger_poll(ledger, producer, 256), 0);
}

#endif
