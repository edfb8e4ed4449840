/*
 * A parser with a bug, which run.sh must find within seconds: so that fuzzers that find nothing are
 * known to be awake.  It forgets that a length in the input is not always true.
 */

#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct str input = {(const char *)bytes, len};
	struct str word = fuzz_take(&input, '=');
	char *copy;

	if (!str_equal(word, STR("len")) || input.len < 2)
		return 0;
	copy = malloc(input.len);
	CHECK(copy != NULL);
	memcpy(copy, input.ptr, input.len);
	/* The planted bug: the first byte says how many follow. */
	len = (size_t)(unsigned char)copy[0];
	for (size_t i = 0; i < len; i++)
		CHECK(copy[1 + i] != '\xfe');
	free(copy);
	return 0;
}
