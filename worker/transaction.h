#ifndef WORKER_TRANSACTION_H
#define WORKER_TRANSACTION_H

/*
 * The transaction in which the worker decides: of a batch of commands, or of a chunk of what fell
 * due.  Facts are loaded under the lock of the touched partitions' progress; what was decided over
 * them is stored together with its events and with how far the partitions are.  Decides nothing.
 */

#include "worker/batch.h"

struct run_report;

/*
 * What one decision and its storing take of the arena at most, beside four times its message: a
 * hundred steps of forty lines, which stand in rows and in events, with explanations of 7 KiB (all
 * tiers of a charge) or less, ten discounts and five taxes each; and a hundred items once.
 */
#define DECISION_BYTES_MAX (96 * 1024 * 1024)

/**
 * transaction_prepare(pg, texts):
 * Have all statements prepared that a transaction sends: of this module, of progress and of facts.
 * The texts of these are in ${texts}, which is begun here and lives as long as ${pg}.
 */
void transaction_prepare(struct pg *pg, struct arena *texts);

/**
 * transaction_begin(context):
 * Take back the memory of the transaction before, and touch no partition.  The caller adds those
 * that it is about to context->touched, and asks context->facts for what it needs.
 */
void transaction_begin(struct batch_context *context);

/**
 * transaction_load(context, err):
 * Open it, lock the progress of the touched partitions, and load what was asked for, and what that
 * points to: one round trip, two, or three where prices or items name tax rates.  Plans are
 * forgotten before when they are too old.
 */
NODISCARD enum err_class transaction_load(struct batch_context *context, struct err *err);

/**
 * transaction_draft(context):
 * Let the touched partitions' batch_* values be what they are, for decisions to move.
 */
void transaction_draft(struct batch_context *context);

/**
 * transaction_store(context, report, settled, err):
 * One round trip: store the facts and what they add to a billing run's ${report} (NULL: to none),
 * forget whoever is ${settled} (NULL: nobody is), move the progress to the batch_* values, commit.
 */
NODISCARD enum err_class transaction_store(struct batch_context *context,
    const struct run_report *report, const struct due_settled *settled, struct err *err);

/**
 * transaction_committed(context):
 * What was drafted is true, and the events go out, where ${context} has a publisher.
 */
void transaction_committed(struct batch_context *context);

/**
 * transaction_publish(context, publisher):
 * Let the events go out of what was committed last, of a context without a publisher; those of what
 * was committed before come from the outbox.
 */
void transaction_publish(const struct batch_context *context, struct publisher *publisher);

/**
 * transaction_fail(context):
 * Whatever went wrong: leave an idle connection, and plan anew.
 */
void transaction_fail(struct batch_context *context);

/**
 * transaction_has_room(context, bytes):
 * Whether one more decision that takes up to ${bytes} of the arena can still be stored: storing
 * takes as much again as all decisions took.
 */
NODISCARD bool transaction_has_room(const struct batch_context *context, size_t bytes);

#endif
