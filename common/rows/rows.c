#include "common/rows/rows.h"

#include "common/domain/charge_record.h"

/* What documents and their lines have of coupons and tax rates. */
static const struct field invoice_discount_fields[] = {
    FIELD(struct invoice_discount, coupon_id, FIELD_UUID),
    FIELD(struct invoice_discount, code, FIELD_STR),
    FIELD(struct invoice_discount, name, FIELD_STR),
    FIELD(struct invoice_discount, amount, FIELD_INT64),
};

static const struct field line_discount_fields[] = {
    FIELD(struct line_discount, coupon_id, FIELD_UUID),
    FIELD(struct line_discount, amount, FIELD_INT64),
};

static const struct field invoice_tax_fields[] = {
    FIELD(struct invoice_tax, tax_rate_id, FIELD_UUID),
    FIELD(struct invoice_tax, code, FIELD_STR),
    FIELD(struct invoice_tax, name, FIELD_STR),
    FIELD(struct invoice_tax, percentage, FIELD_DECIMAL),
    FIELD(struct invoice_tax, inclusive, FIELD_BOOL),
    FIELD(struct invoice_tax, taxable, FIELD_INT64),
    FIELD(struct invoice_tax, amount, FIELD_INT64),
};

static const struct field line_tax_fields[] = {
    FIELD(struct line_tax, tax_rate_id, FIELD_UUID),
    FIELD(struct line_tax, inclusive, FIELD_BOOL),
    FIELD(struct line_tax, amount, FIELD_INT64),
};

static const struct record invoice_discount_record =
    RECORD(struct invoice_discount, "invoice_discount", invoice_discount_fields);
static const struct record line_discount_record =
    RECORD(struct line_discount, "line_discount", line_discount_fields);
static const struct record invoice_tax_record =
    RECORD(struct invoice_tax, "invoice_tax", invoice_tax_fields);
static const struct record line_tax_record = RECORD(struct line_tax, "line_tax", line_tax_fields);

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
    FIELD(struct customer, tax_exempt, FIELD_STR),
    FIELD(struct customer, tax_exempt_reason, FIELD_STR),
    FIELD(struct customer, tax_rate_ids, FIELD_UUIDS),
    FIELD(struct customer, net_terms_days, FIELD_INT64_OR_NONE),
    FIELD(struct customer, metadata, FIELD_STR_MAP),
    FIELD(struct customer, number_prefix, FIELD_STR),
    FIELD(struct customer, invoice_count, FIELD_INT64),
    FIELD(struct customer, credit_note_count, FIELD_INT64),
    FIELD(struct customer, items_pending, FIELD_INT64),
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

static const struct field discount_fields[] = {
    FIELD(struct discount, coupon_id, FIELD_UUID),
    FIELD(struct discount, code, FIELD_STR),
    FIELD(struct discount, name, FIELD_STR),
    FIELD(struct discount, percent_off, FIELD_DECIMAL),
    FIELD(struct discount, amount_off, FIELD_INT64_OR_NONE),
    FIELD(struct discount, duration, FIELD_STR),
    FIELD(struct discount, plan_ids, FIELD_UUIDS),
    FIELD(struct discount, periods_left, FIELD_INT64_OR_NONE),
    FIELD(struct discount, covers, FIELD_BOOL),
    FIELD(struct discount, given, FIELD_INT64),
    FIELD(struct discount, given_part, FIELD_INT64),
    FIELD(struct discount, given_whole, FIELD_INT64),
};

static const struct record discount_record = RECORD(struct discount, "discount", discount_fields);

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
    FIELD(struct subscription, period_moved_s, FIELD_INT64),
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
    FIELD_LIST_COLUMN(struct subscription, discounts, &discount_record),
    FIELD(struct subscription, tax_rate_ids, FIELD_UUIDS),
    FIELD(struct subscription, deferred, FIELD_INT64),
    FIELD(struct subscription, deferred_from, FIELD_INSTANT),
    FIELD(struct subscription, deferred_until, FIELD_INSTANT),
    FIELD(struct subscription, latest_invoice_id, FIELD_UUID),
    FIELD(struct subscription, due_at, FIELD_INSTANT),
    FIELD(struct subscription, billing_problem, FIELD_STR),
    FIELD(struct subscription, metadata, FIELD_STR_MAP),
    FIELD(struct subscription, created_ms, FIELD_INT64),
    FIELD(struct subscription, created_at, FIELD_INSTANT),
    FIELD(struct subscription, updated_at, FIELD_INSTANT),
};

