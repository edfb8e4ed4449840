#include "common/domain/subscription.h"

#include "tests/unit/unit.h"

#define NOW "2027-01-31T09:30:00Z"

static const struct zone utc;

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

static struct customer
a_customer(void)
{
	return (struct customer){
	    .organisation_id = {{1}},
	    .id = {{2}},
	    .shard = 77,
	    .currency = {"EUR"},
	    .timezone = STR("UTC"),
	    .created_at = unit_instant("2026-01-01T00:00:00Z"),
	    .archived_at = INSTANT_NONE,
	};
}

static struct plan
a_plan(void)
{
	return (struct plan){
	    .organisation_id = {{1}},
	    .id = {{3}},
	    .currency = {"EUR"},
	    .interval = STR("month"),
	    .interval_count = 1,
	    .amount = 1999,
	    .archived_at = INSTANT_NONE,
	};
}

struct create_row {
	const char *name;
	bool customer_archived;
	bool plan_archived;
	const char *plan_currency;
	const char *other_status; /* of the subscription that the customer has; NULL for none */
	const char *now;
	enum refusal expected;
};

#define LATE "2199-12-15T00:00:00Z"

/* Each refusal alone, and each with all that come after it. */
static const struct create_row create_rows[] = {
    {"nothing stands against it", false, false, "EUR", NULL, NOW, REFUSAL_NONE},
    {"the customer is archived", true, false, "EUR", NULL, NOW, REFUSAL_CUSTOMER_ARCHIVED},
    {"the plan is archived", false, true, "EUR", NULL, NOW, REFUSAL_PLAN_ARCHIVED},
    {"the plan's currency is another", false, false, "USD", NULL, NOW, REFUSAL_CURRENCY_MISMATCH},
    {"a scheduled subscription is live", false, false, "EUR", "scheduled", NOW,
	REFUSAL_SUBSCRIPTION_LIVE_EXISTS},
    {"a trial is live", false, false, "EUR", "trialing", NOW, REFUSAL_SUBSCRIPTION_LIVE_EXISTS},
    {"an active subscription is live", false, false, "EUR", "active", NOW,
	REFUSAL_SUBSCRIPTION_LIVE_EXISTS},
    {"an unpaid subscription is live", false, false, "EUR", "past_due", NOW,
	REFUSAL_SUBSCRIPTION_LIVE_EXISTS},
    {"a paused subscription is live", false, false, "EUR", "paused", NOW,
	REFUSAL_SUBSCRIPTION_LIVE_EXISTS},
    {"a canceled one is not", false, false, "EUR", "canceled", NOW, REFUSAL_NONE},
    {"an expired one is not", false, false, "EUR", "expired", NOW, REFUSAL_NONE},
    {"its period would end in 2200", false, false, "EUR", NULL, LATE, REFUSAL_TIME_OUT_OF_RANGE},
    {"all at once: the customer first", true, true, "USD", "active", LATE,
	REFUSAL_CUSTOMER_ARCHIVED},
    {"then the plan", false, true, "USD", "active", LATE, REFUSAL_PLAN_ARCHIVED},
    {"then the currency", false, false, "USD", "active", LATE, REFUSAL_CURRENCY_MISMATCH},
    {"then the live one", false, false, "EUR", "active", LATE, REFUSAL_SUBSCRIPTION_LIVE_EXISTS},
};

START_TEST(test_create_refuses_in_order)
{
	const struct create_row *row = &create_rows[_i];
	struct customer customer = a_customer();
	struct plan plan = a_plan();
	struct subscription other = {.status = str_from(row->other_status)};
	struct subscription subscription, before;
	enum refusal refusal;

	if (row->customer_archived)
		customer.archived_at = unit_instant(NOW);
	if (row->plan_archived)
		plan.archived_at = unit_instant(NOW);
	ck_assert(currency_from(str_from(row->plan_currency), &plan.currency));
	memset(&subscription, 0x5a, sizeof(subscription));
	before = subscription;

	refusal = subscription_create(&customer, &plan, row->other_status == NULL ? NULL : &other,
	    &utc, unit_instant(row->now), &subscription);
	ck_assert_msg(refusal == row->expected, "%s: %d", row->name, refusal);
	ck_assert_msg((memcmp(&subscription, &before, sizeof(before)) == 0) ==
			  (row->expected != REFUSAL_NONE),
	    "%s: touched", row->name);
}
END_TEST

/* The order in which they are tested is the order of the list. */
START_TEST(test_refusals_are_listed_by_precedence)
{
	static const enum refusal order[] = {REFUSAL_CUSTOMER_ARCHIVED, REFUSAL_PLAN_ARCHIVED,
	    REFUSAL_CURRENCY_MISMATCH, REFUSAL_SUBSCRIPTION_LIVE_EXISTS, REFUSAL_TIME_OUT_OF_RANGE};

	for (size_t i = 1; i < ARRAY_LEN(order); i++)
		ck_assert_int_lt(order[i - 1], order[i]);
}
END_TEST

