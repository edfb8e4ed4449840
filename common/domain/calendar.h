#ifndef COMMON_DOMAIN_CALENDAR_H
#define COMMON_DOMAIN_CALENDAR_H

/*
 * The calendar: boundaries of billing periods in a customer's time zone (billing-rules: "Periods").
 * Month arithmetic lives here alone.  Pure: a time zone comes in as a plain table (zone/zone.h
 * reads it).
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/check.h"
#include "common/base/instant.h"
#include "common/base/str.h"

#define ZONE_TRANSITIONS_MAX 1024
#define INTERVAL_COUNT_MAX 3660 /* ten years of days */
#define PERIOD_INDEX_MAX 100000 /* a daily subscription for 273 years */

/* From that moment on, local time is UTC plus that offset. */
struct zone_transition {
	int64_t at_s;     /* seconds since the epoch */
	int32_t offset_s; /* local time minus UTC */
};

/* A time zone between INSTANT_MIN_S and INSTANT_MAX_S. */
struct zone {
	int32_t offset_first_s; /* before the first transition */
	uint32_t transitions_len;
	struct zone_transition transitions[ZONE_TRANSITIONS_MAX]; /* by time, ascending */
};

enum interval {
	INTERVAL_DAY = 0,
	INTERVAL_WEEK,
	INTERVAL_MONTH,
	INTERVAL_YEAR,
	INTERVAL_MAX,
};

/* How long a period is: ${count} times ${interval}. */
struct cadence {
	enum interval interval;
	int32_t count; /* 1 to INTERVAL_COUNT_MAX */
};

/* A span of time, [start, end). */
struct period {
	struct instant start;
	struct instant end;
};

/* Where boundary 0 is, and on which day of its month those of a month or a year lie. */
struct anchor {
	struct instant at;
	int32_t day; /* 1 to 31; 0: the day of ${at} */
};

/**
 * interval_name(interval), interval_from(name, ret_interval):
 * "day", "week", "month", "year" for a valid ${interval}; and back, false (untouched) for any other
 * name.
 */
NODISCARD const char *interval_name(enum interval interval);
NODISCARD bool interval_from(struct str name, enum interval *ret_interval);

/**
 * calendar_boundary(zone, anchor, cadence, k, ret_boundary):
 * The start of period number ${k} (0 is the one that begins at the anchor): the anchor plus k
 * cadences on the calendar of ${zone}, keeping the local time of day.  A day that a month lacks
 * becomes its last; a local time that does not exist moves forward by the gap, an ambiguous one is
 * the first.  Always computed from the anchor, so 31 January gives 28 February and then 31 March,
 * and an anchor on 28 February with day 31 gives 31 March.  Boundary 0 is the anchor itself.
 * Boundaries ascend; only where a zone once left out a whole day (Pacific/Apia, 2011-12-30) is a
 * period of one day, that day's, empty.  ${k} is 0 to PERIOD_INDEX_MAX.  False, ${ret_boundary}
 * untouched, when it lies beyond INSTANT_MAX_S.
 */
NODISCARD bool calendar_boundary(const struct zone *zone, struct anchor anchor,
    struct cadence cadence, int32_t k, struct instant *ret_boundary);

/**
 * calendar_period(zone, anchor, cadence, k, ret_period):
 * Period number ${k}: from boundary k to boundary k + 1.  False as calendar_boundary.
 */
NODISCARD bool calendar_period(const struct zone *zone, struct anchor anchor,
    struct cadence cadence, int32_t k, struct period *ret_period);

/**
 * calendar_day(zone, instant):
 * The local day that ${instant} lies in, as days since 1970-01-01.
 */
NODISCARD int64_t calendar_day(const struct zone *zone, struct instant instant);

/**
 * calendar_clipped_day(zone, anchor, cadence, at):
 * The day of the month (29 to 31) on which ${anchor} has boundaries of ${cadence}, where ${at}
 * stands in for it: on the last day of a month that lacks it.  Else 0, as always where the cadence
 * counts days or weeks.
 */
NODISCARD int32_t calendar_clipped_day(
    const struct zone *zone, struct anchor anchor, struct cadence cadence, struct instant at);

/* How a subscription's boundaries lie on the calendar. */
enum anchoring {
	ANCHORING_START,    /* from its start */
	ANCHORING_CALENDAR, /* on the first of the month, of the cadence's months that divide a year
			       (a quarter), of the year; on Mondays; at midnight */
	ANCHORING_DAY,      /* on a day of the month, at midnight; months and years only */
};

/**
 * anchoring_from(text, ret_anchoring, ret_day):
 * "start", "calendar", or "1" to "31" with ${ret_day} (else 0).  False, untouched, for anything
 * else.
 */
NODISCARD bool anchoring_from(struct str text, enum anchoring *ret_anchoring, int32_t *ret_day);

/**
 * calendar_place(zone, anchoring, day, cadence, at, ret_anchor, ret_index, ret_natural):
 * The anchor for periods of ${cadence} that run at ${at}, the number of the natural period that
 * ${at} lies in, and that period.  From the start: anchored at ${at} with ${day}, as struct anchor
 * has it, number 0.  Else ${day} is that of ANCHORING_DAY, or 0, and the period begins at the last
 * local midnight at or before ${at} that the anchoring allows, and ends ${cadence} later; where
 * clocks skip that midnight it begins when they have, and is anchored one or more cadences earlier,
 * at a midnight that there is.  False, untouched, when it reaches beyond INSTANT_MAX_S, begins or
 * is anchored before INSTANT_MIN_S, or when the anchoring is ANCHORING_DAY and the cadence counts
 * days or weeks.
 */
NODISCARD bool calendar_place(const struct zone *zone, enum anchoring anchoring, int32_t day,
    struct cadence cadence, struct instant at, struct anchor *ret_anchor, int32_t *ret_index,
    struct period *ret_natural);

/**
 * calendar_plus_days(zone, at, days, ret_later):
 * The same local time of day, ${days} (0 to 73,000) later; false as calendar_boundary.
 */
NODISCARD bool calendar_plus_days(
    const struct zone *zone, struct instant at, int32_t days, struct instant *ret_later);

#endif
