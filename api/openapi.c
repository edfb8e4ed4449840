#include "api/openapi.h"

#include "api/respond.h"
#include "common/base/embedded.h"

#define BASE_NAME "api/docs/openapi_base.json"

static void
set(json_t *object, const char *name, json_t *value)
{
	CHECK(json_object_set_new(object, name, value) == 0);
}

json_t *
openapi_reference(const char *section, const char *name)
{
	return json_pack("{s:o}", "$ref", json_sprintf("#/components/%s/%s", section, name));
}

static json_t *
content(const char *type, json_t *schema)
{
	return json_pack("{s:{s:o}}", type, "schema", schema);
}

/* "Customer" of "billd.event.Customer". */
static const char *
short_name(const char *full_name)
{
	const char *dot = strrchr(full_name, '.');

	CHECK(dot != NULL);
	return dot + 1;
}

/* Add the names of ${more}, which may be NULL, to ${names} that are not there. */
static void
put_names(json_t *names, const json_t *more)
{
	const json_t *name, *known;
	size_t i, j;

	json_array_foreach(more, i, name)
	{
		json_array_foreach(names, j, known) if (json_equal(known, name)) break;
		if (j == json_array_size(names))
			CHECK(json_array_append(names, (json_t *)(uintptr_t)name) == 0);
	}
}

/* Put ${schema} under ${name}, with what the base has there already: more properties, more of
 * them that are always there, another description. */
static void
put_schema(json_t *components, const char *name, json_t *schema)
{
	json_t *schemas = json_object_get(components, "schemas");
	json_t *base = json_object_get(schemas, name);
	json_t *properties = json_object_get(base, "properties");
	json_t *description = json_object_get(base, "description");

	if (properties != NULL)
		CHECK(json_object_update(json_object_get(schema, "properties"), properties) == 0);
	put_names(json_object_get(schema, "required"), json_object_get(base, "required"));
	if (description != NULL)
		set(schema, "description", json_incref(description));
	set(schemas, name, schema);
}

