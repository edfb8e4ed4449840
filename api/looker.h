#ifndef API_LOOKER_H
#define API_LOOKER_H

/*
 * What becomes of billing runs that are followed: one thread with a connection of its own looks at
 * all of them, each second, and makes an event of each that has changed, once for whoever follows
 * it.  It never touches a request, and nobody ever waits for it.
 *
 * Organisations are looked at one by one, in a transaction each.  What is read each second is cheap
 * (the view's mark); a run is read whole only when that has changed, one run after the other and
 * those first that have waited longest, until the organisation's time is used up.  Then it rests
 * three times as long as it took: whatever one of them follows, three quarters of the time are the
 * others'.  A run that cannot be read in time is left alone for a while, and no other with it.
 */

#include "api/sse_event.h"
#include "common/postgres/pg.h"

#define LOOKER_INTERVAL_MS 1000    /* between two looks at what an organisation follows */
#define LOOKER_BUDGET_MS 250       /* after which no further run is read in one look */
#define LOOKER_REST 3              /* times as long as a look took nothing is read for it */
#define LOOKER_STATEMENT_MS 2000   /* for one read */
#define LOOKER_AGAIN_MS 30000      /* after a run could not be read */
#define LOOKER_ORGANISATION_MAX 64 /* runs of one organisation in one look; the rest is next */
/* A canceled run's workers finish the chunks that they have in hand, which add to what it came to:
 * it is told when nothing did for so long, many times what a chunk takes. */
#define LOOKER_SETTLE_MS 2000

struct looker;
struct looker_run; /* one run */

/**
 * looker_new(settings, wake, cls), looker_free(looker):
 * Start the thread, which connects by ${settings} once there is something to look at, and calls
 * ${wake} with ${cls} whenever there is a new event.  Never NULL.  Free, when nothing is followed
 * any more, waits for the end of what is being read, and accepts NULL.
 */
NODISCARD struct looker *looker_new(
    const struct pg_settings *settings, void (*wake)(void *cls), void *cls);
void looker_free(struct looker *looker);

/**
 * looker_follow(looker, organisation_id, id), looker_leave(looker, followed):
 * Follow a run from now on, and no longer; it is read at once.  NULL: there is no memory.  Leaving
 * NULL is fine.
 */
NODISCARD struct looker_run *looker_follow(
    struct looker *looker, struct uuid organisation_id, struct uuid id);
void looker_leave(struct looker *looker, struct looker_run *followed);

/**
 * looker_next(looker, followed, number):
 * The newest event, which the caller then holds, unless it is ${number}, the number of that which
 * was told last, from 1, which is moved on; else, and while it is not at hand, NULL.
 */
NODISCARD struct sse_event *looker_next(
    struct looker *looker, struct looker_run *followed, int64_t *number);

#endif
