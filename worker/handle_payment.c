/* What a provider said of a payment or a refund: a command of the worker's own (payer.h). */

#include "common/base/id.h"
#include "worker/handler.h"
#include "worker/operation.h"
#include "worker/payments.h"

#define FAILURE_CODE_SIZE (4 * 100 + 1) /* its 100 characters in bytes, and the NUL */

int32_t
payment_outcome_shard(const void *command)
{
	const struct record_payment_outcome *outcome = command;

	return id_shard(outcome->payment_id);
}

struct uuid
payment_outcome_resource(const void *command)
{
	const struct record_payment_outcome *outcome = command;

	return outcome->payment_id;
}

void
payment_outcome_refer(struct facts *facts, const void *command)
{
	const struct record_payment_outcome *outcome = command;

	document_refer(facts, outcome->meta.organisation_id, &outcome->invoice_id);
	facts_need(facts, NEED_PAYMENT, outcome->meta.organisation_id, &outcome->payment_id);
}

/* The payment that ${outcome} is of; NULL when there is none that fits all that it says. */
static struct payment *
payment_find(const struct decision *decision, const struct record_payment_outcome *outcome)
{
	struct payment *payment = facts_payment(
	    decision->decider->facts, outcome->meta.organisation_id, outcome->payment_id);

	if (payment == NULL || !uuid_equal(payment->invoice_id, outcome->invoice_id) ||
	    !uuid_equal(payment->customer_id, outcome->customer_id))
		return NULL;
	return payment;
}

/* The command that began ${payment} has come to its end. */
static void
asker_answer(struct decision *decision, const struct payment *payment)
{
	const struct operation_asked asked = {
	    .organisation_id = payment->organisation_id,
	    .id = payment->operation_id,
	    .type = COMMAND_PAY_INVOICE,
	    .resource_id = payment->invoice_id,
	    .accepted_ms = payment->accepted_ms,
	    .idempotency_key = payment->idempotency_key,
	    .actor = payment->actor,
	    .address = payment->address,
	    .request_id = payment->request_id,
	};
	char detail[FAILURE_CODE_SIZE];

	if (payment_status_from(payment->status) == PAYMENT_SUCCEEDED) {
		operation_write(decision->decider, &asked, REFUSAL_NONE, "");
		return;
	}
	snprintf(detail, sizeof(detail), "%.*s", STR_ARG(payment->failure_code));
	operation_write(decision->decider, &asked, REFUSAL_PAYMENT_DECLINED, detail);
}

/* Money came, or will not come. */
static void
payment_end(struct decision *decision, struct document *document, struct payment *row,
    const struct payment *payment)
{
	bool came = payment_status_from(payment->status) == PAYMENT_SUCCEEDED;
	struct invoice *invoice = &document->invoice;

	/* Nothing else changed it meanwhile. */
	CHECK(uuid_equal(invoice->payment_id, payment->id));
	invoice->payment_id = UUID_NIL;
	if (came)
		CHECK(invoice_pay(invoice, payment->amount, document->now) == REFUSAL_NONE);
	document_store(decision, document);
	payments_move(decision, document, row, payment);
	if (came)
		document_tell(decision, document,
		    invoice_status_from(invoice->status) == INVOICE_PAID ? EVENT_INVOICE_PAID
									 : EVENT_INVOICE_UPDATED);
	document_follow(decision, document, !came);
	asker_answer(decision, payment);
}

/* What could not be paid back counts as not refunded, where it came from. */
static void
refund_undo(struct decision *decision, struct document *document, const struct payment *refund)
{
	struct facts *facts = decision->decider->facts;
	struct payment *row = facts_payment(facts, refund->organisation_id, refund->refund_of);
	struct payment payment;

	CHECK(row != NULL && row->amount_refunded >= refund->amount);
	CHECK(document->invoice.amount_refunded >= refund->amount);
	payment = *row;
	payment.amount_refunded -= refund->amount;
	payment.updated_at = document->now;
	facts_change(facts, TABLE_PAYMENTS, row, &payment);
	document->invoice.amount_refunded -= refund->amount;
}

/* Money went back, or could not: then it is the customer's credit.  Its credit note was answered
 * before. */
static enum refusal
refund_end(struct decision *decision, struct document *document, struct payment *row,
    const struct payment *refund)
{
	bool failed = payment_status_from(refund->status) == PAYMENT_FAILED;

	if (failed && !document_has_room(document, refund->amount))
		return REFUSAL_AMOUNT_OUT_OF_RANGE;
	if (failed)
		refund_undo(decision, document, refund);
	payments_move(decision, document, row, refund);
	if (failed)
		document_credit(decision, document, STR("refund_failed"), refund->amount,
		    refund->credit_note_id);
	document_store(decision, document);
	if (failed)
		document_tell(decision, document, EVENT_INVOICE_UPDATED);
	return REFUSAL_NONE;
}

enum refusal
payment_outcome_decide(struct decision *decision, const void *command)
{
	const struct record_payment_outcome *outcome = command;
	struct payment *row = payment_find(decision, outcome);
	struct document document;
	struct payment payment;
	enum refusal refusal;

	if (row == NULL)
		return REFUSAL_PAYMENT_NOT_FOUND;
	refusal = document_find_anyway(decision, outcome->invoice_id, &document);
	if (refusal != REFUSAL_NONE)
		return refusal;
	payment = *row;
	refusal = payment_settle(&payment, payment_status_from(outcome->outcome), document.now);
	if (refusal != REFUSAL_NONE)
		return refusal;
	if (outcome->reference.ptr != NULL)
		payment.reference = outcome->reference;
	payment.failure_code = outcome->failure_code;
	if (payment_status_from(payment.status) == PAYMENT_UNKNOWN) {
		payments_move(decision, &document, row, &payment);
		return REFUSAL_NONE;
	}
	if (payments_is_refund(&payment))
		return refund_end(decision, &document, row, &payment);
	payment_end(decision, &document, row, &payment);
	return REFUSAL_NONE;
}
