#include "worker/batch.h"

#include <sodium.h>

#include "common/base/crash_point.h"
#include "common/base/daemon.h"
#include "worker/decode.h"
#include "worker/handler.h"
#include "worker/outcome.h"
#include "worker/payments.h"
#include "worker/transaction.h"

#define ARENA_BYTES (256 * 1024 * 1024)

enum err_class
batch_context_init(struct batch_context *context, const struct schemas *schemas, struct err *err)
{
	context->schemas = schemas;
	arena_init(&context->arena, ARENA_BYTES);
	buf_init(&context->scratch, AVRO_MESSAGE_MAX);
	zone_cache_init(&context->zones);
	context->bill = malloc(sizeof(*context->bill));
	if (context->bill == NULL)
		return err_set(err, ERR_FATAL, "out of memory");
	context->decider = (struct decider){
	    .facts = &context->facts,
	    .arena = &context->arena,
	    .zones = &context->zones,
	    .scratch = &context->scratch,
	    .bill = context->bill,
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
	free(context->bill);
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

/* Where the partitions will be when ${entries} are done. */
static void
progress_draft(struct batch_context *context, const struct entry *entries, size_t len)
{
	transaction_draft(context);
	for (size_t i = 0; i < len; i++) {
		struct partition *partition = entries[i].partition;

		CHECK(entries[i].message->offset >= partition->batch_next_offset);
		partition->batch_next_offset = entries[i].message->offset + 1;
		if (!partition_is_careful(partition) && !partition->due_left &&
		    !partition->run_left)
			partition->attempts = 0;
		if (i + 1 == len || entries[i + 1].partition != partition)
			message_hash(entries[i].message, partition->batch_hash);
	}
}

/* When a command was accepted, but not after the broker had it: an ingress's clock may be fast. */
static int64_t
accepted_ms(const struct entry *entry)
{
	int64_t at_ms = rd_kafka_message_timestamp(entry->message, NULL);

	return at_ms > 0 && at_ms < entry->meta->accepted_at ? at_ms : entry->meta->accepted_at;
}

/* How far the command log is processed, by its own clock: what falls due does not overtake it. */
static void
accepted_note(const struct entry *entries, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (entries[i].meta != NULL &&
		    accepted_ms(&entries[i]) > entries[i].partition->accepted_ms)
			entries[i].partition->accepted_ms = accepted_ms(&entries[i]);
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

enum err_class
batch_begin(struct batch_context *context, struct entry *entries, size_t len, struct err *err)
{
	struct facts *facts = &context->facts;

	context->began_us = clock_steady_us();
	transaction_begin(context);
	for (size_t i = 0; i < len; i++)
		partition_set_add(&context->touched, entries[i].partition);
	context->planned_for += len;
	if (signatures_ready(context, entries, len, err) != ERR_NONE ||
	    refer(context, entries, len, facts, err) != ERR_NONE)
		return err->class;
	if (transaction_load(context, err) != ERR_NONE)
		return err_wrap(err, "load");
	CRASH_POINT("loaded");
	progress_draft(context, entries, len);
	for (size_t i = 0; i < len; i++)
		if (outcome_decide(context, &entries[i], err) != ERR_NONE)
			return err->class;
	return ERR_NONE;
}

enum err_class
batch_store(struct batch_context *context, struct err *err)
{
	if (transaction_store(context, NULL, NULL, err) != ERR_NONE)
		return err_wrap(err, "store");
	CRASH_POINT("committed");
	return ERR_NONE;
}

void
batch_end(struct batch_context *context, const struct entry *entries, size_t len)
{
	struct metrics *metrics = context->metrics;

	transaction_committed(context);
	accepted_note(entries, len);
	for (size_t i = 0; i < len; i++)
		outcome_tell(context, &entries[i]);
	context->payments_soon |= payments_wait(&context->facts);
	metrics->batches++;
	metrics->batch_last_size = (int64_t)len;
	metrics->transaction_last_us = clock_steady_us() - context->began_us;
	metrics->transaction_us += metrics->transaction_last_us;
}

void
batch_undo(struct batch_context *context)
{
	transaction_fail(context);
	context->metrics->batch_retries++;
}

/* Process ${entries} in one transaction.  Whatever goes wrong leaves nothing behind but a
 * connection to be rolled back. */
static enum err_class
batch_try(struct batch_context *context, struct entry *entries, size_t len, struct err *err)
{
	if (batch_begin(context, entries, len, err) != ERR_NONE ||
	    batch_store(context, err) != ERR_NONE)
		return err->class;
	batch_end(context, entries, len);
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
		batch_undo(context);
		if (class == ERR_RETRY && err->constraint[0] == '\0' &&
		    partition_is_careful(entries[0].partition))
			progress_survived(context->pg, entries[0].partition, &context->arena);
		if (class != ERR_RETRY || err->constraint[0] == '\0')
			return class;
		if (conflicts == BATCH_CONFLICTS_MAX)
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
		/* Alone, and it still cannot be: a dead letter, with its operation or, where that
		 * cannot be either, without.  Not even so would be a fault of ours. */
		if (entries[0].unread)
			return err->class = ERR_FATAL;
		entries[0].unread = entries[0].condemned[0] != '\0';
		if (!entries[0].unread)
			snprintf(
			    entries[0].condemned, sizeof(entries[0].condemned), "%s", err->text);
		return batch_process(context, entries, 1, err);
	}
	class = batch_process(context, entries, len / 2, err);
	if (class != ERR_NONE)
		return class;
	return batch_process(context, entries + len / 2, len - len / 2, err);
}
