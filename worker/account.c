#include "worker/account.h"

#include "worker/billing.h"

void
account_refer(struct facts *facts, struct uuid organisation_id, const struct uuid *customer_id)
{
	facts_need(facts, NEED_CUSTOMER, organisation_id, customer_id);
	facts_need(facts, NEED_LIVE_SUBSCRIPTION, organisation_id, customer_id);
}

enum refusal
account_find(struct decision *decision, struct uuid customer_id, struct account *ret_account)
{
	struct customer *row =
	    facts_customer(decision->decider->facts, decision->meta->organisation_id, customer_id);

	if (row == NULL)
		return REFUSAL_CUSTOMER_NOT_FOUND;
	ret_account->customer = row;
	return billing_bring_up(decision, row, &ret_account->now);
}

enum refusal
account_takes(struct decision *decision, const struct account *account, struct currency currency)
{
	const struct currency own = account->customer->currency;

	if (currency.code[0] == '\0' || currency_equal(currency, own))
		return REFUSAL_NONE;
	return decision_refuse(decision, REFUSAL_CURRENCY_MISMATCH,
	    "the customer is billed in %s, not in %s", own.code, currency.code);
}
