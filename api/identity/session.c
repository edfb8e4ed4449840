/* Sessions: a log-in, and the family of refresh tokens that comes of it. */

#include "api/identity/session.h"

#include "api/identity/identity.h"
#include "api/identity/identity_internal.h"
#include "api/respond.h"
#include "api/ring.h"
#include "common/base/daemon.h"

#define SESSIONS_MAX 100 /* of one user at a time: one more ends the oldest */

const struct pg_statement session_statements[] = {
    /* $1 address.  One row in any case, with the form by which the address is known. */
    {"session_account_of_email",
	"SELECT u.id, u.password_hash, identity.email_key($1::text), u.email, u.name"
	" FROM (SELECT) one LEFT JOIN identity.users u"
	" ON u.email_key = identity.email_key($1::text)"},
    /* $1 user. */
    {"session_account_of_user", "SELECT id, password_hash, email_key, email, name"
				" FROM identity.users WHERE id = $1::uuid"},
    /* What was tried is told, but a crash may lose the last of it. */
    {"session_unsynced", "SELECT set_config('synchronous_commit', 'off', true)"},

    /* $1 user, $2 hash: no row when the password is another by now.  Held to the end of the
     * transaction, so that a session begins before a change of the password, which ends it, or
     * not at all. */
    {"session_user_lock", "SELECT FROM identity.users WHERE id = $1::uuid"
			  " AND password_hash = $2::text FOR NO KEY UPDATE"},
    /* $3 the new hash. */
    {"session_password_set",
	"UPDATE identity.users SET password_hash = $3::text, updated_at = now()"
	" WHERE id = $1::uuid AND password_hash = $2::text"},
    /* $1 user: whoever changes several sessions of his holds him, so no two do so at a time. */
    {"session_user_hold", "SELECT FROM identity.users WHERE id = $1::uuid FOR NO KEY UPDATE"},

    /* $1 user, $2 reason, $3 how many are left, the newest.  The user is held. */
    {"session_make_room",
	"UPDATE identity.sessions SET revoked_at = now(), reason = $2::text WHERE id IN ("
	"SELECT id FROM identity.sessions WHERE user_id = $1::uuid AND revoked_at IS NULL"
	" AND expires_at > now() ORDER BY expires_at DESC, id DESC OFFSET $3::int4)"
	" AND revoked_at IS NULL"},
    /* $1 id, $2 user, $3 address. */
    {"session_insert",
	"INSERT INTO identity.sessions (id, user_id, address, expires_at)"
	" VALUES ($1::uuid, $2::uuid, $3::text, now() + interval '30 days') RETURNING expires_at"},
    /* $1 hash, $2 session. */
    {"session_token_insert", "INSERT INTO identity.refresh_tokens (token_hash, session_id) VALUES "
			     "($1::bytea, $2::uuid)"},
    /* $1 hash.  Of two that show one token at the same moment, the second waits here, and then sees
     * what the first has made of it. */
    {"session_token_lock",
	"SELECT s.id, s.user_id, s.expires_at, t.used_at IS NOT NULL,"
	" s.revoked_at IS NULL AND s.expires_at > now()"
	" FROM identity.refresh_tokens t JOIN identity.sessions s ON s.id = t.session_id"
	" WHERE t.token_hash = $1::bytea FOR NO KEY UPDATE"},
    {"session_token_use",
	"UPDATE identity.refresh_tokens SET used_at = now() WHERE token_hash = $1::bytea"},

    /* $1 session, $2 reason. */
    {"session_revoke", "UPDATE identity.sessions SET revoked_at = now(), reason = $2::text"
		       " WHERE id = $1::uuid AND revoked_at IS NULL"},
    /* $1 user, $2 reason, $3 the session that is left, or none. */
    {"session_revoke_all",
	"UPDATE identity.sessions SET revoked_at = now(), reason = $2::text"
	" WHERE user_id = $1::uuid AND id IS DISTINCT FROM $3::uuid AND revoked_at IS NULL"},

    /* $1 id, $2 address, $3 name, $4 hash.  No row when the address is another's: a failure would
     * have it in the server's log. */
    {"session_user_insert",
	"INSERT INTO identity.users (id, email, email_key, name, password_hash)"
	" VALUES ($1::uuid, $2::text, identity.email_key($2::text), $3::text, $4::text)"
	" ON CONFLICT (email_key) DO NOTHING"
	" RETURNING json_build_object('id', id, 'email', email, 'name', name,"
	"  'created_at', api.rfc3339(created_at))::text"},
    /* $1 user. */
    {"session_me_user",
	"SELECT json_build_object('kind', 'user', 'user', json_build_object('id', u.id,"
	"  'email', u.email, 'name', u.name, 'created_at', api.rfc3339(u.created_at)),"
	"  'api_key', NULL, 'memberships', coalesce((SELECT json_agg(json_build_object("
	"   'organisation', json_build_object('id', o.id, 'name', o.name, 'test', o.test),"
	"   'role', m.role) ORDER BY m.created_at, o.id)"
	"  FROM identity.memberships m JOIN identity.organisations o ON o.id = m.organisation_id"
	"  WHERE m.user_id = u.id), '[]'::json))::text"
	" FROM identity.users u WHERE u.id = $1::uuid"},
    /* $1 organisation, $2 key. */
    {"session_me_key",
	"SELECT json_build_object('kind', 'api_key', 'user', NULL, 'api_key', v.json,"
	"  'memberships', json_build_array(json_build_object('organisation',"
	"   json_build_object('id', o.id, 'name', o.name, 'test', o.test), 'role', k.role)))::text"
	" FROM identity.api_keys k JOIN api.api_keys v USING (organisation_id, id)"
	" JOIN identity.organisations o ON o.id = k.organisation_id"
	" WHERE k.organisation_id = $1::uuid AND k.id = $2::uuid"},
};
const size_t session_statements_len = ARRAY_LEN(session_statements);

