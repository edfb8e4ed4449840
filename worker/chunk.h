#ifndef WORKER_CHUNK_H
#define WORKER_CHUNK_H

/*
 * A chunk: what is due of some customers, decided together and stored in one transaction, under the
 * lock of their partitions' progress, as a batch of commands is.  One that cannot be stored is
 * halved until the customer that spoils it stands alone; what is due of that one is parked.  Who is
 * due is found by due.h, which does what falls due by itself, and by run.h, for billing runs.
 */

#include "worker/batch.h"

#define CHUNK_CUSTOMERS_MAX 2000     /* in one chunk; also clocks */
#define CHUNK_SUBSCRIPTIONS_MAX 4000 /* of them */
#define CHUNK_EVENTS_MAX 4000        /* with so many in hand a chunk takes no further customer */
#define CHUNK_DEATHS_MAX 3           /* of workers over one customer, before it is parked untried */

struct run_part;

/* One customer with something due, or a clock that has nothing more to do. */
struct due_item {
	struct uuid organisation_id;
	struct uuid customer_id;   /* nil: the clock itself arrives */
	struct uuid test_clock_id; /* nil: real time */
	struct instant due_at;     /* the first thing of it; of an arriving clock none */
	struct horizon horizon;    /* up to and with which it is done */
	struct partition *partition;
	size_t first, len; /* its subscriptions that are due, in due_items.subscription_ids */
};

/* Whoever was found, with the subscriptions of each together, by due_at, then id. */
struct due_items {
	size_t len;
	struct due_item items[CHUNK_CUSTOMERS_MAX];
	size_t subscriptions_len;
	struct uuid subscription_ids[CHUNK_SUBSCRIPTIONS_MAX];
};

/* A subscription that is due, as a look finds it; or a clock that arrives, which has no customer
 * and no subscription. */
struct due_row {
	struct uuid organisation_id, customer_id, test_clock_id, subscription_id;
	struct instant due_at;
	struct horizon horizon; /* the same for all rows of one customer */
	struct partition *partition;
};

/* How a chunk is done. */
struct chunk {
	struct batch_context *context;
	const struct due_items *found;
	struct run_part *part;     /* of the billing run that it belongs to; NULL: none */
	struct run_report *report; /* what it adds to the run's report; chunk.c's own */
	bool unfinished;           /* of a customer more is due than was done at once */
	int64_t took_us;           /* to decide and store, not to wait for others' locks */
	/* What becomes of an item with which even parking failed; ERR_NONE, or what ended it. */
	enum err_class (*leave)(
	    void *who, const struct due_item *item, const struct err *why, struct err *err);
	void *who;
};

/**
 * chunk_items_take(items, rows, len):
 * Put ${rows}, at most as many as there is room for (CHECKed), behind those of ${items}, the
 * subscriptions of each customer together.  Customers come in the order of their first row, those
 * of a customer in the order of their rows.
 */
void chunk_items_take(struct due_items *items, const struct due_row *rows, size_t len);

/**
 * chunk_refer(facts, found, item), chunk_decide(chunk, item, err):
 * Ask for what ${item} needs; and, over the facts, do what is due of it, or let its clock arrive.
 * ERR_POISON when it cannot be decided.
 */
void chunk_refer(struct facts *facts, const struct due_items *found, const struct due_item *item);
NODISCARD enum err_class chunk_decide(
    struct chunk *chunk, const struct due_item *item, struct err *err);

/**
 * chunk_park(chunk, item):
 * Over the facts: park every subscription of ${item} that is due, as it cannot be billed.
 */
void chunk_park(struct chunk *chunk, const struct due_item *item);

/**
 * chunk_process(chunk, first, len, err):
 * Do ${len} of the found items, from number ${first} on, or as many of them as fit; whoever is left
 * is found again.  ERR_NONE: committed, or, of a billing run that does not go on, nothing done
 * (part->held).  ERR_RETRY: the database failed or another worker owns a partition.  ERR_FATAL:
 * exit.
 */
NODISCARD enum err_class chunk_process(
    struct chunk *chunk, size_t first, size_t len, struct err *err);

/**
 * chunk_process_carefully(chunk, err):
 * Of the careful partition of the first found item (progress.h) do one: noted before it is tried,
 * and given up at the fourth death of a worker over it.
 */
NODISCARD enum err_class chunk_process_carefully(struct chunk *chunk, struct err *err);

#endif
