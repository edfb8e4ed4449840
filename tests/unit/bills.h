#ifndef TESTS_UNIT_BILLS_H
#define TESTS_UNIT_BILLS_H

/*
 * Bills for unit tests of what is taken off and added to them: lines by their kind and amount, tax
 * rates by a letter, and what a step and an assessment need beside them.
 */

#include "common/domain/assessment.h"
#include "tests/unit/unit.h"

#define BILLS_LINES_MAX 40
#define BILLS_RATES_MAX 8
#define BILLS_PLAN(number) ((struct uuid){{3, (uint8_t)(number)}})
#define BILLS_RATE(number) ((struct uuid){{5, (uint8_t)(number)}})
#define BILLS_COUPON(number) ((struct uuid){{7, (uint8_t)(number)}})
#define BILLS_EUR ((struct currency){"EUR"})

enum bills_what {
	BILLS_NONE, /* ends a table's lines */
	BILLS_ADVANCE,
	BILLS_ADVANCE_MAXIMUM,
	BILLS_ARREARS,
	BILLS_CREDITED, /* in advance, for what is left of a period */
	BILLS_CREDITED_MAXIMUM,
	BILLS_PRORATED, /* likewise */
	BILLS_USED,     /* in arrears, inside a period */
	BILLS_ITEM,
};

struct bills_line {
	enum bills_what what;
	int64_t amount;
	const char *rates; /* of the charge or item, by their letters; NULL: none of its own */
	int plan;          /* 0 or 1 */
};

/* A rate, "20" percent. */
struct bills_rate {
	const char *percentage;
	bool inclusive;
};

struct bills {
	struct charge charges[BILLS_LINES_MAX];
	struct uuid charge_rates[BILLS_LINES_MAX][TAX_RATES_MAX + 1];
	struct uuid item_rates[ITEMS_PENDING_MAX][TAX_RATES_MAX + 1];
	struct plan_version versions[2];
	struct item items[ITEMS_PENDING_MAX];
	const struct item *item_list[ITEMS_PENDING_MAX];
	struct tax_rate rates[BILLS_RATES_MAX];
	const struct tax_rate *rate_list[BILLS_RATES_MAX];
	struct customer customer;
	struct assessment assessment;
	struct step step;
	struct discount before[DISCOUNTS_MAX], after[DISCOUNTS_MAX];
	struct bill bill;
};

/* The ids of rates 'a', 'b', … in ${memory}. */
static inline struct uuid_list
bills_rates(const char *letters, struct uuid memory[TAX_RATES_MAX + 1])
{
	struct uuid_list list = {memory, 0};

	for (; letters != NULL && *letters != '\0'; letters++) {
		ck_assert_uint_le(list.len, TAX_RATES_MAX);
		memory[list.len++] = BILLS_RATE(*letters - 'a');
	}
	return list;
}

/**
 * bills_percent(text):
 * "12.5" percent; none for NULL.
 */
static inline struct decimal
bills_percent(const char *text)
{
	struct decimal percent = DECIMAL_NONE;

	ck_assert(text == NULL || decimal_read(str_from(text), TAX_PERCENTAGE_PLACES, &percent));
	return percent;
}

/**
 * bills_begin(bills, reason):
 * An empty bill for ${reason}, of a customer that pays taxes and has no rates, coupons or items. An
 * update is inside a period, all others begin or end one.
 */
static inline void
bills_begin(struct bills *bills, const char *reason)
{
	memset(bills, 0, offsetof(struct bills, bill));
	for (int i = 0; i < 2; i++)
		bills->versions[i] = (struct plan_version){
		    .id = BILLS_PLAN(i), .plan_id = BILLS_PLAN(i), .currency = BILLS_EUR};
	for (int i = 0; i < BILLS_RATES_MAX; i++)
		bills->rate_list[i] = &bills->rates[i];
	for (int i = 0; i < ITEMS_PENDING_MAX; i++)
		bills->item_list[i] = &bills->items[i];
	bills->customer = (struct customer){
	    .id = {{2}}, .currency = BILLS_EUR, .tax_exempt = tax_exempt_name(TAX_EXEMPT_NONE)};
	bills->assessment = (struct assessment){
	    .customer = &bills->customer,
	    .rates = bills->rate_list,
	    .items = bills->item_list,
	};
	bills->step = (struct step){
	    .turns_period = strcmp(reason, "subscription_update") != 0,
	    .bills = true,
	    .reason = str_from(reason),
	    .period = {{1000}, {2000}},
	    .after = {.plan_id = BILLS_PLAN(1), .discounts = bills->before},
	};
	bill_init(&bills->bill);
}

