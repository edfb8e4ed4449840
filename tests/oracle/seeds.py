"""Which random cases, and how many. A pytest plugin too: it prints the seed."""

import os

import hypothesis
from which_seed import SEED

FACTOR = float(os.environ.get("ORACLE_CASES") or 1)

hypothesis.settings.register_profile("oracle", deadline=None, database=None, print_blob=False)
hypothesis.settings.load_profile("oracle")


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"ORACLE_SEED={SEED} ORACLE_CASES={FACTOR:g}")


def many(count):
    return max(1, int(count * FACTOR))
