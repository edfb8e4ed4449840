#include "worker/handler.h"

#include "tests/unit/worker_obstacles.h"

/*
 * Handlers, each over facts that one row of a table describes: the refusals in their precedence,
 * and that a refusal changes nothing.  What the accepted commands change is
 * test_handler_changes.c's.
 */

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

    {"create customer: unknown clock", COMMAND_CREATE_CUSTOMER, ON_CLOCK | NO_CLOCK,
	REFUSAL_TEST_CLOCK_NOT_FOUND},
    {"create customer: unknown clock, with all else", COMMAND_CREATE_CUSTOMER,
	ON_CLOCK | NO_CLOCK | NAME_TAKEN, REFUSAL_TEST_CLOCK_NOT_FOUND},
    {"create customer: the clock advances", COMMAND_CREATE_CUSTOMER,
	ON_CLOCK | CLOCK_ADVANCES | NAME_TAKEN, REFUSAL_TEST_CLOCK_ADVANCING},
    {"create customer: on a clock", COMMAND_CREATE_CUSTOMER, ON_CLOCK, REFUSAL_NONE},
    {"update customer: the clock advances", COMMAND_UPDATE_CUSTOMER,
	ON_CLOCK | CLOCK_ADVANCES | NAME_TAKEN, REFUSAL_TEST_CLOCK_ADVANCING},
    {"update customer: behind", COMMAND_UPDATE_CUSTOMER, HAS_LIVE | BEHIND, REFUSAL_BILLING_BEHIND},
    {"archive customer: the clock advances", COMMAND_ARCHIVE_CUSTOMER, ON_CLOCK | CLOCK_ADVANCES,
	REFUSAL_TEST_CLOCK_ADVANCING},
    {"archive customer: behind", COMMAND_ARCHIVE_CUSTOMER, HAS_LIVE | BEHIND,
	REFUSAL_BILLING_BEHIND},
    {"archive customer: what is left to bill does not fit", COMMAND_ARCHIVE_CUSTOMER,
	HAS_LIVE | TOO_MUCH, REFUSAL_AMOUNT_OUT_OF_RANGE},

    {"create plan: charges that contradict each other", COMMAND_CREATE_PLAN, BAD_CHARGE,
	REFUSAL_CHARGE_INVALID},
    {"create plan: code taken, with all else", COMMAND_CREATE_PLAN, NAME_TAKEN | BAD_CHARGE,
	REFUSAL_PLAN_CODE_TAKEN},
    {"create plan: tiers", COMMAND_CREATE_PLAN, BAD_TIERS, REFUSAL_CHARGE_INVALID},
    {"create plan: amounts that do not fit together", COMMAND_CREATE_PLAN, TOO_MUCH,
	REFUSAL_AMOUNT_OUT_OF_RANGE},
    {"update plan: charges that contradict each other", COMMAND_UPDATE_PLAN, BAD_CHARGE,
	REFUSAL_CHARGE_INVALID},
    {"update plan: tiers, with too much metadata", COMMAND_UPDATE_PLAN, BAD_TIERS | METADATA_FULL,
	REFUSAL_CHARGE_INVALID},
    {"update plan: amounts that do not fit together", COMMAND_UPDATE_PLAN, TOO_MUCH,
	REFUSAL_AMOUNT_OUT_OF_RANGE},

    {"create subscription: the clock advances", COMMAND_CREATE_SUBSCRIPTION,
	ON_CLOCK | CLOCK_ADVANCES | PLAN_ARCHIVED, REFUSAL_TEST_CLOCK_ADVANCING},
    {"create subscription: behind", COMMAND_CREATE_SUBSCRIPTION, HAS_LIVE | BEHIND | MANY,
	REFUSAL_BILLING_BEHIND},
    {"create subscription: one of many", COMMAND_CREATE_SUBSCRIPTION, HAS_LIVE | MANY,
	REFUSAL_NONE},
    {"create subscription: a start too far back", COMMAND_CREATE_SUBSCRIPTION,
	TOO_EARLY | ENDED_BEFORE | BAD_ANCHOR, REFUSAL_START_TOO_EARLY},
    {"create subscription: an anchor that weeks have not", COMMAND_CREATE_SUBSCRIPTION,
	BAD_ANCHOR | ENDED_BEFORE, REFUSAL_ANCHOR_NOT_POSSIBLE},
    {"create subscription: an end before now", COMMAND_CREATE_SUBSCRIPTION, ENDED_BEFORE | TOO_MUCH,
	REFUSAL_END_TOO_EARLY},
    {"create subscription: an amount that does not fit", COMMAND_CREATE_SUBSCRIPTION, TOO_MUCH,
	REFUSAL_AMOUNT_OUT_OF_RANGE},

    {"cancel subscription: the clock advances", COMMAND_CANCEL_SUBSCRIPTION,
	HAS_LIVE | FINAL | ON_CLOCK | CLOCK_ADVANCES, REFUSAL_TEST_CLOCK_ADVANCING},
    {"cancel subscription: behind", COMMAND_CANCEL_SUBSCRIPTION, HAS_LIVE | BEHIND,
	REFUSAL_BILLING_BEHIND},
    {"cancel subscription: what is left to bill does not fit", COMMAND_CANCEL_SUBSCRIPTION,
	HAS_LIVE | TOO_MUCH, REFUSAL_AMOUNT_OUT_OF_RANGE},
    {"cancel subscription: a zone that we don't know cannot be decided",
	COMMAND_CANCEL_SUBSCRIPTION, HAS_LIVE | STRANGE_ZONE, REFUSAL_MAX},

    {"change subscription: nothing against it", COMMAND_CHANGE_SUBSCRIPTION, HAS_LIVE,
	REFUSAL_NONE},
    {"change subscription: unknown plan", COMMAND_CHANGE_SUBSCRIPTION, NO_PLAN,
	REFUSAL_PLAN_NOT_FOUND},
    {"change subscription: unknown", COMMAND_CHANGE_SUBSCRIPTION, 0,
	REFUSAL_SUBSCRIPTION_NOT_FOUND},
    {"change subscription: the clock advances", COMMAND_CHANGE_SUBSCRIPTION,
	HAS_LIVE | FINAL | ON_CLOCK | CLOCK_ADVANCES, REFUSAL_TEST_CLOCK_ADVANCING},
    {"change subscription: canceled", COMMAND_CHANGE_SUBSCRIPTION, HAS_LIVE | FINAL | NOTHING,
	REFUSAL_SUBSCRIPTION_FINAL},
    {"change subscription: plan archived", COMMAND_CHANGE_SUBSCRIPTION,
	HAS_LIVE | PLAN_ARCHIVED | PLAN_IN_DOLLARS, REFUSAL_PLAN_ARCHIVED},
    {"change subscription: another currency", COMMAND_CHANGE_SUBSCRIPTION,
	HAS_LIVE | PLAN_IN_DOLLARS | PAUSED, REFUSAL_CURRENCY_MISMATCH},
    {"change subscription: behind", COMMAND_CHANGE_SUBSCRIPTION, HAS_LIVE | BEHIND | NOTHING,
	REFUSAL_BILLING_BEHIND},
    {"change subscription: nothing", COMMAND_CHANGE_SUBSCRIPTION, HAS_LIVE | NOTHING | PAUSED,
	REFUSAL_NOTHING_TO_CHANGE},
    {"change subscription: paused", COMMAND_CHANGE_SUBSCRIPTION, HAS_LIVE | PAUSED,
	REFUSAL_SUBSCRIPTION_STATE},
    {"change subscription: an amount that does not fit", COMMAND_CHANGE_SUBSCRIPTION,
	HAS_LIVE | TOO_MUCH, REFUSAL_AMOUNT_OUT_OF_RANGE},

    {"uncancel subscription: nothing against it", COMMAND_UNCANCEL_SUBSCRIPTION,
	HAS_LIVE | CANCELING, REFUSAL_NONE},
    {"uncancel subscription: unknown", COMMAND_UNCANCEL_SUBSCRIPTION, 0,
	REFUSAL_SUBSCRIPTION_NOT_FOUND},
    {"uncancel subscription: canceled", COMMAND_UNCANCEL_SUBSCRIPTION, HAS_LIVE | FINAL,
	REFUSAL_SUBSCRIPTION_FINAL},
    {"uncancel subscription: behind", COMMAND_UNCANCEL_SUBSCRIPTION, HAS_LIVE | BEHIND,
	REFUSAL_BILLING_BEHIND},
    {"uncancel subscription: not canceling", COMMAND_UNCANCEL_SUBSCRIPTION, HAS_LIVE,
	REFUSAL_NOT_CANCELING},

    {"pause subscription: nothing against it", COMMAND_PAUSE_SUBSCRIPTION, HAS_LIVE, REFUSAL_NONE},
    {"pause subscription: unknown", COMMAND_PAUSE_SUBSCRIPTION, 0, REFUSAL_SUBSCRIPTION_NOT_FOUND},
    {"pause subscription: canceled", COMMAND_PAUSE_SUBSCRIPTION, HAS_LIVE | FINAL,
	REFUSAL_SUBSCRIPTION_FINAL},
    {"pause subscription: behind", COMMAND_PAUSE_SUBSCRIPTION, HAS_LIVE | BEHIND,
	REFUSAL_BILLING_BEHIND},
    {"pause subscription: paused", COMMAND_PAUSE_SUBSCRIPTION, HAS_LIVE | PAUSED,
	REFUSAL_SUBSCRIPTION_STATE},
    {"pause subscription: scheduled", COMMAND_PAUSE_SUBSCRIPTION, HAS_LIVE | SCHEDULED,
	REFUSAL_SUBSCRIPTION_STATE},

    {"resume subscription: nothing against it", COMMAND_RESUME_SUBSCRIPTION, HAS_LIVE | PAUSED,
	REFUSAL_NONE},
    {"resume subscription: unknown", COMMAND_RESUME_SUBSCRIPTION, 0,
	REFUSAL_SUBSCRIPTION_NOT_FOUND},
    {"resume subscription: canceled", COMMAND_RESUME_SUBSCRIPTION, HAS_LIVE | FINAL,
	REFUSAL_SUBSCRIPTION_FINAL},
    {"resume subscription: not paused", COMMAND_RESUME_SUBSCRIPTION, HAS_LIVE,
	REFUSAL_SUBSCRIPTION_STATE},
    {"resume subscription: its period would end after 2199", COMMAND_RESUME_SUBSCRIPTION,
	HAS_LIVE | PAUSED | TOO_LATE, REFUSAL_TIME_OUT_OF_RANGE},

    {"report quantity: nothing against it", COMMAND_REPORT_QUANTITY, HAS_LIVE, REFUSAL_NONE},
    {"report quantity: unknown", COMMAND_REPORT_QUANTITY, 0, REFUSAL_SUBSCRIPTION_NOT_FOUND},
    {"report quantity: the clock advances", COMMAND_REPORT_QUANTITY,
	HAS_LIVE | FINAL | ON_CLOCK | CLOCK_ADVANCES, REFUSAL_TEST_CLOCK_ADVANCING},
    {"report quantity: canceled", COMMAND_REPORT_QUANTITY, HAS_LIVE | FINAL | NO_CHARGE,
	REFUSAL_SUBSCRIPTION_FINAL},
    {"report quantity: behind", COMMAND_REPORT_QUANTITY, HAS_LIVE | BEHIND | NO_CHARGE,
	REFUSAL_BILLING_BEHIND},
    {"report quantity: no such charge", COMMAND_REPORT_QUANTITY, HAS_LIVE | NO_CHARGE | BAD_PERIOD,
	REFUSAL_CHARGE_NOT_FOUND},
    {"report quantity: another period", COMMAND_REPORT_QUANTITY, HAS_LIVE | BAD_PERIOD | TOO_MUCH,
	REFUSAL_PERIOD_NOT_OPEN},
    {"report quantity: paused", COMMAND_REPORT_QUANTITY, HAS_LIVE | PAUSED,
	REFUSAL_PERIOD_NOT_OPEN},
    {"report quantity: scheduled", COMMAND_REPORT_QUANTITY, HAS_LIVE | SCHEDULED,
	REFUSAL_PERIOD_NOT_OPEN},
    {"report quantity: more than fits", COMMAND_REPORT_QUANTITY, HAS_LIVE | TOO_MUCH,
	REFUSAL_AMOUNT_OUT_OF_RANGE},

    {"cancel subscription: canceled, and nothing known of its plan", COMMAND_CANCEL_SUBSCRIPTION,
	HAS_LIVE | FINAL | NO_PLAN, REFUSAL_SUBSCRIPTION_FINAL},
    {"change subscription: canceled, and nothing known of its plan", COMMAND_CHANGE_SUBSCRIPTION,
	HAS_LIVE | FINAL | NO_PLAN | NOTHING, REFUSAL_SUBSCRIPTION_FINAL},
    {"resume subscription: canceled, and nothing known of its plan", COMMAND_RESUME_SUBSCRIPTION,
	HAS_LIVE | FINAL | NO_PLAN, REFUSAL_SUBSCRIPTION_FINAL},
    {"report quantity: canceled, and nothing known of its plan", COMMAND_REPORT_QUANTITY,
	HAS_LIVE | FINAL | NO_PLAN, REFUSAL_SUBSCRIPTION_FINAL},

    {"create test clock: nothing against it", COMMAND_CREATE_TEST_CLOCK, 0, REFUSAL_NONE},
    {"advance test clock: nothing against it", COMMAND_ADVANCE_TEST_CLOCK, 0, REFUSAL_NONE},
    {"advance test clock: unknown", COMMAND_ADVANCE_TEST_CLOCK, NO_CLOCK,
	REFUSAL_TEST_CLOCK_NOT_FOUND},
    {"advance test clock: it advances", COMMAND_ADVANCE_TEST_CLOCK, CLOCK_ADVANCES | TOO_EARLY,
	REFUSAL_TEST_CLOCK_ADVANCING},
    {"advance test clock: not forward", COMMAND_ADVANCE_TEST_CLOCK, TOO_EARLY,
	REFUSAL_TIME_NOT_LATER},
    {"advance test clock: more than two years", COMMAND_ADVANCE_TEST_CLOCK, TOO_LATE,
	REFUSAL_TIME_NOT_LATER},
};

