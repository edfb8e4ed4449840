#include "common/base/daemon.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop_wanted;

static void
stop_on_signal(int signal_number)
{
	(void)signal_number;
	if (stop_wanted)
		_exit(EXIT_STOPPED);
	stop_wanted = 1;
}

static void
watchdog_on_alarm(int signal_number)
{
	static const char line[] =
	    "{\"level\":\"panic\",\"event\":\"the watchdog found the main loop standing still\"}\n";

	(void)signal_number;
	if (write(STDERR_FILENO, line, sizeof(line) - 1) < 0)
		_exit(EXIT_STOPPED);
	_exit(EXIT_STOPPED);
}

static enum err_class
signal_catch(int signal_number, void (*handler)(int), struct err *err)
{
	struct sigaction action = {.sa_handler = handler};

	sigemptyset(&action.sa_mask);
	if (sigaction(signal_number, &action, NULL) != 0)
		return err_set(err, ERR_FATAL, "sigaction(%d): %s", signal_number, strerror(errno));
	return ERR_NONE;
}

enum err_class
daemon_init(struct err *err)
{
	if (signal_catch(SIGTERM, stop_on_signal, err) != ERR_NONE ||
	    signal_catch(SIGINT, stop_on_signal, err) != ERR_NONE ||
	    signal_catch(SIGALRM, watchdog_on_alarm, err) != ERR_NONE ||
	    signal_catch(SIGPIPE, SIG_IGN, err) != ERR_NONE)
		return err->class;
	if (sodium_init() < 0)
		return err_set(err, ERR_FATAL, "libsodium found no source of randomness");
	return ERR_NONE;
}

bool
daemon_stopping(void)
{
	return stop_wanted != 0;
}

void
daemon_stop(void)
{
	stop_wanted = 1;
}

void
daemon_watchdog(unsigned seconds)
{
	alarm(seconds);
}

static int64_t
clock_us(clockid_t clock)
{
	struct timespec now;

	CHECK(clock_gettime(clock, &now) == 0);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
clock_now_ms(void)
{
	return clock_us(CLOCK_REALTIME) / 1000;
}

int64_t
clock_steady_ms(void)
{
	return clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t
clock_steady_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

struct timespec
clock_steady_after(int64_t ms)
{
	int64_t at_us = clock_us(CLOCK_MONOTONIC) + ms * 1000;

	CHECK(ms >= 0);
	return (struct timespec){
	    .tv_sec = at_us / 1000000, .tv_nsec = (long)(at_us % 1000000) * 1000};
}
