#include "api/key_cache.h"
#include "tests/unit/unit.h"

/* A key of set ${set}; keys of one set differ by ${number}. */
static struct key_entry
entry_of(uint16_t set, uint8_t number)
{
	struct key_entry entry = {.organisation_id = {{number}}, .key_id = {{number, 1}}};

	entry.hash[0] = (uint8_t)set;
	entry.hash[1] = (uint8_t)(set >> 8);
	entry.hash[31] = number;
	return entry;
}

static bool
is_known(struct key_cache *cache, struct key_entry entry)
{
	struct key_entry found;

	if (!key_cache_get(cache, entry.hash, &found))
		return false;
	ck_assert_int_eq(memcmp(&found, &entry, sizeof(found)), 0);
	return true;
}

START_TEST(test_put_and_drop)
{
	struct key_cache *cache = key_cache_new();
	struct key_entry one = entry_of(5, 1), other = entry_of(5, 2);

	ck_assert(!is_known(cache, one));
	key_cache_put(cache, &one);
	key_cache_put(cache, &one);
	ck_assert(is_known(cache, one));
	ck_assert(!is_known(cache, other));
	ck_assert_uint_eq(key_cache_len(cache), 1);
	key_cache_drop(cache, other.hash);
	ck_assert(is_known(cache, one));
	key_cache_drop(cache, one.hash);
	ck_assert(!is_known(cache, one));
	ck_assert_uint_eq(key_cache_len(cache), 0);
	key_cache_free(cache);
}
END_TEST

START_TEST(test_oldest_goes)
{
	struct key_cache *cache = key_cache_new();

	for (uint8_t i = 1; i <= KEY_CACHE_WAYS; i++) {
		struct key_entry entry = entry_of(9, i);

		key_cache_put(cache, &entry);
	}
	/* Used again: number 2 is then the one that was not used for longest. */
	ck_assert(is_known(cache, entry_of(9, 1)));
	struct key_entry late = entry_of(9, 99);
	key_cache_put(cache, &late);
	ck_assert(is_known(cache, entry_of(9, 1)));
	ck_assert(!is_known(cache, entry_of(9, 2)));
	ck_assert(is_known(cache, late));
	ck_assert_uint_eq(key_cache_len(cache), KEY_CACHE_WAYS);
	key_cache_free(cache);
}
END_TEST

START_TEST(test_bounded)
{
	static struct key_entry entries[KEY_CACHE_MAX];
	struct key_cache *cache = key_cache_new();

	for (uint32_t i = 0; i < 4 * KEY_CACHE_MAX; i++) {
		struct key_entry entry = entry_of((uint16_t)i, (uint8_t)(i >> 10));

		key_cache_put(cache, &entry);
	}
	ck_assert_uint_eq(key_cache_len(cache), KEY_CACHE_MAX);
	ck_assert_uint_eq(key_cache_list(cache, entries), KEY_CACHE_MAX);
	for (size_t i = 0; i < KEY_CACHE_MAX; i++)
		ck_assert(is_known(cache, entries[i]));
	key_cache_free(cache);
}
END_TEST

UNIT_MAIN("key_cache", UNIT(test_put_and_drop), UNIT(test_oldest_goes), UNIT(test_bounded))
