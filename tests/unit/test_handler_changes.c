#include "worker/handler.h"

#include "tests/unit/worker_world.h"

/* What accepted commands change, alone and after one another in one batch.  What they refuse is
 * test_handlers.c's. */

static struct world world;
static int64_t event_number;
static uint8_t operations; /* so far: each has an id of its own */
static enum refusal refusal;
static struct decision decision;
static struct uuid resource_id; /* of the last command */

static void
setup(void)
{
	struct customer customer = world_customer(WORLD_CUSTOMER);
	struct plan plan = world_plan(WORLD_PLAN);

	world_open(&world);
	world_organisation(&world);
	customer.external_id = STR("own");
	customer.email = STR("ada@example.com");
	facts_add(world.facts, TABLE_CUSTOMERS, &customer);
	facts_add(world.facts, TABLE_PLANS, &plan);
}

/* Decide ${command}, whose meta is filled here but for a time that is set already. */
static enum refusal
decide(enum command_type type, void *command)
{
	struct command_meta *meta = command;
	int64_t accepted_at = meta->accepted_at;

	*meta = world_meta((struct uuid){{0x0b, ++operations, 0, 0, 0, 0, 0x80, 0, 0x80}});
	if (accepted_at != 0)
		meta->accepted_at = accepted_at;
	decision = (struct decision){
	    .decider = &world.context.decider,
	    .meta = meta,
	    .organisation = facts_organisation(world.facts, WORLD_ORGANISATION),
	    .partition = 3,
	    .event_number = &event_number,
	};
	resource_id = handler_table[type].resource(command);
	refusal = handler_table[type].decide(&decision, command);
	return refusal;
}

static void
carry_out(enum command_type type, void *command)
{
	ck_assert_msg(decide(type, command) == REFUSAL_NONE, "%s: %s", command_table[type].name,
	    refusal == REFUSAL_MAX ? decision.err.text : refusal_info(refusal)->slug);
}

static struct customer *
the_customer(void)
{
	struct customer *customer = facts_customer(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER);

	ck_assert_ptr_nonnull(customer);
	return customer;
}

/* The types of all events, in their order: "customer.created invoice.issued". */
static void
assert_events(const char *expected)
{
	struct buf types;

	buf_init(&types, 4096);
	for (size_t i = 0; i < world.facts->lists[TABLE_OUTBOX].len; i++) {
		const struct event *event = world_row(&world, TABLE_OUTBOX, i);

		buf_printf(&types, "%s%.*s", i == 0 ? "" : " ", (int)event->type.len - 9,
		    event->type.ptr + 6);
		ck_assert_int_eq(event->number, (int64_t)i + 1);
		ck_assert_int_eq(event->partition, 3);
	}
	unit_assert_str(buf_str(&types), expected, "events");
	ck_assert_int_eq(event_number, (int64_t)world.facts->lists[TABLE_OUTBOX].len);
	buf_release(&types);
}

START_TEST(test_a_customer_takes_what_the_organisation_has)
{
	struct create_customer create = {.name = STR("Bob")};
	const struct customer *row;
	char prefix[ID_NUMBER_PREFIX_SIZE];

	setup();
	carry_out(COMMAND_CREATE_CUSTOMER, &create);
	row = facts_customer(world.facts, WORLD_ORGANISATION, resource_id);
	ck_assert_ptr_nonnull(row);
	ck_assert_str_eq(row->currency.code, "EUR");
	unit_assert_str(row->timezone, "Europe/Vienna", "timezone");
	ck_assert_int_eq(row->shard, id_shard_of_key(row->id));
	id_number_prefix(row->id, prefix);
	unit_assert_str(row->number_prefix, prefix, "number_prefix");
	ck_assert_int_eq(row->invoice_count, 0);
	ck_assert_int_eq(row->credit_balance, 0);
	ck_assert_int_eq(row->created_ms, WORLD_NOW_MS);
	unit_assert_instant(row->latest_at, WORLD_NOW, "latest_at");
	unit_assert_instant(row->created_at, WORLD_NOW, "created_at");
	unit_assert_instant(row->archived_at, NULL, "archived_at");
	unit_assert_str(row->email, NULL, "email");
	assert_events("customer.created");
	world_close(&world);
}
END_TEST

