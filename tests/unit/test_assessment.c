#include "common/domain/assessment.h"

#include "tests/unit/bills.h"

/* What discounts take off bills of each kind, and what is left of them afterwards. */

#define LINES 5
#define DISCOUNTS 3
#define HALF         \
	{            \
		1, 2 \
	}
#define EVER COUPON_UNLIMITED

static struct bills bills;

struct discount_text {
	const char *percent; /* or: */
	int64_t amount;
	int64_t left; /* periods */
	bool covers;
	int64_t given, part, whole; /* a part and a whole of 0: 0 and 1 */
	int plan;                   /* that it is for alone, from 1; 0: all */
};

struct discount_row {
	const char *name, *reason;
	struct bills_line lines[LINES];
	struct fraction fraction;
	struct discount_text discounts[DISCOUNTS];
	int64_t shares[DISCOUNTS][LINES];
	struct discount_text after[DISCOUNTS];
};

static const struct discount_row discount_rows[] = {
    {"a percentage, once", "subscription_create", {{BILLS_ADVANCE, .amount = 3000}}, {1, 1},
	{{"20", .left = 1}}, {{600}}, {{"20", .left = 0, .covers = true}}},
    {"a percentage, for some periods", "subscription_cycle", {{BILLS_ADVANCE, .amount = 3000}},
	{1, 1}, {{"20", .left = 3, .covers = true}}, {{600}}, {{"20", .left = 2, .covers = true}}},
    {"a percentage, forever", "subscription_cycle", {{BILLS_ADVANCE, .amount = 3000}}, {1, 1},
	{{"20", .left = EVER}}, {{600}}, {{"20", .left = EVER, .covers = true}}},
    {"a percentage that is used up", "subscription_cycle", {{BILLS_ADVANCE, .amount = 3000}},
	{1, 1}, {{"20", .left = 0, .covers = true}}, {{0}}, {{"20", .left = 0, .covers = false}}},
    {"rounded once, the last cent to the earlier line", "subscription_create",
	{{BILLS_ADVANCE, .amount = 5}, {BILLS_ADVANCE, .amount = 5}, {BILLS_ADVANCE, .amount = 5}},
	{1, 1}, {{"10", .left = 1}}, {{1, 1, 0}}, {{"10", .left = 0, .covers = true}}},
    {"a cent uses a period up", "subscription_cycle", {{BILLS_ADVANCE, .amount = 10}}, {1, 1},
	{{"10", .left = 2}}, {{1}}, {{"10", .left = 1, .covers = true}}},
    {"four places", "subscription_create", {{BILLS_ADVANCE, .amount = 1000000}}, {1, 1},
	{{"12.3456", .left = 1}}, {{123456}}, {{"12.3456", .left = 0, .covers = true}}},
    {"all of it", "subscription_create",
	{{BILLS_ADVANCE, .amount = 3000}, {BILLS_ITEM, .amount = 70}}, {1, 1}, {{"100", .left = 1}},
	{{3000, 70}}, {{"100", .left = 0, .covers = true}}},
    {"what takes nothing off uses no period up", "subscription_cycle",
	{{BILLS_ADVANCE, .amount = 0}}, {1, 1},
	{{"20", .left = 3, .covers = true},
	    {.amount = 500, .left = 2, .covers = true, .given = 5, .part = 1, .whole = 1}},
	{{0}, {0}}, {{"20", .left = 3}, {.amount = 500, .left = 2}}},
    {"an amount", "subscription_create", {{BILLS_ADVANCE, .amount = 3000}}, {1, 1},
	{{.amount = 1000, .left = 1}}, {{1000}},
	{{.amount = 1000, .covers = true, .given = 1000, .part = 1, .whole = 1}}},
    {"an amount of a cent", "subscription_create", {{BILLS_ADVANCE, .amount = 1}}, {1, 1},
	{{.amount = 1, .left = 1}}, {{1}},
	{{.amount = 1, .covers = true, .given = 1, .part = 1, .whole = 1}}},
    {"an amount larger than the lines: the rest lapses", "subscription_create",
	{{BILLS_ADVANCE, .amount = 300}}, {1, 1}, {{.amount = 1000, .left = EVER}}, {{300}},
	{{.amount = 1000, .left = EVER, .covers = true, .given = 300, .part = 1, .whole = 1}}},
    {"an amount over charges in arrears, in advance and an item", "subscription_cycle",
	{{BILLS_ARREARS, .amount = 1000}, {BILLS_ADVANCE, .amount = 3000},
	    {BILLS_ITEM, .amount = 1000}},
	{20, 30}, {{.amount = 500, .left = 2}}, {{100, 300, 100}},
	{{.amount = 500, .left = 1, .covers = true, .given = 300, .part = 20, .whole = 30}}},
    {"an amount off charges in arrears alone gives nothing", "subscription_cycle",
	{{BILLS_ARREARS, .amount = 1000}}, {1, 1}, {{.amount = 500, .left = 2}}, {{500}},
	{{.amount = 500, .left = 1, .covers = true}}},
    {"a charge and its maximum", "subscription_create",
	{{BILLS_ADVANCE, .amount = 1000}, {BILLS_ADVANCE_MAXIMUM, .amount = -400},
	    {BILLS_ADVANCE, .amount = 600}},
	{1, 1}, {{.amount = 600, .left = 1}, {"50", .left = 1}},
	{{500, -200, 300}, {250, -100, 150}},
	{{.amount = 600, .covers = true, .given = 600, .part = 1, .whole = 1},
	    {"50", .covers = true}}},
    {"a percentage before an amount", "subscription_create", {{BILLS_ADVANCE, .amount = 3000}},
	{1, 1}, {{"50", .left = 1}, {.amount = 1000, .left = 1}}, {{1500}, {1000}},
	{{"50", .covers = true},
	    {.amount = 1000, .covers = true, .given = 1000, .part = 1, .whole = 1}}},
    {"an amount before a percentage", "subscription_create", {{BILLS_ADVANCE, .amount = 3000}},
	{1, 1}, {{.amount = 1000, .left = 1}, {"50", .left = 1}}, {{1000}, {1000}},
	{{.amount = 1000, .covers = true, .given = 1000, .part = 1, .whole = 1},
	    {"50", .covers = true}}},
    {"nothing left for the second", "subscription_create", {{BILLS_ADVANCE, .amount = 800}}, {1, 1},
	{{.amount = 1000, .left = 1}, {.amount = 500, .left = 1}}, {{800}, {0}},
	{{.amount = 1000, .covers = true, .given = 800, .part = 1, .whole = 1},
	    {.amount = 500, .left = 1}}},
    {"of one plan alone", "subscription_cycle",
	{{BILLS_ARREARS, .amount = 1000}, {BILLS_ADVANCE, .amount = 3000, .plan = 1},
	    {BILLS_ITEM, .amount = 500}},
	{1, 1}, {{"10", .left = 1, .plan = 2}, {.amount = 900, .left = 1, .plan = 1}},
	{{0, 300, 0}, {900, 0, 0}},
	{{"10", .covers = true, .plan = 2}, {.amount = 900, .covers = true, .plan = 1}}},
    {"a change inside a covered period", "subscription_update",
	{{BILLS_CREDITED, .amount = -1500}, {BILLS_PRORATED, .amount = 3000}}, HALF,
	{{"10", .covers = true}}, {{-150, 300}}, {{"10", .covers = true}}},
    {"and what else is on its bill", "subscription_update",
	{{BILLS_USED, .amount = 70}, {BILLS_CREDITED, .amount = -1500},
	    {BILLS_PRORATED, .amount = 500}, {BILLS_ITEM, .amount = 100}},
	HALF, {{"10", .left = 5, .covers = true}}, {{7, -150, 50, 10}},
	{{"10", .left = 5, .covers = true}}},
    {"one that is used up goes on with what was charged in advance alone", "subscription_update",
	{{BILLS_USED, .amount = 100000}, {BILLS_CREDITED, .amount = -500},
	    {BILLS_PRORATED, .amount = 500}, {BILLS_ITEM, .amount = 100}},
	HALF, {{"50", .covers = true}}, {{0, -250, 250, 0}}, {{"50", .covers = true}}},
    {"one that is used up in a period that is not covered", "subscription_update",
	{{BILLS_USED, .amount = 70}, {BILLS_CREDITED, .amount = -1500},
	    {BILLS_PRORATED, .amount = 3000}},
	HALF, {{"10", .left = 0}, {.amount = 1000, .left = 0}}, {{0, 0, 0}, {0, 0, 0}},
	{{"10", .left = 0}, {.amount = 1000, .left = 0}}},
    {"a change in a period that is not covered yet", "subscription_update",
	{{BILLS_CREDITED, .amount = -1500}, {BILLS_PRORATED, .amount = 3000}}, HALF,
	{{"10", .left = 2}}, {{0, 300}}, {{"10", .left = 1, .covers = true}}},
    {"from a plan for nothing", "subscription_update", {{BILLS_PRORATED, .amount = 1500}}, HALF,
	{{"20", .left = EVER}}, {{300}}, {{"20", .left = EVER, .covers = true}}},
    {"and back to it", "subscription_update", {{BILLS_CREDITED, .amount = -1500}}, HALF,
	{{"20", .left = EVER, .covers = true}}, {{-300}}, {{"20", .left = EVER, .covers = true}}},
    {"from no seats to ten", "subscription_update", {{BILLS_PRORATED, .amount = 9986}},
	{2588400, 2592000}, {{"20", .left = EVER}, {.amount = 700, .left = 1}}, {{1997}, {700}},
	{{"20", .left = EVER, .covers = true},
	    {.amount = 700, .covers = true, .given = 700, .part = 2588400, .whole = 2592000}}},
    {"what was used on a plan for usage alone", "subscription_update",
	{{BILLS_USED, .amount = 100000}}, HALF, {{"20", .left = EVER}, {.amount = 500, .left = 2}},
	{{20000}, {500}},
	{{"20", .left = EVER, .covers = true}, {.amount = 500, .left = 1, .covers = true}}},
    {"what the one before it took all of, until there is more", "subscription_update",
	{{BILLS_CREDITED, .amount = -1500}, {BILLS_PRORATED, .amount = 5000}}, HALF,
	{{.amount = 3000, .covers = true, .given = 3000, .part = 1, .whole = 1},
	    {"50", .left = EVER}},
	{{-1500, 1500}, {0, 1750}},
	{{.amount = 3000, .covers = true, .given = 1500, .part = 1, .whole = 2},
	    {"50", .left = EVER, .covers = true}}},
    {"an amount in a period that is not covered yet", "subscription_update",
	{{BILLS_USED, .amount = 500}, {BILLS_CREDITED, .amount = -300},
	    {BILLS_PRORATED, .amount = 1500}, {BILLS_ITEM, .amount = 500}},
	HALF, {{.amount = 1000, .left = 2}}, {{200, 0, 600, 200}},
	{{.amount = 1000, .left = 1, .covers = true, .given = 600, .part = 1, .whole = 2}}},
    {"nothing to take off inside a period uses nothing up", "subscription_update",
	{{BILLS_CREDITED, .amount = -1500}, {BILLS_PRORATED, .amount = 3000, .plan = 1}}, HALF,
	{{"10", .left = 2, .plan = 1}, {.amount = 1000, .left = EVER, .plan = 1}}, {{0, 0}, {0, 0}},
	{{"10", .left = 2, .plan = 1}, {.amount = 1000, .left = EVER, .plan = 1}}},
    {"a change, and an amount", "subscription_update",
	{{BILLS_CREDITED, .amount = -1500}, {BILLS_PRORATED, .amount = 3000}}, HALF,
	{{.amount = 1000, .covers = true, .given = 1000, .part = 1, .whole = 1}}, {{-500, 500}},
	{{.amount = 1000, .covers = true, .given = 500, .part = 1, .whole = 2}}},
    {"of an amount no charge in arrears and no item has a part", "subscription_update",
	{{BILLS_USED, .amount = 900}, {BILLS_CREDITED, .amount = -1500},
	    {BILLS_PRORATED, .amount = 300}, {BILLS_ITEM, .amount = 900}},
	HALF, {{.amount = 1000, .covers = true, .given = 1000, .part = 1, .whole = 1}},
	{{0, -500, 300, 0}},
	{{.amount = 1000, .covers = true, .given = 500, .part = 1, .whole = 2}}},
    {"back from smaller charges", "subscription_update",
	{{BILLS_CREDITED, .amount = -300}, {BILLS_PRORATED, .amount = 1500}}, HALF,
	{{.amount = 1000, .covers = true, .given = 500, .part = 1, .whole = 2}}, {{-300, 500}},
	{{.amount = 1000, .covers = true, .given = 500, .part = 1, .whole = 2}}},
    {"back from a quantity of 0", "subscription_update", {{BILLS_PRORATED, .amount = 1500}}, HALF,
	{{.amount = 1000, .covers = true, .given = 500, .part = 1, .whole = 2}}, {{500}},
	{{.amount = 1000, .covers = true, .given = 500, .part = 1, .whole = 2}}},
    {"to a plan that it is not for", "subscription_update",
	{{BILLS_CREDITED, .amount = -1500}, {BILLS_PRORATED, .amount = 3000, .plan = 1}}, HALF,
	{{.amount = 1000, .covers = true, .given = 1000, .part = 1, .whole = 1, .plan = 1},
	    {"10", .covers = true, .plan = 1}},
	{{-500, 0}, {-100, 0}},
	{{.amount = 1000, .covers = true, .given = 500, .part = 1, .whole = 2, .plan = 1},
	    {"10", .covers = true, .plan = 1}}},
    {"of a part in days, what was given for seconds", "subscription_update",
	{{BILLS_CREDITED, .amount = -1000}, {BILLS_PRORATED, .amount = 2000}}, {10, 30},
	{{.amount = 900, .covers = true, .given = 600, .part = 1728000, .whole = 2592000}},
	{{-300, 300}}, {{.amount = 900, .covers = true, .given = 300, .part = 10, .whole = 30}}},
    {"never more than was given", "subscription_update",
	{{BILLS_CREDITED, .amount = -3000}, {BILLS_PRORATED, .amount = 6000}}, {30, 30},
	{{.amount = 900, .covers = true, .given = 600, .part = 20, .whole = 30}}, {{-600, 600}},
	{{.amount = 900, .covers = true, .given = 600, .part = 30, .whole = 30}}},
    {"half a cent is rounded up", "subscription_update",
	{{BILLS_CREDITED, .amount = -3000}, {BILLS_PRORATED, .amount = 6000}}, HALF,
	{{.amount = 900, .covers = true, .given = 5, .part = 1, .whole = 1}}, {{-3, 3}},
	{{.amount = 900, .covers = true, .given = 3, .part = 1, .whole = 2}}},
    {"what is left of a cent", "subscription_update",
	{{BILLS_CREDITED, .amount = -30}, {BILLS_PRORATED, .amount = 60}}, {1, 100},
	{{.amount = 900, .covers = true, .given = 5, .part = 1, .whole = 1}}, {{0, 0}},
	{{.amount = 900, .covers = true}}},
    {"an amount without lines of a part", "subscription_update", {{BILLS_ITEM, .amount = 60}},
	{1, 1}, {{.amount = 900, .covers = true, .given = 5, .part = 1, .whole = 1}}, {{0}},
	{{.amount = 900, .covers = true, .given = 5, .part = 1, .whole = 1}}},
    {"a cancellation gives back what was paid", "subscription_cancel",
	{{BILLS_CREDITED, .amount = -1500}}, HALF,
	{{.amount = 1000, .covers = true, .given = 1000, .part = 1, .whole = 1},
	    {"10", .covers = true}},
	{{-500}, {-100}}, {{.amount = 1000}, {.percent = "10"}}},
    {"and nothing where nothing was", "subscription_cancel", {{BILLS_CREDITED, .amount = -1500}},
	HALF,
	{{.amount = 9000, .covers = true, .given = 3000, .part = 1, .whole = 1},
	    {.percent = "100"}},
	{{-1500}, {0}}, {{.amount = 9000}, {.percent = "100"}}},
    {"a cancellation uses a period up for what is owed in arrears", "subscription_cancel",
	{{BILLS_USED, .amount = 400}, {BILLS_CREDITED, .amount = -1500}}, HALF,
	{{"10", .left = 2, .covers = true},
	    {.amount = 100, .left = 1, .covers = true, .given = 100, .part = 1, .whole = 1}},
	{{40, -150}, {100, -50}},
	{{"10", .left = 1, .covers = true}, {.amount = 100, .covers = true}}},
    {"its end", "subscription_end", {{BILLS_ARREARS, .amount = 400}}, {1, 1}, {{"10", .left = 2}},
	{{40}}, {{"10", .left = 1, .covers = true}}},
    {"a credited maximum", "subscription_cancel",
	{{BILLS_CREDITED, .amount = -1000}, {BILLS_CREDITED_MAXIMUM, .amount = 400}}, HALF,
	{{.amount = 600, .covers = true, .given = 600, .part = 1, .whole = 1}}, {{-500, 200}},
	{{.amount = 600}}},
    {"a part that costs nothing", "subscription_create",
	{{BILLS_ADVANCE, .amount = 0}, {BILLS_ITEM, .amount = 300}}, {0, 1},
	{{.amount = 500, .left = 2}}, {{0, 300}}, {{.amount = 500, .left = 1, .covers = true}}},
    {"the largest amounts", "subscription_create",
	{{BILLS_ADVANCE, .amount = INT64_MAX - 1}, {BILLS_ITEM, .amount = 1}}, {1, 1},
	{{.amount = INT64_MAX, .left = 1}, {"100", .left = 1}}, {{INT64_MAX - 1, 1}, {0, 0}},
	{{.amount = INT64_MAX, .covers = true, .given = INT64_MAX - 1, .part = 1, .whole = 1},
	    {"100", .left = 1}}},
    {"the largest given part", "subscription_update",
	{{BILLS_CREDITED, .amount = -INT64_MAX / 2}, {BILLS_PRORATED, .amount = INT64_MAX / 2}},
	{FRACTION_WHOLE_MAX - 1, FRACTION_WHOLE_MAX},
	{{.amount = INT64_MAX / 2,
	    .covers = true,
	    .given = INT64_MAX / 2,
	    .part = FRACTION_WHOLE_MAX,
	    .whole = FRACTION_WHOLE_MAX}},
	{{-(INT64_MAX / 2 - (INT64_C(1) << 22)), INT64_MAX / 2 - (INT64_C(1) << 22)}},
	{{.amount = INT64_MAX / 2,
	    .covers = true,
	    .given = INT64_MAX / 2 - (INT64_C(1) << 22),
	    .part = FRACTION_WHOLE_MAX - 1,
	    .whole = FRACTION_WHOLE_MAX}}},
};

