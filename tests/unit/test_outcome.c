#include "worker/outcome.h"

#include <jansson.h>

#include "tests/unit/worker_message.h"
#include "worker/decode.h"
#include "worker/transaction.h"

static struct world world;
static struct letter letter;
static struct err err;

static void
setup(void)
{
	struct customer customer = world_customer(WORLD_CUSTOMER);
	struct plan plan = world_plan(WORLD_PLAN);

	world_open(&world);
	world_organisation(&world);
	customer.external_id = STR("taken \"1\" caf\xc3\xa9");
	facts_add(world.facts, TABLE_CUSTOMERS, &customer);
	world_plan_add(&world, &plan);
}

static void
teardown(void)
{
	letter_release(&letter);
	world_close(&world);
}

static size_t
rows(enum table_id table)
{
	return world.facts->lists[table].len;
}

static struct create_customer
a_command(struct uuid operation_id, const char *idempotency_key)
{
	struct create_customer command = {
	    .meta = world_meta(operation_id),
	    .name = STR("Bob"),
	    .tax_exempt = STR("none"),
	    .net_terms_days = INT64_MIN,
	};

	command.meta.idempotency_key = str_from(idempotency_key);
	return command;
}

/* Decode and decide what is in the letter. */
static enum err_class
decide_letter(void)
{
	enum err_class class = decode(&world.context, &letter.entry, &err);

	return class != ERR_NONE ? class : outcome_decide(&world.context, &letter.entry, &err);
}

static void
decide(enum command_type type, const void *command)
{
	letter_release(&letter);
	letter_command(&letter, &world, type, command);
	ck_assert_msg(decide_letter() == ERR_NONE, "%s", err.text);
}

static const struct operation *
last_operation(void)
{
	ck_assert_uint_gt(rows(TABLE_OPERATIONS), 0);
	return world_row(&world, TABLE_OPERATIONS, rows(TABLE_OPERATIONS) - 1);
}

/* The operation failed with the problem of ${slug}, told as RFC 9457 has it. */
static json_t *
assert_problem(const struct operation *operation, const char *slug, int status)
{
	char instance[64], id[UUID_TEXT_SIZE], type[128];
	json_t *json = json_loadb(operation->problem.ptr, operation->problem.len, 0, NULL);

	unit_assert_str(operation->status, "failed", "status");
	ck_assert_msg(json_is_object(json), "%.*s", STR_ARG(operation->problem));
	snprintf(type, sizeof(type), "/docs/problems/%s", slug);
	ck_assert_str_eq(json_string_value(json_object_get(json, "type")), type);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "status")), status);
	uuid_write(operation->id, id);
	snprintf(instance, sizeof(instance), "/v1/operations/%s", id);
	ck_assert_str_eq(json_string_value(json_object_get(json, "instance")), instance);
	ck_assert_ptr_nonnull(json_string_value(json_object_get(json, "title")));
	ck_assert_str_ne(json_string_value(json_object_get(json, "detail")), "");
	return json;
}

START_TEST(test_a_command_that_succeeds)
{
	struct create_customer command = a_command(WORLD_OPERATION, "key-1");
	const struct operation *operation;

	setup();
	decide(COMMAND_CREATE_CUSTOMER, &command);
	operation = last_operation();
	ck_assert_int_eq(letter.entry.refusal, REFUSAL_NONE);
	ck_assert(!letter.entry.repeated && !letter.entry.dead);
	ck_assert(uuid_equal(operation->id, WORLD_OPERATION));
	ck_assert(uuid_equal(operation->organisation_id, WORLD_ORGANISATION));
	unit_assert_str(operation->command, "create_customer", "command");
	unit_assert_str(operation->status, "succeeded", "status");
	unit_assert_str(operation->resource_type, "customer", "resource_type");
	unit_assert_str(operation->problem, NULL, "problem");
	unit_assert_str(operation->idempotency_key, "key-1", "idempotency_key");
	ck_assert_int_eq(operation->accepted_at, WORLD_NOW_MS);
	ck_assert_ptr_nonnull(
	    facts_customer(world.facts, WORLD_ORGANISATION, operation->resource_id));
	ck_assert_uint_eq(rows(TABLE_OUTBOX), 1);
	ck_assert_int_eq(letter.entry.partition->batch_event_number, 1);
	ck_assert_uint_eq(rows(TABLE_DEAD_LETTERS), 0);
	teardown();
}
END_TEST

