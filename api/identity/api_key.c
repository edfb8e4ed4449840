/* API keys: made with a role, shown once, revoked. */

#include <sodium.h>

#include "api/identity/identity.h"
#include "api/identity/identity_internal.h"
#include "api/respond.h"
#include "common/base/api_key.h"
#include "common/base/daemon.h"

const struct pg_statement api_key_statements[] = {
    /* $1 organisation. */
    {"api_key_test", "SELECT test FROM identity.organisations WHERE id = $1::uuid"},
    /* Two counts, each of a range of the index api_keys_active. */
    {"api_key_active",
	"SELECT (SELECT count(*) FROM identity.api_keys WHERE organisation_id = $1::uuid"
	" AND revoked_at IS NULL AND expires_at IS NULL) + (SELECT count(*)"
	" FROM identity.api_keys WHERE organisation_id = $1::uuid"
	" AND revoked_at IS NULL AND expires_at > now())"},
    /* $1 organisation, $2 id; $3 name, $4 role, $5 hash, $6 prefix, $7 who makes it, $8 expiry. */
    {"api_key_insert",
	"INSERT INTO identity.api_keys"
	" (organisation_id, id, name, role, key_hash, prefix, created_by, expires_at)"
	" VALUES ($1::uuid, $2::uuid, $3::text, $4::text, $5::bytea, $6::text, $7::text,"
	" $8::timestamptz)"},
    /* $1 organisation, $2 id. */
    {"api_key_read",
	"SELECT json::text FROM api.api_keys WHERE organisation_id = $1::uuid AND id = $2::uuid"},
    {"api_key_known", "SELECT name, role FROM identity.api_keys"
		      " WHERE organisation_id = $1::uuid AND id = $2::uuid"},
    {"api_key_revoke",
	"UPDATE identity.api_keys SET revoked_at = now()"
	" WHERE organisation_id = $1::uuid AND id = $2::uuid AND revoked_at IS NULL"},
};

const size_t api_key_statements_len = ARRAY_LEN(api_key_statements);

/* What is wanted. */
struct wanted {
	struct uuid id;
	struct str name;
	enum role role;
	struct instant expires_at; /* or none */
};

static struct pg_params
params_of(struct action *action, struct uuid id)
{
	struct pg_params params = action_params(action);

	pg_params_uuid(&params, action->request->caller.organisation_id);
	pg_params_uuid(&params, id);
	return params;
}

static struct organisation_event
event_of(const char *what, struct uuid id, json_t *details)
{
	return (struct organisation_event){what, "api_key", id, STR_NONE, details};
}

/* What the body says; a time that has passed is a fault of it. */
static bool
wanted_read(struct action *action, struct wanted *ret_wanted)
{
	struct request *request = action->request;
	struct str text = action_text(action, "expires_at");
	struct faults faults = {.arena = &request->arena};

	*ret_wanted = (struct wanted){.id = uuid_new(),
	    .name = action_text(action, "name"),
	    .role = role_from(action_text(action, "role")),
	    .expires_at = INSTANT_NONE};
	CHECK(ret_wanted->role != ROLE_NONE);
	if (text.ptr == NULL)
		return true;
	CHECK(instant_read(text.ptr, text.len, &ret_wanted->expires_at));
	if (ret_wanted->expires_at.s * 1000 > clock_now_ms())
		return true;
	fault_add(&faults, STR("/expires_at"), "must be in the future");
	answer_faults(request, problem_info(PROBLEM_INVALID_BODY), &faults);
	return false;
}

/* Whether the caller's organisation is a test one. */
static bool
is_test(struct action *action, bool *ret_test)
{
	struct pg_params params = action_params(action);
	PGresult *result;

	pg_params_uuid(&params, action->request->caller.organisation_id);
	if (!action_query(action, "api_key_test", &params, &result))
		return false;
	CHECK(PQntuples(result) == 1);
	*ret_test = pg_get_bool(result, 0, 0);
	PQclear(result);
	return true;
}

static const struct organisation_bound bound = {"api_key_active", API_KEYS_MAX,
    PROBLEM_API_KEYS_TOO_MANY, "API keys of this organisation are active"};

