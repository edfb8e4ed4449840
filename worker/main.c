/*
 * billd-worker: consumes commands, decides them by the billing rules, stores what they change in
 * PostgreSQL, and publishes the events. Open, run, close, in this order; what each part does is in
 * its own file.
 */

#include <arpa/inet.h>
#include <unistd.h>

#include "common/base/daemon.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/icu/iso.h"
#include "common/kafka/producer.h"
#include "common/kafka/topic.h"
#include "common/zone/zone.h"
#include "worker/database_clock.h"
#include "worker/due.h"
#include "worker/loop.h"
#include "worker/payer.h"
#include "worker/run.h"
#include "worker/scheduler.h"
#include "worker/sight.h"
#include "worker/transaction.h"

#define GROUP "billd-worker"
#define EVENTS_IN_FLIGHT_MAX 20000 /* some 2 KiB each, with headers */

/*
 * Every statement looks rows up by key, and its plan must not change as tables grow from empty:
 * only nested loops over indexes.  Plans are kept for some commands (transaction.c says how many).
 */
#define SESSION                                                                             \
	"SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; " \
	"SET enable_bitmapscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan"

static struct {
	const char *database_url, *kafka_bootstrap, *secret, *log_level, *metrics_listen;
	int64_t partitions, batch_max, batch_wait_ms, backoff_max_ms, drain_ms, session_timeout_ms;
	int64_t statement_timeout_ms, metrics_port, signed_commands, due_interval_ms, due_margin_ms;
	int64_t payments_interval_ms, billing, runs_interval_ms, runners;

	struct id_secret secret_value; /* read from the texts above */
	struct in_addr metrics_address;
} options;

/* The words of BILLD_BILLING, in their order. */
enum billing_mode {
	BILLING_CONTINUOUS, /* what falls due is billed by itself */
	BILLING_HOURLY,     /* by the runs of the hour, and those that are asked for */
	BILLING_MANUAL,     /* by these alone */
};

