#ifndef WORKER_LOOP_H
#define WORKER_LOOP_H

/*
 * The worker's loop: gathers messages into batches (intake.h, flights.h), follows the group's
 * rebalances, and comes back from failures by reading what is true from billd.progress.  Knows no
 * billing.
 */

#include "common/kafka/consumer.h"
#include "worker/flights.h"
#include "worker/payer.h"
#include "worker/runner.h"
#include "worker/scheduler.h"

struct loop_settings {
	int64_t batch_max;     /* messages, at most BATCH_MESSAGES_MAX */
	int64_t batch_wait_ms; /* for more, once the first is there */
	int64_t backoff_max_ms;
	bool due_continuous;     /* what falls due is done by itself; else by billing runs alone */
	int64_t due_interval_ms; /* between two looks for what fell due */
	int64_t due_margin_ms;   /* that these stay behind the command log */
	int64_t drain_ms;        /* for the events in flight, at the end */
};

/**
 * loop_run(settings, context, flights, consumer, payer, scheduler, runners, err):
 * Work until daemon_stopping(), then finish the batch in hand and publish what is committed.
 * ${context} is the first of ${flights}, and what is done beside batches has it, too.  ${payer} and
 * ${scheduler} learn which partitions are ours, ${payer} also when a payment is committed.
 * ${runners} do billing runs' chunks. ERR_FATAL when the process cannot go on.
 */
NODISCARD enum err_class loop_run(const struct loop_settings *settings,
    struct batch_context *context, struct flights *flights, struct consumer *consumer,
    struct payer *payer, struct scheduler *scheduler, struct runners *runners, struct err *err);

#endif
