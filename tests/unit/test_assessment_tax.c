#include "common/domain/assessment.h"

#include "tests/unit/bills.h"

/* What taxes come to, whose they are, and what is refused. */

#define LINES 10

static struct bills bills;

#define RATES 4

struct line_tax_text {
	int64_t tax, included;
};

struct tax_row {
	const char *name;
	struct bills_rate rates[RATES]; /* 'a', 'b', … */
	/* Of the organisation, the customer and the subscription, by their letters. */
	const char *organisation, *customer, *subscription;
	const char *exempt;
	struct bills_line lines[LINES];
	const char *percent; /* a discount of so much */
	struct line_tax_text expected[LINES];
	const char *named; /* the rates of the bill, by their letters */
	int64_t amounts[RATES], taxables[RATES];
	int64_t total;
};

#define VAT "20"

static const struct tax_row tax_rows[] = {
    {"none", .lines = {{BILLS_ADVANCE, .amount = 1000}}, .total = 1000},
    {"added", {{VAT, false}}, "a", .lines = {{BILLS_ADVANCE, .amount = 1000}},
	.expected = {{200, 0}}, .named = "a", .amounts = {200}, .taxables = {1000}, .total = 1200},
    {"contained", {{VAT, true}}, "a", .lines = {{BILLS_ADVANCE, .amount = 1200}},
	.expected = {{200, 200}}, .named = "a", .amounts = {200}, .taxables = {1000},
	.total = 1200},
    {"contained, rounded: both parts add up", {{VAT, true}}, "a",
	.lines = {{BILLS_ADVANCE, .amount = 3}}, .expected = {{1, 1}}, .named = "a", .amounts = {1},
	.taxables = {2}, .total = 3},
    {"a rate of 0 is shown", {{"0", false}}, "a", .lines = {{BILLS_ADVANCE, .amount = 1000}},
	.expected = {{0, 0}}, .named = "a", .taxables = {1000}, .total = 1000},
    {"of 100 percent", {{"100", false}}, "a", .lines = {{BILLS_ADVANCE, .amount = 1000}},
	.expected = {{1000, 0}}, .named = "a", .amounts = {1000}, .taxables = {1000},
	.total = 2000},
    {"four places", {{"8.1234", false}}, "a", .lines = {{BILLS_ADVANCE, .amount = 1000000}},
	.expected = {{81234, 0}}, .named = "a", .amounts = {81234}, .taxables = {1000000},
	.total = 1081234},
    {"two, on what is before both", {{"5", false}, {"9.975", false}}, "ab",
	.lines = {{BILLS_ADVANCE, .amount = 10000}}, .expected = {{1498, 0}}, .named = "ab",
	.amounts = {500, 998}, .taxables = {10000, 10000}, .total = 11498},
    {"two contained", {{"5", true}, {"15", true}}, "ab",
	.lines = {{BILLS_ADVANCE, .amount = 12000}}, .expected = {{2000, 2000}}, .named = "ab",
	.amounts = {500, 1500}, .taxables = {10000, 10000}, .total = 12000},
    {"one contained and one added", {{"25", true}, {"10", false}}, "ab",
	.lines = {{BILLS_ADVANCE, .amount = 1250}}, .expected = {{350, 250}}, .named = "ab",
	.amounts = {250, 100}, .taxables = {1000, 1000}, .total = 1350},
    {"behind discounts", {{VAT, false}}, "a", .lines = {{BILLS_ADVANCE, .amount = 1000}},
	.percent = "25", .expected = {{150, 0}}, .named = "a", .amounts = {150}, .taxables = {750},
	.total = 900},
    {"behind a discount of everything", {{VAT, false}}, "a",
	.lines = {{BILLS_ADVANCE, .amount = 1000}}, .percent = "100", .expected = {{0, 0}},
	.named = "a", .total = 0},
    {"rounded once for all lines, not on each", {{"10", false}}, "a",
	.lines = {{BILLS_ADVANCE, .amount = 4}, {BILLS_ADVANCE, .amount = 4},
	    {BILLS_ADVANCE, .amount = 4}},
	.expected = {{1, 0}, {0, 0}, {0, 0}}, .named = "a", .amounts = {1}, .taxables = {12},
	.total = 13},
    {"the last cent goes where most is missing", {{"10", false}}, "a",
	.lines = {{BILLS_ADVANCE, .amount = 12}, {BILLS_ADVANCE, .amount = 17},
	    {BILLS_ADVANCE, .amount = 10}},
	.expected = {{1, 0}, {2, 0}, {1, 0}}, .named = "a", .amounts = {4}, .taxables = {39},
	.total = 43},
    {"a contained last cent", {{"19", true}}, "a",
	.lines = {{BILLS_ADVANCE, .amount = 333}, {BILLS_ADVANCE, .amount = 333},
	    {BILLS_ADVANCE, .amount = 334}},
	.expected = {{53, 53}, {53, 53}, {54, 54}}, .named = "a", .amounts = {160},
	.taxables = {840}, .total = 1000},
    {"of the charge first", {{VAT, false}, {"10", false}, {"5", false}, {"1", false}}, "a", "b",
	"c",
	.lines = {{BILLS_ADVANCE, .amount = 1000, .rates = "d"}, {BILLS_ADVANCE, .amount = 1000}},
	.expected = {{10, 0}, {50, 0}}, .named = "dc", .amounts = {10, 50},
	.taxables = {1000, 1000}, .total = 2060},
    {"of an item first", {{VAT, false}, {"10", false}, {"5", false}, {"1", false}}, "a", "b", "c",
	.lines = {{BILLS_ITEM, .amount = 1000, .rates = "d"}}, .expected = {{10, 0}}, .named = "d",
	.amounts = {10}, .taxables = {1000}, .total = 1010},
    {"the subscription's are for its charges alone", {{VAT, false}, {"10", false}, {"5", false}},
	"a", "b", "c", .lines = {{BILLS_ADVANCE, .amount = 1000}, {BILLS_ITEM, .amount = 1000}},
	.expected = {{50, 0}, {100, 0}}, .named = "cb", .amounts = {50, 100},
	.taxables = {1000, 1000}, .total = 2150},
    {"the customer's before the organisation's", {{VAT, false}, {"10", false}}, "a", "b",
	.lines = {{BILLS_ARREARS, .amount = 1000}}, .expected = {{100, 0}}, .named = "b",
	.amounts = {100}, .taxables = {1000}, .total = 1100},
    {"a rate that is named twice counts once", {{VAT, false}}, "aa",
	.lines = {{BILLS_ADVANCE, .amount = 1000}}, .expected = {{200, 0}}, .named = "a",
	.amounts = {200}, .taxables = {1000}, .total = 1200},
    {"who is exempt", {{VAT, false}, {"10", true}}, "ab", .exempt = "exempt",
	.lines = {{BILLS_ADVANCE, .amount = 1000, .rates = "b"}, {BILLS_ADVANCE, .amount = 1000}},
	.total = 2000},
    {"reverse charge", {{"19", true}}, "a", .exempt = "reverse",
	.lines = {{BILLS_ADVANCE, .amount = 11900}}, .total = 11900},
    {"credits take it back", {{VAT, false}}, "a", .lines = {{BILLS_CREDITED, .amount = -1500}},
	.expected = {{-300, 0}}, .named = "a", .amounts = {-300}, .taxables = {-1500},
	.total = -1800},
    {"contained in credits", {{VAT, true}}, "a",
	.lines = {{BILLS_CREDITED, .amount = -1500}, {BILLS_PRORATED, .amount = 300}},
	.expected = {{-250, -250}, {50, 50}}, .named = "a", .amounts = {-200}, .taxables = {-1000},
	.total = -1200},
    {"a credit's last cent, as that of its opposite", {{"10", false}}, "a",
	.lines = {{BILLS_CREDITED, .amount = -4}, {BILLS_CREDITED, .amount = -4},
	    {BILLS_CREDITED, .amount = -4}},
	.expected = {{-1, 0}, {0, 0}, {0, 0}}, .named = "a", .amounts = {-1}, .taxables = {-12},
	.total = -13},
    {"a charge and its maximum", {{VAT, false}}, "a",
	.lines = {{BILLS_ADVANCE, .amount = 1000}, {BILLS_ADVANCE_MAXIMUM, .amount = -400}},
	.expected = {{200, 0}, {-80, 0}}, .named = "a", .amounts = {120}, .taxables = {600},
	.total = 720},
    {"a credit and a minimum of the same charge are two things", {{"10", false}}, "a",
	.lines = {{BILLS_CREDITED, .amount = -30}, {BILLS_ADVANCE_MAXIMUM, .amount = 33}},
	.expected = {{-3, 0}, {3, 0}}, .named = "a", .taxables = {3}, .total = 3},
    {"as much as the price is contained", {{"100", true}}, "a",
	.lines = {{BILLS_ADVANCE, .amount = 101}}, .expected = {{51, 51}}, .named = "a",
	.amounts = {51}, .taxables = {50}, .total = 101},
    {"lines that contain unlike taxes", {{VAT, true}, {"10", true}, {"5", false}}, NULL,
	.lines = {{BILLS_ADVANCE, .amount = 1200, .rates = "ac"},
	    {BILLS_ADVANCE, .amount = 1100, .rates = "bc"},
	    {BILLS_ADVANCE, .amount = 1000, .rates = "c"},
	    {BILLS_ITEM, .amount = 1300, .rates = "abc"}},
	.expected = {{250, 200}, {150, 100}, {50, 0}, {350, 300}}, .named = "acb",
	.amounts = {400, 200, 200}, .taxables = {2000, 4000, 2000}, .total = 4800},
    {"half a cent is not taken off a charge of which its maximum leaves nothing", {{"100", false}},
	NULL,
	.lines = {{BILLS_ADVANCE, .amount = 1, .rates = "a"},
	    {BILLS_ADVANCE_MAXIMUM, .amount = -1, .rates = "a"}, {BILLS_ADVANCE, .amount = 1},
	    {BILLS_ADVANCE, .amount = 1}},
	.percent = "50", .expected = {{0, 0}}, .named = "a", .total = 1},
    {"nothing at all", {{VAT, false}}, "a", .total = 0},
};

