#include "api/respond.h"

#include <stdarg.h>

#include "api/stream.h"
#include "common/base/log.h"

#define DETAIL_MAX 512
#define RETRY_AFTER_SIZE 24
#define STREAM_BLOCK ((size_t)4096) /* asked for at once */

void
answer_bytes(struct request *request, int status, const char *content_type, struct str bytes)
{
	CHECK(status >= 100 && status < 600);
	/* A header noted before stays: an answer is often begun with its headers. */
	request->answer.status = status;
	request->answer.content_type = content_type;
	request->answer.body = bytes;
}

void
answer_out(struct request *request, int status, const char *content_type)
{
	if (request->out.overflow) {
		buf_release(&request->out);
		answer_problem(request, PROBLEM_INTERNAL, "The answer would be too large.");
		return;
	}
	if (!request_answer_hold(request)) {
		buf_release(&request->out);
		answer_problem(request, PROBLEM_OVERLOADED,
		    "Too many large answers wait for their clients to take them.");
		return;
	}
	answer_bytes(request, status, content_type, buf_str(&request->out));
}

void
answer_nothing(struct request *request)
{
	answer_bytes(request, MHD_HTTP_NO_CONTENT, NULL, STR_NONE);
}

void
answer_header(struct request *request, const char *name, const char *value)
{
	struct answer *answer = &request->answer;

	CHECK(answer->headers_len < ANSWER_HEADERS_MAX);
	answer->headers[answer->headers_len].name = name;
	answer->headers[answer->headers_len++].value = value;
}

void
json_put_string(struct buf *buf, struct str text)
{
	size_t plain = 0; /* from where the bytes need no escape */

	buf_append_char(buf, '"');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		buf_append(buf, text.ptr + plain, i - plain);
		buf_printf(buf, c == '"' || c == '\\' ? "\\%c" : "\\u%04x", c);
		plain = i + 1;
	}
	buf_append(buf, text.ptr + plain, text.len - plain);
	buf_append_char(buf, '"');
}

void
json_put_uuid(struct buf *buf, struct uuid uuid)
{
	char text[UUID_TEXT_SIZE];

	uuid_write(uuid, text);
	buf_append_char(buf, '"');
	buf_append(buf, text, UUID_TEXT_SIZE - 1);
	buf_append_char(buf, '"');
}

/* The path as a URI reference in a JSON string: nothing in it needs an escape but by percent. */
static void
put_instance(struct buf *buf, struct str path)
{
	buf_append_char(buf, '"');
	for (size_t i = 0; i < path.len; i++) {
		unsigned char c = (unsigned char)path.ptr[i];

		if (c > ' ' && c < 0x7f && strchr("\"\\<>^`{|}", c) == NULL)
			buf_append_char(buf, (char)c);
		else
			buf_printf(buf, "%%%02X", c);
	}
	buf_append_char(buf, '"');
}

static void
put_faults(struct buf *buf, const struct faults *faults)
{
	buf_append_str(buf, STR(",\"errors\":["));
	for (size_t i = 0; i < faults->len; i++) {
		buf_append_str(buf, i == 0 ? STR("{\"pointer\":") : STR(",{\"pointer\":"));
		json_put_string(buf, faults->items[i].pointer);
		buf_append_str(buf, STR(",\"detail\":"));
		json_put_string(buf, faults->items[i].detail);
		buf_append_char(buf, '}');
	}
	buf_append_char(buf, ']');
}

/* When to come again: what was found out, or soon. */
static void
put_retry_after(struct request *request)
{
	char *text = arena_alloc(&request->arena, RETRY_AFTER_SIZE);
	int64_t seconds = request->answer.retry_after_s;

	if (text != NULL)
		snprintf(text, RETRY_AFTER_SIZE, "%lld", (long long)(seconds > 0 ? seconds : 1));
	answer_header(request, MHD_HTTP_HEADER_RETRY_AFTER, text == NULL ? "1" : text);
}

