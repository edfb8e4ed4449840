#include "worker/decision.h"

#include <stdarg.h>

#include "common/base/id.h"
#include "common/codec/avro.h"

#define METADATA_PAIRS_MAX 50

/* An event's name is "billd.<name>.v1", and its value a whole resource. */
#define EVENT(name, resource, table)                                \
	{                                                           \
		"billd." name ".v1", "billd.event." resource, table \
	}

/* The published name of each event, and what its value is. */
static const struct {
	const char *type;
	const char *schema;
	enum table_id table; /* whose record describes the value */
} event_table[EVENT_TYPE_MAX] = {
    [EVENT_CUSTOMER_CREATED] = EVENT("customer.created", "Customer", TABLE_CUSTOMERS),
    [EVENT_CUSTOMER_UPDATED] = EVENT("customer.updated", "Customer", TABLE_CUSTOMERS),
    [EVENT_CUSTOMER_ARCHIVED] = EVENT("customer.archived", "Customer", TABLE_CUSTOMERS),
    [EVENT_PLAN_CREATED] = EVENT("plan.created", "Plan", TABLE_PLANS),
    [EVENT_PLAN_UPDATED] = EVENT("plan.updated", "Plan", TABLE_PLANS),
    [EVENT_PLAN_ARCHIVED] = EVENT("plan.archived", "Plan", TABLE_PLANS),
    [EVENT_SUBSCRIPTION_CREATED] =
	EVENT("subscription.created", "Subscription", TABLE_SUBSCRIPTIONS),
    [EVENT_SUBSCRIPTION_STARTED] =
	EVENT("subscription.started", "Subscription", TABLE_SUBSCRIPTIONS),
    [EVENT_SUBSCRIPTION_TRIAL_ENDED] =
	EVENT("subscription.trial_ended", "Subscription", TABLE_SUBSCRIPTIONS),
    [EVENT_SUBSCRIPTION_RENEWED] =
	EVENT("subscription.renewed", "Subscription", TABLE_SUBSCRIPTIONS),
    [EVENT_SUBSCRIPTION_CHANGED] =
	EVENT("subscription.changed", "Subscription", TABLE_SUBSCRIPTIONS),
    [EVENT_SUBSCRIPTION_UPDATED] =
	EVENT("subscription.updated", "Subscription", TABLE_SUBSCRIPTIONS),
    [EVENT_SUBSCRIPTION_PAUSED] = EVENT("subscription.paused", "Subscription", TABLE_SUBSCRIPTIONS),
    [EVENT_SUBSCRIPTION_RESUMED] =
	EVENT("subscription.resumed", "Subscription", TABLE_SUBSCRIPTIONS),
    [EVENT_SUBSCRIPTION_CANCELED] =
	EVENT("subscription.canceled", "Subscription", TABLE_SUBSCRIPTIONS),
    [EVENT_SUBSCRIPTION_EXPIRED] =
	EVENT("subscription.expired", "Subscription", TABLE_SUBSCRIPTIONS),
    [EVENT_SUBSCRIPTION_PARKED] = EVENT("subscription.parked", "Subscription", TABLE_SUBSCRIPTIONS),
    [EVENT_SUBSCRIPTION_EARNED] = EVENT("subscription.earned", "Subscription", TABLE_SUBSCRIPTIONS),
    [EVENT_SUBSCRIPTION_PAST_DUE] =
	EVENT("subscription.past_due", "Subscription", TABLE_SUBSCRIPTIONS),
    [EVENT_SUBSCRIPTION_RECOVERED] =
	EVENT("subscription.recovered", "Subscription", TABLE_SUBSCRIPTIONS),
    [EVENT_INVOICE_ISSUED] = EVENT("invoice.issued", "Invoice", TABLE_INVOICES),
    [EVENT_INVOICE_PAID] = EVENT("invoice.paid", "Invoice", TABLE_INVOICES),
    [EVENT_QUANTITY_REPORTED] = EVENT("quantity.reported", "Quantity", TABLE_QUANTITIES),
    [EVENT_CREDIT_RECORDED] = EVENT("credit.recorded", "CreditEntry", TABLE_CREDIT_ENTRIES),
    [EVENT_TEST_CLOCK_CREATED] = EVENT("test_clock.created", "TestClock", TABLE_TEST_CLOCKS),
    [EVENT_TEST_CLOCK_ADVANCED] = EVENT("test_clock.advanced", "TestClock", TABLE_TEST_CLOCKS),
    [EVENT_INVOICE_UPDATED] = EVENT("invoice.updated", "Invoice", TABLE_INVOICES),
    [EVENT_INVOICE_VOIDED] = EVENT("invoice.voided", "Invoice", TABLE_INVOICES),
    [EVENT_INVOICE_UNCOLLECTIBLE] =
	EVENT("invoice.marked_uncollectible", "Invoice", TABLE_INVOICES),
    [EVENT_COUPON_CREATED] = EVENT("coupon.created", "Coupon", TABLE_COUPONS),
    [EVENT_COUPON_ARCHIVED] = EVENT("coupon.archived", "Coupon", TABLE_COUPONS),
    [EVENT_TAX_RATE_CREATED] = EVENT("tax_rate.created", "TaxRate", TABLE_TAX_RATES),
    [EVENT_TAX_RATE_ARCHIVED] = EVENT("tax_rate.archived", "TaxRate", TABLE_TAX_RATES),
    [EVENT_ITEM_CREATED] = EVENT("item.created", "Item", TABLE_ITEMS),
    [EVENT_ITEM_BILLED] = EVENT("item.billed", "Item", TABLE_ITEMS),
    [EVENT_ITEM_CANCELED] = EVENT("item.canceled", "Item", TABLE_ITEMS),
    [EVENT_CREDIT_NOTE_ISSUED] = EVENT("credit_note.issued", "CreditNote", TABLE_CREDIT_NOTES),
    [EVENT_PAYMENT_CREATED] = EVENT("payment.created", "Payment", TABLE_PAYMENTS),
    [EVENT_PAYMENT_UNKNOWN] = EVENT("payment.unknown", "Payment", TABLE_PAYMENTS),
    [EVENT_PAYMENT_SUCCEEDED] = EVENT("payment.succeeded", "Payment", TABLE_PAYMENTS),
    [EVENT_PAYMENT_FAILED] = EVENT("payment.failed", "Payment", TABLE_PAYMENTS),
    [EVENT_BILLING_RUN_STARTED] = EVENT("billing_run.started", "BillingRun", TABLE_BILLING_RUNS),
    [EVENT_BILLING_RUN_PAUSED] = EVENT("billing_run.paused", "BillingRun", TABLE_BILLING_RUNS),
    [EVENT_BILLING_RUN_RESUMED] = EVENT("billing_run.resumed", "BillingRun", TABLE_BILLING_RUNS),
    [EVENT_BILLING_RUN_CANCELED] = EVENT("billing_run.canceled", "BillingRun", TABLE_BILLING_RUNS),
    [EVENT_BILLING_RUN_FINISHED] = EVENT("billing_run.finished", "BillingRun", TABLE_BILLING_RUNS),
};

