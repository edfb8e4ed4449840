"""Splitting an amount over lines by billing-rules' text ("Money and rounding"): the parts always make the whole.

Written from the rules and from what split.h promises, never from its C.
"""

from fractions import Fraction

from rules import half_away, int64


def split(parts):
    """(the sum of all parts, rounded once, each one's share of it): what is missing behind those that were cut off goes
    to those that lost most by it, of equal ones to the earlier. What is below 0 is split as its opposite is.
    """
    if is_below(parts):
        whole, shares = split([-part for part in parts])
        return int64(-whole), [int64(-share) for share in shares]
    whole = int64(half_away(sum(parts)))
    shares = [int(part // 1) for part in parts]
    losses = sorted(range(len(parts)), key=lambda i: (shares[i] - parts[i], i))
    for i in losses[: whole - sum(shares)]:
        shares[i] += 1
    return whole, [int64(share) for share in shares]


def is_below(parts):
    """By the sum, and where that is 0 by the first that is not."""
    return next((part < 0 for part in (sum(parts), *parts) if part), False)


def spread(amount, weights):
    """An amount over lines in proportion to what they weigh."""
    return split([Fraction(amount * weight, sum(weights)) for weight in weights])[1]
