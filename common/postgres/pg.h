#ifndef COMMON_POSTGRES_PG_H
#define COMMON_POSTGRES_PG_H

/*
 * A connection to PostgreSQL: named prepared statements in pipelines, binary both ways, and errors
 * that say what to do. Blocking, with timeouts; belongs to one thread.  Builds no SQL from values,
 * ever.
 */

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/instant.h"
#include "common/base/str.h"
#include "common/base/uuid.h"

#define PG_PARAMS_MAX 64
#define PG_GRACE_MS 10000  /* for a server that is slow, or far away */
#define PG_PIPELINE_MAX 64 /* statements between two pg_sync */

struct pg;

/* A statement that is prepared when the connection opens, so that one that does not fit the
 * database fails there. */
struct pg_statement {
	const char *name;
	const char *sql; /* $1, $2, … with explicit casts; parameters and results are binary */
};

/* How a program connects. */
struct pg_settings {
	const char *url;              /* libpq's connection URL or string */
	const char *application_name; /* shown in pg_stat_activity */
	const char *session;   /* SQL run once when it opens ("SET …; SET …"), or NULL; after
				  ours: UTC, timeouts, plan_cache_mode */
	int64_t plans_kept_ms; /* a statement's plan is made once and kept for so long, for
				  statements that have but one good plan; 0: made for each
				  execution */
	int64_t statement_timeout_ms; /* the server gives a statement up after that; 0: never */
	int64_t grace_ms;             /* how much longer we wait for it to say so; 0: PG_GRACE_MS */
	int64_t connect_timeout_s;
};

/**
 * pg_url_check(variable, url, err):
 * ERR_FATAL, naming ${variable} and not what stands in it, when libpq cannot read ${url}.
 */
NODISCARD enum err_class pg_url_check(const char *variable, const char *url, struct err *err);

/**
 * pg_new(settings, ret_pg):
 * A connection that is not open yet; ${settings} is copied, its texts are borrowed for life.  Never
 * NULL.
 */
NODISCARD struct pg *pg_new(const struct pg_settings *settings);

/**
 * pg_free(pg):
 * Close and free.  NULL is fine.
 */
void pg_free(struct pg *pg);

/**
 * pg_prepare(pg, statements, len):
 * Add statements to be prepared at every (re)connect, from the next one on.  ${statements} is
 * borrowed for life.
 */
void pg_prepare(struct pg *pg, const struct pg_statement *statements, size_t len);

/**
 * pg_connect(pg, err):
 * Open, or do nothing when it is open.  ERR_RETRY when the server is not to be reached, and once
 * when the connection was lost within a transaction, which cannot go on on another one; ERR_FATAL
 * when it refuses us (role, password, database) or a statement cannot be prepared, naming it.
 */
NODISCARD enum err_class pg_connect(struct pg *pg, struct err *err);

/**
 * pg_disconnect(pg):
 * Close; whatever was open is rolled back by the server.  The next pg_connect opens again.
 */
void pg_disconnect(struct pg *pg);

/**
 * pg_is_open(pg):
 * Whether there is a connection that no error has broken.
 */
NODISCARD bool pg_is_open(const struct pg *pg);

/* Parameters of one statement, binary.  Bytes are copied to the arena or borrowed until the
 * statement was sent. */
struct pg_params {
	struct arena *arena;
	int len;
	bool overflow; /* the arena was full: sending reports it */
	Oid types[PG_PARAMS_MAX];
	const char *values[PG_PARAMS_MAX];
	int lengths[PG_PARAMS_MAX];
	int formats[PG_PARAMS_MAX];
};

void pg_params_init(struct pg_params *params, struct arena *arena);
void pg_params_uuid(struct pg_params *params, struct uuid value);
void pg_params_str(struct pg_params *params, struct str value);   /* text; none is NULL */
void pg_params_bytes(struct pg_params *params, struct str value); /* bytea; none is NULL */
void pg_params_int32(struct pg_params *params, int32_t value);
void pg_params_int64(struct pg_params *params, int64_t value);
void pg_params_bool(struct pg_params *params, bool value);
void pg_params_instant(
    struct pg_params *params, struct instant value); /* timestamptz; none is NULL */
