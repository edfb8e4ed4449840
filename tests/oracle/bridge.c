/* The oracle's way into rating and the calendar.  Decides nothing. */

#include "tests/oracle/bridge.h"

#include <stdlib.h>

#include "common/domain/charge.h"
#include "common/domain/proration.h"
#include "common/domain/refusal.h"
#include "common/domain/tax.h"
#include "common/zone/zone.h"
#include "tests/oracle/tape.h"

/* ---- What is made once and used often: zones and plan versions. */

struct zone *
bridge_zone_new(const int64_t *words, size_t len)
{
	struct zone *zone = calloc(1, sizeof(*zone));

	CHECK(zone != NULL && len % 2 == 1 && len / 2 <= ZONE_TRANSITIONS_MAX);
	zone->offset_first_s = (int32_t)words[0];
	zone->transitions_len = (uint32_t)(len / 2);
	for (uint32_t i = 0; i < zone->transitions_len; i++)
		zone->transitions[i] =
		    (struct zone_transition){words[1 + 2 * i], (int32_t)words[2 + 2 * i]};
	return zone;
}

size_t
bridge_zone_read(const char *name, int64_t *ret_words, size_t max)
{
	struct tape out = {ret_words, max, 0};
	struct zone zone;
	struct err err = {0};

	if (zone_read(str_from(name), &zone, &err) != ERR_NONE)
		return 0;
	put(&out, zone.offset_first_s);
	for (uint32_t i = 0; i < zone.transitions_len; i++) {
		put(&out, zone.transitions[i].at_s);
		put(&out, zone.transitions[i].offset_s);
	}
	return out.at;
}

static void
take_charge(
    struct tape *in, struct charge *charge, struct charge_tier *tiers, struct uuid *tax_rate_ids)
{
	charge->code = charge->name = code_of(take(in));
	charge->model = charge_model_name((enum charge_model)take(in));
	charge->billing = charge_billing_name((enum charge_billing)take(in));
	charge->amount = take(in);
	charge->unit_amount = take_decimal(in);
	charge->package_size = take(in);
	charge->rate = take_decimal(in);
	charge->fixed_amount = take(in);
	charge->transaction_min_amount = take(in);
	charge->transaction_max_amount = take(in);
	charge->free_units = take_decimal(in);
	charge->min_amount = take(in);
	charge->max_amount = take(in);
	charge->tax_rate_ids = take_ids(in, tax_rate_ids, TAX_RATES_MAX);
	charge->tiers_len = (size_t)take(in);
	CHECK(charge->tiers_len <= CHARGE_TIERS_MAX);
	charge->tiers = tiers;
	for (size_t i = 0; i < charge->tiers_len; i++) {
		tiers[i].up_to = take(in);
		tiers[i].unit_amount = take_decimal(in);
		tiers[i].flat_amount = take(in);
		tiers[i].rate = take_decimal(in);
	}
}

/* A version and what it lends, in one piece. */
struct bridge_version {
	struct plan_version version;
	struct charge charges[BRIDGE_CHARGES_MAX];
	struct uuid tax_rate_ids[BRIDGE_CHARGES_MAX][TAX_RATES_MAX];
	struct charge_tier tiers[]; /* of all charges */
};

size_t
bridge_version_size(size_t tiers_len)
{
	return sizeof(struct bridge_version) + tiers_len * sizeof(struct charge_tier);
}

const struct plan_version *
bridge_version_make(void *memory, int64_t *words, size_t len)
{
	struct tape in = {words, len, 0};
	struct bridge_version *made = memory;
	struct plan_version *version = &made->version;
	size_t tiers_len = 0;

	memset(made, 0, sizeof(*made));
	version->id = id_of(take(&in));
	version->plan_id = id_of(take(&in));
	version->version = 1;
	memcpy(version->currency.code, "EUR", sizeof(version->currency.code));
	version->interval = str_from(interval_name((enum interval)take(&in)));
	version->interval_count = (int32_t)take(&in);
	version->trial_days = (int32_t)take(&in);
	version->charges_len = (size_t)take(&in);
	version->charges = made->charges;
	CHECK(version->charges_len <= BRIDGE_CHARGES_MAX);
	for (size_t i = 0; i < version->charges_len; i++) {
		take_charge(&in, &made->charges[i], &made->tiers[tiers_len], made->tax_rate_ids[i]);
		tiers_len += made->charges[i].tiers_len;
	}
	return version;
}

