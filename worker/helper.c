#include "worker/helper.h"

#include "common/base/check.h"

/* Wait for something to do.  False: for the end. */
static bool
helper_next(struct helper *helper)
{
	bool stop;

	pthread_mutex_lock(&helper->lock);
	while (!helper->stop && !helper->lent)
		pthread_cond_wait(&helper->news, &helper->lock);
	stop = helper->stop;
	pthread_mutex_unlock(&helper->lock);
	return !stop;
}

static void
lent_set(struct helper *helper, bool lent)
{
	pthread_mutex_lock(&helper->lock);
	helper->lent = lent;
	pthread_cond_signal(&helper->news);
	pthread_mutex_unlock(&helper->lock);
}

static void *
run(void *argument)
{
	struct helper *helper = argument;
	const struct helper_task *task = &helper->task;

	while (helper_next(helper)) {
		task->work(task->what);
		lent_set(helper, false);
		if (task->wake != NULL)
			task->wake(task->who);
	}
	return NULL;
}

void
helper_start(struct helper *helper, const struct helper_task *task)
{
	*helper = (struct helper){.task = *task, .started = true};
	CHECK(pthread_mutex_init(&helper->lock, NULL) == 0);
	CHECK(pthread_cond_init(&helper->news, NULL) == 0);
	CHECK(pthread_create(&helper->thread, NULL, run, helper) == 0);
}

void
helper_end(struct helper *helper)
{
	if (!helper->started)
		return;
	pthread_mutex_lock(&helper->lock);
	helper->stop = true;
	pthread_cond_signal(&helper->news);
	pthread_mutex_unlock(&helper->lock);
	pthread_join(helper->thread, NULL);
	pthread_cond_destroy(&helper->news);
	pthread_mutex_destroy(&helper->lock);
	helper->started = false;
}

void
helper_lend(struct helper *helper)
{
	CHECK(helper->started && !helper_has(helper));
	lent_set(helper, true);
}

bool
helper_has(struct helper *helper)
{
	bool lent;

	if (!helper->started)
		return false;
	pthread_mutex_lock(&helper->lock);
	lent = helper->lent;
	pthread_mutex_unlock(&helper->lock);
	return lent;
}

void
helper_await(struct helper *helper)
{
	if (!helper->started)
		return;
	pthread_mutex_lock(&helper->lock);
	while (helper->lent)
		pthread_cond_wait(&helper->news, &helper->lock);
	pthread_mutex_unlock(&helper->lock);
}
