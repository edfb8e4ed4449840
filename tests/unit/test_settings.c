#include "common/base/settings.h"

#include "tests/unit/unit.h"

/* Every test runs in a process of its own, so what one sets the next does not see. */

#define FILE_MAX 65536

static int64_t number;
static const char *text;
static char path[64];

/* A file with ${len} bytes of ${content}; ${path} names it. */
static void
file_make(const char *content, size_t len)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/billd_test_settings_XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, content, len), (ssize_t)len);
	close(fd);
}

static void
variable_set(const char *name, const char *value)
{
	if (value == NULL)
		ck_assert_int_eq(unsetenv(name), 0);
	else
		ck_assert_int_eq(setenv(name, value, 1), 0);
}

struct integer_row {
	const char *name;
	const char *value; /* of the variable; NULL: not set */
	const char *fallback;
	int64_t minimum, maximum;
	int64_t expected; /* unless refused */
	bool refused;
};

static const struct integer_row integer_rows[] = {
    {"not set: the default", NULL, "16", 1, 1024, 16, false},
    {"empty counts as not set", "", "16", 1, 1024, 16, false},
    {"set", "32", "16", 1, 1024, 32, false},
    {"the least", "1", "16", 1, 1024, 1, false},
    {"the most", "1024", "16", 1, 1024, 1024, false},
    {"negative, where that is allowed", "-5", "0", -5, 5, -5, false},
    {"the largest there is", "9223372036854775807", "0", 0, INT64_MAX, INT64_MAX, false},
    {"the smallest there is", "-9223372036854775808", "0", INT64_MIN, 0, INT64_MIN, false},
    {"below the least", "0", "16", 1, 1024, 0, true},
    {"beyond the most", "1025", "16", 1, 1024, 0, true},
    {"beyond 64 bits", "9223372036854775808", "0", 0, INT64_MAX, 0, true},
    {"far beyond 64 bits", "18446744073709551632", "16", 1, 1024, 0, true},
    {"a word", "many", "16", 1, 1024, 0, true},
    {"a unit behind", "16k", "16", 1, 1024, 0, true},
    {"a space behind", "16 ", "16", 1, 1024, 0, true},
    {"a space in front", " 16", "16", 1, 1024, 0, true},
    {"a space alone", " ", "16", 1, 1024, 0, true},
    {"a fraction", "1.5", "16", 1, 1024, 0, true},
    {"hexadecimal", "0x10", "16", 1, 1024, 0, true},
    {"a sign alone", "-", "16", -10, 1024, 0, true},
    {"a default that is out of range is refused as well", NULL, "0", 1, 1024, 0, true},
};

START_TEST(test_integer)
{
	const struct integer_row *row = &integer_rows[_i];
	const struct setting setting = {"BILLD_TEST_NUMBER", SETTING_INTEGER, &number,
	    row->fallback, row->minimum, row->maximum, "how many"};
	struct err err = {0};
	enum err_class class;

	number = 4711;
	variable_set("BILLD_TEST_NUMBER", row->value);
	class = settings_read(&setting, 1, &err);
	if (!row->refused) {
		ck_assert_msg(class == ERR_NONE, "%s: %s", row->name, err.text);
		ck_assert_msg(number == row->expected, "%s: %" PRId64, row->name, number);
		return;
	}
	ck_assert_msg(class == ERR_FATAL, "%s: taken as %" PRId64, row->name, number);
	ck_assert_msg(strstr(err.text, "BILLD_TEST_NUMBER") != NULL, "%s: %s", row->name, err.text);
	ck_assert_msg(number == 4711, "%s: %" PRId64, row->name, number);
}
END_TEST

static const struct choice_row {
	const char *name;
	const char *value; /* of the variable; NULL: not set */
	int64_t expected;  /* -1: refused */
} choice_rows[] = {
    {"not set: the first", NULL, 0},
    {"empty counts as not set", "", 0},
    {"the first", "continuous", 0},
    {"one in the middle", "hourly", 1},
    {"the last", "manual", 2},
    {"another word", "daily", -1},
    {"the beginning of one", "hour", -1},
    {"one with more behind it", "hourly1", -1},
    {"a capital letter", "Hourly", -1},
    {"a space behind", "hourly ", -1},
    {"a space alone", " ", -1},
    {"two of them", "hourly manual", -1},
    {"all of them", "continuous hourly manual", -1},
};

