#include "worker/handler.h"

#include "tests/unit/worker_hand.h"

/* What accepted commands change, alone and after one another in one batch.  What they refuse is
 * test_handlers.c's. */

static struct hand hand;

START_TEST(test_a_customer_takes_what_the_organisation_has)
{
	struct create_customer create = {.name = STR("Bob")};
	const struct customer *row;
	char prefix[ID_NUMBER_PREFIX_SIZE];

	hand_open(&hand);
	hand_do(&hand, COMMAND_CREATE_CUSTOMER, &create);
	row = facts_customer(hand.world.facts, WORLD_ORGANISATION, hand.resource_id);
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
	hand_assert_events(&hand, "customer.created");
	hand_close(&hand);
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

	hand_open(&hand);
	hand_do(&hand, COMMAND_CREATE_CUSTOMER, &create);
	row = facts_customer_by_external_id(hand.world.facts, WORLD_ORGANISATION, STR("bob-1"));
	ck_assert_ptr_nonnull(row);
	ck_assert_str_eq(row->currency.code, "JPY");
	unit_assert_str(row->timezone, "Asia/Tokyo", "timezone");
	unit_assert_str(row->country, "JP", "country");
	unit_assert_str(row->email, "bob@example.com", "email");
	/* The next command of the batch sees it. */
	ck_assert_int_eq(
	    hand_decide(&hand, COMMAND_CREATE_CUSTOMER, &create), REFUSAL_EXTERNAL_ID_TAKEN);
	ck_assert_ptr_nonnull(strstr(hand.decision.detail, "bob-1"));
	hand_assert_events(&hand, "customer.created");
	hand_close(&hand);
}
END_TEST

START_TEST(test_an_update_changes_what_it_names)
{
	struct update_customer update = {.customer_id = WORLD_CUSTOMER, .name = STR("Grace")};
	struct update_customer clear = {
	    .customer_id = WORLD_CUSTOMER, .email = STR(""), .external_id = STR("")};

	hand_open(&hand);
	hand_do(&hand, COMMAND_UPDATE_CUSTOMER, &update);
	unit_assert_str(hand_customer(&hand)->name, "Grace", "name");
	unit_assert_str(hand_customer(&hand)->email, "ada@example.com", "email");
	unit_assert_str(hand_customer(&hand)->external_id, "own", "external_id");
	unit_assert_instant(hand_customer(&hand)->updated_at, WORLD_NOW, "updated_at");
	unit_assert_instant(hand_customer(&hand)->latest_at, WORLD_NOW, "latest_at");
	unit_assert_instant(hand_customer(&hand)->created_at, "2026-12-01T00:00:00Z", "created_at");

	/* An empty text takes away, none leaves as it is. */
	hand_do(&hand, COMMAND_UPDATE_CUSTOMER, &clear);
	unit_assert_str(hand_customer(&hand)->name, "Grace", "name");
	unit_assert_str(hand_customer(&hand)->email, NULL, "email");
	unit_assert_str(hand_customer(&hand)->external_id, NULL, "external_id");
	ck_assert_ptr_null(
	    facts_customer_by_external_id(hand.world.facts, WORLD_ORGANISATION, STR("own")));
	hand_assert_events(&hand, "customer.updated customer.updated");
	hand_close(&hand);
}
END_TEST

START_TEST(test_a_customer_keeps_its_own_external_id)
{
	struct update_customer update = {.customer_id = WORLD_CUSTOMER, .external_id = STR("own")};

	hand_open(&hand);
	hand_do(&hand, COMMAND_UPDATE_CUSTOMER, &update);
	unit_assert_str(hand_customer(&hand)->external_id, "own", "external_id");
	hand_close(&hand);
}
END_TEST

