#ifndef CLI_RUN_HTTP_H
#define CLI_RUN_HTTP_H

/*
 * The API, as the operator's command asks it: one request after the other, or one stream of events.
 * Never follows a redirect and goes through no proxy, so that nobody but the API is shown the key.
 * A request ends early, with ERR_RETRY, when a signal asks the process to stop.
 */

#include <jansson.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define RUN_HTTP_CONNECT_MS 10000 /* until there is a connection */
#define RUN_HTTP_ANSWER_MS 45000  /* until there is an answer: longer than any wait */
#define RUN_HTTP_SILENCE_MS 45000 /* of a stream, which says something every few seconds */
#define RUN_HTTP_WAIT_S 30        /* that the API is asked to wait for an outcome */
#define RUN_HTTP_BODY_MAX ((size_t)32 * 1024 * 1024) /* bytes of an answer */
#define RUN_HTTP_RETRY_AFTER_MAX_S 60                /* as long a pause is taken for meant */

struct run_http;

struct run_request {
	const char *path;            /* "/v1/billing-runs" */
	const char *body;            /* of a POST: JSON; NULL: it is a GET */
	const char *idempotency_key; /* or NULL */
	bool wait;                   /* for the outcome of a command: Prefer: wait */
};

struct run_answer {
	int status;      /* 200 to 299 */
	struct str body; /* until the next request */
	json_t *json;    /* the caller releases it */
};

/**
 * run_http_open(url, key, ret_http, err), run_http_free(http):
 * Be ready to ask the API at ${url} with ${key}; both are copied.  ERR_FATAL when one cannot be.
 * Free accepts NULL.
 */
NODISCARD enum err_class run_http_open(
    const char *url, const char *key, struct run_http **ret_http, struct err *err);
void run_http_free(struct run_http *http);

/**
 * run_http_ask(http, request, ret_answer, err):
 * One request and its answer.  ERR_RETRY when the API is away or busy, ERR_FATAL when it refuses:
 * the problem's title, detail and pointers are the text.
 */
NODISCARD enum err_class run_http_ask(struct run_http *http, const struct run_request *request,
    struct run_answer *ret_answer, struct err *err);

/**
 * run_http_listen(http, path, err):
 * Begin a stream of events.  Errors as run_http_ask.
 */
NODISCARD enum err_class run_http_listen(struct run_http *http, const char *path, struct err *err);

/**
 * run_http_hear(http, timeout_ms, ret_bytes, ret_ended, err):
 * Wait up to ${timeout_ms} for bytes of the stream: ${ret_bytes}, maybe none, until the next call;
 * ${ret_ended}: the API has ended it.  ERR_RETRY when it broke, or was silent for too long.
 */
NODISCARD enum err_class run_http_hear(
    struct run_http *http, int timeout_ms, struct str *ret_bytes, bool *ret_ended, struct err *err);

/**
 * run_http_retry_after_s(http):
 * The pause that the API asked for with its last answer; 0: none.
 */
NODISCARD int64_t run_http_retry_after_s(const struct run_http *http);

/**
 * run_http_problem(problem, err):
 * ${err} of a problem document (RFC 9457); the class follows from its status.
 */
enum err_class run_http_problem(const json_t *problem, struct err *err);

#endif
