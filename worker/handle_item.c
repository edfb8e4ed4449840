/* The commands on one-off items: one puts an item on a customer's account, whose next invoice takes
 * it, and one takes it back before that. */

#include "common/base/id.h"
#include "worker/account.h"
#include "worker/booking.h"
#include "worker/handler.h"
#include "worker/tax_rates.h"

int32_t
item_create_shard(const void *command)
{
	const struct create_item *create = command;

	return id_shard_of_key(create->customer_id);
}

struct uuid
item_create_resource(const void *command)
{
	const struct create_item *create = command;

	return id_derive(create->meta.operation_id, ID_ITEM, 0, item_create_shard(command));
}

void
item_create_refer(struct facts *facts, const void *command)
{
	const struct create_item *create = command;

	account_refer(facts, create->meta.organisation_id, &create->customer_id);
	tax_rates_refer(facts, create->meta.organisation_id, create->tax_rate_ids);
}

/* What stands against ${create}. */
static enum refusal
item_judge(
    struct decision *decision, const struct create_item *create, const struct account *account)
{
	const struct uuid_list none = {NULL, 0};
	enum refusal refusal = tax_rates_find(decision, create->tax_rate_ids);

	if (refusal != REFUSAL_NONE)
		return refusal;
	if (!instant_is_none(account->customer->archived_at))
		return REFUSAL_CUSTOMER_ARCHIVED;
	refusal = tax_rates_take(decision, create->tax_rate_ids, none);
	if (refusal != REFUSAL_NONE)
		return refusal;
	/* An invoice that fell due before has taken those that waited. */
	if (account->customer->items_pending >= ITEMS_PENDING_MAX)
		return REFUSAL_ITEMS_TOO_MANY;
	return account_takes(decision, account, create->currency);
}

static struct item
item_of(const struct decision *decision, const struct create_item *create,
    const struct account *account)
{
	return (struct item){
	    .organisation_id = create->meta.organisation_id,
	    .id = item_create_resource(create),
	    .shard = account->customer->shard,
	    .customer_id = account->customer->id,
	    .status = STR("pending"),
	    .description = create->description,
	    .amount = create->amount,
	    .currency = account->customer->currency,
	    .tax_rate_ids = create->tax_rate_ids,
	    .metadata = create->metadata,
	    .created_ms = booking_created_ms(decision, account->customer, account->now),
	    .created_at = account->now,
	    .updated_at = account->now,
	};
}

enum refusal
item_create_decide(struct decision *decision, const void *command)
{
	const struct create_item *create = command;
	struct facts *facts = decision->decider->facts;
	struct customer customer;
	struct account account;
	struct item item;
	enum refusal refusal = account_find(decision, create->customer_id, &account);

	if (refusal == REFUSAL_NONE)
		refusal = item_judge(decision, create, &account);
	if (refusal != REFUSAL_NONE)
		return refusal;

	item = item_of(decision, create, &account);
	facts_add(facts, TABLE_ITEMS, &item);
	customer = *account.customer;
	customer.items_pending++;
	customer.latest_at = account.now;
	customer.updated_at = account.now;
	facts_change(facts, TABLE_CUSTOMERS, account.customer, &customer);
	decision_emit(decision, EVENT_ITEM_CREATED, item.id, customer.id, &item);
	return REFUSAL_NONE;
}

int32_t
item_cancel_shard(const void *command)
{
	const struct cancel_item *cancel = command;

	return id_shard(cancel->item_id);
}

struct uuid
item_cancel_resource(const void *command)
{
	const struct cancel_item *cancel = command;

	return cancel->item_id;
}

void
item_cancel_refer(struct facts *facts, const void *command)
{
	const struct cancel_item *cancel = command;
	struct uuid organisation_id = cancel->meta.organisation_id;

	facts_need(facts, NEED_ITEM, organisation_id, &cancel->item_id);
	facts_need(facts, NEED_ITEM_CUSTOMER, organisation_id, &cancel->item_id);
	/* What falls due of them comes before the command, and may take the item. */
	facts_need(facts, NEED_ITEM_SIBLINGS, organisation_id, &cancel->item_id);
}

/* The item that ${cancel} is about, and whose it is, with what fell due before done. */
static enum refusal
item_find(struct decision *decision, const struct cancel_item *cancel, struct item **ret_item,
    struct account *ret_account)
{
	struct item *row =
	    facts_item(decision->decider->facts, cancel->meta.organisation_id, cancel->item_id);
	enum refusal refusal;

	/* An item lies where its id says. */
	if (row == NULL || row->shard != id_shard(cancel->item_id))
		return REFUSAL_ITEM_NOT_FOUND;
	refusal = account_find(decision, row->customer_id, ret_account);
	CHECK(refusal != REFUSAL_CUSTOMER_NOT_FOUND);
	if (refusal != REFUSAL_NONE)
		return refusal;
	if (!str_equal(row->status, STR("pending")))
		return decision_refuse(
		    decision, REFUSAL_ITEM_NOT_PENDING, "the item is %.*s", STR_ARG(row->status));
	*ret_item = row;
	return REFUSAL_NONE;
}

enum refusal
item_cancel_decide(struct decision *decision, const void *command)
{
	const struct cancel_item *cancel = command;
	struct facts *facts = decision->decider->facts;
	struct customer customer;
	struct account account;
	struct item *row = NULL, item;
	enum refusal refusal = item_find(decision, cancel, &row, &account);

	if (refusal != REFUSAL_NONE)
		return refusal;

	CHECK(row != NULL);
	item = *row;
	item.status = STR("canceled");
	item.updated_at = account.now;
	facts_change(facts, TABLE_ITEMS, row, &item);
	customer = *account.customer;
	CHECK(customer.items_pending > 0);
	customer.items_pending--;
	customer.latest_at = account.now;
	customer.updated_at = account.now;
	facts_change(facts, TABLE_CUSTOMERS, account.customer, &customer);
	decision_emit(decision, EVENT_ITEM_CANCELED, item.id, customer.id, &item);
	return REFUSAL_NONE;
}
