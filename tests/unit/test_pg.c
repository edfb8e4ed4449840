#include "common/postgres/pg.h"

#include "tests/unit/unit.h"

struct class_row {
	const char *sqlstate;
	enum err_class class;
	const char *name;
};

static const struct class_row class_rows[] = {
    {"08006", ERR_RETRY, "connection failure"},
    {"08P01", ERR_FATAL, "protocol violation: our bug"},
    {"22001", ERR_POISON, "value too long"},
    {"22021", ERR_POISON, "not UTF-8"},
    {"22P03", ERR_FATAL, "bad binary parameter: our bug"},
    {"22P05", ERR_POISON, "\\u0000 in jsonb"},
    {"23502", ERR_POISON, "NOT NULL"},
    {"23503", ERR_POISON, "foreign key"},
    {"23505", ERR_RETRY, "unique: another batch was first"},
    {"23514", ERR_POISON, "CHECK"},
    {"25006", ERR_RETRY, "read-only: not promoted yet"},
    {"25P02", ERR_FATAL, "in a failed transaction: our bug"},
    {"25P03", ERR_RETRY, "idle in transaction too long"},
    {"25P04", ERR_RETRY, "transaction too long"},
    {"26000", ERR_FATAL, "no such prepared statement"},
    {"28000", ERR_FATAL, "role may not log in"},
    {"28P01", ERR_FATAL, "wrong password"},
    {"3D000", ERR_FATAL, "no such database"},
    {"40001", ERR_RETRY, "serialization failure"},
    {"40P01", ERR_RETRY, "deadlock"},
    {"42501", ERR_FATAL, "no privilege, or row-level security"},
    {"42703", ERR_FATAL, "no such column"},
    {"42P01", ERR_FATAL, "no such table"},
    {"53100", ERR_RETRY, "disk full"},
    {"53300", ERR_RETRY, "too many connections"},
    {"55P03", ERR_RETRY, "lock not available"},
    {"57014", ERR_RETRY, "canceled by the statement timeout"},
    {"57P01", ERR_RETRY, "shutting down"},
    {"57P03", ERR_RETRY, "starting up"},
    {"58030", ERR_RETRY, "input or output error"},
    {"XX000", ERR_FATAL, "internal error"},
    {"XX001", ERR_FATAL, "corrupt data"},
};

START_TEST(test_classifies)
{
	const struct class_row *row = &class_rows[_i];

	ck_assert_msg(pg_classify(row->sqlstate) == row->class, "%s %s: %d", row->sqlstate,
	    row->name, (int)pg_classify(row->sqlstate));
}
END_TEST

/* Without a server: refusals, not crashes. */
START_TEST(test_not_connected)
{
	const struct pg_settings settings = {.url = "postgresql://[bad"};
	struct pg *pg = pg_new(&settings);
	PGresult *result = NULL;
	struct err err;

	ck_assert(!pg_is_open(pg));
	ck_assert_int_eq(pg_connect(pg, &err), ERR_FATAL);
	ck_assert_msg(strstr(err.text, "[bad") == NULL, "the URL may hold a password");
	ck_assert_int_eq(pg_send(pg, "x", NULL, &err), ERR_RETRY);
	ck_assert_int_eq(pg_sync(pg, &err), ERR_RETRY);
	ck_assert_int_eq(pg_receive(pg, &result, &err), ERR_RETRY);
	ck_assert_int_eq(pg_finish(pg, &err), ERR_RETRY);
	ck_assert_int_eq(pg_run(pg, "x", NULL, &result, &err), ERR_FATAL);
	pg_rollback(pg);
	pg_disconnect(pg);
	pg_free(pg);
	pg_free(NULL);
}
END_TEST

UNIT_MAIN("pg", UNIT_ROWS(test_classifies, class_rows), UNIT(test_not_connected))
