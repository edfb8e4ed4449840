#include "worker/billing.h"

#include "tests/unit/worker_money.h"
#include "worker/transaction.h"

/* What cannot be billed leaves nothing behind, and the largest that can be fits. */

static struct hand hand;

static const struct uuid missing_ids[] = {{{0x7a, 9}}};

/* ---- What is refused. */

/* As many items as there can be, each with as many rates of its own, of the longest names. */
static void
items_too_large(void)
{
	static struct uuid ids[ITEMS_PENDING_MAX][TAX_RATES_MAX];
	static char name[800];
	struct tax_rate rate = {.organisation_id = WORLD_ORGANISATION, .code = STR("vat")};

	memset(name, 'x', sizeof(name));
	rate.name = (struct str){name, sizeof(name)};
	rate.percentage = decimal_from(1);
	for (uint8_t i = 0; i < ITEMS_PENDING_MAX; i++) {
		for (uint8_t j = 0; j < TAX_RATES_MAX; j++) {
			rate.id = ids[i][j] = (struct uuid){{0x7b, i, j}};
			facts_add(hand.world.facts, TABLE_TAX_RATES, &rate);
		}
		money_item_add(&hand, i, 100)->tax_rate_ids =
		    (struct uuid_list){ids[i], TAX_RATES_MAX};
	}
}

static void
rates_missing(void)
{
	hand_customer(&hand)->tax_rate_ids = (struct uuid_list){missing_ids, 1};
}

static void
item_too_dear(void)
{
	money_item_add(&hand, 1, INT64_MAX);
}

static void
rates_unreadable(void)
{
	money_organisation(&hand)->tax_rate_ids = STR("vat");
}

static void
numbering_unknown(void)
{
	money_organisation(&hand)->invoice_numbering = STR("country");
}

struct refused_row {
	const char *name;
	void (*prepare)(void);
	enum refusal refusal;
	const char *parked; /* what becomes of a renewal; NULL: it cannot be decided */
};

static const struct refused_row refused_rows[] = {
    {"a rate is not there", rates_missing, REFUSAL_TAX_RATE_NOT_FOUND, "tax-rate-not-found"},
    {"a total that does not fit", item_too_dear, REFUSAL_AMOUNT_OUT_OF_RANGE,
	"amount-out-of-range"},
    {"an invoice that no event can tell", items_too_large, REFUSAL_AMOUNT_OUT_OF_RANGE,
	"amount-out-of-range"},
    {"a setting of rates that cannot be read", rates_unreadable, REFUSAL_MAX, NULL},
    {"a setting of numbers that cannot be read", numbering_unknown, REFUSAL_MAX, NULL},
};

/* Whatever is refused changes nothing. */
START_TEST(test_a_command_that_is_refused)
{
	const struct refused_row *row = &refused_rows[_i];
	struct create_subscription create = hand_subscription(WORLD_PLAN);
	struct buf before, after;

	hand_open(&hand);
	buf_init(&before, WORLD_DUMP_MAX);
	buf_init(&after, WORLD_DUMP_MAX);
	row->prepare();
	world_dump(&hand.world, &before);
	ck_assert_msg(hand_decide(&hand, COMMAND_CREATE_SUBSCRIPTION, &create) == row->refusal,
	    "%s", row->name);
	if (row->refusal == REFUSAL_MAX)
		ck_assert_int_eq(hand.decision.err.class, ERR_POISON);
	world_dump(&hand.world, &after);
	ck_assert_msg(str_equal(buf_str(&before), buf_str(&after)), "%s:\n%.*s\n%.*s", row->name,
	    STR_ARG(buf_str(&before)), STR_ARG(buf_str(&after)));
	buf_release(&before);
	buf_release(&after);
	hand_close(&hand);
}
END_TEST

/* What fell due is parked when it is refused, and left as it is when it cannot be decided. */
START_TEST(test_a_renewal_that_is_refused)
{
	const struct refused_row *row = &refused_rows[_i];
	const struct subscription *subscription;
	bool more;

	hand_open(&hand);
	hand_subscribe(&hand, WORLD_PLAN);
	row->prepare();
	ck_assert_msg(billing_catch_up(&hand.decision, hand_customer(&hand),
			  HORIZON_AT(unit_instant("2027-02-28T09:30:00Z")),
			  &more) == (row->parked == NULL ? REFUSAL_MAX : REFUSAL_NONE),
	    "%s", row->name);
	subscription = hand_subscription_at(&hand, 0);
	unit_assert_str(subscription->billing_problem, row->parked, row->name);
	ck_assert_str_eq(hand.decision.detail, "");
	unit_assert_instant(
	    subscription->due_at, row->parked == NULL ? "2027-02-28T09:30:00Z" : NULL, row->name);
	ck_assert_int_eq(subscription->deferred, 2900);
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 1);
	ck_assert_uint_eq(hand_count(&hand, TABLE_JOURNAL), 1);
	hand_close(&hand);
}
END_TEST

/* The dry run says the same, and leaves no row behind. */
START_TEST(test_a_dry_run)
{
	const struct refused_row *row = &refused_rows[_i];
	struct buf before, after;
	struct terms terms;
	struct bill *bill;
	struct step step;

	hand_open(&hand);
	bill = hand.world.context.decider.bill;
	buf_init(&before, WORLD_DUMP_MAX);
	buf_init(&after, WORLD_DUMP_MAX);
	hand_subscribe(&hand, WORLD_PLAN);
	for (int refuse = 0; refuse < 2; refuse++) {
		if (refuse == 1)
			row->prepare();
		ck_assert_int_eq(
		    billing_terms(&hand.decision, hand_subscription_at(&hand, 0), &terms),
		    REFUSAL_NONE);
		ck_assert_int_eq(lifecycle_due(hand_subscription_at(&hand, 0), &terms, &step, bill),
		    REFUSAL_NONE);
		world_dump(&hand.world, &before);
		ck_assert_msg(billing_refuses(&hand.decision, hand_customer(&hand), &step, bill) ==
				  (refuse == 1 ? row->refusal : REFUSAL_NONE),
		    "%s", row->name);
		world_dump(&hand.world, &after);
		ck_assert_msg(str_equal(buf_str(&before), buf_str(&after)), "%s", row->name);
	}
	buf_release(&before);
	buf_release(&after);
	hand_close(&hand);
}
END_TEST

