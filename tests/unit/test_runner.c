#include "worker/runner.h"

#include "tests/unit/worker_world.h"

/* Lending and taking back, under load, and the end of it; with a database that is out of reach, so
 * that each task fails.  What tasks do is tests/integration/test_billing_runs.py's. */

#define RUNNERS 3
#define TASKS 200

static struct runners runners;
static struct metrics metrics;
static _Atomic int woken;

static void
wake(void *who)
{
	(*(_Atomic int *)who)++;
}

static void
open_runners(void)
{
	const struct pg_settings pg = {
	    .url = "postgresql://nobody@127.0.0.1:1/nothing",
	    .application_name = "test",
	    .connect_timeout_s = 1,
	};
	const struct runners_settings settings = {
	    .pg = &pg, .len = RUNNERS, .partitions_all = WORLD_PARTITIONS};
	struct err err;

	woken = 0;
	ck_assert_msg(
	    runners_open(&settings, codec_schemas(), &metrics, &runners, &err) == ERR_NONE, "%s",
	    err.text);
	ck_assert_int_eq(runners_check(&runners, &err), ERR_RETRY);
	runners_start(&runners, wake, &woken);
}

/* Lend ${runner} a part of partition ${id}. */
static void
lend(struct runner *runner, int32_t id)
{
	runner->partitions.len = 1;
	runner->partitions.items[0] = (struct partition){.id = id};
	runner->task.part = (struct run_part){
	    .organisation_id = WORLD_ORGANISATION,
	    .partition = &runner->partitions.items[0],
	    .begun = true,
	};
	runner->task.until = (struct instant){1};
	runner->task.settled = true;
	runner_lend(runner);
}

/* Take back what is done; how many. */
static int
collect(void)
{
	int len = 0;

	for (size_t i = 0; i < runners.len; i++) {
		struct runner *runner = runners.items[i];

		if (runner_state(runner) != RUNNER_DONE)
			continue;
		ck_assert_int_eq(runner->class, ERR_RETRY);
		ck_assert_msg(runner->err.text[0] != '\0', "no reason");
		runner_take(runner);
		len++;
	}
	return len;
}

START_TEST(test_many_tasks)
{
	int lent = 0, back = 0;

	open_runners();
	ck_assert_uint_eq(runners.len, RUNNERS);
	while (back < TASKS) {
		struct runner *runner = lent < TASKS ? runners_idle(&runners, RUNNERS) : NULL;

		if (runner != NULL)
			lend(runner, lent++ % WORLD_PARTITIONS);
		else
			runner_await(runners.items[back % RUNNERS]);
		back += collect();
		ck_assert_int_le(lent - back, RUNNERS);
	}
	ck_assert_int_eq(back, TASKS);
	runners_close(&runners);
	ck_assert_int_eq(woken, TASKS);
	ck_assert_uint_eq(runners.len, 0);
}
END_TEST

START_TEST(test_the_end_waits_for_what_is_lent)
{
	open_runners();
	for (size_t i = 0; i < RUNNERS; i++)
		lend(runners.items[i], (int32_t)i);
	runners_close(&runners);
	ck_assert_int_le(woken, RUNNERS);
	/* Nothing was made, nothing is to be done. */
	runners_close(&runners);
}
END_TEST

START_TEST(test_one_that_is_lent_is_not_lent_again)
{
	open_runners();
	runners.items[0]->out = true;
	runner_lend(runners.items[0]);
}
END_TEST

UNIT_MAIN("runner", UNIT(test_many_tasks), UNIT(test_the_end_waits_for_what_is_lent),
    UNIT_ABORTS(test_one_that_is_lent_is_not_lent_again))
