#include "worker/run.h"

#include "common/base/crash_point.h"
#include "common/base/daemon.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "worker/run_find.h"
#include "worker/run_report.h"
#include "worker/transaction.h"

void
run_prepare(struct pg *pg)
{
	run_find_prepare(pg);
	run_report_prepare(pg);
}

/* ---- Where a part is. */

static bool
cursor_equal(const struct run_cursor *a, const struct run_cursor *b)
{
	return a->shard == b->shard && a->after_due_at.s == b->after_due_at.s &&
	       uuid_equal(a->after_id, b->after_id);
}

void
run_part_move(const struct run_part *part, const struct due_items *found, size_t first, size_t done,
    struct run_report *report)
{
	const struct due_item *last;
	struct uuid id;

	CHECK(done > 0 && first + done <= found->len);
	/* What a dry run leaves behind its place is not found again. */
	CHECK(!part->dry_run || first == part->taken);
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
	part->partition->touched = true;
	facts_need(
	    &context->facts, NEED_ORGANISATION, part->organisation_id, &part->organisation_id);
	if (transaction_load(context, err) != ERR_NONE)
		goto fail;
	transaction_draft(context);
	leaving_report(context, leaving, part, &report);
	CRASH_POINT("run_part_storing");
	if (transaction_store(context, &report, err) != ERR_NONE)
		goto fail;
	CRASH_POINT("run_part_stored");
	transaction_committed(context);
	run_part_moved(part, &report);
	return ERR_NONE;
fail:
	transaction_fail(context);
	return err_wrap(err, "billing run");
}

static void
part_tell(const char *what, const struct run_part *part)
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
	part_tell("billing run: partition done", part);
	return ERR_NONE;
}

/* Whose chunk it is. */
struct chunk_owner {
	struct runs *runs;
	struct batch_context *context;
	struct run_part *part;
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
	const struct due_items *found = &owner->runs->found;
	const struct leaving one = {
	    .found = found,
	    .which = (size_t)(item - found->items),
	    .reason = slug(REFUSAL_DEAD_LETTER),
	    .detail = str_from(why->text),
	};

	return part_store(owner->context, owner->part, &one, err);
}

/* ---- Chunks. */

/* How many the next chunk takes, as the last one, of runs->chunk_len or fewer, took so long. */
static void
chunk_adapt(struct runs *runs, int64_t took_us, int64_t target_us)
{
	int64_t len = (int64_t)runs->chunk_len, fits = len * target_us / (took_us + 1);

	/* One that was not full tells nothing of how many would have had time. */
	if (runs->found.subscriptions_len < runs->chunk_len && fits > len)
		return;
	if (fits > 2 * len)
		fits = 2 * len;
	if (fits > RUN_CHUNK_MAX)
		fits = RUN_CHUNK_MAX;
	runs->chunk_len = fits < RUN_CHUNK_MIN ? RUN_CHUNK_MIN : (size_t)fits;
}

static enum err_class
chunk_do(struct runs *runs, struct batch_context *context, struct run_part *part, bool busy,
    struct err *err)
{
	struct chunk_owner owner = {runs, context, part};
	struct chunk chunk = {
	    .context = context,
	    .found = &runs->found,
	    .part = part,
	    .leave = leave,
	    .who = &owner,
	};
	int64_t began_us = clock_steady_us();

	if (partition_is_careful(part->partition))
		return chunk_process_carefully(&chunk, err);
	if (chunk_process(&chunk, 0, runs->found.len, err) != ERR_NONE)
		return err->class;
	chunk_adapt(
	    runs, clock_steady_us() - began_us, 1000 * (busy ? RUN_CHUNK_MS : RUN_CHUNK_IDLE_MS));
	return ERR_NONE;
}

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
	runs->found.len = 0;
	if (due_ask_ends(runs->due, context, &runs->found, &err) == ERR_NONE)
		return true;
	log_line(LOG_WARN, "billing runs wait for kafka", log_text("reason", err.text));
	return false;
}

/* One chunk of ${part}, or its end.  ${ret_did} tells whether there was anything to do. */
static enum err_class
part_do(struct runs *runs, struct batch_context *context, struct run_part *part, bool busy,
    bool *ret_did, struct err *err)
{
	struct run_look look;
	struct instant until;
	bool settled;

	until = run_until(part, runs->now, &settled);
	if (run_find(runs, context, part, until, settled, &look, err) != ERR_NONE)
		return err->class;
	*ret_did = look.through || look.moved || runs->found.len > 0;
	if (look.through)
		return part_finish(context, part, err);
	if (look.moved) {
		const struct leaving nobody = {.finished = false};

		return part_store(context, part, &nobody, err);
	}
	if (look.too_much) {
		const struct leaving one = {
		    .found = &runs->found, .reason = slug(REFUSAL_DUE_TOO_MUCH)};

		return part_store(context, part, &one, err);
	}
	return runs->found.len == 0 ? ERR_NONE : chunk_do(runs, context, part, busy, err);
}

