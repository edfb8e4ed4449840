#include "worker/handler.h"

#include "tests/unit/worker_hand.h"
#include "worker/actor.h"

/* Billing runs as commands move them. */

#define DAY_S INT64_C(86400)
#define UNKNOWN ((struct uuid){{0xb1, 9}})

static struct hand hand;

/* A start as the ingress sends it when nothing is said. */
static struct start_billing_run
start_wish(void)
{
	return (struct start_billing_run){
	    .as_of = INSTANT_NONE, .invoices_max = BILLING_RUN_INVOICES_MAX};
}

static struct uuid
run_start(void)
{
	struct start_billing_run start = start_wish();

	hand_do(&hand, COMMAND_START_BILLING_RUN, &start);
	return hand.resource_id;
}

static const struct billing_run *
run_of(struct uuid id)
{
	const struct billing_run *run = facts_billing_run(hand.world.facts, WORLD_ORGANISATION, id);

	ck_assert_ptr_nonnull(run);
	return run;
}

START_TEST(test_a_run_starts)
{
	struct start_billing_run start = start_wish();
	const struct billing_run *run;
	const struct event *event;

	hand_open(&hand);
	hand_do(&hand, COMMAND_START_BILLING_RUN, &start);
	run = run_of(hand.resource_id);
	ck_assert(uuid_equal(run->id, id_derive(start.meta.operation_id, ID_BILLING_RUN, 0,
					  id_shard_of_key(WORLD_ORGANISATION))));
	ck_assert_int_eq(run->shard, id_shard_of_key(WORLD_ORGANISATION));
	ck_assert_int_eq(handler_table[COMMAND_START_BILLING_RUN].shard(&start),
	    id_shard_of_key(WORLD_ORGANISATION));
	unit_assert_instant(run->as_of, WORLD_NOW, "as_of");
	unit_assert_str(run->status, "running", "status");
	unit_assert_str(run->trigger, "request", "trigger");
	ck_assert(!run->dry_run);
	ck_assert_int_eq(run->invoices_max, BILLING_RUN_INVOICES_MAX);
	ck_assert_uint_eq(run->totals_len, 0);
	ck_assert_ptr_null(run->digest.ptr);
	ck_assert_ptr_null(run->books.ptr);
	ck_assert_int_eq(run->created_ms, WORLD_NOW_MS);
	unit_assert_instant(run->created_at, WORLD_NOW, "created_at");
	unit_assert_instant(run->updated_at, WORLD_NOW, "updated_at");
	ck_assert(instant_is_none(run->finished_at));
	hand_assert_events(&hand, "billing_run.started");
	event = world_row(&hand.world, TABLE_OUTBOX, 0);
	ck_assert(uuid_equal(event->subject, run->id));
	ck_assert(uuid_equal(event->key, WORLD_ORGANISATION));
	hand_close(&hand);
}
END_TEST

START_TEST(test_what_is_wished_is_kept)
{
	struct start_billing_run start = {
	    .as_of = unit_instant("2020-02-29T23:59:59Z"), .dry_run = true, .invoices_max = 7};
	const struct billing_run *run;

	hand_open(&hand);
	hand_do(&hand, COMMAND_START_BILLING_RUN, &start);
	run = run_of(hand.resource_id);
	unit_assert_instant(run->as_of, "2020-02-29T23:59:59Z", "as_of");
	ck_assert(run->dry_run);
	ck_assert_int_eq(run->invoices_max, 7);
	hand_close(&hand);
}
END_TEST

START_TEST(test_the_schedule_starts_one_too)
{
	struct start_billing_run start = start_wish();
	struct command_meta *meta = &start.meta;

	hand_open(&hand);
	*meta = world_meta(WORLD_OPERATION);
	meta->actor = ACTOR_RUNS;
	hand.decision = (struct decision){
	    .decider = &hand.world.context.decider,
	    .meta = meta,
	    .organisation = facts_organisation(hand.world.facts, WORLD_ORGANISATION),
	    .cause = meta->operation_id,
	    .partition = 3,
	    .event_number = &hand.event_number,
	};
	ck_assert_int_eq(handler_table[COMMAND_SCHEDULE_BILLING_RUN].decide(&hand.decision, &start),
	    REFUSAL_NONE);
	unit_assert_str(
	    run_of(handler_table[COMMAND_SCHEDULE_BILLING_RUN].resource(&start))->trigger,
	    "schedule", "trigger");
	hand_close(&hand);
}
END_TEST

