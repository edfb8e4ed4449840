#ifndef COMMON_DOMAIN_BILL_H
#define COMMON_DOMAIN_BILL_H

/*
 * A bill: the lines that one moment of a subscription's life makes, before they become an invoice
 * or a credit.  Pure; the caller gives the memory.
 */

#include "common/domain/calendar.h"
#include "common/domain/coupon.h"
#include "common/domain/item.h"
#include "common/domain/plan.h"
#include "common/domain/rating.h"
#include "common/domain/refusal.h"
#include "common/domain/tax.h"

/* What bill_add makes of two versions, each charge with its bound: those in arrears of the old one,
 * what it credits in advance, and what the new one charges come to 80. */
#define BILL_CHARGE_LINES_MAX 128
#define BILL_LINES_MAX (BILL_CHARGE_LINES_MAX + ITEMS_PENDING_MAX)
#define BILL_TAXES_MAX (BILL_LINES_MAX * TAX_RATES_MAX)

enum bill_line_kind {
	BILL_CHARGE,  /* what its rating's amount says */
	BILL_MINIMUM, /* what its rating's minimum adds */
	BILL_MAXIMUM, /* what its rating's maximum takes off */
	BILL_ITEM,    /* a one-off item: neither version nor rating */
	BILL_LINE_KIND_MAX,
};

struct bill_line {
	enum bill_line_kind kind;
	bool credit;    /* gives back what was charged: the rating's amounts, negative */
	bool proration; /* it is for a change inside a period */
	const struct plan_version *version; /* whose charge it is; of an item NULL */
	const struct item *item;            /* of an item; else NULL */
	struct period period;               /* what it is for */
	int64_t amount;                     /* minor units, with its sign */
	struct rating rating;               /* of the line's charge; of an item not written */

	/* By assess alone, and 0 before; all minor units, of the sign of the amount. */
	int64_t discount;                       /* the sum of the shares */
	int64_t discount_shares[DISCOUNTS_MAX]; /* of the bill's discounts, by their place there */
	int64_t tax;                            /* the sum of the shares */
	int64_t tax_included;                   /* of the inclusive rates' ones */
	size_t taxes_len;                       /* 0 to TAX_RATES_MAX */
	struct bill_line_tax {
		const struct tax_rate *rate;
		int64_t amount;
	} taxes[TAX_RATES_MAX];
};

/* What one of the subscription's discounts takes off, with its place among them. */
struct bill_discount {
	const struct discount *discount; /* as it was before the bill */
	int64_t amount;
};

struct bill_tax {
	const struct tax_rate *rate;
	int64_t taxable; /* minor units: what its lines leave behind discounts, less the taxes that
			    they contain */
	int64_t amount;
};

struct bill {
	int64_t subtotal;     /* minor units, as all that follow: the sum of the lines */
	int64_t discount;     /* by assess alone, and 0 before, as taxes are */
	int64_t tax;          /* of all rates; */
	int64_t tax_included; /* the part of it that the lines contain */
	int64_t total;        /* subtotal - discount + tax - tax_included */
	struct uuid plan_id;  /* by assess: the subscription's, which items' lines show */
	size_t discounts_len; /* of the subscription, whether they take anything off or not */
	struct bill_discount discounts[DISCOUNTS_MAX];
	size_t taxes_len; /* rates that a line has, in the order in which lines name them */
	struct bill_tax taxes[BILL_TAXES_MAX];
	size_t len;
	struct bill_line lines[BILL_LINES_MAX];
};

/* What a call of bill_add is about. */
struct bill_part {
	const struct plan_version *version;
	enum charge_billing billing;       /* which of its charges */
	struct period period;              /* that they are for */
	struct fraction fraction;          /* of the natural period; */
	struct fraction max_fraction;      /* of max_amount, as rating_compute takes it */
	int64_t quantity;                  /* of the subscription: for charges in advance */
	const struct quantity *quantities; /* reported: for charges in arrears, by code */
	size_t quantities_len;
	bool used_only; /* leave out charges that nothing was reported for */
	bool credit;    /* give back instead */
	bool proration; /* leave out lines of 0 */
};

/* What was reported for one charge in arrears and one period. */
struct quantity {
	struct uuid organisation_id;
	struct uuid id;
	struct uuid subscription_id;
	struct str charge_code;
	struct instant period_start; /* of the period that it is for; */
	bool closed; /* which a change ended in the second in which it began, and billed: another
			period, which this is not for, begins in the same one */
	struct decimal quantity; /* as struct usage has them */
	int64_t transactions;
	struct decimal fees;
	struct instant created_at;
	struct instant updated_at;
};

/**
 * bill_init(bill):
 * Make ${bill} empty, without writing its lines.
 */
void bill_init(struct bill *bill);

/**
 * bill_add(bill, part):
 * Add the lines of ${part}: of each of the version's charges of that billing, in the plan's order,
 * its line if it makes one, and that of its minimum or maximum.  A charge that nothing was reported
 * for has a usage of 0, unless such are left out.  Lines of 0 are left out of prorations, and of
 * bounds always.  Refused, ${bill} of no use: AMOUNT_OUT_OF_RANGE, of a line or of the total so
 * far.
 */
NODISCARD enum refusal bill_add(struct bill *bill, const struct bill_part *part);

/**
 * bill_add_item(bill, item, period):
 * Add a line for ${item}, shown with ${period}.  Refused as bill_add.
 */
NODISCARD enum refusal bill_add_item(
    struct bill *bill, const struct item *item, struct period period);

/**
 * bill_fits(bill, credit_balance):
 * Whether the customer's ${credit_balance} can take what ${bill} gives back, if it does.
 */
NODISCARD bool bill_fits(const struct bill *bill, int64_t credit_balance);

/**
 * bill_has_discount(bill, place):
 * Whether the discount at ${place} takes anything off any line, or gives it back: also where these
 * add up to 0.
 */
NODISCARD bool bill_has_discount(const struct bill *bill, size_t place);

/**
 * bill_line_kind_name(kind):
 * "charge", "minimum", "maximum", "item".
 */
NODISCARD struct str bill_line_kind_name(enum bill_line_kind kind);

#endif
