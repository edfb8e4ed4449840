"""Boundaries of intervals and anchors, worked out by hand, and what meets them: trials, starts, ends, pauses, plans."""

import pytest
from billing import Clock, Life, charge, plan_of

APRIL, MAY, JUNE, JULY = (f"2026-0{month}-01T00:00:00Z" for month in range(4, 8))
ELEVENTH, TWENTIETH = "2026-04-11T00:00:00Z", "2026-04-20T00:00:00Z"
USAGE = {"charges": [charge("flat", "base", "advance", amount=3000), charge("per_unit", unit_amount="1")]}


@pytest.fixture(scope="module")
def org(stack):
    return stack.organisation()


def totals(life):
    return [(one["issued_at"][:10], one["total"]) for one in life.invoices()]


# Interval, count, anchor, start; the days on which periods begin, and the first one's share of its natural period, in
# days. Months align where they divide the year, otherwise on the first of the month in which it began.
ANCHORS = {
    "two months, by the calendar": ("month", 2, "calendar", "2026-04-20", ["2026-05-01", "2026-07-01"], (11, 61)),
    "three months, by the calendar": ("month", 3, "calendar", "2026-06-30", ["2026-07-01", "2026-10-01"], (1, 91)),
    "four months, by the calendar": ("month", 4, "calendar", "2026-04-20", ["2026-05-01", "2026-09-01"], (11, 120)),
    "five months, by the calendar": ("month", 5, "calendar", "2026-04-20", ["2026-09-01", "2027-02-01"], (134, 153)),
    "twelve months, by the calendar": ("month", 12, "calendar", "2027-12-01", ["2028-01-01", "2029-01-01"], (31, 365)),
    "two weeks, by the calendar": ("week", 2, "calendar", "2026-04-08", ["2026-04-20", "2026-05-04"], (12, 14)),
    "ten days, by the calendar": ("day", 10, "calendar", "2026-04-08", ["2026-04-18", "2026-04-28"], (10, 10)),
    "two years, by the calendar": ("year", 2, "calendar", "2027-12-31", ["2029-01-01", "2031-01-01"], (366 + 1, 731)),
    "a year from 29 February": ("year", 1, "start", "2028-02-29",
                                ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29", "2033-02-28"], (366, 366)),
    "a year on the 29th, from 29 February": ("year", 1, "29", "2028-02-29",
                                             ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"], (365, 365)),
    "a year on the 30th, from 29 February": ("year", 1, "30", "2028-02-29",
                                             ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"], (365, 365)),
    "a year on the 31st, from 28 February": ("year", 1, "31", "2028-02-28", ["2029-01-31", "2030-01-31"], (338, 366)),
    "two years on the 31st, from 29 February": ("year", 2, "31", "2028-02-29", ["2030-02-28", "2032-02-29"],
                                                (730, 730)),
    "a month on the 30th, from 29 February": ("month", 1, "30", "2028-02-29",
                                              ["2028-03-30", "2028-04-30", "2028-05-30"], (30, 30)),
    "a month on the 29th, over three Februaries": ("month", 12, "29", "2027-02-28", ["2028-02-29", "2029-02-28"],
                                                   (366, 366)),
    "two months on the 31st": ("month", 2, "31", "2026-02-20", ["2026-03-31", "2026-05-31", "2026-07-31"], (39, 59)),
}  # fmt: skip


@pytest.mark.parametrize("name", ANCHORS)
def test_boundaries_follow_from_the_anchor(org, name):
    """Days from a natural start that lies before; the first bill is the part's share, those behind it are whole."""
    interval, count, anchor, start, begin, (part, whole) = ANCHORS[name]
    life = Life(org, start + "T00:00:00Z", {"interval": interval, "interval_count": count, "amount": 1_000_000},
                anchor=anchor)  # fmt: skip
    life.to(begin[-1] + "T00:00:00Z")
    first = (1_000_000 * part * 2 + whole) // (2 * whole)
    assert totals(life) == [(start, first), *((day, 1_000_000) for day in begin)]


# Trials, starts and ends


def test_a_trials_end_inside_a_quarter_is_prorated(org):
    """Fourteen days from 10 May; then 24 May to 30 June, 38 of the quarter's 91 days, and whole quarters."""
    life = Life(org, "2026-05-10T00:00:00Z", {"interval_count": 3, "amount": 91_000}, anchor="calendar", trial_days=14)
    assert life.to("2026-10-01T00:00:00Z").billed() == [
        ("2026-05-24T00:00:00Z", [38_000]), (JULY, [91_000]), ("2026-10-01T00:00:00Z", [91_000]),
    ]  # fmt: skip


def test_a_trial_that_ends_on_the_boundary_leaves_no_part(org):
    life = Life(org, "2026-04-17T00:00:00Z", {"amount": 3000}, anchor="calendar", trial_days=14)
    assert life.to(JUNE).billed() == [(MAY, [3000]), (JUNE, [3000])]


def test_a_later_start_with_a_trial_and_an_end(org):
    """Scheduled, trialing, active, expired: only the twelve days behind the trial are billed, with their usage."""
    life = Life(org, APRIL, USAGE, start_at=ELEVENTH, trial_days=9, end_at="2026-05-02T00:00:00Z")
    assert life.now()["status"] == "scheduled"
    life.refused("period-not-open", "quantities", charge_code="use", quantity="1")
    assert life.to(ELEVENTH).now()["status"] == "trialing"
    life.to(TWENTIETH).report("7")
    assert (life.now()["status"], life.now()["current_period_end"]) == ("active", "2026-05-02T00:00:00Z")
    life.to(JUNE)
    assert life.now()["status"] == "expired"
    assert life.billed() == [(TWENTIETH, [1200]), ("2026-05-02T00:00:00Z", [7])]


def test_a_trial_that_is_changed_and_then_ends_by_the_calendar(org):
    """To another interval: its natural period is the new one's."""
    life = Life(org, APRIL, {"amount": 3000}, anchor="calendar", trial_days=10)
    life.do("change", plan_id=plan_of(org, amount=91_000, interval_count=3)).to(JULY)
    assert life.billed() == [(ELEVENTH, [81_000]), (JULY, [91_000])]


# Pauses, over all that a period may have


def paused(org, plan, **wish):
    """Begun on 1 April, paused on the 11th until 1 June: what is left are twenty days, to 21 June."""
    return Life(org, APRIL, plan, **wish).to(ELEVENTH)


def test_quantities_live_through_a_pause(org):
    """What was reported before it is billed with what is reported after it, when the period ends."""
    life = paused(org, USAGE).report("30").do("pause").to(JUNE).do("resume")
    life.report("12", mode="add").to("2026-06-21T00:00:00Z")
    assert life.billed()[1:] == [("2026-06-21T00:00:00Z", [42, 3000])]


def test_quantities_of_a_paused_one_are_billed_when_it_is_canceled(org):
    """It was used up to its pause."""
    life = paused(org, USAGE).report("30").do("pause").to(JUNE).do("cancel")
    assert life.billed() == [(APRIL, [3000]), (JUNE, [30])]
    (line,) = life.invoices()[-1]["lines"]
    assert (line["period_start"], line["period_end"]) == (APRIL, ELEVENTH)


def test_an_end_cuts_what_a_pause_has_moved(org):
    """Resumed on 1 June with twenty days left, it ends on the 10th with what was used."""
    life = paused(org, USAGE, end_at="2026-06-10T00:00:00Z").report("30").do("pause").to(JUNE).do("resume")
    assert life.now()["current_period_end"] == "2026-06-10T00:00:00Z"
    life.report("1", mode="add").to(JULY)
    assert life.billed() == [(APRIL, [3000]), ("2026-06-10T00:00:00Z", [31])] and life.now()["status"] == "expired"


def test_a_pause_keeps_a_wish_to_cancel(org):
    """It is canceled when the period that the pause has moved ends."""
    life = paused(org, USAGE).do("cancel", effective="period_end").report("5").do("pause").to(JUNE).do("resume")
    assert life.now()["cancel_at_period_end"]
    life.to(JULY)
    assert (life.now()["status"], life.now()["ended_at"]) == ("canceled", "2026-06-21T00:00:00Z")
    assert life.billed() == [(APRIL, [3000]), ("2026-06-21T00:00:00Z", [5])]


def test_a_pause_keeps_a_change_to_another_interval(org):
    """The year begins where the period that was moved ends, and is anchored there."""
    life = paused(org, USAGE).report("5")
    life.do("change", plan_id=plan_of(org, amount=36_500, interval="year"), quantity=2, effective="period_end")
    life.do("pause").to(JUNE).do("resume").to("2027-06-21T00:00:00Z")
    assert life.billed()[1:] == [("2026-06-21T00:00:00Z", [5, 36_500]), ("2027-06-21T00:00:00Z", [36_500])]


def test_a_change_after_a_pause_counts_what_is_left(org):
    """Ten of the twenty days that were left, of a period of thirty."""
    life = paused(org, {"amount": 3000}).do("pause").to(JUNE).do("resume").to("2026-06-11T00:00:00Z")
    life.do("change", plan_id=plan_of(org, amount=6000))
    assert life.billed()[-1] == ("2026-06-11T00:00:00Z", [-1000, 2000])


def test_two_pauses_in_one_period_add_up(org):
    life = paused(org, USAGE).report("1").do("pause").to(MAY).do("resume").report("2", mode="add")
    assert life.now()["current_period_end"] == "2026-05-21T00:00:00Z"
    life.to("2026-05-11T00:00:00Z").do("pause").to(JUNE).do("resume")
    assert life.now()["current_period_end"] == "2026-06-11T00:00:00Z"
    assert life.to("2026-06-11T00:00:00Z").billed() == [(APRIL, [3000]), ("2026-06-11T00:00:00Z", [3, 3000])]


# Plans that change meanwhile


def test_a_pending_change_is_to_the_version_of_then(org):
    """Whatever becomes of the plan until the period ends: other prices, or archived."""
    clock = Clock(org, APRIL)
    target, archived = plan_of(org, amount=5000), plan_of(org, amount=7000)
    first, second = (Life(org, APRIL, {"amount": 1000}, clock=clock) for _ in range(2))
    first.do("change", plan_id=target, effective="period_end")
    second.do("change", plan_id=archived, effective="period_end")
    org.succeed("PATCH", f"/v1/plans/{target}", {"amount": 9999, "interval": "year"})
    org.succeed("DELETE", f"/v1/plans/{archived}")
    clock.advance(JUNE)
    assert first.billed() == [(APRIL, [1000]), (MAY, [5000]), (JUNE, [5000])]
    assert second.billed() == [(APRIL, [1000]), (MAY, [7000]), (JUNE, [7000])]


def test_who_is_on_an_archived_plan_stays_and_may_change(org):
    """Its quantity, and to another plan; not to the archived one's current version."""
    life = Life(org, APRIL, {"charges": [charge("per_unit", "seats", "advance", unit_amount="300")]})
    org.succeed("DELETE", f"/v1/plans/{life.plan_id}")
    life.to("2026-04-16T00:00:00Z").do("change", quantity=3)
    life.refused("plan-archived", "change", plan_id=life.plan_id, quantity=4)
    life.do("change", plan_id=plan_of(org, amount=400), effective="period_end")
    assert life.to(MAY).billed() == [(APRIL, [300]), ("2026-04-16T00:00:00Z", [-150, 450]), (MAY, [400])]


def test_a_pending_change_lives_on_when_its_plan_has_a_newer_version(org):
    """A change of the same plan at the period's end is to the newer one; what was pending before is replaced."""
    life, target = Life(org, APRIL, {"amount": 1000}), plan_of(org, amount=5000)
    life.do("change", plan_id=target, effective="period_end")
    org.succeed("PATCH", f"/v1/plans/{target}", {"amount": 6000})
    life.do("change", plan_id=target, effective="period_end")
    org.succeed("PATCH", f"/v1/plans/{target}", {"amount": 7000})
    assert life.to(MAY).billed()[-1] == (MAY, [6000])
    assert org.get(f"/v1/plans/{target}")["version"] == 3
