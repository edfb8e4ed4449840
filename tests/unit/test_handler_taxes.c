#include "worker/handler.h"

#include "tests/unit/worker_hand.h"

/* Tax rates, who names them, and what customers say of their taxes and terms. */

#define GOOD ((struct uuid){{0x7a, 1}})
#define OTHER ((struct uuid){{0x7a, 2}})
#define ARCHIVED ((struct uuid){{0x7a, 3}})
#define HAD ((struct uuid){{0x7a, 4}}) /* archived, and had by who changes */
#define UNKNOWN ((struct uuid){{0x7a, 5}})

static struct hand hand;

static void
rate_add(struct uuid id, struct str code, bool archived)
{
	const struct tax_rate rate = {
	    .organisation_id = WORLD_ORGANISATION,
	    .id = id,
	    .code = code,
	    .name = STR("VAT"),
	    .percentage = decimal_from(20),
	    .created_ms = INT64_C(1796083200000),
	    .created_at = unit_instant("2026-12-01T00:00:00Z"),
	    .updated_at = unit_instant("2026-12-01T00:00:00Z"),
	    .archived_at = archived ? unit_instant("2027-01-01T00:00:00Z") : INSTANT_NONE,
	};

	facts_add(hand.world.facts, TABLE_TAX_RATES, &rate);
}

static void
rates_add(void)
{
	rate_add(GOOD, STR("good"), false);
	rate_add(OTHER, STR("other"), false);
	rate_add(ARCHIVED, STR("archived"), true);
	rate_add(HAD, STR("had"), true);
}

static struct create_tax_rate
rate_wish(void)
{
	return (struct create_tax_rate){
	    .code = STR("at"), .name = STR("USt."), .percentage = decimal_from(20)};
}

struct percentage_row {
	const char *name;
	const char *percentage;
	bool valid;
};

static const struct percentage_row percentage_rows[] = {
    {"nothing", "0", true},
    {"a part", "19.6", true},
    {"the least", "0.0001", true},
    {"as much again", "100", true},
    {"a little more", "100.0001", false},
    {"far more", "1000", false},
};

START_TEST(test_percentages)
{
	const struct percentage_row *row = &percentage_rows[_i];
	struct create_tax_rate create = rate_wish();

	hand_open(&hand);
	ck_assert(decimal_read(str_from(row->percentage), 4, &create.percentage));
	hand_refuse(&hand, COMMAND_CREATE_TAX_RATE, &create,
	    row->valid ? REFUSAL_NONE : REFUSAL_TAX_RATE_INVALID, row->name);
	ck_assert_str_eq(hand.decision.detail, row->valid ? "" : "percentage: must be at most 100");
	hand_close(&hand);
}
END_TEST

START_TEST(test_a_rate_is_made_and_archived)
{
	const struct str_pair pair = {STR("law"), STR("UStG")};
	struct create_tax_rate create = rate_wish(), wrong = rate_wish();
	struct archive_tax_rate archive = {.tax_rate_id = UNKNOWN};
	const struct tax_rate *rate;

	hand_open(&hand);
	create.inclusive = true;
	create.country = STR("AT");
	create.metadata = (struct str_map){&pair, 1};
	hand_do(&hand, COMMAND_CREATE_TAX_RATE, &create);
	rate = world_row(&hand.world, TABLE_TAX_RATES, 0);
	ck_assert(uuid_equal(rate->id, hand.resource_id));
	ck_assert(uuid_equal(rate->organisation_id, WORLD_ORGANISATION));
	unit_assert_str(rate->code, "at", "code");
	unit_assert_str(rate->name, "USt.", "name");
	ck_assert_int_eq(decimal_compare(rate->percentage, decimal_from(20)), 0);
	ck_assert(rate->inclusive);
	unit_assert_str(rate->country, "AT", "country");
	ck_assert_uint_eq(rate->metadata.len, 1);
	ck_assert_int_eq(rate->created_ms, WORLD_NOW_MS);
	unit_assert_instant(rate->created_at, WORLD_NOW, "created_at");

	wrong.percentage = decimal_from(101);
	hand_refuse(&hand, COMMAND_CREATE_TAX_RATE, &wrong, REFUSAL_TAX_RATE_CODE_TAKEN, "taken");
	hand_refuse(
	    &hand, COMMAND_ARCHIVE_TAX_RATE, &archive, REFUSAL_TAX_RATE_NOT_FOUND, "unknown");
	archive.tax_rate_id = rate->id;
	hand_at(&hand, "2027-02-01T00:00:00Z");
	hand_do(&hand, COMMAND_ARCHIVE_TAX_RATE, &archive);
	unit_assert_instant(rate->archived_at, "2027-02-01T00:00:00Z", "archived_at");
	unit_assert_instant(rate->updated_at, "2027-02-01T00:00:00Z", "updated_at");
	hand_refuse(
	    &hand, COMMAND_ARCHIVE_TAX_RATE, &archive, REFUSAL_TAX_RATE_ARCHIVED, "archived");
	hand_do(&hand, COMMAND_CREATE_TAX_RATE, &create);
	hand_assert_events(&hand, "tax_rate.created tax_rate.archived tax_rate.created");
	hand_close(&hand);
}
END_TEST