START_TEST(test_choice)
{
	const struct choice_row *row = &choice_rows[_i];
	const struct setting setting = {"BILLD_TEST_CHOICE", SETTING_CHOICE, &number,
	    "continuous hourly manual", 0, 0, "which one"};
	struct err err = {0};
	enum err_class class;

	number = 4711;
	variable_set("BILLD_TEST_CHOICE", row->value);
	class = settings_read(&setting, 1, &err);
	if (row->expected >= 0) {
		ck_assert_msg(class == ERR_NONE, "%s: %s", row->name, err.text);
		ck_assert_msg(number == row->expected, "%s: %" PRId64, row->name, number);
		return;
	}
	ck_assert_msg(class == ERR_FATAL, "%s: taken as %" PRId64, row->name, number);
	ck_assert_msg(strstr(err.text, "BILLD_TEST_CHOICE") != NULL, "%s: %s", row->name, err.text);
	ck_assert_msg(number == 4711, "%s: %" PRId64, row->name, number);
}
END_TEST

/* What stands in the variable, in NAME_FILE's file, and what comes of it. */
struct text_row {
	const char *name;
	enum setting_kind kind;
	const char *value;
	const char *file; /* content; NULL: NAME_FILE is not set */
	const char *fallback;
	int64_t minimum;
	const char *expected; /* NULL: no text */
	bool refused;
};

static const struct text_row text_rows[] = {
    {"text: set", SETTING_TEXT, "a b", NULL, "x", 1, "a b", false},
    {"text: not set, the default", SETTING_TEXT, NULL, NULL, "x", 1, "x", false},
    {"text: empty, the default", SETTING_TEXT, "", NULL, "x", 1, "x", false},
    {"text: not set and no default", SETTING_TEXT, NULL, NULL, NULL, 0, NULL, false},
    {"text: missing", SETTING_TEXT, NULL, NULL, NULL, 1, NULL, true},
    {"text: empty and no default", SETTING_TEXT, "", NULL, NULL, 1, NULL, true},
    {"text: only secrets come from files", SETTING_TEXT, NULL, "from file", "x", 1, "x", false},
    {"text: missing, and a file does not help", SETTING_TEXT, NULL, "from file", NULL, 1, NULL,
	true},
    {"secret: set", SETTING_SECRET, "s3cret", NULL, NULL, 1, "s3cret", false},
    {"secret: missing", SETTING_SECRET, NULL, NULL, NULL, 1, NULL, true},
    {"secret: not set and not needed", SETTING_SECRET, NULL, NULL, NULL, 0, NULL, false},
    {"secret: the default", SETTING_SECRET, NULL, NULL, "x", 1, "x", false},
    {"secret: from a file", SETTING_SECRET, NULL, "s3cret", NULL, 1, "s3cret", false},
    {"secret: the file's line end goes", SETTING_SECRET, NULL, "s3cret\n", NULL, 1, "s3cret",
	false},
    {"secret: and its carriage return", SETTING_SECRET, NULL, "s3cret\r\n", NULL, 1, "s3cret",
	false},
    {"secret: a line end inside stays", SETTING_SECRET, NULL, "a\nb\n\n", NULL, 1, "a\nb", false},
    {"secret: spaces in a file stay", SETTING_SECRET, NULL, " a ", NULL, 1, " a ", false},
    {"secret: the variable goes before the file", SETTING_SECRET, "direct", "from file", NULL, 1,
	"direct", false},
    {"secret: an empty variable does not", SETTING_SECRET, "", "from file", NULL, 1, "from file",
	false},
    {"secret: the file goes before the default", SETTING_SECRET, NULL, "from file", "x", 1,
	"from file", false},
    {"secret: an empty file", SETTING_SECRET, NULL, "", NULL, 1, NULL, true},
    {"secret: a file of line ends", SETTING_SECRET, NULL, "\n\n", NULL, 1, NULL, true},
};

