/* What a step makes becomes rows and events: the subscription, its bill as an invoice or a credit,
 * the items that it took along, and what the journal says of all that. */

#include "common/base/id.h"
#include "common/codec/avro.h"
#include "common/codec/explanation.h"
#include "common/codec/invoice_digest.h"
#include "common/domain/assessment.h"
#include "common/domain/standing.h"
#include "worker/billing.h"
#include "worker/booking.h"

/* Lines have ordinals of their own under one cause: behind those of the calls before. */
#define LINE_ORDINAL(call) ((call)*BILL_LINES_MAX)

/* What a document's event takes at most for itself, each discount or tax of it, and of each line
 * for the explanation and each tier in it.  What names take comes on top. */
#define DOCUMENT_BYTES 4096
#define PART_BYTES 192
#define EXPLANATION_BYTES 768
#define TIER_BYTES 192

/* Likewise of each line for itself, its share in each discount, and in each tax. */
struct line_bytes {
	size_t line, discount, tax;
};
/* Of an invoice, to which credit notes add as many shares in taxes, in Avro; of a credit in JSON.
 */
static const struct line_bytes invoice_bytes = {512, 48, 96}, credit_bytes = {1024, 96, 112};

_Static_assert((int)EVENT_SUBSCRIPTION_EARNED - (int)EVENT_SUBSCRIPTION_CREATED ==
		   (int)LIFECYCLE_EARNED - (int)LIFECYCLE_CREATED,
    "events of subscriptions stand in the order of enum lifecycle_event");

/* A step on its way to become rows. */
struct issue {
	struct decision *decision;
	struct customer *customer; /* as it becomes */
	struct subscription *row;  /* what the step moves; NULL: it is new */
	const struct step *step;
	const struct bill *bill;   /* assessed */
	struct earnings earnings;  /* of the bill */
	struct item *const *items; /* that it takes along */
	size_t items_len;
	uint32_t call; /* which one of the cause */
};

/* ---- What a step comes to, before anything is changed. */

/* A name stands in JSON, where quotes take twice their place, or beside one that does. */
static size_t
name_bytes_max(struct str name)
{
	return 3 * name.len;
}

static size_t
line_bytes_max(const struct bill_line *line, size_t discounts_len, const struct line_bytes *each)
{
	size_t bytes = each->line + EXPLANATION_BYTES + discounts_len * each->discount +
		       line->taxes_len * each->tax;

	if (line->kind == BILL_ITEM)
		return bytes + name_bytes_max(line->item->description);
	return bytes + name_bytes_max(line->rating.charge->name) +
	       (line->kind == BILL_CHARGE ? line->rating.tiers_len * TIER_BYTES : 0);
}

/* Whether one event can tell all of ${bill}, also once credit notes took off of it. */
static bool
can_be_told(const struct bill *bill)
{
	const struct line_bytes *each = bill->total >= 0 ? &invoice_bytes : &credit_bytes;
	size_t bytes = DOCUMENT_BYTES;

	for (size_t i = 0; i < bill->len; i++)
		bytes += line_bytes_max(&bill->lines[i], bill->discounts_len, each);
	for (size_t i = 0; i < bill->discounts_len; i++)
		bytes += PART_BYTES + name_bytes_max(bill->discounts[i].discount->name);
	for (size_t i = 0; i < bill->taxes_len; i++)
		bytes += PART_BYTES + name_bytes_max(bill->taxes[i].rate->name);
	return bytes <= AVRO_MESSAGE_MAX;
}

/* The discounts behind an assessment, which are its caller's, as a row can keep them. */
static void
discounts_keep(const struct decider *decider, struct subscription *after)
{
	struct discount *kept = NULL;

	if (after->discounts_len > 0) {
		kept = arena_array(decider->arena, after->discounts_len, sizeof(*kept));
		CHECK(kept != NULL);
		memcpy(kept, after->discounts, after->discounts_len * sizeof(*kept));
	}
	after->discounts = kept;
}

