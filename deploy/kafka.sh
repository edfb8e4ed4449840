#!/usr/bin/env bash
# A private Kafka of one node for this machine.  usage: deploy/kafka.sh start|stop|kill|wipe|status|fetch
#
#   BILLD_RUN_DIR                where its data, pid file and log live (build/run)
#   BILLD_KAFKA_PORT             where clients connect, on 127.0.0.1 (19092)
#   BILLD_KAFKA_CONTROLLER_PORT  where the node talks to itself (the port after the first)
#   BILLD_KAFKA_HEAP             Java's heap (512m)
#
# start does nothing when it runs; kill is SIGKILL, what a test of a crash wants; wipe also removes the data.
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

port=${BILLD_KAFKA_PORT:-19092}
port_check BILLD_KAFKA_PORT "$port"
controller_port=${BILLD_KAFKA_CONTROLLER_PORT:-$((port + 1))}
port_check BILLD_KAFKA_CONTROLLER_PORT "$controller_port"

home=$root/deploy/kafka
jars=$root/build/kafka
state=$run_dir/kafka
log=$log_dir/kafka.log

# Exactly the jars of SHA256SUMS: one more would be on the class path too.
jars_are_right()
{
	[ "$(find "$jars" -type f 2>/dev/null | wc -l)" = "$(wc -l <"$home/SHA256SUMS")" ] &&
		(cd "$jars" && sha256sum --status --strict -c "$home/SHA256SUMS")
}

fetch()
{
	jars_are_right && return
	need mvn
	say "fetching Kafka's jars"
	rm -rf "$jars"
	mvn -q -B -ntp -f "$home/pom.xml" dependency:copy-dependencies -DoutputDirectory="$jars" \
		>>"$log_dir/kafka.out" 2>&1 || die_with_log "$log_dir/kafka.out" "Maven could not fetch Kafka's jars"
	jars_are_right || die "the jars in $jars are not those of deploy/kafka/SHA256SUMS"
}

# Two stacks that start at the same time share the jars.
fetch_alone()
{
	mkdir -p "$root/build"
	(
		flock 9
		fetch 9>&-
	) 9>"$root/build/kafka.lock"
}

java_is_new()
{
	local version

	version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')
	[ "${version:-0}" -ge 17 ]
}

java_run()
{
	java -cp "$jars/*" "-Dlog4j2.configurationFile=$home/log4j2.properties" "-Dkafka.logs.dir=$log_dir" "$@"
}

configure()
{
	mkdir -p "$state"
	sed -e "s|@PORT@|$port|g" -e "s|@CONTROLLER_PORT@|$controller_port|g" -e "s|@DATA@|$state/data|g" \
		"$home/server.properties" >"$state/server.properties"
}

# The stamp comes last: a node whose formatting was cut short has no data yet, and begins again.
format_once()
{
	local cluster_id

	[ ! -f "$state/formatted" ] || return 0
	rm -rf "$state/data"
	# Kafka wants a UUID in URL-safe base64; the leading "b" keeps it from looking like an option.
	cluster_id=b$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 2-22)
	java_run kafka.tools.StorageTool format -t "$cluster_id" -c "$state/server.properties" >>"$log_dir/kafka.out" 2>&1 ||
		die_with_log "$log_dir/kafka.out" "Kafka's data directory could not be formatted"
	printf '%s\n' "$cluster_id" >"$state/formatted"
}

answers()
{
	kcat -L -b "127.0.0.1:$port" -m 2 | grep -q '^ 1 brokers'
}

start()
{
	if process_pid kafka >/dev/null; then
		[ "$(process_port kafka)" = "$port" ] ||
			die "Kafka runs on port $(process_port kafka), not on BILLD_KAFKA_PORT=$port: stop it first"
		return
	fi
	need java kcat
	java_is_new || die "Java 17 or later is needed; install it with: make deps"
	port_need_free BILLD_KAFKA_PORT "$port" Kafka
	port_need_free BILLD_KAFKA_CONTROLLER_PORT "$controller_port" "Kafka's controller"
	fetch_alone
	configure
	format_once
	local heap=${BILLD_KAFKA_HEAP:-512m}
	process_start kafka "$port" java "-Xms$heap" "-Xmx$heap" -XX:+UseG1GC -XX:MaxGCPauseMillis=20 \
		-XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true -cp "$jars/*" \
		"-Dlog4j2.configurationFile=$home/log4j2.properties" "-Dkafka.logs.dir=$log_dir" \
		kafka.Kafka "$state/server.properties"
	process_wait_ready kafka 60 "$log" answers
	say "Kafka answers on 127.0.0.1:$port"
}

wipe()
{
	process_stop kafka 30
	rm -rf "$state"
	rm -f "$log_dir"/kafka.*
}

case ${1:-} in
start) start ;;
stop) process_stop kafka 30 ;;
kill) process_kill kafka ;;
wipe) wipe ;;
status) process_status kafka ;;
fetch) fetch_alone ;;
*) die "usage: deploy/kafka.sh start|stop|kill|wipe|status|fetch" ;;
esac
