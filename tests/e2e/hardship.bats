#!/usr/bin/env bats
# bisectd when things go wrong around it: clients that leave, a full disk, lost files, a Redis that hangs, stops at bad moments.
# The farm is this file: it speaks the agents' API, so that every moment can be held.  Each test has a daemon of its own, which must end by
# itself, with status 0, and (in a build with sanitizers) without a complaint.
load lib_service

setup() {
	isolate_git
	STATE="$(mktemp -d /tmp/bd.XXXXXX)"
	REPO="$STATE/repo"
	PORT=0
	HELD=()
}

teardown() {
	local status=0
	for pid in "${HELD[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	[ -z "${DAEMON:-}" ] || stop_daemon || status=1
	[ "$status" = 0 ] || tail -n 60 "$STATE/log"
	rm -rf "${STATE:?}"
	return "$status"
}

# start_daemon [OPTION...]: no agents.  BEFORE: words before the program.
start_daemon() {
	rm -f "$STATE/port"
	# shellcheck disable=SC2086
	${BEFORE:-} "${BISECTD:?names the program}" --local-repositories --state-dir "$STATE/s" --port "$PORT" --port-file "$STATE/port" "$@" \
		>>"$STATE/log" 2>&1 3>&- &
	DAEMON=$!
	wait_until 30 test -s "$STATE/port" || { tail "$STATE/log"; return 1; }
	PORT="$(cat "$STATE/port")"
	SERVER="http://127.0.0.1:$PORT"
	TOKEN="$(cat "/proc/$DAEMON/root$STATE/s/admin.token")"
}

# As an operator stops it: it ends soon, by itself, in order.
stop_daemon() {
	local status=0 pid="$DAEMON"
	DAEMON=''
	kill -TERM "$pid"
	wait_until 20 gone "$pid" || { echo "it does not end"; kill -KILL "$pid"; status=1; }
	wait "$pid" || { echo "it ended with status $?"; status=1; }
	! grep -E 'Sanitizer|runtime error' "$STATE/log" || status=1
	return "$status"
}

children_named() {
	local stat rest
	for stat in /proc/[0-9]*/stat; do
		{ read -r rest <"$stat"; } 2>/dev/null || continue
		[[ "$rest" == *"($1) "* ]] || continue
		# shellcheck disable=SC2086
		set -- "$1" ${rest##*) }
		[ "$3" != "$DAEMON" ] || echo "${stat//[!0-9]/}"
	done
}

# --- the farm ---

# ask BUILD|TEST [SECONDS]: a unit in $answer, its id and epoch in $unit, $epoch; fails if there is none.
ask() {
	api POST /api/v1/units/claim --data "{\"agent\": \"box-$1\", \"slots\": 4, \"wait_s\": ${2:-20}, \"lanes\": [\"$(lane "$1")\"]}"
	[ "$code" = 200 ] || return 1
	read -r unit epoch < <(members .id .epoch)
}

MACHINE="${MACHINE:-$(uname -m)}"
lane() { if [ "$1" = build ]; then echo "build/$MACHINE"; else echo "test/dc/$MACHINE"; fi; }

# put TEXT: as an artifact, its name in $sha.
put() {
	sum "$1"
	api PUT "/api/v1/artifacts/$sha" --data-binary "$1"$'\n'
}

# finish UNIT EPOCH AGENT RESULT
finish() { api POST "/api/v1/units/$1/finish" --data "{\"agent\": \"box-$3\", \"epoch\": $2, \"result\": $4}"; }

finish_build() {
	put "products of $unit"
	[ "$code" = 201 ]
	finish "$unit" "$epoch" build "{\"outcome\": \"pass\", \"artifact\": \"$sha\"}"
}

# The bug is there from $BUG (a tag) on.
finish_test() {
	local commit="$1"
	if git -C "$REPO" merge-base --is-ancestor "$BUG" "$commit"; then
		finish "$unit" "$epoch" test '{"outcome": "fail", "complete": true, "exit_status": 1,
			"errors": [{"id": "suite.the_bug.fail", "line": "not ok 2 - the bug", "line_number": 3, "count": 1}]}'
	else
		finish "$unit" "$epoch" test '{"outcome": "pass", "complete": true, "exit_status": 0, "errors": []}'
	fi
}

