#!/usr/bin/env bats
# Infrastructure is never evidence: boxes that fail are left out for a while and come back, units that fail run again elsewhere.
load lib_service

setup() {
	isolate_git
	STATE="$(mktemp -d /tmp/bd.XXXXXX)"
	PORT=0
	programs="$(dirname "${BISECTD:?names the program}")"
	agents=()
}

teardown() {
	local pid
	[ -n "${DAEMON:-}" ] || return 0
	for pid in "${agents[@]}"; do
		kill -TERM "$pid" 2>/dev/null || true
	done
	for pid in "${agents[@]}"; do
		wait_until 15 gone "$pid" || kill -KILL "$pid"
	done
	end_service
}

# What makes a command's mounts its own affair.
mounts() {
	if [ "$(id -u)" = 0 ]; then echo unshare -m; else echo unshare -rm; fi
}

# In a chroot that is no mount of its own, nobody can have mounts of his own.
needs_mounts() {
	local before
	read -r -a before <<<"$(mounts)"
	"${before[@]}" true 2>/dev/null || skip "no mounts of one's own here"
}

# among_mounts PID COMMAND...: with the mounts that such a command has; -r also where these tests run in a chroot.
among_mounts() {
	local user=()
	[ "$(id -u)" = 0 ] || user=(-U --preserve-credentials)
	nsenter -t "$1" "${user[@]}" -m -r "${@:2}"
}

