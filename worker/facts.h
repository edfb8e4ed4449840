#ifndef WORKER_FACTS_H
#define WORKER_FACTS_H

/*
 * The facts of one batch: the rows that its commands need, loaded together before the first
 * decision, and the rows that the decisions make or change, stored together after the last.  A row
 * stands here once, so each command sees what those before it did. Knows SQL and rows, no rules.
 *
 * What a loaded row points to (a subscription's prices, a customer's clock) is known only then: it
 * comes in a second round trip, which most batches do without.
 */

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/uuid.h"
#include "common/postgres/pg.h"
#include "common/rows/rows.h"
#include "worker/index.h"
#include "worker/rows.h"

/* Of a customer's live subscriptions so many are loaded, those first that fall due first: one more
 * than one catching-up has steps, so that it never overtakes one that is left out, and knows that
 * it did not come to the end. */
#define FACTS_LIVE_MAX 101

/*
 * How far what falls due of a customer is done: in the order of due_at, then id, up to and with
 * ${id} at ${at}.  Where not all that is due is at hand, it ends with the last that is, so that
 * nothing overtakes what is left.
 */
struct horizon {
	struct instant at; /* INSTANT_NONE: nothing is done */
	struct uuid id;    /* HORIZON_ALL: all that falls due at that moment */
};

#define HORIZON_ALL                                                                             \
	((struct uuid){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, \
	    0xff, 0xff, 0xff, 0xff}})
#define HORIZON_AT(instant) ((struct horizon){(instant), HORIZON_ALL})

/* What a command can ask for before it is decided. */
enum need {
	NEED_ORGANISATION,      /* by id */
	NEED_API_KEY,           /* by id: who asks, */
	NEED_MEMBERSHIP,        /* or by the user's id */
	NEED_OPERATION,         /* by id: was this command met before? */
	NEED_IDEMPOTENCY_KEY,   /* by key: which operation came with it first? */
	NEED_CUSTOMER,          /* by id */
	NEED_EXTERNAL_ID,       /* customer that is not archived, by external_id */
	NEED_PLAN,              /* by id */
	NEED_PLAN_CODE,         /* plan that is not archived, by code */
	NEED_SUBSCRIPTION,      /* by id, */
	NEED_SUBSCRIBER,        /* its customer, by the subscription's id, */
	NEED_SIBLINGS,          /* and that one's live subscriptions, likewise */
	NEED_LIVE_SUBSCRIPTION, /* a customer's live subscriptions, those first that fall due first
				 */
	NEED_TEST_CLOCK,        /* by id */
	NEED_BILLING_RUN,       /* by id */
	NEED_RUN_SUMS,          /* by the run's id: there for each that is asked for */
	NEED_BILLING_RUNS_OPEN, /* an organisation's, by its id: as many as it may have */
	NEED_PLAN_VERSION,      /* by id; as all below, of what was loaded without being asked */
	NEED_QUANTITIES,        /* of the current period, by subscription */
	NEED_ITEMS,             /* a customer's pending ones, when it has some */
	NEED_NUMBER_SERIES,     /* of an organisation that has one; locked */
	NEED_COUPON,            /* by id; locked, as all that redeem or archive it are in order */
	NEED_COUPON_CODE,       /* likewise one that is not archived, by code */
	NEED_TAX_RATE,          /* by id */
	NEED_TAX_RATE_CODE,     /* one that is not archived, by code */
	NEED_INVOICE,           /* by id, */
	NEED_INVOICE_LINES,     /* its lines, by the invoice's id, */
	NEED_CHARGED,           /* the subscription that it charged for, likewise, */
	NEED_PAYER,             /* its customer, likewise, */
	NEED_PAYER_SIBLINGS,    /* that one's live subscriptions, likewise, */
	NEED_PAYMENTS,          /* and its payments and refunds, likewise */
	NEED_PAYMENT,           /* by id */
	NEED_ITEM,              /* by id, */
	NEED_ITEM_CUSTOMER,     /* its customer, by the item's id, */
	NEED_ITEM_SIBLINGS,     /* and that one's live subscriptions, likewise */
	NEED_MAX,
};

struct need_list {
	size_t len;
	size_t loaded; /* that have been asked of the database */
	size_t capacity;
	struct uuid *organisation_ids;
	struct uuid *ids;  /* of needs by id */
	struct str *texts; /* of needs by text */
	struct index seen; /* asks for each thing once */
};

/* Rows of one table. */
struct fact_list {
	size_t len;
	size_t capacity;
	void **values;
};

