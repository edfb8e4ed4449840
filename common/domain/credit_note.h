#ifndef COMMON_DOMAIN_CREDIT_NOTE_H
#define COMMON_DOMAIN_CREDIT_NOTE_H

/*
 * Credit notes: corrections of issued invoices, up to what is left of each line and of its taxes
 * (billing-rules: "Invoices").  Parts of several notes never exceed the whole: of a line that notes
 * have credited altogether, exactly its taxes have come back, whatever the parts were.  Pure.
 */

#include "common/domain/invoice.h"
#include "common/domain/payment.h"

struct credit_note_line {
	struct uuid line_id; /* of the invoice */
	struct str description;
	int64_t amount; /* minor units: of the line's amount - discount */
	int64_t tax;
	int64_t tax_included;
	const struct line_tax *taxes;
	size_t taxes_len;
};

/* Written once. */
struct credit_note {
	struct uuid organisation_id;
	struct uuid id;
	int32_t shard; /* the customer's */
	struct uuid customer_id;
	struct uuid invoice_id;
	struct str number;       /* "<customer's prefix>-CN-0001" */
	int64_t sequence;        /* 1, 2, … without gaps for a customer */
	int64_t series_sequence; /* as an invoice's */
	struct str reason;       /* none when none was given */
	struct currency currency;
	const struct credit_note_line *lines;
	size_t lines_len;
	const struct invoice_tax *taxes; /* of each rate; taxable is of this note */
	size_t taxes_len;
	int64_t subtotal; /* minor units, as all that follow: the sum of the lines */
	int64_t tax;
	int64_t tax_included;
	int64_t total;      /* subtotal + tax - tax_included, from 1 */
	int64_t applied;    /* taken off what was still to be paid; */
	int64_t credited;   /* given to the credit balance; */
	int64_t refunded;   /* to be paid back */
	int64_t created_ms; /* milliseconds: when its command was accepted; lists go by it */
	struct instant created_at;
};

/* A line that is asked for. */
struct credit_wish {
	struct uuid line_id;
	int64_t amount; /* minor units, from 1 */
};

/* Memory that the caller gives and the results borrow. */
struct credit_note_room {
	struct credit_note_line *lines; /* one for each of the invoice's lines */
	struct line_tax *line_taxes;    /* two for each of its lines' taxes: the note's shares, and
					   the new credited_taxes of the lines */
	struct invoice_tax *taxes;      /* one for each of its taxes */
};

/**
 * credit_note_issue(invoice, wishes, len, refund, room, note):
 * Credit what ${wishes} name of ${invoice}, whose lines it has; with none, all that is left of
 * every line.  The caller has set ids, number, sequences, reason and dates of ${note}; all else is
 * set here.  A line's taxes come back in proportion: of each tax what the line's credits altogether
 * have of it, rounded half away from zero, less what came back before.
 *
 * The total is taken off what remains to be paid first; of the rest, with ${refund}, up to
 * amount_paid - amount_refunded is refunded, and what is then left goes to the credit balance.
 * ${invoice} and the lines it borrows (its own memory: the caller's copies) are changed: credited
 * and credited_taxes of the lines, amount_credited, amount_refunded and credited_total; paid when
 * nothing remains.
 *
 * Refused, in this order, both of no use: INVOICE_FINAL (void or uncollectible),
 * PAYMENT_IN_PROGRESS, INVOICE_LINE_NOT_FOUND (or named twice), CREDIT_NOTE_TOO_LARGE (more than is
 * left of a line, or of the invoice's total), NOTHING_TO_CREDIT.
 */
NODISCARD enum refusal credit_note_issue(struct invoice *invoice, struct invoice_line *lines,
    const struct credit_wish *wishes, size_t len, bool refund, const struct credit_note_room *room,
    struct instant now, struct credit_note *note);

/**
 * credit_note_number_write(prefix, sequence, ret_text), credit_note_series_number_write(…):
 * "<prefix>-CN-<sequence, at least four digits>", of an organisation's series at least six.
 * ${prefix} has at most 29 bytes, a series' at most 13; as invoice_number_write.
 */
void credit_note_number_write(
    struct str prefix, int64_t sequence, char ret_text[INVOICE_NUMBER_SIZE]);
void credit_note_series_number_write(
    struct str prefix, int64_t sequence, char ret_text[INVOICE_NUMBER_SIZE]);

#endif
