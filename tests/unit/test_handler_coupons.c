#include "worker/handler.h"

#include "tests/unit/worker_hand.h"

/* Coupons: their terms, and what subscriptions take of them. */

#define COUPON(byte) ((struct uuid){{0xc7, (byte)}})

static struct hand hand;

/* A wish for 20 % once. */
static struct create_coupon
coupon_wish(void)
{
	return (struct create_coupon){
	    .code = STR("spring"),
	    .name = STR("Spring"),
	    .percent_off = decimal_from(20),
	    .amount_off = AMOUNT_NONE,
	    .duration = STR("once"),
	    .duration_periods = INT64_MIN,
	    .max_redemptions = INT64_MIN,
	    .redeem_by = INSTANT_NONE,
	};
}

/* A coupon that is there: 20 % for ever. */
static struct coupon
coupon_row(uint8_t byte, struct str code)
{
	return (struct coupon){
	    .organisation_id = WORLD_ORGANISATION,
	    .id = COUPON(byte),
	    .code = code,
	    .name = STR("A coupon"),
	    .percent_off = decimal_from(20),
	    .amount_off = AMOUNT_NONE,
	    .duration = STR("forever"),
	    .duration_periods = COUPON_UNLIMITED,
	    .max_redemptions = COUPON_UNLIMITED,
	    .redeem_by = INSTANT_NONE,
	    .created_ms = INT64_C(1796083200000),
	    .created_at = unit_instant("2026-12-01T00:00:00Z"),
	    .updated_at = unit_instant("2026-12-01T00:00:00Z"),
	    .archived_at = INSTANT_NONE,
	};
}

static struct coupon *
coupon_add(const struct coupon *coupon)
{
	return facts_add(hand.world.facts, TABLE_COUPONS, coupon);
}

#define NONE INT64_MIN

struct terms_row {
	const char *name;
	const char *percent_off; /* NULL: none */
	int64_t amount_off;
	const char *currency, *duration;
	int64_t duration_periods, max_redemptions;
	const char *detail; /* NULL: accepted */
};

static const struct terms_row terms_rows[] = {
    {"a percentage, once", "20", NONE, "", "once", NONE, NONE, NULL},
    {"the whole, for ever", "100", NONE, "", "forever", NONE, NONE, NULL},
    {"the least", "0.0001", NONE, "", "once", NONE, 1, NULL},
    {"an amount, for a period", NULL, 1, "EUR", "repeating", 1, INT64_MAX, NULL},
    {"the largest amount", NULL, INT64_MAX, "JPY", "once", NONE, NONE, NULL},
    {"neither", NULL, NONE, "", "once", NONE, NONE, "percent_off: is required, or amount_off"},
    {"both", "20", 500, "EUR", "once", NONE, NONE,
	"amount_off: stands in place of percent_off, not beside it"},
    {"no percent", "0", NONE, "", "once", NONE, NONE, "percent_off: must be above 0"},
    {"a little more than the whole", "100.0001", NONE, "", "once", NONE, NONE,
	"percent_off: must be at most 100"},
    {"no amount", NULL, 0, "EUR", "once", NONE, NONE, "amount_off: must be above 0"},
    {"less than no amount", NULL, -1, "EUR", "once", NONE, NONE, "amount_off: must be above 0"},
    {"an amount of nothing", NULL, 500, "", "once", NONE, NONE,
	"currency: is required with amount_off"},
    {"a percentage of a currency", "20", NONE, "EUR", "once", NONE, NONE,
	"currency: is not used by percent_off"},
    {"repeating without an end", "20", NONE, "", "repeating", NONE, NONE,
	"duration_periods: is required with duration \"repeating\""},
    {"repeating no time", "20", NONE, "", "repeating", 0, NONE,
	"duration_periods: must be above 0"},
    {"once, for periods", "20", NONE, "", "once", 3, NONE,
	"duration_periods: is used by duration \"repeating\" alone"},
    {"for ever, for periods", "20", NONE, "", "forever", 3, NONE,
	"duration_periods: is used by duration \"repeating\" alone"},
    {"for nobody", "20", NONE, "", "once", NONE, 0, "max_redemptions: must be above 0"},
    {"what is wrong with the value comes first", "0", NONE, "", "repeating", NONE, 0,
	"percent_off: must be above 0"},
};

