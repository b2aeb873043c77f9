#!/bin/bash
# bisectctl run beside git bisect run, on a repository made here.  By hand:
#     tests/bench/run-vs-git.sh [--files N] [--commits N] [--rounds N] [--directory DIR] [--only trust|slots]
#
#   1. trust: --trust, one slot, a test that takes nothing: at most 1.10 x the wall time of git bisect run + 0.5 s
#   2. slots: -j4 and a build + test that sleeps 2 s, against git bisect run: at least 1.9 times faster.  How many rounds k
#      probes at once take depends on where the culprit lies, so five places are added up.
#
# Exits 0 only if both hold.  BISECTCTL names the program; default: the one in build/.
#
# Every run has a clone of its own, and all of them are there before the first is measured: ext4 does not use an inode again
# for some minutes, and where many were freed it searches long for each new one.  For the same reason a second bench on the
# same disk within five minutes, or after another great removal, measures the file system and not the programs.
set -eu

files=2000 commits=1000 rounds=3 only='' directory=${TMPDIR:-/tmp}
while [ $# -gt 0 ]; do
	case $1 in
	--files | --commits | --rounds | --directory | --only)
		[ $# -gt 1 ] || { echo "$1 needs a value" >&2; exit 2; }
		declare "${1#--}=$2"
		shift 2
		;;
	*)
		sed -n '2,4s/^# //p' "$0" >&2
		exit 2
		;;
	esac
done
here=$(cd "$(dirname "$0")/../.." && pwd)
bisectctl=${BISECTCTL:-$here/build/programs/bisectctl}
work=$(mktemp -d "$directory/run-vs-git.XXXXXX")
trap 'rm -rf "$work"' EXIT
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null

# COMMITS commits over FILES files; each changes 20 of them, the one at 61 % of the way brings the file `bug`;
# the file `number` counts them.
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
			print "M 100644 inline number"; data(v "")
			printf "reset refs/tags/v%d\nfrom refs/heads/main\n\n", v
		}
		print "done"
	}'
}

now() { date +%s.%N; }

# time_git CLONE COMMAND...: seconds of git bisect run (with its start), the commit in $named
time_git() {
	local clone=$work/$1 begun ended
	shift
	begun=$(now)
	(cd "$clone" && git bisect start main v1 >/dev/null && git bisect run "$@" >"$work/git.out" 2>&1)
	ended=$(now)
	named=$(sed -n 's/ is the first bad commit$//p' "$work/git.out")
	seconds=$(awk -v a="$begun" -v b="$ended" 'BEGIN { print b - a }')
	git -C "$clone" bisect reset >/dev/null 2>&1
	[ "$named" = "$culprit" ] || { echo "git names '$named', not $culprit" >&2; exit 1; }
}

# time_ours CLONE OPTIONS... -- COMMAND...
time_ours() {
	local clone=$work/$1 begun ended
	shift
	begun=$(now)
	(cd "$clone" && "$bisectctl" run --json --good v1 --bad main "$@" >"$work/ours.json" 2>"$work/ours.out")
	ended=$(now)
	named=$(sed -n 's/^{"verdict":"[a-z-]*","commit":"\([0-9a-f]*\)".*/\1/p' "$work/ours.json")
	runs=$(sed -n 's/.*,"runs":\([0-9]*\),.*/\1/p' "$work/ours.json")
	seconds=$(awk -v a="$begun" -v b="$ended" 'BEGIN { print b - a }')
	[ "$named" = "$culprit" ] || { echo "bisectctl names '$named', not $culprit" >&2; exit 1; }
}

add() { awk -v a="$1" -v b="$2" 'BEGIN { print a + b }'; }

# times_faster NAME SECONDS RUNS
times_faster() {
	awk -v git="$git_seconds" -v ours="$2" -v runs="$3" -v name="$1" 'BEGIN {
		printf "4 slots, 2 s, %-8s git %6.2f s   bisectctl %6.2f s (%d runs)   %.2f times faster   %s\n",
			name ":", git, ours, runs, git / ours, (git >= 1.9 * ours ? "ok" : "TOO SLOW")
		exit !(git >= 1.9 * ours) }'
}

less() { awk -v a="$1" -v b="${2:-$1}" 'BEGIN { print a < b ? a : b }'; }

git init -q -b main "$work/repo"
make_stream | git -C "$work/repo" fast-import --quiet --done
git -C "$work/repo" checkout -q -f main
culprit=$(git -C "$work/repo" rev-parse "v$((commits * 61 / 100))")
for ((i = 0; i < rounds; i++)); do
	git clone -q "$work/repo" "$work/git-$i"
	git clone -q "$work/repo" "$work/ours-$i"
done
if [ "$only" != trust ]; then
	git clone -q "$work/repo" "$work/git-slots"
	git clone -q "$work/repo" "$work/ours-slots"
fi
sync
# Files of this very second git would read once more.
made=$(date +%s)
while [ "$(date +%s)" = "$made" ]; do sleep 0.05; done
failed=0

# The best of all rounds, in turns: what is compared are the programs, not the noise of the machine.
if [ "$only" != slots ]; then
	best_git='' best_ours=''
	for ((i = 0; i < rounds; i++)); do
		time_git "git-$i" sh -c 'test ! -e bug'
		best_git=$(less "$seconds" "$best_git")
		this_git=$seconds
		time_ours "ours-$i" --trust -- sh -c 'test ! -e bug'
		best_ours=$(less "$seconds" "$best_ours")
		printf '    round %d:      git %6.2f s   bisectctl %6.2f s\n' $((i + 1)) "$this_git" "$seconds"
	done
	awk -v git="$best_git" -v ours="$best_ours" -v runs="$runs" -v files="$files" 'BEGIN {
		limit = git * 1.10 + 0.5
		printf "trust, 1 slot:  git %6.2f s   bisectctl %6.2f s (%d runs, %d files)   ratio %.2f   limit %.2f s   %s\n",
			git, ours, runs, files, ours / git, limit, (ours <= limit ? "ok" : "TOO SLOW")
		exit !(ours <= limit) }' || failed=1
fi

if [ "$only" != trust ]; then
	git_seconds=0 trust_seconds=0 checked_seconds=0 trust_runs=0 checked_runs=0
	for percent in 8 27 45 61 89; do
		number=$((commits * percent / 100))
		culprit=$(git -C "$work/repo" rev-parse "v$number")
		time_git git-slots sh -c "sleep 2; test \$(cat number) -lt $number"
		this_git=$seconds
		time_ours ours-slots -j4 --trust --build 'sleep 1' -- sh -c "sleep 1; test \$(cat number) -lt $number"
		this_trust=$seconds
		trust_runs=$((trust_runs + runs))
		time_ours ours-slots -j4 --build 'sleep 1' -- sh -c "sleep 1; test \$(cat number) -lt $number"
		checked_runs=$((checked_runs + runs))
		printf '    culprit at %2d %%: git %6.2f s   bisectctl --trust %6.2f s, checked %6.2f s\n' \
			"$percent" "$this_git" "$this_trust" "$seconds"
		git_seconds=$(add "$git_seconds" "$this_git")
		trust_seconds=$(add "$trust_seconds" "$this_trust")
		checked_seconds=$(add "$checked_seconds" "$seconds")
	done
	times_faster --trust "$trust_seconds" "$trust_runs" || failed=1
	times_faster checked "$checked_seconds" "$checked_runs" || failed=1
fi
exit $failed
