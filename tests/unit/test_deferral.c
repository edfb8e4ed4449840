#include "common/domain/deferral.h"

#include "tests/unit/lives.h"

#define START "2026-06-01T00:00:00Z"
#define TENTH "2026-06-11T00:00:00Z"
#define HALF "2026-06-16T00:00:00Z"
#define END "2026-07-01T00:00:00Z"
#define LIVES 400
#define MOVES 40

struct release_row {
	const char *name;
	int64_t deferred;
	const char *from, *until, *paused_at;
	const char *at;
	int64_t expected;
};

static const struct release_row release_rows[] = {
    {"nothing before", 3000, START, END, NULL, "2026-05-01T00:00:00Z", 0},
    {"nothing at its start", 3000, START, END, NULL, START, 0},
    {"a tenth of a cent is none", 3000, START, END, NULL, "2026-06-01T00:01:26Z", 0},
    {"half of a cent is one", 3000, START, END, NULL, "2026-06-01T00:07:12Z", 1},
    {"a third", 3000, START, END, NULL, TENTH, 1000},
    {"a half", 3000, START, END, NULL, HALF, 1500},
    {"half of an odd cent is rounded up", 3001, START, END, NULL, HALF, 1501},
    {"all at its end", 3000, START, END, NULL, END, 3000},
    {"all behind it", 3000, START, END, NULL, "2027-01-01T00:00:00Z", 3000},
    {"no time at all", 3000, END, END, NULL, END, 3000},
    {"before no time at all", 3000, END, END, NULL, START, 0},
    {"of nothing nothing", 0, NULL, NULL, NULL, HALF, 0},
    {"it stands still while it is paused", 3000, START, END, TENTH, HALF, 1000},
    {"also behind its end", 3000, START, END, TENTH, "2027-01-01T00:00:00Z", 1000},
    {"before the pause it did not", 3000, START, END, HALF, TENTH, 1000},
    {"the largest amount", INT64_MAX, START, END, NULL, HALF, INT64_MAX / 2 + 1},
};

static struct instant
instant_of(const char *text)
{
	return text == NULL ? INSTANT_NONE : unit_instant(text);
}

START_TEST(test_release)
{
	const struct release_row *row = &release_rows[_i];
	struct subscription subscription = {
	    .deferred = row->deferred,
	    .deferred_from = instant_of(row->from),
	    .deferred_until = instant_of(row->until),
	    .paused_at = instant_of(row->paused_at),
	};
	int64_t released = deferral_release(&subscription, unit_instant(row->at));

	ck_assert_msg(released == row->expected, "%s: %" PRId64, row->name, released);
}
END_TEST

/* A step of a subscription with 30.00 deferred for June. */
struct step_row {
	const char *name;
	enum lifecycle_event event;
	const char *status;
	const char *at, *period_end;
	struct earnings given;
	int64_t earned; /* by time */
	struct earnings taken;
	int64_t deferred;
	const char *from, *until;
};

#define NEXT "2026-08-01T00:00:00Z"