/* Commands that name rates, each naming ${ids}. */
static void
name_in_plan(union command *command, struct uuid_list ids)
{
	static struct charge charges[2];

	charges[0] = world_charges[0];
	charges[1] = world_charges[0];
	charges[1].code = STR("second");
	charges[1].tax_rate_ids = ids;
	command->create_plan = (struct create_plan){
	    .code = STR("taxed"),
	    .name = STR("Taxed"),
	    .currency = {"EUR"},
	    .interval = STR("month"),
	    .interval_count = 1,
	    .charges = charges,
	    .charges_len = 2,
	    .amount = AMOUNT_NONE,
	};
}

static void
name_in_first_charge(union command *command, struct uuid_list ids)
{
	static struct charge charges[2];

	name_in_plan(command, ids);
	charges[0] = command->create_plan.charges[1];
	charges[1] = command->create_plan.charges[0];
	command->create_plan.charges = charges;
}

static void
name_in_plan_update(union command *command, struct uuid_list ids)
{
	name_in_plan(command, ids);
	command->update_plan = (struct update_plan){
	    .plan_id = WORLD_PLAN,
	    .interval_count = INT64_MIN,
	    .trial_days = INT64_MIN,
	    .charges = command->create_plan.charges,
	    .charges_len = 2,
	    .amount = AMOUNT_NONE,
	};
}

static void
name_in_customer(union command *command, struct uuid_list ids)
{
	command->create_customer = (struct create_customer){
	    .name = STR("Bob"), .tax_rate_ids = ids, .net_terms_days = INT64_MIN};
}

static void
name_in_customer_update(union command *command, struct uuid_list ids)
{
	command->update_customer = (struct update_customer){
	    .customer_id = WORLD_CUSTOMER, .tax_rate_ids = ids, .net_terms_days = INT64_MIN};
}

static void
name_in_subscription(union command *command, struct uuid_list ids)
{
	command->create_subscription = hand_subscription(WORLD_PLAN);
	command->create_subscription.tax_rate_ids = ids;
}

static void
name_in_item(union command *command, struct uuid_list ids)
{
	command->create_item = (struct create_item){.customer_id = WORLD_CUSTOMER,
	    .amount = 100,
	    .description = STR("Set-up"),
	    .tax_rate_ids = ids};
}

struct namer {
	const char *name;
	enum command_type type;
	void (*write)(union command *command, struct uuid_list ids);
	bool has_had; /* who changes has had HAD before */
};

