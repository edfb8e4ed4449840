#include "worker/decode.h"

#include <stdarg.h>

#include "common/base/id.h"
#include "common/codec/command_signature.h"
#include "common/codec/rules.h"
#include "worker/handler.h"

/* Bytes; as the ingress writes them. */
#define ACTOR_MAX 100
#define ADDRESS_MAX 45
#define IDEMPOTENCY_KEY_MAX 255

static void PRINTF_LIKE(2, 3) die(struct entry *entry, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(entry->reason, sizeof(entry->reason), format, args);
	va_end(args);
	entry->dead = true;
}

/* Which command a schema is of, whichever version. */
static bool
type_of(const struct schema *schema, enum command_type *ret_type)
{
	for (size_t i = 0; i < COMMAND_TYPE_MAX; i++) {
		if (!str_equal(schema->name, str_from(command_table[i].schema_name)))
			continue;
		*ret_type = (enum command_type)i;
		return true;
	}
	return false;
}

bool
decode_is_visible(struct str text, size_t max)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
			return false;
	return text.len <= max;
}

/* What the ingress always gives and a stranger may not. */
static bool
meta_is_valid(const struct command_meta *meta)
{
	return !uuid_is_nil(meta->operation_id) && !uuid_is_nil(meta->organisation_id) &&
	       decode_is_visible(meta->actor, ACTOR_MAX) &&
	       decode_is_visible(meta->address, ADDRESS_MAX) &&
	       meta->idempotency_key.len <= IDEMPOTENCY_KEY_MAX &&
	       meta->accepted_at >= INSTANT_MIN_S * 1000 &&
	       meta->accepted_at <= INSTANT_MAX_S * 1000;
}

enum err_class
decode(struct batch_context *context, struct entry *entry, struct err *err)
{
	const struct str bytes = {entry->message->payload, entry->message->len};
	const struct schema *writer, *current;
	const struct record *record;
	uint64_t fingerprint;
	enum err_class class;
	struct str body;
	void *command;

	entry->dead = false;
	entry->meta = NULL;
	entry->repeated = false;

	if (entry->unread) {
		die(entry, "%s", entry->condemned);
		return ERR_NONE;
	}
	if (!signatures_allow(&context->signatures, entry->signature,
		(struct str){entry->message->key, entry->message->key_len}, bytes,
		entry->message->partition)) {
		die(entry, COMMAND_UNSIGNED);
		return ERR_NONE;
	}

	if (bytes.ptr == NULL || !avro_frame_read(bytes, &fingerprint, &body)) {
		die(entry, "not a message of ours: no single-object frame, or over %d bytes",
		    AVRO_MESSAGE_MAX);
		return ERR_NONE;
	}
	writer = schemas_by_fingerprint(context->schemas, fingerprint);
	if (writer == NULL || !type_of(writer, &entry->type)) {
		die(entry, "no command has a schema with the fingerprint %016llx",
		    (unsigned long long)fingerprint);
		return ERR_NONE;
	}
	record = command_table[entry->type].record;
	current = schemas_by_name(context->schemas, writer->name);
	command = arena_alloc(&context->arena, record->size);
	CHECK(current != NULL);
	if (command == NULL)
		return err_set(err, ERR_POISON, "the batch's memory is full");
	class = avro_decode(
	    context->decoder, writer, body, current, record, &context->arena, command, err);
	if (class == ERR_RETRY)
		return err->class = ERR_POISON;
	if (class == ERR_POISON) {
		die(entry, "%s: %s", command_table[entry->type].name, err->text);
		return ERR_NONE;
	}
	if (!meta_is_valid(command)) {
		die(entry, "%s: meta is not what an ingress writes",
		    command_table[entry->type].name);
		return ERR_NONE;
	}
	if (uuid_is_nil(handler_table[entry->type].resource(command))) {
		die(entry, "%s: is about the nil UUID", command_table[entry->type].name);
		return ERR_NONE;
	}
	entry->meta = command;
	entry->actor = actor_read(entry->meta->actor);

	if (entry->condemned[0] != '\0')
		die(entry, "%s", entry->condemned);
	else if (rules_check(current, record, command, err) != ERR_NONE)
		die(entry, "%s: %s", command_table[entry->type].name, err->text);
	else if ((handler_table[entry->type].shard(command) & (context->partitions_all - 1)) !=
		 entry->partition->id)
		die(entry, "%s: belongs to another partition", command_table[entry->type].name);
	return ERR_NONE;
}
