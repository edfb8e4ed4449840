#include "common/domain/earnings.h"

/* Whether ${line} charges for time that is to come, or gives back of it. */
static bool
is_deferred(const struct bill_line *line, const struct step *step)
{
	bool ended = line->credit && step->turns_period && subscription_is_live(&step->after);

	return line->kind != BILL_ITEM && !ended &&
	       charge_billing_from(line->rating.charge->billing) == CHARGE_ADVANCE;
}

struct earnings
earnings_of_bill(const struct bill *bill, const struct step *step)
{
	int64_t net = bill->total - bill->tax, deferred = 0;

	for (size_t i = 0; i < bill->len; i++) {
		const struct bill_line *line = &bill->lines[i];

		if (is_deferred(line, step))
			deferred += line->amount - line->discount - line->tax_included;
	}
	return (struct earnings){net - deferred, deferred};
}
