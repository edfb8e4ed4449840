#ifndef TESTS_UNIT_WORKER_MESSAGE_H
#define TESTS_UNIT_WORKER_MESSAGE_H

/*
 * Messages as they come from billd.commands, without a broker: a command's struct as bytes, and the
 * entry of a batch that holds it.
 */

#include "tests/unit/worker_world.h"

/* A message and its entry; the entry points into it, so it stays where it is. */
struct letter {
	rd_kafka_message_t message;
	struct entry entry;
	struct buf bytes;
};

/**
 * letter_bytes(letter, world, partition, bytes), letter_release(letter):
 * Begin ${letter} as a message of any bytes in that partition; and free it.
 */
static inline void
letter_bytes(struct letter *letter, struct world *world, int32_t partition, struct str bytes)
{
	memset(letter, 0, sizeof(*letter));
	buf_init(&letter->bytes, 2 * AVRO_MESSAGE_MAX);
	buf_append_str(&letter->bytes, bytes);
	letter->message = (rd_kafka_message_t){
	    .payload = letter->bytes.ptr,
	    .len = letter->bytes.len,
	    .partition = partition,
	    .offset = 42,
	};
	letter->entry.message = &letter->message;
	letter->entry.partition = &world->partitions.items[partition];
}

static inline void
letter_release(struct letter *letter)
{
	buf_release(&letter->bytes);
}

/**
 * letter_command(letter, world, type, command):
 * Begin ${letter} as the ingress writes ${command}: in the current schema, in its partition.
 */
static inline void
letter_command(
    struct letter *letter, struct world *world, enum command_type type, const void *command)
{
	const struct command_info *info = &command_table[type];
	struct buf bytes;

	buf_init(&bytes, 2 * AVRO_MESSAGE_MAX);
	avro_encode(schemas_by_name(world->schemas, str_from(info->schema_name)), info->record,
	    command, &bytes);
	ck_assert(!bytes.overflow);
	letter_bytes(letter, world, handler_table[type].shard(command) & (WORLD_PARTITIONS - 1),
	    buf_str(&bytes));
	buf_release(&bytes);
}

#endif