START_TEST(test_a_customer_has_what_it_names)
{
	struct create_customer create = {
	    .name = STR("Bob"),
	    .email = STR("bob@example.com"),
	    .external_id = STR("bob-1"),
	    .currency = {"JPY"},
	    .country = STR("JP"),
	    .timezone = STR("Asia/Tokyo"),
	};
	const struct customer *row;

	setup();
	carry_out(COMMAND_CREATE_CUSTOMER, &create);
	row = facts_customer_by_external_id(world.facts, WORLD_ORGANISATION, STR("bob-1"));
	ck_assert_ptr_nonnull(row);
	ck_assert_str_eq(row->currency.code, "JPY");
	unit_assert_str(row->timezone, "Asia/Tokyo", "timezone");
	unit_assert_str(row->country, "JP", "country");
	unit_assert_str(row->email, "bob@example.com", "email");
	/* The next command of the batch sees it. */
	ck_assert_int_eq(decide(COMMAND_CREATE_CUSTOMER, &create), REFUSAL_EXTERNAL_ID_TAKEN);
	ck_assert_ptr_nonnull(strstr(decision.detail, "bob-1"));
	assert_events("customer.created");
	world_close(&world);
}
END_TEST

START_TEST(test_an_update_changes_what_it_names)
{
	struct update_customer update = {.customer_id = WORLD_CUSTOMER, .name = STR("Grace")};
	struct update_customer clear = {
	    .customer_id = WORLD_CUSTOMER, .email = STR(""), .external_id = STR("")};

	setup();
	carry_out(COMMAND_UPDATE_CUSTOMER, &update);
	unit_assert_str(the_customer()->name, "Grace", "name");
	unit_assert_str(the_customer()->email, "ada@example.com", "email");
	unit_assert_str(the_customer()->external_id, "own", "external_id");
	unit_assert_instant(the_customer()->updated_at, WORLD_NOW, "updated_at");
	unit_assert_instant(the_customer()->latest_at, WORLD_NOW, "latest_at");
	unit_assert_instant(the_customer()->created_at, "2026-12-01T00:00:00Z", "created_at");

	/* An empty text takes away, none leaves as it is. */
	carry_out(COMMAND_UPDATE_CUSTOMER, &clear);
	unit_assert_str(the_customer()->name, "Grace", "name");
	unit_assert_str(the_customer()->email, NULL, "email");
	unit_assert_str(the_customer()->external_id, NULL, "external_id");
	ck_assert_ptr_null(
	    facts_customer_by_external_id(world.facts, WORLD_ORGANISATION, STR("own")));
	assert_events("customer.updated customer.updated");
	world_close(&world);
}
END_TEST

START_TEST(test_a_customer_keeps_its_own_external_id)
{
	struct update_customer update = {.customer_id = WORLD_CUSTOMER, .external_id = STR("own")};

	setup();
	carry_out(COMMAND_UPDATE_CUSTOMER, &update);
	unit_assert_str(the_customer()->external_id, "own", "external_id");
	world_close(&world);
}
END_TEST

