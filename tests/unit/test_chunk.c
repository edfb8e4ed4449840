#include "worker/chunk.h"

#include "tests/unit/worker_world.h"
#include "worker/billing.h"
#include "worker/run_report.h"

/* Over facts in memory: what a transaction makes of it is seen with a database alone
 * (tests/integration/test_due.py). */

#define CLOCK ((struct uuid){{0xc1, 1}})

static struct world world;
static struct err err;

static void
setup(void)
{
	struct customer customer = world_customer(WORLD_CUSTOMER);
	struct plan plan = world_plan(WORLD_PLAN);

	world_open(&world);
	world_organisation(&world);
	world_plan_add(&world, &plan);
	facts_add(world.facts, TABLE_CUSTOMERS, &customer);
}

static size_t
rows(enum table_id table)
{
	return world.facts->lists[table].len;
}

static struct due_item
item_until(const char *until)
{
	return (struct due_item){
	    .organisation_id = WORLD_ORGANISATION,
	    .customer_id = WORLD_CUSTOMER,
	    .horizon = HORIZON_AT(unit_instant(until)),
	    .partition = &world.partitions.items[3],
	};
}

static void
assert_decided(const struct due_item *item)
{
	struct chunk chunk = {.context = &world.context};

	ck_assert_msg(chunk_decide(&chunk, item, &err) == ERR_NONE, "%s", err.text);
}

struct steps_row {
	const char *name;
	const char *until;
	size_t invoices;
	const char *due_at; /* then */
};

static const struct steps_row steps_rows[] = {
    {"a second too early", "2027-01-31T23:59:59Z", 0, "2027-02-01T00:00:00Z"},
    {"at the very second", "2027-02-01T00:00:00Z", 1, "2027-03-01T00:00:00Z"},
    {"a period later, less a second", "2027-02-28T23:59:59Z", 1, "2027-03-01T00:00:00Z"},
    {"three periods behind: an invoice for each", "2027-04-01T12:00:00Z", 3,
	"2027-04-30T23:00:00Z"},
};

START_TEST(test_what_is_due_is_done)
{
	const struct steps_row *row = &steps_rows[_i];
	struct subscription subscription = world_subscription(WORLD_OPERATION);
	struct subscription *stored;
	struct due_item item;

	setup();
	stored = facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
	item = item_until(row->until);
	assert_decided(&item);
	ck_assert_msg(rows(TABLE_INVOICES) == row->invoices, "%s: %zu invoices", row->name,
	    rows(TABLE_INVOICES));
	unit_assert_instant(stored->due_at, row->due_at, row->name);
	for (size_t i = 0; i < row->invoices; i++) {
		const struct invoice *invoice = world_row(&world, TABLE_INVOICES, i);

		ck_assert_int_eq(invoice->sequence, (int64_t)i + 1);
		ck_assert_int_eq(invoice->issued_at.s, invoice->period_start.s);
	}
	ck_assert_int_eq(
	    item.partition->batch_event_number, (int64_t)world.facts->lists[TABLE_OUTBOX].len);
	ck_assert_uint_eq(rows(TABLE_OPERATIONS), 0);
	world_close(&world);
}
END_TEST

/* What is done in one go and in two is the same, to the ids. */
START_TEST(test_when_it_is_done_does_not_matter)
{
	struct subscription subscription = world_subscription(WORLD_OPERATION);
	struct buf once, twice;

	buf_init(&once, WORLD_DUMP_MAX);
	buf_init(&twice, WORLD_DUMP_MAX);
	for (int i = 0; i < 2; i++) {
		struct due_item item;

		setup();
		facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
		item = item_until("2027-02-15T00:00:00Z");
		if (i == 1)
			assert_decided(&item);
		item = item_until("2027-06-15T00:00:00Z");
		assert_decided(&item);
		world_dump(&world, i == 0 ? &once : &twice);
		world_close(&world);
	}
	ck_assert(once.len > 0);
	ck_assert(str_equal(buf_str(&once), buf_str(&twice)));
	buf_release(&once);
	buf_release(&twice);
}
END_TEST

