#include "common/domain/rating.h"

#include "tests/unit/charges.h"

/* Transactions whose fees are bounded one by one (rating_transaction). */

#define IN_ARREARS .billing = CHARGE_ARREARS
#define LARGEST "999999999999999.999999999999"

struct transaction_row {
	const char *name;
	struct charge_text text;
	const char *bases[4];
	const char *quantity;
	int64_t transactions;
	const char *fees;
};

#define BOUNDED(least, most)                                                       \
	{                                                                          \
		CHARGE_PERCENTAGE, IN_ARREARS, .price = "1.5", .fixed_amount = 10, \
					       .transaction_min_amount = (least),  \
					       .transaction_max_amount = (most),   \
	}

static const struct transaction_row transaction_rows[] = {
    {"without bounds: no fees are kept", {CHARGE_PERCENTAGE, IN_ARREARS, .price = "1.5"},
	{"1000", "2000.5"}, "3000.5", 2, "0"},
    {"of units, too", {CHARGE_PER_UNIT, IN_ARREARS, .price = "1"}, {"0.000001", "1"}, "1.000001", 2,
	"0"},
    {"within the bounds", BOUNDED(20, 100), {"1000"}, "1000", 1, "25"},
    {"below the least", BOUNDED(20, 100), {"100", "0"}, "100", 2, "40"},
    {"above the most", BOUNDED(20, 100), {"100000"}, "100000", 1, "100"},
    {"each for itself", BOUNDED(20, 100), {"100", "1000", "100000"}, "101100", 3, "145"},
    {"only a least", BOUNDED(20, 0), {"100000"}, "100000", 1, "1510"},
    {"only a most", BOUNDED(0, 100), {"0", "100000"}, "100000", 2, "110"},
    {"not rounded one by one", BOUNDED(1, 100), {"0.5", "0.5"}, "1", 2, "20.015"},
    {"cut off at twelve places",
	{CHARGE_PERCENTAGE, IN_ARREARS, .price = "0.0000000001", .transaction_max_amount = 5},
	{"1.999999"}, "1.999999", 1, "0.000000000001"},
    {"too large a fee, but for its bound",
	{CHARGE_PERCENTAGE, IN_ARREARS, .price = LARGEST, .transaction_max_amount = 7}, {LARGEST},
	LARGEST, 1, "7"},
    {"just too large a fee, but for its bound",
	{CHARGE_PERCENTAGE, IN_ARREARS, .price = "200", .transaction_max_amount = 7},
	{"500000000000000"}, "500000000000000", 1, "7"},
    {"the first ones use up what is free",
	{CHARGE_PERCENTAGE, IN_ARREARS, .price = "10", .fixed_amount = 5, .free_units = "150",
	    .transaction_max_amount = 1000},
	{"100", "100", "100"}, "300", 3, "30"},
};

START_TEST(test_transactions)
{
	const struct transaction_row *row = &transaction_rows[_i];
	struct usage usage = {.transactions = 0};
	struct charge_tier tiers[CHARGES_TIERS_MAX];
	struct charge charge = charges_make(&row->text, STR("charge"), tiers);
	char fees[DECIMAL_TEXT_SIZE], quantity[DECIMAL_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(row->bases) && row->bases[i] != NULL; i++)
		ck_assert_msg(rating_transaction(&charge, &usage, charges_decimal(row->bases[i]),
				  &usage) == REFUSAL_NONE,
		    "%s", row->name);
	decimal_write(usage.quantity, quantity);
	decimal_write(usage.fees, fees);
	ck_assert_msg(strcmp(quantity, row->quantity) == 0, "%s: %s", row->name, quantity);
	ck_assert_msg(strcmp(fees, row->fees) == 0, "%s: fees %s", row->name, fees);
	ck_assert_msg(usage.transactions == row->transactions, "%s", row->name);
}
END_TEST

struct transaction_refused_row {
	const char *name;
	struct charge_text text;
	const char *quantity;
	int64_t transactions;
	const char *fees;
	const char *base;
};

static const struct transaction_refused_row transaction_refused_rows[] = {
    {"the quantity", BOUNDED(0, 100), "999999999999999", 0, "0", "1"},
    {"the count", BOUNDED(0, 100), "0", INT64_MAX, "0", "1"},
    {"the fees", BOUNDED(100, 0), "0", 0, "999999999999900", "1"},
    {"a fee of more than 128 bits",
	{CHARGE_PERCENTAGE, IN_ARREARS, .price = LARGEST, .transaction_min_amount = 1}, "0", 0, "0",
	LARGEST},
    {"a fee that is just too large",
	{CHARGE_PERCENTAGE, IN_ARREARS, .price = "200", .transaction_min_amount = 1}, "0", 0, "0",
	"500000000000000"},
    {"the fee's fixed_amount",
	{CHARGE_PERCENTAGE, IN_ARREARS, .price = "1", .fixed_amount = INT64_MAX,
	    .transaction_min_amount = 1},
	"0", 0, "0", "1"},
    {"the least fee",
	{CHARGE_PERCENTAGE, IN_ARREARS, .price = "1", .transaction_min_amount = INT64_MAX}, "0", 0,
	"0", "1"},
};

START_TEST(test_transactions_out_of_range)
{
	const struct transaction_refused_row *row = &transaction_refused_rows[_i];
	struct usage usage = {
	    charges_decimal(row->quantity), row->transactions, charges_decimal(row->fees)};
	struct usage after = {.transactions = 42};
	struct charge_tier tiers[CHARGES_TIERS_MAX];
	struct charge charge = charges_make(&row->text, STR("charge"), tiers);

	ck_assert_msg(rating_transaction(&charge, &usage, charges_decimal(row->base), &after) ==
			  REFUSAL_AMOUNT_OUT_OF_RANGE,
	    "%s", row->name);
	ck_assert_msg(after.transactions == 42, "%s: touched", row->name);
}
END_TEST

START_TEST(test_a_transaction_in_advance_is_a_bug)
{
	struct charge charge = charge_base(STR("Charge"), 1);
	struct usage usage = {.transactions = 0};

	ck_assert_int_eq(
	    rating_transaction(&charge, &usage, decimal_from(1), &usage), REFUSAL_NONE);
}
END_TEST

UNIT_MAIN("rating_transaction", UNIT_ROWS(test_transactions, transaction_rows),
    UNIT_ROWS(test_transactions_out_of_range, transaction_refused_rows),
    UNIT_ABORTS(test_a_transaction_in_advance_is_a_bug))
