#include "worker/scheduler.h"

#include <stdlib.h>

#include "common/base/crash_point.h"
#include "common/base/daemon.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "worker/attempts.h"
#include "worker/closing.h"
#include "worker/database_clock.h"
#include "worker/duty.h"
#include "worker/hourly.h"
#include "worker/sight.h"

#define RUNS_MAX 100            /* in one look */
#define FIRST_SHARD 0           /* of the first partition, however many there are */
#define PAUSE_MS 1000           /* after a look, or a telling, that failed */
#define LATENESS_MS 10000       /* between two looks at how late billing is */
#define HOUR_OTHERS_MS 60000    /* that the first partition's owner has an hour for itself */
#define HOUR_PAUSE_MS 10000     /* after a turn that failed: others have theirs meanwhile */
#define TELLING_MAX 500         /* commands in flight at a time */
#define TELLING_MS 6000         /* that these may take: longer than Kafka's client tries */
#define ARENA_BYTES (64 * 1024) /* the ids of all shards and partitions, several times */

/* Where a walk over the runs that are on their way has come to, in their order. */
struct walk {
	int64_t created_ms;
	struct uuid id;
};

struct scheduler {
	int64_t interval_ms, margin_ms;
	bool hourly;
	struct metrics *metrics;
	struct duty duty;

	/* The thread's own. */
	struct pg *pg;
	struct arena arena; /* of one statement */
	struct teller teller;
	struct database_clock clock;
	struct attempts attempts; /* the runs that were told */
	struct walk walk;
	struct closing closing;
	int64_t hour_told;      /* hours since the epoch: all organisations were told of it */
	int64_t hour_at_ms;     /* steady clock: not before */
	int64_t lateness_at_ms; /* likewise */
};

static const struct pg_statement statements[] = {
    {"scheduler_through",
	"SELECT r.organisation_id, r.id, r.shard, r.as_of, r.dry_run, r.created_ms, "
	"(SELECT count(*) FROM billd.billing_run_parts p "
	"WHERE p.organisation_id = r.organisation_id AND p.run_id = r.id "
	"AND p.finished_at IS NOT NULL) = $3::int4 "
	"FROM billd.billing_runs r WHERE r.status = 'running' "
	"AND (r.created_ms, r.id) > ($1::int8, $2::uuid) "
	"AND (r.shard & ($3::int4 - 1)) = ANY ($4::int4[]) "
	"ORDER BY r.created_ms, r.id LIMIT $5::int4"},
    /* Shard by shard, each by its own part of an index. */
    {"scheduler_lateness",
	"SELECT (SELECT count(*) FROM (SELECT FROM unnest($1::int4[]) k(shard) "
	"CROSS JOIN LATERAL (SELECT FROM billd.subscriptions r WHERE r.shard = k.shard "
	"AND r.due_at IS NOT NULL AND r.test_clock_id IS NULL AND r.due_at <= now() "
	"LIMIT $2::int8) t LIMIT $2::int8) c), "
	"(SELECT extract(epoch FROM now() - min(t.due_at))::int8 FROM unnest($1::int4[]) k(shard) "
	"CROSS JOIN LATERAL (SELECT r.due_at FROM billd.subscriptions r WHERE r.shard = k.shard "
	"AND r.due_at IS NOT NULL AND r.test_clock_id IS NULL AND r.due_at <= now() "
	"ORDER BY r.due_at LIMIT 1) t), "
	/* Few are parked, and their index goes by organisation: all of them, once. */
	"(SELECT count(*) FROM (SELECT FROM billd.subscriptions r "
	"WHERE r.billing_problem IS NOT NULL AND r.shard = ANY ($1::int4[]) LIMIT $2::int8) p)"},
};

enum err_class
scheduler_open(const struct scheduler_settings *settings, const struct schemas *schemas,
    struct metrics *metrics, struct scheduler **ret_scheduler, struct err *err)
{
	struct scheduler *scheduler = calloc(1, sizeof(*scheduler));

	CHECK(scheduler != NULL);
	scheduler->interval_ms = settings->interval_ms;
	scheduler->margin_ms = settings->margin_ms;
	scheduler->hourly = settings->hourly;
	scheduler->metrics = metrics;
	scheduler->hour_told = -1;
	arena_init(&scheduler->arena, ARENA_BYTES);
	duty_init(&scheduler->duty, settings->teller.partitions_all);
	scheduler->pg = pg_new(settings->pg);
	pg_prepare(scheduler->pg, statements, ARRAY_LEN(statements));
	sight_prepare(scheduler->pg);
	closing_prepare(scheduler->pg);
	hourly_prepare(scheduler->pg);
	signatures_prepare(scheduler->pg);
	database_clock_prepare(scheduler->pg);
	if (teller_open(&settings->teller, schemas, &scheduler->teller, err) != ERR_NONE) {
		scheduler_free(scheduler);
		return err->class;
	}
	*ret_scheduler = scheduler;
	return ERR_NONE;
}

