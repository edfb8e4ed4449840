#ifndef TESTS_UNIT_CODEC_H
#define TESTS_UNIT_CODEC_H

/*
 * What the tests of common/codec share: JSON that is readable in C, bytes in hexadecimal, files of
 * the source tree (the tests run from its root).
 */

#include <glob.h>

#include "common/base/embedded.h"
#include "common/codec/avro.h"
#include "tests/unit/unit.h"

#define CODEC_TEXT_MAX 32768

/**
 * codec_json(text):
 * ${text} with each ' made a ".  Valid until the eighth call from here.
 */
static inline const char *
codec_json(const char *text)
{
	static char ring[8][CODEC_TEXT_MAX];
	static size_t turn;
	char *copy = ring[turn++ % ARRAY_LEN(ring)];
	size_t len = strlen(text);

	ck_assert_uint_lt(len, CODEC_TEXT_MAX);
	for (size_t i = 0; i <= len; i++)
		copy[i] = text[i] == '\'' ? '"' : text[i];
	return copy;
}

/**
 * codec_hex(text, buf):
 * Append the bytes that ${text} writes in hexadecimal, spaces ignored; 'x' in between stands as it
 * is ("06 'abc'").
 */
static inline void
codec_hex(const char *text, struct buf *buf)
{
	for (const char *at = text; *at != '\0';) {
		char pair[3] = {0};

		if (*at == ' ') {
			at++;
		} else if (*at == '\'') {
			for (at++; *at != '\''; at++)
				buf_append_char(buf, *at);
			at++;
		} else {
			memcpy(pair, at, 2);
			buf_append_char(buf, (char)strtol(pair, NULL, 16));
			at += 2;
		}
	}
}

/**
 * codec_file(path, buf):
 * Replace ${buf}'s bytes by those of the file.
 */
static inline void
codec_file(const char *path, struct buf *buf)
{
	FILE *file = fopen(path, "rb");
	char block[4096];
	size_t len;

	ck_assert_msg(file != NULL, "%s is not there", path);
	buf_clear(buf);
	while ((len = fread(block, 1, sizeof(block), file)) > 0)
		buf_append(buf, block, len);
	ck_assert(!buf->overflow);
	fclose(file);
}

/**
 * codec_schema(text):
 * The schema of codec_json(${text}); the test fails when it is refused.
 */
static inline struct schema *
codec_schema(const char *text)
{
	struct schema *schema = NULL;
	struct err err = {0};

	ck_assert_msg(schema_parse(str_from(codec_json(text)), &schema, &err) == ERR_NONE,
	    "the test's own schema is bad: %s", err.text);
	return schema;
}

/* Opened before main, by the process of which that of each test is a copy: they are forty thousand
 * small allocations, and hundreds of tests want them. */
static struct schemas *codec_embedded;

__attribute__((constructor)) static void
codec_embedded_open(void)
{
	struct err err = {0};

	CHECK(schemas_open(&codec_embedded, &err) == ERR_NONE);
}

/**
 * codec_schemas_begin(void):
 * Do to this process what opening schemas does, as programs do before all else: from here on
 * Jansson has memory, or the process stops.
 */
static inline void
codec_schemas_begin(void)
{
	struct schemas *none = NULL;
	struct err err = {0};

	ck_assert_int_eq(schemas_open_files(NULL, 0, &none, &err), ERR_NONE);
	schemas_free(none);
}

/**
 * codec_schemas(void):
 * The schemas that are embedded; they are nobody's to free.
 */
static inline const struct schemas *
codec_schemas(void)
{
	codec_schemas_begin();
	return codec_embedded;
}

#endif
