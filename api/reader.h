#ifndef API_READER_H
#define API_READER_H

/*
 * The query threads: each with its own connection, blocking, so that no event loop ever waits for
 * PostgreSQL.  A thread takes what is waiting, up to a limit, and reads it all in one round trip.
 * The jobs of a round share a transaction; each begins by saying for whom it reads, so row-level
 * security shows it that organisation's rows alone.
 */

#include "api/request.h"

#define READER_JOBS_MAX 4096 /* waiting for a thread; beyond, 503 */
#define READER_ROUND_MAX 16  /* jobs in one round trip */

struct reader;

/**
 * reader_new(settings, threads), reader_free(reader):
 * Start ${threads} threads that connect by ${settings}.  Never NULL.  Free answers what still waits
 * and joins them; accepts NULL.
 */
NODISCARD struct reader *reader_new(const struct pg_settings *settings, size_t threads);
void reader_free(struct reader *reader);

/**
 * reader_add(reader, request):
 * Have the job of the suspended ${request} done.  False, nothing done, when too many wait.
 */
NODISCARD bool reader_add(struct reader *reader, struct request *request);

/**
 * reader_begin(request, job):
 * By the event loop: suspend ${request} and have ${job} done, or have it answered that too many
 * wait.  Always false, as a route's run that handed its request over.
 */
NODISCARD bool reader_begin(struct request *request, const struct job *job);

/**
 * reader_params(request):
 * Parameters for a job, in the request's arena; NULL when it is full.
 */
NODISCARD struct pg_params *reader_params(struct request *request);

#endif
