#include "worker/chunk.h"

#include "common/base/crash_point.h"
#include "common/base/daemon.h"
#include "common/base/log.h"
#include "worker/billing.h"
#include "worker/operation.h"
#include "worker/run_report.h"
#include "worker/run_task.h"
#include "worker/transaction.h"

#define PARKED "billd.subscription.parked.v1"
#define DAY_S INT64_C(86400) /* the shortest period */

void
chunk_refer(struct facts *facts, const struct due_items *found, const struct due_item *item)
{
	facts_need(facts, NEED_ORGANISATION, item->organisation_id, &item->organisation_id);
	if (uuid_is_nil(item->customer_id)) {
		facts_need(facts, NEED_TEST_CLOCK, item->organisation_id, &item->test_clock_id);
		return;
	}
	facts_need(facts, NEED_CUSTOMER, item->organisation_id, &item->customer_id);
	for (size_t i = 0; i < item->len; i++)
		facts_need(facts, NEED_SUBSCRIPTION, item->organisation_id,
		    &found->subscription_ids[item->first + i]);
}

/* ---- A test clock. */

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

/* Up to when ${item} may be done: on a clock no further than that now goes.  At INSTANT_NONE: a
 * clock that goes nowhere any more. */
static struct horizon
horizon_of(const struct facts *facts, const struct due_item *item)
{
	const struct test_clock *clock;

	if (uuid_is_nil(item->test_clock_id))
		return item->horizon;
	clock = facts_test_clock(facts, item->organisation_id, item->test_clock_id);
	if (clock == NULL || instant_is_none(clock->target_at))
		return HORIZON_AT(INSTANT_NONE);
	return clock->target_at.s < item->horizon.at.s ? HORIZON_AT(clock->target_at)
						       : item->horizon;
}

/* ---- What is due of a customer. */

/* What ${item} is decided with; its organisation is there, as it is asked for and never goes. */
static struct decision
decision_of(const struct chunk *chunk, const struct due_item *item)
{
	struct batch_context *context = chunk->context;
	const struct organisation *organisation =
	    facts_organisation(&context->facts, item->organisation_id);

	CHECK(organisation != NULL);
	return (struct decision){
	    .decider = &context->decider,
	    .organisation = organisation,
	    .billing_run_id = chunk->part == NULL ? UUID_NIL : chunk->part->run_id,
	    .partition = item->partition->id,
	    .event_number = &item->partition->batch_event_number,
	};
}

/* Whether ${row} has more invoices due than a run gives to one subscription. */
static enum refusal
is_far_behind(struct decision *decision, const struct run_part *part,
    const struct subscription *row, bool *ret_far)
{
	size_t max = (size_t)part->invoices_max;
	struct terms terms;

	*ret_far = false;
	/* No two that bill fall due on a day but at the ends of trials and of itself. */
	if (instant_is_none(row->due_at) ||
	    part->as_of.s - row->due_at.s < (part->invoices_max - 2) * DAY_S)
		return REFUSAL_NONE;
	if (billing_terms(decision, row, &terms) != REFUSAL_NONE)
		return REFUSAL_MAX;
	*ret_far = billing_bills_due(decision, row, &terms, part->as_of, max + 1) > max;
	return REFUSAL_NONE;
}

/* In a billing run: what was parked is tried again, what is too far behind is left. */
static enum refusal
retry_or_leave(struct chunk *chunk, struct decision *decision, const struct due_item *item,
    struct customer *customer, struct subscription *row)
{
	bool parked = row->billing_problem.ptr != NULL, far = false;
	struct subscription due = *row;
	enum refusal refusal;

	due.billing_problem = STR_NONE;
	due.due_at = subscription_due_at(&due);
	refusal = is_far_behind(decision, chunk->part, &due, &far);
	if (refusal == REFUSAL_NONE && parked && !far)
		refusal = billing_retry(decision, customer, row, item->horizon);
	/* One that cannot even be judged stays parked, and keeps nobody from what is due. */
	if (refusal == REFUSAL_MAX && parked) {
		memset(&decision->err, 0, sizeof(decision->err));
		return REFUSAL_NONE;
	}
	if (refusal != REFUSAL_NONE || !far)
		return refusal;
	run_report_fail(chunk->context, chunk->report, row,
	    str_from(refusal_info(REFUSAL_BILLING_BEHIND)->slug), STR_NONE);
	/* The row here is left out, and is not a changed one: nothing of it is stored. */
	row->due_at = INSTANT_NONE;
	return REFUSAL_NONE;
}

static enum refusal
rows_prepare(struct chunk *chunk, struct decision *decision, const struct due_item *item,
    struct customer *customer)
{
	enum refusal refusal = REFUSAL_NONE;

