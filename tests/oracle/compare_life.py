"""A random life through both sides, step by step: state, periods, every line of every bill, and what is owed of it."""

import contextlib
from dataclasses import replace
from fractions import Fraction

import assessment
import books
import bridge
import cases
import cases_money
import life as lives
import owed
import periods
import rules
from bridge import none_or, or_none
from compare import Difference
from rules import INT64_MAX, Refused

VERBS = ["create", "due", "change", "cancel", "uncancel", "pause", "resume", "park"]
EVENTS = ["created", "started", "trial_ended", "renewed", "changed", "updated", "paused", "resumed", "canceled",
          "expired", "parked", "earned"]  # fmt: skip
REASONS = [None, "create", "cycle", "update", "cancel", "end"]
KINDS = ["charge", "minimum", "maximum", "item"]
EXEMPT = ["none", "exempt", "reverse"]
EFFECTIVE = ["now", "period_end"]
YEAR = 31_556_952
STEPS_MAX = 24
ITEMS_MAX = 100
LIFE_SIZE = bridge.C.bridge_life_size()


def state_of(life):
    """What both sides say of a life; its anchor shows in the periods that follow."""
    trial = life.trial or (None, None)
    version, quantity = (life.pending[0].number, life.pending[1]) if life.pending else (0, None)
    return {
        "status": life.status,
        "version": life.version.number,
        "quantity": life.quantity,
        "anchoring": life.anchoring,
        "period": life.period,
        "natural": life.natural,
        "started_at": life.start,
        "trial": trial,
        "end_at": life.end_at,
        "cancel_at_period_end": life.cancels,
        "canceled_at": life.canceled_at,
        "ended_at": life.ended_at,
        "paused_at": life.paused_at,
        "pending": (version, quantity),
        "due_at": life.due_at,
        "parked": life.parked is not None,
    }


def state_from(words):
    status, version, quantity, anchor, *moments = words[:13]
    begin, end, natural_start, natural_end, started, trial_start, trial_end, end_at, cancels = moments
    canceled_at, ended_at, paused_at, pending, pending_quantity, due_at, parked, due_again = words[13:21]
    if due_again != due_at:
        raise Difference(f"due_at is {due_at}, and subscription_due_at says {due_again}")
    return {
        "status": bridge.STATES[status],
        "version": version,
        "quantity": quantity,
        "anchoring": {-1: "start", 0: "calendar"}.get(anchor, str(anchor)),
        "period": (begin, end),
        "natural": (natural_start, natural_end),
        "started_at": started,
        "trial": (none_or(trial_start), none_or(trial_end)),
        "end_at": none_or(end_at),
        "cancel_at_period_end": bool(cancels),
        "canceled_at": none_or(canceled_at),
        "ended_at": none_or(ended_at),
        "paused_at": none_or(paused_at),
        "pending": (pending, none_or(pending_quantity)),
        "due_at": none_or(due_at),
        "parked": bool(parked),
    }


class Reader:
    """Words that are read one after the other."""

    def __init__(self, words):
        self.words, self.at = words, 0

    def take(self, count):
        self.at += count
        return self.words[self.at - count : self.at]

    def one(self):
        return self.take(1)[0]


def carried_of(life):
    """What both sides say that a life carries from one bill to the next."""
    deferral = life.deferral
    return {
        "deferred": (deferral.amount, deferral.begin, deferral.end) if deferral.amount else 0,
        "discounts": [(one.left, one.covers, one.given, one.given_of if one.given else 0) for one in life.discounts],
    }


def carried_from(reader):
    deferred, begin, end, count = reader.take(4)
    discounts = []
    for _ in range(count):
        left, covers, given, part, whole = reader.take(5)
        discounts.append((none_or(left), bool(covers), given, Fraction(part, whole) if given else 0))
    return {"deferred": (deferred, begin, end) if deferred else 0, "discounts": discounts}


def bill_of(step, assessed):
    """What both sides say of a bill."""
    if assessed is None:
        return None
    return {
        "sums": (assessed.subtotal, assessed.discount, assessed.tax, assessed.included, assessed.total),
        "discounts": assessed.discounts,
        "taxes": assessed.taxes,
        "lines": [(one.line, one.shares, one.taxes, one.included) for one in assessed.lines],
    }