/* What ${customer} is assessed by; its pending items for themselves, too. */
static enum refusal
assessment_make(struct decision *decision, const struct customer *customer,
    struct assessment *ret_assessment, struct item *const **ret_items)
{
	const struct organisation *organisation = decision->organisation;
	struct facts *facts = decision->decider->facts;
	struct assessment assessment = {.customer = customer};
	struct item *const *items = NULL;

	if (organisation->tax_rate_ids.ptr != NULL &&
	    !facts_organisation_tax_rates(facts, organisation, &assessment.tax_rate_ids)) {
		(void)err_set(&decision->err, ERR_POISON,
		    "the organisation's tax_rate_ids is \"%.*s\"",
		    STR_ARG(organisation->tax_rate_ids));
		return REFUSAL_MAX;
	}
	assessment.rates = facts_tax_rates(facts, &assessment.rates_len);
	if (customer->items_pending > 0)
		items = facts_items(
		    facts, customer->organisation_id, customer->id, &assessment.items_len);
	CHECK((int64_t)assessment.items_len == customer->items_pending);
	assessment.items = (const struct item *const *)items;
	*ret_assessment = assessment;
	*ret_items = items;
	return REFUSAL_NONE;
}

/* Assess ${bill}, if it is to be issued, and find out whether it can be: what is refused is refused
 * here.  The items that it takes are ${ret_items}.  Else discounts may lapse. */
static enum refusal
step_assess(struct decision *decision, const struct customer *customer, struct step *step,
    struct bill *bill, struct item *const **ret_items, size_t *ret_items_len)
{
	struct discount discounts[DISCOUNTS_MAX];
	struct assessment assessment;
	enum refusal refusal;

	*ret_items_len = 0;
	if (!step->bills && step->turns_period) {
		assessment_lapse(step, discounts);
		discounts_keep(decision->decider, &step->after);
	}
	if (!step->bills)
		return REFUSAL_NONE;
	refusal = assessment_make(decision, customer, &assessment, ret_items);
	if (refusal == REFUSAL_NONE)
		refusal = assess(&assessment, step, bill, discounts);
	if (refusal != REFUSAL_NONE)
		return refusal;
	discounts_keep(decision->decider, &step->after);
	if (!bill_fits(bill, customer->credit_balance))
		return REFUSAL_AMOUNT_OUT_OF_RANGE;
	if (!can_be_told(bill))
		return decision_refuse(decision, REFUSAL_AMOUNT_OUT_OF_RANGE,
		    "the invoice would have %zu lines with %zu taxes, which is too large for one",
		    bill->len, bill->taxes_len);
	*ret_items_len = assessment.items_len;
	return REFUSAL_NONE;
}

/* ---- Numbers. */

/* Whether the organisation numbers over all its customers. */
static enum refusal
numbering_find(struct decision *decision, bool *ret_series)
{
	struct str numbering = decision->organisation->invoice_numbering;

	if (!str_equal(numbering, STR("customer")) && !str_equal(numbering, STR("organisation"))) {
		(void)err_set(&decision->err, ERR_POISON,
		    "the organisation's invoice_numbering is \"%.*s\"", STR_ARG(numbering));
		return REFUSAL_MAX;
	}
	*ret_series = str_equal(numbering, STR("organisation"));
	return REFUSAL_NONE;
}

enum refusal
billing_number_series(struct decision *decision, struct number_series **ret_series)
{
	struct facts *facts = decision->decider->facts;
	const struct number_series begun = {.organisation_id = decision->organisation->id};
	struct number_series *series = NULL;
	bool wanted = false;

	if (numbering_find(decision, &wanted) != REFUSAL_NONE)
		return REFUSAL_MAX;
	if (wanted)
		series = facts_number_series(facts, begun.organisation_id);
	/* Should another worker begin it at the same time, one of both is tried again. */
	if (wanted && series == NULL)
		series = facts_add(facts, TABLE_NUMBER_SERIES, &begun);
	*ret_series = series;
	return REFUSAL_NONE;
}

