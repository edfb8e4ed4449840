#include "api/openapi.h"
#include "api/respond.h"
#include "common/icu/iso.h"
#include "tests/unit/unit.h"

static json_t *document;
static struct schemas *schemas;
static struct str text;

static void
open_document(void)
{
	struct err err;

	ck_assert_int_eq(iso_init(&err), ERR_NONE);
	ck_assert_int_eq(schemas_open(&schemas, &err), ERR_NONE);
	ck_assert_int_eq(openapi_make(schemas, &text, &err), ERR_NONE);
	document = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(document);
}

static void
close_document(void)
{
	json_decref(document);
	openapi_free(text);
	schemas_free(schemas);
}

/* What "#/a/b" names in the document, or NULL. */
static const json_t *
resolve(const char *reference)
{
	const json_t *at = document;
	struct str rest = str_from(reference);

	ck_assert(rest.len > 2 && memcmp(reference, "#/", 2) == 0);
	for (const char *name = reference + 2; at != NULL && name != NULL;) {
		const char *end = strchr(name, '/');
		size_t len = end == NULL ? strlen(name) : (size_t)(end - name);

		at = json_object_getn(at, name, len);
		name = end == NULL ? NULL : end + 1;
	}
	return at;
}

/* The document's operation of ${route}, or NULL. */
static const json_t *
find_operation(const struct route *route)
{
	const json_t *paths = json_object_get(document, "paths");
	char method[8] = "";

	for (size_t c = 0; route->method[c] != '\0'; c++)
		method[c] = (char)(route->method[c] | 0x20);
	return json_object_get(json_object_get(paths, route->pattern), method);
}

static void
check_references(const json_t *json)
{
	const char *reference = json_string_value(json_object_get(json, "$ref"));
	const char *key;
	json_t *value;
	size_t i;

	if (reference != NULL)
		ck_assert_msg(resolve(reference) != NULL, "%s is not there", reference);
	json_object_foreach((json_t *)(uintptr_t)json, key, value) check_references(value);
	json_array_foreach(json, i, value) check_references(value);
}

START_TEST(test_references)
{
	open_document();
	check_references(document);
	close_document();
}
END_TEST

static void
check_answers(const struct route *route, const json_t *responses)
{
	static const char *const of_command[] = {"202", "409", "413", "415", "422", NULL};
	static const char *const of_member[] = {"400", "401", "403", "404", "429", "503", NULL};

	ck_assert_msg(json_object_size(responses) > 0, "%s", route->operation_id);
	for (size_t i = 0; route->access == FOR_MEMBER && of_member[i] != NULL; i++)
		ck_assert_msg(json_object_get(responses, of_member[i]) != NULL, "%s has no %s",
		    route->operation_id, of_member[i]);
	for (size_t i = 0; route->kind == ROUTE_COMMAND && of_command[i] != NULL; i++)
		ck_assert_msg(json_object_get(responses, of_command[i]) != NULL, "%s has no %s",
		    route->operation_id, of_command[i]);
	if (route->kind == ROUTE_COMMAND || route->kind == ROUTE_ACTION) {
		const char *success = route->creates ? "201" : "200";

		if (route->kind == ROUTE_ACTION && route->answer == NULL)
			success = "204";
		ck_assert_msg(json_object_get(responses, success) != NULL, "%s has no %s",
		    route->operation_id, success);
		ck_assert_int_eq(json_object_get(responses, "415") != NULL, route_has_body(route));
	}
	ck_assert_int_eq(
	    json_object_get(
		json_object_get(json_object_get(responses, "200"), "content"), EVENTS_TYPE) != NULL,
	    route->watched);
	ck_assert_int_eq(json_object_get(responses, "402") != NULL,
	    strcmp(route->operation_id, "payInvoice") == 0);
}

