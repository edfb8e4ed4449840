#include "api/auth.h"

#include "api/callers.h"
#include "api/reader.h"
#include "api/respond.h"
#include "api/ring.h"
#include "api/throttle.h"
#include "common/base/daemon.h"

/* An organisation that the request names somewhere. */
struct named {
	bool given;
	bool valid; /* it is a UUID */
	struct uuid id;
};

static const char *const verdict_texts[TOKEN_VERDICT_MAX] = {
    [TOKEN_MALFORMED] = "The access token is malformed.",
    [TOKEN_WRONG_KEY] = "The access token names no key of ours.",
    [TOKEN_BAD_SIGNATURE] = "The access token's signature is wrong.",
    [TOKEN_NOT_FOR_US] = "The access token is not for this service.",
    [TOKEN_EXPIRED] = "The access token has expired, or is not valid yet.",
};

static struct named
named_by(struct str text)
{
	struct named named = {.given = text.ptr != NULL};

	named.valid = named.given && uuid_read(text, &named.id);
	return named;
}

static struct named
named_by_header(const struct request *request)
{
	return named_by(request->headers.values[HEADER_ORGANISATION]);
}

static struct named
named_by_path(const struct request *request)
{
	for (size_t i = 0; i < request->match.params_len; i++)
		if (str_equal(request->match.params[i].name, STR("organisation_id")))
			return named_by(request->match.params[i].text);
	return (struct named){0};
}

/* Whether the header Billd-Organisation says what it may.  An answer is noted when not. */
static bool
header_fits(struct request *request)
{
	const struct caller *caller = &request->caller;
	struct named header = named_by_header(request);

	if (header.given && !header.valid)
		answer_problem(request, PROBLEM_BAD_ORGANISATION,
		    "The header Billd-Organisation holds no UUID.");
	else if (header.given && caller->kind == CALLER_KEY &&
		 !uuid_equal(header.id, caller->organisation_id))
		answer_problem(request, PROBLEM_BAD_ORGANISATION,
		    "The header Billd-Organisation names another organisation than the API key's.");
	return request->answer.status == 0;
}

/* A route in an organisation: whether the caller may use it there.  What the caller is no member of
 * is as if it did not exist. */
static void
admit_member(struct request *request)
{
	const struct route *route = request->match.route;
	const struct caller *caller = &request->caller;
	struct named path = named_by_path(request);

	if (path.given && !(path.valid && caller->role != ROLE_NONE &&
			      uuid_equal(path.id, caller->organisation_id)))
		answer_problem(request, PROBLEM_NOT_FOUND, "There is no such organisation.");
	else if (!path.given && caller->kind == CALLER_USER && !named_by_header(request).given)
		answer_problem(
		    request, PROBLEM_BAD_ORGANISATION, "The header Billd-Organisation is missing.");
	else if (caller->role == ROLE_NONE)
		answer_problem(request, PROBLEM_FORBIDDEN,
		    "The user is no member of the organisation that the header "
		    "Billd-Organisation names.");
	else if (!role_may(caller->role, route->permission))
		answer_problem(request, PROBLEM_FORBIDDEN,
		    "It needs the permission \"%s\", which the role \"%s\" does not have.",
		    permission_table[route->permission].name, role_table[caller->role].name);
}

/* It is known who asks: whether they may. */
static void
admit(struct request *request)
{
	enum route_for access = request->match.route->access;

	throttle_request(request);
	if (request->answer.status != 0 || !header_fits(request))
		return;
	if (access == FOR_USER && request->caller.kind != CALLER_USER)
		answer_problem(request, PROBLEM_FORBIDDEN,
		    "It needs the access token of a user, not an API key.");
	else if (access == FOR_MEMBER)
		admit_member(request);
}

static void
key_looked_up(struct request *request, const PGresult *result, const struct err *err)
{
	struct caller caller = {.kind = CALLER_KEY};

	if (result == NULL) {
		answer_failed(request, err);
	} else if (PQntuples(result) == 0) {
		answer_problem(request, PROBLEM_UNAUTHORIZED,
		    "The API key is unknown, has expired, or was revoked.");
	} else {
		caller.organisation_id = pg_get_uuid(result, 0, 1);
		caller.id = pg_get_uuid(result, 0, 2);
		caller.role = role_from(pg_get_str(result, 0, 3));
		callers_put(request->ingress->callers, request->key_hash, &caller,
		    pg_get_int64(result, 0, 4), clock_now_ms() / 1000);
		request->caller = caller;
		admit(request);
	}
	request_resume(request);
}

/* It was ended, or is another's than the token says. */
static void
refuse_session(struct request *request)
{
	request->caller = (struct caller){.kind = CALLER_NOBODY};
	answer_problem(request, PROBLEM_UNAUTHORIZED, "The session has ended: log in again.");
}

