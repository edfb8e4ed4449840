#ifndef API_STATS_H
#define API_STATS_H

/*
 * Counters of the ingress, and their page for Prometheus.  Counting is one atomic addition.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/check.h"

struct stats;
struct request;

enum stat {
	STAT_ACCEPTED,        /* commands that the queue holds */
	STAT_PRODUCE_REFUSED, /* the local queue took them not */
	STAT_DELIVERY_FAILED, /* not confirmed in time */
	STAT_CONNECTION_REFUSED,
	STAT_MAX,
};

/**
 * stats_new(), stats_free(stats):
 * All at zero.  Never NULL; free accepts NULL.
 */
NODISCARD struct stats *stats_new(void);
void stats_free(struct stats *stats);

/**
 * stats_count(stats, stat):
 * One more.
 */
void stats_count(struct stats *stats, enum stat stat);

/**
 * stats_note(stats, request, duration_us):
 * Count a request that is over.
 */
void stats_note(struct stats *stats, const struct request *request, int64_t duration_us);

/**
 * stats_run(request):
 * GET /metrics (run of struct route): the counters, and figures that the database knows, when it
 * answers.
 */
NODISCARD bool stats_run(struct request *request);

#endif
