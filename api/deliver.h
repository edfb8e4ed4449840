#ifndef API_DELIVER_H
#define API_DELIVER_H

/*
 * The thread that takes delivery reports from the producer, many at once, and answers the requests
 * that wait for them.
 */

#include "api/ingress.h"

struct deliverer;

/**
 * deliverer_new(ingress), deliverer_free(deliverer):
 * Start the thread.  Never NULL.  Free joins it; no request may wait for a report any more; accepts
 * NULL.
 */
NODISCARD struct deliverer *deliverer_new(struct ingress *ingress);
void deliverer_free(struct deliverer *deliverer);

#endif
