#ifndef WORKER_PROVIDER_SIMULATED_H
#define WORKER_PROVIDER_SIMULATED_H

/*
 * The simulated provider: moves no money, and behaves as the payment method says.  What it did
 * stands in a book of its own (simulated_provider.transfers), written through a connection of its
 * own in transactions of its own: as with a real one, its truth is not ours.
 *
 *   sim_ok                   succeeds
 *   sim_declined             is declined: card_declined
 *   sim_insufficient_funds   is declined: insufficient_funds
 *   sim_error                succeeds, and gives no answer to the first request under a key
 *   sim_fail_n_then_ok:N     the first N transfers by it for one invoice are declined
 *
 * Refunds succeed; of sim_error without an answer at first.
 */

#include "common/postgres/pg.h"
#include "worker/provider.h"

/* What the provider does under a new key. */
struct provider_simulated_terms {
	int32_t declines;   /* so many transfers by the method for one reference are declined;
			       INT32_MAX: all */
	const char *code;   /* why */
	bool silent_before; /* no answer to the first request under a key */
};

/**
 * provider_simulated_open(settings, ret_provider):
 * The provider, which connects by ${settings}, whose texts are borrowed for life, when it is first
 * asked.
 */
void provider_simulated_open(const struct pg_settings *settings, struct provider *ret_provider);

/**
 * provider_simulated_close(provider):
 * Free what provider_simulated_open made.  A zeroed one is fine.
 */
void provider_simulated_close(struct provider *provider);

/**
 * provider_simulated_check(provider, err):
 * Whether its statements fit the database.
 */
NODISCARD enum err_class provider_simulated_check(const struct provider *provider, struct err *err);

/**
 * provider_simulated_terms(method, refund, ret_terms):
 * What ${method} does.  False for one that it does not know.
 */
NODISCARD bool provider_simulated_terms(
    struct str method, bool refund, struct provider_simulated_terms *ret_terms);

#endif
