#include "common/zone/zone.h"

#include <pthread.h>

#include "tests/unit/zones.h"

#define WINDOW_S (28 * INT64_C(86400))
#define THREADS 4

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
    {"GMT+0 is in the database", {"GMT+0", 5}, true},
    {"other hours are not", {"GMT+3", 5}, false},
    {"nor hours and minutes", {"GMT+3:30", 8}, false},
    {"new in 2022", {"America/Ciudad_Juarez", 21}, true},
    {"a new spelling of 2022", {"Europe/Kyiv", 11}, true},
    {"new in 2025", {"America/Coyhaique", 17}, true},
    {"an abbreviation", {"PST", 3}, false},
    {"a POSIX rule", {"CET-1CEST,M3.5.0,M10.5.0/3", 26}, false},
    {"a path", {"../../etc/passwd", 16}, false},
    {"an absolute path", {"/usr/share/zoneinfo/UTC", 23}, false},
    {"a path to a zone", {"Europe/../UTC", 13}, false},
    {"the folder itself", {"./UTC", 5}, false},
    {"a slash in front", {"/UTC", 4}, false},
    {"two slashes", {"Europe//Vienna", 14}, false},
    {"a slash behind", {"UTC/", 4}, false},
    {"the copy of the database", {"posix/Europe/Vienna", 19}, false},
    {"the copy with leap seconds", {"right/Europe/Vienna", 19}, false},
    {"the rules that POSIX leaves open", {"posixrules", 10}, false},
    {"the machine's zone", {"localtime", 9}, false},
    {"a machine's zone that nobody set", {"Factory", 7}, false},
    {"a file of another kind", {"tzdata.zi", 9}, false},
    {"another, whose name could be one", {"leapseconds", 11}, false},
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

START_TEST(test_utc_has_no_transitions)
{
	struct zone zone = zones_read("UTC");

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

/* From the tz database's own text, and by Python's zoneinfo with release 2025b. */
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
    {"Africa/Cairo", "2023-04-27T22:00:00Z", 7200, 10800},
    {"America/Nuuk", "2024-03-31T01:00:00Z", -7200, -3600},
    {"America/Nuuk", "2024-10-27T01:00:00Z", -3600, -7200},
    {"America/Asuncion", "2024-10-06T04:00:00Z", -14400, -10800},
    {"America/Ciudad_Juarez", "2022-11-30T06:00:00Z", -21600, -25200},
    {"Asia/Almaty", "2024-02-29T18:00:00Z", 21600, 18000},
    {"Antarctica/Vostok", "2023-12-17T19:00:00Z", 25200, 18000},
    {"Africa/Casablanca", "2087-05-11T02:00:00Z", 0, 3600},
    {"Asia/Gaza", "2086-04-12T23:00:00Z", 10800, 7200},
    {"Asia/Jerusalem", "2199-03-29T00:00:00Z", 7200, 10800},
};

START_TEST(test_known_transitions)
{
	const struct transition_row *row = &transition_rows[_i];
	struct zone zone = zones_read(row->zone);
	uint32_t i = 0;

	while (i < zone.transitions_len && zone.transitions[i].at_s != unit_instant(row->at).s)
		i++;
	ck_assert_msg(i < zone.transitions_len, "%s: nothing at %s", row->zone, row->at);
	ck_assert_int_eq(
	    i == 0 ? zone.offset_first_s : zone.transitions[i - 1].offset_s, row->before_s);
	ck_assert_int_eq(zone.transitions[i].offset_s, row->after_s);
}
END_TEST

struct last_row {
	const char *zone;
	const char *at;
};

/* Where clocks have stopped changing since release 2022e; and where they will. */
static const struct last_row last_rows[] = {
    {"America/Mexico_City", "2022-10-30T07:00:00Z"},
    {"America/Asuncion", "2024-10-06T04:00:00Z"},
    {"Asia/Almaty", "2024-02-29T18:00:00Z"},
    {"Asia/Tehran", "2022-09-21T19:30:00Z"},
    {"Africa/Casablanca", "2087-05-11T02:00:00Z"},
};

START_TEST(test_last_transitions)
{
	const struct last_row *row = &last_rows[_i];
	struct zone zone = zones_read(row->zone);

	ck_assert_uint_gt(zone.transitions_len, 0);
	unit_assert_instant(
	    (struct instant){zone.transitions[zone.transitions_len - 1].at_s}, row->at, row->zone);
}
END_TEST

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

/* Our offset at ${at_s}; ${*next} is the first transition after the last time that was asked for,
 * so ask in order. */
