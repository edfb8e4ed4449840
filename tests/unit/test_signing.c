#include "common/base/signing.h"

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

static const struct id_secret secret = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}};

static struct signing_ring
ring_of_two(void)
{
	struct signing_ring ring = {0};

	ck_assert(signing_ring_add(&ring, &secret, SIGNING_COMMAND, STR("k2")));
	ck_assert(signing_ring_add(&ring, &secret, SIGNING_COMMAND, STR("k1")));
	ck_assert(signing_ring_add(&ring, &secret, SIGNING_TOKEN, STR("k1")));
	return ring;
}

/* Keys and signatures as another implementation of BLAKE2b gives them (tests/integration forges
 * tokens with the same): a change of one would make all that is signed worthless. */
static const struct key_row {
	enum signing_purpose purpose;
	const char *name;
	const char *digits;
} key_rows[] = {
    {SIGNING_TOKEN, "k1", "2d1f5ce4cb858ab345a7b008fa282a43c0c1161acccb5daa14a29d71534fa853"},
    {SIGNING_COMMAND, "k1", "4bef94bb6a81256db4c9bff3da6c5e5df902af958088ada8b9501e567c53741d"},
    {SIGNING_TOKEN, "k2", "a8eb8a7e75b75e4799882e1cd4fecb40c72abc622c5751db2a421721d7e9827c"},
    {SIGNING_COMMAND, "0123456789abcdef0123456789abcde_",
	"74e7772ce8e2fc97ec316be5d1813fca32a230b1587944854643ce2894f047f9"},
};

START_TEST(test_pinned_keys)
{
	const struct key_row *row = &key_rows[_i];
	const struct signing_key *key;
	struct signing_ring ring = {0};
	char digits[2 * SIGNING_KEY_BYTES + 1];

	ck_assert(signing_ring_add(&ring, &secret, row->purpose, str_from(row->name)));
	key = signing_ring_newest(&ring, row->purpose);
	ck_assert_ptr_nonnull(key);
	for (size_t i = 0; i < sizeof(key->bytes); i++)
		snprintf(digits + 2 * i, 3, "%02x", key->bytes[i]);
	ck_assert_str_eq(digits, row->digits);
	ck_assert_str_eq(key->name, row->name);
}
END_TEST

START_TEST(test_another_secret)
{
	struct signing_ring ring = ring_of_two(), other = {0};
	struct id_secret other_secret = secret;

	other_secret.bytes[31] ^= 1;
	ck_assert(signing_ring_add(&other, &other_secret, SIGNING_COMMAND, STR("k2")));
	ck_assert(memcmp(other.keys[0].bytes, ring.keys[0].bytes, SIGNING_KEY_BYTES) != 0);
}
END_TEST

static const struct name_row {
	const char *name;
	struct str text;
	bool good;
} name_rows[] = {
    {"one character", TEXT("a"), true},
    {"all kinds", TEXT("azAZ09-_"), true},
    {"the longest", TEXT("0123456789abcdef0123456789abcdef"), true},
    {"one too long", TEXT("0123456789abcdef0123456789abcdef0"), false},
    {"none", TEXT_NONE, false},
    {"nothing", TEXT(""), false},
    {"a dot, which ends it", TEXT("a.b"), false},
    {"a space", TEXT("a b"), false},
    {"a quote", TEXT("a\"b"), false},
    {"a NUL", TEXT("a\0"), false},
    {"beyond ASCII", TEXT("\303\251"), false},
};

START_TEST(test_names)
{
	const struct name_row *row = &name_rows[_i];
	struct signing_ring ring = {0};

	ck_assert_msg(signing_name_has_form(row->text) == row->good, "%s", row->name);
	ck_assert_msg(signing_ring_add(&ring, &secret, SIGNING_TOKEN, row->text) == row->good, "%s",
	    row->name);
	ck_assert_uint_eq(ring.len, row->good ? 1 : 0);
}
END_TEST

START_TEST(test_purposes)
{
	enum signing_purpose purpose = SIGNING_PURPOSE_MAX;

	for (enum signing_purpose each = 0; each < SIGNING_PURPOSE_MAX; each++) {
		ck_assert(signing_purpose_from(str_from(signing_purpose_name(each)), &purpose));
		ck_assert_int_eq(purpose, each);
	}
	ck_assert_str_eq(signing_purpose_name(SIGNING_TOKEN), "token");
	ck_assert_str_eq(signing_purpose_name(SIGNING_COMMAND), "command");
	purpose = SIGNING_PURPOSE_MAX;
	ck_assert(!signing_purpose_from(STR("Token"), &purpose));
	ck_assert(!signing_purpose_from(STR(""), &purpose));
	ck_assert(!signing_purpose_from(STR_NONE, &purpose));
	ck_assert_int_eq(purpose, SIGNING_PURPOSE_MAX);
}
END_TEST

