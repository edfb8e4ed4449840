#!/usr/bin/env python3
"""What every file of the tree must be: short, finished, and at home anywhere."""

import pathlib
import re
import subprocess

from report import Findings

LINES_MAX = 600
COUNTED = (".c", ".h", ".py", ".sh")

# What no line may have, and why.  Written so that none matches itself.
BANNED = [
    (r"\b(?:TO" r"DO|FIX" r"ME)\b", "is a note to somebody: do it, or leave it"),
    (r"(?<![\w.}$~-])/(?:home|root|work|workspaces?|Users)/\w", "is a path of somebody's machine"),
    (
        r"\b(?:(?:pypi|npmjs|crates|rubygems|pythonhosted|nexus|artifactory)\.(?:org|com|io)|repo1?\.maven\.)",
        "is the host of a package registry: the package manager's settings say where packages come from",
    ),
    (r"(?:NO" r"LINT|cppcheck-" r"suppress)(?!.*[:;] \w+ \w+)", "hides a finding and does not say why"),
]
BANNED = [(re.compile(pattern), why) for pattern, why in BANNED]
# Files whose lines are not ours.
FOREIGN = {"LICENSE"}


def files():
    """What git would commit; in a tree without git, what is not built."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    if pathlib.Path(".git").exists():
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return sorted(name for name in set(output.split("\0")) if pathlib.Path(name).is_file())
    return sorted(
        str(path)
        for path in pathlib.Path().rglob("*")
        if path.is_file() and path.parts[0] != "build" and "__pycache__" not in path.parts
    )


findings = Findings()
for name in files():
    try:
        lines = pathlib.Path(name).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        continue
    if name.endswith(COUNTED) and len(lines) > LINES_MAX:
        findings.add(f"{name}:{LINES_MAX}", f"has {len(lines)} lines, more than {LINES_MAX}")
    if name in FOREIGN:
        continue
    for number, line in enumerate(lines, 1):
        for pattern, why in BANNED:
            if match := pattern.search(line):
                findings.add(f"{name}:{number}", f'"{match[0]}" {why}')
findings.exit()
