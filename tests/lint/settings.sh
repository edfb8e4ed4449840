#!/usr/bin/env bash
# docs/settings.md is what the programs say of themselves.  usage: tests/lint/settings.sh check|write
#
#   BILLD_BIN_DIR  where the programs are (build/release)
set -euo pipefail

page=docs/settings.md
bin=${BILLD_BIN_DIR:-build/release}

print()
{
	cat <<-'TEXT'
		# Settings

		Each program reads its settings from the environment, when it starts. A variable that is set and empty counts as
		not set. One that is marked * is a secret: `NAME_FILE` may give the path of a file that holds it instead.
		`--help` prints the same tables.

		`make settings` writes this page from the programs, and `make lint` compares.

	TEXT
	"$bin/billd-api" --settings-markdown
	"$bin/billd-worker" --settings-markdown
	"$bin/billd" settings
}

case ${1:-} in
write)
	mkdir -p docs
	print >"$page.new"
	mv "$page.new" "$page"
	;;
check)
	# In two steps: a program that fails must not look like one without settings.
	now=$(print && printf .)
	if [ "$now" != "$(cat "$page" && printf .)" ]; then
		printf '%s: is not what the programs say; write it anew with: make settings\n' "$page"
		diff -U0 "$page" - <<<"${now%.}" | sed -n '3,8p' || true
		exit 1
	fi
	;;
*)
	printf 'usage: tests/lint/settings.sh check|write\n' >&2
	exit 2
	;;
esac
