/*
 * A client's JSON to a command.  The first byte picks the command, the rest is the body.
 *
 * What the ingress accepts, the worker must be able to read and must find good: otherwise a command
 * that was answered with 202 ends as a dead letter.  What it refuses, it can say why.
 */

#include "common/codec/transcode.h"

#include "common/codec/avro.h"
#include "common/codec/command.h"
#include "common/codec/rules.h"
#include "common/icu/iso.h"
#include "common/zone/zone.h"
#include "tests/fuzz/fuzz.h"

#define ARENA_BYTES ((size_t)16 * 1024 * 1024)
#define COMMAND_BYTES 2048

static struct schemas *schemas;
static struct avro_decoder *decoder;

static const struct command_meta meta = {
    .operation_id = {{1}},
    .organisation_id = {{2}},
    .actor = {"api_key:1", 9},
    .accepted_at = 1767225600000,
};

static const struct path_value path_values[] = {
    {{"customer_id", 11}, {"0190f1c2-7a00-8000-8000-000000000001", 36}},
    {{"plan_id", 7}, {"0190f1c2-7a00-8000-8000-000000000002", 36}},
    {{"subscription_id", 15}, {"0190f1c2-7a00-8000-8000-000000000003", 36}},
    {{"test_clock_id", 13}, {"0190f1c2-7a00-8000-8000-000000000004", 36}},
    {{"coupon_id", 9}, {"0190f1c2-7a00-8000-8000-000000000005", 36}},
    {{"invoice_id", 10}, {"0190f1c2-7a00-8000-8000-000000000006", 36}},
    {{"item_id", 7}, {"0190f1c2-7a00-8000-8000-000000000007", 36}},
    {{"tax_rate_id", 11}, {"0190f1c2-7a00-8000-8000-000000000008", 36}},
    {{"billing_run_id", 14}, {"0190f1c2-7a00-8000-8000-000000000009", 36}},
};

static const struct transcode_given given = {
    &command_meta_record, &meta, path_values, ARRAY_LEN(path_values)};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct err err;

	(void)argc;
	(void)argv;
	CHECK(iso_init(&err) == ERR_NONE && zone_init(&err) == ERR_NONE);
	schemas = fuzz_schemas();
	CHECK(avro_decoder_init(schemas, &decoder, &err) == ERR_NONE);
	return 0;
}

/* Each fault says where and what, in UTF-8. */
static void
faults_are_told(const struct faults *faults)
{
	CHECK(faults->found > 0 && faults->len <= faults->found && faults->len <= FAULTS_MAX);
	CHECK(faults->len > 0);
	for (size_t i = 0; i < faults->len; i++) {
		const struct fault *fault = &faults->items[i];

		CHECK(fault->pointer.len == 0 || fault->pointer.ptr[0] == '/');
		CHECK(utf8_is_valid(fault->pointer));
		CHECK(fault->detail.len > 0 && utf8_is_valid(fault->detail));
	}
}

/* The worker reads the message, finds its rules kept, and would write the same bytes. */
static void
worker_takes_it(const struct schema *schema, const struct command_info *command,
    const struct buf *message, struct arena *arena)
{
	union {
		char bytes[COMMAND_BYTES];
		max_align_t aligned;
	} value;
	uint64_t fingerprint = 0;
	struct str body;
	struct buf again;
	struct err err;

	CHECK(command->record->size <= sizeof(value));
	CHECK(avro_frame_read(buf_str(message), &fingerprint, &body));
	CHECK(fingerprint == schema->fingerprint);
	CHECK(avro_decode(decoder, schema, body, schema, command->record, arena, &value, &err) ==
	      ERR_NONE);
	CHECK(rules_check(schema, command->record, &value, &err) == ERR_NONE);
	buf_init(&again, AVRO_MESSAGE_MAX);
	avro_encode(schema, command->record, &value, &again);
	CHECK(str_equal(buf_str(&again), buf_str(message)));
	buf_release(&again);
}

/* As JSON it is a body again, less what the client does not give, and that makes the same message.
 */
static void
its_json_is_the_same(const struct schema *schema, const struct buf *message, struct arena *arena)
{
	struct faults faults = {.arena = arena};
	struct str body = {message->ptr + AVRO_FRAME_BYTES, message->len - AVRO_FRAME_BYTES};
	struct buf text, again;
	struct err err;
	json_t *json;

	buf_init(&text, (size_t)8 * AVRO_MESSAGE_MAX);
	buf_init(&again, AVRO_MESSAGE_MAX);
	CHECK(avro_to_json(schema, body, &text, &err) == ERR_NONE && !text.overflow);
	CHECK(transcode_parse(buf_str(&text), &json, &faults));
	for (size_t i = 0; i < schema->fields_len; i++)
		if (schema->fields[i].source != SOURCE_BODY)
			CHECK(json_object_deln(json, schema->fields[i].name.ptr,
				  schema->fields[i].name.len) == 0);
	CHECK(transcode(schema, json, &given, &faults, &again));
	CHECK(str_equal(buf_str(&again), buf_str(message)));
	json_decref(json);
	buf_release(&text);
	buf_release(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct str body = {(const char *)bytes, len};
	const struct command_info *command = &command_table[fuzz_pick(&body, COMMAND_TYPE_MAX)];
	const struct schema *schema = schemas_by_name(schemas, str_from(command->schema_name));
	struct faults faults;
	struct arena arena;
	struct buf message;
	json_t *json;

	arena_init(&arena, ARENA_BYTES);
	buf_init(&message, AVRO_MESSAGE_MAX);
	faults = (struct faults){.arena = &arena};
	if (!transcode_parse(body, &json, &faults)) {
		faults_are_told(&faults);
		goto out;
	}
	if (transcode(schema, json, &given, &faults, &message)) {
		CHECK(!message.overflow && faults.found == 0);
		worker_takes_it(schema, command, &message, &arena);
		its_json_is_the_same(schema, &message, &arena);
	} else {
		faults_are_told(&faults);
	}
	json_decref(json);
out:
	arena_release(&arena);
	buf_release(&message);
	return 0;
}
