#include "common/base/arena.h"

#include <stdalign.h>

#include "tests/unit/unit.h"

#define MIB (UINT64_C(1024) * 1024)
#define PIECES 2000
#define STEADY_PIECES 300 /* a round */

START_TEST(test_memory_is_zeroed_and_aligned)
{
	struct arena arena;

	arena_init(&arena, MIB);
	for (int round = 0; round < 3; round++) {
		for (size_t size = 1; size < 200; size++) {
			unsigned char *memory = arena_alloc(&arena, size);

			ck_assert_ptr_nonnull(memory);
			ck_assert_uint_eq((uintptr_t)memory % alignof(max_align_t), 0);
			for (size_t i = 0; i < size; i++)
				ck_assert_int_eq(memory[i], 0);
			/* What the next round would find if it were not zeroed again. */
			memset(memory, 0xa5, size);
		}
		arena_reset(&arena);
	}
	arena_release(&arena);
}
END_TEST

START_TEST(test_pieces_do_not_overlap)
{
	static unsigned char *memory[PIECES];
	static size_t sizes[PIECES];
	struct arena arena;
	uint64_t random = unit_seed("arena");

	arena_init(&arena, 64 * MIB);
	for (size_t i = 0; i < PIECES; i++) {
		/* Some are larger than a block. */
		sizes[i] = 1 + unit_random(&random, i % 50 == 0 ? 200000 : 300);
		memory[i] = arena_alloc(&arena, sizes[i]);
		ck_assert_ptr_nonnull(memory[i]);
		memset(memory[i], (int)(i % 251), sizes[i]);
	}
	for (size_t i = 0; i < PIECES; i++) {
		size_t at = 0;

		while (at < sizes[i] && memory[i][at] == i % 251)
			at++;
		ck_assert_msg(at == sizes[i], "piece %zu, byte %zu", i, at);
	}
	arena_release(&arena);
}
END_TEST

struct capacity_row {
	const char *name;
	size_t capacity;
	size_t size;
	bool fits;
};

static const struct capacity_row capacity_rows[] = {
    {"all of it", 4096, 4096, true},
    {"one byte more", 4096, 4097, false},
    {"more than a block", MIB, MIB, true},
    {"a capacity of nothing", 0, 1, false},
    {"a size that would wrap when rounded", MIB, SIZE_MAX, false},
    {"a size that would wrap to nothing", MIB, SIZE_MAX - 14, false},
    {"half of the address space", MIB, SIZE_MAX / 2, false},
};

START_TEST(test_capacity)
{
	const struct capacity_row *row = &capacity_rows[_i];
	struct arena arena;

	arena_init(&arena, row->capacity);
	ck_assert_msg((arena_alloc(&arena, row->size) != NULL) == row->fits, "%s", row->name);
	ck_assert_msg(arena.used <= row->capacity, "%s", row->name);
	arena_release(&arena);
}
END_TEST

START_TEST(test_capacity_is_spent_by_parts_and_given_back)
{
	struct arena arena;

	arena_init(&arena, 16 * 1024);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 16; i++)
			ck_assert_ptr_nonnull(arena_alloc(&arena, 1024));
		ck_assert_ptr_null(arena_alloc(&arena, 1));
		/* A refusal takes nothing. */
		ck_assert_uint_eq(arena.used, 16 * 1024);
		arena_reset(&arena);
		ck_assert_uint_eq(arena.used, 0);
	}
	arena_release(&arena);
}
END_TEST

/* A loop that needs the same each time asks the system for memory once. */
START_TEST(test_a_steady_loop_uses_the_same_memory)
{
	void *first[STEADY_PIECES];
	struct arena arena;

	arena_init(&arena, 8 * MIB);
	for (int round = 0; round < 5; round++) {
		for (size_t i = 0; i < STEADY_PIECES; i++) {
			void *memory = arena_alloc(&arena, i % 100 == 0 ? 100000 : 1000);

			ck_assert_ptr_nonnull(memory);
			if (round == 0)
				first[i] = memory;
			ck_assert_ptr_eq(memory, first[i]);
		}
		arena_reset(&arena);
	}
	arena_release(&arena);
}
END_TEST

START_TEST(test_arrays)
{
	struct arena arena;
	int64_t *numbers;

	arena_init(&arena, MIB);
	numbers = arena_array(&arena, 1000, sizeof(*numbers));
	ck_assert_ptr_nonnull(numbers);
	for (size_t i = 0; i < 1000; i++)
		ck_assert_int_eq(numbers[i], 0);
	ck_assert_ptr_null(arena_array(&arena, SIZE_MAX / 4, 8));
	ck_assert_ptr_null(arena_array(&arena, (SIZE_MAX >> 32) + 1, (SIZE_MAX >> 32) + 1));
	ck_assert_ptr_null(arena_array(&arena, MIB, 2));
	arena_release(&arena);
}
END_TEST

START_TEST(test_strings)
{
	char original[] = "metadata";
	struct arena arena;
	struct str copy = STR("untouched");

	arena_init(&arena, 64);
	ck_assert(arena_str(&arena, str_from(original), &copy));
	original[0] = 'X';
	unit_assert_str(copy, "metadata", "a copy of its own");
	ck_assert_int_eq(copy.ptr[copy.len], '\0');
	ck_assert(arena_str(&arena, STR_NONE, &copy));
	ck_assert_ptr_null(copy.ptr);
	ck_assert(arena_str(&arena, STR(""), &copy));
	unit_assert_str(copy, "", "empty stays empty, not none");
	copy = STR("untouched");
	ck_assert(
	    !arena_str(&arena, STR("more than the sixty-four bytes that there are in all"), &copy));
	unit_assert_str(copy, "untouched", "no room");
	arena_release(&arena);
}
END_TEST

START_TEST(test_release)
{
	struct arena arena, zeroed = {0};

	arena_init(&arena, MIB);
	arena_release(&arena);
	ck_assert_ptr_nonnull(arena_alloc(&arena, 100));
	arena_release(&arena);
	ck_assert_uint_eq(arena.used, 0);
	ck_assert_uint_eq(arena.capacity, MIB);
	ck_assert_ptr_nonnull(arena_alloc(&arena, 100));
	arena_release(&arena);
	arena_release(&zeroed);
	arena_release(NULL);
}
END_TEST

UNIT_MAIN("arena", UNIT(test_memory_is_zeroed_and_aligned), UNIT(test_pieces_do_not_overlap),
    UNIT_ROWS(test_capacity, capacity_rows), UNIT(test_capacity_is_spent_by_parts_and_given_back),
    UNIT(test_a_steady_loop_uses_the_same_memory), UNIT(test_arrays), UNIT(test_strings),
    UNIT(test_release))
