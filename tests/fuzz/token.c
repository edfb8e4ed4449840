/*
 * What stands behind "Bearer", and the signature in a command's header.  The first byte says what
 * is done with the rest:
 *
 *   0  it is read as a token
 *   1  it is header and claims, a line each, which we sign: what somebody writes who has a key
 *   2  it is a bit's number, two bytes: that bit of a good token is flipped
 *   3  it is a signature and what it is of, a line each
 *   4  it is what is signed: then that signature is good, and no other
 *   5  it is base64url, or the text of a random token
 *
 * A token is good only when what it says is written again by us is good too, and says the same.
 */

#include "common/base/token.h"

#include <sodium.h>
#include <stdio.h>

#include "common/base/base64url.h"
#include "tests/fuzz/fuzz.h"

#define NOW 1800000000
#define PARTS 2

static const struct id_secret secret = {{1, 2, 3}};
static struct signing_ring ring;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	CHECK(sodium_init() >= 0);
	CHECK(signing_ring_add(&ring, &secret, SIGNING_TOKEN, STR("new")));
	CHECK(signing_ring_add(&ring, &secret, SIGNING_TOKEN, STR("old")));
	CHECK(signing_ring_add(&ring, &secret, SIGNING_COMMAND, STR("command")));
	return 0;
}

static bool
claims_are_equal(const struct token_claims *a, const struct token_claims *b)
{
	return uuid_equal(a->user_id, b->user_id) && uuid_equal(a->session_id, b->session_id) &&
	       a->issued_at == b->issued_at && a->expires_at == b->expires_at;
}

/* Read ${text}; what is believed holds together, and survives being written again. */
static enum token_verdict
read_token(struct str text, struct token_claims *ret_claims)
{
	const struct token_claims untouched = {.issued_at = -1};
	struct token_claims again;
	char written[TOKEN_TEXT_SIZE];
	enum token_verdict verdict;

	*ret_claims = untouched;
	verdict = token_read(&ring, text, NOW, ret_claims);
	CHECK(verdict < TOKEN_VERDICT_MAX);
	if (verdict != TOKEN_GOOD) {
		CHECK(claims_are_equal(ret_claims, &untouched));
		return verdict;
	}
	CHECK(text.len < TOKEN_TEXT_SIZE && utf8_is_valid(text));
	CHECK(!uuid_is_nil(ret_claims->user_id) && !uuid_is_nil(ret_claims->session_id));
	CHECK(ret_claims->issued_at >= 0 && ret_claims->issued_at <= NOW + TOKEN_SKEW_S);
	CHECK(ret_claims->expires_at > NOW &&
	      ret_claims->expires_at - ret_claims->issued_at <= TOKEN_LIFE_S + TOKEN_SKEW_S);
	token_write(&ring.keys[0], ret_claims, written);
	CHECK(token_read(&ring, str_from(written), NOW, &again) == TOKEN_GOOD);
	CHECK(claims_are_equal(ret_claims, &again));
	return verdict;
}

static void
any_token(struct str text)
{
	struct token_claims claims;

	(void)!read_token(text, &claims);
}

static void
append_part(struct buf *buf, struct str bytes)
{
	static char text[16 * 1024];

	base64url_write(bytes.ptr, bytes.len, text, sizeof(text));
	buf_append_str(buf, str_from(text));
}

/* Whatever is signed with a good key is read as what it is, and no bit of it can be another. */
static void
signed_token(struct str text)
{
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	struct str header = fuzz_take(&text, '\n');
	struct token_claims claims;
	enum token_verdict verdict;
	struct buf buf;

	buf_init(&buf, (size_t)64 * 1024);
	append_part(&buf, header);
	buf_append_char(&buf, '.');
	append_part(&buf, text);
	crypto_auth_hmacsha256(mac, (const unsigned char *)buf.ptr, buf.len, ring.keys[0].bytes);
	buf_append_char(&buf, '.');
	append_part(&buf, (struct str){(const char *)mac, sizeof(mac)});
	CHECK(!buf.overflow);
	verdict = read_token(buf_str(&buf), &claims);
	if (verdict == TOKEN_GOOD) {
		buf.ptr[buf.len / 2] = (char)(buf.ptr[buf.len / 2] ^ 1);
		CHECK(read_token(buf_str(&buf), &claims) != TOKEN_GOOD);
	}
	buf_release(&buf);
}

static void
flipped_token(struct str text)
{
	const struct token_claims good = {.user_id = {{1}},
	    .session_id = {{2}},
	    .issued_at = NOW,
	    .expires_at = NOW + TOKEN_LIFE_S};
	struct token_claims claims;
	char token[TOKEN_TEXT_SIZE];
	size_t bit;

	if (text.len < 2)
		return;
	bit = (size_t)(unsigned char)text.ptr[0] << 8 | (unsigned char)text.ptr[1];
	token_write(&ring.keys[1], &good, token);
	CHECK(read_token(str_from(token), &claims) == TOKEN_GOOD);
	CHECK(claims_are_equal(&claims, &good));
	bit %= 8 * strlen(token);
	text = (struct str){token, strlen(token)};
	token[bit / 8] = (char)(token[bit / 8] ^ 1 << bit % 8);
	CHECK(read_token(text, &claims) != TOKEN_GOOD);
}

/* A signature is good only when it is the one that the key gives. */
static void
any_signature(struct str text)
{
	struct str signature = fuzz_take(&text, '\n');
	const struct str parts[PARTS] = {fuzz_take(&text, '\n'), text};
	char good[SIGNATURE_TEXT_SIZE];

	signature_write(&ring.keys[2], parts, PARTS, good);
	CHECK(signature_is_good(&ring, signature, parts, PARTS) ==
	      str_equal(signature, str_from(good)));
}

/* The same bytes are parted in one way only. */
static void
own_signature(struct str text)
{
	const struct str whole = text;
	struct str parts[PARTS] = {fuzz_take(&text, '\n'), text};
	char good[SIGNATURE_TEXT_SIZE];

	signature_write(&ring.keys[2], parts, PARTS, good);
	CHECK(signature_is_good(&ring, str_from(good), parts, PARTS));
	CHECK(!signature_is_good(&ring, str_from(good), parts, PARTS - 1));
	CHECK(!signature_is_good(&ring, str_from(good), &whole, 1));
	if (parts[1].len > 0) {
		parts[1].len--;
		CHECK(!signature_is_good(&ring, str_from(good), parts, PARTS));
	}
}

/* Each run of bytes has one text. */
static void
any_text(struct str text)
{
	static char bytes[8192], again[16 * 1024];
	size_t len;

	if (base64url_read(text, bytes, sizeof(bytes), &len)) {
		CHECK(base64url_has_form(text) && BASE64URL_LEN(len) == text.len);
		base64url_write(bytes, len, again, sizeof(again));
		CHECK(str_equal(str_from(again), text));
	}
	CHECK(!(random_token_has_form(REFRESH_TOKEN_PREFIX, text) && api_key_has_form(text)));
	if (random_token_has_form(INVITATION_PREFIX, text))
		CHECK(text.len < RANDOM_TOKEN_SIZE && utf8_is_valid(text));
	CHECK(!signing_name_has_form(text) || (text.len <= SIGNING_NAME_MAX && text.len > 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static void (*const texts[])(struct str text) = {
	    any_token,
	    signed_token,
	    flipped_token,
	    any_signature,
	    own_signature,
	    any_text,
	};
	struct str text = {(const char *)bytes, len};
	size_t pick = fuzz_pick(&text, ARRAY_LEN(texts));

	texts[pick](text);
	return 0;
}
