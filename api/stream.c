#include "api/stream.h"

#include <pthread.h>
#include <sodium.h>
#include <time.h>

#include "api/arguments.h"
#include "api/callers.h"
#include "api/peer.h"
#include "api/query.h"
#include "api/reader.h"
#include "api/respond.h"
#include "api/statements.h"
#include "common/base/daemon.h"
#include "common/base/log.h"

#define WATCHED "billing_runs_watched"
#define TURN_MS 250 /* between two looks at who may still follow */
#define FULL_RETRY_S 5
#define ARENA_MAX ((size_t)256 * 1024)

struct streamer {
	struct ingress *ingress;
	struct pg *pg;
	struct arena arena;
	struct buf scope; /* the organisations of a look */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* the first stream is there, or it is to stop */
	bool stop;
	size_t len;                           /* under the lock, as the next */
	struct request *streams[STREAMS_MAX]; /* whoever has them */

	/* The thread's own: those that it has, in one turn. */
	size_t held;
	struct request *parked[STREAMS_MAX];
	int64_t look_at_ms; /* not before */
	bool down;          /* the last look failed */
};

/* What is told, on lines of the stream.  A line's end within the JSON, where it has one, is space
 * between two words of it. */
static void
put_event(struct request *request, struct str json)
{
	struct stream *stream = &request->stream;
	struct buf *out = &request->out;
	char id[2 * STREAM_MARK_BYTES + 1];
	size_t begin;

	sodium_bin2hex(id, sizeof(id), stream->mark, sizeof(stream->mark));
	buf_printf(out, "event: %s\nid: %s\ndata: ", request->match.route->resource->type, id);
	begin = out->len;
	buf_append_str(out, json);
	for (size_t i = begin; i < out->len; i++)
		if (out->ptr[i] == '\n' || out->ptr[i] == '\r')
			out->ptr[i] = ' ';
	buf_append_str(out, STR("\n\n"));
}

/* Take row ${row} of WATCHED.  False: what is there was told already. */
static bool
note_row(struct request *request, const PGresult *result, int row)
{
	struct stream *stream = &request->stream;
	struct str json = pg_get_str(result, row, 3);
	uint8_t mark[STREAM_MARK_BYTES];

	CHECK(crypto_generichash(
		  mark, sizeof(mark), (const unsigned char *)json.ptr, json.len, NULL, 0) == 0);
	if (memcmp(mark, stream->mark, sizeof(mark)) == 0)
		return false;
	memcpy(stream->mark, mark, sizeof(mark));
	stream->over = pg_get_bool(result, row, 2);
	put_event(request, json);
	return true;
}

/* Count ${request} among the streams.  False: there are as many as there may be. */
static bool
streamer_add(struct streamer *streamer, struct request *request)
{
	size_t of_organisation = 0;
	bool room;

	pthread_mutex_lock(&streamer->lock);
	for (size_t i = 0; i < streamer->len; i++)
		of_organisation += uuid_equal(
		    streamer->streams[i]->caller.organisation_id, request->caller.organisation_id);
	room = streamer->len < STREAMS_MAX && of_organisation < STREAMS_ORGANISATION_MAX;
	if (room) {
		streamer->streams[streamer->len++] = request;
		pthread_cond_signal(&streamer->changed);
	}
	pthread_mutex_unlock(&streamer->lock);
	return room;
}

