#include "api/cursor.h"
#include "tests/unit/unit.h"

static const int64_t positions[] = {0, 1, -1, INT64_MAX, INT64_MIN, 1795326935000};

START_TEST(test_round_trip)
{
	struct cursor cursor = {
	    positions[_i], {{1, 2, 3, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}}};
	struct cursor again = CURSOR_START;
	char text[CURSOR_TEXT_SIZE];

	cursor_write(CURSOR_PLANS, cursor, text);
	ck_assert(cursor_read(str_from(text), CURSOR_PLANS, &again));
	ck_assert_int_eq(again.position, cursor.position);
	ck_assert(uuid_equal(again.id, cursor.id));
}
END_TEST

START_TEST(test_of_another_list)
{
	struct cursor again = {7, UUID_NIL};
	char text[CURSOR_TEXT_SIZE];

	cursor_write(CURSOR_PLANS, CURSOR_START, text);
	ck_assert(!cursor_read(str_from(text), CURSOR_CUSTOMERS, &again));
	ck_assert_int_eq(again.position, 7);
}
END_TEST

/* What clients hold goes on to mean what it meant: the kind, the position, the id. */
static const struct kept {
	enum cursor_kind kind;
	const char *text;
} kept_rows[] = {
    {CURSOR_CUSTOMERS, "AQAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_PLANS, "AgAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_SUBSCRIPTIONS, "AwAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_INVOICES, "BAAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_CUSTOMER_INVOICES, "BQAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_MEMBERS, "BwAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_INVITATIONS, "CAAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_API_KEYS, "CQAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_AUDIT_LOG, "CgAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_ORGANISATIONS, "CwAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_PLAN_VERSIONS, "DAAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_QUANTITIES, "DQAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_CREDITS, "DgAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_TEST_CLOCKS, "DwAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_COUPONS, "EAAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_TAX_RATES, "EQAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_ITEMS, "EgAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_CREDIT_NOTES, "EwAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_INVOICE_CREDIT_NOTES, "FAAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_PAYMENTS, "FQAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_INVOICE_PAYMENTS, "FgAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
    {CURSOR_JOURNAL, "FwAAAaIB0xIYAZrFgEB3cACAAAAAAAAABw"},
};

START_TEST(test_kept)
{
	const struct kept *row = &kept_rows[_i];
	const struct uuid id = {
	    {0x01, 0x9a, 0xc5, 0x80, 0x40, 0x77, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 7}};
	struct cursor again;
	char text[CURSOR_TEXT_SIZE];

	cursor_write(row->kind, (struct cursor){1795326939672, id}, text);
	ck_assert_str_eq(text, row->text);
	for (size_t i = 0; i < ARRAY_LEN(kept_rows); i++)
		ck_assert_int_eq(
		    cursor_read(str_from(text), kept_rows[i].kind, &again), i == (size_t)_i);
}
END_TEST

/* AgAA… is the kind, and 24 bytes. */
static const char *const bad_rows[] = {"", "A", "!!!!", "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
    /* A byte beyond ASCII. */
    "Ag_________\337AZDxwnoAgACAAAAAAAAAAQ"};

START_TEST(test_bad)
{
	struct cursor again;

	ck_assert_msg(
	    !cursor_read(str_from(bad_rows[_i]), CURSOR_PLANS, &again), "%s", bad_rows[_i]);
}
END_TEST

static const int64_t vectors[][4] = {
    {0, 0, 0, 0}, {1, 0, 0, 0}, {0, 0, 0, 1}, {127, 128, 16384, 1}, {0, INT64_MAX, 0, 5}};

START_TEST(test_events_round_trip)
{
	int64_t again[4] = {-1, -1, -1, -1};
	struct buf buf;

	buf_init(&buf, 1000);
	cursor_events_write(vectors[_i], 4, &buf);
	ck_assert(cursor_events_read(buf_str(&buf), again, 4));
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(again[i], vectors[_i][i]);
	buf_release(&buf);
}
END_TEST

START_TEST(test_events_largest)
{
	static int64_t numbers[1024], again[1024];
	struct buf buf;

	for (size_t i = 0; i < 1024; i++)
		numbers[i] = INT64_MAX - (int64_t)i;
	buf_init(&buf, 100000);
	cursor_events_write(numbers, 1024, &buf);
	ck_assert(!buf.overflow);
	ck_assert(cursor_events_read(buf_str(&buf), again, 1024));
	ck_assert_int_eq(memcmp(numbers, again, sizeof(numbers)), 0);
	buf_release(&buf);
}
END_TEST

START_TEST(test_events_of_fewer_partitions)
{
	const int64_t numbers[4] = {0, 0, 0, 9};
	int64_t again[8];
	struct buf buf;

	buf_init(&buf, 1000);
	cursor_events_write(numbers, 4, &buf);
	ck_assert_msg(
	    !cursor_events_read(buf_str(&buf), again, 3), "a partition that is not there");
	ck_assert(cursor_events_read(buf_str(&buf), again, 8));
	ck_assert_int_eq(again[3], 9);
	ck_assert_int_eq(again[7], 0);
	buf_release(&buf);
}
END_TEST

/* Bg is the kind of the events; then pairs of varints. */
static const char *const bad_events_rows[] = {
    "",                 /* nothing */
    "AQ",               /* another kind */
    "BgA",              /* a partition without a number */
    "BgAA",             /* number 0 is never written */
    "BgCA",             /* a varint without its end */
    "Bv___________38B", /* a distance far beyond the partitions */
    "BgD__________38B", /* a number over 63 bits */
    "Bg=",
    "B*",
};

START_TEST(test_events_bad)
{
	int64_t again[4];

	ck_assert_msg(!cursor_events_read(str_from(bad_events_rows[_i]), again, 4), "%s",
	    bad_events_rows[_i]);
}
END_TEST

UNIT_MAIN("cursor", UNIT_ROWS(test_round_trip, positions), UNIT(test_of_another_list),
    UNIT_ROWS(test_kept, kept_rows), UNIT_ROWS(test_bad, bad_rows),
    UNIT_ROWS(test_events_round_trip, vectors), UNIT(test_events_largest),
    UNIT(test_events_of_fewer_partitions), UNIT_ROWS(test_events_bad, bad_events_rows))