static void
answer_info(struct request *request, const struct refusal_info *info, struct str detail,
    const struct faults *faults)
{
	struct buf *out = &request->out;

	buf_clear(out);
	buf_printf(out, "{\"type\":\"" PROBLEM_TYPE_PREFIX "%s\",\"title\":\"%s\",\"status\":%d",
	    info->slug, info->title, info->http_status);
	buf_append_str(out, STR(",\"detail\":"));
	json_put_string(out, detail);
	buf_append_str(out, STR(",\"instance\":"));
	put_instance(out, request->path);
	buf_append_str(out, STR(",\"request_id\":"));
	json_put_string(out, str_from(request->id));
	if (faults != NULL)
		put_faults(out, faults);
	buf_append_char(out, '}');
	if (info->http_status == MHD_HTTP_SERVICE_UNAVAILABLE ||
	    info->http_status == MHD_HTTP_TOO_MANY_REQUESTS)
		put_retry_after(request);
	if (info->http_status == MHD_HTTP_UNAUTHORIZED)
		answer_header(request, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"billd\"");
	/* Without memory for more, the status has to do. */
	if (out->overflow)
		answer_bytes(request, info->http_status, NULL, STR_NONE);
	else
		answer_bytes(request, info->http_status, PROBLEM_TYPE, buf_str(out));
}

void
answer_problem(struct request *request, enum problem problem, const char *format, ...)
{
	char detail[DETAIL_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	answer_info(request, problem_info(problem), str_from(detail), NULL);
}

void
answer_refusal(struct request *request, enum refusal refusal, const char *detail)
{
	const struct refusal_info *info = refusal_info(refusal);

	answer_info(request, info, str_from(detail[0] != '\0' ? detail : info->explanation), NULL);
}

void
answer_faults(struct request *request, const struct refusal_info *info, const struct faults *faults)
{
	char detail[DETAIL_MAX];

	snprintf(detail, sizeof(detail), "%zu %s in the body.", faults->found,
	    faults->found == 1 ? "thing is wrong" : "things are wrong");
	answer_info(request, info, str_from(detail), faults);
}

void
answer_failed(struct request *request, const struct err *err)
{
	if (err->class == ERR_RETRY) {
		answer_problem(
		    request, PROBLEM_DATABASE_UNAVAILABLE, "The database did not answer.");
		return;
	}
	log_line(LOG_ERROR, "a statement failed", log_text("error", err->text),
	    log_text("sqlstate", err->sqlstate), log_text("request_id", request->id));
	answer_problem(request, PROBLEM_INTERNAL, "The database refused a statement of ours.");
}

/* The body lives in the request, which is given back when all of it was sent. */
static struct MHD_Response *
response_make(struct request *request)
{
	struct str body = request->answer.body;

	if (request->stream.begun_us != 0)
		return MHD_create_response_from_callback(
		    MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, request, NULL);
	return MHD_create_response_from_buffer(
	    body.len, (void *)(uintptr_t)body.ptr, MHD_RESPMEM_PERSISTENT);
}

enum MHD_Result
respond_send(struct request *request)
{
	const struct answer *answer = &request->answer;
	struct MHD_Response *response;
	enum MHD_Result result;

	CHECK(answer->status != 0);
	CHECK(answer->status != MHD_HTTP_NO_CONTENT || answer->body.len == 0);
	CHECK(request->phase != REQUEST_DONE);

	response = response_make(request);
	if (response == NULL)
		return MHD_NO;
	result = MHD_add_response_header(response, "X-Request-Id", request->id);
	if (answer->content_type != NULL && answer->status != MHD_HTTP_NO_CONTENT)
		result &= MHD_add_response_header(
		    response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
	/* What actions answer may hold a token or a key. */
	if (request->match.route != NULL && request->match.route->kind == ROUTE_ACTION)
		result &=
		    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (answer->close || request->ingress->draining)
		result &= MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	for (size_t i = 0; i < answer->headers_len; i++)
		result &= MHD_add_response_header(
		    response, answer->headers[i].name, answer->headers[i].value);
	if (result == MHD_YES)
		result =
		    MHD_queue_response(request->connection, (unsigned int)answer->status, response);
	MHD_destroy_response(response);
	request->phase = REQUEST_DONE;
	return result;
}
