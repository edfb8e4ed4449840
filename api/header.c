#include "api/header.h"

#include <strings.h>

#define WAIT_S_MAX 30

#define NAME(text)                      \
	{                               \
		text, sizeof(text) - 1, \
	}

static const struct str header_names[HEADER_MAX] = {
    [HEADER_HOST] = NAME("host"),
    [HEADER_CONTENT_LENGTH] = NAME("content-length"),
    [HEADER_TRANSFER_ENCODING] = NAME("transfer-encoding"),
    [HEADER_CONTENT_TYPE] = NAME("content-type"),
    [HEADER_AUTHORIZATION] = NAME("authorization"),
    [HEADER_IDEMPOTENCY_KEY] = NAME("idempotency-key"),
    [HEADER_REQUEST_ID] = NAME("x-request-id"),
    [HEADER_TRACEPARENT] = NAME("traceparent"),
    [HEADER_EXPECT] = NAME("expect"),
    [HEADER_ORGANISATION] = NAME("billd-organisation"),
    [HEADER_ACCEPT] = NAME("accept"),
    [HEADER_PREFER] = NAME("prefer"),
    [HEADER_FORWARDED] = NAME("x-forwarded-for"),
};

static bool
equal_ignoring_case(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

/* Whether there is something, and all of it letters, digits and ${others}. */
static bool
is_made_of(struct str text, const char *others)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    (c == '\0' || strchr(others, c) == NULL))
			return false;
	}
	return text.len > 0;
}

/* RFC 9110's token. */
static bool
is_token(struct str text)
{
	return is_made_of(text, "!#$%&'*+-.^_`|~");
}

/* RFC 3986's host and port, by their characters. */
static bool
is_host(struct str text)
{
	return is_made_of(text, "-._~%!$&'()*+,;=:[]");
}

static bool
has_control_bytes(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static void
note_fault(struct headers *headers, const char *fault)
{
	if (headers->fault == NULL)
		headers->fault = fault;
}

void
headers_note(struct headers *headers, struct str name, struct str value)
{
	if (!is_token(name))
		note_fault(
		    headers, "A header's name has a space or another byte that no name has.");
	if (has_control_bytes(value))
		note_fault(headers, "A header's value has a control character.");
	for (size_t i = 0; i < HEADER_MAX; i++) {
		if (!equal_ignoring_case(name, header_names[i]))
			continue;
		if (headers->values[i].ptr == NULL || i == HEADER_FORWARDED)
			headers->values[i] =
			    (struct str){value.ptr == NULL ? "" : value.ptr, value.len};
		else if (i < HEADER_ACCEPT)
			note_fault(headers, "A header that may come once came twice.");
	}
}

const char *
headers_fault(const struct headers *headers, struct str version)
{
	struct str host = headers->values[HEADER_HOST];
	struct str length = headers->values[HEADER_CONTENT_LENGTH];
	struct str encoding = headers->values[HEADER_TRANSFER_ENCODING];
	int64_t bytes;

	if (headers->fault != NULL)
		return headers->fault;
	if (!str_equal(version, STR("HTTP/1.1")) && !str_equal(version, STR("HTTP/1.0")))
		return "Only HTTP/1.0 and HTTP/1.1 are spoken here.";
	if (host.len == 0 && str_equal(version, STR("HTTP/1.1")))
		return "HTTP/1.1 needs the header Host.";
	if (host.len > 0 && !is_host(host))
		return "The header Host holds no host.";
	if (encoding.ptr != NULL && length.ptr != NULL)
		return "Content-Length and Transfer-Encoding exclude each other.";
	if (encoding.ptr != NULL && !equal_ignoring_case(encoding, STR("chunked")))
		return "The only Transfer-Encoding that is understood is chunked.";
	if (encoding.ptr != NULL && str_equal(version, STR("HTTP/1.0")))
		return "HTTP/1.0 has no Transfer-Encoding.";
	if (length.ptr != NULL && !header_length(length, &bytes))
		return "Content-Length must be a number.";
	return NULL;
}

bool
header_is_target(struct str target)
{
	for (size_t i = 0; i < target.len; i++)
		if ((unsigned char)target.ptr[i] <= ' ' || target.ptr[i] == 0x7f)
			return false;
	return target.len > 0;
}

struct str
header_path(struct str url)
{
	static const struct str schemes[] = {NAME("http://"), NAME("https://")};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		struct str head = {url.ptr, schemes[i].len};
		const char *path;

		if (url.len < head.len || !equal_ignoring_case(head, schemes[i]))
			continue;
		path = memchr(url.ptr + head.len, '/', url.len - head.len);
		if (path == NULL)
			return STR("/");
		return (struct str){path, url.len - (size_t)(path - url.ptr)};
	}
	return url;
}

