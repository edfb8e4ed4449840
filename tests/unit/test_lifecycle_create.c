/* How a subscription is made: each refusal, in order, and each fact. */
#include "tests/unit/lives.h"

#define NOW "2026-06-10T00:00:00Z"
#define LATE "2199-12-15T00:00:00Z"

/* What may be wrong with a wish.  Each refusal alone, and each with all that come after it. */
struct create_row {
	const char *name;
	bool customer_archived;
	bool plan_archived;
	enum lives_plan plan;
	const char *other_status; /* of the subscription that the customer has; NULL for none */
	bool many;
	const char *now, *start_at, *end_at; /* NULL: none */
	const char *anchor;
	int32_t trial_days;
	enum refusal expected;
};

static const struct create_row create_rows[] = {
    {"nothing stands against it", false, false, PLAN_30, NULL, false, NOW, NULL, NULL, "start", -1,
	REFUSAL_NONE},
    {"the customer is archived", true, false, PLAN_30, NULL, false, NOW, NULL, NULL, "start", -1,
	REFUSAL_CUSTOMER_ARCHIVED},
    {"the plan is archived", false, true, PLAN_30, NULL, false, NOW, NULL, NULL, "start", -1,
	REFUSAL_PLAN_ARCHIVED},
    {"the plan's currency is another", false, false, PLAN_DOLLARS, NULL, false, NOW, NULL, NULL,
	"start", -1, REFUSAL_CURRENCY_MISMATCH},
    {"a scheduled subscription is live", false, false, PLAN_30, "scheduled", false, NOW, NULL, NULL,
	"start", -1, REFUSAL_SUBSCRIPTION_LIVE_EXISTS},
    {"a trial is live", false, false, PLAN_30, "trialing", false, NOW, NULL, NULL, "start", -1,
	REFUSAL_SUBSCRIPTION_LIVE_EXISTS},
    {"an active subscription is live", false, false, PLAN_30, "active", false, NOW, NULL, NULL,
	"start", -1, REFUSAL_SUBSCRIPTION_LIVE_EXISTS},
    {"an unpaid subscription is live", false, false, PLAN_30, "past_due", false, NOW, NULL, NULL,
	"start", -1, REFUSAL_SUBSCRIPTION_LIVE_EXISTS},
    {"a paused subscription is live", false, false, PLAN_30, "paused", false, NOW, NULL, NULL,
	"start", -1, REFUSAL_SUBSCRIPTION_LIVE_EXISTS},
    {"a canceled one is not", false, false, PLAN_30, "canceled", false, NOW, NULL, NULL, "start",
	-1, REFUSAL_NONE},
    {"an expired one is not", false, false, PLAN_30, "expired", false, NOW, NULL, NULL, "start", -1,
	REFUSAL_NONE},
    {"there may be many", false, false, PLAN_30, "active", true, NOW, NULL, NULL, "start", -1,
	REFUSAL_NONE},
    {"366 days back", false, false, PLAN_30, NULL, false, NOW, "2025-06-09T00:00:00Z", NULL,
	"start", -1, REFUSAL_NONE},
    {"a second more", false, false, PLAN_30, NULL, false, NOW, "2025-06-08T23:59:59Z", NULL,
	"start", -1, REFUSAL_START_TOO_EARLY},
    {"a day of the month for weeks", false, false, PLAN_WEEK, NULL, false, NOW, NULL, NULL, "31",
	-1, REFUSAL_ANCHOR_NOT_POSSIBLE},
    {"a day of the month for days", false, false, PLAN_DAY, NULL, false, NOW, NULL, NULL, "1", -1,
	REFUSAL_ANCHOR_NOT_POSSIBLE},
    {"a day of the month for years", false, false, PLAN_YEAR, NULL, false, NOW, NULL, NULL, "1", -1,
	REFUSAL_NONE},
    {"it ends now", false, false, PLAN_30, NULL, false, NOW, NULL, NOW, "start", -1,
	REFUSAL_END_TOO_EARLY},
    {"it ends a second later", false, false, PLAN_30, NULL, false, NOW, NULL,
	"2026-06-10T00:00:01Z", "start", -1, REFUSAL_NONE},
    {"it began and ended before now", false, false, PLAN_30, NULL, false, NOW,
	"2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z", "start", -1, REFUSAL_END_TOO_EARLY},
    {"it ends when it starts", false, false, PLAN_30, NULL, false, NOW, "2026-07-01T00:00:00Z",
	"2026-07-01T00:00:00Z", "start", -1, REFUSAL_END_TOO_EARLY},
    {"it ends with its trial", false, false, PLAN_30, NULL, false, NOW, NULL,
	"2026-06-24T00:00:00Z", "start", 14, REFUSAL_END_TOO_EARLY},
    {"it ends a second after its trial", false, false, PLAN_30, NULL, false, NOW, NULL,
	"2026-06-24T00:00:01Z", "start", 14, REFUSAL_NONE},
    {"it ends with its plan's trial", false, false, PLAN_TRIAL, NULL, false, NOW, NULL,
	"2026-06-17T00:00:00Z", "start", -1, REFUSAL_END_TOO_EARLY},
    {"which it takes none of", false, false, PLAN_TRIAL, NULL, false, NOW, NULL,
	"2026-06-17T00:00:00Z", "start", 0, REFUSAL_NONE},
    {"its period would end in 2200", false, false, PLAN_30, NULL, false, LATE, NULL, NULL, "start",
	-1, REFUSAL_TIME_OUT_OF_RANGE},
    {"its trial would", false, false, PLAN_30, NULL, false, LATE, NULL, NULL, "start", 30,
	REFUSAL_TIME_OUT_OF_RANGE},
    {"the period behind its trial would", false, false, PLAN_30, NULL, false, LATE, NULL, NULL,
	"start", 7, REFUSAL_TIME_OUT_OF_RANGE},
    {"its start in the future is too late", false, false, PLAN_30, NULL, false, NOW, LATE, NULL,
	"start", -1, REFUSAL_TIME_OUT_OF_RANGE},
    {"all at once: the customer first", true, true, PLAN_DOLLARS, "active", false, NOW,
	"2024-01-01T00:00:00Z", NOW, "start", 730, REFUSAL_CUSTOMER_ARCHIVED},
    {"then the plan", false, true, PLAN_DOLLARS, "active", false, NOW, "2024-01-01T00:00:00Z", NOW,
	"start", 730, REFUSAL_PLAN_ARCHIVED},
    {"then the currency", false, false, PLAN_DOLLARS, "active", false, NOW, "2024-01-01T00:00:00Z",
	NOW, "start", 730, REFUSAL_CURRENCY_MISMATCH},
    {"then the live one", false, false, PLAN_WEEK, "active", false, NOW, "2024-01-01T00:00:00Z",
	NOW, "31", 730, REFUSAL_SUBSCRIPTION_LIVE_EXISTS},
    {"then the start", false, false, PLAN_WEEK, NULL, false, NOW, "2024-01-01T00:00:00Z", NOW, "31",
	730, REFUSAL_START_TOO_EARLY},
    {"then the anchor", false, false, PLAN_WEEK, NULL, false, NOW, LATE, NOW, "31", 730,
	REFUSAL_ANCHOR_NOT_POSSIBLE},
    {"then the end", false, false, PLAN_WEEK, NULL, false, NOW, LATE, NOW, "start", 730,
	REFUSAL_END_TOO_EARLY},
};