/* A session, as it is begun or found. */
struct session {
	struct uuid id, user_id;
	int64_t expires_at; /* seconds since the epoch */
	bool used;          /* the token that was shown had been used */
	bool live;          /* neither revoked nor expired */
	int64_t ended;      /* others that made room for it */
};

/* What the client gets. */
struct tokens {
	char access[TOKEN_TEXT_SIZE];
	char refresh[RANDOM_TOKEN_SIZE];
	int64_t expires_in_s;
};

static struct pg_params
token_params(struct action *action, struct str token)
{
	struct pg_params params = action_params(action);
	uint8_t *hash = arena_alloc(params.arena, API_KEY_HASH_BYTES);

	if (hash == NULL) {
		params.overflow = true;
		return params;
	}
	api_key_hash(token, hash);
	pg_params_bytes(&params, (struct str){(const char *)hash, API_KEY_HASH_BYTES});
	return params;
}

/* New tokens of ${session}; the refresh token is stored.  Nothing is left to fail behind the
 * commit. */
static bool
tokens_make(struct action *action, const struct session *session, struct tokens *ret_tokens)
{
	int64_t now_s = clock_now_ms() / 1000;
	struct token_claims claims = {session->user_id, session->id, now_s, now_s + TOKEN_LIFE_S};
	struct pg_params params;

	if (claims.expires_at > session->expires_at)
		claims.expires_at = session->expires_at;
	/* By our clock; the database's may say that a moment is left. */
	if (claims.expires_at <= now_s) {
		answer_problem(action->request, PROBLEM_BAD_CREDENTIALS, "The session is over.");
		return false;
	}
	ret_tokens->expires_in_s = claims.expires_at - now_s;
	random_token_new(REFRESH_TOKEN_PREFIX, ret_tokens->refresh);
	if (!ring_holder_token_write(action->request->ingress->ring, &claims, ret_tokens->access)) {
		answer_problem(action->request, PROBLEM_DATABASE_UNAVAILABLE,
		    "There is no key to sign a token with.");
		return false;
	}
	params = token_params(action, str_from(ret_tokens->refresh));
	pg_params_uuid(&params, session->id);
	return action_query(action, "session_token_insert", &params, NULL);
}

static void
tokens_answer(struct action *action, struct tokens *tokens)
{
	struct buf *out = &action->request->out;

	buf_clear(out);
	buf_printf(out,
	    "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%lld,"
	    "\"refresh_token\":\"%s\"}",
	    tokens->access, (long long)tokens->expires_in_s, tokens->refresh);
	answer_out(action->request, MHD_HTTP_OK, JSON_TYPE);
}

