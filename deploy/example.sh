#!/usr/bin/env bash
# The flow of the README, played against a running stack: a person, an organisation, a key; then customer, plan,
# subscription, invoice, payment, events; then three periods of a plan with tiers, a coupon and a tax, on a test clock;
# then a dry run of what is to be billed next.
# usage: deploy/example.sh      reads BILLD_URL, BILLD_API_KEY and KAFKA_BOOTSTRAP, or takes them from build/run/env
# It can be played again and again; it fails where an answer is not what the README says.  The key is of role admin.
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

# asks_as KEY-OR-TOKEN [ORGANISATION]: who sends the requests from here on.
# A file, not an argument: command lines are everybody's to read.
asks_as()
{
	printf 'Authorization: Bearer %s\n' "$1" >"$scratch/headers"
	[ -z "${2:-}" ] || printf 'Billd-Organisation: %s\n' "$2" >>"$scratch/headers"
}

asks_as_nobody()
{
	: >"$scratch/headers"
}

step()
{
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

# show FILTER: a JSON document on standard input, cut down to what matters here.
show()
{
	jq "$jq_colour" --indent 2 "$1" | sed 's/^/    /'
}

# send METHOD PATH [BODY]: show the request; the answer in $scratch/answer, its status in $status.
send()
{
	local method=$1 path=$2 body=${3:-}
	local -a options=()

	printf '%s%s %s%s %s\n' "$dim" "$method" "$path" "$plain" "$body"
	[ -z "$body" ] || options=(-H 'Content-Type: application/json' --data @-)
	status=$(curl -sS --noproxy '*' --max-time 30 -o "$scratch/answer" -w '%{http_code}' \
		-X "$method" -H @"$scratch/headers" "${options[@]}" "$BILLD_URL$path" <<<"$body") ||
		die "$method $path got no answer"
}

# call WANTED METHOD PATH [BODY]: the same, and stop when the status is another.
call()
{
	local wanted=$1 status

	send "${@:2}"
	if [ "$status" != "$wanted" ]; then
		cat "$scratch/answer" >&2
		die "$2 $3 answered $status, not $wanted"
	fi
}

# field FILTER: one value of the last answer.
field()
{
	jq -er "$1" "$scratch/answer" || die "the last answer has no $1: $(cat "$scratch/answer")"
}

# await OPERATION WHAT [WANTED]: ask until it is no longer pending, 30 seconds at most; it succeeds, unless told.
await()
{
	local status wanted=${3:-succeeded} before='' deadline=$((SECONDS + 30))

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
	if [ "$status" != "$wanted" ]; then
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

# Two months of a subscription in a moment: 12 seats at 700 each, from the sixth on at 650, from the eleventh at 600.
on_a_test_clock()
{
	local clock rate tester starts

	create "test clock" /v1/test-clocks '{"name":"Example","now":"2026-01-31T09:00:00Z"}'
	clock=$created
	create "tax rate" /v1/tax-rates '{"code":"vat-'"$stamp"'","name":"VAT","percentage":"19"}'
	rate=$created
	create "coupon of 20 % for two periods" /v1/coupons '{"code":"spring-'"$stamp"'","name":"Spring","percent_off":"20","duration":"repeating","duration_periods":2}'
	create "customer in its time" /v1/customers '{"name":"Grace Hopper","currency":"USD","timezone":"America/New_York","test_clock_id":"'"$clock"'","tax_rate_ids":["'"$rate"'"]}'
	tester=$created
	create "plan with tiers" /v1/plans '{"code":"seats-'"$stamp"'","name":"Seats","currency":"USD","interval":"month","charges":[{"code":"seats","name":"Seats","model":"graduated","tiers":[{"up_to":5,"unit_amount":700},{"up_to":10,"unit_amount":650},{"up_to":null,"unit_amount":600}]}]}'
	create subscription /v1/subscriptions '{"customer_id":"'"$tester"'","plan_id":"'"$created"'","quantity":12,"coupon_codes":["spring-'"$stamp"'"]}'

	step "Advance the clock by two months: what falls due happens on the way"
	call 202 POST "/v1/test-clocks/$clock/advance" '{"now":"2026-04-01T00:00:00Z"}'
	await "$(field .operation_id)" "test clock"

	step "The invoices of three periods: from the last of each month, at 4 in New York, whose clocks change in March"
	call 200 GET "/v1/customers/$tester/invoices"
	show '[.data[] | {number, period_start, period_end, subtotal, discount, tax, total}]' <"$scratch/answer"
	starts=$(field '[.data[].period_start] | join(" ")')
	[ "$starts" = "2026-03-31T08:00:00Z 2026-02-28T09:00:00Z 2026-01-31T09:00:00Z" ] || die "the periods start at $starts"
	jq -e 'all(.data[]; .subtotal == 7950)' "$scratch/answer" >/dev/null || die "5 at 700, 5 at 650 and 2 at 600 are 7950"
	jq -e '[.data[].total] == [9461, 7568, 7568]' "$scratch/answer" >/dev/null ||
		die "7950 and 19 % are 9461, and less 20 % before 7568: $(field '[.data[].total]')"

	step "And why one of them is what it is"
	show '.data[0].lines[0] | {description, quantity, amount, explanation}' <"$scratch/answer"
}

# What falls due within 40 days of all who live in real time: of each play of this, the second period of the plan
# of 30 days.
what_is_to_come()
{
	local as_of run deadline=$((SECONDS + 60))

	as_of=$(date -u -d '+40 days' +%FT%TZ)
	create "dry run of what is to be billed by then" /v1/billing-runs '{"as_of":"'"$as_of"'","dry_run":true}'
	run=$created
	printf '%sGET /v1/billing-runs/%s%s\n' "$dim" "$run" "$plain"
	while :; do
		call 200 GET "/v1/billing-runs/$run" >/dev/null
		[ "$(field .status)" = running ] || break
		((SECONDS < deadline)) || die "the dry run is still going on after 60 seconds"
		sleep 0.1
	done
	show '{status, as_of, due, done, invoiced, failed, amount_by_currency, digest}' <"$scratch/answer"
	jq -e '.status == "finished" and .amount_by_currency.USD >= 2900' "$scratch/answer" >/dev/null ||
		die "the second period is not among what is to come"
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

log_in_body()
{
	printf '%s\n' "$email" "$password" | jq -Rnc '[inputs] | {email: .[0], password: .[1]}'
}

# The demo user is kept beside the demo key, so that there is one for each stack, however often this is played.
demo_user_find()
{
	local status

	[ -r "$run_dir/demo-user" ] || return 1
	{ read -r email && read -r password; } <"$run_dir/demo-user" || return 1
	step "Log in"
	send POST /v1/auth/login "$(log_in_body)"
	# A user of another database (one that was wiped by hand) is as good as none.
	[ "$status" != 401 ] || return 1
	[ "$status" = 200 ] || die "the log-in answered $status: $(cat "$scratch/answer")"
}

demo_user_register()
{
	step "Register"
	email=demo-$stamp@example.com
	password=$(od -An -v -tx1 -N 12 /dev/urandom | tr -d ' \n')
	call 201 POST /v1/auth/register "$(log_in_body | jq -c '. + {name: "Demo User"}')"
	show . <"$scratch/answer"
	(umask 077 && printf '%s\n%s\n' "$email" "$password" >"$run_dir/demo-user.new")
	mv "$run_dir/demo-user.new" "$run_dir/demo-user"
	step "Log in"
	call 200 POST /v1/auth/login "$(log_in_body)"
}

# A user with a token for 15 minutes, in $token.
person()
{
	asks_as_nobody
	demo_user_find || demo_user_register
	show '.access_token |= .[:20] + "…" | .refresh_token |= .[:20] + "…"' <"$scratch/answer"
	token=$(field .access_token)
	asks_as "$token"
}

# The first organisation that the user owns, in $own; made when there is none.
organisation()
{
	step "The organisation of this user"
	call 200 GET /v1/me
	own=$(jq -r '[.memberships[] | select(.role == "owner") | .organisation.id][0] // ""' "$scratch/answer")
	if [ -z "$own" ]; then
		call 201 POST /v1/organisations '{"name":"Analytical Engines","currency":"GBP","timezone":"Europe/London","country":"GB"}'
		own=$(field .id)
	else
		call 200 GET "/v1/organisations/$own"
	fi
	show '{id, name, currency, timezone}' <"$scratch/answer"
}

# An API key for programs: it does what its role may, and is worthless once revoked.
api_key()
{
	local id

	step "An API key of it, with the role billing"
	asks_as "$token" "$own"
	call 201 POST /v1/api-keys '{"name":"example","role":"billing"}'
	show '{id, name, role, key: (.key[:16] + "…")}' <"$scratch/answer"
	id=$(field .id)
	asks_as "$(field .key)"
	call 200 GET '/v1/customers?limit=1'
	show . <"$scratch/answer"
	call 403 POST /v1/api-keys '{"name":"another","role":"billing"}'
	show '{status, title}' <"$scratch/answer"
	asks_as "$token" "$own"
	call 204 DELETE "/v1/api-keys/$id"
}

# The demo organisation, which has the demo key, invites the user; its id is in $demo.
join()
{
	local invitation

	step "The demo organisation invites this user"
	asks_as "$BILLD_API_KEY"
	call 200 GET /v1/organisations
	demo=$(field '.data[0].id')
	asks_as "$token"
	call 200 GET /v1/me
	if ! jq -e --arg id "$demo" 'any(.memberships[]; .organisation.id == $id)' "$scratch/answer" >/dev/null; then
		asks_as "$BILLD_API_KEY"
		call 201 POST "/v1/organisations/$demo/members" '{"email":"'"$email"'","role":"admin"}'
		invitation=$(field .token)
		asks_as "$token"
		call 200 POST /v1/invitations/accept '{"token":"'"$invitation"'"}'
		call 200 GET /v1/me
	fi
	show '[.memberships[] | {organisation: .organisation.name, role}]' <"$scratch/answer"
}

began=$(date +%s)
stamp=$began-$$

person
organisation
api_key
join

asks_as "$BILLD_API_KEY"
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

step "It is paid: by a card that is declined, then by one that is not"
call 202 POST "/v1/invoices/$invoice/pay" '{"payment_method":"sim_declined"}'
await "$(field .operation_id)" payment failed
call 202 POST "/v1/invoices/$invoice/pay" '{"payment_method":"sim_ok"}'
await "$(field .operation_id)" payment
call 200 GET "/v1/invoices/$invoice/payments"
show '[.data[] | {payment_method, status, amount, failure_code}]' <"$scratch/answer"

step "And how that is booked"
call 200 GET "/v1/journal?limit=2"
show '[.data[] | {reason, postings}]' <"$scratch/answer"

events_on_kafka

step "The organisation's events over HTTP, oldest first"
call 200 GET '/v1/events?limit=3'
jq -e '.data | length > 0' "$scratch/answer" >/dev/null || die "GET /v1/events shows no events"
show '[.data[] | {id, type}]' <"$scratch/answer"

on_a_test_clock
what_is_to_come

step "Who did what, from the audit log, as the user sees it"
asks_as "$token" "$demo"
call 200 GET '/v1/audit-log?limit=3'
jq -e '.data | length > 0' "$scratch/answer" >/dev/null || die "GET /v1/audit-log shows nothing"
show '[.data[] | {at, actor, action, outcome}]' <"$scratch/answer"

step "All of it runs on:"
cat <<END
    API       $BILLD_URL
    docs      $BILLD_URL/docs
    API key   $BILLD_API_KEY
    user      $email
    password  $password
    stop      make down
END
