#include "common/domain/subscription.h"

#include "tests/unit/unit.h"

/* The arrows of billing-rules.md, written down a second time: row from, column to. */
static const char *const states[SUBSCRIPTION_STATUS_MAX] = {
    "scheduled", "trialing", "active", "past_due", "paused", "canceled", "expired"};
static const char *const arrows[SUBSCRIPTION_STATUS_MAX] = {
    ".xx..x.", /* scheduled */
    "..x.xx.", /* trialing */
    "...xxxx", /* active */
    "..x.xx.", /* past_due */
    "..x..x.", /* paused */
    ".......", /* canceled */
    ".......", /* expired */
};

START_TEST(test_every_pair_of_states)
{
	for (int from = 0; from < SUBSCRIPTION_STATUS_MAX; from++)
		for (int to = 0; to < SUBSCRIPTION_STATUS_MAX; to++)
			ck_assert_msg(
			    subscription_transition_allowed((enum subscription_status)from,
				(enum subscription_status)to) == (arrows[from][to] == 'x'),
			    "%s to %s", states[from], states[to]);
}
END_TEST

START_TEST(test_names_and_liveness)
{
	ck_assert_int_eq(SUBSCRIPTION_STATUS_MAX, 7);
	for (int i = 0; i < SUBSCRIPTION_STATUS_MAX; i++) {
		enum subscription_status status = (enum subscription_status)i;
		struct subscription subscription = {.status = str_from(states[i])};
		bool final = status == SUBSCRIPTION_CANCELED || status == SUBSCRIPTION_EXPIRED;

		unit_assert_str(subscription_status_name(status), states[i], "name");
		ck_assert_int_eq(subscription_status_from(str_from(states[i])), status);
		ck_assert_msg(subscription_is_live(&subscription) == !final, "%s", states[i]);
	}
}
END_TEST

struct due_row {
	const char *name;
	const char *status;
	const char *end_at;
	const char *problem;
	const char *expected;
};

#define START "2027-01-31T09:30:00Z"
#define PERIOD_END "2027-02-28T09:30:00Z"
#define END "2028-01-01T00:00:00Z"

static const struct due_row due_rows[] = {
    {"what is scheduled starts", "scheduled", END, NULL, START},
    {"a trial ends", "trialing", END, NULL, PERIOD_END},
    {"a period ends", "active", END, NULL, PERIOD_END},
    {"an unpaid one's, too", "past_due", END, NULL, PERIOD_END},
    {"a paused one waits for its end", "paused", END, NULL, END},
    {"or for nothing", "paused", NULL, NULL, NULL},
    {"a canceled one waits for nothing", "canceled", END, NULL, NULL},
    {"nor does an expired one", "expired", END, NULL, NULL},
    {"nor one that is parked", "active", END, "amount-out-of-range", NULL},
    {"scheduled or not", "scheduled", END, "time-out-of-range", NULL},
};

START_TEST(test_due_at)
{
	const struct due_row *row = &due_rows[_i];
	struct subscription subscription = {
	    .status = str_from(row->status),
	    .started_at = unit_instant(START),
	    .current_period_end = unit_instant(PERIOD_END),
	    .end_at = row->end_at == NULL ? INSTANT_NONE : unit_instant(row->end_at),
	    .billing_problem = str_from(row->problem),
	};

	unit_assert_instant(subscription_due_at(&subscription), row->expected, row->name);
}
END_TEST

START_TEST(test_an_unknown_status_is_a_bug)
{
	ck_assert_int_ge(subscription_status_from(STR("cancelled")), 0);
}
END_TEST

UNIT_MAIN("subscription", UNIT(test_every_pair_of_states), UNIT(test_names_and_liveness),
    UNIT_ROWS(test_due_at, due_rows), UNIT_ABORTS(test_an_unknown_status_is_a_bug))
