/* Rows to structs and back, column by column as their record says. */

#include "common/base/decimal.h"
#include "common/domain/money.h"
#include "common/postgres/row_internal.h"

#define STATEMENT_NAME_SIZE 64
#define STATEMENT_SQL_MAX 8192
#define SCRATCH_BYTES 8 /* of the widest number on the wire */

/* The statements that every table has, the last ones when it is updatable and has what moves. */
static const struct {
	const char *suffix;
	void (*write)(const struct row_table *table, struct buf *buf);
} writers[] = {
    [ROW_LOAD] = {"_load", row_sql_load},
    [ROW_INSERT] = {"_insert", row_sql_insert},
    [ROW_UPDATE] = {"_update", row_sql_update},
    [ROW_MOVE] = {"_move", row_sql_move},
};

/* Make one statement.  These are few, at start, and of known size: no room for them is a bug. */
static struct pg_statement
make_statement(const char *name, const char *suffix, struct buf *sql, struct arena *arena)
{
	struct buf full;
	struct str name_text, sql_text;

	buf_init(&full, STATEMENT_NAME_SIZE);
	buf_printf(&full, "%s%s", name, suffix);
	CHECK(!full.overflow && !sql->overflow);
	CHECK(arena_str(arena, buf_str(&full), &name_text));
	CHECK(arena_str(arena, buf_str(sql), &sql_text));
	buf_release(&full);
	return (struct pg_statement){name_text.ptr, sql_text.ptr};
}

static size_t
statements_len(const struct row_table *table)
{
	if (table->moving[0] != NULL)
		return ROW_MOVE + 1;
	return table->updatable ? ROW_UPDATE + 1 : ROW_INSERT + 1;
}

void
row_prepare(struct pg *pg, const struct row_table *table, struct arena *arena)
{
	size_t len = statements_len(table);
	struct pg_statement *statements = arena_array(arena, len, sizeof(*statements));
	struct buf sql;

	CHECK(statements != NULL);
	buf_init(&sql, STATEMENT_SQL_MAX);
	for (size_t i = 0; i < len; i++) {
		buf_clear(&sql);
		writers[i].write(table, &sql);
		statements[i] = make_statement(table->name, writers[i].suffix, &sql, arena);
	}
	buf_release(&sql);
	pg_prepare(pg, statements, len);
}

void
row_prepare_load(struct pg *pg, const struct row_table *table, const char *name, const char *from,
    struct arena *arena)
{
	struct pg_statement *statement = arena_alloc(arena, sizeof(*statement));
	struct buf sql;

	CHECK(statement != NULL);
	buf_init(&sql, STATEMENT_SQL_MAX);
	row_sql_select(table, from, &sql);
	*statement = make_statement(name, "", &sql, arena);
	buf_release(&sql);
	pg_prepare(pg, statement, 1);
}

/* Where a result's value is, for the readers below. */
struct cell {
	const PGresult *result;
	int row;
	int column;
};

static enum err_class
read_str(struct cell cell, struct arena *arena, struct str *ret_str, struct err *err)
{
	if (!arena_str(arena, pg_get_str(cell.result, cell.row, cell.column), ret_str))
		return err_set(err, ERR_POISON, "a row exceeds the arena");
	return ERR_NONE;
}

static enum err_class
read_currency(struct cell cell, struct currency *ret_currency, struct err *err)
{
	struct str code = pg_get_str(cell.result, cell.row, cell.column);

	*ret_currency = (struct currency){""};
	if (code.ptr != NULL && !currency_from(code, ret_currency))
		return err_set(err, ERR_FATAL, "\"%.*s\" is no currency", STR_ARG(code));
	return ERR_NONE;
}

static int64_t
read_int64_or_none(struct cell cell)
{
	if (PQgetisnull(cell.result, cell.row, cell.column) == 1)
		return INT64_MIN;
	return pg_get_int64(cell.result, cell.row, cell.column);
}

static enum err_class
read_decimal(struct cell cell, struct decimal *ret_decimal, struct err *err)
{
	struct str text = pg_get_str(cell.result, cell.row, cell.column);

	*ret_decimal = DECIMAL_NONE;
	if (text.ptr != NULL && !decimal_read(text, DECIMAL_PLACES, ret_decimal))
		return err_set(err, ERR_FATAL, "\"%.*s\" is no decimal of ours", STR_ARG(text));
	return ERR_NONE;
}

