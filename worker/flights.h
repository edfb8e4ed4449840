#ifndef WORKER_FLIGHTS_H
#define WORKER_FLIGHTS_H

/*
 * Batches in flight.  While some are stored, each by a helper and over a connection of its own, the
 * loop gathers the next one, loads what it needs, and decides it: so the worker and its database
 * are both at work.  Batches that are under way are about different partitions, as if as many
 * workers had them.
 *
 * What one that is stored has loaded under a lock, the one that is decided waits for until that is
 * committed; never the other way round, as it stores nothing before.  When one fails, the one that
 * is decided is undone, and either is processed again, alone.
 */

#include "worker/batch.h"
#include "worker/helper.h"

#define FLIGHTS 3 /* two are stored while one is decided */

/* A batch and where it is processed. */
struct flight {
	struct batch_context *context;
	size_t len, bytes;     /* messages, and what they take */
	struct entry *entries; /* BATCH_MESSAGES_MAX; theirs are owned */
	bool storing;          /* the context is the helper's, until it is awaited */
	/* What came of it. */
	enum err_class class;
	struct err err;

	/* flights.c's own. */
	struct batch_context own; /* the context, but of the first */
	struct arena statements;  /* of its connection */
	struct helper helper;
};

struct flights {
	struct flight items[FLIGHTS]; /* by turns */
	size_t filling; /* the one that is not stored, and takes messages; behind it the oldest */
};

/**
 * flights_open(pg_settings, secret, first, flights, err), flights_close(flights):
 * Begin with ${first}, which is set already and goes on to be its owner's while nothing is in
 * flight, and other contexts like it, whose connections are made when they are used.  ${secret}: as
 * signatures_init has it.  Close ends the helpers, behind what they store, and accepts zeroed ones.
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
 * Process what was filled.  With ${more} messages for the next batch at hand, or with others that
 * are being stored, it may return before that is stored.  Errors as of batch_process, of any.
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
