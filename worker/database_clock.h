#ifndef WORKER_DATABASE_CLOCK_H
#define WORKER_DATABASE_CLOCK_H

/*
 * The time by the database's clock, which is the same for all workers, and what due work and the
 * commands of workers' own are dated by: the clock of a worker's machine may be anything.  It is
 * asked once a second at most; what has passed since is told by clock_steady_ms.
 */

#include "common/postgres/pg.h"

/* Zeroed: it was not asked yet. */
struct database_clock {
	int64_t asked_ms;  /* what it said, in milliseconds since the epoch */
	int64_t steady_ms; /* when, by clock_steady_ms */
};

/**
 * database_clock_prepare(pg):
 * Have the statement prepared that database_clock_ready needs.
 */
void database_clock_prepare(struct pg *pg);

/**
 * database_clock_ready(clock, pg, err):
 * Ask it through ${pg}, which is in no transaction, when that is a while ago.
 */
NODISCARD enum err_class database_clock_ready(
    struct database_clock *clock, struct pg *pg, struct err *err);

/**
 * database_clock_now_ms(clock):
 * Milliseconds since the epoch; behind database_clock_ready.
 */
NODISCARD int64_t database_clock_now_ms(const struct database_clock *clock);

#endif
