/* What previews do on copies: what a new subscription would take, what a bill comes to, and what
 * the next one finds. */

#include "api/preview/preview_internal.h"
#include "common/domain/bill.h"
#include "tests/unit/unit.h"

#define NOW ((struct instant){1767225600})
#define PLAN ((struct uuid){{7}})
#define OTHER_PLAN ((struct uuid){{8}})
#define EUR ((struct currency){"EUR"})
#define USD ((struct currency){"USD"})

static struct preview preview;
static struct tax_rate rates[2];
static const struct tax_rate *const listed[2] = {&rates[0], &rates[1]};
static struct item item;
static const struct item *const items[1] = {&item};

static struct decimal
decimal(const char *text)
{
	struct decimal read;

	ck_assert(decimal_read(str_from(text), DECIMAL_PLACES, &read));
	return read;
}

static struct coupon
coupon_make(uint8_t id, const char *code)
{
	return (struct coupon){
	    .id = {{id}},
	    .code = str_from(code),
	    .name = STR("A coupon"),
	    .percent_off = decimal("20"),
	    .amount_off = AMOUNT_NONE,
	    .duration = STR("once"),
	    .duration_periods = COUPON_UNLIMITED,
	    .max_redemptions = 3,
	    .redemptions = 2,
	    .redeem_by = NOW,
	    .archived_at = INSTANT_NONE,
	};
}

/* A customer with 500 on the balance and an item of 1000 that waits, for the plan PLAN, with two
 * coupons and two rates: 10 % and 5 %. */
static void
preview_begin(void)
{
	static const struct uuid ids[] = {{{1}}, {{2}}};

	memset(&preview, 0, sizeof(preview));
	preview.now = NOW;
	preview.customer = (struct customer){.currency = EUR,
	    .tax_exempt = STR("none"),
	    .credit_balance = 500,
	    .items_pending = 1,
	    .archived_at = INSTANT_NONE};
	preview.plan = (struct plan){.id = PLAN, .archived_at = INSTANT_NONE};
	preview.coupons[0] = coupon_make(1, "spring");
	preview.coupons[1] = coupon_make(2, "autumn");
	preview.coupons_len = 2;
	for (size_t i = 0; i < ARRAY_LEN(rates); i++)
		rates[i] = (struct tax_rate){.id = ids[i],
		    .code = STR("vat"),
		    .percentage = decimal(i == 0 ? "10" : "5"),
		    .archived_at = INSTANT_NONE};
	preview.rates = listed;
	preview.rates_len = ARRAY_LEN(listed);
	preview.tax_rate_ids = (struct uuid_list){ids, ARRAY_LEN(ids)};
	preview.organisation_rates[0] = ids[0];
	preview.organisation_rates_len = 1;
	item = (struct item){
	    .id = {{3}}, .description = STR("Setup"), .currency = EUR, .amount = 1000};
	preview.items = items;
	preview.items_len = 1;
}

static const struct uuid twice[] = {{{1}}, {{1}}};
static const struct uuid unknown[] = {{{1}}, {{9}}};
static const struct uuid other_plan[] = {{{8}}};

static void
rate_is_unknown(void)
{
	preview.tax_rate_ids = (struct uuid_list){unknown, 2};
}

static void
customer_is_archived(void)
{
	preview.customer.archived_at = NOW;
}

static void
plan_is_archived(void)
{
	preview.plan.archived_at = NOW;
}

static void
coupon_comes_twice(void)
{
	preview.coupons[1] = preview.coupons[0];
}

static void
coupon_is_late(void)
{
	preview.coupons[1].redeem_by = (struct instant){NOW.s - 1};
}

static void
coupon_is_exhausted(void)
{
	preview.coupons[1].redemptions = 3;
}

static void
coupon_is_for_another_plan(void)
{
	preview.coupons[1].plan_ids = (struct uuid_list){other_plan, 1};
}

