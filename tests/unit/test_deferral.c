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
	bool turns; /* another period begins */
};

#define NEXT "2026-08-01T00:00:00Z"

static const struct step_row step_rows[] = {
    {"a renewal has earned all", LIFECYCLE_RENEWED, "active", END, NEXT, {70, 3100}, 3000,
	{70, 3100}, 3100, END, NEXT, true},
    {"a change moves what is left", LIFECYCLE_CHANGED, "active", HALF, END, {0, 1500}, 1500,
	{0, 1500}, 3000, HALF, END, false},
    {"a change down takes of it", LIFECYCLE_CHANGED, "active", HALF, END, {0, -1000}, 1500,
	{0, -1000}, 500, HALF, END, false},
    {"never more than there is", LIFECYCLE_CHANGED, "active", HALF, END, {20, -1600}, 1500,
	{-80, -1500}, 0, HALF, END, false},
    {"never more than fits", LIFECYCLE_CHANGED, "active", HALF, END, {0, INT64_MAX}, 1500,
	{1500, INT64_MAX - 1500}, INT64_MAX, HALF, END, false},
    {"a change without a bill", LIFECYCLE_CHANGED, "active", HALF, END, {0, 0}, 1500, {0, 0}, 1500,
	HALF, END, false},
    {"a change that moves the end", LIFECYCLE_CHANGED, "active", HALF, NEXT, {0, 5000}, 1500,
	{0, 5000}, 6500, HALF, NEXT, false},
    {"to another interval: all of the old period is earned", LIFECYCLE_CHANGED, "active", HALF,
	NEXT, {0, 5000}, 3000, {0, 5000}, 5000, HALF, NEXT, true},
    {"likewise where a part of it is given back", LIFECYCLE_CHANGED, "active", HALF, NEXT,
	{-1500, 5000}, 3000, {-1500, 5000}, 5000, HALF, NEXT, true},
    {"a note changes nothing", LIFECYCLE_UPDATED, "active", HALF, END, {0, 0}, 0, {0, 0}, 3000,
	START, END, false},
    {"nor does parking", LIFECYCLE_PARKED, "active", END, END, {0, 0}, 0, {0, 0}, 3000, START, END,
	false},
    {"a pause earns up to it", LIFECYCLE_PAUSED, "paused", TENTH, END, {0, 0}, 1000, {0, 0}, 2000,
	TENTH, END, false},
    {"behind the period's end all", LIFECYCLE_PAUSED, "paused", NEXT, END, {0, 0}, 3000, {0, 0}, 0,
	END, END, false},
    {"an end has earned the rest", LIFECYCLE_CANCELED, "canceled", HALF, END, {0, 0}, 3000, {0, 0},
	0, HALF, END, false},
    {"but what is given back", LIFECYCLE_CANCELED, "canceled", HALF, END, {40, -1500}, 1500,
	{40, -1500}, 0, HALF, END, false},
    {"by its own end", LIFECYCLE_EXPIRED, "expired", HALF, END, {40, 0}, 3000, {40, 0}, 0, HALF,
	END, false},
    {"nothing is deferred behind an end", LIFECYCLE_EXPIRED, "expired", HALF, END, {40, 60}, 3000,
	{100, 0}, 0, HALF, END, false},
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
	struct step step = {.event = row->event,
	    .at = unit_instant(row->at),
	    .after = before,
	    .turns_period = row->turns};
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

	/* Its own end leaves 5 of them. */
	step.after.current_period_end = unit_instant("2026-08-06T00:00:00Z");
	ck_assert_int_eq(deferral_step(&before, &step, &earnings), 1500);
	ck_assert_int_eq(step.after.deferred, 500);
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

/* A subscription in June, or what pauses of ${moved_days} made of it. */
static struct subscription
june_moved(const char *status, int64_t deferred, int64_t moved_days)
{
	int64_t moved_s = moved_days * 86400;

	return (struct subscription){
	    .status = str_from(status),
	    .deferred = deferred,
	    .natural_start = {unit_instant(START).s + moved_s},
	    .natural_end = {unit_instant(END).s + moved_s},
	    .current_period_start = {unit_instant(START).s + moved_s},
	    .current_period_end = {unit_instant(END).s + moved_s},
	    .end_at = INSTANT_NONE,
	    .paused_at = INSTANT_NONE,
	    .period_moved_s = moved_s,
	};
}

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
	struct subscription subscription =
	    june_moved(row->status == NULL ? "active" : row->status, row->deferred, 0);
	int64_t taken;

	subscription.paused_at = instant_of(row->paused_at);
	taken = deferral_take(
	    row->status == NULL ? NULL : &subscription, &line, row->net, unit_instant(row->at));
	ck_assert_msg(taken == row->expected, "%s: %" PRId64, row->name, taken);
}
END_TEST

/* 3000 of a line, with more than that deferred. */
struct time_row {
	const char *name;
	const char *start, *end; /* the line's */
	int64_t moved_days;      /* the subscription's June */
	const char *end_at;      /* which cuts it, unless NULL */
	const char *at;
	int64_t expected;
};

#define JULY_11 "2026-07-11T00:00:00Z"

