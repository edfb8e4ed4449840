#ifndef COMMON_CODEC_COMMAND_SIGNATURE_H
#define COMMON_CODEC_COMMAND_SIGNATURE_H

/*
 * What is signed of a command on the queue: its key, its value and its partition, so that a message
 * that was signed is good in its own place alone.  Not its offset: the same message twice is one
 * command, whose second copy finds its operation.
 *
 * Stateless and thread-safe after sodium_init.
 */

#include "common/base/signing.h"

#define COMMAND_SIGNATURE_HEADER "billd_signature"
#define COMMAND_PARTS 3

/* Why a message is a dead letter where signatures are demanded: it is no command of ours, and
 * nobody sends it again together with others. */
#define COMMAND_UNSIGNED "not signed by an ingress of ours"

/* Borrows from itself: it stays where it is. */
struct command_parts {
	char partition[12];
	struct str parts[COMMAND_PARTS]; /* as signature_write takes them */
};

/**
 * command_parts_init(parts, key, value, partition):
 * The parts of a message; ${key} and ${value} are borrowed, and may be none.
 */
void command_parts_init(
    struct command_parts *parts, struct str key, struct str value, int32_t partition);

/**
 * command_signature_is_good(ring, text, key, value, partition):
 * Whether a key of ${ring} made ${text}, which may be none, for this message.
 */
NODISCARD bool command_signature_is_good(const struct signing_ring *ring, struct str text,
    struct str key, struct str value, int32_t partition);

/**
 * command_signature_is_known(ring, text):
 * Whether ${ring} has the key that ${text} says made it.
 */
NODISCARD bool command_signature_is_known(const struct signing_ring *ring, struct str text);

#endif