void
scheduler_free(struct scheduler *scheduler)
{
	if (scheduler == NULL)
		return;
	scheduler_stop(scheduler);
	teller_close(&scheduler->teller);
	pg_free(scheduler->pg);
	arena_release(&scheduler->arena);
	duty_release(&scheduler->duty);
	free(scheduler);
}

enum err_class
scheduler_check(struct scheduler *scheduler, struct err *err)
{
	CHECK(!scheduler->duty.started);
	return pg_connect(scheduler->pg, err);
}

void
scheduler_own(struct scheduler *scheduler, const struct partitions *partitions)
{
	duty_own(&scheduler->duty, partitions);
}

/* Send one statement that sees what waits, whosever it is. */
static enum err_class
look(struct scheduler *scheduler, const char *name, const struct pg_params *params,
    PGresult **ret_result, struct err *err)
{
	if (pg_run_within(scheduler->pg, SIGHT_DUE, NULL, name, params, ret_result, err) !=
	    ERR_NONE)
		return err_wrap(err, "%s", name);
	return ERR_NONE;
}

/* A run that is through is told, for the log and the metrics; when it is told again, as it had no
 * effect, that is not counted. */
static void
closing_note(
    struct scheduler *scheduler, const struct finish_billing_run *finish, const char *difference)
{
	const struct closing *closing = &scheduler->closing;
	struct metrics *metrics = scheduler->metrics;
	char organisation[UUID_TEXT_SIZE], run[UUID_TEXT_SIZE];

	if (attempts_is_known(&scheduler->attempts, closing->run_id))
		return;
	uuid_write(closing->organisation_id, organisation);
	uuid_write(closing->run_id, run);
	log_line(LOG_INFO, "billing run: added up", log_text("organisation_id", organisation),
	    log_text("billing_run_id", run), log_int("due", closing->due),
	    log_int("done", closing->done), log_int("invoiced", closing->invoiced),
	    log_int("failed", closing->failed), log_str("digest", finish->digest),
	    log_str("books", finish->books));
	if (difference != NULL)
		log_line(LOG_ERROR, "billing run: does not add up",
		    log_text("organisation_id", organisation), log_text("billing_run_id", run),
		    log_text("reason", difference), log_int("misbooked", closing->misbooked));
	metrics->runs_closed++;
	metrics->runs_unbalanced += difference == NULL ? 0 : 1;
	metrics->runs_invoices += closing->dry_run ? 0 : closing->invoiced;
	metrics->runs_failures += closing->dry_run ? 0 : closing->failed;
}

/* Add up a run that is through, and tell. */
static enum err_class
run_close(struct scheduler *scheduler, struct err *err)
{
	struct closing *closing = &scheduler->closing;
	struct finish_billing_run finish;

	/* Before anything is added up: what cannot be told would be added up again. */
	if (teller_ready(&scheduler->teller, scheduler->pg, err) != ERR_NONE)
		return err->class;
	arena_reset(&scheduler->arena);
	if (closing_load(closing, scheduler->pg, &scheduler->arena, err) != ERR_NONE)
		return err->class;
	while (!closing->dry_run && !closing->read) {
		if (!duty_owns(&scheduler->duty, closing->shard))
			return ERR_NONE;
		arena_reset(&scheduler->arena);
		if (closing_read(closing, scheduler->pg, &scheduler->arena, err) != ERR_NONE)
			return err->class;
	}
	if (database_clock_ready(&scheduler->clock, scheduler->pg, err) != ERR_NONE)
		return err->class;
	finish = closing_command(closing, database_clock_now_ms(&scheduler->clock));
	closing_note(scheduler, &finish, closing->dry_run ? NULL : closing_difference(closing));
	CRASH_POINT("closing");
	if (teller_send(&scheduler->teller, COMMAND_FINISH_BILLING_RUN, closing->organisation_id,
		closing->shard, &finish, err) != ERR_NONE)
		return err->class;
	attempts_told(&scheduler->attempts, closing->run_id, clock_steady_ms());
	return ERR_NONE;
}

/* One that cannot be told, now or ever, must not keep the others from it; without a connection none
 * can. */
static enum err_class
run_close_or_leave(struct scheduler *scheduler, struct err *err)
{
	const struct closing *closing = &scheduler->closing;
	enum err_class class = run_close(scheduler, err);
	char run[UUID_TEXT_SIZE];

	if (class != ERR_POISON && class != ERR_RETRY)
		return class;
	attempts_unknown(&scheduler->attempts, closing->run_id, clock_steady_ms());
	if (!pg_is_open(scheduler->pg))
		return class;
	uuid_write(closing->run_id, run);
	log_line(class == ERR_POISON ? LOG_ERROR : LOG_WARN, "billing run: cannot be closed",
	    log_text("billing_run_id", run), log_text("reason", err->text),
	    log_text("sqlstate", err->sqlstate));
	return ERR_NONE;
}