START_TEST(test_terms)
{
	const struct terms_row *row = &terms_rows[_i];
	struct create_coupon create = coupon_wish();

	hand_open(&hand);
	create.percent_off = DECIMAL_NONE;
	if (row->percent_off != NULL)
		ck_assert(decimal_read(str_from(row->percent_off), 4, &create.percent_off));
	create.amount_off = row->amount_off;
	if (row->currency[0] != '\0')
		ck_assert(currency_from(str_from(row->currency), &create.currency));
	create.duration = str_from(row->duration);
	create.duration_periods = row->duration_periods;
	create.max_redemptions = row->max_redemptions;
	hand_refuse(&hand, COMMAND_CREATE_COUPON, &create,
	    row->detail == NULL ? REFUSAL_NONE : REFUSAL_COUPON_INVALID, row->name);
	ck_assert_msg(strcmp(hand.decision.detail, row->detail == NULL ? "" : row->detail) == 0,
	    "%s: %s", row->name, hand.decision.detail);
	ck_assert_uint_eq(hand_count(&hand, TABLE_COUPONS), row->detail == NULL ? 1 : 0);
	hand_close(&hand);
}
END_TEST

START_TEST(test_a_coupon_is_made)
{
	const struct str_pair pair = {STR("for"), STR("spring")};
	const struct uuid plans[] = {WORLD_PLAN, WORLD_OTHER_PLAN};
	struct create_coupon create = coupon_wish();
	const struct coupon *coupon;

	hand_open(&hand);
	create.percent_off = DECIMAL_NONE;
	create.amount_off = 500;
	create.currency = (struct currency){"USD"};
	create.duration = STR("repeating");
	create.duration_periods = 3;
	create.max_redemptions = 7;
	create.redeem_by = unit_instant("2027-06-01T00:00:00Z");
	create.plan_ids = (struct uuid_list){plans, ARRAY_LEN(plans)};
	create.metadata = (struct str_map){&pair, 1};
	hand_do(&hand, COMMAND_CREATE_COUPON, &create);
	coupon = world_row(&hand.world, TABLE_COUPONS, 0);
	ck_assert(uuid_equal(coupon->id, hand.resource_id));
	ck_assert(uuid_equal(coupon->organisation_id, WORLD_ORGANISATION));
	unit_assert_str(coupon->code, "spring", "code");
	unit_assert_str(coupon->name, "Spring", "name");
	ck_assert(decimal_is_none(coupon->percent_off));
	ck_assert_int_eq(coupon->amount_off, 500);
	ck_assert_str_eq(coupon->currency.code, "USD");
	unit_assert_str(coupon->duration, "repeating", "duration");
	ck_assert_int_eq(coupon->duration_periods, 3);
	ck_assert_int_eq(coupon->max_redemptions, 7);
	ck_assert_int_eq(coupon->redemptions, 0);
	unit_assert_instant(coupon->redeem_by, "2027-06-01T00:00:00Z", "redeem_by");
	ck_assert_uint_eq(coupon->plan_ids.len, 2);
	ck_assert(uuid_equal(coupon->plan_ids.items[1], WORLD_OTHER_PLAN));
	ck_assert_uint_eq(coupon->metadata.len, 1);
	ck_assert_int_eq(coupon->created_ms, WORLD_NOW_MS);
	unit_assert_instant(coupon->created_at, WORLD_NOW, "created_at");
	unit_assert_instant(coupon->updated_at, WORLD_NOW, "updated_at");
	ck_assert(instant_is_none(coupon->archived_at));
	hand_assert_events(&hand, "coupon.created");
	hand_close(&hand);
}
END_TEST

/* Its code is its own until it is archived; archived, it is not there for who names it by that. */
START_TEST(test_a_code_is_free_again)
{
	struct create_coupon create = coupon_wish();
	struct create_coupon wrong = coupon_wish();
	struct archive_coupon archive = {.coupon_id = UUID_NIL};
	struct archive_coupon unknown = {.coupon_id = COUPON(9)};
	struct create_subscription subscribe = hand_subscription(WORLD_PLAN);
	const struct str codes[] = {STR("spring")};
	const struct coupon *coupon;

	hand_open(&hand);
	hand_do(&hand, COMMAND_CREATE_COUPON, &create);
	archive.coupon_id = hand.resource_id;
	wrong.percent_off = DECIMAL_ZERO;
	hand_refuse(&hand, COMMAND_CREATE_COUPON, &wrong, REFUSAL_COUPON_CODE_TAKEN, "taken");
	ck_assert_str_eq(hand.decision.detail, "code \"spring\" is taken");
	hand_refuse(&hand, COMMAND_ARCHIVE_COUPON, &unknown, REFUSAL_COUPON_NOT_FOUND, "unknown");

	hand_at(&hand, "2027-02-01T00:00:00Z");
	hand_do(&hand, COMMAND_ARCHIVE_COUPON, &archive);
	ck_assert(uuid_equal(hand.resource_id, archive.coupon_id));
	coupon = world_row(&hand.world, TABLE_COUPONS, 0);
	unit_assert_instant(coupon->archived_at, "2027-02-01T00:00:00Z", "archived_at");
	unit_assert_instant(coupon->updated_at, "2027-02-01T00:00:00Z", "updated_at");
	hand_refuse(&hand, COMMAND_ARCHIVE_COUPON, &archive, REFUSAL_COUPON_EXPIRED, "archived");
	subscribe.coupon_codes = (struct str_list){codes, 1};
	hand_refuse(&hand, COMMAND_CREATE_SUBSCRIPTION, &subscribe, REFUSAL_COUPON_NOT_FOUND,
	    "by the code of an archived one");

	hand_do(&hand, COMMAND_CREATE_COUPON, &create);
	ck_assert_uint_eq(hand_count(&hand, TABLE_COUPONS), 2);
	hand_assert_events(&hand, "coupon.created coupon.archived coupon.created");
	hand_close(&hand);
}
END_TEST