static void
user_looked_up(struct request *request, const PGresult *result, const struct err *err)
{
	struct caller caller = request->caller;

	request->caller = (struct caller){.kind = CALLER_NOBODY};
	if (result == NULL) {
		answer_failed(request, err);
	} else if (PQntuples(result) == 0 || !uuid_equal(pg_get_uuid(result, 0, 1), caller.id)) {
		refuse_session(request);
	} else {
		caller.role = role_from(pg_get_str(result, 0, 2));
		/* Who is no member is asked for again: that may change at any moment. */
		if (uuid_is_nil(caller.organisation_id) || caller.role != ROLE_NONE)
			callers_put(request->ingress->callers, request->key_hash, &caller,
			    pg_get_int64(result, 0, 3), clock_now_ms() / 1000);
		/* Then nothing happens in that organisation's name. */
		if (caller.role == ROLE_NONE)
			caller.organisation_id = UUID_NIL;
		request->caller = caller;
		admit(request);
	}
	request_resume(request);
}

/* A job whose parameters are still to be filled in, or NULL with an answer noted. */
static struct pg_params *
job_params(struct request *request)
{
	struct pg_params *params = reader_params(request);

	if (params == NULL)
		answer_problem(request, PROBLEM_INTERNAL, "There is no memory left.");
	return params;
}

static bool
key_begin(struct request *request, struct str key)
{
	const struct str hash = {(const char *)request->key_hash, sizeof(request->key_hash)};
	struct job job = {.scope = SCOPE_KEY, .statement = "keys_known", .done = key_looked_up};

	api_key_hash(key, request->key_hash);
	if (callers_get(request->ingress->callers, request->key_hash, clock_now_ms() / 1000,
		&request->caller)) {
		admit(request);
		return true;
	}
	job.params = job_params(request);
	if (job.params == NULL)
		return true;
	pg_params_bytes_array(job.params, &hash, 1);
	return reader_begin(request, &job);
}

/* The organisation that a user wants to act in; nil: in none. */
static struct uuid
organisation_wanted(const struct request *request)
{
	struct named path = named_by_path(request);

	if (request->match.route->access != FOR_MEMBER)
		return UUID_NIL;
	/* A malformed id is nil here, and refused when it is known who asks. */
	return path.given ? path.id : named_by_header(request).id;
}

static bool
user_begin(struct request *request, const struct token_claims *claims, int64_t now_s)
{
	struct job job = {
	    .scope = SCOPE_USER, .statement = "sessions_known", .done = user_looked_up};
	struct caller wanted = {.kind = CALLER_USER,
	    .id = claims->user_id,
	    .session_id = claims->session_id,
	    .organisation_id = organisation_wanted(request)};

	callers_member_hash(wanted.session_id, wanted.organisation_id, request->key_hash);
	if (callers_get(request->ingress->callers, request->key_hash, now_s, &request->caller)) {
		if (uuid_equal(request->caller.id, wanted.id))
			admit(request);
		else
			refuse_session(request);
		return true;
	}
	job.params = job_params(request);
	if (job.params == NULL)
		return true;
	request->caller = wanted;
	pg_params_uuids(job.params, &wanted.session_id, 1);
	pg_params_uuids(job.params, &wanted.organisation_id, 1);
	return reader_begin(request, &job);
}

static bool
token_begin(struct request *request, struct str token)
{
	struct ring_holder *ring = request->ingress->ring;
	int64_t now_s = clock_now_ms() / 1000;
	struct token_claims claims;
	enum token_verdict verdict = ring_holder_token_read(ring, token, now_s, &claims);

	if (verdict == TOKEN_GOOD)
		return user_begin(request, &claims, now_s);
	if (ring_holder_knows(ring, SIGNING_TOKEN))
		answer_problem(request, PROBLEM_UNAUTHORIZED, "%s", verdict_texts[verdict]);
	else
		answer_problem(request, PROBLEM_DATABASE_UNAVAILABLE,
		    "The keys that access tokens are signed with were not read yet.");
	return true;
}

bool
auth_begin(struct request *request)
{
	struct str header = request->headers.values[HEADER_AUTHORIZATION];
	struct str token;

	CHECK(request->answer.status == 0 && request->match.route != NULL);

	if (request->match.route->access == FOR_ANYBODY)
		return true;
	if (header.ptr == NULL)
		answer_problem(
		    request, PROBLEM_UNAUTHORIZED, "The header Authorization is missing.");
	else if (header_bearer(header, &token) && token_has_form(token))
		return token_begin(request, token);
	else if (header_bearer(header, &token) && api_key_has_form(token))
		return key_begin(request, token);
	else
		answer_problem(request, PROBLEM_UNAUTHORIZED,
		    "The header Authorization holds neither an API key nor an access token.");
	return true;
}