static bool
insert(struct action *action, const struct wanted *wanted, const char *key)
{
	struct pg_params params = params_of(action, wanted->id);
	uint8_t hash[API_KEY_HASH_BYTES];
	char maker[MAKER_TEXT_SIZE];

	api_key_hash(str_from(key), hash);
	organisation_maker(action->request->caller.kind, action->request->caller.id, maker);
	pg_params_str(&params, wanted->name);
	pg_params_str(&params, str_from(role_table[wanted->role].name));
	pg_params_bytes(&params, (struct str){(const char *)hash, sizeof(hash)});
	pg_params_str(&params, (struct str){key, API_KEY_PREFIX_SHOWN});
	pg_params_str(&params, str_from(maker));
	pg_params_instant(&params, wanted->expires_at);
	return action_query(action, "api_key_insert", &params, NULL);
}

static json_t *
details_of(struct str name, enum role role)
{
	return json_pack("{s:s%, s:s}", "name", name.ptr, name.len, "role", role_table[role].name);
}

static bool
store(struct action *action, const struct wanted *wanted, const char *key, PGresult **ret_row)
{
	struct pg_params params = params_of(action, wanted->id);
	struct organisation_event event;

	if (!insert(action, wanted, key))
		return false;
	event = event_of("api_key.create", wanted->id, details_of(wanted->name, wanted->role));
	return organisation_audit(action, &event) &&
	       action_query(action, "api_key_read", &params, ret_row) && action_commit(action);
}

void
api_key_create(struct action *action)
{
	char key[API_KEY_TEXT_SIZE];
	struct wanted wanted;
	PGresult *row = NULL;
	enum role role;
	bool test;

	if (!wanted_read(action, &wanted) || !organisation_open(action, PERMIT_KEYS, &role))
		return;
	/* Nobody makes a key that may more than he may. */
	if (wanted.role > role) {
		struct organisation_event event =
		    event_of("api_key.create", UUID_NIL, details_of(wanted.name, wanted.role));

		event.resource_type = NULL;
		organisation_refuse(action, &event, role, wanted.role);
		return;
	}
	if (!organisation_has_room(action, &bound) || !is_test(action, &test))
		return;
	api_key_new(test, key);
	if (store(action, &wanted, key, &row))
		organisation_answer(action, MHD_HTTP_CREATED, pg_get_str(row, 0, 0), "key", key);
	sodium_memzero(key, sizeof(key));
	PQclear(row);
}

/* Say that it was revoked; what it invited to goes with it. */
static bool
revoked(struct action *action, struct uuid id)
{
	struct organisation_event event = event_of("api_key.revoke", id, NULL);
	char maker[MAKER_TEXT_SIZE];
	int64_t withdrawn;

	organisation_maker(CALLER_KEY, id, maker);
	if (!invitation_withdraw(action, maker, ROLE_NONE, &withdrawn))
		return false;
	if (withdrawn > 0)
		event.details = json_pack("{s:I}", "invitations_revoked", (json_int_t)withdrawn);
	return organisation_audit(action, &event) && action_commit(action);
}

/* Whether there is such a key, and who has ${role} could have made it: nobody revokes what he may
 * not make.  False when an answer is noted. */
static bool
may_revoke(struct action *action, struct uuid id, enum role role)
{
	struct pg_params params = params_of(action, id);
	struct organisation_event event;
	enum role held = ROLE_NONE;
	PGresult *result;

	if (!action_query(action, "api_key_known", &params, &result))
		return false;
	if (PQntuples(result) == 1)
		held = role_from(pg_get_str(result, 0, 1));
	if (held == ROLE_NONE) {
		answer_problem(action->request, PROBLEM_NOT_FOUND,
		    "No API key with this id exists in this organisation.");
	} else if (held > role) {
		event = event_of("api_key.revoke", id, details_of(pg_get_str(result, 0, 0), held));
		organisation_refuse(action, &event, role, held);
	}
	PQclear(result);
	return held != ROLE_NONE && held <= role;
}

void
api_key_revoke(struct action *action)
{
	struct pg_params params;
	PGresult *result;
	struct uuid id;
	enum role role;
	int64_t changed;

	CHECK(uuid_read(request_param(action->request, "api_key_id"), &id));

	params = params_of(action, id);
	if (!organisation_open(action, PERMIT_KEYS, &role) || !may_revoke(action, id, role) ||
	    !action_query(action, "api_key_revoke", &params, &result))
		return;
	changed = pg_changed(result);
	PQclear(result);
	/* Once more is as good as once, and no news for the audit log. */
	if (changed == 0 || revoked(action, id))
		answer_nothing(action->request);
}
