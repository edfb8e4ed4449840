#include "common/domain/rating.h"

#include "tests/unit/charges.h"

#define IN_ARREARS .billing = CHARGE_ARREARS
#define HALF .fraction = {1, 2}
#define THIRD .fraction = {1, 3}
#define LARGEST "999999999999999.999999999999"

/* Of billing-rules.md. */
#define RULES_TIERS                            \
	{                                      \
		{5, "700", 0}, {10, "650", 0}, \
		{                              \
			0, "600", 0            \
		}                              \
	}
#define FLAT_TIERS                                 \
	{                                          \
		{100, "10", 500}, {200, "8", 300}, \
		{                                  \
			0, "5", 100                \
		}                                  \
	}
#define RATE_TIERS                                    \
	{                                             \
		{10000, "2", 0}, {50000, "1.5", 100}, \
		{                                     \
			0, "0.5", 0                   \
		}                                     \
	}

struct rating_row {
	const char *name;
	struct charge_text text;
	const char *quantity;
	int64_t transactions;
	const char *fees;             /* NULL: 0 */
	struct fraction fraction;     /* 0 of 0: the whole */
	struct fraction max_fraction; /* 0 of 0: as fraction */
	bool no_line;
	int64_t amount;
	const char *exact;
	int64_t minimum, maximum;
};

