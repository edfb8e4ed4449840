#ifndef WORKER_DUE_H
#define WORKER_DUE_H

/*
 * What falls due by itself.  Once in a while the worker looks which customers of its partitions
 * have something due, and which test clocks are advancing, and does a chunk of it as it does a
 * batch: under the lock of the partitions' progress, in one transaction.  No message is needed: a
 * step is the same whoever takes it, and when (billing.h).  Never does what falls due later than a
 * partition's due_until, which the loop keeps behind the command log.
 */

#include "common/kafka/consumer.h"
#include "worker/chunk.h"

#define DUE_FOUND_MAX 200 /* subscriptions that a look finds in real time; likewise on clocks */
#define DUE_SKIPS_MAX 64  /* customers that are left alone at a time */
#define DUE_KAFKA_MS 1000 /* for Kafka to tell what waits */
#define DUE_SKIP_MS (INT64_C(10) * 60 * 1000)

/* A customer, or a clock, with which even parking failed. */
struct due_skip {
	struct uuid id;
	struct instant due_at; /* since when; none: of a clock */
	int64_t until_ms;      /* steady clock */
};

/* What is kept between two looks. */
struct due {
	struct consumer *consumer;
	bool continuous;     /* what falls due in real time is done by itself; else by runs alone */
	int64_t interval_ms; /* between two looks while nothing is due */
	int64_t margin_ms;   /* behind the command log: what was accepted before may still come */
	int64_t look_at_ms;  /* steady clock: not before */
	int64_t bound_ms;    /* by the database's clock: when the loop set due_until */
	bool left;           /* there may be more to do at once */
	int32_t turn;        /* which partition is looked at first: none waits for ever */
	size_t skips_len;
	struct due_skip skips[DUE_SKIPS_MAX];
	struct due_items found;
};

/**
 * due_prepare(pg):
 * Have the statements of this module prepared.
 */
void due_prepare(struct pg *pg);

/**
 * due_until(due, partition, now_ms, waiting):
 * Up to when what falls due in ${partition} may be done: with messages ${waiting}, up to what was
 * accepted last of those that are processed, else up to now (milliseconds since the epoch), less
 * the margin.  INSTANT_NONE: nothing, as it is not known, or as messages are tried alone.
 */
NODISCARD struct instant due_until(
    const struct due *due, const struct partition *partition, int64_t now_ms, bool waiting);

/**
 * due_looks_at(partition):
 * Whether a look is about ${partition}: something may be done, and nobody else is at it.
 */
NODISCARD bool due_looks_at(const struct partition *partition);

/**
 * due_hold_back(due, found, partition, end_offset):
 * The messages of ${partition} go up to ${end_offset}, whatever the last fetch knew: bring its
 * due_until and what was ${found} in it behind those that wait.
 */
void due_hold_back(
    struct due *due, struct due_items *found, struct partition *partition, int64_t end_offset);

/**
 * due_end_is_known(due, partition):
 * Whether the broker told within half the margin that no message of ${partition} waits.
 */
NODISCARD bool due_end_is_known(const struct due *due, const struct partition *partition);

/**
 * due_ask_ends(due, context, err):
 * Ask the broker for the ends of our partitions, and due_hold_back each that has messages waiting,
 * with what was found last.
 * ERR_RETRY when it does not tell: nothing that was found may be done.
 */
NODISCARD enum err_class due_ask_ends(
    struct due *due, const struct batch_context *context, struct err *err);

/**
 * due_find(context, turn, continuous, left_alone, left_len, ret_items, err):
 * In a transaction of its own: who has something due in our partitions up to their due_until, where
 * that is done by itself (${continuous}), and on the clocks that are advancing; beginning with
 * partition number ${turn} of ours.  Each customer once, each clock that has nothing left once; at
 * most DUE_FOUND_MAX subscriptions of each kind.  Of real time no customer of ${left_alone}, as it
 * would take a place of the others.
 */
NODISCARD enum err_class due_find(struct batch_context *context, int32_t turn, bool continuous,
    const struct uuid *left_alone, size_t left_len, struct due_items *ret_items, struct err *err);

/**
 * due_step(due, context, err):
 * When it is time, look, and do one chunk.  While Kafka does not tell what waits, nothing is done.
 * ERR_NONE: due->left tells whether to come back at once.
 * ERR_RETRY: the database failed or another worker owns a partition.  ERR_FATAL: exit.
 */
NODISCARD enum err_class due_step(struct due *due, struct batch_context *context, struct err *err);

#endif