START_TEST(test_a_command_that_is_refused)
{
	struct create_customer command = a_command(WORLD_OPERATION, "key-1");
	json_t *json;

	setup();
	command.external_id = STR("taken \"1\" caf\xc3\xa9");
	decide(COMMAND_CREATE_CUSTOMER, &command);
	ck_assert_int_eq(letter.entry.refusal, REFUSAL_EXTERNAL_ID_TAKEN);
	json = assert_problem(last_operation(), "external-id-taken", 409);
	ck_assert_ptr_nonnull(
	    strstr(json_string_value(json_object_get(json, "detail")), "taken \"1\" caf\xc3\xa9"));
	json_decref(json);
	/* It is an outcome as well: the key stands for it, and the resource is named. */
	unit_assert_str(last_operation()->idempotency_key, "key-1", "idempotency_key");
	ck_assert(uuid_equal(
	    last_operation()->resource_id, id_derive(WORLD_OPERATION, ID_CUSTOMER, 0, 0)));
	ck_assert_uint_eq(rows(TABLE_OUTBOX), 0);
	ck_assert_uint_eq(rows(TABLE_CUSTOMERS), 1);
	teardown();
}
END_TEST

START_TEST(test_a_command_that_came_before)
{
	struct create_customer command = a_command(WORLD_OPERATION, "key-1");
	const struct operation before = {.organisation_id = WORLD_ORGANISATION,
	    .id = WORLD_OPERATION,
	    .status = STR("succeeded"),
	    .idempotency_key = STR("key-1")};

	setup();
	facts_add(world.facts, TABLE_OPERATIONS, &before);
	decide(COMMAND_CREATE_CUSTOMER, &command);
	ck_assert(letter.entry.repeated);
	ck_assert_uint_eq(rows(TABLE_OPERATIONS), 1);
	ck_assert_uint_eq(rows(TABLE_CUSTOMERS), 1);
	ck_assert_uint_eq(rows(TABLE_OUTBOX), 0);
	teardown();
}
END_TEST

/* Who asked, from where, by which request: the audit log's side of a command. */
struct asked_row {
	const char *name;
	struct str address, request_id;
	const char *stored_id;
};

static char long_id[129 + 1];

static const struct asked_row asked_rows[] = {
    {"nothing is known", {NULL, 0}, {NULL, 0}, NULL},
    {"a request as others", {"203.0.113.7", 11}, {"6a0b-1", 6}, "6a0b-1"},
    {"an empty id", {NULL, 0}, {"", 0}, NULL},
    {"an id with a space", {NULL, 0}, {"a b", 3}, NULL},
    {"an id with a NUL", {NULL, 0}, {"a\0b", 3}, NULL},
    {"an id that is no UTF-8", {NULL, 0}, {"a\xff", 2}, NULL},
    {"an id that is too long", {NULL, 0}, {long_id, 129}, NULL},
    {"one that is not", {NULL, 0}, {long_id + 126, 3}, "iii"},
};

START_TEST(test_who_asked_is_kept)
{
	const struct asked_row *row = &asked_rows[_i];
	struct create_customer command = a_command(WORLD_OPERATION, NULL);

	setup();
	memset(long_id, 'i', sizeof(long_id) - 1);
	command.meta.address = row->address;
	letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
	letter.entry.request_id = row->request_id;
	ck_assert_int_eq(decide_letter(), ERR_NONE);
	unit_assert_str(last_operation()->actor, WORLD_ACTOR, row->name);
	unit_assert_str(last_operation()->address, row->address.ptr, row->name);
	unit_assert_str(last_operation()->request_id, row->stored_id, row->name);
	teardown();
}
END_TEST

