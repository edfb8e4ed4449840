/*
 * A message off the topic, which anybody may have written: framed as it comes, so that the golden
 * messages are the corpus.  A fingerprint that names no schema picks one all the same.
 *
 * What our walk passes, avro-c reads, and it can be shown as JSON; what a command says beyond its
 * types (a UUID, a currency, a time in range) is refused by a reason, and no message makes many
 * times its own size in memory.
 */

#include "common/codec/avro.h"

#include "common/codec/command.h"
#include "tests/fuzz/fuzz.h"

#define ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define COMMAND_BYTES 2048
/* The most that a byte takes when read: a pair of empty texts has two, and takes a struct str_pair
 * and two NULs, each rounded up to 16. */
#define MEMORY_FACTOR 64
#define MEMORY_LEAST 4096

static struct schemas *schemas;
static struct avro_decoder *decoder;
static size_t schemas_len;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct err err;

	(void)argc;
	(void)argv;
	schemas = fuzz_schemas();
	while (schemas_any_at(schemas, schemas_len) != NULL)
		schemas_len++;
	CHECK(avro_decoder_init(schemas, &decoder, &err) == ERR_NONE);
	return 0;
}

static const struct schema *
schema_of(uint64_t fingerprint)
{
	const struct schema *schema = schemas_by_fingerprint(schemas, fingerprint);

	return schema != NULL ? schema : schemas_any_at(schemas, fingerprint % schemas_len);
}

static const struct command_info *
command_of(const struct schema *schema)
{
	for (size_t i = 0; i < COMMAND_TYPE_MAX; i++)
		if (str_equal(str_from(command_table[i].schema_name), schema->name))
			return &command_table[i];
	return NULL;
}

/* The faults that a message with good bytes may have. */
static bool
is_fault_of_meaning(const char *text)
{
	return fuzz_ends_with(text, ": a text is no UUID") ||
	       fuzz_ends_with(text, ": a text is no currency") ||
	       fuzz_ends_with(text, ": a text is no decimal number") ||
	       fuzz_ends_with(text, ": a text is no JSON") ||
	       fuzz_ends_with(text, ": a time is out of range");
}

static void
as_command(
    const struct schema *schema, struct str body, const struct command_info *command, bool good)
{
	const struct schema *current = schemas_by_name(schemas, schema->name);
	union {
		char bytes[COMMAND_BYTES];
		max_align_t aligned;
	} value;
	struct arena arena;
	struct err err;
	enum err_class class;

	arena_init(&arena, ARENA_BYTES);
	CHECK(command->record->size <= sizeof(value));
	class = avro_decode(decoder, schema, body, current, command->record, &arena, &value, &err);
	if (!good)
		CHECK(class == ERR_POISON);
	else
		CHECK(class == ERR_NONE || (class == ERR_POISON && is_fault_of_meaning(err.text)));
	CHECK(arena.used <= MEMORY_FACTOR * body.len + MEMORY_LEAST);
	arena_release(&arena);
}

static void
as_json(const struct schema *schema, struct str body, bool good)
{
	enum err_class class;
	json_error_t error;
	struct err err;
	struct buf text;
	json_t *json;

	buf_init(&text, ARENA_BYTES);
	class = avro_to_json(schema, body, &text, &err);
	CHECK(!text.overflow);
	if (!good || class != ERR_NONE) {
		CHECK(class == ERR_POISON && (!good || is_fault_of_meaning(err.text)));
	} else {
		json = json_loadb(text.ptr, text.len, 0, &error);
		CHECK(json != NULL);
		json_decref(json);
	}
	buf_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const struct command_info *command;
	const struct schema *schema;
	uint64_t fingerprint;
	struct str body;
	struct err err;
	bool good;

	if (!avro_frame_read((struct str){(const char *)bytes, len}, &fingerprint, &body))
		return 0;
	schema = schema_of(fingerprint);
	command = command_of(schema);
	good = avro_check(schema, body, &err) == ERR_NONE;
	CHECK(good || (err.class == ERR_POISON && err.text[0] != '\0'));
	as_json(schema, body, good);
	if (command != NULL)
		as_command(schema, body, command, good);
	return 0;
}
