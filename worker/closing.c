#include "worker/closing.h"

#include <inttypes.h>

#include "common/base/id.h"
#include "worker/actor.h"
#include "worker/sight.h"

#define PAGE_INVOICES 10000 /* of the organisation, read in one statement */
#define NUMBER_DIGITS_MAX 38
#define DIGEST_HALF_DIGITS 19 /* a digest comes in two halves of so many digits */

#define SUMS                                                                                   \
	"sum(t.subtotal)::text, sum(t.discount)::text, sum(t.tax)::text, sum(t.total)::text, " \
	"sum(t.credit_applied)::text, sum(t.amount_due)::text"

static const struct pg_statement statements[] = {
    /* 2^128 has 39 digits: too many for a number of ours. */
    {"closing_parts",
	"SELECT due, done, invoiced, failed, first_due_at, "
	"div(digest, 10000000000000000000)::text, mod(digest, 10000000000000000000)::text FROM ("
	"SELECT coalesce(sum(p.due), 0)::int8 AS due, coalesce(sum(p.done), 0)::int8 AS done, "
	"coalesce(sum(p.invoiced), 0)::int8 AS invoiced, "
	"coalesce(sum(p.failed), 0)::int8 AS failed, min(p.first_due_at) AS first_due_at, "
	"mod(coalesce(sum(p.digest), 0), 340282366920938463463374607431768211456) AS digest "
	"FROM billd.billing_run_parts p "
	"WHERE p.organisation_id = $1::uuid AND p.run_id = $2::uuid) s"},
    {"closing_totals",
	"SELECT t.currency, sum(t.invoices)::int8, " SUMS " FROM billd.billing_run_totals t "
	"WHERE t.organisation_id = $1::uuid AND t.run_id = $2::uuid "
	"GROUP BY t.currency ORDER BY t.currency LIMIT $3::int4"},
    /* All of the organisation in the run's time: what a page has to look through is bounded, be it
     * the run's or not.  The row of no currency is always there: it tells how far the page goes. */
    {"closing_documents",
	"WITH page AS MATERIALIZED ("
	"SELECT r.id, r.created_ms, r.currency, r.subtotal, r.discount, r.tax, r.total, "
	"r.credit_applied, r.amount_due, (r.billing_run_id = $2::uuid) IS TRUE AS ours "
	"FROM billd.invoices r WHERE r.organisation_id = $1::uuid "
	"AND (r.created_ms, r.id) > ($3::int8, $4::uuid) AND r.created_ms <= $5::int8 "
	"ORDER BY r.created_ms, r.id LIMIT $6::int8), "
	"booked AS (SELECT p.*, coalesce(e.receivable, 0) AS to_receive, "
	"coalesce(e.customer_credit, 0) AS from_credit, coalesce(-e.tax_payable, 0) AS for_tax "
	"FROM page p LEFT JOIN LATERAL ("
	"SELECT j.receivable, j.customer_credit, j.tax_payable FROM billd.journal j "
	"WHERE j.organisation_id = $1::uuid AND j.document_id = p.id AND j.reason = 'invoice' "
	"OFFSET 0) e ON true WHERE p.ours) "
	"SELECT t.currency, count(*), " SUMS ", sum(t.for_tax)::text, "
	"sum(t.to_receive + t.from_credit)::text, sum(t.from_credit)::text, "
	"sum(t.to_receive)::text, count(*) FILTER (WHERE t.to_receive <> t.amount_due "
	"OR t.from_credit <> t.credit_applied OR t.for_tax <> t.tax), "
	"(SELECT count(*) FROM page), "
	"(SELECT l.created_ms FROM page l ORDER BY l.created_ms DESC, l.id DESC LIMIT 1), "
	"(SELECT l.id FROM page l ORDER BY l.created_ms DESC, l.id DESC LIMIT 1) "
	"FROM booked t GROUP BY GROUPING SETS ((t.currency), ())"},
};

