#ifndef COMMON_BASE_SETTINGS_H
#define COMMON_BASE_SETTINGS_H

/*
 * Settings: a program's table of BILLD_* variables, from which --help, docs/settings.md and the
 * checks at start are made. Read once, before any thread starts.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

enum setting_kind {
	SETTING_INTEGER, /* int64_t, between minimum and maximum */
	SETTING_POWER,   /* as integer, and a power of two */
	SETTING_LEVEL,   /* const char *; "debug", "info", "warn" or "error" (log.h) */
	SETTING_CHOICE,  /* int64_t; which of the words of `fallback`, from 0 */
	SETTING_TEXT,    /* const char *; `minimum` 1 means that it must be given */
	SETTING_SECRET,  /* as text, never printed; NAME_FILE may name a file that holds it */
};

struct setting {
	const char *name; /* BILLD_PORT */
	enum setting_kind kind;
	void *value;          /* int64_t *, const char ** */
	const char *fallback; /* as it would be written; of a choice all there are, the default
				 first, with one space between them; NULL: no default */
	int64_t minimum;      /* of an integer; of a text: 1 when it must not be empty */
	int64_t maximum;      /* of an integer */
	const char *help;     /* one line: what it is, with its unit */
};

/**
 * settings_read(settings, len, err):
 * Fill every value from the environment or its default.  A set but empty variable counts as not
 * set.  ERR_FATAL, naming the variable, when one is missing, malformed or out of range, or its file
 * is empty, has a NUL or cannot be read.  Texts stay valid for the life of the process.
 */
NODISCARD enum err_class settings_read(const struct setting *settings, size_t len, struct err *err);

/**
 * settings_help(program, purpose, settings, len):
 * Print the usage of ${program} with its table to stdout.
 */
void settings_help(
    const char *program, const char *purpose, const struct setting *settings, size_t len);

/**
 * settings_markdown(program, settings, len):
 * Print the same table as a section of docs/settings.md to stdout.
 */
void settings_markdown(const char *program, const struct setting *settings, size_t len);

#endif