static struct instant
instant_of(const char *text)
{
	return text == NULL ? INSTANT_NONE : unit_instant(text);
}

START_TEST(test_create_refuses_in_order)
{
	const struct create_row *row = &create_rows[_i];
	struct life *life = lives_begin("UTC", PRORATION_SECOND);
	struct subscription other = {.status = str_from(row->other_status)};
	struct terms terms = lives_terms(life);
	struct wish wish = lives_wish(1);
	enum refusal refusal;

	if (row->customer_archived)
		life->customer.archived_at = unit_instant(NOW);
	if (row->plan_archived)
		life->plans[row->plan].archived_at = unit_instant(NOW);
	wish.many = row->many;
	wish.start_at = instant_of(row->start_at);
	wish.end_at = instant_of(row->end_at);
	wish.anchor = str_from(row->anchor);
	wish.trial_days = row->trial_days;
	terms.version = &life->versions[row->plan];
	refusal = lifecycle_create(&life->customer, &life->plans[row->plan],
	    row->other_status == NULL ? NULL : &other, &wish, &terms, unit_instant(row->now),
	    &life->step, &life->bill);
	ck_assert_msg(refusal == row->expected, "%s: %d", row->name, refusal);
}
END_TEST

/* 20 charges at the largest amount fit; what their sum times a quantity comes to may not. */
START_TEST(test_create_refuses_what_does_not_fit)
{
	struct life *life = lives_begin("UTC", PRORATION_SECOND);
	struct charge charge = lives_plans[PLAN_SEATS].charges[0];
	struct wish wish = lives_wish(SUBSCRIPTION_QUANTITY_MAX);

	charge.unit_amount = decimal_from(DECIMAL_WHOLE_MAX);
	life->versions[PLAN_SEATS].charges = &charge;
	ck_assert_int_eq(
	    lives_create(life, PLAN_SEATS, &wish, unit_instant(NOW)), REFUSAL_AMOUNT_OUT_OF_RANGE);
	wish.quantity = 9223;
	ck_assert_int_eq(lives_create(life, PLAN_SEATS, &wish, unit_instant(NOW)), REFUSAL_NONE);
	ck_assert_int_eq(life->bill.total, INT64_C(9223) * DECIMAL_WHOLE_MAX);
}
END_TEST

