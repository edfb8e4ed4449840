#include "common/domain/assessment.h"

#include <math.h>

#include "tests/unit/bills.h"
#include "tests/unit/lives.h"

/* What holds of discounts and taxes whatever the bill, and of whole lives of subscriptions. */

#define RANDOM_CASES 6000
#define LINES_MAX 8

static struct bills bills;

/* ---- Random bills. */

static int64_t
random_amount(uint64_t *state)
{
	return (int64_t)(unit_random(state, UINT64_C(1) << 56) >> unit_random(state, 56));
}

/* "12.5", up to 100. */
static struct decimal
random_percent(uint64_t *state)
{
	static const int64_t steps[] = {DECIMAL_SCALE, DECIMAL_SCALE / 2, DECIMAL_SCALE / 10000};
	int64_t step = steps[unit_random(state, ARRAY_LEN(steps))];
	uint64_t most = (uint64_t)(100 * (int128)DECIMAL_SCALE / step);

	return (struct decimal){(int128)(1 + unit_random(state, most)) * step};
}

static struct discount
random_discount(uint64_t *state, size_t number, bool everything)
{
	static const int64_t lefts[] = {0, 1, 7, COUPON_UNLIMITED};
	static const struct uuid plans[] = {{{3, 0}}, {{3, 1}}};
	bool is_amount = unit_random(state, 2) == 0;
	struct discount discount = {
	    .coupon_id = BILLS_COUPON(number),
	    .percent_off = is_amount ? DECIMAL_NONE : random_percent(state),
	    .amount_off = is_amount ? 1 + random_amount(state) : AMOUNT_NONE,
	    .periods_left = lefts[unit_random(state, ARRAY_LEN(lefts))],
	    .covers = unit_random(state, 2) == 0,
	    .given_whole = 1,
	};

	if (!everything && unit_random(state, 3) == 0)
		discount.plan_ids = (struct uuid_list){&plans[unit_random(state, 2)], 1};
	if (is_amount && discount.covers) {
		discount.given = 1 + random_amount(state) % discount.amount_off;
		discount.given_whole = 1 + (int64_t)unit_random(state, 31);
		discount.given_part =
		    1 + (int64_t)unit_random(state, (uint64_t)discount.given_whole);
	}
	return discount;
}

/* A line of ${what}, or two: a charge with what its maximum takes off. */
static void
random_line(uint64_t *state, enum bills_what what, const char *rates, struct fraction fraction)
{
	bool credit = what == BILLS_CREDITED;
	struct bills_line line = {what, random_amount(state), rates, (int)unit_random(state, 2)};
	int64_t most = line.amount;

	line.amount = credit ? -line.amount : line.amount;
	if (what == BILLS_ITEM)
		line.amount++;
	bills_line_add(&bills, &line, fraction);
	if ((what != BILLS_CREDITED && what != BILLS_ADVANCE) || unit_random(state, 4) > 0)
		return;
	line.what = credit ? BILLS_CREDITED_MAXIMUM : BILLS_ADVANCE_MAXIMUM;
	line.amount = (int64_t)unit_random(state, (uint64_t)most + 1);
	line.amount = credit ? line.amount : -line.amount;
	bills_line_add(&bills, &line, fraction);
}

static const char *const rate_choices[] = {NULL, "a", "b", "c", "ab", "bd", "abcd"};

/* Of which lines bills are made. */
struct recipe {
	const char *reason;
	enum bills_what kinds[4];
	size_t len;
	bool change; /* inside a period */
};

static const struct recipe recipes[] = {
    {"subscription_create", {BILLS_ADVANCE, BILLS_ITEM}, 2, false},
    {"subscription_cycle", {BILLS_ADVANCE, BILLS_ARREARS, BILLS_ITEM}, 3, false},
    {"subscription_update", {BILLS_CREDITED, BILLS_PRORATED, BILLS_USED, BILLS_ITEM}, 4, true},
};

static const struct recipe exchange = {
    "subscription_update", {BILLS_CREDITED, BILLS_PRORATED}, 2, true};

