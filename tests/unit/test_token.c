#include "common/base/token.h"

#include <sodium.h>

#include "common/base/base64url.h"
#include "tests/unit/unit.h"

/* In a table, where a compound literal is no constant. */
#define TEXT(literal)                           \
	{                                       \
		"" literal, sizeof(literal) - 1 \
	}
#define TEXT_NONE       \
	{               \
		NULL, 0 \
	}

#define NOW 1800000000

static const struct id_secret secret = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}};

static const struct token_claims good_claims = {
    .user_id = {{1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 16}},
    .session_id = {{0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x47, 0x18, 0x99, 0x1a, 0x1b, 0x1c, 0x1d,
	0x1e, 0x1f, 0x20}},
    .issued_at = NOW,
    .expires_at = NOW + TOKEN_LIFE_S,
};

#define USER "01020304-0506-4708-890a-0b0c0d0e0f10"
#define SESSION "11121314-1516-4718-991a-1b1c1d1e1f20"
#define ZEROS "00000000-0000-0000-0000-000000000000"

/* The ring that reads: new is the newest key for tokens, k1 is on its way out. */
static struct signing_ring
the_ring(void)
{
	struct signing_ring ring = {0};

	ck_assert(signing_ring_add(&ring, &secret, SIGNING_TOKEN, STR("new")));
	ck_assert(signing_ring_add(&ring, &secret, SIGNING_TOKEN, STR("k1")));
	ck_assert(signing_ring_add(&ring, &secret, SIGNING_COMMAND, STR("other")));
	return ring;
}

static struct signing_key
key_named(enum signing_purpose purpose, const char *name)
{
	struct signing_ring ring = {0};

	ck_assert(signing_ring_add(&ring, &secret, purpose, str_from(name)));
	return ring.keys[0];
}

static void
assert_claims(const struct token_claims *claims, const struct token_claims *expected)
{
	ck_assert(uuid_equal(claims->user_id, expected->user_id));
	ck_assert(uuid_equal(claims->session_id, expected->session_id));
	ck_assert_int_eq(claims->issued_at, expected->issued_at);
	ck_assert_int_eq(claims->expires_at, expected->expires_at);
}

/* As another implementation of JWT and of our keys gives it. */
START_TEST(test_pinned)
{
	const struct signing_ring ring = the_ring();
	struct token_claims claims;
	char text[TOKEN_TEXT_SIZE];

	token_write(&ring.keys[1], &good_claims, text);
	ck_assert_str_eq(text,
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsxIn0"
	    ".eyJpc3MiOiJiaWxsZCIsImF1ZCI6ImJpbGxkLWFwaSIsInN1YiI6IjAxMDIwMzA0LTA1MDYtNDcwOC04OTBh"
	    "LTBiMGMwZDBlMGYxMCIsInNpZCI6IjExMTIxMzE0LTE1MTYtNDcxOC05OTFhLTFiMWMxZDFlMWYyMCIsImlhd"
	    "CI6MTgwMDAwMDAwMCwiZXhwIjoxODAwMDAwOTAwfQ"
	    ".QaDkeqLM9qKTPHrBIMBKqbaol9pcS4DI8mGTWQCNQwk");
	ck_assert_int_eq(token_read(&ring, str_from(text), NOW, &claims), TOKEN_GOOD);
	assert_claims(&claims, &good_claims);
	ck_assert(token_has_form(str_from(text)));
}
END_TEST

START_TEST(test_the_longest)
{
	struct signing_ring ring = {0};
	struct token_claims longest = good_claims, claims;
	char text[TOKEN_TEXT_SIZE];

	longest.issued_at = INT64_MAX - TOKEN_LIFE_S;
	longest.expires_at = INT64_MAX;
	ck_assert(signing_ring_add(
	    &ring, &secret, SIGNING_TOKEN, STR("0123456789abcdef0123456789abcdef")));
	token_write(&ring.keys[0], &longest, text);
	ck_assert_int_eq(token_read(&ring, str_from(text), INT64_MAX - 1, &claims), TOKEN_GOOD);
	assert_claims(&claims, &longest);
}
END_TEST

