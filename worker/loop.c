#include "worker/loop.h"

#include <sodium.h>

#include "common/base/daemon.h"
#include "common/base/log.h"
#include "worker/database_clock.h"
#include "worker/due.h"
#include "worker/intake.h"
#include "worker/run.h"

#define WATCHDOG_S 120         /* the loop turns at least so often, or the process ends */
#define CLOSING_S 60           /* and what comes behind it takes no longer */
#define IDLE_POLL_MS 50        /* how long an idle loop waits for a message */
#define NOTE_INTERVAL_MS 1000  /* between two notes of progress while nothing else is stored */
#define CHECK_INTERVAL_MS 5000 /* between two looks at progress while nothing comes */
#define BACKOFF_FIRST_MS 20
#define CLUSTER_ID_TIMEOUT_MS 2000
#define SUSPECT_ATTEMPTS_MAX 3 /* deaths over one message, before it is condemned */
#define LAG_INTERVAL_MS 500
#define NOTE_ARENA_BYTES (256 * 1024)
#define CHUNK_FAILED "a billing run's chunk rolled back"
#define BATCH_FAILED "batch rolled back"
#define SIDE_INTERVAL_MS 500 /* between two looks at what is beside commands, while these come */
#define BUSY_MS 200          /* so long after a message more are expected */

struct loop {
	const struct loop_settings *settings;
	struct batch_context *context;
	struct consumer *consumer;
	struct payer *payer;
	struct scheduler *scheduler;
	struct partitions *partitions; /* the context's; empty while nothing is ours, or nothing is
					  known to be true */
	char *cluster_id;              /* owned; NULL until a broker told it */

	bool assigned;      /* the group gave us partitions */
	bool open;          /* and we know where they are, and fetch them */
	bool attempt;       /* opening them counts as a takeover */
	int64_t open_at_ms; /* not before; steady clock, as all that follow */
	int64_t backoff_ms;
	int64_t note_at_ms;
	int64_t check_at_ms;
	int64_t lag_at_ms;
	int64_t pending_since_ms; /* since the epoch: when the oldest message known to wait came; 0:
				     none */

	struct database_clock clock;
	struct due due;        /* what falls due by itself */
	struct runs runs;      /* and what billing runs do of it */
	int64_t busy_until_ms; /* commands are coming */

	int64_t side_at_ms; /* what is done beside commands need not be looked at before */

	struct flights *flights; /* the batches */
	struct intake intake;    /* and what comes behind them */
};

/* What is being stored comes to its end, and what is not is as if it had not come. */
static void
hands_empty(struct loop *loop)
{
	flights_abandon(loop->flights);
	intake_drop(&loop->intake);
}

/* Whose partitions are ours concerns those beside the loop as well. */
static void
own(struct loop *loop)
{
	payer_own(loop->payer, loop->partitions);
	scheduler_own(loop->scheduler, loop->partitions);
}

/* Let go of what we believe, and read the truth again after a pause. */
static void
reopen(struct loop *loop)
{
	hands_empty(loop);
	run_forget(&loop->runs);
	consumer_stop(loop->consumer);
	loop->partitions->len = 0;
	own(loop);
	loop->open = false;
	loop->attempt = false;
	loop->open_at_ms = clock_steady_ms() + loop->backoff_ms +
			   (int64_t)randombytes_uniform((uint32_t)loop->backoff_ms + 1);
	loop->backoff_ms *= 2;
	if (loop->backoff_ms > loop->settings->backoff_max_ms)
		loop->backoff_ms = loop->settings->backoff_max_ms;
}

/* An error that the loop lives with.  Logged here, once. */
static enum err_class
survive(struct loop *loop, const char *what, struct err *err)
{
	if (err->class == ERR_FATAL)
		return ERR_FATAL;
	log_line(LOG_WARN, what, log_text("reason", err->text), log_text("sqlstate", err->sqlstate),
	    log_int("pause_ms", loop->backoff_ms));
	loop->context->metrics->database_up = pg_is_open(loop->context->pg) ? 1 : 0;
	reopen(loop);
	return ERR_NONE;
}

