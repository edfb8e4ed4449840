#ifndef WORKER_PROVIDER_H
#define WORKER_PROVIDER_H

/*
 * Payment providers: who moves money for us.  A provider is a table of functions and a state of its
 * own.  They block, are called outside of any transaction of ours, and by the payer's thread alone.
 *
 * A transfer has a key, the payment's id: asked for twice under one key, it is one transfer.  That
 * a provider gave no answer says nothing about what it did.
 */

#include <stdbool.h>

#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/money.h"

#define PROVIDER_TEXT_SIZE 64 /* of a reference, of a code; with the NUL */

enum provider_outcome {
	PROVIDER_SUCCEEDED, /* the money is there, or on its way back */
	PROVIDER_DECLINED,  /* nothing was moved, and nothing will be under this key */
	PROVIDER_UNKNOWN,   /* no answer: it may have done it, or not */
	PROVIDER_NOT_FOUND, /* of find alone: it knows nothing of this key */
	PROVIDER_OUTCOME_MAX,
};

/* A transfer that is asked for; borrowed texts. */
struct provider_request {
	struct uuid key;       /* the payment's id */
	struct uuid reference; /* the invoice's: what it is for */
	bool refund;           /* the money goes back */
	struct str method;     /* the payment's, as its payment_method */
	int64_t amount;        /* minor units, from 1 */
	struct currency currency;
};

struct provider_result {
	enum provider_outcome outcome;
	char reference[PROVIDER_TEXT_SIZE]; /* the provider's, when it succeeded; else "" */
	char code[PROVIDER_TEXT_SIZE];      /* why, when it was declined; else "" */
};

/**
 * charge(state, request, ret_result), refund(…):
 * Take the money, or give it back, unless that was done under this key before.
 * find(state, request, ret_result): what was done under this key.
 */
typedef void provider_call(
    void *state, const struct provider_request *request, struct provider_result *ret_result);

struct provider {
	const char *name;
	provider_call *charge, *refund, *find;
	void *state; /* of its functions */
};

/**
 * provider_settle(provider, request, find_first, ret_result):
 * Have the transfer of ${request} done, or told what became of it.  With ${find_first}, as it may
 * have been asked for before, the provider is asked what it did before anything is moved.  Never
 * PROVIDER_NOT_FOUND.
 */
void provider_settle(const struct provider *provider, const struct provider_request *request,
    bool find_first, struct provider_result *ret_result);

/**
 * provider_outcome_text(outcome):
 * As RecordPaymentOutcome has it: "succeeded", "failed", "unknown".  PROVIDER_NOT_FOUND has none
 * (CHECKed).
 */
NODISCARD struct str provider_outcome_text(enum provider_outcome outcome);

#endif
