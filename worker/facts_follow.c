/* What the loaded rows point to: asked for in further round trips, as long as there is more. */

#include "worker/facts_internal.h"

/* With these a customer comes who may be billed, and so documents may be issued. */
static const enum need billing_needs[] = {
    NEED_CUSTOMER, NEED_SUBSCRIBER, NEED_PAYER, NEED_ITEM_CUSTOMER};

/* Ask for a version that is not here yet. */
static void
version_follow(struct facts *facts, struct uuid organisation_id, const struct uuid *id)
{
	if (!uuid_is_nil(*id) && facts_plan_version(facts, organisation_id, *id) == NULL)
		facts_need(facts, NEED_PLAN_VERSION, organisation_id, id);
}

/* Likewise for tax rates, which never change either. */
static void
tax_rates_follow(struct facts *facts, struct uuid organisation_id, struct uuid_list ids)
{
	for (size_t i = 0; i < ids.len; i++)
		if (facts_tax_rate(facts, organisation_id, ids.items[i]) == NULL)
			facts_need(facts, NEED_TAX_RATE, organisation_id, &ids.items[i]);
}

static void
customers_follow(struct facts *facts)
{
	const struct fact_list *list = &facts->lists[TABLE_CUSTOMERS];

	for (size_t i = 0; i < list->len; i++) {
		const struct customer *customer = list->values[i];
		struct uuid organisation_id = customer->organisation_id;

		if (!uuid_is_nil(customer->test_clock_id) &&
		    facts_test_clock(facts, organisation_id, customer->test_clock_id) == NULL)
			facts_need(
			    facts, NEED_TEST_CLOCK, organisation_id, &customer->test_clock_id);
		if (customer->items_pending > 0)
			facts_need(facts, NEED_ITEMS, organisation_id, &customer->id);
		tax_rates_follow(facts, organisation_id, customer->tax_rate_ids);
	}
}

/* With these a command comes that may move a customer's subscriptions. */
static const enum need moving_needs[] = {
    NEED_SIBLINGS, NEED_LIVE_SUBSCRIPTION, NEED_PAYER_SIBLINGS, NEED_ITEM_SIBLINGS};

/* Whether what was reported for the current period of ${subscription} may matter: a command may
 * move it to any plan, and back; what falls due by itself bills what its version has in arrears.
 * One whose version is not here yet is asked again when it is. */
static bool
quantities_matter(const struct facts *facts, const struct subscription *subscription)
{
	const struct plan_version *version =
	    facts_plan_version(facts, subscription->organisation_id, subscription->plan_version_id);

	for (size_t i = 0; i < ARRAY_LEN(moving_needs); i++)
		if (facts->needs[moving_needs[i]].len > 0)
			return true;
	return version != NULL && plan_has_arrears(version);
}

static void
subscriptions_follow(struct facts *facts)
{
	const struct fact_list *list = &facts->lists[TABLE_SUBSCRIPTIONS];

	for (size_t i = 0; i < list->len; i++) {
		const struct subscription *subscription = list->values[i];
		struct uuid organisation_id = subscription->organisation_id;

		version_follow(facts, organisation_id, &subscription->plan_version_id);
		if (!instant_is_none(subscription->ended_at))
			continue;
		version_follow(facts, organisation_id, &subscription->pending_version_id);
		if (quantities_matter(facts, subscription))
			facts_need(facts, NEED_QUANTITIES, organisation_id, &subscription->id);
		tax_rates_follow(facts, organisation_id, subscription->tax_rate_ids);
	}
}

static void
clocks_follow(struct facts *facts)
{
	const struct fact_list *list = &facts->lists[TABLE_TEST_CLOCKS];

	for (size_t i = 0; i < list->len; i++) {
		const struct test_clock *clock = list->values[i];

		if (uuid_is_nil(clock->advance_operation_id))
			continue;
		facts_need(
		    facts, NEED_OPERATION, clock->organisation_id, &clock->advance_operation_id);
		if (clock->advance_idempotency_key.ptr != NULL)
			facts_need_text(facts, NEED_IDEMPOTENCY_KEY, clock->organisation_id,
			    clock->advance_idempotency_key);
	}
}

/* The command that began a payment is written down when that is settled; another may have its key
 * by then. */
static void
payments_follow(struct facts *facts)
{
	const struct fact_list *list = &facts->lists[TABLE_PAYMENTS];

	for (size_t i = 0; i < list->len; i++) {
		const struct payment *payment = list->values[i];

		if (!instant_is_none(payment->settled_at) ||
		    str_equal(payment->kind, STR("refund")))
			continue;
		facts_need(facts, NEED_OPERATION, payment->organisation_id, &payment->operation_id);
		if (payment->idempotency_key.ptr != NULL)
			facts_need_text(facts, NEED_IDEMPOTENCY_KEY, payment->organisation_id,
			    payment->idempotency_key);
	}
}

/* What is charged may have rates of its own: a plan's, and an item's. */
static void
charged_follow(struct facts *facts)
{
	const struct fact_list *versions = &facts->lists[TABLE_PLAN_VERSIONS];
	const struct fact_list *items = &facts->lists[TABLE_ITEMS];

	for (size_t i = 0; i < versions->len; i++) {
		const struct plan_version *version = versions->values[i];

		for (size_t j = 0; j < version->charges_len; j++)
			tax_rates_follow(
			    facts, version->organisation_id, version->charges[j].tax_rate_ids);
	}
	for (size_t i = 0; i < items->len; i++) {
		const struct item *item = items->values[i];

		tax_rates_follow(facts, item->organisation_id, item->tax_rate_ids);
	}
}

/* What any document of ${organisation} may need. */
static void
organisation_follow(struct facts *facts, const struct organisation *organisation)
{
	struct uuid_list rates;

	if (str_equal(organisation->invoice_numbering, STR("organisation")))
		facts_need(facts, NEED_NUMBER_SERIES, organisation->id, &organisation->id);
	/* One that cannot be read is told by who needs it. */
	if (organisation->tax_rate_ids.ptr != NULL &&
	    facts_organisation_tax_rates(facts, organisation, &rates))
		tax_rates_follow(facts, organisation->id, rates);
}

/* The organisations whose customers are asked for.  That a customer is here does not tell: it may
 * be made by a command of the same batch. */
static void
organisations_follow(struct facts *facts)
{
	const struct organisation *last = NULL;

	for (size_t i = 0; i < ARRAY_LEN(billing_needs); i++) {
		const struct need_list *list = &facts->needs[billing_needs[i]];

		for (size_t j = 0; j < list->len; j++) {
			if (last != NULL && uuid_equal(list->organisation_ids[j], last->id))
				continue;
			last = facts_organisation(facts, list->organisation_ids[j]);
			if (last != NULL)
				organisation_follow(facts, last);
		}
	}
}

bool
facts_follow(struct facts *facts)
{
	customers_follow(facts);
	subscriptions_follow(facts);
	clocks_follow(facts);
	payments_follow(facts);
	charged_follow(facts);
	organisations_follow(facts);
	for (size_t i = 0; i < NEED_MAX; i++)
		if (facts->needs[i].loaded < facts->needs[i].len)
			return true;
	return false;
}
