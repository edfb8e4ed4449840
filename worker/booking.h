#ifndef WORKER_BOOKING_H
#define WORKER_BOOKING_H

/*
 * Booking: entries of the journal become rows.  What an entry says is common/domain/journal.h's;
 * here it learns which one it is, whose, and when it was made.  Each entry stands in the
 * transaction of the document that it is about.  Knows no rules.
 */

#include "common/domain/journal.h"
#include "worker/decision.h"

/**
 * booking_created_ms(decision, customer, at):
 * By what lists go, of whatever is made for ${customer} by something that takes effect at ${at}:
 * when the command was accepted, or what fell due did; in the time that the customer lives in.
 */
NODISCARD int64_t booking_created_ms(
    const struct decision *decision, const struct customer *customer, struct instant at);

/**
 * booking_add(decision, customer, at, entry):
 * Add ${entry}, whose accounts and document one of journal_* has set, as booked at ${at} for
 * ${customer}; the rest of it is set here.  One whose accounts are all 0 says nothing, and is left
 * out.
 */
void booking_add(struct decision *decision, const struct customer *customer, struct instant at,
    struct journal_entry *entry);

#endif
