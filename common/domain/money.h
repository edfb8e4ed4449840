#ifndef COMMON_DOMAIN_MONEY_H
#define COMMON_DOMAIN_MONEY_H

/*
 * Money: an integer number of minor units of one currency (billing-rules: "Money and rounding").
 * Pure.  Never touches floating point, never wraps, never mixes currencies.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/check.h"
#include "common/base/str.h"

/* An ISO 4217 code.  How many decimals it has is read at the edge (icu/); sums of minor units don't
 * need it. */
struct currency {
	char code[4]; /* three upper-case letters and a NUL */
};

struct money {
	int64_t minor; /* in the currency's minor unit; negative for a credit */
	struct currency currency;
};

/**
 * currency_from(code, ret_currency):
 * Take three upper-case ASCII letters.  False, ${ret_currency} untouched, for anything else.
 */
NODISCARD bool currency_from(struct str code, struct currency *ret_currency);

/**
 * currency_equal(a, b):
 * Whether both are the same currency.
 */
NODISCARD bool currency_equal(struct currency a, struct currency b);

/**
 * money_is_valid(money):
 * Whether ${money} has a currency of three letters.
 */
NODISCARD bool money_is_valid(struct money money);

/**
 * money_add(a, b, ret_sum):
 * The sum of two amounts of the same currency (CHECKed).  False, ${ret_sum} untouched, when it does
 * not fit.
 */
NODISCARD bool money_add(struct money a, struct money b, struct money *ret_sum);

/**
 * money_times(price, quantity, ret_product):
 * ${quantity} (not negative) times ${price}.  False, ${ret_product} untouched, when it does not
 * fit.
 */
NODISCARD bool money_times(struct money price, int64_t quantity, struct money *ret_product);

#endif
