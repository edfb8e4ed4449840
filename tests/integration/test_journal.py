"""The journal: one entry for each document and movement, by document and by account; it always balances."""

import pytest
from billing import Life, charge, plan_of
from money import (
    APRIL,
    GHOST,
    JULY,
    JUNE,
    MAY,
    SIXTEENTH,
    all_entries,
    balances,
    billed,
    coupon_of,
    give,
    journal_of,
    note_of,
    one_off,
    path_of,
    pay,
    rate_of,
    settled,
)
from runs import Crowd, allow_many


@pytest.fixture
def org(stack):
    """An organisation with a journal of its own."""
    return stack.organisation()


def test_an_invoice_is_owed_earned_and_taxed(org):
    """In advance: deferred. In arrears, and an item: earned. Behind the discount; the tax is owed on."""
    plan = {"charges": [charge("flat", "base", "advance", amount=3000), charge("per_unit", unit_amount="2")]}
    code = coupon_of(org, percent_off="10", duration="forever")
    life = Life(org, APRIL, plan, tax_rate_ids=[rate_of(org, "20")], coupon_codes=[code])
    life.report("100")
    one_off(org, life.customer_id, 500)
    give(org, life.customer_id, 40)
    life.to(MAY)
    april, grant, *rest = journal_of(org)
    assert april == ("invoice", {"receivable": 3240, "deferred_revenue": -2700, "tax_payable": -540})
    assert grant == ("credit", {"customer_credit": -40, "credits_granted": 40})
    # 3000 + 200 + 500, less 370; the item has no tax
    assert sorted(rest) == [
        ("invoice", {"receivable": 3866, "customer_credit": 40, "deferred_revenue": -2700, "revenue": -630,
                     "tax_payable": -576}),
        ("revenue", {"deferred_revenue": 2700, "revenue": -2700}),
    ]  # fmt: skip


def test_time_earns_what_was_charged_in_advance(org):
    """With each step: half of it by the change in the middle, and the rest by the period's end."""
    life = Life(org, APRIL, {"amount": 3000}).to(SIXTEENTH)
    assert balances(org)["deferred_revenue"] == -3000
    life.do("change", plan_id=plan_of(org, amount=6000))
    assert balances(org) == {"receivable": 4500, "deferred_revenue": -3000, "revenue": -1500}
    life.to(MAY)
    assert balances(org) == {"receivable": 10_500, "deferred_revenue": -6000, "revenue": -4500}
    life.do("cancel")
    assert balances(org) == {"receivable": 10_500, "revenue": -10_500}


def test_a_pause_earns_nothing(org):
    """What was left goes on when it does."""
    life = Life(org, APRIL, {"amount": 3000}).to("2026-04-11T00:00:00Z").do("pause")
    assert balances(org) == {"receivable": 3000, "deferred_revenue": -2000, "revenue": -1000}
    life.to(JUNE).do("resume").to("2026-06-11T00:00:00Z").do("cancel", credit_unused=True)
    # ten days before, ten behind the pause; what the other ten cost is the customer's again
    assert balances(org) == {"receivable": 3000, "customer_credit": -1000, "revenue": -2000}


@pytest.mark.parametrize("end_at", [None, "2026-07-01T00:00:00Z"])
def test_what_is_voided_behind_a_pause_was_earned_as_far_as_it_went_on(org, end_at):
    """The invoice says where its period was before; what is left of it is deferred, and all of that comes out."""
    life = Life(org, APRIL, {"amount": 3000}, end_at=end_at).to("2026-04-11T00:00:00Z").do("pause")
    life.to("2026-06-16T00:00:00Z").do("resume").to("2026-06-21T00:00:00Z")
    (invoice,) = life.invoices()
    note_of(org, invoice, [300])
    # 15 of its 30 days are left; or 10, behind 5 that it will not have
    deferred, noted = (1500, 150) if end_at is None else (1000, 100)
    earned = 2700 - deferred + noted
    assert balances(org) == {"receivable": 2700, "deferred_revenue": noted - deferred, "revenue": -earned}
    org.succeed("POST", path_of(invoice, "void"))
    assert balances(org) == {}
    life.to(JULY).do("cancel") if end_at is None else life.to(JULY)
    assert balances(org) == {}


