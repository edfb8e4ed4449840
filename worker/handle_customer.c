/* Commands on customers: create, update, archive. */

#include "common/base/crash_point.h"
#include "common/base/id.h"
#include "worker/account.h"
#include "worker/billing.h"
#include "worker/handler.h"
#include "worker/tax_rates.h"

#define NET_TERMS_TAKEN_AWAY (-1)

/* A customer on a test clock lies in the clock's shard. */
struct uuid
customer_create_resource(const void *command)
{
	const struct create_customer *create = command;
	struct uuid operation_id = create->meta.operation_id;

	if (uuid_is_nil(create->test_clock_id))
		return id_derive(operation_id, ID_CUSTOMER, 0, 0);
	return id_customer_on_clock(operation_id, create->test_clock_id);
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
	struct uuid organisation_id = create->meta.organisation_id;

	if (create->external_id.ptr != NULL)
		facts_need_text(facts, NEED_EXTERNAL_ID, organisation_id, create->external_id);
	if (!uuid_is_nil(create->test_clock_id))
		facts_need(facts, NEED_TEST_CLOCK, organisation_id, &create->test_clock_id);
	tax_rates_refer(facts, organisation_id, create->tax_rate_ids);
}

/* The time at which a new customer begins: that which it will live in. */
static enum refusal
first_moment(const struct decision *decision, struct customer *customer)
{
	const struct facts *facts = decision->decider->facts;
	struct instant now;
	enum refusal refusal;

	if (!uuid_is_nil(customer->test_clock_id) &&
	    facts_test_clock(facts, customer->organisation_id, customer->test_clock_id) == NULL)
		return REFUSAL_TEST_CLOCK_NOT_FOUND;
	refusal = decision_customer_now(decision, customer, &now);
	if (refusal != REFUSAL_NONE)
		return refusal;
	customer->latest_at = now;
	customer->created_at = now;
	customer->updated_at = now;
	return REFUSAL_NONE;
}

/* What stands against ${create}, apart from its clock. */
static enum refusal
customer_judge(struct decision *decision, const struct create_customer *create)
{
	const struct uuid_list none = {NULL, 0};
	enum refusal refusal = tax_rates_find(decision, create->tax_rate_ids);

	if (refusal != REFUSAL_NONE)
		return refusal;
	if (create->external_id.ptr != NULL &&
	    facts_customer_by_external_id(decision->decider->facts, create->meta.organisation_id,
		create->external_id) != NULL)
		return decision_refuse(decision, REFUSAL_EXTERNAL_ID_TAKEN,
		    "external_id \"%.*s\" is taken", STR_ARG(create->external_id));
	return tax_rates_take(decision, create->tax_rate_ids, none);
}

/* All of the new customer but its moments and its place. */
static struct customer
customer_of(const struct create_customer *create, const struct organisation *organisation)
{
	return (struct customer){
	    .organisation_id = create->meta.organisation_id,
	    .id = customer_create_resource(create),
	    .test_clock_id = create->test_clock_id,
	    .name = create->name,
	    .email = create->email,
	    .external_id = create->external_id,
	    .currency =
		create->currency.code[0] != '\0' ? create->currency : organisation->currency,
	    .country = create->country,
	    .timezone = create->timezone.ptr != NULL ? create->timezone : organisation->timezone,
	    .tax_exempt = create->tax_exempt.ptr != NULL ? create->tax_exempt
							 : tax_exempt_name(TAX_EXEMPT_NONE),
	    .tax_exempt_reason = create->tax_exempt_reason,
	    .tax_rate_ids = create->tax_rate_ids,
	    .net_terms_days = create->net_terms_days,
	    .metadata = create->metadata,
	    .latest_at = INSTANT_NONE,
	    .created_ms = create->meta.accepted_at,
	    .archived_at = INSTANT_NONE,
	};
}

