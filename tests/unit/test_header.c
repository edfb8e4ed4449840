#include "api/header.h"
#include "tests/unit/unit.h"

struct request_row {
	const char *name;
	const char *version;
	struct {
		const char *name, *value;
	} headers[4];
	bool sound;
};

static const struct request_row request_rows[] = {
    {"a host is enough", "HTTP/1.1", {{"Host", "x"}}, true},
    {"HTTP/1.0 needs no host", "HTTP/1.0", {{"Accept", "*/*"}}, true},
    {"HTTP/1.1 needs a host", "HTTP/1.1", {{"Accept", "*/*"}}, false},
    {"an empty host is none", "HTTP/1.1", {{"Host", ""}}, false},
    {"a host with a port", "HTTP/1.1", {{"Host", "[::1]:80"}}, true},
    {"a host with a space", "HTTP/1.1", {{"Host", "a b"}}, false},
    {"a host with a path", "HTTP/1.1", {{"Host", "a/b"}}, false},
    {"a host with a user", "HTTP/1.1", {{"Host", "a@b"}}, false},
    {"two expectations", "HTTP/1.1", {{"Host", "x"}, {"Expect", "a"}, {"Expect", "b"}}, false},
    {"a DEL in a value", "HTTP/1.1", {{"Host", "x"}, {"X-A", "\x7f"}}, false},
    {"another version", "HTTP/2.0", {{"Host", "x"}}, false},
    {"a length", "HTTP/1.1", {{"Host", "x"}, {"Content-Length", "12"}}, true},
    {"chunks", "HTTP/1.1", {{"Host", "x"}, {"Transfer-Encoding", "Chunked"}}, true},
    {"a length and chunks", "HTTP/1.1",
	{{"Host", "x"}, {"Content-Length", "4"}, {"transfer-encoding", "chunked"}}, false},
    {"two lengths that agree", "HTTP/1.1",
	{{"Host", "x"}, {"Content-Length", "4"}, {"content-length", "4"}}, false},
    {"two codings", "HTTP/1.1",
	{{"Host", "x"}, {"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}, false},
    {"a list of codings", "HTTP/1.1", {{"Host", "x"}, {"Transfer-Encoding", "gzip, chunked"}},
	false},
    {"chunks in HTTP/1.0", "HTTP/1.0", {{"Transfer-Encoding", "chunked"}}, false},
    {"two hosts", "HTTP/1.1", {{"Host", "x"}, {"HOST", "x"}}, false},
    {"two keys", "HTTP/1.1",
	{{"Host", "x"}, {"Authorization", "Bearer a"}, {"authorization", "Bearer b"}}, false},
    {"two idempotency keys", "HTTP/1.1",
	{{"Host", "x"}, {"Idempotency-Key", "a"}, {"Idempotency-Key", "a"}}, false},
    {"two types", "HTTP/1.1",
	{{"Host", "x"}, {"Content-Type", "application/json"}, {"Content-Type", "text/plain"}},
	false},
    {"an empty second header", "HTTP/1.1",
	{{"Host", "x"}, {"Content-Length", ""}, {"Content-Length", "4"}}, false},
    {"two preferences", "HTTP/1.1", {{"Host", "x"}, {"Prefer", "wait=1"}, {"Prefer", "wait=2"}},
	true},
    {"two lists of what is accepted", "HTTP/1.1",
	{{"Host", "x"}, {"Accept", "text/html"}, {"Accept", "*/*"}}, true},
    {"two organisations", "HTTP/1.1",
	{{"Host", "x"}, {"Billd-Organisation", "a"}, {"billd-organisation", "a"}}, false},
    {"two proxies", "HTTP/1.1", {{"Host", "x"}, {"X-Forwarded-For", "a"}, {"X-Forwarded-For", "b"}},
	true},
    {"two headers that we don't know", "HTTP/1.1", {{"Host", "x"}, {"X-A", "1"}, {"X-A", "2"}},
	true},
    {"a space before the colon", "HTTP/1.1", {{"Host", "x"}, {"Content-Length ", "4"}}, false},
    {"a tab in a name", "HTTP/1.1", {{"Host", "x"}, {"Content\tLength", "4"}}, false},
    {"a control character in a value", "HTTP/1.1", {{"Host", "x"}, {"X-A", "a\rb"}}, false},
    {"a tab in a value", "HTTP/1.1", {{"Host", "x"}, {"X-A", "a\tb"}}, true},
    {"a length with a sign", "HTTP/1.1", {{"Host", "x"}, {"Content-Length", "-4"}}, false},
    {"a length with a plus", "HTTP/1.1", {{"Host", "x"}, {"Content-Length", "+4"}}, false},
    {"a length beyond 64 bits", "HTTP/1.1",
	{{"Host", "x"}, {"Content-Length", "18446744073709551620"}}, false},
};

START_TEST(test_sound)
{
	const struct request_row *row = &request_rows[_i];
	struct headers headers = {.fault = NULL};
	const char *fault;

	for (size_t i = 0; i < ARRAY_LEN(row->headers) && row->headers[i].name != NULL; i++)
		headers_note(
		    &headers, str_from(row->headers[i].name), str_from(row->headers[i].value));
	fault = headers_fault(&headers, str_from(row->version));
	ck_assert_msg(
	    (fault == NULL) == row->sound, "%s: %s", row->name, fault == NULL ? "sound" : fault);
}
END_TEST

static const struct {
	const char *value;
	int wait_s;
} wait_rows[] = {
    {"wait=10", 10},
    {"wait=1", 1},
    {"wait=30", 30},
    {"wait=31", 30},
    {"wait=9223372036854775807", 30},
    {"wait=99999999999999999999", 0},
    {"wait=0", 0},
    {"wait=-1", 0},
    {"wait=1.5", 0},
    {"wait", 0},
    {"wait=", 0},
    {"WAIT=5", 5},
    {"wait=\"5\"", 5},
    {"wait = 5", 5},
    {"respond-async, wait=7", 7},
    {"respond-async;x=1,wait=7;y=2", 7},
    {"wait=3, wait=9", 3},
    {"waiting=3", 0},
    {"", 0},
    {",,;=", 0},
};

START_TEST(test_wait)
{
	ck_assert_msg(header_wait_s(str_from(wait_rows[_i].value)) == wait_rows[_i].wait_s, "%s",
	    wait_rows[_i].value);
	ck_assert_int_eq(header_wait_s(STR_NONE), 0);
}
END_TEST

static const struct {
	const char *value;
	bool good;
} trace_rows[] = {
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true},
    {"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false},
    {"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false},
    {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", false},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", false},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", false},
    {"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false},
    {"", false},
};

START_TEST(test_traceparent)
{
	ck_assert_msg(header_is_traceparent(str_from(trace_rows[_i].value)) == trace_rows[_i].good,
	    "%s", trace_rows[_i].value);
}
END_TEST

static const struct {
	const char *value;
	bool wanted;
} events_rows[] = {
    {"text/event-stream", true},
    {" Text/Event-Stream ;charset=utf-8", true},
    {"application/json, text/event-stream;q=0.1", false},
    {"application/json, text/event-stream", true},
    {"application/json;q=0.10, text/event-stream;q=0.1", true},
    {"application/json;q=0.11, text/event-stream;q=0.1", false},
    {"application/json;q=0.2, */*, text/event-stream;q=0.5", true},
    {"*/*, application/json;q=0.2, text/event-stream;q=0.5", true},
    {"*/*;q=0.1, application/*;q=0.9, text/event-stream;q=0.5", false},
    {"text/event-stream, */*;q=0.8", true},
    {"text/event-stream;q=\"0\"", false},
    {"text/event-stream;q=0.0000000000000000000000000000001", false},
    {"text/event-stream; q=0", false},
    {"text/event-stream;Q = 0.000", false},
    {"text/event-stream;q=0.001", true},
    {"text/event-stream;q=", true},
    {"text/event-stream;level=1;q=0", false},
    {"text/event-streams", false},
    {"text/*", false},
    {"*/*", false},
    {"application/json", false},
    {",;,", false},
    {"", false},
};

START_TEST(test_wants_events)
{
	ck_assert_msg(
	    header_wants_events(str_from(events_rows[_i].value)) == events_rows[_i].wanted, "%s",
	    events_rows[_i].value);
	ck_assert(!header_wants_events(STR_NONE));
}
END_TEST

static const struct {
	const char *value;
	bool good;
} json_rows[] = {
    {"application/json", true},
    {"Application/JSON; charset=utf-8", true},
    {" application/json ", true},
    {"application/json;", true},
    {"application/jsonp", false},
    {"text/json", false},
    {"", false},
    {NULL, false},
};

START_TEST(test_json)
{
	ck_assert_msg(header_is_json(str_from(json_rows[_i].value)) == json_rows[_i].good, "%s",
	    json_rows[_i].value == NULL ? "none" : json_rows[_i].value);
}
END_TEST

START_TEST(test_bearer)
{
	struct str token = STR("untouched");

	ck_assert(!header_bearer(STR("Basic abc"), &token));
	ck_assert(!header_bearer(STR("Bearer"), &token));
	ck_assert(!header_bearer(STR_NONE, &token));
	unit_assert_str(token, "untouched", "what a refusal leaves");
	ck_assert(header_bearer(STR("bearer  abc "), &token));
	unit_assert_str(token, "abc", "the token");
}
END_TEST

static const struct {
	const char *url, *path;
} path_rows[] = {
    {"/a/b", "/a/b"},
    {"http://host/a/b", "/a/b"},
    {"HTTPS://host:1/", "/"},
    {"http://host", "/"},
    {"http://", "/"},
    {"http:///a", "/a"},
    {"http:/a", "http:/a"},
    {"ftp://host/a", "ftp://host/a"},
    {"*", "*"},
    {"", ""},
};

START_TEST(test_path)
{
	unit_assert_str(
	    header_path(str_from(path_rows[_i].url)), path_rows[_i].path, path_rows[_i].url);
}
END_TEST

static const struct {
	const char *value, *last;
} forwarded_rows[] = {
    {"192.0.2.1", "192.0.2.1"},
    {"203.0.113.9, 192.0.2.1", "192.0.2.1"},
    {"203.0.113.9,\t192.0.2.1 ", "192.0.2.1"},
    {"::1,2001:db8::1", "2001:db8::1"},
    {"192.0.2.1,", ""},
    {"192.0.2.1, ", ""},
    {"192.0.2.1,,", ""},
    {",", ""},
    {" ", ""},
    {"", ""},
};

START_TEST(test_forwarded)
{
	unit_assert_str(header_forwarded(str_from(forwarded_rows[_i].value)),
	    forwarded_rows[_i].last, forwarded_rows[_i].value);
}
END_TEST

/* Each proxy adds behind what is there: the nearest one has the last word. */
START_TEST(test_last_proxy)
{
	struct headers headers = {.fault = NULL};

	headers_note(&headers, STR("X-Forwarded-For"), STR("203.0.113.9"));
	headers_note(&headers, STR("x-forwarded-for"), STR("198.51.100.1, 192.0.2.1"));
	unit_assert_str(
	    header_forwarded(headers.values[HEADER_FORWARDED]), "192.0.2.1", "the last line");
	headers_note(&headers, STR("Prefer"), STR("wait=1"));
	headers_note(&headers, STR("Prefer"), STR("wait=2"));
	unit_assert_str(headers.values[HEADER_PREFER], "wait=1", "the first preference");
}
END_TEST

START_TEST(test_target)
{
	ck_assert(header_is_target(STR("/a?b=%20\xc3\xa9")));
	ck_assert(!header_is_target(STR("")));
	ck_assert(!header_is_target(STR("/a b")));
	ck_assert(!header_is_target(STR("/a\tb")));
	ck_assert(!header_is_target(STR("/a\x7f")));
}
END_TEST

START_TEST(test_trailers)
{
	ck_assert(header_may_trail(STR("X-Sum")));
	ck_assert(!header_may_trail(STR("content-LENGTH")));
	ck_assert(!header_may_trail(STR("Idempotency-Key")));
	ck_assert(!header_may_trail(STR("Billd-Organisation")));
	ck_assert(!header_may_trail(STR("X-Forwarded-For")));
	ck_assert(!header_may_trail(STR("X-Sum ")));
	ck_assert(!header_may_trail(STR("")));
}
END_TEST

START_TEST(test_visible)
{
	ck_assert(header_is_visible(STR("a!~"), 3));
	ck_assert(!header_is_visible(STR("abcd"), 3));
	ck_assert(!header_is_visible(STR(""), 3));
	ck_assert(!header_is_visible(STR("a b"), 3));
	ck_assert(!header_is_visible(STR("\x7f"), 3));
	ck_assert(!header_is_visible(STR("\xc3\xa9"), 3));
}
END_TEST

UNIT_MAIN("header", UNIT_ROWS(test_sound, request_rows), UNIT_ROWS(test_wait, wait_rows),
    UNIT_ROWS(test_wants_events, events_rows), UNIT_ROWS(test_traceparent, trace_rows),
    UNIT_ROWS(test_json, json_rows), UNIT(test_bearer), UNIT_ROWS(test_path, path_rows),
    UNIT_ROWS(test_forwarded, forwarded_rows), UNIT(test_last_proxy), UNIT(test_target),
    UNIT(test_trailers), UNIT(test_visible))
