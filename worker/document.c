#include "worker/document.h"

#include "common/base/id.h"
#include "common/domain/credit.h"
#include "worker/billing.h"
#include "worker/booking.h"

void
document_refer(struct facts *facts, struct uuid organisation_id, const struct uuid *invoice_id)
{
	facts_need(facts, NEED_INVOICE, organisation_id, invoice_id);
	facts_need(facts, NEED_INVOICE_LINES, organisation_id, invoice_id);
	/* Among many of its customer's, the one that it charged for may not be among those that
	 * fall due first. */
	facts_need(facts, NEED_CHARGED, organisation_id, invoice_id);
	facts_need(facts, NEED_PAYER, organisation_id, invoice_id);
	/* What falls due of them comes before the command, and shares a balance with the invoice.
	 */
	facts_need(facts, NEED_PAYER_SIBLINGS, organisation_id, invoice_id);
	facts_need(facts, NEED_PAYMENTS, organisation_id, invoice_id);
}

/* The invoice's lines, as the events and the rules want them: side by side. */
static void
lines_copy(struct decision *decision, struct document *document)
{
	const struct decider *decider = decision->decider;
	struct invoice *invoice = &document->invoice;
	size_t len;

	document->line_rows =
	    facts_invoice_lines(decider->facts, invoice->organisation_id, invoice->id, &len);
	document->lines = arena_array(decider->arena, len + 1, sizeof(*document->lines));
	CHECK(document->lines != NULL);
	for (size_t i = 0; i < len; i++)
		document->lines[i] = *document->line_rows[i];
	invoice->lines = document->lines;
	invoice->lines_len = len;
}

static void
copies_make(struct decision *decision, struct document *document)
{
	const struct facts *facts = decision->decider->facts;
	struct uuid organisation_id = decision->meta->organisation_id;

	document->invoice = *document->invoice_row;
	document->customer = *document->customer_row;
	lines_copy(decision, document);
	document->subscription_row =
	    facts_subscription(facts, organisation_id, document->invoice.subscription_id);
	document->live =
	    document->subscription_row != NULL && subscription_is_live(document->subscription_row);
	if (document->live)
		document->subscription = *document->subscription_row;
}

static enum refusal
rows_find(struct decision *decision, struct uuid invoice_id, struct document *document)
{
	const struct facts *facts = decision->decider->facts;
	struct uuid organisation_id = decision->meta->organisation_id;

	*document = (struct document){.now = INSTANT_NONE};
	document->invoice_row = facts_invoice(facts, organisation_id, invoice_id);
	/* An invoice lies where its id says. */
	if (document->invoice_row == NULL || document->invoice_row->shard != id_shard(invoice_id))
		return REFUSAL_INVOICE_NOT_FOUND;
	document->customer_row =
	    facts_customer(facts, organisation_id, document->invoice_row->customer_id);
	CHECK(document->customer_row != NULL);
	return REFUSAL_NONE;
}

enum refusal
document_find(struct decision *decision, struct uuid invoice_id, struct document *ret_document)
{
	struct document *document = ret_document;
	enum refusal refusal = rows_find(decision, invoice_id, document);

	if (refusal == REFUSAL_NONE)
		refusal = billing_bring_up(decision, document->customer_row, &document->now);
	if (refusal != REFUSAL_NONE)
		return refusal;
	copies_make(decision, document);
	return REFUSAL_NONE;
}

enum refusal
document_find_anyway(
    struct decision *decision, struct uuid invoice_id, struct document *ret_document)
{
	struct document *document = ret_document;
	enum refusal refusal = rows_find(decision, invoice_id, document);
	const struct test_clock *clock;
	struct decision before = *decision;
	bool ignored_more;

	if (refusal != REFUSAL_NONE)
		return refusal;
	clock = facts_clock_of(decision->decider->facts, document->customer_row);
	if (clock != NULL) {
		/* Up to there all is done, and what lies behind is the clock's own way. */
		document->now = instant_later(clock->now, document->customer_row->latest_at);
	} else {
		document->now = decision_now(decision, document->customer_row->latest_at);
		if (billing_catch_up(decision, document->customer_row, HORIZON_AT(document->now),
			&ignored_more) != REFUSAL_NONE)
			decision_resume(decision, &before);
	}
	copies_make(decision, document);
	return REFUSAL_NONE;
}

