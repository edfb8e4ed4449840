#include "common/domain/split.h"
#include "worker/handler.h"

#include "tests/unit/worker_hand.h"

/* What is put on a customer's account: one-off items, which can be taken back, and credit. */

static struct hand hand;

/* What stands in the way of both. */
enum obstacle {
	NO_CUSTOMER = 1 << 0,
	ARCHIVED = 1 << 1,
	DOLLARS = 1 << 2, /* the amount is in another currency than the customer's */
	EUROS = 1 << 3,   /* no obstacle: it is in the customer's */
	FULL = 1 << 4,    /* 100 items are pending; the balance is the largest there is */
	NEARLY = 1 << 5,  /* no obstacle: 99; one less */
	ADVANCING = 1 << 6,
	NOTHING = 1 << 7,      /* an amount of 0 */
	BACK = 1 << 8,         /* 500 are taken back, of 500; */
	TOO_FAR_BACK = 1 << 9, /* of 499; */
	FAR_BACK = 1 << 10,    /* as much as can be said */
};

struct account_row {
	const char *name;
	enum command_type type;
	unsigned obstacles;
	enum refusal expected;
};

static const struct account_row account_rows[] = {
    {"item", COMMAND_CREATE_ITEM, 0, REFUSAL_NONE},
    {"item: its currency is named", COMMAND_CREATE_ITEM, EUROS, REFUSAL_NONE},
    {"item: the last that can wait", COMMAND_CREATE_ITEM, NEARLY, REFUSAL_NONE},
    {"item: unknown customer, with all else", COMMAND_CREATE_ITEM, NO_CUSTOMER | DOLLARS,
	REFUSAL_CUSTOMER_NOT_FOUND},
    {"item: the clock advances, with all else", COMMAND_CREATE_ITEM,
	ADVANCING | ARCHIVED | FULL | DOLLARS, REFUSAL_TEST_CLOCK_ADVANCING},
    {"item: archived, with all else", COMMAND_CREATE_ITEM, ARCHIVED | FULL | DOLLARS,
	REFUSAL_CUSTOMER_ARCHIVED},
    {"item: too many, with all else", COMMAND_CREATE_ITEM, FULL | DOLLARS, REFUSAL_ITEMS_TOO_MANY},
    {"item: another currency", COMMAND_CREATE_ITEM, DOLLARS, REFUSAL_CURRENCY_MISMATCH},

    {"credit", COMMAND_GIVE_CREDIT, 0, REFUSAL_NONE},
    {"credit: its currency is named", COMMAND_GIVE_CREDIT, EUROS, REFUSAL_NONE},
    {"credit: up to the largest balance", COMMAND_GIVE_CREDIT, NEARLY, REFUSAL_NONE},
    {"credit: all is taken back", COMMAND_GIVE_CREDIT, BACK, REFUSAL_NONE},
    {"credit: unknown customer, with all else", COMMAND_GIVE_CREDIT, NO_CUSTOMER | DOLLARS,
	REFUSAL_CUSTOMER_NOT_FOUND},
    {"credit: the clock advances, with all else", COMMAND_GIVE_CREDIT,
	ADVANCING | ARCHIVED | FULL | DOLLARS, REFUSAL_TEST_CLOCK_ADVANCING},
    {"credit: archived, with all else", COMMAND_GIVE_CREDIT, ARCHIVED | FULL | DOLLARS,
	REFUSAL_CUSTOMER_ARCHIVED},
    {"credit: another currency, with all else", COMMAND_GIVE_CREDIT, DOLLARS | TOO_FAR_BACK,
	REFUSAL_CURRENCY_MISMATCH},
    {"credit: more is taken back than there is", COMMAND_GIVE_CREDIT, TOO_FAR_BACK,
	REFUSAL_CREDIT_INSUFFICIENT},
    {"credit: far more", COMMAND_GIVE_CREDIT, FAR_BACK, REFUSAL_CREDIT_INSUFFICIENT},
    {"credit: beyond the largest balance", COMMAND_GIVE_CREDIT, FULL, REFUSAL_AMOUNT_OUT_OF_RANGE},
    {"credit: nothing", COMMAND_GIVE_CREDIT, NOTHING, REFUSAL_AMOUNT_OUT_OF_RANGE},
};

