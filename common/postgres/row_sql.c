/* The statements of a row table, made from the names and kinds of its record, and whether a change
 * is one of those that a statement of its own writes. */

#include "common/base/decimal.h"
#include "common/domain/money.h"
#include "common/postgres/row_internal.h"

static const struct column_kind column_kinds[FIELD_KIND_MAX] = {
    [FIELD_UUID] = {"uuid[]", "", "", PG_UUID_ARRAY, PG_UUID, sizeof(struct uuid)},
    [FIELD_STR] = {"text[]", "", "", PG_TEXT_ARRAY, PG_TEXT, sizeof(struct str)},
    [FIELD_INT32] = {"int4[]", "", "", PG_INT4_ARRAY, PG_INT4, sizeof(int32_t)},
    [FIELD_INT64] = {"int8[]", "", "", PG_INT8_ARRAY, PG_INT8, sizeof(int64_t)},
    [FIELD_BOOL] = {"bool[]", "", "", PG_BOOL_ARRAY, PG_BOOL, sizeof(bool)},
    [FIELD_INSTANT] = {"timestamptz[]", "", "", PG_TIMESTAMPTZ_ARRAY, PG_TIMESTAMPTZ,
	sizeof(struct instant)},
    [FIELD_CURRENCY] = {"text[]", "", "", PG_TEXT_ARRAY, PG_TEXT, sizeof(struct currency)},
    [FIELD_STR_MAP] = {"text[]", "::text", "::jsonb", PG_TEXT_ARRAY, PG_TEXT,
	sizeof(struct str_map)},
    [FIELD_BYTES] = {"bytea[]", "", "", PG_BYTEA_ARRAY, PG_BYTEA, sizeof(struct str)},
    [FIELD_JSON] = {"text[]", "::text", "::json", PG_TEXT_ARRAY, PG_TEXT, sizeof(struct str)},
    [FIELD_RECORDS] = {"text[]", "::text", "::jsonb", PG_TEXT_ARRAY, PG_TEXT, sizeof(void *)},
    [FIELD_INT64_OR_NONE] = {"int8[]", "", "", PG_INT8_ARRAY, PG_INT8, sizeof(int64_t)},
    [FIELD_DECIMAL] = {"text[]", "::text", "::numeric", PG_TEXT_ARRAY, PG_TEXT,
	sizeof(struct decimal)},
    [FIELD_MILLIS] = {"timestamptz[]", "", "", PG_TIMESTAMPTZ_ARRAY, PG_TIMESTAMPTZ,
	sizeof(int64_t)},
    [FIELD_UUIDS] = {"text[]", "::text", "::jsonb", PG_TEXT_ARRAY, PG_TEXT,
	sizeof(struct uuid_list)},
    [FIELD_STRS] = {"text[]", "::text", "::jsonb", PG_TEXT_ARRAY, PG_TEXT, sizeof(struct str_list)},
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

/* Whether ${name} is among at most ${max} of ${names}, NULL behind the last. */
static bool
is_among(const char *const *names, size_t max, const char *name)
{
	for (size_t i = 0; i < max && names[i] != NULL; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool
is_key(const struct row_table *table, const char *name)
{
	return is_among(table->keys, ROW_KEYS_MAX, name);
}

static bool
is_mutable(const struct row_table *table, const char *name)
{
	return table->mutable[0] == NULL ? !is_key(table, name)
					 : is_among(table->mutable, ROW_MUTABLE_MAX, name);
}

static bool
has_column(const struct row_table *table, const char *name, enum row_statement statement)
{
	switch (statement) {
	case ROW_UPDATE:
		return is_key(table, name) || is_mutable(table, name);
	case ROW_MOVE:
		return is_key(table, name) || is_among(table->moving, ROW_MOVING_MAX, name);
	case ROW_LOAD:
	case ROW_INSERT:
		break;
	}
	return true;
}

const struct column_kind *
row_sql_column(
    const struct row_table *table, const struct field *field, enum row_statement statement)
{
	return has_column(table, field->name, statement) ? column_kind(field) : NULL;
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
		const struct column_kind *kind = row_sql_column(table, field, statement);

		if (kind == NULL)
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
		const struct column_kind *kind = row_sql_column(table, field, statement);

		if (kind == NULL)
			continue;
		buf_printf(buf, "%sunnest($%d::%s) AS \"%s\"", number == 1 ? "" : ", ", number,
		    kind->array, field->name);
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

/* An update, or a move: the columns that ${statement} has. */
static void
put_update(const struct row_table *table, enum row_statement statement, struct buf *buf)
{
	const char *comma = "";

	CHECK(table->keys[0] != NULL);
	buf_printf(buf, "UPDATE %s t SET ", table->table);
	for (size_t i = 0; i < table->record->fields_len; i++) {
		const struct field *field = &table->record->fields[i];
		const struct column_kind *kind = row_sql_column(table, field, statement);

		if (kind == NULL || is_key(table, field->name))
			continue;
		buf_printf(buf, "%s\"%s\" = k.\"%s\"%s", comma, field->name, field->name,
		    kind->write_cast);
		comma = ", ";
	}
	buf_append_str(buf, STR(" FROM "));
	put_unnest_columns(table, statement, buf);
	for (size_t i = 0; i < ROW_KEYS_MAX && table->keys[i] != NULL; i++)
		buf_printf(buf, " %s t.\"%s\" = k.\"%s\"", i == 0 ? "WHERE" : "AND", table->keys[i],
		    table->keys[i]);
}

void
row_sql_update(const struct row_table *table, struct buf *buf)
{
	put_update(table, ROW_UPDATE, buf);
}

void
row_sql_move(const struct row_table *table, struct buf *buf)
{
	const struct field *last = NULL;

	CHECK(table->updatable);
	for (size_t i = 0; i < table->record->fields_len; i++) {
		const struct column_kind *kind = column_kind(&table->record->fields[i]);

		CHECK(kind == NULL || kind->size > 0);
	}
	for (size_t i = 0; i < ROW_MOVING_MAX && table->moving[i] != NULL; i++) {
		const struct field *field = field_by_name(table->record, table->moving[i]);

		CHECK(field != NULL && column_kind(field) != NULL);
		CHECK(is_mutable(table, field->name));
		CHECK(last == NULL || last < field);
		last = field;
	}
	put_update(table, ROW_MOVE, buf);
}

/* Of known sizes, which compilers compare without a call. */
static bool
is_same_bytes(const char *a, const char *b, size_t size)
{
	if (size == sizeof(int64_t))
		return memcmp(a, b, sizeof(int64_t)) == 0;
	if (size == sizeof(struct uuid))
		return memcmp(a, b, sizeof(struct uuid)) == 0;
	return memcmp(a, b, size) == 0;
}

static bool
is_same(const struct field *field, const char *before, const char *after)
{
	size_t offset = field->offset, len_offset = field->len_offset;

	return is_same_bytes(before + offset, after + offset, column_kinds[field->kind].size) &&
	       (field->kind != FIELD_RECORDS ||
		   memcmp(before + len_offset, after + len_offset, sizeof(size_t)) == 0);
}

/* Every change of a row comes here.  Few fields differ, and names of those that move are in the
 * record's order: each is looked for behind the one before. */
bool
row_moves(const struct row_table *table, const void *before, const void *after)
{
	size_t next = 0;

	if (table->moving[0] == NULL)
		return false;
	for (size_t i = 0; i < table->record->fields_len; i++) {
		const struct field *field = &table->record->fields[i];

		if (column_kind(field) == NULL || is_same(field, before, after))
			continue;
		while (next < ROW_MOVING_MAX && table->moving[next] != NULL &&
		       strcmp(table->moving[next], field->name) != 0)
			next++;
		if (next == ROW_MOVING_MAX || table->moving[next] == NULL)
			return false;
	}
	return true;
}
