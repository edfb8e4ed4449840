#include "api/key_cache.h"

#include <pthread.h>

struct slot {
	uint64_t used; /* the tick of its last use; 0: empty */
	struct key_entry entry;
};

struct key_cache {
	pthread_mutex_t lock;
	uint64_t tick;
	size_t len;
	struct slot sets[KEY_CACHE_SETS][KEY_CACHE_WAYS];
};

struct key_cache *
key_cache_new(void)
{
	struct key_cache *cache = calloc(1, sizeof(*cache));

	CHECK(cache != NULL);
	CHECK(pthread_mutex_init(&cache->lock, NULL) == 0);
	return cache;
}

void
key_cache_free(struct key_cache *cache)
{
	if (cache == NULL)
		return;
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

/* The set that ${hash}, which is evenly spread, belongs to. */
static struct slot *
set_of(struct key_cache *cache, const uint8_t *hash)
{
	return cache->sets[(hash[0] | (size_t)hash[1] << 8) % KEY_CACHE_SETS];
}

/* The slot that holds ${hash}, or NULL. */
static struct slot *
slot_find(struct key_cache *cache, const uint8_t *hash)
{
	struct slot *set = set_of(cache, hash);

	for (size_t i = 0; i < KEY_CACHE_WAYS; i++)
		if (set[i].used != 0 && memcmp(set[i].entry.hash, hash, API_KEY_HASH_BYTES) == 0)
			return &set[i];
	return NULL;
}

bool
key_cache_get(
    struct key_cache *cache, const uint8_t hash[API_KEY_HASH_BYTES], struct key_entry *ret_entry)
{
	struct slot *slot;

	pthread_mutex_lock(&cache->lock);
	slot = slot_find(cache, hash);
	if (slot != NULL) {
		slot->used = ++cache->tick;
		*ret_entry = slot->entry;
	}
	pthread_mutex_unlock(&cache->lock);
	return slot != NULL;
}

void
key_cache_put(struct key_cache *cache, const struct key_entry *entry)
{
	struct slot *slot;

	pthread_mutex_lock(&cache->lock);
	slot = slot_find(cache, entry->hash);
	if (slot == NULL) {
		slot = set_of(cache, entry->hash);
		for (size_t i = 1; i < KEY_CACHE_WAYS; i++)
			if (set_of(cache, entry->hash)[i].used < slot->used)
				slot = &set_of(cache, entry->hash)[i];
	}
	cache->len += slot->used == 0;
	slot->used = ++cache->tick;
	slot->entry = *entry;
	pthread_mutex_unlock(&cache->lock);
}

void
key_cache_drop(struct key_cache *cache, const uint8_t hash[API_KEY_HASH_BYTES])
{
	struct slot *slot;

	pthread_mutex_lock(&cache->lock);
	slot = slot_find(cache, hash);
	if (slot != NULL) {
		*slot = (struct slot){0};
		cache->len--;
	}
	pthread_mutex_unlock(&cache->lock);
}

size_t
key_cache_list(struct key_cache *cache, struct key_entry *entries)
{
	size_t len = 0;

	pthread_mutex_lock(&cache->lock);
	for (size_t set = 0; set < KEY_CACHE_SETS; set++)
		for (size_t way = 0; way < KEY_CACHE_WAYS; way++)
			if (cache->sets[set][way].used != 0)
				entries[len++] = cache->sets[set][way].entry;
	pthread_mutex_unlock(&cache->lock);
	return len;
}

size_t
key_cache_len(struct key_cache *cache)
{
	size_t len;

	pthread_mutex_lock(&cache->lock);
	len = cache->len;
	pthread_mutex_unlock(&cache->lock);
	return len;
}
