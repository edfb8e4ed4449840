/*
 * Invitations: made by a member, passed on by him, taken by whoever has the address.  billd sends
 * no mail, and keeps only the hash of what is passed on.
 */

#include <sodium.h>

#include "api/identity/identity.h"
#include "api/identity/identity_internal.h"
#include "api/respond.h"
#include "common/base/token.h"

#define INVITATIONS_MAX 200 /* open ones of an organisation */

/* Those that are neither accepted nor revoked; they may have expired. */
#define UNUSED "accepted_at IS NULL AND revoked_at IS NULL"

const struct pg_statement invitation_statements[] = {
    /* $1 organisation, $2 address. */
    {"invitation_has_member",
	"SELECT EXISTS (SELECT FROM identity.memberships m"
	" JOIN identity.users u ON u.id = m.user_id WHERE m.organisation_id = $1::uuid"
	" AND u.email_key = identity.email_key($2::text))"},
    {"invitation_unused", "SELECT id, role, expires_at > now() FROM identity.invitations"
			  " WHERE organisation_id = $1::uuid"
			  " AND email_key = identity.email_key($2::text) AND " UNUSED},
    {"invitation_replace", "UPDATE identity.invitations SET revoked_at = now()"
			   " WHERE organisation_id = $1::uuid"
			   " AND email_key = identity.email_key($2::text) AND " UNUSED},
    /* $1 organisation. */
    {"invitation_open", "SELECT count(*) FROM identity.invitations"
			" WHERE organisation_id = $1::uuid AND " UNUSED " AND expires_at > now()"},
    /* $1 organisation, $2 id; $3 address, $4 role, $5 hash, $6 who invites. */
    {"invitation_insert",
	"INSERT INTO identity.invitations"
	" (organisation_id, id, email, email_key, role, token_hash, invited_by, expires_at)"
	" VALUES ($1::uuid, $2::uuid, $3::text, identity.email_key($3::text), $4::text, $5::bytea,"
	" $6::text, now() + interval '7 days')"},
    /* $1 organisation, $2 id. */
    {"invitation_read", "SELECT json::text FROM api.invitations"
			" WHERE organisation_id = $1::uuid AND id = $2::uuid"},
    {"invitation_state", "SELECT role, accepted_at IS NOT NULL, revoked_at IS NOT NULL, email"
			 " FROM identity.invitations"
			 " WHERE organisation_id = $1::uuid AND id = $2::uuid FOR UPDATE"},
    {"invitation_revoke", "UPDATE identity.invitations SET revoked_at = now()"
			  " WHERE organisation_id = $1::uuid AND id = $2::uuid AND " UNUSED},
    /* $1 organisation; $2 who made them, $3 their roles. */
    {"invitation_withdraw", "UPDATE identity.invitations SET revoked_at = now()"
			    " WHERE organisation_id = $1::uuid AND invited_by = $2::text"
			    " AND role = ANY ($3::text[]) AND " UNUSED},

    /* $1 the hash of what was presented. */
    {"invitation_find", "SELECT organisation_id, id FROM identity.invitations"
			" WHERE token_hash = $1::bytea"},
    /* $1 organisation, $2 id; $3 the address of who takes it. */
    {"invitation_lock", "SELECT role FROM identity.invitations"
			" WHERE organisation_id = $1::uuid AND id = $2::uuid"
			" AND email_key = identity.email_key($3::text) AND " UNUSED
			" AND expires_at > now() FOR UPDATE"},
    {"invitation_done", "UPDATE identity.invitations SET accepted_at = now()"
			" WHERE organisation_id = $1::uuid AND id = $2::uuid"},
    /* $1 organisation, $2 user, $3 role. */
    {"invitation_join", "INSERT INTO identity.memberships (organisation_id, user_id, role)"
			" VALUES ($1::uuid, $2::uuid, $3::text) ON CONFLICT DO NOTHING"},
    {"invitation_membership",
	"SELECT json_build_object('organisation', json_build_object('id', o.id, 'name', o.name,"
	" 'test', o.test), 'role', m.role)::text FROM identity.memberships m"
	" JOIN identity.organisations o ON o.id = m.organisation_id"
	" WHERE m.organisation_id = $1::uuid AND m.user_id = $2::uuid"},
    /* $1 user. */
    {"invitation_email", "SELECT email FROM identity.users WHERE id = $1::uuid"},
};

const size_t invitation_statements_len = ARRAY_LEN(invitation_statements);

