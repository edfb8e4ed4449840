"""Many random cases side by side: those of one kind in blocks, each block by a process of its own."""

import collections
import concurrent.futures
import multiprocessing
import os
import random
from dataclasses import dataclass, field

import bridge
import cases
import compare
import compare_life
import compare_money
from compare import Difference

CASES = {
    "rating": compare.rating,
    "transactions": compare.transactions,
    "calendar": compare.calendar,
    "fraction": compare.fraction,
    "life": compare_life.life,
    "split": compare_money.split,
    "coupon": compare_money.coupon,
    "invoice": compare_money.invoice,
    "book": compare_money.book,
    "taken_back": compare_money.taken_back,
}
BLOCK = 1000
DIFFERENCES_MAX = 3  # that a block tells before it gives up


@dataclass
class Result:
    cases: int = 0
    seen: collections.Counter = field(default_factory=collections.Counter)
    differences: list = field(default_factory=list)

    def add(self, other):
        self.cases += other.cases
        self.seen += other.seen
        self.differences += other.differences


def run_one(seed, kind, number, seen):
    """Case number so and so of a kind: always the same one for a seed."""
    CASES[kind](random.Random(f"{seed}/{kind}/{number}"), seen)


def run_block(seed, kind, first, last):
    result = Result()
    for number in range(first, last):
        result.cases += 1
        try:
            run_one(seed, kind, number, result.seen)
        except Difference as difference:
            result.differences.append(f"{kind} {number} of seed {seed}: {difference}")
            if len(result.differences) == DIFFERENCES_MAX:
                break
    return result


def run(seed, kind, count):
    """All cases of a kind."""
    blocks = [(seed, kind, first, min(first + BLOCK, count)) for first in range(0, count, BLOCK)]
    total = Result()
    with processes() as pool:
        for result in pool.map(run_block, *zip(*blocks, strict=True)):
            total.add(result)
    return total


def processes():
    """Forked when all zones are known: they are the same for all, and each takes a while."""
    for name in cases.zone_names():
        bridge.zone(name)
    return concurrent.futures.ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("fork"))