static void
customer_set(unsigned obstacles)
{
	struct customer *customer = hand_customer(&hand);
	struct test_clock clock = world_clock((struct uuid){{0xcc, 1}});

	if ((obstacles & ARCHIVED) != 0)
		customer->archived_at = unit_instant("2027-01-01T00:00:00Z");
	if ((obstacles & FULL) != 0) {
		customer->items_pending = ITEMS_PENDING_MAX;
		customer->credit_balance = INT64_MAX - 99;
	}
	if ((obstacles & NEARLY) != 0) {
		customer->items_pending = ITEMS_PENDING_MAX - 1;
		customer->credit_balance = INT64_MAX - 100;
	}
	if ((obstacles & BACK) != 0)
		customer->credit_balance = 500;
	if ((obstacles & TOO_FAR_BACK) != 0)
		customer->credit_balance = 499;
	if ((obstacles & ADVANCING) == 0)
		return;
	clock.target_at = unit_instant("2027-03-01T00:00:00Z");
	facts_add(hand.world.facts, TABLE_TEST_CLOCKS, &clock);
	customer->test_clock_id = clock.id;
}

static union command
command_of(const struct account_row *row)
{
	const struct uuid customer_id =
	    (row->obstacles & NO_CUSTOMER) != 0 ? WORLD_OTHER_CUSTOMER : WORLD_CUSTOMER;
	struct currency currency = {""};
	int64_t amount = 100;
	union command command;

	if ((row->obstacles & (DOLLARS | EUROS)) != 0)
		currency = (row->obstacles & DOLLARS) != 0 ? (struct currency){"USD"}
							   : (struct currency){"EUR"};
	if ((row->obstacles & NOTHING) != 0)
		amount = 0;
	if ((row->obstacles & (BACK | TOO_FAR_BACK)) != 0)
		amount = -500;
	if ((row->obstacles & FAR_BACK) != 0)
		amount = INT64_MIN;
	memset(&command, 0, sizeof(command));
	if (row->type == COMMAND_CREATE_ITEM)
		command.create_item = (struct create_item){.customer_id = customer_id,
		    .amount = amount,
		    .currency = currency,
		    .description = STR("Set-up")};
	else
		command.give_credit = (struct give_credit){.customer_id = customer_id,
		    .amount = amount,
		    .currency = currency,
		    .description = STR("Sorry")};
	return command;
}

START_TEST(test_each_refusal)
{
	const struct account_row *row = &account_rows[_i];
	union command command = command_of(row);

	hand_open(&hand);
	customer_set(row->obstacles);
	hand_refuse(&hand, row->type, &command, row->expected, row->name);
	hand_close(&hand);
}
END_TEST

START_TEST(test_what_each_asks_for)
{
	const enum command_type types[] = {COMMAND_CREATE_ITEM, COMMAND_GIVE_CREDIT};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		const struct account_row row = {.type = types[i]};
		union command command = command_of(&row);

		hand_open(&hand);
		handler_table[types[i]].refer(hand.world.facts, &command);
		for (size_t need = 0; need < NEED_MAX; need++)
			ck_assert_uint_eq(hand.world.facts->needs[need].len,
			    need == NEED_CUSTOMER || need == NEED_LIVE_SUBSCRIPTION ? 1 : 0);
		hand_close(&hand);
	}
}
END_TEST

START_TEST(test_an_item_waits)
{
	const struct str_pair pair = {STR("order"), STR("7")};
	struct create_item create = {
	    .customer_id = WORLD_CUSTOMER,
	    .amount = 4200,
	    .description = STR("Set-up"),
	    .metadata = {&pair, 1},
	};
	const struct item *item;

	hand_open(&hand);
	hand_do(&hand, COMMAND_CREATE_ITEM, &create);
	item = world_row(&hand.world, TABLE_ITEMS, 0);
	ck_assert(uuid_equal(item->id, hand.resource_id));
	ck_assert(uuid_equal(item->customer_id, WORLD_CUSTOMER));
	ck_assert_int_eq(item->shard, id_shard_of_key(WORLD_CUSTOMER));
	ck_assert_int_eq(id_shard(item->id), item->shard);
	unit_assert_str(item->status, "pending", "status");
	unit_assert_str(item->description, "Set-up", "description");
	ck_assert_int_eq(item->amount, 4200);
	ck_assert_str_eq(item->currency.code, "EUR");
	ck_assert(uuid_is_nil(item->invoice_id) && uuid_is_nil(item->credit_entry_id));
	ck_assert_uint_eq(item->metadata.len, 1);
	ck_assert_int_eq(item->created_ms, WORLD_NOW_MS);
	unit_assert_instant(item->created_at, WORLD_NOW, "created_at");
	ck_assert_int_eq(hand_customer(&hand)->items_pending, 1);
	unit_assert_instant(hand_customer(&hand)->latest_at, WORLD_NOW, "latest_at");
	unit_assert_instant(hand_customer(&hand)->updated_at, WORLD_NOW, "updated_at");
	hand_assert_events(&hand, "item.created");
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 0);
	hand_close(&hand);
}
END_TEST