/* Two ids: of the organisation, and of what is in it. */
static struct pg_params
params_of(struct action *action, struct uuid organisation_id, struct uuid id)
{
	struct pg_params params = action_params(action);

	pg_params_uuid(&params, organisation_id);
	pg_params_uuid(&params, id);
	return params;
}

static struct organisation_event
event_of(const char *what, struct uuid id, struct str email, enum role role)
{
	return (struct organisation_event){what, "invitation", id, STR_NONE,
	    json_pack("{s:s%, s:s}", "email", email.ptr, email.len, "role", role_table[role].name)};
}

/* Make and revoke. */

/* What there is already for an address. */
struct unused {
	enum role role; /* ROLE_NONE: nothing */
	struct uuid id;
	bool open; /* it has not expired */
};

/* What the body asks for; ${id} nil: it is refused. */
static struct organisation_event
invite_event(const struct action *action, struct uuid id, const struct unused *replaced)
{
	struct organisation_event event = event_of("member.invite", id,
	    action_text(action, "email"), role_from(action_text(action, "role")));
	char text[UUID_TEXT_SIZE];

	if (uuid_is_nil(id))
		event.resource_type = NULL;
	if (replaced->role == ROLE_NONE)
		return event;
	uuid_write(replaced->id, text);
	json_object_set_new(event.details, "replaces",
	    json_pack("{s:s, s:s}", "id", text, "role", role_table[replaced->role].name));
	return event;
}

static bool
unused_read(struct action *action, const struct pg_params *params, struct unused *ret_unused)
{
	PGresult *result;

	*ret_unused = (struct unused){.role = ROLE_NONE};
	if (!action_query(action, "invitation_unused", params, &result))
		return false;
	if (PQntuples(result) == 1)
		*ret_unused = (struct unused){
		    .id = pg_get_uuid(result, 0, 0),
		    .role = role_from(pg_get_str(result, 0, 1)),
		    .open = pg_get_bool(result, 0, 2),
		};
	PQclear(result);
	return true;
}

/* Whether who has ${role} may invite the address; what was there for it is no more.  To replace is
 * to revoke: what somebody could not take by DELETE he does not take so. */
static bool
address_clear(struct action *action, enum role role, struct unused *ret_replaced)
{
	struct pg_params params = action_params(action);
	struct organisation_event event;
	PGresult *result;
	bool member;

	pg_params_uuid(&params, action->request->caller.organisation_id);
	pg_params_str(&params, action_text(action, "email"));
	if (!action_query(action, "invitation_has_member", &params, &result))
		return false;
	member = pg_get_bool(result, 0, 0);
	PQclear(result);
	if (member) {
		answer_problem(action->request, PROBLEM_ALREADY_MEMBER,
		    "A member of this organisation has this address.");
		return false;
	}
	if (!unused_read(action, &params, ret_replaced))
		return false;
	if (ret_replaced->open && !role_may_grant(role, ret_replaced->role)) {
		event = invite_event(action, UUID_NIL, ret_replaced);
		organisation_refuse(action, &event, role, ret_replaced->role);
		return false;
	}
	return action_query(action, "invitation_replace", &params, NULL);
}

static const struct organisation_bound bound = {"invitation_open", INVITATIONS_MAX,
    PROBLEM_INVITATIONS_TOO_MANY, "invitations of this organisation are open"};

static bool
insert(struct action *action, struct uuid id, const char *token)
{
	struct pg_params params = params_of(action, action->request->caller.organisation_id, id);
	uint8_t hash[API_KEY_HASH_BYTES];
	char maker[MAKER_TEXT_SIZE];

	api_key_hash(str_from(token), hash);
	organisation_maker(action->request->caller.kind, action->request->caller.id, maker);
	pg_params_str(&params, action_text(action, "email"));
	pg_params_str(&params, action_text(action, "role"));
	pg_params_bytes(&params, (struct str){(const char *)hash, sizeof(hash)});
	pg_params_str(&params, str_from(maker));
	return action_query(action, "invitation_insert", &params, NULL);
}

/* All of it by who has ${role}, up to the row as it is shown. */
static bool
invite(struct action *action, struct uuid id, enum role role, const char *token, PGresult **ret_row)
{
	struct pg_params params = params_of(action, action->request->caller.organisation_id, id);
	struct organisation_event event;
	struct unused replaced;

	if (!address_clear(action, role, &replaced) || !organisation_has_room(action, &bound) ||
	    !insert(action, id, token))
		return false;
	event = invite_event(action, id, &replaced);
	return organisation_audit(action, &event) &&
	       action_query(action, "invitation_read", &params, ret_row) && action_commit(action);
}

