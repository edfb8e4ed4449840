#ifndef COMMON_BASE_TOKEN_H
#define COMMON_BASE_TOKEN_H

/*
 * Access tokens of people: JSON Web Tokens (RFC 7519) with HS256, and nothing else.  Which
 * algorithm a key is for is ours to say: what a token's header says is compared, never followed.
 * Also refresh tokens and invitations, which are random and kept as hashes.
 *
 * Stateless and thread-safe after sodium_init.
 */

#include "common/base/api_key.h"
#include "common/base/signing.h"
#include "common/base/uuid.h"

#define TOKEN_ISSUER "billd"
#define TOKEN_AUDIENCE "billd-api"
#define TOKEN_TEXT_SIZE 512
#define TOKEN_LIFE_S (15 * 60)
#define TOKEN_SKEW_S 30 /* by which the clocks of two ingresses may differ */

struct token_claims {
	struct uuid user_id;    /* sub */
	struct uuid session_id; /* sid */
	int64_t issued_at;      /* iat, seconds since the epoch */
	int64_t expires_at;     /* exp */
};

enum token_verdict {
	TOKEN_GOOD,
	TOKEN_MALFORMED,     /* not three parts of base64url that hold what a token of ours holds */
	TOKEN_WRONG_KEY,     /* no such key, or another algorithm than the key's */
	TOKEN_BAD_SIGNATURE, /* */
	TOKEN_NOT_FOR_US,    /* another issuer or audience */
	TOKEN_EXPIRED,       /* or not valid yet */
	TOKEN_VERDICT_MAX,
};

/**
 * token_has_form(text):
 * Whether ${text} looks like a JWT at all: tells tokens from API keys, not good from bad.
 */
NODISCARD bool token_has_form(struct str text);

/**
 * token_write(key, claims, ret_text):
 * A token that ${key}, of SIGNING_TOKEN, signs; with its NUL.
 */
void token_write(const struct signing_key *key, const struct token_claims *claims,
    char ret_text[TOKEN_TEXT_SIZE]);

/**
 * token_read(ring, text, now_s, ret_claims):
 * Verify first, then believe.  ${ret_claims} is set only when the verdict is TOKEN_GOOD.
 */
NODISCARD enum token_verdict token_read(const struct signing_ring *ring, struct str text,
    int64_t now_s, struct token_claims *ret_claims);

/* Random tokens that are shown once: a prefix that tells people and scanners what it is, and 43
 * characters of base64url.  api_key_hash() is what is kept of them. */
#define REFRESH_TOKEN_PREFIX "billd_refresh_"
#define INVITATION_PREFIX "billd_invite_"
#define RANDOM_TOKEN_SIZE 64

/**
 * random_token_new(prefix, ret_text), random_token_has_form(prefix, text):
 * A new one, with its NUL; and whether ${text} looks like one.
 */
void random_token_new(const char *prefix, char ret_text[RANDOM_TOKEN_SIZE]);
NODISCARD bool random_token_has_form(const char *prefix, struct str text);

#endif
