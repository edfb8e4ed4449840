#include "common/postgres/migrate.h"

#include <sodium.h>

#include "common/postgres/pg_internal.h"

#define CONNECT_TIMEOUT_S 10
#define ADVISORY_LOCK "7811887182" /* any number that nothing else uses */
#define NUMBER_LEN 4
#define HEX_SIZE (2 * MIGRATION_CHECKSUM_BYTES + 1)

/* A lock that a migration waits for blocks all who come after it: better to give up and try again.
 */
static const char session_sql[] = "SET lock_timeout = '60s'; SET client_min_messages = warning";

static const char table_sql[] =
    "CREATE TABLE IF NOT EXISTS public.billd_migrations ("
    "version int PRIMARY KEY, name text NOT NULL, checksum bytea NOT NULL, "
    "applied_at timestamptz NOT NULL DEFAULT now())";

static const char list_sql[] =
    "SELECT version, name, encode(checksum, 'hex'), "
    "to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') "
    "FROM public.billd_migrations ORDER BY version";

struct migrate {
	struct pg *pg;
	struct migration *migrations;
	size_t len;
	struct migration_applied applied[MIGRATIONS_MAX + 1];
	size_t applied_len;
	bool locked;
};

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static bool
has_form(struct str name)
{
	static const char ending[] = ".sql";
	size_t ending_len = sizeof(ending) - 1;

	if (name.len < NUMBER_LEN + 2 + ending_len || name.len >= MIGRATION_NAME_SIZE ||
	    name.ptr[NUMBER_LEN] != '_' ||
	    memcmp(name.ptr + name.len - ending_len, ending, ending_len) != 0)
		return false;
	for (size_t i = NUMBER_LEN + 1; i < name.len - ending_len; i++) {
		char c = name.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
			return false;
	}
	return true;
}

enum err_class
migration_read(const struct embedded_file *file, int32_t version, struct migration *ret_migration,
    struct err *err)
{
	struct str name = str_from(base_name(file->name));
	int64_t number = 0;

	if (!has_form(name) ||
	    !str_read_int64((struct str){name.ptr, NUMBER_LEN}, 1, MIGRATIONS_MAX, &number))
		return err_set(err, ERR_FATAL,
		    "migration %s: its name must be NNNN_lower_case.sql, from 0001 to %04d",
		    file->name, MIGRATIONS_MAX);
	if (number != version)
		return err_set(err, ERR_FATAL, "migration %s: number %04d should come here",
		    file->name, (int)version);
	*ret_migration = (struct migration){.version = version, .sql = file->ptr};
	snprintf(ret_migration->name, sizeof(ret_migration->name), "%s", name.ptr);
	CHECK(crypto_generichash(ret_migration->checksum, MIGRATION_CHECKSUM_BYTES,
		  (const unsigned char *)file->ptr, file->len, NULL, 0) == 0);
	return ERR_NONE;
}

enum err_class
migrations_compare(const struct migration *migrations, size_t len,
    const struct migration_applied *applied, size_t applied_len, struct err *err)
{
	for (size_t i = 0; i < applied_len; i++) {
		const struct migration_applied *then = &applied[i];
		const struct migration *now = &migrations[i];

		if (i >= len)
			return err_set(err, ERR_FATAL,
			    "the database has migration %s, which this program does not know: it "
			    "is older than the database",
			    then->name);
		if (then->version != now->version)
			return err_set(err, ERR_FATAL,
			    "the database misses migration %s, but has %s behind it", now->name,
			    then->name);
		if (strcmp(then->name, now->name) != 0)
			return err_set(err, ERR_FATAL,
			    "migration %s was applied under another name: %s", now->name,
			    then->name);
		if (memcmp(then->checksum, now->checksum, MIGRATION_CHECKSUM_BYTES) != 0)
			return err_set(err, ERR_FATAL,
			    "migration %s was changed after it was applied; put it back, and "
			    "write a new one",
			    now->name);
	}
	return ERR_NONE;
}