static const struct step_row step_rows[] = {
    {"a renewal has earned all", LIFECYCLE_RENEWED, "active", END, NEXT, {70, 3100}, 3000,
	{70, 3100}, 3100, END, NEXT},
    {"a change moves what is left", LIFECYCLE_CHANGED, "active", HALF, END, {0, 1500}, 1500,
	{0, 1500}, 3000, HALF, END},
    {"a change down takes of it", LIFECYCLE_CHANGED, "active", HALF, END, {0, -1000}, 1500,
	{0, -1000}, 500, HALF, END},
    {"never more than there is", LIFECYCLE_CHANGED, "active", HALF, END, {20, -1600}, 1500,
	{-80, -1500}, 0, HALF, END},
    {"never more than fits", LIFECYCLE_CHANGED, "active", HALF, END, {0, INT64_MAX}, 1500,
	{1500, INT64_MAX - 1500}, INT64_MAX, HALF, END},
    {"a change without a bill", LIFECYCLE_CHANGED, "active", HALF, END, {0, 0}, 1500, {0, 0}, 1500,
	HALF, END},
    {"a change to another interval", LIFECYCLE_CHANGED, "active", HALF, NEXT, {0, 5000}, 1500,
	{0, 5000}, 6500, HALF, NEXT},
    {"a note changes nothing", LIFECYCLE_UPDATED, "active", HALF, END, {0, 0}, 0, {0, 0}, 3000,
	START, END},
    {"nor does parking", LIFECYCLE_PARKED, "active", END, END, {0, 0}, 0, {0, 0}, 3000, START, END},
    {"a pause earns up to it", LIFECYCLE_PAUSED, "paused", TENTH, END, {0, 0}, 1000, {0, 0}, 2000,
	TENTH, END},
    {"behind the period's end all", LIFECYCLE_PAUSED, "paused", NEXT, END, {0, 0}, 3000, {0, 0}, 0,
	END, END},
    {"an end has earned the rest", LIFECYCLE_CANCELED, "canceled", HALF, END, {0, 0}, 3000, {0, 0},
	0, HALF, END},
    {"but what is given back", LIFECYCLE_CANCELED, "canceled", HALF, END, {40, -1500}, 1500,
	{40, -1500}, 0, HALF, END},
    {"by its own end", LIFECYCLE_EXPIRED, "expired", HALF, END, {40, 0}, 3000, {40, 0}, 0, HALF,
	END},
    {"nothing is deferred behind an end", LIFECYCLE_EXPIRED, "expired", HALF, END, {40, 60}, 3000,
	{100, 0}, 0, HALF, END},
};

START_TEST(test_steps)
{
	const struct step_row *row = &step_rows[_i];
	struct subscription before = {
	    .status = STR("active"),
	    .deferred = 3000,
	    .deferred_from = unit_instant(START),
	    .deferred_until = unit_instant(END),
	    .paused_at = INSTANT_NONE,
	};
	struct step step = {.event = row->event, .at = unit_instant(row->at), .after = before};
	struct earnings earnings = row->given;
	int64_t earned;

	step.after.status = str_from(row->status);
	step.after.current_period_end = unit_instant(row->period_end);
	earned = deferral_step(&before, &step, &earnings);
	ck_assert_msg(earned == row->earned, "%s: %" PRId64, row->name, earned);
	ck_assert_msg(earnings.earned == row->taken.earned, "%s", row->name);
	ck_assert_msg(earnings.deferred == row->taken.deferred, "%s", row->name);
	ck_assert_msg(step.after.deferred == row->deferred, "%s", row->name);
	unit_assert_instant(step.after.deferred_from, row->from, row->name);
	unit_assert_instant(step.after.deferred_until, row->until, row->name);
}
END_TEST

/* Paused with 20 days left, resumed in August: 20 days from then. */
START_TEST(test_a_resumed_ones_time_goes_on)
{
	struct subscription before = {
	    .status = STR("paused"),
	    .deferred = 2000,
	    .deferred_from = unit_instant(TENTH),
	    .deferred_until = unit_instant(END),
	    .paused_at = unit_instant(TENTH),
	};
	struct step step = {.event = LIFECYCLE_RESUMED,
	    .at = unit_instant("2026-08-01T00:00:00Z"),
	    .after = before};
	struct earnings earnings = {0, 0};

	step.after.status = STR("active");
	step.after.paused_at = INSTANT_NONE;
	step.after.current_period_end = unit_instant("2026-08-21T00:00:00Z");
	ck_assert_int_eq(deferral_step(&before, &step, &earnings), 0);
	ck_assert_int_eq(step.after.deferred, 2000);
	ck_assert_int_eq(deferral_release(&step.after, unit_instant("2026-08-11T00:00:00Z")), 1000);
}
END_TEST

/* Before anything was charged there is no time that something is deferred for. */
START_TEST(test_a_trial_defers_nothing)
{
	struct step step = {.event = LIFECYCLE_CREATED,
	    .at = unit_instant(START),
	    .after = {.status = STR("trialing"),
		.current_period_end = unit_instant(END),
		.deferred_from = INSTANT_NONE,
		.deferred_until = INSTANT_NONE}};
	struct earnings earnings = {0, 0};

	ck_assert_int_eq(deferral_step(NULL, &step, &earnings), 0);
	ck_assert_int_eq(step.after.deferred, 0);
	unit_assert_instant(step.after.deferred_from, NULL, "deferred_from");
	unit_assert_instant(step.after.deferred_until, NULL, "deferred_until");
}
END_TEST

