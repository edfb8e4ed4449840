/*
 * What PostgreSQL gives to a program that only inserts rows it already has: those that the worker
 * stored, kept in the schema bench, into the same tables with the same keys, indexes, foreign keys
 * and checks.  It decides nothing, reads nothing, and row-level security does not bind its role.
 *
 *   bare_insert URL unnest COMMANDS BATCH         one connection, BATCH commands a transaction
 *   bare_insert URL single COMMANDS CONNECTIONS   one command a transaction, on each connection,
 *                                                 a round trip for each statement
 *   bare_insert URL piped COMMANDS CONNECTIONS    the same in one round trip
 *   bare_insert URL commit SECONDS RATE           a row of two columns, each commit timed
 *
 * Everything is binary and prepared, and parameters are made before the clock starts.  A
 * transaction of unnest is one round trip.
 */

#include <libpq-fe.h>
#include <pthread.h>
#include <time.h>

#include "common/base/daemon.h"
#include "tests/bench/bench.h"

#define COLUMNS_MAX 64
#define TYPE_SIZE 64
#define SQL_MAX 8192
#define BINARY 1

/* In the order in which rows can be inserted.  bench.<name> has the column n, the number of the
 * command, before those of billd.<name>. */
static const char *const tables[] = {
    "subscriptions", "invoices", "invoice_lines", "journal", "operations", "outbox"};

#define TABLES ARRAY_LEN(tables)

struct column {
	char name[TYPE_SIZE], type[TYPE_SIZE];
	Oid oid, array_oid;
};

struct table {
	size_t columns_len;
	struct column columns[COLUMNS_MAX];
};

/* The parameters of one statement. */
struct params {
	const char *values[COLUMNS_MAX];
	int lengths[COLUMNS_MAX];
};

struct session {
	PGconn *pg;
	struct table tables[TABLES];
	int formats[COLUMNS_MAX]; /* of parameters: all binary */
};

static PGresult *
checked(PGconn *pg, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
	    status != PGRES_PIPELINE_SYNC)
		bench_die("%s", PQerrorMessage(pg));
	return result;
}

static PGconn *
open_pg(const char *url)
{
	PGconn *pg = PQconnectdb(url);

	if (PQstatus(pg) != CONNECTION_OK)
		bench_die("%s", PQerrorMessage(pg));
	return pg;
}

static void
columns_read(struct session *session, size_t i)
{
	struct table *table = &session->tables[i];
	char sql[SQL_MAX];
	PGresult *result;

	snprintf(sql, sizeof(sql),
	    "SELECT quote_ident(attname), format_type(atttypid, NULL), atttypid::int8, "
	    "typarray::int8 FROM pg_attribute JOIN pg_type t ON t.oid = atttypid "
	    "WHERE attrelid = 'bench.%s'::regclass AND attnum > 1 ORDER BY attnum",
	    tables[i]);
	result = checked(session->pg, PQexec(session->pg, sql));
	table->columns_len = (size_t)PQntuples(result);
	CHECK(table->columns_len > 0 && table->columns_len <= COLUMNS_MAX);
	for (size_t c = 0; c < table->columns_len; c++) {
		struct column *column = &table->columns[c];

		snprintf(column->name, TYPE_SIZE, "%s", PQgetvalue(result, (int)c, 0));
		snprintf(column->type, TYPE_SIZE, "%s", PQgetvalue(result, (int)c, 1));
		column->oid = (Oid)strtoul(PQgetvalue(result, (int)c, 2), NULL, 10);
		column->array_oid = (Oid)strtoul(PQgetvalue(result, (int)c, 3), NULL, 10);
	}
	PQclear(result);
}

/* "INSERT INTO billd.t (…) SELECT unnest($1::uuid[]), …", or with VALUES and no arrays. */
static void
insert_prepare(struct session *session, size_t i, bool arrays)
{
	const struct table *table = &session->tables[i];
	Oid types[COLUMNS_MAX];
	struct buf sql;

	buf_init(&sql, SQL_MAX);
	buf_printf(&sql, "INSERT INTO billd.%s (", tables[i]);
	for (size_t c = 0; c < table->columns_len; c++)
		buf_printf(&sql, c == 0 ? "%s" : ", %s", table->columns[c].name);
	buf_append_str(&sql, arrays ? STR(") SELECT ") : STR(") VALUES ("));
	for (size_t c = 0; c < table->columns_len; c++) {
		buf_printf(&sql, arrays ? "%sunnest($%zu::%s[])" : "%s$%zu::%s", c == 0 ? "" : ", ",
		    c + 1, table->columns[c].type);
		types[c] = arrays ? table->columns[c].array_oid : table->columns[c].oid;
	}
	buf_append(&sql, arrays ? "" : ")", arrays ? 1 : 2);
	CHECK(!sql.overflow);
	PQclear(checked(session->pg,
	    PQprepare(session->pg, tables[i], sql.ptr, (int)table->columns_len, types)));
	buf_release(&sql);
}

