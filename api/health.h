#ifndef API_HEALTH_H
#define API_HEALTH_H

/*
 * What is known of the parts that the ingress needs, kept by the threads that use them; asking
 * costs nothing and waits for nobody.
 */

#include <stdbool.h>

#include "common/base/check.h"

struct health;
struct request;

/**
 * health_new(), health_free(health):
 * Nothing is well yet.  Never NULL; free accepts NULL.
 */
NODISCARD struct health *health_new(void);
void health_free(struct health *health);

/**
 * health_database(health, well), health_kafka(health, well):
 * Note whether that part answers.
 */
void health_database(struct health *health, bool well);
void health_kafka(struct health *health, bool well);

/**
 * health_run(request), health_run_live(request):
 * GET /health and GET /health/live (run of struct route).
 */
NODISCARD bool health_run(struct request *request);
NODISCARD bool health_run_live(struct request *request);

#endif
