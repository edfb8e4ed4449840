#ifndef WORKER_PUBLISH_H
#define WORKER_PUBLISH_H

/*
 * Publishing: committed events to billd.events, in the order of their numbers, at least once.
 *
 * After a commit the events go out from memory.  Whatever breaks that (a full queue, a failed
 * delivery, a takeover from a worker that died) makes the partition `behind`, and the rest comes
 * from the outbox.  A consumer sees a number again only as a repeat of one that it has seen.
 */

#include "common/kafka/producer.h"
#include "common/postgres/pg.h"
#include "worker/progress.h"
#include "worker/rows.h"

/* One partition's events, by number. */
struct lane {
	int64_t target;   /* the last one committed */
	int64_t sent;     /* the last one handed to the producer */
	int64_t acked;    /* all up to here are persisted */
	size_t in_flight; /* handed over and not reported yet */
	bool foreign; /* that is of before the lane was taken: its numbers may be others' by now */
	bool ours;
	bool behind; /* the rest comes from the outbox */
};

struct publisher {
	struct producer *producer;
	int64_t reached_ms; /* steady clock: when a broker was last known to answer */
	bool unreachable;   /* that is long ago, and was told */
	struct lane lanes[CONSUMER_PARTITIONS_MAX]; /* by partition id */
	bool dead_letters_due; /* some are in the table and may not be on the topic */
	int64_t retry_at_ms;   /* of the steady clock: no look into the outbox before */
};

/**
 * publish_prepare(pg):
 * Have the statements of this module prepared.
 */
void publish_prepare(struct pg *pg);

/**
 * publisher_init(publisher, producer):
 * Own nothing yet.  ${producer} is borrowed.
 */
void publisher_init(struct publisher *publisher, struct producer *producer);

/**
 * publisher_take(publisher, partitions):
 * From now on publish for these partitions and no others, from where the table says that they are.
 * Our own reports are believed beyond that only of a partition that was ours all the time, and that
 * stands where we left it.
 */
void publisher_take(struct publisher *publisher, const struct partitions *partitions);

/**
 * publisher_committed(publisher, partition, event_number):
 * The partition's events up to ${event_number} are committed; publisher_send follows for each, or
 * they come from the outbox.
 */
void publisher_committed(struct publisher *publisher, int32_t partition, int64_t event_number);

/**
 * publisher_is_committed(publisher, event):
 * Whether ${event} is one of these.
 */
NODISCARD bool publisher_is_committed(const struct publisher *publisher, const struct event *event);

/**
 * publisher_send(publisher, event):
 * Hand a committed event over from memory, if it is its turn.
 */
void publisher_send(struct publisher *publisher, const struct event *event);

/**
 * publisher_sent(publisher, partition):
 * No more is handed over from memory: what is committed and was not comes from the outbox.
 */
void publisher_sent(struct publisher *publisher, int32_t partition);

/**
 * publisher_step(publisher, pg, err):
 * Take delivery reports, and send some of what has to come from the outbox.  Never waits for Kafka.
 * An error is of the database.
 */
NODISCARD enum err_class publisher_step(
    struct publisher *publisher, struct pg *pg, struct err *err);

/**
 * publisher_reports(publisher, timeout_ms):
 * Only take delivery reports, waiting up to ${timeout_ms} for the first.
 */
void publisher_reports(struct publisher *publisher, int timeout_ms);

/**
 * publisher_reaches(publisher):
 * Whether a broker answers, or did a moment ago, by the reports taken last; told in the log when
 * that changes.
 */
bool publisher_reaches(struct publisher *publisher);

/**
 * publisher_note(publisher, partition):
 * Write how far publishing is into ${partition}, to be stored with what comes next.  Whether that
 * is news.
 */
bool publisher_note(const struct publisher *publisher, struct partition *partition);

/**
 * publisher_idle(publisher):
 * Whether all that is committed is published.
 */
NODISCARD bool publisher_idle(const struct publisher *publisher);

/**
 * publisher_unpublished(publisher):
 * How many committed events are not reported as persisted.
 */
NODISCARD int64_t publisher_unpublished(const struct publisher *publisher);

#endif
