"""One fault at work: how long it goes on, what it has done, and what it waits for."""

import random
import time

from history import Fault
from waiting import PATIENCE, eventually

STEP_SECONDS = 60  # until what a fault waits for must have come


class Spell:
    def __init__(self, drill, name, seed, seconds):
        self.drill, self.name = drill, name
        self.random = random.Random(f"{seed}/{name}")
        self.until = time.monotonic() + seconds
        self.times = 0  # that it hit; a fault that never did proves nothing

    @property
    def stack(self):
        return self.drill.stack

    @property
    def fleet(self):
        return self.drill.fleet

    def is_over(self):
        return time.monotonic() >= self.until

    def pause(self, low, high):
        time.sleep(self.random.uniform(low, high))

    def note(self, what):
        self.drill.history.append(Fault(time.time(), self.name, what))

    def hit(self, what):
        self.times += 1
        self.note(what)

    def wait(self, probe, what, seconds=STEP_SECONDS):
        return eventually(probe, f"{self.name}: {what}", seconds, 0.05)

    # What most faults look at

    def offsets(self):
        """How many messages all partitions are past; None while the database does not say."""
        try:
            return sum(row[0] for row in self.stack.progress().values())
        except Exception:
            return None

    def known_offsets(self):
        """The same, once the database says."""
        return self.wait(lambda: [found for found in [self.offsets()] if found is not None], "the database answers")[0]

    def await_commit(self, seconds=STEP_SECONDS):
        """Some worker has committed a batch since now."""
        before = self.known_offsets()
        self.wait(lambda: (self.offsets() or 0) > before, f"a batch is committed behind offset {before}", seconds)

    def deaths(self, kind, since, code):
        return [d for d in self.fleet.deaths_since(since) if d.kind == kind and d.code == code]

    def metric(self, member, name):
        """A number of a worker's metrics page; None when it does not answer."""
        return self.drill.metric(member, name)

    def share(self, seconds):
        """No later than the fault's end, but at least a little."""
        return max(0.5, min(seconds * PATIENCE, self.until - time.monotonic()))
