#include "common/codec/command.h"

#include "common/domain/billing_run_record.h"
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
    FIELD(struct create_customer, tax_exempt, FIELD_STR),
    FIELD(struct create_customer, tax_exempt_reason, FIELD_STR),
    FIELD(struct create_customer, tax_rate_ids, FIELD_UUIDS),
    FIELD(struct create_customer, net_terms_days, FIELD_INT64_OR_NONE),
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
    FIELD(struct update_customer, tax_exempt, FIELD_STR),
    FIELD(struct update_customer, tax_exempt_reason, FIELD_STR),
    FIELD(struct update_customer, tax_rate_ids, FIELD_UUIDS),
    FIELD(struct update_customer, net_terms_days, FIELD_INT64_OR_NONE),
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
    FIELD(struct create_subscription, coupon_codes, FIELD_STRS),
    FIELD(struct create_subscription, tax_rate_ids, FIELD_UUIDS),
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

static const struct field create_coupon_fields[] = {
    META(struct create_coupon),
    FIELD(struct create_coupon, code, FIELD_STR),
    FIELD(struct create_coupon, name, FIELD_STR),
    FIELD(struct create_coupon, percent_off, FIELD_DECIMAL),
    FIELD(struct create_coupon, amount_off, FIELD_INT64_OR_NONE),
    FIELD(struct create_coupon, currency, FIELD_CURRENCY),
    FIELD(struct create_coupon, duration, FIELD_STR),
    FIELD(struct create_coupon, duration_periods, FIELD_INT64_OR_NONE),
    FIELD(struct create_coupon, max_redemptions, FIELD_INT64_OR_NONE),
    FIELD(struct create_coupon, redeem_by, FIELD_INSTANT),
    FIELD(struct create_coupon, plan_ids, FIELD_UUIDS),
    FIELD(struct create_coupon, metadata, FIELD_STR_MAP),
};

static const struct field archive_coupon_fields[] = {
    META(struct archive_coupon),
    FIELD(struct archive_coupon, coupon_id, FIELD_UUID),
};

static const struct field create_tax_rate_fields[] = {
    META(struct create_tax_rate),
    FIELD(struct create_tax_rate, code, FIELD_STR),
    FIELD(struct create_tax_rate, name, FIELD_STR),
    FIELD(struct create_tax_rate, percentage, FIELD_DECIMAL),
    FIELD(struct create_tax_rate, inclusive, FIELD_BOOL),
    FIELD(struct create_tax_rate, country, FIELD_STR),
    FIELD(struct create_tax_rate, metadata, FIELD_STR_MAP),
};

static const struct field archive_tax_rate_fields[] = {
    META(struct archive_tax_rate),
    FIELD(struct archive_tax_rate, tax_rate_id, FIELD_UUID),
};

static const struct field create_item_fields[] = {
    META(struct create_item),
    FIELD(struct create_item, customer_id, FIELD_UUID),
    FIELD(struct create_item, amount, FIELD_INT64),
    FIELD(struct create_item, currency, FIELD_CURRENCY),
    FIELD(struct create_item, description, FIELD_STR),
    FIELD(struct create_item, tax_rate_ids, FIELD_UUIDS),
    FIELD(struct create_item, metadata, FIELD_STR_MAP),
};

static const struct field cancel_item_fields[] = {
    META(struct cancel_item),
    FIELD(struct cancel_item, item_id, FIELD_UUID),
};

static const struct field give_credit_fields[] = {
    META(struct give_credit),
    FIELD(struct give_credit, customer_id, FIELD_UUID),
    FIELD(struct give_credit, amount, FIELD_INT64),
    FIELD(struct give_credit, currency, FIELD_CURRENCY),
    FIELD(struct give_credit, description, FIELD_STR),
};

static const struct field pay_invoice_fields[] = {
    META(struct pay_invoice),
    FIELD(struct pay_invoice, invoice_id, FIELD_UUID),
    FIELD(struct pay_invoice, payment_method, FIELD_STR),
    FIELD(struct pay_invoice, amount, FIELD_INT64_OR_NONE),
    FIELD(struct pay_invoice, reference, FIELD_STR),
};

static const struct field move_invoice_fields[] = {
    META(struct move_invoice),
    FIELD(struct move_invoice, invoice_id, FIELD_UUID),
};

static const struct field credit_wish_fields[] = {
    FIELD(struct credit_wish, line_id, FIELD_UUID),
    FIELD(struct credit_wish, amount, FIELD_INT64),
};

static const struct record credit_wish_record =
    RECORD(struct credit_wish, "credit_wish", credit_wish_fields);

static const struct field create_credit_note_fields[] = {
    META(struct create_credit_note),
    FIELD(struct create_credit_note, invoice_id, FIELD_UUID),
    FIELD_LIST(struct create_credit_note, lines, &credit_wish_record),
    FIELD(struct create_credit_note, reason, FIELD_STR),
    FIELD(struct create_credit_note, refund, FIELD_BOOL),
};

static const struct field record_payment_outcome_fields[] = {
    META(struct record_payment_outcome),
    FIELD(struct record_payment_outcome, customer_id, FIELD_UUID),
    FIELD(struct record_payment_outcome, invoice_id, FIELD_UUID),
    FIELD(struct record_payment_outcome, payment_id, FIELD_UUID),
    FIELD(struct record_payment_outcome, outcome, FIELD_STR),
    FIELD(struct record_payment_outcome, reference, FIELD_STR),
    FIELD(struct record_payment_outcome, failure_code, FIELD_STR),
};

