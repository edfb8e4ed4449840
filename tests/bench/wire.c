#include "tests/bench/wire.h"

#include <sodium.h>

#include "common/codec/avro.h"
#include "common/codec/command.h"
#include "common/codec/command_signature.h"
#include "common/icu/iso.h"
#include "common/zone/zone.h"
#include "tests/bench/bench.h"

#define PER_MS 20
#define ROUND_CUSTOMER 0 /* the round of the numbers themselves; others subscribe */

void
wire_open(char **arguments, struct wire *ret_wire)
{
	struct wire *wire = ret_wire;
	struct err err;

	*wire = (struct wire){
	    .organisation_id = bench_uuid("ORGANISATION", arguments[1]),
	    .plan_id = bench_uuid("PLAN", arguments[3]),
	    .base_ms = bench_number("BASE_MS", arguments[4], 0, INT64_MAX / 2),
	    .partitions = (int32_t)bench_number("PARTITIONS", arguments[5], 1, SHARDS),
	};
	char key[UUID_TEXT_SIZE];
	if (sodium_init() < 0 || iso_init(&err) != ERR_NONE || zone_init(&err) != ERR_NONE ||
	    schemas_open(&wire->schemas, &err) != ERR_NONE)
		bench_die("the schemas cannot be opened");
	if (!id_secret_read(bench_file(arguments[0]), &wire->secret))
		bench_die("%s holds no secret", arguments[0]);
	uuid_write(bench_uuid("KEY", arguments[2]), key);
	snprintf(wire->actor, sizeof(wire->actor), "api_key:%s", key);
	/* Names of keys are of 32 digits as well. */
	memset(wire->signature, '0', SIGNATURE_TEXT_SIZE - 1);
	wire->signature[SIGNING_NAME_MAX] = '.';
}

void
wire_close(struct wire *wire)
{
	schemas_free(wire->schemas);
}

/* The operation of a number; ${round} tells several of one number apart. */
static struct uuid
operation_id(const struct wire *wire, int64_t round, int64_t number)
{
	struct id_request request = {
	    .organisation_id = wire->organisation_id,
	    .accepted_ms = wire->base_ms + number / PER_MS,
	    .method = STR("POST"),
	    .path = STR("/v1/bench"),
	    .body = STR("{}"),
	};

	memcpy(request.nonce, &number, sizeof(number));
	memcpy(request.nonce + sizeof(number), &round, sizeof(round));
	return id_operation(&wire->secret, &request);
}

static struct command_meta
meta_of(const struct wire *wire, int64_t round, int64_t number)
{
	return (struct command_meta){
	    .operation_id = operation_id(wire, round, number),
	    .organisation_id = wire->organisation_id,
	    .actor = str_from(wire->actor),
	    .accepted_at = wire->base_ms + number / PER_MS,
	    .address = STR("127.0.0.1"),
	};
}

/* Fill ${message} with ${command}, routed by ${key}. */
static void
fill(const struct wire *wire, enum command_type type, const struct command_meta *command,
    struct uuid key, struct wire_message *message)
{
	const struct command_info *info = &command_table[type];

	buf_clear(&message->value);
	avro_encode(schemas_by_name(wire->schemas, str_from(info->schema_name)), info->record,
	    command, &message->value);
	CHECK(!message->value.overflow);
	uuid_write(key, message->key);
	uuid_write(command->operation_id, message->request_id);
	memcpy(message->signature, wire->signature, sizeof(message->signature));
	message->partition = id_shard_of_key(key) & (wire->partitions - 1);
}

struct uuid
wire_customer_id(const struct wire *wire, int64_t number)
{
	return id_derive(operation_id(wire, ROUND_CUSTOMER, number), ID_CUSTOMER, 0, 0);
}

void
wire_customer(const struct wire *wire, int64_t number, struct wire_message *message)
{
	char email[64];
	const struct create_customer command = {
	    .meta = meta_of(wire, ROUND_CUSTOMER, number),
	    .name = STR("Ada Lovelace"),
	    .email = {email,
		(size_t)snprintf(email, sizeof(email), "ada-%lld@example.com", (long long)number)},
	    .tax_exempt = STR("none"),
	    .net_terms_days = INT64_MIN,
	};

	fill(wire, COMMAND_CREATE_CUSTOMER, &command.meta, wire_customer_id(wire, number), message);
}

void
wire_subscription(
    const struct wire *wire, int64_t round, int64_t number, struct wire_message *message)
{
	const struct create_subscription command = {
	    .meta = meta_of(wire, round, number),
	    .customer_id = wire_customer_id(wire, number),
	    .plan_id = wire->plan_id,
	    .quantity = 1,
	    .start_at = INSTANT_NONE,
	    .end_at = INSTANT_NONE,
	    .trial_days = INT64_MIN,
	    .anchor = STR("start"),
	};

	CHECK(round != ROUND_CUSTOMER);
	fill(wire, COMMAND_CREATE_SUBSCRIPTION, &command.meta, command.customer_id, message);
}

/* What bytes can be wrong with; the customer's command is spoilt. */
void
wire_poison(const struct wire *wire, int64_t number, struct wire_message *message)
{
	struct buf *value = &message->value;

	wire_customer(wire, number, message);
	switch (number / 7 % 5) {
	case 0: /* no frame */
		buf_clear(value);
		buf_append_str(value, STR("this is no command"));
		break;
	case 1: /* a schema that nobody knows */
		value->ptr[AVRO_FRAME_BYTES - 1] = (char)~value->ptr[AVRO_FRAME_BYTES - 1];
		break;
	case 2: /* cut off */
		value->len -= value->len / 3;
		break;
	case 3: /* a text that is announced with 2^62 bytes */
		value->len = AVRO_FRAME_BYTES;
		avro_put_long(value, INT64_C(1) << 62);
		break;
	default: /* more than the schema has */
		buf_append_str(value, STR("and more"));
		break;
	}
	CHECK(!value->overflow);
}

void
wire_message_init(struct wire_message *message)
{
	memset(message, 0, sizeof(*message));
	buf_init(&message->value, AVRO_MESSAGE_MAX);
}

void
wire_message_release(struct wire_message *message)
{
	buf_release(&message->value);
}

void
wire_message_write(
    const struct wire_message *message, const char *topic, struct message *ret_message)
{
	*ret_message = (struct message){
	    .topic = topic,
	    .partition = message->partition,
	    .key = {message->key, UUID_TEXT_SIZE - 1},
	    .value = buf_str(&message->value),
	    .headers_len = 3,
	    .headers = {{"content-type", STR("application/avro")},
		{WIRE_HEADER_REQUEST_ID, {message->request_id, UUID_TEXT_SIZE - 1}},
		{COMMAND_SIGNATURE_HEADER, {message->signature, SIGNATURE_TEXT_SIZE - 1}}},
	};
}
