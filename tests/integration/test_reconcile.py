"""billd reconcile and billd journal: books that agree are told so, and each rule finds its breach.

The documents are written by hand, as no worker that is in order would make what is broken here.
"""

import json
import random
import uuid

import psycopg
import pytest

NOW = "2026-06-01T00:00:00Z"
END = "2026-07-01T00:00:00Z"
NOW_MS = 1780272000000
ACCOUNTS = (
    "receivable",
    "cash",
    "customer_credit",
    "deferred_revenue",
    "revenue",
    "tax_payable",
    "refunds_payable",
    "bad_debt",
    "credits_granted",
)
TABLES = (
    "outbox",
    "journal",
    "items",
    "payments",
    "credit_notes",
    "credit_entries",
    "number_series",
    "invoice_lines",
    "invoices",
    "subscriptions",
    "coupons",
    "customers",
)


class Books:
    """One organisation's rows: two invoices, one paid, credited in part and refunded; credits, items, a coupon."""

    def __init__(self, connection, organisation_id):
        self.connection = connection
        self.organisation_id = organisation_id
        self.ids = {}
        self.number = -random.getrandbits(60)
        self.write_people()
        self.write_documents()
        self.write_money()
        self.write_journal()
        self.write_events()

    def id(self, name):
        return self.ids.setdefault(name, str(uuid.uuid4()))

    def insert(self, table, **row):
        common = {
            "organisation_id": self.organisation_id,
            "shard": 7,
            "customer_id": self.id("customer"),
            "currency": "USD",
            "created_ms": NOW_MS,
            "created_at": NOW,
            "updated_at": NOW,
            "metadata": {},
            "tax_rate_ids": [],
            "discounts": [],
            "taxes": [],
            "discount": 0,
            "tax": 0,
            "tax_included": 0,
            "tax_exempt": "none",
        }
        self.connection.execute(
            f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, %s::jsonb)",
            [json.dumps(common | row)],
        )

    def write_people(self):
        self.insert(
            "billd.customers",
            id=self.id("customer"),
            name="Ada",
            timezone="Etc/UTC",
            number_prefix="P",
            invoice_count=2,
            credit_note_count=1,
            items_pending=1,
            credit_balance=800,
            credit_count=3,
            latest_at=NOW,
        )
        self.insert(
            "billd.coupons",
            id=self.id("coupon"),
            code="TEN",
            name="Ten",
            percent_off=10,
            duration="once",
            redemptions=1,
            plan_ids=[],
            currency=None,
        )
        self.insert(
            "billd.subscriptions",
            id=self.id("subscription"),
            plan_id=self.id("plan"),
            plan_version_id=self.id("plan"),
            status="active",
            timezone="Etc/UTC",
            anchor="start",
            anchor_at=NOW,
            anchor_day=0,
            period_index=0,
            realigns=False,
            current_period_start=NOW,
            current_period_end=END,
            natural_start=NOW,
            natural_end=END,
            period_moved_s=0,
            started_at=NOW,
            cancel_at_period_end=False,
            quantity=1,
            deferred=7000,
            deferred_from=NOW,
            deferred_until=END,
            latest_invoice_id=self.id("open"),
            discounts=[{"coupon_id": self.id("coupon")}],
        )
        self.insert("billd.number_series", invoice_count=1, credit_note_count=1)

    def tax(self, amount, **more):
        return [{"tax_rate_id": self.id("rate"), "inclusive": False, "amount": amount} | more]

    def line(self, invoice, position, amount, **more):
        self.insert(
            "billd.invoice_lines",
            id=self.id(f"{invoice} line {position}"),
            invoice_id=self.id(invoice),
            position=position,
            description="A line",
            plan_id=self.id("plan"),
            quantity=1,
            quantity_decimal=1,
            unit_amount=amount,
            amount=amount,
            period_start=NOW,
            period_end=END,
            **(
                {
                    "kind": "charge",
                    "charge_code": "base",
                    "proration": False,
                    "deferred": True,
                    "credited": 0,
                    "credited_taxes": [],
                }
                | more
            ),
        )

    def write_documents(self):
        common = {
            "subscription_id": self.id("subscription"),
            "currency": "USD",
            "issued_at": NOW,
            "due_at": NOW,
            "amount_paid": 0,
            "amount_credited": 0,
            "amount_refunded": 0,
            "credited_total": 0,
            "credit_applied": 0,
        }
        coupon = [{"coupon_id": self.id("coupon"), "amount": 1000}]
        self.insert(
            "billd.invoices",
            **common
            | {
                "id": self.id("paid"),
                "number": "INV-000001",
                "sequence": 1,
                "series_sequence": 1,
                "reason": "subscription_create",
                "status": "paid",
                "paid_at": NOW,
                "period_start": NOW,
                "period_end": END,
                "subtotal": 10500,
                "discount": 1000,
                "discounts": coupon,
                "tax": 1900,
                "taxes": self.tax(1900, taxable=9500),
                "total": 11400,
                "credit_applied": 400,
                "amount_due": 11000,
                "amount_paid": 11000,
                "amount_refunded": 5400,
                "credited_total": 5400,
            },
        )
        self.line(
            "paid",
            1,
            10000,
            discount=1000,
            discounts=coupon,
            tax=1800,
            taxes=self.tax(1800),
            credited=4500,
            credited_taxes=self.tax(900),
        )
        self.line("paid", 2, 500, kind="item", charge_code="item", deferred=False, tax=100, taxes=self.tax(100))
        self.insert(
            "billd.invoices",
            **common
            | {
                "id": self.id("open"),
                "number": "P-0002",
                "sequence": 2,
                "status": "open",
                "reason": "subscription_update",
                "period_start": NOW,
                "period_end": END,
                "subtotal": 3000,
                "total": 3000,
                "amount_due": 3000,
            },
        )
        self.line("open", 1, 3000)
        lines = [
            {"line_id": self.id("paid line 1"), "amount": 4500, "tax": 900, "tax_included": 0, "taxes": self.tax(900)}
        ]
        self.insert(
            "billd.credit_notes",
            id=self.id("note"),
            invoice_id=self.id("paid"),
            number="INV-CN-000001",
            sequence=1,
            series_sequence=1,
            lines=lines,
            taxes=self.tax(900, taxable=4500),
            subtotal=4500,
            tax=900,
            total=5400,
            applied=0,
            credited=0,
            refunded=5400,
        )
        for name, status, amount in (("billed", "billed", 500), ("pending", "pending", 70)):
            self.insert(
                "billd.items",
                id=self.id(name),
                status=status,
                description="Once",
                amount=amount,
                invoice_id=self.id("paid") if status == "billed" else None,
            )

    def write_money(self):
        common = {
            "payment_method": "sim_ok",
            "invoice_id": self.id("paid"),
            "status": "succeeded",
            "settled_at": NOW,
            "accepted_ms": NOW_MS,
            "operation_id": self.id("operation"),
        }
        self.insert(
            "billd.payments", **common, id=self.id("payment"), kind="payment", amount=11000, amount_refunded=5400
        )
        self.insert(
            "billd.payments",
            **common,
            id=self.id("refund"),
            kind="refund",
            amount=5400,
            amount_refunded=0,
            refund_of=self.id("payment"),
            credit_note_id=self.id("note"),
        )
        for name, kind, amount in (("payment", "payment", 11000), ("refund", "refund", 5400)):
            self.connection.execute(
                "INSERT INTO simulated_provider.transfers (key, reference, kind, method, amount, currency, outcome) "
                "VALUES (%s, %s, %s, 'sim_ok', %s, 'USD', 'succeeded')",
                [self.id(name), self.id("paid"), kind, amount],
            )
        history = ((1, "grant", 1000, 1000), (2, "invoice", -400, 600), (3, "proration", 200, 800))
        for sequence, reason, amount, after in history:
            self.insert(
                "billd.credit_entries",
                id=self.id(reason),
                sequence=sequence,
                reason=reason,
                amount=amount,
                balance_after=after,
                invoice_id=self.id("paid") if reason == "invoice" else None,
            )

    def book(self, reason, document_type, document, **moved):
        amounts = dict.fromkeys(ACCOUNTS, 0) | moved
        assert sum(amounts.values()) == 0
        self.insert(
            "billd.journal",
            id=str(uuid.uuid4()),
            reason=reason,
            document_type=document_type,
            document_id=self.id(document),
            booked_at=NOW,
            **amounts,
        )

    def write_journal(self):
        self.book("credit", "credit_entry", "grant", customer_credit=-1000, credits_granted=1000)
        self.book(
            "invoice",
            "invoice",
            "paid",
            receivable=11000,
            customer_credit=400,
            tax_payable=-1900,
            deferred_revenue=-9000,
            revenue=-500,
        )
        self.book("payment", "payment", "payment", cash=11000, receivable=-11000)
        self.book("credit_note", "credit_note", "note", refunds_payable=-5400, tax_payable=900, deferred_revenue=4500)
        self.book("refund", "payment", "refund", refunds_payable=5400, cash=-5400)
        self.book("credit", "credit_entry", "proration", customer_credit=-200, revenue=200)
        self.book("invoice", "invoice", "open", receivable=3000, deferred_revenue=-3000)
        self.book("revenue", "subscription", "subscription", deferred_revenue=500, revenue=-500)

    def write_events(self):
        told = (
            ("invoice.issued", "paid"),
            ("invoice.paid", "paid"),
            ("invoice.issued", "open"),
            ("credit.recorded", "grant"),
            ("credit.recorded", "invoice"),
            ("credit.recorded", "proration"),
            ("credit_note.issued", "note"),
            ("payment.succeeded", "payment"),
            ("payment.succeeded", "refund"),
        )
        for place, (name, subject) in enumerate(told):
            self.connection.execute(
                "INSERT INTO billd.outbox VALUES (%s, 0, %s, gen_random_uuid(), %s, %s, %s, gen_random_uuid(), %s, '')",
                [
                    self.organisation_id,
                    self.number - place,
                    f"billd.{name}.v1",
                    self.id(subject),
                    self.id("customer"),
                    NOW,
                ],
            )

    def run(self, statement):
        """A statement with {name} for the ids: how many rows it changed."""
        names = {
            name: f"'{self.id(name)}'" for name in ("customer", "paid", "open", "note", "payment", "refund", "grant")
        }
        return self.connection.execute(statement.format(**names)).rowcount

    def remove(self):
        self.connection.execute(
            "DELETE FROM simulated_provider.transfers WHERE key = ANY (%s)",
            [[self.id("payment"), self.id("refund"), self.id("stray")]],
        )
        for table in TABLES:
            self.connection.execute(f"DELETE FROM billd.{table}")