/* On a test clock an item lies in the clock's time. */
START_TEST(test_an_item_on_a_clock)
{
	const struct test_clock clock = world_clock((struct uuid){{0xcc, 1}});
	struct create_item create = {
	    .customer_id = WORLD_CUSTOMER, .amount = 1, .description = STR("Set-up")};
	const struct item *item;

	hand_open(&hand);
	facts_add(hand.world.facts, TABLE_TEST_CLOCKS, &clock);
	hand_customer(&hand)->test_clock_id = clock.id;
	hand_at(&hand, "2029-01-01T00:00:00Z");
	hand_do(&hand, COMMAND_CREATE_ITEM, &create);
	item = world_row(&hand.world, TABLE_ITEMS, 0);
	unit_assert_instant(item->created_at, WORLD_NOW, "created_at");
	ck_assert_int_eq(item->created_ms, unit_instant(WORLD_NOW).s * 1000);
	hand_close(&hand);
}
END_TEST

/* An invoice that fell due before the command has taken the items that waited, and made room. */
START_TEST(test_billing_comes_first)
{
	struct create_item create = {
	    .customer_id = WORLD_CUSTOMER, .amount = 1, .description = STR("Set-up")};
	const struct invoice *invoice;

	hand_open(&hand);
	(void)hand_subscribe(&hand, WORLD_PLAN);
	for (int i = 0; i < ITEMS_PENDING_MAX; i++)
		hand_do(&hand, COMMAND_CREATE_ITEM, &create);
	hand_refuse(&hand, COMMAND_CREATE_ITEM, &create, REFUSAL_ITEMS_TOO_MANY, "the 101st");
	hand_at(&hand, "2027-02-28T09:30:00Z");
	hand_do(&hand, COMMAND_CREATE_ITEM, &create);
	ck_assert_int_eq(hand_customer(&hand)->items_pending, 1);
	invoice = hand_invoice(&hand, 1);
	ck_assert_int_eq(invoice->total, 2900 + ITEMS_PENDING_MAX);
	hand_close(&hand);
}
END_TEST

/* A plan with calls in arrears at 2 each, beside what it charges in advance. */
static void
calls_add(void)
{
	static struct charge charges[2];
	struct plan plan = world_plan(WORLD_OTHER_PLAN);

	charges[0] = world_charges[0];
	charges[1] = world_charges[0];
	charges[1].code = STR("calls");
	charges[1].model = STR("per_unit");
	charges[1].billing = STR("arrears");
	charges[1].amount = AMOUNT_NONE;
	charges[1].unit_amount = decimal_from(2);
	plan.code = STR("calls");
	plan.charges = charges;
	plan.charges_len = ARRAY_LEN(charges);
	(void)world_plan_add(&hand.world, &plan);
}

/* The first of the last invoices takes what waits, whichever subscription it is of; where there is
 * none, nothing is billed any more. */
START_TEST(test_the_last_invoice_takes_items)
{
	const size_t subscriptions = (size_t)_i;
	struct create_item item = {
	    .customer_id = WORLD_CUSTOMER, .amount = 7, .description = STR("Set-up")};
	struct archive_customer archive = {.customer_id = WORLD_CUSTOMER};
	struct organisation *organisation;
	int64_t total = 0;

	hand_open(&hand);
	organisation = world_row(&hand.world, TABLE_ORGANISATIONS, 0);
	organisation->subscriptions_per_customer = STR("many");
	calls_add();
	for (size_t i = 0; i < subscriptions; i++) {
		struct report_quantity report = {
		    .subscription_id = hand_subscribe(&hand, WORLD_OTHER_PLAN),
		    .charge_code = STR("calls"),
		    .quantity = decimal_from(10),
		    .mode = STR("set"),
		    .period_start = INSTANT_NONE,
		};

		hand_do(&hand, COMMAND_REPORT_QUANTITY, &report);
	}
	hand_do(&hand, COMMAND_CREATE_ITEM, &item);
	hand_at(&hand, "2027-02-10T00:00:00Z");
	hand_do(&hand, COMMAND_ARCHIVE_CUSTOMER, &archive);
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 2 * subscriptions);
	for (size_t i = subscriptions; i < 2 * subscriptions; i++)
		total += hand_invoice(&hand, i)->total;
	ck_assert_int_eq(total, subscriptions == 0 ? 0 : 7 + 20 * (int64_t)subscriptions);
	ck_assert_int_eq(hand_customer(&hand)->items_pending, subscriptions == 0 ? 1 : 0);
	ck_assert(!instant_is_none(hand_customer(&hand)->archived_at));
	hand_close(&hand);
}
END_TEST

