#include "common/codec/explanation.h"

#include "common/base/instant.h"
#include "common/base/uuid.h"
#include "common/domain/invoice.h"

/* Append ${text}, which needs no escapes, as a JSON string. */
static void
put_plain(struct buf *buf, struct str text)
{
	buf_append_char(buf, '"');
	buf_append_str(buf, text);
	buf_append_char(buf, '"');
}

/* Append ${text} as a JSON string.  Names have no control characters (the schemas say so), but what
 * once got into a table is not our place to refuse. */
static void
put_text(struct buf *buf, struct str text)
{
	size_t done = 0; /* of ${text}'s bytes */

	buf_append_char(buf, '"');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c >= ' ' && c != '"' && c != '\\')
			continue;
		buf_append(buf, text.ptr + done, i - done);
		done = i + 1;
		if (c < ' ') {
			buf_printf(buf, "\\u%04x", c);
			continue;
		}
		buf_append_char(buf, '\\');
		buf_append_char(buf, (char)c);
	}
	if (done < text.len)
		buf_append(buf, text.ptr + done, text.len - done);
	buf_append_char(buf, '"');
}

/* Append a member's name and the colon; a comma before it, unless it is the first. */
static void
put_name(struct buf *buf, const char *name)
{
	if (buf->len > 0 && buf->ptr[buf->len - 1] != '{')
		buf_append_char(buf, ',');
	put_plain(buf, str_from(name));
	buf_append_char(buf, ':');
}

static void
put_member(struct buf *buf, const char *name, struct str text)
{
	put_name(buf, name);
	put_text(buf, text);
}

static void
put_integer(struct buf *buf, const char *name, int64_t value)
{
	put_name(buf, name);
	if (value == AMOUNT_NONE)
		buf_append_str(buf, STR("null"));
	else
		buf_append_int64(buf, value);
}

static void
put_decimal(struct buf *buf, const char *name, struct decimal value)
{
	char text[DECIMAL_TEXT_SIZE];

	put_name(buf, name);
	if (decimal_is_none(value)) {
		buf_append_str(buf, STR("null"));
		return;
	}
	decimal_write(value, text);
	put_plain(buf, str_from(text));
}

static void
put_given_integer(struct buf *buf, const char *name, int64_t value)
{
	if (value != AMOUNT_NONE)
		put_integer(buf, name, value);
}

static void
put_given_decimal(struct buf *buf, const char *name, struct decimal value)
{
	if (!decimal_is_none(value))
		put_decimal(buf, name, value);
}

static void
put_boolean(struct buf *buf, const char *name, bool value)
{
	put_name(buf, name);
	buf_append_str(buf, value ? STR("true") : STR("false"));
}

static void
put_instant(struct buf *buf, const char *name, struct instant value)
{
	char text[INSTANT_TEXT_SIZE];

	instant_write(value, text);
	put_name(buf, name);
	put_plain(buf, str_from(text));
}

static void
put_uuid(struct buf *buf, const char *name, struct uuid value)
{
	char text[UUID_TEXT_SIZE];

	uuid_write(value, text);
	put_name(buf, name);
	put_plain(buf, str_from(text));
}

static void
put_fraction(struct buf *buf, struct fraction fraction)
{
	if (fraction.part == fraction.whole)
		return;
	put_name(buf, "fraction");
	buf_append_char(buf, '{');
	put_integer(buf, "part", fraction.part);
	put_integer(buf, "whole", fraction.whole);
	buf_append_char(buf, '}');
}

static void
put_tiers(struct buf *buf, const struct rating *rating)
{
	if (rating->tiers_len == 0)
		return;
	put_name(buf, "tiers");
	buf_append_char(buf, '[');
	for (size_t i = 0; i < rating->tiers_len; i++) {
		const struct rated_tier *tier = &rating->tiers[i];

		buf_append_str(buf, i == 0 ? STR("{") : STR(",{"));
		put_integer(buf, "above", tier->above);
		put_integer(buf, "up_to", tier->up_to);
		put_decimal(buf, "quantity", tier->quantity);
		put_decimal(buf, "unit_amount", tier->unit_amount);
		put_integer(buf, "flat_amount", tier->flat_amount);
		buf_append_char(buf, '}');
	}
	buf_append_char(buf, ']');
}

