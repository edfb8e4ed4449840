#include "worker/billing.h"

#include "common/base/id.h"
#include "common/codec/explanation.h"
#include "common/codec/invoice_digest.h"
#include "common/domain/credit.h"

/* Lines have ordinals of their own under one cause: behind those of the calls before. */
#define LINE_ORDINAL(call) ((call)*BILL_LINES_MAX)

/*
 * Where the events of a parking begin among those of its step's cause: the step is tried again at
 * the same moment once the subscription was changed, and tells other things then, and so does the
 * next parking.
 */
#define PARKED_ORDINAL(updated_at) (UINT32_C(1) << 31 | (uint32_t)(updated_at).s)

_Static_assert((int)EVENT_SUBSCRIPTION_PARKED - (int)EVENT_SUBSCRIPTION_CREATED ==
		   (int)LIFECYCLE_PARKED - (int)LIFECYCLE_CREATED,
    "events of subscriptions stand in the order of enum lifecycle_event");

/* A version that a subscription is on was loaded with it, or made in this batch; or it is the
 * current one of a plan that a command named, and that plan lends it. */
static const struct plan_version *
version_find(const struct decision *decision, struct uuid organisation_id, struct uuid plan_id,
    struct uuid version_id)
{
	const struct facts *facts = decision->decider->facts;
	const struct plan_version *version = facts_plan_version(facts, organisation_id, version_id);
	struct plan_version *lent;
	const struct plan *plan;

	if (version != NULL)
		return version;
	plan = facts_plan(facts, organisation_id, plan_id);
	CHECK(plan != NULL && uuid_equal(plan->version_id, version_id));
	lent = arena_alloc(decision->decider->arena, sizeof(*lent));
	CHECK(lent != NULL);
	*lent = plan_current(plan);
	return lent;
}

enum refusal
billing_settings(struct decision *decision, struct str timezone, struct terms *ret_terms)
{
	struct terms terms = {.pending = NULL};

	if (zone_cache_get(decision->decider->zones, timezone, &terms.zone, &decision->err) !=
	    ERR_NONE)
		return REFUSAL_MAX;
	if (!proration_from(decision->organisation->proration, &terms.proration)) {
		(void)err_set(&decision->err, ERR_POISON,
		    "the organisation's proration is \"%.*s\"",
		    STR_ARG(decision->organisation->proration));
		return REFUSAL_MAX;
	}
	*ret_terms = terms;
	return REFUSAL_NONE;
}

enum refusal
billing_terms(
    struct decision *decision, const struct subscription *subscription, struct terms *ret_terms)
{
	const struct decider *decider = decision->decider;
	struct uuid organisation_id = subscription->organisation_id;
	struct terms terms;

	if (billing_settings(decision, subscription->timezone, &terms) != REFUSAL_NONE)
		return REFUSAL_MAX;
	terms.version = version_find(
	    decision, organisation_id, subscription->plan_id, subscription->plan_version_id);
	if (!uuid_is_nil(subscription->pending_version_id))
		terms.pending = version_find(decision, organisation_id,
		    subscription->pending_plan_id, subscription->pending_version_id);
	terms.quantities = facts_quantities(decider->facts, subscription, &terms.quantities_len);
	*ret_terms = terms;
	return REFUSAL_NONE;
}

/* By what lists go: when the command was accepted, or what fell due did; in the time that the
 * customer lives in. */
static int64_t
created_ms(
    const struct decision *decision, const struct customer *customer, const struct step *step)
{
	return uuid_is_nil(customer->test_clock_id) ? decision->occurred_ms : step->at.s * 1000;
}

/* What was written to the scratch, in the arena. */
static struct str
scratch_keep(const struct decider *decider)
{
	struct str kept;

	CHECK(!decider->scratch->overflow);
	CHECK(arena_str(decider->arena, buf_str(decider->scratch), &kept));
	return kept;
}

