#include "tests/unit/papers.h"

static const struct {
	const char *prefix;
	int64_t sequence;
	const char *own, *series;
} number_rows[] = {
    {"ACME", 1, "ACME-CN-0001", "ACME-CN-000001"},
    {"A", 1234567, "A-CN-1234567", "A-CN-1234567"},
    {"ABCDEFGHIJKLM", INT64_MAX, "ABCDEFGHIJKLM-CN-9223372036854775807",
	"ABCDEFGHIJKLM-CN-9223372036854775807"},
};

START_TEST(test_numbers)
{
	struct str prefix = str_from(number_rows[_i].prefix);
	char text[INVOICE_NUMBER_SIZE];

	credit_note_number_write(prefix, number_rows[_i].sequence, text);
	ck_assert_str_eq(text, number_rows[_i].own);
	credit_note_series_number_write(prefix, number_rows[_i].sequence, text);
	ck_assert_str_eq(text, number_rows[_i].series);
}
END_TEST

static const char *const prefix_bug_rows[] = {"", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123"};

START_TEST(test_prefix_bugs_are_caught)
{
	char text[INVOICE_NUMBER_SIZE];

	credit_note_number_write(str_from(prefix_bug_rows[_i]), 1, text);
}
END_TEST

START_TEST(test_all_facts_are_set)
{
	struct credit_wish wish = {line_id(0), 4500};
	const struct credit_note *note;
	struct paper paper;

	paper_plain(&paper, 0, 0);
	note = &paper.note;
	ck_assert_int_eq(paper_credit(&paper, &wish, 1, false), REFUSAL_NONE);
	ck_assert(uuid_equal(note->organisation_id, (struct uuid){{1}}));
	ck_assert(uuid_equal(note->id, (struct uuid){{8}}));
	ck_assert(uuid_equal(note->customer_id, (struct uuid){{2}}));
	ck_assert(uuid_equal(note->invoice_id, (struct uuid){{5}}));
	ck_assert_int_eq(note->shard, 77);
	ck_assert_int_eq(note->sequence, 3);
	unit_assert_str(note->number, "theirs", "the number is the caller's");
	ck_assert_str_eq(note->currency.code, "EUR");
	ck_assert_int_eq(note->subtotal, 4500);
	ck_assert_int_eq(note->tax, 900);
	ck_assert_int_eq(note->tax_included, 0);
	ck_assert_int_eq(note->total, 5400);
	ck_assert_uint_eq(note->lines_len, 1);
	ck_assert(uuid_equal(note->lines[0].line_id, line_id(0)));
	unit_assert_str(note->lines[0].description, "A line", "description");
	ck_assert_int_eq(note->lines[0].amount, 4500);
	ck_assert_int_eq(note->lines[0].tax, 900);
	ck_assert_uint_eq(note->taxes_len, 1);
	ck_assert(uuid_equal(note->taxes[0].tax_rate_id, rate_id(0)));
	ck_assert_int_eq(note->taxes[0].taxable, 4500);
	ck_assert_int_eq(note->taxes[0].amount, 900);

	ck_assert_int_eq(paper.lines[0].credited, 4500);
	ck_assert_uint_eq(paper.lines[0].credited_taxes_len, 1);
	ck_assert_int_eq(paper.lines[0].credited_taxes[0].amount, 900);
	ck_assert_int_eq(paper.lines[1].credited, 0);
	ck_assert_uint_eq(paper.lines[1].credited_taxes_len, 0);
	ck_assert_int_eq(paper.invoice.credited_total, 5400);
	ck_assert_int_eq(paper.invoice.amount_credited, 5400);
	unit_assert_instant(paper.invoice.updated_at, LATER, "updated_at");
	unit_assert_str(paper.invoice.status, "open", "status");
}
END_TEST

/* Where 168.00 less a part go: notes of a line's 90.00 make 108.00. */
struct allocation_row {
	const char *name;
	int64_t from_balance, paid;
	int64_t amount; /* of the first line; 0: all of the invoice */
	bool refund;
	int64_t applied, refunded, credited;
	const char *status;
};

static const struct allocation_row allocation_rows[] = {
    {"an open one owes less", 0, 0, 9000, false, 10800, 0, 0, "open"},
    {"a refund of nothing that was paid", 0, 0, 9000, true, 10800, 0, 0, "open"},
    {"all of an open one settles it", 0, 0, 0, false, 16800, 0, 0, "paid"},
    {"a paid one's goes to the balance", 0, 16800, 9000, false, 0, 0, 10800, "paid"},
    {"or back to the payer", 0, 16800, 9000, true, 0, 10800, 0, "paid"},
    {"what is still to be paid comes first", 0, 10000, 9000, true, 6800, 4000, 0, "paid"},
    {"likewise to the balance", 0, 10000, 9000, false, 6800, 0, 4000, "paid"},
    {"as much as remains", 0, 6000, 9000, true, 10800, 0, 0, "paid"},
    {"what the balance paid goes back there", 6800, 10000, 0, true, 0, 10000, 6800, "paid"},
    {"all of it", 16800, 0, 9000, true, 0, 0, 10800, "paid"},
};

START_TEST(test_allocation)
{
	const struct allocation_row *row = &allocation_rows[_i];
	struct credit_wish wish = {line_id(0), row->amount};
	struct paper paper;

	paper_plain(&paper, row->from_balance, row->paid);
	ck_assert_int_eq(
	    paper_credit(&paper, &wish, row->amount == 0 ? 0 : 1, row->refund), REFUSAL_NONE);
	ck_assert_msg(paper.note.applied == row->applied, "%s", row->name);
	ck_assert_msg(paper.note.refunded == row->refunded, "%s", row->name);
	ck_assert_msg(paper.note.credited == row->credited, "%s", row->name);
	ck_assert_msg(paper.invoice.amount_credited == row->applied, "%s", row->name);
	ck_assert_msg(paper.invoice.amount_refunded == row->refunded, "%s", row->name);
	ck_assert_msg(paper.invoice.credited_total == paper.note.total, "%s", row->name);
	unit_assert_str(paper.invoice.status, row->status, row->name);
	/* What was paid before was paid then. */
	unit_assert_instant(paper.invoice.paid_at,
	    strcmp(row->status, "open") == 0                       ? NULL
	    : row->from_balance + row->paid == paper.invoice.total ? NOW
								   : LATER,
	    row->name);
}
END_TEST

struct refusal_row {
	const char *name;
	const char *status;
	bool in_flight;
	struct credit_wish wishes[2];
	size_t len;
	int64_t credited_total; /* before: of the total, and of the second line all */
	enum refusal refusal;
};

#define WISH(line, amount)              \
	{                               \
		{{6, (line)}}, (amount) \
	}

/* Each refusal has the causes of those behind it as well. */
static const struct refusal_row refusal_rows[] = {
    {"a void one", "void", true, {WISH(9, 99999)}, 1, 0, REFUSAL_INVOICE_FINAL},
    {"one that was given up", "uncollectible", true, {WISH(9, 99999)}, 1, 0, REFUSAL_INVOICE_FINAL},
    {"a payment is on its way", "open", true, {WISH(9, 99999)}, 1, 0, REFUSAL_PAYMENT_IN_PROGRESS},
    {"no such line, and too much of another", "open", false, {WISH(0, 99999), WISH(9, 1)}, 2, 0,
	REFUSAL_INVOICE_LINE_NOT_FOUND},
    {"twice the same, and too much", "open", false, {WISH(0, 99999), WISH(0, 1)}, 2, 0,
	REFUSAL_INVOICE_LINE_NOT_FOUND},
    {"more than its price behind discounts", "open", false, {WISH(1, 1), WISH(0, 9001)}, 2, 0,
	REFUSAL_CREDIT_NOTE_TOO_LARGE},
    {"more than is left of the total", "open", false, {WISH(0, 9000)}, 1, 6001,
	REFUSAL_CREDIT_NOTE_TOO_LARGE},
    {"as much as is left of the total", "open", false, {WISH(0, 9000)}, 1, 6000, REFUSAL_NONE},
};

START_TEST(test_refusals)
{
	const struct refusal_row *row = &refusal_rows[_i];
	struct invoice before;
	struct paper paper;

	paper_plain(&paper, 0, 0);
	paper.invoice.status = str_from(row->status);
	paper.invoice.payment_id = (struct uuid){{row->in_flight ? 1 : 0}};
	paper.invoice.credited_total = row->credited_total;
	paper.invoice.amount_credited = row->credited_total;
	before = paper.invoice;
	ck_assert_msg(
	    paper_credit(&paper, row->wishes, row->len, false) == row->refusal, "%s", row->name);
	if (row->refusal == REFUSAL_NONE)
		return;
	ck_assert_int_eq(paper.invoice.credited_total, before.credited_total);
	ck_assert_int_eq(paper.invoice.amount_credited, before.amount_credited);
	ck_assert_int_eq(paper.lines[0].credited, 0);
	unit_assert_str(paper.invoice.status, row->status, row->name);
}
END_TEST

START_TEST(test_nothing_is_left_behind_all)
{
	struct credit_wish wish = {line_id(0), 1};
	struct paper paper;

	paper_plain(&paper, 0, 0);
	ck_assert_int_eq(paper_credit(&paper, NULL, 0, false), REFUSAL_NONE);
	ck_assert_int_eq(paper_credit(&paper, NULL, 0, false), REFUSAL_NOTHING_TO_CREDIT);
	ck_assert_int_eq(paper_credit(&paper, &wish, 1, false), REFUSAL_CREDIT_NOTE_TOO_LARGE);
}
END_TEST

START_TEST(test_nothing_of_nothing)
{
	struct paper paper;

	paper_begin(&paper);
	paper_line(&paper, 3000, 3000);
	paper_end(&paper, 0, 0);
	unit_assert_str(paper.invoice.status, "paid", "status");
	ck_assert_int_eq(paper_credit(&paper, NULL, 0, true), REFUSAL_NOTHING_TO_CREDIT);
}
END_TEST

/* Three notes of a third each: 0.10 of tax in parts of 3, 4 and 3. */
START_TEST(test_taxes_come_back_to_the_cent)
{
	static const int64_t expected[] = {3, 4, 3};
	struct credit_wish wish = {line_id(0), 33};
	struct paper paper;

	paper_begin(&paper);
	paper_line(&paper, 99, 0);
	paper_tax(&paper, 0, 10);
	paper_end(&paper, 0, 0);
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		ck_assert_int_eq(paper_credit(&paper, &wish, 1, false), REFUSAL_NONE);
		ck_assert_int_eq(paper.note.tax, expected[i]);
	}
	unit_assert_str(paper.invoice.status, "paid", "status");
}
END_TEST

