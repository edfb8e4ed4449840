#!/bin/sh
# embed.sh ARRAY STRIP FILE...: print C source that defines embedded_ARRAY with the bytes of each FILE (see embedded.h).
# The assembler reads the files where they are, so the compiler never sees their bytes. STRIP is taken off the names.
set -eu

array=$1
strip=$2
shift 2

echo '#include "common/base/embedded.h"'
index=0
rows=
for file; do
	symbol=embedded_${array}_$index
	printf '__asm__(".section .rodata\\n.balign 16\\n%s:\\n.incbin \\"%s\\"\\n.byte 0\\n.previous\\n");\n' \
		"$symbol" "$file"
	printf 'extern const char %s[];\n' "$symbol"
	rows="$rows
    {\"${file#"$strip"}\", $symbol, $(wc -c <"$file")},"
	index=$((index + 1))
done
echo "const struct embedded_file embedded_${array}[] = {$rows
};"
echo "const size_t embedded_${array}_len = $index;"