struct ahead_row {
	const char *name;
	int64_t ahead_s; /* of the command */
	enum refusal expected;
};

static const struct ahead_row ahead_rows[] = {
    {"long ago", -3650 * DAY_S, REFUSAL_NONE},
    {"now", 0, REFUSAL_NONE},
    {"a leap year ahead", 366 * DAY_S, REFUSAL_NONE},
    {"a second more", 366 * DAY_S + 1, REFUSAL_AS_OF_TOO_FAR_AHEAD},
};

START_TEST(test_how_far_ahead)
{
	const struct ahead_row *row = &ahead_rows[_i];
	struct start_billing_run start = start_wish();

	hand_open(&hand);
	start.as_of.s = unit_instant(WORLD_NOW).s + row->ahead_s;
	hand_refuse(&hand, COMMAND_START_BILLING_RUN, &start, row->expected, row->name);
	hand_close(&hand);
}
END_TEST

/* Which way leads where. */
struct move_row {
	const char *name;
	const char *from;
	enum command_type type;
	enum refusal expected;
	const char *to, *event; /* when it is not refused */
};

static const struct move_row move_rows[] = {
    {"pause", "running", COMMAND_PAUSE_BILLING_RUN, REFUSAL_NONE, "paused", "billing_run.paused"},
    {"pause again", "paused", COMMAND_PAUSE_BILLING_RUN, REFUSAL_BILLING_RUN_NOT_RUNNING, NULL,
	NULL},
    {"pause what is canceled", "canceled", COMMAND_PAUSE_BILLING_RUN, REFUSAL_BILLING_RUN_FINAL,
	NULL, NULL},
    {"pause what is finished", "finished", COMMAND_PAUSE_BILLING_RUN, REFUSAL_BILLING_RUN_FINAL,
	NULL, NULL},
    {"resume", "paused", COMMAND_RESUME_BILLING_RUN, REFUSAL_NONE, "running",
	"billing_run.resumed"},
    {"resume what runs", "running", COMMAND_RESUME_BILLING_RUN, REFUSAL_BILLING_RUN_NOT_PAUSED,
	NULL, NULL},
    {"resume what is canceled", "canceled", COMMAND_RESUME_BILLING_RUN, REFUSAL_BILLING_RUN_FINAL,
	NULL, NULL},
    {"resume what is finished", "finished", COMMAND_RESUME_BILLING_RUN, REFUSAL_BILLING_RUN_FINAL,
	NULL, NULL},
    {"cancel", "running", COMMAND_CANCEL_BILLING_RUN, REFUSAL_NONE, "canceled",
	"billing_run.canceled"},
    {"cancel what is paused", "paused", COMMAND_CANCEL_BILLING_RUN, REFUSAL_NONE, "canceled",
	"billing_run.canceled"},
    {"cancel again", "canceled", COMMAND_CANCEL_BILLING_RUN, REFUSAL_BILLING_RUN_FINAL, NULL, NULL},
    {"cancel what is finished", "finished", COMMAND_CANCEL_BILLING_RUN, REFUSAL_BILLING_RUN_FINAL,
	NULL, NULL},
    {"finish", "running", COMMAND_FINISH_BILLING_RUN, REFUSAL_NONE, "finished",
	"billing_run.finished"},
    {"finish what was paused at the last moment", "paused", COMMAND_FINISH_BILLING_RUN,
	REFUSAL_NONE, "finished", "billing_run.finished"},
    {"finish what is canceled", "canceled", COMMAND_FINISH_BILLING_RUN, REFUSAL_BILLING_RUN_FINAL,
	NULL, NULL},
    {"finish again", "finished", COMMAND_FINISH_BILLING_RUN, REFUSAL_BILLING_RUN_FINAL, NULL, NULL},
};

/* The run, brought to where a row begins; its events are gone. */
static struct uuid
run_in(const char *status)
{
	const struct str name = str_from(status);
	struct uuid id = run_start();
	const struct billing_run *row = run_of(id);
	struct billing_run run = *row;

	run.status = name;
	if (str_equal(name, STR("canceled")) || str_equal(name, STR("finished")))
		run.finished_at = unit_instant("2027-01-31T09:30:00Z");
	facts_change(hand.world.facts, TABLE_BILLING_RUNS,
	    facts_billing_run(hand.world.facts, WORLD_ORGANISATION, id), &run);
	return id;
}

