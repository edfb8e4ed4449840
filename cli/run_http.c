/* HTTP by libcurl: one transfer at a time, driven by us, so that a signal or a silence ends it. */

#include "cli/run_http.h"

#include <curl/curl.h>

#include "cli/run_state.h"
#include "common/base/daemon.h"

#define POLL_MS 200 /* between two looks at whether to stop */
#define HEADER_MAX ((size_t)1024)
#define STATUS_REDIRECT 300
#define STATUS_PROBLEM 400

struct run_http {
	CURLM *multi;
	CURL *easy;                 /* the transfer that is on its way, or was last */
	struct curl_slist *headers; /* its own */
	char *url;                  /* without a slash at the end */
	struct buf authorization;   /* the header, with its NUL */
	struct buf target;          /* of the transfer, with its NUL */
	struct buf body;            /* what came and was not taken yet */
	bool attached;              /* the transfer is on its way */
	bool ended;                 /* it is through */
	CURLcode code;              /* how it ended */
	int64_t heard_at_ms;        /* when something came last */
	char message[CURL_ERROR_SIZE];
};

/* What the operator can do about a status, put before what the API says itself. */
static const struct {
	int status;
	const char *hint;
} hints[] = {
    {401, "the key in BILLD_API_KEY was not accepted"},
    {403, "the key in BILLD_API_KEY may not do this"},
};

/* ---- Open and free */

/* ${text} with a NUL behind it; false when memory is out or it is longer than ${out} may be. */
static bool
put_line(struct buf *out, const char *head, const char *text)
{
	buf_clear(out);
	buf_append_str(out, str_from(head));
	buf_append(out, text, strlen(text) + 1);
	return !out->overflow;
}

