#include "common/base/log.h"

#include <jansson.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define LINES_MAX 65536

static int captured_fd = -1;

/* From now on, what goes to stderr goes to a file. */
static void
capture(void)
{
	FILE *file = tmpfile();

	ck_assert_ptr_nonnull(file);
	captured_fd = fileno(file);
	ck_assert_int_ge(dup2(captured_fd, STDERR_FILENO), 0);
}

static const char *
captured(void)
{
	static char lines[LINES_MAX];
	ssize_t len = pread(captured_fd, lines, sizeof(lines) - 1, 0);

	ck_assert_int_ge(len, 0);
	lines[len] = '\0';
	return lines;
}

/* The only line that was logged, parsed. */
static json_t *
logged(const char *what)
{
	const char *line = captured();
	const char *end = strchr(line, '\n');
	json_error_t error;
	json_t *json;

	ck_assert_msg(end != NULL && end[1] == '\0', "%s: not one line: %s", what, line);
	json = json_loads(line, JSON_REJECT_DUPLICATES, &error);
	ck_assert_msg(json_is_object(json), "%s: %s: %s", what, error.text, line);
	return json;
}

static void
assert_text(const json_t *json, const char *key, const char *expected, const char *what)
{
	const char *value = json_string_value(json_object_get(json, key));

	ck_assert_msg(value != NULL && strcmp(value, expected) == 0, "%s: %s is %s", what, key,
	    value == NULL ? "missing" : value);
}

START_TEST(test_the_fixed_keys_come_first)
{
	const char *keys[] = {"ts", "level", "program", "event", "port", "host"};
	size_t i = 0;
	const char *key, *ts;
	struct instant instant;
	json_t *json, *value;

	capture();
	log_init("billd-test", "info");
	log_line(LOG_INFO, "it started", log_int("port", 8000), log_text("host", "127.0.0.1"));
	json = logged("a line");
	json_object_foreach(json, key, value)
	{
		ck_assert_uint_lt(i, ARRAY_LEN(keys));
		ck_assert_str_eq(key, keys[i++]);
	}
	ck_assert_uint_eq(i, ARRAY_LEN(keys));
	assert_text(json, "level", "info", "a line");
	assert_text(json, "program", "billd-test", "a line");
	assert_text(json, "event", "it started", "a line");
	assert_text(json, "host", "127.0.0.1", "a line");
	ck_assert_int_eq(json_integer_value(json_object_get(json, "port")), 8000);
	ts = json_string_value(json_object_get(json, "ts"));
	ck_assert_msg(instant_read(ts, strlen(ts), &instant), "ts %s", ts);
	json_decref(json);
}
END_TEST

struct level_row {
	const char *name;
	const char *least; /* as the setting names it */
	const char *written[4];
};

static const struct level_row level_rows[] = {
    {"debug lets all through", "debug", {"debug", "info", "warn", "error"}},
    {"info", "info", {"info", "warn", "error"}},
    {"warn", "warn", {"warn", "error"}},
    {"error", "error", {"error"}},
    {"an unknown name is info", "loud", {"info", "warn", "error"}},
    {"upper case is unknown", "ERROR", {"info", "warn", "error"}},
    {"no name is info", NULL, {"info", "warn", "error"}},
};

START_TEST(test_levels)
{
	const struct level_row *row = &level_rows[_i];
	const char *line;

	capture();
	log_init("billd-test", row->least);
	log_event(LOG_DEBUG, "event");
	log_event(LOG_INFO, "event");
	log_event(LOG_WARN, "event");
	log_event(LOG_ERROR, "event");
	line = captured();
	for (size_t i = 0; i < ARRAY_LEN(row->written) && row->written[i] != NULL; i++) {
		json_t *json = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);

		ck_assert_msg(json != NULL, "%s: %s is missing", row->name, row->written[i]);
		assert_text(json, "level", row->written[i], row->name);
		json_decref(json);
		line = strchr(line, '\n') + 1;
	}
	ck_assert_msg(*line == '\0', "%s: and %s", row->name, line);
}
END_TEST

struct value_row {
	const char *name;
	struct str text;
	const char *expected; /* as a JSON reader gives it back */
};

#define VALUE(literal)                       \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

