/* What was reported for charges in arrears. */
#include "common/rows/rows.h"

static const struct field quantity_fields[] = {
    FIELD(struct quantity, organisation_id, FIELD_UUID),
    FIELD(struct quantity, id, FIELD_UUID),
    FIELD(struct quantity, subscription_id, FIELD_UUID),
    FIELD(struct quantity, charge_code, FIELD_STR),
    FIELD(struct quantity, period_start, FIELD_INSTANT),
    FIELD(struct quantity, closed, FIELD_BOOL),
    FIELD(struct quantity, quantity, FIELD_DECIMAL),
    FIELD(struct quantity, transactions, FIELD_INT64),
    FIELD(struct quantity, fees, FIELD_DECIMAL),
    FIELD(struct quantity, created_at, FIELD_INSTANT),
    FIELD(struct quantity, updated_at, FIELD_INSTANT),
};

static const struct record quantity_record = RECORD(struct quantity, "quantity", quantity_fields);

const struct row_table rows_quantities = {
    .name = "quantities",
    .table = "billd.quantities",
    .record = &quantity_record,
    .keys = {"organisation_id", "subscription_id", "id"},
    .updatable = true,
};
