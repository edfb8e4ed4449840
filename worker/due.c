#include "worker/due.h"

#include "common/base/daemon.h"
#include "common/base/log.h"

struct instant
due_until(const struct due *due, const struct partition *partition, int64_t now_ms, bool waiting)
{
	int64_t at_ms = now_ms;

	if (waiting && partition->accepted_ms < at_ms)
		at_ms = partition->accepted_ms;
	if (waiting && (partition->accepted_ms == 0 || partition_is_careful(partition)))
		return INSTANT_NONE;
	return instant_from_ms(at_ms > due->margin_ms ? at_ms - due->margin_ms : 0);
}

/* Leave ${item} alone for a while.  When many are, the one that has waited longest is tried again.
 */
static void
skip(struct due *due, const struct due_item *item)
{
	struct due_skip *place = &due->skips[0];

	if (due->skips_len < DUE_SKIPS_MAX)
		place = &due->skips[due->skips_len++];
	for (size_t i = 0; due->skips_len == DUE_SKIPS_MAX && i < DUE_SKIPS_MAX; i++)
		if (due->skips[i].until_ms < place->until_ms)
			place = &due->skips[i];
	*place = (struct due_skip){
	    uuid_is_nil(item->customer_id) ? item->test_clock_id : item->customer_id,
	    uuid_is_nil(item->test_clock_id) ? item->due_at : INSTANT_NONE,
	    clock_steady_ms() + DUE_SKIP_MS};
}

/* Who is left alone now; and, in real time, since when at the longest. */
static size_t
skips_list(const struct due *due, struct uuid *ret_ids, struct instant *ret_since)
{
	int64_t now_ms = clock_steady_ms();
	size_t len = 0;

	*ret_since = INSTANT_NONE;
	for (size_t i = 0; i < due->skips_len; i++) {
		const struct due_skip *one = &due->skips[i];

		if (one->until_ms <= now_ms)
			continue;
		ret_ids[len++] = one->id;
		if (!instant_is_none(one->due_at) &&
		    (instant_is_none(*ret_since) || one->due_at.s < ret_since->s))
			*ret_since = one->due_at;
	}
	return len;
}

static bool
is_skipped(const struct due *due, const struct due_item *item)
{
	for (size_t i = 0; i < due->skips_len; i++)
		if ((uuid_equal(due->skips[i].id, item->customer_id) ||
			uuid_equal(due->skips[i].id, item->test_clock_id)) &&
		    due->skips[i].until_ms > clock_steady_ms())
			return true;
	return false;
}

/* Not even parking it goes well. */
static enum err_class
leave(void *who, const struct due_item *item, const struct err *why, struct err *err)
{
	(void)why;
	(void)err;
	skip(who, item);
	return ERR_NONE;
}

bool
due_looks_at(const struct partition *partition)
{
	return !instant_is_none(partition->due_until) && !partition->lent;
}

/* Which partitions a look leaves out, so that they come first when they are back. */
static void
missed_note(struct partitions *partitions, bool timed)
{
	for (size_t i = 0; i < partitions->len; i++) {
		struct partition *partition = &partitions->items[i];

		partition->due_missed = partition->lent && (timed || partition->due_missed);
	}
}

static bool
is_any_lent(const struct partitions *partitions)
{
	for (size_t i = 0; i < partitions->len; i++)
		if (partitions->items[i].lent)
			return true;
	return false;
}

/* Take those that are left alone out of what was found; how old the oldest is, of what can be seen
 * from real time. */
static void
found_look(struct due *due, struct batch_context *context, struct instant skipped_since)
{
	struct due_items *found = &due->found;
	int64_t now_s = due->bound_ms / 1000, oldest_s = 0;
	size_t len = 0;

	/* Of a look that was full nobody knows who was left out. */
	for (size_t i = 0; i < context->partitions->len && found->subscriptions_len < DUE_FOUND_MAX;
	     i++)
		if (due_looks_at(&context->partitions->items[i]))
			context->partitions->items[i].due_left = false;
	for (size_t i = 0; i < found->len; i++) {
		const struct due_item *item = &found->items[i];

		if (uuid_is_nil(item->test_clock_id) && now_s - item->due_at.s > oldest_s)
			oldest_s = now_s - item->due_at.s;
		if (is_skipped(due, item))
			continue;
		item->partition->due_left = true;
		found->items[len++] = *item;
	}
	found->len = len;
	if (!instant_is_none(skipped_since) && now_s - skipped_since.s > oldest_s)
		oldest_s = now_s - skipped_since.s;
	/* What is lent was not looked at. */
	if (!is_any_lent(context->partitions) || oldest_s > context->metrics->due_oldest_s)
		context->metrics->due_oldest_s = oldest_s;
}

