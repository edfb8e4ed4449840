#include "common/codec/invoice_digest.h"

#include <sodium.h>

#include "common/base/uuid.h"

/* More than the longest line: codes have 100 characters, all else is numbers and ids. */
#define LINE_SIZE 512

/* The canonical text on its way into the hash. */
struct digest {
	crypto_generichash_state state;
	struct buf line; /* what the hash has not taken yet, in `bytes` */
	char bytes[LINE_SIZE];
};

static void
put_number(struct digest *digest, int64_t value)
{
	buf_append_char(&digest->line, ' ');
	buf_append_int64(&digest->line, value);
}

static void
put_text(struct digest *digest, struct str text)
{
	buf_append_char(&digest->line, ' ');
	buf_append_str(&digest->line, text);
}

static void
put_id(struct digest *digest, struct uuid id)
{
	char text[UUID_TEXT_SIZE];

	uuid_write(id, text);
	put_text(digest, (struct str){text, sizeof(text) - 1});
}

static void
hash(struct digest *digest, struct str text)
{
	if (text.len > 0)
		CHECK(crypto_generichash_update(
			  &digest->state, (const unsigned char *)text.ptr, text.len) == 0);
}

/* Let the hash take what was put. */
static void
take(struct digest *digest)
{
	CHECK(!digest->line.overflow);
	hash(digest, buf_str(&digest->line));
	buf_clear(&digest->line);
}

/* End a line. */
static void
end(struct digest *digest)
{
	buf_append_char(&digest->line, '\n');
	take(digest);
}

/* End a line with a text of any length and content, which says itself where it ends. */
static void
end_text(struct digest *digest, struct str text)
{
	put_number(digest, (int64_t)text.len);
	put_text(digest, STR(""));
	take(digest);
	hash(digest, text);
	end(digest);
}

static void
begin(struct digest *digest, struct str name)
{
	buf_append_str(&digest->line, name);
}

static void
take_item(struct digest *digest, const struct bill_line *line)
{
	begin(digest, STR("item"));
	put_number(digest, line->period.start.s);
	put_number(digest, line->period.end.s);
	put_number(digest, line->amount);
	end_text(digest, line->item->description);
}

static void
take_charge(struct digest *digest, const struct bill_line *line)
{
	char quantity[DECIMAL_TEXT_SIZE];

	decimal_write(line->rating.usage.quantity, quantity);
	begin(digest, STR("line"));
	put_text(digest, bill_line_kind_name(line->kind));
	put_text(digest, line->rating.charge->code);
	put_id(digest, line->version->id);
	put_number(digest, line->proration ? 1 : 0);
	put_number(digest, line->credit ? 1 : 0);
	put_text(digest, str_from(quantity));
	put_number(digest, line->period.start.s);
	put_number(digest, line->period.end.s);
	put_number(digest, line->amount);
	end(digest);
}

/* A share or a sum of what has an id. */
static void
take_amount(struct digest *digest, struct str name, struct uuid id, int64_t amount)
{
	begin(digest, name);
	put_id(digest, id);
	put_number(digest, amount);
	end(digest);
}

/* What is taken off the line and what it is taxed: each coupon's and each rate's share. */
static void
take_line(struct digest *digest, const struct bill *bill, const struct bill_line *line)
{
	if (line->kind == BILL_ITEM)
		take_item(digest, line);
	else
		take_charge(digest, line);
	for (size_t i = 0; i < bill->discounts_len; i++)
		if (line->discount_shares[i] != 0)
			take_amount(digest, STR("discount"), bill->discounts[i].discount->coupon_id,
			    line->discount_shares[i]);
	for (size_t i = 0; i < line->taxes_len; i++)
		take_amount(digest, STR("tax"), line->taxes[i].rate->id, line->taxes[i].amount);
}

static void
take_head(struct digest *digest, const struct invoice *invoice)
{
	begin(digest, STR("customer"));
	put_id(digest, invoice->customer_id);
	begin(digest, STR("\ncurrency"));
	put_text(digest, str_from(invoice->currency.code));
	begin(digest, STR("\nreason"));
	put_text(digest, invoice->reason);
	begin(digest, STR("\nperiod"));
	put_number(digest, invoice->period_start.s);
	put_number(digest, invoice->period_end.s);
	end(digest);
}

static void
take_sums(struct digest *digest, const struct invoice *invoice)
{
	begin(digest, STR("exempt"));
	put_text(digest, invoice->tax_exempt);
	end_text(digest, invoice->tax_exempt_reason);
	begin(digest, STR("sums"));
	put_number(digest, invoice->subtotal);
	put_number(digest, invoice->discount);
	put_number(digest, invoice->tax);
	put_number(digest, invoice->tax_included);
	put_number(digest, invoice->total);
	end(digest);
}

void
invoice_digest(
    const struct invoice *invoice, const struct bill *bill, char ret_text[INVOICE_DIGEST_SIZE])
{
	unsigned char bytes[INVOICE_DIGEST_BYTES];
	struct digest digest;

	digest.line = (struct buf){.ptr = digest.bytes, .capacity = LINE_SIZE, .max = LINE_SIZE};
	CHECK(crypto_generichash_init(&digest.state, NULL, 0, sizeof(bytes)) == 0);
	take_head(&digest, invoice);
	for (size_t i = 0; i < bill->len; i++)
		take_line(&digest, bill, &bill->lines[i]);
	for (size_t i = 0; i < bill->taxes_len; i++)
		take_amount(
		    &digest, STR("taxable"), bill->taxes[i].rate->id, bill->taxes[i].taxable);
	take_sums(&digest, invoice);
	CHECK(crypto_generichash_final(&digest.state, bytes, sizeof(bytes)) == 0);
	CHECK(sodium_bin2hex(ret_text, INVOICE_DIGEST_SIZE, bytes, sizeof(bytes)) == ret_text);
}
