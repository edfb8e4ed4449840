/*
 * The environment of a program: a line for each variable of the table below, in its order; what is
 * behind the last is the content of the secret's file.
 *
 * A value that is taken keeps its bounds, a secret is all that its file holds, and an error names
 * its variable.
 */

#include "common/base/settings.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/log.h"
#include "tests/fuzz/fuzz.h"

#define VALUE_MAX 4096

static int secret_fd;
static char secret_path[64];
static int64_t count, size;
static const char *level, *text, *secret;

static const struct setting table[] = {
    {"BILLD_FUZZ_COUNT", SETTING_INTEGER, &count, "16", -5, 1024, "an integer"},
    {"BILLD_FUZZ_SIZE", SETTING_POWER, &size, "16", 1, 1024, "a power of two"},
    {"BILLD_FUZZ_LEVEL", SETTING_LEVEL, &level, "info", 1, 0, "a level"},
    {"BILLD_FUZZ_TEXT", SETTING_TEXT, &text, NULL, 1, 0, "a text"},
    {"BILLD_FUZZ_SECRET", SETTING_SECRET, &secret, NULL, 1, 0, "a secret"},
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	secret_fd = memfd_create("secret", MFD_CLOEXEC);
	CHECK(secret_fd >= 0);
	snprintf(secret_path, sizeof(secret_path), "/proc/self/fd/%d", secret_fd);
	return 0;
}

/* The environment cannot hold a NUL: what is behind it is not there. */
static void
variable_set(const char *name, struct str value)
{
	char copy[VALUE_MAX];
	size_t len = value.len < sizeof(copy) ? value.len : sizeof(copy) - 1;

	memcpy(copy, value.ptr, len);
	copy[len] = '\0';
	CHECK(setenv(name, copy, 1) == 0);
}

static void
file_set(struct str content)
{
	CHECK(ftruncate(secret_fd, 0) == 0);
	CHECK(pwrite(secret_fd, content.ptr, content.len, 0) == (ssize_t)content.len);
	CHECK(setenv("BILLD_FUZZ_SECRET_FILE", secret_path, 1) == 0);
}

/* What was taken is the file's content, all of it, less line ends behind. */
static void
secret_is(struct str content)
{
	while (content.len > 0 &&
	       (content.ptr[content.len - 1] == '\n' || content.ptr[content.len - 1] == '\r'))
		content.len--;
	CHECK(str_equal(str_from(secret), content));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct str input = {(const char *)bytes, len};
	struct err err = {.class = ERR_NONE};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		variable_set(table[i].name, fuzz_take(&input, '\n'));
	file_set(input);
	level = text = secret = NULL;
	if (settings_read(table, ARRAY_LEN(table), &err) != ERR_NONE) {
		CHECK(err.class == ERR_FATAL && strncmp(err.text, "BILLD_FUZZ_", 11) == 0);
		return 0;
	}
	CHECK(count >= -5 && count <= 1024);
	CHECK(size >= 1 && size <= 1024 && __builtin_popcountll((unsigned long long)size) == 1);
	CHECK(log_level_is_known(level));
	CHECK(text[0] != '\0' && secret[0] != '\0');
	if (getenv("BILLD_FUZZ_SECRET")[0] == '\0') {
		secret_is(input);
		/* Settings live as long as a process, which reads them once. */
		free((void *)(uintptr_t)secret);
	}
	return 0;
}