START_TEST(test_create_sets_all_facts)
{
	struct customer customer = a_customer();
	struct plan plan = a_plan();
	struct str_pair pair = {STR("a"), STR("b")};
	struct subscription subscription = {
	    .id = {{4}}, .shard = 77, .metadata = {&pair, 1}, .cancel_at_period_end = true};

	customer.timezone = STR("Europe/Vienna");
	ck_assert_int_eq(
	    subscription_create(&customer, &plan, NULL, &utc, unit_instant(NOW), &subscription),
	    REFUSAL_NONE);
	ck_assert(uuid_equal(subscription.id, (struct uuid){{4}}));
	ck_assert(uuid_equal(subscription.organisation_id, customer.organisation_id));
	ck_assert(uuid_equal(subscription.customer_id, customer.id));
	ck_assert(uuid_equal(subscription.plan_id, plan.id));
	ck_assert_int_eq(subscription.shard, 77);
	ck_assert_ptr_eq(subscription.metadata.pairs, &pair);
	unit_assert_str(subscription.status, "active", "status");
	unit_assert_str(subscription.timezone, "Europe/Vienna", "timezone");
	ck_assert_int_eq(subscription.period_index, 0);
	ck_assert(!subscription.cancel_at_period_end);
	unit_assert_instant(subscription.anchor_at, NOW, "anchor_at");
	unit_assert_instant(subscription.started_at, NOW, "started_at");
	unit_assert_instant(subscription.current_period_start, NOW, "period_start");
	unit_assert_instant(subscription.current_period_end, "2027-02-28T09:30:00Z", "period_end");
	unit_assert_instant(subscription.canceled_at, NULL, "canceled_at");
	unit_assert_instant(subscription.ended_at, NULL, "ended_at");
	unit_assert_instant(subscription.created_at, NOW, "created_at");
	unit_assert_instant(subscription.updated_at, NOW, "updated_at");
}
END_TEST

struct period_row {
	const char *name;
	const char *interval;
	int32_t count;
	const char *end;
};

static const struct period_row period_rows[] = {
    {"a day", "day", 1, "2027-02-01T09:30:00Z"},
    {"the fixed 30 days", "day", 30, "2027-03-02T09:30:00Z"},
    {"a week", "week", 1, "2027-02-07T09:30:00Z"},
    {"a month", "month", 1, "2027-02-28T09:30:00Z"},
    {"a quarter", "month", 3, "2027-04-30T09:30:00Z"},
    {"a year", "year", 1, "2028-01-31T09:30:00Z"},
};

START_TEST(test_create_takes_the_plans_interval)
{
	const struct period_row *row = &period_rows[_i];
	struct customer customer = a_customer();
	struct plan plan = a_plan();
	struct subscription subscription = {.id = {{4}}};

	plan.interval = str_from(row->interval);
	plan.interval_count = row->count;
	ck_assert_int_eq(
	    subscription_create(&customer, &plan, NULL, &utc, unit_instant(NOW), &subscription),
	    REFUSAL_NONE);
	unit_assert_instant(subscription.current_period_end, row->end, row->name);
}
END_TEST

START_TEST(test_create_computes_in_the_zone)
{
	/* One hour ahead, two from 28 March on. */
	struct zone zone = {.offset_first_s = 3600,
	    .transitions_len = 1,
	    .transitions = {{unit_instant("2027-03-28T01:00:00Z").s, 7200}}};
	struct customer customer = a_customer();
	struct plan plan = a_plan();
	struct subscription subscription = {.id = {{4}}};

	plan.interval_count = 2;
	ck_assert_int_eq(
	    subscription_create(&customer, &plan, NULL, &zone, unit_instant(NOW), &subscription),
	    REFUSAL_NONE);
	unit_assert_instant(subscription.current_period_end, "2027-03-31T08:30:00Z", "end");
}
END_TEST

static struct subscription
a_subscription(const char *status)
{
	struct customer customer = a_customer();
	struct plan plan = a_plan();
	struct subscription subscription = {.id = {{4}}};
	enum refusal refusal =
	    subscription_create(&customer, &plan, NULL, &utc, unit_instant(NOW), &subscription);

	ck_assert_int_eq(refusal, REFUSAL_NONE);
	subscription.status = str_from(status);
	return subscription;
}

struct cancel_row {
	const char *name;
	const char *status;
	enum cancel_effective effective;
	bool asked_before; /* for the period's end, a day earlier */
	enum refusal expected;
	const char *status_after;
	bool at_period_end;
	const char *canceled_at;
	const char *ended_at;
};

#define EARLIER "2027-02-09T12:00:00Z"
#define LATER "2027-02-10T12:00:00Z"
#define FINAL REFUSAL_SUBSCRIPTION_FINAL

