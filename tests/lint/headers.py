#!/usr/bin/env python3
"""Each header has the guard that its path names, and begins with what the module is.

That each compiles alone is `analyse.py headers`.
"""

import re

from report import Findings, sources

START = r"\A#ifndef {guard}\n#define {guard}\n\s*(/\*(?:(?!\*/).)+\*/)"
COMMENT_MIN = 20  # characters that say something


findings = Findings()
for path in sources(".h"):
    text = path.read_text()
    guard = re.sub(r"\W", "_", str(path)).upper()
    match = re.match(START.format(guard=guard), text, re.DOTALL)
    if match is None or not text.endswith("#endif\n"):
        findings.add(f"{path}:1", f"must be within the guard {guard}, its comment first")
    elif len(re.sub(r"[\s*/]", "", match[1])) < COMMENT_MIN:
        findings.add(f"{path}:4", "its comment does not say what the module is")
findings.exit()
