#!/usr/bin/env bats
# job.yaml as the field writes it: expand, submit KEY=VALUE, several jobs, includes, suites that really run.
load lib_service

setup_file() {
	isolate_git
	start_service --build-slots 2 --test-slots 2
	REPOS="$STATE/repos"
	export REPOS
	mkdir "$REPOS"
	line "$REPOS/project" 6 4-:bug
	make_check_project
}

teardown_file() {
	end_service
}

setup() {
	isolate_git
	cd "$BATS_TEST_TMPDIR"
	unset XDG_CONFIG_HOME
}

# A project with a Makefile: `make check` works in the first three commits.
make_check_project() {
	git init -q -b main "$REPOS/checked"
	for n in 1 2 3 4 5; do
		printf '%s\n' "$n" >"$REPOS/checked/number"
		printf 'all:\n\techo built $(WORD) >product\ncheck: all\n\t@cat product\n\t@test $$(cat number) -lt 4 && echo ok 1 - small || { echo not ok 1 - small; exit 1; }\n' \
			>"$REPOS/checked/Makefile"
		git -C "$REPOS/checked" add -A
		git -C "$REPOS/checked" commit -qm "change $n"
		git -C "$REPOS/checked" tag "c$n"
	done
}

expand() { env -u BISECTD_SERVER "$BISECTCTL" expand "$@"; }

@test "expand prints the jobs, which expand to themselves" {
	mkdir include
	printf 'os: [debian, centos]\nmonitors: {x: 1}\n' >include/base.yaml
	printf '<<: include/base.yaml\nupstream_url: /srv/x\nupstream_commit: main\ncmd: {run: "./t {{ os }}"}\n' >job.yaml
	expand job.yaml >once
	grep -qx '# os=centos' once
	grep -qx '# no effect here: monitors' once
	[ "$(head -1 once)" = '# each document is a job' ]
	[ "$(grep -cx -- --- once)" = 2 ]	# one before each: YAML readers see two documents
	! grep -qx '{}' once
	grep -qx '# bisected: upstream_commit' once
	expand once >twice
	diff <(grep -v '^#' once) <(grep -v '^#' twice)
	[ "$(expand job.yaml os=arch | grep -c '^cmd:')" = 1 ]
	[ "$(expand os=arch job.yaml | grep -c '^cmd:')" = 2 ]
	expand --native job.yaml os=arch | grep -q '^# identity: '
}

@test "expand tells a wrong job with its place, in the file where it stands" {
	printf 'a: 1\nos: <%%= x %%>\n' >part.yaml
	printf '<<: part.yaml\n' >job.yaml
	run expand job.yaml
	[ "$status" = 2 ]
	[[ "$output" == "bisectctl expand: part.yaml:2:5: found the ERB template"* ]]
	printf '<<: ../secret.yaml\n' >job.yaml
	run expand job.yaml
	[[ "$output" == *'job.yaml:1:5: found "../secret.yaml" after "<<"'* ]]
	touch ../secret.yaml
	ln -s ../secret.yaml link.yaml
	printf '<<: link.yaml\n' >job.yaml
	run expand job.yaml
	[[ "$output" == *'link.yaml lies outside of .'* ]]
}

@test "defaults are read below the user's configuration, and give way" {
	mkdir -p config/bisectd/defaults
	printf 'my_email: me@example.org\nos: arch\ntimeout: 5m\n' >config/bisectd/defaults/me.yaml
	export XDG_CONFIG_HOME="$PWD/config"
	printf 'upstream_url: /srv/x\nupstream_commit: main\ncmd: ./t\nos: debian\n' >job.yaml
	expand job.yaml >out
	grep -qx 'my_email: "me@example.org"' out
	grep -qx 'os: debian' out
	grep -qx 'timeout: 5m' out
	expand --ignore-defaults job.yaml >out
	! grep -q my_email out
}

@test "make-check builds and tests, and its error is bisected" {
	printf 'upstream_url: %s\nupstream_commit: main\nmake-check: {make: WORD=hello}\n' "$REPOS/checked" >job.yaml
	answer="$(ctl submit --wait --json job.yaml)"
	[ "$(get .result.outcome)" = fail ]
	[ "$(get .suite)" = make-check ]
	[ "$(get '.intent | contains("make-check:")')" = true ]
	ctl log "$(get .id)" | grep -qx 'built hello'
	error="$(get '[.result.errors[].id] | map(select(contains("small")))[0]')"
	answer="$(ctl bisect --watch --json --error-id "$error" --good c1 job.yaml)"
	[ "$(get .verdict.verdict)" = culprit ]
	[ "$(get .verdict.subject)" = 'change 4' ]
}

