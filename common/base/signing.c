#include "common/base/signing.h"

#include <sodium.h>
#include <string.h>

#include "common/base/base64url.h"

/* Part of every key: another label makes all signatures worthless. */
#define LABEL STR("billd signing key 1")

_Static_assert(SIGNING_KEY_BYTES == crypto_auth_hmacsha256_KEYBYTES, "HS256 takes such a key");
_Static_assert(SIGNING_KEY_BYTES >= crypto_generichash_KEYBYTES_MIN &&
		   SIGNING_KEY_BYTES <= crypto_generichash_KEYBYTES_MAX &&
		   SIGNING_KEY_BYTES <= crypto_generichash_BYTES_MAX,
    "BLAKE2b takes such a key, and makes it");

#define SIGNATURE_BYTES 32
#define SIGNATURE_DIGITS (2 * SIGNATURE_BYTES)

_Static_assert(
    SIGNATURE_TEXT_SIZE == SIGNING_NAME_MAX + 1 + SIGNATURE_DIGITS + 1, "a signature fits");

static const char *const purpose_names[SIGNING_PURPOSE_MAX] = {
    [SIGNING_TOKEN] = "token",
    [SIGNING_COMMAND] = "command",
};

const char *
signing_purpose_name(enum signing_purpose purpose)
{
	CHECK(purpose < SIGNING_PURPOSE_MAX);
	return purpose_names[purpose];
}

bool
signing_purpose_from(struct str name, enum signing_purpose *ret_purpose)
{
	for (enum signing_purpose purpose = 0; purpose < SIGNING_PURPOSE_MAX; purpose++)
		if (str_equal(name, str_from(purpose_names[purpose]))) {
			*ret_purpose = purpose;
			return true;
		}
	return false;
}

/* The length goes in front, so that no two lists of parts are the same bytes. */
static void
update_part(crypto_generichash_state *state, struct str part)
{
	uint8_t len[8];

	for (size_t i = 0; i < sizeof(len); i++)
		len[i] = (uint8_t)((uint64_t)part.len >> (8 * i));
	CHECK(crypto_generichash_update(state, len, sizeof(len)) == 0);
	if (part.len > 0)
		CHECK(crypto_generichash_update(state, (const unsigned char *)part.ptr, part.len) ==
		      0);
}

static void
hash_parts(const uint8_t key[SIGNING_KEY_BYTES], const struct str *parts, size_t len,
    uint8_t ret_hash[SIGNATURE_BYTES])
{
	crypto_generichash_state state;

	CHECK(crypto_generichash_init(&state, key, SIGNING_KEY_BYTES, SIGNATURE_BYTES) == 0);
	for (size_t i = 0; i < len; i++)
		update_part(&state, parts[i]);
	CHECK(crypto_generichash_final(&state, ret_hash, SIGNATURE_BYTES) == 0);
	sodium_memzero(&state, sizeof(state));
}

_Static_assert(ID_SECRET_BYTES == SIGNING_KEY_BYTES, "keys are derived by hash_parts, too");
_Static_assert(SIGNATURE_BYTES == SIGNING_KEY_BYTES, "keys are derived by hash_parts, too");

bool
signing_name_has_form(struct str name)
{
	return name.len >= 1 && name.len <= SIGNING_NAME_MAX && base64url_has_form(name);
}

bool
signing_ring_add(struct signing_ring *ring, const struct id_secret *secret,
    enum signing_purpose purpose, struct str name)
{
	const struct str parts[] = {LABEL, str_from(signing_purpose_name(purpose)), name};
	struct signing_key *key = &ring->keys[ring->len];
	size_t same = 0;

	for (size_t i = 0; i < ring->len; i++)
		same += ring->keys[i].purpose == purpose;
	if (!signing_name_has_form(name) || same == SIGNING_KEYS_MAX)
		return false;
	*key = (struct signing_key){.purpose = purpose};
	memcpy(key->name, name.ptr, name.len);
	hash_parts(secret->bytes, parts, ARRAY_LEN(parts), key->bytes);
	ring->len++;
	return true;
}

const struct signing_key *
signing_ring_newest(const struct signing_ring *ring, enum signing_purpose purpose)
{
	for (size_t i = 0; i < ring->len; i++)
		if (ring->keys[i].purpose == purpose)
			return &ring->keys[i];
	return NULL;
}

const struct signing_key *
signing_ring_find(const struct signing_ring *ring, enum signing_purpose purpose, struct str name)
{
	for (size_t i = 0; i < ring->len; i++)
		if (ring->keys[i].purpose == purpose &&
		    str_equal(str_from(ring->keys[i].name), name))
			return &ring->keys[i];
	return NULL;
}

void
signature_write(const struct signing_key *key, const struct str *parts, size_t len,
    char ret_text[SIGNATURE_TEXT_SIZE])
{
	uint8_t hash[SIGNATURE_BYTES];
	size_t name_len = strlen(key->name);

	CHECK(key->purpose == SIGNING_COMMAND);
	hash_parts(key->bytes, parts, len, hash);
	memcpy(ret_text, key->name, name_len);
	ret_text[name_len] = '.';
	sodium_bin2hex(ret_text + name_len + 1, SIGNATURE_DIGITS + 1, hash, sizeof(hash));
}

bool
signature_is_good(
    const struct signing_ring *ring, struct str text, const struct str *parts, size_t len)
{
	const struct signing_key *key;
	char expected[SIGNATURE_TEXT_SIZE];

	/* The rest of a text that is no signature at all is told by the comparison. */
	if (text.len <= SIGNATURE_DIGITS + 1)
		return false;
	key = signing_ring_find(
	    ring, SIGNING_COMMAND, (struct str){text.ptr, text.len - SIGNATURE_DIGITS - 1});
	if (key == NULL)
		return false;
	signature_write(key, parts, len, expected);
	CHECK(strlen(expected) == text.len);
	return sodium_memcmp(expected, text.ptr, text.len) == 0;
}
