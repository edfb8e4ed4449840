#include "api/openapi.h"

#include "api/respond.h"
#include "common/base/embedded.h"

#define BASE_NAME "api/docs/openapi_base.json"

/* What an error of each status means here, whatever the route. */
static const struct {
	int status;
	const char *name, *description;
} errors[] = {
    {400, "BadRequest", "The request, a parameter, a header or the JSON is malformed."},
    {401, "Unauthorized", "The API key is missing, unknown or revoked."},
    {404, "NotFound", "Nothing of that name belongs to the organisation."},
    {409, "Conflict", "The rules refuse it in the present state (with Prefer: wait)."},
    {413, "BodyTooLarge", "The body has more than 1 MiB."},
    {415, "UnsupportedMediaType", "The body is not declared as JSON."},
    {422, "InvalidBody",
	"The body breaks the schema, or the Idempotency-Key came with another request."},
    {500, "Internal", "A fault of the service."},
    {503, "Unavailable", "Something that is needed is out of reach: try again."},
};

/* Which of them a route of each kind has. */
static const int errors_of_command[] = {400, 401, 404, 409, 413, 415, 422, 500, 503, 0};
static const int errors_of_query[] = {400, 401, 404, 500, 503, 0};
static const int errors_of_list[] = {400, 401, 500, 503, 0};

static void
set(json_t *object, const char *name, json_t *value)
{
	CHECK(json_object_set_new(object, name, value) == 0);
}

static json_t *
reference(const char *section, const char *name)
{
	return json_pack("{s:o}", "$ref", json_sprintf("#/components/%s/%s", section, name));
}

static json_t *
content(const char *type, json_t *schema)
{
	return json_pack("{s:{s:o}}", type, "schema", schema);
}

static json_t *
answer(const char *description, json_t *schema)
{
	return json_pack("{s:s,s:o,s:{s:o}}", "description", description, "content",
	    content(JSON_TYPE, schema), "headers", "X-Request-Id",
	    reference("headers", "RequestId"));
}

static void
put_error_components(json_t *components)
{
	json_t *responses = json_object();

	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		json_t *response =
		    json_pack("{s:s,s:o,s:{s:o}}", "description", errors[i].description, "content",
			content(PROBLEM_TYPE, reference("schemas", "Problem")), "headers",
			"X-Request-Id", reference("headers", "RequestId"));
		json_t *headers = json_object_get(response, "headers");

		if (errors[i].status == 503)
			set(headers, "Retry-After", reference("headers", "RetryAfter"));
		if (errors[i].status == 401)
			set(headers, "WWW-Authenticate", reference("headers", "WwwAuthenticate"));
		set(responses, errors[i].name, response);
	}
	set(components, "responses", responses);
}

static void
put_errors(json_t *responses, const int *statuses)
{
	for (; *statuses != 0; statuses++) {
		char status[12];
		size_t i = 0;

		while (errors[i].status != *statuses)
			i++;
		snprintf(status, sizeof(status), "%d", *statuses);
		set(responses, status, reference("responses", errors[i].name));
	}
}

/* "Customer" of "billd.event.Customer". */
static const char *
short_name(const char *full_name)
{
	const char *dot = strrchr(full_name, '.');

	CHECK(dot != NULL);
	return dot + 1;
}

/* Put ${schema} under ${name}, with what the base has there already. */
static void
put_schema(json_t *components, const char *name, json_t *schema)
{
	json_t *schemas = json_object_get(components, "schemas");
	const json_t *more = json_object_get(json_object_get(schemas, name), "properties");

	if (more != NULL)
		CHECK(json_object_update(
			  json_object_get(schema, "properties"), (json_t *)(uintptr_t)more) == 0);
	set(schemas, name, schema);
}

static void
put_list_schema(json_t *components, const char *name, const char *list_name)
{
	json_t *list = json_pack("{s:s,s:[s,s],s:{s:{s:s,s:o},s:{s:[s,s],s:s}}}", "type", "object",
	    "required", "data", "next_cursor", "properties", "data", "type", "array", "items",
	    reference("schemas", name), "next_cursor", "type", "string", "null", "description",
	    "Give it as cursor for the next page; null at the end.");

	CHECK(list != NULL);
	set(json_object_get(components, "schemas"), list_name, list);
}

static bool
has_body(const struct schema *schema)
{
	for (size_t i = 0; i < schema->fields_len; i++)
		if (schema->fields[i].source == SOURCE_BODY)
			return true;
	return false;
}

