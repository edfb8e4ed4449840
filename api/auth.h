#ifndef API_AUTH_H
#define API_AUTH_H

/*
 * Who asks, and whether they may: from the header Authorization (an API key, or the access token of
 * a user), the header Billd-Organisation and the path to the caller, the organisation and the role
 * there, which the route's permission is held against.  Who was seen lately costs no look at the
 * database; others are looked up by a query thread.
 *
 * Refused are, in this order: who is not known (401), who asks too much (429), a header that does
 * not fit (400), what is somebody else's (404), and what the role does not allow (403).
 */

#include "api/request.h"

/**
 * auth_begin(request):
 * Find out who asks, and whether they may.  True when that is known, or an answer that refuses is
 * noted; false when ${request} was suspended and handed over.
 */
NODISCARD bool auth_begin(struct request *request);

#endif