static const struct record subscription_record =
    RECORD(struct subscription, "subscription", subscription_fields);

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
    FIELD(struct invoice_line, deferred, FIELD_BOOL),
    FIELD(struct invoice_line, discount, FIELD_INT64),
    FIELD_LIST_COLUMN(struct invoice_line, discounts, &line_discount_record),
    FIELD(struct invoice_line, tax, FIELD_INT64),
    FIELD(struct invoice_line, tax_included, FIELD_INT64),
    FIELD_LIST_COLUMN(struct invoice_line, taxes, &line_tax_record),
    FIELD(struct invoice_line, credited, FIELD_INT64),
    FIELD_LIST_COLUMN(struct invoice_line, credited_taxes, &line_tax_record),
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
    FIELD(struct invoice, series_sequence, FIELD_INT64_OR_NONE),
    FIELD(struct invoice, reason, FIELD_STR),
    FIELD(struct invoice, status, FIELD_STR),
    FIELD(struct invoice, currency, FIELD_CURRENCY),
    FIELD(struct invoice, period_start, FIELD_INSTANT),
    FIELD(struct invoice, period_end, FIELD_INSTANT),
    FIELD(struct invoice, issued_at, FIELD_INSTANT),
    FIELD(struct invoice, due_at, FIELD_INSTANT),
    FIELD(struct invoice, paid_at, FIELD_INSTANT),
    FIELD(struct invoice, voided_at, FIELD_INSTANT),
    FIELD(struct invoice, uncollectible_at, FIELD_INSTANT),
    FIELD(struct invoice, tax_exempt, FIELD_STR),
    FIELD(struct invoice, tax_exempt_reason, FIELD_STR),
    FIELD_LIST_COLUMN(struct invoice, discounts, &invoice_discount_record),
    FIELD_LIST_COLUMN(struct invoice, taxes, &invoice_tax_record),
    FIELD_LIST(struct invoice, lines, &invoice_line_record),
    FIELD(struct invoice, subtotal, FIELD_INT64),
    FIELD(struct invoice, discount, FIELD_INT64),
    FIELD(struct invoice, tax, FIELD_INT64),
    FIELD(struct invoice, tax_included, FIELD_INT64),
    FIELD(struct invoice, total, FIELD_INT64),
    FIELD(struct invoice, credit_applied, FIELD_INT64),
    FIELD(struct invoice, amount_due, FIELD_INT64),
    FIELD(struct invoice, amount_paid, FIELD_INT64),
    FIELD(struct invoice, amount_credited, FIELD_INT64),
    FIELD(struct invoice, amount_refunded, FIELD_INT64),
    FIELD(struct invoice, credited_total, FIELD_INT64),
    FIELD(struct invoice, payment_id, FIELD_UUID),
    FIELD(struct invoice, billing_run_id, FIELD_UUID),
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
    FIELD(struct credit_entry, credit_note_id, FIELD_UUID),
    FIELD(struct credit_entry, description, FIELD_STR),
    FIELD(struct credit_entry, lines, FIELD_JSON),
    FIELD(struct credit_entry, discount, FIELD_INT64),
    FIELD_LIST_COLUMN(struct credit_entry, discounts, &invoice_discount_record),
    FIELD(struct credit_entry, tax, FIELD_INT64),
    FIELD(struct credit_entry, tax_included, FIELD_INT64),
    FIELD_LIST_COLUMN(struct credit_entry, taxes, &invoice_tax_record),
    FIELD(struct credit_entry, created_ms, FIELD_INT64),
    FIELD(struct credit_entry, created_at, FIELD_INSTANT),
};

static const struct record credit_entry_record =
    RECORD(struct credit_entry, "credit_entry", credit_entry_fields);

