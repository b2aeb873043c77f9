#!/usr/bin/env bats
# The scripts of the suites, each with stand-ins for the programs that it drives: what they are called with, what comes out, and
# what is said where something is missing.  (make-check, cmd and lkp run for real in jobs.bats.)

setup() {
	SUITES="$BATS_TEST_DIRNAME/../../suites"
	cd "$BATS_TEST_TMPDIR"
	mkdir bin
	: >called
}

# stand_in NAME [STATUS [OUTPUT]]: notes its arguments, one a line.
stand_in() {
	mkdir -p "$(dirname "$1")"
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nprintf "<%%s>\\n" "$(basename "$0")" "$@" >>"%s/called"\nprintf "%%b" '"'%s'"'\nexit %s\n' \
		"$BATS_TEST_TMPDIR" "${3:-}" "${2:-0}" >"$1"
	chmod +x "$1"
}

# keep COMMAND...: as bats' run, which warns of 127, a status that suites end with on purpose.
keep() {
	status=0
	output="$("$@" 2>&1)" || status=$?
	mapfile -t lines <<<"$output"
}

# suite NAME [VARIABLE=VALUE...]: its script, with nothing else in the environment.
suite() {
	local name="$1"
	shift
	keep env -i PATH="$PWD/bin:/usr/bin:/bin" "$@" sh "$SUITES/$name/run"
}

# build NAME [VARIABLE=VALUE...]: the build script of its suite.yaml, as the builder runs it.
build() {
	local name="$1"
	shift
	sed -n '/^  run: |$/,/^  keep:\|^[a-z]/{s/^    //p}' "$SUITES/$name/suite.yaml" | grep -v '^  keep:' >build.sh
	keep env -i PATH="$PWD/bin:/usr/bin:/bin" "$@" sh -e build.sh
}

called() { grep -qxF "<$1>" called; }