@test "cmd runs a script, and parameters are no shell text" {
	# shellcheck disable=SC2016
	printf 'upstream_url: %s\nupstream_commit: c1\ncmd: |\n  cat number\n  echo "x: $(id >/dev/null; echo y)"\n' "$REPOS/project" >job.yaml
	answer="$(ctl submit --wait --json job.yaml)"
	[ "$(get .result.outcome)" = pass ]
	ctl log "$(get .id)" | grep -q 'x: y$'
	# shellcheck disable=SC2016
	printf 'upstream_url: %s\nupstream_commit: c1\nmake-check: {target: "check; touch /tmp/x $(touch y) `z`"}\n' "$REPOS/checked" >job.yaml
	answer="$(ctl submit --wait --json job.yaml)"
	[ "$(get .result.outcome)" = fail ]
	ctl log "$(get .id)" | grep -q 'No rule to make target.*touch'
}

@test "a job.yaml with several jobs submits each, and bisect asks which one" {
	printf 'upstream_url: %s\nupstream_commit: c1\ncmd: [cat number, "test -e number"]\n' "$REPOS/project" >job.yaml
	run ctl submit job.yaml
	[ "$status" = 0 ]
	[ "${#lines[@]}" = 2 ]
	answer="$(ctl show --json "${lines[0]}")"
	[ "$(get .intent | grep ^cmd:)" = 'cmd: cat number' ] || [ "$(get .intent | grep ^cmd:)" = 'cmd: "cat number"' ]
	run ctl bisect --error-id x.y job.yaml
	[ "$status" = 1 ]
	[[ "$output" == *"found 2 jobs, one is allowed here; choose it with KEY=VALUE: cmd=cat number; cmd=test -e number"* ]]
	run ctl submit job.yaml 'cmd=true'
	[ "${#lines[@]}" = 1 ]
	printf 'upstream_url: %s\nupstream_commit: c1\ncmd: a\n---\ncmd: b\n---\ncmd: c\n' "$REPOS/project" >job.yaml
	run "$BISECTCTL" expand job.yaml
	[ "${lines[1]}" = '# the first document of the file is common to the others, and no job of its own' ]
	[ "$(grep ^cmd: <<<"$output" | tr '\n' ' ')" = 'cmd: b cmd: c ' ]
}

@test "what a server refuses is told with the place in the file" {
	printf 'timeout: soon\n' >part.yaml
	printf '<<: part.yaml\nupstream_url: %s\nupstream_commit: c1\ncmd: a\n' "$REPOS/project" >job.yaml
	run ctl submit job.yaml
	[ "$status" = 1 ]
	[[ "$output" == *'part.yaml:1:10: found "soon" as "timeout"'* ]]
}

@test "a job is submitted again with another value in one call" {
	printf 'upstream_url: %s\nss.x: {commit: c1, _url: %s}\ncmd: cat number\nbisect_commit: ss.x.commit\n' "$REPOS/project" "$REPOS/project" >job.yaml
	answer="$(ctl submit --wait --json job.yaml)"
	id="$(get .id)"
	[ "$(get .commit)" = "$(hex "$REPOS/project" c1)" ]
	answer="$(ctl resubmit --wait --json --commit c2 "$id" cmd='cat number; exit 3')"
	[ "$(get .commit)" = "$(hex "$REPOS/project" c2)" ]
	[ "$(get .result.outcome)" = fail ]
	[ "$(get .id)" != "$id" ]
	run ctl resubmit "$id" --oops
	[ "$status" = 2 ]
	run ctl resubmit "$id" oops
	[[ "$output" == *"found 'oops', allowed after the id is KEY=VALUE"* ]]
}

@test "a suite that a testbox cannot run says so in one line, and the run is broken" {
	printf 'upstream_url: %s\nupstream_commit: c1\nltp: {test: syscalls}\n' "$REPOS/project" >job.yaml
	answer="$(ctl submit --wait --json job.yaml)"
	[ "$(get .result.outcome)" = broken ]
	ctl log "$(get .id)" | grep -qx 'ltp: this testbox has no LTP in /opt/ltp (no testcases/bin there)'
}