/* The order in which they are tested is the order of the list. */
START_TEST(test_refusals_are_listed_by_precedence)
{
	static const enum refusal create[] = {REFUSAL_CUSTOMER_ARCHIVED, REFUSAL_PLAN_ARCHIVED,
	    REFUSAL_CURRENCY_MISMATCH, REFUSAL_SUBSCRIPTION_LIVE_EXISTS, REFUSAL_START_TOO_EARLY,
	    REFUSAL_ANCHOR_NOT_POSSIBLE, REFUSAL_END_TOO_EARLY, REFUSAL_TIME_OUT_OF_RANGE,
	    REFUSAL_AMOUNT_OUT_OF_RANGE};

	for (size_t i = 1; i < ARRAY_LEN(create); i++)
		ck_assert_int_lt(create[i - 1], create[i]);
}
END_TEST

START_TEST(test_create_sets_all_facts)
{
	struct life *life = lives_begin("Europe/Vienna", PRORATION_SECOND);
	struct wish wish = lives_wish(7);
	struct str_pair pair = {STR("a"), STR("b")};
	struct terms terms = lives_terms(life);
	struct subscription *made = &life->step.after;

	life->customer.test_clock_id = (struct uuid){{8}};
	wish.anchor = STR("calendar");
	wish.end_at = unit_instant("2030-01-01T00:00:00Z");
	terms.version = &life->versions[PLAN_30];
	memset(made, 0x5a, sizeof(*made));
	made->id = (struct uuid){{4}};
	made->shard = 77;
	made->metadata = (struct str_map){&pair, 1};
	made->created_ms = 123;
	ck_assert_int_eq(lifecycle_create(&life->customer, &life->plans[PLAN_30], NULL, &wish,
			     &terms, unit_instant(NOW), &life->step, &life->bill),
	    REFUSAL_NONE);
	ck_assert(uuid_equal(made->id, (struct uuid){{4}}));
	ck_assert(uuid_equal(made->organisation_id, life->customer.organisation_id));
	ck_assert(uuid_equal(made->customer_id, life->customer.id));
	ck_assert(uuid_equal(made->test_clock_id, (struct uuid){{8}}));
	ck_assert(uuid_is_nil(made->live_slot));
	ck_assert(uuid_equal(made->plan_id, life->plans[PLAN_30].id));
	ck_assert(uuid_equal(made->plan_version_id, life->versions[PLAN_30].id));
	ck_assert_int_eq(made->quantity, 7);
	ck_assert_int_eq(made->shard, 77);
	ck_assert_ptr_eq(made->metadata.pairs, &pair);
	ck_assert_int_eq(made->created_ms, 123);
	unit_assert_str(made->status, "active", "status");
	unit_assert_str(made->timezone, "Europe/Vienna", "timezone");
	unit_assert_str(made->anchor, "calendar", "anchor");
	unit_assert_instant(made->anchor_at, "2026-05-31T22:00:00Z", "anchor_at");
	ck_assert_int_eq(made->anchor_day, 0);
	ck_assert_int_eq(made->period_index, 0);
	ck_assert(!made->realigns);
	unit_assert_instant(made->current_period_start, NOW, "period_start");
	unit_assert_instant(made->current_period_end, "2026-06-30T22:00:00Z", "period_end");
	unit_assert_instant(made->natural_start, "2026-05-31T22:00:00Z", "natural_start");
	unit_assert_instant(made->natural_end, "2026-06-30T22:00:00Z", "natural_end");
	unit_assert_instant(made->started_at, NOW, "started_at");
	unit_assert_instant(made->trial_start, NULL, "trial_start");
	unit_assert_instant(made->trial_end, NULL, "trial_end");
	unit_assert_instant(made->end_at, "2030-01-01T00:00:00Z", "end_at");
	ck_assert(!made->cancel_at_period_end);
	unit_assert_instant(made->canceled_at, NULL, "canceled_at");
	unit_assert_instant(made->ended_at, NULL, "ended_at");
	unit_assert_instant(made->paused_at, NULL, "paused_at");
	ck_assert(uuid_is_nil(made->pending_plan_id) && uuid_is_nil(made->pending_version_id));
	ck_assert_int_eq(made->pending_quantity, QUANTITY_NONE);
	unit_assert_instant(made->due_at, "2026-06-30T22:00:00Z", "due_at");
	ck_assert_ptr_null(made->billing_problem.ptr);
	unit_assert_instant(made->created_at, NOW, "created_at");
	unit_assert_instant(made->updated_at, NOW, "updated_at");
}
END_TEST

