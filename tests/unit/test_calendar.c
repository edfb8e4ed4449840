#include "common/domain/calendar.h"

#include "tests/unit/zones.h"

#define STEPS_MAX 4
#define YEAR_S INT64_C(31556952)
#define TILED_YEARS 50

/* Boundary ${k} by another implementation, in RFC 3339. */
struct step {
	int32_t k; /* 0 for no more steps */
	const char *expected;
};

struct boundary_row {
	const char *name;
	const char *zone;
	const char *anchor;
	struct cadence cadence;
	struct step steps[STEPS_MAX];
};

/* Computed by Python 3.11: zoneinfo with tzdata 2025b (fold=0) and dateutil 2.9 relativedelta. */
static const struct boundary_row boundary_rows[] = {
    {"New York: a day over the start of summer time has 23 hours", "America/New_York",
	"2026-03-07T15:00:00Z", {INTERVAL_DAY, 1},
	{{1, "2026-03-08T14:00:00Z"}, {2, "2026-03-09T14:00:00Z"}}},
    {"New York: a day over the end of summer time has 25 hours", "America/New_York",
	"2026-10-31T14:00:00Z", {INTERVAL_DAY, 1},
	{{1, "2026-11-01T15:00:00Z"}, {2, "2026-11-02T15:00:00Z"}}},
    {"New York: 02:30 does not exist on 8 March and moves to 03:30", "America/New_York",
	"2026-03-07T07:30:00Z", {INTERVAL_DAY, 1},
	{{1, "2026-03-08T07:30:00Z"}, {2, "2026-03-09T06:30:00Z"}}},
    {"New York: 01:30 comes twice on 1 November, and the first counts", "America/New_York",
	"2026-10-31T05:30:00Z", {INTERVAL_DAY, 1},
	{{1, "2026-11-01T05:30:00Z"}, {2, "2026-11-02T06:30:00Z"}}},
    {"New York: an anchor in the very second in which summer time begins", "America/New_York",
	"2026-03-08T07:00:00Z", {INTERVAL_MONTH, 1},
	{{1, "2026-04-08T07:00:00Z"}, {8, "2026-11-08T08:00:00Z"}}},
    {"New York: 03:00 on 8 March is the first second after the gap", "America/New_York",
	"2026-03-07T08:00:00Z", {INTERVAL_DAY, 1},
	{{1, "2026-03-08T07:00:00Z"}, {2, "2026-03-09T07:00:00Z"}}},
    {"New York: 02:00 on 1 November comes once", "America/New_York", "2026-10-31T06:00:00Z",
	{INTERVAL_DAY, 1}, {{1, "2026-11-01T07:00:00Z"}, {2, "2026-11-02T07:00:00Z"}}},
    {"New York: 02:00 on 8 March is the first second of the gap", "America/New_York",
	"2026-03-07T07:00:00Z", {INTERVAL_DAY, 1},
	{{1, "2026-03-08T07:00:00Z"}, {2, "2026-03-09T06:00:00Z"}}},
    {"Vienna: a week keeps noon over both changes of the clock", "Europe/Vienna",
	"2026-03-25T11:00:00Z", {INTERVAL_WEEK, 1},
	{{1, "2026-04-01T10:00:00Z"}, {31, "2026-10-28T11:00:00Z"}, {32, "2026-11-04T11:00:00Z"}}},
    {"Vienna: 30 days keep midnight", "Europe/Vienna", "2026-01-14T23:00:00Z", {INTERVAL_DAY, 30},
	{{1, "2026-02-13T23:00:00Z"}, {2, "2026-03-15T23:00:00Z"}, {3, "2026-04-14T22:00:00Z"},
	    {10, "2026-11-10T23:00:00Z"}}},
    {"Vienna: 02:30 does not exist on 29 March, a month after 28 February's", "Europe/Vienna",
	"2026-01-29T01:30:00Z", {INTERVAL_MONTH, 1},
	{{1, "2026-02-28T01:30:00Z"}, {2, "2026-03-29T01:30:00Z"}, {3, "2026-04-29T00:30:00Z"}}},
    {"Vienna: midnight of the 31st, local, is not the 30th of UTC", "Europe/Vienna",
	"2026-01-30T23:00:00Z", {INTERVAL_MONTH, 1},
	{{1, "2026-02-27T23:00:00Z"}, {2, "2026-03-30T22:00:00Z"}, {3, "2026-04-29T22:00:00Z"},
	    {4, "2026-05-30T22:00:00Z"}}},
    {"Lord Howe: summer time is half an hour", "Australia/Lord_Howe", "2026-03-31T13:15:00Z",
	{INTERVAL_DAY, 1},
	{{4, "2026-04-04T13:15:00Z"}, {5, "2026-04-05T13:45:00Z"}, {6, "2026-04-06T13:45:00Z"}}},
    {"Lord Howe: 02:15 does not exist on 4 October and moves by half an hour",
	"Australia/Lord_Howe", "2026-10-02T15:45:00Z", {INTERVAL_DAY, 1},
	{{1, "2026-10-03T15:45:00Z"}, {2, "2026-10-04T15:15:00Z"}}},
    {"Lord Howe: 01:45 comes twice on 5 April", "Australia/Lord_Howe", "2026-04-03T14:45:00Z",
	{INTERVAL_DAY, 1}, {{1, "2026-04-04T14:45:00Z"}, {2, "2026-04-05T15:15:00Z"}}},
    {"Casablanca: the clocks go back for Ramadan 2022", "Africa/Casablanca", "2022-03-25T09:00:00Z",
	{INTERVAL_DAY, 1},
	{{1, "2022-03-26T09:00:00Z"}, {2, "2022-03-27T10:00:00Z"}, {45, "2022-05-09T09:00:00Z"}}},
    {"Apia: 30 December 2011 does not exist, its noon is the 31st's", "Pacific/Apia",
	"2011-12-29T22:00:00Z", {INTERVAL_DAY, 1},
	{{1, "2011-12-30T22:00:00Z"}, {2, "2011-12-30T22:00:00Z"}, {3, "2011-12-31T22:00:00Z"}}},
    {"Apia: a month from 30 November 2011", "Pacific/Apia", "2011-11-30T22:00:00Z",
	{INTERVAL_MONTH, 1}, {{1, "2011-12-30T22:00:00Z"}, {2, "2012-01-29T22:00:00Z"}}},
    {"Apia: weeks leap over the missing day", "Pacific/Apia", "2011-12-23T22:00:00Z",
	{INTERVAL_WEEK, 1}, {{1, "2011-12-30T22:00:00Z"}, {2, "2012-01-05T22:00:00Z"}}},
    {"Sao Paulo: midnight of 4 November 2018 does not exist", "America/Sao_Paulo",
	"2018-10-04T03:00:00Z", {INTERVAL_MONTH, 1},
	{{1, "2018-11-04T03:00:00Z"}, {2, "2018-12-04T02:00:00Z"}}},
    {"Sao Paulo: days over that midnight", "America/Sao_Paulo", "2018-11-03T03:00:00Z",
	{INTERVAL_DAY, 1}, {{1, "2018-11-04T03:00:00Z"}, {2, "2018-11-05T02:00:00Z"}}},
    {"Kathmandu: 15 minutes more since 1986", "Asia/Kathmandu", "1985-12-30T18:30:00Z",
	{INTERVAL_DAY, 1}, {{1, "1985-12-31T18:30:00Z"}, {2, "1986-01-01T18:15:00Z"}}},
    {"Monrovia: 44 minutes and a half went by in 1972", "Africa/Monrovia", "1972-01-06T12:44:30Z",
	{INTERVAL_DAY, 1}, {{1, "1972-01-07T12:00:00Z"}, {2, "1972-01-08T12:00:00Z"}}},
    {"Pyongyang went back to +09:00 in 2018", "Asia/Pyongyang", "2018-04-04T15:00:00Z",
	{INTERVAL_MONTH, 1}, {{1, "2018-05-04T15:00:00Z"}, {2, "2018-06-04T14:30:00Z"}}},
    {"Honolulu: 1970 begins in 1969", "Pacific/Honolulu", "1970-01-01T00:00:00Z",
	{INTERVAL_MONTH, 1}, {{1, "1970-02-01T00:00:00Z"}, {2, "1970-03-01T00:00:00Z"}}},
    {"Auckland: summer time lies over the new year", "Pacific/Auckland", "2026-01-30T11:00:00Z",
	{INTERVAL_MONTH, 1},
	{{1, "2026-02-27T11:00:00Z"}, {2, "2026-03-30T11:00:00Z"}, {8, "2026-09-29T11:00:00Z"},
	    {9, "2026-10-30T11:00:00Z"}}},
    {"Chatham: three quarters of an hour", "Pacific/Chatham", "2026-08-31T11:15:00Z",
	{INTERVAL_MONTH, 1}, {{1, "2026-09-30T10:15:00Z"}, {2, "2026-10-31T10:15:00Z"}}},
    {"New York, far ahead: rules go on", "America/New_York", "2026-01-31T05:00:00Z",
	{INTERVAL_MONTH, 1}, {{1789, "2175-02-28T05:00:00Z"}, {2060, "2197-09-30T04:00:00Z"}}},
    {"Dublin: winter time is the exception", "Europe/Dublin", "2026-02-28T09:00:00Z",
	{INTERVAL_MONTH, 1},
	{{1, "2026-03-28T09:00:00Z"}, {8, "2026-10-28T09:00:00Z"}, {9, "2026-11-28T09:00:00Z"}}},
    {"UTC: 29 February, yearly", "UTC", "2024-02-29T00:00:00Z", {INTERVAL_YEAR, 1},
	{{1, "2025-02-28T00:00:00Z"}, {4, "2028-02-29T00:00:00Z"}, {76, "2100-02-28T00:00:00Z"},
	    {80, "2104-02-29T00:00:00Z"}}},
    {"UTC: 31 January, monthly", "UTC", "2027-01-31T00:00:00Z", {INTERVAL_MONTH, 1},
	{{1, "2027-02-28T00:00:00Z"}, {2, "2027-03-31T00:00:00Z"}, {13, "2028-02-29T00:00:00Z"},
	    {25, "2029-02-28T00:00:00Z"}}},
    {"UTC: 30 August, half-yearly", "UTC", "2027-08-30T00:00:00Z", {INTERVAL_MONTH, 6},
	{{1, "2028-02-29T00:00:00Z"}, {2, "2028-08-30T00:00:00Z"}, {3, "2029-02-28T00:00:00Z"}}},
    {"UTC: leap day, every 4 years, over 2100", "UTC", "2096-02-29T12:00:00Z", {INTERVAL_YEAR, 4},
	{{1, "2100-02-28T12:00:00Z"}, {2, "2104-02-29T12:00:00Z"}}},
};

