#include "worker/handler.h"

#include "tests/unit/worker_world.h"

/*
 * Handlers, each over facts that one row of a table describes: the refusals in their precedence,
 * and that a refusal changes nothing.  What the accepted commands change is
 * test_handler_changes.c's.
 */

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
};

struct refusal_row {
	const char *name;
	enum command_type type;
	unsigned obstacles;
	enum refusal expected;
};

#define ALL_OF_CREATE_SUBSCRIPTION (PLAN_ARCHIVED | PLAN_IN_DOLLARS | HAS_LIVE | TOO_LATE)

/* Each refusal alone, then with whatever comes after it in refusal.def. */
static const struct refusal_row refusal_rows[] = {
    {"create customer: nothing against it", COMMAND_CREATE_CUSTOMER, 0, REFUSAL_NONE},
    {"create customer: external_id taken", COMMAND_CREATE_CUSTOMER, NAME_TAKEN,
	REFUSAL_EXTERNAL_ID_TAKEN},

    {"update customer: nothing against it", COMMAND_UPDATE_CUSTOMER, 0, REFUSAL_NONE},
    {"update customer: unknown", COMMAND_UPDATE_CUSTOMER, NO_CUSTOMER, REFUSAL_CUSTOMER_NOT_FOUND},
    {"update customer: unknown, with all else", COMMAND_UPDATE_CUSTOMER, NO_CUSTOMER | NAME_TAKEN,
	REFUSAL_CUSTOMER_NOT_FOUND},
    {"update customer: archived", COMMAND_UPDATE_CUSTOMER, CUSTOMER_ARCHIVED,
	REFUSAL_CUSTOMER_ARCHIVED},
    {"update customer: archived, with all else", COMMAND_UPDATE_CUSTOMER,
	CUSTOMER_ARCHIVED | NAME_TAKEN | METADATA_FULL, REFUSAL_CUSTOMER_ARCHIVED},
    {"update customer: external_id taken", COMMAND_UPDATE_CUSTOMER, NAME_TAKEN,
	REFUSAL_EXTERNAL_ID_TAKEN},
    {"update customer: external_id taken, with all else", COMMAND_UPDATE_CUSTOMER,
	NAME_TAKEN | METADATA_FULL, REFUSAL_EXTERNAL_ID_TAKEN},
    {"update customer: too much metadata", COMMAND_UPDATE_CUSTOMER, METADATA_FULL,
	REFUSAL_METADATA_TOO_LARGE},

    {"archive customer: nothing against it", COMMAND_ARCHIVE_CUSTOMER, 0, REFUSAL_NONE},
    {"archive customer: with a live subscription", COMMAND_ARCHIVE_CUSTOMER, HAS_LIVE,
	REFUSAL_NONE},
    {"archive customer: unknown", COMMAND_ARCHIVE_CUSTOMER, NO_CUSTOMER,
	REFUSAL_CUSTOMER_NOT_FOUND},
    {"archive customer: archived", COMMAND_ARCHIVE_CUSTOMER, CUSTOMER_ARCHIVED,
	REFUSAL_CUSTOMER_ARCHIVED},

    {"create plan: nothing against it", COMMAND_CREATE_PLAN, 0, REFUSAL_NONE},
    {"create plan: code taken", COMMAND_CREATE_PLAN, NAME_TAKEN, REFUSAL_PLAN_CODE_TAKEN},

    {"update plan: nothing against it", COMMAND_UPDATE_PLAN, 0, REFUSAL_NONE},
    {"update plan: unknown", COMMAND_UPDATE_PLAN, NO_PLAN, REFUSAL_PLAN_NOT_FOUND},
    {"update plan: archived", COMMAND_UPDATE_PLAN, PLAN_ARCHIVED, REFUSAL_PLAN_ARCHIVED},
    {"update plan: archived, with all else", COMMAND_UPDATE_PLAN, PLAN_ARCHIVED | METADATA_FULL,
	REFUSAL_PLAN_ARCHIVED},
    {"update plan: too much metadata", COMMAND_UPDATE_PLAN, METADATA_FULL,
	REFUSAL_METADATA_TOO_LARGE},

    {"archive plan: nothing against it", COMMAND_ARCHIVE_PLAN, 0, REFUSAL_NONE},
    {"archive plan: unknown", COMMAND_ARCHIVE_PLAN, NO_PLAN, REFUSAL_PLAN_NOT_FOUND},
    {"archive plan: archived", COMMAND_ARCHIVE_PLAN, PLAN_ARCHIVED, REFUSAL_PLAN_ARCHIVED},

    {"create subscription: nothing against it", COMMAND_CREATE_SUBSCRIPTION, 0, REFUSAL_NONE},
    {"create subscription: by code", COMMAND_CREATE_SUBSCRIPTION, BY_CODE, REFUSAL_NONE},
    {"create subscription: after a canceled one", COMMAND_CREATE_SUBSCRIPTION, HAS_LIVE | FINAL,
	REFUSAL_NONE},
    {"create subscription: unknown customer", COMMAND_CREATE_SUBSCRIPTION, NO_CUSTOMER,
	REFUSAL_CUSTOMER_NOT_FOUND},
    {"create subscription: unknown customer, with all else", COMMAND_CREATE_SUBSCRIPTION,
	NO_CUSTOMER | NO_PLAN | TOO_LATE, REFUSAL_CUSTOMER_NOT_FOUND},
    {"create subscription: unknown plan", COMMAND_CREATE_SUBSCRIPTION, NO_PLAN,
	REFUSAL_PLAN_NOT_FOUND},
    {"create subscription: unknown code", COMMAND_CREATE_SUBSCRIPTION, NO_PLAN | BY_CODE,
	REFUSAL_PLAN_NOT_FOUND},
    {"create subscription: the code of an archived plan", COMMAND_CREATE_SUBSCRIPTION,
	PLAN_ARCHIVED | BY_CODE, REFUSAL_PLAN_NOT_FOUND},
    {"create subscription: unknown plan, with all else", COMMAND_CREATE_SUBSCRIPTION,
	NO_PLAN | CUSTOMER_ARCHIVED | HAS_LIVE | TOO_LATE, REFUSAL_PLAN_NOT_FOUND},
    {"create subscription: customer archived", COMMAND_CREATE_SUBSCRIPTION, CUSTOMER_ARCHIVED,
	REFUSAL_CUSTOMER_ARCHIVED},
    {"create subscription: customer archived, with all else", COMMAND_CREATE_SUBSCRIPTION,
	CUSTOMER_ARCHIVED | ALL_OF_CREATE_SUBSCRIPTION, REFUSAL_CUSTOMER_ARCHIVED},
    {"create subscription: plan archived", COMMAND_CREATE_SUBSCRIPTION, PLAN_ARCHIVED,
	REFUSAL_PLAN_ARCHIVED},
    {"create subscription: plan archived, with all else", COMMAND_CREATE_SUBSCRIPTION,
	ALL_OF_CREATE_SUBSCRIPTION, REFUSAL_PLAN_ARCHIVED},
    {"create subscription: another currency", COMMAND_CREATE_SUBSCRIPTION, PLAN_IN_DOLLARS,
	REFUSAL_CURRENCY_MISMATCH},
    {"create subscription: another currency, with all else", COMMAND_CREATE_SUBSCRIPTION,
	PLAN_IN_DOLLARS | HAS_LIVE | TOO_LATE, REFUSAL_CURRENCY_MISMATCH},
    {"create subscription: there is a live one", COMMAND_CREATE_SUBSCRIPTION, HAS_LIVE,
	REFUSAL_SUBSCRIPTION_LIVE_EXISTS},
    {"create subscription: there is a live one, with all else", COMMAND_CREATE_SUBSCRIPTION,
	HAS_LIVE | TOO_LATE, REFUSAL_SUBSCRIPTION_LIVE_EXISTS},
    {"create subscription: the period ends after 2199", COMMAND_CREATE_SUBSCRIPTION, TOO_LATE,
	REFUSAL_TIME_OUT_OF_RANGE},
    {"create subscription: a zone that we don't know cannot be decided",
	COMMAND_CREATE_SUBSCRIPTION, STRANGE_ZONE, REFUSAL_MAX},

    {"cancel subscription: nothing against it", COMMAND_CANCEL_SUBSCRIPTION, HAS_LIVE,
	REFUSAL_NONE},
    {"cancel subscription: of an archived customer", COMMAND_CANCEL_SUBSCRIPTION,
	HAS_LIVE | CUSTOMER_ARCHIVED, REFUSAL_NONE},
    {"cancel subscription: unknown", COMMAND_CANCEL_SUBSCRIPTION, NO_SUBSCRIPTION,
	REFUSAL_SUBSCRIPTION_NOT_FOUND},
    {"cancel subscription: canceled", COMMAND_CANCEL_SUBSCRIPTION, HAS_LIVE | FINAL,
	REFUSAL_SUBSCRIPTION_FINAL},
};

