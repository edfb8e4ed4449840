#ifndef WORKER_ACCOUNT_H
#define WORKER_ACCOUNT_H

/*
 * What a command on a customer is about: its row and its time, brought up to it.  As subject.h, for
 * commands that name no subscription.
 */

#include "worker/decision.h"

struct account {
	struct customer *customer; /* its row */
	struct instant now;        /* the customer's time */
};

/**
 * account_refer(facts, organisation_id, customer_id):
 * Ask for all that account_find looks at.  The id is borrowed as long as ${facts} lives.
 */
void account_refer(
    struct facts *facts, struct uuid organisation_id, const struct uuid *customer_id);

/**
 * account_find(decision, customer_id, ret_account):
 * Find the customer, archived or not, and do what fell due of it before the command.  Refused:
 * CUSTOMER_NOT_FOUND; and as billing_bring_up.
 */
NODISCARD enum refusal account_find(
    struct decision *decision, struct uuid customer_id, struct account *ret_account);

/**
 * account_takes(decision, account, currency):
 * Whether an amount in ${currency} (empty: the customer's) can be put on it.  Refused:
 * CURRENCY_MISMATCH.
 */
NODISCARD enum refusal account_takes(
    struct decision *decision, const struct account *account, struct currency currency);

#endif
