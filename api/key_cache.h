#ifndef API_KEY_CACHE_H
#define API_KEY_CACHE_H

/*
 * API keys that were seen lately, by their hash: so that an accepted request costs no look at the
 * database, and known callers are served while it is away.  Bounded: a new key takes the place of
 * the one in its set that was used longest ago.  Thread-safe.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/api_key.h"
#include "common/base/uuid.h"

#define KEY_CACHE_SETS 1024
#define KEY_CACHE_WAYS 4
#define KEY_CACHE_MAX (KEY_CACHE_SETS * KEY_CACHE_WAYS)

struct key_cache;

struct key_entry {
	uint8_t hash[API_KEY_HASH_BYTES];
	struct uuid organisation_id;
	struct uuid key_id;
};

/**
 * key_cache_new(), key_cache_free(cache):
 * Never NULL; free accepts NULL.
 */
NODISCARD struct key_cache *key_cache_new(void);
void key_cache_free(struct key_cache *cache);

/**
 * key_cache_get(cache, hash, ret_entry):
 * Find a key.  False, ${ret_entry} untouched, when it is not known.
 */
NODISCARD bool key_cache_get(
    struct key_cache *cache, const uint8_t hash[API_KEY_HASH_BYTES], struct key_entry *ret_entry);

/**
 * key_cache_put(cache, entry), key_cache_drop(cache, hash):
 * Know a key, or no longer.
 */
void key_cache_put(struct key_cache *cache, const struct key_entry *entry);
void key_cache_drop(struct key_cache *cache, const uint8_t hash[API_KEY_HASH_BYTES]);

/**
 * key_cache_list(cache, entries):
 * Copy all known keys, in no order, to ${entries}, which has room for KEY_CACHE_MAX.  How many.
 */
NODISCARD size_t key_cache_list(struct key_cache *cache, struct key_entry *entries);

/**
 * key_cache_len(cache):
 * How many keys are known.
 */
NODISCARD size_t key_cache_len(struct key_cache *cache);

#endif
