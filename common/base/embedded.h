#ifndef COMMON_BASE_EMBEDDED_H
#define COMMON_BASE_EMBEDDED_H

/*
 * Files of the source tree that the programs carry: made at build time by embed.sh, in the order of
 * their names.
 */

#include <stddef.h>

#include "common/base/check.h"

struct embedded_file {
	const char *name; /* path in the source tree or in the package:
			     "schemas/commands/create_plan.avsc" */
	const char *ptr;
	size_t len;
};

extern const struct embedded_file embedded_schemas[];
extern const size_t embedded_schemas_len;

extern const struct embedded_file embedded_migrations[];
extern const size_t embedded_migrations_len;

extern const struct embedded_file embedded_docs[];
extern const size_t embedded_docs_len;

#endif
