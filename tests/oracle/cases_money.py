"""Random coupons, tax rates, items and invoices, from any random.Random. Edges are drawn often, as in cases.py."""

import itertools
from fractions import Fraction

import cases
import notes
from assessment import Discount, Item, Rate, Setup

PERCENTAGES = ["0", "5", "7", "10", "19", "19.6", "20", "8.875", "33.3333", "100", "0.0001"]
ITEMS = itertools.count(1)


def percentage(random):
    if random.random() < 0.7:
        return Fraction(random.choice(PERCENTAGES))
    return Fraction(random.randint(1, 10**6), 10**4)


def some(random, numbers, probability):
    """Some of them, in any order; mostly none."""
    if not numbers or random.random() >= probability:
        return ()
    return tuple(random.sample(numbers, random.randint(1, min(3, len(numbers)))))


def setup(random):
    """Tax rates, and whose they are: half of all lives have none. Inclusive ones are few, as their sums must be."""
    if random.random() < 0.5:
        return Setup()
    inclusive = random.choice([0, 0, 1, 2, 3])
    rates = tuple(Rate(n, percentage(random), n <= inclusive) for n in range(1, random.randint(2, 6)))
    numbers = [rate.number for rate in rates]
    exempt = random.choice(["none"] * 8 + ["exempt", "reverse"])
    return Setup(rates, exempt, some(random, numbers, 0.4), some(random, numbers, 0.7))


def discount(random, number, plans):
    by_percent = random.random() < 0.5
    percent = max(Fraction(1, 10**4), percentage(random)) if by_percent else None
    amount = None if by_percent else 1 + cases.whole(random, 10**6)
    only = tuple(random.sample(plans, random.randint(1, len(plans)))) if random.random() < 0.3 else ()
    return Discount(number, percent, amount, only, random.choice([1, 1, 2, 3, 12, None, None]))


def discounts(random, plans):
    count = random.choice([0, 0, 1, 1, 2, 3, 10])
    return tuple(discount(random, number, plans) for number in range(1, count + 1))


def items(random, setup, room):
    """Now and then some, as many as there is room for; each has a number of its own."""
    count = min(room, random.choice([0] * 8 + [1, 2, 5]))
    numbers = [rate.number for rate in setup.rates]
    return [Item(next(ITEMS), 1 + cases.whole(random, 10**6), some(random, numbers, 0.3)) for _ in range(count)]


# ---- Splits.


def parts(random):
    """(numerator, denominator) of at most four different denominators, of either sign."""
    denominators = random.sample([1, 2, 3, 7, 10, 100, 10**4, 1_196_000, 10**9, 2**40 - 1], random.randint(1, 4))
    size = random.choice([1, 10, 10**4, 10**12, 10**17])
    return [(random.randint(-size, size), random.choice(denominators)) for _ in range(random.randint(0, 20))]


def weights(random):
    size = random.choice([1, 2, 10, 10**6, 10**15])
    found = [random.randint(random.choice([0, 0, -size]), size) for _ in range(random.randint(1, 20))]
    return found if sum(found) else [*found, 1]


# ---- Issued invoices.


def line(random, number, rates):
    net = random.choice([0, 1, 2, 3, 100, 999, 10_000]) if random.random() < 0.5 else cases.whole(random, 10**7)
    if random.random() < 0.1:
        net = -net
    chosen = random.sample(rates, random.randint(0, len(rates)))
    inside = 1 + sum(rate.percentage for rate in chosen if rate.inclusive) / 100
    taxes = tuple((rate.number, rate.inclusive, round(net / inside * rate.percentage / 100)) for rate in chosen)
    return notes.Line(number, net, taxes)


def invoice(random):
    """An open one with a total that is not negative; the credit balance paid some of it."""
    rates = [Rate(n, percentage(random), random.random() < 0.4) for n in range(1, random.randint(1, 4))]
    lines = tuple(line(random, number, rates) for number in range(1, random.randint(2, 8)))
    total = sum(one.net + sum(tax for _, inside, tax in one.taxes if not inside) for one in lines)
    if total < 0:
        return invoice(random)
    due = total - random.choice([0, 0, total // 3, total])
    return notes.Invoice("open" if due else "paid", lines, total, due), rates


def wishes(random, invoice):
    """None for all; else some lines, in part or whole, now and then too much or unknown."""
    if random.random() < 0.2:
        return []
    found = []
    lines = [one for one in invoice.lines if one.left > 0 or random.random() < 0.05] or invoice.lines
    for one in random.sample(lines, random.randint(1, len(lines))):
        left = max(1, one.left)
        found.append((one.number, random.choice([1, left, random.randint(1, left), random.randint(1, left)])))
    if random.random() < 0.05:
        found[0] = (found[0][0], found[0][1] + max(0, invoice.lines[0].left) + 1)
    if random.random() < 0.05:
        found.append(random.choice([found[0], (99, 1)]))
    return found
