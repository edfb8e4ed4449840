#include "cli/run_progress.h"

#include "common/icu/iso.h"
#include "tests/unit/unit.h"

#define SECOND INT64_C(1000)

static struct run_state
state_of(const char *status, int64_t done, int64_t due)
{
	return (struct run_state){.status = str_from(status),
	    .due = due,
	    .done = done,
	    .invoiced = 2 * done,
	    .parts_all = 8,
	    .parts_begun = 8};
}

/* Note ${done} at ${at_ms}. */
static void
note(struct run_progress *progress, int64_t at_ms, int64_t done)
{
	struct run_state state = state_of("running", done, 1000);

	run_progress_note(progress, &state, at_ms);
}

static const struct {
	const char *name;
	const char *status;
	int64_t done, due;
	int percent;
} percent_rows[] = {
    {"nothing was counted", "running", 0, 0, -1},
    {"nothing is due, and it is finished", "finished", 0, 0, 100},
    {"nothing is due, and it was canceled", "canceled", 0, 0, -1},
    {"the beginning", "running", 0, 1000, 0},
    {"rounded down", "running", 19, 1000, 1},
    {"nearly all", "running", 999, 1000, 99},
    {"all, and not closed", "running", 1000, 1000, 99},
    {"more than was counted", "running", 2000, 1000, 99},
    {"finished", "finished", 1000, 1000, 100},
    {"finished with some left out", "finished", 900, 1000, 100},
    {"canceled in the middle", "canceled", 500, 1000, 50},
    {"as many as there can be", "running", INT64_MAX / 2, INT64_MAX, 49},
    {"nonsense", "running", -1, 1000, -1},
};

START_TEST(test_percent)
{
	struct run_state state =
	    state_of(percent_rows[_i].status, percent_rows[_i].done, percent_rows[_i].due);

	ck_assert_msg(run_progress_percent(&state) == percent_rows[_i].percent, "%s: %d",
	    percent_rows[_i].name, run_progress_percent(&state));
}
END_TEST

START_TEST(test_rate_needs_two_moments)
{
	struct run_progress progress = {.samples_len = 0};

	ck_assert_int_eq(run_progress_rate(&progress, 0), 0);
	note(&progress, 5 * SECOND, 100);
	ck_assert_int_eq(run_progress_rate(&progress, 6 * SECOND), 0);
	note(&progress, 5 * SECOND, 200);
	ck_assert_int_eq(run_progress_rate(&progress, 5 * SECOND), 0); /* no time has gone by */
	ck_assert_int_eq(run_progress_rate(&progress, 7 * SECOND), 100);
}
END_TEST

START_TEST(test_rate_is_that_of_late)
{
	struct run_progress progress = {.samples_len = 0};

	/* 10 a second for a minute, then 1,000. */
	for (int64_t s = 0; s <= 60; s++)
		note(&progress, s * SECOND, s * 10);
	ck_assert_int_eq(run_progress_rate(&progress, 60 * SECOND), 20);
	for (int64_t s = 61; s <= 80; s++)
		note(&progress, s * SECOND, 600 + (s - 60) * 1000);
	ck_assert_int_eq(run_progress_rate(&progress, 80 * SECOND), 2000);
	/* Then nothing more is heard. */
	ck_assert_int_eq(run_progress_rate(&progress, 90 * SECOND), 0);
	ck_assert(progress.samples_len <= RUN_PROGRESS_SAMPLES);
}
END_TEST

START_TEST(test_rate_over_a_gap)
{
	struct run_progress progress = {.samples_len = 0};

	/* What was done while nothing was heard is not of the last moment. */
	note(&progress, 0, 0);
	note(&progress, 100 * SECOND, 1000);
	ck_assert_int_eq(run_progress_rate(&progress, 100 * SECOND), 20);
}
END_TEST