/* The next number of ${series}; where there is none, none. */
static int64_t
series_next(struct facts *facts, struct number_series *series)
{
	struct number_series counted;

	if (series == NULL)
		return INT64_MIN;
	counted = *series;
	counted.invoice_count++;
	facts_change(facts, TABLE_NUMBER_SERIES, series, &counted);
	return counted.invoice_count;
}

/* ---- Rows. */

/* What was written to the scratch, in the arena. */
static struct str
scratch_keep(const struct decider *decider)
{
	struct str kept;

	CHECK(!decider->scratch->overflow);
	CHECK(arena_str(decider->arena, buf_str(decider->scratch), &kept));
	return kept;
}

void
billing_credit(struct decision *decision, struct customer *customer, struct instant at,
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
	entry->created_ms = booking_created_ms(decision, customer, at);
	entry->created_at = at;
	facts_add(decision->decider->facts, TABLE_CREDIT_ENTRIES, entry);
	decision_emit(decision, EVENT_CREDIT_RECORDED, entry->id, customer->id, entry);
}

/* Memory for what a document made of ${bill} lists. */
static struct invoice_room
room_take(struct arena *arena, const struct bill *bill)
{
	size_t taxes_len = 0;
	struct invoice_room room;

	for (size_t i = 0; i < bill->len; i++)
		taxes_len += bill->lines[i].taxes_len;
	room.lines = arena_array(arena, bill->len, sizeof(*room.lines));
	room.discounts = arena_array(arena, bill->discounts_len, sizeof(*room.discounts));
	room.taxes = arena_array(arena, bill->taxes_len, sizeof(*room.taxes));
	room.line_discounts =
	    arena_array(arena, bill->len * bill->discounts_len, sizeof(*room.line_discounts));
	room.line_taxes = arena_array(arena, taxes_len, sizeof(*room.line_taxes));
	CHECK(room.lines != NULL && room.discounts != NULL && room.taxes != NULL &&
	      room.line_discounts != NULL && room.line_taxes != NULL);
	return room;
}

/* The ids and explanations of ${lines}, of which invoice_issue sets the rest. */
static void
lines_begin(const struct issue *issue, struct invoice_line *lines)
{
	const struct decider *decider = issue->decision->decider;

	for (size_t i = 0; i < issue->bill->len; i++) {
		lines[i].id = id_derive(issue->decision->cause, ID_INVOICE_LINE,
		    LINE_ORDINAL(issue->call) + (uint32_t)i, issue->customer->shard);
		buf_clear(decider->scratch);
		explanation_write(&issue->bill->lines[i], decider->scratch);
		lines[i].explanation = scratch_keep(decider);
	}
}

/* The texts of an issued invoice that are not domain/'s to write. */
static void
invoice_texts(const struct issue *issue, struct invoice *invoice)
{
	char number[INVOICE_NUMBER_SIZE], digest[INVOICE_DIGEST_SIZE];
	const struct decision *decision = issue->decision;
	struct arena *arena = decision->decider->arena;

	if (invoice->series_sequence == INT64_MIN)
		invoice_number_write(issue->customer->number_prefix, invoice->sequence, number);
	else
		invoice_series_number_write(
		    decision->organisation->invoice_prefix, invoice->series_sequence, number);
	CHECK(arena_str(arena, str_from(number), &invoice->number));
	invoice_digest(invoice, issue->bill, digest);
	CHECK(arena_str(arena, str_from(digest), &invoice->digest));
}

