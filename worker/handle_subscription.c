/* Commands on a subscription that is there: change, cancel, uncancel, pause, resume. */

#include "common/base/id.h"
#include "worker/billing.h"
#include "worker/handler.h"
#include "worker/subject.h"

/* Where every such command has the subscription's id. */
#define ID_OFFSET offsetof(struct move_subscription, subscription_id)
_Static_assert(offsetof(struct change_subscription, subscription_id) == ID_OFFSET &&
		   offsetof(struct cancel_subscription, subscription_id) == ID_OFFSET &&
		   offsetof(struct report_quantity, subscription_id) == ID_OFFSET,
    "the id comes first behind the meta");

static const struct uuid *
id_of(const void *command)
{
	return (const void *)((const char *)command + ID_OFFSET);
}

int32_t
subscription_shard(const void *command)
{
	return id_shard(*id_of(command));
}

struct uuid
subscription_resource(const void *command)
{
	return *id_of(command);
}

void
subscription_refer(struct facts *facts, const void *command)
{
	const struct command_meta *meta = command;

	subject_refer(facts, meta->organisation_id, id_of(command));
}

void
subscription_change_refer(struct facts *facts, const void *command)
{
	const struct change_subscription *change = command;

	subscription_refer(facts, command);
	if (!uuid_is_nil(change->plan_id))
		facts_need(facts, NEED_PLAN, change->meta.organisation_id, &change->plan_id);
}

static enum lifecycle_effective
effective_of(struct str text)
{
	return str_equal(text, STR("now")) ? LIFECYCLE_NOW : LIFECYCLE_PERIOD_END;
}

/* What was reported for a period that ended in the second in which it began is billed: it is not
 * for the one that begins in the same second. */
static void
quantities_close(struct decision *decision, const struct terms *terms)
{
	struct facts *facts = decision->decider->facts;

	for (size_t i = 0; i < terms->quantities_len; i++) {
		struct quantity quantity = terms->quantities[i];
		struct quantity *row = facts_quantity(facts, quantity.organisation_id, quantity.id);

		CHECK(row != NULL);
		quantity.closed = true;
		facts_change(facts, TABLE_QUANTITIES, row, &quantity);
	}
}

enum refusal
subscription_change_decide(struct decision *decision, const void *command)
{
	const struct change_subscription *wish = command;
	struct bill *bill = decision->decider->bill;
	struct change change = {
	    .quantity = wish->quantity,
	    .effective = effective_of(wish->effective),
	    .prorate = str_equal(wish->proration, STR("prorate")),
	};
	struct plan_version version;
	struct subject subject;
	struct terms terms;
	struct step step;
	enum refusal refusal;

	if (!uuid_is_nil(wish->plan_id)) {
		change.plan =
		    facts_plan(decision->decider->facts, wish->meta.organisation_id, wish->plan_id);
		if (change.plan == NULL)
			return REFUSAL_PLAN_NOT_FOUND;
		version = plan_current(change.plan);
		change.version = &version;
	}
	refusal = subject_find(decision, wish->subscription_id, &subject);
	if (refusal == REFUSAL_NONE)
		refusal = subject_terms(decision, &subject, &terms);
	if (refusal == REFUSAL_NONE)
		refusal = lifecycle_change(
		    subject.customer, subject.row, &change, &terms, subject.now, &step, bill);
	if (refusal == REFUSAL_NONE)
		refusal = subject_move(decision, &subject, &step, bill);
	if (refusal == REFUSAL_NONE && step.closes_usage)
		quantities_close(decision, &terms);
	return refusal;
}

enum refusal
subscription_cancel_decide(struct decision *decision, const void *command)
{
	const struct cancel_subscription *wish = command;
	struct bill *bill = decision->decider->bill;
	struct subject subject;
	struct terms terms;
	struct step step;
	enum refusal refusal = subject_find(decision, wish->subscription_id, &subject);

	if (refusal == REFUSAL_NONE)
		refusal = subject_terms(decision, &subject, &terms);
	if (refusal == REFUSAL_NONE)
		refusal = lifecycle_cancel(subject.row, effective_of(wish->effective),
		    wish->credit_unused, &terms, subject.now, &step, bill);
	if (refusal != REFUSAL_NONE)
		return refusal;
	return subject_move(decision, &subject, &step, bill);
}

/* A period that was moved takes along what was reported for it. */
static void
quantities_move(struct decision *decision, const struct terms *terms, const struct step *step)
{
	struct facts *facts = decision->decider->facts;

	for (size_t i = 0; i < terms->quantities_len; i++) {
		struct quantity quantity = terms->quantities[i];
		struct quantity *row = facts_quantity(facts, quantity.organisation_id, quantity.id);

		CHECK(row != NULL);
		quantity.period_start = step->after.current_period_start;
		quantity.updated_at = step->at;
		facts_change(facts, TABLE_QUANTITIES, row, &quantity);
	}
}

enum refusal
subscription_resume_decide(struct decision *decision, const void *command)
{
	const struct move_subscription *wish = command;
	struct bill *bill = decision->decider->bill;
	struct subject subject;
	struct terms terms;
	struct step step;
	enum refusal refusal = subject_find(decision, wish->subscription_id, &subject);

	if (refusal == REFUSAL_NONE)
		refusal = subject_terms(decision, &subject, &terms);
	if (refusal == REFUSAL_NONE)
		refusal = lifecycle_resume(subject.row, &terms, subject.now, &step, bill);
	if (refusal != REFUSAL_NONE)
		return refusal;
	quantities_move(decision, &terms, &step);
	return subject_move(decision, &subject, &step, bill);
}

/* What nothing is billed for. */
typedef enum refusal lifecycle_move(
    const struct subscription *subscription, struct instant now, struct step *step);

static enum refusal
move_unbilled(struct decision *decision, const struct move_subscription *wish, lifecycle_move *move)
{
	struct bill *bill = decision->decider->bill;
	struct subject subject;
	struct step step;
	enum refusal refusal = subject_find(decision, wish->subscription_id, &subject);

	if (refusal == REFUSAL_NONE)
		refusal = move(subject.row, subject.now, &step);
	if (refusal != REFUSAL_NONE)
		return refusal;
	CHECK(!step.bills);
	bill_init(bill);
	return subject_move(decision, &subject, &step, bill);
}

enum refusal
subscription_uncancel_decide(struct decision *decision, const void *command)
{
	return move_unbilled(decision, command, lifecycle_uncancel);
}

enum refusal
subscription_pause_decide(struct decision *decision, const void *command)
{
	return move_unbilled(decision, command, lifecycle_pause);
}
