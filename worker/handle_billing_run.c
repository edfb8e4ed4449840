/* Commands on billing runs: start (and schedule, which is a worker's start), pause, resume, cancel,
 * finish.  A run belongs to no customer, so they go by the organisation; what the run does is
 * run.c's. */

#include "common/base/id.h"
#include "worker/actor.h"
#include "worker/handler.h"

#define DAY_S INT64_C(86400)

int32_t
billing_run_shard(const void *command)
{
	const struct command_meta *meta = command;

	return id_shard_of_key(meta->organisation_id);
}

struct uuid
billing_run_start_resource(const void *command)
{
	const struct start_billing_run *start = command;

	return id_derive(
	    start->meta.operation_id, ID_BILLING_RUN, 0, billing_run_shard(&start->meta));
}

void
billing_run_start_refer(struct facts *facts, const void *command)
{
	const struct start_billing_run *start = command;

	facts_need(facts, NEED_BILLING_RUNS_OPEN, start->meta.organisation_id,
	    &start->meta.organisation_id);
}

/* How many runs of the organisation are open, as far as it matters. */
static int
open_count(const struct decision *decision)
{
	const struct fact_list *runs = &decision->decider->facts->lists[TABLE_BILLING_RUNS];
	int count = 0;

	for (size_t i = 0; i < runs->len; i++) {
		const struct billing_run *run = runs->values[i];

		if (uuid_equal(run->organisation_id, decision->organisation->id) &&
		    instant_is_none(run->finished_at))
			count++;
	}
	return count;
}

enum refusal
billing_run_start_decide(struct decision *decision, const void *command)
{
	const struct start_billing_run *start = command;
	struct instant now = decision_now(decision, INSTANT_NONE);
	const struct billing_run run = {
	    .organisation_id = start->meta.organisation_id,
	    .id = billing_run_start_resource(command),
	    .shard = billing_run_shard(command),
	    .as_of = instant_is_none(start->as_of) ? now : start->as_of,
	    .dry_run = start->dry_run,
	    .invoices_max = start->invoices_max,
	    .trigger = str_equal(start->meta.actor, ACTOR_RUNS) ? STR("schedule") : STR("request"),
	    .status = STR("running"),
	    .created_ms = start->meta.accepted_at,
	    .created_at = now,
	    .updated_at = now,
	    .finished_at = INSTANT_NONE,
	};

	CHECK(instant_is_valid(run.as_of) && run.invoices_max > 0);
	if (open_count(decision) >= BILLING_RUNS_OPEN_MAX)
		return REFUSAL_BILLING_RUNS_OPEN;
	if (run.as_of.s - now.s > BILLING_RUN_AHEAD_MAX_S)
		return decision_refuse(decision, REFUSAL_AS_OF_TOO_FAR_AHEAD,
		    "as_of: lies more than %lld days ahead",
		    (long long)(BILLING_RUN_AHEAD_MAX_S / DAY_S));

	facts_add(decision->decider->facts, TABLE_BILLING_RUNS, &run);
	decision_emit(decision, EVENT_BILLING_RUN_STARTED, run.id, run.organisation_id, &run);
	return REFUSAL_NONE;
}

/* All commands on one run begin as these do. */
_Static_assert(offsetof(struct finish_billing_run, billing_run_id) ==
		   offsetof(struct move_billing_run, billing_run_id),
    "the run's id comes first behind the meta");

struct uuid
billing_run_resource(const void *command)
{
	const struct move_billing_run *on = command;

	return on->billing_run_id;
}

void
billing_run_refer(struct facts *facts, const void *command)
{
	const struct move_billing_run *on = command;

	facts_need(facts, NEED_BILLING_RUN, on->meta.organisation_id, &on->billing_run_id);
}

/* From where a command leads to where; and how it is refused where it leads nowhere. */
struct move {
	const char *from, *or_from; /* NULL: from one state only */
	const char *to;
	enum refusal otherwise; /* of a run that is not over */
	enum event_type event;
};

static bool
is_over(const struct billing_run *run)
{
	return !instant_is_none(run->finished_at);
}

/* Find the run that ${command} is about and make ${ret_run} a copy of ${ret_row}, moved. */
static enum refusal
run_move(const struct decision *decision, const void *command, const struct move *move,
    struct billing_run **ret_row, struct billing_run *ret_run)
{
	struct billing_run *row = facts_billing_run(decision->decider->facts,
	    decision->meta->organisation_id, billing_run_resource(command));

