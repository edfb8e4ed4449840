#ifndef COMMON_DOMAIN_ASSESSMENT_H
#define COMMON_DOMAIN_ASSESSMENT_H

/*
 * Assessment: from a bill's lines to what is owed of them: one-off items are taken along, discounts
 * taken off, taxes added (billing-rules: "Invoices": lines, discounts, tax, total).  The last pure
 * step before an invoice or a credit is made of a bill; previews take the same.
 *
 * Discounts, in the order attached, each of what those before it left.  A discount's lines are
 * those of its plans (discount_has_plan).  A charge and its bound (the line behind its own) count
 * as one, whose share is spread over both lines then, by what is left of them: so a discount never
 * leaves less than nothing of both together.
 * - Percent: of the sum of its lines, rounded once, spread by largest remainder.
 * - Amount: up to the sum of its lines, spread in proportion to what is left of them; the rest
 *   lapses.
 * - A bill that begins or ends a period (step->turns_period) is discounted by what is good for
 *   another period (periods_left): on all lines but credited ones.  If that takes anything off, one
 *   period is used up, and the current period is covered; else it is not.  Without a bill it is not
 *   either (assessment_lapse).
 * - Inside a period, what is good and does not cover it, as there was nothing to take it off, is
 *   taken in the same way by the first bill that it takes anything off, and covers the period from
 *   then on: what is good is taken off every invoice, as Stripe does.
 * - Otherwise, inside a period, what covers it is taken off prorated charges in advance: a
 *   percentage of them, an amount as much as it gives for what remains of the period.  Off other
 *   lines (arrears, items) a percentage is taken while it is good, an amount never: it is whole
 *   already.
 * - Credited lines give back what was taken off them: of a percentage that covers the period as
 *   much of them; of an amount what is given for what remains of the period, at most what there is
 *   of the lines.  That is given × (the lines' fraction / given_part·given_whole), and it stays so
 *   much where the lines are less (a smaller plan, a quantity of 0, a plan that it is not for): a
 *   change there and back makes no difference.
 *
 * Taxes: a line's rates are those of its charge (item), else of the subscription (charges alone),
 * else of the customer, else of the organisation.  A line's base is what is left behind discounts,
 * less the taxes that it contains: (amount - discount) / (1 + sum of its inclusive rates), exactly.
 * Each rate is computed on the sum of its lines' bases and rounded once, then spread over the lines
 * by largest remainder, a charge and its bound as one here, too.  What documents show as taxable is
 * what the lines leave behind discounts less the rounded taxes that they contain, so that both add
 * up to the price.  A rate that a line names twice counts once.  Who is exempt has no taxes, and
 * pays prices as they are.
 */

#include "common/domain/bill.h"
#include "common/domain/customer.h"
#include "common/domain/item.h"
#include "common/domain/lifecycle.h"
#include "common/domain/tax.h"

/* What a bill is assessed by; all borrowed. */
struct assessment {
	const struct customer *customer;
	struct uuid_list tax_rate_ids;       /* the organisation's */
	const struct tax_rate *const *rates; /* every one that is named anywhere */
	size_t rates_len;
	const struct item *const *items; /* the customer's pending ones, by created_ms, then id */
	size_t items_len;                /* 0 to ITEMS_PENDING_MAX */
};

/**
 * assess(assessment, step, bill, discounts):
 * Assess ${bill}, which ${step} has issued (step->bills): append the items' lines (for no time: a
 * period of step->period), fill what bill_add left, and let step->after.discounts be as they are
 * behind it, in ${discounts}, which has room for DISCOUNTS_MAX and lives as long as the step.
 * ${discounts} is not where the step's are.  Refused, both of no use: TAX_RATE_NOT_FOUND (a rate is
 * not among those given), TAX_TOO_MIXED (more than SPLIT_DENOMINATORS_MAX different sums of
 * inclusive rates), AMOUNT_OUT_OF_RANGE (of all lines and taxes together, without their signs).
 */
NODISCARD enum refusal assess(const struct assessment *assessment, struct step *step,
    struct bill *bill, struct discount discounts[DISCOUNTS_MAX]);

/**
 * assessment_lapse(step, discounts):
 * ${step} turns the period, and no bill is issued: step->after.discounts cover nothing and have
 * given nothing behind it, in ${discounts}, as assess has it.
 */
void assessment_lapse(struct step *step, struct discount discounts[DISCOUNTS_MAX]);

#endif