static const struct rating_row rating_rows[] = {
    {"flat", {CHARGE_FLAT, .amount = 1999}, "1", .amount = 1999, .exact = "1999"},
    {"flat, whatever the quantity", {CHARGE_FLAT, .amount = 1999}, "50", .amount = 1999,
	.exact = "1999"},
    {"flat, of no units", {CHARGE_FLAT, .amount = 1999}, "0", .amount = 1999, .exact = "1999"},
    {"flat, of nothing, is a line", {.model = CHARGE_FLAT}, "1", .exact = "0"},
    {"flat, of nothing and no units, likewise", {CHARGE_FLAT, IN_ARREARS, 0}, "0", .exact = "0"},
    {"flat, half of a period: half away from zero", {CHARGE_FLAT, .amount = 1999}, "1", HALF,
	.amount = 1000, .exact = "1999"},
    {"flat, a third: down", {CHARGE_FLAT, .amount = 100}, "1", THIRD, .amount = 33, .exact = "100"},
    {"flat, two thirds: up", {CHARGE_FLAT, .amount = 100}, "1", .fraction = {2, 3}, .amount = 67,
	.exact = "100"},
    {"flat, no part of a period is a line of 0", {CHARGE_FLAT, .amount = 100}, "1",
	.fraction = {0, 3}, .amount = 0, .exact = "100"},
    {"flat, all parts of a period", {CHARGE_FLAT, .amount = 100}, "1",
	.fraction = {2678400, 2678400}, .amount = 100, .exact = "100"},
    {"flat, in arrears, is prorated: time alone makes it", {CHARGE_FLAT, IN_ARREARS, 100}, "0",
	THIRD, .amount = 33, .exact = "100"},
    {"flat, one second of the longest whole", {CHARGE_FLAT, .amount = INT64_MAX}, "1",
	.fraction = {1, FRACTION_WHOLE_MAX}, .amount = INT64_C(1) << 23, .exact = NULL},
    {"flat, the largest amount", {CHARGE_FLAT, .amount = INT64_MAX}, "1", .amount = INT64_MAX,
	.exact = NULL},
    {"flat, a factor is no decimal: 2/3 of 3 × 10^15", {CHARGE_FLAT, .amount = 3000000000000000},
	"1", .fraction = {2, 3}, .amount = 2000000000000000, .exact = NULL},
    {"flat, an exact amount just within a decimal", {CHARGE_FLAT, .amount = DECIMAL_WHOLE_MAX}, "1",
	.amount = DECIMAL_WHOLE_MAX, .exact = "999999999999999"},

    {"flat, an exact amount just beyond one", {CHARGE_FLAT, .amount = DECIMAL_WHOLE_MAX + 1}, "1",
	.amount = DECIMAL_WHOLE_MAX + 1, .exact = NULL},
    {"per_unit", {CHARGE_PER_UNIT, .price = "700"}, "3", .amount = 2100, .exact = "2100"},
    {"per_unit, of no units, is no line", {CHARGE_PER_UNIT, .price = "700"}, "0", .no_line = true,
	.exact = "0"},
    {"per_unit, free, is a line of 0", {CHARGE_PER_UNIT, .price = "0"}, "3", .exact = "0"},
    {"per_unit, fractions of a minor unit: half of one",
	{CHARGE_PER_UNIT, IN_ARREARS, .price = "0.0004"}, "1250", .amount = 1, .exact = "0.5"},
    {"per_unit, just below half of one", {CHARGE_PER_UNIT, IN_ARREARS, .price = "0.0004"},
	"1249.999999", .amount = 0, .exact = "0.4999999996"},
    {"per_unit, rounded once, at its end: 0.5 × 3 ÷ 3", {CHARGE_PER_UNIT, .price = "0.5"}, "3",
	THIRD, .amount = 1, .exact = "1.5"},
    {"per_unit, half of a part below what exact shows",
	{CHARGE_PER_UNIT, IN_ARREARS, .price = "0.000000000001"}, "0.5", .amount = 0, .exact = "0"},
    {"per_unit, a trillionth below half", {CHARGE_PER_UNIT, IN_ARREARS, .price = "0.499999999999"},
	"1", .amount = 0, .exact = "0.499999999999"},
    {"per_unit, all places count: 24 of them, just below half",
	{CHARGE_PER_UNIT, IN_ARREARS, .price = "0.999999999999"}, "0.500000000000", .amount = 0,
	.exact = "0.499999999999"},
    {"per_unit, 24 places, just above half",
	{CHARGE_PER_UNIT, IN_ARREARS, .price = "0.999999999999"}, "0.500000000001", .amount = 1,
	.exact = "0.5"},
    {"per_unit, in arrears, is not prorated: it is what was used",
	{CHARGE_PER_UNIT, IN_ARREARS, .price = "5"}, "100", HALF, .amount = 500, .exact = "500"},
    {"per_unit, in advance, is prorated", {CHARGE_PER_UNIT, .price = "5"}, "101", HALF,
	.amount = 253, .exact = "505"},
    {"per_unit, free units first", {CHARGE_PER_UNIT, .price = "7", .free_units = "100"}, "130",
	.amount = 210, .exact = "210"},
    {"per_unit, free units all used, no more: no line",
	{CHARGE_PER_UNIT, .price = "7", .free_units = "100"}, "100", .no_line = true, .exact = "0"},
    {"per_unit, more free units than were used: no line, never a credit",
	{CHARGE_PER_UNIT, .price = "7", .free_units = "100"}, "99.5", .no_line = true,
	.exact = "0"},
    {"per_unit, a millionth over the free units",
	{CHARGE_PER_UNIT, IN_ARREARS, .price = "500000", .free_units = "100"}, "100.000001",
	.amount = 1, .exact = "0.5"},
    {"per_unit, the largest amount", {CHARGE_PER_UNIT, IN_ARREARS, .price = "9223372036854.775807"},
	"1000000", .amount = INT64_MAX, .exact = NULL},

    {"graduated, the rules' example", {CHARGE_GRADUATED, .tiers = RULES_TIERS}, "12",
	.amount = 7950, .exact = "7950"},
    {"graduated, up to the end of a tier", {CHARGE_GRADUATED, .tiers = RULES_TIERS}, "5",
	.amount = 3500, .exact = "3500"},
    {"graduated, the first of the next tier", {CHARGE_GRADUATED, .tiers = RULES_TIERS}, "6",
	.amount = 4150, .exact = "4150"},
    {"graduated, tiers entered owe their flat_amount", {CHARGE_GRADUATED, .tiers = FLAT_TIERS},
	"250", .amount = 500 + 1000 + 300 + 800 + 100 + 250, .exact = "2950"},
    {"graduated, a tier that is full does not open the next",
	{CHARGE_GRADUATED, IN_ARREARS, .tiers = FLAT_TIERS}, "100", .amount = 1500,
	.exact = "1500"},
    {"graduated, half a unit opens the next: 100.5",
	{CHARGE_GRADUATED, IN_ARREARS, .tiers = FLAT_TIERS}, "100.5",
	.amount = 500 + 1000 + 300 + 4, .exact = "1804"},
    {"graduated, a trillionth of a unit opens the next",
	{CHARGE_GRADUATED, IN_ARREARS, .tiers = FLAT_TIERS}, "100.000000000001",
	.amount = 500 + 1000 + 300, .exact = "1800.000000000008"},
    {"graduated, of no units: the first flat_amount",
	{CHARGE_GRADUATED, IN_ARREARS, .tiers = FLAT_TIERS}, "0", .amount = 500, .exact = "500"},
    {"graduated, of no units, without a flat_amount: a line of 0",
	{CHARGE_GRADUATED, IN_ARREARS, .tiers = RULES_TIERS}, "0", .exact = "0"},
    {"graduated, all units free: the first flat_amount",
	{CHARGE_GRADUATED, .tiers = FLAT_TIERS, .free_units = "10"}, "10", .amount = 500,
	.exact = "500"},
    {"graduated, free units are taken off before the tiers",
	{CHARGE_GRADUATED, .tiers = RULES_TIERS, .free_units = "2"}, "12",
	.amount = 5 * 700 + 5 * 650, .exact = "6750"},
    {"graduated, prorated as a whole and rounded once", {CHARGE_GRADUATED, .tiers = FLAT_TIERS},
	"101", THIRD, .amount = 603, .exact = "1808"},
    {"graduated, tiers are not rounded one by one: 0.4 and 0.4",
	{CHARGE_GRADUATED, .tiers = {{1, "0.4", 0}, {0, "0.4", 0}}}, "2", .amount = 1,
	.exact = "0.8"},

    {"volume, the rules' example", {CHARGE_VOLUME, .tiers = RULES_TIERS}, "12", .amount = 7200,
	.exact = "7200"},
    {"volume, up to the end of a tier", {CHARGE_VOLUME, .tiers = RULES_TIERS}, "10", .amount = 6500,
	.exact = "6500"},
    {"volume, 100.5 lie in the tier 101 to 200", {CHARGE_VOLUME, IN_ARREARS, .tiers = FLAT_TIERS},
	"100.5", .amount = 804 + 300, .exact = "1104"},
    {"volume, 100 do not", {CHARGE_VOLUME, IN_ARREARS, .tiers = FLAT_TIERS}, "100", .amount = 1500,
	.exact = "1500"},
    {"volume, of no units: the first flat_amount", {CHARGE_VOLUME, IN_ARREARS, .tiers = FLAT_TIERS},
	"0", .amount = 500, .exact = "500"},
    {"volume, of no units, without a flat_amount: a line of 0",
	{CHARGE_VOLUME, IN_ARREARS, .tiers = RULES_TIERS}, "0", .exact = "0"},
    {"volume, beyond all ends", {CHARGE_VOLUME, .tiers = FLAT_TIERS}, "1000000", .amount = 5000100,
	.exact = "5000100"},
    {"volume, a free unit leaves the tier before",
	{CHARGE_VOLUME, .tiers = FLAT_TIERS, .free_units = "1"}, "101", .amount = 1500,
	.exact = "1500"},

    {"package, of no units, is no line", {CHARGE_PACKAGE, .amount = 500, .package_size = 100}, "0",
	.no_line = true, .exact = "0"},
    {"package, one unit begins one", {CHARGE_PACKAGE, .amount = 500, .package_size = 100}, "1",
	.amount = 500, .exact = "500"},
    {"package, a full one", {CHARGE_PACKAGE, .amount = 500, .package_size = 100}, "100",
	.amount = 500, .exact = "500"},
    {"package, a trillionth begins the next",
	{CHARGE_PACKAGE, IN_ARREARS, .amount = 500, .package_size = 100}, "100.000000000001",
	.amount = 1000, .exact = "1000"},
    {"package, a millionth begins the next",
	{CHARGE_PACKAGE, IN_ARREARS, .amount = 500, .package_size = 100}, "100.000001",
	.amount = 1000, .exact = "1000"},
    {"package, after free units",
	{CHARGE_PACKAGE, .amount = 500, .package_size = 100, .free_units = "50"}, "151",
	.amount = 1000, .exact = "1000"},
    {"package, within free units",
	{CHARGE_PACKAGE, .amount = 500, .package_size = 100, .free_units = "50"}, "50",
	.no_line = true, .exact = "0"},
    {"package, in advance, half of a period", {CHARGE_PACKAGE, .amount = 333, .package_size = 10},
	"11", HALF, .amount = 333, .exact = "666"},
    {"package, of one unit, the largest quantity", {CHARGE_PACKAGE, .amount = 1, .package_size = 1},
	"999999999999999", .amount = DECIMAL_WHOLE_MAX, .exact = "999999999999999"},
    {"package, larger than anything",
	{CHARGE_PACKAGE, IN_ARREARS, .amount = 7, .package_size = INT64_MAX}, LARGEST, .amount = 7,
	.exact = "7"},

    {"percentage", {CHARGE_PERCENTAGE, IN_ARREARS, .price = "1.2"}, "10000", 1, .amount = 120,
	.exact = "120"},
    {"percentage, and a fixed_amount for each transaction",
	{CHARGE_PERCENTAGE, IN_ARREARS, .price = "1.2", .fixed_amount = 30}, "10000", 3,
	.amount = 210, .exact = "210"},
    {"percentage, of nothing, is no line",
	{CHARGE_PERCENTAGE, IN_ARREARS, .price = "1.2", .fixed_amount = 30}, "0", 0,
	.no_line = true, .exact = "0"},
    {"percentage, of transactions over nothing: their fixed_amount",
	{CHARGE_PERCENTAGE, IN_ARREARS, .price = "1.2", .fixed_amount = 30}, "0", 2, .amount = 60,
	.exact = "60"},
    {"percentage, ten places of a rate", {CHARGE_PERCENTAGE, IN_ARREARS, .price = "0.0000000001"},
	"500000000000", 1, .amount = 1, .exact = "0.5"},
    {"percentage, after a free base",
	{CHARGE_PERCENTAGE, IN_ARREARS, .price = "10", .free_units = "2500"}, "10000", 1,
	.amount = 750, .exact = "750"},
    {"percentage, half of a minor unit", {CHARGE_PERCENTAGE, IN_ARREARS, .price = "2.5"}, "20", 1,
	.amount = 1, .exact = "0.5"},
    {"percentage by tiers", {CHARGE_PERCENTAGE, IN_ARREARS, .tiers = RATE_TIERS, .fixed_amount = 5},
	"60000", 2, .amount = 200 + 600 + 100 + 50 + 10, .exact = "960"},
    {"percentage by tiers, of nothing: a line of the first flat_amount",
	{CHARGE_PERCENTAGE, IN_ARREARS, .tiers = RATE_TIERS}, "0", 0, .exact = "0"},
    {"percentage, a rate that no register holds",
	{CHARGE_PERCENTAGE, IN_ARREARS, .price = "999999999"}, "100", 1, .amount = 999999999,
	.exact = "999999999"},
    {"percentage, fees computed one by one",
	{CHARGE_PERCENTAGE, IN_ARREARS, .price = "1.2", .transaction_min_amount = 50}, "10000", 3,
	"150.5", .amount = 151, .exact = "150.5"},

    {"a least amount adds what is missing", {CHARGE_PER_UNIT, .price = "7", .min_amount = 1000},
	"100", .amount = 700, .exact = "700", .minimum = 300},
    {"a least amount that is reached", {CHARGE_PER_UNIT, .price = "7", .min_amount = 700}, "100",
	.amount = 700, .exact = "700"},
    {"a least amount that is passed", {CHARGE_PER_UNIT, .price = "7", .min_amount = 699}, "100",
	.amount = 700, .exact = "700"},
    {"a least amount is owed without a line", {CHARGE_PER_UNIT, .price = "7", .min_amount = 1000},
	"0", .no_line = true, .exact = "0", .minimum = 1000},
    {"a least amount is prorated with its period",
	{CHARGE_PER_UNIT, .price = "7", .min_amount = 1001}, "10", HALF, .amount = 35,
	.exact = "70", .minimum = 501 - 35},
    {"a least amount is prorated where what was used is not",
	{CHARGE_PER_UNIT, IN_ARREARS, .price = "7", .min_amount = 1001}, "10", HALF, .amount = 70,
	.exact = "70", .minimum = 501 - 70},
    {"a largest amount takes off what is above it",
	{CHARGE_PER_UNIT, .price = "7", .max_amount = 500}, "100", .amount = 700, .exact = "700",
	.maximum = 200},
    {"a largest amount that is reached", {CHARGE_PER_UNIT, .price = "7", .max_amount = 700}, "100",
	.amount = 700, .exact = "700"},
    {"a largest amount that is not", {CHARGE_PER_UNIT, .price = "7", .max_amount = 701}, "100",
	.amount = 700, .exact = "700"},
    {"a largest amount of 0", {CHARGE_PER_UNIT, .price = "7", .max_zero = true}, "100",
	.amount = 700, .exact = "700", .maximum = 700},
    {"a largest amount is prorated where what was used is not",
	{CHARGE_PER_UNIT, IN_ARREARS, .price = "7", .max_amount = 100}, "100", THIRD, .amount = 700,
	.exact = "700", .maximum = 667},
    {"no time bounds nothing",
	{CHARGE_PER_UNIT, IN_ARREARS, .price = "7", .min_amount = 90, .max_amount = 100}, "100",
	.fraction = {0, 3}, .amount = 700, .exact = "700"},
    {"time that costs nothing has no least amount, and a largest one: whole",
	{CHARGE_PER_UNIT, IN_ARREARS, .price = "7", .min_amount = 90, .max_amount = 100}, "100",
	.fraction = {0, 1}, .max_fraction = {1, 1}, .amount = 700, .exact = "700", .maximum = 600},
    {"or of its own part, rounded half away from zero",
	{CHARGE_PER_UNIT, IN_ARREARS, .price = "7", .min_amount = 90, .max_amount = 101}, "100",
	.fraction = {0, 30}, .max_fraction = {3, 6}, .amount = 700, .exact = "700", .maximum = 649},
    {"which may come to nothing", {CHARGE_PER_UNIT, IN_ARREARS, .price = "7", .max_amount = 100},
	"100", .fraction = {0, 30}, .max_fraction = {1, 2678400}, .amount = 700, .exact = "700",
	.maximum = 700},
    {"in advance, what costs nothing is below any largest amount",
	{CHARGE_PER_UNIT, .price = "7", .max_amount = 100}, "100", .fraction = {0, 1},
	.max_fraction = {1, 1}, .amount = 0, .exact = "700"},
    {"both bounds alike", {CHARGE_FLAT, .amount = 5, .min_amount = 9, .max_amount = 9}, "1",
	.amount = 5, .exact = "5", .minimum = 4},
    {"the largest bounds", {CHARGE_FLAT, .amount = 1, .min_amount = INT64_MAX}, "1", .amount = 1,
	.exact = "1", .minimum = INT64_MAX - 1},
};

