#include "api/statements.h"

/* The row of one resource of the organisation: $1 organisation, $2 id. */
#define ONE(view) \
	"SELECT json::text FROM " view " WHERE organisation_id = $1::uuid AND id = $2::uuid"

/* A page, newest first: $1 organisation; $2, $3 the last row's keys; $4 rows. */
#define LIST(view)                                                                    \
	"SELECT json::text, position, id FROM " view                                  \
	" WHERE organisation_id = $1::uuid AND (position, id) < ($2::int8, $3::uuid)" \
	" ORDER BY position DESC, id DESC LIMIT $4::int4"

/* A page within one other resource, $5, by positions that are unique in it.  No row: there is no
 * such other; one row of nulls: it has nothing there. */
#define LIST_WITHIN(parent, view, column)                                                     \
	"SELECT page.json::text, page.position, page.id"                                      \
	" FROM (SELECT FROM " parent " WHERE organisation_id = $1::uuid AND id = $5::uuid) p" \
	" LEFT JOIN LATERAL (SELECT json, position, id FROM " view                            \
	"  WHERE organisation_id = $1::uuid AND " column " = $5::uuid"                        \
	"  AND (position, id) < ($2::int8, $3::uuid)"                                         \
	"  ORDER BY position DESC LIMIT $4::int4) page ON true"

/* The same by positions that several can have. */
#define LIST_AMONG(parent, view, column)                                                      \
	"SELECT page.json::text, page.position, page.id"                                      \
	" FROM (SELECT FROM " parent " WHERE organisation_id = $1::uuid AND id = $5::uuid) p" \
	" LEFT JOIN LATERAL (SELECT json, position, id FROM " view                            \
	"  WHERE organisation_id = $1::uuid AND " column " = $5::uuid"                        \
	"  AND (position, id) < ($2::int8, $3::uuid)"                                         \
	"  ORDER BY position DESC, id DESC LIMIT $4::int4) page ON true"

/* 2200-01-01, as milliseconds: behind all that billing knows. */
#define AFTER_ALL_MS "7258118400000"

/* The moment of a cursor by time, $2.  One beyond any that is there stands for one that PostgreSQL
 * could not reckon with. */
#define CURSOR_TIME                                                        \
	"timestamptz 'epoch' + least(greatest($2::int8, 0), " AFTER_ALL_MS \
	") * interval '1 millisecond'"

/* A page of the journal's entries of which ${condition} holds: $5 the document, $6 the account,
 * none where they are not asked for. */
#define JOURNAL_PAGE(condition)                                                     \
	" (SELECT json, position, id FROM api.journal WHERE " condition             \
	" AND organisation_id = $1::uuid AND (position, id) < ($2::int8, $3::uuid)" \
	" ORDER BY position DESC, id DESC LIMIT $4::int4)"
/* Of an account that has an index of its own. */
#define JOURNAL_PAGE_OF(account)   \
	" UNION ALL" JOURNAL_PAGE( \
	    "$5::text IS NULL AND $6::text = '" account "' AND " account " <> 0")
#define JOURNAL_MOVES                                                                \
	"CASE $6::text WHEN 'receivable' THEN receivable WHEN 'cash' THEN cash"      \
	" WHEN 'customer_credit' THEN customer_credit WHEN 'deferred_revenue' THEN " \
	"deferred_revenue"                                                           \
	" WHEN 'revenue' THEN revenue WHEN 'tax_payable' THEN tax_payable"           \
	" WHEN 'refunds_payable' THEN refunds_payable WHEN 'bad_debt' THEN bad_debt" \
	" WHEN 'credits_granted' THEN credits_granted ELSE 1 END <> 0"
#define JOURNAL_OF_DOCUMENT JOURNAL_PAGE("document_id = $5::text::uuid AND " JOURNAL_MOVES)
#define JOURNAL_OF_OTHERS                                                                    \
	JOURNAL_PAGE("$5::text IS NULL AND coalesce($6::text, '') NOT IN ('cash', "          \
		     "'customer_credit', 'refunds_payable', 'bad_debt', 'credits_granted') " \
		     "AND " JOURNAL_MOVES)

/* The second from which it is good no more; the largest number for never. */
#define EXPIRY                                                                       \
	"coalesce(floor(extract(epoch FROM nullif(expires_at, 'infinity')))::int8, " \
	"9223372036854775807)"

