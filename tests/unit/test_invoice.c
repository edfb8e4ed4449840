#include "common/domain/invoice.h"

#include "tests/unit/lives.h"

#define NOW "2026-06-01T00:00:00Z"
#define HALF "2026-06-16T00:00:00Z"
#define PERIOD_END "2026-07-01T00:00:00Z"

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

static const struct number_row series_rows[] = {
    {"the first of an organisation", "INV", 1, "INV-000001"},
    {"six digits", "INV", 999999, "INV-999999"},
    {"seven digits", "INV", 1000000, "INV-1000000"},
    {"the longest there is", "ABCDEFGHIJKLMNOP", INT64_MAX, "ABCDEFGHIJKLMNOP-9223372036854775807"},
};

START_TEST(test_series_number)
{
	const struct number_row *row = &series_rows[_i];
	char text[INVOICE_NUMBER_SIZE];

	invoice_series_number_write(str_from(row->prefix), row->sequence, text);
	ck_assert_msg(strcmp(text, row->expected) == 0, "%s: %s", row->name, text);
}
END_TEST

START_TEST(test_series_prefix_is_bounded)
{
	char text[INVOICE_NUMBER_SIZE];

	invoice_series_number_write(STR("ABCDEFGHIJKLMNOPQ"), 1, text);
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

/* Room for the lists of one invoice; the lines are the test's. */
static struct invoice_discount discounts[DISCOUNTS_MAX];
static struct invoice_tax taxes[BILL_TAXES_MAX];
static struct line_discount line_discounts[BILL_LINES_MAX * DISCOUNTS_MAX];
static struct line_tax line_taxes[BILL_TAXES_MAX];

/* The invoice of the step that ${life} took last, of an organisation that waits ${net_days}. */
static struct invoice
invoice_within(
    const struct life *life, int64_t net_days, struct invoice_line lines[INVOICE_LINES_MAX])
{
	const struct invoice_room room = {lines, discounts, taxes, line_discounts, line_taxes};
	const struct invoice_terms terms = {net_days};
	struct invoice invoice = {.id = {{5}},
	    .created_ms = 9,
	    .number = STR("theirs"),
	    .digest = STR("theirs, too"),
	    .series_sequence = 11,
	    .amount_paid = -1,
	    .amount_credited = -1,
	    .amount_refunded = -1,
	    .credited_total = -1,
	    .payment_id = {{9}}};

	for (size_t i = 0; i < life->bill.len; i++)
		lines[i] = (struct invoice_line){.id = {{6, (uint8_t)i}},
		    .explanation = STR("{}"),
		    .position = -1,
		    .deferred = true,
		    .credited = 7,
		    .credited_taxes = line_taxes,
		    .credited_taxes_len = 1};
	invoice_issue(&life->customer, &life->subscription, &life->step, &life->bill, &terms, &room,
	    &invoice);
	return invoice;
}

static struct invoice
invoice_of(const struct life *life, struct invoice_line lines[INVOICE_LINES_MAX])
{
	return invoice_within(life, 0, lines);
}

/* One on ${plan} since NOW. */
static struct life *
life_on(enum lives_plan plan, int64_t quantity)
{
	struct life *life = lives_begin("UTC", PRORATION_SECOND);
	struct wish wish = lives_wish(quantity);

	life->customer.invoice_count = 6;
	ck_assert_int_eq(lives_create(life, plan, &wish, unit_instant(NOW)), REFUSAL_NONE);
	return life;
}

START_TEST(test_all_facts_are_set)
{
	struct life *life = life_on(PLAN_30, 3);
	struct invoice_line lines[INVOICE_LINES_MAX], *line = &lines[0];
	struct invoice invoice;

	life->customer.tax_exempt = STR("reverse");
	life->customer.tax_exempt_reason = STR("Article 196");
	invoice = invoice_of(life, lines);
	ck_assert(uuid_equal(invoice.id, (struct uuid){{5}}));
	ck_assert(uuid_equal(invoice.organisation_id, (struct uuid){{1}}));
	ck_assert(uuid_equal(invoice.customer_id, (struct uuid){{2}}));
	ck_assert(uuid_equal(invoice.subscription_id, (struct uuid){{4}}));
	ck_assert_int_eq(invoice.shard, 77);
	ck_assert_int_eq(invoice.sequence, 7);
	unit_assert_str(invoice.number, "theirs", "the number is the caller's");
	unit_assert_str(invoice.digest, "theirs, too", "so is the digest");
	ck_assert_int_eq(invoice.created_ms, 9);
	ck_assert_int_eq(invoice.series_sequence, 11);
	unit_assert_str(invoice.tax_exempt, "reverse", "tax_exempt");
	unit_assert_str(invoice.tax_exempt_reason, "Article 196", "tax_exempt_reason");
	unit_assert_instant(invoice.voided_at, NULL, "voided_at");
	unit_assert_instant(invoice.uncollectible_at, NULL, "uncollectible_at");
	ck_assert_int_eq(invoice.amount_credited, 0);
	ck_assert_int_eq(invoice.amount_refunded, 0);
	ck_assert_int_eq(invoice.credited_total, 0);
	ck_assert(uuid_is_nil(invoice.payment_id));
	ck_assert_uint_eq(invoice.discounts_len, 0);
	ck_assert_uint_eq(invoice.taxes_len, 0);
	unit_assert_str(invoice.reason, "subscription_create", "reason");
	ck_assert_str_eq(invoice.currency.code, "EUR");
	unit_assert_instant(invoice.period_start, NOW, "period_start");
	unit_assert_instant(invoice.period_end, PERIOD_END, "period_end");
	unit_assert_instant(invoice.issued_at, NOW, "issued_at");
	unit_assert_instant(invoice.due_at, NOW, "due_at");
	unit_assert_instant(invoice.created_at, NOW, "created_at");
	unit_assert_instant(invoice.updated_at, NOW, "updated_at");
	ck_assert_ptr_eq(invoice.lines, lines);
	ck_assert_uint_eq(invoice.lines_len, 1);

	ck_assert(uuid_equal(line->id, (struct uuid){{6}}));
	ck_assert(uuid_equal(line->organisation_id, (struct uuid){{1}}));
	ck_assert(uuid_equal(line->invoice_id, (struct uuid){{5}}));
	ck_assert(uuid_equal(line->plan_id, life->plans[PLAN_30].id));
	ck_assert_int_eq(line->position, 1);
	unit_assert_str(line->kind, "charge", "kind");
	unit_assert_str(line->charge_code, "base", "charge_code");
	unit_assert_str(line->description, "The base", "description");
	unit_assert_str(line->explanation, "{}", "the explanation is the caller's");
	ck_assert(!line->proration);
	ck_assert(line->deferred);
	ck_assert_uint_eq(line->discounts_len + line->taxes_len + line->credited_taxes_len, 0);
	ck_assert_ptr_null(line->credited_taxes);
	ck_assert_int_eq(line->credited, 0);
	unit_assert_instant(line->period_start, NOW, "line.period_start");
	unit_assert_instant(line->period_end, PERIOD_END, "line.period_end");
}
END_TEST

struct amount_row {
	const char *name;
	enum lives_plan plan;
	int64_t quantity;
	int64_t balance; /* of the customer's credit */
	int64_t total, credit_applied, amount_due;
	const char *status;
};

static const struct amount_row amount_rows[] = {
    {"an amount is due when issued", PLAN_30, 1, 0, 3000, 0, 3000, "open"},
    {"nothing is paid at once", PLAN_SEATS, 0, 0, 0, 0, 0, "paid"},
    {"so is an invoice without lines", PLAN_CALLS, 1, 0, 0, 0, 0, "paid"},
    {"a credit balance covers a part", PLAN_30, 1, 2999, 3000, 2999, 1, "open"},
    {"or all of it", PLAN_30, 1, 3000, 3000, 3000, 0, "paid"},
    {"and keeps the rest", PLAN_30, 1, 9999, 3000, 3000, 0, "paid"},
    {"nothing takes nothing", PLAN_SEATS, 0, 500, 0, 0, 0, "paid"},
};

START_TEST(test_amounts)
{
	const struct amount_row *row = &amount_rows[_i];
	struct life *life = life_on(row->plan, row->quantity);
	struct invoice_line lines[INVOICE_LINES_MAX];
	struct invoice invoice;

	life->customer.credit_balance = row->balance;
	invoice = invoice_of(life, lines);
	unit_assert_str(invoice.status, row->status, row->name);
	unit_assert_instant(
	    invoice.paid_at, strcmp(row->status, "paid") == 0 ? NOW : NULL, row->name);
	ck_assert_int_eq(invoice.subtotal, row->total);
	ck_assert_int_eq(invoice.discount, 0);
	ck_assert_int_eq(invoice.tax, 0);
	ck_assert_int_eq(invoice.total, row->total);
	ck_assert_int_eq(invoice.credit_applied, row->credit_applied);
	ck_assert_int_eq(invoice.amount_due, row->amount_due);
	ck_assert_int_eq(invoice.amount_paid, 0);
}
END_TEST

struct line_row {
	const char *name;
	const char *kind;
	const char *code;
	bool proration;
	int64_t quantity;
	const char *quantity_decimal;
	int64_t unit_amount;
	const char *unit_amount_decimal; /* NULL: none */
	int64_t amount;
	const char *start, *end;
};

/* What a plan of three charges leaves when it gives way in mid-period. */
static const struct line_row line_rows[] = {
    {"reported units at a price below one", "charge", "calls", true, 100, "100.5", 0, "0.4", 40,
	NOW, HALF},
    {"what is missing to the minimum has no price", "minimum", "calls", true, 1, "1", 0, NULL, 10,
	NOW, HALF},
    {"a flat charge is one of its amount", "charge", "support", true, 1, "1", 500, "500", 250, NOW,
	HALF},
    {"a credit is negative in its amount alone", "charge", "base", true, 1, "1", 1000, "1000", -500,
	HALF, PERIOD_END},
    {"what comes instead", "charge", "base", true, 1, "1", 6000, "6000", 3000, HALF, PERIOD_END},
};

START_TEST(test_lines)
{
	struct life *life = life_on(PLAN_MIXED, 1);
	struct charge charges[3];
	struct invoice_line lines[INVOICE_LINES_MAX];
	struct invoice invoice;

	memcpy(charges, lives_plans[PLAN_MIXED].charges, sizeof(charges));
	charges[1].unit_amount = (struct decimal){4 * (DECIMAL_SCALE / 10)};
	charges[1].min_amount = 100;
	life->versions[PLAN_MIXED].charges = charges;
	lives_report(life, 0);
	life->calls.quantity = (struct decimal){1005 * (int128)(DECIMAL_SCALE / 10)};
	ck_assert_int_eq(
	    lives_change(life, PLAN_60, 1, LIFECYCLE_NOW, true, unit_instant(HALF)), REFUSAL_NONE);
	invoice = invoice_of(life, lines);
	ck_assert_int_eq(invoice.total, 2800);
	ck_assert_uint_eq(invoice.lines_len, ARRAY_LEN(line_rows));
	for (size_t i = 0; i < ARRAY_LEN(line_rows); i++) {
		const struct line_row *row = &line_rows[i];
		const struct invoice_line *line = &lines[i];
		char text[DECIMAL_TEXT_SIZE];

		ck_assert_int_eq(line->position, (int)i + 1);
		unit_assert_str(line->kind, row->kind, row->name);
		unit_assert_str(line->charge_code, row->code, row->name);
		ck_assert_msg(line->proration == row->proration, "%s", row->name);
		ck_assert_msg(line->quantity == row->quantity, "%s", row->name);
		decimal_write(line->quantity_decimal, text);
		ck_assert_msg(strcmp(text, row->quantity_decimal) == 0, "%s: %s", row->name, text);
		ck_assert_msg(line->unit_amount == row->unit_amount, "%s", row->name);
		ck_assert_msg(decimal_is_none(line->unit_amount_decimal) ==
				  (row->unit_amount_decimal == NULL),
		    "%s", row->name);
		if (row->unit_amount_decimal != NULL) {
			decimal_write(line->unit_amount_decimal, text);
			ck_assert_msg(
			    strcmp(text, row->unit_amount_decimal) == 0, "%s: %s", row->name, text);
		}
		ck_assert_msg(line->amount == row->amount, "%s: %" PRId64, row->name, line->amount);
		/* What is in arrears is earned. */
		ck_assert_msg(line->deferred == (strcmp(row->code, "base") == 0), "%s", row->name);
		unit_assert_instant(line->period_start, row->start, row->name);
		unit_assert_instant(line->period_end, row->end, row->name);
	}
}
END_TEST

START_TEST(test_numbers_follow_the_customers_count)
{
	struct life *life = life_on(PLAN_30, 1);
	struct invoice_line lines[INVOICE_LINES_MAX];

	for (int64_t count = 0; count < 3; count++) {
		life->customer.invoice_count = count;
		ck_assert_int_eq(invoice_of(life, lines).sequence, count + 1);
		/* Counting is the caller's: it stores the customer. */
		ck_assert_int_eq(life->customer.invoice_count, count);
	}
}
END_TEST

/* It bears the date of what it is for, not of when somebody came to it. */
START_TEST(test_issued_when_it_fell_due)
{
	struct life *life = life_on(PLAN_30, 1);
	struct invoice_line lines[INVOICE_LINES_MAX];
	struct invoice invoice;

	ck_assert_int_eq(lives_due(life), REFUSAL_NONE);
	invoice = invoice_of(life, lines);
	unit_assert_str(invoice.reason, "subscription_cycle", "reason");
	unit_assert_instant(invoice.issued_at, PERIOD_END, "issued_at");
	unit_assert_instant(invoice.period_start, PERIOD_END, "period_start");
}
END_TEST

struct bug_row {
	const char *name;
	void (*spoil)(struct life *life);
};

static void
spoil_organisation(struct life *life)
{
	life->subscription.organisation_id = (struct uuid){{9}};
}

static void
spoil_customer(struct life *life)
{
	life->subscription.customer_id = (struct uuid){{9}};
}

static void
spoil_currency(struct life *life)
{
	life->customer.currency = (struct currency){"USD"};
}

static void
spoil_total(struct life *life)
{
	life->bill.total = -1;
}

static void
spoil_count(struct life *life)
{
	life->customer.invoice_count = INT64_MAX;
}

static void
spoil_sum(struct life *life)
{
	life->bill.tax = 1;
}

static void
spoil_terms(struct life *life)
{
	life->customer.net_terms_days = NET_TERMS_DAYS_MAX + 1;
}

static void
spoil_step(struct life *life)
{
	life->step.bills = false;
}

static const struct bug_row bug_rows[] = {
    {"another organisation's subscription", spoil_organisation},
    {"another customer's subscription", spoil_customer},
    {"mixed currencies", spoil_currency},
    {"a negative total: that is a credit", spoil_total},
    {"no number is left", spoil_count},
    {"a step that bills nothing", spoil_step},
    {"a total that is not the sum", spoil_sum},
    {"terms of more than a year", spoil_terms},
};

START_TEST(test_bugs_are_caught)
{
	struct life *life = life_on(PLAN_30, 1);
	struct invoice_line lines[INVOICE_LINES_MAX];

	bug_rows[_i].spoil(life);
	ck_assert_msg(invoice_of(life, lines).sequence != 0, "%s", bug_rows[_i].name);
}
END_TEST

struct due_row {
	const char *name;
	int64_t customers, organisations;
	const char *expected;
};

static const struct due_row due_rows[] = {
    {"at once", INT64_MIN, 0, "2026-06-01T00:00:00Z"},
    {"in the organisation's days", INT64_MIN, 14, "2026-06-15T00:00:00Z"},
    {"in the customer's", 30, 14, "2026-07-01T00:00:00Z"},
    {"of which it may have none", 0, 14, "2026-06-01T00:00:00Z"},
    {"a year at most", 365, 0, "2027-06-01T00:00:00Z"},
};

START_TEST(test_due_at)
{
	const struct due_row *row = &due_rows[_i];
	struct life *life = life_on(PLAN_30, 1);
	struct invoice_line lines[INVOICE_LINES_MAX];

	life->customer.net_terms_days = row->customers;
	unit_assert_instant(
	    invoice_within(life, row->organisations, lines).due_at, row->expected, row->name);
}
END_TEST

START_TEST(test_nothing_is_due_behind_the_end_of_time)
{
	struct life *life = life_on(PLAN_30, 1);
	struct invoice_line lines[INVOICE_LINES_MAX];

	life->step.at = unit_instant("2199-12-31T00:00:00Z");
	life->customer.net_terms_days = INT64_MIN;
	unit_assert_instant(
	    invoice_within(life, 30, lines).due_at, "2199-12-31T23:59:59Z", "due_at");
}
END_TEST

static const struct tax_rate vat = {.id = {{31}},
    .code = LIVES_STR("vat"),
    .name = LIVES_STR("VAT"),
    .percentage = {(int128)20 * DECIMAL_SCALE}};
static const struct tax_rate city = {.id = {{32}},
    .code = LIVES_STR("city"),
    .name = LIVES_STR("City"),
    .percentage = {(int128)5 * DECIMAL_SCALE},
    .inclusive = true};
static const struct tax_rate zero = {.id = {{33}}, .code = LIVES_STR("zero"), .percentage = {0}};
static const struct discount tenth = {.coupon_id = {{41}}, .code = LIVES_STR("TENTH")};
static const struct discount idle = {.coupon_id = {{42}}, .code = LIVES_STR("IDLE")};
static const struct discount three = {.coupon_id = {{43}}, .code = LIVES_STR("THREE")};
static const struct item setup = {
    .description = LIVES_STR("Setting up"), .amount = 500, .currency = {"EUR"}};

/* A bill of 30.00 and an item of 5.00 with two coupons that take something off, one that does not,
 * and three rates, of which one is 0. */
static struct life *
life_assessed(void)
{
	struct life *life = life_on(PLAN_30, 1);
	struct bill *bill = &life->bill;
	struct bill_line *line = &bill->lines[1];

	line->kind = BILL_ITEM;
	line->credit = false;
	line->proration = false;
	line->version = NULL;
	line->item = &setup;
	line->period = life->step.period;
	line->amount = 500;
	memset(line->discount_shares, 0, sizeof(line->discount_shares));
	line->discount = 0;
	line->taxes_len = 1;
	line->taxes[0] = (struct bill_line_tax){&zero, 0};
	line->tax = 0;
	line->tax_included = 0;
	line = &bill->lines[0];
	line->discount_shares[0] = 300;
	line->discount_shares[2] = 180;
	line->discount = 480;
	line->taxes_len = 2;
	line->taxes[0] = (struct bill_line_tax){&vat, 480};
	line->taxes[1] = (struct bill_line_tax){&city, 120};
	line->tax = 600;
	line->tax_included = 120;
	bill->len = 2;
	bill->discounts_len = 3;
	bill->discounts[0] = (struct bill_discount){&tenth, 300};
	bill->discounts[1] = (struct bill_discount){&idle, 0};
	bill->discounts[2] = (struct bill_discount){&three, 180};
	bill->taxes_len = 3;
	bill->taxes[0] = (struct bill_tax){&vat, 2400, 480};
	bill->taxes[1] = (struct bill_tax){&city, 2400, 120};
	bill->taxes[2] = (struct bill_tax){&zero, 500, 0};
	bill->subtotal = 3500;
	bill->discount = 480;
	bill->tax = 600;
	bill->tax_included = 120;
	bill->total = 3500;
	return life;
}

START_TEST(test_discounts_and_taxes)
{
	struct life *life = life_assessed();
	struct invoice_line lines[INVOICE_LINES_MAX];
	struct invoice invoice;

	life->customer.credit_balance = 1000;
	invoice = invoice_of(life, lines);
	ck_assert_int_eq(invoice.subtotal, 3500);
	ck_assert_int_eq(invoice.discount, 480);
	ck_assert_int_eq(invoice.tax, 600);
	ck_assert_int_eq(invoice.tax_included, 120);
	ck_assert_int_eq(invoice.total, 3500);
	ck_assert_int_eq(invoice.amount_due, 2500);
	/* The coupon that took nothing off is not there, a rate of 0 is. */
	ck_assert_uint_eq(invoice.discounts_len, 2);
	unit_assert_str(invoice.discounts[0].code, "TENTH", "first");
	ck_assert_int_eq(invoice.discounts[0].amount, 300);
	unit_assert_str(invoice.discounts[1].code, "THREE", "second");
	ck_assert(uuid_equal(invoice.discounts[1].coupon_id, three.coupon_id));
	ck_assert_uint_eq(invoice.taxes_len, 3);
	unit_assert_str(invoice.taxes[0].name, "VAT", "first");
	ck_assert_int_eq(invoice.taxes[0].taxable, 2400);
	ck_assert_int_eq(invoice.taxes[0].amount, 480);
	ck_assert(!invoice.taxes[0].inclusive && invoice.taxes[1].inclusive);
	ck_assert_int_eq(decimal_compare(invoice.taxes[1].percentage, city.percentage), 0);
	ck_assert_int_eq(invoice.taxes[2].amount, 0);

	ck_assert_int_eq(lines[0].discount, 480);
	ck_assert_uint_eq(lines[0].discounts_len, 2);
	ck_assert(uuid_equal(lines[0].discounts[1].coupon_id, three.coupon_id));
	ck_assert_int_eq(lines[0].discounts[1].amount, 180);
	ck_assert_int_eq(lines[0].tax, 600);
	ck_assert_int_eq(lines[0].tax_included, 120);
	ck_assert_uint_eq(lines[0].taxes_len, 2);
	ck_assert(
	    uuid_equal(lines[0].taxes[1].tax_rate_id, city.id) && lines[0].taxes[1].inclusive);
	ck_assert_uint_eq(lines[1].discounts_len, 0);
	ck_assert_uint_eq(lines[1].taxes_len, 1);
	ck_assert(uuid_equal(lines[1].taxes[0].tax_rate_id, zero.id));
}
END_TEST

START_TEST(test_an_item_has_a_line)
{
	struct life *life = life_assessed();
	struct invoice_line lines[INVOICE_LINES_MAX], *line = &lines[1];
	struct invoice invoice = invoice_of(life, lines);

	ck_assert_uint_eq(invoice.lines_len, 2);
	unit_assert_str(line->kind, "item", "kind");
	unit_assert_str(line->charge_code, "item", "charge_code");
	unit_assert_str(line->description, "Setting up", "description");
	ck_assert(uuid_equal(line->plan_id, life->subscription.plan_id));
	ck_assert_int_eq(line->amount, 500);
	ck_assert_int_eq(line->quantity, 1);
	ck_assert_int_eq(line->unit_amount, 500);
	ck_assert(!line->deferred && !line->proration);
}
END_TEST

/* A decimal is smaller than the largest amount. */
START_TEST(test_an_item_too_dear_for_a_price)
{
	struct item item = {.description = STR("A ship"), .amount = INT64_MAX};
	struct bill_line billed = {.kind = BILL_ITEM, .item = &item, .amount = item.amount};
	struct invoice_line line;

	invoice_line_describe(&billed, &line);
	ck_assert_int_eq(line.amount, INT64_MAX);
	ck_assert_int_eq(line.unit_amount, 0);
	ck_assert(decimal_is_none(line.unit_amount_decimal));
	ck_assert(uuid_is_nil(line.plan_id));
}
END_TEST

UNIT_MAIN("invoice", UNIT_ROWS(test_number, number_rows),
    UNIT_ROWS(test_series_number, series_rows), UNIT_ABORTS(test_series_prefix_is_bounded),
    UNIT_ABORTS_ROWS(test_number_bugs_are_caught, number_bug_rows), UNIT(test_all_facts_are_set),
    UNIT_ROWS(test_amounts, amount_rows), UNIT(test_lines),
    UNIT(test_numbers_follow_the_customers_count), UNIT(test_issued_when_it_fell_due),
    UNIT_ABORTS_ROWS(test_bugs_are_caught, bug_rows), UNIT_ROWS(test_due_at, due_rows),
    UNIT(test_nothing_is_due_behind_the_end_of_time), UNIT(test_discounts_and_taxes),
    UNIT(test_an_item_has_a_line), UNIT(test_an_item_too_dear_for_a_price))
