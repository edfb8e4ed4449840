/* The command that creates a subscription, with its coupons, its first invoice, and all that fell
 * due since when it starts in the past. */

#include "common/base/id.h"
#include "worker/billing.h"
#include "worker/handler.h"
#include "worker/tax_rates.h"

int32_t
subscription_create_shard(const void *command)
{
	const struct create_subscription *create = command;

	return id_shard_of_key(create->customer_id);
}

struct uuid
subscription_create_resource(const void *command)
{
	const struct create_subscription *create = command;

	return id_derive(
	    create->meta.operation_id, ID_SUBSCRIPTION, 0, subscription_create_shard(command));
}

void
subscription_create_refer(struct facts *facts, const void *command)
{
	const struct create_subscription *create = command;
	struct uuid organisation_id = create->meta.organisation_id;

	facts_need(facts, NEED_CUSTOMER, organisation_id, &create->customer_id);
	facts_need(facts, NEED_LIVE_SUBSCRIPTION, organisation_id, &create->customer_id);
	if (create->plan_code.ptr != NULL)
		facts_need_text(facts, NEED_PLAN_CODE, organisation_id, create->plan_code);
	else
		facts_need(facts, NEED_PLAN, organisation_id, &create->plan_id);
	for (size_t i = 0; i < create->coupon_codes.len; i++)
		facts_need_text(
		    facts, NEED_COUPON_CODE, organisation_id, create->coupon_codes.items[i]);
	tax_rates_refer(facts, organisation_id, create->tax_rate_ids);
}

static bool
may_have_many(const struct decision *decision)
{
	return str_equal(decision->organisation->subscriptions_per_customer, STR("many"));
}

/* What the command asks domain/ for, and what that computes with. */
struct attempt {
	const struct create_subscription *create;
	const struct customer *customer;
	const struct plan *plan;
	struct plan_version version;
	struct terms terms;
	struct instant now;
	struct coupon *coupons[DISCOUNTS_MAX]; /* rows of those that it names, in their order */
	struct discount *discounts;            /* what it takes of them; in the arena */
};

/* The facts of ${attempt}. */
static enum refusal
attempt_begin(struct decision *decision, struct attempt *attempt)
{
	enum refusal refusal =
	    billing_settings(decision, attempt->customer->timezone, &attempt->terms);

	attempt->version = plan_current(attempt->plan);
	attempt->terms.version = &attempt->version;
	return refusal;
}

/* The rows of the coupons and tax rates that it names. */
static enum refusal
names_find(struct decision *decision, struct attempt *attempt)
{
	const struct str_list codes = attempt->create->coupon_codes;

	CHECK(codes.len <= DISCOUNTS_MAX);
	for (size_t i = 0; i < codes.len; i++) {
		attempt->coupons[i] = facts_coupon_by_code(decision->decider->facts,
		    attempt->create->meta.organisation_id, codes.items[i]);
		if (attempt->coupons[i] == NULL)
			return decision_refuse(decision, REFUSAL_COUPON_NOT_FOUND,
			    "no coupon has the code \"%.*s\"", STR_ARG(codes.items[i]));
	}
	return tax_rates_find(decision, attempt->create->tax_rate_ids);
}

static enum refusal
coupons_differ(struct decision *decision, const struct attempt *attempt)
{
	const struct str_list codes = attempt->create->coupon_codes;

	for (size_t i = 0; i < codes.len; i++)
		for (size_t j = 0; j < i; j++)
			if (attempt->coupons[i] == attempt->coupons[j])
				return decision_refuse(decision, REFUSAL_COUPON_TWICE,
				    "coupon \"%.*s\" is named twice", STR_ARG(codes.items[i]));
	return REFUSAL_NONE;
}

/* What it takes of its coupons; nothing is counted yet. */
static enum refusal
coupons_redeem(struct decision *decision, struct attempt *attempt)
{
	const size_t len = attempt->create->coupon_codes.len;
	enum refusal refusal = coupons_differ(decision, attempt);

	attempt->discounts =
	    arena_array(decision->decider->arena, DISCOUNTS_MAX, sizeof(*attempt->discounts));
	CHECK(attempt->discounts != NULL);
	for (size_t i = 0; refusal == REFUSAL_NONE && i < len; i++) {
		refusal = coupon_redeem(attempt->coupons[i], attempt->plan->id,
		    attempt->customer->currency, attempt->now, &attempt->discounts[i]);
		if (refusal != REFUSAL_NONE)
			refusal = decision_refuse(decision, refusal, "coupon \"%.*s\": %s",
			    STR_ARG(attempt->coupons[i]->code), refusal_info(refusal)->explanation);
	}
	return refusal;
}

/* Count the coupons that it took; their rows are locked. */
static void
coupons_count(struct decision *decision, const struct attempt *attempt)
{
	for (size_t i = 0; i < attempt->create->coupon_codes.len; i++) {
		struct coupon coupon = *attempt->coupons[i];

		CHECK(coupon.max_redemptions == COUPON_UNLIMITED ||
		      coupon.redemptions < coupon.max_redemptions);
		coupon.redemptions++;
		coupon.updated_at = decision_now(decision, coupon.updated_at);
		facts_change(decision->decider->facts, TABLE_COUPONS, attempt->coupons[i], &coupon);
	}
}

