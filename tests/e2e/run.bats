#!/usr/bin/env bats
# bisectctl run, against git bisect run and against what it promises.
load lib

setup_file() {
	isolate_git
	export REPOS="$BATS_FILE_TMPDIR"
	make_repo "$REPOS/linear" 120 77
	for culprit in 2 41 150 222 299; do
		make_repo "$REPOS/merges-$culprit" 300 "$culprit" 1
	done
	make_repo "$REPOS/skips" 100 50 0 48 53
	make_repo "$REPOS/merge-skips" 200 90 1 80 100
}

setup() {
	isolate_git
	find_bisectctl
	cd "$BATS_TEST_TMPDIR"
}

# Exit status as git has it: 125 where `skip` is, bad where `bug` is.
SHOWS='test -e skip && exit 125; test ! -e bug'

use() {
	cp -a "$REPOS/$1" repo
	cd repo
}

# The JSON object is in $json, messages in ../messages, the exit status in $status.
bisect() {
	status=0
	: >../messages
	json="$("$BISECTCTL" run --json "$@" 2>>../messages)" || status=$?
	cat ../messages
	echo "$json"
	[ "$(wc -l <<<"$json")" = 1 ]
}

field() { jq -r "$1" <<<"$json"; }

# A run that tells in ../runs when it starts and ends; once four have started, one reports through ../held and hangs.
make_holding_script() {
	mkfifo ../held
	: >../runs
	cat >../hold.sh <<-'END'
		here="$1"
		echo "start $BISECTD_COMMIT" >>"$here/runs"
		if [ "$(grep -c start "$here/runs")" -ge 4 ] && mkdir "$here/hangs" 2>/dev/null; then
			echo held >"$here/held"
			exec sleep 1000
		fi
		test ! -e bug; result=$?
		echo "end $BISECTD_COMMIT" >>"$here/runs"
		exit $result
	END
}

start_holding_run() {
	make_holding_script
	"$BISECTCTL" run --json --good v1 --bad main "$@" -- sh "$PWD/../hold.sh" "$PWD/.." >../first.json 2>../messages 3>&- &
	pid=$!
	read -r -t 30 line <../held
	[ "$line" = held ]
}

@test "names the commit that git bisect run names, in a linear history" {
	use linear
	expected="$(git_bisect . v1 main sh -c "$SHOWS")"
	[ "$expected" = "$(hex . v77)" ]
	bisect --good v1 --bad main -- sh -c "$SHOWS"
	[ "$status" = 0 ]
	[ "$(field .commit)" = "$expected" ]
	bisect --trust --good v1 --bad main -- sh -c "$SHOWS"
	[ "$(field .commit)" = "$expected" ]
	bisect -j4 --good v1 --bad main -- sh -c "$SHOWS"
	[ "$(field .commit)" = "$expected" ]
}

@test "names the commit that git bisect run names, in histories full of merges" {
	for culprit in 2 41 150 222 299; do
		(
			mkdir "$culprit" && cd "$culprit"
			use "merges-$culprit"
			expected="$(git_bisect . v1 main sh -c "$SHOWS")"
			[ "$expected" = "$(hex . "v$culprit")" ]
			for options in "" --trust -j4 "-j4 --trust"; do
				bisect $options --good v1 --bad main -- sh -c "$SHOWS"
				[ "$status" = 0 ]
				[ "$(field .commit)" = "$expected" ]
			done
		)
	done
}

@test "gives the candidates that git gives when only skipped commits are left" {
	use skips
	git_bisect . v1 main sh -c "$SHOWS" >../expected
	[ "$(wc -l <../expected)" -gt 1 ]
	for options in "" --trust -j4; do
		bisect $options --good v1 --bad main -- sh -c "$SHOWS"
		[ "$status" = 3 ]
		[ "$(field .verdict)" = range ]
		[ "$(field .commit)" = null ]
		diff ../expected <(field '.candidates[]' | sort)
	done
}

# Between branches the set depends on which good commits were tested on the way; what holds is this.
@test "of skipped commits among merges all that is left cannot be tested, but one" {
	use merge-skips
	for options in "" --trust -j4; do
		bisect $options --good v1 --bad main -- sh -c "$SHOWS"
		[ "$status" = 3 ]
		field '.candidates[]' | grep -q "$(hex . v90)"
		tested=0
		for commit in $(field '.candidates[]'); do
			git cat-file -e "$commit:skip" 2>/dev/null || tested=$((tested + 1))
		done
		[ "$tested" = 1 ]
	done
}

@test "an error that always shows is found and confirmed in log2 n + 6 runs" {
	for culprit in 2 150 299; do
		(
			mkdir "$culprit" && cd "$culprit"
			use "merges-$culprit"
			bisect --good v1 --bad main -- sh -c "$SHOWS"
			n="$(git rev-list --count v1..main)"
			echo "$(field .runs) runs for $n commits"
			[ "$(field .runs)" -le "$(at_most_runs "$n")" ]
		)
	done
}