static void
discount_add(const char *percent)
{
	bills.step.after.discounts_len = 1;
	bills.before[0] = (struct discount){
	    .coupon_id = BILLS_COUPON(0),
	    .percent_off = bills_percent(percent),
	    .amount_off = AMOUNT_NONE,
	    .periods_left = COUPON_UNLIMITED,
	    .given_whole = 1,
	};
}

static const struct tax_row *
tax_world(const struct tax_row *row)
{
	static struct uuid memory[3][TAX_RATES_MAX + 1];

	bills_begin(&bills, "subscription_cycle");
	for (size_t i = 0; i < RATES && row->rates[i].percentage != NULL; i++)
		bills_rate_add(&bills, row->rates[i]);
	bills.assessment.tax_rate_ids = bills_rates(row->organisation, memory[0]);
	bills.customer.tax_rate_ids = bills_rates(row->customer, memory[1]);
	bills.step.after.tax_rate_ids = bills_rates(row->subscription, memory[2]);
	if (row->exempt != NULL)
		bills.customer.tax_exempt = str_from(row->exempt);
	for (size_t i = 0; i < LINES && row->lines[i].what != BILLS_NONE; i++)
		bills_line_add(&bills, &row->lines[i], FRACTION_WHOLE);
	if (row->percent != NULL)
		discount_add(row->percent);
	return row;
}

