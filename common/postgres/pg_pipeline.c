/*
 * Pipelines: queue statements, end the queue, read the results.
 *
 * The connection is non-blocking and every wait is ours (pg_wait): while we write we also read, so
 * that we and the server never wait for each other with both buffers full, whatever the size of a
 * batch.  The price is memory: what the server does not take yet, and what it answers meanwhile,
 * lies in libpq's buffers, bounded by PG_PIPELINE_MAX statements and the caller's arena.
 */

#include <errno.h>
#include <poll.h>

#include "common/base/daemon.h"
#include "common/postgres/pg_internal.h"

/* When a statement that begins now is given up by us, its server having not done so; 0 for never.
 */
static int64_t
deadline_of(const struct pg *pg)
{
	const struct pg_settings *settings = &pg->settings;

	if (settings->statement_timeout_ms == 0)
		return 0;
	return clock_steady_ms() + settings->statement_timeout_ms +
	       (settings->grace_ms == 0 ? PG_GRACE_MS : settings->grace_ms);
}

/* Remember the filled ${err} as what this pipeline failed of, unless something did before. */
static enum err_class
fail(struct pg *pg, const struct err *err)
{
	CHECK(err->class != ERR_NONE);
	if (!pg->failed)
		pg->failure = *err;
	pg->failed = true;
	return err->class;
}

static enum err_class
fail_lost(struct pg *pg, struct err *err)
{
	pg->lost = true;
	pg_err_from_conn(pg->conn, err);
	return fail(pg, err);
}

static enum err_class
repeat_failure(const struct pg *pg, struct err *err)
{
	CHECK(pg->failed);
	*err = pg->failure;
	return err->class;
}

/* Wait until the socket can be read, or written if ${for_write}, and take in what came. */
static enum err_class
wait_for(struct pg *pg, bool for_write, int64_t deadline_ms, struct err *err)
{
	struct pollfd ready = {.fd = PQsocket(pg->conn), .events = POLLIN};
	int64_t left = deadline_ms == 0 ? -1 : deadline_ms - clock_steady_ms();
	int polled;

	if (ready.fd < 0)
		return fail_lost(pg, err);
	if (for_write)
		ready.events |= POLLOUT;
	if (deadline_ms != 0 && left <= 0) {
		pg->lost = true;
		err_set(err, ERR_RETRY, "postgres: no answer within the statement timeout");
		return fail(pg, err);
	}
	polled = poll(&ready, 1, left > INT32_MAX ? INT32_MAX : (int)left);
	CHECK(polled >= 0 || errno == EINTR);
	if (polled > 0 && (ready.revents & ~POLLOUT) != 0 && PQconsumeInput(pg->conn) != 1)
		return fail_lost(pg, err);
	return ERR_NONE;
}

enum err_class
pg_send(struct pg *pg, const char *name, const struct pg_params *params, struct err *err)
{
	static const struct pg_params no_params;
	const struct pg_params *sent = params == NULL ? &no_params : params;

	CHECK(!pg->synced);
	CHECK(pg->queued < PG_PIPELINE_MAX);
	if (pg->failed)
		return repeat_failure(pg, err);
	if (pg->conn == NULL)
		return err_set(err, ERR_RETRY, "postgres: not connected");
	if (sent->overflow) {
		err_set(err, ERR_POISON, "statement %s: its parameters exceed the arena", name);
		return fail(pg, err);
	}
	if (PQsendQueryPrepared(
		pg->conn, name, sent->len, sent->values, sent->lengths, sent->formats, 1) != 1)
		return fail_lost(pg, err);
	pg->queued++;
	return ERR_NONE;
}

/* Write out all that libpq holds; the deadline is for each step forward. */
static enum err_class
flush(struct pg *pg, struct err *err)
{
	int left;

	while ((left = PQflush(pg->conn)) == 1)
		if (wait_for(pg, true, deadline_of(pg), err) != ERR_NONE)
			return err->class;
	return left == 0 ? ERR_NONE : fail_lost(pg, err);
}

enum err_class
pg_sync(struct pg *pg, struct err *err)
{
	CHECK(!pg->synced);
	if (pg->failed)
		return repeat_failure(pg, err);
	if (pg->conn == NULL)
		return err_set(err, ERR_RETRY, "postgres: not connected");
	if (PQpipelineSync(pg->conn) != 1)
		return fail_lost(pg, err);
	pg->synced = true;
	return flush(pg, err);
}

/* libpq's next result; NULL stands behind each statement's. */
static enum err_class
next_result(struct pg *pg, PGresult **ret_result, struct err *err)
{
	int64_t deadline = deadline_of(pg);

	while (PQisBusy(pg->conn) == 1)
		if (wait_for(pg, false, deadline, err) != ERR_NONE)
			return err->class;
	*ret_result = PQgetResult(pg->conn);
	if (PQstatus(pg->conn) != CONNECTION_OK)
		pg->lost = true;
	return ERR_NONE;
}

/* Give ${result} on, or clear it and say what is wrong with it. */
static enum err_class
judge(struct pg *pg, PGresult *result, PGresult **ret_result, struct err *err)
{
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
		*ret_result = result;
		return ERR_NONE;
	}
	if (status == PGRES_PIPELINE_ABORTED && pg->failed)
		repeat_failure(pg, err);
	else if (status == PGRES_FATAL_ERROR)
		pg_err_from_result(result, err);
	else
		err_set(err, ERR_FATAL, "postgres: unexpected %s", PQresStatus(status));
	PQclear(result);
	return fail(pg, err);
}

