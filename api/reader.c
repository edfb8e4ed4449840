#include "api/reader.h"

#include <pthread.h>
#include <sodium.h>

#include "api/respond.h"
#include "api/statements.h"
#include "common/base/daemon.h"
#include "common/base/log.h"

/* After a connection could not be opened, jobs fail at once for so long. */
#define DOWN_MS 500

struct reader_thread {
	struct reader *reader;
	pthread_t thread;
	struct pg *pg;
	int64_t down_until_ms;
	struct err down; /* why it could not be opened */
	bool logged;     /* since it was open */
};

struct reader {
	pthread_mutex_t lock;
	pthread_cond_t added;
	bool stop;
	struct request *first, *last;
	size_t waiting;
	size_t threads_len;
	struct reader_thread threads[];
};

/* Open the connection, but not again and again while that fails. */
static enum err_class
connection_open(struct reader_thread *thread, struct err *err)
{
	int64_t now_ms = clock_steady_ms();

	if (!pg_is_open(thread->pg) && now_ms < thread->down_until_ms) {
		*err = thread->down;
		return err->class;
	}
	if (pg_connect(thread->pg, err) == ERR_NONE) {
		thread->logged = false;
		return ERR_NONE;
	}
	if (!thread->logged)
		log_line(LOG_ERROR, "the database is out of reach for queries",
		    log_text("error", err->text));
	thread->logged = true;
	/* A role or a schema that is not right yet may become so: for callers it is out of reach.
	 */
	err->class = ERR_RETRY;
	thread->down = *err;
	thread->down_until_ms = clock_steady_ms() + DOWN_MS;
	return err->class;
}

/* How each scope is told to the transaction. */
static const char *const scope_statements[] = {
    [SCOPE_ORGANISATION] = "scope_organisation",
    [SCOPE_KEY] = "scope_key",
    [SCOPE_USER] = "scope_user",
    [SCOPE_NONE] = NULL,
};

/* Tell the transaction for whom the job reads: an array with the one value, as text. */
static enum err_class
scope_send(struct pg *pg, struct request *request, struct err *err)
{
	char text[2 * sizeof(request->key_hash) + 8] = "{";
	struct pg_params params;
	size_t len = 1;

	switch (request->job.scope) {
	case SCOPE_NONE:
		return ERR_NONE;
	case SCOPE_ORGANISATION:
		uuid_write(request->caller.organisation_id, text + len);
		len += UUID_TEXT_SIZE - 1;
		break;
	case SCOPE_USER:
		uuid_write(request->caller.id, text + len);
		len += UUID_TEXT_SIZE - 1;
		break;
	case SCOPE_KEY:
		memcpy(text + len, "\"\\\\x", 4);
		len += 4;
		sodium_bin2hex(
		    text + len, sizeof(text) - len, request->key_hash, sizeof(request->key_hash));
		len += 2 * sizeof(request->key_hash);
		text[len++] = '"';
		break;
	}
	text[len++] = '}';
	pg_params_init(&params, &request->arena);
	pg_params_str(&params, (struct str){text, len});
	return pg_send(pg, scope_statements[request->job.scope], &params, err);
}

static enum err_class
round_send(struct pg *pg, struct request **requests, size_t len, struct err *err)
{
	for (size_t i = 0; i < len; i++)
		if (scope_send(pg, requests[i], err) != ERR_NONE ||
		    pg_send(pg, requests[i]->job.statement, requests[i]->job.params, err) !=
			ERR_NONE)
			return err->class;
	return pg_sync(pg, err);
}

/* One round trip.  ${ret_done} jobs were done with; what ${err} tells befell the one behind. */
static enum err_class
round_run(struct reader_thread *thread, struct request **requests, size_t len, size_t *ret_done,
    struct err *err)
{
	struct pg *pg = thread->pg;
	PGresult *result;

	*ret_done = 0;
	if (connection_open(thread, err) != ERR_NONE)
		return err->class;
	if (round_send(pg, requests, len, err) != ERR_NONE)
		goto fail;
	for (size_t i = 0; i < len; i++) {
		if (scope_statements[requests[i]->job.scope] != NULL) {
			if (pg_receive(pg, &result, err) != ERR_NONE)
				goto fail;
			PQclear(result);
		}
		if (pg_receive(pg, &result, err) != ERR_NONE)
			goto fail;
		requests[i]->job.done(requests[i], result, NULL);
		PQclear(result);
		*ret_done = i + 1;
	}
	/* All was read; if only the end of the transaction failed, nobody misses it. */
	if (pg_finish(pg, err) != ERR_NONE)
		pg_rollback(pg);
	return ERR_NONE;
fail:
	pg_rollback(pg);
	return err->class;
}