# One unit of any kind; reverted trees never have the bug.  Every run is noted in $STATE/runs.
work_once() {
	local kind commit tree
	api POST /api/v1/units/claim --data "{\"agent\": \"box\", \"slots\": 4, \"wait_s\": ${WAIT:-1}, \"lanes\": [\"build/$MACHINE\", \"test/dc/$MACHINE\"]}"
	[ "$code" = 200 ] || return 0
	took=1
	read -r unit epoch kind commit tree < <(members .id .epoch .payload.kind .payload.commit .payload.tree)
	[ "$kind" = build ] || [ "$(git -C "$REPO" rev-parse "$commit^{tree}")" = "$tree" ] || kind=revert
	echo "$unit" >>"$STATE/runs"
	held="$unit $epoch $kind $commit"
	finish_held
}

# The unit of the last work_once, whose fields are in $held.
finish_held() {
	local kind commit
	read -r unit epoch kind commit <<<"$held"
	case "$kind" in
	build) finish_build || true ;;
	revert) finish "$unit" "$epoch" test '{"outcome": "pass", "complete": true, "exit_status": 0, "errors": []}' ;;
	*) finish_test "$commit" ;;
	esac
}

# work ID: until the bisection has ended, which is looked at when there is nothing to do.
work() {
	local deadline=$((SECONDS + 100)) -	# a lease that nobody renews takes 60 s
	set +T
	while :; do
		[ "$SECONDS" -lt "$deadline" ] || { echo "${answer:0:5000}"; return 1; }
		took=''
		WAIT=0 work_once
		[ -z "$took" ] || continue
		pause
		api GET "/api/v1/bisections/$1"
		[ "$code" != 200 ] || [[ "$(get .state)" != @(done|failed|cancelled) ]] || return 0
	done
}

# question N BUG: a repository of N commits and a job on its last one; a bisection in $id.
question() {
	BUG="$2"
	line "$REPO" "$1"
	job "$REPO" >"$STATE/job.yaml"
	request suite.the_bug.fail
	id="$(get .id)"
	[ "$code" = 201 ]
}

request() {
	jq -nc --arg error_id "$1" --rawfile job "$STATE/job.yaml" '{$error_id, $job, good: "c1"}' >"$BATS_TEST_TMPDIR/request"
	api POST /api/v1/bisections --data-binary "@$BATS_TEST_TMPDIR/request"
}

named() {
	api GET "/api/v1/bisections/$id"
	echo "${answer:0:5000}"
	[ "$(get .verdict.commit)" = "$(hex "$REPO" "$BUG")" ]
}

state_is() {
	api GET "/api/v1/$1"
	[ "$(get .state)" = "$2" ]
}

# hold COMMAND...: in the background until the test ends.
hold() {
	"$@" 3>&- &
	HELD+=($!)
}

# Nobody fetches this repository as long as the test lasts, or until let_fetch.
no_fetch() {
	mkdir -p "$STATE/s/mirrors"
	exec 9>"$STATE/s/mirrors/$(printf %s "$REPO" | sha256sum | cut -c1-16).lock"
	flock 9
}

let_fetch() { exec 9>&-; }

# --- ends and stops at bad moments ---

@test "cancelled while its repository is fetched: it has ended at once, and the fetch does no harm later" {
	start_daemon
	no_fetch
	question 4 c3
	job_id="$(rows 'SELECT job_id FROM bisections')"
	api POST "/api/v1/bisections/$id/cancel"
	[ "$code" = 200 ]
	api GET "/api/v1/bisections/$id"
	[ "$(get .state)" = cancelled ]
	api POST "/api/v1/jobs/$job_id/cancel"
	[ "$code" = 200 ]
	let_fetch
	wait_until 20 is_fetched
	state_is "bisections/$id" cancelled
	state_is "jobs/$job_id" cancelled
	api POST "/api/v1/bisections/$id/cancel"
	[ "$code" = 409 ]
}

