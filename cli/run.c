/* billd run: billing runs, by the API. */

#include <time.h>

#include "cli/cli.h"
#include "cli/run_http.h"
#include "cli/run_show.h"
#include "cli/run_watch.h"
#include "common/base/daemon.h"
#include "common/base/instant.h"

#define RUNS_PATH "/v1/billing-runs"
#define PATH_SIZE 512
#define PAGE 100            /* rows of a list that are asked for at once */
#define LIST_UNLESS_TOLD 20 /* runs */
#define LIST_MAX 1000000    /* rows */
#define IDEMPOTENCY_KEY_MAX 255
#define OUTCOME_MS 120000 /* that a command may take */
#define OUTCOME_PAUSE_NS 500000000L

enum {
	START_AS_OF,
	START_DRY_RUN,
	START_INVOICES_MAX,
	START_WATCH,
	START_IDEMPOTENCY_KEY
};

enum {
	SHOW_JSON
};

enum {
	LIST_LIMIT
};

/* ---- What all share */

/* The id that is named, as the API writes it, and who to ask. */
static enum err_class
begin(struct cli *cli, const struct cli_input *input, char ret_id[UUID_TEXT_SIZE],
    struct run_http **ret_http, struct err *err)
{
	struct uuid id;

	if (cli_read_uuid("ID", input->positionals[0], &id, err) != ERR_NONE)
		return err->class;
	uuid_write(id, ret_id);
	return run_http_open(cli->url, cli->api_key, ret_http, err);
}

/* Print what was built; it may be cut off, which is an error. */
static enum err_class
print(struct buf *out, struct err *err)
{
	if (out->overflow)
		return err_set(err, ERR_FATAL, "there is more to print than %zu bytes", out->max);
	fwrite(out->ptr, 1, out->len, stdout);
	buf_clear(out);
	return ERR_NONE;
}

/* One look at an operation; ${ret_done}: it has succeeded.  One that failed is its problem. */
static enum err_class
look_at(struct run_http *http, const char *path, bool *ret_done, struct err *err)
{
	const struct run_request request = {.path = path, .wait = true};
	struct run_answer answer;
	struct str status;
	bool failed;

	if (run_http_ask(http, &request, &answer, err) != ERR_NONE)
		return err->class;
	status = run_state_text(answer.json, "status");
	*ret_done = str_equal(status, STR("succeeded"));
	failed = str_equal(status, STR("failed"));
	if (failed) {
		run_http_problem(json_object_get(answer.json, "error"), err);
		err->class = ERR_FATAL;
	}
	json_decref(answer.json);
	return failed ? err->class : ERR_NONE;
}

/* A command was accepted and has not taken effect: wait for it. */
static enum err_class
await(struct run_http *http, struct uuid operation_id, struct err *err)
{
	const struct timespec pause = {.tv_nsec = OUTCOME_PAUSE_NS};
	int64_t deadline_ms = clock_steady_ms() + OUTCOME_MS;
	char id[UUID_TEXT_SIZE], path[PATH_SIZE];
	bool done = false;

	uuid_write(operation_id, id);
	snprintf(path, sizeof(path), "/v1/operations/%s", id);
	for (;;) {
		if (look_at(http, path, &done, err) != ERR_NONE)
			return err->class;
		if (done)
			return ERR_NONE;
		if (daemon_stopping() || clock_steady_ms() > deadline_ms)
			return err_set(
			    err, ERR_RETRY, "accepted, and not done yet: it is operation %s", id);
		nanosleep(&pause, NULL);
	}
}

/* What the API says of a command: the run that it made or changed, and where that is still to come
 * (${ret_accepted}), the operation.  Both go into paths, so they are ids or nothing. */
static enum err_class
read_command(const json_t *json, struct uuid *ret_run_id, bool *ret_accepted,
    struct uuid *ret_operation_id, struct err *err)
{
	const json_t *resource = json;

	*ret_accepted = json_object_get(json, "operation_id") != NULL;
	if (*ret_accepted) {
		resource = json_object_get(json, "resource");
		if (!uuid_read(run_state_text(json, "operation_id"), ret_operation_id))
			return err_set(
			    err, ERR_FATAL, "the API does not say which operation it is");
	}
	if (!uuid_read(run_state_text(resource, "id"), ret_run_id))
		return err_set(err, ERR_FATAL, "the API does not say which run it is");
	return ERR_NONE;
}

