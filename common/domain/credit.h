#ifndef COMMON_DOMAIN_CREDIT_H
#define COMMON_DOMAIN_CREDIT_H

/*
 * The credit balance of a customer: what it has in advance, by an append-only history.  Pure.
 */

#include "common/base/instant.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/money.h"

/* One movement of a customer's balance. */
struct credit_entry {
	struct uuid organisation_id;
	struct uuid id;
	int32_t shard; /* the customer's */
	struct uuid customer_id;
	int64_t sequence;  /* 1, 2, … without gaps for a customer */
	struct str reason; /* "proration": unused time came back; "invoice": one was paid with it */
	int64_t amount;    /* minor units: positive comes in, negative goes out */
	int64_t balance_after; /* minor units, never negative */
	struct currency currency;
	struct uuid subscription_id; /* what came back; else nil */
	struct uuid invoice_id;      /* what was paid; else nil */
	struct str lines; /* JSON, as an invoice's: how the amount was made; none for an invoice */
	int64_t created_ms;
	struct instant created_at;
};

#endif
