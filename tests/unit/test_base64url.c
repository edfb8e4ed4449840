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

struct text_row {
	const char *name;
	struct str text;
	struct str bytes; /* none: refused */
};

static const struct text_row text_rows[] = {
    {"nothing", TEXT(""), TEXT("")},
    {"one byte", TEXT("Zg"), TEXT("f")},
    {"two", TEXT("Zm8"), TEXT("fo")},
    {"three", TEXT("Zm9v"), TEXT("foo")},
    {"both characters of its own", TEXT("-_-_"), TEXT("\xfb\xff\xbf")},
    {"bits that mean nothing, after one byte", TEXT("Zh"), TEXT_NONE},
    {"bits that mean nothing, after two", TEXT("Zm9"), TEXT_NONE},
    {"one character", TEXT("Z"), TEXT_NONE},
    {"one character behind four", TEXT("Zm9vZ"), TEXT_NONE},
    {"padding", TEXT("Zg=="), TEXT_NONE},
    {"padding of one", TEXT("Zm8="), TEXT_NONE},
    {"padding where none belongs", TEXT("Zm9v="), TEXT_NONE},
    {"base64 that is not for URLs", TEXT("+/+/"), TEXT_NONE},
    {"a space", TEXT("Zm 9v"), TEXT_NONE},
    {"a line end behind", TEXT("Zm9v\n"), TEXT_NONE},
    {"a dot", TEXT("Zm9v.Zm9v"), TEXT_NONE},
    {"a NUL", TEXT("Zm9v\0"), TEXT_NONE},
    {"a byte beyond ASCII", TEXT("__\337A"), TEXT_NONE},
    {"more than there is room for", TEXT("Zm9vZm9vZg"), TEXT_NONE},
};

#define ROOM 6

START_TEST(test_texts)
{
	const struct text_row *row = &text_rows[_i];
	char bytes[ROOM], again[BASE64URL_LEN(ROOM) + 1];
	size_t len;
	bool read = base64url_read(row->text, bytes, sizeof(bytes), &len);

	ck_assert_msg(read == (row->bytes.ptr != NULL), "%s", row->name);
	if (!read)
		return;
	ck_assert_msg(str_equal((struct str){bytes, len}, row->bytes), "%s", row->name);
	base64url_write(bytes, len, again, BASE64URL_LEN(len) + 1);
	ck_assert_msg(str_equal(str_from(again), row->text), "%s: %s", row->name, again);
}
END_TEST

START_TEST(test_each_character)
{
	const char *characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (int c = 0; c < 256; c++) {
		char text[4] = {'A', (char)c, 'A', 'A'};
		uint8_t bytes[3];
		size_t len;
		bool good = c != 0 && strchr(characters, c) != NULL;

		ck_assert_msg(
		    base64url_has_form((struct str){text, sizeof(text)}) == good, "%d", c);
		ck_assert_msg(base64url_read((struct str){text, sizeof(text)}, bytes, sizeof(bytes),
				  &len) == good,
		    "%d", c);
	}
}
END_TEST

START_TEST(test_aborts_without_room)
{
	char text[BASE64URL_LEN(ROOM)];

	base64url_write("abcdef", ROOM, text, sizeof(text));
}
END_TEST

UNIT_MAIN("base64url", UNIT_ROWS(test_texts, text_rows), UNIT(test_each_character),
    UNIT_ABORTS(test_aborts_without_room))
