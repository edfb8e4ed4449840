/* The command that reports what was used of a charge in arrears. */

#include "common/base/id.h"
#include "worker/billing.h"
#include "worker/handler.h"
#include "worker/subject.h"

/* The charge in arrears of ${version} with that code; NULL: it has none. */
static const struct charge *
charge_find(const struct plan_version *version, struct str code)
{
	for (size_t i = 0; i < version->charges_len; i++) {
		const struct charge *charge = &version->charges[i];

		if (str_equal(charge->code, code) &&
		    charge_billing_from(charge->billing) == CHARGE_ARREARS)
			return charge;
	}
	return NULL;
}

/* Whether a period has not been billed, and it is the one that ${report} means.  One that has ended
 * is that of a subscription that is parked, maybe while it was paused: what is reported for it may
 * be what mends it, but has to name it. */
static bool
period_is_open(const struct subject *subject, const struct report_quantity *report)
{
	const struct subscription *row = subject->row;
	enum subscription_status status = subscription_status_from(row->status);
	bool ended = subject->now.s >= row->current_period_end.s;
	bool parked = row->billing_problem.ptr != NULL;

	if (status != SUBSCRIPTION_ACTIVE && status != SUBSCRIPTION_PAST_DUE &&
	    !(status == SUBSCRIPTION_PAUSED && parked && ended))
		return false;
	if (instant_is_none(report->period_start))
		return !ended;
	return report->period_start.s == row->current_period_start.s;
}

/* The row of the report's charge for the current period; NULL: this is its first report. */
static struct quantity *
row_find(const struct decision *decision, const struct terms *terms,
    const struct report_quantity *report)
{
	for (size_t i = 0; i < terms->quantities_len; i++)
		if (str_equal(terms->quantities[i].charge_code, report->charge_code))
			return facts_quantity(decision->decider->facts,
			    report->meta.organisation_id, terms->quantities[i].id);
	return NULL;
}

/* What the period's quantity becomes: so much, as one transaction, or so much more.  To set it to
 * nothing is to take back what was reported: not even a transaction is left. */
static enum refusal
quantity_count(
    const struct charge *charge, const struct report_quantity *report, struct quantity *quantity)
{
	bool set = str_equal(report->mode, STR("set"));
	struct usage usage = {.quantity = DECIMAL_ZERO, .fees = DECIMAL_ZERO};
	enum refusal refusal = REFUSAL_NONE;

	if (!set)
		usage = (struct usage){
		    .quantity = quantity->quantity,
		    .transactions = quantity->transactions,
		    .fees = quantity->fees,
		};
	if (!set || !decimal_is_zero(report->quantity))
		refusal = rating_transaction(charge, &usage, report->quantity, &usage);
	if (refusal != REFUSAL_NONE)
		return refusal;
	quantity->quantity = usage.quantity;
	quantity->transactions = usage.transactions;
	quantity->fees = usage.fees;
	return REFUSAL_NONE;
}

static void
quantity_store(struct decision *decision, const struct subject *subject, struct quantity *row,
    const struct quantity *quantity)
{
	struct facts *facts = decision->decider->facts;
	struct customer customer = *subject->customer;

	if (row == NULL)
		facts_add(facts, TABLE_QUANTITIES, quantity);
	else
		facts_change(facts, TABLE_QUANTITIES, row, quantity);
	customer.latest_at = subject->now;
	facts_change(facts, TABLE_CUSTOMERS, subject->customer, &customer);
	decision_emit(decision, EVENT_QUANTITY_REPORTED, quantity->id, customer.id, quantity);
}

/* What stands against ${report}; else the charge that it is for. */
static enum refusal
report_judge(struct decision *decision, const struct subject *subject, const struct terms *terms,
    const struct report_quantity *report, const struct charge **ret_charge)
{
	const struct charge *charge = charge_find(terms->version, report->charge_code);

	if (charge == NULL)
		return decision_refuse(decision, REFUSAL_CHARGE_NOT_FOUND,
		    "the plan has no charge \"%.*s\" in arrears", STR_ARG(report->charge_code));
	if (!period_is_open(subject, report))
		return REFUSAL_PERIOD_NOT_OPEN;
	*ret_charge = charge;
	return REFUSAL_NONE;
}

enum refusal
quantity_report_decide(struct decision *decision, const void *command)
{
	const struct report_quantity *report = command;
	const struct charge *charge = NULL;
	struct quantity quantity;
	struct quantity *row;
	struct subject subject;
	struct terms terms;
	enum refusal refusal = subject_find(decision, report->subscription_id, &subject);

	if (refusal == REFUSAL_NONE)
		refusal = subject_terms(decision, &subject, &terms);
	if (refusal == REFUSAL_NONE)
		refusal = report_judge(decision, &subject, &terms, report, &charge);
	if (refusal != REFUSAL_NONE)
		return refusal;

	CHECK(charge != NULL);
	row = row_find(decision, &terms, report);
	if (row != NULL)
		quantity = *row;
	else
		quantity = (struct quantity){
		    .organisation_id = report->meta.organisation_id,
		    .id = id_derive(report->meta.operation_id, ID_QUANTITY, 0, subject.row->shard),
		    .subscription_id = subject.row->id,
		    .charge_code = charge->code,
		    .period_start = subject.row->current_period_start,
		    .quantity = DECIMAL_ZERO,
		    .fees = DECIMAL_ZERO,
		    .created_at = subject.now,
		};
	refusal = quantity_count(charge, report, &quantity);
	if (refusal != REFUSAL_NONE)
		return refusal;
	quantity.updated_at = subject.now;
	quantity_store(decision, &subject, row, &quantity);
	return REFUSAL_NONE;
}
