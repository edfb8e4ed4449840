/*
 * billd keys: the keys that sign access tokens and commands.  The database has their names alone;
 * programs derive the keys, and look for new names every two seconds.
 */

#include "cli/cli.h"
#include "common/base/signing.h"

enum {
	KEYS_PURPOSE,
};

/*
 * A new key signs when it is as old as this: by then every program knows it, so none refuses what
 * another has signed.  The order in which api/statements.c reads the keys holds that.
 */
#define SETTLED "interval '5 s'"

/* How long a key that signs no more verifies what it has signed. */
static const int64_t grace_s[SIGNING_PURPOSE_MAX] = {
    [SIGNING_TOKEN] = 3600,                  /* tokens live a quarter of it */
    [SIGNING_COMMAND] = (int64_t)90 * 86400, /* commands lie on the topic through a long outage */
};

/*
 * rotate retires those that nobody has retired yet: so a second rotation never puts off what the
 * first one has set, and always leaves one that signs.  Of two at the same moment the second waits
 * in lock, for the row that is the first of all whatever they do, and sees what the first one made.
 * A new key is the newest whatever the clock says.
 */
static const struct pg_statement statements[] = {
    {"lock",
	"SELECT FROM identity.signing_keys ORDER BY created_at, purpose, name LIMIT 1 FOR UPDATE"},
    {"rotate",
	"WITH wanted AS ("
	" SELECT * FROM unnest($1::text[], $2::int8[]) AS wanted (purpose, grace)), "
	"crowded AS ("
	" SELECT FROM identity.signing_keys"
	" WHERE purpose = ANY ($1) AND (retires_at IS NULL OR retires_at > statement_timestamp())"
	" GROUP BY purpose HAVING count(*) >= $3::int8), "
	"made AS ("
	" INSERT INTO identity.signing_keys (purpose, name, created_at)"
	" SELECT purpose, replace(gen_random_uuid()::text, '-', ''),"
	"  greatest(statement_timestamp(), max(created_at) + interval '1 microsecond')"
	" FROM wanted LEFT JOIN identity.signing_keys USING (purpose)"
	" WHERE NOT EXISTS (SELECT FROM crowded) GROUP BY purpose RETURNING *), "
	"retired AS ("
	" UPDATE identity.signing_keys old"
	" SET retires_at = statement_timestamp() + make_interval(secs => wanted.grace)"
	" FROM wanted JOIN made USING (purpose)"
	" WHERE old.purpose = wanted.purpose AND old.retires_at IS NULL RETURNING old.*) "
	"SELECT purpose, name, api.rfc3339(retires_at) "
	"FROM (SELECT * FROM made UNION ALL SELECT * FROM retired) AS changed "
	"ORDER BY purpose, created_at DESC, name"},
    {"list",
	"SELECT purpose, name, api.rfc3339(created_at), coalesce(api.rfc3339(retires_at), '-'), "
	"CASE WHEN retires_at <= now() THEN 'retired' WHEN row_number() OVER ("
	"  PARTITION BY purpose, (retires_at <= now()) IS TRUE"
	"  ORDER BY created_at > now() - " SETTLED ", created_at DESC, name) = 1 THEN 'signs' "
	"ELSE 'verifies' END "
	"FROM identity.signing_keys ORDER BY purpose, created_at DESC, name"},
};

static enum err_class
run_list(struct cli *cli, const struct cli_input *input, struct err *err)
{
	PGresult *result = NULL;

	(void)input;
	if (cli_connect(cli, statements, ARRAY_LEN(statements), err) != ERR_NONE ||
	    pg_run(cli->pg, "list", NULL, &result, err) != ERR_NONE)
		return err->class;
	printf("%-7s  %-32s  %-20s  %-20s  %s\n", "purpose", "name", "created", "retires", "state");
	for (int row = 0; row < PQntuples(result); row++)
		printf("%-7.*s  %-32.*s  %-20.*s  %-20.*s  %.*s\n",
		    STR_ARG(pg_get_str(result, row, 0)), STR_ARG(pg_get_str(result, row, 1)),
		    STR_ARG(pg_get_str(result, row, 2)), STR_ARG(pg_get_str(result, row, 3)),
		    STR_ARG(pg_get_str(result, row, 4)));
	PQclear(result);
	return ERR_NONE;
}

