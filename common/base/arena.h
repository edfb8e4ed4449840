#ifndef COMMON_BASE_ARENA_H
#define COMMON_BASE_ARENA_H

/*
 * An arena: memory that lives as long as one request or one batch, and goes all at once.
 * Grows by blocks up to a named capacity; blocks are kept over a reset, so a steady loop allocates
 * nothing.
 */

#include <stddef.h>

#include "common/base/check.h"
#include "common/base/str.h"

struct arena_block;

struct arena {
	struct arena_block *first;   /* kept until release */
	struct arena_block *current; /* the one that is being filled */
	size_t used;                 /* bytes handed out since the last reset */
	size_t capacity;             /* used never passes it */
};

/**
 * arena_init(arena, capacity):
 * Make ${arena} empty, with at most ${capacity} bytes to hand out.  Allocates nothing yet.
 */
void arena_init(struct arena *arena, size_t capacity);

/**
 * arena_release(arena):
 * Free all of it.  NULL or a zeroed arena is fine.
 */
void arena_release(struct arena *arena);

/**
 * arena_reset(arena):
 * Take back all that was handed out; keep the memory for the next round.
 */
void arena_reset(struct arena *arena);

/**
 * arena_alloc(arena, size):
 * ${size} zeroed bytes, aligned for any type; NULL when the capacity is spent or memory is out.
 */
NODISCARD void *arena_alloc(struct arena *arena, size_t size);

/**
 * arena_array(arena, count, size):
 * As arena_alloc, for ${count} items of ${size} bytes; NULL as well when the product overflows.
 */
NODISCARD void *arena_array(struct arena *arena, size_t count, size_t size);

/**
 * arena_str(arena, str, ret_str):
 * Copy ${str} (none stays none), with a NUL behind it.  False when there is no room.
 */
NODISCARD bool arena_str(struct arena *arena, struct str str, struct str *ret_str);

#endif
