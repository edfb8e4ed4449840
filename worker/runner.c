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
	for (size_t i = 0; i < settings->len; i++) {
		struct runner *runner = calloc(1, sizeof(*runner));

		CHECK(runner != NULL);
		runners->items[runners->len++] = runner;
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
	helper_end(&runner->helper);
	pg_free(runner->context.pg);
	arena_release(&runner->statements);
	batch_context_release(&runner->context);
	free(runner);
}

void
runners_close(struct runners *runners)
{
	for (size_t i = 0; i < runners->len; i++)
		runner_free(runners->items[i]);
	runners->len = 0;
}

enum err_class
runners_check(struct runners *runners, struct err *err)
{
	return pg_connect(runners->items[0]->context.pg, err);
}

/* ---- Lending. */

static void
work(void *what)
{
	struct runner *runner = what;

	runner->class = run_task_do(&runner->task, &runner->context, &runner->err);
}

void
runners_start(struct runners *runners, void (*wake)(void *who), void *who)
{
	for (size_t i = 0; i < runners->len; i++) {
		struct runner *runner = runners->items[i];

		helper_start(&runner->helper, &(struct helper_task){work, runner, wake, who});
	}
}

enum runner_state
runner_state(struct runner *runner)
{
	if (!runner->out)
		return RUNNER_IDLE;
	return helper_has(&runner->helper) ? RUNNER_LENT : RUNNER_DONE;
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
	runner->out = true;
	helper_lend(&runner->helper);
}

void
runner_await(struct runner *runner)
{
	helper_await(&runner->helper);
}

void
runner_take(struct runner *runner)
{
	CHECK(runner_state(runner) == RUNNER_DONE);
	runner->out = false;
}
