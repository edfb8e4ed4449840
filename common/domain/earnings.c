#include "common/domain/earnings.h"

struct earnings
earnings_of_bill(const struct bill *bill)
{
	int64_t net = bill->total - bill->tax, deferred = 0;

	for (size_t i = 0; i < bill->len; i++) {
		const struct bill_line *line = &bill->lines[i];

		if (line->kind != BILL_ITEM &&
		    charge_billing_from(line->rating.charge->billing) == CHARGE_ADVANCE)
			deferred += line->amount - line->discount - line->tax_included;
	}
	return (struct earnings){net - deferred, deferred};
}
