/* What has to agree, one statement for each rule. */
#include "cli/reconcile.h"

#include "common/base/check.h"

#define TEXT(value) #value
#define NUMBER(value) TEXT(value)

/* Its statement: ${select} gives organisation_id, subject and detail of each row that differs. */
#define DIFFERING(select)                                                                      \
	.sql = "SELECT d.organisation_id, d.subject, d.detail, count(*) OVER () FROM (" select \
	       ") d (organisation_id, subject, detail) ORDER BY 1, 2, 3 "                      \
	       "LIMIT " NUMBER(RECONCILE_ROWS_MAX)

/* The journal's rows with the invoice that each is about, through its notes and payments, too. */
#define OF_INVOICES                                                                      \
	"SELECT organisation_id, document_id AS invoice_id, receivable, tax_payable "    \
	"FROM billd.journal WHERE document_type = 'invoice' "                            \
	"UNION ALL SELECT j.organisation_id, n.invoice_id, j.receivable, j.tax_payable " \
	"FROM billd.journal j JOIN billd.credit_notes n "                                \
	"ON (n.organisation_id, n.id) = (j.organisation_id, j.document_id) "             \
	"WHERE j.document_type = 'credit_note' "                                         \
	"UNION ALL SELECT j.organisation_id, p.invoice_id, j.receivable, j.tax_payable " \
	"FROM billd.journal j JOIN billd.payments p "                                    \
	"ON (p.organisation_id, p.id) = (j.organisation_id, j.document_id) "             \
	"WHERE j.document_type = 'payment'"

/* What the parts of a list in ${column} of ${table} add up to, by ${key}. */
#define PARTS(table, id, column, key)                                                       \
	"SELECT t.organisation_id, t." id " AS id, (part ->> '" key "')::uuid AS part_id, " \
	"sum((part ->> 'amount')::numeric) AS amount FROM " table                           \
	" t CROSS JOIN LATERAL jsonb_array_elements(t." column ") part GROUP BY 1, 2, 3"

/* Documents of ${table}, numbered by ${sequence} for each of ${owners}, that has ${count}. */
#define GAPLESS(table, sequence, of, owners, owner_id, count)                                    \
	"SELECT o.organisation_id, '" of " ' || o." owner_id ", format('%s numbers were given, " \
	"there are %s up to %s', o." count ", count(t.id), coalesce(max(t." sequence "), 0)) "   \
	"FROM " owners " o LEFT JOIN " table " t ON t.organisation_id = o.organisation_id"

#define GAPLESS_END(sequence, owner_id, count)                                                    \
	" GROUP BY o.organisation_id, o." owner_id ", o." count " HAVING count(t.id) <> o." count \
	" OR coalesce(max(t." sequence "), 0) <> o." count

/* ${documents}: organisation_id, owner, sequence, created_ms, id and the type of the event that
 * each must have: all behind the first event that is kept of its organisation, or of its owner's
 * documents. */
#define EVENTS(documents)                                                                     \
	"WITH documents AS (" documents "), "                                                 \
	"told AS (SELECT d.*, o.subject IS NOT NULL AS is_told, "                             \
	"min(sequence) FILTER (WHERE o.subject IS NOT NULL) "                                 \
	"OVER (PARTITION BY d.organisation_id, d.owner, d.type) AS first FROM documents d "   \
	"LEFT JOIN (SELECT DISTINCT organisation_id, subject, type FROM billd.outbox) o "     \
	"ON (o.organisation_id, o.subject, o.type) = (d.organisation_id, d.id, d.type)), "    \
	"kept AS (SELECT organisation_id, 1000 * extract(epoch FROM min(occurred_at)) AS ms " \
	"FROM billd.outbox GROUP BY organisation_id) "                                        \
	"SELECT organisation_id, type || ' ' || id, 'is not among the events' "               \
	"FROM told LEFT JOIN kept USING (organisation_id) "                                   \
	"WHERE NOT is_told AND (sequence > first OR created_ms >= ms)"

