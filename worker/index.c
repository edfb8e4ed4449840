#include "worker/index.h"

#define INDEX_CAPACITY_FIRST 64
#define HASH_ODD UINT64_C(0x9e3779b97f4a7c15) /* 2^64 by the golden ratio */

/* Eight bytes at a time: a batch looks up some dozen times for each command, mostly by UUIDs. */
static uint64_t
hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
	for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
		uint64_t word = 0;

		memcpy(&word, (const char *)bytes + at,
		    len - at < sizeof(word) ? len - at : sizeof(word));
		hash = (hash ^ word) * HASH_ODD;
		hash ^= hash >> 32;
	}
	return hash;
}

/* Where (organisation, key) is, or the free place where it would go. */
static struct index_entry *
place(const struct index *index, struct uuid organisation_id, struct str key)
{
	uint64_t hash = hash_bytes(0, organisation_id.b, sizeof(organisation_id.b));
	size_t at;

	hash = hash_bytes(hash, key.ptr, key.len) * HASH_ODD >> 32;
	for (at = hash & (index->capacity - 1);; at = (at + 1) & (index->capacity - 1)) {
		struct index_entry *entry = &index->entries[at];

		if (entry->key.ptr == NULL ||
		    (uuid_equal(entry->organisation_id, organisation_id) &&
			str_equal(entry->key, key)))
			return entry;
	}
}

static void
grow(struct index *index)
{
	struct index_entry *old = index->entries;
	size_t old_capacity = index->capacity;

	index->capacity = old_capacity == 0 ? INDEX_CAPACITY_FIRST : old_capacity * 2;
	index->entries = arena_array(index->arena, index->capacity, sizeof(*index->entries));
	CHECK(index->entries != NULL);
	for (size_t i = 0; i < old_capacity; i++)
		if (old[i].key.ptr != NULL)
			*place(index, old[i].organisation_id, old[i].key) = old[i];
}

void
index_init(struct index *index, struct arena *arena)
{
	*index = (struct index){.arena = arena};
}

void *
index_get(const struct index *index, struct uuid organisation_id, struct str key)
{
	CHECK(key.ptr != NULL);
	if (index->capacity == 0)
		return NULL;
	return place(index, organisation_id, key)->value;
}

void
index_put(struct index *index, struct uuid organisation_id, struct str key, void *value)
{
	struct index_entry *entry;

	CHECK(key.ptr != NULL);
	if (index->len * 2 >= index->capacity)
		grow(index);
	entry = place(index, organisation_id, key);
	if (entry->key.ptr == NULL)
		index->len++;
	*entry = (struct index_entry){organisation_id, key, value};
}

struct str
index_key(const struct uuid *uuid)
{
	return (struct str){(const char *)uuid->b, sizeof(uuid->b)};
}
