#include "common/base/check.h"

#include <stdio.h>
#include <stdlib.h>

static void (*before_abort)(void);

void
check_before_abort(void (*last_words)(void))
{
	before_abort = last_words;
}

void
check_failed(const char *expr, const char *file, int line)
{
	if (before_abort != NULL)
		before_abort();
	fprintf(stderr, "{\"level\":\"panic\",\"check\":\"%s\",\"file\":\"%s\",\"line\":%d}\n",
	    expr, file, line);
	abort();
}
