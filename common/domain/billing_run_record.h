#ifndef COMMON_DOMAIN_BILLING_RUN_RECORD_H
#define COMMON_DOMAIN_BILLING_RUN_RECORD_H

/*
 * How a run's sum in one currency is described to whoever reads or writes it: commands and events
 * in Avro, a run's column in PostgreSQL, by the same names.  Plain data.
 */

#include "common/base/record.h"

extern const struct record billing_run_total_record; /* of a struct billing_run_total */

#endif
