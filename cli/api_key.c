/* billd api-key: who may ask on behalf of an organisation. */

#include "common/base/api_key.h"

#include <sodium.h>

#include "cli/cli.h"
#include "common/domain/role.h"

enum {
	KEY_ORGANISATION,
	KEY_NAME,
	KEY_ROLE
};

#define ROLE_UNLESS_TOLD "admin"

/* In the audit log stands who did it: whoever may run this command. */
#define AUDIT(what, details)                                                                     \
	"INSERT INTO identity.audit_log (id, organisation_id, actor, action, resource_type, "    \
	"resource_id, outcome, details) SELECT gen_random_uuid(), organisation_id, 'operator', " \
	"'" what "', 'api_key', id, 'succeeded', " details " FROM key"

static const struct pg_statement statements[] = {
    /* As the ingress does it: one key after the other, each of which is counted by the next. */
    {"lock", "SELECT test FROM identity.organisations WHERE id = $1::uuid FOR NO KEY UPDATE"},
    {"active", "SELECT count(*) FROM identity.api_keys WHERE organisation_id = $1::uuid "
	       "AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"},
    {"insert",
	"WITH key AS (INSERT INTO identity.api_keys "
	"(organisation_id, id, name, key_hash, role, prefix) "
	"VALUES ($1::uuid, $2::uuid, $3::text, $4::bytea, $5::text, $6::text) RETURNING *) " AUDIT(
	    "api_key.create", "jsonb_build_object('name', name, 'role', role)")},
    {"list", "SELECT id::text, api.rfc3339(created_at), coalesce(api.rfc3339(revoked_at), '-'), "
	     "coalesce(api.rfc3339(expires_at), '-'), coalesce(api.rfc3339(last_used_at), '-'), "
	     "role, prefix, name "
	     "FROM identity.api_keys WHERE organisation_id = $1::uuid ORDER BY created_at, id"},
    {"revoke",
	"WITH key AS (UPDATE identity.api_keys SET revoked_at = now() "
	"WHERE organisation_id = $1::uuid AND id = $2::uuid AND revoked_at IS NULL "
	"RETURNING organisation_id, id), "
	/* What it invited to goes with it. */
	"withdrawn AS (UPDATE identity.invitations i SET revoked_at = now() FROM key "
	"WHERE i.organisation_id = key.organisation_id "
	"AND i.invited_by = 'api_key:' || key.id::text "
	"AND i.accepted_at IS NULL AND i.revoked_at IS NULL) " AUDIT("api_key.revoke", "NULL")},
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

/* Take the organisation's row.  Whether it is a test one, which its keys say in their prefix. */
static enum err_class
lock(struct cli *cli, struct uuid organisation_id, bool *ret_test, struct err *err)
{
	struct pg_params params;
	PGresult *result = NULL;
	bool found;

	pg_params_init(&params, &cli->arena);
	pg_params_uuid(&params, organisation_id);
	if (pg_run(cli->pg, "lock", &params, &result, err) != ERR_NONE)
		return err->class;
	found = PQntuples(result) == 1;
	*ret_test = found && pg_get_bool(result, 0, 0);
	PQclear(result);
	return found ? ERR_NONE : err_set(err, ERR_FATAL, "there is no such organisation");
}

/* Whether one more key may be active; the organisation's row is held. */
static enum err_class
check_room(struct cli *cli, struct uuid organisation_id, struct err *err)
{
	struct pg_params params;
	PGresult *result = NULL;
	int64_t active;

	pg_params_init(&params, &cli->arena);
	pg_params_uuid(&params, organisation_id);
	if (pg_run(cli->pg, "active", &params, &result, err) != ERR_NONE)
		return err->class;
	active = pg_get_int64(result, 0, 0);
	PQclear(result);
	if (active >= API_KEYS_MAX)
		return err_set(err, ERR_FATAL,
		    "%lld API keys of the organisation are active, and %d may be: revoke one first",
		    (long long)active, API_KEYS_MAX);
	return ERR_NONE;
}

static enum err_class
store(struct cli *cli, struct uuid organisation_id, struct str name, struct str role,
    const char *key, struct err *err)
{
	uint8_t hash[API_KEY_HASH_BYTES];
	struct pg_params params;

	api_key_hash(str_from(key), hash);
	pg_params_init(&params, &cli->arena);
	pg_params_uuid(&params, organisation_id);
	pg_params_uuid(&params, uuid_new());
	pg_params_str(&params, name);
	pg_params_bytes(&params, (struct str){(const char *)hash, sizeof(hash)});
	pg_params_str(&params, role);
	pg_params_str(&params, (struct str){key, API_KEY_PREFIX_SHOWN});
	return pg_run(cli->pg, "insert", &params, NULL, err);
}

/* The role that is named, or the one that fits most. */
static enum err_class
read_role(const struct cli_input *input, struct str *ret_role, struct err *err)
{
	const char *text = input->options[KEY_ROLE];
	struct str role = str_from(text == NULL ? ROLE_UNLESS_TOLD : text);

	if (role_from(role) == ROLE_NONE)
		return err_set(err, ERR_FATAL,
		    "--role: \"%s\" is none of viewer, billing, admin, owner", text);
	*ret_role = role;
	return ERR_NONE;
}

/* All of it in one transaction: the text in ${ret_key} is that of a new key. */
static enum err_class
make(struct cli *cli, struct uuid organisation_id, struct str name, struct str role,
    char ret_key[API_KEY_TEXT_SIZE], struct err *err)
{
	bool test = false;

	if (cli_change_begin(cli, organisation_id, err) != ERR_NONE ||
	    lock(cli, organisation_id, &test, err) != ERR_NONE ||
	    check_room(cli, organisation_id, err) != ERR_NONE)
		return err->class;
	api_key_new(test, ret_key);
	if (store(cli, organisation_id, name, role, ret_key, err) != ERR_NONE)
		return err->class;
	return cli_change_commit(cli, err);
}

static enum err_class
run_create(struct cli *cli, const struct cli_input *input, struct err *err)
{
	char key[API_KEY_TEXT_SIZE];
	struct uuid organisation_id;
	struct str name = STR_NONE, role = STR_NONE;
	enum err_class class;

	if (cli_read_name("--name", input->options[KEY_NAME], &name, err) != ERR_NONE ||
	    read_role(input, &role, err) != ERR_NONE ||
	    begin(cli, input, &organisation_id, err) != ERR_NONE)
		return err->class;
	class = make(cli, organisation_id, name, role, key, err);
	/* Once, and never again: the database has its hash alone. */
	if (class == ERR_NONE)
		printf("%s\n", key);
	else
		pg_rollback(cli->pg);
	sodium_memzero(key, sizeof(key));
	return class;
}

static void
print_list(const PGresult *result)
{
	static const char *const heads[] = {
	    "id", "created", "revoked", "expires", "last used", "role", "prefix", "name"};
	static const int widths[ARRAY_LEN(heads)] = {36, 20, 20, 20, 20, 7, 15, 0};

	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		printf("%-*s%s", widths[i], heads[i], i + 1 < ARRAY_LEN(heads) ? "  " : "\n");
	for (int row = 0; row < PQntuples(result); row++)
		for (size_t i = 0; i < ARRAY_LEN(heads); i++)
			printf("%-*.*s%s", widths[i], STR_ARG(pg_get_str(result, row, (int)i)),
			    i + 1 < ARRAY_LEN(heads) ? "  " : "\n");
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
	print_list(result);
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
    {"api-key", "create", "--organisation UUID --name NAME [--role viewer|billing|admin|owner]",
	"make a key (role admin unless told), and print it: it is not kept, and cannot be shown "
	"again",
	.options = {{"--organisation", OPTION_REQUIRED}, {"--name", OPTION_REQUIRED},
	    {"--role", OPTION_OPTIONAL}},
	.run = run_create},
    {"api-key", "list", "--organisation UUID", "list an organisation's keys",
	.options = {{"--organisation", OPTION_REQUIRED}}, .run = run_list},
    {"api-key", "revoke", "--organisation UUID ID", "make a key worthless",
	.options = {{"--organisation", OPTION_REQUIRED}}, .positionals_min = 1,
	.positionals_max = 1, .run = run_revoke},
    {.noun = NULL},
};
