#ifndef WORKER_BILLING_H
#define WORKER_BILLING_H

/*
 * Billing: what domain/lifecycle.h says becomes rows and events.  Each handler that moves a
 * subscription, and each chunk of what falls due, goes through here.  Knows no rules: what is
 * charged, and when, is domain/'s, and so is what discounts and taxes make of it, and how it is
 * booked.
 */

#include "common/domain/credit.h"
#include "common/domain/invoice.h"
#include "common/domain/lifecycle.h"
#include "worker/decision.h"

#define BILLING_STEPS_MAX \
	100 /* that fell due, done for one customer before a command, or in one chunk */
#define BILLING_STEPS_LOOKED_AT \
	2000 /* by billing_bills_due: a thousand that bill, and those of a century without */

/**
 * billing_settings(decision, timezone, ret_terms):
 * The terms that need no subscription: the zone, and the organisation's proration.  REFUSAL_MAX as
 * billing_terms.
 */
NODISCARD enum refusal billing_settings(
    struct decision *decision, struct str timezone, struct terms *ret_terms);

/**
 * billing_terms(decision, subscription, ret_terms):
 * What a step of ${subscription} is computed from: its zone, versions and quantities, from the
 * batch's facts. REFUSAL_MAX when they say what cannot be computed with, such as a zone that nobody
 * knows; else REFUSAL_NONE.
 */
NODISCARD enum refusal billing_terms(
    struct decision *decision, const struct subscription *subscription, struct terms *ret_terms);

/**
 * billing_apply(decision, customer, row, step, bill):
 * Store and tell ${step}: ${row} becomes step->after (NULL: it is new), its bill an invoice, or a
 * credit to the balance; ${customer}, a row of the facts, is changed with it.  Before that ${bill}
 * is assessed: the customer's pending items are taken along, discounts taken off, taxes added, and
 * step->after keeps how far its discounts are used up, what of it is not earned yet, and which
 * invoice is its latest; ${row} follows that (billing_follow).  The journal's entries are beside.
 * All ids derive from decision->cause and what it brought before.
 * Refused, no row changed, ${step} and ${bill} of no use: as assess; AMOUNT_OUT_OF_RANGE, when the
 * balance cannot take the credit; REFUSAL_MAX as billing_terms.
 */
NODISCARD enum refusal billing_apply(struct decision *decision, struct customer *customer,
    struct subscription *row, struct step *step, struct bill *bill);

/**
 * billing_refuses(decision, customer, step, bill):
 * What billing_apply would refuse of ${step}, with nothing changed but ${step} and ${bill}, which
 * are of no use behind it: for a command that does several steps or none.  REFUSAL_NONE: nothing of
 * it as ${customer} now is; and as long as steps that bill no credit are all that came between.
 */
NODISCARD enum refusal billing_refuses(struct decision *decision, const struct customer *customer,
    struct step *step, struct bill *bill);

/**
 * billing_follow(decision, row, invoice, declined, at):
 * Have the subscription ${row} follow ${invoice}, one of its own, as that is from ${at} on
 * (standing_follow): store and tell what it becomes, if it becomes something.  ${declined}: a
 * payment of the invoice has just failed for good.
 */
void billing_follow(struct decision *decision, struct subscription *row,
    const struct invoice *invoice, bool declined, struct instant at);

/**
 * billing_credit(decision, customer, at, ordinal, entry):
 * Book ${entry}, of which the caller has set what it is about (reason, amount, documents,
 * description, lines and their discounts and taxes), in the history of the balance of ${customer},
 * count it there, and tell.  ${customer} is the caller's copy, to be stored by it; its balance can
 * take the amount (CHECKed).  ${ordinal} tells entries of one cause apart.
 */
void billing_credit(struct decision *decision, struct customer *customer, struct instant at,
    uint32_t ordinal, struct credit_entry *entry);

/**
 * billing_number_series(decision, ret_series):
 * The row in which the organisation counts the documents of all its customers, to be changed by who
 * takes a number; made when it is missing.  NULL: it numbers for each customer alone.  REFUSAL_MAX,
 * untouched, when decision->err says that its setting is none of these; else REFUSAL_NONE.
 */
NODISCARD enum refusal billing_number_series(
    struct decision *decision, struct number_series **ret_series);

/**
 * billing_park(decision, customer, row, refusal):
 * What fell due of ${row} could not be billed: park it, and tell.
 */
void billing_park(struct decision *decision, struct customer *customer, struct subscription *row,
    enum refusal refusal);

/**
 * billing_retry(decision, customer, row, horizon):
 * ${row} is parked: where what it was parked for lies before ${horizon} and would be billed now,
 * let it fall due again; else leave it as it is.  REFUSAL_MAX as billing_terms.
 */
NODISCARD enum refusal billing_retry(struct decision *decision, struct customer *customer,
    struct subscription *row, struct horizon horizon);

/**
 * billing_catch_up(decision, customer, horizon, ret_more):
 * Do what fell due of the subscriptions of ${customer} that are in the facts, up to and with
 * ${horizon}: in the order of due_at, then id; each step for itself, at its own moment and under
 * its own cause, so that it does not matter who does it, and when.  A step that is refused parks
 * its subscription; so does, where no command is decided, one whose terms cannot be had.  At most
 * BILLING_STEPS_MAX of them; ${ret_more} tells whether some are left.  REFUSAL_MAX when
 * decision->err says why it could not be decided; else REFUSAL_NONE.
 */
NODISCARD enum refusal billing_catch_up(
    struct decision *decision, struct customer *customer, struct horizon horizon, bool *ret_more);

/**
 * billing_bring_up(decision, customer, ret_now):
 * Before a command on ${customer}: its time, and all done that fell due up to then.  Refused:
 * TEST_CLOCK_ADVANCING; BILLING_BEHIND, when it was too much for once (what was done stays done);
 * REFUSAL_MAX as billing_catch_up.
 */
NODISCARD enum refusal billing_bring_up(
    struct decision *decision, struct customer *customer, struct instant *ret_now);

/**
 * billing_steps_due(decision, subscription, terms, until, max):
 * How many steps of ${subscription}, whose terms now are ${terms}, fall due up to and with
 * ${until}: counted up to ${max}, without an effect but on decision->decider->bill.
 */
NODISCARD size_t billing_steps_due(struct decision *decision,
    const struct subscription *subscription, const struct terms *terms, struct instant until,
    size_t max);

/**
 * billing_bills_due(decision, subscription, terms, until, max):
 * Likewise, how many of these steps bill: counted up to ${max}, and to ${max} where they do not
 * end within BILLING_STEPS_LOOKED_AT.
 */
NODISCARD size_t billing_bills_due(struct decision *decision,
    const struct subscription *subscription, const struct terms *terms, struct instant until,
    size_t max);

#endif
