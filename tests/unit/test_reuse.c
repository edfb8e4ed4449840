#include <sodium.h>

#include "api/reuse.h"
#include "tests/unit/unit.h"

static const struct uuid organisation = {{1}}, other_organisation = {{2}};
static const struct uuid operation = {{3}}, other_operation = {{4}};

/* Whether ${key} is ${known} to come with ${operation_id}. */
static void
assert_known(struct reuse *reuse, struct uuid organisation_id, struct str key,
    struct uuid operation_id, enum reuse_known known, const char *what)
{
	ck_assert_msg(reuse_note(reuse, organisation_id, key, operation_id) == known, "%s", what);
}

START_TEST(test_known_key)
{
	const struct str key = STR("k");
	struct reuse *reuse = reuse_new();

	assert_known(reuse, organisation, key, operation, REUSE_NEW, "new");
	assert_known(reuse, organisation, key, operation, REUSE_SAME, "a retry");
	assert_known(reuse, organisation, key, other_operation, REUSE_OTHER, "another");
	assert_known(reuse, organisation, key, operation, REUSE_SAME, "the first stays");
	assert_known(reuse, other_organisation, key, other_operation, REUSE_NEW, "not theirs");
	assert_known(reuse, organisation, STR("K"), other_operation, REUSE_NEW, "case counts");
	reuse_free(reuse);
}
END_TEST

START_TEST(test_forgotten_key)
{
	const struct str key = STR("k");
	struct reuse *reuse = reuse_new();

	reuse_forget(reuse, organisation, key, operation); /* was never known */
	assert_known(reuse, organisation, key, operation, REUSE_NEW, "new");
	reuse_forget(reuse, organisation, key, other_operation);
	reuse_forget(reuse, other_organisation, key, operation);
	assert_known(reuse, organisation, key, operation, REUSE_SAME, "others took nothing");
	reuse_forget(reuse, organisation, key, operation);
	assert_known(reuse, organisation, key, other_operation, REUSE_NEW, "it is free");
	assert_known(reuse, organisation, key, operation, REUSE_OTHER, "and the other's now");
	reuse_free(reuse);
}
END_TEST

/* It forgets, but it never mistakes one key for another. */
START_TEST(test_many_keys)
{
	struct reuse *reuse = reuse_new();
	char key[16];

	for (int i = 0; i < 3 * REUSE_SLOTS; i++) {
		snprintf(key, sizeof(key), "%d", i);
		ck_assert(reuse_note(reuse, organisation, str_from(key), operation) == REUSE_NEW);
	}
	ck_assert(reuse_note(reuse, organisation, str_from(key), other_operation) == REUSE_OTHER);
	reuse_free(reuse);
}
END_TEST

UNIT_MAIN("reuse", UNIT(test_known_key), UNIT(test_forgotten_key), UNIT(test_many_keys))