static const char subscription_counts[3]; /* 0 to 2 */

/* An item that waits: the wish to take it back. */
static struct cancel_item
item_wait(void)
{
	struct create_item create = {
	    .customer_id = WORLD_CUSTOMER, .amount = 100, .description = STR("Set-up")};

	hand_do(&hand, COMMAND_CREATE_ITEM, &create);
	return (struct cancel_item){.item_id = hand.resource_id};
}

START_TEST(test_an_item_is_taken_back)
{
	struct cancel_item cancel;
	const struct item *item;

	hand_open(&hand);
	(void)hand_subscribe(&hand, WORLD_PLAN);
	(void)item_wait();
	cancel = item_wait();
	hand_at(&hand, "2027-02-01T00:00:00Z");
	hand_do(&hand, COMMAND_CANCEL_ITEM, &cancel);
	ck_assert(uuid_equal(hand.resource_id, cancel.item_id));
	item = world_row(&hand.world, TABLE_ITEMS, 1);
	unit_assert_str(item->status, "canceled", "status");
	ck_assert(uuid_is_nil(item->invoice_id) && uuid_is_nil(item->credit_entry_id));
	unit_assert_instant(item->created_at, WORLD_NOW, "created_at");
	unit_assert_instant(item->updated_at, "2027-02-01T00:00:00Z", "updated_at");
	ck_assert_int_eq(hand_customer(&hand)->items_pending, 1);
	unit_assert_instant(hand_customer(&hand)->latest_at, "2027-02-01T00:00:00Z", "latest_at");
	unit_assert_instant(hand_customer(&hand)->updated_at, "2027-02-01T00:00:00Z", "updated_at");
	hand_refuse(&hand, COMMAND_CANCEL_ITEM, &cancel, REFUSAL_ITEM_NOT_PENDING, "once more");
	hand_chunk(&hand, "2027-02-28T09:30:00Z");
	ck_assert_int_eq(hand_invoice(&hand, 1)->total, 3000);
	ck_assert_int_eq(hand_customer(&hand)->items_pending, 0);
	hand_assert_events(&hand,
	    "subscription.created invoice.issued item.created item.created item.canceled "
	    "subscription.renewed invoice.issued item.billed");
	hand_close(&hand);
}
END_TEST

/* What fell due before the command has taken the item. */
START_TEST(test_an_item_that_fell_due_is_billed)
{
	struct cancel_item cancel;

	hand_open(&hand);
	(void)hand_subscribe(&hand, WORLD_PLAN);
	cancel = item_wait();
	hand_at(&hand, "2027-02-28T09:30:00Z");
	ck_assert_int_eq(
	    hand_decide(&hand, COMMAND_CANCEL_ITEM, &cancel), REFUSAL_ITEM_NOT_PENDING);
	ck_assert_str_eq(hand.decision.detail, "the item is billed");
	ck_assert_int_eq(hand_invoice(&hand, 1)->total, 3000);
	hand_refuse(&hand, COMMAND_CANCEL_ITEM, &cancel, REFUSAL_ITEM_NOT_PENDING, "billed");
	hand_close(&hand);
}
END_TEST

struct cancel_row {
	const char *name;
	bool unknown, foreign, elsewhere, archived, advancing, billed;
	enum refusal expected;
};

static const struct cancel_row cancel_rows[] = {
    {"it waits", .expected = REFUSAL_NONE},
    {"of an archived customer", .archived = true, .expected = REFUSAL_NONE},
    {"unknown, with all else", .unknown = true, .advancing = true, .billed = true,
	.expected = REFUSAL_ITEM_NOT_FOUND},
    {"of another organisation", .foreign = true, .expected = REFUSAL_ITEM_NOT_FOUND},
    {"not where its id says", .elsewhere = true, .expected = REFUSAL_ITEM_NOT_FOUND},
    {"the clock advances, with all else", .advancing = true, .archived = true, .billed = true,
	.expected = REFUSAL_TEST_CLOCK_ADVANCING},
    {"billed", .billed = true, .expected = REFUSAL_ITEM_NOT_PENDING},
};

