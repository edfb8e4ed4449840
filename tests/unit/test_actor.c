#include "worker/actor.h"

#include <jansson.h>

#include "tests/unit/worker_message.h"
#include "worker/decode.h"
#include "worker/outcome.h"

#define A_USER ((struct uuid){{0x05}})
#define A_STRANGER ((struct uuid){{0x0c}})
#define USER_ID "05000000-0000-0000-0000-000000000000"
#define SESSION_ID "5e000000-0000-0000-0000-000000000000"
#define KEY_ID "4e000000-0000-0000-0000-000000000000"
#define USER "user:" USER_ID ":" SESSION_ID
#define KEY "api_key:" KEY_ID

static struct world world;

struct form_row {
	const char *name;
	const char *text;
	enum actor_kind kind;
};

static const struct form_row form_rows[] = {
    {"a key", KEY, ACTOR_KEY},
    {"a user in a session", USER, ACTOR_USER},
    {"the worker's payments", "system:payments", ACTOR_SYSTEM_PAYMENTS},
    {"the worker's runs", "system:runs", ACTOR_SYSTEM_RUNS},
    {"another part of the system", "system:billing", ACTOR_UNKNOWN},
    {"the system alone", "system:", ACTOR_UNKNOWN},
    {"something behind the worker's payments", "system:payments:", ACTOR_UNKNOWN},
    {"something behind the worker's runs", "system:runs:" KEY_ID, ACTOR_UNKNOWN},
    {"half of the worker's runs", "system:run", ACTOR_UNKNOWN},
    {"the worker's payments in capitals", "SYSTEM:PAYMENTS", ACTOR_UNKNOWN},
    {"nothing", "", ACTOR_UNKNOWN},
    {"an id alone", KEY_ID, ACTOR_UNKNOWN},
    {"a kind alone", "api_key:", ACTOR_UNKNOWN},
    {"another kind", "operator:" KEY_ID, ACTOR_UNKNOWN},
    {"a kind in capitals", "API_KEY:" KEY_ID, ACTOR_UNKNOWN},
    {"a key's id that is short", "api_key:4e000000-0000-0000-0000-00000000000", ACTOR_UNKNOWN},
    {"a key's id that is none", "api_key:4e000000-0000-0000-0000-00000000000g", ACTOR_UNKNOWN},
    {"something behind a key's id", KEY ":", ACTOR_UNKNOWN},
    {"something before it", " " KEY, ACTOR_UNKNOWN},
    {"a key with a session", KEY ":" SESSION_ID, ACTOR_UNKNOWN},
    {"a user without a session", "user:" USER_ID, ACTOR_UNKNOWN},
    {"a user with an empty session", "user:" USER_ID ":", ACTOR_UNKNOWN},
    {"a user with half a session", "user:" USER_ID ":5e000000", ACTOR_UNKNOWN},
    {"a user with two sessions", USER ":" SESSION_ID, ACTOR_UNKNOWN},
    {"another sign between", "user:" USER_ID "." SESSION_ID, ACTOR_UNKNOWN},
};

START_TEST(test_forms)
{
	const struct form_row *row = &form_rows[_i];
	struct actor actor = actor_read(str_from(row->text));

	ck_assert_msg(actor.kind == row->kind, "%s: %d", row->name, actor.kind);
	if (row->kind == ACTOR_SYSTEM_PAYMENTS || row->kind == ACTOR_SYSTEM_RUNS)
		ck_assert(uuid_is_nil(actor.id));
	else if (row->kind != ACTOR_UNKNOWN)
		ck_assert(uuid_equal(actor.id, row->kind == ACTOR_KEY ? WORLD_KEY : A_USER));
}
END_TEST

enum where {
	NOWHERE,
	HERE,
	ELSEWHERE, /* in another organisation */
};

/* What the database has of the actor when the command takes effect: a key, or a membership. */
struct judge_row {
	const char *name;
	const char *actor;
	enum where key, member;
	const char *role;
	bool revoked;
	int64_t expires_ms;
	enum actor_verdict verdict;
};

