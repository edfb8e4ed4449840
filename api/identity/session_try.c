/* Trying a password: how often, how long it takes, and who is told. */

#include "api/identity/identity.h"
#include "api/identity/identity_internal.h"
#include "api/identity/session.h"
#include "api/respond.h"
#include "api/throttle.h"
#include "common/base/daemon.h"

void
session_actor(struct uuid user_id, struct uuid session_id, char ret_text[ACTOR_TEXT_SIZE])
{
	char user[UUID_TEXT_SIZE], session[UUID_TEXT_SIZE];

	uuid_write(user_id, user);
	uuid_write(session_id, session);
	snprintf(ret_text, ACTOR_TEXT_SIZE, "user:%s%s%s", user, uuid_is_nil(session_id) ? "" : ":",
	    uuid_is_nil(session_id) ? "" : session);
}

/* Take the one row.  False when memory is out. */
static bool
account_take(struct arena *arena, const PGresult *result, struct account *ret_account)
{
	struct str hash = pg_get_str(result, 0, 1), key = pg_get_str(result, 0, 2);
	struct account account = {.user_id = pg_get_uuid(result, 0, 0)};

	CHECK(hash.len < sizeof(account.hash));
	if (hash.len > 0)
		memcpy(account.hash, hash.ptr, hash.len);
	crypto_generichash(
	    account.key, sizeof(account.key), (const unsigned char *)key.ptr, key.len, NULL, 0);
	if (!arena_str(arena, pg_get_str(result, 0, 3), &account.email) ||
	    !arena_str(arena, pg_get_str(result, 0, 4), &account.name))
		return false;
	*ret_account = account;
	return true;
}

static bool
account_read(struct action *action, const char *statement, const struct pg_params *params,
    struct account *ret_account)
{
	const struct action_scope scope = {.user_id = UUID_NIL};
	PGresult *result = NULL;
	bool taken = false;

	if (!action_open(action, &scope) || !action_query(action, statement, params, &result))
		return false;
	if (PQntuples(result) == 0)
		answer_problem(action->request, PROBLEM_UNAUTHORIZED, "The user is no more.");
	else if (!account_take(&action->request->arena, result, ret_account))
		answer_problem(action->request, PROBLEM_OVERLOADED, "There is no memory for it.");
	else
		taken = true;
	PQclear(result);
	return taken && action_commit(action);
}

bool
session_account_of_email(struct action *action, struct str email, struct account *ret_account)
{
	struct pg_params params = action_params(action);

	pg_params_str(&params, email);
	return account_read(action, "session_account_of_email", &params, ret_account);
}

bool
session_account_of_user(struct action *action, struct uuid user_id, struct account *ret_account)
{
	struct pg_params params = action_params(action);

	pg_params_uuid(&params, user_id);
	return account_read(action, "session_account_of_user", &params, ret_account);
}

static struct str
account_key(const struct account *account)
{
	return (struct str){(const char *)account->key, sizeof(account->key)};
}

static bool
take(struct action *action, enum limit_class class, struct str name)
{
	struct request *request = action->request;
	struct limit_state state;

	if (limits_take(request->ingress->limits, class, name, clock_steady_us(), &state))
		return true;
	throttle_refuse(request, class, &state);
	return false;
}

static void
give_back(struct action *action, enum limit_class class, struct str name)
{
	limits_give_back(action->request->ingress->limits, class, name);
}

bool
session_address_take(struct action *action)
{
	return take(action, LIMIT_LOGIN_ADDRESS, str_from(action->request->address));
}

void
session_address_give_back(struct action *action)
{
	give_back(action, LIMIT_LOGIN_ADDRESS, str_from(action->request->address));
}

/* Tell those whom it concerns, and answer.  For an account of nobody the same is done and undone,
 * and nobody waits for the disk: the time that it takes tells nothing. */
static void
refuse(struct action *action, const struct account *account, const char *event)
{
	bool known = !uuid_is_nil(account->user_id);
	bool stranger = action->request->caller.kind == CALLER_NOBODY;
	const struct action_scope scope = {.user_id = account->user_id};
	const struct audit audit = {
	    .action = event,
	    .outcome = problem_info(PROBLEM_BAD_CREDENTIALS)->slug,
	    .resource_type = "user",
	    .resource_id = account->user_id,
	    .actor = stranger ? STR("nobody") : STR_NONE,
	};

	if (!action_open(action, &scope) || !action_query(action, "session_unsynced", NULL, NULL) ||
	    !action_audit_user(action, &audit, account->user_id))
		return;
	if (known && !action_commit(action))
		return;
	answer_problem(action->request, PROBLEM_BAD_CREDENTIALS, "%s",
	    stranger ? "No user has this address with this password."
		     : "It is not the current password.");
}

bool
session_try(
    struct action *action, const struct account *account, struct str password, const char *event)
{
	struct str hash = uuid_is_nil(account->user_id) ? STR_NONE : str_from(account->hash);

	if (!session_address_take(action))
		return false;
	if (!take(action, LIMIT_LOGIN_ACCOUNT, account_key(account))) {
		session_address_give_back(action);
		return false;
	}
	if (!password_verify(password, hash)) {
		refuse(action, account, event);
		return false;
	}
	session_address_give_back(action);
	give_back(action, LIMIT_LOGIN_ACCOUNT, account_key(account));
	return true;
}
