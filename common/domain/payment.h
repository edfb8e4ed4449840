#ifndef COMMON_DOMAIN_PAYMENT_H
#define COMMON_DOMAIN_PAYMENT_H

/*
 * Payments and refunds, and what becomes of them (billing-rules: "Payments").  A row is committed
 * before a provider is asked; its outcome comes back as a command.  Pure.
 */

#include "common/base/instant.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/invoice.h"
#include "common/domain/money.h"
#include "common/domain/refusal.h"

#define PAYMENTS_MAX 100              /* attempts for one invoice */
#define PAYMENTS_AND_REFUNDS_MAX 1000 /* of one invoice, where a refund is to be begun */
#define PAYMENT_METHOD_MANUAL                                              \
	STR("manual") /* money that came another way: no provider is asked \
		       */

enum payment_status {
	PAYMENT_PROCESSING, /* the provider is being asked */
	PAYMENT_UNKNOWN,    /* it gave no answer: it is asked what it did before anything else */
	PAYMENT_SUCCEEDED,  /* final */
	PAYMENT_FAILED,     /* final */
	PAYMENT_STATUS_MAX,
};

struct payment {
	struct uuid organisation_id;
	struct uuid id; /* what the provider knows it by: asked twice, it is one */
	int32_t shard;  /* the customer's */
	struct uuid customer_id;
	struct uuid test_clock_id; /* the customer's */
	struct uuid invoice_id;
	struct str kind;   /* "payment", "refund" */
	struct str status; /* as payment_status_name gives it */
	struct str payment_method;
	int64_t amount; /* minor units, from 1 */
	struct currency currency;
	int64_t amount_refunded;    /* of a payment: also while a refund is on its way */
	struct uuid refund_of;      /* of a refund: the payment; else nil */
	struct uuid credit_note_id; /* of a refund: why; else nil */
	struct str reference;       /* the provider's, or what a manual one was given; or none */
	struct str failure_code;    /* "card_declined"; or none */
	/* Who asked for it: the operation is written when a payment is settled. */
	struct uuid operation_id;
	int64_t accepted_ms;
	struct str idempotency_key, actor, address, request_id;
	int64_t created_ms; /* milliseconds: when its command was accepted; lists go by it */
	struct instant created_at;
	struct instant updated_at;
	struct instant settled_at; /* INSTANT_NONE until then */
};

/**
 * payment_status_name(status), payment_status_from(name):
 * "processing", "unknown", "succeeded", "failed", and back.  An unknown name is a bug.
 */
NODISCARD struct str payment_status_name(enum payment_status status);
NODISCARD enum payment_status payment_status_from(struct str name);

/**
 * payment_method_is_known(method):
 * Whether it is manual, or one of the simulated provider's: sim_ok, sim_declined,
 * sim_insufficient_funds, sim_error, sim_fail_n_then_ok:N (N from 0 to 99).
 */
NODISCARD bool payment_method_is_known(struct str method);

/**
 * payment_failures_read(method, ret_n):
 * Read the N of sim_fail_n_then_ok:N, from 0 to 99.  False, untouched, for any other method.
 */
NODISCARD bool payment_failures_read(struct str method, int32_t *ret_n);

/**
 * payment_begin(invoice, attempts, method, amount):
 * Whether a payment over ${amount} (INT64_MIN: all that remains) by ${method} can begin, behind
 * ${attempts} that were made before.  Refused, in this order: PAYMENT_METHOD_UNKNOWN,
 * PAYMENT_IN_PROGRESS, INVOICE_FINAL, PAYMENT_TOO_LARGE, PAYMENTS_TOO_MANY.
 */
NODISCARD enum refusal payment_begin(
    const struct invoice *invoice, size_t attempts, struct str method, int64_t amount);

/**
 * payment_refund(rows, refunds):
 * Whether so many ${refunds} can begin for an invoice that has ${rows} payments and refunds.
 * Refused: PAYMENTS_TOO_MANY.
 */
NODISCARD enum refusal payment_refund(size_t rows, size_t refunds);

/**
 * payment_settle(payment, status, now):
 * Move ${payment} to ${status} (not PAYMENT_PROCESSING).  Refused, untouched: PAYMENT_SETTLED.
 */
NODISCARD enum refusal payment_settle(
    struct payment *payment, enum payment_status status, struct instant now);

#endif
