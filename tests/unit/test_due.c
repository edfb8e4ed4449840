#include "worker/due.h"

#include "tests/unit/unit.h"

/* What is found is seen with a database alone (tests/integration/test_due.py). */

#define CLOCK ((struct uuid){{0xc1, 1}})

struct until_row {
	const char *name;
	bool waiting;
	int64_t accepted_ms, now_ms, margin_ms;
	int32_t attempts;
	int64_t expected_s; /* -1: nothing may be done */
};

static const struct until_row until_rows[] = {
    {"nothing waits: now, less the margin", false, 0, 100000, 5000, 0, 95},
    {"nothing waits, and something was accepted long ago", false, 10000, 100000, 5000, 0, 95},
    {"messages wait: as far as they are processed", true, 60000, 100000, 5000, 0, 55},
    {"messages wait, and nothing is known of them", true, 0, 100000, 5000, 0, -1},
    {"an ingress's clock is ahead", true, 200000, 100000, 5000, 0, 95},
    {"no margin", false, 0, 100999, 0, 0, 100},
    {"the margin reaches before the epoch", false, 0, 3000, 5000, 0, 0},
    {"workers died here, and messages wait", true, 60000, 100000, 5000, TAKEOVERS_MAX + 1, -1},
    {"workers died here, and the messages are through", false, 60000, 100000, 5000,
	TAKEOVERS_MAX + 1, 95},
};

START_TEST(test_until)
{
	const struct until_row *row = &until_rows[_i];
	const struct due due = {.margin_ms = row->margin_ms};
	const struct partition partition = {
	    .accepted_ms = row->accepted_ms, .attempts = row->attempts};
	struct instant until = due_until(&due, &partition, row->now_ms, row->waiting);

	if (row->expected_s < 0)
		ck_assert_msg(instant_is_none(until), "%s: %lld", row->name, (long long)until.s);
	else
		ck_assert_msg(
		    until.s == row->expected_s, "%s: %lld", row->name, (long long)until.s);
}
END_TEST

/* What the broker tells of a partition that stands at offset 10, in which something fell due at 70
 * s and everything up to 95 s was to be done. */
struct hold_back_row {
	const char *name;
	int64_t end_offset, accepted_ms;
	int64_t until_s; /* then; -1: it is done no more */
};

static const struct hold_back_row hold_back_rows[] = {
    {"nothing waits", 10, 60000, 95},
    {"a message waits, and one was processed that came long after", 11, 90000, 85},
    {"a message waits, and one was processed that came a margin after", 11, 75000, 70},
    {"a message waits that may have come before", 11, 74999, -1},
    {"a message waits, and nothing is known of those before", 11, 0, -1},
};

START_TEST(test_hold_back)
{
	const struct hold_back_row *row = &hold_back_rows[_i];
	static struct partition partition, other;
	static struct due due;

	partition = (struct partition){
	    .next_offset = 10, .accepted_ms = row->accepted_ms, .due_until = {95}};
	due = (struct due){.margin_ms = 5000, .bound_ms = 100000};
	due.found.items[due.found.len++] = (struct due_item){.partition = &partition,
	    .due_at = {70},
	    .horizon = {{95}, HORIZON_ALL},
	    .customer_id = {{1}}};
	due.found.items[due.found.len++] = (struct due_item){.partition = &other,
	    .due_at = {70},
	    .horizon = {{95}, HORIZON_ALL},
	    .customer_id = {{2}}};
	due_hold_back(&due, &due.found, &partition, row->end_offset);
	ck_assert_msg(due.found.len == (row->until_s < 0 ? 1 : 2), "%s: %zu are left", row->name,
	    due.found.len);
	if (row->until_s >= 0)
		ck_assert_msg(due.found.items[0].horizon.at.s == row->until_s, "%s: %lld",
		    row->name, (long long)due.found.items[0].horizon.at.s);
	ck_assert(due.found.items[due.found.len - 1].partition == &other);
	ck_assert_int_eq(due.found.items[due.found.len - 1].horizon.at.s, 95);
}
END_TEST

/* Whether what the broker told of a partition's end holds still. */
static const struct known_row {
	const char *name;
	int64_t asked_ms, bound_ms;
	bool expected;
} known_rows[] = {
    {"it was never asked", 0, 100000, false},
    {"just now", 100000, 100000, true},
    {"less than half the margin ago", 97501, 100000, true},
    {"half the margin ago", 97500, 100000, false},
    {"an hour ago, in which this machine may have stood still", 100000, 3700000, false},
};

START_TEST(test_what_is_known_of_the_end)
{
	const struct known_row *row = &known_rows[_i];
	const struct due due = {.margin_ms = 5000, .bound_ms = row->bound_ms};
	const struct partition partition = {.end_asked_ms = row->asked_ms};

	ck_assert_msg(due_end_is_known(&due, &partition) == row->expected, "%s", row->name);
}
END_TEST

/* What the database's clock bound goes no further because of a message. */
START_TEST(test_hold_back_never_lets_more_be_done)
{
	static struct partition partition = {.next_offset = 10, .accepted_ms = 90000};
	static struct due due;

	due = (struct due){.margin_ms = 5000, .bound_ms = 100000};
	due.found.items[due.found.len++] = (struct due_item){.partition = &partition,
	    .due_at = {70},
	    .horizon = {{80}, HORIZON_ALL},
	    .customer_id = {{1}}};
	due_hold_back(&due, &due.found, &partition, 11);
	ck_assert_uint_eq(due.found.len, 1);
	ck_assert_int_eq(due.found.items[0].horizon.at.s, 80);
}
END_TEST

/* Commands on the customers of a clock that advances are refused, whenever they come. */
START_TEST(test_hold_back_of_a_clock)
{
	static struct partition partition = {.next_offset = 10, .accepted_ms = 60000};
	static struct due due;

	due = (struct due){.margin_ms = 5000, .bound_ms = 100000};
	due.found.items[due.found.len++] = (struct due_item){.partition = &partition,
	    .due_at = {70},
	    .horizon = {{95}, HORIZON_ALL},
	    .test_clock_id = CLOCK};
	due_hold_back(&due, &due.found, &partition, 11);
	ck_assert_uint_eq(due.found.len, 1);
	ck_assert_int_eq(due.found.items[0].horizon.at.s, 95);
}
END_TEST

UNIT_MAIN("due", UNIT_ROWS(test_until, until_rows), UNIT_ROWS(test_hold_back, hold_back_rows),
    UNIT(test_hold_back_never_lets_more_be_done), UNIT(test_hold_back_of_a_clock),
    UNIT_ROWS(test_what_is_known_of_the_end, known_rows))
