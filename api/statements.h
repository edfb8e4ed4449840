#ifndef API_STATEMENTS_H
#define API_STATEMENTS_H

/*
 * All SQL of the ingress: one table, prepared by every connection at its start, so that a statement
 * that does not fit the database fails there and not in a request.
 */

#include "common/postgres/pg.h"

extern const struct pg_statement statement_table[];
extern const size_t statement_table_len;

#endif
