#ifndef WORKER_SIGHT_H
#define WORKER_SIGHT_H

/*
 * What row-level security lets us see, to the end of a transaction: statements that stand before
 * those that look (pg_run_within).  A transaction that decides says it by transaction.h.
 */

#include "common/postgres/pg.h"

/* What waits, whosever it is: subscriptions, clocks, payments and billing runs.  No parameters. */
#define SIGHT_DUE "sight_due"
/* What one organisation has: $1::uuid. */
#define SIGHT_OF "sight_of"

/**
 * sight_prepare(pg):
 * Have these statements prepared.
 */
void sight_prepare(struct pg *pg);

#endif