def bill_from(reader):
    sums = tuple(reader.take(5))
    discounts = reader.take(reader.one())
    taxes = [tuple(reader.take(3)) for _ in range(reader.one())]
    lines = []
    for _ in range(reader.one()):
        kind, credit, proration, *facts = reader.take(8)
        discount, *shares = reader.take(1 + len(discounts))
        tax, included, count = reader.take(3)
        line_taxes = [tuple(reader.take(2)) for _ in range(count)]
        if discount != sum(shares) or tax != sum(amount for _, amount in line_taxes):
            raise Difference(f"a line has other sums than its shares: {discount} of {shares}, {tax} of {line_taxes}")
        lines.append((rules.Line(KINDS[kind], bool(credit), bool(proration), *facts), shares, line_taxes, included))
    return {"sums": sums, "discounts": discounts, "taxes": taxes, "lines": lines}


def setup_words(setup):
    words = [EXEMPT.index(setup.exempt), *bridge.list_words(setup.customer), *bridge.list_words(setup.organisation)]
    words.append(len(setup.rates))
    for rate in setup.rates:
        words += [rate.number, *bridge.decimal_words(rate.percentage), int(rate.inclusive)]
    return words


def discount_words(discounts):
    words = [len(discounts)]
    for one in discounts:
        words += [one.coupon, *bridge.decimal_words(one.percent), or_none(one.amount), *bridge.list_words(one.plans)]
        words.append(or_none(one.left))
    return words


def keeps_day(before, after):
    """Whether a new anchor, on a short month's last day, has the day that the one before had."""
    moved = before is not None and after.anchoring == "start" and before.anchor != after.anchor
    return moved and after.anchor.local.day < after.anchor.day


class Ended(Exception):
    """A life took all the steps that it may."""