static const struct field coupon_fields[] = {
    FIELD(struct coupon, organisation_id, FIELD_UUID),
    FIELD(struct coupon, id, FIELD_UUID),
    FIELD(struct coupon, code, FIELD_STR),
    FIELD(struct coupon, name, FIELD_STR),
    FIELD(struct coupon, percent_off, FIELD_DECIMAL),
    FIELD(struct coupon, amount_off, FIELD_INT64_OR_NONE),
    FIELD(struct coupon, currency, FIELD_CURRENCY),
    FIELD(struct coupon, duration, FIELD_STR),
    FIELD(struct coupon, duration_periods, FIELD_INT64_OR_NONE),
    FIELD(struct coupon, max_redemptions, FIELD_INT64_OR_NONE),
    FIELD(struct coupon, redemptions, FIELD_INT64),
    FIELD(struct coupon, redeem_by, FIELD_INSTANT),
    FIELD(struct coupon, plan_ids, FIELD_UUIDS),
    FIELD(struct coupon, metadata, FIELD_STR_MAP),
    FIELD(struct coupon, created_ms, FIELD_INT64),
    FIELD(struct coupon, created_at, FIELD_INSTANT),
    FIELD(struct coupon, updated_at, FIELD_INSTANT),
    FIELD(struct coupon, archived_at, FIELD_INSTANT),
};

static const struct record coupon_record = RECORD(struct coupon, "coupon", coupon_fields);

static const struct field tax_rate_fields[] = {
    FIELD(struct tax_rate, organisation_id, FIELD_UUID),
    FIELD(struct tax_rate, id, FIELD_UUID),
    FIELD(struct tax_rate, code, FIELD_STR),
    FIELD(struct tax_rate, name, FIELD_STR),
    FIELD(struct tax_rate, percentage, FIELD_DECIMAL),
    FIELD(struct tax_rate, inclusive, FIELD_BOOL),
    FIELD(struct tax_rate, country, FIELD_STR),
    FIELD(struct tax_rate, metadata, FIELD_STR_MAP),
    FIELD(struct tax_rate, created_ms, FIELD_INT64),
    FIELD(struct tax_rate, created_at, FIELD_INSTANT),
    FIELD(struct tax_rate, updated_at, FIELD_INSTANT),
    FIELD(struct tax_rate, archived_at, FIELD_INSTANT),
};

static const struct record tax_rate_record = RECORD(struct tax_rate, "tax_rate", tax_rate_fields);

static const struct field item_fields[] = {
    FIELD(struct item, organisation_id, FIELD_UUID),
    FIELD(struct item, id, FIELD_UUID),
    FIELD(struct item, shard, FIELD_INT32),
    FIELD(struct item, customer_id, FIELD_UUID),
    FIELD(struct item, status, FIELD_STR),
    FIELD(struct item, description, FIELD_STR),
    FIELD(struct item, amount, FIELD_INT64),
    FIELD(struct item, currency, FIELD_CURRENCY),
    FIELD(struct item, tax_rate_ids, FIELD_UUIDS),
    FIELD(struct item, invoice_id, FIELD_UUID),
    FIELD(struct item, credit_entry_id, FIELD_UUID),
    FIELD(struct item, metadata, FIELD_STR_MAP),
    FIELD(struct item, created_ms, FIELD_INT64),
    FIELD(struct item, created_at, FIELD_INSTANT),
    FIELD(struct item, updated_at, FIELD_INSTANT),
};

static const struct record item_record = RECORD(struct item, "item", item_fields);

static const struct field credit_note_line_fields[] = {
    FIELD(struct credit_note_line, line_id, FIELD_UUID),
    FIELD(struct credit_note_line, description, FIELD_STR),
    FIELD(struct credit_note_line, amount, FIELD_INT64),
    FIELD(struct credit_note_line, tax, FIELD_INT64),
    FIELD(struct credit_note_line, tax_included, FIELD_INT64),
    FIELD_LIST(struct credit_note_line, taxes, &line_tax_record),
};

static const struct record credit_note_line_record =
    RECORD(struct credit_note_line, "credit_note_line", credit_note_line_fields);

