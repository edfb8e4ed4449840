"""Splits, coupons, credit notes, payments and the journal through both sides."""

from fractions import Fraction

import books
import bridge
import cases
import cases_money
import notes
import splits
from assessment import Coupon, redeem
from bridge import OUT, OUT_WORDS, C, or_none, words_of
from compare import Difference, outcome, same

STATUSES = ["open", "paid", "void", "uncollectible"]
PAYMENTS = ["processing", "unknown", "succeeded", "failed"]
CURRENCIES = ["", "USD", "EUR", "JPY", "KWD"]
DURATIONS = ["once", "repeating", "forever"]
MOVES = ["begin", "pay", "void", "uncollectible"]
BOOKS = ["invoice", "credit", "grant", "revenue", "credit_note", "void", "uncollectible", "payment", "refund",
         "refund_failed"]  # fmt: skip
NOW = 1_700_000_000


def ask(function, words):
    """The words that come out."""
    return OUT[: function(*words_of(words), OUT, OUT_WORDS)]


# ---- Splits.


def split_by_domain(parts):
    words = [len(parts)]
    for numerator, denominator in parts:
        words += [numerator >> 64, bridge.signed(numerator & (2**64 - 1)), denominator]
    fits, *found = ask(C.bridge_split, words)
    return (found[0], found[1:]) if fits else "AMOUNT_OUT_OF_RANGE"


def check_split(parts):
    oracle = outcome(splits.split, [Fraction(*part) for part in parts])
    same("a split", parts, oracle, split_by_domain(parts))


def check_spread(amount, weights):
    fits, *shares = ask(C.bridge_spread, [amount, len(weights), *weights])
    oracle = outcome(splits.spread, amount, weights)
    same("an amount over lines", (amount, weights), oracle, shares if fits else "AMOUNT_OUT_OF_RANGE")
    if fits:
        same("the parts make the whole", (amount, weights), amount, sum(shares))


def split(random, seen):
    parts, weights = cases_money.parts(random), cases_money.weights(random)
    check_split(parts)
    check_spread(random.choice([0, 1, -1, 100, cases.whole(random, 10**12)]), weights)
    seen["parts", min(2, len(parts))] += 1
    seen["weights", min(weights) < 0] += 1


# ---- Coupons.


def coupon_words(coupon, plan, currency, now):
    words = [coupon.number, *bridge.decimal_words(coupon.percent), or_none(coupon.amount)]
    words += [CURRENCIES.index(coupon.currency or ""), DURATIONS.index(coupon.duration), or_none(coupon.periods)]
    words += [or_none(coupon.redemptions_max), coupon.redemptions, or_none(coupon.redeem_by)]
    words += [NOW if coupon.archived else bridge.NONE, *bridge.list_words(coupon.plans)]
    return [*words, plan, CURRENCIES.index(currency), now]


def redeem_by_domain(*case):
    words = ask(C.bridge_redeem, coupon_words(*case))
    bridge.refuse(words[0])
    number, high, low, amount, count, *rest = words[1:]
    left, covers, given = rest[count:]
    return (number, bridge.decimal_from(high, low), bridge.none_or(amount), tuple(rest[:count]), bridge.none_or(left),
            bool(covers), given)  # fmt: skip


def redeem_by_oracle(*case):
    one = redeem(*case)
    return one.coupon, one.percent, one.amount, one.plans, one.left, one.covers, one.given


def coupon(random, seen):
    by_percent = random.random() < 0.5
    duration, most = random.choice(DURATIONS), random.choice([None, 1, 5])
    one = Coupon(
        random.randint(1, 9),
        percent=max(cases_money.percentage(random), 1) if by_percent else None,
        amount=None if by_percent else 1 + cases.whole(random, 10**6),
        currency=None if by_percent else random.choice(CURRENCIES[1:]),
        duration=duration,
        periods=random.randint(1, 12) if duration == "repeating" else None,
        redemptions_max=most,
        redemptions=random.randint(0, most or 3),
        redeem_by=random.choice([None, NOW - 1, NOW, NOW + 1]),
        archived=random.random() < 0.1,
        plans=random.choice([(), (1,), (2, 1), (3, 4)]),
    )
    case = (one, random.choice([1, 2]), random.choice(CURRENCIES[1:3]), NOW)
    oracle = outcome(redeem_by_oracle, *case)
    same("a redemption", case, oracle, outcome(redeem_by_domain, *case))
    seen[oracle if isinstance(oracle, str) else duration] += 1


