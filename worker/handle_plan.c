/* Commands on plans: create, update, archive.  A plan belongs to no customer, so its commands go by
 * the organisation. */

#include "common/base/id.h"
#include "worker/handler.h"
#include "worker/tax_rates.h"

int32_t
plan_shard(const void *command)
{
	const struct command_meta *meta = command;

	return id_shard_of_key(meta->organisation_id);
}

struct uuid
plan_create_resource(const void *command)
{
	const struct create_plan *create = command;

	return id_derive(create->meta.operation_id, ID_PLAN, 0, 0);
}

void
plan_create_refer(struct facts *facts, const void *command)
{
	const struct create_plan *create = command;

	facts_need_text(facts, NEED_PLAN_CODE, create->meta.organisation_id, create->code);
	tax_rates_refer_charges(
	    facts, create->meta.organisation_id, create->charges, create->charges_len);
}

/* Give ${plan} the one charge of an amount. */
static void
amount_set(const struct decision *decision, struct plan *plan, int64_t amount)
{
	struct charge *charge = arena_alloc(decision->decider->arena, sizeof(*charge));

	CHECK(charge != NULL);
	*charge = charge_base(plan->name, amount);
	plan->charges = charge;
	plan->charges_len = 1;
}

/* Give ${plan} the prices of a command: an amount, or charges; as it is when there are neither. */
static enum refusal
charges_set(struct decision *decision, struct plan *plan, int64_t amount,
    const struct charge *charges, size_t charges_len)
{
	enum charge_fault fault;
	const char *field;
	size_t index;

	if (amount != AMOUNT_NONE && charges_len > 0)
		return decision_refuse(decision, REFUSAL_CHARGE_INVALID,
		    "amount: stands in place of charges, not beside them");
	if (amount != AMOUNT_NONE) {
		amount_set(decision, plan, amount);
	} else if (charges_len > 0) {
		plan->charges = charges;
		plan->charges_len = charges_len;
	}
	fault = charge_check(plan->charges, plan->charges_len, &index, &field);
	if (fault != CHARGE_GOOD)
		return decision_refuse(decision, REFUSAL_CHARGE_INVALID, "charges/%zu/%s: %s",
		    index, field, charge_fault_text(fault));
	if (!plan_flat_amount(plan->charges, plan->charges_len, &plan->amount))
		return decision_refuse(decision, REFUSAL_AMOUNT_OUT_OF_RANGE,
		    "the flat charges in advance do not fit together");
	return REFUSAL_NONE;
}

/* Write down the prices that ${plan} has from ${now} on. */
static void
version_add(struct decision *decision, const struct plan *plan, struct instant now)
{
	struct plan_version version = plan_current(plan);

	version.created_at = now;
	facts_add(decision->decider->facts, TABLE_PLAN_VERSIONS, &version);
}

enum refusal
plan_create_decide(struct decision *decision, const void *command)
{
	const struct create_plan *create = command;
	struct facts *facts = decision->decider->facts;
	struct instant now = decision_now(decision, INSTANT_NONE);
	struct uuid id = plan_create_resource(command);
	struct plan plan = {
	    .organisation_id = create->meta.organisation_id,
	    .id = id,
	    .version_id = id,
	    .version = 1,
	    .code = create->code,
	    .name = create->name,
	    .currency = create->currency,
	    .interval = create->interval,
	    .interval_count = create->interval_count,
	    .trial_days = create->trial_days,
	    .metadata = create->metadata,
	    .created_ms = create->meta.accepted_at,
	    .created_at = now,
	    .updated_at = now,
	    .archived_at = INSTANT_NONE,
	};
	enum refusal refusal =
	    tax_rates_find_charges(decision, create->charges, create->charges_len);

	if (refusal != REFUSAL_NONE)
		return refusal;
	if (facts_plan_by_code(facts, plan.organisation_id, plan.code) != NULL)
		return decision_refuse(decision, REFUSAL_PLAN_CODE_TAKEN, "code \"%.*s\" is taken",
		    STR_ARG(plan.code));
	refusal = tax_rates_take_charges(decision, create->charges, create->charges_len, NULL, 0);
	if (refusal != REFUSAL_NONE)
		return refusal;
	/* The schema holds that one of both is there. */
	CHECK(create->amount != AMOUNT_NONE || create->charges_len > 0);
	refusal =
	    charges_set(decision, &plan, create->amount, create->charges, create->charges_len);
	if (refusal != REFUSAL_NONE)
		return refusal;
	facts_add(facts, TABLE_PLANS, &plan);
	version_add(decision, &plan, now);
	decision_emit(decision, EVENT_PLAN_CREATED, plan.id, plan.organisation_id, &plan);
	return REFUSAL_NONE;
}

