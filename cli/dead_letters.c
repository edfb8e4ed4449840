/* billd dead-letters: list and show what no worker could process. */

#include "cli/dead_letters.h"
#include "common/codec/avro.h"
#include "common/codec/command_signature.h"

#define DUMP_WIDTH 16
#define JSON_MAX (4 * AVRO_MESSAGE_MAX)

#define COLUMNS                                                                      \
	"partition, \"offset\", organisation_id, operation_id, reason, key, value, " \
	"api.rfc3339(died_at), api.rfc3339(replayed_at)"

static const struct pg_statement statements[] = {
    {"list", "SELECT partition, \"offset\", organisation_id, operation_id, reason, NULL::bytea, "
	     "NULL::bytea, api.rfc3339(died_at), api.rfc3339(replayed_at) "
	     "FROM billd.dead_letters ORDER BY died_at, partition, \"offset\""},
    {"find", "SELECT " COLUMNS " FROM billd.dead_letters "
	     "WHERE partition = $1::int4 AND \"offset\" = $2::int8"},
    /* For what a stranger wrote the operator vouches one by one. */
    {"next", "SELECT " COLUMNS " FROM billd.dead_letters WHERE replayed_at IS NULL "
	     "AND reason <> '" COMMAND_UNSIGNED "' "
	     "AND (partition, \"offset\") > ($1::int4, $2::int8) "
	     "ORDER BY partition, \"offset\" LIMIT 1"},
    {"outcome", "SELECT status FROM billd.operations "
		"WHERE organisation_id = $1::uuid AND id = $2::uuid"},
    {"replayed", "UPDATE billd.dead_letters SET replayed_at = now() "
		 "WHERE partition = $1::int4 AND \"offset\" = $2::int8"},
    /* The one that signs first; no more than a ring takes. */
    {"command_keys",
	"SELECT name FROM identity.signing_keys WHERE purpose = 'command' "
	"AND (retires_at IS NULL OR retires_at > now()) "
	"ORDER BY created_at > now() - interval '5 s', created_at DESC, name LIMIT 16"},
};

enum err_class
dead_letters_connect(struct cli *cli, struct err *err)
{
	return cli_connect(cli, statements, ARRAY_LEN(statements), err);
}

struct dead_letter
dead_letter_read(const PGresult *result, int row)
{
	return (struct dead_letter){
	    .partition = pg_get_int32(result, row, 0),
	    .offset = pg_get_int64(result, row, 1),
	    .organisation_id = pg_get_uuid(result, row, 2),
	    .operation_id = pg_get_uuid(result, row, 3),
	    .reason = pg_get_str(result, row, 4),
	    .key = pg_get_str(result, row, 5),
	    .value = pg_get_str(result, row, 6),
	    .died_at = pg_get_str(result, row, 7),
	    .replayed_at = pg_get_str(result, row, 8),
	};
}

enum err_class
dead_letters_find(struct cli *cli, const struct cli_input *input, PGresult **ret_result,
    struct dead_letter *ret_letter, struct err *err)
{
	const char *partition_text = input->positionals[0], *offset_text = input->positionals[1];
	int64_t partition, offset;
	struct pg_params params;

	if (!str_read_int64(str_from(partition_text), 0, INT32_MAX, &partition) ||
	    !str_read_int64(str_from(offset_text), INT64_MIN, INT64_MAX, &offset))
		return err_set(err, ERR_FATAL, "\"%s %s\" is no partition and offset",
		    partition_text, offset_text);
	pg_params_init(&params, &cli->arena);
	pg_params_int32(&params, (int32_t)partition);
	pg_params_int64(&params, offset);
	if (pg_run(cli->pg, "find", &params, ret_result, err) != ERR_NONE)
		return err->class;
	if (PQntuples(*ret_result) == 0)
		return err_set(err, ERR_FATAL,
		    "there is no dead letter of partition %s at offset %s", partition_text,
		    offset_text);
	*ret_letter = dead_letter_read(*ret_result, 0);
	return ERR_NONE;
}

/* The UUID's text, or "-" for nil. */
static void
uuid_text(struct uuid uuid, char ret_text[UUID_TEXT_SIZE])
{
	if (uuid_is_nil(uuid))
		snprintf(ret_text, UUID_TEXT_SIZE, "-");
	else
		uuid_write(uuid, ret_text);
}

