#include "worker/payments.h"

#include "common/base/id.h"
#include "common/domain/journal.h"
#include "worker/booking.h"

bool
payments_is_refund(const struct payment *payment)
{
	return str_equal(payment->kind, STR("refund"));
}

struct payment *
payments_begin(struct decision *decision, const struct document *document, uint32_t ordinal,
    const struct payments_wish *wish)
{
	const struct command_meta *meta = decision->meta;
	const struct customer *customer = &document->customer;
	const struct payment payment = {
	    .organisation_id = customer->organisation_id,
	    .id = id_derive(meta->operation_id, ID_PAYMENT, ordinal, customer->shard),
	    .shard = customer->shard,
	    .customer_id = customer->id,
	    .test_clock_id = customer->test_clock_id,
	    .invoice_id = document->invoice.id,
	    .kind = wish->kind,
	    .status = payment_status_name(PAYMENT_PROCESSING),
	    .payment_method = wish->method,
	    .amount = wish->amount,
	    .currency = document->invoice.currency,
	    .refund_of = wish->refund_of,
	    .credit_note_id = wish->credit_note_id,
	    .reference = wish->reference,
	    .operation_id = meta->operation_id,
	    .accepted_ms = meta->accepted_at,
	    .idempotency_key = meta->idempotency_key,
	    .actor = meta->actor,
	    .address = meta->address,
	    .request_id = decision->request_id,
	    .created_ms = booking_created_ms(decision, customer, document->now),
	    .created_at = document->now,
	    .updated_at = document->now,
	    .settled_at = INSTANT_NONE,
	};
	struct payment *row;

	CHECK(wish->amount > 0);
	row = facts_add(decision->decider->facts, TABLE_PAYMENTS, &payment);
	decision_emit(decision, EVENT_PAYMENT_CREATED, row->id, customer->id, row);
	return row;
}

/* By what the status of a payment that moved is told. */
static const enum event_type event_of[PAYMENT_STATUS_MAX] = {
    [PAYMENT_PROCESSING] = EVENT_PAYMENT_CREATED,
    [PAYMENT_UNKNOWN] = EVENT_PAYMENT_UNKNOWN,
    [PAYMENT_SUCCEEDED] = EVENT_PAYMENT_SUCCEEDED,
    [PAYMENT_FAILED] = EVENT_PAYMENT_FAILED,
};

void
payments_move(struct decision *decision, const struct document *document, struct payment *row,
    const struct payment *payment)
{
	enum payment_status status = payment_status_from(payment->status);
	struct journal_entry entry = {.cash = 0};
	bool refund = payments_is_refund(payment);

	CHECK(status != PAYMENT_PROCESSING);
	if (status == PAYMENT_SUCCEEDED && refund)
		journal_refund(payment, &entry);
	else if (status == PAYMENT_SUCCEEDED)
		journal_payment(payment, &entry);
	else if (status == PAYMENT_FAILED && refund)
		journal_refund_failed(payment, &entry);
	document_book(decision, document, &entry);
	facts_change(decision->decider->facts, TABLE_PAYMENTS, row, payment);
	decision_emit(decision, event_of[status], row->id, row->customer_id, row);
}

bool
payments_under_way(const struct facts *facts, const struct pay_invoice *pay)
{
	struct uuid id =
	    id_derive(pay->meta.operation_id, ID_PAYMENT, 0, id_shard(pay->invoice_id));

	return facts_payment(facts, pay->meta.organisation_id, id) != NULL;
}

bool
payments_wait(const struct facts *facts)
{
	const struct fact_list *list = &facts->lists[TABLE_PAYMENTS];

	for (size_t i = 0; i < list->len; i++) {
		const struct payment *payment = list->values[i];

		if (payment_status_from(payment->status) == PAYMENT_PROCESSING)
			return true;
	}
	return false;
}
