#ifndef COMMON_ZONE_ZONE_RULE_H
#define COMMON_ZONE_ZONE_RULE_H

/*
 * The rule that says how a zone's clocks go on after its last known transition: POSIX's TZ text
 * ("CET-1CEST,M3.5.0,M10.5.0/3") as RFC 9636 puts it at the end of a file, with hours of the day
 * from -167 to 167.  Pure.  For zone_file.c and tests.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/check.h"
#include "common/base/str.h"
#include "common/domain/calendar.h"

#define ZONE_RULE_YEAR_FIRST 1968 /* so that a change before INSTANT_MIN_S says what held then */
#define ZONE_RULE_YEAR_LAST 2200  /* INSTANT_MAX_S may be 2200 in local time */
#define ZONE_RULE_CHANGES_MAX (2 * (ZONE_RULE_YEAR_LAST - ZONE_RULE_YEAR_FIRST + 1))

enum zone_rule_form {
	ZONE_RULE_DAY_OF_365 = 0, /* Jn: 1 to 365, 29 February is never counted */
	ZONE_RULE_DAY_OF_YEAR,    /* n: 0 to 365, it is */
	ZONE_RULE_WEEKDAY,        /* Mm.w.d: weekday d of month m, its w-th, or for 5 its last */
};

/* When clocks change in each year. */
struct zone_rule_change {
	enum zone_rule_form form;
	int32_t day;    /* of the two forms by days; 0 (Sunday) to 6 of ZONE_RULE_WEEKDAY */
	int32_t week;   /* 1 to 5 */
	int32_t month;  /* 1 to 12 */
	int32_t time_s; /* after that day's midnight, of the clock before the change */
};

struct zone_rule {
	int32_t standard_s; /* local time minus UTC */
	bool has_summer;    /* false: clocks never change, and nothing below counts */
	int32_t summer_s;
	struct zone_rule_change start; /* of summer time */
	struct zone_rule_change end;
};

/**
 * zone_rule_parse(text, ret_rule):
 * Read all of ${text}.  False, ${ret_rule} of no use, when it is no such rule, or names a summer
 * time without saying when it is.
 */
NODISCARD bool zone_rule_parse(struct str text, struct zone_rule *ret_rule);

/**
 * zone_rule_changes(rule, ret_changes):
 * Every change of ${rule}, which has summer time, from ZONE_RULE_YEAR_FIRST to ZONE_RULE_YEAR_LAST,
 * by time; of two at the same time the later one counts.  Returns how many.
 */
NODISCARD uint32_t zone_rule_changes(
    const struct zone_rule *rule, struct zone_transition ret_changes[ZONE_RULE_CHANGES_MAX]);

#endif