START_TEST(test_boundary_agrees_with_python)
{
	const struct boundary_row *row = &boundary_rows[_i];
	struct zone zone = zones_read(row->zone);

	for (size_t i = 0; i < STEPS_MAX && row->steps[i].k != 0; i++) {
		struct instant boundary = INSTANT_NONE;

		ck_assert_msg(
		    calendar_boundary(&zone, (struct anchor){unit_instant(row->anchor), 0},
			row->cadence, row->steps[i].k, &boundary),
		    "%s: refused", row->name);
		unit_assert_instant(boundary, row->steps[i].expected, row->name);
	}
}
END_TEST

/* A month's end for years, by the plain rule: the anchor's day, or the month's last. */
START_TEST(test_month_ends_for_years)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	struct zone zone = zones_read("UTC");
	struct anchor anchor = {unit_instant("1999-01-31T12:00:00Z"), 0};

	for (int k = 0; k < 12 * 110; k++) {
		int year = 1999 + k / 12, month = k % 12;
		bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
		char expected[32];
		struct instant boundary = INSTANT_NONE;

		snprintf(expected, sizeof(expected), "%04d-%02d-%02dT12:00:00Z", year, month + 1,
		    days[month] + (month == 1 && leap ? 1 : 0));
		ck_assert(calendar_boundary(
		    &zone, anchor, (struct cadence){INTERVAL_MONTH, 1}, k, &boundary));
		unit_assert_instant(boundary, expected, "31 January, monthly");
	}
}
END_TEST

