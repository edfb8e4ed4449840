#include "worker/run_task.h"

#include "common/base/crash_point.h"
#include "common/base/daemon.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "worker/run_ahead.h"
#include "worker/run_find.h"
#include "worker/run_report.h"
#include "worker/transaction.h"

void
run_task_prepare(struct pg *pg)
{
	run_due_prepare(pg);
	run_report_prepare(pg);
}

/* ---- Where a part is. */

static bool
cursor_equal(const struct run_cursor *a, const struct run_cursor *b)
{
	return a->shard == b->shard && a->after_due_at.s == b->after_due_at.s &&
	       uuid_equal(a->after_id, b->after_id);
}

bool
run_part_is_by_cursor(const struct run_part *part)
{
	return part->dry_run || part->at.shard == SHARDS;
}

void
run_part_move(const struct run_part *part, const struct due_items *found, size_t first, size_t done,
    struct run_report *report)
{
	const struct due_item *last;
	struct uuid id;

	CHECK(done > 0 && first + done <= found->len);
	CHECK(!run_part_is_by_cursor(part) || first == part->taken);
	report->taken = first + done;
	report->at = part->end;
	if (first + done == found->len || cursor_equal(&part->at, &part->end))
		return;
	last = &found->items[first + done - 1];
	CHECK(last->len > 0);
	id = found->subscription_ids[last->first];
	report->at = part->at.shard == SHARDS ? (struct run_cursor){SHARDS, INSTANT_NONE, id}
					      : (struct run_cursor){id_shard(id), last->due_at, id};
}

void
run_part_moved(struct run_part *part, const struct run_report *report)
{
	part->at = part->stored = report->at;
	part->taken = report->taken;
}

/* ---- What a part does beside chunks. */

/* What is stored of ${part} alone: by whom it is filled, over the report's arena. */
struct leaving {
	const struct due_items *found; /* NULL: nobody, but where the part is */
	bool finished;                 /* nothing is left of it */
	size_t which;                  /* of the items: the one that cannot be billed */
	struct str reason, detail;
};

static void
leaving_report(struct batch_context *context, const struct leaving *leaving,
    const struct run_part *part, struct run_report *report)
{
	const struct due_items *found = leaving->found;
	const struct due_item *item;

	if (found == NULL) {
		report->at = part->at;
		report->finished = leaving->finished;
		return;
	}
	item = &found->items[leaving->which];
	for (size_t i = 0; i < item->len; i++) {
		const struct subscription subscription = {
		    .organisation_id = item->organisation_id,
		    .id = found->subscription_ids[item->first + i],
		    .customer_id = item->customer_id,
		    .due_at = item->due_at,
		};

		run_report_fail(context, report, &subscription, leaving->reason, leaving->detail);
	}
	run_part_move(part, found, leaving->which, 1, report);
}

/* In a transaction of its own, under the lock of the partition's progress as a chunk is: so nobody
 * else is at it. */
static enum err_class
part_store(struct batch_context *context, struct run_part *part, const struct leaving *leaving,
    struct err *err)
{
	struct run_report report = {.part = part, .first_due_at = INSTANT_NONE};

	transaction_begin(context);
	partition_set_add(&context->touched, part->partition);
	facts_need(
	    &context->facts, NEED_ORGANISATION, part->organisation_id, &part->organisation_id);
	if (transaction_load(context, err) != ERR_NONE)
		goto fail;
	transaction_draft(context);
	leaving_report(context, leaving, part, &report);
	CRASH_POINT("run_part_storing");
	if (transaction_store(context, &report, NULL, err) != ERR_NONE)
		goto fail;
	CRASH_POINT("run_part_stored");
	transaction_committed(context);
	run_part_moved(part, &report);
	return ERR_NONE;
fail:
	transaction_fail(context);
	return err_wrap(err, "billing run");
}

void
run_part_tell(const char *what, const struct run_part *part)
{
	char organisation[UUID_TEXT_SIZE], run[UUID_TEXT_SIZE];

	uuid_write(part->organisation_id, organisation);
	uuid_write(part->run_id, run);
	log_line(LOG_INFO, what, log_text("organisation_id", organisation),
	    log_text("billing_run_id", run), log_int("partition", part->partition->id));
}

static enum err_class
part_finish(struct batch_context *context, struct run_part *part, struct err *err)
{
	const struct leaving all = {.finished = true};

	if (part_store(context, part, &all, err) != ERR_NONE)
		return err->class;
	part->through = true;
	run_part_tell("billing run: partition done", part);
	return ERR_NONE;
}

/* Whose chunk it is. */
struct chunk_owner {
	struct run_task *task;
	struct batch_context *context;
};

static struct str
slug(enum refusal refusal)
{
	return str_from(refusal_info(refusal)->slug);
}

/* Not even parking ${item} goes well. */
static enum err_class
leave(void *who, const struct due_item *item, const struct err *why, struct err *err)
{
	const struct chunk_owner *owner = who;
	const struct due_items *found = &owner->task->found;
	const struct leaving one = {
	    .found = found,
	    .which = (size_t)(item - found->items),
	    .reason = slug(REFUSAL_DEAD_LETTER),
	    .detail = str_from(why->text),
	};

	return part_store(owner->context, &owner->task->part, &one, err);
}

/* ---- Chunks. */

/* How many the next chunk takes, as the last one, of task->chunk_len or fewer, took so long. */
static void
chunk_adapt(struct run_task *task, int64_t took_us)
{
	int64_t len = (int64_t)task->chunk_len, fits = len * task->target_us / (took_us + 1);

	/* One that was not full tells nothing of how many would have had time. */
	if (task->found.subscriptions_len < task->chunk_len && fits > len)
		return;
	if (fits > 2 * len)
		fits = 2 * len;
	if (fits > RUN_CHUNK_MAX)
		fits = RUN_CHUNK_MAX;
	task->chunk_len = fits < RUN_CHUNK_MIN ? RUN_CHUNK_MIN : (size_t)fits;
}

static enum err_class
chunk_do(struct run_task *task, struct batch_context *context, struct err *err)
{
	struct chunk_owner owner = {task, context};
	struct chunk chunk = {
	    .context = context,
	    .found = &task->found,
	    .part = &task->part,
	    .leave = leave,
	    .who = &owner,
	};
	bool careful = partition_is_careful(task->part.partition);

	if ((careful ? chunk_process_carefully(&chunk, err)
		     : chunk_process(&chunk, 0, task->found.len, err)) != ERR_NONE)
		return err->class;
	if (!careful)
		chunk_adapt(task, chunk.took_us);
	run_ahead_pass(&task->part, &task->found, chunk.unfinished);
	return ERR_NONE;
}

enum err_class
run_task_do(struct run_task *task, struct batch_context *context, struct err *err)
{
	const struct leaving nobody = {.finished = false};
	const struct leaving one = {.found = &task->found, .reason = slug(REFUSAL_DUE_TOO_MUCH)};
	struct run_part *part = &task->part;
	struct run_look look;

	/* Whoever takes back publishes what is in the facts: nothing of an earlier task. */
	transaction_begin(context);
	if (task->chunk_len == 0)
		task->chunk_len = RUN_CHUNK_FIRST;
	if (run_find(task, context, &look, err) != ERR_NONE)
		return err->class;
	task->did = look.through || look.moved || task->found.len > 0;
	if (look.through)
		return part_finish(context, part, err);
	if (look.moved)
		return part_store(context, part, &nobody, err);
	if (look.too_much)
		return part_store(context, part, &one, err);
	return task->found.len == 0 ? ERR_NONE : chunk_do(task, context, err);
}
