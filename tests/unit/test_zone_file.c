#include "common/zone/zone_file.h"

#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>

#include "tests/unit/zones.h"

#define TIMES_MAX 4
#define TYPES_MAX 3
#define BYTES_MAX 512
#define FLIPS 3000

/* A file to be made: a first block without anything in it, and a second one. */
struct made_file {
	char version;
	uint32_t leap; /* leap seconds that its header announces and its block has */
	uint32_t times;
	int64_t at_s[TIMES_MAX];
	uint8_t indexes[TIMES_MAX];
	uint32_t types;
	int32_t offsets_s[TYPES_MAX];
	const char *rule;   /* with the line ends around it */
	uint32_t announced; /* if not 0, the header's number of times in place of the true one */
};

struct bytes {
	unsigned char ptr[BYTES_MAX];
	size_t len;
};

static void
put(struct bytes *bytes, uint64_t value, size_t width)
{
	ck_assert_uint_le(bytes->len + width, sizeof(bytes->ptr));
	for (size_t i = width; i > 0; i--)
		bytes->ptr[bytes->len++] = (unsigned char)(value >> (8 * (i - 1)));
}

static void
put_header(struct bytes *bytes, char version, uint32_t leap, uint32_t times, uint32_t types)
{
	put(bytes, UINT64_C(0x545a6966), 4);
	put(bytes, (unsigned char)version, 1);
	put(bytes, 0, 8);
	put(bytes, 0, 7);
	put(bytes, 0, 4);
	put(bytes, 0, 4);
	put(bytes, leap, 4);
	put(bytes, times, 4);
	put(bytes, types, 4);
	put(bytes, 0, 4);
}

static struct bytes
file_make(const struct made_file *made)
{
	uint32_t times = made->announced != 0 ? made->announced : made->times;
	struct bytes bytes = {.len = 0};

	put_header(&bytes, made->version, 0, 0, 0);
	put_header(&bytes, made->version, made->leap, times, made->types);
	for (uint32_t i = 0; i < made->times; i++)
		put(&bytes, (uint64_t)made->at_s[i], 8);
	for (uint32_t i = 0; i < made->times; i++)
		put(&bytes, made->indexes[i], 1);
	for (uint32_t i = 0; i < made->types; i++) {
		put(&bytes, (uint32_t)made->offsets_s[i], 4);
		put(&bytes, 0, 2);
	}
	for (uint32_t i = 0; i < made->leap; i++) {
		put(&bytes, 0, 8);
		put(&bytes, 0, 4);
	}
	for (size_t i = 0; i < strlen(made->rule); i++)
		put(&bytes, (unsigned char)made->rule[i], 1);
	return bytes;
}

/* Decode a copy that ends where its memory does, for the address sanitizer to see. */
static enum err_class
decode(const unsigned char *bytes, size_t len, struct zone *ret_zone, struct err *err)
{
	unsigned char *copy = malloc(len == 0 ? 1 : len);
	enum err_class class;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, bytes, len);
	*err = (struct err){.class = ERR_NONE};
	class = zone_file_decode(copy + (len == 0 ? 1 : 0), len, ret_zone, err);
	free(copy);
	ck_assert_int_eq(class, err->class);
	ck_assert(class == ERR_NONE || err->text[0] != '\0');
	return class;
}

struct file_row {
	const char *name;
	struct made_file file;
	enum err_class class;
	const char *text; /* part of the error */
};

#define HOUR 3600
#define DAY 86400

