/* The oracle's way through a subscription's life.  Decides nothing. */

#include "common/domain/assessment.h"
#include "common/domain/bill.h"
#include "common/domain/journal.h"
#include "common/domain/lifecycle.h"
#include "common/domain/proration.h"
#include "common/domain/subscription.h"
#include "tests/oracle/bridge.h"
#include "tests/oracle/tape.h"

#define ANCHOR_SIZE 16
#define QUANTITIES_MAX 20
#define GARBAGE 0xa5

enum verb {
	VERB_CREATE,
	VERB_DUE,
	VERB_CHANGE,
	VERB_CANCEL,
	VERB_UNCANCEL,
	VERB_PAUSE,
	VERB_RESUME,
	VERB_PARK,
};

struct bridge_life {
	struct customer customer;
	struct subscription subscription;
	char anchor[ANCHOR_SIZE]; /* the text that its wish has */
	struct quantity quantities[QUANTITIES_MAX];
	struct discount discounts[DISCOUNTS_MAX]; /* of its wish, and as they are */
	struct discount behind[DISCOUNTS_MAX];    /* a step */
	struct uuid plan_ids[DISCOUNTS_MAX][BRIDGE_PLANS_MAX];
	struct tax_rate rates[BRIDGE_RATES_MAX];
	const struct tax_rate *rate_pointers[BRIDGE_RATES_MAX];
	size_t rates_len;
	struct uuid tax_rate_ids[TAX_RATES_MAX], customers[TAX_RATES_MAX];
	struct uuid organisations[TAX_RATES_MAX];
	struct uuid_list organisation_rate_ids;
	struct item items[ITEMS_PENDING_MAX];
	const struct item *item_pointers[ITEMS_PENDING_MAX];
	struct uuid item_rate_ids[ITEMS_PENDING_MAX][TAX_RATES_MAX];
	struct step step;
	struct bill bill;
};

/* What a step came to beside itself and its bill. */
struct outcome {
	struct earnings earnings;
	int64_t by_time;
};

static const char *const reasons[] = {"subscription_create", "subscription_cycle",
    "subscription_update", "subscription_cancel", "subscription_end"};

size_t
bridge_life_size(void)
{
	return sizeof(struct bridge_life);
}

static void
take_rates(struct tape *in, struct bridge_life *life)
{
	life->rates_len = (size_t)take(in);
	CHECK(life->rates_len <= BRIDGE_RATES_MAX);
	for (size_t i = 0; i < life->rates_len; i++) {
		struct tax_rate *rate = &life->rates[i];

		rate->id = id_of(take(in));
		rate->percentage = take_decimal(in);
		rate->inclusive = take(in);
		rate->archived_at = INSTANT_NONE;
		life->rate_pointers[i] = rate;
	}
}

struct bridge_life *
bridge_life_make(void *memory, int64_t *words, size_t len)
{
	struct tape in = {words, len, 0};
	struct bridge_life *life = memory;

	memset(life, 0, offsetof(struct bridge_life, step));
	life->customer.tax_exempt = tax_exempt_name((enum tax_exempt)take(&in));
	life->customer.tax_rate_ids = take_ids(&in, life->customers, TAX_RATES_MAX);
	life->organisation_rate_ids = take_ids(&in, life->organisations, TAX_RATES_MAX);
	take_rates(&in, life);
	life->customer.id = id_of(1);
	life->customer.timezone = STR("Etc/UTC");
	memcpy(life->customer.currency.code, "EUR", sizeof(life->customer.currency.code));
	life->customer.archived_at = INSTANT_NONE;
	return life;
}

static void
take_quantities(struct tape *in, struct bridge_life *life, struct terms *terms)
{
	terms->quantities = life->quantities;
	terms->quantities_len = (size_t)take(in);
	CHECK(terms->quantities_len <= QUANTITIES_MAX);
	for (size_t i = 0; i < terms->quantities_len; i++) {
		struct quantity *quantity = &life->quantities[i];

		*quantity = (struct quantity){
		    .charge_code = code_of(take(in)),
		    .subscription_id = life->subscription.id,
		    .period_start = life->subscription.current_period_start,
		};
		quantity->quantity = take_decimal(in);
		quantity->transactions = take(in);
		quantity->fees = take_decimal(in);
	}
}

