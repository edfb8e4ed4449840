#include "api/ingress.h"

#include <time.h>
#include <unistd.h>

#include "api/callers.h"
#include "api/deliver.h"
#include "api/health.h"
#include "api/identity/identity.h"
#include "api/limits.h"
#include "api/openapi.h"
#include "api/preview/preview.h"
#include "api/reader.h"
#include "api/refresh.h"
#include "api/reuse.h"
#include "api/ring.h"
#include "api/server.h"
#include "api/statements.h"
#include "api/stats.h"
#include "api/stream.h"
#include "api/wait.h"
#include "common/base/daemon.h"
#include "common/base/log.h"
#include "common/icu/iso.h"
#include "common/kafka/topic.h"
#include "common/zone/zone.h"

#define STATEMENT_TIMEOUT_MS 5000
#define CONNECT_TIMEOUT_S 2
#define PLANS_KEPT_MS 1000 /* of queries: to make one takes longer than to read one row */
#define TICK_MS 50
#define RATE_WINDOW_S 10 /* what that gives may come at once */
#define LOGIN_WINDOW_S 60

static enum err_class
secret_prepare(const struct ingress_settings *settings, struct ingress *ingress, struct err *err)
{
	if (!id_secret_read(str_from(settings->secret), &ingress->secret))
		return err_set(err, ERR_FATAL, "BILLD_SECRET: must be 64 hexadecimal digits");
	return ERR_NONE;
}

static struct limits *
limits_prepare(const struct ingress_settings *settings)
{
	const struct limit_rule rules[LIMIT_CLASS_MAX] = {
	    [LIMIT_CALLER] = {settings->rate_caller * RATE_WINDOW_S, RATE_WINDOW_S},
	    [LIMIT_ORGANISATION] = {settings->rate_organisation * RATE_WINDOW_S, RATE_WINDOW_S},
	    [LIMIT_LOGIN_ACCOUNT] = {settings->login_rate_account, LOGIN_WINDOW_S},
	    [LIMIT_LOGIN_ADDRESS] = {settings->login_rate_address, LOGIN_WINDOW_S},
	};

	return limits_new(rules);
}

static enum err_class
schemas_prepare(struct ingress *ingress, struct err *err)
{
	if (iso_init(err) != ERR_NONE || zone_init(err) != ERR_NONE ||
	    schemas_open(&ingress->schemas, err) != ERR_NONE)
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
	const struct ingress_settings *settings = ingress->settings;
	const struct producer_settings wanted = {
	    .bootstrap = settings->kafka_bootstrap,
	    .topic = KAFKA_TOPIC_COMMANDS,
	    .profile = PRODUCER_LATENCY,
	    .message_timeout_ms = settings->produce_timeout_ms,
	    /* Every connection has one command in flight at most. */
	    .queue_messages_max = settings->connections,
	};

	return producer_open(&wanted, &ingress->producer, err);
}

/* One turn of the main thread, which has nothing to do but to see that lines get out. */
static void
tick(void)
{
	nanosleep(&(struct timespec){.tv_nsec = TICK_MS * 1000000L}, NULL);
	log_flush();
}

/* Let what is running come to its end.  False when the time was not enough. */
static bool
drain(struct ingress *ingress, struct server *server)
{
	int64_t until_ms = clock_steady_ms() + ingress->settings->drain_ms;

	ingress->draining = true;
	server_quiesce(server);
	while (ingress->requests > 0 && clock_steady_ms() < until_ms)
		tick();
	/* A request that is being read or sent is cut off.  One that others have cannot be, nor one
	 * that an event loop is at: of those that began before this was said nobody knows yet
	 * whether they will be handed over. */
	ingress->closed = true;
	do {
		tick();
	} while ((ingress->calls > 0 || ingress->suspended > 0) && clock_steady_ms() < until_ms);
	/* In this order: who leaves the former has entered the latter. */
	return ingress->calls == 0 && ingress->suspended == 0;
}

