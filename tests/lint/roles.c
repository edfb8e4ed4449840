/*
 * docs/roles.md, from the tables that decide: printed to stdout.
 */

#include <stdio.h>
#include <stdlib.h>

#include "common/domain/role.h"

static void
print_roles(void)
{
	printf("| role | who |\n| --- | --- |\n");
	for (enum role role = ROLE_VIEWER; role < ROLE_MAX; role++)
		printf("| `%s` | %s |\n", role_table[role].name, role_table[role].summary);
}

static void
print_permissions(void)
{
	printf("| permission |");
	for (enum role role = ROLE_VIEWER; role < ROLE_MAX; role++)
		printf(" %s |", role_table[role].name);
	printf(" what it allows |\n| --- |");
	for (enum role role = ROLE_VIEWER; role < ROLE_MAX; role++)
		printf(" --- |");
	printf(" --- |\n");
	for (enum permission permission = 0; permission < PERMIT_MAX; permission++) {
		printf("| `%s` |", permission_table[permission].name);
		for (enum role role = ROLE_VIEWER; role < ROLE_MAX; role++)
			printf(" %s |", role_may(role, permission) ? "yes" : "");
		printf(" %s |\n", permission_table[permission].summary);
	}
}

int
main(void)
{
	printf("# Roles\n\n"
	       "A member of an organisation has one role there, and so has each of its API keys. "
	       "`GET /v1/roles` shows the same\nmatrix; each operation in `/openapi.json` names "
	       "its permission as `x-permission`.\n\n"
	       "`make settings` writes this page from the program's tables, and `make lint` "
	       "compares.\n\n");
	print_roles();
	printf("\n");
	print_permissions();
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