/* With ${same} all lines have the same taxes, and every discount is for all of them. */
static void
random_bill(uint64_t *state, const struct recipe *recipe, bool same)
{
	static struct uuid memory[TAX_RATES_MAX + 1];
	struct fraction fraction = {1 + (int64_t)unit_random(state, 30), 30};
	size_t lines = unit_random(state, LINES_MAX + 1);

	bills_begin(&bills, recipe->reason);
	for (int i = 0; i < 4; i++) {
		bills_rate_add(&bills, (struct bills_rate){"0", unit_random(state, 2) == 0});
		bills.rates[i].percentage = random_percent(state);
	}
	bills.assessment.tax_rate_ids =
	    bills_rates(rate_choices[unit_random(state, ARRAY_LEN(rate_choices))], memory);
	for (size_t i = 0; i < lines; i++)
		random_line(state, recipe->kinds[unit_random(state, recipe->len)],
		    same ? NULL : rate_choices[unit_random(state, 4)], fraction);
	bills.step.after.discounts_len = unit_random(state, 4);
	for (size_t i = 0; i < bills.step.after.discounts_len; i++)
		bills.before[i] = random_discount(state, i, same);
}

static void
assessed(void)
{
	ck_assert_int_eq(bills_assess(&bills), REFUSAL_NONE);
}

/* ${part} is of the sign of ${whole}, and not more. */
static bool
is_within(int64_t part, int64_t whole)
{
	return whole < 0 ? part <= 0 && part >= whole : part >= 0 && part <= whole;
}

static void
assert_line(const struct bill_line *line)
{
	int64_t discount = 0, tax = 0, included = 0;

	for (size_t i = 0; i < bills.bill.discounts_len; i++) {
		discount += line->discount_shares[i];
		ck_assert(is_within(line->discount_shares[i], line->amount));
	}
	ck_assert_int_eq(line->discount, discount);
	ck_assert(is_within(line->discount, line->amount));
	for (size_t i = 0; i < line->taxes_len; i++) {
		tax += line->taxes[i].amount;
		included += line->taxes[i].rate->inclusive ? line->taxes[i].amount : 0;
		ck_assert(is_within(line->taxes[i].amount, line->amount));
	}
	ck_assert_int_eq(line->tax, tax);
	ck_assert_int_eq(line->tax_included, included);
}

/* What the lines have of rate ${tax} is the bill's, and no more than half a cent from exact. */
static void
assert_tax(const struct bill_tax *tax)
{
	int64_t sum = 0, taxable = 0;
	long double exact = 0;

	for (size_t i = 0; i < bills.bill.len; i++) {
		const struct bill_line *line = &bills.bill.lines[i];
		long double price = 1;
		bool has = false;

		for (size_t j = 0; j < line->taxes_len; j++) {
			if (line->taxes[j].rate->inclusive)
				price += (long double)line->taxes[j].rate->percentage.units / 1e14L;
			if (line->taxes[j].rate != tax->rate)
				continue;
			has = true;
			sum += line->taxes[j].amount;
		}
		if (!has)
			continue;
		taxable += line->amount - line->discount - line->tax_included;
		exact += (long double)(line->amount - line->discount) / price *
			 (long double)tax->rate->percentage.units / 1e14L;
	}
	ck_assert_int_eq(tax->amount, sum);
	ck_assert_int_eq(tax->taxable, taxable);
	ck_assert_msg(
	    fabsl((long double)sum - exact) < 0.51L, "%" PRId64 " instead of %Lf", sum, exact);
}

static void
assert_bill(bool change)
{
	int64_t subtotal = 0, discount = 0, tax = 0, included = 0;
	const struct bill *bill = &bills.bill;

	for (size_t i = 0; i < bill->len; i++) {
		assert_line(&bill->lines[i]);
		subtotal += bill->lines[i].amount;
		discount += bill->lines[i].discount;
		tax += bill->lines[i].tax;
		included += bill->lines[i].tax_included;
	}
	ck_assert_int_eq(bill->subtotal, subtotal);
	ck_assert_int_eq(bill->discount, discount);
	ck_assert_int_eq(bill->tax, tax);
	ck_assert_int_eq(bill->tax_included, included);
	ck_assert_int_eq(bill->total, subtotal - discount + tax - included);
	for (size_t i = 0; i < bill->discounts_len; i++)
		discount -= bill->discounts[i].amount;
	ck_assert_int_eq(discount, 0);
	for (size_t i = 0; i < bill->taxes_len; i++) {
		assert_tax(&bill->taxes[i]);
		tax -= bill->taxes[i].amount;
	}
	ck_assert_int_eq(tax, 0);
	if (change)
		return;
	ck_assert_int_ge(bill->total, 0);
	ck_assert_int_le(bill->discount, bill->subtotal);
	for (size_t i = 0; i < bill->discounts_len; i++)
		ck_assert_int_ge(bill->discounts[i].amount, 0);
	for (size_t i = 0; i < bill->taxes_len; i++)
		ck_assert_int_ge(bill->taxes[i].amount, 0);
}

