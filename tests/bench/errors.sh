#!/bin/bash
# How fast error ids are found, in MB/s of one core, on logs made here: a kernel's console, a build, both mixed, with an error
# every so many lines, and standard error, where every line is one.  By hand:
#     tests/bench/errors.sh [--size MB] [--kind KIND]
#
# --size  of each log (default 200);  --kind  only this one: dmesg, build-pkg, test, mixed, stderr (default: all)
# BISECTCTL names the program; default: the one in build/.  The limit that the project set itself is 200 MB/s for the mixed log.
# Exits 0 if it holds.
set -eu

size=200 only=''
while [ $# -gt 0 ]; do
	case $1 in
	--size) size=$2; shift 2 ;;
	--kind) only=$2; shift 2 ;;
	*) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
	esac
done
bisectctl=${BISECTCTL:-build/programs/bisectctl}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Lines of the length and kind that real logs have; numbers differ, as they do there.
kernel() {
	awk 'BEGIN { srand(1)
		split("usb 1-1: new high-speed USB device number %d using xhci_hcd|EXT4-fs (vda%d): mounted filesystem with ordered data mode|" \
			"systemd[1]: Started Journal Service number %d, with a longer tail of words.|audit: type=1400 audit(%d.9:2): apparmor=\"STATUS\" operation=\"profile_load\"|" \
			"pci 0000:00:1f.%d: BAR 4: assigned [io  0xc040-0xc05f] for the bridge|ACPI: PCI Interrupt Link [LNK%d] (IRQs 5 *10 11)|" \
			"  vfs_read+0x%d/0x300|cgroup: cgroup2: unknown option number %d|random: crng init done after %d tries|" \
			"nvme nvme0: %d/0/0 default/read/poll queues, errors are not expected here", lines, "|")
		for (i = 0; i < 200000; i++) {
			printf("[%5d.%06d] ", i / 50, i % 1000000)
			if (i % 4000 == 3999)
				printf("BUG: KASAN: slab-use-after-free in demo_%c+0x%x/0x200\n", 97 + rand() * 26, i)
			else
				printf(lines[1 + int(rand() * 10)] "\n", i)
		} }'
}
build() {
	awk 'BEGIN { srand(2)
		split("  CC      drivers/net/ethernet/demo/part%d/error_handling.o|  CC [M]  fs/demo/file%d.o|  LD      vmlinux.%d.o|" \
			"gcc -Wp,-MMD,drivers/.x%d.o.d -nostdinc -I./arch/x86/include -I./include -D__KERNEL__ -Wall -Wundef -Werror=return-type -O2 -c -o x.o x.c|" \
			"make[%d]: Entering directory \x27/srv/linux/drivers\x27|  AR      lib/lib%d.a|  HOSTCC  scripts/tool%d|checking for function %d... yes", lines, "|")
		for (i = 0; i < 200000; i++) {
			if (i % 400 == 399)
				printf("drivers/demo/file%d.c:%d:5: warning: unused variable \x27x%c\x27 [-Wunused-variable]\n", i % 7, i, 97 + rand() * 26)
			else if (i % 4000 == 5)
				printf("drivers/demo/main.c:%d:12: error: implicit declaration of function \x27demo_%c\x27\n", i, 97 + rand() * 26)
			else
				printf(lines[1 + int(rand() * 8)] "\n", i)
		} }'
}

stderr() {
	awk 'BEGIN { srand(3)
		split("make: nothing to be done for target%d|demo: warning: cannot stat file%d: No such file or directory|" \
			"[INFO] 2024-01-02 10:00:07 loaded module number %d with options|error: at 0x%x in function do_the_work|" \
			"plain words about something that was done %d times over|W0131 10:22:33.123456 812 foo.cc:%d] retrying the request|" \
			"curl: (%d) The requested URL returned error|Jan 31 10:22:33 host demo[%d]: started", lines, "|")
		for (i = 0; i < 200000; i++)
			printf(lines[1 + int(rand() * 8)] "\n", i) }'
}

# A file of the size asked for, of copies of a smaller one.
fill() {
	: > "$1"
	while [ "$(stat -c %s "$1")" -lt $((size << 20)) ]; do cat "$dir/part" "$dir/part" "$dir/part" "$dir/part" >> "$1"; done
}

worst=0
measure() {
	local kind=$1 as=$2 log=$dir/log seconds rate
	[ -z "$only" ] || [ "$only" = "$kind" ] || return 0
	fill "$log"
	cat "$log" > /dev/null
	# Seconds of the processor, user and system: other work on the machine does not count.
	seconds=$( { TIMEFORMAT='%U %S'; time "$bisectctl" errors --kind "$as" --json "$log" > "$dir/out" 2> "$dir/err"; } 2>&1)
	rate=$(echo "$(stat -c %s "$log") $seconds" | awk '{ printf "%d", $1 / 1e6 / ($2 + $3) }')
	printf '%-10s %5d MB/s   %4d ids\n' "$kind" "$rate" "$(grep -c '"id":' "$dir/out")"
	[ "$kind" != mixed ] || [ "$rate" -ge 200 ] || worst=1
}

kernel > "$dir/part"; measure dmesg dmesg
build > "$dir/part"; measure build-pkg build-pkg; measure test test
{ kernel; build; } > "$dir/part"; measure mixed test
stderr > "$dir/part"; measure stderr stderr
exit $worst
