#include "tests/bench/bench.h"

#include <stdarg.h>

#define FILE_MAX ((size_t)256 * 1024 * 1024)
#define TIMES_FIRST 65536
#define HOUR_US INT64_C(3600000000)

void
bench_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("error: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(EXIT_FAILURE);
}

int64_t
bench_number(const char *name, const char *text, int64_t min, int64_t max)
{
	int64_t value;

	if (!str_read_int64(str_from(text), min, max, &value))
		bench_die("%s must be %lld to %lld, and is \"%s\"", name, (long long)min,
		    (long long)max, text);
	return value;
}

struct uuid
bench_uuid(const char *name, const char *text)
{
	struct uuid uuid;

	if (!uuid_read(str_from(text), &uuid))
		bench_die("%s must be a UUID, and is \"%s\"", name, text);
	return uuid;
}

struct str
bench_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct buf bytes;
	char chunk[65536];
	size_t len;

	if (file == NULL)
		bench_die("%s cannot be opened", path);
	buf_init(&bytes, FILE_MAX);
	while ((len = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buf_append(&bytes, chunk, len);
	buf_append_char(&bytes, '\0');
	if (ferror(file) || bytes.overflow)
		bench_die("%s cannot be read", path);
	fclose(file);
	return (struct str){bytes.ptr, bytes.len - 1};
}

void
bench_times_add(struct bench_times *times, int64_t us)
{
	if (times->len == times->capacity) {
		times->capacity = times->capacity == 0 ? TIMES_FIRST : times->capacity * 2;
		times->us = realloc(times->us, times->capacity * sizeof(*times->us));
		CHECK(times->us != NULL);
	}
	CHECK(us >= 0);
	times->us[times->len++] = (uint32_t)(us < HOUR_US ? us : HOUR_US);
}

void
bench_times_print(struct bench_times *times)
{
	putchar('[');
	for (size_t i = 0; i < times->len; i++)
		printf(i == 0 ? "%u" : ",%u", times->us[i]);
	putchar(']');
	free(times->us);
	*times = (struct bench_times){.len = 0};
}