/* Two subscriptions of one customer: by the moment, and the invoices' numbers tell. */
START_TEST(test_in_the_order_of_falling_due)
{
	struct subscription first = world_subscription(WORLD_OPERATION);
	struct subscription second = world_subscription((struct uuid){{0x0b, 2}});
	struct instant before = INSTANT_NONE;
	struct due_item item;

	setup();
	second.current_period_end = second.natural_end = second.due_at =
	    unit_instant("2027-01-20T00:00:00Z");
	second.anchor_at = unit_instant("2026-12-20T00:00:00Z");
	second.current_period_start = second.natural_start = second.anchor_at;
	facts_add(world.facts, TABLE_SUBSCRIPTIONS, &first);
	facts_add(world.facts, TABLE_SUBSCRIPTIONS, &second);
	item = item_until("2027-03-31T00:00:00Z");
	assert_decided(&item);
	ck_assert_uint_eq(rows(TABLE_INVOICES), 5);
	for (size_t i = 0; i < 5; i++) {
		const struct invoice *invoice = world_row(&world, TABLE_INVOICES, i);

		ck_assert(uuid_equal(invoice->subscription_id, i % 2 == 0 ? second.id : first.id));
		ck_assert_int_eq(invoice->sequence, (int64_t)i + 1);
		ck_assert(instant_is_none(before) || before.s < invoice->issued_at.s);
		before = invoice->issued_at;
	}
	world_close(&world);
}
END_TEST

START_TEST(test_no_more_than_a_chunk_at_once)
{
	struct subscription subscription = world_subscription(WORLD_OPERATION);
	struct subscription *stored;
	struct due_item item;

	setup();
	stored = facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
	item = item_until("2040-01-01T00:00:00Z");
	assert_decided(&item);
	ck_assert_uint_eq(rows(TABLE_INVOICES), BILLING_STEPS_MAX);
	unit_assert_instant(stored->due_at, "2035-05-31T23:00:00Z", "100 months later");
	world_close(&world);
}
END_TEST

/* The clock of WORLD_CUSTOMER, on its way. */
static struct test_clock *
clock_on_its_way(const char *target)
{
	struct customer *row = facts_customer(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER);
	struct test_clock clock = world_clock(CLOCK);
	struct customer customer = *row;

	customer.test_clock_id = CLOCK;
	facts_change(world.facts, TABLE_CUSTOMERS, row, &customer);
	clock.status = STR("advancing");
	clock.target_at = unit_instant(target);
	clock.advance_operation_id = WORLD_OPERATION;
	clock.advance_accepted_ms = WORLD_NOW_MS;
	clock.advance_idempotency_key = STR("key");
	clock.advance_actor = STR(WORLD_ACTOR);
	clock.advance_address = STR("192.0.2.1");
	clock.advance_request_id = STR("r");
	return facts_add(world.facts, TABLE_TEST_CLOCKS, &clock);
}

START_TEST(test_a_clock_takes_its_customers_along)
{
	struct subscription subscription = world_subscription(WORLD_OPERATION);
	struct subscription *stored;
	struct due_item item;

	setup();
	clock_on_its_way("2027-03-01T00:00:00Z");
	subscription.test_clock_id = CLOCK;
	stored = facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
	/* What was found earlier does not count, only where the clock goes. */
	item = item_until("2027-12-01T00:00:00Z");
	item.test_clock_id = CLOCK;
	assert_decided(&item);
	ck_assert_uint_eq(rows(TABLE_INVOICES), 2);
	unit_assert_instant(stored->due_at, "2027-03-31T23:00:00Z", "due");
	world_close(&world);
}
END_TEST