/* ---- Turns. */

static void
turn_reset(struct runs *runs)
{
	runs->turn_created_ms = 0;
	runs->turn_run_id = UUID_NIL;
	runs->turn_partition = -1;
}

static void
turn_pass(struct runs *runs, const struct run_part *part)
{
	runs->turn_created_ms = part->created_ms;
	runs->turn_run_id = part->run_id;
	runs->turn_partition = part->partition->id;
}

/* Every part of the page was looked at. */
static void
turn_pass_page(struct runs *runs)
{
	runs->turn_created_ms = runs->page_created_ms;
	runs->turn_run_id = runs->page_run_id;
	runs->turn_partition = INT32_MAX;
}

/* Parts begin before any goes on: so it is known early how much there is to do.  Where those of one
 * run must wait, those of the next ones need not. */
static enum err_class
parts_begin(struct runs *runs, struct batch_context *context, bool *ret_did, struct err *err)
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
	*ret_did = begun > 0;
	if (begun > 0)
		part_tell("billing run: partitions begun", first);
	else if (first != NULL)
		runs->begin_at_ms = now_ms + RUN_LOOK_MS;
	return ERR_NONE;
}

/* Nobody dies over what is not there: which partitions have something left, when all is known. */
static void
left_note(const struct runs *runs, struct partitions *partitions, bool all)
{
	for (size_t i = 0; all && i < partitions->len; i++)
		partitions->items[i].run_left = false;
	for (size_t i = 0; i < runs->parts_len; i++)
		runs->parts[i].partition->run_left = true;
}

/* Do one thing of the parts that come next; ${ret_more} tells whether others come behind them that
 * were not looked at. */
static enum err_class
turn_do(struct runs *runs, struct batch_context *context, bool busy, bool *ret_did, bool *ret_more,
    struct err *err)
{
	int64_t until_ms = clock_steady_ms() + (busy ? RUN_CHUNK_MS : RUN_CHUNK_IDLE_MS);

	*ret_more = false;
	if (parts_begin(runs, context, ret_did, err) != ERR_NONE)
		return err->class;
	if (*ret_did)
		return ERR_NONE;
	for (size_t i = 0; i < runs->parts_len; i++) {
		struct run_part *part = &runs->parts[i];

		/* Many that wait take time, too. */
		if (clock_steady_ms() >= until_ms) {
			*ret_more = true;
			return ERR_NONE;
		}
		turn_pass(runs, part);
		if (!part->begun)
			continue;
		if (!part_hold_back(runs, context, part))
			return ERR_NONE;
		if (part_do(runs, context, part, busy, ret_did, err) != ERR_NONE)
			return err->class;
		if (*ret_did)
			return ERR_NONE;
	}
	*ret_more = runs->parts_len == RUN_PARTS_MAX || runs->page_full;
	if (!*ret_more)
		turn_reset(runs);
	else if (runs->parts_len < RUN_PARTS_MAX)
		turn_pass_page(runs);
	return ERR_NONE;
}

enum err_class
run_step(struct runs *runs, struct batch_context *context, bool busy, struct err *err)
{
	int64_t now_ms = clock_steady_ms();
	bool did = false, more = false, from_start;

	if (now_ms < runs->look_at_ms && !runs->left)
		return ERR_NONE;
	runs->left = false;
	runs->look_at_ms = now_ms + RUN_LOOK_MS;
	if (runs->chunk_len == 0) {
		runs->chunk_len = RUN_CHUNK_FIRST;
		turn_reset(runs);
	}
	/* From where the last turn ended, and where that brings nothing, from the beginning. */
	do {
		from_start = runs->turn_partition < 0 && runs->turn_created_ms == 0;
		if (run_find_parts(runs, context, err) != ERR_NONE)
			return err->class;
		left_note(runs, context->partitions,
		    from_start && runs->parts_len < RUN_PARTS_MAX && !runs->page_full);
		if (turn_do(runs, context, busy, &did, &more, err) != ERR_NONE)
			return err->class;
	} while (!did && !more && !from_start && runs->turn_partition < 0);
	runs->left = did || more;
	return ERR_NONE;
}
