#include "common/base/uuid.h"

#include "tests/unit/unit.h"

#define TEXT "0123abcd-4567-89ef-fedc-ba9876543210"

static const struct uuid uuid_of_text = {{0x01, 0x23, 0xab, 0xcd, 0x45, 0x67, 0x89, 0xef, 0xfe,
    0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10}};

struct read_row {
	const char *name;
	const char *text;
	bool taken;
};

static const struct read_row read_rows[] = {
    {"lower case", TEXT, true},
    {"upper case", "0123ABCD-4567-89EF-FEDC-BA9876543210", true},
    {"mixed case", "0123AbCd-4567-89eF-fEDc-bA9876543210", true},
    {"empty", "", false},
    {"a digit short", "0123abcd-4567-89ef-fedc-ba987654321", false},
    {"a digit too many", "0123abcd-4567-89ef-fedc-ba98765432100", false},
    {"no dashes", "0123abcd456789effedcba9876543210", false},
    {"no dashes, and the right length", "0123abcd456789effedcba98765432100000", false},
    {"a dash in another place", "0123abc-d4567-89ef-fedc-ba9876543210", false},
    {"dots", "0123abcd.4567.89ef.fedc.ba9876543210", false},
    {"braces", "{0123abcd-4567-89ef-fedc-ba987654321}", false},
    {"a letter beyond f", "0123abcg-4567-89ef-fedc-ba9876543210", false},
    {"a letter beyond F", "0123ABCG-4567-89EF-FEDC-BA9876543210", false},
    {"the character before 0", "0123abc/-4567-89ef-fedc-ba9876543210", false},
    {"the character after 9", "0123abc:-4567-89ef-fedc-ba9876543210", false},
    {"a space", "0123abc -4567-89ef-fedc-ba9876543210", false},
    {"the last digit is none", "0123abcd-4567-89ef-fedc-ba987654321x", false},
};

START_TEST(test_read)
{
	const struct read_row *row = &read_rows[_i];
	struct uuid uuid = {{42}};

	ck_assert_msg(uuid_read(str_from(row->text), &uuid) == row->taken, "%s", row->name);
	ck_assert_msg(
	    uuid_equal(uuid, row->taken ? uuid_of_text : (struct uuid){{42}}), "%s", row->name);
}
END_TEST

START_TEST(test_none_is_no_uuid)
{
	struct uuid uuid;

	ck_assert(!uuid_read(STR_NONE, &uuid));
}
END_TEST

START_TEST(test_write)
{
	char text[UUID_TEXT_SIZE];

	memset(text, 'x', sizeof(text));
	uuid_write(uuid_of_text, text);
	ck_assert_str_eq(text, TEXT);
	uuid_write(UUID_NIL, text);
	ck_assert_str_eq(text, "00000000-0000-0000-0000-000000000000");
}
END_TEST

START_TEST(test_random_uuids_come_back)
{
	uint64_t random = unit_seed("uuid");

	for (int i = 0; i < 10000; i++) {
		struct uuid uuid, back = UUID_NIL;
		char text[UUID_TEXT_SIZE];

		for (size_t b = 0; b < sizeof(uuid.b); b++)
			uuid.b[b] = (uint8_t)unit_random(&random, 256);
		uuid_write(uuid, text);
		ck_assert_uint_eq(strlen(text), UUID_TEXT_SIZE - 1);
		ck_assert(uuid_read(str_from(text), &back));
		ck_assert(uuid_equal(uuid, back));
	}
}
END_TEST

START_TEST(test_equality_and_order)
{
	for (size_t i = 0; i < sizeof(uuid_of_text.b); i++) {
		struct uuid larger = uuid_of_text;

		larger.b[i] = 0xff;
		ck_assert_msg(!uuid_equal(larger, uuid_of_text), "byte %zu", i);
		ck_assert_msg(uuid_compare(larger, uuid_of_text) > 0, "byte %zu", i);
		ck_assert_msg(uuid_compare(uuid_of_text, larger) < 0, "byte %zu", i);
	}
	ck_assert_int_eq(uuid_compare(uuid_of_text, uuid_of_text), 0);
}
END_TEST

/* A letter stands for the UUID that begins with it; two that differ in the last byte alone, for one
 * more, are a small letter and its capital. */
struct unite_row {
	const char *name, *before, *after;
};

static const struct unite_row unite_rows[] = {
    {"none", "", ""},
    {"one", "a", "a"},
    {"one twice", "aa", "a"},
    {"two out of order", "ba", "ab"},
    {"a row three times", "abcabcabc", "abc"},
    {"some more often than others", "ccccbaab", "abc"},
    {"those that differ in the last byte alone", "bBabBA", "aAbB"},
};

static size_t
uuids_of(const char *text, struct uuid uuids[static 16])
{
	size_t len = strlen(text);

	ck_assert_uint_le(len, 16);
	for (size_t i = 0; i < len; i++) {
		uuids[i] = UUID_NIL;
		uuids[i].b[0] = (uint8_t)(text[i] | 0x20);
		uuids[i].b[15] = (text[i] & 0x20) == 0;
	}
	return len;
}

START_TEST(test_unite)
{
	const struct unite_row *row = &unite_rows[_i];
	struct uuid uuids[16], expected[16];
	size_t len = uuids_of(row->before, uuids), expected_len = uuids_of(row->after, expected);

	len = uuid_unite(uuids, len);
	ck_assert_msg(len == expected_len, "%s: %zu", row->name, len);
	for (size_t i = 0; i < len; i++)
		ck_assert_msg(uuid_equal(uuids[i], expected[i]), "%s: number %zu", row->name, i);
	ck_assert_msg(uuid_unite(uuids, len) == len, "%s: again", row->name);
}
END_TEST

START_TEST(test_unite_nothing)
{
	ck_assert_uint_eq(uuid_unite(NULL, 0), 0);
}
END_TEST

START_TEST(test_nil)
{
	ck_assert(uuid_is_nil(UUID_NIL));
	for (size_t i = 0; i < sizeof(struct uuid); i++) {
		struct uuid uuid = UUID_NIL;

		uuid.b[i] = 1;
		ck_assert_msg(!uuid_is_nil(uuid), "byte %zu", i);
	}
}
END_TEST

UNIT_MAIN("uuid", UNIT_ROWS(test_read, read_rows), UNIT(test_none_is_no_uuid), UNIT(test_write),
    UNIT(test_random_uuids_come_back), UNIT(test_equality_and_order),
    UNIT_ROWS(test_unite, unite_rows), UNIT(test_unite_nothing), UNIT(test_nil))
