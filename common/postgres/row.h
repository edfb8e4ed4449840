#ifndef COMMON_POSTGRES_ROW_H
#define COMMON_POSTGRES_ROW_H

/*
 * Row tables: from a record's description (base/record.h) come the set-based load, insert and
 * update of its table, one statement for any number of rows.  Statements are made once and prepared
 * at connect, so that a column that drifted fails there.
 */

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/record.h"
#include "common/postgres/pg.h"

#define ROW_KEYS_MAX 3
#define ROW_MUTABLE_MAX 12
#define ROW_MOVING_MAX 13
#define ROW_LISTS_MAX 8

/* What a table of the database is to us.  Fields of kind FIELD_RECORD are not columns, nor are
 * those of kind FIELD_RECORDS that do not say so. */
struct row_table {
	const char *name;                     /* "customers": begins the names of its statements */
	const char *table;                    /* "billd.customers" */
	const struct record *record;          /* its columns, by name */
	const char *keys[ROW_KEYS_MAX];       /* columns by which rows are loaded and updated,
						 organisation_id first; NULL behind the last */
	bool updatable;                       /* else rows are only ever inserted */
	const char *mutable[ROW_MUTABLE_MAX]; /* the columns that updates write; NULL behind the
						 last.  None: all but the keys */
	const char *moving[ROW_MOVING_MAX];   /* of these those that most updates change alone, and
						 row_send_move writes alone, in the record's order;
						 NULL behind the last.  None: there is no such
						 statement */
};

/**
 * row_prepare(pg, table, arena):
 * Have the statements of ${table} prepared by ${pg}: "<name>_load", "<name>_insert",
 * "<name>_update" when it is updatable, and "<name>_move" when it has moving columns.  Their text
 * lives in ${arena}, as long as ${pg}.  The load statement takes one array per key; the others one
 * array per column.
 */
void row_prepare(struct pg *pg, const struct row_table *table, struct arena *arena);

/**
 * row_prepare_load(pg, table, name, from, arena):
 * Have another load prepared, that selects the same columns, by other means: "SELECT <columns of t>
 * <from>", where ${from} is SQL such as "FROM unnest($1::uuid[], $2::text[]) k(organisation_id,
 * code) JOIN billd.plans t USING (organisation_id, code)".
 */
void row_prepare_load(struct pg *pg, const struct row_table *table, const char *name,
    const char *from, struct arena *arena);

/**
 * row_read(table, result, row, arena, value, err):
 * Fill ${value}, a struct of the table's record, from row ${row} of a load's ${result}.  Texts live
 * in ${arena}.  ERR_POISON when it is full.
 */
NODISCARD enum err_class row_read(const struct row_table *table, const PGresult *result, int row,
    struct arena *arena, void *value, struct err *err);

/* The lists that were read of one result last.  Many rows have the same: the discounts of a coupon,
 * the tax rates of an organisation. */
struct row_lists {
	struct row_list {
		const struct field *field; /* NULL: a free place */
		struct str json;           /* borrowed from the result */
		const void *items;         /* in the arena */
		size_t len;
	} lists[ROW_LISTS_MAX];
	size_t next; /* the place that the next one takes */
};

/**
 * row_read_next(table, result, row, lists, arena, value, err):
 * As row_read, for the rows of one ${result} in turn.  ${lists}, which is zeroed before the first,
 * keeps what was read: a list whose text is the same as another row's has the same items.
 */
NODISCARD enum err_class row_read_next(const struct row_table *table, const PGresult *result,
    int row, struct row_lists *lists, struct arena *arena, void *value, struct err *err);

/**
 * row_moves(table, before, after):
 * Whether ${after} is the row ${before}, both structs of the table's record, and differs from it in
 * moving columns at most, so that row_send_move writes all that changed.  A text, map or list that
 * stands elsewhere differs, whatever it says.  False when ${table} has no moving columns.
 */
NODISCARD bool row_moves(const struct row_table *table, const void *before, const void *after);

/**
 * row_send_insert(pg, table, rows, len, arena, err), row_send_update(...), row_send_move(...):
 * Queue one statement that writes ${len} rows, given as pointers to their structs.  When ${len} is
 * 0 nothing is queued, and there is no result to receive.  ${rows} is borrowed until the call
 * returns.  The caller sorts the rows by key, so that two workers never wait for each other in a
 * circle.  An update of a row that is not there, or not to be seen, changes nothing: pg_changed of
 * its result tells.  ERR_POISON when the arena is full, so that fewer are tried together, or when a
 * text in a map or a list is not UTF-8; nothing is queued then.  A move is an update of the moving
 * columns alone, which ${table} has.
 */
NODISCARD enum err_class row_send_insert(struct pg *pg, const struct row_table *table,
    const void *const *rows, size_t len, struct arena *arena, struct err *err);
NODISCARD enum err_class row_send_update(struct pg *pg, const struct row_table *table,
    const void *const *rows, size_t len, struct arena *arena, struct err *err);
NODISCARD enum err_class row_send_move(struct pg *pg, const struct row_table *table,
    const void *const *rows, size_t len, struct arena *arena, struct err *err);

#endif
