#ifndef TESTS_ORACLE_BRIDGE_H
#define TESTS_ORACLE_BRIDGE_H

/*
 * The domain for the oracle: its functions over flat arrays of 64-bit words, for Python's ctypes.
 * What comes in and what goes out has the order in which bridge.py writes and reads it; the
 * returned size_t is how many words came out.  Zones are kept until the end; all else lies in
 * memory of Python's, aligned to 16 bytes, that goes with the object that holds it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/domain/calendar.h"
#include "common/domain/plan.h"

#define BRIDGE_CHARGES_MAX 4
#define BRIDGE_PLANS_MAX 4 /* that a coupon names */
#define BRIDGE_RATES_MAX 12

struct bridge_life;

/* The offset before the first transition, then pairs of moment and offset; and those of zone_read,
 * 0 when it fails. */
struct zone *bridge_zone_new(const int64_t *words, size_t len);
size_t bridge_zone_read(const char *name, int64_t *ret_words, size_t max);

/* A version with so many tiers in all its charges takes so many bytes; and made there. */
size_t bridge_version_size(size_t tiers_len);
const struct plan_version *bridge_version_make(void *memory, int64_t *words, size_t len);
/* The charge_fault of its charges. */
int64_t bridge_version_check(const struct plan_version *version);

/* The version's first charge. */
size_t bridge_rate(
    const struct plan_version *version, int64_t *words, size_t len, int64_t *ret_words, size_t max);
size_t bridge_transaction(
    const struct plan_version *version, int64_t *words, size_t len, int64_t *ret_words, size_t max);

void bridge_fraction(const struct zone *zone, int64_t *words, size_t len, int64_t *ret_words);
bool bridge_boundary(const struct zone *zone, int64_t *words, size_t len, int64_t *ret_boundary);
bool bridge_place(const struct zone *zone, int64_t *words, size_t len, int64_t *ret_words);
int64_t bridge_day(const struct zone *zone, int64_t at);
bool bridge_plus_days(const struct zone *zone, int64_t at, int64_t days, int64_t *ret_later);

/* A subscription's life: each call is one function of lifecycle.h, behind it, where something is
 * billed, assess, and deferral_step; and moves it on when they succeed.  What is made of it has who
 * is billed, and by which tax rates. */
size_t bridge_life_size(void);
struct bridge_life *bridge_life_make(void *memory, int64_t *words, size_t len);
size_t bridge_life_call(struct bridge_life *life, const struct zone *zone,
    const struct plan_version *const *versions, int64_t *words, size_t len, int64_t *ret_words,
    size_t max);

/* split_round of parts, and split_amount of an amount by weights: 0 in the first word where they do
 * not fit. */
size_t bridge_split(int64_t *words, size_t len, int64_t *ret_words, size_t max);
size_t bridge_spread(int64_t *words, size_t len, int64_t *ret_words, size_t max);

/* coupon_redeem. */
size_t bridge_redeem(int64_t *words, size_t len, int64_t *ret_words, size_t max);

/* An issued invoice: credit notes for it, and what else becomes of it.  Each call changes the
 * invoice in the words that come in only by what comes out. */
size_t bridge_credit_note(int64_t *words, size_t len, int64_t *ret_words, size_t max);
size_t bridge_invoice_move(int64_t *words, size_t len, int64_t *ret_words, size_t max);
int64_t bridge_payment_settle(int64_t status, int64_t to);
bool bridge_payment_method(const char *method);

/* deferral_take, and one function of the journal: the nine accounts. */
int64_t bridge_deferral_take(int64_t *words, size_t len);
size_t bridge_journal(int64_t *words, size_t len, int64_t *ret_words, size_t max);

#endif