static bool
applied_from_row(const PGresult *result, int row, struct migration_applied *ret_applied)
{
	struct str version = str_from(PQgetvalue(result, row, 0));
	const char *hex = PQgetvalue(result, row, 2);
	int64_t number;
	size_t bytes;

	*ret_applied = (struct migration_applied){0};
	if (!str_read_int64(version, INT32_MIN, INT32_MAX, &number))
		return false;
	ret_applied->version = (int32_t)number;
	snprintf(ret_applied->name, sizeof(ret_applied->name), "%s", PQgetvalue(result, row, 1));
	snprintf(ret_applied->applied_at, sizeof(ret_applied->applied_at), "%s",
	    PQgetvalue(result, row, 3));
	return sodium_hex2bin(ret_applied->checksum, MIGRATION_CHECKSUM_BYTES, hex, strlen(hex),
		   NULL, &bytes, NULL) == 0 &&
	       bytes == MIGRATION_CHECKSUM_BYTES;
}

static enum err_class
take_rows(struct migrate *migrate, const PGresult *result, struct err *err)
{
	int rows = PQntuples(result);

	migrate->applied_len = 0;
	if (rows > MIGRATIONS_MAX)
		return err_set(err, ERR_FATAL, "public.billd_migrations has %d rows", rows);
	for (int row = 0; row < rows; row++)
		if (!applied_from_row(result, row, &migrate->applied[migrate->applied_len++]))
			return err_set(err, ERR_FATAL,
			    "public.billd_migrations: row %d is malformed", row + 1);
	return migrations_compare(
	    migrate->migrations, migrate->len, migrate->applied, migrate->applied_len, err);
}

/* Run ${sql}, which gives rows. */
static enum err_class
query(PGconn *conn, const char *sql, PGresult **ret_result, struct err *err)
{
	*ret_result = PQexec(conn, sql);
	if (*ret_result == NULL)
		return pg_err_from_conn(conn, err);
	if (PQresultStatus(*ret_result) == PGRES_TUPLES_OK)
		return ERR_NONE;
	pg_err_from_result(*ret_result, err);
	PQclear(*ret_result);
	*ret_result = NULL;
	return err->class;
}

/* What the database remembers; nothing when it has no table yet. */
static enum err_class
read_applied(struct migrate *migrate, struct err *err)
{
	PGresult *result = NULL;
	enum err_class class;
	bool is_virgin;

	class =
	    query(migrate->pg->conn, "SELECT to_regclass('public.billd_migrations')", &result, err);
	if (class != ERR_NONE)
		return class;
	is_virgin = PQgetisnull(result, 0, 0) == 1;
	PQclear(result);
	migrate->applied_len = 0;
	if (is_virgin)
		return ERR_NONE;
	class = query(migrate->pg->conn, list_sql, &result, err);
	if (class == ERR_NONE)
		class = take_rows(migrate, result, err);
	PQclear(result);
	return class;
}

enum err_class
migrate_open(const char *url, const struct embedded_file *files, size_t len,
    struct migrate **ret_migrate, struct err *err)
{
	const struct pg_settings settings = {.url = url,
	    .application_name = "billd migrate",
	    .session = session_sql,
	    .statement_timeout_ms = 0,
	    .connect_timeout_s = CONNECT_TIMEOUT_S};
	struct migrate *migrate = calloc(1, sizeof(*migrate));

	CHECK(migrate != NULL && len <= MIGRATIONS_MAX);
	migrate->pg = pg_new(&settings);
	migrate->migrations = calloc(len + 1, sizeof(*migrate->migrations));
	migrate->len = len;
	CHECK(migrate->migrations != NULL);
	for (size_t i = 0; i < len; i++)
		if (migration_read(&files[i], (int32_t)i + 1, &migrate->migrations[i], err) !=
		    ERR_NONE)
			goto fail;
	if (pg_open_plain(migrate->pg, err) != ERR_NONE || read_applied(migrate, err) != ERR_NONE)
		goto fail;
	*ret_migrate = migrate;
	return ERR_NONE;
fail:
	migrate_close(migrate);
	return err->class;
}

void
migrate_close(struct migrate *migrate)
{
	if (migrate == NULL)
		return;
	/* The session's end gives its advisory lock back. */
	pg_free(migrate->pg);
	free(migrate->migrations);
	free(migrate);
}