START_TEST(test_many_samples_at_once)
{
	struct run_progress progress = {.samples_len = 0};

	for (int64_t i = 0; i <= 1000; i++)
		note(&progress, i, i);
	ck_assert_uint_eq(progress.samples_len, RUN_PROGRESS_SAMPLES);
	ck_assert_int_eq(run_progress_rate(&progress, 1000), 2000);
}
END_TEST

static const struct {
	const char *name;
	const char *status;
	int64_t done, due;
	int64_t parts_begun;
	int64_t left_s;
} left_rows[] = {
    {"half", "running", 500, 1000, 8, 10},
    {"nothing left", "running", 500, 500, 8, 0},
    {"not all is counted", "running", 500, 1000, 7, -1},
    {"paused", "paused", 500, 1000, 8, -1},
    {"finished", "finished", 500, 1000, 8, -1},
    {"more done than was counted", "running", 500, 400, 8, -1},
    {"nothing was done", "running", 0, 1000, 8, -1},
    {"years", "running", 1, INT64_MAX, 8, -1},
};

START_TEST(test_left)
{
	struct run_state state =
	    state_of(left_rows[_i].status, left_rows[_i].done, left_rows[_i].due);
	struct run_progress progress = {.samples_len = 0};

	state.parts_begun = left_rows[_i].parts_begun;
	ck_assert_int_eq(run_progress_left_s(&progress, &state, 0), -1);
	note(&progress, 0, 0);
	run_progress_note(&progress, &state, 10 * SECOND);
	ck_assert_msg(run_progress_left_s(&progress, &state, 10 * SECOND) == left_rows[_i].left_s,
	    "%s: %lld", left_rows[_i].name,
	    (long long)run_progress_left_s(&progress, &state, 10 * SECOND));
}
END_TEST

static const struct {
	const char *name;
	const char *status;
	int64_t done, failed, parts_begun;
	size_t width;
	const char *line;
} line_rows[] = {
    {"a log", "running", 500, 2, 8, 0,
	"running   50 %  500/1,000  100 invoices/s  0:10 left  2 failed  EUR 1,234.56  JPY 2,900"},
    {"a wide terminal", "running", 500, 0, 8, 200,
	"running  [############............]   50 %  500/1,000  100 invoices/s  0:10 left  "
	"EUR 1,234.56  JPY 2,900"},
    {"not all is counted", "running", 500, 0, 7, 0,
	"running   50 %  500/1,000+  100 invoices/s  EUR 1,234.56  JPY 2,900"},
    {"room for the time left, by a column", "running", 500, 2, 8, 81,
	"running  [############............]   50 %  500/1,000  100 invoices/s  0:10 left"},
    {"a column less", "running", 500, 2, 8, 80,
	"running  [############............]   50 %  500/1,000  100 invoices/s  2 failed"},
    {"a narrow one", "running", 500, 2, 8, 20, "running  [###...]"},
    {"finished", "finished", 1000, 0, 8, 0,
	"finished  100 %  1,000/1,000  EUR 1,234.56  JPY 2,900"},
    {"canceled", "canceled", 500, 0, 3, 0, "canceled   50 %  500/1,000  EUR 1,234.56  JPY 2,900"},
    {"paused", "paused", 500, 0, 8, 0,
	"paused   50 %  500/1,000  100 invoices/s  EUR 1,234.56  JPY 2,900"},
};

START_TEST(test_line)
{
	struct run_state state = state_of(line_rows[_i].status, line_rows[_i].done, 1000);
	struct run_progress progress = {.samples_len = 0};
	struct buf out;
	struct err err;

	ck_assert_int_eq(iso_init(&err), ERR_NONE);
	state.failed = line_rows[_i].failed;
	state.parts_begun = line_rows[_i].parts_begun;
	state.amounts_len = 2;
	state.amounts[0] = (struct run_amount){STR("EUR"), true, 123456};
	state.amounts[1] = (struct run_amount){STR("JPY"), true, 2900};
	note(&progress, 0, 0);
	run_progress_note(&progress, &state, 10 * SECOND);
	buf_init(&out, 1000);
	run_progress_line(&progress, &state, 10 * SECOND, line_rows[_i].width, &out);
	unit_assert_str(buf_str(&out), line_rows[_i].line, line_rows[_i].name);
	ck_assert_msg(
	    line_rows[_i].width == 0 || out.len < line_rows[_i].width, "%s", line_rows[_i].name);
	buf_release(&out);
}
END_TEST

