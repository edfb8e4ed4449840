#include "worker/decision.h"

#include "tests/unit/worker_world.h"

#define PAIRS_MAX 50

static struct world world;
static int64_t event_number;
static struct command_meta meta;
static struct decision decision;

static void
setup(void)
{
	world_open(&world);
	world_organisation(&world);
	event_number = 41;
	meta = world_meta(WORLD_OPERATION);
	decision = (struct decision){
	    .decider = &world.context.decider,
	    .meta = &meta,
	    .organisation = facts_organisation(world.facts, WORLD_ORGANISATION),
	    .cause = WORLD_OPERATION,
	    .occurred_ms = WORLD_NOW_MS,
	    .partition = 7,
	    .event_number = &event_number,
	};
}

struct now_row {
	const char *name;
	int64_t accepted_ms;
	const char *latest; /* NULL: none */
	const char *expected;
};

static const struct now_row now_rows[] = {
    {"the command's", WORLD_NOW_MS, NULL, WORLD_NOW},
    {"the customer saw an earlier one", WORLD_NOW_MS, "2027-01-31T09:29:59Z", WORLD_NOW},
    {"the customer saw a later one", WORLD_NOW_MS, "2027-01-31T09:30:01Z", "2027-01-31T09:30:01Z"},
    {"both are the same", WORLD_NOW_MS, WORLD_NOW, WORLD_NOW},
    {"the epoch", 0, NULL, "1970-01-01T00:00:00Z"},
    {"the last millisecond there is", INSTANT_MAX_S * 1000, NULL, "2199-12-31T23:59:59Z"},
};

START_TEST(test_now)
{
	const struct now_row *row = &now_rows[_i];

	setup();
	meta.accepted_at = row->accepted_ms;
	unit_assert_instant(
	    decision_now(&decision, row->latest == NULL ? INSTANT_NONE : unit_instant(row->latest)),
	    row->expected, row->name);
	world_close(&world);
}
END_TEST

struct customer_now_row {
	const char *name;
	const char *clock_now;    /* NULL: no clock */
	const char *clock_target; /* NULL: it stands */
	const char *latest;
	enum refusal refusal;
	const char *expected;
};

static const struct customer_now_row customer_now_rows[] = {
    {"real time", NULL, NULL, "2026-12-01T00:00:00Z", REFUSAL_NONE, WORLD_NOW},
    {"real time, and another ingress was ahead", NULL, NULL, "2027-01-31T09:30:07Z", REFUSAL_NONE,
	"2027-01-31T09:30:07Z"},
    {"a clock in the past", "2025-03-01T00:00:00Z", NULL, "2025-02-01T00:00:00Z", REFUSAL_NONE,
	"2025-03-01T00:00:00Z"},
    {"a clock in the future", "2029-03-01T00:00:00Z", NULL, "2025-02-01T00:00:00Z", REFUSAL_NONE,
	"2029-03-01T00:00:00Z"},
    {"a clock that is advancing", "2025-03-01T00:00:00Z", "2025-04-01T00:00:00Z",
	"2025-02-01T00:00:00Z", REFUSAL_TEST_CLOCK_ADVANCING, NULL},
};

START_TEST(test_a_customers_now)
{
	const struct customer_now_row *row = &customer_now_rows[_i];
	struct customer customer = world_customer(WORLD_CUSTOMER);
	struct test_clock clock = world_clock((struct uuid){{0xc1}});
	struct instant now = {77};

	setup();
	customer.latest_at = unit_instant(row->latest);
	if (row->clock_now != NULL) {
		customer.test_clock_id = clock.id;
		clock.now = unit_instant(row->clock_now);
		if (row->clock_target != NULL)
			clock.target_at = unit_instant(row->clock_target);
		facts_add(world.facts, TABLE_TEST_CLOCKS, &clock);
	}
	ck_assert_msg(
	    decision_customer_now(&decision, &customer, &now) == row->refusal, "%s", row->name);
	if (row->expected == NULL)
		ck_assert_int_eq(now.s, 77);
	else
		unit_assert_instant(now, row->expected, row->name);
	world_close(&world);
}
END_TEST

