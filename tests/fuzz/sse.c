/*
 * A stream of server-sent events: the first byte is how many bytes come at a time, the rest is the
 * stream.
 *
 * However the bytes come, the events are the same; a name is none that is longer than it may be, no
 * line end is left in one, and what was said again by us is read as the same event.
 */

#include "cli/sse.h"

#include "tests/fuzz/fuzz.h"

#define STEPS 64

/* What was read, as one text: names and data with their lengths, which leave no doubt. */
struct story {
	struct buf text;
	enum sse_result result;
	int64_t retry_ms;
};

static void
check_event(const struct sse_event *event)
{
	CHECK(event->name.len > 0 && event->name.len <= SSE_NAME_MAX);
	CHECK(event->data.len < SSE_EVENT_MAX);
	CHECK(memchr(event->name.ptr, '\n', event->name.len) == NULL);
	CHECK(memchr(event->name.ptr, '\r', event->name.len) == NULL);
	CHECK(event->data.len == 0 || memchr(event->data.ptr, '\r', event->data.len) == NULL);
}

/* Read ${stream}, ${step} bytes at a time. */
static void
tell(struct str stream, size_t step, struct story *ret_story)
{
	struct sse_event event;
	struct sse sse;

	buf_init(&ret_story->text, (size_t)1024 * 1024);
	ret_story->result = SSE_MORE;
	sse_init(&sse);
	while (stream.len > 0 && ret_story->result != SSE_BROKEN) {
		struct str bytes = {stream.ptr, stream.len < step ? stream.len : step};

		stream = (struct str){stream.ptr + bytes.len, stream.len - bytes.len};
		while ((ret_story->result = sse_read(&sse, &bytes, &event)) == SSE_EVENT) {
			check_event(&event);
			buf_printf(&ret_story->text, "%zu %zu ", event.name.len, event.data.len);
			buf_append_str(&ret_story->text, event.name);
			buf_append_str(&ret_story->text, event.data);
		}
		CHECK(ret_story->result == SSE_BROKEN || bytes.len == 0);
	}
	CHECK(!ret_story->text.overflow);
	CHECK(sse.retry_ms >= -1 && sse.retry_ms <= SSE_RETRY_MAX_MS);
	ret_story->retry_ms = sse.retry_ms;
	sse_release(&sse);
}

/* ${data} as an event that we write ourselves: what is read of it is ${data}. */
static void
repeat(struct str data)
{
	struct sse_event event;
	struct str bytes;
	struct buf text;
	struct sse sse;

	buf_init(&text, (size_t)1024 * 1024);
	buf_append_str(&text, STR("data: "));
	for (size_t i = 0; i < data.len; i++) {
		if (data.ptr[i] == '\r')
			continue;
		buf_append_char(&text, data.ptr[i]);
		if (data.ptr[i] == '\n')
			buf_append_str(&text, STR("data: "));
	}
	buf_append_str(&text, STR("\n\n"));
	CHECK(!text.overflow);
	bytes = buf_str(&text);
	sse_init(&sse);
	CHECK(sse_read(&sse, &bytes, &event) == SSE_EVENT);
	for (size_t i = 0, at = 0; i < data.len; i++)
		CHECK(data.ptr[i] == '\r' || event.data.ptr[at++] == data.ptr[i]);
	CHECK(sse_read(&sse, &bytes, &event) == SSE_MORE && bytes.len == 0);
	sse_release(&sse);
	buf_release(&text);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct str stream = {(const char *)bytes, len};
	size_t step = fuzz_pick(&stream, STEPS) + 1;
	struct story whole, parts;

	tell(stream, stream.len, &whole);
	tell(stream, step, &parts);
	CHECK(whole.result == parts.result && whole.retry_ms == parts.retry_ms);
	CHECK(whole.text.len == parts.text.len);
	CHECK(whole.text.len == 0 || memcmp(whole.text.ptr, parts.text.ptr, whole.text.len) == 0);
	buf_release(&whole.text);
	buf_release(&parts.text);
	repeat(stream);
	return 0;
}