enum refusal
customer_create_decide(struct decision *decision, const void *command)
{
	const struct create_customer *create = command;
	struct customer customer = customer_of(create, decision->organisation);
	char number_prefix[ID_NUMBER_PREFIX_SIZE];
	enum refusal refusal = first_moment(decision, &customer);

	CRASH_TRAP(create->name);
	if (refusal == REFUSAL_NONE)
		refusal = customer_judge(decision, create);
	if (refusal != REFUSAL_NONE)
		return refusal;

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
	struct uuid organisation_id = update->meta.organisation_id;

	account_refer(facts, organisation_id, &update->customer_id);
	if (update->external_id.len > 0)
		facts_need_text(facts, NEED_EXTERNAL_ID, organisation_id, update->external_id);
	tax_rates_refer(facts, organisation_id, update->tax_rate_ids);
}

/* None leaves a text as it is, the empty string takes it away. */
static void
text_update(struct str *text, struct str change)
{
	if (change.ptr != NULL)
		*text = change.len > 0 ? change : STR_NONE;
}

/* The texts that ${update} names. */
static void
texts_update(struct customer *customer, const struct update_customer *update)
{
	if (update->name.len > 0)
		customer->name = update->name;
	if (update->timezone.len > 0)
		customer->timezone = update->timezone;
	text_update(&customer->email, update->email);
	text_update(&customer->external_id, update->external_id);
	text_update(&customer->country, update->country);
}

/* What ${update} says of its taxes and terms; invoices that are issued stay as they are. */
static void
terms_update(struct customer *customer, const struct update_customer *update)
{
	if (update->tax_exempt.ptr != NULL)
		customer->tax_exempt = update->tax_exempt;
	text_update(&customer->tax_exempt_reason, update->tax_exempt_reason);
	if (update->tax_rate_ids.items != NULL)
		customer->tax_rate_ids = update->tax_rate_ids;
	if (update->net_terms_days == NET_TERMS_TAKEN_AWAY)
		customer->net_terms_days = INT64_MIN;
	else if (update->net_terms_days != INT64_MIN)
		customer->net_terms_days = update->net_terms_days;
}

/* What stands against ${update} of ${row}, apart from its billing; else the row as it becomes. */
static enum refusal
customer_change(struct decision *decision, const struct customer *row,
    const struct update_customer *update, struct customer *ret_customer)
{
	const struct customer *holder = NULL;
	enum refusal refusal = tax_rates_find(decision, update->tax_rate_ids);

	if (refusal != REFUSAL_NONE)
		return refusal;
	if (!instant_is_none(row->archived_at))
		return REFUSAL_CUSTOMER_ARCHIVED;
	if (update->external_id.len > 0)
		holder = facts_customer_by_external_id(
		    decision->decider->facts, row->organisation_id, update->external_id);
	if (holder != NULL && holder != row)
		return decision_refuse(decision, REFUSAL_EXTERNAL_ID_TAKEN,
		    "external_id \"%.*s\" is taken", STR_ARG(update->external_id));
	refusal = tax_rates_take(decision, update->tax_rate_ids, row->tax_rate_ids);
	if (refusal != REFUSAL_NONE)
		return refusal;
	*ret_customer = *row;
	refusal =
	    decision_metadata(decision, row->metadata, update->metadata, &ret_customer->metadata);
	if (refusal != REFUSAL_NONE)
		return refusal;
	texts_update(ret_customer, update);
	terms_update(ret_customer, update);
	return REFUSAL_NONE;
}

enum refusal
customer_update_decide(struct decision *decision, const void *command)
{
	const struct update_customer *update = command;
	struct account account;
	struct customer customer;
	enum refusal refusal = account_find(decision, update->customer_id, &account);

	if (refusal == REFUSAL_NONE)
		refusal = customer_change(decision, account.customer, update, &customer);
	if (refusal != REFUSAL_NONE)
		return refusal;

	customer.latest_at = account.now;
	customer.updated_at = account.now;
	facts_change(decision->decider->facts, TABLE_CUSTOMERS, account.customer, &customer);
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

	account_refer(facts, archive->meta.organisation_id, &archive->customer_id);
}

