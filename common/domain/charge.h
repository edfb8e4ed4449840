#ifndef COMMON_DOMAIN_CHARGE_H
#define COMMON_DOMAIN_CHARGE_H

/*
 * Charges: what a plan's periods are billed by (billing-rules: "Charges").  Plain facts, and the
 * rules that a plan's charges must keep.  What a charge comes to is rating.h's.  Pure.
 */

#include "common/base/check.h"
#include "common/base/decimal.h"
#include "common/base/str.h"
#include "common/base/uuid.h"

#define CHARGES_MAX 20      /* of a plan */
#define CHARGE_TIERS_MAX 50 /* of a charge */
#define AMOUNT_NONE INT64_MIN

enum charge_model {
	CHARGE_FLAT,       /* amount, whatever the quantity */
	CHARGE_PER_UNIT,   /* quantity × unit_amount */
	CHARGE_GRADUATED,  /* each tier's units at its price, and the flat_amount of each entered */
	CHARGE_VOLUME,     /* all units at the price of the tier they reach, and its flat_amount */
	CHARGE_PACKAGE,    /* amount for each package_size begun */
	CHARGE_PERCENTAGE, /* rate of the base, and fixed_amount for each transaction */
	CHARGE_MODEL_MAX,
};

enum charge_billing {
	CHARGE_ADVANCE, /* with the period that begins, by the subscription's quantity */
	CHARGE_ARREARS, /* with the period that ended, by what was reported for it */
	CHARGE_BILLING_MAX,
};

/* Units above the tier before, up to and with ${up_to}.  Tier 1 begins above 0. */
struct charge_tier {
	int64_t up_to;              /* AMOUNT_NONE: the last, without an end */
	struct decimal unit_amount; /* minor units; graduated and volume.  None: 0 */
	int64_t flat_amount;        /* minor units, once the tier is entered */
	struct decimal rate;        /* percent, up to 10 places; percentage.  None: 0 */
};

/* What a model does not use is none, 0 or empty (charge_check holds it). */
struct charge {
	struct str code;            /* names it within the plan */
	struct str name;            /* what its lines say */
	struct str model;           /* as charge_model_name gives it */
	struct str billing;         /* as charge_billing_name gives it */
	int64_t amount;             /* minor units; flat, and package: of one.  Else AMOUNT_NONE */
	struct decimal unit_amount; /* minor units; per_unit.  Else none */
	const struct charge_tier *tiers;
	size_t tiers_len;     /* 1 to CHARGE_TIERS_MAX; graduated, volume; percentage in place of
				 rate */
	int64_t package_size; /* units; package: from 1.  Else AMOUNT_NONE */
	struct decimal rate;  /* percent, up to 10 places; percentage without tiers.  Else none */
	int64_t fixed_amount; /* minor units for each transaction; percentage.  Or AMOUNT_NONE */
	int64_t transaction_min_amount; /* of one transaction's fee with its fixed_amount; */
	int64_t transaction_max_amount; /* percentage without tiers.  Or AMOUNT_NONE */
	struct decimal free_units;      /* taken off first; none: 0.  Not of flat */
	int64_t min_amount, max_amount; /* minor units a whole period; or AMOUNT_NONE */
	struct uuid_list tax_rate_ids;  /* none: those of the subscription, or whoever has some */
};

/* What can be wrong with a charge, in order of precedence. */
enum charge_fault {
	CHARGE_GOOD = 0,
	CHARGE_CODE_TWICE,         /* another charge of the plan has this code */
	CHARGE_FIELD_MISSING,      /* the model needs what is not given: told in ret_field */
	CHARGE_FIELD_UNUSED,       /* given, and the model does not use it: told in ret_field */
	CHARGE_PERCENTAGE_ADVANCE, /* a percentage has no base before its period has ended */
	CHARGE_TIERS_MISORDERED,   /* up_to does not ascend from tier to tier, from 1 on */
	CHARGE_TIERS_UNENDED,      /* the last tier has an up_to, or one before has none */
	CHARGE_BOUNDS_CROSSED,     /* a minimum above its maximum */
	CHARGE_FAULT_MAX,
};

/**
 * charge_model_name(model), charge_model_from(name), charge_billing_name(…), …_from(…):
 * The name of a valid value and back.  An unknown name is a bug: schemas hold the same lists.
 */
NODISCARD struct str charge_model_name(enum charge_model model);
NODISCARD enum charge_model charge_model_from(struct str name);
NODISCARD struct str charge_billing_name(enum charge_billing billing);
NODISCARD enum charge_billing charge_billing_from(struct str name);

/**
 * charge_base(name, amount):
 * The one charge of a plan that is given by its ${amount}: flat, in advance, with the code "base".
 */
NODISCARD struct charge charge_base(struct str name, int64_t amount);

/**
 * charge_check(charges, len, ret_index, ret_field):
 * The first charge of a plan's ${charges} that has a fault, its first one, and which field it is
 * about ("tiers", "rate of a tier").  A tier needs its price or a flat_amount, as Stripe's do; a
 * unit_amount of 0 in a percentage's tier is none.  CHARGE_GOOD leaves both untouched.  ${len} is 1
 * to CHARGES_MAX; ranges of single values and of the number of tiers are the schema's.
 */
NODISCARD enum charge_fault charge_check(
    const struct charge *charges, size_t len, size_t *ret_index, const char **ret_field);

/**
 * charge_fault_text(fault):
 * What is told of ${fault}, which is not CHARGE_GOOD, behind the field's name: "is not used by this
 * model".
 */
NODISCARD const char *charge_fault_text(enum charge_fault fault);

#endif
