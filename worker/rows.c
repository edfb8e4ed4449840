#include "worker/rows.h"

#include "common/domain/customer.h"
#include "common/domain/invoice.h"
#include "common/domain/plan.h"
#include "common/domain/subscription.h"

static const struct field organisation_fields[] = {
    FIELD(struct organisation, id, FIELD_UUID),
    FIELD(struct organisation, currency, FIELD_CURRENCY),
    FIELD(struct organisation, timezone, FIELD_STR),
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

static const struct field customer_fields[] = {
    FIELD(struct customer, organisation_id, FIELD_UUID),
    FIELD(struct customer, id, FIELD_UUID),
    FIELD(struct customer, shard, FIELD_INT32),
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
    FIELD(struct customer, latest_at, FIELD_INSTANT),
    FIELD(struct customer, created_ms, FIELD_INT64),
    FIELD(struct customer, created_at, FIELD_INSTANT),
    FIELD(struct customer, updated_at, FIELD_INSTANT),
    FIELD(struct customer, archived_at, FIELD_INSTANT),
};

static const struct field plan_fields[] = {
    FIELD(struct plan, organisation_id, FIELD_UUID),
    FIELD(struct plan, id, FIELD_UUID),
    FIELD(struct plan, code, FIELD_STR),
    FIELD(struct plan, name, FIELD_STR),
    FIELD(struct plan, currency, FIELD_CURRENCY),
    FIELD(struct plan, interval, FIELD_STR),
    FIELD(struct plan, interval_count, FIELD_INT32),
    FIELD(struct plan, amount, FIELD_INT64),
    FIELD(struct plan, metadata, FIELD_STR_MAP),
    FIELD(struct plan, created_ms, FIELD_INT64),
    FIELD(struct plan, created_at, FIELD_INSTANT),
    FIELD(struct plan, updated_at, FIELD_INSTANT),
    FIELD(struct plan, archived_at, FIELD_INSTANT),
};

static const struct field subscription_fields[] = {
    FIELD(struct subscription, organisation_id, FIELD_UUID),
    FIELD(struct subscription, id, FIELD_UUID),
    FIELD(struct subscription, shard, FIELD_INT32),
    FIELD(struct subscription, customer_id, FIELD_UUID),
    FIELD(struct subscription, plan_id, FIELD_UUID),
    FIELD(struct subscription, status, FIELD_STR),
    FIELD(struct subscription, timezone, FIELD_STR),
    FIELD(struct subscription, anchor_at, FIELD_INSTANT),
    FIELD(struct subscription, period_index, FIELD_INT32),
    FIELD(struct subscription, current_period_start, FIELD_INSTANT),
    FIELD(struct subscription, current_period_end, FIELD_INSTANT),
    FIELD(struct subscription, started_at, FIELD_INSTANT),
    FIELD(struct subscription, cancel_at_period_end, FIELD_BOOL),
    FIELD(struct subscription, canceled_at, FIELD_INSTANT),
    FIELD(struct subscription, ended_at, FIELD_INSTANT),
    FIELD(struct subscription, metadata, FIELD_STR_MAP),
    FIELD(struct subscription, created_ms, FIELD_INT64),
    FIELD(struct subscription, created_at, FIELD_INSTANT),
    FIELD(struct subscription, updated_at, FIELD_INSTANT),
};

static const struct field invoice_line_fields[] = {
    FIELD(struct invoice_line, organisation_id, FIELD_UUID),
    FIELD(struct invoice_line, id, FIELD_UUID),
    FIELD(struct invoice_line, invoice_id, FIELD_UUID),
    FIELD(struct invoice_line, position, FIELD_INT32),
    FIELD(struct invoice_line, description, FIELD_STR),
    FIELD(struct invoice_line, plan_id, FIELD_UUID),
    FIELD(struct invoice_line, quantity, FIELD_INT64),
    FIELD(struct invoice_line, unit_amount, FIELD_INT64),
    FIELD(struct invoice_line, amount, FIELD_INT64),
    FIELD(struct invoice_line, period_start, FIELD_INSTANT),
    FIELD(struct invoice_line, period_end, FIELD_INSTANT),
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
static const struct record api_key_record = RECORD(struct api_key, "api_key", api_key_fields);
static const struct record membership_record =
    RECORD(struct membership, "membership", membership_fields);
static const struct record customer_record = RECORD(struct customer, "customer", customer_fields);
static const struct record plan_record = RECORD(struct plan, "plan", plan_fields);
static const struct record subscription_record =
    RECORD(struct subscription, "subscription", subscription_fields);
static const struct record invoice_record = RECORD(struct invoice, "invoice", invoice_fields);
static const struct record operation_record =
    RECORD(struct operation, "operation", operation_fields);
static const struct record event_record = RECORD(struct event, "event", event_fields);
static const struct record dead_letter_record =
    RECORD(struct dead_letter, "dead_letter", dead_letter_fields);

const struct row_table row_tables[TABLE_MAX] = {
    [TABLE_ORGANISATIONS] = {"organisations", "identity.organisations", &organisation_record,
	{"id"}, false},
    [TABLE_API_KEYS] = {"api_keys", "identity.api_keys", &api_key_record, {"organisation_id", "id"},
	false},
    [TABLE_MEMBERSHIPS] = {"memberships", "identity.memberships", &membership_record,
	{"organisation_id", "user_id"}, false},
    [TABLE_CUSTOMERS] = {"customers", "billd.customers", &customer_record,
	{"organisation_id", "id"}, true},
    [TABLE_PLANS] = {"plans", "billd.plans", &plan_record, {"organisation_id", "id"}, true},
    [TABLE_SUBSCRIPTIONS] = {"subscriptions", "billd.subscriptions", &subscription_record,
	{"organisation_id", "id"}, true},
    [TABLE_INVOICES] = {"invoices", "billd.invoices", &invoice_record, {"organisation_id", "id"},
	false},
    [TABLE_INVOICE_LINES] = {"invoice_lines", "billd.invoice_lines", &invoice_line_record,
	{"organisation_id", "invoice_id", "position"}, false},
    [TABLE_OPERATIONS] = {"operations", "billd.operations", &operation_record,
	{"organisation_id", "id"}, false},
    [TABLE_OUTBOX] = {"outbox", "billd.outbox", &event_record,
	{"organisation_id", "partition", "number"}, false},
    [TABLE_DEAD_LETTERS] = {"dead_letters", "billd.dead_letters", &dead_letter_record,
	{"partition", "offset"}, false},
};