/* Half a cent comes back with the first half of the price; the other half has none left. */
START_TEST(test_half_a_cent_is_rounded_up)
{
	struct credit_wish wish = {line_id(0), 1};
	struct paper paper;

	paper_begin(&paper);
	paper_line(&paper, 2, 0);
	paper_tax(&paper, 0, 1);
	paper_end(&paper, 0, 0);
	ck_assert_int_eq(paper_credit(&paper, &wish, 1, false), REFUSAL_NONE);
	ck_assert_int_eq(paper.note.tax, 1);
	ck_assert_int_eq(paper_credit(&paper, &wish, 1, false), REFUSAL_NONE);
	ck_assert_int_eq(paper.note.tax, 0);
	unit_assert_str(paper.invoice.status, "paid", "status");
}
END_TEST

/* What was credited before is not on the note of all that is left. */
START_TEST(test_what_is_left)
{
	struct credit_wish wish = {line_id(0), 9000};
	struct paper paper;

	paper_plain(&paper, 0, 0);
	ck_assert_int_eq(paper_credit(&paper, &wish, 1, false), REFUSAL_NONE);
	ck_assert_int_eq(paper_credit(&paper, NULL, 0, false), REFUSAL_NONE);
	ck_assert_uint_eq(paper.note.lines_len, 1);
	ck_assert(uuid_equal(paper.note.lines[0].line_id, line_id(1)));
	ck_assert_int_eq(paper.note.total, 6000);
}
END_TEST

