/* What actions call: their transaction, their audit rows, their body. */

#include "api/identity/action.h"

#include <sodium.h>

#include "api/identity/identity.h"
#include "api/identity/identity_internal.h"
#include "api/respond.h"
#include "common/base/api_key.h"

const struct pg_statement action_statements[] = {
    {"action_begin", "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"},
    {"action_begin_reading", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"},
    {"action_commit", "COMMIT"},
    /* $1 organisations, $2 users, $3 hashes; an empty text is none. */
    {"action_scope", "SELECT set_config('billd.organisations', $1::text, true),"
		     " set_config('billd.users', $2::text, true), set_config('billd.key_hashes', "
		     "$3::text, true)"},
    /* $1 user, who is in the scope. */
    {"action_scope_memberships",
	"SELECT set_config('billd.organisations',"
	" coalesce((SELECT array_agg(organisation_id)::text FROM identity.memberships"
	"  WHERE user_id = $1::uuid), ''), true)"},
    {"action_audit",
	"INSERT INTO identity.audit_log (id, organisation_id, actor, address, request_id, action,"
	" resource_type, resource_id, outcome, details)"
	" VALUES ($1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text, $7::text, $8::uuid,"
	" $9::text, $10::text::jsonb)"},
    /* $1 user; a left join has a row for who is no member as well. */
    {"action_audit_user",
	"INSERT INTO identity.audit_log (id, organisation_id, actor, address, request_id, action,"
	" resource_type, resource_id, outcome, details)"
	" SELECT gen_random_uuid(), m.organisation_id, $2::text, $3::text, $4::text, $5::text,"
	" $6::text, $7::uuid, $8::text, $9::text::jsonb"
	" FROM (SELECT) one LEFT JOIN identity.memberships m ON m.user_id = $1::uuid"},
};
const size_t action_statements_len = ARRAY_LEN(action_statements);

/* All other constraints of ours are asked about before; this one is a trigger's, under its lock. */
#define LAST_OWNER "memberships_last_owner"

static void
answer_error(struct action *action, const struct err *err)
{
	if (strcmp(err->constraint, LAST_OWNER) == 0)
		answer_problem(action->request, PROBLEM_LAST_OWNER, "No other member is an owner.");
	else
		answer_failed(action->request, err);
}

struct pg_params
action_params(struct action *action)
{
	struct pg_params params;

	pg_params_init(&params, &action->request->arena);
	return params;
}

/* Add a text of this function's: parameters are borrowed until they are sent. */
static void
text_add(struct pg_params *params, struct str text)
{
	struct str kept = STR_NONE;

	if (!arena_str(params->arena, text, &kept))
		params->overflow = true;
	pg_params_str(params, kept);
}

#define UUIDS_TEXT_SIZE (UUID_TEXT_SIZE + 2)

/* An array of one, or of none, as the settings of policies have it. */
static struct str
uuids_write(struct uuid uuid, char text[UUIDS_TEXT_SIZE])
{
	if (uuid_is_nil(uuid))
		return STR("");
	text[0] = '{';
	uuid_write(uuid, text + 1);
	text[UUID_TEXT_SIZE] = '}';
	return (struct str){text, UUID_TEXT_SIZE + 1};
}

static struct pg_params
scope_params(struct action *action, const struct action_scope *scope)
{
	char organisations[UUIDS_TEXT_SIZE], users[UUIDS_TEXT_SIZE];
	char hashes[sizeof("{\"\\\\x\"}") + (size_t)2 * API_KEY_HASH_BYTES] = "";
	struct pg_params params = action_params(action);

	if (scope->presented_hash != NULL) {
		char hex[2 * API_KEY_HASH_BYTES + 1];

		sodium_bin2hex(hex, sizeof(hex), scope->presented_hash, API_KEY_HASH_BYTES);
		snprintf(hashes, sizeof(hashes), "{\"\\\\x%s\"}", hex);
	}
	action->organisation_id = scope->organisation_id;
	text_add(&params, uuids_write(scope->organisation_id, organisations));
	text_add(&params, uuids_write(scope->user_id, users));
	text_add(&params, str_from(hashes));
	return params;
}

/* One round trip. */
static enum err_class
open_once(struct pg *pg, const char *begin, const struct pg_params *scope, struct err *err)
{
	if (pg_connect(pg, err) != ERR_NONE || pg_send(pg, begin, NULL, err) != ERR_NONE ||
	    pg_send(pg, "action_scope", scope, err) != ERR_NONE || pg_sync(pg, err) != ERR_NONE ||
	    pg_finish(pg, err) != ERR_NONE) {
		pg_rollback(pg);
		return err->class;
	}
	return ERR_NONE;
}

static bool
open_by(struct action *action, const char *begin, const struct action_scope *scope)
{
	struct pg_params params = scope_params(action, scope);
	struct err err;

	CHECK(!action->open);
	/* Once more when the connection had died since it was last used. */
	for (int attempt = 0; attempt < 2; attempt++) {
		if (open_once(action->pg, begin, &params, &err) == ERR_NONE) {
			action->open = true;
			action->failed = false;
			return true;
		}
		if (err.class != ERR_RETRY || pg_is_open(action->pg))
			break;
	}
	answer_failed(action->request, &err);
	return false;
}

bool
action_open(struct action *action, const struct action_scope *scope)
{
	return open_by(action, "action_begin", scope);
}

bool
action_open_reading(struct action *action, const struct action_scope *scope)
{
	return open_by(action, "action_begin_reading", scope);
}

bool
action_scope(struct action *action, const struct action_scope *scope)
{
	struct pg_params params = scope_params(action, scope);

	return action_query(action, "action_scope", &params, NULL);
}

enum err_class
action_try(struct action *action, const char *statement, const struct pg_params *params,
    PGresult **ret_result, struct err *err)
{
	CHECK(action->open);
	if (ret_result != NULL)
		*ret_result = NULL;
	if (action->failed)
		return err_set(err, ERR_FATAL, "%s: its transaction has failed", statement);
	if (pg_run(action->pg, statement, params, ret_result, err) != ERR_NONE) {
		action->failed = true;
		return err_wrap(err, "%s", statement);
	}
	return ERR_NONE;
}

bool
action_query(struct action *action, const char *statement, const struct pg_params *params,
    PGresult **ret_result)
{
	struct err err;

	if (action_try(action, statement, params, ret_result, &err) == ERR_NONE)
		return true;
	answer_error(action, &err);
	return false;
}

bool
action_commit(struct action *action)
{
	bool sent = pg_is_open(action->pg);
	PGresult *result;
	struct err err;

	if (action_try(action, "action_commit", NULL, &result, &err) == ERR_NONE) {
		/* A failed transaction ends with a COMMIT that says ROLLBACK; none comes here. */
		CHECK(strcmp(PQcmdStatus(result), "COMMIT") == 0);
		PQclear(result);
		action->open = false;
		return true;
	}
	/* A server that ends us says so, too, when the commit was done and only its answer was not
	 * out. */
	if (sent && err.class == ERR_RETRY && err.constraint[0] == '\0')
		answer_problem(action->request, PROBLEM_DATABASE_UNAVAILABLE,
		    "The database did not answer: it may have taken effect.");
	else
		answer_error(action, &err);
	return false;
}

void
action_actor(const struct request *request, char ret_text[ACTOR_TEXT_SIZE])
{
	const struct caller *caller = &request->caller;
	char id[UUID_TEXT_SIZE], session[UUID_TEXT_SIZE];

	CHECK(caller->kind != CALLER_NOBODY);
	uuid_write(caller->id, id);
	uuid_write(caller->session_id, session);
	if (caller->kind == CALLER_USER)
		snprintf(ret_text, ACTOR_TEXT_SIZE, "user:%s:%s", id, session);
	else
		snprintf(ret_text, ACTOR_TEXT_SIZE, "api_key:%s", id);
}

/* What both statements take, behind whose row it is. */
static void
audit_params(struct action *action, const struct audit *audit, struct pg_params *params)
{
	const struct request *request = action->request;
	char actor[ACTOR_TEXT_SIZE];

	if (audit->actor.ptr == NULL)
		action_actor(request, actor);
	text_add(params, audit->actor.ptr == NULL ? str_from(actor) : audit->actor);
	pg_params_str(params, request->address[0] == '\0' ? STR_NONE : str_from(request->address));
	pg_params_str(params, str_from(request->id));
	pg_params_str(params, str_from(audit->action));
	pg_params_str(params, str_from(audit->resource_type));
	pg_params_uuid(params, audit->resource_id);
	pg_params_str(params, str_from(audit->outcome));
	pg_params_str(params, audit->details);
}

bool
action_audit(struct action *action, const struct audit *audit)
{
	struct pg_params params = action_params(action);

	pg_params_uuid(&params, uuid_new());
	pg_params_uuid(&params, action->organisation_id);
	audit_params(action, audit, &params);
	return action_query(action, "action_audit", &params, NULL);
}

bool
action_audit_user(struct action *action, const struct audit *audit, struct uuid user_id)
{
	struct pg_params user = action_params(action), params = action_params(action);

	pg_params_uuid(&user, user_id);
	pg_params_uuid(&params, user_id);
	audit_params(action, audit, &params);
	return action_scope(action, &(struct action_scope){.user_id = user_id}) &&
	       action_query(action, "action_scope_memberships", &user, NULL) &&
	       action_query(action, "action_audit_user", &params, NULL);
}

struct str
action_text(const struct action *action, const char *name)
{
	return schema_str(json_object_get(action->body, name));
}
