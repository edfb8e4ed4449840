/* The oracle's way into splits, coupons, issued invoices and the journal.  Decides nothing. */

#include "common/domain/coupon.h"
#include "common/domain/credit_note.h"
#include "common/domain/invoice.h"
#include "common/domain/journal.h"
#include "common/domain/payment.h"
#include "common/domain/split.h"
#include "tests/oracle/bridge.h"
#include "tests/oracle/tape.h"

#define PARTS_MAX 64
#define LINES_MAX 16
#define METHOD_SIZE 64

/* ---- Splits. */

size_t
bridge_split(int64_t *words, size_t len, int64_t *ret_words, size_t max)
{
	struct tape in = {words, len, 0}, out = {ret_words, max, 0};
	size_t parts_len = (size_t)take(&in);
	struct split_part parts[PARTS_MAX];
	int64_t total, shares[PARTS_MAX];

	CHECK(parts_len <= PARTS_MAX);
	for (size_t i = 0; i < parts_len; i++) {
		parts[i].numerator = take_decimal(&in).units;
		parts[i].denominator = take(&in);
	}
	if (!split_round(parts, parts_len, &total, shares)) {
		put(&out, 0);
		return out.at;
	}
	put(&out, 1);
	put(&out, total);
	for (size_t i = 0; i < parts_len; i++)
		put(&out, shares[i]);
	return out.at;
}

size_t
bridge_spread(int64_t *words, size_t len, int64_t *ret_words, size_t max)
{
	struct tape in = {words, len, 0}, out = {ret_words, max, 0};
	int64_t amount = take(&in);
	size_t weights_len = (size_t)take(&in);
	int64_t weights[PARTS_MAX], shares[PARTS_MAX];

	CHECK(weights_len <= PARTS_MAX);
	for (size_t i = 0; i < weights_len; i++)
		weights[i] = take(&in);
	if (!split_amount(amount, weights, weights_len, shares)) {
		put(&out, 0);
		return out.at;
	}
	put(&out, 1);
	for (size_t i = 0; i < weights_len; i++)
		put(&out, shares[i]);
	return out.at;
}

/* ---- Coupons. */

static struct currency
take_currency(struct tape *in)
{
	static const char codes[][sizeof(((struct currency *)NULL)->code)] = {
	    "", "USD", "EUR", "JPY", "KWD"};
	struct currency currency;

	memcpy(currency.code, codes[take(in)], sizeof(currency.code));
	return currency;
}

static void
put_discount(struct tape *out, const struct discount *discount)
{
	put(out, word_of(discount->coupon_id));
	put_decimal(out, discount->percent_off);
	put(out, discount->amount_off);
	put(out, (int64_t)discount->plan_ids.len);
	for (size_t i = 0; i < discount->plan_ids.len; i++)
		put(out, word_of(discount->plan_ids.items[i]));
	put(out, discount->periods_left);
	put(out, discount->covers);
	put(out, discount->given);
}

size_t
bridge_redeem(int64_t *words, size_t len, int64_t *ret_words, size_t max)
{
	static const char *const durations[] = {"once", "repeating", "forever"};
	struct tape in = {words, len, 0}, out = {ret_words, max, 0};
	struct uuid plan_ids[BRIDGE_PLANS_MAX], plan_id;
	struct coupon coupon = {.id = id_of(take(&in))};
	struct currency currency;
	struct discount discount;
	enum refusal refusal;

	coupon.percent_off = take_decimal(&in);
	coupon.amount_off = take(&in);
	coupon.currency = take_currency(&in);
	coupon.duration = str_from(durations[take(&in)]);
	coupon.duration_periods = take(&in);
	coupon.max_redemptions = take(&in);
	coupon.redemptions = take(&in);
	coupon.redeem_by = take_instant(&in);
	coupon.archived_at = take_instant(&in);
	coupon.plan_ids = take_ids(&in, plan_ids, BRIDGE_PLANS_MAX);
	plan_id = id_of(take(&in));
	currency = take_currency(&in);
	refusal = coupon_redeem(&coupon, plan_id, currency, take_instant(&in), &discount);
	put(&out, refusal);
	if (refusal == REFUSAL_NONE)
		put_discount(&out, &discount);
	return out.at;
}

/* ---- Issued invoices. */

/* An invoice, with the memory that it borrows. */
struct held {
	struct invoice invoice;
	struct invoice_tax taxes[BRIDGE_RATES_MAX];
	struct invoice_line lines[LINES_MAX];
	struct line_tax line_taxes[LINES_MAX][TAX_RATES_MAX];
	struct line_tax credited_taxes[LINES_MAX][TAX_RATES_MAX];
};

