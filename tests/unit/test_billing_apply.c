#include "worker/billing.h"

#include "tests/unit/worker_money.h"
#include "worker/booking.h"

/* What a step leaves behind: documents with discounts, taxes and items, their numbers, and what the
 * journal says of them. */

#define RATE ((struct uuid){{0x7a, 1}})
#define RATE_TEXT "7a010000-0000-0000-0000-000000000000"

static struct hand hand;

static const struct uuid rate_ids[] = {{{0x7a, 1}}};

static void
rate_add(int64_t percent, bool inclusive)
{
	const struct tax_rate rate = {
	    .organisation_id = WORLD_ORGANISATION,
	    .id = RATE,
	    .code = STR("vat"),
	    .name = STR("VAT"),
	    .percentage = decimal_from(percent),
	    .inclusive = inclusive,
	    .archived_at = INSTANT_NONE,
	};

	facts_add(hand.world.facts, TABLE_TAX_RATES, &rate);
}

static const struct journal_entry *
entry_at(size_t index)
{
	return world_row(&hand.world, TABLE_JOURNAL, index);
}

/* What an entry says, of the accounts that these tests move. */
struct booked {
	const char *reason, *document_type, *booked_at;
	int64_t receivable, customer_credit, deferred_revenue, revenue, tax_payable;
};

static void
assert_booked(const struct booked *booked, size_t len)
{
	const struct fact_list *list = &hand.world.facts->lists[TABLE_JOURNAL];

	ck_assert_uint_eq(list->len, len);
	for (size_t i = 0; i < len; i++) {
		const struct journal_entry *entry = entry_at(i);
		const struct booked *row = &booked[i];

		unit_assert_str(entry->reason, row->reason, "reason");
		unit_assert_str(entry->document_type, row->document_type, row->reason);
		unit_assert_instant(entry->booked_at, row->booked_at, row->reason);
		ck_assert_int_eq(entry->receivable, row->receivable);
		ck_assert_int_eq(entry->customer_credit, row->customer_credit);
		ck_assert_int_eq(entry->deferred_revenue, row->deferred_revenue);
		ck_assert_int_eq(entry->revenue, row->revenue);
		ck_assert_int_eq(entry->tax_payable, row->tax_payable);
		ck_assert_int_eq(
		    entry->cash + entry->refunds_payable + entry->bad_debt + entry->credits_granted,
		    0);
		ck_assert(uuid_equal(entry->organisation_id, WORLD_ORGANISATION));
		ck_assert(uuid_equal(entry->customer_id, WORLD_CUSTOMER));
		ck_assert_int_eq(entry->shard, id_shard_of_key(WORLD_CUSTOMER));
		ck_assert_int_eq(id_shard(entry->id), entry->shard);
		ck_assert(currency_equal(entry->currency, (struct currency){"EUR"}));
		for (size_t j = 0; j < i; j++)
			ck_assert(!uuid_equal(entry->id, entry_at(j)->id));
	}
}

/* ---- Discounts and taxes. */

START_TEST(test_a_discount_is_used_up_by_documents)
{
	struct discount discounts[] = {money_ten_percent(1)};
	struct subscription *row;

	hand_open(&hand);
	hand_subscribe(&hand, WORLD_PLAN);
	row = world_row(&hand.world, TABLE_SUBSCRIPTIONS, 0);
	row->discounts = discounts;
	row->discounts_len = 1;
	hand_chunk(&hand, "2027-03-31T08:30:00Z");
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 3);
	ck_assert_int_eq(hand_invoice(&hand, 1)->discount, 290);
	ck_assert_int_eq(hand_invoice(&hand, 1)->total, 2610);
	ck_assert_uint_eq(hand_invoice(&hand, 1)->discounts_len, 1);
	unit_assert_str(hand_invoice(&hand, 1)->discounts[0].code, "TEN", "code");
	ck_assert_int_eq(hand_invoice(&hand, 2)->discount, 0);
	ck_assert_int_eq(hand_invoice(&hand, 2)->total, 2900);
	/* The row has a copy of its own; what it had before is as it was. */
	ck_assert_uint_eq(row->discounts_len, 1);
	ck_assert_ptr_ne(row->discounts, discounts);
	ck_assert_int_eq(row->discounts[0].periods_left, 0);
	ck_assert_int_eq(discounts[0].periods_left, 1);
	hand_close(&hand);
}
END_TEST

