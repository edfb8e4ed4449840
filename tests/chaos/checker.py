"""The judge: does what was told, and what is found, fit together? From outside only, and by what the
documents promise (ARCHITECTURE.md, /openapi.json), not by what the programs happen to do.

    violations = check(history, evidence)

A rule is a pure function of an Index that yields a sentence for each breach; its docstring says what must hold. As a
program it repeats a judgement from files:  checker.py HISTORY EVIDENCE
"""

import itertools
import sys
import traceback
from dataclasses import dataclass

import checker_billing
import checker_events
import checker_money
import checker_outcomes
import checker_rows
import checker_runs
import evidence as evidence_module
import history as history_module
from checker_index import Index

UNJUDGED = "the rule cannot be applied"
TOLD_MAX = 20  # breaches of one rule that are told; a broken stack breaks one ten thousand times

# (name, function, what must hold)
MODULES = (checker_outcomes, checker_rows, checker_billing, checker_money, checker_runs, checker_events)
RULES = [(name, rule, " ".join(rule.__doc__.split())) for module in MODULES for name, rule in module.RULES]


@dataclass
class Violation:
    rule: str
    text: str

    def __str__(self):
        return f"{self.rule}: {self.text}"


def applied(rule, index):
    """What a rule finds. Evidence in which it cannot even find its way breaks it, and must not hide the other rules."""
    try:
        yield from rule(index)
    except Exception:
        yield f"{UNJUDGED}: {traceback.format_exc()}"


def check(history, evidence):
    """All that is wrong; an empty list when nothing is."""
    index, violations = Index(history, evidence), []
    for name, rule, _ in RULES:
        found = list(itertools.islice(applied(rule, index), TOLD_MAX + 1))
        violations += [Violation(name, text) for text in found[:TOLD_MAX]]
        if len(found) > TOLD_MAX:
            violations.append(Violation(name, "… and more"))
    return violations


def main(arguments):
    if len(arguments) != 2:
        print("usage: checker.py HISTORY EVIDENCE", file=sys.stderr)
        return 2
    violations = check(history_module.read(arguments[0]), evidence_module.load(arguments[1]))
    for violation in violations:
        print(violation)
    print(f"{len(RULES)} rules, {len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