static const struct file_row file_rows[] = {
    {"an offset, and no rule", {'2', 0, 0, {0}, {0}, 1, {HOUR}, "\n\n", 0}, ERR_NONE, NULL},
    {"a rule alone", {'2', 0, 0, {0}, {0}, 1, {HOUR}, "\nXXX-1\n", 0}, ERR_NONE, NULL},
    {"versions to come", {'4', 0, 0, {0}, {0}, 1, {0}, "\nUTC0\n", 0}, ERR_NONE, NULL},
    {"transitions, and a rule that fits",
	{'2', 0, 2, {100, 200}, {1, 0}, 2, {0, HOUR}, "\nXXX0\n", 0}, ERR_NONE, NULL},
    {"the largest offsets", {'2', 0, 1, {DAY}, {1}, 2, {DAY - 1, 1}, "\n\n", 0}, ERR_NONE, NULL},
    {"version 1", {'\0', 0, 0, {0}, {0}, 1, {0}, "\nUTC0\n", 0}, ERR_RETRY, "version 1"},
    {"leap seconds", {'2', 1, 0, {0}, {0}, 1, {0}, "\nUTC0\n", 0}, ERR_FATAL, "leap seconds"},
    {"no types", {'2', 0, 0, {0}, {0}, 0, {0}, "\nUTC0\n", 0}, ERR_RETRY, "number of types"},
    {"more transitions than bytes", {'2', 0, 1, {0}, {0}, 1, {0}, "\nUTC0\n", 1000000}, ERR_RETRY,
	"second block"},
    {"the most transitions that can be announced",
	{'2', 0, 1, {0}, {0}, 1, {0}, "\nUTC0\n", UINT32_MAX}, ERR_RETRY, "second block"},
    {"a type that is not there", {'2', 0, 1, {0}, {1}, 1, {0}, "\nUTC0\n", 0}, ERR_RETRY,
	"type that it lacks"},
    {"transitions that go backwards", {'2', 0, 2, {200, 100}, {1, 0}, 2, {0, 1}, "\nUTC0\n", 0},
	ERR_RETRY, "not in order"},
    {"two at the same time", {'2', 0, 2, {100, 100}, {1, 0}, 2, {0, 1}, "\nUTC0\n", 0}, ERR_RETRY,
	"not in order"},
    {"a day from UTC", {'2', 0, 0, {0}, {0}, 1, {DAY}, "\n\n", 0}, ERR_RETRY, "less than a day"},
    {"a day the other way", {'2', 0, 1, {9}, {1}, 2, {0, -DAY}, "\n\n", 0}, ERR_RETRY,
	"less than a day"},
    {"the smallest number", {'2', 0, 0, {0}, {0}, 1, {INT32_MIN}, "\n\n", 0}, ERR_RETRY,
	"less than a day"},
    {"a clock that is set back by more than a day",
	{'2', 0, 1, {9}, {1}, 2, {20 * HOUR, -20 * HOUR}, "\n\n", 0}, ERR_RETRY, "too fast"},
    {"a clock that is moved forward by more than a day",
	{'2', 0, 1, {9}, {1}, 2, {-20 * HOUR, 20 * HOUR}, "\n\n", 0}, ERR_RETRY, "too fast"},
    {"a change that is undone a second later",
	{'2', 0, 2, {1000, 1001}, {1, 0}, 2, {0, HOUR}, "\n\n", 0}, ERR_NONE, NULL},
    {"changes that overtake each other",
	{'2', 0, 3, {1000, 1001, 1002}, {1, 0, 2}, 3, {0, 2 * HOUR, HOUR}, "\n\n", 0}, ERR_RETRY,
	"too fast"},
    {"a rule that contradicts the last transition",
	{'2', 0, 1, {100}, {1}, 2, {0, HOUR}, "\nXXX-2\n", 0}, ERR_RETRY, "contradicts"},
    {"a yearly rule that contradicts it",
	{'2', 0, 1, {100}, {1}, 2, {0, HOUR}, "\nXXX0YYY,M3.5.0,M10.5.0\n", 0}, ERR_RETRY,
	"contradicts"},
    {"nothing behind the block", {'2', 0, 0, {0}, {0}, 1, {0}, "", 0}, ERR_RETRY, "one line"},
    {"half a line", {'2', 0, 0, {0}, {0}, 1, {0}, "\nUTC0", 0}, ERR_RETRY, "one line"},
    {"more than a line", {'2', 0, 0, {0}, {0}, 1, {0}, "\nUTC0\n ", 0}, ERR_RETRY, "one line"},
    {"two lines", {'2', 0, 0, {0}, {0}, 1, {0}, "\nUTC0\nUTC0\n", 0}, ERR_RETRY, "one line"},
    {"a line that is no rule", {'2', 0, 0, {0}, {0}, 1, {0}, "\nUTC\n", 0}, ERR_RETRY,
	"rule is none"},
    {"times at both ends of 64 bits",
	{'2', 0, 2, {INT64_MIN, INT64_MAX}, {0, 1}, 2, {0, 1}, "\n\n", 0}, ERR_NONE, NULL},
};

START_TEST(test_files)
{
	const struct file_row *row = &file_rows[_i];
	struct bytes bytes = file_make(&row->file);
	struct zone zone;
	struct err err;

	ck_assert_msg(
	    decode(bytes.ptr, bytes.len, &zone, &err) == row->class, "%s: %s", row->name, err.text);
	ck_assert_msg(row->text == NULL || strstr(err.text, row->text) != NULL, "%s: %s", row->name,
	    err.text);
}
END_TEST