static void
first_read(struct request *request, const PGresult *result, const struct err *err)
{
	struct stream *stream = &request->stream;

	if (result == NULL) {
		answer_failed(request, err);
	} else if (PQntuples(result) == 0) {
		answer_problem(request, PROBLEM_NOT_FOUND,
		    "No %s with this id exists in this organisation.",
		    request->match.route->resource->type);
	} else if (!streamer_add(request->ingress->streamer, request)) {
		request->answer.retry_after_s = FULL_RETRY_S;
		answer_problem(request, PROBLEM_OVERLOADED,
		    "As many streams are open as there may be: %d, of one organisation %d.",
		    STREAMS_MAX, STREAMS_ORGANISATION_MAX);
	} else {
		stream->begun_us = clock_steady_us();
		stream->told_ms = stream->begun_us / 1000;
		buf_printf(&request->out, "retry: %d\n\n", STREAM_RETRY_MS);
		(void)!note_row(request, result, 0);
		answer_header(request, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
		answer_header(request, "X-Accel-Buffering", "no");
		answer_bytes(request, MHD_HTTP_OK, EVENTS_TYPE, STR_NONE);
	}
	request_resume(request);
}

bool
stream_run(struct request *request)
{
	struct job job = {.scope = SCOPE_ORGANISATION, .statement = WATCHED, .done = first_read};
	struct arguments arguments;
	struct uuid id;

	if (!header_wants_events(request->headers.values[HEADER_ACCEPT]) ||
	    str_equal(request->method, STR("HEAD")))
		return query_run_one(request);
	if (!arguments_read(request, 0, &arguments))
		return true;
	job.params = reader_params(request);
	if (job.params == NULL) {
		answer_problem(request, PROBLEM_INTERNAL, "There is no memory left.");
		return true;
	}
	CHECK(request->match.params_len == 1);
	CHECK(uuid_read(request->match.params[0].text, &id));
	request->resource_id = id;
	pg_params_uuids(job.params, &request->caller.organisation_id, 1);
	pg_params_uuids(job.params, &request->resource_id, 1);
	return reader_begin(request, &job);
}

ssize_t
stream_read(void *cls, uint64_t position, char *bytes, size_t max)
{
	struct request *request = cls;
	struct stream *stream = &request->stream;
	struct streamer *streamer = request->ingress->streamer;
	size_t len = request->out.len - stream->sent;

	(void)position;
	CHECK(stream->begun_us != 0 && stream->sent <= request->out.len);

	/* Half an event must not look like a whole one. */
	if (request->out.overflow)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (len > 0) {
		len = len < max ? len : max;
		memcpy(bytes, request->out.ptr + stream->sent, len);
		stream->sent += len;
		return (ssize_t)len;
	}
	if (stream->over || request->ingress->draining)
		return MHD_CONTENT_READER_END_OF_STREAM;
	peer_deadline(request->peer, PEER_NO_DEADLINE);
	request_suspend(request);
	pthread_mutex_lock(&streamer->lock);
	stream->parked = true;
	pthread_mutex_unlock(&streamer->lock);
	return 0;
}

void
stream_end(struct request *request)
{
	struct streamer *streamer = request->ingress->streamer;
	size_t i = 0;

	if (request->stream.begun_us == 0)
		return;
	pthread_mutex_lock(&streamer->lock);
	CHECK(!request->stream.parked);
	while (i < streamer->len && streamer->streams[i] != request)
		i++;
	CHECK(i < streamer->len);
	streamer->streams[i] = streamer->streams[--streamer->len];
	pthread_mutex_unlock(&streamer->lock);
}

size_t
streamer_len(struct streamer *streamer)
{
	size_t len;

	pthread_mutex_lock(&streamer->lock);
	len = streamer->len;
	pthread_mutex_unlock(&streamer->lock);
	return len;
}

/* Give number ${i} of those that are held back to its event loop, with what there is to send. */
static void
unpark(struct streamer *streamer, size_t i, int64_t now_ms)
{
	struct request *request = streamer->parked[i];

	streamer->parked[i] = streamer->parked[--streamer->held];
	request->stream.told_ms = now_ms;
	pthread_mutex_lock(&streamer->lock);
	request->stream.parked = false;
	pthread_mutex_unlock(&streamer->lock);
	peer_deadline(request->peer, now_ms + PEER_SEND_MS);
	request_resume(request);
}

/* Whether who follows may still: known by what the cache of callers says by now. */
static bool
may_follow(const struct request *request)
{
	const struct route *route = request->match.route;
	struct caller caller;

	return callers_get(
		   request->ingress->callers, request->key_hash, clock_now_ms() / 1000, &caller) &&
	       role_may(caller.role, route->permission);
}

static void
end_some(struct streamer *streamer, int64_t now_ms)
{
	for (size_t i = streamer->held; i > 0; i--) {
		struct request *request = streamer->parked[i - 1];

		if (!streamer->ingress->draining && may_follow(request) &&
		    now_ms < request->stream.begun_us / 1000 + STREAM_LIFE_MS)
			continue;
		request->stream.over = true;
		unpark(streamer, i - 1, now_ms);
	}
}

/* Queue what tells for whom the transaction reads: all organisations of those that are held. */
static enum err_class
scope_send(struct streamer *streamer, const struct uuid *organisations, size_t len, struct err *err)
{
	struct pg_params params;
	char text[UUID_TEXT_SIZE];

	buf_clear(&streamer->scope);
	for (size_t i = 0; i < len; i++) {
		uuid_write(organisations[i], text);
		buf_append_char(&streamer->scope, i == 0 ? '{' : ',');
		buf_append_str(&streamer->scope, str_from(text));
	}
	buf_append_char(&streamer->scope, '}');
	if (streamer->scope.overflow)
		return err_set(err, ERR_RETRY, "no memory for a list of organisations");
	pg_params_init(&params, &streamer->arena);
	pg_params_str(&params, buf_str(&streamer->scope));
	return pg_send(streamer->pg, "scope_organisation", &params, err);
}

/* Read all that is followed by those that are held, in one round trip. */
static enum err_class
look(struct streamer *streamer, PGresult **ret_result, struct err *err)
{
	struct uuid organisations[STREAMS_MAX], ids[STREAMS_MAX];
	struct pg *pg = streamer->pg;
	struct pg_params params;
	PGresult *result;

	*ret_result = NULL;
	for (size_t i = 0; i < streamer->held; i++) {
		organisations[i] = streamer->parked[i]->caller.organisation_id;
		ids[i] = streamer->parked[i]->resource_id;
	}
	arena_reset(&streamer->arena);
	pg_params_init(&params, &streamer->arena);
	pg_params_uuids(&params, organisations, streamer->held);
	pg_params_uuids(&params, ids, streamer->held);
	if (pg_connect(pg, err) != ERR_NONE)
		return err->class;
	if (scope_send(streamer, organisations, streamer->held, err) != ERR_NONE ||
	    pg_send(pg, WATCHED, &params, err) != ERR_NONE || pg_sync(pg, err) != ERR_NONE ||
	    pg_receive(pg, &result, err) != ERR_NONE)
		goto fail;
	PQclear(result);
	if (pg_receive(pg, ret_result, err) == ERR_NONE && pg_finish(pg, err) == ERR_NONE)
		return ERR_NONE;
	PQclear(*ret_result);
	*ret_result = NULL;
fail:
	pg_rollback(pg);
	return err->class;
}

/* The row of what ${request} follows, or -1. */
static int
row_of(const PGresult *result, const struct request *request)
{
	for (int row = 0; row < PQntuples(result); row++)
		if (uuid_equal(pg_get_uuid(result, row, 1), request->resource_id) &&
		    uuid_equal(pg_get_uuid(result, row, 0), request->caller.organisation_id))
			return row;
	return -1;
}

/* Look again, and tell what has changed.  What is not there any more is over. */
static void
tell_some(struct streamer *streamer, int64_t now_ms)
{
	struct err err = {.class = ERR_NONE};
	PGresult *result;

	if (streamer->held == 0 || now_ms < streamer->look_at_ms)
		return;
	streamer->look_at_ms = now_ms + STREAM_LOOK_MS;
	if (look(streamer, &result, &err) != ERR_NONE) {
		if (!streamer->down)
			log_line(LOG_ERROR, "the database is out of reach for streams",
			    log_text("error", err.text));
		streamer->down = true;
		return;
	}
	streamer->down = false;
	for (size_t i = streamer->held; i > 0; i--) {
		struct request *request = streamer->parked[i - 1];
		int row = row_of(result, request);

		request->stream.over = row < 0;
		if (row < 0 || note_row(request, result, row))
			unpark(streamer, i - 1, now_ms);
	}
	PQclear(result);
}

static void
beat_some(struct streamer *streamer, int64_t now_ms)
{
	for (size_t i = streamer->held; i > 0; i--) {
		struct request *request = streamer->parked[i - 1];

		if (now_ms < request->stream.told_ms + STREAM_BEAT_MS)
			continue;
		buf_append_str(&request->out, STR(": \n\n"));
		unpark(streamer, i - 1, now_ms);
	}
}

/* Take those that wait for us; all that they had to send is sent. */
static void
hold_parked(struct streamer *streamer)
{
	streamer->held = 0;
	for (size_t i = 0; i < streamer->len; i++) {
		struct request *request = streamer->streams[i];

		if (!request->stream.parked)
			continue;
		buf_clear(&request->out);
		request->stream.sent = 0;
		streamer->parked[streamer->held++] = request;
	}
}

/* Wait for a stream, then for the next turn.  False: it is to stop. */
static bool
rest(struct streamer *streamer)
{
	struct timespec until;
	bool stop;

	pthread_mutex_lock(&streamer->lock);
	while (streamer->len == 0 && !streamer->stop)
		pthread_cond_wait(&streamer->changed, &streamer->lock);
	CHECK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
	until.tv_nsec += TURN_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	if (!streamer->stop)
		pthread_cond_timedwait(&streamer->changed, &streamer->lock, &until);
	hold_parked(streamer);
	stop = streamer->stop;
	pthread_mutex_unlock(&streamer->lock);
	return !stop;
}

static void *
streamer_run(void *argument)
{
	struct streamer *streamer = argument;

	while (rest(streamer)) {
		int64_t now_ms = clock_steady_ms();

		end_some(streamer, now_ms);
		tell_some(streamer, now_ms);
		beat_some(streamer, now_ms);
	}
	return NULL;
}

struct streamer *
streamer_new(const struct pg_settings *settings, struct ingress *ingress)
{
	struct streamer *streamer = calloc(1, sizeof(*streamer));
	pthread_condattr_t attributes;

	CHECK(streamer != NULL);
	streamer->ingress = ingress;
	streamer->pg = pg_new(settings);
	pg_prepare(streamer->pg, statement_table, statement_table_len);
	arena_init(&streamer->arena, ARENA_MAX);
	buf_init(&streamer->scope, STREAMS_MAX * UUID_TEXT_SIZE + 2);
	CHECK(pthread_mutex_init(&streamer->lock, NULL) == 0);
	CHECK(pthread_condattr_init(&attributes) == 0);
	CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
	CHECK(pthread_cond_init(&streamer->changed, &attributes) == 0);
	pthread_condattr_destroy(&attributes);
	CHECK(pthread_create(&streamer->thread, NULL, streamer_run, streamer) == 0);
	return streamer;
}

void
streamer_free(struct streamer *streamer)
{
	if (streamer == NULL)
		return;
	pthread_mutex_lock(&streamer->lock);
	CHECK(streamer->len == 0);
	streamer->stop = true;
	pthread_cond_signal(&streamer->changed);
	pthread_mutex_unlock(&streamer->lock);
	pthread_join(streamer->thread, NULL);
	pg_free(streamer->pg);
	arena_release(&streamer->arena);
	buf_release(&streamer->scope);
	pthread_cond_destroy(&streamer->changed);
	pthread_mutex_destroy(&streamer->lock);
	free(streamer);
}
