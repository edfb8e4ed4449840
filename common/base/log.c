#include "common/base/log.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "common/base/utf8.h"

#define LOG_LINE_MAX 2048
#define ESCAPE_MAX 6     /* bytes of one escaped byte: \u001f */
#define PAIR_ROOM 32     /* quotes, colon, comma, and any number or an empty text */
#define LOG_TEXT_MAX 600 /* bytes of one value; the rest is cut off */

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug",
    [LOG_INFO] = "info",
    [LOG_WARN] = "warn",
    [LOG_ERROR] = "error",
};

/* Set once by log_init, before any thread starts. */
static struct {
	const char *program;
	enum log_level level;
} log_state = {.program = "billd", .level = LOG_INFO};

/* Lines that wait to be written together. */
static struct {
	pthread_mutex_t lock;
	bool on;
	size_t len;
	char bytes[LOG_HELD_MAX];
} held = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* A line being built; what does not fit is left out. */
struct line {
	size_t len;
	char bytes[LOG_LINE_MAX];
};

bool
log_level_is_known(const char *level_name)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
		if (strcmp(level_name, level_names[i]) == 0)
			return true;
	return false;
}

void
log_init(const char *program, const char *level_name)
{
	log_state.program = program;
	log_state.level = LOG_INFO;
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
		if (level_name != NULL && strcmp(level_name, level_names[i]) == 0)
			log_state.level = (enum log_level)i;
}

struct log_pair
log_text(const char *key, const char *text)
{
	return log_str(key, str_from(text));
}

struct log_pair
log_str(const char *key, struct str text)
{
	return (struct log_pair){.key = key, .text = text};
}

struct log_pair
log_int(const char *key, int64_t number)
{
	return (struct log_pair){.key = key, .is_number = true, .number = number};
}

/* Two bytes are kept for the end of the line. */
static size_t
line_room(const struct line *line)
{
	return sizeof(line->bytes) - 2 - line->len;
}

static void
line_add(struct line *line, const char *bytes, size_t len)
{
	if (len > line_room(line))
		return;
	memcpy(line->bytes + line->len, bytes, len);
	line->len += len;
}

static void
line_add_escape(struct line *line, uint32_t unit)
{
	char escaped[ESCAPE_MAX + 1];

	line_add(line, escaped, (size_t)snprintf(escaped, sizeof(escaped), "\\u%04x", unit));
}

/* As JSON has it, in printable ASCII: a log is read on terminals. */
static void
line_add_character(struct line *line, uint32_t character)
{
	if (character == '"' || character == '\\') {
		line_add(line, (const char[]){'\\', (char)character}, 2);
	} else if (character < 0x10000) {
		line_add_escape(line, character);
	} else {
		/* The pair of surrogates. */
		line_add_escape(line, 0xd800 + ((character - 0x10000) >> 10));
		line_add_escape(line, 0xdc00 + ((character - 0x10000) & 0x3ff));
	}
}

/* How many bytes at the beginning of ${text} are written as they are. */
static size_t
plain_len(struct str text)
{
	size_t len = 0;

	while (len < text.len && text.ptr[len] >= ' ' && text.ptr[len] <= '~' &&
	       text.ptr[len] != '"' && text.ptr[len] != '\\')
		len++;
	return len;
}

static void
line_add_text(struct line *line, struct str text)
{
	size_t room = line_room(line);
	size_t len = text.len < LOG_TEXT_MAX ? text.len : LOG_TEXT_MAX;

	/* Room for the worst case, so that a value is never cut inside an escape. */
	if (room < 2)
		return;
	if (len > (room - 2) / ESCAPE_MAX)
		len = (room - 2) / ESCAPE_MAX;
	line_add(line, "\"", 1);
	for (size_t i = 0, char_len; i < len; i += char_len) {
		uint32_t character;
		size_t plain = plain_len((struct str){text.ptr + i, len - i});

		line_add(line, text.ptr + i, plain);
		i += plain;
		if (i == len)
			break;
		char_len = utf8_char((struct str){text.ptr + i, len - i}, &character);
		if (char_len == 0) {
			/* No UTF-8: told by the byte. */
			char_len = 1;
			character = (unsigned char)text.ptr[i];
		}
		line_add_character(line, character);
	}
	line_add(line, "\"", 1);
}

static void
line_add_key(struct line *line, const char *key)
{
	line_add(line, ",\"", 2);
	line_add(line, key, strlen(key));
	line_add(line, "\":", 2);
}

/* One write, so that lines of several threads never mix.  A log that cannot be written stops
 * nothing. */
static void
bytes_write(const char *bytes, size_t len)
{
	if (len > 0 && write(STDERR_FILENO, bytes, len) < 0)
		return;
}

static void
held_write(void)
{
	bytes_write(held.bytes, held.len);
	held.len = 0;
}

static void
line_write(enum log_level level, const struct line *line)
{
	if (!held.on) {
		bytes_write(line->bytes, line->len);
		return;
	}
	pthread_mutex_lock(&held.lock);
	if (held.len + line->len > sizeof(held.bytes))
		held_write();
	memcpy(held.bytes + held.len, line->bytes, line->len);
	held.len += line->len;
	if (level >= LOG_WARN)
		held_write();
	pthread_mutex_unlock(&held.lock);
}

void
log_hold(void)
{
	held.on = true;
	check_before_abort(log_flush);
}

void
log_flush(void)
{
	/* Not waited for: a CHECK may fail in a thread that holds the lock. */
	if (pthread_mutex_trylock(&held.lock) != 0)
		return;
	held_write();
	pthread_mutex_unlock(&held.lock);
}

void
log_pairs(enum log_level level, const char *event, const struct log_pair *pairs, size_t len)
{
	struct line line = {.len = 0};
	char number[32];
	struct timeval now;
	struct tm utc;

	if (level < log_state.level)
		return;

	gettimeofday(&now, NULL);
	gmtime_r(&now.tv_sec, &utc);
	line.len = strftime(line.bytes, sizeof(line.bytes), "{\"ts\":\"%Y-%m-%dT%H:%M:%S", &utc);
	line_add(&line, number,
	    (size_t)snprintf(number, sizeof(number), ".%06ldZ\"", (long)now.tv_usec));
	line_add_key(&line, "level");
	line_add_text(&line, str_from(level_names[level]));
	line_add_key(&line, "program");
	line_add_text(&line, str_from(log_state.program));
	line_add_key(&line, "event");
	line_add_text(&line, str_from(event));
	for (size_t i = 0; i < len; i++) {
		const struct log_pair *pair = &pairs[i];

		if (pair->key == NULL || (!pair->is_number && pair->text.ptr == NULL))
			continue;
		/* A key is written with its value or not at all. */
		if (line_room(&line) < strlen(pair->key) + PAIR_ROOM)
			continue;
		line_add_key(&line, pair->key);
		if (pair->is_number)
			line_add(&line, number,
			    (size_t)snprintf(
				number, sizeof(number), "%lld", (long long)pair->number));
		else
			line_add_text(&line, pair->text);
	}
	line.bytes[line.len++] = '}';
	line.bytes[line.len++] = '\n';
	line_write(level, &line);
}
