#include "api/identity/password.h"

#include "tests/unit/unit.h"

/* Four bytes each. */
#define CAKES_3 "\xf0\x9f\x8e\x82\xf0\x9f\x8e\x83\xf0\x9f\x8e\x84"
#define CAKES_5 "\xf0\x9f\x8e\x85\xf0\x9f\x8e\x86\xf0\x9f\x8e\x87\xf0\x9f\x8e\x88\xf0\x9f\x8e\x89"
#define TEN "kx7.qpm3wz"

static const struct judge_row {
	const char *name, *password;
	enum password_verdict verdict;
} judge_rows[] = {
    {"words that nobody says", "correct horse battery", PASSWORD_GOOD},
    {"what a machine makes", "x7-Qpabcdef2", PASSWORD_GOOD},
    {"nothing", "", PASSWORD_LENGTH},
    {"11 characters", "kx7.qpm3wz1", PASSWORD_LENGTH},
    {"12 characters", "kx7.qpm3wz12", PASSWORD_GOOD},
    {"11 characters of 4 bytes", CAKES_3 CAKES_5 CAKES_3, PASSWORD_LENGTH},
    {"13 characters of 4 bytes", CAKES_5 CAKES_3 CAKES_5, PASSWORD_GOOD},
    {"8 characters of 4 bytes, twice", CAKES_3 CAKES_5 CAKES_3 CAKES_5, PASSWORD_REPEATED},
    {"the address", "Ada.Lovelace@Example.COM", PASSWORD_PERSONAL},
    {"what stands before its @", "ADA.lovelace", PASSWORD_PERSONAL},
    {"the name", "ADA KING NOEL", PASSWORD_PERSONAL},
    {"the name and more", "Ada King Noel 9x", PASSWORD_GOOD},
    {"one character", "aaaaaaaaaaaaaaa", PASSWORD_REPEATED},
    {"spaces", "            ", PASSWORD_REPEATED},
    {"one in both cases", "aAaAaAaAaAaA", PASSWORD_REPEATED},
    {"a piece, and a part of it", "x7Qx7Qx7Qx7Qx7", PASSWORD_REPEATED},
    {"a piece of 11, twice", "kx7.qpm3wz1kx7.qpm3wz1", PASSWORD_REPEATED},
    {"a piece of 12, twice", "kx7.qpm3wz12kx7.qpm3wz12", PASSWORD_GOOD},
    {"a piece, and something else", "x7Qx7Qx7Qx7Q!", PASSWORD_GOOD},
    {"digits", "123456789012", PASSWORD_RUN},
    {"digits, from the last", "210987654321", PASSWORD_RUN},
    {"the alphabet", "AbcdefGhijklm", PASSWORD_RUN},
    {"the alphabet, round its end", "uvwxyzabcdef", PASSWORD_RUN},
    {"the keyboard", "qwertyuiopas", PASSWORD_RUN},
    {"the keyboard, backward", "lkjhgfdsapoi", PASSWORD_RUN},
    {"a German keyboard", "qwertzuiopas", PASSWORD_RUN},
    {"a French keyboard", "azertyuiopqs", PASSWORD_RUN},
    {"a run that breaks off", "123456789013", PASSWORD_GOOD},
    {"a common one", "1q2w3e4r5t6y", PASSWORD_COMMON},
    {"a common one, other letters", "1Q2W3E4R5T6Y", PASSWORD_COMMON},
    {"the first of the list", "'outstanding", PASSWORD_COMMON},
    {"a long word", "Unbelievable", PASSWORD_COMMON},
    {"a common one with digits", "password1234", PASSWORD_COMMON},
    {"a common one with signs", "!!Letmein2026", PASSWORD_COMMON},
    {"8 around a common one", "1234dragon5678", PASSWORD_COMMON},
    {"9 around a common one", "1234dragon56789", PASSWORD_GOOD},
    {"a long word with a sign", "unbelievable!", PASSWORD_COMMON},
    {"common ones in a row", "dragonletmein", PASSWORD_GOOD},
    {"a word and beyond", "dragon" TEN TEN TEN TEN TEN TEN TEN, PASSWORD_GOOD},
};