static bool
is_visible(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static enum err_class
check_settings(const char *url, const char *key, struct err *err)
{
	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return err_set(err, ERR_FATAL,
		    "BILLD_URL: \"%s\" is no address such as http://127.0.0.1:8000", url);
	if (!is_visible(url) || strlen(url) >= HEADER_MAX)
		return err_set(err, ERR_FATAL, "BILLD_URL has characters that no address has");
	if (key == NULL)
		return err_set(
		    err, ERR_FATAL, "BILLD_API_KEY must be set: the API key of the organisation");
	/* It would end the header, and begin another one. */
	if (!is_visible(key) || strlen(key) >= HEADER_MAX)
		return err_set(err, ERR_FATAL, "BILLD_API_KEY has characters that no key has");
	return ERR_NONE;
}

static bool
open_all(struct run_http *http, const char *url, const char *key)
{
	size_t len = strlen(url);

	http->url = strdup(url);
	if (http->url == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return false;
	while (len > 0 && http->url[len - 1] == '/')
		http->url[--len] = '\0';
	http->multi = curl_multi_init();
	http->easy = curl_easy_init();
	return put_line(&http->authorization, "Authorization: Bearer ", key) &&
	       http->multi != NULL && http->easy != NULL;
}

enum err_class
run_http_open(const char *url, const char *key, struct run_http **ret_http, struct err *err)
{
	struct run_http *http;

	if (check_settings(url, key, err) != ERR_NONE)
		return err->class;
	http = calloc(1, sizeof(*http));
	if (http == NULL)
		return err_set(err, ERR_FATAL, "out of memory");
	buf_init(&http->authorization, HEADER_MAX * 2);
	buf_init(&http->target, HEADER_MAX * 4);
	buf_init(&http->body, RUN_HTTP_BODY_MAX);
	if (!open_all(http, url, key)) {
		run_http_free(http);
		return err_set(err, ERR_FATAL, "libcurl cannot be begun: out of memory");
	}
	*ret_http = http;
	return ERR_NONE;
}

static void
detach(struct run_http *http)
{
	if (http->attached)
		curl_multi_remove_handle(http->multi, http->easy);
	http->attached = false;
	curl_slist_free_all(http->headers);
	http->headers = NULL;
}

void
run_http_free(struct run_http *http)
{
	if (http == NULL)
		return;
	detach(http);
	curl_easy_cleanup(http->easy);
	curl_multi_cleanup(http->multi);
	curl_global_cleanup();
	buf_release(&http->authorization);
	buf_release(&http->target);
	buf_release(&http->body);
	free(http->url);
	free(http);
}

/* ---- A transfer */

static size_t
note_bytes(char *bytes, size_t size, size_t count, void *context)
{
	struct run_http *http = context;

	http->heard_at_ms = clock_steady_ms();
	buf_append(&http->body, bytes, size * count);
	/* Fewer than came: libcurl gives up. */
	return http->body.overflow ? 0 : size * count;
}

static bool
add_header(struct run_http *http, const char *name, const char *value)
{
	struct curl_slist *longer;
	struct buf line;
	bool added = false;

	buf_init(&line, HEADER_MAX * 2);
	if (put_line(&line, name, value)) {
		longer = curl_slist_append(http->headers, line.ptr);
		added = longer != NULL;
		http->headers = added ? longer : http->headers;
	}
	buf_release(&line);
	return added;
}

static bool
add_headers(struct run_http *http, const struct run_request *request, const char *accept)
{
	char wait[32];

	snprintf(wait, sizeof(wait), "wait=%d", RUN_HTTP_WAIT_S);
	return add_header(http, http->authorization.ptr, "") &&
	       add_header(http, "Accept: ", accept) &&
	       (!request->wait || add_header(http, "Prefer: ", wait)) &&
	       (request->body == NULL || add_header(http, "Content-Type: ", "application/json")) &&
	       (request->idempotency_key == NULL ||
		   add_header(http, "Idempotency-Key: ", request->idempotency_key));
}

#define SET(option, value) (curl_easy_setopt(http->easy, option, value) == CURLE_OK)

static bool
set_options(struct run_http *http, const struct run_request *request)
{
	curl_easy_reset(http->easy);
	return SET(CURLOPT_URL, http->target.ptr) && SET(CURLOPT_HTTPHEADER, http->headers) &&
	       SET(CURLOPT_PROTOCOLS_STR, "http,https") && SET(CURLOPT_NOPROXY, "*") &&
	       SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_USERAGENT, "billd") &&
	       SET(CURLOPT_CONNECTTIMEOUT_MS, (long)RUN_HTTP_CONNECT_MS) &&
	       SET(CURLOPT_ERRORBUFFER, http->message) && SET(CURLOPT_WRITEDATA, (void *)http) &&
	       SET(CURLOPT_WRITEFUNCTION, note_bytes) &&
	       (request->body == NULL ||
		   (SET(CURLOPT_POST, 1L) && SET(CURLOPT_COPYPOSTFIELDS, request->body)));
}

static enum err_class
begin(struct run_http *http, const struct run_request *request, const char *accept, struct err *err)
{
	detach(http);
	http->ended = false;
	http->code = CURLE_OK;
	http->message[0] = '\0';
	http->heard_at_ms = clock_steady_ms();
	buf_clear(&http->body);
	if (!put_line(&http->target, http->url, request->path) ||
	    !add_headers(http, request, accept) || !set_options(http, request) ||
	    curl_multi_add_handle(http->multi, http->easy) != CURLM_OK)
		return err_set(
		    err, ERR_FATAL, "libcurl cannot begin %s%s", http->url, request->path);
	http->attached = true;
	return ERR_NONE;
}

/* Let it go on; wait up to ${timeout_ms} when nothing came. */
static enum err_class
drive(struct run_http *http, int timeout_ms, struct err *err)
{
	size_t before = http->body.len;
	CURLMcode code = CURLM_OK;
	CURLMsg *message;
	int running, queued;

	for (int turn = 0; turn < 2 && !http->ended; turn++) {
		if (turn == 1)
			code = curl_multi_poll(http->multi, NULL, 0, timeout_ms, NULL);
		if (code == CURLM_OK)
			code = curl_multi_perform(http->multi, &running);
		if (code != CURLM_OK)
			return err_set(err, ERR_FATAL, "libcurl: %s", curl_multi_strerror(code));
		while ((message = curl_multi_info_read(http->multi, &queued)) != NULL) {
			http->ended = message->msg == CURLMSG_DONE;
			http->code = message->data.result;
		}
		if (http->body.len > before)
			break;
	}
	return ERR_NONE;
}

/* ---- What went wrong */

static enum err_class
transport_error(const struct run_http *http, struct err *err)
{
	const char *why = http->message[0] != '\0' ? http->message : curl_easy_strerror(http->code);

	switch ((int)http->code) {
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return err_set(err, ERR_FATAL, "%s: %s", http->url, why);
	case CURLE_WRITE_ERROR:
		if (http->body.overflow)
			return err_set(err, ERR_FATAL, "%s: the answer has over %zu bytes",
			    http->url, RUN_HTTP_BODY_MAX);
		break;
	default:
		break;
	}
	return err_set(err, ERR_RETRY, "%s: %s", http->url, why);
}

/* Whether the same request may succeed later. */
static enum err_class
class_of(int64_t status)
{
	return status >= 500 || status == 429 || status == 408 ? ERR_RETRY : ERR_FATAL;
}

static void
put_faults(struct buf *out, const json_t *faults)
{
	const json_t *fault;
	size_t i;

	json_array_foreach(faults, i, fault)
	{
		buf_append_str(out, STR("; "));
		run_state_put_text(out, run_state_text(fault, "pointer"));
		buf_append_str(out, STR(": "));
		run_state_put_text(out, run_state_text(fault, "detail"));
	}
}

enum err_class
run_http_problem(const json_t *problem, struct err *err)
{
	int64_t status = run_state_count(problem, "status");
	struct buf text;

	buf_init(&text, RUN_HTTP_BODY_MAX);
	run_state_put_text(&text, run_state_text(problem, "title"));
	if (run_state_text(problem, "detail").len > 0) {
		buf_append_str(&text, STR(": "));
		run_state_put_text(&text, run_state_text(problem, "detail"));
	}
	put_faults(&text, json_object_get(problem, "errors"));
	err_set(err, class_of(status), "%.*s", STR_ARG(buf_str(&text)));
	buf_release(&text);
	for (size_t i = 0; i < ARRAY_LEN(hints); i++)
		if (hints[i].status == status)
			(void)err_wrap(err, "%s", hints[i].hint);
	return err->class;
}

static int
status_of(const struct run_http *http)
{
	long status = 0;

	if (curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
		return 0;
	return (int)status;
}

/* The whole answer is there, and it is none that was hoped for. */
static enum err_class
status_error(const struct run_http *http, int status, struct err *err)
{
	struct str body = buf_str(&http->body);
	json_t *problem;

	if (status < STATUS_PROBLEM)
		return err_set(err, ERR_FATAL,
		    "%s: answered %d, which no API of ours does: is BILLD_URL right?", http->url,
		    status);
	problem = body.len == 0 ? NULL : json_loadb(body.ptr, body.len, 0, NULL);
	if (run_state_text(problem, "title").ptr == NULL)
		err_set(err, class_of(status),
		    "%s: answered %d without a problem document: is BILLD_URL right?", http->url,
		    status);
	else
		run_http_problem(problem, err);
	json_decref(problem);
	return err->class;
}

/* ---- One request */

/* Until the answer is whole, or with ${first} until something of it is there. */
static enum err_class
await(struct run_http *http, bool first, struct err *err)
{
	int64_t deadline_ms = clock_steady_ms() + RUN_HTTP_ANSWER_MS;

	while (!http->ended) {
		if (first && http->body.len > 0 && status_of(http) < STATUS_REDIRECT)
			return ERR_NONE;
		if (daemon_stopping())
			return err_set(err, ERR_RETRY, "stopped before the API had answered");
		if (clock_steady_ms() > deadline_ms)
			return err_set(err, ERR_RETRY, "%s: no answer within %d s", http->url,
			    RUN_HTTP_ANSWER_MS / 1000);
		if (drive(http, POLL_MS, err) != ERR_NONE)
			return err->class;
	}
	if (http->code != CURLE_OK)
		return transport_error(http, err);
	if (status_of(http) < 200 || status_of(http) >= STATUS_REDIRECT)
		return status_error(http, status_of(http), err);
	return ERR_NONE;
}

enum err_class
run_http_ask(struct run_http *http, const struct run_request *request,
    struct run_answer *ret_answer, struct err *err)
{
	json_t *json;

	if (begin(http, request, "application/json", err) != ERR_NONE ||
	    await(http, false, err) != ERR_NONE)
		return err->class;
	json = http->body.len == 0 ? NULL : json_loadb(http->body.ptr, http->body.len, 0, NULL);
	if (!json_is_object(json)) {
		json_decref(json);
		return err_set(err, ERR_FATAL,
		    "%s: answered with something else than JSON: is BILLD_URL right?", http->url);
	}
	*ret_answer = (struct run_answer){status_of(http), buf_str(&http->body), json};
	return ERR_NONE;
}

/* ---- A stream */

enum err_class
run_http_listen(struct run_http *http, const char *path, struct err *err)
{
	const struct run_request request = {.path = path};
	char *type = NULL;

	if (begin(http, &request, "text/event-stream", err) != ERR_NONE ||
	    await(http, true, err) != ERR_NONE)
		return err->class;
	if (curl_easy_getinfo(http->easy, CURLINFO_CONTENT_TYPE, &type) != CURLE_OK ||
	    type == NULL || strncmp(type, "text/event-stream", strlen("text/event-stream")) != 0)
		return err_set(err, ERR_FATAL,
		    "%s: answered without a stream of events: is BILLD_URL right?", http->url);
	return ERR_NONE;
}

enum err_class
run_http_hear(
    struct run_http *http, int timeout_ms, struct str *ret_bytes, bool *ret_ended, struct err *err)
{
	*ret_ended = false;
	/* What came with the head of the answer was not heard yet. */
	if (http->body.len == 0 && drive(http, timeout_ms, err) != ERR_NONE)
		return err->class;
	*ret_bytes = buf_str(&http->body);
	http->body.len = 0;
	if (ret_bytes->len > 0)
		return ERR_NONE;
	if (http->ended && http->code != CURLE_OK)
		return transport_error(http, err);
	if (!http->ended && clock_steady_ms() - http->heard_at_ms > RUN_HTTP_SILENCE_MS)
		return err_set(
		    err, ERR_RETRY, "%s: silent for %d s", http->url, RUN_HTTP_SILENCE_MS / 1000);
	*ret_ended = http->ended;
	return ERR_NONE;
}

int64_t
run_http_retry_after_s(const struct run_http *http)
{
	curl_off_t seconds = 0;

	if (curl_easy_getinfo(http->easy, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK ||
	    seconds < 0)
		return 0;
	return seconds < RUN_HTTP_RETRY_AFTER_MAX_S ? seconds : RUN_HTTP_RETRY_AFTER_MAX_S;
}