/* Say in the audit log what became of a session. */
static bool
session_audit(
    struct action *action, const struct session *session, const char *event, const char *outcome)
{
	char actor[ACTOR_TEXT_SIZE], details[64];
	struct audit audit = {
	    .action = event,
	    .outcome = outcome,
	    .resource_type = "session",
	    .resource_id = session->id,
	};

	session_actor(session->user_id, session->id, actor);
	audit.actor = str_from(actor);
	if (session->ended > 0) {
		snprintf(details, sizeof(details), "{\"sessions_ended\":%lld}",
		    (long long)session->ended);
		audit.details = str_from(details);
	}
	return action_audit_user(action, &audit, session->user_id);
}

/* Log in. */

/* Hold the user, unless the password was changed since it was read. */
static bool
hold(struct action *action, const struct account *account)
{
	struct pg_params params = action_params(action);
	PGresult *result;
	int rows;

	pg_params_uuid(&params, account->user_id);
	pg_params_str(&params, str_from(account->hash));
	if (!action_query(action, "session_user_lock", &params, &result))
		return false;
	rows = PQntuples(result);
	PQclear(result);
	if (rows == 0)
		answer_problem(action->request, PROBLEM_BAD_CREDENTIALS,
		    "The password was changed a moment ago.");
	return rows > 0;
}

/* End the oldest sessions of the user, who is held, as far as one more would be one too many. */
static bool
make_room(struct action *action, struct uuid user_id, int64_t *ret_ended)
{
	struct pg_params params = action_params(action);
	PGresult *result;

	pg_params_uuid(&params, user_id);
	pg_params_str(&params, STR("too_many"));
	pg_params_int32(&params, SESSIONS_MAX - 1);
	if (!action_query(action, "session_make_room", &params, &result))
		return false;
	*ret_ended = pg_changed(result);
	PQclear(result);
	return true;
}

/* Begin a session. */
static bool
session_begin(struct action *action, const struct account *account, struct session *ret_session)
{
	struct pg_params params = action_params(action);
	struct session session = {.id = uuid_new(), .user_id = account->user_id};
	const char *address = action->request->address;
	PGresult *result;

	if (!hold(action, account) || !make_room(action, session.user_id, &session.ended))
		return false;
	pg_params_uuid(&params, session.id);
	pg_params_uuid(&params, session.user_id);
	pg_params_str(&params, address[0] == '\0' ? STR_NONE : str_from(address));
	if (!action_query(action, "session_insert", &params, &result))
		return false;
	session.expires_at = pg_get_instant(result, 0, 0).s;
	PQclear(result);
	*ret_session = session;
	return true;
}

/* Store the hash ${fresh}, of today's costs; the row is held. */
static bool
rehash(struct action *action, const struct account *account, const char *fresh)
{
	struct pg_params params = action_params(action);

	if (fresh[0] == '\0')
		return true;
	pg_params_uuid(&params, account->user_id);
	pg_params_str(&params, str_from(account->hash));
	pg_params_str(&params, str_from(fresh));
	return action_query(action, "session_password_set", &params, NULL);
}

void
session_login(struct action *action)
{
	struct str password = action_text(action, "password");
	char fresh[PASSWORD_HASH_SIZE] = "";
	struct account account;
	struct session session;
	struct tokens tokens;
	struct action_scope scope;

	if (!session_account_of_email(action, action_text(action, "email"), &account) ||
	    !session_try(action, &account, password, "session.login"))
		return;
	/* Outside of the transaction, as it takes its time; without memory another time will do. */
	if (password_is_outdated(str_from(account.hash)) && !password_hash(password, fresh))
		fresh[0] = '\0';
	scope = (struct action_scope){.user_id = account.user_id};
	if (action_open(action, &scope) && session_begin(action, &account, &session) &&
	    rehash(action, &account, fresh) && tokens_make(action, &session, &tokens) &&
	    session_audit(action, &session, "session.login", "succeeded") && action_commit(action))
		tokens_answer(action, &tokens);
	sodium_memzero(&tokens, sizeof(tokens));
}

/* Refresh.  A token is good once; shown again it was stolen, or what was got for it was, and nobody
 * can tell who shows it: the session ends (RFC 9700, 4.14.2).  So it does for a client that shows
 * one token twice at the same moment. */

