#include "common/icu/zone.h"

#include <unicode/ucal.h>
#include <unicode/uenum.h>

#include "tests/unit/unit.h"

struct name_row {
	const char *name;
	struct str zone;
	bool known;
};

static const struct name_row name_rows[] = {
    {"a canonical name", {"Europe/Vienna", 13}, true},
    {"an alias", {"Asia/Calcutta", 13}, true},
    {"three parts", {"America/Argentina/Buenos_Aires", 30}, true},
    {"the longest name", {"America/Argentina/ComodRivadavia", 32}, true},
    {"UTC", {"UTC", 3}, true},
    {"Etc/UTC", {"Etc/UTC", 7}, true},
    {"a fixed offset of the database", {"Etc/GMT+12", 10}, true},
    {"a short name of the database", {"EST5EDT", 7}, true},
    {"only the length counts, not the NUL", {"UTC and more", 3}, true},
    {"lower case", {"europe/vienna", 13}, false},
    {"upper case", {"EUROPE/VIENNA", 13}, false},
    {"empty", {"", 0}, false},
    {"none", {NULL, 0}, false},
    {"garbage", {"Mars/Olympus", 12}, false},
    {"half a name", {"Europe", 6}, false},
    {"a slash too many", {"Europe/", 7}, false},
    {"a space behind", {"Europe/Vienna ", 14}, false},
    {"a NUL inside", {"UTC\0UTC", 7}, false},
    {"bytes beyond ASCII", {"Europe/K\xc3\xb6ln", 12}, false},
    {"an hour that ICU makes a zone of", {"GMT+3", 5}, false},
    {"hours and minutes that it makes one of", {"GMT+0330", 8}, false},
    {"GMT+0 is in the database", {"GMT+0", 5}, true},
    {"an offset that ICU makes a zone of", {"GMT+3:30", 8}, false},
    {"another", {"GMT-08:00", 9}, false},
    {"a path", {"../../etc/passwd", 16}, false},
    {"a POSIX rule", {"CET-1CEST,M3.5.0,M10.5.0/3", 26}, false},
    {"ICU's unknown zone", {"Etc/Unknown", 11}, false},
    {"an abbreviation that ICU alone takes", {"PST", 3}, false},
    {"ICU's System V zones", {"SystemV/EST5EDT", 15}, false},
    {"more bytes than any name has",
	{"America/Argentina/Buenos_Aires/America/Argentina/Buenos_Aires/Am", 64}, false},
};

START_TEST(test_names)
{
	const struct name_row *row = &name_rows[_i];

	ck_assert_msg(
	    zone_is_known(row->zone) == row->known, "%s: %.*s", row->name, STR_ARG(row->zone));
}
END_TEST

static struct zone
zone_of(const char *name)
{
	static struct zone zone;
	struct err err;

	ck_assert_msg(zone_read(str_from(name), &zone, &err) == ERR_NONE, "%s", name);
	return zone;
}

START_TEST(test_utc_has_no_transitions)
{
	struct zone zone = zone_of("UTC");

	ck_assert_int_eq(zone.offset_first_s, 0);
	ck_assert_uint_eq(zone.transitions_len, 0);
}
END_TEST

struct transition_row {
	const char *zone;
	const char *at;
	int32_t before_s;
	int32_t after_s;
};

/* From the tz database's own text. */
static const struct transition_row transition_rows[] = {
    {"Europe/Vienna", "2026-03-29T01:00:00Z", 3600, 7200},
    {"Europe/Vienna", "2026-10-25T01:00:00Z", 7200, 3600},
    {"Europe/Vienna", "2199-10-27T01:00:00Z", 7200, 3600},
    {"America/New_York", "2026-03-08T07:00:00Z", -18000, -14400},
    {"America/New_York", "1974-01-06T07:00:00Z", -18000, -14400},
    {"Europe/Dublin", "2026-03-29T01:00:00Z", 0, 3600},
    {"Australia/Lord_Howe", "2026-10-03T15:30:00Z", 37800, 39600},
    {"Africa/Casablanca", "2022-03-27T02:00:00Z", 3600, 0},
    {"Pacific/Apia", "2011-12-30T10:00:00Z", -36000, 50400},
    {"America/Sao_Paulo", "2018-11-04T03:00:00Z", -10800, -7200},
    {"Africa/Monrovia", "1972-01-07T00:44:30Z", -2670, 0},
};