/* Append base64url of ${json}. */
static void
append_part(struct buf *buf, struct str json)
{
	char text[16 * 1024];

	base64url_write(json.ptr, json.len, text, sizeof(text));
	buf_append_str(buf, str_from(text));
}

/* Sign whatever stands in ${buf} by the HMAC-SHA-256 of ${key}, and append that. */
static void
append_mac(struct buf *buf, const struct signing_key *key)
{
	uint8_t mac[crypto_auth_hmacsha256_BYTES];

	crypto_auth_hmacsha256(mac, (const unsigned char *)buf->ptr, buf->len, key->bytes);
	buf_append_char(buf, '.');
	append_part(buf, (struct str){(const char *)mac, sizeof(mac)});
}

#define HEADER_OF(alg, kid) "{\"alg\":" alg ",\"typ\":\"JWT\",\"kid\":" kid "}"
#define HEADER HEADER_OF("\"HS256\"", "\"k1\"")
#define CLAIMS_OF(iss, aud, sub, sid, iat, exp)                                         \
	"{\"iss\":" iss ",\"aud\":" aud ",\"sub\":" sub ",\"sid\":" sid ",\"iat\":" iat \
	",\"exp\":" exp "}"
#define AUDIENCE "\"billd-api\""
#define FOR(iss, aud) \
	CLAIMS_OF(iss, aud, "\"" USER "\"", "\"" SESSION "\"", "1800000000", "1800000900")
#define OF(sub, sid) CLAIMS_OF("\"billd\"", AUDIENCE, sub, sid, "1800000000", "1800000900")
#define TIMES(iat, exp) \
	CLAIMS_OF("\"billd\"", AUDIENCE, "\"" USER "\"", "\"" SESSION "\"", iat, exp)
#define CLAIMS FOR("\"billd\"", AUDIENCE)

