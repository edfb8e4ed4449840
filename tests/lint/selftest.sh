#!/usr/bin/env bash
# Each rule finds a breach of it: a copy of the tree is given one at a time, and the rule must name it.
#
# Left out are the rules that start servers or are not ours alone: sql, and deploy.
# shellcheck disable=SC2016,SC2317  # the breaches are code that breach() runs later
set -uo pipefail

root=$(pwd -P)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
here=tests/lint
failed=0

# The sources as git would commit them, and what was built of them, with their times.
copy_make()
{
	{
		if [ -e .git ]; then
			git ls-files -co --exclude-standard
		else
			find . -path ./build -prune -o -type f -print
		fi
		find build/release -name '*.o'
		find build/release -maxdepth 1 -name 'billd*'
	} | while read -r file; do
		[ ! -f "$file" ] || printf '%s\n' "$file"
	done | tar -cf - -T - | tar -xf - -C "$scratch"
	ln -s "$root/build/venv" "$scratch/build/venv"
	git -C "$scratch" init -q && git -C "$scratch" add -A
}

# compile FILE...: the objects of files that a breach has made, without regard to warnings.
compile()
{
	local file

	for file in "$@"; do
		gcc -std=c17 -D_GNU_SOURCE -w -I. -c "$file" -o "build/release/${file%.c}.o"
	done
}

# breach EXPECTED RULE COMMAND: the shell code COMMAND spoils the copy, after which RULE must fail and say EXPECTED.
# What it adds is called planted.* or is not in build/, so that git can undo it.
breach()
{
	local expected=$1 rule=$2 output

	eval "$3"
	# shellcheck disable=SC2086  # a command and its arguments
	if output=$($rule 2>&1); then
		printf '%s: accepts: %s\n' "$rule" "$3"
		failed=1
	elif [[ $output != *"$expected"* ]]; then
		printf '%s: does not say "%s" of: %s\n' "$rule" "$expected" "$3"
		failed=1
	fi
	git checkout -q -- . && git clean -fdq && find build -name 'planted.*' -delete
}

# c FILE TEXT: a C file of one line; h FILE TEXT: a header as it must be, with TEXT in it.
c()
{
	printf '%s\n' "$2" >"$1"
}