/* Read how far our partitions are, and fetch from there. */
static enum err_class
partitions_open(struct loop *loop, struct err *err)
{
	int32_t ids[CONSUMER_PARTITIONS_MAX];
	int64_t offsets[CONSUMER_PARTITIONS_MAX];
	size_t len = consumer_partitions(loop->consumer, ids);
	struct progress_topic topic;

	run_forget(&loop->runs);
	if (loop->cluster_id == NULL && consumer_cluster_id(loop->consumer, CLUSTER_ID_TIMEOUT_MS,
					    &loop->cluster_id, err) != ERR_NONE)
		return err->class;
	topic = (struct progress_topic){loop->cluster_id, loop->context->partitions_all};
	if (progress_take(loop->context->pg, &topic, ids, len, loop->attempt, loop->partitions,
		err) != ERR_NONE) {
		loop->partitions->len = 0;
		return err->class;
	}
	loop->attempt = false;
	for (size_t i = 0; i < len; i++) {
		const struct partition *partition = &loop->partitions->items[i];

		/* The message before comes first, to see that the topic is the one we know. */
		offsets[i] = partition->next_offset - (partition->verify ? 1 : 0);
		if (partition_is_careful(partition))
			log_line(LOG_WARN, "messages are tried alone: workers died here",
			    log_int("partition", partition->id),
			    log_int("takeovers", partition->attempts));
	}
	if (consumer_start(loop->consumer, ids, offsets, len, err) != ERR_NONE)
		return err->class;
	publisher_take(loop->context->publisher, loop->partitions);
	own(loop);
	loop->open = true;
	loop->context->metrics->partitions = (int64_t)len;
	loop->context->metrics->database_up = 1;
	log_line(LOG_INFO, "partitions taken", log_int("count", (int64_t)len));
	return ERR_NONE;
}

/* How many messages wait in our partitions, as far as is known.  Nobody dies over what is not
 * there: one without messages, and without anything due (or when that is no matter of ours any
 * more, as we are ${closing}), is under suspicion no more. */
static int64_t
lag_count(struct loop *loop, bool closing)
{
	int64_t lag = 0;

	for (size_t i = 0; i < loop->partitions->len; i++) {
		struct partition *partition = &loop->partitions->items[i];
		int64_t end = consumer_end_offset(loop->consumer, partition->id);

		if (end > partition->next_offset)
			lag += end - partition->next_offset;
		else if (end == partition->next_offset &&
			 (closing || !(partition->due_left || partition->run_left)))
			partition->attempts = 0;
	}
	return lag;
}

/* Note how far publishing is, and who is suspected.  What is not noted is only published again. */
static enum err_class
note(struct loop *loop, struct err *err)
{
	enum err_class class;
	struct arena arena;

	arena_init(&arena, NOTE_ARENA_BYTES);
	class = progress_note(loop->context->pg, loop->partitions, &arena, err);
	arena_release(&arena);
	return class;
}

/*
 * A worker that has nothing to do would not see that its database was restored to an earlier state,
 * which forgot commands.
 */
static enum err_class
check(struct loop *loop, struct err *err)
{
	enum err_class class;
	struct arena arena;

	arena_init(&arena, NOTE_ARENA_BYTES);
	class = progress_check(loop->context->pg, loop->partitions, &arena, err);
	arena_release(&arena);
	return class;
}

/* Whether publishing came further than billd.progress knows. */
static bool
published_note(struct loop *loop)
{
	bool news = false;

	for (size_t i = 0; i < loop->partitions->len; i++)
		news |= !loop->partitions->items[i].lent &&
			publisher_note(loop->context->publisher, &loop->partitions->items[i]);
	return news;
}

/* What runners have in hand comes to its end. */
static void
runners_recall(struct loop *loop)
{
	struct err err;

	if (run_recall(&loop->runs, loop->context, NULL, &err) != ERR_NONE)
		log_line(LOG_WARN, CHUNK_FAILED, log_text("reason", err.text));
}

/* Give the partitions back in good order. */
static void
partitions_close(struct loop *loop)
{
	struct err err;

	hands_empty(loop);
	if (loop->open) {
		runners_recall(loop);
		run_forget(&loop->runs);
		/* What is not noted the next owner publishes again. */
		publisher_reports(loop->context->publisher, 0);
		published_note(loop);
		lag_count(loop, true);
		/* Our own takeover did not end in a death. */
		for (size_t i = 0; i < loop->partitions->len; i++)
			if (loop->partitions->items[i].attempts > 0)
				loop->partitions->items[i].attempts--;
		if (note(loop, &err) != ERR_NONE)
			log_line(LOG_WARN, "progress not noted", log_text("reason", err.text));
	}
	loop->partitions->len = 0;
	publisher_take(loop->context->publisher, loop->partitions);
	own(loop);
	loop->open = false;
	loop->context->metrics->partitions = 0;
}

