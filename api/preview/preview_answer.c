/* A preview's answer: the invoice that would be, without what only an issued one has. */

#include "api/preview/preview_internal.h"
#include "api/respond.h"
#include "common/codec/explanation.h"
#include "common/codec/invoice_digest.h"
#include "common/domain/invoice.h"

static void
put_instant(struct buf *out, const char *name, struct instant instant)
{
	char text[INSTANT_TEXT_SIZE];

	instant_write(instant, text);
	buf_printf(out, ",\"%s\":\"%s\"", name, text);
}

static void
put_amount(struct buf *out, const char *name, int64_t minor)
{
	buf_printf(out, ",\"%s\":%lld", name, (long long)minor);
}

/* Room for the lists of what ${bill} becomes.  False when memory is out. */
static bool
room_make(struct arena *arena, const struct bill *bill, struct invoice_room *ret_room)
{
	size_t taxes = 0;

	for (size_t i = 0; i < bill->len; i++)
		taxes += bill->lines[i].taxes_len;
	ret_room->lines = arena_array(arena, bill->len + 1, sizeof(*ret_room->lines));
	ret_room->discounts =
	    arena_array(arena, bill->discounts_len + 1, sizeof(*ret_room->discounts));
	ret_room->taxes = arena_array(arena, bill->taxes_len + 1, sizeof(*ret_room->taxes));
	ret_room->line_discounts = arena_array(
	    arena, bill->len * bill->discounts_len + 1, sizeof(*ret_room->line_discounts));
	ret_room->line_taxes = arena_array(arena, taxes + 1, sizeof(*ret_room->line_taxes));
	return ret_room->lines != NULL && ret_room->discounts != NULL && ret_room->taxes != NULL &&
	       ret_room->line_discounts != NULL && ret_room->line_taxes != NULL;
}

/* What invoice_issue makes of the bill; of one with a negative total, which becomes a credit, the
 * sums alone. */
static struct invoice
issue(struct preview *preview, const struct invoice_room *room)
{
	const struct step *step = &preview->step;
	const struct bill *bill = &preview->bill;
	struct invoice invoice = {
	    .currency = preview->customer.currency,
	    .customer_id = preview->customer.id,
	    .reason = step->reason,
	    .period_start = step->period.start,
	    .period_end = step->period.end,
	    .issued_at = step->at,
	    .due_at = step->at,
	    .tax_exempt = preview->customer.tax_exempt,
	    .tax_exempt_reason = preview->customer.tax_exempt_reason,
	    .subtotal = bill->subtotal,
	    .discount = bill->discount,
	    .tax = bill->tax,
	    .tax_included = bill->tax_included,
	    .total = bill->total,
	};

	if (bill->total >= 0) {
		invoice.series_sequence = INT64_MIN;
		invoice_issue(&preview->customer, &step->after, step, bill, &preview->invoice_terms,
		    room, &invoice);
	}
	return invoice;
}

static void
put(struct buf *out, const struct preview *preview, const struct invoice *invoice)
{
	char digest[INVOICE_DIGEST_SIZE];

	buf_append_str(out, STR("{\"customer_id\":"));
	json_put_uuid(out, invoice->customer_id);
	buf_append_str(out, STR(",\"subscription_id\":"));
	if (uuid_is_nil(preview->step.after.id))
		buf_append_str(out, STR("null"));
	else
		json_put_uuid(out, preview->step.after.id);
	buf_printf(out, ",\"reason\":\"%.*s\",\"currency\":\"%.3s\"", STR_ARG(invoice->reason),
	    invoice->currency.code);
	put_instant(out, "period_start", invoice->period_start);
	put_instant(out, "period_end", invoice->period_end);
	put_instant(out, "issued_at", invoice->issued_at);
	put_instant(out, "due_at", invoice->due_at);
	buf_append_str(out, STR(",\"tax_exempt\":"));
	json_put_string(out, invoice->tax_exempt);
	buf_append_str(out, STR(",\"tax_exempt_reason\":"));
	if (invoice->tax_exempt_reason.ptr == NULL)
		buf_append_str(out, STR("null"));
	else
		json_put_string(out, invoice->tax_exempt_reason);
	buf_append_str(out, STR(",\"lines\":"));
	explanation_write_lines(&preview->bill, out);
	buf_append_str(out, STR(",\"discounts\":"));
	explanation_write_discounts(&preview->bill, out);
	buf_append_str(out, STR(",\"taxes\":"));
	explanation_write_taxes(&preview->bill, out);
	put_amount(out, "subtotal", invoice->subtotal);
	put_amount(out, "discount", invoice->discount);
	put_amount(out, "tax", invoice->tax);
	put_amount(out, "tax_included", invoice->tax_included);
	put_amount(out, "total", invoice->total);
	put_amount(out, "credit_applied", invoice->credit_applied);
	put_amount(out, "credited", invoice->total < 0 ? -invoice->total : 0);
	put_amount(out, "amount_due", invoice->amount_due);
	if (invoice->total < 0) {
		buf_append_str(out, STR(",\"digest\":null}"));
	} else {
		invoice_digest(invoice, &preview->bill, digest);
		buf_printf(out, ",\"digest\":\"%s\"}", digest);
	}
}

void
preview_answer(struct preview *preview)
{
	struct request *request = preview->action->request;
	struct invoice_room room;
	struct invoice invoice;

	if (!room_make(&request->arena, &preview->bill, &room)) {
		answer_problem(request, PROBLEM_OVERLOADED, "There is no memory for its lines.");
		return;
	}
	invoice = issue(preview, &room);
	buf_clear(&request->out);
	put(&request->out, preview, &invoice);
	answer_out(request, MHD_HTTP_OK, JSON_TYPE);
}
