"""A subscription's life on a test clock: starts, trials, anchors, pauses, ends, and what each command may do when."""

import pytest
from billing import Clock, Life, charge, credits_of, plan_of

APRIL, MAY, JUNE, JULY = (f"2026-0{month}-01T00:00:00Z" for month in range(4, 8))
MONTHLY = {"amount": 3000}  # April has 30 days: 100 a day
USAGE = {"charges": [charge("flat", "base", "advance", amount=3000), charge("per_unit", unit_amount="1")]}


@pytest.fixture(scope="module")
def org(stack):
    """One organisation for all; each test has a clock of its own."""
    return stack.organisation()


def reasons(life):
    return [invoice["reason"].removeprefix("subscription_") for invoice in life.invoices()]


def kinds(org, life):
    """What events tell of a subscription."""
    told = [event for event in org.events() if event["subject"] == life.id]
    return [event["type"].removeprefix("billd.subscription.").removesuffix(".v1") for event in told]


# Starts


def test_one_that_starts_later_waits(org):
    """Scheduled, without an invoice, until its moment; then active, with the first period billed."""
    life = Life(org, APRIL, MONTHLY, start_at="2026-04-16T09:30:00Z")
    before = life.now()
    assert (before["status"], before["started_at"]) == ("scheduled", "2026-04-16T09:30:00Z")
    assert life.to("2026-04-16T09:29:59Z").billed() == [] and life.now()["status"] == "scheduled"
    assert life.to("2026-04-16T09:30:00Z").billed() == [("2026-04-16T09:30:00Z", [3000])]
    after = life.now()
    assert (after["status"], after["current_period_end"]) == ("active", "2026-05-16T09:30:00Z")
    assert reasons(life) == ["cycle"] and kinds(org, life) == ["created", "started"]


def test_a_scheduled_one_counts_as_live_and_may_be_canceled(org):
    """No second one beside it; canceled at once, whenever it is asked for, and never billed."""
    life = Life(org, APRIL, MONTHLY, start_at=MAY)
    second = {"customer_id": life.customer_id, "plan_id": life.plan_id}
    org.fail("subscription-live-exists", "POST", "/v1/subscriptions", second)
    life.do("cancel", effective="period_end")
    assert (life.now()["status"], life.now()["ended_at"]) == ("canceled", APRIL)
    assert life.to(JUNE).billed() == []


def test_one_that_began_earlier_is_billed_as_if_it_had_been_created_then(org):
    """Each period that has begun since has its invoice, dated when it began."""
    life = Life(org, JULY, MONTHLY, start_at="2026-04-15T00:00:00Z")
    life.to("2026-07-01T00:00:01Z")
    wanted = [("2026-04-15T00:00:00Z", [3000]), ("2026-05-15T00:00:00Z", [3000]), ("2026-06-15T00:00:00Z", [3000])]
    assert life.billed() == wanted and reasons(life) == ["create", "cycle", "cycle"]


def test_a_start_may_lie_a_year_back(org):
    """start-too-early beyond that."""
    clock = Clock(org, MAY)
    wish = {"customer_id": clock.customer(), "plan_id": plan_of(org, amount=1, interval="year")}
    org.fail("start-too-early", "POST", "/v1/subscriptions", wish | {"start_at": "2025-04-29T23:59:59Z"})
    org.succeed("POST", "/v1/subscriptions", wish | {"start_at": "2025-04-30T00:00:00Z"})


# Trials


