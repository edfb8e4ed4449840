#include <unicode/ucal.h>

#include "common/icu/zone.h"

#define MS_PER_S 1000

/* Names that ICU lists and the tz database doesn't have: three letters whose meaning is ambiguous
 * (BST is Bangladesh's), two that were withdrawn, and the unknown zone. */
static const char *const names_of_icu_alone[] = {
    "ACT",
    "AET",
    "AGT",
    "ART",
    "AST",
    "BET",
    "BST",
    "CAT",
    "CNT",
    "CST",
    "CTT",
    "EAT",
    "ECT",
    "IET",
    "IST",
    "JST",
    "MIT",
    "NET",
    "NST",
    "PLT",
    "PNT",
    "PRT",
    "PST",
    "SST",
    "VST",
    "Canada/East-Saskatchewan",
    "US/Pacific-New",
    "Etc/Unknown",
};

static bool
name_is_of_icu_alone(struct str name)
{
	struct str system_v = STR("SystemV/");

	if (name.len >= system_v.len && memcmp(name.ptr, system_v.ptr, system_v.len) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(names_of_icu_alone); i++)
		if (str_equal(name, str_from(names_of_icu_alone[i])))
			return true;
	return false;
}

static bool
character_is_of_names(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '/' || c == '_' || c == '-' || c == '+';
}

/* ${name} in UTF-16; false when no zone could be called that. */
static bool
name_to_utf16(struct str name, UChar ret_name[ZONE_NAME_MAX])
{
	if (name.len == 0 || name.len > ZONE_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		if (!character_is_of_names(name.ptr[i]))
			return false;
		ret_name[i] = (UChar)name.ptr[i];
	}
	return true;
}

bool
zone_is_known(struct str name)
{
	UChar id[ZONE_NAME_MAX], canonical[ZONE_NAME_MAX];
	UErrorCode status = U_ZERO_ERROR;
	UBool is_system_id = 0;

	if (!name_to_utf16(name, id) || name_is_of_icu_alone(name))
		return false;
	ucal_getCanonicalTimeZoneID(
	    id, (int32_t)name.len, canonical, ZONE_NAME_MAX, &is_system_id, &status);
	return U_SUCCESS(status) && is_system_id;
}

static enum err_class
icu_error(UErrorCode status, struct err *err)
{
	return err_set(err, status == U_MEMORY_ALLOCATION_ERROR ? ERR_RETRY : ERR_FATAL, "ICU: %s",
	    u_errorName(status));
}

/* Local time minus UTC, where ${calendar} stands. */
static int32_t
offset_s(UCalendar *calendar, UErrorCode *status)
{
	int32_t zone_ms = ucal_get(calendar, UCAL_ZONE_OFFSET, status);
	int32_t summer_ms = ucal_get(calendar, UCAL_DST_OFFSET, status);

	return (zone_ms + summer_ms) / MS_PER_S;
}

/* Append the transition at which ${calendar} stands; false when the table is full. */
static bool
transition_append(struct zone *zone, int64_t at_s, int32_t offset_after_s)
{
	uint32_t len = zone->transitions_len;
	int32_t before_s = len == 0 ? zone->offset_first_s : zone->transitions[len - 1].offset_s;

	/* Only summer time's name began or ended. */
	if (offset_after_s == before_s)
		return true;
	if (len == ZONE_TRANSITIONS_MAX)
		return false;
	zone->transitions[len] = (struct zone_transition){at_s, offset_after_s};
	zone->transitions_len++;
	return true;
}

