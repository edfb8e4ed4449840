#include "common/codec/transcode.h"

/* Jansson's own texts quote the body, which may then be cut inside a character: these are ours. */
static const char *
parse_reason(enum json_error_code code)
{
	static const struct {
		enum json_error_code code;
		const char *reason;
	} reasons[] = {
	    {json_error_stack_overflow, "is nested too deeply"},
	    {json_error_invalid_utf8, "is not valid UTF-8"},
	    {json_error_premature_end_of_input, "is not valid JSON: it ends too early"},
	    {json_error_end_of_input_expected, "is not valid JSON: more stands behind its end"},
	    {json_error_null_character, "has a NUL character"},
	    {json_error_null_byte_in_key, "has a NUL character"},
	    {json_error_duplicate_key, "has a name twice in one object"},
	    {json_error_numeric_overflow, "has a number that is too large"},
	    {json_error_out_of_memory, "is too large"},
	};

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].code == code)
			return reasons[i].reason;
	return "is not valid JSON";
}

bool
transcode_parse(struct str body, json_t **ret_json, struct faults *faults)
{
	json_error_t error;
	json_t *json;

	if (body.len == 0)
		json = json_object();
	else
		json = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, &error);
	if (json == NULL && body.len == 0) {
		fault_add(faults, STR(""), "is too large");
		return false;
	}
	if (json == NULL) {
		fault_add(faults, STR(""), "%s (line %d, column %d)",
		    parse_reason(json_error_code(&error)), error.line, error.column);
		return false;
	}
	if (!json_is_object(json)) {
		json_decref(json);
		fault_add(faults, STR(""), "must be an object");
		return false;
	}
	*ret_json = json;
	return true;
}
