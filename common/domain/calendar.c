#include "common/domain/calendar.h"

#include "common/base/civil.h"

#define MONTHS_PER_YEAR 12
#define MONTH_DAYS_MAX 31
#define PLUS_DAYS_MAX 73000
#define FIRST_MONDAY 4           /* days after 1970-01-01 */
#define OFFSET_MAX_S CIVIL_DAY_S /* no zone is further from UTC than a day */

/* PERIOD_INDEX_MAX is out of reach: even daily periods leave the range of time before it. */
_Static_assert((PERIOD_INDEX_MAX * CIVIL_DAY_S) > INSTANT_MAX_S + OFFSET_MAX_S, "index in reach");

/* A local date and time of day; not yet a moment. */
struct local {
	int64_t day; /* days since 1970-01-01 */
	int64_t time_s;
};

struct interval_info {
	const char *name;
	int64_t days;   /* its length, */
	int64_t months; /* which is one or the other */
};

static const struct interval_info interval_table[INTERVAL_MAX] = {
    [INTERVAL_DAY] = {"day", 1, 0},
    [INTERVAL_WEEK] = {"week", 7, 0},
    [INTERVAL_MONTH] = {"month", 0, 1},
    [INTERVAL_YEAR] = {"year", 0, MONTHS_PER_YEAR},
};

const char *
interval_name(enum interval interval)
{
	CHECK(interval >= INTERVAL_DAY && interval < INTERVAL_MAX);
	return interval_table[interval].name;
}

bool
interval_from(struct str name, enum interval *ret_interval)
{
	for (int i = 0; i < INTERVAL_MAX; i++) {
		if (!str_equal(name, str_from(interval_table[i].name)))
			continue;
		*ret_interval = (enum interval)i;
		return true;
	}
	return false;
}

/* The offset that held before transition ${i}. */
static int64_t
offset_before(const struct zone *zone, size_t i)
{
	return i == 0 ? zone->offset_first_s : zone->transitions[i - 1].offset_s;
}

/* The local time of ${instant}. */
static struct local
local_from_instant(const struct zone *zone, struct instant instant)
{
	size_t low = 0, high = zone->transitions_len;
	struct local local;
	int64_t local_s;

	/* Count the transitions that have happened. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (zone->transitions[middle].at_s <= instant.s)
			low = middle + 1;
		else
			high = middle;
	}
	/* West of Greenwich, 1970 begins in 1969: divide as if from a day earlier. */
	local_s = instant.s + offset_before(zone, low);
	CHECK(local_s >= -OFFSET_MAX_S);
	local.day = (local_s + CIVIL_DAY_S) / CIVIL_DAY_S - 1;
	local.time_s = local_s - local.day * CIVIL_DAY_S;
	return local;
}

/* The local time at which clocks in ${zone} surely show the offset after transition ${i}: before
 * it, in a gap or for the first pass of an overlap, the offset before the transition counts. */
static int64_t
transition_local_s(const struct zone *zone, size_t i)
{
	int64_t before = offset_before(zone, i);
	int64_t after = zone->transitions[i].offset_s;

	return zone->transitions[i].at_s + (before > after ? before : after);
}

/* The moment of ${local}: moved forward by the gap when it does not exist, the first when it is
 * ambiguous. */
static struct instant
local_to_instant(const struct zone *zone, struct local local)
{
	int64_t local_s = local.day * CIVIL_DAY_S + local.time_s;
	size_t low = 0, high = zone->transitions_len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (transition_local_s(zone, middle) <= local_s)
			low = middle + 1;
		else
			high = middle;
	}
	return (struct instant){local_s - offset_before(zone, low)};
}

/* Day ${day} (1 to 31) of the month number ${month_index}, counted from the year 0's January, or
 * that month's last. */
static int64_t
day_of_month(int64_t month_index, int64_t day)
{
	struct civil civil = {
	    month_index / MONTHS_PER_YEAR, month_index % MONTHS_PER_YEAR + 1, day};
	int64_t days = civil_month_days(civil.year, civil.month);

	if (civil.day > days)
		civil.day = days;
	return civil_to_days(civil);
}

static int64_t
month_index_of(struct civil civil)
{
	return civil.year * MONTHS_PER_YEAR + (civil.month - 1);
}

