#ifndef TESTS_UNIT_WORKER_WORLD_H
#define TESTS_UNIT_WORKER_WORLD_H

/*
 * What the tests of worker/ share: a batch's context with facts in memory and no database, the rows
 * that most tests begin with, and all facts as text, to be compared.
 */

#include <sodium.h>

#include "common/base/id.h"
#include "common/icu/iso.h"
#include "tests/unit/codec.h"
#include "worker/batch.h"
#include "worker/handler.h"

#define WORLD_PARTITIONS 16
#define WORLD_DUMP_MAX (1024 * 1024)

#define WORLD_NOW_MS INT64_C(1801387800123) /* 2027-01-31T09:30:00.123Z */
#define WORLD_NOW "2027-01-31T09:30:00Z"

#define WORLD_ORGANISATION ((struct uuid){{0x0a}})
#define WORLD_KEY ((struct uuid){{0x4e}})
#define WORLD_ACTOR "api_key:4e000000-0000-0000-0000-000000000000"
#define WORLD_CUSTOMER ((struct uuid){{0xc0, 1}})
#define WORLD_OTHER_CUSTOMER ((struct uuid){{0xc0, 2}})
#define WORLD_PLAN ((struct uuid){{0x91, 1}})
#define WORLD_OTHER_PLAN ((struct uuid){{0x91, 2}})
#define WORLD_OPERATION ((struct uuid){{0x0b, 1, 2, 3, 4, 5, 0x80, 0, 0x80, 9}})

/* A context whose facts are filled by hand. */
struct world {
	const struct schemas *schemas;
	struct batch_context context;
	struct facts *facts; /* the context's */
	struct metrics metrics;
	struct partitions partitions; /* all of WORLD_PARTITIONS are ours */
};

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
	struct change_subscription change_subscription;
	struct move_subscription move_subscription;
	struct report_quantity report_quantity;
	struct create_test_clock create_test_clock;
	struct advance_test_clock advance_test_clock;
	struct create_coupon create_coupon;
	struct archive_coupon archive_coupon;
	struct create_tax_rate create_tax_rate;
	struct archive_tax_rate archive_tax_rate;
	struct create_item create_item;
	struct cancel_item cancel_item;
	struct give_credit give_credit;
	struct pay_invoice pay_invoice;
	struct move_invoice move_invoice;
	struct create_credit_note create_credit_note;
	struct record_payment_outcome record_payment_outcome;
	struct start_billing_run start_billing_run;
	struct move_billing_run move_billing_run;
	struct finish_billing_run finish_billing_run;
};

/**
 * world_clear(world):
 * Forget all facts, as at the head of a batch.
 */
static inline void
world_clear(struct world *world)
{
	arena_reset(&world->context.arena);
	facts_init(world->facts, &world->context.arena);
	for (size_t i = 0; i < world->partitions.len; i++)
		world->partitions.items[i].batch_event_number = 0;
}

/**
 * world_open(world), world_close(world):
 * An empty world; and free it.
 */
static inline void
world_open(struct world *world)
{
	struct err err = {0};

	memset(world, 0, sizeof(*world));
	ck_assert_int_ge(sodium_init(), 0);
	ck_assert_msg(iso_init(&err) == ERR_NONE, "%s", err.text);
	world->schemas = codec_schemas();
	ck_assert_msg(
	    batch_context_init(&world->context, world->schemas, &err) == ERR_NONE, "%s", err.text);
	world->facts = &world->context.facts;
	world->context.metrics = &world->metrics;
	world->context.partitions = &world->partitions;
	world->context.partitions_all = WORLD_PARTITIONS;
	world->partitions.len = WORLD_PARTITIONS;
	for (int32_t id = 0; id < WORLD_PARTITIONS; id++)
		world->partitions.items[id] = (struct partition){.id = id};
	world_clear(world);
}

static inline void
world_close(struct world *world)
{
	batch_context_release(&world->context);
}

/**
 * world_organisation(world), world_customer(id), world_plan(id), world_subscription(world,
 * operation):
 * The organisation and its key, which may bill, added; and rows to be changed and added: a customer
 * in Vienna, a monthly plan of 29.00 EUR, the active subscription of WORLD_CUSTOMER on WORLD_PLAN
 * that ${operation} made.
 */
static inline void
world_organisation(struct world *world)
{
	const struct organisation organisation = {
	    .id = WORLD_ORGANISATION,
	    .currency = {"EUR"},
	    .timezone = STR("Europe/Vienna"),
	    .proration = STR("second"),
	    .subscriptions_per_customer = STR("one"),
	    .invoice_numbering = STR("customer"),
	    .invoice_prefix = STR("INV"),
	};

	const struct api_key key = {
	    .organisation_id = WORLD_ORGANISATION,
	    .id = WORLD_KEY,
	    .role = STR("billing"),
	    .expires_ms = INT64_MAX,
	};

	facts_add(world->facts, TABLE_ORGANISATIONS, &organisation);
	facts_add(world->facts, TABLE_API_KEYS, &key);
}