START_TEST(test_a_clock_that_arrived_takes_nobody_further)
{
	struct subscription subscription = world_subscription(WORLD_OPERATION);
	struct due_item item;
	struct test_clock clock;

	setup();
	clock = *clock_on_its_way("2027-03-01T00:00:00Z");
	clock.target_at = INSTANT_NONE;
	facts_change(world.facts, TABLE_TEST_CLOCKS,
	    facts_test_clock(world.facts, WORLD_ORGANISATION, CLOCK), &clock);
	subscription.test_clock_id = CLOCK;
	facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
	item = item_until("2027-12-01T00:00:00Z");
	item.test_clock_id = CLOCK;
	assert_decided(&item);
	item.customer_id = UUID_NIL;
	assert_decided(&item);
	ck_assert_uint_eq(rows(TABLE_INVOICES), 0);
	ck_assert_uint_eq(rows(TABLE_OUTBOX), 0);
	ck_assert_uint_eq(rows(TABLE_OPERATIONS), 0);
	world_close(&world);
}
END_TEST

START_TEST(test_a_clock_arrives)
{
	const struct operation *operation;
	const struct test_clock *clock;
	const struct event *event;
	struct due_item item;

	setup();
	clock = clock_on_its_way("2027-03-01T00:00:00Z");
	item = item_until("2027-03-01T00:00:00Z");
	item.test_clock_id = CLOCK;
	item.customer_id = UUID_NIL;
	assert_decided(&item);

	unit_assert_instant(clock->now, "2027-03-01T00:00:00Z", "now");
	unit_assert_str(clock->status, "ready", "status");
	ck_assert(instant_is_none(clock->target_at));
	ck_assert(uuid_is_nil(clock->advance_operation_id));
	ck_assert_int_eq(clock->advance_accepted_ms, 0);
	ck_assert_ptr_null(clock->advance_idempotency_key.ptr);
	ck_assert_ptr_null(clock->advance_actor.ptr);
	ck_assert_ptr_null(clock->advance_address.ptr);
	ck_assert_ptr_null(clock->advance_request_id.ptr);

	operation = world_row(&world, TABLE_OPERATIONS, 0);
	ck_assert(uuid_equal(operation->id, WORLD_OPERATION));
	ck_assert(uuid_equal(operation->resource_id, CLOCK));
	unit_assert_str(operation->command, "advance_test_clock", "command");
	unit_assert_str(operation->status, "succeeded", "status");
	unit_assert_str(operation->resource_type, "test_clock", "type");
	unit_assert_str(operation->idempotency_key, "key", "key");
	unit_assert_str(operation->actor, WORLD_ACTOR, "actor");
	unit_assert_str(operation->address, "192.0.2.1", "address");
	unit_assert_str(operation->request_id, "r", "request");
	ck_assert_int_eq(operation->accepted_at, WORLD_NOW_MS);

	event = world_row(&world, TABLE_OUTBOX, 0);
	unit_assert_str(event->type, "billd.test_clock.advanced.v1", "event");
	ck_assert(uuid_equal(event->operation_id, WORLD_OPERATION));
	ck_assert(uuid_equal(event->subject, CLOCK));
	ck_assert_int_eq(event->occurred_at, WORLD_NOW_MS);
	world_close(&world);
}
END_TEST

START_TEST(test_a_clock_whose_key_another_operation_has)
{
	const struct operation other = {
	    .organisation_id = WORLD_ORGANISATION,
	    .id = {{0x0b, 9}},
	    .idempotency_key = STR("key"),
	};
	const struct operation *operation;
	struct due_item item;

	setup();
	facts_add(world.facts, TABLE_OPERATIONS, &other);
	clock_on_its_way("2027-03-01T00:00:00Z");
	item = item_until("2027-03-01T00:00:00Z");
	item.test_clock_id = CLOCK;
	item.customer_id = UUID_NIL;
	assert_decided(&item);
	operation = world_row(&world, TABLE_OPERATIONS, 1);
	ck_assert_ptr_null(operation->idempotency_key.ptr);
	world_close(&world);
}
END_TEST

