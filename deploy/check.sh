#!/usr/bin/env bash
# Static checks of everything in this folder, without Docker and without starting anything; part of `make lint`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=0

fault()
{
	printf 'deploy/check.sh: %s\n' "$*" >&2
	failed=1
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
scripts=(deploy/*.sh .ci/run)

# The shell scripts.
for script in "${scripts[@]}"; do
	bash -n "$script" || fault "$script is not valid bash"
	[ -x "$script" ] || [ "$script" = deploy/lib.sh ] || fault "$script is not executable"
done
if command -v shellcheck >/dev/null; then
	shellcheck -x "${scripts[@]}" || fault "shellcheck found faults"
else
	fault "shellcheck is missing; install it with: make deps"
fi

# What our files say they call or copy must be there.
while read -r named; do
	[ -e "$named" ] || fault "$named is named somewhere, and does not exist"
done < <(grep -rhoE '\b(deploy|docs)/[a-z_./-]+\.(sh|sql|md|yml|xml|py)\b' deploy docker-compose.yml docs .ci .github | sort -u)
while read -r source; do
	[ -e "$source" ] || fault "deploy/Dockerfile copies $source, which does not exist"
done < <(sed -n 's/^COPY \([^- ][^ ]*\) .*/\1/p' deploy/Dockerfile)

# Kafka's jars: each line a checksum, and the broker's version that of the pom.
kafka=$(sed -n '/kafka_2.13/{n;s/.*<version>\(.*\)<.*/\1/p}' deploy/kafka/pom.xml)
! grep -vqE '^[0-9a-f]{64}  [A-Za-z0-9._-]+\.jar$' deploy/kafka/SHA256SUMS || fault "SHA256SUMS has a line of another form"
grep -q "  kafka_2.13-$kafka\.jar$" deploy/kafka/SHA256SUMS || fault "SHA256SUMS is not that of Kafka $kafka"

# The compose files: by Docker itself where it is, and by our own rules.
python=python3
python3 -c 'import yaml' 2>/dev/null || python=/usr/bin/python3
if "$python" -c 'import yaml' 2>/dev/null; then
	"$python" deploy/check_compose.py . || fault "the compose files have faults"
	# The parts of the workflow run, together, every stage of `make test`.
	parts=$("$python" -c 'import sys, yaml
print(*yaml.safe_load(open(sys.argv[1]))["jobs"]["test"]["strategy"]["matrix"]["stages"])' .github/workflows/ci.yml)
	[ "$parts" = "$(sed -n 's/^STAGES := //p' Makefile)" ] || fault "ci.yml runs other stages than \`make test\`: $parts"
else
	fault "python3-yaml is missing; install it with: make deps"
fi
if docker compose version >/dev/null 2>&1; then
	docker compose -f docker-compose.yml config -q || fault "docker-compose.yml is refused by Docker"
	docker compose -f deploy/compose.production.yml config -q || fault "compose.production.yml is refused by Docker"
fi

# The units, with programs that exist here in place of ours.
if command -v systemd-analyze >/dev/null; then
	for unit in deploy/systemd/*.service; do
		sed -E 's|^(ExecStart=)/usr/local/bin/\S+|\1/bin/true|' "$unit" >"$scratch/$(basename "$unit")"
	done
	if ! systemd-analyze verify --man=no "$scratch/billd-api.service" "$scratch/billd-worker@1.service" \
		"$scratch/billd-migrate.service" 2>"$scratch/verify" || grep -q "$scratch\|billd" "$scratch/verify"; then
		cat "$scratch/verify" >&2
		fault "the systemd units have faults"
	fi
fi

exit "$failed"
