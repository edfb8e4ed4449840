/* Commands on customers: create, update, archive. */

#include "common/base/crash_point.h"
#include "common/base/id.h"
#include "worker/handler.h"

struct uuid
customer_create_resource(const void *command)
{
	const struct create_customer *create = command;

	return id_derive(create->meta.operation_id, ID_CUSTOMER, 0, 0);
}

int32_t
customer_create_shard(const void *command)
{
	return id_shard_of_key(customer_create_resource(command));
}

void
customer_create_refer(struct facts *facts, const void *command)
{
	const struct create_customer *create = command;

	if (create->external_id.ptr != NULL)
		facts_need_text(
		    facts, NEED_EXTERNAL_ID, create->meta.organisation_id, create->external_id);
}

enum refusal
customer_create_decide(struct decision *decision, const void *command)
{
	const struct create_customer *create = command;
	const struct organisation *organisation = decision->organisation;
	struct instant now = decision_now(decision, INSTANT_NONE);
	char number_prefix[ID_NUMBER_PREFIX_SIZE];
	struct customer customer = {
	    .organisation_id = create->meta.organisation_id,
	    .id = customer_create_resource(command),
	    .name = create->name,
	    .email = create->email,
	    .external_id = create->external_id,
	    .currency =
		create->currency.code[0] != '\0' ? create->currency : organisation->currency,
	    .country = create->country,
	    .timezone = create->timezone.ptr != NULL ? create->timezone : organisation->timezone,
	    .metadata = create->metadata,
	    .latest_at = now,
	    .created_ms = create->meta.accepted_at,
	    .created_at = now,
	    .updated_at = now,
	    .archived_at = INSTANT_NONE,
	};

	CRASH_TRAP(create->name);
	if (create->external_id.ptr != NULL &&
	    facts_customer_by_external_id(
		decision->decider->facts, customer.organisation_id, create->external_id) != NULL)
		return decision_refuse(decision, REFUSAL_EXTERNAL_ID_TAKEN,
		    "external_id \"%.*s\" is taken", STR_ARG(create->external_id));

	customer.shard = id_shard_of_key(customer.id);
	id_number_prefix(customer.id, number_prefix);
	CHECK(
	    arena_str(decision->decider->arena, str_from(number_prefix), &customer.number_prefix));
	facts_add(decision->decider->facts, TABLE_CUSTOMERS, &customer);
	decision_emit(decision, EVENT_CUSTOMER_CREATED, customer.id, customer.id, &customer);
	return REFUSAL_NONE;
}

struct uuid
customer_update_resource(const void *command)
{
	const struct update_customer *update = command;

	return update->customer_id;
}

int32_t
customer_update_shard(const void *command)
{
	return id_shard_of_key(customer_update_resource(command));
}

void
customer_update_refer(struct facts *facts, const void *command)
{
	const struct update_customer *update = command;

	facts_need(facts, NEED_CUSTOMER, update->meta.organisation_id, &update->customer_id);
	if (update->external_id.len > 0)
		facts_need_text(
		    facts, NEED_EXTERNAL_ID, update->meta.organisation_id, update->external_id);
}

/* None leaves a text as it is, the empty string takes it away. */
static void
text_update(struct str *text, struct str change)
{
	if (change.ptr != NULL)
		*text = change.len > 0 ? change : STR_NONE;
}

enum refusal
customer_update_decide(struct decision *decision, const void *command)
{
	const struct update_customer *update = command;
	struct facts *facts = decision->decider->facts;
	struct customer *row =
	    facts_customer(facts, update->meta.organisation_id, update->customer_id);
	const struct customer *holder;
	struct customer customer;
	enum refusal refusal;

	if (row == NULL)
		return REFUSAL_CUSTOMER_NOT_FOUND;
	if (!instant_is_none(row->archived_at))
		return REFUSAL_CUSTOMER_ARCHIVED;
	holder = update->external_id.len == 0 ? NULL
					      : facts_customer_by_external_id(facts,
						    row->organisation_id, update->external_id);
	if (holder != NULL && holder != row)
		return decision_refuse(decision, REFUSAL_EXTERNAL_ID_TAKEN,
		    "external_id \"%.*s\" is taken", STR_ARG(update->external_id));
	customer = *row;
	refusal = decision_metadata(decision, row->metadata, update->metadata, &customer.metadata);
	if (refusal != REFUSAL_NONE)
		return refusal;

	if (update->name.len > 0)
		customer.name = update->name;
	if (update->timezone.len > 0)
		customer.timezone = update->timezone;
	text_update(&customer.email, update->email);
	text_update(&customer.external_id, update->external_id);
	text_update(&customer.country, update->country);
	customer.latest_at = decision_now(decision, row->latest_at);
	customer.updated_at = customer.latest_at;
	facts_change(facts, TABLE_CUSTOMERS, row, &customer);
	decision_emit(decision, EVENT_CUSTOMER_UPDATED, customer.id, customer.id, &customer);
	return REFUSAL_NONE;
}

struct uuid
customer_archive_resource(const void *command)
{
	const struct archive_customer *archive = command;

	return archive->customer_id;
}

int32_t
customer_archive_shard(const void *command)
{
	return id_shard_of_key(customer_archive_resource(command));
}

void
customer_archive_refer(struct facts *facts, const void *command)
{
	const struct archive_customer *archive = command;

	facts_need(facts, NEED_CUSTOMER, archive->meta.organisation_id, &archive->customer_id);
	facts_need(
	    facts, NEED_LIVE_SUBSCRIPTION, archive->meta.organisation_id, &archive->customer_id);
}

/* As Stripe does when a customer is deleted, its live subscription is canceled at once. */
enum refusal
customer_archive_decide(struct decision *decision, const void *command)
{
	const struct archive_customer *archive = command;
	struct facts *facts = decision->decider->facts;
	struct customer *row =
	    facts_customer(facts, archive->meta.organisation_id, archive->customer_id);
	struct subscription *live;
	struct customer customer;

	if (row == NULL)
		return REFUSAL_CUSTOMER_NOT_FOUND;
	if (!instant_is_none(row->archived_at))
		return REFUSAL_CUSTOMER_ARCHIVED;

	customer = *row;
	customer.latest_at = decision_now(decision, row->latest_at);
	customer.updated_at = customer.latest_at;
	customer.archived_at = customer.latest_at;
	live = facts_live_subscription(facts, row->organisation_id, row->id);
	if (live != NULL) {
		struct subscription subscription = *live;

		/* A live one can always be canceled. */
		CHECK(subscription_cancel(&subscription, CANCEL_NOW, customer.latest_at) ==
		      REFUSAL_NONE);
		facts_change(facts, TABLE_SUBSCRIPTIONS, live, &subscription);
		decision_emit(decision, EVENT_SUBSCRIPTION_CANCELED, subscription.id, customer.id,
		    &subscription);
	}
	facts_change(facts, TABLE_CUSTOMERS, row, &customer);
	decision_emit(decision, EVENT_CUSTOMER_ARCHIVED, customer.id, customer.id, &customer);
	return REFUSAL_NONE;
}
