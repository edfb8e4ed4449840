#include "common/codec/avro.h"

#include "common/codec/avro_bytes.h"
#include "common/codec/command.h"
#include "common/rows/rows.h"
#include "tests/unit/codec.h"

#define ARENA_BYTES (8 * 1024 * 1024)

/* The golden bytes, which fastavro wrote, and what reads them. */
struct golden {
	const struct schemas *schemas;
	struct avro_decoder *reader;
	struct arena arena;
	struct buf message;
	const struct schema *writer;
	const struct schema *current;
	struct str body;
	const struct command_info *command; /* NULL: an event */
};

static void
golden_init(struct golden *golden)
{
	struct err err = {0};

	*golden = (struct golden){.schemas = codec_schemas()};
	ck_assert_msg(
	    avro_decoder_init(golden->schemas, &golden->reader, &err) == ERR_NONE, "%s", err.text);
	arena_init(&golden->arena, ARENA_BYTES);
	buf_init(&golden->message, AVRO_MESSAGE_MAX);
}

static void
golden_release(struct golden *golden)
{
	avro_decoder_free(golden->reader);
	arena_release(&golden->arena);
	buf_release(&golden->message);
}

static void
golden_load(struct golden *golden, const char *path)
{
	uint64_t fingerprint = 0;

	codec_file(path, &golden->message);
	ck_assert(avro_frame_read(buf_str(&golden->message), &fingerprint, &golden->body));
	golden->writer = schemas_by_fingerprint(golden->schemas, fingerprint);
	ck_assert_msg(golden->writer != NULL, "%s", path);
	golden->current = schemas_by_name(golden->schemas, golden->writer->name);
	ck_assert_msg(golden->current != NULL, "%s", path);
	golden->command = NULL;
	for (size_t i = 0; i < COMMAND_TYPE_MAX; i++)
		if (str_equal(str_from(command_table[i].schema_name), golden->writer->name))
			golden->command = &command_table[i];
}

/* Room for any command; the largest has well under 1 KiB. */
union any_command {
	char bytes[2048];
	max_align_t aligned;
};

static enum err_class
golden_read(struct golden *golden, struct str body, union any_command *ret_command, struct err *err)
{
	ck_assert_uint_le(golden->command->record->size, sizeof(*ret_command));
	arena_reset(&golden->arena);
	return avro_decode(golden->reader, golden->writer, body, golden->current,
	    golden->command->record, &golden->arena, ret_command, err);
}