START_TEST(test_an_anchor_in_the_second_pass_of_an_hour_stays)
{
	struct zone zone = zones_read("America/New_York");
	struct cadence daily = {INTERVAL_DAY, 1};
	struct period period = {INSTANT_NONE, INSTANT_NONE};

	/* 01:30 on 1 November 2026, an hour after it came first. */
	ck_assert(calendar_period(
	    &zone, (struct anchor){unit_instant("2026-11-01T06:30:00Z"), 0}, daily, 0, &period));
	unit_assert_instant(period.start, "2026-11-01T06:30:00Z", "start");
	unit_assert_instant(period.end, "2026-11-02T06:30:00Z", "end");
}
END_TEST

struct range_row {
	const char *name;
	const char *zone;
	const char *anchor;
	struct cadence cadence;
	int32_t k;
	const char *start; /* NULL when the boundary is refused */
	const char *end;   /* NULL when the period is refused */
};

static const struct range_row range_rows[] = {
    {"the last second of 2199 is in range", "UTC", "2199-12-30T23:59:59Z", {INTERVAL_DAY, 1}, 0,
	"2199-12-30T23:59:59Z", "2199-12-31T23:59:59Z"},
    {"a period that ends beyond 2199 is refused", "UTC", "2199-12-30T23:59:59Z", {INTERVAL_DAY, 1},
	1, "2199-12-31T23:59:59Z", NULL},
    {"a boundary beyond 2199 is refused", "UTC", "2199-12-31T00:00:00Z", {INTERVAL_DAY, 1}, 1, NULL,
	NULL},
    {"one second beyond is refused", "UTC", "2199-12-01T00:00:00Z", {INTERVAL_MONTH, 1}, 1, NULL,
	NULL},
    {"the range is UTC's, not the zone's", "Asia/Tokyo", "2199-12-02T00:00:00Z",
	{INTERVAL_MONTH, 1}, 1, NULL, NULL},
    {"1 January 2200 in Tokyo is still 2199", "Asia/Tokyo", "2199-11-30T15:00:00Z",
	{INTERVAL_MONTH, 1}, 1, "2199-12-31T15:00:00Z", NULL},
    {"the largest cadence and index are refused, not wrapped", "UTC", "2026-01-01T00:00:00Z",
	{INTERVAL_YEAR, INTERVAL_COUNT_MAX}, PERIOD_INDEX_MAX, NULL, NULL},
    {"so are the weeks of them", "UTC", "1970-01-01T00:00:00Z", {INTERVAL_WEEK, INTERVAL_COUNT_MAX},
	PERIOD_INDEX_MAX, NULL, NULL},
    {"daily periods end before the largest index", "UTC", "1970-01-01T00:00:00Z", {INTERVAL_DAY, 1},
	PERIOD_INDEX_MAX, NULL, NULL},
    {"ten years of days at once", "UTC", "2026-01-01T00:00:00Z", {INTERVAL_DAY, INTERVAL_COUNT_MAX},
	1, "2036-01-09T00:00:00Z", "2046-01-16T00:00:00Z"},
};

