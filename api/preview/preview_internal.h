#ifndef API_PREVIEW_PREVIEW_INTERNAL_H
#define API_PREVIEW_PREVIEW_INTERNAL_H

/*
 * What the files of previews share: the rows that one is computed from, and how they are read.
 */

#include "api/identity/action.h"
#include "common/domain/lifecycle.h"
#include "common/domain/test_clock.h"

#define PREVIEW_VERSIONS_MAX \
	3 /* that a subscription is on, changes to, and is asked to change to */

struct preview {
	struct action *action;
	struct uuid organisation_id;
	enum proration proration; /* the organisation's settings */
	bool many;                /* likewise: many live subscriptions side by side */
	struct customer customer;
	struct instant now; /* the customer's */
	struct plan plan;   /* that is asked for, when one is */
	struct subscription subscription;
	struct zone zone; /* the subscription's, or the new one's */
	size_t versions_len;
	struct plan_version versions[PREVIEW_VERSIONS_MAX];
	const struct quantity
	    *quantities; /* of the subscription's current period, as it was read */
	size_t quantities_len;
	struct step step; /* the last one that was computed */
	struct bill bill; /* and its bill */
};

/* Each reads from the database into the preview.  False when an answer is noted: it is not there,
 * or the database is not. */
NODISCARD bool preview_load_organisation(struct preview *preview);
NODISCARD bool preview_load_customer(struct preview *preview, struct uuid id); /* and its time */
NODISCARD bool preview_load_plan(struct preview *preview, struct uuid id, struct str code);
NODISCARD bool preview_load_subscription(struct preview *preview, struct uuid id); /* and its
									versions and quantities */
NODISCARD bool preview_load_zone(struct preview *preview, struct str name);
/* One of the customer's live subscriptions, if there is one. */
NODISCARD bool preview_load_live(
    struct preview *preview, struct subscription *subscription, bool *ret_found);

/**
 * preview_version(preview, id):
 * The version of that id, which was read.
 */
NODISCARD const struct plan_version *preview_version(const struct preview *preview, struct uuid id);

/**
 * preview_answer(preview):
 * Answer with what the last step bills.
 */
void preview_answer(struct preview *preview);

#endif
