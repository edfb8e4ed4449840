#include "api/problem.h"

static const struct refusal_info problem_table[PROBLEM_MAX] = {
#define PROBLEM(name, slug, status, title, explanation) \
	[PROBLEM_##name] = {slug, status, title, explanation},
#include "api/problem.def"
#undef PROBLEM
};

const struct refusal_info *
problem_info(enum problem problem)
{
	CHECK((int)problem >= 0 && problem < PROBLEM_MAX);
	return &problem_table[problem];
}

const struct refusal_info *
problem_at(size_t index)
{
	if (index < PROBLEM_MAX)
		return &problem_table[index];
	/* The first refusal is number 1: 0 is REFUSAL_NONE. */
	index = index - PROBLEM_MAX + 1;
	return index < REFUSAL_MAX ? refusal_info((enum refusal)index) : NULL;
}

const struct refusal_info *
problem_by_slug(struct str slug)
{
	const struct refusal_info *info;

	for (size_t i = 0; (info = problem_at(i)) != NULL; i++)
		if (str_equal(slug, str_from(info->slug)))
			return info;
	return NULL;
}
