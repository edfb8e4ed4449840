/* Commands on an issued invoice: pay, void, mark_uncollectible. */

#include "common/base/id.h"
#include "worker/handler.h"
#include "worker/payments.h"

/* Where every such command has the invoice's id. */
#define ID_OFFSET offsetof(struct move_invoice, invoice_id)
_Static_assert(
    offsetof(struct pay_invoice, invoice_id) == ID_OFFSET, "the id comes first behind the meta");

static const struct uuid *
id_of(const void *command)
{
	return (const void *)((const char *)command + ID_OFFSET);
}

int32_t
invoice_shard(const void *command)
{
	return id_shard(*id_of(command));
}

struct uuid
invoice_resource(const void *command)
{
	return *id_of(command);
}

void
invoice_refer(struct facts *facts, const void *command)
{
	const struct command_meta *meta = command;

	document_refer(facts, meta->organisation_id, id_of(command));
}

/* Which attempts were made for the invoice; refunds are none. */
static size_t
attempts_count(struct decision *decision, const struct document *document)
{
	const struct invoice *invoice = &document->invoice;
	size_t len, attempts = 0;
	struct payment *const *payments = facts_payments_of(
	    decision->decider->facts, invoice->organisation_id, invoice->id, &len);

	for (size_t i = 0; i < len; i++)
		attempts += payments_is_refund(payments[i]) ? 0 : 1;
	return attempts;
}

/* Money that is there: no provider is asked. */
static void
settle_at_once(struct decision *decision, struct document *document, struct payment *row)
{
	struct payment payment = *row;

	CHECK(payment_settle(&payment, PAYMENT_SUCCEEDED, document->now) == REFUSAL_NONE);
	CHECK(invoice_pay(&document->invoice, payment.amount, document->now) == REFUSAL_NONE);
	document_store(decision, document);
	payments_move(decision, document, row, &payment);
	document_tell(decision, document,
	    invoice_status_from(document->invoice.status) == INVOICE_PAID ? EVENT_INVOICE_PAID
									  : EVENT_INVOICE_UPDATED);
	document_follow(decision, document, false);
}

enum refusal
invoice_pay_decide(struct decision *decision, const void *command)
{
	const struct pay_invoice *pay = command;
	bool manual = str_equal(pay->payment_method, PAYMENT_METHOD_MANUAL);
	struct payments_wish wish = {
	    .kind = STR("payment"),
	    .method = pay->payment_method,
	    .reference = manual ? pay->reference : STR_NONE,
	    .amount = pay->amount,
	};
	struct document document;
	struct payment *row;
	enum refusal refusal = document_find(decision, pay->invoice_id, &document);

	if (refusal == REFUSAL_NONE)
		refusal = payment_begin(&document.invoice, attempts_count(decision, &document),
		    pay->payment_method, pay->amount);
	if (refusal != REFUSAL_NONE)
		return refusal;
	if (wish.amount == INT64_MIN)
		wish.amount = invoice_remaining(&document.invoice);
	row = payments_begin(decision, &document, 0, &wish);
	if (manual) {
		settle_at_once(decision, &document, row);
		return REFUSAL_NONE;
	}
	document.invoice.payment_id = row->id;
	document_store(decision, &document);
	decision->deferred = true;
	return REFUSAL_NONE;
}

/* Of ${line}'s net what credit notes have left: without discounts and taxes. */
static int64_t
line_net_left(const struct invoice_line *line)
{
	int64_t included = line->tax_included;

	for (size_t i = 0; i < line->credited_taxes_len; i++)
		if (line->credited_taxes[i].inclusive)
			included -= line->credited_taxes[i].amount;
	return line->amount - line->discount - line->credited - included;
}

/* Likewise of all taxes. */
static int64_t
tax_left(const struct invoice *invoice)
{
	int64_t left = invoice->tax;

	for (size_t i = 0; i < invoice->lines_len; i++)
		for (size_t j = 0; j < invoice->lines[i].credited_taxes_len; j++)
			left -= invoice->lines[i].credited_taxes[j].amount;
	return left;
}

/* What voiding takes back of what was charged in advance, and out of the books. */
static void
void_book(struct decision *decision, struct document *document)
{
	struct journal_entry entry = {.revenue = 0};
	int64_t from_deferred = 0;

	document_earn(decision, document);
	for (size_t i = 0; i < document->invoice.lines_len; i++)
		from_deferred += document_take_back(
		    document, &document->lines[i], line_net_left(&document->lines[i]));
	journal_void(&document->invoice, tax_left(&document->invoice), from_deferred, &entry);
	document_book(decision, document, &entry);
}

enum refusal
invoice_void_decide(struct decision *decision, const void *command)
{
	const struct move_invoice *wish = command;
	struct document document;
	enum refusal refusal = document_find(decision, wish->invoice_id, &document);

	if (refusal == REFUSAL_NONE)
		refusal = invoice_void(&document.invoice, document.now);
	if (refusal == REFUSAL_NONE &&
	    !document_has_room(&document, document.invoice.credit_applied))
		refusal = REFUSAL_AMOUNT_OUT_OF_RANGE;
	if (refusal != REFUSAL_NONE)
		return refusal;
	void_book(decision, &document);
	document_tell(decision, &document, EVENT_INVOICE_VOIDED);
	document_credit(
	    decision, &document, STR("invoice_void"), document.invoice.credit_applied, UUID_NIL);
	document_store(decision, &document);
	document_follow(decision, &document, false);
	return REFUSAL_NONE;
}

enum refusal
invoice_give_up_decide(struct decision *decision, const void *command)
{
	const struct move_invoice *wish = command;
	struct journal_entry entry = {.revenue = 0};
	struct document document;
	int64_t remaining;
	enum refusal refusal = document_find(decision, wish->invoice_id, &document);

	if (refusal != REFUSAL_NONE)
		return refusal;
	remaining = invoice_remaining(&document.invoice);
	refusal = invoice_give_up(&document.invoice, document.now);
	if (refusal != REFUSAL_NONE)
		return refusal;
	journal_uncollectible(&document.invoice, remaining, &entry);
	document_book(decision, &document, &entry);
	document_store(decision, &document);
	document_tell(decision, &document, EVENT_INVOICE_UNCOLLECTIBLE);
	document_follow(decision, &document, false);
	return REFUSAL_NONE;
}