/* The form of a page: of "Plan" where ${list_name} is "PlanList". */
static void
put_list_schema(json_t *components, const char *name, const char *list_name)
{
	json_t *list = json_pack("{s:s,s:[s,s],s:{s:{s:s,s:o},s:{s:[s,s],s:s}}}", "type", "object",
	    "required", "data", "next_cursor", "properties", "data", "type", "array", "items",
	    openapi_reference("schemas", name), "next_cursor", "type", "string", "null",
	    "description", "Give it as cursor for the next page; null at the end.");

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

/* The name of the schema that a request to ${route} is checked by, or NULL. */
static const char *
request_schema_name(const struct route *route)
{
	if (route->kind == ROUTE_COMMAND)
		return command_table[route->command].schema_name;
	return route->kind == ROUTE_ACTION ? route->body : NULL;
}

const char *
openapi_resource_name(const struct resource *resource)
{
	return resource->component != NULL ? resource->component : short_name(resource->schema);
}

/* The form of what ${route} is about, and of a list of it. */
static enum err_class
put_resource(const struct schemas *schemas, const struct resource *resource, json_t *components,
    struct err *err)
{
	const char *name = openapi_resource_name(resource);
	char list_name[64];

	if (resource->schema != NULL) {
		const struct schema *schema = schemas_by_name(schemas, str_from(resource->schema));

		if (schema == NULL)
			return err_set(err, ERR_FATAL, "there is no schema %s", resource->schema);
		put_schema(components, name, openapi_schema(schema, false));
	}
	snprintf(list_name, sizeof(list_name), "%sList", name);
	put_list_schema(components, name, list_name);
	return ERR_NONE;
}

/* The schemas that ${route} names, unless they are there already. */
static enum err_class
put_schemas(
    const struct schemas *schemas, const struct route *route, json_t *components, struct err *err)
{
	const char *name = request_schema_name(route);

	if (name != NULL) {
		const struct schema *schema = schemas_by_name(schemas, str_from(name));

		if (schema == NULL)
			return err_set(err, ERR_FATAL, "there is no schema %s", name);
		if (has_body(schema))
			put_schema(components, short_name(name), openapi_schema(schema, true));
	}
	return route->resource == NULL ? ERR_NONE
				       : put_resource(schemas, route->resource, components, err);
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

static void
put_filters(const struct route *route, json_t *parameters)
{
	const struct route_filter *filters = route->filters;

	for (size_t i = 0; filters != NULL && filters[i].name != NULL; i++) {
		json_t *schema = json_pack("{s:s}", "type", "string"), *choices = json_array();

		if (route_param_is_id(str_from(filters[i].name)))
			set(schema, "format", json_string("uuid"));
		for (size_t j = 0; filters[i].choices != NULL && filters[i].choices[j] != NULL; j++)
			json_array_append_new(choices, json_string(filters[i].choices[j]));
		if (json_array_size(choices) > 0)
			set(schema, "enum", json_incref(choices));
		json_decref(choices);
		json_array_append_new(parameters,
		    json_pack("{s:s,s:s,s:s,s:o}", "name", filters[i].name, "in", "query",
			"description", filters[i].description, "schema", schema));
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
	    [ROUTE_ACTION] = {NULL},
	};
	json_t *parameters = json_array();

	put_path_parameters(route, parameters);
	/* Where the path does not name it. */
	if (route->access == FOR_MEMBER && strstr(route->pattern, "{organisation_id}") == NULL)
		json_array_append_new(parameters, openapi_reference("parameters", "Organisation"));
	for (const char *const *name = of_kind[route->kind]; *name != NULL; name++)
		json_array_append_new(parameters, openapi_reference("parameters", *name));
	put_filters(route, parameters);
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
	const char *name = short_name(request_schema_name(route));
	json_t *body = content(JSON_TYPE, openapi_reference("schemas", name));

	if (example != NULL)
		set(json_object_get(body, JSON_TYPE), "example", example);
	set(operation, "requestBody",
	    json_pack("{s:b,s:o}", "required", body_is_needed(schema), "content", body));
}

/* Who may use it: for people, and for programs that go through all routes. */
static void
put_access(const struct route *route, json_t *operation)
{
	static const char *const names[] = {
	    [FOR_ANYBODY] = "anybody",
	    [FOR_USER] = "user",
	    [FOR_CALLER] = "caller",
	    [FOR_MEMBER] = "member",
	};

	set(operation, "x-access", json_string(names[route->access]));
	if (route->access == FOR_MEMBER)
		set(operation, "x-permission",
		    json_string(permission_table[route->permission].name));
	if (route->access == FOR_ANYBODY)
		set(operation, "security", json_array());
	if (route->access == FOR_USER)
		set(operation, "security", json_pack("[{s:[]}]", "accessToken"));
}

/* What the schema says of the request, and the least role that may send it. */
static void
put_description(const struct route *route, const struct schema *schema, json_t *operation)
{
	struct str doc = schema == NULL ? STR("") : schema->doc;
	const char *role = role_table[permission_table[route->permission].least].name;

	if (route->access == FOR_MEMBER)
		set(operation, "description",
		    json_sprintf("%.*s%sFor members and API keys whose role is at least `%s`.",
			STR_ARG(doc), doc.len == 0 ? "" : "\n\n", role));
	else if (doc.len > 0)
		set(operation, "description", json_stringn(doc.ptr, doc.len));
}

static void
put_path(
    const struct schemas *schemas, const struct route *route, const json_t *examples, json_t *paths)
{
	const char *name = request_schema_name(route);
	const struct schema *schema = NULL;
	json_t *path = json_object_get(paths, route->pattern), *operation;
	char method[8] = "";

	for (size_t i = 0; route->method[i] != '\0'; i++) {
		CHECK(i < sizeof(method) - 1);
		method[i] = (char)(route->method[i] | 0x20);
	}
	if (name != NULL)
		schema = schemas_by_name(schemas, str_from(name));
	operation = json_pack("{s:s,s:[s],s:s}", "operationId", route->operation_id, "tags",
	    route->tag, "summary", route->summary);
	put_description(route, schema, operation);
	put_access(route, operation);
	set(operation, "parameters", make_parameters(route));
	if (schema != NULL && has_body(schema))
		put_body(schema, route, examples, operation);
	set(operation, "responses", openapi_answers(route));
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
	set(components, "responses", openapi_errors());
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