static struct world world;

static struct decision
decision_of(const union command *command, int64_t *event_number)
{
	return (struct decision){
	    .decider = &world.context.decider,
	    .meta = &command->meta,
	    .organisation = facts_organisation(world.facts, WORLD_ORGANISATION),
	    .cause = command->meta.operation_id,
	    .occurred_ms = command->meta.accepted_at,
	    .partition = 3,
	    .event_number = event_number,
	};
}

START_TEST(test_each_refusal)
{
	const struct refusal_row *row = &refusal_rows[_i];
	union command command = obstacles_command(row->type, row->obstacles);
	struct buf before, after;
	int64_t event_number = 7;
	struct decision decision;
	enum refusal refusal;
	bool changed, tells;

	world_open(&world);
	buf_init(&before, WORLD_DUMP_MAX);
	buf_init(&after, WORLD_DUMP_MAX);
	obstacles_facts(&world, row->obstacles);
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
	/* What fell due before is done, and told, whatever becomes of the command. */
	ck_assert_msg(changed == (refusal == REFUSAL_NONE || refusal == REFUSAL_BILLING_BEHIND),
	    "%s: %s", row->name, changed ? "changed something" : "changed nothing");
	tells = changed && !decision.deferred;
	ck_assert_msg(
	    (event_number > 7) == tells, "%s: %lld events", row->name, (long long)event_number - 7);
	ck_assert_msg((decision.events > 0) == (tells && refusal == REFUSAL_NONE),
	    "%s: %u events of its own", row->name, decision.events);
	ck_assert_msg(decision.deferred ==
			  (row->type == COMMAND_ADVANCE_TEST_CLOCK && refusal == REFUSAL_NONE),
	    "%s: deferred", row->name);
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
	union command command = obstacles_command(row->type, row->obstacles);
	int64_t event_number = 7;
	struct decision decision;
	enum refusal refusal;
	char resource[UUID_TEXT_SIZE];

	obstacles_facts(&world, row->obstacles);
	decision = decision_of(&command, &event_number);
	refusal = handler_table[row->type].decide(&decision, &command);
	world_dump(&world, buf);
	uuid_write(handler_table[row->type].resource(&command), resource);
	buf_printf(
	    buf, "%d %s %s %lld", (int)refusal, resource, decision.detail, (long long)event_number);
	ck_assert(!buf->overflow);
}

