#ifndef COMMON_CODEC_TRANSCODE_TEXT_H
#define COMMON_CODEC_TRANSCODE_TEXT_H

/*
 * The rules for texts in a client's JSON: control characters, length, format.  For transcode.c
 * only.
 */

#include "common/base/str.h"
#include "common/codec/schema.h"

/**
 * transcode_text_has_control(text):
 * Whether ${text} has a character from U+0000 to U+001F, or U+007F.
 */
NODISCARD bool transcode_text_has_control(struct str text);

/**
 * transcode_text_check(field, text, buf):
 * Check valid UTF-8 ${text} against ${field}'s rules.  False when it breaks one; then what it must
 * be, for the client, is appended to ${buf}.
 */
NODISCARD bool transcode_text_check(
    const struct schema_field *field, struct str text, struct buf *buf);

#endif
