/* The command that gives a customer credit for nothing, or takes some back. */

#include "common/base/id.h"
#include "worker/account.h"
#include "worker/billing.h"
#include "worker/booking.h"
#include "worker/handler.h"

#define ORDINAL 0 /* of the entry: one command gives once */

int32_t
credit_give_shard(const void *command)
{
	const struct give_credit *give = command;

	return id_shard_of_key(give->customer_id);
}

struct uuid
credit_give_resource(const void *command)
{
	const struct give_credit *give = command;

	return id_derive(
	    give->meta.operation_id, ID_CREDIT_ENTRY, ORDINAL, credit_give_shard(command));
}

void
credit_give_refer(struct facts *facts, const void *command)
{
	const struct give_credit *give = command;

	account_refer(facts, give->meta.organisation_id, &give->customer_id);
}

/* What stands against ${give}.  An amount in another currency is not held against the balance. */
static enum refusal
credit_judge(
    struct decision *decision, const struct give_credit *give, const struct account *account)
{
	enum refusal refusal;
	int64_t balance;

	if (!instant_is_none(account->customer->archived_at))
		return REFUSAL_CUSTOMER_ARCHIVED;
	refusal = account_takes(decision, account, give->currency);
	if (refusal != REFUSAL_NONE)
		return refusal;
	if (give->amount == 0)
		return decision_refuse(
		    decision, REFUSAL_AMOUNT_OUT_OF_RANGE, "amount: 0 gives nothing");
	if (__builtin_add_overflow(account->customer->credit_balance, give->amount, &balance))
		return decision_refuse(decision, REFUSAL_AMOUNT_OUT_OF_RANGE,
		    "the balance would be larger than an amount can be");
	if (balance < 0)
		return decision_refuse(decision, REFUSAL_CREDIT_INSUFFICIENT, "the balance is %lld",
		    (long long)account->customer->credit_balance);
	return REFUSAL_NONE;
}

enum refusal
credit_give_decide(struct decision *decision, const void *command)
{
	const struct give_credit *give = command;
	struct credit_entry entry = {
	    .reason = STR("grant"),
	    .amount = give->amount,
	    .description = give->description,
	};
	struct journal_entry journal = {0};
	struct customer customer;
	struct account account;
	enum refusal refusal = account_find(decision, give->customer_id, &account);

	if (refusal == REFUSAL_NONE)
		refusal = credit_judge(decision, give, &account);
	if (refusal != REFUSAL_NONE)
		return refusal;

	customer = *account.customer;
	billing_credit(decision, &customer, account.now, ORDINAL, &entry);
	CHECK(uuid_equal(entry.id, credit_give_resource(command)));
	journal_grant(&entry, &journal);
	booking_add(decision, &customer, account.now, &journal);
	customer.latest_at = account.now;
	customer.updated_at = account.now;
	facts_change(decision->decider->facts, TABLE_CUSTOMERS, account.customer, &customer);
	return REFUSAL_NONE;
}
