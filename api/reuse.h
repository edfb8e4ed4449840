#ifndef API_REUSE_H
#define API_REUSE_H

/*
 * Idempotency keys that this process has seen lately, and the operation that each came with: so
 * that a key that comes back with another request is refused at once.  It forgets (a new key takes
 * the slot of another), and other processes don't know it: the worker decides for certain.
 * Thread-safe.
 */

#include <stdbool.h>

#include "common/base/str.h"
#include "common/base/uuid.h"

#define REUSE_SLOTS 65536

struct reuse;

/* What was known of a key. */
enum reuse_known {
	REUSE_NEW,   /* nothing: it is remembered now */
	REUSE_SAME,  /* it came with the same operation */
	REUSE_OTHER, /* it belongs to another operation, with which it stays */
};

/**
 * reuse_new(), reuse_free(reuse):
 * Never NULL; free accepts NULL.
 */
NODISCARD struct reuse *reuse_new(void);
void reuse_free(struct reuse *reuse);

/**
 * reuse_note(reuse, organisation_id, key, operation_id):
 * Remember ${key}, unless it is known.
 */
NODISCARD enum reuse_known reuse_note(
    struct reuse *reuse, struct uuid organisation_id, struct str key, struct uuid operation_id);

/**
 * reuse_forget(reuse, organisation_id, key, operation_id):
 * By the request for which it was REUSE_NEW, when nothing was accepted: know ${key} no longer,
 * unless it belongs to another operation by now.
 */
void reuse_forget(
    struct reuse *reuse, struct uuid organisation_id, struct str key, struct uuid operation_id);

#endif
