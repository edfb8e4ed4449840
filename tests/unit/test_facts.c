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
	ck_assert_ptr_null(facts_coupon(world.facts, WORLD_ORGANISATION, WORLD_PLAN));
	ck_assert_ptr_null(facts_coupon_by_code(world.facts, WORLD_ORGANISATION, STR("ten")));
	ck_assert_ptr_null(facts_tax_rate(world.facts, WORLD_ORGANISATION, WORLD_PLAN));
	ck_assert_ptr_null(facts_tax_rate_by_code(world.facts, WORLD_ORGANISATION, STR("vat")));
	ck_assert_ptr_null(facts_invoice(world.facts, WORLD_ORGANISATION, WORLD_PLAN));
	ck_assert_ptr_null(facts_payment(world.facts, WORLD_ORGANISATION, WORLD_PLAN));
	ck_assert_ptr_null(facts_number_series(world.facts, WORLD_ORGANISATION));
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
	return facts_next_due(
	    world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER, HORIZON_AT(unit_instant(until)));
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
	/* A horizon that ends with one of them. */
	ck_assert_ptr_null(facts_next_due(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER,
	    (struct horizon){early_a->due_at, never->id}));
	ck_assert_ptr_eq(facts_next_due(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER,
			     (struct horizon){early_a->due_at, early_a->id}),
	    early_a);
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

/* ---- Money. */

#define COUPON ((struct uuid){{0xc0, 0x01}})
#define RATE ((struct uuid){{0x7a, 1}})
#define INVOICE ((struct uuid){{0x1f, 1}})

START_TEST(test_an_archived_coupon_or_rate_frees_its_code)
{
	struct coupon coupon = {.organisation_id = WORLD_ORGANISATION,
	    .id = COUPON,
	    .code = STR("ten"),
	    .archived_at = INSTANT_NONE};
	struct tax_rate rate = {.organisation_id = WORLD_ORGANISATION,
	    .id = RATE,
	    .code = STR("vat"),
	    .archived_at = INSTANT_NONE};
	struct coupon *coupon_row;
	struct tax_rate *rate_row;

	setup();
	coupon_row = facts_add(world.facts, TABLE_COUPONS, &coupon);
	rate_row = facts_add(world.facts, TABLE_TAX_RATES, &rate);
	ck_assert_ptr_eq(facts_coupon(world.facts, WORLD_ORGANISATION, COUPON), coupon_row);
	ck_assert_ptr_eq(
	    facts_coupon_by_code(world.facts, WORLD_ORGANISATION, STR("ten")), coupon_row);
	ck_assert_ptr_eq(facts_tax_rate(world.facts, WORLD_ORGANISATION, RATE), rate_row);
	ck_assert_ptr_eq(
	    facts_tax_rate_by_code(world.facts, WORLD_ORGANISATION, STR("vat")), rate_row);
	ck_assert_ptr_null(facts_coupon_by_code(world.facts, RATE, STR("ten")));
	coupon.archived_at = rate.archived_at = unit_instant(WORLD_NOW);
	facts_change(world.facts, TABLE_COUPONS, coupon_row, &coupon);
	facts_change(world.facts, TABLE_TAX_RATES, rate_row, &rate);
	ck_assert_ptr_null(facts_coupon_by_code(world.facts, WORLD_ORGANISATION, STR("ten")));
	ck_assert_ptr_null(facts_tax_rate_by_code(world.facts, WORLD_ORGANISATION, STR("vat")));
	ck_assert_ptr_eq(facts_coupon(world.facts, WORLD_ORGANISATION, COUPON), coupon_row);
	ck_assert_ptr_eq(facts_tax_rate(world.facts, WORLD_ORGANISATION, RATE), rate_row);
	world_close(&world);
}
END_TEST

START_TEST(test_all_tax_rates)
{
	struct tax_rate rate = {.organisation_id = WORLD_ORGANISATION, .code = STR("vat")};
	const struct tax_rate *const *rates;
	size_t len = 99;

	setup();
	rates = facts_tax_rates(world.facts, &len);
	ck_assert_uint_eq(len, 0);
	for (uint8_t i = 0; i < 3; i++) {
		rate.id = (struct uuid){{0x7a, i}};
		facts_add(world.facts, TABLE_TAX_RATES, &rate);
	}
	rates = facts_tax_rates(world.facts, &len);
	ck_assert_uint_eq(len, 3);
	ck_assert_uint_eq(rates[2]->id.b[1], 2);
	world_close(&world);
}
END_TEST

