#ifndef WORKER_TELLER_H
#define WORKER_TELLER_H

/*
 * Tells a command of a worker's own on billd.commands, in the order of the others of its key.  Its
 * operation id derives from what it is about, so that whoever tells it, and however often, it takes
 * effect once.  Signed as the ingress signs, where we have its secret.  Belongs to one thread.
 * Whoever tells a command dates it by the database's clock (database_clock.h).
 */

#include "common/codec/command.h"
#include "common/codec/schema.h"
#include "common/kafka/producer.h"
#include "common/postgres/pg.h"
#include "worker/signatures.h"

struct teller_settings {
	const char *bootstrap;          /* Kafka's brokers */
	const struct id_secret *secret; /* the ingress's; NULL: nothing is signed */
	int32_t partitions_all;         /* of the topic */
};

struct teller {
	struct producer *producer;
	struct signatures signatures;
	const struct schema *schemas[COMMAND_TYPE_MAX]; /* of a worker's own commands */
	struct buf buf;
	int32_t partitions_all;
};

/**
 * teller_open(settings, schemas, ret_teller, err), teller_close(teller):
 * ${schemas} outlive it, the secret is copied.  Does not wait for a broker.  Close gives what is in
 * flight a moment to arrive, wipes the secret, and accepts a zeroed one.
 */
NODISCARD enum err_class teller_open(const struct teller_settings *settings,
    const struct schemas *schemas, struct teller *ret_teller, struct err *err);
void teller_close(struct teller *teller);

/**
 * teller_ready(teller, pg, err):
 * Have the keys at hand that sign, read through ${pg} (signatures_prepare) when they are old.
 * ERR_RETRY when there is none.
 */
NODISCARD enum err_class teller_ready(struct teller *teller, struct pg *pg, struct err *err);

/**
 * teller_send(teller, type, key, shard, command, err):
 * Behind teller_ready: send ${command}, the struct of ${type}, a worker's own, whose customer or
 * organisation is ${key} and lives in ${shard}.  ERR_RETRY when it cannot be sent now.
 */
NODISCARD enum err_class teller_send(struct teller *teller, enum command_type type, struct uuid key,
    int32_t shard, const void *command, struct err *err);

/**
 * teller_reports(teller):
 * Take what was reported of what was sent.  How many did not arrive: they are to be sent again.
 */
size_t teller_reports(struct teller *teller);

/**
 * teller_settle(teller, timeout_ms):
 * Likewise, and wait for it, ${timeout_ms} at the most.  How many are not known to have arrived.
 */
size_t teller_settle(struct teller *teller, int64_t timeout_ms);

#endif
