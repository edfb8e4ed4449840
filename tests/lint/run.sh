#!/usr/bin/env bash
# The rules that a machine can hold: `make lint`.  usage: tests/lint/run.sh [RULE...]  (all of them)
#
# A rule is a command: it prints a line for each finding, and ends with something else than 0 when it has any.
# All of them run, whatever the others found. LINT_CFLAGS, from the Makefile, are what the compiler needs.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
export PYTHONDONTWRITEBYTECODE=1

here=tests/lint
rules=(
	"build      $here/build.sh"
	"tree       python3 $here/tree.py"
	"format     python3 $here/analyse.py format"
	"guards     python3 $here/headers.py"
	"headers    python3 $here/analyse.py headers"
	"layers     python3 $here/layers.py"
	"names      python3 $here/symbols.py names"
	"purity     python3 $here/symbols.py purity"
	"clocks     python3 $here/symbols.py clocks"
	"tidy       python3 $here/analyse.py tidy"
	"cppcheck   python3 $here/analyse.py cppcheck"
	"analyzer   python3 $here/analyse.py analyzer"
	"scripts    $here/scripts.sh"
	"deploy     deploy/check.sh"
	"settings   $here/settings.sh check"
	"schemas    $here/schemas.sh"
	"sql        $here/sql.sh"
	"selftest   $here/selftest.sh"
)

held=0 broken=()
for rule in "${rules[@]}"; do
	read -r name command <<<"$rule"
	[ $# = 0 ] || [[ " $* " = *" $name "* ]] || continue
	began=$SECONDS
	# shellcheck disable=SC2086  # a command and its arguments
	if $command; then
		held=$((held + 1)) verdict=holds
	else
		broken+=("$name") verdict=BROKEN
	fi
	printf '  LINT %-9s %s (%s s)\n' "$name" "$verdict" "$((SECONDS - began))"
done

if [ $((held + ${#broken[@]})) = 0 ]; then
	printf 'there is no such rule: %s\n' "$*" >&2
	exit 2
fi
printf '%s rules hold, %s broken%s\n' "$held" "${#broken[@]}" "${broken[*]:+: ${broken[*]}}"
[ "${#broken[@]}" = 0 ]