/* The schemas that ${route} names, unless they are there already. */
static enum err_class
put_schemas(
    const struct schemas *schemas, const struct route *route, json_t *components, struct err *err)
{
	const struct schema *schema;
	char list_name[64];

	if (route->kind == ROUTE_COMMAND) {
		const char *name = command_table[route->command].schema_name;

		schema = schemas_by_name(schemas, str_from(name));
		if (schema == NULL)
			return err_set(err, ERR_FATAL, "there is no schema %s", name);
		if (has_body(schema))
			put_schema(components, short_name(name), openapi_schema(schema, true));
	}
	if (route->resource == NULL)
		return ERR_NONE;
	schema = schemas_by_name(schemas, str_from(route->resource->schema));
	if (schema == NULL)
		return err_set(err, ERR_FATAL, "there is no schema %s", route->resource->schema);
	put_schema(components, short_name(route->resource->schema), openapi_schema(schema, false));
	snprintf(list_name, sizeof(list_name), "%sList", short_name(route->resource->schema));
	put_list_schema(components, short_name(route->resource->schema), list_name);
	return ERR_NONE;
}

static void
put_path_parameters(const struct route *route, json_t *parameters)
{
	struct route_match match;

	route_find(str_from(route->method), str_from(route->pattern), &match);
	for (size_t i = 0; i < match.params_len; i++) {
		json_t *schema = json_pack("{s:s}", "type", "string");

		if (route_param_is_id(match.params[i].name))
			set(schema, "format", json_string("uuid"));
		json_array_append_new(parameters,
		    json_pack("{s:s%,s:s,s:b,s:o}", "name", match.params[i].name.ptr,
			match.params[i].name.len, "in", "path", "required", 1, "schema", schema));
	}
}

static json_t *
make_parameters(const struct route *route)
{
	static const char *const of_kind[][3] = {
	    [ROUTE_SYSTEM] = {NULL},
	    [ROUTE_COMMAND] = {"IdempotencyKey", "Prefer", NULL},
	    [ROUTE_ONE] = {NULL},
	    [ROUTE_LIST] = {"Limit", "Cursor", NULL},
	    [ROUTE_OPERATION] = {"Prefer", NULL},
	    [ROUTE_EVENTS] = {"Limit", "After", NULL},
	};
	json_t *parameters = json_array();

	put_path_parameters(route, parameters);
	for (const char *const *name = of_kind[route->kind]; *name != NULL; name++)
		json_array_append_new(parameters, reference("parameters", *name));
	return parameters;
}

/* Whether the body may be left out: nothing in it must be given. */
static bool
body_is_needed(const struct schema *schema)
{
	for (size_t i = 0; i < schema->fields_len; i++)
		if (schema->fields[i].source == SOURCE_BODY && schema->fields[i].fallback == NULL)
			return true;
	return schema->exactly_one_len > 0;
}

static void
put_body(const struct schema *schema, const struct route *route, const json_t *examples,
    json_t *operation)
{
	const json_t *given = json_object_get(examples, route->operation_id);
	json_t *example =
	    given == NULL ? openapi_example(schema) : json_deep_copy((json_t *)(uintptr_t)given);
	const char *name = short_name(command_table[route->command].schema_name);
	json_t *body = content(JSON_TYPE, reference("schemas", name));

	if (example != NULL)
		set(json_object_get(body, JSON_TYPE), "example", example);
	set(operation, "requestBody",
	    json_pack("{s:b,s:o}", "required", body_is_needed(schema), "content", body));
}

static void
put_command_answers(const struct route *route, json_t *responses)
{
	json_t *accepted, *done;

	CHECK(route->resource != NULL);
	accepted =
	    answer("Queued durably; its outcome is at Location.", reference("schemas", "Accepted"));
	done = answer("The outcome, when Prefer: wait was given and it came in time.",
	    reference("schemas", short_name(route->resource->schema)));
	set(json_object_get(accepted, "headers"), "Location", reference("headers", "Location"));
	set(json_object_get(done, "headers"), "Location", reference("headers", "Location"));
	set(responses, route->creates ? "201" : "200", done);
	set(responses, "202", accepted);
	put_errors(responses, errors_of_command);
}

static json_t *
make_system_answers(const struct route *route)
{
	json_t *responses = json_object();

	if (strcmp(route->pattern, "/health") == 0) {
		set(responses, "200", answer("All is well.", reference("schemas", "Health")));
		set(responses, "503",
		    answer("Something that is needed is down.", reference("schemas", "Health")));
	} else if (strcmp(route->pattern, "/health/live") == 0) {
		set(responses, "200", answer("It answers.", reference("schemas", "Liveness")));
	} else if (strcmp(route->pattern, "/metrics") == 0) {
		set(responses, "200",
		    json_pack("{s:s,s:o}", "description", "All metrics.", "content",
			content("text/plain", json_pack("{s:s}", "type", "string"))));
	} else {
		set(responses, "200",
		    answer("The document.", json_pack("{s:s}", "type", "object")));
	}
	return responses;
}