/* What is wrong with the coupon "a" or its subscriber, with "b" always good. */
enum obstacle {
	UNKNOWN = 1 << 0,     /* a code that no coupon has */
	TWICE = 1 << 1,       /* named twice */
	EXPIRED = 1 << 2,     /* its redeem_by has passed */
	LAST_MOMENT = 1 << 3, /* no obstacle: it passes now */
	EXHAUSTED = 1 << 4,
	LAST_ONE = 1 << 5, /* no obstacle: one more can be redeemed */
	DOLLARS = 1 << 6,  /* an amount in another currency */
	EUROS = 1 << 7,    /* no obstacle: in the customer's */
	OTHER_PLAN = 1 << 8,
	THIS_PLAN = 1 << 9,   /* no obstacle: for this plan, among others */
	NOBODY = 1 << 10,     /* the customer is archived */
	OLD_PLAN = 1 << 11,   /* the plan is */
	NO_RATE = 1 << 12,    /* a tax rate that is not there */
	IN_DOLLARS = 1 << 13, /* the plan's prices are */
	HAS_ONE = 1 << 14,    /* there is a live subscription */
};

struct redeem_row {
	const char *name;
	unsigned obstacles;
	enum refusal expected;
};

static const struct redeem_row redeem_rows[] = {
    {"nothing against it", 0, REFUSAL_NONE},
    {"in the last moment", LAST_MOMENT, REFUSAL_NONE},
    {"the last one", LAST_ONE, REFUSAL_NONE},
    {"an amount in euros", EUROS, REFUSAL_NONE},
    {"for this plan", THIS_PLAN, REFUSAL_NONE},
    {"unknown", UNKNOWN, REFUSAL_COUPON_NOT_FOUND},
    {"unknown, with all else", UNKNOWN | NO_RATE | NOBODY | OLD_PLAN | HAS_ONE,
	REFUSAL_COUPON_NOT_FOUND},
    {"an unknown rate, with all else", NO_RATE | NOBODY | OLD_PLAN | TWICE | EXPIRED,
	REFUSAL_TAX_RATE_NOT_FOUND},
    {"an archived customer, with all else", NOBODY | OLD_PLAN | TWICE | EXPIRED | EXHAUSTED,
	REFUSAL_CUSTOMER_ARCHIVED},
    {"an archived plan, with all else", OLD_PLAN | TWICE | EXPIRED | EXHAUSTED,
	REFUSAL_PLAN_ARCHIVED},
    {"twice", TWICE, REFUSAL_COUPON_TWICE},
    {"twice, with all else", TWICE | EXPIRED | EXHAUSTED | DOLLARS | HAS_ONE, REFUSAL_COUPON_TWICE},
    {"expired", EXPIRED, REFUSAL_COUPON_EXPIRED},
    {"expired, with all else", EXPIRED | EXHAUSTED | DOLLARS | HAS_ONE, REFUSAL_COUPON_EXPIRED},
    {"exhausted", EXHAUSTED, REFUSAL_COUPON_EXHAUSTED},
    {"exhausted, with all else", EXHAUSTED | DOLLARS | OTHER_PLAN | HAS_ONE,
	REFUSAL_COUPON_EXHAUSTED},
    {"an amount in dollars", DOLLARS, REFUSAL_COUPON_NOT_APPLICABLE},
    {"for another plan", OTHER_PLAN, REFUSAL_COUPON_NOT_APPLICABLE},
    {"for another plan, with all else", OTHER_PLAN | IN_DOLLARS | HAS_ONE,
	REFUSAL_COUPON_NOT_APPLICABLE},
    {"a plan in dollars", IN_DOLLARS | HAS_ONE, REFUSAL_CURRENCY_MISMATCH},
    {"a live subscription", HAS_ONE, REFUSAL_SUBSCRIPTION_LIVE_EXISTS},
};

