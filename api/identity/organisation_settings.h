#ifndef API_IDENTITY_ORGANISATION_SETTINGS_H
#define API_IDENTITY_ORGANISATION_SETTINGS_H

/*
 * The settings of an organisation that billing goes by: what each may say.  All other names are the
 * organisation's own, and may say anything.  The table holds the same rules.  Pure: whether a tax
 * rate that is named is there is another's question.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/check.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/tax.h"

struct organisation_setting {
	const char *name;
	const char *told; /* of a value that is not good: "must be …" */
};

/**
 * organisation_settings_at(i):
 * Each of them, from 0; NULL behind the last.
 */
NODISCARD const struct organisation_setting *organisation_settings_at(size_t i);

/**
 * organisation_settings_take(setting, value):
 * Whether ${value}, which is not empty, is one that ${setting} takes.
 */
NODISCARD bool organisation_settings_take(
    const struct organisation_setting *setting, struct str value);

/**
 * organisation_settings_read_rates(value, ret_ids):
 * The ids of a value of `tax_rate_ids`.  How many they are; 0, ${ret_ids} of no use, when it is no
 * such list: lower-case UUIDs, none twice, with commas between them.
 */
NODISCARD size_t organisation_settings_read_rates(
    struct str value, struct uuid ret_ids[TAX_RATES_MAX]);

#endif
