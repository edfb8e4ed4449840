#ifndef TESTS_UNIT_LIVES_H
#define TESTS_UNIT_LIVES_H

/*
 * Lives of subscriptions for unit tests: plans to choose from, a customer, and what a step and its
 * bill say, as text.
 */

#include "common/domain/lifecycle.h"
#include "common/zone/zone.h"
#include "tests/unit/unit.h"

#define LIVES_TEXT_SIZE 512

/* The plans that there are; all monthly and in euros unless their names say otherwise. */
enum lives_plan {
	PLAN_SAME,    /* none other than it is on */
	PLAN_30,      /* 30.00 in advance */
	PLAN_60,      /* 60.00 in advance */
	PLAN_YEAR,    /* 300.00 a year */
	PLAN_SEATS,   /* 1.00 a seat in advance */
	PLAN_MIXED,   /* 10.00 in advance; in arrears 0.10 a call, and 5.00 for support */
	PLAN_CALLS,   /* 0.20 a call in arrears */
	PLAN_WEEK,    /* 7.00 a week */
	PLAN_DOLLARS, /* 30.00 in dollars */
	PLAN_30_NEXT, /* the second version of PLAN_30: 35.00 */
	PLAN_DAY,     /* 1.00 a day */
	PLAN_TRIAL,   /* 30.00 in advance, after a trial of 7 days */
	PLAN_CAPPED,  /* 0.01 a call in arrears, at most 100.00 */
	PLAN_DEAR,    /* 9,999,999,999,999.99 a call in arrears */
	PLAN_QUARTER, /* 80.00 in three months */
	PLANS,
};

struct lives_plan_facts {
	const char *interval;
	int32_t trial_days;
	struct charge charges[3];
	const char *currency; /* NULL: EUR */
	enum lives_plan of;   /* a second version: of this plan */
};

/* As STR, of which a table that is constant cannot be made. */
#define LIVES_STR(literal)                      \
	{                                       \
		"" literal, sizeof(literal) - 1 \
	}

/* A charge with what each has; what its model does not use is none. */
#define LIVES_CHARGE(code_, model_, billing_, most_)                                           \
	.code = LIVES_STR(code_), .name = LIVES_STR("The " code_), .model = LIVES_STR(model_), \
	.billing = LIVES_STR(billing_), .package_size = AMOUNT_NONE, .rate = {-1},             \
	.fixed_amount = AMOUNT_NONE, .transaction_min_amount = AMOUNT_NONE,                    \
	.transaction_max_amount = AMOUNT_NONE, .free_units = {-1}, .min_amount = AMOUNT_NONE,  \
	.max_amount = (most_)
#define LIVES_FLAT(code_, billing_, amount_)                                             \
	{                                                                                \
		LIVES_CHARGE(code_, "flat", billing_, AMOUNT_NONE), .amount = (amount_), \
								    .unit_amount = {     \
									    -1           \
								    }                    \
	}
#define LIVES_UNITS(code_, billing_, unit_) LIVES_CAPPED(code_, billing_, unit_, AMOUNT_NONE)
#define LIVES_CAPPED(code_, billing_, unit_, most_)               \
	{                                                         \
		LIVES_CHARGE(code_, "per_unit", billing_, most_), \
		    .amount = AMOUNT_NONE, .unit_amount = {       \
			    (int128)(unit_)*DECIMAL_SCALE         \
		    }                                             \
	}