static const struct field credit_note_fields[] = {
    FIELD(struct credit_note, organisation_id, FIELD_UUID),
    FIELD(struct credit_note, id, FIELD_UUID),
    FIELD(struct credit_note, shard, FIELD_INT32),
    FIELD(struct credit_note, customer_id, FIELD_UUID),
    FIELD(struct credit_note, invoice_id, FIELD_UUID),
    FIELD(struct credit_note, number, FIELD_STR),
    FIELD(struct credit_note, sequence, FIELD_INT64),
    FIELD(struct credit_note, series_sequence, FIELD_INT64_OR_NONE),
    FIELD(struct credit_note, reason, FIELD_STR),
    FIELD(struct credit_note, currency, FIELD_CURRENCY),
    FIELD_LIST_COLUMN(struct credit_note, lines, &credit_note_line_record),
    FIELD_LIST_COLUMN(struct credit_note, taxes, &invoice_tax_record),
    FIELD(struct credit_note, subtotal, FIELD_INT64),
    FIELD(struct credit_note, tax, FIELD_INT64),
    FIELD(struct credit_note, tax_included, FIELD_INT64),
    FIELD(struct credit_note, total, FIELD_INT64),
    FIELD(struct credit_note, applied, FIELD_INT64),
    FIELD(struct credit_note, credited, FIELD_INT64),
    FIELD(struct credit_note, refunded, FIELD_INT64),
    FIELD(struct credit_note, created_ms, FIELD_INT64),
    FIELD(struct credit_note, created_at, FIELD_INSTANT),
};

static const struct record credit_note_record =
    RECORD(struct credit_note, "credit_note", credit_note_fields);

static const struct field payment_fields[] = {
    FIELD(struct payment, organisation_id, FIELD_UUID),
    FIELD(struct payment, id, FIELD_UUID),
    FIELD(struct payment, shard, FIELD_INT32),
    FIELD(struct payment, customer_id, FIELD_UUID),
    FIELD(struct payment, test_clock_id, FIELD_UUID),
    FIELD(struct payment, invoice_id, FIELD_UUID),
    FIELD(struct payment, kind, FIELD_STR),
    FIELD(struct payment, status, FIELD_STR),
    FIELD(struct payment, payment_method, FIELD_STR),
    FIELD(struct payment, amount, FIELD_INT64),
    FIELD(struct payment, currency, FIELD_CURRENCY),
    FIELD(struct payment, amount_refunded, FIELD_INT64),
    FIELD(struct payment, refund_of, FIELD_UUID),
    FIELD(struct payment, credit_note_id, FIELD_UUID),
    FIELD(struct payment, reference, FIELD_STR),
    FIELD(struct payment, failure_code, FIELD_STR),
    FIELD(struct payment, operation_id, FIELD_UUID),
    FIELD(struct payment, accepted_ms, FIELD_INT64),
    FIELD(struct payment, idempotency_key, FIELD_STR),
    FIELD(struct payment, actor, FIELD_STR),
    FIELD(struct payment, address, FIELD_STR),
    FIELD(struct payment, request_id, FIELD_STR),
    FIELD(struct payment, created_ms, FIELD_INT64),
    FIELD(struct payment, created_at, FIELD_INSTANT),
    FIELD(struct payment, updated_at, FIELD_INSTANT),
    FIELD(struct payment, settled_at, FIELD_INSTANT),
};

static const struct record payment_record = RECORD(struct payment, "payment", payment_fields);

static const struct field journal_entry_fields[] = {
    FIELD(struct journal_entry, organisation_id, FIELD_UUID),
    FIELD(struct journal_entry, id, FIELD_UUID),
    FIELD(struct journal_entry, shard, FIELD_INT32),
    FIELD(struct journal_entry, customer_id, FIELD_UUID),
    FIELD(struct journal_entry, test_clock_id, FIELD_UUID),
    FIELD(struct journal_entry, reason, FIELD_STR),
    FIELD(struct journal_entry, document_type, FIELD_STR),
    FIELD(struct journal_entry, document_id, FIELD_UUID),
    FIELD(struct journal_entry, currency, FIELD_CURRENCY),
    FIELD(struct journal_entry, receivable, FIELD_INT64),
    FIELD(struct journal_entry, cash, FIELD_INT64),
    FIELD(struct journal_entry, customer_credit, FIELD_INT64),
    FIELD(struct journal_entry, deferred_revenue, FIELD_INT64),
    FIELD(struct journal_entry, revenue, FIELD_INT64),
    FIELD(struct journal_entry, tax_payable, FIELD_INT64),
    FIELD(struct journal_entry, refunds_payable, FIELD_INT64),
    FIELD(struct journal_entry, bad_debt, FIELD_INT64),
    FIELD(struct journal_entry, credits_granted, FIELD_INT64),
    FIELD(struct journal_entry, created_ms, FIELD_INT64),
    FIELD(struct journal_entry, booked_at, FIELD_INSTANT),
};