static const struct namer namers[] = {
    {"a plan", COMMAND_CREATE_PLAN, name_in_plan, false},
    {"a plan's first charge", COMMAND_CREATE_PLAN, name_in_first_charge, false},
    {"a plan's update", COMMAND_UPDATE_PLAN, name_in_plan_update, true},
    {"a customer", COMMAND_CREATE_CUSTOMER, name_in_customer, false},
    {"a customer's update", COMMAND_UPDATE_CUSTOMER, name_in_customer_update, true},
    {"a subscription", COMMAND_CREATE_SUBSCRIPTION, name_in_subscription, false},
    {"an item", COMMAND_CREATE_ITEM, name_in_item, false},
};

struct naming_row {
	const char *name;
	struct uuid ids[3];
	size_t len;
	enum refusal expected;
	bool unless_had;
	const char *detail;
};

static const struct naming_row naming_rows[] = {
    {"no rate", {{{0}}}, 0, REFUSAL_NONE, false, ""},
    {"a rate", {{{0x7a, 1}}}, 1, REFUSAL_NONE, false, ""},
    {"two rates", {{{0x7a, 2}}, {{0x7a, 1}}}, 2, REFUSAL_NONE, false, ""},
    {"an unknown one", {{{0x7a, 1}}, {{0x7a, 5}}}, 2, REFUSAL_TAX_RATE_NOT_FOUND, false,
	"tax rate 7a050000-0000-0000-0000-000000000000 does not exist in this organisation"},
    {"an unknown one, twice, beside an archived one", {{{0x7a, 3}}, {{0x7a, 5}}, {{0x7a, 5}}}, 3,
	REFUSAL_TAX_RATE_NOT_FOUND, false,
	"tax rate 7a050000-0000-0000-0000-000000000000 does not exist in this organisation"},
    {"one twice", {{{0x7a, 1}}, {{0x7a, 2}}, {{0x7a, 1}}}, 3, REFUSAL_TAX_RATE_INVALID, false,
	"tax rate 7a010000-0000-0000-0000-000000000000 is named twice"},
    {"an archived one twice", {{{0x7a, 3}}, {{0x7a, 3}}}, 2, REFUSAL_TAX_RATE_INVALID, false,
	"tax rate 7a030000-0000-0000-0000-000000000000 is named twice"},
    {"an archived one", {{{0x7a, 1}}, {{0x7a, 3}}}, 2, REFUSAL_TAX_RATE_ARCHIVED, false,
	"tax rate 7a030000-0000-0000-0000-000000000000 is archived"},
    {"an unknown one first", {{{0x7a, 5}}, {{0x7a, 1}}}, 2, REFUSAL_TAX_RATE_NOT_FOUND, false,
	"tax rate 7a050000-0000-0000-0000-000000000000 does not exist in this organisation"},
    {"an archived one first", {{{0x7a, 3}}, {{0x7a, 1}}}, 2, REFUSAL_TAX_RATE_ARCHIVED, false,
	"tax rate 7a030000-0000-0000-0000-000000000000 is archived"},
    {"an archived one that it may have had", {{{0x7a, 1}}, {{0x7a, 4}}}, 2,
	REFUSAL_TAX_RATE_ARCHIVED, true,
	"tax rate 7a040000-0000-0000-0000-000000000000 is archived"},
};

/* WORLD_CUSTOMER has HAD, and WORLD_PLAN in its second charge. */
static void
had_set(void)
{
	static const struct uuid had[] = {{{0x7a, 4}}};
	static struct charge charges[2];
	struct plan *plan = facts_plan(hand.world.facts, WORLD_ORGANISATION, WORLD_PLAN);

	charges[0] = charges[1] = world_charges[0];
	charges[1].code = STR("second");
	charges[1].tax_rate_ids = (struct uuid_list){had, 1};
	plan->charges = charges;
	plan->charges_len = ARRAY_LEN(charges);
	hand_customer(&hand)->tax_rate_ids = (struct uuid_list){had, 1};
}

