"""A subscription's life by billing-rules' text ("Periods", "Charges", "Subscriptions").

Written from the rules and from what lifecycle.h promises, never from its C. A life is never changed: each function
returns a step, with the life after it, or raises Refused.
"""

from dataclasses import dataclass, replace

import periods
import rules
from rules import Refused

BACKDATE_S = 366 * 86400
EARNED_AFTER_S = 32 * 86400  # inside a longer period, what was charged for it is earned in parts
FINAL = ("canceled", "expired")


@dataclass(frozen=True)
class Terms:
    """What every function needs: the zone, the organisation's setting, and what was reported for the period."""

    zone: object
    proration: str
    reported: dict


@dataclass(frozen=True)
class Life:
    status: str
    version: object
    quantity: int
    anchoring: str
    start: int  # when it starts or started
    anchor: periods.Anchor | None = None
    index: int = 0
    realigns: bool = False
    period: tuple = ()
    natural: tuple = ()
    trial: tuple | None = None
    in_trial: bool = False  # the current period is the trial's
    end_at: int | None = None
    cancels: bool = False  # at the period's end
    canceled_at: int | None = None
    ended_at: int | None = None
    paused_at: int | None = None
    pending: tuple | None = None  # (version, quantity)
    parked: str | None = None  # why what fell due was refused
    discounts: tuple = ()
    rates: tuple = ()  # numbers of tax rates
    deferral: object = None  # books.Deferral

    @property
    def due_at(self):
        if self.status in FINAL or self.parked:
            return None
        if self.status == "scheduled":
            return self.start
        if self.status == "paused":
            return self.end_at
        if self.deferral is not None and self.deferral.amount:
            return min(self.deferral.begin + EARNED_AFTER_S, self.period[1])
        return self.period[1]


@dataclass(frozen=True)
class Step:
    event: str
    at: int
    after: Life
    lines: tuple = ()
    reason: str | None = None  # of the invoice; None: nothing is issued
    period: tuple = (0, 0)
    turns: bool = False  # a billed period begins, or the last one ends


# ---- What is billed.


def shares(terms, life, part):
    """What a part is of its natural period: for prices, and for maximums."""
    where = (terms.proration, terms.zone, life.natural, part)
    return periods.fraction(*where), periods.cap(*where)


def advance(terms, life, begin=None, **how):
    """The charges in advance, of the current period or of what is left of it."""
    part = (life.period[0] if begin is None else begin, life.period[1])
    return tuple(rules.bill(life.version, "advance", part, *shares(terms, life, part), quantity=life.quantity, **how))


def arrears(terms, life, end, **how):
    """The charges in arrears of the current period, up to then."""
    if life.in_trial or life.status == "scheduled":
        return ()
    part = shares(terms, life, (life.period[0], end))
    how |= {"reported": terms.reported, "used_only": end == life.period[0]}  # where no time has passed
    return tuple(rules.bill(life.version, "arrears", shown(life, end), *part, **how))


def shown(life, end):
    """What an invoice says that it is for, which is never an empty period."""
    return (life.period[0], end) if end > life.period[0] else life.natural


def issue(event, at, after, lines, reason, period, always=False, turns=True):
    rules.total(lines)
    if not lines and not always:
        return Step(event, at, after, turns=turns)
    return Step(event, at, after, lines, reason, period, turns)


# ---- Periods.


def cut(life, period):
    """A life that ends by itself has a last period that ends then."""
    return period[0], period[1] if life.end_at is None else min(period[1], life.end_at)


def first_period(terms, life, at, day=0):
    """Its first billed period begins."""
    anchor, natural = periods.place(terms.zone, life.anchoring, life.version.cadence, at, day)
    life = replace(life, anchor=anchor, index=0, natural=natural, realigns=False, in_trial=False)
    return replace(life, period=cut(life, (at, natural[1])))


def new_anchor(terms, life, at):
    """A full period begins, and those behind it follow from it."""
    return first_period(terms, replace(life, anchoring="start"), at)