static inline struct customer
world_customer(struct uuid id)
{
	return (struct customer){
	    .organisation_id = WORLD_ORGANISATION,
	    .id = id,
	    .shard = id_shard_of_key(id),
	    .name = STR("Ada"),
	    .currency = {"EUR"},
	    .timezone = STR("Europe/Vienna"),
	    .tax_exempt = STR("none"),
	    .net_terms_days = INT64_MIN,
	    .number_prefix = STR("ABCDEF123456"),
	    .latest_at = unit_instant("2026-12-01T00:00:00Z"),
	    .created_ms = INT64_C(1796083200000),
	    .created_at = unit_instant("2026-12-01T00:00:00Z"),
	    .updated_at = unit_instant("2026-12-01T00:00:00Z"),
	    .archived_at = INSTANT_NONE,
	};
}

/* One flat charge in advance of 29.00. */
static const struct charge world_charges[] = {{
    .code = {"base", 4},
    .name = {"Basic", 5},
    .model = {"flat", 4},
    .billing = {"advance", 7},
    .amount = 2900,
    .unit_amount = {-1},
    .package_size = AMOUNT_NONE,
    .rate = {-1},
    .fixed_amount = AMOUNT_NONE,
    .transaction_min_amount = AMOUNT_NONE,
    .transaction_max_amount = AMOUNT_NONE,
    .free_units = {-1},
    .min_amount = AMOUNT_NONE,
    .max_amount = AMOUNT_NONE,
}};

static inline struct plan
world_plan(struct uuid id)
{
	return (struct plan){
	    .organisation_id = WORLD_ORGANISATION,
	    .id = id,
	    .version_id = id,
	    .version = 1,
	    .code = STR("basic"),
	    .name = STR("Basic"),
	    .currency = {"EUR"},
	    .interval = STR("month"),
	    .interval_count = 1,
	    .amount = 2900,
	    .charges = world_charges,
	    .charges_len = ARRAY_LEN(world_charges),
	    .created_ms = INT64_C(1796083200000),
	    .created_at = unit_instant("2026-12-01T00:00:00Z"),
	    .updated_at = unit_instant("2026-12-01T00:00:00Z"),
	    .archived_at = INSTANT_NONE,
	};
}

/**
 * world_plan_add(world, plan):
 * ${plan} and its current version, as a load brings them.  The plan's row.
 */
static inline struct plan *
world_plan_add(struct world *world, const struct plan *plan)
{
	struct plan_version version = plan_current(plan);

	version.created_at = plan->created_at;
	if (facts_plan_version(world->facts, version.organisation_id, version.id) == NULL)
		facts_add(world->facts, TABLE_PLAN_VERSIONS, &version);
	return facts_add(world->facts, TABLE_PLANS, plan);
}

static inline struct subscription
world_subscription(struct uuid operation_id)
{
	int32_t shard = id_shard_of_key(WORLD_CUSTOMER);

	return (struct subscription){
	    .organisation_id = WORLD_ORGANISATION,
	    .id = id_derive(operation_id, ID_SUBSCRIPTION, 0, shard),
	    .shard = shard,
	    .customer_id = WORLD_CUSTOMER,
	    .plan_id = WORLD_PLAN,
	    .plan_version_id = WORLD_PLAN,
	    .quantity = 1,
	    .status = STR("active"),
	    .timezone = STR("Europe/Vienna"),
	    .anchor = STR("start"),
	    .anchor_at = unit_instant("2027-01-01T00:00:00Z"),
	    .current_period_start = unit_instant("2027-01-01T00:00:00Z"),
	    .current_period_end = unit_instant("2027-02-01T00:00:00Z"),
	    .natural_start = unit_instant("2027-01-01T00:00:00Z"),
	    .natural_end = unit_instant("2027-02-01T00:00:00Z"),
	    .started_at = unit_instant("2027-01-01T00:00:00Z"),
	    .trial_start = INSTANT_NONE,
	    .trial_end = INSTANT_NONE,
	    .end_at = INSTANT_NONE,
	    .canceled_at = INSTANT_NONE,
	    .ended_at = INSTANT_NONE,
	    .paused_at = INSTANT_NONE,
	    .pending_quantity = QUANTITY_NONE,
	    .deferred_from = INSTANT_NONE,
	    .deferred_until = INSTANT_NONE,
	    .due_at = unit_instant("2027-02-01T00:00:00Z"),
	    .created_ms = INT64_C(1798761600000),
	    .created_at = unit_instant("2027-01-01T00:00:00Z"),
	    .updated_at = unit_instant("2027-01-01T00:00:00Z"),
	};
}

/**
 * world_clock(id):
 * A test clock that stands at WORLD_NOW, to be changed and added.
 */
