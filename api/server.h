#ifndef API_SERVER_H
#define API_SERVER_H

/*
 * The HTTP server: libmicrohttpd's event loops, and what it leaves to us: absolute deadlines for
 * headers, bodies and slow readers, limits, the refusal of ambiguous requests, a clean stop.
 * Nothing here waits: what takes time is suspended and handed over.
 */

#include "api/ingress.h"
#include "common/base/err.h"

struct server;

/**
 * server_listen(settings, ret_fd, err):
 * Listen on the address and port of ${settings}.  ERR_FATAL naming port and variable when it is
 * taken.
 */
NODISCARD enum err_class server_listen(
    const struct ingress_settings *settings, int *ret_fd, struct err *err);

/**
 * server_open(ingress, fd, ret_server, err):
 * Serve what comes to ${fd}, which is then the server's.  ERR_FATAL when the process may not have
 * as many open files as BILLD_CONNECTIONS needs, or libmicrohttpd does not start.
 */
NODISCARD enum err_class server_open(
    struct ingress *ingress, int fd, struct server **ret_server, struct err *err);

/**
 * server_quiesce(server):
 * Take no more connections; those that are there go on, and end with their next answer.
 */
void server_quiesce(struct server *server);

/**
 * server_free(server):
 * Close all connections and stop.  No request may be suspended any more.  Accepts NULL.
 */
void server_free(struct server *server);

#endif
