#!/usr/bin/env bash
# Make the secret files of compose.production.yml.  usage: sudo deploy/secrets.sh [DIRECTORY]   (deploy/secrets)
# What is there stays; so it can be run again.  Remove a password's file, run it and restart to have a new password.
set -euo pipefail

directory=${1:-$(dirname "${BASH_SOURCE[0]}")/secrets}
billd_uid=10001 # the user in deploy/Dockerfile

random_hex()
{
	od -An -v -tx1 -N "$1" /dev/urandom | tr -d ' \n'
}

# write NAME OWNER: standard input into a file that its owner alone may read, whole or not at all.
write()
{
	cat >"$directory/$1.new"
	chown "$2" "$directory/$1.new"
	chmod 0400 "$directory/$1.new"
	mv "$directory/$1.new" "$directory/$1"
}

if [ "$(id -u)" != 0 ]; then
	printf 'error: run this as root: the files belong to the users inside the containers\n' >&2
	exit 1
fi
umask 077
mkdir -p "$directory"
# The directory may be entered, so that the users of the containers get to the files that are theirs.
chmod 0711 "$directory"
printf '*\n' >"$directory/.gitignore"

for role in postgres owner api worker; do
	[ -s "$directory/${role}_password" ] || random_hex 24 | write "${role}_password" root
done
for role in owner api worker; do
	printf 'postgresql://billd_%s:%s@postgres/billd\n' "$role" "$(cat "$directory/${role}_password")" |
		write "${role}_database_url" "$billd_uid"
done
[ -s "$directory/request_secret" ] || random_hex 32 | write request_secret "$billd_uid"
printf 'the secrets are in %s\n' "$directory" >&2
