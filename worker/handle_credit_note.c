/* The command that corrects an issued invoice by a credit note. */

#include "common/base/id.h"
#include "worker/billing.h"
#include "worker/booking.h"
#include "worker/handler.h"
#include "worker/payments.h"

int32_t
credit_note_create_shard(const void *command)
{
	const struct create_credit_note *create = command;

	return id_shard(create->invoice_id);
}

struct uuid
credit_note_create_resource(const void *command)
{
	const struct create_credit_note *create = command;

	return id_derive(
	    create->meta.operation_id, ID_CREDIT_NOTE, 0, credit_note_create_shard(command));
}

void
credit_note_create_refer(struct facts *facts, const void *command)
{
	const struct create_credit_note *create = command;

	document_refer(facts, create->meta.organisation_id, &create->invoice_id);
}

/* Memory for the lists of a note of ${invoice}. */
static struct credit_note_room
room_make(const struct decision *decision, const struct invoice *invoice)
{
	struct arena *arena = decision->decider->arena;
	struct credit_note_room room;
	size_t taxes = 0;

	for (size_t i = 0; i < invoice->lines_len; i++)
		taxes += invoice->lines[i].taxes_len;
	room.lines = arena_array(arena, invoice->lines_len + 1, sizeof(*room.lines));
	room.line_taxes = arena_array(arena, 2 * taxes + 1, sizeof(*room.line_taxes));
	room.taxes = arena_array(arena, invoice->taxes_len + 1, sizeof(*room.taxes));
	CHECK(room.lines != NULL && room.line_taxes != NULL && room.taxes != NULL);
	return room;
}

/* The note's number, counted for the customer, and for the organisation where that has a series. */
static enum refusal
number_take(struct decision *decision, struct document *document, struct credit_note *note)
{
	struct facts *facts = decision->decider->facts;
	char text[INVOICE_NUMBER_SIZE];
	struct number_series *row, series;

	if (billing_number_series(decision, &row) != REFUSAL_NONE)
		return REFUSAL_MAX;
	note->sequence = ++document->customer.credit_note_count;
	note->series_sequence = INT64_MIN;
	if (row == NULL) {
		credit_note_number_write(document->customer.number_prefix, note->sequence, text);
	} else {
		series = *row;
		note->series_sequence = ++series.credit_note_count;
		facts_change(facts, TABLE_NUMBER_SERIES, row, &series);
		credit_note_series_number_write(
		    decision->organisation->invoice_prefix, note->series_sequence, text);
	}
	CHECK(arena_str(decision->decider->arena, str_from(text), &note->number));
	return REFUSAL_NONE;
}

static const struct invoice_line *
line_of(const struct document *document, struct uuid line_id)
{
	for (size_t i = 0; i < document->invoice.lines_len; i++)
		if (uuid_equal(document->lines[i].id, line_id))
			return &document->lines[i];
	CHECK(false);
	return NULL;
}

static void
note_book(struct decision *decision, struct document *document, const struct credit_note *note)
{
	struct journal_entry entry = {.revenue = 0};
	int64_t from_deferred = 0;

	document_earn(decision, document);
	for (size_t i = 0; i < note->lines_len; i++) {
		const struct credit_note_line *line = &note->lines[i];

		from_deferred += document_take_back(
		    document, line_of(document, line->line_id), line->amount - line->tax_included);
	}
	journal_credit_note(note, from_deferred, &entry);
	document_book(decision, document, &entry);
}

/* Pay ${amount} back to ${row}, of whose command it is refund number ${ordinal}. */
static void
refund_begin(struct decision *decision, const struct document *document, struct payment *row,
    uint32_t ordinal, int64_t amount, struct uuid note_id)
{
	const struct payments_wish wish = {
	    .kind = STR("refund"),
	    .method = row->payment_method,
	    .amount = amount,
	    .refund_of = row->id,
	    .credit_note_id = note_id,
	};
	struct payment payment = *row;
	struct payment *refund_row;

	payment.amount_refunded += amount;
	payment.updated_at = document->now;
	facts_change(decision->decider->facts, TABLE_PAYMENTS, row, &payment);
	refund_row = payments_begin(decision, document, ordinal, &wish);
	if (str_equal(wish.method, PAYMENT_METHOD_MANUAL)) {
		struct payment refund = *refund_row;

		CHECK(payment_settle(&refund, PAYMENT_SUCCEEDED, document->now) == REFUSAL_NONE);
		payments_move(decision, document, refund_row, &refund);
	}
}

