#include "worker/rows.h"

#include "common/rows/rows.h"

static const struct field organisation_fields[] = {
    FIELD(struct organisation, id, FIELD_UUID),
    FIELD(struct organisation, currency, FIELD_CURRENCY),
    FIELD(struct organisation, timezone, FIELD_STR),
    FIELD(struct organisation, proration, FIELD_STR),
    FIELD(struct organisation, subscriptions_per_customer, FIELD_STR),
    FIELD(struct organisation, invoice_numbering, FIELD_STR),
    FIELD(struct organisation, invoice_prefix, FIELD_STR),
    FIELD(struct organisation, net_terms_days, FIELD_INT64),
    FIELD(struct organisation, tax_rate_ids, FIELD_STR),
};

static const struct field number_series_fields[] = {
    FIELD(struct number_series, organisation_id, FIELD_UUID),
    FIELD(struct number_series, invoice_count, FIELD_INT64),
    FIELD(struct number_series, credit_note_count, FIELD_INT64),
};

static const struct field api_key_fields[] = {
    FIELD(struct api_key, organisation_id, FIELD_UUID),
    FIELD(struct api_key, id, FIELD_UUID),
    FIELD(struct api_key, role, FIELD_STR),
    FIELD(struct api_key, revoked, FIELD_BOOL),
    FIELD(struct api_key, expires_ms, FIELD_INT64),
};

static const struct field membership_fields[] = {
    FIELD(struct membership, organisation_id, FIELD_UUID),
    FIELD(struct membership, user_id, FIELD_UUID),
    FIELD(struct membership, role, FIELD_STR),
};

static const struct field run_sums_fields[] = {
    FIELD(struct run_sums, organisation_id, FIELD_UUID),
    FIELD(struct run_sums, id, FIELD_UUID),
    FIELD(struct run_sums, through, FIELD_BOOL),
    FIELD(struct run_sums, due, FIELD_INT64),
    FIELD(struct run_sums, done, FIELD_INT64),
    FIELD(struct run_sums, invoiced, FIELD_INT64),
    FIELD(struct run_sums, failed, FIELD_INT64),
};

static const struct field operation_fields[] = {
    FIELD(struct operation, organisation_id, FIELD_UUID),
    FIELD(struct operation, id, FIELD_UUID),
    FIELD(struct operation, command, FIELD_STR),
    FIELD(struct operation, status, FIELD_STR),
    FIELD(struct operation, resource_type, FIELD_STR),
    FIELD(struct operation, resource_id, FIELD_UUID),
    FIELD(struct operation, problem, FIELD_JSON),
    FIELD(struct operation, idempotency_key, FIELD_STR),
    FIELD(struct operation, accepted_at, FIELD_MILLIS),
    FIELD(struct operation, actor, FIELD_STR),
    FIELD(struct operation, address, FIELD_STR),
    FIELD(struct operation, request_id, FIELD_STR),
};

static const struct field event_fields[] = {
    FIELD(struct event, organisation_id, FIELD_UUID),
    FIELD(struct event, partition, FIELD_INT32),
    FIELD(struct event, number, FIELD_INT64),
    FIELD(struct event, id, FIELD_UUID),
    FIELD(struct event, type, FIELD_STR),
    FIELD(struct event, subject, FIELD_UUID),
    FIELD(struct event, key, FIELD_UUID),
    FIELD(struct event, operation_id, FIELD_UUID),
    FIELD(struct event, occurred_at, FIELD_MILLIS),
    FIELD(struct event, value, FIELD_BYTES),
};

static const struct field dead_letter_fields[] = {
    FIELD(struct dead_letter, partition, FIELD_INT32),
    FIELD(struct dead_letter, offset, FIELD_INT64),
    FIELD(struct dead_letter, organisation_id, FIELD_UUID),
    FIELD(struct dead_letter, operation_id, FIELD_UUID),
    FIELD(struct dead_letter, reason, FIELD_STR),
    FIELD(struct dead_letter, key, FIELD_BYTES),
    FIELD(struct dead_letter, value, FIELD_BYTES),
};

