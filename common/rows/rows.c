#include "common/rows/rows.h"

#include "common/domain/charge_record.h"

static const struct field customer_fields[] = {
    FIELD(struct customer, organisation_id, FIELD_UUID),
    FIELD(struct customer, id, FIELD_UUID),
    FIELD(struct customer, shard, FIELD_INT32),
    FIELD(struct customer, test_clock_id, FIELD_UUID),
    FIELD(struct customer, name, FIELD_STR),
    FIELD(struct customer, email, FIELD_STR),
    FIELD(struct customer, external_id, FIELD_STR),
    FIELD(struct customer, currency, FIELD_CURRENCY),
    FIELD(struct customer, country, FIELD_STR),
    FIELD(struct customer, timezone, FIELD_STR),
    FIELD(struct customer, metadata, FIELD_STR_MAP),
    FIELD(struct customer, number_prefix, FIELD_STR),
    FIELD(struct customer, invoice_count, FIELD_INT64),
    FIELD(struct customer, credit_balance, FIELD_INT64),
    FIELD(struct customer, credit_count, FIELD_INT64),
    FIELD(struct customer, latest_at, FIELD_INSTANT),
    FIELD(struct customer, created_ms, FIELD_INT64),
    FIELD(struct customer, created_at, FIELD_INSTANT),
    FIELD(struct customer, updated_at, FIELD_INSTANT),
    FIELD(struct customer, archived_at, FIELD_INSTANT),
};

static const struct record customer_record = RECORD(struct customer, "customer", customer_fields);

static const struct field plan_fields[] = {
    FIELD(struct plan, organisation_id, FIELD_UUID),
    FIELD(struct plan, id, FIELD_UUID),
    FIELD(struct plan, version_id, FIELD_UUID),
    FIELD(struct plan, version, FIELD_INT32),
    FIELD(struct plan, code, FIELD_STR),
    FIELD(struct plan, name, FIELD_STR),
    FIELD(struct plan, currency, FIELD_CURRENCY),
    FIELD(struct plan, interval, FIELD_STR),
    FIELD(struct plan, interval_count, FIELD_INT32),
    FIELD(struct plan, trial_days, FIELD_INT32),
    FIELD(struct plan, amount, FIELD_INT64),
    FIELD_LIST_COLUMN(struct plan, charges, &charge_record),
    FIELD(struct plan, metadata, FIELD_STR_MAP),
    FIELD(struct plan, created_ms, FIELD_INT64),
    FIELD(struct plan, created_at, FIELD_INSTANT),
    FIELD(struct plan, updated_at, FIELD_INSTANT),
    FIELD(struct plan, archived_at, FIELD_INSTANT),
};

static const struct record plan_record = RECORD(struct plan, "plan", plan_fields);

static const struct field plan_version_fields[] = {
    FIELD(struct plan_version, organisation_id, FIELD_UUID),
    FIELD(struct plan_version, id, FIELD_UUID),
    FIELD(struct plan_version, plan_id, FIELD_UUID),
    FIELD(struct plan_version, version, FIELD_INT32),
    FIELD(struct plan_version, currency, FIELD_CURRENCY),
    FIELD(struct plan_version, interval, FIELD_STR),
    FIELD(struct plan_version, interval_count, FIELD_INT32),
    FIELD(struct plan_version, trial_days, FIELD_INT32),
    FIELD_LIST_COLUMN(struct plan_version, charges, &charge_record),
    FIELD(struct plan_version, created_at, FIELD_INSTANT),
};

static const struct record plan_version_record =
    RECORD(struct plan_version, "plan_version", plan_version_fields);

