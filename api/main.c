/*
 * billd-api: the ingress.  HTTP requests become commands on Kafka; what came of them is read from
 * PostgreSQL.
 */

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "api/deliver.h"
#include "api/health.h"
#include "api/ingress.h"
#include "api/key_cache.h"
#include "api/openapi.h"
#include "api/reader.h"
#include "api/refresh.h"
#include "api/reuse.h"
#include "api/server.h"
#include "api/stats.h"
#include "api/wait.h"
#include "common/base/daemon.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/icu/iso.h"

#define PROGRAM "billd-api"
#define STATEMENT_TIMEOUT_MS 5000
#define CONNECT_TIMEOUT_S 2
#define TICK_MS 50

static struct ingress_settings settings;

static const struct setting setting_table[] = {
    {"BILLD_LISTEN", SETTING_TEXT, &settings.listen, "127.0.0.1", 1, 0, "address to listen on"},
    {"BILLD_PORT", SETTING_INTEGER, &settings.port, "8000", 1, 65535, "port to listen on"},
    {"BILLD_DATABASE_URL", SETTING_SECRET, &settings.database_url, NULL, 1, 0,
	"how to connect to PostgreSQL, as the role billd_api"},
    {"BILLD_KAFKA_BOOTSTRAP", SETTING_TEXT, &settings.kafka_bootstrap, "127.0.0.1:19092", 1, 0,
	"brokers to begin with, host:port,host:port"},
    {"BILLD_PARTITIONS", SETTING_INTEGER, &settings.partitions, "16", 1, SHARDS,
	"partitions of billd.commands, a power of two; the same for all programs"},
    {"BILLD_SECRET", SETTING_SECRET, &settings.secret, NULL, 1, 0,
	"64 hexadecimal digits that tag operation ids; the same for all of billd-api"},
    {"BILLD_LOG_LEVEL", SETTING_TEXT, &settings.log_level, "info", 1, 0,
	"debug, info, warn or error; each request is a line of info"},
    {"BILLD_HTTP_THREADS", SETTING_INTEGER, &settings.http_threads, "2", 1, 64, "event loops"},
    {"BILLD_CONNECTIONS", SETTING_INTEGER, &settings.connections, "10000", 16, 1000000,
	"connections of clients at once; each needs an open file"},
    {"BILLD_DATABASE_CONNECTIONS", SETTING_INTEGER, &settings.database_connections, "4", 1, 64,
	"connections for queries; two more are for waiting and for health"},
    {"BILLD_PRODUCE_TIMEOUT_MS", SETTING_INTEGER, &settings.produce_timeout_ms, "5000", 100, 60000,
	"milliseconds until a command that Kafka did not confirm is answered with 503"},
    {"BILLD_HEADER_TIMEOUT_MS", SETTING_INTEGER, &settings.header_timeout_ms, "5000", 100, 600000,
	"milliseconds for a client to send a request's headers"},
    {"BILLD_BODY_TIMEOUT_MS", SETTING_INTEGER, &settings.body_timeout_ms, "10000", 100, 600000,
	"milliseconds for a client to send a request's body"},
    {"BILLD_IDLE_TIMEOUT_MS", SETTING_INTEGER, &settings.idle_timeout_ms, "30000", 1000, 3600000,
	"milliseconds that a connection is kept between requests"},
    {"BILLD_DRAIN_MS", SETTING_INTEGER, &settings.drain_ms, "10000", 0, 600000,
	"milliseconds that a clean stop gives to running requests"},
};

static bool
log_level_is_known(struct str level)
{
	return str_equal(level, STR("debug")) || str_equal(level, STR("info")) ||
	       str_equal(level, STR("warn")) || str_equal(level, STR("error"));
}

/* What the table of settings cannot check. */
static enum err_class
settings_check(struct ingress *ingress, struct err *err)
{
	if ((settings.partitions & (settings.partitions - 1)) != 0)
		return err_set(err, ERR_FATAL, "BILLD_PARTITIONS: %lld is no power of two",
		    (long long)settings.partitions);
	if (!log_level_is_known(str_from(settings.log_level)))
		return err_set(err, ERR_FATAL,
		    "BILLD_LOG_LEVEL: \"%s\" is not debug, info, warn or error",
		    settings.log_level);
	if (!id_secret_read(str_from(settings.secret), &ingress->secret))
		return err_set(err, ERR_FATAL, "BILLD_SECRET: must be 64 hexadecimal digits");
	return ERR_NONE;
}

static enum err_class
schemas_prepare(struct ingress *ingress, struct err *err)
{
	if (iso_init(err) != ERR_NONE || schemas_open(&ingress->schemas, err) != ERR_NONE)
		return err->class;
	for (size_t i = 0; i < COMMAND_TYPE_MAX; i++) {
		const char *name = command_table[i].schema_name;

		ingress->command_schemas[i] = schemas_by_name(ingress->schemas, str_from(name));
		if (ingress->command_schemas[i] == NULL)
			return err_set(err, ERR_FATAL, "there is no schema %s", name);
	}
	return openapi_make(ingress->schemas, &ingress->openapi, err);
}