def test_a_trial_is_free_and_its_end_is_the_anchor(org):
    """Trialing without an invoice; active with the first one when it ends, and periods run from there."""
    life = Life(org, "2026-01-17T12:00:00Z", MONTHLY | {"trial_days": 14})
    trial = life.now()
    assert (trial["status"], trial["trial_start"], trial["trial_end"]) == (
        "trialing", "2026-01-17T12:00:00Z", "2026-01-31T12:00:00Z",
    )  # fmt: skip
    assert trial["current_period_end"] == trial["trial_end"] and life.billed() == []
    life.to("2026-03-31T12:00:00Z")
    assert [at for at, _ in life.billed()] == ["2026-01-31T12:00:00Z", "2026-02-28T12:00:00Z", "2026-03-31T12:00:00Z"]
    assert life.now()["anchor_at"] == "2026-01-31T12:00:00Z" and reasons(life) == ["cycle"] * 3
    assert kinds(org, life) == ["created", "trial_ended", "renewed", "renewed"]


def test_a_subscriptions_own_trial_days_win(org):
    """None where the plan has some, and some where it has none."""
    clock = Clock(org, APRIL)
    none = Life(org, APRIL, MONTHLY | {"trial_days": 14}, clock=clock, trial_days=0)
    some = Life(org, APRIL, MONTHLY, clock=clock, trial_days=3)
    assert (none.now()["status"], none.now()["trial_end"]) == ("active", None)
    assert (some.now()["status"], some.now()["trial_end"]) == ("trialing", "2026-04-04T00:00:00Z")


def test_a_trial_keeps_the_local_time_of_day(org):
    """Across the change of clocks it is an hour shorter."""
    life = Life(org, "2026-03-07T15:00:00Z", MONTHLY, {"timezone": "America/New_York"}, trial_days=7)
    assert life.now()["trial_end"] == "2026-03-14T14:00:00Z"


def test_a_trial_that_is_canceled_bills_nothing(org):
    """At once, or when it ends."""
    clock = Clock(org, APRIL)
    now, later = (Life(org, APRIL, MONTHLY, clock=clock, trial_days=14) for _ in range(2))
    now.do("cancel")
    later.do("cancel", effective="period_end")
    assert (now.now()["status"], later.now()["status"]) == ("canceled", "trialing")
    clock.advance(JULY)
    assert (later.now()["status"], later.now()["ended_at"]) == ("canceled", "2026-04-15T00:00:00Z")
    assert now.billed() == later.billed() == []


def test_a_change_during_a_trial_costs_nothing(org):
    """The new plan is what the trial's end bills."""
    life = Life(org, APRIL, MONTHLY, trial_days=14)
    life.do("change", plan_id=plan_of(org, amount=5000)).to("2026-04-15T00:00:00Z")
    assert life.billed() == [("2026-04-15T00:00:00Z", [5000])]


# Anchors: interval, count, anchor, start, and the ends of the first periods
ANCHORS = {
    "a month, by the calendar": ("month", 1, "calendar", "2026-04-10T08:00:00Z", ["2026-05-01", "2026-06-01"]),
    "a quarter, by the calendar": ("month", 3, "calendar", "2026-05-20T00:00:00Z", ["2026-07-01", "2026-10-01"]),
    "half a year, by the calendar": ("month", 6, "calendar", "2026-05-20T00:00:00Z", ["2026-07-01", "2027-01-01"]),
    "a year, by the calendar": ("year", 1, "calendar", "2026-05-20T00:00:00Z", ["2027-01-01", "2028-01-01"]),
    "a week, by the calendar": ("week", 1, "calendar", "2026-04-08T10:00:00Z", ["2026-04-13", "2026-04-20"]),
    "a day, by the calendar": ("day", 1, "calendar", "2026-04-08T10:00:00Z", ["2026-04-09", "2026-04-10"]),
    "the 31st": ("month", 1, "31", "2026-01-31T00:00:00Z", ["2026-02-28", "2026-03-31", "2026-04-30"]),
    "the 31st, from February": ("month", 1, "31", "2026-02-10T00:00:00Z", ["2026-02-28", "2026-03-31", "2026-04-30"]),
    "the 15th, from the 20th": ("month", 1, "15", "2026-04-20T00:00:00Z", ["2026-05-15", "2026-06-15"]),
    "the 1st": ("month", 1, "1", "2026-04-20T00:00:00Z", ["2026-05-01", "2026-06-01"]),
}