/* What the group says.  ${ret_go_on} turns false when the batch is to be looked at now. */
static enum err_class
event_take(struct loop *loop, int timeout_ms, bool *ret_go_on, bool *ret_nothing, struct err *err)
{
	rd_kafka_message_t *message = NULL;

	switch (consumer_poll(loop->consumer, timeout_ms, &message, err)) {
	case CONSUMER_NOTHING:
		*ret_nothing = true;
		return ERR_NONE;
	case CONSUMER_ASSIGNED:
		hands_empty(loop);
		loop->assigned = true;
		loop->attempt = true;
		loop->open = false;
		loop->open_at_ms = 0;
		loop->backoff_ms = BACKOFF_FIRST_MS;
		*ret_go_on = false;
		return ERR_NONE;
	case CONSUMER_REVOKED:
		partitions_close(loop);
		consumer_stop(loop->consumer);
		loop->assigned = false;
		*ret_go_on = false;
		return ERR_NONE;
	case CONSUMER_FAILED:
		if (err->class == ERR_FATAL)
			return ERR_FATAL;
		log_line(LOG_WARN, "kafka", log_text("reason", err->text));
		return ERR_NONE;
	case CONSUMER_MESSAGE:
		break;
	}
	if (loop->open)
		return intake_take(&loop->intake, message, ret_go_on, err);
	consumer_message_free(message);
	return ERR_NONE;
}

/* Gather a batch: what is there at once, and what comes within a few milliseconds of the first
 * message. */
static enum err_class
gather(struct loop *loop, struct err *err)
{
	const struct flight *flight = flights_filling(loop->flights);
	bool storing = flights_storing(loop->flights), go_on = intake_refill(&loop->intake);
	int64_t until_ms = clock_steady_ms() + loop->settings->batch_wait_ms;

	while (go_on) {
		bool first = flight->len == 0, nothing = false;
		int64_t now_ms = clock_steady_ms();
		int timeout_ms = storing || loop->due.left || loop->runs.left ? 0 : IDLE_POLL_MS;

		if (!first)
			timeout_ms = until_ms > now_ms ? (int)(until_ms - now_ms) : 0;
		if (event_take(loop, timeout_ms, &go_on, &nothing, err) != ERR_NONE)
			return err->class;
		if (nothing)
			break;
		if (first)
			until_ms = clock_steady_ms() + loop->settings->batch_wait_ms;
	}
	return ERR_NONE;
}

/* What the batch is about comes back from the runners. */
static enum err_class
recall(struct loop *loop, const struct flight *flight, struct err *err)
{
	for (size_t i = 0; i < flight->len; i++)
		if (run_recall(&loop->runs, loop->context, flight->entries[i].partition, err) !=
		    ERR_NONE)
			return err->class;
	return ERR_NONE;
}

/* A message over which workers died is noted before it is tried, and condemned when that was often
 * enough; where they die even of reading it, it is not read. */
static enum err_class
suspect(const struct flight *flight, struct err *err)
{
	struct batch_context *context = flight->context;
	struct entry *entry = &flight->entries[0];
	struct partition *partition = entry->partition;

	if (!partition_is_careful(partition))
		return ERR_NONE;
	CHECK(flight->len == 1);
	arena_reset(&context->arena);
	partition->careful_messages++;
	if (progress_suspect(context->pg, partition, &context->arena, err) != ERR_NONE)
		return err->class;
	if (partition->suspect_attempts > SUSPECT_ATTEMPTS_MAX)
		snprintf(entry->condemned, sizeof(entry->condemned),
		    "workers died over it %d times", partition->suspect_attempts - 1);
	entry->unread = partition->suspect_attempts > SUSPECT_ATTEMPTS_MAX + 1;
	return ERR_NONE;
}

/* Up to when what falls due may be done in each partition.  What a fetch has not seen yet counts as
 * waiting, and so does what is in hand. */
static enum err_class
due_bound(struct loop *loop, struct err *err)
{
	int64_t now_ms;

	if (database_clock_ready(&loop->clock, loop->context->pg, err) != ERR_NONE)
		return err->class;
	now_ms = database_clock_now_ms(&loop->clock);
	loop->due.bound_ms = now_ms;
	for (size_t i = 0; i < loop->partitions->len; i++) {
		struct partition *partition = &loop->partitions->items[i];
		bool waiting =
		    consumer_end_offset(loop->consumer, partition->id) != partition->next_offset ||
		    intake_waits(&loop->intake, partition);

		partition->due_until = due_until(&loop->due, partition, now_ms, waiting);
	}
	return ERR_NONE;
}