static void
take_line(struct tape *in, struct held *held, size_t at)
{
	struct invoice_line *line = &held->lines[at];

	line->id = id_of(take(in));
	line->amount = take(in);
	line->discount = take(in);
	line->credited = take(in);
	line->taxes = held->line_taxes[at];
	line->taxes_len = (size_t)take(in);
	CHECK(line->taxes_len <= TAX_RATES_MAX);
	for (size_t i = 0; i < line->taxes_len; i++) {
		struct line_tax *tax = &held->line_taxes[at][i];

		tax->tax_rate_id = id_of(take(in));
		tax->inclusive = take(in);
		tax->amount = take(in);
		line->tax += tax->amount;
		line->tax_included += tax->inclusive ? tax->amount : 0;
	}
	line->credited_taxes = held->credited_taxes[at];
	line->credited_taxes_len = (size_t)take(in);
	CHECK(line->credited_taxes_len == 0 || line->credited_taxes_len == line->taxes_len);
	for (size_t i = 0; i < line->credited_taxes_len; i++) {
		held->credited_taxes[at][i] = held->line_taxes[at][i];
		held->credited_taxes[at][i].amount = take(in);
	}
}

static void
take_invoice_taxes(struct tape *in, struct held *held)
{
	held->invoice.taxes = held->taxes;
	held->invoice.taxes_len = (size_t)take(in);
	CHECK(held->invoice.taxes_len <= BRIDGE_RATES_MAX);
	for (size_t i = 0; i < held->invoice.taxes_len; i++) {
		held->taxes[i].tax_rate_id = id_of(take(in));
		held->taxes[i].inclusive = take(in);
		held->taxes[i].percentage = take_decimal(in);
		held->taxes[i].amount = take(in);
	}
}

static void
take_invoice(struct tape *in, struct held *held)
{
	struct invoice *invoice = &held->invoice;

	memset(held, 0, sizeof(*held));
	invoice->id = id_of(1);
	invoice->status = invoice_status_name((enum invoice_status)take(in));
	invoice->total = take(in);
	invoice->amount_due = take(in);
	invoice->credit_applied = invoice->total - invoice->amount_due;
	invoice->amount_paid = take(in);
	invoice->amount_credited = take(in);
	invoice->amount_refunded = take(in);
	invoice->credited_total = take(in);
	invoice->payment_id = id_of(take(in));
	invoice->paid_at = invoice->voided_at = invoice->uncollectible_at = INSTANT_NONE;
	take_invoice_taxes(in, held);
	invoice->lines = held->lines;
	invoice->lines_len = (size_t)take(in);
	CHECK(invoice->lines_len <= LINES_MAX);
	for (size_t i = 0; i < invoice->lines_len; i++)
		take_line(in, held, i);
}

static void
put_invoice(struct tape *out, const struct invoice *invoice)
{
	put(out, invoice_status_from(invoice->status));
	put(out, invoice->amount_paid);
	put(out, invoice->amount_credited);
	put(out, invoice->amount_refunded);
	put(out, invoice->credited_total);
	put(out, invoice_remaining(invoice));
	put(out, invoice->paid_at.s);
	put(out, invoice->voided_at.s);
	put(out, invoice->uncollectible_at.s);
}

static void
put_note(struct tape *out, const struct credit_note *note)
{
	put(out, note->subtotal);
	put(out, note->tax);
	put(out, note->tax_included);
	put(out, note->total);
	put(out, note->applied);
	put(out, note->credited);
	put(out, note->refunded);
	put(out, (int64_t)note->lines_len);
	for (size_t i = 0; i < note->lines_len; i++) {
		const struct credit_note_line *line = &note->lines[i];

		put(out, word_of(line->line_id));
		put(out, line->amount);
		put(out, line->tax);
		put(out, line->tax_included);
		put(out, (int64_t)line->taxes_len);
		for (size_t k = 0; k < line->taxes_len; k++) {
			put(out, word_of(line->taxes[k].tax_rate_id));
			put(out, line->taxes[k].amount);
		}
	}
	put(out, (int64_t)note->taxes_len);
	for (size_t i = 0; i < note->taxes_len; i++) {
		put(out, word_of(note->taxes[i].tax_rate_id));
		put(out, note->taxes[i].amount);
	}
}

static void
put_lines(struct tape *out, const struct held *held)
{
	for (size_t i = 0; i < held->invoice.lines_len; i++) {
		const struct invoice_line *line = &held->lines[i];

		put(out, line->credited);
		put(out, (int64_t)line->credited_taxes_len);
		for (size_t k = 0; k < line->credited_taxes_len; k++)
			put(out, line->credited_taxes[k].amount);
	}
}

