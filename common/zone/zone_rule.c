#include "common/zone/zone_rule.h"

#include "common/base/civil.h"

#define MINUTE_S 60
#define HOUR_S 3600
#define OFFSET_HOURS_MAX 24
#define TIME_HOURS_MAX 167
#define NAME_MIN 3
#define NUMBER_DIGITS_MAX 3
#define DAYS_PER_WEEK 7
#define WEEK_LAST 5
#define WEEKDAY_OF_1970 4  /* 1 January was a Thursday */
#define MARCH_1_OF_365 60  /* its day of the year, counted from 1, without a 29 February */
#define CHANGE_TIME_S 7200 /* when a change names no time: 02:00 */

/* Each take_ function reads something off the head of ${rest}; false when it is not there. */

static bool
take_char(struct str *rest, char c)
{
	if (rest->len == 0 || rest->ptr[0] != c)
		return false;
	*rest = (struct str){rest->ptr + 1, rest->len - 1};
	return true;
}

static bool
take_number(struct str *rest, int32_t min, int32_t max, int32_t *ret_number)
{
	int32_t number = 0;
	size_t digits = 0;

	while (digits < rest->len && digits < NUMBER_DIGITS_MAX && rest->ptr[digits] >= '0' &&
	       rest->ptr[digits] <= '9')
		number = number * 10 + (rest->ptr[digits++] - '0');
	if (digits == 0 || number < min || number > max)
		return false;
	*rest = (struct str){rest->ptr + digits, rest->len - digits};
	*ret_number = number;
	return true;
}

static bool
is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool
is_of_quoted_names(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-';
}

/* What the clock's time is called: "CEST", "<+0330>".  Only its form matters here. */
static bool
take_name(struct str *rest)
{
	bool quoted = take_char(rest, '<');
	size_t len = 0;

	while (len < rest->len &&
	       (quoted ? is_of_quoted_names(rest->ptr[len]) : is_letter(rest->ptr[len])))
		len++;
	*rest = (struct str){rest->ptr + len, rest->len - len};
	return len >= NAME_MIN && (!quoted || take_char(rest, '>'));
}

/* "[+-]hh[:mm[:ss]]" in seconds. */
static bool
take_time(struct str *rest, int32_t hours_max, int32_t *ret_s)
{
	bool negative = take_char(rest, '-');
	int32_t hours, minutes = 0, seconds = 0;

	if (!negative)
		(void)take_char(rest, '+');
	if (!take_number(rest, 0, hours_max, &hours))
		return false;
	if (take_char(rest, ':')) {
		if (!take_number(rest, 0, 59, &minutes))
			return false;
		if (take_char(rest, ':') && !take_number(rest, 0, 59, &seconds))
			return false;
	}
	*ret_s = (hours * HOUR_S + minutes * MINUTE_S + seconds) * (negative ? -1 : 1);
	return true;
}

/* POSIX counts offsets westward; we count them eastward. */
static bool
take_offset(struct str *rest, int32_t *ret_offset_s)
{
	int32_t west_s;

	if (!take_time(rest, OFFSET_HOURS_MAX, &west_s))
		return false;
	*ret_offset_s = -west_s;
	return true;
}

/* ",date[/time]" */
static bool
take_change(struct str *rest, struct zone_rule_change *ret_change)
{
	struct zone_rule_change change = {.time_s = CHANGE_TIME_S};
	bool taken;

	if (!take_char(rest, ','))
		return false;
	if (take_char(rest, 'M')) {
		change.form = ZONE_RULE_WEEKDAY;
		taken = take_number(rest, 1, 12, &change.month) && take_char(rest, '.') &&
			take_number(rest, 1, WEEK_LAST, &change.week) && take_char(rest, '.') &&
			take_number(rest, 0, DAYS_PER_WEEK - 1, &change.day);
	} else if (take_char(rest, 'J')) {
		change.form = ZONE_RULE_DAY_OF_365;
		taken = take_number(rest, 1, 365, &change.day);
	} else {
		change.form = ZONE_RULE_DAY_OF_YEAR;
		taken = take_number(rest, 0, 365, &change.day);
	}
	if (!taken || (take_char(rest, '/') && !take_time(rest, TIME_HOURS_MAX, &change.time_s)))
		return false;
	*ret_change = change;
	return true;
}

bool
zone_rule_parse(struct str text, struct zone_rule *ret_rule)
{
	struct str rest = text;

	*ret_rule = (struct zone_rule){.has_summer = false};
	if (!take_name(&rest) || !take_offset(&rest, &ret_rule->standard_s))
		return false;
	if (rest.len == 0)
		return true;

	ret_rule->has_summer = true;
	ret_rule->summer_s = ret_rule->standard_s + HOUR_S;
	if (!take_name(&rest) || rest.len == 0)
		return false;
	if (rest.ptr[0] != ',' && !take_offset(&rest, &ret_rule->summer_s))
		return false;
	return take_change(&rest, &ret_rule->start) && take_change(&rest, &ret_rule->end) &&
	       rest.len == 0;
}

/* Days from 1970-01-01 to the day of ${change} in ${year}. */
static int64_t
change_day(const struct zone_rule_change *change, int64_t year)
{
	int64_t first, days, weekday, in_month;

	switch (change->form) {
	case ZONE_RULE_DAY_OF_365:
		days = change->day - 1;
		if (change->day >= MARCH_1_OF_365 && civil_month_days(year, 2) == 29)
			days++;
		return civil_to_days((struct civil){year, 1, 1}) + days;
	case ZONE_RULE_DAY_OF_YEAR:
		return civil_to_days((struct civil){year, 1, 1}) + change->day;
	case ZONE_RULE_WEEKDAY:
		break;
	}
	first = civil_to_days((struct civil){year, change->month, 1});
	/* The first year is before 1970: keep what is divided positive. */
	weekday = (first + WEEKDAY_OF_1970 + 1000 * DAYS_PER_WEEK) % DAYS_PER_WEEK;
	in_month = (change->day - weekday + DAYS_PER_WEEK) % DAYS_PER_WEEK +
		   (change->week - 1) * DAYS_PER_WEEK;
	if (in_month >= civil_month_days(year, change->month))
		in_month -= DAYS_PER_WEEK;
	return first + in_month;
}

/* Put ${change} behind all that are not later. */
static void
changes_insert(struct zone_transition *changes, uint32_t *len, struct zone_transition change)
{
	uint32_t i = *len;

	CHECK(*len < ZONE_RULE_CHANGES_MAX);
	for (; i > 0 && changes[i - 1].at_s > change.at_s; i--)
		changes[i] = changes[i - 1];
	changes[i] = change;
	(*len)++;
}

uint32_t
zone_rule_changes(
    const struct zone_rule *rule, struct zone_transition ret_changes[ZONE_RULE_CHANGES_MAX])
{
	uint32_t len = 0;

	CHECK(rule->has_summer);
	/* Summer time all year long ends in the moment in which the next year's begins: that one
	 * comes later here, and counts. */
	for (int64_t year = ZONE_RULE_YEAR_FIRST; year <= ZONE_RULE_YEAR_LAST; year++) {
		int64_t start_s = change_day(&rule->start, year) * CIVIL_DAY_S;
		int64_t end_s = change_day(&rule->end, year) * CIVIL_DAY_S;

		changes_insert(ret_changes, &len,
		    (struct zone_transition){
			start_s + rule->start.time_s - rule->standard_s, rule->summer_s});
		changes_insert(ret_changes, &len,
		    (struct zone_transition){
			end_s + rule->end.time_s - rule->summer_s, rule->standard_s});
	}
	return len;
}
