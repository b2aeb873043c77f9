#!/bin/bash
# check.sh [--slow] [SUITE...]: install what is missing, build, run all tests (or those named), and end with one line:
# "N passed, N failed".  --slow: fuzz every target for a minute (with CI in the environment that is so for what reads YAML and logs),
# run all unit tests without sanitizers, too, and more histories against git.  Logs are in build/check/.
set -u
. "$(dirname "$0")/scripts/setup.sh"

suites=(headers unit e2e kill browser demo fuzz distcheck)
slow='' fuzz_seconds=5
chosen=()
for argument; do
	case $argument in
	--slow) slow=1 fuzz_seconds=60 ;;
	-h | --help)
		sed -n '2,4s/^# //p' "$0"
		say "Suites: ${suites[*]}"
		exit
		;;
	*)
		[[ " ${suites[*]} " == *" $argument "* ]] || fail "found '$argument', allowed are --slow and ${suites[*]}"
		chosen+=("$argument")
		;;
	esac
done
[ ${#chosen[@]} = 0 ] || suites=("${chosen[@]}")
has_suite() { [[ " ${suites[*]} " == *" $1 "* ]]; }

logs=$root/build/check
mkdir -p "$logs/home"
rm -f "$logs"/*.status
export HOME=$logs/home GIT_CONFIG_NOSYSTEM=1
unset XDG_CONFIG_HOME XDG_CACHE_HOME XDG_RUNTIME_DIR MAKEFLAGS "${!BISECTD_@}"
cd "$root" || exit 1

passes=0 failures=0 skips=0
count() {
	passes=$((passes + $1)) failures=$((failures + $2)) skips=$((skips + ${3:-0}))
	local text="    $1 passed, $2 failed"
	[ "${3:-0}" = 0 ] || text="$text, $3 skipped"
	say "$text"
}

# show_end LOG: what a person needs to see of a failure
show_end() {
	sed 's/^/    | /' "$1" | tail -n "${2:-40}"
}

# run NAME COMMAND...: its output is in NAME.log, its end in NAME.status and NAME.seconds
run() {
	local name=$1 begun=$SECONDS status=0
	shift
	"$@" >"$logs/$name.log" 2>&1 </dev/null || status=$?
	echo $((SECONDS - begun)) >"$logs/$name.seconds"
	echo $status >"$logs/$name.status"
}

passed() { [ "$(cat "$logs/$1.status")" = 0 ]; }

# count_one NAME [TITLE]: what was run passes if its command did
count_one() {
	if passed "$1"; then
		count 1 0
	else
		[ -z "${2:-}" ] || say "    $2:"
		show_end "$logs/$1.log"
		count 0 1
	fi
}

# one NAME COMMAND...
one() {
	run "$@"
	count_one "$1"
}

# count_tap NAME STATUS: the points in the log of a program that ended so
count_tap() {
	local name=$1 status=$2 points
	read -r -a points < <(awk '
		/^ok .*# skip/ { s++; next } /^ok / { p++ } /^not ok / { f++ } /^1\.\.[0-9]+$/ { plan = substr($0, 4) }
		END { f += plan > p + f + s ? plan - p - f - s : 0; print p + 0, f + 0, s + 0 }' "$logs/$name.log")
	if [ "$status" != 0 ] && [ "${points[1]}" = 0 ]; then
		points[1]=1
	fi
	[ "${points[1]}" = 0 ] || sed -n '/^not ok/,/^ok/p' "$logs/$name.log" | sed 's/^/    | /' | head -n 200
	[ "${points[1]}" != 1 ] || [ "$status" = 0 ] || grep -q '^not ok' "$logs/$name.log" || show_end "$logs/$name.log"
	count "${points[@]}"
}

# beside NAME COMMAND...: run as soon as less than $at_once others are, besides what was begun ahead
at_once=$(nproc) ahead=0
beside() {
	while [ "$(jobs -rp | grep -cvx $ahead)" -ge "$at_once" ]; do
		wait -n
	done
	rm -f "$logs/$1.status"
	run "$@" &
}

# Every header compiles alone.
check_headers() {
	local flags header status=0
	flags=$(pkg-config --cflags libevent_core libmicrohttpd hiredis libgit2 yaml-0.1 jansson libcurl sqlite3 libzstd libarchive \
		libpcre2-8 libcrypto check)
	for header in */*.h tests/*/*.h; do
		# shellcheck disable=SC2086
		printf '#include "%s"\n' "$header" | gcc -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -Wno-unused-function -Werror \
			-I. -Ibuild $flags -include base/banned.h -fsyntax-only -x c - || { say "$header does not compile alone"; status=1; }
	done
	return $status
}

suite_headers() { one headers check_headers; }

# Where there is room in memory, thousands of small repositories need no disk.
quick_directory() {
	local kind free
	read -r kind free < <(stat -f -c '%T %a*%S' /dev/shm 2>/dev/null)
	if [ "$kind" = tmpfs ] && [ -w /dev/shm ] && [ $((free)) -gt $((1 << 30)) ]; then
		echo /dev/shm
	else
		echo /tmp
	fi
}

# Unit tests, under AddressSanitizer and UndefinedBehaviorSanitizer: Check says how many each program ran.  Some wait more than they work.
suite_unit() {
	local status=0 log p=0 f=0 counts
	(setup_build build-san --enable-werror --enable-sanitizers CFLAGS='-O1 -g1') || { count 0 1; return; }
	rm -f build-san/tests/unit/*.log build-san/tests/unit/*.trs
	TMPDIR=$(quick_directory) make -C build-san -k -j$(($(nproc) + 1)) check >"$logs/unit.log" 2>&1 </dev/null || status=$?
	for log in build-san/tests/unit/*.log; do
		counts=$(sed -n 's/^[0-9]*%: Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\)$/\1 \2 \3/p' "$log" |
			awk '{ n += $1; f += $2 + $3 } END { print n - f, f + 0 }')
		p=$((p + ${counts% *}))
		f=$((f + ${counts#* }))
		grep -q '^:test-result: PASS' "${log%.log}.trs" && continue
		[ "${counts#* }" != 0 ] || f=$((f + 1))	# it crashed, or leaked
		say "    ${log#build-san/}:"
		show_end "$log" 30
	done
	if [ $status != 0 ] && [ $f = 0 ]; then
		show_end "$logs/unit.log"
		f=1
	fi
	count $p $f
}

# They wait more than they work: one more at a time than there are processors, those that take longest first.
suite_e2e() {
	local file name files slowest=(run options infra hardship evidence shapes service) at_once=$(($(nproc) + 1))
	mapfile -t files < <(printf 'tests/e2e/%s.bats\n' "${slowest[@]}"; ls tests/e2e/*.bats)
	mapfile -t files < <(printf '%s\n' "${files[@]}" | awk '!/\/kill.bats/ && !seen[$0]++')
	for file in "${files[@]}"; do
		beside "e2e-$(basename "$file" .bats)" timeout -k 10 900 bats --tap --timing --print-output-on-failure "$file"
	done
	wait
	for file in "${files[@]}"; do
		name=e2e-$(basename "$file" .bats)
		say "    ${file##*/} ($(cat "$logs/$name.seconds") s)"
		count_tap "$name" "$(cat "$logs/$name.status")"
	done
}

