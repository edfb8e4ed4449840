#include "common/domain/journal.h"

/* What an entry moves: debits are positive, credits negative. */
struct accounts {
	int64_t receivable, cash, customer_credit, deferred_revenue, revenue;
	int64_t tax_payable, refunds_payable, bad_debt, credits_granted;
};

/* The one way into ${entry}: nothing is booked that does not balance. */
static void
book(struct journal_entry *entry, struct str reason, struct str document_type,
    struct uuid document_id, const struct accounts *accounts)
{
	int128 sum = (int128)accounts->receivable + accounts->cash + accounts->customer_credit +
		     accounts->deferred_revenue + accounts->revenue + accounts->tax_payable +
		     accounts->refunds_payable + accounts->bad_debt + accounts->credits_granted;

	CHECK(sum == 0);

	entry->reason = reason;
	entry->document_type = document_type;
	entry->document_id = document_id;
	entry->receivable = accounts->receivable;
	entry->cash = accounts->cash;
	entry->customer_credit = accounts->customer_credit;
	entry->deferred_revenue = accounts->deferred_revenue;
	entry->revenue = accounts->revenue;
	entry->tax_payable = accounts->tax_payable;
	entry->refunds_payable = accounts->refunds_payable;
	entry->bad_debt = accounts->bad_debt;
	entry->credits_granted = accounts->credits_granted;
}

void
journal_invoice(
    const struct invoice *invoice, struct earnings earnings, struct journal_entry *entry)
{
	const struct accounts accounts = {
	    .receivable = invoice->amount_due,
	    .customer_credit = invoice->credit_applied,
	    .tax_payable = -invoice->tax,
	    .deferred_revenue = -earnings.deferred,
	    .revenue = -earnings.earned,
	};

	CHECK(invoice->amount_due >= 0 && invoice->credit_applied >= 0);
	book(entry, STR("invoice"), STR("invoice"), invoice->id, &accounts);
}

void
journal_credit(const struct credit_entry *credit, struct earnings earnings, int64_t tax,
    struct journal_entry *entry)
{
	const struct accounts accounts = {
	    .customer_credit = -credit->amount,
	    .tax_payable = -tax,
	    .deferred_revenue = -earnings.deferred,
	    .revenue = -earnings.earned,
	};

	CHECK(credit->amount > 0);
	book(entry, STR("credit"), STR("credit_entry"), credit->id, &accounts);
}

void
journal_grant(const struct credit_entry *credit, struct journal_entry *entry)
{
	const struct accounts accounts = {
	    .customer_credit = -credit->amount,
	    .credits_granted = credit->amount,
	};

	CHECK(credit->amount != 0 && credit->amount != INT64_MIN);
	book(entry, STR("credit"), STR("credit_entry"), credit->id, &accounts);
}

void
journal_revenue(
    const struct subscription *subscription, int64_t earned, struct journal_entry *entry)
{
	const struct accounts accounts = {
	    .deferred_revenue = earned,
	    .revenue = -earned,
	};

	CHECK(earned >= 0);
	book(entry, STR("revenue"), STR("subscription"), subscription->id, &accounts);
}

void
journal_credit_note(
    const struct credit_note *note, int64_t from_deferred, struct journal_entry *entry)
{
	const struct accounts accounts = {
	    .receivable = -note->applied,
	    .customer_credit = -note->credited,
	    .refunds_payable = -note->refunded,
	    .tax_payable = note->tax,
	    .deferred_revenue = from_deferred,
	    .revenue = note->subtotal - note->tax_included - from_deferred,
	};

	CHECK(note->total > 0);
	book(entry, STR("credit_note"), STR("credit_note"), note->id, &accounts);
}

void
journal_void(const struct invoice *invoice, int64_t tax_left, int64_t from_deferred,
    struct journal_entry *entry)
{
	int64_t left = invoice->total - invoice->credited_total;
	const struct accounts accounts = {
	    .receivable = -(invoice->amount_due - invoice->amount_credited),
	    .customer_credit = -invoice->credit_applied,
	    .tax_payable = tax_left,
	    .deferred_revenue = from_deferred,
	    .revenue = left - tax_left - from_deferred,
	};

	/* Of one that is not paid, notes take off nothing but what is to be paid. */
	CHECK(invoice->amount_paid == 0);
	CHECK(invoice->credited_total == invoice->amount_credited);
	book(entry, STR("invoice_void"), STR("invoice"), invoice->id, &accounts);
}

void
journal_uncollectible(const struct invoice *invoice, int64_t remaining, struct journal_entry *entry)
{
	const struct accounts accounts = {.receivable = -remaining, .bad_debt = remaining};

	CHECK(remaining > 0 && remaining <= invoice->amount_due);
	book(entry, STR("invoice_uncollectible"), STR("invoice"), invoice->id, &accounts);
}

void
journal_payment(const struct payment *payment, struct journal_entry *entry)
{
	const struct accounts accounts = {
	    .cash = payment->amount,
	    .receivable = -payment->amount,
	};

	CHECK(payment->amount > 0 && str_equal(payment->kind, STR("payment")));
	book(entry, STR("payment"), STR("payment"), payment->id, &accounts);
}

void
journal_refund(const struct payment *refund, struct journal_entry *entry)
{
	const struct accounts accounts = {
	    .refunds_payable = refund->amount,
	    .cash = -refund->amount,
	};

	CHECK(refund->amount > 0 && str_equal(refund->kind, STR("refund")));
	book(entry, STR("refund"), STR("payment"), refund->id, &accounts);
}

void
journal_refund_failed(const struct payment *refund, struct journal_entry *entry)
{
	const struct accounts accounts = {
	    .refunds_payable = refund->amount,
	    .customer_credit = -refund->amount,
	};

	CHECK(refund->amount > 0 && str_equal(refund->kind, STR("refund")));
	book(entry, STR("refund_failed"), STR("payment"), refund->id, &accounts);
}
