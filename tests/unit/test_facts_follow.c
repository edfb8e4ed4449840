#include "tests/unit/worker_world.h"
#include "worker/facts.h"

/* What a batch asks for, and what the rows that come point to.  What the statements bring is seen
 * with a database alone (tests/integration). */

#define RATE ((struct uuid){{0x7a, 1}})
#define RATE_TEXT "7a010000-0000-0000-0000-000000000000"

static struct world world;

static void
setup(void)
{
	world_open(&world);
}

START_TEST(test_each_need_is_asked_for_once)
{
	struct uuid first = {{1}}, second = {{2}};
	const struct need_list *by_id, *by_text;

	setup();
	by_id = &world.facts->needs[NEED_CUSTOMER];
	by_text = &world.facts->needs[NEED_PLAN_CODE];
	for (int i = 0; i < 3; i++) {
		facts_need(world.facts, NEED_CUSTOMER, WORLD_ORGANISATION, &first);
		facts_need(world.facts, NEED_CUSTOMER, WORLD_ORGANISATION, &second);
		facts_need(world.facts, NEED_CUSTOMER, second, &first);
		facts_need_text(world.facts, NEED_PLAN_CODE, WORLD_ORGANISATION, STR("a"));
		facts_need_text(world.facts, NEED_PLAN_CODE, WORLD_ORGANISATION, STR("b"));
	}
	ck_assert_uint_eq(by_id->len, 3);
	ck_assert_uint_eq(by_text->len, 2);
	ck_assert(uuid_equal(by_id->ids[1], second));
	ck_assert(uuid_equal(by_id->organisation_ids[2], second));
	unit_assert_str(by_text->texts[1], "b", "text");
	ck_assert_uint_eq(world.facts->needs[NEED_PLAN].len, 0);
	world_close(&world);
}
END_TEST

START_TEST(test_many_needs_and_rows)
{
	enum {
		ROWS = 3000
	};
	static struct uuid ids[ROWS]; /* borrowed by the needs */
	struct customer customer = world_customer(WORLD_CUSTOMER);

	setup();
	for (uint32_t i = 0; i < ROWS; i++) {
		memcpy(ids[i].b, &i, sizeof(i));
		ids[i].b[15] = 1;
		facts_need(world.facts, NEED_CUSTOMER, WORLD_ORGANISATION, &ids[i]);
		customer.id = ids[i];
		facts_add(world.facts, TABLE_CUSTOMERS, &customer);
	}
	ck_assert_uint_eq(world.facts->needs[NEED_CUSTOMER].len, ROWS);
	ck_assert_uint_eq(world.facts->lists[TABLE_CUSTOMERS].len, ROWS);
	for (size_t i = 0; i < ROWS; i++) {
		const struct customer *row =
		    facts_customer(world.facts, WORLD_ORGANISATION, ids[i]);

		ck_assert_ptr_nonnull(row);
		ck_assert(uuid_equal(row->id, ids[i]));
		ck_assert(uuid_equal(world.facts->needs[NEED_CUSTOMER].ids[i], ids[i]));
	}
	world_close(&world);
}
END_TEST

START_TEST(test_aborts_on_a_text_for_a_need_by_id)
{
	setup();
	facts_need_text(world.facts, NEED_CUSTOMER, WORLD_ORGANISATION, STR("x"));
}
END_TEST

START_TEST(test_aborts_on_an_id_for_a_need_by_text)
{
	struct uuid id = {{1}};

	setup();
	facts_need(world.facts, NEED_PLAN_CODE, WORLD_ORGANISATION, &id);
}
END_TEST

/* What rows point to, as a second load asks for it. */
static void
assert_needs(enum need need, size_t len, struct uuid first)
{
	const struct need_list *list = &world.facts->needs[need];

	ck_assert_msg(list->len == len, "need %d: %zu", need, list->len);
	if (len > 0)
		ck_assert(uuid_equal(list->ids[0], first));
}