@test "the JSON object has the promised shape" {
	use linear
	bisect --good v1 --bad main -- sh -c "$SHOWS"
	jq -e '(.verdict == "culprit") and (.commit | test("^[0-9a-f]{40}$")) and (.subject == "change 77")
		and (.confidence > 0.98 and .confidence <= 1) and (.candidates == [.commit]) and (.good | length == 1)
		and (.bad | test("^[0-9a-f]{40}$")) and (.runs | type == "number") and (.seconds | type == "number")
		and (.notes == []) and (.reason | type == "string")
		and ([.checks[] | select(.passed != true)] == [])' <<<"$json"
}

@test "the verdict says how sure it is and why" {
	use merges-150
	bisect --good v1 --bad main -- sh -c "$SHOWS"
	jq -e '(.evidence.own.failed >= 1) and (.evidence.own.passed == 0) and (.evidence.with.failed >= .evidence.own.failed)
		and (.evidence.with.passed == 0) and (.evidence.without.failed == 0) and (.evidence.without.passed >= 1)
		and (.evidence.with.failed + .evidence.without.passed + .evidence.with.silent + .evidence.without.silent == .runs)
		and (.evidence.parents | length >= 1) and ([.evidence.parents[] | select(.passed < 1)] == [])
		and ((.confidence + .evidence.other_commit + .evidence.no_commit - 1) | fabs < 0.001)
		and (.likelihoods == [.confidence])' <<<"$json"
	[ "$(field '.evidence.parents[].commit' | sort)" = "$(hex . "$(hex . v150)^@" | sort)" ]
	run "$BISECTCTL" run --good v1 --bad main -- sh -c "$SHOWS"
	grep -Eq '^  why +bad in ([0-9]+) of \1 runs of [0-9]+ commits with it, good in ([0-9]+) of \2 runs of [0-9]+ commits without it' <<<"$output"
	grep -Eq '^  else +0\.[0-9]+ % (another commit|no commit)' <<<"$output"
	run "$BISECTCTL" run --trust --good v1 --bad main -- sh -c "$SHOWS"
	grep -q 'every single run was believed' <<<"$output"
	# A flaky error: passes on the bad side count, and less is sure.
	bisect --flaky --good v1 --bad main -- sh -c 'test -e bug || exit 0; n=$(cat "$1" 2>/dev/null || echo 0); echo $((n + 1)) >"$1"; [ $((n % 3)) = 1 ]' sh "$PWD/../n"
	[ "$(field .commit)" = "$(hex . v150)" ]
	[ "$(field '.evidence.with.passed > 0')" = true ]
	# Without a culprit there is the likelihood of each candidate, best first.
	bisect --budget 5 --good v1 --bad main -- sh -c "$SHOWS"
	jq -e '(.evidence == null) and (.likelihoods | length) == (.candidates | length) and (.likelihoods | length > 1)
		and .likelihoods == (.likelihoods | sort | reverse)' <<<"$json"
	run "$BISECTCTL" run --budget 5 --good v1 --bad main -- sh -c "$SHOWS"
	grep -Eq '^[0-9a-f]{40}  [0-9.]+ %$' <<<"$output"
}

@test "the text says the first bad commit as git does" {
	use linear
	run "$BISECTCTL" run --good v1 --bad main -- sh -c "$SHOWS"
	[ "$status" = 0 ]
	grep -qx "$(hex . v77) is the first bad commit" <<<"$output"
	grep -q "change 77" <<<"$output"
	grep -Eq 'culprit .* ok +bad in [2-9] of' <<<"$output"
}

@test "the checkout, HEAD, index, refs and a git bisect under way are left alone" {
	use linear
	git bisect start main v1 >/dev/null
	echo changed >number
	echo staged >staged && git add staged
	echo untracked >untracked
	checkout_state . >../before
	bisect -j3 --good v1 --bad main -- sh -c 'git rev-parse HEAD; git checkout -q --detach; echo x >number; '"$SHOWS"
	[ "$(field .commit)" = "$(hex . v77)" ]
	checkout_state . >../after
	diff ../before ../after
	[ "$(cat number untracked)" = "$(printf 'changed\nuntracked')" ]
}

@test "works in a bare repository, in a linked work tree and below its root" {
	use linear
	git worktree add -q ../linked v100
	git clone -q --bare . ../bare.git
	cd ../bare.git
	bisect --good v1 --bad main -- sh -c "$SHOWS"
	[ "$(field .commit)" = "$(hex . v77)" ]
	cd ../linked
	mkdir -p sub && echo x >sub/file && git add sub && git commit -qm sub
	checkout_state . >../before
	bisect --good v1 --bad HEAD -- sh -c "$SHOWS"
	[ "$(field .commit)" = "$(hex . v77)" ]
	checkout_state . >../after
	diff ../before ../after
	cd sub
	good="$(hex . HEAD)"
	echo y >file && git commit -qam y
	bisect --good "$good" --bad HEAD -- grep -q x file
	[ "$(field .commit)" = "$(hex . HEAD)" ]
}

@test "an unrelated error is not evidence" {
	use linear
	# Another error shows in every commit from 30 on, with the exit status of a failure.
	cat >../test.sh <<-'END'
		if test -e bug; then echo "app: error: lost the frame" >&2; exit 1; fi
		if [ "$(cat number)" -ge 30 ] && [ $(($(cat number) % 3)) = 0 ]; then echo "app: error: no network" >&2; exit 1; fi
		exit 0
	END
	for options in --trust "" -j4; do
		bisect $options --match 'lost the frame' --good v1 --bad main -- sh "$PWD/../test.sh"
		[ "$(field .verdict)" = culprit ]
		[ "$(field .commit)" = "$(hex . v77)" ]
	done
	# Without saying which error is meant, the first one is found.
	bisect --trust --good v1 --bad main -- sh "$PWD/../test.sh"
	[ "$(field .commit)" != "$(hex . v77)" ]
}

