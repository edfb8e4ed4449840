#include "worker/booking.h"

#include "common/base/id.h"

int64_t
booking_created_ms(
    const struct decision *decision, const struct customer *customer, struct instant at)
{
	return uuid_is_nil(customer->test_clock_id) ? decision->occurred_ms : at.s * 1000;
}

static bool
entry_is_empty(const struct journal_entry *entry)
{
	return entry->receivable == 0 && entry->cash == 0 && entry->customer_credit == 0 &&
	       entry->deferred_revenue == 0 && entry->revenue == 0 && entry->tax_payable == 0 &&
	       entry->refunds_payable == 0 && entry->bad_debt == 0 && entry->credits_granted == 0;
}

void
booking_add(struct decision *decision, const struct customer *customer, struct instant at,
    struct journal_entry *entry)
{
	if (entry_is_empty(entry))
		return;
	CHECK(!uuid_is_nil(entry->document_id));
	entry->organisation_id = customer->organisation_id;
	entry->id =
	    id_derive(decision->cause, ID_JOURNAL_ENTRY, decision->entries++, customer->shard);
	entry->shard = customer->shard;
	entry->customer_id = customer->id;
	entry->test_clock_id = customer->test_clock_id;
	entry->currency = customer->currency;
	entry->created_ms = booking_created_ms(decision, customer, at);
	entry->booked_at = at;
	facts_add(decision->decider->facts, TABLE_JOURNAL, entry);
}