static enum err_class
run_list(struct cli *cli, const struct cli_input *input, struct err *err)
{
	PGresult *result = NULL;

	(void)input;
	if (dead_letters_connect(cli, err) != ERR_NONE ||
	    pg_run(cli->pg, "list", NULL, &result, err) != ERR_NONE)
		return err->class;
	printf("%9s  %12s  %-20s  %-20s  %-36s  %-36s  %s\n", "partition", "offset", "died",
	    "replayed", "organisation", "operation", "reason");
	for (int row = 0; row < PQntuples(result); row++) {
		struct dead_letter letter = dead_letter_read(result, row);
		char organisation[UUID_TEXT_SIZE], operation[UUID_TEXT_SIZE];

		if (letter.replayed_at.ptr == NULL)
			letter.replayed_at = STR("-");
		uuid_text(letter.organisation_id, organisation);
		uuid_text(letter.operation_id, operation);
		printf("%9d  %12lld  %-20.*s  %-20.*s  %-36s  %-36s  %.*s\n", (int)letter.partition,
		    (long long)letter.offset, STR_ARG(letter.died_at), STR_ARG(letter.replayed_at),
		    organisation, operation, STR_ARG(letter.reason));
	}
	PQclear(result);
	return ERR_NONE;
}

/* "00000010  63 6f …  |co…|": nothing of the bytes reaches the terminal as it is. */
static void
dump_line(struct str bytes, size_t at)
{
	size_t len = bytes.len - at < DUMP_WIDTH ? bytes.len - at : DUMP_WIDTH;

	CHECK(bytes.ptr != NULL);
	printf("    %08zx ", at);
	for (size_t i = 0; i < DUMP_WIDTH; i++)
		if (i < len)
			printf(" %02x", (unsigned char)bytes.ptr[at + i]);
		else
			printf("   ");
	printf("  |");
	for (size_t i = 0; i < len; i++) {
		char c = bytes.ptr[at + i];

		putchar(c >= ' ' && c <= '~' ? c : '.');
	}
	printf("|\n");
}

static void
dump(const char *name, struct str bytes)
{
	if (bytes.ptr == NULL) {
		printf("%s: none\n", name);
		return;
	}
	printf("%s: %zu bytes\n", name, bytes.len);
	for (size_t at = 0; at < bytes.len; at += DUMP_WIDTH)
		dump_line(bytes, at);
}

/* The command, where its schema is known; else why it cannot be shown. */
static enum err_class
print_json(struct str value, struct err *err)
{
	const struct schema *schema = NULL;
	struct schemas *schemas = NULL;
	uint64_t fingerprint;
	struct str body;
	struct err why;
	struct buf json;

	if (value.ptr == NULL || !avro_frame_read(value, &fingerprint, &body)) {
		printf("command: no message of ours: it has no frame\n");
		return ERR_NONE;
	}
	if (schemas_open(&schemas, err) != ERR_NONE)
		return err->class;
	buf_init(&json, JSON_MAX);
	schema = schemas_by_fingerprint(schemas, fingerprint);
	if (schema == NULL)
		printf("command: no schema has the fingerprint %016llx\n",
		    (unsigned long long)fingerprint);
	else if (avro_to_json(schema, body, &json, &why) != ERR_NONE)
		printf("command: %.*s, but %s\n", STR_ARG(schema->name), why.text);
	else
		printf("command: %.*s\n    %.*s\n", STR_ARG(schema->name), STR_ARG(buf_str(&json)));
	buf_release(&json);
	schemas_free(schemas);
	return ERR_NONE;
}

static void
print_facts(const struct dead_letter *letter)
{
	char organisation[UUID_TEXT_SIZE], operation[UUID_TEXT_SIZE];
	struct str replayed = letter->replayed_at.ptr == NULL ? STR("no") : letter->replayed_at;

	uuid_text(letter->organisation_id, organisation);
	uuid_text(letter->operation_id, operation);
	printf("partition: %d\noffset: %lld\nreason: %.*s\ndied: %.*s\nreplayed: %.*s\n",
	    (int)letter->partition, (long long)letter->offset, STR_ARG(letter->reason),
	    STR_ARG(letter->died_at), STR_ARG(replayed));
	printf("organisation: %s\noperation: %s\n", organisation, operation);
}

static enum err_class
run_show(struct cli *cli, const struct cli_input *input, struct err *err)
{
	PGresult *result = NULL;
	struct dead_letter letter = {.partition = 0};
	enum err_class class;

	if (dead_letters_connect(cli, err) != ERR_NONE)
		return err->class;
	class = dead_letters_find(cli, input, &result, &letter, err);
	if (class == ERR_NONE) {
		print_facts(&letter);
		class = print_json(letter.value, err);
		dump("key", letter.key);
		dump("value", letter.value);
	}
	PQclear(result);
	return class;
}

const struct cli_command dead_letters_commands[] = {
    {"dead-letters", "list", "", "list what no worker could process", .run = run_list},
    {"dead-letters", "show", "PARTITION OFFSET", "show one: why, and its bytes",
	.positionals_min = 2, .positionals_max = 2, .run = run_show},
    {"dead-letters", "replay", "PARTITION OFFSET [--again] | --all",
	"send one, or all that were not replayed, to the workers again; print each one's operation",
	.options = {{"--all", OPTION_FLAG}, {"--again", OPTION_FLAG}}, .positionals_max = 2,
	.run = dead_letters_replay},
    {.noun = NULL},
};
