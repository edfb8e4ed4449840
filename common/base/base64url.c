#include "common/base/base64url.h"

#include <sodium.h>

#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

void
base64url_write(const void *bytes, size_t len, char *ret_text, size_t size)
{
	CHECK(size > BASE64URL_LEN(len));
	sodium_bin2base64(ret_text, size, bytes, len, VARIANT);
}

static bool
is_base64url(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

bool
base64url_has_form(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!is_base64url(text.ptr[i]))
			return false;
	return true;
}

bool
base64url_read(struct str text, void *bytes, size_t max, size_t *ret_len)
{
	/* libsodium takes some bytes beyond ASCII for characters of base64url. */
	if (!base64url_has_form(text))
		return false;
	return sodium_base642bin(bytes, max, text.ptr, text.len, NULL, ret_len, NULL, VARIANT) == 0;
}
