/*
 * Who may use which route, where all is known without the database: each row is a request, and what
 * is answered.
 */

#include <sodium.h>

#include "api/auth.h"
#include "api/callers.h"
#include "api/limits.h"
#include "api/ring.h"
#include "common/base/daemon.h"
#include "tests/unit/unit.h"

#define OWN "01a201d3-0cb9-8800-a560-2c2096ed7ca9"
#define FOREIGN "01a201d3-0cb9-8800-a560-2c2096ed7caa"
#define NONE "00000000-0000-0000-0000-000000000000"
#define KEY "billd_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define VALUE_SIZE 1024

enum shows {
	SHOWS_NOTHING,
	SHOWS_NONSENSE,
	SHOWS_BASIC,
	SHOWS_KEY,
	SHOWS_TOKEN,
	SHOWS_OLD_TOKEN,
	SHOWS_FORGED_TOKEN,
};

static const struct row {
	const char *name;
	const char *method, *path;
	enum shows shows;
	const char *header; /* Billd-Organisation; NULL: none */
	enum role role;     /* in OWN */
	int status;         /* 0: admitted */
} rows[] = {
    {"anybody", "GET", "/health", SHOWS_NOTHING, NULL, ROLE_NONE, 0},
    {"anybody, whatever is shown", "GET", "/v1/roles", SHOWS_NONSENSE, "x", ROLE_NONE, 0},
    {"to log in", "POST", "/v1/auth/login", SHOWS_NOTHING, NULL, ROLE_NONE, 0},

    {"nothing shown", "GET", "/v1/customers", SHOWS_NOTHING, NULL, ROLE_ADMIN, 401},
    {"nonsense", "GET", "/v1/customers", SHOWS_NONSENSE, NULL, ROLE_ADMIN, 401},
    {"another scheme", "GET", "/v1/customers", SHOWS_BASIC, NULL, ROLE_ADMIN, 401},
    {"an old token", "GET", "/v1/me", SHOWS_OLD_TOKEN, NULL, ROLE_ADMIN, 401},
    {"a forged token", "GET", "/v1/me", SHOWS_FORGED_TOKEN, NULL, ROLE_ADMIN, 401},
    {"401 comes before 400", "GET", "/v1/customers", SHOWS_OLD_TOKEN, "x", ROLE_ADMIN, 401},

    {"a key reads", "GET", "/v1/customers", SHOWS_KEY, NULL, ROLE_VIEWER, 0},
    {"a viewer's key bills not", "POST", "/v1/customers", SHOWS_KEY, NULL, ROLE_VIEWER, 403},
    {"a biller's key", "POST", "/v1/customers", SHOWS_KEY, NULL, ROLE_BILLING, 0},
    {"a biller's key makes no keys", "POST", "/v1/api-keys", SHOWS_KEY, NULL, ROLE_BILLING, 403},
    {"an admin's key does", "POST", "/v1/api-keys", SHOWS_KEY, NULL, ROLE_ADMIN, 0},
    {"a key with its organisation", "GET", "/v1/customers", SHOWS_KEY, OWN, ROLE_VIEWER, 0},
    {"a key with another one", "GET", "/v1/customers", SHOWS_KEY, FOREIGN, ROLE_OWNER, 400},
    {"a key with no UUID", "GET", "/v1/customers", SHOWS_KEY, "x", ROLE_OWNER, 400},
    {"a key with an empty header", "GET", "/v1/customers", SHOWS_KEY, "", ROLE_OWNER, 400},
    {"a key's path", "GET", "/v1/organisations/" OWN, SHOWS_KEY, NULL, ROLE_VIEWER, 0},
    {"a key in another's path", "GET", "/v1/organisations/" FOREIGN, SHOWS_KEY, NULL, ROLE_OWNER,
	404},
    {"404 comes before 403", "PATCH", "/v1/organisations/" FOREIGN, SHOWS_KEY, NULL, ROLE_VIEWER,
	404},
    {"a key where a person is asked for", "POST", "/v1/auth/logout-all", SHOWS_KEY, NULL,
	ROLE_OWNER, 403},
    {"a key asks who it is", "GET", "/v1/me", SHOWS_KEY, NULL, ROLE_VIEWER, 0},
    {"and with another's header", "GET", "/v1/me", SHOWS_KEY, FOREIGN, ROLE_VIEWER, 400},

    {"a user in no organisation", "GET", "/v1/me", SHOWS_TOKEN, NULL, ROLE_NONE, 0},
    {"a person", "POST", "/v1/auth/logout-all", SHOWS_TOKEN, NULL, ROLE_NONE, 0},
    {"a person with nonsense", "GET", "/v1/me", SHOWS_TOKEN, "x", ROLE_NONE, 400},
    {"a member", "GET", "/v1/customers", SHOWS_TOKEN, OWN, ROLE_VIEWER, 0},
    {"a member names none", "GET", "/v1/customers", SHOWS_TOKEN, NULL, ROLE_OWNER, 400},
    {"a member names nonsense", "GET", "/v1/customers", SHOWS_TOKEN, "x", ROLE_OWNER, 400},
    {"a member names nil", "GET", "/v1/customers", SHOWS_TOKEN, NONE, ROLE_OWNER, 403},
    {"a viewer", "POST", "/v1/customers", SHOWS_TOKEN, OWN, ROLE_VIEWER, 403},
    {"a biller", "POST", "/v1/customers", SHOWS_TOKEN, OWN, ROLE_BILLING, 0},
    {"a path needs no header", "GET", "/v1/organisations/" OWN, SHOWS_TOKEN, NULL, ROLE_VIEWER, 0},
    {"a path outdoes the header", "GET", "/v1/organisations/" OWN, SHOWS_TOKEN, FOREIGN,
	ROLE_VIEWER, 0},
    {"no UUID in the path", "GET", "/v1/organisations/x", SHOWS_TOKEN, OWN, ROLE_OWNER, 404},
    {"nil in the path", "GET", "/v1/organisations/" NONE, SHOWS_TOKEN, OWN, ROLE_OWNER, 404},
    {"a viewer may leave", "DELETE", "/v1/organisations/" OWN "/members/" OWN, SHOWS_TOKEN, NULL,
	ROLE_VIEWER, 0},
    {"a biller changes no member", "PATCH", "/v1/organisations/" OWN "/members/" OWN, SHOWS_TOKEN,
	NULL, ROLE_BILLING, 403},
};

