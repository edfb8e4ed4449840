#!/usr/bin/env bash
# Every statement of the programs prepares on a database that the migrations made, with the rights of its role.
#
# The database is a private one, on a port of its own, and gone at the end, whatever happens.
#   BILLD_BIN_DIR  where the programs are (build/release)
set -euo pipefail

bin=${BILLD_BIN_DIR:-build/release}
# What this shell has is of another stack.
while read -r name; do
	unset "$name"
done < <(compgen -e BILLD_)

BILLD_RUN_DIR=$(mktemp -d)
# PostgreSQL's user must pass through it; what is secret in it is closed by its own mode.
chmod 711 "$BILLD_RUN_DIR"
trap 'deploy/postgres.sh wipe 2>/dev/null; rm -rf "$BILLD_RUN_DIR"' EXIT
BILLD_POSTGRES_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export BILLD_RUN_DIR BILLD_POSTGRES_PORT

# step WHAT ROLE COMMAND...: one line, and what the program said, when it fails.
step()
{
	local what=$1 output

	BILLD_DATABASE_URL=$(deploy/postgres.sh url "$2")
	export BILLD_DATABASE_URL
	shift 2
	if ! output=$("$@" 2>&1); then
		printf '%s: %s\n' "$what" "$(tail -n 1 <<<"$output")"
		return 1
	fi
}

if ! output=$(deploy/postgres.sh start 2>&1); then
	printf 'deploy/postgres.sh: %s\n' "$output"
	exit 1
fi
step "billd migrate up" owner "$bin/billd" migrate up || exit 1
failed=0
step "billd-worker --check" worker "$bin/billd-worker" --check || failed=1
# Any secret does: nothing is tagged.
BILLD_SECRET=$(printf '%064d' 0)
export BILLD_SECRET
step "billd-api --check" api "$bin/billd-api" --check || failed=1
exit "$failed"
