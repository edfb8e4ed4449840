#include "api/submit.h"

#include "api/arguments.h"
#include "api/body.h"
#include "api/identity/action.h"
#include "api/query.h"
#include "api/reader.h"
#include "api/respond.h"
#include "api/reuse.h"
#include "api/ring.h"
#include "api/stats.h"
#include "api/wait.h"
#include "common/base/crash_point.h"
#include "common/base/daemon.h"
#include "common/base/log.h"
#include "common/codec/avro.h"
#include "common/codec/command_signature.h"
#include "common/kafka/topic.h"

#define IDEMPOTENCY_KEY_MAX 255
#define LOCATION_SIZE 96

/* What the headers must be; the body's length is known by now. */
static bool
check_headers(struct request *request)
{
	struct str key = request->headers.values[HEADER_IDEMPOTENCY_KEY];

	if (!body_is_declared(request))
		return false;
	if (key.ptr != NULL && !header_is_visible(key, IDEMPOTENCY_KEY_MAX)) {
		answer_problem(request, PROBLEM_BAD_IDEMPOTENCY_KEY,
		    "It has 1 to %d visible ASCII characters.", IDEMPOTENCY_KEY_MAX);
		return false;
	}
	return true;
}

static void
name_operation(struct request *request, int64_t now_ms)
{
	struct id_request named = {
	    .organisation_id = request->caller.organisation_id,
	    .accepted_ms = now_ms,
	    .idempotency_key = request->headers.values[HEADER_IDEMPOTENCY_KEY],
	    .method = request->method,
	    .path = request->path,
	    .body = buf_str(&request->body),
	};

	memcpy(named.nonce, request->nonce, sizeof(named.nonce));
	request->operation_id = id_operation(&request->ingress->secret, &named);
}

/* Write the command to ${request}->out, or note what is wrong with it. */
static bool
encode(struct request *request, int64_t now_ms, const json_t *json, struct faults *faults)
{
	const struct ingress *ingress = request->ingress;
	const struct schema *schema = ingress->command_schemas[request->match.route->command];
	char actor[ACTOR_TEXT_SIZE];
	struct path_value values[ROUTE_PARAMS_MAX];
	struct command_meta meta = {
	    .operation_id = request->operation_id,
	    .organisation_id = request->caller.organisation_id,
	    .accepted_at = now_ms,
	    .idempotency_key = request->headers.values[HEADER_IDEMPOTENCY_KEY],
	    .address = request->address[0] == '\0' ? STR_NONE : str_from(request->address),
	};
	struct transcode_given given = {
	    .meta_record = &command_meta_record,
	    .meta = &meta,
	    .path_values = values,
	    .path_values_len = request->match.params_len,
	};

	action_actor(request, actor);
	meta.actor = str_from(actor);
	for (size_t i = 0; i < request->match.params_len; i++)
		values[i] = (struct path_value){
		    request->match.params[i].name, request->match.params[i].text};
	if (!transcode(schema, json, &given, faults, &request->out)) {
		answer_faults(request, problem_info(PROBLEM_INVALID_BODY), faults);
		return false;
	}
	if (request->out.len > AVRO_MESSAGE_MAX) {
		answer_problem(request, PROBLEM_BODY_TOO_LARGE, "The command is too large.");
		return false;
	}
	return true;
}

/* What a command makes that is routed by its own id.  A customer of a test clock lies in the
 * clock's shard, so that one worker has both in hand, without asking anybody: its id is one of some
 * thousand that the operation could give, looked for here (half a millisecond, and for customers of
 * test clocks alone). */
static struct uuid
new_id(const struct request *request, const json_t *json)
{
	const json_t *clock = json_object_get(json, "test_clock_id");
	enum id_kind kind = request->match.route->resource->id_kind;
	struct uuid test_clock_id;

	if (kind != ID_CUSTOMER || !json_is_string(clock))
		return id_derive(request->operation_id, kind, 0, 0);
	/* The schema demands it. */
	CHECK(uuid_read(
	    (struct str){json_string_value(clock), json_string_length(clock)}, &test_clock_id));
	return id_customer_on_clock(request->operation_id, test_clock_id);
}

/* An id in the body, which the schema demands. */
static struct uuid
body_id(const json_t *json, const char *name)
{
	struct uuid id;

	CHECK(uuid_read(schema_str(json_object_get(json, name)), &id));
	return id;
}

