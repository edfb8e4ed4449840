#!/usr/bin/env bash
# Shell scripts by shellcheck (those of deploy/ by deploy/check.sh), Python by ruff.
set -uo pipefail

failed=0
mapfile -t shell < <(find tests api common worker cli -name '*.sh' | sort)
shellcheck -x -f gcc "${shell[@]}" || failed=1
tests/venv.sh || exit 1
for check in check "format --check"; do
	# shellcheck disable=SC2086  # a command and its argument
	build/venv/bin/ruff $check --quiet --config tests/ruff.toml --output-format concise tests deploy || failed=1
done
exit "$failed"