/* The columns of the sums: first the currency and the number of invoices. */
#define AMOUNTS_AT 2
#define BOOKED_AT (AMOUNTS_AT + CLOSING_AMOUNTS)

/* Columns of closing_documents behind those of the invoices. */
static const enum closing_amount booked_amounts[] = {
    CLOSING_TAX, CLOSING_TOTAL, CLOSING_CREDIT_APPLIED, CLOSING_AMOUNT_DUE};

enum documents_column {
	MISBOOKED = BOOKED_AT + ARRAY_LEN(booked_amounts),
	PAGE_LEN,
	LAST_MS,
	LAST_ID,
};

void
closing_prepare(struct pg *pg)
{
	pg_prepare(pg, statements, ARRAY_LEN(statements));
}

bool
closing_number_read(struct str text, int128 *ret_value)
{
	bool negative = text.len > 0 && text.ptr[0] == '-';
	int128 value = 0;

	if (negative)
		text = (struct str){text.ptr + 1, text.len - 1};
	if (text.len == 0 || text.len > NUMBER_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		value = value * 10 + (text.ptr[i] - '0');
	}
	*ret_value = negative ? -value : value;
	return true;
}

/* The sum in ${currency}, begun with 0 where there is none yet. */
static struct closing_sum *
sum_in(struct closing_sums *sums, struct currency currency, struct err *err)
{
	size_t i = 0;

	while (i < sums->len && !currency_equal(sums->items[i].currency, currency))
		i++;
	if (i == CLOSING_CURRENCIES_MAX) {
		(void)err_set(err, ERR_POISON, "a run with more than %d currencies", (int)i);
		return NULL;
	}
	if (i == sums->len)
		sums->items[sums->len++] = (struct closing_sum){.currency = currency};
	return &sums->items[i];
}

static enum err_class
amount_add(const PGresult *result, int row, int column, int128 *amount, struct err *err)
{
	int128 more;

	if (!closing_number_read(pg_get_str(result, row, column), &more) ||
	    __builtin_add_overflow(*amount, more, amount))
		return err_set(err, ERR_POISON, "a sum of a run that is beyond all bounds");
	return ERR_NONE;
}

/* A row of sums by currency: ${len} amounts from ${column} on, which are ${which}. */
static enum err_class
sums_add(struct closing_sums *sums, const PGresult *result, int row, int column,
    const enum closing_amount *which, size_t len, struct err *err)
{
	struct currency currency;
	struct closing_sum *sum;

	if (!currency_from(pg_get_str(result, row, 0), &currency))
		return err_set(err, ERR_POISON, "a run with a currency that is none");
	sum = sum_in(sums, currency, err);
	if (sum == NULL)
		return err->class;
	sum->invoices += pg_get_int64(result, row, 1);
	for (size_t i = 0; i < len; i++)
		if (amount_add(result, row, column + (int)i, &sum->amounts[which[i]], err) !=
		    ERR_NONE)
			return err->class;
	return ERR_NONE;
}

/* All amounts, in their order. */
static enum err_class
sums_add_all(struct closing_sums *sums, const PGresult *result, int row, struct err *err)
{
	static const enum closing_amount all[] = {CLOSING_SUBTOTAL, CLOSING_DISCOUNT, CLOSING_TAX,
	    CLOSING_TOTAL, CLOSING_CREDIT_APPLIED, CLOSING_AMOUNT_DUE};

	_Static_assert(ARRAY_LEN(all) == CLOSING_AMOUNTS, "an amount is missing");
	return sums_add(sums, result, row, AMOUNTS_AT, all, ARRAY_LEN(all), err);
}

