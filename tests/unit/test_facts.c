#include "worker/facts.h"

#include "tests/unit/worker_world.h"

/* Facts in memory: what loading and storing do is seen with a database alone
 * (tests/integration). */

static struct world world;

static void
setup(void)
{
	world_open(&world);
}

static struct customer *
customer_add(struct uuid id, const char *external_id)
{
	struct customer customer = world_customer(id);

	customer.external_id = str_from(external_id);
	return facts_add(world.facts, TABLE_CUSTOMERS, &customer);
}

/* One change of a customer's external_id, or its archiving, at a time. */
static void
customer_rename(struct customer *row, const char *external_id, bool archived)
{
	struct customer customer = *row;

	customer.external_id = str_from(external_id);
	customer.archived_at = archived ? unit_instant("2027-01-01T00:00:00Z") : INSTANT_NONE;
	facts_change(world.facts, TABLE_CUSTOMERS, row, &customer);
}

static const struct customer *
holder(const char *external_id)
{
	return facts_customer_by_external_id(
	    world.facts, WORLD_ORGANISATION, str_from(external_id));
}

START_TEST(test_nothing_is_found_in_nothing)
{
	setup();
	ck_assert_ptr_null(facts_organisation(world.facts, WORLD_ORGANISATION));
	ck_assert_ptr_null(facts_operation(world.facts, WORLD_ORGANISATION, WORLD_OPERATION));
	ck_assert_ptr_null(facts_operation_by_key(world.facts, WORLD_ORGANISATION, STR("k")));
	ck_assert_ptr_null(facts_customer(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER));
	ck_assert_ptr_null(holder("x"));
	ck_assert_ptr_null(facts_plan(world.facts, WORLD_ORGANISATION, WORLD_PLAN));
	ck_assert_ptr_null(facts_plan_by_code(world.facts, WORLD_ORGANISATION, STR("basic")));
	ck_assert_ptr_null(facts_subscription(world.facts, WORLD_ORGANISATION, UUID_NIL));
	ck_assert_ptr_null(facts_plan_version(world.facts, WORLD_ORGANISATION, WORLD_PLAN));
	ck_assert_ptr_null(facts_test_clock(world.facts, WORLD_ORGANISATION, WORLD_PLAN));
	ck_assert_ptr_null(facts_quantity(world.facts, WORLD_ORGANISATION, WORLD_PLAN));
	ck_assert_ptr_null(
	    facts_live_subscription(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER));
	world_close(&world);
}
END_TEST

START_TEST(test_a_row_is_found_in_its_organisation_alone)
{
	struct uuid stranger = {{0x0c}};
	const struct operation operation = {.organisation_id = WORLD_ORGANISATION,
	    .id = WORLD_OPERATION,
	    .idempotency_key = STR("k")};
	struct plan plan = world_plan(WORLD_PLAN);
	struct subscription subscription = world_subscription(WORLD_OPERATION);
	void *customer_row, *plan_row, *subscription_row, *operation_row;

	setup();
	customer_row = customer_add(WORLD_CUSTOMER, "x");
	plan_row = facts_add(world.facts, TABLE_PLANS, &plan);
	subscription_row = facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
	operation_row = facts_add(world.facts, TABLE_OPERATIONS, &operation);

	ck_assert_ptr_eq(
	    facts_customer(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER), customer_row);
	ck_assert_ptr_eq(holder("x"), customer_row);
	ck_assert_ptr_eq(facts_plan(world.facts, WORLD_ORGANISATION, WORLD_PLAN), plan_row);
	ck_assert_ptr_eq(
	    facts_plan_by_code(world.facts, WORLD_ORGANISATION, STR("basic")), plan_row);
	ck_assert_ptr_eq(
	    facts_subscription(world.facts, WORLD_ORGANISATION, subscription.id), subscription_row);
	ck_assert_ptr_eq(facts_live_subscription(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER),
	    subscription_row);
	ck_assert_ptr_eq(
	    facts_operation(world.facts, WORLD_ORGANISATION, WORLD_OPERATION), operation_row);
	ck_assert_ptr_eq(
	    facts_operation_by_key(world.facts, WORLD_ORGANISATION, STR("k")), operation_row);

	ck_assert_ptr_null(facts_customer(world.facts, stranger, WORLD_CUSTOMER));
	ck_assert_ptr_null(facts_customer_by_external_id(world.facts, stranger, STR("x")));
	ck_assert_ptr_null(facts_plan(world.facts, stranger, WORLD_PLAN));
	ck_assert_ptr_null(facts_plan_by_code(world.facts, stranger, STR("basic")));
	ck_assert_ptr_null(facts_subscription(world.facts, stranger, subscription.id));
	ck_assert_ptr_null(facts_live_subscription(world.facts, stranger, WORLD_CUSTOMER));
	ck_assert_ptr_null(facts_operation(world.facts, stranger, WORLD_OPERATION));
	ck_assert_ptr_null(facts_operation_by_key(world.facts, stranger, STR("k")));
	world_close(&world);
}
END_TEST

