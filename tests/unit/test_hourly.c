#include "worker/hourly.h"

#include "common/base/id.h"
#include "tests/unit/unit.h"

/* Which hour it is, and what is told of it; who has something due is found on real servers. */

#define HOUR_MS INT64_C(3600000)

static const struct hour_row {
	const char *name;
	int64_t now_ms, margin_ms;
	int64_t hour;
} hour_rows[] = {
    {"the epoch", 0, 0, 0},
    {"a full hour", 7 * HOUR_MS, 0, 7},
    {"a millisecond before", 7 * HOUR_MS - 1, 0, 6},
    {"a millisecond behind", 7 * HOUR_MS + 1, 0, 7},
    {"a full hour, with a margin", 7 * HOUR_MS, 5000, 6},
    {"a millisecond before the margin is over", 7 * HOUR_MS + 4999, 5000, 6},
    {"the end of the margin", 7 * HOUR_MS + 5000, 5000, 7},
    {"2026-01-01T00:00:05Z", INT64_C(1767225605000), 5000, 490896},
};

START_TEST(test_hours)
{
	const struct hour_row *row = &hour_rows[_i];

	ck_assert_msg(hourly_hour(row->now_ms, row->margin_ms) == row->hour, "%s: %" PRId64,
	    row->name, hourly_hour(row->now_ms, row->margin_ms));
}
END_TEST

START_TEST(test_the_command)
{
	const struct uuid organisation = {{0x0a, 1}}, other = {{0x0a, 2}};
	struct start_billing_run start = hourly_command(organisation, 490896, 1767225605123);
	struct start_billing_run again = hourly_command(organisation, 490896, 1767229000000);
	struct start_billing_run next = hourly_command(organisation, 490897, 1767225605123);
	struct start_billing_run others = hourly_command(other, 490896, 1767225605123);

	ck_assert_int_eq(start.as_of.s, 1767225600);
	ck_assert_int_eq(start.meta.accepted_at, 1767225605123);
	ck_assert(!start.dry_run);
	ck_assert_int_eq(start.invoices_max, BILLING_RUN_INVOICES_MAX);
	unit_assert_str(start.meta.actor, "system:runs", "actor");
	ck_assert(uuid_equal(start.meta.organisation_id, organisation));
	ck_assert_int_eq(id_shard(start.meta.operation_id), id_shard_of_key(organisation));
	/* Whoever tells it, and when, it is the same; and none of another hour or organisation. */
	ck_assert(uuid_equal(start.meta.operation_id, again.meta.operation_id));
	ck_assert(!uuid_equal(start.meta.operation_id, next.meta.operation_id));
	ck_assert(!uuid_equal(start.meta.operation_id, others.meta.operation_id));
}
END_TEST

/* ${text} has a letter for each organisation. */
static struct hourly_list
list_of(const char *text)
{
	struct hourly_list list = {.len = strlen(text), .capacity = strlen(text)};

	if (list.len == 0)
		return list;
	list.ids = calloc(list.len, sizeof(list.ids[0]));
	ck_assert_ptr_nonnull(list.ids);
	for (size_t i = 0; i < list.len; i++)
		list.ids[i] = (struct uuid){{(uint8_t)text[i], 1}};
	return list;
}

static const struct unite_row {
	const char *before, *after;
} unite_rows[] = {
    {"", ""}, {"a", "a"}, {"aa", "a"}, {"ba", "ab"}, {"abcabc", "abc"}, {"ccccbaab", "abc"}};

START_TEST(test_each_once)
{
	const struct unite_row *row = &unite_rows[_i];
	struct hourly_list list = list_of(row->before), expected = list_of(row->after);

	hourly_unite(&list);
	hourly_unite(&list);
	ck_assert_uint_eq(list.len, expected.len);
	for (size_t i = 0; i < list.len; i++)
		ck_assert(uuid_equal(list.ids[i], expected.ids[i]));
	hourly_release(&list);
	hourly_release(&list);
	hourly_release(&expected);
	ck_assert_uint_eq(list.len, 0);
}
END_TEST

START_TEST(test_aborts_before_the_epoch)
{
	struct start_billing_run start = hourly_command((struct uuid){{1}}, -1, 0);

	(void)start;
}
END_TEST

UNIT_MAIN("hourly", UNIT_ROWS(test_hours, hour_rows), UNIT(test_the_command),
    UNIT_ROWS(test_each_once, unite_rows), UNIT_ABORTS(test_aborts_before_the_epoch))
