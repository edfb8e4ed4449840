#ifndef WORKER_FLIGHTS_H
#define WORKER_FLIGHTS_H

/*
 * Batches in flight.  While one is stored, by a thread that does nothing else, the loop gathers the
 * next one, loads what it needs over another connection, and decides it: so the worker and its
 * database are both at work.  Two batches that are under way are about different partitions, as if
 * two workers had them.
 *
 * What the first one has loaded under a lock, the second waits for until that is committed; the
 * first never waits for the second, which stores nothing before.  When the first one fails, the
 * second is undone, and either is processed again, alone.
 */

#include <pthread.h>

#include "worker/batch.h"

#define FLIGHTS 2

/* A batch and where it is processed. */
struct flight {
	struct batch_context *context;
	size_t len, bytes;     /* messages, and what they take */
	struct entry *entries; /* BATCH_MESSAGES_MAX; theirs are owned */
	bool storing;          /* all of this but the messages is the storer's */
	/* What came of it. */
	enum err_class class;
	struct err err;
};

struct flights {
	struct flight items[FLIGHTS];
	size_t filling; /* the one that is not stored, and takes messages */

	struct batch_context second; /* of items[1] */
	struct arena statements;     /* of its connection */

	pthread_t storer;
	bool started;
	pthread_mutex_t lock; /* of both that follow */
	pthread_cond_t news;
	struct flight *lent; /* to the storer; NULL: it is idle */
	bool stop;
};

/**
 * flights_open(pg_settings, secret, first, flights, err), flights_close(flights):
 * Begin with ${first}, which is set already and goes on to be its owner's while nothing is in
 * flight, and another context like it, whose connection is made when it is used.  ${secret}: as
 * signatures_init has it.  Close ends the thread, behind what it stores, and accepts zeroed ones.
 */
NODISCARD enum err_class flights_open(const struct pg_settings *pg_settings,
    const struct id_secret *secret, struct batch_context *first, struct flights *flights,
    struct err *err);
void flights_close(struct flights *flights);

/**
 * flights_filling(flights):
 * The one that takes messages.
 */
NODISCARD struct flight *flights_filling(struct flights *flights);

/**
 * flights_hold(flights, partition):
 * Whether what is being stored is about ${partition}, whose messages then have to wait.
 */
NODISCARD bool flights_hold(const struct flights *flights, const struct partition *partition);

/**
 * flights_storing(flights):
 * Whether anything is being stored.
 */
NODISCARD bool flights_storing(const struct flights *flights);

/**
 * flights_process(flights, more, err):
 * Process what was filled, and what is being stored to its end.  With ${more} messages for the next
 * batch at hand it may return before what was filled is stored.  Errors as of batch_process.
 */
NODISCARD enum err_class flights_process(struct flights *flights, bool more, struct err *err);

/**
 * flights_land(flights, err):
 * Wait until nothing is being stored.  Errors as of batch_process.
 */
NODISCARD enum err_class flights_land(struct flights *flights, struct err *err);

/**
 * flights_abandon(flights):
 * Likewise, and let go of all messages: what is not committed by now is as if it had not come.
 */
void flights_abandon(struct flights *flights);

#endif
