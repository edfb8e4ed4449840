#include "common/codec/command.h"

#include "api/route.h"
#include "tests/unit/unit.h"

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
		ck_assert_msg(routed[type], "%s has no route", command_table[type].name);
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

UNIT_MAIN(
    "command", UNIT(test_routes_and_commands_need_the_same), UNIT(test_no_command_is_a_viewers))