START_TEST(test_a_note_that_bills_is_a_bug)
{
	struct step step = {.event = LIFECYCLE_UPDATED, .at = unit_instant(START)};
	struct earnings earnings = {0, 1};

	ck_assert_int_eq(deferral_step(NULL, &step, &earnings), 0);
}
END_TEST

struct take_row {
	const char *name;
	const char *status; /* NULL: no subscription */
	int64_t deferred;
	bool line_deferred;
	int64_t net;
	const char *at, *paused_at;
	int64_t expected;
};

/* Of a line for June. */
static const struct take_row take_rows[] = {
    {"half of its time is left", "active", 3000, true, 3000, HALF, NULL, 1500},
    {"of a part as well", "active", 3000, true, 101, HALF, NULL, 51},
    {"all before it began", "active", 3000, true, 3000, "2026-05-01T00:00:00Z", NULL, 3000},
    {"nothing at its end", "active", 3000, true, 3000, END, NULL, 0},
    {"nor behind it", "active", 3000, true, 3000, "2027-01-01T00:00:00Z", NULL, 0},
    {"nor of much", "active", 3000000000, true, 3000000000, "2027-01-01T00:00:00Z", NULL, 0},
    {"at most what there is", "active", 700, true, 3000, HALF, NULL, 700},
    {"a paused one's stands still", "paused", 3000, true, 3000, END, TENTH, 2000},
    {"a line that was earned at once", "active", 3000, false, 3000, HALF, NULL, 0},
    {"one that has ended", "canceled", 3000, true, 3000, HALF, NULL, 0},
    {"no subscription", NULL, 3000, true, 3000, HALF, NULL, 0},
    {"a credited line's is deferred again", "active", 100, true, -3000, HALF, NULL, -1500},
    {"as far as it fits", "active", INT64_MAX - 5, true, -3000, HALF, NULL, -5},
};

START_TEST(test_take)
{
	const struct take_row *row = &take_rows[_i];
	const struct invoice_line line = {
	    .deferred = row->line_deferred,
	    .period_start = unit_instant(START),
	    .period_end = unit_instant(END),
	};
	const struct subscription subscription = {
	    .status = row->status == NULL ? STR_NONE : str_from(row->status),
	    .deferred = row->deferred,
	    .paused_at = instant_of(row->paused_at),
	};
	int64_t taken = deferral_take(
	    row->status == NULL ? NULL : &subscription, &line, row->net, unit_instant(row->at));

	ck_assert_msg(taken == row->expected, "%s: %" PRId64, row->name, taken);
}
END_TEST

/* What a life has come to. */
struct sums {
	int64_t charged, earned; /* all that was charged, and what was earned of it so far */
};

static void
sums_step(struct sums *sums, const struct subscription *before, struct life *life)
{
	struct step *step = &life->step;
	struct earnings earnings = {0, 0};
	int64_t by_time, net;

	if (step->bills)
		earnings = earnings_of_bill(&life->bill);
	net = earnings.earned + earnings.deferred;
	ck_assert_int_eq(net, step->bills ? life->bill.total : 0);
	by_time = deferral_step(before, step, &earnings);
	ck_assert_int_ge(by_time, 0);
	ck_assert_int_eq(earnings.earned + earnings.deferred, net);
	sums->charged += net;
	sums->earned += by_time + earnings.earned;
	life->subscription = step->after;

	ck_assert_int_ge(step->after.deferred, 0);
	ck_assert(step->after.deferred == 0 || !instant_is_none(step->after.deferred_until));
	ck_assert(instant_is_none(step->after.deferred_until) ||
		  step->after.deferred_from.s <= step->after.deferred_until.s);
	ck_assert_int_eq(sums->earned + step->after.deferred, sums->charged);
	if (!subscription_is_live(&step->after))
		ck_assert_int_eq(step->after.deferred, 0);
}

static const enum lives_plan plans[] = {PLAN_30, PLAN_60, PLAN_SEATS, PLAN_MIXED, PLAN_CALLS,
    PLAN_30_NEXT, PLAN_YEAR, PLAN_WEEK, PLAN_DAY, PLAN_TRIAL};
static const char *const anchors[] = {"start", "calendar", "1", "31"};

#define PICK(random, table) ((table)[unit_random(random, ARRAY_LEN(table))])

