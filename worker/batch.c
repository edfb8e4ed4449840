#include "worker/batch.h"

#include <sodium.h>

#include "common/base/crash_point.h"
#include "common/base/daemon.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "worker/decode.h"
#include "worker/handler.h"
#include "worker/outcome.h"

#define ARENA_BYTES (256 * 1024 * 1024)
#define CONFLICTS_MAX 3 /* times a batch is loaded again because another one was first */

/*
 * After so many commands, and after a failure, statements are planned anew.  A plan is kept, as
 * making all of them for a batch takes as long as a small batch itself; but not for long: one that
 * was made while the tables were empty took the wrong index (measured: 778 ms for what takes 5 ms).
 */
#define PLANS_COMMANDS_MAX 2000

static const struct pg_statement statements[] = {
    {"begin", "BEGIN"},
    {"plans_forget", "DISCARD PLANS"}, /* those of foreign keys, too */
    {"commit", "COMMIT"},
    {"act_for", "SELECT set_config('billd.organisations', $1::text, true)"},
};

void
batch_prepare(struct pg *pg)
{
	pg_prepare(pg, statements, ARRAY_LEN(statements));
}

enum err_class
batch_context_init(struct batch_context *context, const struct schemas *schemas, struct err *err)
{
	context->schemas = schemas;
	arena_init(&context->arena, ARENA_BYTES);
	buf_init(&context->scratch, AVRO_MESSAGE_MAX);
	zone_cache_init(&context->zones);
	context->decider = (struct decider){
	    .facts = &context->facts,
	    .arena = &context->arena,
	    .zones = &context->zones,
	    .scratch = &context->scratch,
	};
	if (decider_init(&context->decider, schemas, err) != ERR_NONE)
		return err->class;
	return avro_decoder_init(schemas, &context->decoder, err);
}

void
batch_context_release(struct batch_context *context)
{
	signatures_release(&context->signatures);
	avro_decoder_free(context->decoder);
	zone_cache_release(&context->zones);
	buf_release(&context->scratch);
	arena_release(&context->arena);
}

void
message_hash(const rd_kafka_message_t *message, uint8_t ret_hash[MESSAGE_HASH_BYTES])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, MESSAGE_HASH_BYTES);
	crypto_generichash_update(&state, message->key, message->key_len);
	crypto_generichash_update(&state, message->payload, message->len);
	crypto_generichash_final(&state, ret_hash, MESSAGE_HASH_BYTES);
}

/* Decode every entry and ask for what it needs. */
static enum err_class
refer(struct batch_context *context, struct entry *entries, size_t len, struct facts *facts,
    struct err *err)
{
	for (size_t i = 0; i < len; i++) {
		struct entry *entry = &entries[i];
		const struct command_meta *meta;

		if (decode(context, entry, err) != ERR_NONE)
			return err->class;
		meta = entry->meta;
		if (meta == NULL)
			continue;
		facts_need(facts, NEED_ORGANISATION, meta->organisation_id, &meta->organisation_id);
		actor_refer(facts, meta->organisation_id, &entry->actor);
		facts_need(facts, NEED_OPERATION, meta->organisation_id, &meta->operation_id);
		if (meta->idempotency_key.ptr != NULL)
			facts_need_text(facts, NEED_IDEMPOTENCY_KEY, meta->organisation_id,
			    meta->idempotency_key);
		if (!entry->dead)
			handler_table[entry->type].refer(facts, meta);
	}
	return ERR_NONE;
}

/* The organisations of the batch, as PostgreSQL writes an array: row-level security lets us see
 * these and no others. */
static enum err_class
act_for_send(struct batch_context *context, const struct facts *facts, struct err *err)
{
	const struct need_list *list = &facts->needs[NEED_ORGANISATION];
	char *text = arena_alloc(&context->arena, list->len * UUID_TEXT_SIZE + 3);
	struct pg_params params;
	size_t at = 0;

	CHECK(text != NULL);
	text[at++] = '{';
	for (size_t i = 0; i < list->len; i++) {
		uuid_write(list->ids[i], text + at);
		at += UUID_TEXT_SIZE - 1;
		if (i + 1 < list->len)
			text[at++] = ',';
	}
	text[at++] = '}';
	pg_params_init(&params, &context->arena);
	pg_params_str(&params, (struct str){text, at});
	return pg_send(context->pg, "act_for", &params, err);
}

