#include "common/base/str.h"

#include "tests/unit/unit.h"

#define BUF_MAX 100000

struct compare_row {
	const char *name;
	struct str a;
	struct str b;
	int order; /* -1, 0, 1 */
};

static const struct compare_row compare_rows[] = {
    {"the same", {"abc", 3}, {"abc", 3}, 0},
    {"the same bytes of longer strings", {"abcd", 3}, {"abce", 3}, 0},
    {"the first byte", {"abc", 3}, {"bbc", 3}, -1},
    {"the last byte", {"abd", 3}, {"abc", 3}, 1},
    {"the shorter comes first", {"ab", 2}, {"abc", 3}, -1},
    {"the empty one comes first", {"", 0}, {"a", 1}, -1},
    {"two empty ones", {"", 0}, {"x", 0}, 0},
    {"bytes count without a sign", {"\xff", 1}, {"a", 1}, 1},
    {"a NUL is a byte like others", {"a\0b", 3}, {"a\0c", 3}, -1},
};

START_TEST(test_compare)
{
	const struct compare_row *row = &compare_rows[_i];
	int order = str_compare(row->a, row->b), back = str_compare(row->b, row->a);

	ck_assert_msg((order > 0) - (order < 0) == row->order, "%s: %d", row->name, order);
	ck_assert_msg((back > 0) - (back < 0) == -row->order, "%s: %d back", row->name, back);
	ck_assert_msg(str_equal(row->a, row->b) == (row->order == 0), "%s", row->name);
}
END_TEST

START_TEST(test_none_is_not_empty)
{
	ck_assert(str_equal(STR_NONE, STR_NONE));
	ck_assert(!str_equal(STR_NONE, STR("")));
	ck_assert(!str_equal(STR(""), STR_NONE));
	ck_assert_ptr_null(str_from(NULL).ptr);
	ck_assert(str_equal(str_from(""), STR("")));
	ck_assert_uint_eq(str_from("abc").len, 3);
	ck_assert_int_eq(str_compare(STR_NONE, STR_NONE), 0);
	ck_assert_int_lt(str_compare(STR_NONE, STR("a")), 0);
}
END_TEST

struct int_row {
	const char *name;
	struct str text;
	int64_t min;
	int64_t max;
	bool taken;
	int64_t value;
};

#define ALL INT64_MIN, INT64_MAX

static const struct int_row int_rows[] = {
    {"zero", {"0", 1}, ALL, true, 0},
    {"a number", {"1234567890", 10}, ALL, true, 1234567890},
    {"a negative one", {"-17", 3}, ALL, true, -17},
    {"leading zeros", {"007", 3}, ALL, true, 7},
    {"the largest", {"9223372036854775807", 19}, ALL, true, INT64_MAX},
    {"one more", {"9223372036854775808", 19}, ALL, false, 0},
    {"the smallest", {"-9223372036854775808", 20}, ALL, true, INT64_MIN},
    {"one less", {"-9223372036854775809", 20}, ALL, false, 0},
    {"far too large", {"99999999999999999999999", 23}, ALL, false, 0},
    {"the minimum", {"-5", 2}, -5, 5, true, -5},
    {"below the minimum", {"-6", 2}, -5, 5, false, 0},
    {"the maximum", {"5", 1}, -5, 5, true, 5},
    {"above the maximum", {"6", 1}, -5, 5, false, 0},
    {"empty", {"", 0}, ALL, false, 0},
    {"none", {NULL, 0}, ALL, false, 0},
    {"a sign alone", {"-", 1}, ALL, false, 0},
    {"two signs", {"--1", 3}, ALL, false, 0},
    {"a plus", {"+1", 2}, ALL, false, 0},
    {"a space before", {" 1", 2}, ALL, false, 0},
    {"a space behind", {"1 ", 2}, ALL, false, 0},
    {"a fraction", {"1.0", 3}, ALL, false, 0},
    {"hexadecimal", {"0x10", 4}, ALL, false, 0},
    {"a NUL inside", {"1\0002", 3}, ALL, false, 0},
    {"only the length counts", {"123", 2}, ALL, true, 12},
};

