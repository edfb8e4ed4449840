"""The chaos run: each fault alone, then several at once, each round judged from outside.  usage: tests/chaos.sh

CHAOS_SEED     repeats a run (printed first)
CHAOS_FAULTS   names from faults.py, or "mixed", or "all"; all of them unless told
CHAOS_SECONDS  how long each fault goes on (20)
CHAOS_MIXED    mixed rounds (3)
"""

import os
import random
import signal
import sys
import time

from drill import Drill
from faults import BY_NAME, FAULTS
from programs import ROOT, number_told

TOLD_MAX, TOLD_CHARACTERS = 12, 1500  # of the violations, on the terminal; all are in the kept file
LAST = ("older-database", "topic-again")
FORGETS = "topic-again"  # with the topic goes what the rounds before it can be judged by
REPEATED = ("CHAOS_FAULTS", "CHAOS_SECONDS", "CHAOS_MIXED")
PART_FAULTS = {"worker": 2, "api": 1, "postgres": 2, "kafka": 1}  # at most, of each part in a mixed round


def plan(names, mixed, seed):
    """[(name of the round, faults, options of the load)]"""
    rounds = [(fault.name, [fault], {}) for fault in FAULTS if fault.name in names and fault.name not in LAST]
    for number in range(mixed if "mixed" in names else 0):
        rounds.append((f"mixed-{number + 1}", *mixture(random.Random(f"{seed}/mixed/{number}"))))
    return rounds + [(name, [BY_NAME[name]], {}) for name in LAST if name in names]


def mixture(source):
    chosen = []
    for part, most in PART_FAULTS.items():
        of_part = [fault for fault in FAULTS if fault.of == part and not fault.alone]
        chosen += source.sample(of_part, source.randrange(1, most + 1))
    hot, by_hand = source.choice((0, 0, 0.5, 0.9)), source.choice((False, True))
    return chosen, {"poison_share": 0.01, "hot_share": hot, "by_hand": by_hand}


def chosen_names():
    told = os.environ.get("CHAOS_FAULTS", "all").split()
    known = set(BY_NAME) | {"mixed"}
    if told == ["all"]:
        return known
    if set(told) - known:
        unknown = " ".join(sorted(set(told) - known))
        sys.exit(f"error: CHAOS_FAULTS: there is no fault {unknown}; there are: {' '.join(sorted(known))}")
    return set(told)


class Run:
    def __init__(self, seed, seconds):
        self.seed, self.seconds = seed, seconds
        self.kept = ROOT / "build/chaos-run" / str(seed)
        self.failed, self.untried = [], []

    def rounds(self, rounds):
        """On one stack, until one of them leaves it in doubt: those that are left."""
        with Drill(self.seed) as drill:
            while rounds:
                name, faults, options = rounds.pop(0)
                missing = [f"{fault.name}: {fault.missing()}" for fault in faults if fault.missing()]
                if missing:
                    self.untried += missing
                    print(f"NOT TRIED: {'; '.join(missing)}", flush=True)
                    continue
                if name == FORGETS and drill.names:
                    self.tell(drill, drill.judge_all())
                result = drill.round(name, faults, self.seconds * (2 if len(faults) > 1 else 1), **options)
                self.tell(drill, result)
                if result.violations:
                    return rounds
            if len(drill.names) > 1 and FORGETS not in drill.names:
                self.tell(drill, drill.judge_all())
        return rounds

    def tell(self, drill, result):
        print(result.line(), flush=True)
        if not result.violations:
            return
        self.failed.append(result.name)
        for violation in result.violations[:TOLD_MAX]:
            print("    " + violation.rstrip()[-TOLD_CHARACTERS:].replace("\n", "\n    "), flush=True)
        drill.keep(self.kept / result.name)
        (self.kept / result.name / "violations").write_text("\n".join(result.violations) + "\n")
        print(f"    kept: {self.kept / result.name}", flush=True)


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seed = os.environ.get("CHAOS_SEED") or str(random.SystemRandom().randrange(10**9))
    seconds = number_told("CHAOS_SECONDS", 20, least=1)
    names, mixed = chosen_names(), int(number_told("CHAOS_MIXED", 3))
    told = " ".join(f"{name}='{os.environ[name]}'" for name in REPEATED if os.environ.get(name))
    print(f"seed {seed}; to repeat: make chaos CHAOS_SEED={seed} {told}".rstrip(), flush=True)
    rounds, run, began = plan(names, mixed, seed), Run(seed, seconds), time.monotonic()
    count = len(rounds)
    while rounds:
        rounds = run.rounds(rounds)
    print(f"{count} rounds in {time.monotonic() - began:.0f} s")
    for line in run.untried:
        print(f"NOT TRIED: {line}")
    if run.failed:
        print(f"violations in: {' '.join(run.failed)}; see {run.kept}")
        return 1
    print("no violation")
    return 0


if __name__ == "__main__":
    sys.exit(main())
