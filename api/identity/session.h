#ifndef API_IDENTITY_SESSION_H
#define API_IDENTITY_SESSION_H

/*
 * What session.c and session_user.c share: accounts, and how often a password may be tried.
 */

#include "api/identity/action.h"
#include "api/identity/password.h"

struct account {
	struct uuid user_id; /* nil: nobody has this address */
	char hash[PASSWORD_HASH_SIZE];
	uint8_t key[32]; /* by which attempts are counted: a hash of the address's one form */
	struct str email, name; /* in the request's arena; none: nobody's */
};

/**
 * session_account_of_email(action, email, ret_account), session_account_of_user(action, user_id,
 * ret_account):
 * In a transaction of its own: the account with that address, which may be nobody's, or of that
 * user.  False when an answer is noted.
 */
NODISCARD bool session_account_of_email(
    struct action *action, struct str email, struct account *ret_account);
NODISCARD bool session_account_of_user(
    struct action *action, struct uuid user_id, struct account *ret_account);

/**
 * session_try(action, account, password):
 * Whether ${password} is that of ${account}.  Counts the attempt for the account and the client's
 * address; one that succeeds costs nothing.  False when an answer is noted: wrong, or one too many.
 * Takes as long for an account of nobody.  ${event} is what the audit log is told of a wrong one.
 */
NODISCARD bool session_try(
    struct action *action, const struct account *account, struct str password, const char *event);

/**
 * session_address_take(action), session_address_give_back(action):
 * Count one attempt of the client's address: before it is looked at, so that guesses at the same
 * moment count, too.  False when an answer is noted: it is one too many.
 */
NODISCARD bool session_address_take(struct action *action);
void session_address_give_back(struct action *action);

/**
 * session_actor(user_id, session_id, ret_text):
 * How the audit log names a user; ${session_id} may be nil.
 */
void session_actor(struct uuid user_id, struct uuid session_id, char ret_text[ACTOR_TEXT_SIZE]);

#endif
