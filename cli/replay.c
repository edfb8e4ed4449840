/*
 * billd dead-letters replay: back to billd.commands, on the same partition.
 *
 * A letter whose operation has no outcome goes as it is.  One that the worker could decode has: it
 * failed, for good; its command then comes under a new operation id.  It is signed anew, when we
 * have the secret: the operator vouches for it.
 */

#include <inttypes.h>
#include <sodium.h>

#include "cli/dead_letters.h"
#include "common/base/daemon.h"
#include "common/base/id.h"
#include "common/codec/avro.h"
#include "common/codec/command.h"
#include "common/codec/command_signature.h"
#include "common/kafka/conf.h"
#include "common/kafka/producer.h"

#define MESSAGE_TIMEOUT_MS 30000
#define POLL_MS 1000
#define REPLAY_TRIES_MAX 100000 /* to find an id on one of at most 1,024 partitions */

enum {
	REPLAY_ALL,
	REPLAY_AGAIN
};

/* What a run of replays needs. */
struct replay {
	struct cli *cli;
	struct producer *producer;
	struct schemas *schemas;
	struct signing_ring ring; /* empty without the secret */
	struct buf value;
};

static const struct command_info *
command_by_schema(struct str name)
{
	for (size_t i = 0; i < COMMAND_TYPE_MAX; i++)
		if (str_equal(str_from(command_table[i].schema_name), name))
			return &command_table[i];
	return NULL;
}

/*
 * From the old id and what was replayed before: when we die between sending and noting it, the next
 * try sends the same id, and the worker drops one of the two.
 */
static struct uuid
derive_id(struct uuid operation_id, const struct dead_letter *letter, int try)
{
	struct uuid derived;
	crypto_generichash_state state;
	char place[64];
	int len = snprintf(place, sizeof(place), "replay %" PRId32 " %" PRId64 " %d ",
	    letter->partition, letter->offset, try);

	CHECK(crypto_generichash_init(&state, NULL, 0, sizeof(derived.b)) == 0);
	CHECK(crypto_generichash_update(&state, operation_id.b, sizeof(operation_id.b)) == 0);
	CHECK(crypto_generichash_update(&state, (const uint8_t *)place, (unsigned long long)len) ==
	      0);
	CHECK(crypto_generichash_update(
		  &state, (const uint8_t *)letter->replayed_at.ptr, letter->replayed_at.len) == 0);
	CHECK(crypto_generichash_final(&state, derived.b, sizeof(derived.b)) == 0);
	/* Its rows lie where the old one's would: by the time in the first bytes. */
	memcpy(derived.b, operation_id.b, 6);
	derived.b[6] = (uint8_t)((derived.b[6] & 0x0F) | 0x80);
	derived.b[8] = (uint8_t)((derived.b[8] & 0x3F) | 0x80);
	return derived;
}

/*
 * The replay's operation id.  A customer's id comes from that of the operation that creates it, and
 * must lie on the partition that the command goes to: one in so many ids does.
 */
static enum err_class
replay_id(const struct cli *cli, const struct command_info *info, struct uuid operation_id,
    const struct dead_letter *letter, struct uuid *ret_id, struct err *err)
{
	bool creates_customer = info == &command_table[COMMAND_CREATE_CUSTOMER];

	for (int try = 0; try < REPLAY_TRIES_MAX; try++) {
		struct uuid id = derive_id(operation_id, letter, try);
		int32_t shard = id_shard_of_key(id_derive(id, ID_CUSTOMER, 0, 0));

		if (creates_customer && (shard & (cli->partitions - 1)) != letter->partition)
			continue;
		*ret_id = id;
		return ERR_NONE;
	}
	return err_set(
	    err, ERR_FATAL, "partition %d is not among BILLD_PARTITIONS", (int)letter->partition);
}

/* Decode ${body} to ${value}, a struct of ${info}'s record. */
static enum err_class
decode(struct cli *cli, const struct schemas *schemas, const struct schema *writer, struct str body,
    const struct command_info *info, void *value, struct err *err)
{
	const struct schema *current = schemas_by_name(schemas, writer->name);
	struct avro_decoder *decoder = NULL;
	enum err_class class;

	CHECK(current != NULL);
	if (avro_decoder_init(schemas, &decoder, err) != ERR_NONE)
		return err->class;
	class = avro_decode(decoder, writer, body, current, info->record, &cli->arena, value, err);
	avro_decoder_free(decoder);
	return class;
}

enum err_class
replay_encode(struct cli *cli, const struct schemas *schemas, const struct dead_letter *letter,
    struct uuid *ret_operation_id, struct buf *buf, struct err *err)
{
	const struct command_info *info = NULL;
	const struct schema *writer = NULL;
	struct command_meta *meta;
	uint64_t fingerprint;
	struct str body;