bool
header_may_trail(struct str name)
{
	for (size_t i = 0; i < HEADER_MAX; i++)
		if (equal_ignoring_case(name, header_names[i]))
			return false;
	return is_token(name);
}

bool
header_length(struct str value, int64_t *ret_length)
{
	/* No sign, which str_read_int64 would take. */
	return value.len > 0 && value.ptr[0] != '-' &&
	       str_read_int64(value, 0, INT64_MAX, ret_length);
}

bool
header_is_visible(struct str value, size_t max)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] <= ' ' || value.ptr[i] > '~')
			return false;
	return value.len > 0 && value.len <= max;
}

static struct str
trim(struct str text)
{
	while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
		text = (struct str){text.ptr + 1, text.len - 1};
	while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
		text.len--;
	return text;
}

/* Cut ${text} at the first ${separator}: what is before it is returned, ${text} becomes the rest.
 */
static struct str
cut(struct str *text, char separator)
{
	const char *end = text->len == 0 ? NULL : memchr(text->ptr, separator, text->len);
	struct str head = *text;

	if (end == NULL) {
		*text = (struct str){text->ptr + text->len, 0};
		return head;
	}
	head.len = (size_t)(end - text->ptr);
	*text = (struct str){end + 1, text->len - head.len - 1};
	return head;
}

bool
header_is_json(struct str value)
{
	return value.ptr != NULL &&
	       equal_ignoring_case(trim(cut(&value, ';')), STR("application/json"));
}

/* Without the quotes that some put around a number. */
static struct str
unquote(struct str text)
{
	if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
		return (struct str){text.ptr + 1, text.len - 2};
	return text;
}

/* How much a media range is wanted, in thousandths, by its parameters: q=0.5.  What is no number is
 * as good as none. */
static int
quality(struct str parameters)
{
	while (parameters.len > 0) {
		struct str value = cut(&parameters, ';');
		struct str name = trim(cut(&value, '='));
		int weight = 1000, thousandths = 0;

		if (!equal_ignoring_case(name, STR("q")))
			continue;
		value = unquote(trim(value));
		if (value.len == 0 || value.ptr[0] != '0')
			return 1000;
		for (size_t i = 1; i < value.len; i++) {
			char c = value.ptr[i];

			if (i == 1 ? c != '.' : c < '0' || c > '9')
				return 1000;
			if (i > 1)
				thousandths += (c - '0') * (weight /= 10);
		}
		return thousandths;
	}
	return 1000;
}

bool
header_wants_events(struct str value)
{
	/* Of JSON the closest range counts. */
	static const struct str json_ranges[] = {
	    NAME("*/*"), NAME("application/*"), NAME("application/json")};
	int json = 0, events = 0;
	size_t closest = 0;

	while (value.len > 0) {
		struct str parameters = cut(&value, ',');
		struct str type = trim(cut(&parameters, ';'));

		if (equal_ignoring_case(type, STR("text/event-stream")))
			events = quality(parameters);
		for (size_t i = closest; i < ARRAY_LEN(json_ranges); i++) {
			if (!equal_ignoring_case(type, json_ranges[i]))
				continue;
			closest = i;
			json = quality(parameters);
		}
	}
	return events > 0 && events >= json;
}

bool
header_bearer(struct str value, struct str *ret_token)
{
	static const size_t scheme_len = sizeof("Bearer ") - 1;

	if (value.len <= scheme_len ||
	    !equal_ignoring_case((struct str){value.ptr, scheme_len}, STR("Bearer ")))
		return false;
	*ret_token = trim((struct str){value.ptr + scheme_len, value.len - scheme_len});
	return true;
}

struct str
header_forwarded(struct str value)
{
	const char *comma = value.len == 0 ? NULL : memrchr(value.ptr, ',', value.len);

	if (comma != NULL)
		value = (struct str){comma + 1, value.len - (size_t)(comma + 1 - value.ptr)};
	return trim(value);
}

int
header_wait_s(struct str value)
{
	while (value.len > 0) {
		struct str preference = cut(&value, ',');
		struct str word = cut(&preference, ';');
		struct str name = trim(cut(&word, '='));
		struct str number = unquote(trim(word));
		int64_t seconds;

		if (!equal_ignoring_case(name, STR("wait")))
			continue;
		if (!str_read_int64(number, 1, INT64_MAX, &seconds))
			return 0;
		return seconds < WAIT_S_MAX ? (int)seconds : WAIT_S_MAX;
	}
	return 0;
}

bool
header_is_traceparent(struct str value)
{
	static const char form[] = "00-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
	bool trace = false, parent = false;

	if (value.len != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];
		bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');

		if (form[i] == 'x' ? !is_hex : c != form[i])
			return false;
		/* Neither the trace's nor the parent's id is all zeros. */
		trace = trace || (i >= 3 && i < 35 && c != '0');
		parent = parent || (i >= 36 && i < 52 && c != '0');
	}
	return trace && parent;
}
