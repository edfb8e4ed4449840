#include "worker/flights.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "worker/transaction.h"

/* ---- Their beginning and end. */

/* A context like ${first}. */
static enum err_class
context_open(struct flight *flight, const struct pg_settings *pg_settings,
    const struct id_secret *secret, const struct batch_context *first, struct err *err)
{
	struct batch_context *context = &flight->own;

	context->pg = pg_new(pg_settings);
	transaction_prepare(context->pg, &flight->statements);
	signatures_prepare(context->pg);
	context->partitions = first->partitions;
	context->publisher = first->publisher;
	context->metrics = first->metrics;
	context->partitions_all = first->partitions_all;
	flight->context = context;
	if (batch_context_init(context, first->schemas, err) != ERR_NONE)
		return err->class;
	signatures_init(&context->signatures, secret);
	return ERR_NONE;
}

static void
store(void *what)
{
	struct flight *flight = what;

	flight->class = batch_store(flight->context, &flight->err);
}

enum err_class
flights_open(const struct pg_settings *pg_settings, const struct id_secret *secret,
    struct batch_context *first, struct flights *flights, struct err *err)
{
	for (size_t i = 0; i < FLIGHTS; i++) {
		struct flight *flight = &flights->items[i];

		flight->context = first;
		if (i > 0 && context_open(flight, pg_settings, secret, first, err) != ERR_NONE)
			return err->class;
		flight->entries = calloc(BATCH_MESSAGES_MAX, sizeof(*flight->entries));
		CHECK(flight->entries != NULL);
		helper_start(&flight->helper, &(struct helper_task){.work = store, .what = flight});
	}
	return ERR_NONE;
}

static void
flight_free(struct flight *flight)
{
	helper_end(&flight->helper);
	free(flight->entries);
	pg_free(flight->own.pg);
	batch_context_release(&flight->own);
	arena_release(&flight->statements);
}

void
flights_close(struct flights *flights)
{
	flights_abandon(flights);
	for (size_t i = 0; i < FLIGHTS; i++)
		flight_free(&flights->items[i]);
	*flights = (struct flights){.filling = 0};
}

/* ---- Filling. */

struct flight *
flights_filling(struct flights *flights)
{
	return &flights->items[flights->filling];
}

/* The one that has been stored for longest; NULL: none is. */
static struct flight *
oldest(struct flights *flights)
{
	for (size_t i = 1; i < FLIGHTS; i++) {
		struct flight *flight = &flights->items[(flights->filling + i) % FLIGHTS];

		if (flight->storing)
			return flight;
	}
	return NULL;
}

bool
flights_storing(const struct flights *flights)
{
	for (size_t i = 0; i < FLIGHTS; i++)
		if (flights->items[i].storing)
			return true;
	return false;
}

bool
flights_hold(const struct flights *flights, const struct partition *partition)
{
	for (size_t i = 0; i < FLIGHTS; i++) {
		const struct flight *flight = &flights->items[i];

		if (flight->storing && partition_set_has(&flight->context->touched, partition))
			return true;
	}
	return false;
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

/* Await one that is being stored.  False: it failed, and is undone. */
static bool
stored(struct flights *flights, struct flight *flight)
{
	CHECK(flight->storing);
	helper_await(&flight->helper);
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
	struct flight *flight;

	while ((flight = oldest(flights)) != NULL)
		if (!stored(flights, flight) && process(flights, flight, err) != ERR_NONE)
			return err->class;
	return ERR_NONE;
}

/* End what is stored by now, and in any case so much that there is one to be filled next.  Nothing
 * is tried again while the one that is filled has locks that it may wait for: ${ret_decided} turns
 * false when that was undone. */
static enum err_class
make_room(struct flights *flights, bool *ret_decided, struct err *err)
{
	const struct flight *next = &flights->items[(flights->filling + 1) % FLIGHTS];
	struct flight *flight;

	while ((flight = oldest(flights)) != NULL &&
	       (flight == next || !helper_has(&flight->helper))) {
		if (stored(flights, flight))
			continue;
		if (*ret_decided)
			batch_undo(flights_filling(flights)->context);
		*ret_decided = false;
		if (process(flights, flight, err) != ERR_NONE)
			return err->class;
	}
	return ERR_NONE;
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
	if (make_room(flights, &decided, err) != ERR_NONE)
		return err->class;
	if (!decided)
		return process(flights, flight, err);
	flight->storing = true;
	flights->filling = (flights->filling + 1) % FLIGHTS;
	helper_lend(&flight->helper);
	return ERR_NONE;
}

void
flights_abandon(struct flights *flights)
{
	struct flight *flight;

	while ((flight = oldest(flights)) != NULL)
		(void)stored(flights, flight);
	for (size_t i = 0; i < FLIGHTS; i++)
		empty(&flights->items[i]);
}
