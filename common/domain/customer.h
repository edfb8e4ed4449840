#ifndef COMMON_DOMAIN_CUSTOMER_H
#define COMMON_DOMAIN_CUSTOMER_H

/*
 * A customer: whom an organisation bills.  Plain facts; every text is borrowed from the batch that
 * loaded it.
 */

#include "common/base/instant.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/money.h"

struct customer {
	struct uuid organisation_id;
	struct uuid id;
	int32_t shard;
	struct uuid test_clock_id; /* whose time it lives in; nil: real time */
	struct str name;
	struct str email;       /* none when unknown */
	struct str external_id; /* the organisation's own name for it; none when there is none */
	struct currency currency;
	struct str country;            /* ISO 3166-1 alpha-2; none when unknown */
	struct str timezone;           /* tz database name */
	struct str tax_exempt;         /* as tax_exempt_name gives it */
	struct str tax_exempt_reason;  /* what its invoices say of that; or none */
	struct uuid_list tax_rate_ids; /* none: the organisation's */
	int64_t net_terms_days;        /* in which it pays; INT64_MIN: the organisation's */
	struct str_map metadata;
	struct str number_prefix;  /* begins each of its invoices' numbers */
	int64_t invoice_count;     /* numbers given so far; the next invoice gets this + 1 */
	int64_t credit_note_count; /* likewise of credit notes */
	int64_t items_pending;     /* one-off items that its next invoice takes */
	int64_t credit_balance;    /* minor units that the next invoices use up */
	int64_t credit_count;      /* entries of that balance's history so far */
	struct instant
	    latest_at;      /* the customer's time: the latest that a command of it has seen */
	int64_t created_ms; /* milliseconds: when its command was accepted; lists go by it */
	struct instant created_at;
	struct instant updated_at;
	struct instant archived_at; /* INSTANT_NONE while it is not */
};

#endif