@pytest.mark.parametrize("name", ANCHORS)
def test_anchors_lay_the_boundaries(org, name):
    """The first period is a part of its natural one, and prorated by it; the ones behind it are whole."""
    interval, count, anchor, start, ends = ANCHORS[name]
    life = Life(org, start, {"interval": interval, "interval_count": count, "amount": 1_000_000}, anchor=anchor)
    ends = [f"{day}T00:00:00Z" for day in ends]
    assert (life.now()["current_period_start"], life.now()["current_period_end"]) == (start, ends[0])
    life.to(ends[-1])
    found = life.invoices()
    assert [one["period_end"] for one in found[:-1]] == ends
    assert [one["period_start"] for one in found] == [start, *ends]
    assert [one["total"] for one in found[1:]] == [1_000_000] * len(ends)
    partial = found[0]["lines"][0]["explanation"].get("fraction")
    if name != "the 31st":
        assert 0 < found[0]["total"] < 1_000_000 and partial["part"] < partial["whole"]
    else:
        assert found[0]["total"] == 1_000_000 and partial is None


@pytest.mark.parametrize("interval", ["day", "week"])
def test_a_day_of_the_month_anchors_months_and_years_only(org, interval):
    """anchor-not-possible."""
    wish = {"customer_id": org.customer(), "plan_id": plan_of(org, amount=1, interval=interval), "anchor": "15"}
    org.fail("anchor-not-possible", "POST", "/v1/subscriptions", wish)


@pytest.mark.parametrize("anchor", ["0", "32", "01", "-1", "monday", "", "1.5"])
def test_an_anchor_out_of_form_is_refused_at_once(org, anchor):
    """422 invalid-body."""
    wish = {"customer_id": org.customer(), "plan_id": plan_of(org, amount=1), "anchor": anchor}
    org.refused(422, "invalid-body", "POST", "/v1/subscriptions", wish, pointers=["/anchor"])


# Ends


def test_one_with_an_end_expires_there(org):
    """Its last period ends there and is prorated; arrears are billed at the end, and nothing afterwards."""
    life = Life(org, APRIL, USAGE, end_at="2026-05-16T12:00:00Z")
    life.to(MAY).report("7").to("2026-05-16T12:00:00Z")
    last = life.now()
    assert (last["status"], last["ended_at"]) == ("expired", "2026-05-16T12:00:00Z")
    assert life.billed() == [(APRIL, [3000]), (MAY, [1500]), ("2026-05-16T12:00:00Z", [7])]
    assert reasons(life) == ["create", "cycle", "end"]
    assert life.to(JULY).billed()[3:] == []
    life.refused("subscription-final", "cancel")


def test_an_end_must_lie_behind_the_start_and_the_trial(org):
    """end-too-early."""
    clock = Clock(org, APRIL)
    wish = {"customer_id": clock.customer(), "plan_id": plan_of(org, **MONTHLY)}
    for more in (
        {"end_at": APRIL},
        {"end_at": "2026-03-01T00:00:00Z", "start_at": "2026-02-01T00:00:00Z"},
        {"end_at": MAY, "start_at": MAY},
        {"end_at": "2026-04-10T00:00:00Z", "trial_days": 9},
    ):
        org.fail("end-too-early", "POST", "/v1/subscriptions", wish | more)
    org.succeed("POST", "/v1/subscriptions", wish | {"end_at": "2026-04-10T00:00:01Z", "trial_days": 9})


