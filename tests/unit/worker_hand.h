#ifndef TESTS_UNIT_WORKER_HAND_H
#define TESTS_UNIT_WORKER_HAND_H

/*
 * Commands decided one after the other over facts in memory, as in one batch: by the handlers
 * alone, without messages and without what outcome.c asks before.
 */

#include "tests/unit/worker_world.h"
#include "worker/billing.h"

/* What a test decides with. */
struct hand {
	struct world world;
	int64_t event_number;
	uint8_t operations; /* so far: each has an id of its own */
	int64_t now_ms;     /* when the next one is accepted */
	struct decision decision;
	struct uuid resource_id; /* of the last command */
};

/**
 * hand_at(hand, time):
 * The next commands are accepted at ${time}.
 */
static inline void
hand_at(struct hand *hand, const char *time)
{
	hand->now_ms = unit_instant(time).s * 1000;
}

/**
 * hand_clear(hand):
 * Begin with the organisation, WORLD_CUSTOMER, which has the external_id "own", and WORLD_PLAN.
 */
static inline void
hand_clear(struct hand *hand)
{
	struct customer customer = world_customer(WORLD_CUSTOMER);
	struct plan plan = world_plan(WORLD_PLAN);

	world_clear(&hand->world);
	hand->event_number = 0;
	hand->operations = 0;
	hand->now_ms = WORLD_NOW_MS;
	world_organisation(&hand->world);
	customer.external_id = STR("own");
	customer.email = STR("ada@example.com");
	facts_add(hand->world.facts, TABLE_CUSTOMERS, &customer);
	world_plan_add(&hand->world, &plan);
}

/**
 * hand_open(hand), hand_close(hand):
 * A world of one's own, cleared; and free it.
 */
static inline void
hand_open(struct hand *hand)
{
	world_open(&hand->world);
	hand_clear(hand);
}

static inline void
hand_close(struct hand *hand)
{
	world_close(&hand->world);
}

/**
 * hand_decide(hand, type, command), hand_do(hand, type, command):
 * Decide ${command}, whose meta is filled here; and have it accepted.
 */
static inline enum refusal
hand_decide(struct hand *hand, enum command_type type, void *command)
{
	struct command_meta *meta = command;

	*meta = world_meta((struct uuid){{0x0b, ++hand->operations, 0, 0, 0, 0, 0x80, 0, 0x80}});
	meta->accepted_at = hand->now_ms;
	hand->decision = (struct decision){
	    .decider = &hand->world.context.decider,
	    .meta = meta,
	    .organisation = facts_organisation(hand->world.facts, WORLD_ORGANISATION),
	    .cause = meta->operation_id,
	    .occurred_ms = hand->now_ms,
	    .partition = 3,
	    .event_number = &hand->event_number,
	};
	hand->resource_id = handler_table[type].resource(command);
	return handler_table[type].decide(&hand->decision, command);
}

static inline void
hand_do(struct hand *hand, enum command_type type, void *command)
{
	enum refusal refusal = hand_decide(hand, type, command);

	ck_assert_msg(refusal == REFUSAL_NONE, "%s: %s", command_table[type].name,
	    refusal == REFUSAL_MAX ? hand->decision.err.text : refusal_info(refusal)->slug);
}

/**
 * hand_refuse(hand, type, command, expected, name):
 * Have ${command} decided as ${expected} says; a refusal changes nothing.
 */
static inline void
hand_refuse(struct hand *hand, enum command_type type, void *command, enum refusal expected,
    const char *name)
{
	struct buf before, after;
	enum refusal refusal;

	buf_init(&before, WORLD_DUMP_MAX);
	buf_init(&after, WORLD_DUMP_MAX);
	world_dump(&hand->world, &before);
	refusal = hand_decide(hand, type, command);
	world_dump(&hand->world, &after);
	ck_assert_msg(refusal == expected, "%s: %s", name,
	    refusal == REFUSAL_NONE  ? "accepted"
	    : refusal == REFUSAL_MAX ? hand->decision.err.text
				     : refusal_info(refusal)->slug);
	ck_assert_msg(refusal == REFUSAL_NONE || str_equal(buf_str(&before), buf_str(&after)),
	    "%s: changed something", name);
	buf_release(&before);
	buf_release(&after);
}

/**
 * hand_chunk(hand, until):
 * What a chunk does of WORLD_CUSTOMER, up to and with ${until}, without a command.
 */