/* ---- The largest. */

/* A daily plan: as many charges as there can be, each with as many tiers, all of which are met, and
 * a bound. */
static void
large_plan_add(void)
{
	static struct charge_tier tiers[CHARGE_TIERS_MAX];
	static struct charge charges[CHARGES_MAX];
	static char codes[CHARGES_MAX][2];
	struct plan plan = world_plan(WORLD_OTHER_PLAN);

	for (int i = 0; i < CHARGE_TIERS_MAX; i++)
		tiers[i] = (struct charge_tier){
		    .up_to = i + 1 < CHARGE_TIERS_MAX ? (i + 1) * INT64_C(1000000) : AMOUNT_NONE,
		    .unit_amount = {DECIMAL_SCALE / 7 * 123456},
		    .flat_amount = 1234567 + i,
		    .rate = DECIMAL_NONE,
		};
	for (int i = 0; i < CHARGES_MAX; i++) {
		codes[i][0] = (char)('a' + i);
		charges[i] = world_charges[0];
		charges[i].code = (struct str){codes[i], 1};
		charges[i].model = STR("graduated");
		charges[i].amount = AMOUNT_NONE;
		charges[i].tiers = tiers;
		charges[i].tiers_len = CHARGE_TIERS_MAX;
		charges[i].min_amount = INT64_C(1000000000000000);
	}
	plan.code = STR("large");
	plan.interval = STR("day");
	plan.amount = AMOUNT_NONE;
	plan.charges = charges;
	plan.charges_len = CHARGES_MAX;
	world_plan_add(&hand.world, &plan);
}

/* Every line has five rates, and all discounts of a subscription to it. */
static struct uuid
large_subscribe(void)
{
	static struct discount discounts[DISCOUNTS_MAX];
	static struct uuid rates[TAX_RATES_MAX];
	struct create_subscription create = hand_subscription(WORLD_OTHER_PLAN);
	struct subscription *row;

	for (uint8_t i = 0; i < TAX_RATES_MAX; i++) {
		const struct tax_rate rate = {
		    .organisation_id = WORLD_ORGANISATION,
		    .id = rates[i] = (struct uuid){{0x7b, i}},
		    .code = STR("rate"),
		    .name = STR("A rate with a name"),
		    .percentage = decimal_from(i + 1),
		    .inclusive = i % 2 == 0,
		};

		facts_add(hand.world.facts, TABLE_TAX_RATES, &rate);
	}
	hand_customer(&hand)->tax_rate_ids = (struct uuid_list){rates, TAX_RATES_MAX};
	for (uint8_t i = 0; i < DISCOUNTS_MAX; i++) {
		discounts[i] = money_ten_percent(COUPON_UNLIMITED);
		discounts[i].coupon_id.b[2] = i;
		discounts[i].duration = STR("forever");
	}
	create.quantity = CHARGE_TIERS_MAX * 1000000;
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	row = facts_subscription(hand.world.facts, WORLD_ORGANISATION, hand.resource_id);
	row->discounts = discounts;
	row->discounts_len = DISCOUNTS_MAX;
	return hand.resource_id;
}

/* A hundred steps behind, and with as many items: that fits what a decision may take, of which its
 * storing takes half. */
START_TEST(test_the_largest_decision)
{
	struct arena *arena = &hand.world.context.arena;
	size_t used, largest = 0;
	bool more;

	hand_open(&hand);
	large_plan_add();
	large_subscribe();
	for (uint8_t i = 0; i < ITEMS_PENDING_MAX; i++)
		money_item_add(&hand, i, 100 + i);
	used = arena->used;
	ck_assert_int_eq(billing_catch_up(&hand.decision, hand_customer(&hand),
			     HORIZON_AT(unit_instant("2027-12-31T00:00:00Z")), &more),
	    REFUSAL_NONE);
	ck_assert(more);
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 1 + BILLING_STEPS_MAX);
	ck_assert_uint_eq(hand_invoice(&hand, 1)->lines_len, 40 + ITEMS_PENDING_MAX);
	ck_assert_uint_eq(hand_invoice(&hand, 1)->lines[0].discounts_len, DISCOUNTS_MAX);
	ck_assert_uint_eq(hand_invoice(&hand, 1)->lines[0].taxes_len, TAX_RATES_MAX);
	for (size_t i = 0; i < hand_count(&hand, TABLE_OUTBOX); i++) {
		const struct event *event = world_row(&hand.world, TABLE_OUTBOX, i);

		if (event->value.len > largest)
			largest = event->value.len;
	}
	ck_assert_uint_lt(largest, AVRO_MESSAGE_MAX);
	ck_assert_msg(2 * (arena->used - used) < DECISION_BYTES_MAX, "%zu bytes, event %zu",
	    arena->used - used, largest);
	hand_close(&hand);
}
END_TEST

UNIT_MAIN("billing_bounds", UNIT_ROWS(test_a_command_that_is_refused, refused_rows),
    UNIT_ROWS(test_a_renewal_that_is_refused, refused_rows),
    UNIT_ROWS(test_a_dry_run, refused_rows), UNIT(test_the_largest_decision))
