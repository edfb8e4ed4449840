#ifndef COMMON_CODEC_COMMAND_H
#define COMMON_CODEC_COMMAND_H

/*
 * Commands in C: one struct for each schema in schemas/commands/, its field table, and the row that
 * names it.  The ingress writes `meta`, the worker reads the whole.
 */

#include "common/base/instant.h"
#include "common/base/record.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/billing_run.h"
#include "common/domain/charge.h"
#include "common/domain/credit_note.h"
#include "common/domain/money.h"
#include "common/domain/role.h"

/* The first field of every command. */
struct command_meta {
	struct uuid operation_id;
	struct uuid organisation_id;
	struct str actor;           /* "api_key:<id>", "user:<id>:<session's id>" */
	int64_t accepted_at;        /* milliseconds since the epoch */
	struct str idempotency_key; /* none when the client gave none */
	struct str address;         /* where the request came from; none: not known */
};

struct create_customer {
	struct command_meta meta;
	struct str name, email, external_id;
	struct currency currency; /* empty: the organisation's */
	struct str country, timezone;
	struct uuid test_clock_id; /* nil: real time */
	struct str tax_exempt;     /* "none" unless told */
	struct str tax_exempt_reason;
	struct uuid_list tax_rate_ids;
	int64_t net_terms_days; /* INT64_MIN: the organisation's */
	struct str_map metadata;
};

struct update_customer {
	struct command_meta meta;
	struct uuid customer_id;
	struct str name, email, external_id, country,
	    timezone;                  /* none: unchanged; empty: taken away */
	struct str tax_exempt;         /* none: unchanged */
	struct str tax_exempt_reason;  /* none: unchanged; empty: taken away */
	struct uuid_list tax_rate_ids; /* items NULL: unchanged */
	int64_t net_terms_days;        /* INT64_MIN: unchanged; -1: taken away */
	struct str_map metadata;
};

struct archive_customer {
	struct command_meta meta;
	struct uuid customer_id;
};

struct create_plan {
	struct command_meta meta;
	struct str code, name;
	struct currency currency;
	struct str interval;
	int32_t interval_count;
	int32_t trial_days;
	int64_t amount; /* AMOUNT_NONE: by charges */
	const struct charge *charges;
	size_t charges_len; /* 0: by amount */
	struct str_map metadata;
};

/* Whatever of the prices is given makes a new version. */
struct update_plan {
	struct command_meta meta;
	struct uuid plan_id;
	struct str name; /* none: unchanged, as all that follow */
	struct str interval;
	int64_t interval_count; /* INT64_MIN: unchanged */
	int64_t trial_days;     /* likewise */
	int64_t amount;         /* AMOUNT_NONE */
	const struct charge *charges;
	size_t charges_len; /* 0 */
	struct str_map metadata;
};

struct archive_plan {
	struct command_meta meta;
	struct uuid plan_id;
};

struct create_subscription {
	struct command_meta meta;
	struct uuid customer_id;
	struct uuid plan_id;     /* nil: by code */
	struct str plan_code;    /* none: by id */
	int64_t quantity;        /* 1 unless told */
	struct instant start_at; /* none: now */
	struct instant end_at;   /* none: never */
	int64_t trial_days;      /* INT64_MIN: the plan's */
	struct str anchor;       /* "start" unless told, "calendar", "1" to "31" */
	struct str_list coupon_codes;
	struct uuid_list tax_rate_ids;
	struct str_map metadata;
};

struct cancel_subscription {
	struct command_meta meta;
	struct uuid subscription_id;
	struct str effective; /* "now" or "period_end" */
	bool credit_unused;
};

struct change_subscription {
	struct command_meta meta;
	struct uuid subscription_id;
	struct uuid plan_id;  /* nil: as it is */
	int64_t quantity;     /* INT64_MIN: as it is */
	struct str effective; /* "now" or "period_end" */
	struct str proration; /* "prorate" or "none" */
};

/* uncancel, pause and resume, each a schema of its own. */
struct move_subscription {
	struct command_meta meta;
	struct uuid subscription_id;
};

struct report_quantity {
	struct command_meta meta;
	struct uuid subscription_id;
	struct str charge_code;
	struct decimal quantity; /* up to 6 places */
	struct str mode; /* "set": what the period's quantity is; "add": so much more, as one
			    transaction */
	struct instant period_start; /* none: of the period that is running */
};

struct create_test_clock {
	struct command_meta meta;
	struct str name;
	struct instant now;
};

struct advance_test_clock {
	struct command_meta meta;
	struct uuid test_clock_id;
	struct instant now;
};

struct create_coupon {
	struct command_meta meta;
	struct str code, name;
	struct decimal percent_off; /* none: amount_off */
	int64_t amount_off;         /* AMOUNT_NONE: percent_off */
	struct currency currency;   /* with amount_off */
	struct str duration;        /* "once" unless told, "repeating", "forever" */
	int64_t duration_periods;   /* with "repeating"; else INT64_MIN */
	int64_t max_redemptions;    /* INT64_MIN: any number */
	struct instant redeem_by;   /* none: for ever */
	struct uuid_list plan_ids;  /* none: every plan */
	struct str_map metadata;
};

