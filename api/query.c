#include "api/query.h"

#include "api/arguments.h"
#include "api/reader.h"
#include "api/respond.h"

static bool
answer_no_memory(struct request *request)
{
	answer_problem(request, PROBLEM_INTERNAL, "There is no memory left.");
	return true;
}

bool
query_one(struct request *request, const struct resource *resource, struct uuid id, struct job *job)
{
	*job = (struct job){.scope = SCOPE_ORGANISATION, .statement = resource->statement};
	job->params = reader_params(request);
	if (job->params == NULL)
		return false;
	pg_params_uuid(job->params, request->caller.organisation_id);
	pg_params_uuid(job->params, id);
	return true;
}

static void
one_read(struct request *request, const PGresult *result, const struct err *err)
{
	const struct resource *resource = request->match.route->resource;

	if (result == NULL) {
		answer_failed(request, err);
	} else if (PQntuples(result) == 0) {
		answer_problem(request, PROBLEM_NOT_FOUND,
		    "No %s with this id exists in this organisation.", resource->type);
	} else {
		buf_append_str(&request->out, pg_get_str(result, 0, 0));
		answer_out(request, MHD_HTTP_OK, JSON_TYPE);
	}
	request_resume(request);
}

bool
query_run_one(struct request *request)
{
	struct arguments arguments;
	struct uuid id;
	struct job job;

	if (!arguments_read(request, 0, &arguments))
		return true;
	CHECK(request->match.params_len == 1);
	CHECK(uuid_read(request->match.params[0].text, &id));
	if (!query_one(request, request->match.route->resource, id, &job))
		return answer_no_memory(request);
	job.done = one_read;
	return reader_begin(request, &job);
}

/* Append the rows of a page, as many as are asked for and fit; where it goes on, if it does. */
static void
put_page(struct request *request, const PGresult *result, int32_t limit)
{
	struct buf *out = &request->out;
	char cursor[CURSOR_TEXT_SIZE];
	int rows = PQntuples(result), shown = 0;

	buf_append_str(out, STR("{\"data\":["));
	/* A row of nulls is no row: an empty page of something that exists. */
	if (rows == 1 && PQgetisnull(result, 0, 0))
		rows = 0;
	for (; shown < rows && shown < limit && out->len < PAGE_BYTES_MAX; shown++) {
		if (shown > 0)
			buf_append_char(out, ',');
		buf_append_str(out, pg_get_str(result, shown, 0));
	}
	if (shown == rows) {
		buf_append_str(out, STR("],\"next_cursor\":null}"));
		return;
	}
	cursor_write(request->match.route->cursor,
	    (struct cursor){pg_get_int64(result, shown - 1, 1), pg_get_uuid(result, shown - 1, 2)},
	    cursor);
	buf_printf(out, "],\"next_cursor\":\"%s\"}", cursor);
}

/* The organisation of a path is the caller's: which one it is was decided with who asks. */
static bool
is_organisation(struct str param)
{
	return str_equal(param, STR("organisation_id"));
}

/* What else a list is within: "customer", of {customer_id} in the path.  None: nothing. */
static struct str
list_within(const struct request *request)
{
	for (size_t i = 0; i < request->match.params_len; i++) {
		struct str name = request->match.params[i].name;

		if (!is_organisation(name))
			return (struct str){name.ptr, name.len - strlen("_id")};
	}
	return STR_NONE;
}

static void
list_read(struct request *request, const PGresult *result, const struct err *err)
{
	struct str within = list_within(request);

	if (result == NULL) {
		answer_failed(request, err);
	} else if (PQntuples(result) == 0 && within.ptr != NULL) {
		answer_problem(request, PROBLEM_NOT_FOUND,
		    "No %.*s with this id exists in this organisation.", STR_ARG(within));
	} else {
		put_page(request, result, request->limit);
		answer_out(request, MHD_HTTP_OK, JSON_TYPE);
	}
	request_resume(request);
}

/* Most lists are of an organisation; that of the organisations is of who asks. */
static struct uuid
list_whose(const struct request *request, enum job_scope *ret_scope)
{
	const struct caller *caller = &request->caller;
	bool own = request->match.route->access != FOR_MEMBER;

	*ret_scope = own && caller->kind == CALLER_USER ? SCOPE_USER : SCOPE_ORGANISATION;
	return own ? caller->id : caller->organisation_id;
}

bool
query_run_list(struct request *request)
{
	const struct route *route = request->match.route;
	struct job job = {.statement = route->statement, .done = list_read};
	struct cursor cursor = CURSOR_START;
	struct arguments arguments;
	struct uuid id;

	if (!arguments_read(request, 1u << ARGUMENT_LIMIT | 1u << ARGUMENT_CURSOR, &arguments))
		return true;
	if (arguments.values[ARGUMENT_CURSOR].ptr != NULL &&
	    !cursor_read(arguments.values[ARGUMENT_CURSOR], route->cursor, &cursor)) {
		answer_problem(
		    request, PROBLEM_BAD_CURSOR, "cursor is not the next_cursor of this list.");
		return true;
	}
	job.params = reader_params(request);
	if (job.params == NULL)
		return answer_no_memory(request);
	request->limit = arguments.limit;
	pg_params_uuid(job.params, list_whose(request, &job.scope));
	pg_params_int64(job.params, cursor.position);
	pg_params_uuid(job.params, cursor.id);
	/* One more than is shown tells whether the list goes on. */
	pg_params_int32(job.params, arguments.limit + 1);
	for (size_t i = 0; i < request->match.params_len; i++) {
		if (is_organisation(request->match.params[i].name))
			continue;
		CHECK(uuid_read(request->match.params[i].text, &id));
		pg_params_uuid(job.params, id);
	}
	for (size_t i = 0; route->filters != NULL && route->filters[i].name != NULL; i++)
		pg_params_str(job.params, arguments.filters[i]);
	return reader_begin(request, &job);
}
