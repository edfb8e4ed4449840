#include "common/domain/charge_record.h"

#include "common/domain/charge.h"

static const struct field tier_fields[] = {
    FIELD(struct charge_tier, up_to, FIELD_INT64_OR_NONE),
    FIELD(struct charge_tier, unit_amount, FIELD_DECIMAL),
    FIELD(struct charge_tier, flat_amount, FIELD_INT64),
    FIELD(struct charge_tier, rate, FIELD_DECIMAL),
};

static const struct record tier_record = RECORD(struct charge_tier, "tier", tier_fields);

static const struct field charge_fields[] = {
    FIELD(struct charge, code, FIELD_STR),
    FIELD(struct charge, name, FIELD_STR),
    FIELD(struct charge, model, FIELD_STR),
    FIELD(struct charge, billing, FIELD_STR),
    FIELD(struct charge, amount, FIELD_INT64_OR_NONE),
    FIELD(struct charge, unit_amount, FIELD_DECIMAL),
    FIELD_LIST(struct charge, tiers, &tier_record),
    FIELD(struct charge, package_size, FIELD_INT64_OR_NONE),
    FIELD(struct charge, rate, FIELD_DECIMAL),
    FIELD(struct charge, fixed_amount, FIELD_INT64_OR_NONE),
    FIELD(struct charge, transaction_min_amount, FIELD_INT64_OR_NONE),
    FIELD(struct charge, transaction_max_amount, FIELD_INT64_OR_NONE),
    FIELD(struct charge, free_units, FIELD_DECIMAL),
    FIELD(struct charge, min_amount, FIELD_INT64_OR_NONE),
    FIELD(struct charge, max_amount, FIELD_INT64_OR_NONE),
    FIELD(struct charge, tax_rate_ids, FIELD_UUIDS),
};

const struct record charge_record = RECORD(struct charge, "charge", charge_fields);