START_TEST(test_range)
{
	const struct range_row *row = &range_rows[_i];
	struct zone zone = zones_read(row->zone);
	struct anchor anchor = {unit_instant(row->anchor), 0};
	struct instant boundary = INSTANT_NONE;
	struct period period = {INSTANT_NONE, INSTANT_NONE};

	ck_assert_msg(calendar_boundary(&zone, anchor, row->cadence, row->k, &boundary) ==
			  (row->start != NULL),
	    "%s", row->name);
	unit_assert_instant(boundary, row->start, row->name);
	ck_assert_msg(
	    calendar_period(&zone, anchor, row->cadence, row->k, &period) == (row->end != NULL),
	    "%s", row->name);
	unit_assert_instant(period.start, row->end == NULL ? NULL : row->start, row->name);
	unit_assert_instant(period.end, row->end, row->name);
}
END_TEST

/* The moment of the local time that ${tm} says as if in UTC.  No clock was ever 15 hours before
 * UTC, or 13 behind it. */
static int64_t
libc_moment(struct tm *tm)
{
	int64_t local_s = timegm(tm);
	int64_t before_s = zones_offset_s(local_s - 15 * 3600);
	int64_t after_s = zones_offset_s(local_s + 13 * 3600);

	/* The first of two; or the only one; or, when there is none, what a clock that nobody had
	 * moved forward would show. */
	if (zones_offset_s(local_s - before_s) == before_s)
		return local_s - before_s;
	if (zones_offset_s(local_s - after_s) == after_s)
		return local_s - after_s;
	return local_s - before_s;
}

