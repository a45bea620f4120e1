#!/bin/bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
#
# Shows meshdrop at work on this machine: two mailboxes, a MESH server of our
# own, real files. Needs nothing but the built programs; leaves nothing behind.
#
# usage: tests/demo.sh BUILD_DIRECTORY
set -euo pipefail

usage() {
	printf 'usage: %s BUILD_DIRECTORY\n' "$0" >&2
	exit 64
}

[ $# -eq 1 ] || usage
build=$1
dir=
server_pid=
daemon_pid=
ok=no

# Ends what we started, by its own process id.
end_process() {
	[ -n "$1" ] || return 0
	kill "$1" 2>/dev/null || return 0
	wait "$1" 2>/dev/null || true
}

finish() {
	end_process "$daemon_pid"
	end_process "$server_pid"
	if [ "$ok" != yes ] && [ -n "$dir" ]; then
		for log in "$dir"/daemon.log "$dir"/server.log; do
			[ -s "$log" ] || continue
			printf -- '--- the end of %s:\n' "${log##*/}"
			tail -n 20 "$log"
		done
	fi
	[ -z "$dir" ] || rm -rf "$dir"
	[ "$ok" = yes ] || printf 'demo: FAILED: %s\n' "${step:-start}"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step=
say() {
	step=$1
	printf '\n* %s\n' "$1"
}

show() {
	sed 's/^/    | /' "$1"
}

# Waits until a command succeeds: at most 30 seconds.
await() {
	local tries=0

	until "$@" 2>/dev/null; do
		tries=$((tries + 1))
		if [ "$tries" -ge 600 ]; then
			printf 'waited in vain for: %s\n' "$*"
			return 1
		fi
		sleep 0.05
	done
}

# The one .ctl below $1 that has the text $2.
ctl_with() {
	grep -l -F -e "$2" "$1"/*.ctl
}

element() {
	sed -n "s|.*<$1>\\(.*\\)</$1>.*|\\1|p" "$2"
}

# A control file as an application would write it: stem, recipient.
write_ctl() {
	cat >"$dir/work/$1.ctl" <<END
<DTSControl>
  <Version>1.0</Version>
  <AddressType>DTS</AddressType>
  <MessageType>Data</MessageType>
  <WorkflowId>PATH_MEDRPT_V3</WorkflowId>
  <From_DTS>X26ABC1</From_DTS>
  <To_DTS>$2</To_DTS>
  <Subject>Demonstration</Subject>
  <LocalId>$1</LocalId>
  <Compress>Y</Compress>
  <Encrypted>N</Encrypted>
</DTSControl>
END
}

# As an application drops a pair: first the data, then the control file.
drop() {
	cp "$dir/work/$1.dat" "$one/OUT/$1.dat"
	cp "$dir/work/$1.ctl" "$one/OUT/$1.ctl"
}

for program in meshdropd meshdrop-sandbox; do
	if [ ! -x "$build/$program" ]; then
		step="$build/$program is not there: build it first"
		exit 1
	fi
done

dir=$(mktemp -d "${TMPDIR:-/tmp}/meshdrop-demo.XXXXXX")
lab=$dir/lab
one=$lab/mesh/X26ABC1
two=$lab/mesh/X26ABC2
mkdir "$dir/work"

say 'A MESH server for this machine, with two mailboxes and settings for them'
"$build/meshdrop-sandbox" --init "$lab"
"$build/meshdrop-sandbox" --dir "$lab" --port 0 --port-file "$dir/port" \
	>"$dir/server.log" 2>&1 &
server_pid=$!
await test -s "$dir/port"
sed -i "s|^url = .*|url = https://127.0.0.1:$(cat "$dir/port")|" \
	"$lab/meshdrop.conf"
show "$lab/meshdrop.conf"

say 'The daemon looks its settings over, then starts'
"$build/meshdropd" -c "$lab/meshdrop.conf" --check
"$build/meshdropd" -c "$lab/meshdrop.conf" >"$dir/daemon.log" 2>&1 &
daemon_pid=$!

say 'An application drops report.dat and report.ctl into OUT of X26ABC1'
seq 1 20000 >"$dir/work/report.dat"
write_ctl report X26ABC2
drop report
show "$dir/work/report.ctl"

say 'The pair was sent: it is in SENT, and its control file has the DTSId'
await test -e "$one/SENT/report.ctl"
(cd "$one" && ls -l SENT)
show "$one/SENT/report.ctl"
id=$(element DTSId "$one/SENT/report.ctl")
[ -n "$id" ]

say "It was received into IN of X26ABC2 under that id, byte for byte"
await test -e "$two/IN/$id.ctl"
(cd "$two" && ls -l IN)
show "$two/IN/$id.ctl"
cmp "$dir/work/report.dat" "$two/IN/$id.dat"
printf '    cmp: the same %s bytes\n' "$(stat -c %s "$two/IN/$id.dat")"

say 'A pair for a mailbox that nobody has'
printf 'for nobody\n' >"$dir/work/lost.dat"
write_ctl lost X26NONE
drop lost
await test -e "$one/FAILED/lost.ctl"
(cd "$one" && ls -l FAILED)
show "$one/FAILED/lost.ctl"

say "The service's own non-delivery report comes with the next poll, into IN"
await ctl_with "$one/IN" '<Subject>NDR' >"$dir/found"
report=$(head -n 1 "$dir/found")
show "$report"
[ "$(element LocalId "$report")" = lost ]
[ "$(element MessageType "$report")" = Report ]
[ "$(element StatusCode "$report")" = 12 ]

say 'The daemon ends when it is told to'
kill -TERM "$daemon_pid"
code=0
wait "$daemon_pid" || code=$?
daemon_pid=
[ "$code" -eq 0 ]

ok=yes
printf '\ndemo: it works\n'
