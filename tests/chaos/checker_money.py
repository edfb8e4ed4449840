"""Rules about what is owed and what was paid: discounts, taxes, coupons, payments, the provider's book, credit notes,
and the journal. The sums of each document are checked as tests/integration/billing.py does for its callers."""

from collections import Counter, defaultdict
from fractions import Fraction

from billing import check_parts, rounded
from checker_billing import FINAL
from checker_index import repeated, slug

ACCOUNTS = (
    "receivable", "cash", "customer_credit", "deferred_revenue", "revenue", "tax_payable", "refunds_payable",
    "bad_debt", "credits_granted",
)  # fmt: skip
# method: what the simulated provider makes of it; of those that decline, the code
OUTCOMES = {
    "manual": ("succeeded", None), "sim_ok": ("succeeded", None), "sim_error": ("succeeded", None),
    "sim_declined": ("failed", "card_declined"), "sim_insufficient_funds": ("failed", "insufficient_funds"),
}  # fmt: skip
FAILS_FIRST = "sim_fail_n_then_ok:"
SETTLED = ("succeeded", "failed")


def is_paid(payment):
    return payment["kind"] == "payment" and payment["status"] == "succeeded"


def parts_of(index):
    """{invoice: its payments and refunds}, in the order in which they began."""
    begun = {row["subject"]: number for number, (row, _, _) in reversed(list(enumerate(index.events)))}
    found = defaultdict(list)
    for row in sorted(index.own("payments"), key=lambda row: begun.get(row["id"], 0)):
        found[row["invoice_id"]].append(row)
    return found


def notes_of(index):
    found = defaultdict(list)
    for row in index.own("credit_notes"):
        found[row["invoice_id"]].append(row)
    return found


# Discounts and taxes


def shares_add_up(index):
    """The lines' shares of each coupon and each tax rate make the document's, to the last minor unit, and each tax is
    its rate of what it is on, rounded once."""
    documents = [(one, row | {"lines": index.lines[one]}) for one, row in index.rows["invoices"].items()]
    documents += [(row["id"], row) for row in index.own("credit_entries") if row["lines"] is not None]
    for one, document in documents:
        try:
            check_parts(document)
        except AssertionError as error:
            yield f"the shares of {one}: {error}"
        if any(tax["inclusive"] for tax in document["taxes"]):
            continue  # what is contained in the lines is rounded out of what is told as taxable
        for tax in document["taxes"]:
            wanted = rounded(Fraction(str(tax["percentage"])) * tax["taxable"] / 100)
            if tax["amount"] != wanted:
                yield f"{one}: {tax['percentage']} % of {tax['taxable']} are {wanted}, told is {tax['amount']}"


def taxes_are_the_customers(index):
    """An invoice says how its customer was exempt, and then has no taxes; a line has each rate once."""
    for one, row in index.rows["invoices"].items():
        if row["tax_exempt"] != "none" and (row["tax"] or row["taxes"]):
            yield f"the invoice {one} is exempt ({row['tax_exempt']}), and has the taxes {row['taxes']}"
        for line in index.lines[one]:
            rates = [tax["tax_rate_id"] for tax in line["taxes"]]
            if repeated(rates) or set(rates) - set(index.rows["tax_rates"]):
                yield f"the invoice {one} has a line with the tax rates {rates}"


def coupons_hold(index):
    """A coupon is redeemed by as many subscriptions as have it, never by more than its limit; and who was told that it
    is used up was told so when it was."""
    taken = Counter()
    for row in index.rows["subscriptions"].values():
        taken.update(discount["coupon_id"] for discount in row["discounts"])
    for one, row in index.rows["coupons"].items():
        most = row["max_redemptions"]
        if row["redemptions"] != taken[one] or (most is not None and row["redemptions"] > most):
            yield f"the coupon {one} counts {row['redemptions']}, {taken[one]} subscriptions have it, limit {most}"
    for one in sorted(set(taken) - set(index.rows["coupons"])):
        yield f"the coupon {one} is not there, and {taken[one]} subscriptions have it"
    full = {
        (row["organisation_id"], row["code"]) for row in index.rows["coupons"].values()
        if row["redemptions"] == row["max_redemptions"]
    }  # fmt: skip
    for operation_id, copies in index.copies.items():
        row = index.operations.get(operation_id)
        if row is None or slug(row["problem"]) != "coupon-exhausted":
            continue
        codes = {(row["organisation_id"], code) for code in copies[0].record["coupon_codes"]}
        if not codes & full:
            yield f"operation {operation_id} was refused as {sorted(codes)} are used up, and some are left"


