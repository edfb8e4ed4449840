#!/usr/bin/env bash
# Speed and memory, each figure beside its limit: `make bench`.  tests/bench/README.md says what each means.
#
#   BENCH_SECONDS      how long all of it may take, about (840); counts and turns shrink with it
#   BENCH_ONLY         figures, separated by spaces (all)
#   BENCH_PROFILE      1: where the time goes, by perf, in build/bench/profile-*.txt
#   RUN_SUBSCRIPTIONS  how many a billing run finds due (100000, fewer in less time)
#   BILLD_BIN_DIR      where the programs are (build/release)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

# The tests' Python: the stack that they start is ours as well.
"$root/tests/venv.sh"
BILLD_BIN_DIR=$(cd "$root" && realpath -m "${BILLD_BIN_DIR:-build/release}")
export BILLD_BIN_DIR
export PYTHONPATH=$root/tests/integration:$root/tests/bench PYTHONDONTWRITEBYTECODE=1
cd "$root"
exec "$root/build/venv/bin/python" tests/bench/bench.py