/* Updates that turn the period. */
static const struct discount_row turning_rows[] = {
    {"to another interval: the old one's rest, and a whole new period", "subscription_update",
	{{BILLS_CREDITED, .amount = -1500}, {BILLS_ADVANCE, .amount = 30000}}, HALF,
	{{"10", .left = 1, .covers = true},
	    {.amount = 500, .left = EVER, .covers = true, .given = 500, .part = 1, .whole = 1},
	    {.amount = 700, .covers = true, .given = 700, .part = 1, .whole = 1}},
	{{-150, 3000}, {-250, 500}, {-350, 0}},
	{{"10", .covers = true},
	    {.amount = 500, .left = EVER, .covers = true, .given = 500, .part = 1, .whole = 2},
	    {.amount = 700}}},
    {"to another interval, in arrears alone: nothing covers the new period", "subscription_update",
	{{BILLS_CREDITED, .amount = -1500}}, HALF,
	{{.percent = "100", .covers = true}, {"10", .left = EVER, .covers = true},
	    {.amount = 700, .left = 2, .covers = true, .given = 700, .part = 1, .whole = 1}},
	{{-1500}, {0}, {0}},
	{{.percent = "100"}, {"10", .left = EVER}, {.amount = 700, .left = 2}}},
};

static const struct uuid plan_ids[] = {{{3, 0}}, {{3, 1}}};