const struct pg_statement statement_table[] = {
    /* For whom the transaction reads, up to the next of these: each takes back what the others
     * said. */
    {"scope_organisation",
	"SELECT set_config('billd.organisations', $1::text, true),"
	" set_config('billd.key_hashes', '', true), set_config('billd.users', '', true)"},
    {"scope_key",
	"SELECT set_config('billd.key_hashes', $1::text, true),"
	" set_config('billd.organisations', '', true), set_config('billd.users', '', true)"},
    {"scope_user",
	"SELECT set_config('billd.users', $1::text, true),"
	" set_config('billd.organisations', '', true), set_config('billd.key_hashes', '', true)"},

    {"keys_known", "SELECT key_hash, organisation_id, id, role, " EXPIRY
		   " FROM identity.api_keys WHERE key_hash = ANY ($1::bytea[])"
		   " AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"},

    /* $1, $2 sessions, and the organisation that each wants to act in, side by side.  A row for
     * each session that is good, by its place from 1; without a role, the user is no member. */
    {"sessions_known",
	"SELECT asked.place::int4, s.user_id, m.role, " EXPIRY
	" FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY asked(session_id, organisation_id, "
	"place)"
	" CROSS JOIN LATERAL (SELECT user_id, expires_at FROM identity.sessions"
	"  WHERE id = asked.session_id AND revoked_at IS NULL AND expires_at > now() OFFSET 0) s"
	" LEFT JOIN LATERAL (SELECT role FROM identity.memberships"
	"  WHERE organisation_id = asked.organisation_id AND user_id = s.user_id OFFSET 0) m ON "
	"true"},

    /* That keys were used: $1, $2 keys by organisation and id, $3 the second of the last use.  Who
     * works on a key at this moment is not waited for. */
    {"uses_begin", "BEGIN READ WRITE"},
    {"uses_note",
	"WITH due AS (SELECT k.organisation_id, k.id, to_timestamp(used.second) AS at"
	"  FROM unnest($1::uuid[], $2::uuid[], $3::int8[]) used(organisation_id, id, second)"
	"  JOIN identity.api_keys k USING (organisation_id, id)"
	"  WHERE k.last_used_at IS NULL OR k.last_used_at <= to_timestamp(used.second - 60)"
	"  FOR NO KEY UPDATE OF k SKIP LOCKED)"
	" UPDATE identity.api_keys k SET last_used_at = due.at FROM due"
	" WHERE k.organisation_id = due.organisation_id AND k.id = due.id"},
    {"uses_end", "COMMIT"},

    /* The signing keys that are good, of each purpose the one that signs first: the newest that
     * everybody has had the time to see.  More than a few there are only by mistake. */
    {"signing_keys",
	"SELECT purpose, name FROM (SELECT purpose, name, row_number() OVER (PARTITION BY purpose"
	"  ORDER BY created_at > now() - interval '5 s', created_at DESC, name) AS place"
	"  FROM identity.signing_keys WHERE retires_at IS NULL OR retires_at > now()) k"
	" WHERE place <= 16 ORDER BY purpose, place"},

    {"customers_one", ONE("api.customers")},
    {"customers_list", LIST("api.customers")},
    {"plans_one", ONE("api.plans")},
    {"plans_list", LIST("api.plans")},
    {"subscriptions_one", ONE("api.subscriptions")},
    {"subscriptions_list", LIST("api.subscriptions")},
    {"invoices_one", ONE("api.invoices")},
    {"invoices_list", LIST("api.invoices")},
    /* As LIST_WITHIN: $5 the customer. */
    {"customer_invoices_list",
	"SELECT page.json::text, page.position_of_customer, page.id"
	" FROM (SELECT FROM api.customers WHERE organisation_id = $1::uuid AND id = $5::uuid) c"
	" LEFT JOIN LATERAL (SELECT json, position_of_customer, id FROM api.invoices"
	"  WHERE organisation_id = $1::uuid AND customer_id = $5::uuid"
	"  AND (position_of_customer, id) < ($2::int8, $3::uuid)"
	"  ORDER BY position_of_customer DESC LIMIT $4::int4) page ON true"},
    /* Likewise. */
    {"credits_list", LIST_WITHIN("api.customers", "api.credit_entries", "customer_id")},
    {"plan_versions_list", LIST_WITHIN("api.plans", "api.plan_versions", "plan_id")},
    /* Likewise, by the time. */
    {"quantities_list",
	"SELECT page.json::text, (extract(epoch FROM page.created_at) * 1000)::int8, page.id"
	" FROM (SELECT FROM api.subscriptions WHERE organisation_id = $1::uuid AND id = $5::uuid) s"
	" LEFT JOIN LATERAL (SELECT json, created_at, id FROM api.quantities"
	"  WHERE organisation_id = $1::uuid AND subscription_id = $5::uuid"
	"  AND (created_at, id) < (" CURSOR_TIME ", $3::uuid)"
	"  ORDER BY created_at DESC, id DESC LIMIT $4::int4) page ON true"},
    {"coupons_one", ONE("api.coupons")},
    {"coupons_list", LIST("api.coupons")},
    {"tax_rates_one", ONE("api.tax_rates")},
    {"tax_rates_list", LIST("api.tax_rates")},
    {"items_one", ONE("api.items")},
    {"items_list", LIST_AMONG("api.customers", "api.items", "customer_id")},
    {"credits_one", ONE("api.credit_entries")},
    {"credit_notes_one", ONE("api.credit_notes")},
    {"credit_notes_list", LIST("api.credit_notes")},
    {"invoice_credit_notes_list", LIST_AMONG("api.invoices", "api.credit_notes", "invoice_id")},
    {"payments_one", ONE("api.payments")},
    {"payments_list", LIST("api.payments")},
    {"invoice_payments_list", LIST_AMONG("api.invoices", "api.payments", "invoice_id")},
    /* As LIST; $5 the document, $6 the account, or null.  Two halves, of which one is never begun:
     * all entries by their time, those of a document by its id. */
    {"journal_list",
	"SELECT json::text, position, id FROM (" JOURNAL_OF_DOCUMENT
	" UNION ALL" JOURNAL_OF_OTHERS JOURNAL_PAGE_OF("cash") JOURNAL_PAGE_OF("customer_credit")
	    JOURNAL_PAGE_OF("refunds_payable") JOURNAL_PAGE_OF("bad_debt")
		JOURNAL_PAGE_OF("credits_granted") ") page ORDER BY position DESC, id DESC"},
    {"test_clocks_one", ONE("api.test_clocks")},
    {"test_clocks_list", LIST("api.test_clocks")},
    {"billing_runs_one", ONE("api.billing_runs")},
    {"billing_runs_list", LIST("api.billing_run_summaries")},
    /* Whether it is there: $1 organisation, $2 id. */
    {"billing_runs_there",
	"SELECT id FROM api.billing_run_summaries WHERE organisation_id = $1::uuid AND id = "
	"$2::uuid"},
    /* What tells whether each has changed: $1 organisation, $2 ids. */
    {"billing_runs_marks",
	"SELECT id, mark FROM api.billing_run_summaries WHERE organisation_id = $1::uuid"
	" AND id = ANY ($2::uuid[])"},
    /* One, with its mark and whether nothing of it changes any more: $1 organisation, $2 id. */
    {"billing_runs_told",
	"SELECT json::text, mark, is_over FROM api.billing_runs WHERE organisation_id = $1::uuid"
	" AND id = $2::uuid"},
    /* As LIST_WITHIN, by the id alone: the position, $2, is the same of all. */
    {"billing_run_failures_list",
	"SELECT page.json::text, 0::int8, page.id"
	" FROM (SELECT FROM api.billing_run_summaries WHERE organisation_id = $1::uuid"
	"  AND id = $5::uuid) r"
	" LEFT JOIN LATERAL (SELECT json, id FROM api.billing_run_failures"
	"  WHERE organisation_id = $1::uuid AND run_id = $5::uuid AND $2::int8 >= 0"
	"  AND id < $3::uuid ORDER BY id DESC LIMIT $4::int4) page ON true"},

    /* $1 a user, or a key; the rest as above: newest membership first. */
    {"organisations_list",
	"SELECT api.organisation(o, c.role)::text, c.position, o.id"
	" FROM (SELECT organisation_id, role, (extract(epoch FROM created_at) * 1000)::int8"
	"  AS position FROM identity.memberships WHERE user_id = $1::uuid"
	" UNION ALL SELECT organisation_id, role, (extract(epoch FROM created_at) * 1000)::int8"
	"  FROM identity.api_keys WHERE organisation_id = ANY (billd.current_organisations())"
	"  AND id = $1::uuid) c"
	" JOIN identity.organisations o ON o.id = c.organisation_id"
	" WHERE (c.position, o.id) < ($2::int8, $3::uuid)"
	" ORDER BY c.position DESC, o.id DESC LIMIT $4::int4"},
    {"members_list", LIST("api.members")},
    {"invitations_list", LIST("api.invitations")},
    {"api_keys_list", LIST("api.api_keys")},
    /* The same, by the times that both halves of the view have indexes of. */
    {"audit_log_list",
	"SELECT json::text, (extract(epoch FROM at) * 1000)::int8, id FROM api.audit_log"
	" WHERE organisation_id = $1::uuid AND (at, id) < (" CURSOR_TIME ", $3::uuid)"
	" ORDER BY at DESC, id DESC LIMIT $4::int4"},

    {"operations_one", ONE("api.operations")},
    /* $1, $2 the operations by organisation and id, side by side. */
    {"operations_many",
	"SELECT o.organisation_id, o.id, o.status = 'succeeded', o.problem::text, o.json::text"
	" FROM unnest($1::uuid[], $2::uuid[]) wanted(organisation_id, id)"
	" CROSS JOIN LATERAL (SELECT * FROM api.operations r WHERE r.organisation_id ="
	" wanted.organisation_id AND r.id = wanted.id OFFSET 0) o"},
    {"progress", "SELECT partition, next_offset, event_number FROM billd.progress"},
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
