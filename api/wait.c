#include "api/wait.h"

#include <pthread.h>
#include <time.h>

#include "api/statements.h"
#include "common/base/daemon.h"
#include "common/base/log.h"

#define POLL_MS 1       /* between two looks at the progress */
#define POLL_SLOW_MS 20 /* after a while without a move */
#define QUIET_POLLS 100 /* that while */
#define DOWN_MS 200     /* after a look that failed */
#define ROUND_MAX 500   /* operations asked for at once */
/* A look that takes longer is given up, as whose time is up is told only behind it. */
#define STATEMENT_MS 1000
#define GRACE_MS 500
#define ARENA_MAX ((size_t)256 * 1024)

struct waiter {
	struct ingress *ingress;
	struct pg *pg;
	struct arena arena;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t added;
	bool stop;
	struct request *incoming; /* under the lock */
	atomic_size_t len;        /* of all who wait */

	/* The thread's own. */
	struct request *waiting;
	int quiet;                     /* looks since something moved */
	bool down;                     /* the last look failed */
	int64_t next_offsets[SHARDS];  /* of each partition, by the last look, */
	int64_t event_numbers[SHARDS]; /* and the last event that it gave */
	int64_t turn;                  /* number of the last look, from 1 */
	int64_t moved_at[SHARDS];      /* the last look that found the partition moved */
	int64_t any_moved_at;
};

static void
end(struct waiter *waiter, struct request **link, const struct outcome *outcome)
{
	struct request *request = *link;

	*link = request->next;
	waiter->len--;
	request->waited(request, outcome);
}

/* Tell those whose time is up; everyone, when the process stops. */
static void
expire(struct waiter *waiter)
{
	int64_t now_ms = clock_steady_ms();
	bool all = waiter->ingress->draining;

	for (struct request **link = &waiter->waiting; *link != NULL;) {
		if (all || (*link)->wait_until_ms <= now_ms)
			end(waiter, link, NULL);
		else
			link = &(*link)->next;
	}
}

/* A partition has moved when a message was processed, or when it gave an event: an operation that
 * takes its time, as that which advances a test clock, is over long after its message. */
static bool
note_progress(struct waiter *waiter, int32_t partition, int64_t next_offset, int64_t event_number)
{
	CHECK(partition >= 0 && partition < SHARDS);
	if (waiter->next_offsets[partition] == next_offset &&
	    waiter->event_numbers[partition] == event_number)
		return false;
	waiter->next_offsets[partition] = next_offset;
	waiter->event_numbers[partition] = event_number;
	waiter->moved_at[partition] = waiter->turn;
	return true;
}

static enum err_class
look(struct waiter *waiter, struct err *err)
{
	PGresult *result;

	if (pg_run(waiter->pg, "progress", NULL, &result, err) != ERR_NONE)
		return err->class;
	waiter->turn++;
	for (int row = 0; row < PQntuples(result); row++) {
		if (!note_progress(waiter, pg_get_int32(result, row, 0),
			pg_get_int64(result, row, 1), pg_get_int64(result, row, 2)))
			continue;
		waiter->any_moved_at = waiter->turn;
		waiter->quiet = 0;
	}
	PQclear(result);
	return ERR_NONE;
}

/* Whether the operation of ${request} may have an outcome that it had not when last asked. */
static bool
is_due(const struct waiter *waiter, const struct request *request)
{
	int64_t asked_at = request->wait_asked_at;

	if (request->partition < 0)
		return asked_at == 0 || waiter->any_moved_at > asked_at;
	return waiter->next_offsets[request->partition] > request->offset &&
	       (asked_at == 0 || waiter->moved_at[request->partition] > asked_at);
}

/* Ask for the outcomes of ${requests}. */
static enum err_class
ask(struct waiter *waiter, struct request **requests, size_t len, PGresult **ret_result,
    struct err *err)
{
	struct uuid *organisations, *ids;
	struct pg_params scope, params;
	struct buf list;
	char text[UUID_TEXT_SIZE];
	enum err_class class;

	arena_reset(&waiter->arena);
	organisations = arena_array(&waiter->arena, len, sizeof(*organisations));
	ids = arena_array(&waiter->arena, len, sizeof(*ids));
	CHECK(organisations != NULL && ids != NULL);
	buf_init(&list, ROUND_MAX * UUID_TEXT_SIZE + 2);
	for (size_t i = 0; i < len; i++) {
		organisations[i] = requests[i]->caller.organisation_id;
		ids[i] = requests[i]->operation_id;
		uuid_write(organisations[i], text);
		buf_append_char(&list, i == 0 ? '{' : ',');
		buf_append_str(&list, str_from(text));
	}
	buf_append_char(&list, '}');
	CHECK(!list.overflow);
	pg_params_init(&scope, &waiter->arena);
	pg_params_str(&scope, buf_str(&list));
	pg_params_init(&params, &waiter->arena);
	pg_params_uuids(&params, organisations, len);
	pg_params_uuids(&params, ids, len);
	class = pg_run_within(
	    waiter->pg, "scope_organisation", &scope, "operations_many", &params, ret_result, err);
	buf_release(&list);
	return class;
}

