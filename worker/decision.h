#ifndef WORKER_DECISION_H
#define WORKER_DECISION_H

/*
 * What a handler sees while it decides one command: the facts, the command's time, and the means to
 * change rows and emit events. A handler reads no clock, no random source and no network: the same
 * command on the same facts gives the same rows.
 */

#include "common/codec/command.h"
#include "common/codec/schema.h"
#include "common/domain/refusal.h"
#include "common/zone/zone.h"
#include "worker/facts.h"

/* Every type of event.  The value is a whole resource, as schemas/events/ has it. */
enum event_type {
	EVENT_CUSTOMER_CREATED,
	EVENT_CUSTOMER_UPDATED,
	EVENT_CUSTOMER_ARCHIVED,
	EVENT_PLAN_CREATED,
	EVENT_PLAN_UPDATED,
	EVENT_PLAN_ARCHIVED,
	EVENT_SUBSCRIPTION_CREATED, /* and in the order of enum lifecycle_event: */
	EVENT_SUBSCRIPTION_STARTED,
	EVENT_SUBSCRIPTION_TRIAL_ENDED,
	EVENT_SUBSCRIPTION_RENEWED,
	EVENT_SUBSCRIPTION_CHANGED,
	EVENT_SUBSCRIPTION_UPDATED,
	EVENT_SUBSCRIPTION_PAUSED,
	EVENT_SUBSCRIPTION_RESUMED,
	EVENT_SUBSCRIPTION_CANCELED,
	EVENT_SUBSCRIPTION_EXPIRED,
	EVENT_SUBSCRIPTION_PARKED,
	EVENT_SUBSCRIPTION_EARNED,
	EVENT_SUBSCRIPTION_PAST_DUE,
	EVENT_SUBSCRIPTION_RECOVERED, /* past due no more */
	EVENT_INVOICE_ISSUED,
	EVENT_INVOICE_PAID,
	EVENT_QUANTITY_REPORTED,
	EVENT_CREDIT_RECORDED,
	EVENT_TEST_CLOCK_CREATED,
	EVENT_TEST_CLOCK_ADVANCED,
	EVENT_INVOICE_UPDATED, /* paid or credited in part */
	EVENT_INVOICE_VOIDED,
	EVENT_INVOICE_UNCOLLECTIBLE,
	EVENT_COUPON_CREATED,
	EVENT_COUPON_ARCHIVED,
	EVENT_TAX_RATE_CREATED,
	EVENT_TAX_RATE_ARCHIVED,
	EVENT_ITEM_CREATED,
	EVENT_ITEM_BILLED,
	EVENT_ITEM_CANCELED,
	EVENT_CREDIT_NOTE_ISSUED,
	EVENT_PAYMENT_CREATED, /* and refunds: their kind tells */
	EVENT_PAYMENT_UNKNOWN,
	EVENT_PAYMENT_SUCCEEDED,
	EVENT_PAYMENT_FAILED,
	EVENT_BILLING_RUN_STARTED,
	EVENT_BILLING_RUN_PAUSED,
	EVENT_BILLING_RUN_RESUMED,
	EVENT_BILLING_RUN_CANCELED,
	EVENT_BILLING_RUN_FINISHED,
	EVENT_TYPE_MAX,
};

/* What all decisions of a batch share. */
struct decider {
	struct facts *facts;
	struct arena *arena;
	struct zone_cache *zones;
	const struct schema *event_schemas[EVENT_TYPE_MAX];
	struct buf *scratch; /* for encoding */
	struct bill *bill;   /* of the step in hand: too large for the stack */
};

/*
 * What is decided for: one command, or what falls due of one customer.  Within a command, what fell
 * due before it is decided first, each step under its own cause.
 */
struct decision {
	struct decider *decider;
	const struct command_meta *meta; /* NULL: no command, but what falls due */
	struct str request_id;           /* by which it came; none: not known */
	const struct organisation *organisation;
	struct uuid cause;   /* from which every id is derived: the operation's, or id_due's */
	int64_t occurred_ms; /* milliseconds since the epoch: of the events of this cause */
	uint32_t events;     /* emitted for this cause so far */
	uint32_t entries;    /* of the journal, likewise */
	int32_t partition;
	int64_t *event_number;      /* the partition's last one given */
	struct uuid billing_run_id; /* whose invoices these are; nil: no run's */
	bool deferred; /* the command's operation is written later: an advancing test clock's, that
			  of a payment on its way, that of a run told as finished before it is */
	char detail[1200]; /* what a refusal adds to its title; "" for nothing */
	struct err err;    /* filled when the handler returned REFUSAL_MAX */
};

/**
 * decider_init(decider, schemas, err):
 * Find the schema of each type of event.  ERR_FATAL when one is missing.
 */
NODISCARD enum err_class decider_init(
    struct decider *decider, const struct schemas *schemas, struct err *err);

/**
 * decision_now(decision, latest_at):
 * The command's time: when it was accepted, or ${latest_at} if that is later, as the clocks of two
 * ingresses differ.
 */
NODISCARD struct instant decision_now(const struct decision *decision, struct instant latest_at);

/**
 * decision_customer_now(decision, customer, ret_now):
 * The time that a command on ${customer} takes effect at: its test clock's, or decision_now.
 * Refused, untouched: TEST_CLOCK_ADVANCING.
 */
NODISCARD enum refusal decision_customer_now(
    const struct decision *decision, const struct customer *customer, struct instant *ret_now);

/**
 * decision_because(decision, cause, occurred_ms, ret_before), decision_resume(decision, before):
 * Decide what another cause brings; and go on with what was before.
 */
void decision_because(
    struct decision *decision, struct uuid cause, int64_t occurred_ms, struct decision *ret_before);
void decision_resume(struct decision *decision, const struct decision *before);

/**
 * decision_emit(decision, type, subject, key, row):
 * Emit an event about ${subject}, the resource ${row} as it now is; ${key} is its customer, or its
 * organisation.
 */
void decision_emit(struct decision *decision, enum event_type type, struct uuid subject,
    struct uuid key, const void *row);

/**
 * decision_refuse(decision, refusal, format, ...):
 * Say more about ${refusal}, and return it.
 */
NODISCARD enum refusal decision_refuse(
    struct decision *decision, enum refusal refusal, const char *format, ...) PRINTF_LIKE(3, 4);

/**
 * decision_metadata(decision, old, changes, ret_merged):
 * ${old} with the pairs of ${changes} set, those with an empty value taken away.
 * METADATA_TOO_LARGE, untouched, when too many are left.
 */
NODISCARD enum refusal decision_metadata(struct decision *decision, struct str_map old,
    struct str_map changes, struct str_map *ret_merged);

#endif