/* ${k} cadences after ${day}; months and years lie on ${month_day}, or where that is 0 on the day
 * of the month that ${day} is.  Largest product: 100,000 × 3,660 × 12 months, so nothing here comes
 * near 64 bits. */
static int64_t
day_plus_cadences(int64_t day, int32_t month_day, struct cadence cadence, int64_t k)
{
	int64_t intervals = k * cadence.count;
	const struct interval_info *info;
	struct civil civil;

	CHECK(cadence.interval >= INTERVAL_DAY && cadence.interval < INTERVAL_MAX);
	info = &interval_table[cadence.interval];
	if (info->months == 0)
		return day + intervals * info->days;
	civil = civil_from_days(day);
	return day_of_month(month_index_of(civil) + intervals * info->months,
	    month_day == 0 ? civil.day : month_day);
}

bool
calendar_boundary(const struct zone *zone, struct anchor anchor, struct cadence cadence, int32_t k,
    struct instant *ret_boundary)
{
	struct local local;
	struct instant boundary;

	CHECK(zone->transitions_len <= ZONE_TRANSITIONS_MAX);
	CHECK(instant_is_valid(anchor.at));
	CHECK(anchor.day >= 0 && anchor.day <= MONTH_DAYS_MAX);
	CHECK(cadence.count >= 1 && cadence.count <= INTERVAL_COUNT_MAX);
	CHECK(k >= 0 && k <= PERIOD_INDEX_MAX);

	/* The anchor may be the second pass of an ambiguous time: it is itself, not its first. */
	if (k == 0) {
		*ret_boundary = anchor.at;
		return true;
	}
	local = local_from_instant(zone, anchor.at);
	local.day = day_plus_cadences(local.day, anchor.day, cadence, k);
	boundary = local_to_instant(zone, local);
	if (!instant_is_valid(boundary))
		return false;
	CHECK(boundary.s >= anchor.at.s);
	*ret_boundary = boundary;
	return true;
}

bool
calendar_period(const struct zone *zone, struct anchor anchor, struct cadence cadence, int32_t k,
    struct period *ret_period)
{
	struct period period;

	/* The last index is never a period's start (see above), so k + 1 stays within the maximum.
	 */
	if (!calendar_boundary(zone, anchor, cadence, k, &period.start) ||
	    !calendar_boundary(zone, anchor, cadence, k + 1, &period.end))
		return false;
	*ret_period = period;
	return true;
}

int64_t
calendar_day(const struct zone *zone, struct instant instant)
{
	CHECK(instant_is_valid(instant));
	return local_from_instant(zone, instant).day;
}

int32_t
calendar_clipped_day(
    const struct zone *zone, struct anchor anchor, struct cadence cadence, struct instant at)
{
	struct civil civil = civil_from_days(calendar_day(zone, at));
	int64_t day = anchor.day;

	CHECK(cadence.interval >= INTERVAL_DAY && cadence.interval < INTERVAL_MAX);
	CHECK(anchor.day >= 0 && anchor.day <= MONTH_DAYS_MAX);

	if (interval_table[cadence.interval].months == 0)
		return 0;
	if (day == 0)
		day = civil_from_days(calendar_day(zone, anchor.at)).day;
	return civil.day < day && civil.day == civil_month_days(civil.year, civil.month)
		   ? (int32_t)day
		   : 0;
}

bool
calendar_plus_days(
    const struct zone *zone, struct instant at, int32_t days, struct instant *ret_later)
{
	struct local local;
	struct instant later;

	CHECK(instant_is_valid(at));
	CHECK(days >= 0 && days <= PLUS_DAYS_MAX);

	local = local_from_instant(zone, at);
	local.day += days;
	/* The second pass of an ambiguous time stays, as an anchor does. */
	later = days == 0 ? at : local_to_instant(zone, local);
	if (!instant_is_valid(later))
		return false;
	*ret_later = later;
	return true;
}

