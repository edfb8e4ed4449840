#include "cli/run_state.h"

#include "common/icu/iso.h"
#include "tests/unit/unit.h"

static const struct {
	const char *currency;
	int64_t minor;
	const char *written;
} minor_rows[] = {
    {"USD", 0, "0.00"},
    {"USD", 5, "0.05"},
    {"USD", -5, "-0.05"},
    {"USD", 99, "0.99"},
    {"USD", 100, "1.00"},
    {"USD", 99999, "999.99"},
    {"USD", 100000, "1,000.00"},
    {"USD", -123456789, "-1,234,567.89"},
    {"JPY", 0, "0"},
    {"JPY", 2900, "2,900"},
    {"KWD", 2900, "2.900"},
    {"KWD", 1234567, "1,234.567"},
    {"USD", INT64_MAX, "92,233,720,368,547,758.07"},
    {"USD", INT64_MIN, "-92,233,720,368,547,758.08"},
    {"JPY", INT64_MIN, "-9,223,372,036,854,775,808"},
    {"XXX", 2900, "2,900"}, /* in minor units: nobody knows its decimals */
    {"", 7, "7"},
};

START_TEST(test_minor)
{
	struct buf out;
	struct err err;

	ck_assert_int_eq(iso_init(&err), ERR_NONE);
	buf_init(&out, 100);
	run_state_put_minor(&out, str_from(minor_rows[_i].currency), minor_rows[_i].minor);
	unit_assert_str(buf_str(&out), minor_rows[_i].written, minor_rows[_i].written);
	buf_release(&out);
}
END_TEST

static const struct {
	int64_t count;
	const char *written;
} count_rows[] = {
    {0, "0"},
    {7, "7"},
    {-7, "-7"},
    {999, "999"},
    {1000, "1,000"},
    {1000000, "1,000,000"},
    {-123456, "-123,456"},
    {INT64_MIN, "-9,223,372,036,854,775,808"},
};

START_TEST(test_count)
{
	struct buf out;

	buf_init(&out, 100);
	run_state_put_count(&out, count_rows[_i].count);
	unit_assert_str(buf_str(&out), count_rows[_i].written, count_rows[_i].written);
	buf_release(&out);
}
END_TEST

static const struct {
	const char *text, *shown;
} text_rows[] = {
    {"plain", "plain"},
    {"Zo\xc3\xab \xe2\x82\xac", "Zo\xc3\xab \xe2\x82\xac"},
    {"a\nb\tc\r", "a?b?c?"},
    {"\x1b[31mred\x7f", "?[31mred?"},
    {"\xc2\x9b"
     "31m",
	"?31m"},              /* CSI as one character */
    {"\xc2\xa0", "\xc2\xa0"}, /* a space, which is no control */
    {"cut \xc2", "cut ?"},
    {"\xff\xfe", "??"},
    {"\xed\xa0\x80", "???"}, /* a surrogate */
    {"1\xe2\x80\xae"
     "23.4",
	"1?23.4"}, /* from the right to the left from here on */
    {"\xe2\x81\xa6"
     "a\xe2\x81\xa9",
	"?a?"}, /* isolated */
    {"\xd8\x9c"
     "a\xe2\x80\x8f",
	"?a?"}, /* marks of a direction */
    {"a\xe2\x80\x8b"
     "b\xc2\xad"
     "c\xef\xbb\xbf",
	"a?b?c?"}, /* what has no width */
    {"a\xe2\x80\xa8"
     "b\xe2\x80\xa9",
	"a?b?"},               /* ends of lines and paragraphs */
    {"\xf3\xa0\x81\x81", "?"}, /* a tag */
    {"\xe6\x97\xa5\xe6\x9c\xac e\xcc\x81 \xf0\x9f\x99\x82",
	"\xe6\x97\xa5\xe6\x9c\xac e\xcc\x81 \xf0\x9f\x99\x82"},
};

START_TEST(test_text)
{
	struct buf out;

	buf_init(&out, 100);
	run_state_put_text(&out, str_from(text_rows[_i].text));
	unit_assert_str(buf_str(&out), text_rows[_i].shown, text_rows[_i].text);
	buf_release(&out);
}
END_TEST

static const struct {
	const char *text;
	size_t columns;
	size_t fits_in_3; /* bytes */
} column_rows[] = {
    {"", 0, 0},
    {"abc", 3, 3},
    {"abcd", 4, 3},
    {"Zo\xc3\xab!", 4, 4},
    {"e\xcc\x81tat", 4, 5},             /* an accent takes no room */
    {"abe\xcc\x81", 3, 5},              /* nor does one at the end */
    {"\xe6\x97\xa5\xe6\x9c\xac", 4, 3}, /* two wide ones */
    {"a\xe6\x97\xa5", 3, 4},
    {"\xff\xfe\xfd\xfc", 4, 3},
};

