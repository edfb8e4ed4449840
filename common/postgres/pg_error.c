/* What PostgreSQL's errors mean to us: one table from SQLSTATE to what to do. */

#include "common/postgres/pg_internal.h"

#define SQLSTATE_LEN 5

struct sqlstate_row {
	const char *prefix; /* the first row whose prefix fits decides */
	enum err_class class;
};

static const struct sqlstate_row sqlstate_table[] = {
    {"08P01", ERR_FATAL}, /* protocol violation: we speak wrongly */
    {"08", ERR_RETRY},    /* connection lost or not to be had */
    {"57P", ERR_RETRY},   /* shutdown, crash, starting up, idle session ended */
    {"57014", ERR_RETRY}, /* canceled, most often by statement_timeout */
    {"53", ERR_RETRY},    /* out of memory, connections, disk */
    {"58", ERR_RETRY},    /* input or output failed beneath the server */
    {"40", ERR_RETRY},    /* serialization failure, deadlock, commit with unknown outcome */
    {"55P03", ERR_RETRY}, /* lock not available within lock_timeout */
    {"55006", ERR_RETRY}, /* object in use */
    {"25006", ERR_RETRY}, /* read-only: a standby that is not promoted yet */
    {"25P03", ERR_RETRY}, /* idle_in_transaction_session_timeout */
    {"25P04", ERR_RETRY}, /* transaction_timeout */
    {"23505", ERR_RETRY}, /* unique: another batch was first; load again */
    {"22P03", ERR_FATAL}, /* a parameter is not the binary form of its type: our bug */
    {"22", ERR_POISON},   /* data that the database cannot hold */
    {"54", ERR_POISON},   /* a limit of the program: an index row too large */
    {"23", ERR_POISON},   /* integrity: CHECK, NOT NULL, foreign key */
};

enum err_class
pg_classify(const char *sqlstate)
{
	for (size_t i = 0; i < ARRAY_LEN(sqlstate_table); i++) {
		const struct sqlstate_row *row = &sqlstate_table[i];

		if (strncmp(sqlstate, row->prefix, strlen(row->prefix)) == 0)
			return row->class;
	}
	return ERR_FATAL;
}

/* An error's text, for the log: without the detail, which may show a customer's data. */
enum err_class
pg_err_from_result(const PGresult *result, struct err *err)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);

	/* libpq's own: the connection is lost. */
	if (sqlstate == NULL)
		return err_set(err, ERR_RETRY, "postgres: %s", PQresultErrorMessage(result));
	err_set(err, pg_classify(sqlstate), "postgres: %s: %s", sqlstate,
	    primary == NULL ? "no message" : primary);
	snprintf(err->sqlstate, sizeof(err->sqlstate), "%s", sqlstate);
	if (constraint != NULL)
		snprintf(err->constraint, sizeof(err->constraint), "%s", constraint);
	return err->class;
}

enum err_class
pg_err_from_conn(const PGconn *conn, struct err *err)
{
	return err_set(err, ERR_RETRY, "postgres: %s", PQerrorMessage(conn));
}

static bool
is_sqlstate(const char *text)
{
	for (size_t i = 0; i < SQLSTATE_LEN; i++)
		if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'A' && text[i] <= 'Z')))
			return false;
	return text[SQLSTATE_LEN] == ':';
}

/*
 * The verbose form is "… FATAL:  28P01: password authentication failed…\nLOCATION:  …": the code
 * stands in the same place in every language.  When several addresses were tried, the last one's
 * counts.
 */
enum err_class
pg_err_from_verbose(const PGconn *conn, struct err *err)
{
	const char *text = PQerrorMessage(conn);
	const char *sqlstate = NULL;
	size_t len = strlen(text);

	for (const char *at = strstr(text, ":  "); at != NULL; at = strstr(at + 1, ":  "))
		if (is_sqlstate(at + 3))
			sqlstate = at + 3;
	if (sqlstate != NULL) {
		const char *newline = strchr(sqlstate, '\n');

		if (newline != NULL)
			len = (size_t)(newline - text);
		err_set(err, pg_classify(sqlstate), "postgres: %.*s", (int)len, text);
		snprintf(err->sqlstate, sizeof(err->sqlstate), "%.5s", sqlstate);
		return err->class;
	}
	if (PQconnectionNeedsPassword(conn))
		return err_set(err, ERR_FATAL, "postgres: %s", text);
	return err_set(err, ERR_RETRY, "postgres: %s", text);
}