START_TEST(test_what_rows_point_to)
{
	struct customer customer = world_customer(WORLD_CUSTOMER);
	struct subscription subscription = world_subscription(WORLD_OPERATION);
	struct test_clock clock = world_clock((struct uuid){{0xc1}});
	struct plan_version version = {.organisation_id = WORLD_ORGANISATION, .id = {{0x91, 7}}};

	setup();
	ck_assert(!facts_follow(world.facts));
	facts_add(world.facts, TABLE_CUSTOMERS, &customer);
	ck_assert(!facts_follow(world.facts));

	customer = world_customer(WORLD_OTHER_CUSTOMER);
	customer.test_clock_id = clock.id;
	facts_add(world.facts, TABLE_CUSTOMERS, &customer);
	subscription.pending_plan_id = WORLD_OTHER_PLAN;
	subscription.pending_version_id = version.id;
	facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
	ck_assert(facts_follow(world.facts));
	assert_needs(NEED_TEST_CLOCK, 1, clock.id);
	assert_needs(NEED_PLAN_VERSION, 2, WORLD_PLAN);
	assert_needs(NEED_QUANTITIES, 0, UUID_NIL);
	assert_needs(NEED_OPERATION, 0, UUID_NIL);
	world_close(&world);
}
END_TEST

START_TEST(test_what_is_here_is_not_followed)
{
	struct customer customer = world_customer(WORLD_CUSTOMER);
	struct subscription subscription = world_subscription(WORLD_OPERATION);
	struct test_clock clock = world_clock((struct uuid){{0xc1}});
	struct plan plan = world_plan(WORLD_PLAN);

	setup();
	world_plan_add(&world, &plan);
	customer.test_clock_id = clock.id;
	facts_add(world.facts, TABLE_TEST_CLOCKS, &clock);
	facts_add(world.facts, TABLE_CUSTOMERS, &customer);
	subscription.status = STR("canceled");
	subscription.ended_at = subscription.current_period_start;
	facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
	ck_assert(!facts_follow(world.facts));
	subscription.id = (struct uuid){{0x5b}};
	subscription.ended_at = INSTANT_NONE;
	facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
	ck_assert(!facts_follow(world.facts));
	assert_needs(NEED_TEST_CLOCK, 0, UUID_NIL);
	assert_needs(NEED_PLAN_VERSION, 0, UUID_NIL);
	assert_needs(NEED_QUANTITIES, 0, UUID_NIL);
	world_close(&world);
}
END_TEST

/* When what was reported for a subscription's period is asked for. */
static const struct {
	const char *name;
	bool arrears;   /* has its version a charge in arrears? */
	enum need need; /* what a command asked for; NEED_MAX: there is none */
	bool asked;
	bool late; /* its version is loaded behind it */
} quantities_rows[] = {
    {"nothing can be reported", false, NEED_MAX, false, false},
    {"something may have been", true, NEED_MAX, true, false},
    {"a command may move it: of the subscription", false, NEED_SIBLINGS, true, false},
    {"of the customer", false, NEED_LIVE_SUBSCRIPTION, true, false},
    {"of an invoice", false, NEED_PAYER_SIBLINGS, true, false},
    {"of an item", false, NEED_ITEM_SIBLINGS, true, false},
    {"a command that moves none", false, NEED_PLAN, false, false},
    {"its version comes later", true, NEED_MAX, true, true},
};

START_TEST(test_what_was_reported)
{
	struct subscription subscription = world_subscription(WORLD_OPERATION);
	const struct charge calls = {
	    .code = STR("calls"), .model = STR("per_unit"), .billing = STR("arrears")};
	struct plan plan = world_plan(WORLD_PLAN);
	bool asked;

	setup();
	if (quantities_rows[_i].arrears) {
		plan.charges = &calls;
		plan.charges_len = 1;
	}
	if (!quantities_rows[_i].late)
		world_plan_add(&world, &plan);
	facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
	if (quantities_rows[_i].need != NEED_MAX)
		facts_need(
		    world.facts, quantities_rows[_i].need, WORLD_ORGANISATION, &subscription.id);
	(void)!facts_follow(world.facts);
	if (quantities_rows[_i].late) {
		ck_assert_uint_eq(world.facts->needs[NEED_QUANTITIES].len, 0);
		world_plan_add(&world, &plan);
		ck_assert(facts_follow(world.facts));
	}
	asked = world.facts->needs[NEED_QUANTITIES].len == 1;
	ck_assert_msg(asked == quantities_rows[_i].asked, "%s", quantities_rows[_i].name);
	world_close(&world);
}
END_TEST