static struct session *
session_open(const char *url, bool arrays)
{
	struct session *session = calloc(1, sizeof(*session));

	CHECK(session != NULL);
	session->pg = open_pg(url);
	for (size_t c = 0; c < COLUMNS_MAX; c++)
		session->formats[c] = BINARY;
	for (size_t i = 0; i < TABLES; i++) {
		columns_read(session, i);
		insert_prepare(session, i, arrays);
	}
	return session;
}

/* The rows of a table that belong to the commands from ${first}, ${count} of them; n comes first.
 */
static PGresult *
rows_read(struct session *session, size_t i, int64_t first, int64_t count)
{
	char sql[SQL_MAX];

	snprintf(sql, sizeof(sql), "SELECT * FROM bench.%s WHERE n >= %lld AND n < %lld ORDER BY n",
	    tables[i], (long long)first, (long long)(first + count));
	return checked(
	    session->pg, PQexecParams(session->pg, sql, 0, NULL, NULL, NULL, NULL, BINARY));
}

static void
put_int32(char **at, int64_t value)
{
	uint32_t bytes = __builtin_bswap32((uint32_t)value);

	memcpy(*at, &bytes, sizeof(bytes));
	*at += sizeof(bytes);
}

/* A column of ${result} as PostgreSQL's binary array. */
static void
array_make(const PGresult *result, const struct column *column, int c, struct params *params)
{
	size_t size = 5 * sizeof(uint32_t);
	int rows = PQntuples(result);
	char *array, *at;

	for (int row = 0; row < rows; row++)
		size += sizeof(uint32_t) + (size_t)PQgetlength(result, row, c + 1);
	array = at = malloc(size);
	CHECK(array != NULL);
	put_int32(&at, 1); /* dimension */
	put_int32(&at, 1); /* there may be nulls */
	put_int32(&at, column->oid);
	put_int32(&at, rows);
	put_int32(&at, 1); /* first index */
	for (int row = 0; row < rows; row++) {
		int len = PQgetlength(result, row, c + 1);

		put_int32(&at, PQgetisnull(result, row, c + 1) ? -1 : len);
		memcpy(at, PQgetvalue(result, row, c + 1), (size_t)len);
		at += len;
	}
	params->values[c] = array;
	params->lengths[c] = (int)size;
}

static void
insert_send(struct session *session, size_t i, const struct params *params)
{
	if (PQsendQueryPrepared(session->pg, tables[i], (int)session->tables[i].columns_len,
		params->values, params->lengths, session->formats, BINARY) != 1)
		bench_die("%s", PQerrorMessage(session->pg));
}

static void
word_send(struct session *session, const char *sql)
{
	if (PQsendQueryParams(session->pg, sql, 0, NULL, NULL, NULL, NULL, BINARY) != 1)
		bench_die("%s", PQerrorMessage(session->pg));
}

/* End the round trip: every statement of it went well. */
static void
round_trip(struct session *session)
{
	bool over = false;

	if (PQpipelineSync(session->pg) != 1)
		bench_die("%s", PQerrorMessage(session->pg));
	while (!over) {
		PGresult *result = PQgetResult(session->pg);

		if (result == NULL)
			continue;
		over = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
		PQclear(checked(session->pg, result));
	}
}

static void
print_rate(int64_t commands, int64_t began_us)
{
	printf("{\"count\": %lld, \"seconds\": %.6f}\n", (long long)commands,
	    (double)(clock_steady_us() - began_us) / 1e6);
}

static void
run_unnest(const char *url, int64_t commands, int64_t batch)
{
	size_t batches = (size_t)((commands + batch - 1) / batch);
	struct params(*params)[TABLES] = calloc(batches, sizeof(*params));
	struct session *session = session_open(url, true);
	int64_t began_us;

	CHECK(params != NULL);
	for (size_t b = 0; b < batches; b++) {
		for (size_t i = 0; i < TABLES; i++) {
			PGresult *rows = rows_read(session, i, 1 + (int64_t)b * batch, batch);

			for (size_t c = 0; c < session->tables[i].columns_len; c++)
				array_make(
				    rows, &session->tables[i].columns[c], (int)c, &params[b][i]);
			PQclear(rows);
		}
	}
	PQenterPipelineMode(session->pg);
	began_us = clock_steady_us();
	for (size_t b = 0; b < batches; b++) {
		word_send(session, "BEGIN");
		for (size_t i = 0; i < TABLES; i++)
			insert_send(session, i, &params[b][i]);
		word_send(session, "COMMIT");
		round_trip(session);
	}
	print_rate(commands, began_us);
	PQfinish(session->pg);
}