struct facts {
	struct arena *arena;
	struct need_list needs[NEED_MAX];
	struct fact_list lists[TABLE_MAX];
	struct index by_id[TABLE_MAX];
	struct index external_ids, plan_codes, idempotency_keys;
	struct index subscriptions_of, quantities_of, items_of, lines_of,
	    payments_of; /* a customer's, a subscription's, an invoice's: fact_lists */
	struct index coupon_codes, tax_rate_codes;
};

/**
 * facts_prepare(pg, arena):
 * Have every statement prepared that loads or stores facts.  ${arena} lives as long as ${pg}.
 */
void facts_prepare(struct pg *pg, struct arena *arena);

/**
 * facts_init(facts, arena):
 * Make ${facts} empty; all of it lives in ${arena}.
 */
void facts_init(struct facts *facts, struct arena *arena);

/**
 * facts_need(facts, need, organisation_id, id), facts_need_text(...):
 * Ask for a row to be loaded.  The same wish twice is one.  ${id} and ${text} are borrowed as long
 * as ${facts} lives.
 */
void facts_need(
    struct facts *facts, enum need need, struct uuid organisation_id, const struct uuid *id);
void facts_need_text(
    struct facts *facts, enum need need, struct uuid organisation_id, struct str text);

/**
 * facts_send_load(facts, pg, err), facts_receive_load(facts, pg, err):
 * Queue the statements that load what was asked for since the last load, and take their results, in
 * the same order.
 */
NODISCARD enum err_class facts_send_load(struct facts *facts, struct pg *pg, struct err *err);
NODISCARD enum err_class facts_receive_load(struct facts *facts, struct pg *pg, struct err *err);

/**
 * facts_follow(facts):
 * Ask for what the loaded rows point to, and whether that is anything that is still to be loaded:
 * of each customer its test clock; of each clock that is advancing the operations that have that
 * operation's id or key; of each subscription that has not ended its version, its pending one, and
 * what was reported for its current period, unless no command is here that may move it and its
 * version has no charge in arrears; of each customer with pending items these; the tax
 * rates that any of them names, and those that charges name; of each organisation of which a
 * customer was asked for, and so may be billed, its own tax rates, and its series where it numbers
 * over its customers.  What comes may point to more: again, until it is false.
 */
NODISCARD bool facts_follow(struct facts *facts);

/**
 * facts_organisation_tax_rates(facts, organisation, ret_ids):
 * The tax rates of ${organisation}, as its setting has them, in the arena.  False, untouched, when
 * that is not a list of up to TAX_RATES_MAX ids.
 */
NODISCARD bool facts_organisation_tax_rates(
    struct facts *facts, const struct organisation *organisation, struct uuid_list *ret_ids);

/* What is there, or NULL.  Asked for before, or made in this batch. */
NODISCARD const struct organisation *facts_organisation(const struct facts *facts, struct uuid id);
NODISCARD const struct api_key *facts_api_key(
    const struct facts *facts, struct uuid organisation_id, struct uuid id);
NODISCARD const struct membership *facts_membership(
    const struct facts *facts, struct uuid organisation_id, struct uuid user_id);
NODISCARD const struct operation *facts_operation(
    const struct facts *facts, struct uuid organisation_id, struct uuid id);
NODISCARD const struct operation *facts_operation_by_key(
    const struct facts *facts, struct uuid organisation_id, struct str idempotency_key);
NODISCARD struct customer *facts_customer(
    const struct facts *facts, struct uuid organisation_id, struct uuid id);
NODISCARD struct customer *facts_customer_by_external_id(
    const struct facts *facts, struct uuid organisation_id, struct str external_id);
NODISCARD struct plan *facts_plan(
    const struct facts *facts, struct uuid organisation_id, struct uuid id);
NODISCARD struct plan *facts_plan_by_code(
    const struct facts *facts, struct uuid organisation_id, struct str code);
NODISCARD struct subscription *facts_subscription(
    const struct facts *facts, struct uuid organisation_id, struct uuid id);
NODISCARD struct subscription *facts_live_subscription(
    const struct facts *facts, struct uuid organisation_id, struct uuid customer_id);
NODISCARD const struct plan_version *facts_plan_version(
    const struct facts *facts, struct uuid organisation_id, struct uuid id);
NODISCARD struct quantity *facts_quantity(
    const struct facts *facts, struct uuid organisation_id, struct uuid id);
NODISCARD struct test_clock *facts_test_clock(
    const struct facts *facts, struct uuid organisation_id, struct uuid id);

NODISCARD struct coupon *facts_coupon(
    const struct facts *facts, struct uuid organisation_id, struct uuid id);
NODISCARD struct coupon *facts_coupon_by_code(
    const struct facts *facts, struct uuid organisation_id, struct str code);
