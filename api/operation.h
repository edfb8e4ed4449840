#ifndef API_OPERATION_H
#define API_OPERATION_H

/*
 * GET of an operation: its row, or "pending" for one that was handed out here and met no worker
 * yet.  With Prefer: wait=N the answer comes when it has an outcome.
 */

#include "api/request.h"

/**
 * operation_run(request):
 * Run of struct route.
 */
NODISCARD bool operation_run(struct request *request);

#endif
