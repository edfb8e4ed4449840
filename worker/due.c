#include "worker/due.h"

#include "common/base/crash_point.h"
#include "common/base/daemon.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "worker/billing.h"
#include "worker/operation.h"
#include "worker/transaction.h"

#define PARKED "billd.subscription.parked.v1"

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

void
due_refer(struct facts *facts, const struct due_item *item)
{
	facts_need(facts, NEED_ORGANISATION, item->organisation_id, &item->organisation_id);
	if (uuid_is_nil(item->customer_id)) {
		facts_need(facts, NEED_TEST_CLOCK, item->organisation_id, &item->test_clock_id);
		return;
	}
	facts_need(facts, NEED_CUSTOMER, item->organisation_id, &item->customer_id);
	facts_need(facts, NEED_LIVE_SUBSCRIPTION, item->organisation_id, &item->customer_id);
}

/* The operation that moved ${clock}, which is where it was to go. */
static void
advanced_add(struct decider *decider, const struct test_clock *clock)
{
	const struct operation_asked asked = {
	    .organisation_id = clock->organisation_id,
	    .id = clock->advance_operation_id,
	    .type = COMMAND_ADVANCE_TEST_CLOCK,
	    .resource_id = clock->id,
	    .accepted_ms = clock->advance_accepted_ms,
	    .idempotency_key = clock->advance_idempotency_key,
	    .actor = clock->advance_actor,
	    .address = clock->advance_address,
	    .request_id = clock->advance_request_id,
	};

	operation_write(decider, &asked, REFUSAL_NONE, "");
}

/* All that falls due on the way is done. */
static void
arrive(struct decision *decision, struct test_clock *row)
{
	struct facts *facts = decision->decider->facts;
	struct test_clock clock = *row;
	struct decision before;

	decision_because(decision, row->advance_operation_id, row->advance_accepted_ms, &before);
	advanced_add(decision->decider, row);
	clock.status = STR("ready");
	clock.now = row->target_at;
	clock.target_at = INSTANT_NONE;
	clock.advance_operation_id = UUID_NIL;
	clock.advance_accepted_ms = 0;
	clock.advance_idempotency_key = clock.advance_actor = STR_NONE;
	clock.advance_address = clock.advance_request_id = STR_NONE;
	facts_change(facts, TABLE_TEST_CLOCKS, row, &clock);
	decision_emit(decision, EVENT_TEST_CLOCK_ADVANCED, clock.id, clock.id, &clock);
	decision_resume(decision, &before);
}

/* What ${item} is decided with; its organisation is there, as it is asked for and never goes. */
static struct decision
decision_of(struct batch_context *context, const struct due_item *item)
{
	const struct organisation *organisation =
	    facts_organisation(&context->facts, item->organisation_id);

	CHECK(organisation != NULL);
	return (struct decision){
	    .decider = &context->decider,
	    .organisation = organisation,
	    .partition = item->partition->id,
	    .event_number = &item->partition->batch_event_number,
	};
}

/* Up to when ${item} may be done: on a clock no further than that now goes.  INSTANT_NONE: a clock
 * that goes nowhere any more. */
static struct instant
item_until(const struct facts *facts, const struct due_item *item)
{
	const struct test_clock *clock;

	if (uuid_is_nil(item->test_clock_id))
		return item->until;
	clock = facts_test_clock(facts, item->organisation_id, item->test_clock_id);
	return clock == NULL ? INSTANT_NONE : clock->target_at;
}

enum err_class
due_decide(struct batch_context *context, const struct due_item *item, struct err *err)
{
	struct decision decision = decision_of(context, item);
	struct facts *facts = &context->facts;
	struct instant until = item_until(facts, item);
	struct customer *customer;
	bool more;

	if (!transaction_has_room(context, DECISION_BYTES_MAX))
		return err_set(err, ERR_POISON, "the chunk's memory is full");
	if (instant_is_none(until))
		return ERR_NONE;
	if (uuid_is_nil(item->customer_id)) {
		arrive(
		    &decision, facts_test_clock(facts, item->organisation_id, item->test_clock_id));
		return ERR_NONE;
	}
	customer = facts_customer(facts, item->organisation_id, item->customer_id);
	CHECK(customer != NULL);
	CRASH_TRAP(customer->name);
	if (billing_catch_up(&decision, customer, until, &more) == REFUSAL_NONE)
		return ERR_NONE;
	*err = decision.err;
	return err_wrap(err, "due");
}

