#!/usr/bin/env bash
# The tests that use real servers and the real programs.  usage: tests/integration.sh [PYTEST ARGUMENT...]
#
#   BILLD_BIN_DIR  where the programs are (build/release)
#   ORACLE_SEED    which random lives are compared with tests/oracle (1); new: others each time
#   ORACLE_LIVES   how many of them for each way of prorating (10)
#
# The stack that they start is theirs alone: own ports, own directory, gone at the end. What stays after a
# failure are its logs, in build/integration.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/build/venv
"$root/tests/venv.sh"

BILLD_BIN_DIR=$(cd "$root" && realpath -m "${BILLD_BIN_DIR:-build/release}")
export BILLD_BIN_DIR
for program in billd-api billd-worker billd; do
	if [ ! -x "$BILLD_BIN_DIR/$program" ]; then
		printf 'error: %s is missing; build it with: make\n' "$BILLD_BIN_DIR/$program" >&2
		exit 1
	fi
done

# The stack's own settings come from the tests; what this shell has is of another stack.
while read -r name; do
	[ "$name" = BILLD_BIN_DIR ] || unset "$name"
done < <(compgen -e BILLD_)

export PYTHONPATH=$root/tests/integration:$root/tests/chaos:$root/tests/oracle PYTHONDONTWRITEBYTECODE=1
cd "$root"
exec "$venv/bin/pytest" -c tests/integration/pytest.ini --rootdir . -o "cache_dir=$root/build/pytest_cache" "$@"
