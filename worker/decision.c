#include "worker/decision.h"

#include <stdarg.h>

#include "common/base/id.h"
#include "common/codec/avro.h"

#define METADATA_PAIRS_MAX 50

/* The published name of each event, and what its value is. */
static const struct {
	const char *type;
	const char *schema;
	enum table_id table; /* whose record describes the value */
} event_table[EVENT_TYPE_MAX] = {
    [EVENT_CUSTOMER_CREATED] = {"billd.customer.created.v1", "billd.event.Customer",
	TABLE_CUSTOMERS},
    [EVENT_CUSTOMER_UPDATED] = {"billd.customer.updated.v1", "billd.event.Customer",
	TABLE_CUSTOMERS},
    [EVENT_CUSTOMER_ARCHIVED] = {"billd.customer.archived.v1", "billd.event.Customer",
	TABLE_CUSTOMERS},
    [EVENT_PLAN_CREATED] = {"billd.plan.created.v1", "billd.event.Plan", TABLE_PLANS},
    [EVENT_PLAN_UPDATED] = {"billd.plan.updated.v1", "billd.event.Plan", TABLE_PLANS},
    [EVENT_PLAN_ARCHIVED] = {"billd.plan.archived.v1", "billd.event.Plan", TABLE_PLANS},
    [EVENT_SUBSCRIPTION_CREATED] = {"billd.subscription.created.v1", "billd.event.Subscription",
	TABLE_SUBSCRIPTIONS},
    [EVENT_SUBSCRIPTION_UPDATED] = {"billd.subscription.updated.v1", "billd.event.Subscription",
	TABLE_SUBSCRIPTIONS},
    [EVENT_SUBSCRIPTION_CANCELED] = {"billd.subscription.canceled.v1", "billd.event.Subscription",
	TABLE_SUBSCRIPTIONS},
    [EVENT_INVOICE_ISSUED] = {"billd.invoice.issued.v1", "billd.event.Invoice", TABLE_INVOICES},
    [EVENT_INVOICE_PAID] = {"billd.invoice.paid.v1", "billd.event.Invoice", TABLE_INVOICES},
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
	return instant_later(instant_from_ms(decision->meta->accepted_at), latest_at);
}

void
decision_emit(struct decision *decision, enum event_type type, struct uuid subject, struct uuid key,
    const void *row)
{
	struct decider *decider = decision->decider;
	struct event event = {
	    .organisation_id = decision->meta->organisation_id,
	    .partition = decision->partition,
	    .id = id_derive(
		decision->meta->operation_id, ID_EVENT, decision->events, id_shard_of_key(key)),
	    .type = str_from(event_table[type].type),
	    .subject = subject,
	    .key = key,
	    .operation_id = decision->meta->operation_id,
	    .occurred_at = decision->meta->accepted_at,
	};

	buf_clear(decider->scratch);
	avro_encode(decider->event_schemas[type], row_tables[event_table[type].table].record, row,
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