/* In the same memory, with other commands before it and at another moment. */
START_TEST(test_the_same_command_gives_the_same_rows)
{
	size_t ends[ARRAY_LEN(refusal_rows)];
	struct buf first, second;

	world_open(&world);
	buf_init(&first, ARRAY_LEN(refusal_rows) * WORLD_DUMP_MAX);
	buf_init(&second, WORLD_DUMP_MAX);
	for (size_t i = 0; i < ARRAY_LEN(refusal_rows); i++) {
		decide_once(&refusal_rows[i], &second);
		buf_append_str(&first, buf_str(&second));
		ends[i] = first.len;
	}
	ck_assert(!first.overflow);
	for (size_t i = ARRAY_LEN(refusal_rows); i-- > 0;) {
		size_t begin = i == 0 ? 0 : ends[i - 1];
		struct str expected = {first.ptr + begin, ends[i] - begin};

		decide_once(&refusal_rows[i], &second);
		ck_assert_msg(str_equal(expected, buf_str(&second)), "%s: %.*s\n%.*s",
		    refusal_rows[i].name, STR_ARG(expected), STR_ARG(buf_str(&second)));
	}
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
	enum need needs[5]; /* NEED_MAX behind the last */
};

static const struct need_row need_rows[] = {
    {"create customer", COMMAND_CREATE_CUSTOMER, 0, {NEED_EXTERNAL_ID, NEED_MAX}},
    {"create customer on a clock", COMMAND_CREATE_CUSTOMER, ON_CLOCK,
	{NEED_EXTERNAL_ID, NEED_TEST_CLOCK, NEED_MAX}},
    {"update customer", COMMAND_UPDATE_CUSTOMER, 0,
	{NEED_CUSTOMER, NEED_LIVE_SUBSCRIPTION, NEED_EXTERNAL_ID, NEED_MAX}},
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
	{NEED_SUBSCRIPTION, NEED_SUBSCRIBER, NEED_SIBLINGS, NEED_MAX}},
    {"change subscription", COMMAND_CHANGE_SUBSCRIPTION, 0,
	{NEED_SUBSCRIPTION, NEED_SUBSCRIBER, NEED_SIBLINGS, NEED_PLAN, NEED_MAX}},
    {"change a subscription's quantity", COMMAND_CHANGE_SUBSCRIPTION, NOTHING,
	{NEED_SUBSCRIPTION, NEED_SUBSCRIBER, NEED_SIBLINGS, NEED_MAX}},
    {"uncancel subscription", COMMAND_UNCANCEL_SUBSCRIPTION, 0,
	{NEED_SUBSCRIPTION, NEED_SUBSCRIBER, NEED_SIBLINGS, NEED_MAX}},
    {"pause subscription", COMMAND_PAUSE_SUBSCRIPTION, 0,
	{NEED_SUBSCRIPTION, NEED_SUBSCRIBER, NEED_SIBLINGS, NEED_MAX}},
    {"resume subscription", COMMAND_RESUME_SUBSCRIPTION, 0,
	{NEED_SUBSCRIPTION, NEED_SUBSCRIBER, NEED_SIBLINGS, NEED_MAX}},
    {"report quantity", COMMAND_REPORT_QUANTITY, 0,
	{NEED_SUBSCRIPTION, NEED_SUBSCRIBER, NEED_SIBLINGS, NEED_MAX}},
    {"create test clock", COMMAND_CREATE_TEST_CLOCK, 0, {NEED_MAX}},
    {"advance test clock", COMMAND_ADVANCE_TEST_CLOCK, 0, {NEED_TEST_CLOCK, NEED_MAX}},
};