# ---- Issued invoices.


def invoice_words(invoice, rates):
    words = [STATUSES.index(invoice.status), invoice.total, invoice.amount_due, invoice.paid, invoice.credited]
    words += [invoice.refunded, invoice.credited_total, int(invoice.on_its_way), len(rates)]
    for rate in rates:
        amount = sum(tax for line in invoice.lines for number, _, tax in line.taxes if number == rate.number)
        words += [rate.number, int(rate.inclusive), *bridge.decimal_words(rate.percentage), amount]
    words.append(len(invoice.lines))
    for line in invoice.lines:
        words += [line.number, line.net + 7, 7, line.credited, len(line.taxes)]
        for number, inside, tax in line.taxes:
            words += [number, int(inside), tax]
        words += bridge.list_words(line.credited_taxes)
    return words


def told(invoice):
    return (invoice.status, invoice.paid, invoice.credited, invoice.refunded, invoice.credited_total, invoice.remaining)


def invoice_from(words):
    """What both sides tell of one; its dates are there when they must be."""
    status, *amounts, paid_at, voided_at, uncollectible_at = words
    dates = {"void": voided_at, "uncollectible": uncollectible_at}
    for name, at in dates.items():
        if (at != bridge.NONE) != (STATUSES[status] == name):
            raise Difference(f"status {STATUSES[status]} and the date of {name}: {at}")
    return STATUSES[status], *amounts, paid_at


def note_by_domain(invoice, rates, wishes, refund):
    words = [*invoice_words(invoice, rates), NOW, int(refund), len(wishes), *(word for wish in wishes for word in wish)]
    words = ask(C.bridge_credit_note, words)
    bridge.refuse(words[0])
    *after, _ = invoice_from(words[1:10])
    sums, at, lines = tuple(words[10:17]), 18, []
    for _ in range(words[17]):
        number, amount, tax, included, count = words[at : at + 5]
        taxes = [tuple(words[at + 5 + 2 * i : at + 7 + 2 * i]) for i in range(count)]
        same("a note's line has the sum of its taxes", invoice, tax, sum(amount for _, amount in taxes))
        lines.append((number, amount, tuple(amount for _, amount in taxes), included))
        at += 5 + 2 * count
    taxes = {words[at + 1 + 2 * i]: words[at + 2 + 2 * i] for i in range(words[at])}
    at += 1 + 2 * len(taxes)
    behind = []
    for _ in invoice.lines:
        credited, count = words[at : at + 2]
        behind.append((credited, tuple(words[at + 2 : at + 2 + count])))
        at += 2 + count
    return tuple(after), sums, lines, {number: tax for number, tax in taxes.items() if tax}, behind


def note_by_oracle(invoice, rates, wishes, refund):
    note, after = notes.issue_note(invoice, wishes, refund)
    sums = (note.subtotal, note.tax, note.included, note.total, note.applied, note.credited, note.refunded)
    by_number = {line.number: line for line in invoice.lines}
    lines, taxes = [], {}
    for number, amount, back in note.lines:
        of = by_number[number].taxes
        inside = sum(tax for tax, (_, included, _) in zip(back, of, strict=True) if included)
        lines.append((number, amount, back, inside))
        for (rate, _, _), tax in zip(of, back, strict=True):
            taxes[rate] = taxes.get(rate, 0) + tax
    behind = [(line.credited, line.credited_taxes) for line in after.lines]
    return told(after), sums, lines, {number: tax for number, tax in taxes.items() if tax}, behind


