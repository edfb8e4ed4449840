#!/bin/sh
# Fetch the files of Swagger UI that /docs serves.  usage: api/swagger-ui.sh VERSIONFILE DIR
# VERSIONFILE names the package, its version and its integrity; what does not match is not used.
set -eu

read -r package version integrity <"$1"
target=$2

die()
{
	echo "swagger-ui.sh: $*" >&2
	exit 1
}

for tool in npm node; do
	command -v "$tool" >/dev/null || die "$tool is missing; install it with: make deps"
done

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
(cd "$scratch" && npm pack --silent --ignore-scripts "$package@$version" >/dev/null) ||
	die "$package $version could not be fetched"
set -- "$scratch"/*.tgz
if [ $# != 1 ] || [ ! -f "$1" ]; then
	die "npm left no package"
fi
found=$(node -e '
const bytes = require("fs").readFileSync(process.argv[1]);
console.log("sha512-" + require("crypto").createHash("sha512").update(bytes).digest("base64"));
' "$1")
[ "$found" = "$integrity" ] || die "$package $version has the integrity $found, not $integrity"

tar -xzf "$1" -C "$scratch"
mkdir -p "$target"
for file in swagger-ui.css swagger-ui-bundle.js favicon-32x32.png; do
	cp "$scratch/package/$file" "$target/$file.new"
	mv "$target/$file.new" "$target/$file"
	touch "$target/$file"
done