static bool
is_text(const struct discount_text *text)
{
	return text->percent != NULL || text->amount != 0;
}

static struct discount
discount_make(const struct discount_text *text, size_t number)
{
	struct discount discount = {
	    .coupon_id = BILLS_COUPON(number),
	    .percent_off = bills_percent(text->percent),
	    .amount_off = text->percent == NULL ? text->amount : AMOUNT_NONE,
	    .periods_left = text->left,
	    .covers = text->covers,
	    .given = text->given,
	    .given_part = text->part,
	    .given_whole = text->whole == 0 ? 1 : text->whole,
	};

	if (text->plan != 0)
		discount.plan_ids = (struct uuid_list){&plan_ids[text->plan - 1], 1};
	return discount;
}

static void
discount_add(const struct discount_text *text)
{
	size_t number = bills.step.after.discounts_len++;

	bills.before[number] = discount_make(text, number);
}

static void
assert_discount(const char *name, const struct discount *actual, const struct discount_text *text)
{
	struct discount expected = discount_make(text, 0);

	ck_assert_msg(actual->periods_left == expected.periods_left, "%s: %" PRId64 " periods left",
	    name, actual->periods_left);
	ck_assert_msg(actual->covers == expected.covers, "%s: covers", name);
	ck_assert_msg(actual->given == expected.given &&
			  actual->given_part == expected.given_part &&
			  actual->given_whole == expected.given_whole,
	    "%s: given %" PRId64 " for %" PRId64 " of %" PRId64, name, actual->given,
	    actual->given_part, actual->given_whole);
	ck_assert(actual->amount_off == expected.amount_off);
}

