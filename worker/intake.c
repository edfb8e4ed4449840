#include "worker/intake.h"

#include "common/codec/command_signature.h"

/* The message before our first: is it the one that was processed?  ${ret_take} tells whether
 * ${message} is to be processed. */
static enum err_class
verify(
    struct partition *partition, const rd_kafka_message_t *message, bool *ret_take, struct err *err)
{
	uint8_t hash[MESSAGE_HASH_BYTES];

	*ret_take = message->offset >= partition->next_offset;
	if (!partition->verify)
		return ERR_NONE;
	partition->verify = false;
	if (message->offset != partition->next_offset - 1)
		return err_set(err, ERR_FATAL,
		    "partition %d begins at offset %lld, and %lld was processed: messages are "
		    "missing.  See docs/operation.md, \"Offsets that Kafka does not have\"",
		    partition->id, (long long)message->offset,
		    (long long)partition->next_offset - 1);
	message_hash(message, hash);
	if (memcmp(hash, partition->last_hash, sizeof(hash)) != 0)
		return err_set(err, ERR_FATAL,
		    "partition %d has another message at offset %lld than the one that was "
		    "processed: the topic was made again, or the database is another one.  See "
		    "docs/operation.md, \"Offsets that Kafka does not have\"",
		    partition->id, (long long)message->offset);
	return ERR_NONE;
}

/* Whether a message of ${partition} may go into the batch: nothing of it is being stored, and where
 * messages are tried alone it is the only one. */
static bool
may_go(const struct intake *intake, const struct partition *partition)
{
	if (partition_is_careful(partition) && flights_filling(intake->flights)->len > 0)
		return false;
	return !flights_hold(intake->flights, partition);
}

static void
batch_add(struct flight *flight, struct partition *partition, rd_kafka_message_t *message)
{
	flight->bytes += message->len;
	flight->entries[flight->len++] = (struct entry){
	    .message = message,
	    .partition = partition,
	    .signature = consumer_header(message, COMMAND_SIGNATURE_HEADER),
	    .request_id = consumer_header(message, "billd_request_id"),
	};
}

/* Whether the batch takes more, behind its last message. */
static bool
has_room(const struct intake *intake)
{
	const struct flight *flight = flights_filling(intake->flights);

	return flight->len < intake->batch_max && flight->bytes < BATCH_BYTES_MAX &&
	       (flight->len == 0 ||
		   !partition_is_careful(flight->entries[flight->len - 1].partition));
}

/* Into the batch, or behind those that wait.  What has to wait goes on having to until the batch is
 * processed, so that none passes another of its partition. */
static void
place(struct intake *intake, struct partition *partition, rd_kafka_message_t *message)
{
	if (has_room(intake) && may_go(intake, partition)) {
		batch_add(flights_filling(intake->flights), partition, message);
		return;
	}
	intake->messages[intake->len++] = message;
	intake->bytes += message->len;
}

static bool
takes_more(const struct intake *intake)
{
	return has_room(intake) && intake->len < INTAKE_MAX && intake->bytes < INTAKE_BYTES_MAX;
}

bool
intake_refill(struct intake *intake)
{
	size_t len = intake->len;

	CHECK(flights_filling(intake->flights)->len == 0);
	intake->len = intake->bytes = 0;
	for (size_t i = 0; i < len; i++)
		place(intake, partitions_find(intake->partitions, intake->messages[i]->partition),
		    intake->messages[i]);
	return takes_more(intake);
}

enum err_class
intake_take(struct intake *intake, rd_kafka_message_t *message, bool *ret_more, struct err *err)
{
	struct partition *partition = partitions_find(intake->partitions, message->partition);
	enum err_class class = ERR_NONE;
	bool take = false;

	if (partition != NULL)
		class = verify(partition, message, &take, err);
	if (!take || class != ERR_NONE) {
		consumer_message_free(message);
		return class;
	}
	place(intake, partition, message);
	*ret_more = takes_more(intake);
	return ERR_NONE;
}

bool
intake_waits(const struct intake *intake, const struct partition *partition)
{
	for (size_t i = 0; i < intake->len; i++)
		if (intake->messages[i]->partition == partition->id)
			return true;
	return false;
}

void
intake_drop(struct intake *intake)
{
	for (size_t i = 0; i < intake->len; i++)
		consumer_message_free(intake->messages[i]);
	intake->len = intake->bytes = 0;
}
