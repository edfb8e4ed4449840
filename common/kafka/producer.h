#ifndef COMMON_KAFKA_PRODUCER_H
#define COMMON_KAFKA_PRODUCER_H

/*
 * A producer: idempotent, acks=all, always to a named partition.  Delivery reports come out of
 * producer_poll, never in a callback.
 *
 * An idempotent producer can meet a fatal error and is then of no more use; this one is remade by
 * itself, and all that it had in flight is reported as not persisted (it may be, all the same:
 * whoever sends it again relies on its id to be dropped as a repeat).
 *
 * producer_send may be called from several threads; producer_poll from one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define PRODUCER_HEADERS_MAX 16

enum producer_profile {
	PRODUCER_LATENCY,    /* the ingress: a caller waits for each message */
	PRODUCER_THROUGHPUT, /* the relay: larger batches, and a series: when a message fails, none
				that was sent before its report is persisted behind it */
};

struct producer_settings {
	const char *bootstrap; /* host:port,host:port */
	const char *topic;     /* asked for at once, so that its first message does not wait */
	enum producer_profile profile;
	int64_t
	    message_timeout_ms; /* after which a message is reported as not persisted; 0: never */
	int64_t queue_messages_max; /* in flight; beyond that producer_send refuses */
};

struct message_header {
	const char *name;
	struct str value;
};

/* A message to send; all borrowed until producer_send returns. */
struct message {
	const char *topic;
	int32_t partition;
	struct str key;
	struct str value; /* none: a tombstone */
	size_t headers_len;
	struct message_header headers[PRODUCER_HEADERS_MAX];
	void *opaque; /* comes back in the delivery report */
};

/* What became of one message. */
struct delivery {
	void *opaque;
	bool persisted; /* on all in-sync replicas */
	int32_t partition;
	int64_t offset;     /* where it is, when persisted */
	const char *reason; /* why not; static */
};

struct producer;

/**
 * producer_open(settings, ret_producer, err), producer_free(producer):
 * Does not wait for a broker.  ERR_FATAL when librdkafka refuses the settings.  Free drops what is
 * in flight; accepts NULL.
 */
NODISCARD enum err_class producer_open(
    const struct producer_settings *settings, struct producer **ret_producer, struct err *err);
void producer_free(struct producer *producer);

/**
 * producer_send(producer, message, err):
 * Queue ${message}, copied.  Exactly one delivery report follows.  ERR_RETRY, and no report, when
 * the queue is full or the producer is being remade; ERR_POISON when the broker would never take it
 * (too large, unknown partition).
 */
NODISCARD enum err_class producer_send(
    struct producer *producer, const struct message *message, struct err *err);

/**
 * producer_poll(producer, timeout_ms, deliveries, max):
 * Wait up to ${timeout_ms} for reports and write at most ${max} of them.  The number written.
 */
NODISCARD size_t producer_poll(
    struct producer *producer, int timeout_ms, struct delivery *deliveries, size_t max);

/**
 * producer_in_flight(producer):
 * How many messages wait for their report.
 */
NODISCARD size_t producer_in_flight(const struct producer *producer);

/**
 * producer_reachable(producer):
 * Whether a broker is connected, as far as the last few seconds tell.
 */
NODISCARD bool producer_reachable(struct producer *producer);

#endif
