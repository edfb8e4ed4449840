#ifndef CLI_RUN_STATE_H
#define CLI_RUN_STATE_H

/*
 * What the API says of a billing run, read out of its JSON; and how amounts and texts of it are
 * written for people.  Pure.  What is missing or of another type is none or 0: a newer API may say
 * more, and nothing here decides about money.  A count that is negative is 0, too.
 */

#include <jansson.h>

#include "common/base/str.h"

#define RUN_AMOUNTS_MAX 8 /* currencies that a line of progress names */

/* A sum of invoices in one currency. */
struct run_amount {
	struct str currency;
	bool known; /* it fits 64 bits */
	int64_t minor;
};

/* How far a run is; no count is negative.  Borrows from the JSON. */
struct run_state {
	struct str status;
	bool dry_run;
	int64_t due, done, failed; /* subscriptions */
	int64_t invoiced;          /* invoices */
	int64_t parts_all,
	    parts_begun; /* partitions; what is due is known of those that are begun */
	struct run_amount amounts[RUN_AMOUNTS_MAX];
	size_t amounts_len; /* currencies there are; the first RUN_AMOUNTS_MAX are listed */
	struct str books;   /* or none */
};

/**
 * run_state_read(json, ret_state):
 * Read ${json}, which must outlive ${ret_state}.  False when it is no billing run.
 */
NODISCARD bool run_state_read(const json_t *json, struct run_state *ret_state);

/**
 * run_state_is_over(state):
 * Whether it is finished or canceled: nothing of it changes any more.
 */
NODISCARD bool run_state_is_over(const struct run_state *state);

/**
 * run_state_text(json, key), run_state_count(json, key), run_state_flag(json, key):
 * A member of the object ${json}: its text or none; its number, which may be any, or 0; whether it
 * is true.
 */
NODISCARD struct str run_state_text(const json_t *json, const char *key);
NODISCARD int64_t run_state_count(const json_t *json, const char *key);
NODISCARD bool run_state_flag(const json_t *json, const char *key);

/**
 * run_state_put_text(out, text):
 * Append what others wrote, with a question mark for each control or format character, which a
 * terminal might obey, and for each byte that is not of UTF-8.
 */
void run_state_put_text(struct buf *out, struct str text);

/**
 * run_state_columns(text):
 * The columns of a terminal that ${text} takes.
 */
NODISCARD size_t run_state_columns(struct str text);

/**
 * run_state_fit(text, columns_max):
 * As much of the beginning of ${text} as ${columns_max} columns have room for: whole characters.
 */
NODISCARD struct str run_state_fit(struct str text, size_t columns_max);

/**
 * run_state_put_count(out, count):
 * Append a number with a comma between thousands: "1,234,567".
 */
void run_state_put_count(struct buf *out, int64_t count);

/**
 * run_state_put_minor(out, currency, minor):
 * Append an amount in the decimals of its currency (iso.h), in minor units where that is not known:
 * "12,345.67".
 */
void run_state_put_minor(struct buf *out, struct str currency, int64_t minor);

/**
 * run_state_put_amount(out, amount):
 * Append an amount with its currency: "EUR 12,345.67".
 */
void run_state_put_amount(struct buf *out, const struct run_amount *amount);

#endif
