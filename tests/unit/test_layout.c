#include "api/layout.h"
#include "tests/unit/unit.h"

#define PIECES_MAX 7
/* A header block as libmicrohttpd leaves it: what it cut off is NUL.  The literal's own NUL is not
 * part of it. */
#define BLOCK(text)                     \
	{                               \
		text, sizeof(text) - 1, \
	}

/* The pieces stand in the block in this order: method, target, version, name, value, name, … */
static const struct {
	const char *name;
	struct str block;
	const char *pieces[PIECES_MAX];
	bool sound;
} layout_rows[] = {
    {"a request without headers", BLOCK("GET\0/x\0HTTP/1.1\0\0\0\0"), {"GET", "/x", "HTTP/1.1"},
	true},
    {"a header", BLOCK("GET\0/x\0HTTP/1.1\0\0A\0 b\0\0\0\0"), {"GET", "/x", "HTTP/1.1", "A", "b"},
	true},
    {"no space before a value", BLOCK("GET\0/x\0HTTP/1.1\0\0A\0b\0\0\0\0"),
	{"GET", "/x", "HTTP/1.1", "A", "b"}, true},
    {"blanks around a value", BLOCK("GET\0/x\0HTTP/1.1\0\0A\0 \tb \0\0\0\0"),
	{"GET", "/x", "HTTP/1.1", "A", "b "}, true},
    {"two headers", BLOCK("GET\0/x\0HTTP/1.1\0\0A\0 b\0\0C\0 d\0\0\0\0"),
	{"GET", "/x", "HTTP/1.1", "A", "b", "C", "d"}, true},
    {"LF behind the request line", BLOCK("GET\0/x\0HTTP/1.1\0A\0 b\0\0\0\0"),
	{"GET", "/x", "HTTP/1.1", "A", "b"}, false},
    {"LF behind a header", BLOCK("GET\0/x\0HTTP/1.1\0\0A\0 b\0C\0 d\0\0\0\0"),
	{"GET", "/x", "HTTP/1.1", "A", "b", "C", "d"}, false},
    {"LF behind the last header", BLOCK("GET\0/x\0HTTP/1.1\0\0A\0 b\0\0\0"),
	{"GET", "/x", "HTTP/1.1", "A", "b"}, false},
    {"LF as the empty line", BLOCK("GET\0/x\0HTTP/1.1\0\0A\0 b\0\0\0"),
	{"GET", "/x", "HTTP/1.1", "A", "b"}, false},
    {"a NUL in a value", BLOCK("GET\0/x\0HTTP/1.1\0\0A\0 b\0e\0\0\0\0"),
	{"GET", "/x", "HTTP/1.1", "A", "b"}, false},
    {"two NULs behind a value", BLOCK("GET\0/x\0HTTP/1.1\0\0A\0 b\0\0\0\0\0\0"),
	{"GET", "/x", "HTTP/1.1", "A", "b"}, false},
    {"a NUL in the target", BLOCK("GET\0/x\0y\0HTTP/1.1\0\0\0\0"), {"GET", "/x", "HTTP/1.1"},
	false},
    {"a NUL in the method", BLOCK("GET\0Y\0/x\0HTTP/1.1\0\0\0\0"), {"GET", "/x", "HTTP/1.1"},
	false},
    {"two spaces before the target", BLOCK("GET\0 /x\0HTTP/1.1\0\0\0\0"), {"GET", "/x", "HTTP/1.1"},
	false},
    {"a line that is skipped", BLOCK("GET\0/x\0HTTP/1.1\0\0: e\0\0A\0 b\0\0\0\0"),
	{"GET", "/x", "HTTP/1.1", "A", "b"}, false},
    {"a header without a name ends them", BLOCK("GET\0/x\0HTTP/1.1\0\0A\0 b\0\0\0 e\0\0"),
	{"GET", "/x", "HTTP/1.1", "A", "b"}, false},
    {"a line that nothing was made of", BLOCK("GET\0/x\0HTTP/1.1\0\0A\0 b\0\0\0\0\0\0"),
	{"GET", "/x", "HTTP/1.1", "A", "b"}, false},
};

/* The piece ${text} in what is left of ${rest}. */
static struct str
piece_take(struct str *rest, const char *text)
{
	size_t len = strlen(text);
	const char *at = memmem(rest->ptr, rest->len, text, len);

	ck_assert_ptr_nonnull(at);
	*rest = (struct str){at + len, rest->len - (size_t)(at - rest->ptr) - len};
	return (struct str){at, len};
}

START_TEST(test_layout)
{
	struct str block = layout_rows[_i].block, rest = block, pieces[PIECES_MAX];
	struct layout layout;
	size_t len = 0;

	for (; len < PIECES_MAX && layout_rows[_i].pieces[len] != NULL; len++)
		pieces[len] = piece_take(&rest, layout_rows[_i].pieces[len]);
	layout_begin(&layout, pieces[0], pieces[1], pieces[2]);
	for (size_t i = 3; i + 1 < len; i += 2)
		layout_header(&layout, pieces[i], pieces[i + 1]);
	ck_assert_msg(
	    layout_is_sound(&layout, block) == layout_rows[_i].sound, "%s", layout_rows[_i].name);
}
END_TEST

/* libmicrohttpd joins a line that goes on with the one before, in memory elsewhere. */
START_TEST(test_elsewhere)
{
	static const char block[] = "GET\0/x\0HTTP/1.1\0\0A\0 b\0\0";
	struct layout layout;

	layout_begin(&layout, (struct str){block, 3}, (struct str){block + 4, 2},
	    (struct str){block + 7, 8});
	layout_header(&layout, STR("A"), STR("b"));
	ck_assert(!layout_is_sound(&layout, (struct str){block, sizeof(block)}));
}
END_TEST

static const struct {
	const char *text; /* looked at from its second byte on */
	bool sound;
} chunk_rows[] = {
    {"\n", true},
    {"\n5\r\n", true},
    {"x\r\n5;a=b\r\n", true},
    {"\n5\n", false},
    {"x\n5\r\n", false},
    {"\r\n5\r\n", true},
    {"x\r\n5;a\n\r\n", false},
};

START_TEST(test_chunks)
{
	const char *text = chunk_rows[_i].text;

	ck_assert_msg(
	    layout_chunks_are_sound(text + 1, text + strlen(text)) == chunk_rows[_i].sound,
	    "row %d", _i);
}
END_TEST

UNIT_MAIN("layout", UNIT_ROWS(test_layout, layout_rows), UNIT(test_elsewhere),
    UNIT_ROWS(test_chunks, chunk_rows))
