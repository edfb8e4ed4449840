/* The life of a subscription: how it is made, and what all steps of it share. */
#include "common/domain/lifecycle_internal.h"

static const char *const event_names[LIFECYCLE_EVENT_MAX] = {
    [LIFECYCLE_CREATED] = "created",
    [LIFECYCLE_STARTED] = "started",
    [LIFECYCLE_TRIAL_ENDED] = "trial_ended",
    [LIFECYCLE_RENEWED] = "renewed",
    [LIFECYCLE_CHANGED] = "changed",
    [LIFECYCLE_UPDATED] = "updated",
    [LIFECYCLE_PAUSED] = "paused",
    [LIFECYCLE_RESUMED] = "resumed",
    [LIFECYCLE_CANCELED] = "canceled",
    [LIFECYCLE_EXPIRED] = "expired",
    [LIFECYCLE_PARKED] = "parked",
    [LIFECYCLE_EARNED] = "earned",
};

const char *
lifecycle_event_name(enum lifecycle_event event)
{
	CHECK((int)event >= 0 && event < LIFECYCLE_EVENT_MAX);
	return event_names[event];
}

void
lifecycle_begin(struct step *step, const struct subscription *subscription,
    enum lifecycle_event event, struct instant at)
{
	CHECK(instant_is_valid(at));

	*step = (struct step){
	    .event = event,
	    .at = at,
	    .after = *subscription,
	    .reason = STR_NONE,
	    .period = lifecycle_current(subscription),
	};
	step->after.billing_problem = STR_NONE;
	/* What fell due before it was made (a start in the past) does not set its clock back. */
	step->after.updated_at = instant_later(subscription->updated_at, at);
}

void
lifecycle_settle(struct step *step)
{
	struct subscription *after = &step->after;

	CHECK(after->natural_start.s <= after->current_period_start.s);
	CHECK(after->current_period_start.s < after->current_period_end.s);
	CHECK(after->current_period_end.s <= after->natural_end.s);
	after->due_at = subscription_due_at(after);
}

void
lifecycle_bills(struct step *step, const struct bill *bill, struct str reason, struct period period,
    bool always)
{
	CHECK(period.start.s < period.end.s);

	if (!always && bill->len == 0)
		return;
	step->bills = true;
	step->reason = reason;
	step->period = period;
}

void
lifecycle_move(struct subscription *subscription, enum subscription_status to)
{
	CHECK(subscription_transition_allowed(subscription_status_from(subscription->status), to));
	subscription->status = subscription_status_name(to);
}

void
lifecycle_take(
    struct subscription *subscription, const struct plan_version *version, int64_t quantity)
{
	CHECK(uuid_equal(subscription->organisation_id, version->organisation_id));
	CHECK(quantity >= 0 && quantity <= SUBSCRIPTION_QUANTITY_MAX);

	subscription->plan_id = version->plan_id;
	subscription->plan_version_id = version->id;
	subscription->quantity = quantity;
	subscription->pending_plan_id = UUID_NIL;
	subscription->pending_version_id = UUID_NIL;
	subscription->pending_quantity = QUANTITY_NONE;
}

struct period
lifecycle_current(const struct subscription *subscription)
{
	return (struct period){
	    subscription->current_period_start, subscription->current_period_end};
}

struct period
lifecycle_natural(const struct subscription *subscription)
{
	return (struct period){subscription->natural_start, subscription->natural_end};
}

bool
lifecycle_was_in_trial(const struct subscription *subscription)
{
	CHECK(!instant_is_none(subscription->paused_at));
	/* Its period is the trial itself, also when that could not end because nothing could be
	 * billed. */
	return !instant_is_none(subscription->trial_end) &&
	       subscription->current_period_start.s < subscription->trial_end.s;
}

bool
lifecycle_cadence_differs(const struct plan_version *a, const struct plan_version *b)
{
	return a->interval_count != b->interval_count || !str_equal(a->interval, b->interval);
}

/* The anchoring that ${subscription} was made with: only what anchoring_from takes gets there. */
static enum anchoring
anchoring_of(const struct subscription *subscription, int32_t *ret_day)
{
	enum anchoring anchoring = ANCHORING_START;
	bool known = anchoring_from(subscription->anchor, &anchoring, ret_day);

	CHECK(known);
	return anchoring;
}

bool
lifecycle_anchor_possible(
    const struct subscription *subscription, const struct plan_version *version)
{
	enum interval interval = plan_cadence(version).interval;
	int32_t day;

	return anchoring_of(subscription, &day) != ANCHORING_DAY || interval == INTERVAL_MONTH ||
	       interval == INTERVAL_YEAR;
}

/* The current period is what of the natural one lies between ${start} and end_at. */
static void
periods_set(struct subscription *subscription, struct period natural, struct instant start)
{
	struct instant end = natural.end;

	if (!instant_is_none(subscription->end_at) && subscription->end_at.s < end.s)
		end = subscription->end_at;
	CHECK(natural.start.s <= start.s);
	CHECK(start.s < end.s);
	subscription->natural_start = natural.start;
	subscription->natural_end = natural.end;
	subscription->period_moved_s = 0;
	subscription->current_period_start = start;
	subscription->current_period_end = end;
}