/* A discount is used up by one period at most, inside a period only by one that it did not cover
 * yet, and gives no more than it took. */
static void
assert_discounts(bool change)
{
	for (size_t i = 0; i < bills.bill.discounts_len; i++) {
		const struct discount *before = &bills.before[i], *after = &bills.after[i];
		bool used = after->periods_left != before->periods_left;
		bool begins = !change || (before->periods_left != 0 && !before->covers);

		ck_assert(!used || after->periods_left == before->periods_left - 1);
		ck_assert(!used || (begins && after->covers));
		ck_assert(begins || after->covers == before->covers);
		ck_assert(after->given >= 0 && after->given_part <= after->given_whole);
		ck_assert((after->given == 0) == (after->given_part == 0));
		if (begins)
			ck_assert_int_le(after->given, bills.bill.discounts[i].amount);
		else
			ck_assert_int_le(after->given, before->given);
	}
}

START_TEST(test_parts_add_up)
{
	const struct recipe *recipe = &recipes[_i];
	uint64_t state = unit_seed(recipe->reason);

	for (int i = 0; i < RANDOM_CASES; i++) {
		random_bill(&state, recipe, false);
		assessed();
		assert_bill(recipe->change);
		assert_discounts(recipe->change);
	}
}
END_TEST

/* ---- Computed again, in other orders, and of opposites. */

static struct bills copy;

/* ${copy} is as ${bills}, and its pointers lead into itself. */
static void
copy_take(void)
{
	memcpy(&copy, &bills, offsetof(struct bills, bill));
	bill_init(&copy.bill);
	copy.assessment.customer = &copy.customer;
	copy.step.after.discounts = copy.before;
	copy.bill.subtotal = bills.bill.subtotal;
	copy.bill.len = bills.bill.len;
	for (size_t i = 0; i < bills.bill.len; i++)
		copy.bill.lines[i] = bills.bill.lines[i];
}

static void
assert_same_sums(void)
{
	ck_assert_int_eq(copy.bill.discount, bills.bill.discount);
	ck_assert_int_eq(copy.bill.tax, bills.bill.tax);
	ck_assert_int_eq(copy.bill.tax_included, bills.bill.tax_included);
	ck_assert_int_eq(copy.bill.total, bills.bill.total);
	for (size_t i = 0; i < bills.bill.discounts_len; i++)
		ck_assert_int_eq(copy.bill.discounts[i].amount, bills.bill.discounts[i].amount);
}

static void
assert_same_discount(const struct discount *a, const struct discount *b)
{
	ck_assert_int_eq(a->periods_left, b->periods_left);
	ck_assert(a->covers == b->covers);
	ck_assert_int_eq(a->given, b->given);
	ck_assert_int_eq(a->given_part, b->given_part);
	ck_assert_int_eq(a->given_whole, b->given_whole);
}

