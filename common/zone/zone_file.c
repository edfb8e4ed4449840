#include "common/zone/zone_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/civil.h"
#include "common/base/instant.h"
#include "common/zone/zone_rule.h"

#define MAGIC_BYTES 4
#define RESERVED_BYTES 15
#define TYPE_BYTES 6 /* offset (4), is it summer time (1), where its name begins (1) */
#define TYPES_MAX 256
#define TIME_BYTES_V1 4
#define TIME_BYTES 8

/* Bytes yet to be read. */
struct cursor {
	const unsigned char *ptr;
	size_t left;
};

/* The header's counts, in the file's order. */
struct counts {
	uint32_t is_utc, is_standard, leap, times, types, chars;
};

/* The parts of the block that say something about offsets; borrowed. */
struct block {
	struct counts counts;
	const unsigned char *times;   /* 8 bytes each */
	const unsigned char *indexes; /* the type that begins at that time, a byte each */
	const unsigned char *types;
	struct str rule;
};

/* The next ${len} bytes, or NULL when so many are not left. */
static const unsigned char *
take(struct cursor *cursor, uint64_t len)
{
	const unsigned char *taken = cursor->ptr;

	if (len > cursor->left)
		return NULL;
	cursor->ptr += len;
	cursor->left -= (size_t)len;
	return taken;
}

static uint32_t
uint32_at(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       (uint32_t)bytes[3];
}

static int64_t
time_at(const struct block *block, uint32_t i)
{
	const unsigned char *bytes = block->times + (size_t)i * TIME_BYTES;

	return (int64_t)((uint64_t)uint32_at(bytes) << 32 | uint32_at(bytes + 4));
}

static int32_t
type_offset_s(const struct block *block, uint32_t type)
{
	return (int32_t)uint32_at(block->types + (size_t)type * TYPE_BYTES);
}

static int32_t
offset_after_s(const struct block *block, uint32_t i)
{
	return type_offset_s(block, block->indexes[i]);
}

static enum err_class
malformed(struct err *err, const char *how)
{
	return err_set(err, ERR_RETRY, "not a whole TZif file: %s", how);
}

/* A header, of a version that has a second block and a rule. */
static enum err_class
header_decode(struct cursor *cursor, struct counts *ret_counts, struct err *err)
{
	const unsigned char *magic = take(cursor, MAGIC_BYTES);
	const unsigned char *version = take(cursor, 1 + RESERVED_BYTES);
	const unsigned char *counts = take(cursor, sizeof(*ret_counts));

	if (counts == NULL)
		return malformed(err, "it ends in a header");
	if (memcmp(magic, ZONE_FILE_MAGIC, MAGIC_BYTES) != 0)
		return malformed(err, "a header does not begin with TZif");
	if (version[0] < '2')
		return malformed(err, "it is of version 1, which says nothing after 2037");
	*ret_counts = (struct counts){
	    .is_utc = uint32_at(counts),
	    .is_standard = uint32_at(counts + 4),
	    .leap = uint32_at(counts + 8),
	    .times = uint32_at(counts + 12),
	    .types = uint32_at(counts + 16),
	    .chars = uint32_at(counts + 20),
	};
	return ERR_NONE;
}

/* Bytes of a block; the counts have 32 bits, so nothing overflows. */
static uint64_t
block_bytes(const struct counts *counts, uint64_t time_bytes)
{
	return counts->times * (time_bytes + 1) + (uint64_t)counts->types * TYPE_BYTES +
	       counts->chars + counts->leap * (time_bytes + 4) + counts->is_standard +
	       counts->is_utc;
}

/* The text between the two line ends that are the rest of the file. */
static enum err_class
footer_decode(struct cursor *cursor, struct str *ret_rule, struct err *err)
{
	const unsigned char *text = cursor->ptr;
	size_t len = cursor->left;

	if (len < 2 || text[0] != '\n' || memchr(text + 1, '\n', len - 1) != text + len - 1)
		return malformed(err, "it does not end in one line with a rule");
	*ret_rule = (struct str){(const char *)text + 1, len - 2};
	return ERR_NONE;
}

