#include "api/arguments.h"
#include "tests/unit/unit.h"

static const struct {
	const char *text, *decoded; /* NULL: malformed */
} decode_rows[] = {
    {"", ""},
    {"abc-_.~", "abc-_.~"},
    {"%41%62c", "Abc"},
    {"%2d%2D", "--"},
    {"100%25", "100%"},
    {"%", NULL},
    {"%4", NULL},
    {"%4g", NULL},
    {"abc%", NULL},
    {"%%41", NULL},
};

START_TEST(test_decode)
{
	struct str decoded = STR_NONE;
	struct arena arena;
	bool good;

	arena_init(&arena, 1000);
	good = percent_decode(str_from(decode_rows[_i].text), &arena, &decoded);
	ck_assert_msg(good == (decode_rows[_i].decoded != NULL), "%s", decode_rows[_i].text);
	unit_assert_str(decoded, decode_rows[_i].decoded, decode_rows[_i].text);
	arena_release(&arena);
}
END_TEST

START_TEST(test_decode_nul)
{
	struct str decoded;
	struct arena arena;

	arena_init(&arena, 1000);
	ck_assert(percent_decode(STR("a%00b"), &arena, &decoded));
	ck_assert_uint_eq(decoded.len, 3);
	ck_assert_int_eq(decoded.ptr[1], '\0');
	arena_release(&arena);
}
END_TEST

UNIT_MAIN("arguments", UNIT_ROWS(test_decode, decode_rows), UNIT(test_decode_nul))