START_TEST(test_what_each_asks_for)
{
	const struct need_row *row = &need_rows[_i];
	union command command = obstacles_command(row->type, row->obstacles);

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
	union command command = obstacles_command(type, 0);
	struct uuid customer_id = id_derive(command.meta.operation_id, ID_CUSTOMER, 0, 0);
	struct uuid clock_id = id_derive(command.meta.operation_id, ID_TEST_CLOCK, 0, 0);
	const int32_t expected[COMMAND_TYPE_MAX] = {
	    [COMMAND_CREATE_CUSTOMER] = id_shard_of_key(customer_id),
	    [COMMAND_UPDATE_CUSTOMER] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_ARCHIVE_CUSTOMER] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_CREATE_PLAN] = id_shard_of_key(WORLD_ORGANISATION),
	    [COMMAND_UPDATE_PLAN] = id_shard_of_key(WORLD_ORGANISATION),
	    [COMMAND_ARCHIVE_PLAN] = id_shard_of_key(WORLD_ORGANISATION),
	    [COMMAND_CREATE_SUBSCRIPTION] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_CANCEL_SUBSCRIPTION] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_CHANGE_SUBSCRIPTION] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_UNCANCEL_SUBSCRIPTION] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_PAUSE_SUBSCRIPTION] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_RESUME_SUBSCRIPTION] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_REPORT_QUANTITY] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_CREATE_TEST_CLOCK] = id_shard_of_key(clock_id),
	    [COMMAND_ADVANCE_TEST_CLOCK] = id_shard_of_key(WORLD_CLOCK),
	    [COMMAND_CREATE_COUPON] = id_shard_of_key(WORLD_ORGANISATION),
	    [COMMAND_ARCHIVE_COUPON] = id_shard_of_key(WORLD_ORGANISATION),
	    [COMMAND_CREATE_TAX_RATE] = id_shard_of_key(WORLD_ORGANISATION),
	    [COMMAND_ARCHIVE_TAX_RATE] = id_shard_of_key(WORLD_ORGANISATION),
	    [COMMAND_CREATE_ITEM] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_CANCEL_ITEM] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_GIVE_CREDIT] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_PAY_INVOICE] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_VOID_INVOICE] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_MARK_UNCOLLECTIBLE] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_CREATE_CREDIT_NOTE] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_RECORD_PAYMENT_OUTCOME] = id_shard_of_key(WORLD_CUSTOMER),
	    [COMMAND_START_BILLING_RUN] = id_shard_of_key(WORLD_ORGANISATION),
	    [COMMAND_PAUSE_BILLING_RUN] = id_shard_of_key(WORLD_ORGANISATION),
	    [COMMAND_RESUME_BILLING_RUN] = id_shard_of_key(WORLD_ORGANISATION),
	    [COMMAND_CANCEL_BILLING_RUN] = id_shard_of_key(WORLD_ORGANISATION),
	    [COMMAND_SCHEDULE_BILLING_RUN] = id_shard_of_key(WORLD_ORGANISATION),
	    [COMMAND_FINISH_BILLING_RUN] = id_shard_of_key(WORLD_ORGANISATION),
	};

	ck_assert_int_eq(handler_table[type].shard(&command), expected[type]);
}
END_TEST

/* A clock and its customers lie in one shard, so that one worker has all of it in hand. */
START_TEST(test_a_customer_lies_with_its_clock)
{
	union command command = obstacles_command(COMMAND_CREATE_CUSTOMER, ON_CLOCK);

	ck_assert_int_eq(
	    handler_table[COMMAND_CREATE_CUSTOMER].shard(&command), id_shard_of_key(WORLD_CLOCK));
}
END_TEST

static const char command_types[COMMAND_TYPE_MAX];

UNIT_MAIN("handlers", UNIT_ROWS(test_each_refusal, refusal_rows),
    UNIT(test_the_same_command_gives_the_same_rows), UNIT_ROWS(test_what_each_asks_for, need_rows),
    UNIT_ROWS(test_where_each_belongs, command_types), UNIT(test_a_customer_lies_with_its_clock))