static const struct setting settings[] = {
    {"BILLD_DATABASE_URL", SETTING_SECRET, &options.database_url, NULL, 1, 0,
	"PostgreSQL, as libpq's connection URL; the role is billd_worker"},
    {"BILLD_KAFKA_BOOTSTRAP", SETTING_TEXT, &options.kafka_bootstrap, "127.0.0.1:19092", 1, 0,
	"Kafka's brokers, host:port, separated by commas"},
    {"BILLD_PARTITIONS", SETTING_POWER, &options.partitions, "16", 1, 1024,
	"partitions of each topic, a power of two; the same for all programs"},
    {"BILLD_SIGNED_COMMANDS", SETTING_INTEGER, &options.signed_commands, "0", 0, 1,
	"1: a command that no billd-api signed is a dead letter; needs BILLD_SECRET"},
    {"BILLD_SECRET", SETTING_SECRET, &options.secret, NULL, 0, 0,
	"that of billd-api: outcomes of payments are signed by it, and BILLD_SIGNED_COMMANDS=1 "
	"needs it"},
    {"BILLD_BATCH_MAX", SETTING_INTEGER, &options.batch_max, "500", 1, BATCH_MESSAGES_MAX,
	"commands in one transaction"},
    {"BILLD_BATCH_WAIT_MS", SETTING_INTEGER, &options.batch_wait_ms, "0", 0, 1000,
	"milliseconds that a batch waits for more commands"},
    {"BILLD_BACKOFF_MAX_MS", SETTING_INTEGER, &options.backoff_max_ms, "2000", 20, 60000,
	"longest pause in milliseconds between two attempts while the database is away"},
    {"BILLD_DRAIN_MS", SETTING_INTEGER, &options.drain_ms, "10000", 0, 60000,
	"milliseconds that a clean stop waits for events in flight"},
    {"BILLD_SESSION_TIMEOUT_MS", SETTING_INTEGER, &options.session_timeout_ms, "6000", 6000, 300000,
	"milliseconds after which a silent worker's partitions go to others"},
    {"BILLD_STATEMENT_TIMEOUT_MS", SETTING_INTEGER, &options.statement_timeout_ms, "30000", 100,
	600000, "milliseconds after which the database gives a statement up"},
    {"BILLD_DUE_INTERVAL_MS", SETTING_INTEGER, &options.due_interval_ms, "1000", 10, 60000,
	"milliseconds between two looks for what fell due"},
    {"BILLD_DUE_MARGIN_MS", SETTING_INTEGER, &options.due_margin_ms, "5000", 0, 600000,
	"milliseconds that what falls due waits for commands that were accepted before"},
    {"BILLD_PAYMENTS_INTERVAL_MS", SETTING_INTEGER, &options.payments_interval_ms, "100", 10, 60000,
	"milliseconds between two looks for payments to ask a provider for"},
    {"BILLD_BILLING", SETTING_CHOICE, &options.billing, "continuous hourly manual", 0, 0,
	"who bills what falls due: it does so by itself within seconds, a billing run of each full "
	"hour does, or none but those that are asked for; the same for all workers"},
    {"BILLD_RUNS_INTERVAL_MS", SETTING_INTEGER, &options.runs_interval_ms, "500", 10, 60000,
	"milliseconds between two looks for billing runs that are through"},
    {"BILLD_RUNNERS", SETTING_INTEGER, &options.runners, "0", 0, RUNNERS_MAX,
	"parts of billing runs that are done side by side, each on a database connection of its "
	"own; 0: as many as there are processors, at most 16"},
    {"BILLD_METRICS_LISTEN", SETTING_TEXT, &options.metrics_listen, "127.0.0.1", 1, 0,
	"IPv4 address for GET /metrics"},
    {"BILLD_METRICS_PORT", SETTING_INTEGER, &options.metrics_port, "0", 0, 65535,
	"port for GET /metrics; 0 is none"},
    {"BILLD_LOG_LEVEL", SETTING_LEVEL, &options.log_level, "info", 1, 0,
	"debug, info, warn or error"},
};

/* What the process holds; opened in this order. */
struct worker {
	struct metrics metrics;
	struct metrics_server *metrics_server;
	struct schemas *schemas;
	struct arena statements; /* their texts, as long as pg */
	struct pg *pg;
	struct producer *producer;
	struct publisher publisher;
	struct partitions partitions;
	struct batch_context context;
	struct flights flights;
	struct consumer *consumer;
	struct payer *payer;
	struct scheduler *scheduler;
	struct runners runners;
};

static size_t
runners_len(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (options.runners > 0)
		return (size_t)options.runners;
	return processors < 1 ? 1 : processors > RUNNERS_MAX ? RUNNERS_MAX : (size_t)processors;
}

/* Read all settings.  What is wrong with one alone is told before anything is opened. */
static enum err_class
options_read(struct err *err)
{
	if (settings_read(settings, ARRAY_LEN(settings), err) != ERR_NONE ||
	    pg_url_check("BILLD_DATABASE_URL", options.database_url, err) != ERR_NONE)
		return err->class;
	if (options.signed_commands != 0 && options.secret == NULL)
		return err_set(err, ERR_FATAL, "BILLD_SIGNED_COMMANDS=1 needs BILLD_SECRET");
	if (options.secret != NULL &&
	    !id_secret_read(str_from(options.secret), &options.secret_value))
		return err_set(err, ERR_FATAL, "BILLD_SECRET: must be %d hexadecimal digits",
		    2 * ID_SECRET_BYTES);
	if (inet_pton(AF_INET, options.metrics_listen, &options.metrics_address) != 1)
		return err_set(err, ERR_FATAL,
		    "BILLD_METRICS_LISTEN: \"%s\" is not an IPv4 address", options.metrics_listen);
	return ERR_NONE;
}