is_fetched() { [ -n "$(find "$STATE/s/mirrors" -maxdepth 1 -name '*.git')" ]; }

@test "stopped while a repository is fetched: it does not wait for half an hour, and goes on at the next start" {
	start_daemon
	no_fetch
	question 4 c3
	stop_daemon
	let_fetch
	start_daemon
	work "$id"
	named
}

@test "stopped while clients wait for units, look at events, and upload: nothing is left behind" {
	start_daemon --lease 3s
	question 6 c4
	ask build
	hold curl -sS -m 60 -o "$STATE/poll" -H "Authorization: Bearer $TOKEN" "$SERVER/api/v1/units/claim" \
		--data '{"agent": "idle", "wait_s": 50, "lanes": ["build/none"]}'
	hold curl -sS -m 60 -N -o "$STATE/events" "$SERVER/api/v1/bisections/$id/events"
	head -c 3000000 /dev/urandom >"$STATE/half"
	hold curl -sS -m 60 --limit-rate 100k -T "$STATE/half" -H "Authorization: Bearer $TOKEN" \
		"$SERVER/api/v1/artifacts/$(sha256sum <"$STATE/half" | cut -d' ' -f1)"
	wait_until 10 test -s "$STATE/events"
	wait_until 10 uploading
	stop_daemon
	[ -z "$(find "$STATE/s/artifacts/tmp" -type f)" ]
	start_daemon --lease 3s
	work "$id"
	named
}

uploading() { [ -n "$(find "$STATE/s/artifacts/tmp" -type f -size +0)" ]; }

@test "clients that leave in the middle of a long poll, of events, of an upload are forgotten" {
	start_daemon
	question 6 c4
	api GET "/api/v1/bisections/$id"
	run curl -sS -m 1 -H "Authorization: Bearer $TOKEN" "$SERVER/api/v1/units/claim" --data '{"agent": "gone", "wait_s": 50, "lanes": ["test/dc/none"]}'
	[ "$status" = 28 ]
	run curl -sS -m 1 -N "$SERVER/api/v1/bisections/$id/events"
	[ "$status" = 28 ]
	head -c 3000000 /dev/urandom >"$STATE/half"
	run curl -sS -m 1 --limit-rate 100k -T "$STATE/half" -H "Authorization: Bearer $TOKEN" \
		"$SERVER/api/v1/artifacts/$(sha256sum <"$STATE/half" | cut -d' ' -f1)"
	[ "$status" = 28 ]
	run curl -sS -I -m 5 "$SERVER/api/v1/bisections/$id/events"
	wait_until 10 no_uploads
	work "$id"
	named
}

no_uploads() { ! uploading; }

probing() {
	api GET "/api/v1/bisections/$1"
	[ "$(get '.probes | length')" -ge 1 ]
}

@test "cancelled in the middle of the search: what was in work is taken back, and only that" {
	start_daemon
	question 12 c7
	request suite.something_else.fail
	other="$(get .id)"
	[ "$other" != "$id" ]
	# Both want the bad end first: one build for the two of them.
	wait_until 10 probing "$id"
	wait_until 10 probing "$other"
	ask build
	first="$unit" first_epoch="$epoch"
	api POST "/api/v1/bisections/$id/cancel"
	[ "$code" = 200 ]
	api POST "/api/v1/units/$first/renew" --data "{\"agent\": \"box-build\", \"epoch\": $first_epoch}"
	[ "$code" = 200 ]
	for job_id in $(rows "SELECT id FROM jobs"); do
		api POST "/api/v1/jobs/$job_id/cancel"
	done
	api POST "/api/v1/units/$first/renew" --data "{\"agent\": \"box-build\", \"epoch\": $first_epoch}"
	[ "$code" = 200 ]
	api POST "/api/v1/bisections/$other/cancel"
	api POST "/api/v1/units/$first/renew" --data "{\"agent\": \"box-build\", \"epoch\": $first_epoch}"
	[ "$code" = 409 ]
	[ "$(get .error)" = cancelled ]
}

# --- what was lost ---

