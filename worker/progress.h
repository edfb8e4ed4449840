#ifndef WORKER_PROGRESS_H
#define WORKER_PROGRESS_H

/*
 * How far each partition is: the truth about offsets and event numbers, in billd.progress.  A batch
 * moves it in its own transaction, and only from where it began; so of two workers that believe
 * they own a partition, one commits and the other changes no row.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/kafka/consumer.h"
#include "common/postgres/pg.h"

#define MESSAGE_HASH_BYTES 16
#define TAKEOVERS_MAX 3       /* without a commit, before messages are tried alone */
#define CAREFUL_MESSAGES 1000 /* tried alone without harm, before batches are made again */

/* A partition that this worker owns. */
struct partition {
	int32_t id;
	int64_t next_offset;      /* of the next message to process, as committed */
	int64_t event_number;     /* the last one given, as committed */
	int64_t published_number; /* as the table has it */
	int32_t attempts;         /* takeovers since the last commit, this one included */
	int32_t careful_messages; /* how many were tried alone since then */
	int64_t suspect_offset;   /* the message that is tried alone */
	int32_t suspect_attempts; /* how often it was, this time not included */
	int32_t due_suspects;     /* over so many workers may have died whose due work was tried
				     alone: rows of billd.due_suspects */
	bool verify;              /* the message before next_offset is to be compared first */
	uint8_t last_hash[MESSAGE_HASH_BYTES]; /* of the message before next_offset */

	/* Of what falls due (due.h). */
	int64_t accepted_ms;      /* milliseconds since the epoch: the latest acceptance among the
				     processed messages; 0: none known yet */
	struct instant due_until; /* what falls due up to then is to be done; INSTANT_NONE: nothing
				     is, now */
	int64_t end_asked_ms; /* by the database's clock: when the broker last said that no message
				 waits; 0: never */
	bool due_missed;      /* the last look left it out, as it was lent */
	bool due_left;        /* the last look found something, or there was none yet */
	bool run_left;        /* likewise of billing runs (run.h) */

	bool lent; /* a runner has it (runner.h), and moves it there */

	/* Of the transaction that touches it; taken over when that commits. */
	int64_t batch_next_offset;
	int64_t batch_event_number;
	int32_t batch_due_suspects;
	uint8_t batch_hash[MESSAGE_HASH_BYTES];
};

struct partitions {
	size_t len;
	struct partition items[CONSUMER_PARTITIONS_MAX]; /* by id, ascending */
};

/* Some of them: what a transaction touches. */
struct partition_set {
	size_t len;
	struct partition *items[CONSUMER_PARTITIONS_MAX]; /* by id, ascending */
};

/**
 * progress_prepare(pg):
 * Have the statements of this module prepared.
 */
void progress_prepare(struct pg *pg);

/**
 * partitions_find(partitions, id):
 * The partition of that id, or NULL when it is not ours.
 */
NODISCARD struct partition *partitions_find(struct partitions *partitions, int32_t id);

/**
 * partition_set_add(set, partition), partition_set_has(set, partition):
 * Put ${partition} into ${set}, once; and whether it is there.
 */
void partition_set_add(struct partition_set *set, struct partition *partition);
NODISCARD bool partition_set_has(
    const struct partition_set *set, const struct partition *partition);

/**
 * partition_is_careful(partition):
 * Whether workers died over this partition so often that its messages are tried alone, each noted
 * before.
 */
NODISCARD bool partition_is_careful(const struct partition *partition);

/* The topic as this process is told it is. */
struct progress_topic {
	const char *cluster_id; /* of the Kafka cluster */
	int32_t partitions;     /* all of them */
};

/**
 * progress_take(pg, topic, ids, len, attempt, ret_partitions, err):
 * Read how far the ${len} partitions in ${ids} (ascending) are; ${attempt} counts this as a
 * takeover. ERR_FATAL when one has no row, or the rows are of another ${topic}.
 */
NODISCARD enum err_class progress_take(struct pg *pg, const struct progress_topic *topic,
    const int32_t *ids, size_t len, bool attempt, struct partitions *ret_partitions,
    struct err *err);