static enum refusal
rating_of(const struct rating_row *row, struct charge *charge, struct charge_tier *tiers,
    struct rating *ret_rating)
{
	struct fraction fraction = row->fraction.whole == 0 ? FRACTION_WHOLE : row->fraction;
	struct fraction max_fraction = row->max_fraction.whole == 0 ? fraction : row->max_fraction;
	struct usage usage = {
	    .quantity = charges_decimal(row->quantity),
	    .transactions = row->transactions,
	    .fees = charges_decimal(row->fees == NULL ? "0" : row->fees),
	};
	const char *field = "";
	size_t index;

	*charge = charges_make(&row->text, STR("charge"), tiers);
	ck_assert_msg(
	    charge_check(charge, 1, &index, &field) == CHARGE_GOOD, "%s: %s", row->name, field);
	memset(ret_rating, 0xa5, sizeof(*ret_rating));
	return rating_compute(charge, &usage, fraction, max_fraction, ret_rating);
}

START_TEST(test_amounts)
{
	const struct rating_row *row = &rating_rows[_i];
	struct charge_tier tiers[CHARGES_TIERS_MAX];
	char exact[DECIMAL_TEXT_SIZE] = "none";
	struct charge charge;
	struct rating rating;

	ck_assert_msg(rating_of(row, &charge, tiers, &rating) == REFUSAL_NONE, "%s", row->name);
	ck_assert_msg(rating.line == !row->no_line, "%s: line", row->name);
	ck_assert_msg(rating.amount == row->amount, "%s: %" PRId64, row->name, rating.amount);
	ck_assert_msg(
	    rating.minimum == row->minimum, "%s: minimum %" PRId64, row->name, rating.minimum);
	ck_assert_msg(
	    rating.maximum == row->maximum, "%s: maximum %" PRId64, row->name, rating.maximum);
	if (!decimal_is_none(rating.exact))
		decimal_write(rating.exact, exact);
	ck_assert_msg(strcmp(exact, row->exact == NULL ? "none" : row->exact) == 0, "%s: exact %s",
	    row->name, exact);
}
END_TEST

