#ifndef COMMON_DOMAIN_ROLE_H
#define COMMON_DOMAIN_ROLE_H

/*
 * Roles and what they may do: one matrix, which the ingress asks when a request comes, the worker
 * when its command takes effect, and the documentation is made from.  Pure.
 */

#include <stdbool.h>

#include "common/base/check.h"
#include "common/base/str.h"

/* From the least to the most: each may all that the one before it may. */
enum role {
	ROLE_NONE, /* no member */
	ROLE_VIEWER,
	ROLE_BILLING,
	ROLE_ADMIN,
	ROLE_OWNER,
	ROLE_MAX,
};

enum permission {
	PERMIT_READ,      /* everything that is billed, its events and operations */
	PERMIT_BILL,      /* change what is billed */
	PERMIT_CONFIGURE, /* the organisation's name and settings */
	PERMIT_MEMBERS,   /* invite members, change their roles, remove them */
	PERMIT_KEYS,      /* make and revoke API keys */
	PERMIT_AUDIT,     /* read the audit log */
	PERMIT_OWN,       /* give and take ownership */
	PERMIT_MAX,
};

/* What is told of each, in GET /v1/roles and the documentation. */
struct role_info {
	const char *name; /* "billing" */
	const char *summary;
};

struct permission_info {
	const char *name; /* "bill" */
	const char *summary;
	enum role least; /* the first role that has it */
};

extern const struct role_info role_table[ROLE_MAX];
extern const struct permission_info permission_table[PERMIT_MAX];

/**
 * role_from(name):
 * The role of that name, or ROLE_NONE.
 */
NODISCARD enum role role_from(struct str name);

/**
 * role_may(role, permission):
 * Whether who has ${role} has ${permission}.
 */
NODISCARD bool role_may(enum role role, enum permission permission);

/**
 * role_may_grant(role, granted):
 * Whether who has ${role} may give or take ${granted}: an owner any, an admin all but ownership.
 */
NODISCARD bool role_may_grant(enum role role, enum role granted);

#endif
