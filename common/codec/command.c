#include "common/codec/command.h"

#include "common/domain/charge_record.h"

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
    FIELD(struct create_customer, test_clock_id, FIELD_UUID),
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
    FIELD(struct create_plan, trial_days, FIELD_INT32),
    FIELD(struct create_plan, amount, FIELD_INT64_OR_NONE),
    FIELD_LIST(struct create_plan, charges, &charge_record),
    FIELD(struct create_plan, metadata, FIELD_STR_MAP),
};

static const struct field update_plan_fields[] = {
    META(struct update_plan),
    FIELD(struct update_plan, plan_id, FIELD_UUID),
    FIELD(struct update_plan, name, FIELD_STR),
    FIELD(struct update_plan, interval, FIELD_STR),
    FIELD(struct update_plan, interval_count, FIELD_INT64_OR_NONE),
    FIELD(struct update_plan, trial_days, FIELD_INT64_OR_NONE),
    FIELD(struct update_plan, amount, FIELD_INT64_OR_NONE),
    FIELD_LIST(struct update_plan, charges, &charge_record),
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
    FIELD(struct create_subscription, quantity, FIELD_INT64),
    FIELD(struct create_subscription, start_at, FIELD_INSTANT),
    FIELD(struct create_subscription, end_at, FIELD_INSTANT),
    FIELD(struct create_subscription, trial_days, FIELD_INT64_OR_NONE),
    FIELD(struct create_subscription, anchor, FIELD_STR),
    FIELD(struct create_subscription, metadata, FIELD_STR_MAP),
};

static const struct field cancel_subscription_fields[] = {
    META(struct cancel_subscription),
    FIELD(struct cancel_subscription, subscription_id, FIELD_UUID),
    FIELD(struct cancel_subscription, effective, FIELD_STR),
    FIELD(struct cancel_subscription, credit_unused, FIELD_BOOL),
};

static const struct field change_subscription_fields[] = {
    META(struct change_subscription),
    FIELD(struct change_subscription, subscription_id, FIELD_UUID),
    FIELD(struct change_subscription, plan_id, FIELD_UUID),
    FIELD(struct change_subscription, quantity, FIELD_INT64_OR_NONE),
    FIELD(struct change_subscription, effective, FIELD_STR),
    FIELD(struct change_subscription, proration, FIELD_STR),
};

static const struct field move_subscription_fields[] = {
    META(struct move_subscription),
    FIELD(struct move_subscription, subscription_id, FIELD_UUID),
};

static const struct field report_quantity_fields[] = {
    META(struct report_quantity),
    FIELD(struct report_quantity, subscription_id, FIELD_UUID),
    FIELD(struct report_quantity, charge_code, FIELD_STR),
    FIELD(struct report_quantity, quantity, FIELD_DECIMAL),
    FIELD(struct report_quantity, mode, FIELD_STR),
    FIELD(struct report_quantity, period_start, FIELD_INSTANT),
};

static const struct field create_test_clock_fields[] = {
    META(struct create_test_clock),
    FIELD(struct create_test_clock, name, FIELD_STR),
    FIELD(struct create_test_clock, now, FIELD_INSTANT),
};

static const struct field advance_test_clock_fields[] = {
    META(struct advance_test_clock),
    FIELD(struct advance_test_clock, test_clock_id, FIELD_UUID),
    FIELD(struct advance_test_clock, now, FIELD_INSTANT),
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
    [COMMAND_CHANGE_SUBSCRIPTION] = COMMAND(struct change_subscription, change_subscription_fields,
	"ChangeSubscription", "change_subscription", PERMIT_BILL),
    [COMMAND_UNCANCEL_SUBSCRIPTION] = COMMAND(struct move_subscription, move_subscription_fields,
	"UncancelSubscription", "uncancel_subscription", PERMIT_BILL),
    [COMMAND_PAUSE_SUBSCRIPTION] = COMMAND(struct move_subscription, move_subscription_fields,
	"PauseSubscription", "pause_subscription", PERMIT_BILL),
    [COMMAND_RESUME_SUBSCRIPTION] = COMMAND(struct move_subscription, move_subscription_fields,
	"ResumeSubscription", "resume_subscription", PERMIT_BILL),
    [COMMAND_REPORT_QUANTITY] = COMMAND(struct report_quantity, report_quantity_fields,
	"ReportQuantity", "report_quantity", PERMIT_BILL),
    [COMMAND_CREATE_TEST_CLOCK] = COMMAND(struct create_test_clock, create_test_clock_fields,
	"CreateTestClock", "create_test_clock", PERMIT_BILL),
    [COMMAND_ADVANCE_TEST_CLOCK] = COMMAND(struct advance_test_clock, advance_test_clock_fields,
	"AdvanceTestClock", "advance_test_clock", PERMIT_BILL),
};
