#ifndef CLI_RECONCILE_H
#define CLI_RECONCILE_H

/*
 * The rules of `billd reconcile`: what two places of the database say of the same money, and which
 * rows disagree.  Only reads; repairs nothing.
 */

#include <stdbool.h>

#include "common/postgres/pg.h"

#define RECONCILE_RULES_MAX 40
#define RECONCILE_ROWS_MAX 20 /* differences of one rule that are shown; all are counted */

struct reconcile_rule {
	const char *name;    /* in metrics, and as the name of its statement */
	const char *meaning; /* "each entry's accounts add up to 0" */
	const char *sql;     /* the rows that differ: organisation_id (nil: none is known), subject,
				detail, and how many there are in all */
	bool whole;          /* it can be asked only where every organisation is read */
};

extern const struct reconcile_rule reconcile_rules[];
extern const size_t reconcile_rules_len;

#endif