static int32_t
table_offset_s(const struct zone *zone, int64_t at_s, uint32_t *next)
{
	while (*next < zone->transitions_len && zone->transitions[*next].at_s <= at_s)
		(*next)++;
	return *next == 0 ? zone->offset_first_s : zone->transitions[*next - 1].offset_s;
}

/* The table says what the C library says: around each transition, and once in every four weeks. */
static void
assert_agrees(const char *name, const struct zone *zone, uint64_t *random)
{
	int32_t before_s = zone->offset_first_s;
	uint32_t next = 0;

	zones_set(name);
	for (uint32_t i = 0; i < zone->transitions_len; i++) {
		int64_t at_s = zone->transitions[i].at_s;
		int32_t after_s = zone->transitions[i].offset_s;

		ck_assert_msg(zones_offset_s(at_s - 1) == before_s &&
				  zones_offset_s(at_s) == after_s &&
				  zones_offset_s(at_s + 1) == after_s,
		    "%s: at transition %u, %" PRId64, name, i, at_s);
		before_s = after_s;
	}
	for (int64_t from_s = INSTANT_MIN_S; from_s + WINDOW_S < INSTANT_MAX_S;
	     from_s += WINDOW_S) {
		int64_t at_s = from_s + (int64_t)unit_random(random, WINDOW_S);

		ck_assert_msg(zones_offset_s(at_s) == table_offset_s(zone, at_s, &next),
		    "%s: at %" PRId64, name, at_s);
	}
	ck_assert_int_eq(zones_offset_s(INSTANT_MIN_S), zone->offset_first_s);
	ck_assert_int_eq(zones_offset_s(INSTANT_MAX_S), before_s);
}

/* In parts, each of which has its time limit. */
static const uint32_t parts[] = {0, 1, 2, 3, 4, 5, 6, 7};

START_TEST(test_every_zone_agrees_with_the_c_library)
{
	static char names[ZONES_MAX][ZONE_NAME_MAX + 1];
	size_t len = zones_names(names);
	uint64_t random = unit_seed("zone");

	for (size_t i = parts[_i]; i < len; i += ARRAY_LEN(parts)) {
		struct zone zone;

		ck_assert_msg(zone_is_known(str_from(names[i])), "%s", names[i]);
		zone = zones_read(names[i]);
		assert_well_formed(names[i], &zone);
		assert_agrees(names[i], &zone, &random);
	}
}
END_TEST

static void *
ask_often(void *argument)
{
	bool *ret_ok = argument;

	*ret_ok = true;
	for (size_t i = 0; i < 1000; i++)
		*ret_ok = *ret_ok && zone_is_known(STR("Europe/Vienna")) &&
			  !zone_is_known(STR("Mars/Olympus"));
	return NULL;
}

/* All of them at once, and the first of them reads the list. */
START_TEST(test_threads_may_ask)
{
	pthread_t threads[THREADS];
	bool ok[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_often, &ok[i]), 0);
	for (size_t i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		ck_assert_msg(ok[i], "thread %zu", i);
	}
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
	static char names[ZONES_MAX][ZONE_NAME_MAX + 1];
	size_t len = zones_names(names);
	struct zone_cache cache;
	const struct zone *zone;
	struct err err;

	zone_cache_init(&cache);
	ck_assert_int_eq(zone_cache_get(&cache, STR("Europe/Vienna"), &zone, &err), ERR_NONE);
	for (size_t i = 0; i < 2 * len; i++) {
		const char *name = names[i % len];
		struct zone expected = zones_read(name);

		ck_assert_int_eq(zone_cache_get(&cache, str_from(name), &zone, &err), ERR_NONE);
		ck_assert_msg(zones_equal(zone, &expected), "%s: another zone's table", name);
		ck_assert_uint_le(cache.len, ZONE_CACHE_ZONES);

		/* What is in use is not what makes room. */
		ck_assert_msg(cache_holds(&cache, STR("Europe/Vienna")), "after %s", name);
		ck_assert_int_eq(
		    zone_cache_get(&cache, STR("Europe/Vienna"), &zone, &err), ERR_NONE);
	}
	ck_assert_uint_eq(cache.len, ZONE_CACHE_ZONES);
	zone_cache_release(&cache);
}
END_TEST

UNIT_MAIN("zone", UNIT_ROWS(test_names, name_rows), UNIT(test_utc_has_no_transitions),
    UNIT_ROWS(test_known_transitions, transition_rows), UNIT_ROWS(test_last_transitions, last_rows),
    UNIT_ROWS(test_every_zone_agrees_with_the_c_library, parts), UNIT(test_threads_may_ask),
    UNIT(test_an_unknown_zone_is_poison), UNIT(test_the_cache_keeps_what_was_asked_for),
    UNIT(test_the_cache_stays_bounded))
