#!/usr/bin/env bash
# Run fuzzers, as many side by side as there are processors.  usage: tests/fuzz/run.sh BUILD TARGET...
#
#   FUZZ_SECONDS=60   how long each runs
#   FUZZ_SEED=…       its seed; without it another one each second, which is printed
#
# They begin with tests/fuzz/corpus/TARGET and what earlier runs have kept in BUILD/corpus/TARGET.  An input that breaks
# something stays in BUILD/found, with the fuzzer's report beside it: mend it, and put the input into
# tests/fuzz/corpus/TARGET.  First comes a parser with a planted bug, which must be found.
set -uo pipefail

if [ $# -lt 2 ]; then
	printf 'usage: tests/fuzz/run.sh BUILD TARGET...\n' >&2
	exit 2
fi

here=tests/fuzz
build=$1
shift
seconds=${FUZZ_SECONDS:-60}
seed=${FUZZ_SEED:-$(date +%s)}
for number in "$seconds" "$seed"; do
	if [[ ! $number =~ ^[0-9]{1,9}$|^[0-9]{10}$ ]] || [ "$seconds" = 0 ]; then
		printf 'error: FUZZ_SECONDS=%s FUZZ_SEED=%s: whole numbers, and at least a second\n' "$seconds" "$seed" >&2
		exit 2
	fi
done
planted_seconds=20 # it takes one or two
found=$build/found
mkdir -p "$found"

# The sanitizers of older compilers want their shadow memory where newer kernels may put a library.
fixed=()
! setarch -R true 2>/dev/null || fixed=(setarch -R)

# What is there from elsewhere: golden messages, and some zones of the system, with different kinds of rules.
corpus_of()
{
	case $1 in
	avro)
		for message in schemas/golden/v*/*.bin; do
			name=${message#schemas/golden/}
			cp "$message" "$2/${name//\//_}"
		done
		;;
	zone)
		for name in UTC Europe/Vienna Europe/Dublin Asia/Kolkata Pacific/Apia America/Nuuk; do
			cp "${TZDIR:-/usr/share/zoneinfo}/$name" "$2/${name//\//_}"
		done
		;;
	esac
}

# fuzz TARGET SECONDS: run it; its whole output is in BUILD/TARGET.log.
fuzz()
{
	local target=$1 corpus=$build/corpus/$1 log=$build/$1.log
	local arguments=(-max_total_time="$2" -seed="$seed" -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=256
		-max_len=8192 -print_final_stats=1 -artifact_prefix="$found/$1-")

	mkdir -p "$corpus"
	corpus_of "$target" "$corpus"
	[ ! -f "$here/$target.dict" ] || arguments+=(-dict="$here/$target.dict")
	[ ! -d "$here/corpus/$target" ] || arguments+=("$here/corpus/$target")
	# avro-c keeps its pointers beside their alignment, where they are not seen otherwise.
	ASAN_OPTIONS=detect_leaks=1 LSAN_OPTIONS=use_unaligned=1 UBSAN_OPTIONS=print_stacktrace=1 \
		"${fixed[@]}" "$build/fuzz/$target" "$corpus" "${arguments[@]}" >"$log" 2>&1
}

# field NAME LOG: a number of libFuzzer's statistics.
field()
{
	sed -nE "s/^stat::$1: +([0-9]+)$/\1/p" "$2"
}

# One line of what it did; the report, when it found something.
report()
{
	local target=$1 status=$2 log=$build/$1.log first last

	first=$(sed -nE 's/^#[0-9]+\s+INITED cov: ([0-9]+).*/\1/p' "$log")
	last=$(sed -nE 's/^#[0-9]+\s+[A-Z]+ +cov: ([0-9]+).*/\1/p' "$log" | tail -n 1)
	if [ "$status" = 0 ] && [ "${last:-0}" -gt 0 ]; then
		printf '  FUZZ %-10s holds: %s inputs (%s/s), coverage %s (%+d beyond the corpus), %s MiB, seed %s\n' \
			"$target" "$(field number_of_executed_units "$log")" "$(field average_exec_per_sec "$log")" "$last" \
			"$((last - ${first:-0}))" "$(field peak_rss_mb "$log")" "$seed"
		return 0
	fi
	sed -nE '/^==+[0-9]*==|runtime error|"level":"panic"/,$p' "$log" |
		grep -Ev '^stat::| in (fuzzer::|main |_start |__libc_start)|^(0x[0-9a-f]+,)+$' | head -n 50
	printf '  FUZZ %-10s BROKEN (seed %s), the whole output is in %s\n' "$target" "$seed" "$log"
	sed -nE "s,.*Test unit written to (.*)$,    repeat it with: $build/fuzz/$target \1,p" "$log"
	return 1
}

# The planted bug, in a directory that is empty each time.
planted_is_found()
{
	rm -rf "$build/corpus/planted" "$found"/planted-*
	fuzz planted "$planted_seconds" && return 1
	grep -q 'AddressSanitizer: heap-buffer-overflow' "$build/planted.log" && compgen -G "$found/planted-crash-*" >/dev/null
}

if ! planted_is_found; then
	tail -n 20 "$build/planted.log"
	printf '  FUZZ planted    BROKEN: its bug was not found in %s s (seed %s)\n' "$planted_seconds" "$seed"
	exit 1
fi

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
running=0
for target in "$@"; do
	if [ "$running" -ge "$(nproc)" ]; then
		wait -n
		running=$((running - 1))
	fi
	{
		fuzz "$target" "$seconds"
		report "$target" $? >"$results/$target.text"
		printf '%s\n' $? >"$results/$target.status"
		cat "$results/$target.text"
	} &
	running=$((running + 1))
done
wait

broken=0
for target in "$@"; do
	[ "$(cat "$results/$target.status" 2>/dev/null)" = 0 ] || broken=$((broken + 1))
done
printf '%s fuzzers hold, %s broken\n' "$(($# - broken))" "$broken"
[ "$broken" = 0 ]