/* Everything that the counts and indexes of the block refer to lies within it. */
static enum err_class
block_check(const struct block *block, struct err *err)
{
	const struct counts *counts = &block->counts;

	if (counts->types == 0 || counts->types > TYPES_MAX)
		return malformed(err, "its number of types is not 1 to 256");
	for (uint32_t i = 0; i < counts->times; i++) {
		if (block->indexes[i] >= counts->types)
			return malformed(err, "a transition is to a type that it lacks");
		if (i > 0 && time_at(block, i) <= time_at(block, i - 1))
			return malformed(err, "its transitions are not in order");
	}
	return ERR_NONE;
}

/* Find the second block, whose times have 64 bits, and the rule behind it. */
static enum err_class
block_decode(struct cursor *cursor, struct block *ret_block, struct err *err)
{
	struct counts *counts = &ret_block->counts;
	struct cursor body;

	if (header_decode(cursor, counts, err) != ERR_NONE)
		return err->class;
	if (take(cursor, block_bytes(counts, TIME_BYTES_V1)) == NULL)
		return malformed(err, "it ends in the first block");
	if (header_decode(cursor, counts, err) != ERR_NONE)
		return err->class;
	if (counts->leap != 0)
		return err_set(err, ERR_FATAL,
		    "it counts leap seconds: TZDIR must not be the database's folder \"right\"");
	body = *cursor;
	if (take(cursor, block_bytes(counts, TIME_BYTES)) == NULL)
		return malformed(err, "it ends in the second block");
	ret_block->times = take(&body, (uint64_t)counts->times * TIME_BYTES);
	ret_block->indexes = take(&body, counts->times);
	ret_block->types = take(&body, (uint64_t)counts->types * TYPE_BYTES);
	CHECK(ret_block->times != NULL && ret_block->indexes != NULL && ret_block->types != NULL);
	if (footer_decode(cursor, &ret_block->rule, err) != ERR_NONE)
		return err->class;
	return block_check(ret_block, err);
}

/* The offset that the table ends with. */
static int32_t
last_offset_s(const struct zone *zone)
{
	return zone->transitions_len == 0 ? zone->offset_first_s
					  : zone->transitions[zone->transitions_len - 1].offset_s;
}

/* Append a transition that is not before the last one; of two at the same time the second counts.
 * False when the table is full. */
static bool
transition_append(struct zone *zone, int64_t at_s, int32_t offset_s)
{
	if (at_s <= INSTANT_MIN_S) {
		zone->offset_first_s = offset_s;
		return true;
	}
	if (at_s > INSTANT_MAX_S)
		return true;
	if (zone->transitions_len > 0 && zone->transitions[zone->transitions_len - 1].at_s == at_s)
		zone->transitions_len--;
	/* Only the clock's name changes, or whether it is called summer time. */
	if (offset_s == last_offset_s(zone))
		return true;
	if (zone->transitions_len == ZONE_TRANSITIONS_MAX)
		return false;
	zone->transitions[zone->transitions_len++] = (struct zone_transition){at_s, offset_s};
	return true;
}

/* Append what ${rule}'s changes say after the last transition of ${block}. */
static bool
changes_append(struct zone *zone, const struct block *block, const struct zone_rule *rule,
    bool *ret_contradicts)
{
	struct zone_transition changes[ZONE_RULE_CHANGES_MAX];
	uint32_t len = zone_rule_changes(rule, changes), i = 0;
	uint32_t times = block->counts.times;

	*ret_contradicts = false;
	if (times > 0) {
		while (i < len && changes[i].at_s <= time_at(block, times - 1))
			i++;
		*ret_contradicts =
		    i > 0 && changes[i - 1].offset_s != offset_after_s(block, times - 1);
	}
	for (; i < len; i++)
		if (!transition_append(zone, changes[i].at_s, changes[i].offset_s))
			return false;
	return true;
}

/* The table of ${block}: its transitions, and then its rule; without a rule the last offset stays,
 * as for every other reader of such files. */
