/* The calendar's second half: where periods lie that follow the calendar, days, and moments days
 * later. */
#include "common/domain/calendar.h"

#include "tests/unit/zones.h"

#define WALKED 30
#define YEAR_S INT64_C(31556952)

struct place_row {
	const char *name;
	const char *zone;
	enum anchoring anchoring;
	int32_t day;
	struct cadence cadence;
	const char *at;
	const char *start;
	const char *end;
};

/* Computed by Python 3.11: zoneinfo with tzdata 2025b (fold=0), day by day backwards. */
static const struct place_row place_rows[] = {
    {"Vienna: the first of the month", "Europe/Vienna", ANCHORING_CALENDAR, 0, {INTERVAL_MONTH, 1},
	"2026-03-15T10:00:00Z", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"},
    {"Vienna: the very second in which a month begins", "Europe/Vienna", ANCHORING_CALENDAR, 0,
	{INTERVAL_MONTH, 1}, "2026-03-31T22:00:00Z", "2026-03-31T22:00:00Z",
	"2026-04-30T22:00:00Z"},
    {"Vienna: the second before is the month before", "Europe/Vienna", ANCHORING_CALENDAR, 0,
	{INTERVAL_MONTH, 1}, "2026-03-31T21:59:59Z", "2026-02-28T23:00:00Z",
	"2026-03-31T22:00:00Z"},
    {"UTC: a quarter", "UTC", ANCHORING_CALENDAR, 0, {INTERVAL_MONTH, 3}, "2026-06-30T23:59:59Z",
	"2026-04-01T00:00:00Z", "2026-07-01T00:00:00Z"},
    {"UTC: half a year", "UTC", ANCHORING_CALENDAR, 0, {INTERVAL_MONTH, 6}, "2026-12-31T00:00:00Z",
	"2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z"},
    {"UTC: two months begin in odd ones", "UTC", ANCHORING_CALENDAR, 0, {INTERVAL_MONTH, 2},
	"2026-04-10T00:00:00Z", "2026-03-01T00:00:00Z", "2026-05-01T00:00:00Z"},
    {"UTC: five months divide no year and begin with any", "UTC", ANCHORING_CALENDAR, 0,
	{INTERVAL_MONTH, 5}, "2026-04-10T00:00:00Z", "2026-04-01T00:00:00Z",
	"2026-09-01T00:00:00Z"},
    {"UTC: 24 months as well", "UTC", ANCHORING_CALENDAR, 0, {INTERVAL_MONTH, 24},
	"2026-04-10T00:00:00Z", "2026-04-01T00:00:00Z", "2028-04-01T00:00:00Z"},
    {"New York: a year, when it is 2027 elsewhere", "America/New_York", ANCHORING_CALENDAR, 0,
	{INTERVAL_YEAR, 1}, "2027-01-01T03:00:00Z", "2026-01-01T05:00:00Z", "2027-01-01T05:00:00Z"},
    {"UTC: three years begin with any year", "UTC", ANCHORING_CALENDAR, 0, {INTERVAL_YEAR, 3},
	"2027-05-01T03:00:00Z", "2027-01-01T00:00:00Z", "2030-01-01T00:00:00Z"},
    {"UTC: a Sunday lies in the week of the Monday before", "UTC", ANCHORING_CALENDAR, 0,
	{INTERVAL_WEEK, 1}, "2026-11-22T23:59:59Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"},
    {"Tokyo: that second is Monday already", "Asia/Tokyo", ANCHORING_CALENDAR, 0,
	{INTERVAL_WEEK, 1}, "2026-11-22T23:59:59Z", "2026-11-22T15:00:00Z", "2026-11-29T15:00:00Z"},
    {"UTC: two weeks from a Monday", "UTC", ANCHORING_CALENDAR, 0, {INTERVAL_WEEK, 2},
	"2026-11-25T12:00:00Z", "2026-11-23T00:00:00Z", "2026-12-07T00:00:00Z"},
    {"UTC: the first week of 1970 that has its Monday", "UTC", ANCHORING_CALENDAR, 0,
	{INTERVAL_WEEK, 1}, "1970-01-05T00:00:00Z", "1970-01-05T00:00:00Z", "1970-01-12T00:00:00Z"},
    {"New York: the day that has 23 hours", "America/New_York", ANCHORING_CALENDAR, 0,
	{INTERVAL_DAY, 1}, "2026-03-08T12:00:00Z", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"},
    {"UTC: 30 days from midnight", "UTC", ANCHORING_CALENDAR, 0, {INTERVAL_DAY, 30},
	"2026-03-08T12:00:00Z", "2026-03-08T00:00:00Z", "2026-04-07T00:00:00Z"},
    {"UTC: the 15th, after it", "UTC", ANCHORING_DAY, 15, {INTERVAL_MONTH, 1},
	"2026-03-20T12:00:00Z", "2026-03-15T00:00:00Z", "2026-04-15T00:00:00Z"},
    {"UTC: the 15th, before it", "UTC", ANCHORING_DAY, 15, {INTERVAL_MONTH, 1},
	"2026-03-14T23:59:59Z", "2026-02-15T00:00:00Z", "2026-03-15T00:00:00Z"},
    {"UTC: the 31st is the last of February", "UTC", ANCHORING_DAY, 31, {INTERVAL_MONTH, 1},
	"2026-02-28T12:00:00Z", "2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z"},
    {"UTC: the 31st in mid-March began with February's last", "UTC", ANCHORING_DAY, 31,
	{INTERVAL_MONTH, 1}, "2026-03-15T12:00:00Z", "2026-02-28T00:00:00Z",
	"2026-03-31T00:00:00Z"},
    {"UTC: the 29th of a leap year's February", "UTC", ANCHORING_DAY, 29, {INTERVAL_MONTH, 1},
	"2028-02-29T00:00:00Z", "2028-02-29T00:00:00Z", "2028-03-29T00:00:00Z"},
    {"UTC: quarters from the 31st", "UTC", ANCHORING_DAY, 31, {INTERVAL_MONTH, 3},
	"2026-12-01T00:00:00Z", "2026-11-30T00:00:00Z", "2027-02-28T00:00:00Z"},
    {"UTC: years from the 30th", "UTC", ANCHORING_DAY, 30, {INTERVAL_YEAR, 1},
	"2028-03-15T00:00:00Z", "2028-02-29T00:00:00Z", "2029-02-28T00:00:00Z"},
    {"UTC: over the new year", "UTC", ANCHORING_DAY, 20, {INTERVAL_MONTH, 1},
	"2027-01-05T00:00:00Z", "2026-12-20T00:00:00Z", "2027-01-20T00:00:00Z"},
    {"Sao Paulo: a midnight that does not exist begins at one", "America/Sao_Paulo", ANCHORING_DAY,
	4, {INTERVAL_MONTH, 1}, "2018-11-20T12:00:00Z", "2018-11-04T03:00:00Z",
	"2018-12-04T02:00:00Z"},
    {"Sao Paulo: and the second before lies in the month before", "America/Sao_Paulo",
	ANCHORING_DAY, 4, {INTERVAL_MONTH, 1}, "2018-11-04T02:59:59Z", "2018-10-04T03:00:00Z",
	"2018-11-04T03:00:00Z"},
    {"Sao Paulo: days around it", "America/Sao_Paulo", ANCHORING_CALENDAR, 0, {INTERVAL_DAY, 1},
	"2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
    {"Sao Paulo: a Sunday without midnight in a week", "America/Sao_Paulo", ANCHORING_CALENDAR, 0,
	{INTERVAL_WEEK, 1}, "2018-11-04T03:30:00Z", "2018-10-29T03:00:00Z", "2018-11-05T02:00:00Z"},
    {"Havana: midnight comes twice, and the first counts", "America/Havana", ANCHORING_CALENDAR, 0,
	{INTERVAL_DAY, 1}, "2026-11-01T05:30:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},
    {"Havana: the second midnight is no new day", "America/Havana", ANCHORING_CALENDAR, 0,
	{INTERVAL_MONTH, 1}, "2026-11-01T05:00:00Z", "2026-11-01T04:00:00Z",
	"2026-12-01T05:00:00Z"},
    {"St Johns: clocks that go back over midnight after a day began", "America/St_Johns",
	ANCHORING_CALENDAR, 0, {INTERVAL_DAY, 1}, "2006-10-29T03:00:00Z", "2006-10-29T02:30:00Z",
	"2006-10-30T03:30:00Z"},
    {"St Johns: likewise the 29th, on the 28th once more", "America/St_Johns", ANCHORING_DAY, 29,
	{INTERVAL_MONTH, 1}, "2006-10-29T03:00:00Z", "2006-10-29T02:30:00Z",
	"2006-11-29T03:30:00Z"},
    {"Apia: the day after the one that does not exist", "Pacific/Apia", ANCHORING_CALENDAR, 0,
	{INTERVAL_DAY, 1}, "2011-12-30T12:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
    {"Apia: the month that lacks its 30th", "Pacific/Apia", ANCHORING_DAY, 30, {INTERVAL_MONTH, 1},
	"2012-01-05T12:00:00Z", "2011-12-30T10:00:00Z", "2012-01-29T10:00:00Z"},
    {"UTC: from the start, on the day that February lacks", "UTC", ANCHORING_START, 31,
	{INTERVAL_MONTH, 1}, "2026-02-28T11:00:00Z", "2026-02-28T11:00:00Z",
	"2026-03-31T11:00:00Z"},
    {"UTC: likewise three months", "UTC", ANCHORING_START, 31, {INTERVAL_MONTH, 3},
	"2026-02-28T11:00:00Z", "2026-02-28T11:00:00Z", "2026-05-31T11:00:00Z"},
    {"Lord Howe: half an hour is missing in that month", "Australia/Lord_Howe", ANCHORING_CALENDAR,
	0, {INTERVAL_MONTH, 1}, "2026-10-15T00:00:00Z", "2026-09-30T13:30:00Z",
	"2026-10-31T13:00:00Z"},
};

START_TEST(test_place_agrees_with_python)
{
	const struct place_row *row = &place_rows[_i];
	struct zone zone = zones_read(row->zone);
	struct anchor anchor;
	struct period natural, again;
	int32_t index;

	ck_assert_msg(calendar_place(&zone, row->anchoring, row->day, row->cadence,
			  unit_instant(row->at), &anchor, &index, &natural),
	    "%s: refused", row->name);
	unit_assert_instant(natural.start, row->start, row->name);
	unit_assert_instant(natural.end, row->end, row->name);
	ck_assert_int_eq(anchor.day, row->day);
	ck_assert(calendar_period(&zone, anchor, row->cadence, index, &again));
	unit_assert_instant(again.start, row->start, row->name);
	unit_assert_instant(again.end, row->end, row->name);
}
END_TEST

/* The anchor is not the odd midnight: what follows it is on the clock's midnight again. */
START_TEST(test_a_missing_midnight_is_no_anchor)
{
	struct zone zone = zones_read("America/Sao_Paulo");
	struct cadence monthly = {INTERVAL_MONTH, 1};
	struct anchor anchor;
	struct period natural, next;
	int32_t index;

	ck_assert(calendar_place(&zone, ANCHORING_DAY, 4, monthly,
	    unit_instant("2018-11-20T12:00:00Z"), &anchor, &index, &natural));
	ck_assert_int_eq(index, 1);
	unit_assert_instant(anchor.at, "2018-10-04T03:00:00Z", "the month before");
	ck_assert(calendar_period(&zone, anchor, monthly, index + 1, &next));
	unit_assert_instant(next.start, "2018-12-04T02:00:00Z", "midnight in summer time");
}
END_TEST

START_TEST(test_from_the_start_it_begins_there)
{
	struct zone zone = zones_read("America/New_York");
	struct instant at = unit_instant("2026-01-31T17:03:05Z");
	struct anchor anchor;
	struct period natural;
	int32_t index;

	ck_assert(calendar_place(&zone, ANCHORING_START, 0, (struct cadence){INTERVAL_MONTH, 1}, at,
	    &anchor, &index, &natural));
	ck_assert_int_eq(index, 0);
	ck_assert_int_eq(anchor.day, 0);
	unit_assert_instant(anchor.at, "2026-01-31T17:03:05Z", "anchor");
	unit_assert_instant(natural.start, "2026-01-31T17:03:05Z", "start");
	unit_assert_instant(natural.end, "2026-02-28T17:03:05Z", "end");
}
END_TEST

struct clipped_row {
	const char *name;
	const char *zone;
	const char *anchor;
	int32_t day;
	struct cadence cadence;
	const char *at;
	int32_t expected;
};

static const struct clipped_row clipped_rows[] = {
    {"February's last is in the 31st's place", "UTC", "2026-01-31T10:00:00Z", 0,
	{INTERVAL_MONTH, 1}, "2026-02-28T10:00:00Z", 31},
    {"at any time of that day", "UTC", "2026-01-31T10:00:00Z", 0, {INTERVAL_MONTH, 1},
	"2026-02-28T23:59:59Z", 31},
    {"but not on the day before", "UTC", "2026-01-31T10:00:00Z", 0, {INTERVAL_MONTH, 1},
	"2026-02-27T10:00:00Z", 0},
    {"nor on the day after", "UTC", "2026-01-31T10:00:00Z", 0, {INTERVAL_MONTH, 1},
	"2026-03-01T00:00:00Z", 0},
    {"a leap year's 28 February is not its last", "UTC", "2028-01-31T10:00:00Z", 0,
	{INTERVAL_MONTH, 1}, "2028-02-28T10:00:00Z", 0},
    {"its 29th is in the 30th's place", "UTC", "2028-01-30T10:00:00Z", 0, {INTERVAL_MONTH, 1},
	"2028-02-29T10:00:00Z", 30},
    {"and in no 29th's", "UTC", "2028-01-29T10:00:00Z", 0, {INTERVAL_MONTH, 1},
	"2028-02-29T10:00:00Z", 0},
    {"but another year's 28th is, of years", "UTC", "2028-02-29T10:00:00Z", 0, {INTERVAL_YEAR, 1},
	"2029-02-28T10:00:00Z", 29},
    {"the 31st lacks nothing", "UTC", "2026-01-31T10:00:00Z", 0, {INTERVAL_MONTH, 1},
	"2026-03-31T10:00:00Z", 0},
    {"31 March is later than the 30th", "UTC", "2026-01-30T10:00:00Z", 0, {INTERVAL_MONTH, 1},
	"2026-03-31T10:00:00Z", 0},
    {"a day that was kept is that of the anchor's moment no more", "UTC", "2026-02-28T11:00:00Z",
	31, {INTERVAL_MONTH, 1}, "2026-04-30T11:00:00Z", 31},
    {"weeks have no day of the month", "UTC", "2026-01-31T10:00:00Z", 0, {INTERVAL_WEEK, 1},
	"2026-02-28T10:00:00Z", 0},
    {"nor have days", "UTC", "2026-01-31T10:00:00Z", 31, {INTERVAL_DAY, 28}, "2026-02-28T10:00:00Z",
	0},
    {"Tokyo: still February elsewhere", "Asia/Tokyo", "2026-01-31T01:00:00Z", 0,
	{INTERVAL_MONTH, 1}, "2026-02-28T15:00:00Z", 0},
    {"New York: March elsewhere", "America/New_York", "2026-02-01T01:00:00Z", 0,
	{INTERVAL_MONTH, 1}, "2026-03-01T01:00:00Z", 31},
};

START_TEST(test_a_short_months_last_day_stands_in)
{
	const struct clipped_row *row = &clipped_rows[_i];
	struct zone zone = zones_read(row->zone);
	struct anchor anchor = {unit_instant(row->anchor), row->day};
	int32_t day = calendar_clipped_day(&zone, anchor, row->cadence, unit_instant(row->at));

	ck_assert_msg(day == row->expected, "%s: %d", row->name, day);
}
END_TEST

struct refused_row {
	const char *name;
	enum anchoring anchoring;
	int32_t day;
	struct cadence cadence;
	const char *at;
};

static const struct refused_row refused_rows[] = {
    {"days have no day of the month", ANCHORING_DAY, 1, {INTERVAL_DAY, 1}, "2026-01-01T00:00:00Z"},
    {"nor have weeks", ANCHORING_DAY, 31, {INTERVAL_WEEK, 1}, "2026-01-01T00:00:00Z"},
    {"it ends beyond 2199", ANCHORING_CALENDAR, 0, {INTERVAL_MONTH, 1}, "2199-12-01T00:00:00Z"},
    {"from the start, it ends beyond 2199", ANCHORING_START, 0, {INTERVAL_YEAR, 1},
	"2199-06-01T00:00:00Z"},
    {"the week of Thursday 1 January 1970 began in 1969", ANCHORING_CALENDAR, 0, {INTERVAL_WEEK, 1},
	"1970-01-01T00:00:00Z"},
    {"so did the month of the 15th", ANCHORING_DAY, 15, {INTERVAL_MONTH, 1},
	"1970-01-14T23:59:59Z"},
};

START_TEST(test_place_refuses)
{
	const struct refused_row *row = &refused_rows[_i];
	struct zone zone = zones_read("UTC");
	struct anchor anchor = {{-5}, -5};
	struct period natural = {{-5}, {-5}};
	int32_t index = -5;

	ck_assert_msg(!calendar_place(&zone, row->anchoring, row->day, row->cadence,
			  unit_instant(row->at), &anchor, &index, &natural),
	    "%s", row->name);
	ck_assert(anchor.at.s == -5 && anchor.day == -5 && index == -5);
	ck_assert(natural.start.s == -5 && natural.end.s == -5);
}
END_TEST

/* Whether every period of such a cadence begins where placing would begin one, too.  A year from
 * the 15th begins in any month. */
static bool
is_aligned(enum anchoring anchoring, struct cadence cadence)
{
	if (anchoring == ANCHORING_DAY)
		return cadence.interval == INTERVAL_MONTH && cadence.count == 1;
	return cadence.count == 1 ||
	       (cadence.interval == INTERVAL_MONTH && 12 % cadence.count == 0);
}

static void
assert_placed(const char *name, const struct zone *zone, enum anchoring anchoring, int32_t day,
    struct cadence cadence, struct instant at, struct period expected)
{
	struct anchor anchor;
	struct period natural;
	int32_t index;

	ck_assert_msg(calendar_place(zone, anchoring, day, cadence, at, &anchor, &index, &natural),
	    "%s: refused", name);
	ck_assert_msg(natural.start.s == expected.start.s && natural.end.s == expected.end.s,
	    "%s: %d %ss at %" PRId64 ": %" PRId64 " to %" PRId64 " instead of %" PRId64
	    " to %" PRId64,
	    name, cadence.count, interval_name(cadence.interval), at.s, natural.start.s,
	    natural.end.s, expected.start.s, expected.end.s);
}

/* From any moment in a period its placing gives that period, and so through the next ones. */
static void
assert_places_tile(const char *name, const struct zone *zone, enum anchoring anchoring, int32_t day,
    struct cadence cadence, struct instant at)
{
	struct anchor anchor;
	struct period natural, period;
	int32_t index;

	ck_assert_msg(calendar_place(zone, anchoring, day, cadence, at, &anchor, &index, &natural),
	    "%s at %" PRId64, name, at.s);
	ck_assert(natural.start.s <= at.s && at.s < natural.end.s);
	/* An anchor is a midnight, whatever the clocks do. */
	ck_assert_int_eq((anchor.at.s + zones_offset_s(anchor.at.s)) % 86400, 0);
	for (int32_t k = index; k < index + WALKED; k++) {
		ck_assert(calendar_period(zone, anchor, cadence, k, &period));
		ck_assert(k == index || period.start.s == natural.end.s);
		natural.end = period.end;
		/* A day that a zone left out. */
		if (period.start.s == period.end.s || !is_aligned(anchoring, cadence))
			continue;
		assert_placed(name, zone, anchoring, day, cadence, period.start, period);
		assert_placed(name, zone, anchoring, day, cadence,
		    (struct instant){period.end.s - 1}, period);
	}
}

START_TEST(test_places_tile_in_every_zone)
{
	static const int32_t counts[] = {1, 1, 1, 2, 3, 5, 6};
	static char names[ZONES_MAX][ZONE_NAME_MAX + 1];
	uint64_t random = unit_seed("calendar_place");
	size_t len = zones_names(names);

	for (size_t n = 0; n < len; n++) {
		struct zone zone = zones_read(names[n]);

		zones_set(names[n]);
		for (int i = 0; i < INTERVAL_MAX; i++) {
			struct cadence cadence = {
			    (enum interval)i, counts[unit_random(&random, ARRAY_LEN(counts))]};
			/* Not from 1970 on, as a period may have begun before; where midnight was
			 * left out year after year (Asuncion), long before. */
			struct instant at = {
			    25 * YEAR_S + (int64_t)unit_random(&random, 20 * (uint64_t)YEAR_S)};

			assert_places_tile(names[n], &zone, ANCHORING_CALENDAR, 0, cadence, at);
			if (i == INTERVAL_MONTH || i == INTERVAL_YEAR)
				assert_places_tile(names[n], &zone, ANCHORING_DAY,
				    1 + (int32_t)unit_random(&random, 31), cadence, at);
		}
	}
}
END_TEST

/* Around each change of the clocks, with days: where an error would be. */
START_TEST(test_places_around_every_transition)
{
	static const char *const names[] = {"America/Havana", "America/Sao_Paulo",
	    "America/St_Johns", "Asia/Beirut", "Pacific/Apia", "Pacific/Kwajalein", "Africa/Cairo",
	    "Atlantic/Azores"};
	uint64_t random = unit_seed("calendar_place");

	for (size_t n = 0; n < ARRAY_LEN(names); n++) {
		struct zone zone = zones_read(names[n]);

		zones_set(names[n]);
		for (uint32_t i = 0; i + 2 < zone.transitions_len; i++) {
			struct instant at = {zone.transitions[i].at_s - 10800 +
					     (int64_t)unit_random(&random, 21600)};

			if (at.s > YEAR_S && at.s < INSTANT_MAX_S - YEAR_S)
				assert_places_tile(names[n], &zone, ANCHORING_CALENDAR, 0,
				    (struct cadence){INTERVAL_DAY, 1}, at);
		}
	}
}
END_TEST

struct days_row {
	const char *name;
	const char *zone;
	const char *at;
	int32_t days;
	const char *expected; /* NULL: refused */
};

/* By Python, as above. */
static const struct days_row days_rows[] = {
    {"none", "UTC", "2026-01-01T00:00:00Z", 0, "2026-01-01T00:00:00Z"},
    {"two weeks", "UTC", "2026-01-25T10:00:00Z", 14, "2026-02-08T10:00:00Z"},
    {"over the start of summer time", "Europe/Vienna", "2026-03-28T11:00:00Z", 1,
	"2026-03-29T10:00:00Z"},
    {"into the hour that does not exist", "Europe/Vienna", "2026-03-28T01:30:00Z", 1,
	"2026-03-29T01:30:00Z"},
    {"the second pass of an hour stays", "America/New_York", "2026-11-01T06:30:00Z", 0,
	"2026-11-01T06:30:00Z"},
    {"two centuries", "UTC", "1970-01-01T00:00:00Z", 73000, "2169-11-13T00:00:00Z"},
    {"beyond 2199", "UTC", "2199-12-31T00:00:00Z", 1, NULL},
};

START_TEST(test_plus_days)
{
	const struct days_row *row = &days_rows[_i];
	struct zone zone = zones_read(row->zone);
	struct instant later = INSTANT_NONE;

	ck_assert_msg(calendar_plus_days(&zone, unit_instant(row->at), row->days, &later) ==
			  (row->expected != NULL),
	    "%s", row->name);
	unit_assert_instant(later, row->expected, row->name);
}
END_TEST

START_TEST(test_days_change_at_local_midnight)
{
	struct zone zone = zones_read("Asia/Tokyo");

	ck_assert_int_eq(calendar_day(&zone, unit_instant("2026-01-01T14:59:59Z")), 20454);
	ck_assert_int_eq(calendar_day(&zone, unit_instant("2026-01-01T15:00:00Z")), 20455);
	zone = zones_read("Pacific/Honolulu");
	ck_assert_int_eq(calendar_day(&zone, unit_instant("1970-01-01T00:00:00Z")), -1);
}
END_TEST

START_TEST(test_anchorings)
{
	static const char *const others[] = {
	    "", "0", "32", "01", "1 ", "-1", "100", "Start", "first", "3x", "start "};
	enum anchoring anchoring = ANCHORING_DAY;
	int32_t day = 7;

	ck_assert(anchoring_from(STR("start"), &anchoring, &day));
	ck_assert(anchoring == ANCHORING_START && day == 0);
	ck_assert(anchoring_from(STR("calendar"), &anchoring, &day));
	ck_assert(anchoring == ANCHORING_CALENDAR && day == 0);
	for (int32_t i = 1; i <= 31; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%d", i);
		ck_assert(anchoring_from(str_from(text), &anchoring, &day));
		ck_assert(anchoring == ANCHORING_DAY && day == i);
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		ck_assert_msg(
		    !anchoring_from(str_from(others[i]), &anchoring, &day), "%s", others[i]);
	ck_assert(!anchoring_from(STR_NONE, &anchoring, &day));
	ck_assert(anchoring == ANCHORING_DAY && day == 31);
}
END_TEST

/* Day 31 from a short month's last: a month's last for years, by the plain rule. */
START_TEST(test_a_day_of_the_month_survives_short_months)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	struct zone zone = zones_read("UTC");

	for (int day = 28; day <= 31; day++) {
		struct anchor anchor = {unit_instant("1999-02-28T12:00:00Z"), day};

		for (int k = 1; k < 12 * 110; k++) {
			int year = 1999 + (k + 1) / 12, month = (k + 1) % 12;
			bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
			int last = lengths[month] + (month == 1 && leap ? 1 : 0);
			struct instant boundary = INSTANT_NONE;
			char expected[64];

			snprintf(expected, sizeof(expected), "%04d-%02d-%02dT12:00:00Z", year,
			    month + 1, day < last ? day : last);
			ck_assert(calendar_boundary(
			    &zone, anchor, (struct cadence){INTERVAL_MONTH, 1}, k, &boundary));
			unit_assert_instant(boundary, expected, "from 28 February");
		}
	}
}
END_TEST

struct bug_row {
	const char *name;
	enum anchoring anchoring;
	int32_t day;
	int64_t at_s;
};

static const struct bug_row bug_rows[] = {
    {"a day of the month that is none", ANCHORING_DAY, 0, 86400000},
    {"a 32nd", ANCHORING_DAY, 32, 86400000},
    {"a day for the calendar's first", ANCHORING_CALENDAR, 1, 86400000},
    {"a 32nd from the start", ANCHORING_START, 32, 86400000},
    {"a negative day from the start", ANCHORING_START, -1, 86400000},
    {"no moment", ANCHORING_START, 0, INT64_MIN},
};

START_TEST(test_bugs_are_caught)
{
	const struct bug_row *row = &bug_rows[_i];
	struct zone zone = {.transitions_len = 0};
	struct anchor anchor;
	struct period natural;
	int32_t index;

	ck_assert_msg(
	    !calendar_place(&zone, row->anchoring, row->day, (struct cadence){INTERVAL_MONTH, 1},
		(struct instant){row->at_s}, &anchor, &index, &natural),
	    "%s", row->name);
}
END_TEST

UNIT_MAIN("calendar_place", UNIT_ROWS(test_place_agrees_with_python, place_rows),
    UNIT(test_a_missing_midnight_is_no_anchor), UNIT(test_from_the_start_it_begins_there),
    UNIT_ROWS(test_a_short_months_last_day_stands_in, clipped_rows),
    UNIT_ROWS(test_place_refuses, refused_rows), UNIT(test_places_tile_in_every_zone),
    UNIT(test_places_around_every_transition), UNIT_ROWS(test_plus_days, days_rows),
    UNIT(test_days_change_at_local_midnight), UNIT(test_anchorings),
    UNIT(test_a_day_of_the_month_survives_short_months),
    UNIT_ABORTS_ROWS(test_bugs_are_caught, bug_rows))