/* Anything at ${now}, whether it is allowed or not. */
static enum refusal
move_random(struct life *life, uint64_t *random, struct instant now)
{
	struct subscription *subscription = &life->subscription;
	struct terms terms;

	lives_report(life, (int64_t)unit_random(random, 1000));
	terms = lives_terms(life);
	switch (unit_random(random, 16)) {
	case 0:
		return lifecycle_cancel(subscription, LIFECYCLE_NOW, unit_random(random, 2) == 0,
		    &terms, now, &life->step, &life->bill);
	case 1:
		return lifecycle_cancel(subscription, LIFECYCLE_PERIOD_END, false, &terms, now,
		    &life->step, &life->bill);
	case 2:
		return lifecycle_uncancel(subscription, now, &life->step);
	case 3:
	case 4:
		return lifecycle_pause(subscription, now, &life->step);
	case 5:
	case 6:
	case 7:
	case 8:
		return lifecycle_resume(subscription, &terms, now, &life->step, &life->bill);
	default:
		return lives_change(life, PICK(random, plans),
		    unit_random(random, 2) == 0 ? QUANTITY_NONE : (int64_t)unit_random(random, 9),
		    unit_random(random, 2) == 0 ? LIFECYCLE_NOW : LIFECYCLE_PERIOD_END,
		    unit_random(random, 3) != 0, now);
	}
}

static enum refusal
begin_random(struct life *life, uint64_t *random, struct instant now)
{
	struct wish wish = lives_wish((int64_t)unit_random(random, 5));

	wish.anchor = str_from(PICK(random, anchors));
	if (unit_random(random, 4) == 0)
		wish.trial_days = (int32_t)unit_random(random, 40);
	if (unit_random(random, 4) == 0)
		wish.start_at.s = now.s + (int64_t)unit_random(random, 8000000) - 4000000;
	if (unit_random(random, 4) == 0)
		wish.end_at.s = now.s + (int64_t)unit_random(random, 40000000);
	return lives_create(life, PICK(random, plans), &wish, now);
}

/* One more step: what falls due, or anything before; false when there was none. */
static bool
step_random(struct life *life, uint64_t *random, struct instant *now)
{
	struct instant due = life->subscription.due_at;
	enum refusal refusal;

	life->step.bills = false;
	if (!instant_is_none(due) && unit_random(random, 2) == 0) {
		*now = due;
		refusal = lives_due(life);
	} else {
		now->s += (int64_t)unit_random(random, 4000000);
		if (!instant_is_none(due) && now->s >= due.s)
			now->s = due.s - 1;
		*now = instant_later(*now, life->subscription.updated_at);
		if (!instant_is_none(due) && now->s >= due.s)
			return false;
		refusal = move_random(life, random, *now);
	}
	return refusal == REFUSAL_NONE;
}

/* Whatever happens to it: what was earned and what is deferred are all that was charged. */
START_TEST(test_nothing_is_lost_in_random_lives)
{
	uint64_t random = unit_seed("deferral");
	int steps = 0, ends = 0;

	for (int n = 0; n < LIVES; n++) {
		struct life *life = lives_begin(
		    "Europe/Vienna", (enum proration)unit_random(&random, PRORATION_MAX));
		struct instant now = {1300000000 + (int64_t)unit_random(&random, 600000000)};
		struct sums sums = {0, 0};

		if (begin_random(life, &random, now) != REFUSAL_NONE)
			continue;
		sums_step(&sums, NULL, life);
		for (int m = 0; m < MOVES && subscription_is_live(&life->subscription); m++) {
			struct subscription before = life->subscription;

			if (!step_random(life, &random, &now))
				continue;
			steps++;
			sums_step(&sums, &before, life);
		}
		ends += subscription_is_live(&life->subscription) ? 0 : 1;
	}
	ck_assert_int_gt(steps, LIVES);
	ck_assert_int_gt(ends, LIVES / 8);
}
END_TEST

UNIT_MAIN("deferral", UNIT_ROWS(test_release, release_rows), UNIT_ROWS(test_steps, step_rows),
    UNIT(test_a_resumed_ones_time_goes_on), UNIT(test_a_trial_defers_nothing),
    UNIT_ABORTS(test_a_note_that_bills_is_a_bug), UNIT_ROWS(test_take, take_rows),
    UNIT(test_nothing_is_lost_in_random_lives))
