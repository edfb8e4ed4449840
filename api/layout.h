#ifndef API_LAYOUT_H
#define API_LAYOUT_H

/*
 * How the lines of a request lie in memory, which tells how they were sent.
 *
 * libmicrohttpd before 1.0 takes what RFC 9112 forbids, and tells nobody: a bare LF ends a line, a
 * line that begins with a blank goes on with the one before, a NUL cuts a line short, a header
 * without a name ends all headers.  A proxy in front may read such bytes as one request where there
 * are two here.  But the lines are cut where they were received: what separated them is NUL now,
 * and all else stands where it stood.  So the pieces of a request that was sent with nothing odd
 * between them fill its header block without a gap.  Pure.
 */

#include <stdbool.h>

#include "common/base/str.h"

struct layout {
	const char *at; /* where the next line must begin; NULL: one before was not in order */
};

/**
 * layout_begin(layout, method, target, version):
 * Take the request line: "GET", "/path?query" as it came, "HTTP/1.1".
 */
void layout_begin(struct layout *layout, struct str method, struct str target, struct str version);

/**
 * layout_header(layout, name, value):
 * Take the next header.
 */
void layout_header(struct layout *layout, struct str name, struct str value);

/**
 * layout_is_sound(layout, block):
 * Whether the lines that were taken, each ended by CR LF, and the empty line fill ${block}.
 */
NODISCARD bool layout_is_sound(const struct layout *layout, struct str block);

/**
 * layout_chunks_are_sound(from, to):
 * Whether each LF of what came between two pieces of a chunked body has its CR.  The byte before
 * ${from} can be read.
 */
NODISCARD bool layout_chunks_are_sound(const char *from, const char *to);

#endif
