#!/usr/bin/env bash
# The billing rules in Python against those in C.  usage: tests/oracle.sh [PYTEST ARGUMENT...]
#
#   ORACLE_LIBRARY  the domain as a shared library (build/oracle/libbilld_domain.so)
#   ORACLE_SEED     which random cases (1); new: others each time, whose seed is printed
#   ORACLE_CASES    how many of them, as a factor (1: more than 100,000)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/build/venv
"$root/tests/venv.sh"

ORACLE_LIBRARY=$(cd "$root" && realpath -m "${ORACLE_LIBRARY:-build/oracle/libbilld_domain.so}")
export ORACLE_LIBRARY
if [ ! -f "$ORACLE_LIBRARY" ]; then
	printf 'error: %s is missing; build it with: make oracle\n' "$ORACLE_LIBRARY" >&2
	exit 1
fi

export PYTHONPATH=$root/tests/oracle PYTHONDONTWRITEBYTECODE=1
cd "$root"
exec "$venv/bin/pytest" -c tests/oracle/pytest.ini --rootdir . -o "cache_dir=$root/build/pytest_cache_oracle" "$@"