const struct reconcile_rule reconcile_rules[] = {
    {"entries_balance", "the accounts of each entry of the journal add up to 0",
	DIFFERING(
	    "SELECT organisation_id, 'entry ' || id, format('%s over', sum) FROM (SELECT "
	    "organisation_id, id, receivable::numeric + cash + customer_credit + deferred_revenue "
	    "+ revenue + tax_payable + refunds_payable + bad_debt + credits_granted AS sum "
	    "FROM billd.journal) j WHERE sum <> 0")},
    {"entry_documents", "each entry is about a document of the same customer",
	DIFFERING(
	    "SELECT j.organisation_id, 'entry ' || j.id, format('%s %s is not there', "
	    "j.document_type, j.document_id) FROM billd.journal j LEFT JOIN ("
	    "SELECT organisation_id, id, customer_id, 'invoice' AS type FROM billd.invoices "
	    "UNION ALL SELECT organisation_id, id, customer_id, 'credit_note' "
	    "FROM billd.credit_notes "
	    "UNION ALL SELECT organisation_id, id, customer_id, 'credit_entry' "
	    "FROM billd.credit_entries "
	    "UNION ALL SELECT organisation_id, id, customer_id, 'payment' FROM billd.payments "
	    "UNION ALL SELECT organisation_id, id, customer_id, 'subscription' "
	    "FROM billd.subscriptions) d "
	    "ON (d.organisation_id, d.id, d.customer_id, d.type) = "
	    "(j.organisation_id, j.document_id, j.customer_id, j.document_type) "
	    "WHERE d.id IS NULL")},
    {"invoice_entries", "what was booked when an invoice was issued is what it says",
	DIFFERING(
	    "SELECT i.organisation_id, 'invoice ' || i.id, format('due %s, from credit %s, tax %s, "
	    "net %s; booked %s, %s, %s, %s', amount_due, credit_applied, tax, total - tax, "
	    "b.receivable, b.credit, -b.tax_payable, -b.net) FROM billd.invoices i "
	    "CROSS JOIN LATERAL (SELECT coalesce(sum(receivable), 0) AS receivable, "
	    "coalesce(sum(customer_credit), 0) AS credit, coalesce(sum(tax_payable), 0) "
	    "AS tax_payable, coalesce(sum(deferred_revenue), 0) + coalesce(sum(revenue), 0) AS net "
	    "FROM billd.journal j WHERE (j.organisation_id, j.document_id) = "
	    "(i.organisation_id, i.id) AND reason = 'invoice') b "
	    "WHERE (b.receivable, b.credit, -b.tax_payable, -b.net) IS DISTINCT FROM "
	    "(i.amount_due::numeric, i.credit_applied::numeric, i.tax::numeric, "
	    "(i.total - i.tax)::numeric)")},
    {"invoice_receivable", "the journal's receivable of an invoice is what remains to be paid",
	DIFFERING(
	    "SELECT organisation_id, 'invoice ' || id, format('%s remains, booked %s', remaining, "
	    "booked) FROM (SELECT i.organisation_id, i.id, CASE status WHEN 'open' THEN amount_due "
	    "- amount_paid - amount_credited ELSE 0 END AS remaining, coalesce(b.receivable, 0) "
	    "AS booked FROM billd.invoices i LEFT JOIN (SELECT organisation_id, invoice_id, "
	    "sum(receivable) AS receivable FROM (" OF_INVOICES ") o GROUP BY 1, 2) b "
	    "ON (b.organisation_id, b.invoice_id) = (i.organisation_id, i.id)) c "
	    "WHERE remaining <> booked")},
    {"invoice_tax",
	"the journal's tax of an invoice is its tax less its notes', and 0 of a void one",
	DIFFERING(
	    "SELECT organisation_id, 'invoice ' || id, format('%s of tax, booked %s', tax, booked) "
	    "FROM (SELECT i.organisation_id, i.id, CASE status WHEN 'void' THEN 0 ELSE i.tax - "
	    "coalesce(n.tax, 0) END AS tax, -coalesce(b.tax, 0) AS booked FROM billd.invoices i "
	    "LEFT JOIN (SELECT organisation_id, invoice_id, sum(tax_payable) AS tax "
	    "FROM (" OF_INVOICES ") o GROUP BY 1, 2) b "
	    "ON (b.organisation_id, b.invoice_id) = (i.organisation_id, i.id) "
	    "LEFT JOIN (SELECT organisation_id, invoice_id, sum(tax) AS tax FROM "
	    "billd.credit_notes "
	    "GROUP BY 1, 2) n ON (n.organisation_id, n.invoice_id) = (i.organisation_id, i.id)) c "
	    "WHERE tax <> booked")},
    {"invoice_sums", "an invoice's sums are those of its lines",
	DIFFERING(
	    "SELECT i.organisation_id, 'invoice ' || i.id, format('subtotal %s, discount %s, "
	    "tax %s, of it included %s; its lines %s, %s, %s, %s', i.subtotal, i.discount, i.tax, "
	    "i.tax_included, l.amount, l.discount, l.tax, l.included) FROM billd.invoices i "
	    "CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS amount, "
	    "coalesce(sum(discount), 0) AS discount, coalesce(sum(tax), 0) AS tax, "
	    "coalesce(sum(tax_included), 0) AS included FROM billd.invoice_lines l "
	    "WHERE (l.organisation_id, l.invoice_id) = (i.organisation_id, i.id)) l "
	    "WHERE (l.amount, l.discount, l.tax, l.included) IS DISTINCT FROM "
	    "(i.subtotal::numeric, i.discount::numeric, i.tax::numeric, i.tax_included::numeric)")},
    {"invoice_discounts", "of each coupon, an invoice has what its lines have together",
	DIFFERING(
	    "SELECT coalesce(i.organisation_id, l.organisation_id), 'invoice ' || "
	    "coalesce(i.id, l.id), format('coupon %s: %s, its lines %s', coalesce(i.part_id, "
	    "l.part_id), coalesce(i.amount, 0), coalesce(l.amount, 0)) "
	    "FROM (" PARTS("billd.invoices", "id", "discounts",
		"coupon_id") ") i "
			     "FULL JOIN (" PARTS("billd.invoice_lines", "invoice_id", "discounts",
				 "coupon_id") ") l USING (organisation_id, id, part_id) "
					      "WHERE coalesce(i.amount, 0) <> coalesce(l.amount, "
					      "0)")},
    {"invoice_taxes", "of each tax rate, an invoice has what its lines have together",
	DIFFERING(
	    "SELECT coalesce(i.organisation_id, l.organisation_id), 'invoice ' || "
	    "coalesce(i.id, l.id), format('tax rate %s: %s, its lines %s', coalesce(i.part_id, "
	    "l.part_id), coalesce(i.amount, 0), coalesce(l.amount, 0)) "
	    "FROM (" PARTS("billd.invoices", "id", "taxes",
		"tax_rate_id") ") i "
			       "FULL JOIN (" PARTS("billd.invoice_lines", "invoice_id", "taxes",
				   "tax_rate_id") ") l USING (organisation_id, id, part_id) "
						  "WHERE coalesce(i.amount, 0) <> "
						  "coalesce(l.amount, 0)")},
    {"line_parts", "a line's discount and tax are those of its lists",
	DIFFERING(
	    "SELECT l.organisation_id, 'line ' || l.id, format('discount %s, its coupons %s; "
	    "tax %s, its rates %s; included %s, its rates %s', l.discount, d.amount, l.tax, "
	    "t.amount, l.tax_included, t.included) FROM billd.invoice_lines l "
	    "CROSS JOIN LATERAL (SELECT coalesce(sum((part ->> 'amount')::numeric), 0) AS amount "
	    "FROM jsonb_array_elements(l.discounts) part) d "
	    "CROSS JOIN LATERAL (SELECT coalesce(sum((part ->> 'amount')::numeric), 0) AS amount, "
	    "coalesce(sum((part ->> 'amount')::numeric) FILTER (WHERE "
	    "(part ->> 'inclusive')::bool), 0) AS included "
	    "FROM jsonb_array_elements(l.taxes) part) t "
	    "WHERE (d.amount, t.amount, t.included) IS DISTINCT FROM "
	    "(l.discount::numeric, l.tax::numeric, l.tax_included::numeric)")},
    {"invoice_status", "an invoice is open as long as something remains to be paid",
	DIFFERING(
	    "SELECT organisation_id, 'invoice ' || id, format('is %s, and %s remains', status, "
	    "amount_due - amount_paid - amount_credited) FROM billd.invoices "
	    "WHERE (status = 'open' AND amount_due = amount_paid + amount_credited) "
	    "OR (status = 'paid' AND amount_due <> amount_paid + amount_credited)")},
    {"invoice_payments", "an invoice has what its payments brought, and names the one on its way",
	DIFFERING(
	    "SELECT i.organisation_id, 'invoice ' || i.id, format('paid %s, its payments %s; "
	    "on its way %s, among its payments %s', i.amount_paid, p.paid, i.payment_id, "
	    "p.in_flight) FROM billd.invoices i CROSS JOIN LATERAL (SELECT coalesce(sum(amount) "
	    "FILTER (WHERE status = 'succeeded'), 0) AS paid, string_agg(id::text, ', ') FILTER "
	    "(WHERE status IN ('processing', 'unknown')) AS in_flight FROM billd.payments p "
	    "WHERE (p.organisation_id, p.invoice_id) = (i.organisation_id, i.id) "
	    "AND kind = 'payment') p WHERE i.amount_paid <> p.paid "
	    "OR i.payment_id::text IS DISTINCT FROM p.in_flight")},
    {"invoice_notes", "an invoice has what its credit notes took off and paid back",
	DIFFERING(
	    "SELECT i.organisation_id, 'invoice ' || i.id, format('credited %s, of what was due "
	    "%s, refunded %s; its notes %s, %s, %s', i.credited_total, i.amount_credited, "
	    "i.amount_refunded, n.total, n.applied, n.refunded - p.failed) "
	    "FROM billd.invoices i CROSS JOIN LATERAL (SELECT coalesce(sum(total), 0) AS total, "
	    "coalesce(sum(applied), 0) AS applied, coalesce(sum(refunded), 0) AS refunded "
	    "FROM billd.credit_notes n WHERE (n.organisation_id, n.invoice_id) = "
	    "(i.organisation_id, i.id)) n CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) "
	    "AS failed FROM billd.payments p WHERE (p.organisation_id, p.invoice_id) = "
	    "(i.organisation_id, i.id) AND kind = 'refund' AND status = 'failed') p "
	    "WHERE (i.credited_total, i.amount_credited) IS DISTINCT FROM (n.total, n.applied) "
	    "OR i.amount_refunded <> n.refunded - p.failed")},
    {"line_notes", "a line has what credit notes took off it",
	DIFFERING(
	    "SELECT l.organisation_id, 'line ' || l.id, format('credited %s, tax %s; in notes %s, "
	    "%s', l.credited, t.amount, coalesce(n.amount, 0), coalesce(n.tax, 0)) "
	    "FROM billd.invoice_lines l CROSS JOIN LATERAL (SELECT coalesce(sum("
	    "(part ->> 'amount')::numeric), 0) AS amount "
	    "FROM jsonb_array_elements(l.credited_taxes) part) t "
	    "LEFT JOIN (SELECT organisation_id, (line ->> 'line_id')::uuid AS id, "
	    "sum((line ->> 'amount')::numeric) AS amount, sum((line ->> 'tax')::numeric) AS tax "
	    "FROM billd.credit_notes CROSS JOIN LATERAL jsonb_array_elements(lines) line "
	    "GROUP BY 1, 2) n USING (organisation_id, id) "
	    "WHERE (l.credited::numeric, t.amount) IS DISTINCT FROM "
	    "(coalesce(n.amount, 0), coalesce(n.tax, 0))")},
    {"note_sums", "a credit note's sums are those of its lines, its taxes and its refunds",
	DIFFERING(
	    "SELECT n.organisation_id, 'credit_note ' || n.id, format('subtotal %s, tax %s, of it "
	    "included %s, refunded %s; its lines %s, %s, %s; its taxes %s; its refunds %s', "
	    "n.subtotal, n.tax, n.tax_included, n.refunded, l.amount, l.tax, l.included, t.amount, "
	    "p.amount) FROM billd.credit_notes n CROSS JOIN LATERAL (SELECT "
	    "coalesce(sum((line ->> 'amount')::numeric), 0) AS amount, "
	    "coalesce(sum((line ->> 'tax')::numeric), 0) AS tax, "
	    "coalesce(sum((line ->> 'tax_included')::numeric), 0) AS included "
	    "FROM jsonb_array_elements(n.lines) line) l CROSS JOIN LATERAL (SELECT "
	    "coalesce(sum((part ->> 'amount')::numeric), 0) AS amount "
	    "FROM jsonb_array_elements(n.taxes) part) t CROSS JOIN LATERAL (SELECT "
	    "coalesce(sum(amount), 0) AS amount FROM billd.payments p WHERE (p.organisation_id, "
	    "p.invoice_id, p.credit_note_id) = (n.organisation_id, n.invoice_id, n.id)) p "
	    "WHERE (l.amount, l.tax, l.included, t.amount, p.amount) IS DISTINCT FROM "
	    "(n.subtotal::numeric, n.tax::numeric, n.tax_included::numeric, n.tax::numeric, "
	    "n.refunded::numeric)")},
    {"note_entries", "what was booked for a credit note is what it says",
	DIFFERING(
	    "SELECT n.organisation_id, 'credit_note ' || n.id, format('applied %s, credited %s, "
	    "refunded %s, tax %s; booked %s, %s, %s, %s', n.applied, n.credited, n.refunded, "
	    "n.tax, "
	    "-b.receivable, -b.credit, -b.refunds, b.tax) FROM billd.credit_notes n "
	    "CROSS JOIN LATERAL (SELECT coalesce(sum(receivable), 0) AS receivable, "
	    "coalesce(sum(customer_credit), 0) AS credit, coalesce(sum(refunds_payable), 0) "
	    "AS refunds, coalesce(sum(tax_payable), 0) AS tax FROM billd.journal j "
	    "WHERE (j.organisation_id, j.document_id) = (n.organisation_id, n.id) "
	    "AND reason = 'credit_note') b "
	    "WHERE (-b.receivable, -b.credit, -b.refunds, b.tax) IS DISTINCT FROM "
	    "(n.applied::numeric, n.credited::numeric, n.refunded::numeric, n.tax::numeric)")},
    {"credit_balance",
	"a customer's credit balance is what its entries add up to, and what the journal has",
	DIFFERING(
	    "SELECT c.organisation_id, 'customer ' || c.id, format('balance %s; its entries %s, "
	    "the last one says %s; booked %s', c.credit_balance, coalesce(e.amount, 0), "
	    "coalesce(e.last, 0), -coalesce(j.amount, 0)) FROM billd.customers c "
	    "LEFT JOIN (SELECT organisation_id, customer_id, sum(amount) AS amount, "
	    "(array_agg(balance_after ORDER BY sequence DESC))[1] AS last "
	    "FROM billd.credit_entries GROUP BY 1, 2) e "
	    "ON (e.organisation_id, e.customer_id) = (c.organisation_id, c.id) "
	    "LEFT JOIN (SELECT organisation_id, customer_id, sum(customer_credit) AS amount "
	    "FROM billd.journal GROUP BY 1, 2) j "
	    "ON (j.organisation_id, j.customer_id) = (c.organisation_id, c.id) "
	    "WHERE c.credit_balance <> coalesce(e.amount, 0) "
	    "OR c.credit_balance <> coalesce(e.last, 0) "
	    "OR c.credit_balance <> -coalesce(j.amount, 0)")},
    {"credit_entries", "each credit that no other document tells of is booked",
	DIFFERING(
	    "SELECT e.organisation_id, 'credit_entry ' || e.id, format('%s, booked %s', e.amount, "
	    "-b.amount) FROM billd.credit_entries e CROSS JOIN LATERAL (SELECT "
	    "coalesce(sum(customer_credit), 0) AS amount FROM billd.journal j "
	    "WHERE (j.organisation_id, j.document_id) = (e.organisation_id, e.id)) b "
	    "WHERE e.reason IN ('proration', 'grant') AND -b.amount <> e.amount")},
    {"deferred_revenue", "what a customer's subscriptions have deferred is what the journal has",
	DIFFERING(
	    "SELECT organisation_id, 'customer ' || customer_id, format('%s deferred, booked %s', "
	    "coalesce(s.amount, 0), -coalesce(j.amount, 0)) FROM (SELECT organisation_id, "
	    "customer_id, sum(deferred) AS amount FROM billd.subscriptions GROUP BY 1, 2) s "
	    "FULL JOIN (SELECT organisation_id, customer_id, sum(deferred_revenue) AS amount "
	    "FROM billd.journal GROUP BY 1, 2) j USING (organisation_id, customer_id) "
	    "WHERE coalesce(s.amount, 0) <> -coalesce(j.amount, 0)")},
    {"cash", "the journal's cash of a payment or a refund is what moved",
	DIFFERING(
	    "SELECT p.organisation_id, 'payment ' || p.id, format('%s of %s is %s, booked %s', "
	    "p.kind, p.amount, p.status, b.amount) FROM billd.payments p "
	    "CROSS JOIN LATERAL (SELECT coalesce(sum(cash), 0) AS amount FROM billd.journal j "
	    "WHERE (j.organisation_id, j.document_id) = (p.organisation_id, p.id)) b "
	    "WHERE b.amount <> CASE WHEN p.status <> 'succeeded' THEN 0 "
	    "WHEN p.kind = 'refund' THEN -p.amount ELSE p.amount END")},
    {"refunds_payable", "what is owed for refunds is that of those on their way",
	DIFFERING("SELECT organisation_id, 'customer ' || customer_id, format('%s on its way, "
		  "booked %s', "
		  "coalesce(p.amount, 0), -coalesce(j.amount, 0)) FROM (SELECT organisation_id, "
		  "customer_id, sum(amount) AS amount FROM billd.payments WHERE kind = 'refund' "
		  "AND status IN ('processing', 'unknown') GROUP BY 1, 2) p "
		  "FULL JOIN (SELECT organisation_id, customer_id, sum(refunds_payable) AS amount "
		  "FROM billd.journal GROUP BY 1, 2) j USING (organisation_id, customer_id) "
		  "WHERE coalesce(p.amount, 0) <> -coalesce(j.amount, 0)")},
    {"payment_refunds", "a payment that succeeded has what went back of it",
	DIFFERING(
	    "SELECT p.organisation_id, 'payment ' || p.id, format('%s of %s %s refunded, its "
	    "refunds %s', p.amount_refunded, p.status, p.amount, r.going) "
	    "FROM billd.payments p CROSS JOIN LATERAL (SELECT count(*) AS asked, "
	    "coalesce(sum(amount) FILTER (WHERE status <> 'failed'), 0) AS going "
	    "FROM billd.payments r WHERE (r.organisation_id, r.invoice_id, r.refund_of) = "
	    "(p.organisation_id, p.invoice_id, p.id)) r WHERE p.kind = 'payment' "
	    "AND (p.amount_refunded <> r.going OR (r.asked > 0 AND p.status <> 'succeeded'))")},
    {"provider_payments", "what succeeded through the provider stands in its book",
	DIFFERING(
	    "SELECT p.organisation_id, 'payment ' || p.id, format('%s of %s %s is %s, the provider "
	    "has %s of %s %s, %s', p.kind, p.amount, p.currency, p.status, t.kind, t.amount, "
	    "t.currency, coalesce(t.outcome, 'nothing')) FROM billd.payments p "
	    "LEFT JOIN simulated_provider.transfers t ON t.key = p.id "
	    "WHERE p.payment_method <> 'manual' AND ((p.status = 'succeeded' "
	    "AND t.outcome IS DISTINCT FROM 'succeeded') "
	    "OR (p.status = 'failed' AND t.outcome = 'succeeded') "
	    "OR (t.key IS NOT NULL AND (t.kind, t.amount, t.currency) <> "
	    "(p.kind, p.amount, p.currency)))")},
    {"provider_transfers", "what the provider moved is a payment's or a refund's",
	DIFFERING(
	    "SELECT NULL::uuid, 'transfer ' || t.key, format('%s of %s %s is no payment of ours', "
	    "t.kind, t.amount, t.currency) FROM simulated_provider.transfers t "
	    "WHERE t.outcome = 'succeeded' AND NOT EXISTS (SELECT FROM billd.payments "
	    "p "
	    "WHERE p.id = t.key AND p.payment_method <> 'manual')"),
	.whole = true},
    {"invoice_numbers", "a customer's invoices are numbered without gaps",
	DIFFERING(GAPLESS("billd.invoices", "sequence", "customer", "billd.customers", "id",
	    "invoice_count") " AND t.customer_id = o.id" GAPLESS_END("sequence", "id",
	    "invoice_count"))},
    {"credit_note_numbers", "a customer's credit notes are numbered without gaps",
	DIFFERING(GAPLESS("billd.credit_notes", "sequence", "customer", "billd.customers", "id",
	    "credit_note_count") " AND t.customer_id = o.id" GAPLESS_END("sequence", "id",
	    "credit_note_count"))},
    {"credit_entry_numbers", "a customer's credit entries are numbered without gaps",
	DIFFERING(GAPLESS("billd.credit_entries", "sequence", "customer", "billd.customers", "id",
	    "credit_count") " AND t.customer_id = o.id" GAPLESS_END("sequence", "id",
	    "credit_count"))},
    {"invoice_series", "an organisation's invoices are numbered without gaps in its series",
	DIFFERING(GAPLESS("billd.invoices", "series_sequence", "organisation",
	    "billd.number_series", "organisation_id",
	    "invoice_count") " AND t.series_sequence IS NOT NULL" GAPLESS_END("series_sequence",
	    "organisation_id", "invoice_count"))},
    {"credit_note_series", "likewise its credit notes",
	DIFFERING(GAPLESS("billd.credit_notes", "series_sequence", "organisation",
	    "billd.number_series", "organisation_id",
	    "credit_note_count") " AND t.series_sequence IS NOT NULL" GAPLESS_END("series_sequence",
	    "organisation_id", "credit_note_count"))},
    {"redemptions", "a coupon was redeemed as often as subscriptions have it",
	DIFFERING(
	    "SELECT c.organisation_id, 'coupon ' || c.id, format('%s redemptions, %s "
	    "subscriptions', "
	    "c.redemptions, coalesce(s.count, 0)) FROM billd.coupons c LEFT JOIN ("
	    "SELECT organisation_id, (discount ->> 'coupon_id')::uuid AS id, count(*) AS count "
	    "FROM billd.subscriptions CROSS JOIN LATERAL jsonb_array_elements(discounts) discount "
	    "GROUP BY 1, 2) s USING (organisation_id, id) "
	    "WHERE c.redemptions <> coalesce(s.count, 0)")},
    {"items_billed", "an item that is billed is on its document, and on no other",
	DIFFERING(
	    "SELECT organisation_id, 'invoice ' || invoice_id, format('its items %s, its lines of "
	    "items %s', coalesce(i.amount, 0), coalesce(l.amount, 0)) FROM (SELECT "
	    "organisation_id, "
	    "invoice_id, sum(amount) AS amount, count(*) AS count FROM billd.items "
	    "WHERE invoice_id IS NOT NULL GROUP BY 1, 2) i FULL JOIN (SELECT organisation_id, "
	    "invoice_id, sum(amount) AS amount, count(*) AS count FROM billd.invoice_lines "
	    "WHERE kind = 'item' GROUP BY 1, 2) l USING (organisation_id, invoice_id) "
	    "WHERE (i.amount, i.count) IS DISTINCT FROM (l.amount, l.count) "
	    "UNION ALL SELECT i.organisation_id, 'item ' || i.id, format('credit_entry %s is not "
	    "there', i.credit_entry_id) FROM billd.items i LEFT JOIN billd.credit_entries e ON "
	    "(e.organisation_id, e.customer_id, e.id) = (i.organisation_id, i.customer_id, "
	    "i.credit_entry_id) WHERE i.credit_entry_id IS NOT NULL AND e.id IS NULL")},
    {"items_pending", "a customer has as many pending items as it says",
	DIFFERING(
	    "SELECT c.organisation_id, 'customer ' || c.id, format('%s pending, there are %s', "
	    "c.items_pending, coalesce(i.count, 0)) FROM billd.customers c LEFT JOIN ("
	    "SELECT organisation_id, customer_id, count(*) AS count FROM billd.items "
	    "WHERE status = 'pending' GROUP BY 1, 2) i "
	    "ON (i.organisation_id, i.customer_id) = (c.organisation_id, c.id) "
	    "WHERE c.items_pending <> coalesce(i.count, 0)")},
    {"owners", "a line has its invoice, and an invoice its subscription",
	DIFFERING(
	    "SELECT l.organisation_id, 'line ' || l.id, format('invoice %s is not there', "
	    "l.invoice_id) FROM billd.invoice_lines l LEFT JOIN billd.invoices i "
	    "ON (i.organisation_id, i.id) = (l.organisation_id, l.invoice_id) WHERE i.id IS NULL "
	    "UNION ALL SELECT i.organisation_id, 'invoice ' || i.id, format('subscription %s is "
	    "not there', i.subscription_id) FROM billd.invoices i LEFT JOIN billd.subscriptions s "
	    "ON (s.organisation_id, s.id) = (i.organisation_id, i.subscription_id) "
	    "WHERE s.id IS NULL")},
    {"standing", "a subscription names its latest invoice, and owes it where it is past due",
	DIFFERING(
	    "SELECT s.organisation_id, 'subscription ' || s.id, format('%s, its latest invoice %s; "
	    "that with the highest number %s, %s', s.status, s.latest_invoice_id, i.id, i.status) "
	    "FROM billd.subscriptions s LEFT JOIN (SELECT DISTINCT ON (organisation_id, "
	    "subscription_id) organisation_id, subscription_id, id, status FROM billd.invoices "
	    "ORDER BY organisation_id, subscription_id, sequence DESC) i "
	    "ON (i.organisation_id, i.subscription_id) = (s.organisation_id, s.id) "
	    "WHERE s.latest_invoice_id IS DISTINCT FROM i.id "
	    "OR (s.status = 'past_due' AND i.status <> 'open') "
	    "UNION ALL SELECT organisation_id, 'subscription ' || id, "
	    "'is past due, and no payment of its invoices failed' FROM billd.subscriptions s "
	    "WHERE status = 'past_due' AND NOT EXISTS (SELECT FROM billd.invoices i "
	    "JOIN billd.payments p "
	    "ON (p.organisation_id, p.invoice_id) = (i.organisation_id, i.id) "
	    "WHERE (i.organisation_id, i.customer_id, i.subscription_id) = "
	    "(s.organisation_id, s.customer_id, s.id) "
	    "AND p.kind = 'payment' AND p.status = 'failed')")},
    {"billing_runs", "a billing run's sums are those of its invoices",
	DIFFERING(
	    "SELECT organisation_id, 'billing run ' || run_id, format('%s: its report has %s "
	    "invoices of %s, there are %s of %s', currency, coalesce(r.invoices, 0), "
	    "coalesce(r.total, 0), coalesce(i.invoices, 0), coalesce(i.total, 0)) FROM (SELECT "
	    "organisation_id, billing_run_id AS run_id, currency, count(*) AS invoices, "
	    "sum(total) AS total FROM billd.invoices WHERE billing_run_id IS NOT NULL "
	    "GROUP BY 1, 2, 3) i FULL JOIN (SELECT t.organisation_id, t.run_id, t.currency, "
	    "sum(t.invoices) AS invoices, sum(t.total) AS total FROM billd.billing_run_totals t "
	    "JOIN billd.billing_runs run ON (run.organisation_id, run.id) = "
	    "(t.organisation_id, t.run_id) WHERE NOT run.dry_run GROUP BY 1, 2, 3) r "
	    "USING (organisation_id, run_id, currency) "
	    "WHERE (i.invoices, i.total) IS DISTINCT FROM (r.invoices, r.total)")},
    {"events", "each document, and each final state, has its event",
	DIFFERING(EVENTS(
	    "SELECT organisation_id, customer_id AS owner, sequence, created_ms, id, "
	    "'billd.invoice.issued.v1' AS type FROM billd.invoices "
	    "UNION ALL SELECT organisation_id, customer_id, sequence, created_ms, id, CASE status "
	    "WHEN 'paid' THEN 'billd.invoice.paid.v1' WHEN 'void' THEN 'billd.invoice.voided.v1' "
	    "ELSE 'billd.invoice.marked_uncollectible.v1' END FROM billd.invoices "
	    "WHERE status <> 'open' "
	    "UNION ALL SELECT organisation_id, customer_id, sequence, created_ms, id, "
	    "'billd.credit.recorded.v1' FROM billd.credit_entries "
	    "UNION ALL SELECT organisation_id, customer_id, sequence, created_ms, id, "
	    "'billd.credit_note.issued.v1' FROM billd.credit_notes "
	    "UNION ALL SELECT organisation_id, invoice_id, created_ms, created_ms, id, CASE status "
	    "WHEN 'succeeded' THEN 'billd.payment.succeeded.v1' "
	    "ELSE 'billd.payment.failed.v1' END FROM billd.payments WHERE settled_at IS NOT "
	    "NULL"))},
};

const size_t reconcile_rules_len = ARRAY_LEN(reconcile_rules);

_Static_assert(ARRAY_LEN(reconcile_rules) <= RECONCILE_RULES_MAX, "each has a statement");
