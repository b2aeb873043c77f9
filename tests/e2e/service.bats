#!/usr/bin/env bats
# bisectd --standalone, through its API and bisectctl: verdicts, requests, bad input, tokens.
load lib_service

setup_file() {
	isolate_git
	start_service --build-slots 2 --test-slots 2
	REPOS="$STATE/repos"
	export REPOS
	mkdir "$REPOS"
}

teardown_file() {
	end_service
}

setup() {
	isolate_git
}

# --- verdicts ---

@test "the commit that brought a test's error is named, with its checks" {
	line "$REPOS/test" 24 9-:bug
	submit "$REPOS/test"
	[ "$(get '.result.errors[0].id')" = suite.the_bug.fail ]
	bisect suite.the_bug.fail --good c1
	[ "$(get .verdict.verdict)" = culprit ]
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/test" c9)" ]
	[ "$(get .verdict.subject)" = 'change 9' ]
	[ "$(get '.verdict.checks | map(select(.passed == false)) | length')" = 0 ]
	[ "$(get '.verdict.checks | map(select(.passed)) | length')" -ge 4 ]
	[ "$(get '.probes[] | select(.observation == "bad") | .matched.line' | head -n1)" = 'not ok 2 - the bug' ]
	# log2 23, and what makes it sure
	[ "$(get .verdict.runs)" -le 15 ]
}

@test "the commit that broke the build is named" {
	line "$REPOS/build" 16 11-:broken
	submit "$REPOS/build"
	error="$(get 'first(.build.errors[].id | select(startswith("build-pkg.main.c")))')"
	bisect "$error" --good c1
	[ "$(get .verdict.verdict)" = culprit ]
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/build" c11)" ]
}

@test "a case that passed is good, whatever else fails in every commit" {
	line "$REPOS/beside" 24 9-:bug
	cat >"$BATS_TEST_TMPDIR/job.yaml" <<-END
		suite: suite
		upstream_url: '$REPOS/beside'
		upstream_commit: main
		test:
		  run: |
		    echo "FAIL: known"
		    if test -e bug; then echo "FAIL: the_bug"; else echo "PASS: the_bug"; fi
		    exit 1
	END
	answer="$(ctl submit --wait --json "$BATS_TEST_TMPDIR/job.yaml")"
	job_id="$(get .id)"
	[ "$(get .result.complete)" = false ]
	bisect suite.the_bug.fail --good c1
	[ "$(get .verdict.verdict)" = culprit ]
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/beside" c9)" ]
	[ "$(get '[.probes[] | select(.observation == "good") | .note] | unique | join(" ")')" = 'the run failed, but this case passed' ]
	[ "$(get '[.probes[] | select(.observation == "skip")] | length')" = 0 ]
}

@test "what an agent says of passed cases is looked at before it is kept" {
	line "$REPOS/agents" 3 2-:bug
	foreign "$REPOS/agents"
	claim() {
		api POST /api/v1/units/claim --data '{"agent": "w", "lanes": ["build/aarch64", "test/dc/aarch64"], "wait_s": 20}'
		[ "$code" = 200 ]
		unit="$(get .id)" epoch="$(get .epoch)"
	}
	finish() { api POST "/api/v1/units/$unit/finish" --data "{\"agent\": \"w\", \"epoch\": $epoch, \"result\": $1}"; }
	claim
	sum built
	api PUT "/api/v1/artifacts/$sha" --data-binary $'built\n'
	finish "{\"outcome\": \"pass\", \"artifact\": \"$sha\", \"started_ms\": 1, \"finished_ms\": 2}"
	[ "$code" = 200 ]
	claim
	for passed in 123 00000000000g 000000000002000000000001; do
		finish "{\"outcome\": \"fail\", \"passed\": \"$passed\", \"started_ms\": 1, \"finished_ms\": 2}"
		[ "$code" = 400 ]
		[[ "$answer" == *"found $passed, allowed are at most 16384 cases"* ]]
	done
	finish '{"outcome": "fail", "passed": "000000000001000000000002", "started_ms": 1, "finished_ms": 2}'
	[ "$code" = 200 ]
	[ "$(rows "SELECT passed FROM results WHERE unit = '$unit'")" = 000000000001000000000002 ]
}

