/* Commands on coupons: create, archive.  As a plan, a coupon belongs to no customer, so its
 * commands go by the organisation; subscriptions redeem it from every shard, each under its row's
 * lock. */

#include "common/base/id.h"
#include "worker/handler.h"

int32_t
coupon_shard(const void *command)
{
	const struct command_meta *meta = command;

	return id_shard_of_key(meta->organisation_id);
}

struct uuid
coupon_create_resource(const void *command)
{
	const struct create_coupon *create = command;

	return id_derive(create->meta.operation_id, ID_COUPON, 0, 0);
}

void
coupon_create_refer(struct facts *facts, const void *command)
{
	const struct create_coupon *create = command;

	facts_need_text(facts, NEED_COUPON_CODE, create->meta.organisation_id, create->code);
}

/* The first thing that is wrong with what ${create} takes off; NULL: nothing is. */
static const char *
value_fault(const struct create_coupon *create)
{
	const bool percent = !decimal_is_none(create->percent_off);
	const bool amount = create->amount_off != AMOUNT_NONE;
	const bool currency = create->currency.code[0] != '\0';
	const struct {
		bool wrong;
		const char *fault;
	} rules[] = {
	    {percent && amount, "amount_off: stands in place of percent_off, not beside it"},
	    {!percent && !amount, "percent_off: is required, or amount_off"},
	    {percent && decimal_is_zero(create->percent_off), "percent_off: must be above 0"},
	    {percent && decimal_compare(create->percent_off, decimal_from(100)) > 0,
		"percent_off: must be at most 100"},
	    {amount && create->amount_off < 1, "amount_off: must be above 0"},
	    {amount && !currency, "currency: is required with amount_off"},
	    {!amount && currency, "currency: is not used by percent_off"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rules[i].wrong)
			return rules[i].fault;
	return NULL;
}

/* Likewise with how long, and how often. */
static const char *
duration_fault(const struct create_coupon *create)
{
	const bool repeating = str_equal(create->duration, STR("repeating"));
	const bool periods = create->duration_periods != COUPON_UNLIMITED;
	const struct {
		bool wrong;
		const char *fault;
	} rules[] = {
	    {repeating && !periods, "duration_periods: is required with duration \"repeating\""},
	    {!repeating && periods, "duration_periods: is used by duration \"repeating\" alone"},
	    {periods && create->duration_periods < 1, "duration_periods: must be above 0"},
	    {create->max_redemptions != COUPON_UNLIMITED && create->max_redemptions < 1,
		"max_redemptions: must be above 0"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rules[i].wrong)
			return rules[i].fault;
	return NULL;
}

static struct coupon
coupon_of(const struct create_coupon *create, struct instant now)
{
	return (struct coupon){
	    .organisation_id = create->meta.organisation_id,
	    .id = coupon_create_resource(create),
	    .code = create->code,
	    .name = create->name,
	    .percent_off = create->percent_off,
	    .amount_off = create->amount_off,
	    .currency = create->currency,
	    .duration = create->duration,
	    .duration_periods = create->duration_periods,
	    .max_redemptions = create->max_redemptions,
	    .redeem_by = create->redeem_by,
	    .plan_ids = create->plan_ids,
	    .metadata = create->metadata,
	    .created_ms = create->meta.accepted_at,
	    .created_at = now,
	    .updated_at = now,
	    .archived_at = INSTANT_NONE,
	};
}

enum refusal
coupon_create_decide(struct decision *decision, const void *command)
{
	const struct create_coupon *create = command;
	struct facts *facts = decision->decider->facts;
	const struct coupon coupon = coupon_of(create, decision_now(decision, INSTANT_NONE));
	const char *fault;

	if (facts_coupon_by_code(facts, coupon.organisation_id, coupon.code) != NULL)
		return decision_refuse(decision, REFUSAL_COUPON_CODE_TAKEN,
		    "code \"%.*s\" is taken", STR_ARG(coupon.code));
	fault = value_fault(create);
	if (fault == NULL)
		fault = duration_fault(create);
	if (fault != NULL)
		return decision_refuse(decision, REFUSAL_COUPON_INVALID, "%s", fault);

	facts_add(facts, TABLE_COUPONS, &coupon);
	decision_emit(decision, EVENT_COUPON_CREATED, coupon.id, coupon.organisation_id, &coupon);
	return REFUSAL_NONE;
}

struct uuid
coupon_archive_resource(const void *command)
{
	const struct archive_coupon *archive = command;

	return archive->coupon_id;
}

void
coupon_archive_refer(struct facts *facts, const void *command)
{
	const struct archive_coupon *archive = command;

	facts_need(facts, NEED_COUPON, archive->meta.organisation_id, &archive->coupon_id);
}

/* Subscriptions that have it keep it: they have its terms themselves. */
enum refusal
coupon_archive_decide(struct decision *decision, const void *command)
{
	const struct archive_coupon *archive = command;
	struct facts *facts = decision->decider->facts;
	struct coupon *row = facts_coupon(facts, archive->meta.organisation_id, archive->coupon_id);
	struct coupon coupon;

	if (row == NULL)
		return REFUSAL_COUPON_NOT_FOUND;
	if (!instant_is_none(row->archived_at))
		return decision_refuse(decision, REFUSAL_COUPON_EXPIRED, "the coupon is archived");

	coupon = *row;
	coupon.updated_at = decision_now(decision, row->updated_at);
	coupon.archived_at = coupon.updated_at;
	facts_change(facts, TABLE_COUPONS, row, &coupon);
	decision_emit(decision, EVENT_COUPON_ARCHIVED, coupon.id, coupon.organisation_id, &coupon);
	return REFUSAL_NONE;
}
