#ifndef API_IDENTITY_POOL_H
#define API_IDENTITY_POOL_H

/*
 * Threads that take requests off one bounded queue, first come, first served.  What is done with a
 * request is the owner's; the pool answers nothing.
 */

#include "api/request.h"

struct pool;

/* What a thread does; ${thread} is what its begin returned. */
struct pool_work {
	void *(*begin)(void *argument); /* when it starts */
	void (*run)(void *thread, struct request *request);
	void (*end)(void *thread);
};

/**
 * pool_new(threads, waiting_max, work, argument), pool_free(pool):
 * Start ${threads} threads; ${work} is copied.  Never NULL.  Free has all that still waits done and
 * joins the threads; accepts NULL.
 */
NODISCARD struct pool *pool_new(
    size_t threads, size_t waiting_max, const struct pool_work *work, void *argument);
void pool_free(struct pool *pool);

/**
 * pool_add(pool, request):
 * Have it run, by whatever thread is free first.  False, nothing done, when ${waiting_max} wait.
 */
NODISCARD bool pool_add(struct pool *pool, struct request *request);

#endif
