#ifndef COMMON_DOMAIN_COUPON_H
#define COMMON_DOMAIN_COUPON_H

/*
 * Coupons: what an organisation takes off, and a discount: a coupon that a subscription came with
 * (billing-rules: "Invoices").  What a discount takes off a bill is assessment.h's.  Plain facts,
 * borrowed texts.  Pure.
 */

#include "common/base/decimal.h"
#include "common/base/instant.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/charge.h"
#include "common/domain/money.h"
#include "common/domain/refusal.h"

#define DISCOUNTS_MAX 10        /* of a subscription */
#define COUPON_PLANS_MAX 100    /* that a coupon names */
#define COUPON_PERCENT_PLACES 4 /* "12.5" percent, up to 100 */
#define COUPON_UNLIMITED INT64_MIN

/* Terms are written once; redemptions and archived_at move. */
struct coupon {
	struct uuid organisation_id;
	struct uuid id;
	struct str code; /* names one coupon that is not archived */
	struct str name;
	struct decimal percent_off; /* percent; none: amount_off */
	int64_t amount_off;         /* minor units of currency; or AMOUNT_NONE */
	struct currency currency;   /* of amount_off; else empty */
	struct str duration;        /* "once", "repeating", "forever" */
	int64_t duration_periods;   /* of "repeating", from 1; else COUPON_UNLIMITED */
	int64_t max_redemptions;    /* from 1; COUPON_UNLIMITED: any number */
	int64_t redemptions;        /* so far */
	struct instant redeem_by;   /* up to and with then; INSTANT_NONE: for ever */
	struct uuid_list plan_ids;  /* what it is taken off; none: everything */
	struct str_map metadata;
	int64_t created_ms; /* milliseconds: when its command was accepted; lists go by it */
	struct instant created_at;
	struct instant updated_at;
	struct instant archived_at; /* INSTANT_NONE while it is not */
};

/* A coupon's terms as a subscription took them, and how far they are used up. */
struct discount {
	struct uuid coupon_id;
	struct str code;
	struct str name;
	struct decimal percent_off;
	int64_t amount_off;
	struct str duration;
	struct uuid_list plan_ids;
	int64_t periods_left; /* that it is still good for; COUPON_UNLIMITED: any number */
	bool covers; /* one was used for the current period, by the invoice that began it or the
			first one inside it that this was taken off: changes inside the period use
			no other, and what they credit and charge in advance is covered, too */
	/* Of amount_off: what it gives on charges in advance for a part of the current natural
	 * period, and that part: so much was taken off them when it began to cover, and comes back
	 * when they are credited; and so much is taken off those that take their place, if they are
	 * as much.  0 of 1 when nothing was. */
	int64_t given; /* minor units, not negative */
	int64_t given_part;
	int64_t given_whole;
};

/**
 * coupon_redeem(coupon, plan_id, currency, now, ret_discount):
 * What a subscription to ${plan_id} of a customer who is billed in ${currency} takes of ${coupon}
 * at ${now}; to count the redemption is the caller's.  Refused, untouched, in this order:
 * COUPON_EXPIRED (archived, or after redeem_by), COUPON_EXHAUSTED (max_redemptions),
 * COUPON_NOT_APPLICABLE (another currency, or other plans).
 */
NODISCARD enum refusal coupon_redeem(const struct coupon *coupon, struct uuid plan_id,
    struct currency currency, struct instant now, struct discount *ret_discount);

/**
 * discount_has_plan(discount, plan_id):
 * Whether charges of that plan are among what ${discount} is taken off; the nil id: a one-off item,
 * which only one without plans is taken off.
 */
NODISCARD bool discount_has_plan(const struct discount *discount, struct uuid plan_id);

#endif
