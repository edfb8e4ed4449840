#ifndef WORKER_ROWS_H
#define WORKER_ROWS_H

/*
 * All tables that the worker loads and stores.  Those of what is billed are described in
 * common/rows/rows.h; here are its own.
 */

#include "common/base/instant.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/money.h"
#include "common/postgres/row.h"

/* What the worker knows of a tenant. */
struct organisation {
	struct uuid id;
	struct currency currency;              /* of customers that name none */
	struct str timezone;                   /* likewise */
	struct str proration;                  /* its setting, as proration_from reads it; */
	struct str subscriptions_per_customer; /* likewise: "one" or "many" */
	struct str invoice_numbering;          /* "customer" or "organisation" */
	struct str invoice_prefix;             /* of the organisation's series: "INV" unless set */
	int64_t net_terms_days;                /* 0 unless set */
	struct str tax_rate_ids; /* UUIDs with commas between them; none: no tax by itself */
};

/* The counters of an organisation that numbers over all of its customers; their lock orders its
 * batches. */
struct number_series {
	struct uuid organisation_id;
	int64_t invoice_count;     /* numbers given so far */
	int64_t credit_note_count; /* likewise */
};

/* What the worker knows of who asks. */
struct api_key {
	struct uuid organisation_id;
	struct uuid id;
	struct str role;
	bool revoked;
	int64_t expires_ms; /* milliseconds since the epoch; INT64_MAX: never */
};

struct membership {
	struct uuid organisation_id;
	struct uuid user_id;
	struct str role;
};

/* What the parts of a billing run have come to. */
struct run_sums {
	struct uuid organisation_id;
	struct uuid id;    /* the run's */
	bool through;      /* all parts are finished */
	int64_t due, done; /* subscriptions */
	int64_t invoiced;  /* invoices */
	int64_t failed;    /* subscriptions */
};

/* The outcome of a command, as stored. */
struct operation {
	struct uuid organisation_id;
	struct uuid id;
	struct str command;
	struct str status; /* "succeeded" or "failed" */
	struct str resource_type;
	struct uuid resource_id;
	struct str problem;         /* RFC 9457 JSON; none when it succeeded */
	struct str idempotency_key; /* none unless this operation was the first to bring it */
	int64_t accepted_at;        /* milliseconds */
	struct str actor;           /* who asked, */
	struct str address;         /* from where; none: not known */
	struct str request_id;      /* by which request; likewise */
};

/* An event, as stored and as published. */
struct event {
	struct uuid organisation_id;
	int32_t partition;
	int64_t number; /* gapless in its partition */
	struct uuid id;
	struct str type;     /* "billd.invoice.issued.v1" */
	struct uuid subject; /* what changed */
	struct uuid key;     /* the customer, or the organisation */
	struct uuid operation_id;
	int64_t occurred_at; /* milliseconds */
	struct str value;    /* Avro, single-object encoding */
};

/* A message that could not be processed. */
struct dead_letter {
	int32_t partition;
	int64_t offset;
	struct uuid organisation_id; /* nil when it could not be read */
	struct uuid operation_id;
	struct str reason;
	struct str key; /* none when it had none */
	struct str value;
};

enum table_id {
	TABLE_ORGANISATIONS,
	TABLE_API_KEYS,
	TABLE_MEMBERSHIPS,
	TABLE_RUN_SUMS,
	TABLE_NUMBER_SERIES,
	TABLE_COUPONS,
	TABLE_TAX_RATES,
	TABLE_TEST_CLOCKS,
	TABLE_BILLING_RUNS,
	TABLE_CUSTOMERS,
	TABLE_PLANS,
	TABLE_PLAN_VERSIONS,
	TABLE_SUBSCRIPTIONS,
	TABLE_QUANTITIES,
	TABLE_INVOICES,
	TABLE_INVOICE_LINES,
	TABLE_ITEMS,
	TABLE_CREDIT_NOTES,
	TABLE_PAYMENTS,
	TABLE_CREDIT_ENTRIES,
	TABLE_JOURNAL,
	TABLE_OPERATIONS,
	TABLE_OUTBOX,
	TABLE_DEAD_LETTERS,
	TABLE_MAX,
};

/* Those before it are only read here: the ingress's tables, and sums. */
#define TABLE_WRITTEN_FIRST TABLE_NUMBER_SERIES

/* By id, and in the order in which rows can be inserted: what is referred to comes first. */
extern const struct row_table *const row_tables[TABLE_MAX];

#endif
