#ifndef COMMON_DOMAIN_CREDIT_H
#define COMMON_DOMAIN_CREDIT_H

/*
 * The credit balance of a customer: what it has in advance, by an append-only history.  Pure.
 */

#include "common/base/instant.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/invoice_parts.h"
#include "common/domain/money.h"

/* One movement of a customer's balance. */
struct credit_entry {
	struct uuid organisation_id;
	struct uuid id;
	int32_t shard; /* the customer's */
	struct uuid customer_id;
	int64_t sequence;  /* 1, 2, … without gaps for a customer */
	struct str reason; /* "proration": unused time came back; "invoice": one was paid with it;
			      "grant": given, or taken back, by a command; "invoice_void": what one
			      was paid with came back; "credit_note"; "refund_failed": money that
			      could not be paid back */
	int64_t amount;    /* minor units: positive comes in, negative goes out */
	int64_t balance_after; /* minor units, never negative */
	struct currency currency;
	struct uuid subscription_id; /* of a proration; else nil */
	struct uuid invoice_id;      /* that it is about; or nil */
	struct uuid credit_note_id;  /* of a credit note, or a refund of one; else nil */
	struct str description;      /* of a grant; else none */
	struct str lines; /* JSON, as an invoice's: how a proration's amount was made; else none */
	/* Of a proration, as an invoice has them, negative for what is given back: -amount is the
	 * lines' sum - discount + tax - tax_included. */
	int64_t discount;
	const struct invoice_discount *discounts;
	size_t discounts_len;
	int64_t tax;
	int64_t tax_included;
	const struct invoice_tax *taxes;
	size_t taxes_len;
	int64_t created_ms;
	struct instant created_at;
};

#endif
