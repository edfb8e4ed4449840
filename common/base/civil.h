#ifndef COMMON_BASE_CIVIL_H
#define COMMON_BASE_CIVIL_H

/*
 * Dates of the Gregorian calendar as numbers of days.  Knows no time of day and no time zone. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/check.h"

#define CIVIL_DAY_S INT64_C(86400)

struct civil {
	int64_t year;
	int64_t month; /* 1 to 12 */
	int64_t day;   /* 1 to 31 */
};

/**
 * civil_to_days(civil):
 * Days from 1970-01-01 to ${civil}, whose year is not negative.  A day that its month lacks counts
 * on into the next month: 30 February is 1 or 2 March.
 */
NODISCARD int64_t civil_to_days(struct civil civil);

/**
 * civil_from_days(days):
 * The date ${days} after 1970-01-01, which may be negative, but not before the year 0.
 */
NODISCARD struct civil civil_from_days(int64_t days);

/**
 * civil_month_days(year, month):
 * How many days ${month} (1 to 12) of ${year} has.
 */
NODISCARD int64_t civil_month_days(int64_t year, int64_t month);

#endif