static struct world world;
static struct str_pair pairs[50];
static char keys[50][8];

static struct str_map
metadata_of(unsigned obstacles)
{
	if ((obstacles & METADATA_FULL) == 0)
		return (struct str_map){NULL, 0};
	for (unsigned i = 0; i < ARRAY_LEN(pairs); i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%u", i % 100);
		pairs[i] = (struct str_pair){str_from(keys[i]), STR("v")};
	}
	return (struct str_map){pairs, ARRAY_LEN(pairs)};
}

static void
customers_add(unsigned obstacles)
{
	struct customer customer = world_customer(WORLD_CUSTOMER);
	struct customer other = world_customer(WORLD_OTHER_CUSTOMER);

	customer.external_id = STR("own");
	customer.metadata = metadata_of(obstacles);
	if ((obstacles & CUSTOMER_ARCHIVED) != 0)
		customer.archived_at = unit_instant("2026-12-31T00:00:00Z");
	if ((obstacles & STRANGE_ZONE) != 0)
		customer.timezone = STR("Europe/Atlantis");
	if ((obstacles & NO_CUSTOMER) == 0)
		facts_add(world.facts, TABLE_CUSTOMERS, &customer);
	other.external_id = STR("taken");
	facts_add(world.facts, TABLE_CUSTOMERS, &other);
}

