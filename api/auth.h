#ifndef API_AUTH_H
#define API_AUTH_H

/*
 * Authentication: from the header Authorization to the organisation that asks.  A key that was seen
 * lately costs nothing; another one is looked up by a query thread.
 */

#include "api/request.h"

/**
 * auth_begin(request):
 * Find out who asks.  True when that is known, or an answer that refuses is noted; false when
 * ${request} was suspended and handed over.
 */
NODISCARD bool auth_begin(struct request *request);

#endif