static json_t *
make_answers(const struct route *route)
{
	json_t *responses = json_object();
	char name[64] = "";

	if (route->resource != NULL)
		snprintf(name, sizeof(name), "%s%s", short_name(route->resource->schema),
		    route->kind == ROUTE_LIST ? "List" : "");
	switch (route->kind) {
	case ROUTE_SYSTEM:
		json_decref(responses);
		return make_system_answers(route);
	case ROUTE_COMMAND:
		put_command_answers(route, responses);
		break;
	case ROUTE_ONE:
		set(responses, "200", answer("It.", reference("schemas", name)));
		put_errors(responses, errors_of_query);
		break;
	case ROUTE_LIST:
		set(responses, "200", answer("A page.", reference("schemas", name)));
		put_errors(responses,
		    strchr(route->pattern, '{') == NULL ? errors_of_list : errors_of_query);
		break;
	case ROUTE_OPERATION:
		set(responses, "200", answer("The operation.", reference("schemas", "Operation")));
		put_errors(responses, errors_of_query);
		break;
	case ROUTE_EVENTS:
		set(responses, "200", answer("A page.", reference("schemas", "EventList")));
		put_errors(responses, errors_of_list);
		break;
	}
	return responses;
}

static void
put_path(
    const struct schemas *schemas, const struct route *route, const json_t *examples, json_t *paths)
{
	json_t *path = json_object_get(paths, route->pattern), *operation;
	char method[8] = "";

	for (size_t i = 0; route->method[i] != '\0'; i++) {
		CHECK(i < sizeof(method) - 1);
		method[i] = (char)(route->method[i] | 0x20);
	}
	operation = json_pack("{s:s,s:[s],s:s}", "operationId", route->operation_id, "tags",
	    route->tag, "summary", route->summary);
	set(operation, "parameters", make_parameters(route));
	if (route->kind == ROUTE_SYSTEM)
		set(operation, "security", json_array());
	if (route->kind == ROUTE_COMMAND) {
		const struct schema *schema =
		    schemas_by_name(schemas, str_from(command_table[route->command].schema_name));

		set(operation, "description", json_stringn(schema->doc.ptr, schema->doc.len));
		if (has_body(schema))
			put_body(schema, route, examples, operation);
	}
	set(operation, "responses", make_answers(route));
	if (path == NULL) {
		path = json_object();
		set(paths, route->pattern, path);
	}
	set(path, method, operation);
}

static json_t *
base_load(struct err *err)
{
	for (size_t i = 0; i < embedded_docs_len; i++) {
		json_error_t fault;
		json_t *base;

		if (strcmp(embedded_docs[i].name, BASE_NAME) != 0)
			continue;
		base = json_loadb(
		    embedded_docs[i].ptr, embedded_docs[i].len, JSON_REJECT_DUPLICATES, &fault);
		if (base == NULL)
			err_set(err, ERR_FATAL, BASE_NAME " line %d: %s", fault.line, fault.text);
		return base;
	}
	err_set(err, ERR_FATAL, BASE_NAME " is not in the program");
	return NULL;
}

enum err_class
openapi_make(const struct schemas *schemas, struct str *ret_text, struct err *err)
{
	json_t *document = base_load(err), *components, *paths;
	char *text;

	if (document == NULL)
		return err->class;
	components = json_object_get(document, "components");
	paths = json_object();
	set(document, "paths", paths);
	put_error_components(components);
	for (size_t i = 0; i < route_table_len; i++) {
		/* The documentation does not document itself. */
		if (strncmp(route_table[i].pattern, "/docs", 5) == 0)
			continue;
		if (put_schemas(schemas, &route_table[i], components, err) != ERR_NONE) {
			json_decref(document);
			return err->class;
		}
		put_path(schemas, &route_table[i], json_object_get(document, "x-examples"), paths);
	}
	json_object_del(document, "x-examples");
	text = json_dumps(document, JSON_COMPACT);
	json_decref(document);
	CHECK(text != NULL);
	*ret_text = str_from(text);
	return ERR_NONE;
}

void
openapi_free(struct str text)
{
	free((void *)(uintptr_t)text.ptr);
}

bool
openapi_run(struct request *request)
{
	answer_bytes(request, MHD_HTTP_OK, JSON_TYPE, request->ingress->openapi);
	return true;
}
