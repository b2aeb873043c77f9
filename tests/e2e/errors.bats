#!/usr/bin/env bats
# bisectctl errors and rules, and what the programs do whose rules cannot be read.
load lib

setup() {
	isolate_git
	find_bisectctl
	ROOT="$(cd "$BATS_TEST_DIRNAME/../.." && pwd)"
	cd "$BATS_TEST_TMPDIR"
}

ids() { "$BISECTCTL" errors --ids "$@"; }

# says STATUS PATTERN COMMAND...: ends so, with one line on standard error that matches
says() {
	local want="$1" pattern="$2" got=0
	shift 2
	"$@" >out 2>err || got=$?
	echo "$*: $got: $(cat -v err)"
	[ "$got" = "$want" ]
	[ "$(wc -l <err)" = 1 ]
	grep -q -- "$pattern" err
}

@test "ids are sorted, each once, one a line, of a file as of standard input" {
	printf 'b.c:1:1: error: x\nok\na.c:1:1: error: x\nb.c:2:9: error: x\n' >log
	printf 'build-pkg.a.c:error:x\nbuild-pkg.b.c:error:x\n' >want
	ids --kind build-pkg log | diff want -
	ids --kind build-pkg <log | diff want -
	ids --kind build-pkg - <log | diff want -
	ids --kind build-pkg /dev/null | diff /dev/null -
}

@test "an id appears while the log is still being written" {
	mkfifo log
	"$BISECTCTL" errors --kind build-pkg --follow log >out 3>&- &
	exec 4>log
	printf 'a.c:1:1: error: x\n' >&4
	for _ in $(seq 200); do grep -q . out && break; sleep 0.05; done
	grep -qx '       1  build-pkg.a.c:error:x' out
	printf 'a.c:2:1: error: x\nb.c:1:1: error: y' >&4
	exec 4>&-
	wait $!
	[ "$(cat out)" = "$(printf '%8d  %s\n' 1 build-pkg.a.c:error:x 3 build-pkg.b.c:error:y)" ]
	says 2 '--match: found a pattern that also matches an empty line' "$BISECTCTL" errors -m 'x*' log2
	says 2 '--match: found a pattern that also matches an empty line' "$BISECTCTL" errors -m '' log2
	says 2 'beside --ids' "$BISECTCTL" errors --follow --ids log2
}

@test "what kind of log it is shows" {
	for log in "$ROOT"/tests/errors/{dmesg-guilty,dmesg-no-times,kmsg-levels,build-make-ld,build-gcc-c,test-bats-tap,test-ktap,test-kunit,test-junit}.log; do
		name="$(basename "$log")"
		kind="${name%%-*}"
		[ "$kind" != build ] || kind=build-pkg
		echo "$log"
		[ "$("$BISECTCTL" errors --json "$log" | jq -r .kind)" = "$kind" ]
	done
	[ "$(echo 'cannot open the display' | ids)" = stderr.cannot_open_the_display ]
}

@test "each line goes through the normaliser of build logs, in its order" {
	printf 'z.c:1:2: warning: a b\n\n==> ERROR: in c().\nz.c:9:9: warning: a b\n' | "$BISECTCTL" errors --kind line-pkg >out
	printf 'z.c:warning:a-b\n\n==>ERROR:in-c()\nz.c:warning:a-b\n' | diff - out
}

@test "the names that lkp has for the log of a build are kinds" {
	for kind in build-pkg makepkg pkgbuild rpmbuild; do
		[ "$(echo 'a.c:1:2: error: b c' | ids --kind "$kind")" = build-pkg.a.c:error:b-c ]
	done
}

@test "errors of one cause stand together, the one to bisect first, with lines" {
	"$BISECTCTL" errors "$ROOT/tests/errors/dmesg-null-pointer.log" >out
	cat out
	[ "$(head -1 out | awk '{ print $1, $2 }')" = '10 dmesg.RIP:demo_open[demo_net]' ]
	[ "$(grep -c '^ *[0-9]*    dmesg' out)" = 3 ]
	"$BISECTCTL" errors --json "$ROOT/tests/errors/dmesg-null-pointer.log" >json
	jq -e '[.errors[] | select(.representative)] | length == 1 and .[0].line_number == 10 and .[0].severity == "crash"' json
	jq -e '.errors | all(.finding == 1)' json
	jq -e '.rules | test("^[0-9]+\\.[0-9a-f]{12}$")' json
}

@test "metrics and aliases are in the JSON" {
	printf 'speed: 10\nspeed: 30\nError: at 0xABCD\n' | "$BISECTCTL" errors --json --kind test --suite demo >json
	jq -e '.metrics["demo.speed"] == 20 and .errors[0].aliases == ["stderr.Error:at#xABCD"]' json
}