static enum err_class
runs_take(struct scheduler *scheduler, const PGresult *page, struct err *err)
{
	enum err_class class = ERR_NONE;

	for (int row = 0; class == ERR_NONE && row < PQntuples(page); row++) {
		struct walk at = {pg_get_int64(page, row, 5), pg_get_uuid(page, row, 1)};
		int32_t shard = pg_get_int32(page, row, 2);

		scheduler->walk = at;
		if (!pg_get_bool(page, row, 6) || !duty_owns(&scheduler->duty, shard) ||
		    !attempts_is_due(&scheduler->attempts, at.id, clock_steady_ms()))
			continue;
		scheduler->closing = (struct closing){
		    .organisation_id = pg_get_uuid(page, row, 0),
		    .run_id = at.id,
		    .shard = shard,
		    .as_of = pg_get_instant(page, row, 3),
		    .dry_run = pg_get_bool(page, row, 4),
		};
		class = run_close_or_leave(scheduler, err);
	}
	return class;
}

/* Runs that are on their way, some at a time: those that are through are closed. */
static enum err_class
runs_step(struct scheduler *scheduler, const int32_t *partitions, size_t len, struct err *err)
{
	struct walk *walk = &scheduler->walk;
	PGresult *page = NULL;
	struct pg_params params;
	enum err_class class;

	if (len == 0)
		return ERR_NONE;
	arena_reset(&scheduler->arena);
	pg_params_init(&params, &scheduler->arena);
	pg_params_int64(&params, walk->created_ms);
	pg_params_uuid(&params, walk->id);
	pg_params_int32(&params, scheduler->duty.partitions_all);
	pg_params_int32s(&params, partitions, len);
	pg_params_int32(&params, RUNS_MAX);
	if (look(scheduler, "scheduler_through", &params, &page, err) != ERR_NONE)
		return err->class;
	class = runs_take(scheduler, page, err);
	if (PQntuples(page) < RUNS_MAX)
		*walk = (struct walk){.created_ms = 0};
	PQclear(page);
	return class;
}

/* Tell the organisations of ${list} of their run, as many at a time as Kafka's client has room for:
 * that takes less than a transaction may be idle. */
static enum err_class
hour_tell(struct scheduler *scheduler, const struct hourly_list *list, int64_t hour, int64_t now_ms,
    struct err *err)
{
	for (size_t at = 0; at < list->len && !duty_stopping(&scheduler->duty);) {
		size_t lost;

		arena_reset(&scheduler->arena);
		if (hourly_hold(scheduler->pg, &scheduler->arena, err) != ERR_NONE ||
		    teller_ready(&scheduler->teller, scheduler->pg, err) != ERR_NONE)
			return err->class;
		for (size_t end = at + TELLING_MAX; at < end && at < list->len; at++) {
			struct uuid organisation_id = list->ids[at];
			struct start_billing_run start =
			    hourly_command(organisation_id, hour, now_ms);

			if (teller_send(&scheduler->teller, COMMAND_SCHEDULE_BILLING_RUN,
				organisation_id, id_shard_of_key(organisation_id), &start,
				err) != ERR_NONE)
				return err->class;
		}
		lost = teller_settle(&scheduler->teller, TELLING_MS);
		if (lost > 0)
			return err_set(
			    err, ERR_RETRY, "%zu billing runs of the hour were not told", lost);
	}
	return ERR_NONE;
}

/* Who has something due at ${hour}, and tell it. */
static enum err_class
hour_schedule(struct scheduler *scheduler, int64_t hour, int64_t now_ms, struct err *err)
{
	struct hourly_list list = {.len = 0};
	enum err_class class = ERR_NONE;

	for (int32_t group = 0; class == ERR_NONE && group < HOURLY_GROUPS; group++) {
		if (duty_stopping(&scheduler->duty))
			goto out;
		arena_reset(&scheduler->arena);
		class = hourly_find(scheduler->pg, &scheduler->arena, group, hour, &list, err);
		hourly_unite(&list);
	}
	if (class == ERR_NONE)
		class = hour_tell(scheduler, &list, hour, now_ms, err);
	if (class != ERR_NONE)
		goto out;
	scheduler->hour_told = hour;
	scheduler->metrics->runs_told += (int64_t)list.len;
	log_line(LOG_INFO, "billing runs: told of the hour", log_int("hour", hour),
	    log_int("organisations", (int64_t)list.len));
out:
	hourly_release(&list);
	return class;
}

