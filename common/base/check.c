#include "common/base/check.h"

#include <stdio.h>
#include <stdlib.h>

void
check_failed(const char *expr, const char *file, int line)
{
	fprintf(stderr, "{\"level\":\"panic\",\"check\":\"%s\",\"file\":\"%s\",\"line\":%d}\n",
	    expr, file, line);
	abort();
}