struct archive_coupon {
	struct command_meta meta;
	struct uuid coupon_id;
};

struct create_tax_rate {
	struct command_meta meta;
	struct str code, name;
	struct decimal percentage;
	bool inclusive;
	struct str country;
	struct str_map metadata;
};

struct archive_tax_rate {
	struct command_meta meta;
	struct uuid tax_rate_id;
};

struct create_item {
	struct command_meta meta;
	struct uuid customer_id;
	int64_t amount;           /* minor units, from 1 */
	struct currency currency; /* empty: the customer's */
	struct str description;
	struct uuid_list tax_rate_ids;
	struct str_map metadata;
};

struct cancel_item {
	struct command_meta meta;
	struct uuid item_id;
};

struct give_credit {
	struct command_meta meta;
	struct uuid customer_id;
	int64_t amount;           /* minor units, not 0; negative: taken back */
	struct currency currency; /* empty: the customer's */
	struct str description;
};

struct pay_invoice {
	struct command_meta meta;
	struct uuid invoice_id;
	struct str payment_method;
	int64_t amount;       /* INT64_MIN: all that remains */
	struct str reference; /* of a manual one */
};

/* void and mark_uncollectible, each a schema of its own. */
struct move_invoice {
	struct command_meta meta;
	struct uuid invoice_id;
};

struct create_credit_note {
	struct command_meta meta;
	struct uuid invoice_id;
	const struct credit_wish *lines;
	size_t lines_len; /* 0: all that is left */
	struct str reason;
	bool refund;
};

/* What a provider said.  A worker's own: no route leads to it. */
struct record_payment_outcome {
	struct command_meta meta;
	struct uuid customer_id, invoice_id, payment_id;
	struct str outcome;   /* "succeeded", "failed", "unknown" */
	struct str reference; /* the provider's; or none */
	struct str failure_code;
};

/* By a request; and by a worker's schedule, as a command of its own. */
struct start_billing_run {
	struct command_meta meta;
	struct instant as_of; /* none: when the command was accepted */
	bool dry_run;
	int64_t invoices_max; /* BILLING_RUN_INVOICES_MAX unless told */
};

/* pause, resume and cancel, each a schema of its own. */
struct move_billing_run {
	struct command_meta meta;
	struct uuid billing_run_id;
};

/* Every part of a run is through; what it came to.  A worker's own: no route leads to it. */
struct finish_billing_run {
	struct command_meta meta;
	struct uuid billing_run_id;
	int64_t due, done, invoiced, failed;
	const struct billing_run_total *totals;
	size_t totals_len;
	struct str digest;
	struct str books; /* none of a dry run */
};

/* One row for each command; handlers and routes name them by this. */
enum command_type {
	COMMAND_CREATE_CUSTOMER,
	COMMAND_UPDATE_CUSTOMER,
	COMMAND_ARCHIVE_CUSTOMER,
	COMMAND_CREATE_PLAN,
	COMMAND_UPDATE_PLAN,
	COMMAND_ARCHIVE_PLAN,
	COMMAND_CREATE_SUBSCRIPTION,
	COMMAND_CANCEL_SUBSCRIPTION,
	COMMAND_CHANGE_SUBSCRIPTION,
	COMMAND_UNCANCEL_SUBSCRIPTION,
	COMMAND_PAUSE_SUBSCRIPTION,
	COMMAND_RESUME_SUBSCRIPTION,
	COMMAND_REPORT_QUANTITY,
	COMMAND_CREATE_TEST_CLOCK,
	COMMAND_ADVANCE_TEST_CLOCK,
	COMMAND_CREATE_COUPON,
	COMMAND_ARCHIVE_COUPON,
	COMMAND_CREATE_TAX_RATE,
	COMMAND_ARCHIVE_TAX_RATE,
	COMMAND_CREATE_ITEM,
	COMMAND_CANCEL_ITEM,
	COMMAND_GIVE_CREDIT,
	COMMAND_PAY_INVOICE,
	COMMAND_VOID_INVOICE,
	COMMAND_MARK_UNCOLLECTIBLE,
	COMMAND_CREATE_CREDIT_NOTE,
	COMMAND_RECORD_PAYMENT_OUTCOME,
	COMMAND_START_BILLING_RUN,
	COMMAND_PAUSE_BILLING_RUN,
	COMMAND_RESUME_BILLING_RUN,
	COMMAND_CANCEL_BILLING_RUN,
	COMMAND_SCHEDULE_BILLING_RUN,
	COMMAND_FINISH_BILLING_RUN,
	COMMAND_TYPE_MAX,
};

struct command_info {
	const char *schema_name;    /* "billd.command.CreateCustomer" */
	const char *name;           /* "create_customer", as operations show it */
	enum permission permission; /* what the actor needs, when it is asked for and when it takes
				       effect */
	bool internal; /* a worker's own: its actor is "system:<part>", and it is nobody else's */
	const struct record
	    *record; /* describes its struct, which begins with a struct command_meta */
};

extern const struct command_info command_table[COMMAND_TYPE_MAX];
extern const struct record command_meta_record;

#endif
