#include "common/domain/coupon.h"

#include "tests/unit/unit.h"

#define NOW "2026-03-01T12:00:00Z"
#define PLAN(n) ((struct uuid){{3, (n)}})

static const struct uuid plans[] = {{{3, 1}}, {{3, 2}}};

/* A coupon of 20 percent, once, for everything, without limits. */
static struct coupon
coupon_plain(void)
{
	return (struct coupon){
	    .organisation_id = {{1}},
	    .id = {{7}},
	    .code = STR("SPRING"),
	    .name = STR("Spring offer"),
	    .percent_off = {20 * (int128)DECIMAL_SCALE},
	    .amount_off = AMOUNT_NONE,
	    .duration = STR("once"),
	    .duration_periods = COUPON_UNLIMITED,
	    .max_redemptions = COUPON_UNLIMITED,
	    .redeem_by = INSTANT_NONE,
	    .archived_at = INSTANT_NONE,
	};
}

struct redeem_row {
	const char *name;
	const char *archived_at, *redeem_by;
	int64_t max_redemptions, redemptions; /* 0: any number */
	const char *currency;                 /* NULL: a percentage */
	size_t plans_len;
	uint8_t plan; /* 0: 1 */
	enum refusal expected;
};

static const struct redeem_row redeem_rows[] = {
    {.name = "a plain one", .redemptions = 1000},
    {.name = "up to and with its last second", .redeem_by = NOW},
    {.name = "after its last second",
	.redeem_by = "2026-03-01T11:59:59Z",
	.expected = REFUSAL_COUPON_EXPIRED},
    {.name = "archived", .archived_at = NOW, .expected = REFUSAL_COUPON_EXPIRED},
    {.name = "the last one there is", .max_redemptions = 3, .redemptions = 2},
    {.name = "none is left",
	.max_redemptions = 3,
	.redemptions = 3,
	.expected = REFUSAL_COUPON_EXHAUSTED},
    {.name = "an amount in the customer's currency", .currency = "EUR"},
    {.name = "an amount in another currency",
	.currency = "USD",
	.expected = REFUSAL_COUPON_NOT_APPLICABLE},
    {.name = "for this plan", .plans_len = 2, .plan = 2},
    {.name = "for other plans",
	.plans_len = 1,
	.plan = 2,
	.expected = REFUSAL_COUPON_NOT_APPLICABLE},
    {.name = "expired before it is exhausted",
	.archived_at = NOW,
	.max_redemptions = 1,
	.redemptions = 1,
	.currency = "USD",
	.expected = REFUSAL_COUPON_EXPIRED},
    {.name = "exhausted before it does not apply",
	.max_redemptions = 1,
	.redemptions = 1,
	.currency = "USD",
	.expected = REFUSAL_COUPON_EXHAUSTED},
};

START_TEST(test_who_may_have_it)
{
	const struct redeem_row *row = &redeem_rows[_i];
	struct coupon coupon = coupon_plain();
	struct discount discount = {.given = 77};
	enum refusal refusal;

	if (row->archived_at != NULL)
		coupon.archived_at = unit_instant(row->archived_at);
	if (row->redeem_by != NULL)
		coupon.redeem_by = unit_instant(row->redeem_by);
	if (row->max_redemptions != 0)
		coupon.max_redemptions = row->max_redemptions;
	coupon.redemptions = row->redemptions;
	coupon.plan_ids = (struct uuid_list){plans, row->plans_len};
	if (row->currency != NULL) {
		coupon.percent_off = DECIMAL_NONE;
		coupon.amount_off = 500;
		ck_assert(currency_from(str_from(row->currency), &coupon.currency));
	}
	refusal = coupon_redeem(&coupon, PLAN(row->plan == 0 ? 1 : row->plan),
	    (struct currency){"EUR"}, unit_instant(NOW), &discount);
	ck_assert_msg(refusal == row->expected, "%s: %d", row->name, (int)refusal);
	ck_assert_msg(discount.given == (row->expected == REFUSAL_NONE ? 0 : 77), "%s", row->name);
	if (row->expected == REFUSAL_NONE)
		ck_assert_msg(discount.amount_off == coupon.amount_off, "%s", row->name);
}
END_TEST

struct duration_row {
	const char *duration;
	int64_t periods, expected;
};

static const struct duration_row duration_rows[] = {
    {"once", COUPON_UNLIMITED, 1},
    {"repeating", 12, 12},
    {"forever", COUPON_UNLIMITED, COUPON_UNLIMITED},
};

START_TEST(test_what_a_subscription_takes)
{
	const struct duration_row *row = &duration_rows[_i];
	struct coupon coupon = coupon_plain();
	struct discount discount;

	coupon.duration = str_from(row->duration);
	coupon.duration_periods = row->periods;
	coupon.plan_ids = (struct uuid_list){plans, 2};
	ck_assert_int_eq(
	    coupon_redeem(&coupon, PLAN(1), (struct currency){"EUR"}, unit_instant(NOW), &discount),
	    REFUSAL_NONE);
	ck_assert(uuid_equal(discount.coupon_id, coupon.id));
	unit_assert_str(discount.code, "SPRING", row->duration);
	unit_assert_str(discount.name, "Spring offer", row->duration);
	unit_assert_str(discount.duration, row->duration, row->duration);
	ck_assert(decimal_compare(discount.percent_off, coupon.percent_off) == 0);
	ck_assert_int_eq(discount.amount_off, AMOUNT_NONE);
	ck_assert_uint_eq(discount.plan_ids.len, 2);
	ck_assert_int_eq(discount.periods_left, row->expected);
	ck_assert(!discount.covers);
	ck_assert_int_eq(discount.given, 0);
	ck_assert_int_eq(discount.given_part, 0);
	ck_assert_int_eq(discount.given_whole, 1);
}
END_TEST

START_TEST(test_what_a_discount_is_for)
{
	struct discount everything = {.plan_ids = {NULL, 0}};
	struct discount some = {.plan_ids = {plans, 2}};

	ck_assert(discount_has_plan(&everything, PLAN(9)));
	ck_assert(discount_has_plan(&everything, UUID_NIL));
	ck_assert(discount_has_plan(&some, PLAN(2)));
	ck_assert(!discount_has_plan(&some, PLAN(9)));
	/* A one-off item is of no plan. */
	ck_assert(!discount_has_plan(&some, UUID_NIL));
}
END_TEST

START_TEST(test_an_unknown_duration_is_a_bug)
{
	struct coupon coupon = coupon_plain();
	struct discount discount;

	coupon.duration = STR("sometimes");
	(void)!coupon_redeem(
	    &coupon, PLAN(1), (struct currency){"EUR"}, unit_instant(NOW), &discount);
}
END_TEST

UNIT_MAIN("coupon", UNIT_ROWS(test_who_may_have_it, redeem_rows),
    UNIT_ROWS(test_what_a_subscription_takes, duration_rows), UNIT(test_what_a_discount_is_for),
    UNIT_ABORTS(test_an_unknown_duration_is_a_bug))