/* At the end of the last period, and no document says so. */
START_TEST(test_a_discount_covers_nothing_behind_the_end)
{
	struct discount discounts[] = {money_ten_percent(1)};
	struct subscription *row;
	struct cancel_subscription cancel = {.effective = STR("now")};

	hand_open(&hand);
	cancel.subscription_id = hand_subscribe(&hand, WORLD_PLAN);
	discounts[0].covers = true;
	row = world_row(&hand.world, TABLE_SUBSCRIPTIONS, 0);
	row->discounts = discounts;
	row->discounts_len = 1;
	hand_do(&hand, COMMAND_CANCEL_SUBSCRIPTION, &cancel);
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 1);
	unit_assert_str(row->status, "canceled", "status");
	ck_assert_ptr_ne(row->discounts, discounts);
	ck_assert(!row->discounts[0].covers);
	ck_assert_int_eq(row->discounts[0].periods_left, 1);
	hand_close(&hand);
}
END_TEST

/* Whose rate it is, of those that have a wish. */
struct rate_row {
	const char *name;
	bool organisation, customer, exempt;
	int64_t tax;
};

static const struct rate_row rate_rows[] = {
    {"nobody has one", false, false, false, 0},
    {"the organisation's", true, false, false, 580},
    {"the customer's", false, true, false, 580},
    {"an exempt customer", true, true, true, 0},
};

START_TEST(test_taxes)
{
	const struct rate_row *row = &rate_rows[_i];
	const struct invoice *invoice;

	hand_open(&hand);
	rate_add(20, false);
	if (row->organisation)
		money_organisation(&hand)->tax_rate_ids = STR(RATE_TEXT);
	if (row->customer)
		hand_customer(&hand)->tax_rate_ids = (struct uuid_list){rate_ids, 1};
	if (row->exempt)
		hand_customer(&hand)->tax_exempt = STR("exempt");
	hand_subscribe(&hand, WORLD_PLAN);
	invoice = hand_invoice(&hand, 0);
	ck_assert_msg(invoice->tax == row->tax, "%s: %lld", row->name, (long long)invoice->tax);
	ck_assert_int_eq(invoice->total, 2900 + row->tax);
	ck_assert_int_eq(invoice->amount_due, invoice->total);
	ck_assert_uint_eq(invoice->taxes_len, row->tax > 0 ? 1 : 0);
	ck_assert_int_eq(
	    ((const struct invoice_line *)world_row(&hand.world, TABLE_INVOICE_LINES, 0))->tax,
	    row->tax);
	hand_close(&hand);
}
END_TEST

START_TEST(test_net_terms)
{
	hand_open(&hand);
	money_organisation(&hand)->net_terms_days = 14;
	hand_subscribe(&hand, WORLD_PLAN);
	unit_assert_instant(hand_invoice(&hand, 0)->due_at, "2027-02-14T09:30:00Z", "due_at");
	hand_close(&hand);
}
END_TEST

/* ---- Items. */

START_TEST(test_items_are_taken_along)
{
	const struct item *first, *second;
	const struct invoice *invoice;

	hand_open(&hand);
	hand_customer(&hand)->credit_balance = 500;
	second = money_item_add(&hand, 2, 50);
	first = money_item_add(&hand, 1, 100);
	hand_subscribe(&hand, WORLD_PLAN);
	invoice = hand_invoice(&hand, 0);
	ck_assert_int_eq(invoice->total, 3050);
	ck_assert_int_eq(invoice->amount_due, 2550);
	ck_assert_uint_eq(invoice->lines_len, 3);
	unit_assert_str(invoice->lines[1].kind, "item", "kind");
	ck_assert_int_eq(invoice->lines[1].amount, 100);
	ck_assert_int_eq(invoice->lines[2].amount, 50);
	unit_assert_str(first->status, "billed", "status");
	ck_assert(uuid_equal(first->invoice_id, invoice->id));
	ck_assert(uuid_is_nil(first->credit_entry_id));
	unit_assert_instant(first->updated_at, WORLD_NOW, "updated_at");
	unit_assert_str(second->status, "billed", "status");
	ck_assert_int_eq(hand_customer(&hand)->items_pending, 0);
	unit_assert_instant(hand_customer(&hand)->updated_at, WORLD_NOW, "updated_at");
	hand_assert_events(
	    &hand, "subscription.created invoice.issued credit.recorded item.billed item.billed");

	/* Once. */
	hand_chunk(&hand, "2027-02-28T09:30:00Z");
	ck_assert_int_eq(hand_invoice(&hand, 1)->total, 2900);
	hand_close(&hand);
}
END_TEST