/* Run ${check} on each golden message. */
static size_t
golden_each(const char *pattern, void (*check)(struct golden *golden, const char *path))
{
	struct golden golden;
	size_t count;
	glob_t files;

	golden_init(&golden);
	ck_assert_int_eq(glob(pattern, 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		golden_load(&golden, files.gl_pathv[i]);
		check(&golden, files.gl_pathv[i]);
	}
	count = files.gl_pathc;
	globfree(&files);
	golden_release(&golden);
	return count;
}

static void
golden_is_its_json(struct golden *golden, const char *path)
{
	json_t *expected, *actual;
	struct err err = {0};
	json_error_t error;
	struct buf text;
	char name[256];

	snprintf(name, sizeof(name), "%.*s.json", (int)(strlen(path) - strlen(".bin")), path);
	buf_init(&text, AVRO_MESSAGE_MAX);
	codec_file(name, &text);
	expected = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
	ck_assert_msg(expected != NULL, "%s: %s", name, error.text);

	buf_clear(&text);
	ck_assert_msg(avro_to_json(golden->writer, golden->body, &text, &err) == ERR_NONE, "%s: %s",
	    path, err.text);
	actual = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
	ck_assert_msg(actual != NULL, "%s: %s", path, error.text);
	ck_assert_msg(json_equal(actual, expected), "%s: %.*s", path, STR_ARG(buf_str(&text)));
	json_decref(actual);
	json_decref(expected);
	buf_release(&text);
}

START_TEST(test_golden_bytes_are_their_json)
{
	ck_assert_uint_ge(golden_each("schemas/golden/v*/*.bin", golden_is_its_json), 115);
}
END_TEST

static void
golden_command_round_trip(struct golden *golden, const char *path)
{
	union any_command command;
	struct err err = {0};
	struct buf buf;

	if (golden->command == NULL)
		return;
	ck_assert_msg(golden_read(golden, golden->body, &command, &err) == ERR_NONE, "%s: %s", path,
	    err.text);
	buf_init(&buf, AVRO_MESSAGE_MAX);
	avro_encode(golden->writer, golden->command->record, &command, &buf);
	ck_assert_msg(str_equal(buf_str(&buf), buf_str(&golden->message)), "%s", path);
	buf_release(&buf);
}

START_TEST(test_golden_commands_are_read_and_written_again)
{
	golden_each("schemas/golden/v*/*.bin", golden_command_round_trip);
}
END_TEST

/* What was written before a field was added says that it is not known, or what was meant then. */
START_TEST(test_the_first_release_is_read)
{
	union any_command command;
	const struct command_meta *meta = (const void *)&command;
	const struct create_plan *plan = (const void *)&command;
	struct golden golden;
	struct err err = {0};

	golden_init(&golden);
	golden_load(&golden, "schemas/golden/v1/create_plan.bin");
	ck_assert(golden.writer != golden.current);
	ck_assert_int_eq(golden_read(&golden, golden.body, &command, &err), ERR_NONE);
	unit_assert_str(meta->actor, "api_key:2b1f9a34-55aa-4d0e-8f3c-0a1b2c3d4e5f", "actor");
	ck_assert_ptr_null(meta->address.ptr);
	golden_load(&golden, "schemas/golden/v2/create_plan.bin");
	ck_assert(golden.writer != golden.current);
	ck_assert_int_eq(golden_read(&golden, golden.body, &command, &err), ERR_NONE);
	ck_assert_ptr_nonnull(meta->address.ptr);
	ck_assert_int_eq(plan->amount, 2900);
	ck_assert(plan->trial_days == 0 && plan->charges_len == 0);
	golden_load(&golden, "schemas/golden/v3/create_plan.bin");
	ck_assert(golden.writer != golden.current);
	ck_assert_int_eq(golden_read(&golden, golden.body, &command, &err), ERR_NONE);
	ck_assert_int_eq(plan->trial_days, 14);
	golden_load(&golden, "schemas/golden/v4/create_plan.bin");
	ck_assert(golden.writer == golden.current);
	golden_release(&golden);
}
END_TEST

/* A subscription from before there were quantities, trials and anchors is what it was. */
START_TEST(test_what_was_not_said_is_the_default)
{
	struct create_subscription command;
	struct cancel_subscription cancel;
	struct golden golden;
	struct err err = {0};

	golden_init(&golden);
	golden_load(&golden, "schemas/golden/v2/create_subscription.bin");
	ck_assert_int_eq(avro_decode(golden.reader, golden.writer, golden.body, golden.current,
			     golden.command->record, &golden.arena, &command, &err),
	    ERR_NONE);
	ck_assert_int_eq(command.quantity, 1);
	ck_assert_int_eq(command.trial_days, INT64_MIN);
	unit_assert_instant(command.start_at, NULL, "the start");
	unit_assert_instant(command.end_at, NULL, "the end");
	unit_assert_str(command.anchor, "start", "the anchor");
	golden_load(&golden, "schemas/golden/v2/cancel_subscription.bin");
	ck_assert_int_eq(avro_decode(golden.reader, golden.writer, golden.body, golden.current,
			     golden.command->record, &golden.arena, &cancel, &err),
	    ERR_NONE);
	ck_assert(!cancel.credit_unused);
	golden_release(&golden);
}
END_TEST

/* Nor were there coupons and taxes: a list that was not told of is empty, or none where that is
 * another. */
START_TEST(test_lists_that_were_not_said)
{
	struct create_subscription subscription;
	struct update_customer update;
	struct create_customer customer;
	struct golden golden;
	struct err err = {0};

	golden_init(&golden);
	golden_load(&golden, "schemas/golden/v3/create_subscription.bin");
	ck_assert_int_eq(avro_decode(golden.reader, golden.writer, golden.body, golden.current,
			     golden.command->record, &golden.arena, &subscription, &err),
	    ERR_NONE);
	ck_assert(subscription.coupon_codes.len == 0 && subscription.tax_rate_ids.len == 0);
	golden_load(&golden, "schemas/golden/v3/create_customer.bin");
	ck_assert_int_eq(avro_decode(golden.reader, golden.writer, golden.body, golden.current,
			     golden.command->record, &golden.arena, &customer, &err),
	    ERR_NONE);
	unit_assert_str(customer.tax_exempt, "none", "whether it is exempt");
	ck_assert_int_eq(customer.net_terms_days, INT64_MIN);
	golden_load(&golden, "schemas/golden/v2/update_customer.bin");
	ck_assert_int_eq(avro_decode(golden.reader, golden.writer, golden.body, golden.current,
			     golden.command->record, &golden.arena, &update, &err),
	    ERR_NONE);
	ck_assert_ptr_null(update.tax_rate_ids.items);
	ck_assert_ptr_null(update.tax_exempt.ptr);
	golden_load(&golden, "schemas/golden/v4/update_customer.bin");
	ck_assert_int_eq(avro_decode(golden.reader, golden.writer, golden.body, golden.current,
			     golden.command->record, &golden.arena, &update, &err),
	    ERR_NONE);
	ck_assert(update.tax_rate_ids.items != NULL && update.tax_rate_ids.len == 0);
	ck_assert_int_eq(update.net_terms_days, -1);
	golden_load(&golden, "schemas/golden/v4/create_subscription.bin");
	ck_assert_int_eq(avro_decode(golden.reader, golden.writer, golden.body, golden.current,
			     golden.command->record, &golden.arena, &subscription, &err),
	    ERR_NONE);
	ck_assert_uint_eq(subscription.coupon_codes.len, 2);
	unit_assert_str(subscription.coupon_codes.items[1], "a.b_c-1", "the second code");
	ck_assert_uint_eq(subscription.tax_rate_ids.len, 1);
	golden_release(&golden);
}
END_TEST

/* Numbers, decimals and lists in lists, each given and not given. */
START_TEST(test_charges_are_read)
{
	struct create_plan plan;
	const struct charge *charge;
	struct golden golden;
	struct err err = {0};

	golden_init(&golden);
	golden_load(&golden, "schemas/golden/v3/create_plan.sparse.bin");
	ck_assert_int_eq(avro_decode(golden.reader, golden.writer, golden.body, golden.current,
			     golden.command->record, &golden.arena, &plan, &err),
	    ERR_NONE);
	ck_assert_int_eq(plan.amount, AMOUNT_NONE);
	ck_assert_uint_eq(plan.charges_len, 7);
	charge = &plan.charges[0];
	ck_assert_int_eq(charge->amount, 2900);
	ck_assert(decimal_is_none(charge->unit_amount) && charge->package_size == AMOUNT_NONE);
	ck_assert(charge->tiers_len == 0);
	charge = &plan.charges[1];
	ck_assert_int_eq(charge->amount, AMOUNT_NONE);
	unit_assert_str(charge->model, "graduated", "the model");
	ck_assert(charge->free_units.units == DECIMAL_SCALE / 2);
	ck_assert_uint_eq(charge->tiers_len, 3);
	ck_assert_int_eq(charge->tiers[1].flat_amount, 100);
	ck_assert_int_eq(charge->tiers[2].up_to, AMOUNT_NONE);
	ck_assert(charge->tiers[2].unit_amount.units == 1);
	ck_assert(decimal_is_none(charge->tiers[2].rate));
	ck_assert(plan.charges[6].tiers[0].rate.units == 3 * (int128)DECIMAL_SCALE + 100);
	golden_release(&golden);
}
END_TEST

static void
golden_cut(struct golden *golden, const char *path)
{
	struct buf json;

	buf_init(&json, AVRO_MESSAGE_MAX);
	for (size_t len = 0; len < golden->body.len; len++) {
		/* In memory of its own size, so that a sanitizer sees a byte too far. */
		char *cut = malloc(len + (len == 0));
		struct str body = {cut, len};
		union any_command command;
		struct err err = {0};

		memcpy(cut, golden->body.ptr, len);
		ck_assert_msg(
		    avro_check(golden->writer, body, &err) == ERR_POISON, "%s at %zu", path, len);
		ck_assert_int_eq(avro_to_json(golden->writer, body, &json, &err), ERR_POISON);
		if (golden->command != NULL)
			ck_assert_int_eq(golden_read(golden, body, &command, &err), ERR_POISON);
		free(cut);
	}
	ck_assert_uint_eq(json.len, 0);
	buf_release(&json);
}

START_TEST(test_golden_bytes_cut_off_are_poison)
{
	golden_each("schemas/golden/v*/*.bin", golden_cut);
}
END_TEST

static void
golden_corrupt(struct golden *golden, const char *path)
{
	static const unsigned char flips[] = {0x01, 0x02, 0x10, 0x40, 0x7f, 0x80, 0xff};
	char *copy = malloc(golden->body.len);
	struct str body = {copy, golden->body.len};
	struct buf json;

	buf_init(&json, AVRO_MESSAGE_MAX);
	memcpy(copy, golden->body.ptr, golden->body.len);
	for (size_t i = 0; i < body.len * ARRAY_LEN(flips); i++) {
		char *at = &copy[i / ARRAY_LEN(flips)];
		unsigned char flip = flips[i % ARRAY_LEN(flips)];
		union any_command command;
		struct err err = {0};
		enum err_class class;

		*at = (char)((unsigned char)*at ^ flip);
		buf_clear(&json);
		class = avro_to_json(golden->writer, body, &json, &err);
		ck_assert_msg(class == ERR_NONE || class == ERR_POISON, "%s", path);
		if (golden->command != NULL) {
			class = golden_read(golden, body, &command, &err);
			ck_assert_msg(class == ERR_NONE || class == ERR_POISON, "%s", path);
		}
		*at = (char)((unsigned char)*at ^ flip);
	}
	buf_release(&json);
	free(copy);
}

START_TEST(test_golden_bytes_changed_never_crash)
{
	golden_each("schemas/golden/v*/*.bin", golden_corrupt);
}
END_TEST

/* Events are written by the tables that rows are stored by, and read back by them. */
static const struct {
	const char *schema;
	const struct row_table *table;
} event_tables[] = {
    {"billd.event.BillingRun", &rows_billing_runs},
    {"billd.event.Coupon", &rows_coupons},
    {"billd.event.CreditEntry", &rows_credit_entries},
    {"billd.event.CreditNote", &rows_credit_notes},
    {"billd.event.Customer", &rows_customers},
    {"billd.event.Invoice", &rows_invoices},
    {"billd.event.Item", &rows_items},
    {"billd.event.Payment", &rows_payments},
    {"billd.event.Plan", &rows_plans},
    {"billd.event.Quantity", &rows_quantities},
    {"billd.event.Subscription", &rows_subscriptions},
    {"billd.event.TaxRate", &rows_tax_rates},
    {"billd.event.TestClock", &rows_test_clocks},
};

/* Of ${record} only what ${schema} has: a row's other columns are in no event. */
static struct record
record_of_event(const struct schema *schema, const struct record *record, struct arena *arena)
{
	struct field *fields = arena_array(arena, schema->fields_len, sizeof(*fields));

	ck_assert_ptr_nonnull(fields);
	for (size_t i = 0; i < schema->fields_len; i++) {
		struct str name = schema->fields[i].name;
		const struct schema *type = schema->fields[i].type;
		const struct field *field;
		struct record *nested;
		size_t at = 0;

		field = avro_field_of(record, name, &at);
		ck_assert_msg(field != NULL, "%s has no %.*s", record->name, STR_ARG(name));
		fields[i] = *field;
		if (field->kind != FIELD_RECORDS)
			continue;
		nested = arena_alloc(arena, sizeof(*nested));
		ck_assert_ptr_nonnull(nested);
		*nested = record_of_event(type->items, field->nested, arena);
		fields[i].nested = nested;
	}
	return (struct record){record->name, record->size, schema->fields_len, fields};
}

static void
golden_event_round_trip(struct golden *golden, const char *path)
{
	struct record record = {.name = NULL};
	struct err err = {0};
	struct buf buf;
	void *value;

	if (golden->command != NULL || golden->writer != golden->current)
		return;
	arena_reset(&golden->arena);
	for (size_t i = 0; i < ARRAY_LEN(event_tables); i++)
		if (str_equal(str_from(event_tables[i].schema), golden->writer->name))
			record = record_of_event(
			    golden->writer, event_tables[i].table->record, &golden->arena);
	ck_assert_msg(record.name != NULL, "%s: no table", path);
	value = arena_alloc(&golden->arena, record.size);
	ck_assert_ptr_nonnull(value);
	ck_assert_msg(avro_decode(golden->reader, golden->writer, golden->body, golden->current,
			  &record, &golden->arena, value, &err) == ERR_NONE,
	    "%s: %s", path, err.text);
	buf_init(&buf, AVRO_MESSAGE_MAX);
	avro_encode(golden->writer, &record, value, &buf);
	ck_assert_msg(str_equal(buf_str(&buf), buf_str(&golden->message)), "%s", path);
	buf_release(&buf);
}

START_TEST(test_golden_events_are_read_and_written_again)
{
	golden_each("schemas/golden/v*/*.bin", golden_event_round_trip);
}
END_TEST

START_TEST(test_an_invoice_is_read)
{
	struct invoice invoice;
	struct record record;
	struct golden golden;
	struct err err = {0};

	golden_init(&golden);
	golden_load(&golden, "schemas/golden/v4/invoice.bin");
	record = record_of_event(golden.current, rows_invoices.record, &golden.arena);
	ck_assert_msg(avro_decode(golden.reader, golden.writer, golden.body, golden.current,
			  &record, &golden.arena, &invoice, &err) == ERR_NONE,
	    "%s", err.text);

	ck_assert_uint_eq(invoice.lines_len, 2);
	unit_assert_str(invoice.lines[1].description, "Credit for unused time", "a line's text");
	ck_assert_int_eq(invoice.lines[1].amount, -400);
	ck_assert_str_eq(invoice.currency.code, "USD");
	unit_assert_instant(invoice.period_end, "2026-03-02T09:30:15Z", "the period's end");
	unit_assert_instant(invoice.paid_at, NULL, "null");
	ck_assert(invoice.lines[0].quantity_decimal.units == DECIMAL_SCALE * 25 / 2);
	ck_assert(decimal_is_none(invoice.lines[0].unit_amount_decimal));
	ck_assert_ptr_nonnull(strstr(invoice.lines[0].explanation.ptr, "\"exact\":\"7950\""));
	ck_assert_ptr_null(invoice.lines[1].explanation.ptr);
	ck_assert_uint_eq(invoice.taxes_len, 2);
	ck_assert(invoice.taxes[0].percentage.units == (int128)DECIMAL_SCALE * 196 / 10);
	ck_assert(invoice.taxes[0].inclusive && !invoice.taxes[1].inclusive);
	ck_assert_uint_eq(invoice.lines[0].credited_taxes_len, 2);
	ck_assert_int_eq(invoice.lines[0].credited_taxes[1].amount, 4);
	ck_assert_uint_eq(invoice.lines[1].credited_taxes_len, 0);
	ck_assert_int_eq(invoice.lines[1].discounts[0].amount, -50);
	golden_release(&golden);
}
END_TEST

START_TEST(test_a_full_arena_asks_for_a_smaller_batch)
{
	struct create_customer command;
	struct golden golden;
	struct err err = {0};
	size_t needed;

	golden_init(&golden);
	golden_load(&golden, "schemas/golden/v1/create_customer.bin");
	for (needed = 0; needed < ARENA_BYTES; needed += 16) {
		enum err_class class;

		arena_release(&golden.arena);
		arena_init(&golden.arena, needed);
		class = avro_decode(golden.reader, golden.writer, golden.body, golden.current,
		    golden.command->record, &golden.arena, &command, &err);
		if (class == ERR_NONE)
			break;
		ck_assert_int_eq(class, ERR_RETRY);
	}
	ck_assert_uint_gt(needed, 0);
	golden_release(&golden);
}
END_TEST

START_TEST(test_reading_again_leaves_what_was_read)
{
	struct create_customer first, second;
	struct golden golden;
	struct err err = {0};

	golden_init(&golden);
	golden_load(&golden, "schemas/golden/v1/create_customer.bin");
	ck_assert_int_eq(avro_decode(golden.reader, golden.writer, golden.body, golden.current,
			     golden.command->record, &golden.arena, &first, &err),
	    ERR_NONE);
	golden_load(&golden, "schemas/golden/v1/create_customer.sparse.bin");
	ck_assert_int_eq(avro_decode(golden.reader, golden.writer, golden.body, golden.current,
			     golden.command->record, &golden.arena, &second, &err),
	    ERR_NONE);
	unit_assert_str(first.name, "Ada Lovelace", "the first one's name");
	ck_assert_uint_eq(first.metadata.len, 2);
	ck_assert_uint_eq(second.metadata.len, 0);
	ck_assert_ptr_null(second.email.ptr);
	golden_release(&golden);
}
END_TEST

START_TEST(test_a_full_buffer_remembers_it)
{
	struct cancel_subscription command = {0};
	struct golden golden;
	struct err err = {0};
	struct buf buf;

	golden_init(&golden);
	golden_load(&golden, "schemas/golden/v1/cancel_subscription.bin");
	ck_assert_int_eq(avro_decode(golden.reader, golden.writer, golden.body, golden.current,
			     golden.command->record, &golden.arena, &command, &err),
	    ERR_NONE);
	buf_init(&buf, golden.message.len - 1);
	avro_encode(golden.writer, golden.command->record, &command, &buf);
	ck_assert(buf.overflow);
	buf_release(&buf);
	golden_release(&golden);
}
END_TEST

UNIT_MAIN("avro_golden", UNIT(test_golden_bytes_are_their_json),
    UNIT(test_golden_commands_are_read_and_written_again), UNIT(test_the_first_release_is_read),
    UNIT(test_what_was_not_said_is_the_default), UNIT(test_lists_that_were_not_said),
    UNIT(test_charges_are_read), UNIT(test_golden_bytes_cut_off_are_poison),
    UNIT(test_golden_bytes_changed_never_crash),
    UNIT(test_golden_events_are_read_and_written_again), UNIT(test_an_invoice_is_read),
    UNIT(test_a_full_arena_asks_for_a_smaller_batch), UNIT(test_reading_again_leaves_what_was_read),
    UNIT(test_a_full_buffer_remembers_it))