static const struct limit_rule no_limits[LIMIT_CLASS_MAX] = {{0, 1}, {0, 1}, {0, 1}, {0, 1}};
static const struct uuid user_id = {{7}}, session_id = {{8}};

static struct ingress_settings settings;
static struct ingress ingress = {.settings = &settings};

static struct uuid
uuid_of(const char *text)
{
	struct uuid id = UUID_NIL;

	ck_assert(uuid_read(str_from(text), &id));
	return id;
}

static void
parts_open(const struct limit_rule *rules, enum role role)
{
	struct caller key = {
	    .kind = CALLER_KEY, .id = {{9}}, .organisation_id = uuid_of(OWN), .role = role};
	struct caller user = {.kind = CALLER_USER, .id = user_id, .session_id = session_id};
	const struct id_secret secret = {{1}};
	struct signing_ring ring = {0};
	uint8_t hash[CALLER_HASH_BYTES];

	ck_assert_int_ge(sodium_init(), 0);
	ingress.callers = callers_new();
	ingress.limits = limits_new(rules);
	ingress.ring = ring_holder_new();
	ck_assert(signing_ring_add(&ring, &secret, SIGNING_TOKEN, STR("one")));
	ring_holder_set(ingress.ring, &ring);
	api_key_hash(STR(KEY), hash);
	callers_put(ingress.callers, hash, &key, CALLER_NEVER_S, 1);
	callers_member_hash(session_id, UUID_NIL, hash);
	callers_put(ingress.callers, hash, &user, CALLER_NEVER_S, 1);
	user.organisation_id = uuid_of(OWN);
	user.role = role;
	callers_member_hash(session_id, user.organisation_id, hash);
	if (role != ROLE_NONE)
		callers_put(ingress.callers, hash, &user, CALLER_NEVER_S, 1);
}

static void
parts_free(void)
{
	ring_holder_free(ingress.ring);
	limits_free(ingress.limits);
	callers_free(ingress.callers);
}

