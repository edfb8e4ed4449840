#ifndef TESTS_UNIT_WORKER_OBSTACLES_H
#define TESTS_UNIT_WORKER_OBSTACLES_H

/*
 * What can stand in a command's way: facts, and a command of each type, as a set of obstacles
 * describes them.
 */

#include "tests/unit/worker_world.h"

#define WORLD_CLOCK ((struct uuid){{0xcc, 1}})
#define PRICE_MAX INT64_C(999999999999999)

/* What stands in a command's way. */
enum obstacle {
	NO_CUSTOMER = 1 << 0,
	CUSTOMER_ARCHIVED = 1 << 1,
	NO_PLAN = 1 << 2,
	PLAN_ARCHIVED = 1 << 3,
	PLAN_IN_DOLLARS = 1 << 4,
	HAS_LIVE = 1 << 5,        /* the customer has a live subscription */
	FINAL = 1 << 6,           /* the subscription is canceled */
	NO_SUBSCRIPTION = 1 << 7, /* the customer has none */
	NAME_TAKEN = 1 << 8,      /* the external_id or the code is another's */
	METADATA_FULL = 1 << 9,   /* 50 pairs are there before */
	TOO_LATE = 1 << 10,       /* in the last month of 2199 */
	STRANGE_ZONE = 1 << 11,   /* the customer's time zone does not exist */
	BY_CODE = 1 << 12,        /* no obstacle: the plan is named by its code */
	NO_CLOCK = 1 << 13,       /* the test clock does not exist */
	CLOCK_ADVANCES = 1 << 14, /* it is on its way */
	ON_CLOCK = 1 << 15,       /* no obstacle: the customer lives by the clock */
	BEHIND = 1 << 16,         /* more has fallen due than is done at once */
	PAUSED = 1 << 17,         /* the subscription is paused */
	SCHEDULED = 1 << 18,      /* it has not started */
	CANCELING = 1 << 19,      /* it ends with its period */
	BAD_CHARGE = 1 << 20,     /* the command has charges that contradict each other, */
	BAD_TIERS = 1 << 21,      /* tiers that do not ascend, */
	TOO_MUCH = 1 << 22,       /* amounts beyond what fits, */
	TOO_EARLY = 1 << 23,      /* a start too far back, */
	ENDED_BEFORE = 1 << 24,   /* an end before now, */
	BAD_ANCHOR = 1 << 25,     /* a day of the month for weeks, */
	NOTHING = 1 << 26,        /* nothing to change, */
	NO_CHARGE = 1 << 27,      /* a charge that the plan has not, */
	BAD_PERIOD = 1 << 28,     /* another period than the one that runs */
	MANY = 1 << 29,           /* no obstacle: the organisation lets customers have many */
};

static struct str_pair pairs[50];
static char keys[50][8];

static inline struct str_map
obstacles_metadata(unsigned obstacles)
{
	if ((obstacles & METADATA_FULL) == 0)
		return (struct str_map){NULL, 0};
	for (unsigned i = 0; i < ARRAY_LEN(pairs); i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%u", i % 100);
		pairs[i] = (struct str_pair){str_from(keys[i]), STR("v")};
	}
	return (struct str_map){pairs, ARRAY_LEN(pairs)};
}

static inline void
obstacles_add_customers(struct world *world, unsigned obstacles)
{
	struct customer customer = world_customer(WORLD_CUSTOMER);
	struct customer other = world_customer(WORLD_OTHER_CUSTOMER);

	customer.external_id = STR("own");
	customer.metadata = obstacles_metadata(obstacles);
	if ((obstacles & CUSTOMER_ARCHIVED) != 0)
		customer.archived_at = unit_instant("2026-12-31T00:00:00Z");
	if ((obstacles & STRANGE_ZONE) != 0)
		customer.timezone = STR("Europe/Atlantis");
	if ((obstacles & ON_CLOCK) != 0)
		customer.test_clock_id = WORLD_CLOCK;
	if ((obstacles & NO_CUSTOMER) == 0)
		facts_add(world->facts, TABLE_CUSTOMERS, &customer);
	other.external_id = STR("taken");
	facts_add(world->facts, TABLE_CUSTOMERS, &other);
}

