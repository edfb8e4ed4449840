/*
 * The small texts that stand in paths, queries and headers: cursors, times, UUIDs, keys, numbers,
 * escapes, rules of time zones.  The first byte picks which, the rest is the text.
 *
 * What is read and written again is what it was.
 */

#include <strings.h>

#include "api/arguments.h"
#include "api/cursor.h"
#include "common/base/api_key.h"
#include "common/base/id.h"
#include "common/base/instant.h"
#include "common/base/uuid.h"
#include "common/domain/money.h"
#include "common/zone/zone_rule.h"
#include "tests/fuzz/fuzz.h"

#define PARTITIONS_MAX 1024

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static void
cursor_text(struct str text)
{
	for (int kind = CURSOR_CUSTOMERS; kind < CURSOR_EVENTS; kind++) {
		char again[CURSOR_TEXT_SIZE];
		struct cursor cursor;

		if (!cursor_read(text, (enum cursor_kind)kind, &cursor))
			continue;
		cursor_write((enum cursor_kind)kind, cursor, again);
		CHECK(str_equal(str_from(again), text));
	}
}

/* How many partitions there are is in the text's second byte. */
static void
events_cursor_text(struct str text)
{
	static int64_t numbers[PARTITIONS_MAX], again[PARTITIONS_MAX];
	size_t partitions = fuzz_pick(&text, 11);
	struct buf buf;

	partitions = (size_t)1 << partitions;
	if (!cursor_events_read(text, numbers, partitions))
		return;
	for (size_t i = 0; i < partitions; i++)
		CHECK(numbers[i] >= 0);
	buf_init(&buf, (size_t)64 * 1024);
	cursor_events_write(numbers, partitions, &buf);
	CHECK(!buf.overflow && cursor_events_read(buf_str(&buf), again, partitions));
	CHECK(memcmp(numbers, again, partitions * sizeof(numbers[0])) == 0);
	buf_release(&buf);
}

static void
instant_text(struct str text)
{
	char written[INSTANT_TEXT_SIZE];
	struct instant instant, again;

	if (!instant_read(text.ptr, text.len, &instant))
		return;
	CHECK(instant_is_valid(instant));
	instant_write(instant, written);
	CHECK(instant_read(written, strlen(written), &again) && again.s == instant.s);
}

static void
uuid_text(struct str text)
{
	char written[UUID_TEXT_SIZE];
	struct uuid uuid;
	int32_t shard;

	if (!uuid_read(text, &uuid))
		return;
	uuid_write(uuid, written);
	CHECK(text.len == UUID_TEXT_SIZE - 1 && strncasecmp(written, text.ptr, text.len) == 0);
	shard = id_shard(uuid);
	CHECK(shard >= 0 && shard < SHARDS);
}

static void
key_text(struct str text)
{
	struct id_secret secret;
	struct currency currency;
	uint8_t hash[API_KEY_HASH_BYTES];

	if (api_key_has_form(text))
		CHECK(text.len == API_KEY_TEXT_LEN && utf8_is_valid(text));
	api_key_hash(text, hash);
	if (id_secret_read(text, &secret))
		CHECK(text.len >= (size_t)2 * ID_SECRET_BYTES);
	if (currency_from(text, &currency))
		CHECK(text.len == 3 && memcmp(currency.code, text.ptr, 3) == 0);
}

static bool
is_digits(struct str text)
{
	size_t i = 0;

	while (i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9')
		i++;
	return i == text.len;
}

/* The same as the C library says, which takes more forms. */
static void
number_text(struct str text)
{
	char copy[64] = {0};
	int64_t value;

	if (!str_read_int64(text, INT64_MIN, INT64_MAX, &value)) {
		CHECK(text.len == 0 || text.len > 18 || !is_digits(text));
		return;
	}
	if (text.len < sizeof(copy)) {
		memcpy(copy, text.ptr, text.len);
		CHECK(strtoll(copy, NULL, 10) == value);
	}
	CHECK(str_read_int64(text, value, value, &value));
	CHECK(value == INT64_MAX || !str_read_int64(text, value + 1, INT64_MAX, &value));
}

static void
escaped_text(struct str text)
{
	struct str decoded;
	struct arena arena;
	size_t escapes = 0;

	arena_init(&arena, (size_t)1024 * 1024);
	for (size_t i = 0; i < text.len; i++)
		escapes += text.ptr[i] == '%';
	if (percent_decode(text, &arena, &decoded)) {
		CHECK(decoded.len <= text.len && text.len - decoded.len <= 2 * escapes);
		CHECK(escapes > 0 || str_equal(decoded, text));
	}
	arena_release(&arena);
}

static void
utf8_text(struct str text)
{
	struct str rest = text;
	size_t count = 0, step;
	uint32_t code_point = 0;

	while ((step = utf8_char(rest, &code_point)) > 0) {
		CHECK(step <= rest.len && step <= 4 && code_point <= 0x10ffff);
		rest = (struct str){rest.ptr + step, rest.len - step};
		count++;
	}
	if (utf8_is_valid(text))
		CHECK(rest.len == 0 && utf8_count(text) == count);
	else
		CHECK(rest.len > 0 || memchr(text.ptr, '\0', text.len) != NULL);
}

static void
rule_text(struct str text)
{
	static struct zone_transition changes[ZONE_RULE_CHANGES_MAX];
	struct zone_rule rule;
	uint32_t len;

	if (!zone_rule_parse(text, &rule) || !rule.has_summer)
		return;
	len = zone_rule_changes(&rule, changes);
	CHECK(len <= ZONE_RULE_CHANGES_MAX);
	for (uint32_t i = 1; i < len; i++)
		CHECK(changes[i - 1].at_s <= changes[i].at_s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static void (*const texts[])(struct str text) = {
	    cursor_text,
	    events_cursor_text,
	    instant_text,
	    uuid_text,
	    key_text,
	    number_text,
	    escaped_text,
	    utf8_text,
	    rule_text,
	};
	struct str text = {(const char *)bytes, len};
	size_t pick = fuzz_pick(&text, ARRAY_LEN(texts));

	texts[pick](text);
	return 0;
}