/* Before who asked comes only what was asked before; before all other rules comes who asked. */
START_TEST(test_precedence_of_who_asked)
{
	struct create_customer first = a_command(WORLD_OPERATION, "key-1");
	struct create_customer second = a_command((struct uuid){{0x0b, 2}}, "key-1");
	struct create_customer third = a_command((struct uuid){{0x0b, 3}}, NULL);

	setup();
	decide(COMMAND_CREATE_CUSTOMER, &first);
	first.meta.actor = second.meta.actor = third.meta.actor = STR("somebody");
	decide(COMMAND_CREATE_CUSTOMER, &first);
	ck_assert(letter.entry.repeated);
	decide(COMMAND_CREATE_CUSTOMER, &second);
	ck_assert_int_eq(letter.entry.refusal, REFUSAL_IDEMPOTENCY_KEY_REUSED);
	third.external_id = STR("taken \"1\" caf\xc3\xa9");
	decide(COMMAND_CREATE_CUSTOMER, &third);
	ck_assert_int_eq(letter.entry.refusal, REFUSAL_ACTOR_NOT_PERMITTED);
	json_decref(assert_problem(last_operation(), "actor-not-permitted", 403));
	teardown();
}
END_TEST

/* The same message twice in one batch. */
START_TEST(test_a_command_that_comes_twice_at_once)
{
	struct create_customer command = a_command(WORLD_OPERATION, NULL);
	struct buf once, twice;

	setup();
	buf_init(&once, WORLD_DUMP_MAX);
	buf_init(&twice, WORLD_DUMP_MAX);
	decide(COMMAND_CREATE_CUSTOMER, &command);
	ck_assert(!letter.entry.repeated);
	world_dump(&world, &once);
	decide(COMMAND_CREATE_CUSTOMER, &command);
	ck_assert(letter.entry.repeated);
	world_dump(&world, &twice);
	ck_assert(str_equal(buf_str(&once), buf_str(&twice)));
	ck_assert_int_eq(letter.entry.partition->batch_event_number, 1);
	buf_release(&once);
	buf_release(&twice);
	teardown();
}
END_TEST

/* Another organisation's operation of the same id is another operation. */
START_TEST(test_an_operation_of_another_organisation_is_no_repeat)
{
	struct create_customer command = a_command(WORLD_OPERATION, "key-1");
	const struct operation foreign = {
	    .organisation_id = {{0x0c}}, .id = WORLD_OPERATION, .idempotency_key = STR("key-1")};

	setup();
	facts_add(world.facts, TABLE_OPERATIONS, &foreign);
	decide(COMMAND_CREATE_CUSTOMER, &command);
	ck_assert(!letter.entry.repeated);
	ck_assert_int_eq(letter.entry.refusal, REFUSAL_NONE);
	unit_assert_str(last_operation()->idempotency_key, "key-1", "idempotency_key");
	teardown();
}
END_TEST

START_TEST(test_a_key_that_is_used_again)
{
	struct create_customer first = a_command(WORLD_OPERATION, "key-1");
	struct create_customer second = a_command((struct uuid){{0x0b, 2}}, "key-1");
	struct create_customer third = a_command((struct uuid){{0x0b, 3}}, "key-2");

	setup();
	decide(COMMAND_CREATE_CUSTOMER, &first);
	decide(COMMAND_CREATE_CUSTOMER, &second);
	ck_assert_int_eq(letter.entry.refusal, REFUSAL_IDEMPOTENCY_KEY_REUSED);
	json_decref(assert_problem(last_operation(), "idempotency-key-reused", 422));
	ck_assert(uuid_equal(last_operation()->id, second.meta.operation_id));
	/* The key goes on standing for the first. */
	unit_assert_str(last_operation()->idempotency_key, NULL, "idempotency_key");
	ck_assert_uint_eq(rows(TABLE_CUSTOMERS), 2);
	ck_assert_uint_eq(rows(TABLE_OUTBOX), 1);
	decide(COMMAND_CREATE_CUSTOMER, &third);
	ck_assert_int_eq(letter.entry.refusal, REFUSAL_NONE);
	ck_assert_uint_eq(rows(TABLE_CUSTOMERS), 3);
	teardown();
}
END_TEST

