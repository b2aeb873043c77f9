#!/usr/bin/env bats
# What may be asked of a bisection besides its question: confidence, budget, first parents; what the search is told of
# costs and boxes; what several bisections share.
load lib_service

setup_file() {
	isolate_git
	start_service --build-slots 2 --test-slots 2 --lease 10s
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
	start_service --build-slots 2 --test-slots 2 --lease 10s
	echo "DAEMON=$DAEMON" >"$STATE/now"
}

# ask BODY: a bisection of $job_id for the bug, with more of the body; its id in $id.
ask() {
	api POST /api/v1/bisections --data "{\"error_id\": \"suite.the_bug.fail\", \"job_id\": \"$job_id\", \"good\": \"c1\"${1:+, $1}}"
	[ "$code" = "${2:-201}" ] || { echo "$code $answer"; return 1; }
	id="$(get .id)"
}

# slow REPO SECONDS: as submit, but a test takes so long.
slow() {
	job "$1" | sed "s/test -e dies/sleep $2; test -e dies/" >"$BATS_TEST_TMPDIR/job.yaml"
	answer="$(ctl submit --wait --json "$BATS_TEST_TMPDIR/job.yaml")"
	job_id="$(get .id)"
}

has_probes() { [ "$(rows "SELECT count(*) FROM probes WHERE bisection = '$1'")" -gt 0 ]; }

queue_is_empty() {
	api GET /api/v1/status
	[ "$(get '.queue.ready + .queue.leased')" = 0 ]
}

@test "a wrong key, type or value of an option is refused in a line that says what is allowed" {
	line "$REPOS/wrong" 4 3-:bug
	submit "$REPOS/wrong"
	before="$(rows 'SELECT count(*) FROM bisections')"
	while IFS='|' read -r options message; do
		echo "$options"
		ask "\"options\": $options" 400
		get .message
		# shellcheck disable=SC2053
		[[ "$(get .message)" == $message ]]
	done <<-'END'
		{"confidance": 0.9}|options: found "confidance", allowed are confidence, *
		{"confidence": 0.4}|options.confidence: found 0.4*, allowed is a number from 0.5 to 0.999999
		{"confidence": 1}|options.confidence: found 1, allowed*
		{"confidence": "0.9"}|options.confidence: found "0.9", allowed*
		{"max_runs": 0}|options.max_runs: found 0, allowed is a whole number from 1 to 1000000
		{"max_runs": 1.5}|options.max_runs: found 1.5, allowed*
		{"max_seconds": -1}|options.max_seconds: found -1, allowed*
		{"first_parent": 1}|options.first_parent: found 1, allowed are true and false
		{"fix": "yes"}|options.fix: found "yes", allowed are true and false
		{"reproducible": 1.1}|options.reproducible: found 1.1*, allowed is a number from 0 to 1
		{"slots": null}|options.slots: found null, allowed*
		[]|options: allowed is one JSON object
	END
	ask '"confidence": 0.9' 400
	[[ "$(get .message)" == 'body: found "confidence", allowed are '* ]]
	for option in --confidence=1.5 --budget=soon --budget=0 --reproducible=x; do
		run ctl bisect --job "$job_id" --error-id suite.the_bug.fail "$option"
		echo "$output"
		[ "$status" = 2 ]
		[ "${#lines[@]}" = 1 ]
	done
	[ "$(rows 'SELECT count(*) FROM bisections')" = "$before" ]
}