START_TEST(test_an_advancing_clock_leads_to_its_operation)
{
	struct test_clock clock = world_clock((struct uuid){{0xc1}});

	setup();
	clock.advance_operation_id = WORLD_OPERATION;
	clock.advance_idempotency_key = STR("k");
	facts_add(world.facts, TABLE_TEST_CLOCKS, &clock);
	ck_assert(facts_follow(world.facts));
	assert_needs(NEED_OPERATION, 1, WORLD_OPERATION);
	ck_assert_uint_eq(world.facts->needs[NEED_IDEMPOTENCY_KEY].len, 1);
	world_close(&world);
}
END_TEST

/* A setting with tax rates, and how many it names; -1: it cannot be read. */
static const struct {
	const char *text;
	int len;
} setting_rows[] = {
    {"", 0},
    {RATE_TEXT, 1},
    {RATE_TEXT "," RATE_TEXT, 2},
    {RATE_TEXT "," RATE_TEXT "," RATE_TEXT "," RATE_TEXT "," RATE_TEXT, 5},
    {RATE_TEXT "," RATE_TEXT "," RATE_TEXT "," RATE_TEXT "," RATE_TEXT "," RATE_TEXT, -1},
    {RATE_TEXT ",", -1},
    {"," RATE_TEXT, -1},
    {RATE_TEXT ";" RATE_TEXT, -1},
    {RATE_TEXT "0", -1},
    {"7a010000-0000-0000-0000-00000000000", -1},
    {"7a010000-0000-0000-0000-00000000000x", -1},
    {"vat", -1},
};

START_TEST(test_an_organisations_tax_rates)
{
	struct organisation organisation = {.id = WORLD_ORGANISATION};
	const char *text = setting_rows[_i].text;
	struct uuid_list ids = {NULL, 77};

	setup();
	organisation.tax_rate_ids = str_from(text);
	ck_assert_msg(facts_organisation_tax_rates(world.facts, &organisation, &ids) ==
			  (setting_rows[_i].len >= 0),
	    "\"%s\"", text);
	ck_assert_msg(ids.len == (setting_rows[_i].len < 0 ? 77 : (size_t)setting_rows[_i].len),
	    "\"%s\"", text);
	for (size_t i = 0; setting_rows[_i].len >= 0 && i < ids.len; i++)
		ck_assert(uuid_equal(ids.items[i], RATE));
	world_close(&world);
}
END_TEST

/* Rates that are named somewhere are asked for, once each, and not when they are here. */
START_TEST(test_what_names_tax_rates)
{
	static const struct uuid own[] = {{{0x7a, 2}}, {{0x7a, 3}}}, shared[] = {{{0x7a, 2}}},
				 item_own[] = {{{0x7a, 4}}}, charge_own[] = {{{0x7a, 5}}};
	const struct tax_rate here = {.organisation_id = WORLD_ORGANISATION, .id = charge_own[0]};
	const struct item item = {.organisation_id = WORLD_ORGANISATION,
	    .id = {{0x17, 1}},
	    .customer_id = WORLD_CUSTOMER,
	    .tax_rate_ids = {item_own, 1}};
	struct customer customer = world_customer(WORLD_CUSTOMER);
	struct subscription subscription = world_subscription(WORLD_OPERATION);
	struct charge charge = world_charges[0];
	struct plan plan = world_plan(WORLD_PLAN);
	const struct need_list *rates;

	setup();
	customer.tax_rate_ids = (struct uuid_list){own, 2};
	customer.items_pending = 1;
	facts_add(world.facts, TABLE_CUSTOMERS, &customer);
	subscription.tax_rate_ids = (struct uuid_list){shared, 1};
	facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
	charge.tax_rate_ids = (struct uuid_list){charge_own, 1};
	plan.charges = &charge;
	world_plan_add(&world, &plan);
	facts_add(world.facts, TABLE_TAX_RATES, &here);
	ck_assert(facts_follow(world.facts));
	rates = &world.facts->needs[NEED_TAX_RATE];
	ck_assert_uint_eq(rates->len, 2);
	ck_assert_uint_eq(rates->ids[0].b[1], 2);
	ck_assert_uint_eq(rates->ids[1].b[1], 3);
	assert_needs(NEED_ITEMS, 1, WORLD_CUSTOMER);

	/* What comes may name more; and what does not come is not asked for again. */
	for (size_t i = 0; i < NEED_MAX; i++)
		world.facts->needs[i].loaded = world.facts->needs[i].len;
	ck_assert(!facts_follow(world.facts));
	facts_add(world.facts, TABLE_ITEMS, &item);
	ck_assert(facts_follow(world.facts));
	ck_assert_uint_eq(rates->len, 3);
	ck_assert_uint_eq(rates->ids[2].b[1], 4);
	world_close(&world);
}
END_TEST

