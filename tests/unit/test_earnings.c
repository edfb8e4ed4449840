#include "common/domain/earnings.h"

#include "tests/unit/lives.h"

#define LINES 4

/* A bill of one line for each amount: of a charge in advance, one in arrears, an item, and another
 * charge in advance. */
static void
bill_of(struct bill *bill, const int64_t amounts[LINES])
{
	static const struct charge advance = {.billing = LIVES_STR("advance")};
	static const struct charge arrears = {.billing = LIVES_STR("arrears")};
	const struct charge *const charges[LINES] = {&advance, &arrears, NULL, &advance};

	bill_init(bill);
	for (size_t i = 0; i < LINES; i++) {
		struct bill_line *line = &bill->lines[bill->len++];

		line->credit = false;
		line->kind = charges[i] == NULL ? BILL_ITEM : BILL_CHARGE;
		line->rating.charge = charges[i];
		line->amount = amounts[i];
		line->discount = 0;
		line->tax_included = 0;
		bill->total += amounts[i];
	}
}

/* Inside a period; one that begins another; one that ends all. */
static const struct step steps[] = {
    {.after = {.status = LIVES_STR("active")}},
    {.after = {.status = LIVES_STR("active")}, .turns_period = true},
    {.after = {.status = LIVES_STR("canceled")}, .turns_period = true},
};

static const struct {
	const char *name;
	int64_t amounts[LINES];
	int64_t earned, deferred;
} earnings_rows[] = {
    {"advance is deferred", {100, 0, 0}, 0, 100},
    {"arrears are earned, and so are items", {0, 30, 7}, 37, 0},
    {"each for itself", {-500, 30, 7}, 37, -500},
    {"the largest", {INT64_MAX, 0, 0}, 0, INT64_MAX},
    {"the smallest", {-INT64_MAX, 0, 0}, 0, -INT64_MAX},
    {"of several charges in advance all", {-500, 30, 7, 2000}, 37, 1500},
};

START_TEST(test_earnings)
{
	static struct bill bill;
	struct earnings earnings;

	bill_of(&bill, earnings_rows[_i].amounts);
	earnings = earnings_of_bill(&bill, &steps[0]);
	ck_assert_msg(earnings.earned == earnings_rows[_i].earned, "%s", earnings_rows[_i].name);
	ck_assert_msg(
	    earnings.deferred == earnings_rows[_i].deferred, "%s", earnings_rows[_i].name);
}
END_TEST

/* Neither a discount nor a tax that a price contains is anybody's income; an added one neither. */
START_TEST(test_earnings_are_net)
{
	static struct bill bill;
	struct earnings earnings;

	bill_of(&bill, (const int64_t[]){1000, 500, 0, 0});
	bill.lines[0].discount = 100;
	bill.lines[0].tax_included = 150;
	bill.lines[1].discount = 20;
	bill.tax = 150 + 48;
	bill.total = 1500 - 120 + 48;
	earnings = earnings_of_bill(&bill, &steps[0]);
	ck_assert_int_eq(earnings.deferred, 750);
	ck_assert_int_eq(earnings.earned, 480);
}
END_TEST

/* What comes back of a period that is over is taken off what it earned; one's own is deferred. */
START_TEST(test_earnings_of_a_turn)
{
	static const struct earnings expected[] = {{30, 25500}, {-4470, 30000}, {30, 25500}};
	static struct bill bill;

	bill_of(&bill, (const int64_t[]){-4500, 30, 0, 30000});
	bill.lines[0].credit = true;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct earnings earnings = earnings_of_bill(&bill, &steps[i]);

		ck_assert_int_eq(earnings.earned, expected[i].earned);
		ck_assert_int_eq(earnings.deferred, expected[i].deferred);
	}
}
END_TEST

UNIT_MAIN("earnings", UNIT_ROWS(test_earnings, earnings_rows), UNIT(test_earnings_are_net),
    UNIT(test_earnings_of_a_turn))
