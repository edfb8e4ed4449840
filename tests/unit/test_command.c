#include "common/codec/command.h"

#include "api/route.h"
#include "common/codec/avro_bytes.h"
#include "tests/unit/codec.h"

/* Whoever is let in by the ingress may have the command's effect, and nobody else. */
START_TEST(test_routes_and_commands_need_the_same)
{
	bool routed[COMMAND_TYPE_MAX] = {false};

	for (size_t i = 0; i < route_table_len; i++) {
		const struct route *route = &route_table[i];

		if (route->kind != ROUTE_COMMAND)
			continue;
		ck_assert_msg(route->access == FOR_MEMBER, "%s is for others", route->operation_id);
		ck_assert_msg(route->permission == command_table[route->command].permission,
		    "%s asks for %s, its command for %s", route->operation_id,
		    permission_table[route->permission].name,
		    permission_table[command_table[route->command].permission].name);
		routed[route->command] = true;
	}
	for (size_t type = 0; type < COMMAND_TYPE_MAX; type++)
		ck_assert_msg(routed[type] != command_table[type].internal,
		    routed[type] ? "%s is a worker's own, and has a route" : "%s has no route",
		    command_table[type].name);
}
END_TEST

/* Each has a schema of its name, whose fields are those of its struct, in any order. */
START_TEST(test_commands_have_their_schemas)
{
	const struct schemas *schemas = codec_schemas();

	for (size_t type = 0; type < COMMAND_TYPE_MAX; type++) {
		const struct command_info *info = &command_table[type];
		const struct schema *schema = schemas_by_name(schemas, str_from(info->schema_name));

		ck_assert_msg(schema != NULL, "%s", info->name);
		ck_assert_msg(schema->fields_len == info->record->fields_len, "%s", info->name);
		ck_assert_str_eq(info->record->fields[0].name, "meta");
		ck_assert_uint_eq(info->record->fields[0].offset, 0);
		for (size_t i = 0; i < schema->fields_len; i++) {
			size_t at = 0;

			ck_assert_msg(
			    avro_field_of(info->record, schema->fields[i].name, &at) != NULL,
			    "%s: %.*s", info->name, STR_ARG(schema->fields[i].name));
		}
	}
}
END_TEST

/* Who may only read has no command's effect. */
START_TEST(test_no_command_is_a_viewers)
{
	for (size_t type = 0; type < COMMAND_TYPE_MAX; type++) {
		ck_assert(!role_may(ROLE_VIEWER, command_table[type].permission));
		ck_assert(role_may(ROLE_OWNER, command_table[type].permission));
	}
}
END_TEST

UNIT_MAIN("command", UNIT(test_routes_and_commands_need_the_same),
    UNIT(test_commands_have_their_schemas), UNIT(test_no_command_is_a_viewers))
