#!/bin/bash
# bisectctl run beside git bisect run, on a repository made here.  By hand: tests/bench/run-vs-git.sh [FILES [COMMITS]]
#
#   1. --trust, one slot, a test that takes nothing: at most 1.10 x the wall time of git bisect run + 0.5 s
#   2. -j4 and a build + test that sleeps 2 s, against git bisect run: at least 1.9 times faster
#
# Exits 0 only if both hold.  BISECTCTL names the program; default: the one in build/.
set -eu

files=${1:-2000}
commits=${2:-1000}
here=$(cd "$(dirname "$0")/../.." && pwd)
bisectctl=${BISECTCTL:-$here/build/programs/bisectctl}
work=$(mktemp -d "${TMPDIR:-/tmp}/run-vs-git.XXXXXX")
trap 'rm -rf "$work"' EXIT
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null

# COMMITS commits over FILES files; each changes 20 of them, the one at 61 % of the way brings the file `bug`.
make_stream() {
	awk -v files="$files" -v commits="$commits" -v culprit="$((commits * 61 / 100))" '
	function data(text) { printf "data %d\n%s\n", length(text), text }
	BEGIN {
		for (v = 1; v <= commits; v++) {
			printf "commit refs/heads/main\ncommitter A <a@example.org> %d +0000\n", 1.6e9 + v
			data("change " v)
			for (i = 0; i < (v == 1 ? files : 20); i++) {
				f = v == 1 ? i : (v * 7919 + i * 104729) % files
				printf "M 100644 inline d%d/f%d.c\n", f % 40, f
				data(sprintf("/* %d */\nint f%d(void) { return %d; }\n", v, f, v))
			}
			if (v == culprit) { print "M 100644 inline bug"; data("bug") }
			printf "reset refs/tags/v%d\nfrom refs/heads/main\n\n", v
		}
		print "done"
	}'
}

now() { date +%s.%N; }

# time_git COMMAND...: seconds of git bisect run (with its start), the commit in $named
time_git() {
	local begun ended
	rm -rf "$work/git"
	git clone -q "$work/repo" "$work/git"
	sync
	begun=$(now)
	(cd "$work/git" && git bisect start main v1 >/dev/null && git bisect run "$@" >"$work/git.out" 2>&1)
	ended=$(now)
	named=$(sed -n 's/ is the first bad commit$//p' "$work/git.out")
	seconds=$(awk -v a="$begun" -v b="$ended" 'BEGIN { print b - a }')
}

# time_ours OPTIONS... -- COMMAND...
time_ours() {
	local begun ended
	rm -rf "$work/ours"
	git clone -q "$work/repo" "$work/ours"
	sync
	begun=$(now)
	(cd "$work/ours" && "$bisectctl" run --json --good v1 --bad main "$@" >"$work/ours.json" 2>"$work/ours.out")
	ended=$(now)
	named=$(sed -n 's/^{"verdict":"[a-z-]*","commit":"\([0-9a-f]*\)".*/\1/p' "$work/ours.json")
	runs=$(sed -n 's/.*,"runs":\([0-9]*\),.*/\1/p' "$work/ours.json")
	seconds=$(awk -v a="$begun" -v b="$ended" 'BEGIN { print b - a }')
}

git init -q -b main "$work/repo"
make_stream | git -C "$work/repo" fast-import --quiet --done
git -C "$work/repo" checkout -q -f main
culprit=$(git -C "$work/repo" rev-parse "v$((commits * 61 / 100))")
failed=0

# The best of three each, in turns: what is compared are the programs, not the noise of the machine.
best_git= best_ours=
for i in 1 2 3; do
	time_git sh -c 'test ! -e bug'
	[ "$named" = "$culprit" ] || { echo "git names '$named', not $culprit" >&2; exit 1; }
	best_git=$(awk -v a="$seconds" -v b="${best_git:-$seconds}" 'BEGIN { print a < b ? a : b }')
	time_ours --trust -- sh -c 'test ! -e bug'
	[ "$named" = "$culprit" ] || { echo "bisectctl names '$named', not $culprit" >&2; exit 1; }
	best_ours=$(awk -v a="$seconds" -v b="${best_ours:-$seconds}" 'BEGIN { print a < b ? a : b }')
done
awk -v git="$best_git" -v ours="$best_ours" -v runs="$runs" 'BEGIN {
	limit = git * 1.10 + 0.5
	printf "trust, 1 slot:  git %6.2f s   bisectctl %6.2f s (%d runs)   ratio %.2f   limit %.2f s   %s\n",
		git, ours, runs, ours / git, limit, (ours <= limit ? "ok" : "TOO SLOW")
	exit !(ours <= limit) }' || failed=1

time_git sh -c 'sleep 2; test ! -e bug'
git_seconds=$seconds
for options in "--trust" ""; do
	time_ours -j4 $options --build 'sleep 1' -- sh -c 'sleep 1; test ! -e bug'
	[ "$named" = "$culprit" ] || { echo "bisectctl -j4 names '$named', not $culprit" >&2; exit 1; }
	awk -v git="$git_seconds" -v ours="$seconds" -v runs="$runs" -v options="$options" 'BEGIN {
		printf "4 slots, 2 s%s: git %6.2f s   bisectctl %6.2f s (%d runs)   %.2f times faster   %s\n",
			(options == "" ? ", checked" : ", " options), git, ours, runs, git / ours,
			(git >= 1.9 * ours ? "ok" : "TOO SLOW")
		exit !(git >= 1.9 * ours) }' || failed=1
done
exit $failed