def test_cancel_now_bills_arrears_and_credits_only_when_asked(org):
    """Ten days into April: what was used is billed; 20 of 30 days come back with credit_unused, and not without."""
    clock = Clock(org, APRIL)
    kept, given = (Life(org, APRIL, USAGE, clock=clock) for _ in range(2))
    clock.advance("2026-04-11T00:00:00Z")
    for life in (kept, given):
        life.report("50")
    kept.do("cancel")
    given.do("cancel", credit_unused=True)
    assert kept.billed() == [(APRIL, [3000]), ("2026-04-11T00:00:00Z", [50])] and reasons(kept)[1] == "cancel"
    assert kept.customer()["credit_balance"] == 0
    # 50 - 2000: nothing is invoiced, the rest goes to the balance, with its lines.
    assert given.billed() == [(APRIL, [3000])]
    assert given.customer()["credit_balance"] == 1950
    (entry,) = credits_of(org, given.customer_id)
    assert sorted(line["amount"] for line in entry["lines"]) == [-2000, 50]
    assert (entry["reason"], entry["subscription_id"]) == ("proration", given.id)


def test_cancel_at_the_periods_end_can_be_taken_back(org):
    """Until then; it goes on as if nothing had been, and without it ends there, with its arrears billed."""
    life = Life(org, APRIL, USAGE)
    life.do("cancel", effective="period_end")
    assert life.now()["cancel_at_period_end"] and life.now()["canceled_at"] == APRIL
    life.do("uncancel")
    assert (life.now()["cancel_at_period_end"], life.now()["canceled_at"]) == (False, None)
    life.to(MAY).do("cancel", effective="period_end").report("9").to(JUNE)
    assert (life.now()["status"], life.now()["ended_at"]) == ("canceled", JUNE)
    assert life.billed() == [(APRIL, [3000]), (MAY, [3000]), (JUNE, [9])] and reasons(life)[2] == "cancel"
    assert kinds(org, life) == ["created", "updated", "updated", "renewed", "updated", "canceled"]
    life.refused("subscription-final", "uncancel")


def test_without_lines_there_is_no_final_invoice(org):
    """A cancellation at the period's end with nothing in arrears."""
    life = Life(org, APRIL, MONTHLY).do("cancel", effective="period_end").to(JULY)
    assert life.billed() == [(APRIL, [3000])]


# Pauses


def test_a_pause_keeps_what_was_left_of_the_period(org):
    """Twenty days are left on 11 April; resumed in June, they run to the 21st, and whole months follow."""
    life = Life(org, APRIL, MONTHLY).to("2026-04-11T00:00:00Z").do("pause")
    assert (life.now()["status"], life.now()["paused_at"]) == ("paused", "2026-04-11T00:00:00Z")
    assert life.to(JUNE).billed() == [(APRIL, [3000])]
    life.do("resume")
    after = life.now()
    assert (after["status"], after["paused_at"]) == ("active", None)
    # April moved by the 51 days of the pause.
    assert (after["current_period_start"], after["current_period_end"]) == (
        "2026-05-22T00:00:00Z", "2026-06-21T00:00:00Z",
    )  # fmt: skip
    life.to("2026-07-21T00:00:00Z")
    wanted = [(APRIL, [3000]), ("2026-06-21T00:00:00Z", [3000]), ("2026-07-21T00:00:00Z", [3000])]
    assert life.billed() == wanted and kinds(org, life) == ["created", "paused", "resumed", "renewed", "renewed"]


def test_a_pause_on_the_calendar_finds_back_to_it(org):
    """What was left runs to 21 June, and from there a part of June, as one that began then would pay."""
    life = Life(org, APRIL, MONTHLY, anchor="calendar").to("2026-04-11T00:00:00Z").do("pause").to(JUNE).do("resume")
    life.to(JULY)
    assert life.billed() == [(APRIL, [3000]), ("2026-06-21T00:00:00Z", [1000]), (JULY, [3000])]


def test_a_paused_one_may_end_by_itself(org):
    """Its end_at comes while it is paused: canceled, as the rules have no arrow from paused to expired."""
    life = Life(org, APRIL, MONTHLY, end_at="2026-06-15T00:00:00Z").do("pause").to(JULY)
    assert (life.now()["status"], life.now()["ended_at"]) == ("canceled", "2026-06-15T00:00:00Z")
    assert life.billed() == [(APRIL, [3000])]


