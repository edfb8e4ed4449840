/* billd organisation: the tenants. */

#include "cli/cli.h"
#include "common/icu/iso.h"
#include "common/zone/zone.h"

enum {
	CREATE_NAME,
	CREATE_CURRENCY,
	CREATE_TIMEZONE,
	CREATE_COUNTRY,
	CREATE_TEST
};

static const struct pg_statement statements[] = {
    /* In the audit log stands who did it: whoever may run this command. */
    {"insert",
	"WITH organisation AS ("
	"INSERT INTO identity.organisations (id, name, currency, timezone, country, test) "
	"VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::text, $6::bool) RETURNING *) "
	"INSERT INTO identity.audit_log (id, organisation_id, actor, action, resource_type, "
	"resource_id, outcome, details) SELECT gen_random_uuid(), id, 'operator', "
	"'organisation.create', 'organisation', id, 'succeeded', jsonb_build_object('name', name) "
	"FROM organisation"},
    {"list",
	"SELECT id::text, created_at::date::text, currency, coalesce(country, '-'), timezone, name "
	"FROM identity.organisations ORDER BY created_at, id"},
};

static enum err_class
check_codes(const struct cli_input *input, struct err *err)
{
	const char *currency = input->options[CREATE_CURRENCY];
	const char *timezone = input->options[CREATE_TIMEZONE];
	const char *country = input->options[CREATE_COUNTRY];

	if (!iso_currency_is_known(str_from(currency)))
		return err_set(err, ERR_FATAL,
		    "--currency: \"%s\" is no currency of ISO 4217, such as USD", currency);
	if (!zone_is_known(str_from(timezone)))
		return err_set(err, ERR_FATAL,
		    "--timezone: \"%s\" is no time zone of the tz database, such as Europe/Vienna",
		    timezone);
	if (country != NULL && !iso_country_is_known(str_from(country)))
		return err_set(err, ERR_FATAL,
		    "--country: \"%s\" is no country of ISO 3166-1, such as AT", country);
	return ERR_NONE;
}

static enum err_class
run_create(struct cli *cli, const struct cli_input *input, struct err *err)
{
	struct uuid id = uuid_new();
	char text[UUID_TEXT_SIZE];
	struct pg_params params;
	PGresult *result = NULL;
	struct str name;

	if (cli_read_name("--name", input->options[CREATE_NAME], &name, err) != ERR_NONE ||
	    check_codes(input, err) != ERR_NONE ||
	    cli_connect(cli, statements, ARRAY_LEN(statements), err) != ERR_NONE)
		return err->class;
	pg_params_init(&params, &cli->arena);
	pg_params_uuid(&params, id);
	pg_params_str(&params, name);
	pg_params_str(&params, str_from(input->options[CREATE_CURRENCY]));
	pg_params_str(&params, str_from(input->options[CREATE_TIMEZONE]));
	pg_params_str(&params, str_from(input->options[CREATE_COUNTRY]));
	pg_params_bool(&params, input->options[CREATE_TEST] != NULL);
	if (cli_run_for(cli, id, "insert", &params, &result, err) != ERR_NONE)
		return err->class;
	PQclear(result);
	uuid_write(id, text);
	printf("%s\n", text);
	return ERR_NONE;
}

static void
print_list(const PGresult *result)
{
	printf(
	    "%-36s  %-10s  %-3s  %-2s  %-24s  %s\n", "id", "created", "", "", "timezone", "name");
	for (int row = 0; row < PQntuples(result); row++)
		printf("%-36.*s  %-10.*s  %-3.*s  %-2.*s  %-24.*s  %.*s\n",
		    STR_ARG(pg_get_str(result, row, 0)), STR_ARG(pg_get_str(result, row, 1)),
		    STR_ARG(pg_get_str(result, row, 2)), STR_ARG(pg_get_str(result, row, 3)),
		    STR_ARG(pg_get_str(result, row, 4)), STR_ARG(pg_get_str(result, row, 5)));
}

/* Both in one pipeline, which is one transaction. */
static enum err_class
list_every(struct pg *pg, PGresult **ret_list, struct err *err)
{
	PGresult *unused = NULL;

	if (pg_send(pg, "every", NULL, err) != ERR_NONE ||
	    pg_send(pg, "list", NULL, err) != ERR_NONE || pg_sync(pg, err) != ERR_NONE ||
	    pg_receive(pg, &unused, err) != ERR_NONE)
		return err->class;
	PQclear(unused);
	return pg_receive(pg, ret_list, err);
}

static enum err_class
run_list(struct cli *cli, const struct cli_input *input, struct err *err)
{
	PGresult *list = NULL;
	enum err_class class;

	(void)input;
	if (cli_connect(cli, statements, ARRAY_LEN(statements), err) != ERR_NONE)
		return err->class;
	class = list_every(cli->pg, &list, err);
	if (class == ERR_NONE)
		print_list(list);
	PQclear(list);
	pg_rollback(cli->pg);
	return class;
}

const struct cli_command organisation_commands[] = {
    {"organisation", "create",
	"--name NAME --currency USD --timezone Europe/Vienna [--country AT] [--test]",
	"make an organisation, one for trying things out with --test, and print its id",
	.options = {{"--name", OPTION_REQUIRED}, {"--currency", OPTION_REQUIRED},
	    {"--timezone", OPTION_REQUIRED}, {"--country", OPTION_OPTIONAL},
	    {"--test", OPTION_FLAG}},
	.run = run_create},
    {"organisation", "list", "", "list all organisations", .run = run_list},
    {.noun = NULL},
};