# farm [OPTION...]: a bisectd without agents.  With $ARTIFACTS its artifacts are on a disk of that size.
farm() {
	local before=()
	rm -f "$STATE/port"
	mkdir -p "$STATE/s/artifacts"
	# shellcheck disable=SC2016
	[ -z "${ARTIFACTS:-}" ] || read -r -a before <<<"$(mounts)"
	[ -z "${ARTIFACTS:-}" ] || before+=(sh -c 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"' sh "$ARTIFACTS" "$STATE/s/artifacts")
	"${before[@]}" "$BISECTD" --state-dir "$STATE/s" --port "$PORT" --port-file "$STATE/port" --local-repositories \
		--retry-pause 1s "$@" >>"$STATE/log" 2>&1 3>&- &
	DAEMON=$!
	wait_until 30 test -s "$STATE/port" || { tail "$STATE/log"; return 1; }
	PORT="$(cat "$STATE/port")"
	SERVER="http://127.0.0.1:$PORT"
}

# agent KIND NAME [OPTION...]: its process in $pid.  It has a bisect-box of its own, $STATE/NAME/bin/bisect-box.  With $DISK its
# directory is on a disk of that size.
agent() {
	local kind="$1" name="$2" before=()
	shift 2
	mkdir -p "$STATE/$name/bin" "$STATE/$name/state"
	cp "$programs/bisect-box" "$STATE/$name/bin/"
	# shellcheck disable=SC2016
	[ -z "${DISK:-}" ] || read -r -a before <<<"$(mounts)"
	[ -z "${DISK:-}" ] || before+=(sh -c 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"' sh "$DISK" "$STATE/$name/state")
	[ "$kind" = tester ] || set -- "$@" --local-repositories
	"${before[@]}" "$programs/bisect-$kind" --server "$SERVER" --token-file "$STATE/s/agent.token" --name "$name" --hide "$STATE/s" \
		--state-dir "$STATE/$name/state" --libexec-dir "$STATE/$name/bin" "$@" >>"$STATE/$name.log" 2>&1 3>&- &
	pid=$!
	agents+=("$pid")
	wait_until 20 box_is "$name" '.connected' || { cat "$STATE/$name.log"; return 1; }
}

# box NAME FILTER: of its health
box() { api GET /api/v1/boxes && jq -r --arg name "$1" ".[] | select(.name == \$name) | $2" <<<"$answer"; }
box_is() { [ "$(box "$1" "$2")" = true ]; }

break_box() { mv "$STATE/$1/bin/bisect-box" "$STATE/$1/bin/away"; }
mend_box() { mv "$STATE/$1/bin/away" "$STATE/$1/bin/bisect-box"; }

# later REPO [COMMIT]: submits, and does not wait; the id is in $job_id.
later() {
	job "$@" >"$BATS_TEST_TMPDIR/job.yaml"
	job_id="$(ctl submit "$BATS_TEST_TMPDIR/job.yaml")"
}

job_is() { api GET "/api/v1/jobs/$job_id" && [ "$(get "$1")" = true ]; }
unit_is() { api GET "/api/v1/units/$1" && [ "$(get "$2")" = true ]; }

nothing_skipped() {
	[ "$(get '[.probes[] | select(.observation == "skip" or .observation == "broken")] | length')" = 0 ]
}

page() { curl -sS -m 10 "$SERVER$1"; }

@test "a builder whose sandbox breaks is put in quarantine and shown, and no commit is skipped for it" {
	farm --quarantine-after 2 --quarantine-time 10m
	agent builder sick
	break_box sick
	line "$STATE/repo" 40 23-:bug
	later "$STATE/repo"
	wait_until 10 box_is sick '.in_a_row == 1'
	agent builder well
	agent tester tester --slots 2
	wait_until 30 job_is '.state == "done"'
	# It finished what the other one had failed on; the sick one fails on the next ones, too.
	bisect suite.the_bug.fail --good c1
	[ "$(get .verdict.verdict)" = culprit ]
	[ "$(get .verdict.commit)" = "$(hex "$STATE/repo" c23)" ]
	nothing_skipped
	[ "$(box sick .state)" = quarantined ]
	[[ "$(box sick .reason)" == *bisect-box* ]]
	[ "$(box sick .finished)" = 0 ]
	[ "$(box well .state)" = ok ]
	[ "$(box well .failures)" = 0 ]
	page / | grep -q 'sick</a> is in quarantine'
	page /boxes | grep -q 'quarantined.*gets no work until'
	ctl boxes | grep -q '^sick  build  quarantined until .*bisect-box'
	# A restart forgets nothing.
	stop_service
	farm --quarantine-after 2 --quarantine-time 10m
	[ "$(box sick .state)" = quarantined ]
	[ "$(box well .finished)" -gt 3 ]
	TOKEN="$(token agent)" api POST /api/v1/boxes/sick/release
	[ "$code" = 403 ]
	mend_box sick
	ctl boxes release sick
	wait_until 20 box_is sick '.state == "ok"'
	run ctl boxes release nobody
	[ "$status" = 1 ]
	[[ "$output" == *"no box 'nobody'"* ]]
}

@test "a single box that fails is waited for, comes back by itself, and the bisection goes on" {
	farm --quarantine-after 1 --quarantine-time 1s --quarantine-max 2s
	agent builder only
	agent tester tester
	line "$STATE/repo" 12 5-:bug
	submit "$STATE/repo"
	break_box only
	id="$(ctl bisect --job "$job_id" --error-id suite.the_bug.fail --good c1)"
	wait_until 15 waits_for_quarantine
	[[ "$(get .waiting)" == *'builders for'*'only is in quarantine'*bisect-box* ]]
	page "/bisections/$id" | grep -q 'only is in quarantine'
	wait_until 15 box_is only '.quarantines >= 2'
	mend_box only
	answer="$(ctl watch --json "$id")"
	[ "$(get .verdict.commit)" = "$(hex "$STATE/repo" c5)" ]
	nothing_skipped
	[ "$(box only '"\(.state) \(.in_a_row)"')" = 'ok 0' ]
	[ "$(box only '.failures >= 2')" = true ]
}

waits_for_quarantine() { api GET "/api/v1/bisections/$id" && [ "$(get '.waiting != null')" = true ]; }

@test "a unit that no box can run is given up with the reason, and quarantines nobody" {
	farm --quarantine-after 2 --max-attempts 3 --give-up-after 1s
	agent builder one
	agent builder two
	line "$STATE/repo" 2 1-:kills
	job "$STATE/repo" | sed 's/if test -e broken/if test -e kills; then kill -9 $$; fi; if test -e broken/' >"$BATS_TEST_TMPDIR/job.yaml"
	answer="$(ctl submit --wait --json "$BATS_TEST_TMPDIR/job.yaml")" || true
	[ "$(get .state)" = failed ]
	[[ "$(get .message)" == 'infrastructure failed '*' times: the last time on '*'signal 9'* ]]
	[ "$(box one .state) $(box two .state)" = 'ok ok' ]
	[ "$(box one .in_a_row) $(box two .in_a_row)" = '0 0' ]
	[ "$(($(box one .failures) + $(box two .failures)))" -ge 3 ]
}

@test "a commit that the farm cannot test is a skip that says so" {
	farm --max-attempts 2 --give-up-after 0s
	agent builder one
	agent tester tester
	line "$STATE/repo" 3 2-2:kills 3-:bug
	job "$STATE/repo" | sed 's/if test -e broken/if test -e kills; then kill -9 $$; fi; if test -e broken/' >"$BATS_TEST_TMPDIR/job.yaml"
	answer="$(ctl submit --wait --json "$BATS_TEST_TMPDIR/job.yaml")"
	job_id="$(get .id)"
	bisect suite.the_bug.fail --good c1
	[ "$(get .verdict.verdict)" = range ]
	[ "$(get ".probes[] | select(.commit == \"$(hex "$STATE/repo" c2)\") | .observation" | head -n1)" = skip ]
	[[ "$(get ".probes[] | select(.commit == \"$(hex "$STATE/repo" c2)\") | .note" | head -n1)" == 'infrastructure failed 2 times: '*'signal 9'* ]]
	[ "$(get ".probes[] | select(.commit == \"$(hex "$STATE/repo" c2)\") | .outcome" | head -n1)" = infra ]
	page "/bisections/$(get .id)" | grep -q 'infrastructure failed 2 times'
}

@test "a build that fills its builder's disk is made elsewhere, and the builder says that it is full" {
	needs_mounts
	farm
	DISK=64m agent builder small
	line "$STATE/repo" 2 2-:bug
	job "$STATE/repo" | sed 's/if test -e broken/head -c 90000000 \/dev\/zero >big; rm big; if test -e broken/' >"$BATS_TEST_TMPDIR/job.yaml"
	job_id="$(ctl submit "$BATS_TEST_TMPDIR/job.yaml")"
	wait_until 15 box_is small '.failures >= 1'
	# Whichever is noticed first.
	[[ "$(box small .reason)" =~ 'is full'|'No space left' ]]
	wait_until 15 box_is small '.state == "troubled"'
	[[ "$(box small .trouble)" == *full* ]]
	page /boxes | grep -q 'troubled.*is full'
	agent builder large
	agent tester tester
	wait_until 30 job_is '.state == "done"'
	[ "$(get .build.outcome)" = pass ]
	[ "$(get .build.agent)" = large ]
}

@test "a full artifact store is nobody's fault: the unit waits and ends when there is room" {
	needs_mounts
	ARTIFACTS=1m farm
	agent builder builder --patience 1s
	agent tester tester
	line "$STATE/repo" 2 2-:bug
	job "$STATE/repo" | sed 's/if test -e broken/head -c 3000000 \/dev\/urandom >big; if test -e broken/; s/^test:/  keep: [big]\ntest:/' >"$BATS_TEST_TMPDIR/job.yaml"
	job_id="$(ctl submit "$BATS_TEST_TMPDIR/job.yaml")"
	wait_until 20 box_is builder '.failures >= 1'
	[ "$(box builder '"\(.state) \(.in_a_row)"')" = 'ok 0' ]
	[[ "$(box builder .reason)" == *"refuses an artifact"* ]]
	unit="b-$(sed -n 's/.*unit b-\([0-9a-f]*\) was given back.*/\1/p' "$STATE/log" | head -n1)"
	wait_until 10 unit_is "$unit" '.attempts <= 1'
	among_mounts "$DAEMON" mount -t tmpfs -o remount,size=64m tmpfs "$STATE/s/artifacts"
	wait_until 30 job_is '.state == "done"'
	[ "$(get .build.outcome)" = pass ]
}

@test "an agent that is stopped gives its unit back, and that counts as nothing" {
	farm
	agent builder builder
	line "$STATE/repo" 2 2-:bug
	job "$STATE/repo" | sed 's/if test -e broken/sleep 60; if test -e broken/' >"$BATS_TEST_TMPDIR/job.yaml"
	job_id="$(ctl submit "$BATS_TEST_TMPDIR/job.yaml")"
	wait_until 20 box_is builder '.unit != null'
	unit="$(box builder .unit)"
	kill -TERM "$pid"
	wait_until 15 gone "$pid"
	api GET "/api/v1/units/$unit"
	[ "$(get '"\(.state) \(.attempts)"')" = 'ready 0' ]
	[ "$(box builder '"\(.failures) \(.in_a_row)"')" = '0 0' ]
}

@test "a lost lease counts against its box once, however many units it held" {
	farm --lease 2s
	agent builder builder --slots 3
	for n in 1 2 3; do
		line "$STATE/repo$n" 2 2-:bug
		job "$STATE/repo$n" | sed 's/if test -e broken/sleep 60; if test -e broken/' >"$BATS_TEST_TMPDIR/job.yaml"
		ctl submit "$BATS_TEST_TMPDIR/job.yaml"
	done
	wait_until 20 leased 3
	kill -KILL "$pid"
	wait_until 20 box_is builder '.failures == 3'
	[ "$(box builder .in_a_row)" = 1 ]
	[[ "$(box builder .reason)" == *'not heard of'* ]]
}

leased() { api GET /api/v1/status && [ "$(get .queue.leased)" = "$1" ]; }

@test "a job whose builders are not there says so" {
	farm
	agent tester tester
	line "$STATE/repo" 2 2-:bug
	later "$STATE/repo"
	wait_until 15 job_is '(.waiting // "") | startswith("No builder for ")'
	page "/jobs/$job_id" | grep -q 'No builder for .* is connected'
	agent builder builder
	wait_until 30 job_is '.state == "done"'
	[ "$(get .waiting)" = null ]
}

@test "a test whose artifact is not what its name says waits for a better one" {
	farm
	agent builder builder
	line "$STATE/repo" 2 2-:bug
	later "$STATE/repo"
	wait_until 20 job_is '.build.outcome == "pass"'
	sha="$(get .build.artifact)"
	file="$(find "$STATE/s/artifacts" -type f -name "*${sha:2}*")"
	cp "$file" "$STATE/good"
	chmod u+w "$file"
	printf x | dd of="$file" bs=1 seek=5 conv=notrunc status=none
	agent tester tester
	wait_until 15 box_is tester '.failures >= 1'
	[[ "$(box tester .reason)" == *"SHA-256"* ]]
	cat "$STATE/good" >"$file"
	wait_until 30 job_is '.state == "done"'
	[ "$(get .result.outcome)" = fail ]
}

@test "a builder that cannot fetch the repository gives the build back and makes it when the repository is there again" {
	farm
	line "$STATE/repo" 2 2-:bug
	later "$STATE/repo"
	wait_until 15 queued 1
	mv "$STATE/repo" "$STATE/away"
	agent builder builder
	agent tester tester
	wait_until 15 box_is builder '.failures >= 1'
	[[ "$(box builder .reason)" == *repo* ]]
	mv "$STATE/away" "$STATE/repo"
	wait_until 30 job_is '.state == "done"'
	[ "$(get .build.outcome)" = pass ]
}

queued() { api GET /api/v1/status && [ "$(get .queue.ready)" = "$1" ]; }

@test "a build that is killed for lack of memory is never broken, and counts against no box" {
	farm --build-memory 64m --max-attempts 2 --give-up-after 0s --quarantine-after 1
	agent builder builder
	grep -q 'control groups' "$STATE/builder.log" || skip "no control groups here: memory is bounded by resource limits"
	line "$STATE/repo" 2 2-:bug
	job "$STATE/repo" | sed 's/if test -e broken/head -c 200000000 \/dev\/zero | tail -n 1 >big; if test -e broken/' >"$BATS_TEST_TMPDIR/job.yaml"
	answer="$(ctl submit --wait --json "$BATS_TEST_TMPDIR/job.yaml")" || true
	[ "$(get .state)" = failed ]
	[[ "$(get .message)" == 'infrastructure failed 2 times: the last time on builder: out of memory'* ]]
	[ "$(get .build)" = null ]
	[ "$(box builder '"\(.state) \(.in_a_row) \(.failures)"')" = 'ok 0 2' ]
}

@test "a test that is killed for lack of memory is run again, and the third time that is its end" {
	farm
	agent builder builder
	agent tester tester
	grep -q 'control groups' "$STATE/tester.log" || skip "no control groups here: memory is bounded by resource limits"
	line "$STATE/repo" 2 2-:bug
	job "$STATE/repo" | sed 's/test -e dies \&\& exit 3/head -c 200000000 \/dev\/zero | tail -n 1 >big/; s/^timeout:.*/testbox: dc-64m/' >"$BATS_TEST_TMPDIR/job.yaml"
	answer="$(ctl submit --wait --json "$BATS_TEST_TMPDIR/job.yaml")"
	[ "$(get .result.outcome)" = fail ]
	[ "$(get .result.complete)" = false ]
	[[ "$(get .result.message)" == *memory* ]]
	[ "$(box tester '"\(.state) \(.in_a_row) \(.failures)"')" = 'ok 0 2' ]
}

@test "a test that runs into its own timeout is no failure of the farm" {
	farm
	agent builder builder
	agent tester tester
	line "$STATE/repo" 2 2-:bug
	job "$STATE/repo" | sed 's/test -e dies \&\& exit 3/sleep 60/; s/^timeout:.*/timeout: 1s/' >"$BATS_TEST_TMPDIR/job.yaml"
	answer="$(ctl submit --wait --json "$BATS_TEST_TMPDIR/job.yaml")"
	[ "$(get '"\(.result.outcome) \(.result.complete)"')" = 'fail false' ]
	[ "$(box tester .failures)" = 0 ]
}

# --- the other rules that never bend (docs/developers.md), where no other file has a test that fails for nothing else ---

rule_farm() {
	farm
	agent builder builder
	agent tester tester
}

of() { get "[.probes[] | select(.commit == \"$(hex "$STATE/repo" "$1")\" and .observation != \"cancelled\") | .observation] | unique | join(\" \")"; }

@test "an error that is absent from a run that died early is a skip, never good" {
	rule_farm
	line "$STATE/repo" 3 2-2:dies 3-:bug
	submit "$STATE/repo"
	bisect suite.the_bug.fail --good c1
	[ "$(of c2)" = skip ]
	[ "$(get .verdict.verdict)" = range ]
}

@test "another error in a run that came to its end is good, and never bad" {
	rule_farm
	line "$STATE/repo" 3 2-2:other 3-:bug
	submit "$STATE/repo"
	bisect suite.the_bug.fail --good c1
	[ "$(of c2)" = good ]
	[ "$(get .verdict.commit)" = "$(hex "$STATE/repo" c3)" ]
}

@test "what was observed is not run again because somebody asks again" {
	rule_farm
	line "$STATE/repo" 8 5-:bug
	submit "$STATE/repo"
	bisect suite.the_bug.fail --good c1
	runs="$(rows 'SELECT count(*) FROM results') $(rows 'SELECT count(*) FROM builds')"
	answer="$(ctl bisect --watch --json --again --job "$job_id" --error-id suite.the_bug.fail --good c1)"
	[ "$(get .verdict.commit)" = "$(hex "$STATE/repo" c5)" ]
	[ "$(rows 'SELECT count(*) FROM results') $(rows 'SELECT count(*) FROM builds')" = "$runs" ]
}

@test "infrastructure is never evidence: what a broken testbox runs into is neither good nor bad" {
	farm --quarantine-after 2 --quarantine-time 10m
	agent builder builder
	agent tester sick
	agent tester well
	line "$STATE/repo" 24 13-:bug
	submit "$STATE/repo"
	break_box sick
	bisect suite.the_bug.fail --good c1
	[ "$(get .verdict.commit)" = "$(hex "$STATE/repo" c13)" ]
	nothing_skipped
	[ "$(box sick .failures)" -ge 1 ]
	# It could take units, and none of what it made of them is in the journal.
	[ "$(get '[.probes[] | select(.observation == "bad" or .observation == "good") | .box] | unique | contains(["well"])')" = true ]
	for commit in $(seq 2 12); do [[ "$(of "c$commit")" =~ ^(good)?$ ]]; done
	for commit in $(seq 13 24); do [[ "$(of "c$commit")" =~ ^(bad)?$ ]]; done
}

@test "no shell reads the name of a repository, a revision, a file or an error" {
	rule_farm
	# shellcheck disable=SC2016
	local evil='a $(touch pwned1) `touch pwned2` ; touch pwned3; '\''"x'
	# One of the paths ends up in YAML: its single quote doubled.
	line "$STATE/$evil" 8 5-:bug
	git -C "$STATE/$evil" branch '$(touch${IFS}pwned4)' c1
	job "$STATE/${evil//\'/\'\'}" >"$BATS_TEST_TMPDIR/job.yaml"
	cat >>"$BATS_TEST_TMPDIR/job.yaml" <<-'END'
		error: {match: '\$\(touch pwned5\)|not ok 2'}
	END
	answer="$(ctl submit --wait --json "$BATS_TEST_TMPDIR/job.yaml")"
	job_id="$(get .id)"
	error="$(get '[.result.errors[].id | select(startswith("match."))][0]')"
	bisect "$error" --good '$(touch${IFS}pwned4)'
	[ "$(get .verdict.commit)" = "$(hex "$STATE/$evil" c5)" ]
	bisect 'suite.`touch pwned6`$(touch pwned7)"; touch pwned8' --good c1 --budget 2
	[ "$(get .error_id)" = 'suite.`touch pwned6`$(touch pwned7)"; touch pwned8' ]
	[ -z "$(find "$STATE" "$BATS_TEST_TMPDIR" . -name 'pwned[0-9]' 2>/dev/null)" ]
}

@test "every wait ends by itself: what nobody can run says who is missing, and ends when its time is spent" {
	rule_farm
	line "$STATE/repo" 8 5-:bug
	{ job "$STATE/repo"; echo 'os_arch: aarch64'; } >"$BATS_TEST_TMPDIR/job.yaml"
	job_id="$(ctl submit "$BATS_TEST_TMPDIR/job.yaml")"
	id="$(ctl bisect --job "$job_id" --error-id suite.the_bug.fail --good c1)"
	waits() { api GET "/api/v1/bisections/$id" && [[ "$(get .waiting)" == *aarch64* ]]; }
	wait_until 20 waits
	ctl cancel "$id"
	id="$(ctl bisect --job "$job_id" --error-id suite.the_bug.fail --good c1 --budget 4s)"
	over() { api GET "/api/v1/bisections/$id" && [ "$(get .state)" = "done" ]; }
	wait_until 20 over
	[ "$(get .verdict.verdict)" = undecided ]
	# What it had asked for is not left in the queue; the job's own is taken back like that.
	ctl cancel "$job_id"
	empty() { api GET /api/v1/status && [ "$(get '.queue.ready + .queue.leased')" = 0 ]; }
	wait_until 20 empty
}

@test "a tester that does not know a kind of log gives the unit back, and never says pass" {
	farm --quarantine-after 2 --quarantine-time 10m
	line "$STATE/repo" 2
	{ job "$STATE/repo" | sed 's/^test:$/&\n  logs: [tap]/'; } >"$BATS_TEST_TMPDIR/job.yaml"
	agent builder builder
	job_id="$(ctl submit "$BATS_TEST_TMPDIR/job.yaml")"
	wait_until 30 job_is '.build.outcome == "pass"'
	# As a newer daemon would have queued it.
	store() { redis-cli -s "$STATE/s/redis/redis.sock" --raw "$@"; }
	unit_is_queued() { key="$(store keys 'bisectd:unit:t-*')" && [ -n "$key" ]; }
	wait_until 20 unit_is_queued
	store hset "$key" payload "$(store hget "$key" payload | jq -c '.logs = ["tap", "crystal"]')"
	agent tester old
	wait_until 20 box_is old '.in_a_row >= 1'
	[[ "$(box old .reason)" == *'no program here reads logs of the kind "crystal": this bisect-tester is older than the daemon'* ]]
	job_is '.result == null'
	# What it knows it runs.
	store hset "$key" payload "$(store hget "$key" payload | jq -c '.logs = ["tap"]')"
	wait_until 30 job_is '.state == "done"'
	job_is '.result.outcome == "pass"'
}