static void
coupon_is_in_another_currency(void)
{
	preview.coupons[1].percent_off = DECIMAL_NONE;
	preview.coupons[1].amount_off = 100;
	preview.coupons[1].currency = USD;
}

static void
rate_comes_twice(void)
{
	preview.tax_rate_ids = (struct uuid_list){twice, 2};
}

static void
rate_is_archived(void)
{
	rates[1].archived_at = NOW;
}

/* In the order in which they are refused: what a row breaks, all below it may break as well. */
static const struct take {
	const char *name;
	void (*break_it)(void);
	enum refusal refusal;
	const char *detail; /* of which the detail has this */
} take_rows[] = {
    {"a rate that is not there", rate_is_unknown, REFUSAL_TAX_RATE_NOT_FOUND, "09000000-"},
    {"an archived customer", customer_is_archived, REFUSAL_CUSTOMER_ARCHIVED, ""},
    {"an archived plan", plan_is_archived, REFUSAL_PLAN_ARCHIVED, ""},
    {"a coupon twice", coupon_comes_twice, REFUSAL_COUPON_TWICE, "\"spring\""},
    {"a coupon too late", coupon_is_late, REFUSAL_COUPON_EXPIRED, "\"autumn\""},
    {"a coupon too often", coupon_is_exhausted, REFUSAL_COUPON_EXHAUSTED, "\"autumn\""},
    {"a coupon of another plan", coupon_is_for_another_plan, REFUSAL_COUPON_NOT_APPLICABLE,
	"\"autumn\""},
    {"a coupon in another currency", coupon_is_in_another_currency, REFUSAL_COUPON_NOT_APPLICABLE,
	"\"autumn\""},
    {"a rate twice", rate_comes_twice, REFUSAL_TAX_RATE_INVALID, "01000000-"},
    {"an archived rate", rate_is_archived, REFUSAL_TAX_RATE_ARCHIVED, "02000000-"},
};

START_TEST(test_take_refused)
{
	const struct take *row = &take_rows[_i];

	preview_begin();
	row->break_it();
	ck_assert_msg(preview_take(&preview) == row->refusal, "%s", row->name);
	ck_assert_msg(
	    strstr(preview.detail, row->detail) != NULL, "%s: \"%s\"", row->name, preview.detail);
}
END_TEST

START_TEST(test_take_in_order)
{
	preview_begin();
	rate_is_archived();
	coupon_is_exhausted();
	ck_assert_int_eq(preview_take(&preview), REFUSAL_COUPON_EXHAUSTED);
	plan_is_archived();
	ck_assert_int_eq(preview_take(&preview), REFUSAL_PLAN_ARCHIVED);
	customer_is_archived();
	ck_assert_int_eq(preview_take(&preview), REFUSAL_CUSTOMER_ARCHIVED);
	rate_is_unknown();
	ck_assert_int_eq(preview_take(&preview), REFUSAL_TAX_RATE_NOT_FOUND);
}
END_TEST

START_TEST(test_take)
{
	preview_begin();
	ck_assert_int_eq(preview_take(&preview), REFUSAL_NONE);
	ck_assert(uuid_equal(preview.taken[0].coupon_id, preview.coupons[0].id));
	ck_assert(uuid_equal(preview.taken[1].coupon_id, preview.coupons[1].id));
	ck_assert_int_eq(preview.coupons[1].redemptions, 2);
	preview_begin();
	preview.coupons_len = 0;
	preview.tax_rate_ids.len = 0;
	ck_assert_int_eq(preview_take(&preview), REFUSAL_NONE);
}
END_TEST

/* The next step that bills, with nothing on its bill yet. */
static void
bill_begin(void)
{
	bill_init(&preview.bill);
	preview.step.turns_period = preview.step.bills = true;
	preview.step.reason = STR("subscription_cycle");
	preview.step.at = NOW;
	preview.step.period = (struct period){NOW, {NOW.s + 86400}};
}

