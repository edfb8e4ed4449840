#ifndef API_RING_H
#define API_RING_H

/*
 * The signing keys that are valid now: filled again and again by the refresher, asked by every
 * request.  Who asks gets what was made with a key, never the key.  Thread-safe: a lock is held for
 * a copy of a few hundred bytes, never while anything is computed.
 */

#include "common/base/signing.h"
#include "common/base/token.h"

struct ring_holder;

/**
 * ring_holder_new(), ring_holder_free(holder):
 * One that knows no keys yet; never NULL.  Free wipes them, accepts NULL.
 */
NODISCARD struct ring_holder *ring_holder_new(void);
void ring_holder_free(struct ring_holder *holder);

/**
 * ring_holder_set(holder, ring):
 * These are the keys from now on.
 */
void ring_holder_set(struct ring_holder *holder, const struct signing_ring *ring);

/**
 * ring_holder_knows(holder, purpose):
 * Whether there is a key of ${purpose}.  While there is none, nobody can be told from anybody: the
 * caller answers that the service is not ready, not that the token is bad.
 */
NODISCARD bool ring_holder_knows(struct ring_holder *holder, enum signing_purpose purpose);

/**
 * ring_holder_sign(holder, parts, len, ret_text):
 * Sign a command's parts as signature_write does, by the newest key.  False when there is none.
 */
NODISCARD bool ring_holder_sign(struct ring_holder *holder, const struct str *parts, size_t len,
    char ret_text[SIGNATURE_TEXT_SIZE]);

/**
 * ring_holder_token_write(holder, claims, ret_text), ring_holder_token_read(holder, text, now_s,
 * ret_claims):
 * token_write by the newest key, false when there is none; token_read by all.
 */
NODISCARD bool ring_holder_token_write(
    struct ring_holder *holder, const struct token_claims *claims, char ret_text[TOKEN_TEXT_SIZE]);
NODISCARD enum token_verdict ring_holder_token_read(
    struct ring_holder *holder, struct str text, int64_t now_s, struct token_claims *ret_claims);

#endif