def items_are_billed_once(index):
    """An item that was billed is one line of the invoice or credit that took it, and no item's line is there besides; a
    customer has as many that wait as it counts."""
    wanted, there, waiting = defaultdict(Counter), defaultdict(Counter), Counter()
    for row in index.own("items"):
        if row["status"] == "pending":
            waiting[row["customer_id"]] += 1
        else:
            wanted[row["invoice_id"] or row["credit_entry_id"]][row["amount"]] += 1
    documents = list(index.lines.items())
    documents += [(row["id"], row["lines"] or []) for row in index.own("credit_entries")]
    for one, lines in documents:
        there[one].update(line["amount"] for line in lines if line["kind"] == "item")
    for one in sorted({*wanted, *there}, key=str):
        if wanted[one] != there[one]:
            yield f"the document {one} has the items {dict(there[one])}, and should have {dict(wanted[one])}"
    for one, row in index.rows["customers"].items():
        if row["items_pending"] != waiting[one]:
            yield f"the customer {one} counts {row['items_pending']} items that wait, of {waiting[one]}"


# Payments


def payments_are_settled(index):
    """When all is quiet, every payment and refund is settled, as its method does, and nothing is on its way; who asked
    for a payment was told what became of it."""
    payments = defaultdict(list)
    for one, row in index.rows["payments"].items():
        if row["status"] not in SETTLED or row["settled_at"] is None:
            yield f"the payment {one} is {row['status']}"
        if row["kind"] == "payment":
            payments[row["operation_id"]].append(row)
        elif index.operations.get(row["operation_id"], {}).get("status") != "succeeded":
            yield f"the refund {one}: operation {row['operation_id']}, which asked for it, did not succeed"
        declines = OUTCOMES.get(row["payment_method"])
        told = row["status"], row["failure_code"]
        if row["kind"] == "refund" and told != ("succeeded", None):
            yield f"the refund {one} is {told}"
        if row["kind"] == "payment" and declines and told != declines:
            yield f"the payment {one} by {row['payment_method']} is {told}"
    for one, row in index.rows["invoices"].items():
        if row["payment_id"] is not None:
            yield f"the invoice {one} waits for the payment {row['payment_id']}"
    for one, row in index.operations.items():
        if row["command"] != "pay_invoice":
            continue
        wanted = [row["status"]] if row["status"] == "succeeded" or one in index.declined else []
        if [payment["status"] for payment in payments.pop(one, [])] != wanted:
            yield f"operation {one} is {row['status']}, its payments are not {wanted}"
    for one, rows in payments.items():
        yield f"the payments {[row['id'] for row in rows]}: there is no operation {one}"


def failures_come_first(index):
    """A method that fails some times does so that often for an invoice, and succeeds from then on."""
    for one, parts in parts_of(index).items():
        tries = defaultdict(list)
        for row in parts:
            if row["kind"] == "payment" and row["payment_method"].startswith(FAILS_FIRST):
                tries[row["payment_method"]].append(row["status"])
        for method, told in tries.items():
            times = int(method.removeprefix(FAILS_FIRST))
            if told != (["failed"] * times + ["succeeded"] * len(told))[: len(told)]:
                yield f"the invoice {one}: {method} went {told}"


def paid_is_not_more_than_due(index):
    """What was paid of an invoice are its payments, and what was refunded its refunds; never more than was due, nor
    than was paid."""
    parts = parts_of(index)
    for one, row in index.rows["invoices"].items():
        paid = sum(part["amount"] for part in parts[one] if is_paid(part))
        refunds = [part for part in parts[one] if part["kind"] == "refund" and part["status"] != "failed"]
        refunded = sum(part["amount"] for part in refunds)
        if (row["amount_paid"], row["amount_refunded"]) != (paid, refunded):
            told = row["amount_paid"], row["amount_refunded"]
            yield f"the invoice {one} says {told}, its payments come to {paid}, its refunds to {refunded}"
        if paid + row["amount_credited"] > row["amount_due"] or refunded > paid:
            yield f"the invoice {one} over {row['amount_due']}: {paid} was paid, {refunded} refunded"
        for part in parts[one]:
            back = sum(refund["amount"] for refund in refunds if refund["refund_of"] == part["id"])
            if part["amount_refunded"] != back or back > (part["amount"] if is_paid(part) else 0):
                yield f"the payment {part['id']} over {part['amount']}: {back} of it was refunded"
            if part["currency"] != row["currency"] or part["customer_id"] != row["customer_id"]:
                yield f"the payment {part['id']} is not of the invoice {one}"
        if row["status"] == "void" and paid:
            yield f"the invoice {one} is void, and {paid} was paid"