START_TEST(test_adding_copies)
{
	struct plan plan = world_plan(WORLD_PLAN);
	const struct plan *row;

	setup();
	row = facts_add(world.facts, TABLE_PLANS, &plan);
	ck_assert_ptr_ne(row, &plan);
	plan.amount = 1;
	ck_assert_int_eq(row->amount, 2900);
	world_close(&world);
}
END_TEST

START_TEST(test_a_changed_row_stays_in_its_place)
{
	struct customer *row, customer;

	setup();
	row = customer_add(WORLD_CUSTOMER, NULL);
	customer = *row;
	customer.name = STR("Grace");
	facts_change(world.facts, TABLE_CUSTOMERS, row, &customer);
	ck_assert_ptr_eq(facts_customer(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER), row);
	unit_assert_str(row->name, "Grace", "name");
	ck_assert_uint_eq(world.facts->lists[TABLE_CUSTOMERS].len, 1);
	world_close(&world);
}
END_TEST

START_TEST(test_an_external_id_moves_within_a_batch)
{
	struct customer *first, *second;

	setup();
	first = customer_add(WORLD_CUSTOMER, "x");
	second = customer_add(WORLD_OTHER_CUSTOMER, NULL);
	ck_assert_ptr_eq(holder("x"), first);
	/* The first gives it away, the second takes it. */
	customer_rename(first, "y", false);
	ck_assert_ptr_null(holder("x"));
	ck_assert_ptr_eq(holder("y"), first);
	customer_rename(second, "x", false);
	ck_assert_ptr_eq(holder("x"), second);
	/* And they exchange them. */
	customer_rename(second, NULL, false);
	ck_assert_ptr_null(holder("x"));
	customer_rename(first, "x", false);
	ck_assert_ptr_eq(holder("x"), first);
	ck_assert_ptr_null(holder("y"));
	customer_rename(second, "y", false);
	ck_assert_ptr_eq(holder("y"), second);
	/* Another change of its holder leaves it where it is. */
	customer_rename(first, "x", false);
	ck_assert_ptr_eq(holder("x"), first);
	world_close(&world);
}
END_TEST

START_TEST(test_an_archived_customer_frees_its_external_id)
{
	struct customer *first, *second;

	setup();
	first = customer_add(WORLD_CUSTOMER, "x");
	customer_rename(first, "x", true);
	ck_assert_ptr_null(holder("x"));
	ck_assert_ptr_eq(facts_customer(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER), first);
	second = customer_add(WORLD_OTHER_CUSTOMER, "x");
	ck_assert_ptr_eq(holder("x"), second);
	/* The archived one, touched again, does not come back under it. */
	customer_rename(first, "x", true);
	ck_assert_ptr_eq(holder("x"), second);
	world_close(&world);
}
END_TEST