static void
facts_make(unsigned obstacles)
{
	struct plan plan = world_plan(WORLD_PLAN);
	struct subscription subscription = world_subscription(WORLD_OPERATION);

	world_clear(&world);
	world_organisation(&world);
	customers_add(obstacles);
	plan.metadata = metadata_of(obstacles);
	if ((obstacles & PLAN_ARCHIVED) != 0)
		plan.archived_at = unit_instant("2026-12-31T00:00:00Z");
	if ((obstacles & PLAN_IN_DOLLARS) != 0)
		plan.currency = (struct currency){"USD"};
	if ((obstacles & NO_PLAN) == 0)
		facts_add(world.facts, TABLE_PLANS, &plan);
	if ((obstacles & FINAL) != 0)
		subscription.status = STR("canceled");
	if ((obstacles & HAS_LIVE) != 0)
		facts_add(world.facts, TABLE_SUBSCRIPTIONS, &subscription);
}

/* Any command's struct. */
union command {
	struct command_meta meta;
	struct create_customer create_customer;
	struct update_customer update_customer;
	struct archive_customer archive_customer;
	struct create_plan create_plan;
	struct update_plan update_plan;
	struct archive_plan archive_plan;
	struct create_subscription create_subscription;
	struct cancel_subscription cancel_subscription;
};

static union command
command_of(enum command_type type, unsigned obstacles)
{
	static const struct str_pair new_pair = {{"new", 3}, {"1", 1}};
	const struct str_map metadata = {&new_pair, 1};
	const bool taken = (obstacles & NAME_TAKEN) != 0;
	union command command;

	memset(&command, 0, sizeof(command));
	switch (type) {
	case COMMAND_CREATE_CUSTOMER:
		command.create_customer = (struct create_customer){.name = STR("Bob"),
		    .external_id = taken ? STR("taken") : STR("free"),
		    .metadata = metadata};
		break;
	case COMMAND_UPDATE_CUSTOMER:
		command.update_customer = (struct update_customer){.customer_id = WORLD_CUSTOMER,
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
			.amount = 100};
		break;
	case COMMAND_UPDATE_PLAN:
		command.update_plan = (struct update_plan){
		    .plan_id = WORLD_PLAN, .name = STR("Newer"), .metadata = metadata};
		break;
	case COMMAND_ARCHIVE_PLAN:
		command.archive_plan.plan_id = WORLD_PLAN;
		break;
	case COMMAND_CREATE_SUBSCRIPTION:
		command.create_subscription.customer_id = WORLD_CUSTOMER;
		if ((obstacles & BY_CODE) != 0)
			command.create_subscription.plan_code = STR("basic");
		else
			command.create_subscription.plan_id = WORLD_PLAN;
		break;
	case COMMAND_CANCEL_SUBSCRIPTION:
		command.cancel_subscription = (struct cancel_subscription){
		    .subscription_id = world_subscription(WORLD_OPERATION).id,
		    .effective = STR("now")};
		break;
	case COMMAND_TYPE_MAX:
		ck_abort_msg("no command");
	}
	command.meta = world_meta((struct uuid){{0x0b, 0x77, 0, 0, 0, 0, 0x80, 0, 0x80}});
	if ((obstacles & TOO_LATE) != 0)
		command.meta.accepted_at = unit_instant("2199-12-15T00:00:00Z").s * 1000;
	return command;
}