size_t
bridge_credit_note(int64_t *words, size_t len, int64_t *ret_words, size_t max)
{
	static struct held held;
	static struct credit_note_line note_lines[LINES_MAX];
	static struct line_tax note_line_taxes[2 * LINES_MAX * TAX_RATES_MAX];
	static struct invoice_tax note_taxes[BRIDGE_RATES_MAX];
	static const struct credit_note_room room = {note_lines, note_line_taxes, note_taxes};
	struct tape in = {words, len, 0}, out = {ret_words, max, 0};
	struct instant now;
	struct credit_wish wishes[LINES_MAX];
	size_t wishes_len;
	bool refund;
	struct credit_note note = {0};
	enum refusal refusal;

	take_invoice(&in, &held);
	now = take_instant(&in);
	refund = take(&in);
	wishes_len = (size_t)take(&in);
	CHECK(wishes_len <= LINES_MAX);
	for (size_t i = 0; i < wishes_len; i++) {
		wishes[i].line_id = id_of(take(&in));
		wishes[i].amount = take(&in);
	}
	refusal = credit_note_issue(
	    &held.invoice, held.lines, wishes, wishes_len, refund, &room, now, &note);
	put(&out, refusal);
	if (refusal != REFUSAL_NONE)
		return out.at;
	put_invoice(&out, &held.invoice);
	put_note(&out, &note);
	put_lines(&out, &held);
	return out.at;
}

enum move {
	MOVE_BEGIN, /* a payment */
	MOVE_PAY,
	MOVE_VOID,
	MOVE_GIVE_UP,
};

static struct str
take_text(struct tape *in, char text[METHOD_SIZE])
{
	size_t len = (size_t)take(in);

	CHECK(len < METHOD_SIZE);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)take(in);
	return (struct str){text, len};
}

static enum refusal
move(struct invoice *invoice, struct tape *in)
{
	enum move kind = (enum move)take(in);
	struct instant now = take_instant(in);
	int64_t amount = take(in);
	size_t attempts = (size_t)take(in);
	char text[METHOD_SIZE];
	struct str method = take_text(in, text);

	switch (kind) {
	case MOVE_BEGIN:
		return payment_begin(invoice, attempts, method, amount);
	case MOVE_PAY:
		return invoice_pay(invoice, amount, now);
	case MOVE_VOID:
		return invoice_void(invoice, now);
	case MOVE_GIVE_UP:
		return invoice_give_up(invoice, now);
	}
	CHECK(!"a move");
	return REFUSAL_MAX;
}

size_t
bridge_invoice_move(int64_t *words, size_t len, int64_t *ret_words, size_t max)
{
	static struct held held;
	struct tape in = {words, len, 0}, out = {ret_words, max, 0};
	enum refusal refusal;

	take_invoice(&in, &held);
	refusal = move(&held.invoice, &in);
	put(&out, refusal);
	put_invoice(&out, &held.invoice);
	return out.at;
}

int64_t
bridge_payment_settle(int64_t status, int64_t to)
{
	struct payment payment = {
	    .status = payment_status_name((enum payment_status)status),
	    .settled_at = INSTANT_NONE,
	};
	enum refusal refusal =
	    payment_settle(&payment, (enum payment_status)to, (struct instant){1});

	if (refusal != REFUSAL_NONE)
		return -(int64_t)refusal;
	CHECK((payment.settled_at.s == 1) == (to == PAYMENT_SUCCEEDED || to == PAYMENT_FAILED));
	return payment_status_from(payment.status);
}

bool
bridge_payment_method(const char *method)
{
	return payment_method_is_known(str_from(method));
}

/* ---- The journal. */

int64_t
bridge_deferral_take(int64_t *words, size_t len)
{
	struct tape in = {words, len, 0};
	struct subscription subscription = {.paused_at = INSTANT_NONE, .ended_at = INSTANT_NONE};
	struct invoice_line line = {0};
	struct period period;
	int64_t net;

	subscription.status = subscription_status_name((enum subscription_status)take(&in));
	subscription.deferred = take(&in);
	subscription.natural_start = take_instant(&in);
	subscription.natural_end = take_instant(&in);
	subscription.current_period_end = take_instant(&in);
	subscription.period_moved_s = take(&in);
	line.deferred = take(&in);
	period = take_period(&in);
	net = take(&in);
	line.period_start = period.start;
	line.period_end = period.end;
	return deferral_take(&subscription, &line, net, take_instant(&in));
}

