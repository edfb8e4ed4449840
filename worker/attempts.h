#ifndef WORKER_ATTEMPTS_H
#define WORKER_ATTEMPTS_H

/*
 * What the payer remembers of the payments that it has asked for, and the scheduler of the billing
 * runs that it has told, so that neither asks nor tells the same thing many times a second.  A
 * bounded memory of one thread, and no truth: what is forgotten is found in the database, and asked
 * for again by its key.
 */

#include <stdint.h>

#include "common/base/check.h"
#include "common/base/uuid.h"

#define ATTEMPTS_MAX 1024
#define ATTEMPTS_TOLD_MS 5000       /* an outcome that was sent is not sent again before */
#define ATTEMPTS_UNKNOWN_MS 500     /* after the first time without an answer */
#define ATTEMPTS_PAUSE_MAX_MS 60000 /* to which both double */

struct attempt {
	struct uuid id;        /* the payment's */
	int64_t not_before_ms; /* steady clock: when it is its turn again */
	int64_t unknown_ms;    /* the pause when there is no answer the next time */
	int64_t told_ms;       /* when its outcome is told the next time: it had no effect */
};

struct attempts {
	size_t len;
	struct attempt items[ATTEMPTS_MAX];
};

/**
 * attempts_is_known(attempts, id):
 * Whether the payment was asked for before, as far as is remembered.
 */
NODISCARD bool attempts_is_known(const struct attempts *attempts, struct uuid id);

/**
 * attempts_is_due(attempts, id, now_ms):
 * Whether the payment may be asked for at ${now_ms} (steady clock).  One that is not known may not
 * while the memory is full of others whose turn has not come.
 */
NODISCARD bool attempts_is_due(const struct attempts *attempts, struct uuid id, int64_t now_ms);

/**
 * attempts_told(attempts, id, now_ms), attempts_unknown(attempts, id, now_ms):
 * What became of the payment was sent; or there was no answer.  It was due (CHECKed).  When the
 * memory is full, the payment that has waited longest for its turn is forgotten.
 */
void attempts_told(struct attempts *attempts, struct uuid id, int64_t now_ms);
void attempts_unknown(struct attempts *attempts, struct uuid id, int64_t now_ms);

#endif
