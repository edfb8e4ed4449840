#include "worker/run.h"

#include "common/base/daemon.h"
#include "common/base/log.h"
#include "worker/run_find.h"
#include "worker/runner.h"
#include "worker/transaction.h"

#define LENT_MS_MAX 120000 /* a runner that takes longer will not come back */

void
run_prepare(struct pg *pg)
{
	run_find_prepare(pg);
}

/* ---- Taking back. */

/* What a runner moves of a partition. */
static void
partition_take(struct partition *partition, const struct partition *moved)
{
	CHECK(partition->lent && partition->next_offset == moved->next_offset);
	partition->lent = false;
	partition->event_number = moved->event_number;
	partition->attempts = moved->attempts;
	partition->careful_messages = moved->careful_messages;
	partition->suspect_attempts = moved->suspect_attempts;
	partition->due_suspect = moved->due_suspect;
	partition->due_suspect_attempts = moved->due_suspect_attempts;
}

/* The part of the list that ${moved} is a copy of, moved; none when the run is not in it any more.
 */
static void
part_take(struct runs *runs, const struct run_part *moved, struct partition *partition)
{
	for (size_t i = 0; i < runs->parts_len; i++) {
		struct run_part *part = &runs->parts[i];

		if (part->partition != partition || !uuid_equal(part->run_id, moved->run_id))
			continue;
		*part = *moved;
		part->partition = partition;
		return;
	}
}

static enum err_class
runner_collect(
    struct runs *runs, struct batch_context *context, struct runner *runner, struct err *err)
{
	struct partition *partition =
	    partitions_find(context->partitions, runner->task.part.partition->id);

	CHECK(partition != NULL);
	partition_take(partition, runner->task.part.partition);
	part_take(runs, &runner->task.part, partition);
	transaction_publish(&runner->context, context->publisher);
	runs->did |= runner->task.did;
	context->due_soon |= runner->context.due_soon;
	context->payments_soon |= runner->context.payments_soon;
	runner_take(runner);
	if (runner->class == ERR_NONE)
		return ERR_NONE;
	*err = runner->err;
	return err->class;
}

enum err_class
run_collect(struct runs *runs, struct batch_context *context, struct err *err)
{
	int64_t now_ms = clock_steady_ms();
	enum err_class class = ERR_NONE;

	for (size_t i = 0; i < runs->runners->len; i++) {
		struct runner *runner = runs->runners->items[i];
		enum runner_state state = runner_state(runner);
		struct err one;

		if (state == RUNNER_LENT && now_ms - runner->lent_ms > LENT_MS_MAX)
			return err_set(err, ERR_FATAL, "a billing run's chunk comes to no end");
		if (state != RUNNER_DONE || runner_collect(runs, context, runner, &one) == ERR_NONE)
			continue;
		if (class != ERR_FATAL)
			*err = one;
		class = err->class;
	}
	return class;
}

enum err_class
run_recall(struct runs *runs, struct batch_context *context, const struct partition *partition,
    struct err *err)
{
	if (partition != NULL && !partition->lent)
		return ERR_NONE;
	for (size_t i = 0; i < runs->runners->len; i++) {
		struct runner *runner = runs->runners->items[i];

		/* Of one that is idle it is the last part, which is lent no more. */
		if (partition == NULL || (runner_state(runner) != RUNNER_IDLE &&
					     runner->partitions.items[0].id == partition->id))
			runner_await(runner);
	}
	return run_collect(runs, context, err);
}

void
run_forget(struct runs *runs)
{
	for (size_t i = 0; i < runs->runners->len; i++) {
		struct runner *runner = runs->runners->items[i];

		runner_await(runner);
		if (runner_state(runner) == RUNNER_DONE)
			runner_take(runner);
	}
	runs->parts_len = runs->next = 0;
	runs->did = runs->more = runs->left = false;
	runs->from_start = true;
	runs->look_at_ms = 0;
}

/* ---- Lending. */

/* Nothing is done before a command that was accepted before: what the last fetch knew of the end of
 * the partition may be old (due.c).  A run ahead waits for those that came before it alone, and has
 * done so when it begins.  False: Kafka does not tell. */
static bool
part_hold_back(struct runs *runs, const struct batch_context *context, const struct run_part *part)
{
	struct partition *partition = part->partition;
	struct err err;

	if ((part->begun && part->as_of.s > part->created_at.s) ||
	    instant_is_none(partition->due_until) || due_end_is_known(runs->due, partition))
		return true;
	/* What was found by itself is done, or found again. */
	runs->due->found.len = 0;
	if (due_ask_ends(runs->due, context, &runs->due->found, &err) == ERR_NONE)
		return true;
	log_line(LOG_WARN, "billing runs wait for kafka", log_text("reason", err.text));
	return false;
}

static void
part_lend(const struct batch_context *context, struct runner *runner, const struct run_part *part,
    struct instant until, bool settled, int64_t target_ms)
{
	struct run_task *task = &runner->task;
	struct partition *copy = &runner->partitions.items[0];

