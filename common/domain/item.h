#ifndef COMMON_DOMAIN_ITEM_H
#define COMMON_DOMAIN_ITEM_H

/*
 * A one-off item: something that is charged once, on the customer's next invoice.  Plain facts,
 * borrowed texts.
 */

#include "common/base/instant.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/money.h"

#define ITEMS_PENDING_MAX 100 /* of a customer: as many as one invoice takes */

struct item {
	struct uuid organisation_id;
	struct uuid id;
	int32_t shard; /* the customer's */
	struct uuid customer_id;
	struct str status; /* "pending", "billed", "canceled" */
	struct str description;
	int64_t amount; /* minor units, from 1 */
	struct currency currency;
	struct uuid_list tax_rate_ids; /* none: the customer's */
	struct uuid invoice_id;        /* what took it: an invoice, */
	struct uuid
	    credit_entry_id; /* or a credit, where the whole came to less than 0; else nil */
	struct str_map metadata;
	int64_t created_ms; /* milliseconds: when its command was accepted; lists go by it */
	struct instant created_at;
	struct instant updated_at;
};

#endif