static const struct field subscription_fields[] = {
    FIELD(struct subscription, organisation_id, FIELD_UUID),
    FIELD(struct subscription, id, FIELD_UUID),
    FIELD(struct subscription, shard, FIELD_INT32),
    FIELD(struct subscription, customer_id, FIELD_UUID),
    FIELD(struct subscription, test_clock_id, FIELD_UUID),
    FIELD(struct subscription, live_slot, FIELD_UUID),
    FIELD(struct subscription, plan_id, FIELD_UUID),
    FIELD(struct subscription, plan_version_id, FIELD_UUID),
    FIELD(struct subscription, quantity, FIELD_INT64),
    FIELD(struct subscription, status, FIELD_STR),
    FIELD(struct subscription, timezone, FIELD_STR),
    FIELD(struct subscription, anchor, FIELD_STR),
    FIELD(struct subscription, anchor_at, FIELD_INSTANT),
    FIELD(struct subscription, anchor_day, FIELD_INT32),
    FIELD(struct subscription, period_index, FIELD_INT32),
    FIELD(struct subscription, realigns, FIELD_BOOL),
    FIELD(struct subscription, current_period_start, FIELD_INSTANT),
    FIELD(struct subscription, current_period_end, FIELD_INSTANT),
    FIELD(struct subscription, natural_start, FIELD_INSTANT),
    FIELD(struct subscription, natural_end, FIELD_INSTANT),
    FIELD(struct subscription, started_at, FIELD_INSTANT),
    FIELD(struct subscription, trial_start, FIELD_INSTANT),
    FIELD(struct subscription, trial_end, FIELD_INSTANT),
    FIELD(struct subscription, end_at, FIELD_INSTANT),
    FIELD(struct subscription, cancel_at_period_end, FIELD_BOOL),
    FIELD(struct subscription, canceled_at, FIELD_INSTANT),
    FIELD(struct subscription, ended_at, FIELD_INSTANT),
    FIELD(struct subscription, paused_at, FIELD_INSTANT),
    FIELD(struct subscription, pending_plan_id, FIELD_UUID),
    FIELD(struct subscription, pending_version_id, FIELD_UUID),
    FIELD(struct subscription, pending_quantity, FIELD_INT64_OR_NONE),
    FIELD(struct subscription, due_at, FIELD_INSTANT),
    FIELD(struct subscription, billing_problem, FIELD_STR),
    FIELD(struct subscription, metadata, FIELD_STR_MAP),
    FIELD(struct subscription, created_ms, FIELD_INT64),
    FIELD(struct subscription, created_at, FIELD_INSTANT),
    FIELD(struct subscription, updated_at, FIELD_INSTANT),
};

static const struct record subscription_record =
    RECORD(struct subscription, "subscription", subscription_fields);

static const struct field quantity_fields[] = {
    FIELD(struct quantity, organisation_id, FIELD_UUID),
    FIELD(struct quantity, id, FIELD_UUID),
    FIELD(struct quantity, subscription_id, FIELD_UUID),
    FIELD(struct quantity, charge_code, FIELD_STR),
    FIELD(struct quantity, period_start, FIELD_INSTANT),
    FIELD(struct quantity, quantity, FIELD_DECIMAL),
    FIELD(struct quantity, transactions, FIELD_INT64),
    FIELD(struct quantity, fees, FIELD_DECIMAL),
    FIELD(struct quantity, created_at, FIELD_INSTANT),
    FIELD(struct quantity, updated_at, FIELD_INSTANT),
};

static const struct record quantity_record = RECORD(struct quantity, "quantity", quantity_fields);

static const struct field test_clock_fields[] = {
    FIELD(struct test_clock, organisation_id, FIELD_UUID),
    FIELD(struct test_clock, id, FIELD_UUID),
    FIELD(struct test_clock, shard, FIELD_INT32),
    FIELD(struct test_clock, name, FIELD_STR),
    FIELD(struct test_clock, status, FIELD_STR),
    FIELD(struct test_clock, now, FIELD_INSTANT),
    FIELD(struct test_clock, target_at, FIELD_INSTANT),
    FIELD(struct test_clock, advance_operation_id, FIELD_UUID),
    FIELD(struct test_clock, advance_accepted_ms, FIELD_INT64),
    FIELD(struct test_clock, advance_idempotency_key, FIELD_STR),
    FIELD(struct test_clock, advance_actor, FIELD_STR),
    FIELD(struct test_clock, advance_address, FIELD_STR),
    FIELD(struct test_clock, advance_request_id, FIELD_STR),
    FIELD(struct test_clock, created_ms, FIELD_INT64),
    FIELD(struct test_clock, created_at, FIELD_INSTANT),
    FIELD(struct test_clock, updated_at, FIELD_INSTANT),
};

static const struct record test_clock_record =
    RECORD(struct test_clock, "test_clock", test_clock_fields);

static const struct field invoice_line_fields[] = {
    FIELD(struct invoice_line, organisation_id, FIELD_UUID),
    FIELD(struct invoice_line, id, FIELD_UUID),
    FIELD(struct invoice_line, invoice_id, FIELD_UUID),
    FIELD(struct invoice_line, position, FIELD_INT32),
    FIELD(struct invoice_line, kind, FIELD_STR),
    FIELD(struct invoice_line, charge_code, FIELD_STR),
    FIELD(struct invoice_line, description, FIELD_STR),
    FIELD(struct invoice_line, plan_id, FIELD_UUID),
    FIELD(struct invoice_line, proration, FIELD_BOOL),
    FIELD(struct invoice_line, quantity, FIELD_INT64),
    FIELD(struct invoice_line, quantity_decimal, FIELD_DECIMAL),
    FIELD(struct invoice_line, unit_amount, FIELD_INT64),
    FIELD(struct invoice_line, unit_amount_decimal, FIELD_DECIMAL),
    FIELD(struct invoice_line, amount, FIELD_INT64),
    FIELD(struct invoice_line, period_start, FIELD_INSTANT),
    FIELD(struct invoice_line, period_end, FIELD_INSTANT),
    FIELD(struct invoice_line, explanation, FIELD_JSON),
};

