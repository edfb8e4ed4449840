#include "api/looker.h"

#include <pthread.h>
#include <sodium.h>
#include <time.h>

#include "api/request.h"
#include "api/statements.h"
#include "common/base/daemon.h"
#include "common/base/log.h"

#define MARK_BYTES 16
#define ARENA_MAX ((size_t)64 * 1024)

struct mark {
	uint8_t bytes[MARK_BYTES]; /* a hash of the view's */
};

/* All of it under the looker's lock; freed by its thread alone, which may so keep pointers. */
struct looker_run {
	struct looker_run *next;
	struct house *house;
	struct uuid id;
	size_t followers;
	int64_t number;          /* of its newest event; 0: none yet */
	struct mark mark;        /* of that event */
	struct sse_event *event; /* NULL: made again for who asks */
	int64_t made_ms;         /* when */
	bool wanted;             /* somebody asks */
	int64_t read_ms;         /* when it was last read whole, or that was tried */
	int64_t left_until_ms;   /* it could not be, or is to settle */
	struct mark settling;    /* of a canceled run that was not told yet: as it was last read */
};

/* What one organisation follows. */
struct house {
	struct house *next;
	struct uuid organisation_id;
	struct looker_run *followed;
	int64_t look_at_ms;    /* the next time */
	int64_t rest_until_ms; /* not before, whoever comes */
};

struct looker {
	void (*wake)(void *cls);
	void *cls;
	struct pg *pg;
	struct arena arena;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t asked;
	bool stop;
	struct house *houses;
	bool down; /* the thread's own: the last read failed */
};

/* One look at an organisation: the thread's own. */
struct look {
	struct house *house;
	int64_t begun_ms;
	size_t len;
	struct {
		struct looker_run *followed;
		struct uuid id;
		int64_t read_ms;
		bool due; /* to be read whole */
	} items[LOOKER_ORGANISATION_MAX];
};

static struct mark
mark_of(struct str text)
{
	struct mark mark;

	CHECK(crypto_generichash(mark.bytes, sizeof(mark.bytes), (const unsigned char *)text.ptr,
		  text.len, NULL, 0) == 0);
	return mark;
}