@pytest.fixture
def books(stack, org):
    with stack.connect("owner", org.organisation_id) as connection:
        books = Books(connection, org.organisation_id)
        yield books
        books.remove()


def reconcile(stack, books, *arguments, expect):
    return stack.billd("reconcile", "--organisation", books.organisation_id, *arguments, expect=expect)


def differing(output):
    return {line.split()[1] for line in output.splitlines() if line.startswith("DIFFERS")}


def test_books_that_agree(stack, books):
    output = reconcile(stack, books, expect=0)
    assert not differing(output)
    assert "all agree" in output
    assert output.count("\nagrees") + 1 == output.count("agrees")


BREACHES = {
    "entry_documents": "UPDATE billd.journal SET document_id = gen_random_uuid() WHERE document_type = 'subscription'",
    "invoice_entries": "UPDATE billd.journal SET revenue = revenue - 1, tax_payable = tax_payable + 1 "
    "WHERE reason = 'invoice' "
    "AND document_id = {paid}",
    "invoice_receivable": "UPDATE billd.journal SET receivable = receivable + 1, cash = cash - 1 "
    "WHERE reason = 'payment'",
    "invoice_tax": "UPDATE billd.journal SET tax_payable = tax_payable - 1, revenue = "
    "revenue + 1 WHERE reason = 'credit_note'",
    "invoice_sums": "UPDATE billd.invoice_lines SET amount = amount + 1 WHERE invoice_id = {open}",
    "invoice_discounts": "UPDATE billd.invoices SET discounts = jsonb_set(discounts, "
    "'{{0,amount}}', '999') WHERE id = {paid}",
    "invoice_taxes": "UPDATE billd.invoices SET taxes = '[]' WHERE id = {paid}",
    "line_parts": "UPDATE billd.invoice_lines SET discounts = '[]' WHERE discount <> 0",
    "invoice_status": "UPDATE billd.invoices SET amount_paid = amount_due WHERE id = {open}",
    "invoice_payments": "UPDATE billd.invoices SET payment_id = {payment} WHERE id = {open}",
    "invoice_notes": "UPDATE billd.invoices SET credited_total = credited_total - 1 WHERE id = {paid}",
    "line_notes": "UPDATE billd.invoice_lines SET credited = credited - 1 WHERE credited > 0",
    "note_sums": "UPDATE billd.credit_notes SET lines = jsonb_set(lines, '{{0,amount}}', '4499')",
    "note_entries": "UPDATE billd.journal SET refunds_payable = refunds_payable + 1, revenue = revenue - 1 "
    "WHERE reason = 'credit_note'",
    "credit_balance": "UPDATE billd.customers SET credit_balance = credit_balance + 1",
    "credit_entries": "UPDATE billd.journal SET customer_credit = customer_credit - 1, "
    "credits_granted = credits_granted + 1 "
    "WHERE document_id = {grant}",
    "deferred_revenue": "UPDATE billd.subscriptions SET deferred = deferred - 1",
    "cash": "UPDATE billd.journal SET cash = cash + 1, bad_debt = bad_debt - 1 WHERE document_id = {refund}",
    "refunds_payable": "UPDATE billd.journal SET refunds_payable = refunds_payable + 1, bad_debt = bad_debt - 1 "
    "WHERE document_id = {refund}",
    "payment_refunds": "UPDATE billd.payments SET amount_refunded = amount_refunded - 1 WHERE id = {payment}",
    "provider_payments": "UPDATE simulated_provider.transfers SET outcome = 'declined' WHERE key = {payment}",
    "invoice_numbers": "UPDATE billd.customers SET invoice_count = invoice_count + 1",
    "credit_note_numbers": "UPDATE billd.customers SET credit_note_count = credit_note_count + 1",
    "credit_entry_numbers": "UPDATE billd.customers SET credit_count = credit_count + 1",
    "invoice_series": "UPDATE billd.number_series SET invoice_count = invoice_count + 1",
    "credit_note_series": "UPDATE billd.number_series SET credit_note_count = credit_note_count + 1",
    "redemptions": "UPDATE billd.coupons SET redemptions = redemptions + 1",
    "items_billed": "UPDATE billd.items SET amount = amount + 1 WHERE status = 'billed'",
    "items_pending": "UPDATE billd.customers SET items_pending = items_pending + 1",
    "owners": "UPDATE billd.invoices SET subscription_id = gen_random_uuid() WHERE id = {open}",
    "standing": "UPDATE billd.subscriptions SET latest_invoice_id = {paid}",
    "billing_runs": "UPDATE billd.invoices SET billing_run_id = {payment} WHERE id = {open}",
    "events": "DELETE FROM billd.outbox WHERE type = 'billd.invoice.paid.v1'",
}


