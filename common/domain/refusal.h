#ifndef COMMON_DOMAIN_REFUSAL_H
#define COMMON_DOMAIN_REFUSAL_H

/*
 * Refusals: what the billing rules say no to.  A refusal is a normal outcome, stored as the
 * operation's problem; it is never an error of the process.  The list, its order and its words are
 * refusal.def.
 */

#include "common/base/str.h"

enum refusal {
	REFUSAL_NONE = 0, /* not refused */
#define REFUSAL(name, slug, status, title, explanation) REFUSAL_##name,
#include "common/domain/refusal.def"
#undef REFUSAL
	REFUSAL_MAX,
};

/* What a refusal looks like to a client (RFC 9457). */
struct refusal_info {
	const char *slug;        /* ends the type URI */
	int http_status;         /* 4xx, or 500 for what is our fault */
	const char *title;       /* the same for each occurrence */
	const char *explanation; /* for the page of this type */
};

/**
 * refusal_info(refusal):
 * What is told of ${refusal}, which is neither REFUSAL_NONE nor REFUSAL_MAX.
 */
NODISCARD const struct refusal_info *refusal_info(enum refusal refusal);

#endif