@test "lkp-tests runs its job from the tree, and its stats are in the log" {
	git init -q -b main "$REPOS/lkp"
	mkdir -p "$REPOS/lkp/bin"
	cat >"$REPOS/lkp/bin/run-local" <<'EOF'
#!/bin/sh
# What the real one does for us: -o LINK JOBFILE; it wants the arch and a test case, and at its end makes the link to its results.
grep -q 'mode: threads' "$3" || exit 9
grep -q "^arch: $(uname -m)" "$3" && grep -q '^testcase: hackbench' "$3" && grep -q '^runtime: 10s' "$3" || exit 8
mkdir -p /tmp/kept/0
printf '{"hackbench.throughput": 5, "stderr.oops": 1}\n' >/tmp/kept/0/stats.json
rm -f "$2"
ln -s /tmp/kept/0 "$2"
EOF
	chmod +x "$REPOS/lkp/bin/run-local"
	git -C "$REPOS/lkp" add -A
	git -C "$REPOS/lkp" commit -qm one
	printf 'upstream_url: %s\nupstream_commit: main\nsuite: hackbench\nlkp_src: .\nruntime: 10s\nhackbench: {mode: threads}\nmonitors: {x: y}\n' "$REPOS/lkp" >job.yaml
	answer="$(ctl submit --wait --json job.yaml)"
	[ "$(get .result.outcome)" = pass ]
	ctl log "$(get .id)" | grep -A1 -x '## lkp-stats' | grep -q '"stderr.oops": 1'
	[ "$(get '.result.metrics["hackbench.throughput"]')" = 5 ]
	[ "$(get '[.result.errors[].id] | join(" ")')" = stderr.oops ]
	[ "$(get .result.complete)" = true ]
}

# A tree with a stand-in for lkp-tests, whose stats.json has the bug from the fourth commit on, and is cut off in the second and
# missing in the third, where an old one lies in the tree.  Its exit status never says so.
lkp_project() {
	git init -q -b main "$REPOS/lkp-bug"
	mkdir -p "$REPOS/lkp-bug/bin" "$REPOS/lkp-bug/result"
	echo '{"ltp.mmap99.fail": 1}' >"$REPOS/lkp-bug/result/stats.json"
	cat >"$REPOS/lkp-bug/bin/run-local" <<'EOF'
#!/bin/sh
mkdir "$2"
case $(cat number) in
2) printf '{\n  "ltp.mmap01.pass": 1,\n  "ltp.mm' >"$2/stats.json" ;;
3) ;;
[4-9]) printf '{\n  "ltp.mmap01.pass": 1,\n  "ltp.mmap99.fail": 1,\n  "ltp.speed": 2.5\n}\n' >"$2/stats.json" ;;
*) printf '{\n  "ltp.mmap01.pass": 1,\n  "ltp.mmap99.pass": 1,\n  "ltp.speed": 3.5\n}\n' >"$2/stats.json" ;;
esac
EOF
	chmod +x "$REPOS/lkp-bug/bin/run-local"
	for n in 0 1 2 3 4 5 6; do
		echo "$n" >"$REPOS/lkp-bug/number"
		git -C "$REPOS/lkp-bug" add -A
		git -C "$REPOS/lkp-bug" commit -qm "change $n"
		git -C "$REPOS/lkp-bug" tag "c$n"
	done
}

lkp_job() {
	printf 'upstream_url: %s\nupstream_commit: %s\nsuite: ltp\nlkp_src: .\nltp: {test: mm}\n' "$REPOS/lkp-bug" "$1" >job.yaml
	answer="$(ctl submit --wait --json job.yaml)"
}

@test "an error that only stats.json has is bisected, and a run without a whole one is no evidence" {
	lkp_project
	lkp_job main
	[ "$(get .result.outcome)" = pass ]
	[ "$(get '.result.errors | length')" = 1 ]
	[ "$(get '.result.errors[0] | [.id, .line, .count, .severity, .finding, .representative] | map(tostring) | join(";")')" = \
		'ltp.mmap99.fail;"ltp.mmap99.fail": 1;1;error;1;true' ]
	[ "$(get '.result.errors[0].rules | length > 0')" = true ]
	[ "$(get '.result.metrics["ltp.speed"]')" = 2.5 ]
	# The line is the one of the log.
	[ "$(ctl log "$(get .id)" | sed -n "$(get '.result.errors[0].line_number')p")" = '  "ltp.mmap99.fail": 1,' ]
	lkp_job c2
	[ "$(get .result.complete)" = false ]
	[[ "$(get .result.message)" == 'stats.json:3:'*'found no JSON'* ]]
	lkp_job c3
	[ "$(get .result.complete)" = false ]
	[ "$(get .result.outcome)" = broken ]
	[ "$(get '.result.errors | map(select(.id == "ltp.mmap99.fail")) | length')" = 0 ]
	lkp_job main
	answer="$(ctl bisect --watch --json --error-id ltp.mmap99.fail --good c0 job.yaml)" || true
	get '.verdict | {verdict, subject, candidates}'
	[ "$(get .verdict.verdict)" = range ]
	[ "$(get '[.verdict.candidates[].subject] | sort | join(",")')" = 'change 2,change 3,change 4' ]
}

