#!/usr/bin/env python3
"""Measure, print a table, write build/bench.json.  Run by tests/bench/run.sh, which says what can be set."""

import json
import os
import platform
import shutil
import subprocess
import sys
import time
import traceback

import figures
import run_figures
from bed import ROOT, Bed
from programs import number_told

FULL_SECONDS = 840
END_SECONDS = 15  # to stop it all
# What is to be reached: of the ratio, or of the value where there is no limit.  "-" is a most, "+" a least.
GOALS = {
    "ingress_1000": ("+", 0.5),
    "worker_vs_unnest": ("+", 0.5),
    "worker_vs_single": ("+", 4),
    "publish": ("+", 0.6),
    "latency_p99": ("-", 3),
    "read_vs_select": ("+", 0.5),
    "rls_cost": ("+", 0.95),
    "rss_api": ("-", 64),
    "rss_worker": ("-", 128),
    "rss_worker_poison": ("-", 8),
    "run_invoices": ("+", 20000),
    "run_vs_copy": ("+", 0.6),
    "run_growth": ("-", 1.3),
    "run_two_workers": ("+", 1.0),
    "run_live_p99": ("-", 3),
    "run_event_lag": ("-", 5),
    "rss_run": ("-", 128),
}
STAGES = [*figures.STAGES, *run_figures.STAGES, figures.LAST]
ORDER = [
    "ingress_64", "ingress_1000", "worker_vs_unnest", "worker_vs_single", "publish", "latency_p50", "latency_p99",
    "read_vs_select", "rls_cost", "rss_api", "rss_worker", "rss_worker_poison",
    "run_invoices", "run_vs_copy", "run_growth", "run_two_workers", "run_live_p99", "run_event_lag", "rss_run",
    "rate_flat", "rate_per_unit", "rate_graduated", "rate_volume", "rate_package", "rate_percentage",
]  # fmt: skip


def version_of(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def versions(bed):
    postgres = bed.connection.execute("SHOW server_version").fetchone()[0].split()[0]
    fsync = bed.connection.execute("SHOW fsync").fetchone()[0]
    kafka = next((ROOT / "build/kafka").glob("kafka-server-[0-9]*.jar"), None)
    kafka = kafka.stem.removeprefix("kafka-server-") if kafka else "?"
    libraries = [f"{name} {version_of('pkg-config', '--modversion', name)}" for name in ("rdkafka", "libmicrohttpd")]
    return (
        f"PostgreSQL {postgres} fsync={fsync}, Kafka {kafka} (1 node, 16 partitions), {', '.join(libraries)}, "
        f"Linux {platform.release()}, {os.cpu_count()} cores for all of it, the load too"
    )


def scaler(share):
    """Counts and durations by how much time is left: never more than in full, and never too few to say anything."""

    def scale(full, least):
        return max(least, int(full * min(1, share)))

    return scale


def verdict(figure):
    """(the goal as text, OK or below or nothing)"""
    if figure.name not in GOALS:
        return "", ""
    direction, goal = GOALS[figure.name]
    reached = figure.value if figure.ratio is None else figure.ratio
    met = reached >= goal if direction == "+" else reached <= goal
    return f"{'≥' if direction == '+' else '≤'} {goal}", "OK" if met else "below" if direction == "+" else "above"


def number(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def table(measured):
    rows = [("figure", "value", "unit", "limit", "ratio", "goal", "")]
    for figure in measured:
        row = (figure.name, number(figure.value), figure.unit, number(figure.limit_value), number(figure.ratio))
        rows.append(row + verdict(figure))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [cell.ljust(width) if i in (0, 2, 5, 6) else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths, strict=True))]  # fmt: skip
        print("  ".join(cells).rstrip())
    print()
    for figure in measured:
        print(f"{figure.name}: {f'limit: {figure.limit}. ' if figure.limit else ''}{figure.conditions}")


def write(measured, said):
    rows = [
        {
            "name": figure.name,
            "value": round(figure.value, 3),
            "unit": figure.unit,
            "limit": figure.limit,
            "limit_value": figure.limit_value and round(figure.limit_value, 3),
            "ratio": figure.ratio and round(figure.ratio, 3),
            "conditions": f"{figure.conditions}; {said}",
        }
        for figure in measured
    ]
    (ROOT / "build/bench.json").write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main():
    deadline = time.monotonic() + number_told("BENCH_SECONDS", FULL_SECONDS, least=1)
    only = os.environ.get("BENCH_ONLY", "").split()
    unknown = set(only) - set(ORDER)
    if unknown:
        sys.exit(f"error: BENCH_ONLY: there is no figure {' '.join(sorted(unknown))}; there are {' '.join(ORDER)}")
    profile = os.environ.get("BENCH_PROFILE") == "1"
    if profile and not shutil.which("perf"):
        sys.exit("error: BENCH_PROFILE=1 needs perf: the package linux-perf, or linux-tools-generic on Ubuntu")
    bed = Bed(profile)
    stages = [stage for stage in STAGES if not only or set(stage[1]) & set(only)]
    measured, failed = [], []
    try:
        bed.start()
        said = versions(bed)
        while stages:
            left = deadline - END_SECONDS - time.monotonic()
            scale = scaler(left / sum(planned for _, _, planned in stages))
            stage, names, _ = stages.pop(0)
            began = time.monotonic()
            try:
                measured += [figure for figure in stage(bed, scale) if not only or figure.name in only]
            except Exception:
                # What the other stages say is worth having all the same.
                traceback.print_exc()
                failed += names
                continue
            print(f"measured {', '.join(names)} in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    finally:
        bed.end()
    measured.sort(key=lambda figure: ORDER.index(figure.name))
    table(measured)
    print(f"all: {said}")
    write(measured, said)
    if failed:
        sys.exit(f"error: not measured: {', '.join(failed)}")


main()
