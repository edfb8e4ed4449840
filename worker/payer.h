#ifndef WORKER_PAYER_H
#define WORKER_PAYER_H

/*
 * The payer: a thread that has payments settled.  It looks for those of its worker's partitions
 * that wait (processing, or unknown), asks the provider, and tells the outcome as a command
 * (teller.h).  It changes no row of ours, holds no transaction while it asks, and decides nothing.
 *
 * What it does again after a crash does no harm: the row was committed before, the provider knows
 * the payment by its id, and an outcome is told under an id of its own.
 *
 *   killed before it asked        the next look finds the row
 *   asked, and no outcome sent    the next look asks what was done, and takes that
 *   sent, or sent twice           it takes effect once
 */

#include "common/codec/schema.h"
#include "common/postgres/pg.h"
#include "worker/metrics.h"
#include "worker/progress.h"
#include "worker/provider.h"
#include "worker/teller.h"

struct payer;

struct payer_settings {
	const struct pg_settings *pg; /* copied; for looks, and for what the provider keeps */
	struct teller_settings teller;
	int64_t interval_ms; /* between two looks while nothing waits */
};

/* Whose outcome it is. */
struct payer_subject {
	struct uuid organisation_id, payment_id, customer_id, invoice_id;
	int32_t shard; /* the customer's */
};

/**
 * payer_outcome(subject, result, now_ms):
 * The command that tells what became of ${subject}, as accepted at ${now_ms} (milliseconds since
 * the epoch); its operation's id derives from payment and outcome.  Its texts are those of
 * ${result}.
 */
NODISCARD struct record_payment_outcome payer_outcome(
    const struct payer_subject *subject, const struct provider_result *result, int64_t now_ms);

/**
 * payer_open(settings, schemas, metrics, ret_payer, err), payer_free(payer):
 * A payer that owns nothing and does not run yet; ${schemas} and ${metrics} outlive it.  ERR_FATAL
 * when the settings are none to work with.  Free stops it, waits for its end, and accepts NULL.
 */
NODISCARD enum err_class payer_open(const struct payer_settings *settings,
    const struct schemas *schemas, struct metrics *metrics, struct payer **ret_payer,
    struct err *err);
void payer_free(struct payer *payer);

/**
 * payer_check(payer, err):
 * Whether every statement fits the database.  Before payer_start.
 */
NODISCARD enum err_class payer_check(struct payer *payer, struct err *err);

/**
 * payer_start(payer), payer_stop(payer):
 * Begin; and end, once what is asked for is answered.  Stop is fine without start, and twice.
 */
void payer_start(struct payer *payer);
void payer_stop(struct payer *payer);

/**
 * payer_own(payer, partitions):
 * From now on ask for the payments of these partitions alone.  What is being asked goes on: whoever
 * has the partition next asks by the same key.
 */
void payer_own(struct payer *payer, const struct partitions *partitions);

/**
 * payer_wake(payer):
 * Look at once: a payment was committed.
 */
void payer_wake(struct payer *payer);

#endif
