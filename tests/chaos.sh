#!/usr/bin/env bash
# Load, faults, and a judge: `make chaos`.  usage: tests/chaos.sh
#
#   CHAOS_SEED, CHAOS_FAULTS, CHAOS_SECONDS, CHAOS_MIXED  see docs/chaos.md
#
# It needs the programs with crash points (make V=chaos, in build/chaos). The stack that it starts is its own.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
"$root/tests/venv.sh"

# The stack's own settings come from the driver; what this shell has is of another stack.
while read -r name; do
	unset "$name"
done < <(compgen -e BILLD_)

export PYTHONPATH=$root/tests/integration:$root/tests/chaos PYTHONDONTWRITEBYTECODE=1
cd "$root"
exec "$root/build/venv/bin/python" tests/chaos/run.py
