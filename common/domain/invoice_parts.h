#ifndef COMMON_DOMAIN_INVOICE_PARTS_H
#define COMMON_DOMAIN_INVOICE_PARTS_H

/*
 * What invoices, their lines, credit notes and credits share: discounts and taxes as documents keep
 * them.  Plain facts, borrowed texts.
 */

#include "common/base/decimal.h"
#include "common/base/str.h"
#include "common/base/uuid.h"

/* A coupon's part of a whole document, */
struct invoice_discount {
	struct uuid coupon_id;
	struct str code;
	struct str name;
	int64_t amount; /* minor units */
};

/* and its share of a line. */
struct line_discount {
	struct uuid coupon_id;
	int64_t amount;
};

/* A rate's part of a whole document, */
struct invoice_tax {
	struct uuid tax_rate_id;
	struct str code;
	struct str name;
	struct decimal percentage;
	bool inclusive;
	int64_t taxable; /* minor units, without contained taxes */
	int64_t amount;
};

/* and its share of a line. */
struct line_tax {
	struct uuid tax_rate_id;
	bool inclusive;
	int64_t amount;
};

#endif