/* Our turn at ${hour}, unless it is another's. */
static enum err_class
hour_turn(struct scheduler *scheduler, int64_t hour, int64_t now_ms, struct err *err)
{
	bool ours;

	arena_reset(&scheduler->arena);
	if (hourly_begin(scheduler->pg, &scheduler->arena, &ours, err) != ERR_NONE)
		return err->class;
	if (!ours || hour_schedule(scheduler, hour, now_ms, err) == ERR_NONE)
		return hourly_end(scheduler->pg, err);
	pg_rollback(scheduler->pg);
	scheduler->hour_at_ms = clock_steady_ms() + HOUR_PAUSE_MS;
	return err->class;
}

/* Once in each hour.  What was told takes a moment to be a run, and is told once more by whoever
 * looks before: so one worker goes first, and Kafka sees to it that there is one. */
static enum err_class
hour_step(struct scheduler *scheduler, const int32_t *partitions, size_t len, struct err *err)
{
	int64_t now_ms, hour;

	(void)partitions;
	(void)len;
	if (!scheduler->hourly || clock_steady_ms() < scheduler->hour_at_ms)
		return ERR_NONE;
	if (database_clock_ready(&scheduler->clock, scheduler->pg, err) != ERR_NONE)
		return err->class;
	now_ms = database_clock_now_ms(&scheduler->clock);
	hour = hourly_hour(now_ms, scheduler->margin_ms);
	if (hour <= scheduler->hour_told)
		return ERR_NONE;
	if (!duty_owns(&scheduler->duty, FIRST_SHARD) &&
	    hourly_hour(now_ms, scheduler->margin_ms + HOUR_OTHERS_MS) < hour)
		return ERR_NONE;
	return hour_turn(scheduler, hour, now_ms, err);
}

/* How late billing is.  When it cannot be said now, that is not asked at once again. */
static enum err_class
lateness_step(struct scheduler *scheduler, const int32_t *partitions, size_t len, struct err *err)
{
	int32_t *shards;
	PGresult *result = NULL;
	struct pg_params params;
	size_t shards_len = 0;

	if (clock_steady_ms() < scheduler->lateness_at_ms)
		return ERR_NONE;
	scheduler->lateness_at_ms = clock_steady_ms() + LATENESS_MS;
	arena_reset(&scheduler->arena);
	shards = arena_alloc(&scheduler->arena, SHARDS * sizeof(*shards));
	CHECK(shards != NULL);
	for (size_t i = 0; i < len; i++)
		for (int32_t shard = partitions[i]; shard < SHARDS;
		     shard += scheduler->duty.partitions_all)
			shards[shards_len++] = shard;
	pg_params_init(&params, &scheduler->arena);
	pg_params_int32s(&params, shards, shards_len);
	pg_params_int64(&params, METRICS_WAITING_MAX);
	if (look(scheduler, "scheduler_lateness", &params, &result, err) != ERR_NONE)
		return err->class;
	scheduler->metrics->waiting = pg_get_int64(result, 0, 0);
	scheduler->metrics->waiting_oldest_s = pg_get_int64(result, 0, 1);
	scheduler->metrics->parked = pg_get_int64(result, 0, 2);
	PQclear(result);
	return ERR_NONE;
}

/* Each in its turn, whatever becomes of the others; the first error is what is told of it. */
static enum err_class
step(struct scheduler *scheduler, struct err *err)
{
	static enum err_class (*const steps[])(struct scheduler *, const int32_t *, size_t,
	    struct err *) = {hour_step, runs_step, lateness_step};
	int32_t partitions[CONSUMER_PARTITIONS_MAX];
	size_t len = duty_owned(&scheduler->duty, partitions);
	enum err_class first = ERR_NONE;
	struct err later;

	/* A run that was lost on its way is told again when its time has come. */
	(void)teller_reports(&scheduler->teller);
	for (size_t i = 0; i < ARRAY_LEN(steps) && !duty_stopping(&scheduler->duty); i++) {
		enum err_class class =
		    steps[i](scheduler, partitions, len, first == ERR_NONE ? err : &later);

		if (first == ERR_NONE)
			first = class;
	}
	return first;
}

static void *
scheduler_run(void *argument)
{
	struct scheduler *scheduler = argument;
	int64_t pause_ms = 0;
	struct err err;

	while (duty_await(&scheduler->duty, pause_ms)) {
		pause_ms = scheduler->interval_ms;
		if (step(scheduler, &err) == ERR_NONE)
			continue;
		log_line(LOG_WARN, "billing runs: waiting", log_text("reason", err.text),
		    log_text("sqlstate", err.sqlstate), log_int("pause_ms", PAUSE_MS));
		pause_ms = PAUSE_MS;
	}
	return NULL;
}

void
scheduler_start(struct scheduler *scheduler)
{
	duty_start(&scheduler->duty, scheduler_run, scheduler);
}

void
scheduler_stop(struct scheduler *scheduler)
{
	duty_stop(&scheduler->duty);
}
