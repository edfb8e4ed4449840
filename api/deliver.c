#include "api/deliver.h"

#include <pthread.h>

#include "api/health.h"
#include "api/submit.h"
#include "common/base/crash_point.h"

#define REPORTS_MAX 256
#define POLL_MS 100

struct deliverer {
	struct ingress *ingress;
	pthread_t thread;
	atomic_bool stop;
};

static void *
deliverer_run(void *argument)
{
	struct deliverer *deliverer = argument;
	struct producer *producer = deliverer->ingress->producer;
	struct delivery reports[REPORTS_MAX];

	while (!deliverer->stop) {
		size_t len = producer_poll(producer, POLL_MS, reports, REPORTS_MAX);

		if (len > 0)
			CRASH_POINT("persisted");
		for (size_t i = 0; i < len; i++)
			submit_delivered(reports[i].opaque, &reports[i]);
		health_kafka(deliverer->ingress->health, producer_reachable(producer));
	}
	return NULL;
}

struct deliverer *
deliverer_new(struct ingress *ingress)
{
	struct deliverer *deliverer = calloc(1, sizeof(*deliverer));

	CHECK(deliverer != NULL);
	deliverer->ingress = ingress;
	CHECK(pthread_create(&deliverer->thread, NULL, deliverer_run, deliverer) == 0);
	return deliverer;
}

void
deliverer_free(struct deliverer *deliverer)
{
	if (deliverer == NULL)
		return;
	deliverer->stop = true;
	pthread_join(deliverer->thread, NULL);
	free(deliverer);
}
