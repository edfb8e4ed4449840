#ifndef API_SSE_EVENT_H
#define API_SSE_EVENT_H

/*
 * A server-sent event as it goes over a stream, made once and shared by all who are told it.
 * Thread-safe by its count of holders; its bytes never change.
 */

#include <stdatomic.h>
#include <stdbool.h>

#include "common/base/str.h"

struct sse_event {
	atomic_int holders;
	bool over;  /* nothing comes behind it */
	size_t len; /* 0: what was followed is not there any more */
	char bytes[];
};

/**
 * sse_event_new(name, id, json, over):
 * An event called ${name}, with ${id}, whose data is ${json}; a line's end within it, where it has
 * one, is space between two words of it.  Without ${json}: the event of what is gone.  The caller
 * holds it.  NULL: it would be longer than an answer may be, or there is no memory.
 */
NODISCARD struct sse_event *sse_event_new(
    const char *name, const char *id, struct str json, bool over);

/**
 * sse_event_hold(event), sse_event_release(event):
 * One more holds ${event}, one less; the last one gives it back.  NULL is fine.
 */
void sse_event_hold(struct sse_event *event);
void sse_event_release(struct sse_event *event);

#endif