/* The row of the operation that ${request} waits for, or -1. */
static int
row_of(const PGresult *result, const struct request *request)
{
	for (int row = 0; row < PQntuples(result); row++)
		if (uuid_equal(pg_get_uuid(result, row, 1), request->operation_id) &&
		    uuid_equal(pg_get_uuid(result, row, 0), request->caller.organisation_id))
			return row;
	return -1;
}

/* One round of those who are due.  How many that were. */
static size_t
fetch(struct waiter *waiter, struct err *err)
{
	struct request *requests[ROUND_MAX];
	PGresult *result;
	size_t len = 0;

	for (struct request *request = waiter->waiting; request != NULL && len < ROUND_MAX;
	     request = request->next)
		if (is_due(waiter, request))
			requests[len++] = request;
	if (len == 0 || ask(waiter, requests, len, &result, err) != ERR_NONE)
		return 0;
	for (size_t i = 0; i < len; i++)
		requests[i]->wait_asked_at = waiter->turn;
	for (struct request **link = &waiter->waiting; *link != NULL;) {
		int row = (*link)->wait_asked_at == waiter->turn ? row_of(result, *link) : -1;
		struct outcome outcome;

		if (row < 0) {
			link = &(*link)->next;
			continue;
		}
		outcome = (struct outcome){.succeeded = pg_get_bool(result, row, 2),
		    .problem = pg_get_str(result, row, 3),
		    .json = pg_get_str(result, row, 4)};
		end(waiter, link, &outcome);
	}
	PQclear(result);
	return len;
}

/* Look at the progress, and ask for what may be known by now. */
static void
turn(struct waiter *waiter)
{
	struct err err = {.class = ERR_NONE};

	/* Those that were asked for are due no more, so that this ends. */
	if (look(waiter, &err) == ERR_NONE)
		while (fetch(waiter, &err) == ROUND_MAX)
			continue;
	if (err.class != ERR_NONE && !waiter->down)
		log_line(LOG_ERROR, "the database is out of reach for those who wait",
		    log_text("error", err.text));
	waiter->down = err.class != ERR_NONE;
}

static void
rest(struct waiter *waiter)
{
	int64_t ms = waiter->down ? DOWN_MS : waiter->quiet < QUIET_POLLS ? POLL_MS : POLL_SLOW_MS;

	waiter->quiet++;
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* Take who came, or wait for somebody.  False: it is to stop, and nobody is left. */
static bool
take(struct waiter *waiter)
{
	bool stop;

	pthread_mutex_lock(&waiter->lock);
	while (waiter->incoming == NULL && waiter->waiting == NULL && !waiter->stop)
		pthread_cond_wait(&waiter->added, &waiter->lock);
	if (waiter->incoming != NULL)
		waiter->quiet = 0;
	while (waiter->incoming != NULL) {
		struct request *request = waiter->incoming;

		waiter->incoming = request->next;
		request->next = waiter->waiting;
		waiter->waiting = request;
	}
	stop = waiter->stop;
	pthread_mutex_unlock(&waiter->lock);
	return !stop || waiter->waiting != NULL;
}

static void *
waiter_run(void *argument)
{
	struct waiter *waiter = argument;

	while (take(waiter)) {
		turn(waiter);
		expire(waiter);
		if (waiter->waiting != NULL)
			rest(waiter);
	}
	return NULL;
}

struct waiter *
waiter_new(const struct pg_settings *settings, struct ingress *ingress)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));
	struct pg_settings own = *settings;

	CHECK(waiter != NULL);
	own.statement_timeout_ms = STATEMENT_MS;
	own.grace_ms = GRACE_MS;
	waiter->ingress = ingress;
	waiter->pg = pg_new(&own);
	pg_prepare(waiter->pg, statement_table, statement_table_len);
	arena_init(&waiter->arena, ARENA_MAX);
	CHECK(pthread_mutex_init(&waiter->lock, NULL) == 0);
	CHECK(pthread_cond_init(&waiter->added, NULL) == 0);
	CHECK(pthread_create(&waiter->thread, NULL, waiter_run, waiter) == 0);
	return waiter;
}

void
waiter_free(struct waiter *waiter)
{
	if (waiter == NULL)
		return;
	pthread_mutex_lock(&waiter->lock);
	waiter->stop = true;
	pthread_cond_signal(&waiter->added);
	pthread_mutex_unlock(&waiter->lock);
	pthread_join(waiter->thread, NULL);
	pg_free(waiter->pg);
	arena_release(&waiter->arena);
	pthread_cond_destroy(&waiter->added);
	pthread_mutex_destroy(&waiter->lock);
	free(waiter);
}

bool
waiter_add(struct waiter *waiter, struct request *request, int seconds)
{
	bool room;

	CHECK(request->suspended);
	CHECK(request->waited != NULL);

	request->wait_until_ms = clock_steady_ms() + (int64_t)seconds * 1000;
	request->wait_asked_at = 0;
	pthread_mutex_lock(&waiter->lock);
	room = waiter->len < WAITERS_MAX && !waiter->stop && !waiter->ingress->draining;
	if (room) {
		request->next = waiter->incoming;
		waiter->incoming = request;
		waiter->len++;
		pthread_cond_signal(&waiter->added);
	}
	pthread_mutex_unlock(&waiter->lock);
	return room;
}

size_t
waiter_len(struct waiter *waiter)
{
	return waiter->len;
}
