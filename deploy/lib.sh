# shellcheck shell=bash
# What the scripts of this folder share: messages, directories, and processes kept by pid files.
#
# A pid file has three lines: the pid, what identifies that process (the boot and its start time, so
# that a pid that was given again is never taken for ours), and the port it listens on (0 for none).

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
mkdir -p "${BILLD_RUN_DIR:-$root/build/run}"
run_dir=$(cd "${BILLD_RUN_DIR:-$root/build/run}" && pwd -P)
log_dir=$run_dir/log
mkdir -p "$log_dir"

say()
{
	printf '%s\n' "$*" >&2
}

die()
{
	say "error: $*"
	exit 1
}

need()
{
	local program

	for program in "$@"; do
		command -v "$program" >/dev/null || die "$program is missing; install it with: make deps"
	done
}

# die_with_log FILE MESSAGE: fail, and show the end of the log that says why.
die_with_log()
{
	local file=$1

	shift
	say "error: $*"
	say "--- the end of $file:"
	tail -n 20 "$file" >&2 || true
	exit 1
}

# port_check VARIABLE PORT: a port must be a number before it goes into any configuration.
port_check()
{
	if ! [[ $2 =~ ^[1-9][0-9]{0,4}$ ]] || (($2 > 65535)); then
		die "$1=$2 is not a port (1 to 65535)"
	fi
}

port_answers()
{
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# port_need_free VARIABLE PORT WHAT: refuse to start WHAT on a port that somebody else has.
port_need_free()
{
	if port_answers "$2"; then
		die "port $2, wanted by $3, is taken by another process; free it, or set $1 to another port"
	fi
}

# process_identity PID: what no other process has, before or after; fails when there is no such live process.
process_identity()
{
	local boot stat fields

	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
	read -r boot </proc/sys/kernel/random/boot_id
	# The second field, the name in parentheses, may hold anything: count from behind it.
	read -r -a fields <<<"${stat##*) }"
	[ "${fields[0]}" != Z ] || return 1
	printf '%s %s\n' "$boot" "${fields[19]}"
}

# process_record NAME PID PORT: remember a process that runs.
process_record()
{
	local identity

	identity=$(process_identity "$2") || return 1
	printf '%s\n%s\n%s\n' "$2" "$identity" "$3" >"$run_dir/$1.pid.new"
	mv "$run_dir/$1.pid.new" "$run_dir/$1.pid"
}

# process_pid NAME: the pid of the process NAME; fails when it does not run.
process_pid()
{
	local pid identity

	[ -f "$run_dir/$1.pid" ] || return 1
	{ read -r pid && read -r identity; } <"$run_dir/$1.pid" || return 1
	[ "$(process_identity "$pid")" = "$identity" ] || return 1
	printf '%s\n' "$pid"
}

process_port()
{
	sed -n 3p "$run_dir/$1.pid"
}

# process_start NAME PORT COMMAND...: run COMMAND as a daemon that logs to log/NAME.out.
process_start()
{
	local name=$1 port=$2

	shift 2
	setsid "$@" >>"$log_dir/$name.out" 2>&1 </dev/null &
	# A process that is gone already is found, with its log, by the wait that follows.
	process_record "$name" "$!" "$port" || rm -f "$run_dir/$name.pid"
}

# process_wait_ready NAME SECONDS LOG COMMAND...: wait until COMMAND succeeds; fail with LOG when the process ends or time is up.
process_wait_ready()
{
	local name=$1 seconds=$2 log=$3 deadline=$((SECONDS + $2))

	shift 3
	until "$@" >/dev/null 2>&1; do
		process_pid "$name" >/dev/null || die_with_log "$log" "$name ended while it started"
		((SECONDS < deadline)) || die_with_log "$log" "$name is not healthy after $seconds seconds"
		sleep 0.1
	done
}

# process_wait_end NAME SECONDS: succeeds when NAME is gone in time.
process_wait_end()
{
	local deadline=$((SECONDS + $2))

	while process_pid "$1" >/dev/null; do
		((SECONDS < deadline)) || return 1
		sleep 0.05
	done
}

# process_kill NAME: end it at once, as a crash would.
process_kill()
{
	local pid

	if pid=$(process_pid "$1"); then
		kill -KILL "$pid" 2>/dev/null || true
		process_wait_end "$1" 10 || die "$1 (pid $pid) is still there after SIGKILL"
	fi
	rm -f "$run_dir/$1.pid"
}

# process_stop NAME SECONDS: ask it to end, wait, and kill what is left.
process_stop()
{
	local pid

	if pid=$(process_pid "$1"); then
		kill -TERM "$pid" 2>/dev/null || true
		process_wait_end "$1" "$2" || say "$1 (pid $pid) did not end within $2 seconds: killing it"
	fi
	process_kill "$1"
}

# process_status NAME: one line; succeeds when it runs.
process_status()
{
	local pid

	if pid=$(process_pid "$1"); then
		printf '%-10s running  pid %-8s port %s\n' "$1" "$pid" "$(process_port "$1")"
	else
		printf '%-10s stopped\n' "$1"
		return 3
	fi
}

# secret_file NAME BYTES: the path of a secret, made at first use; hexadecimal, so that it needs no quoting anywhere.
secret_file()
{
	local file=$run_dir/secrets/$1

	if [ ! -s "$file" ]; then
		(
			umask 077
			mkdir -p "$run_dir/secrets"
			od -An -v -tx1 -N "$2" /dev/urandom | tr -d ' \n' >"$file.new"
			mv "$file.new" "$file"
		)
	fi
	printf '%s\n' "$file"
}
