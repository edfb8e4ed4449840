#include "common/domain/payment.h"

#define FAILURES_PREFIX "sim_fail_n_then_ok:"
#define FAILURES_MAX 99

static const char *const status_names[PAYMENT_STATUS_MAX] = {
    [PAYMENT_PROCESSING] = "processing",
    [PAYMENT_UNKNOWN] = "unknown",
    [PAYMENT_SUCCEEDED] = "succeeded",
    [PAYMENT_FAILED] = "failed",
};

struct str
payment_status_name(enum payment_status status)
{
	CHECK((int)status >= 0 && status < PAYMENT_STATUS_MAX);
	return str_from(status_names[status]);
}

enum payment_status
payment_status_from(struct str name)
{
	int status = 0;

	while (status < PAYMENT_STATUS_MAX && !str_equal(name, str_from(status_names[status])))
		status++;
	CHECK(status < PAYMENT_STATUS_MAX);
	return (enum payment_status)status;
}

bool
payment_failures_read(struct str method, int32_t *ret_n)
{
	struct str prefix = STR(FAILURES_PREFIX);
	struct str digits;
	int64_t failures;

	if (method.len <= prefix.len || memcmp(method.ptr, prefix.ptr, prefix.len) != 0)
		return false;
	digits = (struct str){method.ptr + prefix.len, method.len - prefix.len};
	if (digits.ptr[0] == '-' || !str_read_int64(digits, 0, FAILURES_MAX, &failures))
		return false;
	*ret_n = (int32_t)failures;
	return true;
}

bool
payment_method_is_known(struct str method)
{
	static const char *const names[] = {
	    "manual", "sim_ok", "sim_declined", "sim_insufficient_funds", "sim_error"};
	int32_t failures;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_equal(method, str_from(names[i])))
			return true;
	return payment_failures_read(method, &failures);
}

enum refusal
payment_begin(const struct invoice *invoice, size_t attempts, struct str method, int64_t amount)
{
	CHECK(amount >= 1 || amount == INT64_MIN);

	if (!payment_method_is_known(method))
		return REFUSAL_PAYMENT_METHOD_UNKNOWN;
	if (!uuid_is_nil(invoice->payment_id))
		return REFUSAL_PAYMENT_IN_PROGRESS;
	if (invoice_status_from(invoice->status) != INVOICE_OPEN)
		return REFUSAL_INVOICE_FINAL;
	if (amount > invoice_remaining(invoice))
		return REFUSAL_PAYMENT_TOO_LARGE;
	return attempts < PAYMENTS_MAX ? REFUSAL_NONE : REFUSAL_PAYMENTS_TOO_MANY;
}

enum refusal
payment_refund(size_t rows, size_t refunds)
{
	return refunds == 0 || rows + refunds <= PAYMENTS_AND_REFUNDS_MAX
		   ? REFUSAL_NONE
		   : REFUSAL_PAYMENTS_TOO_MANY;
}

enum refusal
payment_settle(struct payment *payment, enum payment_status status, struct instant now)
{
	enum payment_status before = payment_status_from(payment->status);

	CHECK(status > PAYMENT_PROCESSING && status < PAYMENT_STATUS_MAX);

	if (before == PAYMENT_SUCCEEDED || before == PAYMENT_FAILED)
		return REFUSAL_PAYMENT_SETTLED;
	payment->status = payment_status_name(status);
	payment->settled_at = status == PAYMENT_UNKNOWN ? INSTANT_NONE : now;
	payment->updated_at = instant_later(payment->updated_at, now);
	return REFUSAL_NONE;
}
