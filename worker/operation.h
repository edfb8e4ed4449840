#ifndef WORKER_OPERATION_H
#define WORKER_OPERATION_H

/*
 * The row of billd.operations that says what became of a command.  Most are written in the
 * transaction that decides the command; some later, by whatever brings it to its end: a test
 * clock's arrival, a payment's outcome.
 */

#include "worker/decision.h"

/* What was asked for, as the command or the row that it left says. */
struct operation_asked {
	struct uuid organisation_id;
	struct uuid id;
	enum command_type type;
	struct uuid resource_id; /* that the command names (handler.h) */
	int64_t accepted_ms;     /* since the epoch */
	struct str idempotency_key, actor, address, request_id; /* none where there is none */
};

/**
 * operation_write(decider, asked, refusal, detail):
 * Write that ${asked} succeeded (REFUSAL_NONE), or failed by ${refusal}, to whose title ${detail}
 * ("" for nothing) adds; unless its operation is written already, as a dead letter of the same
 * command was.  A key that another operation has is left out.
 */
void operation_write(struct decider *decider, const struct operation_asked *asked,
    enum refusal refusal, const char *detail);

#endif
