#include "worker/billing.h"

#include "common/codec/invoice_digest.h"
#include "tests/unit/worker_money.h"

/* What falls due: that it does not matter who does it and when, in which order it is done, and what
 * becomes of what cannot be billed. */

static struct hand hand;

static void
many_may(void)
{
	struct organisation *organisation = world_row(&hand.world, TABLE_ORGANISATIONS, 0);

	organisation->subscriptions_per_customer = STR("many");
}

/* Calls at ${unit_amount} in arrears, beside a base of 29.00. */
static void
plan_add(int64_t unit_amount)
{
	static struct charge charges[2];
	struct plan plan = world_plan(WORLD_OTHER_PLAN);

	charges[0] = world_charges[0];
	charges[1] = charge_base(STR("Calls"), AMOUNT_NONE);
	charges[1].code = STR("calls");
	charges[1].model = STR("per_unit");
	charges[1].billing = STR("arrears");
	charges[1].unit_amount = decimal_from(unit_amount);
	plan.code = STR("calls");
	plan.charges = charges;
	plan.charges_len = ARRAY_LEN(charges);
	world_plan_add(&hand.world, &plan);
}

static void
report(struct uuid subscription_id, struct decimal quantity)
{
	struct report_quantity command = {
	    .subscription_id = subscription_id,
	    .charge_code = STR("calls"),
	    .quantity = quantity,
	    .mode = STR("set"),
	    .period_start = INSTANT_NONE,
	};

	hand_do(&hand, COMMAND_REPORT_QUANTITY, &command);
}

/* ---- Who does it, and when. */

/* Up to when chunks come before the last command; NULL behind the last. */
struct chunks_row {
	const char *name;
	const char *until[4];
};

static const struct chunks_row chunks_rows[] = {
    {"all in one chunk", {"2027-05-10T00:00:00Z", NULL}},
    {"one chunk up to the second of a boundary", {"2027-02-28T09:30:00Z", NULL}},
    {"one chunk up to the second before it", {"2027-02-28T09:29:59Z", NULL}},
    {"many chunks", {"2027-02-28T10:00:00Z", "2027-03-31T08:30:00Z", "2027-04-10T00:00:00Z", NULL}},
    {"a chunk with nothing due", {"2027-01-31T09:30:00Z", NULL}},
};

/* An item waits, ten percent is taken off the first renewal, all is taxed, and numbers go over all
 * customers. */
static void
money_prepare(void)
{
	static struct discount discounts[1];
	const struct tax_rate rate = {
	    .organisation_id = WORLD_ORGANISATION,
	    .id = {{0x7a, 1}},
	    .code = STR("vat"),
	    .name = STR("VAT"),
	    .percentage = decimal_from(20),
	    .inclusive = true,
	    .archived_at = INSTANT_NONE,
	};
	struct subscription *row = world_row(&hand.world, TABLE_SUBSCRIPTIONS, 0);

	facts_add(hand.world.facts, TABLE_TAX_RATES, &rate);
	money_organisation(&hand)->tax_rate_ids = STR("7a010000-0000-0000-0000-000000000000");
	money_organisation(&hand)->invoice_numbering = STR("organisation");
	money_item_add(&hand, 1, 1000);
	discounts[0] = money_ten_percent(1);
	row->discounts = discounts;
	row->discounts_len = 1;
}

/* Three subscriptions, two of which fall due in the same second, live for three months; then a
 * command. */
static void
live(const char *const *until, struct buf *buf)
{
	struct move_subscription pause;

	hand_clear(&hand);
	many_may();
	plan_add(7);
	pause =
	    (struct move_subscription){.subscription_id = hand_subscribe(&hand, WORLD_OTHER_PLAN)};
	report(hand_subscribe(&hand, WORLD_OTHER_PLAN), decimal_from(41));
	money_prepare();
	hand_at(&hand, "2027-02-03T00:00:00Z");
	hand_subscribe(&hand, WORLD_PLAN);
	for (; *until != NULL; until++)
		hand_chunk(&hand, *until);
	hand_at(&hand, "2027-05-10T00:00:00Z");
	hand_do(&hand, COMMAND_PAUSE_SUBSCRIPTION, &pause);
	world_dump(&hand.world, buf);
}

START_TEST(test_it_does_not_matter_who_does_it)
{
	static const char *const none[] = {NULL};
	const struct chunks_row *row = &chunks_rows[_i];
	struct buf by_command, by_chunks;

	hand_open(&hand);
	buf_init(&by_command, WORLD_DUMP_MAX);
	buf_init(&by_chunks, WORLD_DUMP_MAX);
	live(none, &by_command);
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 12);
	live(row->until, &by_chunks);
	ck_assert_msg(str_equal(buf_str(&by_command), buf_str(&by_chunks)), "%s:\n%.*s\n%.*s",
	    row->name, STR_ARG(buf_str(&by_command)), STR_ARG(buf_str(&by_chunks)));
	buf_release(&by_command);
	buf_release(&by_chunks);
	hand_close(&hand);
}
END_TEST