/* What somebody writes who has a key: the reader believes no more than it must. */
static const struct token_row {
	const char *name;
	struct str header;
	struct str claims;
	enum token_verdict verdict;
	const char *key; /* by which it is signed; NULL: k1 */
} token_rows[] = {
    {"as ours are", TEXT(HEADER), TEXT(CLAIMS), TOKEN_GOOD, NULL},
    {"by the newest key", TEXT(HEADER_OF("\"HS256\"", "\"new\"")), TEXT(CLAIMS), TOKEN_GOOD, "new"},
    {"in another order, with spaces",
	TEXT("{ \"kid\": \"k1\", \"typ\": \"JWT\", \"alg\": \"HS256\" }"), TEXT(CLAIMS), TOKEN_GOOD,
	NULL},

    /* The header. */
    {"none", TEXT(HEADER_OF("\"none\"", "\"k1\"")), TEXT(CLAIMS), TOKEN_WRONG_KEY, NULL},
    {"None", TEXT(HEADER_OF("\"None\"", "\"k1\"")), TEXT(CLAIMS), TOKEN_WRONG_KEY, NULL},
    {"the algorithm in lower case", TEXT(HEADER_OF("\"hs256\"", "\"k1\"")), TEXT(CLAIMS),
	TOKEN_WRONG_KEY, NULL},
    {"a space behind the algorithm", TEXT(HEADER_OF("\"HS256 \"", "\"k1\"")), TEXT(CLAIMS),
	TOKEN_WRONG_KEY, NULL},
    {"no algorithm's name", TEXT(HEADER_OF("\"\"", "\"k1\"")), TEXT(CLAIMS), TOKEN_WRONG_KEY, NULL},
    {"HS384", TEXT(HEADER_OF("\"HS384\"", "\"k1\"")), TEXT(CLAIMS), TOKEN_WRONG_KEY, NULL},
    {"HS512", TEXT(HEADER_OF("\"HS512\"", "\"k1\"")), TEXT(CLAIMS), TOKEN_WRONG_KEY, NULL},
    {"RS256", TEXT(HEADER_OF("\"RS256\"", "\"k1\"")), TEXT(CLAIMS), TOKEN_WRONG_KEY, NULL},
    {"EdDSA", TEXT(HEADER_OF("\"EdDSA\"", "\"k1\"")), TEXT(CLAIMS), TOKEN_WRONG_KEY, NULL},
    {"the algorithm is null", TEXT(HEADER_OF("null", "\"k1\"")), TEXT(CLAIMS), TOKEN_MALFORMED,
	NULL},
    {"the algorithm is a list", TEXT(HEADER_OF("[\"HS256\"]", "\"k1\"")), TEXT(CLAIMS),
	TOKEN_MALFORMED, NULL},
    {"no algorithm", TEXT("{\"typ\":\"JWT\",\"kid\":\"k1\"}"), TEXT(CLAIMS), TOKEN_MALFORMED, NULL},
    {"an unknown key", TEXT(HEADER_OF("\"HS256\"", "\"k9\"")), TEXT(CLAIMS), TOKEN_WRONG_KEY, "k9"},
    {"another purpose's key", TEXT(HEADER_OF("\"HS256\"", "\"other\"")), TEXT(CLAIMS),
	TOKEN_WRONG_KEY, "other"},
    {"a key's name that is empty", TEXT(HEADER_OF("\"HS256\"", "\"\"")), TEXT(CLAIMS),
	TOKEN_WRONG_KEY, NULL},
    {"a key's name with more behind it", TEXT(HEADER_OF("\"HS256\"", "\"k1 \"")), TEXT(CLAIMS),
	TOKEN_WRONG_KEY, NULL},
    {"a key's name with a NUL behind it", TEXT(HEADER_OF("\"HS256\"", "\"k1\\u0000\"")),
	TEXT(CLAIMS), TOKEN_MALFORMED, NULL},
    {"no key's name", TEXT("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), TEXT(CLAIMS), TOKEN_MALFORMED,
	NULL},
    {"the key's name is a number", TEXT(HEADER_OF("\"HS256\"", "1")), TEXT(CLAIMS), TOKEN_MALFORMED,
	NULL},
    {"another type", TEXT("{\"alg\":\"HS256\",\"typ\":\"JWE\",\"kid\":\"k1\"}"), TEXT(CLAIMS),
	TOKEN_MALFORMED, NULL},
    {"no type", TEXT("{\"alg\":\"HS256\",\"kid\":\"k1\"}"), TEXT(CLAIMS), TOKEN_MALFORMED, NULL},
    {"what must be understood",
	TEXT("{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k1\",\"crit\":[\"exp\"]}"), TEXT(CLAIMS),
	TOKEN_MALFORMED, NULL},
    {"what must be understood, as a text",
	TEXT("{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k1\",\"crit\":\"exp\"}"), TEXT(CLAIMS),
	TOKEN_MALFORMED, NULL},
    {"a key that it brings along",
	TEXT("{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k1\",\"jwk\":{\"kty\":\"oct\"}}"),
	TEXT(CLAIMS), TOKEN_MALFORMED, NULL},
    {"where to find a key",
	TEXT("{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k1\",\"jku\":\"http://x\"}"),
	TEXT(CLAIMS), TOKEN_MALFORMED, NULL},
    {"the algorithm twice",
	TEXT("{\"alg\":\"none\",\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}"), TEXT(CLAIMS),
	TOKEN_MALFORMED, NULL},
    {"the algorithm twice, once in escapes",
	TEXT("{\"\\u0061lg\":\"none\",\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}"),
	TEXT(CLAIMS), TOKEN_MALFORMED, NULL},
    {"a header that is no JSON", TEXT("{\"alg\""), TEXT(CLAIMS), TOKEN_MALFORMED, NULL},
    {"a header that is a list", TEXT("[\"HS256\"]"), TEXT(CLAIMS), TOKEN_MALFORMED, NULL},
    {"an empty header", TEXT("{}"), TEXT(CLAIMS), TOKEN_MALFORMED, NULL},
    {"more behind the header", TEXT(HEADER "{}"), TEXT(CLAIMS), TOKEN_MALFORMED, NULL},
    {"a NUL behind the header", TEXT(HEADER "\0"), TEXT(CLAIMS), TOKEN_MALFORMED, NULL},

    /* The signature. */
    {"signed by another key", TEXT(HEADER), TEXT(CLAIMS), TOKEN_BAD_SIGNATURE, "new"},
    {"signed by a command's key", TEXT(HEADER), TEXT(CLAIMS), TOKEN_BAD_SIGNATURE, "other"},
    {"no claims, and a bad signature", TEXT(HEADER), TEXT("?"), TOKEN_BAD_SIGNATURE, "new"},

    /* The claims. */
    {"another issuer", TEXT(HEADER), TEXT(FOR("\"bill\"", AUDIENCE)), TOKEN_NOT_FOR_US, NULL},
    {"the issuer in upper case", TEXT(HEADER), TEXT(FOR("\"BILLD\"", AUDIENCE)), TOKEN_NOT_FOR_US,
	NULL},
    {"another audience", TEXT(HEADER), TEXT(FOR("\"billd\"", "\"billd-app\"")), TOKEN_NOT_FOR_US,
	NULL},
    {"no audience at all", TEXT(HEADER), TEXT(FOR("\"billd\"", "\"\"")), TOKEN_NOT_FOR_US, NULL},
    {"a list of audiences", TEXT(HEADER), TEXT(FOR("\"billd\"", "[\"billd-api\"]")),
	TOKEN_MALFORMED, NULL},
    {"the audience is null", TEXT(HEADER), TEXT(FOR("\"billd\"", "null")), TOKEN_MALFORMED, NULL},
    {"the issuer is a number", TEXT(HEADER), TEXT(FOR("7", AUDIENCE)), TOKEN_MALFORMED, NULL},
    {"the user is no UUID", TEXT(HEADER), TEXT(OF("\"root\"", "\"" SESSION "\"")), TOKEN_MALFORMED,
	NULL},
    {"the user is nobody", TEXT(HEADER), TEXT(OF("\"" ZEROS "\"", "\"" SESSION "\"")),
	TOKEN_MALFORMED, NULL},
    {"the session is no UUID", TEXT(HEADER), TEXT(OF("\"" USER "\"", "\"\"")), TOKEN_MALFORMED,
	NULL},
    {"the session is none", TEXT(HEADER), TEXT(OF("\"" USER "\"", "\"" ZEROS "\"")),
	TOKEN_MALFORMED, NULL},
    {"the session is null", TEXT(HEADER), TEXT(OF("\"" USER "\"", "null")), TOKEN_MALFORMED, NULL},
    {"times as texts", TEXT(HEADER), TEXT(TIMES("\"1800000000\"", "\"1800000900\"")),
	TOKEN_MALFORMED, NULL},
    {"times with a fraction", TEXT(HEADER), TEXT(TIMES("1800000000.0", "1800000900.0")),
	TOKEN_MALFORMED, NULL},
    {"the end with an exponent", TEXT(HEADER), TEXT(TIMES("1800000000", "18000009e2")),
	TOKEN_MALFORMED, NULL},
    {"an end beyond 64 bits", TEXT(HEADER), TEXT(TIMES("1800000000", "18446744073709551616")),
	TOKEN_MALFORMED, NULL},
    {"a time before the epoch", TEXT(HEADER), TEXT(TIMES("-1", "1800000900")), TOKEN_MALFORMED,
	NULL},
    {"the lowest time there is", TEXT(HEADER),
	TEXT(TIMES("-9223372036854775808", "9223372036854775807")), TOKEN_MALFORMED, NULL},
    {"the end is the beginning", TEXT(HEADER), TEXT(TIMES("1800000000", "1800000000")),
	TOKEN_MALFORMED, NULL},
    {"the end is before the beginning", TEXT(HEADER), TEXT(TIMES("1800000001", "1800000000")),
	TOKEN_MALFORMED, NULL},
    {"the longest life, clocks apart", TEXT(HEADER), TEXT(TIMES("1800000000", "1800000930")),
	TOKEN_GOOD, NULL},
    {"a second more", TEXT(HEADER), TEXT(TIMES("1800000000", "1800000931")), TOKEN_MALFORMED, NULL},
    {"a claim missing", TEXT(HEADER),
	TEXT("{\"iss\":\"billd\",\"aud\":\"billd-api\",\"sub\":\"" USER "\",\"iat\":1800000000,"
	     "\"exp\":1800000900}"),
	TOKEN_MALFORMED, NULL},
    {"a claim too many", TEXT(HEADER),
	TEXT("{\"iss\":\"billd\",\"aud\":\"billd-api\",\"sub\":\"" USER "\",\"sid\":\"" SESSION
	     "\",\"iat\":1800000000,\"exp\":1800000900,\"nbf\":1800000000}"),
	TOKEN_MALFORMED, NULL},
    {"the user twice", TEXT(HEADER),
	TEXT("{\"iss\":\"billd\",\"aud\":\"billd-api\",\"sub\":\"" SESSION "\",\"sub\":\"" USER
	     "\",\"sid\":\"" SESSION "\",\"iat\":1800000000,\"exp\":1800000900}"),
	TOKEN_MALFORMED, NULL},
    {"claims that are no JSON", TEXT(HEADER), TEXT("{\"iss\""), TOKEN_MALFORMED, NULL},
    {"claims that are a text", TEXT(HEADER), TEXT("\"billd\""), TOKEN_MALFORMED, NULL},
    {"no claims", TEXT(HEADER), TEXT("{}"), TOKEN_MALFORMED, NULL},
    {"claims that nest", TEXT(HEADER), TEXT("{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}"), TOKEN_MALFORMED,
	NULL},
    {"a text that could nest", TEXT(HEADER), TEXT(FOR("\"bill{d\"", AUDIENCE)), TOKEN_MALFORMED,
	NULL},
    {"claims that are not UTF-8", TEXT(HEADER), TEXT(FOR("\"bill\377\"", AUDIENCE)),
	TOKEN_MALFORMED, NULL},
};

START_TEST(test_tokens)
{
	const struct token_row *row = &token_rows[_i];
	const struct signing_ring ring = the_ring();
	const char *name = row->key == NULL ? "k1" : row->key;
	const struct signing_key key =
	    key_named(strcmp(name, "other") == 0 ? SIGNING_COMMAND : SIGNING_TOKEN, name);
	struct token_claims claims = {.issued_at = -7};
	struct buf buf;

	buf_init(&buf, 4096);
	append_part(&buf, row->header);
	buf_append_char(&buf, '.');
	append_part(&buf, row->claims);
	append_mac(&buf, &key);
	ck_assert(!buf.overflow && buf.len < TOKEN_TEXT_SIZE);
	ck_assert_msg(
	    token_read(&ring, buf_str(&buf), NOW, &claims) == row->verdict, "%s", row->name);
	ck_assert_msg((claims.issued_at != -7) == (row->verdict == TOKEN_GOOD),
	    "%s: claims are for good tokens only", row->name);
	buf_release(&buf);
}
END_TEST

static const struct time_row {
	const char *name;
	int64_t from_issue_s; /* when it is shown */
	enum token_verdict verdict;
} time_rows[] = {
    {"at once", 0, TOKEN_GOOD},
    {"in its last second", TOKEN_LIFE_S - 1, TOKEN_GOOD},
    {"when it has expired", TOKEN_LIFE_S, TOKEN_EXPIRED},
    {"a second later", TOKEN_LIFE_S + 1, TOKEN_EXPIRED},
    {"years later", INT64_C(1000000000), TOKEN_EXPIRED},
    {"by a clock that is behind", -TOKEN_SKEW_S, TOKEN_GOOD},
    {"by one that is behind by a second too many", -TOKEN_SKEW_S - 1, TOKEN_EXPIRED},
    {"at the epoch", -NOW, TOKEN_EXPIRED},
};

START_TEST(test_times)
{
	const struct time_row *row = &time_rows[_i];
	const struct signing_ring ring = the_ring();
	struct token_claims claims;
	char text[TOKEN_TEXT_SIZE];

	token_write(&ring.keys[0], &good_claims, text);
	ck_assert_msg(
	    token_read(&ring, str_from(text), NOW + row->from_issue_s, &claims) == row->verdict,
	    "%s", row->name);
}
END_TEST

/* A good token's three parts H, C and S, put together in other ways; all else stands for itself.
 * N is S with other bits behind its end. */
static const struct shape_row {
	const char *name;
	const char *shape;
	enum token_verdict verdict;
} shape_rows[] = {
    {"as it was", "H.C.S", TOKEN_GOOD},
    {"without its signature", "H.C.", TOKEN_MALFORMED},
    {"and without its dot", "H.C", TOKEN_MALFORMED},
    {"without claims", "H..S", TOKEN_BAD_SIGNATURE},
    {"the header alone", "H", TOKEN_MALFORMED},
    {"without a header", ".C.S", TOKEN_MALFORMED},
    {"dots alone", "..", TOKEN_MALFORMED},
    {"nothing", "", TOKEN_MALFORMED},
    {"a fourth part", "H.C.S.S", TOKEN_MALFORMED},
    {"a fourth part that is empty", "H.C.S.", TOKEN_MALFORMED},
    {"an empty part in front", ".H.C.S", TOKEN_MALFORMED},
    {"five parts, as an encrypted one has", "H.C.S.S.S", TOKEN_MALFORMED},
    {"padding behind", "H.C.S=", TOKEN_MALFORMED},
    {"padding behind the header", "H=.C.S", TOKEN_MALFORMED},
    {"padding behind the claims", "H.C==.S", TOKEN_BAD_SIGNATURE},
    {"a signature written in another way", "H.C.N", TOKEN_MALFORMED},
    {"a signature and a half", "H.C.SS", TOKEN_MALFORMED},
    {"a space in front", " H.C.S", TOKEN_MALFORMED},
    {"a space behind", "H.C.S ", TOKEN_MALFORMED},
    {"a line end behind", "H.C.S\n", TOKEN_MALFORMED},
    {"a character more in the header", "AH.C.S", TOKEN_MALFORMED},
    {"the claims in place of the header", "C.C.S", TOKEN_MALFORMED},
    {"the header in place of the claims", "H.H.S", TOKEN_BAD_SIGNATURE},
    {"a character more in the claims", "H.CA.S", TOKEN_BAD_SIGNATURE},
};

static void
append_shape(struct buf *buf, const char *shape, const char *token)
{
	const char *claims = strchr(token, '.') + 1, *mac = strchr(claims, '.') + 1;

	for (; *shape != '\0'; shape++)
		switch (*shape) {
		case 'H':
			buf_append(buf, token, (size_t)(claims - 1 - token));
			break;
		case 'C':
			buf_append(buf, claims, (size_t)(mac - 1 - claims));
			break;
		case 'S':
			buf_append_str(buf, str_from(mac));
			break;
		case 'N':
			/* The last character carries four bits; the next one has the same four. */
			buf_append(buf, mac, strlen(mac) - 1);
			buf_append_char(buf, (char)(mac[strlen(mac) - 1] + 1));
			break;
		default:
			buf_append_char(buf, *shape);
		}
}

START_TEST(test_shapes)
{
	const struct shape_row *row = &shape_rows[_i];
	const struct signing_ring ring = the_ring();
	struct token_claims claims;
	char text[TOKEN_TEXT_SIZE];
	struct buf buf;

	token_write(&ring.keys[1], &good_claims, text);
	ck_assert_msg(text[strlen(text) - 1] == 'k', "N relies on it");
	buf_init(&buf, 4096);
	append_shape(&buf, row->shape, text);
	ck_assert_msg(
	    token_read(&ring, buf_str(&buf), NOW, &claims) == row->verdict, "%s", row->name);
	buf_release(&buf);
}
END_TEST

/* Nothing beside the token itself: no shorter one, none with a bit that is another. */
START_TEST(test_truncated_and_flipped)
{
	const struct signing_ring ring = the_ring();
	struct token_claims claims = {.issued_at = -7};
	char text[TOKEN_TEXT_SIZE];
	size_t len;

	token_write(&ring.keys[0], &good_claims, text);
	len = strlen(text);
	for (size_t i = 0; i < len; i++)
		ck_assert_int_ne(
		    token_read(&ring, (struct str){text, i}, NOW, &claims), TOKEN_GOOD);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
		ck_assert_int_ne(
		    token_read(&ring, (struct str){text, len}, NOW, &claims), TOKEN_GOOD);
		text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
	}
	ck_assert_int_eq(claims.issued_at, -7);
	ck_assert_int_eq(token_read(&ring, (struct str){text, len}, NOW, &claims), TOKEN_GOOD);
}
END_TEST

