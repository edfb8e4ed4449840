#include "common/codec/invoice_digest.h"

#include <sodium.h>

#include "tests/unit/bills.h"

/* One invoice, and what changes its digest. */

static struct bills bills;
static struct invoice invoice;

static void
coupons_add(void)
{
	for (size_t i = 0; i < 2; i++)
		bills.before[i] = (struct discount){
		    .coupon_id = BILLS_COUPON(i),
		    .percent_off = bills_percent("10"),
		    .amount_off = AMOUNT_NONE,
		    .periods_left = 1,
		    .given_whole = 1,
		};
	bills.step.after.discounts_len = 2;
}

/* A charge and an item, two discounts and two taxes. */
static void
world_make(void)
{
	static const struct bills_line lines[] = {
	    {BILLS_ADVANCE, .amount = 3000, .rates = "ab"}, {BILLS_ITEM, .amount = 500}};
	const struct bill *bill = &bills.bill;

	ck_assert_int_ge(sodium_init(), 0);
	bills_begin(&bills, "subscription_create");
	bills_rate_add(&bills, (struct bills_rate){"20", false});
	bills_rate_add(&bills, (struct bills_rate){"20", false});
	coupons_add();
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		bills_line_add(&bills, &lines[i], FRACTION_WHOLE);
	ck_assert_int_eq(bills_assess(&bills), REFUSAL_NONE);
	invoice = (struct invoice){
	    .customer_id = bills.customer.id,
	    .reason = bills.step.reason,
	    .currency = BILLS_EUR,
	    .period_start = bills.step.period.start,
	    .period_end = bills.step.period.end,
	    .tax_exempt = STR("none"),
	    .tax_exempt_reason = STR_NONE,
	    .subtotal = bill->subtotal,
	    .discount = bill->discount,
	    .tax = bill->tax,
	    .tax_included = bill->tax_included,
	    .total = bill->total,
	};
}

/* ---- What it covers. */

static void
other_customer(void)
{
	invoice.customer_id = BILLS_PLAN(9);
}

static void
other_currency(void)
{
	invoice.currency = (struct currency){"USD"};
}

static void
other_reason(void)
{
	invoice.reason = STR("subscription_cycle");
}

static void
other_period(void)
{
	invoice.period_end.s++;
}

static void
other_kind(void)
{
	bills.bill.lines[0].kind = BILL_MINIMUM;
}

static void
other_version(void)
{
	bills.versions[0].id = BILLS_PLAN(9);
}

static void
other_line_period(void)
{
	bills.bill.lines[0].period.start.s++;
}

static void
other_amount(void)
{
	bills.bill.lines[0].amount++;
}

static void
other_credit(void)
{
	bills.bill.lines[0].credit = true;
	bills.bill.lines[0].rating.usage.quantity = (struct decimal){DECIMAL_SCALE * 3 / 2};
}

static void
other_quantity(void)
{
	bills.bill.lines[0].rating.usage.quantity = decimal_from(3);
}

static void
other_item(void)
{
	bills.items[0].description = STR("Setup\n");
}

static void
other_item_amount(void)
{
	bills.bill.lines[1].amount++;
}

static void
fewer_lines(void)
{
	bills.bill.len--;
}

static void
other_coupon(void)
{
	bills.before[0].coupon_id = BILLS_COUPON(9);
}

static void
other_coupon_share(void)
{
	bills.bill.lines[0].discount_shares[0]--;
	bills.bill.lines[0].discount_shares[1]++;
}

static void
other_rate(void)
{
	bills.rates[0].id = BILLS_RATE(9);
}

static void
other_tax_share(void)
{
	bills.bill.lines[0].taxes[0].amount--;
	bills.bill.lines[0].taxes[1].amount++;
}

static void
other_taxable(void)
{
	bills.bill.taxes[0].taxable++;
}

static void
other_exemption(void)
{
	invoice.tax_exempt = STR("reverse");
}

static void
other_exemption_reason(void)
{
	invoice.tax_exempt_reason = STR("Article 196");
}

static void
other_sum(void)
{
	invoice.discount++;
}

static void
other_contained(void)
{
	invoice.tax_included++;
}

struct other_row {
	const char *name;
	void (*change)(void);
};

static const struct other_row other_rows[] = {
    {"customer", other_customer},
    {"currency", other_currency},
    {"reason", other_reason},
    {"period", other_period},
    {"a line's kind", other_kind},
    {"plan version", other_version},
    {"a line's period", other_line_period},
    {"a line's amount", other_amount},
    {"whether it is a credit", other_credit},
    {"quantity", other_quantity},
    {"an item's description", other_item},
    {"an item's amount", other_item_amount},
    {"a line less", fewer_lines},
    {"coupon", other_coupon},
    {"a coupon's share", other_coupon_share},
    {"tax rate", other_rate},
    {"a tax's share", other_tax_share},
    {"what is taxable", other_taxable},
    {"exemption", other_exemption},
    {"why it is exempt", other_exemption_reason},
    {"a sum", other_sum},
    {"the sum of contained taxes", other_contained},
};