enum err_class
decider_init(struct decider *decider, const struct schemas *schemas, struct err *err)
{
	for (size_t i = 0; i < EVENT_TYPE_MAX; i++) {
		decider->event_schemas[i] =
		    schemas_by_name(schemas, str_from(event_table[i].schema));
		if (decider->event_schemas[i] == NULL)
			return err_set(err, ERR_FATAL, "no schema %s for the event %s",
			    event_table[i].schema, event_table[i].type);
	}
	return ERR_NONE;
}

struct instant
decision_now(const struct decision *decision, struct instant latest_at)
{
	CHECK(decision->meta != NULL);
	return instant_later(instant_from_ms(decision->meta->accepted_at), latest_at);
}

enum refusal
decision_customer_now(
    const struct decision *decision, const struct customer *customer, struct instant *ret_now)
{
	const struct test_clock *clock = facts_clock_of(decision->decider->facts, customer);

	if (clock == NULL) {
		*ret_now = decision_now(decision, customer->latest_at);
		return REFUSAL_NONE;
	}
	if (!instant_is_none(clock->target_at))
		return REFUSAL_TEST_CLOCK_ADVANCING;
	*ret_now = clock->now;
	return REFUSAL_NONE;
}

void
decision_because(
    struct decision *decision, struct uuid cause, int64_t occurred_ms, struct decision *ret_before)
{
	CHECK(!uuid_is_nil(cause));
	*ret_before = *decision;
	decision->cause = cause;
	decision->occurred_ms = occurred_ms;
	decision->events = 0;
	decision->entries = 0;
}

void
decision_resume(struct decision *decision, const struct decision *before)
{
	CHECK(decision->decider == before->decider && decision->meta == before->meta);
	decision->cause = before->cause;
	decision->occurred_ms = before->occurred_ms;
	decision->events = before->events;
	decision->entries = before->entries;
}

void
decision_emit(struct decision *decision, enum event_type type, struct uuid subject, struct uuid key,
    const void *row)
{
	struct decider *decider = decision->decider;
	struct event event = {
	    .organisation_id = decision->organisation->id,
	    .partition = decision->partition,
	    .id = id_derive(decision->cause, ID_EVENT, decision->events, id_shard_of_key(key)),
	    .type = str_from(event_table[type].type),
	    .subject = subject,
	    .key = key,
	    .operation_id = decision->cause,
	    .occurred_at = decision->occurred_ms,
	};

	buf_clear(decider->scratch);
	avro_encode(decider->event_schemas[type], row_tables[event_table[type].table]->record, row,
	    decider->scratch);
	CHECK(!decider->scratch->overflow);
	CHECK(arena_str(decider->arena, buf_str(decider->scratch), &event.value));
	event.number = ++*decision->event_number;
	decision->events++;
	facts_add(decider->facts, TABLE_OUTBOX, &event);
}

enum refusal
decision_refuse(struct decision *decision, enum refusal refusal, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(decision->detail, sizeof(decision->detail), format, args);
	va_end(args);
	return refusal;
}

static const struct str_pair *
pair_find(struct str_map map, struct str key)
{
	for (size_t i = 0; i < map.len; i++)
		if (str_equal(map.pairs[i].key, key))
			return map.pairs + i;
	return NULL;
}

enum refusal
decision_metadata(struct decision *decision, struct str_map old, struct str_map changes,
    struct str_map *ret_merged)
{
	struct str_pair *pairs =
	    arena_array(decision->decider->arena, old.len + changes.len + 1, sizeof(*pairs));
	size_t len = 0;

	CHECK(pairs != NULL);
	for (size_t i = 0; i < old.len; i++) {
		const struct str_pair *change = pair_find(changes, old.pairs[i].key);

		if (change == NULL)
			pairs[len++] = old.pairs[i];
		else if (change->value.len > 0)
			pairs[len++] = *change;
	}
	for (size_t i = 0; i < changes.len; i++)
		if (changes.pairs[i].value.len > 0 && pair_find(old, changes.pairs[i].key) == NULL)
			pairs[len++] = changes.pairs[i];
	if (len > METADATA_PAIRS_MAX)
		return REFUSAL_METADATA_TOO_LARGE;
	*ret_merged = (struct str_map){pairs, len};
	return REFUSAL_NONE;
}
