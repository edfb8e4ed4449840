"""The bounded part of `make chaos`: one round in which our programs die at named points and at random moments, sleep
and wake up, and both servers fail under them, all at once. The seed is printed; CHAOS_SEED repeats it."""

import os
import random

from drill import BINARIES, Drill
from faults import BY_NAME
from programs import ROOT

TOGETHER = (
    "worker-points", "payer-points", "worker-stopped", "api-points", "crash-postgres",
    "cut-before-commit", "cut-after-commit", "kill-kafka",
)  # fmt: skip
KILLS = ("kill-2-workers", "kill-runner")  # one of them: where runners are killed, runs alone bill what falls due
SECONDS = 15  # each part's faults share them; most take as long as a session takes to time out


def test_load_under_many_faults_at_once_gives_what_was_promised():
    """Then the judgement from outside: tests/chaos/checker.py."""
    assert (BINARIES / "billd-worker").exists(), "the programs with crash points are missing; build them: make V=chaos"
    seed = os.environ.get("CHAOS_SEED") or str(random.SystemRandom().randrange(10**9))
    print(f"CHAOS_SEED={seed}")
    together = (*TOGETHER, random.Random(f"{seed}/kills").choice(KILLS))
    with Drill(seed) as drill:
        result = drill.round("bounded", [BY_NAME[name] for name in together], SECONDS, poison_share=0.02)
        print(result.line())
        if result.violations:
            drill.keep(ROOT / "build/chaos-run" / seed / "bounded")
    told = "\n".join(result.violations)
    assert not result.violations, f"{told}\nrepeat it with CHAOS_SEED={seed}; kept in build/chaos-run/{seed}"
