/* billd topics: what Kafka and the database have to agree on before the first command. */

#include "cli/topics.h"
#include "cli/cli.h"
#include "common/kafka/conf.h"

#define NUMBER_SIZE 16

static const struct pg_statement statements[] = {
    {"progress",
	"SELECT count(*), coalesce(max(partition), -1), coalesce(max(next_offset), 0), "
	"coalesce(min(cluster_id) FILTER (WHERE cluster_id <> $1::text), '') FROM billd.progress"},
    {"make_progress",
	"INSERT INTO billd.progress (partition, cluster_id) "
	"SELECT n, $1::text FROM generate_series(0, $2::int4 - 1) n ON CONFLICT DO NOTHING"},
    {"begin", "BEGIN"},
    {"adopt_progress",
	"UPDATE billd.progress SET cluster_id = $1::text, next_offset = 0, last_hash = NULL, "
	"attempts = 0, suspect_offset = -1, suspect_attempts = 0"},
    /* Their places are those of another topic, and will be taken: below 0 they are nobody's. */
    {"set_letters_aside",
	"UPDATE billd.dead_letters d SET published = true, \"offset\" = k.lowest - k.rank "
	"FROM (SELECT partition, \"offset\", rank() OVER (PARTITION BY partition ORDER BY "
	"\"offset\") AS rank, (SELECT least(min(o.\"offset\"), 0) FROM billd.dead_letters o "
	"WHERE o.partition = p.partition) AS lowest FROM billd.dead_letters p "
	"WHERE \"offset\" >= 0) k "
	"WHERE d.partition = k.partition AND d.\"offset\" = k.\"offset\""},
    {"commit", "COMMIT"},
};

/* The database's side. */
struct progress {
	bool is_there;  /* there are rows */
	bool has_moved; /* a command was processed */
};

static enum err_class
check_partitions(const struct cli *cli, const PGresult *result, struct err *err)
{
	int64_t rows = pg_get_int64(result, 0, 0);

	if (rows == 0 ||
	    (rows == cli->partitions && pg_get_int32(result, 0, 1) == cli->partitions - 1))
		return ERR_NONE;
	return err_set(err, ERR_FATAL,
	    "the database has progress of %lld partitions, BILLD_PARTITIONS is %lld: their "
	    "number is never changed",
	    (long long)rows, (long long)cli->partitions);
}

static enum err_class
check_cluster(const char *cluster_id, const PGresult *result, struct err *err)
{
	struct str other = pg_get_str(result, 0, 3);

	if (other.len == 0)
		return ERR_NONE;
	return err_set(err, ERR_FATAL,
	    "the database's progress belongs to the Kafka cluster %.*s, this one is %s: "
	    "its offsets mean nothing here; see docs/operation.md, \"Offsets that Kafka "
	    "does not have\" (a local stack: make wipe)",
	    STR_ARG(other), cluster_id);
}

/*
 * Ask the database, before anything is made: refuse when the two cannot fit.  The offsets of
 * another cluster fit only where ${any_cluster}.
 */
static enum err_class
read_progress(struct cli *cli, const char *cluster_id, bool any_cluster,
    struct progress *ret_progress, struct err *err)
{
	struct pg_params params;
	PGresult *result = NULL;
	enum err_class class;

	pg_params_init(&params, &cli->arena);
	pg_params_str(&params, str_from(cluster_id));
	if (pg_run(cli->pg, "progress", &params, &result, err) != ERR_NONE)
		return err->class;
	class = any_cluster ? ERR_NONE : check_cluster(cluster_id, result, err);
	if (class == ERR_NONE)
		class = check_partitions(cli, result, err);
	*ret_progress = (struct progress){.is_there = pg_get_int64(result, 0, 0) != 0,
	    .has_moved = pg_get_int64(result, 0, 2) > 0};
	PQclear(result);
	return class;
}

static enum err_class
make_progress(struct cli *cli, const char *cluster_id, struct err *err)
{
	struct pg_params params;

	pg_params_init(&params, &cli->arena);
	pg_params_str(&params, str_from(cluster_id));
	pg_params_int32(&params, (int32_t)cli->partitions);
	if (pg_run(cli->pg, "make_progress", &params, NULL, err) != ERR_NONE)
		return err->class;
	printf("billd.progress: made for %d partitions\n", (int)cli->partitions);
	return ERR_NONE;
}

static enum err_class
apply_topic(rd_kafka_t *rk, const struct topic_wanted *wanted, struct err *err)
{
	int32_t partitions = 0;
	int changed = 0;

	if (topics_partitions(rk, wanted->name, &partitions, err) != ERR_NONE)
		return err->class;
	if (partitions == 0) {
		if (topics_create(rk, wanted, err) != ERR_NONE)
			return err->class;
		printf("%s: made with %d partitions\n", wanted->name, (int)wanted->partitions);
		return ERR_NONE;
	}
	if (partitions != wanted->partitions)
		return err_set(err, ERR_FATAL,
		    "topic %s has %d partitions, BILLD_PARTITIONS is %d: their number is never "
		    "changed",
		    wanted->name, (int)partitions, (int)wanted->partitions);
	if (topics_alter(rk, wanted, &changed, err) != ERR_NONE)
		return err->class;
	printf("%s: %d properties changed\n", wanted->name, changed);
	return ERR_NONE;
}

/*
 * Commands are the history, and an outage of the database may be long: they are kept without limit.
 * Consumers of events have a month.  A message of ours has 1 MiB at most; headers and a batch's
 * frame come on top.  A dead letter may be as large as the topic of commands lets a stranger write,
 * and has headers of its own.  Times are the broker's: it refuses what a machine writes whose clock
 * is an hour ahead, and would keep too long or too short what another one writes.
 */
