#include "common/base/token.h"

#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <string.h>

#include "common/base/base64url.h"

#define MAC_BYTES crypto_auth_hmacsha256_BYTES
#define MAC_LEN BASE64URL_LEN(MAC_BYTES)
#define PARTS 3
#define JSON_BYTES_MAX ((size_t)TOKEN_TEXT_SIZE) /* of a part, decoded: more than fits */

#define HEADER_FORMAT "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}"
#define CLAIMS_FORMAT                                                                  \
	"{\"iss\":\"" TOKEN_ISSUER "\",\"aud\":\"" TOKEN_AUDIENCE "\",\"sub\":\"%s\"," \
	"\"sid\":\"%s\",\"iat\":%" PRId64 ",\"exp\":%" PRId64 "}"
#define INT64_LEN 20
#define HEADER_SIZE (sizeof(HEADER_FORMAT) + SIGNING_NAME_MAX)
#define CLAIMS_SIZE (sizeof(CLAIMS_FORMAT) + (size_t)2 * (UUID_TEXT_SIZE + INT64_LEN))

_Static_assert(
    BASE64URL_LEN(HEADER_SIZE) + 1 + BASE64URL_LEN(CLAIMS_SIZE) + 1 + MAC_LEN < TOKEN_TEXT_SIZE,
    "the longest token fits");
_Static_assert(sizeof(REFRESH_TOKEN_PREFIX) + 43 <= RANDOM_TOKEN_SIZE &&
		   sizeof(INVITATION_PREFIX) + 43 <= RANDOM_TOKEN_SIZE,
    "random tokens fit");

/* A token in pieces: views of its text. */
struct pieces {
	struct str header, claims, mac;
	struct str is_signed; /* what the signature is of */
};

bool
token_has_form(struct str text)
{
	/* What base64url makes of {" */
	return text.len > 3 && memcmp(text.ptr, "eyJ", 3) == 0;
}

static void
mac_of(const struct signing_key *key, struct str text, uint8_t ret_mac[MAC_BYTES])
{
	CHECK(key->purpose == SIGNING_TOKEN);
	CHECK(crypto_auth_hmacsha256(
		  ret_mac, (const unsigned char *)text.ptr, text.len, key->bytes) == 0);
}

/* Append base64url of ${bytes}, and what stands behind it: '.' or the NUL. */
static size_t
append_part(char *text, size_t at, const void *bytes, size_t len, char behind)
{
	base64url_write(bytes, len, text + at, TOKEN_TEXT_SIZE - at);
	at += BASE64URL_LEN(len);
	text[at] = behind;
	return at + 1;
}

void
token_write(const struct signing_key *key, const struct token_claims *claims,
    char ret_text[TOKEN_TEXT_SIZE])
{
	char user[UUID_TEXT_SIZE], session[UUID_TEXT_SIZE], header[HEADER_SIZE], body[CLAIMS_SIZE];
	uint8_t mac[MAC_BYTES];
	size_t at = 0;
	int len;

	CHECK(claims->issued_at >= 0 && claims->expires_at > claims->issued_at);

	uuid_write(claims->user_id, user);
	uuid_write(claims->session_id, session);
	len = snprintf(header, sizeof(header), HEADER_FORMAT, key->name);
	CHECK(len > 0 && (size_t)len < sizeof(header));
	at = append_part(ret_text, at, header, (size_t)len, '.');
	len = snprintf(body, sizeof(body), CLAIMS_FORMAT, user, session, claims->issued_at,
	    claims->expires_at);
	CHECK(len > 0 && (size_t)len < sizeof(body));
	at = append_part(ret_text, at, body, (size_t)len, '.');
	mac_of(key, (struct str){ret_text, at - 1}, mac);
	append_part(ret_text, at, mac, sizeof(mac), '\0');
}

/* Exactly three parts, none of them longer than a token of ours. */
static bool
pieces_of(struct str text, struct pieces *ret_pieces)
{
	struct str parts[PARTS];
	const char *at = text.ptr, *end = text.ptr + text.len;

	if (text.len == 0 || text.len >= TOKEN_TEXT_SIZE)
		return false;
	for (size_t i = 0; i < PARTS; i++) {
		const char *dot = memchr(at, '.', (size_t)(end - at));

		if ((dot == NULL) != (i == PARTS - 1))
			return false;
		parts[i] = (struct str){at, (size_t)((dot == NULL ? end : dot) - at)};
		at = dot == NULL ? end : dot + 1;
	}
	*ret_pieces = (struct pieces){
	    parts[0], parts[1], parts[2], {text.ptr, (size_t)(parts[2].ptr - 1 - text.ptr)}};
	return true;
}

/*
 * The JSON object that is in a part, or NULL; the caller releases it.  Ours are flat: what would
 * nest is refused before anything recurses.  (So is a part for which there is no memory.)
 */
static json_t *
object_of(struct str part)
{
	char json[JSON_BYTES_MAX];
	size_t len;

	if (!base64url_read(part, json, sizeof(json), &len) || len == 0 || json[0] != '{')
		return NULL;
	for (size_t i = 1; i < len; i++)
		if (json[i] == '{' || json[i] == '[')
			return NULL;
	return json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
}