/* No document says a rate twice of a line. */
static void
assert_each_once(const char *name, const struct bill_line *line)
{
	for (size_t i = 0; i < line->taxes_len; i++)
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(line->taxes[i].rate != line->taxes[j].rate, "%s", name);
}

START_TEST(test_what_taxes_come_to)
{
	const struct tax_row *row = tax_world(&tax_rows[_i]);
	const struct bill *bill = &bills.bill;
	size_t named = row->named == NULL ? 0 : strlen(row->named);

	ck_assert_msg(bills_assess(&bills) == REFUSAL_NONE, "%s: refused", row->name);
	ck_assert_msg(bill->taxes_len == named, "%s: %zu rates", row->name, bill->taxes_len);
	for (size_t i = 0; i < named; i++) {
		const struct bill_tax *tax = &bill->taxes[i];

		ck_assert_ptr_eq(tax->rate, &bills.rates[row->named[i] - 'a']);
		ck_assert_msg(tax->amount == row->amounts[i], "%s: rate %zu: %" PRId64, row->name,
		    i, tax->amount);
		ck_assert_msg(tax->taxable == row->taxables[i], "%s: rate %zu of %" PRId64,
		    row->name, i, tax->taxable);
	}
	for (size_t i = 0; i < bill->len; i++) {
		ck_assert_msg(bill->lines[i].tax == row->expected[i].tax, "%s: line %zu: %" PRId64,
		    row->name, i, bill->lines[i].tax);
		ck_assert_msg(bill->lines[i].tax_included == row->expected[i].included,
		    "%s: line %zu contains %" PRId64, row->name, i, bill->lines[i].tax_included);
		assert_each_once(row->name, &bill->lines[i]);
	}
	bills_assert_sums(row->name, bill);
	ck_assert_msg(bill->total == row->total, "%s: %" PRId64, row->name, bill->total);
}
END_TEST