START_TEST(test_commands_without_a_key_are_apart)
{
	struct create_customer first = a_command(WORLD_OPERATION, NULL);
	struct create_customer second = a_command((struct uuid){{0x0b, 2}}, NULL);

	setup();
	decide(COMMAND_CREATE_CUSTOMER, &first);
	decide(COMMAND_CREATE_CUSTOMER, &second);
	ck_assert_int_eq(letter.entry.refusal, REFUSAL_NONE);
	ck_assert_uint_eq(rows(TABLE_OPERATIONS), 2);
	ck_assert_uint_eq(rows(TABLE_CUSTOMERS), 3);
	teardown();
}
END_TEST

static const struct dead_letter *
the_dead_letter(void)
{
	ck_assert_uint_eq(rows(TABLE_DEAD_LETTERS), 1);
	return world_row(&world, TABLE_DEAD_LETTERS, 0);
}

START_TEST(test_an_organisation_that_nobody_knows)
{
	struct create_customer command = a_command(WORLD_OPERATION, "key-1");

	setup();
	command.meta.organisation_id = (struct uuid){{0x0c}};
	decide(COMMAND_CREATE_CUSTOMER, &command);
	ck_assert(letter.entry.dead);
	unit_assert_str(the_dead_letter()->reason, "no such organisation", "reason");
	ck_assert(uuid_is_nil(the_dead_letter()->organisation_id));
	ck_assert(uuid_is_nil(the_dead_letter()->operation_id));
	/* Nobody could see its operation, and the database would refuse it. */
	ck_assert_uint_eq(rows(TABLE_OPERATIONS), 0);
	ck_assert_uint_eq(rows(TABLE_OUTBOX), 0);
	teardown();
}
END_TEST

START_TEST(test_a_condemned_command_of_an_unknown_organisation)
{
	struct create_customer command = a_command(WORLD_OPERATION, NULL);

	setup();
	command.meta.organisation_id = (struct uuid){{0x0c}};
	letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
	snprintf(letter.entry.condemned, sizeof(letter.entry.condemned), "condemned");
	ck_assert_int_eq(decide_letter(), ERR_NONE);
	unit_assert_str(the_dead_letter()->reason, "condemned", "reason");
	ck_assert_uint_eq(rows(TABLE_OPERATIONS), 0);
	teardown();
}
END_TEST

START_TEST(test_a_condemned_command)
{
	struct create_customer command = a_command(WORLD_OPERATION, "key-1");

	setup();
	letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
	snprintf(letter.entry.condemned, sizeof(letter.entry.condemned), "workers died of it");
	ck_assert_int_eq(decide_letter(), ERR_NONE);
	ck_assert(letter.entry.dead);
	unit_assert_str(the_dead_letter()->reason, "workers died of it", "reason");
	ck_assert(uuid_equal(the_dead_letter()->operation_id, WORLD_OPERATION));
	ck_assert(uuid_equal(the_dead_letter()->organisation_id, WORLD_ORGANISATION));
	ck_assert_int_eq(the_dead_letter()->offset, 42);
	ck_assert_int_eq(the_dead_letter()->partition, letter.message.partition);
	ck_assert(str_equal(the_dead_letter()->value, buf_str(&letter.bytes)));
	json_decref(assert_problem(last_operation(), "dead-letter", 500));
	unit_assert_str(last_operation()->resource_type, "customer", "resource_type");
	unit_assert_str(last_operation()->idempotency_key, "key-1", "idempotency_key");
	/* Why it died is the operators' to know. */
	ck_assert_ptr_null(memmem(
	    last_operation()->problem.ptr, last_operation()->problem.len, "workers died", 12));
	ck_assert_uint_eq(rows(TABLE_CUSTOMERS), 1);
	ck_assert_uint_eq(rows(TABLE_OUTBOX), 0);
	teardown();
}
END_TEST

START_TEST(test_a_condemned_command_that_had_its_outcome)
{
	struct create_customer command = a_command(WORLD_OPERATION, NULL);
	const struct operation before = {.organisation_id = WORLD_ORGANISATION,
	    .id = WORLD_OPERATION,
	    .status = STR("succeeded")};

	setup();
	facts_add(world.facts, TABLE_OPERATIONS, &before);
	letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
	snprintf(letter.entry.condemned, sizeof(letter.entry.condemned), "condemned");
	ck_assert_int_eq(decide_letter(), ERR_NONE);
	ck_assert_uint_eq(rows(TABLE_DEAD_LETTERS), 1);
	ck_assert_uint_eq(rows(TABLE_OPERATIONS), 1);
	unit_assert_str(last_operation()->status, "succeeded", "status");
	teardown();
}
END_TEST

