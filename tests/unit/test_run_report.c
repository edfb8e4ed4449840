#include "worker/run_report.h"

#include "common/codec/invoice_digest.h"
#include "tests/unit/worker_world.h"

/* What chunks add to the report of a run, over facts in memory: how it is stored is seen with a
 * database alone (tests/integration/test_billing_runs.py). */

#define RUN ((struct uuid){{0xb1, 1}})
#define AS_OF "2027-02-10T00:00:00Z"

static struct world world;
static struct run_part part;
static struct run_report report;

static void
setup(void)
{
	struct customer customer = world_customer(WORLD_CUSTOMER);
	struct plan plan = world_plan(WORLD_PLAN);

	world_open(&world);
	world_organisation(&world);
	world_plan_add(&world, &plan);
	facts_add(world.facts, TABLE_CUSTOMERS, &customer);
	part = (struct run_part){
	    .organisation_id = WORLD_ORGANISATION,
	    .run_id = RUN,
	    .partition = &world.partitions.items[3],
	    .as_of = unit_instant(AS_OF),
	};
	report = (struct run_report){.part = &part, .first_due_at = INSTANT_NONE};
}

/* The number of an operation that makes a subscription of its own. */
static struct uuid
operation(uint8_t number)
{
	return (struct uuid){{0x0b, 1, 2, 3, 4, 5, 0x80, 0, 0x80, number}};
}

static struct subscription *
subscription_add(uint8_t number, struct uuid plan_id, const char *due_at)
{
	struct subscription subscription = world_subscription(operation(number));

	subscription.plan_id = plan_id;
	subscription.due_at = due_at == NULL ? INSTANT_NONE : unit_instant(due_at);
	return facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
}

/* One that is parked, of which something falls due with its period. */
static struct subscription *
parked_add(uint8_t number, const char *period_end)
{
	struct subscription *row = subscription_add(number, WORLD_PLAN, NULL);
	struct subscription subscription = *row;

	subscription.current_period_end = unit_instant(period_end);
	subscription.billing_problem = STR("amount-out-of-range");
	facts_change(world.facts, TABLE_SUBSCRIPTIONS, row, &subscription);
	return row;
}

static void
invoice_add(const struct subscription *subscription, const char *currency, int64_t total,
    const char *issued_at, const char *digest)
{
	struct invoice invoice = {
	    .organisation_id = WORLD_ORGANISATION,
	    .id = {{0x1f, (uint8_t)world.facts->lists[TABLE_INVOICES].len}},
	    .customer_id = subscription->customer_id,
	    .subscription_id = subscription->id,
	    .number = STR("A-1"),
	    .reason = STR("period"),
	    .status = STR("open"),
	    .tax_exempt = STR("none"),
	    .series_sequence = INT64_MIN,
	    .period_start = unit_instant(issued_at),
	    .period_end = unit_instant(issued_at),
	    .issued_at = unit_instant(issued_at),
	    .due_at = unit_instant(issued_at),
	    .paid_at = INSTANT_NONE,
	    .voided_at = INSTANT_NONE,
	    .uncollectible_at = INSTANT_NONE,
	    .created_at = unit_instant(issued_at),
	    .updated_at = unit_instant(issued_at),
	    .subtotal = total,
	    .tax = 1,
	    .discount = 2,
	    .total = total,
	    .credit_applied = 3,
	    .amount_due = total - 3,
	    .digest = str_from(digest),
	};

	memcpy(invoice.currency.code, currency, 4);
	facts_add(world.facts, TABLE_INVOICES, &invoice);
}

/* A chunk of all subscriptions that are here, each of a customer of its own. */
static void
collect(void)
{
	static struct due_items found;
	const struct fact_list *subscriptions = &world.facts->lists[TABLE_SUBSCRIPTIONS];

	found.len = found.subscriptions_len = 0;
	for (size_t i = 0; i < subscriptions->len; i++) {
		const struct subscription *subscription = subscriptions->values[i];

		found.items[found.len++] =
		    (struct due_item){.organisation_id = WORLD_ORGANISATION, .first = i, .len = 1};
		found.subscription_ids[found.subscriptions_len++] = subscription->id;
	}
	run_report_collect(&world.context, &report, &found, 0, found.len);
}

