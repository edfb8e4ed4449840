#ifndef WORKER_BATCH_H
#define WORKER_BATCH_H

/*
 * A batch: messages in the order in which they came, decided together and stored in one transaction
 * with their operations, events and progress.  One that cannot be stored is halved until the
 * message that spoils it stands alone; that one becomes a dead letter.
 */

#include "common/base/arena.h"
#include "common/codec/avro.h"
#include "worker/actor.h"
#include "worker/decision.h"
#include "worker/metrics.h"
#include "worker/progress.h"
#include "worker/publish.h"
#include "worker/signatures.h"

#define BATCH_MESSAGES_MAX 1000
#define BATCH_BYTES_MAX (4 * 1024 * 1024) /* of messages; one message may pass it alone */

/* Times that one is loaded again because another worker's was first. */
#define BATCH_CONFLICTS_MAX 3

/* One message of a batch. */
struct entry {
	rd_kafka_message_t *message; /* owned by the loop */
	struct partition *partition;
	struct str signature, request_id; /* its headers; none where it has none */
	char condemned[ERR_TEXT_SIZE]; /* why it is a dead letter without being tried; "" when it is
					  not */
	bool unread; /* when condemned: nor is it read, as that, or the row of its operation, is
			what cannot be */

	/* Made anew each time the batch is tried; in the batch's arena. */
	bool dead;                  /* it cannot be processed: */
	char reason[ERR_TEXT_SIZE]; /* why */
	enum command_type type;
	const struct command_meta *meta; /* begins the command; NULL: unreadable */
	struct actor actor;              /* who asked, by its meta */
	bool repeated;                   /* it was processed before: nothing to do */
	enum refusal refusal;
};

/* What processing needs, for the life of the worker. */
struct batch_context {
	struct pg *pg;
	struct arena arena; /* of the batch in hand, with */
	struct facts facts; /* what it loaded and changed */
	struct buf scratch;
	const struct schemas *schemas;
	struct avro_decoder *decoder;
	struct zone_cache zones;
	struct decider decider;
	struct bill *bill; /* the decider's; owned */
	struct signatures signatures;
	struct partitions *partitions;
	struct partition_set touched; /* of them, by the transaction in hand */
	struct publisher *publisher;  /* NULL: of a runner (runner.h) */
	struct metrics *metrics;
	int32_t partitions_all; /* of the topic */
	int64_t began_us;       /* steady clock: when the batch in hand was begun */
	size_t planned_for;     /* commands processed by the plans that the connection has */
	bool due_soon;          /* a command left something that is to be done at once (due.h) */
	bool runs_soon;         /* likewise a billing run that goes on (run.h) */
	bool payments_soon;     /* likewise a payment that is to be asked for (payer.h) */
};

/**
 * batch_context_init(context, schemas, err), batch_context_release(context):
 * Make ready what does not depend on the connection; the caller sets pg, partitions, publisher,
 * metrics, signatures and partitions_all.  Release accepts a zeroed one.
 */
NODISCARD enum err_class batch_context_init(
    struct batch_context *context, const struct schemas *schemas, struct err *err);
void batch_context_release(struct batch_context *context);

/**
 * batch_process(context, entries, len, err):
 * Process all of ${entries}.  ERR_NONE: every one has its outcome, committed, and its events are
 * being published.  ERR_RETRY: the database failed or another worker owns a partition; what the
 * table says is true, and some of the batch may be in it.  ERR_FATAL: exit.
 */
NODISCARD enum err_class batch_process(
    struct batch_context *context, struct entry *entries, size_t len, struct err *err);

/**
 * batch_begin(context, entries, len, err), batch_store(context, err), batch_end(context, entries,
 * len): The same in pieces, of one try: decide all of ${entries} within a transaction that stays
 * open; store what was decided, in any thread, which has ${context} meanwhile; and, when that went
 * well, take it for true and have the events published.  On errors batch_undo, after which the
 * batch is batch_process's from its beginning.
 */
NODISCARD enum err_class batch_begin(
    struct batch_context *context, struct entry *entries, size_t len, struct err *err);
NODISCARD enum err_class batch_store(struct batch_context *context, struct err *err);
void batch_end(struct batch_context *context, const struct entry *entries, size_t len);

/**
 * batch_undo(context):
 * Whatever went wrong: nothing is left behind.
 */
void batch_undo(struct batch_context *context);

/**
 * message_hash(message, ret_hash):
 * By what a message is known again.
 */
void message_hash(const rd_kafka_message_t *message, uint8_t ret_hash[MESSAGE_HASH_BYTES]);

#endif