/* Which batch needs what the organisation has for all of its customers. */
struct issuing_row {
	const char *name;
	enum need need; /* asked for */
	bool by_customer, has_rates;
	size_t series, rates; /* asked for then */
};

static const struct issuing_row issuing_rows[] = {
    {"a customer, numbers by organisation", NEED_CUSTOMER, false, false, 1, 0},
    {"a subscription's customer", NEED_SUBSCRIBER, false, true, 1, 1},
    {"an invoice's customer", NEED_PAYER, false, true, 1, 1},
    {"an item's customer", NEED_ITEM_CUSTOMER, false, true, 1, 1},
    {"a plan bills nobody", NEED_PLAN, false, true, 0, 0},
    {"a coupon bills nobody", NEED_COUPON, false, true, 0, 0},
    {"numbers by customer", NEED_CUSTOMER, true, false, 0, 0},
    {"numbers by customer, with rates", NEED_CUSTOMER, true, true, 0, 1},
};

START_TEST(test_what_documents_need_of_the_organisation)
{
	const struct issuing_row *row = &issuing_rows[_i];
	static const struct uuid ids[] = {{{1}}, {{2}}};
	struct organisation *organisation;

	setup();
	world_organisation(&world);
	organisation = world_row(&world, TABLE_ORGANISATIONS, 0);
	organisation->invoice_numbering = row->by_customer ? STR("customer") : STR("organisation");
	organisation->tax_rate_ids = row->has_rates ? STR(RATE_TEXT) : STR_NONE;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		facts_need(world.facts, row->need, WORLD_ORGANISATION, &ids[i]);
	/* Of one that is not there nothing is known. */
	facts_need(world.facts, row->need, RATE, &ids[0]);
	world.facts->needs[row->need].loaded = world.facts->needs[row->need].len;
	ck_assert_msg(facts_follow(world.facts) == (row->series + row->rates > 0), "%s", row->name);
	assert_needs(NEED_NUMBER_SERIES, row->series, WORLD_ORGANISATION);
	assert_needs(NEED_TAX_RATE, row->rates, RATE);
	world_close(&world);
}
END_TEST

UNIT_MAIN("facts_follow", UNIT(test_each_need_is_asked_for_once), UNIT(test_many_needs_and_rows),
    UNIT_ABORTS(test_aborts_on_a_text_for_a_need_by_id),
    UNIT_ABORTS(test_aborts_on_an_id_for_a_need_by_text), UNIT(test_what_rows_point_to),
    UNIT(test_what_is_here_is_not_followed), UNIT_ROWS(test_what_was_reported, quantities_rows),
    UNIT(test_an_advancing_clock_leads_to_its_operation),
    UNIT_ROWS(test_an_organisations_tax_rates, setting_rows), UNIT(test_what_names_tax_rates),
    UNIT_ROWS(test_what_documents_need_of_the_organisation, issuing_rows))
