#ifndef API_IDENTITY_ACTION_H
#define API_IDENTITY_ACTION_H

/*
 * Actions: what is done to people, organisations and keys, at once and in one transaction of the
 * identity schema; nothing of it is ever on a topic.  An action runs on a thread with a connection
 * of its own, so it is written as it reads, one blocking step after the other.
 *
 * There are two pools, each with its own queue: one for what hashes passwords, which takes a tenth
 * of a second and 19 MiB each, and one for the rest, which that must never keep waiting.
 *
 * actions.c has the pools and begins an action, action.c has what actions call.
 */

#include "api/request.h"
#include "common/base/uuid_new.h"
#include "common/domain/role.h"

#define ACTION_JOBS_MAX 256 /* waiting for a thread of a pool; beyond, 503 */

struct actions;

/* An action that is being done.  The request is its thread's until the action is over. */
struct action {
	struct request *request;
	struct pg *pg; /* was open when the action began; in no transaction before action_open */
	const json_t *body; /* an object that its route's schema allows; NULL: the route has none */
	bool open;          /* in a transaction */
	bool failed;        /* which is broken: nothing runs in it any more */
	struct uuid organisation_id; /* of the last scope */
};

/* What a route's row names: notes an answer, always. */
typedef void action_run(struct action *action);

/**
 * actions_new(settings, ingress), actions_free(actions):
 * Start the threads of both pools, which connect by ${settings}.  Never NULL; free does what still
 * waits and joins them, accepts NULL.
 */
NODISCARD struct actions *actions_new(const struct pg_settings *settings, struct ingress *ingress);
void actions_free(struct actions *actions);

/**
 * action_begin(request):
 * The run of every ROUTE_ACTION: check the body, hand the request to its pool.
 */
NODISCARD bool action_begin(struct request *request);

/* Whose rows a transaction sees, beyond those that bind nobody. */
struct action_scope {
	struct uuid organisation_id;   /* nil: none */
	struct uuid user_id;           /* nil: none: memberships and organisations of that user */
	const uint8_t *presented_hash; /* of 32 bytes, or NULL: the key or invitation with it */
};

/**
 * action_open(action, scope):
 * Begin a transaction, of READ COMMITTED.  False when an answer that tells why not is noted.  After
 * action_commit another may be opened: nothing slow is done within one.
 */
NODISCARD bool action_open(struct action *action, const struct action_scope *scope);

/**
 * action_open_reading(action, scope):
 * The same, of REPEATABLE READ and READ ONLY: all that is read is of one moment, whatever others
 * commit meanwhile.
 */
NODISCARD bool action_open_reading(struct action *action, const struct action_scope *scope);

/**
 * action_scope(action, scope):
 * Within it: see other rows from now on.
 */
NODISCARD bool action_scope(struct action *action, const struct action_scope *scope);

/**
 * action_query(action, statement, params, ret_result), action_try(action, statement, params,
 * ret_result, err):
 * Run a prepared statement; the caller clears ${ret_result}, which may be NULL where it does not
 * matter.  action_query notes the answer of a failure (a constraint of ours is told by its own
 * problem, see action.c) and is false; action_try leaves it to the caller.
 */
NODISCARD bool action_query(struct action *action, const char *statement,
    const struct pg_params *params, PGresult **ret_result);
NODISCARD enum err_class action_try(struct action *action, const char *statement,
    const struct pg_params *params, PGresult **ret_result, struct err *err);

/**
 * action_commit(action):
 * Commit.  False when an answer is noted: what was changed is then undone, or, when the database
 * went away before it answered, may have taken effect; the answer says which.  An action that
 * returns without it is rolled back.
 */
NODISCARD bool action_commit(struct action *action);

/* What the audit log is told. */
struct audit {
	const char *action;        /* "api_key.create" */
	const char *outcome;       /* "succeeded", or the problem's slug */
	const char *resource_type; /* NULL: none */
	struct uuid resource_id;
	struct str details; /* a JSON object, or none */
	struct str actor;   /* none: the caller */
};

/**
 * action_audit(action, audit):
 * Within the transaction: one row for its organisation.  False when an answer is noted.
 */
NODISCARD bool action_audit(struct action *action, const struct audit *audit);

/**
 * action_audit_user(action, audit, user_id):
 * Within the transaction, whose scope becomes that user's organisations: one row for each of them,
 * or one without any when there is none.  False when an answer is noted.
 */
NODISCARD bool action_audit_user(
    struct action *action, const struct audit *audit, struct uuid user_id);

/**
 * action_actor(request, ret_text):
 * The caller as operations, commands and the audit log name it: "api_key:<id>",
 * "user:<id>:<session's id>".
 */
#define ACTOR_TEXT_SIZE 96
void action_actor(const struct request *request, char ret_text[ACTOR_TEXT_SIZE]);

/**
 * action_params(action):
 * Empty parameters in the request's arena.
 */
NODISCARD struct pg_params action_params(struct action *action);

/**
 * action_text(action, name):
 * A string of the body, none where it is absent or null.
 */
NODISCARD struct str action_text(const struct action *action, const char *name);

#endif
