#ifndef WORKER_TAX_RATES_H
#define WORKER_TAX_RATES_H

/*
 * Tax rates that a command names: of a plan's charges, a customer, a subscription or an item.  They
 * are there, each is named once, and nobody takes an archived one anew.  What a rate comes to is
 * domain/'s.
 */

#include "worker/decision.h"

/**
 * tax_rates_refer(facts, organisation_id, ids), tax_rates_refer_charges(facts, organisation_id,
 * charges, len):
 * Ask for the rates that ${ids}, or all of ${charges}, name.  All are borrowed as long as ${facts}
 * lives.
 */
void tax_rates_refer(struct facts *facts, struct uuid organisation_id, struct uuid_list ids);
void tax_rates_refer_charges(
    struct facts *facts, struct uuid organisation_id, const struct charge *charges, size_t len);

/**
 * tax_rates_find(decision, ids), tax_rates_find_charges(decision, charges, len):
 * Whether all of them are there.  Refused: TAX_RATE_NOT_FOUND, with the first that is not.
 */
NODISCARD enum refusal tax_rates_find(struct decision *decision, struct uuid_list ids);
NODISCARD enum refusal tax_rates_find_charges(
    struct decision *decision, const struct charge *charges, size_t len);

/**
 * tax_rates_take(decision, ids, had), tax_rates_take_charges(decision, charges, len, had, had_len):
 * Whether who has had the rates ${had} (a plan: those of any of the charges ${had}) can have
 * ${ids}, all of which are there (CHECKed).  Refused, in this order: TAX_RATE_INVALID (one is named
 * twice in one place), TAX_RATE_ARCHIVED (unless it is among ${had}).
 */
NODISCARD enum refusal tax_rates_take(
    struct decision *decision, struct uuid_list ids, struct uuid_list had);
NODISCARD enum refusal tax_rates_take_charges(struct decision *decision,
    const struct charge *charges, size_t len, const struct charge *had, size_t had_len);

#endif
