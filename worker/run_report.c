#include "worker/run_report.h"

#include "common/codec/invoice_digest.h"

#define CAPACITY_FIRST 16
#define WIDE_TEXT_SIZE 41                /* of a number of 128 bits: sign, 39 digits, NUL */
#define FIRST_BYTES_MAX (128 * 1024)     /* of first invoices, in one chunk */
#define FIRST_BUFFER_BYTES (1024 * 1024) /* with the last of them */

static const struct pg_statement statements[] = {
    {"run_report",
	/* Of a dry run nobody else knows who went on first; a real one's events would tell. */
	"WITH part AS MATERIALIZED (SELECT p.organisation_id, p.run_id, p.part "
	"FROM billd.billing_run_parts p "
	"WHERE p.organisation_id = $1::uuid AND p.run_id = $2::uuid AND p.part = $3::int4 "
	"AND (NOT $4::bool OR (p.finished_at IS NULL AND p.shard = $5::int4 "
	"AND p.after_due_at IS NOT DISTINCT FROM $6::timestamptz "
	"AND p.after_id IS NOT DISTINCT FROM $7::uuid))), "
	"summed AS (INSERT INTO billd.billing_run_totals AS t (organisation_id, run_id, part, "
	"plan_id, currency, invoices, subtotal, discount, tax, total, credit_applied, amount_due) "
	"SELECT part.organisation_id, part.run_id, part.part, k.plan_id, k.currency, k.invoices, "
	"k.subtotal::numeric, k.discount::numeric, k.tax::numeric, k.total::numeric, "
	"k.credit_applied::numeric, k.amount_due::numeric FROM part CROSS JOIN "
	"unnest($17::uuid[], $18::text[], $19::int8[], $20::text[], $21::text[], $22::text[], "
	"$23::text[], $24::text[], $25::text[]) k(plan_id, currency, invoices, subtotal, "
	"discount, tax, total, credit_applied, amount_due) "
	"ON CONFLICT (organisation_id, run_id, part, plan_id, currency) DO UPDATE SET "
	"invoices = t.invoices + excluded.invoices, subtotal = t.subtotal + excluded.subtotal, "
	"discount = t.discount + excluded.discount, tax = t.tax + excluded.tax, "
	"total = t.total + excluded.total, "
	"credit_applied = t.credit_applied + excluded.credit_applied, "
	"amount_due = t.amount_due + excluded.amount_due), "
	"listed AS (INSERT INTO billd.billing_run_failures (organisation_id, run_id, "
	"subscription_id, part, customer_id, due_at, reason, detail) "
	"SELECT part.organisation_id, part.run_id, k.subscription_id, part.part, k.customer_id, "
	"to_timestamp(k.due_s), k.reason, k.detail FROM part CROSS JOIN "
	"unnest($26::uuid[], $27::uuid[], $28::int8[], $29::text[], $30::text[]) "
	"k(subscription_id, customer_id, due_s, reason, detail) "
	"ON CONFLICT DO NOTHING RETURNING 1) "
	"UPDATE billd.billing_run_parts p SET shard = $8::int4, after_due_at = $9::timestamptz, "
	"after_id = $10::uuid, done = p.done + $11::int8, invoiced = p.invoiced + $12::int8, "
	"failed = p.failed + (SELECT count(*) FROM listed), "
	"digest = mod(p.digest + $13::text::numeric, 340282366920938463463374607431768211456), "
	"first_due_at = least(p.first_due_at, $14::timestamptz), "
	"first_invoices = CASE WHEN $15::text IS NULL THEN p.first_invoices ELSE "
	"(SELECT jsonb_agg(e ORDER BY e ->> 'issued_at', e ->> 'subscription_id') "
	"FROM (SELECT e FROM jsonb_array_elements(p.first_invoices || $15::text::jsonb) e "
	"ORDER BY e ->> 'issued_at', e ->> 'subscription_id' LIMIT $31::int8) f) END, "
	"finished_at = CASE WHEN $16::bool THEN coalesce(p.finished_at, now()) "
	"ELSE p.finished_at END "
	"FROM part WHERE p.organisation_id = part.organisation_id AND p.run_id = part.run_id "
	"AND p.part = part.part"},
};

void
run_report_prepare(struct pg *pg)
{
	pg_prepare(pg, statements, ARRAY_LEN(statements));
}

