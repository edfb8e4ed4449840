#ifndef WORKER_SIGNATURES_H
#define WORKER_SIGNATURES_H

/*
 * Whether a message was written by an ingress of ours: where BILLD_SIGNED_COMMANDS says so, one
 * that no valid key signed is a dead letter, and no operation comes of it.
 *
 * The keys are read before a batch is decoded, when they are some seconds old and whenever a
 * message names one that is not known.  That costs a batch one small statement at most, whatever
 * strangers write, and a key is known as soon as anybody can have signed with it.
 */

#include "common/base/id.h"
#include "common/base/signing.h"
#include "common/postgres/pg.h"

struct signatures {
	bool demanded;
	struct id_secret secret;
	struct signing_ring ring;
	int64_t loaded_at_ms; /* steady clock; 0: never */
};

/**
 * signatures_prepare(pg):
 * Have the statement of this module prepared.
 */
void signatures_prepare(struct pg *pg);

/**
 * signatures_init(signatures, secret), signatures_release(signatures):
 * Demand signatures by keys of ${secret}, which is copied; or none when it is NULL.  Release wipes
 * what there is, and accepts a zeroed one.
 */
void signatures_init(struct signatures *signatures, const struct id_secret *secret);
void signatures_release(struct signatures *signatures);

/**
 * signatures_load(signatures, pg, err):
 * Read the keys that are valid now, outside of any transaction.  What was known stays so on
 * failure.
 */
NODISCARD enum err_class signatures_load(
    struct signatures *signatures, struct pg *pg, struct err *err);

/**
 * signatures_wants(signatures, text, now_ms):
 * Whether the keys are to be read before a message with the signature ${text}, or none, is judged;
 * ${now_ms} is the steady clock.
 */
NODISCARD bool signatures_wants(
    const struct signatures *signatures, struct str text, int64_t now_ms);

/**
 * signatures_allow(signatures, text, key, value, partition):
 * Whether a message with the signature ${text}, or none, may be processed: it is signed well, or
 * need not be.
 */
NODISCARD bool signatures_allow(const struct signatures *signatures, struct str text,
    struct str key, struct str value, int32_t partition);

#endif
