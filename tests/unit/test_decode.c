#include "worker/decode.h"

#include "common/codec/command_signature.h"
#include "tests/unit/worker_message.h"

/* Where the ids stand in a message: each is a length and 36 characters. */
#define OPERATION_AT (AVRO_FRAME_BYTES + 1)
#define ORGANISATION_AT (OPERATION_AT + UUID_TEXT_SIZE)
#define NIL_TEXT "00000000-0000-0000-0000-000000000000"

static struct world world;
static struct letter letter;

static struct create_customer
a_command(void)
{
	return (struct create_customer){
	    .meta = world_meta(WORLD_OPERATION),
	    .name = STR("Bob"),
	    .external_id = STR("bob-1"),
	    .tax_exempt = STR("none"),
	    .net_terms_days = INT64_MIN,
	};
}

static enum err_class
decode_it(void)
{
	struct err err = {0};
	enum err_class class = decode(&world.context, &letter.entry, &err);

	ck_assert_msg(class == ERR_NONE || err.class == class, "class %d", class);
	return class;
}

/* The entry is a dead letter, whose reason says ${reason}. */
static void
assert_dead(const char *reason, bool meta_kept, const char *what)
{
	ck_assert_msg(letter.entry.dead, "%s: taken", what);
	ck_assert_msg(
	    strstr(letter.entry.reason, reason) != NULL, "%s: %s", what, letter.entry.reason);
	ck_assert_msg((letter.entry.meta != NULL) == meta_kept, "%s: meta %s", what,
	    meta_kept ? "lost" : "kept");
}

START_TEST(test_a_command_of_ours)
{
	struct create_customer command = a_command();
	const struct create_customer *read;

	world_open(&world);
	command.meta.idempotency_key = STR("key-1");
	letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
	ck_assert_int_eq(decode_it(), ERR_NONE);
	ck_assert_msg(!letter.entry.dead, "%s", letter.entry.reason);
	ck_assert_int_eq(letter.entry.type, COMMAND_CREATE_CUSTOMER);
	read = (const void *)letter.entry.meta;
	ck_assert(uuid_equal(read->meta.operation_id, WORLD_OPERATION));
	ck_assert(uuid_equal(read->meta.organisation_id, WORLD_ORGANISATION));
	ck_assert_int_eq(read->meta.accepted_at, WORLD_NOW_MS);
	unit_assert_str(read->meta.idempotency_key, "key-1", "idempotency_key");
	unit_assert_str(read->name, "Bob", "name");
	unit_assert_str(read->email, NULL, "email");
	letter_release(&letter);
	world_close(&world);
}
END_TEST

/* What an earlier attempt left in the entry is gone. */
START_TEST(test_an_entry_is_made_anew)
{
	struct create_customer command = a_command();

	world_open(&world);
	letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
	letter.entry.dead = true;
	letter.entry.repeated = true;
	ck_assert_int_eq(decode_it(), ERR_NONE);
	ck_assert(!letter.entry.dead);
	ck_assert(!letter.entry.repeated);
	letter_release(&letter);
	world_close(&world);
}
END_TEST