static inline void
obstacles_add_clock(struct world *world, unsigned obstacles)
{
	struct test_clock clock = world_clock(WORLD_CLOCK);

	if ((obstacles & CLOCK_ADVANCES) != 0) {
		clock.status = STR("advancing");
		clock.target_at = unit_instant("2027-03-01T00:00:00Z");
		clock.advance_operation_id = WORLD_OPERATION;
	}
	if ((obstacles & NO_CLOCK) == 0)
		facts_add(world->facts, TABLE_TEST_CLOCKS, &clock);
}

/* Seats in advance and calls in arrears. */
static inline const struct charge *
obstacles_plan_charges(unsigned obstacles)
{
	const int64_t price = (obstacles & TOO_MUCH) != 0 ? PRICE_MAX : 2900;
	static struct charge charges[2];

	for (size_t i = 0; i < ARRAY_LEN(charges); i++) {
		charges[i] = world_charges[0];
		charges[i].model = STR("per_unit");
		charges[i].amount = AMOUNT_NONE;
		charges[i].unit_amount = decimal_from(price);
	}
	charges[1].code = STR("calls");
	charges[1].billing = STR("arrears");
	return charges;
}

static inline void
obstacles_add_plan(struct world *world, unsigned obstacles)
{
	struct plan plan = world_plan(WORLD_PLAN);
	struct plan_version version;

	plan.charges = obstacles_plan_charges(obstacles);
	plan.charges_len = 2;
	plan.metadata = obstacles_metadata(obstacles);
	if ((obstacles & BEHIND) != 0)
		plan.interval = STR("day");
	if ((obstacles & BAD_ANCHOR) != 0)
		plan.interval = STR("week");
	version = plan_current(&plan);
	/* Prices are not loaded for a subscription that has ended. */
	if ((obstacles & FINAL) == 0)
		facts_add(world->facts, TABLE_PLAN_VERSIONS, &version);
	if ((obstacles & PLAN_ARCHIVED) != 0)
		plan.archived_at = unit_instant("2026-12-31T00:00:00Z");
	if ((obstacles & PLAN_IN_DOLLARS) != 0)
		plan.currency = (struct currency){"USD"};
	if ((obstacles & NO_PLAN) == 0)
		facts_add(world->facts, TABLE_PLANS, &plan);
}

/* The natural and the current period of ${subscription}, and what is due at its end. */
static inline void
obstacles_set_period(struct subscription *subscription, const char *start, const char *end)
{
	subscription->anchor_at = unit_instant(start);
	subscription->started_at = unit_instant(start);
	subscription->current_period_start = unit_instant(start);
	subscription->current_period_end = unit_instant(end);
	subscription->natural_start = unit_instant(start);
	subscription->natural_end = unit_instant(end);
}