/* One round trip: begin, lock our progress, load what the commands need. */
static enum err_class
load(struct batch_context *context, struct facts *facts, struct err *err)
{
	bool forget = context->planned_for > PLANS_COMMANDS_MAX;
	struct pg *pg = context->pg;
	PGresult *ignored;

	if (pg_connect(pg, err) != ERR_NONE || pg_send(pg, "begin", NULL, err) != ERR_NONE ||
	    (forget && pg_send(pg, "plans_forget", NULL, err) != ERR_NONE) ||
	    act_for_send(context, facts, err) != ERR_NONE ||
	    progress_send_lock(pg, context->partitions, &context->arena, err) != ERR_NONE ||
	    facts_send_load(facts, pg, err) != ERR_NONE || pg_sync(pg, err) != ERR_NONE)
		return err->class;

	for (int i = 0; i < (forget ? 3 : 2); i++) {
		if (pg_receive(pg, &ignored, err) != ERR_NONE)
			return err->class;
		PQclear(ignored);
	}
	if (forget)
		context->planned_for = 0;
	if (progress_receive_lock(pg, context->partitions, err) != ERR_NONE ||
	    facts_receive_load(facts, pg, err) != ERR_NONE)
		return err->class;
	return pg_finish(pg, err);
}

/* One round trip: write what was decided, move the progress, commit. */
static enum err_class
store(struct batch_context *context, struct facts *facts, struct err *err)
{
	struct pg *pg = context->pg;
	PGresult *ignored;
	size_t sent;

	if (facts_send_store(facts, pg, &sent, err) != ERR_NONE ||
	    progress_send_move(pg, context->partitions, &context->arena, err) != ERR_NONE)
		return err->class;
	CRASH_POINT("storing");
	if (pg_send(pg, "commit", NULL, err) != ERR_NONE || pg_sync(pg, err) != ERR_NONE)
		return err->class;
	CRASH_POINT("committing");

	for (size_t i = 0; i < sent; i++) {
		if (pg_receive(pg, &ignored, err) != ERR_NONE)
			return err->class;
		PQclear(ignored);
	}
	if (progress_receive_move(pg, context->partitions, err) != ERR_NONE ||
	    pg_receive(pg, &ignored, err) != ERR_NONE)
		return err->class;
	PQclear(ignored);
	return pg_finish(pg, err);
}

/* Which partitions the batch is about: their rows are locked, and moved when it commits. */
static void
partitions_touch(struct partitions *partitions, const struct entry *entries, size_t len)
{
	for (size_t i = 0; i < partitions->len; i++)
		partitions->items[i].touched = false;
	for (size_t i = 0; i < len; i++)
		entries[i].partition->touched = true;
}

/* Where the partitions will be when ${entries} are done. */
static void
progress_draft(struct batch_context *context, const struct entry *entries, size_t len)
{
	for (size_t i = 0; i < context->partitions->len; i++) {
		struct partition *partition = &context->partitions->items[i];

		if (!partition->touched)
			continue;
		partition->batch_next_offset = partition->next_offset;
		partition->batch_event_number = partition->event_number;
		publisher_note(context->publisher, partition);
	}
	for (size_t i = 0; i < len; i++) {
		struct partition *partition = entries[i].partition;

		CHECK(entries[i].message->offset >= partition->batch_next_offset);
		partition->batch_next_offset = entries[i].message->offset + 1;
		if (!partition_is_careful(partition))
			partition->attempts = 0;
		if (i + 1 == len || entries[i + 1].partition != partition)
			message_hash(entries[i].message, partition->batch_hash);
	}
}