def check_note(invoice, rates, wishes, refund):
    """The invoice behind the note, or the same one where it is refused."""
    case = (invoice, rates, wishes, refund)
    oracle, domain = outcome(note_by_oracle, *case), outcome(note_by_domain, *case)
    if isinstance(oracle, str) or isinstance(domain, str):
        same("a note is refused", case, oracle, domain)
        return invoice, oracle
    oracle, domain = (sorted_lines(found) for found in (oracle, domain))
    same("a note", case, oracle, domain)
    return notes.issue_note(invoice, wishes, refund)[1], "issued"


def sorted_lines(found):
    """In whichever order a note has its lines; a line without credits may have none or zeros of its taxes."""
    after, sums, lines, taxes, behind = found
    return after, sums, sorted(lines), taxes, [(credited, taxes if credited else ()) for credited, taxes in behind]


def move_by_domain(invoice, kind, amount, attempts, method):
    words = [*invoice_words(invoice, []), MOVES.index(kind), NOW, or_none(amount), attempts, *bridge.list_words(method)]
    words = ask(C.bridge_invoice_move, words)
    bridge.refuse(words[0])
    *after, paid_at = invoice_from(words[1:])
    if (paid_at == NOW) != (after[0] == "paid" and invoice.status == "open"):
        raise Difference(f"{kind} of {invoice}: paid_at is {paid_at}")
    return tuple(after)


def move_by_oracle(invoice, kind, amount, attempts, method):
    if kind == "begin":
        notes.begin_payment(invoice, attempts, bytes(method).decode(), amount)
        return told(invoice)
    return told(moved(invoice, kind, amount))


def moved(invoice, kind, amount):
    return notes.pay(invoice, amount) if kind == "pay" else notes.leave(invoice, kind)


def invoice(random, seen):
    """An invoice through notes, payments and its states, until nothing more can be done."""
    one, rates = cases_money.invoice(random)
    for _ in range(12):
        given, came = one.credited_total - one.credited, one.paid + one.total - one.amount_due
        if given > came:
            raise Difference(f"{given} were given back of {came} that came, of the balance or otherwise: {one}")
        kind = random.choice(["note", "note", *MOVES])
        if kind == "note":
            one, found = check_note(one, rates, cases_money.wishes(random, one), random.random() < 0.5)
            seen["note", found] += 1
            continue
        amount = random.choice([None, 1, max(1, one.remaining), one.remaining + 1, 1 + cases.whole(random, 10**6)])
        amount = 1 if amount is None and kind == "pay" else amount
        method = random.choice(["sim_ok", "manual", "sim_declined", "cash", "sim_fail_n_then_ok:2"]).encode()
        case = (one, kind, amount, random.choice([0, 0, 99, 100]), list(method))
        if random.random() < 0.1:
            case = (notes.replace(one, on_its_way=True), *case[1:])
        oracle = outcome(move_by_oracle, *case)
        same("a move of an invoice", case, oracle, outcome(move_by_domain, *case))
        seen[kind, oracle if isinstance(oracle, str) else "done"] += 1
        if not isinstance(oracle, str) and kind != "begin" and (kind == "pay" or random.random() < 0.3):
            one = moved(case[0], kind, amount)


def check_settlements():
    """Every state of a payment, and what may become of it."""
    for i, before in enumerate(PAYMENTS):
        for k, to in enumerate(PAYMENTS[1:], 1):
            found = C.bridge_payment_settle(i, k)
            domain = PAYMENTS[found] if found >= 0 else bridge.REFUSALS[-found]
            same("a payment is settled", (before, to), outcome(notes.settle_payment, before, to), domain)


# ---- The journal.


def net_of(random):
    return cases.whole(random, 10**9)


