#ifndef API_ACCEPTOR_H
#define API_ACCEPTOR_H

/*
 * The door: one thread that takes connections from the listening socket and hands them to
 * libmicrohttpd.  A connection beyond BILLD_CONNECTIONS, or without an open file left for it, gets
 * a 503 and is closed.  libmicrohttpd's own door leaves both waiting without a word, and runs in
 * circles when files are used up.
 */

#include <microhttpd.h>

#include "api/ingress.h"

struct acceptor;

/**
 * acceptor_new(ingress, daemon, fd):
 * Take connections from ${fd}, which is then the acceptor's, for ${daemon}.  Never NULL.
 */
NODISCARD struct acceptor *acceptor_new(struct ingress *ingress, struct MHD_Daemon *daemon, int fd);

/**
 * acceptor_free(acceptor):
 * Take no more, and close the socket.  Accepts NULL.
 */
void acceptor_free(struct acceptor *acceptor);

#endif