	for (size_t i = 0; refusal == REFUSAL_NONE && i < item->len; i++) {
		struct subscription *row = facts_subscription(&chunk->context->facts,
		    item->organisation_id, chunk->found->subscription_ids[item->first + i]);

		if (row != NULL)
			refusal = retry_or_leave(chunk, decision, item, customer, row);
	}
	return refusal;
}

/* A dry run, which does not come back, takes all that is due of a customer at once. */
static enum err_class
customer_decide(
    struct chunk *chunk, struct decision *decision, const struct due_item *item, struct err *err)
{
	struct batch_context *context = chunk->context;
	struct horizon horizon = horizon_of(&context->facts, item);
	struct customer *customer =
	    facts_customer(&context->facts, item->organisation_id, item->customer_id);
	bool dry = chunk->part != NULL && chunk->part->dry_run, more = true;
	enum refusal refusal = REFUSAL_NONE;

	CHECK(customer != NULL);
	CRASH_TRAP(customer->name);
	if (chunk->part != NULL)
		refusal = rows_prepare(chunk, decision, item, customer);
	for (bool first = true; refusal == REFUSAL_NONE && more && (first || dry); first = false) {
		if (!transaction_has_room(context, DECISION_BYTES_MAX))
			return err_set(err, ERR_POISON, "the chunk's memory is full");
		refusal = billing_catch_up(decision, customer, horizon, &more);
	}
	chunk->unfinished |= more;
	if (refusal == REFUSAL_NONE)
		return ERR_NONE;
	*err = decision->err;
	return err_wrap(err, "due");
}

enum err_class
chunk_decide(struct chunk *chunk, const struct due_item *item, struct err *err)
{
	struct facts *facts = &chunk->context->facts;
	struct decision decision = decision_of(chunk, item);

	if (instant_is_none(horizon_of(facts, item).at))
		return ERR_NONE;
	if (!uuid_is_nil(item->customer_id))
		return customer_decide(chunk, &decision, item, err);
	arrive(&decision, facts_test_clock(facts, item->organisation_id, item->test_clock_id));
	return ERR_NONE;
}

void
chunk_park(struct chunk *chunk, const struct due_item *item)
{
	struct decision decision = decision_of(chunk, item);
	struct facts *facts = &chunk->context->facts;
	struct horizon horizon = horizon_of(facts, item);
	struct customer *customer = facts_customer(facts, item->organisation_id, item->customer_id);
	struct subscription *row;

	CHECK(customer != NULL);
	while (!instant_is_none(horizon.at) && (row = facts_next_due(facts, item->organisation_id,
						    item->customer_id, horizon)) != NULL)
		billing_park(&decision, customer, row, REFUSAL_DEAD_LETTER);
}

/* ---- One transaction. */

/* The partitions that are touched are those of the items, and what these need is loaded. */
static enum err_class
chunk_load(struct chunk *chunk, size_t first, size_t len, struct err *err)
{
	struct batch_context *context = chunk->context;
	const struct run_part *part = chunk->part;

	transaction_begin(context);
	context->planned_for += len;
	for (size_t i = first; i < first + len; i++) {
		partition_set_add(&context->touched, chunk->found->items[i].partition);
		chunk_refer(&context->facts, chunk->found, &chunk->found->items[i]);
	}
	if (part != NULL)
		facts_need(&context->facts, NEED_BILLING_RUN, part->organisation_id, &part->run_id);
	if (transaction_load(context, err) != ERR_NONE)
		return err_wrap(err, "load");
	transaction_draft(context);
	return ERR_NONE;
}

/* Whether the run that the chunk belongs to goes on, as far as is known; what a chunk has in hand
 * when its run is paused or canceled is done. */