static inline struct test_clock
world_clock(struct uuid id)
{
	return (struct test_clock){
	    .organisation_id = WORLD_ORGANISATION,
	    .id = id,
	    .shard = id_shard_of_key(id),
	    .status = STR("ready"),
	    .now = unit_instant(WORLD_NOW),
	    .target_at = INSTANT_NONE,
	    .created_ms = INT64_C(1796083200000),
	    .created_at = unit_instant("2026-12-01T00:00:00Z"),
	    .updated_at = unit_instant("2026-12-01T00:00:00Z"),
	};
}

/**
 * world_meta(operation_id):
 * What every command begins with, at WORLD_NOW.
 */
static inline struct command_meta
world_meta(struct uuid operation_id)
{
	return (struct command_meta){
	    .operation_id = operation_id,
	    .organisation_id = WORLD_ORGANISATION,
	    .actor = STR(WORLD_ACTOR),
	    .accepted_at = WORLD_NOW_MS,
	};
}

/**
 * world_row(world, table, index):
 * Row number ${index} of ${table}, in the order of adding; the test fails when there is none.
 */
static inline void *
world_row(const struct world *world, enum table_id table, size_t index)
{
	ck_assert_msg(index < world->facts->lists[table].len, "%s has %zu rows",
	    row_tables[table]->name, world->facts->lists[table].len);
	return world->facts->lists[table].values[index];
}

static inline void world_dump_record(
    const struct record *record, const void *value, struct buf *buf);

/* One field as text: every bit of what it says, and nothing of where it lies. */
static inline void
world_dump_field(const struct field *field, const void *value, struct buf *buf)
{
	const char *at = (const char *)value + field->offset;
	const struct str_map *map;
	const struct str_list *strs;
	const struct uuid_list *uuids;
	char uuid[UUID_TEXT_SIZE];
	struct str text;

	buf_printf(buf, " %s=", field->name);
	switch (field->kind) {
	case FIELD_UUID:
		uuid_write(*(const struct uuid *)(const void *)at, uuid);
		buf_printf(buf, "%s", uuid);
		break;
	case FIELD_STR:
	case FIELD_BYTES:
	case FIELD_JSON:
		memcpy(&text, at, sizeof(text));
		buf_append_str(buf, text.ptr == NULL ? STR("(none)") : text);
		break;
	case FIELD_INT32:
		buf_printf(buf, "%d", *(const int32_t *)(const void *)at);
		break;
	case FIELD_INT64:
	case FIELD_INT64_OR_NONE:
	case FIELD_INSTANT:
	case FIELD_MILLIS:
		buf_printf(buf, "%lld", (long long)*(const int64_t *)(const void *)at);
		break;
	case FIELD_DECIMAL: {
		int128 units = ((const struct decimal *)(const void *)at)->units;

		buf_printf(buf, "%lld.%012lld", (long long)(units / DECIMAL_SCALE),
		    (long long)(units % DECIMAL_SCALE));
		break;
	}
	case FIELD_BOOL:
		buf_printf(buf, "%d", *(const bool *)at ? 1 : 0);
		break;
	case FIELD_CURRENCY:
		buf_printf(buf, "%.3s", at);
		break;
	case FIELD_STR_MAP:
		map = (const struct str_map *)(const void *)at;
		for (size_t i = 0; i < map->len; i++)
			buf_printf(buf, "{%.*s:%.*s}", STR_ARG(map->pairs[i].key),
			    STR_ARG(map->pairs[i].value));
		break;
	case FIELD_STRS:
		strs = (const struct str_list *)(const void *)at;
		for (size_t i = 0; i < strs->len; i++)
			buf_printf(buf, "{%.*s}", STR_ARG(strs->items[i]));
		break;
	case FIELD_UUIDS:
		uuids = (const struct uuid_list *)(const void *)at;
		for (size_t i = 0; i < uuids->len; i++) {
			uuid_write(uuids->items[i], uuid);
			buf_printf(buf, "{%s}", uuid);
		}
		break;
	case FIELD_RECORDS: {
		const char *items = *(const char *const *)(const void *)at;
		size_t len =
		    *(const size_t *)(const void *)((const char *)value + field->len_offset);

		for (size_t i = 0; i < len; i++)
			world_dump_record(field->nested, items + i * field->nested->size, buf);
		break;
	}
	case FIELD_RECORD:
	case FIELD_KIND_MAX:
		ck_abort_msg("%s: no row has such a field", field->name);
	}
}

static inline void
world_dump_record(const struct record *record, const void *value, struct buf *buf)
{
	buf_printf(buf, "%s:", record->name);
	for (size_t i = 0; i < record->fields_len; i++)
		world_dump_field(&record->fields[i], value, buf);
	buf_append_char(buf, '\n');
}

/**
 * world_dump(world, buf):
 * Replace ${buf}'s bytes by all facts, row by row.
 */
static inline void
world_dump(const struct world *world, struct buf *buf)
{
	buf_clear(buf);
	for (size_t table = 0; table < TABLE_MAX; table++)
		for (size_t i = 0; i < world->facts->lists[table].len; i++)
			world_dump_record(
			    row_tables[table]->record, world->facts->lists[table].values[i], buf);
	ck_assert(!buf->overflow);
}

#endif
