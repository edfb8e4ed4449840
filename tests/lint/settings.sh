#!/usr/bin/env bash
# docs/settings.md and docs/roles.md are what the programs say of themselves.  usage: tests/lint/settings.sh check|write
#
#   BILLD_BIN_DIR  where the programs are (build/release)
set -euo pipefail

bin=${BILLD_BIN_DIR:-build/release}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

settings()
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

roles()
{
	gcc -std=c17 -D_GNU_SOURCE -I. -o "$scratch/roles" tests/lint/roles.c common/domain/role.c common/base/check.c \
		common/base/str.c
	"$scratch/roles"
}

# First as a whole: a program that fails must not look like one that has nothing to say.
settings >"$scratch/settings.md"
roles >"$scratch/roles.md"

failed=0
for page in settings roles; do
	case ${1:-} in
	write)
		cp "$scratch/$page.md" "docs/$page.md"
		;;
	check)
		if ! cmp -s "docs/$page.md" "$scratch/$page.md"; then
			printf 'docs/%s.md: is not what the programs say; write it anew with: make settings\n' "$page"
			diff -U0 "docs/$page.md" "$scratch/$page.md" | sed -n '3,8p' || true
			failed=1
		fi
		;;
	*)
		printf 'usage: tests/lint/settings.sh check|write\n' >&2
		exit 2
		;;
	esac
done
exit "$failed"