@test "an error that only stats.json has leads to one commit" {
	git init -q -b main "$REPOS/lkp-one"
	mkdir -p "$REPOS/lkp-one/bin"
	cat >"$REPOS/lkp-one/bin/run-local" <<'EOF'
#!/bin/sh
mkdir "$2"
printf '{"ltp.mmap99.fail": %s, "ltp.other.fail": 1}\n' "$(cat bug)" >"$2/stats.json"
exit 1
EOF
	chmod +x "$REPOS/lkp-one/bin/run-local"
	for n in 1 2 3 4 5 6; do
		echo "$n" >"$REPOS/lkp-one/number"
		echo "$((n >= 4))" >"$REPOS/lkp-one/bug"
		git -C "$REPOS/lkp-one" add -A
		git -C "$REPOS/lkp-one" commit -qm "change $n"
		git -C "$REPOS/lkp-one" tag "c$n"
	done
	printf 'upstream_url: %s\nupstream_commit: main\nsuite: ltp\nlkp_src: .\nltp: {test: mm}\n' "$REPOS/lkp-one" >job.yaml
	answer="$(ctl bisect --watch --json --error-id ltp.mmap99.fail --good c1 job.yaml)" || true
	get '.verdict | {verdict, subject}'
	[ "$(get .verdict.verdict)" = culprit ]
	[ "$(get .verdict.subject)" = 'change 4' ]
}

@test "stats.json among the kept files counts as if it were printed, but not the one of the build" {
	cat >job.yaml <<-EOF
		upstream_url: $REPOS/project
		upstream_commit: main
		suite: x
		build: {run: 'echo "{}" >stats.json'}
		test:
		  logs: [lkp-stats]
		  run: |
		    test ! -e stats.json && printf '{"x.case.fail": 1}' >stats.json
		    printf 'no newline'
	EOF
	answer="$(ctl submit --wait --json job.yaml)"
	[ "$(get '[.result.errors[].id] | join(" ")')" = x.case.fail ]
	[ "$(get .result.complete)" = true ]
	[ "$(ctl log "$(get .id)" | sed -n "$(get '.result.errors[0].line_number')p")" = '{"x.case.fail": 1}' ]
	answer="$(ctl submit --wait --json job.yaml test.run='echo {} >other; ln -s other stats.json')"
	[ "$(get .result.complete)" = false ]
	[ "$(get .result.message)" = 'stats.json: there is none' ]
}

@test "the kind that a job names decides how its output is read" {
	for kind in stderr tap; do
		printf 'upstream_url: %s\nupstream_commit: c1\nsuite: x\ntest: {run: "echo strange words", logs: [%s]}\n' \
			"$REPOS/project" "$kind" >job.yaml
		answer="$(ctl submit --wait --json job.yaml)"
		get '[.result.errors[].id] | join(" ")'
	done >out
	printf 'stderr.strange_words\n\n' | diff - out
	printf 'upstream_url: %s\nupstream_commit: c1\nsuite: x\ntest: {run: a, logs: [crystal]}\n' "$REPOS/project" >job.yaml
	run ctl submit job.yaml
	[ "$status" = 1 ]
	[[ "$output" == *'job.yaml:4:23: found "crystal" as "test.logs"'* ]] || { echo "$output"; return 1; }
}

@test "an id appears on the page of its job while the test still runs" {
	printf 'suite: early\nupstream_url: %s\nupstream_commit: main\ntest: {run: "echo error: early bird; exec tail -f /dev/null"}\n' \
		"$REPOS/project" >job.yaml
	id="$(ctl submit job.yaml)"
	early() { api GET "/api/v1/jobs/$id" && [ "$(get '.running.errors[0].id')" = stderr.error:early_bird ]; }
	wait_until 60 early
	[ "$(get .state)" = testing ]
	shown="$(curl -sS -m 60 "$SERVER/jobs/$id" | sed 's/<wbr>//g')"
	[[ "$shown" == *'In progress'*'stderr.error:early_bird'* ]]
	ctl cancel "$id"
}