static struct decision
decision_of(const union command *command, int64_t *event_number)
{
	return (struct decision){
	    .decider = &world.context.decider,
	    .meta = &command->meta,
	    .organisation = facts_organisation(world.facts, WORLD_ORGANISATION),
	    .partition = 3,
	    .event_number = event_number,
	};
}

START_TEST(test_each_refusal)
{
	const struct refusal_row *row = &refusal_rows[_i];
	union command command = command_of(row->type, row->obstacles);
	struct buf before, after;
	int64_t event_number = 7;
	struct decision decision;
	enum refusal refusal;
	bool changed;

	world_open(&world);
	buf_init(&before, WORLD_DUMP_MAX);
	buf_init(&after, WORLD_DUMP_MAX);
	facts_make(row->obstacles);
	decision = decision_of(&command, &event_number);
	world_dump(&world, &before);
	refusal = handler_table[row->type].decide(&decision, &command);
	world_dump(&world, &after);

	ck_assert_msg(refusal == row->expected, "%s: %s", row->name,
	    refusal == REFUSAL_NONE  ? "accepted"
	    : refusal == REFUSAL_MAX ? decision.err.text
				     : refusal_info(refusal)->slug);
	ck_assert_msg(!uuid_is_nil(handler_table[row->type].resource(&command)),
	    "%s: names no resource", row->name);
	changed = !str_equal(buf_str(&before), buf_str(&after));
	ck_assert_msg(changed == (refusal == REFUSAL_NONE), "%s: %s", row->name,
	    changed ? "changed something" : "changed nothing");
	ck_assert_msg((event_number > 7) == changed && (decision.events > 0) == changed,
	    "%s: %u events", row->name, decision.events);
	if (refusal == REFUSAL_MAX)
		ck_assert_msg(decision.err.class == ERR_POISON && decision.err.text[0] != '\0',
		    "%s: %s", row->name, decision.err.text);
	buf_release(&before);
	buf_release(&after);
	world_close(&world);
}
END_TEST

/* Decide row's command, and write all that it left behind into ${buf}. */
static void
decide_once(const struct refusal_row *row, struct buf *buf)
{
	union command command = command_of(row->type, row->obstacles);
	int64_t event_number = 7;
	struct decision decision;
	enum refusal refusal;
	char resource[UUID_TEXT_SIZE];

	facts_make(row->obstacles);
	decision = decision_of(&command, &event_number);
	refusal = handler_table[row->type].decide(&decision, &command);
	world_dump(&world, buf);
	uuid_write(handler_table[row->type].resource(&command), resource);
	buf_printf(
	    buf, "%d %s %s %lld", (int)refusal, resource, decision.detail, (long long)event_number);
	ck_assert(!buf->overflow);
}

START_TEST(test_the_same_command_gives_the_same_rows)
{
	const struct refusal_row *row = &refusal_rows[_i];
	struct buf first, second;

	world_open(&world);
	buf_init(&first, WORLD_DUMP_MAX);
	buf_init(&second, WORLD_DUMP_MAX);
	decide_once(row, &first);
	/* Other commands in between, in the same memory, and another moment. */
	for (size_t i = 0; i < ARRAY_LEN(refusal_rows); i++)
		decide_once(&refusal_rows[i], &second);
	decide_once(row, &second);
	ck_assert(!first.overflow && !second.overflow);
	ck_assert_msg(str_equal(buf_str(&first), buf_str(&second)), "%s: %.*s\n%.*s", row->name,
	    STR_ARG(buf_str(&first)), STR_ARG(buf_str(&second)));
	buf_release(&first);
	buf_release(&second);
	world_close(&world);
}
END_TEST