static const struct rating_row refused_rows[] = {
    {"the largest price and quantity", {CHARGE_PER_UNIT, IN_ARREARS, .price = LARGEST},
	.quantity = LARGEST},
    {"half of a minor unit above the largest amount",
	{CHARGE_PER_UNIT, IN_ARREARS, .price = "9223372036854.7758075"}, .quantity = "1000000"},
    {"what would wrap to 0", {CHARGE_PER_UNIT, IN_ARREARS, .price = "4294967296"},
	.quantity = "4294967296"},
    {"two flat amounts together", {CHARGE_GRADUATED, .tiers = {{1, "0", INT64_MAX}, {0, "0", 1}}},
	.quantity = "2"},
    {"two packages of the largest amount", {CHARGE_PACKAGE, .amount = INT64_MAX, .package_size = 1},
	.quantity = "2"},
    {"all packages of the largest amount, for the longest time",
	{CHARGE_PACKAGE, .amount = INT64_MAX, .package_size = 1}, LARGEST,
	.fraction = {FRACTION_WHOLE_MAX, FRACTION_WHOLE_MAX}},
    {"all transactions at the largest amount",
	{CHARGE_PERCENTAGE, IN_ARREARS, .price = LARGEST, .fixed_amount = INT64_MAX}, LARGEST,
	.transactions = INT64_MAX},
    {"beyond the largest amount, whatever its maximum",
	{CHARGE_PACKAGE, .amount = INT64_MAX, .package_size = 1, .max_amount = 1}, .quantity = "2"},
};