static const char one[] = "00000000000000000000000000000001";
static const char most[] = "ffffffffffffffffffffffffffffffff";
static const char some[] = "0123456789abcdef0123456789abcdef";

START_TEST(test_nothing)
{
	setup();
	collect();
	ck_assert_int_eq(report.done, 0);
	ck_assert_int_eq(report.invoiced, 0);
	ck_assert_uint_eq(report.sums_len, 0);
	ck_assert_uint_eq(report.failures_len, 0);
	ck_assert(report.digest == 0);
	ck_assert(instant_is_none(report.first_due_at));
	ck_assert_ptr_null(report.first_invoices.ptr);
	world_close(&world);
}
END_TEST

START_TEST(test_sums_by_plan_and_currency)
{
	const struct subscription *basic, *other;

	setup();
	basic = subscription_add(1, WORLD_PLAN, "2027-03-01T00:00:00Z");
	other = subscription_add(2, WORLD_OTHER_PLAN, "2027-03-01T00:00:00Z");
	invoice_add(basic, "EUR", 100, "2027-02-01T00:00:00Z", one);
	invoice_add(other, "EUR", 1000, "2027-01-01T00:00:00Z", one);
	invoice_add(basic, "EUR", 200, "2027-02-02T00:00:00Z", one);
	invoice_add(basic, "USD", 5, "2027-02-03T00:00:00Z", one);
	collect();
	ck_assert_int_eq(report.done, 2);
	ck_assert_int_eq(report.invoiced, 4);
	ck_assert_uint_eq(report.sums_len, 3);
	ck_assert(uuid_equal(report.sums[0].plan_id, WORLD_PLAN));
	ck_assert_str_eq(report.sums[0].currency.code, "EUR");
	ck_assert_int_eq(report.sums[0].invoices, 2);
	ck_assert(report.sums[0].subtotal == 300 && report.sums[0].total == 300);
	ck_assert(report.sums[0].tax == 2 && report.sums[0].discount == 4);
	ck_assert(report.sums[0].credit_applied == 6 && report.sums[0].amount_due == 294);
	ck_assert(uuid_equal(report.sums[1].plan_id, WORLD_OTHER_PLAN));
	ck_assert(report.sums[1].total == 1000);
	ck_assert_str_eq(report.sums[2].currency.code, "USD");
	ck_assert(report.sums[2].total == 5);
	unit_assert_instant(report.first_due_at, "2027-01-01T00:00:00Z", "first");
	world_close(&world);
}
END_TEST

START_TEST(test_sums_pass_64_bits)
{
	const struct subscription *subscription;

	setup();
	subscription = subscription_add(1, WORLD_PLAN, "2027-03-01T00:00:00Z");
	for (int i = 0; i < 3; i++)
		invoice_add(subscription, "EUR", INT64_MAX, "2027-02-01T00:00:00Z", one);
	collect();
	ck_assert(report.sums[0].total == (int128)INT64_MAX * 3);
	world_close(&world);
}
END_TEST

/* Many plans: more than there is room for at first. */
START_TEST(test_many_plans)
{
	setup();
	for (uint8_t i = 0; i < 100; i++) {
		struct subscription *row =
		    subscription_add(i, (struct uuid){{0x91, 7, i}}, "2027-03-01T00:00:00Z");

		invoice_add(row, "EUR", i, "2027-02-01T00:00:00Z", one);
	}
	collect();
	ck_assert_uint_eq(report.sums_len, 100);
	for (size_t i = 0; i < 100; i++)
		ck_assert(report.sums[i].total == (int128)i);
	world_close(&world);
}
END_TEST

