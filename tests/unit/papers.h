#ifndef TESTS_UNIT_PAPERS_H
#define TESTS_UNIT_PAPERS_H

/*
 * Invoices to write credit notes for, and what notes make of them.
 */

#include "common/domain/credit_note.h"
#include "tests/unit/unit.h"

#define NOW "2026-06-01T00:00:00Z"
#define LATER "2026-06-16T00:00:00Z"
#define LINES 6
#define RATES 3

/* An invoice with its lists, and the room for a note. */
struct paper {
	struct invoice invoice;
	struct invoice_line lines[LINES];
	struct line_tax line_taxes[LINES][RATES];
	struct invoice_tax taxes[RATES];
	struct credit_note_line note_lines[LINES];
	struct line_tax note_line_taxes[2 * LINES * RATES];
	struct invoice_tax note_taxes[RATES];
	struct line_tax kept[LINES][RATES]; /* credited_taxes between two notes */
	struct credit_note note;
};

static inline struct uuid
line_id(size_t i)
{
	return (struct uuid){{6, (uint8_t)i}};
}

static inline struct uuid
rate_id(size_t i)
{
	return (struct uuid){{7, (uint8_t)i}};
}

static inline void
paper_begin(struct paper *paper)
{
	memset(paper, 0, sizeof(*paper));
	paper->invoice = (struct invoice){
	    .organisation_id = {{1}},
	    .id = {{5}},
	    .shard = 77,
	    .customer_id = {{2}},
	    .status = STR("open"),
	    .currency = {"EUR"},
	    .paid_at = INSTANT_NONE,
	    .updated_at = unit_instant(NOW),
	    .lines = paper->lines,
	    .taxes = paper->taxes,
	};
}

static inline void
paper_line(struct paper *paper, int64_t amount, int64_t discount)
{
	size_t i = paper->invoice.lines_len++;

	ck_assert_uint_lt(i, LINES);
	paper->lines[i] = (struct invoice_line){
	    .id = line_id(i),
	    .amount = amount,
	    .discount = discount,
	    .description = STR("A line"),
	    .taxes = paper->line_taxes[i],
	};
	paper->invoice.subtotal += amount;
	paper->invoice.discount += discount;
}

/* A share of rate ${rate} for the last line; rate 1 is inclusive. */
static inline void
paper_tax(struct paper *paper, size_t rate, int64_t amount)
{
	size_t last = paper->invoice.lines_len - 1;
	struct invoice_line *line = &paper->lines[last];
	struct invoice *invoice = &paper->invoice;
	bool inclusive = rate == 1;

	ck_assert_uint_lt(line->taxes_len, RATES);
	paper->line_taxes[last][line->taxes_len++] =
	    (struct line_tax){rate_id(rate), inclusive, amount};
	line->tax += amount;
	line->tax_included += inclusive ? amount : 0;
	invoice->tax += amount;
	invoice->tax_included += inclusive ? amount : 0;
	for (size_t i = 0; i < RATES; i++)
		paper->taxes[i].tax_rate_id = rate_id(i);
	paper->taxes[rate].inclusive = inclusive;
	paper->taxes[rate].amount += amount;
	invoice->taxes_len = RATES;
}

/* Its total, of which the credit balance covered ${applied} and ${paid} was paid. */
static inline void
paper_end(struct paper *paper, int64_t applied, int64_t paid)
{
	struct invoice *invoice = &paper->invoice;

	invoice->total =
	    invoice->subtotal - invoice->discount + invoice->tax - invoice->tax_included;
	ck_assert_int_ge(invoice->total, 0);
	invoice->credit_applied = applied;
	invoice->amount_due = invoice->total - applied;
	invoice->amount_paid = paid;
	ck_assert_int_le(paid, invoice->amount_due);
	if (paid == invoice->amount_due) {
		invoice->status = STR("paid");
		invoice->paid_at = unit_instant(NOW);
	}
}

static inline enum refusal
paper_credit(struct paper *paper, const struct credit_wish *wishes, size_t len, bool refund)
{
	const struct credit_note_room room = {
	    paper->note_lines, paper->note_line_taxes, paper->note_taxes};
	enum refusal refusal;

	/* What its room had before is not the note's. */
	paper->note = (struct credit_note){.id = {{8}},
	    .number = STR("theirs"),
	    .sequence = 3,
	    .lines_len = LINES,
	    .taxes_len = RATES};
	refusal = credit_note_issue(&paper->invoice, paper->lines, wishes, len, refund, &room,
	    unit_instant(LATER), &paper->note);
	/* The room is used again, as rows are stored. */
	for (size_t i = 0; refusal == REFUSAL_NONE && i < paper->invoice.lines_len; i++) {
		struct invoice_line *line = &paper->lines[i];

		if (line->credited_taxes_len == 0)
			continue;
		memmove(paper->kept[i], line->credited_taxes,
		    line->credited_taxes_len * sizeof(struct line_tax));
		line->credited_taxes = paper->kept[i];
	}
	return refusal;
}

/* 100.00 and 50.00, less 10.00, with 20 % of tax: 168.00. */
static inline void
paper_plain(struct paper *paper, int64_t applied, int64_t paid)
{
	paper_begin(paper);
	paper_line(paper, 10000, 1000);
	paper_tax(paper, 0, 1800);
	paper_line(paper, 5000, 0);
	paper_tax(paper, 0, 1000);
	paper_end(paper, applied, paid);
	ck_assert_int_eq(paper->invoice.total, 16800);
}

#endif
