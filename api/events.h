#ifndef API_EVENTS_H
#define API_EVENTS_H

/*
 * The organisation's events, oldest first, as CloudEvents in JSON.  The cursor is always given: it
 * is where to ask again, also when there was nothing.
 */

#include "api/request.h"

/**
 * events_run(request):
 * Run of struct route.
 */
NODISCARD bool events_run(struct request *request);

#endif
