/* Commands on test clocks: create, advance.  What falls due on the way of an advance is due.c's to
 * do. */

#include "common/base/id.h"
#include "worker/handler.h"

struct uuid
test_clock_create_resource(const void *command)
{
	const struct create_test_clock *create = command;

	return id_derive(create->meta.operation_id, ID_TEST_CLOCK, 0, 0);
}

int32_t
test_clock_create_shard(const void *command)
{
	return id_shard_of_key(test_clock_create_resource(command));
}

void
test_clock_create_refer(struct facts *facts, const void *command)
{
	(void)facts;
	(void)command;
}

enum refusal
test_clock_create_decide(struct decision *decision, const void *command)
{
	const struct create_test_clock *create = command;
	struct instant created_at = decision_now(decision, INSTANT_NONE);
	const struct test_clock clock = {
	    .organisation_id = create->meta.organisation_id,
	    .id = test_clock_create_resource(command),
	    .shard = test_clock_create_shard(command),
	    .name = create->name,
	    .status = STR("ready"),
	    .now = create->now,
	    .target_at = INSTANT_NONE,
	    .created_ms = create->meta.accepted_at,
	    .created_at = created_at,
	    .updated_at = created_at,
	};

	CHECK(instant_is_valid(clock.now));
	facts_add(decision->decider->facts, TABLE_TEST_CLOCKS, &clock);
	decision_emit(decision, EVENT_TEST_CLOCK_CREATED, clock.id, clock.id, &clock);
	return REFUSAL_NONE;
}

struct uuid
test_clock_advance_resource(const void *command)
{
	const struct advance_test_clock *advance = command;

	return advance->test_clock_id;
}

int32_t
test_clock_advance_shard(const void *command)
{
	return id_shard_of_key(test_clock_advance_resource(command));
}

void
test_clock_advance_refer(struct facts *facts, const void *command)
{
	const struct advance_test_clock *advance = command;

	facts_need(facts, NEED_TEST_CLOCK, advance->meta.organisation_id, &advance->test_clock_id);
}

/* Sets the clock on its way.  The operation is written when it arrives. */
enum refusal
test_clock_advance_decide(struct decision *decision, const void *command)
{
	const struct advance_test_clock *advance = command;
	const struct command_meta *meta = &advance->meta;
	struct facts *facts = decision->decider->facts;
	struct test_clock *row =
	    facts_test_clock(facts, meta->organisation_id, advance->test_clock_id);
	struct test_clock clock;

	if (row == NULL)
		return REFUSAL_TEST_CLOCK_NOT_FOUND;
	if (!instant_is_none(row->target_at))
		return REFUSAL_TEST_CLOCK_ADVANCING;
	if (advance->now.s <= row->now.s || advance->now.s - row->now.s > TEST_CLOCK_ADVANCE_MAX_S)
		return REFUSAL_TIME_NOT_LATER;

	clock = *row;
	clock.status = STR("advancing");
	clock.target_at = advance->now;
	clock.advance_operation_id = meta->operation_id;
	clock.advance_accepted_ms = meta->accepted_at;
	clock.advance_idempotency_key = meta->idempotency_key;
	clock.advance_actor = meta->actor;
	clock.advance_address = meta->address;
	clock.advance_request_id = decision->request_id;
	clock.updated_at = decision_now(decision, row->updated_at);
	facts_change(facts, TABLE_TEST_CLOCKS, row, &clock);
	decision->deferred = true;
	return REFUSAL_NONE;
}