/* Two ingresses' clocks differ: the second command seems to be older than the first. */
START_TEST(test_time_never_runs_backwards_for_a_customer)
{
	struct update_customer first = {.meta.accepted_at = WORLD_NOW_MS + 5000,
	    .customer_id = WORLD_CUSTOMER,
	    .name = STR("first")};
	struct update_customer second = {.customer_id = WORLD_CUSTOMER, .name = STR("second")};
	struct create_subscription create = {.customer_id = WORLD_CUSTOMER, .plan_id = WORLD_PLAN};
	const struct subscription *subscription;

	setup();
	carry_out(COMMAND_UPDATE_CUSTOMER, &first);
	carry_out(COMMAND_UPDATE_CUSTOMER, &second);
	unit_assert_str(the_customer()->name, "second", "name");
	unit_assert_instant(the_customer()->latest_at, "2027-01-31T09:30:05Z", "latest_at");
	carry_out(COMMAND_CREATE_SUBSCRIPTION, &create);
	subscription = world_row(&world, TABLE_SUBSCRIPTIONS, 0);
	unit_assert_instant(subscription->started_at, "2027-01-31T09:30:05Z", "started_at");
	/* What its lists go by is when it was asked for. */
	ck_assert_int_eq(subscription->created_ms, WORLD_NOW_MS);
	world_close(&world);
}
END_TEST

START_TEST(test_archiving_cancels_the_live_subscription)
{
	struct create_subscription create = {.customer_id = WORLD_CUSTOMER, .plan_id = WORLD_PLAN};
	struct archive_customer archive = {.customer_id = WORLD_CUSTOMER};
	const struct subscription *subscription;

	setup();
	carry_out(COMMAND_CREATE_SUBSCRIPTION, &create);
	carry_out(COMMAND_ARCHIVE_CUSTOMER, &archive);
	subscription = world_row(&world, TABLE_SUBSCRIPTIONS, 0);
	unit_assert_str(subscription->status, "canceled", "status");
	unit_assert_instant(subscription->ended_at, WORLD_NOW, "ended_at");
	unit_assert_instant(the_customer()->archived_at, WORLD_NOW, "archived_at");
	ck_assert_ptr_null(
	    facts_customer_by_external_id(world.facts, WORLD_ORGANISATION, STR("own")));
	assert_events(
	    "subscription.created invoice.issued subscription.canceled customer.archived");
	world_close(&world);
}
END_TEST

START_TEST(test_a_plan_is_created_changed_and_archived)
{
	static const struct str_pair tier = {{"tier", 4}, {"1", 1}};
	struct create_plan create = {
	    .code = STR("pro"),
	    .name = STR("Pro"),
	    .currency = {"USD"},
	    .interval = STR("day"),
	    .interval_count = 30,
	    .amount = 4900,
	    .metadata = {&tier, 1},
	};
	struct update_plan update = {.name = STR("Professional")};
	struct archive_plan archive;
	const struct plan *row;

	setup();
	carry_out(COMMAND_CREATE_PLAN, &create);
	row = facts_plan_by_code(world.facts, WORLD_ORGANISATION, STR("pro"));
	ck_assert_ptr_nonnull(row);
	ck_assert(uuid_equal(row->id, resource_id));
	ck_assert_int_eq(row->amount, 4900);
	ck_assert_int_eq(row->interval_count, 30);
	ck_assert_str_eq(row->currency.code, "USD");
	update.plan_id = row->id;
	carry_out(COMMAND_UPDATE_PLAN, &update);
	unit_assert_str(row->name, "Professional", "name");
	ck_assert_uint_eq(row->metadata.len, 1);
	ck_assert_int_eq(row->amount, 4900);
	archive = (struct archive_plan){.plan_id = row->id};
	carry_out(COMMAND_ARCHIVE_PLAN, &archive);
	unit_assert_instant(row->archived_at, WORLD_NOW, "archived_at");
	/* The code is free again. */
	carry_out(COMMAND_CREATE_PLAN, &create);
	ck_assert_uint_eq(world.facts->lists[TABLE_PLANS].len, 3);
	assert_events("plan.created plan.updated plan.archived plan.created");
	world_close(&world);
}
END_TEST

