#include "common/codec/invoice_digest.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include <sodium.h>

/* More than the longest line: codes have 100 characters, all else is numbers and ids. */
#define TEXT_SIZE 512

/* Take one line of the canonical text. */
static PRINTF_LIKE(2, 3) void take(crypto_generichash_state *state, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	CHECK(len >= 0 && len < (int)sizeof(text));
	CHECK(crypto_generichash_update(state, (const unsigned char *)text, (unsigned)len) == 0);
}

/* Take a text of any length and content, which says itself where it ends. */
static void
take_text(crypto_generichash_state *state, struct str text)
{
	take(state, "%zu ", text.len);
	if (text.len > 0)
		CHECK(crypto_generichash_update(state, (const unsigned char *)text.ptr, text.len) ==
		      0);
	take(state, "\n");
}

static void
take_item(crypto_generichash_state *state, const struct bill_line *line)
{
	take(state, "item %" PRId64 " %" PRId64 " %" PRId64 " ", line->period.start.s,
	    line->period.end.s, line->amount);
	take_text(state, line->item->description);
}

static void
take_charge(crypto_generichash_state *state, const struct bill_line *line)
{
	char quantity[DECIMAL_TEXT_SIZE], version[UUID_TEXT_SIZE];

	decimal_write(line->rating.usage.quantity, quantity);
	uuid_write(line->version->id, version);
	take(state, "line %.*s %.*s %s %d %d %s %" PRId64 " %" PRId64 " %" PRId64 "\n",
	    STR_ARG(bill_line_kind_name(line->kind)), STR_ARG(line->rating.charge->code), version,
	    line->proration ? 1 : 0, line->credit ? 1 : 0, quantity, line->period.start.s,
	    line->period.end.s, line->amount);
}

/* What is taken off the line and what it is taxed: each coupon's and each rate's share. */
static void
take_line(crypto_generichash_state *state, const struct bill *bill, const struct bill_line *line)
{
	char id[UUID_TEXT_SIZE];

	if (line->kind == BILL_ITEM)
		take_item(state, line);
	else
		take_charge(state, line);
	for (size_t i = 0; i < bill->discounts_len; i++) {
		uuid_write(bill->discounts[i].discount->coupon_id, id);
		if (line->discount_shares[i] != 0)
			take(state, "discount %s %" PRId64 "\n", id, line->discount_shares[i]);
	}
	for (size_t i = 0; i < line->taxes_len; i++) {
		uuid_write(line->taxes[i].rate->id, id);
		take(state, "tax %s %" PRId64 "\n", id, line->taxes[i].amount);
	}
}

/* The sums that no line has. */
static void
take_taxes(crypto_generichash_state *state, const struct bill *bill)
{
	char id[UUID_TEXT_SIZE];

	for (size_t i = 0; i < bill->taxes_len; i++) {
		uuid_write(bill->taxes[i].rate->id, id);
		take(state, "taxable %s %" PRId64 "\n", id, bill->taxes[i].taxable);
	}
}

void
invoice_digest(
    const struct invoice *invoice, const struct bill *bill, char ret_text[INVOICE_DIGEST_SIZE])
{
	unsigned char digest[INVOICE_DIGEST_BYTES];
	crypto_generichash_state state;
	char customer[UUID_TEXT_SIZE];

	CHECK(crypto_generichash_init(&state, NULL, 0, sizeof(digest)) == 0);
	uuid_write(invoice->customer_id, customer);
	take(&state, "customer %s\ncurrency %s\nreason %.*s\nperiod %" PRId64 " %" PRId64 "\n",
	    customer, invoice->currency.code, STR_ARG(invoice->reason), invoice->period_start.s,
	    invoice->period_end.s);
	for (size_t i = 0; i < bill->len; i++)
		take_line(&state, bill, &bill->lines[i]);
	take_taxes(&state, bill);
	take(&state, "exempt %.*s ", STR_ARG(invoice->tax_exempt));
	take_text(&state, invoice->tax_exempt_reason);
	take(&state, "sums %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
	    invoice->subtotal, invoice->discount, invoice->tax, invoice->tax_included,
	    invoice->total);
	CHECK(crypto_generichash_final(&state, digest, sizeof(digest)) == 0);
	CHECK(sodium_bin2hex(ret_text, INVOICE_DIGEST_SIZE, digest, sizeof(digest)) == ret_text);
}
