#include "common/domain/standing.h"

/* What follows from the latest invoice. */
static enum subscription_status
status_after(enum subscription_status status, enum invoice_status latest, bool declined)
{
	if (status == SUBSCRIPTION_ACTIVE && latest == INVOICE_OPEN && declined)
		return SUBSCRIPTION_PAST_DUE;
	if (status == SUBSCRIPTION_PAST_DUE && latest != INVOICE_OPEN)
		return SUBSCRIPTION_ACTIVE;
	return status;
}

bool
standing_follow(struct subscription *subscription, const struct invoice *invoice, bool declined,
    struct instant now)
{
	enum subscription_status before = subscription_status_from(subscription->status);
	enum subscription_status after;

	CHECK(uuid_equal(invoice->organisation_id, subscription->organisation_id));
	CHECK(uuid_equal(invoice->subscription_id, subscription->id));

	if (!uuid_equal(invoice->id, subscription->latest_invoice_id))
		return false;
	after = status_after(before, invoice_status_from(invoice->status), declined);
	if (after == before)
		return false;
	CHECK(subscription_transition_allowed(before, after));
	subscription->status = subscription_status_name(after);
	subscription->updated_at = instant_later(subscription->updated_at, now);
	return true;
}
