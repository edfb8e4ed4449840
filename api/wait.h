#ifndef API_WAIT_H
#define API_WAIT_H

/*
 * Waiting for outcomes (Prefer: wait=N): one thread for all who wait.  While there are any, it asks
 * how far each partition is, in messages and in events, and for the operations of those whose
 * partition has moved.  Nothing is asked while nobody waits, and nothing on the write path tells
 * it.
 */

#include "api/request.h"

#define WAITERS_MAX 10000 /* beyond that the answer is as without Prefer */

struct waiter;

/**
 * waiter_new(settings, ingress), waiter_free(waiter):
 * Start the thread, with a connection by ${settings}.  Never NULL.  Free answers whoever waits and
 * joins it; accepts NULL.
 */
NODISCARD struct waiter *waiter_new(const struct pg_settings *settings, struct ingress *ingress);
void waiter_free(struct waiter *waiter);

/**
 * waiter_add(waiter, request, seconds):
 * Let the suspended ${request} wait for the outcome of its operation_id; its `waited` is called by
 * the waiter's thread once, with the outcome or when the time is up.  False, nothing done, when too
 * many wait or the process is stopping.
 */
NODISCARD bool waiter_add(struct waiter *waiter, struct request *request, int seconds);

/**
 * waiter_len(waiter):
 * How many wait.
 */
NODISCARD size_t waiter_len(struct waiter *waiter);

#endif