/* How far behind we are, for the metrics; also while nothing can be processed. */
static void
lag_measure(struct loop *loop)
{
	struct metrics *metrics = loop->context->metrics;

	if (clock_steady_ms() < loop->lag_at_ms)
		return;
	loop->lag_at_ms = clock_steady_ms() + LAG_INTERVAL_MS;
	metrics->kafka_up = publisher_reaches(loop->context->publisher) ? 1 : 0;
	if (loop->open) {
		metrics->lag = lag_count(loop, false);
		metrics->events_unpublished = publisher_unpublished(loop->context->publisher);
		if (metrics->lag == 0)
			loop->pending_since_ms = 0;
	}
	metrics->oldest_pending_ms =
	    loop->pending_since_ms == 0 ? 0 : clock_now_ms() - loop->pending_since_ms;
}

/* What is pending is at least as old as the oldest message in hand. */
static void
pending_note(struct loop *loop, const struct flight *flight)
{
	int64_t oldest_ms = INT64_MAX;

	for (size_t i = 0; i < flight->len; i++) {
		int64_t at_ms = rd_kafka_message_timestamp(flight->entries[i].message, NULL);

		if (at_ms > 0 && at_ms < oldest_ms)
			oldest_ms = at_ms;
	}
	if (oldest_ms != INT64_MAX)
		loop->pending_since_ms = oldest_ms;
}

/* Whether what is done beside commands is to be looked at. */
static bool
is_side_due(const struct loop *loop)
{
	return loop->context->due_soon || loop->context->runs_soon ||
	       clock_steady_ms() >= loop->side_at_ms;
}

/* Whether the next batch need not wait until this one is stored: it is there already, and nothing
 * else is to be done between them. */
static bool
may_overlap(const struct loop *loop, const struct flight *flight)
{
	const struct partitions *partitions = loop->partitions;
	bool full = flight->len == loop->intake.batch_max || loop->intake.len > 0;

	for (size_t i = 0; i < partitions->len; i++)
		if (partition_is_careful(&partitions->items[i]))
			return false;
	return full && !loop->due.left && loop->runs.parts_len == 0;
}

/* What batches that are stored left to be paid for is asked for at once. */
static void
payer_tell(struct loop *loop)
{
	if (loop->context->payments_soon)
		payer_wake(loop->payer);
	loop->context->payments_soon = false;
}

/* What was gathered is processed. */
static enum err_class
batch_work(struct loop *loop, struct err *err)
{
	const struct flight *flight = flights_filling(loop->flights);

	loop->busy_until_ms = clock_steady_ms() + BUSY_MS;
	pending_note(loop, flight);
	if (recall(loop, flight, err) != ERR_NONE || suspect(flight, err) != ERR_NONE ||
	    flights_process(loop->flights, may_overlap(loop, flight), err) != ERR_NONE)
		return err->class;
	payer_tell(loop);
	loop->backoff_ms = BACKOFF_FIRST_MS;
	loop->check_at_ms = clock_steady_ms() + CHECK_INTERVAL_MS;
	return ERR_NONE;
}

/* What is done beside commands, with nothing in flight. */
static enum err_class
partitions_work(struct loop *loop, struct err *err)
{
	struct batch_context *context = loop->context;

	loop->side_at_ms = clock_steady_ms() + SIDE_INTERVAL_MS;
	if (clock_steady_ms() >= loop->check_at_ms) {
		loop->check_at_ms = clock_steady_ms() + CHECK_INTERVAL_MS;
		if (check(loop, err) != ERR_NONE)
			return survive(loop, "progress is read again", err);
	}
	if (run_collect(&loop->runs, context, err) != ERR_NONE)
		return survive(loop, CHUNK_FAILED, err);
	if (due_bound(loop, err) != ERR_NONE)
		return survive(loop, "due work waits for the database", err);
	if (due_step(&loop->due, context, err) != ERR_NONE)
		return survive(loop, "due work rolled back", err);
	if (run_step(&loop->runs, context, clock_steady_ms() < loop->busy_until_ms, err) !=
	    ERR_NONE)
		return survive(loop, "billing runs wait for the database", err);
	if (clock_steady_ms() >= loop->note_at_ms) {
		loop->note_at_ms = clock_steady_ms() + NOTE_INTERVAL_MS;
		if ((published_note(loop) || progress_has_forgotten(loop->partitions)) &&
		    note(loop, err) != ERR_NONE)
			return survive(loop, "progress waits for the database", err);
	}
	return ERR_NONE;
}

