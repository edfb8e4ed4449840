#ifndef COMMON_ICU_GLYPH_H
#define COMMON_ICU_GLYPH_H

/*
 * What a terminal makes of a character, by ICU's tables: whether it is shown at all, and how much
 * room it takes.  Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/check.h"

/**
 * glyph_is_hidden(code_point):
 * Whether ${code_point} is an order rather than a glyph, which a terminal might obey: controls,
 * format characters (those that turn the direction of a text among them), ends of lines and
 * paragraphs, and what is no character.
 */
NODISCARD bool glyph_is_hidden(uint32_t code_point);

/**
 * glyph_columns(code_point):
 * The columns that ${code_point}, which is not hidden, takes: 2 when it is wide, 0 when it stands
 * on the character before it, else 1.
 */
NODISCARD size_t glyph_columns(uint32_t code_point);

#endif
