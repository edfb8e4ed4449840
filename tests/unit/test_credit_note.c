#include "common/domain/credit_note.h"

#include "tests/unit/unit.h"

#define NOW "2026-06-01T00:00:00Z"
#define LATER "2026-06-16T00:00:00Z"
#define LINES 6
#define RATES 3
#define RANDOM_INVOICES 300
#define RANDOM_NOTES 40

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

static struct uuid
line_id(size_t i)
{
	return (struct uuid){{6, (uint8_t)i}};
}

static struct uuid
rate_id(size_t i)
{
	return (struct uuid){{7, (uint8_t)i}};
}

static void
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

static void
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
static void
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
static void
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

static enum refusal
paper_credit(struct paper *paper, const struct credit_wish *wishes, size_t len, bool refund)
{
	const struct credit_note_room room = {
	    paper->note_lines, paper->note_line_taxes, paper->note_taxes};
	enum refusal refusal;

	paper->note = (struct credit_note){.id = {{8}}, .number = STR("theirs"), .sequence = 3};
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
static void
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

/* A last cent of a tax whose price is 0 comes back with all the rest, and once. */
START_TEST(test_a_tax_of_a_price_of_nothing)
{
	struct paper paper;

	paper_begin(&paper);
	paper_line(&paper, 100, 0);
	paper_line(&paper, 0, 0);
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

UNIT_MAIN("credit_note", UNIT_ROWS(test_numbers, number_rows),
    UNIT_ABORTS_ROWS(test_prefix_bugs_are_caught, prefix_bug_rows), UNIT(test_all_facts_are_set),
    UNIT_ROWS(test_allocation, allocation_rows), UNIT_ROWS(test_refusals, refusal_rows),
    UNIT(test_nothing_is_left_behind_all), UNIT(test_nothing_of_nothing),
    UNIT(test_taxes_come_back_to_the_cent), UNIT(test_half_a_cent_is_rounded_up),
    UNIT(test_what_is_left), UNIT(test_a_tax_of_a_price_of_nothing), UNIT(test_inclusive_tax),
    UNIT(test_negative_lines), UNIT(test_large_amounts), UNIT(test_parts_make_the_whole),
    UNIT(test_a_whole_line_gives_its_taxes_back))