/* Two ingresses' clocks differ: the second command seems to be older than the first. */
START_TEST(test_time_never_runs_backwards_for_a_customer)
{
	struct update_customer first = {.customer_id = WORLD_CUSTOMER, .name = STR("first")};
	struct update_customer second = {.customer_id = WORLD_CUSTOMER, .name = STR("second")};
	struct create_subscription create = hand_subscription(WORLD_PLAN);
	const struct subscription *subscription;

	hand_open(&hand);
	hand.now_ms = WORLD_NOW_MS + 5000;
	hand_do(&hand, COMMAND_UPDATE_CUSTOMER, &first);
	hand.now_ms = WORLD_NOW_MS;
	hand_do(&hand, COMMAND_UPDATE_CUSTOMER, &second);
	unit_assert_str(hand_customer(&hand)->name, "second", "name");
	unit_assert_instant(hand_customer(&hand)->latest_at, "2027-01-31T09:30:05Z", "latest_at");
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	subscription = world_row(&hand.world, TABLE_SUBSCRIPTIONS, 0);
	unit_assert_instant(subscription->started_at, "2027-01-31T09:30:05Z", "started_at");
	/* What its lists go by is when it was asked for. */
	ck_assert_int_eq(subscription->created_ms, WORLD_NOW_MS);
	hand_close(&hand);
}
END_TEST

START_TEST(test_archiving_cancels_the_live_subscription)
{
	struct create_subscription create = hand_subscription(WORLD_PLAN);
	struct archive_customer archive = {.customer_id = WORLD_CUSTOMER};
	const struct subscription *subscription;

	hand_open(&hand);
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	hand_do(&hand, COMMAND_ARCHIVE_CUSTOMER, &archive);
	subscription = world_row(&hand.world, TABLE_SUBSCRIPTIONS, 0);
	unit_assert_str(subscription->status, "canceled", "status");
	unit_assert_instant(subscription->ended_at, WORLD_NOW, "ended_at");
	unit_assert_instant(hand_customer(&hand)->archived_at, WORLD_NOW, "archived_at");
	ck_assert_ptr_null(
	    facts_customer_by_external_id(hand.world.facts, WORLD_ORGANISATION, STR("own")));
	hand_assert_events(
	    &hand, "subscription.created invoice.issued subscription.canceled customer.archived");
	hand_close(&hand);
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
	struct update_plan update = {.name = STR("Professional"),
	    .interval_count = INT64_MIN,
	    .trial_days = INT64_MIN,
	    .amount = AMOUNT_NONE};
	struct archive_plan archive;
	const struct plan *row;

	hand_open(&hand);
	hand_do(&hand, COMMAND_CREATE_PLAN, &create);
	row = facts_plan_by_code(hand.world.facts, WORLD_ORGANISATION, STR("pro"));
	ck_assert_ptr_nonnull(row);
	ck_assert(uuid_equal(row->id, hand.resource_id));
	ck_assert_int_eq(row->amount, 4900);
	ck_assert_int_eq(row->interval_count, 30);
	ck_assert_str_eq(row->currency.code, "USD");
	update.plan_id = row->id;
	hand_do(&hand, COMMAND_UPDATE_PLAN, &update);
	unit_assert_str(row->name, "Professional", "name");
	ck_assert_uint_eq(row->metadata.len, 1);
	ck_assert_int_eq(row->amount, 4900);
	archive = (struct archive_plan){.plan_id = row->id};
	hand_do(&hand, COMMAND_ARCHIVE_PLAN, &archive);
	unit_assert_instant(row->archived_at, WORLD_NOW, "archived_at");
	/* The code is free again. */
	hand_do(&hand, COMMAND_CREATE_PLAN, &create);
	ck_assert_uint_eq(hand.world.facts->lists[TABLE_PLANS].len, 3);
	hand_assert_events(&hand, "plan.created plan.updated plan.archived plan.created");
	hand_close(&hand);
}
END_TEST

START_TEST(test_a_subscription_comes_with_its_first_invoice)
{
	struct create_subscription create = hand_subscription(WORLD_PLAN);
	const struct subscription *subscription;
	const struct invoice *invoice;
	const struct invoice_line *line;
	int32_t shard = id_shard_of_key(WORLD_CUSTOMER);

	hand_open(&hand);
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	subscription = world_row(&hand.world, TABLE_SUBSCRIPTIONS, 0);
	invoice = world_row(&hand.world, TABLE_INVOICES, 0);
	line = world_row(&hand.world, TABLE_INVOICE_LINES, 0);

	ck_assert(uuid_equal(subscription->id, hand.resource_id));
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
	ck_assert_uint_eq(hand.world.facts->lists[TABLE_INVOICE_LINES].len, 1);
	ck_assert(uuid_equal(line->invoice_id, invoice->id));
	ck_assert_int_eq(id_shard(line->id), shard);
	ck_assert_int_eq(line->amount, 2900);
	ck_assert_int_eq(line->position, 1);
	unit_assert_instant(line->period_end, "2027-02-28T09:30:00Z", "line's period end");
	ck_assert_int_eq(hand_customer(&hand)->invoice_count, 1);
	hand_assert_events(&hand, "subscription.created invoice.issued");
	hand_close(&hand);
}
END_TEST

