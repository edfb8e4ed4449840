#include "common/zone/zone.h"

#include "common/zone/zone_file.h"
#include "common/zone/zone_names.h"

#define PATH_SIZE 1200 /* a directory and a name: see zone_names.c */

enum err_class
zone_read(struct str name, struct zone *ret_zone, struct err *err)
{
	char path[PATH_SIZE];
	int len;

	if (zone_init(err) != ERR_NONE)
		return err->class;
	/* Only names of the list become paths: they have no dots, and don't begin with a slash. */
	if (!zone_is_known(name))
		return err_set(err, ERR_POISON, "no time zone \"%.*s\"",
		    name.len > ZONE_NAME_MAX ? ZONE_NAME_MAX : (int)name.len, name.ptr);
	len = snprintf(path, sizeof(path), "%s/%.*s", zone_names_directory(), STR_ARG(name));
	CHECK(len > 0 && len < PATH_SIZE);
	return zone_file_read(path, ret_zone, err);
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