/* Send a command and wait until it has taken effect; ${ret_id} is what it made or changed. */
static enum err_class
command(struct run_http *http, const struct run_request *request, char ret_id[UUID_TEXT_SIZE],
    struct err *err)
{
	struct uuid run_id, operation_id;
	struct run_answer answer;
	enum err_class class;
	bool accepted;

	if (run_http_ask(http, request, &answer, err) != ERR_NONE)
		return err->class;
	class = read_command(answer.json, &run_id, &accepted, &operation_id, err);
	json_decref(answer.json);
	if (class != ERR_NONE)
		return class;
	uuid_write(run_id, ret_id);
	return accepted ? await(http, operation_id, err) : ERR_NONE;
}

/* ---- start */

static enum err_class
put_as_of(json_t *body, const char *as_of, struct err *err)
{
	struct instant instant;

	if (as_of == NULL)
		return ERR_NONE;
	if (!instant_read(as_of, strlen(as_of), &instant))
		return err_set(err, ERR_FATAL,
		    "--as-of: \"%s\" is no time such as 2026-01-31T00:00:00Z", as_of);
	if (json_object_set_new(body, "as_of", json_string(as_of)) != 0)
		return err_set(err, ERR_FATAL, "out of memory");
	return ERR_NONE;
}

static enum err_class
put_invoices_max(json_t *body, const char *text, struct err *err)
{
	int64_t max;

	if (text == NULL)
		return ERR_NONE;
	if (!str_read_int64(str_from(text), 1, INT64_MAX, &max))
		return err_set(
		    err, ERR_FATAL, "--invoices-max: \"%s\" is no number from 1 on", text);
	if (json_object_set_new(body, "invoices_max", json_integer(max)) != 0)
		return err_set(err, ERR_FATAL, "out of memory");
	return ERR_NONE;
}

/* The body of the request; the caller frees it. */
static enum err_class
write_start(const struct cli_input *input, char **ret_text, struct err *err)
{
	json_t *body = json_object();
	enum err_class class;

	class = put_as_of(body, input->options[START_AS_OF], err);
	if (class == ERR_NONE)
		class = put_invoices_max(body, input->options[START_INVOICES_MAX], err);
	if (class == ERR_NONE && input->options[START_DRY_RUN] != NULL &&
	    json_object_set_new(body, "dry_run", json_true()) != 0)
		class = err_set(err, ERR_FATAL, "out of memory");
	if (class == ERR_NONE) {
		*ret_text = json_dumps(body, JSON_COMPACT);
		if (*ret_text == NULL)
			class = err_set(err, ERR_FATAL, "out of memory");
	}
	json_decref(body);
	return class;
}

/* The name of the wish, by which it is one however often it is sent: what was given, or a new one.
 */
static enum err_class
read_key(const char *given, char ret_key[IDEMPOTENCY_KEY_MAX + 1], struct err *err)
{
	size_t len;

	if (given == NULL) {
		uuid_write(uuid_new(), ret_key);
		return ERR_NONE;
	}
	len = strlen(given);
	for (size_t i = 0; i < len; i++)
		if (given[i] <= ' ' || given[i] > '~')
			len = 0;
	if (len == 0 || len > IDEMPOTENCY_KEY_MAX)
		return err_set(err, ERR_FATAL, "--idempotency-key: 1 to %d visible characters",
		    IDEMPOTENCY_KEY_MAX);
	memcpy(ret_key, given, len + 1);
	return ERR_NONE;
}

static enum err_class
start(struct run_http *http, const char *body, const char *key, bool watch, struct err *err)
{
	const struct run_request request = {
	    .path = RUNS_PATH, .body = body, .idempotency_key = key, .wait = true};
	char id[UUID_TEXT_SIZE];

	if (command(http, &request, id, err) != ERR_NONE) {
		if (err->class == ERR_RETRY)
			(void)err_wrap(err,
			    "whether it was started is not known, and with --idempotency-key %s "
			    "it can be said again",
			    key);
		/* Exit code 1 of who watches says that the run is over. */
		return watch ? (err->class = ERR_FATAL) : err->class;
	}
	printf("%s\n", id);
	fflush(stdout);
	return watch ? run_watch(http, id, true, err) : ERR_NONE;
}