START_TEST(test_text)
{
	const struct text_row *row = &text_rows[_i];
	const struct setting setting = {"BILLD_TEST_TEXT", row->kind, &text, row->fallback,
	    row->minimum, 0, "the text of a test"};
	struct err err = {0};
	enum err_class class;

	variable_set("BILLD_TEST_TEXT", row->value);
	if (row->file != NULL) {
		file_make(row->file, strlen(row->file));
		variable_set("BILLD_TEST_TEXT_FILE", path);
	}
	class = settings_read(&setting, 1, &err);
	if (row->file != NULL)
		unlink(path);
	if (row->refused) {
		ck_assert_msg(class == ERR_FATAL, "%s: taken as %s", row->name, text);
		ck_assert_msg(
		    strstr(err.text, "BILLD_TEST_TEXT") != NULL, "%s: %s", row->name, err.text);
		return;
	}
	ck_assert_msg(class == ERR_NONE, "%s: %s", row->name, err.text);
	unit_assert_str(str_from(text), row->expected, row->name);
}
END_TEST

START_TEST(test_a_file_with_a_nul)
{
	const struct setting setting = {
	    "BILLD_TEST_TEXT", SETTING_SECRET, &text, NULL, 1, 0, "the text of a test"};
	static const char *const contents[] = {"s3cret\0more", "\0s3cret-more"};

	for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
		struct err err = {0};

		file_make(contents[i], 11);
		variable_set("BILLD_TEST_TEXT_FILE", path);
		ck_assert_int_eq(settings_read(&setting, 1, &err), ERR_FATAL);
		ck_assert_msg(strstr(err.text, "NUL") != NULL, "%s", err.text);
		ck_assert_ptr_null(strstr(err.text, "s3cret"));
		unlink(path);
	}
}
END_TEST

static const struct setting secret = {
    "BILLD_TEST_SECRET", SETTING_SECRET, &text, NULL, 1, 0, "a secret"};

static const char *const bad_paths[] = {"/nowhere/at/all", "/tmp", "/dev/null/x"};

START_TEST(test_a_file_that_cannot_be_read)
{
	struct err err = {0};

	variable_set("BILLD_TEST_SECRET_FILE", bad_paths[_i]);
	ck_assert_int_eq(settings_read(&secret, 1, &err), ERR_FATAL);
	ck_assert_msg(strstr(err.text, "BILLD_TEST_SECRET_FILE") != NULL, "%s", err.text);
	ck_assert_msg(strstr(err.text, bad_paths[_i]) != NULL, "%s", err.text);
}
END_TEST

START_TEST(test_the_size_of_a_file)
{
	static char content[FILE_MAX + 1];
	struct err err = {0};

	memset(content, 'k', sizeof(content));
	file_make(content, FILE_MAX);
	variable_set("BILLD_TEST_SECRET_FILE", path);
	ck_assert_int_eq(settings_read(&secret, 1, &err), ERR_NONE);
	ck_assert_uint_eq(strlen(text), FILE_MAX);
	unlink(path);

	file_make(content, FILE_MAX + 1);
	variable_set("BILLD_TEST_SECRET_FILE", path);
	ck_assert_int_eq(settings_read(&secret, 1, &err), ERR_FATAL);
	ck_assert_msg(strstr(err.text, "BILLD_TEST_SECRET_FILE") != NULL, "%s", err.text);
	unlink(path);
}
END_TEST

START_TEST(test_a_secret_is_in_no_error)
{
	const struct setting settings[] = {
	    secret, {"BILLD_TEST_NUMBER", SETTING_INTEGER, &number, "5", 1, 10, "how many"}};
	struct err err = {0};

	variable_set("BILLD_TEST_SECRET", "hunter2");
	variable_set("BILLD_TEST_NUMBER", "11");
	ck_assert_int_eq(settings_read(settings, 2, &err), ERR_FATAL);
	ck_assert_msg(strstr(err.text, "BILLD_TEST_NUMBER") != NULL, "%s", err.text);
	ck_assert_msg(strstr(err.text, "hunter2") == NULL, "%s", err.text);
}
END_TEST

