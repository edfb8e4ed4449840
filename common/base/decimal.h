#ifndef COMMON_BASE_DECIMAL_H
#define COMMON_BASE_DECIMAL_H

/*
 * Decimal numbers that are not negative, as prices and quantities are written: up to 15 digits
 * before the point and 12 behind it, exact.  Pure.  What is computed with them is domain/'s.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/check.h"
#include "common/base/str.h"

#define DECIMAL_PLACES 12
#define DECIMAL_SCALE INT64_C(1000000000000)       /* units in one */
#define DECIMAL_WHOLE_MAX INT64_C(999999999999999) /* the largest whole number */
#define DECIMAL_TEXT_SIZE 30                       /* 15 digits, the point, 12 digits, the NUL */

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

struct decimal {
	int128 units; /* trillionths; 0 to (DECIMAL_WHOLE_MAX + 1) * DECIMAL_SCALE - 1 */
};

#define DECIMAL_NONE ((struct decimal){-1}) /* none given: not a number */
#define DECIMAL_ZERO ((struct decimal){0})

/**
 * decimal_is_none(decimal), decimal_is_zero(decimal), decimal_compare(a, b):
 * Whether there is none; whether it is 0; and which is larger: less than, equal to or greater than
 * 0, as memcmp.
 */
NODISCARD bool decimal_is_none(struct decimal decimal);
NODISCARD bool decimal_is_zero(struct decimal decimal);
NODISCARD int decimal_compare(struct decimal a, struct decimal b);

/**
 * decimal_from(whole):
 * The whole number ${whole}, 0 to DECIMAL_WHOLE_MAX.
 */
NODISCARD struct decimal decimal_from(int64_t whole);

/**
 * decimal_read(text, places_max, ret_decimal):
 * Read digits, and behind a point at least one and at most ${places_max} (0 to DECIMAL_PLACES)
 * more.  No sign, no exponent, no space, no leading zero before another digit, at most 15 digits
 * before the point.  False, ${ret_decimal} untouched, for anything else.
 */
NODISCARD bool decimal_read(struct str text, int places_max, struct decimal *ret_decimal);

/**
 * decimal_write(decimal, ret_text):
 * Write ${decimal} (not none) without needless zeros, "0.0004" or "12", and a NUL.
 */
void decimal_write(struct decimal decimal, char ret_text[DECIMAL_TEXT_SIZE]);

#endif
