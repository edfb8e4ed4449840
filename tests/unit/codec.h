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

#define CODEC_TEXT_MAX 8192

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

/**
 * codec_open(void):
 * The schemas that are embedded.
 */
static inline struct schemas *
codec_open(void)
{
	struct schemas *schemas = NULL;
	struct err err = {0};

	ck_assert_msg(schemas_open(&schemas, &err) == ERR_NONE, "%s", err.text);
	return schemas;
}

#endif
