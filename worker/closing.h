#ifndef WORKER_CLOSING_H
#define WORKER_CLOSING_H

/*
 * Closing a billing run: what its parts have reported is added up, and compared with what the
 * invoices that carry its id say, and with their entries in the journal.  Nothing of it changes any
 * more once every part is finished, so it needs neither lock nor snapshot, and reads the invoices
 * page by page: a run of millions takes no more memory than one of ten, and no statement long.
 */

#include "common/base/decimal.h"
#include "common/codec/command.h"
#include "common/postgres/pg.h"

#define CLOSING_CURRENCIES_MAX 256 /* more than there are */
#define CLOSING_DIGEST_SIZE 33     /* 32 hexadecimal digits and the NUL */

enum closing_amount {
	CLOSING_SUBTOTAL,
	CLOSING_DISCOUNT,
	CLOSING_TAX,
	CLOSING_TOTAL,
	CLOSING_CREDIT_APPLIED,
	CLOSING_AMOUNT_DUE,
	CLOSING_AMOUNTS,
};

/* Invoices in one currency. */
struct closing_sum {
	struct currency currency;
	int64_t invoices;
	int128 amounts[CLOSING_AMOUNTS]; /* minor units */
};

struct closing_sums {
	size_t len;
	struct closing_sum items[CLOSING_CURRENCIES_MAX]; /* each currency once */
};

struct closing {
	/* The run. */
	struct uuid organisation_id, run_id;
	int32_t shard; /* the organisation's */
	struct instant as_of;
	bool dry_run;

	/* What its parts report. */
	int64_t due, done, invoiced, failed;
	uint128 digest;
	struct closing_sums reported;

	/* What its documents say, as far as they are read. */
	struct closing_sums issued; /* the invoices */
	struct closing_sums booked; /* their journal entries: of CLOSING_TAX, _TOTAL,
				       _CREDIT_APPLIED and _AMOUNT_DUE */
	int64_t misbooked;          /* invoices whose entry says something else than they do */
	int64_t after_ms;           /* behind this one it goes on */
	struct uuid after_id;
	bool read; /* that was all of them */

	char digest_text[CLOSING_DIGEST_SIZE];
	struct billing_run_total totals[CLOSING_CURRENCIES_MAX]; /* the command's */
};

/**
 * closing_prepare(pg):
 * Have the statements of this module prepared.
 */
void closing_prepare(struct pg *pg);

/**
 * closing_load(closing, pg, arena, err):
 * What the parts report of the run that ${closing} names, all of which are finished.  ERR_POISON
 * when it is nothing that can be told.
 */
NODISCARD enum err_class closing_load(
    struct closing *closing, struct pg *pg, struct arena *arena, struct err *err);

/**
 * closing_read(closing, pg, arena, err):
 * Behind closing_load, and not of a dry run: add the next page of its documents; closing->read
 * tells whether it was the last one.
 */
NODISCARD enum err_class closing_read(
    struct closing *closing, struct pg *pg, struct arena *arena, struct err *err);

/**
 * closing_difference(closing):
 * Of a run whose documents are read: what does not add up, the first thing of it; NULL when all
 * says the same.
 */
NODISCARD const char *closing_difference(const struct closing *closing);

/**
 * closing_command(closing, now_ms):
 * What FinishBillingRun tells of it, as accepted at ${now_ms}; its operation's id derives from the
 * run.  It lives as long as ${closing}.
 */
NODISCARD struct finish_billing_run closing_command(struct closing *closing, int64_t now_ms);

/**
 * closing_number_read(text, ret_value):
 * Read a whole number as PostgreSQL writes one, that has at most 38 digits.  False for anything
 * else.
 */
NODISCARD bool closing_number_read(struct str text, int128 *ret_value);

#endif