/* What holds at the first moment, what changes in it, and what changes after the last one. */
START_TEST(test_the_range_cuts_transitions_off)
{
	const struct made_file made = {'2', 0, 4,
	    {INSTANT_MIN_S - 1, INSTANT_MIN_S, INSTANT_MAX_S, INSTANT_MAX_S + 1}, {0, 1, 2, 0}, 3,
	    {1, 2, 3}, "\n\n", 0};
	struct bytes bytes = file_make(&made);
	struct zone zone;
	struct err err;

	ck_assert_int_eq(decode(bytes.ptr, bytes.len, &zone, &err), ERR_NONE);
	ck_assert_int_eq(zone.offset_first_s, 2);
	ck_assert_uint_eq(zone.transitions_len, 1);
	ck_assert_int_eq(zone.transitions[0].at_s, INSTANT_MAX_S);
	ck_assert_int_eq(zone.transitions[0].offset_s, 3);
}
END_TEST

/* 1,024 transitions are read, one more is refused. */
START_TEST(test_the_table_is_bounded)
{
	static unsigned char bytes[ZONE_FILE_MAX];

	for (uint32_t times = ZONE_TRANSITIONS_MAX; times <= ZONE_TRANSITIONS_MAX + 1; times++) {
		struct bytes head = {.len = 0}, tail = {.len = 0};
		size_t len;
		struct zone zone;
		struct err err;

		put_header(&head, '2', 0, 0, 0);
		put_header(&head, '2', 0, times, 2);
		memcpy(bytes, head.ptr, len = head.len);
		for (uint32_t i = 0; i < times; i++) {
			struct bytes at = {.len = 0};

			put(&at, (uint64_t)(i + 1) * DAY, 8);
			memcpy(bytes + len + i * at.len, at.ptr, at.len);
			bytes[len + times * at.len + i] = i % 2 == 0 ? 1 : 0;
		}
		len += times * 9;
		put(&tail, 0, 6);
		put(&tail, HOUR, 4);
		put(&tail, 0, 2);
		put(&tail, UINT64_C(0x0a0a), 2);
		memcpy(bytes + len, tail.ptr, tail.len);
		ck_assert_int_eq(decode(bytes, len + tail.len, &zone, &err),
		    times == ZONE_TRANSITIONS_MAX ? ERR_NONE : ERR_POISON);
	}
}
END_TEST

/* RFC 9636's own example: what ends in the moment in which it begins again never ends. */
START_TEST(test_summer_time_all_year)
{
	const struct made_file made = {
	    '3', 0, 0, {0}, {0}, 1, {-5 * HOUR}, "\nEST5EDT,0/0,J365/25\n", 0};
	struct bytes bytes = file_make(&made);
	struct zone zone;
	struct err err;

	ck_assert_int_eq(decode(bytes.ptr, bytes.len, &zone, &err), ERR_NONE);
	ck_assert_int_eq(zone.offset_first_s, -4 * HOUR);
	ck_assert_uint_eq(zone.transitions_len, 0);
}
END_TEST

static const char *const real_zones[] = {"UTC", "Europe/Vienna", "Africa/Casablanca", "Asia/Gaza",
    "Australia/Lord_Howe", "America/Nuuk", "Pacific/Apia", "Asia/Kolkata"};

static size_t
real_file(const char *name, unsigned char *ret_bytes)
{
	char path[PATH_MAX];
	FILE *file;
	size_t len;

	zones_path(name, path, sizeof(path));
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "%s is not there", path);
	len = fread(ret_bytes, 1, ZONE_FILE_MAX, file);
	fclose(file);
	ck_assert_uint_gt(len, 100);
	return len;
}

START_TEST(test_torn_files)
{
	static unsigned char bytes[ZONE_FILE_MAX];
	size_t whole = real_file(real_zones[_i], bytes);
	struct zone zone;
	struct err err;

	for (size_t len = 0; len < whole; len++)
		ck_assert_msg(decode(bytes, len, &zone, &err) == ERR_RETRY, "%zu bytes", len);
	ck_assert_int_eq(decode(bytes, whole, &zone, &err), ERR_NONE);
}
END_TEST

/* Whatever was read, periods can be computed with it: calendar.c aborts when it loses its footing.
 */