@pytest.mark.parametrize("rule", BREACHES)
def test_a_breach_is_found(stack, books, rule):
    assert books.run(BREACHES[rule]) == 1
    output = reconcile(stack, books, expect=1)
    assert rule in differing(output), output
    assert f"    {books.organisation_id}  " in output


def test_past_due_without_a_cause_is_found(stack, books):
    """No payment failed; or one did, and nothing is owed any more."""
    assert books.run("UPDATE billd.subscriptions SET status = 'past_due'") == 1
    assert differing(reconcile(stack, books, expect=1)) == {"standing"}
    books.insert(
        "billd.payments", id=books.id("declined"), invoice_id=books.id("open"), kind="payment", status="failed",
        payment_method="sim_declined", amount=3000, amount_refunded=0, failure_code="card_declined", settled_at=NOW,
        accepted_ms=NOW_MS, operation_id=books.id("pay"),
    )  # fmt: skip
    assert "standing" not in differing(reconcile(stack, books, expect=1))
    assert books.run("UPDATE billd.invoices SET status = 'uncollectible', uncollectible_at = now() WHERE id = {open}")
    assert "standing" in differing(reconcile(stack, books, expect=1))


def test_a_refund_that_failed_and_was_not_undone_is_found(stack, books):
    assert books.run("UPDATE billd.payments SET status = 'failed' WHERE id = {refund}") == 1
    assert differing(reconcile(stack, books, expect=1)) >= {"invoice_notes", "payment_refunds"}