/* The threads beside the loop, each with a connection of its own. */
static enum err_class
beside_open(struct worker *worker, const struct pg_settings *pg_settings, struct err *err)
{
	const struct teller_settings teller_settings = {
	    .bootstrap = options.kafka_bootstrap,
	    .secret = options.secret == NULL ? NULL : &options.secret_value,
	    .partitions_all = (int32_t)options.partitions,
	};
	const struct payer_settings payer_settings = {
	    .pg = pg_settings,
	    .teller = teller_settings,
	    .interval_ms = options.payments_interval_ms,
	};
	const struct scheduler_settings scheduler_settings = {
	    .pg = pg_settings,
	    .teller = teller_settings,
	    .hourly = options.billing == BILLING_HOURLY,
	    .interval_ms = options.runs_interval_ms,
	    .margin_ms = options.due_margin_ms,
	};

	const struct runners_settings runners_settings = {
	    .pg = pg_settings,
	    .len = runners_len(),
	    .partitions_all = (int32_t)options.partitions,
	};

	if (payer_open(&payer_settings, worker->schemas, &worker->metrics, &worker->payer, err) !=
	    ERR_NONE)
		return err->class;
	if (scheduler_open(&scheduler_settings, worker->schemas, &worker->metrics,
		&worker->scheduler, err) != ERR_NONE)
		return err->class;
	return runners_open(
	    &runners_settings, worker->schemas, &worker->metrics, &worker->runners, err);
}

static enum err_class
worker_open(struct worker *worker, struct err *err)
{
	const struct pg_settings pg_settings = {
	    .url = options.database_url,
	    .application_name = "billd-worker",
	    .session = SESSION,
	    .statement_timeout_ms = options.statement_timeout_ms,
	    .connect_timeout_s = 5,
	};
	const struct producer_settings producer_settings = {
	    .bootstrap = options.kafka_bootstrap,
	    .topic = KAFKA_TOPIC_EVENTS,
	    .profile = PRODUCER_THROUGHPUT,
	    .queue_messages_max = EVENTS_IN_FLIGHT_MAX,
	};
	const struct consumer_settings consumer_settings = {
	    .bootstrap = options.kafka_bootstrap,
	    .group = GROUP,
	    .topic = KAFKA_TOPIC_COMMANDS,
	    .session_timeout_ms = options.session_timeout_ms,
	};

	if ((options.metrics_port != 0 &&
		metrics_serve(&worker->metrics, options.metrics_address, options.metrics_port,
		    &worker->metrics_server, err) != ERR_NONE) ||
	    iso_init(err) != ERR_NONE || zone_init(err) != ERR_NONE ||
	    schemas_open(&worker->schemas, err) != ERR_NONE ||
	    batch_context_init(&worker->context, worker->schemas, err) != ERR_NONE ||
	    producer_open(&producer_settings, &worker->producer, err) != ERR_NONE ||
	    beside_open(worker, &pg_settings, err) != ERR_NONE)
		return err->class;

	signatures_init(&worker->context.signatures,
	    options.signed_commands == 0 ? NULL : &options.secret_value);
	worker->pg = pg_new(&pg_settings);
	sight_prepare(worker->pg);
	transaction_prepare(worker->pg, &worker->statements);
	due_prepare(worker->pg);
	run_prepare(worker->pg);
	publish_prepare(worker->pg);
	signatures_prepare(worker->pg);
	database_clock_prepare(worker->pg);

	publisher_init(&worker->publisher, worker->producer);
	worker->context.pg = worker->pg;
	worker->context.partitions = &worker->partitions;
	worker->context.publisher = &worker->publisher;
	worker->context.metrics = &worker->metrics;
	worker->context.partitions_all = (int32_t)options.partitions;
	if (flights_open(&pg_settings, options.signed_commands == 0 ? NULL : &options.secret_value,
		&worker->context, &worker->flights, err) != ERR_NONE)
		return err->class;
	return consumer_open(&consumer_settings, &worker->consumer, err);
}