static const struct field start_billing_run_fields[] = {
    META(struct start_billing_run),
    FIELD(struct start_billing_run, as_of, FIELD_INSTANT),
    FIELD(struct start_billing_run, dry_run, FIELD_BOOL),
    FIELD(struct start_billing_run, invoices_max, FIELD_INT64),
};

static const struct field move_billing_run_fields[] = {
    META(struct move_billing_run),
    FIELD(struct move_billing_run, billing_run_id, FIELD_UUID),
};

static const struct field finish_billing_run_fields[] = {
    META(struct finish_billing_run),
    FIELD(struct finish_billing_run, billing_run_id, FIELD_UUID),
    FIELD(struct finish_billing_run, due, FIELD_INT64),
    FIELD(struct finish_billing_run, done, FIELD_INT64),
    FIELD(struct finish_billing_run, invoiced, FIELD_INT64),
    FIELD(struct finish_billing_run, failed, FIELD_INT64),
    FIELD_LIST(struct finish_billing_run, totals, &billing_run_total_record),
    FIELD(struct finish_billing_run, digest, FIELD_STR),
    FIELD(struct finish_billing_run, books, FIELD_STR),
};

#define COMMAND(type, fields, schema, command_name, needed)                         \
	{                                                                           \
		.schema_name = "billd.command." schema, .name = command_name,       \
		.permission = (needed),                                             \
		.record = &(const struct record)RECORD(type, command_name, fields), \
	}

#define INTERNAL(type, fields, schema, command_name)                                \
	{                                                                           \
		.schema_name = "billd.command." schema, .name = command_name,       \
		.permission = PERMIT_BILL, .internal = true,                        \
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
    [COMMAND_CREATE_COUPON] = COMMAND(
	struct create_coupon, create_coupon_fields, "CreateCoupon", "create_coupon", PERMIT_BILL),
    [COMMAND_ARCHIVE_COUPON] = COMMAND(struct archive_coupon, archive_coupon_fields,
	"ArchiveCoupon", "archive_coupon", PERMIT_BILL),
    [COMMAND_CREATE_TAX_RATE] = COMMAND(struct create_tax_rate, create_tax_rate_fields,
	"CreateTaxRate", "create_tax_rate", PERMIT_BILL),
    [COMMAND_ARCHIVE_TAX_RATE] = COMMAND(struct archive_tax_rate, archive_tax_rate_fields,
	"ArchiveTaxRate", "archive_tax_rate", PERMIT_BILL),
    [COMMAND_CREATE_ITEM] =
	COMMAND(struct create_item, create_item_fields, "CreateItem", "create_item", PERMIT_BILL),
    [COMMAND_CANCEL_ITEM] =
	COMMAND(struct cancel_item, cancel_item_fields, "CancelItem", "cancel_item", PERMIT_BILL),
    [COMMAND_GIVE_CREDIT] =
	COMMAND(struct give_credit, give_credit_fields, "GiveCredit", "give_credit", PERMIT_BILL),
    [COMMAND_PAY_INVOICE] =
	COMMAND(struct pay_invoice, pay_invoice_fields, "PayInvoice", "pay_invoice", PERMIT_BILL),
    [COMMAND_VOID_INVOICE] = COMMAND(
	struct move_invoice, move_invoice_fields, "VoidInvoice", "void_invoice", PERMIT_BILL),
    [COMMAND_MARK_UNCOLLECTIBLE] = COMMAND(struct move_invoice, move_invoice_fields,
	"MarkUncollectible", "mark_uncollectible", PERMIT_BILL),
    [COMMAND_CREATE_CREDIT_NOTE] = COMMAND(struct create_credit_note, create_credit_note_fields,
	"CreateCreditNote", "create_credit_note", PERMIT_BILL),
    [COMMAND_RECORD_PAYMENT_OUTCOME] = INTERNAL(struct record_payment_outcome,
	record_payment_outcome_fields, "RecordPaymentOutcome", "record_payment_outcome"),
    [COMMAND_START_BILLING_RUN] = COMMAND(struct start_billing_run, start_billing_run_fields,
	"StartBillingRun", "start_billing_run", PERMIT_BILL),
    [COMMAND_PAUSE_BILLING_RUN] = COMMAND(struct move_billing_run, move_billing_run_fields,
	"PauseBillingRun", "pause_billing_run", PERMIT_BILL),
    [COMMAND_RESUME_BILLING_RUN] = COMMAND(struct move_billing_run, move_billing_run_fields,
	"ResumeBillingRun", "resume_billing_run", PERMIT_BILL),
    [COMMAND_CANCEL_BILLING_RUN] = COMMAND(struct move_billing_run, move_billing_run_fields,
	"CancelBillingRun", "cancel_billing_run", PERMIT_BILL),
    [COMMAND_SCHEDULE_BILLING_RUN] = INTERNAL(struct start_billing_run, start_billing_run_fields,
	"ScheduleBillingRun", "schedule_billing_run"),
    [COMMAND_FINISH_BILLING_RUN] = INTERNAL(struct finish_billing_run, finish_billing_run_fields,
	"FinishBillingRun", "finish_billing_run"),
};
