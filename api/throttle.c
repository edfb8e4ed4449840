#include "api/throttle.h"

#include "api/respond.h"
#include "common/base/daemon.h"

#define FIELD_SIZE 160 /* of a header's value: two limits fit */

/* What is told of a limit in a problem's detail. */
static const char *const class_texts[LIMIT_CLASS_MAX] = {
    [LIMIT_CALLER] = "The limit of this API key or user",
    [LIMIT_ORGANISATION] = "The limit of this organisation",
    [LIMIT_LOGIN_ACCOUNT] = "The limit of attempts for this account",
    [LIMIT_LOGIN_ADDRESS] = "The limit of attempts from this address",
};

/* A limit that a request was held to. */
struct held {
	enum limit_class class;
	struct limit_state state;
};

/* RateLimit-Policy and RateLimit, lists of an item for each limit.  They are left out when memory
 * is. */
static void
put_headers(struct request *request, const struct held *held, size_t len)
{
	size_t policy_len = 0, state_len = 0;
	char *policy, *state;

	if (len == 0)
		return;
	policy = arena_alloc(&request->arena, FIELD_SIZE);
	state = arena_alloc(&request->arena, FIELD_SIZE);
	if (policy == NULL || state == NULL)
		return;
	for (size_t i = 0; i < len; i++) {
		const char *between = i == 0 ? "" : ", ";
		const char *name = limits_class_name(held[i].class);

		policy_len += (size_t)snprintf(policy + policy_len, FIELD_SIZE - policy_len,
		    "%s\"%s\";q=%lld;w=%lld", between, name, (long long)held[i].state.quota,
		    (long long)held[i].state.window_s);
		state_len += (size_t)snprintf(state + state_len, FIELD_SIZE - state_len,
		    "%s\"%s\";r=%lld;t=%lld", between, name, (long long)held[i].state.remaining,
		    (long long)held[i].state.reset_s);
		CHECK(policy_len < FIELD_SIZE && state_len < FIELD_SIZE);
	}
	answer_header(request, "RateLimit-Policy", policy);
	answer_header(request, "RateLimit", state);
}

static void
refuse(struct request *request, const struct held *held)
{
	request->answer.retry_after_s = held->state.reset_s;
	answer_problem(request, PROBLEM_TOO_MANY_REQUESTS, "%s is reached: %lld in %lld seconds.",
	    class_texts[held->class], (long long)held->state.quota,
	    (long long)held->state.window_s);
}

void
throttle_refuse(struct request *request, enum limit_class class, const struct limit_state *state)
{
	const struct held held = {class, *state};

	CHECK(class < LIMIT_CLASS_MAX);
	put_headers(request, &held, 1);
	refuse(request, &held);
}

/* What a request is counted for: the id that names it, nil for nothing. */
static struct uuid
name_of(const struct caller *caller, enum limit_class class)
{
	return class == LIMIT_CALLER ? caller->id : caller->organisation_id;
}

void
throttle_request(struct request *request)
{
	static const enum limit_class classes[] = {LIMIT_CALLER, LIMIT_ORGANISATION};
	struct limits *limits = request->ingress->limits;
	int64_t now_us = clock_steady_us();
	struct held held[ARRAY_LEN(classes)];
	size_t len = 0;
	bool taken = true;

	CHECK(request->caller.kind != CALLER_NOBODY);
	for (size_t i = 0; taken && i < ARRAY_LEN(classes); i++) {
		struct uuid id = name_of(&request->caller, classes[i]);
		struct str name = {(const char *)id.b, sizeof(id.b)};

		if (uuid_is_nil(id))
			continue;
		held[len].class = classes[i];
		taken = limits_take(limits, classes[i], name, now_us, &held[len].state);
		len += held[len].state.quota > 0;
	}
	put_headers(request, held, len);
	if (taken)
		return;
	/* What is refused uses nothing up. */
	for (size_t i = 0; i + 1 < len; i++) {
		struct uuid id = name_of(&request->caller, held[i].class);

		limits_give_back(
		    limits, held[i].class, (struct str){(const char *)id.b, sizeof(id.b)});
	}
	refuse(request, &held[len - 1]);
}
