#include "api/operation.h"

#include "api/arguments.h"
#include "api/reader.h"
#include "api/respond.h"
#include "api/wait.h"

static void
answer_pending(struct request *request)
{
	struct buf *out = &request->out;

	buf_clear(out);
	buf_append_str(out, STR("{\"id\":"));
	json_put_uuid(out, request->operation_id);
	buf_append_str(
	    out, STR(",\"command\":null,\"status\":\"pending\",\"resource\":null,\"error\":null,"
		     "\"accepted_at\":null,\"completed_at\":null}"));
	answer_out(request, MHD_HTTP_OK, JSON_TYPE);
}

static void
answer_json(struct request *request, struct str json)
{
	buf_clear(&request->out);
	buf_append_str(&request->out, json);
	answer_out(request, MHD_HTTP_OK, JSON_TYPE);
}

static void
outcome_known(struct request *request, const struct outcome *outcome)
{
	answer_header(request, "Preference-Applied", "wait");
	if (outcome == NULL)
		answer_pending(request);
	else
		answer_json(request, outcome->json);
	request_resume(request);
}

static void
operation_read(struct request *request, const PGresult *result, const struct err *err)
{
	struct ingress *ingress = request->ingress;
	int wait_s = header_wait_s(request->headers.values[HEADER_PREFER]);

	if (result == NULL) {
		answer_failed(request, err);
	} else if (PQntuples(result) > 0) {
		answer_json(request, pg_get_str(result, 0, 0));
	} else if (!id_operation_is_ours(
		       &ingress->secret, request->caller.organisation_id, request->operation_id)) {
		answer_problem(request, PROBLEM_NOT_FOUND,
		    "No operation with this id exists in this organisation.");
	} else {
		request->waited = outcome_known;
		if (wait_s > 0 && waiter_add(ingress->waiter, request, wait_s))
			return;
		answer_pending(request);
	}
	request_resume(request);
}

bool
operation_run(struct request *request)
{
	struct job job = {
	    .scope = SCOPE_ORGANISATION, .statement = "operations_one", .done = operation_read};
	struct arguments arguments;

	if (!arguments_read(request, 0, &arguments))
		return true;
	CHECK(uuid_read(request_param(request, "operation_id"), &request->operation_id));
	job.params = reader_params(request);
	if (job.params == NULL) {
		answer_problem(request, PROBLEM_INTERNAL, "There is no memory left.");
		return true;
	}
	pg_params_uuid(job.params, request->caller.organisation_id);
	pg_params_uuid(job.params, request->operation_id);
	return reader_begin(request, &job);
}
