/* The operator's connection: as the owner of the database, whom row-level security binds too. */
#include "cli/cli.h"

#define STATEMENT_TIMEOUT_MS 30000
#define CONNECT_TIMEOUT_S 10

static const struct pg_statement shared_statements[] = {
    {"act_for", "SELECT set_config('billd.organisations', ARRAY[$1::uuid]::text, true)"},
    {"every", "SELECT set_config('billd.every', 'on', true)"},
    {"act_for_every",
	"SELECT set_config('billd.organisations', coalesce(array_agg(id), '{}')::text, true) "
	"FROM identity.organisations"},
    {"organisation_exists", "SELECT FROM identity.organisations WHERE id = $1::uuid"},
    {"change_begin", "BEGIN"},
    {"change_commit", "COMMIT"},
    {"snapshot_begin", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"},
};

enum err_class
cli_connect(struct cli *cli, const struct pg_statement *statements, size_t len, struct err *err)
{
	const struct pg_settings settings = {.url = cli->database_url,
	    .application_name = "billd",
	    .session = "SET lock_timeout = '5s'",
	    .statement_timeout_ms = cli->patient ? 0 : STATEMENT_TIMEOUT_MS,
	    .connect_timeout_s = CONNECT_TIMEOUT_S};

	if (cli->database_url == NULL)
		return err_set(err, ERR_FATAL, "BILLD_DATABASE_URL must be set");
	CHECK(cli->pg == NULL);
	cli->pg = pg_new(&settings);
	pg_prepare(cli->pg, shared_statements, ARRAY_LEN(shared_statements));
	pg_prepare(cli->pg, statements, len);
	return pg_connect(cli->pg, err);
}

/* Both in one pipeline, which is one transaction. */
static enum err_class
send_for(struct cli *cli, struct uuid organisation_id, const char *name,
    const struct pg_params *params, struct err *err)
{
	struct pg_params act_for;

	pg_params_init(&act_for, &cli->arena);
	pg_params_uuid(&act_for, organisation_id);
	if (pg_send(cli->pg, "act_for", &act_for, err) != ERR_NONE ||
	    pg_send(cli->pg, name, params, err) != ERR_NONE)
		return err->class;
	return pg_sync(cli->pg, err);
}

enum err_class
cli_run_for(struct cli *cli, struct uuid organisation_id, const char *name,
    const struct pg_params *params, PGresult **ret_result, struct err *err)
{
	PGresult *unused = NULL, *result = NULL;
	enum err_class class;

	*ret_result = NULL;
	class = send_for(cli, organisation_id, name, params, err);
	if (class == ERR_NONE)
		class = pg_receive(cli->pg, &unused, err);
	if (class == ERR_NONE)
		class = pg_receive(cli->pg, &result, err);
	if (class == ERR_NONE)
		class = pg_finish(cli->pg, err);
	PQclear(unused);
	if (class != ERR_NONE) {
		PQclear(result);
		pg_rollback(cli->pg);
		return class;
	}
	*ret_result = result;
	return ERR_NONE;
}

enum err_class
cli_change_begin(struct cli *cli, struct uuid organisation_id, struct err *err)
{
	struct pg_params act_for;

	pg_params_init(&act_for, &cli->arena);
	pg_params_uuid(&act_for, organisation_id);
	if (pg_run(cli->pg, "change_begin", NULL, NULL, err) != ERR_NONE)
		return err->class;
	return pg_run(cli->pg, "act_for", &act_for, NULL, err);
}

enum err_class
cli_change_commit(struct cli *cli, struct err *err)
{
	return pg_run(cli->pg, "change_commit", NULL, NULL, err);
}

static enum err_class
act_for_every(struct cli *cli, struct err *err)
{
	if (pg_run(cli->pg, "every", NULL, NULL, err) != ERR_NONE)
		return err->class;
	return pg_run(cli->pg, "act_for_every", NULL, NULL, err);
}

static enum err_class
act_for_one(struct cli *cli, struct uuid organisation_id, struct err *err)
{
	char id[UUID_TEXT_SIZE];
	struct pg_params params;
	PGresult *result = NULL;
	bool exists;

	pg_params_init(&params, &cli->arena);
	pg_params_uuid(&params, organisation_id);
	if (pg_run(cli->pg, "act_for", &params, NULL, err) != ERR_NONE ||
	    pg_run(cli->pg, "organisation_exists", &params, &result, err) != ERR_NONE)
		return err->class;
	exists = PQntuples(result) == 1;
	PQclear(result);
	uuid_write(organisation_id, id);
	if (!exists)
		return err_set(err, ERR_FATAL, "--organisation: there is no organisation %s", id);
	return ERR_NONE;
}

enum err_class
cli_snapshot(struct cli *cli, const char *organisation, struct err *err)
{
	struct uuid organisation_id = UUID_NIL;
	enum err_class class;

	if (organisation != NULL &&
	    cli_read_uuid("--organisation", organisation, &organisation_id, err) != ERR_NONE)
		return err->class;
	class = pg_run(cli->pg, "snapshot_begin", NULL, NULL, err);
	if (class == ERR_NONE)
		class = organisation == NULL ? act_for_every(cli, err)
					     : act_for_one(cli, organisation_id, err);
	if (class != ERR_NONE)
		pg_rollback(cli->pg);
	return class;
}