static bool
run_goes_on(const struct chunk *chunk)
{
	const struct run_part *part = chunk->part;
	const struct billing_run *run =
	    facts_billing_run(&chunk->context->facts, part->organisation_id, part->run_id);

	return run != NULL && str_equal(run->status, STR("running"));
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

/* How late the invoices of what is committed came; on a test clock none does. */
static void
lateness_count(const struct facts *facts, struct metrics *metrics)
{
	const struct fact_list *invoices = &facts->lists[TABLE_INVOICES];
	int64_t now_s = clock_now_ms() / 1000;

	for (size_t i = 0; i < invoices->len; i++) {
		const struct invoice *invoice = invoices->values[i];
		const struct customer *customer =
		    facts_customer(facts, invoice->organisation_id, invoice->customer_id);

		CHECK(customer != NULL);
		if (uuid_is_nil(customer->test_clock_id))
			metrics_lateness(metrics, now_s - invoice->issued_at.s);
	}
}

/* Log and count what is committed.  Every step emits, under a cause of its own. */
static void
chunk_tell(const struct chunk *chunk, size_t items, int64_t began_us)
{
	const struct facts *facts = &chunk->context->facts;
	const struct fact_list *events = &facts->lists[TABLE_OUTBOX];
	const struct run_report *report = chunk->report;
	struct metrics *metrics = chunk->context->metrics;
	char run[UUID_TEXT_SIZE];
	struct uuid cause = UUID_NIL;
	int64_t steps = 0;

	for (size_t i = 0; i < events->len; i++) {
		const struct event *event = events->values[i];

		steps += uuid_equal(event->operation_id, cause) ? 0 : 1;
		cause = event->operation_id;
		if (str_equal(event->type, STR(PARKED)))
			parked_tell(facts, event);
	}
	lateness_count(facts, metrics);
	metrics->due_chunks++;
	metrics->due_steps += steps;
	if (report != NULL)
		uuid_write(report->part->run_id, run);
	log_line(LOG_INFO, "due", log_text("billing_run_id", report == NULL ? NULL : run),
	    log_int("customers", (int64_t)items), log_int("steps", steps),
	    log_int("invoices",
		report == NULL ? (int64_t)facts->lists[TABLE_INVOICES].len : report->invoiced),
	    log_int("events", (int64_t)events->len),
	    log_int("microseconds", clock_steady_us() - began_us));
}

/* What the chunk adds to its run's report, in the arena; of no run, nothing. */
static void
report_begin(struct chunk *chunk)
{
	chunk->report = NULL;
	if (chunk->part == NULL)
		return;
	chunk->report = arena_alloc(&chunk->context->arena, sizeof(*chunk->report));
	CHECK(chunk->report != NULL);
	*chunk->report = (struct run_report){.part = chunk->part, .first_due_at = INSTANT_NONE};
}

/* Of a dry run nothing is stored but its report. */
static void
report_make(struct chunk *chunk, size_t first, size_t done)
{
	struct batch_context *context = chunk->context;

	run_report_collect(context, chunk->report, chunk->found, first, done);
	run_part_move(chunk->part, chunk->found, first, done, chunk->report);
	if (!chunk->part->dry_run)
		return;
	facts_init(&context->facts, &context->arena);
	transaction_draft(context);
}

/* Decide items, as many as fit; with ${park} what is due of them is parked instead. */
static enum err_class
chunk_decide_all(
    struct chunk *chunk, size_t first, size_t len, bool park, size_t *ret_done, struct err *err)
{
	struct batch_context *context = chunk->context;
	const struct fact_list *events = &context->facts.lists[TABLE_OUTBOX];

	for (*ret_done = 0; *ret_done < len; (*ret_done)++) {
		const struct due_item *item = &chunk->found->items[first + *ret_done];

		if (*ret_done > 0 && (events->len >= CHUNK_EVENTS_MAX ||
					 !transaction_has_room(context, DECISION_BYTES_MAX)))
			break;
		if (park)
			chunk_park(chunk, item);
		else if (chunk_decide(chunk, item, err) != ERR_NONE)
			return err->class;
	}
	return ERR_NONE;
}

static struct uuid
suspect_of(const struct due_item *item)
{
	return uuid_is_nil(item->customer_id) ? item->test_clock_id : item->customer_id;
}

/* What was due of ${done} items is done: workers that die later died over others. */
static struct due_settled
settled_of(const struct chunk *chunk, size_t first, size_t done)
{
	struct due_settled settled = {.max = done};

	for (size_t i = first; i < first + done; i++)
		progress_settle(&settled, chunk->found->items[i].partition,
		    suspect_of(&chunk->found->items[i]), &chunk->context->arena);
	return settled;
}

/* Do items in one transaction, or as many as fit; the rest is found again. */
static enum err_class
chunk_try(struct chunk *chunk, size_t first, size_t len, bool park, struct err *err)
{
	struct batch_context *context = chunk->context;
	int64_t began_us = clock_steady_us(), loaded_us;
	struct due_settled settled;
	size_t done = 0;

	if (chunk_load(chunk, first, len, err) != ERR_NONE)
		return err->class;
	loaded_us = clock_steady_us();
	CRASH_POINT("due_loaded");
	if (chunk->part != NULL && !run_goes_on(chunk)) {
		chunk->part->held = true;
		pg_rollback(context->pg);
		return ERR_NONE;
	}
	report_begin(chunk);
	if (chunk_decide_all(chunk, first, len, park, &done, err) != ERR_NONE)
		return err->class;
	if (chunk->report != NULL)
		report_make(chunk, first, done);
	settled = settled_of(chunk, first, done);
	if (transaction_store(context, chunk->report, &settled, err) != ERR_NONE)
		return err_wrap(err, "store");
	chunk->took_us += clock_steady_us() - loaded_us;
	CRASH_POINT("due_committed");
	transaction_committed(context);
	if (chunk->report != NULL)
		run_part_moved(chunk->part, chunk->report);
	chunk_tell(chunk, done, began_us);
	return ERR_NONE;
}

/* ---- What cannot be done. */

/* Try, and load again when another worker took what we were about to take. */
static enum err_class
chunk_settle(struct chunk *chunk, size_t first, size_t len, bool park, struct err *err)
{
	for (int conflicts = 0;; conflicts++) {
		enum err_class class = chunk_try(chunk, first, len, park, err);

		if (class == ERR_NONE)
			return ERR_NONE;
		transaction_fail(chunk->context);
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

/* One customer, alone, and it cannot be done. */
static enum err_class
give_up(struct chunk *chunk, size_t which, struct err *err)
{
	const struct due_item *item = &chunk->found->items[which];
	enum err_class class = ERR_POISON;
	struct err why;

	item_tell("due and cannot be done", item, err);
	chunk->context->metrics->due_failed++;
	if (!uuid_is_nil(item->customer_id))
		class = chunk_settle(chunk, which, 1, true, err);
	if (class != ERR_POISON)
		return class;
	item_tell("due and left alone", item, err);
	why = *err;
	return chunk->leave(chunk->who, item, &why, err);
}

/* Whether what was found is passed by a cursor, and so in order. */
static bool
is_by_cursor(const struct chunk *chunk)
{
	return chunk->part != NULL && run_part_is_by_cursor(chunk->part);
}

/* Whether not all of those before number ${next} fitted in: by a cursor, they are found again
 * before it goes on. */
static bool
left_some(const struct chunk *chunk, size_t next)
{
	return is_by_cursor(chunk) && chunk->part->taken < next;
}

enum err_class
chunk_process(struct chunk *chunk, size_t first, size_t len, struct err *err)
{
	enum err_class class;

	CHECK(len > 0);

	class = chunk_settle(chunk, first, len, false, err);
	if (class != ERR_POISON)
		return class;
	if (len == 1)
		return give_up(chunk, first, err);
	class = chunk_process(chunk, first, len / 2, err);
	if (class != ERR_NONE || left_some(chunk, first + len / 2))
		return class;
	return chunk_process(chunk, first + len / 2, len - len / 2, err);
}

/* ---- Where workers died. */

/* Who may be tried next: of the careful partition of the first, whoever was found, so that one who
 * is noted comes before others that fell due meanwhile; by a cursor the first alone.  Their
 * ${ret_numbers}. */
static size_t
careful_list(const struct chunk *chunk, struct uuid *ret_suspects, size_t *ret_numbers)
{
	const struct due_items *found = chunk->found;
	size_t all = is_by_cursor(chunk) ? 1 : found->len, len = 0;

	for (size_t i = 0; i < all; i++) {
		if (found->items[i].partition != found->items[0].partition)
			continue;
		ret_suspects[len] = suspect_of(&found->items[i]);
		ret_numbers[len++] = i;
	}
	return len;
}

enum err_class
chunk_process_carefully(struct chunk *chunk, struct err *err)
{
	struct partition *partition = chunk->found->items[0].partition;
	struct batch_context *context = chunk->context;
	struct arena *arena = &context->arena;
	struct uuid *suspects;
	size_t *numbers, len, which, next;
	enum err_class class;
	int32_t attempts;

	arena_reset(arena);
	suspects = arena_array(arena, chunk->found->len, sizeof(*suspects));
	numbers = arena_array(arena, chunk->found->len, sizeof(*numbers));
	CHECK(suspects != NULL && numbers != NULL);
	len = careful_list(chunk, suspects, numbers);
	if (progress_suspect_due(
		context->pg, partition, suspects, len, arena, &which, &attempts, err) != ERR_NONE)
		return err->class;
	next = numbers[which];
	partition->careful_messages++;
	if (attempts <= CHUNK_DEATHS_MAX) {
		class = chunk_process(chunk, next, 1, err);
		if (class == ERR_RETRY)
			progress_survived_due(
			    context->pg, partition, suspect_of(&chunk->found->items[next]), arena);
		return class;
	}
	(void)err_set(err, ERR_POISON, "workers died over it %d times", attempts - 1);
	return give_up(chunk, next, err);
}
