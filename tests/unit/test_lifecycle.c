/* Lives of subscriptions, told step by step: what each makes of it, and what it bills.  Pauses are
 * test_lifecycle_pause.c's, changes test_lifecycle_change.c's. */
#include "tests/unit/stories.h"

static const struct story stories[] = {
    /* Periods. */
    {.name = "it renews",
	.plan = PLAN_30,
	.now = D("06-01"),
	.made = {.start = D("06-01"), .end = D("07-01"), .lines = "base 3000", .reason = "create"},
	.acts = {{DUE, D("07-01"), .event = LIFECYCLE_RENEWED, .start = D("07-01"),
		     .end = D("08-01"), .lines = "base 3000", .reason = "cycle"},
	    {DUE, D("08-01"), .event = LIFECYCLE_RENEWED, .start = D("08-01"), .end = D("09-01"),
		.lines = "base 3000", .reason = "cycle"}},
	.due = D("09-01")},
    {.name = "31 January",
	.plan = PLAN_30,
	.now = "2027-01-31T09:30:00Z",
	.made = {.start = "2027-01-31T09:30:00Z",
	    .end = "2027-02-28T09:30:00Z",
	    .lines = "base 3000",
	    .reason = "create"},
	.acts = {{DUE, "2027-02-28T09:30:00Z", .event = LIFECYCLE_RENEWED,
		     .start = "2027-02-28T09:30:00Z", .end = "2027-03-31T09:30:00Z",
		     .lines = "base 3000", .reason = "cycle"},
	    {DUE, "2027-03-31T09:30:00Z", .event = LIFECYCLE_RENEWED,
		.start = "2027-03-31T09:30:00Z", .end = "2027-04-30T09:30:00Z",
		.lines = "base 3000", .reason = "cycle"}},
	.due = "2027-04-30T09:30:00Z"},
    {.name = "a day that the zone left out is passed over",
	.zone = "Pacific/Apia",
	.plan = PLAN_DAY,
	.now = "2011-12-29T22:00:00Z",
	.made = {.start = "2011-12-29T22:00:00Z",
	    .end = "2011-12-30T22:00:00Z",
	    .lines = "base 100",
	    .reason = "create"},
	.acts = {{DUE, "2011-12-30T22:00:00Z", .event = LIFECYCLE_RENEWED,
	    .start = "2011-12-30T22:00:00Z", .end = "2011-12-31T22:00:00Z", .lines = "base 100",
	    .reason = "cycle"}},
	.due = "2011-12-31T22:00:00Z"},
    {.name = "arrears of the period that ended, advance of the one that begins",
	.plan = PLAN_MIXED,
	.now = D("06-01"),
	.made = {.start = D("06-01"), .end = D("07-01"), .lines = "base 1000", .reason = "create"},
	.acts =
	    {{DUE, D("07-01"), .calls = 7, .event = LIFECYCLE_RENEWED, .start = D("07-01"),
		 .end = D("08-01"), .lines = "calls 70 support 500 base 1000", .reason = "cycle"},
		{DUE, D("08-01"), .event = LIFECYCLE_RENEWED, .start = D("08-01"),
		    .end = D("09-01"), .lines = "support 500 base 1000", .reason = "cycle"}},
	.due = D("09-01")},
    {.name = "a period without lines has its invoice",
	.plan = PLAN_CALLS,
	.now = D("06-01"),
	.made = {.start = D("06-01"), .end = D("07-01"), .lines = "", .reason = "create"},
	.acts = {{DUE, D("07-01"), .event = LIFECYCLE_RENEWED, .start = D("07-01"),
	    .end = D("08-01"), .lines = "", .reason = "cycle"}},
	.due = D("08-01")},
    {.name = "on the calendar, the first period is partial",
	.anchor = "calendar",
	.plan = PLAN_MIXED,
	.now = D("06-16"),
	.made = {.start = D("06-16"), .end = D("07-01"), .lines = "base 500", .reason = "create"},
	.acts = {{DUE, D("07-01"), .event = LIFECYCLE_RENEWED, .start = D("07-01"),
	    .end = D("08-01"), .lines = "support 250 base 1000", .reason = "cycle"}},
	.due = D("08-01")},
    {.name = "nothing is prorated: a period that begins inside costs nothing",
	.anchor = "calendar",
	.proration = PRORATION_NONE,
	.plan = PLAN_30,
	.now = D("06-16"),
	.made = {.start = D("06-16"), .end = D("07-01"), .lines = "base 0", .reason = "create"},
	.acts = {{DUE, D("07-01"), .event = LIFECYCLE_RENEWED, .start = D("07-01"),
	    .end = D("08-01"), .lines = "base 3000", .reason = "cycle"}},
	.due = D("08-01")},
    {.name = "nothing is prorated: nor is the maximum of a period that begins inside",
	.anchor = "calendar",
	.proration = PRORATION_NONE,
	.plan = PLAN_CAPPED,
	.now = D("06-11"),
	.made = {.start = D("06-11"), .end = D("07-01"), .lines = "", .reason = "create"},
	.acts = {{DUE, D("07-01"), .calls = 1000000, .event = LIFECYCLE_RENEWED,
	    .start = D("07-01"), .end = D("08-01"), .lines = "calls 1000000 calls- -990000",
	    .reason = "cycle"}},
	.due = D("08-01")},
    {.name = "by days, a part within one has a maximum by the second",
	.proration = PRORATION_DAY,
	.plan = PLAN_CAPPED,
	.now = "2026-06-01T09:00:00Z",
	.made = {.start = "2026-06-01T09:00:00Z",
	    .end = "2026-07-01T09:00:00Z",
	    .lines = "",
	    .reason = "create"},
	.acts = {{CANCEL_NOW, "2026-06-01T17:00:00Z", .calls = 1000000, .event = LIFECYCLE_CANCELED,
	    .status = "canceled", .start = "2026-06-01T09:00:00Z", .end = "2026-07-01T09:00:00Z",
	    .lines = "calls 1000000 calls- -999889", .reason = "cancel"}}},
    {.name = "what is used in a second that is none has no maximum",
	.plan = PLAN_CAPPED,
	.now = D("06-01"),
	.made = {.start = D("06-01"), .end = D("07-01"), .lines = "", .reason = "create"},
	.acts = {{CANCEL_NOW, D("06-01"), .calls = 1000000, .event = LIFECYCLE_CANCELED,
	    .status = "canceled", .start = D("06-01"), .end = D("07-01"), .lines = "calls 1000000",
	    .reason = "cancel"}}},
    {.name = "by days, the first one counts whole",
	.anchor = "calendar",
	.proration = PRORATION_DAY,
	.plan = PLAN_30,
	.now = "2026-06-16T23:00:00Z",
	.made = {.start = "2026-06-16T23:00:00Z",
	    .end = D("07-01"),
	    .lines = "base 1500",
	    .reason = "create"},
	.due = D("07-01")},
    {.name = "on the 31st",
	.anchor = "31",
	.plan = PLAN_30,
	.now = D("02-28"),
	.made = {.start = D("02-28"), .end = D("03-31"), .lines = "base 3000", .reason = "create"},
	.acts = {{DUE, D("03-31"), .event = LIFECYCLE_RENEWED, .start = D("03-31"),
	    .end = D("04-30"), .lines = "base 3000", .reason = "cycle"}},
	.due = D("04-30")},

    /* Starts, trials, ends. */
    {.name = "a trial, then the first period",
	.plan = PLAN_30,
	.trial_days = 14,
	.now = D("06-01"),
	.made = {.status = "trialing", .start = D("06-01"), .end = D("06-15")},
	.acts = {{DUE, D("06-15"), .event = LIFECYCLE_TRIAL_ENDED, .start = D("06-15"),
		     .end = D("07-15"), .lines = "base 3000", .reason = "cycle"},
	    {DUE, D("07-15"), .event = LIFECYCLE_RENEWED, .start = D("07-15"), .end = D("08-15"),
		.lines = "base 3000", .reason = "cycle"}},
	.due = D("08-15")},
    {.name = "the plan's trial, and the calendar behind it",
	.anchor = "calendar",
	.plan = PLAN_TRIAL,
	.now = D("06-09"),
	.made = {.status = "trialing", .start = D("06-09"), .end = D("06-16")},
	.acts = {{DUE, D("06-16"), .event = LIFECYCLE_TRIAL_ENDED, .start = D("06-16"),
		     .end = D("07-01"), .lines = "base 1500", .reason = "cycle"},
	    {DUE, D("07-01"), .event = LIFECYCLE_RENEWED, .start = D("07-01"), .end = D("08-01"),
		.lines = "base 3000", .reason = "cycle"}},
	.due = D("08-01")},
    {.name = "a trial that ends with a month has no partial period",
	.anchor = "calendar",
	.plan = PLAN_TRIAL,
	.now = D("06-24"),
	.made = {.status = "trialing", .start = D("06-24"), .end = D("07-01")},
	.acts = {{DUE, D("07-01"), .event = LIFECYCLE_TRIAL_ENDED, .start = D("07-01"),
	    .end = D("08-01"), .lines = "base 3000", .reason = "cycle"}},
	.due = D("08-01")},
    {.name = "scheduled",
	.plan = PLAN_30,
	.now = D("06-01"),
	.start_at = D("06-10"),
	.made = {.status = "scheduled", .start = D("06-10"), .end = D("07-10")},
	.acts = {{DUE, D("06-10"), .event = LIFECYCLE_STARTED, .start = D("06-10"),
		     .end = D("07-10"), .lines = "base 3000", .reason = "cycle"},
	    {DUE, D("07-10"), .event = LIFECYCLE_RENEWED, .start = D("07-10"), .end = D("08-10"),
		.lines = "base 3000", .reason = "cycle"}},
	.due = D("08-10")},
    {.name = "scheduled with a trial",
	.plan = PLAN_TRIAL,
	.now = D("06-01"),
	.start_at = D("06-10"),
	.made = {.status = "scheduled", .start = D("06-10"), .end = D("06-17")},
	.acts = {{DUE, D("06-10"), .event = LIFECYCLE_STARTED, .status = "trialing",
		     .start = D("06-10"), .end = D("06-17")},
	    {DUE, D("06-17"), .event = LIFECYCLE_TRIAL_ENDED, .start = D("06-17"),
		.end = D("07-17"), .lines = "base 3000", .reason = "cycle"}},
	.due = D("07-17")},
    {.name = "a scheduled one begins with an invoice, also of nothing",
	.plan = PLAN_CALLS,
	.now = D("06-01"),
	.start_at = D("06-10"),
	.made = {.status = "scheduled", .start = D("06-10"), .end = D("07-10")},
	.acts = {{DUE, D("06-10"), .event = LIFECYCLE_STARTED, .start = D("06-10"),
	    .end = D("07-10"), .lines = "", .reason = "cycle"}},
	.due = D("07-10")},
    {.name = "a start in the past",
	.plan = PLAN_30,
	.now = D("08-20"),
	.start_at = D("06-01"),
	.made = {.start = D("06-01"), .end = D("07-01"), .lines = "base 3000", .reason = "create"},
	.acts = {{DUE, D("07-01"), .event = LIFECYCLE_RENEWED, .start = D("07-01"),
	    .end = D("08-01"), .lines = "base 3000", .reason = "cycle"}},
	.due = D("08-01")},
    {.name = "an end inside the period",
	.plan = PLAN_MIXED,
	.now = D("06-01"),
	.end_at = D("06-16"),
	.made = {.start = D("06-01"), .end = D("06-16"), .lines = "base 500", .reason = "create"},
	.acts = {{DUE, D("06-16"), .calls = 3, .event = LIFECYCLE_EXPIRED, .status = "expired",
	    .start = D("06-01"), .end = D("06-16"), .lines = "calls 30 support 250",
	    .reason = "end"}}},
    {.name = "an end with the period",
	.plan = PLAN_30,
	.now = D("06-01"),
	.end_at = D("07-01"),
	.made = {.start = D("06-01"), .end = D("07-01"), .lines = "base 3000", .reason = "create"},
	.acts = {{DUE, D("07-01"), .event = LIFECYCLE_EXPIRED, .status = "expired",
	    .start = D("06-01"), .end = D("07-01")}}},
    {.name = "an end in the second period",
	.plan = PLAN_30,
	.now = D("06-01"),
	.end_at = "2026-07-16T12:00:00Z",
	.made = {.start = D("06-01"), .end = D("07-01"), .lines = "base 3000", .reason = "create"},
	.acts = {{DUE, D("07-01"), .event = LIFECYCLE_RENEWED, .start = D("07-01"),
		     .end = "2026-07-16T12:00:00Z", .lines = "base 1500", .reason = "cycle"},
	    {DUE, "2026-07-16T12:00:00Z", .event = LIFECYCLE_EXPIRED, .status = "expired",
		.start = D("07-01"), .end = "2026-07-16T12:00:00Z"}}},
    {.name = "a period that would end in 2200 does not begin",
	.plan = PLAN_30,
	.now = "2199-10-15T00:00:00Z",
	.made = {.start = "2199-10-15T00:00:00Z",
	    .end = "2199-11-15T00:00:00Z",
	    .lines = "base 3000",
	    .reason = "create"},
	.acts = {{DUE, "2199-11-15T00:00:00Z", .event = LIFECYCLE_RENEWED,
		     .start = "2199-11-15T00:00:00Z", .end = "2199-12-15T00:00:00Z",
		     .lines = "base 3000", .reason = "cycle"},
	    {DUE, "2199-12-15T00:00:00Z", .refused = REFUSAL_TIME_OUT_OF_RANGE}},
	.due = "2199-12-15T00:00:00Z"},

    /* Cancelling. */
    {.name = "cancel at the period's end",
	.plan = PLAN_MIXED,
	.now = D("06-01"),
	.made = {.start = D("06-01"), .end = D("07-01"), .lines = "base 1000", .reason = "create"},
	.acts = {{CANCEL_LATER, D("06-10"), .event = LIFECYCLE_UPDATED, .start = D("06-01"),
		     .end = D("07-01")},
	    {DUE, D("07-01"), .calls = 2, .event = LIFECYCLE_CANCELED, .status = "canceled",
		.start = D("06-01"), .end = D("07-01"), .lines = "calls 20 support 500",
		.reason = "cancel"}}},
    {.name = "taken back in time",
	.plan = PLAN_30,
	.now = D("06-01"),
	.made = {.start = D("06-01"), .end = D("07-01"), .lines = "base 3000", .reason = "create"},
	.acts = {{UNCANCEL, D("06-05"), .refused = REFUSAL_NOT_CANCELING},
	    {CANCEL_LATER, D("06-10"), .event = LIFECYCLE_UPDATED, .start = D("06-01"),
		.end = D("07-01")},
	    {UNCANCEL, D("06-11"), .event = LIFECYCLE_UPDATED, .start = D("06-01"),
		.end = D("07-01")},
	    {DUE, D("07-01"), .event = LIFECYCLE_RENEWED, .start = D("07-01"), .end = D("08-01"),
		.lines = "base 3000", .reason = "cycle"}},
	.due = D("08-01")},
    {.name = "a parked one whose cancellation is taken back falls due again",
	.plan = PLAN_30,
	.now = D("06-01"),
	.made = {.start = D("06-01"), .end = D("07-01"), .lines = "base 3000", .reason = "create"},
	.acts = {{CANCEL_LATER, D("06-10"), .event = LIFECYCLE_UPDATED, .start = D("06-01"),
		     .end = D("07-01")},
	    {PARK, D("07-01"), .event = LIFECYCLE_PARKED, .start = D("06-01"), .end = D("07-01")},
	    {UNCANCEL, D("07-02"), .event = LIFECYCLE_UPDATED, .start = D("06-01"),
		.end = D("07-01")}},
	.due = D("07-01")},
    {.name = "cancel now",
	.plan = PLAN_MIXED,
	.now = D("06-01"),
	.made = {.start = D("06-01"), .end = D("07-01"), .lines = "base 1000", .reason = "create"},
	.acts = {{CANCEL_NOW, D("06-16"), .calls = 5, .event = LIFECYCLE_CANCELED,
	    .status = "canceled", .start = D("06-01"), .end = D("07-01"),
	    .lines = "calls 50 support 250", .reason = "cancel"}}},
    {.name = "cancel now, credited",
	.plan = PLAN_MIXED,
	.now = D("06-01"),
	.made = {.start = D("06-01"), .end = D("07-01"), .lines = "base 1000", .reason = "create"},
	.acts = {{CANCEL_CREDITED, D("06-16"), .calls = 5, .event = LIFECYCLE_CANCELED,
	    .status = "canceled", .start = D("06-01"), .end = D("07-01"),
	    .lines = "calls 50 support 250 base -500", .reason = "cancel"}}},
    {.name = "cancel in the second in which it began",
	.plan = PLAN_MIXED,
	.now = D("06-01"),
	.made = {.start = D("06-01"), .end = D("07-01"), .lines = "base 1000", .reason = "create"},
	.acts = {{CANCEL_CREDITED, D("06-01"), .event = LIFECYCLE_CANCELED, .status = "canceled",
	    .start = D("06-01"), .end = D("07-01"), .lines = "base -1000", .reason = "cancel"}}},
    {.name = "with calls in that second",
	.plan = PLAN_MIXED,
	.now = D("06-01"),
	.made = {.start = D("06-01"), .end = D("07-01"), .lines = "base 1000", .reason = "create"},
	.acts = {{CANCEL_NOW, D("06-01"), .calls = 9, .event = LIFECYCLE_CANCELED,
	    .status = "canceled", .start = D("06-01"), .end = D("07-01"), .lines = "calls 90",
	    .reason = "cancel"}}},
    {.name = "cancel with nothing to bill",
	.plan = PLAN_30,
	.now = D("06-01"),
	.made = {.start = D("06-01"), .end = D("07-01"), .lines = "base 3000", .reason = "create"},
	.acts = {{CANCEL_NOW, D("06-16"), .event = LIFECYCLE_CANCELED, .status = "canceled",
	    .start = D("06-01"), .end = D("07-01")}}},
    {.name = "a trial is canceled at its end, for nothing",
	.plan = PLAN_MIXED,
	.trial_days = 14,
	.now = D("06-01"),
	.made = {.status = "trialing", .start = D("06-01"), .end = D("06-15")},
	.acts = {{CANCEL_LATER, D("06-02"), .event = LIFECYCLE_UPDATED, .status = "trialing",
		     .start = D("06-01"), .end = D("06-15")},
	    {DUE, D("06-15"), .event = LIFECYCLE_CANCELED, .status = "canceled",
		.start = D("06-01"), .end = D("06-15")}}},
    {.name = "what is scheduled is canceled at once",
	.plan = PLAN_MIXED,
	.now = D("06-01"),
	.start_at = D("06-10"),
	.made = {.status = "scheduled", .start = D("06-10"), .end = D("07-10")},
	.acts = {{CANCEL_LATER, D("06-02"), .event = LIFECYCLE_CANCELED, .status = "canceled",
	    .start = D("06-10"), .end = D("07-10")}}},
};

