#include "api/body.h"

#include "api/respond.h"

bool
body_is_declared(struct request *request)
{
	struct str type = request->headers.values[HEADER_CONTENT_TYPE];

	if (type.ptr == NULL ? request->body.len == 0 : header_is_json(type))
		return true;
	answer_problem(request, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
	    "The body needs Content-Type: application/json.");
	return false;
}

bool
body_parse(struct request *request, struct faults *faults, json_t **ret_json)
{
	if (transcode_parse(buf_str(&request->body), ret_json, faults))
		return true;
	answer_faults(request, problem_info(PROBLEM_MALFORMED_JSON), faults);
	return false;
}
