#ifndef COMMON_ROWS_ROWS_H
#define COMMON_ROWS_ROWS_H

/*
 * The tables of what is billed, each described once: the record names its columns and, for what has
 * events, the fields of its Avro record.  The worker loads and stores them, a preview of the
 * ingress reads them.  A new column is one field in the struct, one row here, one migration, and
 * one field in the .avsc when it is public.
 */

#include "common/domain/bill.h"
#include "common/domain/billing_run.h"
#include "common/domain/coupon.h"
#include "common/domain/credit.h"
#include "common/domain/credit_note.h"
#include "common/domain/customer.h"
#include "common/domain/invoice.h"
#include "common/domain/item.h"
#include "common/domain/journal.h"
#include "common/domain/payment.h"
#include "common/domain/plan.h"
#include "common/domain/subscription.h"
#include "common/domain/tax.h"
#include "common/domain/test_clock.h"
#include "common/postgres/row.h"

extern const struct row_table rows_customers;      /* struct customer */
extern const struct row_table rows_plans;          /* struct plan */
extern const struct row_table rows_plan_versions;  /* struct plan_version */
extern const struct row_table rows_subscriptions;  /* struct subscription */
extern const struct row_table rows_quantities;     /* struct quantity */
extern const struct row_table rows_test_clocks;    /* struct test_clock */
extern const struct row_table rows_invoices;       /* struct invoice; its lines are no column */
extern const struct row_table rows_invoice_lines;  /* struct invoice_line */
extern const struct row_table rows_credit_entries; /* struct credit_entry */
extern const struct row_table rows_coupons;        /* struct coupon */
extern const struct row_table rows_tax_rates;      /* struct tax_rate */
extern const struct row_table rows_items;          /* struct item */
extern const struct row_table rows_credit_notes;   /* struct credit_note */
extern const struct row_table rows_payments;       /* struct payment */
extern const struct row_table rows_journal;        /* struct journal_entry */
extern const struct row_table rows_billing_runs;   /* struct billing_run */

#endif
