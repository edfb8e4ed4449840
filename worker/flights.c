#include "worker/flights.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "worker/transaction.h"

#define STATEMENTS_ARENA_BYTES (1024 * 1024)

/* ---- The storer. */

/* Wait for something to store.  NULL: for the end. */
static struct flight *
flight_await(struct flights *flights)
{
	struct flight *lent;

	pthread_mutex_lock(&flights->lock);
	while (!flights->stop && flights->lent == NULL)
		pthread_cond_wait(&flights->news, &flights->lock);
	lent = flights->lent;
	pthread_mutex_unlock(&flights->lock);
	return lent;
}

/* ${lent} is the storer's from now on; NULL: it is idle. */
static void
lent_set(struct flights *flights, struct flight *lent)
{
	pthread_mutex_lock(&flights->lock);
	flights->lent = lent;
	pthread_cond_signal(&flights->news);
	pthread_mutex_unlock(&flights->lock);
}

static void
storer_await(struct flights *flights)
{
	pthread_mutex_lock(&flights->lock);
	while (flights->lent != NULL)
		pthread_cond_wait(&flights->news, &flights->lock);
	pthread_mutex_unlock(&flights->lock);
}

static void *
storer_run(void *argument)
{
	struct flights *flights = argument;
	struct flight *flight;

	while ((flight = flight_await(flights)) != NULL) {
		flight->class = batch_store(flight->context, &flight->err);
		lent_set(flights, NULL);
	}
	return NULL;
}

/* ---- Their beginning and end. */

static struct pg *
connection_new(const struct pg_settings *settings, struct arena *statements)
{
	struct pg *pg = pg_new(settings);

	arena_init(statements, STATEMENTS_ARENA_BYTES);
	transaction_prepare(pg);
	progress_prepare(pg);
	signatures_prepare(pg);
	facts_prepare(pg, statements);
	return pg;
}

enum err_class
flights_open(const struct pg_settings *pg_settings, const struct id_secret *secret,
    struct batch_context *first, struct flights *flights, struct err *err)
{
	struct batch_context *second = &flights->second;

	flights->items[0].context = first;
	flights->items[1].context = second;
	for (size_t i = 0; i < FLIGHTS; i++) {
		flights->items[i].entries =
		    calloc(BATCH_MESSAGES_MAX, sizeof(*flights->items[i].entries));
		CHECK(flights->items[i].entries != NULL);
	}
	second->pg = connection_new(pg_settings, &flights->statements);
	second->partitions = first->partitions;
	second->publisher = first->publisher;
	second->metrics = first->metrics;
	second->partitions_all = first->partitions_all;
	if (batch_context_init(second, first->schemas, err) != ERR_NONE)
		return err->class;
	signatures_init(&second->signatures, secret);
	CHECK(pthread_mutex_init(&flights->lock, NULL) == 0);
	CHECK(pthread_cond_init(&flights->news, NULL) == 0);
	CHECK(pthread_create(&flights->storer, NULL, storer_run, flights) == 0);
	flights->started = true;
	return ERR_NONE;
}

void
flights_close(struct flights *flights)
{
	if (flights->started) {
		flights_abandon(flights);
		pthread_mutex_lock(&flights->lock);
		flights->stop = true;
		pthread_cond_signal(&flights->news);
		pthread_mutex_unlock(&flights->lock);
		pthread_join(flights->storer, NULL);
		pthread_cond_destroy(&flights->news);
		pthread_mutex_destroy(&flights->lock);
	}
	for (size_t i = 0; i < FLIGHTS; i++)
		free(flights->items[i].entries);
	pg_free(flights->second.pg);
	batch_context_release(&flights->second);
	arena_release(&flights->statements);
}

/* ---- Filling. */

struct flight *
flights_filling(struct flights *flights)
{
	return &flights->items[flights->filling];
}

/* The other one, which may be being stored. */
static struct flight *
before(struct flights *flights)
{
	return &flights->items[FLIGHTS - 1 - flights->filling];
}

bool
flights_storing(const struct flights *flights)
{
	return flights->items[FLIGHTS - 1 - flights->filling].storing;
}

bool
flights_hold(const struct flights *flights, const struct partition *partition)
{
	const struct flight *other = &flights->items[FLIGHTS - 1 - flights->filling];

	return other->storing && partition_set_has(&other->context->touched, partition);
}

/* ---- Processing. */

static void
empty(struct flight *flight)
{
	for (size_t i = 0; i < flight->len; i++)
		consumer_message_free(flight->entries[i].message);
	flight->len = flight->bytes = 0;
}

/* What a batch left to be done soon is done by those who have the first context. */
static void
soon_tell(struct flights *flights, struct batch_context *context)
{
	struct batch_context *first = flights->items[0].context;

	if (context == first)
		return;
	first->due_soon |= context->due_soon;
	first->runs_soon |= context->runs_soon;
	first->payments_soon |= context->payments_soon;
	context->due_soon = context->runs_soon = context->payments_soon = false;
}

/* From its beginning, to its end. */
static enum err_class
process(struct flights *flights, struct flight *flight, struct err *err)
{
	if (batch_process(flight->context, flight->entries, flight->len, err) != ERR_NONE)
		return err->class;
	soon_tell(flights, flight->context);
	empty(flight);
	return ERR_NONE;
}

/* Await what is being stored.  False: it failed, and is undone. */
static bool
stored(struct flights *flights)
{
	struct flight *flight = before(flights);

	CHECK(flight->storing);
	storer_await(flights);
	flight->storing = false;
	if (flight->class != ERR_NONE) {
		log_line(LOG_INFO, "a batch is tried again alone",
		    log_text("reason", flight->err.text),
		    log_text("sqlstate", flight->err.sqlstate));
		batch_undo(flight->context);
		return false;
	}
	batch_end(flight->context, flight->entries, flight->len);
	soon_tell(flights, flight->context);
	empty(flight);
	return true;
}

enum err_class
flights_land(struct flights *flights, struct err *err)
{
	if (!flights_storing(flights) || stored(flights))
		return ERR_NONE;
	return process(flights, before(flights), err);
}

enum err_class
flights_process(struct flights *flights, bool more, struct err *err)
{
	struct flight *flight = flights_filling(flights);
	bool decided = false;

	if (more || flights_storing(flights)) {
		decided =
		    batch_begin(flight->context, flight->entries, flight->len, err) == ERR_NONE;
		if (!decided)
			batch_undo(flight->context);
		else if (flights_storing(flights))
			flight->context->metrics->batches_overlapped++;
	}
	if (flights_storing(flights) && !stored(flights)) {
		/* It cannot be tried again while this one has locks that it may wait for. */
		if (decided)
			batch_undo(flight->context);
		decided = false;
		if (process(flights, before(flights), err) != ERR_NONE)
			return err->class;
	}
	if (!decided)
		return process(flights, flight, err);
	flight->storing = true;
	flights->filling = FLIGHTS - 1 - flights->filling;
	lent_set(flights, flight);
	return ERR_NONE;
}

void
flights_abandon(struct flights *flights)
{
	if (flights_storing(flights))
		(void)stored(flights);
	for (size_t i = 0; i < FLIGHTS; i++)
		empty(&flights->items[i]);
}
