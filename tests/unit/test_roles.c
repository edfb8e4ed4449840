/* GET /v1/roles against the tables that it is made from. */

#include <jansson.h>

#include "api/identity/identity.h"
#include "tests/unit/unit.h"

/* The answer to a request without a query string. */
static json_t *
answer(struct request *request)
{
	json_t *json;

	arena_init(&request->arena, REQUEST_ARENA_MAX);
	buf_init(&request->out, ANSWER_MAX);
	route_find(STR("GET"), STR("/v1/roles"), &request->match);
	ck_assert(roles_run(request));
	ck_assert_int_eq(request->answer.status, 200);
	json = json_loadb(request->answer.body.ptr, request->answer.body.len, 0, NULL);
	ck_assert_msg(json != NULL, "the answer is not JSON");
	return json;
}

static void
release(struct request *request, json_t *json)
{
	json_decref(json);
	buf_release(&request->out);
	arena_release(&request->arena);
}

static const char *
text_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	ck_assert_msg(text != NULL, "no %s", name);
	return text;
}

/* Every role but none, from the least, with what it may and nothing else. */
START_TEST(test_roles)
{
	static struct request request;
	json_t *json = answer(&request);
	const json_t *data = json_object_get(json, "data");

	ck_assert_uint_eq(json_array_size(data), ROLE_MAX - 1);
	for (enum role role = ROLE_VIEWER; role < ROLE_MAX; role++) {
		const json_t *told = json_array_get(data, role - 1);
		const json_t *permissions = json_object_get(told, "permissions");
		size_t next = 0;

		ck_assert_str_eq(text_of(told, "role"), role_table[role].name);
		ck_assert_str_eq(text_of(told, "summary"), role_table[role].summary);
		for (enum permission permission = 0; permission < PERMIT_MAX; permission++)
			if (role_may(role, permission))
				ck_assert_str_eq(
				    json_string_value(json_array_get(permissions, next++)),
				    permission_table[permission].name);
		ck_assert_uint_eq(json_array_size(permissions), next);
	}
	release(&request, json);
}
END_TEST

START_TEST(test_permissions)
{
	static struct request request;
	json_t *json = answer(&request);
	const json_t *permissions = json_object_get(json, "permissions");

	ck_assert_uint_eq(json_array_size(permissions), PERMIT_MAX);
	for (enum permission permission = 0; permission < PERMIT_MAX; permission++) {
		const struct permission_info *info = &permission_table[permission];
		const json_t *told = json_array_get(permissions, permission);

		ck_assert_str_eq(text_of(told, "name"), info->name);
		ck_assert_str_eq(text_of(told, "summary"), info->summary);
		ck_assert_str_eq(text_of(told, "least"), role_table[info->least].name);
	}
	release(&request, json);
}
END_TEST

UNIT_MAIN("roles", UNIT(test_roles), UNIT(test_permissions))
