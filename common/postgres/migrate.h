#ifndef COMMON_POSTGRES_MIGRATE_H
#define COMMON_POSTGRES_MIGRATE_H

/*
 * Migrations: plain SQL files "0001_name.sql", forward only, applied once and in order, each in a
 * transaction together with its row in public.billd_migrations.  What was applied never changes: a
 * file that differs from what the database remembers is refused.
 *
 * Uses a connection of its own, by the simple protocol.  Never undoes anything.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/embedded.h"
#include "common/base/err.h"
#include "common/base/str.h"

#define MIGRATIONS_MAX 999
#define MIGRATION_NAME_SIZE 64
#define MIGRATION_CHECKSUM_BYTES 32
#define MIGRATION_TIME_SIZE 24

/* One file. */
struct migration {
	int32_t version; /* from 1, without gaps */
	char name[MIGRATION_NAME_SIZE];
	uint8_t checksum[MIGRATION_CHECKSUM_BYTES]; /* BLAKE2b-256 of its bytes */
	const char *sql;                            /* borrowed from the embedded file */
};

/* What the database remembers of one. */
struct migration_applied {
	int32_t version;
	char name[MIGRATION_NAME_SIZE];
	uint8_t checksum[MIGRATION_CHECKSUM_BYTES];
	char applied_at[MIGRATION_TIME_SIZE]; /* RFC 3339, UTC */
};

/**
 * migration_read(file, version, ret_migration, err):
 * Take ${file} as number ${version}.  ERR_FATAL, naming it, when its name has another number or
 * another form than NNNN_lower_case.sql.
 */
NODISCARD enum err_class migration_read(const struct embedded_file *file, int32_t version,
    struct migration *ret_migration, struct err *err);

/**
 * migrations_compare(migrations, len, applied, applied_len, err):
 * Whether the ${applied_len} migrations that the database remembers, in the order of their
 * versions, are the first of the ${len} that we have.  ERR_FATAL, naming the first file that is in
 * the way, when one was changed or renamed, when the database misses one between two, or when it
 * has one that we don't know: then this program is older than the database.
 */
NODISCARD enum err_class migrations_compare(const struct migration *migrations, size_t len,
    const struct migration_applied *applied, size_t applied_len, struct err *err);

struct migrate;

/**
 * migrate_open(url, files, len, ret_migrate, err), migrate_close(migrate):
 * Connect, read what the database remembers, compare.  ERR_RETRY when there is no server, ERR_FATAL
 * when it refuses us or the comparison does.  Changes nothing.  Close accepts NULL.
 */
NODISCARD enum err_class migrate_open(const char *url, const struct embedded_file *files,
    size_t len, struct migrate **ret_migrate, struct err *err);
void migrate_close(struct migrate *migrate);

/**
 * migrate_at(migrate, index, ret_applied):
 * The files one by one, NULL behind the last; ${ret_applied} is NULL when that one is pending.
 */
NODISCARD const struct migration *migrate_at(
    const struct migrate *migrate, size_t index, const struct migration_applied **ret_applied);

/**
 * migrate_up(migrate, ret_migration, err):
 * Apply the next one that is pending; ${ret_migration} is that one, or NULL when none is.  One
 * process at a time: others wait, and then find it done.  On an error the database is as it was
 * before.
 */
NODISCARD enum err_class migrate_up(
    struct migrate *migrate, const struct migration **ret_migration, struct err *err);

#endif