int64_t
bridge_version_check(const struct plan_version *version)
{
	size_t index;
	const char *field;

	return charge_check(version->charges, version->charges_len, &index, &field);
}

/* ---- Rating. */

static struct usage
take_usage(struct tape *in)
{
	struct usage usage;

	usage.quantity = take_decimal(in);
	usage.transactions = take(in);
	usage.fees = take_decimal(in);
	return usage;
}

size_t
bridge_rate(
    const struct plan_version *version, int64_t *words, size_t len, int64_t *ret_words, size_t max)
{
	struct tape in = {words, len, 0}, out = {ret_words, max, 0};
	struct usage usage = take_usage(&in);
	struct fraction fraction = take_fraction(&in), max_fraction = take_fraction(&in);
	struct rating rating;
	enum refusal refusal =
	    rating_compute(&version->charges[0], &usage, fraction, max_fraction, &rating);

	put(&out, refusal);
	if (refusal != REFUSAL_NONE)
		return out.at;
	put(&out, rating.line);
	put(&out, rating.amount);
	put(&out, rating.minimum);
	put(&out, rating.maximum);
	put(&out, rating.packages);
	put_decimal(&out, rating.billable);
	put_decimal(&out, rating.exact);
	for (size_t i = 0; i < rating.tiers_len; i++) {
		put(&out, rating.tiers[i].above);
		put(&out, rating.tiers[i].up_to);
		put_decimal(&out, rating.tiers[i].quantity);
		put_decimal(&out, rating.tiers[i].unit_amount);
		put(&out, rating.tiers[i].flat_amount);
	}
	return out.at;
}

size_t
bridge_transaction(
    const struct plan_version *version, int64_t *words, size_t len, int64_t *ret_words, size_t max)
{
	struct tape in = {words, len, 0}, out = {ret_words, max, 0};
	struct usage usage = take_usage(&in), after;
	enum refusal refusal =
	    rating_transaction(&version->charges[0], &usage, take_decimal(&in), &after);

	put(&out, refusal);
	if (refusal != REFUSAL_NONE)
		return out.at;
	put_decimal(&out, after.quantity);
	put(&out, after.transactions);
	put_decimal(&out, after.fees);
	return out.at;
}

/* ---- Periods. */

void
bridge_fraction(const struct zone *zone, int64_t *words, size_t len, int64_t *ret_words)
{
	struct tape in = {words, len, 0};
	enum proration proration = (enum proration)take(&in);
	struct period natural = take_period(&in);
	struct period part = take_period(&in);
	struct fraction fraction = proration_fraction(proration, zone, natural, part);
	struct fraction max_fraction = proration_max_fraction(proration, zone, natural, part);

	ret_words[0] = fraction.part;
	ret_words[1] = fraction.whole;
	ret_words[2] = max_fraction.part;
	ret_words[3] = max_fraction.whole;
}

bool
bridge_boundary(const struct zone *zone, int64_t *words, size_t len, int64_t *ret_boundary)
{
	struct tape in = {words, len, 0};
	struct anchor anchor;
	struct cadence cadence;
	struct instant boundary;

	anchor.at = take_instant(&in);
	anchor.day = (int32_t)take(&in);
	cadence = take_cadence(&in);
	if (!calendar_boundary(zone, anchor, cadence, (int32_t)take(&in), &boundary))
		return false;
	*ret_boundary = boundary.s;
	return true;
}

bool
bridge_place(const struct zone *zone, int64_t *words, size_t len, int64_t *ret_words)
{
	struct tape in = {words, len, 0};
	enum anchoring anchoring = (enum anchoring)take(&in);
	int32_t day = (int32_t)take(&in);
	struct cadence cadence = take_cadence(&in);
	struct anchor anchor;
	int32_t index;
	struct period natural;

	if (!calendar_place(
		zone, anchoring, day, cadence, take_instant(&in), &anchor, &index, &natural))
		return false;
	ret_words[0] = anchor.at.s;
	ret_words[1] = anchor.day;
	ret_words[2] = index;
	ret_words[3] = natural.start.s;
	ret_words[4] = natural.end.s;
	return true;
}

int64_t
bridge_day(const struct zone *zone, int64_t at)
{
	return calendar_day(zone, (struct instant){at});
}

bool
bridge_plus_days(const struct zone *zone, int64_t at, int64_t days, int64_t *ret_later)
{
	struct instant later;

	if (!calendar_plus_days(zone, (struct instant){at}, (int32_t)days, &later))
		return false;
	*ret_later = later.s;
	return true;
}