	if (row == NULL)
		return REFUSAL_BILLING_RUN_NOT_FOUND;
	if (is_over(row))
		return REFUSAL_BILLING_RUN_FINAL;
	if (!str_equal(row->status, str_from(move->from)) &&
	    !str_equal(row->status, str_from(move->or_from)))
		return move->otherwise;
	*ret_row = row;
	*ret_run = *row;
	ret_run->status = str_from(move->to);
	ret_run->updated_at = decision_now(decision, row->updated_at);
	return REFUSAL_NONE;
}

static void
run_store(struct decision *decision, struct billing_run *row, const struct billing_run *run,
    enum event_type event)
{
	facts_change(decision->decider->facts, TABLE_BILLING_RUNS, row, run);
	decision_emit(decision, event, run->id, run->organisation_id, run);
}

static const struct move pause = {
    .from = "running",
    .to = "paused",
    .otherwise = REFUSAL_BILLING_RUN_NOT_RUNNING,
    .event = EVENT_BILLING_RUN_PAUSED,
};

static const struct move resume = {
    .from = "paused",
    .to = "running",
    .otherwise = REFUSAL_BILLING_RUN_NOT_PAUSED,
    .event = EVENT_BILLING_RUN_RESUMED,
};

static const struct move cancel = {
    .from = "running",
    .or_from = "paused",
    .to = "canceled",
    .otherwise = REFUSAL_BILLING_RUN_FINAL,
    .event = EVENT_BILLING_RUN_CANCELED,
};

/* One that was paused when all of it was done already has nothing left to resume; and it is told
 * once. */
static const struct move finish = {
    .from = "running",
    .or_from = "paused",
    .to = "finished",
    .otherwise = REFUSAL_BILLING_RUN_FINAL,
    .event = EVENT_BILLING_RUN_FINISHED,
};

static enum refusal
simple_decide(struct decision *decision, const void *command, const struct move *move)
{
	struct billing_run *row, run;
	enum refusal refusal = run_move(decision, command, move, &row, &run);

	if (refusal != REFUSAL_NONE)
		return refusal;
	run_store(decision, row, &run, move->event);
	return REFUSAL_NONE;
}

enum refusal
billing_run_pause_decide(struct decision *decision, const void *command)
{
	return simple_decide(decision, command, &pause);
}

enum refusal
billing_run_resume_decide(struct decision *decision, const void *command)
{
	return simple_decide(decision, command, &resume);
}

/* What a worker has in hand of it is done, and counted in its parts. */
enum refusal
billing_run_cancel_decide(struct decision *decision, const void *command)
{
	struct billing_run *row, run;
	enum refusal refusal = run_move(decision, command, &cancel, &row, &run);

	if (refusal != REFUSAL_NONE)
		return refusal;
	run.finished_at = run.updated_at;
	run_store(decision, row, &run, cancel.event);
	return REFUSAL_NONE;
}

void
billing_run_finish_refer(struct facts *facts, const void *command)
{
	const struct finish_billing_run *told = command;

	billing_run_refer(facts, command);
	facts_need(facts, NEED_RUN_SUMS, told->meta.organisation_id, &told->billing_run_id);
}

/* Whether what was told of the run is what its parts have come to.  It is not where the database
 * was restored, and the log tells of parts that are still to be done again. */
static bool
is_told_right(const struct facts *facts, const struct finish_billing_run *told)
{
	const struct run_sums *sums =
	    facts_run_sums(facts, told->meta.organisation_id, told->billing_run_id);

	CHECK(sums != NULL);
	return sums->through && sums->due == told->due && sums->done == told->done &&
	       sums->invoiced == told->invoiced && sums->failed == told->failed;
}

/* What is not right yet has no outcome: the scheduler tells it again, under the same id. */
enum refusal
billing_run_finish_decide(struct decision *decision, const void *command)
{
	const struct finish_billing_run *told = command;
	struct billing_run *row, run;
	enum refusal refusal = run_move(decision, command, &finish, &row, &run);

	if (refusal != REFUSAL_NONE)
		return refusal;
	decision->deferred = !is_told_right(decision->decider->facts, told);
	if (decision->deferred)
		return REFUSAL_NONE;
	run.due = told->due;
	run.done = told->done;
	run.invoiced = told->invoiced;
	run.failed = told->failed;
	run.totals = told->totals;
	run.totals_len = told->totals_len;
	run.digest = told->digest;
	run.books = told->books;
	run.finished_at = run.updated_at;
	run_store(decision, row, &run, finish.event);
	return REFUSAL_NONE;
}
