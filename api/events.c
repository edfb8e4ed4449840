#include "api/events.h"

#include "api/arguments.h"
#include "api/reader.h"
#include "api/respond.h"
#include "common/base/log.h"
#include "common/codec/avro.h"

#define EVENT_SOURCE "billd"

/* Columns of events_page. */
enum {
	COLUMN_PARTITION,
	COLUMN_NUMBER,
	COLUMN_ID,
	COLUMN_TYPE,
	COLUMN_SUBJECT,
	COLUMN_OPERATION,
	COLUMN_OCCURRED,
	COLUMN_VALUE,
};

static void
put_member_uuid(struct buf *out, const char *name, struct uuid uuid)
{
	buf_printf(out, ",\"%s\":", name);
	json_put_uuid(out, uuid);
}

/* One event.  ERR_POISON when its bytes are bad, which were ours. */
static enum err_class
put_event(struct request *request, const PGresult *result, int row, struct err *err)
{
	struct str message = pg_get_str(result, row, COLUMN_VALUE), body;
	struct buf *out = &request->out;
	const struct schema *schema = NULL;
	char time[INSTANT_TEXT_SIZE];
	uint64_t fingerprint;

	if (avro_frame_read(message, &fingerprint, &body))
		schema = schemas_by_fingerprint(request->ingress->schemas, fingerprint);
	if (schema == NULL)
		return err_set(err, ERR_POISON, "event %lld of partition %d has no known schema",
		    (long long)pg_get_int64(result, row, COLUMN_NUMBER),
		    pg_get_int32(result, row, COLUMN_PARTITION));
	instant_write(pg_get_instant(result, row, COLUMN_OCCURRED), time);
	buf_append_str(out, STR("{\"specversion\":\"1.0\",\"id\":"));
	json_put_uuid(out, pg_get_uuid(result, row, COLUMN_ID));
	buf_append_str(out, STR(",\"type\":"));
	json_put_string(out, pg_get_str(result, row, COLUMN_TYPE));
	buf_append_str(out, STR(",\"source\":\"" EVENT_SOURCE "\""));
	put_member_uuid(out, "subject", pg_get_uuid(result, row, COLUMN_SUBJECT));
	buf_printf(out, ",\"time\":\"%s\",\"datacontenttype\":\"application/json\"", time);
	put_member_uuid(out, "organisationid", request->caller.organisation_id);
	put_member_uuid(out, "operationid", pg_get_uuid(result, row, COLUMN_OPERATION));
	buf_printf(out, ",\"partition\":%d,\"sequence\":\"%lld\",\"data\":",
	    pg_get_int32(result, row, COLUMN_PARTITION),
	    (long long)pg_get_int64(result, row, COLUMN_NUMBER));
	if (avro_to_json(schema, body, out, err) != ERR_NONE)
		return err_wrap(err, "an event");
	buf_append_char(out, '}');
	return ERR_NONE;
}

static enum err_class
put_events(struct request *request, const PGresult *result, struct err *err)
{
	size_t partitions = (size_t)request->ingress->settings->partitions;
	int64_t *numbers = request->seen;
	struct buf *out = &request->out;

	buf_append_str(out, STR("{\"data\":["));
	for (int row = 0; row < PQntuples(result) && out->len < PAGE_BYTES_MAX; row++) {
		if (row > 0)
			buf_append_char(out, ',');
		if (put_event(request, result, row, err) != ERR_NONE)
			return err->class;
		numbers[pg_get_int32(result, row, COLUMN_PARTITION)] =
		    pg_get_int64(result, row, COLUMN_NUMBER);
	}
	buf_append_str(out, STR("],\"next_cursor\":\""));
	cursor_events_write(numbers, partitions, out);
	buf_append_str(out, STR("\"}"));
	return ERR_NONE;
}

static void
page_read(struct request *request, const PGresult *result, const struct err *err)
{
	struct err own;

	if (result == NULL) {
		answer_failed(request, err);
	} else if (put_events(request, result, &own) != ERR_NONE) {
		log_line(LOG_ERROR, "an event cannot be shown", log_text("error", own.text),
		    log_text("request_id", request->id));
		answer_problem(request, PROBLEM_INTERNAL, "An event cannot be shown.");
	} else {
		answer_out(request, MHD_HTTP_OK, JSON_TYPE);
	}
	request_resume(request);
}

/* What the page's statement asks for; false when memory is out. */
static bool
make_params(struct request *request, struct job *job, int32_t limit, const int32_t *partitions)
{
	size_t len = (size_t)request->ingress->settings->partitions;

	job->params = reader_params(request);
	if (job->params == NULL)
		return false;
	pg_params_uuid(job->params, request->caller.organisation_id);
	pg_params_int32s(job->params, partitions, len);
	pg_params_int64s(job->params, request->seen, len);
	pg_params_int32(job->params, limit);
	return true;
}

bool
events_run(struct request *request)
{
	size_t len = (size_t)request->ingress->settings->partitions;
	struct job job = {
	    .scope = SCOPE_ORGANISATION, .statement = "events_page", .done = page_read};
	struct arguments arguments;
	int32_t partitions[SHARDS];
	struct str after;

	if (!arguments_read(request, 1u << ARGUMENT_LIMIT | 1u << ARGUMENT_AFTER, &arguments))
		return true;
	after = arguments.values[ARGUMENT_AFTER];
	request->seen = arena_array(&request->arena, len, sizeof(*request->seen));
	if (request->seen == NULL)
		goto no_memory;
	if (after.ptr != NULL && !cursor_events_read(after, request->seen, len)) {
		answer_problem(request, PROBLEM_BAD_CURSOR,
		    "after is not the next_cursor of an answer of this kind.");
		return true;
	}
	for (size_t i = 0; i < len; i++)
		partitions[i] = (int32_t)i;
	if (!make_params(request, &job, arguments.limit, partitions))
		goto no_memory;
	return reader_begin(request, &job);
no_memory:
	answer_problem(request, PROBLEM_INTERNAL, "There is no memory left.");
	return true;
}