/* The least that each kind of command must say, but its meta. */
static const union command leasts[COMMAND_TYPE_MAX] = {
    [COMMAND_CREATE_CUSTOMER].create_customer = {.name = {"n", 1},
	.tax_exempt = {"none", 4},
	.net_terms_days = INT64_MIN},
    [COMMAND_UPDATE_CUSTOMER].update_customer = {.customer_id = {{0xc0, 1}},
	.net_terms_days = INT64_MIN},
    [COMMAND_ARCHIVE_CUSTOMER].archive_customer = {.customer_id = {{0xc0, 1}}},
    [COMMAND_CREATE_PLAN].create_plan = {.code = {"c", 1},
	.name = {"n", 1},
	.currency = {"EUR"},
	.interval = {"month", 5},
	.interval_count = 1},
    [COMMAND_UPDATE_PLAN].update_plan = {.plan_id = {{0x91, 1}},
	.interval_count = INT64_MIN,
	.trial_days = INT64_MIN,
	.amount = AMOUNT_NONE},
    [COMMAND_ARCHIVE_PLAN].archive_plan = {.plan_id = {{0x91, 1}}},
    [COMMAND_CREATE_SUBSCRIPTION].create_subscription = {.customer_id = {{0xc0, 1}},
	.plan_id = {{0x91, 1}},
	.quantity = 1,
	.start_at = {INT64_MIN},
	.end_at = {INT64_MIN},
	.trial_days = INT64_MIN,
	.anchor = {"start", 5}},
    [COMMAND_CANCEL_SUBSCRIPTION].cancel_subscription = {.subscription_id = {{0x5b}},
	.effective = {"now", 3}},
    [COMMAND_CHANGE_SUBSCRIPTION].change_subscription = {.subscription_id = {{0x5b}},
	.quantity = INT64_MIN,
	.effective = {"now", 3},
	.proration = {"prorate", 7}},
    [COMMAND_UNCANCEL_SUBSCRIPTION].move_subscription = {.subscription_id = {{0x5b}}},
    [COMMAND_PAUSE_SUBSCRIPTION].move_subscription = {.subscription_id = {{0x5b}}},
    [COMMAND_RESUME_SUBSCRIPTION].move_subscription = {.subscription_id = {{0x5b}}},
    [COMMAND_REPORT_QUANTITY].report_quantity = {.subscription_id = {{0x5b}},
	.charge_code = {"calls", 5},
	.mode = {"set", 3},
	.period_start = {INT64_MIN}},
    [COMMAND_CREATE_TEST_CLOCK].create_test_clock = {.now = {0}},
    [COMMAND_ADVANCE_TEST_CLOCK].advance_test_clock = {.test_clock_id = {{0xc1}}, .now = {1}},
    [COMMAND_CREATE_COUPON].create_coupon = {.code = {"c", 1},
	.name = {"n", 1},
	.percent_off = {DECIMAL_SCALE},
	.amount_off = INT64_MIN,
	.duration = {"once", 4},
	.duration_periods = INT64_MIN,
	.max_redemptions = INT64_MIN,
	.redeem_by = {INT64_MIN}},
    [COMMAND_ARCHIVE_COUPON].archive_coupon = {.coupon_id = {{0xc7}}},
    [COMMAND_CREATE_TAX_RATE].create_tax_rate = {.code = {"c", 1}, .name = {"n", 1}},
    [COMMAND_ARCHIVE_TAX_RATE].archive_tax_rate = {.tax_rate_id = {{0x7a}}},
    [COMMAND_CREATE_ITEM].create_item = {.customer_id = {{0xc0, 1}},
	.amount = 1,
	.description = {"d", 1}},
    [COMMAND_CANCEL_ITEM].cancel_item = {.item_id = {{0x17}}},
    [COMMAND_GIVE_CREDIT].give_credit = {.customer_id = {{0xc0, 1}},
	.amount = -1,
	.description = {"d", 1}},
    [COMMAND_PAY_INVOICE].pay_invoice = {.invoice_id = {{0x19}},
	.payment_method = {"manual", 6},
	.amount = INT64_MIN},
    [COMMAND_VOID_INVOICE].move_invoice = {.invoice_id = {{0x19}}},
    [COMMAND_MARK_UNCOLLECTIBLE].move_invoice = {.invoice_id = {{0x19}}},
    [COMMAND_CREATE_CREDIT_NOTE].create_credit_note = {.invoice_id = {{0x19}}},
    [COMMAND_RECORD_PAYMENT_OUTCOME].record_payment_outcome = {.customer_id = {{0xc0, 1}},
	.invoice_id = {{0x19}},
	.payment_id = {{0x9b}},
	.outcome = {"unknown", 7}},
    [COMMAND_START_BILLING_RUN].start_billing_run = {.as_of = {INT64_MIN}, .invoices_max = 1},
    [COMMAND_PAUSE_BILLING_RUN].move_billing_run = {.billing_run_id = {{0xb1}}},
    [COMMAND_RESUME_BILLING_RUN].move_billing_run = {.billing_run_id = {{0xb1}}},
    [COMMAND_CANCEL_BILLING_RUN].move_billing_run = {.billing_run_id = {{0xb1}}},
    [COMMAND_SCHEDULE_BILLING_RUN].start_billing_run = {.as_of = {INT64_MIN}, .invoices_max = 1},
    [COMMAND_FINISH_BILLING_RUN].finish_billing_run = {.billing_run_id = {{0xb1}},
	.digest = {"00", 2}},
};

