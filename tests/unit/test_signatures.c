#include "worker/signatures.h"

#include <sodium.h>

#include "common/codec/command_signature.h"
#include "tests/unit/unit.h"

#define SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER_SECRET "10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY "01a201d3-0cb9-8800-a560-2c2096ed7ca9"

static struct signatures signatures;

/* A worker that demands signatures, and knows these keys of the secret, the newest first. */
static void
setup(void)
{
	struct id_secret secret;

	ck_assert_int_ge(sodium_init(), 0);
	ck_assert(id_secret_read(STR(SECRET), &secret));
	signatures_init(&signatures, &secret);
	ck_assert(
	    signing_ring_add(&signatures.ring, &signatures.secret, SIGNING_COMMAND, STR("newer")));
	ck_assert(
	    signing_ring_add(&signatures.ring, &signatures.secret, SIGNING_COMMAND, STR("older")));
	signatures.loaded_at_ms = 1;
}

/* What another ingress, with ${secret}, writes beside a message by its key ${name}. */
static void
sign(const char *secret, const char *name, struct str key, struct str value, int32_t partition,
    char ret_text[SIGNATURE_TEXT_SIZE])
{
	struct signing_ring ring = {.len = 0};
	struct command_parts parts;
	struct id_secret read;

	ck_assert(id_secret_read(str_from(secret), &read));
	ck_assert(signing_ring_add(&ring, &read, SIGNING_COMMAND, str_from(name)));
	command_parts_init(&parts, key, value, partition);
	signature_write(&ring.keys[0], parts.parts, COMMAND_PARTS, ret_text);
}

/* Signed with these; what comes is KEY, "value", partition 5. */
struct allow_row {
	const char *name;
	const char *secret, *signing_key;
	struct str key, value;
	int32_t partition;
	bool good;
};

#define A_KEY                        \
	{                            \
		KEY, sizeof(KEY) - 1 \
	}
#define A_VALUE            \
	{                  \
		"value", 5 \
	}

static const struct allow_row allow_rows[] = {
    {"the newest key", SECRET, "newer", A_KEY, A_VALUE, 5, true},
    {"one before it", SECRET, "older", A_KEY, A_VALUE, 5, true},
    {"a key that is not valid", SECRET, "gone", A_KEY, A_VALUE, 5, false},
    {"a key of another secret", OTHER_SECRET, "newer", A_KEY, A_VALUE, 5, false},
    {"another partition", SECRET, "newer", A_KEY, A_VALUE, 6, false},
    {"a partition that begins alike", SECRET, "newer", A_KEY, A_VALUE, 55, false},
    {"another key", SECRET, "newer", {"customer", 8}, A_VALUE, 5, false},
    {"no key", SECRET, "newer", {NULL, 0}, A_VALUE, 5, false},
    {"another value", SECRET, "newer", A_KEY, {"valuf", 5}, 5, false},
    {"a longer value", SECRET, "newer", A_KEY, {"value ", 6}, 5, false},
    {"no value", SECRET, "newer", A_KEY, {NULL, 0}, 5, false},
    {"a byte from one part to the next", SECRET, "newer", {KEY "v", sizeof(KEY)}, {"alue", 4}, 5,
	false},
};

START_TEST(test_allow)
{
	const struct allow_row *row = &allow_rows[_i];
	char text[SIGNATURE_TEXT_SIZE];

	setup();
	sign(row->secret, row->signing_key, row->key, row->value, row->partition, text);
	ck_assert_msg(
	    signatures_allow(&signatures, str_from(text), STR(KEY), STR("value"), 5) == row->good,
	    "%s", row->name);
	signatures_release(&signatures);
}
END_TEST

/* What a stranger may write in place of a signature. */
static const char *const forged[] = {NULL, "", ".", "newer", "newer.", ".newer",
    "newer.0000000000000000000000000000000000000000000000000000000000000000", "newer.00",
    "none.0000000000000000000000000000000000000000000000000000000000000000"};

START_TEST(test_forged)
{
	setup();
	ck_assert(!signatures_allow(&signatures, str_from(forged[_i]), STR(KEY), STR("value"), 5));
	signatures_release(&signatures);
}
END_TEST

/* Cut off anywhere, in capitals, with something behind, with another name. */
START_TEST(test_changed)
{
	char text[SIGNATURE_TEXT_SIZE], longer[SIGNATURE_TEXT_SIZE + 1];

	setup();
	sign(SECRET, "newer", STR(KEY), STR("value"), 5, text);
	for (size_t len = 0; len < strlen(text); len++) {
		struct str cut = {text, len};

		ck_assert(!signatures_allow(&signatures, cut, STR(KEY), STR("value"), 5));
	}
	snprintf(longer, sizeof(longer), "%s0", text);
	ck_assert(!signatures_allow(&signatures, str_from(longer), STR(KEY), STR("value"), 5));
	for (size_t i = 0; i < strlen(text); i++) {
		text[i] = (char)(text[i] ^ 1);
		ck_assert(
		    !signatures_allow(&signatures, str_from(text), STR(KEY), STR("value"), 5));
		text[i] = (char)(text[i] ^ 1);
	}
	ck_assert(signatures_allow(&signatures, str_from(text), STR(KEY), STR("value"), 5));
	memcpy(text, "older", 5);
	ck_assert(!signatures_allow(&signatures, str_from(text), STR(KEY), STR("value"), 5));
	signatures_release(&signatures);
}
END_TEST

START_TEST(test_when_keys_are_read)
{
	struct str known = STR("older.00"), unknown = STR("rotated.00");

	setup();
	signatures.loaded_at_ms = 1000;
	ck_assert(!signatures_wants(&signatures, known, 1000));
	ck_assert(!signatures_wants(&signatures, STR_NONE, 1000));
	ck_assert(!signatures_wants(&signatures, known, 11000));
	ck_assert(signatures_wants(&signatures, known, 11001));
	ck_assert(signatures_wants(&signatures, unknown, 1000));
	ck_assert(signatures_wants(&signatures, STR("no dot"), 1000));
	signatures.loaded_at_ms = 0;
	ck_assert(signatures_wants(&signatures, known, 1000));
	signatures_release(&signatures);
}
END_TEST

START_TEST(test_where_none_are_demanded)
{
	signatures_init(&signatures, NULL);
	ck_assert(!signatures_wants(&signatures, STR("rotated.00"), 1));
	ck_assert(signatures_allow(&signatures, STR_NONE, STR(KEY), STR("value"), 5));
	ck_assert(signatures_allow(&signatures, STR("forged"), STR_NONE, STR_NONE, 5));
}
END_TEST

START_TEST(test_release_wipes)
{
	setup();
	signatures_release(&signatures);
	ck_assert_int_eq(sodium_is_zero((const void *)&signatures, sizeof(signatures)), 1);
}
END_TEST

UNIT_MAIN("signatures", UNIT_ROWS(test_allow, allow_rows), UNIT_ROWS(test_forged, forged),
    UNIT(test_changed), UNIT(test_when_keys_are_read), UNIT(test_where_none_are_demanded),
    UNIT(test_release_wipes))