/* However long, and however well signed: spaces make the claims as long as one likes. */
static const size_t huge_rows[] = {TOKEN_TEXT_SIZE, 4096, 10000};

START_TEST(test_huge)
{
	const struct signing_ring ring = the_ring();
	struct token_claims claims;
	char json[10000];
	struct buf buf;

	memset(json, ' ', sizeof(json));
	memcpy(json, CLAIMS, sizeof(CLAIMS) - 2);
	json[huge_rows[_i] - 1] = '}';
	buf_init(&buf, (size_t)64 * 1024);
	append_part(&buf, STR(HEADER));
	buf_append_char(&buf, '.');
	append_part(&buf, (struct str){json, huge_rows[_i]});
	append_mac(&buf, &ring.keys[1]);
	ck_assert(!buf.overflow);
	ck_assert_int_eq(token_read(&ring, buf_str(&buf), NOW, &claims), TOKEN_MALFORMED);
	buf_release(&buf);
}
END_TEST

/* Of 511 characters a token is still read, of 512 none is. */
START_TEST(test_the_border_of_huge)
{
	const struct signing_ring ring = the_ring();
	struct token_claims claims;
	char json[TOKEN_TEXT_SIZE];
	bool border = false;

	for (size_t len = sizeof(CLAIMS) - 1; len < sizeof(json); len++) {
		struct buf buf;
		enum token_verdict verdict;

		memset(json, ' ', sizeof(json));
		memcpy(json, CLAIMS, sizeof(CLAIMS) - 2);
		json[len - 1] = '}';
		buf_init(&buf, (size_t)64 * 1024);
		append_part(&buf, STR(HEADER));
		buf_append_char(&buf, '.');
		append_part(&buf, (struct str){json, len});
		append_mac(&buf, &ring.keys[1]);
		verdict = token_read(&ring, buf_str(&buf), NOW, &claims);
		border = border || buf.len == TOKEN_TEXT_SIZE - 1;
		ck_assert_msg(verdict == (buf.len < TOKEN_TEXT_SIZE ? TOKEN_GOOD : TOKEN_MALFORMED),
		    "%zu characters", buf.len);
		buf_release(&buf);
	}
	ck_assert_msg(border, "one of them has 511 characters");
}
END_TEST