/* One job alone, once more when its connection had died since it was last used. */
static void
job_run(struct reader_thread *thread, struct request *request)
{
	struct err err;
	size_t done;

	for (int attempt = 0; attempt < 2; attempt++) {
		if (round_run(thread, &request, 1, &done, &err) == ERR_NONE)
			return;
		if (err.class != ERR_RETRY || pg_is_open(thread->pg))
			break;
	}
	request->job.done(request, NULL, &err);
}

/* All jobs in one round trip; if one of them fails, those from it on one by one. */
static void
jobs_run(struct reader_thread *thread, struct request **requests, size_t len)
{
	struct err err;
	size_t done = 0;

	if (len > 1 && round_run(thread, requests, len, &done, &err) == ERR_NONE)
		return;
	for (size_t i = done; i < len; i++)
		job_run(thread, requests[i]);
}

/* Wait for jobs and take some.  0: it is to stop, and none is left. */
static size_t
jobs_take(struct reader *reader, struct request **requests)
{
	size_t len = 0;

	pthread_mutex_lock(&reader->lock);
	while (reader->first == NULL && !reader->stop)
		pthread_cond_wait(&reader->added, &reader->lock);
	for (; len < READER_ROUND_MAX && reader->first != NULL; len++) {
		requests[len] = reader->first;
		reader->first = reader->first->next;
		reader->waiting--;
	}
	pthread_mutex_unlock(&reader->lock);
	return len;
}

static void *
thread_run(void *argument)
{
	struct reader_thread *thread = argument;
	struct request *requests[READER_ROUND_MAX];
	struct err err;
	size_t len;

	/* The first request need not wait for it. */
	(void)!connection_open(thread, &err);
	while ((len = jobs_take(thread->reader, requests)) > 0)
		jobs_run(thread, requests, len);
	return NULL;
}

struct reader *
reader_new(const struct pg_settings *settings, size_t threads)
{
	struct reader *reader = calloc(1, sizeof(*reader) + threads * sizeof(reader->threads[0]));

	CHECK(reader != NULL);
	CHECK(2 * READER_ROUND_MAX <= PG_PIPELINE_MAX);
	CHECK(pthread_mutex_init(&reader->lock, NULL) == 0);
	CHECK(pthread_cond_init(&reader->added, NULL) == 0);
	reader->threads_len = threads;
	for (size_t i = 0; i < threads; i++) {
		struct reader_thread *thread = &reader->threads[i];

		thread->reader = reader;
		thread->pg = pg_new(settings);
		pg_prepare(thread->pg, statement_table, statement_table_len);
		CHECK(pthread_create(&thread->thread, NULL, thread_run, thread) == 0);
	}
	return reader;
}

void
reader_free(struct reader *reader)
{
	if (reader == NULL)
		return;
	pthread_mutex_lock(&reader->lock);
	reader->stop = true;
	pthread_cond_broadcast(&reader->added);
	pthread_mutex_unlock(&reader->lock);
	for (size_t i = 0; i < reader->threads_len; i++) {
		pthread_join(reader->threads[i].thread, NULL);
		pg_free(reader->threads[i].pg);
	}
	pthread_cond_destroy(&reader->added);
	pthread_mutex_destroy(&reader->lock);
	free(reader);
}

bool
reader_add(struct reader *reader, struct request *request)
{
	bool room;

	CHECK(request->suspended);
	CHECK(request->job.params != NULL);

	request->next = NULL;
	pthread_mutex_lock(&reader->lock);
	room = reader->waiting < READER_JOBS_MAX && !reader->stop;
	if (room) {
		if (reader->first == NULL)
			reader->first = request;
		else
			reader->last->next = request;
		reader->last = request;
		reader->waiting++;
		pthread_cond_signal(&reader->added);
	}
	pthread_mutex_unlock(&reader->lock);
	return room;
}

bool
reader_begin(struct request *request, const struct job *job)
{
	request->job = *job;
	request_suspend(request);
	if (!reader_add(request->ingress->reader, request)) {
		answer_problem(request, PROBLEM_OVERLOADED, "Too many queries are waiting.");
		request_resume(request);
	}
	return false;
}

struct pg_params *
reader_params(struct request *request)
{
	struct pg_params *params = arena_alloc(&request->arena, sizeof(*params));

	if (params != NULL)
		pg_params_init(params, &request->arena);
	return params;
}