/* Walk ${calendar} from transition to transition. */
static enum err_class
transitions_read(UCalendar *calendar, struct zone *ret_zone, struct err *err)
{
	UErrorCode status = U_ZERO_ERROR;

	ucal_setMillis(calendar, (UDate)INSTANT_MIN_S * MS_PER_S, &status);
	ret_zone->transitions_len = 0;
	ret_zone->offset_first_s = offset_s(calendar, &status);
	for (;;) {
		UDate at_ms;
		int32_t after_s;

		if (!ucal_getTimeZoneTransitionDate(
			calendar, UCAL_TZ_TRANSITION_NEXT, &at_ms, &status) ||
		    U_FAILURE(status) || at_ms > (UDate)INSTANT_MAX_S * MS_PER_S)
			break;
		ucal_setMillis(calendar, at_ms, &status);
		after_s = offset_s(calendar, &status);
		if (U_FAILURE(status))
			break;
		if (!transition_append(ret_zone, (int64_t)at_ms / MS_PER_S, after_s))
			return err_set(
			    err, ERR_POISON, "more than %d transitions", ZONE_TRANSITIONS_MAX);
	}
	return U_FAILURE(status) ? icu_error(status, err) : ERR_NONE;
}

enum err_class
zone_read(struct str name, struct zone *ret_zone, struct err *err)
{
	UErrorCode status = U_ZERO_ERROR;
	UChar id[ZONE_NAME_MAX];
	UCalendar *calendar;
	enum err_class class;

	/* ICU would take an unknown name for UTC. */
	if (!zone_is_known(name) || !name_to_utf16(name, id))
		return err_set(err, ERR_POISON, "no time zone \"%.*s\"",
		    name.len > ZONE_NAME_MAX ? ZONE_NAME_MAX : (int)name.len, name.ptr);
	calendar = ucal_open(id, (int32_t)name.len, "", UCAL_GREGORIAN, &status);
	if (U_FAILURE(status))
		class = icu_error(status, err);
	else
		class = transitions_read(calendar, ret_zone, err);
	ucal_close(calendar);
	if (class != ERR_NONE)
		return err_wrap(err, "reading the time zone %.*s", STR_ARG(name));
	return ERR_NONE;
}

void
zone_cache_init(struct zone_cache *cache)
{
	*cache = (struct zone_cache){.len = 0};
}

void
zone_cache_release(struct zone_cache *cache)
{
	if (cache == NULL)
		return;
	for (size_t i = 0; i < cache->len; i++)
		free(cache->entries[i].zone);
	zone_cache_init(cache);
}

static struct zone_cache_entry *
cache_find(struct zone_cache *cache, struct str name)
{
	for (size_t i = 0; i < cache->len; i++) {
		struct zone_cache_entry *entry = &cache->entries[i];

		if (str_equal(name, (struct str){entry->name, entry->name_len}))
			return entry;
	}
	return NULL;
}

/* A free entry, or else the one that was not asked for the longest. */
static struct zone_cache_entry *
cache_make_room(struct zone_cache *cache)
{
	struct zone_cache_entry *oldest = &cache->entries[0];

	if (cache->len < ZONE_CACHE_ZONES)
		return &cache->entries[cache->len++];
	for (size_t i = 1; i < cache->len; i++)
		if (cache->entries[i].used < oldest->used)
			oldest = &cache->entries[i];
	free(oldest->zone);
	return oldest;
}

enum err_class
zone_cache_get(
    struct zone_cache *cache, struct str name, const struct zone **ret_zone, struct err *err)
{
	struct zone_cache_entry *entry = cache_find(cache, name);

	if (entry == NULL) {
		struct zone *zone = malloc(sizeof(*zone));
		enum err_class class;

		if (zone == NULL)
			return err_set(err, ERR_RETRY, "out of memory for a time zone");
		class = zone_read(name, zone, err);
		if (class != ERR_NONE) {
			free(zone);
			return class;
		}
		/* A known name has at most ZONE_NAME_MAX bytes. */
		entry = cache_make_room(cache);
		*entry = (struct zone_cache_entry){.zone = zone, .name_len = name.len};
		memcpy(entry->name, name.ptr, name.len);
	}
	entry->used = ++cache->calls;
	*ret_zone = entry->zone;
	return ERR_NONE;
}
