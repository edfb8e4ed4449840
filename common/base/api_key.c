#include "common/base/api_key.h"

#include <sodium.h>

#define ENCODED_SIZE \
	sodium_base64_ENCODED_LEN(API_KEY_RANDOM_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING)

_Static_assert(
    sizeof(API_KEY_PREFIX) - 1 + ENCODED_SIZE == API_KEY_TEXT_SIZE, "a key's text has one length");
_Static_assert(API_KEY_HASH_BYTES >= crypto_generichash_BYTES_MIN &&
		   API_KEY_HASH_BYTES <= crypto_generichash_BYTES_MAX,
    "libsodium makes hashes of that size");

void
api_key_new(char ret_text[API_KEY_TEXT_SIZE])
{
	uint8_t random[API_KEY_RANDOM_BYTES];
	size_t prefix_len = sizeof(API_KEY_PREFIX) - 1;

	randombytes_buf(random, sizeof(random));
	memcpy(ret_text, API_KEY_PREFIX, prefix_len);
	sodium_bin2base64(ret_text + prefix_len, ENCODED_SIZE, random, sizeof(random),
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(random, sizeof(random));
}

static bool
is_base64url(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

bool
api_key_has_form(struct str key)
{
	size_t prefix_len = sizeof(API_KEY_PREFIX) - 1;

	if (key.len != API_KEY_TEXT_LEN || memcmp(key.ptr, API_KEY_PREFIX, prefix_len) != 0)
		return false;
	for (size_t i = prefix_len; i < key.len; i++)
		if (!is_base64url(key.ptr[i]))
			return false;
	return true;
}

void
api_key_hash(struct str key, uint8_t ret_hash[API_KEY_HASH_BYTES])
{
	CHECK(key.ptr != NULL);
	CHECK(crypto_generichash(ret_hash, API_KEY_HASH_BYTES, (const unsigned char *)key.ptr,
		  key.len, NULL, 0) == 0);
}