/* The batch is committed: what it drafted is true, and its events go out. */
static void
committed(struct batch_context *context, const struct facts *facts)
{
	const struct fact_list *events = &facts->lists[TABLE_OUTBOX];

	for (size_t i = 0; i < context->partitions->len; i++) {
		struct partition *partition = &context->partitions->items[i];

		if (!partition->touched)
			continue;
		partition->next_offset = partition->batch_next_offset;
		partition->event_number = partition->batch_event_number;
		memcpy(partition->last_hash, partition->batch_hash, MESSAGE_HASH_BYTES);
		partition->suspect_attempts = 0;
		publisher_committed(context->publisher, partition->id, partition->event_number);
	}
	for (size_t i = 0; i < events->len; i++) {
		publisher_send(context->publisher, events->values[i]);
		CRASH_POINT("publishing");
	}
	if (facts->lists[TABLE_DEAD_LETTERS].len > 0)
		context->publisher->dead_letters_due = true;
	context->metrics->events += (int64_t)events->len;
}

/* Before they are judged, the keys are there that can have signed them. */
static enum err_class
signatures_ready(
    struct batch_context *context, const struct entry *entries, size_t len, struct err *err)
{
	int64_t now_ms = clock_steady_ms();

	for (size_t i = 0; i < len; i++)
		if (signatures_wants(&context->signatures, entries[i].signature, now_ms))
			return signatures_load(&context->signatures, context->pg, err);
	return ERR_NONE;
}

/* Process ${entries} in one transaction.  Whatever goes wrong leaves nothing behind but a
 * connection to be rolled back. */
static enum err_class
batch_try(struct batch_context *context, struct entry *entries, size_t len, struct err *err)
{
	int64_t began_us = clock_steady_us();
	struct facts *facts = &context->facts;

	arena_reset(&context->arena);
	facts_init(facts, &context->arena);

	partitions_touch(context->partitions, entries, len);
	context->planned_for += len;
	if (signatures_ready(context, entries, len, err) != ERR_NONE ||
	    refer(context, entries, len, facts, err) != ERR_NONE)
		return err->class;
	if (load(context, facts, err) != ERR_NONE)
		return err_wrap(err, "load");
	CRASH_POINT("loaded");
	progress_draft(context, entries, len);
	for (size_t i = 0; i < len; i++)
		if (outcome_decide(context, &entries[i], err) != ERR_NONE)
			return err->class;
	if (store(context, facts, err) != ERR_NONE)
		return err_wrap(err, "store");
	CRASH_POINT("committed");

	committed(context, facts);
	for (size_t i = 0; i < len; i++)
		outcome_tell(context, &entries[i]);
	context->metrics->batches++;
	context->metrics->batch_last_size = (int64_t)len;
	context->metrics->transaction_last_us = clock_steady_us() - began_us;
	context->metrics->transaction_us += context->metrics->transaction_last_us;
	return ERR_NONE;
}

/* Try, and load again when a concurrent batch took what we were about to take. */
static enum err_class
batch_settle(struct batch_context *context, struct entry *entries, size_t len, struct err *err)
{
	for (int conflicts = 0;; conflicts++) {
		enum err_class class = batch_try(context, entries, len, err);

		if (class == ERR_NONE)
			return ERR_NONE;
		pg_rollback(context->pg);
		context->planned_for = PLANS_COMMANDS_MAX;
		context->metrics->batch_retries++;
		if (class != ERR_RETRY || err->constraint[0] == '\0')
			return class;
		if (conflicts == CONFLICTS_MAX)
			return err->class = ERR_POISON;
	}
}

enum err_class
batch_process(struct batch_context *context, struct entry *entries, size_t len, struct err *err)
{
	enum err_class class;

	CHECK(len > 0);

	class = batch_settle(context, entries, len, err);
	if (class != ERR_POISON)
		return class;
	if (len == 1) {
		/* Alone, and it still cannot be: not even as a dead letter would be a fault of
		 * ours. */
		if (entries[0].condemned[0] != '\0')
			return err->class = ERR_FATAL;
		snprintf(entries[0].condemned, sizeof(entries[0].condemned), "%s", err->text);
		return batch_process(context, entries, 1, err);
	}
	class = batch_process(context, entries, len / 2, err);
	if (class != ERR_NONE)
		return class;
	return batch_process(context, entries + len / 2, len - len / 2, err);
}