/**
 * bills_rate_add(bills, rate):
 * The next letter is ${rate}.
 */
static inline void
bills_rate_add(struct bills *bills, struct bills_rate rate)
{
	size_t number = bills->assessment.rates_len++;

	ck_assert_uint_lt(number, BILLS_RATES_MAX);
	bills->rates[number] = (struct tax_rate){
	    .id = BILLS_RATE(number),
	    .code = STR("vat"),
	    .name = STR("VAT"),
	    .percentage = bills_percent(rate.percentage),
	    .inclusive = rate.inclusive,
	};
}

static inline void
bills_item_add(struct bills *bills, const struct bills_line *line)
{
	size_t number = bills->assessment.items_len++;

	ck_assert_uint_lt(number, ITEMS_PENDING_MAX);
	bills->items[number] = (struct item){
	    .id = {{6, (uint8_t)number}},
	    .customer_id = bills->customer.id,
	    .description = STR("Setup"),
	    .amount = line->amount,
	    .currency = BILLS_EUR,
	    .tax_rate_ids = bills_rates(line->rates, bills->item_rates[number]),
	};
}

/**
 * bills_line_add(bills, line, fraction):
 * A line; credited and prorated ones are for ${fraction} of the period.  A maximum is that of the
 * line before it.  Items come last.
 */
static inline void
bills_line_add(struct bills *bills, const struct bills_line *line, struct fraction fraction)
{
	bool arrears = line->what == BILLS_ARREARS || line->what == BILLS_USED;
	bool credit = line->what == BILLS_CREDITED || line->what == BILLS_CREDITED_MAXIMUM;
	bool maximum = line->what == BILLS_ADVANCE_MAXIMUM || line->what == BILLS_CREDITED_MAXIMUM;
	struct bill *bill = &bills->bill;
	struct charge *charge = &bills->charges[maximum ? bill->len - 1 : bill->len];

	if (line->what == BILLS_ITEM) {
		bills_item_add(bills, line);
		return;
	}
	ck_assert_uint_lt(bill->len, BILLS_LINES_MAX);
	if (!maximum) {
		*charge = charge_base(STR("Base"), 0);
		charge->billing = charge_billing_name(arrears ? CHARGE_ARREARS : CHARGE_ADVANCE);
		charge->tax_rate_ids = bills_rates(line->rates, bills->charge_rates[bill->len]);
	}
	bill->lines[bill->len] = (struct bill_line){
	    .kind = maximum ? BILL_MAXIMUM : BILL_CHARGE,
	    .credit = credit,
	    .proration = credit || line->what == BILLS_PRORATED || line->what == BILLS_USED,
	    .version = &bills->versions[line->plan],
	    .period = bills->step.period,
	    .amount = line->amount,
	    .rating = {.charge = charge, .fraction = fraction, .line = true},
	};
	bill->len++;
	bill->subtotal += line->amount;
	bill->total = bill->subtotal;
}

/**
 * bills_assess(bills), bills_assert_sums(name, bill):
 * Assess it; fail unless the sums are those of the parts.
 */
static inline enum refusal
bills_assess(struct bills *bills)
{
	return assess(&bills->assessment, &bills->step, &bills->bill, bills->after);
}

static inline void
bills_assert_sums(const char *name, const struct bill *bill)
{
	int64_t discount = 0, tax = 0, included = 0, subtotal = 0;

	for (size_t i = 0; i < bill->len; i++) {
		subtotal += bill->lines[i].amount;
		discount += bill->lines[i].discount;
		tax += bill->lines[i].tax;
		included += bill->lines[i].tax_included;
	}
	ck_assert_msg(bill->subtotal == subtotal, "%s: subtotal", name);
	ck_assert_msg(bill->discount == discount, "%s: discount", name);
	ck_assert_msg(bill->tax == tax, "%s: tax", name);
	ck_assert_msg(bill->tax_included == included, "%s: tax_included", name);
	ck_assert_msg(bill->total == subtotal - discount + tax - included, "%s: total", name);
}

#endif