void pg_params_null(struct pg_params *params, Oid type);
void pg_params_uuids(struct pg_params *params, const struct uuid *values, size_t len);
void pg_params_strs(struct pg_params *params, const struct str *values, size_t len);
void pg_params_bytes_array(struct pg_params *params, const struct str *values, size_t len);
void pg_params_int32s(struct pg_params *params, const int32_t *values, size_t len);
void pg_params_int64s(struct pg_params *params, const int64_t *values, size_t len);

/**
 * pg_send(pg, name, params, err):
 * Queue the prepared statement ${name} in the pipeline; ${params} may be NULL.  Nothing is waited
 * for.
 */
NODISCARD enum err_class pg_send(
    struct pg *pg, const char *name, const struct pg_params *params, struct err *err);

/**
 * pg_sync(pg, err):
 * End the pipeline: send all that was queued.  Outside an explicit BEGIN what was queued since the
 * last pg_sync is one transaction.
 */
NODISCARD enum err_class pg_sync(struct pg *pg, struct err *err);

/**
 * pg_receive(pg, ret_result, err):
 * Wait for the result of the next queued statement; the caller clears it with PQclear, which
 * accepts NULL.  On an error ${ret_result} is NULL, and the remaining statements of the pipeline
 * are skipped: each gives the same error again.
 */
NODISCARD enum err_class pg_receive(struct pg *pg, PGresult **ret_result, struct err *err);

/**
 * pg_finish(pg, err):
 * Wait for the end of the pipeline, reading whatever results are left.  The first error of the
 * whole pipeline is returned, also when pg_receive has returned it already.  The next pg_send comes
 * after this.
 */
NODISCARD enum err_class pg_finish(struct pg *pg, struct err *err);

/**
 * pg_rollback(pg):
 * Come back from any error to an idle connection: drain the pipeline and ROLLBACK, or disconnect
 * when that fails.  Never fails.
 */
void pg_rollback(struct pg *pg);

/**
 * pg_run(pg, name, params, ret_result, err):
 * Send one statement, and wait for its result: pg_connect, pg_send, pg_sync, pg_receive, pg_finish.
 * ${ret_result} may be NULL.  After an error outside a transaction the connection is in order
 * again; inside one pg_rollback is the caller's.
 */
NODISCARD enum err_class pg_run(struct pg *pg, const char *name, const struct pg_params *params,
    PGresult **ret_result, struct err *err);

/**
 * pg_run_within(pg, scope, scope_params, name, params, ret_result, err):
 * A transaction of one round trip: ${scope}, which says what the other sees and whose result is of
 * no use, and ${name}, whose result is returned.  On failure that is NULL, and all is rolled back.
 */
NODISCARD enum err_class pg_run_within(struct pg *pg, const char *scope,
    const struct pg_params *scope_params, const char *name, const struct pg_params *params,
    PGresult **ret_result, struct err *err);

/**
 * pg_classify(sqlstate):
 * What to do about an error: retry (connection lost, shutdown, deadlock, serialization, lock not
 * available, timeout, disk full, unique violation: another batch was first, load again), poison
 * (data and other integrity violations), fatal (the rest: role, syntax, missing column, our bug).
 */
NODISCARD enum err_class pg_classify(const char *sqlstate);

/* Columns of a binary result, by index.  The type must fit (CHECKed by length); a NULL gives the
 * kind's none, or 0. */
NODISCARD struct uuid pg_get_uuid(const PGresult *result, int row, int column);
NODISCARD struct str pg_get_str(
    const PGresult *result, int row, int column); /* borrowed from the result; also bytea; jsonb
						     without its version byte: select it as text */
NODISCARD int32_t pg_get_int32(const PGresult *result, int row, int column);
NODISCARD int64_t pg_get_int64(const PGresult *result, int row, int column);
NODISCARD bool pg_get_bool(const PGresult *result, int row, int column);
NODISCARD struct instant pg_get_instant(
    const PGresult *result, int row, int column); /* whole seconds, the fraction cut off */
NODISCARD int64_t pg_get_millis(
    const PGresult *result, int row, int column); /* timestamptz as milliseconds since the epoch */

/**
 * pg_changed(result):
 * How many rows an INSERT, UPDATE or DELETE touched.
 */
NODISCARD int64_t pg_changed(const PGresult *result);

#endif
