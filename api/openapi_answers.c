/*
 * What each route answers: its success by the route's row, its problems by what can go wrong there.
 */

#include "api/openapi.h"

#include "api/respond.h"

/* What makes an error possible. */
enum reason {
	ON_ALL,     /* whoever asks for whatever */
	ON_ASKING,  /* credentials are looked at, and requests are counted */
	ON_ACCESS,  /* not everybody may */
	ON_MEMBERS, /* it belongs to an organisation */
	ON_CHANGE,  /* it changes something, beyond a session */
	ON_BODY,    /* it takes a body */
	ON_PAYMENT, /* money is asked for */
};

static const struct {
	int status;
	enum reason reason;
	const char *name, *description;
} errors[] = {
    {400, ON_ALL, "BadRequest",
	"The request, a parameter, a header or the JSON is malformed, or the organisation is not"
	" named."},
    {401, ON_ASKING, "Unauthorized",
	"The API key, token or password is missing, wrong, expired or revoked."},
    {402, ON_PAYMENT, "PaymentDeclined",
	"The provider declined the payment, and nothing was charged (with Prefer: wait)."},
    {403, ON_ACCESS, "Forbidden",
	"The caller's role, or kind, may not do it; see GET /v1/roles and x-permission."},
    {404, ON_MEMBERS, "NotFound",
	"Nothing of that name belongs to the organisation, or the caller does not belong to it."},
    {409, ON_CHANGE, "Conflict",
	"The present state does not allow it, or there would be too many (of a command, with"
	" Prefer: wait)."},
    {413, ON_BODY, "BodyTooLarge",
	"The body has more than 1 MiB; for what anybody may send, 16 KiB."},
    {415, ON_BODY, "UnsupportedMediaType", "The body is not declared as JSON."},
    {422, ON_BODY, "InvalidBody",
	"The body breaks the schema, or the Idempotency-Key came with another request."},
    {429, ON_ASKING, "TooManyRequests",
	"The limit of the key, the organisation, the account or the address is reached."},
    {500, ON_ALL, "Internal", "A fault of the service."},
    {503, ON_ALL, "Unavailable", "Something that is needed is out of reach: try again."},
};

/* Answers of ROUTE_SYSTEM, which have no errors; pages are not in the document. */
static const struct {
	const char *pattern, *status, *description, *type;
	const char *component; /* NULL: any of that type */
} system_answers[] = {
    {"/v1/roles", "200", "The matrix.", JSON_TYPE, "Roles"},
    {"/v1/roles", "400", "A query parameter is not known.", PROBLEM_TYPE, "Problem"},
    {"/health", "200", "All is well.", JSON_TYPE, "Health"},
    {"/health", "503", "Something that is needed is down.", JSON_TYPE, "Health"},
    {"/health/live", "200", "It answers.", JSON_TYPE, "Liveness"},
    {"/metrics", "200", "All metrics.", "text/plain", NULL},
    {"/openapi.json", "200", "The document.", JSON_TYPE, NULL},
};

static void
set(json_t *object, const char *name, json_t *value)
{
	CHECK(json_object_set_new(object, name, value) == 0);
}

/* A response with the header that all have. */
static json_t *
answer(const char *description, const char *type, json_t *schema)
{
	return json_pack("{s:s,s:{s:{s:o}},s:{s:o}}", "description", description, "content", type,
	    "schema", schema, "headers", "X-Request-Id", openapi_reference("headers", "RequestId"));
}

static void
put_header(json_t *response, const char *name, const char *component)
{
	json_t *headers = json_object_get(response, "headers");

	if (headers == NULL) {
		headers = json_object();
		set(response, "headers", headers);
	}
	set(headers, name, openapi_reference("headers", component));
}

/* What tells a caller how much is left. */
static void
put_limits(json_t *response)
{
	put_header(response, "RateLimit", "RateLimit");
	put_header(response, "RateLimit-Policy", "RateLimitPolicy");
}

json_t *
openapi_errors(void)
{
	json_t *responses = json_object();

	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		json_t *response = answer(
		    errors[i].description, PROBLEM_TYPE, openapi_reference("schemas", "Problem"));

		if (errors[i].status == 429 || errors[i].status == 503)
			put_header(response, "Retry-After", "RetryAfter");
		if (errors[i].status == 429)
			put_limits(response);
		if (errors[i].status == 401)
			put_header(response, "WWW-Authenticate", "WwwAuthenticate");
		set(responses, errors[i].name, response);
	}
	return responses;
}