/* Cancel ${row} now; with ${apply} false only find out whether that can be. */
static enum refusal
cancel_one(struct decision *decision, struct customer *customer, struct subscription *row,
    struct instant now, bool apply)
{
	struct bill *bill = decision->decider->bill;
	struct terms terms;
	struct step step;
	enum refusal refusal = billing_terms(decision, row, &terms);

	if (refusal != REFUSAL_NONE)
		return refusal;
	refusal = lifecycle_cancel(row, LIFECYCLE_NOW, false, &terms, now, &step, bill);
	if (refusal != REFUSAL_NONE)
		return refusal;
	if (!apply)
		return billing_refuses(decision, customer, &step, bill);
	return billing_apply(decision, customer, row, &step, bill);
}

/* Of the live subscriptions among ${rows} the one that comes after ${last}, by id: an order that is
 * the same whatever else is in the batch.  NULL behind the last. */
static struct subscription *
live_after(struct subscription *const *rows, size_t len, struct uuid last)
{
	struct subscription *next = NULL;

	for (size_t i = 0; i < len; i++)
		if (subscription_is_live(rows[i]) && uuid_compare(rows[i]->id, last) > 0 &&
		    (next == NULL || uuid_compare(rows[i]->id, next->id) < 0))
			next = rows[i];
	return next;
}

/* Cancel all that is live of ${customer}; all of it or nothing. */
static enum refusal
cancel_all(struct decision *decision, struct customer *customer, struct instant now, bool apply)
{
	size_t len;
	struct subscription *const *rows = facts_subscriptions_of(
	    decision->decider->facts, customer->organisation_id, customer->id, &len);
	struct subscription *row = live_after(rows, len, UUID_NIL);

	for (; row != NULL; row = live_after(rows, len, row->id)) {
		enum refusal refusal = cancel_one(decision, customer, row, now, apply);

		if (refusal != REFUSAL_NONE)
			return refusal;
	}
	return REFUSAL_NONE;
}

/* As Stripe does when a customer is deleted, its live subscriptions are canceled at once.  Items
 * that no last invoice takes are never billed. */
/* How many live subscriptions of ${customer} are here: all, up to FACTS_LIVE_MAX. */
static size_t
live_count(const struct decision *decision, const struct customer *customer)
{
	size_t len, count = 0;
	struct subscription *const *rows = facts_subscriptions_of(
	    decision->decider->facts, customer->organisation_id, customer->id, &len);

	for (size_t i = 0; i < len; i++)
		count += subscription_is_live(rows[i]) ? 1 : 0;
	return count;
}

enum refusal
customer_archive_decide(struct decision *decision, const void *command)
{
	const struct archive_customer *archive = command;
	struct account account;
	struct customer customer;
	enum refusal refusal = account_find(decision, archive->customer_id, &account);

	if (refusal != REFUSAL_NONE)
		return refusal;
	if (!instant_is_none(account.customer->archived_at))
		return REFUSAL_CUSTOMER_ARCHIVED;
	if (live_count(decision, account.customer) >= FACTS_LIVE_MAX)
		return decision_refuse(decision, REFUSAL_SUBSCRIPTION_LIVE_EXISTS,
		    "the customer has more than %d live subscriptions: cancel some first",
		    FACTS_LIVE_MAX - 1);
	refusal = cancel_all(decision, account.customer, account.now, false);
	if (refusal != REFUSAL_NONE)
		return refusal;

	/* Nothing is credited, so that what can be computed can be booked. */
	CHECK(cancel_all(decision, account.customer, account.now, true) == REFUSAL_NONE);
	customer = *account.customer;
	customer.latest_at = account.now;
	customer.updated_at = account.now;
	customer.archived_at = account.now;
	facts_change(decision->decider->facts, TABLE_CUSTOMERS, account.customer, &customer);
	decision_emit(decision, EVENT_CUSTOMER_ARCHIVED, customer.id, customer.id, &customer);
	return REFUSAL_NONE;
}