@test "the name that lkp or Compass-CI gives an error finds it, and a run tells rules, findings and metrics" {
	line "$REPOS/names" 16 9-:bug
	job "$REPOS/names" | sed 's/^    echo 1..2$/    echo "speed: 12.5"; test ! -e bug || echo "error: at 0xABCD"; echo 1..2/' >"$BATS_TEST_TMPDIR/job.yaml"
	answer="$(ctl submit --wait --json "$BATS_TEST_TMPDIR/job.yaml")"
	job_id="$(get .id)"
	[ "$(get '.result.metrics["suite.speed"]')" = 12.5 ]
	[ "$(get '.result.errors | all(.rules | test("^[0-9]+[.][0-9a-f]{12}$"))')" = true ]
	[ "$(get 'first(.result.errors[] | select(.representative)).id')" = stderr.error:at ]
	bisect 'stderr.eid.error:at#xABCD' --good c1
	[ "$(get .verdict.verdict)" = culprit ]
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/names" c9)" ]
	[ "$(get .error_id)" = stderr.error:at ]
	[ "$(get '.probes[] | select(.observation == "bad") | .matched.line' | head -n1)" = 'error: at 0xABCD' ]
	# Our name for it is the same question.
	id="$(get .id)"
	bisect stderr.error:at --good c1
	[ "$(get .id)" = "$id" ]
}

@test "a name that stands for several of our errors is asked for as it is" {
	line "$REPOS/statuses" 16 9-11:bug 12-:other
	for commit in c10 main; do
		cat >"$BATS_TEST_TMPDIR/job.yaml" <<-END
			suite: suite
			upstream_url: '$REPOS/statuses'
			upstream_commit: $commit
			test:
			  run: test ! -e bug || exit 3; test ! -e other || exit 4
		END
		answer="$(ctl submit --wait --json "$BATS_TEST_TMPDIR/job.yaml")"
		job_id="$(get .id)"
	done
	[ "$(get '.result.errors[].id')" = last_state.exit_4 ]
	bisect last_state.exit_fail --good c1
	[ "$(get .error_id)" = last_state.exit_fail ]
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/statuses" c9)" ]
}

@test "an error that never shows is not reproduced" {
	line "$REPOS/never" 8 4-:other
	submit "$REPOS/never"
	bisect suite.the_bug.fail --good c1
	[ "$(get .verdict.verdict)" = not-reproduced ]
	[ "$(get .verdict.commit)" = null ]
}

@test "without a good end one is found by walking back" {
	line "$REPOS/back" 40 31-:bug
	submit "$REPOS/back"
	bisect suite.the_bug.fail
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/back" c31)" ]
	[ "$(get '.good | length')" = 1 ]
}

@test "an error as old as the history has no good commit" {
	line "$REPOS/old" 6 1-:bug
	submit "$REPOS/old"
	bisect suite.the_bug.fail
	[ "$(get .verdict.verdict)" = no-good-commit ]
}

@test "a good end that shows the error is said to be bad" {
	line "$REPOS/bad-good" 12 3-:bug
	submit "$REPOS/bad-good"
	bisect suite.the_bug.fail --good c6
	[ "$(get .verdict.verdict)" = no-good-commit ]
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/bad-good" c6)" ]
}

@test "an unrelated error is not evidence: good where the run came to its end, skip where it did not" {
	line "$REPOS/other" 30 8-13:other 14-15:dies 20-:bug 22-25:other
	submit "$REPOS/other"
	bisect suite.the_bug.fail --good c1
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/other" c20)" ]
	for commit in 8 9 10 11 12 13; do
		[ "$(get ".probes[] | select(.commit == \"$(hex "$REPOS/other" c$commit)\" and .observation != \"cancelled\" and
			.observation != \"good\") | .observation")" = '' ]
	done
	for commit in 14 15; do
		[ "$(get ".probes[] | select(.commit == \"$(hex "$REPOS/other" c$commit)\" and .observation != \"cancelled\" and
			.observation != \"skip\") | .observation")" = '' ]
	done
}

@test "commits that do not build around the culprit leave a range" {
	line "$REPOS/range" 20 9-11:broken 10-:bug
	submit "$REPOS/range"
	bisect suite.the_bug.fail --good c1
	[ "$(get .verdict.verdict)" = range ]
	[ "$(get '.verdict.candidates[].commit' | sort)" = \
		"$(for c in 9 10 11 12; do hex "$REPOS/range" c$c; done | sort)" ]
}

@test "a good end on another branch is replaced by the merge base, and that is said" {
	line "$REPOS/base" 14 7-:bug
	side="$(git -C "$REPOS/base" commit-tree -p c3 -m side 'c3^{tree}')"
	git -C "$REPOS/base" branch side "$side"
	submit "$REPOS/base"
	bisect suite.the_bug.fail --good side
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/base" c7)" ]
	[[ "$(get '.notes | join(" ")')" == *'merge base'* ]]
}