static const struct record journal_entry_record =
    RECORD(struct journal_entry, "journal_entry", journal_entry_fields);

/* Of documents and of terms that somebody took, an update writes only what may change.  Of what
 * mostly changes by falling due, what a renewal changes can be written alone. */

const struct row_table rows_customers = {
    .name = "customers",
    .table = "billd.customers",
    .record = &customer_record,
    .keys = {"organisation_id", "id"},
    .updatable = true,
    .moving = {"invoice_count", "items_pending", "credit_balance", "credit_count", "latest_at",
	"updated_at"},
};

const struct row_table rows_plans = {
    .name = "plans",
    .table = "billd.plans",
    .record = &plan_record,
    .keys = {"organisation_id", "id"},
    .updatable = true,
};

const struct row_table rows_plan_versions = {
    .name = "plan_versions",
    .table = "billd.plan_versions",
    .record = &plan_version_record,
    .keys = {"organisation_id", "id"},
};

const struct row_table rows_subscriptions = {
    .name = "subscriptions",
    .table = "billd.subscriptions",
    .record = &subscription_record,
    .keys = {"organisation_id", "id"},
    .updatable = true,
    .moving = {"status", "period_index", "current_period_start", "current_period_end",
	"natural_start", "natural_end", "discounts", "deferred", "deferred_from", "deferred_until",
	"latest_invoice_id", "due_at", "updated_at"},
};

const struct row_table rows_test_clocks = {
    .name = "test_clocks",
    .table = "billd.test_clocks",
    .record = &test_clock_record,
    .keys = {"organisation_id", "id"},
    .updatable = true,
};

const struct row_table rows_coupons = {
    .name = "coupons",
    .table = "billd.coupons",
    .record = &coupon_record,
    .keys = {"organisation_id", "id"},
    .updatable = true,
    .mutable = {"redemptions", "updated_at", "archived_at"},
};

const struct row_table rows_tax_rates = {
    .name = "tax_rates",
    .table = "billd.tax_rates",
    .record = &tax_rate_record,
    .keys = {"organisation_id", "id"},
    .updatable = true,
    .mutable = {"updated_at", "archived_at"},
};

const struct row_table rows_items = {
    .name = "items",
    .table = "billd.items",
    .record = &item_record,
    .keys = {"organisation_id", "id"},
    .updatable = true,
};

const struct row_table rows_invoices = {
    .name = "invoices",
    .table = "billd.invoices",
    .record = &invoice_record,
    .keys = {"organisation_id", "id"},
    .updatable = true,
    .mutable = {"status", "amount_paid", "amount_credited", "amount_refunded", "credited_total",
	"payment_id", "paid_at", "voided_at", "uncollectible_at", "updated_at"},
};

const struct row_table rows_invoice_lines = {
    .name = "invoice_lines",
    .table = "billd.invoice_lines",
    .record = &invoice_line_record,
    .keys = {"organisation_id", "invoice_id", "position"},
    .updatable = true,
    .mutable = {"credited", "credited_taxes"},
};

const struct row_table rows_credit_notes = {
    .name = "credit_notes",
    .table = "billd.credit_notes",
    .record = &credit_note_record,
    .keys = {"organisation_id", "id"},
};

const struct row_table rows_payments = {
    .name = "payments",
    .table = "billd.payments",
    .record = &payment_record,
    .keys = {"organisation_id", "id"},
    .updatable = true,
};

const struct row_table rows_credit_entries = {
    .name = "credit_entries",
    .table = "billd.credit_entries",
    .record = &credit_entry_record,
    .keys = {"organisation_id", "customer_id", "sequence"},
};

const struct row_table rows_journal = {
    .name = "journal",
    .table = "billd.journal",
    .record = &journal_entry_record,
    .keys = {"organisation_id", "id"},
};