/* Whoever names rates is held to the same. */
START_TEST(test_naming)
{
	const struct naming_row *row = &naming_rows[_i];

	for (size_t i = 0; i < ARRAY_LEN(namers); i++) {
		const struct namer *namer = &namers[i];
		const bool may = row->unless_had && namer->has_had;
		union command command;
		char name[128];

		hand_open(&hand);
		rates_add();
		had_set();
		memset(&command, 0, sizeof(command));
		namer->write(&command, (struct uuid_list){row->ids, row->len});
		snprintf(name, sizeof(name), "%s: %s", namer->name, row->name);
		hand_refuse(&hand, namer->type, &command, may ? REFUSAL_NONE : row->expected, name);
		ck_assert_msg(strcmp(hand.decision.detail, may ? "" : row->detail) == 0, "%s: %s",
		    name, hand.decision.detail);
		hand_close(&hand);
	}
}
END_TEST

/* Each rate that is named is asked for, once. */
START_TEST(test_rates_are_asked_for)
{
	const struct uuid ids[] = {GOOD, OTHER, GOOD};

	for (size_t i = 0; i < ARRAY_LEN(namers); i++) {
		union command command;

		hand_open(&hand);
		memset(&command, 0, sizeof(command));
		namers[i].write(&command, (struct uuid_list){ids, ARRAY_LEN(ids)});
		handler_table[namers[i].type].refer(hand.world.facts, &command);
		ck_assert_msg(hand.world.facts->needs[NEED_TAX_RATE].len == 2, "%s: %zu",
		    namers[i].name, hand.world.facts->needs[NEED_TAX_RATE].len);
		hand_close(&hand);
	}
}
END_TEST

START_TEST(test_a_customer_has_its_taxes_and_terms)
{
	const struct uuid ids[] = {GOOD};
	struct create_customer plain = {.name = STR("Plain"), .net_terms_days = INT64_MIN};
	struct create_customer create = {
	    .name = STR("GmbH"),
	    .tax_exempt = STR("reverse"),
	    .tax_exempt_reason = STR("VAT number DE123456789"),
	    .tax_rate_ids = {ids, 1},
	    .net_terms_days = 30,
	};
	const struct customer *customer;

	hand_open(&hand);
	rates_add();
	hand_do(&hand, COMMAND_CREATE_CUSTOMER, &plain);
	customer = facts_customer(hand.world.facts, WORLD_ORGANISATION, hand.resource_id);
	unit_assert_str(customer->tax_exempt, "none", "tax_exempt");
	ck_assert_ptr_null(customer->tax_exempt_reason.ptr);
	ck_assert_uint_eq(customer->tax_rate_ids.len, 0);
	ck_assert_int_eq(customer->net_terms_days, INT64_MIN);
	ck_assert_int_eq(customer->items_pending, 0);
	ck_assert_int_eq(customer->credit_note_count, 0);

	hand_do(&hand, COMMAND_CREATE_CUSTOMER, &create);
	customer = facts_customer(hand.world.facts, WORLD_ORGANISATION, hand.resource_id);
	unit_assert_str(customer->tax_exempt, "reverse", "tax_exempt");
	unit_assert_str(customer->tax_exempt_reason, "VAT number DE123456789", "reason");
	ck_assert_uint_eq(customer->tax_rate_ids.len, 1);
	ck_assert(uuid_equal(customer->tax_rate_ids.items[0], GOOD));
	ck_assert_int_eq(customer->net_terms_days, 30);
	hand_close(&hand);
}
END_TEST

/* From a subscription's own rates, its invoice is taxed; without such, by its customer's. */
START_TEST(test_a_subscription_has_its_rates)
{
	const struct uuid ids[] = {GOOD}, customers[] = {GOOD, OTHER};
	struct create_subscription create = hand_subscription(WORLD_PLAN);
	const bool own = _i == 1;

	hand_open(&hand);
	rates_add();
	hand_customer(&hand)->tax_rate_ids = (struct uuid_list){customers, 2};
	create.tax_rate_ids = (struct uuid_list){ids, own ? 1 : 0};
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	ck_assert_uint_eq(hand_subscription_at(&hand, 0)->tax_rate_ids.len, own ? 1 : 0);
	ck_assert_int_eq(hand_invoice(&hand, 0)->tax, own ? 580 : 1160);
	hand_chunk(&hand, "2027-02-28T09:30:00Z");
	ck_assert_int_eq(hand_invoice(&hand, 1)->tax, own ? 580 : 1160);
	hand_close(&hand);
}
END_TEST