@test "a budget of runs is kept, and ends with the likeliest commits" {
	line "$REPOS/runs" 200 77-:bug
	submit "$REPOS/runs"
	status=0
	answer="$(ctl bisect --watch --json --job "$job_id" --error-id suite.the_bug.fail --good c1 --budget 5)" || status=$?
	[ "$status" = 8 ]
	[ "$(get .verdict.verdict)" = undecided ]
	[[ "$(get .verdict.reason)" == *budget*spent* ]]
	[ "$(get '[.probes[] | select(.purpose != "known" and .observation != "cancelled")] | length')" = 5 ]
	[ "$(get '.verdict.candidates | length')" -ge 2 ]
	[[ " $(get '.belief[].commit' | tr '\n' ' ')" == *" $(hex "$REPOS/runs" c77) "* ]]
	ctl show "$(get .id)" >"$BATS_TEST_TMPDIR/shown"
	grep -q 'options: *at most 5 runs' "$BATS_TEST_TMPDIR/shown"
	grep -q 'The likeliest so far' "$BATS_TEST_TMPDIR/shown"
	curl -sS -m 10 "$SERVER/bisections/$(get .id)" | grep -q 'at most 5 runs'
}

@test "a budget of runs holds while a good end is looked for" {
	line "$REPOS/walk" 60 31-:bug
	submit "$REPOS/walk"
	status=0
	answer="$(ctl bisect --watch --json --job "$job_id" --error-id suite.the_bug.fail --budget 2)" || status=$?
	[ "$status" = 8 ]
	[ "$(get '[.probes[] | select(.observation != "cancelled")] | length')" -le 2 ]
	[[ "$(get .verdict.reason)" == 'The budget is spent before '* ]]
}

@test "a budget of time goes on while bisectd is away" {
	line "$REPOS/time" 100 50-:bug
	slow "$REPOS/time" 4
	id="$(ctl bisect --job "$job_id" --error-id suite.the_bug.fail --good c1 --budget 7s)"
	started="$(date +%s)"
	wait_until 20 has_probes "$id"
	again
	wait_until 30 ended "$id"
	[ $(($(date +%s) - started)) -ge 6 ]
	[ "$(get .verdict.verdict)" = undecided ]
	[ "$(get .options.max_seconds)" = 7 ]
	[[ "$(get .verdict.reason)" == *budget*spent* ]]
	[ "$(get '.verdict.seconds | floor')" -lt 20 ]
	# What was under way is not left behind.
	wait_until 20 queue_is_empty
}

@test "a verdict is as sure as was asked for" {
	line "$REPOS/sure" 60 23-:bug
	submit "$REPOS/sure"
	bisect suite.the_bug.fail --good c1 --confidence 0.6 --reproducible 0.999
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/sure" c23)" ]
	few="$(get .verdict.runs)"
	bisect suite.the_bug.fail --good c1 --confidence 0.9999 --again
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/sure" c23)" ]
	[ "$(get '.verdict.confidence >= 0.9999')" = true ]
	[ "$(get .verdict.runs)" -gt "$few" ]
	[ "$(get .options.confidence)" = 0.9999 ]
}

# merged REPO: c1..c6 on main, a side of three from c2 whose second commit brings the bug, merged as c5.
merged() {
	git init -q -b main "$1"
	local v
	for v in 1 2; do commit "$1" "$v"; done
	git -C "$1" checkout -q -b side
	commit "$1" s1
	touch "$1/bug"
	commit "$1" s2
	commit "$1" s3
	git -C "$1" checkout -q main
	for v in 3 4; do commit "$1" "$v"; done
	git -C "$1" merge -q --no-ff -m 'merge the side' side
	git -C "$1" tag c5
	commit "$1" 6
}

commit() {
	echo "$2" >"$1/number-$2"
	git -C "$1" add -A
	git -C "$1" commit -q -m "change $2"
	git -C "$1" tag "c$2"
}

@test "with first parents only, the merge is named that brought the error" {
	merged "$REPOS/merged"
	submit "$REPOS/merged"
	bisect suite.the_bug.fail --good c1 --first-parent
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/merged" c5)" ]
	[ "$(get '.probes[].commit' | grep -c "$(hex "$REPOS/merged" cs2)")" = 0 ]
	first="$(get .id)"
	bisect suite.the_bug.fail --good c1
	[ "$(get .id)" != "$first" ]
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/merged" cs2)" ]
}