/* Find and hold the session of the token in the body.  False: no such token, or an answer is
 * noted, which ${ret_failed} tells. */
static bool
token_find(struct action *action, struct session *ret_session, bool *ret_failed)
{
	struct str token = action_text(action, "refresh_token");
	const struct action_scope scope = {.user_id = UUID_NIL};
	struct pg_params params = token_params(action, token);
	PGresult *result = NULL;
	bool found;

	*ret_failed = false;
	if (!random_token_has_form(REFRESH_TOKEN_PREFIX, token))
		return false;
	*ret_failed = !action_open(action, &scope) ||
		      !action_query(action, "session_token_lock", &params, &result);
	if (*ret_failed)
		return false;
	found = PQntuples(result) == 1;
	if (found)
		*ret_session = (struct session){
		    .id = pg_get_uuid(result, 0, 0),
		    .user_id = pg_get_uuid(result, 0, 1),
		    .expires_at = pg_get_instant(result, 0, 2).s,
		    .used = pg_get_bool(result, 0, 3),
		    .live = pg_get_bool(result, 0, 4),
		};
	PQclear(result);
	return found;
}

/* The same, counted as an attempt of the client's address.  One that was a token of ours costs
 * nothing, whatever has become of it: nobody guessed it. */
static bool
session_of_token(struct action *action, struct session *ret_session, bool *ret_failed)
{
	bool found;

	*ret_failed = !session_address_take(action);
	if (*ret_failed)
		return false;
	found = token_find(action, ret_session, ret_failed);
	if (found || *ret_failed)
		session_address_give_back(action);
	return found;
}

/* Revoke a live session, and tell; committed. */
static bool
session_end(struct action *action, const struct session *session, const char *reason,
    const char *event, const char *outcome)
{
	struct pg_params params = action_params(action);

	pg_params_uuid(&params, session->id);
	pg_params_str(&params, str_from(reason));
	return action_query(action, "session_revoke", &params, NULL) &&
	       session_audit(action, session, event, outcome) && action_commit(action);
}

/* Exchange the held token. */
static void
exchange(struct action *action, const struct session *session)
{
	struct pg_params params = token_params(action, action_text(action, "refresh_token"));
	struct tokens tokens;

	if (action_query(action, "session_token_use", &params, NULL) &&
	    tokens_make(action, session, &tokens) && action_commit(action))
		tokens_answer(action, &tokens);
	sodium_memzero(&tokens, sizeof(tokens));
}

void
session_refresh(struct action *action)
{
	const char *slug = problem_info(PROBLEM_BAD_CREDENTIALS)->slug;
	struct session session = {.live = false};
	bool failed, found;

	found = session_of_token(action, &session, &failed);
	if (failed)
		return;
	if (found && session.live && !session.used) {
		exchange(action, &session);
		return;
	}
	if (found && session.live &&
	    !session_end(action, &session, "token_reused", "session.refresh_reuse", slug))
		return;
	answer_problem(action->request, PROBLEM_BAD_CREDENTIALS,
	    "The refresh token is not good, or not any more.");
}

/* Log out.  A used token will do: it ends less than it could begin. */

void
session_logout(struct action *action)
{
	struct session session = {.live = false};
	bool failed, found;

	found = session_of_token(action, &session, &failed);
	if (failed || (found && session.live &&
			  !session_end(action, &session, "logout", "session.logout", "succeeded")))
		return;
	answer_nothing(action->request);
}

void
session_logout_all(struct action *action)
{
	struct uuid user_id = action->request->caller.id;
	const struct action_scope scope = {.user_id = user_id};
	const struct audit audit = {
	    .action = "session.logout_all",
	    .outcome = "succeeded",
	    .resource_type = "user",
	    .resource_id = user_id,
	};
	struct pg_params user = action_params(action), params = action_params(action);

	pg_params_uuid(&user, user_id);
	pg_params_uuid(&params, user_id);
	pg_params_str(&params, STR("logout_all"));
	pg_params_uuid(&params, UUID_NIL);
	if (action_open(action, &scope) && action_query(action, "session_user_hold", &user, NULL) &&
	    action_query(action, "session_revoke_all", &params, NULL) &&
	    action_audit_user(action, &audit, user_id) && action_commit(action))
		answer_nothing(action->request);
}