/* Read a list, or take the items of one of ${lists} that has the same text. */
static enum err_class
read_list(struct cell cell, const struct field *field, struct row_lists *lists, struct arena *arena,
    void *value, struct err *err)
{
	struct str json = pg_get_str(cell.result, cell.row, cell.column);
	struct row_list *taken = &lists->lists[lists->next];

	for (size_t i = 0; i < ROW_LISTS_MAX; i++) {
		const struct row_list *list = &lists->lists[i];

		if (list->field == field && str_equal(list->json, json)) {
			row_list_put(field, list, value);
			return ERR_NONE;
		}
	}
	if (row_list_read(json, field, arena, value, err) != ERR_NONE)
		return err->class;
	*taken = row_list_get(field, value);
	taken->field = field;
	taken->json = json;
	lists->next = (lists->next + 1) % ROW_LISTS_MAX;
	return ERR_NONE;
}

/* Write the value of ${cell} to the member of ${value} that ${field} says. */
static enum err_class
read_cell(struct cell cell, const struct field *field, struct row_lists *lists, struct arena *arena,
    void *value, struct err *err)
{
	const PGresult *result = cell.result;
	int row = cell.row, column = cell.column;
	void *at = (char *)value + field->offset;

	switch (field->kind) {
	case FIELD_UUID:
		*(struct uuid *)at = pg_get_uuid(result, row, column);
		return ERR_NONE;
	case FIELD_STR:
	case FIELD_BYTES:
	case FIELD_JSON:
		return read_str(cell, arena, at, err);
	case FIELD_INT32:
		*(int32_t *)at = pg_get_int32(result, row, column);
		return ERR_NONE;
	case FIELD_INT64:
		*(int64_t *)at = pg_get_int64(result, row, column);
		return ERR_NONE;
	case FIELD_BOOL:
		*(bool *)at = pg_get_bool(result, row, column);
		return ERR_NONE;
	case FIELD_INSTANT:
		*(struct instant *)at = pg_get_instant(result, row, column);
		return ERR_NONE;
	case FIELD_MILLIS:
		*(int64_t *)at = pg_get_millis(result, row, column);
		return ERR_NONE;
	case FIELD_CURRENCY:
		return read_currency(cell, at, err);
	case FIELD_STR_MAP:
		return row_map_read(pg_get_str(result, row, column), arena, at, err);
	case FIELD_RECORDS:
	case FIELD_UUIDS:
	case FIELD_STRS:
		return read_list(cell, field, lists, arena, value, err);
	case FIELD_INT64_OR_NONE:
		*(int64_t *)at = read_int64_or_none(cell);
		return ERR_NONE;
	case FIELD_DECIMAL:
		return read_decimal(cell, at, err);
	case FIELD_RECORD:
	case FIELD_KIND_MAX:
		break;
	}
	CHECK(!"a kind that is not a column");
	return ERR_FATAL;
}

enum err_class
row_read_next(const struct row_table *table, const PGresult *result, int row,
    struct row_lists *lists, struct arena *arena, void *value, struct err *err)
{
	const struct record *record = table->record;
	int column = 0;

	CHECK(row < PQntuples(result));
	for (size_t i = 0; i < record->fields_len; i++) {
		const struct field *field = &record->fields[i];
		struct cell cell = {result, row, column};

		if (column_kind(field) == NULL)
			continue;
		CHECK(column < PQnfields(result));
		if (read_cell(cell, field, lists, arena, value, err) != ERR_NONE)
			return err_wrap(err, "%s.%s", table->name, field->name);
		column++;
	}
	return ERR_NONE;
}

enum err_class
row_read(const struct row_table *table, const PGresult *result, int row, struct arena *arena,
    void *value, struct err *err)
{
	struct row_lists none = {.next = 0};

	return row_read_next(table, result, row, &none, arena, value, err);
}

static struct str
number_cell(int64_t value, size_t width, char *scratch)
{
	if (width == 4)
		pg_put_int32(scratch, (int32_t)value);
	else
		pg_put_int64(scratch, value);
	return (struct str){scratch, width};
}

static enum err_class
decimal_cell(struct decimal decimal, struct arena *arena, struct str *ret_cell, struct err *err)
{
	char text[DECIMAL_TEXT_SIZE];

	*ret_cell = STR_NONE;
	if (decimal_is_none(decimal))
		return ERR_NONE;
	decimal_write(decimal, text);
	if (!arena_str(arena, str_from(text), ret_cell))
		return err_set(err, ERR_POISON, "the rows exceed the arena");
	return ERR_NONE;
}

/*
 * The bytes on the wire of the member of ${value} that ${field} says, none for NULL; numbers are
 * written to the SCRATCH_BYTES at ${scratch}, what is made anew to ${arena}, all else stays where
 * it is.
 */
static enum err_class
write_cell(const void *value, const struct field *field, char *scratch, struct arena *arena,
    struct str *ret_cell, struct err *err)
{
	const void *at = (const char *)value + field->offset;
	const struct uuid *uuid = at;
	const struct instant *instant = at;
	const struct currency *currency = at;
	const int64_t *int64 = at;

