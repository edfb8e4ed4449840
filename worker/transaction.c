#include "worker/transaction.h"

#include "common/base/crash_point.h"
#include "worker/run_report.h"

/*
 * After so many commands, and after a failure, statements are planned anew.  A plan is kept, as
 * making all of them for a batch takes as long as a small batch itself; but not for long: one that
 * was made while the tables were empty took the wrong index (measured: 778 ms for what takes 5 ms).
 */
#define PLANS_COMMANDS_MAX 2000

#define STATEMENTS_ARENA_BYTES (1024 * 1024)

static const struct pg_statement statements[] = {
    {"begin", "BEGIN"},
    {"plans_forget", "DISCARD PLANS"}, /* those of foreign keys, too */
    {"commit", "COMMIT"},
    {"act_for", "SELECT set_config('billd.organisations', $1::text, true)"},
};

void
transaction_prepare(struct pg *pg, struct arena *texts)
{
	arena_init(texts, STATEMENTS_ARENA_BYTES);
	pg_prepare(pg, statements, ARRAY_LEN(statements));
	progress_prepare(pg);
	facts_prepare(pg, texts);
}

void
transaction_begin(struct batch_context *context)
{
	arena_reset(&context->arena);
	facts_init(&context->facts, &context->arena);
	context->touched.len = 0;
}

/* The organisations that are asked for, as PostgreSQL writes an array: row-level security lets us
 * see these and no others. */
static enum err_class
act_for_send(struct batch_context *context, struct err *err)
{
	const struct need_list *list = &context->facts.needs[NEED_ORGANISATION];
	char *text = arena_alloc(&context->arena, list->len * UUID_TEXT_SIZE + 3);
	struct pg_params params;
	size_t at = 0;

	CHECK(text != NULL);
	text[at++] = '{';
	for (size_t i = 0; i < list->len; i++) {
		uuid_write(list->ids[i], text + at);
		at += UUID_TEXT_SIZE - 1;
		if (i + 1 < list->len)
			text[at++] = ',';
	}
	text[at++] = '}';
	pg_params_init(&params, &context->arena);
	pg_params_str(&params, (struct str){text, at});
	return pg_send(context->pg, "act_for", &params, err);
}

/* What a round trip brought may point to more. */
static enum err_class
follow(struct batch_context *context, struct err *err)
{
	struct facts *facts = &context->facts;
	struct pg *pg = context->pg;

	while (facts_follow(facts))
		if (facts_send_load(facts, pg, err) != ERR_NONE || pg_sync(pg, err) != ERR_NONE ||
		    facts_receive_load(facts, pg, err) != ERR_NONE ||
		    pg_finish(pg, err) != ERR_NONE)
			return err->class;
	return ERR_NONE;
}

enum err_class
transaction_load(struct batch_context *context, struct err *err)
{
	bool forget = context->planned_for > PLANS_COMMANDS_MAX;
	struct facts *facts = &context->facts;
	struct pg *pg = context->pg;
	PGresult *ignored;

	if (pg_connect(pg, err) != ERR_NONE || pg_send(pg, "begin", NULL, err) != ERR_NONE ||
	    (forget && pg_send(pg, "plans_forget", NULL, err) != ERR_NONE) ||
	    act_for_send(context, err) != ERR_NONE ||
	    progress_send_lock(pg, &context->touched, &context->arena, err) != ERR_NONE ||
	    facts_send_load(facts, pg, err) != ERR_NONE || pg_sync(pg, err) != ERR_NONE)
		return err->class;

	for (int i = 0; i < (forget ? 3 : 2); i++) {
		if (pg_receive(pg, &ignored, err) != ERR_NONE)
			return err->class;
		PQclear(ignored);
	}
	if (forget)
		context->planned_for = 0;
	if (progress_receive_lock(pg, &context->touched, err) != ERR_NONE ||
	    facts_receive_load(facts, pg, err) != ERR_NONE || pg_finish(pg, err) != ERR_NONE)
		return err->class;
	return follow(context, err);
}

