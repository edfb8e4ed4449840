/* billd: the operator's command. */

#include "cli/cli.h"
#include "common/base/daemon.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/icu/iso.h"
#include "common/zone/zone.h"

#define PURPOSE                                                                                 \
	"the operator's command: migrations, tenants, signing keys, topics, dead letters, the " \
	"books, billing runs"

static struct cli cli;

static const struct setting settings[] = {
    {"BILLD_DATABASE_URL", SETTING_SECRET, &cli.database_url, NULL, 0, 0,
	"PostgreSQL as billd_owner: postgresql://billd_owner:…@host/billd"},
    {"BILLD_KAFKA_BOOTSTRAP", SETTING_TEXT, &cli.kafka_bootstrap, "127.0.0.1:19092", 1, 0,
	"Kafka brokers: host:port,host:port"},
    {"BILLD_SECRET", SETTING_SECRET, &cli.secret, NULL, 0, 0,
	"the ingress's secret, by which replayed commands are signed; without it they are not"},
    {"BILLD_URL", SETTING_TEXT, &cli.url, "http://127.0.0.1:8000", 1, 0,
	"the API, for billing runs"},
    {"BILLD_API_KEY", SETTING_SECRET, &cli.api_key, NULL, 0, 0,
	"the API key of the organisation whose billing runs they are"},
    {"BILLD_PARTITIONS", SETTING_POWER, &cli.partitions, "16", 1, 1024,
	"partitions of each topic, a power of two; never changed afterwards"},
    {"BILLD_REPLICATION", SETTING_INTEGER, &cli.replication, "1", 1, 9,
	"replicas of each partition"},
    {"BILLD_MIN_INSYNC_REPLICAS", SETTING_INTEGER, &cli.min_insync_replicas, "1", 1, 9,
	"replicas that must have a message before it counts as written"},
    {"BILLD_LOG_LEVEL", SETTING_LEVEL, &cli.log_level, "warn", 1, 0, "debug, info, warn or error"},
};

static const struct cli_command *const tables[] = {
    migrate_commands,
    organisation_commands,
    api_key_commands,
    keys_commands,
    topics_commands,
    dead_letters_commands,
    journal_commands,
    reconcile_commands,
    run_commands,
};

static void
print_help(void)
{
	printf("usage: billd NOUN [VERB] [ARGUMENT...]\n\n");
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		for (const struct cli_command *row = tables[i]; row->noun != NULL; row++)
			printf("  billd %s%s%s%s%s\n      %s\n", row->noun,
			    row->verb[0] == '\0' ? "" : " ", row->verb,
			    row->synopsis[0] == '\0' ? "" : " ", row->synopsis, row->help);
	printf("  billd settings\n      print the settings as a table for the documentation\n\n");
	settings_help("billd", PURPOSE, settings, ARRAY_LEN(settings));
}

static enum err_class
find_command(int argc, char **argv, const struct cli_command **ret_command, struct err *err)
{
	bool noun_is_known = false;

	if (argc == 1)
		return err_set(err, ERR_FATAL, "nothing to do; see billd --help");
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		for (const struct cli_command *row = tables[i]; row->noun != NULL; row++) {
			if (strcmp(row->noun, argv[1]) != 0)
				continue;
			noun_is_known = true;
			if (row->verb[0] == '\0' || (argc > 2 && strcmp(row->verb, argv[2]) == 0)) {
				*ret_command = row;
				return ERR_NONE;
			}
		}
	if (noun_is_known)
		return err_set(err, ERR_FATAL, "billd %s: %s%s; see billd --help", argv[1],
		    argc > 2 ? "unknown: " : "what of it?", argc > 2 ? argv[2] : "");
	return err_set(err, ERR_FATAL, "unknown: %s; see billd --help", argv[1]);
}

static enum err_class
run(int argc, char **argv, struct err *err)
{
	const struct cli_command *command = NULL;
	struct cli_input input;
	int words;

	if (find_command(argc, argv, &command, err) != ERR_NONE)
		return err->class;
	CHECK(command != NULL);
	words = command->verb[0] == '\0' ? 2 : 3;
	if (cli_read(command, argc - words, argv + words, &input, err) != ERR_NONE ||
	    settings_read(settings, ARRAY_LEN(settings), err) != ERR_NONE ||
	    daemon_init(err) != ERR_NONE || iso_init(err) != ERR_NONE || zone_init(err) != ERR_NONE)
		return err->class;
	log_init("billd", cli.log_level);
	return command->run(&cli, &input, err);
}

/* Whether ${word} stands anywhere among the arguments. */
static bool
asks_for(int argc, char **argv, const char *word)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], word) == 0)
			return true;
	return false;
}

/* The exit code of an error; one that came as a signal asked to stop is no other. */
static int exit_code(enum err_class class)
{
	if (daemon_stopping())
		return EXIT_STOPPED;
	return class == ERR_RETRY ? EXIT_FAULT : EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	enum err_class class = ERR_NONE;
	struct err err;

	arena_init(&cli.arena, CLI_ARENA_BYTES);
	if (asks_for(argc, argv, "--help"))
		print_help();
	else if (argc == 2 && strcmp(argv[1], "settings") == 0)
		settings_markdown("billd", settings, ARRAY_LEN(settings));
	else
		class = run(argc, argv, &err);
	pg_free(cli.pg);
	arena_release(&cli.arena);
	if (class == ERR_NONE && (fflush(stdout) != 0 || ferror(stdout)))
		class = err_set(&err, ERR_RETRY, "stdout cannot be written");
	if (class == ERR_NONE)
		return EXIT_OK;
	fprintf(stderr, "billd: %s\n", err.text);
	return exit_code(class);
}
