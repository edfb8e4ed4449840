#include "api/identity/pool.h"

#include <pthread.h>
#include <semaphore.h>

#include "tests/unit/unit.h"

#define WAITING_MAX 5

/* What the threads of a test do: note what they were given, each when it is let. */
struct log {
	pthread_mutex_t lock;
	sem_t taken; /* one more is being run */
	sem_t leave; /* to finish one */
	size_t begun, ended, len;
	struct request *run[64];
};

static void
log_init_all(struct log *log)
{
	memset(log, 0, sizeof(*log));
	ck_assert_int_eq(pthread_mutex_init(&log->lock, NULL), 0);
	ck_assert_int_eq(sem_init(&log->taken, 0, 0), 0);
	ck_assert_int_eq(sem_init(&log->leave, 0, 0), 0);
}

static void *
begin(void *argument)
{
	struct log *log = argument;

	pthread_mutex_lock(&log->lock);
	log->begun++;
	pthread_mutex_unlock(&log->lock);
	return log;
}

static void
run(void *thread, struct request *request)
{
	struct log *log = thread;

	pthread_mutex_lock(&log->lock);
	log->run[log->len++] = request;
	pthread_mutex_unlock(&log->lock);
	sem_post(&log->taken);
	sem_wait(&log->leave);
}

static void
end(void *thread)
{
	struct log *log = thread;

	pthread_mutex_lock(&log->lock);
	log->ended++;
	pthread_mutex_unlock(&log->lock);
}

static const struct pool_work work = {begin, run, end};

static void
leave(struct log *log, size_t times)
{
	for (size_t i = 0; i < times; i++)
		sem_post(&log->leave);
}

/* One that is running does not wait; behind the last that may wait there is no room. */
START_TEST(test_a_full_queue_refuses)
{
	static struct request requests[WAITING_MAX + 3];
	struct log log;
	struct pool *pool;

	log_init_all(&log);
	pool = pool_new(1, WAITING_MAX, &work, &log);
	ck_assert(pool_add(pool, &requests[0]));
	sem_wait(&log.taken);
	for (size_t i = 1; i <= WAITING_MAX; i++)
		ck_assert_msg(pool_add(pool, &requests[i]), "%zu wait before it", i - 1);
	ck_assert(!pool_add(pool, &requests[WAITING_MAX + 1]));

	leave(&log, 1);
	sem_wait(&log.taken);
	ck_assert_msg(pool_add(pool, &requests[WAITING_MAX + 1]), "one left the queue");
	ck_assert(!pool_add(pool, &requests[WAITING_MAX + 2]));

	leave(&log, WAITING_MAX + 1);
	pool_free(pool);
	ck_assert_uint_eq(log.len, WAITING_MAX + 2);
	for (size_t i = 0; i < log.len; i++)
		ck_assert_msg(log.run[i] == &requests[i], "%zu is out of turn", i);
}
END_TEST

START_TEST(test_a_stop_leaves_nothing_undone)
{
	static struct request requests[WAITING_MAX];
	struct log log;
	struct pool *pool;

	log_init_all(&log);
	pool = pool_new(3, WAITING_MAX, &work, &log);
	for (size_t i = 0; i < WAITING_MAX; i++)
		ck_assert(pool_add(pool, &requests[i]));
	leave(&log, WAITING_MAX);
	pool_free(pool);
	ck_assert_uint_eq(log.len, WAITING_MAX);
	ck_assert_uint_eq(log.begun, 3);
	ck_assert_uint_eq(log.ended, 3);
}
END_TEST

/* As many run side by side as there are threads. */
START_TEST(test_threads_run_side_by_side)
{
	static struct request requests[3];
	struct log log;
	struct pool *pool;

	log_init_all(&log);
	pool = pool_new(3, WAITING_MAX, &work, &log);
	for (size_t i = 0; i < 3; i++)
		ck_assert(pool_add(pool, &requests[i]));
	for (size_t i = 0; i < 3; i++)
		sem_wait(&log.taken);
	leave(&log, 3);
	pool_free(pool);
	pool_free(NULL);
}
END_TEST

UNIT_MAIN("pool", UNIT(test_a_full_queue_refuses), UNIT(test_a_stop_leaves_nothing_undone),
    UNIT(test_threads_run_side_by_side))
