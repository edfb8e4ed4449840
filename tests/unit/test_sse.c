#include "cli/sse.h"

#include "tests/unit/unit.h"

#define EVENTS_MAX 4

struct stream_row {
	const char *name;
	const char *bytes;
	struct {
		const char *name, *data;
	} events[EVENTS_MAX];
	int64_t retry_ms; /* 0: as nothing was said */
};

static const struct stream_row stream_rows[] = {
    {"nothing", "", {{0}}, 0},
    {"one event", "data: a\n\n", {{"message", "a"}}, 0},
    {"an event that has not ended", "data: a\n", {{0}}, 0},
    {"a line that has not ended", "data: a\n\ndata: b", {{"message", "a"}}, 0},
    {"line feeds", "event: x\ndata: a\n\ndata: b\n\n", {{"x", "a"}, {"message", "b"}}, 0},
    {"CR LF", "event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", {{"x", "a"}, {"message", "b"}}, 0},
    {"CR", "event: x\rdata: a\r\rdata: b\r\r", {{"x", "a"}, {"message", "b"}}, 0},
    {"all of them", "data: a\rdata: b\ndata: c\r\n\n", {{"message", "a\nb\nc"}}, 0},
    {"CR, then LF: one line end", "data: a\r\n\r\n\r\ndata: b\n\n",
	{{"message", "a"}, {"message", "b"}}, 0},
    {"LF, then CR: two", "data: a\n\rdata: b\n\r", {{"message", "a"}, {"message", "b"}}, 0},
    {"several data lines", "data: a\ndata:\ndata: c\n\n", {{"message", "a\n\nc"}}, 0},
    {"one space is no data", "data:a\ndata: a\ndata:  a\n\n", {{"message", "a\na\n a"}}, 0},
    {"data without a value", "data\n\n", {{"message", ""}}, 0},
    {"data twice without one", "data\ndata\n\n", {{"message", "\n"}}, 0},
    {"comments", ":\n\n: heartbeat\n\ndata: a\n: b\ndata: c\n\n", {{"message", "a\nc"}}, 0},
    {"a name without data is no event, and forgotten", "event: x\n\ndata: a\n\n",
	{{"message", "a"}}, 0},
    {"the last name counts", "event: x\nevent: y\ndata: a\n\n", {{"y", "a"}}, 0},
    {"an empty name is none", "event: x\nevent:\ndata: a\n\n", {{"message", "a"}}, 0},
    {"what is unknown is skipped", "id: 7\nfoo: b\nbar\nDATA: x\n data: x\ndata: a\n\n",
	{{"message", "a"}}, 0},
    {"colons in data", "data: {\"a\": \"b:c\"}\n\n", {{"message", "{\"a\": \"b:c\"}"}}, 0},
    {"retry", "retry: 1500\n\n", {{0}}, 1500},
    {"retry within an event", "data: a\nretry:20\n\n", {{"message", "a"}}, 20},
    {"retry that is no number", "retry: 1s\nretry:\nretry: -1\nretry: 99999999999\n\n", {{0}}, 0},
    {"a mark of UTF-8 first",
	"\xef\xbb\xbf"
	"data: a\n\n",
	{{"message", "a"}}, 0},
    {"a mark of UTF-8 later",
	"data: a\n\n\xef\xbb\xbf"
	"data: b\n\n",
	{{"message", "a"}}, 0},
    {"nothing but the mark", "\xef\xbb\xbf\n\ndata: a\n\n", {{"message", "a"}}, 0},
    {"blank lines", "\n\n\r\n\r\r\ndata: a\n\n\n\n", {{"message", "a"}}, 0},
    {"four events", "data:1\n\ndata:2\n\ndata:3\n\ndata:4\n\n",
	{{"message", "1"}, {"message", "2"}, {"message", "3"}, {"message", "4"}}, 0},
};

/* Read ${bytes}, which follow events that were read before. */
static void
read_part(struct sse *sse, struct str bytes, const struct stream_row *row, size_t *events)
{
	struct sse_event event;
	enum sse_result result;

	while ((result = sse_read(sse, &bytes, &event)) == SSE_EVENT) {
		ck_assert_msg(*events < EVENTS_MAX && row->events[*events].name != NULL,
		    "%s: an event too many", row->name);
		unit_assert_str(event.name, row->events[*events].name, row->name);
		unit_assert_str(event.data, row->events[*events].data, row->name);
		++*events;
	}
	ck_assert_msg(result == SSE_MORE && bytes.len == 0, "%s", row->name);
}

