#ifndef COMMON_BASE_DAEMON_H
#define COMMON_BASE_DAEMON_H

/*
 * The frame of a daemon: signals, a watchdog, clocks, exit codes.
 * SIGTERM or SIGINT asks for a clean stop (daemon_stopping turns true); a second one exits at once.
 */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "common/base/check.h"
#include "common/base/err.h"

/* Exit codes of all our programs. */
enum {
	EXIT_OK = 0,
	EXIT_FAULT = 1, /* the environment failed: what it was is the last log line; start again */
	EXIT_USAGE = 2, /* a setting or an argument is wrong: starting again does not help */
	EXIT_STOPPED = 3, /* stopped before it was done: a second signal, or the watchdog */
};

/**
 * daemon_init(err):
 * Catch signals, ignore SIGPIPE, open the random source of libsodium.  Before any thread starts.
 */
NODISCARD enum err_class daemon_init(struct err *err);

/**
 * daemon_stopping():
 * Whether a clean stop was asked for.
 */
NODISCARD bool daemon_stopping(void);

/**
 * daemon_stop():
 * Ask for a clean stop from inside.
 */
void daemon_stop(void);

/**
 * daemon_watchdog(seconds):
 * From now on, unless daemon_watchdog is called again within ${seconds}, the process ends with
 * EXIT_STOPPED.  0 switches it off.
 */
void daemon_watchdog(unsigned seconds);

/**
 * clock_now_ms(), clock_steady_ms():
 * Milliseconds since the epoch, for stamping what is accepted; and of a clock that never jumps, for
 * deadlines and durations.
 */
NODISCARD int64_t clock_now_ms(void);
NODISCARD int64_t clock_steady_ms(void);
NODISCARD int64_t clock_steady_us(void);

/**
 * clock_steady_after(ms):
 * The moment ${ms} (not negative) from now on that clock, to wait for a condition until.
 */
NODISCARD struct timespec clock_steady_after(int64_t ms);

#endif
