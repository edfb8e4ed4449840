#include "common/domain/proration.h"

#include "tests/unit/zones.h"

#define RANDOM_CASES 5000
#define DAY_S INT64_C(86400)

struct fraction_row {
	const char *name;
	enum proration proration;
	const char *zone;
	const char *natural_start, *natural_end;
	const char *part_start, *part_end;
	struct fraction expected;
};

#define JANUARY "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
#define VIENNA_MARCH "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z" /* an hour short of 31 days */
#define ONE_DAY "2026-03-28T23:30:00Z", "2026-03-29T21:30:00Z"      /* 00:30 to 23:30 in Vienna */
#define ST_JOHNS "2010-11-01T03:00:00Z", "2010-11-07T03:00:00Z" /* ends after clocks went back */

static const struct fraction_row fraction_rows[] = {
    {"seconds: all of it", PRORATION_SECOND, "UTC", JANUARY, JANUARY, {2678400, 2678400}},
    {"seconds: from noon of the 16th, half", PRORATION_SECOND, "UTC", JANUARY,
	"2026-01-16T12:00:00Z", "2026-02-01T00:00:00Z", {1339200, 2678400}},
    {"seconds: the last one", PRORATION_SECOND, "UTC", JANUARY, "2026-01-31T23:59:59Z",
	"2026-02-01T00:00:00Z", {1, 2678400}},
    {"seconds: none", PRORATION_SECOND, "UTC", JANUARY, "2026-01-10T00:00:00Z",
	"2026-01-10T00:00:00Z", {0, 2678400}},
    {"seconds: the whole has those that there were", PRORATION_SECOND, "Europe/Vienna",
	VIENNA_MARCH, "2026-03-30T22:00:00Z", "2026-03-31T22:00:00Z", {86400, 2674800}},

    {"days: all of it", PRORATION_DAY, "UTC", JANUARY, JANUARY, {31, 31}},
    {"days: the day of a change is included, however late", PRORATION_DAY, "UTC", JANUARY,
	"2026-01-16T23:59:59Z", "2026-02-01T00:00:00Z", {16, 31}},
    {"days: and so is not used before", PRORATION_DAY, "UTC", JANUARY, "2026-01-01T00:00:00Z",
	"2026-01-16T23:59:59Z", {15, 31}},
    {"days: a change on the first day leaves all", PRORATION_DAY, "UTC", JANUARY,
	"2026-01-01T17:00:00Z", "2026-02-01T00:00:00Z", {31, 31}},
    {"days: one on the last leaves one", PRORATION_DAY, "UTC", JANUARY, "2026-01-31T00:00:00Z",
	"2026-02-01T00:00:00Z", {1, 31}},
    {"days: local ones, Vienna's 16th begins on the 15th of UTC", PRORATION_DAY, "Europe/Vienna",
	VIENNA_MARCH, "2026-03-15T23:00:00Z", "2026-03-31T22:00:00Z", {16, 31}},
    {"days: a second before, it is the 15th there", PRORATION_DAY, "Europe/Vienna", VIENNA_MARCH,
	"2026-03-15T22:59:59Z", "2026-03-31T22:00:00Z", {17, 31}},
    {"days: a period from morning to morning, before its hour on its last day", PRORATION_DAY,
	"UTC", "2026-01-31T09:30:00Z", "2026-02-28T09:30:00Z", "2026-02-28T08:00:00Z",
	"2026-02-28T09:30:00Z", {0, 28}},
    {"days: a short one counts as one", PRORATION_DAY, "Europe/Vienna", "2026-03-28T23:00:00Z",
	"2026-03-29T22:00:00Z", "2026-03-29T10:00:00Z", "2026-03-29T22:00:00Z", {1, 1}},
    {"days: a period within one day goes by the second", PRORATION_DAY, "Europe/Vienna", ONE_DAY,
	"2026-03-29T10:30:00Z", "2026-03-29T21:30:00Z", {39600, 79200}},
    {"days: all of such a period", PRORATION_DAY, "Europe/Vienna", ONE_DAY, ONE_DAY,
	{79200, 79200}},
    {"days: in the minute of the next day before St. John's clocks went back", PRORATION_DAY,
	"America/St_Johns", ST_JOHNS, "2010-11-07T02:30:30Z", "2010-11-07T03:00:00Z", {0, 5}},
    {"days: up to that minute", PRORATION_DAY, "America/St_Johns", ST_JOHNS, "2010-11-01T03:00:00Z",
	"2010-11-07T02:30:30Z", {5, 5}},

    {"days: from that minute on, after the clocks went back", PRORATION_DAY, "America/St_Johns",
	"2010-11-07T02:30:30Z", "2010-11-10T04:00:00Z", "2010-11-07T02:35:00Z",
	"2010-11-10T04:00:00Z", {3, 3}},
    {"days: from that minute to a later one of the day before", PRORATION_DAY, "America/St_Johns",
	"2010-11-01T03:00:00Z", "2010-11-10T04:00:00Z", "2010-11-07T02:30:30Z",
	"2010-11-07T02:40:00Z", {0, 9}},
    {"none: all of it", PRORATION_NONE, "UTC", JANUARY, JANUARY, {1, 1}},
    {"none: cut at its end, the whole", PRORATION_NONE, "UTC", JANUARY, "2026-01-01T00:00:00Z",
	"2026-01-01T00:00:01Z", {1, 1}},
    {"none: begun inside, nothing", PRORATION_NONE, "UTC", JANUARY, "2026-01-01T00:00:01Z",
	"2026-02-01T00:00:00Z", {0, 1}},
    {"none: in the middle, nothing", PRORATION_NONE, "UTC", JANUARY, "2026-01-02T00:00:00Z",
	"2026-01-03T00:00:00Z", {0, 1}},
    {"none: empty, nothing", PRORATION_NONE, "UTC", JANUARY, "2026-01-01T00:00:00Z",
	"2026-01-01T00:00:00Z", {0, 1}},
};