	if (letter->value.ptr != NULL && avro_frame_read(letter->value, &fingerprint, &body))
		writer = schemas_by_fingerprint(schemas, fingerprint);
	if (writer != NULL)
		info = command_by_schema(writer->name);
	if (info == NULL)
		return err_set(err, ERR_FATAL, "it is no command of a schema that we know");
	/* Every command's struct begins with its meta. */
	meta = arena_alloc(&cli->arena, info->record->size);
	if (meta == NULL)
		return err_set(err, ERR_FATAL, "it does not fit into memory");
	if (decode(cli, schemas, writer, body, info, meta, err) != ERR_NONE)
		return err->class;
	if (replay_id(cli, info, meta->operation_id, letter, &meta->operation_id, err) != ERR_NONE)
		return err->class;
	meta->idempotency_key = STR_NONE;
	*ret_operation_id = meta->operation_id;
	avro_encode(schemas_by_name(schemas, writer->name), info->record, meta, buf);
	if (buf->overflow)
		return err_set(err, ERR_FATAL, "it would be larger than a message may be");
	return ERR_NONE;
}

static enum err_class
has_outcome(
    struct cli *cli, const struct dead_letter *letter, bool *ret_has_outcome, struct err *err)
{
	struct pg_params params;
	PGresult *result = NULL;

	*ret_has_outcome = false;
	if (uuid_is_nil(letter->organisation_id) || uuid_is_nil(letter->operation_id))
		return ERR_NONE;
	pg_params_init(&params, &cli->arena);
	pg_params_uuid(&params, letter->organisation_id);
	pg_params_uuid(&params, letter->operation_id);
	if (cli_run_for(cli, letter->organisation_id, "outcome", &params, &result, err) != ERR_NONE)
		return err->class;
	*ret_has_outcome = PQntuples(result) > 0;
	PQclear(result);
	return ERR_NONE;
}

/* The keys by which commands are signed; none, when there is no secret to derive them from. */
static enum err_class
ring_load(struct replay *replay, struct err *err)
{
	struct id_secret secret;
	PGresult *result;

	if (replay->cli->secret == NULL)
		return ERR_NONE;
	if (pg_run(replay->cli->pg, "command_keys", NULL, &result, err) != ERR_NONE)
		return err->class;
	if (!id_secret_read(str_from(replay->cli->secret), &secret)) {
		PQclear(result);
		return err_set(err, ERR_FATAL, "BILLD_SECRET: must be 64 hexadecimal digits");
	}
	for (int row = 0; row < PQntuples(result); row++)
		CHECK(signing_ring_add(
		    &replay->ring, &secret, SIGNING_COMMAND, pg_get_str(result, row, 0)));
	PQclear(result);
	sodium_memzero(&secret, sizeof(secret));
	return ERR_NONE;
}

static void
sign(const struct replay *replay, struct message *message, char ret_text[SIGNATURE_TEXT_SIZE])
{
	const struct signing_key *key = signing_ring_newest(&replay->ring, SIGNING_COMMAND);
	struct command_parts parts;

	if (key == NULL)
		return;
	command_parts_init(&parts, message->key, message->value, message->partition);
	signature_write(key, parts.parts, COMMAND_PARTS, ret_text);
	message->headers[message->headers_len++] =
	    (struct message_header){COMMAND_SIGNATURE_HEADER, str_from(ret_text)};
}

/* Send one message, and wait until it is on all replicas. */
static enum err_class
produce(const struct replay *replay, const struct dead_letter *letter, struct str value,
    struct err *err)
{
	struct producer *producer = replay->producer;
	struct message message = {.topic = KAFKA_TOPIC_COMMANDS,
	    .partition = letter->partition,
	    .key = letter->key,
	    .value = value};
	char signature[SIGNATURE_TEXT_SIZE];
	int64_t deadline = clock_steady_ms() + 2 * MESSAGE_TIMEOUT_MS;
	struct delivery delivery;

	sign(replay, &message, signature);
	if (producer_send(producer, &message, err) != ERR_NONE)
		return err->class;
	while (producer_poll(producer, POLL_MS, &delivery, 1) == 0)
		if (clock_steady_ms() > deadline || daemon_stopping())
			return err_set(err, ERR_RETRY, "kafka: no report of the message");
	if (!delivery.persisted)
		return err_set(
		    err, ERR_RETRY, "kafka: the message was not written: %s", delivery.reason);
	return ERR_NONE;
}

static enum err_class
note_replayed(struct cli *cli, const struct dead_letter *letter, struct err *err)
{
	struct pg_params params;

	pg_params_init(&params, &cli->arena);
	pg_params_int32(&params, letter->partition);
	pg_params_int64(&params, letter->offset);
	return pg_run(cli->pg, "replayed", &params, NULL, err);
}

static void
print_replayed(const struct dead_letter *letter, struct uuid operation_id)
{
	char text[UUID_TEXT_SIZE] = "-";

	if (!uuid_is_nil(operation_id))
		uuid_write(operation_id, text);
	printf("%d %lld %s\n", (int)letter->partition, (long long)letter->offset, text);
	fflush(stdout);
}