/* The value of Authorization. */
static void
show(enum shows shows, char value[VALUE_SIZE])
{
	int64_t now_s = clock_now_ms() / 1000;
	struct token_claims claims = {user_id, session_id, now_s, now_s + TOKEN_LIFE_S};
	char token[TOKEN_TEXT_SIZE];

	if (shows == SHOWS_OLD_TOKEN)
		claims = (struct token_claims){user_id, session_id, now_s - 3600, now_s - 1800};
	ck_assert(ring_holder_token_write(ingress.ring, &claims, token));
	if (shows == SHOWS_FORGED_TOKEN)
		token[strlen(token) - 2] = token[strlen(token) - 2] == 'A' ? 'B' : 'A';
	switch (shows) {
	case SHOWS_NOTHING:
	case SHOWS_NONSENSE:
		snprintf(value, VALUE_SIZE, "Bearer nonsense");
		break;
	case SHOWS_BASIC:
		snprintf(value, VALUE_SIZE, "Basic " KEY);
		break;
	case SHOWS_KEY:
		snprintf(value, VALUE_SIZE, "Bearer " KEY);
		break;
	case SHOWS_TOKEN:
	case SHOWS_OLD_TOKEN:
	case SHOWS_FORGED_TOKEN:
		snprintf(value, VALUE_SIZE, "Bearer %s", token);
		break;
	}
}

static void
ask(struct request *request, const struct row *row, char value[VALUE_SIZE])
{
	request->method = str_from(row->method);
	request->path = str_from(row->path);
	route_find(request->method, request->path, &request->match);
	ck_assert_msg(request->match.route != NULL, "%s: no route", row->name);
	if (row->shows != SHOWS_NOTHING) {
		show(row->shows, value);
		request->headers.values[HEADER_AUTHORIZATION] = str_from(value);
	}
	request->headers.values[HEADER_ORGANISATION] = str_from(row->header);
	ck_assert_msg(auth_begin(request), "%s: handed over", row->name);
}

START_TEST(test_admission)
{
	const struct row *row = &rows[_i];
	struct request_pool *pool = request_pool_new(0);
	struct request *request = request_take(pool, &ingress);
	char value[VALUE_SIZE];

	ck_assert_ptr_nonnull(request);
	parts_open(no_limits, row->role);
	ask(request, row, value);
	ck_assert_msg(request->answer.status == row->status, "%s: %d: %.*s", row->name,
	    request->answer.status, STR_ARG(request->answer.body));
	if (row->status == 0 && request->match.route->access == FOR_MEMBER) {
		ck_assert(uuid_equal(request->caller.organisation_id, uuid_of(OWN)));
		ck_assert_int_eq(request->caller.role, row->role);
	}
	request_give(pool, request);
	request_pool_free(pool);
	parts_free();
}
END_TEST

/* The value of a header of the answer, or NULL. */
static const char *
header_of(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->answer.headers_len; i++)
		if (strcmp(request->answer.headers[i].name, name) == 0)
			return request->answer.headers[i].value;
	return NULL;
}

#define LATE_S 60 /* that the machine may be */

/* A header as ${wanted}, but that numbers from 100 on, which are seconds, may have run down. */
static void
assert_header(const struct request *request, const char *name, const char *wanted)
{
	const char *got = header_of(request, name);

	ck_assert(got != NULL || wanted == NULL);
	while (wanted != NULL && *wanted != '\0') {
		char *got_end, *wanted_end;
		long seconds = strtol(wanted, &wanted_end, 10), left = strtol(got, &got_end, 10);

		if (seconds >= 100 && left <= seconds && left > seconds - LATE_S) {
			got = got_end;
			wanted = wanted_end;
			continue;
		}
		ck_assert_msg(*got == *wanted, "%s: \"%s\" at \"%s\"", name, got, wanted);
		got++;
		wanted++;
	}
	ck_assert(got == NULL ? wanted == NULL : wanted != NULL && *got == '\0');
}

