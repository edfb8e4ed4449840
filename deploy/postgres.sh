#!/usr/bin/env bash
# A private PostgreSQL for this machine.  usage: deploy/postgres.sh start|stop|kill|wipe|status|url ROLE|psql ...
#
#   BILLD_RUN_DIR           where its pid file, log, secrets and (if its user can get there) data live (build/run)
#   BILLD_POSTGRES_PORT     where clients connect, on 127.0.0.1 (54329)
#   BILLD_POSTGRES_USER     the system's user that runs it when we are root: PostgreSQL refuses root (postgres)
#   BILLD_POSTGRES_BUFFERS  shared_buffers of a cluster that is made (256MB)
#   BILLD_POSTGRES_WAL      max_wal_size of a cluster that is made (2GB)
#   BILLD_POSTGRES_BIN      where initdb and postgres are (the newest in /usr/lib/postgresql)
#
# start does nothing when it runs, else makes the cluster, the roles and the database billd where they are missing;
# kill is SIGKILL to all its processes, what a test of a crash wants; wipe also removes the data; url prints how
# owner, api or worker connects; psql is the superuser's.
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

port=${BILLD_POSTGRES_PORT:-54329}
port_check BILLD_POSTGRES_PORT "$port"
log=$log_dir/postgres.log
user=$(id -un)
if [ "$(id -u)" = 0 ]; then
	user=${BILLD_POSTGRES_USER:-postgres}
fi

as_user()
{
	if [ "$(id -u)" = 0 ]; then
		(cd / && runuser -u "$user" -- "$@")
	else
		"$@"
	fi
}

