#ifndef API_PREVIEW_PREVIEW_INTERNAL_H
#define API_PREVIEW_PREVIEW_INTERNAL_H

/*
 * What the files of previews share: the rows that one is computed from, and how they are read.
 */

#include "api/identity/action.h"
#include "common/domain/assessment.h"
#include "common/domain/invoice.h"
#include "common/domain/lifecycle.h"
#include "common/domain/test_clock.h"

#define PREVIEW_VERSIONS_MAX \
	3 /* that a subscription is on, changes to, and is asked to change to */

struct preview {
	struct action *action;
	struct uuid organisation_id;
	enum proration proration;           /* the organisation's settings */
	bool many;                          /* likewise: many live subscriptions side by side */
	struct invoice_terms invoice_terms; /* likewise */
	struct uuid organisation_rates[TAX_RATES_MAX]; /* likewise: the tax rates of who has none */
	size_t organisation_rates_len;
	struct customer customer; /* its balance as the steps leave it that were taken */
	struct instant now;       /* the customer's */
	struct plan plan;         /* that is asked for, when one is */
	struct subscription subscription;
	struct uuid_list tax_rate_ids;        /* that the new one would have */
	struct coupon coupons[DISCOUNTS_MAX]; /* that are asked for, */
	size_t coupons_len;
	struct discount taken[DISCOUNTS_MAX]; /* and what it takes of them */
	struct zone zone;                     /* the subscription's, or the new one's */
	size_t versions_len;
	struct plan_version versions[PREVIEW_VERSIONS_MAX];
	const struct quantity
	    *quantities; /* of the subscription's current period, as it was read */
	size_t quantities_len;
	const struct item *const *items; /* the customer's pending ones, up to the first bill */
	size_t items_len;
	const struct tax_rate *const *rates; /* all that are named anywhere */
	size_t rates_len;
	struct step step; /* the last one that was computed */
	struct bill bill; /* and its bill */
	/* What discounts a step leaves, and what it found: the one while the other is read. */
	struct discount discounts[2][DISCOUNTS_MAX];
	size_t turn;
	char detail[200]; /* what a refusal adds to its title; "" for nothing */
};

/* Each reads from the database into the preview.  False when an answer is noted: it is not there,
 * or the database is not. */
NODISCARD bool preview_load_organisation(struct preview *preview);
NODISCARD bool preview_load_customer(struct preview *preview, struct uuid id); /* and its time */
NODISCARD bool preview_load_plan(struct preview *preview, struct uuid id, struct str code);
NODISCARD bool preview_load_subscription(struct preview *preview, struct uuid id); /* and its
									versions and quantities */
NODISCARD bool preview_load_zone(struct preview *preview, struct str name);
/* Those that the body names by coupon_codes, in their order. */
NODISCARD bool preview_load_coupons(struct preview *preview);
/* The customer's pending items, and every tax rate that anything of the preview names: at last. */
NODISCARD bool preview_load_assessed(struct preview *preview);
/* One of the customer's live subscriptions, if there is one. */
NODISCARD bool preview_load_live(
    struct preview *preview, struct subscription *subscription, bool *ret_found);

/**
 * preview_version(preview, id):
 * The version of that id, which was read.
 */
NODISCARD const struct plan_version *preview_version(const struct preview *preview, struct uuid id);

/**
 * preview_take(preview):
 * What a new subscription takes of the coupons, none of which is counted for it, and whether it can
 * have its tax rates.  Refused as its creation, in this order: TAX_RATE_NOT_FOUND,
 * CUSTOMER_ARCHIVED, PLAN_ARCHIVED, COUPON_TWICE, as coupon_redeem, TAX_RATE_INVALID (one is named
 * twice), TAX_RATE_ARCHIVED.
 */
NODISCARD enum refusal preview_take(struct preview *preview);

/**
 * preview_assess(preview):
 * Assess the bill of the last step, as a worker does, if it bills.  Refused as assess, and
 * AMOUNT_OUT_OF_RANGE when the balance cannot take the credit.
 */
NODISCARD enum refusal preview_assess(struct preview *preview);

/**
 * preview_settle(preview):
 * The last step is past: its bill has used up the pending items, and its part of the balance.
 */
void preview_settle(struct preview *preview);

/**
 * preview_answer(preview):
 * Answer with what the last step bills.
 */
void preview_answer(struct preview *preview);

#endif
