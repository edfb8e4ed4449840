#ifndef COMMON_KAFKA_CONSUMER_H
#define COMMON_KAFKA_CONSUMER_H

/*
 * A member of a consumer group that keeps its offsets elsewhere: on assignment the caller says
 * where to start, and nothing is committed to Kafka. Eager assignment only, one message at a time
 * (librdkafka 2.0.2: cooperative rebalancing crashes, the batch calls lose messages). An offset
 * that the broker does not have is an error, never a silent jump.  Belongs to one thread, but for
 * consumer_wake.
 */

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define CONSUMER_PARTITIONS_MAX 1024

struct consumer_settings {
	const char *bootstrap;
	const char *group;
	const char *topic;
	int64_t session_timeout_ms; /* a member that is silent for so long loses its partitions */
};

enum consumer_event {
	CONSUMER_NOTHING,  /* the timeout passed */
	CONSUMER_MESSAGE,  /* a message is in ret_message; release it with consumer_message_free */
	CONSUMER_ASSIGNED, /* partitions were given to us: consumer_partitions, then consumer_start
			    */
	CONSUMER_REVOKED,  /* all partitions go: drop what is in hand, then consumer_stop */
	CONSUMER_FAILED,   /* err is filled */
};

struct consumer;

/**
 * consumer_open(settings, ret_consumer, err):
 * Join the group of ${settings}->topic.  Does not wait for a broker.  ERR_FATAL when librdkafka
 * refuses the settings.
 */
NODISCARD enum err_class consumer_open(
    const struct consumer_settings *settings, struct consumer **ret_consumer, struct err *err);

/**
 * consumer_free(consumer):
 * Leave the group and free.  NULL is fine.
 */
void consumer_free(struct consumer *consumer);

/**
 * consumer_poll(consumer, timeout_ms, ret_message, err):
 * What happens next.  Has to be called at least every five minutes, else the group drops us.
 */
NODISCARD enum consumer_event consumer_poll(
    struct consumer *consumer, int timeout_ms, rd_kafka_message_t **ret_message, struct err *err);

/**
 * consumer_wake(consumer):
 * End the wait of a consumer_poll, or of the next one.  From any thread.
 */
void consumer_wake(struct consumer *consumer);

/**
 * consumer_message_free(message):
 * NULL is fine.
 */
void consumer_message_free(rd_kafka_message_t *message);

/**
 * consumer_partitions(consumer, ret_partitions):
 * The partitions of the last CONSUMER_ASSIGNED, ascending; how many.
 */
NODISCARD size_t consumer_partitions(
    const struct consumer *consumer, int32_t ret_partitions[CONSUMER_PARTITIONS_MAX]);

/**
 * consumer_start(consumer, partitions, offsets, len, err):
 * Begin to fetch each partition at its offset.
 */
NODISCARD enum err_class consumer_start(struct consumer *consumer, const int32_t *partitions,
    const int64_t *offsets, size_t len, struct err *err);

/**
 * consumer_stop(consumer):
 * Give all partitions back, as CONSUMER_REVOKED asks.
 */
void consumer_stop(struct consumer *consumer);

/**
 * consumer_pause(consumer, paused):
 * Stop, or go on, fetching what is assigned, without leaving the group.
 */
void consumer_pause(struct consumer *consumer, bool paused);

/**
 * consumer_end_offset(consumer, partition):
 * The offset behind the partition's last message, as of the last fetch; -1 when not known yet.
 */
NODISCARD int64_t consumer_end_offset(const struct consumer *consumer, int32_t partition);

/**
 * consumer_end_offsets(consumer, partitions, len, timeout_ms, ret_offsets, err):
 * Ask the brokers for the same: behind the last message that each partition has now, which the last
 * fetch may not know.  ERR_RETRY when not all of them tell it in time.
 */
NODISCARD enum err_class consumer_end_offsets(struct consumer *consumer, const int32_t *partitions,
    size_t len, int timeout_ms, int64_t *ret_offsets, struct err *err);

/**
 * consumer_cluster_id(consumer, timeout_ms, ret_cluster_id, err):
 * The id of the Kafka cluster; the caller frees it with free(3).  ERR_RETRY when no broker answers
 * in time.
 */
NODISCARD enum err_class consumer_cluster_id(
    struct consumer *consumer, int timeout_ms, char **ret_cluster_id, struct err *err);

/**
 * consumer_header(message, name):
 * The last header of that name, borrowed from ${message}; none when there is none.
 */
NODISCARD struct str consumer_header(const rd_kafka_message_t *message, const char *name);

#endif
