/* Billing runs. */
#include "common/domain/billing_run_record.h"
#include "common/rows/rows.h"

static const struct field billing_run_fields[] = {
    FIELD(struct billing_run, organisation_id, FIELD_UUID),
    FIELD(struct billing_run, id, FIELD_UUID),
    FIELD(struct billing_run, shard, FIELD_INT32),
    FIELD(struct billing_run, as_of, FIELD_INSTANT),
    FIELD(struct billing_run, dry_run, FIELD_BOOL),
    FIELD(struct billing_run, invoices_max, FIELD_INT64),
    FIELD(struct billing_run, trigger, FIELD_STR),
    FIELD(struct billing_run, status, FIELD_STR),
    FIELD(struct billing_run, due, FIELD_INT64),
    FIELD(struct billing_run, done, FIELD_INT64),
    FIELD(struct billing_run, invoiced, FIELD_INT64),
    FIELD(struct billing_run, failed, FIELD_INT64),
    FIELD_LIST_COLUMN(struct billing_run, totals, &billing_run_total_record),
    FIELD(struct billing_run, digest, FIELD_STR),
    FIELD(struct billing_run, books, FIELD_STR),
    FIELD(struct billing_run, created_ms, FIELD_INT64),
    FIELD(struct billing_run, created_at, FIELD_INSTANT),
    FIELD(struct billing_run, updated_at, FIELD_INSTANT),
    FIELD(struct billing_run, finished_at, FIELD_INSTANT),
};

static const struct record billing_run_record =
    RECORD(struct billing_run, "billing_run", billing_run_fields);

const struct row_table rows_billing_runs = {
    .name = "billing_runs",
    .table = "billd.billing_runs",
    .record = &billing_run_record,
    .keys = {"organisation_id", "id"},
    .updatable = true,
    .mutable = {"status", "due", "done", "invoiced", "failed", "totals", "digest", "books",
	"updated_at", "finished_at"},
};
