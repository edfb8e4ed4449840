#ifndef API_STREAM_H
#define API_STREAM_H

/*
 * Streams of server-sent events: one billing run, followed by whoever asks for it with Accept:
 * text/event-stream.  What is there is told at once, then whatever it becomes; the answer ends with
 * the run, with the caller's right to see it, after a while in any case, and when the process
 * stops. Who wants more asks again.
 *
 * A stream costs a connection and no thread: while there is nothing to tell its connection is
 * suspended, and belongs to the one thread of all streams.  That never waits for the database: what
 * becomes of the runs is found out by another (looker.h).
 */

#include <sys/types.h>

#include "api/request.h"

#define STREAMS_MAX 256             /* of this process; beyond that, 503 */
#define STREAMS_ORGANISATION_MAX 64 /* of those, of one organisation; likewise */
#define STREAM_RETRY_MS 1000        /* for a client to come again after, up to twice that */
#define STREAM_BEAT_MS 5000         /* without an event: something is sent */
#define STREAM_LIFE_MS 600000       /* of one answer */

struct streamer;

/**
 * streamer_new(settings, ingress), streamer_free(streamer):
 * Start the thread, which connects by ${settings} when there is a stream.  Never NULL.  Free, when
 * there is no stream any more, joins it; accepts NULL.
 */
NODISCARD struct streamer *streamer_new(
    const struct pg_settings *settings, struct ingress *ingress);
void streamer_free(struct streamer *streamer);

/**
 * stream_run(request):
 * Answer with the billing run that the path names, as a stream for whoever asks for one, else as a
 * document (run of struct route).
 */
NODISCARD bool stream_run(struct request *request);

/**
 * stream_read(request, position, bytes, max):
 * The next bytes of the stream that answers a struct request, for libmicrohttpd; with none at hand
 * the request is suspended and handed over.
 */
ssize_t stream_read(void *request, uint64_t position, char *bytes, size_t max);

/**
 * stream_end(request):
 * The answer of ${request} is over, however it came; nothing when it was no stream.
 */
void stream_end(struct request *request);

/**
 * streamer_len(streamer):
 * How many streams there are.
 */
NODISCARD size_t streamer_len(struct streamer *streamer);

#endif
