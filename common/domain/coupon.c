#include "common/domain/coupon.h"

static bool
list_has(struct uuid_list list, struct uuid id)
{
	for (size_t i = 0; i < list.len; i++)
		if (uuid_equal(list.items[i], id))
			return true;
	return false;
}

/* For how many periods it is taken off. */
static int64_t
periods_of(const struct coupon *coupon)
{
	if (str_equal(coupon->duration, STR("once")))
		return 1;
	if (str_equal(coupon->duration, STR("forever")))
		return COUPON_UNLIMITED;
	CHECK(str_equal(coupon->duration, STR("repeating")));
	CHECK(coupon->duration_periods > 0);
	return coupon->duration_periods;
}

enum refusal
coupon_redeem(const struct coupon *coupon, struct uuid plan_id, struct currency currency,
    struct instant now, struct discount *ret_discount)
{
	bool is_amount = coupon->amount_off != AMOUNT_NONE;
	struct discount discount = {
	    .coupon_id = coupon->id,
	    .code = coupon->code,
	    .name = coupon->name,
	    .percent_off = coupon->percent_off,
	    .amount_off = coupon->amount_off,
	    .duration = coupon->duration,
	    .plan_ids = coupon->plan_ids,
	    .periods_left = periods_of(coupon),
	    .given_whole = 1,
	};

	CHECK(is_amount == decimal_is_none(coupon->percent_off));
	CHECK(coupon->redemptions >= 0);

	if (!instant_is_none(coupon->archived_at))
		return REFUSAL_COUPON_EXPIRED;
	if (!instant_is_none(coupon->redeem_by) && now.s > coupon->redeem_by.s)
		return REFUSAL_COUPON_EXPIRED;
	if (coupon->max_redemptions != COUPON_UNLIMITED &&
	    coupon->redemptions >= coupon->max_redemptions)
		return REFUSAL_COUPON_EXHAUSTED;
	if (is_amount && !currency_equal(coupon->currency, currency))
		return REFUSAL_COUPON_NOT_APPLICABLE;
	if (!discount_has_plan(&discount, plan_id))
		return REFUSAL_COUPON_NOT_APPLICABLE;
	*ret_discount = discount;
	return REFUSAL_NONE;
}

bool
discount_has_plan(const struct discount *discount, struct uuid plan_id)
{
	return discount->plan_ids.len == 0 || list_has(discount->plan_ids, plan_id);
}