static enum err_class
apply_topics(const struct cli *cli, rd_kafka_t *rk, struct err *err)
{
	char in_sync[NUMBER_SIZE];
	static const struct {
		const char *name, *retention_ms, *message_bytes;
	} topics[] = {
	    {KAFKA_TOPIC_COMMANDS, "-1", "1114112"},
	    {KAFKA_TOPIC_EVENTS, "2592000000", "1114112"},
	    {KAFKA_TOPIC_DEAD_LETTERS, "-1", "1179648"},
	};

	snprintf(in_sync, sizeof(in_sync), "%d", (int)cli->min_insync_replicas);
	for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
		const struct topic_wanted wanted = {.name = topics[i].name,
		    .partitions = (int32_t)cli->partitions,
		    .replication = (int32_t)cli->replication,
		    .properties_len = 6,
		    .properties = {{"cleanup.policy", "delete"},
			{"retention.ms", topics[i].retention_ms}, {"retention.bytes", "-1"},
			{"max.message.bytes", topics[i].message_bytes},
			{"message.timestamp.type", "LogAppendTime"},
			{"min.insync.replicas", in_sync}}};

		if (apply_topic(rk, &wanted, err) != ERR_NONE)
			return err->class;
	}
	return ERR_NONE;
}

static enum err_class
apply(struct cli *cli, rd_kafka_t *rk, const char *cluster_id, struct err *err)
{
	struct progress progress = {.is_there = false};
	int32_t partitions = 0;

	if (read_progress(cli, cluster_id, false, &progress, err) != ERR_NONE ||
	    topics_partitions(rk, KAFKA_TOPIC_COMMANDS, &partitions, err) != ERR_NONE)
		return err->class;
	if (progress.has_moved && partitions == 0)
		return err_set(err, ERR_FATAL,
		    "the database has processed commands of the topic %s, which does not exist any "
		    "more: restore it, or see docs/operation.md, \"Offsets that Kafka does not "
		    "have\"",
		    KAFKA_TOPIC_COMMANDS);
	if (apply_topics(cli, rk, err) != ERR_NONE)
		return err->class;
	return progress.is_there ? ERR_NONE : make_progress(cli, cluster_id, err);
}

/* Run a statement, with or without ${params}, and tell how many rows it changed. */
static enum err_class
change(struct cli *cli, const char *statement, const struct pg_params *params, int64_t *ret_changed,
    struct err *err)
{
	PGresult *result = NULL;

	if (pg_run(cli->pg, statement, params, &result, err) != ERR_NONE)
		return err->class;
	*ret_changed = pg_changed(result);
	PQclear(result);
	return ERR_NONE;
}

/*
 * The database goes on with topics that it does not know.  A command that it processed before and
 * meets again has its operation already; event numbers go on, so consumers see no gap.  A worker
 * that runs meanwhile finds its progress moved, and reads it anew.
 */
static enum err_class
adopt(struct cli *cli, rd_kafka_t *rk, const char *cluster_id, struct err *err)
{
	struct progress progress = {.is_there = false};
	int64_t partitions = 0, letters = 0;
	struct pg_params params;

	if (read_progress(cli, cluster_id, true, &progress, err) != ERR_NONE)
		return err->class;
	if (!progress.is_there)
		return err_set(err, ERR_FATAL,
		    "the database has no progress yet, so there is nothing to adopt: run "
		    "`billd topics apply`");
	if (apply_topics(cli, rk, err) != ERR_NONE)
		return err->class;
	pg_params_init(&params, &cli->arena);
	pg_params_str(&params, str_from(cluster_id));
	if (pg_run(cli->pg, "begin", NULL, NULL, err) != ERR_NONE ||
	    change(cli, "adopt_progress", &params, &partitions, err) != ERR_NONE ||
	    change(cli, "set_letters_aside", NULL, &letters, err) != ERR_NONE ||
	    pg_run(cli->pg, "commit", NULL, NULL, err) != ERR_NONE)
		return err->class;
	printf("billd.progress: %lld partitions begin with their first message\n"
	       "billd.dead_letters: %lld set aside, at offsets below 0\n",
	    (long long)partitions, (long long)letters);
	return ERR_NONE;
}

typedef enum err_class topics_run(
    struct cli *cli, rd_kafka_t *rk, const char *cluster_id, struct err *err);

static enum err_class
run_connected(struct cli *cli, topics_run *run, struct err *err)
{
	rd_kafka_t *rk = NULL;
	char *cluster_id = NULL;
	enum err_class class;

	if (cli->min_insync_replicas > cli->replication)
		return err_set(err, ERR_FATAL,
		    "BILLD_MIN_INSYNC_REPLICAS is more than BILLD_REPLICATION: nothing could be "
		    "written");
	if (cli_connect(cli, statements, ARRAY_LEN(statements), err) != ERR_NONE ||
	    topics_connect(cli->kafka_bootstrap, &rk, &cluster_id, err) != ERR_NONE)
		return err->class;
	class = run(cli, rk, cluster_id, err);
	rd_kafka_mem_free(rk, cluster_id);
	rd_kafka_destroy(rk);
	return class;
}

static enum err_class
run_apply(struct cli *cli, const struct cli_input *input, struct err *err)
{
	(void)input;
	return run_connected(cli, apply, err);
}

static enum err_class
run_adopt(struct cli *cli, const struct cli_input *input, struct err *err)
{
	(void)input;
	return run_connected(cli, adopt, err);
}

const struct cli_command topics_commands[] = {
    {"topics", "apply", "",
	"make the topics and the rows of progress that are missing, set what differs",
	.run = run_apply},
    {"topics", "adopt", "",
	"begin with topics that were made again or belong to another cluster: from their first "
	"message",
	.run = run_adopt},
    {.noun = NULL},
};
