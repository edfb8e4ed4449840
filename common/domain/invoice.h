#ifndef COMMON_DOMAIN_INVOICE_H
#define COMMON_DOMAIN_INVOICE_H

/*
 * An invoice: lines and a total for a period, issued once and then immutable (billing-rules:
 * "Invoices"). Pure: what is owed is computed here, never in SQL.
 */

#include "common/base/instant.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/customer.h"
#include "common/domain/money.h"
#include "common/domain/plan.h"
#include "common/domain/refusal.h"
#include "common/domain/subscription.h"

#define INVOICE_LINES_MAX 64
#define INVOICE_NUMBER_SIZE 64 /* prefix, dash, at least four digits, NUL */

struct invoice_line {
	struct uuid organisation_id;
	struct uuid id;
	struct uuid invoice_id;
	int32_t position; /* 1, 2, … */
	struct str description;
	struct uuid plan_id;
	int64_t quantity;
	int64_t unit_amount; /* minor units */
	int64_t amount;      /* minor units, rounded */
	struct instant period_start;
	struct instant period_end;
};

struct invoice {
	struct uuid organisation_id;
	struct uuid id;
	int32_t shard; /* the customer's */
	struct uuid customer_id;
	struct uuid subscription_id;
	struct str number; /* "<customer's prefix>-0001" */
	int64_t sequence;  /* the number as an integer: 1, 2, … without gaps for a customer */
	struct str reason; /* "subscription_create" */
	struct str status; /* "open", or "paid" when nothing is due */
	struct currency currency;
	struct instant period_start;
	struct instant period_end;
	struct instant issued_at;
	struct instant due_at;
	struct instant paid_at; /* INSTANT_NONE until paid */
	int64_t subtotal;       /* minor units, as all that follow: the sum of the lines */
	int64_t discount;
	int64_t tax;
	int64_t total;          /* subtotal - discount + tax */
	int64_t credit_applied; /* taken from the customer's credit balance */
	int64_t amount_due;     /* total - credit_applied */
	int64_t amount_paid;
	int64_t created_ms; /* milliseconds: when its command was accepted; lists go by it */
	struct instant created_at;
	struct instant updated_at;
	const struct invoice_line *lines;
	size_t lines_len; /* 1 to INVOICE_LINES_MAX */
};

/**
 * invoice_number_write(prefix, sequence, ret_text):
 * Write "<prefix>-<sequence, at least four digits>" and a NUL to ${ret_text}.  ${prefix} has at
 * most 32 bytes, ${sequence} is positive.
 */
void invoice_number_write(struct str prefix, int64_t sequence, char ret_text[INVOICE_NUMBER_SIZE]);

/**
 * invoice_for_period(customer, plan, subscription, reason, now, line, invoice):
 * Make and issue the invoice of ${subscription}'s current period.  The caller has set the ids of
 * ${invoice} and ${line} and gives them memory; this sets the line's facts, the sums, the status,
 * the dates, the sequence (the customer's invoice_count + 1) and ${reason}; the number's text is
 * the caller's to write from the sequence.  Due when issued.  A total of 0 is paid at once.  The
 * credit balance is left alone while there is none.  Refused, both untouched: AMOUNT_OUT_OF_RANGE
 * (which one flat amount cannot reach yet).  The three must belong together, in one currency.
 */
NODISCARD enum refusal invoice_for_period(const struct customer *customer, const struct plan *plan,
    const struct subscription *subscription, struct str reason, struct instant now,
    struct invoice_line *line, struct invoice *invoice);

#endif