	switch (field->kind) {
	case FIELD_UUID:
		*ret_cell = uuid_is_nil(*uuid)
				? STR_NONE
				: (struct str){(const char *)uuid->b, sizeof(uuid->b)};
		return ERR_NONE;
	case FIELD_STR:
	case FIELD_BYTES:
	case FIELD_JSON:
		*ret_cell = *(const struct str *)at;
		return ERR_NONE;
	case FIELD_INT32:
		*ret_cell = number_cell(*(const int32_t *)at, 4, scratch);
		return ERR_NONE;
	case FIELD_INT64:
		*ret_cell = number_cell(*int64, 8, scratch);
		return ERR_NONE;
	case FIELD_INT64_OR_NONE:
		*ret_cell = *int64 == INT64_MIN ? STR_NONE : number_cell(*int64, 8, scratch);
		return ERR_NONE;
	case FIELD_DECIMAL:
		return decimal_cell(*(const struct decimal *)at, arena, ret_cell, err);
	case FIELD_BOOL:
		*ret_cell = *(const bool *)at ? (struct str){"\1", 1} : (struct str){"\0", 1};
		return ERR_NONE;
	case FIELD_INSTANT:
		*ret_cell = instant_is_none(*instant)
				? STR_NONE
				: number_cell(pg_micros_from_instant(*instant), 8, scratch);
		return ERR_NONE;
	case FIELD_MILLIS:
		*ret_cell = number_cell(pg_micros_from_millis(*int64), 8, scratch);
		return ERR_NONE;
	case FIELD_CURRENCY:
		*ret_cell = currency->code[0] == '\0' ? STR_NONE : (struct str){currency->code, 3};
		return ERR_NONE;
	case FIELD_STR_MAP:
		return row_map_write(at, arena, ret_cell, err);
	case FIELD_RECORDS:
	case FIELD_UUIDS:
	case FIELD_STRS:
		return row_list_write(field, value, arena, ret_cell, err);
	case FIELD_RECORD:
	case FIELD_KIND_MAX:
		break;
	}
	CHECK(!"a kind that is not a column");
	return ERR_FATAL;
}

/* One column of all rows as one array. */
static enum err_class
add_column(struct pg_params *params, const struct field *field, const void *const *rows, size_t len,
    struct err *err)
{
	const struct column_kind *kind = column_kind(field);
	struct str *cells = arena_array(params->arena, len, sizeof(*cells));
	char *scratch = arena_array(params->arena, len, SCRATCH_BYTES);

	if (cells == NULL || scratch == NULL)
		return err_set(err, ERR_POISON, "the rows exceed the arena");
	for (size_t i = 0; i < len; i++)
		if (write_cell(rows[i], field, scratch + i * SCRATCH_BYTES, params->arena,
			&cells[i], err) != ERR_NONE)
			return err->class;
	pg_params_cells(params, kind->array_oid, kind->element_oid, cells, len);
	return ERR_NONE;
}

enum err_class
row_params(const struct row_table *table, enum row_statement statement, const void *const *rows,
    size_t len, struct pg_params *params, struct err *err)
{
	for (size_t i = 0; i < table->record->fields_len; i++) {
		const struct field *field = &table->record->fields[i];

		if (row_sql_column(table, field, statement) == NULL)
			continue;
		if (add_column(params, field, rows, len, err) != ERR_NONE)
			return err_wrap(err, "%s.%s", table->name, field->name);
	}
	return ERR_NONE;
}

static enum err_class
send_rows(struct pg *pg, const struct row_table *table, enum row_statement statement,
    const void *const *rows, size_t len, struct arena *arena, struct err *err)
{
	char name[STATEMENT_NAME_SIZE];
	struct pg_params params;

	if (len == 0)
		return ERR_NONE;
	snprintf(name, sizeof(name), "%s%s", table->name, writers[statement].suffix);
	pg_params_init(&params, arena);
	if (row_params(table, statement, rows, len, &params, err) != ERR_NONE)
		return err->class;
	return pg_send(pg, name, &params, err);
}

enum err_class
row_send_insert(struct pg *pg, const struct row_table *table, const void *const *rows, size_t len,
    struct arena *arena, struct err *err)
{
	return send_rows(pg, table, ROW_INSERT, rows, len, arena, err);
}

enum err_class
row_send_update(struct pg *pg, const struct row_table *table, const void *const *rows, size_t len,
    struct arena *arena, struct err *err)
{
	CHECK(table->updatable);
	return send_rows(pg, table, ROW_UPDATE, rows, len, arena, err);
}

enum err_class
row_send_move(struct pg *pg, const struct row_table *table, const void *const *rows, size_t len,
    struct arena *arena, struct err *err)
{
	CHECK(table->moving[0] != NULL);
	return send_rows(pg, table, ROW_MOVE, rows, len, arena, err);
}
