#include <sodium.h>

#include "api/callers.h"
#include "tests/unit/unit.h"

#define NOW_S 1000

struct sample {
	uint8_t hash[CALLER_HASH_BYTES];
	struct caller caller;
};

/* A key of set ${set}; keys of one set differ by ${number}. */
static struct sample
sample_of(uint16_t set, uint8_t number)
{
	struct sample sample = {.caller = {.kind = CALLER_KEY,
				    .id = {{number, 1}},
				    .organisation_id = {{number}},
				    .role = ROLE_BILLING}};

	sample.hash[0] = (uint8_t)set;
	sample.hash[1] = (uint8_t)(set >> 8);
	sample.hash[31] = number;
	return sample;
}

static void
put(struct callers *callers, const struct sample *sample)
{
	callers_put(callers, sample->hash, &sample->caller, CALLER_NEVER_S, NOW_S);
}

static bool
is_known(struct callers *callers, struct sample sample)
{
	struct caller found;

	if (!callers_get(callers, sample.hash, NOW_S, &found))
		return false;
	ck_assert(uuid_equal(found.id, sample.caller.id));
	ck_assert(uuid_equal(found.organisation_id, sample.caller.organisation_id));
	ck_assert_int_eq(found.kind, sample.caller.kind);
	ck_assert_int_eq(found.role, sample.caller.role);
	return true;
}

START_TEST(test_put_and_drop)
{
	struct callers *callers = callers_new();
	struct sample one = sample_of(5, 1), other = sample_of(5, 2);

	ck_assert(!is_known(callers, one));
	put(callers, &one);
	put(callers, &one);
	ck_assert(is_known(callers, one));
	ck_assert(!is_known(callers, other));
	ck_assert_uint_eq(callers_len(callers), 1);
	callers_drop(callers, other.hash);
	ck_assert(is_known(callers, one));
	callers_drop(callers, one.hash);
	ck_assert(!is_known(callers, one));
	ck_assert_uint_eq(callers_len(callers), 0);
	callers_free(callers);
}
END_TEST

START_TEST(test_oldest_goes)
{
	struct callers *callers = callers_new();
	struct sample late = sample_of(9, 99);

	for (uint8_t i = 1; i <= CALLERS_WAYS; i++) {
		struct sample sample = sample_of(9, i);

		put(callers, &sample);
	}
	/* Used again: number 2 is then the one that was not used for longest. */
	ck_assert(is_known(callers, sample_of(9, 1)));
	put(callers, &late);
	ck_assert(is_known(callers, sample_of(9, 1)));
	ck_assert(!is_known(callers, sample_of(9, 2)));
	ck_assert(is_known(callers, late));
	ck_assert_uint_eq(callers_len(callers), CALLERS_WAYS);
	callers_free(callers);
}
END_TEST

START_TEST(test_bounded)
{
	static struct caller_entry entries[CALLERS_MAX];
	struct callers *callers = callers_new();

	for (uint32_t i = 0; i < 4 * CALLERS_MAX; i++) {
		struct sample sample = sample_of((uint16_t)i, (uint8_t)(i >> 10));

		put(callers, &sample);
	}
	ck_assert_uint_eq(callers_len(callers), CALLERS_MAX);
	ck_assert_uint_eq(callers_list(callers, CALLER_KEY, entries), CALLERS_MAX);
	for (size_t i = 0; i < CALLERS_MAX; i++) {
		struct caller found;

		ck_assert(callers_get(callers, entries[i].hash, NOW_S, &found));
	}
	callers_free(callers);
}
END_TEST

START_TEST(test_expiry)
{
	struct callers *callers = callers_new();
	struct sample one = sample_of(5, 1);
	struct caller found;

	callers_put(callers, one.hash, &one.caller, NOW_S + 10, NOW_S);
	ck_assert(callers_get(callers, one.hash, NOW_S + 9, &found));
	ck_assert(!callers_get(callers, one.hash, NOW_S + 10, &found));
	callers_update(callers, one.hash, ROLE_VIEWER, NOW_S + 20);
	ck_assert(callers_get(callers, one.hash, NOW_S + 19, &found));
	ck_assert_int_eq(found.role, ROLE_VIEWER);
	ck_assert(!callers_get(callers, one.hash, NOW_S + 20, &found));
	callers_free(callers);
}
END_TEST

/* What the refresher says of one that went meanwhile brings it not back. */
START_TEST(test_update_of_nobody)
{
	struct callers *callers = callers_new();
	struct sample one = sample_of(5, 1);

	callers_update(callers, one.hash, ROLE_OWNER, CALLER_NEVER_S);
	callers_noted(callers, one.hash, NOW_S);
	ck_assert(!is_known(callers, one));
	ck_assert_uint_eq(callers_len(callers), 0);
	callers_free(callers);
}
END_TEST

START_TEST(test_uses)
{
	static struct caller_entry entries[CALLERS_MAX];
	struct callers *callers = callers_new();
	struct sample one = sample_of(5, 1);
	struct caller found;

	put(callers, &one);
	ck_assert_uint_eq(callers_list(callers, CALLER_KEY, entries), 1);
	ck_assert_int_eq(entries[0].used_s, NOW_S);
	ck_assert_int_eq(entries[0].noted_s, 0);
	callers_noted(callers, one.hash, NOW_S);
	ck_assert(callers_get(callers, one.hash, NOW_S + 7, &found));
	/* Looked up once more, by two requests at once: what was noted stays so. */
	callers_put(callers, one.hash, &one.caller, CALLER_NEVER_S, NOW_S + 8);
	ck_assert_uint_eq(callers_list(callers, CALLER_KEY, entries), 1);
	ck_assert_int_eq(entries[0].used_s, NOW_S + 8);
	ck_assert_int_eq(entries[0].noted_s, NOW_S);
	callers_free(callers);
}
END_TEST

START_TEST(test_kinds)
{
	static struct caller_entry entries[CALLERS_MAX];
	struct callers *callers = callers_new();
	struct sample key = sample_of(1, 1), user = sample_of(2, 2);

	user.caller.kind = CALLER_USER;
	put(callers, &key);
	put(callers, &user);
	ck_assert_uint_eq(callers_list(callers, CALLER_KEY, entries), 1);
	ck_assert_mem_eq(entries[0].hash, key.hash, sizeof(key.hash));
	ck_assert_uint_eq(callers_list(callers, CALLER_USER, entries), 1);
	ck_assert_mem_eq(entries[0].hash, user.hash, sizeof(user.hash));
	callers_free(callers);
}
END_TEST

/* A session in one organisation is another caller than in the next. */
START_TEST(test_member_hash)
{
	const struct uuid one = {{1}}, two = {{2}};
	uint8_t hash[CALLER_HASH_BYTES], other[CALLER_HASH_BYTES];

	ck_assert_int_ge(sodium_init(), 0);
	callers_member_hash(one, two, hash);
	callers_member_hash(one, two, other);
	ck_assert_mem_eq(hash, other, sizeof(hash));
	callers_member_hash(two, one, other);
	ck_assert_mem_ne(hash, other, sizeof(hash));
	callers_member_hash(one, UUID_NIL, other);
	ck_assert_mem_ne(hash, other, sizeof(hash));
}
END_TEST

UNIT_MAIN("callers", UNIT(test_put_and_drop), UNIT(test_oldest_goes), UNIT(test_bounded),
    UNIT(test_expiry), UNIT(test_update_of_nobody), UNIT(test_uses), UNIT(test_kinds),
    UNIT(test_member_hash))