static void
coupons_add(unsigned obstacles)
{
	static const struct uuid these[] = {{{0x91, 2}}, {{0x91, 1}}};
	struct coupon a = coupon_row(1, STR("a")), b = coupon_row(2, STR("b"));

	if ((obstacles & EXPIRED) != 0)
		a.redeem_by = unit_instant("2027-01-31T09:29:59Z");
	if ((obstacles & LAST_MOMENT) != 0)
		a.redeem_by = unit_instant(WORLD_NOW);
	if ((obstacles & (EXHAUSTED | LAST_ONE)) != 0)
		a.max_redemptions = 5;
	if ((obstacles & (EXHAUSTED | LAST_ONE)) != 0)
		a.redemptions = (obstacles & EXHAUSTED) != 0 ? 5 : 4;
	if ((obstacles & (DOLLARS | EUROS)) != 0) {
		a.percent_off = DECIMAL_NONE;
		a.amount_off = 500;
		a.currency = (obstacles & DOLLARS) != 0 ? (struct currency){"USD"}
							: (struct currency){"EUR"};
	}
	if ((obstacles & (OTHER_PLAN | THIS_PLAN)) != 0)
		a.plan_ids = (struct uuid_list){these, (obstacles & OTHER_PLAN) != 0 ? 1 : 2};
	(void)coupon_add(&b);
	(void)coupon_add(&a);
}

static void
subscriber_set(unsigned obstacles)
{
	struct plan *plan = facts_plan(hand.world.facts, WORLD_ORGANISATION, WORLD_PLAN);
	const struct subscription live = world_subscription(WORLD_OPERATION);

	if ((obstacles & NOBODY) != 0)
		hand_customer(&hand)->archived_at = unit_instant("2027-01-01T00:00:00Z");
	if ((obstacles & OLD_PLAN) != 0)
		plan->archived_at = unit_instant("2027-01-01T00:00:00Z");
	if ((obstacles & IN_DOLLARS) != 0)
		plan->currency = (struct currency){"USD"};
	if ((obstacles & HAS_ONE) != 0)
		facts_add(hand.world.facts, TABLE_SUBSCRIPTIONS, &live);
}

/* Coupons are redeemed in the order in which they are named; those of a subscription that does not
 * come to be are not. */
START_TEST(test_redeeming)
{
	const struct redeem_row *row = &redeem_rows[_i];
	const bool unknown = (row->obstacles & UNKNOWN) != 0, twice = (row->obstacles & TWICE) != 0;
	const struct str codes[] = {STR("b"), unknown ? STR("z") : STR("a"), STR("b")};
	const struct uuid rates[] = {{{0x7a}}};
	struct create_subscription create = hand_subscription(WORLD_PLAN);
	const struct coupon *a, *b;
	const struct subscription *subscription;
	int64_t before;

	hand_open(&hand);
	coupons_add(row->obstacles);
	subscriber_set(row->obstacles);
	create.coupon_codes = (struct str_list){codes, twice ? 3 : 2};
	create.tax_rate_ids = (struct uuid_list){rates, (row->obstacles & NO_RATE) != 0 ? 1 : 0};
	b = world_row(&hand.world, TABLE_COUPONS, 0);
	a = world_row(&hand.world, TABLE_COUPONS, 1);
	before = a->redemptions;
	hand_refuse(&hand, COMMAND_CREATE_SUBSCRIPTION, &create, row->expected, row->name);
	if (row->expected == REFUSAL_NONE) {
		ck_assert_int_eq(a->redemptions, before + 1);
		ck_assert_int_eq(b->redemptions, 1);
		unit_assert_instant(a->updated_at, WORLD_NOW, "updated_at");
		subscription = hand_subscription_at(&hand, 0);
		ck_assert_uint_eq(subscription->discounts_len, 2);
		ck_assert(uuid_equal(subscription->discounts[0].coupon_id, b->id));
		ck_assert(uuid_equal(subscription->discounts[1].coupon_id, a->id));
	}
	hand_close(&hand);
}
END_TEST