const struct migration *
migrate_at(
    const struct migrate *migrate, size_t index, const struct migration_applied **ret_applied)
{
	*ret_applied = index < migrate->applied_len ? &migrate->applied[index] : NULL;
	return index < migrate->len ? &migrate->migrations[index] : NULL;
}

/* Keep others away, and look again: they may have been here since migrate_open. */
static enum err_class
lock(struct migrate *migrate, struct err *err)
{
	PGresult *result = NULL;

	if (migrate->locked)
		return ERR_NONE;
	if (query(migrate->pg->conn, "SELECT pg_advisory_lock(" ADVISORY_LOCK ")", &result, err) !=
	    ERR_NONE)
		return err_wrap(err, "another migration runs");
	PQclear(result);
	if (pg_run_plain(migrate->pg->conn, table_sql, err) != ERR_NONE)
		return err_wrap(err, "public.billd_migrations");
	if (read_applied(migrate, err) != ERR_NONE)
		return err->class;
	migrate->locked = true;
	return ERR_NONE;
}

/* The line of ${sql} on which character ${position} (from 1, of UTF-8) stands. */
static int
line_of(const char *sql, int64_t position)
{
	int line = 1;

	for (int64_t at = 1; *sql != '\0' && at < position; sql++) {
		line += *sql == '\n';
		at += (*(sql + 1) & 0xC0) != 0x80;
	}
	return line;
}

/* Run a whole file; an error names its line, where PostgreSQL knows it. */
static enum err_class
run_file(PGconn *conn, const struct migration *migration, struct err *err)
{
	PGresult *result = PQexec(conn, migration->sql);
	ExecStatusType status = PQresultStatus(result);
	struct str position = str_from(PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION));
	enum err_class class = ERR_NONE;
	int64_t at;

	if (result == NULL) {
		class = pg_err_from_conn(conn, err);
	} else if (status == PGRES_FATAL_ERROR) {
		class = pg_err_from_result(result, err);
		if (str_read_int64(position, 1, INT32_MAX, &at))
			err_wrap(err, "line %d", line_of(migration->sql, at));
	} else if (PQtransactionStatus(conn) != PQTRANS_INTRANS) {
		class = err_set(err, ERR_FATAL, "it must not end its transaction by itself");
	}
	PQclear(result);
	return class;
}

static enum err_class
remember(PGconn *conn, const struct migration *migration, struct err *err)
{
	char version[16], hex[HEX_SIZE];
	const char *values[] = {version, migration->name, hex};
	enum err_class class = ERR_NONE;
	PGresult *result;

	snprintf(version, sizeof(version), "%d", (int)migration->version);
	sodium_bin2hex(hex, sizeof(hex), migration->checksum, MIGRATION_CHECKSUM_BYTES);
	result = PQexecParams(conn,
	    "INSERT INTO public.billd_migrations (version, name, checksum) "
	    "VALUES ($1::int, $2::text, decode($3::text, 'hex'))",
	    ARRAY_LEN(values), NULL, values, NULL, NULL, 0);
	if (result == NULL)
		class = pg_err_from_conn(conn, err);
	else if (PQresultStatus(result) != PGRES_COMMAND_OK)
		class = pg_err_from_result(result, err);
	PQclear(result);
	return class;
}

enum err_class
migrate_up(struct migrate *migrate, const struct migration **ret_migration, struct err *err)
{
	PGconn *conn = migrate->pg->conn;
	const struct migration *next;

	*ret_migration = NULL;
	if (lock(migrate, err) != ERR_NONE)
		return err->class;
	if (migrate->applied_len == migrate->len)
		return ERR_NONE;
	next = &migrate->migrations[migrate->applied_len];
	if (pg_run_plain(conn, "BEGIN", err) != ERR_NONE || run_file(conn, next, err) != ERR_NONE ||
	    remember(conn, next, err) != ERR_NONE ||
	    pg_run_plain(conn, "COMMIT", err) != ERR_NONE) {
		struct err unused;

		/* When this fails too, the connection's end does the same. */
		(void)!pg_run_plain(conn, "ROLLBACK", &unused);
		return err_wrap(err, "migration %s", next->name);
	}
	if (read_applied(migrate, err) != ERR_NONE)
		return err->class;
	*ret_migration = next;
	return ERR_NONE;
}
