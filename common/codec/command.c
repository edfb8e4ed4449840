#include "common/codec/command.h"

static const struct field meta_fields[] = {
    FIELD(struct command_meta, operation_id, FIELD_UUID),
    FIELD(struct command_meta, organisation_id, FIELD_UUID),
    FIELD(struct command_meta, actor, FIELD_STR),
    FIELD(struct command_meta, accepted_at, FIELD_INT64),
    FIELD(struct command_meta, idempotency_key, FIELD_STR),
    FIELD(struct command_meta, address, FIELD_STR),
};

const struct record command_meta_record = RECORD(struct command_meta, "meta", meta_fields);

#define META(type) FIELD_NESTED(type, meta, &command_meta_record)

static const struct field create_customer_fields[] = {
    META(struct create_customer),
    FIELD(struct create_customer, name, FIELD_STR),
    FIELD(struct create_customer, email, FIELD_STR),
    FIELD(struct create_customer, external_id, FIELD_STR),
    FIELD(struct create_customer, currency, FIELD_CURRENCY),
    FIELD(struct create_customer, country, FIELD_STR),
    FIELD(struct create_customer, timezone, FIELD_STR),
    FIELD(struct create_customer, metadata, FIELD_STR_MAP),
};

static const struct field update_customer_fields[] = {
    META(struct update_customer),
    FIELD(struct update_customer, customer_id, FIELD_UUID),
    FIELD(struct update_customer, name, FIELD_STR),
    FIELD(struct update_customer, email, FIELD_STR),
    FIELD(struct update_customer, external_id, FIELD_STR),
    FIELD(struct update_customer, country, FIELD_STR),
    FIELD(struct update_customer, timezone, FIELD_STR),
    FIELD(struct update_customer, metadata, FIELD_STR_MAP),
};

static const struct field archive_customer_fields[] = {
    META(struct archive_customer),
    FIELD(struct archive_customer, customer_id, FIELD_UUID),
};

static const struct field create_plan_fields[] = {
    META(struct create_plan),
    FIELD(struct create_plan, code, FIELD_STR),
    FIELD(struct create_plan, name, FIELD_STR),
    FIELD(struct create_plan, currency, FIELD_CURRENCY),
    FIELD(struct create_plan, interval, FIELD_STR),
    FIELD(struct create_plan, interval_count, FIELD_INT32),
    FIELD(struct create_plan, amount, FIELD_INT64),
    FIELD(struct create_plan, metadata, FIELD_STR_MAP),
};

static const struct field update_plan_fields[] = {
    META(struct update_plan),
    FIELD(struct update_plan, plan_id, FIELD_UUID),
    FIELD(struct update_plan, name, FIELD_STR),
    FIELD(struct update_plan, metadata, FIELD_STR_MAP),
};

static const struct field archive_plan_fields[] = {
    META(struct archive_plan),
    FIELD(struct archive_plan, plan_id, FIELD_UUID),
};

static const struct field create_subscription_fields[] = {
    META(struct create_subscription),
    FIELD(struct create_subscription, customer_id, FIELD_UUID),
    FIELD(struct create_subscription, plan_id, FIELD_UUID),
    FIELD(struct create_subscription, plan_code, FIELD_STR),
    FIELD(struct create_subscription, metadata, FIELD_STR_MAP),
};

static const struct field cancel_subscription_fields[] = {
    META(struct cancel_subscription),
    FIELD(struct cancel_subscription, subscription_id, FIELD_UUID),
    FIELD(struct cancel_subscription, effective, FIELD_STR),
};

#define COMMAND(type, fields, schema, command_name, needed)                         \
	{                                                                           \
		.schema_name = "billd.command." schema, .name = command_name,       \
		.permission = (needed),                                             \
		.record = &(const struct record)RECORD(type, command_name, fields), \
	}

const struct command_info command_table[COMMAND_TYPE_MAX] = {
    [COMMAND_CREATE_CUSTOMER] = COMMAND(struct create_customer, create_customer_fields,
	"CreateCustomer", "create_customer", PERMIT_BILL),
    [COMMAND_UPDATE_CUSTOMER] = COMMAND(struct update_customer, update_customer_fields,
	"UpdateCustomer", "update_customer", PERMIT_BILL),
    [COMMAND_ARCHIVE_CUSTOMER] = COMMAND(struct archive_customer, archive_customer_fields,
	"ArchiveCustomer", "archive_customer", PERMIT_BILL),
    [COMMAND_CREATE_PLAN] =
	COMMAND(struct create_plan, create_plan_fields, "CreatePlan", "create_plan", PERMIT_BILL),
    [COMMAND_UPDATE_PLAN] =
	COMMAND(struct update_plan, update_plan_fields, "UpdatePlan", "update_plan", PERMIT_BILL),
    [COMMAND_ARCHIVE_PLAN] = COMMAND(
	struct archive_plan, archive_plan_fields, "ArchivePlan", "archive_plan", PERMIT_BILL),
    [COMMAND_CREATE_SUBSCRIPTION] = COMMAND(struct create_subscription, create_subscription_fields,
	"CreateSubscription", "create_subscription", PERMIT_BILL),
    [COMMAND_CANCEL_SUBSCRIPTION] = COMMAND(struct cancel_subscription, cancel_subscription_fields,
	"CancelSubscription", "cancel_subscription", PERMIT_BILL),
};