@pytest.mark.parametrize(("table", "document", "rule"), [
    ("invoices", "paid", "invoice_notes"),
    ("payments", "payment", "payment_refunds"),
])  # fmt: skip
def test_a_refund_that_was_undone_and_did_not_fail_is_found(stack, books, table, document, rule):
    assert books.run(f"UPDATE billd.{table} SET amount_refunded = 0 WHERE id = {{{document}}}") == 1
    assert differing(reconcile(stack, books, expect=1)) == {rule}


def test_each_rule_is_shown_a_breach(stack, books):
    """Of the two that are left, one the database refuses by itself, and one is below."""
    rules = {line.split()[1] for line in reconcile(stack, books, expect=0).splitlines() if line.startswith("agrees")}
    assert rules == set(BREACHES) | {"entries_balance"}
    with pytest.raises(psycopg.errors.CheckViolation, match="journal_balanced"):
        books.run("UPDATE billd.journal SET cash = cash + 1")


def test_money_that_the_provider_alone_knows_of(stack, books):
    """Nobody can say whose it is: only a comparison of everything finds it."""
    stray = books.id("stray")
    books.connection.execute(
        "INSERT INTO simulated_provider.transfers (key, reference, kind, method, amount, currency, outcome) "
        "VALUES (%s, 'nobody', 'payment', 'sim_ok', 5, 'USD', 'succeeded')",
        [stray],
    )
    assert "provider_transfers" not in reconcile(stack, books, expect=0)
    output = stack.billd("reconcile", expect=1)
    assert "provider_transfers" in differing(output)
    assert f"transfer {stray}: payment of 5 USD is no payment of ours" in output