# --- costs and boxes ---

@test "a box that fails good commits is left out, and the verdict, show and the page name it" {
	line "$REPOS/sick" 64 41-:bug
	AGENTS='w0 w1 sick w2'
	foreign "$REPOS/sick"
	play "$REPOS/sick" 1000 1000 job_ended "$job_id"
	ask '"options": {"slots": 4}'
	play "$REPOS/sick" 1000 1000 ended "$id"
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/sick" c41)" ]
	[ "$(get '.verdict.left_out | join(" ")')" = sick ]
	[ "$(get '.left_out | join(" ")')" = sick ]
	[ "$(get '[.probes[] | select(.box == "sick" and .observation == "bad")] | length')" -ge 2 ]
	[[ "$(get '.verdict.why | join(" ")')" == *'Box sick fails good commits: its results are left out.'* ]]
	ctl show "$id" | grep -q 'Box sick fails good commits: its results are left out'
	curl -sS -m 10 "$SERVER/bisections/$id" | grep -q 'Box sick fails good commits: its results are left out'
	grep -q "bisection $id leaves out what box sick found" "$STATE/log"
}

left_out() {
	api GET "/api/v1/bisections/$1"
	[ "$(get '.left_out // [] | length')" = 1 ] || [ "$(get .state)" = "done" ]
}

@test "a box that is left out gets no further test while another box can run it" {
	line "$REPOS/kept" 64 41-:bug
	AGENTS='w0 w1 sick w2'
	foreign "$REPOS/kept"
	play "$REPOS/kept" 1000 1000 job_ended "$job_id"
	ask '"options": {"slots": 4, "confidence": 0.9999}'
	EACH=1 play "$REPOS/kept" 1000 1000 left_out "$id"
	[ "$(get .state)" = running ]
	of_all() { get '[.probes[] | select(.observation == "good" or .observation == "bad")] | length'; }
	of_sick() { get '[.probes[] | select(.box == "sick" and .observation != "cancelled")] | length'; }
	all="$(of_all)" sick="$(of_sick)"
	play "$REPOS/kept" 1000 1000 ended "$id"
	echo "$all runs, $sick of them sick, when it was left out; in the end $(of_all), $(of_sick) of them sick"
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/kept" c41)" ]
	[ "$(of_all)" -ge $((all + 2)) ]
	[ "$(of_sick)" = "$sick" ]
}

# tested ID: how many commits were tried by the bisection
tested() {
	api GET "/api/v1/bisections/$1"
	get '[.probes[] | select(.observation == "good" or .observation == "bad") | .commit] | unique | length'
}

@test "what a build costs is learnt from the runs of the job, and a commit that is built is preferred" {
	line "$REPOS/dear" 64 41-:bug
	foreign "$REPOS/dear"
	play "$REPOS/dear" 3600000 1000 job_ended "$job_id"
	# Somebody had three commits built before.
	for commit in c20 c40 c41; do
		built="$(ctl resubmit --commit "$commit" "$job_id")"
		play "$REPOS/dear" 3600000 1000 job_ended "$built"
	done
	rows "DELETE FROM result_errors; DELETE FROM results WHERE commit_id != '$(hex "$REPOS/dear" main)'"
	ask '"options": {"slots": 1}'
	play "$REPOS/dear" 3600000 1000 ended "$id"
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/dear" c41)" ]
	# Without that knowledge six or more commits are built to halve 63.
	echo "$(tested "$id") commits"
	[ "$(tested "$id")" -le 5 ]
}

# --- how sure, why, and what is in flight ---

