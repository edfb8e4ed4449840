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
#include "common/zone/zone.h"

/* Of the customer's other live subscriptions those that fall due first, as many as a worker has in
 * hand before a command. */
#define PREVIEW_OTHERS_MAX 101
#define PREVIEW_LIVES_MAX (1 + PREVIEW_OTHERS_MAX)
#define PREVIEW_VERSIONS_MAX \
	(2 * PREVIEW_LIVES_MAX + 1) /* that each is on and changes to, and the one asked for */
#define PREVIEW_BYTES_MAX ((size_t)16 * 1024 * 1024) /* of all rows that one is computed from */

_Static_assert(PREVIEW_LIVES_MAX <= ZONE_CACHE_ZONES, "no zone makes room for another");

/* A subscription on its way. */
struct preview_life {
	struct subscription subscription;  /* as the steps leave it that were taken */
	const struct zone *zone;           /* its own; the preview's to keep */
	const struct quantity *quantities; /* of its current period, as it was read */
	size_t quantities_len;
	/* What discounts a step leaves, and what it found: the one while the other is read. */
	struct discount discounts[2][DISCOUNTS_MAX];
	size_t turn;
};

struct preview {
	struct action *action;
	struct arena arena; /* of rows, and what is made of them */
	struct uuid organisation_id;
	enum proration proration;           /* the organisation's settings */
	bool many;                          /* likewise: many live subscriptions side by side */
	struct invoice_terms invoice_terms; /* likewise */
	struct uuid organisation_rates[TAX_RATES_MAX]; /* likewise: the tax rates of who has none */
	size_t organisation_rates_len;
	struct customer customer;      /* its balance as the steps leave it that were taken */
	struct instant now;            /* the customer's */
	struct plan plan;              /* that is asked for, when one is */
	struct uuid_list tax_rate_ids; /* that the new one would have */
	struct coupon coupons[DISCOUNTS_MAX]; /* that are asked for, */
	size_t coupons_len;
	struct discount taken[DISCOUNTS_MAX]; /* and what it takes of them */
	struct preview_life
	    lives[PREVIEW_LIVES_MAX]; /* the one that it is of, then others of the customer */
	size_t lives_len;             /* from 1 */
	struct zone_cache zones;
	size_t versions_len;
	struct plan_version versions[PREVIEW_VERSIONS_MAX];
	const struct item *const *items; /* the customer's pending ones, up to the first bill */
	size_t items_len;
	const struct tax_rate *const *rates; /* all that are named anywhere */
	size_t rates_len;
	struct step step; /* the last one that was computed */
	struct bill bill; /* and its bill */
	char detail[200]; /* what a refusal adds to its title; "" for nothing */
};

/* Each reads from the database into the preview.  False when an answer is noted: it is not there,
 * or the database is not. */
NODISCARD bool preview_load_organisation(struct preview *preview);
NODISCARD bool preview_load_customer(struct preview *preview, struct uuid id); /* and its time */
NODISCARD bool preview_load_plan(struct preview *preview, struct uuid id, struct str code);
NODISCARD bool preview_load_subscription(struct preview *preview, struct uuid id);
/* The customer's other live subscriptions, with all that steps of any of them need. */
NODISCARD bool preview_load_lives(struct preview *preview);
NODISCARD bool preview_load_zone(
    struct preview *preview, struct str name, const struct zone **ret_zone);
/* Those that the body names by coupon_codes, in their order. */
NODISCARD bool preview_load_coupons(struct preview *preview);
/* The customer's pending items, and every tax rate that anything of the preview names: at last. */
NODISCARD bool preview_load_assessed(struct preview *preview);
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
 * preview_assess(preview, life):
 * Assess the bill of the last step, which is one of ${life}, as a worker does, if it bills.
 * Refused as assess, and AMOUNT_OUT_OF_RANGE when the balance cannot take the credit.
 */
NODISCARD enum refusal preview_assess(struct preview *preview, struct preview_life *life);

/**
 * preview_settle(preview):
 * The last step is past: its bill has used up the pending items, and its part of the balance.
 */
void preview_settle(struct preview *preview);

/**
 * preview_terms(preview, life):
 * What a step of ${life} is computed from.
 */
NODISCARD struct terms preview_terms(
    const struct preview *preview, const struct preview_life *life);

/**
 * preview_take_step(preview, life):
 * ${life} becomes what the last step, which was one of it, left.
 */
void preview_take_step(struct preview *preview, struct preview_life *life);

/**
 * preview_catch_up(preview):
 * What fell due of the customer before now happens first, as a worker does it before a command: of
 * all its subscriptions, in the order of due_at, then id; one that cannot be billed is parked.
 * Refused: BILLING_BEHIND, when that is more than a worker does for one command.
 */
NODISCARD enum refusal preview_catch_up(struct preview *preview);

/**
 * preview_follow(preview):
 * Unless the last step bills: go on to the first one of the preview's subscription that does; the
 * last step does not, when none will.  What of the customer's other subscriptions falls due before
 * is taken along where it may take something away: pending items, or of the balance; up to a bound,
 * behind which it is left out.  Refused as a step of the preview's subscription; BILLING_BEHIND,
 * when it has too many of them before.
 */
NODISCARD enum refusal preview_follow(struct preview *preview);

/**
 * preview_answer(preview):
 * Answer with what the last step bills.
 */
void preview_answer(struct preview *preview);

#endif
