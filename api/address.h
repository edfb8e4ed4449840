#ifndef API_ADDRESS_H
#define API_ADDRESS_H

/*
 * Network addresses of clients as text: in one form each, so that one client has one name.  Pure.
 */

#include <stdbool.h>
#include <sys/socket.h>

#include "common/base/str.h"

#define ADDRESS_TEXT_SIZE 46 /* an IPv6 address, and the NUL */

/**
 * address_read(text, ret_text):
 * Take an IPv4 or IPv6 address; an IPv4 address in an IPv6 one ("::ffff:192.0.2.1") becomes that.
 * False, ${ret_text} untouched, when ${text} is anything else.
 */
NODISCARD bool address_read(struct str text, char ret_text[ADDRESS_TEXT_SIZE]);

/**
 * address_of_peer(socket, ret_text):
 * That of a connected socket's other end, or "" when it has none that we know.
 */
void address_of_peer(const struct sockaddr *socket, char ret_text[ADDRESS_TEXT_SIZE]);

#endif