START_TEST(test_newest_and_named)
{
	struct signing_ring ring = ring_of_two(), empty = {0};

	ck_assert_str_eq(signing_ring_newest(&ring, SIGNING_COMMAND)->name, "k2");
	ck_assert_str_eq(signing_ring_newest(&ring, SIGNING_TOKEN)->name, "k1");
	ck_assert_ptr_eq(signing_ring_find(&ring, SIGNING_COMMAND, STR("k1")), &ring.keys[1]);
	ck_assert_ptr_eq(signing_ring_find(&ring, SIGNING_TOKEN, STR("k1")), &ring.keys[2]);
	ck_assert_ptr_null(signing_ring_find(&ring, SIGNING_TOKEN, STR("k2")));
	ck_assert_ptr_null(signing_ring_find(&ring, SIGNING_TOKEN, STR("k")));
	ck_assert_ptr_null(signing_ring_find(&ring, SIGNING_TOKEN, STR("")));
	ck_assert_ptr_null(signing_ring_find(&ring, SIGNING_TOKEN, STR_NONE));
	ck_assert_ptr_null(signing_ring_newest(&empty, SIGNING_TOKEN));
}
END_TEST

/* Many keys of one purpose never crowd out the other's. */
START_TEST(test_a_full_ring)
{
	struct signing_ring ring = {0}, before;
	char name[16];

	for (int i = 0; i < SIGNING_KEYS_MAX; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		ck_assert(signing_ring_add(&ring, &secret, SIGNING_COMMAND, str_from(name)));
	}
	before = ring;
	ck_assert(!signing_ring_add(&ring, &secret, SIGNING_COMMAND, STR("more")));
	ck_assert_mem_eq(&ring, &before, sizeof(ring));
	for (int i = 0; i < SIGNING_KEYS_MAX; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		ck_assert(signing_ring_add(&ring, &secret, SIGNING_TOKEN, str_from(name)));
	}
	ck_assert(!signing_ring_add(&ring, &secret, SIGNING_TOKEN, STR("more")));
	ck_assert(!signing_ring_add(&ring, &secret, SIGNING_COMMAND, STR("more")));
	ck_assert_str_eq(signing_ring_newest(&ring, SIGNING_COMMAND)->name, "c0");
	ck_assert_str_eq(signing_ring_newest(&ring, SIGNING_TOKEN)->name, "t0");
}
END_TEST

static const struct signature_row {
	const char *name;
	struct str parts[2];
	size_t len;
	const char *text; /* by k1 */
} signature_rows[] = {
    {"two parts", {TEXT("a"), TEXT("bc")}, 2,
	"k1.3bc9bc08f3bda15796d8275dab8d3578f7bd3f8d3752436f547dca120f878000"},
    {"the same bytes, parted elsewhere", {TEXT("ab"), TEXT("c")}, 2,
	"k1.f0e3f2ab612e6a513dbdc6add629c1eb783ff47b16704a2b56ee05676a05a5fc"},
    {"no part", {TEXT_NONE}, 0,
	"k1.695e256090f7a01e9d5d724180c4b4ca170e1dd2afc48c68309023b31b5e1599"},
    {"an empty part", {TEXT("")}, 1,
	"k1.307fa0ed29e22cc1f521844e91a774fca4973bee3d274f9d98e6ff87701dcba9"},
    {"two of them", {TEXT(""), TEXT_NONE}, 2,
	"k1.0567f1fb50c44b594aae236c390219f310be22f70b5119510d648b19007da663"},
};

START_TEST(test_pinned_signatures)
{
	const struct signature_row *row = &signature_rows[_i];
	const struct signing_ring ring = ring_of_two();
	char text[SIGNATURE_TEXT_SIZE];

	signature_write(
	    signing_ring_find(&ring, SIGNING_COMMAND, STR("k1")), row->parts, row->len, text);
	ck_assert_str_eq(text, row->text);
	for (size_t i = 0; i < ARRAY_LEN(signature_rows); i++)
		ck_assert_msg(signature_is_good(&ring, str_from(text), signature_rows[i].parts,
				  signature_rows[i].len) == ((int)i == _i),
		    "%s, as signature of %s", row->name, signature_rows[i].name);
}
END_TEST

