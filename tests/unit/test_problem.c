#include "api/problem.h"
#include "tests/unit/unit.h"

/* Slugs are in clients' programs and in URLs: each is one, and names one thing. */
START_TEST(test_table)
{
	const struct refusal_info *info, *other;
	size_t len = 0;

	for (; (info = problem_at(len)) != NULL; len++) {
		ck_assert_msg(
		    info->http_status >= 400 && info->http_status < 600, "%s", info->slug);
		ck_assert_msg(
		    strspn(info->slug, "abcdefghijklmnopqrstuvwxyz-") == strlen(info->slug), "%s",
		    info->slug);
		ck_assert_msg(
		    info->title[0] != '\0' && info->explanation[0] != '\0', "%s", info->slug);
		/* Titles stand in JSON and HTML as they are. */
		ck_assert_msg(strpbrk(info->title, "\"\\<>&") == NULL, "%s", info->slug);
		for (size_t i = 0; i < len; i++) {
			other = problem_at(i);
			ck_assert_msg(strcmp(other->slug, info->slug) != 0, "%s", info->slug);
		}
		ck_assert(problem_by_slug(str_from(info->slug)) == info);
	}
	ck_assert_uint_eq(len, PROBLEM_MAX + REFUSAL_MAX - 1);
	ck_assert_ptr_null(problem_by_slug(STR("")));
	ck_assert_ptr_null(problem_by_slug(STR("not-foun")));
}
END_TEST

UNIT_MAIN("problem", UNIT(test_table))