static void
assert_taken(const struct discount_row *row, bool turns_period)
{
	const struct bill *bill = &bills.bill;

	bills_begin(&bills, row->reason);
	bills.step.turns_period |= turns_period;
	for (size_t i = 0; i < LINES && row->lines[i].what != BILLS_NONE; i++)
		bills_line_add(&bills, &row->lines[i], row->fraction);
	for (size_t i = 0; i < DISCOUNTS && is_text(&row->discounts[i]); i++)
		discount_add(&row->discounts[i]);
	ck_assert_msg(bills_assess(&bills) == REFUSAL_NONE, "%s: refused", row->name);

	ck_assert_uint_eq(bill->discounts_len, bills.step.after.discounts_len);
	ck_assert_ptr_eq(bills.step.after.discounts, bills.after);
	for (size_t i = 0; i < bill->discounts_len; i++) {
		int64_t sum = 0;

		for (size_t j = 0; j < bill->len; j++) {
			int64_t share = bill->lines[j].discount_shares[i];

			ck_assert_msg(share == row->shares[i][j],
			    "%s: discount %zu, line %zu: %" PRId64, row->name, i, j, share);
			sum += share;
		}
		ck_assert_msg(bill->discounts[i].amount == sum, "%s: discount %zu", row->name, i);
		ck_assert_ptr_eq(bill->discounts[i].discount, &bills.before[i]);
		assert_discount(row->name, &bills.after[i], &row->after[i]);
		ck_assert(bills.before[i].periods_left == row->discounts[i].left);
	}
	bills_assert_sums(row->name, bill);
}

