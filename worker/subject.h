#ifndef WORKER_SUBJECT_H
#define WORKER_SUBJECT_H

/*
 * What a command on a subscription is about: its row, its customer and their time, brought up to
 * it.
 */

#include "common/domain/lifecycle.h"
#include "worker/decision.h"

struct subject {
	struct subscription *row;
	struct customer *customer;
	struct instant now; /* the customer's time */
};

/**
 * subject_refer(facts, organisation_id, subscription_id):
 * Ask for all that subject_find looks at.  The id is borrowed as long as ${facts} lives.
 */
void subject_refer(
    struct facts *facts, struct uuid organisation_id, const struct uuid *subscription_id);

/**
 * subject_find(decision, subscription_id, ret_subject):
 * Find the subscription, and do what fell due of its customer before the command.  Refused:
 * SUBSCRIPTION_NOT_FOUND; and as billing_bring_up.
 */
NODISCARD enum refusal subject_find(
    struct decision *decision, struct uuid subscription_id, struct subject *ret_subject);

/**
 * subject_terms(decision, subject, ret_terms):
 * What a step of the subscription is computed from.  Refused: SUBSCRIPTION_FINAL, when it has
 * ended, as nothing is loaded for such; REFUSAL_MAX as billing_terms.
 */
NODISCARD enum refusal subject_terms(
    struct decision *decision, const struct subject *subject, struct terms *ret_terms);

/**
 * subject_move(decision, subject, step, bill):
 * Store what the command makes of the subscription, and then do what falls due of it at once, now
 * that it can be billed.  Refused, no row changed: as billing_apply.  REFUSAL_MAX as
 * billing_catch_up, too.
 */
NODISCARD enum refusal subject_move(
    struct decision *decision, const struct subject *subject, struct step *step, struct bill *bill);

#endif