@pytest.mark.parametrize(("proration", "billed_now"), [("none", 36_500), ("prorate", 35_000)])
def test_another_interval_ends_the_old_period(org, proration, billed_now):
    """What is not given back of it is earned by then; what is corrected later was not deferred for the new one."""
    life = Life(org, APRIL, {"amount": 3000}).to(SIXTEENTH)
    life.do("change", plan_id=plan_of(org, amount=36_500, interval="year"), proration=proration)
    earned = 3000 + billed_now - 36_500
    assert balances(org) == {"receivable": 3000 + billed_now, "deferred_revenue": -36_500, "revenue": -earned}
    life.to("2026-04-26T00:00:00Z")
    note_of(org, life.invoices()[0])
    assert balances(org) == {"receivable": billed_now, "deferred_revenue": -35_500, "revenue": 3000 - earned - 1000}
    life.do("cancel")
    assert balances(org) == {"receivable": billed_now, "revenue": -billed_now}


def test_a_downgrade_gives_back_what_was_not_earned(org):
    life = Life(org, APRIL, {"amount": 3000}, tax_rate_ids=[rate_of(org, "10")]).to(SIXTEENTH)
    life.do("change", plan_id=plan_of(org, amount=1000))
    assert balances(org) == {"receivable": 3300, "customer_credit": -1100, "deferred_revenue": -500, "revenue": -1500,
                             "tax_payable": -200}  # fmt: skip


def test_money_comes_and_goes(org):
    """Paid, refunded, and what could not be collected."""
    _, invoice = billed(org, 1000)
    pay(org, invoice, amount=600)
    note_of(org, invoice, [700], refund=True)
    settled(org, invoice)
    kinds = [reason for reason, _ in journal_of(org)]
    assert sorted(kinds) == ["credit_note", "invoice", "payment", "refund"]
    sums = balances(org)
    assert sums["cash"] == 300 and "receivable" not in sums and "refunds_payable" not in sums
    assert sums["deferred_revenue"] == -300


def test_by_document_and_by_account(org):
    """Each filter alone, and both; an account that is none is refused."""
    life, invoice = billed(org, 1000)
    pay(org, invoice)
    life.to(MAY)
    assert [reason for reason, _ in journal_of(org, document_id=invoice["id"])] == ["invoice"]
    assert [reason for reason, _ in journal_of(org, account="cash")] == ["payment"]
    assert len(journal_of(org, account="receivable")) == 3
    both = {"document_id": invoice["id"], "account": "cash"}
    assert journal_of(org, **both) == [] and journal_of(org, document_id=GHOST) == []
    for params in ({"account": "petty_cash"}, {"document_id": "none"}):
        assert org.request("GET", "/v1/journal", params=params).status_code in (400, 422), params


def test_an_entry_names_its_document(org):
    life, invoice = billed(org, 1000)
    (entry,) = all_entries(org)
    names = ("reason", "document_type", "document_id", "customer_id", "test_clock_id", "currency", "booked_at")
    assert tuple(entry[name] for name in names) == (
        "invoice", "invoice", invoice["id"], life.customer_id, life.clock.id, "USD", APRIL,
    )  # fmt: skip
    payment_id = None
    pay(org, invoice)
    for found in all_entries(org):
        if found["reason"] == "payment":
            payment_id = found["document_id"]
    assert org.get(f"/v1/payments/{payment_id}")["invoice_id"] == invoice["id"]


def test_pages_are_all_of_it(org):
    """Two at a time, newest first, none twice."""
    life, _ = billed(org, 1000)
    life.to("2026-12-01T00:00:00Z")
    paged = [entry["id"] for page in org.pages("/v1/journal", 2) for entry in page]
    assert len(paged) == len(set(paged)) == 17 and paged[::-1] == [entry["id"] for entry in all_entries(org)]


