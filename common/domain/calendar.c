#include "common/domain/calendar.h"

#include "common/base/civil.h"

#define MONTHS_PER_YEAR 12
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

/* The same day of the month ${months} later, or the month's last day. */
static int64_t
day_plus_months(int64_t day, int64_t months)
{
	struct civil civil = civil_from_days(day);
	int64_t month_index = civil.year * MONTHS_PER_YEAR + (civil.month - 1) + months;
	int64_t days;

	civil.year = month_index / MONTHS_PER_YEAR;
	civil.month = month_index % MONTHS_PER_YEAR + 1;
	days = civil_month_days(civil.year, civil.month);
	if (civil.day > days)
		civil.day = days;
	return civil_to_days(civil);
}

/* Largest product: 100,000 × 3,660 × 12 months, so nothing here comes near 64 bits. */
static int64_t
day_plus_cadences(int64_t day, struct cadence cadence, int64_t k)
{
	int64_t intervals = k * cadence.count;
	const struct interval_info *info;

	CHECK(cadence.interval >= INTERVAL_DAY && cadence.interval < INTERVAL_MAX);
	info = &interval_table[cadence.interval];
	return info->months == 0 ? day + intervals * info->days
				 : day_plus_months(day, intervals * info->months);
}

bool
calendar_boundary(const struct zone *zone, struct instant anchor, struct cadence cadence, int32_t k,
    struct instant *ret_boundary)
{
	struct local local;
	struct instant boundary;

	CHECK(zone->transitions_len <= ZONE_TRANSITIONS_MAX);
	CHECK(instant_is_valid(anchor));
	CHECK(cadence.count >= 1 && cadence.count <= INTERVAL_COUNT_MAX);
	CHECK(k >= 0 && k <= PERIOD_INDEX_MAX);

	/* The anchor may be the second pass of an ambiguous time: it is itself, not its first. */
	if (k == 0) {
		*ret_boundary = anchor;
		return true;
	}
	local = local_from_instant(zone, anchor);
	local.day = day_plus_cadences(local.day, cadence, k);
	boundary = local_to_instant(zone, local);
	if (!instant_is_valid(boundary))
		return false;
	CHECK(boundary.s >= anchor.s);
	*ret_boundary = boundary;
	return true;
}

bool
calendar_period(const struct zone *zone, struct instant anchor, struct cadence cadence, int32_t k,
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