void
invitation_create(struct action *action)
{
	enum role role, granted = role_from(action_text(action, "role"));
	struct uuid id = uuid_new();
	char token[RANDOM_TOKEN_SIZE];
	PGresult *row = NULL;

	CHECK(granted != ROLE_NONE);

	if (!organisation_open(action, PERMIT_MEMBERS, &role))
		return;
	if (!role_may_grant(role, granted)) {
		struct organisation_event event =
		    invite_event(action, UUID_NIL, &(struct unused){.role = ROLE_NONE});

		organisation_refuse(action, &event, role, granted);
		return;
	}
	random_token_new(INVITATION_PREFIX, token);
	if (invite(action, id, role, token, &row))
		organisation_answer(
		    action, MHD_HTTP_CREATED, pg_get_str(row, 0, 0), "token", token);
	sodium_memzero(token, sizeof(token));
	PQclear(row);
}

/* What ${state} says stands in the way of revoking; true when nothing does. */
static bool
may_revoke(struct action *action, const PGresult *state, struct uuid id, enum role role)
{
	struct organisation_event event;
	enum role granted;

	if (PQntuples(state) == 0) {
		answer_problem(action->request, PROBLEM_NOT_FOUND,
		    "No invitation with this id exists in this organisation.");
		return false;
	}
	if (pg_get_bool(state, 0, 1)) {
		answer_problem(action->request, PROBLEM_BAD_INVITATION,
		    "The invitation was accepted: remove the member instead.");
		return false;
	}
	granted = role_from(pg_get_str(state, 0, 0));
	if (role_may_grant(role, granted))
		return true;
	event = event_of("invitation.revoke", id, pg_get_str(state, 0, 3), granted);
	organisation_refuse(action, &event, role, granted);
	return false;
}

void
invitation_revoke(struct action *action)
{
	struct request *request = action->request;
	struct organisation_event event;
	struct pg_params params;
	PGresult *state = NULL;
	struct uuid id;
	enum role role;
	bool done;

	CHECK(uuid_read(request_param(request, "invitation_id"), &id));

	params = params_of(action, request->caller.organisation_id, id);
	if (!organisation_open(action, PERMIT_MEMBERS, &role) ||
	    !action_query(action, "invitation_state", &params, &state))
		return;
	done = may_revoke(action, state, id, role);
	/* Once more is as good as once, and no news for the audit log. */
	if (done && !pg_get_bool(state, 0, 2)) {
		event = event_of("invitation.revoke", id, pg_get_str(state, 0, 3),
		    role_from(pg_get_str(state, 0, 0)));
		done = action_query(action, "invitation_revoke", &params, NULL) &&
		       organisation_audit(action, &event) && action_commit(action);
	}
	if (done)
		answer_nothing(request);
	PQclear(state);
}

bool
invitation_withdraw(
    struct action *action, const char *maker, enum role role, int64_t *ret_withdrawn)
{
	struct pg_params params = action_params(action);
	struct str roles[ROLE_MAX];
	PGresult *result;
	size_t len = 0;

	for (enum role granted = ROLE_VIEWER; granted < ROLE_MAX; granted++)
		if (!role_may_grant(role, granted))
			roles[len++] = str_from(role_table[granted].name);
	pg_params_uuid(&params, action->request->caller.organisation_id);
	pg_params_str(&params, str_from(maker));
	pg_params_strs(&params, roles, len);
	if (!action_query(action, "invitation_withdraw", &params, &result))
		return false;
	*ret_withdrawn = pg_changed(result);
	PQclear(result);
	return true;
}

/* Take. */

/* One answer for all that may be wrong with it: it tells nothing of an invitation of others. */
static bool
answer_bad(struct action *action)
{
	answer_problem(action->request, PROBLEM_BAD_INVITATION,
	    "The invitation is not good, or not for this user's address.");
	return false;
}

/* Find which invitation is presented, and see its organisation from then on. */
static bool
find(struct action *action, struct str token, struct uuid user_id, struct uuid *ret_organisation_id,
    struct uuid *ret_id)
{
	uint8_t hash[API_KEY_HASH_BYTES];
	struct action_scope scope = {.user_id = user_id, .presented_hash = hash};
	struct pg_params params = action_params(action);
	PGresult *result;
	bool found;