/* By moment, then by id: as the customer's invoices are numbered. */
START_TEST(test_the_order_of_what_falls_due)
{
	size_t due_len = 0;

	hand_open(&hand);
	many_may();
	for (int i = 0; i < 5; i++)
		hand_subscribe(&hand, WORLD_PLAN);
	hand_at(&hand, "2027-02-01T00:00:00Z");
	hand_subscribe(&hand, WORLD_PLAN);
	hand_chunk(&hand, "2027-03-20T00:00:00Z");
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 12);
	for (size_t i = 7; i < 12; i++) {
		const struct invoice *before = hand_invoice(&hand, i - 1),
				     *after = hand_invoice(&hand, i);

		ck_assert_int_eq(after->sequence, (int64_t)i + 1);
		ck_assert_int_le(before->issued_at.s, after->issued_at.s);
		if (before->issued_at.s == after->issued_at.s) {
			ck_assert_int_lt(
			    uuid_compare(before->subscription_id, after->subscription_id), 0);
			due_len++;
		}
		/* Issued when it fell due, whenever that was computed. */
		ck_assert_int_eq(after->issued_at.s, after->period_start.s);
		ck_assert_int_eq(after->created_ms, after->issued_at.s * 1000);
	}
	ck_assert_uint_eq(due_len, 4);
	hand_close(&hand);
}
END_TEST

START_TEST(test_steps_are_bounded)
{
	struct plan plan = world_plan(WORLD_OTHER_PLAN);
	struct decision *decision = &hand.decision;
	size_t steps = 0;
	bool more = true;

	hand_open(&hand);
	plan.code = STR("daily");
	plan.interval = STR("day");
	world_plan_add(&hand.world, &plan);
	hand_subscribe(&hand, WORLD_OTHER_PLAN);
	hand_chunk(&hand, WORLD_NOW);
	for (int chunks = 0; more; chunks++) {
		size_t before = hand_count(&hand, TABLE_INVOICES);

		ck_assert_int_eq(billing_catch_up(decision, hand_customer(&hand),
				     HORIZON_AT(unit_instant("2027-09-01T00:00:00Z")), &more),
		    REFUSAL_NONE);
		steps = hand_count(&hand, TABLE_INVOICES) - before;
		ck_assert_msg(more == (chunks < 2), "chunk %d", chunks);
		ck_assert_uint_eq(steps, more ? BILLING_STEPS_MAX : 12);
	}
	hand_close(&hand);
}
END_TEST

/* ---- What cannot be billed. */

/* Its calls cost more than fits. */
static struct uuid
park(void)
{
	struct uuid id;

	plan_add(INT64_C(999999999999999));
	id = hand_subscribe(&hand, WORLD_OTHER_PLAN);
	report(id, decimal_from(DECIMAL_WHOLE_MAX));
	hand_chunk(&hand, "2027-02-28T09:30:00Z");
	return id;
}

START_TEST(test_what_cannot_be_billed_is_parked)
{
	hand_open(&hand);
	many_may();
	hand_subscribe(&hand, WORLD_PLAN);
	park();
	unit_assert_str(
	    hand_subscription_at(&hand, 1)->billing_problem, "amount-out-of-range", "problem");
	unit_assert_str(hand_subscription_at(&hand, 1)->status, "active", "status");
	unit_assert_instant(hand_subscription_at(&hand, 1)->due_at, NULL, "due_at");
	unit_assert_instant(
	    hand_subscription_at(&hand, 1)->current_period_end, "2027-02-28T09:30:00Z", "end");
	/* The other one goes on. */
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 3);
	hand_chunk(&hand, "2027-05-01T00:00:00Z");
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 5);
	hand_close(&hand);
}
END_TEST

/* Each try that a command brings about tells its own event, and what mends it is billed at its own
 * moment. */
