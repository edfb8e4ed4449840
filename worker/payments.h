#ifndef WORKER_PAYMENTS_H
#define WORKER_PAYMENTS_H

/*
 * Payments and refunds as rows of the batch: begun by a command, and brought to their end by the
 * same one or by what a provider said.  What may begin, and what follows, is the domain's.
 */

#include "common/domain/payment.h"
#include "worker/document.h"

/* What a payment or refund is, beside the document that it is for. */
struct payments_wish {
	struct str kind; /* "payment", "refund" */
	struct str method;
	struct str reference;                  /* of a manual one; or none */
	int64_t amount;                        /* minor units, from 1 */
	struct uuid refund_of, credit_note_id; /* of a refund; else nil */
};

/**
 * payments_is_refund(payment):
 * Whether the money goes back.
 */
NODISCARD bool payments_is_refund(const struct payment *payment);

/**
 * payments_begin(decision, document, ordinal, wish):
 * Add the row of ${wish}, which is number ${ordinal} of its command's, as processing; and tell.
 * The row.
 */
struct payment *payments_begin(struct decision *decision, const struct document *document,
    uint32_t ordinal, const struct payments_wish *wish);

/**
 * payments_move(decision, document, row, payment):
 * Put ${payment}, which is settled or unknown, in place of ${row}, and tell; and book what came,
 * what went back, or what could not go back.
 */
void payments_move(struct decision *decision, const struct document *document, struct payment *row,
    const struct payment *payment);

/**
 * payments_under_way(facts, pay):
 * Whether ${pay} has begun a payment before, and its outcome is not known.
 */
NODISCARD bool payments_under_way(const struct facts *facts, const struct pay_invoice *pay);

/**
 * payments_wait(facts):
 * Whether a provider is to be asked for one of the payments and refunds of ${facts} for the first
 * time.
 */
NODISCARD bool payments_wait(const struct facts *facts);

#endif
