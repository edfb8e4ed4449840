#ifndef API_ARGUMENTS_H
#define API_ARGUMENTS_H

/*
 * The query string: each route knows its parameters, and any other is refused, so that a misspelt
 * one is not silently without effect.
 */

#include "api/request.h"

#define PAGE_ROWS_MAX 100
#define PAGE_ROWS 20                             /* unless told */
#define PAGE_BYTES_MAX ((size_t)4 * 1024 * 1024) /* a page of large rows ends earlier */

enum argument {
	ARGUMENT_LIMIT,
	ARGUMENT_CURSOR,
	ARGUMENT_AFTER,
	ARGUMENT_MAX,
};

struct arguments {
	struct str values[ARGUMENT_MAX];       /* none: not given */
	struct str filters[ROUTE_FILTERS_MAX]; /* likewise, those of the route */
	int32_t limit;
};

/**
 * arguments_read(request, allowed, ret_arguments):
 * Read the query string of ${request}, which may have the parameters in the bits of ${allowed}, and
 * the filters of its route.
 * False when an answer that refuses is noted.
 */
NODISCARD bool arguments_read(
    struct request *request, unsigned allowed, struct arguments *ret_arguments);

/**
 * percent_decode(text, arena, ret_text):
 * Undo %xx.  False, ${ret_text} untouched, when an escape is malformed or memory is out.
 */
NODISCARD bool percent_decode(struct str text, struct arena *arena, struct str *ret_text);

#endif
