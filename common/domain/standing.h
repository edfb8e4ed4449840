#ifndef COMMON_DOMAIN_STANDING_H
#define COMMON_DOMAIN_STANDING_H

/*
 * A subscription's standing: whether it is active or past due, which follows from its latest
 * invoice alone, as Stripe has it (billing-rules: "Subscriptions", "Payments").  It goes on being
 * billed either way; what it does by itself is lifecycle.h's.  Pure.
 */

#include "common/domain/invoice.h"
#include "common/domain/subscription.h"

/**
 * standing_follow(subscription, invoice, declined, now):
 * Have ${subscription} follow ${invoice}, one of its own, as that now is; ${declined}: a payment of
 * it has just failed for good.  Where it is the latest one: active becomes past due when the
 * payment was declined and the invoice is open, past due becomes active when the invoice is open
 * no more, be it paid, void or given up.  Only status and updated_at change.  False, untouched: it
 * stays what it is, as all that is neither active nor past due does.
 */
NODISCARD bool standing_follow(struct subscription *subscription, const struct invoice *invoice,
    bool declined, struct instant now);

#endif
