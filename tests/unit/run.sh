#!/usr/bin/env bash
# Run unit test programs, as many side by side as there are processors, and add up what they say.
# usage: tests/unit/run.sh PROGRAM...    WITH="valgrind -q …" stands before each.
#
# Each program ends, as Check does, with "<percent>%: Checks: <n>, Failures: <n>, Errors: <n>" for each of its suites.
# What one prints stays together.  Last comes one line, "<n> passed, <n> failed"; the exit code is 0 when nothing failed
# and every program ran tests.
set -uo pipefail

if [ $# = 0 ]; then
	printf 'usage: tests/unit/run.sh PROGRAM...\n' >&2
	exit 2
fi

outputs=$(mktemp -d)
trap 'rm -rf "$outputs"' EXIT
read -ra with <<<"${WITH:-}"
# The sanitizers of older compilers want their shadow memory where newer kernels may put a library.
! setarch -R true 2>/dev/null || with=(setarch -R "${with[@]}")

# count FILE: print how many checks of a program's output passed and failed.
count()
{
	sed -nE 's/^[0-9]+%: Checks: ([0-9]+), Failures: ([0-9]+), Errors: ([0-9]+)$/\1 \2 \3/p' "$1" |
		awk '{ checks += $1; bad += $2 + $3 } END { print checks - bad, bad + 0 }'
}

# run PROGRAM NUMBER: run it, print what it printed, and leave what it comes to in NUMBER.count.
run()
{
	local output=$outputs/$2.text status good bad

	"${with[@]}" "$1" >"$output" 2>&1
	status=$?
	read -r good bad < <(count "$output")
	# A program that dies, or that runs nothing, says so nowhere: it counts as one failure.
	if [ "$bad" = 0 ] && { [ "$status" != 0 ] || [ "$good" = 0 ]; }; then
		printf '%s: ended with status %s after %s checks\n' "$1" "$status" "$good" >>"$output"
		bad=1
	fi
	flock "$outputs" cat "$output"
	printf '%s %s\n' "$good" "$bad" >"$outputs/$2.count"
}

number=0
for program in "$@"; do
	[ "$number" -lt "$(nproc)" ] || wait -n
	number=$((number + 1))
	run "$program" "$number" &
done
wait

read -r programs passed failed < <(cat "$outputs"/*.count | awk '{ good += $1; bad += $2 } END { print NR, good + 0, bad + 0 }')
# One that left no count was killed with its shell.
failed=$((failed + $# - programs))
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