/* One connection's part of the commands. */
struct part {
	struct session *session;
	pthread_t thread;
	pthread_barrier_t *start;
	int64_t first, count;
	bool piped;
	PGresult *rows[TABLES];
};

static int64_t
command_of(const PGresult *rows, int row)
{
	uint64_t bytes;

	CHECK(PQgetlength(rows, row, 0) == (int)sizeof(bytes));
	memcpy(&bytes, PQgetvalue(rows, row, 0), sizeof(bytes));
	return (int64_t)__builtin_bswap64(bytes);
}

static void *
run_part(void *argument)
{
	struct part *part = argument;
	int next[TABLES] = {0};

	pthread_barrier_wait(part->start);
	for (int64_t n = part->first; n < part->first + part->count; n++) {
		word_send(part->session, "BEGIN");
		if (!part->piped)
			round_trip(part->session);
		for (size_t i = 0; i < TABLES; i++) {
			const PGresult *rows = part->rows[i];
			struct params params;

			for (; next[i] < PQntuples(rows) && command_of(rows, next[i]) == n;
			     next[i]++) {
				for (int c = 0; c + 1 < PQnfields(rows); c++) {
					params.lengths[c] = PQgetlength(rows, next[i], c + 1);
					params.values[c] = PQgetisnull(rows, next[i], c + 1)
							       ? NULL
							       : PQgetvalue(rows, next[i], c + 1);
				}
				insert_send(part->session, i, &params);
				if (!part->piped)
					round_trip(part->session);
			}
		}
		word_send(part->session, "COMMIT");
		round_trip(part->session);
	}
	return NULL;
}

static void
run_single(const char *url, int64_t commands, int64_t connections, bool piped)
{
	struct part *parts = calloc((size_t)connections, sizeof(*parts));
	int64_t each = commands / connections, began_us;
	pthread_barrier_t start;

	CHECK(parts != NULL && pthread_barrier_init(&start, NULL, (unsigned)connections + 1) == 0);
	for (int64_t p = 0; p < connections; p++) {
		parts[p] = (struct part){
		    .session = session_open(url, false),
		    .start = &start,
		    .first = 1 + p * each,
		    .count = each,
		    .piped = piped,
		};
		for (size_t i = 0; i < TABLES; i++)
			parts[p].rows[i] =
			    rows_read(parts[p].session, i, parts[p].first, parts[p].count);
		PQenterPipelineMode(parts[p].session->pg);
		CHECK(pthread_create(&parts[p].thread, NULL, run_part, &parts[p]) == 0);
	}
	pthread_barrier_wait(&start);
	began_us = clock_steady_us();
	for (int64_t p = 0; p < connections; p++)
		pthread_join(parts[p].thread, NULL);
	print_rate(each * connections, began_us);
	for (int64_t p = 0; p < connections; p++)
		PQfinish(parts[p].session->pg);
}

static void
run_commits(const char *url, int64_t seconds, int64_t rate)
{
	PGconn *pg = open_pg(url);
	struct bench_times times = {.len = 0};
	int64_t began_us = clock_steady_us();

	PQclear(checked(
	    pg, PQprepare(pg, "commit", "INSERT INTO bench.commits VALUES ($1, 'done')", 1, NULL)));
	for (int64_t i = 0; i < seconds * rate; i++) {
		int64_t wait_us = began_us + i * 1000000 / rate - clock_steady_us(), at_us;
		char number[24];
		const char *value = number;

		if (wait_us > 0)
			nanosleep(&(struct timespec){.tv_sec = wait_us / 1000000,
				      .tv_nsec = wait_us % 1000000 * 1000},
			    NULL);
		snprintf(number, sizeof(number), "%lld", (long long)i);
		at_us = clock_steady_us();
		PQclear(checked(pg, PQexecPrepared(pg, "commit", 1, &value, NULL, NULL, BINARY)));
		bench_times_add(&times, clock_steady_us() - at_us);
	}
	fputs("{\"times_us\": ", stdout);
	bench_times_print(&times);
	puts("}");
	PQfinish(pg);
}

int
main(int argc, char **argv)
{
	int64_t first, second;

	if (argc != 5)
		bench_die("usage: bare_insert URL unnest COMMANDS BATCH | single|piped COMMANDS "
			  "CONNECTIONS | commit SECONDS RATE");
	first = bench_number(argv[2], argv[3], 1, 100000000);
	second = bench_number(argv[2], argv[4], 1, 100000);
	if (strcmp(argv[2], "unnest") == 0)
		run_unnest(argv[1], first, second);
	else if (strcmp(argv[2], "single") == 0)
		run_single(argv[1], first, second, false);
	else if (strcmp(argv[2], "piped") == 0)
		run_single(argv[1], first, second, true);
	else if (strcmp(argv[2], "commit") == 0)
		run_commits(argv[1], first, second);
	else
		bench_die("there is no mode \"%s\"", argv[2]);
	return 0;
}
