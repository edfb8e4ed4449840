#include "common/domain/refusal.h"

#include "tests/unit/unit.h"

/* What clients and the documentation build on: each row is complete, and its type its own. */
START_TEST(test_every_refusal_is_complete)
{
	for (int i = REFUSAL_NONE + 1; i < REFUSAL_MAX; i++) {
		const struct refusal_info *info = refusal_info((enum refusal)i);

		ck_assert_msg(info->slug != NULL && strlen(info->slug) > 0, "refusal %d: slug", i);
		ck_assert_msg(
		    strspn(info->slug, "abcdefghijklmnopqrstuvwxyz-") == strlen(info->slug),
		    "%s: not a path segment", info->slug);
		ck_assert_msg((info->http_status >= 400 && info->http_status < 500) ||
				  info->http_status == 500,
		    "%s: status %d", info->slug, info->http_status);
		ck_assert_msg(
		    info->title != NULL && strlen(info->title) > 0, "%s: title", info->slug);
		ck_assert_msg(
		    info->explanation != NULL && strlen(info->explanation) > strlen(info->title),
		    "%s: explanation", info->slug);
	}
}
END_TEST

START_TEST(test_every_slug_and_title_is_distinct)
{
	for (int i = REFUSAL_NONE + 1; i < REFUSAL_MAX; i++) {
		for (int j = i + 1; j < REFUSAL_MAX; j++) {
			const struct refusal_info *a = refusal_info((enum refusal)i);
			const struct refusal_info *b = refusal_info((enum refusal)j);

			ck_assert_str_ne(a->slug, b->slug);
			ck_assert_str_ne(a->title, b->title);
		}
	}
}
END_TEST

START_TEST(test_a_refusal_has_its_own_row)
{
	ck_assert_str_eq(refusal_info(REFUSAL_PLAN_ARCHIVED)->slug, "plan-archived");
	ck_assert_int_eq(refusal_info(REFUSAL_PLAN_ARCHIVED)->http_status, 409);
	ck_assert_str_eq(refusal_info(REFUSAL_CUSTOMER_NOT_FOUND)->slug, "customer-not-found");
	ck_assert_int_eq(refusal_info(REFUSAL_CUSTOMER_NOT_FOUND)->http_status, 404);
}
END_TEST

START_TEST(test_not_refused_has_no_row)
{
	ck_assert_ptr_null(refusal_info(REFUSAL_NONE));
}
END_TEST

START_TEST(test_the_maximum_has_no_row)
{
	ck_assert_ptr_null(refusal_info(REFUSAL_MAX));
}
END_TEST

UNIT_MAIN("refusal", UNIT(test_every_refusal_is_complete),
    UNIT(test_every_slug_and_title_is_distinct), UNIT(test_a_refusal_has_its_own_row),
    UNIT_ABORTS(test_not_refused_has_no_row), UNIT_ABORTS(test_the_maximum_has_no_row))