START_TEST(test_what_changes_it)
{
	const struct other_row *row = &other_rows[_i];
	char before[INVOICE_DIGEST_SIZE], after[INVOICE_DIGEST_SIZE];

	world_make();
	invoice_digest(&invoice, &bills.bill, before);
	row->change();
	invoice_digest(&invoice, &bills.bill, after);
	ck_assert_msg(strcmp(before, after) != 0, "%s: the same", row->name);
}
END_TEST

/* ---- What it does not. */

static void
issued(void)
{
	invoice.id = BILLS_PLAN(9);
	invoice.number = STR("AB-0001");
	invoice.sequence = invoice.series_sequence = 1;
	invoice.issued_at = invoice.due_at = (struct instant){5};
}

static void
credit_applied(void)
{
	invoice.credit_applied = 70;
	invoice.amount_due = invoice.total - 70;
}

static void
other_item_id(void)
{
	bills.items[0].id = BILLS_PLAN(9);
}

static const struct other_row same_rows[] = {
    {"what issuing gives it", issued},
    {"what the credit balance pays", credit_applied},
    {"an item's id", other_item_id},
};

START_TEST(test_what_does_not)
{
	const struct other_row *row = &same_rows[_i];
	char before[INVOICE_DIGEST_SIZE], after[INVOICE_DIGEST_SIZE];

	world_make();
	invoice_digest(&invoice, &bills.bill, before);
	ck_assert_uint_eq(strlen(before), INVOICE_DIGEST_SIZE - 1);
	row->change();
	invoice_digest(&invoice, &bills.bill, after);
	ck_assert_msg(strcmp(before, after) == 0, "%s: %s, %s", row->name, before, after);
}
END_TEST

/* Texts have no bounds of their own here. */
START_TEST(test_a_long_description)
{
	static char text[5000];
	char before[INVOICE_DIGEST_SIZE], after[INVOICE_DIGEST_SIZE];

	world_make();
	memset(text, 'x', sizeof(text));
	bills.items[0].description = (struct str){text, sizeof(text)};
	invoice_digest(&invoice, &bills.bill, before);
	text[4999] = 'y';
	invoice_digest(&invoice, &bills.bill, after);
	ck_assert_str_ne(before, after);
}
END_TEST

/* ---- Byte for byte: digests are stored, and those of runs are sums of them. */

#define ZEROS "0000-0000-0000-0000-000000000000"
#define CUSTOMER "0200" ZEROS
#define PLAN "0300" ZEROS
#define RATE_A "0500" ZEROS
#define RATE_B "0501" ZEROS
#define COUPON_A "0700" ZEROS
#define COUPON_B "0701" ZEROS

static const char whole_text[] = "customer " CUSTOMER "\n"
				 "currency EUR\n"
				 "reason subscription_create\n"
				 "period 1000 2000\n"
				 "line charge base " PLAN " 1 1 1.5 1000 2000 -1\n"
				 "discount " COUPON_A " 300\n"
				 "discount " COUPON_B " 270\n"
				 "tax " RATE_A " 486\n"
				 "tax " RATE_B " 486\n"
				 "item 1000 2000 500 5 Setup\n"
				 "discount " COUPON_A " 50\n"
				 "discount " COUPON_B " 45\n"
				 "taxable " RATE_A " 2430\n"
				 "taxable " RATE_B " 2430\n"
				 "exempt none 3 a\nb\n"
				 "sums 9223372036854775807 665 972 0 -9223372036854775808\n";

START_TEST(test_the_text_that_is_hashed)
{
	unsigned char digest[INVOICE_DIGEST_BYTES];
	char text[INVOICE_DIGEST_SIZE], expected[INVOICE_DIGEST_SIZE];

	world_make();
	/* Numbers of each sign and size. */
	invoice.total = INT64_MIN;
	invoice.subtotal = INT64_MAX;
	invoice.tax_included = 0;
	invoice.tax_exempt_reason = STR("a\nb");
	bills.bill.lines[0].amount = -1;
	bills.bill.lines[0].proration = true;
	bills.bill.lines[0].credit = true;
	bills.bill.lines[0].rating.usage.quantity = (struct decimal){DECIMAL_SCALE * 3 / 2};
	invoice_digest(&invoice, &bills.bill, text);

	crypto_generichash(digest, sizeof(digest), (const unsigned char *)whole_text,
	    sizeof(whole_text) - 1, NULL, 0);
	sodium_bin2hex(expected, sizeof(expected), digest, sizeof(digest));
	ck_assert_str_eq(text, expected);
}
END_TEST

UNIT_MAIN("invoice_digest", UNIT_ROWS(test_what_changes_it, other_rows),
    UNIT_ROWS(test_what_does_not, same_rows), UNIT(test_a_long_description),
    UNIT(test_the_text_that_is_hashed))
