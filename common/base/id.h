#ifndef COMMON_BASE_ID_H
#define COMMON_BASE_ID_H

/*
 * How our UUIDs are made: all are derived, so that the same command again gives the same rows.
 * UUIDv8 (RFC 9562), 122 bits of our own:
 *
 *   operation   | 48 prefix | 4 version | 12 hash          | 2 variant | 42 hash | 20 tag |
 *   resource    | 48 prefix | 4 version | 2 hash, 10 shard | 2 variant | 62 hash          |
 *
 * prefix: the milliseconds at which the command was accepted, or hash when the client named an
 * idempotency key (a retry must give the same id at another time).  Resources take the prefix of
 * their operation, so rows that are made together lie together. tag: keyed by a secret of the
 * ingress, so that it knows an id that it handed out without asking anybody. shard: of the customer
 * that the resource belongs to, so that the ingress finds its partition without asking anybody.
 *
 * Stateless and thread-safe after sodium_init.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/base/uuid.h"

#define SHARDS 1024
#define ID_SECRET_BYTES 32
#define ID_NUMBER_PREFIX_SIZE 13 /* 12 characters and the NUL */

/* The ingress's secret; the same for all of its processes, and kept over restarts. */
struct id_secret {
	uint8_t bytes[ID_SECRET_BYTES];
};

/* What is derived.  The values are part of every id: never change one. */
enum id_kind {
	ID_CUSTOMER = 1,
	ID_PLAN = 2,
	ID_SUBSCRIPTION = 3,
	ID_INVOICE = 4,
	ID_INVOICE_LINE = 5,
	ID_EVENT = 6,
	ID_PLAN_VERSION = 7, /* from the second; the first has the plan's */
	ID_TEST_CLOCK = 8,
	ID_QUANTITY = 9,
	ID_CREDIT_ENTRY = 10,
	ID_DUE_EVEN = 11, /* what fell due at an even second of a subscription's life: stands where
			     an operation's id stands */
	ID_DUE_ODD = 12,
	ID_COUPON = 13,
	ID_TAX_RATE = 14,
	ID_ITEM = 15,
	ID_CREDIT_NOTE = 16,
	ID_PAYMENT = 17, /* and refunds */
	ID_JOURNAL_ENTRY = 18,
	ID_OUTCOME = 19, /* of a payment: stands where an operation's id stands */
	ID_BILLING_RUN = 20,
	ID_RUN_FINISHED = 21, /* of a billing run: likewise */
	ID_RUN_OF_HOUR = 22,  /* of an organisation's billing run for an hour: likewise */
};

/* What makes a request this one. */
struct id_request {
	struct uuid organisation_id;
	int64_t accepted_ms;
	struct str idempotency_key; /* none: then nonce tells requests apart */
	uint8_t nonce[16];          /* random */
	struct str method, path, body;
};

/**
 * id_operation(secret, request):
 * The id of the operation that ${request} begins.
 */
NODISCARD struct uuid id_operation(
    const struct id_secret *secret, const struct id_request *request);

/**
 * id_operation_is_ours(secret, organisation_id, id):
 * Whether an ingress with ${secret} handed out ${id} to that organisation (a guess passes once in a
 * million).
 */
NODISCARD bool id_operation_is_ours(
    const struct id_secret *secret, struct uuid organisation_id, struct uuid id);

/**
 * id_derive(operation_id, kind, ordinal, shard):
 * The id of number ${ordinal} among the resources of ${kind} that an operation makes; ${shard} (0
 * to SHARDS - 1) goes into it.  Customers and plans take shard 0: their place follows from the id
 * (id_shard_of_key) or from the organisation.
 */
NODISCARD struct uuid id_derive(
    struct uuid operation_id, enum id_kind kind, uint32_t ordinal, int32_t shard);

/**
 * id_due(subscription_id, due_at_s):
 * What names the step of a subscription that falls due at ${due_at_s} (seconds since the epoch, not
 * negative), as an operation's id names what a command does: what the step makes is derived from
 * it, whoever takes the step, and when.  One name is enough for a second, as each step leaves the
 * next one due later (lifecycle_due); parking is no step, and what is parked falls due again in the
 * same second: what it emits needs names of its own.
 */
NODISCARD struct uuid id_due(struct uuid subscription_id, int64_t due_at_s);

/**
 * id_customer_on_clock(operation_id, test_clock_id):
 * The id of the customer that an operation makes on a test clock: the first of ID_CUSTOMER whose
 * shard (id_shard_of_key) is the clock's.
 */
NODISCARD struct uuid id_customer_on_clock(struct uuid operation_id, struct uuid test_clock_id);

/**
 * id_shard(id):
 * The shard inside the id of a subscription, invoice, line or event.  For any other UUID the answer
 * means nothing, but is in range.
 */
NODISCARD int32_t id_shard(struct uuid id);

/**
 * id_shard_of_key(key):
 * Where what is keyed by this customer or organisation lives: murmur2 of the id's text, as every
 * Kafka client's Java-compatible partitioner computes it, mod SHARDS.
 */
NODISCARD int32_t id_shard_of_key(struct uuid key);

/**
 * id_number_prefix(customer_id, ret_text):
 * What a customer's invoice numbers begin with: 12 characters of Crockford's base 32 from a hash of
 * the id, and a NUL.
 */
void id_number_prefix(struct uuid customer_id, char ret_text[ID_NUMBER_PREFIX_SIZE]);

/**
 * id_secret_read(text, ret_secret):
 * Take 64 hexadecimal digits, surrounding white space aside.  False, ${ret_secret} untouched, for
 * anything else.
 */
NODISCARD bool id_secret_read(struct str text, struct id_secret *ret_secret);

/**
 * murmur2(bytes, len):
 * Kafka's hash of keys, as its Java clients compute it.
 */
NODISCARD uint32_t murmur2(const void *bytes, size_t len);

#endif
