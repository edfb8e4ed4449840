#include "api/sse_event.h"

#include <stdlib.h>

#include "api/request.h"
#include "common/base/check.h"

#define HEAD_SIZE 128

struct sse_event *
sse_event_new(const char *name, const char *id, struct str json, bool over)
{
	struct sse_event *event;
	char head[HEAD_SIZE];
	size_t head_len = 0;

	if (json.len > ANSWER_MAX)
		return NULL;
	if (json.ptr != NULL) {
		head_len =
		    (size_t)snprintf(head, sizeof(head), "event: %s\nid: %s\ndata: ", name, id);
		CHECK(head_len < sizeof(head));
	}
	event = malloc(sizeof(*event) + head_len + json.len + 2);
	if (event == NULL)
		return NULL;
	*event = (struct sse_event){.holders = 1, .over = over};
	if (json.ptr == NULL)
		return event;
	memcpy(event->bytes, head, head_len);
	memcpy(event->bytes + head_len, json.ptr, json.len);
	for (size_t i = head_len; i < head_len + json.len; i++)
		if (event->bytes[i] == '\n' || event->bytes[i] == '\r')
			event->bytes[i] = ' ';
	event->len = head_len + json.len;
	event->bytes[event->len++] = '\n';
	event->bytes[event->len++] = '\n';
	return event;
}

void
sse_event_hold(struct sse_event *event)
{
	if (event != NULL)
		atomic_fetch_add(&event->holders, 1);
}

void
sse_event_release(struct sse_event *event)
{
	if (event != NULL && atomic_fetch_sub(&event->holders, 1) == 1)
		free(event);
}
