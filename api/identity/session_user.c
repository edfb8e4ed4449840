/* Users: registration, another password, and who asks. */

#include "api/identity/identity.h"
#include "api/identity/identity_internal.h"
#include "api/identity/session.h"
#include "api/respond.h"

/* Whether ${password} is taken.  False when an answer is noted. */
static bool
password_check(struct action *action, struct str password, struct str email, struct str name)
{
	enum password_verdict verdict = password_judge(password, email, name);

	if (verdict == PASSWORD_GOOD)
		return true;
	answer_problem(
	    action->request, PROBLEM_WEAK_PASSWORD, "%s", password_verdict_text(verdict));
	return false;
}

static bool
password_make(struct action *action, struct str password, char ret_hash[PASSWORD_HASH_SIZE])
{
	if (password_hash(password, ret_hash))
		return true;
	answer_problem(
	    action->request, PROBLEM_OVERLOADED, "There is no memory to hash a password now.");
	return false;
}

/* Within the transaction: the user, and the membership that came with an invitation. */
static bool
user_insert(struct action *action, struct uuid user_id, const char *hash, PGresult **ret_user)
{
	struct str email = action_text(action, "email");
	struct str token = action_text(action, "invitation_token");
	struct pg_params params = action_params(action);

	pg_params_uuid(&params, user_id);
	pg_params_str(&params, email);
	pg_params_str(&params, action_text(action, "name"));
	pg_params_str(&params, str_from(hash));
	if (!action_query(action, "session_user_insert", &params, ret_user))
		return false;
	if (PQntuples(*ret_user) == 0) {
		answer_problem(
		    action->request, PROBLEM_EMAIL_TAKEN, "Another user has this address.");
		return false;
	}
	return token.ptr == NULL || invitation_take(action, token, user_id, email);
}

static void
user_register(struct action *action, const char *hash)
{
	struct uuid user_id = uuid_new();
	const struct action_scope scope = {.user_id = user_id};
	char actor[ACTOR_TEXT_SIZE];
	struct audit audit = {
	    .action = "user.register",
	    .outcome = "succeeded",
	    .resource_type = "user",
	    .resource_id = user_id,
	};
	PGresult *user = NULL;

	session_actor(user_id, UUID_NIL, actor);
	audit.actor = str_from(actor);
	if (action_open(action, &scope) && user_insert(action, user_id, hash, &user) &&
	    action_audit_user(action, &audit, user_id) && action_commit(action)) {
		session_address_give_back(action);
		buf_clear(&action->request->out);
		buf_append_str(&action->request->out, pg_get_str(user, 0, 0));
		answer_out(action->request, MHD_HTTP_CREATED, JSON_TYPE);
	}
	PQclear(user);
}

/* One that fails counts as an attempt of its address: it tells whether an address is taken. */
void
session_register(struct action *action)
{
	struct str password = action_text(action, "password");
	char hash[PASSWORD_HASH_SIZE];

	if (password_check(
		action, password, action_text(action, "email"), action_text(action, "name")) &&
	    session_address_take(action) && password_make(action, password, hash))
		user_register(action, hash);
}

/* Within the transaction: unless it was changed since it was read, and all other sessions end. */
static bool
password_set(struct action *action, const struct account *account, const char *hash)
{
	struct pg_params params = action_params(action), others = action_params(action);
	PGresult *result;
	bool changed;

	pg_params_uuid(&params, account->user_id);
	pg_params_str(&params, str_from(account->hash));
	pg_params_str(&params, str_from(hash));
	if (!action_query(action, "session_password_set", &params, &result))
		return false;
	changed = pg_changed(result) == 1;
	PQclear(result);
	if (!changed) {
		answer_problem(action->request, PROBLEM_BAD_CREDENTIALS,
		    "The password was changed a moment ago.");
		return false;
	}
	pg_params_uuid(&others, account->user_id);
	pg_params_str(&others, STR("password_changed"));
	pg_params_uuid(&others, action->request->caller.session_id);
	return action_query(action, "session_revoke_all", &others, NULL);
}

void
session_password(struct action *action)
{
	struct uuid user_id = action->request->caller.id;
	const struct action_scope scope = {.user_id = user_id};
	const struct audit audit = {
	    .action = "user.password_change",
	    .outcome = "succeeded",
	    .resource_type = "user",
	    .resource_id = user_id,
	};
	struct str password = action_text(action, "new_password");
	char hash[PASSWORD_HASH_SIZE];
	struct account account;

	if (!session_account_of_user(action, user_id, &account) ||
	    !session_try(action, &account, action_text(action, "current_password"), audit.action) ||
	    !password_check(action, password, account.email, account.name) ||
	    !password_make(action, password, hash))
		return;
	if (action_open(action, &scope) && password_set(action, &account, hash) &&
	    action_audit_user(action, &audit, user_id) && action_commit(action))
		answer_nothing(action->request);
}

void
session_me(struct action *action)
{
	const struct caller *caller = &action->request->caller;
	bool user = caller->kind == CALLER_USER;
	const struct action_scope scope = {
	    .organisation_id = user ? UUID_NIL : caller->organisation_id,
	    .user_id = user ? caller->id : UUID_NIL};
	struct pg_params params = action_params(action);
	PGresult *me;

	if (!user)
		pg_params_uuid(&params, caller->organisation_id);
	pg_params_uuid(&params, caller->id);
	if (!action_open(action, &scope) ||
	    !action_query(action, user ? "session_me_user" : "session_me_key", &params, &me))
		return;
	if (PQntuples(me) == 0) {
		answer_problem(action->request, PROBLEM_UNAUTHORIZED, "The caller is no more.");
	} else if (action_commit(action)) {
		buf_clear(&action->request->out);
		buf_append_str(&action->request->out, pg_get_str(me, 0, 0));
		answer_out(action->request, MHD_HTTP_OK, JSON_TYPE);
	}
	PQclear(me);
}