/* Behind the last part. */
static void
assert_done(struct sse *sse, const struct stream_row *row, size_t events)
{
	ck_assert_msg(events == EVENTS_MAX || row->events[events].name == NULL,
	    "%s: %zu events only", row->name, events);
	ck_assert_msg(sse->retry_ms == (row->retry_ms == 0 ? -1 : row->retry_ms), "%s", row->name);
	sse_release(sse);
}

/* In one piece, in two parts however it is cut, and byte by byte. */
START_TEST(test_streams)
{
	const struct stream_row *row = &stream_rows[_i];
	struct str bytes = str_from(row->bytes);
	struct sse sse;

	for (size_t cut = 0; cut <= bytes.len; cut++) {
		size_t events = 0;

		sse_init(&sse);
		read_part(&sse, (struct str){bytes.ptr, cut}, row, &events);
		read_part(&sse, (struct str){bytes.ptr + cut, bytes.len - cut}, row, &events);
		assert_done(&sse, row, events);
	}
}
END_TEST

START_TEST(test_byte_by_byte)
{
	const struct stream_row *row = &stream_rows[_i];
	struct str bytes = str_from(row->bytes);
	size_t events = 0;
	struct sse sse;

	sse_init(&sse);
	for (size_t i = 0; i < bytes.len; i++)
		read_part(&sse, (struct str){bytes.ptr + i, 1}, row, &events);
	assert_done(&sse, row, events);
}
END_TEST

START_TEST(test_bytes_of_any_value)
{
	static const char bytes[] = "data: a\0b\xff\n\n";
	struct str left = {bytes, sizeof(bytes) - 1};
	struct sse_event event;
	struct sse sse;

	sse_init(&sse);
	ck_assert_int_eq(sse_read(&sse, &left, &event), SSE_EVENT);
	ck_assert_uint_eq(event.data.len, 4);
	ck_assert_mem_eq(event.data.ptr, "a\0b\xff", 4);
	sse_release(&sse);
}
END_TEST

/* Feed ${text} ${times}, then ${end}; what comes of that. */
static enum sse_result
feed(struct sse *sse, struct str text, size_t times, struct str end)
{
	enum sse_result result = SSE_MORE;
	struct sse_event event;

	for (size_t i = 0; i < times && result == SSE_MORE; i++) {
		struct str left = text;

		result = sse_read(sse, &left, &event);
	}
	return result == SSE_MORE ? sse_read(sse, &end, &event) : result;
}

#define LINE_OF_128                                                        \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NAME_MAX_LONG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *name;
	const char *text; /* so often, */
	size_t times;
	const char *end; /* and this behind it */
	enum sse_result result;
} bound_rows[] = {
    {"a line of the maximum", LINE_OF_128, SSE_EVENT_MAX / 128, "\n\n", SSE_MORE},
    {"a line that is longer", LINE_OF_128, SSE_EVENT_MAX / 128, "a", SSE_BROKEN},
    {"a comment that is longer", ":" LINE_OF_128, SSE_EVENT_MAX / 128, "\n\n", SSE_BROKEN},
    {"an event of the maximum", "data: aaaaaaaaaaaaaaa\n", SSE_EVENT_MAX / 16, "\n", SSE_EVENT},
    {"an event that is larger", "data: aaaaaaaaaaaaaaa\n", SSE_EVENT_MAX / 16, "data\n\n",
	SSE_BROKEN},
    {"a name of the maximum", "", 0, "event: " NAME_MAX_LONG "\ndata\n\n", SSE_EVENT},
    {"a name that is longer", "", 0, "event: " NAME_MAX_LONG "a\ndata\n\n", SSE_BROKEN},
};

START_TEST(test_bounds)
{
	struct str more = STR("data: a\n\n");
	struct sse_event event;
	struct sse sse;

	sse_init(&sse);
	ck_assert_msg(feed(&sse, str_from(bound_rows[_i].text), bound_rows[_i].times,
			  str_from(bound_rows[_i].end)) == bound_rows[_i].result,
	    "%s", bound_rows[_i].name);
	/* It stays broken, and all else goes on. */
	ck_assert_msg(sse_read(&sse, &more, &event) ==
			  (bound_rows[_i].result == SSE_BROKEN ? SSE_BROKEN : SSE_EVENT),
	    "%s", bound_rows[_i].name);
	sse_release(&sse);
}
END_TEST

START_TEST(test_release_nothing)
{
	struct sse zeroed = {.begun = false};

	sse_release(NULL);
	sse_release(&zeroed);
}
END_TEST

UNIT_MAIN("sse", UNIT_ROWS(test_streams, stream_rows), UNIT_ROWS(test_byte_by_byte, stream_rows),
    UNIT(test_bytes_of_any_value), UNIT_ROWS(test_bounds, bound_rows), UNIT(test_release_nothing))