START_TEST(test_judges)
{
	const struct judge_row *row = &judge_rows[_i];
	enum password_verdict verdict = password_judge(
	    str_from(row->password), STR("ada.lovelace@example.com"), STR("Ada King Noel"));

	ck_assert_msg(verdict == row->verdict, "%s: %d instead of %d", row->name, (int)verdict,
	    (int)row->verdict);
	ck_assert((password_verdict_text(verdict) == NULL) == (verdict == PASSWORD_GOOD));
}
END_TEST

START_TEST(test_has_at_most_256_characters)
{
	char text[4 * 257];

	for (size_t i = 0; i < 257; i++) {
		uint32_t point = 0x1f300 + (uint32_t)i;

		text[4 * i] = (char)0xf0;
		text[4 * i + 1] = (char)(0x80 | ((point >> 12) & 0x3f));
		text[4 * i + 2] = (char)(0x80 | ((point >> 6) & 0x3f));
		text[4 * i + 3] = (char)(0x80 | (point & 0x3f));
	}
	ck_assert_int_eq(
	    password_judge((struct str){text, 4 * 256}, STR("a@b"), STR("c")), PASSWORD_GOOD);
	ck_assert_int_eq(
	    password_judge((struct str){text, 4 * 257}, STR("a@b"), STR("c")), PASSWORD_LENGTH);
}
END_TEST

/* What is searched by halves is in order, and is compared in lower case. */
START_TEST(test_list_is_in_order)
{
	static const char *const common[] = {
#include "api/identity/common_passwords.def"
	};

	ck_assert_uint_gt(ARRAY_LEN(common), 5000);
	for (size_t i = 0; i < ARRAY_LEN(common); i++) {
		ck_assert_msg(i == 0 || strcmp(common[i - 1], common[i]) < 0, "%s", common[i]);
		for (const char *at = common[i]; *at != '\0'; at++)
			ck_assert_msg(*at > ' ' && *at < 0x7f && !(*at >= 'A' && *at <= 'Z'), "%s",
			    common[i]);
	}
}
END_TEST

START_TEST(test_hashes)
{
	char hash[PASSWORD_HASH_SIZE], again[PASSWORD_HASH_SIZE];
	struct str password = STR("correct horse battery");

	ck_assert_int_ge(sodium_init(), 0);
	ck_assert(password_hash(password, hash) && password_hash(password, again));
	ck_assert_msg(strncmp(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31) == 0, "%s", hash);
	ck_assert_str_ne(hash, again);
	ck_assert(password_verify(password, str_from(hash)));
	ck_assert(password_verify(password, str_from(again)));
	ck_assert(!password_verify(STR("Correct horse battery"), str_from(hash)));
	ck_assert(!password_verify(STR(""), str_from(hash)));
	ck_assert(!password_is_outdated(str_from(hash)));
}
END_TEST

START_TEST(test_nobody_has_a_password)
{
	ck_assert_int_ge(sodium_init(), 0);
	ck_assert(!password_verify(STR("correct horse battery"), STR_NONE));
	/* The one that the hash is of. */
	ck_assert(!password_verify(STR("nobody has this password"), STR_NONE));
	ck_assert_msg(!password_is_outdated(STR_NONE), "comparing with it takes another time");
}
END_TEST

START_TEST(test_hashes_of_other_costs_are_outdated)
{
	char hash[PASSWORD_HASH_SIZE];

	ck_assert_int_ge(sodium_init(), 0);
	ck_assert_int_eq(crypto_pwhash_str(hash, "x", 1, 1, (size_t)8 * 1024 * 1024), 0);
	ck_assert(password_is_outdated(str_from(hash)));
	ck_assert(password_verify(STR("x"), str_from(hash)));
}
END_TEST

UNIT_MAIN("password", UNIT_ROWS(test_judges, judge_rows), UNIT(test_has_at_most_256_characters),
    UNIT(test_list_is_in_order), UNIT(test_hashes), UNIT(test_nobody_has_a_password),
    UNIT(test_hashes_of_other_costs_are_outdated))