static void
put_entry(struct tape *out, const struct journal_entry *entry)
{
	put(out, entry->receivable);
	put(out, entry->cash);
	put(out, entry->customer_credit);
	put(out, entry->deferred_revenue);
	put(out, entry->revenue);
	put(out, entry->tax_payable);
	put(out, entry->refunds_payable);
	put(out, entry->bad_debt);
	put(out, entry->credits_granted);
}

enum book {
	BOOK_INVOICE,
	BOOK_CREDIT,
	BOOK_GRANT,
	BOOK_REVENUE,
	BOOK_CREDIT_NOTE,
	BOOK_VOID,
	BOOK_UNCOLLECTIBLE,
	BOOK_PAYMENT,
	BOOK_REFUND,
	BOOK_REFUND_FAILED,
};

/* The documents of a case share one list of amounts. */
struct amounts {
	int64_t due, applied, paid, credited, refunded, credited_total; /* of an invoice */
	int64_t subtotal, tax, included, total;                         /* of any document */
	struct earnings earnings;
	int64_t amount, from_deferred, tax_left;
};

static struct amounts
take_amounts(struct tape *in)
{
	struct amounts amounts;

	amounts.due = take(in);
	amounts.applied = take(in);
	amounts.paid = take(in);
	amounts.credited = take(in);
	amounts.refunded = take(in);
	amounts.credited_total = take(in);
	amounts.subtotal = take(in);
	amounts.tax = take(in);
	amounts.included = take(in);
	amounts.total = take(in);
	amounts.earnings.earned = take(in);
	amounts.earnings.deferred = take(in);
	amounts.amount = take(in);
	amounts.from_deferred = take(in);
	amounts.tax_left = take(in);
	return amounts;
}

static void
book(enum book kind, const struct amounts *amounts, struct journal_entry *entry)
{
	struct invoice invoice = {
	    .id = id_of(1),
	    .status = STR("open"),
	    .subtotal = amounts->subtotal,
	    .tax = amounts->tax,
	    .tax_included = amounts->included,
	    .total = amounts->total,
	    .credit_applied = amounts->applied,
	    .amount_due = amounts->due,
	    .amount_credited = amounts->credited,
	    .credited_total = amounts->credited_total,
	};
	struct credit_note note = {
	    .id = id_of(1),
	    .subtotal = amounts->subtotal,
	    .tax = amounts->tax,
	    .tax_included = amounts->included,
	    .total = amounts->total,
	    .applied = amounts->applied,
	    .credited = amounts->credited,
	    .refunded = amounts->refunded,
	};
	struct credit_entry credit = {
	    .id = id_of(1),
	    .amount = amounts->amount,
	    .tax = amounts->tax,
	    .tax_included = amounts->included,
	};
	struct payment payment = {
	    .id = id_of(1),
	    .kind = kind == BOOK_PAYMENT ? STR("payment") : STR("refund"),
	    .amount = amounts->amount,
	};
	struct subscription subscription = {.id = id_of(1)};

	switch (kind) {
	case BOOK_INVOICE:
		journal_invoice(&invoice, amounts->earnings, entry);
		return;
	case BOOK_CREDIT:
		journal_credit(&credit, amounts->earnings, amounts->tax, entry);
		return;
	case BOOK_GRANT:
		journal_grant(&credit, entry);
		return;
	case BOOK_REVENUE:
		journal_revenue(&subscription, amounts->amount, entry);
		return;
	case BOOK_CREDIT_NOTE:
		journal_credit_note(&note, amounts->from_deferred, entry);
		return;
	case BOOK_VOID:
		journal_void(&invoice, amounts->tax_left, amounts->from_deferred, entry);
		return;
	case BOOK_UNCOLLECTIBLE:
		journal_uncollectible(&invoice, amounts->amount, entry);
		return;
	case BOOK_PAYMENT:
		journal_payment(&payment, entry);
		return;
	case BOOK_REFUND:
		journal_refund(&payment, entry);
		return;
	case BOOK_REFUND_FAILED:
		journal_refund_failed(&payment, entry);
		return;
	}
	CHECK(!"a book");
}

size_t
bridge_journal(int64_t *words, size_t len, int64_t *ret_words, size_t max)
{
	struct tape in = {words, len, 0}, out = {ret_words, max, 0};
	enum book kind = (enum book)take(&in);
	struct amounts amounts = take_amounts(&in);
	struct journal_entry entry;

	memset(&entry, 0, sizeof(entry));
	book(kind, &amounts, &entry);
	put_entry(&out, &entry);
	return out.at;
}