static inline void
obstacles_add_subscription(struct world *world, unsigned obstacles)
{
	struct subscription subscription = world_subscription(WORLD_OPERATION);
	struct quantity calls = {
	    .organisation_id = WORLD_ORGANISATION,
	    .id = {{0x9a, 1}},
	    .subscription_id = subscription.id,
	    .charge_code = STR("calls"),
	    .quantity = decimal_from(PRICE_MAX),
	    .transactions = 1,
	    .fees = DECIMAL_ZERO,
	};

	if ((obstacles & ON_CLOCK) != 0)
		subscription.test_clock_id = WORLD_CLOCK;
	if ((obstacles & STRANGE_ZONE) != 0)
		subscription.timezone = STR("Europe/Atlantis");
	if ((obstacles & TOO_LATE) != 0)
		obstacles_set_period(&subscription, "2199-12-01T00:00:00Z", "2199-12-31T00:00:00Z");
	if ((obstacles & BEHIND) != 0)
		obstacles_set_period(&subscription, "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z");
	if ((obstacles & SCHEDULED) != 0) {
		obstacles_set_period(&subscription, "2027-03-01T00:00:00Z", "2027-04-01T00:00:00Z");
		subscription.status = STR("scheduled");
	}
	if ((obstacles & PAUSED) != 0) {
		subscription.status = STR("paused");
		subscription.paused_at = subscription.current_period_start;
	}
	if ((obstacles & FINAL) != 0) {
		subscription.status = STR("canceled");
		subscription.ended_at = subscription.started_at;
	}
	if ((obstacles & CANCELING) != 0)
		subscription.cancel_at_period_end = true;
	if ((obstacles & MANY) != 0)
		subscription.live_slot = subscription.id;
	subscription.due_at = subscription_due_at(&subscription);
	facts_add(world->facts, TABLE_SUBSCRIPTIONS, &subscription);
	calls.period_start = subscription.current_period_start;
	if ((obstacles & TOO_MUCH) != 0)
		facts_add(world->facts, TABLE_QUANTITIES, &calls);
}

static inline void
obstacles_facts(struct world *world, unsigned obstacles)
{
	world_clear(world);
	world_organisation(world);
	if ((obstacles & MANY) != 0)
		((struct organisation *)world_row(world, TABLE_ORGANISATIONS, 0))
		    ->subscriptions_per_customer = STR("many");
	obstacles_add_clock(world, obstacles);
	obstacles_add_customers(world, obstacles);
	obstacles_add_plan(world, obstacles);
	if ((obstacles & HAS_LIVE) != 0)
		obstacles_add_subscription(world, obstacles);
}

/* The charges that a command brings: none, or what the obstacles make of two. */
static inline const struct charge *
obstacles_charges(unsigned obstacles, size_t *ret_len)
{
	static const struct charge_tier tiers[] = {
	    {.up_to = 10, .rate = {-1}},
	    {.up_to = 5, .rate = {-1}},
	    {.up_to = AMOUNT_NONE, .rate = {-1}},
	};
	static struct charge charges[2];

	charges[0] = world_charges[0];
	charges[1] = world_charges[0];
	charges[1].code = STR("second");
	if ((obstacles & TOO_MUCH) != 0)
		charges[0].amount = charges[1].amount = INT64_MAX;
	if ((obstacles & BAD_CHARGE) != 0)
		charges[1].code = charges[0].code;
	if ((obstacles & BAD_TIERS) != 0) {
		charges[1].model = STR("graduated");
		charges[1].amount = AMOUNT_NONE;
		charges[1].tiers = tiers;
		charges[1].tiers_len = ARRAY_LEN(tiers);
	}
	*ret_len = (obstacles & (TOO_MUCH | BAD_CHARGE | BAD_TIERS)) != 0 ? 2 : 0;
	return charges;
}

static inline struct create_subscription
obstacles_create_subscription(unsigned obstacles)
{
	struct create_subscription create = {
	    .customer_id = WORLD_CUSTOMER,
	    .quantity = (obstacles & TOO_MUCH) != 0 ? SUBSCRIPTION_QUANTITY_MAX : 1,
	    .start_at = INSTANT_NONE,
	    .end_at = INSTANT_NONE,
	    .trial_days = INT64_MIN,
	    .anchor = (obstacles & BAD_ANCHOR) != 0 ? STR("15") : STR("start"),
	};

	if ((obstacles & BY_CODE) != 0)
		create.plan_code = STR("basic");
	else
		create.plan_id = WORLD_PLAN;
	if ((obstacles & TOO_EARLY) != 0)
		create.start_at = unit_instant("2026-01-30T00:00:00Z");
	if ((obstacles & ENDED_BEFORE) != 0)
		create.end_at = unit_instant("2027-01-31T09:29:59Z");
	return create;
}

/* What the tests of accounts and documents have rows for: here it stands where it
 * belongs, and asks for nothing else. */
