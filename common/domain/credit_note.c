#include "common/domain/credit_note.h"

#define INFIX "-CN"
#define TEXT_SIZE 40 /* the longest prefix that an invoice's number has, and INFIX */

/* "<prefix>-CN": what stands in the place of an invoice's prefix, in ${text}. */
static struct str
prefix_of_notes(struct str prefix, char text[TEXT_SIZE])
{
	struct str infix = STR(INFIX);

	CHECK(prefix.len >= 1 && prefix.len + infix.len <= TEXT_SIZE);
	memcpy(text, prefix.ptr, prefix.len);
	memcpy(text + prefix.len, infix.ptr, infix.len);
	return (struct str){text, prefix.len + infix.len};
}

void
credit_note_number_write(struct str prefix, int64_t sequence, char ret_text[INVOICE_NUMBER_SIZE])
{
	char text[TEXT_SIZE];

	invoice_number_write(prefix_of_notes(prefix, text), sequence, ret_text);
}

void
credit_note_series_number_write(
    struct str prefix, int64_t sequence, char ret_text[INVOICE_NUMBER_SIZE])
{
	char text[TEXT_SIZE];

	invoice_series_number_write(prefix_of_notes(prefix, text), sequence, ret_text);
}

/* What can be credited of ${line} altogether: its price behind discounts. */
static int64_t
whole_of(const struct invoice_line *line)
{
	return line->amount - line->discount;
}

/* What came back of the line's tax number ${i} so far. */
static int64_t
returned_of(const struct invoice_line *line, size_t i)
{
	CHECK(line->credited_taxes_len == 0 || line->credited_taxes_len == line->taxes_len);

	if (line->credited_taxes_len == 0)
		return 0;
	CHECK(uuid_equal(line->credited_taxes[i].tax_rate_id, line->taxes[i].tax_rate_id));
	return line->credited_taxes[i].amount;
}

/* What notes have of ${tax} once they have ${credited} of ${whole}: in proportion, half away from
 * zero, and all of it with all. */
static int64_t
returned_with(int64_t tax, int64_t credited, int64_t whole)
{
	int128 product = (int128)tax * credited;
	bool negative = (product < 0) != (whole < 0);
	uint128 size = product < 0 ? -(uint128)product : (uint128)product;
	uint128 divisor = whole < 0 ? -(uint128)whole : (uint128)whole;
	int64_t rounded;

	if (credited == whole)
		return tax;
	CHECK(whole != 0);
	/* Of |credited| <= |whole|: no more than |tax|. */
	rounded = (int64_t)((2 * size + divisor) / (2 * divisor));
	return negative ? -rounded : rounded;
}

/* Whether anything is left of ${line}: a tax can be when its price is 0. */
static bool
is_left(const struct invoice_line *line)
{
	if (line->credited != whole_of(line))
		return true;
	for (size_t i = 0; i < line->taxes_len; i++)
		if (returned_of(line, i) != line->taxes[i].amount)
			return true;
	return false;
}

/* The line that ${wish} names, among ${invoice}'s; its number of lines when there is none. */
static size_t
line_index(const struct invoice *invoice, const struct invoice_line *lines, struct uuid id)
{
	size_t i = 0;

	while (i < invoice->lines_len && !uuid_equal(lines[i].id, id))
		i++;
	return i;
}

/* Each line is named once, and has what is asked for: in this order. */
static enum refusal
wishes_refused(const struct invoice *invoice, const struct invoice_line *lines,
    const struct credit_wish *wishes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		CHECK(wishes[i].amount >= 1);
		if (line_index(invoice, lines, wishes[i].line_id) == invoice->lines_len)
			return REFUSAL_INVOICE_LINE_NOT_FOUND;
		for (size_t k = 0; k < i; k++)
			if (uuid_equal(wishes[k].line_id, wishes[i].line_id))
				return REFUSAL_INVOICE_LINE_NOT_FOUND;
	}
	for (size_t i = 0; i < len; i++) {
		const struct invoice_line *line =
		    &lines[line_index(invoice, lines, wishes[i].line_id)];

		if (wishes[i].amount > whole_of(line) - line->credited)
			return REFUSAL_CREDIT_NOTE_TOO_LARGE;
	}
	return REFUSAL_NONE;
}

