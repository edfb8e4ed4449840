#include "api/health.h"

#include <stdatomic.h>

#include "api/respond.h"

struct health {
	atomic_bool database, kafka;
};

struct health *
health_new(void)
{
	struct health *health = calloc(1, sizeof(*health));

	CHECK(health != NULL);
	return health;
}

void
health_free(struct health *health)
{
	free(health);
}

void
health_database(struct health *health, bool well)
{
	health->database = well;
}

void
health_kafka(struct health *health, bool well)
{
	/* Told with every report: written only when it changes. */
	if (health->kafka != well)
		health->kafka = well;
}

static const char *
word(bool well)
{
	return well ? "ok" : "down";
}

bool
health_run(struct request *request)
{
	const struct health *health = request->ingress->health;
	bool database = health->database, kafka = health->kafka;

	buf_printf(&request->out, "{\"status\":\"%s\",\"database\":\"%s\",\"kafka\":\"%s\"}",
	    database && kafka ? "ok" : "degraded", word(database), word(kafka));
	answer_header(request, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	answer_out(
	    request, database && kafka ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, JSON_TYPE);
	return true;
}

bool
health_run_live(struct request *request)
{
	answer_bytes(request, MHD_HTTP_OK, JSON_TYPE, STR("{\"status\":\"ok\"}"));
	return true;
}
