#ifndef COMMON_BASE_LOG_H
#define COMMON_BASE_LOG_H

/*
 * Logs: one JSON object a line on stderr.  Fixed keys first (ts, level, program, event), then what
 * the line adds.  No payloads, no secrets. Called by main loops, and by what they lend threads;
 * what is below returns struct err.  Thread-safe: lines never mix.
 */

#include "common/base/check.h"
#include "common/base/str.h"

enum log_level {
	LOG_DEBUG,
	LOG_INFO,  /* what an operator wants to read on a good day */
	LOG_WARN,  /* it went wrong and is being dealt with */
	LOG_ERROR, /* somebody has to look */
};

/**
 * log_init(program, level_name):
 * Name the program, and leave out lines below ${level_name} ("debug", "info", "warn", "error";
 * anything else is info).
 */
void log_init(const char *program, const char *level_name);

/**
 * log_hold(), log_flush():
 * For daemons that log each request.  From log_hold on, lines below LOG_WARN are held and written
 * together: by log_flush, with the next line of LOG_WARN or above, when LOG_HELD_MAX bytes are
 * full, or at a failing CHECK.  Whoever holds calls log_flush several times a second and at the
 * end; SIGKILL loses what is held.
 */
#define LOG_HELD_MAX ((size_t)64 * 1024)
void log_hold(void);
void log_flush(void);

/**
 * log_level_is_known(level_name):
 * Whether it is one of the four.
 */
NODISCARD bool log_level_is_known(const char *level_name);

/* One pair of a line.  Made by the functions below; `text` is borrowed. */
struct log_pair {
	const char *key;
	bool is_number;
	int64_t number;
	struct str text; /* none: the pair is left out */
};

NODISCARD struct log_pair log_text(const char *key, const char *text);
NODISCARD struct log_pair log_str(const char *key, struct str text);
NODISCARD struct log_pair log_int(const char *key, int64_t number);

/**
 * log_line(level, event, pair...), log_event(level, event):
 * Write a line: log_line(LOG_INFO, "started", log_int("port", 8000)); or one without pairs.
 * ${event} is a short fixed phrase, for people and for grep.
 */
#define log_line(level, event, ...)                                         \
	log_pairs((level), (event), (const struct log_pair[]){__VA_ARGS__}, \
	    sizeof((const struct log_pair[]){__VA_ARGS__}) / sizeof(struct log_pair))
#define log_event(level, event) log_pairs((level), (event), NULL, 0)

void log_pairs(enum log_level level, const char *event, const struct log_pair *pairs, size_t len);

#endif
