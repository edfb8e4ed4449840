#include "worker/progress.h"

#include "tests/unit/unit.h"
#include "worker/transaction.h"

/* What needs no database: finding a partition, when one is careful, by what a message is known. */

static const int32_t ids[] = {0, 1, 5, 6, 7, 100, 1022, 1023};

START_TEST(test_find)
{
	static struct partitions partitions;

	/* Every length, so that each place is a beginning, a middle and an end once. */
	for (size_t len = 0; len <= ARRAY_LEN(ids); len++) {
		partitions.len = len;
		for (size_t i = 0; i < len; i++)
			partitions.items[i].id = ids[i];
		for (int32_t id = -1; id <= 1024; id++) {
			const struct partition *found = partitions_find(&partitions, id);
			const struct partition *expected = NULL;

			for (size_t i = 0; i < len; i++)
				if (ids[i] == id)
					expected = &partitions.items[i];
			ck_assert_msg(found == expected, "%d of %zu", id, len);
		}
	}
}
END_TEST

struct careful_row {
	const char *name;
	int32_t attempts;
	int32_t careful_messages;
	bool careful;
};

static const struct careful_row careful_rows[] = {
    {"never taken over", 0, 0, false},
    {"taken over once", 1, 0, false},
    {"as often as is normal", TAKEOVERS_MAX, 0, false},
    {"once too often", TAKEOVERS_MAX + 1, 0, true},
    {"very often", 1000, 0, true},
    {"and some messages went well", TAKEOVERS_MAX + 1, CAREFUL_MESSAGES - 1, true},
    {"and enough went well", TAKEOVERS_MAX + 1, CAREFUL_MESSAGES, false},
};

START_TEST(test_careful)
{
	const struct careful_row *row = &careful_rows[_i];
	const struct partition partition = {
	    .attempts = row->attempts, .careful_messages = row->careful_messages};

	ck_assert_msg(partition_is_careful(&partition) == row->careful, "%s", row->name);
}
END_TEST

struct hash_row {
	const char *name;
	const char *key, *value; /* NULL: none */
};

/* Each is another message. */
static const struct hash_row hash_rows[] = {
    {"a message", "key", "value"},
    {"another value", "key", "valuf"},
    {"another key", "kez", "value"},
    {"no key", NULL, "value"},
    {"a tombstone", "key", NULL},
    {"a longer value", "key", "value1"},
};

static void
hash_of(const struct hash_row *row, uint8_t ret_hash[MESSAGE_HASH_BYTES])
{
	const rd_kafka_message_t message = {
	    .key = (void *)(uintptr_t)row->key,
	    .key_len = row->key == NULL ? 0 : strlen(row->key),
	    .payload = (void *)(uintptr_t)row->value,
	    .len = row->value == NULL ? 0 : strlen(row->value),
	    .partition = 3,
	    .offset = 99,
	};

	message_hash(&message, ret_hash);
}

START_TEST(test_by_what_a_message_is_known)
{
	uint8_t hash[MESSAGE_HASH_BYTES], other[MESSAGE_HASH_BYTES];

	hash_of(&hash_rows[_i], hash);
	for (int i = 0; i < (int)ARRAY_LEN(hash_rows); i++) {
		hash_of(&hash_rows[i], other);
		ck_assert_msg((memcmp(hash, other, sizeof(hash)) == 0) == (i == _i), "%s, and %s",
		    hash_rows[_i].name, hash_rows[i].name);
	}
}
END_TEST

/* It stands in billd.progress over restarts and upgrades: BLAKE2b-128 of key and value. */
START_TEST(test_pinned_hash)
{
	static const uint8_t expected[MESSAGE_HASH_BYTES] = {0xd3, 0x47, 0xac, 0xd8, 0x6d, 0x31,
	    0x79, 0x33, 0xf4, 0x17, 0xdd, 0x5e, 0x65, 0x61, 0xcc, 0x23};
	uint8_t hash[MESSAGE_HASH_BYTES];

	hash_of(&hash_rows[0], hash);
	ck_assert_mem_eq(hash, expected, sizeof(expected));
}
END_TEST

/* ---- Over whom workers may have died. */

static const struct uuid ada = {{0xad, [15] = 1}}, bob = {{0xb0, [15] = 2}};

/* Where nobody is suspected nothing is to be forgotten, and no statement is sent. */
START_TEST(test_who_is_settled)
{
	const struct partition calm = {.id = 3}, suspicious = {.id = 5, .due_suspects = 1};
	struct due_settled settled = {.max = 2};
	struct arena arena;

	arena_init(&arena, 64 * 1024);
	progress_settle(&settled, &calm, ada, &arena);
	ck_assert_uint_eq(settled.len, 0);
	progress_settle(&settled, &suspicious, ada, &arena);
	progress_settle(&settled, &calm, bob, &arena);
	progress_settle(&settled, &suspicious, bob, &arena);
	ck_assert_uint_eq(settled.len, 2);
	for (size_t i = 0; i < settled.len; i++) {
		ck_assert_int_eq(settled.partitions[i], suspicious.id);
		ck_assert_int_eq(settled.suspects[i], (int64_t)i + 1);
	}
	arena_release(&arena);
}
END_TEST

/* A transaction that settles nobody leaves everybody suspected, whatever it is about. */
START_TEST(test_a_commit_forgets_no_other)
{
	static struct partitions partitions;
	struct batch_context context = {.partitions = &partitions};
	struct metrics metrics = {0};
	struct partition *partition = &partitions.items[0];

	partitions.len = 2;
	partitions.items[0] = (struct partition){.due_suspects = 2};
	partitions.items[1] = (struct partition){.due_suspects = 3};
	context.metrics = &metrics;
	partition_set_add(&context.touched, partition);
	transaction_draft(&context);
	transaction_committed(&context);
	ck_assert_int_eq(partition->due_suspects, 2);
	transaction_draft(&context);
	/* One of them was. */
	partition->batch_due_suspects--;
	ck_assert_int_eq(partition->due_suspects, 2);
	transaction_committed(&context);
	ck_assert_int_eq(partition->due_suspects, 1);
	ck_assert_int_eq(partitions.items[1].due_suspects, 3);
}
END_TEST

struct forgotten_row {
	const char *name;
	struct partition partition;
	bool forgotten;
};

static const struct forgotten_row forgotten_rows[] = {
    {"nobody is suspected", {.attempts = 0}, false},
    {"workers died here", {.attempts = 1, .due_suspects = 1}, false},
    {"none does any more", {.due_suspects = 1}, true},
    {"what is lent is a runner's", {.due_suspects = 1, .lent = true}, false},
};

START_TEST(test_who_is_forgotten_with_the_suspicion)
{
	const struct forgotten_row *row = &forgotten_rows[_i];
	static struct partitions partitions;

	partitions.len = 2;
	partitions.items[1] = row->partition;
	ck_assert_msg(progress_has_forgotten(&partitions) == row->forgotten, "%s", row->name);
}
END_TEST

UNIT_MAIN("progress", UNIT(test_find), UNIT_ROWS(test_careful, careful_rows),
    UNIT_ROWS(test_by_what_a_message_is_known, hash_rows), UNIT(test_pinned_hash),
    UNIT(test_who_is_settled), UNIT(test_a_commit_forgets_no_other),
    UNIT_ROWS(test_who_is_forgotten_with_the_suspicion, forgotten_rows))