START_TEST(test_amounts_out_of_range)
{
	struct rating_row row = refused_rows[_i];
	struct charge_tier tiers[CHARGES_TIERS_MAX];
	struct charge charge;
	struct rating rating;

	/* The schema allows ten places. */
	if (row.text.model == CHARGE_PERCENTAGE)
		row.text.price = "999999999999999.9999999999";
	ck_assert_msg(rating_of(&row, &charge, tiers, &rating) == REFUSAL_AMOUNT_OUT_OF_RANGE, "%s",
	    row.name);
}
END_TEST

START_TEST(test_how_it_was_computed)
{
	static const struct rating_row row = {"graduated in arrears, a third of a period",
	    {CHARGE_GRADUATED, IN_ARREARS, .tiers = FLAT_TIERS, .free_units = "49.5",
		.min_amount = 3000},
	    "200", THIRD};
	struct charge_tier tiers[CHARGES_TIERS_MAX];
	struct rating rating, copy;
	struct charge charge;

	ck_assert_int_eq(rating_of(&row, &charge, tiers, &rating), REFUSAL_NONE);
	ck_assert_ptr_eq(rating.charge, &charge);
	ck_assert_int_eq(decimal_compare(rating.usage.quantity, charges_decimal("200")), 0);
	ck_assert_int_eq(decimal_compare(rating.billable, charges_decimal("150.5")), 0);
	ck_assert_int_eq(rating.packages, 0);
	ck_assert_int_eq(rating.fraction.part, 1);
	ck_assert_int_eq(rating.fraction.whole, 1);
	ck_assert_int_eq(rating.min_fraction.part, 1);
	ck_assert_int_eq(rating.min_fraction.whole, 3);
	ck_assert_int_eq(rating.max_fraction.part, 1);
	ck_assert_int_eq(rating.max_fraction.whole, 3);
	ck_assert_uint_eq(rating.tiers_len, 2);
	ck_assert_int_eq(rating.tiers[0].above, 0);
	ck_assert_int_eq(rating.tiers[0].up_to, 100);
	ck_assert_int_eq(rating.tiers[0].flat_amount, 500);
	ck_assert_int_eq(decimal_compare(rating.tiers[0].quantity, decimal_from(100)), 0);
	ck_assert_int_eq(decimal_compare(rating.tiers[0].unit_amount, decimal_from(10)), 0);
	ck_assert_int_eq(rating.tiers[1].above, 100);
	ck_assert_int_eq(rating.tiers[1].up_to, 200);
	ck_assert_int_eq(decimal_compare(rating.tiers[1].quantity, charges_decimal("50.5")), 0);

	memset(&copy, 0, sizeof(copy));
	rating_copy(&rating, &copy);
	ck_assert_mem_eq(&copy, &rating, offsetof(struct rating, tiers[2]));
	ck_assert_int_eq(copy.tiers[2].up_to, 0);
}
END_TEST