# --- requests ---

@test "the same question asked fifty times is one bisection" {
	line "$REPOS/fifty" 10 6-:bug
	submit "$REPOS/fifty"
	seq 50 | xargs -P 10 -I N curl -sS -m 60 -H "Authorization: Bearer $(token)" -w '\n' "$SERVER/api/v1/bisections" \
		--data "{\"error_id\": \"suite.the_bug.fail\", \"job_id\": \"$job_id\", \"good\": \"c1\"}" >"$BATS_TEST_TMPDIR/answers"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/answers")" = 50 ]
	[ "$(jq -r .id "$BATS_TEST_TMPDIR/answers" | sort -u | wc -l)" = 1 ]
	[ "$(jq -c 'select(.existing == false)' "$BATS_TEST_TMPDIR/answers" | wc -l)" = 1 ]
	ctl watch --json "$(jq -r .id "$BATS_TEST_TMPDIR/answers" | head -n1)"
}

@test "two bisections of one job share their runs" {
	line "$REPOS/shared" 16 5-:bug 5-:other
	submit "$REPOS/shared"
	bisect suite.the_bug.fail --good c1
	before="$(rows 'SELECT count(*) FROM results')"
	bisect suite.something_else.fail --good c1
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/shared" c5)" ]
	[ "$(get '[.probes[] | select(.purpose == "known")] | length')" -ge 5 ]
	# At most the two runs of another reverted tree are new.
	[ "$(rows 'SELECT count(*) FROM results')" -le $((before + 2)) ]
}

@test "a run that was made is not made again: a job submitted twice has one result" {
	line "$REPOS/twice" 3 2-:bug
	submit "$REPOS/twice"
	first="$(get '.result | {unit, started_ms}')"
	answer="$(ctl resubmit --wait --json "$job_id")"
	[ "$(get .id)" != "$job_id" ]
	[ "$(get '.result | {unit, started_ms}')" = "$first" ]
}

@test "a run of another suite, whose errors have other names, is no evidence that this one has none" {
	line "$REPOS/suites" 16 9-:bug
	submit "$REPOS/suites"
	bisect suite.the_bug.fail --good c1
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/suites" c9)" ]
	job "$REPOS/suites" | sed 's/^suite: suite/suite: other/' >"$BATS_TEST_TMPDIR/job.yaml"
	answer="$(ctl submit --wait --json "$BATS_TEST_TMPDIR/job.yaml")"
	[[ "$(get '.result.errors[].id' | tr '\n' ' ')" == *other.the_bug.fail* ]]
	job_id="$(get .id)"
	bisect other.the_bug.fail --good c1
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/suites" c9)" ]
	[ "$(get '[.probes[] | select(.observation == "good" and .commit == "'"$(hex "$REPOS/suites" c16)"'")] | length')" = 0 ]
}

@test "resubmit takes another commit" {
	line "$REPOS/resubmit" 3 2-:bug
	submit "$REPOS/resubmit"
	answer="$(ctl resubmit --wait --json --commit c1 "$job_id")"
	[ "$(get .result.outcome)" = pass ]
	[ "$(get .commit)" = "$(hex "$REPOS/resubmit" c1)" ]
}

