#include "worker/database_clock.h"

#include "common/base/check.h"
#include "common/base/daemon.h"

#define AGE_MAX_MS 1000

static const struct pg_statement statements[] = {
    {"database_clock", "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::int8"},
};

void
database_clock_prepare(struct pg *pg)
{
	pg_prepare(pg, statements, ARRAY_LEN(statements));
}

enum err_class
database_clock_ready(struct database_clock *clock, struct pg *pg, struct err *err)
{
	int64_t steady_ms = clock_steady_ms();
	PGresult *result = NULL;

	if (clock->asked_ms != 0 && steady_ms - clock->steady_ms <= AGE_MAX_MS)
		return ERR_NONE;
	if (pg_run(pg, "database_clock", NULL, &result, err) != ERR_NONE)
		return err_wrap(err, "the database's clock");
	/* The answer is older than its arrival, and of what has passed since the first millisecond
	 * does not count, which both readings may cut: this clock is late, and never early. */
	*clock = (struct database_clock){pg_get_int64(result, 0, 0), clock_steady_ms() + 1};
	PQclear(result);
	return ERR_NONE;
}

int64_t
database_clock_now_ms(const struct database_clock *clock)
{
	CHECK(clock->asked_ms != 0);
	return clock->asked_ms + clock_steady_ms() - clock->steady_ms;
}
