/* Opening and closing a connection.  What is said on it is pg_pipeline.c's. */

#include <errno.h>
#include <poll.h>

#include "common/base/daemon.h"
#include "common/postgres/pg_internal.h"

#define SESSION_SQL_SIZE 512
#define LAST_WORDS_MAX 8 /* reads of what an idle connection has to say */

enum err_class
pg_url_check(const char *variable, const char *url, struct err *err)
{
	PQconninfoOption *options = PQconninfoParse(url, NULL);

	/* What libpq says of it may quote a password. */
	if (options == NULL)
		return err_set(err, ERR_FATAL, "%s is no connection URL of PostgreSQL", variable);
	PQconninfoFree(options);
	return ERR_NONE;
}

struct pg *
pg_new(const struct pg_settings *settings)
{
	struct pg *pg = calloc(1, sizeof(*pg));

	CHECK(pg != NULL);
	CHECK(settings->url != NULL);
	pg->settings = *settings;
	return pg;
}

void
pg_free(struct pg *pg)
{
	if (pg == NULL)
		return;
	pg_disconnect(pg);
	free(pg);
}

void
pg_prepare(struct pg *pg, const struct pg_statement *statements, size_t len)
{
	CHECK(pg->sets_len < PG_STATEMENT_SETS_MAX);
	pg->sets[pg->sets_len++] = (struct pg_statement_set){statements, len};
}

void
pg_disconnect(struct pg *pg)
{
	PQfinish(pg->conn);
	pg->conn = NULL;
	pg->queued = 0;
	pg->within = false;
	pg->synced = false;
	pg->lost = false;
	pg->failed = false;
}

bool
pg_is_open(const struct pg *pg)
{
	return pg->conn != NULL && !pg->lost && !pg->failed && PQstatus(pg->conn) == CONNECTION_OK;
}

/* Notices would go to stderr, where the log's lines are. */
static void
ignore_notice(void *unused, const PGresult *result)
{
	(void)unused;
	(void)result;
}

/*
 * What stands before the URL can be changed by it, what stands behind cannot.  A server that is
 * gone without a word is noticed within half a minute.
 */
static PGconn *
begin_connection(const struct pg_settings *settings)
{
	const char *keywords[] = {"keepalives", "keepalives_idle", "keepalives_interval",
	    "keepalives_count", "tcp_user_timeout", "dbname", "client_encoding", "application_name",
	    NULL};
	const char *values[] = {
	    "1", "10", "5", "3", "25000", settings->url, "UTF8", settings->application_name, NULL};

	return PQconnectStartParams(keywords, values, 1);
}

/* Wait for what PQconnectPoll asked for; false when it is too late. */
static bool
wait_for_socket(const PGconn *conn, PostgresPollingStatusType wanted, int64_t deadline_ms)
{
	struct pollfd ready = {
	    .fd = PQsocket(conn), .events = wanted == PGRES_POLLING_WRITING ? POLLOUT : POLLIN};
	int polled;

	do {
		int64_t left = deadline_ms - clock_steady_ms();

		polled = left > 0 ? poll(&ready, 1, (int)left) : 0;
	} while (polled < 0 && errno == EINTR);
	return polled > 0;
}

static bool
url_is_valid(const char *url)
{
	PQconninfoOption *options = PQconninfoParse(url, NULL);

	PQconninfoFree(options);
	return options != NULL;
}

static enum err_class
open_connection(struct pg *pg, struct err *err)
{
	int64_t deadline = clock_steady_ms() + pg->settings.connect_timeout_s * 1000;
	PostgresPollingStatusType polled = PGRES_POLLING_WRITING;

	/* Not libpq's words: they repeat the URL, which may hold a password. */
	if (!url_is_valid(pg->settings.url))
		return err_set(err, ERR_FATAL, "postgres: the connection URL is malformed");
	pg->conn = begin_connection(&pg->settings);
	CHECK(pg->conn != NULL);
	PQsetErrorVerbosity(pg->conn, PQERRORS_VERBOSE);
	PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
	if (PQstatus(pg->conn) == CONNECTION_BAD)
		return pg_err_from_verbose(pg->conn, err);
	while (polled != PGRES_POLLING_OK) {
		if (!wait_for_socket(pg->conn, polled, deadline))
			return err_set(err, ERR_RETRY, "postgres: no connection within %d s",
			    (int)pg->settings.connect_timeout_s);
		polled = PQconnectPoll(pg->conn);
		if (polled == PGRES_POLLING_FAILED)
			return pg_err_from_verbose(pg->conn, err);
	}
	PQsetErrorVerbosity(pg->conn, PQERRORS_DEFAULT);
	return ERR_NONE;
}

enum err_class
pg_run_plain(PGconn *conn, const char *sql, struct err *err)
{
	PGresult *result = PQexec(conn, sql);
	ExecStatusType status = PQresultStatus(result);
	enum err_class class = ERR_NONE;

	if (result == NULL)
		class = pg_err_from_conn(conn, err);
	else if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		class = pg_err_from_result(result, err);
	PQclear(result);
	return class;
}

