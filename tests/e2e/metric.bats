#!/usr/bin/env bats
# bisectctl run --metric: a number in the output, not an error, is what changed.
load lib

setup_file() {
	isolate_git
	export REPOS="$BATS_FILE_TMPDIR"
	make_repo "$REPOS/linear" 120 77
	make_repo "$REPOS/merges" 150 60 1
}

setup() {
	isolate_git
	find_bisectctl
	cd "$BATS_TEST_TMPDIR"
}

# use REPO [SHIFT]: a program that measures 100 with a deviation of 5, or SHIFT (12) more where `bug` is.  The noise of a run hangs on
# the commit and how often that was measured before.
use() {
	cp -a "$REPOS/$1" repo
	cd repo
	mkdir ../counts
	cat >../measure.sh <<-END
		flock "$PWD/../counts" sh -c 'echo >>"$PWD/../counts/\$BISECTD_COMMIT"'
		n="\$(wc -l <"$PWD/../counts/\$BISECTD_COMMIT")"
		shift=0; test ! -e bug || shift=${2:-12}
		echo "warming up: 3.5 ms"
		printf '%s %s\n' "\$BISECTD_COMMIT" "\$n" | sha256sum | awk -v shift="\$shift" '{
			for (i = 1; i <= 48; i += 4) { v = 0
				for (j = 0; j < 4; j++) v = 16 * v + index("0123456789abcdef", substr(\$1, i + j, 1)) - 1
				sum += v / 65536 }
			printf "time: %.2f ms\n", 100 + shift + 5 * (sum - 6) }'
	END
}

bisect() {
	status=0
	json="$("$BISECTCTL" run --json "$@" 2>../messages)" || status=$?
	cat ../messages
	echo "$json"
	[ "$(wc -l <<<"$json")" = 1 ]
}

field() { jq -r "$1" <<<"$json"; }

@test "the commit that made it slower is named, with the means of both sides and the shift" {
	use linear
	bisect --metric 'time: ([0-9.]+) ms' --good v1 --bad main -- sh "$PWD/../measure.sh"
	[ "$status" = 0 ]
	[ "$(field .verdict)" = culprit ]
	[ "$(field .commit)" = "$(hex . v77)" ]
	jq -e '.metric | .good_end.runs == 12 and .bad_end.runs == 12 and .direction == "either"' <<<"$json"
	jq -e '.metric | .shift > 8 and .shift < 16 and .shift_percent > 8 and .shift_percent < 16' <<<"$json"
	jq -e '.metric | .with.mean > 108 and .with.mean < 116 and .without.mean > 96 and .without.mean < 104' <<<"$json"
	jq -e '.metric.with.runs + .metric.without.runs == .runs' <<<"$json"
	jq -e '.checks | length == 4 and all(.passed)' <<<"$json"
	[[ "$(field .reason)" == 'With it 11'*' on average of '*', without it '*'; the ends differ by +1'*' %).' ]]
	# As many as were run, no more.
	[ "$(cat ../counts/* | wc -l)" = "$(field .runs)" ]
	# The first number of the output is another one.
	jq -e -s 'map(select(.value)) | length > 24 and all(.value > 50)' .git/bisectd/last.jsonl
}

@test "the text says what was measured" {
	use linear
	"$BISECTCTL" run --metric 'time: ([0-9.]+) ms' --direction up --good v1 --bad main -- sh "$PWD/../measure.sh" >../text 2>../messages
	cat ../text ../messages
	grep -q "^$(hex . v77) is the first bad commit" ../text
	grep -Eq '^With it 11[0-9.]+ on average of [0-9]+ runs, without it ' ../text
	grep -Eq 'bad end .* ok +11[0-9.]+ on average of ' ../text
	grep -Eq 'note: the good end measures [0-9.]+ and the bad end 11[0-9.]+ on average of 12 and 12 runs' ../messages
	! grep -q 'showed\|shows the error' ../text
}

@test "in a history full of merges and with several runs at once it is the same commit" {
	use merges
	bisect -j3 --metric 'time: ([0-9.]+) ms' --direction up --good v1 --bad main -- sh "$PWD/../measure.sh"
	[ "$status" = 0 ]
	[ "$(field .commit)" = "$(hex . v60)" ]
	[ "$(field .metric.good_end.runs)" = 12 ]
	[ "$(field .metric.bad_end.runs)" = 12 ]
}