static void
take_discounts(struct tape *in, struct bridge_life *life, struct wish *wish)
{
	wish->discounts = life->discounts;
	wish->discounts_len = (size_t)take(in);
	CHECK(wish->discounts_len <= DISCOUNTS_MAX);
	for (size_t i = 0; i < wish->discounts_len; i++) {
		struct discount *discount = &life->discounts[i];

		discount->coupon_id = id_of(take(in));
		discount->percent_off = take_decimal(in);
		discount->amount_off = take(in);
		discount->plan_ids = take_ids(in, life->plan_ids[i], BRIDGE_PLANS_MAX);
		discount->periods_left = take(in);
		discount->given_whole = 1;
	}
	wish->tax_rate_ids = take_ids(in, life->tax_rate_ids, TAX_RATES_MAX);
}

static size_t
take_items(struct tape *in, struct bridge_life *life)
{
	size_t len = (size_t)take(in);

	CHECK(len <= ITEMS_PENDING_MAX);
	for (size_t i = 0; i < len; i++) {
		struct item *item = &life->items[i];

		item->id = id_of(take(in));
		item->customer_id = life->customer.id;
		item->currency = life->customer.currency;
		item->amount = take(in);
		item->tax_rate_ids = take_ids(in, life->item_rate_ids[i], TAX_RATES_MAX);
		life->item_pointers[i] = item;
	}
	return len;
}

static struct plan
plan_of(const struct plan_version *version)
{
	return (struct plan){
	    .id = version->plan_id,
	    .version_id = version->id,
	    .version = version->version,
	    .currency = version->currency,
	    .interval = version->interval,
	    .interval_count = version->interval_count,
	    .trial_days = version->trial_days,
	    .charges = version->charges,
	    .charges_len = version->charges_len,
	    .archived_at = INSTANT_NONE,
	};
}

static enum refusal
create(struct bridge_life *life, struct tape *in, const struct terms *terms, struct instant now)
{
	struct plan plan = plan_of(terms->version);
	struct wish wish;
	int64_t anchor;

	wish.quantity = take(in);
	wish.start_at = take_instant(in);
	wish.end_at = take_instant(in);
	wish.trial_days = (int32_t)take(in);
	anchor = take(in);
	if (anchor < 0)
		wish.anchor = STR("start");
	else if (anchor == 0)
		wish.anchor = STR("calendar");
	else {
		size_t len = 0;

		if (anchor > 9)
			life->anchor[len++] = (char)('0' + anchor / 10);
		life->anchor[len++] = (char)('0' + anchor % 10);
		wish.anchor = (struct str){life->anchor, len};
	}
	take_discounts(in, life, &wish);
	wish.many = false;
	life->step.after.id = id_of(1);
	life->step.after.metadata = (struct str_map){NULL, 0};
	return lifecycle_create(
	    &life->customer, &plan, NULL, &wish, terms, now, &life->step, &life->bill);
}

static enum refusal
change(struct bridge_life *life, struct tape *in, const struct terms *terms,
    const struct plan_version *const *versions, struct instant now)
{
	int64_t to = take(in);
	struct plan plan;
	struct change change = {0};

	if (to >= 0) {
		plan = plan_of(versions[to]);
		change.plan = &plan;
		change.version = versions[to];
	}
	change.quantity = take(in);
	change.effective = (enum lifecycle_effective)take(in);
	change.prorate = take(in);
	return lifecycle_change(
	    &life->customer, &life->subscription, &change, terms, now, &life->step, &life->bill);
}

static enum refusal
cancel(struct bridge_life *life, struct tape *in, const struct terms *terms, struct instant now)
{
	enum lifecycle_effective effective = (enum lifecycle_effective)take(in);
	bool credit_unused = take(in);

	return lifecycle_cancel(
	    &life->subscription, effective, credit_unused, terms, now, &life->step, &life->bill);
}

