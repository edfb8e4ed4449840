#include "worker/index.h"

#include "tests/unit/unit.h"

#define ARENA_BYTES (8 * 1024 * 1024)

static struct arena arena;

static void
fresh(struct index *index)
{
	arena_release(&arena);
	arena_init(&arena, ARENA_BYTES);
	index_init(index, &arena);
}

START_TEST(test_an_empty_one_finds_nothing)
{
	struct index index;

	fresh(&index);
	ck_assert_ptr_null(index_get(&index, UUID_NIL, STR("")));
	ck_assert_ptr_null(index_get(&index, UUID_NIL, STR("key")));
	ck_assert_uint_eq(arena.used, 0);
	arena_release(&arena);
}
END_TEST

struct key_row {
	const char *name;
	struct uuid organisation_id;
	struct str key;
};

/* Each is another entry than all the others. */
static const struct key_row key_rows[] = {
    {"a text", {{1}}, {"abc", 3}},
    {"the same text of another organisation", {{2}}, {"abc", 3}},
    {"of an organisation that differs in its last byte",
	{{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}, {"abc", 3}},
    {"its beginning", {{1}}, {"ab", 2}},
    {"its continuation", {{1}}, {"abcd", 4}},
    {"other case", {{1}}, {"Abc", 3}},
    {"a NUL behind", {{1}}, {"abc\0", 4}},
    {"the empty text", {{1}}, {"", 0}},
    {"bytes that are no text", {{1}}, {"\xff\xfe", 2}},
};

START_TEST(test_keys_are_apart)
{
	struct index index;

	fresh(&index);
	for (size_t i = 0; i < ARRAY_LEN(key_rows); i++) {
		ck_assert_msg(
		    index_get(&index, key_rows[i].organisation_id, key_rows[i].key) == NULL,
		    "%s: found before it was put", key_rows[i].name);
		index_put(&index, key_rows[i].organisation_id, key_rows[i].key,
		    (void *)(uintptr_t)&key_rows[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(key_rows); i++)
		ck_assert_msg(
		    index_get(&index, key_rows[i].organisation_id, key_rows[i].key) == &key_rows[i],
		    "%s: lost", key_rows[i].name);
	ck_assert_uint_eq(index.len, ARRAY_LEN(key_rows));
	arena_release(&arena);
}
END_TEST

START_TEST(test_the_last_put_counts)
{
	struct index index;
	int first, second;

	fresh(&index);
	index_put(&index, UUID_NIL, STR("key"), &first);
	index_put(&index, UUID_NIL, STR("key"), &second);
	ck_assert_ptr_eq(index_get(&index, UUID_NIL, STR("key")), &second);
	ck_assert_uint_eq(index.len, 1);
	index_put(&index, UUID_NIL, STR("key"), NULL);
	ck_assert_ptr_null(index_get(&index, UUID_NIL, STR("key")));
	index_put(&index, UUID_NIL, STR("key"), &first);
	ck_assert_ptr_eq(index_get(&index, UUID_NIL, STR("key")), &first);
	ck_assert_uint_eq(index.len, 1);
	arena_release(&arena);
}
END_TEST

START_TEST(test_growing_loses_nothing)
{
	enum {
		KEYS = 20000
	};
	static struct uuid keys[KEYS];
	uint64_t random = unit_seed("index");
	struct index index;

	fresh(&index);
	for (size_t i = 0; i < KEYS; i++) {
		for (size_t b = 0; b < sizeof(keys[i].b); b++)
			keys[i].b[b] = (uint8_t)unit_random(&random, 256);
		index_put(&index, keys[i], index_key(&keys[i]), &keys[i]);
		/* Probing ends at a free place: at most half are taken. */
		ck_assert_uint_le(index.len * 2, index.capacity + 2);
		ck_assert_uint_eq(index.capacity & (index.capacity - 1), 0);
	}
	for (size_t i = 0; i < KEYS; i++) {
		struct uuid copy = keys[i];

		ck_assert_ptr_eq(index_get(&index, copy, index_key(&copy)), &keys[i]);
		copy.b[0] ^= 1;
		ck_assert_ptr_null(index_get(&index, keys[i], index_key(&copy)));
	}
	arena_release(&arena);
}
END_TEST

START_TEST(test_the_key_of_a_uuid_is_its_bytes)
{
	struct uuid uuid = {{1, 0, 3}};
	struct str key = index_key(&uuid);

	ck_assert_ptr_eq(key.ptr, uuid.b);
	ck_assert_uint_eq(key.len, 16);
}
END_TEST

START_TEST(test_aborts_on_putting_under_none)
{
	struct index index;

	fresh(&index);
	index_put(&index, UUID_NIL, STR_NONE, &index);
}
END_TEST

START_TEST(test_aborts_on_looking_up_none)
{
	struct index index;

	fresh(&index);
	(void)!index_get(&index, UUID_NIL, STR_NONE);
}
END_TEST

START_TEST(test_aborts_when_the_arena_is_full)
{
	struct index index;

	arena_init(&arena, 1024);
	index_init(&index, &arena);
	index_put(&index, UUID_NIL, STR("key"), &index);
}
END_TEST

UNIT_MAIN("index", UNIT(test_an_empty_one_finds_nothing), UNIT(test_keys_are_apart),
    UNIT(test_the_last_put_counts), UNIT(test_growing_loses_nothing),
    UNIT(test_the_key_of_a_uuid_is_its_bytes), UNIT_ABORTS(test_aborts_on_putting_under_none),
    UNIT_ABORTS(test_aborts_on_looking_up_none), UNIT_ABORTS(test_aborts_when_the_arena_is_full))
