#ifndef CLI_CLI_H
#define CLI_CLI_H

/*
 * billd, the operator's command: what its subcommands share.
 * Results go to stdout and nothing else does; an error is one line on stderr, printed by main.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/base/uuid_new.h"
#include "common/postgres/pg.h"

#define CLI_OPTIONS_MAX 5
#define CLI_POSITIONALS_MAX 2
#define CLI_ARENA_BYTES (32 * 1024 * 1024)
#define CLI_NAME_MAX 200 /* code points of the name of an organisation or a key */

/* What every subcommand is given. */
struct cli {
	const char *database_url; /* NULL when it is not set */
	const char *kafka_bootstrap;
	const char *secret;  /* NULL when it is not set */
	const char *url;     /* of the API */
	const char *api_key; /* NULL when it is not set */
	const char *log_level;
	int64_t partitions;
	int64_t replication;
	int64_t min_insync_replicas;
	struct arena arena; /* for the whole run */
	bool patient;       /* no statement is given up: before cli_connect */
	struct pg *pg;      /* after cli_connect */
};

enum cli_option_kind {
	OPTION_REQUIRED, /* --name VALUE */
	OPTION_OPTIONAL, /* --name VALUE */
	OPTION_FLAG,     /* --name */
};

struct cli_option {
	const char *name; /* "--name"; NULL behind the last */
	enum cli_option_kind kind;
};

/* What was given, checked against the command's row. */
struct cli_input {
	const char *options[CLI_OPTIONS_MAX]; /* in the row's order; NULL: not given */
	const char *positionals[CLI_POSITIONALS_MAX];
	int positionals_len;
};

typedef enum err_class cli_run(struct cli *cli, const struct cli_input *input, struct err *err);

/* A subcommand. */
struct cli_command {
	const char *noun;     /* NULL behind the last of a table */
	const char *verb;     /* "" for a noun that says it all */
	const char *synopsis; /* its arguments, for --help */
	const char *help;
	struct cli_option options[CLI_OPTIONS_MAX];
	int positionals_min;
	int positionals_max;
	cli_run *run;
};

/* One table for each noun, in a file of its own. */
extern const struct cli_command migrate_commands[];
extern const struct cli_command organisation_commands[];
extern const struct cli_command api_key_commands[];
extern const struct cli_command keys_commands[];
extern const struct cli_command topics_commands[];
extern const struct cli_command dead_letters_commands[];
extern const struct cli_command journal_commands[];
extern const struct cli_command reconcile_commands[];
extern const struct cli_command run_commands[];

/**
 * cli_read(command, argc, argv, ret_input, err):
 * Take ${argv}, what stands behind noun and verb, as the arguments of ${command}.  ERR_FATAL,
 * saying what is wrong.
 */
NODISCARD enum err_class cli_read(const struct cli_command *command, int argc, char **argv,
    struct cli_input *ret_input, struct err *err);

/**
 * cli_read_uuid(name, text, ret_uuid, err), cli_read_name(name, text, ret_str, err):
 * An argument that is a UUID; a text for people, neither empty nor longer than CLI_NAME_MAX.
 * ERR_FATAL naming the argument.
 */
NODISCARD enum err_class cli_read_uuid(
    const char *name, const char *text, struct uuid *ret_uuid, struct err *err);
NODISCARD enum err_class cli_read_name(
    const char *name, const char *text, struct str *ret_str, struct err *err);

/**
 * cli_connect(cli, statements, len, err):
 * Connect to the database, with ${statements} prepared, and "every", which has the rest of its
 * transaction see the rows of all organisations in identity.organisations, and nothing else.
 */
NODISCARD enum err_class cli_connect(
    struct cli *cli, const struct pg_statement *statements, size_t len, struct err *err);

/**
 * cli_run_for(cli, organisation_id, name, params, ret_result, err):
 * Run one prepared statement in a transaction that acts for that organisation: row-level security
 * binds the owner too.  The caller clears ${ret_result}.
 */
NODISCARD enum err_class cli_run_for(struct cli *cli, struct uuid organisation_id, const char *name,
    const struct pg_params *params, PGresult **ret_result, struct err *err);

/**
 * cli_change_begin(cli, organisation_id, err), cli_change_commit(cli, err):
 * A transaction of several statements that acts for that organisation; pg_rollback ends one that
 * came to nothing, also when it did not begin.
 */
NODISCARD enum err_class cli_change_begin(
    struct cli *cli, struct uuid organisation_id, struct err *err);
NODISCARD enum err_class cli_change_commit(struct cli *cli, struct err *err);

/**
 * cli_snapshot(cli, organisation, err):
 * Begin a transaction that only reads, all of it the same moment, and acts for the organisation
 * whose id ${organisation} is, or for every one when it is NULL.  Needs no more of the database
 * than to read: what is written meanwhile waits for nothing.  pg_rollback ends it.  ERR_FATAL
 * naming --organisation.
 */
NODISCARD enum err_class cli_snapshot(struct cli *cli, const char *organisation, struct err *err);

#endif