static enum refusal
call(struct bridge_life *life, enum verb verb, struct tape *in, const struct terms *terms,
    const struct plan_version *const *versions, struct instant now)
{
	switch (verb) {
	case VERB_CREATE:
		return create(life, in, terms, now);
	case VERB_DUE:
		return lifecycle_due(&life->subscription, terms, &life->step, &life->bill);
	case VERB_CHANGE:
		return change(life, in, terms, versions, now);
	case VERB_CANCEL:
		return cancel(life, in, terms, now);
	case VERB_UNCANCEL:
		bill_init(&life->bill);
		return lifecycle_uncancel(&life->subscription, now, &life->step);
	case VERB_PAUSE:
		bill_init(&life->bill);
		return lifecycle_pause(&life->subscription, now, &life->step);
	case VERB_RESUME:
		return lifecycle_resume(&life->subscription, terms, now, &life->step, &life->bill);
	case VERB_PARK:
		bill_init(&life->bill);
		lifecycle_park(&life->subscription, (enum refusal)take(in), &life->step);
		return REFUSAL_NONE;
	}
	CHECK(!"a verb");
	return REFUSAL_MAX;
}

/* Its number from 1 on; 0 for none. */
static int64_t
reason_of(struct str reason)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (str_equal(reason, str_from(reasons[i])))
			return (int64_t)i + 1;
	CHECK(reason.len == 0);
	return 0;
}

static int64_t
anchor_of(struct str text)
{
	enum anchoring anchoring;
	int32_t day;

	CHECK(anchoring_from(text, &anchoring, &day));
	return anchoring == ANCHORING_START ? -1 : day;
}

static void
put_subscription(struct tape *out, const struct subscription *subscription)
{
	put(out, subscription_status_from(subscription->status));
	put(out, word_of(subscription->plan_version_id));
	put(out, subscription->quantity);
	put(out, anchor_of(subscription->anchor));
	put(out, subscription->current_period_start.s);
	put(out, subscription->current_period_end.s);
	put(out, subscription->natural_start.s);
	put(out, subscription->natural_end.s);
	put(out, subscription->started_at.s);
	put(out, subscription->trial_start.s);
	put(out, subscription->trial_end.s);
	put(out, subscription->end_at.s);
	put(out, subscription->cancel_at_period_end);
	put(out, subscription->canceled_at.s);
	put(out, subscription->ended_at.s);
	put(out, subscription->paused_at.s);
	put(out, word_of(subscription->pending_version_id));
	put(out, subscription->pending_quantity);
	put(out, subscription->due_at.s);
	put(out, subscription->billing_problem.len != 0);
	put(out, subscription_due_at(subscription).s);
}

static void
put_line(struct tape *out, const struct bill *bill, const struct bill_line *line)
{
	bool item = line->kind == BILL_ITEM;

	put(out, line->kind);
	put(out, line->credit);
	put(out, line->proration);
	put(out, item ? 0 : word_of(line->version->id));
	put(out, item ? word_of(line->item->id) : word_of_code(line->rating.charge->code));
	put_period(out, line->period);
	put(out, line->amount);
	put(out, line->discount);
	for (size_t i = 0; i < bill->discounts_len; i++)
		put(out, line->discount_shares[i]);
	put(out, line->tax);
	put(out, line->tax_included);
	put(out, (int64_t)line->taxes_len);
	for (size_t i = 0; i < line->taxes_len; i++) {
		put(out, word_of(line->taxes[i].rate->id));
		put(out, line->taxes[i].amount);
	}
}

static void
put_bill(struct tape *out, const struct bill *bill)
{
	put(out, bill->subtotal);
	put(out, bill->discount);
	put(out, bill->tax);
	put(out, bill->tax_included);
	put(out, bill->total);
	put(out, (int64_t)bill->discounts_len);
	for (size_t i = 0; i < bill->discounts_len; i++)
		put(out, bill->discounts[i].amount);
	put(out, (int64_t)bill->taxes_len);
	for (size_t i = 0; i < bill->taxes_len; i++) {
		put(out, word_of(bill->taxes[i].rate->id));
		put(out, bill->taxes[i].taxable);
		put(out, bill->taxes[i].amount);
	}
	put(out, (int64_t)bill->len);
	for (size_t i = 0; i < bill->len; i++)
		put_line(out, bill, &bill->lines[i]);
}