static struct item *
item_add(uint8_t number, int64_t created_ms, const char *status)
{
	const struct item item = {
	    .organisation_id = WORLD_ORGANISATION,
	    .id = {{0x17, number}},
	    .customer_id = WORLD_CUSTOMER,
	    .status = str_from(status),
	    .created_ms = created_ms,
	};

	return facts_add(world.facts, TABLE_ITEMS, &item);
}

/* By age, then id; those that are billed no more. */
START_TEST(test_a_customers_pending_items)
{
	struct item *late, *early_b, *early_a, billed;
	struct item *const *items;
	size_t len = 99;

	setup();
	items = facts_items(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER, &len);
	ck_assert_uint_eq(len, 0);
	late = item_add(1, 2000, "pending");
	early_b = item_add(3, 1000, "pending");
	item_add(4, 500, "billed");
	early_a = item_add(2, 1000, "pending");
	items = facts_items(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER, &len);
	ck_assert_uint_eq(len, 3);
	ck_assert_ptr_eq(items[0], early_a);
	ck_assert_ptr_eq(items[1], early_b);
	ck_assert_ptr_eq(items[2], late);
	billed = *early_a;
	billed.status = STR("billed");
	facts_change(world.facts, TABLE_ITEMS, early_a, &billed);
	items = facts_items(world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER, &len);
	ck_assert_uint_eq(len, 2);
	ck_assert_ptr_eq(items[0], early_b);
	/* By its id each is found, in whatever state. */
	ck_assert_ptr_eq(facts_item(world.facts, WORLD_ORGANISATION, early_a->id), early_a);
	ck_assert_ptr_eq(facts_item(world.facts, WORLD_ORGANISATION, late->id), late);
	ck_assert_ptr_null(facts_item(world.facts, COUPON, late->id));
	items = facts_items(world.facts, WORLD_ORGANISATION, WORLD_OTHER_CUSTOMER, &len);
	ck_assert_uint_eq(len, 0);
	world_close(&world);
}
END_TEST

/* Whatever the order in which they were loaded or made. */
START_TEST(test_an_invoices_lines_and_payments)
{
	static const uint8_t order[] = {2, 0, 1};
	struct invoice_line *const *lines;
	struct payment *const *payments;
	size_t len = 99;

	setup();
	lines = facts_invoice_lines(world.facts, WORLD_ORGANISATION, INVOICE, &len);
	ck_assert_uint_eq(len, 0);
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		const struct invoice_line line = {.organisation_id = WORLD_ORGANISATION,
		    .id = {{0x11, order[i]}},
		    .invoice_id = INVOICE,
		    .position = order[i] + 1};
		const struct payment payment = {.organisation_id = WORLD_ORGANISATION,
		    .id = {{0xfa, order[i]}},
		    .invoice_id = INVOICE,
		    .created_ms = order[i] == 2 ? 500 : 1000};

		facts_add(world.facts, TABLE_INVOICE_LINES, &line);
		facts_add(world.facts, TABLE_PAYMENTS, &payment);
	}
	lines = facts_invoice_lines(world.facts, WORLD_ORGANISATION, INVOICE, &len);
	ck_assert_uint_eq(len, 3);
	for (size_t i = 0; i < len; i++)
		ck_assert_int_eq(lines[i]->position, (int32_t)i + 1);
	payments = facts_payments_of(world.facts, WORLD_ORGANISATION, INVOICE, &len);
	ck_assert_uint_eq(len, 3);
	ck_assert_uint_eq(payments[0]->id.b[1], 2);
	ck_assert_uint_eq(payments[1]->id.b[1], 0);
	ck_assert_uint_eq(payments[2]->id.b[1], 1);
	ck_assert_ptr_eq(
	    facts_payment(world.facts, WORLD_ORGANISATION, payments[1]->id), payments[1]);
	payments = facts_payments_of(world.facts, WORLD_ORGANISATION, COUPON, &len);
	ck_assert_uint_eq(len, 0);
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

/* Entries, credit notes, operations and events never change. */
static const enum table_id written_once[] = {TABLE_ORGANISATIONS, TABLE_PLAN_VERSIONS,
    TABLE_CREDIT_NOTES, TABLE_CREDIT_ENTRIES, TABLE_JOURNAL, TABLE_OPERATIONS, TABLE_OUTBOX,
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
    UNIT(test_a_customers_clock), UNIT(test_an_archived_coupon_or_rate_frees_its_code),
    UNIT(test_all_tax_rates), UNIT(test_a_customers_pending_items),
    UNIT(test_an_invoices_lines_and_payments), UNIT(test_an_operation_without_a_key_has_none),
    UNIT_ABORTS_ROWS(test_aborts_on_changing_what_is_written_once, written_once))
