#include "worker/handler.h"

#include "tests/unit/worker_hand.h"

/* Subscriptions that begin in the past, and customers that live by a test clock. */

static struct hand hand;

/* A plan of 29.00 a day. */
static struct uuid
daily_plan(void)
{
	struct plan plan = world_plan(WORLD_OTHER_PLAN);

	plan.code = STR("daily");
	plan.interval = STR("day");
	world_plan_add(&hand.world, &plan);
	return plan.id;
}

/* What fell due since a start in the past is done at once as far as it is bounded, and goes on with
 * the next command or chunk. */
START_TEST(test_a_start_in_the_past_is_caught_up)
{
	struct create_subscription create;
	struct update_customer update = {.customer_id = WORLD_CUSTOMER, .name = STR("Grace")};

	hand_open(&hand);
	create = hand_subscription(daily_plan());
	create.start_at = unit_instant("2026-07-31T08:00:00Z");
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 1 + BILLING_STEPS_MAX);
	unit_assert_instant(hand_customer(&hand)->latest_at, WORLD_NOW, "latest_at");
	ck_assert_int_eq(hand_decide(&hand, COMMAND_UPDATE_CUSTOMER, &update), REFUSAL_NONE);
	/* 31 July to 31 January: 184 more periods have begun, one of them in the hour that winter
	 * time took back. */
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 185);
	for (size_t i = 0; i < 185; i++)
		ck_assert_int_eq(hand_invoice(&hand, i)->sequence, (int64_t)i + 1);
	unit_assert_instant(hand_invoice(&hand, 1)->issued_at, "2026-08-01T08:00:00Z", "issued_at");
	unit_assert_instant(
	    hand_invoice(&hand, 184)->issued_at, "2027-01-31T09:00:00Z", "issued_at");
	hand_close(&hand);
}
END_TEST

static struct uuid
clock_make(const char *now)
{
	struct create_test_clock create = {.name = STR("Years"), .now = unit_instant(now)};

	hand_do(&hand, COMMAND_CREATE_TEST_CLOCK, &create);
	return hand.resource_id;
}

static struct uuid
customer_on(struct uuid clock_id)
{
	struct create_customer create = {.name = STR("Future"), .test_clock_id = clock_id};

	hand_do(&hand, COMMAND_CREATE_CUSTOMER, &create);
	return hand.resource_id;
}

START_TEST(test_customers_on_a_clock_live_in_its_time)
{
	struct create_subscription create = hand_subscription(WORLD_PLAN);
	const struct test_clock *clock;
	const struct customer *customer;
	struct uuid clock_id;

	hand_open(&hand);
	clock_id = clock_make("2031-05-31T00:00:00Z");
	clock = facts_test_clock(hand.world.facts, WORLD_ORGANISATION, clock_id);
	unit_assert_str(clock->status, "ready", "status");
	unit_assert_instant(clock->created_at, WORLD_NOW, "created_at");
	ck_assert_int_eq(clock->shard, id_shard_of_key(clock_id));

	create.customer_id = customer_on(clock_id);
	customer = facts_customer(hand.world.facts, WORLD_ORGANISATION, create.customer_id);
	ck_assert_int_eq(customer->shard, clock->shard);
	unit_assert_instant(customer->created_at, "2031-05-31T00:00:00Z", "created_at");
	ck_assert_int_eq(customer->created_ms, WORLD_NOW_MS);
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	ck_assert(uuid_equal(hand_subscription_at(&hand, 0)->test_clock_id, clock_id));
	unit_assert_instant(hand_invoice(&hand, 0)->issued_at, "2031-05-31T00:00:00Z", "issued_at");
	ck_assert_int_eq(
	    hand_invoice(&hand, 0)->created_ms, hand_invoice(&hand, 0)->issued_at.s * 1000);
	hand_assert_events(
	    &hand, "test_clock.created customer.created subscription.created invoice.issued");
	hand_close(&hand);
}
END_TEST

START_TEST(test_an_advance_is_written_down_and_done_later)
{
	struct advance_test_clock advance = {.now = unit_instant("2031-08-01T00:00:00Z")};
	const struct test_clock *clock;

	hand_open(&hand);
	advance.test_clock_id = clock_make("2031-05-31T00:00:00Z");
	clock = facts_test_clock(hand.world.facts, WORLD_ORGANISATION, advance.test_clock_id);
	hand_do(&hand, COMMAND_ADVANCE_TEST_CLOCK, &advance);
	ck_assert(hand.decision.deferred);
	unit_assert_str(clock->status, "advancing", "status");
	unit_assert_instant(clock->now, "2031-05-31T00:00:00Z", "now");
	unit_assert_instant(clock->target_at, "2031-08-01T00:00:00Z", "target_at");
	ck_assert(uuid_equal(clock->advance_operation_id, advance.meta.operation_id));
	ck_assert_int_eq(clock->advance_accepted_ms, WORLD_NOW_MS);
	unit_assert_str(clock->advance_actor, WORLD_ACTOR, "actor");
	hand_assert_events(&hand, "test_clock.created");
	hand_close(&hand);
}
END_TEST

/* Nobody would come back for what is left over on a clock that stands still. */
START_TEST(test_a_start_in_a_clocks_past_is_all_done_or_refused)
{
	struct create_subscription create;
	struct buf before, after;

	hand_open(&hand);
	buf_init(&before, WORLD_DUMP_MAX);
	buf_init(&after, WORLD_DUMP_MAX);
	create = hand_subscription(daily_plan());
	create.customer_id = customer_on(clock_make("2031-05-31T00:00:00Z"));
	create.start_at = unit_instant("2031-02-19T00:00:00Z");
	world_dump(&hand.world, &before);
	ck_assert_int_eq(
	    hand_decide(&hand, COMMAND_CREATE_SUBSCRIPTION, &create), REFUSAL_START_TOO_EARLY);
	world_dump(&hand.world, &after);
	ck_assert(str_equal(buf_str(&before), buf_str(&after)));
	create.start_at = unit_instant("2031-02-20T00:00:00Z");
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 1 + BILLING_STEPS_MAX);
	ck_assert_int_gt(
	    hand_subscription_at(&hand, 0)->due_at.s, unit_instant("2031-05-31T00:00:00Z").s);
	buf_release(&before);
	buf_release(&after);
	hand_close(&hand);
}
END_TEST

UNIT_MAIN("handler clocks", UNIT(test_a_start_in_the_past_is_caught_up),
    UNIT(test_customers_on_a_clock_live_in_its_time),
    UNIT(test_an_advance_is_written_down_and_done_later),
    UNIT(test_a_start_in_a_clocks_past_is_all_done_or_refused))