/* What the parts of ${id} have come to. */
static void
parts_have(struct uuid id, const struct run_sums *expected)
{
	struct run_sums sums = *expected;

	sums.organisation_id = WORLD_ORGANISATION;
	sums.id = id;
	facts_keep(hand.world.facts, TABLE_RUN_SUMS, &sums);
}

START_TEST(test_moves)
{
	const struct move_row *row = &move_rows[_i];
	union command command = {.move_billing_run = {.meta = {.actor = STR_NONE}}};
	const struct billing_run *run;
	char events[100];

	hand_open(&hand);
	command.move_billing_run.billing_run_id = run_in(row->from);
	parts_have(command.move_billing_run.billing_run_id, &(struct run_sums){.through = true});
	hand_at(&hand, "2027-01-31T10:00:00Z");
	hand_refuse(&hand, row->type, &command, row->expected, row->name);
	ck_assert(uuid_equal(hand.resource_id, command.move_billing_run.billing_run_id));
	if (row->expected != REFUSAL_NONE)
		goto out;
	run = run_of(hand.resource_id);
	unit_assert_str(run->status, row->to, row->name);
	unit_assert_instant(run->updated_at, "2027-01-31T10:00:00Z", row->name);
	unit_assert_instant(run->created_at, WORLD_NOW, row->name);
	ck_assert(instant_is_none(run->finished_at) ==
		  (strcmp(row->to, "running") == 0 || strcmp(row->to, "paused") == 0));
	snprintf(events, sizeof(events), "billing_run.started %s", row->event);
	hand_assert_events(&hand, events);
out:
	hand_close(&hand);
}
END_TEST

START_TEST(test_a_run_that_nobody_knows)
{
	static const enum command_type types[] = {COMMAND_PAUSE_BILLING_RUN,
	    COMMAND_RESUME_BILLING_RUN, COMMAND_CANCEL_BILLING_RUN, COMMAND_FINISH_BILLING_RUN};

	hand_open(&hand);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		union command command = {.move_billing_run = {.billing_run_id = UNKNOWN}};

		hand_refuse(&hand, types[i], &command, REFUSAL_BILLING_RUN_NOT_FOUND,
		    command_table[types[i]].name);
	}
	hand_close(&hand);
}
END_TEST

START_TEST(test_what_it_came_to)
{
	static const struct billing_run_total totals[] = {
	    {.currency = {"EUR"}, .invoices = 9, .subtotal = 1000, .total = 1200, .tax = 200},
	    {.currency = {"USD"}, .invoices = 1, .subtotal = INT64_MIN},
	};
	struct finish_billing_run finish = {
	    .due = 12,
	    .done = 10,
	    .invoiced = 11,
	    .failed = 2,
	    .totals = totals,
	    .totals_len = ARRAY_LEN(totals),
	    .digest = STR("00ff"),
	    .books = STR("balanced"),
	};
	const struct billing_run *run;

	hand_open(&hand);
	finish.billing_run_id = run_start();
	parts_have(finish.billing_run_id,
	    &(struct run_sums){
		.through = true, .due = 12, .done = 10, .invoiced = 11, .failed = 2});
	hand_at(&hand, "2027-01-31T10:00:00Z");
	hand_do(&hand, COMMAND_FINISH_BILLING_RUN, &finish);
	run = run_of(finish.billing_run_id);
	ck_assert_int_eq(run->due, 12);
	ck_assert_int_eq(run->done, 10);
	ck_assert_int_eq(run->invoiced, 11);
	ck_assert_int_eq(run->failed, 2);
	ck_assert_uint_eq(run->totals_len, 2);
	ck_assert_int_eq(run->totals[0].total, 1200);
	ck_assert_int_eq(run->totals[1].subtotal, INT64_MIN);
	unit_assert_str(run->digest, "00ff", "digest");
	unit_assert_str(run->books, "balanced", "books");
	unit_assert_instant(run->finished_at, "2027-01-31T10:00:00Z", "finished_at");
	hand_close(&hand);
}
END_TEST

/* What its parts have come to, where a run is told as finished that came to 4 due, 3 done, 2
 * invoiced and 1 failed. */
