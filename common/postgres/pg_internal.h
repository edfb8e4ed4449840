#ifndef COMMON_POSTGRES_PG_INTERNAL_H
#define COMMON_POSTGRES_PG_INTERNAL_H

/*
 * What the files of pg share: the connection itself, its errors, and the encoding of arrays.  For
 * common/postgres/ alone.
 */

#include "common/postgres/pg.h"

#define PG_STATEMENT_SETS_MAX 64

/* Types by the numbers that PostgreSQL's catalogue gives them for ever (pg_type.dat). */
enum pg_oid {
	PG_BOOL = 16,
	PG_BYTEA = 17,
	PG_INT8 = 20,
	PG_INT4 = 23,
	PG_TEXT = 25,
	PG_TIMESTAMPTZ = 1184,
	PG_UUID = 2950,
	PG_BOOL_ARRAY = 1000,
	PG_BYTEA_ARRAY = 1001,
	PG_INT4_ARRAY = 1007,
	PG_TEXT_ARRAY = 1009,
	PG_INT8_ARRAY = 1016,
	PG_TIMESTAMPTZ_ARRAY = 1185,
	PG_UUID_ARRAY = 2951,
};

struct pg_statement_set {
	const struct pg_statement *statements;
	size_t len;
};

struct pg {
	struct pg_settings settings;
	PGconn *conn; /* NULL: not open.  In pipeline mode, non-blocking, once pg_connect is done */
	struct pg_statement_set sets[PG_STATEMENT_SETS_MAX];
	size_t sets_len;
	size_t queued;      /* statements of this pipeline whose results were not read */
	bool within;        /* a transaction is open, or may be: it must not go on elsewhere */
	bool synced;        /* pg_sync was called, and its end not read */
	int64_t planned_ms; /* since when plans are kept, clock_steady_ms */
	bool lost;          /* the connection is of no more use, whatever libpq thinks */
	bool failed;        /* something of this pipeline went wrong: `failure` says what */
	struct err failure;
};

/**
 * pg_err_from_result(result, err), pg_err_from_conn(conn, err):
 * Fill ${err} from a failed result, or from a connection that is broken, and return its class.
 */
enum err_class pg_err_from_result(const PGresult *result, struct err *err);
enum err_class pg_err_from_conn(const PGconn *conn, struct err *err);

/**
 * pg_err_from_verbose(conn, err):
 * The same for a connection that did not come about, whose messages are verbose: libpq tells their
 * SQLSTATE in no other way.
 */
enum err_class pg_err_from_verbose(const PGconn *conn, struct err *err);

/**
 * pg_open_plain(pg, err), pg_run_plain(conn, sql, err):
 * Open without pipeline and prepared statements, and run the statements of ${sql} by the simple
 * protocol: for migrations.  Results are dropped.
 */
NODISCARD enum err_class pg_open_plain(struct pg *pg, struct err *err);
NODISCARD enum err_class pg_run_plain(PGconn *conn, const char *sql, struct err *err);

/* Integers as the wire has them: most significant byte first. */
void pg_put_int32(char *bytes, int32_t value);
void pg_put_int64(char *bytes, int64_t value);

/**
 * pg_micros_from_instant(instant), pg_micros_from_millis(ms):
 * A timestamptz on the wire: microseconds since 2000-01-01.
 */
NODISCARD int64_t pg_micros_from_instant(struct instant instant);
NODISCARD int64_t pg_micros_from_millis(int64_t ms);

/**
 * pg_params_cells(params, array, element, cells, len):
 * An array of type ${array} with ${len} elements of type ${element}, each given as its bytes on the
 * wire; none is NULL.
 */
void pg_params_cells(struct pg_params *params, enum pg_oid array, enum pg_oid element,
    const struct str *cells, size_t len);

#endif