START_TEST(test_what_is_parked_is_tried_again)
{
	struct change_subscription change = {
	    .quantity = 2, .effective = STR("period_end"), .proration = STR("prorate")};
	struct report_quantity mend = {
	    .charge_code = STR("calls"),
	    .quantity = decimal_from(2),
	    .mode = STR("set"),
	    .period_start = unit_instant(WORLD_NOW),
	};

	hand_open(&hand);
	change.subscription_id = mend.subscription_id = park();
	hand_at(&hand, "2027-03-05T00:00:00Z");
	hand_do(&hand, COMMAND_CHANGE_SUBSCRIPTION, &change);
	unit_assert_str(
	    hand_subscription_at(&hand, 0)->billing_problem, "amount-out-of-range", "problem");

	/* It has to name the period, as that is over. */
	mend.period_start = INSTANT_NONE;
	ck_assert_int_eq(
	    hand_decide(&hand, COMMAND_REPORT_QUANTITY, &mend), REFUSAL_PERIOD_NOT_OPEN);
	mend.period_start = unit_instant(WORLD_NOW);
	hand_do(&hand, COMMAND_REPORT_QUANTITY, &mend);
	change.quantity = 3;
	hand_at(&hand, "2027-03-06T00:00:00Z");
	hand_do(&hand, COMMAND_CHANGE_SUBSCRIPTION, &change);
	unit_assert_str(hand_subscription_at(&hand, 0)->billing_problem, NULL, "problem");
	ck_assert_int_eq(hand_subscription_at(&hand, 0)->quantity, 3);
	ck_assert_int_eq(hand_invoice(&hand, 1)->total, INT64_C(1999999999999998) + 2900);
	unit_assert_instant(hand_invoice(&hand, 1)->issued_at, "2027-02-28T09:30:00Z", "issued_at");
	hand_assert_events(&hand,
	    "subscription.created invoice.issued quantity.reported subscription.parked "
	    "subscription.updated subscription.parked quantity.reported subscription.updated "
	    "subscription.renewed invoice.issued");
	hand_close(&hand);
}
END_TEST

/* ---- The digest. */

static struct str
digest_of_subscription(const struct create_subscription *wish, uint8_t operation)
{
	struct create_subscription create = *wish;

	hand_clear(&hand);
	plan_add(7);
	hand.operations = operation;
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	return hand_invoice(&hand, 0)->digest;
}

START_TEST(test_the_digest_is_of_what_is_billed)
{
	struct create_subscription create = hand_subscription(WORLD_PLAN);
	char first[INVOICE_DIGEST_SIZE] = "";
	struct str digest;

	hand_open(&hand);
	digest = digest_of_subscription(&create, 0);
	ck_assert_uint_eq(digest.len, sizeof(first) - 1);
	memcpy(first, digest.ptr, digest.len);
	/* Other ids, the same bill. */
	unit_assert_str(digest_of_subscription(&create, 77), first, "other ids");
	create.plan_id = WORLD_OTHER_PLAN;
	ck_assert(!str_equal(digest_of_subscription(&create, 0), str_from(first)));
	create.plan_id = WORLD_PLAN;
	create.quantity = 2;
	ck_assert(!str_equal(digest_of_subscription(&create, 0), str_from(first)));
	create.quantity = 1;
	create.start_at = unit_instant("2027-01-31T09:29:59Z");
	ck_assert(!str_equal(digest_of_subscription(&create, 0), str_from(first)));
	hand_close(&hand);
}
END_TEST

/* ---- The organisation's settings. */

START_TEST(test_proration_is_the_organisations)
{
	static const struct {
		const char *setting;
		int64_t credited;
	} rows[] = {{"second", 1424}, {"day", 1450}, {"none", 0}};
	struct cancel_subscription cancel = {.effective = STR("now"), .credit_unused = true};

	hand_open(&hand);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		hand_clear(&hand);
		((struct organisation *)world_row(&hand.world, TABLE_ORGANISATIONS, 0))->proration =
		    str_from(rows[i].setting);
		cancel.subscription_id = hand_subscribe(&hand, WORLD_PLAN);
		/* Six hours into the 15th of 28 days. */
		hand_at(&hand, "2027-02-14T15:30:00Z");
		hand_do(&hand, COMMAND_CANCEL_SUBSCRIPTION, &cancel);
		ck_assert_msg(hand_customer(&hand)->credit_balance == rows[i].credited, "%s: %lld",
		    rows[i].setting, (long long)hand_customer(&hand)->credit_balance);
	}
	hand_close(&hand);
}
END_TEST

START_TEST(test_an_unknown_setting_cannot_be_decided)
{
	struct create_subscription create = hand_subscription(WORLD_PLAN);

	hand_open(&hand);
	((struct organisation *)world_row(&hand.world, TABLE_ORGANISATIONS, 0))->proration =
	    STR("hour");
	ck_assert_int_eq(hand_decide(&hand, COMMAND_CREATE_SUBSCRIPTION, &create), REFUSAL_MAX);
	ck_assert_int_eq(hand.decision.err.class, ERR_POISON);
	hand_close(&hand);
}
END_TEST

UNIT_MAIN("billing", UNIT_ROWS(test_it_does_not_matter_who_does_it, chunks_rows),
    UNIT(test_the_order_of_what_falls_due), UNIT(test_steps_are_bounded),
    UNIT(test_what_cannot_be_billed_is_parked), UNIT(test_what_is_parked_is_tried_again),
    UNIT(test_the_digest_is_of_what_is_billed), UNIT(test_proration_is_the_organisations),
    UNIT(test_an_unknown_setting_cannot_be_decided))
