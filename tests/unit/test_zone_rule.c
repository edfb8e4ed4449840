#include "common/zone/zone_rule.h"

#include "tests/unit/zones.h"

#define WEEK_S 604800

struct rule_row {
	const char *name;
	const char *rule;
};

static const struct rule_row rule_rows[] = {
    {"no summer time", "CET-1"},
    {"the last Sunday", "CET-1CEST,M3.5.0,M10.5.0/3"},
    {"the second and the first Sunday", "EST5EDT,M3.2.0,M11.1.0"},
    {"south of the equator", "NZST-12NZDT,M9.5.0,M4.1.0/3"},
    {"names in brackets, and half an hour of summer", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"},
    {"minutes in times", "<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45"},
    {"winter time as the exception", "IST-1GMT0,M10.5.0,M3.5.0/1"},
    {"an hour before the day", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"},
    {"an hour after two days", "EET-2EEST,M3.4.4/50,M10.4.4/50"},
    {"the most hours after it", "EET-2EEST,M3.4.4/167,M10.4.4/166:59:59"},
    {"the most hours before it", "EET-2EEST,M3.4.4/-167,M10.4.4/-166:59:59"},
    {"days that leave 29 February out", "XXX3YYY,J59/12,J60/12"},
    {"days that count it", "XXX3YYY,58/12,59/12"},
    {"late days of both kinds", "XXX3YYY,J300,299"},
    {"a day and a weekday", "XXX3YYY,J120/0,M11.1.6/24"},
    {"seconds in offsets", "XXX+3:00:01YYY-4:59:59,M3.1.1,M10.1.1"},
    {"the most hours from UTC", "XXX-23:59:59YYY-22,M3.1.1,M10.1.1"},
    {"every fifth weekday is the last one", "XXX0YYY,M2.5.1,M6.5.6"},
};

static void
assert_libc_offset(const char *name, int64_t at_s, int32_t offset_s)
{
	ck_assert_msg(
	    zones_offset_s(at_s) == offset_s, "%s: not %d at %" PRId64, name, offset_s, at_s);
}

/* The C library takes the same text in place of a zone's name. */
START_TEST(test_rules_agree_with_the_c_library)
{
	const struct rule_row *row = &rule_rows[_i];
	struct zone_transition changes[ZONE_RULE_CHANGES_MAX];
	uint64_t random = unit_seed("zone_rule");
	uint32_t len = 0, next = 0;
	struct zone_rule rule;

	ck_assert_msg(zone_rule_parse(str_from(row->rule), &rule), "%s", row->name);
	if (rule.has_summer)
		len = zone_rule_changes(&rule, changes);
	ck_assert_uint_eq(len, rule.has_summer ? ZONE_RULE_CHANGES_MAX : 0);
	ck_assert_int_eq(setenv("TZ", row->rule, 1), 0);
	tzset();
	for (uint32_t i = 1; i < len; i++) {
		/* The C library has no rules before 1970. */
		if (changes[i].at_s <= INSTANT_MIN_S)
			continue;
		assert_libc_offset(row->name, changes[i].at_s - 1, changes[i - 1].offset_s);
		assert_libc_offset(row->name, changes[i].at_s, changes[i].offset_s);
	}
	for (int64_t week_s = INSTANT_MIN_S; week_s + WEEK_S < INSTANT_MAX_S; week_s += WEEK_S) {
		int64_t at_s = week_s + (int64_t)unit_random(&random, WEEK_S);

		while (next < len && changes[next].at_s <= at_s)
			next++;
		assert_libc_offset(
		    row->name, at_s, len == 0 ? rule.standard_s : changes[next - 1].offset_s);
	}
}
END_TEST

static const char *const not_rules[] = {"", "X", "XX0", "XXX", "XXX+", "XXX-", "XXX25", "XXX1:60",
    "XXX1:00:60", "XXX1:", "XXX1:0:", "XXX1000", "<+0>1", "<+01", "<+01>", "<+0 1>1", "123",
    "XXX0 ", " XXX0", "XXX0YYY", "XXX0YYY1", "XXX0YYY,", "XXX0YYY,M3.5.0", "XXX0YYY,M3.5.0,",
    "XXX0Y,1,2", "XXX0YYY,M0.5.0,M10.5.0", "XXX0YYY,M13.5.0,M10.5.0", "XXX0YYY,M3.0.0,M10.5.0",
    "XXX0YYY,M3.6.0,M10.5.0", "XXX0YYY,M3.5.7,M10.5.0", "XXX0YYY,M3.5,M10.5.0",
    "XXX0YYY,M3-5-0,M10.5.0", "XXX0YYY,J0,J2", "XXX0YYY,J366,J2", "XXX0YYY,366,2", "XXX0YYY,-1,2",
    "XXX0YYY,1/168,2", "XXX0YYY,1/-168,2", "XXX0YYY,1/,2", "XXX0YYY,1,2/", "XXX0YYY,1,2,",
    "XXX0YYY,1,2x", "XXX0YYY,1;2", "\xc3\xa9XX0"};

START_TEST(test_what_is_no_rule)
{
	struct zone_rule rule;

	ck_assert_msg(!zone_rule_parse(str_from(not_rules[_i]), &rule), "%s", not_rules[_i]);
	ck_assert(!zone_rule_parse(STR_NONE, &rule));
}
END_TEST

struct change_row {
	const char *name;
	const char *rule;
	const char *at; /* one of its changes */
	int32_t offset_s;
};

/* By the calendar. */
static const struct change_row change_rows[] = {
    {"the last Sunday of March 2026", "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z", 7200},
    {"29 February is counted", "XXX0YYY,59,200", "2028-02-29T02:00:00Z", 3600},
    {"29 February is not counted", "XXX0YYY,J60,J200", "2028-03-01T02:00:00Z", 3600},
    {"the second by seconds", "XXX0YYY,M1.1.4/0:0:1,M6.1.1", "1970-01-01T00:00:01Z", 3600},
};

START_TEST(test_changes)
{
	const struct change_row *row = &change_rows[_i];
	struct zone_transition changes[ZONE_RULE_CHANGES_MAX];
	struct zone_rule rule;
	uint32_t len, i = 0;

	ck_assert(zone_rule_parse(str_from(row->rule), &rule));
	len = zone_rule_changes(&rule, changes);
	while (i < len && changes[i].at_s != unit_instant(row->at).s)
		i++;
	ck_assert_msg(i < len, "%s", row->name);
	ck_assert_int_eq(changes[i].offset_s, row->offset_s);
}
END_TEST

UNIT_MAIN("zone_rule", UNIT_ROWS(test_rules_agree_with_the_c_library, rule_rows),
    UNIT_ROWS(test_what_is_no_rule, not_rules), UNIT_ROWS(test_changes, change_rows))
