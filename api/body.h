#ifndef API_BODY_H
#define API_BODY_H

/*
 * The body of a command or an action, as JSON.
 */

#include "api/request.h"

/**
 * body_is_declared(request):
 * Whether the body, if there is one, is declared as JSON.  False when an answer that refuses is
 * noted.
 */
NODISCARD bool body_is_declared(struct request *request);

/**
 * body_parse(request, faults, ret_json):
 * Parse the body, which is an object; that of no bytes is an empty one.  False when an answer that
 * refuses is noted.  The caller releases with json_decref.
 */
NODISCARD bool body_parse(struct request *request, struct faults *faults, json_t **ret_json);

#endif
