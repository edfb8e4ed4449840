/* Commands on plans: create, update, archive.  A plan belongs to no customer, so its commands go by
 * the organisation. */

#include "common/base/id.h"
#include "worker/handler.h"

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
}

enum refusal
plan_create_decide(struct decision *decision, const void *command)
{
	const struct create_plan *create = command;
	struct facts *facts = decision->decider->facts;
	struct instant now = decision_now(decision, INSTANT_NONE);
	struct plan plan = {
	    .organisation_id = create->meta.organisation_id,
	    .id = plan_create_resource(command),
	    .code = create->code,
	    .name = create->name,
	    .currency = create->currency,
	    .interval = create->interval,
	    .interval_count = create->interval_count,
	    .amount = create->amount,
	    .metadata = create->metadata,
	    .created_ms = create->meta.accepted_at,
	    .created_at = now,
	    .updated_at = now,
	    .archived_at = INSTANT_NONE,
	};

	if (facts_plan_by_code(facts, plan.organisation_id, plan.code) != NULL)
		return decision_refuse(decision, REFUSAL_PLAN_CODE_TAKEN, "code \"%.*s\" is taken",
		    STR_ARG(plan.code));
	facts_add(facts, TABLE_PLANS, &plan);
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

enum refusal
plan_update_decide(struct decision *decision, const void *command)
{
	const struct update_plan *update = command;
	struct facts *facts = decision->decider->facts;
	struct plan *row = facts_plan(facts, update->meta.organisation_id, update->plan_id);
	enum refusal refusal = changeable(row);
	struct plan plan;

	if (refusal != REFUSAL_NONE)
		return refusal;
	plan = *row;
	refusal = decision_metadata(decision, row->metadata, update->metadata, &plan.metadata);
	if (refusal != REFUSAL_NONE)
		return refusal;

	if (update->name.len > 0)
		plan.name = update->name;
	plan.updated_at = decision_now(decision, row->updated_at);
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