static inline union command
obstacles_money_command(enum command_type type)
{
	const struct uuid invoice_id =
	    id_derive(WORLD_OPERATION, ID_INVOICE, 0, id_shard_of_key(WORLD_CUSTOMER));
	union command command;

	memset(&command, 0, sizeof(command));
	switch ((int)type) {
	case COMMAND_CREATE_ITEM:
		command.create_item.customer_id = WORLD_CUSTOMER;
		break;
	case COMMAND_CANCEL_ITEM:
		command.cancel_item.item_id =
		    id_derive(WORLD_OPERATION, ID_ITEM, 0, id_shard_of_key(WORLD_CUSTOMER));
		break;
	case COMMAND_GIVE_CREDIT:
		command.give_credit.customer_id = WORLD_CUSTOMER;
		break;
	case COMMAND_PAY_INVOICE:
		command.pay_invoice.invoice_id = invoice_id;
		break;
	case COMMAND_VOID_INVOICE:
	case COMMAND_MARK_UNCOLLECTIBLE:
		command.move_invoice.invoice_id = invoice_id;
		break;
	case COMMAND_CREATE_CREDIT_NOTE:
		command.create_credit_note.invoice_id = invoice_id;
		break;
	case COMMAND_RECORD_PAYMENT_OUTCOME:
		command.record_payment_outcome = (struct record_payment_outcome){
		    .customer_id = WORLD_CUSTOMER, .invoice_id = invoice_id};
		command.record_payment_outcome.payment_id =
		    id_derive(WORLD_OPERATION, ID_PAYMENT, 0, id_shard_of_key(WORLD_CUSTOMER));
		break;
	default:
		break;
	}
	return command;
}