/*
 * Find the key that the header names.  A header of ours has these three members and no other: none
 * that brings a key along, none that must be understood (crit).
 */
static enum token_verdict
read_header(const struct signing_ring *ring, struct str part, const struct signing_key **ret_key)
{
	enum token_verdict verdict = TOKEN_MALFORMED;
	json_t *object = object_of(part);
	const char *alg, *typ, *kid;

	if (object == NULL ||
	    json_unpack(object, "{s:s, s:s, s:s !}", "alg", &alg, "typ", &typ, "kid", &kid) != 0 ||
	    strcmp(typ, "JWT") != 0)
		goto out;
	*ret_key = signing_ring_find(ring, SIGNING_TOKEN, str_from(kid));
	verdict = strcmp(alg, "HS256") == 0 && *ret_key != NULL ? TOKEN_GOOD : TOKEN_WRONG_KEY;
out:
	json_decref(object);
	return verdict;
}

/* The signature, before a word of the claims is read. */
static enum token_verdict
check_mac(const struct signing_key *key, const struct pieces *pieces)
{
	uint8_t expected[MAC_BYTES], mac[MAC_BYTES];
	size_t len;

	if (!base64url_read(pieces->mac, mac, sizeof(mac), &len) || len != sizeof(mac))
		return TOKEN_MALFORMED;
	mac_of(key, pieces->is_signed, expected);
	return sodium_memcmp(expected, mac, sizeof(mac)) == 0 ? TOKEN_GOOD : TOKEN_BAD_SIGNATURE;
}

/* What the claims say of time. */
static enum token_verdict
check_times(const struct token_claims *claims, int64_t now_s)
{
	/* Not negative, so that no difference overflows. */
	if (claims->issued_at < 0 || claims->expires_at <= claims->issued_at ||
	    claims->expires_at - claims->issued_at > TOKEN_LIFE_S + TOKEN_SKEW_S)
		return TOKEN_MALFORMED;
	if (claims->issued_at - TOKEN_SKEW_S > now_s || claims->expires_at <= now_s)
		return TOKEN_EXPIRED;
	return TOKEN_GOOD;
}

static enum token_verdict
read_claims(struct str part, int64_t now_s, struct token_claims *ret_claims)
{
	enum token_verdict verdict = TOKEN_MALFORMED;
	json_t *object = object_of(part);
	const char *issuer, *audience, *user, *session;
	struct token_claims claims;
	json_int_t issued_at, expires_at;

	/* An id of zeros stands for nobody elsewhere. */
	if (object == NULL ||
	    json_unpack(object, "{s:s, s:s, s:s, s:s, s:I, s:I !}", "iss", &issuer, "aud",
		&audience, "sub", &user, "sid", &session, "iat", &issued_at, "exp",
		&expires_at) != 0 ||
	    !uuid_read(str_from(user), &claims.user_id) || uuid_is_nil(claims.user_id) ||
	    !uuid_read(str_from(session), &claims.session_id) || uuid_is_nil(claims.session_id))
		goto out;
	claims.issued_at = issued_at;
	claims.expires_at = expires_at;
	verdict = strcmp(issuer, TOKEN_ISSUER) == 0 && strcmp(audience, TOKEN_AUDIENCE) == 0
		      ? check_times(&claims, now_s)
		      : TOKEN_NOT_FOR_US;
	if (verdict == TOKEN_GOOD)
		*ret_claims = claims;
out:
	json_decref(object);
	return verdict;
}

enum token_verdict
token_read(const struct signing_ring *ring, struct str text, int64_t now_s,
    struct token_claims *ret_claims)
{
	const struct signing_key *key = NULL;
	struct pieces pieces;
	enum token_verdict verdict;

	if (!pieces_of(text, &pieces))
		return TOKEN_MALFORMED;
	verdict = read_header(ring, pieces.header, &key);
	if (verdict == TOKEN_GOOD)
		verdict = check_mac(key, &pieces);
	if (verdict == TOKEN_GOOD)
		verdict = read_claims(pieces.claims, now_s, ret_claims);
	return verdict;
}

void
random_token_new(const char *prefix, char ret_text[RANDOM_TOKEN_SIZE])
{
	uint8_t random[API_KEY_RANDOM_BYTES];
	size_t prefix_len = strlen(prefix);

	CHECK(prefix_len + BASE64URL_LEN(sizeof(random)) < RANDOM_TOKEN_SIZE);

	randombytes_buf(random, sizeof(random));
	memcpy(ret_text, prefix, prefix_len);
	base64url_write(
	    random, sizeof(random), ret_text + prefix_len, RANDOM_TOKEN_SIZE - prefix_len);
	sodium_memzero(random, sizeof(random));
}

bool
random_token_has_form(const char *prefix, struct str text)
{
	size_t prefix_len = strlen(prefix);

	if (text.len != prefix_len + BASE64URL_LEN(API_KEY_RANDOM_BYTES) ||
	    memcmp(text.ptr, prefix, prefix_len) != 0)
		return false;
	return base64url_has_form((struct str){text.ptr + prefix_len, text.len - prefix_len});
}
