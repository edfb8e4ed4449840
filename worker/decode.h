#ifndef WORKER_DECODE_H
#define WORKER_DECODE_H

/*
 * From a message's bytes to a command: frame, writer's schema, Avro, and what every command must
 * be.  Trusts nothing.
 */

#include "worker/batch.h"

/**
 * decode(context, entry, err):
 * Fill what ${entry} says of its command.  A message that is none is marked dead, with its reason;
 * its meta is kept when it could be read.  ERR_POISON when the batch's memory is full.
 */
NODISCARD enum err_class decode(
    struct batch_context *context, struct entry *entry, struct err *err);

/**
 * decode_is_visible(text, max):
 * Whether ${text}, which may be none, is at most ${max} visible ASCII characters.
 */
NODISCARD bool decode_is_visible(struct str text, size_t max);

#endif