def book(random, seen):
    """One entry of each kind: the accounts that the oracle names, and no other."""
    kind, due, applied, earned, deferred = random.choice(BOOKS), *(net_of(random) for _ in range(4))
    tax = net_of(random)
    included = random.randint(0, tax)
    amount, from_deferred = 1 + net_of(random), 0
    case = dict.fromkeys(
        ["due", "applied", "paid", "credited", "refunded", "credited_total", "subtotal", "tax", "included", "total",
         "earned", "deferred", "amount", "from_deferred", "tax_left"], 0)  # fmt: skip
    issued = books.Earnings(earned, deferred)
    if kind == "invoice":
        total = earned + deferred + tax
        applied = random.randint(0, total)
        case |= {"due": total - applied, "applied": applied, "tax": tax, "included": included, "total": total,
                 "subtotal": total - tax + included, "earned": earned, "deferred": deferred}  # fmt: skip
        oracle = books.invoice(total - applied, applied, tax, issued)
    elif kind == "credit":
        earned += 1  # there is no credit of nothing
        amount = earned + deferred + tax
        issued = books.Earnings(-earned, -deferred)
        case |= {"amount": amount, "tax": -tax, "included": -included, "earned": -earned, "deferred": -deferred}
        oracle = books.credit(amount, -tax, issued)
    elif kind == "credit_note":
        subtotal = 1 + net_of(random) + included
        total = subtotal + tax - included
        at_once = random.randint(0, total)
        back = random.randint(0, total - at_once)
        from_deferred = random.randint(0, subtotal - included)
        case |= {"subtotal": subtotal, "tax": tax, "included": included, "total": total, "applied": applied,
                 "credited": back, "refunded": total - at_once - back, "from_deferred": from_deferred}  # fmt: skip
        case["applied"] = at_once
        note = notes.Note((), subtotal, tax, included, total, at_once, back, total - at_once - back)
        oracle = books.credit_note(note, from_deferred)
    elif kind == "void":
        credited, tax_left = random.randint(0, due), random.randint(0, due + applied)
        tax_left = min(tax_left, due - credited + applied)
        from_deferred = random.randint(0, due - credited + applied - tax_left)
        case |= {"due": due, "applied": applied, "total": due + applied, "credited": credited,
                 "credited_total": credited, "tax_left": tax_left, "from_deferred": from_deferred}  # fmt: skip
        oracle = books.void(due - credited, applied, tax_left, from_deferred)
    elif kind == "uncollectible":
        case |= {"due": amount + due, "amount": amount}
        oracle = books.uncollectible(amount)
    else:
        case["amount"] = -amount if kind == "grant" and random.random() < 0.4 else amount
        oracle = getattr(books, kind)(case["amount"])
    words = ask(C.bridge_journal, [BOOKS.index(kind), *case.values()])
    same(f"an entry of {kind}", case, {name: oracle[name] for name in books.ACCOUNTS},
         dict(zip(books.ACCOUNTS, words, strict=True)))  # fmt: skip
    seen[kind] += 1


def taken_back(random, seen):
    """What of a line's net comes out of what is deferred."""
    begin = NOW + random.randint(-100, 100)
    period = (begin, begin + 1 + cases.whole(random, 31_622_400))
    moved = random.choice([0, 0, cases.whole(random, 31_622_400)])
    natural = (begin - random.choice([0, 0, 5]) + moved, period[1] + random.choice([0, 0, moved, moved, 5]))
    current_end = natural[1] - random.choice([0, 0, 0, 3])
    inside = begin + random.randint(0, natural[1] - begin)
    at = random.choice([*period, period[0] - 1, *natural, natural[1] + 1, inside])
    status = random.choice(["active", "active", "active", "past_due", "paused", "canceled", "expired"])
    deferred, net = cases.whole(random, 10**9), cases.whole(random, 10**9)
    is_deferred = random.random() < 0.8
    words = [bridge.STATES.index(status), deferred, *natural, current_end, moved, int(is_deferred), *period, net, at]
    found = C.bridge_deferral_take(*words_of(words))
    final = status in books.FINAL
    oracle = 0 if final or not is_deferred else books.taken_back(
        deferred, natural, current_end, moved, period, net, at
    )  # fmt: skip
    same("what was not earned yet", words, oracle, found)
    seen[final, is_deferred] += 1
