#include "common/base/err.h"

#include "tests/unit/unit.h"

static char *
repeated(char c, size_t len)
{
	static char text[2 * ERR_TEXT_SIZE];

	ck_assert_uint_lt(len, sizeof(text));
	memset(text, c, len);
	text[len] = '\0';
	return text;
}

static const enum err_class classes[] = {ERR_RETRY, ERR_POISON, ERR_FATAL};

START_TEST(test_set)
{
	struct err err;

	memset(&err, 'x', sizeof(err));
	ck_assert_int_eq(err_set(&err, classes[_i], "port %d of %s", 5432, "db"), classes[_i]);
	ck_assert_int_eq(err.class, classes[_i]);
	ck_assert_str_eq(err.text, "port 5432 of db");
	/* What an earlier error left behind is gone. */
	ck_assert_str_eq(err.sqlstate, "");
	ck_assert_str_eq(err.constraint, "");
}
END_TEST

START_TEST(test_wrap_keeps_what_is_branched_on)
{
	struct err err;

	err_set(&err, classes[_i], "no row");
	memcpy(err.sqlstate, "23505", 6);
	memcpy(err.constraint, "plans_code", 11);
	ck_assert_int_eq(err_wrap(&err, "%s %d", "step", 2), classes[_i]);
	ck_assert_int_eq(err_wrap(&err, "load"), classes[_i]);
	ck_assert_str_eq(err.text, "load: step 2: no row");
	ck_assert_str_eq(err.sqlstate, "23505");
	ck_assert_str_eq(err.constraint, "plans_code");
}
END_TEST

struct flat_row {
	const char *name;
	const char *text;
	const char *expected;
};

static const struct flat_row flat_rows[] = {
    {"a plain text stays", "connection refused", "connection refused"},
    {"a line end behind is dropped", "ERROR: gone\n", "ERROR: gone"},
    {"line ends and spaces behind are dropped", "gone \n \n\n", "gone"},
    {"a line end inside is a space", "ERROR: gone\nDETAIL: far", "ERROR: gone DETAIL: far"},
    {"every control character is a space",
	"a\tb\rc\x01"
	"d\x1f"
	"e\x1b[0m",
	"a b c d e [0m"},
    {"UTF-8 stays", "caf\xc3\xa9", "caf\xc3\xa9"},
    {"empty", "", ""},
    {"line ends alone", "\n\n", ""},
};

START_TEST(test_one_line)
{
	const struct flat_row *row = &flat_rows[_i];
	struct err err;

	err_set(&err, ERR_RETRY, "%s", row->text);
	ck_assert_msg(strcmp(err.text, row->expected) == 0, "%s: \"%s\"", row->name, err.text);
	err_wrap(&err, "one\ntwo");
	ck_assert_msg(strncmp(err.text, "one two:", 8) == 0, "%s: \"%s\"", row->name, err.text);
	ck_assert_msg(strpbrk(err.text, "\n\t\r\x01\x1b") == NULL, "%s", row->name);
}
END_TEST

START_TEST(test_a_percent_sign_in_a_text_is_no_format)
{
	struct err err;

	err_set(&err, ERR_RETRY, "%s", "100%s%n");
	err_wrap(&err, "at %s", "50%d");
	ck_assert_str_eq(err.text, "at 50%d: 100%s%n");
}
END_TEST

START_TEST(test_a_long_text_is_cut)
{
	struct err err;

	err_set(&err, ERR_FATAL, "%s", repeated('a', ERR_TEXT_SIZE - 1));
	ck_assert_uint_eq(strlen(err.text), ERR_TEXT_SIZE - 1);
	err_set(&err, ERR_FATAL, "%s", repeated('a', ERR_TEXT_SIZE + 100));
	ck_assert_uint_eq(strlen(err.text), ERR_TEXT_SIZE - 1);
}
END_TEST

/* Context comes first, so it is the far end of the text that is lost. */
START_TEST(test_wrapping_a_full_text_keeps_the_context)
{
	struct err err;

	err_set(&err, ERR_RETRY, "first %s", repeated('a', ERR_TEXT_SIZE));
	for (int i = 0; i < 50; i++)
		err_wrap(&err, "context %d", i);
	ck_assert_uint_eq(strlen(err.text), ERR_TEXT_SIZE - 1);
	ck_assert_msg(strncmp(err.text, "context 49: context 48: ", 24) == 0, "%s", err.text);
}
END_TEST

START_TEST(test_a_context_that_fills_the_text_is_cut)
{
	for (size_t len = ERR_TEXT_SIZE - 4; len < ERR_TEXT_SIZE + 4; len++) {
		struct err err;

		err_set(&err, ERR_RETRY, "inner");
		err_wrap(&err, "%s", repeated('c', len));
		ck_assert_uint_lt(strlen(err.text), ERR_TEXT_SIZE);
		ck_assert_int_eq(err.text[0], 'c');
		ck_assert_int_eq(err.class, ERR_RETRY);
	}
}
END_TEST

START_TEST(test_aborts_when_set_to_none)
{
	struct err err;

	err_set(&err, ERR_NONE, "nothing");
}
END_TEST

START_TEST(test_aborts_when_nothing_is_wrapped)
{
	struct err err = {.class = ERR_NONE};

	err_wrap(&err, "nothing");
}
END_TEST

UNIT_MAIN("err", UNIT_ROWS(test_set, classes),
    UNIT_ROWS(test_wrap_keeps_what_is_branched_on, classes), UNIT_ROWS(test_one_line, flat_rows),
    UNIT(test_a_percent_sign_in_a_text_is_no_format), UNIT(test_a_long_text_is_cut),
    UNIT(test_wrapping_a_full_text_keeps_the_context),
    UNIT(test_a_context_that_fills_the_text_is_cut), UNIT_ABORTS(test_aborts_when_set_to_none),
    UNIT_ABORTS(test_aborts_when_nothing_is_wrapped))
