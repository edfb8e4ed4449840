#ifndef API_IDENTITY_PASSWORD_H
#define API_IDENTITY_PASSWORD_H

/*
 * Passwords: which are taken, and their hashes (Argon2id).  Never logged, never stored but hashed.
 *
 * Stateless and thread-safe after sodium_init.  Each hash takes 19 MiB and tens of milliseconds:
 * for the threads of the slow pool only.
 */

#include <sodium.h>

#include "common/base/check.h"
#include "common/base/str.h"

#define PASSWORD_LENGTH_MIN 12 /* code points */
#define PASSWORD_LENGTH_MAX 256
#define PASSWORD_HASH_SIZE crypto_pwhash_STRBYTES /* with its NUL */
#define PASSWORD_PASSES 2
#define PASSWORD_MEMORY_BYTES ((size_t)19 * 1024 * 1024)

enum password_verdict {
	PASSWORD_GOOD,
	PASSWORD_LENGTH,   /* too short or too long */
	PASSWORD_PERSONAL, /* the email address, what stands before its @, or the name */
	PASSWORD_REPEATED, /* one short piece again and again */
	PASSWORD_RUN,      /* neighbours of the alphabet, the digits or the keyboard, in order */
	PASSWORD_COMMON,   /* among those that are tried first, whatever digits and signs around */
	PASSWORD_VERDICT_MAX,
};

/**
 * password_judge(password, email, name):
 * Whether ${password} is taken for a user with that ${email} and ${name}.  ASCII letters are
 * compared without regard to case.
 */
NODISCARD enum password_verdict password_judge(
    struct str password, struct str email, struct str name);

/**
 * password_verdict_text(verdict):
 * What to tell who chose it; NULL for PASSWORD_GOOD.
 */
NODISCARD const char *password_verdict_text(enum password_verdict verdict);

/**
 * password_hash(password, ret_hash):
 * False when there is no memory for it.
 */
NODISCARD bool password_hash(struct str password, char ret_hash[PASSWORD_HASH_SIZE]);

/**
 * password_verify(password, hash):
 * Whether ${hash} is of ${password}; where ${hash} is none, it is compared with that of a password
 * that nobody has, so that it takes as long, and it is false.  False as well when there is no
 * memory for it, which libsodium does not tell apart: then nobody gets in.
 */
NODISCARD bool password_verify(struct str password, struct str hash);

/**
 * password_is_outdated(hash):
 * Whether ${hash}, or, where it is none, that of the password that nobody has, was made with other
 * costs than today's.
 */
NODISCARD bool password_is_outdated(struct str hash);

#endif
