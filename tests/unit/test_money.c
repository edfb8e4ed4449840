#include "common/domain/money.h"

#include "tests/unit/unit.h"

#define EUR ((struct currency){"EUR"})
#define JPY ((struct currency){"JPY"})

struct code_row {
	const char *name;
	struct str code;
	bool taken;
};

static const struct code_row code_rows[] = {
    {"three upper-case letters", {"EUR", 3}, true},
    {"first and last letter", {"AZA", 3}, true},
    {"only the length counts, not the NUL", {"USDX", 3}, true},
    {"lower case", {"eur", 3}, false},
    {"one lower-case letter", {"EUr", 3}, false},
    {"two letters", {"EU", 2}, false},
    {"four letters", {"EURO", 4}, false},
    {"empty", {"", 0}, false},
    {"none", {NULL, 0}, false},
    {"a digit", {"EU1", 3}, false},
    {"the character before A", {"@UR", 3}, false},
    {"the character after Z", {"EU[", 3}, false},
    {"a NUL inside", {"E\0R", 3}, false},
};

START_TEST(test_currency_from)
{
	const struct code_row *row = &code_rows[_i];
	struct currency currency = {"XXX"};

	ck_assert_msg(currency_from(row->code, &currency) == row->taken, "%s", row->name);
	if (row->taken)
		ck_assert_msg(
		    memcmp(currency.code, row->code.ptr, 3) == 0 && currency.code[3] == '\0', "%s",
		    row->name);
	else
		ck_assert_msg(strcmp(currency.code, "XXX") == 0, "%s: touched", row->name);
}
END_TEST

START_TEST(test_currencies_and_validity)
{
	struct money unset = {0};
	struct money unended = {1, {{'E', 'U', 'R', 'O'}}};

	ck_assert(currency_equal(EUR, EUR));
	ck_assert(!currency_equal(EUR, JPY));
	ck_assert(!currency_equal(EUR, (struct currency){"EUS"}));
	ck_assert(money_is_valid((struct money){-1, EUR}));
	ck_assert(!money_is_valid(unset));
	ck_assert(!money_is_valid(unended));
}
END_TEST

struct sum_row {
	const char *name;
	int64_t a;
	int64_t b;
	bool fits;
	int64_t result;
};

static const struct sum_row sum_rows[] = {
    {"two amounts", 1999, 501, true, 2500},
    {"a credit is taken off", 1999, -2000, true, -1},
    {"nothing", 0, 0, true, 0},
    {"up to the largest amount", INT64_MAX - 1, 1, true, INT64_MAX},
    {"beyond the largest amount", INT64_MAX, 1, false, 0},
    {"the largest twice", INT64_MAX, INT64_MAX, false, 0},
    {"down to the smallest amount", INT64_MIN + 1, -1, true, INT64_MIN},
    {"beyond the smallest amount", INT64_MIN, -1, false, 0},
    {"the largest and the smallest", INT64_MAX, INT64_MIN, true, -1},
};

START_TEST(test_add)
{
	const struct sum_row *row = &sum_rows[_i];
	struct money sum = {42, JPY};

	ck_assert_msg(
	    money_add((struct money){row->a, EUR}, (struct money){row->b, EUR}, &sum) == row->fits,
	    "%s", row->name);
	ck_assert_msg(
	    sum.minor == (row->fits ? row->result : 42), "%s: %" PRId64, row->name, sum.minor);
	ck_assert_msg(currency_equal(sum.currency, row->fits ? EUR : JPY), "%s", row->name);
}
END_TEST

/* a is the price, b the quantity. */
static const struct sum_row product_rows[] = {
    {"three times a price", 1999, 3, true, 5997},
    {"a credit, times", -1999, 3, true, -5997},
    {"none of it", 1999, 0, true, 0},
    {"none of the largest", INT64_MAX, 0, true, 0},
    {"the largest once", INT64_MAX, 1, true, INT64_MAX},
    {"the smallest once", INT64_MIN, 1, true, INT64_MIN},
    {"the largest quantity of one", 1, INT64_MAX, true, INT64_MAX},
    {"half of the largest, twice", INT64_MAX / 2, 2, true, INT64_MAX - 1},
    {"half of the largest and one, twice", INT64_MAX / 2 + 1, 2, false, 0},
    {"half of the smallest, twice", INT64_MIN / 2, 2, true, INT64_MIN},
    {"half of the smallest and one, twice", INT64_MIN / 2 - 1, 2, false, 0},
    {"the largest, squared", INT64_MAX, INT64_MAX, false, 0},
    {"2^32 times 2^32 would wrap to nothing", INT64_C(1) << 32, INT64_C(1) << 32, false, 0},
};

START_TEST(test_times)
{
	const struct sum_row *row = &product_rows[_i];
	struct money product = {42, JPY};

	ck_assert_msg(money_times((struct money){row->a, EUR}, row->b, &product) == row->fits, "%s",
	    row->name);
	ck_assert_msg(product.minor == (row->fits ? row->result : 42), "%s: %" PRId64, row->name,
	    product.minor);
	ck_assert_msg(currency_equal(product.currency, row->fits ? EUR : JPY), "%s", row->name);
}
END_TEST

START_TEST(test_currencies_never_mix)
{
	struct money sum;

	ck_assert(!money_add((struct money){1, EUR}, (struct money){1, JPY}, &sum));
}
END_TEST

START_TEST(test_money_without_a_currency_is_a_bug)
{
	struct money sum, unset = {0};

	ck_assert(!money_add(unset, unset, &sum));
}
END_TEST

START_TEST(test_a_negative_quantity_is_a_bug)
{
	struct money product;

	ck_assert(!money_times((struct money){1, EUR}, -1, &product));
}
END_TEST

UNIT_MAIN("money", UNIT_ROWS(test_currency_from, code_rows), UNIT(test_currencies_and_validity),
    UNIT_ROWS(test_add, sum_rows), UNIT_ROWS(test_times, product_rows),
    UNIT_ABORTS(test_currencies_never_mix), UNIT_ABORTS(test_money_without_a_currency_is_a_bug),
    UNIT_ABORTS(test_a_negative_quantity_is_a_bug))
