#ifndef CLI_SSE_H
#define CLI_SSE_H

/*
 * Server-sent events (text/event-stream, WHATWG HTML): bytes as they come from the network, in
 * events.  Pure but for the memory of what has not ended yet.  Knows `event`, `data` and `retry`;
 * comments, `id` and whatever else there is are skipped: who reconnects is told the whole state.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

#define SSE_EVENT_MAX ((size_t)8 * 1024 * 1024) /* bytes of one line, and of one event's data */
#define SSE_NAME_MAX 64                         /* bytes of an event's name */
#define SSE_RETRY_MAX_MS 60000

struct sse {
	struct buf line;  /* that has not ended yet */
	struct buf data;  /* of the event that has not ended yet; a line feed behind each line */
	struct buf name;  /* likewise; empty: it is "message" */
	bool begun;       /* a line was read: what marks UTF-8 may stand before the first */
	bool after_cr;    /* a line feed that comes next belongs to the line end before */
	bool given;       /* `data` and `name` were given out */
	int64_t retry_ms; /* that the server wants before a reconnect; -1: it said nothing */
};

struct sse_event {
	struct str name;
	struct str data; /* lines, parted by line feeds */
};

enum sse_result {
	SSE_MORE,   /* all was read, and no event has ended */
	SSE_EVENT,  /* one has ended; there may be more to read */
	SSE_BROKEN, /* a line, an event or a name passes its maximum, or memory is out: give the
		       stream up */
};

/**
 * sse_init(sse), sse_release(sse):
 * Begin a stream; free what it holds.  Release accepts NULL and a zeroed one.
 */
void sse_init(struct sse *sse);
void sse_release(struct sse *sse);

/**
 * sse_read(sse, bytes, ret_event):
 * Read on in ${bytes}, which becomes what is left.  With SSE_EVENT, ${ret_event} is the event,
 * valid until the next call.  An event that the stream's end cuts off is none.
 */
NODISCARD enum sse_result sse_read(struct sse *sse, struct str *bytes, struct sse_event *ret_event);

#endif
