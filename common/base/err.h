#ifndef COMMON_BASE_ERR_H
#define COMMON_BASE_ERR_H

/*
 * Operating errors: the environment failed, and the class says what to do about it.  Not for bugs
 * (CHECK) nor for a request that the rules refuse (domain/refusal.h).  Code below a main loop fills
 * one and returns its class; the loop logs it, once.
 */

#include "common/base/check.h"

enum err_class {
	ERR_NONE = 0, /* all went well; never in a filled struct err */
	ERR_RETRY,    /* the same again may succeed: roll back, back off, try again */
	ERR_POISON,   /* this input can never succeed here: set it aside, go on with the next */
	ERR_FATAL,    /* this process cannot go on: exit, let the supervisor start another */
};

#define ERR_TEXT_SIZE 400

struct err {
	enum err_class class;     /* what to do; the only field to branch on */
	char sqlstate[6];         /* PostgreSQL's code, or "" */
	char constraint[64];      /* the constraint that PostgreSQL named, or "" */
	char text[ERR_TEXT_SIZE]; /* one line for an operator: what failed, and what it failed on */
};

/**
 * err_set(err, class, format, ...):
 * Fill ${err} and return ${class}, which is not ERR_NONE.
 */
enum err_class err_set(struct err *err, enum err_class class, const char *format, ...)
    PRINTF_LIKE(3, 4);

/**
 * err_wrap(err, format, ...):
 * Put "context: " before the text of the filled ${err} and return its class.
 */
enum err_class err_wrap(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
