#include "api/identity/pool.h"

#include <pthread.h>

struct pool_thread {
	struct pool *pool;
	pthread_t thread;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t added;
	struct pool_work work;
	void *argument;
	bool stop;
	struct request *first, *last;
	size_t waiting, waiting_max;
	size_t threads_len;
	struct pool_thread threads[];
};

/* Wait for the next one.  NULL: the pool is to stop, and none is left. */
static struct request *
take(struct pool *pool)
{
	struct request *request;

	pthread_mutex_lock(&pool->lock);
	while (pool->first == NULL && !pool->stop)
		pthread_cond_wait(&pool->added, &pool->lock);
	request = pool->first;
	if (request != NULL) {
		pool->first = request->next;
		pool->waiting--;
	}
	pthread_mutex_unlock(&pool->lock);
	return request;
}

static void *
thread_run(void *argument)
{
	struct pool_thread *thread = argument;
	const struct pool_work *work = &thread->pool->work;
	void *own = work->begin(thread->pool->argument);
	struct request *request;

	while ((request = take(thread->pool)) != NULL)
		work->run(own, request);
	work->end(own);
	return NULL;
}

struct pool *
pool_new(size_t threads, size_t waiting_max, const struct pool_work *work, void *argument)
{
	struct pool *pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));

	CHECK(pool != NULL);
	CHECK(threads > 0 && waiting_max > 0);
	CHECK(pthread_mutex_init(&pool->lock, NULL) == 0);
	CHECK(pthread_cond_init(&pool->added, NULL) == 0);
	pool->work = *work;
	pool->argument = argument;
	pool->waiting_max = waiting_max;
	pool->threads_len = threads;
	for (size_t i = 0; i < threads; i++) {
		pool->threads[i].pool = pool;
		CHECK(pthread_create(
			  &pool->threads[i].thread, NULL, thread_run, &pool->threads[i]) == 0);
	}
	return pool;
}

void
pool_free(struct pool *pool)
{
	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	pthread_cond_broadcast(&pool->added);
	pthread_mutex_unlock(&pool->lock);
	for (size_t i = 0; i < pool->threads_len; i++)
		pthread_join(pool->threads[i].thread, NULL);
	CHECK(pool->first == NULL);
	pthread_cond_destroy(&pool->added);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

bool
pool_add(struct pool *pool, struct request *request)
{
	bool room;

	request->next = NULL;
	pthread_mutex_lock(&pool->lock);
	room = pool->waiting < pool->waiting_max && !pool->stop;
	if (room) {
		if (pool->first == NULL)
			pool->first = request;
		else
			pool->last->next = request;
		pool->last = request;
		pool->waiting++;
		pthread_cond_signal(&pool->added);
	}
	pthread_mutex_unlock(&pool->lock);
	return room;
}