START_TEST(test_an_archived_plan_frees_its_code)
{
	struct plan first = world_plan(WORLD_PLAN);
	struct plan second = world_plan(WORLD_OTHER_PLAN);
	void *first_row, *second_row;

	setup();
	first_row = facts_add(world.facts, TABLE_PLANS, &first);
	first.archived_at = unit_instant("2027-01-01T00:00:00Z");
	facts_change(world.facts, TABLE_PLANS, first_row, &first);
	ck_assert_ptr_null(facts_plan_by_code(world.facts, WORLD_ORGANISATION, STR("basic")));
	ck_assert_ptr_eq(facts_plan(world.facts, WORLD_ORGANISATION, WORLD_PLAN), first_row);
	second_row = facts_add(world.facts, TABLE_PLANS, &second);
	facts_change(world.facts, TABLE_PLANS, first_row, &first);
	ck_assert_ptr_eq(
	    facts_plan_by_code(world.facts, WORLD_ORGANISATION, STR("basic")), second_row);
	world_close(&world);
}
END_TEST

struct status_row {
	const char *status;
	bool live;
};

static const struct status_row status_rows[] = {
    {"scheduled", true},
    {"trialing", true},
    {"active", true},
    {"past_due", true},
    {"paused", true},
    {"canceled", false},
    {"expired", false},
};

START_TEST(test_which_subscription_is_live)
{
	const struct status_row *row = &status_rows[_i];
	struct subscription subscription = world_subscription(WORLD_OPERATION);
	void *found;

	setup();
	subscription.status = str_from(row->status);
	facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
	found = facts_live_subscription(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER);
	ck_assert_msg((found != NULL) == row->live, "%s", row->status);
	ck_assert_ptr_nonnull(facts_subscription(world.facts, WORLD_ORGANISATION, subscription.id));
	world_close(&world);
}
END_TEST

START_TEST(test_a_new_subscription_after_a_canceled_one)
{
	struct subscription first = world_subscription(WORLD_OPERATION);
	struct subscription second = world_subscription((struct uuid){{0x0b, 2}});
	struct subscription *first_row, *second_row;

	setup();
	first_row = facts_add(world.facts, TABLE_SUBSCRIPTIONS, &first);
	first.status = STR("canceled");
	facts_change(world.facts, TABLE_SUBSCRIPTIONS, first_row, &first);
	ck_assert_ptr_null(
	    facts_live_subscription(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER));
	second_row = facts_add(world.facts, TABLE_SUBSCRIPTIONS, &second);
	facts_change(world.facts, TABLE_SUBSCRIPTIONS, first_row, &first);
	ck_assert_ptr_eq(
	    facts_live_subscription(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER), second_row);
	world_close(&world);
}
END_TEST

/* Subscriptions of WORLD_CUSTOMER by number, which fall due then. */
static struct subscription *
due_add(uint8_t number, const char *due_at)
{
	struct subscription subscription = world_subscription(WORLD_OPERATION);

	subscription.id = (struct uuid){{0x5b, number}};
	subscription.due_at = due_at == NULL ? INSTANT_NONE : unit_instant(due_at);
	return facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
}

static const struct subscription *
next_due(const char *until)
{
	return facts_next_due(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER, unit_instant(until));
}

START_TEST(test_what_falls_due_next)
{
	struct subscription *never, *late, *early_b, *early_a, moved;

	setup();
	ck_assert_ptr_null(next_due("2199-01-01T00:00:00Z"));
	never = due_add(1, NULL);
	late = due_add(2, "2027-03-01T00:00:00Z");
	early_b = due_add(4, "2027-02-01T00:00:00Z");
	early_a = due_add(3, "2027-02-01T00:00:00Z");
	ck_assert_ptr_null(next_due("2027-01-31T23:59:59Z"));
	ck_assert_ptr_eq(next_due("2027-02-01T00:00:00Z"), early_a);
	ck_assert_ptr_eq(next_due("2199-01-01T00:00:00Z"), early_a);
	/* As it moves on, the others have their turns. */
	moved = *early_a;
	moved.due_at = unit_instant("2027-03-01T00:00:00Z");
	facts_change(world.facts, TABLE_SUBSCRIPTIONS, early_a, &moved);
	ck_assert_ptr_eq(next_due("2027-03-01T00:00:00Z"), early_b);
	moved = *early_b;
	moved.due_at = INSTANT_NONE;
	facts_change(world.facts, TABLE_SUBSCRIPTIONS, early_b, &moved);
	ck_assert_ptr_eq(next_due("2027-03-01T00:00:00Z"), late);
	ck_assert_ptr_null(next_due("2027-02-28T00:00:00Z"));
	ck_assert_ptr_nonnull(never);
	world_close(&world);
}
END_TEST