bool
anchoring_from(struct str text, enum anchoring *ret_anchoring, int32_t *ret_day)
{
	enum anchoring anchoring = ANCHORING_DAY;
	int32_t day = 0;

	if (str_equal(text, STR("start"))) {
		anchoring = ANCHORING_START;
	} else if (str_equal(text, STR("calendar"))) {
		anchoring = ANCHORING_CALENDAR;
	} else {
		if (text.len < 1 || text.len > 2 || text.ptr[0] == '0')
			return false;
		for (size_t i = 0; i < text.len; i++) {
			if (text.ptr[i] < '0' || text.ptr[i] > '9')
				return false;
			day = 10 * day + (text.ptr[i] - '0');
		}
		if (day > MONTH_DAYS_MAX)
			return false;
	}
	*ret_anchoring = anchoring;
	*ret_day = day;
	return true;
}

/* The last day at or before ${day} on which the anchoring lets a period begin; ${month_day} is 0
 * where it is the calendar's. */
static int64_t
day_allowed(int64_t day, int32_t month_day, struct cadence cadence)
{
	const struct interval_info *info = &interval_table[cadence.interval];
	struct civil civil = civil_from_days(day);
	int64_t month_index = month_index_of(civil), allowed;
	int64_t aligned = info->months * cadence.count;

	if (info->months == 0)
		/* 1970-01-05 was a Monday; no day here lies a week before 1970. */
		return day - (day - FIRST_MONDAY + 2 * info->days) % info->days;
	if (month_day != 0) {
		allowed = day_of_month(month_index, month_day);
		return allowed <= day ? allowed : day_of_month(month_index - 1, month_day);
	}
	if (cadence.interval == INTERVAL_YEAR)
		aligned = MONTHS_PER_YEAR;
	else if (MONTHS_PER_YEAR % aligned != 0)
		aligned = 1;
	return day_of_month(month_index - month_index % aligned, 1);
}

/* The moment at which the local day ${day} begins; and whether its midnight is on the clock. */
static struct instant
midnight(const struct zone *zone, int64_t day, bool *ret_exists)
{
	struct instant at = local_to_instant(zone, (struct local){day, 0});
	struct local shown;

	*ret_exists = false;
	if (!instant_is_valid(at))
		return at;
	shown = local_from_instant(zone, at);
	*ret_exists = shown.day == day && shown.time_s == 0;
	return at;
}

/* The last day whose beginning lies at or before ${at} and on which a period may begin.  Clocks
 * that go back over a midnight show the day before once more after a day has begun: so it is
 * moments that are compared, beginning with a day that is surely still to come. */
static int64_t
day_placed(const struct zone *zone, int32_t month_day, struct cadence cadence, struct instant at)
{
	int64_t day = local_from_instant(zone, at).day + 2;
	bool exists;

	do
		day = day_allowed(day - 1, month_day, cadence);
	while (midnight(zone, day, &exists).s > at.s);
	return day;
}

bool
calendar_place(const struct zone *zone, enum anchoring anchoring, int32_t day,
    struct cadence cadence, struct instant at, struct anchor *ret_anchor, int32_t *ret_index,
    struct period *ret_natural)
{
	struct anchor anchor = {at, day};
	struct period natural;
	int32_t index = 0;
	bool exists = true;

	CHECK(instant_is_valid(at));
	CHECK(cadence.interval >= INTERVAL_DAY && cadence.interval < INTERVAL_MAX);
	CHECK(day >= (anchoring == ANCHORING_DAY ? 1 : 0));
	CHECK(day <= (anchoring == ANCHORING_CALENDAR ? 0 : MONTH_DAYS_MAX));

	if (anchoring == ANCHORING_DAY && interval_table[cadence.interval].months == 0)
		return false;
	if (anchoring != ANCHORING_START) {
		int64_t first = day_placed(zone, day, cadence, at);

		anchor = (struct anchor){midnight(zone, first, &exists), day};
		/* A midnight that does not exist is a period's start, but no anchor: those after it
		 * would begin at one o'clock, too.  Go back to one that does. */
		while (!exists && instant_is_valid(anchor.at)) {
			first = day_plus_cadences(first, day, cadence, -1);
			anchor.at = midnight(zone, first, &exists);
			index++;
		}
	}
	if (!instant_is_valid(anchor.at) ||
	    !calendar_period(zone, anchor, cadence, index, &natural))
		return false;
	CHECK(natural.start.s <= at.s);
	CHECK(at.s < natural.end.s);
	*ret_anchor = anchor;
	*ret_index = index;
	*ret_natural = natural;
	return true;
}
