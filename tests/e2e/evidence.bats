#!/usr/bin/env bats
# What a bisection makes of what is known from before: runs of earlier bisections of the error, files that the error names.
load lib_service

setup_file() {
	isolate_git
	start_service --build-slots 1 --test-slots 1
	REPOS="$STATE/repos"
	export REPOS
	mkdir "$REPOS"
}

teardown_file() {
	# shellcheck disable=SC1091
	[ ! -e "$STATE/now" ] || . "$STATE/now"
	end_service
}

setup() {
	isolate_git
	# shellcheck disable=SC1091
	[ ! -e "$STATE/now" ] || . "$STATE/now"
}

# Another process at the same address: the tests after this one have to know it.
again() {
	kill -KILL "$DAEMON"
	wait_until 20 gone "$DAEMON"
	start_service --build-slots 1 --test-slots 1
	echo "DAEMON=$DAEMON" >"$STATE/now"
}

# A commit with the file shows the error in every second run, always the same ones.
flaky() {
	local sum
	git -C "$1" cat-file -e "$2:bug" 2>/dev/null || return 1
	sum="$(sha256sum <<<"$2 $3")"
	[ $((16#${sum:0:2} % 2)) = 0 ]
}

# ask JOB BODY: a bisection of the bug by the agents of `play`, one run at a time; its end in $answer.
ask() {
	api POST /api/v1/bisections --data "{\"error_id\": \"suite.the_bug.fail\", \"job_id\": \"$1\", $2}"
	[ "$code" = 201 ] || { echo "$code $answer"; return 1; }
	id="$(get .id)"
	play "$REPO" 1000 1000 ended "$id"
	jq -c 'del(.belief, .probes)' <<<"$answer"
}

own_runs() { get '[.probes[] | select(.purpose != "known" and .observation != "cancelled")] | length'; }

# at SUITE COMMIT: a job at that commit that was never run, of an identity that SUITE makes its own; its id in $job_id.
at() {
	{ job "$REPO" "$2" | sed "s/^suite: suite/suite: $1/"; echo 'os_arch: aarch64'; } >"$BATS_TEST_TMPDIR/job.yaml"
	job_id="$(ctl submit "$BATS_TEST_TMPDIR/job.yaml")"
	play "$REPO" 1000 1000 job_ended "$job_id"
}

@test "what an earlier bisection saw of a flaky error counts in the search for its fix, and no run counts twice" {
	shows() { flaky "$@"; }
	REPO="$REPOS/flaky"
	line "$REPO" 150 20-79:bug
	at warm c60
	ask "$job_id" '"good": "c1", "options": {"slots": 1}'
	[ "$(get .verdict.commit)" = "$(hex "$REPO" c20)" ]
	# No other run lies beside the range of this one.
	[ "$(get '.earlier.bad.bad + .earlier.bad.good + .earlier.good.good')" = 0 ]
	failed="$(get '.verdict.evidence.containing | .bad')" passed="$(get '.verdict.evidence.containing | .good')"
	ask "$job_id" '"bad": "c65", "good": "c145", "options": {"fix": true, "slots": 1}'
	[ "$(get .verdict.commit)" = "$(hex "$REPO" c80)" ]
	get .earlier
	[ "$(get .earlier.same_cause)" = true ]
	# The reverted tree of the first one is on no side; weighed down to 30 runs where there were more.
	if [ $((failed + passed)) -le 30 ]; then
		[ "$(get '.earlier.bad | "\(.bad) \(.good)"')" = "$failed $passed" ]
	else
		[ "$(get '.earlier.bad | .bad + .good')" = 30 ]
	fi
	[ "$(get '.earlier.good | .bad')" = 0 ]
	[ "$(get '.earlier.good | .good')" -ge 2 ]
	[[ "$(get '.verdict.why | join(" ")')" == *'Outside of the range, runs of commits with the error count for how often it shows: '* ]]
}

@test "how often another flaky cause showed says nothing of this one" {
	shows() { flaky "$@"; }
	REPO="$REPOS/other"
	line "$REPO" 60 20-39:bug
	at other c38
	ask "$job_id" '"good": "c1", "options": {"slots": 1}'
	[ "$(get .verdict.commit)" = "$(hex "$REPO" c20)" ]
	git -C "$REPO" checkout -q -B main c50
	touch "$REPO/bug"
	git -C "$REPO" add bug
	git -C "$REPO" commit -q -m again
	at other main
	api POST /api/v1/bisections --data "{\"error_id\": \"suite.the_bug.fail\", \"job_id\": \"$job_id\", \"good\": \"c45\", \"again\": true}"
	id="$(get .id)"
	known() { answer="$(rows "SELECT learnt FROM bisections WHERE id = '$id'")" && [ -n "$answer" ]; }
	wait_until 20 known
	[ "$(get .earlier.same_cause)" = false ]
	[ "$(get '.earlier.bad | .bad + .good')" = 0 ]
	[ "$(get '.earlier.good | .bad == 0 and .good >= 2 and .good <= 30')" = true ]
	ctl cancel "$id"
}

@test "an error that is gone is not reproduced, however often it showed before" {
	REPO="$REPOS/gone"
	line "$REPO" 100 20-59:bug
	at gone c50
	ask "$job_id" '"good": "c1", "options": {"slots": 1}'
	[ "$(get .verdict.commit)" = "$(hex "$REPO" c20)" ]
	ask "$job_id" '"good": "c70", "bad": "c99", "again": true, "options": {"slots": 1}'
	[ "$(get .verdict.verdict)" = not-reproduced ]
	[ "$(own_runs)" -le 30 ]
	[ "$(get 'has("earlier")')" = false ]
}

@test "another cause that always showed does not make this one believed to show always" {
	REPO="$REPOS/two"
	line "$REPO" 200 20-59:bug
	at two c50
	ask "$job_id" '"good": "c1", "options": {"slots": 1}'
	git -C "$REPO" checkout -q c200
	git -C "$REPO" branch -q -f main c100
	git -C "$REPO" checkout -q main
	touch "$REPO/bug"
	git -C "$REPO" add bug
	git -C "$REPO" commit -q -m again
	git -C "$REPO" tag back
	for n in 1 2 3; do git -C "$REPO" commit -q --allow-empty -m "later $n"; done
	at two main
	ask "$job_id" '"good": "c70", "again": true, "options": {"slots": 1}'
	[ "$(get .verdict.commit)" = "$(hex "$REPO" back)" ]
	[ "$(get .earlier.same_cause)" = false ]
	[ "$(get '.earlier.bad | .bad + .good')" = 0 ]
	# Those before the good end that did not show it count, the reverted tree does not.
	[ "$(get '.earlier.good | .good')" -ge 2 ]
}

@test "what was known at the start is known after a restart, whatever came since" {
	REPO="$REPOS/restart"
	line "$REPO" 100 20-89:bug
	at restart c50
	ask "$job_id" '"good": "c1", "options": {"slots": 1}'
	api POST /api/v1/bisections --data "{\"error_id\": \"suite.the_bug.fail\", \"job_id\": \"$job_id\", \"bad\": \"c60\",
		\"good\": \"c99\", \"options\": {\"fix\": true, \"slots\": 1}}"
	id="$(get .id)"
	wait_until 20 eval '[ -n "$(rows "SELECT learnt FROM bisections WHERE id = '\'"$id"\''")" ]'
	before="$(rows "SELECT learnt FROM bisections WHERE id = '$id'")"
	[ "$(jq .earlier.bad.bad <<<"$before")" -ge 2 ]
	at restart c40
	again
	play "$REPO" 1000 1000 ended "$id"
	[ "$(get .verdict.commit)" = "$(hex "$REPO" c90)" ]
	[ "$(rows "SELECT learnt FROM bisections WHERE id = '$id'")" = "$before" ]
	[ "$(jq -c .earlier <<<"$answer")" = "$(jq -c .earlier <<<"$before")" ]
}

@test "a row that is damaged stops no start: it is said, its bisection has failed, and the rest goes on" {
	REPO="$REPOS/damaged"
	line "$REPO" 32 10-:bug
	at damaged c32
	at intact c32
	intact="$job_id"
	api POST /api/v1/bisections --data "{\"error_id\": \"suite.the_bug.fail\", \"job_id\": \"$job_id\", \"good\": \"c1\"}"
	id="$(get .id)"
	api POST /api/v1/bisections --data "{\"error_id\": \"suite.other.fail\", \"job_id\": \"$job_id\", \"good\": \"c1\"}"
	broken="$(get .id)"
	kill -KILL "$DAEMON"
	wait_until 20 gone "$DAEMON"
	rows "UPDATE bisections SET options = '{\"slots\": ' WHERE id = '$broken'; UPDATE boxes SET charges = '[' WHERE name = 'w0'"
	rows "UPDATE results SET errors = '[{' WHERE identity != (SELECT identity FROM jobs WHERE id = '$intact')"
	start_service --build-slots 1 --test-slots 1
	echo "DAEMON=$DAEMON" >"$STATE/now"
	api GET "/api/v1/bisections/$broken"
	[ "$(get .state)" = failed ]
	[[ "$(get .message)" == 'it cannot go on after a restart: column options holds no JSON'* ]]
	grep -q "box w0 is passed over: column charges holds no JSON" "$STATE/log"
	play "$REPO" 1000 1000 ended "$id"
	[ "$(get .verdict.commit)" = "$(hex "$REPO" c10)" ]
	api GET /api/v1/bisections
	[ "$(get 'map(.id) | contains(["'"$broken"'", "'"$id"'"])')" = true ]
}

# --- what the error names ---

# files REPO: 400 commits, the i-th of which changes src/f<i mod 40>.c; the bug came with the 222nd, which is in src/f22.c.
files() {
	git init -q -b main "$1"
	for i in $(seq 400); do
		printf 'commit refs/heads/main\nmark :%d\ncommitter A <a@example.org> %d +0000\ndata 1\nx\n' "$i" $((1600000000 + i))
		[ "$i" = 1 ] || printf 'from :%d\n' $((i - 1))
		printf 'M 100644 inline src/f%d.c\ndata %d\n%d\n' $((i % 40)) ${#i} "$i"
		[ "$i" != 222 ] || printf 'M 100644 inline bug\ndata 1\nx\n'
		printf 'reset refs/tags/v%d\nfrom :%d\n\n' "$i" "$i"
	done | git -C "$1" fast-import --quiet
}

# files_job REPO SUITE: the test names src/f22.c at the error, and other files elsewhere.
files_job() {
	cat >"$BATS_TEST_TMPDIR/job.yaml" <<-END
		suite: $2
		upstream_url: '$1'
		upstream_commit: main
		build: {run: 'true'}
		test:
		  run: |
		    echo 1..1
		    seq 3000
		    echo "src/f7.c:3:1: error: something else"
		    seq 3000
		    if test -e bug; then echo "src/f22.c:12:5: error: lost the frame"; echo "not ok 1 - the bug"
		    else echo "ok 1 - the bug"; fi
		    seq 3000
		    echo "src/f9.c:1:1: error: another thing"
		    test ! -e bug
		timeout: 1m
	END
	answer="$(ctl submit --wait --json "$BATS_TEST_TMPDIR/job.yaml")"
	job_id="$(get .id)"
}

@test "commits that touch the file which the error names are tried first, and verdict, page and show say so" {
	REPO="$REPOS/named"
	files "$REPO"
	files_job "$REPO" named
	bisect named.the_bug.fail --good v1
	[ "$(get .verdict.commit)" = "$(hex "$REPO" v222)" ]
	[ "$(get '.prior.files | join(" ")')" = src/f22.c ]
	[ "$(get .prior.commits)" = 10 ]
	[[ "$(get '.verdict.why | join(" ")')" == *'10 of 399 commits touch what the error names, and were tried first.'* ]]
	id="$(get .id)"
	with="$(get .runs)"
	ctl show "$id" | grep -q 'The error names src/f22.c; 10 of 399 commits touch it and are tried first'
	curl -sS -m 10 "$SERVER/bisections/$id" | grep -q 'The error names src/f22.c; 10 of 399 commits touch it and are tried first'
	files_job "$REPO" alike
	bisect alike.the_bug.fail --good v1 --no-prior-from-error
	[ "$(get .verdict.commit)" = "$(hex "$REPO" v222)" ]
	[ "$(get 'has("prior")')" = false ]
	[ "$(get .options.prior_from_error)" = false ]
	echo "$with runs with it, $(get .runs) without"
	[ "$with" -le $(($(get .runs) - 3)) ]
}

@test "what the error names is the same after a restart, without the log" {
	REPO="$REPOS/renamed"
	files "$REPO"
	files_job "$REPO" renamed
	id="$(ctl bisect --job "$job_id" --error-id renamed.the_bug.fail --good v1 --budget 3)"
	wait_until 60 ended "$id"
	[ "$(get .verdict.verdict)" = undecided ]
	[ "$(get '.prior.files | join(" ")')" = src/f22.c ]
	# A name of the repository that is kept is used as it is; so it was not asked for again.
	rows "UPDATE bisections SET learnt = json_set(learnt, '\$.files', json('[\"src/f21.c\", \"src/f22.c\"]')) WHERE id = '$id'"
	again
	ctl resubmit "$id" --budget 100
	wait_until 60 ended "$id"
	[ "$(get .verdict.commit)" = "$(hex "$REPO" v222)" ]
	[ "$(get '.prior.files | join(" ")')" = 'src/f21.c src/f22.c' ]
	[ "$(get .prior.commits)" = 20 ]
}

@test "a log that is lost costs the names of files and not the verdict" {
	REPO="$REPOS/lost"
	files "$REPO"
	files_job "$REPO" lost
	log="$(rows "SELECT log FROM results WHERE unit = '$(get .test_unit)'")"
	printf nonsense >"$(find "$STATE/s" -name "$log")"
	bisect lost.the_bug.fail --good v1
	[ "$(get .verdict.commit)" = "$(hex "$REPO" v222)" ]
	[ "$(get '.prior.files | length')" = 0 ]
	grep -q "bisection $(get .id) tries all commits alike, as what the error names cannot be found out: log" "$STATE/log"
}