START_TEST(test_what_discounts_take)
{
	assert_taken(&discount_rows[_i], false);
}
END_TEST

START_TEST(test_what_discounts_take_of_a_new_interval)
{
	assert_taken(&turning_rows[_i], true);
}
END_TEST

/* The sum of the charges is beyond 64 bits, though that of all lines is not. */
START_TEST(test_a_discount_of_lines_beyond_64_bits)
{
	static const struct bills_line lines[] = {{BILLS_ADVANCE, .amount = INT64_MAX},
	    {BILLS_CREDITED, .amount = -INT64_MAX}, {BILLS_ADVANCE, .amount = INT64_MAX}};
	static const struct discount_text discounts[] = {
	    {.percent = "100", .left = 1}, {.amount = INT64_MAX, .left = 1}};

	for (size_t i = 0; i < ARRAY_LEN(discounts); i++) {
		bills_begin(&bills, "subscription_update");
		bills.step.turns_period = true;
		for (size_t j = 0; j < ARRAY_LEN(lines); j++)
			bills_line_add(&bills, &lines[j], FRACTION_WHOLE);
		discount_add(&discounts[i]);
		ck_assert_int_eq(bills_assess(&bills), REFUSAL_AMOUNT_OUT_OF_RANGE);
	}
}
END_TEST

