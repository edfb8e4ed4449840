#!/usr/bin/env bash
# Shell scripts by shellcheck (those of deploy/ by deploy/check.sh), Python by its compiler.
set -uo pipefail

failed=0
mapfile -t shell < <(find tests api common worker cli -name '*.sh' | sort)
shellcheck -x -f gcc "${shell[@]}" || failed=1
find tests deploy -name '*.py' -print0 | sort -z | xargs -0 python3 -W error -c '
import pathlib
import sys

failed = 0
for path in sys.argv[1:]:
    try:
        compile(pathlib.Path(path).read_text(encoding="utf-8"), path, "exec")
    except SyntaxError as error:
        failed = 1
        print(f"{path}:{error.lineno}: {error.msg}")
sys.exit(failed)' || failed=1
exit "$failed"