static const struct early_row {
	const char *name;
	struct run_sums sums;
	bool finishes;
} early_rows[] = {
    {"all of it", {.through = true, .due = 4, .done = 3, .invoiced = 2, .failed = 1}, true},
    {"a part is left", {.through = false, .due = 4, .done = 3, .invoiced = 2, .failed = 1}, false},
    {"nothing yet", {.through = false}, false},
    {"another was due", {.through = true, .due = 5, .done = 3, .invoiced = 2, .failed = 1}, false},
    {"another was done", {.through = true, .due = 4, .done = 4, .invoiced = 2, .failed = 1}, false},
    {"an invoice more", {.through = true, .due = 4, .done = 3, .invoiced = 3, .failed = 1}, false},
    {"one failed less", {.through = true, .due = 4, .done = 3, .invoiced = 2, .failed = 0}, false},
};

/* The log of a restored database tells of the end before the parts are done again. */
START_TEST(test_it_is_finished_when_its_parts_are)
{
	const struct early_row *row = &early_rows[_i];
	struct finish_billing_run finish = {.due = 4,
	    .done = 3,
	    .invoiced = 2,
	    .failed = 1,
	    .digest = STR("00ff"),
	    .books = STR("balanced")};

	hand_open(&hand);
	finish.billing_run_id = run_start();
	parts_have(finish.billing_run_id, &row->sums);
	hand_do(&hand, COMMAND_FINISH_BILLING_RUN, &finish);
	ck_assert_msg(hand.decision.deferred == !row->finishes, "%s", row->name);
	unit_assert_str(run_of(finish.billing_run_id)->status,
	    row->finishes ? "finished" : "running", row->name);
	hand_assert_events(&hand,
	    row->finishes ? "billing_run.started billing_run.finished" : "billing_run.started");
	hand_close(&hand);
}
END_TEST

/* What they ask for is what they look at. */
START_TEST(test_what_is_asked_for)
{
	const struct move_billing_run pause = {
	    .meta = world_meta(WORLD_OPERATION), .billing_run_id = UNKNOWN};
	const struct finish_billing_run finish = {
	    .meta = world_meta(WORLD_OPERATION), .billing_run_id = UNKNOWN};
	const struct start_billing_run start = {.meta = world_meta(WORLD_OPERATION)};

	hand_open(&hand);
	handler_table[COMMAND_START_BILLING_RUN].refer(hand.world.facts, &start);
	ck_assert_uint_eq(hand.world.facts->needs[NEED_BILLING_RUN].len, 0);
	handler_table[COMMAND_PAUSE_BILLING_RUN].refer(hand.world.facts, &pause);
	ck_assert_uint_eq(hand.world.facts->needs[NEED_BILLING_RUN].len, 1);
	ck_assert(uuid_equal(hand.world.facts->needs[NEED_BILLING_RUN].ids[0], UNKNOWN));
	ck_assert_uint_eq(hand.world.facts->needs[NEED_RUN_SUMS].len, 0);
	handler_table[COMMAND_FINISH_BILLING_RUN].refer(hand.world.facts, &finish);
	ck_assert_uint_eq(hand.world.facts->needs[NEED_BILLING_RUN].len, 1);
	ck_assert_uint_eq(hand.world.facts->needs[NEED_RUN_SUMS].len, 1);
	hand_close(&hand);
}
END_TEST

START_TEST(test_so_many_runs_may_be_open)
{
	struct start_billing_run start = start_wish();
	struct move_billing_run cancel;

	hand_open(&hand);
	for (int i = 0; i < BILLING_RUNS_OPEN_MAX; i++)
		cancel.billing_run_id = run_start();
	ck_assert_int_eq(
	    hand_decide(&hand, COMMAND_START_BILLING_RUN, &start), REFUSAL_BILLING_RUNS_OPEN);
	hand_do(&hand, COMMAND_CANCEL_BILLING_RUN, &cancel);
	run_start();
	hand_close(&hand);
}
END_TEST

UNIT_MAIN("handler billing runs", UNIT(test_so_many_runs_may_be_open), UNIT(test_a_run_starts),
    UNIT(test_what_is_wished_is_kept), UNIT(test_the_schedule_starts_one_too),
    UNIT_ROWS(test_how_far_ahead, ahead_rows), UNIT_ROWS(test_moves, move_rows),
    UNIT(test_a_run_that_nobody_knows), UNIT(test_what_it_came_to),
    UNIT_ROWS(test_it_is_finished_when_its_parts_are, early_rows), UNIT(test_what_is_asked_for))