/* Every route that is no page is there, with its success and its problems. */
START_TEST(test_routes)
{
	open_document();
	for (size_t i = 0; i < route_table_len; i++) {
		const struct route *route = &route_table[i];
		const json_t *operation = find_operation(route);

		if (strncmp(route->pattern, "/docs", 5) == 0)
			ck_assert_ptr_null(operation);
		else
			check_answers(route, json_object_get(operation, "responses"));
	}
	close_document();
}
END_TEST

/* What the list of the journal is narrowed by, with all that it takes. */
START_TEST(test_filters)
{
	const json_t *operation, *parameter, *schema;
	size_t i, ids = 0, choices = 0;

	open_document();
	operation =
	    resolve("#/paths")
		? json_object_get(
		      json_object_get(json_object_get(document, "paths"), "/v1/journal"), "get")
		: NULL;
	json_array_foreach(json_object_get(operation, "parameters"), i, parameter)
	{
		const char *name = json_string_value(json_object_get(parameter, "name"));

		schema = json_object_get(parameter, "schema");
		if (name != NULL && strcmp(name, "document_id") == 0)
			ids += json_object_get(schema, "format") != NULL;
		if (name != NULL && strcmp(name, "account") == 0)
			choices += json_array_size(json_object_get(schema, "enum"));
	}
	ck_assert_uint_eq(ids, 1);
	ck_assert_uint_eq(choices, 9);
	close_document();
}
END_TEST

static bool
names_parameter(const json_t *operation, const char *reference)
{
	const json_t *parameter;
	size_t i;

	json_array_foreach(json_object_get(operation, "parameters"), i, parameter)
	{
		const char *named = json_string_value(json_object_get(parameter, "$ref"));

		if (named != NULL && strcmp(named, reference) == 0)
			return true;
	}
	return false;
}

static void
check_access(const struct route *route, const json_t *operation)
{
	static const char *const names[] = {
	    [FOR_ANYBODY] = "anybody",
	    [FOR_USER] = "user",
	    [FOR_CALLER] = "caller",
	    [FOR_MEMBER] = "member",
	};
	const json_t *security = json_object_get(operation, "security");
	const json_t *permission = json_object_get(operation, "x-permission");
	bool in_path = strstr(route->pattern, "{organisation_id}") != NULL;

	ck_assert_str_eq(
	    json_string_value(json_object_get(operation, "x-access")), names[route->access]);
	/* As the document says for all: a key, or a token. */
	ck_assert_int_eq(
	    security == NULL, route->access == FOR_CALLER || route->access == FOR_MEMBER);
	ck_assert_uint_eq(json_array_size(security), route->access == FOR_USER ? 1 : 0);
	ck_assert_int_eq(permission != NULL, route->access == FOR_MEMBER);
	if (permission != NULL)
		ck_assert_str_eq(
		    json_string_value(permission), permission_table[route->permission].name);
	ck_assert_int_eq(names_parameter(operation, "#/components/parameters/Organisation"),
	    route->access == FOR_MEMBER && !in_path);
}

/* Who may use a route stands with it: other people's tests are made from that. */
START_TEST(test_access)
{
	open_document();
	for (size_t i = 0; i < route_table_len; i++)
		if (strncmp(route_table[i].pattern, "/docs", 5) != 0)
			check_access(&route_table[i], find_operation(&route_table[i]));
	close_document();
}
END_TEST