/* Every kind of command decodes as itself. */
START_TEST(test_every_type)
{
	enum command_type type = (enum command_type)_i;
	union command command = leasts[type];

	world_open(&world);
	command.meta = world_meta(WORLD_OPERATION);
	letter_command(&letter, &world, type, &command);
	ck_assert_int_eq(decode_it(), ERR_NONE);
	ck_assert_msg(!letter.entry.dead, "%s", letter.entry.reason);
	ck_assert_int_eq(letter.entry.type, type);
	letter_release(&letter);
	world_close(&world);
}
END_TEST

static const char types[COMMAND_TYPE_MAX];

struct meta_row {
	const char *name;
	bool no_operation, no_organisation; /* the nil id */
	int64_t accepted_at;
	bool taken;
};

static const struct meta_row meta_rows[] = {
    {"as it should be", false, false, WORLD_NOW_MS, true},
    {"no operation", true, false, WORLD_NOW_MS, false},
    {"no organisation", false, true, WORLD_NOW_MS, false},
    {"the epoch", false, false, 0, true},
    {"before the epoch", false, false, -1, false},
    {"the least number", false, false, INT64_MIN, false},
    {"the last second of 2199", false, false, INSTANT_MAX_S * 1000, true},
    {"the year 2200", false, false, (INSTANT_MAX_S + 1) * 1000, false},
    {"the largest number", false, false, INT64_MAX, false},
};

START_TEST(test_meta)
{
	const struct meta_row *row = &meta_rows[_i];
	struct create_customer command = a_command();

	world_open(&world);
	command.meta.accepted_at = row->accepted_at;
	letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
	/* Our own writer refuses nil ids; another's would write them so. */
	if (row->no_operation)
		memcpy(letter.bytes.ptr + OPERATION_AT, NIL_TEXT, UUID_TEXT_SIZE - 1);
	if (row->no_organisation)
		memcpy(letter.bytes.ptr + ORGANISATION_AT, NIL_TEXT, UUID_TEXT_SIZE - 1);
	ck_assert_int_eq(decode_it(), ERR_NONE);
	ck_assert_msg(letter.entry.dead == !row->taken, "%s: %s", row->name, letter.entry.reason);
	if (!row->taken)
		assert_dead("create_customer: meta", false, row->name);
	letter_release(&letter);
	world_close(&world);
}
END_TEST

static char too_long[101 + 1];

