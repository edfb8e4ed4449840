#ifndef TESTS_BENCH_BARE_KAFKA_H
#define TESTS_BENCH_BARE_KAFKA_H

/*
 * A bare librdkafka producer with the settings of ours (common/kafka/producer.c): what a program
 * would write that does nothing but produce.  Reports come as callbacks in bare_kafka_poll.
 */

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

#include "common/kafka/producer.h"

/* Called for each message that the broker has; with the opaque that it was sent with. */
typedef void bare_kafka_delivered(void *opaque, void *context);

struct bare_kafka {
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	bare_kafka_delivered *delivered;
	void *context;
	atomic_llong in_flight; /* as one thread may send and another take the reports */
};

/**
 * bare_kafka_open(bootstrap, topic, profile, bare), bare_kafka_close(bare):
 * The caller sets delivered and context before.  Waits until the topic is known.  Whatever fails
 * ends the program.
 */
void bare_kafka_open(const char *bootstrap, const char *topic, enum producer_profile profile,
    struct bare_kafka *bare);
void bare_kafka_close(struct bare_kafka *bare);

/**
 * bare_kafka_send(bare, message):
 * Send it, copied, with its key, headers and opaque.  False when the queue is full.
 */
NODISCARD bool bare_kafka_send(struct bare_kafka *bare, const struct message *message);

/**
 * bare_kafka_poll(bare, timeout_ms):
 * Have the callbacks called of what was reported.
 */
void bare_kafka_poll(struct bare_kafka *bare, int timeout_ms);

#endif
