/* Server-sent events, line by line. */

#include "cli/sse.h"

#define BYTE_ORDER_MARK STR("\xef\xbb\xbf")

void
sse_init(struct sse *sse)
{
	*sse = (struct sse){.retry_ms = -1};
	buf_init(&sse->line, SSE_EVENT_MAX);
	buf_init(&sse->data, SSE_EVENT_MAX);
	buf_init(&sse->name, SSE_NAME_MAX);
}

void
sse_release(struct sse *sse)
{
	if (sse == NULL)
		return;
	buf_release(&sse->line);
	buf_release(&sse->data);
	buf_release(&sse->name);
}

static void
begin_event(struct sse *sse)
{
	buf_clear(&sse->data);
	buf_clear(&sse->name);
	sse->given = false;
}

/* How many bytes stand before the next line end, or in all. */
static size_t
line_len(struct str bytes)
{
	size_t len = 0;

	while (len < bytes.len && bytes.ptr[len] != '\r' && bytes.ptr[len] != '\n')
		len++;
	return len;
}

static struct str
behind(struct str text, size_t len)
{
	return (struct str){text.ptr + len, text.len - len};
}

static bool
begins_with(struct str text, struct str head)
{
	return text.len >= head.len && str_equal((struct str){text.ptr, head.len}, head);
}

static void
take_field(struct sse *sse, struct str name, struct str value)
{
	int64_t ms;

	if (str_equal(name, STR("data"))) {
		buf_append_str(&sse->data, value);
		buf_append_char(&sse->data, '\n');
	} else if (str_equal(name, STR("event"))) {
		buf_clear(&sse->name);
		buf_append_str(&sse->name, value);
	} else if (str_equal(name, STR("retry")) && value.len > 0 && value.ptr[0] != '-') {
		if (str_read_int64(value, 0, SSE_RETRY_MAX_MS, &ms))
			sse->retry_ms = ms;
	}
}

/* "name: value", "name", or with nothing before the colon a comment. */
static void
take_line(struct sse *sse, struct str line)
{
	const char *colon = memchr(line.ptr, ':', line.len);
	struct str name = line, value = STR("");

	if (colon != NULL) {
		name.len = (size_t)(colon - line.ptr);
		value = behind(line, name.len + 1);
		if (begins_with(value, STR(" ")))
			value = behind(value, 1);
	}
	take_field(sse, name, value);
}

/* A line has ended; an empty one ends an event, unless nothing was said in it. */
static bool
end_line(struct sse *sse)
{
	struct str whole = buf_str(&sse->line);
	bool marked = !sse->begun && begins_with(whole, BYTE_ORDER_MARK);
	struct str line = behind(whole, marked ? BYTE_ORDER_MARK.len : 0);

	sse->begun = true;
	if (line.len > 0)
		take_line(sse, line);
	buf_clear(&sse->line);
	if (line.len > 0)
		return false;
	if (sse->data.len > 0)
		return true;
	begin_event(sse);
	return false;
}

static bool
is_broken(const struct sse *sse)
{
	return sse->line.overflow || sse->data.overflow || sse->name.overflow;
}

enum sse_result
sse_read(struct sse *sse, struct str *bytes, struct sse_event *ret_event)
{
	bool ended;

	if (sse->given)
		begin_event(sse);
	while (bytes->len > 0 && !is_broken(sse)) {
		/* The second half of a CR LF ends nothing more. */
		bool is_second = sse->after_cr && bytes->ptr[0] == '\n';
		size_t len = line_len(*bytes);

		sse->after_cr = false;
		buf_append(&sse->line, bytes->ptr, len);
		*bytes = behind(*bytes, len);
		if (bytes->len == 0 || sse->line.overflow)
			continue;
		sse->after_cr = bytes->ptr[0] == '\r';
		*bytes = behind(*bytes, 1);
		ended = !is_second && end_line(sse);
		if (!ended || is_broken(sse))
			continue;
		/* Without the line feed behind the last line. */
		*ret_event = (struct sse_event){buf_str(&sse->name), buf_str(&sse->data)};
		ret_event->data.len--;
		if (ret_event->name.len == 0)
			ret_event->name = STR("message");
		sse->given = true;
		return SSE_EVENT;
	}
	return is_broken(sse) ? SSE_BROKEN : SSE_MORE;
}
