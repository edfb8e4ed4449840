"""Waiting: for a fact, with a deadline, and with the last thing seen when it does not come."""

import os
import time

# Sanitizers and busy machines are slow: every deadline is multiplied by this.
PATIENCE = float(os.environ.get("TEST_PATIENCE", "1"))


def eventually(probe, what, seconds=30, every=0.02):
    """The first true answer of probe(); fails with `what` and the last answer when there is none in time."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds * PATIENCE:.0f} s still not: {what}; the last look gave {answer!r}")
        time.sleep(every)