/* Book ${entry}, of which the caller has set what it is about, and count it in ${customer}. */
static void
credit_record(struct decision *decision, struct customer *customer, const struct step *step,
    uint32_t ordinal, struct credit_entry *entry)
{
	CHECK(entry->amount != 0);
	CHECK(!__builtin_add_overflow(
	    customer->credit_balance, entry->amount, &customer->credit_balance));
	CHECK(customer->credit_balance >= 0);
	customer->credit_count++;
	entry->organisation_id = customer->organisation_id;
	entry->id = id_derive(decision->cause, ID_CREDIT_ENTRY, ordinal, customer->shard);
	entry->shard = customer->shard;
	entry->customer_id = customer->id;
	entry->sequence = customer->credit_count;
	entry->balance_after = customer->credit_balance;
	entry->currency = customer->currency;
	entry->created_ms = created_ms(decision, customer, step);
	entry->created_at = step->at;
	facts_add(decision->decider->facts, TABLE_CREDIT_ENTRIES, entry);
	decision_emit(decision, EVENT_CREDIT_RECORDED, entry->id, customer->id, entry);
}

/* The lines of ${bill}, of which invoice_issue sets the rest. */
static struct invoice_line *
lines_begin(const struct decision *decision, const struct customer *customer,
    const struct bill *bill, uint32_t call)
{
	const struct decider *decider = decision->decider;
	struct invoice_line *lines = arena_array(decider->arena, bill->len + 1, sizeof(*lines));

	CHECK(lines != NULL);
	for (size_t i = 0; i < bill->len; i++) {
		lines[i].id = id_derive(decision->cause, ID_INVOICE_LINE,
		    LINE_ORDINAL(call) + (uint32_t)i, customer->shard);
		buf_clear(decider->scratch);
		explanation_write(&bill->lines[i], decider->scratch);
		lines[i].explanation = scratch_keep(decider);
	}
	return lines;
}

/* The texts of an issued invoice that are not domain/'s to write. */
static void
invoice_texts(const struct decision *decision, const struct customer *customer,
    const struct bill *bill, struct invoice *invoice)
{
	char number[INVOICE_NUMBER_SIZE], digest[INVOICE_DIGEST_SIZE];
	struct arena *arena = decision->decider->arena;

	invoice_number_write(customer->number_prefix, invoice->sequence, number);
	CHECK(arena_str(arena, str_from(number), &invoice->number));
	invoice_digest(invoice, bill, digest);
	CHECK(arena_str(arena, str_from(digest), &invoice->digest));
}

/* Issue ${bill} as an invoice, and count it and the credit that it takes against ${customer}. */
static void
invoice_bill(struct decision *decision, struct customer *customer, const struct step *step,
    const struct bill *bill, uint32_t call)
{
	struct facts *facts = decision->decider->facts;
	struct invoice_line *lines = lines_begin(decision, customer, bill, call);
	struct invoice invoice = {
	    .id = id_derive(decision->cause, ID_INVOICE, call, customer->shard),
	    .created_ms = created_ms(decision, customer, step),
	};

	invoice_issue(customer, &step->after, step, bill, lines, &invoice);
	invoice_texts(decision, customer, bill, &invoice);
	customer->invoice_count = invoice.sequence;
	facts_add(facts, TABLE_INVOICES, &invoice);
	for (size_t i = 0; i < invoice.lines_len; i++)
		facts_add(facts, TABLE_INVOICE_LINES, &invoice.lines[i]);
	decision_emit(decision, EVENT_INVOICE_ISSUED, invoice.id, customer->id, &invoice);
	if (!instant_is_none(invoice.paid_at))
		decision_emit(decision, EVENT_INVOICE_PAID, invoice.id, customer->id, &invoice);
	if (invoice.credit_applied > 0) {
		struct credit_entry entry = {
		    .reason = STR("invoice"),
		    .amount = -invoice.credit_applied,
		    .invoice_id = invoice.id,
		};

		credit_record(decision, customer, step, call, &entry);
	}
}

/* Give ${bill}, whose total is negative, to the balance of ${customer}. */
static void
credit_bill(struct decision *decision, struct customer *customer, const struct step *step,
    const struct bill *bill, uint32_t call)
{
	const struct decider *decider = decision->decider;
	struct credit_entry entry = {
	    .reason = STR("proration"),
	    .amount = -bill->total,
	    .subscription_id = step->after.id,
	};

	buf_clear(decider->scratch);
	explanation_write_lines(bill, decider->scratch);
	entry.lines = scratch_keep(decider);
	credit_record(decision, customer, step, call, &entry);
}