START_TEST(test_a_subscription_comes_with_its_first_invoice)
{
	struct create_subscription create = {.customer_id = WORLD_CUSTOMER, .plan_id = WORLD_PLAN};
	const struct subscription *subscription;
	const struct invoice *invoice;
	const struct invoice_line *line;
	int32_t shard = id_shard_of_key(WORLD_CUSTOMER);

	setup();
	carry_out(COMMAND_CREATE_SUBSCRIPTION, &create);
	subscription = world_row(&world, TABLE_SUBSCRIPTIONS, 0);
	invoice = world_row(&world, TABLE_INVOICES, 0);
	line = world_row(&world, TABLE_INVOICE_LINES, 0);

	ck_assert(uuid_equal(subscription->id, resource_id));
	ck_assert(uuid_equal(subscription->customer_id, WORLD_CUSTOMER));
	ck_assert_int_eq(id_shard(subscription->id), shard);
	ck_assert_int_eq(subscription->shard, shard);
	unit_assert_str(subscription->status, "active", "status");
	/* 10:30 on the last of January in Vienna; so it is at the end of February. */
	unit_assert_instant(subscription->current_period_start, WORLD_NOW, "period start");
	unit_assert_instant(subscription->current_period_end, "2027-02-28T09:30:00Z", "period end");

	unit_assert_str(invoice->number, "ABCDEF123456-0001", "number");
	unit_assert_str(invoice->status, "open", "invoice status");
	unit_assert_str(invoice->reason, "subscription_create", "reason");
	ck_assert_int_eq(id_shard(invoice->id), shard);
	ck_assert_int_eq(invoice->total, 2900);
	ck_assert_int_eq(invoice->amount_due, 2900);
	ck_assert_uint_eq(world.facts->lists[TABLE_INVOICE_LINES].len, 1);
	ck_assert(uuid_equal(line->invoice_id, invoice->id));
	ck_assert_int_eq(id_shard(line->id), shard);
	ck_assert_int_eq(line->amount, 2900);
	ck_assert_int_eq(line->position, 1);
	unit_assert_instant(line->period_end, "2027-02-28T09:30:00Z", "line's period end");
	ck_assert_int_eq(the_customer()->invoice_count, 1);
	assert_events("subscription.created invoice.issued");
	world_close(&world);
}
END_TEST

START_TEST(test_an_invoice_of_nothing_is_paid)
{
	struct create_subscription create = {
	    .customer_id = WORLD_CUSTOMER, .plan_code = STR("free")};
	struct plan free_plan = world_plan(WORLD_OTHER_PLAN);
	const struct invoice *invoice;

	setup();
	free_plan.code = STR("free");
	free_plan.amount = 0;
	facts_add(world.facts, TABLE_PLANS, &free_plan);
	carry_out(COMMAND_CREATE_SUBSCRIPTION, &create);
	invoice = world_row(&world, TABLE_INVOICES, 0);
	unit_assert_str(invoice->status, "paid", "status");
	unit_assert_instant(invoice->paid_at, WORLD_NOW, "paid_at");
	assert_events("subscription.created invoice.issued invoice.paid");
	world_close(&world);
}
END_TEST

START_TEST(test_numbers_of_invoices_have_no_gaps)
{
	char expected[INVOICE_NUMBER_SIZE];

	setup();
	for (int i = 1; i <= 12; i++) {
		struct create_subscription create = {
		    .customer_id = WORLD_CUSTOMER, .plan_id = WORLD_PLAN};
		struct cancel_subscription cancel = {.effective = STR("now")};
		const struct invoice *invoice;

		carry_out(COMMAND_CREATE_SUBSCRIPTION, &create);
		invoice = world_row(&world, TABLE_INVOICES, (size_t)i - 1);
		snprintf(expected, sizeof(expected), "ABCDEF123456-%04d", i);
		unit_assert_str(invoice->number, expected, "number");
		ck_assert_int_eq(invoice->sequence, i);
		/* A refused one takes no number. */
		cancel.subscription_id = resource_id;
		ck_assert_int_eq(
		    decide(COMMAND_CREATE_SUBSCRIPTION, &create), REFUSAL_SUBSCRIPTION_LIVE_EXISTS);
		carry_out(COMMAND_CANCEL_SUBSCRIPTION, &cancel);
	}
	ck_assert_int_eq(the_customer()->invoice_count, 12);
	world_close(&world);
}
END_TEST

