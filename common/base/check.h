#ifndef COMMON_BASE_CHECK_H
#define COMMON_BASE_CHECK_H

/*
 * Checks for our own bugs, and the attributes that every header uses.
 * CHECK is on in release builds: a process that has lost its footing stops before it writes
 * anything. It is never used for bad input (a refusal) nor for a failing environment (struct err).
 */

#include "common/base/banned.h"

#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_argument) \
	__attribute__((format(printf, format_index, first_argument)))
#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/**
 * CHECK(expr):
 * If ${expr} is false, print it with its place on stderr and abort.
 */
#define CHECK(expr) ((expr) ? (void)0 : check_failed(#expr, __FILE__, __LINE__))

/**
 * check_before_abort(last_words):
 * Have ${last_words} called once before a failing CHECK aborts.
 */
void check_before_abort(void (*last_words)(void));

/**
 * check_failed(expr, file, line):
 * Print one line that names the failed expression and abort.  Does not return.
 */
__attribute__((noreturn)) void check_failed(const char *expr, const char *file, int line);

#endif
