#!/usr/bin/env python3
"""What the objects of build/release say: a module exports its own names only, nothing that can be
written to is shared, the billing rules call nothing that is not pure, and no worker goes by its machine's clock.

    symbols.py names|purity|clocks
"""

import pathlib
import re
import subprocess
import sys

from report import PROGRAMS, Findings, sources

OBJECTS = pathlib.Path("build/release")
FILE_SCOPE = "bd"  # nm's letters for what is private to a file, in writable data

# Names that do not begin with their file's: the file, the beginning of the names, and why.
EXCEPTIONS = [
    ("common/base/str.c", "buf_", "a struct buf is what builds a struct str"),
    ("common/base/id.c", "murmur2", "the name that Kafka's clients give it"),
    ("common/base/daemon.c", "clock_", "the clock is read at the edge, which is the daemon"),
    ("common/domain/money.c", "currency_", "money and its currency are one module"),
    ("common/domain/calendar.c", "interval_", "what a calendar counts in"),
    ("common/domain/calendar.c", "anchoring_", "how periods lie on a calendar"),
    ("common/domain/assessment.c", "assess", "what it does with an assessment"),
    ("common/domain/coupon.c", "discount_", "a coupon that a subscription came with"),
    ("common/codec/transcode_fault.c", "fault_", "what transcode.h calls its faults"),
    ("common/domain/role.c", "permission_", "a role is what it may"),
    ("common/base/signing.c", "signature_", "what signing keys make"),
    ("common/base/token.c", "random_token_", "tokens that say nothing"),
    ("common/postgres/row_sql.c", "column_", "a row is its columns"),
    ("common/postgres/migrate.c", "migration", "what migrate_* applies"),
    ("common/kafka/conf.c", "kafka_conf_", "conf alone would not say whose"),
    ("worker/batch.c", "message_", "a batch is its messages"),
    ("worker/progress.c", "partition", "progress is kept for each partition"),
    ("worker/decision.c", "decider_", "who makes the decisions of a batch"),
    ("api/respond.c", "answer_", "what a response is made of"),
    ("api/respond.c", "json_put_", "the values of an answer"),
    ("api/route.c", "resource_", "what the routes are about"),
    ("api/arguments.c", "percent_decode", "how arguments are written"),
    ("cli/arguments.c", "cli_", "declared in cli.h"),
    ("cli/database.c", "cli_", "declared in cli.h"),
    ("cli/replay.c", "dead_letters_", "the second half of dead_letters.c"),
]

# The files of common/base that are pure, less the names that are not: struct buf allocates.
PURE_BASE = ("check", "civil", "decimal", "instant", "str", "uuid")
IMPURE_NAMES = ("buf_",)
# What a pure function may have from the C library and the compiler.
PURE_IMPORTS = {
    "memchr", "memcmp", "memcpy", "memmove", "memset", "strlen",
    "__stack_chk_fail", "__divti3", "__modti3", "__udivti3", "__umodti3",
}  # fmt: skip

# Who in worker/ looks at the machine's clock, and what for: all else is dated by commands and by the database's clock.
MACHINE_CLOCKS = {"clock_now_ms", "time", "gettimeofday", "clock_gettime"}
CLOCK_READERS = {
    "worker/chunk.c": "a metric: how late invoices come",
    "worker/loop.c": "a metric: how long messages wait",
}


def symbols(path):
    """(name, nm's letter, section) for each symbol of an object."""
    output = subprocess.run(["nm", "-f", "sysv", path], check=True, capture_output=True, text=True).stdout
    rows = [[cell.strip() for cell in line.split("|")] for line in output.splitlines()]
    return [(row[0], row[2], row[6]) for row in rows if len(row) == 7]


def built(findings, folders=PROGRAMS):
    """(source, its symbols) for each file that is compiled, and a finding for each that is not."""
    for source in sources(".c", folders=folders):
        path = OBJECTS / source.with_suffix(".o")
        if not path.exists() or path.stat().st_mtime < source.stat().st_mtime:
            findings.add(source, f"has no current {path}: run make")
        else:
            yield source, symbols(path)


def own_name(stem):
    """How the names of a file begin: handle_plan.c has plan_, publish.c publisher_ as well."""
    words = {word.removesuffix("s") for word in (stem, stem.split("_")[0], stem.removeprefix("handle_"))}
    # A name that a library has taken gets billd_ before it.
    return re.compile(f"(billd_)?({'|'.join(sorted(words))})(s|r|er)?(_|$)")


def check_names(findings):
    used = set()
    for source, rows in built(findings):
        own = own_name(source.stem)
        for name, letter, section in rows:
            if not letter.isupper() or letter in "UVW":
                continue
            if section.startswith((".data", ".bss")) and not section.startswith(".data.rel.ro"):
                findings.add(source, f"{name} is a global variable that can be written to")
            if own.match(name) or name == "main":
                continue
            known = {row for row in EXCEPTIONS if row[0] == str(source) and name.startswith(row[1])}
            used |= known
            if not known:
                findings.add(source, f"exports {name}, which is not one of its names")
    for row in EXCEPTIONS:
        if row not in used and pathlib.Path(row[0]).exists():
            findings.add("tests/lint/symbols.py", f"the exception {row[:2]} is not needed any more")


def check_purity(findings):
    objects = dict(built(findings, ["common/domain"]))
    base = [pathlib.Path(f"common/base/{stem}.c") for stem in PURE_BASE]
    allowed = {*PURE_IMPORTS}
    for source, rows in built(findings, ["common/domain", "common/base"]):
        if source in objects or source in base:
            allowed |= {name for name, letter, _ in rows if letter == "T" and not name.startswith(IMPURE_NAMES)}
    for source, rows in objects.items():
        for name, letter, section in rows:
            if letter == "U" and name not in allowed:
                findings.add(source, f"calls {name}, which is not pure")
            if letter in FILE_SCOPE and not section.startswith(".data.rel.ro"):
                findings.add(source, f"keeps state in {name}")


def check_clocks(findings):
    readers = {str(source) for source, rows in built(findings, ["worker"]) if MACHINE_CLOCKS & {row[0] for row in rows}}
    for source in readers - set(CLOCK_READERS):
        findings.add(source, "goes by its machine's clock, and they differ: worker/database_clock.h")
    for source in set(CLOCK_READERS) - readers:
        findings.add("tests/lint/symbols.py", f"{source} does not look at the clock any more")


CHECKS = {"names": check_names, "purity": check_purity, "clocks": check_clocks}

if len(sys.argv) != 2 or sys.argv[1] not in CHECKS:
    sys.exit(__doc__)
findings = Findings()
CHECKS[sys.argv[1]](findings)
findings.exit()
