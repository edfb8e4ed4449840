#ifndef COMMON_DOMAIN_BILL_H
#define COMMON_DOMAIN_BILL_H

/*
 * A bill: the lines that one moment of a subscription's life makes, before they become an invoice
 * or a credit.  Pure; the caller gives the memory.
 */

#include "common/domain/calendar.h"
#include "common/domain/plan.h"
#include "common/domain/rating.h"
#include "common/domain/refusal.h"

#define BILL_LINES_MAX \
	128 /* charges in arrears and in advance, credited and charged, with their bounds */

enum bill_line_kind {
	BILL_CHARGE,  /* what its rating's amount says */
	BILL_MINIMUM, /* what its rating's minimum adds */
	BILL_MAXIMUM, /* what its rating's maximum takes off */
	BILL_LINE_KIND_MAX,
};

struct bill_line {
	enum bill_line_kind kind;
	bool credit;    /* gives back what was charged: the rating's amounts, negative */
	bool proration; /* it is for a change inside a period */
	const struct plan_version *version; /* whose charge it is */
	struct period period;               /* what it is for */
	int64_t amount;                     /* minor units, with its sign */
	struct rating rating;               /* of the line's charge */
};

struct bill {
	int64_t total; /* minor units: the sum of the lines */
	size_t len;
	struct bill_line lines[BILL_LINES_MAX];
};

/* What a call of bill_add is about. */
struct bill_part {
	const struct plan_version *version;
	enum charge_billing billing;       /* which of its charges */
	struct period period;              /* that they are for */
	struct fraction fraction;          /* of the natural period */
	int64_t quantity;                  /* of the subscription: for charges in advance */
	const struct quantity *quantities; /* reported: for charges in arrears, by code */
	size_t quantities_len;
	bool credit;    /* give back instead */
	bool proration; /* leave out lines of 0 */
};

/* What was reported for one charge in arrears and one period. */
struct quantity {
	struct uuid organisation_id;
	struct uuid id;
	struct uuid subscription_id;
	struct str charge_code;
	struct instant period_start; /* of the period that it is for */
	struct decimal quantity;     /* as struct usage has them */
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
 * for has a usage of 0.  Lines of 0 are left out of prorations, and of bounds always.  Refused,
 * ${bill} of no use: AMOUNT_OUT_OF_RANGE, of a line or of the total so far.
 */
NODISCARD enum refusal bill_add(struct bill *bill, const struct bill_part *part);

/**
 * bill_fits(bill, credit_balance):
 * Whether the customer's ${credit_balance} can take what ${bill} gives back, if it does.
 */
NODISCARD bool bill_fits(const struct bill *bill, int64_t credit_balance);

/**
 * bill_line_kind_name(kind):
 * "charge", "minimum", "maximum".
 */
NODISCARD struct str bill_line_kind_name(enum bill_line_kind kind);

#endif
