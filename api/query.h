#ifndef API_QUERY_H
#define API_QUERY_H

/*
 * Queries: a statement over a view that already returns the public JSON, one row or a page.
 */

#include "api/request.h"

/**
 * query_run_one(request), query_run_list(request):
 * Answer by the statement of the route (run of struct route).
 */
NODISCARD bool query_run_one(struct request *request);
NODISCARD bool query_run_list(struct request *request);

/**
 * query_one(request, resource, id, job):
 * Make ${job} read the ${resource} with ${id}, but for what is done with it.  False when memory is
 * out.
 */
NODISCARD bool query_one(
    struct request *request, const struct resource *resource, struct uuid id, struct job *job);

#endif
