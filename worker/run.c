#include "worker/run.h"

#include <stdlib.h>

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
partition_take_back(struct partition *partition, const struct partition *moved)
{
	CHECK(partition->lent && partition->next_offset == moved->next_offset);
	partition->lent = false;
	partition->event_number = moved->event_number;
	partition->attempts = moved->attempts;
	partition->careful_messages = moved->careful_messages;
	partition->suspect_attempts = moved->suspect_attempts;
	partition->due_suspects = moved->due_suspects;
}

/* The part of the list that is the same as ${other}; NULL when the run is not in it any more. */
static struct run_part *
part_find(struct runs *runs, const struct run_part *other)
{
	for (size_t i = 0; i < runs->parts_len; i++) {
		struct run_part *part = &runs->parts[i];

		if (part->partition->id == other->partition->id &&
		    uuid_equal(part->run_id, other->run_id))
			return part;
	}
	return NULL;
}

/* ${moved} comes back to the list. */
static void
part_take_back(struct runs *runs, const struct run_part *moved, struct partition *partition)
{
	struct run_part *part = part_find(runs, moved);

	if (part == NULL || moved->through || moved->held)
		free(moved->ahead);
	if (part == NULL)
		return;
	*part = *moved;
	part->partition = partition;
	if (part->through || part->held)
		part->ahead = NULL;
}

/* Whether anything may be left of ${part} that need not wait. */
static bool
is_under_way(const struct run_part *part)
{
	return part->begun && !part->through && !part->held && !part->waits;
}

static bool
has_more(const struct runs *runs, const struct partition *partition)
{
	for (size_t i = 0; i < runs->parts_len; i++) {
		const struct run_part *part = &runs->parts[i];

		if (part->partition == partition && is_under_way(part))
			return true;
	}
	return false;
}

static enum err_class
runner_collect(
    struct runs *runs, struct batch_context *context, struct runner *runner, struct err *err)
{
	struct partition *partition =
	    partitions_find(context->partitions, runner->task.part.partition->id);

	CHECK(partition != NULL);
	partition_take_back(partition, runner->task.part.partition);
	runner->task.part.waits = !runner->task.did;
	part_take_back(runs, &runner->task.part, partition);
	transaction_publish(&runner->context, context->publisher);
	runs->did |= runner->task.did || has_more(runs, partition);
	context->due_soon |= partition->due_missed;
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
		if (class != ERR_NONE && one.class != ERR_FATAL)
			continue;
		*err = one;
		class = one.class;
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
		if (runner_state(runner) != RUNNER_DONE)
			continue;
		free(runner->task.part.ahead);
		runner_take(runner);
	}
	for (size_t i = 0; i < runs->parts_len; i++)
		free(runs->parts[i].ahead);
	runs->parts_len = runs->next = 0;
	runs->again = runs->did = runs->more = runs->left = false;
	runs->from_start = true;
	runs->look_at_ms = 0;
}

/* ---- Lending. */

/* Nothing is done before a command that was accepted before: what the last fetch knew of the end of
 * the partition may be old (due.c).  A run ahead waits for those that came before it alone, and has
 * done so when it begins. */
static bool
must_ask(const struct runs *runs, const struct run_part *part)
{
	return !(part->begun && part->as_of.s > part->created_at.s) &&
	       !instant_is_none(part->partition->due_until) &&
	       !due_end_is_known(runs->due, part->partition);
}

/* Whether parts of the run of ${first} would begin of whose logs' ends the broker told long ago. */
static bool
begins_blind(const struct runs *runs, const struct run_part *first)
{
	for (const struct run_part *part = first; part < runs->parts + runs->parts_len; part++)
		if (!part->begun && uuid_equal(part->run_id, first->run_id) && must_ask(runs, part))
			return true;
	return false;
}

/* Hold back all of our partitions.  False: Kafka does not tell. */
static bool
ends_ask(struct runs *runs, const struct batch_context *context)
{
	struct err err;

	if (due_ask_ends(runs->due, context, &err) == ERR_NONE)
		return true;
	log_line(LOG_WARN, "billing runs wait for kafka", log_text("reason", err.text));
	return false;
}

static void
part_lend(struct runs *runs, const struct batch_context *context, struct runner *runner,
    struct run_part *part, struct instant until, bool settled, bool busy)
{
	struct run_task *task = &runner->task;
	struct partition *copy = &runner->partitions.items[0];

	(void)publisher_note(context->publisher, part->partition);
	runner->partitions.len = 1;
	*copy = *part->partition;
	runner->context.touched.len = 0;
	part->partition->lent = true;
	part->turn = ++runs->turns;
	task->part = *part;
	task->part.partition = copy;
	part->ahead = NULL;
	task->until = until;
	task->settled = settled;
	task->target_us = 1000 * (busy ? RUN_CHUNK_MS : RUN_CHUNK_IDLE_MS);
	CHECK(runs->parts_len > 0);
	task->ahead_max = busy ? 0 : RUN_AHEAD_ALL / runs->parts_len;
	if (task->ahead_max > RUN_AHEAD_MAX)
		task->ahead_max = RUN_AHEAD_MAX;
	task->did = false;
	runner_lend(runner);
}