/* A dry run of a copy changes nothing of what it was made of, and comes to the same. */
START_TEST(test_a_dry_run_redeems_nothing)
{
	uint64_t state = unit_seed("assessment, twice");
	struct discount before[DISCOUNTS_MAX];

	for (int i = 0; i < RANDOM_CASES; i++) {
		random_bill(&state, &recipes[unit_random(&state, ARRAY_LEN(recipes))], false);
		memcpy(before, bills.before, sizeof(before));
		copy_take();
		ck_assert_int_eq(bills_assess(&copy), REFUSAL_NONE);
		ck_assert_ptr_eq(bills.step.after.discounts, bills.before);
		ck_assert(memcmp(before, copy.before, sizeof(before)) == 0);
		assessed();
		ck_assert(memcmp(before, bills.before, sizeof(before)) == 0);
		assert_same_sums();
		for (size_t j = 0; j < bills.bill.discounts_len; j++)
			assert_same_discount(&copy.after[j], &bills.after[j]);
		for (size_t j = 0; j < bills.bill.len; j++) {
			ck_assert_int_eq(copy.bill.lines[j].discount, bills.bill.lines[j].discount);
			ck_assert_int_eq(copy.bill.lines[j].tax, bills.bill.lines[j].tax);
		}
	}
}
END_TEST

/* Where all lines have the same taxes and discounts are for everything, the order of lines moves
 * last cents between them, and no sum. */
START_TEST(test_the_order_of_lines)
{
	const struct recipe *recipe = &recipes[_i];
	uint64_t state = unit_seed("assessment, in another order");

	for (int i = 0; i < RANDOM_CASES; i++) {
		size_t len;

		random_bill(&state, recipe, true);
		/* Inside a period, an amount goes to some of the lines, a percentage that is good
		 * and covers it to all. */
		for (size_t j = 0; recipe->change && j < bills.step.after.discounts_len; j++) {
			bills.before[j].periods_left = COUPON_UNLIMITED;
			bills.before[j].covers = true;
			if (bills.before[j].amount_off != AMOUNT_NONE)
				bills.step.after.discounts_len = j;
		}
		copy_take();
		len = copy.bill.len;
		for (size_t j = 0; j < len; j++)
			copy.bill.lines[j] = bills.bill.lines[len - 1 - j];
		ck_assert_int_eq(bills_assess(&copy), REFUSAL_NONE);
		assessed();
		assert_same_sums();
	}
}
END_TEST

/* A change there and back in one second: the second bill, with the discounts as the first one left
 * them, is the opposite of the first, line by line.  Not of one that covers the period from the
 * first bill on: what that credits was not discounted. */
START_TEST(test_there_and_back)
{
	uint64_t state = unit_seed("assessment, there and back");

	for (int i = 0; i < RANDOM_CASES; i++) {
		random_bill(&state, &exchange, false);
		for (size_t j = 0; j < bills.step.after.discounts_len; j++)
			bills.before[j].covers |= bills.before[j].periods_left != 0;
		copy_take();
		for (size_t j = 0; j < copy.bill.len; j++) {
			copy.bill.lines[j].amount = -copy.bill.lines[j].amount;
			copy.bill.lines[j].credit = !copy.bill.lines[j].credit;
		}
		copy.bill.subtotal = -copy.bill.subtotal;
		assessed();
		memcpy(copy.before, bills.after, sizeof(copy.before));
		ck_assert_int_eq(bills_assess(&copy), REFUSAL_NONE);
		ck_assert_int_eq(copy.bill.total, -bills.bill.total);
		ck_assert_int_eq(copy.bill.discount, -bills.bill.discount);
		ck_assert_int_eq(copy.bill.tax, -bills.bill.tax);
		for (size_t j = 0; j < copy.bill.len; j++) {
			ck_assert_int_eq(
			    copy.bill.lines[j].discount, -bills.bill.lines[j].discount);
			ck_assert_int_eq(copy.bill.lines[j].tax, -bills.bill.lines[j].tax);
		}
	}
}
END_TEST

/* ---- Whole lives. */

#define LIVES 400
#define START "2026-01-01T00:00:00Z"
#define MONTH_S (INT64_C(31) * 86400)

static struct discount discounts_now[2][DISCOUNTS_MAX];
static int discounts_turn;

/* Assess the bill of the step that ${life} has taken, and let it go on with that. */
static int64_t
life_assess(struct life *life)
{
	struct uuid vat = BILLS_RATE(0);
	struct assessment assessment = {
	    .customer = &life->customer,
	    .tax_rate_ids = {&vat, 1},
	    .rates = bills.rate_list,
	    .rates_len = 1,
	};

	if (!life->step.bills)
		return 0;
	discounts_turn = 1 - discounts_turn;
	ck_assert_int_eq(
	    assess(&assessment, &life->step, &life->bill, discounts_now[discounts_turn]),
	    REFUSAL_NONE);
	life->subscription.discounts = life->step.after.discounts;
	return life->bill.total;
}

