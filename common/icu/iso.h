#ifndef COMMON_ICU_ISO_H
#define COMMON_ICU_ISO_H

/*
 * Codes of the ISO: currencies (4217) with their decimals, and countries (3166-1 alpha-2).
 * ICU's lists, corrected where ISO's differ.  Call iso_init once, before other threads start; it
 * fills a table that nothing writes to afterwards, so that any thread may then ask.
 */

#include <stdbool.h>

#include "common/base/check.h"
#include "common/base/err.h"
#include "common/base/str.h"

/**
 * iso_init(err):
 * Read the lists.  Retry when memory is out, fatal when ICU lacks its data.  Again does no harm,
 * while no other thread asks.
 */
NODISCARD enum err_class iso_init(struct err *err);

/**
 * iso_currency_is_known(code):
 * Whether ${code} is a currency one can pay with today: three upper-case letters.  Not funds,
 * metals, test codes (XAU, CHE, XXX), nor what was withdrawn (DEM, HRK).
 */
NODISCARD bool iso_currency_is_known(struct str code);

/**
 * iso_currency_exponent(code):
 * The decimals of ${code} by ISO 4217: 0 for JPY, 2 for USD, 3 for KWD; -1 when it is not known.
 */
NODISCARD int iso_currency_exponent(struct str code);

/**
 * iso_country_is_known(code):
 * Whether ${code} is a country's two upper-case letters.  Not what ISO only reserves or leaves to
 * users (EU, XK), nor withdrawn ones (AN).
 */
NODISCARD bool iso_country_is_known(struct str code);

#endif