/* Metadata as "key=value,key=value". */
struct metadata_row {
	const char *name;
	const char *old, *changes, *merged;
};

static const struct metadata_row metadata_rows[] = {
    {"nothing and nothing", "", "", ""},
    {"nothing changes", "a=1,b=2", "", "a=1,b=2"},
    {"a new pair comes last", "b=2", "a=1", "b=2,a=1"},
    {"the first pairs", "", "b=2,a=1", "b=2,a=1"},
    {"a pair is changed in its place", "a=1,b=2,c=3", "b=5", "a=1,b=5,c=3"},
    {"an empty value takes a pair away", "a=1,b=2", "a=", "b=2"},
    {"the last pair goes", "a=1", "a=", ""},
    {"an empty value of an unknown key is nothing", "a=1", "z=", "a=1"},
    {"all at once", "a=1,b=2,c=3", "d=4,b=,a=9,z=,e=5", "a=9,c=3,d=4,e=5"},
    {"a key is not its beginning", "ab=1", "a=2", "ab=1,a=2"},
    {"case matters", "a=1", "A=2", "a=1,A=2"},
};

static struct str_map
map_of(const char *text, struct str_pair *pairs)
{
	struct str_map map = {pairs, 0};

	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		size_t key_len = strcspn(text, "=");

		pairs[map.len++] =
		    (struct str_pair){{text, key_len}, {text + key_len + 1, len - key_len - 1}};
		text += len + (text[len] == ',' ? 1 : 0);
	}
	return map;
}

START_TEST(test_metadata)
{
	const struct metadata_row *row = &metadata_rows[_i];
	struct str_pair old[8], changes[8], expected[8];
	struct str_map wanted = map_of(row->merged, expected);
	struct str_map merged = {NULL, 99};

	setup();
	ck_assert_msg(decision_metadata(&decision, map_of(row->old, old),
			  map_of(row->changes, changes), &merged) == REFUSAL_NONE,
	    "%s: refused", row->name);
	ck_assert_msg(merged.len == wanted.len, "%s: %zu pairs", row->name, merged.len);
	for (size_t i = 0; i < merged.len; i++)
		ck_assert_msg(str_equal(merged.pairs[i].key, wanted.pairs[i].key) &&
				  str_equal(merged.pairs[i].value, wanted.pairs[i].value),
		    "%s: pair %zu", row->name, i);
	world_close(&world);
}
END_TEST

struct size_row {
	const char *name;
	size_t old, added, removed; /* pairs; removed ones are of the old */
	bool refused;
};

static const struct size_row size_rows[] = {
    {"as many as there may be", PAIRS_MAX, 0, 0, false},
    {"one comes", PAIRS_MAX - 1, 1, 0, false},
    {"one too many", PAIRS_MAX, 1, 0, true},
    {"one comes, one goes", PAIRS_MAX, 1, 1, false},
    {"all are exchanged", PAIRS_MAX, PAIRS_MAX, PAIRS_MAX, false},
    {"all but one", PAIRS_MAX, PAIRS_MAX, PAIRS_MAX - 1, true},
    {"too many at once", 0, PAIRS_MAX + 1, 0, true},
    {"too many that all go", PAIRS_MAX + 10, 0, 10, false},
};

