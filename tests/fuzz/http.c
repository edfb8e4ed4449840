/*
 * The headers of a request: a line with its version, then a line for each, "name: value".
 *
 * A request that is let through means one thing only, which is checked here in another way than
 * header.c does it; and what is taken out of a value lies in that value.
 */

#include <strings.h>

#include "api/address.h"
#include "api/header.h"
#include "tests/fuzz/fuzz.h"

#define WAIT_S_MAX 30

/* What is seen of all headers, apart from header.c. */
struct seen {
	size_t hosts, lengths, encodings;
	size_t authorizations, keys, organisations;
	bool bad_byte;
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static bool
is_named(struct str name, const char *expected)
{
	return name.len == strlen(expected) && strncasecmp(name.ptr, expected, name.len) == 0;
}

static void
see(struct seen *seen, struct str name, struct str value)
{
	seen->hosts += is_named(name, "Host");
	seen->lengths += is_named(name, "Content-Length");
	seen->encodings += is_named(name, "Transfer-Encoding");
	seen->authorizations += is_named(name, "Authorization");
	seen->keys += is_named(name, "Idempotency-Key");
	seen->organisations += is_named(name, "Billd-Organisation");
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] <= ' ' || name.ptr[i] == '\x7f' || name.ptr[i] == ':')
			seen->bad_byte = true;
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] == '\r' || value.ptr[i] == '\0')
			seen->bad_byte = true;
}

/* ${part} lies in ${whole}. */
static bool
lies_in(struct str part, struct str whole)
{
	return part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len;
}

/* The last entry is in the list, behind all commas; and an address that is read is one that reads
 * as itself. */
static void
address_is_read(struct str entry, struct str value)
{
	char text[ADDRESS_TEXT_SIZE], again[ADDRESS_TEXT_SIZE];

	CHECK(lies_in(entry, value));
	for (size_t i = 0; i < entry.len; i++)
		CHECK(entry.ptr[i] != ',');
	if (!address_read(entry, text))
		return;
	CHECK(address_read(str_from(text), again));
	CHECK(strcmp(text, again) == 0);
}

static void
value_is_read(struct str value)
{
	struct str token;
	int64_t length;
	int wait_s;

	if (header_bearer(value, &token))
		CHECK(lies_in(token, value) && value.len >= 7 + token.len);
	wait_s = header_wait_s(value);
	CHECK(wait_s >= 0 && wait_s <= WAIT_S_MAX);
	address_is_read(header_forwarded(value), value);
	if (header_length(value, &length))
		CHECK(length >= 0);
	if (header_is_traceparent(value))
		CHECK(value.len == 55 && header_is_visible(value, 55));
	if (header_is_visible(value, 255))
		CHECK(value.len >= 1 && value.len <= 255 && utf8_is_valid(value));
	if (header_is_json(value))
		CHECK(value.len >= sizeof("application/json") - 1);
}

/* No proxy can take it for two requests, or for another's. */
static void
is_one_request(const struct headers *headers, const struct seen *seen, struct str version)
{
	CHECK(seen->hosts <= 1 && seen->authorizations <= 1 && seen->keys <= 1);
	CHECK(seen->organisations <= 1);
	CHECK(seen->lengths + seen->encodings <= 1);
	CHECK(!seen->bad_byte);
	if (str_equal(version, STR("HTTP/1.1")))
		CHECK(seen->hosts == 1);
	else
		CHECK(str_equal(version, STR("HTTP/1.0")) && seen->encodings == 0);
	if (seen->encodings == 1)
		CHECK(is_named(headers->values[HEADER_TRANSFER_ENCODING], "chunked"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct str input = {(const char *)bytes, len};
	struct str version = fuzz_take(&input, '\n');
	struct headers headers = {0};
	struct seen seen = {0};

	while (input.len > 0) {
		struct str line = fuzz_take(&input, '\n');
		struct str name = fuzz_take(&line, ':');

		if (line.len > 0 && line.ptr[0] == ' ')
			line = (struct str){line.ptr + 1, line.len - 1};
		headers_note(&headers, name, line);
		see(&seen, name, line);
		value_is_read(line);
	}
	if (headers_fault(&headers, version) == NULL)
		is_one_request(&headers, &seen, version);
	return 0;
}