/*
 * The server's part of our limits; then what the program asked for, which may set them otherwise.
 * A client that is gone without a word is noticed as soon as a server is (begin_connection).
 * Unless it asked for plans to be kept, each execution has its own: one that is kept is made for
 * arrays of unknown length and for tables as they were then, maybe empty, and the wrong one costs
 * hundreds of times the right one.
 */
static enum err_class
set_session(struct pg *pg, struct err *err)
{
	char sql[SESSION_SQL_SIZE];

	snprintf(sql, sizeof(sql),
	    "SET timezone = 'UTC'; SET statement_timeout = %lld; "
	    "SET idle_in_transaction_session_timeout = '30s'; "
	    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; "
	    "SET tcp_keepalives_count = 3; SET tcp_user_timeout = 25000; "
	    "SET plan_cache_mode = %s",
	    (long long)pg->settings.statement_timeout_ms,
	    pg->settings.plans_kept_ms > 0 ? "force_generic_plan" : "force_custom_plan");
	if (pg_run_plain(pg->conn, sql, err) != ERR_NONE)
		return err_wrap(err, "the session's settings");
	if (pg->settings.session != NULL &&
	    pg_run_plain(pg->conn, pg->settings.session, err) != ERR_NONE)
		return err_wrap(err, "the session's settings");
	return ERR_NONE;
}

enum err_class
pg_open_plain(struct pg *pg, struct err *err)
{
	pg_disconnect(pg);
	if (open_connection(pg, err) != ERR_NONE || set_session(pg, err) != ERR_NONE) {
		pg_disconnect(pg);
		return err->class;
	}
	return ERR_NONE;
}

static enum err_class
send_prepare(struct pg *pg, const struct pg_statement *statement, struct err *err)
{
	if (PQsendPrepare(pg->conn, statement->name, statement->sql, 0, NULL) != 1)
		return pg_err_from_conn(pg->conn, err);
	pg->queued++;
	return ERR_NONE;
}

/* All in one pipeline: one round trip, however many there are. */
static enum err_class
prepare_all(struct pg *pg, struct err *err)
{
	for (size_t i = 0; i < pg->sets_len; i++)
		for (size_t j = 0; j < pg->sets[i].len; j++)
			if (send_prepare(pg, &pg->sets[i].statements[j], err) != ERR_NONE)
				return err->class;
	if (pg_sync(pg, err) != ERR_NONE)
		return err->class;
	for (size_t i = 0; i < pg->sets_len; i++)
		for (size_t j = 0; j < pg->sets[i].len; j++) {
			PGresult *result;

			if (pg_receive(pg, &result, err) != ERR_NONE)
				return err_wrap(err, "statement %s cannot be prepared",
				    pg->sets[i].statements[j].name);
			PQclear(result);
		}
	return pg_finish(pg, err);
}

static enum err_class
enter_pipeline(PGconn *conn, struct err *err)
{
	if (PQsetnonblocking(conn, 1) != 0 || PQenterPipelineMode(conn) != 1)
		return pg_err_from_conn(conn, err);
	return ERR_NONE;
}

/* An idle connection has nothing to say but that its server ends it: better noticed now. */
static bool
is_still_there(const struct pg *pg)
{
	struct pollfd ready = {.fd = PQsocket(pg->conn), .events = POLLIN};

	/* Its last words come first, the end of the stream behind them. */
	for (int i = 0; i < LAST_WORDS_MAX && poll(&ready, 1, 0) == 1; i++)
		if (PQconsumeInput(pg->conn) != 1)
			return false;
	return true;
}

/* Have plans that were kept long enough made anew.  False when the connection is lost. */
static bool
plans_renew(struct pg *pg)
{
	int64_t now_ms = clock_steady_ms();
	PGresult *result;
	struct err err;

	if (pg->settings.plans_kept_ms == 0 || now_ms - pg->planned_ms < pg->settings.plans_kept_ms)
		return true;
	if (PQsendQueryParams(pg->conn, "DISCARD PLANS", 0, NULL, NULL, NULL, NULL, 1) != 1)
		return false;
	pg->queued++;
	pg->planned_ms = now_ms;
	if (pg_sync(pg, &err) != ERR_NONE || pg_receive(pg, &result, &err) != ERR_NONE)
		return false;
	PQclear(result);
	return pg_finish(pg, &err) == ERR_NONE;
}

enum err_class
pg_connect(struct pg *pg, struct err *err)
{
	if (pg->failed)
		pg_rollback(pg);
	if (pg_is_open(pg)) {
		CHECK(pg->queued == 0 && !pg->synced);
		if (PQtransactionStatus(pg->conn) != PQTRANS_IDLE ||
		    (is_still_there(pg) && plans_renew(pg)))
			return ERR_NONE;
	}
	if (pg->within) {
		pg_disconnect(pg);
		return err_set(
		    err, ERR_RETRY, "postgres: the connection was lost within a transaction");
	}
	if (pg_open_plain(pg, err) != ERR_NONE)
		return err->class;
	pg->planned_ms = clock_steady_ms();
	if (enter_pipeline(pg->conn, err) != ERR_NONE || prepare_all(pg, err) != ERR_NONE) {
		pg_disconnect(pg);
		return err->class;
	}
	return ERR_NONE;
}