START_TEST(test_known_transitions)
{
	const struct transition_row *row = &transition_rows[_i];
	struct zone zone = zone_of(row->zone);
	uint32_t i = 0;

	while (i < zone.transitions_len && zone.transitions[i].at_s != unit_instant(row->at).s)
		i++;
	ck_assert_msg(i < zone.transitions_len, "%s: nothing at %s", row->zone, row->at);
	ck_assert_int_eq(
	    i == 0 ? zone.offset_first_s : zone.transitions[i - 1].offset_s, row->before_s);
	ck_assert_int_eq(zone.transitions[i].offset_s, row->after_s);
}
END_TEST

/* ICU's offset at ${at_s}, asked directly. */
static int32_t
icu_offset_s(UCalendar *calendar, int64_t at_s, UErrorCode *status)
{
	ucal_setMillis(calendar, (UDate)at_s * 1000, status);
	return (ucal_get(calendar, UCAL_ZONE_OFFSET, status) +
		   ucal_get(calendar, UCAL_DST_OFFSET, status)) /
	       1000;
}

/* What calendar.c builds on: ascending times, real changes, and local times in the same order. */
static void
assert_well_formed(const char *name, const struct zone *zone)
{
	int64_t last_at_s = INSTANT_MIN_S - 1, last_local_s = INT64_MIN;
	int32_t before_s = zone->offset_first_s;

	for (uint32_t i = 0; i < zone->transitions_len; i++) {
		int64_t at_s = zone->transitions[i].at_s;
		int32_t after_s = zone->transitions[i].offset_s;
		int64_t local_s = at_s + (before_s > after_s ? before_s : after_s);

		ck_assert_msg(
		    at_s > last_at_s && at_s <= INSTANT_MAX_S, "%s: order at %u", name, i);
		ck_assert_msg(after_s != before_s, "%s: no change at %u", name, i);
		ck_assert_msg(local_s > last_local_s, "%s: local order at %u", name, i);
		ck_assert_msg(after_s > -86400 && after_s < 86400, "%s: %d", name, after_s);
		last_at_s = at_s;
		last_local_s = local_s;
		before_s = after_s;
	}
}

/* The table says what ICU says, at random times and on both sides of each transition. */
static void
assert_agrees(const char *name, const struct zone *zone, uint64_t *random)
{
	UErrorCode status = U_ZERO_ERROR;
	UChar id[ZONE_NAME_MAX];
	UCalendar *calendar;
	int32_t before_s = zone->offset_first_s;

	for (size_t i = 0; i < strlen(name); i++)
		id[i] = (UChar)name[i];
	calendar = ucal_open(id, (int32_t)strlen(name), "", UCAL_GREGORIAN, &status);
	for (uint32_t i = 0; i <= zone->transitions_len; i++) {
		int64_t from_s = i == 0 ? INSTANT_MIN_S : zone->transitions[i - 1].at_s;
		int64_t to_s =
		    i == zone->transitions_len ? INSTANT_MAX_S + 1 : zone->transitions[i].at_s;
		int64_t within_s = from_s + (int64_t)unit_random(random, (uint64_t)(to_s - from_s));

		if (i > 0)
			before_s = zone->transitions[i - 1].offset_s;
		ck_assert_msg(icu_offset_s(calendar, from_s, &status) == before_s &&
				  icu_offset_s(calendar, within_s, &status) == before_s &&
				  icu_offset_s(calendar, to_s - 1, &status) == before_s,
		    "%s: before transition %u", name, i);
	}
	ck_assert_msg(U_SUCCESS(status), "%s: %s", name, u_errorName(status));
	ucal_close(calendar);
}

START_TEST(test_every_zone_of_icu_is_read_whole)
{
	UErrorCode status = U_ZERO_ERROR;
	UEnumeration *names =
	    ucal_openTimeZoneIDEnumeration(UCAL_ZONE_TYPE_ANY, NULL, NULL, &status);
	uint64_t random = unit_seed("zone");
	const char *name;
	int zones = 0;

	while ((name = uenum_next(names, NULL, &status)) != NULL) {
		struct zone zone;

		if (!zone_is_known(str_from(name)))
			continue;
		zone = zone_of(name);
		assert_well_formed(name, &zone);
		assert_agrees(name, &zone, &random);
		zones++;
	}
	ck_assert_msg(U_SUCCESS(status), "%s", u_errorName(status));
	ck_assert_int_gt(zones, 400);
	uenum_close(names);
}
END_TEST

