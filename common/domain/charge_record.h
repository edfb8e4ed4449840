#ifndef COMMON_DOMAIN_CHARGE_RECORD_H
#define COMMON_DOMAIN_CHARGE_RECORD_H

/*
 * How a charge is described to whoever reads or writes it: commands and events in Avro, a plan's
 * column in PostgreSQL, both by the same names.  Plain data.
 */

#include "common/base/record.h"

extern const struct record charge_record; /* of a struct charge, its tiers included */

#endif
