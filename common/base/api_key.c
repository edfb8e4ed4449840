#include "common/base/api_key.h"

#include <sodium.h>
#include <string.h>

#include "common/base/base64url.h"

#define PREFIX_LEN (sizeof(API_KEY_PREFIX_LIVE) - 1)

_Static_assert(sizeof(API_KEY_PREFIX_LIVE) == sizeof(API_KEY_PREFIX_TEST),
    "keys of both kinds have one length");
_Static_assert(PREFIX_LEN + BASE64URL_LEN(API_KEY_RANDOM_BYTES) == API_KEY_TEXT_LEN,
    "a key's text has one length");
_Static_assert(API_KEY_HASH_BYTES >= crypto_generichash_BYTES_MIN &&
		   API_KEY_HASH_BYTES <= crypto_generichash_BYTES_MAX,
    "libsodium makes hashes of that size");

void
api_key_new(bool test, char ret_text[API_KEY_TEXT_SIZE])
{
	uint8_t random[API_KEY_RANDOM_BYTES];

	randombytes_buf(random, sizeof(random));
	memcpy(ret_text, test ? API_KEY_PREFIX_TEST : API_KEY_PREFIX_LIVE, PREFIX_LEN);
	base64url_write(
	    random, sizeof(random), ret_text + PREFIX_LEN, API_KEY_TEXT_SIZE - PREFIX_LEN);
	sodium_memzero(random, sizeof(random));
}

bool
api_key_has_form(struct str key)
{
	if (key.len != API_KEY_TEXT_LEN ||
	    (memcmp(key.ptr, API_KEY_PREFIX_LIVE, PREFIX_LEN) != 0 &&
		memcmp(key.ptr, API_KEY_PREFIX_TEST, PREFIX_LEN) != 0))
		return false;
	return base64url_has_form((struct str){key.ptr + PREFIX_LEN, key.len - PREFIX_LEN});
}

void
api_key_hash(struct str key, uint8_t ret_hash[API_KEY_HASH_BYTES])
{
	CHECK(key.ptr != NULL);
	CHECK(crypto_generichash(ret_hash, API_KEY_HASH_BYTES, (const unsigned char *)key.ptr,
		  key.len, NULL, 0) == 0);
}