void
document_book(
    struct decision *decision, const struct document *document, struct journal_entry *entry)
{
	booking_add(decision, &document->customer, document->now, entry);
}

void
document_earn(struct decision *decision, struct document *document)
{
	struct subscription *subscription = &document->subscription;
	struct journal_entry entry = {.revenue = 0};
	int64_t earned;

	if (!document->live || subscription->deferred == 0 ||
	    !instant_is_none(subscription->paused_at) ||
	    document->now.s <= subscription->deferred_from.s)
		return;
	earned = deferral_release(subscription, document->now);
	CHECK(earned >= 0 && earned <= subscription->deferred);
	journal_revenue(subscription, earned, &entry);
	document_book(decision, document, &entry);
	subscription->deferred -= earned;
	subscription->deferred_from = document->now.s < subscription->deferred_until.s
					  ? document->now
					  : subscription->deferred_until;
}

/* Nothing is deferred, and so it has no time, or one that is over: what a credited line brings back
 * is for what is left of the period. */
static void
deferral_begin(struct document *document)
{
	struct subscription *subscription = &document->subscription;
	struct instant until = subscription->current_period_end;
	struct instant from =
	    instant_is_none(subscription->paused_at) ? document->now : subscription->paused_at;

	subscription->deferred_from = from.s < until.s ? from : until;
	subscription->deferred_until = until;
}

int64_t
document_take_back(struct document *document, const struct invoice_line *line, int64_t net)
{
	struct subscription *subscription = document->live ? &document->subscription : NULL;
	int64_t taken = deferral_take(subscription, line, net, document->now);

	if (subscription == NULL) {
		CHECK(taken == 0);
		return 0;
	}
	CHECK(taken <= subscription->deferred);
	if (subscription->deferred == 0 && taken < 0)
		deferral_begin(document);
	CHECK(!__builtin_sub_overflow(subscription->deferred, taken, &subscription->deferred));
	return taken;
}

bool
document_has_room(const struct document *document, int64_t amount)
{
	int64_t ignored;

	CHECK(amount >= 0);
	return !__builtin_add_overflow(document->customer.credit_balance, amount, &ignored);
}

void
document_credit(struct decision *decision, struct document *document, struct str reason,
    int64_t amount, struct uuid note_id)
{
	struct credit_entry entry = {
	    .reason = reason,
	    .amount = amount,
	    .invoice_id = document->invoice.id,
	    .credit_note_id = note_id,
	};

	if (amount == 0)
		return;
	/* Each entry is told, so this differs from one to the next of the same cause. */
	billing_credit(decision, &document->customer, document->now, decision->events, &entry);
	document->customer.updated_at = instant_later(document->customer.updated_at, document->now);
}

static bool
line_differs(const struct invoice_line *line, const struct invoice_line *row)
{
	return line->credited != row->credited || line->credited_taxes != row->credited_taxes;
}

void
document_store(struct decision *decision, struct document *document)
{
	struct facts *facts = decision->decider->facts;
	struct customer *customer = &document->customer;

	document->invoice.updated_at = document->now;
	facts_change(facts, TABLE_INVOICES, document->invoice_row, &document->invoice);
	for (size_t i = 0; i < document->invoice.lines_len; i++)
		if (line_differs(&document->lines[i], document->line_rows[i]))
			facts_change(facts, TABLE_INVOICE_LINES, document->line_rows[i],
			    &document->lines[i]);
	customer->latest_at = instant_later(customer->latest_at, document->now);
	facts_change(facts, TABLE_CUSTOMERS, document->customer_row, customer);
	document->subscription.due_at =
	    document->live ? subscription_due_at(&document->subscription) : INSTANT_NONE;
	if (document->live &&
	    (document->subscription.deferred != document->subscription_row->deferred ||
		document->subscription.deferred_from.s !=
		    document->subscription_row->deferred_from.s))
		facts_change(facts, TABLE_SUBSCRIPTIONS, document->subscription_row,
		    &document->subscription);
}

void
document_tell(struct decision *decision, const struct document *document, enum event_type type)
{
	decision_emit(
	    decision, type, document->invoice.id, document->customer.id, &document->invoice);
}

void
document_follow(struct decision *decision, const struct document *document, bool declined)
{
	if (document->live)
		billing_follow(decision, document->subscription_row, &document->invoice, declined,
		    document->now);
}
