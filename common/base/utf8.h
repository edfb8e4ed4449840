#ifndef COMMON_BASE_UTF8_H
#define COMMON_BASE_UTF8_H

/*
 * What we ask of UTF-8: whether bytes are it, and how many code points they are.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/str.h"

/**
 * utf8_is_valid(text):
 * Whether ${text} is UTF-8 by RFC 3629 (no overlong forms, no surrogates, nothing over U+10FFFF)
 * without NUL, which no text column takes.
 */
NODISCARD bool utf8_is_valid(struct str text);

/**
 * utf8_char(text, ret_code_point):
 * How many bytes the character at the start of ${text} has, and which it is; 0 when it is none, or
 * ${text} is empty.
 */
NODISCARD size_t utf8_char(struct str text, uint32_t *ret_code_point);

/**
 * utf8_count(text):
 * The code points of the valid ${text}.
 */
NODISCARD size_t utf8_count(struct str text);

#endif