def next_period(terms, life, at):
    if life.realigns:
        return first_period(terms, life, at)
    index = life.index + 1
    natural = periods.period(terms.zone, life.anchor, life.version.cadence, index)
    while natural[0] == natural[1]:
        index += 1
        natural = periods.period(terms.zone, life.anchor, life.version.cadence, index)
    life = replace(life, index=index, natural=natural)
    return replace(life, period=cut(life, (at, natural[1])))


def with_pending(life):
    if life.pending is None:
        return life
    version, quantity = life.pending
    return replace(life, version=version, quantity=quantity, pending=None)


def moves(life, version):
    return version.cadence != life.version.cadence


# ---- Beginning.


def create(terms, version, quantity, now, start=None, end_at=None, trial_days=None, anchoring="start"):
    start = now if start is None else start
    if start < now - BACKDATE_S:
        raise Refused("START_TOO_EARLY")
    refuse_anchor(anchoring, version)
    days = version.trial_days if trial_days is None else trial_days
    trial_end = start
    late = None
    try:
        trial_end = periods.plus_days(terms.zone, start, days)
    except Refused as refused:
        late = refused
    if end_at is not None and end_at <= max(now, start, trial_end):
        raise Refused("END_TOO_EARLY")
    if late:
        raise late
    trial = (start, trial_end) if days else None
    life = Life("active", version, quantity, anchoring, start, trial=trial, end_at=end_at)
    if start > now:
        return Step("created", now, scheduled(terms, life))
    if trial:
        return Step("created", start, in_trial(life))
    life = first_period(terms, life, start)
    return issue("created", start, life, advance(terms, life), "create", life.period, always=True)


def refuse_anchor(anchoring, version):
    if anchoring not in ("start", "calendar") and version.cadence.interval in ("day", "week"):
        raise Refused("ANCHOR_NOT_POSSIBLE")


def scheduled(terms, life):
    life = in_trial(life) if life.trial else first_period(terms, life, life.start)
    return replace(life, status="scheduled")


def in_trial(life):
    return replace(life, status="trialing", period=life.trial, natural=life.trial, in_trial=True)


# ---- What falls due.


def due(terms, life):
    at = life.due_at
    if life.status == "scheduled":
        if life.trial:
            return Step("started", at, in_trial(life))
        after = first_period(terms, replace(life, status="active"), at)
        return issue("started", at, after, advance(terms, after), "cycle", after.period, always=True)
    if life.status == "paused":
        return final(terms, life, at, "canceled", "cancel")
    if at < life.period[1]:
        return Step("earned", at, life)
    if life.cancels:
        return final(terms, life, at, "canceled", "cancel")
    if life.end_at == at:
        return final(terms, life, at, "expired", "end")
    return renewal(terms, life, at)


def renewal(terms, life, at):
    """A trial or a period ends, and the next begins."""
    lines = arrears(terms, life, at)
    after = with_pending(replace(life, status="active"))
    if life.in_trial:
        after = first_period(terms, after, at)
    elif moves(life, after.version):
        day = periods.day_behind(terms.zone, life.anchor, life.version.cadence, at, at)
        after = first_period(terms, after, at, day)
    else:
        after = next_period(terms, after, at)
    event = "trial_ended" if life.in_trial else "renewed"
    return issue(event, at, after, lines + advance(terms, after), "cycle", after.period, always=True)


def final(terms, life, at, status, reason, credit_unused=False):
    """It ends, now or when it was to; one that is paused stopped using anything when it was paused."""
    until = life.paused_at if life.status == "paused" else at
    if life.status != "scheduled":
        until = min(until, life.period[1])  # one that was parked has used up its period
    lines = arrears(terms, life, until, proration=until < life.period[1])
    if credit_unused and not life.in_trial and life.status != "scheduled":
        lines += advance(terms, life, until, credit=True, proration=True)
    if status == "canceled" and not life.cancels:
        life = replace(life, canceled_at=at)
    after = replace(life, status=status, ended_at=at, paused_at=None, pending=None)
    return issue(status, at, after, lines, reason, shown(life, until))


def park(life, refusal):
    """What fell due was refused: it stands there until somebody changes it."""
    return Step("parked", life.due_at, replace(life, parked=refusal))


# ---- Wishes.