bool
lifecycle_place_at(struct subscription *subscription, const struct plan_version *version,
    const struct zone *zone, struct instant at)
{
	int32_t day, index;
	enum anchoring anchoring = anchoring_of(subscription, &day);
	struct anchor anchor;
	struct period natural;

	if (!calendar_place(
		zone, anchoring, day, plan_cadence(version), at, &anchor, &index, &natural))
		return false;
	subscription->anchor_at = anchor.at;
	subscription->anchor_day = anchor.day;
	subscription->period_index = index;
	subscription->realigns = false;
	periods_set(subscription, natural, at);
	return true;
}

int32_t
lifecycle_clipped_day(const struct subscription *subscription, const struct plan_version *version,
    const struct zone *zone)
{
	struct anchor anchor = {subscription->anchor_at, subscription->anchor_day};

	return calendar_clipped_day(zone, anchor, plan_cadence(version), subscription->natural_end);
}

bool
lifecycle_place_after(struct subscription *subscription, const struct plan_version *version,
    const struct zone *zone, int32_t clipped_day)
{
	int32_t day, index;
	enum anchoring anchoring = anchoring_of(subscription, &day);
	struct cadence cadence = plan_cadence(version);
	struct instant at = subscription->natural_end;
	struct anchor anchor = {at, clipped_day};
	struct period natural;

	if (anchoring == ANCHORING_START)
		day = calendar_clipped_day(zone, anchor, cadence, at);
	if (!calendar_place(zone, anchoring, day, cadence, at, &anchor, &index, &natural))
		return false;
	subscription->anchor_at = anchor.at;
	subscription->anchor_day = anchor.day;
	subscription->period_index = index - 1;
	subscription->realigns = natural.start.s != at.s;
	return true;
}

bool
lifecycle_next_period(
    struct subscription *subscription, const struct plan_version *version, const struct zone *zone)
{
	struct anchor anchor = {subscription->anchor_at, subscription->anchor_day};
	struct cadence cadence = plan_cadence(version);
	/* What was said to be this period's end is the next one's start, even if the zone's rules
	 * have changed since. */
	struct instant start = subscription->natural_end;
	int32_t index = subscription->period_index;
	struct period natural;

	do {
		index++;
		if (!calendar_period(zone, anchor, cadence, index, &natural))
			return false;
	} while (natural.end.s <= start.s);
	if (!subscription->realigns || natural.start.s > start.s)
		natural.start = start;
	subscription->period_index = index;
	subscription->realigns = false;
	periods_set(subscription, natural, start);
	return true;
}

enum refusal
lifecycle_add_advance(const struct subscription *subscription, const struct plan_version *version,
    const struct terms *terms, struct period part, struct lifecycle_flags flags, struct bill *bill)
{
	struct period natural = lifecycle_natural(subscription);
	struct bill_part bill_part = {
	    .version = version,
	    .billing = CHARGE_ADVANCE,
	    .period = part,
	    .fraction = proration_fraction(terms->proration, terms->zone, natural, part),
	    .max_fraction = proration_max_fraction(terms->proration, terms->zone, natural, part),
	    .quantity = subscription->quantity,
	    .credit = flags.credit,
	    .proration = flags.proration,
	};

	CHECK(uuid_equal(version->id, subscription->plan_version_id));
	return bill_add(bill, &bill_part);
}

enum refusal
lifecycle_add_arrears(const struct subscription *subscription, const struct terms *terms,
    struct instant until, bool proration, struct bill *bill)
{
	struct period natural = lifecycle_natural(subscription);
	struct period part = {subscription->current_period_start, until};
	struct bill_part bill_part = {
	    .version = terms->version,
	    .billing = CHARGE_ARREARS,
	    .period = part,
	    .quantities = terms->quantities,
	    .quantities_len = terms->quantities_len,
	    .proration = proration,
	};

	CHECK(uuid_equal(terms->version->id, subscription->plan_version_id));
	CHECK(part.start.s <= part.end.s);
	/* In the second in which the period begins there is nothing to bill but what was reported
	 * in it, and no line may be for a period of no length. */
	bill_part.used_only = part.start.s == part.end.s;
	bill_part.fraction = proration_fraction(terms->proration, terms->zone, natural, part);
	bill_part.max_fraction =
	    proration_max_fraction(terms->proration, terms->zone, natural, part);
	if (part.start.s == part.end.s)
		bill_part.period = natural;
	return bill_add(bill, &bill_part);
}

/* Where the wish's dates make periods of which kind.  ${subscription} has its start, end and
 * anchor. */
static enum refusal
first_period(struct subscription *subscription, const struct wish *wish, const struct terms *terms,
    struct instant now)
{
	int32_t trial_days = wish->trial_days >= 0 ? wish->trial_days : terms->version->trial_days;
	struct instant start = subscription->started_at, trial_end = INSTANT_NONE;
	struct instant earliest = instant_later(now, start);
	bool in_range = calendar_plus_days(terms->zone, start, trial_days, &trial_end);