static const struct record organisation_record =
    RECORD(struct organisation, "organisation", organisation_fields);
static const struct record number_series_record =
    RECORD(struct number_series, "number_series", number_series_fields);
static const struct record api_key_record = RECORD(struct api_key, "api_key", api_key_fields);
static const struct record membership_record =
    RECORD(struct membership, "membership", membership_fields);
static const struct record run_sums_record = RECORD(struct run_sums, "run_sums", run_sums_fields);
static const struct record operation_record =
    RECORD(struct operation, "operation", operation_fields);
static const struct record event_record = RECORD(struct event, "event", event_fields);
static const struct record dead_letter_record =
    RECORD(struct dead_letter, "dead_letter", dead_letter_fields);

static const struct row_table organisations = {.name = "organisations",
    .table = "identity.organisations",
    .record = &organisation_record,
    .keys = {"id"}};
static const struct row_table api_keys = {.name = "api_keys",
    .table = "identity.api_keys",
    .record = &api_key_record,
    .keys = {"organisation_id", "id"}};
static const struct row_table memberships = {.name = "memberships",
    .table = "identity.memberships",
    .record = &membership_record,
    .keys = {"organisation_id", "user_id"}};
static const struct row_table run_sums = {.name = "run_sums",
    .table = "billd.billing_run_parts",
    .record = &run_sums_record,
    .keys = {"organisation_id", "id"}};
static const struct row_table number_series = {.name = "number_series",
    .table = "billd.number_series",
    .record = &number_series_record,
    .keys = {"organisation_id"},
    .updatable = true};
static const struct row_table operations = {.name = "operations",
    .table = "billd.operations",
    .record = &operation_record,
    .keys = {"organisation_id", "id"}};
static const struct row_table outbox = {.name = "outbox",
    .table = "billd.outbox",
    .record = &event_record,
    .keys = {"organisation_id", "partition", "number"}};
static const struct row_table dead_letters = {.name = "dead_letters",
    .table = "billd.dead_letters",
    .record = &dead_letter_record,
    .keys = {"partition", "offset"}};

const struct row_table *const row_tables[TABLE_MAX] = {
    [TABLE_ORGANISATIONS] = &organisations,
    [TABLE_API_KEYS] = &api_keys,
    [TABLE_MEMBERSHIPS] = &memberships,
    [TABLE_RUN_SUMS] = &run_sums,
    [TABLE_NUMBER_SERIES] = &number_series,
    [TABLE_COUPONS] = &rows_coupons,
    [TABLE_TAX_RATES] = &rows_tax_rates,
    [TABLE_TEST_CLOCKS] = &rows_test_clocks,
    [TABLE_BILLING_RUNS] = &rows_billing_runs,
    [TABLE_CUSTOMERS] = &rows_customers,
    [TABLE_PLANS] = &rows_plans,
    [TABLE_PLAN_VERSIONS] = &rows_plan_versions,
    [TABLE_SUBSCRIPTIONS] = &rows_subscriptions,
    [TABLE_QUANTITIES] = &rows_quantities,
    [TABLE_INVOICES] = &rows_invoices,
    [TABLE_INVOICE_LINES] = &rows_invoice_lines,
    [TABLE_ITEMS] = &rows_items,
    [TABLE_CREDIT_NOTES] = &rows_credit_notes,
    [TABLE_PAYMENTS] = &rows_payments,
    [TABLE_CREDIT_ENTRIES] = &rows_credit_entries,
    [TABLE_JOURNAL] = &rows_journal,
    [TABLE_OPERATIONS] = &operations,
    [TABLE_OUTBOX] = &outbox,
    [TABLE_DEAD_LETTERS] = &dead_letters,
};