static const struct lives_plan_facts lives_plans[PLANS] = {
    [PLAN_30] = {"month", 0, {LIVES_FLAT("base", "advance", 3000)}, NULL, PLAN_30},
    [PLAN_60] = {"month", 0, {LIVES_FLAT("base", "advance", 6000)}, NULL, PLAN_60},
    [PLAN_YEAR] = {"year", 0, {LIVES_FLAT("base", "advance", 30000)}, NULL, PLAN_YEAR},
    [PLAN_SEATS] = {"month", 0, {LIVES_UNITS("seats", "advance", 100)}, NULL, PLAN_SEATS},
    [PLAN_MIXED] = {"month", 0,
	{LIVES_FLAT("base", "advance", 1000), LIVES_UNITS("calls", "arrears", 10),
	    LIVES_FLAT("support", "arrears", 500)},
	NULL, PLAN_MIXED},
    [PLAN_CALLS] = {"month", 0, {LIVES_UNITS("calls", "arrears", 20)}, NULL, PLAN_CALLS},
    [PLAN_WEEK] = {"week", 0, {LIVES_FLAT("base", "advance", 700)}, NULL, PLAN_WEEK},
    [PLAN_DOLLARS] = {"month", 0, {LIVES_FLAT("base", "advance", 3000)}, "USD", PLAN_DOLLARS},
    [PLAN_30_NEXT] = {"month", 0, {LIVES_FLAT("base", "advance", 3500)}, NULL, PLAN_30},
    [PLAN_DAY] = {"day", 0, {LIVES_FLAT("base", "advance", 100)}, NULL, PLAN_DAY},
    [PLAN_TRIAL] = {"month", 7, {LIVES_FLAT("base", "advance", 3000)}, NULL, PLAN_TRIAL},
    [PLAN_CAPPED] = {"month", 0, {LIVES_CAPPED("calls", "arrears", 1, 10000)}, NULL, PLAN_CAPPED},
    [PLAN_DEAR] = {"month", 0, {LIVES_UNITS("calls", "arrears", 999999999999999)}, NULL, PLAN_DEAR},
    [PLAN_QUARTER] = {"month", 0, {LIVES_FLAT("base", "advance", 8000)}, NULL, PLAN_QUARTER},
};

/* One life, and what it is lived with. */
struct life {
	struct zone zone;
	enum proration proration;
	struct plan plans[PLANS];
	struct plan_version versions[PLANS];
	struct customer customer;
	struct subscription subscription;
	struct quantity calls;
	bool reported; /* ${calls} is for the current period */
	struct step step;
	struct bill bill;
};

static inline struct plan_version
lives_version(enum lives_plan which)
{
	const struct lives_plan_facts *facts = &lives_plans[which];
	struct plan_version version = {
	    .organisation_id = {{1}},
	    .id = {{3, (uint8_t)which}},
	    .plan_id = {{3, (uint8_t)facts->of}},
	    .version = which == facts->of ? 1 : 2,
	    .interval = str_from(facts->interval),
	    .interval_count = which == PLAN_QUARTER ? 3 : 1,
	    .trial_days = facts->trial_days,
	    .charges = facts->charges,
	};

	ck_assert(currency_from(
	    str_from(facts->currency == NULL ? "EUR" : facts->currency), &version.currency));
	while (version.charges_len < ARRAY_LEN(facts->charges) &&
	       facts->charges[version.charges_len].code.ptr != NULL)
		version.charges_len++;
	return version;
}

/**
 * lives_begin(zone, proration):
 * A world without a subscription yet; one at a time.
 */
static inline struct life *
lives_begin(const char *zone, enum proration proration)
{
	static struct life life;
	struct err err;

	memset(&life, 0, offsetof(struct life, bill));
	ck_assert_msg(zone_read(str_from(zone), &life.zone, &err) == ERR_NONE, "no zone %s", zone);
	life.proration = proration;
	life.customer = (struct customer){
	    .organisation_id = {{1}},
	    .id = {{2}},
	    .shard = 77,
	    .currency = {"EUR"},
	    .timezone = str_from(zone),
	    .archived_at = INSTANT_NONE,
	};
	for (int i = PLAN_SAME + 1; i < PLANS; i++) {
		struct plan_version version = lives_version((enum lives_plan)i);

		life.versions[i] = version;
		life.plans[i] = (struct plan){
		    .organisation_id = version.organisation_id,
		    .id = version.plan_id,
		    .version_id = version.id,
		    .version = version.version,
		    .currency = version.currency,
		    .archived_at = INSTANT_NONE,
		};
	}
	return &life;
}

/* The version with ${id}, or NULL for none. */
static inline const struct plan_version *
lives_find(const struct life *life, struct uuid id)
{
	for (int i = PLAN_SAME + 1; i < PLANS; i++)
		if (uuid_equal(life->versions[i].id, id))
			return &life->versions[i];
	ck_assert(uuid_is_nil(id));
	return NULL;
}

/**
 * lives_terms(life):
 * What its next step is computed from.
 */