/* The key of what is routed by an id: what the path names, what the body names, or what will be. */
static struct uuid
routing_key(const struct request *request, const json_t *json)
{
	struct uuid id;

	switch (request->match.route->by) {
	case BY_ORGANISATION:
	case BY_ITS_SHARD:
		return request->caller.organisation_id;
	case BY_NEW:
		return new_id(request, json);
	case BY_BODY_CUSTOMER:
		return body_id(json, "customer_id");
	case BY_BODY_INVOICE:
		return body_id(json, "invoice_id");
	case BY_PATH:
	case BY_PATH_SHARD:
		break;
	}
	CHECK(uuid_read(request->match.params[0].text, &id));
	return id;
}

/* What the command is routed by: ${ret_key} is the Kafka key; the shard is returned.  Also names
 * what it makes or changes. */
static int32_t
route_command(struct request *request, const json_t *json, struct uuid *ret_key)
{
	const struct route *route = request->match.route;
	bool by_bits = route->by == BY_PATH_SHARD || route->by == BY_BODY_INVOICE;
	int32_t shard;

	*ret_key = routing_key(request, json);
	shard = by_bits ? id_shard(*ret_key) : id_shard_of_key(*ret_key);
	CHECK(shard >= 0 && shard < SHARDS);

	if (route->by == BY_NEW)
		request->resource_id = *ret_key;
	else if (route->creates)
		/* What belongs to the organisation has no place of its own, but for a few. */
		request->resource_id = id_derive(request->operation_id, route->resource->id_kind, 0,
		    route->by == BY_ORGANISATION ? 0 : shard);
	else
		CHECK(uuid_read(request->match.params[0].text, &request->resource_id));
	return shard;
}

/* By which a worker knows that an ingress wrote the message, when it asks.  False when no key is
 * known yet: a command that was accepted without might be refused. */
static bool
sign(struct ring_holder *ring, struct message *message, char text[SIGNATURE_TEXT_SIZE])
{
	struct command_parts parts;

	command_parts_init(&parts, message->key, message->value, message->partition);
	if (!ring_holder_sign(ring, parts.parts, COMMAND_PARTS, text))
		return false;
	message->headers[message->headers_len++] =
	    (struct message_header){COMMAND_SIGNATURE_HEADER, str_from(text)};
	return true;
}

/* Nothing was queued: there is no such operation, and its key, where it was ${noted}, may come with
 * another, as with what the client has corrected. */
static void
withdraw(struct request *request, bool noted)
{
	if (noted)
		reuse_forget(request->ingress->reuse, request->caller.organisation_id,
		    request->headers.values[HEADER_IDEMPOTENCY_KEY], request->operation_id);
	request->operation_id = UUID_NIL;
}

/* Hand the encoded command to the queue; from then on the delivery thread has the request.
 * ${noted}: its idempotency key was new. */
static bool
send_command(struct request *request, struct uuid key, int32_t shard, bool noted)
{
	struct ingress *ingress = request->ingress;
	struct str traceparent = request->headers.values[HEADER_TRACEPARENT];
	char key_text[UUID_TEXT_SIZE], signature[SIGNATURE_TEXT_SIZE];
	struct message message = {
	    .topic = KAFKA_TOPIC_COMMANDS,
	    .partition = shard & ((int32_t)ingress->settings->partitions - 1),
	    .key = {key_text, UUID_TEXT_SIZE - 1},
	    .value = buf_str(&request->out),
	    .headers_len = 2,
	    .headers = {{"content-type", STR("application/avro")},
		{"billd_request_id", str_from(request->id)}},
	    .opaque = request,
	};
	struct err err;

	uuid_write(key, key_text);
	if (header_is_traceparent(traceparent))
		message.headers[message.headers_len++] =
		    (struct message_header){"traceparent", traceparent};
	if (!sign(ingress->ring, &message, signature)) {
		answer_problem(request, PROBLEM_DATABASE_UNAVAILABLE,
		    "There is no key to sign commands with.");
		withdraw(request, noted);
		return true;
	}
	request->partition = message.partition;
	request_body_drop(request);
	request_suspend(request);
	if (producer_send(ingress->producer, &message, &err) != ERR_NONE) {
		stats_count(ingress->stats, STAT_PRODUCE_REFUSED);
		answer_problem(
		    request, PROBLEM_QUEUE_UNAVAILABLE, "The queue takes no command now.");
		withdraw(request, noted);
		request_resume(request);
		return false;
	}
	CRASH_POINT("produced");
	return false;
}

