#!/usr/bin/env python3
"""Run one of the analyzers over our C; a file that is as it was when it was clean is not read again.

    analyse.py format|headers|tidy|cppcheck|analyzer [FILE...]

LINT_CFLAGS are the flags that the compiler needs.  What was clean is noted in build/lint by a hash of
the file, of all of ours that it includes, and of the tool with its settings.
"""

import concurrent.futures
import functools
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys

from report import FOLDERS, PROGRAMS, Findings, sources

CFLAGS = os.environ.get("LINT_CFLAGS", "-std=c17 -D_GNU_SOURCE -I.").split()
STAMPS = pathlib.Path("build/lint")
INCLUDE = re.compile(rb'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
FINDING = re.compile(r"(\S+?:\d+)(?::\d+)?: (?:fatal )?(?:error|warning|performance|portability): (.*)")

# Name: the command, with the file in place of @; the settings that it reads; which files, of which folders.
TOOLS = {
    "format": (
        ["clang-format-14", "--dry-run", "-Werror", "@"],
        [".clang-format"],
        (".c", ".h"),
        FOLDERS,
    ),
    "headers": (["gcc", *CFLAGS, "-Wno-pedantic", "-fsyntax-only", "-x", "c", "@"], [], (".h",), FOLDERS),
    "tidy": (
        ["clang-tidy-14", "--quiet", "@", "--", *CFLAGS],
        [".clang-tidy"],
        (".c",),
        PROGRAMS,
    ),
    # A suppression stands in the code, with its reason: tree.py looks after that.  For all: uninitvar takes
    # memory that a call fills for unset, and the compilers know better; CHECK(!"why") is how we write "never".
    "cppcheck": (
        [
            *("cppcheck", "--quiet", "--enable=warning,performance,portability", "--inline-suppr"),
            *("--suppress=uninitvar", "--suppress=incorrectStringBooleanError"),
            *("--std=c11", "-D_GNU_SOURCE", "-I.", "--template={file}:{line}: {severity}: {message} [{id}]", "@"),
        ],
        [],
        (".c",),
        PROGRAMS,
    ),
    # What it finds differs much between releases of gcc: that of Debian 12, where it is there.
    "analyzer": (
        [
            *(shutil.which("gcc-12") or "gcc", *CFLAGS, "-O1", "-fanalyzer", "-fdiagnostics-plain-output"),
            *("-c", "-o", "/dev/null", "@"),
        ],
        [],
        (".c",),
        PROGRAMS,
    ),
}


@functools.cache
def content(path):
    """The hash of a file, and the files of ours that it includes."""
    data = pathlib.Path(path).read_bytes() if pathlib.Path(path).is_file() else b""
    return hashlib.sha256(data).hexdigest(), [name.decode() for name in INCLUDE.findall(data)]


def closure(path, seen):
    if path not in seen:
        seen.add(path)
        for name in content(path)[1]:
            closure(name, seen)
    return seen


@functools.cache
def tool_hash(tool):
    command, settings, _, _ = TOOLS[tool]
    version = subprocess.run([command[0], "--version"], capture_output=True, check=True).stdout
    return repr([command, version, [content(name)[0] for name in settings]])


def stamp_of(tool, path):
    parts = [tool_hash(tool)] + [f"{name} {content(name)[0]}" for name in sorted(closure(str(path), set()))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def findings_of(tool, path):
    """The tool's (place, text) pairs; all that it said, when it failed and none of it is in the form we know."""
    command = [str(path) if word == "@" else word for word in TOOLS[tool][0]]
    result = subprocess.run(command, capture_output=True, text=True)
    output = result.stdout + result.stderr
    rows = [match.groups() for line in output.splitlines() if (match := FINDING.match(line))]
    if not rows and result.returncode != 0:
        rows = [(str(path), " / ".join(output.split("\n")[-5:]).strip() or f"{command[0]} failed")]
    return [(place.removeprefix(f"{os.getcwd()}/").removeprefix("./"), text) for place, text in rows]


def main(tool, files):
    findings = Findings()
    _, _, suffixes, folders = TOOLS[tool]
    todo = []
    for path in files or sources(*suffixes, folders=folders):
        note, stamp = STAMPS / tool / f"{path}.clean", stamp_of(tool, path)
        if not note.exists() or note.read_text() != stamp:
            todo.append((path, note, stamp))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda row: findings_of(tool, row[0]), todo)
        for (_, note, stamp), rows in zip(todo, results, strict=True):
            # One line says that a file is to be laid out anew.
            for place, text in rows[:1] if tool == "format" else rows:
                findings.add(place, f"{text} ({tool})")
            if not rows:
                note.parent.mkdir(parents=True, exist_ok=True)
                note.write_text(stamp)
    findings.exit()


if len(sys.argv) < 2 or sys.argv[1] not in TOOLS:
    sys.exit(__doc__)
try:
    main(sys.argv[1], [pathlib.Path(name) for name in sys.argv[2:]])
except FileNotFoundError as error:
    sys.exit(f"{error.filename} is missing; install it with: make deps")