START_TEST(test_a_customers_subscriptions)
{
	struct subscription *const *rows;
	struct subscription *first, *second, same, other = world_subscription(WORLD_OPERATION);
	size_t len = 99;

	setup();
	ck_assert_ptr_null(
	    facts_subscriptions_of(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER, &len));
	ck_assert_uint_eq(len, 0);
	first = due_add(2, "2027-02-01T00:00:00Z");
	other.customer_id = WORLD_OTHER_CUSTOMER;
	facts_add(world.facts, TABLE_SUBSCRIPTIONS, &other);
	second = due_add(1, NULL);
	/* A change adds nothing. */
	same = *first;
	facts_change(world.facts, TABLE_SUBSCRIPTIONS, first, &same);
	rows = facts_subscriptions_of(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER, &len);
	ck_assert_uint_eq(len, 2);
	ck_assert_ptr_eq(rows[0], first);
	ck_assert_ptr_eq(rows[1], second);
	world_close(&world);
}
END_TEST

static struct quantity *
quantity_add(uint8_t number, struct uuid subscription_id, const char *period_start)
{
	const struct quantity quantity = {
	    .organisation_id = WORLD_ORGANISATION,
	    .id = {{0x9a, number}},
	    .subscription_id = subscription_id,
	    .charge_code = STR("calls"),
	    .period_start = unit_instant(period_start),
	};

	return facts_add(world.facts, TABLE_QUANTITIES, &quantity);
}

START_TEST(test_quantities_of_the_current_period)
{
	struct subscription subscription = world_subscription(WORLD_OPERATION);
	struct quantity *now, changed;
	const struct quantity *found;
	size_t len = 99;

	setup();
	ck_assert_ptr_null(facts_quantities(world.facts, &subscription, &len));
	ck_assert_uint_eq(len, 0);
	quantity_add(1, subscription.id, "2026-12-01T00:00:00Z");
	now = quantity_add(2, subscription.id, "2027-01-01T00:00:00Z");
	quantity_add(3, (struct uuid){{0x5b}}, "2027-01-01T00:00:00Z");
	changed = *now;
	changed.transactions = 5;
	facts_change(world.facts, TABLE_QUANTITIES, now, &changed);
	found = facts_quantities(world.facts, &subscription, &len);
	ck_assert_uint_eq(len, 1);
	ck_assert(uuid_equal(found[0].id, now->id));
	ck_assert_int_eq(found[0].transactions, 5);
	ck_assert_ptr_eq(facts_quantity(world.facts, WORLD_ORGANISATION, now->id), now);
	/* The next period has none. */
	subscription.current_period_start = unit_instant("2027-02-01T00:00:00Z");
	ck_assert_ptr_nonnull(facts_quantities(world.facts, &subscription, &len));
	ck_assert_uint_eq(len, 0);
	world_close(&world);
}
END_TEST

START_TEST(test_a_customers_clock)
{
	struct test_clock clock = world_clock((struct uuid){{0xc1}}), *row;
	struct customer customer = world_customer(WORLD_CUSTOMER);

	setup();
	row = facts_add(world.facts, TABLE_TEST_CLOCKS, &clock);
	ck_assert_ptr_null(facts_clock_of(world.facts, &customer));
	customer.test_clock_id = clock.id;
	ck_assert_ptr_eq(facts_clock_of(world.facts, &customer), row);
	ck_assert_ptr_eq(facts_test_clock(world.facts, WORLD_ORGANISATION, clock.id), row);
	world_close(&world);
}
END_TEST

/* What rows point to, as a second load asks for it. */
static void
assert_needs(enum need need, size_t len, struct uuid first)
{
	const struct need_list *list = &world.facts->needs[need];

	ck_assert_msg(list->len == len, "need %d: %zu", need, list->len);
	if (len > 0)
		ck_assert(uuid_equal(list->ids[0], first));
}