START_TEST(test_line_counts_columns)
{
	struct run_progress progress = {.samples_len = 0};
	/* Twelve bytes, eight columns. */
	struct run_state state =
	    state_of("\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5", 500, 1000);
	struct buf out;

	buf_init(&out, 1000);
	run_progress_line(&progress, &state, 0, 9, &out);
	ck_assert_uint_eq(out.len, 12);
	buf_clear(&out);
	run_progress_line(&progress, &state, 0, 8, &out);
	unit_assert_str(buf_str(&out), " 50 %", "a column less");
	buf_release(&out);
}
END_TEST

/* Whatever an API says of counts: they were read, and then nothing of this overflows. */
START_TEST(test_wild_counts)
{
	static const char *const counts[] = {"-9223372036854775808", "-9000000000000000000", "-1",
	    "0", "1", "9000000000000000000", "9223372036854775807"};
	const size_t all = ARRAY_LEN(counts);
	struct run_progress progress = {.samples_len = 0};
	struct buf out;

	buf_init(&out, 4096);
	for (size_t i = 0; i < all * all * all; i++) {
		const char *due = counts[i % all], *done = counts[i / all % all];
		const char *invoiced = counts[i / all / all];
		struct run_state state;
		char text[256];
		json_t *json;

		snprintf(text, sizeof(text),
		    "{\"status\":\"running\",\"due\":%s,\"done\":%s,\"invoiced\":%s,\"failed\":%s}",
		    due, done, invoiced, due);
		json = json_loads(text, 0, NULL);
		ck_assert(run_state_read(json, &state));
		run_progress_note(&progress, &state, (int64_t)i);
		buf_clear(&out);
		run_progress_line(&progress, &state, (int64_t)i + 1, 100, &out);
		ck_assert(out.len < 100 && !out.overflow);
		ck_assert_int_ge(run_progress_rate(&progress, (int64_t)i + 1), 0);
		json_decref(json);
	}
	buf_release(&out);
}
END_TEST

START_TEST(test_line_fits_any_width)
{
	struct run_progress progress = {.samples_len = 0};
	struct run_state state = state_of("running", INT64_MAX / 4, INT64_MAX / 2);
	struct buf out;
	struct err err;

	ck_assert_int_eq(iso_init(&err), ERR_NONE);
	state.failed = INT64_MAX;
	state.amounts_len = RUN_AMOUNTS_MAX + 5;
	for (size_t i = 0; i < RUN_AMOUNTS_MAX; i++)
		state.amounts[i] = (struct run_amount){STR("EUR"), i % 2 == 0, INT64_MIN};
	run_progress_note(&progress, &state, 0);
	buf_init(&out, 4096);
	for (size_t width = 1; width <= RUN_PROGRESS_WIDTH_MAX; width++) {
		buf_clear(&out);
		run_progress_line(&progress, &state, SECOND, width, &out);
		ck_assert_msg(out.len < width && !out.overflow, "%zu columns", width);
	}
	ck_assert(out.len > 0 && out.ptr[out.len - 1] != ' ');
	ck_assert_ptr_nonnull(memmem(out.ptr, out.len, "and 5 currencies more", 21));
	buf_release(&out);
}
END_TEST

UNIT_MAIN("run_progress", UNIT_ROWS(test_percent, percent_rows), UNIT(test_rate_needs_two_moments),
    UNIT(test_rate_is_that_of_late), UNIT(test_rate_over_a_gap), UNIT(test_many_samples_at_once),
    UNIT_ROWS(test_left, left_rows), UNIT_ROWS(test_line, line_rows),
    UNIT(test_line_fits_any_width), UNIT(test_line_counts_columns), UNIT(test_wild_counts))