START_TEST(test_a_slot_of_its_own_where_there_may_be_many)
{
	struct life *life = lives_begin("UTC", PRORATION_SECOND);
	struct wish wish = lives_wish(1);

	wish.many = true;
	ck_assert_int_eq(lives_create(life, PLAN_30, &wish, unit_instant(NOW)), REFUSAL_NONE);
	ck_assert(uuid_equal(life->subscription.live_slot, life->subscription.id));
}
END_TEST

/* It was created now, whenever it began; and what fell due since does not set that back. */
START_TEST(test_dates_of_a_start_in_the_past)
{
	struct life *life = lives_begin("UTC", PRORATION_SECOND);
	struct wish wish = lives_wish(1);

	wish.start_at = unit_instant("2026-05-01T00:00:00Z");
	ck_assert_int_eq(lives_create(life, PLAN_30, &wish, unit_instant(NOW)), REFUSAL_NONE);
	unit_assert_instant(life->step.at, "2026-05-01T00:00:00Z", "billed as of then");
	unit_assert_instant(life->subscription.created_at, NOW, "created_at");
	ck_assert_int_eq(lives_due(life), REFUSAL_NONE);
	unit_assert_instant(life->step.at, "2026-06-01T00:00:00Z", "renewed as of then");
	unit_assert_instant(life->subscription.updated_at, NOW, "updated_at");
}
END_TEST

/* Facts that do not belong together. */
enum bug {
	ANOTHER_ORGANISATIONS_PLAN,
	ANOTHER_PLANS_VERSION,
	A_NEGATIVE_QUANTITY,
	AN_UNKNOWN_ANCHOR,
};

struct bug_row {
	const char *name;
	enum bug bug;
};

static const struct bug_row bug_rows[] = {
    {"another organisation's plan", ANOTHER_ORGANISATIONS_PLAN},
    {"another plan's version", ANOTHER_PLANS_VERSION},
    {"a negative quantity", A_NEGATIVE_QUANTITY},
    {"an unknown anchor", AN_UNKNOWN_ANCHOR},
};

START_TEST(test_bugs_are_caught)
{
	struct life *life = lives_begin("UTC", PRORATION_SECOND);
	struct wish wish = lives_wish(bug_rows[_i].bug == A_NEGATIVE_QUANTITY ? -1 : 1);

	if (bug_rows[_i].bug == ANOTHER_ORGANISATIONS_PLAN)
		life->plans[PLAN_30].organisation_id = (struct uuid){{9}};
	if (bug_rows[_i].bug == ANOTHER_PLANS_VERSION)
		life->versions[PLAN_30] = life->versions[PLAN_60];
	if (bug_rows[_i].bug == AN_UNKNOWN_ANCHOR)
		wish.anchor = STR("first");
	ck_assert_msg(lives_create(life, PLAN_30, &wish, unit_instant(NOW)) == REFUSAL_NONE, "%s",
	    bug_rows[_i].name);
}
END_TEST

UNIT_MAIN("lifecycle_create", UNIT_ROWS(test_create_refuses_in_order, create_rows),
    UNIT(test_create_refuses_what_does_not_fit), UNIT(test_refusals_are_listed_by_precedence),
    UNIT(test_create_sets_all_facts), UNIT(test_a_slot_of_its_own_where_there_may_be_many),
    UNIT(test_dates_of_a_start_in_the_past), UNIT_ABORTS_ROWS(test_bugs_are_caught, bug_rows))
