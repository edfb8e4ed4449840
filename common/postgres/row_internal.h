#ifndef COMMON_POSTGRES_ROW_INTERNAL_H
#define COMMON_POSTGRES_ROW_INTERNAL_H

/*
 * What the files of row share: how each kind of field is kept in a column, and string maps and
 * lists as JSON.
 * For common/postgres/ and its tests alone.
 */

#include "common/postgres/pg_internal.h"
#include "common/postgres/row.h"

/* One row for each kind of field. */
struct column_kind {
	const char *array;      /* the SQL type of a parameter; NULL: not a column */
	const char *read_cast;  /* behind the column in a load */
	const char *write_cast; /* behind the parameter's element in an insert or update */
	enum pg_oid array_oid;
	enum pg_oid element_oid;
	size_t size; /* of the member; of FIELD_RECORDS the pointer, without the count */
};

/**
 * column_kind(field):
 * The row of ${field}'s kind, or NULL when it is not a column.
 */
NODISCARD const struct column_kind *column_kind(const struct field *field);

/* What is done with rows, each by one statement. */
enum row_statement {
	ROW_LOAD,
	ROW_INSERT,
	ROW_UPDATE,
	ROW_MOVE, /* an update of the moving columns */
};

/**
 * row_sql_column(table, field, statement):
 * The kind of ${field} where it is a column of that ${statement}, else NULL: every column is, but
 * of an update or a move, which have the keys and what they write.
 */
NODISCARD const struct column_kind *row_sql_column(
    const struct row_table *table, const struct field *field, enum row_statement statement);

/**
 * row_sql_select(table, from, buf), row_sql_load(table, buf), row_sql_insert(table, buf),
 * row_sql_update(table, buf), row_sql_move(table, buf):
 * Append the statements of row_prepare_load (from) and row_prepare.
 */
void row_sql_select(const struct row_table *table, const char *from, struct buf *buf);
void row_sql_load(const struct row_table *table, struct buf *buf);
void row_sql_insert(const struct row_table *table, struct buf *buf);
void row_sql_update(const struct row_table *table, struct buf *buf);
void row_sql_move(const struct row_table *table, struct buf *buf);

/**
 * row_params(table, statement, rows, len, params, err):
 * Add the parameters of an insert, update or move of ${rows}: one array for each of its columns, in
 * the order of the record.  Errors as row_send_insert.
 */
NODISCARD enum err_class row_params(const struct row_table *table, enum row_statement statement,
    const void *const *rows, size_t len, struct pg_params *params, struct err *err);

/**
 * row_map_write(map, arena, ret_json, err):
 * ${map} as the text of a JSON object, in its order.  ERR_POISON when a text is not UTF-8
 * or the arena is full.
 */
NODISCARD enum err_class row_map_write(
    const struct str_map *map, struct arena *arena, struct str *ret_json, struct err *err);

/**
 * row_map_read(json, arena, ret_map, err):
 * The pairs of the JSON object ${json}; none has no pairs.  ERR_FATAL when it is anything but an
 * object of strings, ERR_POISON when the arena is full.
 */
NODISCARD enum err_class row_map_read(
    struct str json, struct arena *arena, struct str_map *ret_map, struct err *err);

/**
 * row_list_write(field, value, arena, ret_json, err):
 * The list ${field} of the struct ${value} as the text of a JSON array: UUIDs and texts as strings
 * (FIELD_UUIDS, FIELD_STRS), records as objects (FIELD_RECORDS) with every field by its name, none
 * as null, decimals as strings.  ERR_POISON when a text is not UTF-8 or the arena is full.
 */
NODISCARD enum err_class row_list_write(const struct field *field, const void *value,
    struct arena *arena, struct str *ret_json, struct err *err);

/**
 * row_list_read(json, field, arena, value, err):
 * Read ${json} back into the list ${field} of ${value}; none is the empty list, whose items are
 * NULL.  A name that an object lacks is none, one that the record lacks is passed over.  ERR_FATAL
 * when a value is of another type, ERR_POISON when the arena is full.
 */
NODISCARD enum err_class row_list_read(
    struct str json, const struct field *field, struct arena *arena, void *value, struct err *err);

/**
 * row_list_get(field, value), row_list_put(field, list, value):
 * The items and the length of the list ${field} of the struct ${value}, and those of ${list} in
 * their place; nothing else of struct row_list.
 */
NODISCARD struct row_list row_list_get(const struct field *field, const void *value);
void row_list_put(const struct field *field, const struct row_list *list, void *value);

#endif