struct unreadable_row {
	const char *name;
	struct str key, value;
};

static const struct unreadable_row unreadable_rows[] = {
    {"text", {"key", 3}, {"no command", 10}},
    {"a tombstone", {"key", 3}, {NULL, 0}},
    {"nothing at all", {NULL, 0}, {NULL, 0}},
    {"bytes that are no text", {"\0\xff", 2}, {"\xc3\x01\0\xff", 4}},
};

START_TEST(test_a_message_that_cannot_be_read)
{
	const struct unreadable_row *row = &unreadable_rows[_i];

	setup();
	letter_bytes(&letter, &world, 9, row->value);
	letter.message.key = (void *)(uintptr_t)row->key.ptr;
	letter.message.key_len = row->key.len;
	ck_assert_int_eq(decide_letter(), ERR_NONE);
	ck_assert_msg(letter.entry.dead, "%s", row->name);
	ck_assert_msg(str_equal(the_dead_letter()->key, row->key), "%s: key", row->name);
	ck_assert_msg(str_equal(the_dead_letter()->value, row->value), "%s: value", row->name);
	ck_assert_int_eq(the_dead_letter()->partition, 9);
	ck_assert(uuid_is_nil(the_dead_letter()->operation_id));
	ck_assert_uint_eq(rows(TABLE_OPERATIONS), 0);
	teardown();
}
END_TEST

struct reason_row {
	const char *name;
	const char *reason, *expected;
};

/* What PostgreSQL takes as text, and a terminal shows without harm. */
static const struct reason_row reason_rows[] = {
    {"plain", "value too long (100%)", "value too long (100%)"},
    {"control characters",
	"a\nb\tc\x01"
	"d\x1b[31m",
	"a?b?c?d?[31m"},
    {"DEL",
	"a\x7f"
	"b",
	"a?b"},
    {"UTF-8", "caf\xc3\xa9", "caf??"},
    {"broken UTF-8", "\xc3(\xff", "?(?"},
};

START_TEST(test_the_reason_is_clean)
{
	const struct reason_row *row = &reason_rows[_i];
	struct create_customer command = a_command(WORLD_OPERATION, NULL);

	setup();
	letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
	snprintf(letter.entry.condemned, sizeof(letter.entry.condemned), "%s", row->reason);
	ck_assert_int_eq(decide_letter(), ERR_NONE);
	unit_assert_str(the_dead_letter()->reason, row->expected, row->name);
	teardown();
}
END_TEST

START_TEST(test_what_cannot_be_decided_is_poison)
{
	struct create_subscription command = {.meta = world_meta(WORLD_OPERATION),
	    .customer_id = WORLD_OTHER_CUSTOMER,
	    .plan_id = WORLD_PLAN,
	    .quantity = 1,
	    .start_at = INSTANT_NONE,
	    .end_at = INSTANT_NONE,
	    .trial_days = INT64_MIN,
	    .anchor = STR("start")};
	struct customer customer = world_customer(WORLD_OTHER_CUSTOMER);

	setup();
	customer.timezone = STR("Europe/Atlantis");
	facts_add(world.facts, TABLE_CUSTOMERS, &customer);
	letter_command(&letter, &world, COMMAND_CREATE_SUBSCRIPTION, &command);
	ck_assert_int_eq(decide_letter(), ERR_POISON);
	ck_assert_int_eq(err.class, ERR_POISON);
	ck_assert_msg(strncmp(err.text, "create_subscription: ", 21) == 0, "%s", err.text);
	ck_assert_uint_eq(rows(TABLE_OPERATIONS), 0);
	ck_assert_uint_eq(rows(TABLE_SUBSCRIPTIONS), 0);
	teardown();
}
END_TEST

