#ifndef CLI_RUN_PROGRESS_H
#define CLI_RUN_PROGRESS_H

/*
 * How fast a billing run goes, when it will be through, and one line that says so.  Pure: the clock
 * is an argument, in milliseconds of a steady one.
 */

#include "cli/run_state.h"

#define RUN_PROGRESS_WINDOW_MS 10000 /* a rate is that of about the last so many */
#define RUN_PROGRESS_SAMPLES 32
#define RUN_PROGRESS_WIDTH_MAX 500

/* How far it was at a moment. */
struct run_sample {
	int64_t at_ms;
	int64_t done;     /* subscriptions */
	int64_t invoiced; /* invoices */
};

struct run_progress {
	struct run_sample samples[RUN_PROGRESS_SAMPLES]; /* the oldest first */
	size_t samples_len;
};

/**
 * run_progress_note(progress, state, now_ms):
 * Take down how far the run is.  ${progress} begins zeroed.
 */
void run_progress_note(
    struct run_progress *progress, const struct run_state *state, int64_t now_ms);

/**
 * run_progress_rate(progress, now_ms):
 * Invoices a second of late, up to ${now_ms}: it sinks while nothing more is heard.  0 until two
 * moments are known.
 */
NODISCARD int64_t run_progress_rate(const struct run_progress *progress, int64_t now_ms);

/**
 * run_progress_left_s(progress, state, now_ms):
 * The seconds that the rest of the subscriptions will take at the pace of late; -1 when that cannot
 * be said: it does not run, nothing goes on, or a part has not begun, so that not all is counted.
 */
NODISCARD int64_t run_progress_left_s(
    const struct run_progress *progress, const struct run_state *state, int64_t now_ms);

/**
 * run_progress_percent(state):
 * How much is done, 0 to 100, rounded down: 100 is said of a finished run alone.  -1 while nothing
 * was counted.
 */
NODISCARD int run_progress_percent(const struct run_state *state);

/**
 * run_progress_line(progress, state, now_ms, width, out):
 * Append a line for a terminal of ${width} columns, shorter by one at least: status, bar, per cent,
 * counts, rate, time left, failures, amounts; from the right, what has no room is left out.  Width
 * 0 is a log without a bar and without end.
 */
void run_progress_line(const struct run_progress *progress, const struct run_state *state,
    int64_t now_ms, size_t width, struct buf *out);

#endif
