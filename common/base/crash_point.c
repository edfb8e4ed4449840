#include "common/base/crash_point.h"

#include <signal.h>
#include <stdatomic.h>

void
crash_point(const char *name)
{
	static atomic_long passed;
	const char *told = getenv("BILLD_CRASH");
	size_t len = strlen(name);

	if (told == NULL || strncmp(told, name, len) != 0 || told[len] != ':')
		return;
	if (++passed == strtol(told + len + 1, NULL, 10))
		raise(SIGKILL);
}

void
crash_trap(struct str text)
{
	const char *told = getenv("BILLD_ABORT_ON");

	CHECK(told == NULL || !str_equal(text, str_from(told)));
}