static void
assert_usable(const struct zone *zone, uint64_t *random)
{
	const struct cadence daily = {INTERVAL_DAY, 1};

	for (uint32_t i = 0; i < 2 * zone->transitions_len + 2; i++) {
		struct instant anchor = {(int64_t)unit_random(random, (uint64_t)INSTANT_MAX_S)};
		struct instant before, boundary;

		if (i < zone->transitions_len)
			anchor.s = zone->transitions[i].at_s - (int64_t)unit_random(random, DAY);
		if (anchor.s < INSTANT_MIN_S)
			continue;
		before = anchor;
		for (int32_t k = 1; k < 4 && calendar_boundary(zone, (struct anchor){anchor, 0},
						 daily, k, &boundary);
		     k++) {
			ck_assert_int_ge(boundary.s, before.s);
			before = boundary;
		}
	}
}

START_TEST(test_damaged_files)
{
	static unsigned char bytes[ZONE_FILE_MAX];
	size_t len = real_file(real_zones[_i], bytes);
	uint64_t random = unit_seed("zone_file");
	int read = 0, refused = 0;

	for (int n = 0; n < FLIPS; n++) {
		size_t at[4], count = 1 + (size_t)unit_random(&random, ARRAY_LEN(at));
		unsigned char flips[ARRAY_LEN(at)];
		struct zone zone;
		struct err err;

		for (size_t i = 0; i < count; i++) {
			/* The headers and the rule are a small part of it. */
			size_t part = unit_random(&random, 2) == 0 ? len : 44;

			at[i] = (size_t)unit_random(&random, part);
			if (unit_random(&random, 4) == 0)
				at[i] = len - 1 - at[i] % 30;
			flips[i] = (unsigned char)(1 + unit_random(&random, 255));
			bytes[at[i]] ^= flips[i];
		}
		if (decode(bytes, len, &zone, &err) == ERR_NONE) {
			assert_usable(&zone, &random);
			read++;
		} else {
			refused++;
		}
		for (size_t i = count; i > 0; i--)
			bytes[at[i - 1]] ^= flips[i - 1];
	}
	ck_assert_int_gt(read, 0);
	ck_assert_int_gt(refused, FLIPS / 10);
}
END_TEST

/* Zones that are read once, in a process of its own: only when Check makes them. */
static bool
forks(void)
{
	const char *fork = getenv("CK_FORK");

	return fork == NULL || strcmp(fork, "no") != 0;
}

static void
write_file(const char *directory, const char *name, const void *bytes, size_t len)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "wb");
	ck_assert_msg(file != NULL, "%s", path);
	ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

static void
write_zone(const char *directory, const char *name, uint32_t leap)
{
	const struct made_file made = {'2', leap, 0, {0}, {0}, 1, {0}, "\nUTC0\n", 0};
	struct bytes bytes = file_make(&made);

	write_file(directory, name, bytes.ptr, bytes.len);
}