START_TEST(test_read_int64)
{
	const struct int_row *row = &int_rows[_i];
	int64_t value = 42;

	ck_assert_msg(
	    str_read_int64(row->text, row->min, row->max, &value) == row->taken, "%s", row->name);
	ck_assert_msg(value == (row->taken ? row->value : 42), "%s: %" PRId64, row->name, value);
}
END_TEST

struct written_row {
	int64_t value;
	const char *text;
};

static const struct written_row written_rows[] = {
    {0, "0"},
    {7, "7"},
    {-1, "-1"},
    {10, "10"},
    {-10, "-10"},
    {1000000, "1000000"},
    {INT32_MIN, "-2147483648"},
    {INT64_MAX, "9223372036854775807"},
    {-INT64_MAX, "-9223372036854775807"},
    {INT64_MIN, "-9223372036854775808"},
};

START_TEST(test_write_int64)
{
	const struct written_row *row = &written_rows[_i];
	char text[INT64_TEXT_SIZE];
	struct str written;
	struct buf buf;

	memset(text, 'x', sizeof(text));
	written = str_write_int64(row->value, text);
	unit_assert_str(written, row->text, row->text);
	ck_assert_ptr_eq(written.ptr + written.len, text + sizeof(text));

	buf_init(&buf, 1 + strlen(row->text));
	buf_append_char(&buf, 'a');
	buf_append_int64(&buf, row->value);
	ck_assert(!buf.overflow);
	ck_assert_int_eq(buf.ptr[0], 'a');
	ck_assert_mem_eq(buf.ptr + 1, row->text, strlen(row->text));
	ck_assert_uint_eq(buf.len, 1 + strlen(row->text));
	buf_append_int64(&buf, row->value);
	ck_assert(buf.overflow);
	ck_assert_uint_eq(buf.len, 1 + strlen(row->text));
	buf_release(&buf);
}
END_TEST

START_TEST(test_written_numbers_are_read_again)
{
	uint64_t random = unit_seed("int64");

	for (int i = 0; i < 10000; i++) {
		int64_t value = (int64_t)(unit_random(&random, UINT64_MAX) >> (i % 64)), back = 42;
		char text[INT64_TEXT_SIZE];

		value = i % 3 == 0 ? -value : value;
		ck_assert(
		    str_read_int64(str_write_int64(value, text), INT64_MIN, INT64_MAX, &back));
		ck_assert_int_eq(back, value);
	}
}
END_TEST

/* Whoever borrows memory of its own says so by a capacity of all of it. */
START_TEST(test_a_buffer_in_borrowed_memory)
{
	char bytes[4] = "xxxx";
	struct buf buf = {.ptr = bytes, .capacity = 3, .max = 3};

	buf_append_str(&buf, STR("abc"));
	ck_assert(!buf.overflow);
	ck_assert_ptr_eq(buf.ptr, bytes);
	buf_append_char(&buf, 'd');
	ck_assert(buf.overflow);
	ck_assert_mem_eq(bytes, "abcx", 4);
	buf_clear(&buf);
	buf_append_char(&buf, 'e');
	unit_assert_str(buf_str(&buf), "e", "used again");
}
END_TEST

START_TEST(test_a_buffer_is_built)
{
	struct buf buf;

	buf_init(&buf, 1000);
	unit_assert_str(buf_str(&buf), "", "an empty buffer is empty, not none");
	buf_append(&buf, "ab", 2);
	buf_append_char(&buf, 'c');
	buf_append_str(&buf, STR("de"));
	buf_append_str(&buf, STR_NONE);
	buf_append(&buf, NULL, 0);
	buf_printf(&buf, "-%d-%s", 7, "f");
	unit_assert_str(buf_str(&buf), "abcde-7-f", "all parts");
	ck_assert(!buf.overflow);
	buf_clear(&buf);
	unit_assert_str(buf_str(&buf), "", "cleared");
	buf_append_char(&buf, 'x');
	unit_assert_str(buf_str(&buf), "x", "used again");
	buf_release(&buf);
	buf_release(&buf);
	buf_release(NULL);
}
END_TEST

