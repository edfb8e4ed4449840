#ifndef API_METRICS_H
#define API_METRICS_H

/*
 * Counters of the ingress, and their page for Prometheus.  Counting is one atomic addition.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/check.h"

struct metrics;
struct request;

enum metric {
	METRIC_ACCEPTED,        /* commands that the queue holds */
	METRIC_PRODUCE_REFUSED, /* the local queue took them not */
	METRIC_DELIVERY_FAILED, /* not confirmed in time */
	METRIC_MAX,
};

/**
 * metrics_new(), metrics_free(metrics):
 * All at zero.  Never NULL; free accepts NULL.
 */
NODISCARD struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);

/**
 * metrics_count(metrics, metric):
 * One more.
 */
void metrics_count(struct metrics *metrics, enum metric metric);

/**
 * metrics_note(metrics, request, duration_us):
 * Count a request that is over.
 */
void metrics_note(struct metrics *metrics, const struct request *request, int64_t duration_us);

/**
 * metrics_run(request):
 * GET /metrics (run of struct route): the counters, and figures that the database knows, when it
 * answers.
 */
NODISCARD bool metrics_run(struct request *request);

#endif