/* Boundary ${k} by the C library's calendar and zones. */
static int64_t
libc_boundary(struct anchor anchor, struct cadence cadence, int32_t k)
{
	time_t local = (time_t)(anchor.at.s + zones_offset_s(anchor.at.s));
	int32_t n = k * cadence.count;
	struct tm tm, last;

	ck_assert_ptr_nonnull(gmtime_r(&local, &tm));
	switch (cadence.interval) {
	case INTERVAL_DAY:
		tm.tm_mday += n;
		break;
	case INTERVAL_WEEK:
		tm.tm_mday += 7 * n;
		break;
	case INTERVAL_MONTH:
	case INTERVAL_YEAR:
		tm.tm_mon += cadence.interval == INTERVAL_YEAR ? 12 * n : n;
		/* Day 0 of the month after it is its last. */
		last = (struct tm){.tm_year = tm.tm_year, .tm_mon = tm.tm_mon + 1, .tm_mday = 0};
		(void)timegm(&last);
		tm.tm_mday = anchor.day == 0 ? tm.tm_mday : anchor.day;
		tm.tm_mday = tm.tm_mday < last.tm_mday ? tm.tm_mday : last.tm_mday;
		break;
	case INTERVAL_MAX:
		ck_abort_msg("no interval");
	}
	return libc_moment(&tm);
}

/* Where a zone once leapt over a whole day, a daily period of that day is empty. */
static bool
day_is_missing(const struct zone *zone, int64_t at_s)
{
	for (uint32_t i = 0; i < zone->transitions_len; i++) {
		int32_t before_s =
		    i == 0 ? zone->offset_first_s : zone->transitions[i - 1].offset_s;
		int64_t gap = zone->transitions[i].offset_s - before_s;
		int64_t after_s = at_s - zone->transitions[i].at_s;

		if (gap >= 86400 && after_s >= 0 && after_s < gap)
			return true;
	}
	return false;
}

/* Fifty years of periods: each begins where the one before ended, none is empty or runs backwards,
 * and the C library agrees. */
static void
assert_tiles(
    const char *name, const struct zone *zone, struct anchor anchor, struct cadence cadence)
{
	int64_t until_s = anchor.at.s + TILED_YEARS * YEAR_S, last_end_s = anchor.at.s;

	for (int32_t k = 0; last_end_s < until_s; k++) {
		struct period period;

		ck_assert_msg(calendar_period(zone, anchor, cadence, k, &period),
		    "%s from %" PRId64 ": period %d is refused", name, anchor.at.s, k);
		ck_assert_msg(period.start.s == last_end_s,
		    "%s from %" PRId64 ": a gap before period %d", name, anchor.at.s, k);
		ck_assert_msg(
		    period.start.s < period.end.s ||
			(period.start.s == period.end.s && cadence.interval == INTERVAL_DAY &&
			    day_is_missing(zone, period.start.s)),
		    "%s from %" PRId64 ": period %d is empty", name, anchor.at.s, k);
		if (k % 5 == 0)
			ck_assert_msg(period.end.s == libc_boundary(anchor, cadence, k + 1),
			    "%s from %" PRId64
			    ", %d %ss: the C library has another boundary %d than %" PRId64,
			    name, anchor.at.s, cadence.count, interval_name(cadence.interval),
			    k + 1, period.end.s);
		last_end_s = period.end.s;
	}
}

START_TEST(test_periods_tile_in_every_zone)
{
	static const int32_t count_max[INTERVAL_MAX] = {
	    [INTERVAL_DAY] = 60, [INTERVAL_WEEK] = 26, [INTERVAL_MONTH] = 18, [INTERVAL_YEAR] = 5};
	int64_t latest_s = INSTANT_MAX_S - (TILED_YEARS + 10) * YEAR_S;
	uint64_t random = unit_seed("calendar");
	static char names[ZONES_MAX][ZONE_NAME_MAX + 1];
	size_t len = zones_names(names);

	for (size_t n = 0; n < len; n++) {
		struct zone zone = zones_read(names[n]);

		zones_set(names[n]);
		for (int i = 0; i < INTERVAL_MAX; i++) {
			uint64_t counts = (uint64_t)count_max[i];
			struct cadence cadence = {
			    (enum interval)i, 1 + (int32_t)unit_random(&random, counts)};
			struct anchor anchor = {{(int64_t)unit_random(&random, (uint64_t)latest_s)},
			    (int32_t)unit_random(&random, 32)};

			assert_tiles(names[n], &zone, anchor, cadence);
		}
	}
}
END_TEST