static bool
is_possible(enum reason reason, const struct route *route)
{
	switch (reason) {
	case ON_ALL:
		return true;
	case ON_ASKING:
		return route->access != FOR_ANYBODY || route->kind == ROUTE_ACTION;
	case ON_ACCESS:
		return route->access != FOR_ANYBODY;
	case ON_MEMBERS:
		return route->access == FOR_MEMBER;
	case ON_CHANGE:
		return strcmp(route->method, "GET") != 0 &&
		       (route->creates || route->access != FOR_ANYBODY);
	case ON_BODY:
		return route_has_body(route);
	case ON_PAYMENT:
		return route->kind == ROUTE_COMMAND && route->command == COMMAND_PAY_INVOICE;
	}
	CHECK(!"an error has a reason");
	return false;
}

static void
put_errors(const struct route *route, json_t *responses)
{
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		char status[12];

		if (!is_possible(errors[i].reason, route))
			continue;
		snprintf(status, sizeof(status), "%d", errors[i].status);
		set(responses, status, openapi_reference("responses", errors[i].name));
	}
}

static void
put_system_answers(const struct route *route, json_t *responses)
{
	for (size_t i = 0; i < ARRAY_LEN(system_answers); i++) {
		const char *component = system_answers[i].component;
		bool is_json = strcmp(system_answers[i].type, JSON_TYPE) == 0;

		if (strcmp(route->pattern, system_answers[i].pattern) != 0)
			continue;
		set(responses, system_answers[i].status,
		    answer(system_answers[i].description, system_answers[i].type,
			component != NULL
			    ? openapi_reference("schemas", component)
			    : json_pack("{s:s}", "type", is_json ? "object" : "string")));
	}
	CHECK(json_object_size(responses) > 0);
}

static void
put_command_answers(const struct route *route, json_t *responses)
{
	json_t *accepted, *done;

	CHECK(route->resource != NULL);
	accepted = answer("Queued durably; its outcome is at Location.", JSON_TYPE,
	    openapi_reference("schemas", "Accepted"));
	done = answer("The outcome, when Prefer: wait was given and it came in time.", JSON_TYPE,
	    openapi_reference("schemas", openapi_resource_name(route->resource)));
	put_header(accepted, "Location", "Location");
	put_header(done, "Location", "Location");
	put_limits(accepted);
	put_limits(done);
	set(responses, route->creates ? "201" : "200", done);
	set(responses, "202", accepted);
}

static void
put_success(const struct route *route, const char *description, const char *name, json_t *responses)
{
	json_t *response = answer(description, JSON_TYPE, openapi_reference("schemas", name));

	if (route->access != FOR_ANYBODY)
		put_limits(response);
	set(responses, route->creates ? "201" : "200", response);
}

/* The same as events, one for each state of it that was seen. */
static void
put_stream(const struct route *route, json_t *response)
{
	json_t *schema = json_pack("{s:s,s:s}", "type", "string", "description",
	    "Server-sent events, to whoever sends Accept: text/event-stream: one at once, and one "
	    "whenever it has changed, seen each second. The data of each is the document on one "
	    "line. The answer ends when nothing changes any more, or after ten minutes: then ask "
	    "again.");

	CHECK(schema != NULL);
	set(schema, "x-event", json_string(route->resource->type));
	set(json_object_get(response, "content"), EVENTS_TYPE,
	    json_pack("{s:o}", "schema", schema));
}

/* Done, and nothing is left to tell. */
static void
put_nothing(const struct route *route, json_t *responses)
{
	json_t *response = json_pack("{s:s}", "description", "It is done.");

	put_header(response, "X-Request-Id", "RequestId");
	if (route->access != FOR_ANYBODY)
		put_limits(response);
	set(responses, "204", response);
}

json_t *
openapi_answers(const struct route *route)
{
	json_t *responses = json_object();
	char list_name[64] = "";

	switch (route->kind) {
	case ROUTE_SYSTEM:
		put_system_answers(route, responses);
		return responses;
	case ROUTE_COMMAND:
		put_command_answers(route, responses);
		break;
	case ROUTE_ONE:
		put_success(route, "It.", openapi_resource_name(route->resource), responses);
		if (route->watched)
			put_stream(route, json_object_get(responses, "200"));
		break;
	case ROUTE_LIST:
		snprintf(
		    list_name, sizeof(list_name), "%sList", openapi_resource_name(route->resource));
		put_success(route, "A page.", list_name, responses);
		break;
	case ROUTE_OPERATION:
		put_success(route, "The operation.", "Operation", responses);
		break;
	case ROUTE_EVENTS:
		put_success(route, "A page.", "EventList", responses);
		break;
	case ROUTE_ACTION:
		if (route->answer == NULL)
			put_nothing(route, responses);
		else
			put_success(route, "It is done.", route->answer, responses);
		break;
	}
	put_errors(route, responses);
	return responses;
}
