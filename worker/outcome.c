#include "worker/outcome.h"

#include <jansson.h>

#include "common/base/daemon.h"
#include "common/base/log.h"
#include "worker/decode.h"
#include "worker/handler.h"
#include "worker/transaction.h"

#define REQUEST_ID_MAX 128

/* The refusal as RFC 9457 has it, in the arena. */
static struct str
problem_write(
    struct arena *arena, enum refusal refusal, const char *detail, struct uuid operation_id)
{
	const struct refusal_info *info = refusal_info(refusal);
	char type[128], operation[UUID_TEXT_SIZE], instance[64];
	struct str problem;
	json_t *json;
	char *text;

	uuid_write(operation_id, operation);
	snprintf(type, sizeof(type), "/docs/problems/%s", info->slug);
	snprintf(instance, sizeof(instance), "/v1/operations/%s", operation);
	json = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", type, "title", info->title, "status",
	    info->http_status, "detail", detail[0] != '\0' ? detail : info->explanation, "instance",
	    instance);
	/* A detail that was cut inside a character is no UTF-8 any more. */
	if (json == NULL) {
		CHECK(detail[0] != '\0');
		return problem_write(arena, refusal, "", operation_id);
	}
	text = json_dumps(json, JSON_COMPACT);
	CHECK(text != NULL);
	CHECK(arena_str(arena, str_from(text), &problem));
	free(text);
	json_decref(json);
	return problem;
}

/* The request's id as its ingress wrote it; none where it is something else. */
static struct str
request_id(const struct entry *entry)
{
	struct str id = entry->request_id;

	return id.len > 0 && decode_is_visible(id, REQUEST_ID_MAX) ? id : STR_NONE;
}

static void
operation_add(struct batch_context *context, const struct entry *entry, const char *detail)
{
	struct facts *facts = context->decider.facts;
	const struct command_meta *meta = entry->meta;
	bool key_taken =
	    meta->idempotency_key.ptr != NULL &&
	    facts_operation_by_key(facts, meta->organisation_id, meta->idempotency_key) != NULL;
	const struct operation operation = {
	    .organisation_id = meta->organisation_id,
	    .id = meta->operation_id,
	    .command = str_from(command_table[entry->type].name),
	    .status = entry->refusal == REFUSAL_NONE ? STR("succeeded") : STR("failed"),
	    .resource_type = str_from(handler_table[entry->type].resource_type),
	    .resource_id = handler_table[entry->type].resource(meta),
	    .problem =
		entry->refusal == REFUSAL_NONE
		    ? STR_NONE
		    : problem_write(&context->arena, entry->refusal, detail, meta->operation_id),
	    .idempotency_key = key_taken ? STR_NONE : meta->idempotency_key,
	    .accepted_at = meta->accepted_at,
	    .actor = meta->actor,
	    .address = meta->address,
	    .request_id = request_id(entry),
	};

	facts_add(facts, TABLE_OPERATIONS, &operation);
}