programs_find()
{
	local newest

	newest=$(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
	bin=${BILLD_POSTGRES_BIN:-$(dirname "${newest:-$(command -v initdb || true)}")}
	[ -x "$bin/initdb" ] || die "PostgreSQL's programs are missing; install them with: make deps"
	id "$user" >/dev/null 2>&1 || die "there is no user $user to run PostgreSQL; set BILLD_POSTGRES_USER"
}

# The run directory, if PostgreSQL's user may go there and the path of the socket in it stays within what a
# socket can have (107 bytes); else a directory of its own, always the same one for the same run directory.
state_dir()
{
	local hash base=/var/lib

	if [ "${#run_dir}" -le 70 ] && as_user test -x "$run_dir" 2>/dev/null; then
		printf '%s\n' "$run_dir/postgres"
		return
	fi
	[ "$(id -u)" = 0 ] || base=$HOME/.local/state
	hash=$(printf '%s' "$run_dir" | sha256sum | cut -c 1-12)
	printf '%s\n' "$base/billd-$hash"
}

# Made aside and renamed when complete: an initdb that was cut short is not taken for a cluster.
cluster_make()
{
	mkdir -p "$state"
	[ "$(id -u)" != 0 ] || chown "$user" "$state"
	chmod 700 "$state"
	rm -rf "$data.new"
	as_user "$bin/initdb" -D "$data.new" -U postgres -E UTF8 --no-locale --data-checksums \
		--auth-local=peer --auth-host=scram-sha-256 >>"$log" 2>&1 || die_with_log "$log" "initdb failed"
	cat >>"$data.new/postgresql.conf" <<-CONF
		# From deploy/postgres.sh.  fsync stays on: what is measured here is what a server would do.
		listen_addresses = '127.0.0.1'
		unix_socket_directories = '.'
		shared_buffers = ${BILLD_POSTGRES_BUFFERS:-256MB}
		max_wal_size = ${BILLD_POSTGRES_WAL:-2GB}
		timezone = 'UTC'
		log_timezone = 'UTC'
		log_line_prefix = '%m [%p] %q%u@%d '
	CONF
	# The superuser has no password: it is whoever runs the cluster, by the socket in its own directory.
	cat >"$data.new/pg_hba.conf" <<-CONF
		local all postgres peer map=superuser
		host all all 127.0.0.1/32 scram-sha-256
	CONF
	printf 'superuser "%s" postgres\n' "$user" >"$data.new/pg_ident.conf"
	mv "$data.new" "$data"
}

superuser_psql()
{
	PGHOST=$data PGPORT=$port PGUSER=postgres PGDATABASE=${PGDATABASE:-postgres} as_user psql -X -v ON_ERROR_STOP=1 "$@"
}

password()
{
	cat "$(secret_file "$1-password" 24)"
}

roles_make()
{
	BILLD_OWNER_PASSWORD=$(password owner) BILLD_API_PASSWORD=$(password api) \
		BILLD_WORKER_PASSWORD=$(password worker) \
		superuser_psql -q <"$root/deploy/postgres-roles.sql" >>"$log" 2>&1 ||
		die_with_log "$log" "the roles could not be made"
}

# PostgreSQL keeps its own pid file; ours says the same in the form that the other scripts know.
pid_note()
{
	local pid

	pid=$(head -n 1 "$data/postmaster.pid" 2>/dev/null) || return 1
	process_record postgres "$pid" "$(sed -n 4p "$data/postmaster.pid")"
}

server_start()
{
	port_need_free BILLD_POSTGRES_PORT "$port" PostgreSQL
	[ -d "$data" ] || cluster_make
	# In a container whose first process reaps nothing, a killed postmaster stays in the process table for ever,
	# and PostgreSQL would take its locks for a live one's.
	[ -n "$(server_processes)" ] || rm -f "$data/postmaster.pid" "$data"/.s.PGSQL.*.lock
	as_user "$bin/pg_ctl" start -D "$data" -w -t 60 -o "-p $port" </dev/null >>"$log" 2>&1 ||
		die_with_log "$log" "PostgreSQL did not start"
	pid_note || die_with_log "$log" "PostgreSQL ended while it started"
	say "PostgreSQL answers on 127.0.0.1:$port"
}

start()
{
	need psql
	programs_find
	# A server whose pid file of ours was lost (make clean) is still our server.
	if process_pid postgres >/dev/null || { as_user "$bin/pg_ctl" status -D "$data" >/dev/null 2>&1 && pid_note; }; then
		[ "$(process_port postgres)" = "$port" ] ||
			die "PostgreSQL runs on port $(process_port postgres), not on BILLD_POSTGRES_PORT=$port: stop it first"
	else
		server_start
	fi
	roles_make
}

stop()
{
	if [ -n "$(server_processes)" ]; then
		programs_find
		as_user "$bin/pg_ctl" stop -D "$data" -m fast -w -t 30 >>"$log" 2>&1 ||
			say "PostgreSQL did not end within 30 seconds: killing it"
	fi
	kill_all
}

# The processes of this cluster, by the directory they work in; one that is dead and not reaped has none.
server_processes()
{
	local process

	for process in /proc/[0-9]*; do
		if [ "$(readlink "$process/cwd")" = "$data" ] && grep -qx postgres "$process/comm"; then
			printf '%s\n' "${process#/proc/}"
		fi
	done 2>/dev/null
}

# All at once: its children notice the postmaster's death only between two statements, and a new one waits for them.
kill_all()
{
	local pids deadline=$((SECONDS + 10))

	mapfile -t pids < <(server_processes)
	[ "${#pids[@]}" = 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || true
	until [ -z "$(server_processes)" ]; do
		((SECONDS < deadline)) || die "PostgreSQL in $data is still there after SIGKILL"
		sleep 0.05
	done
	rm -f "$run_dir/postgres.pid"
}

wipe()
{
	stop
	rm -rf "$data" "$data.new" "$log"
	[ ! -d "$state" ] || rmdir "$state" || die "$state holds files that are not ours"
	rm -f "$run_dir"/secrets/{owner,api,worker}-password
}

url()
{
	[[ $1 =~ ^(owner|api|worker)$ ]] || die "usage: deploy/postgres.sh url owner|api|worker"
	printf 'postgresql://billd_%s:%s@127.0.0.1:%s/billd\n' "$1" "$(password "$1")" "$port"
}

state=$(state_dir)
data=$state/data
case ${1:-} in
start) start ;;
stop) stop ;;
kill) kill_all ;;
wipe) wipe ;;
status) process_status postgres ;;
url) url "${2:-}" ;;
psql) superuser_psql "${@:2}" ;;
*) die "usage: deploy/postgres.sh start|stop|kill|wipe|status|url ROLE|psql ..." ;;
esac