/* What stands against it beside domain/lifecycle.h, which is given what was redeemed; who is
 * archived is refused there, too, but before his coupons. */
static enum refusal
attempt_judge(struct decision *decision, struct attempt *attempt)
{
	const struct uuid_list none = {NULL, 0};
	enum refusal refusal = names_find(decision, attempt);

	if (refusal != REFUSAL_NONE)
		return refusal;
	if (!instant_is_none(attempt->customer->archived_at))
		return REFUSAL_CUSTOMER_ARCHIVED;
	if (!instant_is_none(attempt->plan->archived_at))
		return REFUSAL_PLAN_ARCHIVED;
	refusal = coupons_redeem(decision, attempt);
	if (refusal != REFUSAL_NONE)
		return refusal;
	return tax_rates_take(decision, attempt->create->tax_rate_ids, none);
}

static enum refusal
attempt_make(struct decision *decision, const struct attempt *attempt, struct step *step)
{
	const struct create_subscription *create = attempt->create;
	const struct wish wish = {
	    .quantity = create->quantity,
	    .start_at = create->start_at,
	    .end_at = create->end_at,
	    .trial_days = create->trial_days == INT64_MIN ? -1 : (int32_t)create->trial_days,
	    .anchor = create->anchor,
	    .discounts = attempt->discounts,
	    .discounts_len = create->coupon_codes.len,
	    .tax_rate_ids = create->tax_rate_ids,
	    .many = may_have_many(decision),
	};
	const struct subscription *live = facts_live_subscription(
	    decision->decider->facts, attempt->customer->organisation_id, attempt->customer->id);

	step->after = (struct subscription){
	    .id = subscription_create_resource(create),
	    .shard = attempt->customer->shard,
	    .metadata = create->metadata,
	    .created_ms = create->meta.accepted_at,
	};
	return lifecycle_create(attempt->customer, attempt->plan, live, &wish, &attempt->terms,
	    attempt->now, step, decision->decider->bill);
}

/* A bound that is not domain/'s: nobody comes back for what a start in the past leaves due on a
 * clock that stands still. */
static enum refusal
hold_bound(struct decision *decision, const struct attempt *attempt, struct step *step)
{
	if (uuid_is_nil(attempt->customer->test_clock_id))
		return REFUSAL_NONE;
	if (billing_steps_due(decision, &step->after, &attempt->terms, attempt->now,
		BILLING_STEPS_MAX + 1) > BILLING_STEPS_MAX)
		return decision_refuse(decision, REFUSAL_START_TOO_EARLY,
		    "more than %d periods lie between the start and the time of the test clock",
		    BILLING_STEPS_MAX);
	/* To count has taken the bill. */
	return attempt_make(decision, attempt, step);
}

enum refusal
subscription_create_decide(struct decision *decision, const void *command)
{
	const struct create_subscription *create = command;
	struct facts *facts = decision->decider->facts;
	struct uuid organisation_id = create->meta.organisation_id;
	struct customer *row = facts_customer(facts, organisation_id, create->customer_id);
	struct attempt attempt = {.create = create, .customer = row};
	struct customer customer;
	struct step step;
	enum refusal refusal;
	bool more;

	if (row == NULL)
		return REFUSAL_CUSTOMER_NOT_FOUND;
	attempt.plan = create->plan_code.ptr != NULL
			   ? facts_plan_by_code(facts, organisation_id, create->plan_code)
			   : facts_plan(facts, organisation_id, create->plan_id);
	if (attempt.plan == NULL)
		return REFUSAL_PLAN_NOT_FOUND;
	refusal = billing_bring_up(decision, row, &attempt.now);
	if (refusal == REFUSAL_NONE)
		refusal = attempt_judge(decision, &attempt);
	if (refusal == REFUSAL_NONE)
		refusal = attempt_begin(decision, &attempt);
	if (refusal == REFUSAL_NONE)
		refusal = attempt_make(decision, &attempt, &step);
	if (refusal == REFUSAL_NONE)
		refusal = hold_bound(decision, &attempt, &step);
	if (refusal != REFUSAL_NONE)
		return refusal;

	refusal = billing_apply(decision, row, NULL, &step, decision->decider->bill);
	if (refusal != REFUSAL_NONE)
		return refusal;
	coupons_count(decision, &attempt);
	refusal = billing_catch_up(decision, row, HORIZON_AT(attempt.now), &more);
	if (refusal != REFUSAL_NONE)
		return refusal;
	/* All of this may lie in the past; the customer has seen the present. */
	customer = *row;
	customer.latest_at = attempt.now;
	facts_change(facts, TABLE_CUSTOMERS, row, &customer);
	return REFUSAL_NONE;
}