START_TEST(test_parking_takes_what_is_due_alone)
{
	struct subscription due = world_subscription(WORLD_OPERATION);
	struct subscription later = world_subscription((struct uuid){{0x0b, 2}});
	struct chunk chunk = {.context = &world.context};
	struct subscription *due_row, *later_row;
	struct due_item item;

	setup();
	later.due_at = unit_instant("2027-02-01T00:00:01Z");
	due_row = facts_add(world.facts, TABLE_SUBSCRIPTIONS, &due);
	later_row = facts_add(world.facts, TABLE_SUBSCRIPTIONS, &later);
	item = item_until("2027-02-01T00:00:00Z");
	chunk_park(&chunk, &item);
	ck_assert(instant_is_none(due_row->due_at));
	unit_assert_str(due_row->billing_problem, "dead-letter", "problem");
	unit_assert_instant(later_row->due_at, "2027-02-01T00:00:01Z", "later");
	ck_assert_ptr_null(later_row->billing_problem.ptr);
	ck_assert_uint_eq(rows(TABLE_OUTBOX), 1);
	unit_assert_str(((const struct event *)world_row(&world, TABLE_OUTBOX, 0))->type,
	    "billd.subscription.parked.v1", "event");
	ck_assert_uint_eq(rows(TABLE_INVOICES), 0);
	world_close(&world);
}
END_TEST

START_TEST(test_a_zone_that_nobody_knows_parks_one_alone)
{
	struct subscription subscription = world_subscription(WORLD_OPERATION);
	struct subscription other = world_subscription((struct uuid){{0x0b, 2}});
	const struct subscription *parked, *billed;
	struct due_item item;

	setup();
	subscription.timezone = STR("Europe/Atlantis");
	parked = facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
	billed = facts_add(world.facts, TABLE_SUBSCRIPTIONS, &other);
	item = item_until("2027-02-01T00:00:00Z");
	assert_decided(&item);
	unit_assert_str(parked->billing_problem, "dead-letter", "parked");
	ck_assert(instant_is_none(parked->due_at));
	ck_assert_ptr_null(billed->billing_problem.ptr);
	unit_assert_instant(billed->due_at, "2027-03-01T00:00:00Z", "billed");
	ck_assert_uint_eq(rows(TABLE_INVOICES), 1);
	world_close(&world);
}
END_TEST

START_TEST(test_what_is_asked_for)
{
	static struct due_items found = {
	    .subscriptions_len = 3,
	    .subscription_ids = {{{0x5b, 1}}, {{0x5b, 2}}, {{0x5b, 3}}},
	};
	struct due_item customer, clock;

	setup();
	customer = clock = item_until("2027-02-01T00:00:00Z");
	customer.first = 1;
	customer.len = 2;
	clock.customer_id = UUID_NIL;
	clock.test_clock_id = CLOCK;
	chunk_refer(world.facts, &found, &customer);
	ck_assert_uint_eq(world.facts->needs[NEED_ORGANISATION].len, 1);
	ck_assert_uint_eq(world.facts->needs[NEED_CUSTOMER].len, 1);
	ck_assert_uint_eq(world.facts->needs[NEED_SUBSCRIPTION].len, 2);
	ck_assert(
	    uuid_equal(world.facts->needs[NEED_SUBSCRIPTION].ids[0], found.subscription_ids[1]));
	ck_assert_uint_eq(world.facts->needs[NEED_LIVE_SUBSCRIPTION].len, 0);
	ck_assert_uint_eq(world.facts->needs[NEED_TEST_CLOCK].len, 0);
	chunk_refer(world.facts, &found, &clock);
	ck_assert_uint_eq(world.facts->needs[NEED_ORGANISATION].len, 1);
	ck_assert_uint_eq(world.facts->needs[NEED_CUSTOMER].len, 1);
	ck_assert_uint_eq(world.facts->needs[NEED_TEST_CLOCK].len, 1);
	world_close(&world);
}
END_TEST

/* ---- How far behind a run lets one be. */