/* A note while it is made: sums of many lines, of either sign, before they are known to fit. */
struct draft {
	struct credit_note *note;
	const struct credit_note_room *room;
	struct line_tax *line_taxes; /* as far as the room for them is used up */
	int128 subtotal, tax, tax_included;
};

/* Credit ${amount} of ${line}: what ${draft} says of it, with its share of each tax. */
static void
line_draft(struct draft *draft, const struct invoice_line *line, int64_t amount)
{
	struct credit_note_line *drawn = &draft->room->lines[draft->note->lines_len++];

	*drawn = (struct credit_note_line){
	    .line_id = line->id,
	    .description = line->description,
	    .amount = amount,
	    .taxes = draft->line_taxes,
	    .taxes_len = line->taxes_len,
	};
	for (size_t i = 0; i < line->taxes_len; i++) {
		int64_t share =
		    returned_with(line->taxes[i].amount, line->credited + amount, whole_of(line)) -
		    returned_of(line, i);

		*draft->line_taxes++ =
		    (struct line_tax){line->taxes[i].tax_rate_id, line->taxes[i].inclusive, share};
		drawn->tax += share;
		drawn->tax_included += line->taxes[i].inclusive ? share : 0;
	}
	draft->subtotal += amount;
	draft->tax += drawn->tax;
	draft->tax_included += drawn->tax_included;
}

/* The lines of the note, in the order of the invoice's. */
static void
lines_draft(struct draft *draft, const struct invoice *invoice, const struct invoice_line *lines,
    const struct credit_wish *wishes, size_t len)
{
	for (size_t i = 0; i < invoice->lines_len; i++) {
		int64_t left = whole_of(&lines[i]) - lines[i].credited;

		if (len == 0 && is_left(&lines[i]))
			line_draft(draft, &lines[i], left);
		for (size_t k = 0; k < len; k++)
			if (uuid_equal(wishes[k].line_id, lines[i].id))
				line_draft(draft, &lines[i], wishes[k].amount);
	}
}

/* Of each of the invoice's taxes what the note's lines have, where any of them has it. */
static void
taxes_draft(const struct draft *draft, const struct invoice *invoice)
{
	struct credit_note *note = draft->note;

	for (size_t i = 0; i < invoice->taxes_len; i++) {
		struct invoice_tax *tax = &draft->room->taxes[note->taxes_len];
		bool found = false;

		*tax = invoice->taxes[i];
		tax->taxable = 0;
		tax->amount = 0;
		for (size_t k = 0; k < note->lines_len; k++) {
			const struct credit_note_line *line = &note->lines[k];

			for (size_t t = 0; t < line->taxes_len; t++) {
				if (!uuid_equal(line->taxes[t].tax_rate_id, tax->tax_rate_id))
					continue;
				found = true;
				tax->taxable += line->amount - line->tax_included;
				tax->amount += line->taxes[t].amount;
			}
		}
		note->taxes_len += found ? 1 : 0;
	}
}

/* The sums, when they are neither 0 nor more than what is left of the invoice. */
static enum refusal
sums_set(const struct draft *draft, const struct invoice *invoice)
{
	struct credit_note *note = draft->note;
	int128 total = draft->subtotal + draft->tax - draft->tax_included;

	if (total > invoice->total - invoice->credited_total)
		return REFUSAL_CREDIT_NOTE_TOO_LARGE;
	if (total <= 0)
		return REFUSAL_NOTHING_TO_CREDIT;
	note->subtotal = (int64_t)draft->subtotal;
	note->tax = (int64_t)draft->tax;
	note->tax_included = (int64_t)draft->tax_included;
	note->total = (int64_t)total;
	CHECK(note->subtotal == draft->subtotal && note->tax == draft->tax);
	CHECK(note->tax_included == draft->tax_included);
	return REFUSAL_NONE;
}