#define NEVER INT64_MAX
#define NOW WORLD_NOW_MS

static const struct judge_row judge_rows[] = {
    {"a key that bills", KEY, HERE, NOWHERE, "billing", false, NEVER, ACTOR_MAY},
    {"an admin's key", KEY, HERE, NOWHERE, "admin", false, NEVER, ACTOR_MAY},
    {"an owner's key", KEY, HERE, NOWHERE, "owner", false, NEVER, ACTOR_MAY},
    {"a key that reads", KEY, HERE, NOWHERE, "viewer", false, NEVER, ACTOR_ROLE_TOO_SMALL},
    {"a key with a role that nobody knows", KEY, HERE, NOWHERE, "emperor", false, NEVER,
	ACTOR_ROLE_TOO_SMALL},
    {"a revoked key", KEY, HERE, NOWHERE, "owner", true, NEVER, ACTOR_REVOKED},
    {"a key that expired after acceptance", KEY, HERE, NOWHERE, "billing", false, NOW + 1,
	ACTOR_MAY},
    {"a key that expired at acceptance", KEY, HERE, NOWHERE, "owner", false, NOW, ACTOR_EXPIRED},
    {"a key that expired before", KEY, HERE, NOWHERE, "owner", false, NOW - 1, ACTOR_EXPIRED},
    {"a key that expired at the epoch", KEY, HERE, NOWHERE, "owner", false, 0, ACTOR_EXPIRED},
    {"a key that is revoked, has expired and reads only", KEY, HERE, NOWHERE, "viewer", true, 0,
	ACTOR_REVOKED},
    {"a key that has expired and reads only", KEY, HERE, NOWHERE, "viewer", false, 0,
	ACTOR_EXPIRED},
    {"a key that is gone", KEY, NOWHERE, NOWHERE, "owner", false, NEVER, ACTOR_GONE},
    {"a key of another organisation", KEY, ELSEWHERE, NOWHERE, "owner", false, NEVER, ACTOR_GONE},
    {"a member who bills", USER, NOWHERE, HERE, "billing", false, 0, ACTOR_MAY},
    {"an owner", USER, NOWHERE, HERE, "owner", false, 0, ACTOR_MAY},
    {"a member who reads", USER, NOWHERE, HERE, "viewer", false, 0, ACTOR_ROLE_TOO_SMALL},
    {"a member with no role", USER, NOWHERE, HERE, "", false, 0, ACTOR_ROLE_TOO_SMALL},
    {"a member who was removed", USER, NOWHERE, NOWHERE, "owner", false, 0, ACTOR_GONE},
    {"a member of another organisation", USER, NOWHERE, ELSEWHERE, "owner", false, 0, ACTOR_GONE},
    {"a key's id as a user's", "user:" KEY_ID ":" SESSION_ID, HERE, HERE, "owner", false, NEVER,
	ACTOR_GONE},
    {"a user's id as a key's", "api_key:" USER_ID, HERE, HERE, "owner", false, NEVER, ACTOR_GONE},
    {"nobody", "", HERE, HERE, "owner", false, NEVER, ACTOR_MALFORMED},
    {"an operator", "operator", HERE, HERE, "owner", false, NEVER, ACTOR_MALFORMED},
    {"the worker's payments, of which this command is none", "system:payments", HERE, HERE, "owner",
	false, NEVER, ACTOR_OUT_OF_PLACE},
    {"the worker's runs, of which this command is none", "system:runs", HERE, HERE, "owner", false,
	NEVER, ACTOR_OUT_OF_PLACE},
};

/* A worker's own commands, and whose each is. */
static const struct own_row {
	enum command_type type;
	enum actor_kind owner;
} own_rows[] = {
    {COMMAND_RECORD_PAYMENT_OUTCOME, ACTOR_SYSTEM_PAYMENTS},
    {COMMAND_SCHEDULE_BILLING_RUN, ACTOR_SYSTEM_RUNS},
    {COMMAND_FINISH_BILLING_RUN, ACTOR_SYSTEM_RUNS},
};