static inline struct terms
lives_terms(const struct life *life)
{
	return (struct terms){
	    .zone = &life->zone,
	    .proration = life->proration,
	    .version = lives_find(life, life->subscription.plan_version_id),
	    .pending = lives_find(life, life->subscription.pending_version_id),
	    .quantities = &life->calls,
	    .quantities_len = life->reported ? 1 : 0,
	};
}

/**
 * lives_report(life, quantity):
 * That many calls were made in the current period.
 */
static inline void
lives_report(struct life *life, int64_t quantity)
{
	life->calls =
	    (struct quantity){.charge_code = STR("calls"), .quantity = decimal_from(quantity)};
	life->reported = true;
}

/**
 * lives_go_on(life):
 * The step that was taken is what it is now.  What was reported stays with its period.
 */
static inline void
lives_go_on(struct life *life)
{
	const struct subscription *after = &life->step.after;

	if (life->step.closes_usage ||
	    (life->step.event != LIFECYCLE_RESUMED &&
		after->current_period_start.s != life->subscription.current_period_start.s))
		life->reported = false;
	life->subscription = *after;
}

/**
 * lives_wish(quantity):
 * A plain wish: now, for ever, the plan's trial.
 */
static inline struct wish
lives_wish(int64_t quantity)
{
	return (struct wish){
	    .quantity = quantity,
	    .start_at = INSTANT_NONE,
	    .end_at = INSTANT_NONE,
	    .trial_days = -1,
	    .anchor = STR("start"),
	};
}

/**
 * lives_create(life, plan, wish, now):
 * Create it.  When it is refused the world stays as it is.
 */
static inline enum refusal
lives_create(struct life *life, enum lives_plan plan, const struct wish *wish, struct instant now)
{
	struct terms terms = lives_terms(life);
	enum refusal refusal;

	terms.version = &life->versions[plan];
	life->step = (struct step){.after = {.id = {{4}}, .shard = 77, .created_ms = 5}};
	refusal = lifecycle_create(
	    &life->customer, &life->plans[plan], NULL, wish, &terms, now, &life->step, &life->bill);
	if (refusal == REFUSAL_NONE)
		lives_go_on(life);
	return refusal;
}

/**
 * lives_due(life):
 * What falls due next.
 */
static inline enum refusal
lives_due(struct life *life)
{
	struct terms terms = lives_terms(life);
	enum refusal refusal = lifecycle_due(&life->subscription, &terms, &life->step, &life->bill);

	if (refusal == REFUSAL_NONE)
		lives_go_on(life);
	return refusal;
}

/**
 * lives_change(life, plan, quantity, effective, prorate, now):
 * Change it; PLAN_SAME and QUANTITY_NONE leave what is.
 */
static inline enum refusal
lives_change(struct life *life, enum lives_plan plan, int64_t quantity,
    enum lifecycle_effective effective, bool prorate, struct instant now)
{
	struct terms terms = lives_terms(life);
	struct change change = {
	    .plan = plan == PLAN_SAME ? NULL : &life->plans[plan],
	    .version = plan == PLAN_SAME ? NULL : &life->versions[plan],
	    .quantity = quantity,
	    .effective = effective,
	    .prorate = prorate,
	};
	enum refusal refusal = lifecycle_change(
	    &life->customer, &life->subscription, &change, &terms, now, &life->step, &life->bill);

	if (refusal == REFUSAL_NONE)
		lives_go_on(life);
	return refusal;
}

/**
 * lives_bill(life, ret_text):
 * Each line's charge and amount, "calls 70 base -500"; "" for nothing that is issued.
 */
static inline void
lives_bill(const struct life *life, char ret_text[LIVES_TEXT_SIZE])
{
	size_t len = 0;
	int64_t total = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; life->step.bills && i < life->bill.len; i++) {
		const struct bill_line *line = &life->bill.lines[i];

		total += line->amount;
		ck_assert(line->period.start.s < line->period.end.s);
		len += (size_t)snprintf(ret_text + len, LIVES_TEXT_SIZE - len, "%s%.*s%s %" PRId64,
		    i == 0 ? "" : " ", STR_ARG(line->rating.charge->code),
		    line->kind == BILL_CHARGE    ? ""
		    : line->kind == BILL_MINIMUM ? "+"
						 : "-",
		    line->amount);
		ck_assert_uint_lt(len, LIVES_TEXT_SIZE);
	}
	ck_assert(!life->step.bills || total == life->bill.total);
}

#endif
