#ifndef API_RECHECK_H
#define API_RECHECK_H

/*
 * What the ingress remembers of callers and keys, held against the database again: who is no longer
 * good is forgotten, who has another role gets it; the database is told which API keys were used;
 * and the ring of signing keys is read.  Belongs to one thread.
 */

#include "api/ingress.h"
#include "common/postgres/pg.h"

struct recheck;

/**
 * recheck_new(ingress, pg), recheck_free(recheck):
 * By the connection ${pg}, which has the statements of api/statements.h.  Never NULL; free accepts
 * NULL.
 */
NODISCARD struct recheck *recheck_new(struct ingress *ingress, struct pg *pg);
void recheck_free(struct recheck *recheck);

/**
 * recheck_callers(recheck, err):
 * Ask for all callers that are known.  On an error those that were not asked for stay as they are.
 */
NODISCARD enum err_class recheck_callers(struct recheck *recheck, struct err *err);

/**
 * recheck_ring(recheck, err):
 * Read the signing keys.  On an error those that are known stay.
 */
NODISCARD enum err_class recheck_ring(struct recheck *recheck, struct err *err);

/**
 * recheck_uses(recheck, err):
 * Write down the last use of each API key that was used a minute or more after the use that stands
 * there.  On an error they are written another time.
 */
NODISCARD enum err_class recheck_uses(struct recheck *recheck, struct err *err);

#endif
