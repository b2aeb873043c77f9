#!/usr/bin/env bats
# Any process may die at any time: the bisection goes on by itself, nothing finished is repeated, the verdict is the same.
# KILL_SEED=N repeats the moments of an earlier run.
load lib_service

KILLS=20

setup() {
	isolate_git
	start_service --build-slots 1 --test-slots 2 --lease 3s
}

teardown() {
	end_service
}

# part NAME: the process of that name that our bisectd started; nothing while there is none.
part() {
	local stat name rest
	if [ "$1" = bisectd ]; then
		echo "$DAEMON"
		return
	fi
	for stat in /proc/[0-9]*/stat; do
		{ read -r rest <"$stat"; } 2>/dev/null || continue
		name="${rest#*(}" name="${name%)*}"
		rest="${rest##*) }"
		# shellcheck disable=SC2086
		set -- "$1" $rest
		if [ "$name" = "$1" ] && [ "$3" = "$DAEMON" ]; then
			stat="${stat%/stat}"
			echo "${stat#/proc/}"
			return
		fi
	done
}

begin_bisection() {
	line "$STATE/repo" 300 "$1-:bug"
	job "$STATE/repo" | sed "s/test -e dies/sleep $2; test -e dies/" >"$BATS_TEST_TMPDIR/job.yaml"
	answer="$(ctl submit --wait --json "$BATS_TEST_TMPDIR/job.yaml")"
	job_id="$(get .id)"
	bisection="$(ctl bisect --job "$job_id" --good c1 --error-id suite.the_bug.fail)"
}

# What has its result now, and how far the log is: such a run may not begin once more behind that line.
note_finished() {
	local lines
	lines="$(wc -l <"$STATE/log")"
	rows "SELECT unit || ' ' || started_ms || ' ' || finished_ms || ' ' || outcome || ' ' || ifnull(log, '') FROM results" >"$BATS_TEST_TMPDIR/now"
	[ ! -e "$BATS_TEST_TMPDIR/finished" ] || [ -z "$(comm -23 <(sort "$BATS_TEST_TMPDIR/finished") <(sort "$BATS_TEST_TMPDIR/now"))" ] ||
		{ echo "results were lost or changed"; return 1; }
	while read -r unit _; do
		grep -q "^$unit " "$BATS_TEST_TMPDIR/lines" 2>/dev/null || echo "$unit $lines" >>"$BATS_TEST_TMPDIR/lines"
	done <"$BATS_TEST_TMPDIR/now"
	mv "$BATS_TEST_TMPDIR/now" "$BATS_TEST_TMPDIR/finished"
}

nothing_repeated() {
	local unit from
	note_finished
	while read -r unit from; do
		if tail -n "+$((from + 1))" "$STATE/log" | grep "unit $unit: .*(epoch"; then
			echo "$unit had its result already"
			return 1
		fi
	done <"$BATS_TEST_TMPDIR/lines"
}

state_is_known() { api GET "/api/v1/bisections/$bisection"; }

wait_for_verdict() {
	wait_until "$1" ended "$bisection" || { tail -n 50 "$STATE/log"; get .; return 1; }
	[ "$(get .verdict.verdict)" = culprit ] || { get .; return 1; }
	[ "$(get .verdict.commit)" = "$(hex "$STATE/repo" "$2")" ]
}

@test "kill -9 of any part at 20 random moments changes nothing of the verdict and repeats no finished run" {
	local parts=(bisectd bisect-builder bisect-tester redis-server) kills=0 rounds=0 pid which
	seed="${KILL_SEED:-$RANDOM}"
	echo "# KILL_SEED=$seed" >&3
	RANDOM=$seed
	begin_bisection 187 2	# long enough for all the kills on a slow machine, too
	while [ $kills -lt $KILLS ] && [ $((rounds++)) -lt 100 ]; do
		sleep "0.$((RANDOM % 10))"
		which="${parts[RANDOM % 4]}"
		pid="$(part "$which")"
		[ -n "$pid" ] || continue
		state_is_known
		[ "$(get .state)" != done ] || break
		note_finished
		kill -KILL "$pid"
		kills=$((kills + 1))
		if [ "$which" = bisectd ]; then
			wait "$DAEMON" || true
			start_service --build-slots 1 --test-slots 2 --lease 3s
		fi
	done
	echo "$kills kills"
	[ $kills = $KILLS ]
	wait_for_verdict 300 c187
	nothing_repeated
}

@test "deleting the directory of Redis costs only what was in flight" {
	begin_bisection 45 0.5
	wait_until 60 some_results 4
	stop_service
	note_finished
	rm -rf "$STATE/s/redis"
	start_service --build-slots 1 --test-slots 2 --lease 3s
	wait_for_verdict 100 c45
	nothing_repeated
}

some_results() { [ "$(rows 'SELECT count(*) FROM results')" -ge "$1" ]; }

@test "deleting the directory of Redis while it runs costs only what was in flight" {
	begin_bisection 222 0.5
	wait_until 60 some_results 3
	note_finished
	rm -rf "$STATE/s/redis"
	wait_for_verdict 100 c222
	nothing_repeated
}

@test "parts that were killed are started again, and die with bisectd" {
	pids=()
	for name in bisect-builder bisect-tester redis-server; do
		wait_until 20 is_there "$name"
		pid="$(part "$name")"
		kill -KILL "$pid"
		wait_until 20 is_another "$name" "$pid"
		pids+=("$(part "$name")")
	done
	kill -KILL "$DAEMON"
	for pid in "${pids[@]}"; do
		wait_until 20 gone "$pid"
	done
	wait "$DAEMON" || true
	start_service
}

is_there() { [ -n "$(part "$1")" ]; }
is_another() { [ -n "$(part "$1")" ] && [ "$(part "$1")" != "$2" ]; }