START_TEST(test_stories)
{
	story_run(&stories[_i]);
}
END_TEST

/* The rules of a zone change inside a period: it ends when it was said to, and the next one is a
 * whole one from there. */
START_TEST(test_a_period_begins_where_the_one_before_was_said_to_end)
{
	struct life *life = lives_begin("Europe/Vienna", PRORATION_SECOND);
	struct subscription *subscription = &life->subscription;
	struct wish wish = lives_wish(1);
	struct err err;

	ck_assert_int_eq(
	    lives_create(life, PLAN_30, &wish, unit_instant(D("10-01"))), REFUSAL_NONE);
	ck_assert_int_eq(zone_read(STR("UTC"), &life->zone, &err), ERR_NONE);
	ck_assert_int_eq(lives_due(life), REFUSAL_NONE);
	unit_assert_instant(subscription->current_period_start, "2026-11-01T01:00:00Z", "start");
	unit_assert_instant(subscription->natural_start, "2026-11-01T01:00:00Z", "natural_start");
	unit_assert_instant(subscription->current_period_end, D("12-01"), "end");
	ck_assert_int_eq(life->bill.total, 3000);
	ck_assert_int_eq(subscription->period_index, 1);
	ck_assert_int_eq(lives_due(life), REFUSAL_NONE);
	unit_assert_instant(subscription->natural_start, D("12-01"), "natural_start");
	ck_assert_int_eq(subscription->period_index, 2);
}
END_TEST