	(void)publisher_note(context->publisher, part->partition);
	runner->partitions.len = 1;
	*copy = *part->partition;
	part->partition->lent = true;
	task->part = *part;
	task->part.partition = copy;
	task->until = until;
	task->settled = settled;
	task->target_us = 1000 * target_ms;
	task->did = false;
	runner->context.due_soon = runner->context.payments_soon = false;
	runner_lend(runner);
}

/* One that something may be lent to: while commands come, half of them leave these their time. */
static struct runner *
runner_find(const struct runs *runs, bool busy)
{
	const struct runners *runners = runs->runners;
	size_t use = busy ? (runners->len + 1) / 2 : runners->len;

	return runners_idle(runners, use);
}

/* Parts come by turns, as long as a runner is idle. */
static void
parts_lend(struct runs *runs, const struct batch_context *context, bool busy)
{
	struct runner *runner;

	while (runs->next < runs->parts_len && (runner = runner_find(runs, busy)) != NULL) {
		const struct run_part *part = &runs->parts[runs->next++];
		struct instant until;
		bool settled;

		if (!part->begun || part->through || part->held || part->partition->lent)
			continue;
		if (!part_hold_back(runs, context, part)) {
			runs->next = runs->parts_len;
			return;
		}
		until = run_until(part, runs->now, &settled);
		if (!instant_is_none(until))
			part_lend(context, runner, part, until, settled,
			    busy ? RUN_CHUNK_MS : RUN_CHUNK_IDLE_MS);
	}
}

/* ---- The list. */

/* Parts begin before any goes on: so it is known early how much there is to do.  Where those of one
 * run must wait, those of the next ones need not.  Once some have begun, the list is read anew. */
static enum err_class
parts_begin(struct runs *runs, struct batch_context *context, struct err *err)
{
	const struct run_part *first = NULL;
	int64_t begun = 0, now_ms = clock_steady_ms();

	if (now_ms < runs->begin_at_ms)
		return ERR_NONE;
	for (size_t i = 0; i < runs->parts_len && begun == 0; i++) {
		const struct run_part *part = &runs->parts[i];

		if (part->begun || (first != NULL && uuid_equal(first->run_id, part->run_id)))
			continue;
		first = part;
		if (!part_hold_back(runs, context, part))
			break;
		if (run_find_begin(runs, context, part, &begun, err) != ERR_NONE)
			return err->class;
	}
	if (begun > 0) {
		run_part_tell("billing run: partitions begun", first);
		runs->parts_len = 0;
		runs->did = true;
	} else if (first != NULL) {
		runs->begin_at_ms = now_ms + RUN_LOOK_MS;
	}
	return ERR_NONE;
}

/* Nobody dies over what is not there: which partitions have something left, when all is known. */
static void
left_note(const struct runs *runs, struct partitions *partitions)
{
	for (size_t i = 0; runs->from_start && !runs->more && i < partitions->len; i++)
		partitions->items[i].run_left = false;
	for (size_t i = 0; i < runs->parts_len; i++)
		runs->parts[i].partition->run_left = true;
}

/* Behind the list that was passed: the next one goes on there, or begins where none comes before.
 */
static void
turn_move(struct runs *runs)
{
	const struct run_part *last = &runs->parts[RUN_PARTS_MAX - 1];

	if (runs->parts_len == RUN_PARTS_MAX) {
		runs->turn_created_ms = last->created_ms;
		runs->turn_run_id = last->run_id;
		runs->turn_partition = last->partition->id;
	} else if (runs->more) {
		runs->turn_created_ms = runs->page_created_ms;
		runs->turn_run_id = runs->page_run_id;
		runs->turn_partition = INT32_MAX;
	} else {
		runs->turn_created_ms = 0;
		runs->turn_run_id = UUID_NIL;
		runs->turn_partition = -1;
	}
}

/* Read the list that comes next, and begin what is new in it. */
static enum err_class
list_read(struct runs *runs, struct batch_context *context, struct err *err)
{
	turn_move(runs);
	runs->did = false;
	runs->next = 0;
	runs->from_start = runs->turn_created_ms == 0;
	if (run_find_parts(runs, context, err) != ERR_NONE)
		return err->class;
	runs->more = runs->parts_len == RUN_PARTS_MAX || runs->page_full;
	left_note(runs, context->partitions);
	return parts_begin(runs, context, err);
}

/* Whether the list was passed, and another one is to be read whatever time it is: it is another
 * one, or it has more to do. */
static bool
is_list_due(const struct runs *runs)
{
	return runs->next == runs->parts_len && (runs->did || runs->more || !runs->from_start);
}

enum err_class
run_step(struct runs *runs, struct batch_context *context, bool busy, struct err *err)
{
	int64_t now_ms = clock_steady_ms();

	if (is_list_due(runs) ||
	    (runs->next == runs->parts_len && (context->runs_soon || now_ms >= runs->look_at_ms))) {
		context->runs_soon = false;
		runs->look_at_ms = now_ms + RUN_LOOK_MS;
		if (list_read(runs, context, err) != ERR_NONE)
			return err->class;
	}
	parts_lend(runs, context, busy);
	runs->left = is_list_due(runs);
	return ERR_NONE;
}
