#include "common/base/instant.h"

#include "common/base/civil.h"
#include "tests/unit/unit.h"

struct read_row {
	const char *name;
	const char *text;
	const char *expected; /* as instant_write gives it; NULL when refused */
};

static const struct read_row read_rows[] = {
    {"UTC", "2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z"},
    {"the first second", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
    {"the last second", "2199-12-31T23:59:59Z", "2199-12-31T23:59:59Z"},
    {"lower case", "2026-01-31t00:00:00z", "2026-01-31T00:00:00Z"},
    {"an offset to the east", "2026-01-31T01:30:00+01:30", "2026-01-31T00:00:00Z"},
    {"an offset to the west", "2026-01-30T19:00:00-05:00", "2026-01-31T00:00:00Z"},
    {"an offset that takes a date of 1969 into range", "1969-12-31T23:00:00-01:00",
	"1970-01-01T00:00:00Z"},
    {"an offset that takes a date of 2200 into range", "2200-01-01T00:59:59+01:00",
	"2199-12-31T23:59:59Z"},
    {"the unknown offset", "2026-01-31T00:00:00-00:00", "2026-01-31T00:00:00Z"},
    {"a fraction is cut off", "2026-01-31T00:00:00.999999999Z", "2026-01-31T00:00:00Z"},
    {"a fraction and an offset", "2026-01-31T01:00:00.5+01:00", "2026-01-31T00:00:00Z"},
    {"29 February of a leap year", "2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z"},
    {"2000 was a leap year", "2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"},
    {"29 February of another year", "2023-02-29T00:00:00Z", NULL},
    {"2100 is no leap year", "2100-02-29T00:00:00Z", NULL},
    {"31 April", "2026-04-31T00:00:00Z", NULL},
    {"30 February", "2024-02-30T00:00:00Z", NULL},
    {"day 0", "2026-01-00T00:00:00Z", NULL},
    {"day 32", "2026-01-32T00:00:00Z", NULL},
    {"month 0", "2026-00-01T00:00:00Z", NULL},
    {"month 13", "2026-13-01T00:00:00Z", NULL},
    {"hour 24", "2026-01-31T24:00:00Z", NULL},
    {"minute 60", "2026-01-31T00:60:00Z", NULL},
    {"a leap second", "2026-12-31T23:59:60Z", NULL},
    {"a second before the range", "1969-12-31T23:59:59Z", NULL},
    {"a second after the range", "2200-01-01T00:00:00Z", NULL},
    {"an offset that leads out of range", "1970-01-01T00:00:00+00:01", NULL},
    {"the year 0", "0000-01-01T00:00:00Z", NULL},
    {"the year 9999", "9999-12-31T23:59:59Z", NULL},
    {"no zone", "2026-01-31T00:00:00", NULL},
    {"a space instead of T", "2026-01-31 00:00:00Z", NULL},
    {"no time", "2026-01-31", NULL},
    {"no seconds", "2026-01-31T00:00Z", NULL},
    {"slashes", "2026/01/31T00:00:00Z", NULL},
    {"a sign in a number", "2026-+1-31T00:00:00Z", NULL},
    {"a space in a number", "2026-01-31T 0:00:00Z", NULL},
    {"a point without a fraction", "2026-01-31T00:00:00.Z", NULL},
    {"a comma", "2026-01-31T00:00:00,5Z", NULL},
    {"a fraction and no zone", "2026-01-31T00:00:00.5", NULL},
    {"an offset without a colon", "2026-01-31T00:00:00+0100", NULL},
    {"an offset of hours", "2026-01-31T00:00:00+01", NULL},
    {"offset hour 24", "2026-01-31T00:00:00+24:00", NULL},
    {"offset minute 60", "2026-01-31T00:00:00+01:60", NULL},
    {"something behind", "2026-01-31T00:00:00Z ", NULL},
    {"something before", " 2026-01-31T00:00:00Z", NULL},
    {"two zones", "2026-01-31T00:00:00ZZ", NULL},
    {"empty", "", NULL},
};

START_TEST(test_read)
{
	const struct read_row *row = &read_rows[_i];
	size_t len = strlen(row->text);
	struct instant instant = {42};
	char written[INSTANT_TEXT_SIZE];
	/* A copy of exactly that size, so that a sanitizer sees a read behind it. */
	char *copy = malloc(len == 0 ? 1 : len);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, row->text, len);
	ck_assert_msg(
	    instant_read(copy, len, &instant) == (row->expected != NULL), "%s", row->name);
	free(copy);
	if (row->expected == NULL) {
		ck_assert_msg(instant.s == 42, "%s: touched", row->name);
		return;
	}
	instant_write(instant, written);
	ck_assert_msg(strcmp(written, row->expected) == 0, "%s: %s", row->name, written);
}
END_TEST