/* Mark the items that ${document} took, which is an invoice (else a credit). */
static void
items_bill(const struct issue *issue, struct uuid document, bool is_invoice)
{
	struct decision *decision = issue->decision;

	for (size_t i = 0; i < issue->items_len; i++) {
		struct item item = *issue->items[i];

		item.status = STR("billed");
		if (is_invoice)
			item.invoice_id = document;
		else
			item.credit_entry_id = document;
		item.updated_at = instant_later(item.updated_at, issue->step->at);
		facts_change(decision->decider->facts, TABLE_ITEMS, issue->items[i], &item);
		decision_emit(decision, EVENT_ITEM_BILLED, item.id, issue->customer->id, &item);
	}
	issue->customer->items_pending -= (int64_t)issue->items_len;
}

/* Take what ${invoice} uses up from the customer's balance. */
static void
credit_use(const struct issue *issue, const struct invoice *invoice)
{
	struct credit_entry entry = {
	    .reason = STR("invoice"),
	    .amount = -invoice->credit_applied,
	    .invoice_id = invoice->id,
	};

	if (invoice->credit_applied > 0)
		billing_credit(
		    issue->decision, issue->customer, issue->step->at, issue->call, &entry);
}

void
billing_follow(struct decision *decision, struct subscription *row, const struct invoice *invoice,
    bool declined, struct instant at)
{
	struct subscription after = *row;

	if (!standing_follow(&after, invoice, declined, at))
		return;
	facts_change(decision->decider->facts, TABLE_SUBSCRIPTIONS, row, &after);
	decision_emit(decision,
	    subscription_status_from(after.status) == SUBSCRIPTION_PAST_DUE
		? EVENT_SUBSCRIPTION_PAST_DUE
		: EVENT_SUBSCRIPTION_RECOVERED,
	    after.id, after.customer_id, &after);
}

/* Issue the bill as an invoice, and count it and the credit that it takes against the customer. */
static void
invoice_bill(const struct issue *issue, struct number_series *series)
{
	struct decision *decision = issue->decision;
	struct facts *facts = decision->decider->facts;
	struct customer *customer = issue->customer;
	const struct invoice_terms terms = {decision->organisation->net_terms_days};
	struct invoice_room room = room_take(decision->decider->arena, issue->bill);
	struct journal_entry entry = {.organisation_id = UUID_NIL};
	struct invoice invoice = {
	    .id = issue->step->after.latest_invoice_id,
	    .created_ms = booking_created_ms(decision, customer, issue->step->at),
	    .series_sequence = series_next(facts, series),
	};

	lines_begin(issue, room.lines);
	invoice_issue(
	    customer, &issue->step->after, issue->step, issue->bill, &terms, &room, &invoice);
	invoice_texts(issue, &invoice);
	invoice.billing_run_id = decision->billing_run_id;
	customer->invoice_count = invoice.sequence;
	facts_add(facts, TABLE_INVOICES, &invoice);
	for (size_t i = 0; i < invoice.lines_len; i++)
		facts_add(facts, TABLE_INVOICE_LINES, &invoice.lines[i]);
	journal_invoice(&invoice, issue->earnings, &entry);
	booking_add(decision, customer, issue->step->at, &entry);
	decision_emit(decision, EVENT_INVOICE_ISSUED, invoice.id, customer->id, &invoice);
	if (!instant_is_none(invoice.paid_at))
		decision_emit(decision, EVENT_INVOICE_PAID, invoice.id, customer->id, &invoice);
	credit_use(issue, &invoice);
	items_bill(issue, invoice.id, true);
	/* A new one owes nothing yet. */
	if (issue->row != NULL)
		billing_follow(decision, issue->row, &invoice, false, issue->step->at);
}