/* How all threads connect that only read. */
static struct pg_settings
database_settings(const struct ingress_settings *settings)
{
	return (struct pg_settings){
	    .url = settings->database_url,
	    .application_name = "billd-api",
	    .session = "SET default_transaction_read_only = on",
	    .plans_kept_ms = PLANS_KEPT_MS,
	    .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
	    .connect_timeout_s = CONNECT_TIMEOUT_S,
	};
}

/* How those connect that do what people ask for. */
static struct pg_settings
actions_settings(const struct ingress_settings *settings)
{
	struct pg_settings database = database_settings(settings);

	database.session = NULL;
	database.plans_kept_ms = 0;
	return database;
}

static int
serve(struct ingress *ingress, int fd)
{
	const struct ingress_settings *settings = ingress->settings;
	const struct pg_settings database = database_settings(settings);
	const struct pg_settings writing = actions_settings(settings);
	struct refresher *refresher = refresher_new(&database, ingress);
	struct deliverer *deliverer = deliverer_new(ingress);
	struct server *server = NULL;
	int code = EXIT_OK;
	struct err err;

	ingress->reader = reader_new(&database, (size_t)settings->database_connections);
	ingress->waiter = waiter_new(&database, ingress);
	ingress->streamer = streamer_new(&database, ingress);
	ingress->actions = actions_new(&writing, ingress);
	if (server_open(ingress, fd, &server, &err) != ERR_NONE) {
		log_line(LOG_ERROR, "cannot serve", log_text("error", err.text));
		code = EXIT_USAGE;
	} else {
		log_line(LOG_INFO, "started", log_text("listen", settings->listen),
		    log_int("port", settings->port));
		while (!daemon_stopping())
			tick();
		log_line(LOG_INFO, "stopping", log_int("requests", ingress->requests));
		if (!drain(ingress, server)) {
			log_line(LOG_ERROR, "requests were left when BILLD_DRAIN_MS was over",
			    log_int("requests", ingress->calls + ingress->suspended));
			_exit(EXIT_STOPPED);
		}
		code = ingress->exit_code;
	}
	server_free(server);
	actions_free(ingress->actions);
	deliverer_free(deliverer);
	streamer_free(ingress->streamer);
	waiter_free(ingress->waiter);
	reader_free(ingress->reader);
	refresher_free(refresher);
	return code;
}

int
ingress_run(const struct ingress_settings *settings, struct err *err)
{
	struct ingress *ingress;
	int code = EXIT_FAULT, fd;

	ingress = calloc(1, sizeof(*ingress));
	CHECK(ingress != NULL);
	ingress->settings = settings;
	if (secret_prepare(settings, ingress, err) != ERR_NONE ||
	    server_listen(settings, &fd, err) != ERR_NONE) {
		free(ingress);
		return EXIT_USAGE;
	}
	ingress->callers = callers_new();
	ingress->ring = ring_holder_new();
	ingress->limits = limits_prepare(settings);
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
	limits_free(ingress->limits);
	ring_holder_free(ingress->ring);
	callers_free(ingress->callers);
	free(ingress);
	return code;
}

int
ingress_check(const struct ingress_settings *settings, struct err *err)
{
	const struct pg_settings database = database_settings(settings);
	struct ingress *ingress = calloc(1, sizeof(*ingress));
	struct pg *pg = pg_new(&database), *actions = pg_new(&database);
	struct arena statements;
	int code = EXIT_FAULT;

	CHECK(ingress != NULL);
	arena_init(&statements, PREVIEW_STATEMENTS_MAX);
	pg_prepare(pg, statement_table, statement_table_len);
	identity_prepare(actions);
	preview_prepare(actions, &statements);
	if (secret_prepare(settings, ingress, err) != ERR_NONE)
		code = EXIT_USAGE;
	else if (schemas_prepare(ingress, err) == ERR_NONE && pg_connect(pg, err) == ERR_NONE &&
		 pg_connect(actions, err) == ERR_NONE)
		code = EXIT_OK;
	pg_free(actions);
	pg_free(pg);
	arena_release(&statements);
	openapi_free(ingress->openapi);
	schemas_free(ingress->schemas);
	free(ingress);
	return code;
}
