#ifndef API_HEADER_H
#define API_HEADER_H

/*
 * The headers of a request: those that we use, found in one walk, and whether the request could
 * mean one thing to us and another to a proxy (request smuggling): libmicrohttpd 0.9.75 accepts
 * such requests, so they are refused here.  Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

/* Those that may come once only, two of them are refused; and at the end those that may come
 * repeatedly. */
enum header {
	HEADER_HOST,
	HEADER_CONTENT_LENGTH,
	HEADER_TRANSFER_ENCODING,
	HEADER_CONTENT_TYPE,
	HEADER_AUTHORIZATION,
	HEADER_IDEMPOTENCY_KEY,
	HEADER_REQUEST_ID,
	HEADER_TRACEPARENT,
	HEADER_EXPECT,
	HEADER_ORGANISATION,
	HEADER_ACCEPT,    /* may come repeatedly; the first counts */
	HEADER_PREFER,    /* likewise */
	HEADER_FORWARDED, /* X-Forwarded-For; may come repeatedly; the last counts */
	HEADER_MAX,
};

struct headers {
	struct str values[HEADER_MAX]; /* none: not given; borrowed */
	const char *fault;             /* the first thing that is wrong, or NULL */
};

/**
 * headers_note(headers, name, value):
 * Take one more header into ${headers}, which starts zeroed.
 */
void headers_note(struct headers *headers, struct str name, struct str value);

/**
 * headers_fault(headers, version):
 * When all are noted: what is wrong with the request of HTTP ${version} ("HTTP/1.1"), or NULL.
 */
NODISCARD const char *headers_fault(const struct headers *headers, struct str version);

/**
 * header_is_target(target):
 * Whether ${target}, of a request line, has no space and no control character.
 */
NODISCARD bool header_is_target(struct str target);

/**
 * header_path(url):
 * The path of the target ${url}, which is one already or "http://host/path" (to proxies); without
 * the query string.
 */
NODISCARD struct str header_path(struct str url);

/**
 * header_may_trail(name):
 * Whether a header ${name} may stand behind a chunked body: it is none that we use.
 */
NODISCARD bool header_may_trail(struct str name);

/**
 * header_length(value, ret_length):
 * The number in a Content-Length.  False, ${ret_length} untouched, when it is not digits alone.
 */
NODISCARD bool header_length(struct str value, int64_t *ret_length);

/**
 * header_is_visible(value, max):
 * Whether ${value} is 1 to ${max} visible ASCII characters.
 */
NODISCARD bool header_is_visible(struct str value, size_t max);

/**
 * header_is_json(value):
 * Whether a Content-Type says application/json, whatever its parameters.
 */
NODISCARD bool header_is_json(struct str value);

/**
 * header_wants_events(value):
 * Whether an Accept names text/event-stream, and wants JSON no more than that.
 */
NODISCARD bool header_wants_events(struct str value);

/**
 * header_bearer(value, ret_token):
 * The token of "Bearer <token>".  False, ${ret_token} untouched, for another scheme.
 */
NODISCARD bool header_bearer(struct str value, struct str *ret_token);

/**
 * header_forwarded(value):
 * The last entry of an X-Forwarded-For, which is the one that the nearest proxy has written.
 */
NODISCARD struct str header_forwarded(struct str value);

/**
 * header_wait_s(value):
 * The seconds of wait=N in a Prefer header (RFC 7240), at most 30; 0 when there is none or it is
 * malformed, which is ignored.
 */
NODISCARD int header_wait_s(struct str value);

/**
 * header_is_traceparent(value):
 * Whether ${value} has the form of W3C's traceparent, version 00.
 */
NODISCARD bool header_is_traceparent(struct str value);

#endif
