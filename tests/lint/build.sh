#!/usr/bin/env bash
# The programs build, and building them leaves nothing outside of build/.
set -uo pipefail

tree()
{
	[ ! -e .git ] || git status --porcelain --untracked-files=all
}

before=$(tree)
failed=0
if ! output=$("${MAKE:-make}" --no-print-directory -k -j2 V=release all 2>&1); then
	grep -E '(error|Error)' <<<"$output" || printf '%s\n' "$output"
	failed=1
fi
while IFS= read -r line; do
	printf '%s: the build changed it\n' "${line:3}"
	failed=1
done < <(comm -13 <(sort <<<"$before") <(tree | sort))
exit "$failed"