@test "a cancelled bisection ends, and may be asked for again" {
	line "$REPOS/cancel" 30 17-:bug
	job "$REPOS/cancel" | sed 's/test -e dies/sleep 1; test -e dies/' >"$BATS_TEST_TMPDIR/job.yaml"
	answer="$(ctl submit --wait --json "$BATS_TEST_TMPDIR/job.yaml")"
	job_id="$(get .id)"
	id="$(ctl bisect --job "$job_id" --error-id suite.the_bug.fail --good c1)"
	ctl cancel "$id"
	run ctl watch "$id"
	[ "$status" = 1 ]
	api GET "/api/v1/bisections/$id"
	[ "$(get .state)" = cancelled ]
	again="$(ctl bisect --job "$job_id" --error-id suite.the_bug.fail --good c1)"
	[ "$again" != "$id" ]
	ctl cancel "$again"
}

@test "list, show and log tell what happened" {
	line "$REPOS/tell" 6 4-:bug
	submit "$REPOS/tell"
	bisect suite.the_bug.fail --good c1
	id="$(get .id)"
	ctl list | grep -q "^$id .*culprit"
	ctl list --jobs | grep -q "^$job_id "
	ctl show "$id" | grep -q "$(hex "$REPOS/tell" c4)"
	ctl show "$job_id" | grep -q suite.the_bug.fail
	ctl log "$job_id" | grep -qx 'not ok 2 - the bug'
}

# --- bad input ---

@test "a commit that does not exist is an error of the job" {
	line "$REPOS/no-commit" 2
	job "$REPOS/no-commit" no-such-branch >"$BATS_TEST_TMPDIR/job.yaml"
	run ctl submit --wait --json "$BATS_TEST_TMPDIR/job.yaml"
	[ "$status" = 1 ]
	answer="$output"
	[ "$(get .state)" = failed ]
	[[ "$(get .message)" == *no-such-branch* ]]
}

@test "a good end that does not exist ends the bisection with its name" {
	line "$REPOS/no-good" 4 3-:bug
	submit "$REPOS/no-good"
	bisect suite.the_bug.fail --good no-such-tag
	[ "$(get .state)" = failed ]
	[[ "$(get .message)" == *no-such-tag* ]]
}

@test "an empty range is said to be empty" {
	line "$REPOS/empty" 4 3-:bug
	submit "$REPOS/empty"
	bisect suite.the_bug.fail --good main
	[ "$(get .state)" = failed ]
	[ -n "$(get '.message // empty')" ]
}

@test "a repository that is not there is an error of the job" {
	job "$REPOS/nowhere" >"$BATS_TEST_TMPDIR/job.yaml"
	run ctl submit --wait --json "$BATS_TEST_TMPDIR/job.yaml"
	[ "$status" = 1 ]
	answer="$output"
	[ "$(get .state)" = failed ]
	[[ "$(get .message)" == *nowhere* ]]
}

@test "a job.yaml of 10 MB is refused" {
	head -c 10000000 /dev/zero | tr '\0' '#' >"$BATS_TEST_TMPDIR/large.yaml"
	api POST /api/v1/jobs --data-binary "@$BATS_TEST_TMPDIR/large.yaml"
	[ "$code" = 413 ]
	run ctl submit "$BATS_TEST_TMPDIR/large.yaml"
	[ "$status" != 0 ]
}

@test "a job.yaml of 10,000 levels is refused with its place" {
	awk 'BEGIN { printf "suite: "; for (i = 0; i < 10000; i++) printf "["; print "" }' >"$BATS_TEST_TMPDIR/deep.yaml"
	api POST /api/v1/jobs --data-binary "@$BATS_TEST_TMPDIR/deep.yaml"
	[[ "$code" == 4* ]]
	[[ "$(get .message)" == job.yaml:1:* ]]
}

@test "a wrong key is refused with its place and the nearest allowed one" {
	line "$REPOS/key" 1
	job "$REPOS/key" | sed 's/^suite:/sweet:/' >"$BATS_TEST_TMPDIR/job.yaml"
	run ctl submit "$BATS_TEST_TMPDIR/job.yaml"
	[ "$status" = 1 ]
	[[ "$output" == *job.yaml:1:1:*sweet*suite* ]]
}