/* Of a charge whose own line is nothing its minimum alone is there: behind another's line. */
START_TEST(test_a_bound_belongs_to_its_own_charge)
{
	static const struct bills_line lines[] = {
	    {BILLS_ADVANCE, .amount = 33}, {BILLS_ADVANCE_MAXIMUM, .amount = -30}};
	static struct uuid memory[TAX_RATES_MAX + 1];

	bills_begin(&bills, "subscription_cycle");
	bills_rate_add(&bills, (struct bills_rate){"10", false});
	bills.assessment.tax_rate_ids = bills_rates("a", memory);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		bills_line_add(&bills, &lines[i], FRACTION_WHOLE);
	bills.charges[1] = bills.charges[0];
	bills.bill.lines[1].rating.charge = &bills.charges[1];
	ck_assert_int_eq(bills_assess(&bills), REFUSAL_NONE);
	ck_assert_int_eq(bills.bill.tax, 0);
	ck_assert_int_eq(bills.bill.lines[0].tax, 3);
	ck_assert_int_eq(bills.bill.lines[1].tax, -3);
}
END_TEST

/* ---- What is refused. */

struct refusal_row {
	const char *name;
	struct bills_rate rates[BILLS_RATES_MAX];
	struct bills_line lines[LINES + 1];
	enum refusal expected;
};

/* Five that are contained, one that is added, and as much as the price. */
#define MIXED                                                                                   \
	{                                                                                       \
		{"1", true}, {"2", true}, {"4", true}, {"8", true}, {"16", true}, {"5", false}, \
		{                                                                               \
			"100", false                                                            \
		}                                                                               \
	}