enum refusal
billing_apply(struct decision *decision, struct customer *customer, struct subscription *row,
    const struct step *step, const struct bill *bill)
{
	struct facts *facts = decision->decider->facts;
	/* Each call emits, so this differs from one to the next of the same cause. */
	uint32_t call = decision->events;
	struct customer after = *customer;

	CHECK(uuid_equal(step->after.customer_id, customer->id));
	CHECK(row == NULL || uuid_equal(row->id, step->after.id));
	if (step->bills && !bill_fits(bill, customer->credit_balance))
		return REFUSAL_AMOUNT_OUT_OF_RANGE;

	if (row == NULL)
		facts_add(facts, TABLE_SUBSCRIPTIONS, &step->after);
	else
		facts_change(facts, TABLE_SUBSCRIPTIONS, row, &step->after);
	decision_emit(decision,
	    (enum event_type)((int)EVENT_SUBSCRIPTION_CREATED + (int)step->event), step->after.id,
	    customer->id, &step->after);
	if (step->bills && bill->total >= 0)
		invoice_bill(decision, &after, step, bill, call);
	else if (step->bills)
		credit_bill(decision, &after, step, bill, call);
	after.latest_at = instant_later(customer->latest_at, step->at);
	if (after.credit_balance != customer->credit_balance)
		after.updated_at = instant_later(customer->updated_at, step->at);
	facts_change(facts, TABLE_CUSTOMERS, customer, &after);
	return REFUSAL_NONE;
}

/* Do what falls due of ${row} next. */
static enum refusal
step_due(struct decision *decision, struct customer *customer, struct subscription *row)
{
	struct bill *bill = decision->decider->bill;
	struct decision before;
	struct terms terms;
	struct step step;
	enum refusal refusal;

	if (billing_terms(decision, row, &terms) != REFUSAL_NONE)
		return REFUSAL_MAX;
	refusal = lifecycle_due(row, &terms, &step, bill);
	if (refusal == REFUSAL_NONE) {
		/* What does not move on would be done for ever. */
		CHECK(instant_is_none(step.after.due_at) || step.after.due_at.s > row->due_at.s);
		decision_because(
		    decision, id_due(row->id, row->due_at.s), row->due_at.s * 1000, &before);
		refusal = billing_apply(decision, customer, row, &step, bill);
		decision_resume(decision, &before);
	}
	if (refusal != REFUSAL_NONE)
		billing_park(decision, customer, row, refusal);
	return REFUSAL_NONE;
}

void
billing_park(struct decision *decision, struct customer *customer, struct subscription *row,
    enum refusal refusal)
{
	struct bill *bill = decision->decider->bill;
	struct decision before;
	struct step step;

	lifecycle_park(row, refusal, &step);
	CHECK(!step.bills && instant_is_none(step.after.due_at));
	decision_because(decision, id_due(row->id, row->due_at.s), row->due_at.s * 1000, &before);
	decision->events = PARKED_ORDINAL(row->updated_at);
	bill_init(bill);
	CHECK(billing_apply(decision, customer, row, &step, bill) == REFUSAL_NONE);
	decision_resume(decision, &before);
}

enum refusal
billing_catch_up(
    struct decision *decision, struct customer *customer, struct instant until, bool *ret_more)
{
	const struct facts *facts = decision->decider->facts;

	for (int steps = 0; steps < BILLING_STEPS_MAX; steps++) {
		struct subscription *row =
		    facts_next_due(facts, customer->organisation_id, customer->id, until);

		if (row == NULL)
			break;
		if (step_due(decision, customer, row) != REFUSAL_NONE)
			return REFUSAL_MAX;
	}
	*ret_more = facts_next_due(facts, customer->organisation_id, customer->id, until) != NULL;
	return REFUSAL_NONE;
}

enum refusal
billing_bring_up(struct decision *decision, struct customer *customer, struct instant *ret_now)
{
	enum refusal refusal = decision_customer_now(decision, customer, ret_now);
	bool more;

	if (refusal != REFUSAL_NONE)
		return refusal;
	refusal = billing_catch_up(decision, customer, *ret_now, &more);
	if (refusal != REFUSAL_NONE)
		return refusal;
	return more ? REFUSAL_BILLING_BEHIND : REFUSAL_NONE;
}

size_t
billing_steps_due(struct decision *decision, const struct subscription *subscription,
    const struct terms *terms, struct instant until, size_t max)
{
	struct subscription after = *subscription;
	struct step step;
	size_t steps = 0;

	while (steps < max && !instant_is_none(after.due_at) && after.due_at.s <= until.s &&
	       lifecycle_due(&after, terms, &step, decision->decider->bill) == REFUSAL_NONE) {
		after = step.after;
		steps++;
	}
	return steps;
}