struct last_row {
	const char *name;
	const char *at, *end; /* of the cancellation, and of its invoice's period */
};

static const struct last_row last_rows[] = {
    {"up to then", D("06-16"), D("06-16")},
    {"of a second", "2026-06-01T00:00:01Z", "2026-06-01T00:00:01Z"},
    {"the whole one where nothing of it has passed", D("06-01"), D("07-01")},
};

START_TEST(test_the_period_of_a_last_invoice)
{
	const struct last_row *row = &last_rows[_i];
	struct life *life = lives_begin("UTC", PRORATION_SECOND);
	struct wish wish = lives_wish(1);
	struct terms terms;

	ck_assert_int_eq(
	    lives_create(life, PLAN_MIXED, &wish, unit_instant(D("06-01"))), REFUSAL_NONE);
	lives_report(life, 3);
	terms = lives_terms(life);
	ck_assert_int_eq(lifecycle_cancel(&life->subscription, LIFECYCLE_NOW, false, &terms,
			     unit_instant(row->at), &life->step, &life->bill),
	    REFUSAL_NONE);
	ck_assert(life->step.bills);
	unit_assert_instant(life->step.period.start, D("06-01"), row->name);
	unit_assert_instant(life->step.period.end, row->end, row->name);
}
END_TEST

/* Another interval begins a period, but without a line there is no invoice. */
START_TEST(test_another_interval_for_nothing)
{
	struct life *life = lives_begin("UTC", PRORATION_SECOND);
	struct wish wish = lives_wish(1);

	life->versions[PLAN_WEEK].charges = lives_plans[PLAN_CALLS].charges;
	ck_assert_int_eq(
	    lives_create(life, PLAN_CALLS, &wish, unit_instant(D("06-01"))), REFUSAL_NONE);
	ck_assert_int_eq(
	    lives_change(life, PLAN_WEEK, 1, LIFECYCLE_NOW, true, unit_instant(D("06-10"))),
	    REFUSAL_NONE);
	ck_assert(life->step.turns_period && !life->step.bills);
	unit_assert_instant(life->subscription.current_period_end, D("06-17"), "end");
}
END_TEST