/* In whatever order, and in however many chunks. */
START_TEST(test_the_digest_is_a_sum)
{
	const char *digests[] = {one, most, some};
	uint128 sum = 0, number = 0;

	for (int turn = 0; turn < 3; turn++) {
		uint128 parts = 0;

		setup();
		for (int i = 0; i < 3; i++) {
			const struct subscription *row =
			    subscription_add((uint8_t)i, WORLD_PLAN, "2027-03-01T00:00:00Z");

			invoice_add(row, "EUR", 1, "2027-02-01T00:00:00Z", digests[(turn + i) % 3]);
			if (turn < 2)
				continue;
			report.digest = 0;
			collect();
			parts += report.digest;
			world.facts->lists[TABLE_INVOICES].len = 0;
		}
		if (turn < 2)
			collect();
		else
			report.digest = parts;
		if (turn == 0)
			sum = report.digest;
		ck_assert(report.digest == sum);
		world_close(&world);
	}
	/* 1 and the most are nothing. */
	for (size_t i = 0; i < strlen(some); i++)
		number =
		    number * 16 + (unsigned)(some[i] <= '9' ? some[i] - '0' : some[i] - 'a' + 10);
	ck_assert(sum == number);
}
END_TEST

struct fate_row {
	const char *name;
	const char *due_at;     /* of one that is not parked; NULL: none */
	const char *period_end; /* of one that is */
	int64_t done;
	size_t failures;
};

static const struct fate_row fate_rows[] = {
    {"billed, and due later", "2027-02-10T00:00:01Z", NULL, 1, 0},
    {"billed, and over", NULL, NULL, 1, 0},
    {"not through: due at the very moment", AS_OF, NULL, 0, 0},
    {"not through: due before", "2027-02-01T00:00:00Z", NULL, 0, 0},
    {"parked, and due", NULL, "2027-02-01T00:00:00Z", 0, 1},
    {"parked, and due at the very moment", NULL, AS_OF, 0, 1},
    {"parked, and not due yet", NULL, "2027-02-10T00:00:01Z", 0, 0},
};

START_TEST(test_what_became_of_it)
{
	const struct fate_row *row = &fate_rows[_i];
	const struct subscription *subscription;

	setup();
	subscription = row->period_end != NULL ? parked_add(1, row->period_end)
					       : subscription_add(1, WORLD_PLAN, row->due_at);
	collect();
	ck_assert_msg(report.done == row->done, "%s: %lld", row->name, (long long)report.done);
	ck_assert_msg(report.failures_len == row->failures, "%s", row->name);
	if (row->failures > 0) {
		const struct run_failure *failure = &report.failures[0];

		ck_assert(uuid_equal(failure->subscription_id, subscription->id));
		ck_assert(uuid_equal(failure->customer_id, WORLD_CUSTOMER));
		unit_assert_instant(failure->due_at, row->period_end, row->name);
		unit_assert_str(failure->reason, "amount-out-of-range", row->name);
		ck_assert_ptr_null(failure->detail.ptr);
	}
	world_close(&world);
}
END_TEST

/* Whom a chunk listed is neither done nor listed again. */
START_TEST(test_a_failure_is_listed_once)
{
	struct subscription *behind;

	setup();
	for (uint8_t i = 0; i < 50; i++)
		parked_add(i, "2027-02-01T00:00:00Z");
	behind = subscription_add(50, WORLD_PLAN, "2020-02-01T00:00:00Z");
	for (int i = 0; i < 2; i++)
		run_report_fail(
		    &world.context, &report, behind, STR("billing-behind"), STR("very much"));
	/* As chunk.c leaves it in its facts. */
	behind->due_at = INSTANT_NONE;
	collect();
	collect();
	ck_assert_uint_eq(report.failures_len, 51);
	ck_assert_int_eq(report.done, 0);
	unit_assert_str(report.failures[0].reason, "billing-behind", "reason");
	unit_assert_str(report.failures[0].detail, "very much", "detail");
	unit_assert_instant(report.failures[0].due_at, "2020-02-01T00:00:00Z", "due");
	world_close(&world);
}
END_TEST

