#ifndef COMMON_DOMAIN_TAX_H
#define COMMON_DOMAIN_TAX_H

/*
 * Tax rates, and who is exempt (billing-rules: "Invoices").  What they come to on a bill is
 * assessment.h's.  Plain facts, borrowed texts.  Pure.
 */

#include "common/base/decimal.h"
#include "common/base/instant.h"
#include "common/base/str.h"
#include "common/base/uuid.h"

#define TAX_RATES_MAX 5         /* on one line, and of whoever has some */
#define TAX_PERCENTAGE_PLACES 4 /* "19.6" percent, up to 100 */

/* Written once; archived_at moves, and who has it keeps it. */
struct tax_rate {
	struct uuid organisation_id;
	struct uuid id;
	struct str code; /* names one rate that is not archived */
	struct str name; /* what invoices say: "VAT" */
	struct decimal percentage;
	bool inclusive; /* prices contain it; else it is added */
	struct str country;
	struct str_map metadata;
	int64_t created_ms; /* milliseconds: when its command was accepted; lists go by it */
	struct instant created_at;
	struct instant updated_at;
	struct instant archived_at; /* INSTANT_NONE while it is not */
};

/* Whether a customer pays tax. */
enum tax_exempt {
	TAX_EXEMPT_NONE,    /* it does */
	TAX_EXEMPT_EXEMPT,  /* it does not */
	TAX_EXEMPT_REVERSE, /* reverse charge: it accounts for the tax itself, and is charged none
			     */
	TAX_EXEMPT_MAX,
};

/**
 * tax_exempt_name(exempt), tax_exempt_from(name):
 * "none", "exempt", "reverse", and back.  An unknown name is a bug: schemas hold the same list.
 */
NODISCARD struct str tax_exempt_name(enum tax_exempt exempt);
NODISCARD enum tax_exempt tax_exempt_from(struct str name);

#endif