@test "what is not JSON is refused with its place" {
	api POST /api/v1/bisections --data '{"error_id": '
	[ "$code" = 400 ]
	[[ "$(get .message)" == body:1:* ]]
}

@test "a subject that is no UTF-8 is shown, and its run is not lost" {
	line "$REPOS/latin" 6 4-:bug
	# By hand: git commit would make UTF-8 of it.
	printf 'tree %s\nparent %s\nauthor A <a@example.org> 1700000000 +0000\ncommitter A <a@example.org> 1700000000 +0000\n\ncaf\351 opens\n' \
		"$(git -C "$REPOS/latin" rev-parse 'HEAD^{tree}')" "$(git -C "$REPOS/latin" rev-parse HEAD)" >"$BATS_TEST_TMPDIR/commit"
	git -C "$REPOS/latin" update-ref HEAD "$(git -C "$REPOS/latin" hash-object -t commit -w "$BATS_TEST_TMPDIR/commit")"
	submit "$REPOS/latin"
	bisect suite.the_bug.fail --good c1
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/latin" c4)" ]
	[ "$(get '.probes | length')" -ge "$(get .verdict.runs)" ]
	[ "$(get '.probes[0].subject')" = 'caf\xE9 opens' ] || [ "$(get '.probes[0].subject')" = 'caf\xe9 opens' ]
}

@test "an error id with quotes and dollars reaches the search as it is" {
	line "$REPOS/quotes" 6 4-:bug
	job "$REPOS/quotes" | sed 's/not ok 2 - the bug/not ok 2 - \\"a\\" \\$(touch pwned) \\`id\\`; rm -rf x/' >"$BATS_TEST_TMPDIR/job.yaml"
	answer="$(ctl submit --wait --json "$BATS_TEST_TMPDIR/job.yaml")"
	job_id="$(get .id)"
	error="$(get 'first(.result.errors[].id | select(contains("touch")))')"
	bisect "$error" --good c1
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/quotes" c4)" ]
}

@test "a client that goes away in the middle leaves nothing behind" {
	head -c 5000000 /dev/urandom >"$BATS_TEST_TMPDIR/half"
	sha="$(sha256sum <"$BATS_TEST_TMPDIR/half" | cut -d' ' -f1)"
	run curl -sS -m 1 --limit-rate 100k -T "$BATS_TEST_TMPDIR/half" -H "Authorization: Bearer $(token agent)" "$SERVER/api/v1/artifacts/$sha"
	[ "$status" = 28 ]
	run curl -sS -m 1 "$SERVER/api/v1/bisections/none/events"
	api GET /api/v1/status
	[ "$code" = 200 ]
	api GET "/api/v1/artifacts/$sha"
	[ "$code" = 404 ]
	wait_until 10 no_leftovers
}

no_leftovers() { [ -z "$(find "$STATE/s/artifacts" -name '*tmp*' -type f -size +0)" ]; }

@test "an artifact that does not match its hash is refused, one that does is kept" {
	printf hello >"$BATS_TEST_TMPDIR/file"
	sha="$(sha256sum <"$BATS_TEST_TMPDIR/file" | cut -d' ' -f1)"
	wrong="$(printf other | sha256sum | cut -d' ' -f1)"
	TOKEN="$(token agent)" api PUT "/api/v1/artifacts/$wrong" --data-binary "@$BATS_TEST_TMPDIR/file"
	[ "$code" = 400 ]
	[ "$(get .error)" = corrupt ]
	api GET "/api/v1/artifacts/$wrong"
	[ "$code" = 404 ]
	TOKEN="$(token agent)" api PUT "/api/v1/artifacts/$sha" --data-binary "@$BATS_TEST_TMPDIR/file"
	[ "$code" = 201 ]
	api GET "/api/v1/artifacts/$sha"
	[ "$answer" = hello ]
}

# --- who may do what ---

@test "without a token nothing is changed, and a wrong one does not even read" {
	TOKEN='' api POST /api/v1/jobs --data 'suite: x'
	[ "$code" = 401 ]
	code="$(curl -sS -o /dev/null -w '%{http_code}' "$SERVER/api/v1/jobs" --data 'suite: x')"
	[ "$code" = 401 ]
	TOKEN=0123456789abcdef api GET /api/v1/status
	[ "$code" = 401 ]
}

