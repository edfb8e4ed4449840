#!/usr/bin/env bash
# Does http://127.0.0.1:PORT/PATH answer 200?  usage: healthcheck.sh PORT PATH
# By bash alone, so that the image needs no HTTP client.
set -euo pipefail

exec 3<>"/dev/tcp/127.0.0.1/$1"
printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3
read -r -t 3 _ status _ <&3
[ "$status" = 200 ]