def transfers_are_the_payments(index):
    """The provider's book has one transfer for each payment and refund that is not manual, with the same amount and
    outcome, and none besides: nobody was charged twice, and no money is lost."""
    book = {row["key"]: row for row in index.evidence.tables["transfers"]}
    everybody = {row["id"] for row in index.evidence.tables["payments"]}
    for key in sorted(set(book) - everybody):
        yield f"the provider has the transfer {key}, and we have no payment"
    for one, row in index.rows["payments"].items():
        transfer = book.get(one)
        if row["payment_method"] == "manual":
            if transfer is not None:
                yield f"the payment {one} is manual, and the provider has {transfer}"
            continue
        if transfer is None:
            yield f"the payment {one} is {row['status']}, and the provider has no transfer"
            continue
        wanted = {
            "kind": row["kind"], "amount": row["amount"], "currency": row["currency"], "reference": row["invoice_id"],
            "method": row["payment_method"], "outcome": {"failed": "declined"}.get(row["status"], row["status"]),
        }  # fmt: skip
        if any(transfer[name] != value for name, value in wanted.items()):
            yield f"the payment {one} is {wanted}, the provider has {transfer}"


# Credit notes


def notes_are_not_more_than_the_whole(index):
    """The notes of an invoice never come to more than it, nor those of a line to more than the line; what they took is
    counted at both, and with all of a line exactly its taxes come back."""
    notes = notes_of(index)
    for one, row in index.rows["invoices"].items():
        mine = notes[one]
        for name, part in (("credited_total", "total"), ("amount_credited", "applied")):
            if row[name] != sum(note[part] for note in mine):
                yield f"the invoice {one}: {name} is {row[name]}, its notes make {sum(note[part] for note in mine)}"
        if row["credited_total"] > row["total"]:
            yield f"the invoice {one} over {row['total']} was credited {row['credited_total']}"
        for line in index.lines[one]:
            yield from line_is_credited(one, line, [part for note in mine for part in note["lines"]])
    refunds_of = defaultdict(list)
    for part in index.own("payments"):
        refunds_of[part["credit_note_id"]].append(part)
    for one, row in index.rows["credit_notes"].items():
        if row["total"] != row["applied"] + row["credited"] + row["refunded"] or row["total"] < 1:
            parts = {name: row[name] for name in ("applied", "credited", "refunded")}
            yield f"the credit note {one} over {row['total']} went to {parts}"
        sums = {name: sum(line[name] for line in row["lines"]) for name in ("tax", "tax_included")}
        sums["subtotal"] = sum(line["amount"] for line in row["lines"])
        sums["total"] = sums["subtotal"] + sums["tax"] - sums["tax_included"]
        twice = repeated([line["line_id"] for line in row["lines"]])
        if twice or any(row[name] != amount for name, amount in sums.items()):
            yield f"the credit note {one} has the lines {row['lines']}, and says {sums}"
        refunds = refunds_of[one]
        if sum(part["amount"] for part in refunds) != row["refunded"]:
            yield f"the credit note {one} pays {row['refunded']} back, its refunds are {refunds}"


def line_is_credited(one, line, parts):
    """What notes took of a line."""
    mine = [part for part in parts if part["line_id"] == line["id"]]
    credited, whole = sum(part["amount"] for part in mine), line["amount"] - line["discount"]
    if line["credited"] != credited or not min(0, whole) <= credited <= max(0, whole):
        yield f"the invoice {one}: of a line over {whole}, {line['credited']} is credited, by notes {credited}"
    taxes = Counter()
    for part in mine:
        for tax in part["taxes"]:
            taxes[tax["tax_rate_id"]] += tax["amount"]
    told = Counter({tax["tax_rate_id"]: tax["amount"] for tax in line["credited_taxes"]})
    if +told != +taxes:
        yield f"the invoice {one}: of a line's taxes {dict(told)} is credited, by notes {dict(taxes)}"
    wanted = Counter({tax["tax_rate_id"]: tax["amount"] for tax in line["taxes"]})
    if mine and credited == whole and +taxes != +wanted:
        yield f"the invoice {one}: all of a line is credited, and of its taxes {dict(wanted)} only {dict(taxes)}"


# The journal


def entries_balance(index):
    """Each entry's accounts add up to 0, and each entry is of a document that is there."""
    documents = {row["id"]: kind for kind in ("invoice", "credit_note", "credit_entry", "payment", "subscription")
                 for row in index.own({"credit_entry": "credit_entries"}.get(kind, f"{kind}s"))}  # fmt: skip
    for row in index.own("journal"):
        amounts = {name: row[name] for name in ACCOUNTS if row[name]}
        if sum(amounts.values()) != 0 or not amounts:
            yield f"the entry {row['id']} ({row['reason']}) is {amounts}"
        if documents.get(row["document_id"]) != row["document_type"]:
            yield f"the entry {row['id']} is of the {row['document_type']} {row['document_id']}, which is not there"
    once = [(row["reason"], row["document_id"]) for row in index.own("journal") if row["reason"] != "revenue"]
    for reason, one in repeated(once):
        yield f"{one} is booked more than once as {reason}"