static void
rows_add(const struct judge_row *row)
{
	const struct uuid organisations[] = {[HERE] = WORLD_ORGANISATION, [ELSEWHERE] = A_STRANGER};
	const struct organisation organisation = {
	    .id = WORLD_ORGANISATION, .currency = {"EUR"}, .timezone = STR("Etc/UTC")};
	const struct api_key key = {.organisation_id = organisations[row->key],
	    .id = WORLD_KEY,
	    .role = str_from(row->role),
	    .revoked = row->revoked,
	    .expires_ms = row->expires_ms};
	const struct membership membership = {.organisation_id = organisations[row->member],
	    .user_id = A_USER,
	    .role = str_from(row->role)};

	facts_add(world.facts, TABLE_ORGANISATIONS, &organisation);
	if (row->key != NOWHERE)
		facts_add(world.facts, TABLE_API_KEYS, &key);
	if (row->member != NOWHERE)
		facts_add(world.facts, TABLE_MEMBERSHIPS, &membership);
}

START_TEST(test_judge)
{
	const struct judge_row *row = &judge_rows[_i];
	const struct actor actor = actor_read(str_from(row->actor));
	const struct command_meta meta = world_meta(WORLD_OPERATION);
	enum actor_verdict verdict;

	world_open(&world);
	rows_add(row);
	verdict = actor_judge(world.facts, &meta, &actor, &command_table[COMMAND_CREATE_CUSTOMER]);
	ck_assert_msg(verdict == row->verdict, "%s: %d", row->name, verdict);
	world_close(&world);
}
END_TEST

/* A worker's own command is for nobody else, whatever he may otherwise; nor for its other parts. */
START_TEST(test_internal)
{
	const struct judge_row *row = &judge_rows[_i];
	const struct actor actor = actor_read(str_from(row->actor));
	const struct command_meta meta = world_meta(WORLD_OPERATION);

	world_open(&world);
	rows_add(row);
	for (size_t i = 0; i < ARRAY_LEN(own_rows); i++) {
		const struct command_info *command = &command_table[own_rows[i].type];
		enum actor_verdict expected = ACTOR_OUT_OF_PLACE;

		if (actor.kind == own_rows[i].owner)
			expected = ACTOR_MAY;
		else if (actor.kind == ACTOR_UNKNOWN)
			expected = ACTOR_MALFORMED;
		ck_assert_msg(actor_judge(world.facts, &meta, &actor, command) == expected,
		    "%s: %s", command->name, row->name);
	}
	world_close(&world);
}
END_TEST

/* Those of all commands are the ones that a worker sends. */
START_TEST(test_which_are_internal)
{
	for (size_t type = 0; type < COMMAND_TYPE_MAX; type++) {
		bool own = false;

		for (size_t i = 0; i < ARRAY_LEN(own_rows); i++)
			own |= own_rows[i].type == type;
		ck_assert_msg(command_table[type].internal == own, "%s", command_table[type].name);
	}
}
END_TEST