/* A subscription on a plan of a year, in its first, of which all is still to be earned. */
static struct subscription *
yearly_add(void)
{
	struct subscription yearly = world_subscription(WORLD_OPERATION);
	struct plan plan = world_plan(WORLD_OTHER_PLAN);

	plan.interval = STR("year");
	world_plan_add(&world, &plan);
	yearly.plan_id = yearly.plan_version_id = plan.id;
	yearly.current_period_end = yearly.natural_end = yearly.deferred_until =
	    unit_instant("2028-01-01T00:00:00Z");
	yearly.deferred_from = yearly.current_period_start;
	yearly.deferred = plan.amount;
	yearly.due_at = subscription_due_at(&yearly);
	return facts_add(world.facts, TABLE_SUBSCRIPTIONS, &yearly);
}

struct behind_row {
	const char *name;
	const char *as_of;
	int64_t invoices_max;
	size_t invoices;
	size_t failures;
};

static const struct behind_row behind_rows[] = {
    {"parts of the year are earned: no invoice", "2027-12-31T23:59:59Z", 1, 0, 0},
    {"and it begins anew: one", "2028-01-01T00:00:00Z", 1, 1, 0},
    {"two are too many", "2029-01-01T00:00:00Z", 1, 0, 1},
    {"two are not", "2029-01-01T00:00:00Z", 2, 2, 0},
};

START_TEST(test_a_run_counts_invoices)
{
	const struct behind_row *row = &behind_rows[_i];
	static struct due_items found;
	struct run_report report = {.first_due_at = INSTANT_NONE};
	struct run_part part = {.invoices_max = row->invoices_max};
	struct chunk chunk = {
	    .context = &world.context, .found = &found, .part = &part, .report = &report};
	struct due_item item;

	setup();
	part.as_of = unit_instant(row->as_of);
	report.part = &part;
	item = item_until(row->as_of);
	item.len = 1;
	found.subscription_ids[0] = yearly_add()->id;
	ck_assert_msg(chunk_decide(&chunk, &item, &err) == ERR_NONE, "%s", err.text);
	ck_assert_msg(rows(TABLE_INVOICES) == row->invoices, "%s: %zu invoices", row->name,
	    rows(TABLE_INVOICES));
	ck_assert_msg(report.failures_len == row->failures, "%s: %zu failures", row->name,
	    report.failures_len);
	world_close(&world);
}
END_TEST

/* What comes to no end is too far behind, though it bills nothing. */
START_TEST(test_a_run_counts_so_many_steps)
{
	static struct due_items found;
	struct run_report report = {.first_due_at = INSTANT_NONE};
	struct run_part part = {.invoices_max = 1, .as_of = {INSTANT_MAX_S}};
	struct chunk chunk = {
	    .context = &world.context, .found = &found, .part = &part, .report = &report};
	struct subscription *row, endless;
	struct due_item item;

	setup();
	report.part = &part;
	row = yearly_add();
	endless = *row;
	endless.current_period_start = endless.natural_start = endless.deferred_from =
	    (struct instant){0};
	endless.current_period_end = endless.natural_end = endless.deferred_until =
	    (struct instant){INSTANT_MAX_S};
	endless.deferred = INSTANT_MAX_S;
	endless.due_at = subscription_due_at(&endless);
	facts_change(world.facts, TABLE_SUBSCRIPTIONS, row, &endless);
	item = item_until("2028-01-01T00:00:00Z");
	item.len = 1;
	found.subscription_ids[0] = row->id;
	ck_assert_msg(chunk_decide(&chunk, &item, &err) == ERR_NONE, "%s", err.text);
	ck_assert_uint_eq(rows(TABLE_OUTBOX), 0);
	ck_assert_uint_eq(report.failures_len, 1);
	unit_assert_str(report.failures[0].reason, "billing-behind", "reason");
	world_close(&world);
}
END_TEST

