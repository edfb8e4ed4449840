#include "common/domain/invoice.h"

#include "tests/unit/unit.h"

#define NOW "2027-01-31T09:30:00Z"
#define PERIOD_END "2027-02-28T09:30:00Z"

struct number_row {
	const char *name;
	const char *prefix;
	int64_t sequence;
	const char *expected;
};

static const struct number_row number_rows[] = {
    {"the first", "ACME", 1, "ACME-0001"},
    {"four digits", "ACME", 9999, "ACME-9999"},
    {"five digits", "ACME", 10000, "ACME-10000"},
    {"zeros inside stay", "A-B", 1020, "A-B-1020"},
    {"one letter", "A", 42, "A-0042"},
    {"the longest there is", "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", INT64_MAX,
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345-9223372036854775807"},
};

START_TEST(test_number)
{
	const struct number_row *row = &number_rows[_i];
	char text[INVOICE_NUMBER_SIZE];

	memset(text, 'x', sizeof(text));
	invoice_number_write(str_from(row->prefix), row->sequence, text);
	ck_assert_msg(strcmp(text, row->expected) == 0, "%s: %s", row->name, text);
}
END_TEST

static const struct number_row number_bug_rows[] = {
    {"no prefix", "", 1, NULL},
    {"a prefix that is too long", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456", 1, NULL},
    {"number zero", "ACME", 0, NULL},
    {"a negative number", "ACME", -1, NULL},
};

START_TEST(test_number_bugs_are_caught)
{
	char text[INVOICE_NUMBER_SIZE];

	invoice_number_write(
	    str_from(number_bug_rows[_i].prefix), number_bug_rows[_i].sequence, text);
}
END_TEST

/* All that an invoice is made from. */
struct facts {
	struct customer customer;
	struct plan plan;
	struct subscription subscription;
};

static struct facts
some_facts(int64_t amount)
{
	return (struct facts){
	    .customer = {.organisation_id = {{1}},
		.id = {{2}},
		.shard = 77,
		.currency = {"EUR"},
		.invoice_count = 6,
		.archived_at = INSTANT_NONE},
	    .plan = {.organisation_id = {{1}},
		.id = {{3}},
		.name = STR("Pro"),
		.currency = {"EUR"},
		.amount = amount,
		.archived_at = INSTANT_NONE},
	    .subscription = {.organisation_id = {{1}},
		.id = {{4}},
		.customer_id = {{2}},
		.plan_id = {{3}},
		.status = STR("active"),
		.current_period_start = unit_instant(NOW),
		.current_period_end = unit_instant(PERIOD_END)},
	};
}

static enum refusal
invoice_of(const struct facts *facts, struct invoice_line *line, struct invoice *invoice)
{
	*line = (struct invoice_line){.id = {{6}}};
	*invoice = (struct invoice){.id = {{5}}, .amount_paid = -1, .number = STR("theirs")};
	return invoice_for_period(&facts->customer, &facts->plan, &facts->subscription,
	    STR("subscription_create"), unit_instant(NOW), line, invoice);
}

START_TEST(test_all_facts_are_set)
{
	struct facts facts = some_facts(1999);
	struct invoice_line line;
	struct invoice invoice;

	ck_assert_int_eq(invoice_of(&facts, &line, &invoice), REFUSAL_NONE);
	ck_assert(uuid_equal(invoice.id, (struct uuid){{5}}));
	ck_assert(uuid_equal(invoice.organisation_id, (struct uuid){{1}}));
	ck_assert(uuid_equal(invoice.customer_id, (struct uuid){{2}}));
	ck_assert(uuid_equal(invoice.subscription_id, (struct uuid){{4}}));
	ck_assert_int_eq(invoice.shard, 77);
	ck_assert_int_eq(invoice.sequence, 7);
	unit_assert_str(invoice.number, "theirs", "the number is the caller's");
	unit_assert_str(invoice.reason, "subscription_create", "reason");
	ck_assert_str_eq(invoice.currency.code, "EUR");
	unit_assert_instant(invoice.period_start, NOW, "period_start");
	unit_assert_instant(invoice.period_end, PERIOD_END, "period_end");
	unit_assert_instant(invoice.issued_at, NOW, "issued_at");
	unit_assert_instant(invoice.due_at, NOW, "due_at");
	unit_assert_instant(invoice.created_at, NOW, "created_at");
	unit_assert_instant(invoice.updated_at, NOW, "updated_at");
	ck_assert_ptr_eq(invoice.lines, &line);
	ck_assert_uint_eq(invoice.lines_len, 1);

	ck_assert(uuid_equal(line.id, (struct uuid){{6}}));
	ck_assert(uuid_equal(line.organisation_id, (struct uuid){{1}}));
	ck_assert(uuid_equal(line.invoice_id, (struct uuid){{5}}));
	ck_assert(uuid_equal(line.plan_id, (struct uuid){{3}}));
	ck_assert_int_eq(line.position, 1);
	unit_assert_str(line.description, "Pro", "description");
	unit_assert_instant(line.period_start, NOW, "line.period_start");
	unit_assert_instant(line.period_end, PERIOD_END, "line.period_end");
}
END_TEST

struct amount_row {
	const char *name;
	int64_t amount;
	const char *status;
	const char *paid_at;
};

static const struct amount_row amount_rows[] = {
    {"an amount is due when issued", 1999, "open", NULL},
    {"the smallest amount is due", 1, "open", NULL},
    {"nothing is paid at once", 0, "paid", NOW},
    {"the largest amount", INT64_MAX, "open", NULL},
};

START_TEST(test_amounts)
{
	const struct amount_row *row = &amount_rows[_i];
	struct facts facts = some_facts(row->amount);
	struct invoice_line line;
	struct invoice invoice;

	ck_assert_msg(invoice_of(&facts, &line, &invoice) == REFUSAL_NONE, "%s", row->name);
	unit_assert_str(invoice.status, row->status, row->name);
	unit_assert_instant(invoice.paid_at, row->paid_at, row->name);
	ck_assert_int_eq(line.quantity, 1);
	ck_assert_int_eq(line.unit_amount, row->amount);
	ck_assert_int_eq(line.amount, row->amount);
	ck_assert_int_eq(invoice.subtotal, row->amount);
	ck_assert_int_eq(invoice.discount, 0);
	ck_assert_int_eq(invoice.tax, 0);
	ck_assert_int_eq(invoice.total, row->amount);
	ck_assert_int_eq(invoice.credit_applied, 0);
	ck_assert_int_eq(invoice.amount_due, row->amount);
	ck_assert_int_eq(invoice.amount_paid, 0);
}
END_TEST

START_TEST(test_numbers_follow_the_customers_count)
{
	struct facts facts = some_facts(1999);
	struct invoice_line line;
	struct invoice invoice;

	for (int64_t count = 0; count < 3; count++) {
		facts.customer.invoice_count = count;
		ck_assert_int_eq(invoice_of(&facts, &line, &invoice), REFUSAL_NONE);
		ck_assert_int_eq(invoice.sequence, count + 1);
		/* Counting is the caller's: it stores the customer. */
		ck_assert_int_eq(facts.customer.invoice_count, count);
	}
}
END_TEST

struct bug_row {
	const char *name;
	void (*spoil)(struct facts *facts);
};

static void
spoil_organisation(struct facts *facts)
{
	facts->subscription.organisation_id = (struct uuid){{9}};
}

static void
spoil_customer(struct facts *facts)
{
	facts->subscription.customer_id = (struct uuid){{9}};
}

static void
spoil_plan(struct facts *facts)
{
	facts->subscription.plan_id = (struct uuid){{9}};
}

static void
spoil_currency(struct facts *facts)
{
	facts->customer.currency = (struct currency){"USD"};
}

static void
spoil_amount(struct facts *facts)
{
	facts->plan.amount = -1;
}

static void
spoil_count(struct facts *facts)
{
	facts->customer.invoice_count = INT64_MAX;
}

static const struct bug_row bug_rows[] = {
    {"another organisation's subscription", spoil_organisation},
    {"another customer's subscription", spoil_customer},
    {"a subscription to another plan", spoil_plan},
    {"mixed currencies", spoil_currency},
    {"a negative price", spoil_amount},
    {"no number is left", spoil_count},
};

START_TEST(test_bugs_are_caught)
{
	struct facts facts = some_facts(1999);
	struct invoice_line line;
	struct invoice invoice;

	bug_rows[_i].spoil(&facts);
	ck_assert_msg(invoice_of(&facts, &line, &invoice) == REFUSAL_NONE, "%s", bug_rows[_i].name);
}
END_TEST

UNIT_MAIN("invoice", UNIT_ROWS(test_number, number_rows),
    UNIT_ABORTS_ROWS(test_number_bugs_are_caught, number_bug_rows), UNIT(test_all_facts_are_set),
    UNIT_ROWS(test_amounts, amount_rows), UNIT(test_numbers_follow_the_customers_count),
    UNIT_ABORTS_ROWS(test_bugs_are_caught, bug_rows))