@test "an artifact that was deleted is built again, and the verdict is the same" {
	start_daemon
	question 12 c7
	ask build
	finish_build
	# Its test is handed out, and then the file is gone.
	ask test
	[ "$(get .payload.artifact)" = "$sha" ]
	rm -f "$STATE/s/artifacts/${sha:0:2}/$sha"
	wait_until 10 test_is_taken_back
	work "$id"
	named
	[ "$(get '[.probes[] | select(.observation == "skip" or .observation == "broken")] | length')" = 0 ]
}

test_is_taken_back() {
	api POST "/api/v1/units/$unit/renew" --data "{\"agent\": \"box-test\", \"epoch\": $epoch}"
	[ "$code" = 409 ]
}

@test "a unit that Redis calls done and whose result is lost runs again after a restart" {
	start_daemon --lease 10s
	question 12 c7
	ask build
	lost="$unit"
	finish_build
	ask test
	[ "$code" = 200 ]
	stop_daemon
	rows 'DELETE FROM builds'
	start_daemon --lease 10s
	work "$id"
	named
	grep -qx "$lost" "$STATE/runs"
}

@test "a unit that Redis calls ready and that has its result is not run again" {
	start_daemon
	question 12 c7
	ask build
	first="$unit"
	stop_daemon
	cp -a "$STATE/s/redis" "$STATE/redis-before"
	start_daemon
	finish_build
	[ "$code" = 200 ]
	stop_daemon
	rm -rf "$STATE/s/redis"
	mv "$STATE/redis-before" "$STATE/s/redis"
	start_daemon
	wait_until 10 state_is "units/$first" done
	work "$id"
	named
	! grep -qx "$first" "$STATE/runs"
}

@test "units that nobody waits for any more are taken out of the queue at the start" {
	start_daemon
	question 12 c7
	wait_until 10 is_ready
	stop_daemon
	rows "UPDATE bisections SET state = 'cancelled'"
	rows "UPDATE jobs SET state = 'cancelled'"
	start_daemon
	wait_until 10 nothing_ready
}

is_ready() {
	api GET /api/v1/status
	[ "$(get .queue.ready)" -gt 0 ]
}

nothing_ready() {
	api GET /api/v1/status
	[ "$(get .queue.ready)" = 0 ] && [ "$(get .queue.leased)" = 0 ]
}

@test "a bisection whose job was lost fails at the next start, and may be asked for again" {
	start_daemon
	no_fetch
	question 4 c3
	stop_daemon
	let_fetch
	rows 'DELETE FROM jobs'
	start_daemon
	state_is "bisections/$id" failed
	[[ "$(get .message)" == *restart*job* ]]
	old="$id"
	request suite.the_bug.fail
	[ "$code" = 201 ]
	id="$(get .id)"
	[ "$id" != "$old" ]
	work "$id"
	named
}

# A job with a line of 40 commits, the 20th of them bad, whose build has begun.
begin_job() {
	start_daemon
	BUG=c20
	line "$REPO" 40
	job "$REPO" >"$STATE/job.yaml"
	api POST /api/v1/jobs --data-binary "@$STATE/job.yaml"
	job_id="$(get .id)"
	ask build
}

bisect_job() {
	api POST /api/v1/bisections --data "{\"error_id\": \"suite.the_bug.fail\", \"job_id\": \"$job_id\"}"
	id="$(get .id)"
}

