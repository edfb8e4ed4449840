#ifndef WORKER_OUTCOME_H
#define WORKER_OUTCOME_H

/*
 * The outcome of one message: a command that succeeds, is refused, or was met before; or a dead
 * letter.
 */

#include "worker/batch.h"

/**
 * outcome_decide(context, entry, err):
 * Decide the decoded ${entry} over the batch's facts, and add its operation or its dead letter to
 * them.  ERR_POISON when it cannot be decided within this batch.
 */
NODISCARD enum err_class outcome_decide(
    struct batch_context *context, struct entry *entry, struct err *err);

/**
 * outcome_tell(context, entry):
 * Log and count the outcome, which is committed.
 */
void outcome_tell(struct batch_context *context, const struct entry *entry);

#endif
