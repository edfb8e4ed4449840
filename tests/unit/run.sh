#!/usr/bin/env bash
# Run unit test programs and add up what they say.  usage: tests/unit/run.sh PROGRAM...
#
# Each program ends, as Check does, with "<percent>%: Checks: <n>, Failures: <n>, Errors: <n>" for each of its suites.
# Last comes one line, "<n> passed, <n> failed"; the exit code is 0 when nothing failed and every program ran tests.
set -uo pipefail

if [ $# = 0 ]; then
	printf 'usage: tests/unit/run.sh PROGRAM...\n' >&2
	exit 2
fi

output=$(mktemp)
trap 'rm -f "$output"' EXIT
passed=0 failed=0

# count FILE: print how many checks of a program's output passed and failed.
count()
{
	sed -nE 's/^[0-9]+%: Checks: ([0-9]+), Failures: ([0-9]+), Errors: ([0-9]+)$/\1 \2 \3/p' "$1" |
		awk '{ checks += $1; bad += $2 + $3 } END { print checks - bad, bad + 0 }'
}

for program in "$@"; do
	"$program" 2>&1 | tee "$output"
	status=${PIPESTATUS[0]}
	read -r good bad < <(count "$output")
	# A program that dies, or that runs nothing, says so nowhere: it counts as one failure.
	if [ "$bad" = 0 ] && { [ "$status" != 0 ] || [ "$good" = 0 ]; }; then
		printf '%s: ended with status %s after %s checks\n' "$program" "$status" "$good"
		bad=1
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
done

printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
