/* The pools: from a request to its action, and back. */

#include <sodium.h>

#include "api/arguments.h"
#include "api/body.h"
#include "api/identity/action.h"
#include "api/identity/identity.h"
#include "api/identity/pool.h"
#include "api/preview/preview.h"
#include "api/respond.h"
#include "common/base/daemon.h"
#include "common/base/log.h"

/* After a connection could not be opened, actions fail at once for so long. */
#define DOWN_MS 500

struct actions {
	struct pg_settings settings;
	struct pool *slow, *quick;
};

/* What one thread has. */
struct worker {
	struct pg *pg;
	struct arena statements; /* the text of those that are made from row tables */
	int64_t down_until_ms;
	struct err down; /* why it could not be opened */
	bool logged;     /* since it was open */
};

/* Open the connection, but not again and again while that fails. */
static enum err_class
connection_open(struct worker *worker, struct err *err)
{
	if (!pg_is_open(worker->pg) && clock_steady_ms() < worker->down_until_ms) {
		*err = worker->down;
		return err->class;
	}
	if (pg_connect(worker->pg, err) == ERR_NONE) {
		worker->logged = false;
		return ERR_NONE;
	}
	if (!worker->logged)
		log_line(LOG_ERROR, "the database is out of reach for actions",
		    log_text("error", err->text));
	worker->logged = true;
	/* A role or a schema that is not right yet may become so: for callers it is out of reach.
	 */
	err->class = ERR_RETRY;
	worker->down = *err;
	worker->down_until_ms = clock_steady_ms() + DOWN_MS;
	return err->class;
}

static void *
worker_begin(void *argument)
{
	const struct actions *actions = argument;
	struct worker *worker = calloc(1, sizeof(*worker));

	CHECK(worker != NULL);
	worker->pg = pg_new(&actions->settings);
	arena_init(&worker->statements, PREVIEW_STATEMENTS_MAX);
	identity_prepare(worker->pg);
	preview_prepare(worker->pg, &worker->statements);
	return worker;
}

static void
worker_end(void *thread)
{
	struct worker *worker = thread;

	pg_free(worker->pg);
	arena_release(&worker->statements);
	free(worker);
}

/* Passwords and tokens are strings of the body. */
static void
json_wipe(json_t *json)
{
	const char *key;
	json_t *value;

	json_object_foreach(json, key, value)
	{
		if (json_is_string(value))
			sodium_memzero(
			    (void *)(uintptr_t)json_string_value(value), json_string_length(value));
	}
}

/* What came is not kept in memory that is used again. */
static void
body_forget(struct request *request)
{
	json_wipe(request->json);
	json_decref(request->json);
	request->json = NULL;
	if (request->body.len > 0)
		sodium_memzero(request->body.ptr, request->body.len);
}

static void
worker_run(void *thread, struct request *request)
{
	struct worker *worker = thread;
	struct action action = {.request = request, .pg = worker->pg, .body = request->json};
	struct err err;

	if (connection_open(worker, &err) == ERR_NONE)
		request->match.route->action(&action);
	else
		answer_failed(request, &err);
	if (action.open)
		pg_rollback(worker->pg);
	CHECK(request->answer.status != 0);
	body_forget(request);
	request_resume(request);
}

struct actions *
actions_new(const struct pg_settings *settings, struct ingress *ingress)
{
	static const struct pool_work work = {worker_begin, worker_run, worker_end};
	struct actions *actions = calloc(1, sizeof(*actions));

	CHECK(actions != NULL);
	actions->settings = *settings;
	actions->slow =
	    pool_new((size_t)ingress->settings->password_threads, ACTION_JOBS_MAX, &work, actions);
	actions->quick =
	    pool_new((size_t)ingress->settings->action_threads, ACTION_JOBS_MAX, &work, actions);
	return actions;
}

void
actions_free(struct actions *actions)
{
	if (actions == NULL)
		return;
	pool_free(actions->slow);
	pool_free(actions->quick);
	free(actions);
}

/* Check the body as a command's is checked.  The Avro that comes of it has no reader. */
static bool
body_check(struct request *request, struct faults *faults)
{
	static const struct transcode_given given;
	const struct schema *schema =
	    schemas_by_name(request->ingress->schemas, str_from(request->match.route->body));
	struct buf *out = &request->out;
	bool good;

	CHECK(schema != NULL);
	if (!body_parse(request, faults, &request->json))
		return false;
	good = transcode(schema, request->json, &given, faults, out);
	if (out->len > 0)
		sodium_memzero(out->ptr, out->len);
	buf_clear(out);
	if (!good)
		answer_faults(request, problem_info(PROBLEM_INVALID_BODY), faults);
	return good;
}

bool
action_begin(struct request *request)
{
	const struct route *route = request->match.route;
	struct actions *actions = request->ingress->actions;
	struct faults faults = {.arena = &request->arena};
	struct arguments arguments;

	CHECK(route->action != NULL);
	if ((route->body != NULL && !body_is_declared(request)) ||
	    !arguments_read(request, 0, &arguments) ||
	    (route->body != NULL && !body_check(request, &faults))) {
		body_forget(request);
		return true;
	}
	request_suspend(request);
	if (!pool_add(route->slow ? actions->slow : actions->quick, request)) {
		answer_problem(request, PROBLEM_OVERLOADED, "Too many of these are waiting.");
		body_forget(request);
		request_resume(request);
	}
	return false;
}