static enum err_class
run_start(struct cli *cli, const struct cli_input *input, struct err *err)
{
	char key[IDEMPOTENCY_KEY_MAX + 1];
	struct run_http *http = NULL;
	enum err_class class;
	char *body = NULL;

	class = read_key(input->options[START_IDEMPOTENCY_KEY], key, err);
	if (class == ERR_NONE)
		class = write_start(input, &body, err);
	if (class == ERR_NONE)
		class = run_http_open(cli->url, cli->api_key, &http, err);
	if (class == ERR_NONE)
		class = start(http, body, key, input->options[START_WATCH] != NULL, err);
	run_http_free(http);
	free(body);
	return class;
}

/* ---- watch, show */

static enum err_class
run_follow(struct cli *cli, const struct cli_input *input, struct err *err)
{
	struct run_http *http = NULL;
	char id[UUID_TEXT_SIZE];
	enum err_class class;

	class = begin(cli, input, id, &http, err);
	if (class == ERR_NONE)
		class = run_watch(http, id, false, err);
	run_http_free(http);
	return class;
}

static enum err_class
print_run(const struct run_answer *answer, bool json, struct err *err)
{
	enum err_class class;
	struct buf out;

	buf_init(&out, RUN_HTTP_BODY_MAX + RUN_SHOW_MAX);
	if (json) {
		buf_append_str(&out, answer->body);
		buf_append_char(&out, '\n');
	} else {
		run_show_report(answer->json, &out);
	}
	class = print(&out, err);
	buf_release(&out);
	return class;
}

static enum err_class
run_report(struct cli *cli, const struct cli_input *input, struct err *err)
{
	char id[UUID_TEXT_SIZE], path[PATH_SIZE];
	const struct run_request request = {.path = path};
	struct run_http *http = NULL;
	struct run_answer answer = {.json = NULL};
	enum err_class class;

	class = begin(cli, input, id, &http, err);
	if (class == ERR_NONE) {
		snprintf(path, sizeof(path), RUNS_PATH "/%s", id);
		class = run_http_ask(http, &request, &answer, err);
	}
	if (class == ERR_NONE)
		class = print_run(&answer, input->options[SHOW_JSON] != NULL, err);
	json_decref(answer.json);
	run_http_free(http);
	return class;
}

/* ---- Lists */

struct table {
	const char *path;
	int64_t rows_max;
	void (*put_head)(struct buf *out);
	void (*put_row)(const json_t *row, struct buf *out);
};

/* The path of the page behind ${cursor}, or of the first.  Cursors are the API's own; one that
 * would need an escape is none. */
static enum err_class
page_path(const struct table *table, int64_t limit, struct str cursor, char ret_path[PATH_SIZE],
    struct err *err)
{
	int len;

	for (size_t i = 0; i < cursor.len; i++)
		if (memchr("&#%+", cursor.ptr[i], 4) != NULL || cursor.ptr[i] <= ' ' ||
		    cursor.ptr[i] > '~')
			return err_set(err, ERR_FATAL, "the API gave a cursor that is none");
	len = snprintf(ret_path, PATH_SIZE, "%s?limit=%lld%s%.*s", table->path, (long long)limit,
	    cursor.len > 0 ? "&cursor=" : "", STR_ARG(cursor));
	if (len < 0 || len >= PATH_SIZE)
		return err_set(err, ERR_FATAL, "the API gave a cursor that is none");
	return ERR_NONE;
}

/* Print a page; ${cursor} becomes where the next one begins, with nothing in it behind the last. */
static enum err_class
print_page(struct run_http *http, const struct table *table, int64_t limit, struct buf *cursor,
    size_t *ret_rows, struct err *err)
{
	char path[PATH_SIZE];
	const struct run_request request = {.path = path};
	struct run_answer answer;
	enum err_class class;
	const json_t *row;
	struct buf out;
	size_t i;

	if (page_path(table, limit, buf_str(cursor), path, err) != ERR_NONE ||
	    run_http_ask(http, &request, &answer, err) != ERR_NONE)
		return err->class;
	buf_init(&out, RUN_SHOW_MAX);
	if (cursor->len == 0)
		table->put_head(&out);
	json_array_foreach(json_object_get(answer.json, "data"), i, row)
	{
		table->put_row(row, &out);
	}
	*ret_rows = i;
	class = print(&out, err);
	buf_release(&out);
	buf_clear(cursor);
	buf_append_str(cursor, run_state_text(answer.json, "next_cursor"));
	json_decref(answer.json);
	return class;
}

static enum err_class
print_table(struct run_http *http, const struct table *table, struct err *err)
{
	int64_t left = table->rows_max;
	enum err_class class;
	struct buf cursor;
	size_t rows = 0;

	buf_init(&cursor, PATH_SIZE);
	do {
		class = print_page(http, table, left < PAGE ? left : PAGE, &cursor, &rows, err);
		left -= class == ERR_NONE ? (int64_t)rows : left;
	} while (left > 0 && rows > 0 && cursor.len > 0);
	buf_release(&cursor);
	return class;
}

