#include "common/base/decimal.h"

#include "tests/unit/unit.h"

struct text_row {
	const char *name;
	const char *text;
	int places_max;
	int64_t whole; /* -1: it is not read */
	int64_t fraction;
	const char *written; /* NULL: as it was */
};

static const struct text_row text_rows[] = {
    {"nothing", "0", 12, 0, 0, NULL},
    {"a whole number", "12", 12, 12, 0, NULL},
    {"a fraction of a minor unit", "0.0004", 12, 0, 400000000, NULL},
    {"the smallest", "0.000000000001", 12, 0, 1, NULL},
    {"all places", "1.123456789012", 12, 1, 123456789012, NULL},
    {"all digits", "999999999999999.999999999999", 12, DECIMAL_WHOLE_MAX, 999999999999, NULL},
    {"zeros behind the point are not kept", "1.500", 12, 1, 500000000000, "1.5"},
    {"nothing behind the point but zeros", "100.000", 12, 100, 0, "100"},
    {"zeros before other places", "10.05", 12, 10, 50000000000, NULL},
    {"as many places as are allowed", "3.123456", 6, 3, 123456000000, NULL},
    {"a whole number where no places are allowed", "3", 0, 3, 0, NULL},
    {"a place where none is allowed", "3.0", 0, -1, 0, NULL},
    {"one place too many", "3.1234567", 6, -1, 0, NULL},
    {"one place too many, a zero", "3.1234560", 6, -1, 0, NULL},
    {"thirteen places", "0.0000000000001", 12, -1, 0, NULL},
    {"sixteen digits", "1000000000000000", 12, -1, 0, NULL},
    {"a leading zero", "01", 12, -1, 0, NULL},
    {"two zeros", "00", 12, -1, 0, NULL},
    {"no digit before the point", ".5", 12, -1, 0, NULL},
    {"no digit behind the point", "5.", 12, -1, 0, NULL},
    {"a point alone", ".", 12, -1, 0, NULL},
    {"two points", "1.2.3", 12, -1, 0, NULL},
    {"a comma", "1,5", 12, -1, 0, NULL},
    {"empty", "", 12, -1, 0, NULL},
    {"a sign", "-1", 12, -1, 0, NULL},
    {"a plus", "+1", 12, -1, 0, NULL},
    {"an exponent", "1e3", 12, -1, 0, NULL},
    {"an exponent behind places", "1.5e3", 12, -1, 0, NULL},
    {"a space before", " 1", 12, -1, 0, NULL},
    {"a space behind", "1 ", 12, -1, 0, NULL},
    {"hexadecimal", "0x10", 12, -1, 0, NULL},
    {"a word", "Infinity", 12, -1, 0, NULL},
    {"digits that are not ASCII", "\xd9\xa1", 12, -1, 0, NULL},
};

START_TEST(test_texts)
{
	const struct text_row *row = &text_rows[_i];
	struct decimal decimal = {42};
	char written[DECIMAL_TEXT_SIZE];
	bool taken = decimal_read(str_from(row->text), row->places_max, &decimal);

	ck_assert_msg(taken == (row->whole >= 0), "%s", row->name);
	if (!taken) {
		ck_assert_msg(decimal.units == 42, "%s: touched", row->name);
		return;
	}
	ck_assert_msg(
	    decimal.units == (int128)row->whole * DECIMAL_SCALE + row->fraction, "%s", row->name);
	decimal_write(decimal, written);
	ck_assert_msg(strcmp(written, row->written == NULL ? row->text : row->written) == 0,
	    "%s: \"%s\"", row->name, written);
}
END_TEST

START_TEST(test_none_and_a_nul_inside)
{
	struct decimal decimal = {42};

	ck_assert(!decimal_read(STR_NONE, 12, &decimal));
	ck_assert(!decimal_read((struct str){"1\0", 2}, 12, &decimal));
	ck_assert(!decimal_read((struct str){"1.2\0", 4}, 12, &decimal));
	ck_assert_msg(decimal.units == 42, "touched");
	/* Only the length counts. */
	ck_assert(decimal_read((struct str){"1.25", 3}, 12, &decimal));
	ck_assert(decimal.units == DECIMAL_SCALE + 200000000000);
}
END_TEST

START_TEST(test_what_is_written_is_read_back)
{
	uint64_t state = unit_seed("decimal");

	for (int i = 0; i < 20000; i++) {
		uint64_t whole =
		    unit_random(&state, DECIMAL_WHOLE_MAX + 1) >> unit_random(&state, 50);
		uint64_t fraction = unit_random(&state, DECIMAL_SCALE);
		struct decimal decimal, read;
		char text[DECIMAL_TEXT_SIZE];

		for (uint64_t zeros = unit_random(&state, 13); zeros > 0; zeros--)
			fraction = fraction / 10 * (zeros % 2 == 0 ? 1 : 10);
		decimal.units = (int128)whole * DECIMAL_SCALE + (int128)fraction;
		decimal_write(decimal, text);
		ck_assert_msg(decimal_read(str_from(text), DECIMAL_PLACES, &read), "%s", text);
		ck_assert_msg(decimal_compare(decimal, read) == 0, "%s", text);
	}
}
END_TEST

START_TEST(test_order_and_none)
{
	struct decimal one = decimal_from(1), more = {DECIMAL_SCALE + 1};
	struct decimal most = decimal_from(DECIMAL_WHOLE_MAX);

	ck_assert_int_eq(decimal_compare(one, one), 0);
	ck_assert_int_lt(decimal_compare(one, more), 0);
	ck_assert_int_gt(decimal_compare(more, one), 0);
	ck_assert_int_gt(decimal_compare(most, more), 0);
	ck_assert(most.units == (int128)DECIMAL_WHOLE_MAX * DECIMAL_SCALE);
	ck_assert(decimal_is_none(DECIMAL_NONE) && !decimal_is_none(DECIMAL_ZERO));
	ck_assert(decimal_is_zero(DECIMAL_ZERO) && decimal_is_zero(decimal_from(0)));
	ck_assert(!decimal_is_zero(DECIMAL_NONE) && !decimal_is_zero((struct decimal){1}));
}
END_TEST

START_TEST(test_a_negative_whole_number_is_a_bug)
{
	ck_assert(decimal_is_zero(decimal_from(-1)));
}
END_TEST

START_TEST(test_too_large_a_whole_number_is_a_bug)
{
	ck_assert(decimal_is_zero(decimal_from(DECIMAL_WHOLE_MAX + 1)));
}
END_TEST

START_TEST(test_to_write_none_is_a_bug)
{
	char text[DECIMAL_TEXT_SIZE];

	decimal_write(DECIMAL_NONE, text);
}
END_TEST

UNIT_MAIN("decimal", UNIT_ROWS(test_texts, text_rows), UNIT(test_none_and_a_nul_inside),
    UNIT(test_what_is_written_is_read_back), UNIT(test_order_and_none),
    UNIT_ABORTS(test_a_negative_whole_number_is_a_bug),
    UNIT_ABORTS(test_too_large_a_whole_number_is_a_bug), UNIT_ABORTS(test_to_write_none_is_a_bug))
