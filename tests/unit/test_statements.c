/* The statements of the ingress, by their names: the database itself is asked by billd-api --check.
 */

#include "api/identity/identity_internal.h"
#include "api/route.h"
#include "api/statements.h"
#include "tests/unit/unit.h"

#define STATEMENTS_MAX 256

/* All that one connection for actions prepares, and those of the queries. */
static const struct tables {
	const char *name;
	struct {
		const struct pg_statement *statements;
		const size_t *len;
	} parts[6];
} tables_rows[] = {
    {"queries", {{statement_table, &statement_table_len}}},
    {"actions",
	{{action_statements, &action_statements_len}, {session_statements, &session_statements_len},
	    {organisation_statements, &organisation_statements_len},
	    {member_statements, &member_statements_len},
	    {invitation_statements, &invitation_statements_len},
	    {api_key_statements, &api_key_statements_len}}},
};

/* The same name twice would leave a connection without any. */
START_TEST(test_names)
{
	const struct tables *tables = &tables_rows[_i];
	const char *names[STATEMENTS_MAX];
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_LEN(tables->parts) && tables->parts[i].len != NULL; i++) {
		for (size_t j = 0; j < *tables->parts[i].len; j++) {
			const char *name = tables->parts[i].statements[j].name;

			for (size_t k = 0; k < len; k++)
				ck_assert_msg(strcmp(names[k], name) != 0, "%s: %s is there twice",
				    tables->name, name);
			ck_assert_uint_lt(len, STATEMENTS_MAX);
			names[len++] = name;
		}
	}
	ck_assert_uint_gt(len, 0);
}
END_TEST

static bool
is_query(const char *name)
{
	for (size_t i = 0; i < statement_table_len; i++)
		if (strcmp(statement_table[i].name, name) == 0)
			return true;
	return false;
}

/* What a route names is there; and the cursor of one list is none of another. */
START_TEST(test_routes)
{
	for (size_t i = 0; i < route_table_len; i++) {
		const struct route *route = &route_table[i];

		if (route->kind == ROUTE_ONE)
			ck_assert_msg(
			    is_query(route->resource->statement), "%s", route->operation_id);
		if (route->kind != ROUTE_LIST)
			continue;
		ck_assert_msg(is_query(route->statement), "%s", route->operation_id);
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(route_table[j].kind != ROUTE_LIST ||
					  route_table[j].cursor != route->cursor,
			    "%s and %s", route->operation_id, route_table[j].operation_id);
	}
}
END_TEST

UNIT_MAIN("statements", UNIT_ROWS(test_names, tables_rows), UNIT(test_routes))
