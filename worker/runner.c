#include "worker/runner.h"

#include "common/base/daemon.h"
#include "worker/sight.h"
#include "worker/transaction.h"

/* ---- Their beginning and end. */

static struct pg *
connection_new(const struct pg_settings *settings, struct arena *statements)
{
	struct pg *pg = pg_new(settings);

	sight_prepare(pg);
	transaction_prepare(pg, statements);
	run_task_prepare(pg);
	return pg;
}

enum err_class
runners_open(const struct runners_settings *settings, const struct schemas *schemas,
    struct metrics *metrics, struct runners *runners, struct err *err)
{
	CHECK(settings->len >= 1 && settings->len <= RUNNERS_MAX);
	CHECK(pthread_mutex_init(&runners->lock, NULL) == 0);
	CHECK(pthread_cond_init(&runners->lent, NULL) == 0);
	CHECK(pthread_cond_init(&runners->done, NULL) == 0);
	for (size_t i = 0; i < settings->len; i++) {
		struct runner *runner = calloc(1, sizeof(*runner));

		CHECK(runner != NULL);
		runners->items[runners->len++] = runner;
		runner->all = runners;
		runner->context.pg = connection_new(settings->pg, &runner->statements);
		runner->context.partitions = &runner->partitions;
		runner->context.metrics = metrics;
		runner->context.partitions_all = settings->partitions_all;
		if (batch_context_init(&runner->context, schemas, err) != ERR_NONE)
			return err->class;
	}
	return ERR_NONE;
}

static void
runner_free(struct runner *runner)
{
	if (runner->started)
		pthread_join(runner->thread, NULL);
	pg_free(runner->context.pg);
	arena_release(&runner->statements);
	batch_context_release(&runner->context);
	free(runner);
}

void
runners_close(struct runners *runners)
{
	if (runners->len == 0)
		return;
	pthread_mutex_lock(&runners->lock);
	runners->stop = true;
	pthread_cond_broadcast(&runners->lent);
	pthread_mutex_unlock(&runners->lock);
	for (size_t i = 0; i < runners->len; i++)
		runner_free(runners->items[i]);
	pthread_cond_destroy(&runners->lent);
	pthread_cond_destroy(&runners->done);
	pthread_mutex_destroy(&runners->lock);
	runners->len = 0;
}

enum err_class
runners_check(struct runners *runners, struct err *err)
{
	return pg_connect(runners->items[0]->context.pg, err);
}

/* ---- Their threads. */

/* Wait for something to do.  False: for the end. */
static bool
task_await(struct runner *runner)
{
	struct runners *all = runner->all;
	bool stop;

	pthread_mutex_lock(&all->lock);
	while (!all->stop && runner->state != RUNNER_LENT)
		pthread_cond_wait(&all->lent, &all->lock);
	stop = all->stop;
	pthread_mutex_unlock(&all->lock);
	return !stop;
}

static void
state_set(struct runner *runner, enum runner_state state)
{
	struct runners *all = runner->all;

	pthread_mutex_lock(&all->lock);
	runner->state = state;
	pthread_cond_broadcast(state == RUNNER_LENT ? &all->lent : &all->done);
	pthread_mutex_unlock(&all->lock);
}

static void *
run(void *argument)
{
	struct runner *runner = argument;

	while (task_await(runner)) {
		runner->class = run_task_do(&runner->task, &runner->context, &runner->err);
		state_set(runner, RUNNER_DONE);
		runner->all->wake(runner->all->who);
	}
	return NULL;
}

void
runners_start(struct runners *runners, void (*wake)(void *who), void *who)
{
	runners->wake = wake;
	runners->who = who;
	for (size_t i = 0; i < runners->len; i++) {
		struct runner *runner = runners->items[i];

		CHECK(pthread_create(&runner->thread, NULL, run, runner) == 0);
		runner->started = true;
	}
}

/* ---- Lending. */

enum runner_state
runner_state(struct runner *runner)
{
	enum runner_state state;

	pthread_mutex_lock(&runner->all->lock);
	state = runner->state;
	pthread_mutex_unlock(&runner->all->lock);
	return state;
}

struct runner *
runners_idle(const struct runners *runners, size_t len)
{
	CHECK(len <= runners->len);
	for (size_t i = 0; i < len; i++)
		if (runner_state(runners->items[i]) == RUNNER_IDLE)
			return runners->items[i];
	return NULL;
}

void
runner_lend(struct runner *runner)
{
	CHECK(runner_state(runner) == RUNNER_IDLE);
	runner->lent_ms = clock_steady_ms();
	state_set(runner, RUNNER_LENT);
}

void
runner_await(struct runner *runner)
{
	pthread_mutex_lock(&runner->all->lock);
	while (runner->state == RUNNER_LENT)
		pthread_cond_wait(&runner->all->done, &runner->all->lock);
	pthread_mutex_unlock(&runner->all->lock);
}

void
runner_take(struct runner *runner)
{
	CHECK(runner_state(runner) == RUNNER_DONE);
	state_set(runner, RUNNER_IDLE);
}