def test_who_reads_meanwhile_is_in_nobodys_way(stack, books):
    """A backup holds its locks for as long as it takes."""
    books.run(BREACHES["redemptions"])
    with stack.connect() as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT 1 FROM identity.organisations")
        assert f"    {books.organisation_id}  coupon" in stack.billd("reconcile", expect=1)
        assert books.organisation_id in stack.billd("journal", "trial-balance")
        assert books.organisation_id in stack.billd("organisation", "list")


def test_every_organisation_is_shown_to_the_operator_alone(stack, org):
    shown = {}
    for role in ("owner", "api", "worker"):
        with stack.connect(role) as connection:
            before = connection.execute("SELECT id FROM identity.organisations").fetchall()
            connection.execute("SELECT set_config('billd.every', 'on', false)")
            shown[role] = [before, connection.execute("SELECT id::text FROM identity.organisations").fetchall()]
    assert (org.organisation_id,) in shown["owner"].pop()
    assert shown == {"owner": [[]], "api": [[], []], "worker": [[], []]}


def metrics_of(path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return {name: int(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_metrics(stack, books, tmp_path):
    path = tmp_path / "billd.prom"
    reconcile(stack, books, "--metrics", str(path), expect=0)
    metrics = metrics_of(path)
    assert metrics.pop("billd_reconcile_timestamp_seconds") > NOW_MS / 1000 - 366 * 86400
    assert set(metrics.values()) == {0}
    books.run(BREACHES["redemptions"])
    reconcile(stack, books, "--metrics", str(path), expect=1)
    assert metrics_of(path)['billd_reconcile_differences{rule="redemptions"}'] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["billd.prom"]
    only_whole = 'billd_reconcile_differences{rule="provider_transfers"}'
    assert only_whole not in metrics_of(path)
    stack.billd("reconcile", "--metrics", str(path), expect=1)
    assert only_whole in metrics_of(path)


def test_what_cannot_be_done_is_no_difference(stack, books, tmp_path):
    assert "--organisation" in stack.billd("reconcile", "--organisation", "nobody", expect=2)
    assert "there is no organisation" in stack.billd("reconcile", "--organisation", str(uuid.uuid4()), expect=2)
    assert "no-such-folder" in reconcile(stack, books, "--metrics", str(tmp_path / "no-such-folder/x"), expect=2)
    away = {"BILLD_DATABASE_URL": "postgresql://billd_owner@127.0.0.1:1/billd"}
    assert "could not reconcile" in stack.billd("reconcile", expect=2, **away)


def balances(output):
    """{account: (debit, credit)}"""
    rows = [line.split() for line in output.splitlines()[1:]]
    return {row[2]: row[3:] for row in rows}


def test_trial_balance(stack, books):
    output = stack.billd("journal", "trial-balance", "--organisation", books.organisation_id)
    assert balances(output) == {
        "receivable": ["3000"],
        "cash": ["5600"],
        "customer_credit": ["800"],
        "deferred_revenue": ["7000"],
        "revenue": ["800"],
        "tax_payable": ["1000"],
        "refunds_payable": [],
        "bad_debt": [],
        "credits_granted": ["1000"],
        "total": ["9600", "9600"],
    }
    before = ("--as-of", "2026-05-31T23:59:59Z")
    assert balances(stack.billd("journal", "trial-balance", "--organisation", books.organisation_id, *before)) == {}
    assert books.organisation_id in stack.billd("journal", "trial-balance")


def test_a_trial_balance_that_cannot_be_made(stack):
    assert "--as-of" in stack.billd("journal", "trial-balance", "--as-of", "yesterday", expect=2)
    assert "see billd --help" in stack.billd("journal", expect=2)