/* Of one who is not at hand no more than ids are known. */
START_TEST(test_a_failure_of_which_little_is_known)
{
	const struct subscription subscription = {
	    .organisation_id = WORLD_ORGANISATION, .id = {{1}}, .due_at = INSTANT_NONE};

	setup();
	run_report_fail(&world.context, &report, &subscription, STR("dead-letter"), STR_NONE);
	ck_assert_uint_eq(report.failures_len, 1);
	unit_assert_instant(report.failures[0].due_at, AS_OF, "due");
	world_close(&world);
}
END_TEST

static size_t
count_of(struct str text, const char *what)
{
	size_t count = 0;

	for (const char *at = text.ptr; (at = strstr(at, what)) != NULL; at++)
		count++;
	return count;
}

/* Those that are issued first, in order, as their events tell them. */
START_TEST(test_the_first_invoices)
{
	const struct subscription *subscription;
	char issued_at[INSTANT_TEXT_SIZE];
	const char *before = NULL;

	setup();
	part.dry_run = true;
	subscription = subscription_add(1, WORLD_PLAN, "2027-03-01T00:00:00Z");
	for (int i = 0; i < 2 * RUN_FIRST_INVOICES; i++) {
		instant_write((struct instant){unit_instant("2027-01-01T00:00:00Z").s +
					       (i * 7) % (2 * RUN_FIRST_INVOICES)},
		    issued_at);
		invoice_add(subscription, "EUR", 1, issued_at, one);
	}
	collect();
	ck_assert_ptr_nonnull(report.first_invoices.ptr);
	ck_assert_int_eq(report.first_invoices.ptr[0], '[');
	ck_assert_uint_eq(
	    count_of(report.first_invoices, "\"subscription_id\""), RUN_FIRST_INVOICES);
	for (int i = 0; i < RUN_FIRST_INVOICES; i++) {
		char text[100];
		const char *at;

		instant_write(
		    (struct instant){unit_instant("2027-01-01T00:00:00Z").s + i}, issued_at);
		snprintf(text, sizeof(text), "\"issued_at\":\"%s\"", issued_at);
		at = strstr(report.first_invoices.ptr, text);
		ck_assert_msg(at != NULL, "%s in %.300s", text, report.first_invoices.ptr);
		ck_assert(before == NULL || at > before);
		before = at;
	}
	world_close(&world);
}
END_TEST

/* Whom the chunk did not come to, the next one does. */
START_TEST(test_those_behind_the_last_are_not_looked_at)
{
	static struct due_items found;
	const struct subscription *parked;

	setup();
	parked = parked_add(1, "2027-02-01T00:00:00Z");
	found.items[0] =
	    (struct due_item){.organisation_id = WORLD_ORGANISATION, .first = 0, .len = 1};
	found.subscription_ids[0] = parked->id;
	found.len = found.subscriptions_len = 1;
	run_report_collect(&world.context, &report, &found, 0, 0);
	ck_assert_uint_eq(report.failures_len, 0);
	run_report_collect(&world.context, &report, &found, 0, 1);
	ck_assert_uint_eq(report.failures_len, 1);
	world_close(&world);
}
END_TEST

UNIT_MAIN("run report", UNIT(test_those_behind_the_last_are_not_looked_at), UNIT(test_nothing),
    UNIT(test_sums_by_plan_and_currency), UNIT(test_sums_pass_64_bits), UNIT(test_many_plans),
    UNIT(test_the_digest_is_a_sum), UNIT_ROWS(test_what_became_of_it, fate_rows),
    UNIT(test_a_failure_is_listed_once), UNIT(test_a_failure_of_which_little_is_known),
    UNIT(test_the_first_invoices))