START_TEST(test_a_batch_whose_memory_is_full_is_poison)
{
	struct create_customer command = a_command(WORLD_OPERATION, NULL);

	setup();
	letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
	ck_assert_int_eq(decode(&world.context, &letter.entry, &err), ERR_NONE);
	/* What is used must be stored, too. */
	world.context.arena.capacity = 2 * world.context.arena.used + DECISION_BYTES_MAX;
	ck_assert_int_eq(outcome_decide(&world.context, &letter.entry, &err), ERR_POISON);
	ck_assert_uint_eq(rows(TABLE_OPERATIONS), 0);
	/* With a little more it goes, and that is enough. */
	world.context.arena.capacity += 4 * letter.message.len;
	ck_assert_int_eq(outcome_decide(&world.context, &letter.entry, &err), ERR_NONE);
	ck_assert_uint_eq(rows(TABLE_OPERATIONS), 1);
	teardown();
}
END_TEST

/* An advance has its operation when its clock arrives; until then it is known by the clock. */
START_TEST(test_an_advance_is_deferred)
{
	struct test_clock clock = world_clock(id_derive(WORLD_OPERATION, ID_TEST_CLOCK, 0, 5));
	const struct advance_test_clock command = {
	    .meta = world_meta(WORLD_OPERATION),
	    .test_clock_id = clock.id,
	    .now = unit_instant("2027-05-01T00:00:00Z"),
	};
	const struct test_clock *row;

	setup();
	row = facts_add(world.facts, TABLE_TEST_CLOCKS, &clock);
	decide(COMMAND_ADVANCE_TEST_CLOCK, &command);
	ck_assert_int_eq(letter.entry.refusal, REFUSAL_NONE);
	ck_assert(!letter.entry.repeated);
	ck_assert_uint_eq(rows(TABLE_OPERATIONS), 0);
	ck_assert(world.context.due_soon);
	ck_assert(uuid_equal(row->advance_operation_id, WORLD_OPERATION));

	decide(COMMAND_ADVANCE_TEST_CLOCK, &command);
	ck_assert(letter.entry.repeated);
	ck_assert_uint_eq(rows(TABLE_OPERATIONS), 0);
	teardown();
}
END_TEST

START_TEST(test_another_advance_is_refused_until_then)
{
	struct test_clock clock = world_clock(id_derive(WORLD_OPERATION, ID_TEST_CLOCK, 0, 5));
	struct advance_test_clock command = {
	    .meta = world_meta((struct uuid){{0x0b, 7}}),
	    .test_clock_id = clock.id,
	    .now = unit_instant("2027-05-01T00:00:00Z"),
	};

	setup();
	clock.status = STR("advancing");
	clock.target_at = unit_instant("2027-04-01T00:00:00Z");
	clock.advance_operation_id = WORLD_OPERATION;
	facts_add(world.facts, TABLE_TEST_CLOCKS, &clock);
	decide(COMMAND_ADVANCE_TEST_CLOCK, &command);
	ck_assert_int_eq(letter.entry.refusal, REFUSAL_TEST_CLOCK_ADVANCING);
	unit_assert_str(last_operation()->status, "failed", "status");
	ck_assert(!world.context.due_soon);
	teardown();
}
END_TEST

UNIT_MAIN("outcome", UNIT(test_an_advance_is_deferred),
    UNIT(test_another_advance_is_refused_until_then), UNIT(test_a_command_that_succeeds),
    UNIT(test_a_command_that_is_refused), UNIT(test_a_command_that_came_before),
    UNIT_ROWS(test_who_asked_is_kept, asked_rows), UNIT(test_precedence_of_who_asked),
    UNIT(test_a_command_that_comes_twice_at_once),
    UNIT(test_an_operation_of_another_organisation_is_no_repeat),
    UNIT(test_a_key_that_is_used_again), UNIT(test_commands_without_a_key_are_apart),
    UNIT(test_an_organisation_that_nobody_knows),
    UNIT(test_a_condemned_command_of_an_unknown_organisation), UNIT(test_a_condemned_command),
    UNIT(test_a_condemned_command_that_had_its_outcome),
    UNIT_ROWS(test_a_message_that_cannot_be_read, unreadable_rows),
    UNIT_ROWS(test_the_reason_is_clean, reason_rows), UNIT(test_what_cannot_be_decided_is_poison),
    UNIT(test_a_batch_whose_memory_is_full_is_poison))