/* What is wished of two lines, in the order of the invoice. */
START_TEST(test_several_lines)
{
	static const struct credit_wish wishes[] = {{{{6, 1}}, 500}, {{{6, 0}}, 3000}};
	struct paper paper;

	paper_plain(&paper, 0, 0);
	ck_assert_int_eq(paper_credit(&paper, wishes, ARRAY_LEN(wishes), false), REFUSAL_NONE);
	ck_assert_uint_eq(paper.note.lines_len, 2);
	ck_assert_int_eq(paper.note.lines[0].amount, 3000);
	ck_assert_int_eq(paper.note.lines[1].amount, 500);
	ck_assert_int_eq(paper.lines[0].credited, 3000);
	ck_assert_int_eq(paper.lines[1].credited, 500);
	ck_assert_int_eq(paper.note.taxes[0].taxable, 3500);
	ck_assert_int_eq(paper.note.total, 4200);
}
END_TEST

/* A last cent of a tax whose price is 0 comes back with all the rest, and once; behind another tax
 * that has none, too. */
START_TEST(test_a_tax_of_a_price_of_nothing)
{
	struct paper paper;

	paper_begin(&paper);
	paper_line(&paper, 100, 0);
	paper_line(&paper, 0, 0);
	paper_tax(&paper, 2, 0);
	paper_tax(&paper, 0, 1);
	paper_end(&paper, 0, 101);
	ck_assert_int_eq(paper_credit(&paper, NULL, 0, true), REFUSAL_NONE);
	ck_assert_int_eq(paper.note.total, 101);
	ck_assert_int_eq(paper.note.tax, 1);
	ck_assert_int_eq(paper_credit(&paper, NULL, 0, true), REFUSAL_NOTHING_TO_CREDIT);
}
END_TEST