void
due_park(struct batch_context *context, const struct due_item *item)
{
	struct decision decision = decision_of(context, item);
	struct facts *facts = &context->facts;
	struct instant until = item_until(facts, item);
	struct customer *customer = facts_customer(facts, item->organisation_id, item->customer_id);
	struct subscription *row;

	CHECK(customer != NULL);
	while (!instant_is_none(until) && (row = facts_next_due(facts, item->organisation_id,
					       item->customer_id, until)) != NULL)
		billing_park(&decision, customer, row, REFUSAL_DEAD_LETTER);
}

/* The partitions that are touched are those of ${items}, and what these need is loaded. */
static enum err_class
chunk_load(struct batch_context *context, const struct due_item *items, size_t len, struct err *err)
{
	transaction_begin(context);
	context->planned_for += len;
	for (size_t i = 0; i < len; i++) {
		items[i].partition->touched = true;
		due_refer(&context->facts, &items[i]);
	}
	if (transaction_load(context, err) != ERR_NONE)
		return err_wrap(err, "load");
	transaction_draft(context);
	return ERR_NONE;
}

/* One line for each subscription that was parked. */
static void
parked_tell(const struct facts *facts, const struct event *event)
{
	const struct subscription *subscription =
	    facts_subscription(facts, event->organisation_id, event->subject);
	char organisation[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];

	CHECK(subscription != NULL);
	uuid_write(event->organisation_id, organisation);
	uuid_write(event->subject, id);
	log_line(LOG_ERROR, "subscription parked", log_text("organisation_id", organisation),
	    log_text("subscription_id", id), log_str("reason", subscription->billing_problem));
}

/* Log and count what is committed.  Every step emits, under a cause of its own. */
static void
chunk_tell(struct batch_context *context, size_t items, int64_t began_us)
{
	const struct fact_list *events = &context->facts.lists[TABLE_OUTBOX];
	struct metrics *metrics = context->metrics;
	struct uuid cause = UUID_NIL;
	int64_t steps = 0;

	for (size_t i = 0; i < events->len; i++) {
		const struct event *event = events->values[i];

		steps += uuid_equal(event->operation_id, cause) ? 0 : 1;
		cause = event->operation_id;
		if (str_equal(event->type, STR(PARKED)))
			parked_tell(&context->facts, event);
	}
	metrics->due_chunks++;
	metrics->due_steps += steps;
	log_line(LOG_INFO, "due", log_int("customers", (int64_t)items), log_int("steps", steps),
	    log_int("invoices", (int64_t)context->facts.lists[TABLE_INVOICES].len),
	    log_int("events", (int64_t)events->len),
	    log_int("microseconds", clock_steady_us() - began_us));
}

/* Do ${items} in one transaction, or as many as fit; the rest is found again.  With ${park} what is
 * due is parked instead. */
static enum err_class
chunk_try(struct batch_context *context, const struct due_item *items, size_t len, bool park,
    struct err *err)
{
	const struct fact_list *events = &context->facts.lists[TABLE_OUTBOX];
	int64_t began_us = clock_steady_us();
	size_t done = 0;

	if (chunk_load(context, items, len, err) != ERR_NONE)
		return err->class;
	CRASH_POINT("due_loaded");
	for (; done < len; done++) {
		if (done > 0 && (events->len >= DUE_EVENTS_MAX ||
				    !transaction_has_room(context, DECISION_BYTES_MAX)))
			break;
		if (park)
			due_park(context, &items[done]);
		else if (due_decide(context, &items[done], err) != ERR_NONE)
			return err->class;
	}
	if (transaction_store(context, err) != ERR_NONE)
		return err_wrap(err, "store");
	CRASH_POINT("due_committed");
	transaction_committed(context);
	chunk_tell(context, done, began_us);
	return ERR_NONE;
}

