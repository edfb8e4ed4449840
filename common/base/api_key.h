#ifndef COMMON_BASE_API_KEY_H
#define COMMON_BASE_API_KEY_H

/*
 * API keys: "billd_live_", or "billd_test_" for a test organisation's, and 43 characters of
 * base64url (32 random bytes).  The key is shown once; what is kept is its hash, and its beginning,
 * by which people know it again.  A fast hash will do: nobody guesses 256 random bits.
 *
 * Stateless and thread-safe after sodium_init.  Knows nothing of the database.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/check.h"
#include "common/base/str.h"

#define API_KEY_PREFIX_LIVE "billd_live_"
#define API_KEY_PREFIX_TEST "billd_test_"
/* Characters of a key that may be seen again, in identity.api_keys.prefix: 24 bits of 256. */
#define API_KEY_PREFIX_SHOWN (sizeof(API_KEY_PREFIX_LIVE) - 1 + 4)
#define API_KEY_RANDOM_BYTES 32
#define API_KEY_TEXT_LEN (sizeof(API_KEY_PREFIX_LIVE) - 1 + 43)
#define API_KEY_TEXT_SIZE (API_KEY_TEXT_LEN + 1)
#define API_KEY_HASH_BYTES 32
/* Of one organisation at a time, neither revoked nor expired.  Whoever makes one counts them under
 * the organisation's lock. */
#define API_KEYS_MAX 200

/**
 * api_key_new(test, ret_text):
 * Make a new random key, of a ${test} organisation or a live one, with its NUL, in ${ret_text}.
 */
void api_key_new(bool test, char ret_text[API_KEY_TEXT_SIZE]);

/**
 * api_key_has_form(key):
 * Whether ${key} looks like one of ours; tells keys from other tokens, not good keys from bad ones.
 */
NODISCARD bool api_key_has_form(struct str key);

/**
 * api_key_hash(key, ret_hash):
 * What identity.api_keys.key_hash holds: BLAKE2b-256 of the whole text of ${key}.
 */
void api_key_hash(struct str key, uint8_t ret_hash[API_KEY_HASH_BYTES]);

#endif