/* The purposes that are meant: the one that is named, or all. */
static enum err_class
read_purposes(
    const char *name, struct str *purposes, int64_t *graces, size_t *ret_len, struct err *err)
{
	enum signing_purpose one = SIGNING_PURPOSE_MAX;

	if (name != NULL && !signing_purpose_from(str_from(name), &one))
		return err_set(err, ERR_FATAL, "--purpose: \"%s\" is neither %s nor %s", name,
		    signing_purpose_name(SIGNING_TOKEN), signing_purpose_name(SIGNING_COMMAND));
	*ret_len = 0;
	for (enum signing_purpose purpose = 0; purpose < SIGNING_PURPOSE_MAX; purpose++)
		if (name == NULL || purpose == one) {
			purposes[*ret_len] = str_from(signing_purpose_name(purpose));
			graces[(*ret_len)++] = grace_s[purpose];
		}
	return ERR_NONE;
}

/* Both in one pipeline, which is one transaction. */
static enum err_class
rotate(struct pg *pg, const struct pg_params *params, PGresult **ret_result, struct err *err)
{
	PGresult *locked = NULL, *result = NULL;
	enum err_class class;

	class = pg_send(pg, "lock", NULL, err);
	if (class == ERR_NONE)
		class = pg_send(pg, "rotate", params, err);
	if (class == ERR_NONE)
		class = pg_sync(pg, err);
	if (class == ERR_NONE)
		class = pg_receive(pg, &locked, err);
	if (class == ERR_NONE)
		class = pg_receive(pg, &result, err);
	if (class == ERR_NONE)
		class = pg_finish(pg, err);
	PQclear(locked);
	if (class != ERR_NONE) {
		PQclear(result);
		pg_rollback(pg);
		return class;
	}
	*ret_result = result;
	return ERR_NONE;
}

static void
print_rotated(const PGresult *result)
{
	for (int row = 0; row < PQntuples(result); row++) {
		struct str purpose = pg_get_str(result, row, 0), name = pg_get_str(result, row, 1);
		struct str retires_at = pg_get_str(result, row, 2);

		if (retires_at.ptr == NULL)
			printf("%.*s key %.*s is new, and signs as soon as all programs know it\n",
			    STR_ARG(purpose), STR_ARG(name));
		else
			printf("%.*s key %.*s verifies until %.*s\n", STR_ARG(purpose),
			    STR_ARG(name), STR_ARG(retires_at));
	}
}

static enum err_class
run_rotate(struct cli *cli, const struct cli_input *input, struct err *err)
{
	struct str purposes[SIGNING_PURPOSE_MAX];
	int64_t graces[SIGNING_PURPOSE_MAX];
	struct pg_params params;
	PGresult *result = NULL;
	size_t len = 0;
	int changed;

	if (read_purposes(input->options[KEYS_PURPOSE], purposes, graces, &len, err) != ERR_NONE ||
	    cli_connect(cli, statements, ARRAY_LEN(statements), err) != ERR_NONE)
		return err->class;
	pg_params_init(&params, &cli->arena);
	pg_params_strs(&params, purposes, len);
	pg_params_int64s(&params, graces, len);
	pg_params_int64(&params, SIGNING_KEYS_MAX);
	if (rotate(cli->pg, &params, &result, err) != ERR_NONE)
		return err->class;
	changed = PQntuples(result);
	print_rotated(result);
	PQclear(result);
	if (changed == 0)
		return err_set(err, ERR_FATAL,
		    "nothing is rotated: a purpose has %d keys that verify, which is the most; see "
		    "billd keys list for when the next one retires",
		    SIGNING_KEYS_MAX);
	return ERR_NONE;
}

const struct cli_command keys_commands[] = {
    {"keys", "list", "", "list the keys that sign tokens and commands", .run = run_list},
    {"keys", "rotate", "[--purpose token|command]",
	"make a new key; the others still verify, tokens for an hour, commands for 90 days",
	.options = {{"--purpose", OPTION_OPTIONAL}}, .run = run_rotate},
    {.noun = NULL},
};