@test "a mirror that was deleted in the middle is made again" {
	begin_job
	bisect_job
	rm -rf "$STATE"/s/mirrors/*.git
	finish_build
	work "$id"
	named
}

@test "a mirror whose objects were cut short is made again" {
	begin_job
	truncate -s 16 "$STATE"/s/mirrors/*.git/objects/pack/*.pack
	finish_build
	bisect_job
	work "$id"
	named
}

# --- Redis ---

@test "a Redis that hangs: one call waits for it, the rest is told at once, it is replaced, and all goes on" {
	start_daemon
	question 12 c7
	ask build
	redis="$(children_named redis-server)"
	[ -n "$redis" ]
	kill -STOP "$redis"
	wait_until 10 redis_is_away
	# 20 requests in the time of one.
	begin="${EPOCHREALTIME/./}"
	for _ in $(seq 20); do
		api POST "/api/v1/units/$unit/renew" --data "{\"agent\": \"box-build\", \"epoch\": $epoch}"
		[ "$code" = 503 ] || [ "$code" = 200 ]
	done
	[ $((${EPOCHREALTIME/./} - begin)) -lt 20000000 ]	# one after the other would take 40 s
	api GET "/api/v1/bisections/$id"
	[ "$code" = 200 ]
	wait_until 30 redis_is_back
	[ "$(children_named redis-server)" != "$redis" ]
	api POST "/api/v1/units/$unit/renew" --data "{\"agent\": \"box-build\", \"epoch\": $epoch}"
	[ "$code" = 200 ]
	finish_build
	work "$id"
	named
}

redis_is_away() {
	api GET /api/v1/status
	[ "$(get .redis)" = false ]
}

redis_is_back() {
	api GET /api/v1/status
	[ "$(get .redis)" = true ]
}

@test "two installations that share a Redis leave each other's units alone" {
	redis-server --port 0 --unixsocket "$STATE/shared" --appendonly no --save '' --dir "$STATE" >/dev/null 2>&1 3>&- &
	local redis=$! first="$STATE" pids=()
	HELD+=("$redis")
	wait_until 20 test -S "$first/shared"
	for name in one two; do
		"$BISECTD" --state-dir "$first/$name" --port 0 --port-file "$first/$name.port" --redis "unix:$first/shared" --local-repositories \
			>>"$first/log" 2>&1 3>&- &
		pids+=($!)
		HELD+=("$!")
		wait_until 30 test -s "$first/$name.port"
	done
	git init -q -b main "$first/shared-repo"
	git -C "$first/shared-repo" commit -q --allow-empty -m one
	for name in one two; do
		job "$first/shared-repo" >"$BATS_TEST_TMPDIR/job.yaml"
		timeout 20 "$BISECTCTL" submit --server "http://127.0.0.1:$(cat "$first/$name.port")" --token-file "$first/$name/admin.token" \
			"$BATS_TEST_TMPDIR/job.yaml"
	done
	unit_of() {
		curl -sS -m 10 -H "Authorization: Bearer $(cat "$first/$1/admin.token")" "http://127.0.0.1:$(cat "$first/$1.port")/api/v1/status" |
			jq -e '.queue.ready == 1'
	}
	wait_until 20 unit_of one
	wait_until 20 unit_of two
	# The start of one takes out what nobody waits for: of its own.
	kill -KILL "${pids[1]}"
	rm -rf "$first/two/warehouse.db"* "$first/two.port"
	"$BISECTD" --state-dir "$first/two" --port 0 --port-file "$first/two.port" --redis "unix:$first/shared" --local-repositories \
		>>"$first/log" 2>&1 3>&- &
	HELD+=("$!")
	wait_until 30 test -s "$first/two.port"
	unit_of one
	[ "$(redis-cli -s "$first/shared" --raw keys 'bisectd:*:unit:*' | wc -l)" = 2 ]
	[ "$(cat "$first/one/installation")" != "$(cat "$first/two/installation")" ]
}

@test "stopped while Redis hangs: it ends" {
	start_daemon
	question 4 c3
	kill -STOP "$(children_named redis-server)"
	stop_daemon
	start_daemon
	work "$id"
	named
}

# --- a full disk ---

# on_small_disk SIZE: the state directory of the next daemon is that small.
on_small_disk() {
	local how=(unshare -m)
	[ "$(id -u)" = 0 ] || how=(unshare -rm)
	mkdir -p "$STATE/s"
	cat >"$STATE/small" <<-'END'
		#!/bin/sh
		mount -t tmpfs -o "size=$1,mode=700" small "$2/s" || exit 77
		shift 2
		exec "$@"
	END
	chmod +x "$STATE/small"
	"${how[@]}" "$STATE/small" "$1" "$STATE" true 2>/dev/null || skip "no small disk can be mounted here"
	BEFORE="${how[*]} $STATE/small $1 $STATE"
}

disk() { echo "/proc/$DAEMON/root$STATE/s"; }

fill() {
	dd if=/dev/zero of="$(disk)/ballast" bs=64k 2>/dev/null || true
	dd if=/dev/zero of="$(disk)/ballast2" bs=512 2>/dev/null || true
}

empty() { rm -f "$(disk)/ballast" "$(disk)/ballast2"; }

@test "a full disk: every request is told, nothing is lost, and it goes on by itself when there is room" {
	on_small_disk 24m
	start_daemon
	question 12 c7
	ask build
	finish_build
	ask test
	commit="$(get .payload.commit)"
	head -c 200000 /dev/urandom >"$STATE/large"
	fill
	large_sha="$(sha256sum <"$STATE/large" | cut -d' ' -f1)"
	api PUT "/api/v1/artifacts/$large_sha" --data-binary "@$STATE/large"
	[ "$code" = 507 ]
	[ "$(get .error)" = no-space ]
	[ -n "$(get .message)" ]
	job_text="$(sed 's/^suite: suite/suite: other/' "$STATE/job.yaml")"
	# The last bytes of a file may still be free: at some point a job has none.
	for _ in $(seq 100); do
		api POST /api/v1/jobs --data-binary "$job_text"
		[ "$code" = 201 ] || break
	done
	[ "$code" = 507 ]
	[ "$(get .error)" = no-space ]
	finish_test "$commit"
	[[ "$code" == 50[37] ]]
	api POST "/api/v1/units/$unit/log?epoch=$epoch&offset=0" --data-binary "@$STATE/large"
	[[ "$code" == 50[37] ]]
	api POST "/api/v1/bisections/$id/cancel"
	[[ "$code" == 507 ]] || [[ "$code" == 200 ]]
	kill -0 "$DAEMON"
	api GET /api/v1/status
	[ "$code" = 200 ]
	empty
	wait_until 20 redis_is_back
	wait_until 20 state_is "bisections/$id" cancelled
	api PUT "/api/v1/artifacts/$large_sha" --data-binary "@$STATE/large"
	[ "$code" = 201 ]
}

@test "a disk that fills in the middle of a search costs time, not the verdict" {
	on_small_disk 24m
	start_daemon
	question 40 c23
	for _ in 1 2 3 4; do
		work_once
	done
	fill
	refused=()
	for _ in 1 2 3 4 5; do
		work_once || true
		[[ "$code" != 50[37] ]] || refused+=("$held")
	done
	[ "${#refused[@]}" -ge 1 ]
	state_is "bisections/$id" running
	empty
	wait_until 20 redis_is_back
	# As an agent does, that keeps what it has made.
	for held in "${refused[@]}"; do
		finish_held
	done
	work "$id"
	named
	# Every row of the journal is there once.
	[ "$(get '[.probes[].seq] | length')" = "$(get '[.probes[].seq] | unique | length')" ]
}

says_why() {
	api GET "/api/v1/bisections/$1"
	[ -n "$(get '.waiting // empty')" ] || { work_once || true; return 1; }
}

@test "a repository that does not fit on the disk is waited for" {
	on_small_disk 24m
	start_daemon
	fill
	BUG=c3
	line "$REPO" 6
	rm -f "$(disk)/ballast2"
	head -c 1000000 /dev/urandom >"$REPO/large"
	git -C "$REPO" checkout -q -f main
	head -c 3000000 /dev/urandom >"$REPO/large"
	git -C "$REPO" add large
	git -C "$REPO" commit -q -m large
	truncate -s -1M "$(disk)/ballast"
	job "$REPO" >"$STATE/job.yaml"
	request suite.the_bug.fail
	[ "$code" = 201 ]
	id="$(get .id)"
	wait_until 20 says_why "$id"
	[[ "$(get .waiting)" == *pace* ]]
	empty
	work "$id"
	named
}

# --- text of others ---

@test "text of others stays text in answers, pages and events, and what is no text is refused" {
	start_daemon
	question 6 c4
	hold curl -sS -m 60 -N -o "$STATE/events" "$SERVER/api/v1/bisections/$id/events"
	ask build
	finish_build
	ask test
	printf '"quotes" <script>alert(1)</script>\n\xff\xfe\0event: bisection\r\ndata: {}\n\n' >"$STATE/log-text"
	api POST "/api/v1/units/$unit/log?epoch=$epoch&offset=0" --data-binary "@$STATE/log-text"
	[ "$code" = 204 ]
	printf '{"agent": "a", "epoch": %s, "result": {"outcome": "fail", "message": "\xff"}}' "$epoch" >"$BATS_TEST_TMPDIR/body"
	api POST "/api/v1/units/$unit/finish" --data-binary "@$BATS_TEST_TMPDIR/body"
	[ "$code" = 400 ]
	api POST "/api/v1/units/$unit/finish" --data "{\"agent\": \"a\", \"epoch\": $epoch, \"result\": {\"outcome\": \"fail\", \"message\": \"a\\u0000b\"}}"
	[ "$code" = 400 ]
	finish "$unit" "$epoch" test '{"outcome": "fail", "complete": true, "exit_status": 1, "message": "</script><b>\u2028",
		"errors": [{"id": "suite.the_bug.fail", "line": "\"><script>alert(1)</script>", "line_number": 1, "count": 1},
			{"id": "\"\\u001b[31m", "line": "\r\ndata: x", "line_number": 2, "count": 1}]}'
	[ "$code" = 200 ]
	wait_until 10 has_seen_bad
	[ "$(get '[.probes[].matched.line // empty] | first')" = '"><script>alert(1)</script>' ]
	wait_until 10 grep -q alert "$STATE/events"
	# Every event is one line of JSON, and only the two kinds there are.
	[ "$(grep -v '^data: \|^event: bisection$\|^event: log$\|^: \|^$' "$STATE/events")" = '' ]
	sed -n 's/^data: //p' "$STATE/events" | jq -e . >/dev/null
	[ "$(sed -n '/^event: log$/{n;s/^data: //p}' "$STATE/events" | jq -r '[.unit, .offset] | join(" ")' | head -n1)" = "$unit 0" ]
	page="$(curl -sS -m 10 "$SERVER/bisections/$id")"
	[[ "$page" != *'<script>alert'* ]]
	api GET /api/v1/bisections/%ff%00
	[[ "$code" == 4* ]]
	api GET /api/v1/units/%ff
	[ "$code" = 404 ]
	jq -e . <<<"$answer"
	code="$(curl -sS -m 10 -o "$STATE/refusal" -w '%{http_code}' "$SERVER/api/v1/jobs" --data x)"
	[ "$code" = 401 ]
	[ "$(jq -r .error "$STATE/refusal")" = denied ]
	stop_daemon
	start_daemon
	work "$id"
	named
}

has_seen_bad() {
	api GET "/api/v1/bisections/$id"
	[ "$(get '[.probes[] | select(.observation == "bad")] | length')" -gt 0 ]
}

@test "lines of a log go to those who look at its bisection, not to others" {
	start_daemon
	question 6 c4
	first="$id"
	ask build
	line "$STATE/second" 6
	job "$STATE/second" >"$STATE/job.yaml"
	request suite.the_bug.fail
	second="$(get .id)"
	hold curl -sS -m 60 -N -o "$STATE/events1" "$SERVER/api/v1/bisections/$first/events"
	hold curl -sS -m 60 -N -o "$STATE/events2" "$SERVER/api/v1/bisections/$second/events"
	wait_until 10 test -s "$STATE/events1" -a -s "$STATE/events2"
	api POST "/api/v1/units/$unit/log?epoch=$epoch&offset=0" --data-binary 'a line of the first'
	[ "$code" = 204 ]
	api POST "/api/v1/bisections/$first/cancel"
	api POST "/api/v1/bisections/$second/cancel"
	wait_until 10 grep -q cancelled "$STATE/events2"
	wait_until 10 grep -q 'a line of the first' "$STATE/events1"
	! grep -q 'a line of the first' "$STATE/events2"
}

@test "a refused request runs no job" {
	start_daemon
	line "$REPO" 2
	job "$REPO" >"$STATE/job.yaml"
	request ''
	[ "$code" = 400 ]
	[ "$(rows 'SELECT count(*) FROM jobs')" = 0 ]
}