/* Step behind the statement whose result was read.  A loss of the connection is the next one's. */
static void
step_over_end(struct pg *pg)
{
	PGresult *end = NULL;
	struct err err;

	if (pg->lost || next_result(pg, &end, &err) != ERR_NONE)
		return;
	CHECK(end == NULL);
}

enum err_class
pg_receive(struct pg *pg, PGresult **ret_result, struct err *err)
{
	PGresult *result = NULL;
	enum err_class class;

	*ret_result = NULL;
	if (pg->conn == NULL)
		return err_set(err, ERR_RETRY, "postgres: not connected");
	if (pg->failed && (pg->lost || !pg->synced || pg->queued == 0))
		return repeat_failure(pg, err);
	CHECK(pg->synced && pg->queued > 0);
	if (next_result(pg, &result, err) != ERR_NONE)
		return err->class;
	if (result == NULL)
		return fail_lost(pg, err);
	pg->queued--;
	class = judge(pg, result, ret_result, err);
	step_over_end(pg);
	return class;
}

/* Read the end of the pipeline.  Before it can stand an error: of the commit. */
static void
read_sync(struct pg *pg)
{
	struct err err;

	/* At most: that error, the NULL behind it, and the end. */
	for (int i = 0; i < 3 && !pg->lost && pg->synced; i++) {
		PGresult *result = NULL, *unused = NULL;

		if (next_result(pg, &result, &err) != ERR_NONE)
			return;
		if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
			pg->synced = false;
			PQclear(result);
		} else if (result != NULL) {
			(void)!judge(pg, result, &unused, &err);
			PQclear(unused);
		}
	}
	if (pg->synced)
		fail_lost(pg, &err);
}

enum err_class
pg_finish(struct pg *pg, struct err *err)
{
	if (pg->conn == NULL)
		return err_set(err, ERR_RETRY, "postgres: not connected");
	while (pg->synced && !pg->lost && pg->queued > 0) {
		PGresult *result;

		/* Its failure is remembered, and returned below. */
		(void)!pg_receive(pg, &result, err);
		PQclear(result);
	}
	if (pg->synced && !pg->lost)
		read_sync(pg);
	if (pg->failed)
		return repeat_failure(pg, err);
	CHECK(pg->queued == 0);
	/* What has gone with the last result may have been within one. */
	pg->within = PQtransactionStatus(pg->conn) != PQTRANS_IDLE;
	return ERR_NONE;
}

/* Bring the pipeline to its end, whatever became of it.  False when that cannot be done. */
static bool
drain(struct pg *pg)
{
	struct err err;

	pg->failed = false;
	if (!pg->lost && pg->queued > 0 && !pg->synced)
		(void)!pg_sync(pg, &err);
	if (!pg->lost)
		(void)!pg_finish(pg, &err);
	pg->failed = false;
	return !pg->lost && PQstatus(pg->conn) == CONNECTION_OK;
}

static bool
roll_back(struct pg *pg)
{
	if (PQsendQueryParams(pg->conn, "ROLLBACK", 0, NULL, NULL, NULL, NULL, 1) != 1)
		return false;
	pg->queued++;
	return drain(pg) && PQtransactionStatus(pg->conn) == PQTRANS_IDLE;
}

void
pg_rollback(struct pg *pg)
{
	if (pg->conn == NULL)
		return;
	if (!drain(pg) || (PQtransactionStatus(pg->conn) != PQTRANS_IDLE && !roll_back(pg)))
		pg_disconnect(pg);
	pg->within = false;
}

enum err_class
pg_run(struct pg *pg, const char *name, const struct pg_params *params, PGresult **ret_result,
    struct err *err)
{
	PGresult *result = NULL;
	bool was_idle;
	enum err_class class;

	if (ret_result != NULL)
		*ret_result = NULL;
	if (pg_connect(pg, err) != ERR_NONE)
		return err->class;
	was_idle = PQtransactionStatus(pg->conn) == PQTRANS_IDLE;
	class = pg_send(pg, name, params, err);
	if (class == ERR_NONE)
		class = pg_sync(pg, err);
	if (class == ERR_NONE)
		class = pg_receive(pg, &result, err);
	if (class == ERR_NONE)
		class = pg_finish(pg, err);
	if (class == ERR_NONE && ret_result != NULL) {
		*ret_result = result;
		return ERR_NONE;
	}
	PQclear(result);
	if (class != ERR_NONE && was_idle)
		pg_rollback(pg);
	return class;
}

enum err_class
pg_run_within(struct pg *pg, const char *scope, const struct pg_params *scope_params,
    const char *name, const struct pg_params *params, PGresult **ret_result, struct err *err)
{
	PGresult *ignored = NULL;
	enum err_class class = ERR_NONE;

	*ret_result = NULL;
	if (pg_connect(pg, err) != ERR_NONE)
		return err->class;
	if (pg_send(pg, scope, scope_params, err) != ERR_NONE ||
	    pg_send(pg, name, params, err) != ERR_NONE || pg_sync(pg, err) != ERR_NONE ||
	    pg_receive(pg, &ignored, err) != ERR_NONE ||
	    pg_receive(pg, ret_result, err) != ERR_NONE || pg_finish(pg, err) != ERR_NONE) {
		class = err->class;
		pg_rollback(pg);
		PQclear(*ret_result);
		*ret_result = NULL;
	}
	PQclear(ignored);
	return class;
}