def balances(index, *names, of):
    """{what `of` makes of an entry: {account: balance}}"""
    found = defaultdict(Counter)
    for row in index.own("journal"):
        found[of(row)].update({name: row[name] for name in names})
    return found


def receivable_is_what_remains(index):
    """By the journal an invoice is to be paid as far as it is: what remains of an open one, nothing of any other; its
    tax is what was not credited."""
    homes = {row["id"]: row["invoice_id"] for table in ("payments", "credit_notes") for row in index.own(table)}

    def home(row):
        return homes.get(row["document_id"], row["document_id"])

    booked = balances(index, "receivable", "tax_payable", of=home)
    notes = notes_of(index)
    for one, row in index.rows["invoices"].items():
        is_final = row["status"] in FINAL
        remains = 0 if is_final else row["amount_due"] - row["amount_paid"] - row["amount_credited"]
        tax = 0 if row["status"] == "void" else row["tax"] - sum(note["tax"] for note in notes[one])
        told = booked[one]["receivable"], -booked[one]["tax_payable"]
        if told != (remains, tax):
            yield f"the invoice {one}, {row['status']}: {remains} remains, tax {tax}; booked are {told}"


def books_agree(index):
    """The journal's cash is the provider's book and what came by hand, its credit the customers' balances, its deferred
    revenue what subscriptions have left; no refund is on its way."""
    booked = balances(index, *ACCOUNTS, of=lambda row: (row["organisation_id"], row["currency"]))
    wanted = defaultdict(Counter)
    book = {row["key"]: row for row in index.evidence.tables["transfers"]}
    for one, row in index.rows["payments"].items():
        came = row["status"] == "succeeded" if row["payment_method"] == "manual" else (
            book.get(one, {}).get("outcome") == "succeeded")  # fmt: skip
        if came:
            sign = 1 if row["kind"] == "payment" else -1
            wanted[row["organisation_id"], row["currency"]]["cash"] += sign * row["amount"]
    customers = index.rows["customers"]
    for row in customers.values():
        wanted[row["organisation_id"], row["currency"]]["customer_credit"] -= row["credit_balance"]
    for row in index.rows["subscriptions"].values():
        place = row["organisation_id"], customers.get(row["customer_id"], {}).get("currency")
        wanted[place]["deferred_revenue"] -= row["deferred"]
    for place in sorted({*booked, *wanted}, key=str):
        for name in ("cash", "customer_credit", "deferred_revenue", "refunds_payable"):
            if booked[place][name] != wanted[place][name]:
                yield f"{place}: {name} is booked as {booked[place][name]}, and is {wanted[place][name]}"


def journal_is_shown(index):
    """GET /v1/journal shows each of the organisation's entries once, as it is, newest first."""
    for organisation_id in sorted(index.organisations):
        rows = {row["id"]: row for row in index.own("journal") if row["organisation_id"] == organisation_id}
        shown = index.evidence.lists[organisation_id]["journal"]
        if sorted(entry["id"] for entry in shown) != sorted(rows):
            yield f"the journal of {organisation_id} has {len(rows)} entries, shown are {len(shown)}"
            continue
        moments = [rows[entry["id"]]["created_ms"] for entry in shown]
        if moments != sorted(moments, reverse=True):
            yield f"the journal of {organisation_id} is not shown the newest first"
        for entry in shown:
            row = rows[entry["id"]]
            names = ("reason", "document_type", "document_id", "customer_id", "test_clock_id", "currency")
            same = all(entry[name] == row[name] for name in names)
            postings = {posting["account"]: posting["amount"] for posting in entry["postings"]}
            if not same or postings != {name: row[name] for name in ACCOUNTS if row[name]}:
                yield f"the entry {entry['id']} is shown as {entry}"


def reconcile_finds_nothing(index):
    """The operator's own comparison finds no difference."""
    code, output = index.evidence.reconciled
    if code != 0:
        yield f"billd reconcile ended with {code}:\n{output}"


RULES = [
    ("shares-add-up", shares_add_up),
    ("taxes-are-the-customers", taxes_are_the_customers),
    ("coupons-hold", coupons_hold),
    ("items-are-billed-once", items_are_billed_once),
    ("payments-are-settled", payments_are_settled),
    ("failures-come-first", failures_come_first),
    ("paid-is-not-more-than-due", paid_is_not_more_than_due),
    ("transfers-are-the-payments", transfers_are_the_payments),
    ("notes-are-not-more-than-the-whole", notes_are_not_more_than_the_whole),
    ("entries-balance", entries_balance),
    ("receivable-is-what-remains", receivable_is_what_remains),
    ("books-agree", books_agree),
    ("journal-is-shown", journal_is_shown),
    ("reconcile-finds-nothing", reconcile_finds_nothing),
]