#define DIGITS "3bc9bc08f3bda15796d8275dab8d3578f7bd3f8d3752436f547dca120f878000"

/* Texts that might be the signature of the first row. */
static const struct verdict_row {
	const char *name;
	struct str text;
	bool good;
} verdict_rows[] = {
    {"as it was written", TEXT("k1." DIGITS), true},
    {"the name of another key", TEXT("k2." DIGITS), false},
    {"the name of no key", TEXT("k3." DIGITS), false},
    {"no name", TEXT("." DIGITS), false},
    {"neither name nor dot", TEXT(DIGITS), false},
    {"no dot", TEXT("k1" DIGITS), false},
    {"another character than the dot", TEXT("k1:" DIGITS), false},
    {"a name longer than any", TEXT("0123456789abcdef0123456789abcdef0." DIGITS), false},
    {"upper case", TEXT("k1.3BC9BC08F3BDA15796D8275DAB8D3578F7BD3F8D3752436F547DCA120F878000"),
	false},
    {"a digit short", TEXT("k1.3bc9bc08f3bda15796d8275dab8d3578f7bd3f8d3752436f547dca120f87800"),
	false},
    {"a digit too many", TEXT("k1." DIGITS "0"), false},
    {"a space behind", TEXT("k1." DIGITS " "), false},
    {"a NUL behind", TEXT("k1." DIGITS "\0"), false},
    {"the digits alone, and their dot twice", TEXT("k1.." DIGITS), false},
    {"the name alone", TEXT("k1."), false},
    {"nothing", TEXT(""), false},
    {"none", TEXT_NONE, false},
};

START_TEST(test_texts)
{
	const struct verdict_row *row = &verdict_rows[_i];
	const struct signing_ring ring = ring_of_two();

	ck_assert_msg(signature_is_good(&ring, row->text, signature_rows[0].parts, 2) == row->good,
	    "%s", row->name);
}
END_TEST

START_TEST(test_a_flipped_bit)
{
	const struct signing_ring ring = ring_of_two();
	char text[SIGNATURE_TEXT_SIZE], part[] = "a part of it";
	const struct str parts[] = {{part, sizeof(part)}, STR("and another")};

	signature_write(signing_ring_newest(&ring, SIGNING_COMMAND), parts, 2, text);
	ck_assert(signature_is_good(&ring, str_from(text), parts, 2));
	for (size_t bit = 0; bit < 8 * strlen(text); bit++) {
		char flipped[SIGNATURE_TEXT_SIZE];

		memcpy(flipped, text, sizeof(flipped));
		flipped[bit / 8] = (char)(flipped[bit / 8] ^ 1 << bit % 8);
		ck_assert(!signature_is_good(&ring, (struct str){flipped, strlen(text)}, parts, 2));
	}
	for (size_t bit = 0; bit < 8 * sizeof(part); bit++) {
		part[bit / 8] = (char)(part[bit / 8] ^ 1 << bit % 8);
		ck_assert(!signature_is_good(&ring, str_from(text), parts, 2));
		part[bit / 8] = (char)(part[bit / 8] ^ 1 << bit % 8);
	}
}
END_TEST

START_TEST(test_by_an_empty_ring)
{
	struct signing_ring ring = {0};

	ck_assert(!signature_is_good(&ring, STR("k1." DIGITS), signature_rows[0].parts, 2));
	ck_assert(signing_ring_add(&ring, &secret, SIGNING_TOKEN, STR("k1")));
	ck_assert(!signature_is_good(&ring, STR("k1." DIGITS), signature_rows[0].parts, 2));
}
END_TEST

START_TEST(test_aborts_on_a_key_for_tokens)
{
	const struct signing_ring ring = ring_of_two();
	char text[SIGNATURE_TEXT_SIZE];

	signature_write(
	    signing_ring_newest(&ring, SIGNING_TOKEN), signature_rows[0].parts, 2, text);
}
END_TEST

UNIT_MAIN("signing", UNIT_ROWS(test_pinned_keys, key_rows), UNIT(test_another_secret),
    UNIT_ROWS(test_names, name_rows), UNIT(test_purposes), UNIT(test_newest_and_named),
    UNIT(test_a_full_ring), UNIT_ROWS(test_pinned_signatures, signature_rows),
    UNIT_ROWS(test_texts, verdict_rows), UNIT(test_a_flipped_bit), UNIT(test_by_an_empty_ring),
    UNIT_ABORTS(test_aborts_on_a_key_for_tokens))