/* What is due at the very horizon is done up to the subscription that it names. */
START_TEST(test_a_horizon_ends_with_a_subscription)
{
	struct subscription one = world_subscription(WORLD_OPERATION);
	struct subscription other = world_subscription((struct uuid){{0x0b, 2}});
	const struct subscription *first, *second;
	struct due_item item;

	setup();
	first = facts_add(world.facts, TABLE_SUBSCRIPTIONS, &one);
	second = facts_add(world.facts, TABLE_SUBSCRIPTIONS, &other);
	if (uuid_compare(first->id, second->id) > 0) {
		const struct subscription *lower = second;

		second = first;
		first = lower;
	}
	item = item_until("2027-02-01T00:00:00Z");
	item.horizon.id = first->id;
	assert_decided(&item);
	unit_assert_instant(first->due_at, "2027-03-01T00:00:00Z", "first");
	unit_assert_instant(second->due_at, "2027-02-01T00:00:00Z", "second");
	world_close(&world);
}
END_TEST

static struct due_row
row_of(uint8_t customer, uint8_t subscription, int64_t due_at_s)
{
	return (struct due_row){
	    .organisation_id = WORLD_ORGANISATION,
	    .customer_id = {{0xcc, customer}},
	    .subscription_id = {{0x5b, subscription}},
	    .due_at = {due_at_s},
	    .horizon = HORIZON_AT(((struct instant){100})),
	    .partition = &world.partitions.items[3],
	};
}

START_TEST(test_rows_of_one_customer_come_together)
{
	static struct due_items items;
	struct due_row rows[] = {row_of(1, 1, 10), row_of(2, 2, 20), row_of(1, 3, 30),
	    row_of(3, 4, 40), row_of(2, 5, 50), row_of(1, 6, 60), row_of(0, 0, 0)};
	const uint8_t expected[] = {1, 3, 6, 2, 5, 4};

	/* And a clock that arrives. */
	rows[6].customer_id = rows[6].subscription_id = UUID_NIL;
	rows[6].test_clock_id = CLOCK;
	items.len = items.subscriptions_len = 0;
	chunk_items_take(&items, rows, ARRAY_LEN(rows));
	ck_assert_uint_eq(items.len, 4);
	ck_assert_uint_eq(items.subscriptions_len, ARRAY_LEN(expected));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		ck_assert_uint_eq(items.subscription_ids[i].b[1], expected[i]);
	for (size_t i = 0, first = 0; i < 4; i++) {
		ck_assert_uint_eq(items.items[i].first, first);
		ck_assert_uint_eq(items.items[i].len, 3 - i);
		first += 3 - i;
	}
	ck_assert_int_eq(items.items[1].due_at.s, 20);
	ck_assert(uuid_equal(items.items[3].test_clock_id, CLOCK));
	/* More of them, behind those. */
	chunk_items_take(&items, rows, 2);
	ck_assert_uint_eq(items.len, 6);
	ck_assert_uint_eq(items.items[5].first, 7);
	ck_assert_uint_eq(items.subscriptions_len, 8);
}
END_TEST

UNIT_MAIN("chunk", UNIT_ROWS(test_what_is_due_is_done, steps_rows),
    UNIT(test_when_it_is_done_does_not_matter), UNIT(test_in_the_order_of_falling_due),
    UNIT(test_no_more_than_a_chunk_at_once), UNIT(test_a_clock_takes_its_customers_along),
    UNIT(test_a_clock_that_arrived_takes_nobody_further), UNIT(test_a_clock_arrives),
    UNIT(test_a_clock_whose_key_another_operation_has), UNIT(test_parking_takes_what_is_due_alone),
    UNIT(test_a_zone_that_nobody_knows_parks_one_alone), UNIT(test_what_is_asked_for),
    UNIT_ROWS(test_a_run_counts_invoices, behind_rows), UNIT(test_a_run_counts_so_many_steps),
    UNIT(test_a_horizon_ends_with_a_subscription), UNIT(test_rows_of_one_customer_come_together))
