/*
 * C11's threads by way of pthread, for V=tsan: librdkafka makes its threads and locks by
 * thrd_create and mtx_lock, which ThreadSanitizer does not know, so that it crashes in the first
 * such thread, or sees races where there are locks.  Programs come before the C library when the
 * shared library's names are looked up.
 */

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <threads.h>

#include "common/base/check.h"

_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t), "a mutex fits");
_Static_assert(sizeof(cnd_t) >= sizeof(pthread_cond_t), "a condition fits");
_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "a thread is one");

struct start {
	thrd_start_t function;
	void *argument;
};

static int
result_of(int error)
{
	switch (error) {
	case 0:
		return thrd_success;
	case EBUSY:
		return thrd_busy;
	case ETIMEDOUT:
		return thrd_timedout;
	case ENOMEM:
		return thrd_nomem;
	default:
		return thrd_error;
	}
}

static void *
start_run(void *argument)
{
	struct start *start = argument;
	struct start copy = *start;

	free(start);
	return (void *)(intptr_t)copy.function(copy.argument);
}

int
thrd_create(thrd_t *thread, thrd_start_t function, void *argument)
{
	struct start *start = malloc(sizeof(*start));

	CHECK(start != NULL);
	*start = (struct start){function, argument};
	return result_of(pthread_create((pthread_t *)thread, NULL, start_run, start));
}

int
thrd_join(thrd_t thread, int *result)
{
	void *returned = NULL;
	int error = pthread_join((pthread_t)thread, &returned);

	if (result != NULL)
		*result = (int)(intptr_t)returned;
	return result_of(error);
}

int
thrd_detach(thrd_t thread)
{
	return result_of(pthread_detach((pthread_t)thread));
}

int
mtx_init(mtx_t *mutex, int type)
{
	pthread_mutexattr_t attributes;
	int error;

	CHECK(pthread_mutexattr_init(&attributes) == 0);
	if ((type & mtx_recursive) != 0)
		CHECK(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE) == 0);
	error = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
	return result_of(error);
}

void
mtx_destroy(mtx_t *mutex)
{
	pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

int
mtx_lock(mtx_t *mutex)
{
	return result_of(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int
mtx_trylock(mtx_t *mutex)
{
	return result_of(pthread_mutex_trylock((pthread_mutex_t *)mutex));
}

int
mtx_unlock(mtx_t *mutex)
{
	return result_of(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

int
cnd_init(cnd_t *condition)
{
	return result_of(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

void
cnd_destroy(cnd_t *condition)
{
	pthread_cond_destroy((pthread_cond_t *)condition);
}

int
cnd_signal(cnd_t *condition)
{
	return result_of(pthread_cond_signal((pthread_cond_t *)condition));
}

int
cnd_broadcast(cnd_t *condition)
{
	return result_of(pthread_cond_broadcast((pthread_cond_t *)condition));
}

int
cnd_wait(cnd_t *condition, mtx_t *mutex)
{
	return result_of(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int
cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until)
{
	return result_of(
	    pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}
