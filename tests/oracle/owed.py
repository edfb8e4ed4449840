"""From a step of a life to what is owed of it: its bill assessed, its discounts and deferral moved on."""

from dataclasses import dataclass, replace

import assessment
import books


@dataclass(frozen=True)
class Owed:
    step: object  # lives.Step; its life has the discounts and the deferral behind it
    assessed: assessment.Assessed | None  # None: nothing is issued
    by_time: int  # earned since the step before
    earnings: books.Earnings


def owe(setup, before, step, items=()):
    """What the worker makes of a step. `before`: the life, None for a new one."""
    life, assessed, earnings = step.after, None, books.Earnings()
    if step.reason is not None:
        assessed = assessment.assess(setup, step.lines, step.turns, step.period, life.discounts, life.rates, items)
        earnings = books.earnings(assessed, step.turns and life.status not in books.FINAL)
        life = replace(life, discounts=assessed.discounts_after)
    elif step.turns:
        life = replace(life, discounts=tuple(map(assessment.lapsed, life.discounts)))
    by_time, deferral, earnings = books.step(before, life, step.event, step.at, earnings, step.turns)
    return Owed(replace(step, after=replace(life, deferral=deferral)), assessed, by_time, earnings)