def test_a_trial_that_was_paused_is_over_when_it_is_resumed(org):
    """Its first period begins then, and is billed."""
    life = Life(org, APRIL, MONTHLY, trial_days=14).to("2026-04-05T00:00:00Z").do("pause").to(JUNE)
    assert life.billed() == []
    life.do("resume")
    assert life.billed() == [(JUNE, [3000])] and life.now()["current_period_end"] == JULY


def test_a_paused_trial_that_was_to_be_canceled_ends_when_it_is_resumed(org):
    """As at the trial's end: canceled, for nothing. Taken back meanwhile, its first period begins."""
    life = Life(org, APRIL, MONTHLY, trial_days=14).do("cancel", effective="period_end").do("pause").to(JUNE)
    assert life.now()["status"] == "paused"
    life.do("resume")
    after = life.now()
    assert (after["status"], after["canceled_at"], after["ended_at"]) == ("canceled", APRIL, JUNE)
    assert life.to(JULY).billed() == [] and kinds(org, life) == ["created", "updated", "paused", "canceled"]
    life = Life(org, APRIL, MONTHLY, trial_days=14).do("cancel", effective="period_end").do("pause").to(JUNE)
    assert life.do("uncancel").do("resume").billed() == [(JUNE, [3000])]


def test_a_pause_over_a_short_month_leaves_the_anchor_on_the_31st(org):
    """An hour in February moves its last day's boundary by an hour, and none of them to the 28th."""
    life = Life(org, "2026-01-31T10:00:00Z", MONTHLY).to("2026-02-10T00:00:00Z").do("pause")
    life.to("2026-02-10T01:00:00Z").do("resume").to(JUNE)
    begins = [at for at, _ in life.billed()[1:]]
    assert begins == [f"2026-{day}T11:00:00Z" for day in ("02-28", "03-31", "04-30", "05-31")]


# Every state and every command: what becomes of it, or the refusal

STATES = {
    "scheduled": ({"start_at": MAY}, []),
    "trialing": ({"trial_days": 14}, []),
    "active": ({}, []),
    "paused": ({}, [("pause", {})]),
    "canceled": ({}, [("cancel", {})]),
    "expired": ({"start_at": "2026-02-01T00:00:00Z", "end_at": "2026-04-01T00:00:01Z"}, []),
}
COMMANDS = {
    "change now": ("change", {"quantity": 2}),
    "change later": ("change", {"quantity": 2, "effective": "period_end"}),
    "cancel now": ("cancel", {}),
    "cancel later": ("cancel", {"effective": "period_end"}),
    "uncancel": ("uncancel", {}),
    "pause": ("pause", {}),
    "resume": ("resume", {}),
    "report": ("quantities", {"charge_code": "use", "quantity": "1"}),
}
FINAL, STATE, NOT_CANCELING, NOT_OPEN = "subscription-final", "subscription-state", "not-canceling", "period-not-open"
#             change now   later        cancel now  later        uncancel       pause     resume    report
OUTCOMES = {
    "scheduled": ["scheduled", "scheduled", "canceled", "canceled", NOT_CANCELING, STATE, STATE, NOT_OPEN],
    "trialing": ["trialing", "trialing", "canceled", "trialing", NOT_CANCELING, "paused", STATE, NOT_OPEN],
    "active": ["active", "active", "canceled", "active", NOT_CANCELING, "paused", STATE, "active"],
    "paused": [STATE, "paused", "canceled", "canceled", NOT_CANCELING, STATE, "active", NOT_OPEN],
    "canceled": [FINAL] * 8,
    "expired": [FINAL] * 8,
}