@test "the verdict says in numbers and words how sure it is and why" {
	line "$REPOS/why" 40 23-:bug
	submit "$REPOS/why"
	bisect suite.the_bug.fail --good c1
	[ "$(get '.verdict.evidence.culprit.bad >= 1 and .verdict.evidence.culprit.good == 0')" = true ]
	[ "$(get '.verdict.evidence.parents.good >= 1 and .verdict.evidence.parents.bad == 0')" = true ]
	[ "$(get '.verdict.evidence | .containing.good == 0 and .not_containing.bad == 0')" = true ]
	# All runs are on one of the sides but those of the reverted tree.
	[ "$(get '.verdict.evidence | .containing.bad + .not_containing.good')" = \
		"$(get '[.probes[] | select(.purpose != "revert" and (.observation == "good" or .observation == "bad"))] | length')" ]
	bad="$(get .verdict.evidence.containing.bad)"
	for words in "The error showed in $bad of $bad runs of" '% sure, given every run' 'The commit itself failed in'; do
		[[ "$(get '.verdict.why | join(" ")')" == *"$words"* ]]
		ctl show "$(get .id)" | grep -qF "$words"
		ctl watch "$(get .id)" 2>&1 | grep -qF "$words"
		curl -sS -m 10 "$SERVER/bisections/$(get .id)" | grep -qF "$words"
	done
}

flying() {
	api GET "/api/v1/bisections/$1"
	[ "$(get '[.belief[].in_flight // 0] | add')" -ge 2 ]
}

@test "what is in flight is marked on the chart of the page, without JavaScript" {
	line "$REPOS/flight" 80 41-:bug
	slow "$REPOS/flight" 3
	ask
	wait_until 60 flying "$id"
	curl -sS -m 10 "$SERVER/bisections/$id" >"$BATS_TEST_TMPDIR/page"
	grep -q 'class="flight"' "$BATS_TEST_TMPDIR/page"
	grep -q 'In flight: ' "$BATS_TEST_TMPDIR/page"
	ctl cancel "$id"
}

# --- several bisections at once ---

# Two bisections of one job identity, for errors that came with different commits.
two_at_once() {
	line "$1" 100 31-:bug 71-:other
	slow "$1" 0.3
	ask '"options": {"slots": 2}'
	first="$id"
	api POST /api/v1/bisections --data "{\"error_id\": \"suite.something_else.fail\", \"job_id\": \"$job_id\", \"good\": \"c1\",
		\"options\": {\"slots\": 2}}"
	second="$(get .id)"
}

verdicts_are_right() {
	wait_until 120 ended "$first"
	[ "$(get .verdict.commit)" = "$(hex "$1" c31)" ]
	[ "$(get '[.probes[] | select(.purpose == "known")] | length')" -ge 3 ]
	[ "$(get '.verdict.evidence | .containing.bad + .containing.good + .not_containing.bad + .not_containing.good')" = "$(counted "$first")" ]
	wait_until 120 ended "$second"
	[ "$(get .verdict.commit)" = "$(hex "$1" c71)" ]
	[ "$(get '[.probes[] | select(.purpose == "known")] | length')" -ge 3 ]
	[ "$(get '.verdict.evidence | .containing.bad + .containing.good + .not_containing.bad + .not_containing.good')" = "$(counted "$second")" ]
}

# counted ID: the results that were there when it ended and that its search may know, each once
counted() {
	rows "SELECT count(DISTINCT test_unit) FROM probes WHERE bisection = '$1' AND observation IN ('good', 'bad') AND purpose != 'revert'"
}

@test "a run made for one bisection is evidence for another of the same job as it arrives" {
	two_at_once "$REPOS/two"
	verdicts_are_right "$REPOS/two"
	for id in "$first" "$second"; do
		[ "$(rows "SELECT count(*) FROM probes WHERE bisection = '$id' AND note LIKE 'run for another%'")" -ge 2 ]
	done
}

has_shared() {
	[ "$(rows "SELECT count(*) FROM probes WHERE bisection = '$second' AND note LIKE 'run for another%'")" -ge 2 ]
}