/* Wait until nothing is stored, and look at what is beside commands. */
static enum err_class
side_work(struct loop *loop, struct err *err)
{
	if (flights_land(loop->flights, err) != ERR_NONE)
		return survive(loop, BATCH_FAILED, err);
	payer_tell(loop);
	if (loop->open && partitions_work(loop, err) != ERR_NONE)
		return err->class;
	lag_measure(loop);
	return ERR_NONE;
}

/* One turn with partitions in hand: publish, gather, process. */
static enum err_class
work(struct loop *loop, struct err *err)
{
	struct batch_context *context = loop->context;

	if (flights_storing(loop->flights)) {
		if (is_side_due(loop))
			return side_work(loop, err);
		publisher_reports(context->publisher, 0);
	} else if (publisher_step(context->publisher, context->pg, err) != ERR_NONE) {
		return survive(loop, "publishing waits for the database", err);
	}
	if (gather(loop, err) != ERR_NONE)
		return err->class;
	if (flights_filling(loop->flights)->len == 0)
		return side_work(loop, err);
	if (batch_work(loop, err) != ERR_NONE)
		return survive(loop, BATCH_FAILED, err);
	return flights_storing(loop->flights) ? ERR_NONE : side_work(loop, err);
}

/* One turn without: follow the group, and open what it gave us when the time has come. */
static enum err_class
wait_or_open(struct loop *loop, struct err *err)
{
	bool ignored_go_on = true, ignored_nothing = false;

	if (loop->assigned && clock_steady_ms() >= loop->open_at_ms) {
		if (partitions_open(loop, err) != ERR_NONE)
			return survive(loop, "partitions not taken", err);
		return ERR_NONE;
	}
	publisher_reports(loop->context->publisher, 0);
	lag_measure(loop);
	return event_take(loop, IDLE_POLL_MS, &ignored_go_on, &ignored_nothing, err);
}

/* The end: what is committed goes out, as far as Kafka lets it. */
static void
drain(struct loop *loop)
{
	int64_t until_ms = clock_steady_ms() + loop->settings->drain_ms;
	struct err err;

	hands_empty(loop);
	if (loop->open)
		runners_recall(loop);
	while (loop->open && !publisher_idle(loop->context->publisher) &&
	       clock_steady_ms() < until_ms) {
		publisher_reports(loop->context->publisher, 20);
		if (publisher_step(loop->context->publisher, loop->context->pg, &err) != ERR_NONE)
			break;
	}
	partitions_close(loop);
}

enum err_class
loop_run(const struct loop_settings *settings, struct batch_context *context,
    struct flights *flights, struct consumer *consumer, struct payer *payer,
    struct scheduler *scheduler, struct runners *runners, struct err *err)
{
	struct loop loop = {
	    .settings = settings,
	    .context = context,
	    .consumer = consumer,
	    .payer = payer,
	    .scheduler = scheduler,
	    .partitions = context->partitions,
	    .backoff_ms = BACKOFF_FIRST_MS,
	    .due = {.consumer = consumer,
		.continuous = settings->due_continuous,
		.interval_ms = settings->due_interval_ms,
		.margin_ms = settings->due_margin_ms},
	    .flights = flights,
	    .intake = {.batch_max = (size_t)settings->batch_max,
		.flights = flights,
		.partitions = context->partitions},
	};
	enum err_class class = ERR_NONE;

	loop.runs.due = &loop.due;
	loop.runs.runners = runners;
	run_forget(&loop.runs);
	while (!daemon_stopping() && class == ERR_NONE) {
		daemon_watchdog(WATCHDOG_S);
		class = loop.open ? work(&loop, err) : wait_or_open(&loop, err);
		log_flush();
	}
	if (class == ERR_NONE)
		drain(&loop);
	run_forget(&loop.runs);
	hands_empty(&loop);
	/* Closing comes to its end as well: librdkafka may wait for a topic that is gone. */
	daemon_watchdog(CLOSING_S);
	free(loop.cluster_id);
	return class;
}
