#ifndef API_PREVIEW_PREVIEW_H
#define API_PREVIEW_PREVIEW_H

/*
 * Previews: what would be billed, computed from the same rows by the same rules as a worker does
 * (common/domain/lifecycle.h), and without any effect.  They run as actions do, on a thread with
 * a connection of its own.
 */

#include "api/identity/action.h"

#define PREVIEW_STATEMENTS_MAX ((size_t)256 * 1024) /* bytes of their text */

/* POST /v1/invoices/preview: the first invoice of a new subscription, or the next one of a
 * subscription.  POST /v1/subscriptions/{id}/change/preview: the one that a change leads to. */
action_run preview_invoice, preview_change;

/**
 * preview_prepare(pg, arena):
 * Have the statements of previews prepared.  Their text lives in ${arena} (PREVIEW_STATEMENTS_MAX),
 * as long as ${pg}.
 */
void preview_prepare(struct pg *pg, struct arena *arena);

#endif
