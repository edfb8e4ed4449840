#include "common/domain/earnings.h"

struct earnings
earnings_of_bill(const struct bill *bill)
{
	int128 net = (int128)bill->total - bill->tax;
	int128 deferred = 0, most, least;

	CHECK(net >= -INT64_MAX && net <= INT64_MAX);

	for (size_t i = 0; i < bill->len; i++) {
		const struct bill_line *line = &bill->lines[i];

		if (line->kind != BILL_ITEM &&
		    charge_billing_from(line->rating.charge->billing) == CHARGE_ADVANCE)
			deferred += (int128)line->amount - line->discount - line->tax_included;
	}
	/* Lines of either sign can come to more than their sum; what is earned has to fit, too. */
	most = net > 0 ? INT64_MAX : INT64_MAX + net;
	least = net < 0 ? -INT64_MAX : net - INT64_MAX;
	deferred = deferred > most ? most : deferred < least ? least : deferred;
	return (struct earnings){(int64_t)(net - deferred), (int64_t)deferred};
}
