#ifndef API_REFRESH_H
#define API_REFRESH_H

/*
 * The thread that looks at the database every two seconds: whether it is there, which keys sign,
 * and which of the known callers are still good (api/recheck.h).  While it is away, those that are
 * known stay known.
 */

#include "api/ingress.h"
#include "common/postgres/pg.h"

struct refresher;

/**
 * refresher_new(settings, ingress), refresher_free(refresher):
 * Start the thread, with a connection by ${settings}; the first look is made at once.  Never NULL;
 * free joins it, accepts NULL.
 */
NODISCARD struct refresher *refresher_new(
    const struct pg_settings *settings, struct ingress *ingress);
void refresher_free(struct refresher *refresher);

#endif
