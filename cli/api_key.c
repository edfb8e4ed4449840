/* billd api-key: who may ask on behalf of an organisation. */

#include "common/base/api_key.h"
#include "cli/cli.h"

enum {
	KEY_ORGANISATION,
	KEY_NAME
};

static const struct pg_statement statements[] = {
    {"insert", "INSERT INTO identity.api_keys (organisation_id, id, name, key_hash) "
	       "VALUES ($1::uuid, $2::uuid, $3::text, $4::bytea)"},
    {"list",
	"SELECT id::text, api.rfc3339(created_at), coalesce(api.rfc3339(revoked_at), '-'), name "
	"FROM identity.api_keys WHERE organisation_id = $1::uuid ORDER BY created_at, id"},
    {"revoke", "UPDATE identity.api_keys SET revoked_at = now() "
	       "WHERE organisation_id = $1::uuid AND id = $2::uuid AND revoked_at IS NULL"},
};

/* The organisation that is named, and a connection. */
static enum err_class
begin(struct cli *cli, const struct cli_input *input, struct uuid *ret_organisation_id,
    struct err *err)
{
	if (cli_read_uuid("--organisation", input->options[KEY_ORGANISATION], ret_organisation_id,
		err) != ERR_NONE)
		return err->class;
	return cli_connect(cli, statements, ARRAY_LEN(statements), err);
}

static enum err_class
store(
    struct cli *cli, struct uuid organisation_id, struct str name, const char *key, struct err *err)
{
	uint8_t hash[API_KEY_HASH_BYTES];
	struct pg_params params;
	PGresult *result = NULL;
	enum err_class class;

	api_key_hash(str_from(key), hash);
	pg_params_init(&params, &cli->arena);
	pg_params_uuid(&params, organisation_id);
	pg_params_uuid(&params, cli_uuid_new());
	pg_params_str(&params, name);
	pg_params_bytes(&params, (struct str){(const char *)hash, sizeof(hash)});
	class = cli_run_for(cli, organisation_id, "insert", &params, &result, err);
	PQclear(result);
	if (class != ERR_NONE && strcmp(err->sqlstate, "23503") == 0)
		return err_set(err, ERR_FATAL, "there is no such organisation");
	return class;
}

static enum err_class
run_create(struct cli *cli, const struct cli_input *input, struct err *err)
{
	char key[API_KEY_TEXT_SIZE];
	struct uuid organisation_id;
	struct str name;

	if (cli_read_name("--name", input->options[KEY_NAME], &name, err) != ERR_NONE ||
	    begin(cli, input, &organisation_id, err) != ERR_NONE)
		return err->class;
	api_key_new(key);
	if (store(cli, organisation_id, name, key, err) != ERR_NONE)
		return err->class;
	/* Once, and never again: the database has its hash alone. */
	printf("%s\n", key);
	return ERR_NONE;
}

static enum err_class
run_list(struct cli *cli, const struct cli_input *input, struct err *err)
{
	struct uuid organisation_id;
	struct pg_params params;
	PGresult *result = NULL;

	if (begin(cli, input, &organisation_id, err) != ERR_NONE)
		return err->class;
	pg_params_init(&params, &cli->arena);
	pg_params_uuid(&params, organisation_id);
	if (cli_run_for(cli, organisation_id, "list", &params, &result, err) != ERR_NONE)
		return err->class;
	printf("%-36s  %-20s  %-20s  %s\n", "id", "created", "revoked", "name");
	for (int row = 0; row < PQntuples(result); row++)
		printf("%-36.*s  %-20.*s  %-20.*s  %.*s\n", STR_ARG(pg_get_str(result, row, 0)),
		    STR_ARG(pg_get_str(result, row, 1)), STR_ARG(pg_get_str(result, row, 2)),
		    STR_ARG(pg_get_str(result, row, 3)));
	PQclear(result);
	return ERR_NONE;
}

static enum err_class
run_revoke(struct cli *cli, const struct cli_input *input, struct err *err)
{
	struct uuid organisation_id, id;
	struct pg_params params;
	PGresult *result = NULL;
	int64_t changed;

	if (cli_read_uuid("ID", input->positionals[0], &id, err) != ERR_NONE ||
	    begin(cli, input, &organisation_id, err) != ERR_NONE)
		return err->class;
	pg_params_init(&params, &cli->arena);
	pg_params_uuid(&params, organisation_id);
	pg_params_uuid(&params, id);
	if (cli_run_for(cli, organisation_id, "revoke", &params, &result, err) != ERR_NONE)
		return err->class;
	changed = pg_changed(result);
	PQclear(result);
	if (changed == 0)
		return err_set(
		    err, ERR_FATAL, "the organisation has no such key that is not revoked already");
	return ERR_NONE;
}

const struct cli_command api_key_commands[] = {
    {"api-key", "create", "--organisation UUID --name NAME",
	"make a key, and print it: it is not kept, and cannot be shown again",
	.options = {{"--organisation", OPTION_REQUIRED}, {"--name", OPTION_REQUIRED}},
	.run = run_create},
    {"api-key", "list", "--organisation UUID", "list an organisation's keys",
	.options = {{"--organisation", OPTION_REQUIRED}}, .run = run_list},
    {"api-key", "revoke", "--organisation UUID ID", "make a key worthless",
	.options = {{"--organisation", OPTION_REQUIRED}}, .positionals_min = 1,
	.positionals_max = 1, .run = run_revoke},
    {.noun = NULL},
};