START_TEST(test_nothing_to_read)
{
	struct instant instant;

	ck_assert(!instant_read(NULL, 0, &instant));
}
END_TEST

/* The system's own calendar says the same, and what is written is read back. */
START_TEST(test_random_instants_come_back)
{
	uint64_t random = unit_seed("instant");

	for (int i = 0; i < 100000; i++) {
		struct instant instant = {
		    (int64_t)unit_random(&random, (uint64_t)INSTANT_MAX_S + 1)};
		struct instant back = INSTANT_NONE;
		char written[INSTANT_TEXT_SIZE], expected[32];
		time_t seconds = (time_t)instant.s;
		struct tm tm;

		instant_write(instant, written);
		ck_assert_ptr_nonnull(gmtime_r(&seconds, &tm));
		ck_assert_uint_gt(
		    strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &tm), 0);
		ck_assert_str_eq(written, expected);
		ck_assert(instant_read(written, strlen(written), &back));
		ck_assert_int_eq(back.s, instant.s);
	}
}
END_TEST

START_TEST(test_every_day_of_the_civil_calendar)
{
	struct civil civil = {1969, 1, 1};

	/* From a year before 1970, as local dates may be, to the end; counted, not computed. */
	for (int64_t days = -365; civil.year < 2201; days++) {
		struct civil computed = civil_from_days(days);

		ck_assert_int_eq(computed.year, civil.year);
		ck_assert_int_eq(computed.month, civil.month);
		ck_assert_int_eq(computed.day, civil.day);
		ck_assert_int_eq(civil_to_days(civil), days);
		if (++civil.day > civil_month_days(civil.year, civil.month)) {
			civil.day = 1;
			civil.month++;
		}
		if (civil.month > 12) {
			civil.month = 1;
			civil.year++;
		}
	}
	ck_assert_int_eq(civil_to_days((struct civil){2201, 1, 1}) * CIVIL_DAY_S,
	    INSTANT_MAX_S + 1 + 365 * CIVIL_DAY_S);
	ck_assert_int_eq(civil_to_days((struct civil){0, 3, 1}), -719468);
}
END_TEST

START_TEST(test_validity_and_order)
{
	struct instant first = {INSTANT_MIN_S}, last = {INSTANT_MAX_S};

	ck_assert(instant_is_valid(first));
	ck_assert(instant_is_valid(last));
	ck_assert(!instant_is_valid((struct instant){INSTANT_MIN_S - 1}));
	ck_assert(!instant_is_valid((struct instant){INSTANT_MAX_S + 1}));
	ck_assert(!instant_is_valid(INSTANT_NONE));
	ck_assert(instant_is_none(INSTANT_NONE));
	ck_assert(!instant_is_none(first));
	ck_assert_int_eq(instant_later(first, last).s, last.s);
	ck_assert_int_eq(instant_later(last, first).s, last.s);
	ck_assert_int_eq(instant_later(INSTANT_NONE, first).s, first.s);
	ck_assert_int_eq(instant_from_ms(0).s, 0);
	ck_assert_int_eq(instant_from_ms(1999).s, 1);
	ck_assert_int_eq(instant_from_ms(2000).s, 2);
}
END_TEST

START_TEST(test_writing_none_is_a_bug)
{
	char text[INSTANT_TEXT_SIZE];

	instant_write(INSTANT_NONE, text);
}
END_TEST

START_TEST(test_milliseconds_before_1970_are_a_bug)
{
	ck_assert_int_eq(instant_from_ms(-1).s, -1);
}
END_TEST

UNIT_MAIN("instant", UNIT_ROWS(test_read, read_rows), UNIT(test_nothing_to_read),
    UNIT(test_random_instants_come_back), UNIT(test_every_day_of_the_civil_calendar),
    UNIT(test_validity_and_order), UNIT_ABORTS(test_writing_none_is_a_bug),
    UNIT_ABORTS(test_milliseconds_before_1970_are_a_bug))