static const struct refusal_row refusal_rows[] = {
    {"a rate that there is not", {{"20", false}}, {{BILLS_ADVANCE, .amount = 10, .rates = "b"}},
	REFUSAL_TAX_RATE_NOT_FOUND},
    {"of an item", {{"20", false}}, {{BILLS_ITEM, .amount = 10, .rates = "b"}},
	REFUSAL_TAX_RATE_NOT_FOUND},
    {"eight unlike sums of contained taxes", MIXED,
	{{BILLS_ADVANCE, .amount = 10, .rates = "a"}, {BILLS_ADVANCE, .amount = 10, .rates = "b"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "ab"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "c"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "ac"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "bc"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "abc"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "d"}, {BILLS_ADVANCE, .amount = 10}},
	REFUSAL_NONE},
    {"nine of them", MIXED,
	{{BILLS_ADVANCE, .amount = 10, .rates = "a"}, {BILLS_ADVANCE, .amount = 10, .rates = "b"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "ab"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "c"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "ac"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "bc"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "abc"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "d"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "ad"}},
	REFUSAL_TAX_TOO_MIXED},
    {"that of none is one of them", MIXED,
	{{BILLS_ADVANCE, .amount = 10, .rates = "a"}, {BILLS_ADVANCE, .amount = 10, .rates = "b"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "ab"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "c"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "ac"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "bc"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "abc"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "d"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "f"}},
	REFUSAL_TAX_TOO_MIXED},
    {"equal sums are one", MIXED,
	{{BILLS_ADVANCE, .amount = 10, .rates = "a"}, {BILLS_ADVANCE, .amount = 10, .rates = "b"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "ab"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "ba"},
	    {BILLS_ADVANCE, .amount = 10, .rates = "c"}},
	REFUSAL_NONE},
    {"a total beyond 64 bits", MIXED, {{BILLS_ADVANCE, .amount = INT64_MAX, .rates = "g"}},
	REFUSAL_AMOUNT_OUT_OF_RANGE},
    {"a total below them", MIXED, {{BILLS_CREDITED, .amount = -INT64_MAX, .rates = "g"}},
	REFUSAL_AMOUNT_OUT_OF_RANGE},
    {"as much as there is room for", {{"20", true}}, {{BILLS_ADVANCE, .amount = INT64_MAX}},
	REFUSAL_NONE},
    {"a contained tax that has none", {{"20", true}},
	{{BILLS_ADVANCE, .amount = INT64_C(9000000000000000000), .rates = "a"}},
	REFUSAL_AMOUNT_OUT_OF_RANGE},
    {"a line's second tax that has none", {{"40", false}, {"40", false}},
	{{BILLS_ADVANCE, .amount = INT64_C(6000000000000000000), .rates = "ab"}},
	REFUSAL_AMOUNT_OUT_OF_RANGE},
    {"lines that fit by their signs alone", {{"20", true}},
	{{BILLS_ARREARS, .amount = INT64_C(9000000000000000000)},
	    {BILLS_CREDITED, .amount = -INT64_C(9000000000000000000), .rates = "a"},
	    {BILLS_PRORATED, .amount = INT64_C(9000000000000000000)}},
	REFUSAL_AMOUNT_OUT_OF_RANGE},
    {"taxes of two rates beyond 64 bits", {{"100", false}, {"100", false}},
	{{BILLS_CREDITED, .amount = -INT64_MAX},
	    {BILLS_PRORATED, .amount = INT64_MAX, .rates = "ab"}},
	REFUSAL_AMOUNT_OUT_OF_RANGE},
    {"taxes that have no opposite", {{"100", false}, {"100", false}},
	{{BILLS_CREDITED, .amount = -(INT64_MAX / 2 + 1), .rates = "ab"},
	    {BILLS_PRORATED, .amount = INT64_MAX}},
	REFUSAL_AMOUNT_OUT_OF_RANGE},
    {"what is taxable beyond 64 bits", {{"0", true}},
	{{BILLS_CREDITED, .amount = -INT64_MAX},
	    {BILLS_PRORATED, .amount = INT64_MAX, .rates = "a"},
	    {BILLS_PRORATED, .amount = INT64_MAX, .rates = "a"}},
	REFUSAL_AMOUNT_OUT_OF_RANGE},
    {"an item too much", {{"20", false}},
	{{BILLS_ADVANCE, .amount = INT64_MAX}, {BILLS_ITEM, .amount = 1}},
	REFUSAL_AMOUNT_OUT_OF_RANGE},
    {"the largest total", {{"100", false}},
	{{BILLS_ADVANCE, .amount = INT64_MAX / 2, .rates = "a"}}, REFUSAL_NONE},
    {"the least", {{"100", false}}, {{BILLS_CREDITED, .amount = -(INT64_MAX / 2), .rates = "a"}},
	REFUSAL_NONE},
};

START_TEST(test_what_is_refused)
{
	const struct refusal_row *row = &refusal_rows[_i];
	enum refusal refusal;

	bills_begin(&bills, "subscription_update");
	for (size_t i = 0; i < BILLS_RATES_MAX && row->rates[i].percentage != NULL; i++)
		bills_rate_add(&bills, row->rates[i]);
	for (size_t i = 0; i <= LINES && row->lines[i].what != BILLS_NONE; i++)
		bills_line_add(&bills, &row->lines[i], FRACTION_WHOLE);
	refusal = bills_assess(&bills);
	ck_assert_msg(refusal == row->expected, "%s: %d", row->name, (int)refusal);
}
END_TEST

START_TEST(test_a_percentage_of_five_places_is_a_bug)
{
	static const struct bills_line line = {BILLS_ADVANCE, .amount = 1000, .rates = "a"};

	bills_begin(&bills, "subscription_cycle");
	bills_rate_add(&bills, (struct bills_rate){"1", false});
	bills.rates[0].percentage.units = DECIMAL_SCALE / 100000;
	bills_line_add(&bills, &line, FRACTION_WHOLE);
	(void)!bills_assess(&bills);
}
END_TEST

UNIT_MAIN("assessment_tax", UNIT_ROWS(test_what_taxes_come_to, tax_rows),
    UNIT(test_a_bound_belongs_to_its_own_charge), UNIT_ROWS(test_what_is_refused, refusal_rows),
    UNIT_ABORTS(test_a_percentage_of_five_places_is_a_bug))