/* What a subscription carries from one bill to the next. */
static void
put_carried(struct tape *out, const struct subscription *subscription)
{
	put(out, subscription->deferred);
	put(out, subscription->deferred_from.s);
	put(out, subscription->deferred_until.s);
	put(out, (int64_t)subscription->discounts_len);
	for (size_t i = 0; i < subscription->discounts_len; i++) {
		const struct discount *discount = &subscription->discounts[i];

		put(out, discount->periods_left);
		put(out, discount->covers);
		put(out, discount->given);
		put(out, discount->given_part);
		put(out, discount->given_whole);
	}
}

static enum refusal
assess_step(struct bridge_life *life, size_t items_len)
{
	struct assessment assessment = {
	    .customer = &life->customer,
	    .tax_rate_ids = life->organisation_rate_ids,
	    .rates = life->rate_pointers,
	    .rates_len = life->rates_len,
	    .items = life->item_pointers,
	    .items_len = items_len,
	};

	return assess(&assessment, &life->step, &life->bill, life->behind);
}

/* The step's bill becomes what is owed, and what is deferred follows. */
static enum refusal
owe(struct bridge_life *life, bool is_new, size_t items_len, struct outcome *ret_outcome)
{
	enum refusal refusal = REFUSAL_NONE;

	*ret_outcome = (struct outcome){0};
	if (life->step.bills) {
		refusal = assess_step(life, items_len);
		if (refusal != REFUSAL_NONE)
			return refusal;
		ret_outcome->earnings = earnings_of_bill(&life->bill, &life->step);
	} else if (life->step.turns_period) {
		assessment_lapse(&life->step, life->behind);
	}
	ret_outcome->by_time =
	    deferral_step(is_new ? NULL : &life->subscription, &life->step, &ret_outcome->earnings);
	return REFUSAL_NONE;
}

/* The step is taken. */
static void
move_on(struct bridge_life *life)
{
	size_t len = life->step.after.discounts_len;

	life->subscription = life->step.after;
	if (len != 0)
		memmove(
		    life->discounts, life->step.after.discounts, len * sizeof(life->discounts[0]));
	life->subscription.discounts = life->discounts;
}

static void
put_step(struct tape *out, const struct step *step)
{
	put(out, step->event);
	put(out, step->at.s);
	put(out, step->bills);
	put(out, step->bills ? reason_of(step->reason) : 0);
	put(out, step->bills ? step->period.start.s : 0);
	put(out, step->bills ? step->period.end.s : 0);
}

size_t
bridge_life_call(struct bridge_life *life, const struct zone *zone,
    const struct plan_version *const *versions, int64_t *words, size_t len, int64_t *ret_words,
    size_t max)
{
	struct tape in = {words, len, 0}, out = {ret_words, max, 0};
	enum verb verb = (enum verb)take(&in);
	struct instant now = take_instant(&in);
	struct terms terms = {.zone = zone, .proration = (enum proration)take(&in)};
	struct outcome outcome;
	int64_t pending;
	size_t items_len;
	enum refusal refusal;

	terms.version = versions[take(&in)];
	pending = take(&in);
	terms.pending = pending < 0 ? NULL : versions[pending];
	take_quantities(&in, life, &terms);
	items_len = take_items(&in, life);
	/* Nothing of what was there before may matter. */
	memset(&life->step, GARBAGE, sizeof(life->step));
	memset(&life->bill, GARBAGE, offsetof(struct bill, lines));
	memset(life->behind, GARBAGE, sizeof(life->behind));
	refusal = call(life, verb, &in, &terms, versions, now);
	if (refusal == REFUSAL_NONE)
		refusal = owe(life, verb == VERB_CREATE, items_len, &outcome);
	put(&out, refusal);
	if (refusal != REFUSAL_NONE)
		return out.at;
	put_step(&out, &life->step);
	put_subscription(&out, &life->step.after);
	put(&out, outcome.by_time);
	put(&out, outcome.earnings.earned);
	put(&out, outcome.earnings.deferred);
	put_carried(&out, &life->step.after);
	put_bill(&out, &life->bill);
	move_on(life);
	return out.at;
}
