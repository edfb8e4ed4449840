/* billd run watch: a stream of events, a line about it, and the report. */

#include "cli/run_watch.h"

#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/run_progress.h"
#include "cli/run_show.h"
#include "cli/sse.h"
#include "common/base/daemon.h"
#include "common/base/instant.h"

#define PATH_SIZE 96
#define LINE_MAX_BYTES 4096
#define NAP_MS 100
#define WIDTH_UNLESS_KNOWN 80
#define ERASE_REST "\033[K"

struct watch {
	struct run_http *http;
	char path[PATH_SIZE];
	bool terminal; /* stdout is one that can write over a line */
	struct sse sse;
	struct run_progress progress;
	json_t *run;            /* as it was told last; NULL: nothing yet */
	struct run_state state; /* of it */
	int failures;           /* to connect, one after the other */
	struct buf line;
};

/* ---- What is shown */

static bool
is_terminal(void)
{
	const char *kind = getenv("TERM");

	return isatty(STDOUT_FILENO) && kind != NULL && strcmp(kind, "dumb") != 0;
}

static size_t
terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return WIDTH_UNLESS_KNOWN;
	return size.ws_col < RUN_PROGRESS_WIDTH_MAX ? size.ws_col : RUN_PROGRESS_WIDTH_MAX;
}

/* Print watch->line: over the last one, or with the time below it. */
static void
print_line(struct watch *watch)
{
	char now[INSTANT_TEXT_SIZE];

	if (watch->terminal) {
		printf("\r%.*s" ERASE_REST, STR_ARG(buf_str(&watch->line)));
	} else {
		instant_write(instant_from_ms(clock_now_ms()), now);
		printf("%s  %.*s\n", now, STR_ARG(buf_str(&watch->line)));
	}
	fflush(stdout);
}

static void
draw(struct watch *watch)
{
	if (watch->run == NULL)
		return;
	buf_clear(&watch->line);
	run_progress_line(&watch->progress, &watch->state, clock_steady_ms(),
	    watch->terminal ? terminal_width() : 0, &watch->line);
	print_line(watch);
}

/* Say why nothing more is heard, and when it is tried again. */
static void
draw_pause(struct watch *watch, const struct err *why, int64_t pause_ms)
{
	buf_clear(&watch->line);
	buf_printf(
	    &watch->line, "again in %lld s: %s", (long long)(pause_ms + 999) / 1000, why->text);
	if (watch->terminal)
		watch->line.len = run_state_fit(buf_str(&watch->line), terminal_width() - 1).len;
	print_line(watch);
}

/* ---- What is heard */

static bool
is_change(const struct run_state *before, const struct run_state *now)
{
	return !str_equal(before->status, now->status) || before->due != now->due ||
	       before->done != now->done || before->invoiced != now->invoiced ||
	       before->failed != now->failed;
}

static enum err_class
take_event(struct watch *watch, const struct sse_event *event, struct err *err)
{
	struct run_state state;
	json_t *run;
	bool changed;

	if (!str_equal(event->name, STR("billing_run")))
		return ERR_NONE;
	run = json_loadb(event->data.ptr, event->data.len, 0, NULL);
	if (!run_state_read(run, &state)) {
		json_decref(run);
		return err_set(err, ERR_RETRY, "the API told something that is no billing run");
	}
	changed = watch->run == NULL || is_change(&watch->state, &state);
	/* The old state borrows from the old JSON. */
	json_decref(watch->run);
	watch->run = run;
	watch->state = state;
	watch->failures = 0;
	run_progress_note(&watch->progress, &state, clock_steady_ms());
	if (changed && !watch->terminal)
		draw(watch);
	return ERR_NONE;
}

static enum err_class
take_bytes(struct watch *watch, struct str bytes, struct err *err)
{
	struct sse_event event;

	for (;;)
		switch (sse_read(&watch->sse, &bytes, &event)) {
		case SSE_EVENT:
			if (take_event(watch, &event, err) != ERR_NONE)
				return err->class;
			break;
		case SSE_BROKEN:
			return err_set(err, ERR_RETRY,
			    "the API told an event of more than %zu bytes", SSE_EVENT_MAX);
		case SSE_MORE:
			return ERR_NONE;
		}
}

static bool
is_over(const struct watch *watch)
{
	return watch->run != NULL && run_state_is_over(&watch->state);
}

