#include "worker/metrics.h"

#include <arpa/inet.h>
#include <microhttpd.h>

#include "common/base/str.h"

#define PAGE_MAX (64 * 1024)
#define CONNECTIONS_MAX 16
#define CONNECTION_TIMEOUT_S 10
#define LATENESS_NAME "billd_invoice_lateness_seconds"

struct metrics_server {
	struct metrics *metrics;
	struct MHD_Daemon *daemon;
};

/* A row of the page: where its number is, and what is said of it. */
static const struct metric {
	size_t offset;
	const char *name;
	const char *kind;
	const char *help; /* NULL: one more series of the metric before */
} metric_table[] = {
#define METRIC(field, name, kind, help) {offsetof(struct metrics, field), name, kind, help},
    METRICS(METRIC)
#undef METRIC
};

/* Up to how many seconds each bucket goes. */
static const int64_t lateness_s[] = {1, 2, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400};

_Static_assert(ARRAY_LEN(lateness_s) == METRICS_LATENESS_BUCKETS, "a bucket without a bound");

void
metrics_lateness(struct metrics *metrics, int64_t seconds)
{
	size_t bucket = 0;

	if (seconds < 0)
		seconds = 0;
	while (bucket < ARRAY_LEN(lateness_s) && seconds > lateness_s[bucket])
		bucket++;
	metrics->lateness[bucket]++;
	metrics->lateness_sum_s += seconds;
}

/* A histogram, whose buckets count all that came up to them. */
static void
lateness_write(struct metrics *metrics, struct buf *page)
{
	int64_t count = 0;

	buf_printf(page, "# HELP " LATENESS_NAME " From when an invoice fell due to its commit\n"
			 "# TYPE " LATENESS_NAME " histogram\n");
	for (size_t i = 0; i < ARRAY_LEN(lateness_s); i++) {
		count += metrics->lateness[i];
		buf_printf(page, LATENESS_NAME "_bucket{le=\"%lld\"} %lld\n",
		    (long long)lateness_s[i], (long long)count);
	}
	count += metrics->lateness[ARRAY_LEN(lateness_s)];
	buf_printf(page, LATENESS_NAME "_bucket{le=\"+Inf\"} %lld\n", (long long)count);
	buf_printf(page, LATENESS_NAME "_sum %lld\n", (long long)metrics->lateness_sum_s);
	buf_printf(page, LATENESS_NAME "_count %lld\n", (long long)count);
}

static void
page_write(struct metrics *metrics, struct buf *page)
{
	for (size_t i = 0; i < ARRAY_LEN(metric_table); i++) {
		const struct metric *metric = &metric_table[i];
		int family = (int)strcspn(metric->name, "{");
		_Atomic int64_t *value = (void *)((char *)metrics + metric->offset);

		if (metric->help != NULL)
			buf_printf(page, "# HELP %.*s %s\n# TYPE %.*s %s\n", family, metric->name,
			    metric->help, family, metric->name, metric->kind);
		buf_printf(page, "%s %lld\n", metric->name, (long long)*value);
	}
	lateness_write(metrics, page);
}

static enum MHD_Result
answer(struct MHD_Connection *connection, unsigned status, const char *type, struct str body)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    body.len, (void *)(uintptr_t)body.ptr, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
on_request(void *opaque, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_len, void **request)
{
	struct metrics_server *server = opaque;
	enum MHD_Result result;
	struct buf page;

	(void)version;
	(void)upload;
	(void)upload_len;
	(void)request;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0)
		return answer(
		    connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", STR("only GET\n"));
	if (strcmp(url, "/health/live") == 0)
		return answer(
		    connection, MHD_HTTP_OK, "application/json", STR("{\"status\":\"ok\"}\n"));
	if (strcmp(url, "/metrics") != 0)
		return answer(connection, MHD_HTTP_NOT_FOUND, "text/plain", STR("no such page\n"));

	buf_init(&page, PAGE_MAX);
	page_write(server->metrics, &page);
	result = answer(
	    connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", buf_str(&page));
	buf_release(&page);
	return result;
}

enum err_class
metrics_serve(struct metrics *metrics, struct in_addr listen, int64_t port,
    struct metrics_server **ret_server, struct err *err)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = listen};
	char text[INET_ADDRSTRLEN];
	struct metrics_server *server;

	server = calloc(1, sizeof(*server));
	CHECK(server != NULL);
	server->metrics = metrics;
	server->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, (uint16_t)port, NULL,
	    NULL, on_request, server, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
	    MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
	    CONNECTION_TIMEOUT_S, MHD_OPTION_END);
	if (server->daemon == NULL) {
		free(server);
		return err_set(err, ERR_FATAL,
		    "cannot listen on %s port %lld: is it taken?  BILLD_METRICS_PORT names another",
		    inet_ntop(AF_INET, &listen, text, sizeof(text)), (long long)port);
	}
	*ret_server = server;
	return ERR_NONE;
}

void
metrics_free(struct metrics_server *server)
{
	if (server == NULL)
		return;
	MHD_stop_daemon(server->daemon);
	free(server);
}
