#!/usr/bin/env bash
# Install what is missing on Debian 12 or Ubuntu 24.04.  usage: deploy/deps.sh [build|run|test|lint|bench|chaos]...
# (all but bench and chaos)
# What is there already, from whatever source, is left alone; with nothing missing it takes a moment and no network.
set -euo pipefail

missing=()

say()
{
	printf '%s\n' "$*" >&2
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		say "error: packages are missing and there is no sudo; run deploy/deps.sh as root"
		exit 1
	fi
}

installed()
{
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# packages NAME...: these must be Debian packages.
packages()
{
	local package

	for package in "$@"; do
		installed "$package" || missing+=("$package")
	done
}

# programs PROGRAM[:PACKAGE]...: these may come from anywhere.
programs()
{
	local entry

	for entry in "$@"; do
		command -v "${entry%%:*}" >/dev/null || missing+=("${entry##*:}")
	done
}

java_is_new()
{
	local version

	command -v java >/dev/null || return 1
	version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')
	[ "${version:-0}" -ge 17 ]
}

postgresql_is_new()
{
	local initdb

	for initdb in /usr/lib/postgresql/{1[5-9],[2-9][0-9]}/bin/initdb; do
		[ ! -x "$initdb" ] || return 0
	done
	return 1
}

python_is_new()
{
	python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# The tz database.  Newer systems keep names that have changed, such as Asia/Calcutta, in a package of their own.
time_zones()
{
	packages tzdata
	grep -q '^VERSION_CODENAME=bookworm$' /etc/os-release || packages tzdata-legacy
}

group_build()
{
	packages ca-certificates pkg-config librdkafka-dev libmicrohttpd-dev libavro-dev libjansson-dev libsodium-dev \
		libicu-dev libpq-dev libcurl4-openssl-dev
	programs gcc make git npm
	# gcc alone brings no headers of the C library.
	packages libc6-dev
	time_zones
}

group_run()
{
	postgresql_is_new || missing+=(postgresql)
	java_is_new || missing+=(openjdk-17-jre-headless)
	programs mvn:maven curl jq kcat psql:postgresql-client flock:util-linux
	time_zones
}

group_test()
{
	packages check libc6-dbg
	time_zones
	# Fuzzers: gcc has none.
	packages libclang-rt-dev
	programs valgrind clang
	python_is_new || missing+=(python3 python3-venv)
}

# Its load generators are ours, in tests/bench.
group_bench()
{
	python_is_new || missing+=(python3 python3-venv)
}

group_chaos()
{
	packages faketime
}

group_lint()
{
	programs clang-format-14 clang-tidy-14 cppcheck shellcheck
	python3 -c 'import yaml' 2>/dev/null || /usr/bin/python3 -c 'import yaml' 2>/dev/null || missing+=(python3-yaml)
}

apt()
{
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

# The package makes and starts a cluster of its own, unless it is told before it comes.
postgresql_without_cluster()
{
	apt install --no-install-recommends postgresql-common
	printf '%s\n' '# Set by billd: it makes its own cluster.' 'create_main_cluster = false' |
		as_root tee -a /etc/postgresql-common/createcluster.conf >/dev/null
}

if ! command -v apt-get >/dev/null; then
	say "error: this needs apt-get (Debian 12, Ubuntu 24.04); the packages' names are in deploy/deps.sh"
	exit 1
fi
[ $# -gt 0 ] || set -- build run test lint
for group in "$@"; do
	case $group in
	build | run | test | lint | bench | chaos) "group_$group" ;;
	*) say "usage: deploy/deps.sh [build|run|test|lint|bench|chaos]..." && exit 2 ;;
	esac
done
[ "${#missing[@]}" -gt 0 ] || exit 0

say "installing: ${missing[*]}"
apt update
for package in "${missing[@]}"; do
	[ "$package" != postgresql ] || postgresql_without_cluster
done
apt install --no-install-recommends "${missing[@]}"
