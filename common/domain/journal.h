#ifndef COMMON_DOMAIN_JOURNAL_H
#define COMMON_DOMAIN_JOURNAL_H

/*
 * The journal: double entry for every document and movement of money.  An entry is one row, an
 * account one column; debits are positive, credits negative, and an entry's sum is 0 (CHECKed here,
 * and by the database).  Entries are only ever added.  Pure.
 *
 * What is charged in advance is deferred, and earned as time goes: each step of a subscription's
 * life books what was earned up to it (deferral.h).
 */

#include "common/domain/credit.h"
#include "common/domain/credit_note.h"
#include "common/domain/deferral.h"
#include "common/domain/invoice.h"
#include "common/domain/payment.h"

struct journal_entry {
	struct uuid organisation_id;
	struct uuid id;
	int32_t shard; /* the customer's */
	struct uuid customer_id;
	struct uuid test_clock_id;
	struct str reason; /* "invoice", "invoice_void", "invoice_uncollectible", "credit_note",
			      "credit", "payment", "refund", "refund_failed", "revenue" */
	struct str document_type; /* "invoice", "credit_note", "credit_entry", "payment",
				     "subscription" */
	struct uuid document_id;
	struct currency currency;
	/* The accounts, minor units. */
	int64_t receivable;       /* asset: invoices that are to be paid */
	int64_t cash;             /* asset: money that came */
	int64_t customer_credit;  /* liability: credit balances */
	int64_t deferred_revenue; /* liability: charged in advance, not earned yet */
	int64_t revenue;          /* income, less discounts */
	int64_t tax_payable;      /* liability */
	int64_t refunds_payable;  /* liability: refunds on their way */
	int64_t bad_debt;         /* expense: given up */
	int64_t credits_granted;  /* expense: credit that was given for nothing */
	int64_t created_ms;       /* lists go by it */
	struct instant booked_at; /* the moment that it is for */
};

/*
 * The entries.  Each sets the accounts, reason, document_type and document_id of ${entry}, all
 * others of its fields are the caller's.  The ids of documents are those of the structs.
 */
void journal_invoice(
    const struct invoice *invoice, struct earnings earnings, struct journal_entry *entry);
/* A bill that became a credit to the balance.  ${tax}: the bill's, with its sign. */
void journal_credit(const struct credit_entry *credit, struct earnings earnings, int64_t tax,
    struct journal_entry *entry);
/* A grant, or one taken back. */
void journal_grant(const struct credit_entry *credit, struct journal_entry *entry);
/* Earned by time. */
void journal_revenue(
    const struct subscription *subscription, int64_t earned, struct journal_entry *entry);
/* ${from_deferred} of the note's net (subtotal - tax_included) was not earned yet. */
void journal_credit_note(
    const struct credit_note *note, int64_t from_deferred, struct journal_entry *entry);
/* All that is left of an invoice, of whose net ${from_deferred} was not earned yet; what it took of
 * the credit balance goes back there. ${tax_left}: of its taxes behind its credit notes. */
void journal_void(const struct invoice *invoice, int64_t tax_left, int64_t from_deferred,
    struct journal_entry *entry);
/* What remained of an invoice before it was given up. */
void journal_uncollectible(
    const struct invoice *invoice, int64_t remaining, struct journal_entry *entry);
void journal_payment(const struct payment *payment, struct journal_entry *entry);
void journal_refund(const struct payment *refund, struct journal_entry *entry);
/* A refund that failed became credit. */
void journal_refund_failed(const struct payment *refund, struct journal_entry *entry);

#endif