START_TEST(test_each_refusal_to_take_back)
{
	const struct cancel_row *row = &cancel_rows[_i];
	const int32_t shard = id_shard_of_key(WORLD_CUSTOMER);
	const struct item item = {
	    .organisation_id = row->foreign ? WORLD_OTHER_CUSTOMER : WORLD_ORGANISATION,
	    .id = id_derive(WORLD_OPERATION, ID_ITEM, 0, row->elsewhere ? shard ^ 1 : shard),
	    .shard = shard,
	    .customer_id = WORLD_CUSTOMER,
	    .status = row->billed ? STR("billed") : STR("pending"),
	    .description = STR("Set-up"),
	    .amount = 100,
	    .currency = {"EUR"},
	    .created_at = unit_instant("2027-01-01T00:00:00Z"),
	    .updated_at = unit_instant("2027-01-01T00:00:00Z"),
	};
	struct cancel_item cancel = {.item_id = item.id};

	hand_open(&hand);
	if (!row->unknown)
		facts_add(hand.world.facts, TABLE_ITEMS, &item);
	hand_customer(&hand)->items_pending = 1;
	customer_set((row->archived ? ARCHIVED : 0) | (row->advancing ? ADVANCING : 0));
	hand_refuse(&hand, COMMAND_CANCEL_ITEM, &cancel, row->expected, row->name);
	ck_assert_int_eq(
	    hand_customer(&hand)->items_pending, row->expected == REFUSAL_NONE ? 0 : 1);
	hand_close(&hand);
}
END_TEST

START_TEST(test_what_taking_back_asks_for)
{
	const struct cancel_item cancel = {
	    .meta = world_meta(WORLD_OPERATION), .item_id = {{0x17, 1}}};

	hand_open(&hand);
	handler_table[COMMAND_CANCEL_ITEM].refer(hand.world.facts, &cancel);
	for (size_t need = 0; need < NEED_MAX; need++) {
		const struct need_list *list = &hand.world.facts->needs[need];
		const bool asked =
		    need == NEED_ITEM || need == NEED_ITEM_CUSTOMER || need == NEED_ITEM_SIBLINGS;

		ck_assert_uint_eq(list->len, asked ? 1 : 0);
		ck_assert(!asked || uuid_equal(list->ids[0], cancel.item_id));
	}
	hand_close(&hand);
}
END_TEST

/* An item with an inclusive rate of its own, of so many percent. */
static struct cancel_item
mixture_wait(uint8_t percent)
{
	const struct tax_rate rate = {
	    .organisation_id = WORLD_ORGANISATION,
	    .id = {{0x7a, percent}},
	    .code = STR("vat"),
	    .name = STR("VAT"),
	    .percentage = decimal_from(percent),
	    .inclusive = true,
	    .archived_at = INSTANT_NONE,
	};
	struct create_item create = {.customer_id = WORLD_CUSTOMER,
	    .amount = 100,
	    .description = STR("Set-up"),
	    .tax_rate_ids = {&rate.id, 1}};
	const struct tax_rate *row = facts_add(hand.world.facts, TABLE_TAX_RATES, &rate);

	create.tax_rate_ids.items = &row->id;
	hand_do(&hand, COMMAND_CREATE_ITEM, &create);
	return (struct cancel_item){.item_id = hand.resource_id};
}

/* Together the items' taxes are too many for one invoice: once enough of them are taken back, a
 * change sets the subscription going again. */