START_TEST(test_the_tier_of_a_volume_and_of_a_percentage)
{
	static const struct rating_row volume = {
	    "volume", {CHARGE_VOLUME, .tiers = FLAT_TIERS}, "500", THIRD};
	static const struct rating_row percentage = {"percentage",
	    {CHARGE_PERCENTAGE, IN_ARREARS, .tiers = RATE_TIERS}, .quantity = "10001"};
	static const struct rating_row package = {
	    "package", {CHARGE_PACKAGE, .amount = 5, .package_size = 10}, .quantity = "101"};
	struct charge_tier tiers[CHARGES_TIERS_MAX];
	struct charge charge;
	struct rating rating;

	ck_assert_int_eq(rating_of(&volume, &charge, tiers, &rating), REFUSAL_NONE);
	ck_assert_uint_eq(rating.tiers_len, 1);
	ck_assert_int_eq(rating.tiers[0].above, 200);
	ck_assert_int_eq(rating.tiers[0].up_to, AMOUNT_NONE);
	ck_assert_int_eq(decimal_compare(rating.tiers[0].quantity, decimal_from(500)), 0);
	ck_assert_int_eq(rating.fraction.whole, 3);

	ck_assert_int_eq(rating_of(&percentage, &charge, tiers, &rating), REFUSAL_NONE);
	ck_assert_uint_eq(rating.tiers_len, 2);
	ck_assert_int_eq(decimal_compare(rating.tiers[1].quantity, decimal_from(1)), 0);
	ck_assert_int_eq(decimal_compare(rating.tiers[1].unit_amount, charges_decimal("0.015")), 0);

	ck_assert_int_eq(rating_of(&package, &charge, tiers, &rating), REFUSAL_NONE);
	ck_assert_int_eq(rating.packages, 11);
	ck_assert_uint_eq(rating.tiers_len, 0);
}
END_TEST