static inline union command
obstacles_command(enum command_type type, unsigned obstacles)
{
	static const struct str_pair new_pair = {{"new", 3}, {"1", 1}};
	const struct str_map metadata = {&new_pair, 1};
	const bool taken = (obstacles & NAME_TAKEN) != 0;
	const struct uuid subscription_id = world_subscription(WORLD_OPERATION).id;
	size_t charges_len;
	const struct charge *charges = obstacles_charges(obstacles, &charges_len);
	union command command;

	memset(&command, 0, sizeof(command));
	switch (type) {
	case COMMAND_CREATE_CUSTOMER:
		command.create_customer = (struct create_customer){.name = STR("Bob"),
		    .net_terms_days = INT64_MIN,
		    .external_id = taken ? STR("taken") : STR("free"),
		    .test_clock_id = (obstacles & ON_CLOCK) != 0 ? WORLD_CLOCK : UUID_NIL,
		    .metadata = metadata};
		break;
	case COMMAND_UPDATE_CUSTOMER:
		command.update_customer = (struct update_customer){.customer_id = WORLD_CUSTOMER,
		    .net_terms_days = INT64_MIN,
		    .external_id = taken ? STR("taken") : STR("own"),
		    .metadata = metadata};
		break;
	case COMMAND_ARCHIVE_CUSTOMER:
		command.archive_customer.customer_id = WORLD_CUSTOMER;
		break;
	case COMMAND_CREATE_PLAN:
		command.create_plan =
		    (struct create_plan){.code = taken ? STR("basic") : STR("pro"),
			.name = STR("Pro"),
			.currency = {"EUR"},
			.interval = STR("day"),
			.interval_count = 30,
			.charges = charges,
			.charges_len = charges_len,
			.amount = charges_len == 0 ? 100 : AMOUNT_NONE};
		break;
	case COMMAND_UPDATE_PLAN:
		command.update_plan = (struct update_plan){.plan_id = WORLD_PLAN,
		    .name = STR("Newer"),
		    .interval_count = INT64_MIN,
		    .trial_days = INT64_MIN,
		    .charges = charges,
		    .charges_len = charges_len,
		    .amount = AMOUNT_NONE,
		    .metadata = metadata};
		break;
	case COMMAND_ARCHIVE_PLAN:
		command.archive_plan.plan_id = WORLD_PLAN;
		break;
	case COMMAND_CREATE_SUBSCRIPTION:
		command.create_subscription = obstacles_create_subscription(obstacles);
		break;
	case COMMAND_CANCEL_SUBSCRIPTION:
		command.cancel_subscription = (struct cancel_subscription){
		    .subscription_id = subscription_id, .effective = STR("now")};
		break;
	case COMMAND_CHANGE_SUBSCRIPTION:
		command.change_subscription =
		    (struct change_subscription){.subscription_id = subscription_id,
			.plan_id = (obstacles & NOTHING) != 0 ? UUID_NIL : WORLD_PLAN,
			.quantity = (obstacles & NOTHING) != 0    ? QUANTITY_NONE
				    : (obstacles & TOO_MUCH) != 0 ? SUBSCRIPTION_QUANTITY_MAX
								  : 2,
			.effective = STR("now"),
			.proration = STR("prorate")};
		break;
	case COMMAND_UNCANCEL_SUBSCRIPTION:
	case COMMAND_PAUSE_SUBSCRIPTION:
	case COMMAND_RESUME_SUBSCRIPTION:
		command.move_subscription.subscription_id = subscription_id;
		break;
	case COMMAND_REPORT_QUANTITY:
		command.report_quantity =
		    (struct report_quantity){.subscription_id = subscription_id,
			.charge_code = (obstacles & NO_CHARGE) != 0 ? STR("base") : STR("calls"),
			.quantity = decimal_from(PRICE_MAX),
			.mode = STR("add"),
			.period_start = (obstacles & BAD_PERIOD) != 0
					    ? unit_instant("2026-12-01T00:00:00Z")
					    : INSTANT_NONE};
		break;
	case COMMAND_CREATE_TEST_CLOCK:
		command.create_test_clock.now = unit_instant(WORLD_NOW);
		break;
	case COMMAND_ADVANCE_TEST_CLOCK:
		command.advance_test_clock = (struct advance_test_clock){
		    .test_clock_id = WORLD_CLOCK,
		    .now = unit_instant((obstacles & TOO_EARLY) != 0  ? WORLD_NOW
					: (obstacles & TOO_LATE) != 0 ? "2029-02-01T00:00:00Z"
								      : "2027-01-31T09:30:01Z")};
		break;
	case COMMAND_CREATE_COUPON:
	case COMMAND_ARCHIVE_COUPON:
	case COMMAND_CREATE_TAX_RATE:
	case COMMAND_ARCHIVE_TAX_RATE:
	case COMMAND_CREATE_ITEM:
	case COMMAND_CANCEL_ITEM:
	case COMMAND_GIVE_CREDIT:
	case COMMAND_PAY_INVOICE:
	case COMMAND_VOID_INVOICE:
	case COMMAND_MARK_UNCOLLECTIBLE:
	case COMMAND_CREATE_CREDIT_NOTE:
	case COMMAND_RECORD_PAYMENT_OUTCOME:
		command = obstacles_money_command(type);
		break;
	case COMMAND_START_BILLING_RUN:
	case COMMAND_SCHEDULE_BILLING_RUN:
		command.start_billing_run = (struct start_billing_run){
		    .as_of = INSTANT_NONE, .invoices_max = BILLING_RUN_INVOICES_MAX};
		break;
	case COMMAND_PAUSE_BILLING_RUN:
	case COMMAND_RESUME_BILLING_RUN:
	case COMMAND_CANCEL_BILLING_RUN:
	case COMMAND_FINISH_BILLING_RUN:
		/* There is none: what moves them is test_handler_billing_runs.c's. */
		break;
	case COMMAND_TYPE_MAX:
		ck_abort_msg("no command");
	}
	command.meta = world_meta((struct uuid){{0x0b, 0x77, 0, 0, 0, 0, 0x80, 0, 0x80}});
	if ((obstacles & TOO_LATE) != 0)
		command.meta.accepted_at = unit_instant("2199-12-15T00:00:00Z").s * 1000;
	return command;
}

#endif