static enum err_class
replay_letter(struct replay *replay, const struct dead_letter *letter, struct err *err)
{
	struct uuid operation_id = letter->operation_id;
	struct str value = letter->value;
	bool is_final = false;

	if (has_outcome(replay->cli, letter, &is_final, err) != ERR_NONE)
		return err->class;
	if (is_final) {
		buf_clear(&replay->value);
		if (replay_encode(replay->cli, replay->schemas, letter, &operation_id,
			&replay->value, err) != ERR_NONE)
			return err->class;
		value = buf_str(&replay->value);
	}
	if (produce(replay, letter, value, err) != ERR_NONE ||
	    note_replayed(replay->cli, letter, err) != ERR_NONE)
		return err->class;
	print_replayed(letter, operation_id);
	return ERR_NONE;
}

static enum err_class
replay_one(struct replay *replay, const struct cli_input *input, struct err *err)
{
	PGresult *result = NULL;
	struct dead_letter letter = {.partition = 0};
	enum err_class class;

	class = dead_letters_find(replay->cli, input, &result, &letter, err);
	if (class == ERR_NONE && letter.replayed_at.ptr != NULL &&
	    input->options[REPLAY_AGAIN] == NULL)
		class = err_set(err, ERR_FATAL, "it was replayed at %.*s; --again does it again",
		    STR_ARG(letter.replayed_at));
	if (class == ERR_NONE)
		class = replay_letter(replay, &letter, err);
	PQclear(result);
	return class;
}

/* The first letter behind ${after} that was not replayed; the caller clears ${ret_result}. */
static enum err_class
find_next(struct cli *cli, const struct dead_letter *after, PGresult **ret_result, struct err *err)
{
	struct pg_params params;

	pg_params_init(&params, &cli->arena);
	pg_params_int32(&params, after->partition);
	pg_params_int64(&params, after->offset);
	return pg_run(cli->pg, "next", &params, ret_result, err);
}

/*
 * One by one, so that memory is bounded and what was done stays noted.  A letter that can never be
 * replayed does not keep those behind it.
 */
static enum err_class
replay_all(struct replay *replay, struct err *err)
{
	struct dead_letter letter = {.partition = -1};
	struct err first = {.class = ERR_NONE};
	int failed = 0;

	while (!daemon_stopping()) {
		PGresult *result = NULL;
		enum err_class class;

		arena_reset(&replay->cli->arena);
		if (find_next(replay->cli, &letter, &result, err) != ERR_NONE)
			return err->class;
		if (PQntuples(result) == 0) {
			PQclear(result);
			break;
		}
		letter = dead_letter_read(result, 0);
		class = replay_letter(replay, &letter, err);
		PQclear(result);
		if (class == ERR_RETRY)
			return class;
		if (class != ERR_NONE && failed++ == 0) {
			err_wrap(err, "partition %d, offset %lld", (int)letter.partition,
			    (long long)letter.offset);
			first = *err;
		}
	}
	if (failed == 0)
		return ERR_NONE;
	*err = first;
	return err_wrap(err, "%d could not be replayed; the first", failed);
}

static enum err_class
check_input(const struct cli_input *input, struct err *err)
{
	bool is_all = input->options[REPLAY_ALL] != NULL;

	if (input->positionals_len != (is_all ? 0 : 2))
		return err_set(err, ERR_FATAL, "it takes PARTITION OFFSET, or --all");
	if (is_all && input->options[REPLAY_AGAIN] != NULL)
		return err_set(err, ERR_FATAL, "--again is for one, not for --all");
	return ERR_NONE;
}

enum err_class
dead_letters_replay(struct cli *cli, const struct cli_input *input, struct err *err)
{
	const struct producer_settings settings = {.bootstrap = cli->kafka_bootstrap,
	    .topic = KAFKA_TOPIC_COMMANDS,
	    .profile = PRODUCER_LATENCY,
	    .message_timeout_ms = MESSAGE_TIMEOUT_MS,
	    .queue_messages_max = 16};
	struct replay replay = {.cli = cli};
	enum err_class class;

	if (check_input(input, err) != ERR_NONE)
		return err->class;
	buf_init(&replay.value, AVRO_MESSAGE_MAX);
	class = dead_letters_connect(cli, err);
	if (class == ERR_NONE)
		class = ring_load(&replay, err);
	if (class == ERR_NONE)
		class = schemas_open(&replay.schemas, err);
	if (class == ERR_NONE)
		class = producer_open(&settings, &replay.producer, err);
	if (class == ERR_NONE)
		class = input->options[REPLAY_ALL] != NULL ? replay_all(&replay, err)
							   : replay_one(&replay, input, err);
	producer_free(replay.producer);
	schemas_free(replay.schemas);
	buf_release(&replay.value);
	sodium_memzero(&replay.ring, sizeof(replay.ring));
	return class;
}
