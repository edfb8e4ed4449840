#include <sodium.h>

#include "api/reuse.h"
#include "tests/unit/unit.h"

static const struct uuid organisation = {{1}}, other_organisation = {{2}};
static const struct uuid operation = {{3}}, other_operation = {{4}};

START_TEST(test_known_key)
{
	struct reuse *reuse = reuse_new();

	ck_assert_msg(reuse_note(reuse, organisation, STR("k"), operation), "new");
	ck_assert_msg(reuse_note(reuse, organisation, STR("k"), operation), "a retry");
	ck_assert_msg(!reuse_note(reuse, organisation, STR("k"), other_operation), "another");
	ck_assert_msg(reuse_note(reuse, organisation, STR("k"), operation), "the first stays");
	ck_assert_msg(
	    reuse_note(reuse, other_organisation, STR("k"), other_operation), "not theirs");
	ck_assert_msg(reuse_note(reuse, organisation, STR("K"), other_operation), "case counts");
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
		ck_assert(reuse_note(reuse, organisation, str_from(key), operation));
	}
	ck_assert(!reuse_note(reuse, organisation, str_from(key), other_operation));
	reuse_free(reuse);
}
END_TEST

UNIT_MAIN("reuse", UNIT(test_known_key), UNIT(test_many_keys))
