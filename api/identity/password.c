#include "api/identity/password.h"

#include <stdlib.h>

#include "common/base/utf8.h"

#define WORD_MAX 64  /* bytes; no common one is longer */
#define AROUND_MAX 8 /* digits and signs that are taken off a word's ends */

static const char *const common[] = {
#include "api/identity/common_passwords.def"
};

/* What people run along; each end goes on at the other. */
static const char *const rows[] = {
    "0123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
};

/* "nobody has this password" with a random salt; a test sees that its costs are today's. */
static const char nobodys_hash[] = "$argon2id$v=19$m=19456,t=2,p=1$Mw62geiNOcVToDyk9ZF"
				   "piw$RGt2E6ov95Vg3O0Pyu+oLw1BNu3BaO8s+Fowsrn1vUU";

static char
lower(char c)
{
	if (c >= 'A' && c <= 'Z')
		return "abcdefghijklmnopqrstuvwxyz"[c - 'A'];
	return c;
}

static bool
is_letter(char c)
{
	return (lower(c) >= 'a' && lower(c) <= 'z') || (unsigned char)c >= 0x80;
}

static bool
equal_ignoring_case(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	return true;
}

static bool
is_personal(struct str password, struct str email, struct str name)
{
	const char *at = email.len == 0 ? NULL : memrchr(email.ptr, '@', email.len);
	struct str local = {email.ptr, at == NULL ? email.len : (size_t)(at - email.ptr)};

	return equal_ignoring_case(password, email) || equal_ignoring_case(password, local) ||
	       equal_ignoring_case(password, name);
}

/* Whether it is the same again after each ${period} bytes, to its end. */
static bool
has_period(struct str password, size_t period)
{
	for (size_t i = period; i < password.len; i++)
		if (lower(password.ptr[i]) != lower(password.ptr[i - period]))
			return false;
	return true;
}

/* Whether a piece that is shorter than a password may be stands there twice at least. */
static bool
is_repeated(struct str password)
{
	for (size_t period = 1; 2 * period <= password.len; period++) {
		if (utf8_count((struct str){password.ptr, period}) >= PASSWORD_LENGTH_MIN)
			return false;
		if (has_period(password, period))
			return true;
	}
	return false;
}

/* Whether ${password} goes along ${row}, ${step} places at a time. */
static bool
runs_along(struct str password, const char *row, size_t step)
{
	size_t len = strlen(row);
	const char *at = strchr(row, lower(password.ptr[0]));

	if (at == NULL || *at == '\0')
		return false;
	for (size_t i = 1; i < password.len; i++) {
		at = row + ((size_t)(at - row) + step) % len;
		if (lower(password.ptr[i]) != *at)
			return false;
	}
	return true;
}

static bool
is_run(struct str password)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (runs_along(password, rows[i], 1) ||
		    runs_along(password, rows[i], strlen(rows[i]) - 1))
			return true;
	return false;
}

static int
common_compare(const void *word, const void *entry)
{
	return strcmp(word, *(const char *const *)entry);
}

static bool
is_common_word(struct str word)
{
	char text[WORD_MAX];

	if (word.len >= sizeof(text) || memchr(word.ptr, '\0', word.len) != NULL)
		return false;
	for (size_t i = 0; i < word.len; i++)
		text[i] = lower(word.ptr[i]);
	text[word.len] = '\0';
	return bsearch(text, common, ARRAY_LEN(common), sizeof(common[0]), common_compare) != NULL;
}

/* Itself, or what is left of it without a few digits and signs at its ends: "!Password1234". */
static bool
is_common(struct str password)
{
	struct str word = password;
	size_t around = 0;

	if (is_common_word(word))
		return true;
	while (word.len > 0 && !is_letter(word.ptr[0])) {
		word = (struct str){word.ptr + 1, word.len - 1};
		around++;
	}
	while (word.len > 0 && !is_letter(word.ptr[word.len - 1])) {
		word.len--;
		around++;
	}
	return around > 0 && around <= AROUND_MAX && is_common_word(word);
}

enum password_verdict
password_judge(struct str password, struct str email, struct str name)
{
	size_t length = utf8_count(password);

	if (length < PASSWORD_LENGTH_MIN || length > PASSWORD_LENGTH_MAX)
		return PASSWORD_LENGTH;
	if (is_personal(password, email, name))
		return PASSWORD_PERSONAL;
	if (is_repeated(password))
		return PASSWORD_REPEATED;
	if (is_run(password))
		return PASSWORD_RUN;
	if (is_common(password))
		return PASSWORD_COMMON;
	return PASSWORD_GOOD;
}

const char *
password_verdict_text(enum password_verdict verdict)
{
	static const char *const texts[PASSWORD_VERDICT_MAX] = {
	    [PASSWORD_LENGTH] = "It has 12 to 256 characters.",
	    [PASSWORD_PERSONAL] = "It is the email address, or a part of it, or the name.",
	    [PASSWORD_REPEATED] = "It is a short piece again and again.",
	    [PASSWORD_RUN] = "It runs along the alphabet, the digits or the keyboard.",
	    [PASSWORD_COMMON] = "It is among those that are tried first.",
	};

	CHECK(verdict < PASSWORD_VERDICT_MAX);
	return texts[verdict];
}

bool
password_hash(struct str password, char ret_hash[PASSWORD_HASH_SIZE])
{
	return crypto_pwhash_str(ret_hash, password.ptr, password.len, PASSWORD_PASSES,
		   PASSWORD_MEMORY_BYTES) == 0;
}

/* ${hash}, or nobody's, as libsodium wants it. */
static void
hash_copy(struct str hash, char ret_text[PASSWORD_HASH_SIZE])
{
	struct str source = hash.ptr == NULL ? str_from(nobodys_hash) : hash;

	CHECK(source.len < PASSWORD_HASH_SIZE);
	memset(ret_text, 0, PASSWORD_HASH_SIZE);
	memcpy(ret_text, source.ptr, source.len);
}

bool
password_verify(struct str password, struct str hash)
{
	char text[PASSWORD_HASH_SIZE];
	bool matches;

	hash_copy(hash, text);
	matches = crypto_pwhash_str_verify(text, password.ptr, password.len) == 0;
	return matches && hash.ptr != NULL;
}

bool
password_is_outdated(struct str hash)
{
	char text[PASSWORD_HASH_SIZE];

	hash_copy(hash, text);
	return crypto_pwhash_str_needs_rehash(text, PASSWORD_PASSES, PASSWORD_MEMORY_BYTES) != 0;
}
