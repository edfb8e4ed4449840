#ifndef API_CALLERS_H
#define API_CALLERS_H

/*
 * Callers that were seen lately, by a hash of what they show: an API key, or a user's session and
 * the organisation it acts in.  So an accepted request costs no look at the database, and known
 * callers are served while it is away.  Bounded: a new one takes the place of the one in its set
 * that was used longest ago.  Thread-safe; the clock is the caller's.
 */

#include <stdbool.h>
#include <stdint.h>

#include "api/request.h"
#include "common/base/api_key.h"
#include "common/base/uuid.h"

#define CALLERS_SETS 1024
#define CALLERS_WAYS 4
#define CALLERS_MAX (CALLERS_SETS * CALLERS_WAYS)
#define CALLER_HASH_BYTES API_KEY_HASH_BYTES
#define CALLER_NEVER_S INT64_MAX /* the expiry of what never expires */

struct callers;

/* Times are seconds since the epoch. */
struct caller_entry {
	uint8_t hash[CALLER_HASH_BYTES];
	struct caller caller;
	int64_t expires_s; /* from then on it is not known any more */
	int64_t used_s;    /* its last use */
	int64_t noted_s;   /* the last use that the database was told of; 0: none */
};

/**
 * callers_new(), callers_free(callers):
 * Never NULL; free accepts NULL.
 */
NODISCARD struct callers *callers_new(void);
void callers_free(struct callers *callers);

/**
 * callers_member_hash(session_id, organisation_id, ret_hash):
 * The hash of a user's session in an organisation; nil: in none.
 */
void callers_member_hash(
    struct uuid session_id, struct uuid organisation_id, uint8_t ret_hash[CALLER_HASH_BYTES]);

/**
 * callers_get(callers, hash, now_s, ret_caller):
 * Find a caller, who is used now.  False, ${ret_caller} untouched, when it is not known, or has
 * expired.
 */
NODISCARD bool callers_get(struct callers *callers, const uint8_t hash[CALLER_HASH_BYTES],
    int64_t now_s, struct caller *ret_caller);

/**
 * callers_put(callers, hash, caller, expires_s, now_s):
 * Know a caller, who is used now.
 */
void callers_put(struct callers *callers, const uint8_t hash[CALLER_HASH_BYTES],
    const struct caller *caller, int64_t expires_s, int64_t now_s);

/**
 * callers_update(callers, hash, role, expires_s), callers_noted(callers, hash, used_s),
 * callers_drop(callers, hash):
 * When it is still known: it has another role or expiry; the database was told of its use; know it
 * no longer.
 */
void callers_update(struct callers *callers, const uint8_t hash[CALLER_HASH_BYTES], enum role role,
    int64_t expires_s);
void callers_noted(struct callers *callers, const uint8_t hash[CALLER_HASH_BYTES], int64_t used_s);
void callers_drop(struct callers *callers, const uint8_t hash[CALLER_HASH_BYTES]);

/**
 * callers_list(callers, kind, entries):
 * Copy all of ${kind}, in no order, to ${entries}, which has room for CALLERS_MAX.  How many.
 */
NODISCARD size_t callers_list(
    struct callers *callers, enum caller_kind kind, struct caller_entry *entries);

/**
 * callers_len(callers):
 * How many are known.
 */
NODISCARD size_t callers_len(struct callers *callers);

#endif