def test_what_is_voided_among_many_is_deferred_no_longer(stack, wire, org):
    """Also of a subscription that falls due behind more others of its customer than a worker loads."""
    allow_many(stack, org)
    month, year = plan_of(org, amount=100), plan_of(org, amount=12_000, interval="year")
    crowd = Crowd(org, 1, 103, [month] * 102 + [year]).make(stack, wire)
    invoices = stack.rows("SELECT id::text FROM billd.invoices WHERE subscription_id = %s", [crowd.members[-1][1]],
                          organisation_id=org.organisation_id)  # fmt: skip
    ((invoice_id,),) = invoices
    org.succeed("POST", f"/v1/invoices/{invoice_id}/void")
    ((reason, issued), *_, (voided, back)) = journal_of(org, document_id=invoice_id)
    assert (reason, issued) == ("invoice", {"receivable": 12_000, "deferred_revenue": -12_000})
    assert voided == "invoice_void" and back["deferred_revenue"] > 11_990, back


@pytest.mark.parametrize("account", ["cash", "customer_credit", "refunds_payable", "bad_debt", "credits_granted"])
def test_an_account_that_seldom_moves_is_found_by_an_index(stack, org, account):
    """Whatever else the journal has: as journal_list in api/statements.c asks, with a plan for any account."""
    with stack.connect("owner", org.organisation_id) as connection:
        connection.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off")
        connection.execute(
            f"PREPARE page(uuid, text) AS SELECT json, position, id FROM api.journal WHERE $2 = '{account}' AND"
            f" {account} <> 0 AND organisation_id = $1 ORDER BY position DESC, id DESC LIMIT 20")  # fmt: skip
        plan = connection.execute(f"EXPLAIN EXECUTE page('{org.organisation_id}', '{account}')").fetchall()
    assert any(f"using journal_{account} on journal" in line for (line,) in plan), plan


def test_each_currency_balances_for_itself(org):
    for currency in ("USD", "JPY", "KWD"):
        plan_id = plan_of(org, amount=1234, currency=currency)
        Life(org, APRIL, plan_id, customer={"currency": currency}).to(SIXTEENTH).do("cancel", credit_unused=True)
    entries = all_entries(org)
    for currency in ("USD", "JPY", "KWD"):
        sums = {}
        for entry in entries:
            if entry["currency"] == currency:
                for posting in entry["postings"]:
                    sums[posting["account"]] = sums.get(posting["account"], 0) + posting["amount"]
        assert sums == {"receivable": 1234, "deferred_revenue": 0, "revenue": -617, "customer_credit": -617}, currency


def test_nobody_sees_anothers_journal(stack, org):
    _, invoice = billed(org, 1000)
    assert journal_of(stack.organisation(), document_id=invoice["id"]) == []


def test_it_is_only_ever_added_to(stack, org):
    """Neither program's role may change or delete an entry, and the database refuses one that does not balance."""
    billed(org, 1000)
    for statement in ("UPDATE billd.journal SET receivable = 0", "DELETE FROM billd.journal", "TRUNCATE billd.journal"):
        for role in ("worker", "api"):
            with pytest.raises(Exception, match="permission denied"):
                stack.rows(statement, role=role, organisation_id=org.organisation_id)
    columns = ("organisation_id, id, shard, customer_id, reason, document_type, document_id, currency, receivable,"
               " cash, customer_credit, deferred_revenue, revenue, tax_payable, refunds_payable, bad_debt,"
               " credits_granted, created_ms, booked_at")  # fmt: skip
    values = "%s, gen_random_uuid(), 0, gen_random_uuid(), 'invoice', 'invoice', gen_random_uuid(), 'USD', 5, 0, 0, 0,"
    with pytest.raises(Exception, match="journal_balanced"):
        stack.rows(f"INSERT INTO billd.journal ({columns}) VALUES ({values} -4, 0, 0, 0, 0, 0, now()) RETURNING id",
                   [org.organisation_id], role="worker", organisation_id=org.organisation_id)  # fmt: skip