@test "a long line takes no more memory than another" {
	(
		ulimit -v 500000
		{ printf 'error: '; head -c 300M /dev/zero | tr '\0' x; printf '\nerror: after\n'; } | ids --kind test >out
	)
	[ "$(wc -l <out)" = 2 ]
	grep -qx stderr.error:after out
}

@test "a wrong rule is told with its place, and status 1" {
	mkdir rules
	printf 'errors:\n  - {name: a, log: dmesg, match: "x("}\n' >rules/a.yaml
	says 1 '^rules/a.yaml:2:34: match: no valid regular expression' "$BISECTCTL" rules check rules
	says 1 '^rules/a.yaml:2:34: match: ' "$BISECTCTL" rules check rules/a.yaml
	printf 'errors:\n  - {name: a, log: test, match: "begin(?:a+)+$"}\n' >rules/a.yaml
	says 1 '^rules/a.yaml:2:33: match: takes too many steps' "$BISECTCTL" rules check rules
	says 2 'allowed is: check' "$BISECTCTL" rules verify
	"$BISECTCTL" rules check
	"$BISECTCTL" rules check "$ROOT/rules"
}

@test "a rule that runs away costs its own ids only, and is named" {
	mkdir rules
	printf 'errors:\n  - {name: slow, log: test, match: "begin(?:a+)+$"}\n  - {name: fine, log: test, match: "error: "}\n' >rules/a.yaml
	for _ in {1..500}; do printf 'begin%04000d!\n' 0; done | tr 0 a >log
	echo 'error: seen' >>log
	says 0 "500 lines were too hard for rule 'slow'" timeout 20 "$BISECTCTL" errors --ids --kind test --rules-dir rules log
	[ "$(cat out)" = stderr.error:seen ]
}

@test "without its rules no program goes on as if there were no errors" {
	export BISECTD_RULES_DIR=/nonexistent
	says 2 'cannot read the rules of error ids in /nonexistent' "$BISECTCTL" errors /dev/null
	says 2 'cannot read the rules' "$BISECTCTL" run --good a --bad b --error-id stderr.x -- true
	for agent in bisect-builder bisect-tester; do
		says 1 'cannot read the rules' timeout 20 "$(dirname "$BISECTCTL")/$agent" --state-dir "$PWD/state"
	done
	mkdir empty
	BISECTD_RULES_DIR=empty says 2 'found no rule' "$BISECTCTL" errors /dev/null
}

@test "a bisection goes by the rules it is given, and goes on by them" {
	mkdir rules
	printf 'errors:\n  - {name: own, log: test, match: "^our own words", id: "own words"}\n' >rules/a.yaml
	make_repo repo 30 17
	cd repo
	says 2 'cannot read the rules of error ids in /nonexistent' "$BISECTCTL" run --rules-dir /nonexistent \
		--error-id stderr.own_words --good v1 --bad main -- true
	says 2 'belongs to --error-id' "$BISECTCTL" run --rules-dir ../rules --good v1 --bad main -- true
	got=0
	"$BISECTCTL" run --rules-dir ../rules --budget 3 --error-id stderr.own_words --good v1 --bad main -- \
		sh -c 'test ! -e bug || { echo "our own words 7"; exit 1; }' >../json 2>../messages || got=$?
	cat ../messages
	[ "$got" = 8 ]
	says 2 'give neither' "$BISECTCTL" run --continue --rules-dir ../rules
	"$BISECTCTL" run --continue --budget 100 --json >../json 2>../messages || { cat ../messages; false; }
	[ "$(jq -r .commit ../json)" = "$(git rev-parse v17)" ]
	# Without the rules the run is not gone on with.
	"$BISECTCTL" run --rules-dir ../rules --budget 3 --error-id stderr.own_words --good v1 --bad main -- \
		sh -c 'test ! -e bug || { echo "our own words 7"; exit 1; }' >../json 2>../messages || got=$?
	rm -r ../rules
	says 1 'cannot read the rules of error ids in .*/rules' "$BISECTCTL" run --continue --budget 100
}

@test "an error is bisected by the name that lkp gives it" {
	make_repo repo 30 17
	cd repo
	"$BISECTCTL" run --json --error-id 'stderr.eid.error:at#xABCD' --good v1 --bad main -- \
		sh -c 'test ! -e bug || echo "error: at 0xABCD"' >../json 2>../messages || { cat ../messages; false; }
	[ "$(jq -r .commit ../json)" = "$(git rev-parse v17)" ]
}
