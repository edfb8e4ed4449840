#include "common/domain/billing_run_record.h"

#include "common/domain/billing_run.h"

static const struct field total_fields[] = {
    FIELD(struct billing_run_total, currency, FIELD_CURRENCY),
    FIELD(struct billing_run_total, invoices, FIELD_INT64),
    FIELD(struct billing_run_total, subtotal, FIELD_INT64_OR_NONE),
    FIELD(struct billing_run_total, discount, FIELD_INT64_OR_NONE),
    FIELD(struct billing_run_total, tax, FIELD_INT64_OR_NONE),
    FIELD(struct billing_run_total, total, FIELD_INT64_OR_NONE),
    FIELD(struct billing_run_total, credit_applied, FIELD_INT64_OR_NONE),
    FIELD(struct billing_run_total, amount_due, FIELD_INT64_OR_NONE),
};

const struct record billing_run_total_record =
    RECORD(struct billing_run_total, "billing_run_total", total_fields);
