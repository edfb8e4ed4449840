/* Members: other roles, and no more of them. */

#include "api/identity/identity.h"
#include "api/identity/identity_internal.h"
#include "api/respond.h"

const struct pg_statement member_statements[] = {
    /* $1 organisation, $2 user; $3 role. */
    {"member_role", "SELECT role FROM identity.memberships"
		    " WHERE organisation_id = $1::uuid AND user_id = $2::uuid FOR UPDATE"},
    {"member_update", "UPDATE identity.memberships SET role = $3::text"
		      " WHERE organisation_id = $1::uuid AND user_id = $2::uuid"},
    {"member_read", "SELECT json::text FROM api.members"
		    " WHERE organisation_id = $1::uuid AND id = $2::uuid"},
    {"member_delete", "DELETE FROM identity.memberships"
		      " WHERE organisation_id = $1::uuid AND user_id = $2::uuid"},
};

const size_t member_statements_len = ARRAY_LEN(member_statements);

/* One member of the caller's organisation. */
static struct pg_params
params_of(struct action *action, struct uuid user_id)
{
	struct pg_params params = action_params(action);

	pg_params_uuid(&params, action->request->caller.organisation_id);
	pg_params_uuid(&params, user_id);
	return params;
}

static struct uuid
user_of_path(const struct action *action)
{
	struct uuid user_id;

	CHECK(uuid_read(request_param(action->request, "user_id"), &user_id));
	return user_id;
}

/* Take the member's row.  False when an answer is noted: nobody is there, for example. */
static bool
member_lock(struct action *action, struct uuid user_id, enum role *ret_role)
{
	struct pg_params params = params_of(action, user_id);
	PGresult *result;

	if (!action_query(action, "member_role", &params, &result))
		return false;
	*ret_role = PQntuples(result) == 0 ? ROLE_NONE : role_from(pg_get_str(result, 0, 0));
	PQclear(result);
	if (*ret_role == ROLE_NONE)
		answer_problem(action->request, PROBLEM_NOT_FOUND,
		    "No user with this id is a member of this organisation.");
	return *ret_role != ROLE_NONE;
}

/* From one role to another, or to none; and what is withdrawn with it. */
static json_t *
details_of(enum role old, enum role new, int64_t withdrawn)
{
	json_t *details = json_pack("{s:s}", "from", role_table[old].name);

	if (new != ROLE_NONE)
		CHECK(json_object_set_new(details, "to", json_string(role_table[new].name)) == 0);
	if (withdrawn > 0)
		CHECK(json_object_set_new(
			  details, "invitations_revoked", json_integer(withdrawn)) == 0);
	return details;
}

static struct organisation_event
event_of(const char *what, struct uuid user_id, json_t *details)
{
	return (struct organisation_event){what, "member", user_id, STR_NONE, details};
}

/* What is left of what the member offered to others, having ${role} now. */
static bool
withdraw(struct action *action, struct uuid user_id, enum role role, int64_t *ret_withdrawn)
{
	char maker[MAKER_TEXT_SIZE];

	organisation_maker(CALLER_USER, user_id, maker);
	return invitation_withdraw(action, maker, role, ret_withdrawn);
}

static bool
change(struct action *action, struct uuid user_id, enum role old, enum role new)
{
	struct pg_params params = params_of(action, user_id);
	struct organisation_event event;
	int64_t withdrawn;

	pg_params_str(&params, str_from(role_table[new].name));
	if (!action_query(action, "member_update", &params, NULL) ||
	    !withdraw(action, user_id, new, &withdrawn))
		return false;
	event = event_of("member.update", user_id, details_of(old, new, withdrawn));
	return organisation_audit(action, &event);
}

void
member_update(struct action *action)
{
	struct uuid user_id = user_of_path(action);
	struct pg_params params = params_of(action, user_id);
	enum role role, old, new = role_from(action_text(action, "role"));
	struct organisation_event event;
	PGresult *result = NULL;

	CHECK(new != ROLE_NONE);

	if (!organisation_open(action, PERMIT_MEMBERS, &role) ||
	    !member_lock(action, user_id, &old))
		return;
	if (!role_may_grant(role, old) || !role_may_grant(role, new)) {
		event = event_of("member.update", user_id, details_of(old, new, 0));
		organisation_refuse(action, &event, role, role_may_grant(role, old) ? new : old);
		return;
	}
	if ((old == new || change(action, user_id, old, new)) &&
	    action_query(action, "member_read", &params, &result) && action_commit(action))
		organisation_answer(action, MHD_HTTP_OK, pg_get_str(result, 0, 0), NULL, NULL);
	PQclear(result);
}

/* Oneself: to leave needs no permission.  A key is no member. */
static bool
is_self(const struct action *action, struct uuid user_id)
{
	const struct caller *caller = &action->request->caller;

	return caller->kind == CALLER_USER && uuid_equal(caller->id, user_id);
}

static bool
drop(struct action *action, struct uuid user_id, enum role old)
{
	struct pg_params params = params_of(action, user_id);
	struct organisation_event event;
	int64_t withdrawn;

	if (!action_query(action, "member_delete", &params, NULL) ||
	    !withdraw(action, user_id, ROLE_NONE, &withdrawn))
		return false;
	event = event_of("member.remove", user_id, details_of(old, ROLE_NONE, withdrawn));
	return organisation_audit(action, &event);
}

void
member_remove(struct action *action)
{
	struct uuid user_id = user_of_path(action);
	bool self = is_self(action, user_id);
	struct organisation_event event;
	enum role role, old;

	if (!organisation_open(action, self ? PERMIT_READ : PERMIT_MEMBERS, &role) ||
	    !member_lock(action, user_id, &old))
		return;
	if (!self && !role_may_grant(role, old)) {
		event = event_of("member.remove", user_id, details_of(old, ROLE_NONE, 0));
		organisation_refuse(action, &event, role, old);
		return;
	}
	if (drop(action, user_id, old) && action_commit(action))
		answer_nothing(action->request);
}
