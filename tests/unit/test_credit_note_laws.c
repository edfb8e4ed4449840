#include "tests/unit/papers.h"

#define RANDOM_INVOICES 300
#define RANDOM_NOTES 40

/* An invoice of a few lines, of which some may be credits, with up to three taxes each. */
static void
paper_random(struct paper *paper, uint64_t *random)
{
	size_t len = 1 + unit_random(random, LINES);
	int64_t paid, applied;

	do {
		paper_begin(paper);
		for (size_t i = 0; i < len; i++) {
			int64_t sign = unit_random(random, 4) == 0 ? -1 : 1;
			int64_t amount = (int64_t)unit_random(random, 10000);
			int64_t discount = (int64_t)unit_random(random, (uint64_t)amount + 1);
			int64_t left = amount - discount;

			paper_line(paper, sign * amount, sign * discount);
			for (size_t rate = 0; rate < RATES; rate++)
				if (unit_random(random, 2) == 0)
					paper_tax(paper, rate,
					    sign * (int64_t)unit_random(
						       random, (uint64_t)(left / RATES) + 1));
		}
	} while (paper->invoice.subtotal - paper->invoice.discount + paper->invoice.tax -
		     paper->invoice.tax_included <
		 0);
	paper_end(paper, 0, 0);
	applied = (int64_t)unit_random(random, (uint64_t)paper->invoice.total + 1);
	paid = paper->invoice.total - applied;
	paid =
	    unit_random(random, 2) == 0 ? paid : (int64_t)unit_random(random, (uint64_t)paid + 1);
	paper_end(paper, applied, paid);
}

/* What is between ${part} and ${whole}, of either sign. */
static void
assert_within(int64_t part, int64_t whole)
{
	ck_assert_int_le(part, whole > 0 ? whole : 0);
	ck_assert_int_ge(part, whole < 0 ? whole : 0);
}

static void
assert_sound(const struct paper *paper, const struct invoice *before)
{
	const struct invoice *invoice = &paper->invoice;
	const struct credit_note *note = &paper->note;
	int64_t subtotal = 0, tax = 0, included = 0, by_rate = 0;

	ck_assert_int_gt(note->total, 0);
	ck_assert_int_eq(note->total, note->subtotal + note->tax - note->tax_included);
	ck_assert_int_eq(note->total, note->applied + note->refunded + note->credited);
	for (size_t i = 0; i < note->lines_len; i++) {
		subtotal += note->lines[i].amount;
		tax += note->lines[i].tax;
		included += note->lines[i].tax_included;
	}
	ck_assert_int_eq(note->subtotal, subtotal);
	ck_assert_int_eq(note->tax, tax);
	ck_assert_int_eq(note->tax_included, included);
	for (size_t i = 0; i < note->taxes_len; i++)
		by_rate += note->taxes[i].amount;
	ck_assert_int_eq(note->tax, by_rate);

	ck_assert_int_eq(invoice->credited_total, before->credited_total + note->total);
	ck_assert_int_eq(invoice->amount_credited, before->amount_credited + note->applied);
	ck_assert_int_eq(invoice->amount_refunded, before->amount_refunded + note->refunded);
	ck_assert_int_le(invoice->credited_total, invoice->total);
	ck_assert_int_le(invoice->amount_refunded, invoice->amount_paid);
	ck_assert_int_le(invoice->amount_paid + invoice->amount_credited, invoice->amount_due);
	ck_assert(str_equal(invoice->status, STR("paid")) == (invoice_remaining(invoice) == 0));
	/* Nobody gets more than was paid, of the balance or otherwise. */
	ck_assert_int_le(invoice->credited_total - invoice->amount_credited,
	    invoice->amount_paid + invoice->credit_applied);
	/* Nothing goes out before nothing is left to be paid. */
	ck_assert(note->refunded + note->credited == 0 || invoice_remaining(invoice) == 0);
	for (size_t i = 0; i < invoice->lines_len; i++) {
		const struct invoice_line *line = &paper->lines[i];

		assert_within(line->credited, line->amount - line->discount);
		for (size_t t = 0; t < line->credited_taxes_len; t++)
			assert_within(line->credited_taxes[t].amount, line->taxes[t].amount);
	}
}

/* After any notes, all that is left makes exactly the whole: of the total, each line, each tax. */
START_TEST(test_parts_make_the_whole)
{
	uint64_t random = unit_seed("credit_note");
	int notes = 0;

	for (int n = 0; n < RANDOM_INVOICES; n++) {
		struct paper paper;
		enum refusal refusal;
		int64_t total;

		paper_random(&paper, &random);
		total = paper.invoice.total;
		for (int m = 0; m < RANDOM_NOTES; m++) {
			struct credit_wish wishes[LINES];
			struct invoice before = paper.invoice;
			size_t len = 0;

			for (size_t i = 0; i < paper.invoice.lines_len; i++)
				if (unit_random(&random, 3) == 0)
					wishes[len++] = (struct credit_wish){
					    line_id(i), 1 + (int64_t)unit_random(&random, 2000)};
			if (len == 0)
				continue;
			if (paper_credit(&paper, wishes, len, unit_random(&random, 2) == 0) !=
			    REFUSAL_NONE)
				continue;
			notes++;
			assert_sound(&paper, &before);
		}
		if (paper.invoice.credited_total < total) {
			struct invoice before = paper.invoice;

			ck_assert_int_eq(paper_credit(&paper, NULL, 0, true), REFUSAL_NONE);
			assert_sound(&paper, &before);
		}
		ck_assert_int_eq(paper.invoice.credited_total, total);
		refusal = paper_credit(&paper, NULL, 0, true);
		ck_assert_int_eq(refusal, REFUSAL_NOTHING_TO_CREDIT);
	}
	ck_assert_int_gt(notes, RANDOM_INVOICES);
}
END_TEST

/* Of each line that is credited altogether, exactly its taxes have come back. */
START_TEST(test_a_whole_line_gives_its_taxes_back)
{
	uint64_t random = unit_seed("credit_note");

	for (int n = 0; n < RANDOM_INVOICES; n++) {
		struct paper paper;
		struct invoice_line *line = &paper.lines[0];
		int64_t amount = 1 + (int64_t)unit_random(&random, 100000);

		paper_begin(&paper);
		paper_line(&paper, amount, 0);
		for (size_t rate = 0; rate < RATES; rate++)
			paper_tax(&paper, rate,
			    (int64_t)unit_random(&random, (uint64_t)amount / RATES + 1));
		paper_end(&paper, 0, 0);
		while (line->credited < amount) {
			int64_t part =
			    1 + (int64_t)unit_random(&random, (uint64_t)(amount - line->credited));
			struct credit_wish wish = {line_id(0), part};

			ck_assert_int_eq(paper_credit(&paper, &wish, 1, false), REFUSAL_NONE);
		}
		for (size_t t = 0; t < RATES; t++)
			ck_assert_int_eq(line->credited_taxes[t].amount, line->taxes[t].amount);
		ck_assert_int_eq(paper.invoice.credited_total, paper.invoice.total);
	}
}
END_TEST

UNIT_MAIN("credit_note_laws", UNIT(test_parts_make_the_whole),
    UNIT(test_a_whole_line_gives_its_taxes_back))