/* ${items} with room for one more behind ${len}. */
static void *
list_grown(struct arena *arena, void *items, size_t len, size_t *capacity, size_t size)
{
	void *grown;

	if (len < *capacity)
		return items;
	*capacity = *capacity == 0 ? CAPACITY_FIRST : 2 * *capacity;
	grown = arena_array(arena, *capacity, size);
	CHECK(grown != NULL);
	if (len > 0)
		memcpy(grown, items, len * size);
	return grown;
}

/* ---- What could not be billed. */

/* When ${subscription} falls due, or would but for its billing_problem. */
static struct instant
due_at_of(const struct subscription *subscription)
{
	struct subscription without = *subscription;

	if (subscription->billing_problem.ptr == NULL)
		return subscription->due_at;
	without.billing_problem = STR_NONE;
	return subscription_due_at(&without);
}

static bool
is_failed(const struct run_report *report, const struct subscription *subscription)
{
	return report->failures_len > 0 && index_get(&report->failed, subscription->organisation_id,
					       index_key(&subscription->id)) != NULL;
}

void
run_report_fail(struct batch_context *context, struct run_report *report,
    const struct subscription *subscription, struct str reason, struct str detail)
{
	struct arena *arena = &context->arena;
	struct instant due_at = due_at_of(subscription);
	struct uuid *id;

	if (is_failed(report, subscription))
		return;
	if (report->failures_len == 0)
		index_init(&report->failed, arena);
	report->failures = list_grown(arena, report->failures, report->failures_len,
	    &report->failures_capacity, sizeof(*report->failures));
	id = arena_alloc(arena, sizeof(*id));
	CHECK(id != NULL);
	*id = subscription->id;
	index_put(&report->failed, subscription->organisation_id, index_key(id), id);
	report->failures[report->failures_len++] = (struct run_failure){
	    .subscription_id = subscription->id,
	    .customer_id = subscription->customer_id,
	    .due_at = instant_is_none(due_at) ? report->part->as_of : due_at,
	    .reason = reason,
	    .detail = detail,
	};
}

/* What became of ${subscription}, which the chunk was about. */
static void
subscription_collect(struct batch_context *context, struct run_report *report,
    const struct subscription *subscription)
{
	struct instant due_at = due_at_of(subscription), as_of = report->part->as_of;
	bool due = !instant_is_none(due_at) && due_at.s <= as_of.s;

	if (is_failed(report, subscription))
		return;
	if (subscription->billing_problem.ptr == NULL)
		report->done += due ? 0 : 1;
	else if (due)
		run_report_fail(
		    context, report, subscription, subscription->billing_problem, STR_NONE);
}

/* ---- Its invoices. */

/* The plan that ${invoice} counts for, whatever came behind it: that of its last line, as what
 * begins a period stands behind what ended one. */
static struct uuid
plan_of(const struct batch_context *context, const struct invoice *invoice)
{
	const struct subscription *subscription;

	if (invoice->lines_len > 0)
		return invoice->lines[invoice->lines_len - 1].plan_id;
	subscription =
	    facts_subscription(&context->facts, invoice->organisation_id, invoice->subscription_id);
	CHECK(subscription != NULL);
	return subscription->plan_id;
}

static struct run_sum *
sum_of(struct batch_context *context, struct run_report *report, const struct invoice *invoice)
{
	struct uuid plan_id = plan_of(context, invoice);

	for (size_t i = 0; i < report->sums_len; i++)
		if (uuid_equal(report->sums[i].plan_id, plan_id) &&
		    currency_equal(report->sums[i].currency, invoice->currency))
			return &report->sums[i];
	report->sums = list_grown(&context->arena, report->sums, report->sums_len,
	    &report->sums_capacity, sizeof(*report->sums));
	report->sums[report->sums_len] = (struct run_sum){
	    .plan_id = plan_id,
	    .currency = invoice->currency,
	};
	return &report->sums[report->sums_len++];
}

