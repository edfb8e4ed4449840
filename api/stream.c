#include "api/stream.h"

#include <pthread.h>
#include <sodium.h>
#include <time.h>

#include "api/arguments.h"
#include "api/callers.h"
#include "api/looker.h"
#include "api/peer.h"
#include "api/query.h"
#include "api/reader.h"
#include "api/respond.h"
#include "common/base/daemon.h"

#define TURN_MS 250 /* between two looks at who still follows */
#define FULL_RETRY_S 5

struct streamer {
	struct ingress *ingress;
	struct looker *looker;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool woken; /* under the lock, as all up to `streams` */
	bool stop;
	size_t len;
	struct request *streams[STREAMS_MAX]; /* whoever has them */

	/* The thread's own: those that it has, in one turn. */
	size_t held;
	struct request *parked[STREAMS_MAX];
};

/* There is something to do. */
static void
streamer_wake(void *cls)
{
	struct streamer *streamer = cls;

	pthread_mutex_lock(&streamer->lock);
	streamer->woken = true;
	pthread_cond_signal(&streamer->changed);
	pthread_mutex_unlock(&streamer->lock);
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
streamer_remove(struct streamer *streamer, const struct request *request)
{
	size_t i = 0;

	pthread_mutex_lock(&streamer->lock);
	CHECK(!request->stream.parked);
	while (i < streamer->len && streamer->streams[i] != request)
		i++;
	CHECK(i < streamer->len);
	streamer->streams[i] = streamer->streams[--streamer->len];
	pthread_mutex_unlock(&streamer->lock);
}

/* Begin the answer: what is there follows as the first event. */
static void
begin(struct request *request)
{
	struct streamer *streamer = request->ingress->streamer;
	struct stream *stream = &request->stream;

	stream->followed =
	    looker_follow(streamer->looker, request->caller.organisation_id, request->resource_id);
	if (stream->followed == NULL) {
		streamer_remove(streamer, request);
		answer_problem(request, PROBLEM_INTERNAL, "There is no memory left.");
		return;
	}
	stream->begun_us = clock_steady_us();
	stream->told_ms = stream->begun_us / 1000;
	/* Those whom one restart has cut off do not all come back in one moment. */
	buf_printf(&request->out, "retry: %u\n\n",
	    STREAM_RETRY_MS + (unsigned int)randombytes_uniform(STREAM_RETRY_MS));
	stream->text = buf_str(&request->out);
	stream->over = request->out.overflow;
	answer_header(request, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	answer_header(request, "X-Accel-Buffering", "no");
	answer_bytes(request, MHD_HTTP_OK, EVENTS_TYPE, STR_NONE);
}

static void
first_read(struct request *request, const PGresult *result, const struct err *err)
{
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
		begin(request);
	}
	request_resume(request);
}

bool
stream_run(struct request *request)
{
	struct arguments arguments;
	struct uuid id;
	struct job job;

	answer_header(request, MHD_HTTP_HEADER_VARY, "Accept");
	if (!header_wants_events(request->headers.values[HEADER_ACCEPT]) ||
	    str_equal(request->method, STR("HEAD")))
		return query_run_one(request);
	if (!arguments_read(request, 0, &arguments))
		return true;
	CHECK(request->match.params_len == 1);
	CHECK(uuid_read(request->match.params[0].text, &id));
	if (!query_one(request, request->match.route->resource, id, &job)) {
		answer_problem(request, PROBLEM_INTERNAL, "There is no memory left.");
		return true;
	}
	request->resource_id = id;
	job.statement = "billing_runs_there";
	job.done = first_read;
	return reader_begin(request, &job);
}

ssize_t
stream_read(void *cls, uint64_t position, char *bytes, size_t max)
{
	struct request *request = cls;
	struct stream *stream = &request->stream;
	struct streamer *streamer = request->ingress->streamer;
	size_t len = stream->text.len < max ? stream->text.len : max;

	(void)position;
	CHECK(stream->begun_us != 0);

	if (len > 0) {
		memcpy(bytes, stream->text.ptr, len);
		stream->text.ptr += len;
		stream->text.len -= len;
		return (ssize_t)len;
	}
	sse_event_release(stream->event);
	stream->event = NULL;
	streamer->ingress->calls++;
	if (stream->over || streamer->ingress->draining) {
		streamer->ingress->calls--;
		return MHD_CONTENT_READER_END_OF_STREAM;
	}
	peer_deadline(request->peer, PEER_NO_DEADLINE);
	request_suspend(request);
	pthread_mutex_lock(&streamer->lock);
	stream->parked = true;
	streamer->woken = true;
	pthread_cond_signal(&streamer->changed);
	pthread_mutex_unlock(&streamer->lock);
	streamer->ingress->calls--;
	return 0;
}

void
stream_end(struct request *request)
{
	struct streamer *streamer = request->ingress->streamer;

	if (request->stream.begun_us == 0)
		return;
	sse_event_release(request->stream.event);
	looker_leave(streamer->looker, request->stream.followed);
	streamer_remove(streamer, request);
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

/* Give ${request} back to its event loop, with what there is to send. */
static void
unpark(struct streamer *streamer, struct request *request, int64_t now_ms)
{
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

/* Whether there is something to do for ${request}, which is then in its stream. */
static bool
is_due(struct streamer *streamer, struct request *request, int64_t now_ms)
{
	struct stream *stream = &request->stream;

	if (streamer->ingress->draining || !may_follow(request) || peer_is_gone(request->peer) ||
	    now_ms >= stream->begun_us / 1000 + STREAM_LIFE_MS) {
		stream->over = true;
		return true;
	}
	stream->event = looker_next(streamer->looker, stream->followed, &stream->number);
	if (stream->event != NULL) {
		stream->text = (struct str){stream->event->bytes, stream->event->len};
		stream->over = stream->event->over;
		return true;
	}
	if (now_ms < stream->told_ms + STREAM_BEAT_MS)
		return false;
	stream->text = STR(": \n\n");
	return true;
}

/* Take those that wait for us; all that they had to send is sent. */
static void
hold_parked(struct streamer *streamer)
{
	streamer->held = 0;
	for (size_t i = 0; i < streamer->len; i++)
		if (streamer->streams[i]->stream.parked)
			streamer->parked[streamer->held++] = streamer->streams[i];
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
	until = clock_steady_after(TURN_MS);
	if (!streamer->stop && !streamer->woken)
		pthread_cond_timedwait(&streamer->changed, &streamer->lock, &until);
	streamer->woken = false;
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

		for (size_t i = 0; i < streamer->held; i++)
			if (is_due(streamer, streamer->parked[i], now_ms))
				unpark(streamer, streamer->parked[i], now_ms);
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
	CHECK(pthread_mutex_init(&streamer->lock, NULL) == 0);
	CHECK(pthread_condattr_init(&attributes) == 0);
	CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
	CHECK(pthread_cond_init(&streamer->changed, &attributes) == 0);
	pthread_condattr_destroy(&attributes);
	streamer->looker = looker_new(settings, streamer_wake, streamer);
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
	looker_free(streamer->looker);
	pthread_cond_destroy(&streamer->changed);
	pthread_mutex_destroy(&streamer->lock);
	free(streamer);
}
