#include "common/base/arena.h"

#include <stdalign.h>
#include <stdint.h>

#define ARENA_BLOCK_BYTES (64 * 1024)

struct arena_block {
	struct arena_block *next;
	size_t size; /* of bytes[] */
	size_t used;
	alignas(max_align_t) char bytes[];
};

void
arena_init(struct arena *arena, size_t capacity)
{
	*arena = (struct arena){.capacity = capacity};
}

void
arena_release(struct arena *arena)
{
	if (arena == NULL)
		return;
	for (struct arena_block *block = arena->first, *next; block != NULL; block = next) {
		next = block->next;
		free(block);
	}
	*arena = (struct arena){.capacity = arena->capacity};
}

void
arena_reset(struct arena *arena)
{
	struct arena_block **at = &arena->first;

	/* A large block that the last round had no use for fits nobody: where sizes differ from
	 * round to round, such blocks would become more and more. */
	while (*at != NULL) {
		struct arena_block *block = *at;

		if (block->used == 0 && block->size > ARENA_BLOCK_BYTES) {
			*at = block->next;
			free(block);
			continue;
		}
		block->used = 0;
		at = &block->next;
	}
	arena->current = arena->first;
	arena->used = 0;
}

/* The next block that holds ${size} bytes: one that is kept, or a new one behind the current. */
static struct arena_block *
arena_block_next(struct arena *arena, size_t size)
{
	size_t block_size = size > ARENA_BLOCK_BYTES ? size : ARENA_BLOCK_BYTES;
	struct arena_block *next = arena->current == NULL ? arena->first : arena->current->next;
	struct arena_block *block;

	if (next != NULL && next->size >= size)
		return next;
	block = malloc(sizeof(*block) + block_size);
	if (block == NULL)
		return NULL;
	*block = (struct arena_block){.next = next, .size = block_size};
	if (arena->current == NULL)
		arena->first = block;
	else
		arena->current->next = block;
	return block;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	size_t align = alignof(max_align_t);
	size_t rounded = (size + align - 1) / align * align;
	void *memory;

	if (rounded < size || rounded > arena->capacity - arena->used)
		return NULL;
	if (arena->current == NULL || arena->current->size - arena->current->used < rounded) {
		struct arena_block *block = arena_block_next(arena, rounded);

		if (block == NULL)
			return NULL;
		arena->current = block;
	}
	memory = arena->current->bytes + arena->current->used;
	arena->current->used += rounded;
	arena->used += rounded;
	return memset(memory, 0, rounded);
}

void *
arena_array(struct arena *arena, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		return NULL;
	return arena_alloc(arena, bytes);
}

bool
arena_str(struct arena *arena, struct str str, struct str *ret_str)
{
	char *copy;

	if (str.ptr == NULL) {
		*ret_str = STR_NONE;
		return true;
	}
	copy = arena_alloc(arena, str.len + 1);
	if (copy == NULL)
		return false;
	memcpy(copy, str.ptr, str.len);
	*ret_str = (struct str){copy, str.len};
	return true;
}
