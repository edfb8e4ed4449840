#!/usr/bin/env python3
"""Includes point one way, and each library is used behind the doors named here."""

import pathlib
import re

from report import PROGRAMS, Findings, sources

# Folder: what it may include besides itself; a file's name opens that file alone.
LAYERS = {
    "common/base": [],
    "common/domain": ["common/base"],
    # The transitions of a zone are a plain table, which the calendar takes as an argument.
    "common/zone": ["common/base", "common/domain/calendar.h"],
    "common/icu": ["common/base"],
    "common/codec": ["common/base", "common/domain", "common/icu", "common/zone"],
    # A currency is a type of column.
    "common/postgres": ["common/base", "common/domain/money.h"],
    # What is a row to the worker and to a preview.
    "common/rows": ["common/base", "common/domain", "common/postgres"],
    "common/kafka": ["common/base"],
    "api": ["common"],
    "worker": ["common"],
    "cli": ["common"],
    "tests": [*PROGRAMS],
}

# Library (how its headers begin): the folders that may know it.  Only what is listed is checked.
LIBRARIES = {
    "librdkafka/": ["common/kafka", "cli/topics.h", "cli/topics_kafka.c", "tests"],
    "libpq": ["common/postgres", "tests"],
    "unicode/": ["common/icu", "tests"],
    "avro": ["common/codec", "tests"],
    # The worker's only HTTP is GET /metrics.
    "microhttpd": ["api", "worker/metrics.c", "tests"],
    "curl/": ["cli/run_http.c", "tests"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def is_within(path, places):
    return any(path == place or path.startswith(place + "/") for place in places)


def check(path, number, kind, target, findings):
    place = f"{path}:{number}"
    name = str(path)
    if kind == "<":
        for library, doors in LIBRARIES.items():
            if target.startswith(library) and not is_within(name, doors):
                findings.add(place, f"<{target}> is for {', '.join(doors)} only")
        return
    layer = next((layer for layer in LAYERS if is_within(name, [layer])), None)
    if layer is None:
        findings.add(place, "lies in no layer that tests/lint/layers.py knows")
    elif not pathlib.Path(target).is_file():
        findings.add(place, f'"{target}" is not a path from the root of the tree')
    elif not is_within(target, [layer, *LAYERS[layer]]):
        findings.add(place, f'{layer} must not include "{target}"')


findings = Findings()
for path in sources(".c", ".h", ".def"):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if match := INCLUDE.match(line):
            check(path, number, *match.groups(), findings)
findings.exit()
