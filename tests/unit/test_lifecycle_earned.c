#include "common/domain/deferral.h"
#include "tests/unit/lives.h"

#define DAY INT64_C(86400)

/* A life whose first period was billed, and is deferred. */
static struct life *
life_paid(enum lives_plan plan, const char *start)
{
	struct life *life = lives_begin("UTC", PRORATION_SECOND);
	struct wish wish = lives_wish(1);
	struct earnings earnings;

	ck_assert_int_eq(lives_create(life, plan, &wish, unit_instant(start)), REFUSAL_NONE);
	earnings = earnings_of_bill(&life->bill, &life->step);
	ck_assert_int_eq(deferral_step(NULL, &life->step, &earnings), 0);
	life->subscription = life->step.after;
	return life;
}

/* What falls due next, and is booked. */
static int64_t
due_booked(struct life *life)
{
	struct subscription before = life->subscription;
	struct earnings earnings = {0, 0};
	int64_t earned;

	ck_assert_int_eq(lives_due(life), REFUSAL_NONE);
	if (life->step.bills)
		earnings = earnings_of_bill(&life->bill, &life->step);
	earned = deferral_step(&before, &life->step, &earnings);
	life->subscription = life->step.after;
	return earned;
}

START_TEST(test_a_year_is_earned_on_the_way)
{
	struct life *life = life_paid(PLAN_YEAR, "2026-01-01T00:00:00Z");
	struct instant start = life->subscription.current_period_start;
	int64_t earned = 0;

	for (int64_t n = 1; n <= 11; n++) {
		ck_assert_int_eq(life->subscription.due_at.s, start.s + n * 32 * DAY);
		earned += due_booked(life);
		ck_assert_int_eq(life->step.event, LIFECYCLE_EARNED);
		ck_assert(!life->step.bills);
		ck_assert_int_eq(life->subscription.deferred, 30000 - earned);
		/* Exactly would be so much of the year; a step is rounded by half at most. */
		ck_assert_int_le(llabs(earned * 365 - 30000 * 32 * n), 365 * n / 2 + 365);
		ck_assert_int_eq(life->subscription.current_period_start.s, start.s);
		ck_assert_str_eq(life->subscription.status.ptr, "active");
	}
	unit_assert_instant(life->subscription.due_at, "2027-01-01T00:00:00Z", "due_at");
	earned += due_booked(life);
	ck_assert_int_eq(life->step.event, LIFECYCLE_RENEWED);
	ck_assert_int_eq(earned, 30000);
	ck_assert_int_eq(life->subscription.deferred, 30000);
	ck_assert_int_eq(life->subscription.due_at.s, life->step.at.s + 32 * DAY);
}
END_TEST

START_TEST(test_a_month_needs_no_step_for_it)
{
	struct life *life = life_paid(PLAN_30, "2026-01-01T00:00:00Z");

	ck_assert_int_eq(life->subscription.deferred, 3000);
	unit_assert_instant(life->subscription.due_at, "2026-02-01T00:00:00Z", "due_at");
	ck_assert_int_eq(due_booked(life), 3000);
	ck_assert_int_eq(life->step.event, LIFECYCLE_RENEWED);
}
END_TEST

/* A preview goes from step to step, and books nothing. */
START_TEST(test_the_way_goes_on_without_booking)
{
	struct life *life = life_paid(PLAN_YEAR, "2026-01-01T00:00:00Z");
	int steps = 0;

	do {
		int64_t deferred = life->subscription.deferred;

		ck_assert_int_eq(lives_due(life), REFUSAL_NONE);
		ck_assert_int_lt(life->subscription.deferred, deferred);
		steps++;
	} while (!life->step.bills);
	ck_assert_int_eq(steps, 12);
	ck_assert_int_eq(life->subscription.deferred, 0);
	unit_assert_instant(life->subscription.due_at, "2028-01-01T00:00:00Z", "due_at");
}
END_TEST

START_TEST(test_a_wish_to_cancel_waits_for_the_periods_end)
{
	struct life *life = life_paid(PLAN_YEAR, "2026-01-01T00:00:00Z");

	life->subscription.cancel_at_period_end = true;
	for (int n = 1; n <= 11; n++) {
		(void)due_booked(life);
		ck_assert_int_eq(life->step.event, LIFECYCLE_EARNED);
	}
	ck_assert_int_gt(due_booked(life), 0);
	ck_assert_int_eq(life->step.event, LIFECYCLE_CANCELED);
	ck_assert_int_eq(life->subscription.deferred, 0);
	ck_assert(instant_is_none(life->subscription.due_at));
}
END_TEST

START_TEST(test_what_is_paused_or_given_back_earns_nothing)
{
	struct life *life = life_paid(PLAN_YEAR, "2026-01-01T00:00:00Z");

	life->subscription.deferred = 0;
	unit_assert_instant(
	    subscription_due_at(&life->subscription), "2027-01-01T00:00:00Z", "given back");
	life->subscription.deferred = 1;
	unit_assert_instant(
	    subscription_due_at(&life->subscription), "2026-02-02T00:00:00Z", "the last cent");
	life->subscription.status = STR("paused");
	ck_assert(instant_is_none(subscription_due_at(&life->subscription)));
}
END_TEST

UNIT_MAIN("lifecycle_earned", UNIT(test_a_year_is_earned_on_the_way),
    UNIT(test_a_month_needs_no_step_for_it), UNIT(test_the_way_goes_on_without_booking),
    UNIT(test_a_wish_to_cancel_waits_for_the_periods_end),
    UNIT(test_what_is_paused_or_given_back_earns_nothing))