START_TEST(test_how_many_pairs)
{
	const struct size_row *row = &size_rows[_i];
	static char keys[4 * PAIRS_MAX][16];
	struct str_pair old[2 * PAIRS_MAX], changes[2 * PAIRS_MAX];
	struct str_map merged = {NULL, 99};
	size_t len = 0;
	bool refused;

	setup();
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		snprintf(keys[i], sizeof(keys[i]), "%u", (unsigned)(i % 1000));
	for (size_t i = 0; i < row->old; i++)
		old[i] = (struct str_pair){str_from(keys[i]), STR("old")};
	for (size_t i = 0; i < row->removed; i++)
		changes[len++] = (struct str_pair){str_from(keys[i]), STR("")};
	for (size_t i = 0; i < row->added; i++)
		changes[len++] = (struct str_pair){str_from(keys[2 * PAIRS_MAX + i]), STR("new")};
	refused = decision_metadata(&decision, (struct str_map){old, row->old},
		      (struct str_map){changes, len}, &merged) == REFUSAL_METADATA_TOO_LARGE;
	ck_assert_msg(refused == row->refused, "%s", row->name);
	ck_assert_msg(merged.len == (refused ? 99 : row->old + row->added - row->removed),
	    "%s: %zu pairs", row->name, merged.len);
	world_close(&world);
}
END_TEST