/**
 * progress_send_lock(pg, touched, arena, err), progress_receive_lock(pg, touched, err):
 * Within a transaction: lock the rows of the ${touched} partitions, and find them as we know
 * them.  ERR_RETRY when another worker moved one: what we hold is out of date.
 */
NODISCARD enum err_class progress_send_lock(
    struct pg *pg, const struct partition_set *touched, struct arena *arena, struct err *err);
NODISCARD enum err_class progress_receive_lock(
    struct pg *pg, const struct partition_set *touched, struct err *err);

/**
 * progress_send_move(pg, touched, arena, err), progress_receive_move(pg, touched, err):
 * Within the same transaction: move every touched partition to its batch_* values, from where it
 * began.  A row that was not where we thought is a bug behind the lock (CHECKed).
 */
NODISCARD enum err_class progress_send_move(
    struct pg *pg, const struct partition_set *touched, struct arena *arena, struct err *err);
NODISCARD enum err_class progress_receive_move(
    struct pg *pg, const struct partition_set *touched, struct err *err);

/**
 * progress_suspect(pg, partition, arena, err):
 * On its own: note that the message at next_offset is being tried alone, once more.
 */
NODISCARD enum err_class progress_suspect(
    struct pg *pg, struct partition *partition, struct arena *arena, struct err *err);

/**
 * progress_suspect_due(pg, partition, suspects, len, arena, ret_which, ret_attempts, err):
 * Likewise, that what is due of one of ${suspects} (customers, and test clocks) is being tried
 * alone: of the first that was before and came to no end, else of the first.  Which, and how often
 * it was, this time included.  ERR_RETRY when the partition is not where we know it.
 */
NODISCARD enum err_class progress_suspect_due(struct pg *pg, struct partition *partition,
    const struct uuid *suspects, size_t len, struct arena *arena, size_t *ret_which,
    int32_t *ret_attempts, struct err *err);

/**
 * progress_survived(pg, partition, arena), progress_survived_due(pg, partition, suspect, arena):
 * On its own: what was tried alone came to nothing, but nobody died over it: it is not counted.
 * Where the database does not answer it stays counted.
 */
void progress_survived(struct pg *pg, const struct partition *partition, struct arena *arena);
void progress_survived_due(
    struct pg *pg, const struct partition *partition, struct uuid suspect, struct arena *arena);

/* Whose due work is done or parked in a transaction, so far as they may be suspected.  Begins with
 * its maximum, else zeroed; lives in the arena. */
struct due_settled {
	size_t len, max;
	int32_t *partitions;
	int64_t *suspects;
};

/**
 * progress_settle(settled, partition, suspect, arena):
 * What is due of ${suspect} in ${partition} is done in the transaction in hand.  Where nobody is
 * suspected there is nothing to forget.
 */
void progress_settle(struct due_settled *settled, const struct partition *partition,
    struct uuid suspect, struct arena *arena);

/**
 * progress_send_forget(pg, settled, arena, err), progress_receive_forget(pg, partitions, err):
 * Within the transaction that settles them: they are suspected no more.
 */
NODISCARD enum err_class progress_send_forget(
    struct pg *pg, const struct due_settled *settled, struct arena *arena, struct err *err);
NODISCARD enum err_class progress_receive_forget(
    struct pg *pg, struct partitions *partitions, struct err *err);

/**
 * progress_check(pg, partitions, arena, err):
 * On its own: see that all ${partitions} that are not lent are where we know them.  ERR_RETRY when
 * one is not: another worker moved it, or the database was restored.
 */
NODISCARD enum err_class progress_check(
    struct pg *pg, struct partitions *partitions, struct arena *arena, struct err *err);

/**
 * progress_has_forgotten(partitions):
 * Whether there are suspects in a partition without attempts that is not lent: a note removes them.
 */
NODISCARD bool progress_has_forgotten(const struct partitions *partitions);

/**
 * progress_note(pg, partitions, arena, err):
 * On its own: note published_number, and that the partitions left our hands, or are in them,
 * unharmed; in those without attempts nobody is suspected any more.  One that is lent, and a row
 * that was moved by another worker, is left alone.
 */
NODISCARD enum err_class progress_note(
    struct pg *pg, struct partitions *partitions, struct arena *arena, struct err *err);

#endif