static const struct value_row value_rows[] = {
    {"plain", VALUE("plain text"), "plain text"},
    {"empty", VALUE(""), ""},
    {"letters beyond ASCII", VALUE("caf\xc3\xa9, \xe2\x82\xac, \xf0\x9f\x99\x82"),
	"caf\xc3\xa9, \xe2\x82\xac, \xf0\x9f\x99\x82"},
    {"half a letter is told by its byte", VALUE("caf\xc3"), "caf\xc3\x83"},
    {"a quote", VALUE("say \"no\""), "say \"no\""},
    {"a backslash", VALUE("C:\\"), "C:\\"},
    {"what looks like an escape", VALUE("\\u0041\\n"), "\\u0041\\n"},
    {"what would end the object", VALUE("\"}\n{\"level\":\"error\""), "\"}\n{\"level\":\"error\""},
    {"control characters",
	VALUE("a\tb\rc\nd\x01"
	      "e\x1f"),
	"a\tb\rc\nd\x01"
	"e\x1f"},
    {"a terminal's escape", VALUE("\x1b[31mred"), "\x1b[31mred"},
    {"DEL",
	VALUE("a\x7f"
	      "b"),
	"a\x7f"
	"b"},
    {"a percent sign", VALUE("100%s %n"), "100%s %n"},
};

START_TEST(test_hostile_texts_come_back)
{
	const struct value_row *row = &value_rows[_i];
	json_t *json;

	capture();
	log_line(LOG_INFO, "event", log_str("text", row->text), log_int("after", 1));
	json = logged(row->name);
	assert_text(json, "text", row->expected, row->name);
	ck_assert_msg(json_object_get(json, "after") != NULL, "%s: cut", row->name);
	/* Nothing but printable ASCII reaches a terminal. */
	for (const char *c = captured(); c[1] != '\0'; c++)
		ck_assert_msg(*c >= ' ' && *c <= '~', "%s: byte %02x", row->name, *c);
	json_decref(json);
}
END_TEST

START_TEST(test_every_byte)
{
	for (int c = 0; c < 256; c++) {
		char text[3] = {'a', (char)c, 'b'};
		json_error_t error;
		json_t *json;

		capture();
		log_line(LOG_INFO, "event", log_str("text", (struct str){text, sizeof(text)}));
		json = json_loads(captured(), JSON_ALLOW_NUL, &error);
		ck_assert_msg(json != NULL, "byte %02x: %s", (unsigned)c, error.text);
		json_decref(json);
	}
}
END_TEST

START_TEST(test_pairs_that_are_left_out)
{
	json_t *json;

	capture();
	log_line(LOG_INFO, "event", log_text("none", NULL), log_str("nothing", STR_NONE),
	    log_int(NULL, 5), log_int("least", INT64_MIN), log_int("most", INT64_MAX));
	json = logged("left out");
	ck_assert_uint_eq(json_object_size(json), 4 + 2);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "least")), INT64_MIN);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "most")), INT64_MAX);
	json_decref(json);
}
END_TEST

/* A line has an end, so something is cut; what is left is JSON. */
struct long_row {
	const char *name;
	char c;
	size_t texts;  /* pairs of text, */
	size_t len;    /* of that many bytes ${c}, */
	size_t number; /* and pairs of numbers behind them */
};

static const struct long_row long_rows[] = {
    {"one text of 600", 'a', 1, 600, 2},
    {"one text of 601", 'a', 1, 601, 2},
    {"one text of a megabyte", 'a', 1, 1000000, 2},
    {"one text of 600 control characters", '\x01', 1, 600, 2},
    {"one text of a megabyte of quotes", '"', 1, 1000000, 2},
    {"two texts of 600", 'a', 2, 600, 2},
    {"three texts of 600", 'a', 3, 600, 2},
    {"three texts of 600 backslashes", '\\', 3, 600, 2},
    {"ten texts of control characters", '\x1f', 10, 600, 10},
    {"a hundred short texts", 'a', 100, 5, 0},
    {"two hundred empty texts", 'a', 200, 0, 0},
    {"two hundred numbers", 'a', 0, 0, 200},
};

static char long_text[1000000];

static json_t *
log_long(char c, size_t texts, size_t len, size_t numbers, const char *what)
{
	static struct log_pair pairs[256];
	static char keys[256][32];
	size_t pairs_len = texts + numbers;

	memset(long_text, c, len);
	for (size_t i = 0; i < pairs_len; i++) {
		snprintf(keys[i], sizeof(keys[i]), "key_%zu", i);
		pairs[i] = i < texts ? log_str(keys[i], (struct str){long_text, len})
				     : log_int(keys[i], INT64_MIN);
	}
	capture();
	log_pairs(LOG_INFO, "event", pairs, pairs_len);
	return logged(what);
}