/* What of ${payment} can be paid back. */
static int64_t
refundable_of(const struct payment *payment)
{
	if (payments_is_refund(payment) ||
	    payment_status_from(payment->status) != PAYMENT_SUCCEEDED)
		return 0;
	return payment->amount - payment->amount_refunded;
}

/* Whether number ${i} of ${payments} is newer than number ${than}: by when it was asked for, as a
 * test clock's time may have stood still meanwhile. */
static bool
is_newer(struct payment *const *payments, size_t i, size_t than)
{
	int64_t accepted_ms = payments[i]->accepted_ms;

	return accepted_ms > payments[than]->accepted_ms ||
	       (accepted_ms == payments[than]->accepted_ms && i > than);
}

/* The number of the newest of ${payments} of which something can be paid back, and which is older
 * than number ${before} (${len}: of any age). */
static size_t
refundable_newest(struct payment *const *payments, size_t len, size_t before)
{
	size_t newest = len;

	for (size_t i = 0; i < len; i++)
		if (refundable_of(payments[i]) > 0 &&
		    (before == len || is_newer(payments, before, i)) &&
		    (newest == len || is_newer(payments, i, newest)))
			newest = i;
	/* What an invoice has as paid, and not as refunded, are its payments. */
	CHECK(newest < len);
	return newest;
}

/* Whether what ${note} says can be paid back. */
static enum refusal
refunds_check(const struct decision *decision, const struct credit_note *note)
{
	size_t len, refunds = 0;
	struct payment *const *payments = facts_payments_of(
	    decision->decider->facts, note->organisation_id, note->invoice_id, &len);
	size_t at = len;

	for (int64_t left = note->refunded; left > 0; refunds++) {
		at = refundable_newest(payments, len, at);
		left -= refundable_of(payments[at]);
	}
	return payment_refund(len, refunds);
}

/* Pay it back, to the payments it came by, the newest first. */
static void
refunds_begin(
    struct decision *decision, const struct document *document, const struct credit_note *note)
{
	int64_t left = note->refunded;
	uint32_t ordinal = 0;
	size_t len;
	struct payment *const *payments = facts_payments_of(
	    decision->decider->facts, note->organisation_id, note->invoice_id, &len);

	while (left > 0) {
		struct payment *row = payments[refundable_newest(payments, len, len)];
		int64_t amount = refundable_of(row) < left ? refundable_of(row) : left;

		refund_begin(decision, document, row, ordinal++, amount, note->id);
		left -= amount;
	}
}

enum refusal
credit_note_create_decide(struct decision *decision, const void *command)
{
	const struct create_credit_note *create = command;
	struct credit_note_room room;
	struct document document;
	struct credit_note note;
	bool was_open, paid;
	enum refusal refusal = document_find(decision, create->invoice_id, &document);

	if (refusal != REFUSAL_NONE)
		return refusal;
	note = (struct credit_note){
	    .organisation_id = document.invoice.organisation_id,
	    .id = credit_note_create_resource(command),
	    .shard = document.customer.shard,
	    .customer_id = document.customer.id,
	    .invoice_id = document.invoice.id,
	    .reason = create->reason,
	    .created_ms = booking_created_ms(decision, &document.customer, document.now),
	    .created_at = document.now,
	};
	room = room_make(decision, &document.invoice);
	was_open = invoice_status_from(document.invoice.status) == INVOICE_OPEN;
	refusal = credit_note_issue(&document.invoice, document.lines, create->lines,
	    create->lines_len, create->refund, &room, document.now, &note);
	if (refusal == REFUSAL_NONE && !document_has_room(&document, note.credited))
		refusal = REFUSAL_AMOUNT_OUT_OF_RANGE;
	if (refusal == REFUSAL_NONE)
		refusal = refunds_check(decision, &note);
	if (refusal == REFUSAL_NONE)
		refusal = number_take(decision, &document, &note);
	if (refusal != REFUSAL_NONE)
		return refusal;

	paid = was_open && invoice_status_from(document.invoice.status) == INVOICE_PAID;
	facts_add(decision->decider->facts, TABLE_CREDIT_NOTES, &note);
	note_book(decision, &document, &note);
	decision_emit(decision, EVENT_CREDIT_NOTE_ISSUED, note.id, document.customer.id, &note);
	document_tell(decision, &document, paid ? EVENT_INVOICE_PAID : EVENT_INVOICE_UPDATED);
	document_credit(decision, &document, STR("credit_note"), note.credited, note.id);
	refunds_begin(decision, &document, &note);
	document_store(decision, &document);
	document_follow(decision, &document, false);
	return REFUSAL_NONE;
}