@test "an error id names the error that is meant" {
	use linear
	cat >../test.sh <<-'END'
		n=$(cat number)
		echo "1..2"
		if [ "$n" -ge 20 ]; then echo "not ok 1 - network"; else echo "ok 1 - network"; fi
		if test -e bug; then echo "not ok 2 - frame"; else echo "ok 2 - frame"; fi
		[ "$n" -lt 20 ]
	END
	bisect --error-id run.frame.fail --good v1 --bad main -- sh "$PWD/../test.sh"
	[ "$(field .verdict)" = culprit ]
	[ "$(field .commit)" = "$(hex . v77)" ]
	bisect --error-id suite.network.fail --good v1 --bad main -- sh "$PWD/../test.sh"
	[ "$(field .commit)" = "$(hex . v20)" ]
}

@test "a case that passed is good beside one that fails everywhere, and one that was not reached says nothing" {
	use linear
	cat >../test.sh <<-'END'
		echo "FAIL: known"
		if test -e bug; then echo "FAIL: frame"; else echo "PASS: frame"; fi
		if [ $(($(cat number) % 8)) = 0 ]; then exit 1; fi
		if test -e bug; then echo "FAIL: late"; else echo "PASS: late"; fi
		exit 1
	END
	for case in frame late; do
		bisect --error-id make-check.$case.fail --good v1 --bad main~1 -- sh "$PWD/../test.sh"
		[ "$(field .verdict)" = culprit ]
		[ "$(field .commit)" = "$(hex . v77)" ]
	done
}

@test "a run that died early is no evidence of the absence of an error" {
	use linear
	cat >../test.sh <<-'END'
		[ $(($(cat number) % 2)) = 0 ] || exit 1
		if test -e bug; then echo "lost the frame"; fi
	END
	bisect --match 'lost the frame' --good v2 --bad main -- sh "$PWD/../test.sh"
	[ "$status" = 3 ]
	[ "$(field .verdict)" = range ]
	[ "$(field '.candidates | sort | join(" ")')" = "$(printf '%s\n' "$(hex . v77)" "$(hex . v78)" | sort | paste -sd' ')" ]
}

@test "an error that never shows is not reproduced" {
	use linear
	bisect --good v1 --bad main -- true
	[ "$status" = 4 ]
	[ "$(field .verdict)" = not-reproduced ]
	[ "$(field .commit)" = null ]
}

@test "a good end that is bad is said to be so" {
	use linear
	bisect --good v90 --bad main -- sh -c "$SHOWS"
	[ "$status" = 5 ]
	[ "$(field .verdict)" = no-good-commit ]
	[ "$(field .commit)" = "$(hex . v90)" ]
}

@test "a good end that is no ancestor is replaced by the merge base, with a note" {
	use linear
	git checkout -q v40
	git commit -q --allow-empty -m side
	git tag side
	git checkout -q main
	bisect --good side --bad main -- sh -c "$SHOWS"
	[ "$status" = 0 ]
	[ "$(field .commit)" = "$(hex . v77)" ]
	[ "$(field '.good[0]')" = "$(hex . v40)" ]
	[ "$(field '.notes | length')" -ge 1 ]
	grep -q 'merge base' ../messages
	# Even with --trust: that the merge base is good is nobody's word.
	git tag -f side "$(git commit-tree -p v90 -m other "v90^{tree}")" >/dev/null
	bisect --trust --good side --bad main -- sh -c "$SHOWS"
	[ "$(field .verdict)" = no-good-commit ]
	[ "$(field .commit)" = "$(hex . v90)" ]
}

@test "several good ends narrow the range" {
	use merges-150
	bisect --good v1 --good v60 --bad main -- sh -c "$SHOWS"
	[ "$(field .commit)" = "$(hex . v150)" ]
}

@test "no such commit, an empty range and wrong usage are clear errors that leave nothing" {
	use linear
	bisect --good nonsense --bad main -- true
	[ "$status" = 1 ]
	grep -q "nonsense" ../messages
	bisect --good main --bad v1 -- true
	[ "$status" = 1 ]
	[ "$(field .verdict)" = error ]
	bisect --good main --bad main -- true
	[ "$status" = 1 ]
	[ ! -e .git/bisectd/run.jsonl ]
	run "$BISECTCTL" run --good v1 -- true
	[ "$status" = 2 ]
	run "$BISECTCTL" run --good v1 --bad main
	[ "$status" = 2 ]
	run "$BISECTCTL" run --match '(' --good v1 --bad main -- true
	[ "$status" = 2 ]
	cd /
	run "$BISECTCTL" run --good v1 --bad main -- true
	[ "$status" = 1 ]
}