struct cancel_row {
	const char *effective;
	const char *status;
	bool at_period_end;
	const char *ended_at;
	const char *events;
};

static const struct cancel_row cancel_rows[] = {
    {"now", "canceled", false, WORLD_NOW,
	"subscription.created invoice.issued subscription.canceled"},
    {"period_end", "active", true, NULL,
	"subscription.created invoice.issued subscription.updated"},
};

START_TEST(test_cancel)
{
	const struct cancel_row *row = &cancel_rows[_i];
	struct create_subscription create = {.customer_id = WORLD_CUSTOMER, .plan_id = WORLD_PLAN};
	struct cancel_subscription cancel = {.effective = str_from(row->effective)};
	const struct subscription *subscription;

	setup();
	carry_out(COMMAND_CREATE_SUBSCRIPTION, &create);
	cancel.subscription_id = resource_id;
	carry_out(COMMAND_CANCEL_SUBSCRIPTION, &cancel);
	subscription = world_row(&world, TABLE_SUBSCRIPTIONS, 0);
	unit_assert_str(subscription->status, row->status, row->effective);
	ck_assert_msg(
	    subscription->cancel_at_period_end == row->at_period_end, "%s", row->effective);
	unit_assert_instant(subscription->canceled_at, WORLD_NOW, row->effective);
	unit_assert_instant(subscription->ended_at, row->ended_at, row->effective);
	assert_events(row->events);
	world_close(&world);
}
END_TEST

/* All ids that one command makes differ, and so do those of two commands. */
START_TEST(test_ids_are_apart)
{
	struct create_subscription create = {.customer_id = WORLD_CUSTOMER, .plan_id = WORLD_PLAN};
	const struct subscription *subscription;
	const struct invoice *invoice;
	const struct invoice_line *line;
	const struct event *first, *second;
	struct uuid ids[5];

	setup();
	carry_out(COMMAND_CREATE_SUBSCRIPTION, &create);
	subscription = world_row(&world, TABLE_SUBSCRIPTIONS, 0);
	invoice = world_row(&world, TABLE_INVOICES, 0);
	line = world_row(&world, TABLE_INVOICE_LINES, 0);
	first = world_row(&world, TABLE_OUTBOX, 0);
	second = world_row(&world, TABLE_OUTBOX, 1);
	ids[0] = subscription->id;
	ids[1] = invoice->id;
	ids[2] = line->id;
	ids[3] = first->id;
	ids[4] = second->id;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		for (size_t j = i + 1; j < ARRAY_LEN(ids); j++)
			ck_assert_msg(!uuid_equal(ids[i], ids[j]), "%zu and %zu", i, j);
	ck_assert(uuid_equal(second->subject, invoice->id));
	ck_assert(uuid_equal(second->key, WORLD_CUSTOMER));
	world_close(&world);
}
END_TEST

UNIT_MAIN("handler changes", UNIT(test_a_customer_takes_what_the_organisation_has),
    UNIT(test_a_customer_has_what_it_names), UNIT(test_an_update_changes_what_it_names),
    UNIT(test_a_customer_keeps_its_own_external_id),
    UNIT(test_time_never_runs_backwards_for_a_customer),
    UNIT(test_archiving_cancels_the_live_subscription),
    UNIT(test_a_plan_is_created_changed_and_archived),
    UNIT(test_a_subscription_comes_with_its_first_invoice),
    UNIT(test_an_invoice_of_nothing_is_paid), UNIT(test_numbers_of_invoices_have_no_gaps),
    UNIT_ROWS(test_cancel, cancel_rows), UNIT(test_ids_are_apart))