static void
make_folder(const char *directory, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

/* A new directory, which zones are read from; taken away by remove_directory. */
static void
make_directory(char ret_directory[32])
{
	memcpy(ret_directory, "/tmp/test_zone_file.XXXXXX", sizeof("/tmp/test_zone_file.XXXXXX"));
	ck_assert_ptr_nonnull(mkdtemp(ret_directory));
	ck_assert_int_eq(setenv("TZDIR", ret_directory, 1), 0);
}

static int
remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
remove_directory(const char *directory)
{
	ck_assert_int_eq(nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

struct listed_row {
	const char *name;
	bool known;
	enum err_class class; /* of reading it */
};

static const struct listed_row listed_rows[] = {
    {"UTC", true, ERR_NONE},
    {"Area/City", true, ERR_NONE},
    {"Area/State/City", true, ERR_NONE},
    {"Link", true, ERR_NONE},
    {"Torn", true, ERR_RETRY},
    {"Large", true, ERR_RETRY},
    {"Leap", true, ERR_FATAL},
    {"Gone", true, ERR_RETRY},
    {"Pipe", false, ERR_POISON},
    {"Nowhere", false, ERR_POISON},
    {"Text", false, ERR_POISON},
    {"Empty", false, ERR_POISON},
    {"Area", false, ERR_POISON},
    {"right", false, ERR_POISON},
    {"right/UTC", false, ERR_POISON},
    {"posix/UTC", false, ERR_POISON},
    {"posixrules", false, ERR_POISON},
    {"localtime", false, ERR_POISON},
    {"Factory", false, ERR_POISON},
    {"with.dot", false, ERR_POISON},
    {"Area/../UTC", false, ERR_POISON},
    {"Later", false, ERR_POISON},
    {"Area/localtime", true, ERR_NONE}, /* only in the directory itself is it the machine's */
    {"Area/Loop/Area/City", true, ERR_NONE},
    {"Area/Loop/Area/Loop/UTC", false, ERR_POISON},
};

static void
fill_directory(const char *directory)
{
	static const char *const folders[] = {"Area", "Area/State", "right", "posix"};
	static const char *const zones[] = {"UTC", "Area/City", "Area/State/City", "Gone",
	    "right/UTC", "posix/UTC", "posixrules", "localtime", "Factory", "with.dot",
	    "Area/localtime"};
	static char large[ZONE_FILE_MAX + 1] = ZONE_FILE_MAGIC "2";
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		make_folder(directory, folders[i]);
	for (size_t i = 0; i < ARRAY_LEN(zones); i++)
		write_zone(directory, zones[i], 0);
	write_zone(directory, "Leap", 1);
	write_file(directory, "Torn", ZONE_FILE_MAGIC "2", 5);
	write_file(directory, "Large", large, sizeof(large));
	write_file(directory, "Text", "no zone at all", 14);
	write_file(directory, "Empty", "", 0);
	snprintf(path, sizeof(path), "%s/Pipe", directory);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/Link", directory);
	ck_assert_int_eq(symlink("Area/City", path), 0);
	snprintf(path, sizeof(path), "%s/Nowhere", directory);
	ck_assert_int_eq(symlink("nowhere", path), 0);
	snprintf(path, sizeof(path), "%s/Area/Loop", directory);
	ck_assert_int_eq(symlink("..", path), 0);
}

START_TEST(test_a_directory)
{
	char directory[32], path[PATH_MAX];
	struct zone zone;
	struct err err;

	if (!forks())
		return;
	make_directory(directory);
	fill_directory(directory);
	ck_assert_msg(zone_init(&err) == ERR_NONE, "%s", err.text);

	/* The list is that of the start; the files are as they are. */
	write_zone(directory, "Later", 0);
	snprintf(path, sizeof(path), "%s/Gone", directory);
	ck_assert_int_eq(unlink(path), 0);
	for (size_t i = 0; i < ARRAY_LEN(listed_rows); i++) {
		const struct listed_row *row = &listed_rows[i];

		ck_assert_msg(
		    zone_is_known(str_from(row->name)) == row->known, "known: %s", row->name);
		ck_assert_msg(zone_read(str_from(row->name), &zone, &err) == row->class, "%s: %s",
		    row->name, err.text);
	}
	remove_directory(directory);
}
END_TEST

struct start_row {
	const char *name;
	bool is_there;
	int leap; /* leap seconds of its UTC; -1 for no UTC */
	enum err_class class;
	const char *text;
};

static const struct start_row start_rows[] = {
    {"no directory", false, 0, ERR_FATAL, "is the package tzdata installed?"},
    {"an empty one", true, -1, ERR_FATAL, "is the package tzdata installed?"},
    {"one with leap seconds", true, 1, ERR_FATAL, "leap seconds"},
};

START_TEST(test_a_bad_directory_is_told_at_start)
{
	const struct start_row *row = &start_rows[_i];
	char directory[32];
	struct err err;

	if (!forks())
		return;
	make_directory(directory);
	if (row->leap >= 0)
		write_zone(directory, "UTC", (uint32_t)row->leap);
	if (!row->is_there)
		remove_directory(directory);
	ck_assert_msg(zone_init(&err) == row->class, "%s", row->name);
	ck_assert_msg(strstr(err.text, row->text) != NULL, "%s: %s", row->name, err.text);
	ck_assert(!zone_is_known(STR("UTC")));
	if (row->is_there)
		remove_directory(directory);
}
END_TEST

UNIT_MAIN("zone_file", UNIT_ROWS(test_files, file_rows), UNIT(test_the_range_cuts_transitions_off),
    UNIT(test_the_table_is_bounded), UNIT(test_summer_time_all_year),
    UNIT_ROWS(test_torn_files, real_zones), UNIT_ROWS(test_damaged_files, real_zones),
    UNIT(test_a_directory), UNIT_ROWS(test_a_bad_directory_is_told_at_start, start_rows))