START_TEST(test_an_invoice_of_nothing_is_paid)
{
	struct create_subscription create = hand_subscription(UUID_NIL);
	struct plan free_plan = world_plan(WORLD_OTHER_PLAN);
	struct charge free_charge = world_charges[0];
	const struct invoice *invoice;

	hand_open(&hand);
	create.plan_code = STR("free");
	free_plan.code = STR("free");
	free_charge.amount = 0;
	free_plan.charges = &free_charge;
	world_plan_add(&hand.world, &free_plan);
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	invoice = world_row(&hand.world, TABLE_INVOICES, 0);
	unit_assert_str(invoice->status, "paid", "status");
	unit_assert_instant(invoice->paid_at, WORLD_NOW, "paid_at");
	hand_assert_events(&hand, "subscription.created invoice.issued invoice.paid");
	hand_close(&hand);
}
END_TEST

START_TEST(test_numbers_of_invoices_have_no_gaps)
{
	char expected[INVOICE_NUMBER_SIZE];

	hand_open(&hand);
	for (int i = 1; i <= 12; i++) {
		struct create_subscription create = hand_subscription(WORLD_PLAN);
		struct cancel_subscription cancel = {.effective = STR("now")};
		const struct invoice *invoice;

		hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
		invoice = world_row(&hand.world, TABLE_INVOICES, (size_t)i - 1);
		snprintf(expected, sizeof(expected), "ABCDEF123456-%04d", i);
		unit_assert_str(invoice->number, expected, "number");
		ck_assert_int_eq(invoice->sequence, i);
		/* A refused one takes no number. */
		cancel.subscription_id = hand.resource_id;
		ck_assert_int_eq(hand_decide(&hand, COMMAND_CREATE_SUBSCRIPTION, &create),
		    REFUSAL_SUBSCRIPTION_LIVE_EXISTS);
		hand_do(&hand, COMMAND_CANCEL_SUBSCRIPTION, &cancel);
	}
	ck_assert_int_eq(hand_customer(&hand)->invoice_count, 12);
	hand_close(&hand);
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
	struct create_subscription create = hand_subscription(WORLD_PLAN);
	struct cancel_subscription cancel = {.effective = str_from(row->effective)};
	const struct subscription *subscription;

	hand_open(&hand);
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	cancel.subscription_id = hand.resource_id;
	hand_do(&hand, COMMAND_CANCEL_SUBSCRIPTION, &cancel);
	subscription = world_row(&hand.world, TABLE_SUBSCRIPTIONS, 0);
	unit_assert_str(subscription->status, row->status, row->effective);
	ck_assert_msg(
	    subscription->cancel_at_period_end == row->at_period_end, "%s", row->effective);
	unit_assert_instant(subscription->canceled_at, WORLD_NOW, row->effective);
	unit_assert_instant(subscription->ended_at, row->ended_at, row->effective);
	hand_assert_events(&hand, row->events);
	hand_close(&hand);
}
END_TEST

/* All ids that one command makes differ, and so do those of two commands. */
START_TEST(test_ids_are_apart)
{
	struct create_subscription create = hand_subscription(WORLD_PLAN);
	const struct subscription *subscription;
	const struct invoice *invoice;
	const struct invoice_line *line;
	const struct event *first, *second;
	struct uuid ids[5];

	hand_open(&hand);
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	subscription = world_row(&hand.world, TABLE_SUBSCRIPTIONS, 0);
	invoice = world_row(&hand.world, TABLE_INVOICES, 0);
	line = world_row(&hand.world, TABLE_INVOICE_LINES, 0);
	first = world_row(&hand.world, TABLE_OUTBOX, 0);
	second = world_row(&hand.world, TABLE_OUTBOX, 1);
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
	hand_close(&hand);
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