@test "after a kill a run that several bisections share is counted once in each" {
	two_at_once "$REPOS/killed"
	wait_until 60 has_shared
	again
	verdicts_are_right "$REPOS/killed"
	[ "$(rows "SELECT count(*) FROM (SELECT 1 FROM probes WHERE bisection IN ('$first', '$second') AND
		observation IN ('good', 'bad', 'skip') GROUP BY bisection, test_unit HAVING count(*) > 1)")" = 0 ]
}

# --- the first good commit ---

@test "the commit that fixed an error is found, and what is said of it has the words right" {
	local v
	git init -q -b main "$REPOS/fix"
	for v in {1..10}; do [ "$v" != 5 ] || touch "$REPOS/fix/bug"; commit "$REPOS/fix" "$v"; done
	for v in {11..40}; do [ "$v" != 23 ] || rm "$REPOS/fix/bug"; commit "$REPOS/fix" "$v"; done
	submit "$REPOS/fix" c10
	bisect suite.the_bug.fail --fix --good main
	[ "$(get .verdict.verdict)" = culprit ]
	[ "$(get .verdict.fix)" = true ]
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/fix" c23)" ]
	[ "$(get .bad)" = "$(hex "$REPOS/fix" c10)" ]
	[ "$(get '.good[0]')" = "$(hex "$REPOS/fix" c40)" ]
	[ "$(get '.verdict.checks | map(select(.passed == false)) | length')" = 0 ]
	for name in fix parent 'good end' 'bad end'; do
		[ "$(get ".verdict.checks[] | select(.name == \"$name\") | .passed")" = true ]
	done
	[[ "$(get '.verdict.checks[] | select(.name == "reverted") | .result')" == 'the error is back'* ]]
	[[ "$(get '.verdict.why | join(" ")')" == *'The commit itself passed in '*', its parent failed in '* ]]
	ctl show "$(get .id)" | grep -q "$(hex "$REPOS/fix" c23) is the first good commit"
	curl -sS -m 10 "$SERVER/bisections/$(get .id)" | grep -q 'First good commit'
}

@test "an error that is still there is not fixed" {
	line "$REPOS/unfixed" 20 5-:bug
	submit "$REPOS/unfixed" c10
	status=0
	answer="$(ctl bisect --watch --json --job "$job_id" --error-id suite.the_bug.fail --fix --good main)" || status=$?
	[ "$status" = 5 ]
	[ "$(get .verdict.verdict)" = no-good-commit ]
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/unfixed" c20)" ]
	ctl show "$(get .id)" | grep -q "not fixed: $(hex "$REPOS/unfixed" c20) shows the error"
	curl -sS -m 10 "$SERVER/bisections/$(get .id)" | grep -q 'Not fixed'
}

# not_yet REPO: c1 c2 on main, c3 brings the bug, c4 has it; a side of five from c2 never had it, is merged as c5 with the bug
# of main; c6 and c7 have it, c8 fixes it, c9.
not_yet() {
	git init -q -b main "$1"
	local v
	for v in 1 2; do commit "$1" "$v"; done
	git -C "$1" branch side
	touch "$1/bug"
	for v in 3 4; do commit "$1" "$v"; done
	git -C "$1" checkout -q side
	for v in s1 s2 s3 s4 s5; do commit "$1" "$v"; done
	git -C "$1" checkout -q main
	git -C "$1" merge -q --no-ff -m 'merge the side' side
	git -C "$1" tag c5
	for v in 6 7; do commit "$1" "$v"; done
	rm "$1/bug"
	for v in 8 9; do commit "$1" "$v"; done
}

@test "a commit that never had the error is not taken for its fix" {
	not_yet "$REPOS/not-yet"
	submit "$REPOS/not-yet" c4
	# That they are known to pass must not mislead.
	for commit in cs2 cs4 cs5; do
		ctl resubmit --wait --commit "$commit" "$job_id" >/dev/null
	done
	bisect suite.the_bug.fail --fix --good main
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/not-yet" c8)" ]
	[ "$(get '.verdict.evidence | .containing.bad + .not_containing.good')" = 0 ]
}