/* The times around each change of the clocks are where an error would be. */
START_TEST(test_days_over_every_transition)
{
	static const char *const names[] = {"America/New_York", "Europe/Vienna",
	    "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", "America/Sao_Paulo",
	    "Pacific/Kwajalein", "Asia/Pyongyang", "Africa/Monrovia", "Antarctica/Troll"};
	struct cadence daily = {INTERVAL_DAY, 1};
	uint64_t random = unit_seed("calendar");

	for (size_t n = 0; n < ARRAY_LEN(names); n++) {
		struct zone zone = zones_read(names[n]);

		zones_set(names[n]);
		for (uint32_t i = 0; i + 2 < zone.transitions_len; i++) {
			int64_t near_s = (int64_t)unit_random(&random, 4 * 86400) - 4 * 86400;
			struct anchor anchor = {{zone.transitions[i].at_s + near_s}, 0};

			for (int32_t k = 1; anchor.at.s >= 0 && k < 8; k++) {
				struct instant boundary = INSTANT_NONE;

				ck_assert(calendar_boundary(&zone, anchor, daily, k, &boundary));
				ck_assert_msg(boundary.s == libc_boundary(anchor, daily, k),
				    "%s, day %d from %" PRId64, names[n], k, anchor.at.s);
			}
		}
	}
}
END_TEST

START_TEST(test_interval_names)
{
	static const char *const names[INTERVAL_MAX] = {"day", "week", "month", "year"};
	static const char *const others[] = {"", "days", "Day", "hour", "mont"};
	enum interval interval = INTERVAL_MAX;

	for (int i = 0; i < INTERVAL_MAX; i++) {
		ck_assert_str_eq(interval_name((enum interval)i), names[i]);
		ck_assert(interval_from(str_from(names[i]), &interval));
		ck_assert_int_eq((int)interval, i);
	}
	interval = INTERVAL_MAX;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		ck_assert_msg(!interval_from(str_from(others[i]), &interval), "%s", others[i]);
	ck_assert(!interval_from(STR_NONE, &interval));
	ck_assert_int_eq(interval, INTERVAL_MAX);
}
END_TEST

struct bug_row {
	const char *name;
	int64_t anchor_s;
	struct cadence cadence;
	int32_t k;
	uint32_t transitions_len;
	int32_t day;
};

static const struct bug_row bug_rows[] = {
    {"no anchor", INT64_MIN, {INTERVAL_DAY, 1}, 1, 0, 0},
    {"an anchor before 1970", -1, {INTERVAL_DAY, 1}, 1, 0, 0},
    {"a count of zero", 0, {INTERVAL_DAY, 0}, 1, 0, 0},
    {"a count beyond the maximum", 0, {INTERVAL_DAY, INTERVAL_COUNT_MAX + 1}, 1, 0, 0},
    {"a negative index", 0, {INTERVAL_DAY, 1}, -1, 0, 0},
    {"an index beyond the maximum", 0, {INTERVAL_DAY, 1}, PERIOD_INDEX_MAX + 1, 0, 0},
    {"no interval", 0, {INTERVAL_MAX, 1}, 1, 0, 0},
    {"a zone that was never read", 0, {INTERVAL_DAY, 1}, 1, ZONE_TRANSITIONS_MAX + 1, 0},
    {"a 32nd of the month", 0, {INTERVAL_MONTH, 1}, 1, 0, 32},
    {"a negative day of the month", 0, {INTERVAL_MONTH, 1}, 1, 0, -1},
};

START_TEST(test_bugs_are_caught)
{
	const struct bug_row *row = &bug_rows[_i];
	struct zone zone = {.transitions_len = row->transitions_len};
	struct instant boundary;

	ck_assert_msg(!calendar_boundary(&zone, (struct anchor){{row->anchor_s}, row->day},
			  row->cadence, row->k, &boundary),
	    "%s", row->name);
}
END_TEST

UNIT_MAIN("calendar", UNIT_ROWS(test_boundary_agrees_with_python, boundary_rows),
    UNIT(test_month_ends_for_years), UNIT(test_an_anchor_in_the_second_pass_of_an_hour_stays),
    UNIT_ROWS(test_range, range_rows), UNIT(test_periods_tile_in_every_zone),
    UNIT(test_days_over_every_transition), UNIT(test_interval_names),
    UNIT_ABORTS_ROWS(test_bugs_are_caught, bug_rows))