browsing=''
browser_beside() {
	has_suite browser && [ -z $browsing ] || return 0
	run browser timeout -k 10 300 bats --tap --timing --print-output-on-failure tests/browser &
	browsing=$!
}

# Processes are killed at random moments.  It waits more than anything: no other tests beside it but those of the pages, and the fuzzers,
# which yield.
suite_kill() {
	fuzz_beside
	browser_beside
	run kill timeout -k 10 900 bats --tap --timing --print-output-on-failure tests/e2e/kill.bats
	count_tap kill "$(cat "$logs/kill.status")"
}

suite_browser() {
	browser_beside
	wait $browsing
	count_tap browser "$(cat "$logs/browser.status")"
}

# check_end_of_demo DIR: a bisectd that is killed ends the demo, which says so.
check_end_of_demo() {
	local demo child children i status=0
	./demo.sh --once --state-dir "$1" >"$1.out" 2>&1 &
	demo=$!
	for ((i = 0; i < 1000; i++)); do
		! grep -q '^run 1:' "$1.out" || break
		kill -0 $demo 2>/dev/null || break
		sleep 0.1
	done
	read -r -a children < <(cat /proc/$demo/task/$demo/children)
	for child in "${children[@]}"; do
		[ "$(cat "/proc/$child/comm")" != bisectd ] || kill -KILL "$child"
	done
	for ((i = 0; i < 300; i++)); do
		kill -0 $demo 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL $demo 2>/dev/null
	wait $demo || status=$?
	cat "$1.out"
	[ $status = 1 ] && grep -q 'bisectd ended' "$1.out"
}

