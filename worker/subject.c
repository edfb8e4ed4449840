#include "worker/subject.h"

#include "worker/billing.h"

void
subject_refer(struct facts *facts, struct uuid organisation_id, const struct uuid *subscription_id)
{
	facts_need(facts, NEED_SUBSCRIPTION, organisation_id, subscription_id);
	facts_need(facts, NEED_SUBSCRIBER, organisation_id, subscription_id);
	/* What falls due of them shares numbers and a balance with this one. */
	facts_need(facts, NEED_SIBLINGS, organisation_id, subscription_id);
}

enum refusal
subject_find(struct decision *decision, struct uuid subscription_id, struct subject *ret_subject)
{
	const struct facts *facts = decision->decider->facts;
	struct uuid organisation_id = decision->meta->organisation_id;
	struct subscription *row = facts_subscription(facts, organisation_id, subscription_id);

	if (row == NULL)
		return REFUSAL_SUBSCRIPTION_NOT_FOUND;
	ret_subject->row = row;
	ret_subject->customer = facts_customer(facts, organisation_id, row->customer_id);
	CHECK(ret_subject->customer != NULL);
	return billing_bring_up(decision, ret_subject->customer, &ret_subject->now);
}

enum refusal
subject_terms(struct decision *decision, const struct subject *subject, struct terms *ret_terms)
{
	if (!subscription_is_live(subject->row))
		return REFUSAL_SUBSCRIPTION_FINAL;
	return billing_terms(decision, subject->row, ret_terms);
}

enum refusal
subject_move(
    struct decision *decision, const struct subject *subject, struct step *step, struct bill *bill)
{
	enum refusal refusal = billing_apply(decision, subject->customer, subject->row, step, bill);
	bool more;

	if (refusal != REFUSAL_NONE)
		return refusal;
	return billing_catch_up(decision, subject->customer, HORIZON_AT(subject->now), &more);
}
