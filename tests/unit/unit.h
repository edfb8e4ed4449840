#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

/*
 * The frame of a unit test: one file for each module, one program for each file, on Check.
 *
 *	START_TEST(test_adds) { const struct sum_row *row = &sum_rows[_i]; … ck_assert_msg(…, "%s",
 *row->name); } END_TEST UNIT_MAIN("money", UNIT(test_empty), UNIT_ROWS(test_adds, sum_rows),
 *UNIT_ABORTS(test_mixes))
 *
 * Each test runs in a child process of its own unless CK_FORK=no (a debugger).  CK_VERBOSITY and
 * CK_RUN_CASE (a test function's name) work as ever.  With UNIT_ALLOC_FAILURES=1 each runs with
 *each of its allocations failing instead: alloc_failures.h.
 */

#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/instant.h"
#include "common/base/str.h"
#include "tests/unit/alloc_failures.h"

#define UNIT_LINES 1024
#define UNIT_TIMEOUT_S 60 /* for each test or row; generous, for sanitizers on a busy machine */

/* What Check's asserts do when they hold: tell the process above where the test is, which says so
 * when the test dies.  That costs a system call and more, and there are tests that assert a million
 * times: here each line tells it once. */
static inline void
unit_mark(const char *file, int line)
{
	static _Thread_local bool marked[UNIT_LINES];

	if (marked[line % UNIT_LINES])
		return;
	marked[line % UNIT_LINES] = true;
	_mark_point(file, line);
}

#undef ck_assert_msg
#define ck_assert_msg(expr, ...)                \
	((expr) ? unit_mark(__FILE__, __LINE__) \
		: _ck_assert_failed(            \
		      __FILE__, __LINE__, "Assertion '" #expr "' failed", __VA_ARGS__))

struct unit_test {
	const TTest *test;
	size_t rows; /* how often it runs, with _i from 0 */
	int signal;  /* that it must die of; 0 for none */
};

/* A test; a test for each row of a table, row _i; a test whose subject must fail a CHECK. */
#define UNIT(test) ((struct unit_test){test, 1, 0})
#define UNIT_ROWS(test, table) ((struct unit_test){test, ARRAY_LEN(table), 0})
#define UNIT_ABORTS(test) ((struct unit_test){test, 1, SIGABRT})
#define UNIT_ABORTS_ROWS(test, table) ((struct unit_test){test, ARRAY_LEN(table), SIGABRT})

/* The test program: main() with these tests. */
#define UNIT_MAIN(name, ...)                                              \
	int main(void)                                                    \
	{                                                                 \
		const struct unit_test unit_tests[] = {__VA_ARGS__};      \
                                                                          \
		return unit_run(name, unit_tests, ARRAY_LEN(unit_tests)); \
	}

/* Fail with ${what} unless the struct str ${actual} has the bytes of the C string ${expected}. */
#define unit_assert_str(actual, expected, what)                                   \
	do {                                                                      \
		struct str unit_actual = (actual);                                \
		const char *unit_expected = (expected);                           \
                                                                                  \
		ck_assert_msg(str_equal(unit_actual, str_from(unit_expected)),    \
		    "%s: \"%.*s\" instead of \"%s\"", what, STR_ARG(unit_actual), \
		    unit_expected == NULL ? "(none)" : unit_expected);            \
	} while (0)

/* Fail with ${what} unless the instant ${actual} is ${expected}, in RFC 3339 or NULL for none. */
#define unit_assert_instant(actual, expected, what)                                 \
	do {                                                                        \
		struct instant unit_actual = (actual);                              \
		const char *unit_expected = (expected);                             \
		char unit_text[INSTANT_TEXT_SIZE] = "none";                         \
                                                                                    \
		if (instant_is_valid(unit_actual))                                  \
			instant_write(unit_actual, unit_text);                      \
		ck_assert_msg(unit_expected == NULL                                 \
				  ? instant_is_none(unit_actual)                    \
				  : unit_actual.s == unit_instant(unit_expected).s, \
		    "%s: %s instead of %s", what, unit_text,                        \
		    unit_expected == NULL ? "none" : unit_expected);                \
	} while (0)

/**
 * unit_instant(text):
 * The moment that ${text} writes in RFC 3339; the test fails when it is malformed.
 */
static inline struct instant
unit_instant(const char *text)
{
	struct instant instant = INSTANT_NONE;

	ck_assert_msg(
	    instant_read(text, strlen(text), &instant), "the test's own time \"%s\" is bad", text);
	return instant;
}

/**
 * unit_seed(name):
 * A seed for random tests: the variable UNIT_SEED, 1 unless it is set, so that a change is judged
 * by itself; "new": another one each second.  Printed, so that a failure can be repeated.
 */
static inline uint64_t
unit_seed(const char *name)
{
	const char *given = getenv("UNIT_SEED");
	uint64_t seed = given == NULL               ? 1
			: strcmp(given, "new") == 0 ? (uint64_t)time(NULL)
						    : strtoull(given, NULL, 10);

	printf("%s: seed %" PRIu64 " (UNIT_SEED=%" PRIu64 " repeats it)\n", name, seed, seed);
	return seed;
}

/**
 * unit_random(state, below):
 * The next number under ${below} from ${state}, which begins as a seed (splitmix64).
 */
static inline uint64_t
unit_random(uint64_t *state, uint64_t below)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % below;
}

/* The panic of an expected abort would look like a failure in the test's output. */
static inline void
unit_silence_stderr(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(null, 0);
	ck_assert_int_ge(dup2(null, STDERR_FILENO), 0);
	close(null);
}

/* Rows ${first} to ${end} - 1 of a test, in a case of their own, so that CK_RUN_CASE can pick it.
 */
static inline TCase *
unit_case(const struct unit_test *test, size_t first, size_t end)
{
	TCase *tcase = tcase_create(test->test->name);

	tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
	if (test->signal != 0)
		tcase_add_checked_fixture(tcase, unit_silence_stderr, NULL);
	tcase_add_loop_test_raise_signal(tcase, test->test, test->signal, (int)first, (int)end);
	return tcase;
}

/**
 * unit_run(name, tests, tests_len):
 * Run all ${tests}, print Check's summary, and return main's status: 0 when none failed.  Tests
 * that must die are left out when there are no child processes to do it.
 */
static inline int
unit_run(const char *name, const struct unit_test *tests, size_t tests_len)
{
	Suite *suite;
	SRunner *runner;
	bool forks;
	int failed;

	if (getenv("UNIT_ALLOC_FAILURES") != NULL)
		return alloc_failures_run(name, tests, tests_len);
	suite = suite_create(name);
	runner = srunner_create(suite);
	forks = srunner_fork_status(runner) == CK_FORK;
	for (size_t i = 0; i < tests_len; i++)
		if (forks || tests[i].signal == 0)
			suite_add_tcase(suite, unit_case(&tests[i], 0, tests[i].rows));
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}

#endif