/* Hexadecimal as a number. */
static uint128
digest_number(struct str text)
{
	uint128 number = 0;

	CHECK(text.len == 2 * INVOICE_DIGEST_BYTES);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		CHECK((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
		number *= 16;
		number += (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return number;
}

static void
invoice_collect(
    struct batch_context *context, struct run_report *report, const struct invoice *invoice)
{
	struct run_sum *sum = sum_of(context, report, invoice);

	/* No sum of fewer than 2^64 amounts of 64 bits runs over. */
	sum->invoices++;
	sum->subtotal += invoice->subtotal;
	sum->discount += invoice->discount;
	sum->tax += invoice->tax;
	sum->total += invoice->total;
	sum->credit_applied += invoice->credit_applied;
	sum->amount_due += invoice->amount_due;
	report->invoiced++;
	report->digest += digest_number(invoice->digest);
	if (instant_is_none(report->first_due_at) || invoice->issued_at.s < report->first_due_at.s)
		report->first_due_at = invoice->issued_at;
}

/* ---- The first of them. */

static bool
is_before(const struct invoice *a, const struct invoice *b)
{
	return a->issued_at.s != b->issued_at.s
		   ? a->issued_at.s < b->issued_at.s
		   : uuid_compare(a->subscription_id, b->subscription_id) < 0;
}

/* The RUN_FIRST_INVOICES of ${list} that are issued first, in order. */
static size_t
first_find(const struct fact_list *list, const struct invoice *ret_first[RUN_FIRST_INVOICES])
{
	size_t len = 0;

	for (size_t i = 0; i < list->len; i++) {
		const struct invoice *invoice = list->values[i];
		size_t place;

		if (len == RUN_FIRST_INVOICES && !is_before(invoice, ret_first[len - 1]))
			continue;
		place = len < RUN_FIRST_INVOICES ? len++ : len - 1;
		for (; place > 0 && is_before(invoice, ret_first[place - 1]); place--)
			ret_first[place] = ret_first[place - 1];
		ret_first[place] = invoice;
	}
	return len;
}

static void
first_write(struct batch_context *context, struct run_report *report)
{
	const struct schema *schema = context->decider.event_schemas[EVENT_INVOICE_ISSUED];
	const struct invoice *first[RUN_FIRST_INVOICES];
	size_t len = first_find(&context->facts.lists[TABLE_INVOICES], first);
	struct buf text;
	struct err err;

	if (len == 0)
		return;
	buf_init(&text, FIRST_BUFFER_BYTES);
	buf_append_char(&text, '[');
	for (size_t i = 0; i < len && text.len < FIRST_BYTES_MAX; i++) {
		struct str body;

		buf_clear(&context->scratch);
		avro_encode(
		    schema, row_tables[TABLE_INVOICES]->record, first[i], &context->scratch);
		CHECK(!context->scratch.overflow);
		body = buf_str(&context->scratch);
		body.ptr += AVRO_FRAME_BYTES;
		body.len -= AVRO_FRAME_BYTES;
		if (i > 0)
			buf_append_char(&text, ',');
		CHECK(avro_to_json(schema, body, &text, &err) == ERR_NONE);
	}
	buf_append_char(&text, ']');
	/* What does not fit is not shown: it is a look at the first, and no sum. */
	if (!text.overflow)
		CHECK(arena_str(&context->arena, buf_str(&text), &report->first_invoices));
	buf_release(&text);
}

/* What became of those that the chunk came to; ids of which there is no row were nobody's. */
static void
item_collect(struct batch_context *context, struct run_report *report,
    const struct due_items *found, const struct due_item *item)
{
	for (size_t i = 0; i < item->len; i++) {
		const struct subscription *subscription = facts_subscription(&context->facts,
		    item->organisation_id, found->subscription_ids[item->first + i]);

		if (subscription != NULL)
			subscription_collect(context, report, subscription);
	}
}

void
run_report_collect(struct batch_context *context, struct run_report *report,
    const struct due_items *found, size_t first, size_t done)
{
	const struct fact_list *invoices = &context->facts.lists[TABLE_INVOICES];

	for (size_t i = 0; i < invoices->len; i++)
		invoice_collect(context, report, invoices->values[i]);
	for (size_t i = first; i < first + done; i++)
		item_collect(context, report, found, &found->items[i]);
	if (report->part->dry_run)
		first_write(context, report);
}

/* ---- Storing it. */

/* ${number} in decimal, in the arena, with a minus where it is ${negative}. */
static struct str
wide_text(struct arena *arena, uint128 number, bool negative)
{
	char text[WIDE_TEXT_SIZE];
	size_t at = sizeof(text) - 1;
	struct str written;

	text[at] = '\0';
	do {
		text[--at] = (char)('0' + (int)(number % 10));
		number /= 10;
	} while (number > 0);
	if (negative)
		text[--at] = '-';
	CHECK(arena_str(arena, str_from(text + at), &written));
	return written;
}

static struct str
sum_text(struct arena *arena, int128 sum)
{
	return wide_text(arena, sum < 0 ? -(uint128)sum : (uint128)sum, sum < 0);
}

static void
params_sums(struct pg_params *params, const struct run_report *report, struct arena *arena)
{
	size_t len = report->sums_len;
	struct uuid *plans = arena_array(arena, len + 1, sizeof(*plans));
	int64_t *invoices = arena_array(arena, len + 1, sizeof(*invoices));
	struct str *texts[7]; /* the currency, and six amounts */

	CHECK(plans != NULL && invoices != NULL);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		texts[i] = arena_array(arena, len + 1, sizeof(*texts[i]));
		CHECK(texts[i] != NULL);
	}
	for (size_t i = 0; i < len; i++) {
		const struct run_sum *sum = &report->sums[i];
		const int128 amounts[] = {sum->subtotal, sum->discount, sum->tax, sum->total,
		    sum->credit_applied, sum->amount_due};

		plans[i] = sum->plan_id;
		invoices[i] = sum->invoices;
		texts[0][i] = str_from(sum->currency.code);
		for (size_t j = 0; j < ARRAY_LEN(amounts); j++)
			texts[1 + j][i] = sum_text(arena, amounts[j]);
	}
	pg_params_uuids(params, plans, len);
	pg_params_strs(params, texts[0], len);
	pg_params_int64s(params, invoices, len);
	for (size_t i = 1; i < ARRAY_LEN(texts); i++)
		pg_params_strs(params, texts[i], len);
}

static void
params_failures(struct pg_params *params, const struct run_report *report, struct arena *arena)
{
	size_t len = report->failures_len;
	struct uuid *subscriptions = arena_array(arena, len + 1, sizeof(*subscriptions));
	struct uuid *customers = arena_array(arena, len + 1, sizeof(*customers));
	int64_t *due_s = arena_array(arena, len + 1, sizeof(*due_s));
	struct str *reasons = arena_array(arena, len + 1, sizeof(*reasons));
	struct str *details = arena_array(arena, len + 1, sizeof(*details));

	CHECK(subscriptions != NULL && customers != NULL && due_s != NULL && reasons != NULL &&
	      details != NULL);
	for (size_t i = 0; i < len; i++) {
		subscriptions[i] = report->failures[i].subscription_id;
		customers[i] = report->failures[i].customer_id;
		due_s[i] = report->failures[i].due_at.s;
		reasons[i] = report->failures[i].reason;
		details[i] = report->failures[i].detail;
	}
	pg_params_uuids(params, subscriptions, len);
	pg_params_uuids(params, customers, len);
	pg_params_int64s(params, due_s, len);
	pg_params_strs(params, reasons, len);
	pg_params_strs(params, details, len);
}

static void
params_cursor(struct pg_params *params, const struct run_cursor *cursor)
{
	pg_params_int32(params, cursor->shard);
	pg_params_instant(params, cursor->after_due_at);
	pg_params_uuid(params, cursor->after_id);
}

enum err_class
run_report_send(const struct run_report *report, struct pg *pg, struct arena *arena,
    size_t *ret_sent, struct err *err)
{
	const struct run_part *part = report->part;
	struct pg_params params;

	pg_params_init(&params, arena);
	pg_params_uuid(&params, part->organisation_id);
	pg_params_uuid(&params, part->run_id);
	pg_params_int32(&params, part->partition->id);
	pg_params_bool(&params, part->dry_run);
	params_cursor(&params, &part->stored);
	params_cursor(&params, &report->at);
	pg_params_int64(&params, report->done);
	pg_params_int64(&params, report->invoiced);
	pg_params_str(&params, wide_text(arena, report->digest, false));
	pg_params_instant(&params, report->first_due_at);
	pg_params_str(&params, report->first_invoices);
	pg_params_bool(&params, report->finished);
	params_sums(&params, report, arena);
	params_failures(&params, report, arena);
	pg_params_int64(&params, RUN_FIRST_INVOICES);
	*ret_sent = 1;
	return pg_send(pg, "run_report", &params, err);
}