/* Try, and load again when another worker took what we were about to take. */
static enum err_class
chunk_settle(struct batch_context *context, const struct due_item *items, size_t len, bool park,
    struct err *err)
{
	for (int conflicts = 0;; conflicts++) {
		enum err_class class = chunk_try(context, items, len, park, err);

		if (class == ERR_NONE)
			return ERR_NONE;
		transaction_fail(context);
		if (class != ERR_RETRY || err->constraint[0] == '\0')
			return class;
		if (conflicts == BATCH_CONFLICTS_MAX)
			return err->class = ERR_POISON;
	}
}

static void
item_tell(const char *what, const struct due_item *item, const struct err *err)
{
	char organisation[UUID_TEXT_SIZE], customer[UUID_TEXT_SIZE], clock[UUID_TEXT_SIZE];

	uuid_write(item->organisation_id, organisation);
	uuid_write(item->customer_id, customer);
	uuid_write(item->test_clock_id, clock);
	log_line(LOG_ERROR, what, log_text("organisation_id", organisation),
	    log_text("customer_id", uuid_is_nil(item->customer_id) ? NULL : customer),
	    log_text("test_clock_id", uuid_is_nil(item->test_clock_id) ? NULL : clock),
	    log_text("reason", err->text), log_text("sqlstate", err->sqlstate));
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
leave(struct due *due, const struct due_item *item, const struct err *err)
{
	item_tell("due and left alone", item, err);
	skip(due, item);
	return ERR_NONE;
}

/* One customer, alone, and it cannot be done. */
static enum err_class
give_up(
    struct due *due, struct batch_context *context, const struct due_item *item, struct err *err)
{
	enum err_class class = ERR_POISON;

	item_tell("due and cannot be done", item, err);
	context->metrics->due_failed++;
	if (!uuid_is_nil(item->customer_id))
		class = chunk_settle(context, item, 1, true, err);
	return class == ERR_POISON ? leave(due, item, err) : class;
}

static enum err_class
chunk_process(struct due *due, struct batch_context *context, const struct due_item *items,
    size_t len, struct err *err)
{
	enum err_class class;

	CHECK(len > 0);

	class = chunk_settle(context, items, len, false, err);
	if (class != ERR_POISON)
		return class;
	if (len == 1)
		return give_up(due, context, items, err);
	class = chunk_process(due, context, items, len / 2, err);
	if (class != ERR_NONE)
		return class;
	return chunk_process(due, context, items + len / 2, len - len / 2, err);
}

/* Take those that are left alone out of what was found; how old the oldest is, of what can be seen
 * from real time. */
static void
found_look(struct due *due, struct batch_context *context, struct instant skipped_since)
{
	struct due_items *found = &due->found;
	int64_t now_s = clock_now_ms() / 1000, oldest_s = 0;
	size_t len = 0;

	/* Of a look that was full nobody knows who was left out. */
	for (size_t i = 0; i < context->partitions->len && found->len < DUE_CHUNK_MAX / 2; i++)
		if (!instant_is_none(context->partitions->items[i].due_until))
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
	context->metrics->due_oldest_s = oldest_s;
}

void
due_hold_back(struct due *due, struct partition *partition, int64_t end_offset)
{
	struct due_items *found = &due->found;
	size_t len = 0;

	if (end_offset == partition->next_offset)
		return;
	partition->due_until = due_until(due, partition, due->bound_ms, true);
	for (size_t i = 0; i < found->len; i++) {
		struct due_item *item = &found->items[i];

		if (item->partition == partition) {
			if (instant_is_none(partition->due_until))
				continue;
			if (uuid_is_nil(item->test_clock_id)) {
				/* The database's clock may have bound it already. */
				if (partition->due_until.s < item->until.s)
					item->until = partition->due_until;
				if (item->due_at.s > item->until.s)
					continue;
			}
		}
		found->items[len++] = *item;
	}
	found->len = len;
}

/*
 * What the last fetch told of the ends of partitions may be old: after this process slept, or lost
 * the broker of one.  A command that was accepted before what was found fell due, and that nobody
 * has fetched yet, comes first.  So the broker is asked, unless it was within half the margin: what
 * was accepted before then, less the other half, was in the log at that time.  Test clocks go by no
 * clock of ours, and need not ask.
 */
static enum err_class
found_hold_back(struct due *due, const struct batch_context *context, struct err *err)
{
	struct partition *partitions[DUE_CHUNK_MAX];
	int32_t ids[DUE_CHUNK_MAX];
	int64_t ends[DUE_CHUNK_MAX], now_ms = clock_steady_ms();
	size_t len = 0;

	for (size_t i = 0; i < context->partitions->len; i++)
		context->partitions->items[i].touched = false;
	for (size_t i = 0; i < due->found.len; i++) {
		const struct due_item *item = &due->found.items[i];
		struct partition *partition = item->partition;

		if (partition->touched || !uuid_is_nil(item->test_clock_id) ||
		    (partition->end_asked_ms > 0 &&
			now_ms - partition->end_asked_ms < due->margin_ms / 2))
			continue;
		partition->touched = true;
		partitions[len] = partition;
		ids[len++] = partition->id;
	}
	if (len == 0)
		return ERR_NONE;
	if (consumer_end_offsets(due->consumer, ids, len, DUE_KAFKA_MS, ends, err) != ERR_NONE)
		return err->class;
	for (size_t i = 0; i < len; i++) {
		if (ends[i] == partitions[i]->next_offset)
			partitions[i]->end_asked_ms = now_ms;
		due_hold_back(due, partitions[i], ends[i]);
	}
	return ERR_NONE;
}

/* How many of what was found are done together: of a partition over which workers died one alone.
 */
static size_t
chunk_len(const struct due_items *found)
{
	size_t len = 0;

	if (partition_is_careful(found->items[0].partition))
		return 1;
	while (len < found->len && !partition_is_careful(found->items[len].partition))
		len++;
	return len;
}

static struct uuid
suspect_of(const struct due_item *item)
{
	return uuid_is_nil(item->customer_id) ? item->test_clock_id : item->customer_id;
}

/* Which of what was found is tried next in the careful partition of the first: the one that is
 * noted, else others that fell due meanwhile would take its note away each time. */
static const struct due_item *
careful_next(const struct due_items *found)
{
	const struct partition *partition = found->items[0].partition;

	for (size_t i = 0; i < found->len; i++)
		if (found->items[i].partition == partition &&
		    progress_suspects_due(partition, suspect_of(&found->items[i])))
			return &found->items[i];
	return &found->items[0];
}

/* A customer over whom workers may have died is noted before it is tried, and given up when that
 * was often enough. */
static enum err_class
careful_process(
    struct due *due, struct batch_context *context, const struct due_item *item, struct err *err)
{
	struct partition *partition = item->partition;
	struct uuid suspect = suspect_of(item);

	arena_reset(&context->arena);
	if (progress_suspect_due(context->pg, partition, suspect, &context->arena, err) != ERR_NONE)
		return err->class;
	partition->careful_messages++;
	if (partition->due_suspect_attempts <= DUE_DEATHS_MAX)
		return chunk_process(due, context, item, 1, err);
	(void)err_set(
	    err, ERR_POISON, "workers died over it %d times", partition->due_suspect_attempts - 1);
	return give_up(due, context, item, err);
}

enum err_class
due_step(struct due *due, struct batch_context *context, struct err *err)
{
	int64_t now_ms = clock_steady_ms();
	struct uuid left_alone[DUE_SKIPS_MAX];
	struct instant since;
	size_t left_len;

	if (now_ms < due->look_at_ms && !context->due_soon && !due->left)
		return ERR_NONE;
	context->due_soon = false;
	due->left = false;
	due->look_at_ms = now_ms + due->interval_ms;
	left_len = skips_list(due, left_alone, &since);
	if (due_find(context, due->turn++, left_alone, left_len, &due->found, err) != ERR_NONE)
		return err->class;
	due->turn %= CONSUMER_PARTITIONS_MAX;
	found_look(due, context, since);
	if (due->found.len == 0)
		return ERR_NONE;
	if (found_hold_back(due, context, err) != ERR_NONE) {
		log_line(LOG_WARN, "due work waits for kafka", log_text("reason", err->text));
		return ERR_NONE;
	}
	if (due->found.len == 0)
		return ERR_NONE;
	due->left = true;
	if (partition_is_careful(due->found.items[0].partition))
		return careful_process(due, context, careful_next(&due->found), err);
	return chunk_process(due, context, due->found.items, chunk_len(&due->found), err);
}