START_TEST(test_an_unknown_zone_is_poison)
{
	static struct zone zone;
	struct err err;

	ck_assert_int_eq(zone_read(STR("Mars/Olympus"), &zone, &err), ERR_POISON);
	ck_assert_str_eq(err.text, "no time zone \"Mars/Olympus\"");
	ck_assert_int_eq(zone_read(STR_NONE, &zone, &err), ERR_POISON);
}
END_TEST

START_TEST(test_the_cache_keeps_what_was_asked_for)
{
	struct zone_cache cache;
	const struct zone *vienna, *again, *utc, *none = NULL;
	struct err err;

	zone_cache_init(&cache);
	ck_assert_int_eq(zone_cache_get(&cache, STR("Europe/Vienna"), &vienna, &err), ERR_NONE);
	ck_assert_int_eq(zone_cache_get(&cache, STR("UTC"), &utc, &err), ERR_NONE);
	ck_assert_int_eq(zone_cache_get(&cache, STR("Europe/Vienna"), &again, &err), ERR_NONE);
	ck_assert_ptr_eq(vienna, again);
	ck_assert_ptr_ne(vienna, utc);
	ck_assert_int_eq(again->offset_first_s, 3600);
	ck_assert_uint_eq(utc->transitions_len, 0);

	ck_assert_int_eq(zone_cache_get(&cache, STR("Mars/Olympus"), &none, &err), ERR_POISON);
	ck_assert_ptr_null(none);
	ck_assert_uint_eq(cache.len, 2);
	zone_cache_release(&cache);
	ck_assert_uint_eq(cache.len, 0);
	zone_cache_release(&cache);
	zone_cache_release(NULL);
}
END_TEST

/* Whether they hold the same; padding aside. */
static bool
zones_equal(const struct zone *a, const struct zone *b)
{
	if (a->offset_first_s != b->offset_first_s || a->transitions_len != b->transitions_len)
		return false;
	for (uint32_t i = 0; i < a->transitions_len; i++)
		if (a->transitions[i].at_s != b->transitions[i].at_s ||
		    a->transitions[i].offset_s != b->transitions[i].offset_s)
			return false;
	return true;
}

static bool
cache_holds(const struct zone_cache *cache, struct str name)
{
	for (size_t i = 0; i < cache->len; i++)
		if (str_equal(
			name, (struct str){cache->entries[i].name, cache->entries[i].name_len}))
			return true;
	return false;
}

/* Every zone through the cache, twice, and one of them again and again. */
START_TEST(test_the_cache_stays_bounded)
{
	UErrorCode status = U_ZERO_ERROR;
	UEnumeration *names =
	    ucal_openTimeZoneIDEnumeration(UCAL_ZONE_TYPE_ANY, NULL, NULL, &status);
	struct zone_cache cache;
	const struct zone *zone;
	struct err err;

	zone_cache_init(&cache);
	ck_assert_int_eq(zone_cache_get(&cache, STR("Europe/Vienna"), &zone, &err), ERR_NONE);
	for (int round = 0; round < 2; round++) {
		const char *name;

		uenum_reset(names, &status);
		while ((name = uenum_next(names, NULL, &status)) != NULL) {
			struct zone expected;

			if (!zone_is_known(str_from(name)))
				continue;
			expected = zone_of(name);
			ck_assert_int_eq(
			    zone_cache_get(&cache, str_from(name), &zone, &err), ERR_NONE);
			ck_assert_msg(
			    zones_equal(zone, &expected), "%s: another zone's table", name);
			ck_assert_uint_le(cache.len, ZONE_CACHE_ZONES);

			/* What is in use is not what makes room. */
			ck_assert_msg(cache_holds(&cache, STR("Europe/Vienna")), "after %s", name);
			ck_assert_int_eq(
			    zone_cache_get(&cache, STR("Europe/Vienna"), &zone, &err), ERR_NONE);
		}
	}
	ck_assert_uint_eq(cache.len, ZONE_CACHE_ZONES);
	ck_assert(U_SUCCESS(status));
	zone_cache_release(&cache);
	uenum_close(names);
}
END_TEST

UNIT_MAIN("zone", UNIT_ROWS(test_names, name_rows), UNIT(test_utc_has_no_transitions),
    UNIT_ROWS(test_known_transitions, transition_rows), UNIT(test_every_zone_of_icu_is_read_whole),
    UNIT(test_an_unknown_zone_is_poison), UNIT(test_the_cache_keeps_what_was_asked_for),
    UNIT(test_the_cache_stays_bounded))