@test "where the ends measure alike there is no change, and no commit is blamed" {
	use linear 0
	bisect --metric 'time: ([0-9.]+) ms' --good v1 --bad main -- sh "$PWD/../measure.sh"
	[ "$status" = 7 ]
	[ "$(field .verdict)" = no-change ]
	[ "$(field .commit)" = null ]
	[ "$(field .runs)" = 24 ]
	[[ "$(field .reason)" == *'that may be chance'* ]]
}

@test "a change in the other direction is none" {
	use linear
	bisect --metric 'time: ([0-9.]+) ms' --direction down --samples 8 --good v1 --bad main -- sh "$PWD/../measure.sh"
	[ "$status" = 7 ]
	[ "$(field .runs)" = 16 ]
	[[ "$(field .reason)" == *'no change in the direction asked for'* ]]
}

@test "commits that do not build or fail are passed over, and their numbers are not believed" {
	make_repo "$PWD/../skips" 60 40 0 20 22 2>/dev/null || true
	REPOS="$PWD/.." use skips
	cat >../wrong.sh <<-END
		if test -e skip; then echo "time: 1 ms"; exit 1; fi
		exec sh "$PWD/../measure.sh"
	END
	bisect --metric 'time: ([0-9.]+) ms' --build 'touch built' --good v1 --bad main -- sh "$PWD/../wrong.sh"
	[ "$status" = 0 ]
	[ "$(field .commit)" = "$(hex . v40)" ]
	jq -e -s 'map(select(.value)) | all(.value > 50)' .git/bisectd/last.jsonl
}

@test "an end without a number is said to be so" {
	use linear
	bisect --metric 'seconds: ([0-9.]+)' --good v1 --bad main -- sh "$PWD/../measure.sh"
	[ "$status" = 1 ]
	[[ "$(field .reason)" == 'the '*' end '*' gives no number: no line of the output has a number that --metric matches; its output is in '* ]]
	[ "$(field .runs)" -le 6 ]
}

@test "after kill -9 --continue measures no run again, in the samples and in the search" {
	for at in 5 30; do
		use linear
		mkfifo ../held
		cat >../hold.sh <<-END
			if [ "\$(cat "$PWD"/../counts/* 2>/dev/null | wc -l)" = $at ] && mkdir "$PWD/../hangs" 2>/dev/null; then
				echo held >"$PWD/../held"; exec sleep 1000
			fi
			exec sh "$PWD/../measure.sh"
		END
		"$BISECTCTL" run --json --metric 'time: ([0-9.]+) ms' --good v1 --bad main -- sh "$PWD/../hold.sh" >../first 2>../messages 3>&- &
		pid=$!
		read -r -t 60 line <../held
		kill -KILL "$pid"
		wait "$pid" || true
		bisect --continue
		[ "$status" = 0 ]
		[ "$(field .commit)" = "$(hex . v77)" ]
		[ "$(cat ../counts/* | wc -l)" = "$(field .runs)" ]
		continued="$(field .runs)"
		rm -r ../counts/*
		bisect --metric 'time: ([0-9.]+) ms' --good v1 --bad main -- sh "$PWD/../measure.sh"
		[ "$(field .runs)" = "$continued" ]
		cd ..
		rm -r repo counts hangs held
	done
}

@test "a metric without one group, a direction that is none, and what does not go together are wrong usage" {
	use linear
	while IFS='|' read -r options message; do
		status=0
		# shellcheck disable=SC2086
		"$BISECTCTL" run --good v1 --bad main $options -- true 2>../messages || status=$?
		cat ../messages
		[ "$status" = 2 ]
		[ "$(wc -l <../messages)" = 1 ]
		grep -qF -e "$message" ../messages
	done <<-'END'
		--metric time|has 0 groups, needed is one
		--metric (a)(b)|has 2 groups, needed is one
		--metric (a|no valid regular expression
		--metric (a) --direction left|found "left", allowed are up, down, either
		--metric (a) --fix|--metric excludes
		--metric (a) --match b|--metric excludes
		--direction up|belong to --metric
		--metric (a) --samples 1|samples
	END
	[ ! -e .git/bisectd/run.jsonl ]
}
