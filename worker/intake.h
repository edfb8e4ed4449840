#ifndef WORKER_INTAKE_H
#define WORKER_INTAKE_H

/*
 * Messages between the consumer and the batch that is being filled (flights.h).  One that is not to
 * go into it waits here, before all that come behind it in its partition.
 */

#include "worker/flights.h"

#define INTAKE_MAX 6000                    /* messages that wait: */
#define INTAKE_BYTES_MAX (4 * 1024 * 1024) /* as many as these; one may pass them */

struct intake {
	size_t batch_max;              /* messages of a batch */
	struct flights *flights;       /* borrowed, as */
	struct partitions *partitions; /* those that are ours */
	size_t len, bytes;
	rd_kafka_message_t *messages[INTAKE_MAX]; /* owned; in the order in which they came */
};

/**
 * intake_refill(intake):
 * Into an empty batch, what waits and may go.  Whether it may take more.
 */
NODISCARD bool intake_refill(struct intake *intake);

/**
 * intake_take(intake, message, ret_more, err):
 * A message of one of our partitions, now owned here.  ${ret_more} turns false when the batch is to
 * be looked at as it is.  ERR_FATAL when the topic is not the one that was processed.
 */
NODISCARD enum err_class intake_take(
    struct intake *intake, rd_kafka_message_t *message, bool *ret_more, struct err *err);

/**
 * intake_waits(intake, partition):
 * Whether a message of ${partition} waits here.
 */
NODISCARD bool intake_waits(const struct intake *intake, const struct partition *partition);

/**
 * intake_drop(intake):
 * Let go of all of them.
 */
void intake_drop(struct intake *intake);

#endif