void
due_hold_back(
    struct due *due, struct due_items *found, struct partition *partition, int64_t end_offset)
{
	struct horizon horizon;
	size_t len = 0;

	if (end_offset == partition->next_offset)
		return;
	partition->due_until = due_until(due, partition, due->bound_ms, true);
	horizon = HORIZON_AT(partition->due_until);
	for (size_t i = 0; i < found->len; i++) {
		struct due_item *item = &found->items[i];

		if (item->partition == partition) {
			if (instant_is_none(horizon.at))
				continue;
			if (uuid_is_nil(item->test_clock_id)) {
				/* The look may have bound it already. */
				if (horizon.at.s < item->horizon.at.s)
					item->horizon = horizon;
				if (item->due_at.s > item->horizon.at.s)
					continue;
			}
		}
		found->items[len++] = *item;
	}
	found->len = len;
}

bool
due_end_is_known(const struct due *due, const struct partition *partition)
{
	return partition->end_asked_ms > 0 &&
	       due->bound_ms - partition->end_asked_ms < due->margin_ms / 2;
}

enum err_class
due_ask_ends(struct due *due, const struct batch_context *context, struct err *err)
{
	struct partitions *ours = context->partitions;
	int64_t ends[CONSUMER_PARTITIONS_MAX];
	int32_t ids[CONSUMER_PARTITIONS_MAX];

	for (size_t i = 0; i < ours->len; i++)
		ids[i] = ours->items[i].id;
	if (consumer_end_offsets(due->consumer, ids, ours->len, DUE_KAFKA_MS, ends, err) !=
	    ERR_NONE)
		return err->class;
	for (size_t i = 0; i < ours->len; i++) {
		if (ends[i] == ours->items[i].next_offset)
			ours->items[i].end_asked_ms = due->bound_ms;
		due_hold_back(due, &due->found, &ours->items[i], ends[i]);
	}
	return ERR_NONE;
}

/*
 * What the last fetch told of the ends of partitions may be old: after this process slept, or lost
 * the broker of one, or its machine stood still.  A command that was accepted before what was found
 * fell due, and that nobody has fetched yet, comes first.  So the broker is asked, unless it was
 * within half the margin: what was accepted before then, less the other half, was in the log at
 * that time.  By the clock that due_until goes by: a steady one may stand still with its machine.
 * Test clocks go by no clock of ours, and need not ask.
 */
static bool
must_ask(const struct due *due)
{
	const struct due_items *found = &due->found;

	for (size_t i = 0; i < found->len; i++)
		if (uuid_is_nil(found->items[i].test_clock_id) &&
		    !due_end_is_known(due, found->items[i].partition))
			return true;
	return false;
}

/* How many of what was found are done together. */
static size_t
chunk_len(const struct due_items *found)
{
	size_t len = 0;

	while (len < found->len && !partition_is_careful(found->items[len].partition))
		len++;
	return len;
}

enum err_class
due_step(struct due *due, struct batch_context *context, struct err *err)
{
	int64_t now_ms = clock_steady_ms();
	bool timed = now_ms >= due->look_at_ms;
	struct chunk chunk = {
	    .context = context,
	    .found = &due->found,
	    .leave = leave,
	    .who = due,
	};
	struct uuid left_alone[DUE_SKIPS_MAX];
	struct instant since;
	size_t left_len;

	if (!timed && !context->due_soon && !due->left)
		return ERR_NONE;
	context->due_soon = false;
	due->left = false;
	if (timed)
		due->look_at_ms = now_ms + due->interval_ms;
	missed_note(context->partitions, timed);
	left_len = skips_list(due, left_alone, &since);
	if (due_find(context, due->turn++, due->continuous, left_alone, left_len, &due->found,
		err) != ERR_NONE)
		return err->class;
	due->turn %= CONSUMER_PARTITIONS_MAX;
	found_look(due, context, since);
	if (due->found.len == 0)
		return ERR_NONE;
	if (must_ask(due) && due_ask_ends(due, context, err) != ERR_NONE) {
		log_line(LOG_WARN, "due work waits for kafka", log_text("reason", err->text));
		return ERR_NONE;
	}
	if (due->found.len == 0)
		return ERR_NONE;
	due->left = true;
	if (partition_is_careful(due->found.items[0].partition))
		return chunk_process_carefully(&chunk, err);
	return chunk_process(&chunk, 0, chunk_len(&due->found), err);
}