@test "an exit status of 128 or more, or a signal, ends the bisection and tells where" {
	use linear
	bisect --good v1 --bad main -- sh -c '[ "$(cat number)" != 120 ] || exit 1; exit 130'
	[ "$status" = 1 ]
	grep -q 'exit status 130 at commit [0-9a-f]\{40\}' ../messages
	log="$(grep -o '[^ ]*/logs/[^ ]*\.log' ../messages | head -n1)"
	[ -e "$log" ]
	# The journal is kept: a new run asks what to do with it.
	bisect --good v1 --bad main -- true
	[ "$status" = 1 ]
	grep -q -- --continue ../messages
	run "$BISECTCTL" run --abort
	[ "$status" = 0 ]
	bisect --good v1 --bad main -- sh -c '[ "$(cat number)" != 120 ] || exit 1; kill -SEGV $$'
	[ "$status" = 1 ]
	grep -q 'signal 11' ../messages
	bisect --restart --good v1 --bad main -- sh -c "$SHOWS"
	[ "$(field .commit)" = "$(hex . v77)" ]
	[ "$(git worktree list | wc -l)" = 1 ]
}

@test "a command that cannot be run is an error, one that a commit does not have is no evidence" {
	use linear
	bisect --good v1 --bad main -- no-such-program-here
	[ "$status" = 1 ]
	grep -q no-such-program-here ../messages
	"$BISECTCTL" run --abort
	git checkout -q -b tested v60
	printf '#!/bin/sh\ntest ! -e bug\n' >check.sh && chmod +x check.sh && git add check.sh && git commit -qm 'add the test'
	: >bug && git add bug && git commit -qm 'break it'
	bisect --good v40 --trust-ends --bad HEAD -- ./check.sh
	[ "$(field '.candidates | length')" -ge 1 ]
	field '.candidates[]' | grep -q "$(hex . HEAD)"
}

@test "126 and 127 on a good end, too, speak of the command and not of a commit" {
	use linear
	for options in "" --trust "--trust -j4" --trust-ends; do
		for code in 126 127; do
			bisect $options --good v1 --bad main -- sh -c "exit $code"
			[ "$status" = 1 ]
			[ "$(field .verdict)" = error ]
			grep -q "exit status $code at the good end $(hex . v1 | cut -c1-12)" ../messages
			"$BISECTCTL" run --abort
		done
	done
	# What could not be found stays so after --continue.
	bisect --trust --good v1 --bad main -- sh -c 'no_such_program_in_a_shell'
	bisect --continue
	[ "$(field .verdict)" = error ]
	"$BISECTCTL" run --abort
	# A good end that passes makes them bad as any other status, as in git.
	for options in "" --trust "--trust -j4"; do
		bisect $options --good v1 --bad main -- sh -c 'test ! -e bug || exit 127'
		[ "$status" = 0 ]
		[ "$(field .commit)" = "$(hex . v77)" ]
	done
	[ "$(git_bisect . v1 main sh -c 'test ! -e bug || exit 127')" = "$(hex . v77)" ]
}

@test "a script of one's own in the checkout is run in every commit, as git bisect run does" {
	use linear
	printf '#!/bin/sh\ntest ! -e bug\n' >mine.sh && chmod +x mine.sh
	bisect --good v1 --bad main -- ./mine.sh
	[ "$status" = 0 ]
	[ "$(field .commit)" = "$(hex . v77)" ]
	grep -q 'mine.sh is not tracked' ../messages
	# An argument cannot be known to be a file: it is pointed out.
	bisect --good v1 --bad main -- sh mine.sh
	grep -q "name it $PWD/mine.sh" ../messages
}

@test "what the work trees lack is told before anything runs" {
	use linear
	mkdir fresh && cd fresh
	bisect --good v1 --bad main -- sh -c "$SHOWS"
	[ "$status" = 1 ]
	grep -q 'fresh, is not in the bad commit' ../messages
	cd ..
	git init -q ../lib && git -C ../lib commit -q --allow-empty -m lib
	git -c protocol.file.allow=always submodule --quiet add ../lib lib
	git commit -qm 'add lib'
	bisect --good v1 --bad HEAD -- sh -c "$SHOWS"
	[ "$(field .commit)" = "$(hex . v77)" ]
	grep -q 'note: submodules are not checked out' ../messages
}

@test "a bad end that cannot be tested is said to be so, without a log that is not there" {
	use linear
	run "$BISECTCTL" run --good v1 --bad main -- ./number
	[ "$status" = 4 ]
	[[ "$output" == *'could not be tested'* ]]
	[[ "$output" != *'exit status -1'* ]]
	[[ "$output" != *'output in'* ]]
}

@test "a result that cannot be written is a failure" {
	use linear
	status=0
	"$BISECTCTL" run --good v1 --bad main -- sh -c "$SHOWS" >/dev/full 2>../messages || status=$?
	[ "$status" = 1 ]
	grep -q 'cannot write' ../messages
}

@test "a commit is built once however often it is tested" {
	use linear
	for options in -j1 -j4; do
		bisect $options --build "cp number built; echo build \$BISECTD_COMMIT >>'$PWD/../messages'" --good v1 --bad main \
			-- sh -c "cmp -s number built || exit 200; test ! -e bug"
		[ "$(field .commit)" = "$(hex . v77)" ]
		# With several at once a test may be stopped as useless, and what was built for it overwritten: a run that counts is meant.
		awk '$1 == "run" { counted[substr($3, 1, 8)] = 1 }
			$1 == "build" && counted[substr($2, 1, 8)] { print "again: " $2; again = 1 }
			END { exit again }' ../messages
		[ "$options" != -j1 ] || [ "$(grep -c ^build ../messages)" -lt "$(field .runs)" ]
	done
}

