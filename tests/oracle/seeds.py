"""Which random cases, and how many. A pytest plugin too: it prints the seed."""

import os
import secrets

import hypothesis

# A fixed one, so that a change is judged by itself; "new" to look where nobody has looked.
WISH = os.environ.get("ORACLE_SEED") or "1"
SEED = secrets.randbelow(2**32) if WISH == "new" else int(WISH)
FACTOR = float(os.environ.get("ORACLE_CASES") or 1)

hypothesis.settings.register_profile("oracle", deadline=None, database=None, print_blob=False)
hypothesis.settings.load_profile("oracle")


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"ORACLE_SEED={SEED} ORACLE_CASES={FACTOR:g}")


def many(count):
    return max(1, int(count * FACTOR))