static bool
mark_equal(struct mark a, struct mark b)
{
	return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

/* The event that a run is now as ${json} says; none: that it is gone. */
static struct sse_event *
event_new(struct mark mark, struct str json, bool over)
{
	char id[2 * MARK_BYTES + 1];

	sodium_bin2hex(id, sizeof(id), mark.bytes, sizeof(mark.bytes));
	return sse_event_new(resource_billing_run.type, id, json, over);
}

/* Have it looked at as soon as its organisation may be. */
static void
hurry(struct looker *looker, struct house *house)
{
	if (house->look_at_ms > house->rest_until_ms)
		house->look_at_ms = house->rest_until_ms;
	pthread_cond_signal(&looker->asked);
}

static struct house *
house_of(struct looker *looker, struct uuid organisation_id)
{
	struct house *house = looker->houses;

	while (house != NULL && !uuid_equal(house->organisation_id, organisation_id))
		house = house->next;
	if (house != NULL)
		return house;
	house = calloc(1, sizeof(*house));
	if (house == NULL)
		return NULL;
	house->organisation_id = organisation_id;
	house->next = looker->houses;
	looker->houses = house;
	return house;
}

static struct looker_run *
followed_of(struct house *house, struct uuid id)
{
	struct looker_run *followed = house->followed;

	while (followed != NULL && !uuid_equal(followed->id, id))
		followed = followed->next;
	if (followed != NULL)
		return followed;
	followed = calloc(1, sizeof(*followed));
	if (followed == NULL)
		return NULL;
	followed->house = house;
	followed->id = id;
	followed->next = house->followed;
	house->followed = followed;
	return followed;
}

struct looker_run *
looker_follow(struct looker *looker, struct uuid organisation_id, struct uuid id)
{
	struct looker_run *followed = NULL;
	struct house *house;

	pthread_mutex_lock(&looker->lock);
	house = house_of(looker, organisation_id);
	if (house != NULL)
		followed = followed_of(house, id);
	if (followed != NULL) {
		followed->followers++;
		/* Who comes is told what is there now. */
		sse_event_release(followed->event);
		followed->event = NULL;
		followed->wanted = true;
		hurry(looker, house);
	}
	pthread_mutex_unlock(&looker->lock);
	return followed;
}

void
looker_leave(struct looker *looker, struct looker_run *followed)
{
	if (followed == NULL)
		return;
	pthread_mutex_lock(&looker->lock);
	CHECK(followed->followers > 0);
	followed->followers--;
	pthread_mutex_unlock(&looker->lock);
}

struct sse_event *
looker_next(struct looker *looker, struct looker_run *followed, int64_t *number)
{
	struct sse_event *event = NULL;

	pthread_mutex_lock(&looker->lock);
	if (followed->number != *number && followed->event != NULL) {
		event = followed->event;
		sse_event_hold(event);
		*number = followed->number;
	} else if (followed->number != *number && !followed->wanted) {
		followed->wanted = true;
		hurry(looker, followed->house);
	}
	pthread_mutex_unlock(&looker->lock);
	return event;
}

/* Forget what nobody follows any more.  False: that was all. */
static bool
house_sweep(struct house *house)
{
	for (struct looker_run **link = &house->followed; *link != NULL;) {
		struct looker_run *followed = *link;

		if (followed->followers > 0) {
			link = &followed->next;
			continue;
		}
		*link = followed->next;
		sse_event_release(followed->event);
		free(followed);
	}
	return house->followed != NULL;
}

static void
house_free(struct looker *looker, struct house *house)
{
	struct house **link = &looker->houses;

	while (*link != house)
		link = &(*link)->next;
	*link = house->next;
	free(house);
}

/* Note what is looked at. */
static void
look_begin(struct look *look, struct house *house)
{
	*look = (struct look){.house = house, .begun_ms = clock_steady_ms()};
	for (struct looker_run *f = house->followed;
	     f != NULL && look->len < ARRAY_LEN(look->items); f = f->next) {
		look->items[look->len].followed = f;
		look->items[look->len].id = f->id;
		look->items[look->len++].read_ms = f->read_ms;
	}
}

/* Run ${statement} for the organisation. */
static enum err_class
ask(struct looker *looker, const struct look *look, const char *statement,
    const struct pg_params *params, PGresult **ret_result, struct err *err)
{
	char text[UUID_TEXT_SIZE + 2] = "{";
	struct pg_params scope;

	uuid_write(look->house->organisation_id, text + 1);
	text[UUID_TEXT_SIZE] = '}';
	pg_params_init(&scope, &looker->arena);
	pg_params_str(&scope, (struct str){text, UUID_TEXT_SIZE + 1});
	return pg_run_within(
	    looker->pg, "scope_organisation", &scope, statement, params, ret_result, err);
}

/* There is ${event}, of that mark, which may be the last one's again. */
static void
publish(struct looker_run *followed, struct mark mark, struct sse_event *event, int64_t now_ms)
{
	struct sse_event *before = followed->event;

	if (followed->number == 0 || !mark_equal(mark, followed->mark))
		followed->number++;
	followed->mark = mark;
	followed->event = event;
	sse_event_release(before);
	followed->made_ms = now_ms;
	followed->wanted = false;
}

/* What is not there any more is over. */
static void
publish_gone(struct looker_run *followed, int64_t now_ms)
{
	struct mark gone = {{0}};
	struct sse_event *event = event_new(gone, STR_NONE, true);

	if (event != NULL)
		publish(followed, gone, event, now_ms);
}

/* Note of one whether it is to be read whole; an event that all have had the time to take is given
 * back. */
static bool
note_mark(struct looker_run *followed, struct mark mark, int64_t now_ms)
{
	bool changed = followed->number == 0 || !mark_equal(mark, followed->mark);

	if ((changed || followed->wanted) && now_ms >= followed->left_until_ms)
		return true;
	if (!followed->wanted && now_ms >= followed->made_ms + LOOKER_INTERVAL_MS) {
		sse_event_release(followed->event);
		followed->event = NULL;
	}
	return false;
}

static int
row_of(const PGresult *result, struct uuid id)
{
	for (int row = 0; row < PQntuples(result); row++)
		if (uuid_equal(pg_get_uuid(result, row, 0), id))
			return row;
	return -1;
}

/* Find out what has changed. */
static enum err_class
marks_read(struct looker *looker, struct look *look, struct err *err)
{
	struct uuid ids[LOOKER_ORGANISATION_MAX];
	struct pg_params params;
	PGresult *result;

	for (size_t i = 0; i < look->len; i++)
		ids[i] = look->items[i].id;
	arena_reset(&looker->arena);
	pg_params_init(&params, &looker->arena);
	pg_params_uuid(&params, look->house->organisation_id);
	pg_params_uuids(&params, ids, look->len);
	if (ask(looker, look, "billing_runs_marks", &params, &result, err) != ERR_NONE)
		return err->class;
	pthread_mutex_lock(&looker->lock);
	for (size_t i = 0; i < look->len; i++) {
		struct looker_run *followed = look->items[i].followed;
		int row = row_of(result, ids[i]);

		if (row < 0)
			publish_gone(followed, look->begun_ms);
		else
			look->items[i].due = note_mark(
			    followed, mark_of(pg_get_str(result, row, 1)), look->begun_ms);
	}
	pthread_mutex_unlock(&looker->lock);
	PQclear(result);
	return ERR_NONE;
}

/* Whether the run of a mark was canceled: the mark begins with its status. */
static bool
is_canceled(struct str mark)
{
	const struct str canceled = STR("canceled ");

	return mark.len >= canceled.len && memcmp(mark.ptr, canceled.ptr, canceled.len) == 0;
}

/* Whether nothing more comes of a canceled run whose mark is ${mark}: it was the same the last time
 * that it was read, or is told already. */
static bool
is_settled(const struct looker_run *followed, struct mark mark)
{
	return mark_equal(mark, followed->settling) ||
	       (followed->number > 0 && mark_equal(mark, followed->mark));
}

/* There is ${event}, NULL for none: it is told, or its run is left to settle. */
static void
note_read(struct looker_run *followed, struct mark mark, struct sse_event *event, bool canceled)
{
	followed->read_ms = clock_steady_ms();
	if (event == NULL)
		return;
	if (!canceled || is_settled(followed, mark)) {
		publish(followed, mark, event, followed->read_ms);
		return;
	}
	sse_event_release(event);
	followed->settling = mark;
	followed->left_until_ms = followed->read_ms + LOOKER_SETTLE_MS;
}

/* Read one run whole, and make its event. */
static enum err_class
whole_read(struct looker *looker, const struct look *look, size_t i, struct err *err)
{
	struct looker_run *followed = look->items[i].followed;
	struct sse_event *event = NULL;
	struct pg_params params;
	struct mark mark = {{0}};
	bool canceled = false;
	PGresult *result;

	arena_reset(&looker->arena);
	pg_params_init(&params, &looker->arena);
	pg_params_uuid(&params, look->house->organisation_id);
	pg_params_uuid(&params, look->items[i].id);
	if (ask(looker, look, "billing_runs_told", &params, &result, err) != ERR_NONE)
		return err->class;
	/* Gone since its mark was read: the next look will say so. */
	if (PQntuples(result) == 1) {
		mark = mark_of(pg_get_str(result, 0, 1));
		canceled = is_canceled(pg_get_str(result, 0, 1));
		event = event_new(mark, pg_get_str(result, 0, 0), pg_get_bool(result, 0, 2));
		if (event == NULL)
			err_set(err, ERR_RETRY, "a billing run is too large to be told");
	}
	PQclear(result);
	pthread_mutex_lock(&looker->lock);
	note_read(followed, mark, event, canceled);
	pthread_mutex_unlock(&looker->lock);
	return err->class;
}

static void
note_failure(struct looker *looker, const struct err *err)
{
	if (!looker->down)
		log_line(
		    LOG_ERROR, "a look at what is followed failed", log_text("error", err->text));
	looker->down = true;
}

/* Of those that are to be read the one that waits longest; the length: none. */
static size_t
next_due(const struct look *look)
{
	size_t next = look->len;

	for (size_t i = 0; i < look->len; i++)
		if (look->items[i].due &&
		    (next == look->len || look->items[i].read_ms < look->items[next].read_ms))
			next = i;
	return next;
}

/* Read what has changed, as far as the time allows. */
static void
look_read(struct looker *looker, struct look *look)
{
	size_t i;

	while ((i = next_due(look)) < look->len) {
		struct err err = {.class = ERR_NONE};
		int64_t now_ms;

		look->items[i].due = false;
		if (whole_read(looker, look, i, &err) == ERR_NONE) {
			looker->wake(looker->cls);
		} else {
			note_failure(looker, &err);
			/* Nothing is wrong with it when the connection is lost. */
			if (!pg_is_open(looker->pg))
				return;
		}
		now_ms = clock_steady_ms();
		if (err.class != ERR_NONE) {
			pthread_mutex_lock(&looker->lock);
			look->items[i].followed->read_ms = now_ms;
			look->items[i].followed->left_until_ms = now_ms + LOOKER_AGAIN_MS;
			pthread_mutex_unlock(&looker->lock);
		}
		if (now_ms - look->begun_ms >= LOOKER_BUDGET_MS)
			return;
	}
}

/* When it is looked at again: by and by; sooner when somebody has asked meanwhile. */
static void
look_end(struct looker *looker, const struct look *look)
{
	struct house *house = look->house;
	int64_t now_ms = clock_steady_ms();

	/* That the database is out of reach is nobody's. */
	house->rest_until_ms =
	    now_ms + (pg_is_open(looker->pg) ? LOOKER_REST * (now_ms - look->begun_ms) : 0);
	house->look_at_ms = (looker->down ? now_ms : look->begun_ms) + LOOKER_INTERVAL_MS;
	if (house->look_at_ms < house->rest_until_ms)
		house->look_at_ms = house->rest_until_ms;
	for (struct looker_run *f = house->followed; f != NULL; f = f->next)
		if (f->wanted && f->left_until_ms <= now_ms && !looker->down)
			hurry(looker, house);
}

/* Look at what one organisation follows.  With the lock, which is given up meanwhile. */
static void
house_look(struct looker *looker, struct house *house)
{
	struct err err = {.class = ERR_NONE};
	struct look look;

	if (!house_sweep(house)) {
		house_free(looker, house);
		return;
	}
	look_begin(&look, house);
	pthread_mutex_unlock(&looker->lock);
	if (marks_read(looker, &look, &err) == ERR_NONE) {
		looker->down = false;
		look_read(looker, &look);
	} else {
		note_failure(looker, &err);
	}
	pthread_mutex_lock(&looker->lock);
	look_end(looker, &look);
}

/* Whose turn is first; NULL: nobody follows anything. */
static struct house *
house_next(const struct looker *looker)
{
	struct house *next = looker->houses;

	for (struct house *house = next; house != NULL; house = house->next)
		if (house->look_at_ms < next->look_at_ms)
			next = house;
	return next;
}

static void *
thread_run(void *argument)
{
	struct looker *looker = argument;

	pthread_mutex_lock(&looker->lock);
	while (!looker->stop) {
		struct house *house = house_next(looker);

		if (house == NULL) {
			pthread_cond_wait(&looker->asked, &looker->lock);
		} else if (house->look_at_ms > clock_steady_ms()) {
			struct timespec until = {.tv_sec = house->look_at_ms / 1000,
			    .tv_nsec = house->look_at_ms % 1000 * 1000000};

			pthread_cond_timedwait(&looker->asked, &looker->lock, &until);
		} else {
			house_look(looker, house);
		}
	}
	pthread_mutex_unlock(&looker->lock);
	return NULL;
}

struct looker *
looker_new(const struct pg_settings *settings, void (*wake)(void *cls), void *cls)
{
	struct looker *looker = calloc(1, sizeof(*looker));
	struct pg_settings own = *settings;
	pthread_condattr_t attributes;

	CHECK(looker != NULL);
	own.statement_timeout_ms = LOOKER_STATEMENT_MS;
	looker->wake = wake;
	looker->cls = cls;
	looker->pg = pg_new(&own);
	pg_prepare(looker->pg, statement_table, statement_table_len);
	arena_init(&looker->arena, ARENA_MAX);
	CHECK(pthread_mutex_init(&looker->lock, NULL) == 0);
	CHECK(pthread_condattr_init(&attributes) == 0);
	CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
	CHECK(pthread_cond_init(&looker->asked, &attributes) == 0);
	pthread_condattr_destroy(&attributes);
	CHECK(pthread_create(&looker->thread, NULL, thread_run, looker) == 0);
	return looker;
}

void
looker_free(struct looker *looker)
{
	if (looker == NULL)
		return;
	pthread_mutex_lock(&looker->lock);
	looker->stop = true;
	pthread_cond_signal(&looker->asked);
	pthread_mutex_unlock(&looker->lock);
	pthread_join(looker->thread, NULL);
	while (looker->houses != NULL) {
		struct house *house = looker->houses;

		CHECK(!house_sweep(house));
		house_free(looker, house);
	}
	pg_free(looker->pg);
	arena_release(&looker->arena);
	pthread_cond_destroy(&looker->asked);
	pthread_mutex_destroy(&looker->lock);
	free(looker);
}
