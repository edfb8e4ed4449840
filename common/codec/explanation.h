#ifndef COMMON_CODEC_EXPLANATION_H
#define COMMON_CODEC_EXPLANATION_H

/*
 * Why a line of a bill has its amount, as JSON: its model, what was used, the tiers that it met,
 * the prices, the fraction of a period and the rounding.  Enough to compute the amount again with a
 * pencil. Never computes: it tells what domain/rating.h kept.
 */

#include "common/base/str.h"
#include "common/domain/bill.h"

/**
 * explanation_write(line, buf):
 * Append how ${line} was computed, a JSON object.  Decimals are strings, minor units integers; what
 * is not used is left out.  The amount is, of a line of kind "charge"   `exact` times the fraction,
 * rounded, and negative when `credit` is true; "minimum"  `min_amount` times the fraction, rounded,
 * less what was `charged`; likewise "maximum".  An "item" says which one it is, and its amount.
 */
void explanation_write(const struct bill_line *line, struct buf *buf);

/**
 * explanation_write_lines(bill, buf):
 * Append the lines of ${bill}, a JSON array, each as an invoice shows its own, apart from an id:
 * for a bill that becomes no invoice.  Coupons that took nothing off a line are left out of it.
 */
void explanation_write_lines(const struct bill *bill, struct buf *buf);

/**
 * explanation_write_discounts(bill, buf), explanation_write_taxes(bill, buf):
 * Append what each coupon takes off ${bill} (not those that take nothing), and what each tax rate
 * of its lines comes to, JSON arrays, as an invoice shows them.
 */
void explanation_write_discounts(const struct bill *bill, struct buf *buf);
void explanation_write_taxes(const struct bill *bill, struct buf *buf);

#endif