struct uuid
plan_update_resource(const void *command)
{
	const struct update_plan *update = command;

	return update->plan_id;
}

void
plan_update_refer(struct facts *facts, const void *command)
{
	const struct update_plan *update = command;

	facts_need(facts, NEED_PLAN, update->meta.organisation_id, &update->plan_id);
	tax_rates_refer_charges(
	    facts, update->meta.organisation_id, update->charges, update->charges_len);
}

/* The plan that a command may change. */
static enum refusal
changeable(const struct plan *plan)
{
	if (plan == NULL)
		return REFUSAL_PLAN_NOT_FOUND;
	if (!instant_is_none(plan->archived_at))
		return REFUSAL_PLAN_ARCHIVED;
	return REFUSAL_NONE;
}

/* Whether the command says anything about what is paid, and when. */
static bool
has_prices(const struct update_plan *update)
{
	return update->interval.ptr != NULL || update->interval_count != INT64_MIN ||
	       update->trial_days != INT64_MIN || update->amount != AMOUNT_NONE ||
	       update->charges_len > 0;
}

/* The next version's number and prices: what the command gives, and else what they were. */
static enum refusal
prices_update(struct decision *decision, const struct update_plan *update, struct plan *plan)
{
	if (update->interval.ptr != NULL)
		plan->interval = update->interval;
	if (update->interval_count != INT64_MIN)
		plan->interval_count = (int32_t)update->interval_count;
	if (update->trial_days != INT64_MIN)
		plan->trial_days = (int32_t)update->trial_days;
	plan->version++;
	plan->version_id = id_derive(update->meta.operation_id, ID_PLAN_VERSION, 0, 0);
	return charges_set(decision, plan, update->amount, update->charges, update->charges_len);
}

/* What stands against ${update} of ${row}, apart from its prices. */
static enum refusal
update_judge(struct decision *decision, const struct update_plan *update, const struct plan *row)
{
	enum refusal refusal =
	    row == NULL ? REFUSAL_PLAN_NOT_FOUND
			: tax_rates_find_charges(decision, update->charges, update->charges_len);

	if (refusal == REFUSAL_NONE)
		refusal = changeable(row);
	if (refusal != REFUSAL_NONE)
		return refusal;
	return tax_rates_take_charges(
	    decision, update->charges, update->charges_len, row->charges, row->charges_len);
}

/* Subscriptions stay on the version that they are on until they are moved. */
enum refusal
plan_update_decide(struct decision *decision, const void *command)
{
	const struct update_plan *update = command;
	struct facts *facts = decision->decider->facts;
	struct plan *row = facts_plan(facts, update->meta.organisation_id, update->plan_id);
	enum refusal refusal = update_judge(decision, update, row);
	struct plan plan;

	if (refusal != REFUSAL_NONE)
		return refusal;
	plan = *row;
	if (update->name.len > 0)
		plan.name = update->name;
	plan.updated_at = decision_now(decision, row->updated_at);
	if (has_prices(update)) {
		refusal = prices_update(decision, update, &plan);
		if (refusal != REFUSAL_NONE)
			return refusal;
	}
	refusal = decision_metadata(decision, row->metadata, update->metadata, &plan.metadata);
	if (refusal != REFUSAL_NONE)
		return refusal;

	if (has_prices(update)) {
		/* What subscribed to it in this batch will ask for the version that goes. */
		const struct plan_version version = plan_current(row);

		facts_keep(facts, TABLE_PLAN_VERSIONS, &version);
		version_add(decision, &plan, plan.updated_at);
	}
	facts_change(facts, TABLE_PLANS, row, &plan);
	decision_emit(decision, EVENT_PLAN_UPDATED, plan.id, plan.organisation_id, &plan);
	return REFUSAL_NONE;
}

struct uuid
plan_archive_resource(const void *command)
{
	const struct archive_plan *archive = command;

	return archive->plan_id;
}

void
plan_archive_refer(struct facts *facts, const void *command)
{
	const struct archive_plan *archive = command;

	facts_need(facts, NEED_PLAN, archive->meta.organisation_id, &archive->plan_id);
}

enum refusal
plan_archive_decide(struct decision *decision, const void *command)
{
	const struct archive_plan *archive = command;
	struct facts *facts = decision->decider->facts;
	struct plan *row = facts_plan(facts, archive->meta.organisation_id, archive->plan_id);
	enum refusal refusal = changeable(row);
	struct plan plan;

	if (refusal != REFUSAL_NONE)
		return refusal;

	plan = *row;
	plan.updated_at = decision_now(decision, row->updated_at);
	plan.archived_at = plan.updated_at;
	facts_change(facts, TABLE_PLANS, row, &plan);
	decision_emit(decision, EVENT_PLAN_ARCHIVED, plan.id, plan.organisation_id, &plan);
	return REFUSAL_NONE;
}