/* A period that turns without a bill. */
START_TEST(test_discounts_lapse)
{
	static const struct discount_text discounts[] = {
	    {"100", .covers = true}, {.amount = 700,
					 .left = EVER,
					 .covers = true,
					 .given = 700,
					 .part = 1,
					 .whole = 2,
					 .plan = 1}};
	static const struct discount_text after[] = {
	    {.percent = "100"}, {.amount = 700, .left = EVER, .plan = 1}};

	bills_begin(&bills, "subscription_update");
	bills.step.bills = false;
	bills.step.turns_period = true;
	for (size_t i = 0; i < ARRAY_LEN(discounts); i++)
		discount_add(&discounts[i]);
	assessment_lapse(&bills.step, bills.after);
	ck_assert_ptr_eq(bills.step.after.discounts, bills.after);
	for (size_t i = 0; i < ARRAY_LEN(after); i++) {
		assert_discount("lapsed", &bills.after[i], &after[i]);
		ck_assert(bills.before[i].covers);
	}
	ck_assert_uint_eq(bills.after[1].plan_ids.len, 1);
}
END_TEST

/* ---- Items and limits. */

START_TEST(test_items_are_lines)
{
	static const struct bills_line lines[] = {
	    {BILLS_ITEM, .amount = 70}, {BILLS_ITEM, .amount = 30}};
	const struct bill *bill = &bills.bill;

	bills_begin(&bills, "subscription_cycle");
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		bills_line_add(&bills, &lines[i], FRACTION_WHOLE);
	ck_assert_int_eq(bills_assess(&bills), REFUSAL_NONE);
	ck_assert_uint_eq(bill->len, 2);
	ck_assert(uuid_equal(bill->plan_id, BILLS_PLAN(1)));
	for (size_t i = 0; i < bill->len; i++) {
		const struct bill_line *line = &bill->lines[i];

		ck_assert_int_eq(line->kind, BILL_ITEM);
		ck_assert_ptr_eq(line->item, &bills.items[i]);
		ck_assert_ptr_null(line->version);
		ck_assert_int_eq(line->amount, lines[i].amount);
		ck_assert(!line->credit && !line->proration);
		ck_assert_int_eq(line->period.start.s, 1000);
		ck_assert_int_eq(line->period.end.s, 2000);
	}
	ck_assert_int_eq(bill->total, 100);
}
END_TEST

