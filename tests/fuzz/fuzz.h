#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

/*
 * The frame of a fuzzer: one file for each kind of input that strangers send.  A fuzzer reads its
 * input with the parser and CHECKs what must hold of every input: memory errors alone would miss a
 * parser that accepts what it then cannot read.  tests/fuzz/run.sh runs them.
 */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/check.h"
#include "common/base/str.h"
#include "common/base/utf8.h"
#include "common/codec/schema.h"

/* What libFuzzer calls: before the first input, and with each. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/**
 * fuzz_take(input, separator):
 * What stands in ${input} before the first ${separator}, or all of it; ${input} becomes the rest.
 */
static inline struct str
fuzz_take(struct str *input, char separator)
{
	const char *end = input->len == 0 ? NULL : memchr(input->ptr, separator, input->len);
	struct str head = *input;

	if (end == NULL) {
		*input = (struct str){input->ptr + input->len, 0};
		return head;
	}
	head.len = (size_t)(end - input->ptr);
	*input = (struct str){end + 1, input->len - head.len - 1};
	return head;
}

/**
 * fuzz_pick(input, count):
 * The number below ${count} that the first byte of ${input} stands for; '0' is 0, so that a corpus
 * can be read.  0 when there is no byte.
 */
static inline size_t
fuzz_pick(struct str *input, size_t count)
{
	unsigned char first;

	if (input->len == 0)
		return 0;
	first = (unsigned char)(input->ptr[0] - '0');
	*input = (struct str){input->ptr + 1, input->len - 1};
	return first % count;
}

/**
 * fuzz_schemas():
 * The schemas that are embedded.
 */
static inline struct schemas *
fuzz_schemas(void)
{
	struct schemas *schemas = NULL;
	struct err err;

	CHECK(schemas_open(&schemas, &err) == ERR_NONE);
	return schemas;
}

/**
 * fuzz_ends_with(text, end):
 * Whether ${text} ends with ${end}.
 */
static inline bool
fuzz_ends_with(const char *text, const char *end)
{
	size_t text_len = strlen(text), end_len = strlen(end);

	return text_len >= end_len && strcmp(text + text_len - end_len, end) == 0;
}

#endif
