#include "api/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define MAPPED_BYTES 12 /* in front of an IPv4 address in an IPv6 one */

/* An address of either family, in the form in which inet_ntop has it. */
static void
address_write(int family, const void *bytes, char ret_text[ADDRESS_TEXT_SIZE])
{
	_Static_assert(ADDRESS_TEXT_SIZE >= INET6_ADDRSTRLEN, "every address fits");

	if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)bytes)) {
		family = AF_INET;
		bytes = (const unsigned char *)bytes + MAPPED_BYTES;
	}
	CHECK(inet_ntop(family, bytes, ret_text, ADDRESS_TEXT_SIZE) != NULL);
}

bool
address_read(struct str text, char ret_text[ADDRESS_TEXT_SIZE])
{
	char copy[ADDRESS_TEXT_SIZE];
	struct in6_addr bytes;

	if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len) != NULL)
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET, copy, &bytes) == 1)
		address_write(AF_INET, &bytes, ret_text);
	else if (inet_pton(AF_INET6, copy, &bytes) == 1)
		address_write(AF_INET6, &bytes, ret_text);
	else
		return false;
	return true;
}

void
address_of_peer(const struct sockaddr *socket, char ret_text[ADDRESS_TEXT_SIZE])
{
	struct sockaddr_in four;
	struct sockaddr_in6 six;

	ret_text[0] = '\0';
	if (socket == NULL)
		return;
	if (socket->sa_family == AF_INET) {
		memcpy(&four, socket, sizeof(four));
		address_write(AF_INET, &four.sin_addr, ret_text);
	} else if (socket->sa_family == AF_INET6) {
		memcpy(&six, socket, sizeof(six));
		address_write(AF_INET6, &six.sin6_addr, ret_text);
	}
}
