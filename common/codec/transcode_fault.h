#ifndef COMMON_CODEC_TRANSCODE_FAULT_H
#define COMMON_CODEC_TRANSCODE_FAULT_H

/*
 * Where the walk of a body stands, and faults at that place.  For transcode*.c only.
 */

#include "common/codec/transcode.h"

/* One step into the body.  A chain on the stack: it becomes text only when there is a fault. */
struct place {
	const struct place *up; /* NULL: the whole body */
	struct str name;        /* a member's; none for an item of an array */
	size_t index;
};

/**
 * fault_at(faults, place, format, ...):
 * Note a fault at ${place}.
 */
void fault_at(struct faults *faults, const struct place *place, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
