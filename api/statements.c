#include "api/statements.h"

/* The row of one resource of the organisation: $1 organisation, $2 id. */
#define ONE(view) \
	"SELECT json::text FROM " view " WHERE organisation_id = $1::uuid AND id = $2::uuid"

/* A page, newest first: $1 organisation; $2, $3 the last row's keys; $4 rows. */
#define LIST(view)                                                                    \
	"SELECT json::text, position, id FROM " view                                  \
	" WHERE organisation_id = $1::uuid AND (position, id) < ($2::int8, $3::uuid)" \
	" ORDER BY position DESC, id DESC LIMIT $4::int4"

const struct pg_statement statement_table[] = {
    /* For whom the rest of the transaction, or up to the next of these, reads. */
    {"scope_organisation", "SELECT set_config('billd.organisations', $1::text, true)"},
    {"scope_key", "SELECT set_config('billd.key_hashes', $1::text, true)"},

    {"keys_known", "SELECT key_hash, organisation_id, id FROM identity.api_keys"
		   " WHERE key_hash = ANY ($1::bytea[]) AND revoked_at IS NULL"},

    {"customers_one", ONE("api.customers")},
    {"customers_list", LIST("api.customers")},
    {"plans_one", ONE("api.plans")},
    {"plans_list", LIST("api.plans")},
    {"subscriptions_one", ONE("api.subscriptions")},
    {"subscriptions_list", LIST("api.subscriptions")},
    {"invoices_one", ONE("api.invoices")},
    {"invoices_list", LIST("api.invoices")},
    /* $5 customer.  No row: no such customer; one row of nulls: it has no invoices there. */
    {"customer_invoices_list",
	"SELECT page.json::text, page.position_of_customer, page.id"
	" FROM (SELECT FROM api.customers WHERE organisation_id = $1::uuid AND id = $5::uuid) c"
	" LEFT JOIN LATERAL (SELECT json, position_of_customer, id FROM api.invoices"
	"  WHERE organisation_id = $1::uuid AND customer_id = $5::uuid"
	"  AND (position_of_customer, id) < ($2::int8, $3::uuid)"
	"  ORDER BY position_of_customer DESC LIMIT $4::int4) page ON true"},

    {"operations_one", ONE("api.operations")},
    /* $1, $2 the operations by organisation and id, side by side. */
    {"operations_many",
	"SELECT o.organisation_id, o.id, o.status = 'succeeded', o.problem::text, o.json::text"
	" FROM unnest($1::uuid[], $2::uuid[]) wanted(organisation_id, id)"
	" JOIN api.operations o USING (organisation_id, id)"},
    {"progress", "SELECT partition, next_offset FROM billd.progress"},
    {"partitions", "SELECT count(*)::int4 FROM billd.progress"},

    /* $1 organisation; $2, $3 partitions and the last number seen of each; $4 rows.  Within a
     * partition the order is that of the numbers; across partitions by time, as far as that
     * allows. */
    {"events_page",
	"SELECT e.partition, e.number, e.id, e.type, e.subject, e.operation_id, e.occurred_at,"
	" e.value"
	" FROM unnest($2::int4[], $3::int8[]) seen(partition, number)"
	" CROSS JOIN LATERAL (SELECT row.*, max(row.occurred_at) OVER (ORDER BY row.number) AS at"
	"  FROM (SELECT partition, number, id, type, subject, operation_id, occurred_at, value"
	"   FROM api.events WHERE organisation_id = $1::uuid AND partition = seen.partition"
	"   AND number > seen.number ORDER BY number LIMIT $4::int4) row) e"
	" ORDER BY e.at, e.partition, e.number LIMIT $4::int4"},

    {"figures", "SELECT coalesce(sum(event_number - published_number), 0)::int8,"
		" (SELECT waiting FROM api.dead_letters_waiting) FROM billd.progress"},
};

const size_t statement_table_len = ARRAY_LEN(statement_table);