static const struct cancel_row cancel_rows[] = {
    {"an active one, now", "active", CANCEL_NOW, false, REFUSAL_NONE, "canceled", false, LATER,
	LATER},
    {"an active one, at the period's end", "active", CANCEL_PERIOD_END, false, REFUSAL_NONE,
	"active", true, LATER, NULL},
    {"at the period's end again: the first wish keeps its date", "active", CANCEL_PERIOD_END, true,
	REFUSAL_NONE, "active", true, EARLIER, NULL},
    {"now overrides the earlier wish", "active", CANCEL_NOW, true, REFUSAL_NONE, "canceled", false,
	LATER, LATER},
    {"a scheduled one, now", "scheduled", CANCEL_NOW, false, REFUSAL_NONE, "canceled", false, LATER,
	LATER},
    {"a trial, now", "trialing", CANCEL_NOW, false, REFUSAL_NONE, "canceled", false, LATER, LATER},
    {"a trial, at the period's end", "trialing", CANCEL_PERIOD_END, false, REFUSAL_NONE, "trialing",
	true, LATER, NULL},
    {"an unpaid one, now", "past_due", CANCEL_NOW, false, REFUSAL_NONE, "canceled", false, LATER,
	LATER},
    {"a paused one, now", "paused", CANCEL_NOW, false, REFUSAL_NONE, "canceled", false, LATER,
	LATER},
    {"a canceled one, now", "canceled", CANCEL_NOW, false, FINAL, "canceled", false, NULL, NULL},
    {"a canceled one, later", "canceled", CANCEL_PERIOD_END, false, FINAL, "canceled", false, NULL,
	NULL},
    {"an expired one, now", "expired", CANCEL_NOW, false, FINAL, "expired", false, NULL, NULL},
    {"an expired one, later", "expired", CANCEL_PERIOD_END, false, FINAL, "expired", false, NULL,
	NULL},
};

START_TEST(test_cancel)
{
	const struct cancel_row *row = &cancel_rows[_i];
	struct subscription subscription = a_subscription(row->status);
	enum refusal refusal;

	if (row->asked_before)
		ck_assert_int_eq(
		    subscription_cancel(&subscription, CANCEL_PERIOD_END, unit_instant(EARLIER)),
		    REFUSAL_NONE);
	refusal = subscription_cancel(&subscription, row->effective, unit_instant(LATER));
	ck_assert_msg(refusal == row->expected, "%s: %d", row->name, refusal);
	unit_assert_str(subscription.status, row->status_after, row->name);
	ck_assert_msg(subscription.cancel_at_period_end == row->at_period_end, "%s", row->name);
	unit_assert_instant(subscription.canceled_at, row->canceled_at, row->name);
	unit_assert_instant(subscription.ended_at, row->ended_at, row->name);
	unit_assert_instant(
	    subscription.updated_at, refusal == REFUSAL_NONE ? LATER : NOW, row->name);
	/* The period stands whatever happens: what was billed was billed. */
	unit_assert_instant(subscription.current_period_end, "2027-02-28T09:30:00Z", row->name);
}
END_TEST

START_TEST(test_an_unknown_status_is_a_bug)
{
	ck_assert_int_ge(subscription_status_from(STR("cancelled")), 0);
}
END_TEST

START_TEST(test_an_unknown_interval_is_a_bug)
{
	struct customer customer = a_customer();
	struct plan plan = a_plan();
	struct subscription subscription = {.id = {{4}}};

	plan.interval = STR("fortnight");
	ck_assert_int_eq(
	    subscription_create(&customer, &plan, NULL, &utc, unit_instant(NOW), &subscription),
	    REFUSAL_NONE);
}
END_TEST

START_TEST(test_another_organisations_plan_is_a_bug)
{
	struct customer customer = a_customer();
	struct plan plan = a_plan();
	struct subscription subscription = {.id = {{4}}};

	plan.organisation_id = (struct uuid){{9}};
	ck_assert_int_eq(
	    subscription_create(&customer, &plan, NULL, &utc, unit_instant(NOW), &subscription),
	    REFUSAL_NONE);
}
END_TEST

UNIT_MAIN("subscription", UNIT(test_every_pair_of_states), UNIT(test_names_and_liveness),
    UNIT_ROWS(test_create_refuses_in_order, create_rows),
    UNIT(test_refusals_are_listed_by_precedence), UNIT(test_create_sets_all_facts),
    UNIT_ROWS(test_create_takes_the_plans_interval, period_rows),
    UNIT(test_create_computes_in_the_zone), UNIT_ROWS(test_cancel, cancel_rows),
    UNIT_ABORTS(test_an_unknown_status_is_a_bug), UNIT_ABORTS(test_an_unknown_interval_is_a_bug),
    UNIT_ABORTS(test_another_organisations_plan_is_a_bug))
