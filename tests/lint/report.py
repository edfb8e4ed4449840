"""What the rules share: the files that they look at, and one line for each finding.

A rule works on the current directory, so that selftest.sh can point it at a copy with a fault.
"""

import pathlib
import sys

PROGRAMS = ("common", "api", "worker", "cli")
FOLDERS = (*PROGRAMS, "tests")


def sources(*suffixes, folders=FOLDERS):
    """The files of ours with one of the suffixes, sorted."""
    return sorted(
        path
        for folder in folders
        for path in pathlib.Path(folder).rglob("*")
        if path.suffix in suffixes and not any(part.startswith(".") for part in path.parts)
    )


class Findings:
    """Prints them as they come; each only once, since a header is met in many files."""

    def __init__(self):
        self.seen = set()

    def add(self, place, text):
        line = f"{place}: {text}"
        if line not in self.seen:
            self.seen.add(line)
            print(line, flush=True)

    def exit(self):
        sys.exit(1 if self.seen else 0)