/* What a first tier costs at a quantity of 0 is for time, too. */
START_TEST(test_no_time_owes_nothing)
{
	static const struct charge_tier tier = {AMOUNT_NONE, {0}, 500, {-1}};
	struct life *life = lives_begin("UTC", PRORATION_SECOND);
	struct charge charge = lives_plans[PLAN_CALLS].charges[0];
	struct wish wish = lives_wish(1);
	struct terms terms;

	charge.model = STR("graduated");
	charge.unit_amount = DECIMAL_NONE;
	charge.tiers = &tier;
	charge.tiers_len = 1;
	life->versions[PLAN_CALLS].charges = &charge;
	ck_assert_int_eq(
	    lives_create(life, PLAN_CALLS, &wish, unit_instant(D("06-01"))), REFUSAL_NONE);
	terms = lives_terms(life);
	for (int second = 0; second <= 1; second++) {
		struct instant at = {unit_instant(D("06-01")).s + second};

		ck_assert_int_eq(lifecycle_cancel(&life->subscription, LIFECYCLE_NOW, false, &terms,
				     at, &life->step, &life->bill),
		    REFUSAL_NONE);
		ck_assert_int_eq(life->step.bills, second == 1);
		ck_assert_int_eq(life->bill.total, second == 1 ? 500 : 0);
	}
}
END_TEST

UNIT_MAIN("lifecycle", UNIT_ROWS(test_stories, stories),
    UNIT(test_a_period_begins_where_the_one_before_was_said_to_end),
    UNIT_ROWS(test_the_period_of_a_last_invoice, last_rows),
    UNIT(test_another_interval_for_nothing), UNIT(test_no_time_owes_nothing))