static enum err_class
table_make(const struct block *block, struct zone *ret_zone, struct err *err)
{
	uint32_t times = block->counts.times;
	bool fits = true, contradicts = false;
	struct zone_rule rule;

	CHECK(block->times != NULL && block->indexes != NULL && block->types != NULL);
	ret_zone->transitions_len = 0;
	ret_zone->offset_first_s = type_offset_s(block, 0);
	for (uint32_t i = 0; fits && i < times; i++)
		fits = transition_append(ret_zone, time_at(block, i), offset_after_s(block, i));

	if (fits && block->rule.len > 0) {
		if (!zone_rule_parse(block->rule, &rule))
			return malformed(err, "its rule is none");
		if (rule.has_summer)
			fits = changes_append(ret_zone, block, &rule, &contradicts);
		else if (times == 0)
			ret_zone->offset_first_s = rule.standard_s;
		else
			contradicts = rule.standard_s != offset_after_s(block, times - 1);
	}
	if (contradicts)
		return malformed(err, "its rule contradicts its last transition");
	if (!fits)
		return err_set(err, ERR_POISON, "more than %d transitions", ZONE_TRANSITIONS_MAX);
	return ERR_NONE;
}

/* What calendar.c builds on: offsets of less than a day, no clock moved by more than one (or days
 * would overtake each other), and local times at which clocks changed in the order in which they
 * did. */
static enum err_class
table_check(const struct zone *zone, struct err *err)
{
	int64_t before_s = zone->offset_first_s, last_local_s = INT64_MIN;

	for (uint32_t i = 0; i <= zone->transitions_len; i++) {
		int64_t after_s, local_s;

		if (before_s <= -CIVIL_DAY_S || before_s >= CIVIL_DAY_S)
			return malformed(err, "an offset is not less than a day");
		if (i == zone->transitions_len)
			break;
		after_s = zone->transitions[i].offset_s;
		local_s = zone->transitions[i].at_s + (before_s > after_s ? before_s : after_s);
		if (before_s - after_s > CIVIL_DAY_S || after_s - before_s > CIVIL_DAY_S ||
		    local_s <= last_local_s)
			return malformed(err, "its clocks go back and forth too fast");
		before_s = after_s;
		last_local_s = local_s;
	}
	return ERR_NONE;
}

enum err_class
zone_file_decode(const unsigned char *bytes, size_t len, struct zone *ret_zone, struct err *err)
{
	struct cursor cursor = {bytes, len};
	struct block block = {.rule = STR_NONE};

	if (block_decode(&cursor, &block, err) != ERR_NONE ||
	    table_make(&block, ret_zone, err) != ERR_NONE)
		return err->class;
	return table_check(ret_zone, err);
}

/* Read all of ${fd}, at most ${max} bytes and one more. */
static ssize_t
read_all(int fd, unsigned char *bytes, size_t max)
{
	size_t len = 0;

	while (len <= max) {
		ssize_t n = read(fd, bytes + len, max + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

enum err_class
zone_file_read(const char *path, struct zone *ret_zone, struct err *err)
{
	unsigned char bytes[ZONE_FILE_MAX + 1];
	/* A pipe in a file's place must not hold us up. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	ssize_t len = -1;

	if (fd >= 0 && fstat(fd, &status) == 0) {
		if (S_ISREG(status.st_mode))
			len = read_all(fd, bytes, ZONE_FILE_MAX);
		else
			errno = EINVAL;
	}
	if (len < 0)
		err_set(err, ERR_RETRY, "%s", strerror(errno));
	else if (len > ZONE_FILE_MAX)
		err_set(err, ERR_RETRY, "it has more than %d bytes", ZONE_FILE_MAX);
	if (fd >= 0)
		close(fd);
	if (len >= 0 && len <= ZONE_FILE_MAX &&
	    zone_file_decode(bytes, (size_t)len, ret_zone, err) == ERR_NONE)
		return ERR_NONE;
	return err_wrap(err, "reading %s", path);
}
