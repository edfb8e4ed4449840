#include "tests/unit/unit.h"

#include "common/base/daemon.h"
#include "worker/database_clock.h"

#define ASKED_MS INT64_C(1767225600000)

/* What it said a moment ago is not asked again, and what has passed since counts. */
START_TEST(test_a_moment_ago)
{
	const int64_t ago_ms = 700;
	int64_t before_ms = clock_steady_ms();
	struct database_clock clock = {ASKED_MS, before_ms - ago_ms};
	struct err err;
	int64_t now_ms;

	ck_assert_int_eq(database_clock_ready(&clock, NULL, &err), ERR_NONE);
	now_ms = database_clock_now_ms(&clock);
	ck_assert_int_ge(now_ms, ASKED_MS + ago_ms);
	ck_assert_int_le(now_ms, ASKED_MS + ago_ms + clock_steady_ms() - before_ms);
}
END_TEST

UNIT_MAIN("database_clock", UNIT(test_a_moment_ago))
