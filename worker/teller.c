#include "worker/teller.h"

#include "common/base/crash_point.h"
#include "common/base/daemon.h"
#include "common/codec/avro.h"
#include "common/codec/command_signature.h"
#include "common/kafka/topic.h"

#define MESSAGE_MAX (64 * 1024) /* a billing run's totals in every currency there is */
#define MESSAGE_TIMEOUT_MS 5000
#define IN_FLIGHT_MAX 1000
#define DELIVERIES_CHUNK 100
#define CLOSING_MS 2000
#define SETTLING_POLL_MS 20

enum err_class
teller_open(const struct teller_settings *settings, const struct schemas *schemas,
    struct teller *ret_teller, struct err *err)
{
	const struct producer_settings producer_settings = {
	    .bootstrap = settings->bootstrap,
	    .topic = KAFKA_TOPIC_COMMANDS,
	    .profile = PRODUCER_LATENCY,
	    .message_timeout_ms = MESSAGE_TIMEOUT_MS,
	    .queue_messages_max = IN_FLIGHT_MAX,
	};
	struct teller *teller = ret_teller;

	*teller = (struct teller){.partitions_all = settings->partitions_all};
	buf_init(&teller->buf, MESSAGE_MAX);
	for (size_t type = 0; type < COMMAND_TYPE_MAX; type++) {
		if (!command_table[type].internal)
			continue;
		teller->schemas[type] =
		    schemas_by_name(schemas, str_from(command_table[type].schema_name));
		CHECK(teller->schemas[type] != NULL);
	}
	signatures_init(&teller->signatures, settings->secret);
	return producer_open(&producer_settings, &teller->producer, err);
}

/* Take what was reported, waiting for the first.  How many did not arrive. */
static size_t
reports_take(struct teller *teller, int timeout_ms)
{
	struct delivery deliveries[DELIVERIES_CHUNK];
	size_t len, lost = 0;

	do {
		len =
		    producer_poll(teller->producer, timeout_ms, deliveries, ARRAY_LEN(deliveries));
		for (size_t i = 0; i < len; i++)
			lost += deliveries[i].persisted ? 0 : 1;
	} while (len == ARRAY_LEN(deliveries));
	return lost;
}

size_t
teller_reports(struct teller *teller)
{
	return reports_take(teller, 0);
}

size_t
teller_settle(struct teller *teller, int64_t timeout_ms)
{
	int64_t until_ms = clock_steady_ms() + timeout_ms;
	size_t lost = reports_take(teller, 0);

	while (producer_in_flight(teller->producer) > 0 && clock_steady_ms() < until_ms)
		lost += reports_take(teller, SETTLING_POLL_MS);
	return lost + producer_in_flight(teller->producer);
}

void
teller_close(struct teller *teller)
{
	/* What does not arrive is told by who has the partition next. */
	if (teller->producer != NULL)
		(void)teller_settle(teller, CLOSING_MS);
	producer_free(teller->producer);
	signatures_release(&teller->signatures);
	buf_release(&teller->buf);
	teller->producer = NULL;
}

enum err_class
teller_ready(struct teller *teller, struct pg *pg, struct err *err)
{
	struct signatures *signatures = &teller->signatures;

	if (signatures_wants(signatures, STR_NONE, clock_steady_ms()) &&
	    signatures_load(signatures, pg, err) != ERR_NONE)
		return err->class;
	if (signatures->demanded && signing_ring_newest(&signatures->ring, SIGNING_COMMAND) == NULL)
		return err_set(err, ERR_RETRY, "there is no key to sign commands with");
	return ERR_NONE;
}

/* The command's bytes, in the teller's buffer. */
static struct str
encode(struct teller *teller, enum command_type type, const void *command)
{
	CHECK(command_table[type].internal);

	buf_clear(&teller->buf);
	avro_encode(teller->schemas[type], command_table[type].record, command, &teller->buf);
	CHECK(!teller->buf.overflow);
	return buf_str(&teller->buf);
}

/* As the ingress does, where there is a secret. */
static void
sign(const struct teller *teller, struct message *message, char text[SIGNATURE_TEXT_SIZE])
{
	const struct signing_key *key =
	    signing_ring_newest(&teller->signatures.ring, SIGNING_COMMAND);
	struct command_parts parts;

	if (!teller->signatures.demanded)
		return;
	CHECK(key != NULL);
	command_parts_init(&parts, message->key, message->value, message->partition);
	signature_write(key, parts.parts, COMMAND_PARTS, text);
	message->headers[message->headers_len++] =
	    (struct message_header){COMMAND_SIGNATURE_HEADER, str_from(text)};
}

enum err_class
teller_send(struct teller *teller, enum command_type type, struct uuid key, int32_t shard,
    const void *command, struct err *err)
{
	char key_text[UUID_TEXT_SIZE], signature[SIGNATURE_TEXT_SIZE];
	struct message message = {
	    .topic = KAFKA_TOPIC_COMMANDS,
	    .partition = shard & (teller->partitions_all - 1),
	    .key = {key_text, UUID_TEXT_SIZE - 1},
	    .value = encode(teller, type, command),
	    .headers_len = 1,
	    .headers = {{"content-type", STR("application/avro")}},
	};

	uuid_write(key, key_text);
	sign(teller, &message, signature);
	if (producer_send(teller->producer, &message, err) != ERR_NONE)
		return err_wrap(err, "billd.commands");
	CRASH_POINT("telling");
	return ERR_NONE;
}