/* Listen until the run is over, somebody asks to stop, or nothing more is to be heard: that is
 * ERR_RETRY, too. */
static enum err_class
listen(struct watch *watch, struct err *err)
{
	int64_t retry_ms = watch->sse.retry_ms;
	bool ended = false;
	struct str bytes;

	if (run_http_listen(watch->http, watch->path, err) != ERR_NONE)
		return err->class;
	sse_release(&watch->sse);
	sse_init(&watch->sse);
	/* What the API said of reconnecting holds for the next stream, too. */
	watch->sse.retry_ms = retry_ms;
	while (!is_over(watch) && !daemon_stopping() && !ended) {
		if (run_http_hear(watch->http, RUN_WATCH_DRAW_MS, &bytes, &ended, err) !=
			ERR_NONE ||
		    take_bytes(watch, bytes, err) != ERR_NONE)
			return err->class;
		if (ferror(stdout))
			return err_set(err, ERR_FATAL, "stdout cannot be written");
		if (watch->terminal)
			draw(watch);
	}
	if (is_over(watch) || daemon_stopping())
		return ERR_NONE;
	return err_set(err, ERR_RETRY, "the API has ended the stream");
}

/* ---- Again and again */

static int64_t
pause_of(const struct watch *watch)
{
	int64_t asked_ms = run_http_retry_after_s(watch->http) * 1000;
	int64_t pause_ms = watch->sse.retry_ms >= NAP_MS ? watch->sse.retry_ms : RUN_WATCH_PAUSE_MS;

	for (int i = 1; i < watch->failures && pause_ms < RUN_WATCH_PAUSE_MAX_MS; i++)
		pause_ms *= 2;
	if (pause_ms > RUN_WATCH_PAUSE_MAX_MS)
		pause_ms = RUN_WATCH_PAUSE_MAX_MS;
	return pause_ms > asked_ms ? pause_ms : asked_ms;
}

static void
rest(int64_t pause_ms)
{
	const struct timespec nap = {.tv_nsec = NAP_MS * 1000000L};
	int64_t until_ms = clock_steady_ms() + pause_ms;

	while (clock_steady_ms() < until_ms && !daemon_stopping())
		nanosleep(&nap, NULL);
}

static enum err_class
follow(struct watch *watch, bool patient, struct err *err)
{
	int64_t pause_ms;

	while (!is_over(watch)) {
		if (listen(watch, err) != ERR_NONE) {
			if (err->class != ERR_RETRY || (watch->run == NULL && !patient))
				return err->class;
			watch->failures++;
			pause_ms = pause_of(watch);
			if (!daemon_stopping())
				draw_pause(watch, err, pause_ms);
			rest(pause_ms);
		}
		if (daemon_stopping())
			return err_set(
			    err, ERR_FATAL, "watching was stopped; the run itself goes on");
	}
	return ERR_NONE;
}

/* The last line, the report, and whether all is well. */
static enum err_class
conclude(struct watch *watch, struct err *err)
{
	const char *verdict = NULL;
	struct buf report;

	if (watch->terminal) {
		draw(watch);
		printf("\n");
	}
	buf_init(&report, RUN_SHOW_MAX);
	run_show_report(watch->run, &report);
	printf("\n%.*s", STR_ARG(buf_str(&report)));
	buf_release(&report);
	if (!run_show_verdict(watch->run, &verdict))
		return err_set(err, ERR_RETRY, "%s", verdict);
	return ERR_NONE;
}

enum err_class
run_watch(struct run_http *http, const char *id, bool patient, struct err *err)
{
	struct watch watch = {.http = http, .terminal = is_terminal()};
	enum err_class class;

	snprintf(watch.path, sizeof(watch.path), "/v1/billing-runs/%s", id);
	buf_init(&watch.line, LINE_MAX_BYTES);
	sse_init(&watch.sse);
	class = follow(&watch, patient, err);
	if (class == ERR_NONE) {
		class = conclude(&watch, err);
	} else {
		if (watch.terminal)
			printf("\n");
		/* Exit code 1 says that the run is over, and nothing else does. */
		class = err->class = ERR_FATAL;
	}
	json_decref(watch.run);
	sse_release(&watch.sse);
	buf_release(&watch.line);
	return class;
}
