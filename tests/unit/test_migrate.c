#include "common/postgres/migrate.h"

#include "tests/unit/unit.h"

#define FILE(file_name, text)                                               \
	{                                                                   \
		.name = (file_name), .ptr = (text), .len = sizeof(text) - 1 \
	}

static struct migration
read_file(const struct embedded_file *file, int32_t version)
{
	struct migration migration;
	struct err err;

	ck_assert_msg(migration_read(file, version, &migration, &err) == ERR_NONE, "%s", err.text);
	return migration;
}

static struct migration_applied
applied_as(const struct migration *migration)
{
	struct migration_applied applied = {.version = migration->version};

	memcpy(applied.name, migration->name, sizeof(applied.name));
	memcpy(applied.checksum, migration->checksum, sizeof(applied.checksum));
	return applied;
}

START_TEST(test_reads_a_file)
{
	const struct embedded_file file = FILE("deep/down/0007_some_things2.sql", "abc");
	struct migration migration = read_file(&file, 7);
	/* Python: hashlib.blake2b(b"abc", digest_size=32) */
	static const uint8_t expected[MIGRATION_CHECKSUM_BYTES] = {0xbd, 0xdd, 0x81, 0x3c, 0x63,
	    0x42, 0x39, 0x72, 0x31, 0x71, 0xef, 0x3f, 0xee, 0x98, 0x57, 0x9b, 0x94, 0x96, 0x4e,
	    0x3b, 0xb1, 0xcb, 0x3e, 0x42, 0x72, 0x62, 0xc8, 0xc0, 0x68, 0xd5, 0x23, 0x19};

	ck_assert_int_eq(migration.version, 7);
	ck_assert_str_eq(migration.name, "0007_some_things2.sql");
	ck_assert_ptr_eq(migration.sql, file.ptr);
	ck_assert_mem_eq(migration.checksum, expected, sizeof(expected));
}
END_TEST

struct name_row {
	const char *name;
	const char *file;
	int32_t version;
	const char *said; /* part of the error */
};

static const struct name_row name_rows[] = {
    {"no number", "add_things.sql", 1, "NNNN_lower_case.sql"},
    {"a number of three digits", "001_things.sql", 1, "NNNN_lower_case.sql"},
    {"a number of five digits", "00001_things.sql", 1, "NNNN_lower_case.sql"},
    {"a sign instead of a digit", "-001_things.sql", 1, "NNNN_lower_case.sql"},
    {"number 0", "0000_things.sql", 1, "NNNN_lower_case.sql"},
    {"upper case", "0001_Things.sql", 1, "NNNN_lower_case.sql"},
    {"a space", "0001_some things.sql", 1, "NNNN_lower_case.sql"},
    {"another ending", "0001_things.sql~", 1, "NNNN_lower_case.sql"},
    {"no ending", "0001_things", 1, "NNNN_lower_case.sql"},
    {"nothing but a number", "0001_.sql", 1, "NNNN_lower_case.sql"},
    {"too long a name", "0001_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.sql",
	1, "NNNN_lower_case.sql"},
    {"a number is left out", "0003_things.sql", 2, "number 0002 should come here"},
    {"a number comes twice", "0001_things.sql", 2, "number 0002 should come here"},
};

START_TEST(test_refuses_a_name)
{
	const struct name_row *row = &name_rows[_i];
	const struct embedded_file file = {.name = row->file, .ptr = "", .len = 0};
	struct migration migration = {.version = -1};
	struct err err;

	ck_assert_msg(
	    migration_read(&file, row->version, &migration, &err) == ERR_FATAL, "%s", row->name);
	ck_assert_msg(strstr(err.text, row->file) != NULL, "%s: %s", row->name, err.text);
	ck_assert_msg(strstr(err.text, row->said) != NULL, "%s: %s", row->name, err.text);
	ck_assert_msg(migration.version == -1, "%s: touched on failure", row->name);
}
END_TEST

static const struct embedded_file three_files[] = {
    FILE("migrations/0001_one.sql", "SELECT 1"),
    FILE("migrations/0002_two.sql", "SELECT 2"),
    FILE("migrations/0003_three.sql", "SELECT 3"),
};

/* How the database's memory is made from the three files, and what then is said. */
struct compare_row {
	const char *name;
	size_t ours; /* of the three files, those that the program has */
	size_t applied_len;
	int32_t versions[3]; /* which one is applied at each place */
	int32_t edited;      /* the version whose checksum differs, or 0 */
	int32_t renamed;     /* the version whose name differs, or 0 */
	const char *said;    /* NULL: all is well */
};

static const struct compare_row compare_rows[] = {
    {"nothing is applied yet", 3, 0, {0}, 0, 0, NULL},
    {"some are", 3, 2, {1, 2}, 0, 0, NULL},
    {"all are", 3, 3, {1, 2, 3}, 0, 0, NULL},
    {"neither has any", 0, 0, {0}, 0, 0, NULL},
    {"the first was edited", 3, 3, {1, 2, 3}, 1, 0, "0001_one.sql was changed"},
    {"the last was edited", 3, 3, {1, 2, 3}, 3, 0, "0003_three.sql was changed"},
    {"one was renamed", 3, 2, {1, 2}, 0, 2, "0002_two.sql was applied under another name"},
    {"a gap", 3, 2, {1, 3}, 0, 0, "misses migration 0002_two.sql, but has 0003_three.sql"},
    {"the first is missing", 3, 2, {2, 3}, 0, 0, "misses migration 0001_one.sql"},
    {"the database is newer", 2, 3, {1, 2, 3}, 0, 0, "0003_three.sql, which this program does not"},
    {"the program has none", 0, 1, {1}, 0, 0, "0001_one.sql, which this program does not"},
};

START_TEST(test_compares)
{
	const struct compare_row *row = &compare_rows[_i];
	struct migration migrations[3];
	struct migration_applied applied[3];
	struct err err = {.class = ERR_NONE};
	enum err_class class;

	for (int32_t i = 0; i < 3; i++)
		migrations[i] = read_file(&three_files[i], i + 1);
	for (size_t i = 0; i < row->applied_len; i++) {
		applied[i] = applied_as(&migrations[row->versions[i] - 1]);
		if (applied[i].version == row->edited)
			applied[i].checksum[31] ^= 1;
		if (applied[i].version == row->renamed)
			applied[i].name[5] = 'x';
	}
	class = migrations_compare(migrations, row->ours, applied, row->applied_len, &err);
	ck_assert_msg(
	    class == (row->said == NULL ? ERR_NONE : ERR_FATAL), "%s: %d", row->name, (int)class);
	if (row->said != NULL)
		ck_assert_msg(
		    strstr(err.text, row->said) != NULL, "%s: \"%s\"", row->name, err.text);
}
END_TEST

START_TEST(test_embedded_files_are_in_order)
{
	struct migration migration;
	struct err err;

	ck_assert_uint_gt(embedded_migrations_len, 0);
	for (size_t i = 0; i < embedded_migrations_len; i++)
		ck_assert_msg(migration_read(&embedded_migrations[i], (int32_t)i + 1, &migration,
				  &err) == ERR_NONE,
		    "%s", err.text);
}
END_TEST

UNIT_MAIN("migrate", UNIT(test_reads_a_file), UNIT_ROWS(test_refuses_a_name, name_rows),
    UNIT_ROWS(test_compares, compare_rows), UNIT(test_embedded_files_are_in_order))
