#include "api/request.h"

#include <pthread.h>
#include <sodium.h>

/* A buffer that grew larger than this is not kept for the next request. */
#define KEPT_BYTES_MAX ANSWER_SMALL

struct request_pool {
	pthread_mutex_t lock;
	struct request *first;
	size_t kept, kept_max;
};

struct request_pool *
request_pool_new(size_t kept_max)
{
	struct request_pool *pool = calloc(1, sizeof(*pool));

	CHECK(pool != NULL);
	CHECK(pthread_mutex_init(&pool->lock, NULL) == 0);
	pool->kept_max = kept_max;
	return pool;
}

static void
request_free(struct request *request)
{
	arena_release(&request->arena);
	buf_release(&request->body);
	buf_release(&request->out);
	free(request);
}

void
request_pool_free(struct request_pool *pool)
{
	if (pool == NULL)
		return;
	for (struct request *request = pool->first, *next; request != NULL; request = next) {
		next = request->next;
		request_free(request);
	}
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

static struct request *
request_new(void)
{
	struct request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		return NULL;
	arena_init(&request->arena, REQUEST_ARENA_MAX);
	buf_init(&request->body, BODY_MAX);
	buf_init(&request->out, ANSWER_MAX);
	return request;
}

struct request *
request_take(struct request_pool *pool, struct ingress *ingress)
{
	struct request *request;

	pthread_mutex_lock(&pool->lock);
	request = pool->first;
	if (request != NULL) {
		pool->first = request->next;
		pool->kept--;
	}
	pthread_mutex_unlock(&pool->lock);
	if (request == NULL)
		request = request_new();
	if (request != NULL) {
		*request = (struct request){
		    .ingress = ingress,
		    .arena = request->arena,
		    .body = request->body,
		    .out = request->out,
		    .partition = -1,
		    .offset = -1,
		};
	}
	return request;
}

static void
buf_recycle(struct buf *buf)
{
	if (buf->capacity > KEPT_BYTES_MAX)
		buf_release(buf);
	buf_clear(buf);
}

void
request_give(struct request_pool *pool, struct request *request)
{
	bool keep;

	json_decref(request->json);
	request->json = NULL;
	request->ingress->bodies -= (int_fast64_t)request->body.len;
	request->ingress->answers -= request->answer_held;
	/* What it shows once is not to be found in memory later. */
	if (request->match.route != NULL && request->match.route->kind == ROUTE_ACTION &&
	    request->out.len > 0)
		sodium_memzero(request->out.ptr, request->out.len);
	buf_recycle(&request->body);
	buf_recycle(&request->out);
	if (request->arena.used > KEPT_BYTES_MAX)
		arena_release(&request->arena);
	arena_reset(&request->arena);

	pthread_mutex_lock(&pool->lock);
	keep = pool->kept < pool->kept_max;
	if (keep) {
		request->next = pool->first;
		pool->first = request;
		pool->kept++;
	}
	pthread_mutex_unlock(&pool->lock);
	if (!keep)
		request_free(request);
}

void
request_suspend(struct request *request)
{
	CHECK(!request->suspended);
	request->suspended = true;
	request->ingress->suspended++;
	MHD_suspend_connection(request->connection);
}

void
request_resume(struct request *request)
{
	struct ingress *ingress = request->ingress;
	struct MHD_Connection *connection = request->connection;

	CHECK(request->suspended);
	request->suspended = false;
	/* From here on its event loop may run it to its end. */
	MHD_resume_connection(connection);
	ingress->suspended--;
}

int64_t
request_body_max(const struct request *request)
{
	const struct route *route = request->match.route;
	bool anybody = route != NULL && route->access == FOR_ANYBODY && route_has_body(route);

	return anybody ? BODY_ANYBODY_MAX : BODY_MAX;
}

bool
request_body_add(struct request *request, const char *bytes, size_t len)
{
	int_fast64_t held = request->ingress->bodies;
	int64_t max = request_body_max(request);

	if ((int64_t)len > max || (int64_t)request->body.len > max - (int64_t)len)
		return false;
	if (held > BODIES_MAX - (int64_t)len)
		return false;
	buf_append(&request->body, bytes, len);
	if (request->body.overflow)
		return false;
	request->ingress->bodies += (int_fast64_t)len;
	return true;
}

void
request_body_drop(struct request *request)
{
	request->ingress->bodies -= (int_fast64_t)request->body.len;
	buf_recycle(&request->body);
}

bool
request_answer_hold(struct request *request)
{
	int_fast64_t bytes = (int_fast64_t)request->out.capacity;
	atomic_int_fast64_t *answers;

	/* What operators look at is for hard times, too. */
	if (request->answer_held > 0 || request->out.capacity <= ANSWER_SMALL ||
	    request->match.route->kind == ROUTE_SYSTEM)
		return true;
	answers = &request->ingress->answers;
	if (atomic_fetch_add(answers, bytes) > ANSWERS_MAX - bytes) {
		atomic_fetch_sub(answers, bytes);
		return false;
	}
	request->answer_held = bytes;
	return true;
}

struct str
request_param(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->match.params_len; i++)
		if (str_equal(request->match.params[i].name, str_from(name)))
			return request->match.params[i].text;
	CHECK(!"a path has the parameters of its route");
	return STR_NONE;
}