static enum err_class
parts_take(struct closing *closing, const PGresult *result, struct err *err)
{
	struct instant first = pg_get_instant(result, 0, 4);
	uint128 scale = 1;
	int128 high, low;

	closing->due = pg_get_int64(result, 0, 0);
	closing->done = pg_get_int64(result, 0, 1);
	closing->invoiced = pg_get_int64(result, 0, 2);
	closing->failed = pg_get_int64(result, 0, 3);
	if (!closing_number_read(pg_get_str(result, 0, 5), &high) ||
	    !closing_number_read(pg_get_str(result, 0, 6), &low))
		return err_set(err, ERR_POISON, "a run's digest that is none");
	for (int i = 0; i < DIGEST_HALF_DIGITS; i++)
		scale *= 10;
	closing->digest = (uint128)high * scale + (uint128)low;
	/* Without an invoice there is no first one, and nothing to read from it on. */
	closing->after_ms =
	    instant_is_none(first) ? closing->as_of.s * 1000 + 999 : first.s * 1000 - 1;
	return ERR_NONE;
}

static enum err_class
totals_take(struct closing *closing, const PGresult *result, struct err *err)
{
	for (int row = 0; row < PQntuples(result); row++)
		if (sums_add_all(&closing->reported, result, row, err) != ERR_NONE)
			return err->class;
	return ERR_NONE;
}

static void
run_params(const struct closing *closing, struct pg_params *params, struct arena *arena)
{
	pg_params_init(params, arena);
	pg_params_uuid(params, closing->organisation_id);
	pg_params_uuid(params, closing->run_id);
}

enum err_class
closing_load(struct closing *closing, struct pg *pg, struct arena *arena, struct err *err)
{
	PGresult *ignored = NULL, *parts = NULL, *totals = NULL;
	struct pg_params organisation, run, limited;
	enum err_class class;

	pg_params_init(&organisation, arena);
	pg_params_uuid(&organisation, closing->organisation_id);
	run_params(closing, &run, arena);
	run_params(closing, &limited, arena);
	pg_params_int32(&limited, CLOSING_CURRENCIES_MAX + 1);
	if (pg_connect(pg, err) != ERR_NONE ||
	    pg_send(pg, SIGHT_OF, &organisation, err) != ERR_NONE ||
	    pg_send(pg, "closing_parts", &run, err) != ERR_NONE ||
	    pg_send(pg, "closing_totals", &limited, err) != ERR_NONE ||
	    pg_sync(pg, err) != ERR_NONE || pg_receive(pg, &ignored, err) != ERR_NONE ||
	    pg_receive(pg, &parts, err) != ERR_NONE || pg_receive(pg, &totals, err) != ERR_NONE ||
	    pg_finish(pg, err) != ERR_NONE) {
		class = err_wrap(err, "what a run came to");
		pg_rollback(pg);
		goto out;
	}
	class = parts_take(closing, parts, err);
	if (class == ERR_NONE)
		class = totals_take(closing, totals, err);
out:
	PQclear(ignored);
	PQclear(parts);
	PQclear(totals);
	return class;
}

static enum err_class
documents_take(struct closing *closing, const PGresult *result, struct err *err)
{
	for (int row = 0; row < PQntuples(result); row++) {
		if (pg_get_str(result, row, 0).ptr == NULL) {
			closing->misbooked += pg_get_int64(result, row, MISBOOKED);
			closing->read = pg_get_int64(result, row, PAGE_LEN) < PAGE_INVOICES;
			if (closing->read)
				continue;
			closing->after_ms = pg_get_int64(result, row, LAST_MS);
			closing->after_id = pg_get_uuid(result, row, LAST_ID);
		} else if (sums_add_all(&closing->issued, result, row, err) != ERR_NONE ||
			   sums_add(&closing->booked, result, row, BOOKED_AT, booked_amounts,
			       ARRAY_LEN(booked_amounts), err) != ERR_NONE) {
			return err->class;
		}
	}
	return ERR_NONE;
}

enum err_class
closing_read(struct closing *closing, struct pg *pg, struct arena *arena, struct err *err)
{
	struct pg_params organisation, params;
	enum err_class class;
	PGresult *page;

	CHECK(!closing->dry_run && !closing->read);
	pg_params_init(&organisation, arena);
	pg_params_uuid(&organisation, closing->organisation_id);
	run_params(closing, &params, arena);
	pg_params_int64(&params, closing->after_ms);
	pg_params_uuid(&params, closing->after_id);
	pg_params_int64(&params, closing->as_of.s * 1000 + 999);
	pg_params_int64(&params, PAGE_INVOICES);
	if (pg_run_within(pg, SIGHT_OF, &organisation, "closing_documents", &params, &page, err) !=
	    ERR_NONE)
		return err_wrap(err, "a run's documents");
	class = documents_take(closing, page, err);
	PQclear(page);
	return class;
}