h()
{
	local guard=${1//[\/.]/_}

	printf '#ifndef %s\n#define %s\n\n/* A header that a test made, to see whether a rule works. */\n\n%s\n\n#endif\n' \
		"${guard^^}" "${guard^^}" "$2" >"$1"
}

copy_make || exit 1
cd "$scratch" || exit 1

# The build, and the tree.
breach 'spilled: the build' "$here/build.sh" 'printf "all:\n\ttouch spilled\n" >Makefile'
breach 'README.md: the build' "$here/build.sh" 'printf "all:\n\techo >>README.md\n" >Makefile'
breach 'Error' "$here/build.sh" 'printf "all:\n\tfalse\n" >Makefile'
rule="python3 $here/tree.py"
breach 'common/base/planted.c:600: has 601 lines' "$rule" 'yes "" | head -n 601 >common/base/planted.c'
breach 'docs/planted.md:1: "FIX''ME" is a note' "$rule" 'c docs/planted.md "FIX""ME: write this"'
breach 'deploy/planted.sh:1: "/ho''me/a" is a path' "$rule" 'c deploy/planted.sh "cd /ho""me/a"'
breach 'planted.txt:1: "py''pi.org" is the host' "$rule" 'c planted.txt "https://py""pi.org/simple"'
breach 'api/planted.c:1: "NO''LINT" hides' "$rule" 'c api/planted.c "int api_x; /* NO""LINT */"'

# Analyzers, on one file each.
breach 'worker/planted.c:1: code should be' "python3 $here/analyse.py format worker/planted.c" \
	'c worker/planted.c "int planted( void ) { return 1; }"'
breach "worker/planted.h:6: unknown type name" "python3 $here/analyse.py headers worker/planted.h" \
	'h worker/planted.h "uint8_t planted(void);"'
breach 'bugprone-sizeof-expression' "python3 $here/analyse.py tidy worker/planted.c" \
	'c worker/planted.c "unsigned long planted(void) { return sizeof(sizeof(int)); }"'
breach 'clang-analyzer-core.NullDereference' "python3 $here/analyse.py tidy worker/planted.c" \
	'c worker/planted.c "int planted(void) { int *at = 0; return *at; }"'
breach '[arrayIndexOutOfBounds]' "python3 $here/analyse.py cppcheck worker/planted.c" \
	'c worker/planted.c "int planted(void) { int a[2] = {0}; return a[2]; }"'
breach 'analyzer-double-free' "python3 $here/analyse.py analyzer worker/planted.c" \
	'c worker/planted.c "$(printf "#include <stdlib.h>\nvoid planted(void *at);\nvoid planted(void *at) { free(at); free(at); }")"'

# Headers and layers.
rule="python3 $here/headers.py"
breach 'cli/planted.h:1: must be within the guard CLI_PLANTED_H' "$rule" \
	'c cli/planted.h "int planted;"'
breach 'cli/planted.h:1: must be within' "$rule" \
	'printf "#ifndef CLI_PLANTED_H\n#define CLI_PLANTED_H\nint cli_x(void);\n#endif\n" >cli/planted.h'
rule="python3 $here/layers.py"
breach 'common/domain must not include "common/codec/avro.h"' "$rule" \
	'h common/domain/planted.h "#include \"common/codec/avro.h\""'
breach 'common/base must not include "common/domain/money.h"' "$rule" \
	'h common/base/planted.h "#include \"common/domain/money.h\""'
breach 'worker must not include "api/server.h"' "$rule" 'c worker/planted.c "#include \"api/server.h\""'
breach '<libpq-fe.h> is for' "$rule" 'c api/planted.c "#include <libpq-fe.h>"'
breach '"planted.h" is not a path' "$rule" 'c api/planted.c "#include \"planted.h\""'

# What the objects say.
rule="python3 $here/symbols.py names"
breach 'worker/planted.c: exports stray' "$rule" \
	'c worker/planted.c "int stray(void) { return 1; }"; compile worker/planted.c'
breach 'worker/planted.c: planted_state is a global' "$rule" \
	'c worker/planted.c "int planted_state = 1;"; compile worker/planted.c'
breach 'worker/planted.c: has no current' "$rule" 'c worker/planted.c "int planted;"'
rule="python3 $here/symbols.py purity"
breach 'common/domain/planted.c: calls time' "$rule" \
	'c common/domain/planted.c "long time(long *); long planted(void) { return time(0); }"; compile common/domain/planted.c'
breach 'common/domain/planted.c: calls buf_init' "$rule" \
	'c common/domain/planted.c "void buf_init(); void planted(void) { buf_init(); }"; compile common/domain/planted.c'
breach 'common/domain/planted.c: keeps state in count' "$rule" \
	'c common/domain/planted.c "static int count; int planted(void) { return ++count; }"; compile common/domain/planted.c'
rule="python3 $here/symbols.py clocks"
breach "worker/planted.c: goes by its machine's clock" "$rule" \
	'c worker/planted.c "long clock_now_ms(void); long planted(void) { return clock_now_ms(); }"; compile worker/planted.c'

# Scripts, settings and schemas.
breach 'SC2086' "$here/scripts.sh" 'c tests/planted.sh "$(printf "#!/bin/sh\ncat \$1")"'
breach 'tests/planted.py:1:' "$here/scripts.sh" 'c tests/planted.py "print(unknown)"'
breach 'docs/settings.md: is not what' "$here/settings.sh check" 'c docs/settings.md "# Settings"'
breach 'docs/roles.md: is not what' "$here/settings.sh check" 'sed -i "s/Change what is billed/Read/" common/domain/role.c'
breach 'customer' "$root/build/venv/bin/python $here/schemas.py check" 'sed -i s/string/bytes/ schemas/commands/create_customer.avsc'
breach 'lines.explanation' "$root/build/venv/bin/python $here/schemas.py check" 'sed -i "s/\"json\": true/\"json\": false/" schemas/events/invoice.avsc'
breach 'actions/log_in.avsc: its namespace' "$root/build/venv/bin/python $here/schemas.py check" 'sed -i s/billd.action/billd.command/ schemas/actions/log_in.avsc'

exit "$failed"