/* Give the bill, whose total is negative, to the customer's balance. */
static void
credit_bill(const struct issue *issue)
{
	struct decision *decision = issue->decision;
	const struct bill *bill = issue->bill;
	struct invoice_room room = room_take(decision->decider->arena, bill);
	struct journal_entry booked = {.organisation_id = UUID_NIL};
	struct credit_entry entry = {
	    .reason = STR("proration"),
	    .amount = -bill->total,
	    .subscription_id = issue->step->after.id,
	    .discount = bill->discount,
	    .discounts = room.discounts,
	    .tax = bill->tax,
	    .tax_included = bill->tax_included,
	    .taxes = room.taxes,
	};

	invoice_parts_write(bill, &room, &entry.discounts_len, &entry.taxes_len);
	buf_clear(decision->decider->scratch);
	explanation_write_lines(bill, decision->decider->scratch);
	entry.lines = scratch_keep(decision->decider);
	billing_credit(decision, issue->customer, issue->step->at, issue->call, &entry);
	journal_credit(&entry, issue->earnings, bill->tax, &booked);
	booking_add(decision, issue->customer, issue->step->at, &booked);
	items_bill(issue, entry.id, false);
}

/* What ${step} has earned by time. */
static void
revenue_book(struct decision *decision, const struct customer *customer, const struct step *step,
    int64_t earned)
{
	struct journal_entry entry = {.organisation_id = UUID_NIL};

	journal_revenue(&step->after, earned, &entry);
	booking_add(decision, customer, step->at, &entry);
}

/* The row of the step's subscription, and what it tells. */
static void
subscription_store(struct decision *decision, struct subscription *row, const struct step *step)
{
	struct facts *facts = decision->decider->facts;

	if (row == NULL)
		facts_add(facts, TABLE_SUBSCRIPTIONS, &step->after);
	else
		facts_change(facts, TABLE_SUBSCRIPTIONS, row, &step->after);
	decision_emit(decision,
	    (enum event_type)((int)EVENT_SUBSCRIPTION_CREATED + (int)step->event), step->after.id,
	    step->after.customer_id, &step->after);
}

enum refusal
billing_apply(struct decision *decision, struct customer *customer, struct subscription *row,
    struct step *step, struct bill *bill)
{
	struct customer after = *customer;
	/* Each call emits, so this differs from one to the next of the same cause. */
	struct issue issue = {
	    .decision = decision,
	    .customer = &after,
	    .row = row,
	    .step = step,
	    .bill = bill,
	    .call = decision->events,
	};
	struct number_series *series = NULL;
	enum refusal refusal;
	int64_t earned;

	CHECK(uuid_equal(step->after.customer_id, customer->id));
	CHECK(row == NULL || uuid_equal(row->id, step->after.id));

	refusal = step_assess(decision, customer, step, bill, &issue.items, &issue.items_len);
	if (refusal == REFUSAL_NONE && step->bills && bill->total >= 0)
		refusal = billing_number_series(decision, &series);
	if (refusal != REFUSAL_NONE)
		return refusal;

	if (step->bills)
		issue.earnings = earnings_of_bill(bill, step);
	earned = deferral_step(row, step, &issue.earnings);
	if (step->bills && bill->total >= 0)
		step->after.latest_invoice_id =
		    id_derive(decision->cause, ID_INVOICE, issue.call, customer->shard);
	subscription_store(decision, row, step);
	revenue_book(decision, &after, step, earned);
	if (step->bills && bill->total >= 0)
		invoice_bill(&issue, series);
	else if (step->bills)
		credit_bill(&issue);
	after.latest_at = instant_later(customer->latest_at, step->at);
	if (after.credit_balance != customer->credit_balance ||
	    after.items_pending != customer->items_pending)
		after.updated_at = instant_later(customer->updated_at, step->at);
	facts_change(decision->decider->facts, TABLE_CUSTOMERS, customer, &after);
	return REFUSAL_NONE;
}

enum refusal
billing_refuses(struct decision *decision, const struct customer *customer, struct step *step,
    struct bill *bill)
{
	struct item *const *items;
	size_t items_len;
	bool series;
	enum refusal refusal = step_assess(decision, customer, step, bill, &items, &items_len);

	if (refusal == REFUSAL_NONE && step->bills && bill->total >= 0)
		refusal = numbering_find(decision, &series);
	return refusal;
}