	if (!random_token_has_form(INVITATION_PREFIX, token))
		return answer_bad(action);
	api_key_hash(token, hash);
	pg_params_bytes(&params, (struct str){(const char *)hash, sizeof(hash)});
	if (!action_scope(action, &scope) ||
	    !action_query(action, "invitation_find", &params, &result))
		return false;
	found = PQntuples(result) == 1;
	if (found) {
		*ret_organisation_id = pg_get_uuid(result, 0, 0);
		*ret_id = pg_get_uuid(result, 0, 1);
	}
	PQclear(result);
	if (!found)
		return answer_bad(action);
	scope.organisation_id = *ret_organisation_id;
	return action_scope(action, &scope);
}

/* Take the row, if it is good for that address; what it gives. */
static bool
lock(struct action *action, struct uuid organisation_id, struct uuid id, struct str email,
    enum role *ret_role)
{
	struct pg_params params = params_of(action, organisation_id, id);
	PGresult *result;

	pg_params_str(&params, email);
	if (!organisation_lock(action, organisation_id) ||
	    !action_query(action, "invitation_lock", &params, &result))
		return false;
	*ret_role = PQntuples(result) == 0 ? ROLE_NONE : role_from(pg_get_str(result, 0, 0));
	PQclear(result);
	return *ret_role != ROLE_NONE || answer_bad(action);
}

static bool
join(struct action *action, struct uuid organisation_id, struct uuid user_id, enum role role)
{
	struct pg_params params = params_of(action, organisation_id, user_id);
	PGresult *result;
	int64_t joined;

	pg_params_str(&params, str_from(role_table[role].name));
	if (!action_query(action, "invitation_join", &params, &result))
		return false;
	joined = pg_changed(result);
	PQclear(result);
	if (joined == 0)
		answer_problem(action->request, PROBLEM_ALREADY_MEMBER,
		    "The user is a member of this organisation already.");
	return joined == 1;
}

/* Who takes it: the caller, or who is just being registered. */
static bool
tell(struct action *action, struct uuid id, struct uuid user_id, struct str email, enum role role)
{
	struct organisation_event event = event_of("invitation.accept", id, email, role);
	char actor[MAKER_TEXT_SIZE];

	organisation_maker(CALLER_USER, user_id, actor);
	if (action->request->caller.kind == CALLER_NOBODY)
		event.actor = str_from(actor);
	return organisation_audit(action, &event);
}

static bool
take(struct action *action, struct str token, struct uuid user_id, struct str email,
    struct uuid *ret_organisation_id)
{
	struct pg_params params;
	struct uuid id;
	enum role role;

	if (!find(action, token, user_id, ret_organisation_id, &id) ||
	    !lock(action, *ret_organisation_id, id, email, &role) ||
	    !join(action, *ret_organisation_id, user_id, role))
		return false;
	params = params_of(action, *ret_organisation_id, id);
	return action_query(action, "invitation_done", &params, NULL) &&
	       tell(action, id, user_id, email, role);
}

bool
invitation_take(struct action *action, struct str token, struct uuid user_id, struct str email)
{
	struct uuid organisation_id;

	return take(action, token, user_id, email, &organisation_id);
}

/* The caller takes it, with the address that he is registered with. */
static bool
accept_as(struct action *action, struct str email, PGresult **ret_row)
{
	struct uuid organisation_id, user_id = action->request->caller.id;
	struct pg_params params;

	if (!take(action, action_text(action, "token"), user_id, email, &organisation_id))
		return false;
	params = params_of(action, organisation_id, user_id);
	return action_query(action, "invitation_membership", &params, ret_row) &&
	       action_commit(action);
}

void
invitation_accept(struct action *action)
{
	const struct action_scope scope = {.user_id = action->request->caller.id};
	struct pg_params params = action_params(action);
	PGresult *user = NULL, *row = NULL;

	pg_params_uuid(&params, scope.user_id);
	if (!action_open(action, &scope) ||
	    !action_query(action, "invitation_email", &params, &user))
		return;
	if (PQntuples(user) == 0)
		answer_problem(action->request, PROBLEM_UNAUTHORIZED, "The caller is no more.");
	else if (accept_as(action, pg_get_str(user, 0, 0), &row))
		organisation_answer(action, MHD_HTTP_OK, pg_get_str(row, 0, 0), NULL, NULL);
	PQclear(row);
	PQclear(user);
}