@test "a commit without the error that does not descend from one with it is refused, as is none" {
	not_yet "$REPOS/apart"
	submit "$REPOS/apart" c4
	bisect suite.the_bug.fail --fix --good cs5
	[ "$(get .state)" = failed ]
	[[ "$(get .message)" == *'is no ancestor of the one without it'* ]]
	run ctl bisect --job "$job_id" --error-id suite.the_bug.fail --fix
	[ "$status" = 2 ]
	[[ "$output" == *--good* ]]
}

# --- going on ---

# own: runs that were made for the bisection in $answer
own() { get '[.probes[] | select(.purpose != "known" and .observation != null and .observation != "cancelled")] | length'; }

@test "an undecided bisection goes on with a further budget, and nothing is run again" {
	line "$REPOS/more" 200 77-:bug
	submit "$REPOS/more"
	bisect suite.the_bug.fail --good c1 --budget 4
	id="$(get .id)"
	[ "$(get .verdict.verdict)" = undecided ]
	before="$(rows 'SELECT unit, started_ms FROM results ORDER BY 1')"
	# The same question without a budget is the same answer.
	[ "$(ctl bisect --job "$job_id" --error-id suite.the_bug.fail --good c1)" = "$id" ]
	api GET "/api/v1/bisections/$id"
	[ "$(get .state)" = "done" ]
	bisect suite.the_bug.fail --good c1 --budget 3
	[ "$(get .id)" = "$id" ]
	[ "$(get .verdict.verdict)" = undecided ]
	[ "$(own)" = 7 ]
	[ "$(get .options.max_runs)" = 7 ]
	answer="$(ctl resubmit --budget 10m --wait --json "$id")"
	[ "$(get .id)" = "$id" ]
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/more" c77)" ]
	[ "$(get .options.max_runs)" = null ]
	[ "$(rows 'SELECT unit, started_ms FROM results ORDER BY 1' | grep -cFx -- "$before")" = "$(wc -l <<<"$before")" ]
	[ "$(get '[.probes[] | select(.observation != "cancelled") | .test_unit] | length')" = \
		"$(get '[.probes[] | select(.observation != "cancelled") | .test_unit] | unique | length')" ]
}

@test "what goes on survives a kill, and what is decided does not go on" {
	line "$REPOS/on" 60 31-:bug
	slow "$REPOS/on" 0.5
	bisect suite.the_bug.fail --good c1 --budget 3
	id="$(get .id)"
	ctl resubmit --budget 500 "$id"
	again
	wait_until 100 ended "$id"
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/on" c31)" ]
	[ "$(get .options.max_runs)" = 503 ]
	run ctl resubmit --budget 500 "$id"
	[ "$status" = 1 ]
	[[ "$output" == *'only an undecided one goes on'* ]]
	api POST "/api/v1/bisections/$id/continue" --data '{"options": {"max_runs": 5}}'
	[ "$code" = 409 ]
	for body in '{}' '{"options": {"confidence": 0.9}}' '{"budget": 5}' '{"options": {"max_runs": 0}}'; do
		api POST "/api/v1/bisections/$id/continue" --data "$body"
		[[ "$code" == 40[09] ]]
	done
	api POST /api/v1/bisections/none/continue --data '{"options": {"max_runs": 5}}'
	[ "$code" = 404 ]
}

@test "a bisection that looks for a good end goes on looking for it" {
	line "$REPOS/looking" 60 31-:bug
	submit "$REPOS/looking"
	bisect suite.the_bug.fail --budget 2
	[ "$(get .verdict.verdict)" = undecided ]
	answer="$(ctl resubmit --budget 300 --wait --json "$(get .id)")"
	[ "$(get .verdict.commit)" = "$(hex "$REPOS/looking" c31)" ]
}
