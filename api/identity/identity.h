#ifndef API_IDENTITY_IDENTITY_H
#define API_IDENTITY_IDENTITY_H

/*
 * The actions, as the route table names them.  Each file has its own statements, which
 * identity.c collects.
 */

#include "api/identity/action.h"

/* session.c: log-ins and their tokens; session_user.c: users. */
action_run session_register, session_login, session_refresh, session_logout, session_logout_all,
    session_password, session_me;

/* organisation.c */
action_run organisation_create, organisation_one, organisation_update;

/* member.c, invitation.c */
action_run member_update, member_remove;
action_run invitation_create, invitation_revoke, invitation_accept;

/* api_key.c */
action_run api_key_create, api_key_revoke;

/**
 * roles_run(request):
 * GET /v1/roles: the matrix.
 */
NODISCARD bool roles_run(struct request *request);

/**
 * invitation_take(action, token, user_id, email):
 * Within a transaction: make the user a member by the invitation ${token}, which is for that
 * address.  False when an answer is noted.  Registration and acceptance share it.
 */
NODISCARD bool invitation_take(
    struct action *action, struct str token, struct uuid user_id, struct str email);

/**
 * identity_prepare(pg):
 * Have all statements of the actions prepared.
 */
void identity_prepare(struct pg *pg);

#endif
