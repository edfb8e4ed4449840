#!/usr/bin/env bash
# The whole stack on this machine.  usage: deploy/local.sh up|down|wipe|status
#
#   WORKERS        the number of workers (1)
#   BILLD_RUN_DIR  where everything of this stack lives (build/run)
#
# up starts what is not running and waits until it is healthy; what runs already is left alone, so after a failure
# `up` goes on from there and `down` stops what did start.  down keeps the data, wipe removes it.  Two stacks live
# side by side when their run directories and ports differ: the ports are settings of postgres.sh, kafka.sh and
# programs.sh.
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

workers=${WORKERS:-1}
[[ $workers =~ ^[1-9][0-9]?$ ]] || die "WORKERS=$workers is not a number of workers (1 to 99)"
url=http://127.0.0.1:${BILLD_PORT:-8000}

# One at a time for each run directory; the daemons must not inherit the lock.
if [ -z "${billd_local_locked:-}" ]; then
	need flock
	billd_local_locked=1 exec flock --close "$run_dir/lock" "${BASH_SOURCE[0]}" "$@"
fi
unset billd_local_locked

script()
{
	"$root/deploy/$1.sh" "${@:2}"
}

# The workers that have a pid file, one on a line, in order.
workers_known()
{
	find "$run_dir" -maxdepth 1 -name 'worker-*.pid' -printf '%f\n' | sed 's/\.pid$//' | sort -V
}

workers_match()
{
	local name

	for name in $(workers_known); do
		[ "${name#worker-}" -le "$workers" ] || script programs stop "$name"
	done
	for name in $(seq -f 'worker-%g' "$workers"); do
		script programs start "$name"
	done
}

# file_write NAME TEXT: a private file, whole or not at all.
file_write()
{
	(umask 077 && printf '%s\n' "$2" >"$run_dir/$1.new" && mv "$run_dir/$1.new" "$run_dir/$1")
}

key_is_refused()
{
	local status

	# The key goes through a pipe: command lines are everybody's to read.
	status=$(curl -sS -o /dev/null -w '%{http_code}' --noproxy '*' --max-time 10 \
		-H @<(printf 'Authorization: Bearer %s' "$(cat "$run_dir/api-key")") "$url/v1/plans?limit=1")
	[ "$status" = 401 ]
}

# A key of another database (one that was wiped by hand) is as good as none.
demo_key()
{
	local organisation key

	if [ -s "$run_dir/api-key" ] && ! key_is_refused; then
		return
	fi
	organisation=$(script programs billd organisation create \
		--name Demo --currency USD --timezone Etc/UTC --country US)
	key=$(script programs billd api-key create --organisation "$organisation" --name demo --role admin)
	[ -n "$key" ] || die "billd api-key create printed no key"
	file_write api-key "$key"
}

env_write()
{
	file_write env "BILLD_URL='$url'
BILLD_API_KEY='$(cat "$run_dir/api-key")'
DATABASE_URL='$(script postgres url owner)'
KAFKA_BOOTSTRAP='127.0.0.1:${BILLD_KAFKA_PORT:-19092}'"
}

up()
{
	script postgres start
	script kafka start
	script programs billd migrate up >>"$log_dir/setup.out" 2>&1 ||
		die_with_log "$log_dir/setup.out" "the migrations failed"
	script programs billd topics apply >>"$log_dir/setup.out" 2>&1 ||
		die_with_log "$log_dir/setup.out" "the topics could not be made"
	script programs start api
	workers_match
	demo_key
	env_write
	say "all runs: $url, settings in $run_dir/env, logs in $log_dir"
}

# The api first, so that nothing new comes; the services when nobody needs them.
down()
{
	local name

	script programs stop api
	for name in $(workers_known); do
		script programs stop "$name" &
	done
	wait
	script kafka stop
	script postgres stop
	say "all is stopped"
}

wipe()
{
	down
	script kafka wipe
	script postgres wipe
	rm -rf "$log_dir" "$run_dir/secrets"
	rm -f "$run_dir"/{api-key,demo-user,env,lock}
	rmdir "$run_dir" || say "left alone in $run_dir: what is not ours"
}

status()
{
	local failed=0 name

	script postgres status || failed=3
	script kafka status || failed=3
	for name in api $(workers_known); do
		script programs status "$name" || failed=3
	done
	return "$failed"
}

case ${1:-} in
up) up ;;
down) down ;;
wipe) wipe ;;
status) status ;;
*) die "usage: deploy/local.sh up|down|wipe|status" ;;
esac
