#include "api/stats.h"

#include <stdatomic.h>

#include "api/callers.h"
#include "api/reader.h"
#include "api/respond.h"
#include "api/stream.h"
#include "api/wait.h"

#define ROUTES_MAX 128
#define CLASSES 6 /* 0: no answer was sent; 1xx to 5xx */
#define TEXT_TYPE "text/plain; version=0.0.4"

/* Upper bounds of the latency histogram; one more bucket has none. */
static const int64_t bounds_us[] = {
    500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 5000000, 30000000};

#define BUCKETS (ARRAY_LEN(bounds_us) + 1)

struct route_counters {
	atomic_uint_fast64_t classes[CLASSES];
	atomic_uint_fast64_t buckets[BUCKETS];
	atomic_uint_fast64_t sum_us;
};

struct stats {
	atomic_uint_fast64_t counters[STAT_MAX];
	struct route_counters routes[ROUTES_MAX + 1]; /* the last: no route */
};

static const struct {
	const char *name, *help;
} counter_info[STAT_MAX] = {
    [STAT_ACCEPTED] = {"billd_commands_accepted_total", "Commands that Kafka has persisted."},
    [STAT_PRODUCE_REFUSED] = {"billd_commands_refused_total",
	"Commands that the local queue did not take."},
    [STAT_DELIVERY_FAILED] = {"billd_delivery_failures_total",
	"Commands that Kafka did not confirm in time."},
    [STAT_CONNECTION_REFUSED] = {"billd_http_connections_refused_total",
	"Connections beyond BILLD_CONNECTIONS, or without an open file left for them."},
};

struct stats *
stats_new(void)
{
	struct stats *stats = calloc(1, sizeof(*stats));

	CHECK(stats != NULL);
	CHECK(route_table_len <= ROUTES_MAX);
	return stats;
}

void
stats_free(struct stats *stats)
{
	free(stats);
}

void
stats_count(struct stats *stats, enum stat stat)
{
	CHECK(stat < STAT_MAX);
	atomic_fetch_add_explicit(&stats->counters[stat], 1, memory_order_relaxed);
}

void
stats_note(struct stats *stats, const struct request *request, int64_t duration_us)
{
	const struct route *route = request->match.route;
	size_t index = route == NULL ? ROUTES_MAX : (size_t)(route - route_table);
	struct route_counters *counters = &stats->routes[index];
	int class = request->phase == REQUEST_DONE ? request->answer.status / 100 : 0;
	size_t bucket = 0;

	CHECK(class >= 0 && class < CLASSES);
	while (bucket < ARRAY_LEN(bounds_us) && duration_us > bounds_us[bucket])
		bucket++;
	atomic_fetch_add_explicit(&counters->classes[class], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&counters->buckets[bucket], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&counters->sum_us, (uint64_t)duration_us, memory_order_relaxed);
}

static const char *
method_of(size_t index)
{
	return index == ROUTES_MAX ? "" : route_table[index].method;
}

static const char *
pattern_of(size_t index)
{
	return index == ROUTES_MAX ? "none" : route_table[index].pattern;
}

static void
put_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
put_requests(const struct stats *stats, struct buf *out)
{
	put_head(out, "billd_http_requests_total", "counter",
	    "Requests by route and class of status; aborted: the client went away.");
	for (size_t i = 0; i <= ROUTES_MAX; i++)
		for (int class = 0; class < CLASSES; class ++) {
			uint64_t count = stats->routes[i].classes[class];
			char text[8] = "aborted";

			if (count == 0)
				continue;
			if (class > 0)
				snprintf(text, sizeof(text), "%dxx", class);
			buf_printf(out,
			    "billd_http_requests_total{method=\"%s\",route=\"%s\",status=\"%s\"} "
			    "%llu\n",
			    method_of(i), pattern_of(i), text, (unsigned long long)count);
		}
}

static void
put_latency(const struct stats *stats, size_t index, struct buf *out)
{
	static const char name[] = "billd_http_request_seconds";
	const struct route_counters *counters = &stats->routes[index];
	const char *method = method_of(index), *pattern = pattern_of(index);
	unsigned long long total = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		char bound[24] = "+Inf";

		total += counters->buckets[i];
		if (i < ARRAY_LEN(bounds_us))
			snprintf(bound, sizeof(bound), "%g", (double)bounds_us[i] / 1e6);
		buf_printf(out, "%s_bucket{method=\"%s\",route=\"%s\",le=\"%s\"} %llu\n", name,
		    method, pattern, bound, total);
	}
	buf_printf(out, "%s_sum{method=\"%s\",route=\"%s\"} %.6f\n", name, method, pattern,
	    (double)counters->sum_us / 1e6);
	buf_printf(
	    out, "%s_count{method=\"%s\",route=\"%s\"} %llu\n", name, method, pattern, total);
}

static bool
was_used(const struct route_counters *counters)
{
	for (size_t i = 0; i < BUCKETS; i++)
		if (counters->buckets[i] > 0)
			return true;
	return false;
}

static void
put_gauge(struct buf *out, const char *name, const char *help, int64_t value)
{
	put_head(out, name, "gauge", help);
	buf_printf(out, "%s %lld\n", name, (long long)value);
}

static void
put_own(struct request *request)
{
	const struct ingress *ingress = request->ingress;
	const struct stats *stats = ingress->stats;
	struct buf *out = &request->out;

	buf_clear(out);
	put_requests(stats, out);
	put_head(out, "billd_http_request_seconds", "histogram",
	    "From the request line to the end of the answer.");
	for (size_t i = 0; i <= ROUTES_MAX; i++)
		if (was_used(&stats->routes[i]))
			put_latency(stats, i, out);
	for (size_t i = 0; i < STAT_MAX; i++) {
		put_head(out, counter_info[i].name, "counter", counter_info[i].help);
		buf_printf(
		    out, "%s %llu\n", counter_info[i].name, (unsigned long long)stats->counters[i]);
	}
	put_gauge(out, "billd_http_requests_in_flight", "Requests that have no answer yet.",
	    ingress->requests);
	put_gauge(out, "billd_http_connections", "Open connections.", ingress->connections);
	put_gauge(out, "billd_commands_in_flight", "Commands that wait for Kafka.",
	    (int64_t)producer_in_flight(ingress->producer));
	put_gauge(out, "billd_waiters", "Requests that wait for an outcome.",
	    (int64_t)waiter_len(ingress->waiter));
	put_gauge(out, "billd_streams", "Answers that are streams of events.",
	    (int64_t)streamer_len(ingress->streamer));
	put_gauge(out, "billd_callers_known",
	    "API keys and users' sessions that are known without the database.",
	    (int64_t)callers_len(ingress->callers));
}

static void
figures_read(struct request *request, const PGresult *result, const struct err *err)
{
	(void)err;
	put_own(request);
	if (result != NULL && PQntuples(result) == 1) {
		put_gauge(&request->out, "billd_events_unpublished",
		    "Events that are committed and not published yet.", pg_get_int64(result, 0, 0));
		put_gauge(&request->out, "billd_dead_letters_waiting",
		    "Messages that no worker could process and nobody replayed.",
		    pg_get_int64(result, 0, 1));
	}
	answer_out(request, MHD_HTTP_OK, TEXT_TYPE);
	request_resume(request);
}

bool
stats_run(struct request *request)
{
	struct job job = {.scope = SCOPE_NONE, .statement = "figures", .done = figures_read};

	job.params = reader_params(request);
	CHECK(job.params != NULL);
	return reader_begin(request, &job);
}