START_TEST(test_coupons_are_asked_for)
{
	const struct str codes[] = {STR("b"), STR("a"), STR("b")};
	struct create_subscription subscribe = hand_subscription(WORLD_PLAN);
	struct create_coupon create = coupon_wish();
	struct archive_coupon archive = {.coupon_id = COUPON(1)};
	const struct need_list *by_code, *by_id;

	hand_open(&hand);
	by_code = &hand.world.facts->needs[NEED_COUPON_CODE];
	by_id = &hand.world.facts->needs[NEED_COUPON];
	subscribe.meta = create.meta = archive.meta = world_meta(WORLD_OPERATION);
	subscribe.coupon_codes = (struct str_list){codes, ARRAY_LEN(codes)};
	handler_table[COMMAND_CREATE_SUBSCRIPTION].refer(hand.world.facts, &subscribe);
	ck_assert_uint_eq(by_code->len, 2);
	handler_table[COMMAND_CREATE_COUPON].refer(hand.world.facts, &create);
	ck_assert_uint_eq(by_code->len, 3);
	unit_assert_str(by_code->texts[2], "spring", "code");
	ck_assert_uint_eq(by_id->len, 0);
	handler_table[COMMAND_ARCHIVE_COUPON].refer(hand.world.facts, &archive);
	ck_assert_uint_eq(by_id->len, 1);
	hand_close(&hand);
}
END_TEST

/* Whose coupon it was is told. */
START_TEST(test_a_refused_coupon_is_named)
{
	const struct str codes[] = {STR("b"), STR("a")};
	struct create_subscription create = hand_subscription(WORLD_PLAN);

	hand_open(&hand);
	coupons_add(EXHAUSTED);
	create.coupon_codes = (struct str_list){codes, 2};
	ck_assert_int_eq(
	    hand_decide(&hand, COMMAND_CREATE_SUBSCRIPTION, &create), REFUSAL_COUPON_EXHAUSTED);
	ck_assert_str_eq(hand.decision.detail,
	    "coupon \"a\": Its max_redemptions is reached, and no redemption comes back.");
	hand_close(&hand);
}
END_TEST

/* Each command of a batch sees what those before it redeemed: two of three, and no third. */
START_TEST(test_the_limit_holds_inside_a_batch)
{
	const struct str codes[] = {STR("few")};
	struct coupon few = coupon_row(1, STR("few"));
	struct create_subscription create = hand_subscription(WORLD_PLAN);
	struct organisation *organisation;
	const struct coupon *coupon;

	hand_open(&hand);
	organisation = world_row(&hand.world, TABLE_ORGANISATIONS, 0);
	organisation->subscriptions_per_customer = STR("many");
	few.max_redemptions = 3;
	few.redemptions = 1;
	coupon = coupon_add(&few);
	create.coupon_codes = (struct str_list){codes, 1};
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	hand_refuse(
	    &hand, COMMAND_CREATE_SUBSCRIPTION, &create, REFUSAL_COUPON_EXHAUSTED, "the third");
	ck_assert_int_eq(coupon->redemptions, 3);
	/* Without it there is room. */
	create.coupon_codes.len = 0;
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	ck_assert_uint_eq(hand_count(&hand, TABLE_SUBSCRIPTIONS), 3);
	hand_close(&hand);
}
END_TEST

/* A subscription has the terms, so what becomes of the coupon is nothing to it. */
START_TEST(test_terms_are_taken_along)
{
	const struct str codes[] = {STR("b")};
	struct create_subscription create = hand_subscription(WORLD_PLAN);
	struct archive_coupon archive = {.coupon_id = COUPON(2)};
	const struct discount *discount;

	hand_open(&hand);
	coupons_add(0);
	create.coupon_codes = (struct str_list){codes, 1};
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	hand_do(&hand, COMMAND_ARCHIVE_COUPON, &archive);
	discount = &hand_subscription_at(&hand, 0)->discounts[0];
	unit_assert_str(discount->code, "b", "code");
	unit_assert_str(discount->duration, "forever", "duration");
	ck_assert_int_eq(decimal_compare(discount->percent_off, decimal_from(20)), 0);
	ck_assert_int_eq(hand_invoice(&hand, 0)->discount, 580);
	ck_assert_int_eq(hand_invoice(&hand, 0)->total, 2320);
	hand_chunk(&hand, "2027-02-28T09:30:00Z");
	ck_assert_int_eq(hand_invoice(&hand, 1)->total, 2320);
	hand_close(&hand);
}
END_TEST

UNIT_MAIN("handler coupons", UNIT_ROWS(test_terms, terms_rows), UNIT(test_a_coupon_is_made),
    UNIT(test_a_code_is_free_again), UNIT_ROWS(test_redeeming, redeem_rows),
    UNIT(test_coupons_are_asked_for), UNIT(test_a_refused_coupon_is_named),
    UNIT(test_the_limit_holds_inside_a_batch), UNIT(test_terms_are_taken_along))