void
transaction_draft(struct batch_context *context)
{
	for (size_t i = 0; i < context->touched.len; i++) {
		struct partition *partition = context->touched.items[i];

		partition->batch_next_offset = partition->next_offset;
		partition->batch_event_number = partition->event_number;
		partition->batch_due_suspects = partition->due_suspects;
		if (context->publisher != NULL)
			publisher_note(context->publisher, partition);
	}
}

enum err_class
transaction_store(struct batch_context *context, const struct run_report *report,
    const struct due_settled *settled, struct err *err)
{
	bool forget = settled != NULL && settled->len > 0;
	struct pg *pg = context->pg;
	size_t sent, reported = 0;
	PGresult *ignored;

	if (facts_send_store(&context->facts, pg, &sent, err) != ERR_NONE ||
	    (report != NULL &&
		run_report_send(report, pg, &context->arena, &reported, err) != ERR_NONE) ||
	    (forget && progress_send_forget(pg, settled, &context->arena, err) != ERR_NONE) ||
	    progress_send_move(pg, &context->touched, &context->arena, err) != ERR_NONE)
		return err->class;
	CRASH_POINT("storing");
	if (pg_send(pg, "commit", NULL, err) != ERR_NONE || pg_sync(pg, err) != ERR_NONE)
		return err->class;
	CRASH_POINT("committing");

	for (size_t i = 0; i < sent + reported; i++) {
		if (pg_receive(pg, &ignored, err) != ERR_NONE)
			return err->class;
		PQclear(ignored);
	}
	if ((forget && progress_receive_forget(pg, context->partitions, err) != ERR_NONE) ||
	    progress_receive_move(pg, &context->touched, err) != ERR_NONE ||
	    pg_receive(pg, &ignored, err) != ERR_NONE)
		return err->class;
	PQclear(ignored);
	return pg_finish(pg, err);
}

void
transaction_committed(struct batch_context *context)
{
	const struct fact_list *events = &context->facts.lists[TABLE_OUTBOX];

	for (size_t i = 0; i < context->touched.len; i++) {
		struct partition *partition = context->touched.items[i];

		if (partition->batch_next_offset != partition->next_offset)
			memcpy(partition->last_hash, partition->batch_hash, MESSAGE_HASH_BYTES);
		partition->next_offset = partition->batch_next_offset;
		partition->event_number = partition->batch_event_number;
		partition->due_suspects = partition->batch_due_suspects;
		partition->suspect_attempts = 0;
	}
	context->metrics->events += (int64_t)events->len;
	if (context->publisher != NULL)
		transaction_publish(context, context->publisher);
}

void
transaction_publish(const struct batch_context *context, struct publisher *publisher)
{
	const struct fact_list *events = &context->facts.lists[TABLE_OUTBOX];

	for (size_t i = 0; i < context->touched.len; i++)
		publisher_committed(publisher, context->touched.items[i]->id,
		    context->touched.items[i]->event_number);
	for (size_t i = 0; i < events->len; i++) {
		const struct event *event = events->values[i];

		/* Of a transaction that failed behind a committed one none is. */
		if (!publisher_is_committed(publisher, event))
			continue;
		publisher_send(publisher, event);
		CRASH_POINT("publishing");
	}
	for (size_t i = 0; i < context->touched.len; i++)
		publisher_sent(publisher, context->touched.items[i]->id);
	if (context->facts.lists[TABLE_DEAD_LETTERS].len > 0)
		publisher->dead_letters_due = true;
}

void
transaction_fail(struct batch_context *context)
{
	pg_rollback(context->pg);
	context->planned_for = PLANS_COMMANDS_MAX + 1;
}

bool
transaction_has_room(const struct batch_context *context, size_t bytes)
{
	const struct arena *arena = &context->arena;

	return 2 * arena->used + bytes <= arena->capacity;
}