/* Everything behind the parsed body. */
static bool
submit_json(struct request *request, const json_t *json, struct faults *faults)
{
	struct str key = request->headers.values[HEADER_IDEMPOTENCY_KEY];
	enum reuse_known known = REUSE_SAME; /* without a key there is nothing to forget */
	int64_t now_ms = clock_now_ms();
	struct uuid routed_by;
	int32_t shard;

	name_operation(request, now_ms);
	if (!encode(request, now_ms, json, faults))
		goto refused;
	shard = route_command(request, json, &routed_by);
	if (key.ptr != NULL)
		known = reuse_note(request->ingress->reuse, request->caller.organisation_id, key,
		    request->operation_id);
	if (known == REUSE_OTHER) {
		answer_refusal(request, REFUSAL_IDEMPOTENCY_KEY_REUSED,
		    "The key came before with another method, path or body.");
		goto refused;
	}
	return send_command(request, routed_by, shard, known == REUSE_NEW);
refused:
	/* There is no such operation. */
	request->operation_id = UUID_NIL;
	return true;
}

bool
submit_run(struct request *request)
{
	struct faults faults = {.arena = &request->arena};
	struct arguments arguments;
	json_t *json;
	bool answered;

	if (!check_headers(request) || !arguments_read(request, 0, &arguments) ||
	    !body_parse(request, &faults, &json))
		return true;
	answered = submit_json(request, json, &faults);
	json_decref(json);
	return answered;
}

static void
answer_location(struct request *request, const char *path, struct uuid id)
{
	char *location = arena_alloc(&request->arena, LOCATION_SIZE);
	char text[UUID_TEXT_SIZE];

	if (location == NULL)
		return;
	uuid_write(id, text);
	snprintf(location, LOCATION_SIZE, "%s%s", path, text);
	answer_header(request, MHD_HTTP_HEADER_LOCATION, location);
}

static void
answer_accepted(struct request *request)
{
	struct buf *out = &request->out;

	buf_clear(out);
	buf_append_str(out, STR("{\"operation_id\":"));
	json_put_uuid(out, request->operation_id);
	buf_printf(out, ",\"status\":\"pending\",\"resource\":{\"type\":\"%s\",\"id\":",
	    request->match.route->resource->type);
	json_put_uuid(out, request->resource_id);
	buf_append_str(out, STR("}}"));
	answer_location(request, "/v1/operations/", request->operation_id);
	answer_out(request, MHD_HTTP_ACCEPTED, JSON_TYPE);
}

/* The command succeeded, and here is what it made or changed. */
static void
resource_read(struct request *request, const PGresult *result, const struct err *err)
{
	const struct route *route = request->match.route;
	bool there = result != NULL && PQntuples(result) > 0;

	(void)err;
	buf_clear(&request->out);
	if (there)
		buf_append_str(&request->out, pg_get_str(result, 0, 0));
	if (there && !request->out.overflow && request_answer_hold(request)) {
		answer_location(request, route->resource->path, request->resource_id);
		answer_out(request, route->creates ? MHD_HTTP_CREATED : MHD_HTTP_OK, JSON_TYPE);
	} else {
		/* It can be read later; that it was accepted is true. */
		buf_release(&request->out);
		answer_accepted(request);
	}
	request_resume(request);
}

/* The problem of the rules, with the status that it names. */
static void
answer_stored_problem(struct request *request, struct str problem)
{
	json_t *json = json_loadb(problem.ptr, problem.len, 0, NULL);
	int64_t status = json_integer_value(json_object_get(json, "status"));

	json_decref(json);
	buf_clear(&request->out);
	buf_append_str(&request->out, problem);
	if (status < 400 || status > 599)
		status = MHD_HTTP_INTERNAL_SERVER_ERROR;
	answer_out(request, (int)status, PROBLEM_TYPE);
}

static void
outcome_known(struct request *request, const struct outcome *outcome)
{
	answer_header(request, "Preference-Applied", "wait");
	if (outcome != NULL && outcome->succeeded &&
	    query_one(
		request, request->match.route->resource, request->resource_id, &request->job)) {
		request->job.done = resource_read;
		if (reader_add(request->ingress->reader, request))
			return;
	}
	if (outcome != NULL && !outcome->succeeded)
		answer_stored_problem(request, outcome->problem);
	else
		answer_accepted(request);
	request_resume(request);
}

void
submit_delivered(struct request *request, const struct delivery *delivery)
{
	int wait_s = header_wait_s(request->headers.values[HEADER_PREFER]);

	if (!delivery->persisted) {
		stats_count(request->ingress->stats, STAT_DELIVERY_FAILED);
		answer_problem(request, PROBLEM_QUEUE_UNAVAILABLE,
		    "The queue did not confirm the command in time.");
		request_resume(request);
		return;
	}
	stats_count(request->ingress->stats, STAT_ACCEPTED);
	request->offset = delivery->offset;
	request->waited = outcome_known;
	if (wait_s > 0 && waiter_add(request->ingress->waiter, request, wait_s))
		return;
	answer_accepted(request);
	request_resume(request);
}