/* What a price contains comes out of it, and is not added. */
START_TEST(test_inclusive_tax)
{
	struct credit_wish wish = {line_id(0), 6000};
	struct paper paper;

	paper_begin(&paper);
	paper_line(&paper, 12000, 0);
	paper_tax(&paper, 1, 2000);
	paper_end(&paper, 0, 0);
	ck_assert_int_eq(paper_credit(&paper, &wish, 1, false), REFUSAL_NONE);
	ck_assert_int_eq(paper.note.subtotal, 6000);
	ck_assert_int_eq(paper.note.tax, 1000);
	ck_assert_int_eq(paper.note.tax_included, 1000);
	ck_assert_int_eq(paper.note.total, 6000);
	ck_assert_int_eq(paper.note.taxes[0].taxable, 5000);
	ck_assert(paper.note.taxes[0].inclusive);
}
END_TEST

/* A credited line has nothing to credit; only with all that is left it is taken back. */
START_TEST(test_negative_lines)
{
	struct credit_wish wish = {line_id(0), 1};
	struct paper paper;

	paper_begin(&paper);
	paper_line(&paper, -1500, 0);
	paper_tax(&paper, 0, -300);
	paper_line(&paper, 3000, 0);
	paper_tax(&paper, 0, 600);
	paper_end(&paper, 0, 0);
	ck_assert_int_eq(paper.invoice.total, 1800);
	ck_assert_int_eq(paper_credit(&paper, &wish, 1, false), REFUSAL_CREDIT_NOTE_TOO_LARGE);
	wish = (struct credit_wish){line_id(1), 1000};
	ck_assert_int_eq(paper_credit(&paper, &wish, 1, false), REFUSAL_NONE);
	ck_assert_int_eq(paper.note.total, 1200);
	ck_assert_int_eq(paper_credit(&paper, NULL, 0, false), REFUSAL_NONE);
	ck_assert_int_eq(paper.note.subtotal, 500);
	ck_assert_int_eq(paper.note.tax, 100);
	ck_assert_int_eq(paper.note.lines[0].amount, -1500);
	ck_assert_int_eq(paper.lines[0].credited, -1500);
	ck_assert_int_eq(paper.lines[0].credited_taxes[0].amount, -300);
	ck_assert_int_eq(paper.invoice.credited_total, 1800);
}
END_TEST

START_TEST(test_large_amounts)
{
	struct credit_wish wish = {line_id(0), INT64_MAX / 4};
	struct paper paper;

	paper_begin(&paper);
	paper_line(&paper, INT64_MAX / 2, 0);
	paper_tax(&paper, 0, INT64_MAX / 2);
	paper_end(&paper, 0, 0);
	ck_assert_int_eq(paper_credit(&paper, &wish, 1, false), REFUSAL_NONE);
	ck_assert_int_eq(paper.note.tax, INT64_MAX / 4);
	ck_assert_int_eq(paper_credit(&paper, NULL, 0, false), REFUSAL_NONE);
	ck_assert_int_eq(paper.invoice.credited_total, paper.invoice.total);
}
END_TEST

UNIT_MAIN("credit_note", UNIT_ROWS(test_numbers, number_rows),
    UNIT_ABORTS_ROWS(test_prefix_bugs_are_caught, prefix_bug_rows), UNIT(test_all_facts_are_set),
    UNIT_ROWS(test_allocation, allocation_rows), UNIT_ROWS(test_refusals, refusal_rows),
    UNIT(test_nothing_is_left_behind_all), UNIT(test_nothing_of_nothing),
    UNIT(test_taxes_come_back_to_the_cent), UNIT(test_half_a_cent_is_rounded_up),
    UNIT(test_what_is_left), UNIT(test_several_lines), UNIT(test_a_tax_of_a_price_of_nothing),
    UNIT(test_inclusive_tax), UNIT(test_negative_lines), UNIT(test_large_amounts))
