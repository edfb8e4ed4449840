#ifndef COMMON_BASE_BASE64URL_H
#define COMMON_BASE_BASE64URL_H

/*
 * base64url without padding (RFC 4648, section 5), read strictly: each run of bytes has exactly one
 * text.  Stateless and thread-safe after sodium_init.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/check.h"
#include "common/base/str.h"

/* Characters of ${bytes} bytes, without a NUL. */
#define BASE64URL_LEN(bytes) (((bytes) / 3) * 4 + ((bytes) % 3 == 0 ? 0 : (bytes) % 3 + 1))

/**
 * base64url_write(bytes, len, ret_text, size):
 * Write ${len} bytes and a NUL; ${size} is at least BASE64URL_LEN(len) + 1.
 */
void base64url_write(const void *bytes, size_t len, char *ret_text, size_t size);

/**
 * base64url_read(text, bytes, max, ret_len):
 * Undo it.  False when ${text} holds another character, has bits that mean nothing, or holds more
 * than ${max} bytes.
 */
NODISCARD bool base64url_read(struct str text, void *bytes, size_t max, size_t *ret_len);

/**
 * base64url_has_form(text):
 * Whether ${text} has base64url's characters alone.
 */
NODISCARD bool base64url_has_form(struct str text);

#endif