	if (in_range)
		earliest = instant_later(earliest, trial_end);
	if (!instant_is_none(wish->end_at) && wish->end_at.s <= earliest.s)
		return REFUSAL_END_TOO_EARLY;
	if (!in_range)
		return REFUSAL_TIME_OUT_OF_RANGE;

	if (trial_days == 0)
		return lifecycle_place_at(subscription, terms->version, terms->zone, start)
			   ? REFUSAL_NONE
			   : REFUSAL_TIME_OUT_OF_RANGE;
	subscription->trial_start = start;
	subscription->trial_end = trial_end;
	periods_set(subscription, (struct period){start, trial_end}, start);
	return lifecycle_place_after(subscription, terms->version, terms->zone, 0)
		   ? REFUSAL_NONE
		   : REFUSAL_TIME_OUT_OF_RANGE;
}

/* All facts but the periods; id, shard, metadata and created_ms are the caller's. */
static struct subscription
subscription_made(const struct subscription *given, const struct customer *customer,
    const struct wish *wish, struct instant now)
{
	return (struct subscription){
	    .organisation_id = customer->organisation_id,
	    .id = given->id,
	    .shard = given->shard,
	    .customer_id = customer->id,
	    .test_clock_id = customer->test_clock_id,
	    .live_slot = wish->many ? given->id : UUID_NIL,
	    .timezone = customer->timezone,
	    .anchor = wish->anchor,
	    .started_at = instant_is_none(wish->start_at) ? now : wish->start_at,
	    .trial_start = INSTANT_NONE,
	    .trial_end = INSTANT_NONE,
	    .end_at = wish->end_at,
	    .canceled_at = INSTANT_NONE,
	    .ended_at = INSTANT_NONE,
	    .paused_at = INSTANT_NONE,
	    .discounts = wish->discounts,
	    .discounts_len = wish->discounts_len,
	    .tax_rate_ids = wish->tax_rate_ids,
	    .deferred_from = INSTANT_NONE,
	    .deferred_until = INSTANT_NONE,
	    .billing_problem = STR_NONE,
	    .metadata = given->metadata,
	    .created_ms = given->created_ms,
	    .created_at = now,
	    .updated_at = now,
	};
}

static enum refusal
create_refused(const struct customer *customer, const struct plan *plan,
    const struct subscription *live, const struct wish *wish)
{
	if (!instant_is_none(customer->archived_at))
		return REFUSAL_CUSTOMER_ARCHIVED;
	if (!instant_is_none(plan->archived_at))
		return REFUSAL_PLAN_ARCHIVED;
	if (!currency_equal(customer->currency, plan->currency))
		return REFUSAL_CURRENCY_MISMATCH;
	if (!wish->many && live != NULL && subscription_is_live(live))
		return REFUSAL_SUBSCRIPTION_LIVE_EXISTS;
	return REFUSAL_NONE;
}

enum refusal
lifecycle_create(const struct customer *customer, const struct plan *plan,
    const struct subscription *live, const struct wish *wish, const struct terms *terms,
    struct instant now, struct step *step, struct bill *bill)
{
	struct subscription *after = &step->after;
	enum subscription_status status;
	enum refusal refusal;

	CHECK(uuid_equal(customer->organisation_id, plan->organisation_id));
	CHECK(uuid_equal(terms->version->id, plan->version_id));
	CHECK(uuid_equal(terms->version->plan_id, plan->id));
	CHECK(instant_is_valid(now));

	bill_init(bill);
	refusal = create_refused(customer, plan, live, wish);
	if (refusal != REFUSAL_NONE)
		return refusal;
	*after = subscription_made(after, customer, wish, now);
	lifecycle_take(after, terms->version, wish->quantity);
	if (after->started_at.s < now.s - BACKDATE_MAX_S)
		return REFUSAL_START_TOO_EARLY;
	if (!lifecycle_anchor_possible(after, terms->version))
		return REFUSAL_ANCHOR_NOT_POSSIBLE;
	refusal = first_period(after, wish, terms, now);
	if (refusal != REFUSAL_NONE)
		return refusal;

	status = after->started_at.s > now.s          ? SUBSCRIPTION_SCHEDULED
		 : !instant_is_none(after->trial_end) ? SUBSCRIPTION_TRIALING
						      : SUBSCRIPTION_ACTIVE;
	after->status = subscription_status_name(status);
	step->event = LIFECYCLE_CREATED;
	step->at = status == SUBSCRIPTION_SCHEDULED ? now : after->started_at;
	step->turns_period = status == SUBSCRIPTION_ACTIVE;
	step->closes_usage = false;
	step->bills = false;
	step->reason = STR_NONE;
	step->period = lifecycle_current(after);
	if (status == SUBSCRIPTION_ACTIVE) {
		refusal = lifecycle_add_advance(after, terms->version, terms, step->period,
		    (struct lifecycle_flags){false, false}, bill);
		if (refusal != REFUSAL_NONE)
			return refusal;
		lifecycle_bills(step, bill, STR("subscription_create"), step->period, true);
	}
	lifecycle_settle(step);
	return REFUSAL_NONE;
}