START_TEST(test_columns)
{
	struct str text = str_from(column_rows[_i].text);
	struct str fits = run_state_fit(text, 3);

	ck_assert_uint_eq(run_state_columns(text), column_rows[_i].columns);
	ck_assert_uint_eq(fits.len, column_rows[_i].fits_in_3);
	ck_assert_ptr_eq(fits.ptr, text.ptr);
	ck_assert_uint_eq(run_state_fit(text, column_rows[_i].columns).len, text.len);
}
END_TEST

static const struct {
	const char *name, *json;
	bool is_run;
	int64_t due, done, invoiced, failed, parts_all, parts_begun;
	size_t amounts_len;
} state_rows[] = {
    {"a run",
	"{\"status\": \"running\", \"due\": 10, \"done\": 4, \"invoiced\": 5, \"failed\": 1, "
	"\"amount_by_currency\": {\"EUR\": 100, \"USD\": null}, "
	"\"parts\": {\"all\": 8, \"begun\": 3}}",
	true, 10, 4, 5, 1, 8, 3, 2},
    {"nothing but a status", "{\"status\": \"paused\"}", true, 0, 0, 0, 0, 0, 0, 0},
    {"other types",
	"{\"status\": \"paused\", \"due\": \"10\", \"done\": 1.5, \"parts\": 7, "
	"\"amount_by_currency\": []}",
	true, 0, 0, 0, 0, 0, 0, 0},
    {"fewer than none",
	"{\"status\": \"running\", \"due\": -1, \"done\": -9223372036854775808, \"invoiced\": "
	"-9000000000000000000, \"failed\": -1, \"parts\": {\"all\": -8, \"begun\": -3}}",
	true, 0, 0, 0, 0, 0, 0, 0},
    {"as many as there can be",
	"{\"status\": \"running\", \"due\": 9223372036854775807, \"done\": 9223372036854775807, "
	"\"invoiced\": 9223372036854775807, \"failed\": 9223372036854775807}",
	true, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, 0, 0, 0},
    {"more currencies than are listed",
	"{\"status\": \"paused\", \"amount_by_currency\": {\"AAA\":1,\"AAB\":1,\"AAC\":1,"
	"\"AAD\":1,\"AAE\":1,\"AAF\":1,\"AAG\":1,\"AAH\":1,\"AAI\":1,\"AAJ\":1}}",
	true, 0, 0, 0, 0, 0, 0, 10},
    {"no status", "{\"due\": 10}", false, 0, 0, 0, 0, 0, 0, 0},
    {"a status that is no text", "{\"status\": 10}", false, 0, 0, 0, 0, 0, 0, 0},
    {"an array", "[]", false, 0, 0, 0, 0, 0, 0, 0},
    {"no JSON", "nonsense", false, 0, 0, 0, 0, 0, 0, 0},
};

START_TEST(test_state)
{
	json_t *json = json_loads(state_rows[_i].json, 0, NULL);
	struct run_state state;

	ck_assert_msg(
	    run_state_read(json, &state) == state_rows[_i].is_run, "%s", state_rows[_i].name);
	if (state_rows[_i].is_run)
		ck_assert_msg(state.due == state_rows[_i].due &&
				  state.done == state_rows[_i].done &&
				  state.invoiced == state_rows[_i].invoiced &&
				  state.failed == state_rows[_i].failed &&
				  state.parts_all == state_rows[_i].parts_all &&
				  state.parts_begun == state_rows[_i].parts_begun &&
				  state.amounts_len == state_rows[_i].amounts_len,
		    "%s", state_rows[_i].name);
	json_decref(json);
}
END_TEST

START_TEST(test_amounts)
{
	const struct run_amount known = {STR("EUR"), true, 1234567};
	const struct run_amount unknown = {STR("EUR"), false, 0};
	struct buf out;
	struct err err;

	ck_assert_int_eq(iso_init(&err), ERR_NONE);
	buf_init(&out, 100);
	run_state_put_amount(&out, &known);
	buf_append_char(&out, '|');
	run_state_put_amount(&out, &unknown);
	unit_assert_str(buf_str(&out), "EUR 12,345.67|EUR (beyond 64 bits)", "amounts");
	buf_release(&out);
}
END_TEST

START_TEST(test_is_over)
{
	static const struct {
		const char *status;
		bool over;
	} rows[] = {{"running", false}, {"paused", false}, {"finished", true}, {"canceled", true},
	    {"another", false}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct run_state state = {.status = str_from(rows[i].status)};

		ck_assert_msg(run_state_is_over(&state) == rows[i].over, "%s", rows[i].status);
	}
}
END_TEST

UNIT_MAIN("run_state", UNIT_ROWS(test_minor, minor_rows), UNIT_ROWS(test_count, count_rows),
    UNIT_ROWS(test_text, text_rows), UNIT_ROWS(test_columns, column_rows),
    UNIT_ROWS(test_state, state_rows), UNIT(test_amounts), UNIT(test_is_over))