/* What is paid at once tells so before the rest. */
START_TEST(test_the_order_of_events)
{
	hand_open(&hand);
	hand_customer(&hand)->credit_balance = 5000;
	money_item_add(&hand, 1, 100);
	hand_subscribe(&hand, WORLD_PLAN);
	ck_assert_int_eq(hand_invoice(&hand, 0)->amount_due, 0);
	ck_assert_int_eq(hand_customer(&hand)->credit_balance, 2000);
	hand_assert_events(&hand, "subscription.created invoice.issued invoice.paid "
				  "credit.recorded item.billed");
	hand_close(&hand);
}
END_TEST

/* Without a bill they wait. */
START_TEST(test_items_wait_for_a_document)
{
	struct move_subscription pause;
	const struct item *item;

	hand_open(&hand);
	pause = (struct move_subscription){.subscription_id = hand_subscribe(&hand, WORLD_PLAN)};
	item = money_item_add(&hand, 1, 100);
	hand_at(&hand, "2027-02-03T00:00:00Z");
	hand_do(&hand, COMMAND_PAUSE_SUBSCRIPTION, &pause);
	unit_assert_str(item->status, "pending", "status");
	ck_assert_int_eq(hand_customer(&hand)->items_pending, 1);
	hand_close(&hand);
}
END_TEST

/* What comes back of a cancellation is more than the item, which is taxed, too. */
START_TEST(test_items_in_a_credit)
{
	struct cancel_subscription cancel = {.effective = STR("now"), .credit_unused = true};
	const struct credit_entry *credit;
	const struct item *item;
	static const struct booked booked[] = {
	    {"invoice", "invoice", WORLD_NOW, 3480, 0, -2900, 0, -580},
	    {"revenue", "subscription", "2027-02-14T09:30:00Z", 0, 0, 1450, -1450, 0},
	    {"credit", "credit_entry", "2027-02-14T09:30:00Z", 0, -1620, 1450, -100, 270},
	};

	hand_open(&hand);
	rate_add(20, false);
	hand_customer(&hand)->tax_rate_ids = (struct uuid_list){rate_ids, 1};
	cancel.subscription_id = hand_subscribe(&hand, WORLD_PLAN);
	item = money_item_add(&hand, 1, 100);
	hand_at(&hand, "2027-02-14T09:30:00Z");
	hand_do(&hand, COMMAND_CANCEL_SUBSCRIPTION, &cancel);
	credit = world_row(&hand.world, TABLE_CREDIT_ENTRIES, 0);
	ck_assert_int_eq(credit->amount, 1620);
	ck_assert_int_eq(credit->tax, -270);
	ck_assert_uint_eq(credit->taxes_len, 1);
	ck_assert_int_eq(credit->taxes[0].amount, -270);
	ck_assert_int_eq(credit->taxes[0].taxable, -1350);
	ck_assert_int_eq(hand_customer(&hand)->credit_balance, 1620);
	unit_assert_str(item->status, "billed", "status");
	ck_assert(uuid_equal(item->credit_entry_id, credit->id));
	ck_assert(uuid_is_nil(item->invoice_id));
	ck_assert_int_eq(hand_subscription_at(&hand, 0)->deferred, 0);
	hand_assert_events(&hand, "subscription.created invoice.issued subscription.canceled "
				  "credit.recorded item.billed");
	assert_booked(booked, ARRAY_LEN(booked));
	hand_close(&hand);
}
END_TEST

/* ---- The journal. */

