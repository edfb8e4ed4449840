#ifndef API_PEER_H
#define API_PEER_H

/*
 * Deadlines of connections.  libmicrohttpd's own timeout begins anew with every byte, so a client
 * that sends one byte a second holds a connection for ever; here a thread shuts the socket down at
 * an absolute time, whatever trickles in.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/check.h"

#define PEER_NO_DEADLINE INT64_MAX
#define PEER_SEND_MS 60000 /* for a client to take its answer, or the next piece of a stream */

struct peer;  /* one connection */
struct peers; /* all of them, and the thread */

/**
 * peers_new(max), peers_free(peers):
 * Room for ${max} connections.  Never NULL; free stops the thread, accepts NULL.
 */
NODISCARD struct peers *peers_new(size_t max);
void peers_free(struct peers *peers);

/**
 * peer_open(peers, fd, deadline_ms), peer_close(peers, peer):
 * Watch the socket ${fd}; and no longer, before it is closed.  NULL when there is no room; closing
 * NULL is fine.
 */
NODISCARD struct peer *peer_open(struct peers *peers, int fd, int64_t deadline_ms);
void peer_close(struct peers *peers, struct peer *peer);

/**
 * peer_deadline(peer, deadline_ms):
 * Shut its socket down at ${deadline_ms} (clock_steady_ms) and no longer at an earlier time.  NULL
 * is fine.
 */
void peer_deadline(struct peer *peer, int64_t deadline_ms);

/**
 * peer_is_gone(peer):
 * Whether the other end has closed its socket, or will send nothing any more, which a client that
 * waits for a stream has no reason for.  By whoever has a request of its connection.  NULL is not.
 */
NODISCARD bool peer_is_gone(const struct peer *peer);

#endif
