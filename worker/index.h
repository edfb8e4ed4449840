#ifndef WORKER_INDEX_H
#define WORKER_INDEX_H

/*
 * A hash index over one batch's facts: (organisation, key) to a pointer.  Lives in the batch's
 * arena and grows there; nothing is ever taken out, an entry is overwritten by NULL.
 */

#include "common/base/arena.h"
#include "common/base/str.h"
#include "common/base/uuid.h"

struct index_entry {
	struct uuid organisation_id;
	struct str key; /* borrowed; none marks a free place */
	void *value;
};

struct index {
	struct arena *arena;
	size_t len;      /* places taken */
	size_t capacity; /* a power of two, or 0 */
	struct index_entry *entries;
};

/**
 * index_init(index, arena):
 * Make ${index} empty, growing in ${arena}.
 */
void index_init(struct index *index, struct arena *arena);

/**
 * index_get(index, organisation_id, key):
 * What was put there last, or NULL.
 */
NODISCARD void *index_get(const struct index *index, struct uuid organisation_id, struct str key);

/**
 * index_put(index, organisation_id, key, value):
 * Put ${value}, also NULL, in place of what was there.  ${key} is borrowed as long as the index
 * lives.  The arena has room (CHECKed).
 */
void index_put(struct index *index, struct uuid organisation_id, struct str key, void *value);

/**
 * index_key(uuid):
 * The bytes of a UUID as a key; borrowed from where ${uuid} points.
 */
NODISCARD struct str index_key(const struct uuid *uuid);

#endif