/* As many lines as there can be, with every discount and every rate. */
START_TEST(test_the_most_there_can_be)
{
	static const char letters[][2] = {"a", "b", "c", "d", "e"};
	static struct uuid memory[TAX_RATES_MAX + 1];
	struct discount_text discount = {.percent = "7.7777", .left = EVER};

	bills_begin(&bills, "subscription_cycle");
	for (size_t i = 0; i < TAX_RATES_MAX; i++)
		bills_rate_add(&bills, (struct bills_rate){"12.5", i % 2 == 0});
	bills.assessment.tax_rate_ids = bills_rates("abcde", memory);
	for (size_t i = 0; i < BILLS_LINES_MAX; i++)
		bills_line_add(&bills,
		    &(struct bills_line){
			BILLS_ADVANCE, .amount = 1000 + (int64_t)i, .rates = letters[i % 4]},
		    FRACTION_WHOLE);
	while (bills.bill.len < BILL_CHARGE_LINES_MAX) {
		bills.bill.lines[bills.bill.len] = bills.bill.lines[0];
		bills.bill.subtotal += bills.bill.lines[0].amount;
		bills.bill.len++;
	}
	for (size_t i = 0; i < ITEMS_PENDING_MAX; i++)
		bills_item_add(&bills, &(struct bills_line){BILLS_ITEM, .amount = 99 + (int64_t)i});
	for (size_t i = 0; i < DISCOUNTS_MAX; i++)
		discount_add(&discount);
	ck_assert_int_eq(bills_assess(&bills), REFUSAL_NONE);
	ck_assert_uint_eq(bills.bill.len, BILL_LINES_MAX);
	ck_assert_uint_eq(bills.bill.taxes_len, TAX_RATES_MAX);
	bills_assert_sums("the most", &bills.bill);
}
END_TEST

START_TEST(test_another_customers_item_is_a_bug)
{
	static const struct bills_line line = {BILLS_ITEM, .amount = 1000};

	bills_begin(&bills, "subscription_cycle");
	bills_line_add(&bills, &line, FRACTION_WHOLE);
	bills.items[0].customer_id = BILLS_PLAN(1);
	(void)!bills_assess(&bills);
}
END_TEST

START_TEST(test_a_bill_that_was_assessed_is_not_again)
{
	static const struct discount_text discount = {.percent = "10", .left = 1};

	bills_begin(&bills, "subscription_cycle");
	discount_add(&discount);
	ck_assert_int_eq(bills_assess(&bills), REFUSAL_NONE);
	bills.step.after.discounts = bills.before;
	(void)!bills_assess(&bills);
}
END_TEST

UNIT_MAIN("assessment", UNIT_ROWS(test_what_discounts_take, discount_rows),
    UNIT_ROWS(test_what_discounts_take_of_a_new_interval, turning_rows),
    UNIT(test_a_discount_of_lines_beyond_64_bits), UNIT(test_discounts_lapse),
    UNIT(test_items_are_lines), UNIT(test_the_most_there_can_be),
    UNIT_ABORTS(test_another_customers_item_is_a_bug),
    UNIT_ABORTS(test_a_bill_that_was_assessed_is_not_again))
