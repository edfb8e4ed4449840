#ifndef COMMON_DOMAIN_INVOICE_H
#define COMMON_DOMAIN_INVOICE_H

/*
 * An invoice: lines and a total for a period, issued once and then immutable (billing-rules:
 * "Invoices"). Pure: what is owed is computed here, never in SQL.
 */

#include "common/base/instant.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/bill.h"
#include "common/domain/customer.h"
#include "common/domain/lifecycle.h"
#include "common/domain/money.h"
#include "common/domain/plan.h"
#include "common/domain/refusal.h"
#include "common/domain/subscription.h"

#define INVOICE_LINES_MAX BILL_LINES_MAX
#define INVOICE_NUMBER_SIZE 64 /* prefix, dash, at least four digits, NUL */

struct invoice_line {
	struct uuid organisation_id;
	struct uuid id;
	struct uuid invoice_id;
	int32_t position;       /* 1, 2, … */
	struct str kind;        /* as bill_line_kind_name gives it */
	struct str charge_code; /* of the plan's charge */
	struct str description;
	struct uuid plan_id;
	bool proration;                     /* for a change inside a period */
	int64_t quantity;                   /* whole units, cut off; 1 of a flat charge, and of */
	struct decimal quantity_decimal;    /* what a bound adds or takes off.  All of them */
	int64_t unit_amount;                /* minor units, cut off, of flat and per_unit; else 0 */
	struct decimal unit_amount_decimal; /* all of it; none of other charges */
	int64_t amount;                     /* minor units, rounded */
	struct instant period_start;
	struct instant period_end;
	struct str explanation; /* JSON: how the amount was computed */
};

struct invoice {
	struct uuid organisation_id;
	struct uuid id;
	int32_t shard; /* the customer's */
	struct uuid customer_id;
	struct uuid subscription_id;
	struct str number; /* "<customer's prefix>-0001" */
	int64_t sequence;  /* the number as an integer: 1, 2, … without gaps for a customer */
	struct str reason; /* as struct step has it */
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
	struct str digest; /* of all that it says but ids, numbers and dates of issue: what a
			      preview had */
	const struct invoice_line *lines;
	size_t lines_len; /* 0 to INVOICE_LINES_MAX */
};

/**
 * invoice_number_write(prefix, sequence, ret_text):
 * Write "<prefix>-<sequence, at least four digits>" and a NUL to ${ret_text}.  ${prefix} has at
 * most 32 bytes, ${sequence} is positive.
 */
void invoice_number_write(struct str prefix, int64_t sequence, char ret_text[INVOICE_NUMBER_SIZE]);

/**
 * invoice_line_describe(billed, line):
 * Set in ${line} what ${billed} tells a reader: all but ids, position and explanation.
 */
void invoice_line_describe(const struct bill_line *billed, struct invoice_line *line);

/**
 * invoice_issue(customer, subscription, step, bill, lines, invoice):
 * Make and issue the invoice of ${bill}, whose total is not negative, for ${subscription} as it is
 * after ${step}.  The caller has set id and created_ms of ${invoice}, and of each of the bill->len
 * ${lines} the id and the explanation; all else is set here: the lines' facts, the sums, the
 * status, the dates (all step->at), the sequence (the customer's invoice_count + 1).  The number's
 * text and the digest are the caller's to write.  What the customer's credit balance covers is
 * credit_applied (the balance itself is the caller's to lower); when nothing is left due, it is
 * paid at once.  Due when issued.
 */
void invoice_issue(const struct customer *customer, const struct subscription *subscription,
    const struct step *step, const struct bill *bill, struct invoice_line *lines,
    struct invoice *invoice);

#endif
