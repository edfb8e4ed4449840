#ifndef API_THROTTLE_H
#define API_THROTTLE_H

/*
 * Requests held to the limits of api/limits.h, and what clients are told of them: the headers
 * RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers), and 429 with Retry-After.
 */

#include "api/limits.h"
#include "api/request.h"

/**
 * throttle_request(request):
 * Count a request whose caller is known.  An answer is noted when it is one too many.
 */
void throttle_request(struct request *request);

/**
 * throttle_refuse(request, class, state):
 * Answer 429: limits_take has refused, and set ${state}.
 */
void throttle_refuse(
    struct request *request, enum limit_class class, const struct limit_state *state);

#endif