static inline void
hand_chunk(struct hand *hand, const char *until)
{
	bool more;

	hand->decision = (struct decision){
	    .decider = &hand->world.context.decider,
	    .organisation = facts_organisation(hand->world.facts, WORLD_ORGANISATION),
	    .partition = 3,
	    .event_number = &hand->event_number,
	};
	ck_assert_int_eq(billing_catch_up(&hand->decision,
			     facts_customer(hand->world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER),
			     HORIZON_AT(unit_instant(until)), &more),
	    REFUSAL_NONE);
	ck_assert(!more);
}

/**
 * hand_subscription(plan_id):
 * The wish for a subscription of WORLD_CUSTOMER to that plan, and nothing else.
 */
static inline struct create_subscription
hand_subscription(struct uuid plan_id)
{
	return (struct create_subscription){
	    .customer_id = WORLD_CUSTOMER,
	    .plan_id = plan_id,
	    .quantity = 1,
	    .start_at = INSTANT_NONE,
	    .end_at = INSTANT_NONE,
	    .trial_days = INT64_MIN,
	    .anchor = STR("start"),
	};
}

/**
 * hand_subscribe(hand, plan_id):
 * Have that wish granted; the subscription's id.
 */
static inline struct uuid
hand_subscribe(struct hand *hand, struct uuid plan_id)
{
	struct create_subscription create = hand_subscription(plan_id);

	hand_do(hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	return hand->resource_id;
}

/**
 * hand_park(hand, subscription_id):
 * Leave it as what fell due and could not be billed does: with a note of why, and nothing due.
 */
static inline void
hand_park(struct hand *hand, struct uuid subscription_id)
{
	struct subscription *row =
	    facts_subscription(hand->world.facts, WORLD_ORGANISATION, subscription_id);
	struct subscription parked;

	ck_assert_ptr_nonnull(row);
	parked = *row;
	parked.billing_problem = STR("amount-out-of-range");
	parked.due_at = INSTANT_NONE;
	facts_change(hand->world.facts, TABLE_SUBSCRIPTIONS, row, &parked);
}

/**
 * hand_change(subscription_id, plan_id):
 * The wish to be on that plan, now and for its part of the period.
 */
static inline struct change_subscription
hand_change(struct uuid subscription_id, struct uuid plan_id)
{
	return (struct change_subscription){
	    .subscription_id = subscription_id,
	    .plan_id = plan_id,
	    .quantity = QUANTITY_NONE,
	    .effective = STR("now"),
	    .proration = STR("prorate"),
	};
}

/**
 * hand_count(hand, table), hand_invoice(hand, index), hand_subscription_at(hand, index),
 * hand_customer(hand):
 * How many rows there are, and some of them.
 */
static inline size_t
hand_count(const struct hand *hand, enum table_id table)
{
	return hand->world.facts->lists[table].len;
}

static inline const struct invoice *
hand_invoice(struct hand *hand, size_t index)
{
	return world_row(&hand->world, TABLE_INVOICES, index);
}

static inline const struct subscription *
hand_subscription_at(struct hand *hand, size_t index)
{
	return world_row(&hand->world, TABLE_SUBSCRIPTIONS, index);
}

static inline struct customer *
hand_customer(struct hand *hand)
{
	struct customer *customer =
	    facts_customer(hand->world.facts, WORLD_ORGANISATION, WORLD_CUSTOMER);

	ck_assert_ptr_nonnull(customer);
	return customer;
}

/**
 * hand_assert_events(hand, expected):
 * The types of all events are these, in this order: "customer.created invoice.issued"; their
 * numbers have no gap, and no two have one id.
 */
static inline void
hand_assert_events(struct hand *hand, const char *expected)
{
	const struct fact_list *list = &hand->world.facts->lists[TABLE_OUTBOX];
	struct buf types;

	buf_init(&types, 64 * 1024);
	for (size_t i = 0; i < list->len; i++) {
		const struct event *event = list->values[i];

		buf_printf(&types, "%s%.*s", i == 0 ? "" : " ", (int)event->type.len - 9,
		    event->type.ptr + 6);
		ck_assert_int_eq(event->number, (int64_t)i + 1);
		ck_assert_int_eq(event->partition, 3);
		/* What changed is not the customer that it is the key of, but in its own events. */
		ck_assert(!uuid_equal(event->subject, WORLD_CUSTOMER) ||
			  strncmp(event->type.ptr, "billd.customer.", 15) == 0);
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(
			    !uuid_equal(event->id, ((const struct event *)list->values[j])->id),
			    "events %zu and %zu have one id", j, i);
	}
	unit_assert_str(buf_str(&types), expected, "events");
	ck_assert_int_eq(hand->event_number, (int64_t)list->len);
	buf_release(&types);
}

#endif