/* What ${print} writes to stdout. */
static const char *
printed(void (*print)(const struct setting *settings, size_t len))
{
	static char output[8192];
	const struct setting settings[] = {
	    {"BILLD_TEST_SECRET", SETTING_SECRET, &text, NULL, 1, 0, "what nobody may see"},
	    {"BILLD_TEST_TEXT", SETTING_TEXT, &text, "local", 1, 0, "a place"},
	    {"BILLD_TEST_OPTION", SETTING_TEXT, &text, NULL, 0, 0, "what may be left out"},
	    {"BILLD_TEST_NUMBER", SETTING_INTEGER, &number, "5", 1, 10, "how many of them"},
	    {"BILLD_TEST_CHOICE", SETTING_CHOICE, &number, "red green blue", 0, 0, "which"},
	};
	int saved = dup(STDOUT_FILENO);
	FILE *file = tmpfile();
	size_t len;

	ck_assert_ptr_nonnull(file);
	variable_set("BILLD_TEST_SECRET", "hunter2");
	fflush(stdout);
	ck_assert_int_ge(dup2(fileno(file), STDOUT_FILENO), 0);
	print(settings, ARRAY_LEN(settings));
	fflush(stdout);
	ck_assert_int_ge(dup2(saved, STDOUT_FILENO), 0);
	close(saved);
	rewind(file);
	len = fread(output, 1, sizeof(output) - 1, file);
	output[len] = '\0';
	fclose(file);
	return output;
}

static void
print_help(const struct setting *settings, size_t len)
{
	settings_help("billd-test", "tests things", settings, len);
}

static void
print_markdown(const struct setting *settings, size_t len)
{
	settings_markdown("billd-test", settings, len);
}

struct print_row {
	const char *name;
	void (*print)(const struct setting *settings, size_t len);
	const char *expected; /* somewhere in the output */
};

static const struct print_row print_rows[] = {
    {"help: the program and its purpose", print_help, "billd-test: tests things\n"},
    {"help: a secret is marked", print_help, "BILLD_TEST_SECRET *\n"},
    {"help: what must be set", print_help, "what nobody may see\n      default: must be set\n"},
    {"help: a text's default", print_help, "a place\n      default: local\n"},
    {"help: what may be left out", print_help, "what may be left out\n      default: none\n"},
    {"help: an integer's range", print_help, "how many of them\n      default: 5 (1 to 10)\n"},
    {"help: a choice", print_help, "which\n      default: red (or green, blue)\n"},
    {"markdown: the section", print_markdown, "## billd-test\n"},
    {"markdown: a secret is marked", print_markdown,
	"| `BILLD_TEST_SECRET` * | must be set | what nobody may see |\n"},
    {"markdown: a text", print_markdown, "| `BILLD_TEST_TEXT` | local | a place |\n"},
    {"markdown: what may be left out", print_markdown,
	"| `BILLD_TEST_OPTION` | none | what may be left out |\n"},
    {"markdown: an integer", print_markdown,
	"| `BILLD_TEST_NUMBER` | 5 (1 to 10) | how many of them |\n"},
    {"markdown: a choice", print_markdown,
	"| `BILLD_TEST_CHOICE` | red (or green, blue) | which |\n"},
};

START_TEST(test_tables_are_printed)
{
	const struct print_row *row = &print_rows[_i];
	const char *output = printed(row->print);

	ck_assert_msg(strstr(output, row->expected) != NULL, "%s: %s", row->name, output);
	ck_assert_msg(strstr(output, "hunter2") == NULL, "%s: shows the secret", row->name);
}
END_TEST

START_TEST(test_aborts_on_an_integer_without_a_default)
{
	const struct setting setting = {
	    "BILLD_TEST_NUMBER", SETTING_INTEGER, &number, NULL, 1, 10, "how many"};
	struct err err;

	(void)!settings_read(&setting, 1, &err);
}
END_TEST

UNIT_MAIN("settings", UNIT_ROWS(test_integer, integer_rows), UNIT_ROWS(test_choice, choice_rows),
    UNIT_ROWS(test_text, text_rows), UNIT(test_a_file_with_a_nul),
    UNIT_ROWS(test_a_file_that_cannot_be_read, bad_paths), UNIT(test_the_size_of_a_file),
    UNIT(test_a_secret_is_in_no_error), UNIT_ROWS(test_tables_are_printed, print_rows),
    UNIT_ABORTS(test_aborts_on_an_integer_without_a_default))