START_TEST(test_what_parked_a_subscription_is_taken_back)
{
	struct cancel_item waiting[SPLIT_DENOMINATORS_MAX + 1];
	struct change_subscription change = {
	    .quantity = 1, .effective = STR("period_end"), .proration = STR("prorate")};

	hand_open(&hand);
	change.subscription_id = hand_subscribe(&hand, WORLD_PLAN);
	for (uint8_t i = 0; i < ARRAY_LEN(waiting); i++)
		waiting[i] = mixture_wait((uint8_t)(i + 1));
	hand_chunk(&hand, "2027-02-28T09:30:00Z");
	unit_assert_str(hand_subscription_at(&hand, 0)->billing_problem, "tax-too-mixed", "parked");
	ck_assert_int_eq(hand_customer(&hand)->items_pending, ARRAY_LEN(waiting));

	hand_at(&hand, "2027-03-05T00:00:00Z");
	hand_do(&hand, COMMAND_CANCEL_ITEM, &waiting[0]);
	unit_assert_str(hand_subscription_at(&hand, 0)->billing_problem, "tax-too-mixed", "still");
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 1);
	hand_do(&hand, COMMAND_CHANGE_SUBSCRIPTION, &change);
	hand_chunk(&hand, "2027-03-05T00:00:00Z");
	unit_assert_str(hand_subscription_at(&hand, 0)->billing_problem, NULL, "billed");
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 2);
	ck_assert_int_eq(hand_invoice(&hand, 1)->total, 2900 + 100 * SPLIT_DENOMINATORS_MAX);
	unit_assert_instant(hand_invoice(&hand, 1)->issued_at, "2027-02-28T09:30:00Z", "issued_at");
	ck_assert_int_eq(hand_customer(&hand)->items_pending, 0);
	hand_close(&hand);
}
END_TEST

static void
entry_assert(size_t index, int64_t amount, int64_t balance)
{
	const struct credit_entry *entry = world_row(&hand.world, TABLE_CREDIT_ENTRIES, index);
	const struct journal_entry *journal = world_row(&hand.world, TABLE_JOURNAL, index);

	ck_assert(uuid_equal(entry->id, hand.resource_id));
	unit_assert_str(entry->reason, "grant", "reason");
	ck_assert_int_eq(entry->sequence, (int64_t)index + 1);
	ck_assert_int_eq(entry->amount, amount);
	ck_assert_int_eq(entry->balance_after, balance);
	unit_assert_str(entry->description, "Sorry", "description");
	ck_assert(uuid_is_nil(entry->invoice_id) && uuid_is_nil(entry->subscription_id));
	ck_assert_int_eq(hand_customer(&hand)->credit_balance, balance);
	ck_assert_int_eq(hand_customer(&hand)->credit_count, entry->sequence);

	unit_assert_str(journal->reason, "credit", "reason");
	unit_assert_str(journal->document_type, "credit_entry", "document_type");
	ck_assert(uuid_equal(journal->document_id, entry->id));
	ck_assert_int_eq(journal->customer_credit, -amount);
	ck_assert_int_eq(journal->credits_granted, amount);
	ck_assert(instant_is_none(journal->booked_at) == instant_is_none(entry->created_at));
}

/* Given, taken back in part, and the rest used by an invoice. */
START_TEST(test_credit_is_given_and_taken_back)
{
	struct give_credit give = {
	    .customer_id = WORLD_CUSTOMER, .amount = 3000, .description = STR("Sorry")};
	const struct invoice *invoice;

	hand_open(&hand);
	hand_do(&hand, COMMAND_GIVE_CREDIT, &give);
	entry_assert(0, 3000, 3000);
	unit_assert_instant(hand_customer(&hand)->updated_at, WORLD_NOW, "updated_at");
	give.amount = -2000;
	hand_do(&hand, COMMAND_GIVE_CREDIT, &give);
	entry_assert(1, -2000, 1000);
	hand_assert_events(&hand, "credit.recorded credit.recorded");
	(void)hand_subscribe(&hand, WORLD_PLAN);
	invoice = hand_invoice(&hand, 0);
	ck_assert_int_eq(invoice->credit_applied, 1000);
	ck_assert_int_eq(invoice->amount_due, 1900);
	ck_assert_int_eq(hand_customer(&hand)->credit_balance, 0);
	hand_close(&hand);
}
END_TEST

UNIT_MAIN("handler accounts", UNIT_ROWS(test_each_refusal, account_rows),
    UNIT(test_what_each_asks_for), UNIT(test_an_item_waits), UNIT(test_an_item_on_a_clock),
    UNIT(test_billing_comes_first),
    UNIT_ROWS(test_the_last_invoice_takes_items, subscription_counts),
    UNIT(test_an_item_is_taken_back), UNIT(test_an_item_that_fell_due_is_billed),
    UNIT_ROWS(test_each_refusal_to_take_back, cancel_rows), UNIT(test_what_taking_back_asks_for),
    UNIT(test_what_parked_a_subscription_is_taken_back), UNIT(test_credit_is_given_and_taken_back))