static void
worker_close(struct worker *worker)
{
	flights_close(&worker->flights);
	runners_close(&worker->runners);
	scheduler_free(worker->scheduler);
	payer_free(worker->payer);
	consumer_free(worker->consumer);
	producer_free(worker->producer);
	pg_free(worker->pg);
	arena_release(&worker->statements);
	batch_context_release(&worker->context);
	schemas_free(worker->schemas);
	metrics_free(worker->metrics_server);
	free(worker);
}

/* What stands on the command line in place of running.  The exit code, or -1 to go on. */
static int
argument_answer(const char *argument)
{
	if (strcmp(argument, "--check") == 0)
		return -1;
	if (strcmp(argument, "--settings-markdown") == 0) {
		settings_markdown("billd-worker", settings, ARRAY_LEN(settings));
		return EXIT_OK;
	}
	settings_help("billd-worker [--check]",
	    "consumes and applies commands; --check only prepares every statement", settings,
	    ARRAY_LEN(settings));
	return strcmp(argument, "--help") == 0 ? EXIT_OK : EXIT_USAGE;
}

/* Whether every statement fits the database. */
static enum err_class
worker_check(struct worker *worker, struct err *err)
{
	if (pg_connect(worker->pg, err) != ERR_NONE || payer_check(worker->payer, err) != ERR_NONE)
		return err->class;
	if (scheduler_check(worker->scheduler, err) != ERR_NONE)
		return err->class;
	return runners_check(&worker->runners, err);
}

static void
consumer_woken(void *consumer)
{
	consumer_wake(consumer);
}

/* Run until told to stop, or with --check only see that the database fits. */
static enum err_class
worker_run(struct worker *worker, bool check, struct err *err)
{
	const struct loop_settings loop_settings = {
	    .batch_max = options.batch_max,
	    .batch_wait_ms = options.batch_wait_ms,
	    .backoff_max_ms = options.backoff_max_ms,
	    .due_interval_ms = options.due_interval_ms,
	    .due_margin_ms = options.due_margin_ms,
	    .drain_ms = options.drain_ms,
	    .due_continuous = options.billing == BILLING_CONTINUOUS,
	};

	if (worker_open(worker, err) != ERR_NONE)
		return err->class;
	if (check)
		return worker_check(worker, err);
	payer_start(worker->payer);
	scheduler_start(worker->scheduler);
	runners_start(&worker->runners, consumer_woken, worker->consumer);
	log_line(LOG_INFO, "started", log_int("metrics_port", options.metrics_port));
	return loop_run(&loop_settings, &worker->context, &worker->flights, worker->consumer,
	    worker->payer, worker->scheduler, &worker->runners, err);
}

int
main(int argc, char **argv)
{
	enum err_class class;
	struct worker *worker;
	struct err err;
	int answer;

	if (argc > 1 && (answer = argument_answer(argv[1])) >= 0)
		return answer;
	log_init("billd-worker", NULL);
	if (options_read(&err) != ERR_NONE) {
		log_line(LOG_ERROR, "bad setting", log_text("reason", err.text));
		return EXIT_USAGE;
	}
	log_init("billd-worker", options.log_level);

	worker = calloc(1, sizeof(*worker));
	CHECK(worker != NULL);
	log_hold();
	class = daemon_init(&err);
	if (class == ERR_NONE)
		class = worker_run(worker, argc > 1, &err);
	/* Before closing, which may take as long as its watchdog lets it. */
	if (class != ERR_NONE)
		log_line(LOG_ERROR, "stopped by a failure", log_text("reason", err.text));
	worker_close(worker);
	if (class != ERR_NONE)
		return EXIT_FAULT;
	log_event(LOG_INFO, "stopped");
	log_flush();
	return EXIT_OK;
}
