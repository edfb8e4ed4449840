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
#include "common/domain/invoice_parts.h"
#include "common/domain/lifecycle.h"
#include "common/domain/money.h"
#include "common/domain/plan.h"
#include "common/domain/refusal.h"
#include "common/domain/subscription.h"

#define INVOICE_LINES_MAX BILL_LINES_MAX
#define NET_TERMS_DAYS_MAX 365

/* draft is what a preview shows: an invoice is computed and issued in one transaction. */
enum invoice_status {
	INVOICE_OPEN,          /* to be paid */
	INVOICE_PAID,          /* final, as all that follow; credit notes can correct it */
	INVOICE_VOID,          /* as if it had not been */
	INVOICE_UNCOLLECTIBLE, /* given up */
	INVOICE_STATUS_MAX,
};
#define INVOICE_NUMBER_SIZE 64 /* prefix, dash, at least four digits, NUL */

struct invoice_line {
	struct uuid organisation_id;
	struct uuid id;
	struct uuid invoice_id;
	int32_t position;       /* 1, 2, … */
	struct str kind;        /* as bill_line_kind_name gives it */
	struct str charge_code; /* of the plan's charge */
	struct str description;
	struct uuid plan_id;                /* of an item that of the invoice's subscription */
	bool proration;                     /* for a change inside a period */
	int64_t quantity;                   /* whole units, cut off; 1 of a flat charge, and of */
	struct decimal quantity_decimal;    /* what a bound adds or takes off.  All of them */
	int64_t unit_amount;                /* minor units, cut off, of flat and per_unit; else 0 */
	struct decimal unit_amount_decimal; /* all of it; none of other charges */
	int64_t amount;                     /* minor units, rounded */
	struct instant period_start;
	struct instant period_end;
	struct str explanation; /* JSON: how the amount was computed */
	bool deferred;          /* charged in advance: earned over its period, not when issued */
	int64_t discount;       /* minor units, as all that follow: the sum of */
	const struct line_discount *discounts; /* the coupons' shares */
	size_t discounts_len;
	int64_t tax;                  /* the sum of */
	int64_t tax_included;         /* (that of the inclusive ones) */
	const struct line_tax *taxes; /* the rates' shares */
	size_t taxes_len;
	int64_t credited;                      /* of amount - discount, by credit notes so far; */
	const struct line_tax *credited_taxes; /* and with it of each of its taxes, in their order;
						  none before the first note */
	size_t credited_taxes_len;
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
	int64_t series_sequence; /* its number among the organisation's, where that has one series
				    of numbers; else INT64_MIN */
	struct str status;       /* as invoice_status_name gives it */
	struct currency currency;
	struct instant period_start;
	struct instant period_end;
	struct instant issued_at;
	struct instant due_at;
	struct instant paid_at;                   /* INSTANT_NONE until paid */
	struct instant voided_at;                 /* INSTANT_NONE unless it was voided, */
	struct instant uncollectible_at;          /* given up */
	struct str tax_exempt;                    /* the customer's when it was issued, */
	struct str tax_exempt_reason;             /* likewise */
	const struct invoice_discount *discounts; /* of coupons that took something off */
	size_t discounts_len;
	const struct invoice_tax *taxes; /* of the rates that its lines have */
	size_t taxes_len;
	int64_t subtotal; /* minor units, as all that follow: the sum of the lines */
	int64_t discount; /* below 0 where credited lines give back more than is taken off */
	int64_t tax;
	int64_t tax_included;   /* the part of it that the lines contain */
	int64_t total;          /* subtotal - discount + tax - tax_included */
	int64_t credit_applied; /* taken from the customer's credit balance */
	int64_t amount_due;     /* total - credit_applied */
	int64_t amount_paid;
	int64_t amount_credited;    /* that credit notes took off what was to be paid */
	int64_t amount_refunded;    /* of amount_paid, also while a refund is on its way */
	int64_t credited_total;     /* of all its credit notes */
	struct uuid payment_id;     /* the payment that is on its way; else nil */
	struct uuid billing_run_id; /* the billing run that made it; else nil */
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
 * invoice_series_number_write(prefix, sequence, ret_text):
 * Likewise of an organisation's series: "<prefix>-<sequence, at least six digits>".  ${prefix} has
 * at most 16 bytes.
 */
void invoice_series_number_write(
    struct str prefix, int64_t sequence, char ret_text[INVOICE_NUMBER_SIZE]);

/**
 * invoice_status_name(status), invoice_status_from(name):
 * "open", "paid", "void", "uncollectible", and back.  An unknown name is a bug.
 */
NODISCARD struct str invoice_status_name(enum invoice_status status);
NODISCARD enum invoice_status invoice_status_from(struct str name);

/**
 * invoice_line_describe(billed, line):
 * Set in ${line} what ${billed} tells a reader: all but ids, position, explanation, discounts and
 * taxes.  An item's charge_code is "item", and its plan_id nil: it follows from the invoice.
 */
void invoice_line_describe(const struct bill_line *billed, struct invoice_line *line);

/* What an invoice needs beside its step and bill. */
struct invoice_terms {
	int64_t net_terms_days; /* the organisation's; 0 to NET_TERMS_DAYS_MAX */
};

/* Memory for the lists of a document, which the caller gives and the document borrows. */
struct invoice_room {
	struct invoice_line *lines; /* bill->len of them; the caller has set id and explanation */
	struct invoice_discount *discounts;   /* room for bill->discounts_len, */
	struct invoice_tax *taxes;            /* bill->taxes_len, */
	struct line_discount *line_discounts; /* bill->len * bill->discounts_len, */
	struct line_tax *line_taxes;          /* and all lines' taxes_len together */
};

/**
 * invoice_issue(customer, subscription, step, bill, terms, room, invoice):
 * Make and issue the invoice of ${bill}, which is assessed and whose total is not negative, for
 * ${subscription} as it is after ${step}.  The caller has set id, created_ms and series_sequence of
 * ${invoice}; all else is set here: the lines' facts, discounts and taxes, the sums, the status,
 * the dates (step->at; due_at by the customer's net terms, else ${terms}, in days of 86,400
 * seconds), the sequence (the customer's invoice_count + 1).  The number's text and the digest are
 * the caller's to write.  What the customer's credit balance covers is credit_applied (the balance
 * itself is the caller's to lower); when nothing is left due, it is paid at once.  A coupon that
 * took nothing off is left out, and so is its share of 0 of a line; a tax of 0 is not: it says
 * which rate a line has.
 */
void invoice_issue(const struct customer *customer, const struct subscription *subscription,
    const struct step *step, const struct bill *bill, const struct invoice_terms *terms,
    const struct invoice_room *room, struct invoice *invoice);

/**
 * invoice_parts_write(bill, room, ret_discounts_len, ret_taxes_len):
 * The discounts and taxes of an assessed ${bill} to ${room}, as invoice_issue does: for a bill that
 * becomes a credit.
 */
void invoice_parts_write(const struct bill *bill, const struct invoice_room *room,
    size_t *ret_discounts_len, size_t *ret_taxes_len);

/**
 * invoice_remaining(invoice):
 * What is still to be paid: amount_due - amount_paid - amount_credited; of a void or uncollectible
 * one 0.
 */
NODISCARD int64_t invoice_remaining(const struct invoice *invoice);

/**
 * invoice_pay(invoice, amount, now):
 * ${amount} (from 1) came: paid when nothing remains.  Refused, untouched: INVOICE_FINAL,
 * PAYMENT_TOO_LARGE.
 */
NODISCARD enum refusal invoice_pay(struct invoice *invoice, int64_t amount, struct instant now);

/**
 * invoice_void(invoice, now), invoice_give_up(invoice, now):
 * Refused, untouched, in this order: INVOICE_FINAL, PAYMENT_IN_PROGRESS, and of a void one
 * INVOICE_PARTLY_PAID.
 */
NODISCARD enum refusal invoice_void(struct invoice *invoice, struct instant now);
NODISCARD enum refusal invoice_give_up(struct invoice *invoice, struct instant now);

#endif