START_TEST(test_what_rows_point_to)
{
	struct customer customer = world_customer(WORLD_CUSTOMER);
	struct subscription subscription = world_subscription(WORLD_OPERATION);
	struct test_clock clock = world_clock((struct uuid){{0xc1}});
	struct plan_version version = {.organisation_id = WORLD_ORGANISATION, .id = {{0x91, 7}}};

	setup();
	ck_assert(!facts_follow(world.facts));
	facts_add(world.facts, TABLE_CUSTOMERS, &customer);
	ck_assert(!facts_follow(world.facts));

	customer = world_customer(WORLD_OTHER_CUSTOMER);
	customer.test_clock_id = clock.id;
	facts_add(world.facts, TABLE_CUSTOMERS, &customer);
	subscription.pending_plan_id = WORLD_OTHER_PLAN;
	subscription.pending_version_id = version.id;
	facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
	ck_assert(facts_follow(world.facts));
	assert_needs(NEED_TEST_CLOCK, 1, clock.id);
	assert_needs(NEED_PLAN_VERSION, 2, WORLD_PLAN);
	assert_needs(NEED_QUANTITIES, 1, subscription.id);
	assert_needs(NEED_OPERATION, 0, UUID_NIL);
	world_close(&world);
}
END_TEST

START_TEST(test_what_is_here_is_not_followed)
{
	struct customer customer = world_customer(WORLD_CUSTOMER);
	struct subscription subscription = world_subscription(WORLD_OPERATION);
	struct test_clock clock = world_clock((struct uuid){{0xc1}});
	struct plan plan = world_plan(WORLD_PLAN);

	setup();
	world_plan_add(&world, &plan);
	customer.test_clock_id = clock.id;
	facts_add(world.facts, TABLE_TEST_CLOCKS, &clock);
	facts_add(world.facts, TABLE_CUSTOMERS, &customer);
	subscription.status = STR("canceled");
	subscription.ended_at = subscription.current_period_start;
	facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
	ck_assert(!facts_follow(world.facts));
	subscription.id = (struct uuid){{0x5b}};
	subscription.ended_at = INSTANT_NONE;
	facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
	ck_assert(facts_follow(world.facts));
	assert_needs(NEED_TEST_CLOCK, 0, UUID_NIL);
	assert_needs(NEED_PLAN_VERSION, 0, UUID_NIL);
	assert_needs(NEED_QUANTITIES, 1, subscription.id);
	world_close(&world);
}
END_TEST

START_TEST(test_an_advancing_clock_leads_to_its_operation)
{
	struct test_clock clock = world_clock((struct uuid){{0xc1}});

	setup();
	clock.advance_operation_id = WORLD_OPERATION;
	clock.advance_idempotency_key = STR("k");
	facts_add(world.facts, TABLE_TEST_CLOCKS, &clock);
	ck_assert(facts_follow(world.facts));
	assert_needs(NEED_OPERATION, 1, WORLD_OPERATION);
	ck_assert_uint_eq(world.facts->needs[NEED_IDEMPOTENCY_KEY].len, 1);
	world_close(&world);
}
END_TEST

START_TEST(test_an_operation_without_a_key_has_none)
{
	const struct operation operation = {
	    .organisation_id = WORLD_ORGANISATION, .id = WORLD_OPERATION};

	setup();
	facts_add(world.facts, TABLE_OPERATIONS, &operation);
	ck_assert_ptr_null(facts_operation_by_key(world.facts, WORLD_ORGANISATION, STR("")));
	world_close(&world);
}
END_TEST

START_TEST(test_each_need_is_asked_for_once)
{
	struct uuid first = {{1}}, second = {{2}};
	const struct need_list *by_id, *by_text;

	setup();
	by_id = &world.facts->needs[NEED_CUSTOMER];
	by_text = &world.facts->needs[NEED_PLAN_CODE];
	for (int i = 0; i < 3; i++) {
		facts_need(world.facts, NEED_CUSTOMER, WORLD_ORGANISATION, &first);
		facts_need(world.facts, NEED_CUSTOMER, WORLD_ORGANISATION, &second);
		facts_need(world.facts, NEED_CUSTOMER, second, &first);
		facts_need_text(world.facts, NEED_PLAN_CODE, WORLD_ORGANISATION, STR("a"));
		facts_need_text(world.facts, NEED_PLAN_CODE, WORLD_ORGANISATION, STR("b"));
	}
	ck_assert_uint_eq(by_id->len, 3);
	ck_assert_uint_eq(by_text->len, 2);
	ck_assert(uuid_equal(by_id->ids[1], second));
	ck_assert(uuid_equal(by_id->organisation_ids[2], second));
	unit_assert_str(by_text->texts[1], "b", "text");
	ck_assert_uint_eq(world.facts->needs[NEED_PLAN].len, 0);
	world_close(&world);
}
END_TEST