static enum err_class
producer_prepare(struct ingress *ingress, struct err *err)
{
	const struct producer_settings wanted = {
	    .bootstrap = settings.kafka_bootstrap,
	    .profile = PRODUCER_LATENCY,
	    .message_timeout_ms = settings.produce_timeout_ms,
	    /* Every connection has one command in flight at most. */
	    .queue_messages_max = settings.connections,
	};

	return producer_open(&wanted, &ingress->producer, err);
}

/* Let what is running come to its end.  False when the time was not enough. */
static bool
drain(struct ingress *ingress, struct server *server)
{
	int64_t until_ms = clock_steady_ms() + settings.drain_ms;

	ingress->draining = true;
	server_quiesce(server);
	while (ingress->requests > 0 && clock_steady_ms() < until_ms)
		nanosleep(&(struct timespec){.tv_nsec = TICK_MS * 1000000L}, NULL);
	/* A request that is being read or sent is cut off; one that others have cannot be. */
	return ingress->suspended == 0;
}

static int
serve(struct ingress *ingress, int fd)
{
	const struct pg_settings database = {
	    .url = settings.database_url,
	    .application_name = PROGRAM,
	    .session = "SET default_transaction_read_only = on",
	    .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
	    .connect_timeout_s = CONNECT_TIMEOUT_S,
	};
	struct refresher *refresher = refresher_new(&database, ingress);
	struct deliverer *deliverer = deliverer_new(ingress);
	struct server *server = NULL;
	int code = EXIT_OK;
	struct err err;

	ingress->reader = reader_new(&database, (size_t)settings.database_connections);
	ingress->waiter = waiter_new(&database, ingress);
	if (server_open(ingress, fd, &server, &err) != ERR_NONE) {
		log_line(LOG_ERROR, "cannot serve", log_text("error", err.text));
		code = EXIT_USAGE;
	} else {
		log_line(LOG_INFO, "started", log_text("listen", settings.listen),
		    log_int("port", settings.port));
		while (!daemon_stopping())
			nanosleep(&(struct timespec){.tv_nsec = TICK_MS * 1000000L}, NULL);
		log_line(LOG_INFO, "stopping", log_int("requests", ingress->requests));
		if (!drain(ingress, server)) {
			log_line(LOG_ERROR, "requests were left when BILLD_DRAIN_MS was over",
			    log_int("requests", ingress->suspended));
			_exit(EXIT_STOPPED);
		}
	}
	server_free(server);
	deliverer_free(deliverer);
	waiter_free(ingress->waiter);
	reader_free(ingress->reader);
	refresher_free(refresher);
	return code;
}

static int
run(struct ingress *ingress, struct err *err)
{
	int code = EXIT_FAULT, fd;

	if (settings_check(ingress, err) != ERR_NONE ||
	    server_listen(&settings, &fd, err) != ERR_NONE)
		return EXIT_USAGE;
	ingress->settings = &settings;
	ingress->keys = key_cache_new();
	ingress->reuse = reuse_new();
	ingress->stats = stats_new();
	ingress->health = health_new();
	if (schemas_prepare(ingress, err) == ERR_NONE && producer_prepare(ingress, err) == ERR_NONE)
		code = serve(ingress, fd);
	producer_free(ingress->producer);
	openapi_free(ingress->openapi);
	schemas_free(ingress->schemas);
	health_free(ingress->health);
	stats_free(ingress->stats);
	reuse_free(ingress->reuse);
	key_cache_free(ingress->keys);
	return code;
}

int
main(int argc, char **argv)
{
	static struct ingress ingress;
	struct err err = {.class = ERR_NONE};
	int code;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		settings_help(
		    PROGRAM, "the HTTP ingress of billd", setting_table, ARRAY_LEN(setting_table));
		return EXIT_OK;
	}
	if (argc == 2 && strcmp(argv[1], "--settings-markdown") == 0) {
		settings_markdown(PROGRAM, setting_table, ARRAY_LEN(setting_table));
		return EXIT_OK;
	}
	log_init(PROGRAM, NULL);
	if (argc != 1) {
		log_line(
		    LOG_ERROR, "it takes no argument but --help", log_text("argument", argv[1]));
		return EXIT_USAGE;
	}
	if (settings_read(setting_table, ARRAY_LEN(setting_table), &err) != ERR_NONE) {
		log_line(LOG_ERROR, "a setting is wrong", log_text("error", err.text));
		return EXIT_USAGE;
	}
	log_init(PROGRAM, settings.log_level);
	if (daemon_init(&err) != ERR_NONE) {
		log_line(LOG_ERROR, "cannot start", log_text("error", err.text));
		return EXIT_FAULT;
	}
	code = run(&ingress, &err);
	if (err.class != ERR_NONE)
		log_line(LOG_ERROR, "cannot start", log_text("error", err.text));
	return code;
}