static const struct time_row time_rows[] = {
    {"what a pause moved has all its time", START, END, 10, NULL, TENTH, 3000},
    {"its half is later", START, END, 10, NULL, "2026-06-26T00:00:00Z", 1500},
    {"also behind what was its end", START, END, 10, NULL, "2026-07-06T00:00:00Z", 500},
    {"by more than its own length", START, END, 90, NULL, "2026-09-14T00:00:00Z", 1500},
    {"nothing at its new end", START, END, 10, NULL, JULY_11, 0},
    {"what was charged behind the pause stands as it is", HALF, JULY_11, 10, NULL,
	"2026-07-06T00:00:00Z", 600},
    {"what was charged between two pauses", HALF, "2026-07-05T00:00:00Z", 10, NULL,
	"2026-07-06T00:00:00Z", 789},
    {"up to its end at most", START, END, 10, "2026-07-06T00:00:00Z", "2026-07-03T00:00:00Z", 300},
    {"of a period that was cut before", START, "2026-06-21T00:00:00Z", 10, "2026-06-21T00:00:00Z",
	HALF, 750},
    {"the period before is over", "2026-05-01T00:00:00Z", START, 0, NULL, START, 0},
    {"also where this one was moved", "2026-05-01T00:00:00Z", START, 10, NULL, TENTH, 0},
    {"a longer one that was changed is", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", 0, NULL,
	HALF, 0},
    {"and what was given back of it", START, "2027-01-01T00:00:00Z", 0, NULL, HALF, 0},
    {"a shorter one that was changed is", "2026-05-29T00:00:00Z", "2026-06-05T00:00:00Z", 0, NULL,
	"2026-06-02T00:00:00Z", 0},
    {"and one that was to end with this one", "2026-05-01T00:00:00Z", END, 0, NULL, HALF, 0},
};

START_TEST(test_take_by_time)
{
	const struct time_row *row = &time_rows[_i];
	const struct invoice_line line = {
	    .deferred = true,
	    .period_start = unit_instant(row->start),
	    .period_end = unit_instant(row->end),
	};
	struct subscription subscription = june_moved("active", 9000, row->moved_days);
	int64_t taken;

	if (row->end_at != NULL)
		subscription.current_period_end = unit_instant(row->end_at);
	taken = deferral_take(&subscription, &line, 3000, unit_instant(row->at));
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
		earnings = earnings_of_bill(&life->bill, &life->step);
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

/* The next moment of a life of which nothing is asked for but pauses; false when its first period
 * is over. */
static bool
pause_random(struct life *life, uint64_t *random, struct instant *now)
{
	const struct subscription *subscription = &life->subscription;
	struct instant end_at = subscription->end_at;
	struct terms terms = lives_terms(life);

	now->s += (int64_t)unit_random(random, 4000000);
	if (!instant_is_none(end_at) && now->s >= end_at.s)
		return false;
	if (!instant_is_none(subscription->paused_at))
		return lifecycle_resume(subscription, &terms, *now, &life->step, &life->bill) ==
		       REFUSAL_NONE;
	return now->s < subscription->current_period_end.s &&
	       lifecycle_pause(subscription, *now, &life->step) == REFUSAL_NONE;
}

/* However often it was paused: what is left of the line that charged for its period is what is
 * deferred, but for what each step rounds. */
START_TEST(test_what_is_left_is_deferred_in_random_pauses)
{
	uint64_t random = unit_seed("pauses");
	int resumed = 0;

	for (int n = 0; n < LIVES; n++) {
		struct life *life = lives_begin("Europe/Vienna", PRORATION_SECOND);
		struct instant now = {1300000000 + (int64_t)unit_random(&random, 600000000)};
		struct wish wish = lives_wish(1);
		struct invoice_line line = {.deferred = true};
		struct sums sums = {0, 0};

		wish.anchor = str_from(PICK(&random, anchors));
		if (unit_random(&random, 2) == 0)
			wish.end_at.s = now.s + 1 + (int64_t)unit_random(&random, 40000000);
		ck_assert_int_eq(
		    lives_create(life, n % 2 == 0 ? PLAN_30 : PLAN_YEAR, &wish, now), REFUSAL_NONE);
		line.period_start = life->step.period.start;
		line.period_end = life->step.period.end;
		sums_step(&sums, NULL, life);
		for (int64_t steps = 1; pause_random(life, &random, &now); steps++) {
			struct subscription before = life->subscription;
			int64_t taken;

			life->step.bills = false;
			resumed += life->step.event == LIFECYCLE_RESUMED ? 1 : 0;
			sums_step(&sums, &before, life);
			taken = deferral_take(&life->subscription, &line, sums.charged, now);
			ck_assert_int_le(llabs(taken - life->subscription.deferred), steps + 1);
		}
	}
	ck_assert_int_gt(resumed, LIVES / 4);
}
END_TEST

UNIT_MAIN("deferral", UNIT_ROWS(test_release, release_rows), UNIT_ROWS(test_steps, step_rows),
    UNIT(test_a_resumed_ones_time_goes_on), UNIT(test_a_trial_defers_nothing),
    UNIT_ABORTS(test_a_note_that_bills_is_a_bug), UNIT_ROWS(test_take, take_rows),
    UNIT_ROWS(test_take_by_time, time_rows), UNIT(test_nothing_is_lost_in_random_lives),
    UNIT(test_what_is_left_is_deferred_in_random_pauses))