static const char own_or_not[2];

/* One update after the other: what a customer is left with. */
struct terms_row {
	const char *name;
	const char *tax_exempt, *reason; /* NULL: unchanged */
	size_t rates_len;                /* of GOOD and OTHER; 9: unchanged */
	int64_t net_terms_days;
	const char *after_exempt, *after_reason;
	size_t after_len;
	int64_t after_days;
};

#define UNCHANGED 9

static const struct terms_row terms_rows[] = {
    {"nothing", NULL, NULL, UNCHANGED, INT64_MIN, "exempt", "charity", 1, 14},
    {"another exemption", "reverse", NULL, UNCHANGED, INT64_MIN, "reverse", "charity", 1, 14},
    {"another reason", NULL, "church", UNCHANGED, INT64_MIN, "exempt", "church", 1, 14},
    {"no reason any more", NULL, "", UNCHANGED, INT64_MIN, "exempt", NULL, 1, 14},
    {"two rates", NULL, NULL, 2, INT64_MIN, "exempt", "charity", 2, 14},
    {"no rate any more", NULL, NULL, 0, INT64_MIN, "exempt", "charity", 0, 14},
    {"other terms", NULL, NULL, UNCHANGED, 60, "exempt", "charity", 1, 60},
    {"at once", NULL, NULL, UNCHANGED, 0, "exempt", "charity", 1, 0},
    {"the organisation's terms", NULL, NULL, UNCHANGED, -1, "exempt", "charity", 1, INT64_MIN},
    {"all of it", "none", "", 0, -1, "none", NULL, 0, INT64_MIN},
};

static struct str
str_or_none(const char *text)
{
	return text == NULL ? STR_NONE : str_from(text);
}

START_TEST(test_terms_are_updated)
{
	const struct terms_row *row = &terms_rows[_i];
	const struct uuid ids[] = {GOOD, OTHER}, before[] = {OTHER};
	struct update_customer update = {
	    .customer_id = WORLD_CUSTOMER,
	    .tax_exempt = str_or_none(row->tax_exempt),
	    .tax_exempt_reason = str_or_none(row->reason),
	    .net_terms_days = row->net_terms_days,
	};
	struct customer *customer;

	hand_open(&hand);
	rates_add();
	if (row->rates_len != UNCHANGED)
		update.tax_rate_ids = (struct uuid_list){ids, row->rates_len};
	customer = hand_customer(&hand);
	customer->tax_exempt = STR("exempt");
	customer->tax_exempt_reason = STR("charity");
	customer->tax_rate_ids = (struct uuid_list){before, 1};
	customer->net_terms_days = 14;
	hand_do(&hand, COMMAND_UPDATE_CUSTOMER, &update);
	unit_assert_str(customer->tax_exempt, row->after_exempt, row->name);
	ck_assert_msg(str_equal(customer->tax_exempt_reason, str_or_none(row->after_reason)), "%s",
	    row->name);
	ck_assert_uint_eq(customer->tax_rate_ids.len, row->after_len);
	ck_assert_int_eq(customer->net_terms_days, row->after_days);
	hand_assert_events(&hand, "customer.updated");
	hand_close(&hand);
}
END_TEST

UNIT_MAIN("handler taxes", UNIT_ROWS(test_percentages, percentage_rows),
    UNIT(test_a_rate_is_made_and_archived), UNIT_ROWS(test_naming, naming_rows),
    UNIT(test_rates_are_asked_for), UNIT(test_a_customer_has_its_taxes_and_terms),
    UNIT_ROWS(test_a_subscription_has_its_rates, own_or_not),
    UNIT_ROWS(test_terms_are_updated, terms_rows))
