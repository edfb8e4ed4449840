/* The operator's connection: as the owner of the database, whom row-level security binds too. */
#include <stdio.h>
#include <time.h>

#include "cli/cli.h"

#define STATEMENT_TIMEOUT_MS 30000
#define CONNECT_TIMEOUT_S 10
#define UNFORCE_TRIES 40
#define UNFORCE_PAUSE_MS 250

static const struct pg_statement shared_statements[] = {
    {"act_for", "SELECT set_config('billd.organisations', ARRAY[$1::uuid]::text, true)"},
    {"every_begin", "BEGIN"},
    {"every_wait", "SET LOCAL lock_timeout = '100ms'"},
    {"every_unforce", "ALTER TABLE identity.organisations NO FORCE ROW LEVEL SECURITY"},
    {"every_organisation",
	"SELECT coalesce(array_agg(id ORDER BY id), '{}')::text FROM identity.organisations"},
    {"organisation_exists", "SELECT FROM identity.organisations WHERE id = $1::uuid"},
    {"snapshot_begin", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"},
    {"snapshot_act_for", "SELECT set_config('billd.organisations', $1::text, true)"},
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

/* Run these statements, without parameters, in the transaction that the first of them begins.  The
 * last one's result. */
static enum err_class
run_all(struct cli *cli, const char *const *names, size_t len, PGresult **ret_last, struct err *err)
{
	for (size_t i = 0; i < len; i++)
		if (pg_run(cli->pg, names[i], NULL, i + 1 == len ? ret_last : NULL, err) !=
		    ERR_NONE)
			return err->class;
	return ERR_NONE;
}

/*
 * All organisations, as an array's text.  Row-level security binds the owner, too, who may take the
 * force off for itself: in a transaction of its own, which is rolled back.  That needs the table
 * alone for a moment, so it gives way to whoever reads it, and tries again.
 */
static enum err_class
every_organisation(struct cli *cli, struct str *ret_ids, struct err *err)
{
	static const char *const names[] = {
	    "every_begin", "every_wait", "every_unforce", "every_organisation"};
	const struct timespec pause = {.tv_nsec = UNFORCE_PAUSE_MS * INT64_C(1000000)};
	enum err_class class = ERR_RETRY;

	for (int i = 0; i < UNFORCE_TRIES && class == ERR_RETRY; i++) {
		PGresult *result = NULL;

		if (i > 0)
			(void)nanosleep(&pause, NULL);
		class = run_all(cli, names, ARRAY_LEN(names), &result, err);
		if (class == ERR_NONE && !arena_str(&cli->arena, pg_get_str(result, 0, 0), ret_ids))
			class = err_set(err, ERR_FATAL, "there are too many organisations");
		PQclear(result);
		pg_rollback(cli->pg);
	}
	return class;
}

/* The array's text with that organisation alone. */
static enum err_class
one_organisation(struct cli *cli, const char *organisation, struct str *ret_ids, struct err *err)
{
	char text[UUID_TEXT_SIZE + 2], id[UUID_TEXT_SIZE];
	struct uuid organisation_id;
	struct pg_params params;
	PGresult *result = NULL;
	bool exists;

	if (cli_read_uuid("--organisation", organisation, &organisation_id, err) != ERR_NONE)
		return err->class;
	pg_params_init(&params, &cli->arena);
	pg_params_uuid(&params, organisation_id);
	if (cli_run_for(cli, organisation_id, "organisation_exists", &params, &result, err) !=
	    ERR_NONE)
		return err->class;
	exists = PQntuples(result) == 1;
	PQclear(result);
	uuid_write(organisation_id, id);
	if (!exists)
		return err_set(err, ERR_FATAL, "--organisation: there is no organisation %s", id);
	snprintf(text, sizeof(text), "{%s}", id);
	CHECK(arena_str(&cli->arena, str_from(text), ret_ids));
	return ERR_NONE;
}

enum err_class
cli_snapshot(struct cli *cli, const char *organisation, struct err *err)
{
	struct pg_params params;
	struct str ids = STR_NONE;
	enum err_class class;

	class = organisation == NULL ? every_organisation(cli, &ids, err)
				     : one_organisation(cli, organisation, &ids, err);
	if (class != ERR_NONE)
		return class;
	pg_params_init(&params, &cli->arena);
	pg_params_str(&params, ids);
	class = pg_run(cli->pg, "snapshot_begin", NULL, NULL, err);
	if (class == ERR_NONE)
		class = pg_run(cli->pg, "snapshot_act_for", &params, NULL, err);
	if (class != ERR_NONE)
		pg_rollback(cli->pg);
	return class;
}