def test_every_command_in_every_state(org):
    """The table of states and commands: where it succeeds the state afterwards, else the refusal and no change."""
    clock, plan_id = Clock(org, APRIL), plan_of(org, **USAGE)
    lives = {
        (state, command): Life(org, APRIL, plan_id, clock=clock, **STATES[state][0])
        for state in STATES for command in COMMANDS
    }  # fmt: skip
    clock.advance("2026-04-01T00:00:01Z")
    wrong = []
    for (state, command), life in lives.items():
        for verb, body in STATES[state][1]:
            life.do(verb, **body)
        before = life.now()
        assert before["status"] == state, (state, before)
        verb, body = COMMANDS[command]
        operation = org.outcome(org.send("POST", f"{life.path}/{verb}", body or None)["operation_id"])
        after, wanted = life.now(), OUTCOMES[state][list(COMMANDS).index(command)]
        if operation["status"] == "failed":
            found = operation["error"]["type"].rsplit("/", 1)[-1]
            assert after == before, (state, command)
        else:
            found = after["status"]
        if found != wanted:
            wrong.append((state, command, wanted, found))
    assert wrong == []


# Refusals


def test_a_change_that_changes_nothing_is_refused(org):
    """nothing-to-change, when neither plan nor quantity is named."""
    life = Life(org, APRIL, MONTHLY)
    life.refused("nothing-to-change", "change", effective="period_end")
    life.refused("nothing-to-change", "change")


def test_a_change_to_what_cannot_be_is_refused(org):
    """An archived plan, one in another currency, an unknown one."""
    life = Life(org, APRIL, MONTHLY)
    archived = plan_of(org, amount=1)
    org.succeed("DELETE", f"/v1/plans/{archived}")
    life.refused("plan-archived", "change", plan_id=archived)
    life.refused("currency-mismatch", "change", plan_id=plan_of(org, amount=1, currency="EUR"))
    life.refused("plan-not-found", "change", plan_id=life.customer_id)


def test_a_date_beyond_the_calendar_is_refused(org):
    """time-out-of-range for a period that reaches beyond 2199."""
    clock = Clock(org, "2199-06-01T00:00:00Z")
    wish = {"customer_id": clock.customer(), "plan_id": plan_of(org, amount=1, interval="year")}
    org.fail("time-out-of-range", "POST", "/v1/subscriptions", wish)


@pytest.mark.parametrize("verb", ["change", "cancel", "uncancel", "pause", "resume", "quantities"])
def test_a_command_for_an_unknown_subscription_fails(org, verb):
    """subscription-not-found."""
    bodies = {"change": {"quantity": 1}, "quantities": {"charge_code": "use", "quantity": "1"}}
    path = f"/v1/subscriptions/0198a0d2-0000-8000-8000-000000000001/{verb}"
    org.fail("subscription-not-found", "POST", path, bodies.get(verb))


def test_archiving_a_customer_ends_what_it_has(org):
    """Canceled at once, and nothing falls due any more."""
    life = Life(org, APRIL, MONTHLY)
    org.succeed("DELETE", f"/v1/customers/{life.customer_id}")
    assert life.now()["status"] == "canceled"
    assert life.to(JULY).billed() == [(APRIL, [3000])]


def test_many_subscriptions_where_the_organisation_lets_it(stack):
    """subscriptions_per_customer: one unless told; with many, invoices of all of them have one series of numbers."""
    org = stack.person().found(settings={"subscriptions_per_customer": "many"})
    clock = Clock(org, APRIL)
    customer_id, plan_id = clock.customer(), plan_of(org, **MONTHLY)
    ids = {org.subscription(customer_id, plan_id) for _ in range(3)}
    clock.advance(JUNE)
    found = org.invoices_of(customer_id)
    assert {invoice["subscription_id"] for invoice in found} == ids
    assert sorted(invoice["number"][-4:] for invoice in found) == [f"{number:04}" for number in range(1, 10)]
