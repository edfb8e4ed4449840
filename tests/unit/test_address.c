#include <arpa/inet.h>

#include "api/address.h"
#include "tests/unit/unit.h"

static const struct {
	const char *name, *text;
	const char *address; /* NULL: it is none */
} read_rows[] = {
    {"IPv4", "192.0.2.1", "192.0.2.1"},
    {"IPv6", "2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
    {"IPv4 in IPv6", "::ffff:192.0.2.1", "192.0.2.1"},
    {"the longest", "2001:0db8:1111:2222:3333:4444:5555:6666",
	"2001:db8:1111:2222:3333:4444:5555:6666"},
    {"nothing", "", NULL},
    {"a name", "localhost", NULL},
    {"a port", "192.0.2.1:80", NULL},
    {"brackets", "[::1]", NULL},
    {"a zone", "fe80::1%eth0", NULL},
    {"a space", " 192.0.2.1", NULL},
    {"too few parts", "192.0.2", NULL},
    {"an octal part", "192.0.2.010", NULL},
    {"a part too large", "192.0.2.256", NULL},
    {"more than any address has", "2001:0db8:1111:2222:3333:4444:5555:6666:7777:8888", NULL},
};

START_TEST(test_read)
{
	char text[ADDRESS_TEXT_SIZE] = "untouched";
	bool is_one = address_read(str_from(read_rows[_i].text), text);

	ck_assert_msg(is_one == (read_rows[_i].address != NULL), "%s", read_rows[_i].name);
	ck_assert_str_eq(text, is_one ? read_rows[_i].address : "untouched");
}
END_TEST

START_TEST(test_nul)
{
	char text[ADDRESS_TEXT_SIZE];

	ck_assert(!address_read((struct str){"192.0.2.1\0x", 11}, text));
	ck_assert(!address_read(STR_NONE, text));
}
END_TEST

START_TEST(test_peer)
{
	struct sockaddr_in four = {.sin_family = AF_INET};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr other = {.sa_family = AF_UNIX};
	char text[ADDRESS_TEXT_SIZE];

	ck_assert_int_eq(inet_pton(AF_INET, "192.0.2.7", &four.sin_addr), 1);
	address_of_peer((const struct sockaddr *)&four, text);
	ck_assert_str_eq(text, "192.0.2.7");
	ck_assert_int_eq(inet_pton(AF_INET6, "2001:db8::7", &six.sin6_addr), 1);
	address_of_peer((const struct sockaddr *)&six, text);
	ck_assert_str_eq(text, "2001:db8::7");
	ck_assert_int_eq(inet_pton(AF_INET6, "::ffff:192.0.2.7", &six.sin6_addr), 1);
	address_of_peer((const struct sockaddr *)&six, text);
	ck_assert_str_eq(text, "192.0.2.7");
	address_of_peer(&other, text);
	ck_assert_str_eq(text, "");
	address_of_peer(NULL, text);
	ck_assert_str_eq(text, "");
}
END_TEST

UNIT_MAIN("address", UNIT_ROWS(test_read, read_rows), UNIT(test_nul), UNIT(test_peer))