static int64_t
smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Where the note's total goes. */
static void
allocate(struct credit_note *note, const struct invoice *invoice, bool refund)
{
	int64_t rest = note->total;

	CHECK(invoice->amount_refunded <= invoice->amount_paid);

	note->applied = smaller(rest, invoice_remaining(invoice));
	rest -= note->applied;
	note->refunded =
	    refund ? smaller(rest, invoice->amount_paid - invoice->amount_refunded) : 0;
	note->credited = rest - note->refunded;
}

/* Count in ${line} what ${drawn} took of it; its taxes go to ${taxes}. */
static void
line_apply(struct invoice_line *line, const struct credit_note_line *drawn, struct line_tax *taxes)
{
	for (size_t i = 0; i < line->taxes_len; i++)
		taxes[i] = (struct line_tax){drawn->taxes[i].tax_rate_id, drawn->taxes[i].inclusive,
		    returned_of(line, i) + drawn->taxes[i].amount};
	line->credited += drawn->amount;
	line->credited_taxes = taxes;
	line->credited_taxes_len = line->taxes_len;
}

/* What the note changes in the invoice. */
static void
apply(const struct credit_note *note, struct line_tax *line_taxes, struct invoice *invoice,
    struct invoice_line *lines, struct instant now)
{
	bool open = invoice_status_from(invoice->status) == INVOICE_OPEN;

	for (size_t i = 0; i < note->lines_len; i++) {
		line_apply(&lines[line_index(invoice, lines, note->lines[i].line_id)],
		    &note->lines[i], line_taxes);
		line_taxes += note->lines[i].taxes_len;
	}
	invoice->amount_credited += note->applied;
	invoice->amount_refunded += note->refunded;
	invoice->credited_total += note->total;
	invoice->updated_at = instant_later(invoice->updated_at, now);
	if (!open || invoice_remaining(invoice) > 0)
		return;
	invoice->status = invoice_status_name(INVOICE_PAID);
	invoice->paid_at = now;
}

static enum refusal
issue_refused(const struct invoice *invoice)
{
	enum invoice_status status = invoice_status_from(invoice->status);

	if (status == INVOICE_VOID || status == INVOICE_UNCOLLECTIBLE)
		return REFUSAL_INVOICE_FINAL;
	if (!uuid_is_nil(invoice->payment_id))
		return REFUSAL_PAYMENT_IN_PROGRESS;
	return REFUSAL_NONE;
}

enum refusal
credit_note_issue(struct invoice *invoice, struct invoice_line *lines,
    const struct credit_wish *wishes, size_t len, bool refund, const struct credit_note_room *room,
    struct instant now, struct credit_note *note)
{
	struct draft draft = {.note = note, .room = room, .line_taxes = room->line_taxes};
	enum refusal refusal = issue_refused(invoice);

	CHECK(invoice->lines_len <= INVOICE_LINES_MAX);
	CHECK(invoice->credited_total >= 0 && invoice->credited_total <= invoice->total);

	if (refusal == REFUSAL_NONE)
		refusal = wishes_refused(invoice, lines, wishes, len);
	if (refusal != REFUSAL_NONE)
		return refusal;

	note->organisation_id = invoice->organisation_id;
	note->shard = invoice->shard;
	note->customer_id = invoice->customer_id;
	note->invoice_id = invoice->id;
	note->currency = invoice->currency;
	note->lines = room->lines;
	note->lines_len = 0;
	note->taxes = room->taxes;
	note->taxes_len = 0;
	lines_draft(&draft, invoice, lines, wishes, len);
	refusal = sums_set(&draft, invoice);
	if (refusal != REFUSAL_NONE)
		return refusal;
	taxes_draft(&draft, invoice);
	allocate(note, invoice, refund);
	CHECK(note->applied + note->refunded + note->credited == note->total);
	apply(note, draft.line_taxes, invoice, lines, now);
	return REFUSAL_NONE;
}
