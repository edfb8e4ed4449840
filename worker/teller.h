#ifndef WORKER_TELLER_H
#define WORKER_TELLER_H

/*
 * Tells what a provider said: as a command (RecordPaymentOutcome) on billd.commands, in the order
 * of the customer's others.  Its operation id derives from the payment and the outcome, so that
 * whoever tells it, and however often, it takes effect once.  Signed as the ingress signs, where we
 * have its secret.
 */

#include "common/base/instant.h"
#include "common/codec/schema.h"
#include "common/kafka/producer.h"
#include "common/postgres/pg.h"
#include "worker/provider.h"
#include "worker/signatures.h"

struct teller_settings {
	const char *bootstrap;  /* Kafka's brokers */
	const char *secret;     /* BILLD_SECRET; NULL: nothing is signed */
	int32_t partitions_all; /* of the topic */
};

struct teller {
	struct producer *producer;
	struct signatures signatures;
	const struct schema *schema;
	struct buf buf;
	int32_t partitions_all;
};

/* Whose outcome it is. */
struct teller_subject {
	struct uuid organisation_id, payment_id, customer_id, invoice_id;
	int32_t shard; /* the customer's */
};

/**
 * teller_open(settings, schemas, ret_teller, err), teller_close(teller):
 * ${schemas} outlive it.  Does not wait for a broker.  ERR_FATAL when the secret is none.  Close
 * gives what is in flight a moment to arrive, wipes the secret, and accepts a zeroed one.
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
 * teller_send(teller, subject, result, now_ms, err):
 * Behind teller_ready: send what became of ${subject}, as accepted at ${now_ms} (milliseconds since
 * the epoch).  ERR_RETRY when it cannot be sent now.
 */
NODISCARD enum err_class teller_send(struct teller *teller, const struct teller_subject *subject,
    const struct provider_result *result, int64_t now_ms, struct err *err);

/**
 * teller_reports(teller):
 * Take what was reported of what was sent.  How many did not arrive: they are to be sent again.
 */
size_t teller_reports(struct teller *teller);

#endif
