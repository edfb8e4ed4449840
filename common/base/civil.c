#include "common/base/civil.h"

#define DAYS_PER_ERA 146097     /* 400 years: then the calendar repeats itself */
#define DAYS_BEFORE_1970 719468 /* from 0000-03-01, where eras begin */

/* The algorithms are H. Hinnant's, "chrono-compatible low-level date algorithms": years begin in
 * March, so that the leap day comes last. */
int64_t
civil_to_days(struct civil civil)
{
	int64_t y = civil.month <= 2 ? civil.year - 1 : civil.year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t month_from_march = (civil.month + 9) % 12;
	int64_t day_of_year = (153 * month_from_march + 2) / 5 + civil.day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	CHECK(civil.year >= 0);
	CHECK(civil.month >= 1 && civil.month <= 12);
	return era * DAYS_PER_ERA + day_of_era - DAYS_BEFORE_1970;
}

struct civil
civil_from_days(int64_t days)
{
	int64_t z = days + DAYS_BEFORE_1970;
	int64_t era = (z >= 0 ? z : z - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
	int64_t day_of_era = z - era * DAYS_PER_ERA;
	int64_t year_of_era =
	    (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
	    day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month_from_march = (5 * day_of_year + 2) / 153;
	int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;

	return (struct civil){
	    .year = year_of_era + era * 400 + (month <= 2 ? 1 : 0),
	    .month = month,
	    .day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
	};
}

int64_t
civil_month_days(int64_t year, int64_t month)
{
	static const int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	CHECK(month >= 1 && month <= 12);
	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}