/* What of a maximum bounds a part. */
static const struct fraction_row max_rows[] = {
    {"seconds: as prices", PRORATION_SECOND, "UTC", JANUARY, "2026-01-31T23:59:59Z",
	"2026-02-01T00:00:00Z", {1, 2678400}},
    {"seconds: none", PRORATION_SECOND, "UTC", JANUARY, "2026-01-10T00:00:00Z",
	"2026-01-10T00:00:00Z", {0, 2678400}},

    {"days: as prices", PRORATION_DAY, "UTC", JANUARY, "2026-01-16T23:59:59Z",
	"2026-02-01T00:00:00Z", {16, 31}},
    {"days: within one, by seconds", PRORATION_DAY, "UTC", JANUARY, "2026-01-10T09:00:00Z",
	"2026-01-10T17:00:00Z", {28800, 2678400}},
    {"days: no time within one", PRORATION_DAY, "UTC", JANUARY, "2026-01-10T09:00:00Z",
	"2026-01-10T09:00:00Z", {0, 31}},
    {"days: from a minute of the next day to one of the day before", PRORATION_DAY,
	"America/St_Johns", "2010-11-01T03:00:00Z", "2010-11-10T04:00:00Z", "2010-11-07T02:30:30Z",
	"2010-11-07T02:40:00Z", {570, 781200}},

    {"none: all of it", PRORATION_NONE, "UTC", JANUARY, JANUARY, {1, 1}},
    {"none: cut at its end", PRORATION_NONE, "UTC", JANUARY, "2026-01-01T00:00:00Z",
	"2026-01-01T00:00:01Z", {1, 1}},
    {"none: begun inside, whole", PRORATION_NONE, "UTC", JANUARY, "2026-01-01T00:00:01Z",
	"2026-02-01T00:00:00Z", {1, 1}},
    {"none: a second in the middle, whole", PRORATION_NONE, "UTC", JANUARY, "2026-01-02T00:00:00Z",
	"2026-01-02T00:00:01Z", {1, 1}},
    {"none: no time in the middle", PRORATION_NONE, "UTC", JANUARY, "2026-01-02T00:00:00Z",
	"2026-01-02T00:00:00Z", {0, 1}},
    {"none: no time where it begins", PRORATION_NONE, "UTC", JANUARY, "2026-01-01T00:00:00Z",
	"2026-01-01T00:00:00Z", {0, 1}},
};

static void
assert_fraction(const struct fraction_row *row,
    struct fraction (*fraction_of)(enum proration proration, const struct zone *zone,
	struct period natural, struct period part))
{
	struct period natural = {unit_instant(row->natural_start), unit_instant(row->natural_end)};
	struct period part = {unit_instant(row->part_start), unit_instant(row->part_end)};
	struct fraction fraction;
	struct zone zone;

	zone = zones_read(row->zone);
	fraction = fraction_of(row->proration, &zone, natural, part);
	ck_assert_msg(fraction.part == row->expected.part && fraction.whole == row->expected.whole,
	    "%s: %" PRId64 "/%" PRId64, row->name, fraction.part, fraction.whole);
}

START_TEST(test_fractions)
{
	assert_fraction(&fraction_rows[_i], proration_fraction);
}
END_TEST