/* What an ingress never writes there, whoever asks. */
static const struct text_row {
	const char *name;
	struct str actor, address;
	bool taken;
} text_rows[] = {
    {"an IPv4 address", {"api_key:x", 9}, {"203.0.113.7", 11}, true},
    {"the longest address", {"api_key:x", 9}, {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 45},
	true},
    {"an address that is too long", {"api_key:x", 9},
	{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255x", 46}, false},
    {"an address with a line feed", {"api_key:x", 9}, {"203.0.113.7\n", 12}, false},
    {"an address with a NUL", {"api_key:x", 9}, {"203.0.113.7\0", 12}, false},
    {"an actor of no form that we know", {"somebody", 8}, {NULL, 0}, true},
    {"no actor", {"", 0}, {NULL, 0}, true},
    {"the longest actor", {too_long, 100}, {NULL, 0}, true},
    {"an actor that is too long", {too_long, 101}, {NULL, 0}, false},
    {"an actor with a space", {"api_key: x", 10}, {NULL, 0}, false},
    {"an actor with a NUL", {"api_key\0", 8}, {NULL, 0}, false},
    {"an actor beyond ASCII", {"caf\xc3\xa9", 5}, {NULL, 0}, false},
    {"an actor with DEL", {"api_key\x7f", 8}, {NULL, 0}, false},
};

START_TEST(test_actor_and_address)
{
	const struct text_row *row = &text_rows[_i];
	struct create_customer command = a_command();

	world_open(&world);
	memset(too_long, 'x', sizeof(too_long) - 1);
	command.meta.actor = row->actor;
	command.meta.address = row->address;
	letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
	ck_assert_int_eq(decode_it(), ERR_NONE);
	if (row->taken)
		ck_assert_msg(!letter.entry.dead, "%s: %s", row->name, letter.entry.reason);
	else
		assert_dead("meta", false, row->name);
	letter_release(&letter);
	world_close(&world);
}
END_TEST

/* Where signatures are demanded, what has none is not even read: not by whose name it comes, not
 * when it is condemned. */
START_TEST(test_unsigned)
{
	struct create_customer command = a_command();
	struct signatures *signatures = &world.context.signatures;
	const struct signing_key *key;
	char text[SIGNATURE_TEXT_SIZE];
	struct command_parts parts;

	world_open(&world);
	signatures->demanded = true;
	ck_assert(
	    signing_ring_add(&signatures->ring, &signatures->secret, SIGNING_COMMAND, STR("one")));
	letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
	ck_assert_int_eq(decode_it(), ERR_NONE);
	assert_dead("not signed by an ingress of ours", false, "unsigned");
	snprintf(letter.entry.condemned, sizeof(letter.entry.condemned), "condemned");
	ck_assert_int_eq(decode_it(), ERR_NONE);
	assert_dead("not signed by an ingress of ours", false, "unsigned and condemned");
	letter.entry.condemned[0] = '\0';

	key = signing_ring_newest(&signatures->ring, SIGNING_COMMAND);
	command_parts_init(&parts, STR("k"), buf_str(&letter.bytes), letter.message.partition);
	signature_write(key, parts.parts, COMMAND_PARTS, text);
	letter.entry.signature = str_from(text);
	letter.message.key = (void *)(uintptr_t) "k";
	letter.message.key_len = 1;
	ck_assert_int_eq(decode_it(), ERR_NONE);
	ck_assert_msg(!letter.entry.dead, "%s", letter.entry.reason);
	letter.message.key = (void *)(uintptr_t) "l";
	ck_assert_int_eq(decode_it(), ERR_NONE);
	assert_dead("not signed by an ingress of ours", false, "with another key");
	letter_release(&letter);
	world_close(&world);
}
END_TEST

/* A create_plan as only a stranger would write it. */
struct rule_row {
	const char *name;
	struct str code, timezone; /* a timezone makes it a create_customer */
	int32_t interval_count;
	int64_t amount;
	const char *reason; /* NULL: it keeps all rules */
};

static const struct rule_row rule_rows[] = {
    {"a plan like others", {"pro", 3}, {NULL, 0}, 1, 100, NULL},
    {"a negative amount", {"pro", 3}, {NULL, 0}, 1, -1, "create_plan: amount"},
    {"an amount beyond all bounds", {"pro", 3}, {NULL, 0}, 1, INT64_MAX, "create_plan: amount"},
    {"periods of no length", {"pro", 3}, {NULL, 0}, 0, 100, "create_plan: interval_count"},
    {"periods of negative length", {"pro", 3}, {NULL, 0}, -1, 100, "create_plan: interval_count"},
    {"an empty code", {"", 0}, {NULL, 0}, 1, 100, "create_plan: code"},
    {"a code of many words", {"a b", 3}, {NULL, 0}, 1, 100, "create_plan: code"},
    {"a time zone like others", {NULL, 0}, {"Asia/Tokyo", 10}, 0, 0, NULL},
    {"a time zone that nobody knows", {NULL, 0}, {"Europe/Atlantis", 15}, 0, 0,
	"create_customer: timezone"},
};

START_TEST(test_rules_hold_for_strangers_too)
{
	const struct rule_row *row = &rule_rows[_i];
	struct create_customer customer = a_command();
	struct create_plan plan = {
	    .meta = world_meta(WORLD_OPERATION),
	    .code = row->code,
	    .name = STR("Pro"),
	    .currency = {"EUR"},
	    .interval = STR("month"),
	    .interval_count = row->interval_count,
	    .amount = row->amount,
	};

	world_open(&world);
	customer.timezone = row->timezone;
	if (row->timezone.ptr != NULL)
		letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &customer);
	else
		letter_command(&letter, &world, COMMAND_CREATE_PLAN, &plan);
	ck_assert_int_eq(decode_it(), ERR_NONE);
	/* Its meta was readable, so that the operation fails instead of staying pending. */
	if (row->reason != NULL)
		assert_dead(row->reason, true, row->name);
	else
		ck_assert_msg(!letter.entry.dead, "%s: %s", row->name, letter.entry.reason);
	letter_release(&letter);
	world_close(&world);
}
END_TEST

struct bytes_row {
	const char *name;
	struct str bytes;
	const char *reason;
};

static const struct bytes_row bytes_rows[] = {
    {"a tombstone", {NULL, 0}, "no single-object frame"},
    {"no bytes", {"", 0}, "no single-object frame"},
    {"a text", {"hello world, here I am", 22}, "no single-object frame"},
    {"JSON", {"{\"name\":\"Bob\"}", 14}, "no single-object frame"},
    {"the marker alone", {"\xc3\x01", 2}, "no single-object frame"},
    {"a frame that is a byte short",
	{"\xc3\x01"
	 "1234567",
	    9},
	"no single-object frame"},
    {"another version of the marker",
	{"\xc3\x02"
	 "12345678",
	    10},
	"no single-object frame"},
    {"a fingerprint that nobody has",
	{"\xc3\x01"
	 "12345678",
	    10},
	"no command has a schema with the fingerprint 3837363534333231"},
    {"and a body behind it",
	{"\xc3\x01"
	 "12345678body",
	    14},
	"no command has a schema"},
};

START_TEST(test_bytes_that_are_no_command)
{
	const struct bytes_row *row = &bytes_rows[_i];

	world_open(&world);
	letter_bytes(&letter, &world, 5, row->bytes);
	if (row->bytes.ptr != NULL && letter.message.payload == NULL)
		letter.message.payload = (void *)(uintptr_t)row->bytes.ptr;
	ck_assert_int_eq(decode_it(), ERR_NONE);
	assert_dead(row->reason, false, row->name);
	letter_release(&letter);
	world_close(&world);
}
END_TEST

START_TEST(test_an_event_is_no_command)
{
	struct plan plan = world_plan(WORLD_PLAN);
	const struct schema *schema;
	struct buf bytes;

	world_open(&world);
	buf_init(&bytes, 4096);
	schema = schemas_by_name(world.schemas, STR("billd.event.Plan"));
	avro_encode(schema, row_tables[TABLE_PLANS]->record, &plan, &bytes);
	letter_bytes(&letter, &world, 0, buf_str(&bytes));
	ck_assert_int_eq(decode_it(), ERR_NONE);
	assert_dead("no command has a schema", false, "an event");
	buf_release(&bytes);
	letter_release(&letter);
	world_close(&world);
}
END_TEST

START_TEST(test_each_shortened_message_is_dead)
{
	struct create_customer command = a_command();
	size_t whole;

	world_open(&world);
	letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
	whole = letter.message.len;
	for (size_t len = 0; len < whole; len++) {
		letter.message.len = len;
		ck_assert_int_eq(decode_it(), ERR_NONE);
		assert_dead("", false, "shortened");
	}
	letter_release(&letter);
	world_close(&world);
}
END_TEST

START_TEST(test_a_longer_message_is_dead)
{
	struct create_customer command = a_command();

	world_open(&world);
	letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
	buf_append_char(&letter.bytes, '\0');
	letter.message.payload = letter.bytes.ptr;
	letter.message.len = letter.bytes.len;
	ck_assert_int_eq(decode_it(), ERR_NONE);
	assert_dead("create_customer", false, "a byte behind the end");
	letter_release(&letter);
	world_close(&world);
}
END_TEST

START_TEST(test_a_message_over_a_mebibyte_is_dead)
{
	static char name[AVRO_MESSAGE_MAX];
	struct create_customer command = a_command();

	world_open(&world);
	memset(name, 'n', sizeof(name));
	command.name = (struct str){name, sizeof(name)};
	letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
	ck_assert_int_eq(decode_it(), ERR_NONE);
	assert_dead("over 1048576 bytes", false, "too long");
	letter_release(&letter);
	world_close(&world);
}
END_TEST

START_TEST(test_the_wrong_partition)
{
	struct create_customer command = a_command();

	world_open(&world);
	letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
	for (int32_t id = 0; id < WORLD_PARTITIONS; id++) {
		letter.entry.partition = &world.partitions.items[id];
		ck_assert_int_eq(decode_it(), ERR_NONE);
		if (id == letter.message.partition)
			ck_assert_msg(!letter.entry.dead, "%s", letter.entry.reason);
		else
			assert_dead("create_customer: belongs to another partition", true, "wrong");
	}
	letter_release(&letter);
	world_close(&world);
}
END_TEST

START_TEST(test_the_condemned)
{
	struct create_customer command = a_command();

	world_open(&world);
	letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
	snprintf(
	    letter.entry.condemned, sizeof(letter.entry.condemned), "workers died 100%% of it");
	ck_assert_int_eq(decode_it(), ERR_NONE);
	assert_dead("workers died 100% of it", true, "condemned");
	/* One that cannot be read as well keeps its own reason. */
	letter.message.len = 3;
	ck_assert_int_eq(decode_it(), ERR_NONE);
	assert_dead("no single-object frame", false, "condemned and unreadable");
	/* One that is set aside as bytes has that of its sentence, and nothing else. */
	letter.entry.unread = true;
	ck_assert_int_eq(decode_it(), ERR_NONE);
	assert_dead("workers died 100% of it", false, "unread");
	letter_release(&letter);
	world_close(&world);
}
END_TEST

/* It names nothing, and no row can name it.  We would not write it. */
START_TEST(test_a_command_about_the_nil_uuid)
{
	struct archive_coupon command = {
	    .meta = world_meta(WORLD_OPERATION), .coupon_id = {{0x10}}};
	char *id;

	world_open(&world);
	letter_command(&letter, &world, COMMAND_ARCHIVE_COUPON, &command);
	id = memmem(letter.message.payload, letter.message.len, "10000000-", 9);
	ck_assert_ptr_nonnull(id);
	*id = '0';
	ck_assert_int_eq(decode_it(), ERR_NONE);
	assert_dead("archive_coupon: is about the nil UUID", false, "a coupon");
	letter_release(&letter);
	world_close(&world);
}
END_TEST

START_TEST(test_random_bytes)
{
	uint64_t random = unit_seed("decode");
	struct create_customer command = a_command();

	world_open(&world);
	for (int i = 0; i < 3000; i++) {
		size_t flips;

		letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
		ck_assert(!letter.bytes.overflow);
		letter.message.len = 1 + unit_random(&random, letter.message.len);
		/* Half of them keep their frame, so that the body is walked. */
		for (flips = unit_random(&random, 20) + 1; flips > 0; flips--) {
			size_t from = i % 2 == 0 ? AVRO_FRAME_BYTES : 0;
			size_t at = from + unit_random(&random, letter.bytes.len - from);

			letter.bytes.ptr[at] = (char)unit_random(&random, 256);
		}
		ck_assert_int_eq(decode_it(), ERR_NONE);
		ck_assert(letter.entry.dead || letter.entry.meta != NULL);
		letter_release(&letter);
		world_clear(&world);
	}
	world_close(&world);
}
END_TEST

/* Then the batch is halved, until it fits. */
START_TEST(test_a_full_arena_is_poison)
{
	struct create_customer command = a_command();
	struct err err = {0};

	world_open(&world);
	letter_command(&letter, &world, COMMAND_CREATE_CUSTOMER, &command);
	for (size_t room = 0; room < 300; room += 16) {
		letter.entry.dead = false;
		world_clear(&world);
		world.context.arena.capacity = world.context.arena.used + room;
		if (decode(&world.context, &letter.entry, &err) == ERR_NONE)
			break;
		ck_assert_int_eq(err.class, ERR_POISON);
		ck_assert(!letter.entry.dead);
	}
	ck_assert_str_ne(err.text, "");
	letter_release(&letter);
	world_close(&world);
}
END_TEST

UNIT_MAIN("decode", UNIT(test_a_command_of_ours), UNIT(test_an_entry_is_made_anew),
    UNIT_ROWS(test_every_type, types), UNIT_ROWS(test_meta, meta_rows),
    UNIT_ROWS(test_actor_and_address, text_rows), UNIT(test_unsigned),
    UNIT_ROWS(test_rules_hold_for_strangers_too, rule_rows),
    UNIT_ROWS(test_bytes_that_are_no_command, bytes_rows), UNIT(test_an_event_is_no_command),
    UNIT(test_each_shortened_message_is_dead), UNIT(test_a_longer_message_is_dead),
    UNIT(test_a_message_over_a_mebibyte_is_dead), UNIT(test_the_wrong_partition),
    UNIT(test_the_condemned), UNIT(test_a_command_about_the_nil_uuid), UNIT(test_random_bytes),
    UNIT(test_a_full_arena_is_poison))
