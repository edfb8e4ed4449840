/* The states of an invoice: what becomes of it once it is issued. */
#include "common/domain/invoice.h"

static const char *const status_names[INVOICE_STATUS_MAX] = {
    [INVOICE_OPEN] = "open",
    [INVOICE_PAID] = "paid",
    [INVOICE_VOID] = "void",
    [INVOICE_UNCOLLECTIBLE] = "uncollectible",
};

struct str
invoice_status_name(enum invoice_status status)
{
	CHECK((int)status >= 0 && status < INVOICE_STATUS_MAX);
	return str_from(status_names[status]);
}

enum invoice_status
invoice_status_from(struct str name)
{
	int status = 0;

	while (status < INVOICE_STATUS_MAX && !str_equal(name, str_from(status_names[status])))
		status++;
	CHECK(status < INVOICE_STATUS_MAX);
	return (enum invoice_status)status;
}

int64_t
invoice_remaining(const struct invoice *invoice)
{
	int64_t remaining = invoice->amount_due - invoice->amount_paid - invoice->amount_credited;
	enum invoice_status status = invoice_status_from(invoice->status);

	CHECK(remaining >= 0);
	CHECK(remaining == 0 || status != INVOICE_PAID);
	return status == INVOICE_OPEN ? remaining : 0;
}

enum refusal
invoice_pay(struct invoice *invoice, int64_t amount, struct instant now)
{
	CHECK(amount >= 1);

	if (invoice_status_from(invoice->status) != INVOICE_OPEN)
		return REFUSAL_INVOICE_FINAL;
	if (amount > invoice_remaining(invoice))
		return REFUSAL_PAYMENT_TOO_LARGE;
	invoice->amount_paid += amount;
	invoice->updated_at = instant_later(invoice->updated_at, now);
	if (invoice_remaining(invoice) > 0)
		return REFUSAL_NONE;
	invoice->status = invoice_status_name(INVOICE_PAID);
	invoice->paid_at = now;
	return REFUSAL_NONE;
}

/* Whether what is still to be paid can be let go. */
static enum refusal
release_refused(const struct invoice *invoice)
{
	if (invoice_status_from(invoice->status) != INVOICE_OPEN)
		return REFUSAL_INVOICE_FINAL;
	if (!uuid_is_nil(invoice->payment_id))
		return REFUSAL_PAYMENT_IN_PROGRESS;
	return REFUSAL_NONE;
}

enum refusal
invoice_void(struct invoice *invoice, struct instant now)
{
	enum refusal refusal = release_refused(invoice);

	if (refusal == REFUSAL_NONE && invoice->amount_paid > 0)
		refusal = REFUSAL_INVOICE_PARTLY_PAID;
	if (refusal != REFUSAL_NONE)
		return refusal;
	invoice->status = invoice_status_name(INVOICE_VOID);
	invoice->voided_at = now;
	invoice->updated_at = instant_later(invoice->updated_at, now);
	return REFUSAL_NONE;
}

enum refusal
invoice_give_up(struct invoice *invoice, struct instant now)
{
	enum refusal refusal = release_refused(invoice);

	if (refusal != REFUSAL_NONE)
		return refusal;
	invoice->status = invoice_status_name(INVOICE_UNCOLLECTIBLE);
	invoice->uncollectible_at = now;
	invoice->updated_at = instant_later(invoice->updated_at, now);
	return REFUSAL_NONE;
}
