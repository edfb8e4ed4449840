#ifndef API_PROBLEM_H
#define API_PROBLEM_H

/*
 * The ingress's own problems (RFC 9457): a table, as domain/refusal.h is one for the rules.
 */

#include "common/domain/refusal.h"

enum problem {
#define PROBLEM(name, slug, status, title, explanation) PROBLEM_##name,
#include "api/problem.def"
#undef PROBLEM
	PROBLEM_MAX,
};

#define PROBLEM_TYPE_PREFIX "/docs/problems/"

/**
 * problem_info(problem):
 * What is told of ${problem}, which is not PROBLEM_MAX.
 */
NODISCARD const struct refusal_info *problem_info(enum problem problem);

/**
 * problem_at(index):
 * All problems one by one, the ingress's own and then the refusals; NULL behind the last.
 */
NODISCARD const struct refusal_info *problem_at(size_t index);

/**
 * problem_by_slug(slug):
 * The problem of either table with that slug, or NULL.
 */
NODISCARD const struct refusal_info *problem_by_slug(struct str slug);

#endif
