/* The statements of a row table, made from the names and kinds of its record. */

#include "common/postgres/row_internal.h"

static const struct column_kind column_kinds[FIELD_KIND_MAX] = {
    [FIELD_UUID] = {"uuid[]", "", "", PG_UUID_ARRAY, PG_UUID},
    [FIELD_STR] = {"text[]", "", "", PG_TEXT_ARRAY, PG_TEXT},
    [FIELD_INT32] = {"int4[]", "", "", PG_INT4_ARRAY, PG_INT4},
    [FIELD_INT64] = {"int8[]", "", "", PG_INT8_ARRAY, PG_INT8},
    [FIELD_BOOL] = {"bool[]", "", "", PG_BOOL_ARRAY, PG_BOOL},
    [FIELD_INSTANT] = {"timestamptz[]", "", "", PG_TIMESTAMPTZ_ARRAY, PG_TIMESTAMPTZ},
    [FIELD_CURRENCY] = {"text[]", "", "", PG_TEXT_ARRAY, PG_TEXT},
    [FIELD_STR_MAP] = {"text[]", "::text", "::jsonb", PG_TEXT_ARRAY, PG_TEXT},
    [FIELD_BYTES] = {"bytea[]", "", "", PG_BYTEA_ARRAY, PG_BYTEA},
    [FIELD_JSON] = {"text[]", "::text", "::json", PG_TEXT_ARRAY, PG_TEXT},
    [FIELD_RECORDS] = {"text[]", "::text", "::jsonb", PG_TEXT_ARRAY, PG_TEXT},
    [FIELD_INT64_OR_NONE] = {"int8[]", "", "", PG_INT8_ARRAY, PG_INT8},
    [FIELD_DECIMAL] = {"text[]", "::text", "::numeric", PG_TEXT_ARRAY, PG_TEXT},
    [FIELD_MILLIS] = {"timestamptz[]", "", "", PG_TIMESTAMPTZ_ARRAY, PG_TIMESTAMPTZ},
    [FIELD_UUIDS] = {"text[]", "::text", "::jsonb", PG_TEXT_ARRAY, PG_TEXT},
    [FIELD_STRS] = {"text[]", "::text", "::jsonb", PG_TEXT_ARRAY, PG_TEXT},
};

const struct column_kind *
column_kind(const struct field *field)
{
	CHECK(field->kind < FIELD_KIND_MAX);
	if (field->kind == FIELD_RECORDS && !field->column)
		return NULL;
	return column_kinds[field->kind].array == NULL ? NULL : &column_kinds[field->kind];
}

static const struct field *
field_by_name(const struct record *record, const char *name)
{
	for (size_t i = 0; i < record->fields_len; i++)
		if (strcmp(record->fields[i].name, name) == 0)
			return &record->fields[i];
	return NULL;
}

static bool
is_key(const struct row_table *table, const char *name)
{
	for (size_t i = 0; i < ROW_KEYS_MAX && table->keys[i] != NULL; i++)
		if (strcmp(table->keys[i], name) == 0)
			return true;
	return false;
}

static bool
is_mutable(const struct row_table *table, const char *name)
{
	for (size_t i = 0; i < ROW_MUTABLE_MAX && table->mutable[i] != NULL; i++)
		if (strcmp(table->mutable[i], name) == 0)
			return true;
	return table->mutable[0] == NULL && !is_key(table, name);
}

bool
row_sql_has(const struct row_table *table, const struct field *field, enum row_statement statement)
{
	if (column_kind(field) == NULL)
		return false;
	return statement != ROW_UPDATE || is_key(table, field->name) ||
	       is_mutable(table, field->name);
}

/* The list of a statement's columns, each with ${before} and the casts.  Quoted: some are words of
 * SQL. */
static void
put_columns(const struct row_table *table, enum row_statement statement, const char *before,
    bool with_read_cast, bool with_write_cast, struct buf *buf)
{
	const char *comma = "";

	for (size_t i = 0; i < table->record->fields_len; i++) {
		const struct field *field = &table->record->fields[i];
		const struct column_kind *kind = column_kind(field);

		if (kind == NULL || !row_sql_has(table, field, statement))
			continue;
		buf_printf(buf, "%s%s\"%s\"%s%s", comma, before, field->name,
		    with_read_cast ? kind->read_cast : "", with_write_cast ? kind->write_cast : "");
		comma = ", ";
	}
}

