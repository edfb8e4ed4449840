/* Commands on subscriptions: create, together with its first invoice, and cancel. */

#include "common/base/id.h"
#include "worker/handler.h"

int32_t
subscription_create_shard(const void *command)
{
	const struct create_subscription *create = command;

	return id_shard_of_key(create->customer_id);
}

struct uuid
subscription_create_resource(const void *command)
{
	const struct create_subscription *create = command;

	return id_derive(
	    create->meta.operation_id, ID_SUBSCRIPTION, 0, subscription_create_shard(command));
}

void
subscription_create_refer(struct facts *facts, const void *command)
{
	const struct create_subscription *create = command;
	struct uuid organisation_id = create->meta.organisation_id;

	facts_need(facts, NEED_CUSTOMER, organisation_id, &create->customer_id);
	facts_need(facts, NEED_LIVE_SUBSCRIPTION, organisation_id, &create->customer_id);
	if (create->plan_code.ptr != NULL)
		facts_need_text(facts, NEED_PLAN_CODE, organisation_id, create->plan_code);
	else
		facts_need(facts, NEED_PLAN, organisation_id, &create->plan_id);
}

/* Issue the invoice of the subscription's current period, and count its number against ${customer}.
 */
static enum refusal
first_invoice(struct decision *decision, const struct subscription *subscription,
    const struct plan *plan, struct customer *customer, struct invoice *invoice)
{
	struct arena *arena = decision->decider->arena;
	struct uuid operation_id = decision->meta->operation_id;
	struct invoice_line *line = arena_alloc(arena, sizeof(*line));
	char number[INVOICE_NUMBER_SIZE];
	enum refusal refusal;

	CHECK(line != NULL);
	*line = (struct invoice_line){
	    .organisation_id = customer->organisation_id,
	    .id = id_derive(operation_id, ID_INVOICE_LINE, 0, customer->shard),
	};
	*invoice = (struct invoice){
	    .organisation_id = customer->organisation_id,
	    .id = id_derive(operation_id, ID_INVOICE, 0, customer->shard),
	    .shard = customer->shard,
	    .created_ms = decision->meta->accepted_at,
	};
	line->invoice_id = invoice->id;
	refusal = invoice_for_period(customer, plan, subscription, STR("subscription_create"),
	    subscription->created_at, line, invoice);
	if (refusal != REFUSAL_NONE)
		return refusal;

	customer->invoice_count = invoice->sequence;
	invoice_number_write(customer->number_prefix, invoice->sequence, number);
	CHECK(arena_str(arena, str_from(number), &invoice->number));
	return REFUSAL_NONE;
}

static void
created(struct decision *decision, struct customer *row, const struct customer *customer,
    const struct subscription *subscription, const struct invoice *invoice)
{
	struct facts *facts = decision->decider->facts;

	facts_change(facts, TABLE_CUSTOMERS, row, customer);
	facts_add(facts, TABLE_SUBSCRIPTIONS, subscription);
	facts_add(facts, TABLE_INVOICES, invoice);
	for (size_t i = 0; i < invoice->lines_len; i++)
		facts_add(facts, TABLE_INVOICE_LINES, &invoice->lines[i]);
	decision_emit(
	    decision, EVENT_SUBSCRIPTION_CREATED, subscription->id, customer->id, subscription);
	decision_emit(decision, EVENT_INVOICE_ISSUED, invoice->id, customer->id, invoice);
	if (!instant_is_none(invoice->paid_at))
		decision_emit(decision, EVENT_INVOICE_PAID, invoice->id, customer->id, invoice);
}

enum refusal
subscription_create_decide(struct decision *decision, const void *command)
{
	const struct create_subscription *create = command;
	struct facts *facts = decision->decider->facts;
	struct uuid organisation_id = create->meta.organisation_id;
	struct customer *row = facts_customer(facts, organisation_id, create->customer_id);
	const struct plan *plan =
	    create->plan_code.ptr != NULL
		? facts_plan_by_code(facts, organisation_id, create->plan_code)
		: facts_plan(facts, organisation_id, create->plan_id);
	struct subscription subscription = {
	    .organisation_id = organisation_id,
	    .id = subscription_create_resource(command),
	    .shard = subscription_create_shard(command),
	    .metadata = create->metadata,
	    .created_ms = create->meta.accepted_at,
	};
	const struct zone *zone;
	struct customer customer;
	struct invoice invoice;
	enum refusal refusal;

	if (row == NULL)
		return REFUSAL_CUSTOMER_NOT_FOUND;
	if (plan == NULL)
		return REFUSAL_PLAN_NOT_FOUND;
	if (zone_cache_get(decision->decider->zones, row->timezone, &zone, &decision->err) !=
	    ERR_NONE)
		return REFUSAL_MAX;
	customer = *row;
	customer.latest_at = decision_now(decision, row->latest_at);
	refusal = subscription_create(&customer, plan,
	    facts_live_subscription(facts, organisation_id, customer.id), zone, customer.latest_at,
	    &subscription);
	if (refusal != REFUSAL_NONE)
		return refusal;
	refusal = first_invoice(decision, &subscription, plan, &customer, &invoice);
	if (refusal != REFUSAL_NONE)
		return refusal;

	created(decision, row, &customer, &subscription, &invoice);
	return REFUSAL_NONE;
}

int32_t
subscription_cancel_shard(const void *command)
{
	const struct cancel_subscription *cancel = command;

	return id_shard(cancel->subscription_id);
}

struct uuid
subscription_cancel_resource(const void *command)
{
	const struct cancel_subscription *cancel = command;

	return cancel->subscription_id;
}

void
subscription_cancel_refer(struct facts *facts, const void *command)
{
	const struct cancel_subscription *cancel = command;

	facts_need(
	    facts, NEED_SUBSCRIPTION, cancel->meta.organisation_id, &cancel->subscription_id);
	facts_need(facts, NEED_SUBSCRIBER, cancel->meta.organisation_id, &cancel->subscription_id);
}

enum refusal
subscription_cancel_decide(struct decision *decision, const void *command)
{
	const struct cancel_subscription *cancel = command;
	struct facts *facts = decision->decider->facts;
	struct uuid organisation_id = cancel->meta.organisation_id;
	struct subscription *row =
	    facts_subscription(facts, organisation_id, cancel->subscription_id);
	enum cancel_effective effective =
	    str_equal(cancel->effective, STR("now")) ? CANCEL_NOW : CANCEL_PERIOD_END;
	struct subscription subscription;
	struct customer *customer_row;
	struct customer customer;
	enum refusal refusal;

	if (row == NULL)
		return REFUSAL_SUBSCRIPTION_NOT_FOUND;
	customer_row = facts_customer(facts, organisation_id, row->customer_id);
	CHECK(customer_row != NULL);
	customer = *customer_row;
	customer.latest_at = decision_now(decision, customer.latest_at);
	subscription = *row;
	refusal = subscription_cancel(&subscription, effective, customer.latest_at);
	if (refusal != REFUSAL_NONE)
		return refusal;

	facts_change(facts, TABLE_CUSTOMERS, customer_row, &customer);
	facts_change(facts, TABLE_SUBSCRIPTIONS, row, &subscription);
	decision_emit(decision,
	    effective == CANCEL_NOW ? EVENT_SUBSCRIPTION_CANCELED : EVENT_SUBSCRIPTION_UPDATED,
	    subscription.id, customer.id, &subscription);
	return REFUSAL_NONE;
}