def wished(life):
    """Any wish that is granted takes the note away that something could not be billed."""
    if life.status in FINAL:
        raise Refused("SUBSCRIPTION_FINAL")
    return replace(life, parked=None)


def change(terms, life, now, version, quantity, effective, prorate):
    parked, life = life.parked, wished(life)
    if version is None and quantity is None:
        raise Refused("NOTHING_TO_CHANGE")
    if effective == "now" and life.status == "paused":
        raise Refused("SUBSCRIPTION_STATE")
    if parked and life.status != "scheduled":
        effective = "period_end"  # it stands at its period's end
    version = life.version if version is None else version
    quantity = life.quantity if quantity is None else quantity
    new_anchor_now = effective == "now" and not life.in_trial and life.status != "scheduled" and moves(life, version)
    if not new_anchor_now:
        refuse_anchor(life.anchoring, version)
    if effective == "period_end":
        nothing = version.number == life.version.number and quantity == life.quantity
        return Step("updated", now, replace(life, pending=None if nothing else (version, quantity)))
    after = replace(life, version=version, quantity=quantity, pending=None)
    if after == replace(life, pending=None):
        return Step("updated", now, after)
    if life.status == "scheduled":
        return Step("changed", now, scheduled(terms, after))
    if life.in_trial:
        return Step("changed", now, after)
    return change_now(terms, life, after, now, prorate)


def change_now(terms, life, after, now, prorate):
    switches = after.version.number != life.version.number
    lines = arrears(terms, life, now, proration=True) if switches else ()
    if prorate:
        lines += advance(terms, life, now, credit=True, proration=True)
    if moves(life, after.version):
        after = new_anchor(terms, after, now)
        lines += advance(terms, after)
    else:
        if switches and any(charge.billing == "arrears" for charge in (*life.version.charges, *after.version.charges)):
            after = replace(after, period=(now, after.period[1]))
        if prorate:
            lines += advance(terms, after, now, proration=True)
    period = (now, after.period[1])
    return issue("changed", now, after, lines, "update", period, turns=moves(life, after.version))


def cancel(terms, life, now, effective, credit_unused):
    life = wished(life)
    if effective == "now" or life.status in ("scheduled", "paused"):
        life = replace(life, cancels=False)
        return final(terms, life, now, "canceled", "cancel", credit_unused)
    if life.cancels:
        return Step("updated", now, life)
    return Step("updated", now, replace(life, cancels=True, canceled_at=now))


def uncancel(life, now):
    life = wished(life)
    if not life.cancels:
        raise Refused("NOT_CANCELING")
    return Step("updated", now, replace(life, cancels=False, canceled_at=None))


def pause(life, now):
    life = wished(life)
    if life.status in ("scheduled", "paused"):
        raise Refused("SUBSCRIPTION_STATE")
    return Step("paused", now, replace(life, status="paused", paused_at=now))


def resume(terms, life, now):
    life = wished(life)
    if life.status != "paused":
        raise Refused("SUBSCRIPTION_STATE")
    if life.end_at is not None and now >= life.end_at:  # it was over while it was paused
        raise Refused("SUBSCRIPTION_STATE")
    if life.in_trial and life.cancels:  # the pause ended the trial, and with the trial it was to end
        return final(terms, life, now, "canceled", "cancel")
    after = replace(life, status="active", paused_at=None)
    if life.in_trial:
        after = first_period(terms, replace(with_pending(after), trial=(life.trial[0], life.paused_at)), now)
        return issue("resumed", now, after, advance(terms, after), "cycle", after.period, always=True)
    away = now - life.paused_at
    if not away:
        return Step("resumed", now, after)
    begin, end, *natural = (periods.in_range(moment + away) for moment in (*life.period, *life.natural))
    after = replace(after, period=cut(life, (begin, end)), natural=tuple(natural))
    if life.anchoring == "start":
        day = periods.day_behind(terms.zone, life.anchor, life.version.cadence, life.natural[1], natural[1])
        after = replace(after, anchor=periods.anchor_at(terms.zone, natural[1], day), index=-1)
    else:
        after = replace(after, realigns=True)
    return Step("resumed", now, after)