class Pair:
    """One subscription on both sides."""

    def __init__(self, name, proration, versions, setup=None, discounts=(), rates=()):
        self.name, self.proration, self.versions = name, proration, versions
        self.setup, self.discounts, self.rates = setup or assessment.Setup(), tuple(discounts), tuple(rates)
        self.items, self.net, self.earned = [], 0, 0
        self.zone = periods.zone_of(name)
        self.memory, address = bridge.aligned(LIFE_SIZE)
        self.domain = bridge.C.bridge_life_make(address, *bridge.words_of(setup_words(self.setup)))
        self.handles = (bridge.ctypes.c_void_p * len(versions))(*(version.handle for version in versions))
        self.life, self.reported, self.history, self.seen = None, {}, [], []

    def terms(self):
        return lives.Terms(self.zone, self.proration, self.reported)

    def ask_domain(self, verb, now, version, pending, arguments):
        words = [VERBS.index(verb), now, bridge.PRORATIONS.index(self.proration), version.number - 1]
        words += [pending.number - 1 if pending else -1, len(self.reported)]
        for code, usage in self.reported.items():
            words += [code, *bridge.usage_words(usage)]
        words.append(len(self.items))
        for item in self.items:
            words += [item.number, item.amount, *bridge.list_words(item.rates)]
        words = bridge.words_of([*words, *arguments])
        length = bridge.C.bridge_life_call(
            self.domain, bridge.zone(self.name), self.handles, *words, bridge.OUT, bridge.OUT_WORDS
        )
        return bridge.OUT[:length]

    def call(self, verb, function, now, version, arguments):
        """The same on both sides; the oracle's step, or the name of what both refuse."""
        self.history.append((verb, now, [none_or(word) for word in arguments], dict(self.reported), list(self.items)))
        before = self.life
        words = self.ask_domain(verb, now, version, before.pending[0] if before and before.pending else None, arguments)
        try:
            found = owed.owe(self.setup, before, self.with_terms(before, function()), self.items)
        except Refused as refused:
            self.same("refused", refused.name, bridge.REFUSALS[words[0]])
            self.seen.append((verb, refused.name))
            return refused.name
        self.same("refused", "NONE", bridge.REFUSALS[words[0]])
        step = found.step
        self.same("event", (step.event, step.at), (EVENTS[words[1]], words[2]))
        self.same("invoice", (step.reason, step.period), (REASONS[words[4]], tuple(words[5:7])))
        self.compare_state(state_of(step.after), state_from(words[7:28]))
        self.compare_owed(found, Reader(words[28:]))
        self.life = step.after
        self.seen += [(before.status if before else None, step.event, step.after.status), ("issued", step.reason)]
        self.seen += [(verb, step.event), ("day kept", step.event if keeps_day(before, step.after) else None)]
        if before is None or (before.period[0], before.version) != (step.after.period[0], step.after.version):
            self.reported = {}
        return step

    def with_terms(self, before, step):
        """A new life has the discounts and rates that its wish named."""
        if before is not None:
            return step
        return replace(step, after=replace(step.after, discounts=self.discounts, rates=self.rates))

    def compare_owed(self, found, reader):
        """The bill's parts, and what was earned; nothing of what was ever billed is lost on the way."""
        by_time, earned, deferred = reader.take(3)
        domain, bill = carried_from(reader), bill_of(found.step, found.assessed)
        if bill is not None:
            self.compare_state(bill, bill_from(reader))
            self.net += sum(one.left - one.included for one in found.assessed.lines)
            self.note(found)
            self.items = []
        self.compare_state(carried_of(found.step.after), domain)
        self.same("earnings", found.earnings, books.Earnings(earned, deferred))
        self.same("earned by time", found.by_time, by_time)
        self.earned += by_time + earned
        self.same("net = earned + deferred", self.net, self.earned + found.step.after.deferral.amount)

    def note(self, found):
        """What it met."""
        assessed = found.assessed
        self.seen += [("discounted", amount > 0) for amount in assessed.discounts if amount]
        self.seen += [("taxed", self.setup.rate(number).inclusive) for number, _, amount in assessed.taxes if amount]
        self.seen += [("given back", one.line.kind) for one in assessed.lines if one.line.credit and any(one.shares)]
        self.seen += [("item", assessed.total >= 0) for one in assessed.lines if one.line.kind == "item"]
        self.seen += [("used up", True) for one in found.step.after.discounts if one.left == 0]

    def compare_state(self, oracle, domain):
        for key, value in oracle.items():
            self.same(key, value, domain[key])

    def same(self, what, oracle, domain):
        if oracle != domain:
            story = "\n    ".join(map(repr, self.history))
            raise Difference(
                f"{what}\n  zone    {self.name}, proration {self.proration}\n  plans   {self.versions!r}"
                f"\n  setup   {self.setup!r}\n  terms   {self.discounts!r}, {self.rates!r}"
                f"\n  story\n    {story}\n  before  {self.life!r}\n  oracle  {oracle!r}\n  domain  {domain!r}"
            )

    # ---- One function each.

    def create(self, now, version, quantity, start, end_at, trial_days, anchoring):
        anchor = {"start": -1, "calendar": 0}.get(anchoring) if not anchoring.isdigit() else int(anchoring)
        days = -1 if trial_days is None else trial_days
        return self.call(
            "create",
            lambda: lives.create(self.terms(), version, quantity, now, start, end_at, trial_days, anchoring),
            now, version, [quantity, or_none(start), or_none(end_at), days, anchor, *discount_words(self.discounts),
                           *bridge.list_words(self.rates)],
        )  # fmt: skip

    def park(self, refusal):
        return self.call("park", lambda: lives.park(self.life, refusal), self.life.due_at, self.life.version,
                         [bridge.REFUSALS.index(refusal)])  # fmt: skip

    def due(self):
        return self.call("due", lambda: lives.due(self.terms(), self.life), self.life.due_at, self.life.version, [])

    def change(self, now, version, quantity, effective, prorate):
        arguments = [version.number - 1 if version else -1, or_none(quantity), EFFECTIVE.index(effective), int(prorate)]
        return self.call(
            "change",
            lambda: lives.change(self.terms(), self.life, now, version, quantity, effective, prorate),
            now, self.life.version, arguments,
        )  # fmt: skip

    def cancel(self, now, effective, credit_unused):
        return self.call(
            "cancel",
            lambda: lives.cancel(self.terms(), self.life, now, effective, credit_unused),
            now, self.life.version, [EFFECTIVE.index(effective), int(credit_unused)],
        )  # fmt: skip

    def uncancel(self, now):
        return self.call("uncancel", lambda: lives.uncancel(self.life, now), now, self.life.version, [])

    def pause(self, now):
        return self.call("pause", lambda: lives.pause(self.life, now), now, self.life.version, [])

    def resume(self, now):
        return self.call("resume", lambda: lives.resume(self.terms(), self.life, now), now, self.life.version, [])


