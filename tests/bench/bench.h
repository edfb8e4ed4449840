#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

/*
 * What the programs of the benchmark share: their arguments, a failure that ends them, and times
 * that are kept to be printed.  Each program measures one thing and prints one JSON object.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/base/check.h"
#include "common/base/str.h"
#include "common/base/uuid.h"

/**
 * bench_die(format, ...):
 * Say on stderr what went wrong, and end the program: nothing was measured.
 */
__attribute__((noreturn)) void bench_die(const char *format, ...) PRINTF_LIKE(1, 2);

/**
 * bench_number(name, text, min, max), bench_uuid(name, text):
 * An argument's value; ends the program when it is none.
 */
NODISCARD int64_t bench_number(const char *name, const char *text, int64_t min, int64_t max);
NODISCARD struct uuid bench_uuid(const char *name, const char *text);

/**
 * bench_file(path):
 * All bytes of a file, with a NUL behind them that is not counted; never freed.
 */
NODISCARD struct str bench_file(const char *path);

/* Times in microseconds, one for each thing that was done. */
struct bench_times {
	size_t len, capacity;
	uint32_t *us;
};

/**
 * bench_times_add(times, us):
 * Keep one more; more than an hour counts as an hour.
 */
void bench_times_add(struct bench_times *times, int64_t us);

/**
 * bench_times_print(times):
 * Print them as a JSON array, and free them.
 */
void bench_times_print(struct bench_times *times);

#endif