static enum err_class
run_list(struct cli *cli, const struct cli_input *input, struct err *err)
{
	const char *limit = input->options[LIST_LIMIT];
	struct table table = {RUNS_PATH, LIST_UNLESS_TOLD, run_show_list_head, run_show_list_row};
	struct run_http *http = NULL;
	enum err_class class;

	if (limit != NULL && !str_read_int64(str_from(limit), 1, LIST_MAX, &table.rows_max))
		return err_set(
		    err, ERR_FATAL, "--limit: \"%s\" is no number from 1 to %d", limit, LIST_MAX);
	class = run_http_open(cli->url, cli->api_key, &http, err);
	if (class == ERR_NONE)
		class = print_table(http, &table, err);
	run_http_free(http);
	return class;
}

static enum err_class
run_failures(struct cli *cli, const struct cli_input *input, struct err *err)
{
	char id[UUID_TEXT_SIZE], path[PATH_SIZE];
	const struct table table = {path, INT64_MAX, run_show_failure_head, run_show_failure_row};
	struct run_http *http = NULL;
	enum err_class class;

	class = begin(cli, input, id, &http, err);
	if (class == ERR_NONE) {
		snprintf(path, sizeof(path), RUNS_PATH "/%s/failures", id);
		class = print_table(http, &table, err);
	}
	run_http_free(http);
	return class;
}

/* ---- pause, resume, cancel */

static enum err_class
steer(struct cli *cli, const struct cli_input *input, const char *verb, struct err *err)
{
	char id[UUID_TEXT_SIZE], changed_id[UUID_TEXT_SIZE], path[PATH_SIZE];
	const struct run_request request = {.path = path, .body = "{}", .wait = true};
	struct run_http *http = NULL;
	enum err_class class;

	class = begin(cli, input, id, &http, err);
	if (class == ERR_NONE) {
		snprintf(path, sizeof(path), RUNS_PATH "/%s/%s", id, verb);
		class = command(http, &request, changed_id, err);
	}
	run_http_free(http);
	return class;
}

static enum err_class
run_pause(struct cli *cli, const struct cli_input *input, struct err *err)
{
	return steer(cli, input, "pause", err);
}

static enum err_class
run_resume(struct cli *cli, const struct cli_input *input, struct err *err)
{
	return steer(cli, input, "resume", err);
}

static enum err_class
run_cancel(struct cli *cli, const struct cli_input *input, struct err *err)
{
	return steer(cli, input, "cancel", err);
}

#define WITH_ID .positionals_min = 1, .positionals_max = 1

const struct cli_command run_commands[] = {
    {"run", "start",
	"[--as-of TIME] [--dry-run] [--invoices-max N] [--watch] [--idempotency-key KEY]",
	"start a billing run: all that is due up to TIME (now unless told), or with --dry-run only "
	"the report of it; print its id",
	.options = {{"--as-of", OPTION_OPTIONAL}, {"--dry-run", OPTION_FLAG},
	    {"--invoices-max", OPTION_OPTIONAL}, {"--watch", OPTION_FLAG},
	    {"--idempotency-key", OPTION_OPTIONAL}},
	.run = run_start},
    {"run", "watch", "ID",
	"watch a run until it is over, and show its report; exit code 1 when something failed, the "
	"books are unbalanced or it was canceled, 2 when it could not be watched, 3 when stopped",
	WITH_ID, .run = run_follow},
    {"run", "list", "[--limit N]", "list the newest runs, 20 unless told",
	.options = {{"--limit", OPTION_OPTIONAL}}, .run = run_list},
    {"run", "show", "ID [--json]", "show a run's report, or what the API says",
	.options = {{"--json", OPTION_FLAG}}, WITH_ID, .run = run_report},
    {"run", "failures", "ID", "list the subscriptions that a run could not bill, and why", WITH_ID,
	.run = run_failures},
    {"run", "pause", "ID", "let a run rest, until it is resumed", WITH_ID, .run = run_pause},
    {"run", "resume", "ID", "let a paused run go on", WITH_ID, .run = run_resume},
    {"run", "cancel", "ID", "end a run for good: what it has billed stays billed", WITH_ID,
	.run = run_cancel},
    {.noun = NULL},
};
