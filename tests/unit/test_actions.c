#include "api/identity/action.h"

#include "api/identity/identity.h"
#include "tests/unit/codec.h"

/* Every action has what it is begun with. */
START_TEST(test_routes_have_schemas)
{
	const struct schemas *schemas = codec_schemas();
	size_t actions = 0;

	for (size_t i = 0; i < route_table_len; i++) {
		const struct route *route = &route_table[i];

		if (route->kind != ROUTE_ACTION)
			continue;
		actions++;
		ck_assert_msg(
		    route->run == action_begin && route->action != NULL, "%s", route->operation_id);
		ck_assert_msg(
		    route->body == NULL || schemas_by_name(schemas, str_from(route->body)) != NULL,
		    "%s: there is no schema %s", route->operation_id, route->body);
	}
	ck_assert_uint_gt(actions, 0);
}
END_TEST

/* And every action's schema is one that a route has. */
START_TEST(test_schemas_have_routes)
{
	const struct schemas *schemas = codec_schemas();
	const struct schema *schema;

	for (size_t i = 0; (schema = schemas_at(schemas, i)) != NULL; i++) {
		bool found = false;

		if (schema->name.len < 13 || memcmp(schema->name.ptr, "billd.action.", 13) != 0)
			continue;
		for (size_t j = 0; j < route_table_len; j++)
			found =
			    found || (route_table[j].body != NULL &&
					 str_equal(schema->name, str_from(route_table[j].body)));
		ck_assert_msg(found, "no route takes %.*s", STR_ARG(schema->name));
	}
}
END_TEST

static const struct actor_row {
	const char *name;
	struct caller caller;
	const char *text;
} actor_rows[] = {
    {"a user", {.kind = CALLER_USER, .id = {{1}}, .session_id = {{2}}, .organisation_id = {{3}}},
	"user:01000000-0000-0000-0000-000000000000:02000000-0000-0000-0000-000000000000"},
    {"an API key", {.kind = CALLER_KEY, .id = {{1}}, .organisation_id = {{3}}},
	"api_key:01000000-0000-0000-0000-000000000000"},
};

START_TEST(test_actor)
{
	const struct actor_row *row = &actor_rows[_i];
	const struct request request = {.caller = row->caller};
	char text[ACTOR_TEXT_SIZE];

	action_actor(&request, text);
	ck_assert_msg(strcmp(text, row->text) == 0, "%s: %s", row->name, text);
}
END_TEST

START_TEST(test_nobody_is_no_actor)
{
	const struct request request = {.caller = {.kind = CALLER_NOBODY}};
	char text[ACTOR_TEXT_SIZE];

	action_actor(&request, text);
}
END_TEST

/* Version 7: later ones are larger, to the millisecond, and none comes twice. */
START_TEST(test_ids)
{
	struct uuid before = uuid_new(), after;
	struct uuid last = before;

	for (int i = 0; i < 1000; i++) {
		struct uuid id = uuid_new();

		ck_assert_int_eq(id.b[6] >> 4, 7);
		ck_assert_int_eq(id.b[8] >> 6, 2);
		ck_assert_int_ge(memcmp(id.b, last.b, 6), 0);
		ck_assert(!uuid_equal(id, last));
		last = id;
	}
	nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	after = uuid_new();
	ck_assert_int_lt(uuid_compare(before, after), 0);
}
END_TEST

START_TEST(test_body)
{
	json_t *body =
	    json_loads("{\"name\":\"Ada\",\"empty\":\"\",\"none\":null,\"one\":1}", 0, NULL);
	const struct action action = {.body = body};

	unit_assert_str(action_text(&action, "name"), "Ada", "a string");
	unit_assert_str(action_text(&action, "empty"), "", "the empty one");
	unit_assert_str(action_text(&action, "none"), NULL, "null");
	unit_assert_str(action_text(&action, "one"), NULL, "no string");
	unit_assert_str(action_text(&action, "other"), NULL, "absent");
	json_decref(body);
}
END_TEST

UNIT_MAIN("actions", UNIT(test_routes_have_schemas), UNIT(test_schemas_have_routes),
    UNIT_ROWS(test_actor, actor_rows), UNIT_ABORTS(test_nobody_is_no_actor), UNIT(test_ids),
    UNIT(test_body))