/* Whether ${a} has, of each currency of ${b}, as many invoices and the same amounts from ${first}
 * on.
 */
static bool
covers(const struct closing_sums *a, const struct closing_sums *b, enum closing_amount first)
{
	for (size_t i = 0; i < b->len; i++) {
		const struct closing_sum *sum = &b->items[i];
		size_t at = 0;

		while (at < a->len && !currency_equal(a->items[at].currency, sum->currency))
			at++;
		if (at == a->len || a->items[at].invoices != sum->invoices)
			return false;
		for (size_t amount = first; amount < CLOSING_AMOUNTS; amount++)
			if (a->items[at].amounts[amount] != sum->amounts[amount])
				return false;
	}
	return true;
}

const char *
closing_difference(const struct closing *closing)
{
	int64_t invoices = 0;

	CHECK(closing->read);
	for (size_t i = 0; i < closing->reported.len; i++)
		invoices += closing->reported.items[i].invoices;
	if (invoices != closing->invoiced)
		return "its parts count other invoices than its totals";
	if (closing->reported.len != closing->issued.len ||
	    !covers(&closing->reported, &closing->issued, CLOSING_SUBTOTAL))
		return "its totals are not the sums of its invoices";
	if (closing->misbooked != 0)
		return "the journal has other entries of its invoices";
	if (!covers(&closing->booked, &closing->issued, CLOSING_TAX))
		return "the journal does not add up to its invoices";
	return NULL;
}

static int64_t
narrow(int128 amount)
{
	return amount > INT64_MAX || amount <= INT64_MIN ? INT64_MIN : (int64_t)amount;
}

static struct billing_run_total
total_of(const struct closing_sum *sum)
{
	return (struct billing_run_total){
	    .currency = sum->currency,
	    .invoices = sum->invoices,
	    .subtotal = narrow(sum->amounts[CLOSING_SUBTOTAL]),
	    .discount = narrow(sum->amounts[CLOSING_DISCOUNT]),
	    .tax = narrow(sum->amounts[CLOSING_TAX]),
	    .total = narrow(sum->amounts[CLOSING_TOTAL]),
	    .credit_applied = narrow(sum->amounts[CLOSING_CREDIT_APPLIED]),
	    .amount_due = narrow(sum->amounts[CLOSING_AMOUNT_DUE]),
	};
}

struct finish_billing_run
closing_command(struct closing *closing, int64_t now_ms)
{
	struct str books = STR_NONE;

	if (!closing->dry_run)
		books = closing_difference(closing) == NULL ? STR("balanced") : STR("unbalanced");
	for (size_t i = 0; i < closing->reported.len; i++)
		closing->totals[i] = total_of(&closing->reported.items[i]);
	snprintf(closing->digest_text, sizeof(closing->digest_text), "%016" PRIx64 "%016" PRIx64,
	    (uint64_t)(closing->digest >> 64), (uint64_t)closing->digest);
	return (struct finish_billing_run){
	    .meta =
		{
		    .operation_id = id_derive(closing->run_id, ID_RUN_FINISHED, 0, closing->shard),
		    .organisation_id = closing->organisation_id,
		    .actor = ACTOR_RUNS,
		    .accepted_at = now_ms,
		},
	    .billing_run_id = closing->run_id,
	    .due = closing->due,
	    .done = closing->done,
	    .invoiced = closing->invoiced,
	    .failed = closing->failed,
	    .totals = closing->totals,
	    .totals_len = closing->reported.len,
	    .digest = str_from(closing->digest_text),
	    .books = books,
	};
}
