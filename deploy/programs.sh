#!/usr/bin/env bash
# Our own programs, against the local PostgreSQL and Kafka.
# usage: deploy/programs.sh start|stop|kill|status api|worker-N...
#        deploy/programs.sh billd ...      the operator's command, as the owner of the database
#
#   BILLD_RUN_DIR                           where pid files, logs and secrets live (build/run)
#   BILLD_BIN_DIR                           where the programs are (build/release)
#   BILLD_PORT                              the api's port (8000)
#   BILLD_METRICS_PORT                      worker N shows its metrics on this port + N (18100; 0: none shows any)
#   BILLD_POSTGRES_PORT, BILLD_KAFKA_PORT   where the two services are
#
# Every other BILLD_* setting of the programs is passed on as it is.
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

bin=$(cd "$root" && realpath -m "${BILLD_BIN_DIR:-build/release}")
port=${BILLD_PORT:-8000}
port_check BILLD_PORT "$port"
metrics_port=${BILLD_METRICS_PORT:-18100}
[ "$metrics_port" = 0 ] || port_check BILLD_METRICS_PORT "$metrics_port"

# settings ROLE: what every program needs.  In the environment, never in a command line: it holds a password.
settings()
{
	BILLD_DATABASE_URL=$("$root/deploy/postgres.sh" url "$1")
	BILLD_SECRET_FILE=$(secret_file request-secret 32)
	BILLD_KAFKA_BOOTSTRAP=127.0.0.1:${BILLD_KAFKA_PORT:-19092}
	export BILLD_DATABASE_URL BILLD_SECRET_FILE BILLD_KAFKA_BOOTSTRAP
}

need_program()
{
	[ -x "$bin/$1" ] || die "$bin/$1 is missing; build it with: make"
}

answers()
{
	curl -fsS -o /dev/null --noproxy '*' --max-time 2 "http://127.0.0.1:$1"
}

api_start()
{
	need_program billd-api
	need curl
	port_need_free BILLD_PORT "$port" billd-api
	settings api
	export BILLD_PORT=$port
	process_start api "$port" "$bin/billd-api"
	process_wait_ready api 30 "$log_dir/api.out" answers "$port/health"
	say "billd-api answers on 127.0.0.1:$port"
}

# worker_start N
worker_start()
{
	local own_port=0

	need_program billd-worker
	settings worker
	if [ "$metrics_port" != 0 ]; then
		own_port=$((metrics_port + $1))
		port_check BILLD_METRICS_PORT "$own_port"
		port_need_free BILLD_METRICS_PORT "$own_port" "the metrics of worker $1"
	fi
	export BILLD_METRICS_PORT=$own_port
	process_start "worker-$1" "$own_port" "$bin/billd-worker"
	if [ "$own_port" != 0 ]; then
		process_wait_ready "worker-$1" 30 "$log_dir/worker-$1.out" answers "$own_port/metrics"
	else
		sleep 1
		process_pid "worker-$1" >/dev/null ||
			die_with_log "$log_dir/worker-$1.out" "worker-$1 ended while it started"
	fi
	say "worker $1 runs"
}

start()
{
	if process_pid "$1" >/dev/null; then
		[ "$1" != api ] || [ "$(process_port api)" = "$port" ] ||
			die "billd-api runs on port $(process_port api), not on BILLD_PORT=$port: stop it first"
		return 0
	fi
	case $1 in
	api) api_start ;;
	worker-*) (worker_start "${1#worker-}") ;;
	esac
}

usage="usage: deploy/programs.sh start|stop|kill|status api|worker-N..., or deploy/programs.sh billd ..."
action=${1:-}
[ $# -ge 2 ] || die "$usage"
shift
if [ "$action" = billd ]; then
	need_program billd
	settings owner
	exec "$bin/billd" "$@"
fi
for name in "$@"; do
	[[ $name =~ ^(api|worker-[1-9][0-9]?)$ ]] || die "$usage"
	case $action in
	start) start "$name" ;;
	stop) process_stop "$name" 40 ;;
	kill) process_kill "$name" ;;
	status) process_status "$name" ;;
	*) die "$usage" ;;
	esac
done