START_TEST(test_long_lines_are_cut_and_stay_json)
{
	const struct long_row *row = &long_rows[_i];
	json_t *json = log_long(row->c, row->texts, row->len, row->number, row->name);
	json_t *value;
	const char *key;

	assert_text(json, "event", "event", row->name);
	ck_assert_msg(strlen(captured()) <= 4096, "%s: %zu bytes", row->name, strlen(captured()));
	json_object_foreach(json, key, value)
	{
		const char *text = json_string_value(value);

		if (strncmp(key, "key_", 4) != 0 || text == NULL)
			continue;
		for (const char *c = text; *c != '\0'; c++)
			ck_assert_msg(*c == row->c, "%s: byte %02x", row->name, *c);
	}
	json_decref(json);
}
END_TEST

/* Wherever the end of the line falls: inside a key, a value, a number.  Row _i of either byte. */
START_TEST(test_every_length_of_a_line_stays_json)
{
	char event[64];
	char c = _i % 2 == 0 ? 'a' : '\x01';

	memset(event, 'e', sizeof(event));
	event[_i / 2] = '\0';
	memset(long_text, c, 600);
	capture();
	log_line(LOG_INFO, event, log_str("reason", (struct str){long_text, 600}),
	    log_str("request_id", (struct str){long_text, 600}),
	    log_str("traceparent", (struct str){long_text, 55}), log_int("partition", 1023),
	    log_int("offset", INT64_MAX));
	json_decref(logged(event));
}
END_TEST

/* Two bytes, and events of 0 to 29 letters. */
static const char lengths[60];

START_TEST(test_a_long_event_stays_json)
{
	static char event[10000];
	json_t *json;

	memset(event, '"', sizeof(event) - 1);
	capture();
	log_line(LOG_ERROR, event, log_int("after", 1));
	json = logged("a long event");
	assert_text(json, "level", "error", "a long event");
	json_decref(json);
}
END_TEST

static off_t
captured_bytes(void)
{
	return lseek(captured_fd, 0, SEEK_END);
}

/* The numbers of all lines that were logged come one after the other from 0. */
static int64_t
numbered_lines(void)
{
	FILE *file = fdopen(dup(captured_fd), "r");
	int64_t count = 0;
	char line[512];

	ck_assert_ptr_nonnull(file);
	rewind(file);
	for (; fgets(line, sizeof(line), file) != NULL; count++) {
		json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

		ck_assert_msg(json != NULL, "line %lld: %s", (long long)count, line);
		ck_assert_int_eq(json_integer_value(json_object_get(json, "number")), count);
		json_decref(json);
	}
	fclose(file);
	return count;
}

START_TEST(test_lines_are_held_until_they_are_flushed)
{
	capture();
	log_hold();
	for (int64_t i = 0; i < 3; i++)
		log_line(LOG_INFO, "held", log_int("number", i));
	ck_assert_int_eq(captured_bytes(), 0);
	log_flush();
	ck_assert_int_eq(numbered_lines(), 3);
	log_flush();
	ck_assert_int_eq(numbered_lines(), 3);
}
END_TEST

START_TEST(test_a_warning_takes_what_was_held_before_along)
{
	capture();
	log_hold();
	log_line(LOG_INFO, "held", log_int("number", 0));
	log_line(LOG_WARN, "it matters", log_int("number", 1));
	ck_assert_int_eq(numbered_lines(), 2);
}
END_TEST

START_TEST(test_more_lines_than_can_be_held_are_written_in_order)
{
	capture();
	log_hold();
	for (int64_t i = 0; i < 5000; i++)
		log_line(LOG_INFO, "held", log_int("number", i));
	ck_assert_int_gt(captured_bytes(), 0);
	log_flush();
	ck_assert_int_eq(numbered_lines(), 5000);
}
END_TEST

START_TEST(test_a_failing_check_takes_what_is_held_along)
{
	int status;
	pid_t child;

	capture();
	log_hold();
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		log_line(LOG_INFO, "last words", log_int("number", 0));
		CHECK(child != 0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_ptr_nonnull(strstr(captured(), "last words"));
	ck_assert_ptr_nonnull(strstr(strstr(captured(), "last words"), "\"panic\""));
}
END_TEST

UNIT_MAIN("log", UNIT(test_the_fixed_keys_come_first), UNIT_ROWS(test_levels, level_rows),
    UNIT_ROWS(test_hostile_texts_come_back, value_rows), UNIT(test_every_byte),
    UNIT(test_pairs_that_are_left_out), UNIT_ROWS(test_long_lines_are_cut_and_stay_json, long_rows),
    UNIT_ROWS(test_every_length_of_a_line_stays_json, lengths), UNIT(test_a_long_event_stays_json),
    UNIT(test_lines_are_held_until_they_are_flushed),
    UNIT(test_a_warning_takes_what_was_held_before_along),
    UNIT(test_more_lines_than_can_be_held_are_written_in_order),
    UNIT(test_a_failing_check_takes_what_is_held_along))