START_TEST(test_fractions_of_a_maximum)
{
	assert_fraction(&max_rows[_i], proration_max_fraction);
}
END_TEST

/* Zones whose clocks change over midnight, by half an hour, by a day; and others. */
static const char *const law_zones[] = {"UTC", "Europe/Vienna", "America/St_Johns",
    "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia", "America/Havana", "Asia/Beirut"};

/* A maximum's is that of prices wherever this is not 0; and it is 0 where there is no time. */
static void
assert_max_fraction(enum proration proration, const struct zone *zone, struct period natural,
    struct period part, struct fraction fraction)
{
	struct fraction most = proration_max_fraction(proration, zone, natural, part);

	ck_assert(most.part >= 0 && most.part <= most.whole);
	ck_assert_int_eq(most.part > 0, part.end.s > part.start.s);
	if (fraction.part == 0)
		return;
	ck_assert_int_eq(most.part, fraction.part);
	ck_assert_int_eq(most.whole, fraction.whole);
}

/* Whatever is used of a period and what is left of it make one, to the second and to the day. */
START_TEST(test_used_and_unused_make_the_whole)
{
	uint64_t state = unit_seed("proration");
	struct zone zone;

	zone = zones_read(law_zones[_i]);
	for (int i = 0; i < RANDOM_CASES; i++) {
		int64_t start_s = (int64_t)unit_random(&state, 4000000000);
		int64_t length_s = 1 + (int64_t)unit_random(&state, i % 2 == 0 ? 3 : 400) * DAY_S +
				   (int64_t)unit_random(&state, DAY_S);
		int64_t change_s = (int64_t)unit_random(&state, (uint64_t)length_s + 1);
		struct period natural = {{start_s}, {start_s + length_s}};
		struct period used = {natural.start, {start_s + change_s}};
		struct period unused = {used.end, natural.end};

		for (enum proration proration = 0; proration < PRORATION_MAX; proration++) {
			struct fraction a = proration_fraction(proration, &zone, natural, used);
			struct fraction b = proration_fraction(proration, &zone, natural, unused);

			ck_assert_int_eq(a.whole, b.whole);
			ck_assert_int_gt(a.whole, 0);
			ck_assert(a.part >= 0 && b.part >= 0);
			ck_assert_msg(a.part + b.part == a.whole,
			    "%s: %" PRId64 " + %" PRId64 " of %" PRId64 " from %" PRId64
			    " at %" PRId64,
			    law_zones[_i], a.part, b.part, a.whole, start_s, used.end.s);
			assert_max_fraction(proration, &zone, natural, used, a);
			assert_max_fraction(proration, &zone, natural, unused, b);
		}
	}
}
END_TEST

START_TEST(test_names)
{
	static const char *const names[] = {"second", "day", "none"};
	enum proration proration = PRORATION_MAX;

	ck_assert_int_eq(PRORATION_MAX, ARRAY_LEN(names));
	for (int i = 0; i < PRORATION_MAX; i++) {
		unit_assert_str(proration_name((enum proration)i), names[i], "name");
		ck_assert(proration_from(str_from(names[i]), &proration));
		ck_assert_int_eq(proration, i);
	}
	ck_assert(!proration_from(STR("seconds"), &proration));
	ck_assert(!proration_from(STR_NONE, &proration));
	ck_assert_int_eq(proration, PRORATION_NONE);
}
END_TEST

struct bug_row {
	const char *name;
	enum proration proration;
	struct period natural, part;
};

static const struct bug_row bug_rows[] = {
    {"an empty natural period", PRORATION_SECOND, {{5}, {5}}, {{5}, {5}}},
    {"a part that begins before it", PRORATION_SECOND, {{5}, {9}}, {{4}, {9}}},
    {"a part that ends after it", PRORATION_SECOND, {{5}, {9}}, {{5}, {10}}},
    {"a part that ends before it begins", PRORATION_NONE, {{5}, {9}}, {{8}, {7}}},
    {"no proration that there is", PRORATION_MAX, {{5}, {9}}, {{5}, {9}}},
};

START_TEST(test_bugs_are_caught)
{
	const struct bug_row *row = &bug_rows[_i];
	static const struct zone utc;

	ck_assert_msg(proration_fraction(row->proration, &utc, row->natural, row->part).whole == 0,
	    "%s", row->name);
}
END_TEST

UNIT_MAIN("proration", UNIT_ROWS(test_fractions, fraction_rows),
    UNIT_ROWS(test_fractions_of_a_maximum, max_rows),
    UNIT_ROWS(test_used_and_unused_make_the_whole, law_zones), UNIT(test_names),
    UNIT_ABORTS_ROWS(test_bugs_are_caught, bug_rows))