@test "a commit that does not build is passed over" {
	use linear
	bisect --build '[ "$(cat number)" -lt 70 ] || [ "$(cat number)" -gt 75 ]' --good v1 --bad main -- sh -c "$SHOWS"
	[ "$(field .commit)" = "$(hex . v77)" ]
	bisect --build '[ "$(cat number)" -lt 75 ] || [ "$(cat number)" -gt 78 ]' --good v1 --bad main -- sh -c "$SHOWS"
	[ "$status" = 3 ]
	[ "$(field '.candidates | length')" = 5 ]
}

@test "a build error that is asked for is evidence, another one is not" {
	use linear
	cat >../build.sh <<-'END'
		if test -e bug; then echo "app.c:3:5: error: unknown type name 'frame_t'" >&2; exit 1; fi
		if [ $(($(cat number) % 4)) = 0 ]; then echo "net.c:7:1: error: expected ';' before 'int'" >&2; exit 1; fi
	END
	for error in --match='unknown type name' --error-id="build-pkg.app.c:error:unknown-type-name'frame_t'"; do
		bisect "$error" --build "sh '$PWD/../build.sh'" --good v1 --bad main -- true
		[ "$status" = 3 ]
		[ "$(field '.candidates | sort | join(" ")')" = "$(hex . v76 v77 | sort | paste -sd' ')" ]
	done
}

@test "a compiler warning is looked for in builds from nothing" {
	use linear
	cat >../build.sh <<-'END'
		[ ! -e app.o ] || exit 0	# as make would have it
		if test -e bug; then echo "app.c:3:5: warning: unused variable 'frame' [-Wunused-variable]" >&2; fi
		: >app.o
	END
	id="build-pkg.app.c:warning:unused-variable'frame'[-Wunused-variable]"
	bisect --error-id "$id" --build "sh '$PWD/../build.sh'" --good v1 --bad main
	[ "$status" = 0 ]
	[ "$(field .commit)" = "$(hex . v77)" ]
	bisect --error-id "$id" --good v1 --bad main -- sh "$PWD/../build.sh"
	[ "$(field .commit)" = "$(hex . v77)" ]
}

@test "a test that takes too long says nothing" {
	use linear
	bisect --trust --timeout 1s --good v70 --bad v80 -- \
		sh -c '[ "$(cat number)" != 77 ] || exec sleep 1000; test ! -e bug'
	[ "$status" = 3 ]
	[ "$(field '.candidates | length')" = 2 ]
}

@test "after Ctrl-C --continue goes on" {
	use linear
	checkout_state . >../before
	start_holding_run -j2
	kill -INT "$pid"
	first=0
	wait "$pid" || first=$?
	cat ../messages
	[ "$first" = 130 ]
	grep -q 'run --continue' ../messages
	jq -e '.verdict == "interrupted"' ../first.json
	cp .git/bisectd/run.jsonl ../interrupted.jsonl
	bisect --continue
	[ "$status" = 0 ]
	[ "$(field .commit)" = "$(hex . v77)" ]
	# What was known is known, and nothing is left behind.
	cmp -n "$(stat -c %s ../interrupted.jsonl)" ../interrupted.jsonl .git/bisectd/last.jsonl
	checkout_state . >../after
	diff ../before ../after
	[ ! -e .git/bisectd/run.jsonl ]
	[ "$(grep -c '"observation"' .git/bisectd/last.jsonl)" = "$(field .runs)" ]
}

@test "after kill -9 --continue repeats no finished run" {
	use linear
	checkout_state . >../before
	start_holding_run
	kill -KILL "$pid"
	wait "$pid" || true
	cp .git/bisectd/run.jsonl ../killed.jsonl
	finished="$(($(wc -l <../killed.jsonl) - 1))"
	[ "$finished" = "$(grep -c end ../runs)" ]
	# A line that the crash cut short is dropped.
	printf '{"commit":"0123' >>.git/bisectd/run.jsonl
	bisect --continue
	[ "$status" = 0 ]
	[ "$(field .commit)" = "$(hex . v77)" ]
	[ "$(grep -c end ../runs)" = "$(field .runs)" ]
	[ "$(grep -c start ../runs)" = "$(($(field .runs) + 1))" ]
	cmp -n "$(stat -c %s ../killed.jsonl)" ../killed.jsonl .git/bisectd/last.jsonl
	checkout_state . >../after
	diff ../before ../after
}

@test "what a run started dies with a bisectctl that is killed" {
	use linear
	mkfifo ../lives
	# Every process that the command starts holds the pipe open; a reader sees its end when the last one is gone.
	cat >../leave.sh <<-END
		exec 7>"$PWD/../lives"
		sleep 1000 >/dev/null 2>&1 &
		sh -mc 'sleep 1000 & wait' >/dev/null 2>&1 &
		echo started >&7
		exec sleep 1000
	END
	"$BISECTCTL" run --good v1 --bad main -- sh "$PWD/../leave.sh" 2>../messages 3>&- &
	pid=$!
	exec 8<../lives
	read -r -t 30 line <&8
	[ "$line" = started ]
	kill -KILL "$pid"
	wait "$pid" || true
	status=0
	read -r -t 20 line <&8 || status=$?
	exec 8<&-
	# 1: the end; more than 128: it timed out.
	[ "$status" = 1 ]
}

