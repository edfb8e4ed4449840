#ifndef API_IDENTITY_IDENTITY_INTERNAL_H
#define API_IDENTITY_IDENTITY_INTERNAL_H

/*
 * What the files of the actions share: the statements of each, and how an organisation's affairs
 * are changed.
 *
 * Whoever changes who may do what in an organisation (its members, invitations and keys) holds its
 * row: one such change after the other, each of which sees what the one before it left.  The row
 * comes first, so nobody waits for the other way round.
 */

#include "api/identity/action.h"

extern const struct pg_statement action_statements[], session_statements[],
    organisation_statements[], member_statements[], invitation_statements[], api_key_statements[];
extern const size_t action_statements_len, session_statements_len, organisation_statements_len,
    member_statements_len, invitation_statements_len, api_key_statements_len;

/**
 * organisation_open(action, permission, ret_role):
 * Begin a transaction for the caller's organisation, take its row, and look again what the caller
 * may: what the ingress remembers is some seconds old.  False when an answer is noted.
 */
NODISCARD bool organisation_open(
    struct action *action, enum permission permission, enum role *ret_role);

/**
 * organisation_lock(action, organisation_id):
 * Take the organisation's row until the end of the transaction.  False when an answer is noted.
 */
NODISCARD bool organisation_lock(struct action *action, struct uuid organisation_id);

/* Of how many things an organisation may have. */
struct organisation_bound {
	const char *statement; /* counts them: $1 organisation */
	int64_t max;
	enum problem problem;
	const char *what; /* "invitations of this organisation are open" */
};

/**
 * organisation_has_room(action, bound):
 * Within the transaction that has the organisation's row: whether there may be one more.  False
 * when an answer is noted.
 */
NODISCARD bool organisation_has_room(struct action *action, const struct organisation_bound *bound);

/* One line of the audit log. */
struct organisation_event {
	const char *action;        /* "member.update" */
	const char *resource_type; /* NULL: none */
	struct uuid resource_id;
	struct str actor; /* none: the caller */
	json_t *details;  /* taken over, also when it fails; NULL: none */
};

/**
 * organisation_audit(action, event):
 * Within the transaction: say in the audit log that it was done.  False when an answer is noted.
 */
NODISCARD bool organisation_audit(struct action *action, const struct organisation_event *event);

/**
 * organisation_refuse(action, event, role, granted):
 * Instead of what was asked for: answer that ${role} may not give or take ${granted}, and say in
 * the audit log that it was tried.
 */
void organisation_refuse(struct action *action, const struct organisation_event *event,
    enum role role, enum role granted);

/* "user:<id>" or "api_key:<id>": who made something, without the session. */
#define MAKER_TEXT_SIZE 48

/**
 * organisation_maker(kind, id, ret_text):
 * A user or a key as invitations and keys name who made them.
 */
void organisation_maker(enum caller_kind kind, struct uuid id, char ret_text[MAKER_TEXT_SIZE]);

/**
 * invitation_withdraw(action, maker, role, ret_withdrawn):
 * Within the transaction: revoke those of ${maker}'s open invitations that who has ${role} could
 * not make.  False when an answer is noted.
 */
NODISCARD bool invitation_withdraw(
    struct action *action, const char *maker, enum role role, int64_t *ret_withdrawn);

/**
 * organisation_answer(action, status, json, name, secret):
 * Answer with the object ${json}; with one more member, unless ${name} is NULL: a ${secret} that
 * the database does not have.
 */
void organisation_answer(
    struct action *action, int status, struct str json, const char *name, const char *secret);

#endif