START_TEST(test_what_is_charged_in_advance_is_earned_by_time)
{
	static const struct booked booked[] = {
	    {"invoice", "invoice", WORLD_NOW, 2400, 500, -2900, 0, 0},
	    {"revenue", "subscription", "2027-02-28T09:30:00Z", 0, 0, 2900, -2900, 0},
	    {"invoice", "invoice", "2027-02-28T09:30:00Z", 2900, 0, -2900, 0, 0},
	};

	hand_open(&hand);
	hand_customer(&hand)->credit_balance = 500;
	hand_subscribe(&hand, WORLD_PLAN);
	ck_assert_int_eq(hand_subscription_at(&hand, 0)->deferred, 2900);
	unit_assert_instant(hand_subscription_at(&hand, 0)->deferred_from, WORLD_NOW, "from");
	hand_chunk(&hand, "2027-02-28T09:30:00Z");
	ck_assert_int_eq(hand_subscription_at(&hand, 0)->deferred, 2900);
	unit_assert_instant(
	    hand_subscription_at(&hand, 0)->deferred_until, "2027-03-31T08:30:00Z", "until");
	assert_booked(booked, ARRAY_LEN(booked));
	ck_assert(uuid_equal(entry_at(0)->document_id, hand_invoice(&hand, 0)->id));
	ck_assert(uuid_equal(entry_at(1)->document_id, hand_subscription_at(&hand, 0)->id));
	ck_assert_int_eq(entry_at(0)->created_ms, WORLD_NOW_MS);
	ck_assert_int_eq(entry_at(2)->created_ms, unit_instant("2027-02-28T09:30:00Z").s * 1000);
	hand_close(&hand);
}
END_TEST

START_TEST(test_nothing_is_booked_of_nothing)
{
	struct plan plan = world_plan(WORLD_OTHER_PLAN);
	struct charge charge = world_charges[0];

	hand_open(&hand);
	charge.amount = 0;
	plan.code = STR("free");
	plan.amount = 0;
	plan.charges = &charge;
	world_plan_add(&hand.world, &plan);
	hand_subscribe(&hand, WORLD_OTHER_PLAN);
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 1);
	ck_assert_uint_eq(hand_count(&hand, TABLE_JOURNAL), 0);
	hand_close(&hand);
}
END_TEST

/* On a clock, entries stand in its time. */
START_TEST(test_booking_on_a_clock)
{
	struct test_clock clock = world_clock((struct uuid){{0xc1}});

	hand_open(&hand);
	clock.now = unit_instant("2030-01-01T00:00:00Z");
	facts_add(hand.world.facts, TABLE_TEST_CLOCKS, &clock);
	hand_customer(&hand)->test_clock_id = clock.id;
	hand_subscribe(&hand, WORLD_PLAN);
	ck_assert(uuid_equal(entry_at(0)->test_clock_id, clock.id));
	unit_assert_instant(entry_at(0)->booked_at, "2030-01-01T00:00:00Z", "booked_at");
	ck_assert_int_eq(entry_at(0)->created_ms, clock.now.s * 1000);
	hand_close(&hand);
}
END_TEST

/* ---- Numbers. */

START_TEST(test_numbers_by_organisation)
{
	const struct number_series *series;
	struct discount everything;
	struct subscription *row;

	hand_open(&hand);
	money_organisation(&hand)->invoice_numbering = STR("organisation");
	money_organisation(&hand)->invoice_prefix = STR("ACME");
	hand_customer(&hand)->invoice_count = 7;
	hand_subscribe(&hand, WORLD_PLAN);
	ck_assert_uint_eq(hand_count(&hand, TABLE_NUMBER_SERIES), 1);
	series = facts_number_series(hand.world.facts, WORLD_ORGANISATION);
	ck_assert_int_eq(series->invoice_count, 1);
	unit_assert_str(hand_invoice(&hand, 0)->number, "ACME-000001", "number");
	ck_assert_int_eq(hand_invoice(&hand, 0)->series_sequence, 1);
	ck_assert_int_eq(hand_invoice(&hand, 0)->sequence, 8);
	hand_chunk(&hand, "2027-02-28T09:30:00Z");
	unit_assert_str(hand_invoice(&hand, 1)->number, "ACME-000002", "number");
	ck_assert_uint_eq(hand_count(&hand, TABLE_NUMBER_SERIES), 1);
	ck_assert_int_eq(series->invoice_count, 2);
	ck_assert_int_eq(series->credit_note_count, 0);
	ck_assert_int_eq(hand_customer(&hand)->invoice_count, 9);
	/* One of nothing has a number as well. */
	everything = money_ten_percent(1);
	everything.percent_off = decimal_from(100);
	row = facts_subscription(
	    hand.world.facts, WORLD_ORGANISATION, hand_subscription_at(&hand, 0)->id);
	row->discounts = &everything;
	row->discounts_len = 1;
	hand_chunk(&hand, "2027-03-31T09:30:00Z");
	ck_assert_int_eq(hand_invoice(&hand, 2)->total, 0);
	unit_assert_str(hand_invoice(&hand, 2)->number, "ACME-000003", "number");
	ck_assert_int_eq(series->invoice_count, 3);
	hand_close(&hand);
}
END_TEST