/* From the message to the outcome: the command has its effect, or is refused and has none. */
START_TEST(test_outcomes)
{
	const struct judge_row *row = &judge_rows[_i];
	struct create_customer command = {
	    .meta = world_meta(WORLD_OPERATION),
	    .name = STR("Bob"),
	    .external_id = STR("b"),
	    .tax_exempt = STR("none"),
	    .net_terms_days = INT64_MIN,
	};
	bool may = row->verdict == ACTOR_MAY;
	const struct operation *operation;
	struct letter letter;
	struct err err = {0};
	json_t *problem;

	world_open(&world);
	rows_add(row);
	command.meta.actor = str_from(row->actor);
	letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
	ck_assert_int_eq(decode(&world.context, &letter.entry, &err), ERR_NONE);
	ck_assert_int_eq(outcome_decide(&world.context, &letter.entry, &err), ERR_NONE);
	ck_assert_msg(!letter.entry.dead, "%s: %s", row->name, letter.entry.reason);
	ck_assert_msg(letter.entry.refusal == (may ? REFUSAL_NONE : REFUSAL_ACTOR_NOT_PERMITTED),
	    "%s: %d", row->name, letter.entry.refusal);
	ck_assert_uint_eq(world.facts->lists[TABLE_CUSTOMERS].len, may ? 1 : 0);
	ck_assert_uint_eq(world.facts->lists[TABLE_OUTBOX].len, may ? 1 : 0);
	operation = world_row(&world, TABLE_OPERATIONS, 0);
	unit_assert_str(operation->actor, row->actor, row->name);
	if (!may) {
		problem = json_loadb(operation->problem.ptr, operation->problem.len, 0, NULL);
		ck_assert_str_eq(json_string_value(json_object_get(problem, "detail")),
		    actor_verdict_text(row->verdict));
		ck_assert_int_eq(json_integer_value(json_object_get(problem, "status")), 403);
		json_decref(problem);
	}
	letter_release(&letter);
	world_close(&world);
}
END_TEST

/* The permission is the command's own: what a role lacks is refused to who has it. */
START_TEST(test_every_role_and_permission)
{
	const struct command_meta meta = world_meta(WORLD_OPERATION);
	const struct actor actor = actor_read(STR(USER));

	for (enum role role = ROLE_VIEWER; role < ROLE_MAX; role++)
		for (enum permission permission = 0; permission < PERMIT_MAX; permission++) {
			const struct membership membership = {.organisation_id = WORLD_ORGANISATION,
			    .user_id = A_USER,
			    .role = str_from(role_table[role].name)};
			const struct command_info command = {.permission = permission};
			enum actor_verdict verdict;

			world_open(&world);
			facts_add(world.facts, TABLE_MEMBERSHIPS, &membership);
			verdict = actor_judge(world.facts, &meta, &actor, &command);
			ck_assert_msg(
			    verdict ==
				(role_may(role, permission) ? ACTOR_MAY : ACTOR_ROLE_TOO_SMALL),
			    "%s, %s", role_table[role].name, permission_table[permission].name);
			world_close(&world);
		}
}
END_TEST

static size_t
wishes(enum need need)
{
	return world.facts->needs[need].len;
}

/* However many commands come of one actor, one row is asked for. */
START_TEST(test_a_row_is_asked_for_once)
{
	const struct actor actors[] = {actor_read(STR(KEY)), actor_read(STR(KEY)),
	    actor_read(STR(USER)), actor_read(STR("user:" USER_ID ":" KEY_ID)),
	    actor_read(ACTOR_PAYMENTS), actor_read(ACTOR_RUNS), actor_read(STR("nobody"))};

	world_open(&world);
	for (size_t i = 0; i < ARRAY_LEN(actors); i++)
		actor_refer(world.facts, WORLD_ORGANISATION, &actors[i]);
	ck_assert_uint_eq(wishes(NEED_API_KEY), 1);
	ck_assert_uint_eq(wishes(NEED_MEMBERSHIP), 1);
	actor_refer(world.facts, A_STRANGER, &actors[0]);
	ck_assert_uint_eq(wishes(NEED_API_KEY), 2);
	for (size_t need = 0; need < NEED_MAX; need++)
		if (need != NEED_API_KEY && need != NEED_MEMBERSHIP)
			ck_assert_uint_eq(wishes((enum need)need), 0);
	world_close(&world);
}
END_TEST

UNIT_MAIN("actor", UNIT_ROWS(test_forms, form_rows), UNIT_ROWS(test_judge, judge_rows),
    UNIT_ROWS(test_internal, judge_rows), UNIT(test_which_are_internal),
    UNIT_ROWS(test_outcomes, judge_rows), UNIT(test_every_role_and_permission),
    UNIT(test_a_row_is_asked_for_once))
