#ifndef API_FRAMING_H
#define API_FRAMING_H

/*
 * Whether a request is where it seems to be: that nothing in it could be read as the end of one
 * request and the beginning of another, by whoever stands before us.  What is not sound is answered
 * with 400, and its connection is closed, as nothing behind it can be believed.
 */

#include "api/request.h"

/**
 * framing_take(request, version):
 * Take the headers into ${request}->headers; method, path and target are there.
 */
void framing_take(struct request *request, struct str version);

/**
 * framing_is_sound(request, version):
 * Whether method, target and headers are sound; the answer is there when they are not.
 */
NODISCARD bool framing_is_sound(struct request *request, struct str version);

/**
 * framing_body(request, bytes, len), framing_end(request):
 * Look at what stood before a piece of the body, and behind its end.  When that is not sound, the
 * answer is there and the body is dropped.
 */
void framing_body(struct request *request, const char *bytes, size_t len);
void framing_end(struct request *request);

#endif