START_TEST(test_a_buffer_grows_to_its_maximum_and_no_further)
{
	struct buf buf;

	buf_init(&buf, BUF_MAX);
	for (int i = 0; i < BUF_MAX; i++)
		buf_append_char(&buf, (char)('a' + i % 26));
	ck_assert(!buf.overflow);
	ck_assert_uint_eq(buf.len, BUF_MAX);
	ck_assert_uint_eq(buf.capacity, BUF_MAX);
	for (int i = 0; i < BUF_MAX; i++)
		ck_assert_int_eq(buf.ptr[i], 'a' + i % 26);
	buf_append_char(&buf, 'z');
	ck_assert(buf.overflow);
	ck_assert_uint_eq(buf.len, BUF_MAX);
	buf_release(&buf);
	ck_assert_uint_eq(buf.max, BUF_MAX);
	ck_assert(!buf.overflow);
}
END_TEST

START_TEST(test_an_overflow_appends_nothing_and_is_remembered)
{
	struct buf buf;

	buf_init(&buf, 4);
	buf_append(&buf, "abc", 3);
	buf_append(&buf, "de", 2);
	ck_assert(buf.overflow);
	unit_assert_str(buf_str(&buf), "abc", "not by half");
	/* This one would fit, but would hide what is missing before it. */
	buf_append_char(&buf, 'f');
	unit_assert_str(buf_str(&buf), "abc", "nothing after an overflow");
	ck_assert(buf.overflow);
	buf_clear(&buf);
	ck_assert(!buf.overflow);
	buf_append(&buf, "abcd", 4);
	ck_assert(!buf.overflow);
	buf_release(&buf);
}
END_TEST

START_TEST(test_a_size_that_would_wrap_is_refused)
{
	struct buf buf;

	buf_init(&buf, 100);
	buf_append_char(&buf, 'a');
	buf_append(&buf, "b", SIZE_MAX);
	ck_assert(buf.overflow);
	ck_assert_uint_eq(buf.len, 1);
	buf_release(&buf);
}
END_TEST

struct printf_row {
	const char *name;
	size_t max;
	const char *text;
	bool fits;
};

static const struct printf_row printf_rows[] = {
    {"the text and its NUL fit", 6, "12345", true},
    {"no byte is left for the NUL", 5, "12345", false},
    {"the text does not fit", 4, "12345", false},
    {"an empty text", 1, "", true},
    {"an empty text in no room", 0, "", false},
};

START_TEST(test_printf_at_the_maximum)
{
	const struct printf_row *row = &printf_rows[_i];
	struct buf buf;

	buf_init(&buf, row->max);
	buf_printf(&buf, "%s", row->text);
	ck_assert_msg(buf.overflow == !row->fits, "%s", row->name);
	unit_assert_str(buf_str(&buf), row->fits ? row->text : "", row->name);
	buf_release(&buf);
}
END_TEST

START_TEST(test_a_long_printf)
{
	struct buf buf;

	buf_init(&buf, 20000);
	buf_printf(&buf, "%010000d", 7);
	ck_assert(!buf.overflow);
	ck_assert_uint_eq(buf.len, 10000);
	ck_assert_int_eq(buf.ptr[9999], '7');
	buf_printf(&buf, "%010000d", 7);
	ck_assert(buf.overflow);
	ck_assert_uint_eq(buf.len, 10000);
	buf_release(&buf);
}
END_TEST

UNIT_MAIN("str", UNIT_ROWS(test_compare, compare_rows), UNIT(test_none_is_not_empty),
    UNIT_ROWS(test_read_int64, int_rows), UNIT_ROWS(test_write_int64, written_rows),
    UNIT(test_written_numbers_are_read_again), UNIT(test_a_buffer_in_borrowed_memory),
    UNIT(test_a_buffer_is_built), UNIT(test_a_buffer_grows_to_its_maximum_and_no_further),
    UNIT(test_an_overflow_appends_nothing_and_is_remembered),
    UNIT(test_a_size_that_would_wrap_is_refused),
    UNIT_ROWS(test_printf_at_the_maximum, printf_rows), UNIT(test_a_long_printf))