/* A subscription of 30.00 a month with a random coupon. */
static struct life *
life_random(uint64_t *state, int64_t *ret_paid)
{
	static struct discount discount;
	struct life *life = lives_begin("UTC", PRORATION_SECOND);
	struct wish wish = lives_wish(1);

	bills_begin(&bills, "subscription_create");
	bills_rate_add(&bills, (struct bills_rate){"20", unit_random(state, 2) == 0});
	bills.rates[0].percentage = random_percent(state);
	life->customer.tax_exempt = STR("none");
	discount = random_discount(state, 0, true);
	/* Less would take nothing off 30.00, and wait for a change to more. */
	if (discount.amount_off == AMOUNT_NONE && discount.percent_off.units < DECIMAL_SCALE / 50)
		discount.percent_off.units = DECIMAL_SCALE / 50;
	discount.covers = false;
	discount.given = discount.given_part = 0;
	discount.given_whole = 1;
	wish.discounts = &discount;
	wish.discounts_len = 1;
	ck_assert_int_eq(lives_create(life, PLAN_30, &wish, unit_instant(START)), REFUSAL_NONE);
	*ret_paid = life_assess(life);
	return life;
}

/* Of a plan with one charge, to the last cent; also in the second in which it was paid. */
START_TEST(test_no_more_comes_back_than_was_paid)
{
	uint64_t state = unit_seed("assessment of what comes back");

	for (int i = 0; i < LIVES; i++) {
		int64_t paid, back;
		struct life *life = life_random(&state, &paid);
		struct instant now = {
		    unit_instant(START).s + (int64_t)(unit_random(&state, MONTH_S) >> i % 22)};
		struct terms terms = lives_terms(life);

		if (i % 10 == 0)
			now = unit_instant(START);
		ck_assert_int_eq(lifecycle_cancel(&life->subscription, LIFECYCLE_NOW, true, &terms,
				     now, &life->step, &life->bill),
		    REFUSAL_NONE);
		back = life_assess(life);
		ck_assert_int_le(back, 0);
		ck_assert_msg(paid + back >= 0, "%" PRId64 " of %" PRId64, back, paid);
		ck_assert(i % 10 != 0 || paid + back == 0);
	}
}
END_TEST

/* Through smaller and larger plans, seats and none: what there was is there again. */
START_TEST(test_changes_there_and_back)
{
	static const enum lives_plan plans[] = {PLAN_60, PLAN_30_NEXT, PLAN_SEATS};
	uint64_t state = unit_seed("assessment of changes there and back");

	for (int i = 0; i < LIVES; i++) {
		int64_t paid, net = 0;
		struct life *life = life_random(&state, &paid);
		struct discount before;
		struct instant now = {
		    unit_instant(START).s + (int64_t)unit_random(&state, MONTH_S)};

		life->proration = unit_random(&state, 2) == 0 ? PRORATION_DAY : PRORATION_SECOND;
		for (int j = 0; j < 4; j++) {
			enum lives_plan plan = j % 2 == 0 ? plans[unit_random(&state, 3)] : PLAN_30;

			ck_assert_int_eq(
			    lives_change(life, plan,
				plan == PLAN_SEATS ? (int64_t)unit_random(&state, 99) : 1,
				LIFECYCLE_NOW, true, now),
			    REFUSAL_NONE);
			net += life_assess(life);
			if (j == 1)
				before = life->subscription.discounts[0];
		}
		ck_assert_int_eq(net, 0);
		assert_same_discount(&life->subscription.discounts[0], &before);
	}
}
END_TEST

UNIT_MAIN("assessment_laws", UNIT_ROWS(test_parts_add_up, recipes),
    UNIT(test_a_dry_run_redeems_nothing), UNIT_ROWS(test_the_order_of_lines, recipes),
    UNIT(test_there_and_back), UNIT(test_no_more_comes_back_than_was_paid),
    UNIT(test_changes_there_and_back))