@test "one run at a time in a repository" {
	use linear
	start_holding_run
	bisect --good v1 --bad main -- true
	[ "$status" = 1 ]
	grep -q 'another' ../messages
	kill -TERM "$pid"
	first=0
	wait "$pid" || first=$?
	[ "$first" = 130 ]
}

@test "--continue without a run and --abort without a run are clear" {
	use linear
	bisect --continue
	[ "$status" = 1 ]
	grep -q 'no unfinished run' ../messages
	run "$BISECTCTL" run --abort
	[ "$status" = 0 ]
}

@test "a command line that is no UTF-8 survives --continue" {
	use linear
	bad="$(printf '\377\376x')"
	bisect --good v1 --bad main -- sh -c '[ -e "$2" ] || { : >"$2"; exit 200; }; [ "$1" = "$(printf "\377\376x")" ] || exit 201; test ! -e bug' \
		sh "$bad" "$PWD/../once"
	[ "$status" = 1 ]
	bisect --continue
	[ "$(field .commit)" = "$(hex . v77)" ]
}

@test "a spent number of runs ends with the likeliest commits, and --continue goes on" {
	use linear
	bisect --budget 5 --good v1 --bad main -- sh -c "echo run >>'$PWD/../runs'; $SHOWS"
	[ "$status" = 8 ]
	[ "$(field .verdict)" = undecided ]
	[ "$(field .runs)" = 5 ]
	[ "$(field '.candidates | length')" -gt 1 ]
	grep -q -- '--continue --budget MORE' ../messages
	[ "$(git worktree list | wc -l)" = 1 ]
	# One without more has nothing to go on with, and says how.
	bisect --continue
	[ "$status" = 1 ]
	grep -q -- '--continue --budget MORE' ../messages
	# So many runs more, not in all.
	bisect --continue --budget 2
	[ "$status" = 8 ]
	[ "$(field .runs)" = 7 ]
	bisect --continue --budget 1h
	[ "$status" = 0 ]
	[ "$(field .commit)" = "$(hex . v77)" ]
	[ "$(wc -l <../runs)" = "$(field .runs)" ]
}

@test "a spent time ends running probes and the search, and --continue goes on" {
	use linear
	make_holding_script
	: >../left
	# The fourth run hangs until it is ended.
	sed -i 's/exec sleep 1000/trap "echo ended >>$here\/left; exit 1" TERM; sleep 1000 \& wait/' ../hold.sh
	timeout 60 cat ../held >/dev/null 3>&- &
	bisect --budget 5s --good v1 --bad main -- sh "$PWD/../hold.sh" "$PWD/.."
	[ "$status" = 8 ]
	[ "$(field .verdict)" = undecided ]
	[ "$(field .runs)" = 3 ]
	[ "$(field '.candidates | length')" -gt 1 ]
	[ "$(field '.seconds > 4.9 and .seconds < 30')" = true ]
	[ "$(cat ../left)" = ended ]
	[[ "$(field .reason)" == "The budget is spent"* ]]
	[ "$(git worktree list | wc -l)" = 1 ]
	bisect --continue --budget 10m
	[ "$status" = 0 ]
	[ "$(field .commit)" = "$(hex . v77)" ]
	[ "$(grep -c end ../runs)" = "$(field .runs)" ]
	# The time of the session before is in it.
	[ "$(field '.seconds > 4.9')" = true ]
}

@test "time that was spent before an interruption counts" {
	use linear
	start_holding_run --budget 5m
	kill -INT "$pid"
	wait "$pid" || true
	[ "$(jq -s 'last | .note' .git/bisectd/run.jsonl)" = '"session"' ]
	# As if it had been more than was given.
	printf '{"note":"session","budget":0,"budget_s":300,"elapsed_ms":300001}\n' >>.git/bisectd/run.jsonl
	bisect --continue
	[ "$status" = 8 ]
	[ "$(field .runs)" = 3 ]
	[ "$(field '.seconds >= 300')" = true ]
	bisect --continue --budget 5m
	[ "$(field .commit)" = "$(hex . v77)" ]
}

@test "a budget that is neither runs nor time is wrong usage" {
	use linear
	for wrong in 0 0s 1.5h soon; do
		run "$BISECTCTL" run --budget "$wrong" --good v1 --bad main -- true
		[ "$status" = 2 ]
		[[ "$output" == *"--budget"*"$wrong"*"90s, 15m, 6h, 2d"* ]]
	done
	run "$BISECTCTL" run --abort --budget 5
	[ "$status" = 2 ]
}