/* What was used, and what of it has a price. */
static void
put_usage(struct buf *buf, const struct rating *rating, enum charge_model model)
{
	const struct charge *charge = rating->charge;

	/* A flat amount is owed whatever the quantity. */
	if (model == CHARGE_FLAT)
		return;
	put_decimal(buf, "quantity", rating->usage.quantity);
	put_given_decimal(buf, "free_units", charge->free_units);
	put_decimal(buf, "billable", rating->billable);
	if (model == CHARGE_PACKAGE) {
		put_integer(buf, "package_size", charge->package_size);
		put_integer(buf, "packages", rating->packages);
	}
	if (model != CHARGE_PERCENTAGE)
		return;
	put_integer(buf, "transactions", rating->usage.transactions);
	/* Bounded one by one, they were added up as they came. */
	if (charge->transaction_min_amount != AMOUNT_NONE ||
	    charge->transaction_max_amount != AMOUNT_NONE)
		put_decimal(buf, "fees", rating->usage.fees);
}

static void
put_charge(struct buf *buf, const struct rating *rating)
{
	const struct charge *charge = rating->charge;

	put_usage(buf, rating, charge_model_from(charge->model));
	put_tiers(buf, rating);
	put_given_integer(buf, "amount", charge->amount);
	put_given_decimal(buf, "unit_amount", charge->unit_amount);
	put_given_decimal(buf, "rate", charge->rate);
	put_given_integer(buf, "fixed_amount", charge->fixed_amount);
	put_given_integer(buf, "transaction_min_amount", charge->transaction_min_amount);
	put_given_integer(buf, "transaction_max_amount", charge->transaction_max_amount);
	put_decimal(buf, "exact", rating->exact);
	put_fraction(buf, rating->fraction);
}

/* A bound's line: what the charge itself came to, and what it was held against. */
static void
put_bound(
    struct buf *buf, int64_t charged, const char *name, int64_t bound, struct fraction fraction)
{
	put_integer(buf, "charged", charged);
	put_integer(buf, name, bound);
	put_fraction(buf, fraction);
}

/* There is nothing to compute: somebody said so. */
static void
put_item(struct buf *buf, const struct item *item)
{
	put_member(buf, "kind", bill_line_kind_name(BILL_ITEM));
	put_uuid(buf, "item_id", item->id);
	put_integer(buf, "amount", item->amount);
}

void
explanation_write(const struct bill_line *line, struct buf *buf)
{
	const struct rating *rating = &line->rating;
	const struct charge *charge = rating->charge;

	buf_append_char(buf, '{');
	if (line->kind == BILL_ITEM) {
		put_item(buf, line->item);
		buf_append_char(buf, '}');
		return;
	}
	put_member(buf, "model", charge->model);
	put_member(buf, "billing", charge->billing);
	switch (line->kind) {
	case BILL_CHARGE:
		put_charge(buf, rating);
		break;
	case BILL_MINIMUM:
		put_bound(
		    buf, rating->amount, "min_amount", charge->min_amount, rating->min_fraction);
		break;
	case BILL_MAXIMUM:
		put_bound(
		    buf, rating->amount, "max_amount", charge->max_amount, rating->max_fraction);
		break;
	case BILL_ITEM:
	case BILL_LINE_KIND_MAX:
		CHECK(false);
	}
	put_member(buf, "rounding", STR("half_away_from_zero"));
	put_boolean(buf, "credit", line->credit);
	buf_append_char(buf, '}');
}

/* Begin an element of a list; a comma before it, unless it is the first. */
static void
put_element(struct buf *buf)
{
	bool first = buf->len > 0 && buf->ptr[buf->len - 1] == '[';

	buf_append_str(buf, first ? STR("{") : STR(",{"));
}

