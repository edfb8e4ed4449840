#include "worker/outcome.h"

#include "common/base/daemon.h"
#include "common/base/log.h"
#include "worker/decode.h"
#include "worker/handler.h"
#include "worker/operation.h"
#include "worker/payments.h"
#include "worker/transaction.h"

#define REQUEST_ID_MAX 128

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
	const struct command_meta *meta = entry->meta;
	const struct operation_asked asked = {
	    .organisation_id = meta->organisation_id,
	    .id = meta->operation_id,
	    .type = entry->type,
	    .resource_id = handler_table[entry->type].resource(meta),
	    .accepted_ms = meta->accepted_at,
	    .idempotency_key = meta->idempotency_key,
	    .actor = meta->actor,
	    .address = meta->address,
	    .request_id = request_id(entry),
	};

	operation_write(&context->decider, &asked, entry->refusal, detail);
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
	if (entry->meta != NULL)
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
	verdict = actor_judge(facts, meta, &entry->actor, &command_table[entry->type]);
	if (verdict != ACTOR_MAY)
		return decision_refuse(
		    decision, REFUSAL_ACTOR_NOT_PERMITTED, "%s", actor_verdict_text(verdict));
	return handler_table[entry->type].decide(decision, meta);
}

/* A command whose operation is not written yet came again: an advance whose clock is still on the
 * way, a payment whose outcome is not known. */
static bool
is_under_way(const struct facts *facts, const struct entry *entry)
{
	const struct test_clock *clock;

	if (entry->type == COMMAND_PAY_INVOICE)
		return payments_under_way(
		    facts, (const struct pay_invoice *)(const void *)entry->meta);
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
		context->due_soon |= entry->type == COMMAND_ADVANCE_TEST_CLOCK;
	else
		operation_add(context, entry, decision.detail);
	context->runs_soon |= entry->type == COMMAND_START_BILLING_RUN ||
			      entry->type == COMMAND_SCHEDULE_BILLING_RUN ||
			      entry->type == COMMAND_RESUME_BILLING_RUN;
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