static void
check_example(const struct route *route, const json_t *example)
{
	const struct schema *schema = schemas_by_name(schemas,
	    str_from(route->kind == ROUTE_ACTION ? route->body
						 : command_table[route->command].schema_name));
	static const struct command_meta meta = {.organisation_id = {{1}},
	    .operation_id = {{1}},
	    .actor = {"test", 4},
	    .accepted_at = 1795326935000};
	struct path_value path_value = {STR_NONE, STR("01a201d3-0cb9-8800-a560-2c2096ed7ca9")};
	struct transcode_given given = {
	    .meta_record = &command_meta_record, .meta = &meta, .path_values = &path_value};
	struct route_match match;
	struct faults faults = {.len = 0};
	struct arena arena;
	struct buf buf;

	arena_init(&arena, 100000);
	faults.arena = &arena;
	buf_init(&buf, 100000);
	if (route->kind == ROUTE_COMMAND) {
		route_find(str_from(route->method), str_from(route->pattern), &match);
		given.path_values_len = match.params_len;
		path_value.name = match.params_len == 0 ? STR_NONE : match.params[0].name;
	}
	ck_assert_msg(transcode(schema, example, &given, &faults, &buf), "%s: %.*s %.*s",
	    route->operation_id, STR_ARG(faults.items[0].pointer), STR_ARG(faults.items[0].detail));
	buf_release(&buf);
	arena_release(&arena);
}

/* What "Try it out" sends is accepted. */
START_TEST(test_examples)
{
	int bodies = 0;

	open_document();
	for (size_t i = 0; i < route_table_len; i++) {
		const struct route *route = &route_table[i];
		const json_t *body, *example;

		if (!route_has_body(route))
			continue;
		body = json_object_get(find_operation(route), "requestBody");
		ck_assert_msg(body != NULL || route->kind == ROUTE_COMMAND, "%s has no body",
		    route->operation_id);
		if (body == NULL)
			continue;
		example = json_object_get(
		    json_object_get(json_object_get(body, "content"), JSON_TYPE), "example");
		ck_assert_msg(example != NULL, "%s has no example", route->operation_id);
		check_example(route, example);
		bodies++;
	}
	ck_assert_int_ge(bodies, 6 + 11);
	close_document();
}
END_TEST

START_TEST(test_request_rules)
{
	const json_t *plan, *properties;

	open_document();
	plan = resolve("#/components/schemas/CreatePlan");
	ck_assert(json_is_false(json_object_get(plan, "additionalProperties")));
	properties = json_object_get(plan, "properties");
	ck_assert_ptr_null(json_object_get(properties, "meta"));
	ck_assert_int_eq(json_integer_value(json_object_get(
			     json_object_get(properties, "interval_count"), "default")),
	    1);
	ck_assert_int_eq(
	    json_integer_value(json_object_get(json_object_get(properties, "amount"), "minimum")),
	    0);
	ck_assert_uint_eq(
	    json_array_size(json_object_get(json_object_get(properties, "interval"), "enum")), 4);
	ck_assert_ptr_null(json_object_get(
	    json_object_get(resolve("#/components/schemas/UpdateCustomer"), "properties"),
	    "customer_id"));
	ck_assert_uint_eq(json_array_size(json_object_get(
			      resolve("#/components/schemas/CreateSubscription"), "oneOf")),
	    2);
	close_document();
}
END_TEST

/* The schema of a field of a request's body, however deep: "CreatePlan", "charges", "tiers". */
static const json_t *
body_field(const char *const *names)
{
	const json_t *schema = json_object_get(
	    json_object_get(json_object_get(document, "components"), "schemas"), *names);

	while (*++names != NULL) {
		if (json_object_get(schema, "items") != NULL)
			schema = json_object_get(schema, "items");
		schema = json_object_get(json_object_get(schema, "properties"), *names);
	}
	return schema;
}