/* Whether workers died over one of our partitions, so that it is to be seen over whom. */
static bool
are_careful(const struct partitions *partitions)
{
	for (size_t i = 0; i < partitions->len; i++)
		if (partition_is_careful(&partitions->items[i]))
			return true;
	return false;
}

/* One that something may be lent to: while commands come, half of them leave these their time. */
static struct runner *
runner_find(const struct runs *runs, const struct batch_context *context, bool busy)
{
	const struct runners *runners = runs->runners;

	if (are_careful(context->partitions))
		return runners_idle(runners, 1);
	return runners_idle(runners, busy ? (runners->len + 1) / 2 : runners->len);
}

/* Whether there may be something to do of ${part} now, and up to when. */
static bool
is_open(const struct run_part *part, struct instant *ret_until, bool *ret_settled)
{
	*ret_until = run_until(part, ret_settled);
	return is_under_way(part) && !instant_is_none(*ret_until) &&
	       (*ret_settled || !part->dry_run);
}

/* Of all that are open in its partition ${part} is the one whose turn was longest ago. */
static bool
is_turn(const struct runs *runs, const struct run_part *part)
{
	for (size_t i = 0; i < runs->parts_len; i++) {
		const struct run_part *other = &runs->parts[i];
		struct instant until;
		bool settled;

		if (other->partition == part->partition && other->turn < part->turn &&
		    is_open(other, &until, &settled))
			return false;
	}
	return true;
}

/* Parts come by turns, as long as a runner is idle. */
static void
parts_lend(struct runs *runs, const struct batch_context *context, bool busy)
{
	struct runner *runner;

	while (
	    runs->next < runs->parts_len && (runner = runner_find(runs, context, busy)) != NULL) {
		struct run_part *part = &runs->parts[runs->next++];
		struct instant until;
		bool settled;

		if (part->partition->lent || part->partition->due_missed ||
		    !is_open(part, &until, &settled) || !is_turn(runs, part))
			continue;
		if (must_ask(runs, part) && !ends_ask(runs, context)) {
			runs->next = runs->parts_len;
			return;
		}
		if (is_open(part, &until, &settled))
			part_lend(runs, context, runner, part, until, settled, busy);
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
		if (begins_blind(runs, part) && !ends_ask(runs, context))
			break;
		if (run_find_begin(runs, context, part, &begun, err) != ERR_NONE)
			return err->class;
	}
	if (begun > 0) {
		run_part_tell("billing run: partitions begun", first);
		runs->next = runs->parts_len;
		runs->again = true;
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

/* What is known of a part beside its row goes along to the list that is read in the place of
 * ${before}. */
static void
parts_keep(struct runs *runs, const struct run_part *before, size_t len, bool timed)
{
	for (size_t i = 0; i < len; i++) {
		struct run_part *part = part_find(runs, &before[i]);

		if (part == NULL) {
			free(before[i].ahead);
			continue;
		}
		part->ahead = before[i].ahead;
		part->turn = before[i].turn;
		part->crowded = before[i].crowded;
		part->waits = before[i].waits && !timed;
	}
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
list_read(struct runs *runs, struct batch_context *context, bool timed, struct err *err)
{
	struct run_part before[RUN_PARTS_MAX];
	size_t before_len = runs->parts_len;
	enum err_class class;

	memcpy(before, runs->parts, before_len * sizeof(before[0]));
	if (!runs->again) {
		runs->did &= runs->more;
		turn_move(runs);
	}
	runs->again = false;
	runs->next = 0;
	runs->from_start = runs->turn_created_ms == 0;
	class = run_find_parts(runs, context, err);
	parts_keep(runs, before, before_len, timed);
	if (class != ERR_NONE)
		return class;
	runs->more = runs->parts_len == RUN_PARTS_MAX || runs->page_full;
	left_note(runs, context->partitions);
	return parts_begin(runs, context, err);
}

/* Whether the list was passed, and one is to be read whatever time it is: there is another one, or,
 * behind the last, something was done since the first. */
static bool
is_list_due(const struct runs *runs)
{
	return runs->next == runs->parts_len && (runs->again || runs->more || runs->did);
}

enum err_class
run_step(struct runs *runs, struct batch_context *context, bool busy, struct err *err)
{
	int64_t now_ms = clock_steady_ms();
	bool timed = context->runs_soon || now_ms >= runs->look_at_ms;

	runs->left = false;
	if (runner_find(runs, context, busy) == NULL)
		return ERR_NONE;
	if (is_list_due(runs) || (runs->next == runs->parts_len && timed)) {
		context->runs_soon = false;
		if (timed)
			runs->look_at_ms = now_ms + RUN_LOOK_MS;
		if (list_read(runs, context, timed, err) != ERR_NONE)
			return err->class;
	}
	parts_lend(runs, context, busy);
	runs->left = is_list_due(runs) && runner_find(runs, context, busy) != NULL;
	/* Nothing else is tried meanwhile. */
	return are_careful(context->partitions) ? run_recall(runs, context, NULL, err) : ERR_NONE;
}