/* Text that PostgreSQL takes whatever the bytes were. */
static struct str
reason_clean(struct arena *arena, const char *reason)
{
	struct str clean;
	char *text;

	CHECK(arena_str(arena, str_from(reason), &clean));
	text = (char *)(uintptr_t)clean.ptr;
	for (size_t i = 0; i < clean.len; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
	return clean;
}

static void
bury(struct batch_context *context, struct entry *entry)
{
	struct facts *facts = context->decider.facts;
	const rd_kafka_message_t *message = entry->message;
	const struct dead_letter letter = {
	    .partition = message->partition,
	    .offset = message->offset,
	    .organisation_id = entry->meta == NULL ? UUID_NIL : entry->meta->organisation_id,
	    .operation_id = entry->meta == NULL ? UUID_NIL : entry->meta->operation_id,
	    .reason = reason_clean(&context->arena, entry->reason),
	    .key = {message->key, message->key_len},
	    .value = {message->payload, message->len},
	};

	entry->refusal = REFUSAL_DEAD_LETTER;
	facts_add(facts, TABLE_DEAD_LETTERS, &letter);
	if (entry->meta != NULL &&
	    facts_operation(facts, entry->meta->organisation_id, entry->meta->operation_id) == NULL)
		operation_add(context, entry, "");
}

/* A new command of an organisation that is there: who may not have it is refused before its rules
 * are asked. */
static enum refusal
decide(struct decision *decision, const struct entry *entry)
{
	const struct facts *facts = decision->decider->facts;
	const struct command_meta *meta = entry->meta;
	enum actor_verdict verdict;

	if (meta->idempotency_key.ptr != NULL &&
	    facts_operation_by_key(facts, meta->organisation_id, meta->idempotency_key) != NULL)
		return REFUSAL_IDEMPOTENCY_KEY_REUSED;
	verdict = actor_judge(facts, meta, &entry->actor, command_table[entry->type].permission);
	if (verdict != ACTOR_MAY)
		return decision_refuse(
		    decision, REFUSAL_ACTOR_NOT_PERMITTED, "%s", actor_verdict_text(verdict));
	return handler_table[entry->type].decide(decision, meta);
}

/* An advance whose operation is not written yet, as its clock is still on the way, came again. */
static bool
is_under_way(const struct facts *facts, const struct entry *entry)
{
	const struct test_clock *clock;

	if (entry->type != COMMAND_ADVANCE_TEST_CLOCK)
		return false;
	clock = facts_test_clock(
	    facts, entry->meta->organisation_id, handler_table[entry->type].resource(entry->meta));
	return clock != NULL && uuid_equal(clock->advance_operation_id, entry->meta->operation_id);
}

enum err_class
outcome_decide(struct batch_context *context, struct entry *entry, struct err *err)
{
	struct facts *facts = context->decider.facts;
	const struct command_meta *meta = entry->meta;
	struct decision decision = {
	    .decider = &context->decider,
	    .meta = meta,
	    .cause = meta == NULL ? UUID_NIL : meta->operation_id,
	    .occurred_ms = meta == NULL ? 0 : meta->accepted_at,
	    .request_id = request_id(entry),
	    .partition = entry->partition->id,
	    .event_number = &entry->partition->batch_event_number,
	};

	if (!transaction_has_room(context, DECISION_BYTES_MAX + 4 * entry->message->len))
		return err_set(err, ERR_POISON, "the batch's memory is full");

	if (meta != NULL && facts_organisation(facts, meta->organisation_id) == NULL) {
		/* Row-level security would refuse its operation as well. */
		if (!entry->dead)
			snprintf(entry->reason, sizeof(entry->reason), "no such organisation");
		entry->dead = true;
		entry->meta = NULL;
	}
	if (entry->dead) {
		bury(context, entry);
		return ERR_NONE;
	}
	CHECK(meta != NULL);
	if (facts_operation(facts, meta->organisation_id, meta->operation_id) != NULL ||
	    is_under_way(facts, entry)) {
		entry->repeated = true;
		return ERR_NONE;
	}

	decision.organisation = facts_organisation(facts, meta->organisation_id);
	entry->refusal = decide(&decision, entry);
	if (entry->refusal == REFUSAL_MAX) {
		*err = decision.err;
		return err_wrap(err, "%s", command_table[entry->type].name);
	}
	if (decision.deferred)
		context->due_soon = true;
	else
		operation_add(context, entry, decision.detail);
	return ERR_NONE;
}

void
outcome_tell(struct batch_context *context, const struct entry *entry)
{
	const rd_kafka_message_t *message = entry->message;
	struct metrics *metrics = context->metrics;
	char operation[UUID_TEXT_SIZE] = "", organisation[UUID_TEXT_SIZE] = "";
	const char *outcome = "succeeded";

	if (entry->dead) {
		outcome = "dead letter";
		metrics->commands_dead++;
	} else if (entry->repeated) {
		outcome = "repeated";
		metrics->commands_repeated++;
	} else if (entry->refusal != REFUSAL_NONE) {
		outcome = refusal_info(entry->refusal)->slug;
		metrics->commands_refused++;
	} else {
		metrics->commands_succeeded++;
	}
	if (entry->meta != NULL) {
		uuid_write(entry->meta->operation_id, operation);
		uuid_write(entry->meta->organisation_id, organisation);
	}
	log_line(entry->dead ? LOG_ERROR : LOG_INFO, "command",
	    log_text("operation_id", entry->meta == NULL ? NULL : operation),
	    log_text("organisation_id", entry->meta == NULL ? NULL : organisation),
	    log_text("command", entry->meta == NULL ? NULL : command_table[entry->type].name),
	    log_text("outcome", outcome), log_text("reason", entry->dead ? entry->reason : NULL),
	    log_str("request_id", entry->request_id),
	    log_str("traceparent", consumer_header(message, "traceparent")),
	    log_int("partition", message->partition), log_int("offset", message->offset));
}