@test "a viewer reads and does not submit, an agent does not either, a revoked token does nothing" {
	viewer="$(ctl token create --role viewer eve)"
	TOKEN="$viewer" api GET /api/v1/status
	[ "$code" = 200 ]
	TOKEN="$viewer" api POST /api/v1/jobs --data 'suite: x'
	[ "$code" = 403 ]
	TOKEN="$viewer" api GET /api/v1/tokens
	[ "$code" = 403 ]
	TOKEN="$(token agent)" api POST /api/v1/bisections --data '{}'
	[ "$code" = 403 ]
	TOKEN="$viewer" api POST /api/v1/units/claim --data '{}'
	[ "$code" = 403 ]
	ctl token list | grep -q '^eve .*viewer'
	ctl token revoke eve
	TOKEN="$viewer" api GET /api/v1/status
	[ "$code" = 401 ]
}

@test "a token's secret is nowhere in the warehouse" {
	secret="$(ctl token create --role submitter sam)"
	[ "${#secret}" -ge 32 ]
	TOKEN="$secret" api POST /api/v1/jobs --data 'suite: x'
	[ "$code" = 400 ]
	rows 'PRAGMA wal_checkpoint' >/dev/null
	run grep -rlaF "$secret" "$STATE/s" "$STATE/log"
	[ "$status" = 1 ]
	[ "$(rows "SELECT hash FROM tokens WHERE name = 'sam'")" = "$(printf %s "$secret" | sha256sum | cut -d' ' -f1)" ]
}

@test "paths from clients do not leave their directory" {
	for path in /api/v1/artifacts/../../admin.token /api/v1/artifacts/..%2f..%2fadmin.token /assets/../admin.token \
		/assets/..%2f..%2fetc%2fpasswd /api/v1/units/..%2f..%2f..%2fadmin.token/log /units/..%2fadmin.token/log \
		/api/v1/units/../../../etc/passwd/log /api/v1/artifacts/%00 /assets/live.js%00; do
		TOKEN="$(token)" api GET "$path"
		echo "$path: $code"
		[[ "$code" == 4* ]]
		[[ "$answer" != *"$(token)"* ]]
		[[ "$answer" != *root:* ]]
	done
	TOKEN="$(token agent)" api PUT '/api/v1/artifacts/..%2f..%2fpwned' --data-binary x
	[[ "$code" == 4* ]]
	TOKEN="$(token agent)" api POST '/api/v1/units/..%2f..%2fpwned/log?epoch=1&offset=0' --data-binary x
	[[ "$code" == 4* ]]
	[ -z "$(find "$STATE" -name '*pwned*')" ]
}

@test "only loopback is listened on" {
	hex_port="$(printf %04X "$PORT")"
	run awk -v port="$hex_port" '$4 == "0A" && $2 ~ ":" port "$" { print $2 }' /proc/net/tcp
	[ "$output" = "0100007F:$hex_port" ]
}

@test "listening elsewhere without tokens is refused" {
	run timeout 10 "$BISECTD" --state-dir "$STATE/elsewhere" --listen 0.0.0.0 --port 0 --no-tokens
	[ "$status" = 2 ]
	[[ "$output" == *loopback* ]]
}

@test "a second daemon in the same state directory is refused" {
	run timeout 30 "$BISECTD" --state-dir "$STATE/s" --port 0
	[ "$status" = 1 ]
	[[ "$output" == *"another bisectd"* ]]
}

@test "pages are complete, and a page that is not there is a page" {
	line "$REPOS/pages" 6 4-:bug
	submit "$REPOS/pages"
	bisect suite.the_bug.fail --good c1
	for path in / "/bisections/$(get .id)" "/jobs/$job_id" /status "/units/$(get '.probes[0].test_unit')/log"; do
		run curl -sS -m 10 -w '\n%{http_code}' "$SERVER$path"
		echo "$path"
		[ "${lines[-1]}" = 200 ]
		[[ "$output" == *'</html>'* ]]
	done
	run curl -sS -m 10 -o /dev/null -w '%{http_code}' "$SERVER/bisections/nothing"
	[ "$output" = 404 ]
}
