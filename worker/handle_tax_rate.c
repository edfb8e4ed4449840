/* Commands on tax rates: create, archive.  As a plan, a tax rate belongs to no customer, so its
 * commands go by the organisation.  It is written once: what has it was computed with it. */

#include "common/base/id.h"
#include "worker/handler.h"

int32_t
tax_rate_shard(const void *command)
{
	const struct command_meta *meta = command;

	return id_shard_of_key(meta->organisation_id);
}

struct uuid
tax_rate_create_resource(const void *command)
{
	const struct create_tax_rate *create = command;

	return id_derive(create->meta.operation_id, ID_TAX_RATE, 0, 0);
}

void
tax_rate_create_refer(struct facts *facts, const void *command)
{
	const struct create_tax_rate *create = command;

	facts_need_text(facts, NEED_TAX_RATE_CODE, create->meta.organisation_id, create->code);
}

enum refusal
tax_rate_create_decide(struct decision *decision, const void *command)
{
	const struct create_tax_rate *create = command;
	struct facts *facts = decision->decider->facts;
	struct instant now = decision_now(decision, INSTANT_NONE);
	const struct tax_rate rate = {
	    .organisation_id = create->meta.organisation_id,
	    .id = tax_rate_create_resource(command),
	    .code = create->code,
	    .name = create->name,
	    .percentage = create->percentage,
	    .inclusive = create->inclusive,
	    .country = create->country,
	    .metadata = create->metadata,
	    .created_ms = create->meta.accepted_at,
	    .created_at = now,
	    .updated_at = now,
	    .archived_at = INSTANT_NONE,
	};

	if (facts_tax_rate_by_code(facts, rate.organisation_id, rate.code) != NULL)
		return decision_refuse(decision, REFUSAL_TAX_RATE_CODE_TAKEN,
		    "code \"%.*s\" is taken", STR_ARG(rate.code));
	/* The schema holds that there is one. */
	CHECK(!decimal_is_none(rate.percentage));
	if (decimal_compare(rate.percentage, decimal_from(100)) > 0)
		return decision_refuse(
		    decision, REFUSAL_TAX_RATE_INVALID, "percentage: must be at most 100");

	facts_add(facts, TABLE_TAX_RATES, &rate);
	decision_emit(decision, EVENT_TAX_RATE_CREATED, rate.id, rate.organisation_id, &rate);
	return REFUSAL_NONE;
}

struct uuid
tax_rate_archive_resource(const void *command)
{
	const struct archive_tax_rate *archive = command;

	return archive->tax_rate_id;
}

void
tax_rate_archive_refer(struct facts *facts, const void *command)
{
	const struct archive_tax_rate *archive = command;

	facts_need(facts, NEED_TAX_RATE, archive->meta.organisation_id, &archive->tax_rate_id);
}

/* Who has it keeps it. */
enum refusal
tax_rate_archive_decide(struct decision *decision, const void *command)
{
	const struct archive_tax_rate *archive = command;
	struct facts *facts = decision->decider->facts;
	struct tax_rate *row =
	    facts_tax_rate(facts, archive->meta.organisation_id, archive->tax_rate_id);
	struct tax_rate rate;

	if (row == NULL)
		return REFUSAL_TAX_RATE_NOT_FOUND;
	if (!instant_is_none(row->archived_at))
		return REFUSAL_TAX_RATE_ARCHIVED;

	rate = *row;
	rate.updated_at = decision_now(decision, row->updated_at);
	rate.archived_at = rate.updated_at;
	facts_change(facts, TABLE_TAX_RATES, row, &rate);
	decision_emit(decision, EVENT_TAX_RATE_ARCHIVED, rate.id, rate.organisation_id, &rate);
	return REFUSAL_NONE;
}