struct fractions {
	struct fraction fraction, max_fraction;
};

static void
spoil_part(struct charge *charge, struct usage *usage, struct fractions *of)
{
	(void)charge, (void)usage;
	of->fraction.part = of->max_fraction.part = 2;
}

static void
spoil_negative_part(struct charge *charge, struct usage *usage, struct fractions *of)
{
	(void)charge, (void)usage;
	of->fraction.part = of->max_fraction.part = -1;
}

static void
spoil_whole(struct charge *charge, struct usage *usage, struct fractions *of)
{
	(void)charge, (void)usage;
	of->fraction = of->max_fraction = (struct fraction){0, 0};
}

static void
spoil_long_whole(struct charge *charge, struct usage *usage, struct fractions *of)
{
	(void)charge, (void)usage;
	of->fraction.whole = of->max_fraction.whole = FRACTION_WHOLE_MAX + 1;
}

static void
spoil_max_part(struct charge *charge, struct usage *usage, struct fractions *of)
{
	(void)charge, (void)usage;
	of->fraction.part = 0;
	of->max_fraction.part = 2;
}

static void
spoil_max_fraction(struct charge *charge, struct usage *usage, struct fractions *of)
{
	(void)charge, (void)usage;
	of->max_fraction.part = 0;
}

static void
spoil_quantity(struct charge *charge, struct usage *usage, struct fractions *of)
{
	(void)charge, (void)of;
	usage->quantity = DECIMAL_NONE;
}