/* What a rule becomes in the document. */
static const struct rule {
	const char *name;
	const char *field[5];
	const char *json; /* of which all is in the field's schema */
} rule_rows[] = {
    {"an array of so many", {"CreatePlan", "charges"}, "{\"type\":\"array\",\"maxItems\":20}"},
    {"an array in an array", {"CreatePlan", "charges", "tiers"}, "{\"maxItems\":50}"},
    {"a rule within", {"CreatePlan", "charges", "package_size"},
	"{\"type\":[\"integer\",\"null\"],\"minimum\":1}"},
    {"a default within", {"CreatePlan", "charges", "billing"}, "{\"default\":\"advance\"}"},
    {"an array of ids, each once", {"CreateSubscription", "tax_rate_ids"},
	"{\"type\":\"array\",\"maxItems\":5,\"uniqueItems\":true,\"default\":[],"
	"\"items\":{\"type\":\"string\",\"format\":\"uuid\"}}"},
    {"or null", {"UpdateCustomer", "tax_rate_ids"},
	"{\"type\":[\"array\",\"null\"],\"maxItems\":5,\"default\":null}"},
    {"rules for a text are those of an array's items", {"CreateSubscription", "coupon_codes"},
	"{\"type\":\"array\",\"maxItems\":10,\"items\":{\"type\":\"string\",\"minLength\":1,"
	"\"maxLength\":100,\"pattern\":\"^[A-Za-z0-9][A-Za-z0-9._-]*$\"}}"},
    {"any number but 0", {"GiveCredit", "amount"},
	"{\"type\":\"integer\",\"not\":{\"const\":0},\"minimum\":-999999999999999}"},
    {"a decimal is a text or an integer", {"ReportQuantity", "quantity"},
	"{\"type\":[\"string\",\"integer\"],\"minimum\":0,\"maximum\":999999999999999,"
	"\"pattern\":\"^(0|[1-9][0-9]{0,14})(\\\\.[0-9]{1,6})?$\"}"},
    {"or null", {"CreatePlan", "charges", "unit_amount"},
	"{\"type\":[\"string\",\"integer\",\"null\"],"
	"\"pattern\":\"^(0|[1-9][0-9]{0,14})(\\\\.[0-9]{1,12})?$\"}"},
    {"an anchor is a word or a day", {"CreateSubscription", "anchor"},
	"{\"type\":[\"string\",\"integer\"],\"minimum\":1,\"maximum\":31,"
	"\"pattern\":\"^(start|calendar|[1-9]|[12][0-9]|3[01])$\"}"},
};

START_TEST(test_rules)
{
	const struct rule *row = &rule_rows[_i];
	json_t *wanted = json_loads(row->json, 0, NULL), *value;
	const json_t *field;
	const char *key;

	open_document();
	field = body_field(row->field);
	ck_assert_msg(field != NULL && wanted != NULL, "%s", row->name);
	json_object_foreach(wanted, key, value)
	    ck_assert_msg(json_equal(json_object_get(field, key), value), "%s: %s", row->name, key);
	json_decref(wanted);
	close_document();
}
END_TEST

/* An empty array does not count as given: what is told apart by null elsewhere. */
START_TEST(test_exactly_one_with_an_array)
{
	const json_t *choices;

	open_document();
	choices = json_object_get(resolve("#/components/schemas/CreatePlan"), "oneOf");
	ck_assert_uint_eq(json_array_size(choices), 2);
	ck_assert_ptr_nonnull(json_object_get(
	    json_object_get(json_object_get(json_array_get(choices, 0), "properties"), "amount"),
	    "not"));
	ck_assert_int_eq(
	    json_integer_value(json_object_get(
		json_object_get(
		    json_object_get(json_array_get(choices, 1), "properties"), "charges"),
		"minItems")),
	    1);
	close_document();
}
END_TEST

/* JSON that an event carries in a text is itself in the public form: of no type. */
START_TEST(test_json_in_a_text)
{
	const json_t *lines;

	open_document();
	lines = resolve("#/components/schemas/CreditEntry/properties/lines");
	ck_assert_ptr_nonnull(json_object_get(lines, "description"));
	ck_assert_ptr_null(json_object_get(lines, "type"));
	close_document();
}
END_TEST

UNIT_MAIN("openapi", UNIT(test_references), UNIT(test_routes), UNIT(test_filters),
    UNIT(test_access), UNIT(test_examples), UNIT(test_request_rules),
    UNIT_ROWS(test_rules, rule_rows), UNIT(test_exactly_one_with_an_array),
    UNIT(test_json_in_a_text))