@test "every script is a script" {
	for run in "$SUITES"/*/run; do
		sh -n "$run"
	done
}

# lines NAME COMMAND: a runtest file of the LTP that stands in here
runtest() {
	mkdir -p ltp/runtest ltp/testcases/bin
	printf '%s\n' '# all of them' '' "$@" >ltp/runtest/mini
}

@test "ltp runs the tests of a file by name, and tells how each ended" {
	# shellcheck disable=SC2016
	runtest 'open01 open01 -a "b c"' 'open02 open02; exit 1' 'mmap01 echo "mmap01.c:7: TPASS: $LTP_COLORIZE_OUTPUT"' 'conf01 exit 32' \
		'warn01 exit 4' 'killed01 kill -9 $$' 'none01 none01' 'asks01 read -r x && exit 3; exit 0' 'slow01 exec sleep 60'
	stand_in ltp/testcases/bin/open01
	stand_in ltp/testcases/bin/open02
	suite ltp directory=ltp test=mini patience=1s only=
	[ "$status" = 1 ]
	called 'b c'
	called open02
	printf '%s\n' 1..9 'ok 1 - open01' 'not ok 2 - open02 # exit status 1' 'mmap01.c:7: TPASS: 0' 'ok 3 - mmap01' \
		'ok 4 - conf01 # SKIP' 'ok 5 - warn01' 'not ok 6 - killed01 # exit status 137' 'not ok 7 - none01 # exit status 127' \
		'ok 8 - asks01' 'not ok 9 - slow01 # not finished after 1s' >want
	printf '%s\n' "${lines[@]}" | grep -v 'Killed\|not found' | diff - want
	"$BISECTCTL" errors --kind ltp --ids --suite x want | diff - <(printf 'x.%s.fail\n' killed01 none01 open02 slow01)

	suite ltp directory="$PWD/ltp" test=mini patience=1s 'only=^(open01|mmap)'
	[ "$status" = 0 ]
	[ "$(tail -n1 <<<"$output")" = 'ok 2 - mmap01' ]
}

@test "ltp that can run nothing says nothing of a commit" {
	suite ltp directory=/nowhere test=syscalls patience=1m
	[ "$status" = 127 ]
	[ "$output" = 'ltp: this testbox has no LTP in /nowhere (no testcases/bin there)' ]
	runtest 'conf01 exit 32'
	suite ltp directory=ltp test=syscalls patience=1m
	[ "$status" = 126 ]
	[ "$output" = "ltp: LTP in $PWD/ltp has no runtest/syscalls" ]
	suite ltp directory=ltp test=mini patience=1m
	[ "$status" = 126 ]
	suite ltp directory=ltp test=mini patience=1m 'only=x $(touch y)'
	[ "$status" = 126 ]
	[[ "$output" == *'that matches "x $(touch y)" ran' ]]
	[ ! -e y ]
}

@test "kselftest runs all that was built, or one test" {
	suite kselftest
	[ "$status" = 126 ]
	stand_in kselftest/run_kselftest.sh 0 'TAP version 13\n'
	suite kselftest
	[ "$status" = 0 ]
	[ "$(cat called)" = '<run_kselftest.sh>' ]
	suite kselftest test=timers:posix_timers
	called timers:posix_timers
}

@test "kselftest builds the collections that it is told" {
	stand_in bin/make
	build kselftest 'targets=size timers'
	[ "$status" = 0 ]
	called 'TARGETS=size timers'
	called install
}

@test "kunit asks for the raw output" {
	command -v python3 >/dev/null || skip "no python3, which kunit.py needs"
	stand_in tools/testing/kunit/kunit.py 1 'KTAP version 1\n'
	suite kunit architecture=um 'filter=*.a b'
	[ "$status" = 1 ]
	[ "$output" = 'KTAP version 1' ]
	called --raw_output=all
	called '*.a b'
	build kunit architecture=um kunitconfig=fs/ext4
	called --kunitconfig=fs/ext4
}

@test "build-kernel keeps configuration, image and release" {
	mkdir -p arch/x86/boot scripts/kconfig
	touch arch/x86/boot/bzImage .config
	stand_in bin/make 0 '6.1.0\n'
	stand_in scripts/kconfig/merge_config.sh
	build build-kernel config=tinyconfig 'config_options=CONFIG_A=y
CONFIG_B="x y"' targets=all 'make=ARCH=x86 V=1'
	[ "$status" = 0 ]
	called tinyconfig
	called ARCH=x86
	called V=1
	[ "$(tail -n1 built/options)" = 'CONFIG_B="x y"' ]
	[ -e built/kernel ]
	echo x >built/config
	suite build-kernel
	[ "$status" = 0 ]
	[[ "$output" == *6.1.0* ]]
}

@test "boot is finished when the console says so, and only then" {
	[ "$(uname -m)" = x86_64 ] || skip "the stand-in is for x86_64"
	mkdir built
	echo 6.1.0 >built/release
	suite boot memory=1g patience=1m
	[ "$status" = 127 ] || [ "$status" = 126 ]
	[ "${#lines[@]}" = 1 ]
	echo kernel >built/kernel
	stand_in bin/qemu-system-x86_64 0 'Linux version\nboot finished\n'
	suite boot memory=1g patience=1m 'append=quiet $(touch y)'
	[ "$status" = 0 ]
	called 1g
	called 'console=ttyS0 panic=-1 oops=panic quiet $(touch y)'
	[ ! -e y ]
	stand_in bin/qemu-system-x86_64 0 'Kernel panic - not syncing: x\n'
	suite boot memory=1g patience=1m
	[ "$status" = 1 ]
	[[ "$output" == *'Kernel panic'* ]]
	stand_in bin/qemu-system-x86_64 0 '[    4.1] Run /init\nboot fini[    4.2] tsc: Marking TSC unstable\r\nshed\r\n'
	suite boot memory=1g patience=1m
	[ "$status" = 0 ]
	printf '#!/bin/sh\nexec sleep 60\n' >bin/qemu-system-x86_64
	suite boot memory=1g patience=1s
	[ "$status" = 1 ]
	[[ "$output" == *'boot: not finished after 1s'* ]]
}

@test "boot goes without a kvm whose guests hang" {
	[ "$(uname -m)" = x86_64 ] || skip "the stand-in is for x86_64"
	bwrap --bind / / --dev /dev true || skip "no sandbox in this sandbox"
	mkdir built
	echo 6.1.0 >built/release
	echo kernel >built/kernel
	: >device
	local command=(bwrap --bind / / --dev /dev --bind "$PWD/device" /dev/kvm env -i PATH="$PWD/bin:/usr/bin:/bin" memory=1g
		patience=1m sh "$SUITES/boot/run")
	cat >bin/qemu-system-x86_64 <<-'EOF'
	#!/bin/sh
	case "$*" in
	*accel=kvm*isa-debug-exit*) exec sleep 60 ;;
	*accel=kvm*) exit 1 ;;
	*) echo boot finished ;;
	esac
	EOF
	chmod +x bin/qemu-system-x86_64
	keep "${command[@]}"
	[ "$status" = 0 ]
	sed -i 's/exec sleep 60/exit 33/; s/exit 1 /echo boot finished with kvm /' bin/qemu-system-x86_64
	keep "${command[@]}"
	[ "$status" = 0 ]
	[[ "$output" == *'finished with kvm'* ]]
}

@test "lkp without a checkout, or without a result, says nothing of a commit" {
	suite lkp lkp_src=/nowhere lkp_job=x
	[ "$status" = 127 ]
	[ "$output" = 'lkp: this testbox has no lkp-tests in /nowhere (no bin/run-local there)' ]
	stand_in lkp/bin/run-local 3
	suite lkp lkp_src=lkp 'lkp_job=a: b'
	[ "$status" = 126 ]
	[[ "$output" == *'it ended with 3 and left no stats.json'* ]]
	[ "$(cat job.yaml)" = "a: b"$'\n'"arch: $(uname -m)" ]
	suite lkp lkp_src=lkp 'lkp_job=arch: other'
	[ "$(cat job.yaml)" = 'arch: other' ]
	mkdir lkp/hosts
	suite lkp lkp_src=lkp 'lkp_job=a: b'
	[ "$status" = 127 ]
	[[ "$output" == *"this testbox is unknown to lkp-tests: $PWD/lkp/hosts/$(uname -n) has to say"* ]]
}

@test "boot boots a real kernel, and its panic is a failure" {
	local kernel
	kernel="$(find /boot -name 'vmlinuz-*' -readable 2>/dev/null | head -n1)"
	if [ "$(uname -m)" != x86_64 ] || [ -z "$kernel" ] || ! command -v qemu-system-x86_64 cpio gcc >/dev/null; then
		skip "no kernel in /boot, or no qemu-system-x86_64, cpio or gcc"
	fi
	mkdir -p built root/dev
	cp "$kernel" built/kernel
	echo test >built/release
	cat >init.c <<-'EOF'
	#include <stdio.h>
	#include <sys/reboot.h>
	#include <termios.h>
	int main(void)
	{
		puts("boot finished");
		fflush(stdout);
		tcdrain(1);	/* or the end of the machine may come before the end of the line */
		return reboot(RB_POWER_OFF);
	}
	EOF
	gcc -static -o root/init init.c || skip "no static C library"
	(cd root && find . | cpio -o -H newc 2>/dev/null | gzip >../initrd)
	suite boot memory=512m patience=4m initrd="$PWD/initrd"
	[ "$status" = 0 ]
	[[ "$output" == *'Run /init as init process'* ]]
	suite boot memory=512m patience=4m
	[ "$status" = 1 ]
	[[ "$output" == *'Kernel panic - not syncing: VFS: Unable to mount root'* ]]
}