/* A caller with three requests in its bucket, in an organisation with four. */
START_TEST(test_limits)
{
	static const struct limit_rule rules[LIMIT_CLASS_MAX] = {
	    [LIMIT_CALLER] = {3, 600},
	    [LIMIT_ORGANISATION] = {4, 400},
	    [LIMIT_LOGIN_ACCOUNT] = {0, 1},
	    [LIMIT_LOGIN_ADDRESS] = {0, 1},
	};
	static const struct {
		enum shows shows;
		int status;
		const char *state, *retry_after;
	} turns[] = {
	    {SHOWS_KEY, 0, "\"caller\";r=2;t=200, \"organisation\";r=3;t=100", NULL},
	    {SHOWS_KEY, 403, "\"caller\";r=1;t=400, \"organisation\";r=2;t=200", NULL},
	    {SHOWS_KEY, 0, "\"caller\";r=0;t=600, \"organisation\";r=1;t=300", NULL},
	    {SHOWS_KEY, 429, "\"caller\";r=0;t=200", "200"},
	    {SHOWS_TOKEN, 0, "\"caller\";r=2;t=200, \"organisation\";r=0;t=400", NULL},
	    {SHOWS_TOKEN, 429, "\"caller\";r=1;t=400, \"organisation\";r=0;t=100", "100"},
	    /* The one that the organisation refused was not the user's. */
	    {SHOWS_TOKEN, 429, "\"caller\";r=1;t=400, \"organisation\";r=0;t=100", "100"},
	};
	char value[VALUE_SIZE];

	parts_open(rules, ROLE_VIEWER);
	for (size_t i = 0; i < ARRAY_LEN(turns); i++) {
		const struct row row = {.name = "a turn",
		    .method = turns[i].status == 403 ? "POST" : "GET",
		    .path = "/v1/customers",
		    .shows = turns[i].shows,
		    .header = OWN};
		struct request_pool *pool = request_pool_new(0);
		struct request *request = request_take(pool, &ingress);

		ck_assert_ptr_nonnull(request);
		ask(request, &row, value);
		ck_assert_int_eq(request->answer.status, turns[i].status);
		assert_header(request, "RateLimit", turns[i].state);
		assert_header(request, "Retry-After", turns[i].retry_after);
		ck_assert_ptr_nonnull(
		    strstr(header_of(request, "RateLimit-Policy"), "\"caller\";q=3;w=600"));
		request_give(pool, request);
		request_pool_free(pool);
	}
	parts_free();
}
END_TEST

/* Who is no member uses nothing of the organisation's up. */
START_TEST(test_strangers)
{
	static const struct limit_rule rules[LIMIT_CLASS_MAX] = {
	    [LIMIT_CALLER] = {0, 1},
	    [LIMIT_ORGANISATION] = {1, 600},
	    [LIMIT_LOGIN_ACCOUNT] = {0, 1},
	    [LIMIT_LOGIN_ADDRESS] = {0, 1},
	};
	const struct row row = {.name = "a stranger",
	    .method = "GET",
	    .path = "/v1/me",
	    .shows = SHOWS_TOKEN,
	    .header = OWN};
	char value[VALUE_SIZE];

	parts_open(rules, ROLE_NONE);
	for (int i = 0; i < 3; i++) {
		struct request_pool *pool = request_pool_new(0);
		struct request *request = request_take(pool, &ingress);

		ck_assert_ptr_nonnull(request);
		ask(request, &row, value);
		ck_assert_int_eq(request->answer.status, 0);
		ck_assert_ptr_null(header_of(request, "RateLimit"));
		request_give(pool, request);
		request_pool_free(pool);
	}
	parts_free();
}
END_TEST

/* Before the keys were read nobody can tell a good token from a bad one. */
START_TEST(test_no_ring)
{
	const struct row row = {
	    .name = "no ring", .method = "GET", .path = "/v1/me", .shows = SHOWS_TOKEN};
	struct request_pool *pool = request_pool_new(0);
	struct request *request = request_take(pool, &ingress);
	struct signing_ring ring = {0};
	char value[VALUE_SIZE];

	ck_assert_ptr_nonnull(request);
	parts_open(no_limits, ROLE_VIEWER);
	show(SHOWS_TOKEN, value);
	ring_holder_set(ingress.ring, &ring);
	request->method = str_from(row.method);
	request->path = str_from(row.path);
	route_find(request->method, request->path, &request->match);
	request->headers.values[HEADER_AUTHORIZATION] = str_from(value);
	ck_assert(auth_begin(request));
	ck_assert_int_eq(request->answer.status, 503);
	ck_assert_str_eq(header_of(request, "Retry-After"), "1");
	request_give(pool, request);
	request_pool_free(pool);
	parts_free();
}
END_TEST

UNIT_MAIN("auth", UNIT_ROWS(test_admission, rows), UNIT(test_limits), UNIT(test_strangers),
    UNIT(test_no_ring))
