#!/usr/bin/env bash
# Python's packages of the tests, in build/venv.  usage: tests/venv.sh
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/build/venv
requirements=$root/tests/requirements.txt

# The stamp is written last: an installation that was cut short begins again.
venv_make()
{
	if [ -x "$venv/bin/pytest" ] && cmp -s "$requirements" "$venv/requirements.stamp"; then
		return
	fi
	rm -rf "$venv"
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
	cp "$requirements" "$venv/requirements.stamp"
}

mkdir -p "$root/build"
(
	flock 9
	venv_make 9>&-
) 9>"$root/build/venv.lock"