/* A credit takes no number, and a step without a bill begins no series. */
START_TEST(test_credits_take_no_number)
{
	struct cancel_subscription cancel = {.effective = STR("now"), .credit_unused = true};

	hand_open(&hand);
	cancel.subscription_id = hand_subscribe(&hand, WORLD_PLAN);
	unit_assert_str(hand_invoice(&hand, 0)->number, "ABCDEF123456-0001", "number");
	ck_assert(hand_invoice(&hand, 0)->series_sequence == INT64_MIN);
	money_organisation(&hand)->invoice_numbering = STR("organisation");
	hand_do(&hand, COMMAND_CANCEL_SUBSCRIPTION, &cancel);
	ck_assert_uint_eq(hand_count(&hand, TABLE_CREDIT_ENTRIES), 1);
	ck_assert_uint_eq(hand_count(&hand, TABLE_NUMBER_SERIES), 0);
	hand_close(&hand);
}
END_TEST

/* ---- What would be a bug. */

/* A movement that there is not, and ones that the balance of 500 cannot take. */
static const int64_t impossible[] = {0, -501, INT64_MAX};

START_TEST(test_aborts_on_an_impossible_credit)
{
	struct credit_entry entry = {.reason = STR("grant"), .amount = impossible[_i]};
	struct customer customer;

	hand_open(&hand);
	hand_subscribe(&hand, WORLD_PLAN);
	customer = *hand_customer(&hand);
	customer.credit_balance = 500;
	billing_credit(&hand.decision, &customer, unit_instant(WORLD_NOW), 0, &entry);
}
END_TEST

START_TEST(test_aborts_on_an_entry_without_a_document)
{
	struct journal_entry entry = {.cash = 1, .receivable = -1};

	hand_open(&hand);
	hand_subscribe(&hand, WORLD_PLAN);
	booking_add(&hand.decision, hand_customer(&hand), unit_instant(WORLD_NOW), &entry);
}
END_TEST

/* Items that are counted are loaded with their customer. */
START_TEST(test_aborts_when_items_are_missing)
{
	hand_open(&hand);
	hand_customer(&hand)->items_pending = 1;
	hand_subscribe(&hand, WORLD_PLAN);
}
END_TEST

UNIT_MAIN("billing_apply", UNIT(test_a_discount_is_used_up_by_documents),
    UNIT(test_a_discount_covers_nothing_behind_the_end), UNIT_ROWS(test_taxes, rate_rows),
    UNIT(test_net_terms), UNIT(test_items_are_taken_along), UNIT(test_the_order_of_events),
    UNIT(test_items_wait_for_a_document), UNIT(test_items_in_a_credit),
    UNIT(test_what_is_charged_in_advance_is_earned_by_time),
    UNIT(test_nothing_is_booked_of_nothing), UNIT(test_booking_on_a_clock),
    UNIT(test_numbers_by_organisation), UNIT(test_credits_take_no_number),
    UNIT_ABORTS_ROWS(test_aborts_on_an_impossible_credit, impossible),
    UNIT_ABORTS(test_aborts_on_an_entry_without_a_document),
    UNIT_ABORTS(test_aborts_when_items_are_missing))
