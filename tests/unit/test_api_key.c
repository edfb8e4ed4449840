#include "common/base/api_key.h"

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

#define RANDOM_43 "AAAAAAAAAAAAAAAAAAAA-_0123456789zzzzzzzzzzz"

struct form_row {
	const char *name;
	struct str key;
	bool good;
};

static const struct form_row form_rows[] = {
    {"a live organisation's", TEXT("billd_live_" RANDOM_43), true},
    {"a test organisation's", TEXT("billd_test_" RANDOM_43), true},
    {"none", TEXT_NONE, false},
    {"nothing", TEXT(""), false},
    {"the prefix alone", TEXT("billd_live_"), false},
    {"another kind", TEXT("billd_beta_" RANDOM_43), false},
    {"a refresh token", TEXT("billd_refresh_" RANDOM_43), false},
    {"upper case in the prefix", TEXT("Billd_live_" RANDOM_43), false},
    {"a character short", TEXT("billd_live_AAAAAAAAAAAAAAAAAAAA-_0123456789zzzzzzzzzz"), false},
    {"a character too many", TEXT("billd_live_" RANDOM_43 "z"), false},
    {"a space", TEXT("billd_live_AAAAAAAAAAAAAAAAAAAA -0123456789zzzzzzzzzzz"), false},
    {"a slash", TEXT("billd_live_AAAAAAAAAAAAAAAAAAAA/-0123456789zzzzzzzzzzz"), false},
    {"a byte beyond ASCII", TEXT("billd_live_AAAAAAAAAAAAAAAAAAAA\337-0123456789zzzzzzzzzzz"),
	false},
    {"a NUL", TEXT("billd_test_AAAAAAAAAAAAAAAAAAAA\0-0123456789zzzzzzzzzzz"), false},
};

START_TEST(test_forms)
{
	const struct form_row *row = &form_rows[_i];

	ck_assert_msg(api_key_has_form(row->key) == row->good, "%s", row->name);
}
END_TEST

static const char *const prefixes[] = {"billd_live_", "billd_test_"};

START_TEST(test_new_ones)
{
	char key[API_KEY_TEXT_SIZE + 1], other[API_KEY_TEXT_SIZE];

	memset(key, '!', sizeof(key));
	api_key_new(_i == 1, key);
	api_key_new(_i == 1, other);
	ck_assert_uint_eq(strlen(key), API_KEY_TEXT_LEN);
	ck_assert_int_eq(key[API_KEY_TEXT_SIZE], '!');
	ck_assert_int_eq(memcmp(key, prefixes[_i], strlen(prefixes[_i])), 0);
	ck_assert(api_key_has_form(str_from(key)));
	ck_assert_str_ne(key, other);
	/* What may be seen again tells keys apart, and hardly helps to guess one. */
	ck_assert_uint_eq(API_KEY_PREFIX_SHOWN, strlen(prefixes[_i]) + 4);
}
END_TEST

/* BLAKE2b-256, as another implementation gives it. */
START_TEST(test_hash)
{
	static const uint8_t expected[API_KEY_HASH_BYTES] = {0x35, 0x6d, 0x3c, 0x02, 0xa1, 0xb0,
	    0xaa, 0x4f, 0xf4, 0x36, 0xbc, 0xde, 0xb8, 0x56, 0xf9, 0xe4, 0x6c, 0x7e, 0xca, 0xfe,
	    0x38, 0xe4, 0x0d, 0xbe, 0x99, 0x1d, 0xad, 0xb2, 0xdc, 0x43, 0x06, 0x1e};
	uint8_t hash[API_KEY_HASH_BYTES];

	api_key_hash(STR("billd_live_" RANDOM_43), hash);
	ck_assert_mem_eq(hash, expected, sizeof(hash));
}
END_TEST

START_TEST(test_aborts_on_none)
{
	uint8_t hash[API_KEY_HASH_BYTES];

	api_key_hash(STR_NONE, hash);
}
END_TEST

UNIT_MAIN("api_key", UNIT_ROWS(test_forms, form_rows), UNIT_ROWS(test_new_ones, prefixes),
    UNIT(test_hash), UNIT_ABORTS(test_aborts_on_none))