suite_demo() {
	one demo timeout -k 30 600 ./demo.sh --once --state-dir "$logs/demo"
	one demo-end check_end_of_demo "$logs/demo-end"
}

# fuzz TARGET: for its time, from its seeds
fuzz() {
	local name=${1##*/} seconds=$fuzz_seconds seeds=()
	case $name in
	fuzz_errorid | fuzz_error_files) seeds=(tests/errors) ;;
	fuzz_rules) seeds=(rules) ;;
	*) [ ! -d "tests/fuzz/seeds/$name" ] || seeds=("tests/fuzz/seeds/$name") ;;
	esac
	# Where whatever people write comes in: a minute in CI, too.
	case $name in
	fuzz_errorid | fuzz_yaml | fuzz_job) [ -z "${CI:-}" ] || seconds=60 ;;
	esac
	mkdir -p "$logs/corpus/$name"
	timeout -k 10 $((seconds + 60)) "build-fuzz/$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
		-artifact_prefix="$logs/" "$logs/corpus/$name" "${seeds[@]}"
}

fuzz_targets() { sed -n 's/^noinst_PROGRAMS += //p' tests/fuzz/local.mk | tr ' ' '\n'; }

build_fuzz() {
	local targets
	mapfile -t targets < <(fuzz_targets)
	(CC=clang setup_build build-fuzz --enable-fuzzers -- "${targets[@]}")
}

# All of them, more at a time than there are processors, at the lowest priority: the suites that run meanwhile leave half of the machine idle.
fuzz_all() {
	local target at_once=$(($(nproc) + 1))
	renice -n 19 "$BASHPID" >/dev/null
	passed build-fuzz || return
	for target in $(fuzz_targets); do
		beside "${target##*/}" fuzz "$target"
	done
	wait
}

fuzzing=''
fuzz_beside() {
	has_suite fuzz && [ -z $fuzzing ] || return 0
	wait $ahead 2>/dev/null
	fuzz_all &
	fuzzing=$!
}

suite_fuzz() {
	local target
	fuzz_beside
	wait $fuzzing
	passed build-fuzz || { count_one build-fuzz; return; }
	for target in $(fuzz_targets); do
		count_one "${target##*/}" "${target##*/}"
	done
}

# All unit tests have run already.  Whether the package has what they read shows in those that read files, and those of the search play
# more rounds without sanitizers.
check_distribution() {
	local tests=(tests/unit/test_{rules,errorid,error_files,job,lkp_stats,web}) arguments=()
	tests+=(tests/unit/test_search_{bayes,order,sim})
	[ -n "$slow" ] || arguments=("AM_MAKEFLAGS=TESTS='${tests[*]}' check_PROGRAMS='${tests[*]}'" "DISTCHECK_CONFIGURE_FLAGS=CFLAGS=-O1")
	make -C build -j"$(nproc)" "${arguments[@]}" distcheck
}

suite_distcheck() {
	wait $ahead 2>/dev/null
	count_one distcheck
}

# What the last suites have to build and nobody waits for: beside the others, at the lowest priority.  Distcheck comes first, as the
# other takes the lock that the build of the unit tests wants.
run_ahead() {
	renice -n 19 "$BASHPID" >/dev/null
	! has_suite distcheck || run distcheck check_distribution
	! has_suite fuzz || run build-fuzz build_fuzz
}

begun=$SECONDS
setup_packages build run test
setup_redis
export PATH
setup_build build --enable-werror
export BISECTCTL=$programs/bisectctl BISECTD=$programs/bisectd SLOW=$slow
run_ahead &
ahead=$!
for suite in "${suites[@]}"; do
	suite_begun=$SECONDS
	say "$suite"
	"suite_$suite"
	say "    $((SECONDS - suite_begun)) s"
done
say "in $((SECONDS - begun)) s:"
if [ $skips = 0 ]; then
	say "$passes passed, $failures failed"
else
	say "$passes passed, $failures failed, $skips skipped"
fi
[ $failures = 0 ] && [ $passes -gt 0 ]
