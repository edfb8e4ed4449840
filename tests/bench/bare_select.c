/*
 * What PostgreSQL gives to a program that only reads what GET /v1/invoices/{id} answers: a prepared
 * SELECT of the public JSON, one round trip each.
 *
 *   bare_select ORGANISATION CONNECTIONS SECONDS IDS_FILE URL...
 *
 * Several URLs, each a role's, are sides to be compared: of each there are so many connections, and
 * all of a side read for SLICE_US, then all of the next, there and back.  So what else a machine
 * does meets all sides alike.  cpu_seconds is what a side's PostgreSQL backends used, which have to
 * run here.
 *
 * Each connection says once for whom it reads, keeps its plan as the api's do, and takes the ids of
 * the file one after the other, each beginning at another place.  A row that is not there ends the
 * program.
 */

#include <libpq-fe.h>
#include <pthread.h>

#include "common/base/daemon.h"
#include "tests/bench/bench.h"

#define ID_LEN ((size_t)36)
#define SLICE_US ((int64_t)10000)
#define SIDES_MAX ((size_t)4)
#define WARM_UP 500 /* reads of each connection that do not count: its plan, its caches */
#define SELECT \
	"SELECT json::text FROM api.invoices WHERE organisation_id = $1::uuid AND id = $2::uuid"

/* A connection to each side, of which one is at work. */
struct reader {
	PGconn *sides[SIDES_MAX];
	size_t sides_len;
	pthread_t thread;
	pthread_barrier_t *start;
	const char *organisation;
	struct str ids;
	size_t next;
	int64_t seconds, counts[SIDES_MAX];
	double cpu_seconds[SIDES_MAX];
};

static PGresult *
checked(PGconn *pg, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		bench_die("%s", PQerrorMessage(pg));
	return result;
}

/* What the processors have given to a connection's backend. */
static double
backend_seconds(PGconn *pg)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(PQbackendPID(pg), &clock) != 0 || clock_gettime(clock, &used) != 0)
		bench_die("PostgreSQL does not run on this machine");
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static PGconn *
side_open(const struct reader *reader, const char *url)
{
	PGconn *pg = PQconnectdb(url);

	if (PQstatus(pg) != CONNECTION_OK)
		bench_die("%s", PQerrorMessage(pg));
	PQclear(checked(pg, PQexec(pg, "SET plan_cache_mode = force_generic_plan")));
	PQclear(checked(pg,
	    PQexecParams(pg, "SELECT set_config('billd.organisations', '{' || $1 || '}', false)", 1,
		NULL, &reader->organisation, NULL, NULL, 0)));
	PQclear(checked(pg, PQprepare(pg, "select", SELECT, 2, NULL)));
	return pg;
}

static void
read_one(struct reader *reader, size_t side)
{
	size_t ids_len = reader->ids.len / (ID_LEN + 1);
	char id[ID_LEN + 1] = "";
	const char *values[] = {reader->organisation, id};
	PGconn *pg = reader->sides[side];
	PGresult *result;

	memcpy(id, reader->ids.ptr + reader->next++ % ids_len * (ID_LEN + 1), ID_LEN);
	result = checked(pg, PQexecPrepared(pg, "select", 2, values, NULL, NULL, 1));
	if (PQntuples(result) != 1)
		bench_die("there is no invoice %s", id);
	PQclear(result);
	reader->counts[side]++;
}

/* Whose slice it is: 0, 1, 1, 0, 0, … */
static size_t
side_at(const struct reader *reader, int64_t us)
{
	size_t slice = (size_t)(us / SLICE_US);
	size_t place = slice % reader->sides_len;

	return slice / reader->sides_len % 2 == 0 ? place : reader->sides_len - 1 - place;
}

static void *
reader_run(void *argument)
{
	struct reader *reader = argument;
	int64_t start_us, us;

	for (size_t side = 0; side < reader->sides_len; side++) {
		for (int i = 0; i < WARM_UP; i++)
			read_one(reader, side);
		reader->counts[side] = 0;
	}
	pthread_barrier_wait(reader->start);
	for (size_t side = 0; side < reader->sides_len; side++)
		reader->cpu_seconds[side] = -backend_seconds(reader->sides[side]);
	start_us = clock_steady_us();
	while ((us = clock_steady_us() - start_us) < reader->seconds * 1000000)
		read_one(reader, side_at(reader, us));
	for (size_t side = 0; side < reader->sides_len; side++)
		reader->cpu_seconds[side] += backend_seconds(reader->sides[side]);
	return NULL;
}

/* What all counted: a side had its share of the time. */
static void
print(const struct reader *readers, size_t len)
{
	size_t sides_len = readers[0].sides_len;

	printf("{\"sides\": [");
	for (size_t side = 0; side < sides_len; side++) {
		int64_t count = 0;
		double cpu_seconds = 0;

		for (size_t i = 0; i < len; i++) {
			count += readers[i].counts[side];
			cpu_seconds += readers[i].cpu_seconds[side];
		}
		printf("%s{\"count\": %lld, \"seconds\": %.3f, \"cpu_seconds\": %.6f}",
		    side == 0 ? "" : ", ", (long long)count,
		    (double)readers[0].seconds / (double)sides_len, cpu_seconds);
	}
	printf("]}\n");
}

int
main(int argc, char **argv)
{
	struct reader *readers;
	pthread_barrier_t start;
	int64_t seconds;
	size_t len, sides_len = argc < 6 ? 0 : (size_t)argc - 5;
	struct str ids;

	if (sides_len == 0 || sides_len > SIDES_MAX)
		bench_die("usage: bare_select ORGANISATION CONNECTIONS SECONDS IDS_FILE URL...");
	len = (size_t)bench_number("CONNECTIONS", argv[2], 1, 1000);
	seconds = bench_number("SECONDS", argv[3], 1, 3600);
	ids = bench_file(argv[4]);
	if (ids.len < ID_LEN + 1)
		bench_die("%s has no id", argv[4]);
	readers = calloc(len, sizeof(*readers));
	CHECK(readers != NULL && pthread_barrier_init(&start, NULL, (unsigned)len) == 0);
	for (size_t i = 0; i < len; i++) {
		readers[i] = (struct reader){.start = &start,
		    .sides_len = sides_len,
		    .organisation = argv[1],
		    .ids = ids,
		    .next = i * (ids.len / (ID_LEN + 1)) / len,
		    .seconds = seconds};
		for (size_t side = 0; side < sides_len; side++)
			readers[i].sides[side] = side_open(&readers[i], argv[5 + side]);
	}
	for (size_t i = 0; i < len; i++)
		CHECK(pthread_create(&readers[i].thread, NULL, reader_run, &readers[i]) == 0);
	for (size_t i = 0; i < len; i++) {
		pthread_join(readers[i].thread, NULL);
		for (size_t side = 0; side < sides_len; side++)
			PQfinish(readers[i].sides[side]);
	}
	print(readers, len);
	return 0;
}