static void
spoil_price(struct charge *charge, struct usage *usage, struct fractions *of)
{
	(void)usage, (void)of;
	charge->unit_amount = DECIMAL_NONE;
}

static void
spoil_rate(struct charge *charge, struct usage *usage, struct fractions *of)
{
	(void)usage, (void)of;
	charge->model = STR("percentage");
	charge->rate = (struct decimal){1};
}

static void
spoil_amount(struct charge *charge, struct usage *usage, struct fractions *of)
{
	(void)usage, (void)of;
	charge->model = STR("flat");
	charge->amount = -1;
}

static void
spoil_tiers(struct charge *charge, struct usage *usage, struct fractions *of)
{
	static const struct charge_tier ended = {5, {0}, 0, {0}};

	(void)usage, (void)of;
	charge->model = STR("volume");
	charge->tiers = &ended;
	charge->tiers_len = 1;
}

struct bug_row {
	const char *name;
	void (*spoil)(struct charge *charge, struct usage *usage, struct fractions *of);
};

static const struct bug_row bug_rows[] = {
    {"more than the whole", spoil_part},
    {"less than nothing", spoil_negative_part},
    {"a part of nothing", spoil_whole},
    {"a part of more than there is time", spoil_long_whole},
    {"more than the whole of the largest amount", spoil_max_part},
    {"a largest amount of another part than has a price", spoil_max_fraction},
    {"a quantity that is none", spoil_quantity},
    {"a price that is none", spoil_price},
    {"a rate of twelve places", spoil_rate},
    {"a negative amount", spoil_amount},
    {"tiers that end", spoil_tiers},
};

START_TEST(test_bugs_are_caught)
{
	struct charge charge = charge_base(STR("Charge"), AMOUNT_NONE);
	struct usage usage = {.quantity = decimal_from(9)};
	struct fractions of = {FRACTION_WHOLE, FRACTION_WHOLE};
	struct rating rating;

	charge.model = STR("per_unit");
	charge.unit_amount = decimal_from(1);
	bug_rows[_i].spoil(&charge, &usage, &of);
	ck_assert_msg(
	    rating_compute(&charge, &usage, of.fraction, of.max_fraction, &rating) == REFUSAL_NONE,
	    "%s", bug_rows[_i].name);
}
END_TEST

UNIT_MAIN("rating", UNIT_ROWS(test_amounts, rating_rows),
    UNIT_ROWS(test_amounts_out_of_range, refused_rows), UNIT(test_how_it_was_computed),
    UNIT(test_the_tier_of_a_volume_and_of_a_percentage),
    UNIT_ABORTS_ROWS(test_bugs_are_caught, bug_rows))