# ---- A random life.


def version(random, number, plan, cadence, rates=()):
    huge = random.random() < 0.03

    def make_amount(source):
        return cases.amount(source) * 10**6 % INT64_MAX if huge else cases.whole(source, 10**7)

    charges = [cases.charge(random, code, make_amount=make_amount) for code in range(random.randint(1, 4))]
    charges = [replace(charge, rates=cases_money.some(random, rates, 0.2)) for charge in charges]
    return bridge.Version(charges, cadence, number, plan, random.choice([0, 0, 0, 7, 14, 30]))


def versions(random, rates=()):
    """A plan, its next version, one with other prices, one with another interval."""
    cadence, other = cases.cadence(random), cases.cadence(random)
    rows = [(1, cadence), (1, cadence), (2, cadence), (3, other)]
    return [version(random, number, plan, row, rates) for number, (plan, row) in enumerate(rows, 1)]


def later(random, life, now):
    """A little later, or at a boundary, or near it."""
    kind = random.random()
    if kind < 0.1:
        return now
    if kind < 0.4 and life.due_at is not None and life.due_at <= now + YEAR:
        return max(now, life.due_at + random.choice([-1, 0, 0, 1]))
    return now + cases.whole(random, 100 * 86400)


def report(random, pair):
    for charge in pair.life.version.charges:
        if charge.billing == "arrears" and charge.model != "flat" and random.random() < 0.4:
            pair.reported[charge.code] = cases.usage(random, charge)


def wish(random, pair, now):
    """One random command."""
    kind = random.choice(["change", "change", "change", "cancel", "uncancel", "pause", "resume"])
    if pair.life.status == "paused" and random.random() < 0.7:
        kind = "resume"
    if kind == "change":
        to = random.choice([None, *pair.versions])
        quantity = random.choice([None, cases.whole(random, 1000)])
        return pair.change(now, to, quantity, random.choice(EFFECTIVE), random.random() < 0.8)
    if kind == "cancel":
        return pair.cancel(now, "now" if random.random() < 0.2 else "period_end", random.random() < 0.5)
    return getattr(pair, kind)(now)


def begin(random):
    name = cases.zone_name(random)
    setup = cases_money.setup(random)
    numbers = [rate.number for rate in setup.rates]
    pair = Pair(name, random.choice(bridge.PRORATIONS), versions(random, numbers), setup,
                cases_money.discounts(random, (1, 2, 3)), cases_money.some(random, numbers, 0.3))  # fmt: skip
    now = cases.moment(random, name, cases.PLACED_FROM + 2 * YEAR, 60 * YEAR)
    start = random.choice([None, None, now + cases.whole(random, 40 * 86400), now - cases.whole(random, 370 * 86400)])
    trial_days = random.choice([None, None, 0, 3, 30])
    end_at = random.choice([None, None, now + 1 + cases.whole(random, 3 * YEAR)])
    quantity = random.choice([0, 1, 1, cases.whole(random, 1000)])
    pair.create(now, pair.versions[0], quantity, start, end_at, trial_days, cases.anchoring(random))
    return pair, now


def life(random, seen):
    pair, now = begin(random)
    with contextlib.suppress(Ended):
        last = now + 3 * YEAR
        while pair.life is not None and now < last and len(pair.history) < STEPS_MAX:
            now = later(random, pair.life, now)
            catch_up(random, pair, now)
            report(random, pair)
            pair.items += cases_money.items(random, pair.setup, ITEMS_MAX - len(pair.items))
            wish(random, pair, now)
    seen.update(pair.seen)


def catch_up(random, pair, now):
    """What fell due up to now, one step after the other."""
    while pair.life.due_at is not None and pair.life.due_at <= now:
        report(random, pair)
        refusal = pair.due()
        if isinstance(refusal, str):
            pair.park(refusal)
        if len(pair.history) >= STEPS_MAX:
            raise Ended
