#include "api/ring.h"

#include <pthread.h>

#include "tests/unit/unit.h"

#define NOW 1800000000

static const struct id_secret secret = {{1, 2, 3}};

static const struct token_claims claims = {
    .user_id = {{1}}, .session_id = {{2}}, .issued_at = NOW, .expires_at = NOW + TOKEN_LIFE_S};

static const struct str parts[] = {{"operation", 9}, {"bytes", 5}};

/* A ring of these keys, in this order: "t:name" is one for tokens, "c:name" one for commands. */
static struct signing_ring
ring_of(const char *const *names, size_t len)
{
	struct signing_ring ring = {0};

	for (size_t i = 0; i < len; i++)
		CHECK(signing_ring_add(&ring, &secret,
		    names[i][0] == 't' ? SIGNING_TOKEN : SIGNING_COMMAND, str_from(names[i] + 2)));
	return ring;
}

START_TEST(test_before_any)
{
	struct ring_holder *holder = ring_holder_new();
	const char *one = "t:a";
	const struct signing_ring ring = ring_of(&one, 1);
	struct token_claims read;
	char token[TOKEN_TEXT_SIZE], signature[SIGNATURE_TEXT_SIZE];

	ck_assert(!ring_holder_knows(holder, SIGNING_TOKEN));
	ck_assert(!ring_holder_knows(holder, SIGNING_COMMAND));
	ck_assert(!ring_holder_sign(holder, parts, 2, signature));
	ck_assert(!ring_holder_token_write(holder, &claims, token));
	token_write(&ring.keys[0], &claims, token);
	ck_assert_int_eq(
	    ring_holder_token_read(holder, str_from(token), NOW, &read), TOKEN_WRONG_KEY);
	/* One purpose's key is none of the other's. */
	ring_holder_set(holder, &ring);
	ck_assert(ring_holder_knows(holder, SIGNING_TOKEN));
	ck_assert(!ring_holder_knows(holder, SIGNING_COMMAND));
	ck_assert(!ring_holder_sign(holder, parts, 2, signature));
	ring_holder_free(holder);
	ring_holder_free(NULL);
}
END_TEST

/* A rotation as the refresher sees it: the old key; the new one behind it, until all know it; in
 * front of it; alone. */
static const struct rotation_row {
	const char *name;
	const char *names[4];
	const char *signs;
	bool old_is_good, new_is_good;
} rotation_rows[] = {
    {"before", {"c:old", "t:old"}, "old", true, false},
    {"the new one is not known to all", {"c:old", "c:new", "t:old", "t:new"}, "old", true, true},
    {"the new one signs", {"c:new", "c:old", "t:new", "t:old"}, "new", true, true},
    {"the old one is retired", {"c:new", "t:new"}, "new", false, true},
};

static void
check_tokens(struct ring_holder *holder, const struct rotation_row *row)
{
	const char *both[] = {"t:old", "t:new"};
	const struct signing_ring writers = ring_of(both, 2);
	const bool good[] = {row->old_is_good, row->new_is_good};
	char token[TOKEN_TEXT_SIZE], expected[TOKEN_TEXT_SIZE];

	ck_assert(ring_holder_token_write(holder, &claims, token));
	for (size_t i = 0; i < 2; i++) {
		struct token_claims read;

		token_write(&writers.keys[i], &claims, expected);
		ck_assert_msg((ring_holder_token_read(holder, str_from(expected), NOW, &read) ==
				  TOKEN_GOOD) == good[i],
		    "%s: %s", row->name, both[i]);
		ck_assert_msg(
		    (strcmp(token, expected) == 0) == (strcmp(row->signs, both[i] + 2) == 0),
		    "%s: signs %s", row->name, both[i]);
	}
}

START_TEST(test_rotation)
{
	struct ring_holder *holder = ring_holder_new();

	/* All rows up to this one, as a program that runs sees them. */
	for (int i = 0; i <= _i; i++) {
		const struct rotation_row *row = &rotation_rows[i];
		size_t len = row->names[2] == NULL ? 2 : 4;
		const struct signing_ring ring = ring_of(row->names, len);
		char signature[SIGNATURE_TEXT_SIZE];

		ring_holder_set(holder, &ring);
		check_tokens(holder, row);
		ck_assert(ring_holder_sign(holder, parts, 2, signature));
		ck_assert_msg(
		    strncmp(signature, row->signs, strlen(row->signs)) == 0, "%s", row->name);
		ck_assert(signature_is_good(&ring, str_from(signature), parts, 2));
	}
	ring_holder_free(holder);
}
END_TEST

#define TURNS 3000
#define READERS 3

/* Sign and read while the keys change: whatever key it was, it was a whole one. */
static void *
reader_run(void *argument)
{
	struct ring_holder *holder = argument;
	static const char *const names[] = {"c:old", "c:new", "t:old", "t:new"};
	const struct signing_ring all = ring_of(names, 4);

	for (int turn = 0; turn < TURNS; turn++) {
		char token[TOKEN_TEXT_SIZE], signature[SIGNATURE_TEXT_SIZE];
		struct token_claims read;

		CHECK(ring_holder_knows(holder, SIGNING_TOKEN));
		CHECK(ring_holder_sign(holder, parts, 2, signature));
		CHECK(signature_is_good(&all, str_from(signature), parts, 2));
		CHECK(ring_holder_token_write(holder, &claims, token));
		CHECK(token_read(&all, str_from(token), NOW, &read) == TOKEN_GOOD);
		CHECK(ring_holder_token_read(holder, str_from(token), NOW, &read) == TOKEN_GOOD);
	}
	return NULL;
}

START_TEST(test_threads)
{
	struct ring_holder *holder = ring_holder_new();
	const struct signing_ring rings[] = {
	    ring_of(rotation_rows[1].names, 4), ring_of(rotation_rows[2].names, 4)};
	pthread_t threads[READERS];

	ring_holder_set(holder, &rings[0]);
	for (size_t i = 0; i < READERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, reader_run, holder), 0);
	for (int turn = 0; turn < TURNS; turn++)
		ring_holder_set(holder, &rings[turn % 2]);
	for (size_t i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	ring_holder_free(holder);
}
END_TEST

UNIT_MAIN(
    "ring", UNIT(test_before_any), UNIT_ROWS(test_rotation, rotation_rows), UNIT(test_threads))