# 400 commits, the i-th of which changes src/f<i mod 40>.c; the error came with the 222nd, which is in src/f22.c.
make_files_repo() {
	git init -q -b main files
	for i in $(seq 400); do
		printf 'commit refs/heads/main\nmark :%d\ncommitter A <a@example.org> %d +0000\ndata 1\nx\n' "$i" $((1600000000 + i))
		[ "$i" = 1 ] || printf 'from :%d\n' $((i - 1))
		printf 'M 100644 inline src/f%d.c\ndata %d\n%d\n' $((i % 40)) ${#i} "$i"
		[ "$i" != 222 ] || printf 'M 100644 inline bug\ndata 1\nx\n'
		printf 'reset refs/tags/v%d\nfrom :%d\n\n' "$i" "$i"
	done | git -C files fast-import --quiet
	git -C files checkout -q -f main
	cd files
}

@test "commits that touch the file which the error names are tried first" {
	make_files_repo
	# A warning, and the file of another error far away, stand in every log; the path is that of the work tree.
	cat >../test.sh <<-'END'
		echo "src/f7.c:3:1: warning: unused"
		test -e bug || exit 0
		echo "$PWD/src/f22.c:12:5: error: lost the frame"
		for i in $(seq 1000); do echo "and so on"; done
		echo "src/f9.c:1:1: error: something else"
		exit 1
	END
	bisect --match 'lost the frame' --good v1 --bad main -- sh "$PWD/../test.sh"
	[ "$(field .commit)" = "$(hex . v222)" ]
	[ "$(field .prior)" = null ]
	without="$(field .runs)"
	for options in "" -j3; do
		bisect $options --prior-from-error --match 'lost the frame' --good v1 --bad main -- sh "$PWD/../test.sh"
		[ "$(field .commit)" = "$(hex . v222)" ]
		[ "$(field '.prior.files | join(" ")')" = src/f22.c ]
		[ "$(field .prior.commits)" = 10 ]
		grep -q 'the error names src/f22.c; 10 of 399 commits touch it' ../messages
		[ -n "$options" ] || [ "$(field .runs)" -le $((without - 3)) ]
	done
}

@test "an error that names the wrong file or none costs few runs" {
	make_files_repo
	bisect --good v1 --bad main -- sh -c 'test ! -e bug'
	without="$(field .runs)"
	bisect --prior-from-error --good v1 --bad main -- sh -c 'test -e bug || exit 0; echo "f33.c:12: boom"; exit 1'
	[ "$(field .commit)" = "$(hex . v222)" ]
	[ "$(field '.prior.files | join(" ")')" = src/f33.c ]
	[ "$(field .runs)" -le $((without + 2)) ]
	bisect --prior-from-error --good v1 --bad main -- sh -c 'test ! -e bug'
	[ "$(field .runs)" = "$without" ]
	[ "$(field '.prior.files | length')" = 0 ]
	grep -q 'names no file of the repository' ../messages
}

@test "an error of the build names its file as well, also from the build's log" {
	make_files_repo
	for options in "" --trust; do
		bisect $options --prior-from-error --build 'test ! -e bug || { echo "f22.c:3:5: error: unknown type name" >&2; exit 1; }' \
			--match 'unknown type name' --good v1 --bad main -- true
		[ "$(field '.prior.files | join(" ")')" = src/f22.c ]
		field '.candidates[]' | grep -q "$(hex . v222)"
	done
}

@test "what the error names is kept over --continue" {
	make_files_repo
	bisect --prior-from-error --budget 4 --good v1 --bad main -- sh -c 'test -e bug || exit 0; echo "f22.c:12: boom"; exit 1'
	[ "$status" = 8 ]
	rm -r .git/bisectd/logs
	bisect --continue --budget 100
	[ "$(field .commit)" = "$(hex . v222)" ]
	[ "$(field '.prior.files | join(" ")')" = src/f22.c ]
	[ "$(jq -c 'select(.note == "prior") | .files' .git/bisectd/last.jsonl)" = '["src/f22.c"]' ]
	! grep -q 'the error names' ../messages
	continued="$(field .runs)"
	bisect --prior-from-error --good v1 --bad main -- sh -c 'test -e bug || exit 0; echo "f22.c:12: boom"; exit 1'
	[ "$(field .runs)" = "$continued" ]
}

# The error comes with the 50th commit and goes with the 177th of 200; a side branch of `side` commits leaves at 40 and is merged at
# 120: what is on it lacks the error because that was not there yet.
make_fix_repo() {
	git init -q -b main fixed
	{
		at=1600000000 last=0
		commit() {	# MARK PARENT [MERGED] <changes
			printf 'commit refs/heads/main\nmark :%d\ncommitter A <a@example.org> %d +0000\ndata %d\nchange %s\n' "$1" \
				$((at += 60)) $((7 + ${#1})) "$1"
			[ "$2" = 0 ] || printf 'from :%d\n' "$2"
			[ -z "$3" ] || printf 'merge :%d\n' "$3"
			printf 'M 100644 inline number\ndata %d\n%s\n' ${#1} "$1"
			case $1 in
			50) printf 'M 100644 inline bug\ndata 1\nx\n' ;;
			177) printf 'D bug\n' ;;
			esac
			printf 'reset refs/tags/v%d\nfrom :%d\n\n' "$1" "$1"
		}
		for i in $(seq 200); do
			if [ "$i" = 100 ]; then
				for j in $(seq 1001 1030); do commit "$j" $((j == 1001 ? 40 : j - 1)); done
			fi
			if [ "$i" = 120 ]; then commit 120 119 1030; else commit "$i" $((i - 1)); fi
		done
	} | git -C fixed fast-import --quiet --force
	git -C fixed checkout -q -f main
	cd fixed
}

@test "--fix names the first good commit that git bisect names, and no commit that never had the error" {
	make_fix_repo
	git clone -q . ../copy
	git -C ../copy bisect start --term-old=broken --term-new=fixed >/dev/null
	git -C ../copy bisect fixed main >/dev/null
	git -C ../copy bisect broken v130 >/dev/null
	output="$(cd ../copy && git bisect run sh -c 'test -e bug' 2>&1)" || true
	grep -q "^$(hex . v177) is the first fixed commit" <<<"$output"
	for options in "" --trust -j4 --first-parent --flaky; do
		: >../tested
		bisect $options --fix --bad v60 --good main -- sh -c "cat number >>'$PWD/../tested'; echo >>'$PWD/../tested'; test ! -e bug"
		[ "$status" = 0 ]
		[ "$(field .verdict)" = culprit ]
		[ "$(field .commit)" = "$(hex . v177)" ]
		[ "$(field .fix)" = true ]
		[ "$(field '.good[0]')" = "$(hex . main)" ]
		[ "$(field .bad)" = "$(hex . v60)" ]
		[ "$(field '[.checks[] | select(.passed == false)] | length')" = 0 ]
		[ "$(field '.checks[] | select(.name == "parent") | .commit')" = "$(hex . v176)" ]
		# "Not there yet" is no evidence, and is not even run.
		! grep -Eq '^10[0-3][0-9]$' ../tested
	done
	grep -q 'looking for the fix in [0-9]* commits up to' ../messages
}

@test "what --fix prints has the words the right way round" {
	make_fix_repo
	run "$BISECTCTL" run --fix --bad v60 --good main -- sh -c 'test ! -e bug'
	[ "$status" = 0 ]
	grep -qx "$(hex . v177) is the first good commit" <<<"$output"
	grep -Eq '^  fix +[0-9a-f]{12}  ok +good in' <<<"$output"
	grep -Eq '^  parent +[0-9a-f]{12}  ok +bad in' <<<"$output"
	grep -Eq '^  bad end +[0-9a-f]{12}  ok +bad in' <<<"$output"
	grep -q 'It passed in .* its parent showed it' <<<"$output"
	# Not fixed; not broken in the first place; commits in between that cannot be tested.
	run "$BISECTCTL" run --fix --bad v60 --good v150 -- sh -c 'test ! -e bug'
	[ "$status" = 5 ]
	grep -q "no good commit: the good end $(hex . v150) still shows the error" <<<"$output"
	grep -q 'it is not fixed' <<<"$output"
	run "$BISECTCTL" run --fix --bad v45 --good main -- sh -c 'test ! -e bug'
	[ "$status" = 4 ]
	grep -q "not reproduced: the bad end $(hex . v45) does not show the error" <<<"$output"
	run "$BISECTCTL" run --fix --bad v60 --good main -- sh -c 'case $(cat number) in 17[4-8]) exit 125 ;; esac; test ! -e bug'
	[ "$status" = 3 ]
	grep -q 'The first good commit could be any of' <<<"$output"
	grep -q 'between the last bad and the first good' <<<"$output"
	grep -qx "$(hex . v177)" <<<"$output"
	run "$BISECTCTL" run --fix --budget 4 --bad v60 --good main -- sh -c 'test ! -e bug'
	[ "$status" = 8 ]
	grep -q 'the likeliest first good commits' <<<"$output"
	run "$BISECTCTL" run --continue --budget 50
	grep -qx "$(hex . v177) is the first good commit" <<<"$output"
}

@test "--fix: an old end elsewhere is replaced by the merge base, which has to show the error" {
	make_fix_repo
	git checkout -q -b side v80 && git commit -q --allow-empty -m side
	bisect --fix --trust --bad side --good main -- sh -c 'test ! -e bug'
	[ "$(field .commit)" = "$(hex . v177)" ]
	[ "$(field .bad)" = "$(hex . v80)" ]
	grep -q 'bad commit [0-9a-f]* is not an ancestor of the good commit; using the merge base' ../messages
	# The error of that branch never was in the main line.
	git checkout -q -b other v30 && echo x >bug && git add bug && git commit -q -m 'break it'
	bisect --fix --bad other --good v45 -- sh -c 'test ! -e bug'
	[ "$status" = 4 ]
	[ "$(field .verdict)" = not-reproduced ]
	bisect --fix --bad main --good v60 -- true
	[ "$status" = 1 ]
	grep -q 'good commit [0-9a-f]* is an ancestor of bad commit' ../messages
	run "$BISECTCTL" run --fix --bad v60 --good main --good v190 -- true
	[ "$status" = 2 ]
	# A command that is not found at the good end says nothing of a fix.
	bisect --fix --trust --bad v60 --good main -- sh -c 'exit 127'
	[ "$status" = 1 ]
	grep -q "at the good end $(hex . main | cut -c1-12)" ../messages
}

@test "the output is in a log and, with -v, on the terminal" {
	use linear
	bisect -v --good v1 --bad main -- sh -c "echo hello from a test; $SHOWS"
	grep -q 'hello from a test' ../messages
	grep -q 'hello from a test' .git/bisectd/logs/1-*.log
	bisect --good v1 --bad main -- sh -c "echo hello from a test; $SHOWS"
	! grep -q 'hello from a test' ../messages
	grep -q '^run 1: [0-9a-f]\{8\} bad (' ../messages
}