/* "(SELECT unnest($1::uuid[]) AS "organisation_id", …) AS k": one parameter for each column.  Side
 * by side in a SELECT the arrays are walked in step.  As functions of a FROM each would be kept as
 * a table of its own first, which took a tenth of what the whole transaction takes. */
static void
put_unnest_columns(const struct row_table *table, enum row_statement statement, struct buf *buf)
{
	int number = 1;

	buf_append_str(buf, STR("(SELECT "));
	for (size_t i = 0; i < table->record->fields_len; i++) {
		const struct field *field = &table->record->fields[i];

		if (!row_sql_has(table, field, statement))
			continue;
		buf_printf(buf, "%sunnest($%d::%s) AS \"%s\"", number == 1 ? "" : ", ", number,
		    column_kind(field)->array, field->name);
		number++;
	}
	CHECK(number > 1 && number <= PG_PARAMS_MAX);
	buf_append_str(buf, STR(") AS k"));
}

static void
put_key_list(const struct row_table *table, struct buf *buf)
{
	for (size_t i = 0; i < ROW_KEYS_MAX && table->keys[i] != NULL; i++)
		buf_printf(buf, "%s\"%s\"", i == 0 ? "" : ", ", table->keys[i]);
}

void
row_sql_select(const struct row_table *table, const char *from, struct buf *buf)
{
	buf_append_str(buf, STR("SELECT "));
	put_columns(table, ROW_LOAD, "t.", true, false, buf);
	buf_printf(buf, " %s", from);
}

void
row_sql_load(const struct row_table *table, struct buf *buf)
{
	CHECK(table->keys[0] != NULL);
	row_sql_select(table, "FROM unnest(", buf);
	for (size_t i = 0; i < ROW_KEYS_MAX && table->keys[i] != NULL; i++) {
		const struct field *field = field_by_name(table->record, table->keys[i]);

		CHECK(field != NULL && column_kind(field) != NULL);
		buf_printf(buf, "%s$%zu::%s", i == 0 ? "" : ", ", i + 1, column_kind(field)->array);
	}
	buf_append_str(buf, STR(") AS k("));
	put_key_list(table, buf);
	buf_printf(buf, ") JOIN %s t USING (", table->table);
	put_key_list(table, buf);
	buf_append_char(buf, ')');
}

void
row_sql_insert(const struct row_table *table, struct buf *buf)
{
	buf_printf(buf, "INSERT INTO %s (", table->table);
	put_columns(table, ROW_INSERT, "", false, false, buf);
	buf_append_str(buf, STR(") SELECT "));
	put_columns(table, ROW_INSERT, "k.", false, true, buf);
	buf_append_str(buf, STR(" FROM "));
	put_unnest_columns(table, ROW_INSERT, buf);
}

void
row_sql_update(const struct row_table *table, struct buf *buf)
{
	const char *comma = "";

	CHECK(table->keys[0] != NULL);
	buf_printf(buf, "UPDATE %s t SET ", table->table);
	for (size_t i = 0; i < table->record->fields_len; i++) {
		const struct field *field = &table->record->fields[i];
		const struct column_kind *kind = column_kind(field);

		if (kind == NULL || !row_sql_has(table, field, ROW_UPDATE) ||
		    is_key(table, field->name))
			continue;
		buf_printf(buf, "%s\"%s\" = k.\"%s\"%s", comma, field->name, field->name,
		    kind->write_cast);
		comma = ", ";
	}
	buf_append_str(buf, STR(" FROM "));
	put_unnest_columns(table, ROW_UPDATE, buf);
	for (size_t i = 0; i < ROW_KEYS_MAX && table->keys[i] != NULL; i++)
		buf_printf(buf, " %s t.\"%s\" = k.\"%s\"", i == 0 ? "WHERE" : "AND", table->keys[i],
		    table->keys[i]);
}