START_TEST(test_many_needs_and_rows)
{
	enum {
		ROWS = 3000
	};
	static struct uuid ids[ROWS]; /* borrowed by the needs */

	setup();
	for (uint32_t i = 0; i < ROWS; i++) {
		memcpy(ids[i].b, &i, sizeof(i));
		ids[i].b[15] = 1;
		facts_need(world.facts, NEED_CUSTOMER, WORLD_ORGANISATION, &ids[i]);
		customer_add(ids[i], NULL);
	}
	ck_assert_uint_eq(world.facts->needs[NEED_CUSTOMER].len, ROWS);
	ck_assert_uint_eq(world.facts->lists[TABLE_CUSTOMERS].len, ROWS);
	for (size_t i = 0; i < ROWS; i++) {
		const struct customer *row =
		    facts_customer(world.facts, WORLD_ORGANISATION, ids[i]);

		ck_assert_ptr_nonnull(row);
		ck_assert(uuid_equal(row->id, ids[i]));
		ck_assert(uuid_equal(world.facts->needs[NEED_CUSTOMER].ids[i], ids[i]));
	}
	world_close(&world);
}
END_TEST

START_TEST(test_aborts_on_a_text_for_a_need_by_id)
{
	setup();
	facts_need_text(world.facts, NEED_CUSTOMER, WORLD_ORGANISATION, STR("x"));
}
END_TEST

START_TEST(test_aborts_on_an_id_for_a_need_by_text)
{
	struct uuid id = {{1}};

	setup();
	facts_need(world.facts, NEED_PLAN_CODE, WORLD_ORGANISATION, &id);
}
END_TEST

/* Issued invoices, operations and events never change. */
static const enum table_id written_once[] = {TABLE_ORGANISATIONS, TABLE_PLAN_VERSIONS,
    TABLE_INVOICES, TABLE_INVOICE_LINES, TABLE_CREDIT_ENTRIES, TABLE_OPERATIONS, TABLE_OUTBOX,
    TABLE_DEAD_LETTERS};

START_TEST(test_aborts_on_changing_what_is_written_once)
{
	static char value[4096];
	enum table_id table = written_once[_i];
	void *row;

	setup();
	row = facts_add(world.facts, table, value);
	facts_change(world.facts, table, row, value);
}
END_TEST

UNIT_MAIN("facts", UNIT(test_nothing_is_found_in_nothing),
    UNIT(test_a_row_is_found_in_its_organisation_alone), UNIT(test_adding_copies),
    UNIT(test_a_changed_row_stays_in_its_place), UNIT(test_an_external_id_moves_within_a_batch),
    UNIT(test_an_archived_customer_frees_its_external_id),
    UNIT(test_an_archived_plan_frees_its_code),
    UNIT_ROWS(test_which_subscription_is_live, status_rows),
    UNIT(test_a_new_subscription_after_a_canceled_one), UNIT(test_what_falls_due_next),
    UNIT(test_a_customers_subscriptions), UNIT(test_quantities_of_the_current_period),
    UNIT(test_a_customers_clock), UNIT(test_what_rows_point_to),
    UNIT(test_what_is_here_is_not_followed), UNIT(test_an_advancing_clock_leads_to_its_operation),
    UNIT(test_an_operation_without_a_key_has_none), UNIT(test_each_need_is_asked_for_once),
    UNIT(test_many_needs_and_rows), UNIT_ABORTS(test_aborts_on_a_text_for_a_need_by_id),
    UNIT_ABORTS(test_aborts_on_an_id_for_a_need_by_text),
    UNIT_ABORTS_ROWS(test_aborts_on_changing_what_is_written_once, written_once))
