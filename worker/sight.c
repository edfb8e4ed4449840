#include "worker/sight.h"

static const struct pg_statement statements[] = {
    {SIGHT_DUE, "SELECT set_config('billd.due', 'on', true)"},
    {SIGHT_OF, "SELECT set_config('billd.organisations', '{' || $1::uuid || '}', true)"},
};

void
sight_prepare(struct pg *pg)
{
	pg_prepare(pg, statements, ARRAY_LEN(statements));
}
