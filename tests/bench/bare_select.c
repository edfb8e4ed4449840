/*
 * What PostgreSQL gives to a program that only reads what GET /v1/invoices/{id} answers: a prepared
 * SELECT of the public JSON, one round trip each.
 *
 *   bare_select URL ORGANISATION CONNECTIONS SECONDS IDS_FILE
 *
 * Each connection says once for whom it reads, and takes the ids of the file one after the other,
 * each beginning at another place.  A row that is not there ends the program.
 */

#include <libpq-fe.h>
#include <pthread.h>

#include "common/base/daemon.h"
#include "tests/bench/bench.h"

#define ID_LEN ((size_t)36)
#define SELECT \
	"SELECT json::text FROM api.invoices WHERE organisation_id = $1::uuid AND id = $2::uuid"

struct reader {
	PGconn *pg;
	pthread_t thread;
	pthread_barrier_t *start;
	const char *organisation;
	struct str ids;
	size_t next;
	int64_t seconds, count;
};

static PGresult *
checked(PGconn *pg, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		bench_die("%s", PQerrorMessage(pg));
	return result;
}

static void
reader_open(struct reader *reader, const char *url)
{
	reader->pg = PQconnectdb(url);
	if (PQstatus(reader->pg) != CONNECTION_OK)
		bench_die("%s", PQerrorMessage(reader->pg));
	PQclear(checked(
	    reader->pg, PQexecParams(reader->pg,
			    "SELECT set_config('billd.organisations', '{' || $1 || '}', false)", 1,
			    NULL, &reader->organisation, NULL, NULL, 0)));
	PQclear(checked(reader->pg, PQprepare(reader->pg, "select", SELECT, 2, NULL)));
}

static void
read_one(struct reader *reader)
{
	size_t ids_len = reader->ids.len / (ID_LEN + 1);
	char id[ID_LEN + 1] = "";
	const char *values[] = {reader->organisation, id};
	PGresult *result;

	memcpy(id, reader->ids.ptr + reader->next++ % ids_len * (ID_LEN + 1), ID_LEN);
	result =
	    checked(reader->pg, PQexecPrepared(reader->pg, "select", 2, values, NULL, NULL, 1));
	if (PQntuples(result) != 1)
		bench_die("there is no invoice %s", id);
	PQclear(result);
}

static void *
reader_run(void *argument)
{
	struct reader *reader = argument;
	int64_t end_us;

	pthread_barrier_wait(reader->start);
	end_us = clock_steady_us() + reader->seconds * 1000000;
	for (; clock_steady_us() < end_us; reader->count++)
		read_one(reader);
	return NULL;
}

int
main(int argc, char **argv)
{
	struct reader *readers;
	pthread_barrier_t start;
	int64_t seconds, count = 0;
	size_t len;
	struct str ids;

	if (argc != 6)
		bench_die("usage: bare_select URL ORGANISATION CONNECTIONS SECONDS IDS_FILE");
	len = (size_t)bench_number("CONNECTIONS", argv[3], 1, 1000);
	seconds = bench_number("SECONDS", argv[4], 1, 3600);
	ids = bench_file(argv[5]);
	if (ids.len < ID_LEN + 1)
		bench_die("%s has no id", argv[5]);
	readers = calloc(len, sizeof(*readers));
	CHECK(readers != NULL && pthread_barrier_init(&start, NULL, (unsigned)len) == 0);
	for (size_t i = 0; i < len; i++) {
		readers[i] = (struct reader){.start = &start,
		    .organisation = argv[2],
		    .ids = ids,
		    .next = i * (ids.len / (ID_LEN + 1)) / len,
		    .seconds = seconds};
		reader_open(&readers[i], argv[1]);
	}
	for (size_t i = 0; i < len; i++)
		CHECK(pthread_create(&readers[i].thread, NULL, reader_run, &readers[i]) == 0);
	for (size_t i = 0; i < len; i++) {
		pthread_join(readers[i].thread, NULL);
		PQfinish(readers[i].pg);
		count += readers[i].count;
	}
	printf("{\"count\": %lld, \"seconds\": %lld}\n", (long long)count, (long long)seconds);
	return 0;
}