START_TEST(test_by_an_empty_ring)
{
	const struct signing_ring ring = the_ring(), empty = {0};
	struct token_claims claims;
	char text[TOKEN_TEXT_SIZE];

	token_write(&ring.keys[0], &good_claims, text);
	ck_assert_int_eq(token_read(&empty, str_from(text), NOW, &claims), TOKEN_WRONG_KEY);
	ck_assert_int_eq(token_read(&ring, STR_NONE, NOW, &claims), TOKEN_MALFORMED);
}
END_TEST

static const struct form_row {
	const char *name;
	struct str text;
	bool good;
} form_rows[] = {
    {"the beginning of a token", TEXT("eyJhbGciOiJIUzI1NiIs"), true},
    {"an API key", TEXT("billd_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), false},
    {"three characters", TEXT("eyJ"), false},
    {"nothing", TEXT(""), false},
    {"none", TEXT_NONE, false},
};

START_TEST(test_forms)
{
	const struct form_row *row = &form_rows[_i];

	ck_assert_msg(token_has_form(row->text) == row->good, "%s", row->name);
}
END_TEST

#define RANDOM_43 "AAAAAAAAAAAAAAAAAAAA-_0123456789zzzzzzzzzzz"

static const struct random_row {
	const char *name;
	struct str text;
	bool good; /* as a refresh token */
} random_rows[] = {
    {"a refresh token", TEXT(REFRESH_TOKEN_PREFIX RANDOM_43), true},
    {"an invitation", TEXT(INVITATION_PREFIX RANDOM_43), false},
    {"an API key", TEXT(API_KEY_PREFIX_LIVE RANDOM_43), false},
    {"a character short", TEXT("billd_refresh_AAAAAAAAAAAAAAAAAAAA-_0123456789zzzzzzzzzz"), false},
    {"a character too many", TEXT(REFRESH_TOKEN_PREFIX RANDOM_43 "z"), false},
    {"a slash", TEXT("billd_refresh_AAAAAAAAAAAAAAAAAAAA/_0123456789zzzzzzzzzzz"), false},
    {"a NUL", TEXT("billd_refresh_AAAAAAAAAAAAAAAAAAAA\0_0123456789zzzzzzzzzzz"), false},
    {"the prefix alone", TEXT(REFRESH_TOKEN_PREFIX), false},
    {"nothing", TEXT(""), false},
    {"none", TEXT_NONE, false},
};

START_TEST(test_random_forms)
{
	const struct random_row *row = &random_rows[_i];

	ck_assert_msg(
	    random_token_has_form(REFRESH_TOKEN_PREFIX, row->text) == row->good, "%s", row->name);
}
END_TEST

static const char *const random_prefixes[] = {REFRESH_TOKEN_PREFIX, INVITATION_PREFIX};

START_TEST(test_random_ones)
{
	char text[RANDOM_TOKEN_SIZE], other[RANDOM_TOKEN_SIZE];

	random_token_new(random_prefixes[_i], text);
	random_token_new(random_prefixes[_i], other);
	for (size_t i = 0; i < ARRAY_LEN(random_prefixes); i++)
		ck_assert(
		    random_token_has_form(random_prefixes[i], str_from(text)) == ((int)i == _i));
	ck_assert_str_ne(text, other);
}
END_TEST

START_TEST(test_aborts_on_a_key_for_commands)
{
	const struct signing_ring ring = the_ring();
	char text[TOKEN_TEXT_SIZE];

	token_write(&ring.keys[2], &good_claims, text);
}
END_TEST

START_TEST(test_aborts_on_a_life_that_never_began)
{
	const struct signing_ring ring = the_ring();
	struct token_claims claims = good_claims;
	char text[TOKEN_TEXT_SIZE];

	claims.expires_at = claims.issued_at;
	token_write(&ring.keys[0], &claims, text);
}
END_TEST

UNIT_MAIN("token", UNIT(test_pinned), UNIT(test_the_longest), UNIT_ROWS(test_tokens, token_rows),
    UNIT_ROWS(test_times, time_rows), UNIT_ROWS(test_shapes, shape_rows),
    UNIT(test_truncated_and_flipped), UNIT_ROWS(test_huge, huge_rows),
    UNIT(test_the_border_of_huge), UNIT(test_by_an_empty_ring), UNIT_ROWS(test_forms, form_rows),
    UNIT_ROWS(test_random_forms, random_rows), UNIT_ROWS(test_random_ones, random_prefixes),
    UNIT_ABORTS(test_aborts_on_a_key_for_commands),
    UNIT_ABORTS(test_aborts_on_a_life_that_never_began))
