#include "worker/tax_rates.h"

/* Rates that somebody has had: in one list, or in those of several charges. */
struct had {
	struct uuid_list ids;
	const struct charge *charges;
	size_t charges_len;
};

void
tax_rates_refer(struct facts *facts, struct uuid organisation_id, struct uuid_list ids)
{
	for (size_t i = 0; i < ids.len; i++)
		facts_need(facts, NEED_TAX_RATE, organisation_id, &ids.items[i]);
}

void
tax_rates_refer_charges(
    struct facts *facts, struct uuid organisation_id, const struct charge *charges, size_t len)
{
	for (size_t i = 0; i < len; i++)
		tax_rates_refer(facts, organisation_id, charges[i].tax_rate_ids);
}

/* Refuse what names the rate ${id}. */
static enum refusal
refuse(struct decision *decision, enum refusal refusal, struct uuid id, const char *why)
{
	char text[UUID_TEXT_SIZE];

	uuid_write(id, text);
	return decision_refuse(decision, refusal, "tax rate %s %s", text, why);
}

static const struct tax_rate *
rate_get(const struct decision *decision, struct uuid id)
{
	return facts_tax_rate(decision->decider->facts, decision->organisation->id, id);
}

enum refusal
tax_rates_find(struct decision *decision, struct uuid_list ids)
{
	for (size_t i = 0; i < ids.len; i++)
		if (rate_get(decision, ids.items[i]) == NULL)
			return refuse(decision, REFUSAL_TAX_RATE_NOT_FOUND, ids.items[i],
			    "does not exist in this organisation");
	return REFUSAL_NONE;
}

enum refusal
tax_rates_find_charges(struct decision *decision, const struct charge *charges, size_t len)
{
	enum refusal refusal = REFUSAL_NONE;

	for (size_t i = 0; refusal == REFUSAL_NONE && i < len; i++)
		refusal = tax_rates_find(decision, charges[i].tax_rate_ids);
	return refusal;
}

static bool
list_has(struct uuid_list ids, struct uuid id)
{
	for (size_t i = 0; i < ids.len; i++)
		if (uuid_equal(ids.items[i], id))
			return true;
	return false;
}

static bool
had_has(const struct had *had, struct uuid id)
{
	for (size_t i = 0; i < had->charges_len; i++)
		if (list_has(had->charges[i].tax_rate_ids, id))
			return true;
	return list_has(had->ids, id);
}

/* A rate that is named twice would be charged twice. */
static enum refusal
once_each(struct decision *decision, struct uuid_list ids)
{
	for (size_t i = 0; i < ids.len; i++)
		if (list_has((struct uuid_list){ids.items, i}, ids.items[i]))
			return refuse(
			    decision, REFUSAL_TAX_RATE_INVALID, ids.items[i], "is named twice");
	return REFUSAL_NONE;
}

static enum refusal
none_archived(struct decision *decision, struct uuid_list ids, const struct had *had)
{
	for (size_t i = 0; i < ids.len; i++) {
		const struct tax_rate *rate = rate_get(decision, ids.items[i]);

		CHECK(rate != NULL);
		if (!instant_is_none(rate->archived_at) && !had_has(had, rate->id))
			return refuse(decision, REFUSAL_TAX_RATE_ARCHIVED, rate->id, "is archived");
	}
	return REFUSAL_NONE;
}

enum refusal
tax_rates_take(struct decision *decision, struct uuid_list ids, struct uuid_list had)
{
	const struct had all = {.ids = had};
	enum refusal refusal = once_each(decision, ids);

	return refusal != REFUSAL_NONE ? refusal : none_archived(decision, ids, &all);
}

enum refusal
tax_rates_take_charges(struct decision *decision, const struct charge *charges, size_t len,
    const struct charge *had, size_t had_len)
{
	const struct had all = {.charges = had, .charges_len = had_len};
	enum refusal refusal = REFUSAL_NONE;

	for (size_t i = 0; refusal == REFUSAL_NONE && i < len; i++)
		refusal = once_each(decision, charges[i].tax_rate_ids);
	for (size_t i = 0; refusal == REFUSAL_NONE && i < len; i++)
		refusal = none_archived(decision, charges[i].tax_rate_ids, &all);
	return refusal;
}