/* What refer asks for is all that decide looks at: a need that is missing would make a row that is
 * there look unknown. */
struct need_row {
	const char *name;
	enum command_type type;
	unsigned obstacles;
	enum need needs[4]; /* NEED_MAX behind the last */
};

static const struct need_row need_rows[] = {
    {"create customer", COMMAND_CREATE_CUSTOMER, 0, {NEED_EXTERNAL_ID, NEED_MAX}},
    {"update customer", COMMAND_UPDATE_CUSTOMER, 0, {NEED_CUSTOMER, NEED_EXTERNAL_ID, NEED_MAX}},
    {"archive customer", COMMAND_ARCHIVE_CUSTOMER, 0,
	{NEED_CUSTOMER, NEED_LIVE_SUBSCRIPTION, NEED_MAX}},
    {"create plan", COMMAND_CREATE_PLAN, 0, {NEED_PLAN_CODE, NEED_MAX}},
    {"update plan", COMMAND_UPDATE_PLAN, 0, {NEED_PLAN, NEED_MAX}},
    {"archive plan", COMMAND_ARCHIVE_PLAN, 0, {NEED_PLAN, NEED_MAX}},
    {"create subscription", COMMAND_CREATE_SUBSCRIPTION, 0,
	{NEED_CUSTOMER, NEED_PLAN, NEED_LIVE_SUBSCRIPTION, NEED_MAX}},
    {"create subscription by code", COMMAND_CREATE_SUBSCRIPTION, BY_CODE,
	{NEED_CUSTOMER, NEED_PLAN_CODE, NEED_LIVE_SUBSCRIPTION, NEED_MAX}},
    {"cancel subscription", COMMAND_CANCEL_SUBSCRIPTION, 0,
	{NEED_SUBSCRIPTION, NEED_SUBSCRIBER, NEED_MAX}},
};

START_TEST(test_what_each_asks_for)
{
	const struct need_row *row = &need_rows[_i];
	union command command = command_of(row->type, row->obstacles);

	world_open(&world);
	handler_table[row->type].refer(world.facts, &command);
	for (size_t need = 0; need < NEED_MAX; need++) {
		bool expected = false;

		for (size_t i = 0; row->needs[i] != NEED_MAX; i++)
			expected = expected || row->needs[i] == need;
		ck_assert_msg((world.facts->needs[need].len == 1) == expected, "%s: need %zu",
		    row->name, need);
	}
	world_close(&world);
}
END_TEST

START_TEST(test_where_each_belongs)
{
	enum command_type type = (enum command_type)_i;
	union command command = command_of(type, 0);
	struct uuid customer_id = id_derive(command.meta.operation_id, ID_CUSTOMER, 0, 0);
	const int32_t expected[COMMAND_TYPE_MAX] = {
	    [COMMAND_CREATE_CUSTOMER] = id_shard_of_key(customer_id),
	    [COMMAND_UPDATE_CUSTOMER] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_ARCHIVE_CUSTOMER] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_CREATE_PLAN] = id_shard_of_key(WORLD_ORGANISATION),
	    [COMMAND_UPDATE_PLAN] = id_shard_of_key(WORLD_ORGANISATION),
	    [COMMAND_ARCHIVE_PLAN] = id_shard_of_key(WORLD_ORGANISATION),
	    [COMMAND_CREATE_SUBSCRIPTION] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_CANCEL_SUBSCRIPTION] = id_shard_of_key(WORLD_CUSTOMER),
	};

	ck_assert_int_eq(handler_table[type].shard(&command), expected[type]);
}
END_TEST

static const char command_types[COMMAND_TYPE_MAX];

UNIT_MAIN("handlers", UNIT_ROWS(test_each_refusal, refusal_rows),
    UNIT_ROWS(test_the_same_command_gives_the_same_rows, refusal_rows),
    UNIT_ROWS(test_what_each_asks_for, need_rows),
    UNIT_ROWS(test_where_each_belongs, command_types))
