/* billd reconcile: whether journal, documents, payments, the provider's book and events agree. */
#include "cli/reconcile.h"

#include <errno.h>
#include <stdio.h>

#include "cli/cli.h"
#include "common/base/daemon.h"

#define PATH_SIZE 4096
#define NOT_ASKED (-1)

enum {
	RECONCILE_ORGANISATION,
	RECONCILE_METRICS,
};

/* Rules join whole tables, and the planner has little to tell how many of their rows match: for
 * 100,000 invoices of one organisation it merged by the organisation alone (310 s a rule).  Hash
 * joins take 7 s for all rules together, however wrong it is. */
static const struct pg_statement plan_for_all_rows = {"plan_for_all_rows",
    "SELECT set_config('enable_nestloop', 'off', true), set_config('enable_mergejoin', 'off', "
    "true), set_config('jit', 'off', true), set_config('work_mem', '64MB', true)"};

/* Where a difference is, in a rule's row. */
enum {
	COLUMN_ORGANISATION,
	COLUMN_SUBJECT,
	COLUMN_DETAIL,
	COLUMN_COUNT,
};

/* How many rows differ, by rule. */
struct differences {
	int64_t counts[RECONCILE_RULES_MAX]; /* NOT_ASKED, where it cannot be */
	int64_t total;
	size_t rules; /* that have some */
	size_t asked;
};

static void
print_difference(const PGresult *result, int row)
{
	struct uuid organisation_id = pg_get_uuid(result, row, COLUMN_ORGANISATION);
	char organisation[UUID_TEXT_SIZE] = "-";

	if (!uuid_is_nil(organisation_id))
		uuid_write(organisation_id, organisation);
	printf("    %s  %.*s: %.*s\n", organisation,
	    STR_ARG(pg_get_str(result, row, COLUMN_SUBJECT)),
	    STR_ARG(pg_get_str(result, row, COLUMN_DETAIL)));
}

/* Ask one rule, and print what it finds. */
static enum err_class
ask(struct cli *cli, const struct reconcile_rule *rule, int64_t *ret_count, struct err *err)
{
	PGresult *result = NULL;
	int rows;

	if (pg_run(cli->pg, rule->name, NULL, &result, err) != ERR_NONE)
		return err_wrap(err, "%s", rule->name);
	rows = PQntuples(result);
	*ret_count = rows == 0 ? 0 : pg_get_int64(result, 0, COLUMN_COUNT);
	printf("%-7s  %-22s  %s", rows == 0 ? "agrees" : "DIFFERS", rule->name, rule->meaning);
	if (rows > 0)
		printf(": %lld", (long long)*ret_count);
	putchar('\n');
	for (int row = 0; row < rows; row++)
		print_difference(result, row);
	if (*ret_count > rows)
		printf("    and %lld more\n", (long long)(*ret_count - rows));
	PQclear(result);
	return ERR_NONE;
}

static enum err_class
ask_all(struct cli *cli, bool whole, struct differences *differences, struct err *err)
{
	for (size_t i = 0; i < reconcile_rules_len; i++) {
		int64_t *count = &differences->counts[i];

		*count = NOT_ASKED;
		if (reconcile_rules[i].whole && !whole)
			continue;
		if (ask(cli, &reconcile_rules[i], count, err) != ERR_NONE)
			return err->class;
		differences->total += *count;
		differences->rules += *count > 0 ? 1 : 0;
		differences->asked++;
	}
	return ERR_NONE;
}

/* Prometheus' text format. */
static void
metrics_print(FILE *file, const struct differences *differences, int64_t now_s)
{
	fprintf(file, "# HELP billd_reconcile_differences Rows that a rule of billd reconcile "
		      "found to differ.\n# TYPE billd_reconcile_differences gauge\n");
	for (size_t i = 0; i < reconcile_rules_len; i++)
		if (differences->counts[i] != NOT_ASKED)
			fprintf(file, "billd_reconcile_differences{rule=\"%s\"} %lld\n",
			    reconcile_rules[i].name, (long long)differences->counts[i]);
	fprintf(file,
	    "# HELP billd_reconcile_timestamp_seconds When billd reconcile last ran to "
	    "its end.\n# TYPE billd_reconcile_timestamp_seconds gauge\n"
	    "billd_reconcile_timestamp_seconds %lld\n",
	    (long long)now_s);
}

/* Under a name of its own first: who reads ${path} never sees a half. */
static enum err_class
metrics_write(const char *path, const struct differences *differences, struct err *err)
{
	char temporary[PATH_SIZE];
	int len = snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	bool written;
	FILE *file;

	if (len < 0 || (size_t)len >= sizeof(temporary))
		return err_set(err, ERR_FATAL, "--metrics: the name is too long");
	file = fopen(temporary, "we");
	if (file == NULL)
		return err_set(err, ERR_FATAL, "%s: %s", temporary, strerror(errno));
	metrics_print(file, differences, clock_now_ms() / 1000);
	written = fflush(file) == 0 && ferror(file) == 0;
	if (fclose(file) != 0 || !written || rename(temporary, path) != 0) {
		enum err_class class =
		    err_set(err, ERR_FATAL, "%s: %s", temporary, strerror(errno));

		(void)remove(temporary);
		return class;
	}
	return ERR_NONE;
}

/* All in one snapshot, so that what happens meanwhile is in none of it. */
static enum err_class
compare(struct cli *cli, const struct cli_input *input, struct differences *differences,
    struct err *err)
{
	struct pg_statement statements[1 + RECONCILE_RULES_MAX] = {plan_for_all_rows};
	const char *organisation = input->options[RECONCILE_ORGANISATION];
	enum err_class class;

	for (size_t i = 0; i < reconcile_rules_len; i++)
		statements[1 + i] =
		    (struct pg_statement){reconcile_rules[i].name, reconcile_rules[i].sql};
	cli->patient = true;
	if (cli_connect(cli, statements, 1 + reconcile_rules_len, err) != ERR_NONE ||
	    cli_snapshot(cli, organisation, err) != ERR_NONE)
		return err->class;
	class = pg_run(cli->pg, plan_for_all_rows.name, NULL, NULL, err);
	if (class == ERR_NONE)
		class = ask_all(cli, organisation == NULL, differences, err);
	pg_rollback(cli->pg);
	return class;
}

static enum err_class
run_reconcile(struct cli *cli, const struct cli_input *input, struct err *err)
{
	const char *metrics = input->options[RECONCILE_METRICS];
	struct differences differences = {.total = 0};

	/* Exit code 1 says that something differs, and nothing else does. */
	if (compare(cli, input, &differences, err) != ERR_NONE ||
	    (metrics != NULL && metrics_write(metrics, &differences, err) != ERR_NONE)) {
		(void)err_wrap(err, "could not reconcile");
		return err->class = ERR_FATAL;
	}
	if (differences.total == 0) {
		printf("%zu rules, all agree\n", differences.asked);
		return ERR_NONE;
	}
	return err_set(err, ERR_RETRY, "%zu of %zu rules find %lld differences", differences.rules,
	    differences.asked, (long long)differences.total);
}

const struct cli_command reconcile_commands[] = {
    {"reconcile", "", "[--organisation ID] [--metrics FILE]",
	"compare journal, documents, payments, the provider's book and events; exit code 1 when "
	"something differs, 2 when it could not be done",
	.options = {{"--organisation", OPTION_OPTIONAL}, {"--metrics", OPTION_OPTIONAL}},
	.run = run_reconcile},
    {.noun = NULL},
};