static const struct record invoice_line_record =
    RECORD(struct invoice_line, "invoice_line", invoice_line_fields);

static const struct field invoice_fields[] = {
    FIELD(struct invoice, organisation_id, FIELD_UUID),
    FIELD(struct invoice, id, FIELD_UUID),
    FIELD(struct invoice, shard, FIELD_INT32),
    FIELD(struct invoice, customer_id, FIELD_UUID),
    FIELD(struct invoice, subscription_id, FIELD_UUID),
    FIELD(struct invoice, number, FIELD_STR),
    FIELD(struct invoice, sequence, FIELD_INT64),
    FIELD(struct invoice, reason, FIELD_STR),
    FIELD(struct invoice, status, FIELD_STR),
    FIELD(struct invoice, currency, FIELD_CURRENCY),
    FIELD(struct invoice, period_start, FIELD_INSTANT),
    FIELD(struct invoice, period_end, FIELD_INSTANT),
    FIELD(struct invoice, issued_at, FIELD_INSTANT),
    FIELD(struct invoice, due_at, FIELD_INSTANT),
    FIELD(struct invoice, paid_at, FIELD_INSTANT),
    FIELD_LIST(struct invoice, lines, &invoice_line_record),
    FIELD(struct invoice, subtotal, FIELD_INT64),
    FIELD(struct invoice, discount, FIELD_INT64),
    FIELD(struct invoice, tax, FIELD_INT64),
    FIELD(struct invoice, total, FIELD_INT64),
    FIELD(struct invoice, credit_applied, FIELD_INT64),
    FIELD(struct invoice, amount_due, FIELD_INT64),
    FIELD(struct invoice, amount_paid, FIELD_INT64),
    FIELD(struct invoice, created_ms, FIELD_INT64),
    FIELD(struct invoice, created_at, FIELD_INSTANT),
    FIELD(struct invoice, updated_at, FIELD_INSTANT),
    FIELD(struct invoice, digest, FIELD_STR),
};

static const struct record invoice_record = RECORD(struct invoice, "invoice", invoice_fields);

static const struct field credit_entry_fields[] = {
    FIELD(struct credit_entry, organisation_id, FIELD_UUID),
    FIELD(struct credit_entry, id, FIELD_UUID),
    FIELD(struct credit_entry, shard, FIELD_INT32),
    FIELD(struct credit_entry, customer_id, FIELD_UUID),
    FIELD(struct credit_entry, sequence, FIELD_INT64),
    FIELD(struct credit_entry, reason, FIELD_STR),
    FIELD(struct credit_entry, amount, FIELD_INT64),
    FIELD(struct credit_entry, balance_after, FIELD_INT64),
    FIELD(struct credit_entry, currency, FIELD_CURRENCY),
    FIELD(struct credit_entry, subscription_id, FIELD_UUID),
    FIELD(struct credit_entry, invoice_id, FIELD_UUID),
    FIELD(struct credit_entry, lines, FIELD_JSON),
    FIELD(struct credit_entry, created_ms, FIELD_INT64),
    FIELD(struct credit_entry, created_at, FIELD_INSTANT),
};

static const struct record credit_entry_record =
    RECORD(struct credit_entry, "credit_entry", credit_entry_fields);

const struct row_table rows_customers = {
    "customers", "billd.customers", &customer_record, {"organisation_id", "id"}, true};
const struct row_table rows_plans = {
    "plans", "billd.plans", &plan_record, {"organisation_id", "id"}, true};
const struct row_table rows_plan_versions = {
    "plan_versions", "billd.plan_versions", &plan_version_record, {"organisation_id", "id"}, false};
const struct row_table rows_subscriptions = {
    "subscriptions", "billd.subscriptions", &subscription_record, {"organisation_id", "id"}, true};
const struct row_table rows_quantities = {"quantities", "billd.quantities", &quantity_record,
    {"organisation_id", "subscription_id", "id"}, true};
const struct row_table rows_test_clocks = {
    "test_clocks", "billd.test_clocks", &test_clock_record, {"organisation_id", "id"}, true};
const struct row_table rows_invoices = {
    "invoices", "billd.invoices", &invoice_record, {"organisation_id", "id"}, false};
const struct row_table rows_invoice_lines = {"invoice_lines", "billd.invoice_lines",
    &invoice_line_record, {"organisation_id", "invoice_id", "position"}, false};
const struct row_table rows_credit_entries = {"credit_entries", "billd.credit_entries",
    &credit_entry_record, {"organisation_id", "customer_id", "sequence"}, false};
