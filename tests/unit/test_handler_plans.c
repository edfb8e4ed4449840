#include "worker/handler.h"

#include "tests/unit/worker_hand.h"

/* Plans and their versions: what a change of prices makes, and for whom. */

static struct hand hand;

static struct update_plan
update_of(struct uuid plan_id, int64_t amount)
{
	return (struct update_plan){
	    .plan_id = plan_id,
	    .interval_count = INT64_MIN,
	    .trial_days = INT64_MIN,
	    .amount = amount,
	};
}

/* Who subscribed stays on the prices that he took until he is moved.  All in one batch, in which
 * the first version was never loaded by itself. */
START_TEST(test_a_plan_gets_a_new_version)
{
	struct plan plan = world_plan(WORLD_OTHER_PLAN);
	struct update_plan update = update_of(WORLD_OTHER_PLAN, 4000);
	struct change_subscription change;
	const struct plan_version *version;

	hand_open(&hand);
	plan.code = STR("other");
	facts_add(hand.world.facts, TABLE_PLANS, &plan);
	change = hand_change(hand_subscribe(&hand, WORLD_OTHER_PLAN), UUID_NIL);
	hand_do(&hand, COMMAND_UPDATE_PLAN, &update);

	version = world_row(&hand.world, TABLE_PLAN_VERSIONS, 2);
	ck_assert_int_eq(version->version, 2);
	ck_assert(uuid_equal(version->plan_id, WORLD_OTHER_PLAN));
	ck_assert(!uuid_equal(version->id, WORLD_OTHER_PLAN));
	ck_assert_int_eq(version->charges[0].amount, 4000);
	unit_assert_str(version->charges[0].code, "base", "code");
	unit_assert_str(version->interval, "month", "interval");
	unit_assert_instant(version->created_at, WORLD_NOW, "created_at");

	change.quantity = 2;
	hand_do(&hand, COMMAND_CHANGE_SUBSCRIPTION, &change);
	ck_assert(uuid_equal(hand_subscription_at(&hand, 0)->plan_version_id, WORLD_OTHER_PLAN));
	hand_chunk(&hand, "2027-02-28T09:30:00Z");
	ck_assert_int_eq(hand_invoice(&hand, hand_count(&hand, TABLE_INVOICES) - 1)->total, 2900);
	/* To the same plan is to its current version. */
	change.plan_id = WORLD_OTHER_PLAN;
	hand_at(&hand, "2027-02-28T09:30:00Z");
	hand_do(&hand, COMMAND_CHANGE_SUBSCRIPTION, &change);
	ck_assert(uuid_equal(hand_subscription_at(&hand, 0)->plan_version_id, version->id));
	ck_assert_int_eq(hand_invoice(&hand, hand_count(&hand, TABLE_INVOICES) - 1)->total, 1100);
	hand_close(&hand);
}
END_TEST

START_TEST(test_a_plan_without_new_prices_keeps_its_version)
{
	struct update_plan update = update_of(WORLD_PLAN, AMOUNT_NONE);
	const struct plan *plan;

	hand_open(&hand);
	update.name = STR("Renamed");
	hand_do(&hand, COMMAND_UPDATE_PLAN, &update);
	plan = facts_plan(hand.world.facts, WORLD_ORGANISATION, WORLD_PLAN);
	ck_assert_int_eq(plan->version, 1);
	ck_assert_uint_eq(hand_count(&hand, TABLE_PLAN_VERSIONS), 1);
	/* Whatever of the prices is given makes one; the rest is as it was. */
	update.trial_days = 14;
	hand_do(&hand, COMMAND_UPDATE_PLAN, &update);
	ck_assert_int_eq(plan->version, 2);
	ck_assert_int_eq(plan->trial_days, 14);
	ck_assert_int_eq(plan->amount, 2900);
	ck_assert_int_eq(plan->interval_count, 1);
	update.trial_days = INT64_MIN;
	update.interval_count = 3;
	hand_do(&hand, COMMAND_UPDATE_PLAN, &update);
	ck_assert_int_eq(plan->interval_count, 3);
	ck_assert_int_eq(plan->trial_days, 14);
	/* An amount stands in place of charges. */
	update.amount = 100;
	update.charges = world_charges;
	update.charges_len = 1;
	ck_assert_int_eq(hand_decide(&hand, COMMAND_UPDATE_PLAN, &update), REFUSAL_CHARGE_INVALID);
	update = update_of((struct uuid){{0x91, 9}}, 100);
	ck_assert_int_eq(hand_decide(&hand, COMMAND_UPDATE_PLAN, &update), REFUSAL_PLAN_NOT_FOUND);
	hand_close(&hand);
}
END_TEST

START_TEST(test_a_fault_of_a_charge_is_told_with_its_place)
{
	struct charge charges[] = {world_charges[0], world_charges[0]};
	struct update_plan update = update_of(WORLD_PLAN, AMOUNT_NONE);

	hand_open(&hand);
	charges[1].code = STR("second");
	charges[1].package_size = 5;
	update.charges = charges;
	update.charges_len = ARRAY_LEN(charges);
	ck_assert_int_eq(hand_decide(&hand, COMMAND_UPDATE_PLAN, &update), REFUSAL_CHARGE_INVALID);
	ck_assert_str_eq(hand.decision.detail, "charges/1/package_size: is not used by this model");
	hand_close(&hand);
}
END_TEST

UNIT_MAIN("handler plans", UNIT(test_a_plan_gets_a_new_version),
    UNIT(test_a_plan_without_new_prices_keeps_its_version),
    UNIT(test_a_fault_of_a_charge_is_told_with_its_place))
