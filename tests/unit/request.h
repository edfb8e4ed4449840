#ifndef TESTS_UNIT_REQUEST_H
#define TESTS_UNIT_REQUEST_H

/*
 * A request's body on its way to a command's message, and what is found wrong with it.
 */

#include "common/codec/command.h"
#include "common/codec/transcode.h"
#include "common/icu/iso.h"
#include "tests/unit/codec.h"

#define REQUEST_ARENA_BYTES (1024 * 1024)
#define REQUEST_MESSAGE_BYTES (64 * 1024)
#define REQUEST_ID "0190f1c2-7a00-8000-8000-00000000c001" /* every id that its path names */

/* One request on its way. */
struct request {
	const struct schemas *schemas;
	struct arena arena;
	struct faults faults;
	struct buf buf;
};

static const struct command_meta request_meta = {
    .operation_id = {{1}},
    .organisation_id = {{2}},
    .actor = {"api_key:x", 9},
    .accepted_at = INT64_C(1769851815999),
    .address = {"192.0.2.7", 9},
};

/**
 * request_init(request, message_max), request_release(request):
 * Begin one whose message has at most so many bytes; and free it.
 */
static inline void
request_init(struct request *request, size_t message_max)
{
	struct err err = {0};

	*request = (struct request){.schemas = codec_schemas()};
	ck_assert_int_eq(iso_init(&err), ERR_NONE);
	arena_init(&request->arena, REQUEST_ARENA_BYTES);
	request->faults.arena = &request->arena;
	buf_init(&request->buf, message_max);
}

static inline void
request_release(struct request *request)
{
	arena_release(&request->arena);
	buf_release(&request->buf);
}

/**
 * request_schema(request, command):
 * The schema of the command of that name, such as "CreatePlan".
 */
static inline const struct schema *
request_schema(const struct request *request, const char *command)
{
	const struct schema *schema;
	char name[64];

	snprintf(name, sizeof(name), "billd.command.%s", command);
	schema = schemas_by_name(request->schemas, str_from(name));
	ck_assert_msg(schema != NULL, "there is no %s", command);
	return schema;
}

/**
 * request_run(request, schema, body):
 * Parse and transcode ${body} as the command ${schema}, with a path that names every id.
 */
static inline bool
request_run(struct request *request, const struct schema *schema, struct str body)
{
	static const struct path_value path[] = {
	    {{"customer_id", 11}, {"0190F1C2-7A00-8000-8000-00000000C001", 36}},
	    {{"subscription_id", 15}, {REQUEST_ID, 36}},
	    {{"plan_id", 7}, {REQUEST_ID, 36}},
	    {{"test_clock_id", 13}, {REQUEST_ID, 36}},
	    {{"invoice_id", 10}, {REQUEST_ID, 36}},
	    {{"billing_run_id", 14}, {REQUEST_ID, 36}},
	};
	const struct transcode_given given = {
	    &command_meta_record, &request_meta, path, ARRAY_LEN(path)};
	json_t *json;
	bool ok;

	if (!transcode_parse(body, &json, &request->faults))
		return false;
	ok = transcode(schema, json, &given, &request->faults, &request->buf);
	json_decref(json);
	return ok;
}

/**
 * request_faults_print(faults, buf):
 * Append all of them, one on a line: "pointer detail".
 */
static inline void
request_faults_print(const struct faults *faults, struct buf *buf)
{
	for (size_t i = 0; i < faults->len; i++)
		buf_printf(buf, "%s%.*s %.*s", i == 0 ? "" : "\n",
		    STR_ARG(faults->items[i].pointer), STR_ARG(faults->items[i].detail));
}

#endif