NODISCARD struct tax_rate *facts_tax_rate(
    const struct facts *facts, struct uuid organisation_id, struct uuid id);
NODISCARD struct tax_rate *facts_tax_rate_by_code(
    const struct facts *facts, struct uuid organisation_id, struct str code);
NODISCARD struct invoice *facts_invoice(
    const struct facts *facts, struct uuid organisation_id, struct uuid id);
NODISCARD struct item *facts_item(
    const struct facts *facts, struct uuid organisation_id, struct uuid id);
NODISCARD struct payment *facts_payment(
    const struct facts *facts, struct uuid organisation_id, struct uuid id);
NODISCARD struct billing_run *facts_billing_run(
    const struct facts *facts, struct uuid organisation_id, struct uuid id);
NODISCARD const struct run_sums *facts_run_sums(
    const struct facts *facts, struct uuid organisation_id, struct uuid run_id);
NODISCARD struct number_series *facts_number_series(
    const struct facts *facts, struct uuid organisation_id);

/**
 * facts_tax_rates(facts, ret_len):
 * All tax rates that are here.
 */
NODISCARD const struct tax_rate *const *facts_tax_rates(const struct facts *facts, size_t *ret_len);

/**
 * facts_items(facts, organisation_id, customer_id, ret_len):
 * A customer's items that are pending, by created_ms, then id; an array in the arena.
 */
NODISCARD struct item *const *facts_items(
    struct facts *facts, struct uuid organisation_id, struct uuid customer_id, size_t *ret_len);

/**
 * facts_invoice_lines(facts, organisation_id, invoice_id, ret_len), facts_payments_of(…):
 * An invoice's lines by position, its payments and refunds by created_ms, then id; arrays in the
 * arena.
 */
NODISCARD struct invoice_line *const *facts_invoice_lines(
    struct facts *facts, struct uuid organisation_id, struct uuid invoice_id, size_t *ret_len);
NODISCARD struct payment *const *facts_payments_of(
    struct facts *facts, struct uuid organisation_id, struct uuid invoice_id, size_t *ret_len);

/**
 * facts_clock_of(facts, customer):
 * The test clock that ${customer} lives by; NULL: it lives in real time.
 */
NODISCARD struct test_clock *facts_clock_of(
    const struct facts *facts, const struct customer *customer);

/**
 * facts_subscriptions_of(facts, organisation_id, customer_id, ret_len):
 * A customer's subscriptions that are here, ${ret_len} of them, in the order in which they came;
 * borrowed until the next one is added.
 */
NODISCARD struct subscription *const *facts_subscriptions_of(const struct facts *facts,
    struct uuid organisation_id, struct uuid customer_id, size_t *ret_len);

/**
 * facts_next_due(facts, organisation_id, customer_id, horizon):
 * Of a customer's subscriptions that are here, the one that falls due first, not behind
 * ${horizon}; of several the one with the lowest id.  NULL when none does.
 */
NODISCARD struct subscription *facts_next_due(const struct facts *facts,
    struct uuid organisation_id, struct uuid customer_id, struct horizon horizon);

/**
 * facts_quantities(facts, subscription, ret_len):
 * What was reported for the current period of ${subscription} (what is closed was for one before),
 * ${ret_len} structs in the arena.
 */
NODISCARD const struct quantity *facts_quantities(
    struct facts *facts, const struct subscription *subscription, size_t *ret_len);

/**
 * facts_add(facts, table, value):
 * Take a copy of the struct at ${value} as a new row of ${table}.  The copy, which is what later
 * commands see.
 */
void *facts_add(struct facts *facts, enum table_id table, const void *value);

/**
 * facts_keep(facts, table, value):
 * Take a copy of the struct at ${value} as a row of ${table} that is stored already, and is not to
 * be written; unless it is here.
 */
void facts_keep(struct facts *facts, enum table_id table, const void *value);

/**
 * facts_change(facts, table, row, value):
 * Put the struct at ${value} in place of ${row}, which was found or added here.  How they differ
 * says what is stored (row_moves): nothing else changes what is to be stored of a row.
 */
void facts_change(struct facts *facts, enum table_id table, void *row, const void *value);

/**
 * facts_send_store(facts, pg, ret_sent, err):
 * Queue the statements that store what was added and changed: updates first, as a row that goes may
 * make room for one that comes.  Of rows that moved only (row_moves) what moves is written.  How
 * many were queued; each has one result.
 */
NODISCARD enum err_class facts_send_store(
    struct facts *facts, struct pg *pg, size_t *ret_sent, struct err *err);

#endif