START_TEST(test_refuse)
{
	char long_text[3 * sizeof(decision.detail)];

	setup();
	ck_assert_int_eq(decision_refuse(&decision, REFUSAL_PLAN_CODE_TAKEN, "code \"%s\"", "x"),
	    REFUSAL_PLAN_CODE_TAKEN);
	ck_assert_str_eq(decision.detail, "code \"x\"");
	memset(long_text, 'a', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	ck_assert_int_eq(decision_refuse(&decision, REFUSAL_PLAN_NOT_FOUND, "%s", long_text),
	    REFUSAL_PLAN_NOT_FOUND);
	ck_assert_uint_eq(strlen(decision.detail), sizeof(decision.detail) - 1);
	world_close(&world);
}
END_TEST

static const struct event *
event_at(size_t index)
{
	return world_row(&world, TABLE_OUTBOX, index);
}

START_TEST(test_emit)
{
	struct customer customer = world_customer(WORLD_CUSTOMER);
	struct plan plan = world_plan(WORLD_PLAN);
	struct str body;
	uint64_t fingerprint;

	setup();
	decision_emit(&decision, EVENT_CUSTOMER_CREATED, WORLD_CUSTOMER, WORLD_CUSTOMER, &customer);
	decision_emit(&decision, EVENT_PLAN_UPDATED, WORLD_PLAN, WORLD_ORGANISATION, &plan);
	ck_assert_uint_eq(world.facts->lists[TABLE_OUTBOX].len, 2);
	ck_assert_int_eq(event_number, 43);
	ck_assert_uint_eq(decision.events, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct event *event = event_at(i);
		struct uuid key = i == 0 ? WORLD_CUSTOMER : WORLD_ORGANISATION;

		ck_assert_int_eq(event->number, 42 + (int64_t)i);
		ck_assert_int_eq(event->partition, 7);
		ck_assert_int_eq(event->occurred_at, WORLD_NOW_MS);
		ck_assert(uuid_equal(event->organisation_id, WORLD_ORGANISATION));
		ck_assert(uuid_equal(event->operation_id, WORLD_OPERATION));
		ck_assert(uuid_equal(event->key, key));
		ck_assert(uuid_equal(event->id,
		    id_derive(WORLD_OPERATION, ID_EVENT, (uint32_t)i, id_shard_of_key(key))));
		ck_assert(avro_frame_read(event->value, &fingerprint, &body));
	}
	unit_assert_str(event_at(0)->type, "billd.customer.created.v1", "type");
	unit_assert_str(event_at(1)->type, "billd.plan.updated.v1", "type");
	ck_assert(uuid_equal(event_at(1)->subject, WORLD_PLAN));
	ck_assert(!uuid_equal(event_at(0)->id, event_at(1)->id));
	world_close(&world);
}
END_TEST

/* What fell due before a command has a cause of its own, and the command goes on where it was. */
START_TEST(test_another_cause_between)
{
	struct customer customer = world_customer(WORLD_CUSTOMER);
	struct uuid cause = {{0xdd, 1}};
	struct decision before;

	setup();
	decision_emit(&decision, EVENT_CUSTOMER_CREATED, WORLD_CUSTOMER, WORLD_CUSTOMER, &customer);
	decision_because(&decision, cause, 1000, &before);
	decision_emit(&decision, EVENT_CUSTOMER_UPDATED, WORLD_CUSTOMER, WORLD_CUSTOMER, &customer);
	decision_emit(&decision, EVENT_CUSTOMER_UPDATED, WORLD_CUSTOMER, WORLD_CUSTOMER, &customer);
	decision_resume(&decision, &before);
	decision_emit(&decision, EVENT_CUSTOMER_UPDATED, WORLD_CUSTOMER, WORLD_CUSTOMER, &customer);
	ck_assert_int_eq(event_number, 45);
	for (size_t i = 0; i < 4; i++) {
		bool between = i == 1 || i == 2;
		struct uuid expected = between ? cause : WORLD_OPERATION;
		const struct event *event = event_at(i);

		ck_assert_int_eq(event->number, 42 + (int64_t)i);
		ck_assert(uuid_equal(event->operation_id, expected));
		ck_assert_int_eq(event->occurred_at, between ? 1000 : WORLD_NOW_MS);
		ck_assert(
		    uuid_equal(event->id, id_derive(expected, ID_EVENT, i == 0 || i == 1 ? 0 : 1,
					      id_shard_of_key(WORLD_CUSTOMER))));
	}
	world_close(&world);
}
END_TEST

/* The value is the row as it was then, in the schema's current version. */
START_TEST(test_the_value_of_an_event)
{
	const struct schema *schema;
	struct plan plan = world_plan(WORLD_PLAN);
	struct err err = {0};
	uint64_t fingerprint;
	struct str body;
	struct buf json;

	setup();
	buf_init(&json, 4096);
	schema = schemas_by_name(world.schemas, STR("billd.event.Plan"));
	decision_emit(&decision, EVENT_PLAN_CREATED, WORLD_PLAN, WORLD_ORGANISATION, &plan);
	plan.amount = 1;
	ck_assert(avro_frame_read(event_at(0)->value, &fingerprint, &body));
	ck_assert_uint_eq(fingerprint, schema->fingerprint);
	ck_assert_msg(avro_to_json(schema, body, &json, &err) == ERR_NONE, "%s", err.text);
	buf_append_char(&json, '\0');
	ck_assert(!json.overflow);
	ck_assert_msg(strstr(json.ptr, "\"amount\":2900") != NULL, "%s", json.ptr);
	ck_assert_msg(strstr(json.ptr, "\"code\":\"basic\"") != NULL, "%s", json.ptr);
	ck_assert_msg(strstr(json.ptr, "\"archived_at\":null") != NULL, "%s", json.ptr);
	buf_release(&json);
	world_close(&world);
}
END_TEST

START_TEST(test_every_type_of_event_has_a_schema)
{
	setup();
	for (size_t i = 0; i < EVENT_TYPE_MAX; i++)
		ck_assert_msg(
		    world.context.decider.event_schemas[i] != NULL, "event %zu has none", i);
	world_close(&world);
}
END_TEST

START_TEST(test_a_missing_schema_is_fatal)
{
	struct decider decider = {0};
	struct schemas *none;
	struct err err = {0};

	ck_assert_int_eq(schemas_open_files(NULL, 0, &none, &err), ERR_NONE);
	ck_assert_int_eq(decider_init(&decider, none, &err), ERR_FATAL);
	ck_assert_msg(strstr(err.text, "billd.event.Customer") != NULL, "%s", err.text);
	schemas_free(none);
}
END_TEST

UNIT_MAIN("decision", UNIT_ROWS(test_now, now_rows),
    UNIT_ROWS(test_a_customers_now, customer_now_rows), UNIT(test_another_cause_between),
    UNIT_ROWS(test_metadata, metadata_rows), UNIT_ROWS(test_how_many_pairs, size_rows),
    UNIT(test_refuse), UNIT(test_emit), UNIT(test_the_value_of_an_event),
    UNIT(test_every_type_of_event_has_a_schema), UNIT(test_a_missing_schema_is_fatal))