START_TEST(test_assess)
{
	preview_begin();
	ck_assert_int_eq(preview_take(&preview), REFUSAL_NONE);
	preview.step.after.discounts = preview.taken;
	preview.step.after.discounts_len = 2;

	/* 1000, twice 20 % off, and 10 % on that. */
	bill_begin();
	ck_assert_int_eq(preview_assess(&preview, &preview.lives[0]), REFUSAL_NONE);
	ck_assert_int_eq(preview.bill.subtotal, 1000);
	ck_assert_int_eq(preview.bill.discount, 200 + 160);
	ck_assert_int_eq(preview.bill.tax, 64);
	ck_assert_int_eq(preview.bill.total, 704);
	ck_assert_int_eq(preview.step.after.discounts[0].periods_left, 0);
	ck_assert_int_eq(preview.taken[0].periods_left, 1);
	preview_settle(&preview);
	ck_assert_int_eq(preview.customer.credit_balance, 0);

	/* The item is billed, and the coupons are used up. */
	bill_begin();
	ck_assert_int_eq(preview_assess(&preview, &preview.lives[0]), REFUSAL_NONE);
	ck_assert_int_eq(preview.bill.total, 0);
	ck_assert_uint_eq(preview.bill.len, 0);
	ck_assert_ptr_ne(preview.bill.discounts[0].discount, preview.step.after.discounts);
	ck_assert_int_eq(preview.step.after.discounts[1].periods_left, 0);
}
END_TEST

static const struct settled {
	const char *name;
	bool bills;
	int64_t total, balance;
	size_t items;
} settle_rows[] = {
    {"a step that bills nothing", false, 100, 500, 1},
    {"less than the balance", true, 100, 400, 0},
    {"more than it", true, 501, 0, 0},
    {"nothing", true, 0, 500, 0},
    {"a credit", true, -100, 600, 0},
};

START_TEST(test_settle)
{
	const struct settled *row = &settle_rows[_i];

	preview_begin();
	preview.step.bills = row->bills;
	preview.bill.total = row->total;
	preview_settle(&preview);
	ck_assert_msg(preview.customer.credit_balance == row->balance, "%s", row->name);
	ck_assert_msg(preview.items_len == row->items, "%s", row->name);
	ck_assert_msg(preview.customer.items_pending == (int64_t)row->items, "%s", row->name);
}
END_TEST

/* A step that bills nothing is left as it is. */
START_TEST(test_assess_nothing)
{
	preview_begin();
	bill_begin();
	preview.step.turns_period = preview.step.bills = false;
	ck_assert_int_eq(preview_assess(&preview, &preview.lives[0]), REFUSAL_NONE);
	ck_assert_uint_eq(preview.bill.len, 0);
	ck_assert_uint_eq(preview.items_len, 1);
}
END_TEST

/* Without a bill, too, a period that turns is covered by nothing until one covers it. */
START_TEST(test_assess_nothing_of_a_new_period)
{
	preview_begin();
	ck_assert_int_eq(preview_take(&preview), REFUSAL_NONE);
	preview.taken[0].covers = true;
	preview.step.after.discounts = preview.taken;
	preview.step.after.discounts_len = 2;
	bill_begin();
	preview.step.bills = false;
	ck_assert_int_eq(preview_assess(&preview, &preview.lives[0]), REFUSAL_NONE);
	ck_assert(!preview.step.after.discounts[0].covers);
	ck_assert(preview.taken[0].covers);

	/* The next step finds them as they are. */
	bill_begin();
	ck_assert_int_eq(preview_assess(&preview, &preview.lives[0]), REFUSAL_NONE);
	ck_assert(preview.step.after.discounts[0].covers);
}
END_TEST

UNIT_MAIN("preview_assess", UNIT_ROWS(test_take_refused, take_rows), UNIT(test_take_in_order),
    UNIT(test_take), UNIT(test_assess), UNIT_ROWS(test_settle, settle_rows),
    UNIT(test_assess_nothing), UNIT(test_assess_nothing_of_a_new_period))