/* The coupons' shares of ${line}, of those that have one. */
static void
put_line_discounts(struct buf *buf, const struct bill *bill, const struct bill_line *line)
{
	put_name(buf, "discounts");
	buf_append_char(buf, '[');
	for (size_t i = 0; i < bill->discounts_len; i++) {
		if (line->discount_shares[i] == 0)
			continue;
		put_element(buf);
		put_uuid(buf, "coupon_id", bill->discounts[i].discount->coupon_id);
		put_integer(buf, "amount", line->discount_shares[i]);
		buf_append_char(buf, '}');
	}
	buf_append_char(buf, ']');
}

static void
put_line_taxes(struct buf *buf, const struct bill_line *line)
{
	put_name(buf, "taxes");
	buf_append_char(buf, '[');
	for (size_t i = 0; i < line->taxes_len; i++) {
		put_element(buf);
		put_uuid(buf, "tax_rate_id", line->taxes[i].rate->id);
		put_boolean(buf, "inclusive", line->taxes[i].rate->inclusive);
		put_integer(buf, "amount", line->taxes[i].amount);
		buf_append_char(buf, '}');
	}
	buf_append_char(buf, ']');
}

static void
put_line(struct buf *buf, const struct bill *bill, const struct bill_line *billed)
{
	struct invoice_line line = {.position = 0};

	invoice_line_describe(billed, &line);
	if (billed->kind == BILL_ITEM)
		line.plan_id = bill->plan_id;
	buf_append_char(buf, '{');
	put_member(buf, "kind", line.kind);
	put_member(buf, "charge_code", line.charge_code);
	put_member(buf, "description", line.description);
	put_uuid(buf, "plan_id", line.plan_id);
	put_boolean(buf, "proration", line.proration);
	put_integer(buf, "quantity", line.quantity);
	put_decimal(buf, "quantity_decimal", line.quantity_decimal);
	put_integer(buf, "unit_amount", line.unit_amount);
	put_decimal(buf, "unit_amount_decimal", line.unit_amount_decimal);
	put_integer(buf, "amount", line.amount);
	put_integer(buf, "discount", billed->discount);
	put_line_discounts(buf, bill, billed);
	put_integer(buf, "tax", billed->tax);
	put_integer(buf, "tax_included", billed->tax_included);
	put_line_taxes(buf, billed);
	put_boolean(buf, "deferred", line.deferred);
	put_integer(buf, "credited", 0);
	put_instant(buf, "period_start", line.period_start);
	put_instant(buf, "period_end", line.period_end);
	put_name(buf, "explanation");
	explanation_write(billed, buf);
	buf_append_char(buf, '}');
}

void
explanation_write_lines(const struct bill *bill, struct buf *buf)
{
	buf_append_char(buf, '[');
	for (size_t i = 0; i < bill->len; i++) {
		if (i > 0)
			buf_append_char(buf, ',');
		put_line(buf, bill, &bill->lines[i]);
	}
	buf_append_char(buf, ']');
}

void
explanation_write_discounts(const struct bill *bill, struct buf *buf)
{
	buf_append_char(buf, '[');
	for (size_t i = 0; i < bill->discounts_len; i++) {
		const struct bill_discount *taken = &bill->discounts[i];

		if (!bill_has_discount(bill, i))
			continue;
		put_element(buf);
		put_uuid(buf, "coupon_id", taken->discount->coupon_id);
		put_member(buf, "code", taken->discount->code);
		put_member(buf, "name", taken->discount->name);
		put_integer(buf, "amount", taken->amount);
		buf_append_char(buf, '}');
	}
	buf_append_char(buf, ']');
}

void
explanation_write_taxes(const struct bill *bill, struct buf *buf)
{
	buf_append_char(buf, '[');
	for (size_t i = 0; i < bill->taxes_len; i++) {
		const struct bill_tax *tax = &bill->taxes[i];

		put_element(buf);
		put_uuid(buf, "tax_rate_id", tax->rate->id);
		put_member(buf, "code", tax->rate->code);
		put_member(buf, "name", tax->rate->name);
		put_decimal(buf, "percentage", tax->rate->percentage);
		put_boolean(buf, "inclusive", tax->rate->inclusive);
		put_integer(buf, "taxable", tax->taxable);
		put_integer(buf, "amount", tax->amount);
		buf_append_char(buf, '}');
	}
	buf_append_char(buf, ']');
}
