#ifndef COMMON_BASE_SIGNING_H
#define COMMON_BASE_SIGNING_H

/*
 * Signing keys.  The database knows their names and dates alone (identity.signing_keys); each key
 * is derived from its name and the ingress's secret (BILLD_SECRET), so neither a copy of the
 * database nor a leaked key gives another.  Several of one purpose are valid during a rotation: the
 * newest signs, all verify.
 *
 * A ring is filled once and read-only from then on.  Thread-safe after sodium_init.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/check.h"
#include "common/base/id.h"
#include "common/base/str.h"

#define SIGNING_KEY_BYTES 32
#define SIGNING_NAME_MAX 32 /* characters of a key's name: letters, digits, '-', '_' */
#define SIGNING_KEYS_MAX 16 /* of each purpose in a ring: how many may be valid at a time */

/* Nothing that one purpose's key signs is good for another. */
enum signing_purpose {
	SIGNING_TOKEN,   /* access tokens: HMAC-SHA-256, which is JWT's HS256 */
	SIGNING_COMMAND, /* commands on the queue: keyed BLAKE2b */
	SIGNING_PURPOSE_MAX,
};

struct signing_key {
	enum signing_purpose purpose;
	char name[SIGNING_NAME_MAX + 1];
	uint8_t bytes[SIGNING_KEY_BYTES];
};

struct signing_ring {
	size_t len;
	/* Of each purpose the newest first. */
	struct signing_key keys[SIGNING_PURPOSE_MAX * SIGNING_KEYS_MAX];
};

/**
 * signing_purpose_name(purpose), signing_purpose_from(name, ret_purpose):
 * "token" or "command", as identity.signing_keys has it.  False when there is no such purpose.
 */
NODISCARD const char *signing_purpose_name(enum signing_purpose purpose);
NODISCARD bool signing_purpose_from(struct str name, enum signing_purpose *ret_purpose);

/**
 * signing_name_has_form(name):
 * Whether ${name} may be a key's.
 */
NODISCARD bool signing_name_has_form(struct str name);

/**
 * signing_ring_add(ring, secret, purpose, name):
 * Derive the key ${name} and put it behind those that are there.  False, ${ring} unchanged, when
 * the name has another form or the ring has SIGNING_KEYS_MAX of that purpose.
 */
NODISCARD bool signing_ring_add(struct signing_ring *ring, const struct id_secret *secret,
    enum signing_purpose purpose, struct str name);

/**
 * signing_ring_newest(ring, purpose), signing_ring_find(ring, purpose, name):
 * The key that signs, and the one of that name; NULL when there is none.
 */
NODISCARD const struct signing_key *signing_ring_newest(
    const struct signing_ring *ring, enum signing_purpose purpose);
NODISCARD const struct signing_key *signing_ring_find(
    const struct signing_ring *ring, enum signing_purpose purpose, struct str name);

#define SIGNATURE_TEXT_SIZE (SIGNING_NAME_MAX + 1 + 64 + 1)

/**
 * signature_write(key, parts, len, ret_text), signature_is_good(ring, text, parts, len):
 * The signature of a command's ${len} parts, "<key's name>.<64 hexadecimal digits>": keyed
 * BLAKE2b-256 of each part's length and bytes.  Compared in constant time.
 */
void signature_write(const struct signing_key *key, const struct str *parts, size_t len,
    char ret_text[SIGNATURE_TEXT_SIZE]);
NODISCARD bool signature_is_good(
    const struct signing_ring *ring, struct str text, const struct str *parts, size_t len);

#endif
