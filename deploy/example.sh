#!/usr/bin/env bash
# The flow of the README, played against a running stack: customer, plan, subscription, invoice, events.
# usage: deploy/example.sh      reads BILLD_URL, BILLD_API_KEY and KAFKA_BOOTSTRAP, or takes them from build/run/env
# It can be played again and again; it fails where an answer is not what the README says.
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if [ -z "${BILLD_URL:-}" ]; then
	[ -r "$run_dir/env" ] || die "$run_dir/env is missing; start the stack with: make up"
	# shellcheck source=/dev/null
	. "$run_dir/env"
fi
need curl jq kcat

bold='' dim='' plain='' jq_colour=-M
if [ -t 1 ]; then
	bold=$'\033[1m' dim=$'\033[2m' plain=$'\033[0m' jq_colour=-C
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# A file, not an argument: command lines are everybody's to read.
printf 'Authorization: Bearer %s\n' "$BILLD_API_KEY" >"$scratch/key"

step()
{
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

# show FILTER: a JSON document on standard input, cut down to what matters here.
show()
{
	jq "$jq_colour" --indent 2 "$1" | sed 's/^/    /'
}

# call WANTED METHOD PATH [BODY]: show the request; leave the answer in $scratch/answer, or stop when its status is another.
call()
{
	local wanted=$1 method=$2 path=$3 body=${4:-} status
	local -a options=()

	printf '%s%s %s%s %s\n' "$dim" "$method" "$path" "$plain" "$body"
	[ -z "$body" ] || options=(-H 'Content-Type: application/json' --data "$body")
	status=$(curl -sS --noproxy '*' --max-time 30 -o "$scratch/answer" -w '%{http_code}' \
		-X "$method" -H @"$scratch/key" "${options[@]}" "$BILLD_URL$path") ||
		die "$method $path got no answer"
	if [ "$status" != "$wanted" ]; then
		cat "$scratch/answer" >&2
		die "$method $path answered $status, not $wanted"
	fi
}

# field FILTER: one value of the last answer.
field()
{
	jq -er "$1" "$scratch/answer" || die "the last answer has no $1: $(cat "$scratch/answer")"
}

# await OPERATION WHAT: ask until it is no longer pending, 30 seconds at most.
await()
{
	local status before='' deadline=$((SECONDS + 30))

	printf '%sGET /v1/operations/%s%s' "$dim" "$1" "$plain"
	while :; do
		call 200 GET "/v1/operations/$1" >/dev/null
		status=$(field .status)
		[ "$status" = "$before" ] || printf '  %s' "$status"
		before=$status
		[ "$status" = pending ] || break
		((SECONDS < deadline)) || die "the operation of the $2 is still pending after 30 seconds"
		sleep 0.05
	done
	printf '\n'
	if [ "$status" != succeeded ]; then
		jq .error "$scratch/answer" >&2
		die "the operation of the $2 $status"
	fi
}

# create WHAT PATH BODY: send the command, wait for its outcome; the new id is in $created.
create()
{
	step "Create a $1"
	call 202 POST "$2" "$3"
	show . <"$scratch/answer"
	created=$(field .resource.id)
	await "$(field .operation_id)" "$1"
}

# The events of this customer since the example began, one a line: partition:offset, headers.
events_of_customer()
{
	kcat -C -q -e -b "$KAFKA_BOOTSTRAP" -t billd.events -o "s@${began}000" -f '%k\t%p:%o\t%h\n' |
		awk -F '\t' -v key="$customer" '$1 == key { print $2 "\t" $3 }'
}

# Events are published a moment after their operation has succeeded: look again, 10 seconds at most.
events_on_kafka()
{
	local deadline=$((SECONDS + 10))

	step "The events on Kafka, topic billd.events, key $customer"
	until events_of_customer >"$scratch/events" && grep -q 'ce_type=billd\.invoice\.' "$scratch/events"; do
		((SECONDS < deadline)) || die "no invoice event of this customer came out on Kafka within 10 seconds"
		sleep 0.2
	done
	sed -E 's/^([^\t]*)\t.*ce_type=([^,]*).*/    \1\t\2/' "$scratch/events"
}

began=$(date +%s)
stamp=$began-$$

create customer /v1/customers '{"name":"Ada Lovelace","email":"ada@example.com","currency":"USD","country":"US","timezone":"America/New_York"}'
customer=$created
create plan /v1/plans '{"code":"team-'"$stamp"'","name":"Team","currency":"USD","interval":"day","interval_count":30,"amount":2900}'
create subscription /v1/subscriptions '{"customer_id":"'"$customer"'","plan_id":"'"$created"'"}'

step "The invoice that the subscription made: USD 29.00, in cents"
call 200 GET "/v1/customers/$customer/invoices"
invoice=$(field '.data[0].id')
call 200 GET "/v1/invoices/$invoice"
show '{number, status, currency, total, period_start, period_end, lines: [.lines[] | {description, amount}]}' <"$scratch/answer"
[ "$(field .total)" = 2900 ] || die "the invoice's total is $(field .total), not 2900"

events_on_kafka

step "The organisation's events over HTTP, oldest first"
call 200 GET '/v1/events?limit=3'
jq -e '.data | length > 0' "$scratch/answer" >/dev/null || die "GET /v1/events shows no events"
show '[.data[] | {id, type}]' <"$scratch/answer"

step "All of it runs on:"
cat <<END
    API      $BILLD_URL
    docs     $BILLD_URL/docs
    API key  $BILLD_API_KEY
    stop     make down
END
